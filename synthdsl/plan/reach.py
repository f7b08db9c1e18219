"""What rules can move: the fields that they condition, and all that follows from these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from synthdsl.model.draws import RefDraw, expressions_of, inner_draws
from synthdsl.model.expressions import Expr, Referred, Related, TargetField, inner_parts, walk
from synthdsl.model.spec import Field, Spec
from synthdsl.plan.families import FamilyPlan
from synthdsl.plan.lower import Plan
from synthdsl.plan.nodes import END, Node
from synthdsl.plan.units import EntityUnit, SequenceUnit, StepUnit, Unit


class Reach:
    """The nodes of a plan that rules can move.

    A node follows from what it reads: above, below and beside its row, and through references.
    Of a table with `until` all fields follow from it, since it says which rows there are.
    """

    def __init__(self, plan: Plan) -> None:
        self.reads: dict[Node, set[Node]] = {}
        for family in plan.families.values():
            self._add(family, plan.spec)
        self.conditioned = {
            node
            for family in plan.families.values()
            for unit in family.units
            for node in conditioned_nodes(unit)
        }
        self._followers = self._reached()

    def _add(self, family: FamilyPlan, spec: Spec) -> None:
        for node, reads in family.graph.reads.items():
            self.reads[node] = {read.node for read in reads}
        for name, table in family.graph.tables.items():
            for field in table.fields.values():
                found = self.reads[name, field.name]
                found |= {n for n in _through_references(field) if n[1] in spec.tables[n[0]].fields}
                if table.stop is not None:
                    found.add((name, END))

    def _reached(self) -> set[Node]:
        readers: dict[Node, set[Node]] = {}
        for node, reads in self.reads.items():
            for read in reads:
                readers.setdefault(read, set()).add(node)
        found: set[Node] = set()
        stack = list(self.conditioned)
        while stack:
            node = stack.pop()
            if node not in found:
                found.add(node)
                stack.extend(readers.get(node, ()))
        return found

    def __contains__(self, node: Node) -> bool:
        """Whether rules can move it."""
        return node in self._followers

    def ancestors(self, start: Iterable[Node]) -> set[Node]:
        """`start` and all that it follows from."""
        found: set[Node] = set()
        stack = list(start)
        while stack:
            node = stack.pop()
            if node not in found:
                found.add(node)
                stack.extend(self.reads.get(node, ()))
        return found


def conditioned_nodes(unit: Unit) -> frozenset[Node]:
    """What a unit makes under rules."""
    if isinstance(unit, EntityUnit) or (isinstance(unit, StepUnit) and unit.step.rules):
        return unit.writes
    if isinstance(unit, SequenceUnit):
        rules = [step for step in unit.steps if step.rules]
        return frozenset((unit.table, name) for step in rules for name in step.fields)
    return frozenset()


def _through_references(field: Field) -> Iterator[Node]:
    """Fields of the tables that a field refers to, as far as it reads them."""
    expressions = [] if field.value is None else [field.value]
    if field.draw is not None:
        expressions += expressions_of(field.draw)
        for draw in inner_draws(field.draw):
            if isinstance(draw, RefDraw):
                for part in filter(None, (draw.condition, draw.weight)):
                    for inner in walk(part):
                        if isinstance(inner, TargetField) and inner.field is not None:
                            yield draw.table, inner.field
    for expression in expressions:
        for inner in _everything_in(expression):
            if isinstance(inner, Referred):
                yield inner.table, inner.target


def _everything_in(expression: Expr) -> Iterator[Expr]:
    for inner in walk(expression):
        yield inner
        if isinstance(inner, Related):
            for part in inner_parts(inner):
                yield from _everything_in(part)
