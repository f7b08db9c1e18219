"""Which conditions on rows of a table a law of rows understands, and what it needs to make."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from synthdsl.engine.children.edges import Bound, bound_of, conditional_bound
from synthdsl.engine.children.outcomes import Outcomes, outcomes_of
from synthdsl.engine.children.rows import RowLaw
from synthdsl.engine.conditioning.clauses import Clause, split
from synthdsl.model.draws import (
    ChooseDraw,
    DistributionDraw,
    DrawNode,
    FixedDraw,
    MixtureDraw,
    Truncated,
    expressions_of,
)
from synthdsl.model.expressions import (
    Above,
    Apply,
    Choose,
    Constant,
    Convert,
    Expr,
    FieldRef,
    InSet,
    ListOf,
    LocalTime,
    LookupValue,
    Operation,
    Outer,
    fields_read,
    walk,
)
from synthdsl.model.spec import Table
from synthdsl.plan.nodes import Node, expression_reads
from synthdsl.values.types import Kind

if TYPE_CHECKING:
    from synthdsl.engine.run import TableRun

OF_ONE_ROW = (
    Above,
    Apply,
    Choose,
    Constant,
    Convert,
    FieldRef,
    InSet,
    ListOf,
    LocalTime,
    LookupValue,
    Operation,
)
"""What an expression that a law of rows settles may be made of."""


class RowReader:
    """Reads conditions on the rows of one table.

    `is_decided`: whether a node above the rows is made before they are; `can_make`: whether a
    field of theirs is drawn or derived for each row by itself.
    """

    def __init__(
        self,
        run: TableRun,
        tables: dict[str, Table],
        is_decided: Callable[[Node], bool],
        can_make: Callable[[str], bool],
    ) -> None:
        self._run = run
        self._table = run.plan.table
        self._fields = self._table.fields
        self._tables = tables
        self._is_decided = is_decided
        self._can_make = can_make
        self._settled: dict[str, bool] = {}
        self._outcomes: dict[str, Outcomes] = {}

    def law(self, clauses: Iterable[Clause], *, may_widen: bool) -> RowLaw | None:
        """The law with respect to `clauses`, or to some of them; None where none is known."""
        settled: list[Clause] = []
        bounds: list[Bound] = []
        for clause in (part for c in clauses for part in self._parts(c)):
            bound = bound_of(clause) or conditional_bound(clause)
            if self._reads_settled(clause.condition):
                settled.append(clause)
            elif bound is not None and self._is_bounded(bound):
                bounds.append(bound)
            elif not may_widen:
                return None
        while settled or bounds:
            law = self._law_of(settled, bounds)
            if law is not None:
                return law
            if not may_widen:
                return None
            (settled or bounds).pop()
        return None

    def _law_of(self, settled: list[Clause], bounds: list[Bound]) -> RowLaw | None:
        by_field: dict[str, list[Bound]] = {}
        for bound in bounds:
            by_field.setdefault(bound.field, []).append(bound)
        read = {name for c in settled for name in fields_read(c.condition)}
        for bound in bounds:
            read |= {bound.field} | fields_read(bound.other)
            read |= {name for c in bound.premises for name in fields_read(c.condition)}
        names = self._closure(read)
        if not any(self._fields[name].draw is not None for name in names):
            return None
        order = [n for step in self._run.plan.steps for n in step.fields if n in names]
        # what bounds read may be declared after the field that they bound
        order.sort(key=lambda name: name in by_field)
        outcomes = {n: o for n in order if (o := self._outcomes.get(n)) is not None}
        if by_field.keys() & outcomes.keys():
            # a field that has few values is not cut as well
            return None
        try:
            return RowLaw(self._run, order, outcomes, by_field, settled)
        except ValueError:
            return None

    def _closure(self, names: set[str]) -> set[str]:
        found: set[str] = set()
        stack = list(names)
        while stack:
            name = stack.pop()
            if name not in found:
                found.add(name)
                stack.extend(self._fields[name].depends_on)
        return found

    # clauses

    def _parts(self, clause: Clause) -> list[Clause]:
        """A clause in terms of the row alone, with derived truths written out where they are not
        settled.
        """
        condition = _of_row(clause.condition)
        written = self._written_out(condition)
        if written is condition:
            return [Clause(condition, clause.demand)]
        return [p for c in split(written, clause.demand) for p in self._parts(c)]

    def _written_out(self, expression: Expr) -> Expr:
        if isinstance(expression, FieldRef) and not self._is_settled(expression.field):
            field = self._fields[expression.field]
            if field.type.kind is Kind.BOOL and field.value is not None:
                return _of_row(field.value)
        if isinstance(expression, Operation) and expression.type.kind is Kind.BOOL:
            operands = tuple(self._written_out(o) for o in expression.operands)
            if any(a is not b for a, b in zip(operands, expression.operands, strict=True)):
                return replace(expression, operands=operands)
        return expression

    # what is settled

    def _reads_settled(self, expression: Expr) -> bool:
        """Whether an expression reads settled fields and what is decided above only."""
        if not all(isinstance(part, OF_ONE_ROW) for part in walk(expression)):
            return False
        for read in expression_reads(expression, self._table.name, self._tables):
            table, name = read.node
            if table != self._table.name and not self._is_decided(read.node):
                return False
            if table == self._table.name and not self._is_settled(name):
                return False
        return True

    def _is_settled(self, name: str) -> bool:
        """Whether a field is given, one of few outcomes, or derived from such."""
        if name not in self._settled:
            self._settled[name] = False
            field = self._fields.get(name)
            if field is None or not self._can_make(name):
                return False
            if field.value is not None:
                self._settled[name] = self._reads_settled(field.value)
            elif field.draw is not None and self._draw_reads_settled(field.draw):
                found = outcomes_of(field.draw, field, self._run.simplified)
                if found is not None:
                    self._outcomes[name] = found
                    self._settled[name] = True
        return self._settled[name]

    def _draw_reads_settled(self, draw: DrawNode) -> bool:
        return all(self._reads_settled(e) for e in expressions_of(draw))

    def _is_bounded(self, bound: Bound) -> bool:
        field = self._fields[bound.field]
        return (
            field.draw is not None
            and self._can_make(bound.field)
            and _has_mass(field.draw)
            and self._draw_reads_settled(field.draw)
            and self._reads_settled(bound.other)
            and all(self._reads_settled(c.condition) for c in bound.premises)
        )


def _has_mass(draw: DrawNode) -> bool:
    """Whether the probability of an interval is known, and draws inside it."""
    if isinstance(draw, FixedDraw | DistributionDraw):
        return True
    if isinstance(draw, Truncated):
        return _has_mass(draw.draw)
    if isinstance(draw, MixtureDraw):
        return all(_has_mass(component) for component in draw.components)
    if isinstance(draw, ChooseDraw):
        return all(_has_mass(d) for d in (*(d for _, d in draw.branches), draw.otherwise))
    return False


def _of_row(expression: Expr) -> Expr:
    """What is read of the row outside as what is read from above."""
    if isinstance(expression, Outer):
        return Above(expression.type, expression.span, expression.inner)
    if isinstance(expression, Above):
        return expression
    changes: dict[str, Any] = {}
    for item in dataclass_fields(expression):
        value = getattr(expression, item.name)
        changed = _inside(value)
        if changed is not value:
            changes[item.name] = changed
    return replace(expression, **changes) if changes else expression


def _inside(value: Any) -> Any:
    if isinstance(value, Expr):
        return _of_row(value)
    if isinstance(value, tuple):
        items = tuple(_inside(item) for item in value)
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value
