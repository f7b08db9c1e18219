"""Marginals: shares, moments and quantiles of fields, gathered block by block.

Values are complete, as rules see them: before anything is masked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.clusters import ClusterSums, cell_effects, effects
from synthdsl.plan.movement import QUANTILES, Marginal
from synthdsl.values.columns import Column, Vocabulary
from synthdsl.values.types import ORDERED, Kind, Type

SKETCH_ROWS = 131_072
"""Rows whose values are kept for quantiles and plots; shares and moments use all rows."""
TRUTHS = ("false", "true")
SIGMAS = 5.0
"""Standard errors by which a share must differ to count as moved: 6e-7 by chance."""
CELLS = 20
"""Cells of equal declared share in which the values of an ordered field are compared."""
ROUNDING = 1e-12
"""What sums of shares are off by."""


def is_measurable(type: Type, words: Sequence[str] | None) -> bool:
    """Whether a field has a marginal to measure: words known beforehand, truths, or an order."""
    return words is not None or type.kind in ORDERED or type.kind is Kind.BOOL


class MarginalTally:
    """Gathers one field. `words`: those that codes stand for; None for an ordered field."""

    def __init__(self, words: tuple[str, ...] | None) -> None:
        self._words = words
        self._counts = np.zeros(0 if words is None else len(words), np.int64)
        self._rows = self._present = 0
        self._mean = self._squares = 0.0
        self._kept: list[NDArray[np.float64]] = []
        self._groups = _Groups(len(self._counts)) if words is not None else _Groups(None)

    def add(self, column: Column, groups: NDArray[np.int64] | None = None) -> None:
        """Take in the column of a block. `groups`: by row, which rows are alike, from 0; no row
        of another block is. None of independent rows.
        """
        values = np.asarray(column.values)
        first = self._rows
        self._rows += len(values)
        if column.valid is not None:
            values = values[column.valid]
        self._present += len(values)
        if self._words is not None:
            codes = _same_codes(values, column.vocabulary, self._words)
            self._counts += np.bincount(codes[codes >= 0], minlength=len(self._counts))
            if groups is not None:
                self._groups.add_codes(codes, column.valid, groups)
            return
        numbers = values.astype(np.float64)
        if len(numbers):
            self._add_numbers(numbers, first)
        if groups is not None:
            self._groups.add_numbers(numbers, column.valid, groups, is_kept=first < SKETCH_ROWS)

    def _add_numbers(self, values: NDArray[np.float64], first: int) -> None:
        """Mean and sum of squares as Chan, Golub and LeVeque (1983) join two groups."""
        mean = float(values.mean())
        squares = float(np.square(values - mean).sum())
        before = self._present - len(values)
        shift = mean - self._mean
        self._mean += shift * len(values) / self._present
        self._squares += squares + shift * shift * before * len(values) / self._present
        if first < SKETCH_ROWS:
            self._kept.append(values)

    def marginal(self) -> Marginal:
        """What has been gathered."""
        nulls = self._rows - self._present
        if self._words is not None:
            found = self._groups.word_effects()
            return Marginal(self._rows, nulls, counts=self._counts, effects=found)
        if not self._present:
            return Marginal(self._rows, nulls, values=np.empty(0))
        values = np.concatenate(self._kept) if self._kept else np.empty(0)
        order = np.argsort(values, kind="stable")
        values, groups = values[order], self._groups.kept()
        spread = self._squares / max(self._present - 1, 1)
        return Marginal(
            self._rows,
            nulls,
            mean=self._mean,
            sd=math.sqrt(spread),
            # the value that at least that share does not exceed: one that occurs
            quantiles=tuple(
                float(values[max(math.ceil(q * len(values)) - 1, 0)]) for q in QUANTILES
            )
            if len(values)
            else None,
            values=values,
            effects=self._groups.number_effects(spread / self._present),
            groups=None if groups is None else groups[order],
        )


class _Groups:
    """How alike the rows of a field are in groups. `words`: how many there are; None: numbers."""

    def __init__(self, words: int | None) -> None:
        self._words = words
        self._shares = ClusterSums(1 if words is None else words + 1)
        self._sums = ClusterSums(1)
        self._origin: float | None = None
        self._kept: list[NDArray[np.int64]] = []
        self._before = 0
        self._is_any = False

    def add_codes(
        self,
        codes: NDArray[np.int64],
        valid: NDArray[np.bool_] | None,
        groups: NDArray[np.int64],
    ) -> None:
        """The words of a block: codes of what is not null, -1 for other words."""
        assert self._words is not None
        places = np.full(len(groups), self._words, np.int64)
        places[slice(None) if valid is None else valid] = codes
        known = places >= 0
        self._shares.add(places[known], None, groups[known], groups)
        self._is_any = True

    def add_numbers(
        self,
        values: NDArray[np.float64],
        valid: NDArray[np.bool_] | None,
        groups: NDArray[np.int64],
        *,
        is_kept: bool,
    ) -> None:
        """The numbers of a block: what is not null."""
        present = groups if valid is None else groups[valid]
        null = groups[:0] if valid is None else groups[~valid]
        if self._origin is None and len(values):
            # sums of squares lose less near the mean
            self._origin = float(values.mean())
        centred = values - (self._origin or 0.0)
        self._sums.add(np.zeros(len(values), np.int64), centred, present, present)
        self._shares.add(np.zeros(len(null), np.int64), None, null, groups)
        if is_kept and len(values):
            self._kept.append(present + self._before)
        self._before += int(groups.max()) + 1 if len(groups) else 0
        self._is_any = True

    def word_effects(self) -> NDArray[np.float64] | None:
        """Design effects of the words and of null; None of independent rows."""
        return self._shares.share_effects() if self._is_any else None

    def number_effects(self, independent: float) -> NDArray[np.float64] | None:
        """Those of the mean, whose variance would be `independent`, and of null."""
        if not self._is_any:
            return None
        of_mean = effects(self._sums.variances(), np.array([independent]), 1.0)
        return np.concatenate([of_mean, self._shares.share_effects()])

    def kept(self) -> NDArray[np.int64] | None:
        """Groups of the values that are kept, numbered through all blocks."""
        return np.concatenate(self._kept) if self._kept else None


def _same_codes(
    codes: NDArray[np.generic], vocabulary: Vocabulary | None, words: tuple[str, ...]
) -> NDArray[np.int64]:
    """Codes into `words`, of truths too; -1 for words that are not among them."""
    if vocabulary is None or vocabulary.words == words:
        return codes.astype(np.int64)
    position = {word: code for code, word in enumerate(words)}
    table = np.array([position.get(word, -1) for word in vocabulary.words], np.int64)
    return table[codes.astype(np.int64)] if len(table) else codes.astype(np.int64)


def share_distance(declared: Marginal, realised: Marginal) -> float:
    """Total variation between the shares of words and null of two marginals."""
    first, second = _shares(declared), _shares(realised)
    return float(np.abs(first - second).sum() / 2)


def has_other_shares(declared: Marginal, realised: Marginal) -> bool:
    """Whether any share differs by more than chance (see `differ`)."""
    if not declared.rows or not realised.rows:
        return False
    first, second = _shares(declared), _shares(realised)
    rows = np.full(len(first), math.inf)
    if declared.shares is None:
        rows = declared.rows / _share_effects(declared)
    return differ(first, second, rows, realised.rows / _share_effects(realised))


def _share_effects(marginal: Marginal) -> NDArray[np.float64]:
    """Design effects of the shares of words, and of null."""
    if marginal.effects is None:
        return np.ones(1)
    return marginal.effects if marginal.counts is not None else marginal.effects[1:]


def differ(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    n: NDArray[np.float64],
    m: NDArray[np.float64],
) -> bool:
    """Whether any of two sets of shares differ by `SIGMAS` standard errors; `n` and `m` are the
    independent rows that they are worth, of each or of all.

    Both plainly and after the arcsine transform (Anscombe 1948): of a rare word the one errs
    where it becomes common, the other where it vanishes.
    """
    weight = 1 / (n / m + 1)
    pooled = first + weight * (second - first)
    scale = np.sqrt(1 / n + 1 / m)
    plain = np.abs(second - first) > SIGMAS * np.sqrt(pooled * (1 - pooled)) * scale + ROUNDING
    arcs = 2 * np.abs(np.arcsin(np.sqrt(_clipped(first))) - np.arcsin(np.sqrt(_clipped(second))))
    return bool((plain & (arcs > SIGMAS * scale)).any())


def _clipped(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip(shares, 0.0, 1.0)


def _shares(marginal: Marginal) -> NDArray[np.float64]:
    if marginal.shares is not None:
        return marginal.shares
    counts = np.empty(0) if marginal.counts is None else marginal.counts
    return np.append(counts, marginal.nulls) / max(marginal.rows, 1)


def value_distance(declared: Marginal, realised: Marginal) -> float:
    """Largest difference between the two distribution functions (of Kolmogorov and Smirnov)."""
    first, second = declared.values, realised.values
    if first is None or second is None or not len(first) or not len(second):
        return 0.0
    every = np.unique(np.concatenate([first, second]))
    below = np.searchsorted(first, every, "right") / len(first)
    below -= np.searchsorted(second, every, "right") / len(second)
    return float(np.abs(below).max())


def has_other_values(declared: Marginal, realised: Marginal) -> bool:
    """Whether the shares below or between the declared ventiles differ by more than chance."""
    first, second = declared.values, realised.values
    if first is None or second is None or not len(first) or not len(second):
        return False
    places = (np.arange(1, CELLS) * len(first)) // CELLS
    cuts = np.unique(first[places])
    (n, n_below, cells, below), (m, m_below, cells_2, below_2) = (
        _in_cells(marginal, cuts) for marginal in (declared, realised)
    )
    return differ(below, below_2, n_below, m_below) or differ(cells, cells_2, n, m)


def _in_cells(marginal: Marginal, cuts: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """The independent rows that the shares of values between cuts, and of those up to each cut,
    are worth; then these shares.
    """
    values = marginal.values
    assert values is not None
    ends = np.searchsorted(values, cuts, "right")
    below = ends / len(values)
    cells = np.diff(below, prepend=0.0, append=1.0)
    rows = np.full(1, float(len(values)))
    if marginal.groups is None:
        return rows, rows, cells, below
    places = np.repeat(np.arange(len(cells)), np.diff(ends, prepend=0, append=len(values)))
    of_cells, of_below = cell_effects(places, len(cells), marginal.groups)
    return rows / of_cells, rows / of_below[:-1], cells, below
