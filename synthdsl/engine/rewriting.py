"""Draws and choices rewritten as simpler ones, before they become samplers."""

from __future__ import annotations

from synthdsl.functions.base import FUNCTIONS
from synthdsl.model.draws import ChooseDraw, DistributionDraw, DrawNode, Truncated
from synthdsl.model.expressions import Apply, Choose, Constant, Expr, as_arguments
from synthdsl.model.folding import fold
from synthdsl.values.types import INT, Kind


def narrower(inner: Truncated, low: Expr, high: Expr) -> Truncated:
    """One truncation for a truncated draw truncated again to [low, high]."""
    largest, smallest = FUNCTIONS.get("max"), FUNCTIONS.get("min")
    assert largest is not None and smallest is not None
    lows, highs = (inner.low, low), (inner.high, high)
    lower = fold(Apply(low.type, low.span, largest.bind(*as_arguments(lows)), lows))
    upper = fold(Apply(high.type, high.span, smallest.bind(*as_arguments(highs)), highs))
    return Truncated(inner.span, inner.draw, lower, upper)


def branch_number(draw: ChooseDraw) -> Expr:
    """The number of the first branch whose condition is true."""
    numbers = [Constant(INT, draw.span, i) for i in range(len(draw.branches) + 1)]
    return _chosen([c for c, _ in draw.branches], list(numbers))


def merged_choice(draw: ChooseDraw) -> DrawNode | None:
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
    type_ = next(v.type for v in values if not is_float or v.type.kind is Kind.FLOAT)
    branches = tuple(zip(conditions, values[:-1], strict=True))
    return Choose(type_.nullable(is_nullable), first.span, branches, values[-1])
