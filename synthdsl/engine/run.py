"""A plan made ready to run, and blocks of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.conditioning.candidates import proposals
from synthdsl.engine.conditioning.cells import CellsCompiler
from synthdsl.engine.conditioning.component import PILOT_SEED as PILOT_SEED
from synthdsl.engine.conditioning.component import Component, PilotSource
from synthdsl.engine.conditioning.focused import Focused
from synthdsl.engine.conditioning.proposals import FillField, Proposal
from synthdsl.engine.copula import Copula, LevelDraws
from synthdsl.engine.designed_slots import inverted_fields, slots_of
from synthdsl.engine.designs import Design, design_of
from synthdsl.engine.draw_compiler import compile_draw
from synthdsl.engine.evaluate import evaluate_column
from synthdsl.engine.families import BLOCK_ROWS as BLOCK_ROWS
from synthdsl.engine.families import FamilyRun
from synthdsl.engine.frame import Frame, RowError
from synthdsl.engine.grid import Grid
from synthdsl.engine.references.reading import referred_column, sibling_column
from synthdsl.engine.references.target_rows import TargetRows
from synthdsl.engine.samplers import Context, Sampler
from synthdsl.engine.tabulate import Axes, tabulate, value_axis
from synthdsl.model.expressions import Above, Expr, FileColumn, MachineColumn, Referred
from synthdsl.model.spec import Field, Mask
from synthdsl.plan.domains import axis_of
from synthdsl.plan.lower import FieldPlan, Plan, Step, TablePlan
from synthdsl.values.columns import Column, Vocabulary
from synthdsl.values.types import ORDERED, Kind


class TableRun:
    """One table, ready to make what stands in its rows.

    `targets` gives the rows of tables that are referred to, `seen` those rows after masking, to
    read one of their fields. `pilot_source`, of a table under another, makes rows for a pilot of
    a step.
    """

    def __init__(
        self,
        plan: TablePlan,
        targets: Callable[[str], TargetRows] | None = None,
        seen: Callable[[str, str], TargetRows] | None = None,
        *,
        is_designed: bool = False,
    ) -> None:
        self.plan = plan
        self._is_designed = is_designed
        self._inverted = inverted_fields(plan) if is_designed else frozenset()
        self._targets = targets
        self._seen = seen
        self.pilot_source: Callable[[Step, int, int], Frame] | None = None
        self._axes: Axes = {}
        self._fields = plan.table.fields
        self._words: dict[str, Vocabulary] = {}
        self._samplers: dict[str, Sampler] = {}
        self._level_samplers: dict[str, Sampler] = {}
        self._values: dict[str, Expr] = {}
        self._grids: dict[str, Grid] = {}
        self._copulas = {id(c): Copula(c, self._fields) for c in plan.table.correlations}
        for step in plan.steps:
            for name in step.fields:
                self._prepare(name)
        self._masks = [(mask, self.simplified(mask.chance)) for mask in plan.masks]
        self._rules = {rule.name: self.simplified(rule.condition) for rule in plan.table.rules}
        self.cells = CellsCompiler(plan, self._words, self.fill_field)
        self.components: dict[Step, Component] = {}
        self.focused: dict[Step, Focused] = {}
        for step in plan.steps:
            self._condition(step)

    def simplified(self, expression: Expr) -> Expr:
        """An expression with its largest tabulable parts as tables."""
        return tabulate(expression, self._axes, self._fields, self._words)

    def _prepare(self, name: str) -> None:
        field_plan = self.plan.fields[name]
        field = field_plan.field
        words = field_plan.words
        if words is not None:
            self._words[name] = Vocabulary(words)
        if field.draw is not None:
            by_level = field_plan.correlation is not None
            self._samplers[name] = self._compiled(field_plan, by_level=by_level)
            axis = axis_of(field, words)
        else:
            assert field.value is not None
            value = self.simplified(field.value)
            self._values[name] = value
            self._grids[name] = Grid.of(field)
            axis = axis_of(field, words) or value_axis(field, value)
        if axis is not None:
            self._axes[name] = axis

    def _compiled(self, field_plan: FieldPlan, *, by_level: bool) -> Sampler:
        assert field_plan.field.draw is not None
        context = Context(
            field_plan.field,
            self.simplified,
            vocabulary=self._words.get(field_plan.field.name),
            parts=field_plan.parts,
            by_level=by_level,
            rows=self.plan.rows,
            targets=self._targets,
        )
        return compile_draw(field_plan.field.draw, context)

    def _level_sampler(self, name: str) -> Sampler:
        """The sampler of a field that increases with the field's one uniform."""
        field_plan = self.plan.fields[name]
        if field_plan.correlation is not None:
            return self._samplers[name]
        if name not in self._level_samplers:
            self._level_samplers[name] = self._compiled(field_plan, by_level=True)
        return self._level_samplers[name]

    def value_of(self, name: str) -> Expr | None:
        """The value of a derived field, made ready; None of one that is drawn."""
        return self._values.get(name)

    def rule(self, name: str) -> Expr:
        """The condition of a rule, made ready."""
        return self._rules[name]

    def fill_step(self, step: Step, frame: Frame) -> None:
        """Make the fields of a step for every row of `frame`."""
        if step.inner:
            self.focused[step].fill(frame)
        elif step.rules:
            self.components[step].fill(frame)
        else:
            self.fill_field(step.fields[0], frame)

    def narrow_fill(self, plan: TablePlan, changed: tuple[str, ...]) -> FillField:
        """Draws fields as `plan` has them, which differs from this run's in the `changed` ones."""
        samplers = {
            (name, by_level): self._compiled(plan.fields[name], by_level=by_level)
            for name in changed
            for by_level in (False, True)
        }

        def fill(name: str, frame: Frame) -> None:
            if name not in changed:
                self.fill_field(name, frame)
                return
            draws: Any = frame.draws(name)
            by_level = name in frame.bases
            if by_level:
                draws = LevelDraws(draws, frame.bases[name])
            frame.columns[name] = samplers[name, by_level].sample(frame, draws)
            self._settle(plan.fields[name].field, frame)

        return fill

    def fill_field(self, name: str, frame: Frame) -> None:
        """Draw or derive one field for every row of `frame`."""
        field_plan = self.plan.fields[name]
        field = field_plan.field
        if isinstance(field.value, MachineColumn):
            # made with the rows themselves
            return
        if field.draw is None:
            frame.columns[name] = self._derived(field, self._values[name], frame)
        else:
            draws: Any = frame.draws(name)
            sampler = self._samplers[name]
            if field_plan.correlation is not None:
                copula = self._copulas[id(field_plan.correlation)]
                if name not in frame.bases:
                    # noted, for what is correlated with it may be drawn later, in other tries; the
                    # rows that a frame is of may have another
                    frame.bases[name] = frame.draws(name).uniform()
                draws = LevelDraws(draws, copula.levels(name, frame))
            elif name in frame.bases:
                draws = LevelDraws(draws, frame.bases[name])
                sampler = self._level_sampler(name)
            elif name in self._inverted and frame.design is not None:
                sampler = self._level_sampler(name)
            frame.columns[name] = sampler.sample(frame, draws)
        self._settle(field, frame)

    def _derived(self, field: Field, value: Expr, frame: Frame) -> Column:
        if isinstance(value, Referred):
            return self._referred(value, frame)
        column = evaluate_column(value, frame)
        if field.type.kind not in ORDERED:
            return column
        values, valid = column.values, column.valid
        if field.type.kind is Kind.FLOAT:
            # as a division by zero: what is no number is null
            is_number = np.isfinite(values)
            if not is_number.all():
                values = np.where(is_number, values, 0.0)
                valid = is_number if valid is None else valid & is_number
        return Column(self._grids[field.name].derived(values, valid), valid)

    def _referred(self, value: Referred, frame: Frame, *, is_seen: bool = False) -> Column:
        """A field of the rows that a field of these refers to; `is_seen`: after masking."""
        assert self._targets is not None and self._seen is not None
        numbers = frame.column(value.reference)
        if frame.parents is not None and value.table == frame.table:
            return sibling_column(frame, value.target, numbers)
        rows = self._seen(value.table, value.target) if is_seen else self._targets(value.table)
        return referred_column(rows, frame.seed, value.target, value.type, numbers)

    def _settle(self, field: Field, frame: Frame) -> None:
        """Give coded text its fixed vocabulary, and refuse nulls where there may be none."""
        column = frame.columns[field.name]
        if isinstance(column, dict):
            return
        vocabulary = self._words.get(field.name)
        if vocabulary is not None and column.vocabulary is not vocabulary:
            column = frame.columns[field.name] = coded(column, vocabulary)
        if not field.type.is_nullable and column.valid is not None and not column.valid.all():
            row = int(np.flatnonzero(~column.valid)[0])
            raise RowError(
                "null-value",
                field.span,
                f"row {int(frame.ordinals[row])} of `{frame.table}`: "
                f"`{field.name}` came out null, but is `{field.type}`",
                f"declare it `{field.type}?`, or give a value with `coalesce`",
            )

    def _condition(self, step: Step) -> None:
        """Make ready what conditions the fields of a step and of those inside it."""
        plan = self.plan
        if step.inner:
            for inner in step.inner:
                self._condition(inner)
            self.focused[step] = Focused(
                plan.name, plan.rows, step, self._rules, self.fill_step, self._pilot_of(step)
            )
        elif step.rules:
            self.components[step] = self._component(step)

    def _pilot_of(self, step: Step) -> PilotSource | None:
        if self.plan.table.parent is None:
            return None

        def frame(start: int, stop: int) -> Frame:
            assert self.pilot_source is not None
            return self.pilot_source(step, start, stop)

        return frame

    def _component(self, step: Step) -> Component:
        cells = self.cells
        tracked = cells.cut_fields(step.fields) if len(step.stages) > 1 else frozenset()

        def propose(number: int, pattern: tuple[bool, ...]) -> list[Proposal]:
            if given_fields(self.plan, step):
                # what suits one row need not suit another, whose given values differ
                return []
            return proposals(
                self.plan,
                step,
                number,
                pattern,
                cells,
                self.fill_field,
                tracked,
                self.narrow_fill,
            )

        return Component(
            self.plan.name,
            self.plan.rows,
            step,
            self._rules,
            self.fill_field,
            propose,
            tracked=tracked,
            pilot_source=self._pilot_of(step),
            spares_tries=self._is_designed,
        )

    # masks

    def find_masks(self, frame: Frame) -> None:
        """Find the rows in which fields are masked; the chances read complete values."""
        for mask, chance in self._masks:
            frame.hidden[mask.field] = self._mask(mask, chance, frame)

    def hide(self, frame: Frame) -> None:
        """Hide the masked values."""
        for name in frame.hidden:
            self.hide_again(name, frame)

    def recompute(self, name: str, frame: Frame) -> None:
        """Compute a derived field again, from what is seen."""
        field = self._fields[name]
        assert field.value is not None
        if isinstance(field.value, Referred):
            frame.columns[name] = self._referred(field.value, frame, is_seen=True)
        else:
            frame.columns[name] = self._derived(field, field.value, frame)
        self._settle(field, frame)
        self.hide_again(name, frame)

    def hide_again(self, name: str, frame: Frame) -> None:
        """Hide the masked values of one field, if it has any."""
        if name in frame.hidden:
            frame.columns[name] = _without(frame.column(name), frame.hidden[name])

    def _mask(self, mask: Mask, chance: Expr, frame: Frame) -> NDArray[np.bool_]:
        """Rows in which the field is masked; the chance reads complete values."""
        column = evaluate_column(chance, frame)
        wrong = (column.values < 0) | (column.values > 1)
        if column.valid is not None:
            wrong &= column.valid
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise RowError(
                "row-value",
                mask.chance.span,
                f"row {int(frame.ordinals[row])} of `{frame.table}`: "
                f"the chance of being missing is {column.values[row]:g}",
                "a chance lies between 0 and 1: write `expit(...)`",
            )
        rows: NDArray[np.bool_] = np.less(frame.draws(mask.field).uniform("missing"), column.values)
        return rows if column.valid is None else rows & column.valid


def given_fields(plan: TablePlan, step: Step) -> list[str]:
    """Fields of a step that differ between rows without being drawn: what is above a row, its
    file, its place.
    """
    return [
        name
        for name in step.fields
        if isinstance(plan.fields[name].field.value, Above | FileColumn)
    ]


def _without(column: Column, hidden: NDArray[np.bool_]) -> Column:
    """`column` with the rows `hidden` null."""
    seen = ~hidden if column.valid is None else column.valid & ~hidden
    return Column(column.values, seen, column.vocabulary)


def coded(column: Column, vocabulary: Vocabulary) -> Column:
    """A text column as codes into `vocabulary`, which has all its words."""
    if column.vocabulary is not None:
        if column.vocabulary.words == vocabulary.words:
            return Column(column.values, column.valid, vocabulary)
        codes = np.array([vocabulary.codes.get(w, 0) for w in column.vocabulary.words], np.int32)
        return Column(
            codes[column.values] if len(codes) else column.values, column.valid, vocabulary
        )
    import pyarrow.compute as pc

    found = pc.fill_null(pc.index_in(column.values, vocabulary.arrow), 0)
    return Column(np.asarray(found).astype(np.int32), column.valid, vocabulary)


class Run:
    """A whole plan, ready to make any rows."""

    def __init__(
        self,
        plan: Plan,
        *,
        seed: int | None = None,
        sampling: str = "random",
        design_rows: Mapping[str, int] | None = None,
    ) -> None:
        self.plan = plan
        self.seed = plan.spec.seed if seed is None else seed
        self._targets: dict[str, TargetRows] = {}
        self._seen: dict[str, TargetRows] = {}
        self.tables = {
            name: TableRun(
                table,
                self._target_rows,
                self._seen_rows,
                is_designed=sampling != "random" and table.table.parent is None,
            )
            for name, table in plan.tables.items()
        }
        self.families = {
            root: FamilyRun(family, self.tables, self._design(root, sampling, design_rows or {}))
            for root, family in plan.families.items()
        }
        self.root_of = {name: root for root, f in plan.families.items() for name in f.tables}

    def _design(self, root: str, sampling: str, rows: Mapping[str, int]) -> Design | None:
        """How the rows of a table without parent cover its fields."""
        table = self.plan.tables[root]
        return design_of(sampling, root, slots_of(table), rows.get(root, table.rows))

    def _target_rows(self, table: str) -> TargetRows:
        """The rows of a table without parent, by number."""
        if table not in self._targets:

            def rows_at(seed: int, numbers: NDArray[np.int64], fields: frozenset[str]) -> Frame:
                return self.families[table].rows_at(seed, numbers, fields)

            self._targets[table] = TargetRows(table, self.plan.tables[table].rows, rows_at)
        return self._targets[table]

    def _seen_rows(self, table: str, field: str) -> TargetRows:
        """The rows of a table without parent as they are after masking, to read `field`."""
        if (table, field) not in self.plan.families[table].graph.touched:
            return self._target_rows(table)
        if table not in self._seen:

            def seen_at(seed: int, numbers: NDArray[np.int64], fields: frozenset[str]) -> Frame:
                return self.families[table].seen_at(seed, numbers, fields)

            self._seen[table] = TargetRows(table, self.plan.tables[table].rows, seen_at)
        return self._seen[table]

    def seeded(self, seed: int | None) -> Run:
        """The same run with another seed; None is the spec's own.

        Nothing that is made ready depends on it.
        """
        other = copy(self)
        other.seed = self.plan.spec.seed if seed is None else seed
        return other

    def families_of(
        self, table: str, start: int, stop: int, *, is_complete: bool = False
    ) -> Iterator[Frame]:
        """Rows `start` to `stop` of a root table, with all that is under them, block by block.

        `is_complete`: before masking.
        """
        family = self.families[table]
        size = family.roots_per_block
        for first in range(start, stop, size):
            root = family.frame(first, min(first + size, stop), self.seed)
            try:
                yield root if is_complete else family.masked(root)
            finally:
                root.release()

    def blocks(
        self, table: str, start: int, stop: int, *, is_complete: bool = False
    ) -> Iterator[Frame]:
        """Blocks of rows of a table, in order: of root rows `start` to `stop`, or what is under
        them.
        """
        root = self.root_of[table]
        for frame in self.families_of(root, start, stop, is_complete=is_complete):
            yield self.families[root].frames(frame)[table]
