"""Samplers of univariate distributions: parameters constant or by row, bounded or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.distributions.tables import CountTable, QuantileTable
from synthdsl.distributions.truncation import MOST_BELOW_ONE, Interval, truncated_quantile
from synthdsl.engine.evaluate import evaluate
from synthdsl.engine.frame import Frame
from synthdsl.engine.parameters import checked_parameters, is_all_null, raw_bounds
from synthdsl.engine.results import filled_mask
from synthdsl.engine.samplers import BlockDraws, Context, NullDraw, Sampler, row_error
from synthdsl.model.draws import DistributionDraw
from synthdsl.model.expressions import Constant, Expr
from synthdsl.model.spelling import spell_constant
from synthdsl.values.columns import Column, both_valid
from synthdsl.values.types import Kind


def distribution_sampler(
    draw: DistributionDraw, context: Context, low: Expr | None = None, high: Expr | None = None
) -> Sampler:
    """The sampler of a distribution, truncated to [low, high] where bounds are given."""
    parameters = tuple(context.simplify(p) for p in draw.parameters)
    draw = replace(draw, parameters=parameters)
    name = draw.distribution.name
    is_constant = all(isinstance(p, Constant) for p in parameters)
    bounds_constant = all(b is None or isinstance(b, Constant) for b in (low, high))
    if any(isinstance(p, Constant) and p.value is None for p in (*parameters, low, high)):
        return NullDraw(context)
    if (
        name == "bernoulli"
        and low is None
        and context.field.type.kind is Kind.BOOL
        and not context.by_level
    ):
        return Bernoulli(draw, context)
    if is_constant and bounds_constant:
        if name == "discrete_uniform" and context.grid.step is not None:
            return _discrete_uniform(draw, context, low, high)
        return ConstantDistribution(draw, context, low, high)
    return RowDistribution(draw, context, low, high)


class Bernoulli(Sampler):
    """True with a probability: one comparison of the row's hash with a threshold."""

    def __init__(self, draw: DistributionDraw, context: Context) -> None:
        self._p = draw.parameters[0]
        self._draw = draw
        self._threshold: np.uint64 | None = None
        self._constant: bool | None = None
        if isinstance(self._p, Constant):
            p = float(self._p.value)
            if p <= 0 or p >= 1:
                self._constant = p >= 1
            else:
                self._threshold = np.uint64(round(p * 2.0**52)) << np.uint64(12)

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """True where the row's hash lies below the threshold."""
        if self._constant is not None:
            return Column(np.full(frame.rows, self._constant))
        if self._threshold is not None:
            return Column(np.less(draws.bits(), self._threshold))
        p = evaluate(self._p, frame)
        (values,), valid = checked_parameters(self._draw, [p], frame)
        return Column(np.less(draws.uniform(), values), valid)


def _discrete_uniform(
    draw: DistributionDraw, context: Context, low: Expr | None, high: Expr | None
) -> Sampler:
    values = [p.value for p in draw.parameters if isinstance(p, Constant)]
    first, last = draw.form.canonical(*values)
    if isinstance(low, Constant) and isinstance(high, Constant):
        start, end = context.grid.inner(float(low.value), float(high.value))
        first, last = max(first, start), min(last, end)
    count = round((last - first) / float(context.grid.step or 1)) + 1
    if count < 1:
        # an error of the rows that come to it: a branch may have none
        return RowDistribution(draw, context, low, high)
    return DiscreteUniform(first, count, context)


class DiscreteUniform(Sampler):
    """Equally likely grid values `first`, `first + step`, … (`count` of them)."""

    def __init__(self, first: float, count: int, context: Context) -> None:
        self._count = count
        self._grid = context.grid
        step = context.grid.step
        assert step is not None
        self._numerator, self._denominator = step.numerator, step.denominator
        self._start = round(first * step.denominator / step.numerator)

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """The grid value in whose share of the unit interval the uniform falls."""
        u = draws.uniform()
        np.multiply(u, float(self._count), out=u)
        steps = u.astype(np.int64)
        # a level may be one where fields are correlated
        np.minimum(steps, self._count - 1, out=steps)
        steps += self._start
        if self._grid.is_whole:
            if self._numerator != 1:
                steps *= self._numerator
            return Column(steps)
        return Column(steps * float(self._numerator) / float(self._denominator))


class ConstantDistribution(Sampler):
    """A distribution with constant parameters and bounds: tabulated where inversion is slow."""

    def __init__(
        self, draw: DistributionDraw, context: Context, low: Expr | None, high: Expr | None
    ) -> None:
        self._context = context
        distribution = draw.distribution
        values = [p.value for p in draw.parameters if isinstance(p, Constant)]
        self._params = draw.form.canonical(*values)
        self._distribution = distribution
        self._bounds: tuple[Any, Any] = (None, None)
        span: tuple[Any, Any] = (None, None)
        if isinstance(low, Constant) and isinstance(high, Constant):
            self._bounds = context.grid.inner(float(low.value), float(high.value))
            span = raw_bounds(distribution.is_discrete, context.grid, *self._bounds)
        self._quantile = constant_quantile(distribution, self._params, *span)

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """Quantiles of the uniforms, rounded to the grid."""
        x = self._quantile(draws.uniform())
        return Column(self._context.grid.round(x, *self._bounds))


def constant_quantile(
    distribution: Any, params: tuple[Any, ...], low: Any, high: Any
) -> Callable[[Any], Any]:
    """Quantiles at (n,) uniforms, given constant parameters and bounds, as fast as they go."""
    if distribution.is_discrete:
        return CountTable.build(distribution, params, low, high)
    if distribution.has_slow_quantile:
        return QuantileTable.build(distribution, params, low, high)
    if low is None:
        return lambda u: distribution.quantile(u, *params)
    start, end = float(distribution.cdf(low, *params)), float(distribution.cdf(high, *params))
    if end - start > 1e-3:
        # well inside the body: a plain rescaling of the uniform is accurate
        def body(u: Any) -> Any:
            np.multiply(u, end - start, out=u)
            np.add(u, start, out=u)
            # a level that rounding carries to 1 has no quantile
            np.minimum(u, MOST_BELOW_ONE, out=u)
            return distribution.quantile(u, *params)

        return body
    return lambda u: truncated_quantile(distribution, params, u, low, high)


class RowDistribution(Sampler):
    """A distribution whose parameters or bounds vary by row."""

    def __init__(
        self, draw: DistributionDraw, context: Context, low: Expr | None, high: Expr | None
    ) -> None:
        self.draw = draw
        self._context = context
        self._bounds = None if low is None or high is None else (low, high)

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """Draws by each row's own parameters, rounded to the grid."""
        parameters = [evaluate(p, frame) for p in self.draw.parameters]
        if is_all_null(parameters):
            return NullDraw(self._context).sample(frame, draws)
        values, valid = checked_parameters(self.draw, parameters, frame)
        params = self.draw.form.canonical(*values)
        distribution, grid = self.draw.distribution, self._context.grid
        if self._bounds is None:
            if self._context.by_level:
                x = distribution.quantile(draws.uniform(), *params)
            else:
                x = distribution.sample(draws, *params)
            return Column(grid.round(_full(x, frame.rows)), filled_mask(valid, frame.rows))
        low, high, valid = self._row_bounds(frame, valid)
        span = raw_bounds(distribution.is_discrete, grid, low, high)
        interval = Interval(distribution, params, *span)
        self._check_mass(interval, low, high, valid, frame)
        x = interval.quantile(draws.uniform())
        return Column(grid.round(_full(x, frame.rows), low, high), filled_mask(valid, frame.rows))

    def _row_bounds(self, frame: Frame, valid: Any) -> tuple[Any, Any, Any]:
        assert self._bounds is not None
        columns = [evaluate(bound, frame) for bound in self._bounds]
        for column in columns:
            valid = both_valid(valid, column.valid)
        low, high = self._context.grid.inner(
            *(np.asarray(c.values, np.float64)[()] for c in columns)
        )
        empty = np.asarray(low > high)
        if valid is not None:
            empty = empty & valid
        if empty.any():
            row = int(np.flatnonzero(np.broadcast_to(empty, frame.rows))[0])
            bounds = [np.broadcast_to(np.asarray(b), frame.rows)[row] for b in (low, high)]
            raise row_error(
                self._bounds[0].span.to(self._bounds[1].span),
                frame,
                row,
                f"the interval of `{self._context.field.name}` is empty: "
                f"from {self._spell(bounds[0])} to {self._spell(bounds[1])}",
            )
        if valid is not None:
            # rows that come out null get any bounds that work
            low = np.where(valid, low, -np.inf)
            high = np.where(valid, high, np.inf)
        return low, high, valid

    def _check_mass(
        self, interval: Interval, low: Any, high: Any, valid: Any, frame: Frame
    ) -> None:
        mass = np.broadcast_to(interval.probability(), frame.rows)
        impossible = ~(mass > 0)
        if valid is not None:
            impossible = impossible & valid
        if impossible.any():
            row = int(np.flatnonzero(impossible)[0])
            bounds = [np.broadcast_to(np.asarray(b), frame.rows)[row] for b in (low, high)]
            raise row_error(
                self.draw.span,
                frame,
                row,
                f"`{self.draw.distribution.name}` never falls in "
                f"[{self._spell(bounds[0])}, {self._spell(bounds[1])}]",
            )

    def _spell(self, value: Any) -> str:
        return spell_constant(float(value), self._context.field.type)


def _full(x: Any, rows: int) -> NDArray[Any]:
    x = np.asarray(x)
    return np.broadcast_to(x, rows).copy() if x.ndim == 0 else x
