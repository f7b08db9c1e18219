"""Guides for the tables right below the rows of an entity unit, where rules are about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.children.bounds import largest_chance
from synthdsl.engine.children.boxes import Boxes, RowBounds, chance_in_boxes
from synthdsl.engine.children.demands import Demand, demands_of
from synthdsl.engine.children.guided import GuidedChildren, MakeRows
from synthdsl.engine.children.numbers import NumberLaw, is_light
from synthdsl.engine.children.reading import OF_ONE_ROW, RowReader
from synthdsl.engine.children.rows import RowLaw
from synthdsl.engine.frame import Frame
from synthdsl.model.draws import expressions_of
from synthdsl.model.expressions import Expr, Referred, Related, walk
from synthdsl.model.relations import count_name
from synthdsl.model.spec import Table
from synthdsl.plan.nodes import Node, expression_reads
from synthdsl.plan.units import EntityStage, StepUnit, Unit

if TYPE_CHECKING:
    from synthdsl.engine.run import TableRun

Guide = Callable[[Frame], NDArray[np.bool_]]


def child_guides(
    table: str, stage: EntityStage, runs: Mapping[str, TableRun], make_rows: MakeRows
) -> dict[Unit, Guide]:
    """For units of a stage that make rows right below those of `table`: how rules are met."""
    tables = {name: run.plan.table for name, run in runs.items()}
    demands = [
        demand
        for name, rule in stage.rules
        if name == table
        for demand in demands_of(rule, tables[table])
    ]
    # what is asked of every entity, and by rows that are there, comes first: it is rarest
    demands.sort(key=lambda d: (bool(d.premises), d.low == 0))
    found: dict[Unit, Guide] = {}
    done: set[str] = set()
    for demand in demands:
        if demand.child in done:
            continue
        guides = _Planner(table, demand, stage, runs, tables).guides(make_rows)
        if guides:
            done.add(demand.child)
            found |= guides
    return found


class _Planner:
    """Sees whether one demand can be met by a guide."""

    def __init__(
        self,
        table: str,
        demand: Demand,
        stage: EntityStage,
        runs: Mapping[str, TableRun],
        tables: dict[str, Table],
    ) -> None:
        self._table = table
        self._demand = demand
        self._runs = runs
        self._tables = tables
        self._units = stage.free
        self._makers = {node: unit for unit in stage.free for node in unit.writes}
        self._count = (table, count_name(demand.child))

    def guides(self, make_rows: MakeRows) -> dict[Unit, Guide]:
        """The guides of the units that make the number of rows and what is asked of them."""
        start = self._makers.get(self._count)
        child = self._tables.get(self._demand.child)
        if child is None or child.machine is not None or child.stop is not None:
            return {}
        if child.is_fixed or not self._is_plain(self._count) or start is None:
            return {}
        numbers = self._numbers()
        if numbers is None or not self._are_premises_decided():
            return {}
        run = self._runs[child.name]
        law = None
        if self._demand.clauses:
            reader = RowReader(run, self._tables, self._is_decided, self._can_make)
            law = reader.law(self._demand.clauses, may_widen=self._demand.may_widen)
            if law is None:
                return {}
        simplify = self._runs[self._table].simplified
        guided = GuidedChildren(self._demand, numbers, law, make_rows, child.span, simplify)
        if guided.is_always_asked:
            guided.bound = self._bound(guided, law)
        names = () if law is None else law.names
        own = {self._makers[child.name, name] for name in names}
        return {start: guided.run, **dict.fromkeys(own, _nothing_to_do)}

    def _bound(self, guided: GuidedChildren, law: RowLaw | None) -> float:
        """At least the largest chance of an entity."""
        run = self._runs[self._table]
        reads = self._reads_above(law)
        if reads is None:
            return 1.0
        found = largest_chance(guided.chance, reads, run, self._tables)
        if found < 1:
            return found
        boxes = Boxes(reads, run, self._tables)
        most = np.ones(boxes.shape)
        if law is not None:
            most = RowBounds(law, self._runs[self._demand.child], boxes).most()
        field = run.plan.table.fields[self._count[1]]
        return chance_in_boxes(self._demand, most, field, field.value, boxes)

    def _numbers(self) -> NumberLaw | None:
        run = self._runs[self._table]
        field = self._tables[self._table].fields[self._count[1]]
        value = run.value_of(field.name)
        if field.type.is_nullable:
            return None
        if value is None:
            if field.draw is None or not is_light(field.draw, field):
                return None
            if not all(self._is_known(e) for e in expressions_of(field.draw)):
                return None
        return NumberLaw(field, value, run.simplified)

    def _is_known(self, expression: Expr) -> bool:
        return all(isinstance(part, OF_ONE_ROW) for part in walk(expression))

    def _are_premises_decided(self) -> bool:
        return all(
            self._is_decided(read.node)
            for premise in self._demand.premises
            for read in expression_reads(premise.condition, self._table, self._tables)
        )

    def _is_decided(self, node: Node) -> bool:
        """Whether a node is made before the number of rows is drawn."""
        if node == self._count:
            return False
        maker = self._makers.get(node)
        if maker is None:
            return True
        return self._units.index(maker) < self._units.index(self._makers[self._count])

    def _can_make(self, name: str) -> bool:
        return self._is_plain((self._demand.child, name))

    def _is_plain(self, node: Node) -> bool:
        """Whether a field is made for each row by itself, by no rule and beside no other."""
        table, name = node
        unit = self._makers.get(node)
        if not isinstance(unit, StepUnit):
            return False
        step, plan = unit.step, self._runs[table].plan.fields[name]
        if step.fields != (name,) or step.rules or step.inner or plan.correlation is not None:
            return False
        draw = plan.field.draw
        return draw is None or not draw.needs_siblings

    def _reads_above(self, law: RowLaw | None) -> set[str] | None:
        """The fields of the entity that chances depend on; None where they read anything else."""
        field = self._tables[self._table].fields[self._count[1]]
        expressions = [field.value] if field.value is not None else []
        if field.draw is not None:
            expressions += expressions_of(field.draw)
        found = set()
        pairs = [(e, self._table) for e in expressions]
        child = self._tables[self._demand.child]
        if law is not None:
            for name in law.names:
                own = child.fields[name]
                inside = [own.value] if own.value is not None else []
                if own.draw is not None:
                    inside += expressions_of(own.draw)
                pairs += [(e, child.name) for e in inside]
            pairs += [(e, child.name) for e in law.expressions]
        for expression, table in pairs:
            if any(isinstance(e, Related | Referred) for e in walk(expression)):
                return None
            for read in expression_reads(expression, table, self._tables):
                at, name = read.node
                if at == child.name:
                    continue
                if at != self._table:
                    return None
                found.add(name)
        return found


def _nothing_to_do(frame: Frame) -> NDArray[np.bool_]:
    """Of a field that is made with the number of rows."""
    return np.ones(frame.rows, np.bool_)
