"""Rows that are alike in groups: by how much shares and means of them scatter more.

Rows under one root row share what is drawn for it. The variance of a share, or of a mean, is that
of a ratio of totals over groups, which are independent (Cochran 1977, "Sampling Techniques", 3rd
ed., sec. 6.3, 9A.3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class ClusterSums:
    """Totals of `places` quantities over groups, gathered block by block; a group is in one."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._squares = np.zeros(places)
        self._products = np.zeros(places)
        self._totals = np.zeros(places)
        self._sizes = self._rows = self._groups = 0.0

    def add(
        self, places: Integers, values: Floats | None, groups: Integers, rows: Integers
    ) -> None:
        """Take in a block: of each entry its place, value (None: 1) and group; `rows` are the
        groups of all rows of the block, which the totals are divided by.
        """
        sizes = np.bincount(rows).astype(np.float64)
        self._sizes += float(np.square(sizes).sum())
        self._rows += len(rows)
        self._groups += int(np.count_nonzero(sizes))
        keys, inverse = np.unique(groups * self._places + places, return_inverse=True)
        totals = np.bincount(inverse, values, minlength=len(keys)).astype(np.float64)
        at = keys % self._places

        def by_place(of: Floats) -> Floats:
            return np.bincount(at, of, minlength=self._places).astype(np.float64)

        self._totals += by_place(totals)
        self._squares += by_place(totals * totals)
        self._products += by_place(totals * sizes[keys // self._places])

    def variances(self) -> Floats:
        """Of each quantity for a row: the variance of the mean."""
        if self._rows == 0:
            return np.zeros(self._places)
        ratios = self._totals / self._rows
        squares = self._squares - 2 * ratios * self._products + ratios**2 * self._sizes
        scale = self._groups / max(self._groups - 1, 1) / self._rows**2
        return np.maximum(squares, 0.0) * scale

    def share_effects(self) -> Floats:
        """Design effects of quantities that are shares of the rows; at least 1."""
        if self._rows == 0:
            return np.ones(self._places)
        shares = self._totals / self._rows
        independent = shares * (1 - shares) / self._rows
        return effects(self.variances(), independent, self._sizes / self._rows)


def effects(found: Floats, independent: Floats, most: float) -> Floats:
    """By how much variances exceed those of independent rows: at least 1.

    A share of none or of all rows says nothing of that: it has the mean effect of the others
    (Rao, Scott 1981, "The analysis of categorical data from complex sample surveys"), or `most`,
    the effect where the rows of each group agree.
    """
    is_some = independent > 0
    ratio = np.divide(found, independent, out=np.ones_like(found), where=is_some)
    ratio[~is_some] = ratio[is_some].mean() if is_some.any() else most
    return np.maximum(ratio, 1.0)


def cell_effects(cells: Integers, number: int, groups: Integers) -> tuple[Floats, Floats]:
    """Design effects of the shares of rows in each of `number` cells, and in each with those
    before it.
    """
    names, position = np.unique(groups, return_inverse=True)
    counts = np.bincount(position * number + cells, minlength=len(names) * number)
    table = counts.reshape(len(names), number).astype(np.float64)
    sizes = table.sum(axis=1)
    return _effects_of(table, sizes), _effects_of(np.cumsum(table, axis=1), sizes)


def _effects_of(totals: Floats, sizes: Floats) -> Floats:
    rows = float(sizes.sum())
    shares = totals.sum(axis=0) / rows
    scale = len(sizes) / max(len(sizes) - 1, 1) / rows**2
    found = np.square(totals - np.outer(sizes, shares)).sum(axis=0) * scale
    return effects(found, shares * (1 - shares) / rows, float(np.square(sizes).sum()) / rows)
