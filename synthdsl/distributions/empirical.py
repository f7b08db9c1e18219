"""Distributions from data: a histogram or a table of quantiles."""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from synthdsl.distributions.base import (
    DISTRIBUTIONS,
    Distribution,
    Form,
    Parameter,
    Requirement,
    Role,
)
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    from synthdsl.distributions.base import Floats
else:
    np = lazy("numpy")


def _increases(values: Any) -> bool:
    return all(left < right for left, right in itertools.pairwise(values))


def _from_histogram(edges: Any, weights: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Knots and the share of the whole in each bin."""
    total = sum(weights)
    return tuple(float(x) for x in edges), tuple(float(w) / total for w in weights)


def _from_levels(levels: Any, values: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    shares = itertools.pairwise(levels)
    return tuple(float(x) for x in values), tuple(float(b) - float(a) for a, b in shares)


@lru_cache(maxsize=256)
def _steps(knots: tuple[float, ...], shares: tuple[float, ...]) -> tuple[Any, Any, Any, Any]:
    """Knots, shares, and the probability below and above each knot, each summed from its end."""
    edges, parts = np.array(knots), np.array(shares)
    below = np.concatenate([[0.0], np.cumsum(parts)])
    above = np.concatenate([np.cumsum(parts[::-1])[::-1], [0.0]])
    return edges, parts, np.minimum(below, 1.0), np.minimum(above, 1.0)


@DISTRIBUTIONS.register
class Empirical(Distribution):
    """Piecewise uniform distribution; canonical parameters: tuples of knots and of bin shares.

    A histogram spreads each weight evenly over its bin; a table of quantiles is joined by
    straight lines. The lists are constant: they never vary by row.
    """

    name = "empirical"
    summary = "a histogram (edges, weights) or a table of quantiles (levels, values)"
    source = "Law, Simulation Modeling and Analysis (5th ed., 2015), 6.2.4 and 8.3.16"
    example = "empirical(edges: [0, 10, 50], weights: [30%, 70%])"
    forms: ClassVar[tuple[Form, ...]] = (
        Form(
            (
                Parameter("edges", Role.POINTS, summary="ends of the bins, increasing"),
                Parameter("weights", Role.LIST, low=0.0, summary="share of each bin"),
            ),
            _from_histogram,
            (
                Requirement(
                    "there is one more edge than weights",
                    lambda edges, weights: len(edges) == len(weights) + 1 and len(weights) > 0,
                ),
                Requirement("edges increase", lambda edges, weights: _increases(edges)),
                Requirement(
                    "no weight is negative", lambda edges, weights: all(w >= 0 for w in weights)
                ),
                Requirement(
                    "weights total 100 %", lambda edges, weights: abs(sum(weights) - 1) < 1e-9
                ),
            ),
        ),
        Form(
            (
                Parameter("levels", Role.LIST, low=0.0, high=1.0, summary="from 0 to 1"),
                Parameter("values", Role.POINTS, summary="quantile at each level, increasing"),
            ),
            _from_levels,
            (
                Requirement(
                    "there are as many values as levels, at least 2",
                    lambda levels, values: len(levels) == len(values) and len(levels) > 1,
                ),
                Requirement(
                    "levels start at 0 and end at 1",
                    lambda levels, values: levels[0] == 0 and levels[-1] == 1,
                ),
                Requirement("levels increase", lambda levels, values: _increases(levels)),
                Requirement("values increase", lambda levels, values: _increases(values)),
            ),
        ),
    )
    is_point = True

    def support(self, *params: Any) -> tuple[Any, Any]:
        """From the first knot with weight above it to the last with weight below it."""
        edges, parts, _, _ = _steps(*params)
        filled = np.flatnonzero(parts)
        return float(edges[filled[0]]), float(edges[filled[-1] + 1])

    def quantile(self, u: Floats, *params: Any) -> Any:
        """A straight line within the bin where the cdf reaches u."""
        edges, parts, below, _ = _steps(*params)
        last = int(np.flatnonzero(parts)[-1])
        at = np.clip(np.searchsorted(below, u, side="left") - 1, 0, last)
        share = np.clip((u - below[at]) / np.where(parts[at] > 0, parts[at], 1.0), 0.0, 1.0)
        return edges[at] + (edges[at + 1] - edges[at]) * share

    def survival_quantile(self, s: Floats, *params: Any) -> Any:
        """The same from above, measured from the bin's upper end."""
        edges, parts, _, above = _steps(*params)
        first = int(np.flatnonzero(parts)[0])
        from_end = np.searchsorted(above[::-1], s, side="left") - 1
        at = np.clip(len(parts) - 1 - from_end, first, len(parts) - 1)
        share = np.clip((s - above[at + 1]) / np.where(parts[at] > 0, parts[at], 1.0), 0.0, 1.0)
        return edges[at + 1] - (edges[at + 1] - edges[at]) * share

    def _bin(self, x: Any, edges: Any) -> Any:
        return np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 2)

    def cdf(self, x: Floats, *params: Any) -> Any:
        """Weight below x."""
        edges, parts, below, _ = _steps(*params)
        at = self._bin(x, edges)
        share = np.clip((x - edges[at]) / (edges[at + 1] - edges[at]), 0.0, 1.0)
        return np.minimum(below[at] + share * parts[at], 1.0)

    def survival(self, x: Floats, *params: Any) -> Any:
        """Weight above x."""
        edges, parts, _, above = _steps(*params)
        at = self._bin(x, edges)
        share = np.clip((edges[at + 1] - x) / (edges[at + 1] - edges[at]), 0.0, 1.0)
        return np.minimum(above[at + 1] + share * parts[at], 1.0)

    def log_density(self, x: Floats, *params: Any) -> Any:
        """Log of share over width; -inf outside and in empty bins."""
        edges, parts, _, _ = _steps(*params)
        at = self._bin(x, edges)
        with np.errstate(divide="ignore"):
            inside = np.log(parts[at]) - np.log(edges[at + 1] - edges[at])
        return np.where(np.less(x, edges[0]) | np.greater(x, edges[-1]), -np.inf, inside)

    def mean(self, *params: Any) -> Any:
        """Weighted mean of the bins' middles."""
        edges, parts, _, _ = _steps(*params)
        return float((parts * (edges[:-1] + edges[1:])).sum() / 2)

    def sd(self, *params: Any) -> Any:
        """Standard deviation, the width of the bins included."""
        edges, parts, _, _ = _steps(*params)
        middles, widths = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
        spread = (middles - float(self.mean(*params))) ** 2 + widths * widths / 12
        return float(np.sqrt((parts * spread).sum()))
