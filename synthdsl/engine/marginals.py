"""Marginals: shares, moments and quantiles of fields, gathered block by block.

Values are complete, as rules see them: before anything is masked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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

    def add(self, column: Column) -> None:
        """Take in the column of a block."""
        values = np.asarray(column.values)
        first = self._rows
        self._rows += len(values)
        if column.valid is not None:
            values = values[column.valid]
        self._present += len(values)
        if self._words is not None:
            self._add_codes(_same_codes(values, column.vocabulary, self._words))
        elif len(values):
            self._add_numbers(values.astype(np.float64), first)

    def _add_codes(self, codes: NDArray[np.int64]) -> None:
        self._counts += np.bincount(codes, minlength=len(self._counts))

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
            return Marginal(self._rows, nulls, counts=self._counts)
        if not self._present:
            return Marginal(self._rows, nulls, values=np.empty(0))
        values = np.sort(np.concatenate(self._kept)) if self._kept else np.empty(0)
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
        )


def _same_codes(
    codes: NDArray[np.generic], vocabulary: Vocabulary | None, words: tuple[str, ...]
) -> NDArray[np.int64]:
    """Codes into `words`, of truths too; words that are not among them are left out."""
    if vocabulary is None or vocabulary.words == words:
        return codes.astype(np.int64)
    position = {word: code for code, word in enumerate(words)}
    table = np.array([position.get(word, -1) for word in vocabulary.words], np.int64)
    found = table[codes.astype(np.int64)] if len(table) else codes.astype(np.int64)
    return found[found >= 0]


def share_distance(declared: Marginal, realised: Marginal) -> float:
    """Total variation between the shares of words and null of two marginals."""
    first, second = _shares(declared), _shares(realised)
    return float(np.abs(first - second).sum() / 2)


def has_other_shares(declared: Marginal, realised: Marginal) -> bool:
    """Whether any share differs by more than chance (see `differ`)."""
    if not declared.rows or not realised.rows:
        return False
    rows = math.inf if declared.shares is not None else declared.rows
    return differ(_shares(declared), _shares(realised), rows, realised.rows)


def differ(first: NDArray[np.float64], second: NDArray[np.float64], n: float, m: float) -> bool:
    """Whether any of two sets of shares, of `n` and `m` rows, differ by `SIGMAS` standard errors.

    Both plainly and after the arcsine transform (Anscombe 1948): of a rare word the one errs
    where it becomes common, the other where it vanishes.
    """
    weight = 0.0 if math.isinf(n) else m / (n + m)
    pooled = first + weight * (second - first)
    scale = math.sqrt(1 / n + 1 / m)
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
    below = [np.searchsorted(x, cuts, "right") / len(x) for x in (first, second)]
    cells = [np.diff(shares, prepend=0.0, append=1.0) for shares in below]
    n, m = len(first), len(second)
    return differ(below[0], below[1], n, m) or differ(cells[0], cells[1], n, m)
