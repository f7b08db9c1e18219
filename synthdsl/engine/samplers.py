"""Typed draws as samplers: objects made once per plan that draw a column for a block."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from synthdsl.distributions.base import DISTRIBUTIONS, Parameter
from synthdsl.distributions.tables import CountTable, QuantileTable
from synthdsl.distributions.truncation import interval_mass, truncated_quantile
from synthdsl.engine.choices import Chooser
from synthdsl.engine.evaluate import evaluate, filled, is_true
from synthdsl.engine.frame import Frame, Record, RowError, scatter
from synthdsl.engine.grid import Grid
from synthdsl.engine.lookup_index import LookupIndex, index_of, raw_column
from synthdsl.functions.base import Argument
from synthdsl.model.draws import (
    CategoricalDraw,
    ChooseDraw,
    DistributionDraw,
    DrawNode,
    FixedDraw,
    LookupDraw,
    MixtureDraw,
    ProviderDraw,
    Truncated,
)
from synthdsl.model.expressions import Choose, Constant, Expr
from synthdsl.model.spec import Field
from synthdsl.model.spelling import spell_constant
from synthdsl.source import Span
from synthdsl.values.arrays import repeated
from synthdsl.values.columns import Column, Vocabulary, both_valid
from synthdsl.values.draws import Draws
from synthdsl.values.types import INT, ORDERED, Kind

Simplify = Callable[[Expr], Expr]


class BlockDraws(Draws, Protocol):
    """Draws that can be restricted to rows and split into named parts."""

    def at(self, rows: NDArray[np.int64]) -> BlockDraws:
        """The draws of some of the rows."""
        ...

    def named(self, part: str) -> BlockDraws:
        """Independent draws of a part of the field."""
        ...


class Sampler:
    """Draws a field's raw values, on its grid, for a frame."""

    def sample(self, frame: Frame, draws: BlockDraws) -> Column | Record:
        """One value a row."""
        raise NotImplementedError


class Context:
    """What compiling a field's draw needs to know.

    `simplify` tabulates expressions; `by_level` asks for samplers that are increasing in the
    field's one uniform (for correlations); `parts` are the used parts of a record.
    """

    def __init__(
        self,
        field: Field,
        simplify: Simplify,
        *,
        vocabulary: Vocabulary | None,
        parts: frozenset[str],
        by_level: bool,
    ) -> None:
        self.field = field
        self.grid = Grid.of(field)
        self.simplify = simplify
        self.vocabulary = vocabulary
        self.parts = parts
        self.by_level = by_level
        self.depth = 0

    def inside_mixture(self) -> Context:
        """The context of a mixture's components, whose own mixtures choose independently."""
        inner = copy(self)
        inner.depth += 1
        return inner


def compile_draw(draw: DrawNode, context: Context) -> Sampler:
    """The sampler of a draw."""
    if isinstance(draw, Truncated):
        return _truncated(draw, context)
    return _COMPILERS[type(draw)](draw, context)


def _truncated(draw: Truncated, context: Context) -> Sampler:
    inner = draw.draw
    low, high = context.simplify(draw.low), context.simplify(draw.high)
    if isinstance(inner, DistributionDraw):
        return _distribution(inner, context, low, high)
    if isinstance(inner, ChooseDraw):
        # a truncation of a choice truncates the draw that is chosen
        branches = tuple((c, Truncated(draw.span, d, low, high)) for c, d in inner.branches)
        otherwise = Truncated(draw.span, inner.otherwise, low, high)
        return _choose(ChooseDraw(draw.span, branches, otherwise), context)
    if isinstance(inner, Truncated):
        both = narrower(inner, low, high)
        return _truncated(both, context)
    if isinstance(inner, CategoricalDraw):
        return TruncatedCategorical(inner, low, high, context)
    if isinstance(inner, MixtureDraw):
        return Mixture(inner, context, low, high)
    if isinstance(inner, FixedDraw):
        return FixedWithin(inner, low, high, context)
    raise AssertionError(type(inner))


def narrower(inner: Truncated, low: Expr, high: Expr) -> Truncated:
    from synthdsl.functions.base import FUNCTIONS
    from synthdsl.model.draw_typing import as_arguments
    from synthdsl.model.expressions import Apply
    from synthdsl.model.folding import fold

    largest, smallest = FUNCTIONS.get("max"), FUNCTIONS.get("min")
    assert largest is not None and smallest is not None
    lows, highs = (inner.low, low), (inner.high, high)
    lower = fold(Apply(low.type, low.span, largest.bind(*as_arguments(lows)), lows))
    upper = fold(Apply(high.type, high.span, smallest.bind(*as_arguments(highs)), highs))
    return Truncated(inner.span, inner.draw, lower, upper)


# fixed values


class Fixed(Sampler):
    """The value of an expression, without chance."""

    def __init__(self, draw: FixedDraw, context: Context) -> None:
        self._value = context.simplify(draw.value)
        self._context = context

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        column = filled(evaluate(self._value, frame), frame.rows, self._context_constant())
        if self._context.field.type.kind in ORDERED:
            return Column(self._context.grid.round(np.asarray(column.values)), column.valid)
        return column

    def _context_constant(self) -> Expr:
        return Constant(self._context.field.type, self._context.field.span, None)


class FixedWithin(Sampler):
    """A fixed value under a truncation: possible only where it lies inside."""

    def __init__(self, draw: FixedDraw, low: Expr, high: Expr, context: Context) -> None:
        self._fixed = Fixed(draw, context)
        self._bounds = (low, high)
        self._span = draw.span

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        column = self._fixed.sample(frame, draws)
        low, high = (evaluate(bound, frame) for bound in self._bounds)
        with np.errstate(invalid="ignore"):
            outside = (column.values < low.values) | (column.values > high.values)
        if column.valid is not None:
            outside = outside & column.valid
        if outside.any():
            row = int(np.flatnonzero(outside)[0])
            raise RowError(
                "row-value",
                self._span,
                f"row {int(frame.ordinals[row])}: the fixed value {column.values[row]} lies outside its interval",
                "widen the interval",
            )
        return column


# univariate distributions


def _distribution(
    draw: DistributionDraw, context: Context, low: Expr | None = None, high: Expr | None = None
) -> Sampler:
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
        if name == "discrete_uniform" and context.grid.step is not None and not context.by_level:
            return _discrete_uniform(draw, context, low, high)
        return ConstantDistribution(draw, context, low, high)
    return RowDistribution(draw, context, low, high)


class NullDraw(Sampler):
    """A draw with a null parameter."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        grid = self._context.grid
        dtype = np.bool_ if grid.is_bool else np.int64 if grid.is_whole else np.float64
        return Column(np.zeros(frame.rows, dtype), np.zeros(frame.rows, np.bool_))


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
    first, last = (float(p.value) for p in draw.parameters if isinstance(p, Constant))
    if isinstance(low, Constant) and isinstance(high, Constant):
        first, last = max(first, float(low.value)), min(last, float(high.value))
    first, last = context.grid.inner(first, last)
    step = float(context.grid.step or 1)
    count = round((last - first) / step) + 1
    if count < 1:
        raise RowError(
            "empty-interval", draw.span, "no value of the grid lies between these bounds"
        )
    return DiscreteUniform(first, count, context)


class DiscreteUniform(Sampler):
    """Equally likely grid values `first`, `first + step`, … (`count` of them)."""

    def __init__(self, first: float, count: int, context: Context) -> None:
        self._first = first
        self._count = count
        self._grid = context.grid
        step = context.grid.step
        assert step is not None
        self._numerator, self._denominator = step.numerator, step.denominator

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        u = draws.uniform()
        np.multiply(u, float(self._count), out=u)
        steps = u.astype(np.int64)
        if self._grid.is_whole:
            if self._numerator != 1:
                steps *= self._numerator
            steps += int(self._first)
            return Column(steps)
        start = round(self._first * self._denominator / self._numerator)
        return Column((steps + start) * float(self._numerator) / float(self._denominator))


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
        self._quantile = _constant_quantile(distribution, self._params, *span)

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        x = self._quantile(draws.uniform())
        return Column(self._context.grid.round(x, *self._bounds))


def raw_bounds(is_discrete: bool, grid: Grid, low: Any, high: Any) -> tuple[Any, Any]:
    """Bounds of a draw before rounding, for bounds on the grid after it."""
    half = grid.half()
    if not is_discrete:
        return low - half, high + half
    if grid.step == 1 or half == 0:
        return low, high
    return np.ceil(low - half), np.ceil(high + half) - 1


def _constant_quantile(
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
            return distribution.quantile(u, *params)

        return body
    return lambda u: truncated_quantile(distribution, params, u, low, high)


class RowDistribution(Sampler):
    """A distribution whose parameters or bounds vary by row."""

    def __init__(
        self, draw: DistributionDraw, context: Context, low: Expr | None, high: Expr | None
    ) -> None:
        self._draw = draw
        self._context = context
        self._bounds = None if low is None or high is None else (low, high)

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        parameters = [evaluate(p, frame) for p in self._draw.parameters]
        if _is_all_null(parameters):
            return NullDraw(self._context).sample(frame, draws)
        values, valid = checked_parameters(self._draw, parameters, frame)
        params = self._draw.form.canonical(*values)
        distribution, grid = self._draw.distribution, self._context.grid
        if self._bounds is None:
            if self._context.by_level:
                x = distribution.quantile(draws.uniform(), *params)
            else:
                x = distribution.sample(draws, *params)
            return Column(grid.round(_full(x, frame.rows)), _mask(valid, frame.rows))
        low, high, valid = self._row_bounds(frame, valid)
        span = raw_bounds(distribution.is_discrete, grid, low, high)
        self._check_mass(params, span, low, high, valid, frame)
        x = truncated_quantile(distribution, params, draws.uniform(), *span)
        return Column(grid.round(_full(x, frame.rows), low, high), _mask(valid, frame.rows))

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
                f"the interval of `{self._context.field.name}` is empty: from {self._spell(bounds[0])} to {self._spell(bounds[1])}",
            )
        if valid is not None:
            # rows that come out null get any bounds that work
            low = np.where(valid, low, -np.inf)
            high = np.where(valid, high, np.inf)
        return low, high, valid

    def _check_mass(
        self, params: Any, span: Any, low: Any, high: Any, valid: Any, frame: Frame
    ) -> None:
        mass = np.broadcast_to(interval_mass(self._draw.distribution, params, *span), frame.rows)
        impossible = ~(mass > 0)
        if valid is not None:
            impossible = impossible & valid
        if impossible.any():
            row = int(np.flatnonzero(impossible)[0])
            bounds = [np.broadcast_to(np.asarray(b), frame.rows)[row] for b in (low, high)]
            raise row_error(
                self._draw.span,
                frame,
                row,
                f"`{self._draw.distribution.name}` never falls in [{self._spell(bounds[0])}, {self._spell(bounds[1])}]",
            )

    def _spell(self, value: Any) -> str:
        return spell(float(value), self._context.field)


def spell(value: float, field: Field) -> str:
    """A raw value as a user reads it."""
    return spell_constant(value, field.type)


def row_error(
    span: Span, frame: Frame, row: int, message: str, help: str | None = None
) -> RowError:
    """The error about one row of a frame."""
    return RowError(
        "row-value", span, f"row {int(frame.ordinals[row])} of `{frame.table}`: {message}", help
    )


def _is_all_null(columns: list[Column]) -> bool:
    """Whether every row has a null among `columns`: then no value can stand in for them."""
    valid = None
    for column in columns:
        valid = both_valid(valid, column.valid)
    return valid is not None and not np.any(valid)


def _full(x: Any, rows: int) -> NDArray[Any]:
    x = np.asarray(x)
    return np.broadcast_to(x, rows).copy() if x.ndim == 0 else x


def _mask(valid: Any, rows: int) -> Any:
    if valid is None or np.ndim(valid) == 1:
        return valid
    return None if valid else np.zeros(rows, np.bool_)


def checked_parameters(
    draw: DistributionDraw, columns: list[Column], frame: Frame
) -> tuple[list[Any], Any]:
    """Parameter values in range, and where none is null (None: everywhere).

    Values under null are replaced by ones that work. Raises `RowError` with row and value for
    one that is out of range.
    """
    valid = None
    for column in columns:
        valid = both_valid(valid, column.valid)
    values = []
    for parameter, column, expression in zip(
        draw.form.parameters, columns, draw.parameters, strict=True
    ):
        value = column.values
        if isinstance(expression, Constant) and parameter.role.value in ("list", "points"):
            values.append(expression.value)
            continue
        if np.ndim(value) == 0:
            values.append(float(value))
            continue
        value = np.asarray(value, np.float64)
        if valid is not None:
            value = _patched(value, valid)
        if value.ndim == 1:
            _check_range(draw, parameter, value, expression, frame)
        values.append(value)
    for requirement in draw.form.requirements:
        fine = np.asarray(requirement.holds(*values))
        if not fine.all():
            row = int(np.flatnonzero(~np.broadcast_to(fine, frame.rows))[0])
            shown = ", ".join(
                f"{n} = {np.broadcast_to(np.asarray(v), frame.rows)[row]:g}"
                for n, v in zip(draw.form.names, values, strict=True)
                if np.ndim(v) < 2
            )
            raise row_error(
                draw.span,
                frame,
                row,
                f"`{draw.distribution.name}` needs {requirement.text}, found {shown}",
            )
    return values, valid


def _patched(value: NDArray[np.float64], valid: Any) -> NDArray[np.float64]:
    usable = np.flatnonzero(valid)
    stand_in = value[usable[0]] if usable.size else 0.5
    mask = valid if value.ndim == 1 else np.asarray(valid)[:, None]
    return np.where(mask, value, stand_in)


def _check_range(
    draw: DistributionDraw,
    parameter: Parameter,
    value: NDArray[np.float64],
    expression: Expr,
    frame: Frame,
) -> None:
    if not value.size:
        return
    low, high = float(value.min()), float(value.max())
    is_fine = (low > parameter.low if parameter.is_open_low else low >= parameter.low) and (
        high < parameter.high if parameter.is_open_high else high <= parameter.high
    )
    if is_fine and np.isfinite(low) and np.isfinite(high):
        return
    above = value > parameter.low if parameter.is_open_low else value >= parameter.low
    below = value < parameter.high if parameter.is_open_high else value <= parameter.high
    bad = ~(above & below & np.isfinite(value))
    if not bad.any():
        return
    row = int(np.flatnonzero(bad)[0])
    raise row_error(
        expression.span,
        frame,
        row,
        f"parameter `{parameter.name}` of `{draw.distribution.name}` must be {parameter.range_text() or 'finite'}, found {value[row]:g}",
        "bound it with `min` or `max`, or correct the formula",
    )


# weights


def _categorical(draw: CategoricalDraw, context: Context) -> Sampler:
    weights = [None if w is None else context.simplify(w) for w in draw.weights]
    if all(w is None or isinstance(w, Constant) for w in weights):
        return ConstantCategorical(draw, context)
    return RowCategorical(draw, weights, context)


def in_vocabulary(column: Column, context: Context) -> Column:
    """Coded text in the field's own vocabulary, where it has one."""
    if context.vocabulary is None or column.vocabulary is None:
        return column
    codes = np.array(
        [context.vocabulary.codes.get(w, 0) for w in column.vocabulary.words], np.int32
    )
    return Column(
        codes[column.values] if len(codes) else column.values, column.valid, context.vocabulary
    )


class _Outcomes:
    """The outcomes of weights as a column, and the numbering of outcomes to its rows."""

    def __init__(self, draw: CategoricalDraw, context: Context) -> None:
        self.column = in_vocabulary(raw_column(list(draw.outcomes), context.field.type), context)
        self.is_identity = (
            self.column.vocabulary is not None
            and self.column.valid is None
            and np.array_equal(self.column.values, np.arange(len(draw.outcomes)))
        )

    def of(self, numbers: NDArray[np.int32]) -> Column:
        if self.is_identity:
            return Column(numbers, None, self.column.vocabulary)
        valid = None if self.column.valid is None else self.column.valid.take(numbers)
        return Column(self.column.values.take(numbers), valid, self.column.vocabulary)


def constant_shares(weights: tuple[Expr | None, ...]) -> NDArray[np.float64]:
    """Constant weights as shares, `rest` written out."""
    known = [
        0.0 if w is None else float(w.value)
        for w in weights
        if w is None or isinstance(w, Constant)
    ]
    rest = max(0.0, 1.0 - sum(known))
    return np.array([rest if w is None else k for w, k in zip(weights, known, strict=True)])


def _level_order(draw: CategoricalDraw, context: Context) -> list[int]:
    """Outcomes as declared, or increasing where the draw must increase with its uniform."""
    order = list(range(len(draw.outcomes)))
    if context.by_level:
        order.sort(key=lambda i: (draw.outcomes[i] is None, draw.outcomes[i]))
    return order


def _reordered(draw: CategoricalDraw, order: list[int]) -> CategoricalDraw:
    outcomes = tuple(draw.outcomes[i] for i in order)
    return CategoricalDraw(draw.span, outcomes, tuple(draw.weights[i] for i in order))


class ConstantCategorical(Sampler):
    """Constant weights: choice by a guide table, or one comparison for two outcomes."""

    def __init__(self, draw: CategoricalDraw, context: Context) -> None:
        order = _level_order(draw, context)
        shares = constant_shares(draw.weights)[order]
        self._outcomes = _Outcomes(_reordered(draw, order), context)
        self._threshold = None
        if len(shares) == 2 and 0 < shares[0] < 1:
            self._threshold = np.uint64(round(float(shares[0]) * 2.0**52)) << np.uint64(12)
        self._chooser = Chooser([shares])

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        bits = draws.bits()
        if self._threshold is not None:
            return self._outcomes.of(np.greater_equal(bits, self._threshold).astype(np.int32))
        return self._outcomes.of(self._chooser.choose(bits))


class RowCategorical(Sampler):
    """Weights that vary by row."""

    def __init__(self, draw: CategoricalDraw, weights: list[Expr | None], context: Context) -> None:
        order = _level_order(draw, context)
        self._outcomes = _Outcomes(_reordered(draw, order), context)
        self._weights = [weights[i] for i in order]
        self._span = draw.span

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        shares, valid = row_shares(self._weights, frame, self._span)
        numbers = choose_by_shares(shares, draws.uniform())
        column = self._outcomes.of(numbers)
        return Column(column.values, both_valid(column.valid, valid), column.vocabulary)


def row_shares(weights: list[Expr | None], frame: Frame, span: Span) -> tuple[list[Any], Any]:
    """Shares of each outcome by row, `rest` written out; raises `RowError` where they are no shares."""
    columns = [None if w is None else evaluate(w, frame) for w in weights]
    valid = None
    total: Any = 0.0
    for column in columns:
        if column is not None:
            valid = both_valid(valid, column.valid)
            total = total + column.values
    has_rest = any(column is None for column in columns)
    values = [np.maximum(1.0 - total, 0.0) if c is None else c.values for c in columns]
    wrong = np.asarray(total > 1 + 1e-9) if has_rest else np.asarray(np.abs(total - 1) > 1e-9)
    for value in values:
        wrong = wrong | np.asarray(value < 0)
    if valid is not None:
        wrong = wrong & valid
    if wrong.any():
        row = int(np.flatnonzero(np.broadcast_to(wrong, frame.rows))[0])
        shown = ", ".join(
            f"{float(np.broadcast_to(np.asarray(v), frame.rows)[row]):.6g}" for v in values
        )
        raise row_error(
            span,
            frame,
            row,
            f"the weights are no shares of 100 %: {shown}",
            "make them total 1, or give one entry `rest`",
        )
    return values, _mask(valid, frame.rows)


def choose_by_shares(shares: list[Any], u: NDArray[np.float64]) -> NDArray[np.int32]:
    """The number of the outcome whose cumulated share passes `u`."""
    number = np.zeros(len(u), np.int32)
    reached: Any = 0.0
    for share in shares[:-1]:
        reached = reached + share
        number += u >= reached
    return number


class TruncatedCategorical(Sampler):
    """Weights over numbers, truncated to an interval that may vary by row."""

    def __init__(self, draw: CategoricalDraw, low: Expr, high: Expr, context: Context) -> None:
        draw = _reordered(draw, _level_order(draw, context))
        self._outcomes = _Outcomes(draw, context)
        self._numbers = [np.nan if o is None else float(o) for o in draw.outcomes]
        self._weights = [None if w is None else context.simplify(w) for w in draw.weights]
        self._bounds = (low, high)
        self._span = draw.span

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        shares, valid = row_shares(self._weights, frame, self._span)
        low, high = (evaluate(bound, frame) for bound in self._bounds)
        valid = _mask(both_valid(valid, both_valid(low.valid, high.valid)), frame.rows)
        kept = [
            share * ((low.values <= n) & (n <= high.values))
            for share, n in zip(shares, self._numbers, strict=True)
        ]
        kept = _normalised(kept, valid, frame, self._span, "no outcome lies")
        column = self._outcomes.of(choose_by_shares(kept, draws.uniform()))
        return Column(column.values, both_valid(column.valid, valid), column.vocabulary)


# mixtures and branches


class Mixture(Sampler):
    """Weighted components; a truncation weighs each by its mass inside."""

    def __init__(
        self, draw: MixtureDraw, context: Context, low: Expr | None = None, high: Expr | None = None
    ) -> None:
        from synthdsl.engine.masses import mass_function

        components = draw.components
        self._masses = None
        if low is not None and high is not None:
            self._masses = [mass_function(c, context, low, high) for c in components]
            components = tuple(Truncated(draw.span, c, low, high) for c in components)
        # a mixture within a mixture chooses by a uniform of its own
        self._purpose = f"component{context.depth or ''}"
        inner = context.inside_mixture()
        self._samplers = [_compiled_component(c, inner) for c in components]
        self._weights = [None if w is None else context.simplify(w) for w in draw.weights]
        self._span = draw.span

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        shares, valid = row_shares(self._weights, frame, self._span)
        if self._masses is not None:
            shares, valid = self._inside(shares, valid, frame)
        number = choose_by_shares(shares, draws.uniform(self._purpose))
        if valid is not None:
            number[~valid] = -1
        column = draw_by_branch(self._samplers, number, frame, draws)
        return Column(column.values, both_valid(column.valid, valid), column.vocabulary)

    def _inside(self, shares: list[Any], valid: Any, frame: Frame) -> tuple[list[Any], Any]:
        """Shares given that the value lies inside the bounds, and where neither bound is null."""
        assert self._masses is not None
        inside = []
        for share, mass in zip(shares, self._masses, strict=True):
            column = mass(frame)
            inside.append(share * column.values)
            valid = both_valid(valid, column.valid)
        valid = _mask(valid, frame.rows)
        return _normalised(inside, valid, frame, self._span, "no component falls"), valid


def _normalised(
    shares: list[Any], valid: Any, frame: Frame, span: Span, nothing: str
) -> list[Any]:
    """Shares inside an interval over their total; raises where a row has none."""
    total = np.broadcast_to(np.asarray(sum(shares)), frame.rows)
    is_empty = ~(total > 0)
    if valid is not None:
        is_empty &= valid
    if is_empty.any():
        row = int(np.flatnonzero(is_empty)[0])
        raise row_error(span, frame, row, f"{nothing} inside the interval")
    with np.errstate(invalid="ignore", divide="ignore"):
        return [share / total for share in shares]


class Impossible(Sampler):
    """A component without mass inside the mixture's bounds: no row comes to it."""

    def __init__(self, error: RowError, context: Context) -> None:
        self._error = error
        self._context = context

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        if frame.rows:
            raise self._error
        return NullDraw(self._context).sample(frame, draws)


def _compiled_component(component: DrawNode, context: Context) -> Sampler:
    try:
        return compile_draw(component, context)
    except RowError as error:
        return Impossible(error, context)


def draw_by_branch(
    samplers: list[Sampler], number: NDArray[Any], frame: Frame, draws: BlockDraws
) -> Column:
    """For each row a draw of the sampler with its number, each on its own rows."""
    result: Column | None = None
    for branch, sampler in enumerate(samplers):
        rows = np.flatnonzero(number == branch)
        if rows.size == frame.rows:
            whole = sampler.sample(frame, draws)
            assert isinstance(whole, Column)
            return whole
        if not rows.size and not (branch == len(samplers) - 1 and result is None):
            continue
        drawn = sampler.sample(frame.some(rows), draws.at(rows))
        assert isinstance(drawn, Column)
        if result is None:
            result = _blank(drawn, frame.rows)
        result = scatter(result, rows, drawn)
    assert result is not None
    return result


def _blank(like: Column, rows: int) -> Column:
    """Any column of the right kind: every row is replaced later."""
    if like.is_arrow:
        return Column(repeated("", rows))
    values = np.zeros((rows, *like.values.shape[1:]), like.values.dtype)
    return Column(values, None, like.vocabulary)


def _choose(draw: ChooseDraw, context: Context) -> Sampler:
    merged = _merged(draw)
    if merged is not None:
        return compile_draw(merged, context)
    grouped = _grouped(draw, context)
    return Branches(draw, context) if grouped is None else grouped


def _grouped(draw: ChooseDraw, context: Context) -> Sampler | None:
    """One choice with a group by branch, where every branch has constant weights."""
    branches = [d for _, d in draw.branches] + [draw.otherwise]
    if context.by_level or context.field.type.kind is Kind.RECORD:
        return None
    groups = [_weighted_values(d) for d in branches]
    known = [g for g in groups if g is not None]
    if len(known) < len(groups):
        return None
    return GroupedChoice(draw, known, context)


def _weighted_values(draw: DrawNode) -> tuple[list[Any], NDArray[np.float64]] | None:
    """Outcomes and constant shares of a draw; None where it has no such."""
    if isinstance(draw, CategoricalDraw) and all(
        w is None or isinstance(w, Constant) for w in draw.weights
    ):
        return list(draw.outcomes), constant_shares(draw.weights)
    if isinstance(draw, LookupDraw) and not draw.keys and draw.column is not None:
        return list(draw.values), np.asarray(draw.lookup.weights, np.float64)
    if isinstance(draw, FixedDraw) and isinstance(draw.value, Constant):
        return [draw.value.value], np.ones(1)
    return None


class GroupedChoice(Sampler):
    """Constant weights by branch: one choice, whose group is the branch."""

    def __init__(
        self,
        draw: ChooseDraw,
        groups: list[tuple[list[Any], NDArray[np.float64]]],
        context: Context,
    ) -> None:
        self._number = context.simplify(branch_number(draw))
        self._chooser = Chooser([weights for _, weights in groups])
        outcomes = [value for values, _ in groups for value in values]
        self._outcomes = in_vocabulary(raw_column(outcomes, context.field.type), context)

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        number = filled(evaluate(self._number, frame), frame.rows, self._number).values
        return _taken(self._outcomes, self._chooser.choose(draws.bits(), number), None)


def branch_number(draw: ChooseDraw) -> Expr:
    """The number of the first branch whose condition is true."""
    numbers = [Constant(INT, draw.span, i) for i in range(len(draw.branches) + 1)]
    return _chosen([c for c, _ in draw.branches], list(numbers))


def _merged(draw: ChooseDraw) -> DrawNode | None:
    """One draw with parameters chosen by row, where all branches share a quick distribution."""
    branches = [d for _, d in draw.branches] + [draw.otherwise]
    truncated = [d for d in branches if isinstance(d, Truncated)]
    inner = [d.draw if isinstance(d, Truncated) else d for d in branches]
    first = inner[0]
    if len(truncated) not in (0, len(branches)) or not isinstance(first, DistributionDraw):
        return None
    if first.distribution.has_slow_quantile or (
        first.distribution.is_discrete and first.distribution.name != "bernoulli"
    ):
        return None
    if any(parameter.type.kind is Kind.LIST for parameter in first.parameters):
        return None
    for other in inner:
        if (
            not isinstance(other, DistributionDraw)
            or other.distribution is not first.distribution
            or other.form is not first.form
        ):
            return None
    conditions = [c for c, _ in draw.branches]
    columns = zip(*(d.parameters for d in inner if isinstance(d, DistributionDraw)), strict=True)
    parameters = tuple(_chosen(conditions, list(column)) for column in columns)
    merged: DrawNode = DistributionDraw(draw.span, first.distribution, first.form, parameters)
    if truncated:
        low = _chosen(conditions, [d.low for d in truncated])
        high = _chosen(conditions, [d.high for d in truncated])
        merged = Truncated(draw.span, merged, low, high)
    return merged


def _chosen(conditions: list[Expr], values: list[Expr]) -> Expr:
    """The value of the first branch whose condition is true."""
    first = values[0]
    if all(v is first for v in values) or all(
        isinstance(v, Constant) and isinstance(first, Constant) and v.value == first.value
        for v in values
    ):
        return first
    is_nullable = any(v.type.is_nullable for v in values)
    is_float = any(v.type.kind is Kind.FLOAT for v in values)
    type_ = next(v.type for v in values if not is_float or v.type.kind is Kind.FLOAT).nullable(
        is_nullable
    )
    return Choose(type_, first.span, tuple(zip(conditions, values[:-1], strict=True)), values[-1])


class Branches(Sampler):
    """Draws by branch: each row from the first branch whose condition is true."""

    def __init__(self, draw: ChooseDraw, context: Context) -> None:
        self._samplers = [
            compile_draw(d, context) for d in (*(d for _, d in draw.branches), draw.otherwise)
        ]
        self._number = context.simplify(branch_number(draw))

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        number = filled(evaluate(self._number, frame), frame.rows, self._number).values
        return draw_by_branch(self._samplers, number, frame, draws)


# lookups and providers


class LookupSampler(Sampler):
    """A weighted row of a lookup, given its keys."""

    def __init__(self, draw: LookupDraw, context: Context) -> None:
        self._draw = draw
        self._context = context
        self._index: LookupIndex = index_of(
            draw.lookup, tuple(k.type.nullable(False) for k in draw.keys)
        )

    def sample(self, frame: Frame, draws: BlockDraws) -> Column | Record:
        keys = [filled(evaluate(k, frame), frame.rows, k) for k in self._draw.keys]
        groups, valid = self._groups(keys, frame)
        assert self._index.chooser is not None
        rows = self._index.chooser.choose(draws.bits(), groups)
        field = self._context.field
        if self._draw.column is not None:
            return _taken(self._index.column(self._draw.column, field.type), rows, valid)
        return {
            name: _taken(self._index.column(name, type_), rows, valid)
            for name, type_ in field.type.parts
            if name in self._context.parts
        }

    def _groups(self, keys: list[Column], frame: Frame) -> tuple[Any, Any]:
        if not keys:
            return None, None
        groups, found = self._index.groups(keys)
        if found is None:
            return groups, None
        given = None
        for key in keys:
            given = both_valid(given, key.valid)
        missing = ~found if given is None else ~found & given
        if missing.any():
            row = int(np.flatnonzero(missing)[0])
            raise row_error(
                self._draw.span,
                frame,
                row,
                f"lookup `{self._draw.lookup.name}` has no row for {self._index.key_text(keys, row)}",
                f"add it to {self._draw.lookup.source.name}",
            )
        return groups, given


def _taken(column: Column, rows: NDArray[np.int32], valid: Any) -> Column:
    values = column.values.take(rows)
    own = None if column.valid is None else column.valid.take(rows)
    return Column(values, both_valid(own, valid), column.vocabulary)


class ProviderSampler(Sampler):
    """A provider's draw."""

    def __init__(self, draw: ProviderDraw, context: Context) -> None:
        self._draw = draw
        self._context = context
        self._arguments = [context.simplify(a) for a in draw.arguments]
        self._prepared = draw.provider.prepare(
            *(
                Argument(
                    a.type, isinstance(a, Constant), a.value if isinstance(a, Constant) else None
                )
                for a in draw.arguments
            )
        )
        self._has_parts = (
            context.field.type.kind is Kind.RECORD
            and "parts" in draw.provider.draw.__code__.co_varnames
        )

    def sample(self, frame: Frame, draws: BlockDraws) -> Column | Record:
        values = [
            a.value if isinstance(a, Constant) else filled(evaluate(a, frame), frame.rows, a)
            for a in self._arguments
        ]
        if self._has_parts:
            return self._draw.provider.draw(
                draws, self._prepared, *values, parts=self._context.parts
            )  # type: ignore[call-arg]
        return self._draw.provider.draw(draws, self._prepared, *values)


_COMPILERS: dict[type, Callable[[Any, Context], Sampler]] = {
    FixedDraw: Fixed,
    DistributionDraw: _distribution,
    CategoricalDraw: _categorical,
    MixtureDraw: Mixture,
    ChooseDraw: _choose,
    LookupDraw: LookupSampler,
    ProviderDraw: ProviderSampler,
}

__all__ = ["DISTRIBUTIONS", "Context", "Sampler", "compile_draw", "is_true"]
