"""Weighted choice by inversion with a guide table.

The top bits of a row's hash select a cell. A cell that lies within one outcome gives it at
once; the few that hold a boundary are settled by searching the cumulated weights. The outcome
is the same as that of searching alone, and increases with the uniform.
Source: Chen and Asau 1974, "On generating random variates from an empirical distribution";
Devroye 1986, III.2.4.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.streams import Keys, unit_interval

MOST_CELLS = 1 << 22


class Chooser:
    """Choices within groups: `weights[g]` are the non-negative weights of group g's outcomes.

    Outcomes are numbered through all groups.
    """

    def __init__(self, weights: Sequence[NDArray[np.float64]]) -> None:
        sizes = np.array([len(w) for w in weights])
        self._firsts = np.concatenate([[0], np.cumsum(sizes)])
        self._is_single = len(weights) == 1
        largest = int(sizes.max())
        bits = min(16, max(6, (16 * largest - 1).bit_length()))
        while bits > 4 and (len(weights) << bits) > MOST_CELLS:
            bits -= 1
        self._bits = bits
        self._shift = np.uint64(64 - bits)
        cumulated = [_cumulated(np.asarray(w, np.float64)) for w in weights]
        # group g's levels lie in [g, g + 1), so that one search serves all groups
        self._levels = np.concatenate([c + g for g, c in enumerate(cumulated)])
        cells = [
            self._guide(c, int(first))
            for c, first in zip(cumulated, self._firsts[:-1], strict=True)
        ]
        self._cells = np.concatenate(cells).astype(np.int32)

    def _guide(self, cumulated: NDArray[np.float64], first: int) -> NDArray[np.int64]:
        edges = np.arange((1 << self._bits) + 1) / (1 << self._bits)
        low = np.searchsorted(cumulated, edges[:-1], side="right")
        high = np.searchsorted(cumulated, edges[1:], side="left")
        return np.where(low == high, low + first, -1)

    def choose(self, bits: Keys, groups: NDArray[np.int64] | None = None) -> NDArray[np.int32]:
        """The outcome of each row: (n,) int32. `bits` is used up."""
        cell = np.right_shift(bits, self._shift).view(np.int64)
        if groups is not None and not self._is_single:
            cell += groups << self._bits
        chosen = self._cells.take(cell)
        unsettled = np.flatnonzero(chosen < 0)
        if unsettled.size:
            u = unit_interval(bits[unsettled])
            if groups is not None and not self._is_single:
                u += groups[unsettled]
            found = np.searchsorted(self._levels, u, side="right")
            last = (
                self._firsts[1:][0 if groups is None or self._is_single else groups[unsettled]] - 1
            )
            chosen[unsettled] = np.minimum(found, last)
        return chosen


def _cumulated(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.cumsum(weights)
    total /= total[-1]
    # the last outcome with weight takes what rounding leaves
    total[np.flatnonzero(weights)[-1] :] = 1.0
    return total
