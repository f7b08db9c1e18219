"""The rows that may be chosen, grouped by values that must be equal.

The rows of the target that can be referred to at all stand ordered by group and number, so that
what a row may refer to is an interval of positions. Weights are whole numbers, 2**40 in all for a
group: their sums are exact, so that a choice does not depend on what else is in a block.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.references.groups import Groups, Matched, Numbers
from synthdsl.values.columns import both_valid

WEIGHT_OF_GROUP = 2.0**40
MOST_CELLS = 2**20


class Candidates:
    """The rows of a target of `rows` rows that may be chosen.

    `eligible`: their numbers, increasing; None for all. `keys`: values of theirs by which they
    are grouped, and rows that have a null among these are left out. `weights`: of all rows of the
    target, at least 0.
    """

    def __init__(
        self,
        rows: int,
        eligible: Numbers | None,
        keys: Sequence[Matched],
        weights: NDArray[np.float64] | None,
    ) -> None:
        self.rows = rows
        self._groups: Groups | None = None
        self._numbers = eligible
        self._places: Numbers | None = None
        if keys:
            self._group(keys)
        elif eligible is not None:
            self._starts = np.array([0, len(eligible)], np.int64)
        else:
            self._starts = np.array([0, rows], np.int64)
        self.levels: Numbers | None = None
        if weights is not None:
            self.levels = self._cumulated(weights)
            self._guide, self._shift = _guide(self.levels)

    def _group(self, keys: Sequence[Matched]) -> None:
        numbers = np.arange(self.rows) if self._numbers is None else self._numbers
        valid = None
        for key in keys:
            valid = both_valid(valid, key.valid)
        if valid is not None:
            numbers = numbers[valid[numbers]]
        groups = Groups([key.values[numbers] for key in keys], len(numbers))
        order = np.argsort(groups.group, kind="stable")
        self._numbers = numbers[order]
        sizes = np.bincount(groups.group, minlength=groups.count)
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._groups = groups

    def _cumulated(self, weights: NDArray[np.float64]) -> Numbers:
        ordered = weights if self._numbers is None else weights[self._numbers]
        sizes = np.diff(self._starts)
        levels = np.zeros(len(ordered) + 1, np.int64)
        if len(ordered):
            filled = np.flatnonzero(sizes)
            largest = np.zeros(len(sizes))
            largest[filled] = np.maximum.reduceat(ordered, self._starts[:-1][filled])
            # relative to the largest first, so that no sum overflows
            relative = ordered / np.repeat(np.where(largest > 0, largest, 1.0), sizes)
            total = np.zeros(len(sizes))
            total[filled] = np.add.reduceat(relative, self._starts[:-1][filled])
            shares = relative / np.repeat(np.where(total > 0, total, 1.0), sizes)
            np.cumsum(whole_weights(shares), out=levels[1:])
        return levels

    def intervals(
        self,
        keys: Sequence[Matched],
        low: Numbers | None,
        high: Numbers | None,
        rows: int,
    ) -> tuple[Numbers, Numbers]:
        """Positions [first, last) of what each of `rows` rows may choose from.

        `keys`: its values of what must be equal. Numbers are at least `low` and below `high`.
        """
        groups = self._groups
        group = np.zeros(rows, np.int64) if groups is None else groups.find(keys, rows)
        is_none = group < 0
        group = np.maximum(group, 0)
        if self._groups is not None and not self._groups.count:
            return np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        first, last = self._starts[group], self._starts[group + 1]
        if low is not None:
            first = np.maximum(first, self._position(group, low))
        if high is not None:
            last = np.minimum(last, self._position(group, high))
        last = np.where(is_none, first, np.maximum(first, last))
        return first, last

    def _position(self, group: Numbers, number: Numbers) -> Numbers:
        """The position in each group of the first row with at least the given number."""
        number = np.clip(number, 0, self.rows)
        if self._numbers is None:
            return number
        if self._places is None:
            sizes = np.diff(self._starts)
            of_group = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
            self._places = of_group * (self.rows + 1) + self._numbers
        return np.searchsorted(self._places, group * (self.rows + 1) + number).astype(np.int64)

    def is_empty(self, first: Numbers, last: Numbers) -> NDArray[np.bool_]:
        """Where an interval has no row, or none with a weight."""
        if self.levels is None:
            return last <= first
        return self.levels[last] <= self.levels[first]

    def choose(self, first: Numbers, last: Numbers, u: NDArray[np.float64]) -> Numbers:
        """A position in each interval, by its uniform `u`."""
        if self.levels is None:
            return first + (u * (last - first)).astype(np.int64)
        base = self.levels[first]
        wanted = base + (u * (self.levels[last] - base)).astype(np.int64)
        positions = self._guide.take(wanted >> self._shift)
        unsettled = np.flatnonzero(positions < 0)
        if unsettled.size:
            found = np.searchsorted(self.levels, wanted[unsettled], side="right") - 1
            positions[unsettled] = found
        return positions

    def numbers(self, positions: Numbers) -> Numbers:
        """The rows of the target at `positions`."""
        return positions if self._numbers is None else self._numbers[positions]

    def weights(self, positions: Numbers) -> Numbers:
        """Whole weights of the rows at `positions`."""
        if self.levels is None:
            return np.ones(len(positions), np.int64)
        return self.levels[positions + 1] - self.levels[positions]


def _guide(levels: Numbers) -> tuple[Numbers, int]:
    """The position for a level by its bits above a shift; -1 where these do not settle it.

    Source: Chen and Asau 1974, "On generating random variates from an empirical distribution".
    """
    total = int(levels[-1])
    cells = min(8 * len(levels), MOST_CELLS)
    shift = max(0, total.bit_length() - (cells.bit_length() - 1))
    starts = np.arange((total >> shift) + 1, dtype=np.int64) << shift
    low = np.searchsorted(levels, starts, side="right") - 1
    high = np.searchsorted(levels, starts + (1 << shift) - 1, side="right") - 1
    return np.where(low == high, low, -1).astype(np.int64), shift


def whole_weights(shares: NDArray[np.float64]) -> Numbers:
    """Shares of a total as whole numbers; no positive one becomes 0."""
    whole = np.rint(shares * WEIGHT_OF_GROUP)
    return np.where(shares > 0, np.maximum(whole, 1.0), 0.0).astype(np.int64)
