"""A distribution whose parameters take few values: what depends on them is computed once.

`normal(mean by diagnosis, sd by diagnosis) in [0, 100]` has one interval of levels for each
diagnosis, and `gamma(mean by kind, cv: 0.6)` one table of quantiles for each kind.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.distributions.truncation import MOST_BELOW_ONE, is_well_inside, level_interval
from synthdsl.engine.distribution_samplers import RowDistribution, constant_quantile
from synthdsl.engine.evaluate import position_on
from synthdsl.engine.frame import Frame
from synthdsl.engine.parameters import raw_bounds
from synthdsl.engine.samplers import BlockDraws, Context, Sampler
from synthdsl.model.draws import DistributionDraw
from synthdsl.model.expressions import Constant, Expr
from synthdsl.plan.tabulated import Axis, Tabulated
from synthdsl.values.columns import Column

MOST_GROUPS = 4_096
MOST_TABLES = 32


def grouped_sampler(
    draw: DistributionDraw, context: Context, low: Expr | None, high: Expr | None
) -> Sampler | None:
    """The sampler of a distribution with parameters (and bounds) by group; None where they vary
    otherwise, or where it gains nothing.
    """
    parts = [*draw.parameters, *(b for b in (low, high) if b is not None)]
    axes = _common_axes(parts)
    if axes is None:
        return None
    groups = int(np.prod([axis.size for axis in axes]))
    values = [_by_group(part, groups) for part in parts]
    count = len(draw.parameters)
    if groups > MOST_GROUPS or not _are_in_range(draw, values[:count]):
        return None
    params = [np.broadcast_to(p, groups) for p in draw.form.canonical(*values[:count])]
    bounds = None
    if low is not None:
        bounds = context.grid.inner(*(np.broadcast_to(v, groups) for v in values[count:]))
        if (bounds[0] > bounds[1]).any():
            return None
    rows = RowDistribution(draw, context, low, high)
    distribution = draw.distribution
    if distribution.is_discrete or distribution.has_slow_quantile:
        # a level is passed through the exact quantile function
        if context.by_level:
            return None
        return (
            TablesByGroup(draw, context, axes, params, bounds, rows)
            if groups <= MOST_TABLES
            else None
        )
    if bounds is None:
        return None
    span = raw_bounds(False, context.grid, *bounds)
    if not is_well_inside(distribution, tuple(params), *span):
        return None
    return LevelsByGroup(draw, context, axes, params, bounds, rows)


def _common_axes(parts: list[Expr]) -> tuple[Axis, ...] | None:
    axes: tuple[Axis, ...] | None = None
    for part in parts:
        if isinstance(part, Constant) and isinstance(part.value, int | float):
            continue
        if not isinstance(part, Tabulated) or part.valid is not None or part.values.ndim != 1:
            return None
        if axes is not None and part.axes != axes:
            return None
        axes = part.axes
    return axes


def _by_group(part: Expr, groups: int) -> Any:
    if isinstance(part, Constant):
        return np.full(groups, float(part.value))
    assert isinstance(part, Tabulated)
    return np.asarray(part.values, np.float64)


def _are_in_range(draw: DistributionDraw, values: list[Any]) -> bool:
    """Whether every group has parameters that work, those of groups without rows included."""
    for parameter, value in zip(draw.form.parameters, values, strict=True):
        above = value > parameter.low if parameter.is_open_low else value >= parameter.low
        below = value < parameter.high if parameter.is_open_high else value <= parameter.high
        if not (above & below & np.isfinite(value)).all():
            return False
    return all(np.all(r.holds(*values)) for r in draw.form.requirements)


class _Grouped(Sampler):
    """Finds each row's group; rows with a null among the axes go the general way."""

    def __init__(self, axes: tuple[Axis, ...], rows: RowDistribution) -> None:
        self._axes = axes
        self._rows = rows

    def _groups(self, frame: Frame) -> NDArray[Any] | None:
        position = position_on(self._axes, frame)
        return None if position is None else np.asarray(position)


class LevelsByGroup(_Grouped):
    """A truncation by group: the uniform is scaled into its group's interval of levels."""

    def __init__(
        self,
        draw: DistributionDraw,
        context: Context,
        axes: tuple[Axis, ...],
        params: list[Any],
        bounds: tuple[Any, Any],
        rows: RowDistribution,
    ) -> None:
        super().__init__(axes, rows)
        self._distribution = draw.distribution
        self._grid = context.grid
        self._params = [p[0] if (p == p[0]).all() else np.ascontiguousarray(p) for p in params]
        span = raw_bounds(False, context.grid, *bounds)
        self._start, end = level_interval(draw.distribution, tuple(params), *span)
        self._width = end - self._start
        self._bounds = [b[0] if (b == b[0]).all() else np.ascontiguousarray(b) for b in bounds]

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """Quantiles at levels inside the bounds, rounded to the grid."""
        groups = self._groups(frame)
        if groups is None:
            return self._rows.sample(frame, draws)
        u = draws.uniform()
        np.multiply(u, self._width.take(groups), out=u)
        np.add(u, self._start.take(groups), out=u)
        np.minimum(u, MOST_BELOW_ONE, out=u)
        params = [p.take(groups) if np.ndim(p) else p for p in self._params]
        bounds = [b.take(groups) if np.ndim(b) else b for b in self._bounds]
        x = self._distribution.quantile(u, *params)
        return Column(self._grid.round(np.asarray(x), *bounds))


class TablesByGroup(_Grouped):
    """A table of quantiles, or of cumulated probabilities, for each group."""

    def __init__(
        self,
        draw: DistributionDraw,
        context: Context,
        axes: tuple[Axis, ...],
        params: list[Any],
        bounds: tuple[Any, Any] | None,
        rows: RowDistribution,
    ) -> None:
        super().__init__(axes, rows)
        self._draw = draw
        self._grid = context.grid
        self._params = params
        self._bounds = bounds
        self._tables: dict[int, Any] = {}

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """Each row by the table of its group."""
        groups = self._groups(frame)
        if groups is None:
            return self._rows.sample(frame, draws)
        u = draws.uniform()
        x = np.empty(frame.rows)
        for group in np.flatnonzero(np.bincount(groups, minlength=1)).tolist():
            at = np.flatnonzero(groups == group)
            x[at] = self._table(group)(u[at])
        if self._bounds is None:
            return Column(self._grid.round(x))
        return Column(self._grid.round(x, *(b.take(groups) for b in self._bounds)))

    def _table(self, group: int) -> Any:
        if group not in self._tables:
            params = tuple(float(p[group]) for p in self._params)
            span: tuple[Any, Any] = (None, None)
            if self._bounds is not None:
                low, high = (float(b[group]) for b in self._bounds)
                span = raw_bounds(self._draw.distribution.is_discrete, self._grid, low, high)
            self._tables[group] = constant_quantile(self._draw.distribution, params, *span)
        return self._tables[group]
