"""Families made ready to run: root rows with all that is under them, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.children.planning import child_guides
from synthdsl.engine.conditioning.component import PILOT_SEED
from synthdsl.engine.designs import Design
from synthdsl.engine.entities import Entities, Guide, Guides, rows_under, way_down
from synthdsl.engine.evaluate import evaluate, evaluate_column
from synthdsl.engine.frame import Frame, RowError, child_frame, children_of
from synthdsl.engine.pathways.demands import demand_of, most_rows
from synthdsl.engine.pathways.guided import GuidedPaths
from synthdsl.engine.pathways.sampler import FrameOfVisits, PathwaySampler, Visits
from synthdsl.engine.results import is_true
from synthdsl.engine.sequences import fill_running_sum, fill_sequence, is_multiple, running_sum
from synthdsl.engine.streams import root_keys, root_keys_at
from synthdsl.model.expressions import Expr
from synthdsl.model.relations import count_name
from synthdsl.plan.components import Step
from synthdsl.plan.families import FamilyPlan
from synthdsl.plan.nodes import Node
from synthdsl.plan.units import (
    EntityStage,
    EntityUnit,
    MachineUnit,
    SequenceUnit,
    StepUnit,
    StopUnit,
    Unit,
    with_ancestors,
)

if TYPE_CHECKING:
    from synthdsl.engine.run import TableRun

BLOCK_ROWS = 16_384
"""Rows of a block of a table that stands alone."""
FAMILY_ROWS = 131_072
"""Rows of a block of a family, in all its tables: each has a few calls for every field."""
MOST_TOGETHER = 1 << 26
"""Rows of one table in a block; all that a root row owns is made at once."""
FEW = 16
"""Root rows from which the size of blocks follows: entities of a rare case cost much."""
FIRST_PILOT = 64
"""Root rows of the first block of a pilot, from which the size of later ones follows."""
PILOT_BLOCK_ROWS = 65_536
MOST_PILOT_BLOCKS = 64
ENOUGH_ROWS = 1_024
"""Rows of a table under others for which a pilot of its row rules looks, and then repeats them."""


class FamilyRun:
    """A root table with all that is under it, ready to make any of its rows."""

    def __init__(
        self, plan: FamilyPlan, tables: Mapping[str, TableRun], design: Design | None = None
    ) -> None:
        self.plan = plan
        self._design = design
        self._tables = {name: tables[name] for name in plan.tables}
        self._models = {name: run.plan.table for name, run in self._tables.items()}
        self._machines: dict[str, PathwaySampler] = {}
        self._stops: dict[str, Expr] = {}
        for name, run in self._tables.items():
            table = run.plan.table
            if table.machine is not None:
                self._machines[name] = PathwaySampler(table.machine, run.simplified)
            if table.stop is not None:
                self._stops[name] = run.simplified(table.stop)
        self.entities: dict[EntityUnit, Entities] = {}
        self._sums: dict[SequenceUnit, tuple[str, Expr, Expr]] = {}
        self._prepare(plan.units)
        self._rows_per_root: float | None = None
        for name in plan.tables[1:]:
            self._tables[name].pilot_source = _PilotRows(self, name).rows

    def _prepare(self, units: tuple[Unit, ...]) -> None:
        for unit in units:
            if isinstance(unit, EntityUnit):
                self._prepare(unit.units)
                self.entities[unit] = Entities(
                    unit,
                    self._models,
                    self._conditions(unit),
                    self.run_unit,
                    self._pilot_of(unit),
                    self._guides(unit),
                )
            elif isinstance(unit, SequenceUnit) and len(unit.steps) == 1:
                run = self._tables[unit.table]
                name = unit.steps[0].fields[0]
                value = run.value_of(name)
                parts = None if value is None else running_sum(run.plan.table.fields[name], value)
                if parts is not None:
                    self._sums[unit] = (name, *parts)

    def _conditions(self, unit: EntityUnit) -> dict[Node, Expr]:
        return {(name, rule.name): self._tables[name].rule(rule.name) for name, rule in unit.rules}

    # running

    def frame(self, start: int, stop: int, seed: int) -> Frame:
        """Root rows `start` to `stop` (exclusive) with all that is under them, before masking."""
        keys = root_keys(self.plan.root, start, stop)
        numbers = np.arange(start, stop, dtype=np.int64)
        frame = Frame(self.plan.root, seed, keys, numbers, design=self._design)
        for unit in self.plan.units:
            self.run_unit(unit, frame)
        return frame

    def rows_at(self, seed: int, numbers: NDArray[np.int64], fields: frozenset[str]) -> Frame:
        """The root rows with the given numbers: complete values of at least the `fields`."""
        keys = root_keys_at(self.plan.root, numbers)
        numbers = numbers.astype(np.int64)
        frame = Frame(self.plan.root, seed, keys, numbers, design=self._design)
        for unit in self._needed(fields):
            self.run_unit(unit, frame)
        return frame

    def _needed(self, fields: frozenset[str]) -> list[Unit]:
        nodes = {(self.plan.root, name) for name in fields}
        start = [unit for unit in self.plan.units if unit.writes & nodes]
        needed = with_ancestors(start, self.plan.units)
        return [unit for unit in self.plan.units if unit in needed]

    def run_unit(self, unit: Unit, top: Frame) -> None:
        """Run a unit for all its rows under those of `top`."""
        frame = top
        if isinstance(unit, MachineUnit):
            parent = self._models[unit.table].parent
            assert parent is not None
            self._run_machine(unit.table, self._down(top, parent.table))
            return
        frame = self._down(top, unit.table)
        if isinstance(unit, StepUnit):
            self._run_step(unit, frame)
        elif isinstance(unit, SequenceUnit):
            self._run_sequence(unit, frame)
        elif isinstance(unit, StopUnit):
            self._run_stop(unit.table, frame)
        elif isinstance(unit, EntityUnit):
            self.entities[unit].fill(frame)

    def _down(self, top: Frame, table: str) -> Frame:
        for name in way_down(top.table, table, self._models):
            top = top.child(name)
        return top

    def _run_step(self, unit: StepUnit, frame: Frame) -> None:
        self._tables[unit.table].fill_step(unit.step, frame)
        for name in unit.step.fields:
            if name.startswith("#") and name[1:] not in self._machines:
                self._make_rows(name[1:], frame)

    def _make_rows(self, table: str, frame: Frame) -> None:
        """Make the rows of a table under those of `frame`, as many as were drawn."""
        counts = frame.column(count_name(table)).values
        if len(counts) and counts.min() < 0:
            row = int(np.flatnonzero(counts < 0)[0])
            field = self._tables[frame.table].plan.table.fields[count_name(table)]
            raise RowError(
                "row-value",
                field.span,
                f"row {int(frame.ordinals[row])} of `{frame.table}` has {int(counts[row])} rows "
                f"of `{table}`",
                "truncate the draw: `[count ~ ... in [0, 60]]`"
                if field.draw is not None
                else f"write `[max({field.text}, 0)]`",
            )
        if counts.sum(dtype=np.float64) > MOST_TOGETHER:
            row = int(counts.argmax())
            raise RowError(
                "row-value",
                self._tables[frame.table].plan.table.fields[count_name(table)].span,
                f"row {int(frame.ordinals[row])} of `{frame.table}` has {int(counts[row]):,} rows "
                f"of `{table}`, and {frame.rows:,} rows together {int(counts.sum()):,}: more than "
                f"the {MOST_TOGETHER:,} that are made at once",
                "truncate the draw: `[count ~ ... in [0, 1_000]]`",
            )
        frame.add_child(children_of(frame, table, counts))

    def _run_sequence(self, unit: SequenceUnit, frame: Frame) -> None:
        run = self._tables[unit.table]
        if unit in self._sums:
            name, base, amount = self._sums[unit]
            step = int(run.plan.table.fields[name].step or 1)
            fields = run.plan.table.fields
            is_on_grid = is_multiple(base, step, fields) and is_multiple(amount, step, fields)
            found = fill_running_sum(base, amount, frame, step, is_on_grid=is_on_grid)
            if found is not None:
                frame.columns[name] = found
                return
        fill_sequence(unit.steps, frame, run.fill_step)

    def _run_machine(self, table: str, parents: Frame) -> None:
        at, visits = self._visits(table, parents)
        self._add_visits(table, parents, self._machines[table].sample(parents, at, visits))

    def _visits(self, table: str, parents: Frame) -> tuple[NDArray[np.int64], FrameOfVisits]:
        """The rows of `parents` that go a pathway, and how frames of their visits are made."""
        run = self._tables[table]
        machine = self._machines[table].machine
        reads = [name for name in machine.reads if run.value_of(name) is not None]

        def visits(entities: NDArray[np.int64], numbers: NDArray[np.int64]) -> Frame:
            frame = child_frame(table, parents, entities, numbers)
            for name in reads:
                value = run.value_of(name)
                assert value is not None
                frame.columns[name] = evaluate_column(value, frame)
            return frame

        return np.flatnonzero(parents.column(count_name(table)).values > 0), visits

    def _add_visits(self, table: str, parents: Frame, made: Visits) -> None:
        frame = child_frame(table, parents, made.parents, made.ordinals)
        frame.columns.update(made.columns)
        parents.add_child(frame)

    def _guides(self, unit: EntityUnit) -> Guides:
        """For pathways whose visited states rules of the unit are about, and for rows right below
        that they ask for: how to make them so, by stage.
        """
        found: dict[tuple[EntityStage, Unit], Guide] = {}
        for number, stage in enumerate(unit.stages):
            own = child_guides(
                unit.table,
                stage,
                self._tables,
                self._make_rows,
                self.run_unit,
                partial(self._plain_acceptance, unit, number),
            )
            found |= {(stage, part): guide for part, guide in own.items()}
            for part in stage.free:
                guide = (
                    self._guide(unit.table, part.table, stage)
                    if isinstance(part, MachineUnit)
                    else None
                )
                if guide is not None:
                    found[stage, part] = guide
        return found

    def _plain_acceptance(self, unit: EntityUnit, number: int) -> float:
        return self.entities[unit].plain_acceptance(number)

    def _guide(self, top: str, table: str, stage: EntityStage) -> Guide | None:
        machine, parent = self._models[table].machine, self._models[table].parent
        assert machine is not None and parent is not None
        if not machine.has_fixed_weights:
            return None
        rules = [rule for name, rule in stage.rules if name == top]
        demands = (demand_of(rule, top, table, self._models) for rule in rules)
        demand = next((d for d in demands if d is not None), None)
        if demand is None:
            return None
        if demand.quantifier == "all" and self._models[parent.table].stop is not None:
            # paths of rows that `until` leaves out are not asked
            return None
        run = self._tables[table]
        most = None if parent.table == top else most_rows(parent.table, self._models)
        paths = GuidedPaths(self._machines[table], demand, run.simplified, most_parents=most)

        def guide(entities: Frame) -> NDArray[np.bool_]:
            parents = self._down(entities, parent.table)
            at, visits = self._visits(table, parents)
            made, accepted = paths.run(entities, parents, at, visits)
            self._add_visits(table, parents, made)
            return accepted

        return guide

    def _run_stop(self, table: str, frame: Frame) -> None:
        """Leave out the rows after the first in which the table's `until` is true."""
        assert frame.owner is not None and frame.parents is not None
        ends = np.flatnonzero(is_true(evaluate(self._stops[table], frame), frame.rows))
        if not ends.size:
            return
        last = np.full(frame.owner.rows, np.iinfo(np.int64).max)
        # of several ends of one parent the first is written last
        last[frame.parents[ends[::-1]]] = frame.ordinals[ends[::-1]]
        remaining = np.flatnonzero(frame.ordinals <= last[frame.parents])
        if len(remaining) < frame.rows:
            frame.owner.add_child(frame.some(remaining))

    # masks

    def masked(self, root: Frame) -> Frame:
        """The rows with what `missing` masks hidden, and what is derived from it recomputed."""
        return self._masked(root, self._tables)

    def seen_at(self, seed: int, numbers: NDArray[np.int64], fields: frozenset[str]) -> Frame:
        """The root rows with the given numbers, as they are after masking."""
        name = self.plan.root
        units = self._needed(frozenset(self._models[name].fields))
        tables = {name: self._tables[name]}
        if any(table != name for unit in units for table, _ in unit.writes):
            units, tables = list(self.plan.units), dict(self._tables)
        keys = root_keys_at(name, numbers)
        frame = Frame(name, seed, keys, numbers.astype(np.int64), design=self._design)
        for unit in units:
            self.run_unit(unit, frame)
        return self._masked(frame, tables)

    def _masked(self, root: Frame, tables: Mapping[str, TableRun]) -> Frame:
        """The masks of `tables`, of which `root` has the rows."""
        for name, run in tables.items():
            if run.plan.masks:
                run.find_masks(self._down(root, name))
        for name, run in tables.items():
            if run.plan.masks:
                run.hide(self._down(root, name))
        for table, name in self.plan.recomputed:
            if table not in tables:
                continue
            frame = self._down(root, table)
            unit = self._sequence_of((table, name))
            if unit is None:
                self._tables[table].recompute(name, frame)
            else:
                step = next(s for s in unit.steps if name in s.fields)
                fill_sequence((step,), frame, self._tables[table].fill_step)
                self._tables[table].hide_again(name, frame)
        return root

    def _sequence_of(self, node: Node) -> SequenceUnit | None:
        for unit in self.plan.units:
            if isinstance(unit, SequenceUnit) and node in unit.writes:
                return unit
        return None

    def frames(self, root: Frame) -> dict[str, Frame]:
        """The frames of all tables of the family, by name."""
        return {name: self._down(root, name) for name in self.plan.tables}

    # sizes and pilots

    @property
    def roots_per_block(self) -> int:
        """Root rows of a block."""
        if len(self.plan.tables) == 1:
            return BLOCK_ROWS
        return max(1, min(FAMILY_ROWS, int(FAMILY_ROWS / self.rows_per_root)))

    @property
    def rows_per_root(self) -> float:
        """Rows of all tables for each root row, from a pilot with a fixed seed."""
        if self._rows_per_root is None:
            rows = max(1, min(FEW, self._tables[self.plan.root].plan.rows))
            frame = self.pilot_root(0, rows)
            for unit in self.plan.units:
                self.run_unit(unit, frame)
            self._rows_per_root = rows_under(frame) / rows
        return self._rows_per_root

    def _pilot_of(self, unit: Unit) -> Callable[[], Iterator[Frame]]:
        """Frames of the table of `unit` for a pilot, with all made that comes before it."""

        def frames() -> Iterator[Frame]:
            for root in self.pilot_roots(unit):
                yield self._down(root, unit.table)

        return frames

    def pilot_roots(self, until: Unit | None = None) -> Iterator[Frame]:
        """Blocks of pilot rows with all made that comes before the unit `until`."""
        before = self._before(until) if until is not None else list(self.plan.units)
        start, size = 0, FIRST_PILOT
        for _ in range(MOST_PILOT_BLOCKS):
            frame = self.pilot_root(start, start + size)
            for unit in before:
                self._run_for_pilot(unit, frame)
            yield frame
            start += size
            rows = max(1, rows_under(frame)) / size
            size = max(16, min(4_096, int(PILOT_BLOCK_ROWS / rows)))

    def _run_for_pilot(self, unit: Unit, frame: Frame) -> None:
        """Run what comes before a pilot's unit; without a case, whose entities may be rare."""
        is_case = isinstance(unit, EntityUnit) and all(r.demand != "hold" for _, r in unit.rules)
        if isinstance(unit, EntityUnit) and is_case:
            for inner in unit.units:
                self._run_for_pilot(inner, frame)
        else:
            self.run_unit(unit, frame)

    def pilot_root(self, start: int, stop: int) -> Frame:
        """An empty frame of the root rows of a pilot."""
        rows = max(self._tables[self.plan.root].plan.rows, 1)
        numbers = np.arange(start, stop, dtype=np.int64) % rows
        return Frame(self.plan.root, PILOT_SEED, root_keys(self.plan.root, start, stop), numbers)

    def _before(self, until: Unit) -> list[Unit]:
        """The units that `until` needs, in order; of a unit that it is inside of, those there."""
        found: list[Unit] = []

        def search(units: tuple[Unit, ...]) -> bool:
            for unit in units:
                if unit is until:
                    return True
                if isinstance(unit, EntityUnit):
                    length = len(found)
                    if search(unit.units):
                        return True
                    del found[length:]
                found.append(unit)
            return False

        search(self.plan.units)
        needed = with_ancestors([until], [*found, until])
        return [unit for unit in found if unit in needed]


class _PilotRows:
    """Rows of a table under others, for pilots of its row rules: as many as are asked for."""

    def __init__(self, family: FamilyRun, table: str) -> None:
        self._family = family
        self._table = table
        self._pools: dict[Step, Frame] = {}

    def rows(self, step: Step, start: int, stop: int) -> Frame:
        """Rows `start` to `stop` with all made that comes before `step`, which is not."""
        pool = self._pools.get(step)
        if pool is None:
            pool = self._pools[step] = self._pool(step)
        numbers = np.arange(start, stop, dtype=np.int64)
        if not pool.rows:
            return pool
        at = numbers % pool.rows
        part = pool.some(at)
        keys = root_keys(f"{self._table}#pilot", start, stop)
        part.keys = part.entities = keys
        return part

    def _pool(self, step: Step) -> Frame:
        unit = self._unit_of(step)
        largest: Frame | None = None
        for root in self._family.pilot_roots(unit):
            frame = self._family._down(root, self._table)
            if largest is None or frame.rows > largest.rows:
                largest = frame
            if frame.rows >= ENOUGH_ROWS:
                break
        assert largest is not None
        return largest

    def _unit_of(self, step: Step) -> Unit:
        stack = list(self._family.plan.units)
        while stack:
            unit = stack.pop()
            if isinstance(unit, EntityUnit):
                stack.extend(unit.units)
            elif isinstance(unit, StepUnit) and (unit.step is step or step in unit.step.inner):
                return unit
        raise AssertionError("a step is in a unit")
