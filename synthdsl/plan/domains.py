"""The small discrete domains of fields, for tabulation: raw values as an arithmetic row."""

from __future__ import annotations

from dataclasses import dataclass

from synthdsl.model.domains import draw_bounds
from synthdsl.model.draws import ChooseDraw, DrawNode, FixedDraw, KeyedDraw, SortedDraw
from synthdsl.model.expressions import Constant
from synthdsl.model.nulls import may_be_null
from synthdsl.model.spec import Field
from synthdsl.plan.tabulated import Axis
from synthdsl.values.types import Kind

LARGEST_AXIS = 70_000


@dataclass(frozen=True)
class Span:
    """Raw values from `low` to `high` in steps of `step`."""

    low: int
    high: int
    step: int


def axis_of(field: Field, words: tuple[str, ...] | None) -> Axis | None:
    """The axis of a drawn field whose complete values are never null and few; None otherwise."""
    kind = field.type.kind
    if field.draw is not None and may_be_null(field.draw) is not None:
        return None
    if field.draw is None and field.type.is_nullable:
        return None
    if kind is Kind.BOOL:
        return Axis(field.name, 0, 1, 2)
    if field.type.enum is not None:
        return Axis(field.name, 0, 1, len(field.type.enum.members))
    if kind is Kind.TEXT and words is not None and 0 < len(words) <= LARGEST_AXIS:
        return Axis(field.name, 0, 1, len(words))
    if field.draw is None or kind not in (Kind.INT, Kind.DATE):
        return None
    span = _span(field.draw, field)
    if span is None or (span.high - span.low) // span.step >= LARGEST_AXIS:
        return None
    return Axis(field.name, span.low, span.step, (span.high - span.low) // span.step + 1)


def _span(draw: DrawNode, field: Field) -> Span | None:
    step = int(field.step or 1)
    if isinstance(draw, KeyedDraw | SortedDraw):
        return _span(draw.draw, field)
    if isinstance(draw, ChooseDraw):
        spans = [_span(d, field) for d in (*(d for _, d in draw.branches), draw.otherwise)]
        known = [s for s in spans if s is not None]
        if len(known) < len(spans):
            return None
        return Span(min(s.low for s in known), max(s.high for s in known), step)
    if (
        isinstance(draw, FixedDraw)
        and isinstance(draw.value, Constant)
        and draw.value.value is not None
    ):
        return Span(int(draw.value.value), int(draw.value.value), step)
    bounds = draw_bounds(draw)
    if bounds is None:
        return None
    low, high = (int((b + step / 2) // step) * step for b in bounds)
    return Span(low, high, step)
