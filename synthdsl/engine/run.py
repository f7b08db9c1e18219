"""A plan made ready to run, and blocks of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.conditioning.candidates import proposals
from synthdsl.engine.conditioning.cells import CellsCompiler
from synthdsl.engine.conditioning.component import PILOT_SEED as PILOT_SEED
from synthdsl.engine.conditioning.component import Component
from synthdsl.engine.conditioning.focused import Focused
from synthdsl.engine.conditioning.proposals import FillField, Proposal
from synthdsl.engine.copula import Copula, LevelDraws
from synthdsl.engine.draw_compiler import compile_draw
from synthdsl.engine.evaluate import evaluate_column
from synthdsl.engine.frame import Frame, RowError
from synthdsl.engine.grid import Grid
from synthdsl.engine.samplers import Context, Sampler
from synthdsl.engine.streams import root_keys
from synthdsl.engine.tabulate import Axes, tabulate, value_axis
from synthdsl.model.expressions import Expr
from synthdsl.model.spec import Field, Mask
from synthdsl.plan.domains import axis_of
from synthdsl.plan.lower import FieldPlan, Plan, Step, TablePlan
from synthdsl.values.columns import Column, Vocabulary
from synthdsl.values.types import ORDERED, Kind

BLOCK_ROWS = 16_384


class TableRun:
    """One table, ready to make any of its rows."""

    def __init__(self, plan: TablePlan, seed: int) -> None:
        self.plan = plan
        self.seed = seed
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
        self._masks = [(mask, self._simplified(mask.chance)) for mask in plan.masks]
        self._rules = {rule.name: self._simplified(rule.condition) for rule in plan.table.rules}
        self.cells = CellsCompiler(plan, self._words, self.fill_field)
        self.components: dict[Step, Component] = {}
        self.focused: dict[Step, Focused] = {}
        for step in plan.steps:
            self._condition(step)

    def _simplified(self, expression: Expr) -> Expr:
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
            value = self._simplified(field.value)
            self._values[name] = value
            self._grids[name] = Grid.of(field)
            axis = axis_of(field, words) or value_axis(field, value)
        if axis is not None:
            self._axes[name] = axis

    def _compiled(self, field_plan: FieldPlan, *, by_level: bool) -> Sampler:
        assert field_plan.field.draw is not None
        context = Context(
            field_plan.field,
            self._simplified,
            vocabulary=self._words.get(field_plan.field.name),
            parts=field_plan.parts,
            by_level=by_level,
            rows=self.plan.rows,
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

    def seeded(self, seed: int) -> TableRun:
        """The same run with another seed: nothing that is made ready depends on it."""
        other = copy(self)
        other.seed = seed
        return other

    def block(self, start: int, stop: int) -> Frame:
        """Rows `start` to `stop` (exclusive), masks applied."""
        return self._masked(self.complete_block(start, stop))

    def complete_block(self, start: int, stop: int) -> Frame:
        """Rows before masking."""
        keys = root_keys(self.plan.name, start, stop)
        frame = Frame(self.plan.name, self.seed, keys, np.arange(start, stop, dtype=np.int64))
        for step in self.plan.steps:
            self._fill_step(step, frame)
        return frame

    def _fill_step(self, step: Step, frame: Frame) -> None:
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
        if field.draw is None:
            frame.columns[name] = self._derived(field, self._values[name], frame)
        else:
            draws: Any = frame.draws(name)
            sampler = self._samplers[name]
            if field_plan.correlation is not None:
                copula = self._copulas[id(field_plan.correlation)]
                draws = LevelDraws(draws, copula.levels(name, frame))
            elif name in frame.bases:
                draws = LevelDraws(draws, frame.bases[name])
                sampler = self._level_sampler(name)
            frame.columns[name] = sampler.sample(frame, draws)
        self._settle(field, frame)

    def _derived(self, field: Field, value: Expr, frame: Frame) -> Column:
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
            self.focused[step] = Focused(plan.name, plan.rows, step, self._rules, self._fill_step)
        elif step.rules:
            self.components[step] = self._component(step)

    def _component(self, step: Step) -> Component:
        cells = self.cells
        tracked = cells.cut_fields(step.fields) if len(step.stages) > 1 else frozenset()

        def propose(number: int, pattern: tuple[bool, ...]) -> list[Proposal]:
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
        )

    def _masked(self, frame: Frame) -> Frame:
        if not self._masks:
            return frame
        hidden = frame.hidden
        for mask, chance in self._masks:
            hidden[mask.field] = self._mask(mask, chance, frame)
        for name, rows in hidden.items():
            frame.columns[name] = _without(frame.column(name), rows)
        for name in self.plan.recomputed:
            field = self._fields[name]
            assert field.value is not None
            frame.columns[name] = self._derived(field, field.value, frame)
            self._settle(field, frame)
            if name in hidden:
                frame.columns[name] = _without(frame.column(name), hidden[name])
        return frame

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

    def __init__(self, plan: Plan, *, seed: int | None = None) -> None:
        self.plan = plan
        self.seed = plan.spec.seed if seed is None else seed
        self.tables = {name: TableRun(table, self.seed) for name, table in plan.tables.items()}

    def seeded(self, seed: int | None) -> Run:
        """The same run with another seed; None is the spec's own."""
        other = copy(self)
        other.seed = self.plan.spec.seed if seed is None else seed
        other.tables = {name: table.seeded(other.seed) for name, table in self.tables.items()}
        return other

    def blocks(self, table: str, start: int, stop: int) -> Iterator[Frame]:
        """Blocks of rows `start` to `stop`, in order."""
        run = self.tables[table]
        for first in range(start, stop, BLOCK_ROWS):
            yield run.block(first, min(first + BLOCK_ROWS, stop))
