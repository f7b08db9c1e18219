"""Compile-time tables for constant parameters: quantiles of slow inverses, cdfs of counts.

A `QuantileTable` is indexed by bits of a float. The level v, the smaller of u and 1 - u, falls
into a cell by its exponent and its first few mantissa bits, so that cells narrow towards either
tail as the level does, and accuracy is relative there too. In a cell the quantile is a cubic
of the remaining mantissa bits.

A `CountTable` is an indexed search of the cdf (Chen and Asau 1974; Devroye, Non-Uniform
Random Variate Generation, 1986, III.2.4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from synthdsl.distributions.base import Distribution
from synthdsl.distributions.truncation import truncated_quantile
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = lazy("numpy")

DEEPEST = 24
"""Octaves in the table: levels from 2^-24 to 1/2. Rarer ones (1 in 8 million) are exact."""
OCTAVES = 64
"""Octaves that an index can tell apart: levels are at least 2^-53."""
NODES = 20
"""Exact values an octave."""
SIZES = (6, 7, 8)
"""Mantissa bits to try: 64, 128 or 256 cells an octave."""
ACCURACY = 1e-9
"""Largest relative error that a cell is kept with; where it is larger the quantile is exact."""
INNER = math.sqrt(2) - 1
"""Inner nodes of the cubic on [-1, 1]: with the ends, the smallest error that stays continuous."""


@cache
def _octave_nodes() -> tuple[Any, Any]:
    """Chebyshev's extreme points on [1, 2], and barycentric weights (Salzer 1972)."""
    angle = np.pi * np.arange(NODES) / (NODES - 1)
    weights = (-1.0) ** np.arange(NODES)
    weights[0] *= 0.5
    weights[-1] *= 0.5
    return 1.5 - 0.5 * np.cos(angle), weights


def _interpolator(at: Any) -> Any:
    """Matrix that takes an octave's exact values to values at the points `at` of [1, 2]."""
    nodes, weights = _octave_nodes()
    gap = at[:, None] - nodes[None, :]
    is_node = gap == 0
    terms = weights / np.where(is_node, 1.0, gap)
    matrix = terms / terms.sum(axis=1, keepdims=True)
    rows = is_node.any(axis=1)
    matrix[rows] = is_node[rows]
    return matrix


@cache
def _plan(bits: int) -> tuple[Any, Any, Any, Any]:
    """For 2**bits cells an octave: matrices to cubic coefficients and to values halfway.

    The cubic's variable is the offset from the cell's middle, in units of the octave's start.
    """
    cells = 2**bits
    half = 0.5 / cells
    middle = 1 + (2 * np.arange(cells) + 1) * half
    local = np.array([-1.0, -INNER, INNER, 1.0])
    points = (middle[:, None] + half * local).reshape(-1)
    # The ends of neighbouring cells are the same floats, so that the pieces meet.
    solve = np.linalg.inv(np.vander(local, 4, increasing=True))
    solve = solve / half ** np.arange(4)[:, None]
    checks = np.array([-0.75, -0.1, 0.75])
    check_points = (middle[:, None] + half * checks).reshape(-1)
    powers = np.vander(half * checks, 4, increasing=True)
    return _interpolator(points), solve, _interpolator(check_points), powers


class QuantileTable:
    """Quantiles of one distribution with constant parameters, possibly truncated.

    `table(u)` takes (n,) float64 in (0, 1) and returns (n,) float64, increasing in u to
    rounding. Relative error is at most 1e-9 (typically 1e-10): relative to the value, or to
    the interquartile range where that is larger and values of both signs occur. Cells that
    cannot be certified, and levels below 2^-24, use the exact quantile.
    """

    def __init__(
        self,
        distribution: Distribution,
        params: tuple[Any, ...],
        low: float | None,
        high: float | None,
    ) -> None:
        self.distribution = distribution
        self.params = params
        self.low = low
        self.high = high
        self.bits = SIZES[-1]
        self.worst = math.inf
        self.coverage = 0.0
        self.coefficients: tuple[NDArray[np.float64], ...] = ()

    @classmethod
    def build(
        cls,
        distribution: Distribution,
        params: tuple[Any, ...],
        low: float | None = None,
        high: float | None = None,
    ) -> QuantileTable:
        """Tabulate the quantile given low <= X <= high (None: no bound), in a few ms.

        Parameters are scalars; the distribution is continuous. The number of cells is the
        smallest that certifies every cell, else the largest.
        """
        if distribution.is_discrete:
            raise ValueError(f"{distribution.name} is discrete: use a CountTable")
        table = cls(distribution, params, low, high)
        values = table._octaves()
        for bits in SIZES:
            cells, error = table._fit(values, bits)
            table.bits = bits
            if (error <= ACCURACY / 2).all():
                break
        is_good = error <= ACCURACY
        table.worst = float(error[is_good].max(initial=0.0))
        starts = 2.0 ** -np.arange(DEEPEST, 1, -1)
        table.coverage = float((is_good.mean(axis=2) * starts).sum())
        full = np.full((2, OCTAVES << table.bits, 4), np.nan)
        filled = np.where(is_good[..., None], cells, np.nan).reshape(2, -1, 4)
        # Exponent 1022 is [1/2, 1): octave 0 ([1/4, 1/2)) has exponent 1021.
        top = 1022 % OCTAVES
        full[:, (top - DEEPEST + 1) << table.bits : top << table.bits] = filled[
            :, : (DEEPEST - 1) << table.bits
        ]
        full[:, top << table.bits] = filled[:, -1] * np.array([1.0, 0.0, 0.0, 0.0])
        full[:, top << table.bits, 0] = table.exact(np.array([0.5]))[0]
        flat = full.reshape(-1, 4)
        table.coefficients = tuple(np.ascontiguousarray(flat[:, k]) for k in range(4))
        return table

    def exact(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """The quantile itself, (n,)."""
        result: NDArray[np.float64] = self._exact(u, 1 - u)
        return result

    def _exact(self, u: Any, complement: Any) -> Any:
        if self.low is None and self.high is None:
            is_upper = complement < 0.5
            result = np.empty(np.shape(u))
            result[~is_upper] = self.distribution.quantile(u[~is_upper], *self.params)
            result[is_upper] = self.distribution.survival_quantile(
                complement[is_upper], *self.params
            )
            return result
        return truncated_quantile(
            self.distribution, self.params, u, self.low, self.high, complement=complement
        )

    def _octaves(self) -> Any:
        """Exact values at the nodes: (2 sides, octaves from the deepest up, nodes)."""
        nodes, _ = _octave_nodes()
        starts = 2.0 ** -np.arange(DEEPEST, 1, -1)
        levels = (starts[:, None] * nodes).reshape(-1)
        values = np.stack([self._exact(levels, 1 - levels), self._exact(1 - levels, levels)])
        values = values.reshape(2, DEEPEST - 1, NODES)
        # The end of an octave is the start of the next: share it, so that they meet.
        values[:, :-1, -1] = values[:, 1:, 0]
        values[:, -1, -1] = values[0, -1, -1]
        return values

    def _fit(self, values: Any, bits: int) -> tuple[Any, Any]:
        """Cubics of every cell and the error of each: (2, octaves, cells, 4), (2, octaves, cells).

        The error has two parts: of the cubic against the octave's polynomial at three points,
        and of that polynomial, judged by how it changes when half of its nodes go.
        """
        to_points, solve, to_checks, powers = _plan(bits)
        cells = 2**bits
        at_points = (values @ to_points.T).reshape(*values.shape[:2], cells, 4)
        fitted = at_points @ solve.T
        at_checks = (values @ to_checks.T).reshape(*values.shape[:2], cells, 3)
        size = np.abs(at_checks)
        if values.min() < 0 < values.max():
            quarter = abs(float(values[1, -1, 0] - values[0, -1, 0]))
            size = np.maximum(size, quarter)
        with np.errstate(invalid="ignore", divide="ignore"):
            error = (np.abs(fitted @ powers.T - at_checks) / size).max(axis=-1)
            smallest = size.min(axis=(2, 3))
            octave = _polynomial_error(values) / smallest
        error = error * 1.15 + octave[..., None]
        return fitted, np.where(np.isfinite(error), error, np.inf)

    def __call__(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Quantiles at `u`, (n,) in (0, 1)."""
        c0, c1, c2, c3 = self.coefficients
        bits = self.bits
        side = np.rint(u)
        near = np.abs(np.subtract(u, side, out=side), out=side)
        pattern = near.view(np.int64)
        cell = pattern >> (52 - bits)
        cell &= (OCTAVES << bits) - 1
        cell += (u > 0.5) * np.int64(OCTAVES << bits)
        # The mantissa below the cell's bits, as a float in [1, 1 + 2^-bits), less its middle.
        rest = pattern & ((1 << (52 - bits)) - 1)
        rest |= 0x3FF0000000000000
        t = rest.view(np.float64)
        t -= 1 + 0.5 ** (bits + 1)
        result: NDArray[np.float64] = c3.take(cell, mode="clip")
        result *= t
        result += c2.take(cell, mode="clip")
        result *= t
        result += c1.take(cell, mode="clip")
        result *= t
        result += c0.take(cell, mode="clip")
        total = result.sum()
        if total != total:
            missing = np.flatnonzero(np.isnan(result))
            result[missing] = self.exact(u[missing])
        if self.low is not None:
            np.maximum(result, self.low, out=result)
        if self.high is not None:
            np.minimum(result, self.high, out=result)
        return result


def _polynomial_error(values: Any) -> Any:
    """Bound on each octave's interpolation error, from how fast its Chebyshev series ends."""
    order = NODES - 1
    k = np.arange(NODES)
    cosines = np.cos(np.pi * np.outer(k, k) / order)
    weights = np.ones(NODES)
    weights[0] = weights[-1] = 0.5
    series = np.abs((values * weights) @ cosines.T) * (2 / order)
    # A geometric tail: what is left out is about as large as the last terms kept.
    return 4 * series[..., -3:].max(axis=-1)


MOST_ENTRIES = 1 << 16
GUIDE = 4
"""Guide cells an entry of the cdf."""


@dataclass(frozen=True)
class CountTable:
    """Quantiles of one count distribution with constant parameters, possibly truncated.

    `table(u)` takes (n,) float64 in (0, 1) and returns (n,) int64: the smallest k whose cdf
    (as a float) is at least u. The table holds the 65,536 lowest values of a support that can
    be reached; levels above it are inverted exactly. Values above 2^62 are returned as 2^62.
    """

    distribution: Distribution
    params: tuple[Any, ...]
    low: float | None
    high: float | None
    first: int
    cdf: NDArray[np.float64]
    guide: NDArray[np.int32]
    steps: int
    is_whole: bool

    @classmethod
    def build(
        cls,
        distribution: Distribution,
        params: tuple[Any, ...],
        low: float | None = None,
        high: float | None = None,
    ) -> CountTable:
        """Tabulate the cdf given low <= X <= high (None: no bound); parameters are scalars."""
        if not distribution.is_discrete:
            raise ValueError(f"{distribution.name} is not discrete: use a QuantileTable")
        ends = np.array([2.0**-54, 1 - 2.0**-53])
        rest = np.array([1.0, 2.0**-54])
        first, last = truncated_quantile(
            distribution, params, ends, low, high, complement=rest
        ).tolist()
        is_whole = last - first < MOST_ENTRIES
        last = min(last, first + MOST_ENTRIES - 1)
        cdf = _cumulative(distribution, params, first + np.arange(last - first + 1), low, high)
        if is_whole:
            cdf[-1] = 1.0
        size = 1 << max(8, (GUIDE * len(cdf) - 1).bit_length())
        starts = np.arange(size) / size
        guide = np.minimum(np.searchsorted(cdf, starts, side="left"), len(cdf) - 1)
        ends_at = np.searchsorted(cdf, starts + 1 / size, side="left")
        steps = int((np.minimum(ends_at, len(cdf) - 1) - guide).max())
        return cls(
            distribution,
            params,
            low,
            high,
            int(first),
            cdf,
            guide.astype(np.int32),
            steps,
            is_whole,
        )

    def __call__(self, u: NDArray[np.float64]) -> NDArray[np.int64]:
        """Counts at `u`, (n,) in (0, 1)."""
        cell = (u * len(self.guide)).astype(np.int64)
        at: NDArray[np.int64] = self.guide.take(cell, mode="clip").astype(np.int64)
        at += self.cdf.take(at, mode="clip") < u
        if self.steps > 1:
            short = np.flatnonzero(self.cdf.take(at, mode="clip") < u)
            if short.size:
                at[short] = np.searchsorted(self.cdf, u[short], side="left")
                np.minimum(at, len(self.cdf) - 1, out=at)
        at += self.first
        if not self.is_whole:
            beyond = np.flatnonzero(u > self.cdf[-1])
            if beyond.size:
                exact = truncated_quantile(
                    self.distribution, self.params, u[beyond], self.low, self.high
                )
                at[beyond] = np.minimum(exact, 2.0**62).astype(np.int64)
        return at


def _cumulative(
    distribution: Distribution, params: tuple[Any, ...], k: Any, low: Any, high: Any
) -> Any:
    """Cdf at `k` of the distribution given low <= X <= high, from the nearer tail."""
    support = distribution.support(*params)
    start = support[0] if low is None or low == -math.inf else max(math.ceil(low), support[0])
    end = support[1] if high is None or high == math.inf else min(math.floor(high), support[1])
    below = float(distribution.cdf(start - 1, *params))
    above = float(distribution.survival(start - 1, *params))
    if above < 0.5:
        beyond = float(distribution.survival(end, *params)) if math.isfinite(end) else 0.0
        share = (above - distribution.survival(k, *params)) / (above - beyond)
    else:
        top = float(distribution.cdf(end, *params)) if math.isfinite(end) else 1.0
        share = (distribution.cdf(k, *params) - below) / (top - below)
    return np.maximum.accumulate(np.clip(share, 0.0, 1.0))
