"""What a kind of rule is, and which one a rule has.

A kind is recognised from the typed condition alone. Kinds name rules for people (`explain`, the
reference); how a rule is kept follows from its component, never from its name.
"""

from __future__ import annotations

from typing import ClassVar

from synthdsl.model.expressions import Expr, Operation
from synthdsl.model.spec import Rule
from synthdsl.registry import Family


class RuleKind:
    """One shape of conditions.

    `rank`: kinds are asked in this order, so that the special comes before the general.
    `example`: a rule in a table of `int` fields a, b, c, a `bool` f, a nullable `int` n and an
    enum k of x, y.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    example: ClassVar[str]
    rank: ClassVar[int]

    def recognises(self, condition: Expr) -> bool:
        """Whether a condition is of this kind."""
        raise NotImplementedError


RULE_KINDS: Family[RuleKind] = Family("rule-kind", "synthdsl.rules.kinds")


def kind_of(rule: Rule) -> RuleKind:
    """The kind of a rule; there is always one."""
    return kind_of_condition(rule.condition)


def kind_of_condition(condition: Expr) -> RuleKind:
    """The kind of a condition: the first that recognises it."""
    kinds = sorted(RULE_KINDS, key=lambda kind: kind.rank)
    return next(kind for kind in kinds if kind.recognises(condition))


def is_operation(expression: Expr, *operators: str) -> bool:
    """Whether `expression` is one of `operators` applied to something."""
    return isinstance(expression, Operation) and expression.operator in operators
