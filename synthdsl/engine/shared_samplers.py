"""Samplers of draws that rows share: keyed by values, without repetition, in exact numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.determinants import determinant_keys
from synthdsl.engine.evaluate import evaluate_column
from synthdsl.engine.frame import Frame, Record
from synthdsl.engine.lookup_index import raw_column
from synthdsl.engine.samplers import BlockDraws, Context, Sampler, in_vocabulary, taken
from synthdsl.engine.streams import SlotDraws
from synthdsl.model.draws import KeyedDraw, Progression, QuotaDraw, UniqueDraw
from synthdsl.model.quotas import counts_of
from synthdsl.providers._permutation import permuted
from synthdsl.values.columns import Column, both_valid


class Keyed(Sampler):
    """One draw for each combination of values of the determinants."""

    def __init__(self, draw: KeyedDraw, inner: Sampler, context: Context) -> None:
        self._inner = inner
        self._determinants = draw.determinants
        self._types = [d.type for d in draw.determinants]

    def sample(self, frame: Frame, draws: BlockDraws) -> Column | Record:
        """The draw of each row's combination; null where a determinant is."""
        assert isinstance(draws, SlotDraws)
        columns = [evaluate_column(d, frame) for d in self._determinants]
        keys, valid = determinant_keys(columns, self._types)
        drawn = self._inner.sample(frame, draws.keyed_by(keys))
        if valid is None:
            return drawn
        if isinstance(drawn, dict):
            return {name: _where(part, valid) for name, part in drawn.items()}
        return _where(drawn, valid)


def _where(column: Column, valid: NDArray[np.bool_]) -> Column:
    return Column(column.values, both_valid(column.valid, valid), column.vocabulary)


class Unique(Sampler):
    """The value at each row's number under the keyed permutation of the slot."""

    def __init__(self, draw: UniqueDraw, context: Context) -> None:
        self._count = len(draw.values)
        self._place = (
            _Steps(draw.values, context)
            if isinstance(draw.values, Progression)
            else _Outcomes(draw.values, context)
        )

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """Values that differ from those of all other rows of the table."""
        return self._place(_permuted(draws, self._count))


class Quota(Sampler):
    """Outcomes in exact numbers, dealt by the keyed permutation of the slot."""

    def __init__(self, draw: QuotaDraw, context: Context) -> None:
        self._rows = context.rows
        self._ends = np.cumsum(counts_of(draw.shares, context.rows), dtype=np.int64)
        self._place = _Outcomes(draw.outcomes, context)

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """The outcome in whose part of the permuted row numbers each row falls."""
        places = _permuted(draws, max(self._rows, 1))
        return self._place(np.searchsorted(self._ends, places, side="right"))


def _permuted(draws: BlockDraws, count: int) -> NDArray[np.int64]:
    # a pilot of rules may draw more rows than the table has; for its own rows this changes nothing
    ordinals = draws.ordinals % count
    return permuted(ordinals.astype(np.uint64), count, draws.key("permutation")).astype(np.int64)


class _Steps:
    """Grid values by their number."""

    def __init__(self, values: Progression, context: Context) -> None:
        self._start = int(values.first / values.step)
        self._numerator, self._denominator = values.step.numerator, values.step.denominator
        self._is_whole = context.grid.is_whole

    def __call__(self, numbers: NDArray[np.int64]) -> Column:
        steps = numbers + self._start
        if self._is_whole:
            return Column(steps * self._numerator)
        return Column(steps * float(self._numerator) / float(self._denominator))


class _Outcomes:
    """Listed values by their number."""

    def __init__(self, outcomes: tuple[Any, ...], context: Context) -> None:
        column = raw_column(list(outcomes), context.field.type)
        self._column = in_vocabulary(column, context)
        self._last = len(outcomes) - 1

    def __call__(self, numbers: NDArray[Any]) -> Column:
        return taken(self._column, np.minimum(numbers, self._last))
