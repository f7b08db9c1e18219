"""How whole sums fall into parts, by tables: the law of each part given what is left.

Given that a part and the parts after it make s, the part is k with a probability proportional
to its own mass at k times the mass of the others' sum at s - k.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.conditioning.sum_families import DrawsOf, Family, Law, Part

MOST = 255
"""Largest sum in the tables; a larger one is split by the family's own sampler."""


class CountSplit:
    """Splits sums of count parts up to `most` by one search a part."""

    def __init__(self, family: Family, parts: Sequence[Part], most: int) -> None:
        self._family = family
        self._parts = parts
        self._size = min(most, MOST) + 1
        self._tables: list[NDArray[np.float64]] = []
        for i, part in enumerate(parts[:-1]):
            rest = family.sum_law(parts[i + 1 :], [1.0] * len(parts[i + 1 :]))
            assert rest is not None
            self._tables.append(_conditional(part.law, rest, self._size))

    def split(self, total: NDArray[np.float64], draws: DrawsOf) -> list[NDArray[np.float64]]:
        """Whole parts of (n,) whole sums, one array a part."""
        large = np.flatnonzero(total >= self._size)
        left = total if not large.size else np.where(total < self._size, total, 0.0)
        values: list[NDArray[np.float64]] = []
        for part, table in zip(self._parts, self._tables, strict=False):
            # level u of the law at sum s is level s + u of all of them laid end to end
            levels = left + draws(part.name).uniform()
            found = np.searchsorted(table, levels, side="left").astype(np.float64)
            values.append(found - left * self._size)
            left = left - values[-1]
        values.append(left.copy())
        if large.size:
            ones = [1.0] * len(self._parts)
            others = self._family.split(
                self._parts, ones, total[large], lambda name: draws(name).at(large)
            )
            for value, other in zip(values, others, strict=True):
                value[large] = other
        return values


def _conditional(own: Law, rest: Law, size: int) -> NDArray[np.float64]:
    """Cumulated probabilities of 0, 1, … given that own and rest make s, plus s; for
    s = 0, 1, …, laid end to end: (size * size,), ascending.
    """
    counts = np.arange(size, dtype=float)
    first, second = (
        np.asarray(law.distribution.log_density(counts, *law.params)) for law in (own, rest)
    )
    gap = counts[:, None] - counts[None, :]
    at = np.where(gap >= 0, gap, 0).astype(np.int64)
    logs = np.where(gap >= 0, first[None, :] + second[at], -np.inf)
    top = logs.max(axis=1, keepdims=True)
    # a sum that cannot be made is never asked for: any law will do
    masses = np.exp(logs - np.where(np.isfinite(top), top, 0.0))
    cumulated = np.cumsum(masses, axis=1)
    total = cumulated[:, -1:]
    shares = np.where(total > 0, cumulated / np.where(total > 0, total, 1.0), 1.0)
    shares[gap <= 0] = 1.0
    result: NDArray[np.float64] = (shares + counts[:, None]).reshape(-1)
    return result
