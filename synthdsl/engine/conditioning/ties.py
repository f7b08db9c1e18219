"""Ties among ordered draws on a grid.

Sorted draws have ties too seldom for the law of draws given `x1 <= … <= xk`: k draws make a row
without ties in k! ways, one with ties in fewer. So a pattern of ties is drawn first: a pattern
with b distinct values has the weight s**(k - b) / b!, where s bounds the probability of any one
value; b draws are sorted and repeated, and count with probability p(value) / s for each
repetition. That makes the density of every row the product of its k probabilities, over the sum
of weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.distributions.truncation import interval_mass
from synthdsl.engine.conditioning.sum_families import Part
from synthdsl.engine.parameters import raw_bounds

BLOCKS = 65_536
"""Blocks of grid values over which the probability of one value is bounded."""
TAIL = 1e-9
"""Probability of each tail that the blocks may leave out."""

Pattern = tuple[int, ...]
"""How often each distinct value stands in a row, from the smallest up."""


@dataclass(frozen=True, eq=False)
class Ties:
    """Patterns of ties among k draws on a grid, and their weights; the first has none."""

    patterns: tuple[Pattern, ...]
    weights: NDArray[np.float64]
    values: GridMasses

    @classmethod
    def of(cls, part: Part, size: int, apart: set[tuple[int, int]]) -> Ties:
        """The patterns in which no pair of places in `apart` is equal."""
        values = GridMasses.of(part)
        patterns = sorted(_patterns(size, apart), key=len, reverse=True)
        weights = [values.most ** (size - len(p)) / math.factorial(len(p)) for p in patterns]
        return cls(tuple(patterns), np.array(weights), values)


@dataclass(frozen=True, eq=False)
class GridMasses:
    """Probabilities of grid values, which `most` bounds; `table` has those from the value
    `first` steps on, where the grid has few values.
    """

    part: Part
    step: float
    first: int
    most: float
    table: NDArray[np.float64] | None

    @classmethod
    def of(cls, part: Part) -> GridMasses:
        """The masses of a part; bounded by that of the likeliest of some blocks of values."""
        low, high = _range(part)
        step = 1.0 if part.grid.step is None else float(part.grid.step)
        first, last = math.floor(low / step) - 1, math.ceil(high / step) + 1
        size = max(1, math.ceil((last - first + 1) / BLOCKS))
        starts = first + size * np.arange(math.ceil((last - first + 1) / size))
        masses = _masses(part, starts * step, (starts + size - 1) * step)
        most = float(min(1.0, max(masses.max() * (1 + 1e-9), TAIL)))
        return cls(part, step, first, most, masses if size == 1 else None)

    def chances(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """The probability of each grid value, over `most`."""
        if self.table is None:
            x = np.asarray(values, np.float64)
            masses = _masses(self.part, x, x)
        else:
            at = np.rint(values / self.step).astype(np.int64) - self.first
            masses = self.table.take(at, mode="clip")
            beyond = np.flatnonzero((at < 0) | (at >= len(self.table)))
            if beyond.size:
                x = np.asarray(values[beyond], np.float64)
                masses[beyond] = _masses(self.part, x, x)
        shares: NDArray[np.float64] = np.minimum(masses / self.most, 1.0)
        return shares


def _patterns(size: int, apart: set[tuple[int, int]]) -> list[Pattern]:
    """The ways to cut a row of `size` places into runs of equal values."""
    found = []
    for count in range(size):
        for cuts in combinations(range(1, size), count):
            ends = (0, *cuts, size)
            runs = list(pairwise(ends))
            if not any(a <= i and j < b for a, b in runs for i, j in apart):
                found.append(tuple(b - a for a, b in runs))
    return found


def _masses(part: Part, low: NDArray[Any], high: NDArray[Any]) -> Any:
    """The probability of the grid values from `low` to `high`."""
    law = part.law
    start, end = raw_bounds(law.distribution.is_discrete, part.grid, low, high)
    start = start if law.low is None else np.maximum(start, law.low)
    end = end if law.high is None else np.minimum(end, law.high)
    mass = interval_mass(law.distribution, law.params, start, end) / law.mass
    return np.where(np.less_equal(start, end), mass, 0.0)


def _range(part: Part) -> tuple[float, float]:
    """The values between which a law lies, but for tails of `TAIL`."""
    law = part.law
    low, high = (float(end) for end in law.distribution.support(*law.params))
    if law.low is not None and law.high is not None:
        low, high = max(low, law.low), min(high, law.high)
    ends = np.array([TAIL])
    if not math.isfinite(low):
        low = float(np.asarray(law.distribution.quantile(ends, *law.params))[0])
    if not math.isfinite(high):
        high = float(np.asarray(law.distribution.survival_quantile(ends, *law.params))[0])
    return low, high
