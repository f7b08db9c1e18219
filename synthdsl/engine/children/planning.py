"""Guides for the tables right below the rows of an entity unit, where rules are about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.children.bounds import largest_chance
from synthdsl.engine.children.boxes import Boxes, RowBounds, chance_in_boxes
from synthdsl.engine.children.demands import Demand, demands_of
from synthdsl.engine.children.guided import WORTH, GuidedChildren, MakeRows
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
    table: str,
    stage: EntityStage,
    runs: Mapping[str, TableRun],
    make_rows: MakeRows,
    run_unit: Callable[[Unit, Frame], None],
    plain_acceptance: Callable[[], float],
) -> dict[Unit, Guide]:
    """For units of a stage that make rows right below those of `table`: how rules are met.

    `run_unit` makes a unit as declared; `plain_acceptance`: the share of entities for which the
    rules of the stage hold where all is made so.
    """
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
        plan = _Planner(table, demand, stage, runs, tables).plan(make_rows)
        if plan is not None:
            done.add(demand.child)
            choice = ChildGuide(*plan, run_unit, plain_acceptance)
            found |= {unit: UnitGuide(choice, unit) for unit in choice.units}
    return found


class ChildGuide:
    """Rows made by a guide where that gains something, else as declared: the same for all.

    `units`: that of the number of rows, and those of the fields that the guide makes with it.
    """

    def __init__(
        self,
        guided: GuidedChildren,
        units: tuple[Unit, ...],
        run_unit: Callable[[Unit, Frame], None],
        plain_acceptance: Callable[[], float],
    ) -> None:
        self.guided = guided
        self.units = units
        self._run_unit = run_unit
        self._plain_acceptance = plain_acceptance

    @cached_property
    def is_used(self) -> bool:
        """Whether the guide is: entities that nearly all meet the rules are quicker to try."""
        return self.guided.can_gain and self._plain_acceptance() < WORTH

    def run(self, unit: Unit, frame: Frame) -> NDArray[np.bool_]:
        """Make what one of the units makes; returns the rows of `frame` that are accepted."""
        if not self.is_used:
            self._run_unit(unit, frame)
        elif unit is self.units[0]:
            return self.guided.run(frame)
        return np.ones(frame.rows, np.bool_)


@dataclass(frozen=True, eq=False)
class UnitGuide:
    """The part of a choice that is about one unit."""

    choice: ChildGuide
    unit: Unit

    def __call__(self, frame: Frame) -> NDArray[np.bool_]:
        """See `ChildGuide.run`."""
        return self.choice.run(self.unit, frame)

    @property
    def is_used(self) -> bool:
        """Whether rows are made by the guide."""
        return self.choice.is_used


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
        self._start = next(
            (
                number
                for number, unit in enumerate(stage.free)
                if any(n == self._count or n[0] == demand.child for n in unit.writes)
            ),
            None,
        )

    def plan(self, make_rows: MakeRows) -> tuple[GuidedChildren, tuple[Unit, ...]] | None:
        """The guide, and the units that make the number of rows and what is asked of them."""
        child = self._tables.get(self._demand.child)
        if child is None or child.machine is not None or child.stop is not None:
            return None
        if child.is_fixed or self._start is None:
            return None
        numbers = self._numbers()
        if numbers is None or not self._are_premises_decided():
            return None
        run = self._runs[child.name]
        law = None
        if self._demand.clauses:
            reader = RowReader(run, self._tables, self._is_decided, self._can_make)
            law = reader.law(self._demand.clauses, may_widen=self._demand.may_widen)
            if law is None:
                return None
        simplify = self._runs[self._table].simplified
        is_fixed = self._are_fixed(self._nodes_above(numbers, law))
        if self._demand.premises and not self._are_fixed(self._premise_nodes()):
            # some tries of an entity are asked nothing: these are as likely as can be
            return None
        guided = GuidedChildren(
            self._demand,
            numbers,
            law,
            make_rows,
            child.span,
            simplify,
            None if is_fixed else lambda guided: self._bound(guided, numbers, law),
        )
        names = () if law is None else law.names
        nodes = (self._count, *((child.name, name) for name in names))
        units = {self._makers[node] for node in nodes if node in self._makers}
        # the first that is made makes all
        return (guided, tuple(sorted(units, key=self._units.index))) if units else None

    def _bound(self, guided: GuidedChildren, numbers: NumberLaw, law: RowLaw | None) -> float:
        """At least the largest chance of an entity."""
        run = self._runs[self._table]
        reads = self._reads_above(numbers, law)
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
        return chance_in_boxes(self._demand, most, field, numbers.value, boxes)

    def _numbers(self) -> NumberLaw | None:
        run = self._runs[self._table]
        field = self._tables[self._table].fields[self._count[1]]
        value = run.value_of(field.name)
        if field.type.is_nullable:
            return None
        if self._count not in self._makers:
            return NumberLaw(field, value, run.simplified, is_made=True)
        if not self._is_plain(self._count):
            return None
        if value is None:
            if field.draw is None or not is_light(field.draw):
                return None
            if not all(self._is_known(e) for e in expressions_of(field.draw)):
                return None
        return NumberLaw(field, value, run.simplified)

    def _is_known(self, expression: Expr) -> bool:
        return all(isinstance(part, OF_ONE_ROW) for part in walk(expression))

    def _are_premises_decided(self) -> bool:
        return all(self._is_decided(node) for node in self._premise_nodes())

    def _premise_nodes(self) -> set[Node]:
        return {
            read.node
            for premise in self._demand.premises
            for read in expression_reads(premise.condition, self._table, self._tables)
        }

    def _are_fixed(self, nodes: set[Node]) -> bool:
        """Whether nodes are the same in all tries of an entity."""
        return not any(node in self._makers for node in nodes)

    def _is_decided(self, node: Node) -> bool:
        """Whether a node is made before the number of rows is drawn."""
        if node == self._count:
            return False
        maker = self._makers.get(node)
        return maker is None or self._units.index(maker) < (self._start or 0)

    def _can_make(self, name: str) -> bool:
        node = self._demand.child, name
        if node in self._makers:
            return self._is_plain(node)
        # derived from what is given, and made before
        return self._tables[node[0]].fields[name].value is not None

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

    def _expressions_above(self, numbers: NumberLaw, law: RowLaw | None) -> list[tuple[Expr, str]]:
        """What chances follow from, each with the table whose rows it is about."""
        field = self._tables[self._table].fields[self._count[1]]
        expressions = [] if numbers.value is None else [numbers.value]
        if numbers.value is None and field.draw is not None:
            expressions += expressions_of(field.draw)
        pairs = [(e, self._table) for e in expressions]
        if law is None:
            return pairs
        child = self._tables[self._demand.child]
        inside = list(law.expressions)
        for own in (child.fields[name] for name in law.names):
            inside += [] if own.value is None else [own.value]
            inside += [] if own.draw is None else expressions_of(own.draw)
        return [*pairs, *((e, child.name) for e in inside)]

    def _nodes_above(self, numbers: NumberLaw, law: RowLaw | None) -> set[Node]:
        """What chances depend on that is not of the rows themselves."""
        return {
            read.node
            for expression, table in self._expressions_above(numbers, law)
            for read in expression_reads(expression, table, self._tables)
            if read.node[0] != self._demand.child
        }

    def _reads_above(self, numbers: NumberLaw, law: RowLaw | None) -> set[str] | None:
        """The fields of the entity that chances depend on; None where they read anything else."""
        pairs = self._expressions_above(numbers, law)
        if any(isinstance(e, Related | Referred) for own, _ in pairs for e in walk(own)):
            return None
        nodes = self._nodes_above(numbers, law)
        if any(table != self._table for table, _ in nodes):
            return None
        return {name for _, name in nodes}
