"""Kinds of rules that join conditions, or test members and nulls."""

from __future__ import annotations

from synthdsl.model.expressions import Expr, Operation
from synthdsl.rules.kinds._shapes import has_null_test, is_membership, is_null_test
from synthdsl.rules.kinds.base import RULE_KINDS, RuleKind, is_operation


@RULE_KINDS.register
class Membership(RuleKind):
    """One of several constants."""

    name = "membership"
    summary = "One field is, or is not, one of the values listed."
    example = "k in {x}"
    rank = 20

    def recognises(self, condition: Expr) -> bool:
        """Whether it tests a field for listed values."""
        if isinstance(condition, Operation) and condition.operator == "not":
            return self.recognises(condition.operands[0])
        return is_membership(condition)


@RULE_KINDS.register
class NullPattern(RuleKind):
    """Where nulls stand."""

    name = "null pattern"
    summary = "Which fields are null, or when a field is."
    example = "n is null <-> f"
    rank = 21

    def recognises(self, condition: Expr) -> bool:
        """Whether it says of a field when it is null, or that it is or is not."""
        if is_null_test(condition):
            return True
        if is_operation(condition, "<->", "->", "and", "not"):
            assert isinstance(condition, Operation)
            return any(is_null_test(item) or self._denies(item) for item in condition.operands)
        return False

    def _denies(self, condition: Expr) -> bool:
        return is_operation(condition, "not", "and") and has_null_test(condition)


@RULE_KINDS.register
class Implication(RuleKind):
    """If, then."""

    name = "implication"
    summary = "Where one condition is true, another must hold."
    example = "k == x -> a > 3"
    rank = 22

    def recognises(self, condition: Expr) -> bool:
        """Whether it is `a -> b`."""
        return is_operation(condition, "->")


@RULE_KINDS.register
class Equivalence(RuleKind):
    """If and only if."""

    name = "if and only if"
    summary = "Two conditions are true together or not at all."
    example = "f <-> k == x"
    rank = 23

    def recognises(self, condition: Expr) -> bool:
        """Whether it is `a <-> b`."""
        return is_operation(condition, "<->")


@RULE_KINDS.register
class General(RuleKind):
    """Anything else."""

    name = "boolean expression"
    summary = "Any other condition over the fields of a row."
    example = "f or a > 3 and b < 2"
    rank = 99

    def recognises(self, condition: Expr) -> bool:
        """Every condition."""
        return True
