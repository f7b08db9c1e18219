"""What a distribution may give at levels and parameters that lie in intervals.

Quantiles rise with the level. In a parameter they are monotone where the distribution says so
(`Distribution.is_monotone_in`), which makes the corners of a box of parameters the extremes; in
other parameters only the support is known. A truncated quantile is the quantile at the level
(1 - u) F(a) + u F(b), whose cdf values are monotone in the same parameters; where the likelihood
ratio is monotone the truncated quantile itself is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from synthdsl.engine.conditioning.enclosed_values import Enclosure, both, either
from synthdsl.engine.conditioning.interval_arithmetic import Ends, as_floats
from synthdsl.engine.conditioning.quantile_ends import (
    CLOSED_FORM_ERROR,
    INVERTED_ERROR,
    clipped,
    ends_on_grid,
    inner_levels,
    moved_apart,
    outer_levels,
    size,
)
from synthdsl.engine.conditioning.row_enclosures import ends_by_row
from synthdsl.engine.distribution_samplers import constant_quantile
from synthdsl.engine.grid import Grid
from synthdsl.engine.parameters import raw_bounds
from synthdsl.model.draws import DistributionDraw
from synthdsl.model.expressions import Constant, Expr

Params = tuple[Any, ...]
Bounds = tuple[Enclosure, Enclosure] | None


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
    pairs = [as_floats((e.low, e.high)) for e in (*parameters, *(bounds or ()))]
    low, high = ends_by_row(draw, grid, (cell, levels), pairs, limits)
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
        if distribution.name == "discrete_uniform" and grid.step is not None:
            # the sampler's own way: equally likely values of what both intervals hold
            narrow = max(params[0], inner[0]), min(params[1], inner[1])
            params = narrow if narrow[0] <= narrow[1] else params
        span = raw_bounds(distribution.is_discrete, grid, *inner)
    quantile = _quantile_of(distribution, params, *span)
    ends = _at_levels(quantile, levels)
    if not is_stepped:
        error = INVERTED_ERROR if distribution.has_slow_quantile else CLOSED_FORM_ERROR
        spread = _spread(quantile) if distribution.has_slow_quantile else size(params[0])
        ends = moved_apart(ends, error, spread)
        ends = clipped(ends, *distribution.support(*params))
    return ends_on_grid(ends, grid, *inner)


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
