"""Cells of several variables under constraints: exact masses, and draws by elimination.

Every variable has cells with masses; a factor says which combinations of cells may occur. The
variables are summed out one by one; drawing goes the way back, each variable given those that
were summed out after it. Nothing is rejected.

Source: Dechter 1999, "Bucket elimination: a unifying framework for reasoning", section 6.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_GUIDE = 1 << 17
"""Entries of a guide table that are worth their memory for speed alone."""
LARGEST_BUCKET = 1 << 22
"""Entries of a table made while eliminating; factors that would exceed it are left out."""


@dataclass(frozen=True, eq=False)
class Factor:
    """Which combinations of cells may occur: a table of 0 and 1 over the variables of `scope`,
    one axis each, in increasing order of variables.
    """

    scope: tuple[int, ...]
    table: NDArray[Any]


@dataclass(eq=False)
class Bucket:
    """The law of `variable` given those of `given`: weights, a row for each of their
    combinations.
    """

    variable: int
    given: tuple[int, ...]
    sizes: tuple[int, ...]
    weights: NDArray[np.float64]

    @cached_property
    def levels(self) -> Levels:
        """The weights made ready to draw by."""
        return Levels(self.weights)


class Levels:
    """Cumulated shares in rows; draws by a guide table.

    Source: Chen, Asau 1974, "On generating random variates from an empirical distribution".
    """

    def __init__(self, weights: NDArray[np.float64]) -> None:
        self._cells = weights.shape[1]
        cumulated = np.cumsum(weights, axis=1)
        total = cumulated[:, -1:]
        np.divide(cumulated, np.where(total > 0, total, 1.0), out=cumulated)
        last = weights.shape[1] - 1 - np.argmax(weights[:, ::-1] > 0, axis=1)
        # the last cell with weight takes what rounding leaves
        cumulated[np.arange(weights.shape[1]) >= last[:, None]] = 1.0
        self._cumulated = np.ascontiguousarray(cumulated).reshape(-1)
        self._bins = 1 << min(11, max(4, (4 * self._cells - 1).bit_length()))
        while self._bins > 2 * self._cells and len(weights) * self._bins > LARGEST_GUIDE:
            self._bins >>= 1
        while self._bins > 4 and len(weights) * self._bins > LARGEST_BUCKET:
            self._bins >>= 1
        # a small guide spares a conversion, a large one should stay small
        is_small = len(weights) * self._bins <= LARGEST_GUIDE
        self._guide = self._guides(cumulated).astype(np.int64 if is_small else np.int32)

    def _guides(self, cumulated: NDArray[np.float64]) -> NDArray[np.int64]:
        """For each row and bin, the first cell whose cumulated share exceeds the bin's start."""
        rows = len(cumulated)
        # cells up to and including bin b's start: count them by the bin in which they end
        bins = np.minimum((cumulated * self._bins).astype(np.int64), self._bins)
        exact = bins == cumulated * self._bins
        bins = np.where(exact, bins, bins + 1)
        width = self._bins + 2
        bins = np.minimum(bins, self._bins + 1) + np.arange(rows)[:, None] * width
        counts = np.bincount(bins.reshape(-1), minlength=rows * width).reshape(rows, width)
        first = np.cumsum(counts[:, : self._bins], axis=1)
        first = np.minimum(first, self._cells - 1)
        found: NDArray[np.int64] = first + np.arange(rows)[:, None] * self._cells
        return found.reshape(-1)

    def draw(
        self, u: NDArray[np.float64], row: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64]:
        """The cell of each uniform in its row of shares, the first unless rows are given."""
        bins = (u * self._bins).astype(np.int64)
        if row is not None:
            bins += row * self._bins
        at: NDArray[np.int64] = self._guide.take(bins).astype(np.int64, copy=False)
        unsettled = np.flatnonzero(self._cumulated.take(at) <= u)
        while unsettled.size:
            later = at.take(unsettled) + 1
            at[unsettled] = later
            unsettled = unsettled[self._cumulated.take(later) <= u.take(unsettled)]
        if row is not None:
            at -= row * self._cells
        return at


class Elimination:
    """The joint law of the cells of all variables given all factors.

    `masses[v]` are the masses of variable v's cells. `first`: variables to be drawn, or given,
    before the others. `mass` is the probability that all factors allow the combination.
    `left_out` counts the factors that were too large and are not enforced.
    """

    def __init__(
        self,
        masses: Sequence[NDArray[np.float64]],
        factors: Sequence[Factor],
        *,
        first: frozenset[int] = frozenset(),
    ) -> None:
        self._sizes = [len(m) for m in masses]
        self.left_out = 0
        self.buckets: list[Bucket] = []
        pool = [Factor(f.scope, np.asarray(f.table, np.float64)) for f in factors]
        waiting = set(range(len(masses)))
        self.mass = 1.0
        while waiting:
            variable = self._next(waiting - first or waiting, pool)
            waiting.discard(variable)
            pool = self._eliminate(variable, masses[variable], pool)
        for factor in pool:
            assert not factor.scope
            self.mass *= float(factor.table)
        self.buckets.reverse()

    def _scope(self, variable: int, pool: Sequence[Factor]) -> tuple[int, ...]:
        scope = {variable}
        for factor in pool:
            if variable in factor.scope:
                scope |= set(factor.scope)
        return tuple(sorted(scope))

    def _entries(self, scope: tuple[int, ...]) -> int:
        return prod(self._sizes[v] for v in scope)

    def _next(self, waiting: set[int], pool: Sequence[Factor]) -> int:
        """The variable whose elimination makes the smallest table."""
        return min(
            sorted(waiting),
            key=lambda v: self._entries(self._scope(v, pool)),
        )

    def _eliminate(
        self, variable: int, mass: NDArray[np.float64], pool: list[Factor]
    ) -> list[Factor]:
        touching = [f for f in pool if variable in f.scope]
        rest = [f for f in pool if variable not in f.scope]
        while self._entries(self._scope(variable, touching)) > LARGEST_BUCKET:
            touching.remove(self._least_worth(touching))
            self.left_out += 1
        scope = self._scope(variable, touching)
        given = tuple(v for v in scope if v != variable)
        axes = (*given, variable)
        joint = np.ones([self._sizes[v] for v in axes])
        joint *= mass
        for factor in touching:
            joint *= _aligned(factor, axes, self._sizes)
        message = joint.sum(axis=-1)
        rows = joint.reshape(-1, self._sizes[variable])
        sizes = tuple(self._sizes[v] for v in given)
        self.buckets.append(Bucket(variable, given, sizes, rows))
        return [*rest, Factor(given, message)]

    def _least_worth(self, factors: list[Factor]) -> Factor:
        """The widest factor, and of several the one that forbids least."""
        return max(factors, key=lambda f: (self._entries(f.scope), float(np.mean(f.table > 0))))

    def draw(
        self,
        uniform: Callable[[int], NDArray[np.float64]],
        given: dict[int, NDArray[np.int64]] | None = None,
    ) -> dict[int, NDArray[np.int64]]:
        """A cell of every variable for each row, from one uniform a row and variable.

        Cells that are `given` stay; their variables must be among `first`. A variable of one cell
        has a scalar.
        """
        cells = dict(given or {})
        for bucket in self.buckets:
            if bucket.variable in cells:
                continue
            if self._sizes[bucket.variable] == 1:
                # nothing to choose: a scalar stands for every row
                cells[bucket.variable] = np.zeros((), np.int64)
                continue
            row: NDArray[np.int64] | None = None
            for variable, size in zip(bucket.given, bucket.sizes, strict=True):
                row = cells[variable] if row is None else row * size + cells[variable]
            cells[bucket.variable] = bucket.levels.draw(uniform(bucket.variable), row)
        return cells


def _aligned(factor: Factor, axes: tuple[int, ...], sizes: Sequence[int]) -> NDArray[np.float64]:
    """The factor's table with its axes where `axes` has them, of size 1 elsewhere."""
    order = sorted(factor.scope, key=axes.index)
    table = np.transpose(factor.table, [factor.scope.index(v) for v in order])
    return table.reshape([sizes[v] if v in factor.scope else 1 for v in axes])
