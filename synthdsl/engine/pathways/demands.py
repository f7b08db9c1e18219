"""What a rule or case asks of pathways: which states they visit.

A condition on an entity is read as a demand on the paths under it where that can be told from its
form. A demand may be weaker than the condition, never stronger: paths that meet it are tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from synthdsl.engine.pathways.chains import MOST_TRACKED, PathCondition, reaching_all
from synthdsl.model.domains import draw_domain
from synthdsl.model.expressions import (
    Above,
    Constant,
    Expr,
    FieldRef,
    InSet,
    Operation,
    Related,
)
from synthdsl.model.relations import count_name
from synthdsl.model.spec import Rule, Table


@dataclass(frozen=True)
class Demand:
    """The paths under an entity that meet `condition`: `one` (it has one at most), `any` or `all`.

    `counts_pathless`: rows that could have a path and have none count as paths without states.
    """

    quantifier: str
    condition: PathCondition
    counts_pathless: bool


def demand_of(rule: Rule, table: str, machine: str, tables: Mapping[str, Table]) -> Demand | None:
    """What `rule`, of each row of `table`, asks of the paths of `machine`; None if not known.

    The pathway hangs under `table` or under a table that hangs there.
    """
    if rule.share is not None:
        return None
    reader = _Reader(machine, tables)
    condition = rule.condition
    if rule.demand == "false":
        # what breaks the rule is read as a whole: a part of it may hold
        demand = reader.demand(condition, table, is_whole=True)
        return None if demand is None else _negated(demand)
    return reader.demand(condition, table)


def _negated(demand: Demand) -> Demand:
    other = {"one": "one", "any": "all", "all": "any"}[demand.quantifier]
    return Demand(other, ~demand.condition, demand.counts_pathless)


class _Reader:
    """Reads expressions over the rows at and above a pathway."""

    def __init__(self, machine: str, tables: Mapping[str, Table]) -> None:
        model = tables[machine]
        assert model.machine is not None and model.parent is not None
        self._machine = machine
        self._states = frozenset(model.machine.enum.members)
        self._parent = model.parent.table
        self._tables = tables

    def demand(self, expression: Expr, table: str, *, is_whole: bool = False) -> Demand | None:
        """The demand that an expression over a row of `table` makes."""
        expression = self._resolved(expression, table)
        if isinstance(expression, Operation) and expression.operator == "and" and not is_whole:
            return self._strongest(expression.operands, table)
        if table == self._parent:
            condition = self.path_condition(expression)
            return None if condition is None else Demand("one", condition, True)
        if isinstance(expression, Operation) and expression.operator == "not":
            inner = self.demand(expression.operands[0], table, is_whole=True)
            return None if inner is None else _negated(inner)
        if not isinstance(expression, Related) or expression.up or expression.value is None:
            return None
        return self._quantified(expression, is_whole=is_whole)

    def _strongest(self, parts: tuple[Expr, ...], table: str) -> Demand | None:
        """Of demands that all hold: those on one path joined, else one of several."""
        found = [d for part in parts if (d := self.demand(part, table)) is not None]
        ones = [d for d in found if d.quantifier == "one"]
        if not ones:
            return min(found, key=lambda d: d.quantifier != "any", default=None)
        condition = ones[0].condition
        for other in ones[1:]:
            if _fits(condition, other.condition):
                condition = condition & other.condition
        return Demand("one", condition, True)

    def _quantified(self, expression: Related, *, is_whole: bool) -> Demand | None:
        value = expression.value
        assert value is not None
        counts_pathless = expression.path == (self._parent,)
        if counts_pathless:
            condition = self.path_condition(value)
        elif expression.path == (self._parent, self._machine):
            condition = self._of_visits(expression)
        else:
            return None
        if condition is None:
            return None
        has_filter = expression.condition is not None and counts_pathless
        if expression.function == "any" and not (has_filter and is_whole):
            # of the rows that pass a filter one meets it, so one does
            return Demand("any", condition, counts_pathless)
        if expression.function in ("all", "none") and not has_filter:
            condition = ~condition if expression.function == "none" else condition
            return Demand("all", condition, counts_pathless)
        return None

    def _of_visits(self, expression: Related) -> PathCondition | None:
        """What `any`, `all` or `none` over all visits says of each path, quantified likewise."""
        assert expression.value is not None
        value = self._resolved(expression.value, self._machine)
        if isinstance(value, Above) and expression.condition is None:
            return self.path_condition(value.inner)
        hits = self._hits(expression)
        if hits is None:
            return None
        return _avoiding(hits) if expression.function == "all" else _any(hits)

    def path_condition(self, expression: Expr) -> PathCondition | None:
        """A condition on the path of a row of the pathway's parent table."""
        expression = self._resolved(expression, self._parent)
        if isinstance(expression, Operation):
            return self._joined(expression)
        if not isinstance(expression, Related) or expression.path != (self._machine,):
            return None
        if expression.up or expression.function not in ("any", "all", "none"):
            return None
        hits = self._hits(expression)
        if hits is None:
            return None
        return _any(hits) if expression.function == "any" else _avoiding(hits)

    def _joined(self, expression: Operation) -> PathCondition | None:
        parts = [self.path_condition(operand) for operand in expression.operands]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts) or not known:
            return None
        if expression.operator == "not":
            return ~known[0]
        result = known[0]
        for other in known[1:]:
            if not _fits(result, other):
                return None
            if expression.operator == "and":
                result = result & other
            elif expression.operator == "or":
                result = result | other
            elif expression.operator == "->":
                result = ~result | other
            else:
                return None
        return result

    def _hits(self, expression: Related) -> frozenset[str] | None:
        """The states whose visits make an `any` true, or a `none` or an `all` false."""
        kept: frozenset[str] | None = self._states
        if expression.condition is not None:
            kept = self._states_in(expression.condition)
        found = None if expression.value is None else self._states_in(expression.value)
        if kept is None or found is None:
            return None
        return kept - found if expression.function == "all" else kept & found

    def _states_in(self, expression: Expr) -> frozenset[str] | None:
        """The states in which a condition on a visit is true; None if it reads more than that."""
        expression = self._resolved(expression, self._machine)
        if isinstance(expression, InSet) and _is_state(expression.operand):
            return frozenset(expression.values)
        if not isinstance(expression, Operation):
            return None
        if expression.operator in ("==", "!="):
            left, right = expression.operands
            state, constant = (left, right) if _is_state(left) else (right, left)
            if not _is_state(state) or not isinstance(constant, Constant):
                return None
            equal = frozenset({constant.value})
            return equal if expression.operator == "==" else self._states - equal
        parts = [self._states_in(operand) for operand in expression.operands]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        if expression.operator == "not":
            return self._states - known[0]
        if expression.operator == "and":
            return frozenset.intersection(*known)
        return frozenset.union(*known) if expression.operator == "or" else None

    def _resolved(self, expression: Expr, table: str) -> Expr:
        """The value of a latent field in place of its name; what is read from above at the parent
        of a pathway's rows stays inside `Above`.
        """
        while isinstance(expression, FieldRef):
            field = self._tables[table].fields.get(expression.field)
            if field is None or field.value is None or not field.is_let:
                return expression
            expression = field.value
        if isinstance(expression, Above) and table == self._machine:
            inner = self._resolved(expression.inner, self._parent)
            return Above(expression.type, expression.span, inner)
        return expression


def _is_state(expression: Expr) -> bool:
    return isinstance(expression, FieldRef) and expression.field == "state"


def _any(states: frozenset[str]) -> PathCondition | None:
    inverse = _avoiding(states)
    return None if inverse is None else ~inverse


def _avoiding(states: frozenset[str]) -> PathCondition | None:
    return reaching_all([], avoiding=sorted(states)) if len(states) <= MOST_TRACKED else None


def _fits(one: PathCondition, other: PathCondition) -> bool:
    return len({*one.states, *other.states}) <= MOST_TRACKED


def most_rows(table: str, tables: Mapping[str, Table]) -> int | None:
    """The most rows of `table` that one row of its parent's table can have; None if unknown."""
    parent = tables[table].parent
    assert parent is not None
    field = tables[parent.table].fields.get(count_name(table))
    if field is None:
        return None
    if field.draw is None:
        value = field.value
        return value.value if isinstance(value, Constant) else None
    domain = draw_domain(field.draw, field)
    return max(domain, default=0) if domain else None
