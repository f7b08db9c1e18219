"""What a rule or case asks of the rows right below an entity: how many of them meet conditions.

A demand may be weaker than the rule, never stronger: the rule itself is checked besides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil, floor, inf

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.children.edges import NEGATED
from synthdsl.engine.conditioning.clauses import Clause, split
from synthdsl.engine.conditioning.narrowing import FLIPPED
from synthdsl.engine.evaluate import evaluate
from synthdsl.engine.frame import Frame
from synthdsl.engine.results import is_false, is_true
from synthdsl.model.expressions import Constant, Expr, FieldRef, Operation, Related
from synthdsl.model.spec import Rule, Table
from synthdsl.values.types import BOOL, Kind

LOGIC = ("and", "or", "not", "->", "<->")


@dataclass(frozen=True)
class Premise:
    """Part of what decides whether a demand is made: `condition` is, or is not, true or false."""

    condition: Expr
    value: bool
    is_so: bool

    def holds(self, frame: Frame) -> NDArray[np.bool_]:
        """The rows of which it is so."""
        found = evaluate(self.condition, frame)
        test = is_true if self.value else is_false
        return np.equal(test(found, frame.rows), self.is_so)


@dataclass(frozen=True, eq=False)
class Demand:
    """From `low` to `high` rows of the table `child` meet all `clauses`; with `is_all` all do.

    It is made where all `premises` are so. `may_widen`: clauses may be left out of it.
    """

    child: str
    clauses: tuple[Clause, ...]
    low: int = 0
    high: float = inf
    is_all: bool = False
    premises: tuple[Premise, ...] = ()

    @property
    def may_widen(self) -> bool:
        """Whether what is asked with fewer clauses follows from this."""
        return self.is_all or self.high == inf


def demands_of(rule: Rule, table: Table) -> Iterator[Demand]:
    """What `rule`, about each row of `table`, asks of rows right below, as far as is known."""
    if rule.share is None:
        reader = _Reader(table)
        for clause in split(reader.inlined(rule.condition), rule.demand):
            yield from reader.demands(clause)


class _Reader:
    def __init__(self, table: Table) -> None:
        self._fields = table.fields

    def inlined(self, expression: Expr) -> Expr:
        """`expression` with derived fields that say whether, or how many, written out."""
        expression = self._resolved(expression)
        if isinstance(expression, Operation) and expression.operator in LOGIC:
            operands = tuple(self.inlined(operand) for operand in expression.operands)
            return replace(expression, operands=operands)
        return expression

    def _resolved(self, expression: Expr) -> Expr:
        while isinstance(expression, FieldRef):
            field = self._fields.get(expression.field)
            if field is None or field.value is None or field.type.kind != field.value.type.kind:
                return expression
            is_plain = field.type.kind is Kind.INT and field.step == 1
            if field.type.kind is not Kind.BOOL and not is_plain:
                return expression
            expression = field.value
        return expression

    def demands(self, clause: Clause) -> Iterator[Demand]:
        """The demands of one clause about the entity."""
        condition = clause.condition
        is_wanted = clause.demand != "false"
        if isinstance(condition, Related):
            found = _of_rows(condition, is_wanted=is_wanted)
            if found is not None:
                yield found
        elif isinstance(condition, Operation):
            if condition.operator in FLIPPED:
                found = self._of_count(condition, is_wanted=is_wanted)
                if found is not None:
                    yield found
            elif condition.operator in ("or", "->") and is_wanted:
                yield from self._of_alternatives(condition, clause.demand)

    def _of_alternatives(self, condition: Operation, demand: str) -> Iterator[Demand]:
        """One side is asked for where the others do not settle it."""
        is_implied = condition.operator == "->"
        for number, operand in enumerate(condition.operands):
            others = [
                (other, is_implied and place == 0)
                for place, other in enumerate(condition.operands)
                if place != number
            ]
            premises = tuple(
                # `hold`: nothing is asked where an alternative is null
                Premise(other, is_negated, True)
                if demand == "hold"
                else Premise(other, not is_negated, False)
                for other, is_negated in others
            )
            own = "false" if is_implied and number == 0 else demand
            for clause in split(operand, own):
                for found in self.demands(clause):
                    yield replace(found, premises=(*premises, *found.premises))

    def _of_count(self, condition: Operation, *, is_wanted: bool) -> Demand | None:
        left, right = (self._resolved(operand) for operand in condition.operands)
        operator = condition.operator
        if isinstance(left, Constant):
            left, right, operator = right, left, FLIPPED[operator]
        if not is_wanted:
            operator = NEGATED.get(operator, "")
        if not isinstance(left, Related) or not isinstance(right, Constant):
            return None
        if left.function != "count" or not isinstance(right.value, int):
            return None
        low, high = 0, inf
        if operator in (">=", ">", "=="):
            low = max(0, ceil(right.value) if operator != ">" else floor(right.value) + 1)
        if operator in ("<=", "<", "=="):
            high = floor(right.value) if operator != "<" else ceil(right.value) - 1
        if high < low or not operator or (low == 0 and high == inf):
            # always so, or never
            return None
        clauses: tuple[Clause, ...] = ()
        if left.condition is not None:
            clauses += tuple(split(left.condition, "true"))
        if left.value is not None and left.value.type.is_nullable:
            known = Operation(BOOL, left.span, "is-not-null", (left.value,))
            clauses += (Clause(known, "true"),)
        return _placed(left, Demand("", clauses, low, high))


def _placed(related: Related, demand: Demand | None) -> Demand | None:
    """The demand about the rows right below; None where the rows are elsewhere."""
    if demand is None or related.up or len(related.path) != 1:
        return None
    return replace(demand, child=related.path[0])


def _of_rows(related: Related, *, is_wanted: bool) -> Demand | None:
    """What `any`, `all` or `none` asks, or that it be false."""
    value, condition = related.value, related.condition
    if value is None or related.function not in ("any", "all", "none"):
        return None
    filters = () if condition is None else tuple(split(condition, "true"))
    if related.function == "all":
        if is_wanted:
            whole = _implied(condition, value)
            return _placed(related, Demand("", tuple(split(whole, "hold")), is_all=True))
        return _placed(related, Demand("", (*split(value, "false"), *filters), 1))
    if (related.function == "any") is is_wanted:
        return _placed(related, Demand("", (*split(value, "true"), *filters), 1))
    if value.type.is_nullable or (condition is not None and condition.type.is_nullable):
        return None
    whole = value
    if condition is not None:
        whole = Operation(BOOL, value.span, "and", (condition, value))
    return _placed(related, Demand("", tuple(split(whole, "false")), is_all=True))


def _implied(condition: Expr | None, value: Expr) -> Expr:
    if condition is None:
        return value
    type_ = BOOL.nullable(condition.type.is_nullable or value.type.is_nullable)
    return Operation(type_, value.span, "->", (condition, value))
