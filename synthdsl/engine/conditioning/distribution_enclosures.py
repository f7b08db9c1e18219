"""What a distribution may give at levels and parameters that lie in intervals.

Quantiles rise with the level. In a parameter they are monotone where the distribution says so
(`Distribution.is_monotone_in`), which makes the corners of a box of parameters the extremes; in
other parameters only the support is known. A truncated quantile is the quantile at the level
(1 - u) F(a) + u F(b), whose cdf values are monotone in the same parameters; where the likelihood
ratio is monotone the truncated quantile itself is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.distributions.base import Distribution, Role
from synthdsl.distributions.truncation import interval_mass, truncated_quantile
from synthdsl.engine.conditioning.enclosed_values import Enclosure, both, either
from synthdsl.engine.conditioning.interval_arithmetic import Ends, as_floats, exactly_whole
from synthdsl.engine.distribution_samplers import constant_quantile
from synthdsl.engine.grid import Grid
from synthdsl.engine.parameters import raw_bounds
from synthdsl.model.draws import DistributionDraw
from synthdsl.model.expressions import Constant, Expr

LEAST_LEVEL = 2.0**-53
MOST_LEVEL = 1 - 2.0**-53
"""Levels that rows can have: those of the base draws."""
LEVEL_ERROR = 2.0**-44
"""Share of the nearer tail by which a level near a cell's end may be taken for its neighbour."""
CLOSED_FORM_ERROR = 2.0**-46
INVERTED_ERROR = 4e-9
"""Relative errors allowed to quantiles; tables and numerical inverses are good to 1e-9."""

_LISTS = (Role.LIST, Role.POINTS)

Params = tuple[Any, ...]
Bounds = tuple[Enclosure, Enclosure] | None


def inner_levels(levels: Ends) -> Ends:
    """A cell's levels without those so close to its ends that rounding decides where they fall.

    For values in steps: cells that end where a step does then hold the steps inside alone. What
    is left out has the probability of rounding errors.
    """
    low, high = (np.asarray(level, np.float64) for level in levels)
    first = np.where(low > LEAST_LEVEL, low + _margin(low), LEAST_LEVEL)
    last = np.where(high < MOST_LEVEL, high - _margin(high), MOST_LEVEL)
    middle = np.clip(low + (high - low) / 2, LEAST_LEVEL, MOST_LEVEL)
    return np.where(first <= last, first, middle), np.where(first <= last, last, middle)


def _margin(level: Any) -> Any:
    return np.where(level < 0.5, LEVEL_ERROR * level, LEVEL_ERROR * (1 - level) + 2.0**-53)


def outer_levels(levels: Ends) -> Ends:
    """A cell's levels as far as rows can have them."""
    low, high = (np.clip(np.asarray(x, np.float64), LEAST_LEVEL, MOST_LEVEL) for x in levels)
    return low, high


def _levels_apart(levels: Ends) -> Ends:
    """Levels moved outwards: inside a truncation rounding moves them, for each parameter anew."""
    low, high = levels
    error = 2.0**-50
    return np.maximum(low * (1 - error) - error, 0.0), np.minimum(high * (1 + error) + error, 1.0)


def enclose_distribution(
    draw: DistributionDraw,
    grid: Grid,
    levels: Ends,
    parameters: list[Enclosure],
    bounds: Bounds,
    limits: tuple[Expr, Expr] | None,
) -> Enclosure:
    """What a draw may give at `levels`; `bounds` are its truncation's enclosed, `limits` the
    expressions.
    """
    is_stepped = draw.distribution.is_discrete or grid.step is not None or grid.is_bool
    cell, levels = levels, inner_levels(levels) if is_stepped else outer_levels(levels)
    constants = (*draw.parameters, *(limits or ()))
    if any(isinstance(c, Constant) and c.value is None for c in constants):
        return Enclosure.nothing()
    if all(isinstance(c, Constant) for c in constants):
        return Enclosure(*_constant(draw, grid, levels, limits, is_stepped=is_stepped))
    given = [e for e in (*parameters, *(bounds or ())) if not np.array_equal(e.low, e.high)]
    if given:
        # where parameters vary within a box no cell ends where a step does
        varies = np.any(np.broadcast_arrays(*(np.not_equal(e.low, e.high) for e in given)), axis=0)
        outer = outer_levels(cell) if limits is None else _levels_apart(outer_levels(cell))
        levels = tuple(np.where(varies, o, i) for o, i in zip(outer, levels, strict=True))
    low, high = _Rows(draw, grid, levels, parameters, bounds, limits).ends()
    can_null: Any = False
    can_value: Any = True
    for enclosure in (*parameters, *(bounds or ())):
        can_null = either(can_null, enclosure.can_null)
        can_value = both(can_value, enclosure.can_value)
    if can_value is not True:
        low, high = np.where(can_value, low, 0.0), np.where(can_value, high, 0.0)
    return Enclosure(low, high, can_null, can_value)


# constant parameters


_quantile_of = lru_cache(maxsize=512)(constant_quantile)


def _constant(
    draw: DistributionDraw,
    grid: Grid,
    levels: Ends,
    limits: tuple[Expr, Expr] | None,
    *,
    is_stepped: bool,
) -> Ends:
    """Quantiles at both ends by the sampler's own function."""
    distribution = draw.distribution
    params = draw.form.canonical(*(p.value for p in draw.parameters if isinstance(p, Constant)))
    inner: Params = (None, None)
    span: Params = (None, None)
    if limits is not None:
        low, high = (float(x.value) for x in limits if isinstance(x, Constant))
        inner = grid.inner(low, high)
        span = raw_bounds(distribution.is_discrete, grid, *inner)
    quantile = _quantile_of(distribution, params, *span)
    ends = _at_levels(quantile, levels)
    if not is_stepped:
        error = INVERTED_ERROR if distribution.has_slow_quantile else CLOSED_FORM_ERROR
        spread = _spread(quantile) if distribution.has_slow_quantile else _size(params[0])
        ends = _moved_apart(ends, error, spread)
        ends = _clipped(ends, *distribution.support(*params))
    return _on_grid(ends, grid, *inner)


def _at_levels(quantile: Callable[[Any], Any], levels: Ends) -> Ends:
    """Values at levels of any shape, by a function that may use up its (n,) argument."""
    low, high = (
        np.asarray(quantile(np.array(level).reshape(-1)), np.float64).reshape(np.shape(level))
        for level in levels
    )
    return low, high


def _spread(quantile: Callable[[Any], Any]) -> float:
    first, last = quantile(np.array([0.25, 0.75]))
    return abs(float(last - first))


def _size(first: Any) -> Any:
    """How large the first number is that a quantile is computed with; of a list, the largest."""
    return max(map(abs, first)) if isinstance(first, tuple) else np.abs(first)


def _moved_apart(ends: Ends, error: float, size: Any) -> Ends:
    low, high = ends
    return low - error * (np.abs(low) + size), high + error * (np.abs(high) + size)


def _clipped(ends: Ends, first: Any, last: Any) -> Ends:
    """Ends within the support; fmax ignores bounds that are not known."""
    return np.fmax(ends[0], first), np.fmin(ends[1], last)


def _on_grid(ends: Ends, grid: Grid, first: Any, last: Any) -> Ends:
    """Ends rounded as `Grid.round` does, inside the bounds."""
    unchecked = np.zeros((), np.bool_)
    low, high = (
        np.where(np.isfinite(x), grid.derived(np.where(np.isfinite(x), x, 0.0), unchecked), x)
        for x in ends
    )
    if first is not None:
        low, high = np.maximum(low, first), np.minimum(high, last)
        # no more can be said of an interval that is empty at a corner
        low, high = np.minimum(low, last), np.maximum(high, first)
    return exactly_whole((low, high)) if grid.is_whole else (low, high)


# parameters by row


class _Rows:
    """A distribution whose parameters or bounds vary, over flat arrays of boxes."""

    def __init__(
        self,
        draw: DistributionDraw,
        grid: Grid,
        levels: Ends,
        parameters: list[Enclosure],
        bounds: Bounds,
        limits: tuple[Expr, Expr] | None,
    ) -> None:
        self._draw = draw
        self._distribution: Distribution = draw.distribution
        self._grid = grid
        self._limits = limits
        arrays = [as_floats((e.low, e.high)) for e in (*parameters, *(bounds or ()))]
        self._shape = np.broadcast_shapes(
            np.shape(levels[0]),
            np.shape(levels[1]),
            *(np.shape(x) for pair in arrays for x in pair),
        )
        self._levels = self._flat(levels)
        ranges = draw.form.parameters
        self._values = [
            (expression.value, expression.value)
            if parameter.role in _LISTS and isinstance(expression, Constant)
            else self._within(self._flat(pair), parameter.low, parameter.high)
            for pair, parameter, expression in zip(arrays, ranges, draw.parameters, strict=False)
        ]
        self._has_lists = any(parameter.role in _LISTS for parameter in ranges)
        self._bounds = [self._flat(pair) for pair in arrays[len(parameters) :]]
        self._bad = np.zeros(self._levels[0].shape, np.bool_)
        self._params = self._canonical()

    def _flat(self, ends: Ends) -> Ends:
        low, high = (np.broadcast_to(end, self._shape).reshape(-1) for end in ends)
        return low, high

    def _within(self, ends: Ends, low: float, high: float) -> Ends:
        """Parameters in their range: rows with any others stop the run."""
        return np.clip(ends[0], low, high), np.clip(ends[1], low, high)

    def _canonical(self) -> list[Ends]:
        """The canonical parameters' ends, from the corners of those given.

        Every form's map is monotone in each of its parameters, but for a beta by its moments.
        """
        form = self._draw.form
        if self._has_lists:
            return [(p, p) for p in form.canonical(*(low for low, _ in self._values))]
        is_bent = self._distribution.name == "beta" and form.names[0] == "mean"
        varying = [not np.array_equal(*pair) for pair in self._values]
        if is_bent and (varying[0] or any(varying[2:])):
            self._bad[:] = True
        result: list[Ends] | None = None
        for corner in _corners(self._values):
            params = [np.broadcast_to(p, self._bad.shape) for p in form.canonical(*corner)]
            for requirement in form.requirements:
                self._bad |= ~np.asarray(requirement.holds(*corner), np.bool_)
            if result is None:
                result = [(p, p) for p in params]
            else:
                result = [
                    (np.fmin(low, p), np.fmax(high, p))
                    for (low, high), p in zip(result, params, strict=True)
                ]
        assert result is not None
        return result

    def ends(self) -> Ends:
        """Ends of the rounded values, in the shape of the boxes."""
        first, last = self._support()
        inner = None
        if self._limits is not None:
            inner = self._inner()
            low, high = self._truncated(*inner)
        elif self._is_monotone():
            low, high = self._extremes(self._distribution.quantile, self._levels)
        else:
            low, high = first, last
        error = INVERTED_ERROR if self._distribution.has_slow_quantile else CLOSED_FORM_ERROR
        if not self._distribution.is_discrete:
            size = np.fmax(_size(self._params[0][0]), _size(self._params[0][1]))
            low, high = _moved_apart((low, high), error, size)
        is_lost = self._bad | np.isnan(low) | np.isnan(high)
        low, high = np.where(is_lost, first, low), np.where(is_lost, last, high)
        low, high = _clipped((low, high), first, last)
        bounds = (None, None) if inner is None else (inner[0][0], inner[1][1])
        low, high = _on_grid((low, high), self._grid, *bounds)
        return low.reshape(self._shape), high.reshape(self._shape)

    def _is_monotone(self) -> bool:
        return _is_allowed(self._params, self._distribution.is_monotone_in)

    def _support(self) -> Ends:
        low, high = self._extremes(lambda which, *p: self._distribution.support(*p)[which], (0, 1))
        if self._draw.distribution.name in ("beta", "pert", "triangular") and self._bad.any():
            # where the shape is not known the ends of the support still are
            names = self._draw.form.names
            low, high = self._values[names.index("low")][0], self._values[names.index("high")][1]
        low = np.where(np.isnan(low), -np.inf, low)
        return low, np.where(np.isnan(high), np.inf, high)

    def _extremes(self, function: Callable[..., Any], first: tuple[Any, Any]) -> Ends:
        """The least of a function of the low end of `first` and the parameters at any corner,
        and the greatest of that of the high end.
        """
        low: Any = np.array(np.inf)
        high: Any = np.array(-np.inf)
        for corner in _corners(self._params):
            low = np.minimum(low, function(first[0], *corner))
            high = np.maximum(high, function(first[1], *corner))
        shape = self._bad.shape
        return np.broadcast_to(low, shape), np.broadcast_to(high, shape)

    # truncation

    def _inner(self) -> tuple[Ends, Ends]:
        """The first and last grid value inside, at both ends of the bounds."""
        assert self._limits is not None
        ends = []
        for (low, high), limit in zip(self._bounds, self._limits, strict=True):
            if isinstance(limit, Constant):
                value = float(limit.value)
                ends.append((self._grid.inner(value, value), True))
            else:
                ends.append(((low, high), False))
        (first, is_first_fixed), (last, is_last_fixed) = ends
        lows = (
            (np.full(self._bad.shape, first[0]),) * 2
            if is_first_fixed
            else tuple(self._grid.inner(x, x)[0] for x in first)
        )
        highs = (
            (np.full(self._bad.shape, last[1]),) * 2
            if is_last_fixed
            else tuple(self._grid.inner(x, x)[1] for x in last)
        )
        return (lows[0], lows[1]), (highs[0], highs[1])

    def _truncated(self, first: Ends, last: Ends) -> Ends:
        """Truncated quantiles; bounds that are empty at a corner tell nothing beyond themselves."""
        is_discrete = self._distribution.is_discrete
        least = raw_bounds(is_discrete, self._grid, first[0], last[0])
        most = raw_bounds(is_discrete, self._grid, first[1], last[1])
        if _is_allowed(self._params, self._distribution.has_monotone_ratio_in):
            low = self._least(least, np.minimum)[0]
            high = self._least(most, np.maximum)[1]
        elif self._is_monotone():
            low, high = self._by_cdf(least, most)
        else:
            low, high = least[0], most[1]
        low = np.where(np.isnan(low) | (least[0] > least[1]), least[0], low)
        high = np.where(np.isnan(high) | (most[0] > most[1]), most[1], high)
        return np.clip(low, least[0], most[1]), np.clip(high, least[0], most[1])

    def _least(self, span: Params, pick: Any) -> Ends:
        """Truncated quantiles inside one span at both levels, by the corner that `pick`s."""
        results: list[Any] = [None, None]
        is_empty = span[0] > span[1]
        span = (span[0], np.where(is_empty, span[0], span[1]))
        for corner in _corners(self._params):
            mass = np.broadcast_to(
                interval_mass(self._distribution, corner, *span), self._bad.shape
            )
            for at, level in enumerate(self._levels):
                x = truncated_quantile(self._distribution, corner, level, *span)
                x = np.where(mass > 0, x, np.nan)
                results[at] = x if results[at] is None else pick(results[at], x)
        return results[0], results[1]

    def _by_cdf(self, least: Params, most: Params) -> Ends:
        """Quantiles at enclosed levels between enclosed cdfs of the bounds."""
        step = 1.0 if self._distribution.is_discrete else 0.0
        cdf = self._distribution.cdf
        if self._distribution.is_discrete:
            least, most = ((np.ceil(low), np.floor(high)) for low, high in (least, most))
        start = self._extremes(lambda x, *p: cdf(x, *p), (least[0] - step, most[0] - step))
        end = self._extremes(lambda x, *p: cdf(x, *p), (least[1], most[1]))
        low, high = ((1 - u) * a + u * b for u, a, b in zip(self._levels, start, end, strict=True))
        # both cdfs and their mixing round
        low = np.clip(low - 1e-13 * (low + 2.0**-52), 5e-324, MOST_LEVEL)
        high = np.clip(high + 1e-13 * (high + 2.0**-52), 5e-324, 1.0)
        result = self._extremes(self._distribution.quantile, (low, np.minimum(high, MOST_LEVEL)))
        return result[0], np.where(high > MOST_LEVEL, np.inf, result[1])


def _is_allowed(params: list[Ends], is_monotone: tuple[bool, ...]) -> bool:
    """Whether every parameter that varies within a box is one of those that may."""
    allowed = is_monotone or (False,) * len(params)
    return all(
        may or np.array_equal(low, high, equal_nan=True)
        for may, (low, high) in zip(allowed, params, strict=True)
    )


def _corners(pairs: list[Ends]) -> Iterator[tuple[NDArray[np.float64], ...]]:
    """Every choice of low or high ends; one of those that are the same in every box."""
    choices = [
        (low,) if np.array_equal(low, high, equal_nan=True) else (low, high) for low, high in pairs
    ]
    return itertools.product(*choices)
