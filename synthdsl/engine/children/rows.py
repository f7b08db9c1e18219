"""Rows that meet conditions: how likely a row is to, given what is above it, and how one is made.

What the conditions read is settled in *cells*: one outcome for each field that has few, and in
each cell an interval for each field that conditions bound. Fields are independent given those
before them, so that the chance of a cell is a product.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.children.edges import Bound, Edges, clause_is_met
from synthdsl.engine.children.outcomes import Outcomes
from synthdsl.engine.conditioning.clauses import Clause
from synthdsl.engine.frame import Frame, take
from synthdsl.engine.lookup_index import raw_column
from synthdsl.engine.masses import mass_function
from synthdsl.engine.results import filled_mask
from synthdsl.engine.samplers import Context, in_vocabulary
from synthdsl.model.draws import FixedDraw, Truncated
from synthdsl.model.expressions import Above, Constant, FieldRef, fields_read, walk
from synthdsl.model.spec import Field
from synthdsl.values.columns import Column

if TYPE_CHECKING:
    from synthdsl.engine.run import TableRun

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]
MOST_CELLS = 64


@dataclass(eq=False)
class Cells:
    """The cells of some probe rows: (rows, cells) chances, and ends of intervals by field."""

    chances: Floats
    ends: dict[str, tuple[Floats, Floats]]

    @property
    def total(self) -> Floats:
        """The chance that a row meets the conditions."""
        return np.asarray(np.minimum(self.chances.sum(axis=1), 1.0))


class RowLaw:
    """The law of rows of a table with respect to conditions on them.

    `names`: the fields to make, in order; `outcomes` tells of those that are drawn from a few,
    `bounds` of those that conditions bound. `clauses` read none of the latter. Raises ValueError
    where there are too many cells.
    """

    def __init__(
        self,
        run: TableRun,
        names: Sequence[str],
        outcomes: Mapping[str, Outcomes],
        bounds: Mapping[str, list[Bound]],
        clauses: Iterable[Clause],
    ) -> None:
        self.names = tuple(names)
        self.clauses = list(clauses)
        self.expressions = [c.condition for c in self.clauses]
        for bound in (b for own in bounds.values() for b in own):
            self.expressions += [bound.other, *(c.condition for c in bound.premises)]
        self._run = run
        self._fields = run.plan.table.fields
        self._outcomes = dict(outcomes)
        self._columns = {name: _column_of(run, name, o.values) for name, o in outcomes.items()}
        self._checks = self._placed()
        self._kept = {name: self._possible(name) for name in outcomes}
        self._bounds = {name: _Bounded(run, self._fields[name], b) for name, b in bounds.items()}
        self.cells = list(self._combinations())

    def _placed(self) -> list[list[Clause]]:
        """Clauses by the place of the last field that they read; those of none come first."""
        result: list[list[Clause]] = [[] for _ in range(len(self.names) + 1)]
        for clause in self.clauses:
            places = [self.names.index(name) + 1 for name in fields_read(clause.condition)]
            result[max(places, default=0)].append(clause)
        return result

    @property
    def bounded(self) -> frozenset[str]:
        """The fields that conditions bound."""
        return frozenset(self._bounds)

    def interval(self, name: str) -> tuple[float, float]:
        """The raw values that what is constant of a field's bounds leaves."""
        return self._bounds[name].constant()

    def outcome_column(self, name: str) -> Column:
        """The outcomes of a field, each in one row."""
        return self._columns[name]

    def _possible(self, name: str) -> list[int]:
        """The outcomes of a field that meet the clauses about it alone."""
        column = self._columns[name]
        frame = _blank(self._run.plan.name, len(column))
        frame.columns[name] = column
        fine = np.ones(len(column), np.bool_)
        for clause in self._checks[self.names.index(name) + 1]:
            if _reads_only(clause, name):
                fine &= clause_is_met(clause, frame)
        return [int(number) for number in np.flatnonzero(fine)]

    def _combinations(self) -> Iterable[dict[str, int]]:
        found: list[dict[str, int]] = [{}]
        for name in self.names:
            if name in self._kept:
                found = [{**cell, name: number} for cell in found for number in self._kept[name]]
            if len(found) > MOST_CELLS:
                raise ValueError("too many cells")
        return found

    # chances

    def chances(self, probe: Frame) -> Cells:
        """What the cells come to for rows about which only what is above them is known."""
        size = probe.rows, len(self.cells)
        ends = {name: (np.full(size, np.inf), np.full(size, -np.inf)) for name in self._bounds}
        cells = Cells(np.zeros(size), ends)
        start = _Walk(cells, np.arange(probe.rows), np.ones(probe.rows), {})
        start = self._checked(0, probe, start)
        self._descend(0, probe, start)
        return cells

    def _descend(self, place: int, frame: Frame, at_hand: _Walk) -> None:
        if not len(at_hand.at):
            return
        frame = frame.some(at_hand.kept)
        at_hand.kept = np.arange(len(at_hand.at))
        if place == len(self.names):
            number = self.cells.index(at_hand.chosen)
            at_hand.cells.chances[at_hand.at, number] = at_hand.chance
            for name, (low, high) in at_hand.ends.items():
                at_hand.cells.ends[name][0][at_hand.at, number] = low
                at_hand.cells.ends[name][1][at_hand.at, number] = high
            return
        name = self.names[place]
        if name in self._outcomes:
            shares = self._outcomes[name].shares(frame)
            for number in self._kept[name]:
                part = frame.some(np.arange(frame.rows))
                at = np.full(frame.rows, number)
                part.columns[name] = take(self._columns[name], at)
                inner = at_hand.times(shares[number], {name: number})
                self._descend(place + 1, part, self._checked(place + 1, part, inner))
            return
        if name in self._bounds:
            mass, ends = self._bounds[name].mass(frame)
            at_hand = at_hand.times(mass, {})
            at_hand.ends = {**at_hand.ends, name: ends}
        else:
            self._run.fill_field(name, frame)
        at_hand = at_hand.times(1.0, {})
        self._descend(place + 1, frame, self._checked(place + 1, frame, at_hand))

    def _checked(self, place: int, frame: Frame, at_hand: _Walk) -> _Walk:
        """What is left once the clauses at a place are looked at, and what has no chance is not."""
        fine = at_hand.chance > 0
        for clause in self._checks[place]:
            fine &= clause_is_met(clause, frame)
        return at_hand.only(np.flatnonzero(fine))

    # rows

    def make(self, frame: Frame) -> None:
        """Make the fields for every row of `frame`, as declared."""
        for name in self.names:
            self._run.fill_field(name, frame)

    def meets(self, frame: Frame) -> NDArray[np.bool_]:
        """Rows that meet the conditions."""
        fine = np.ones(frame.rows, np.bool_)
        for clauses in self._checks:
            for clause in clauses:
                fine &= clause_is_met(clause, frame)
        for bounded in self._bounds.values():
            fine &= bounded.holds(frame)
        return fine

    def make_meeting(self, frame: Frame, cells: Cells, probe: Positions) -> None:
        """Make the fields for every row of `frame`, given that it meets the conditions.

        `probe`: the position among the probe rows of `cells` of the one that each row is like.
        """
        chances = np.cumsum(cells.chances[probe], axis=1)
        level = frame.draws(f"#meets:{self.names[-1]}").uniform("cell") * chances[:, -1]
        number = (chances <= level[:, None]).sum(axis=1)
        last = chances.shape[1] - 1 - np.argmax((cells.chances[probe] > 0)[:, ::-1], axis=1)
        number = np.minimum(number, last)
        for name in self.names:
            if name in self._outcomes:
                chosen = np.array([cell[name] for cell in self.cells])[number]
                frame.columns[name] = take(self._columns[name], chosen)
            elif name in self._bounds:
                low, high = cells.ends[name]
                self._bounds[name].fill(frame, low[probe, number], high[probe, number])
            else:
                self._run.fill_field(name, frame)


@dataclass(eq=False)
class _Walk:
    """Where the enumeration of cells is: probe rows that are left, with the chance so far.

    `kept`: which rows of the frame at hand these are.
    """

    cells: Cells
    at: Positions
    chance: Floats
    chosen: dict[str, int]
    kept: Any = None
    ends: Any = None

    def __post_init__(self) -> None:
        if self.kept is None:
            self.kept = np.arange(len(self.at))
        if self.ends is None:
            self.ends = {}

    def times(self, chance: Any, chosen: dict[str, int]) -> _Walk:
        return replace(self, chance=self.chance * chance, chosen={**self.chosen, **chosen})

    def only(self, rows: Positions) -> _Walk:
        ends = {name: (low[rows], high[rows]) for name, (low, high) in self.ends.items()}
        return replace(self, at=self.at[rows], chance=self.chance[rows], kept=rows, ends=ends)


class _Bounded:
    """A field that conditions bound: its mass in the interval, and draws inside."""

    def __init__(self, run: TableRun, field: Field, bounds: list[Bound]) -> None:
        assert field.draw is not None
        self._name = field.name
        self._edges = Edges(field, bounds)
        self._constant = [b for b in bounds if isinstance(b.other, Constant) and not b.premises]
        self._table = run.plan.name
        self._field = field
        self._low, self._high = f"#low:{field.name}", f"#high:{field.name}"
        low, high = (FieldRef(field.type, field.span, n) for n in (self._low, self._high))
        context = Context(field, run.simplified, vocabulary=None, parts=frozenset(), by_level=False)
        self._mass = mass_function(field.draw, context, low, high)
        narrow = replace(field, draw=Truncated(field.span, field.draw, low, high))
        self._fill = _fill_with(run, narrow)

    def mass(self, frame: Frame) -> tuple[Floats, tuple[Floats, Floats]]:
        low, high = self._edges.of(frame)
        mass = np.zeros(frame.rows)
        at = np.flatnonzero(low <= high)
        if at.size:
            part = frame.some(at)
            self._note(part, low[at], high[at])
            found = self._mass(part)
            values = np.broadcast_to(np.asarray(found.values, np.float64), at.size)
            valid = filled_mask(found.valid, at.size)
            mass[at] = values if valid is None else np.where(valid, values, 0.0)
        return mass, (low, high)

    def constant(self) -> tuple[float, float]:
        low, high = Edges(self._field, self._constant).of(_blank(self._table, 1))
        return float(low[0]), float(high[0])

    def holds(self, frame: Frame) -> NDArray[np.bool_]:
        low, high = self._edges.of(frame)
        column = frame.column(self._name)
        fine = (low <= column.values) & (column.values <= high)
        return np.asarray(fine if column.valid is None else fine & column.valid)

    def fill(self, frame: Frame, low: Floats, high: Floats) -> None:
        self._note(frame, low, high)
        self._fill(self._name, frame)

    def _note(self, frame: Frame, low: Floats, high: Floats) -> None:
        frame.columns[self._low] = Column(low)
        frame.columns[self._high] = Column(high)


def _fill_with(run: TableRun, field: Field) -> Any:
    """Draws one field of a table by another draw."""
    plan = run.plan
    plans = {**plan.fields, field.name: replace(plan.fields[field.name], field=field)}
    fields = {**plan.table.fields, field.name: field}
    narrow = replace(plan, table=replace(plan.table, fields=fields), fields=plans)
    return run.narrow_fill(narrow, (field.name,))


def _column_of(run: TableRun, name: str, values: list[Any]) -> Column:
    """Raw values as a field's draw gives them, each in one row."""
    field = run.plan.table.fields[name]
    vocabulary = None
    word = next((value for value in values if value is not None), None)
    if run.plan.fields[name].words is not None and word is not None:
        # the very vocabulary that the field's own draws have
        draw = FixedDraw(field.span, Constant(field.type, field.span, word))
        frame = _blank(run.plan.name, 1)
        _fill_with(run, replace(field, draw=draw))(name, frame)
        vocabulary = frame.column(name).vocabulary
    context = Context(
        field, run.simplified, vocabulary=vocabulary, parts=frozenset(), by_level=False
    )
    return in_vocabulary(raw_column(values, field.type), context)


def _blank(table: str, rows: int) -> Frame:
    return Frame(table, 0, np.zeros(rows, np.uint64), np.zeros(rows, np.int64))


def _reads_only(clause: Clause, name: str) -> bool:
    parts = list(walk(clause.condition))
    return fields_read(clause.condition) == {name} and not any(isinstance(p, Above) for p in parts)
