"""What a distribution may give where its parameters or bounds vary from row to row.

Boxes whose parameters are the same are looked at once, and so is a level at which one cell ends
and the next begins.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.distributions.base import Distribution, Role
from synthdsl.distributions.truncation import Interval
from synthdsl.engine.conditioning.interval_arithmetic import Ends
from synthdsl.engine.conditioning.quantile_ends import (
    CLOSED_FORM_ERROR,
    INVERTED_ERROR,
    MOST_LEVEL,
    clipped,
    ends_on_grid,
    levels_apart,
    moved_apart,
    outer_levels,
    size,
)
from synthdsl.engine.grid import Grid
from synthdsl.engine.parameters import raw_bounds
from synthdsl.model.draws import DistributionDraw
from synthdsl.model.expressions import Constant, Expr

_LISTS = (Role.LIST, Role.POINTS)

Params = tuple[Any, ...]
Limits = tuple[Expr, Expr] | None


def ends_by_row(
    draw: DistributionDraw, grid: Grid, levels: tuple[Ends, Ends], pairs: list[Ends], limits: Limits
) -> Ends:
    """The ends in every box, of the boxes' shape.

    `levels`: those at the ends of the cells, and the same without their margins. `pairs`: the
    ends of the parameters and, inside `limits`, of the bounds.
    """
    cell, inner = levels
    outer = outer_levels(cell) if limits is None else levels_apart(outer_levels(cell))
    boxes = _Layout(pairs, (*outer, *inner))
    ends = np.empty((2, boxes.rows, boxes.cells))
    # where parameters vary within a box no cell ends where a step does
    varies = np.any([low != high for low, high in boxes.pairs], axis=0)
    for is_here, first in ((varies, 0), (~varies, 2)):
        at = np.flatnonzero(is_here)
        if not at.size:
            continue
        shared, low, high = boxes.shared_levels(at, first)
        chosen = [(a[at], b[at]) for a, b in boxes.pairs]
        least, most = _Rows(draw, grid, shared, chosen, limits).ends()
        ends[0, at] = least[:, low]
        ends[1, at] = most[:, high]
    return ends[0].reshape(-1)[boxes.place], ends[1].reshape(-1)[boxes.place]


class _Layout:
    """Boxes as rows of parameters, with some cells of levels each.

    `pairs`: the ends of each parameter, (rows,). `place`: for each box its position among rows
    times cells.
    """

    def __init__(self, pairs: list[Ends], levels: tuple[Any, ...]) -> None:
        shape = np.broadcast_shapes(*(np.shape(x) for pair in pairs for x in pair))
        over = np.broadcast_shapes(*(np.shape(level) for level in levels))
        boxes = np.broadcast_shapes(shape, over)
        is_apart = prod(boxes) == prod(shape) * prod(over)
        if not is_apart:
            # levels that vary with the parameters belong to their rows
            shape = boxes
        flat = np.stack([np.broadcast_to(x, shape).reshape(-1) for pair in pairs for x in pair])
        if is_apart:
            self._levels = [np.broadcast_to(x, over).reshape(1, -1) for x in levels]
            kept, row = _distinct(flat)
            self.cells = prod(over)
            self.place = row.reshape(shape) * self.cells + np.arange(self.cells).reshape(over)
        else:
            self._levels = [np.broadcast_to(x, shape).reshape(-1, 1) for x in levels]
            kept = np.arange(prod(shape))
            self.cells = 1
            self.place = kept.reshape(shape)
        self.rows = len(kept)
        self.pairs = [(a[kept], b[kept]) for a, b in zip(flat[::2], flat[1::2], strict=True)]

    def shared_levels(self, at: NDArray[np.int64], first: int) -> tuple[Any, Any, Any]:
        """The levels number `first` and `first + 1` of the rows `at`, (1 or rows, levels), each
        once, and at which of them each cell begins and ends.
        """
        low, high = self._levels[first : first + 2]
        if self.cells == 1 and len(low) > 1:
            return np.hstack([low[at], high[at]]), [0], [1]
        shared, position = np.unique(np.hstack([low[0], high[0]]), return_inverse=True)
        return shared[None, :], position[: self.cells], position[self.cells :]


def _distinct(columns: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The positions at which (values, n) columns first occur, and which of them each one is."""
    bits = np.ascontiguousarray(columns.T).view(np.dtype((np.void, 8 * len(columns))))
    _, kept, which = np.unique(bits.reshape(-1), return_index=True, return_inverse=True)
    return kept, which


class _Rows:
    """A distribution whose parameters or bounds vary: (n,) boxes of them, with levels each.

    `levels`: (1 or n, levels). `pairs`: the ends of each parameter and bound, (n,).
    """

    def __init__(
        self,
        draw: DistributionDraw,
        grid: Grid,
        levels: NDArray[np.float64],
        pairs: list[Ends],
        limits: Limits,
    ) -> None:
        self._draw = draw
        self._distribution: Distribution = draw.distribution
        self._grid = grid
        self._limits = limits
        self._rows = len(pairs[0][0])
        self._levels = np.broadcast_to(levels, (self._rows, levels.shape[1]))
        ranges = draw.form.parameters
        self._values = [
            (expression.value, expression.value)
            if parameter.role in _LISTS and isinstance(expression, Constant)
            else self._within(pair, parameter.low, parameter.high)
            for pair, parameter, expression in zip(pairs, ranges, draw.parameters, strict=False)
        ]
        self._bounds = pairs[len(draw.parameters) :]
        self._bad = np.zeros(self._rows, np.bool_)
        self._params = self._canonical()

    def _within(self, ends: Ends, low: float, high: float) -> Ends:
        """Parameters in their range: rows with any others stop the run."""
        return np.clip(ends[0], low, high), np.clip(ends[1], low, high)

    def _canonical(self) -> list[Ends]:
        """The canonical parameters' ends, from the corners of those given.

        Every form's map is monotone in each of its parameters, but for a beta by its moments.
        """
        form = self._draw.form
        is_bent = self._distribution.name == "beta" and form.names[0] == "mean"
        varying = [not np.array_equal(*pair) for pair in self._values]
        if is_bent and (varying[0] or any(varying[2:])):
            self._bad[:] = True
        result: list[Ends] | None = None
        for corner in _corners(self._values):
            params = [
                p if isinstance(p, tuple) else np.broadcast_to(p, self._bad.shape)
                for p in form.canonical(*corner)
            ]
            for requirement in form.requirements:
                self._bad |= ~np.asarray(requirement.holds(*corner), np.bool_)
            if result is None:
                result = [(p, p) for p in params]
            else:
                result = [
                    (p, p) if isinstance(p, tuple) else (np.fmin(low, p), np.fmax(high, p))
                    for (low, high), p in zip(result, params, strict=True)
                ]
        assert result is not None
        return result

    def ends(self) -> Ends:
        """The least and the greatest rounded value at each level, (n, levels)."""
        support = self._support()
        first, last = (np.broadcast_to(end[:, None], self._levels.shape) for end in support)
        inner = None
        if self._limits is not None:
            inner = self._inner()
            low, high = self._truncated(*inner)
        elif self._is_monotone():
            low, high = self._quantiles((self._levels, self._levels))
        else:
            low, high = first, last
        error = INVERTED_ERROR if self._distribution.has_slow_quantile else CLOSED_FORM_ERROR
        if not self._distribution.is_discrete:
            spread = np.fmax(size(self._params[0][0]), size(self._params[0][1]))
            low, high = moved_apart((low, high), error, np.reshape(spread, (-1, 1)))
        is_lost = self._bad[:, None] | np.isnan(low) | np.isnan(high)
        low, high = np.where(is_lost, first, low), np.where(is_lost, last, high)
        low, high = clipped((low, high), first, last)
        bounds = (None, None)
        if inner is not None:
            bounds = inner[0][0][:, None], inner[1][1][:, None]
        return ends_on_grid((low, high), self._grid, *bounds)

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
        and the greatest of that of the high end: (n,).
        """
        low: Any = np.array(np.inf)
        high: Any = np.array(-np.inf)
        for corner in _corners(self._params):
            low = np.minimum(low, function(first[0], *corner))
            high = np.maximum(high, function(first[1], *corner))
        return np.broadcast_to(low, self._rows), np.broadcast_to(high, self._rows)

    def _quantiles(self, levels: Ends) -> Ends:
        """The least quantile at the low levels, and the greatest at the high ones."""
        is_one = levels[0] is levels[1]
        low: Any = np.inf
        high: Any = -np.inf
        for corner in _corners(self._params):
            at_low = self._quantile(levels[0], corner)
            low = np.minimum(low, at_low)
            high = np.maximum(high, at_low if is_one else self._quantile(levels[1], corner))
        return low, high

    def _quantile(self, levels: Any, corner: Params) -> Any:
        count = levels.shape[1]
        params = (
            np.repeat(p, count) if isinstance(p, np.ndarray) and p.shape == (self._rows,) else p
            for p in corner
        )
        found = self._distribution.quantile(levels.reshape(-1), *params)
        return np.reshape(found, levels.shape)

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
        ends = [end[:, None] for end in (*least, *most)]
        if _is_allowed(self._params, self._distribution.has_monotone_ratio_in):
            low, high = self._inside(least)
            if not all(np.array_equal(a, b) for a, b in zip(least, most, strict=True)):
                high = self._inside(most)[1]
        elif self._is_monotone():
            low, high = self._by_cdf(least, most)
        else:
            low, high = (np.broadcast_to(end, self._levels.shape) for end in (ends[0], ends[3]))
        low = np.where(np.isnan(low) | (ends[0] > ends[1]), ends[0], low)
        high = np.where(np.isnan(high) | (ends[2] > ends[3]), ends[3], high)
        return np.clip(low, ends[0], ends[3]), np.clip(high, ends[0], ends[3])

    def _inside(self, span: Params) -> Ends:
        """The least and the greatest truncated quantile inside one span at any corner."""
        span = (span[0], np.where(span[0] > span[1], span[0], span[1]))
        count = self._levels.shape[1]
        low: Any = np.inf
        high: Any = -np.inf
        for corner in _corners(self._params):
            interval = Interval(self._distribution, corner, *span)
            mass = np.broadcast_to(interval.probability(), self._rows)[:, None]
            x = interval.repeated(self._rows, count).quantile(self._levels.reshape(-1))
            x = np.where(mass > 0, x.reshape(self._levels.shape), np.nan)
            low, high = np.minimum(low, x), np.maximum(high, x)
        return low, high

    def _by_cdf(self, least: Params, most: Params) -> Ends:
        """Quantiles at enclosed levels between enclosed cdfs of the bounds."""
        step = 1.0 if self._distribution.is_discrete else 0.0
        cdf = self._distribution.cdf
        if self._distribution.is_discrete:
            least, most = ((np.ceil(low), np.floor(high)) for low, high in (least, most))
        start = self._extremes(lambda x, *p: cdf(x, *p), (least[0] - step, most[0] - step))
        end = self._extremes(lambda x, *p: cdf(x, *p), (least[1], most[1]))
        u = self._levels
        low, high = ((1 - u) * a[:, None] + u * b[:, None] for a, b in zip(start, end, strict=True))
        # both cdfs and their mixing round
        low = np.clip(low - 1e-13 * (low + 2.0**-52), 5e-324, MOST_LEVEL)
        high = np.clip(high + 1e-13 * (high + 2.0**-52), 5e-324, 1.0)
        result = self._quantiles((low, np.minimum(high, MOST_LEVEL)))
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
