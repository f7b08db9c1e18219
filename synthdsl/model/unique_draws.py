"""`unique(draw)`: draws of equally likely values, of which no two rows get the same one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from synthdsl.model.draws import (
    CategoricalDraw,
    DistributionDraw,
    DrawNode,
    LookupDraw,
    Progression,
    ProviderDraw,
    Truncated,
    UniqueDraw,
    UnknownDraw,
)
from synthdsl.model.expressions import Constant, Expr
from synthdsl.model.findings import Findings
from synthdsl.model.grids import raw_step, within
from synthdsl.source import Span
from synthdsl.values.types import Type

LARGEST_DOMAIN = 2**62
TOLERANCE = 1e-9
"""How far weights typed as equal may lie apart, relative to 1."""
INSTEAD = "write `unique(discrete_uniform(low, high))`, or equal weights in braces"


@dataclass(frozen=True)
class _Unequal:
    """Why the values of a draw are not known to be equally likely."""

    span: Span
    message: str
    help: str
    code: str = "bad-arguments"


def unique_draw(draw: DrawNode, type: Type, span: Span, findings: Findings) -> DrawNode:
    """`draw` without repetition; reports a draw whose values are not equally likely."""
    values = _equal_values(draw, type)
    if isinstance(values, _Unequal):
        findings.report(values.code, values.span, values.message, values.help)
        return UnknownDraw(span)
    if len(values) > LARGEST_DOMAIN:
        findings.report(
            "bad-arguments", span, f"{len(values):,} values are more than 2^62", "narrow the bounds"
        )
        return UnknownDraw(span)
    return UniqueDraw(span, draw, values)


def _equal_values(draw: DrawNode, type: Type) -> Progression | tuple[Any, ...] | _Unequal:
    """The values of `draw` where they are equally likely and the same in every row."""
    if isinstance(draw, Truncated):
        return _inside(draw, _equal_values(draw.draw, type))
    if isinstance(draw, DistributionDraw):
        return _grid_values(draw, type)
    if isinstance(draw, CategoricalDraw):
        return _outcomes(draw)
    if isinstance(draw, LookupDraw) and draw.column is not None:
        return _cells(draw)
    help_ = INSTEAD
    if isinstance(draw, ProviderDraw) and draw.provider.name == "pattern":
        help_ = 'write the pattern alone: `unique("ID-####")`'
    return _Unequal(draw.span, "the values of this draw are not known to be equally likely", help_)


def _grid_values(draw: DistributionDraw, type: Type) -> Progression | _Unequal:
    name, step = draw.distribution.name, raw_step(type)
    if name not in ("discrete_uniform", "uniform"):
        return _Unequal(draw.span, f"the values of `{name}` are not equally likely", INSTEAD)
    if step is None:
        return _Unequal(
            draw.span,
            f"a `{type}` without a step has no values to count",
            "declare it `int`, or give it a `step`",
        )
    if name == "uniform":
        message = "rounding gives the end values of `uniform` half the weight of the others"
        return _Unequal(draw.span, message, "write `unique(discrete_uniform(low, high))`")
    bounds = _constants(draw.parameters)
    if isinstance(bounds, _Unequal):
        return bounds
    first, last = within(*bounds, step)
    if last < first:
        return _Unequal(
            draw.span,
            "no value of the field's grid lies between these bounds",
            "widen them, or give the field a finer `step`",
            "empty-grid",
        )
    return Progression(first, step, int((last - first) / step) + 1)


def _inside(
    draw: Truncated, values: Progression | tuple[Any, ...] | _Unequal
) -> Progression | tuple[Any, ...] | _Unequal:
    """The values that lie within the bounds of `draw`."""
    if isinstance(values, _Unequal):
        return values
    bounds = _constants((draw.low, draw.high))
    if isinstance(bounds, _Unequal):
        return bounds
    left: Progression | tuple[Any, ...]
    if isinstance(values, tuple):
        left = tuple(v for v in values if bounds[0] <= v <= bounds[1])
    else:
        low, high = within(*bounds, values.step)
        first = max(values.first, low)
        last = min(values.first + (values.count - 1) * values.step, high)
        left = Progression(first, values.step, max(0, int((last - first) / values.step) + 1))
    if len(left):
        return left
    return _Unequal(
        draw.low.span.to(draw.high.span),
        "none of the values lies in this interval",
        "widen the interval",
        "outside-support",
    )


def _constants(expressions: tuple[Expr, ...]) -> tuple[float, float] | _Unequal:
    """The two bounds; they are the same in every row."""
    values = []
    for expression in expressions:
        if not isinstance(expression, Constant) or expression.value is None:
            return _Unequal(
                expression.span,
                "the bounds of a unique draw are the same in every row",
                "write constants, or use parameters",
                "not-constant",
            )
        values.append(expression.value)
    low, high = values
    return low, high


def _outcomes(draw: CategoricalDraw) -> tuple[Any, ...] | _Unequal:
    if None in draw.outcomes:
        return _Unequal(draw.span, "null is no value that could be unique", "remove it")
    shares = []
    for weight in draw.weights:
        if weight is not None and not isinstance(weight, Constant):
            return _Unequal(
                weight.span,
                "the weights of a unique draw are the same in every row, and equal",
                "write equal weights",
                "not-constant",
            )
        shares.append(None if weight is None else float(weight.value))
    rest = 1 - sum(share for share in shares if share is not None)
    weights = [rest if share is None else share for share in shares]
    return draw.outcomes if _is_even(weights, 1.0) else _uneven(draw.span, weights, 1.0)


def _cells(draw: LookupDraw) -> tuple[Any, ...] | _Unequal:
    name = draw.lookup.name
    if draw.keys:
        return _Unequal(
            draw.span,
            f"which rows of `{name}` there are differs from row to row",
            "draw without repetition from a lookup without keys",
            "not-constant",
        )
    if None in draw.values:
        return _Unequal(
            draw.span, f"lookup `{name}` has an empty cell, which cannot be unique", "fill it"
        )
    weights: dict[Any, float] = {}
    for value, weight in zip(draw.values, draw.lookup.weights, strict=True):
        weights[value] = weights.get(value, 0.0) + float(weight)
    total = sum(weights.values())
    shares = list(weights.values())
    return tuple(weights) if _is_even(shares, total) else _uneven(draw.span, shares, total)


def _is_even(weights: list[float], total: float) -> bool:
    return max(weights) - min(weights) <= TOLERANCE * total


def _uneven(span: Span, weights: list[float], total: float) -> _Unequal:
    low, high = (100 * weight / total for weight in (min(weights), max(weights)))
    return _Unequal(
        span,
        f"these weights are not equal (from {low:.4g} % to {high:.4g} %): "
        "without repetition they could not be kept",
        "give equal weights; for exact counts of each value write `quota({...})`",
    )
