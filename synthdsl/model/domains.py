"""The values that an expression can take, where they can be listed."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from synthdsl.functions.base import Argument
from synthdsl.model.draws import (
    CategoricalDraw,
    ChooseDraw,
    DistributionDraw,
    DrawNode,
    FixedDraw,
    KeyedDraw,
    LookupDraw,
    QuotaDraw,
    SortedDraw,
    Truncated,
    UniqueDraw,
)
from synthdsl.model.expressions import Apply, Constant, Convert, Expr, FieldRef
from synthdsl.model.spec import Field, Table
from synthdsl.values.types import Kind

MOST_VALUES = 200_000


def domain_of(expression: Expr, table: Table) -> tuple[Any, ...] | None:
    """Raw values that `expression` can take (null apart), or None where they cannot be listed.

    A superset of what occurs; enum values are member names.
    """
    if isinstance(expression, Constant):
        return (expression.value,)
    type_ = expression.type
    if type_.enum is not None:
        return type_.enum.members
    if type_.kind is Kind.BOOL:
        return (False, True)
    if isinstance(expression, Apply):
        words = vocabulary_of(expression)
        if words is not None:
            return words
    if isinstance(expression, FieldRef):
        field = table.fields.get(expression.field)
        return None if field is None else field_domain(field, table)
    return None


def vocabulary_of(call: Apply) -> tuple[str, ...] | None:
    """The fixed words that a function such as `bucket` returns."""
    arguments = [
        Argument(a.type, isinstance(a, Constant), a.value if isinstance(a, Constant) else None)
        for a in call.arguments
    ]
    return call.function.vocabulary(*arguments)


def field_domain(field: Field, table: Table) -> tuple[Any, ...] | None:
    """Raw values that `field` can take (null apart), or None."""
    if field.value is not None:
        inner = field.value
        if isinstance(inner, Convert):
            return None
        return domain_of(inner, table)
    return None if field.draw is None else draw_domain(field.draw, field)


def draw_domain(draw: DrawNode, field: Field) -> tuple[Any, ...] | None:
    """Raw values that `draw` can give to `field` (null apart), or None."""
    if isinstance(draw, KeyedDraw | UniqueDraw | SortedDraw):
        return draw_domain(draw.draw, field)
    if isinstance(draw, CategoricalDraw | QuotaDraw):
        return tuple(o for o in draw.outcomes if o is not None)
    if isinstance(draw, FixedDraw) and isinstance(draw.value, Constant):
        return () if draw.value.value is None else (draw.value.value,)
    if isinstance(draw, LookupDraw) and draw.column is not None:
        return tuple(dict.fromkeys(v for v in draw.values if v is not None))
    if isinstance(draw, ChooseDraw):
        parts = [draw_domain(d, field) for d in (*(d for _, d in draw.branches), draw.otherwise)]
        if any(part is None for part in parts):
            return None
        return tuple(dict.fromkeys(value for part in parts for value in part or ()))
    bounds = draw_bounds(draw)
    if bounds is None or field.type.kind not in (Kind.INT, Kind.DATE):
        return None
    step = field.step or Fraction(1)
    low, high = (round(Fraction(b) / step) for b in bounds)
    if high - low >= MOST_VALUES:
        return None
    return tuple(int(k * step) for k in range(low, high + 1))


def draw_bounds(draw: DrawNode) -> tuple[float, float] | None:
    """Constant finite bounds of a draw's values, from its truncation or its support."""
    if isinstance(draw, KeyedDraw | UniqueDraw | SortedDraw):
        return draw_bounds(draw.draw)
    if isinstance(draw, Truncated):
        if (
            isinstance(draw.low, Constant)
            and isinstance(draw.high, Constant)
            and draw.low.value is not None
            and draw.high.value is not None
        ):
            return (draw.low.value, draw.high.value)
        return None
    if isinstance(draw, DistributionDraw) and draw.distribution.name in (
        "discrete_uniform",
        "uniform",
        "seasonal",
        "bernoulli",
        "binomial",
    ):
        values = [p.value for p in draw.parameters if isinstance(p, Constant)]
        if len(values) != len(draw.parameters) or None in values:
            return None
        if draw.distribution.name == "bernoulli":
            return (0, 1)
        if draw.distribution.name == "binomial":
            return (0, float(values[0]))
        if draw.distribution.name == "discrete_uniform":
            low, high = draw.form.canonical(*values)
            return (low, high)
        return (values[0], values[1])
    return None
