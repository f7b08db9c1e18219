"""Ends of quantiles at the ends of cells, rounded as rows have them."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthdsl.engine.conditioning.interval_arithmetic import Ends, exactly_whole
from synthdsl.engine.grid import Grid

LEAST_LEVEL = 2.0**-53
MOST_LEVEL = 1 - 2.0**-53
"""Levels that rows can have: those of the base draws."""
LEVEL_ERROR = 2.0**-44
"""Share of the nearer tail by which a level near a cell's end may be taken for its neighbour."""
CLOSED_FORM_ERROR = 2.0**-46
INVERTED_ERROR = 4e-9
"""Relative errors allowed to quantiles; tables and numerical inverses are good to 1e-9."""


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


def levels_apart(levels: Ends) -> Ends:
    """Levels moved outwards: inside a truncation rounding moves them, for each parameter anew."""
    low, high = levels
    error = 2.0**-50
    return np.maximum(low * (1 - error) - error, 0.0), np.minimum(high * (1 + error) + error, 1.0)


def size(first: Any) -> Any:
    """How large the first number is that a quantile is computed with; of a list, the largest."""
    return max(map(abs, first)) if isinstance(first, tuple) else np.abs(first)


def moved_apart(ends: Ends, error: float, size: Any) -> Ends:
    """Ends moved outwards by a relative error of theirs and of the `size` they are computed at."""
    low, high = ends
    return low - error * (np.abs(low) + size), high + error * (np.abs(high) + size)


def clipped(ends: Ends, first: Any, last: Any) -> Ends:
    """Ends within the support; fmax ignores bounds that are not known."""
    return np.fmax(ends[0], first), np.fmin(ends[1], last)


def ends_on_grid(ends: Ends, grid: Grid, first: Any, last: Any) -> Ends:
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
