"""Draws of references: the number of a row of the target, one a row.

Where equal values, bounds of the number and weights leave an interval to choose from, one uniform
chooses in it. Any other condition is tried: rows are proposed, with their weights, until one meets
it; after a fixed number of tries all rows that there are get looked at, and one of those that
meet it is chosen. Both give a row with a chance in proportion to its weight among those that meet
the condition, so that the choice has exactly that law however many tries it took.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.evaluate import evaluate_column
from synthdsl.engine.frame import Frame
from synthdsl.engine.references.candidates import Candidates, whole_weights
from synthdsl.engine.references.choosing import Choosing, where_text
from synthdsl.engine.references.groups import Numbers, bits_of
from synthdsl.engine.references.parts import PairExpression, TargetPart
from synthdsl.engine.references.target_rows import TargetRows
from synthdsl.engine.results import is_true
from synthdsl.engine.samplers import BlockDraws, Context, Sampler, row_error
from synthdsl.engine.streams import GOLDEN, Keys, mix
from synthdsl.model.draws import RefDraw
from synthdsl.model.expressions import FieldRef, fields_read, walk
from synthdsl.model.references import MOST_INDEXED
from synthdsl.model.spelling import spell_constant
from synthdsl.values.columns import Column
from synthdsl.values.types import Kind

TRIES = 32
"""Tries after which all rows of the target are looked at."""
MOST_TRIES = 2**20
"""Tries where there are too many rows to look at."""
_TRIED_AT_ONCE = 2_048
_PAIRS_AT_ONCE = 2**20


class Reference(Sampler):
    """The number of a row of the target that meets the condition, by its weight."""

    def __init__(self, draw: RefDraw, target: TargetRows | None, context: Context) -> None:
        self.draw = draw
        self.target = target
        self.choosing = Choosing(draw, target, context.simplify)

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """A number for each row; raises `RowError` for a row that has no choice."""
        first, last = self.choosing.intervals(frame)
        return Column(self.chosen(first, last, frame, draws))

    def chosen(self, first: Numbers, last: Numbers, frame: Frame, draws: BlockDraws) -> Numbers:
        """Numbers of rows at positions in [first, last) that meet what is left to check."""
        candidates = self.choosing.candidates(frame.seed)
        is_empty = candidates.is_empty(first, last)
        if is_empty.any():
            self.refuse(int(np.flatnonzero(is_empty)[0]), frame)
        if self.choosing.pair_weight is None and self.choosing.left is None:
            return candidates.numbers(candidates.choose(first, last, draws.uniform()))
        return _Pairs(self, candidates, first, last, frame, draws).chosen()

    def refuse(self, row: int, frame: Frame) -> NoReturn:
        """Raise the error about a row that has nothing to refer to."""
        draw = self.draw
        if draw.condition is None or (self.target is not None and not self.target.rows):
            has_rows = self.target is None or self.target.rows > 0
            reason = "has no row with a weight" if has_rows else "has no rows"
            raise row_error(draw.span, frame, row, f"`{draw.table}` {reason}")
        values = self._values(row, frame)
        raise row_error(
            draw.condition.span,
            frame,
            row,
            f"no row of `{draw.table}` meets `{where_text(draw.condition.span)}`"
            + (f", where {values}" if values else ""),
            f"widen the condition, add rows to `{draw.table}`, "
            "or give null in that case: `when {...: null, else: ref ...}`",
        )

    def _values(self, row: int, frame: Frame) -> str:
        """What a row gives to the condition, in words."""
        assert self.draw.condition is not None
        shown = []
        types = {e.field: e.type for e in walk(self.draw.condition) if isinstance(e, FieldRef)}
        for name in sorted(fields_read(self.draw.condition) & types.keys())[:5]:
            column = frame.column(name).take(np.array([row]))
            is_null = column.valid is not None and not column.valid[0]
            value = column.values[0]
            if column.vocabulary is not None or column.is_arrow:
                value = column.text()[0].as_py()
            elif isinstance(value, np.generic):
                value = value.item()
            text = "null" if is_null else spell_constant(value, types[name])
            if types[name].kind is Kind.REFERENCE and not is_null:
                text = f"row {value} of `{types[name].table}`"
            shown.append(f"{name} = {text}")
        return ", ".join(shown)


class _Pairs:
    """A choice by what is computed for pairs of a row and a row of the target."""

    def __init__(
        self,
        reference: Reference,
        candidates: Candidates,
        first: Numbers,
        last: Numbers,
        frame: Frame,
        draws: BlockDraws,
    ) -> None:
        self._reference = reference
        self._choosing = reference.choosing
        self._candidates = candidates
        self._first, self._last = first, last
        self._frame = frame
        self._draws = draws
        self._of_rows: dict[PairExpression, list[Column]] = {}

    def chosen(self) -> Numbers:
        """The number chosen for each row."""
        result = np.empty(self._frame.rows, np.int64)
        waiting = np.arange(self._frame.rows)
        if self._choosing.pair_weight is None:
            waiting = self._try(waiting, result)
        if waiting.size:
            self._look_at_all(waiting, result)
        return result

    def _try(self, waiting: Numbers, result: Numbers) -> Numbers:
        """Try rows of the target; those that are left without one."""
        assert self._choosing.left is not None
        target = self._reference.target
        can_look = target is None or target.rows <= MOST_INDEXED
        limit = TRIES if can_look else MOST_TRIES
        attempt = 0
        while waiting.size and attempt < limit:
            count = max(1, min(limit - attempt, _TRIED_AT_ONCE // waiting.size))
            uniforms = [self._draws.uniform(attempt=attempt + k, at=waiting) for k in range(count)]
            rows = np.tile(waiting, count)
            positions = self._candidates.choose(
                self._first[rows], self._last[rows], np.concatenate(uniforms)
            )
            is_met = self._is_met(rows, positions).reshape(count, -1)
            found = is_met.any(axis=0)
            places = positions.reshape(count, -1)[is_met.argmax(axis=0), np.arange(len(waiting))]
            result[waiting[found]] = self._candidates.numbers(places[found])
            waiting = waiting[~found]
            attempt += count
        if waiting.size and not can_look:
            row = int(waiting[0])
            draw = self._reference.draw
            assert draw.condition is not None
            raise row_error(
                draw.condition.span,
                self._frame,
                row,
                f"none of {limit:,} rows of `{draw.table}` that were tried meets "
                f"`{where_text(draw.condition.span)}`",
                f"a table of up to {MOST_INDEXED:,} rows is searched as a whole",
            )
        return waiting

    def _is_met(self, rows: Numbers, positions: Numbers) -> NDArray[np.bool_]:
        left = self._choosing.left
        if left is None:
            return np.ones(len(rows), np.bool_)
        return is_true(self._value(left, rows, positions), len(rows))

    def _value(self, expression: PairExpression, rows: Numbers, positions: Numbers) -> Column:
        numbers = self._candidates.numbers(positions)
        targets = self._target_columns(expression.target_parts, rows, numbers)
        return expression.value(self._row_columns(expression), rows, targets, self._frame.seed)

    def _row_columns(self, expression: PairExpression) -> list[Column]:
        if expression not in self._of_rows:
            self._of_rows[expression] = expression.of_rows(self._frame)
        return self._of_rows[expression]

    def _target_columns(
        self, parts: list[TargetPart], rows: Numbers, numbers: Numbers
    ) -> list[Column]:
        target, seed = self._reference.target, self._frame.seed
        if target is None:
            return list(_of_siblings(parts, rows, numbers, self._frame))
        if target.rows > MOST_INDEXED:
            return target.parts(seed, numbers, parts)
        return [column.take(numbers) for column in target.whole_parts(seed, parts)]

    def _look_at_all(self, waiting: Numbers, result: Numbers) -> None:
        """Choose for each row among all rows of the target that meet its condition.

        Rows that have the same choice are dealt with as one.
        """
        u = self._draws.uniform("looked at", at=waiting)
        _, place, like = np.unique(self._signs(waiting), return_index=True, return_inverse=True)
        different = waiting[place]
        members = np.argsort(like, kind="stable")
        ends_of_like = np.cumsum(np.bincount(like, minlength=len(different)))
        for start, stop in _chunks(self._last[different] - self._first[different]):
            rows = different[start:stop]
            sizes = self._last[rows] - self._first[rows]
            ends = np.cumsum(sizes)
            owners = np.repeat(np.arange(len(rows)), sizes)
            positions = np.arange(ends[-1]) + np.repeat(self._first[rows] - ends + sizes, sizes)
            weights = self._weights(rows[owners], positions, ends - sizes)
            weights[~self._is_met(rows[owners], positions)] = 0
            levels = np.concatenate([[0], np.cumsum(weights)])
            base, total = levels[ends - sizes], levels[ends] - levels[ends - sizes]
            if not total.all():
                self._reference.refuse(int(rows[np.flatnonzero(total == 0)[0]]), self._frame)
            those = members[ends_of_like[start - 1] if start else 0 : ends_of_like[stop - 1]]
            of_row = like[those] - start
            wanted = base[of_row] + (u[those] * total[of_row]).astype(np.int64)
            places = np.searchsorted(levels, wanted, side="right") - 1
            result[waiting[those]] = self._candidates.numbers(positions[places])

    def _signs(self, rows: Numbers) -> Keys:
        """64 bits for each row, equal where it chooses from the same rows in the same way."""
        signs = mix(self._first[rows].view(np.uint64) + GOLDEN)
        columns = [Column(self._last)]
        for expression in (self._choosing.left, self._choosing.pair_weight):
            if expression is not None:
                columns += self._row_columns(expression)
        for column in columns:
            bits = bits_of(column)
            if bits is None:
                return np.arange(len(rows), dtype=np.uint64)
            signs ^= bits[rows]
            signs += GOLDEN
            mix(signs)
        return signs

    def _weights(self, rows: Numbers, positions: Numbers, starts: Numbers) -> Numbers:
        """Whole weights of pairs; those of a row, which start at `starts`, total 2**40 or less."""
        pair_weight = self._choosing.pair_weight
        if pair_weight is None:
            return self._candidates.weights(positions)
        column = self._value(pair_weight, rows, positions)
        weights = self._choosing.checked_weights(column, self._candidates.numbers(positions))
        sizes = np.diff(np.append(starts, len(weights)))
        largest = np.maximum.reduceat(weights, starts)
        scale = np.where(largest > 0, largest, 1.0) * sizes
        return whole_weights(weights / np.repeat(scale, sizes))


def _of_siblings(
    parts: list[TargetPart], rows: Numbers, numbers: Numbers, frame: Frame
) -> Iterator[Column]:
    """Expressions over siblings of rows of `frame`, by their position under the parent."""
    if not parts:
        return
    whole, at = with_earlier_siblings(frame)
    places = (at - frame.ordinals)[rows] + numbers
    for part in parts:
        column = evaluate_column(part.value, whole)
        yield column.take(places)


def with_earlier_siblings(frame: Frame) -> tuple[Frame, Numbers]:
    """The frame that `frame` is a part of and that has all earlier siblings of its rows, and
    where these stand in it.
    """
    at = np.arange(frame.rows)
    whole = frame
    while not _has_earlier(whole, at, frame.ordinals):
        assert whole._whole is not None and whole._at is not None, "siblings are drawn together"
        at, whole = whole._at[at], whole._whole
    return whole, at


def _has_earlier(frame: Frame, at: Numbers, ordinals: Numbers) -> bool:
    starts = at - ordinals
    if not len(starts):
        return True
    if starts.min() < 0 or frame.ordinals[starts].any() or (np.diff(frame.ordinals) > 1).any():
        return False
    return frame.parents is None or bool((frame.parents[starts] == frame.parents[at]).all())


def _chunks(sizes: Numbers) -> Iterator[tuple[int, int]]:
    """Ranges of rows with about as many pairs in all as are looked at together."""
    ends = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        before = ends[start] - sizes[start]
        stop = int(np.searchsorted(ends, before + _PAIRS_AT_ONCE, side="right"))
        stop = max(stop, start + 1)
        yield start, stop
        start = stop
