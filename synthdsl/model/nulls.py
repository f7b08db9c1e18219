"""Whether a draw may come out null."""

from __future__ import annotations

from synthdsl.model.draws import (
    CategoricalDraw,
    ChooseDraw,
    DistributionDraw,
    DrawNode,
    FixedDraw,
    KeyedDraw,
    LookupDraw,
    MixtureDraw,
    ProviderDraw,
    QuotaDraw,
    SequenceDraw,
    SortedDraw,
    Truncated,
    UniqueDraw,
)
from synthdsl.source import Span
from synthdsl.values.types import Kind


def may_be_null(draw: DrawNode) -> Span | None:
    """What in `draw` may make it null (a null parameter gives a null draw); None if nothing."""
    if isinstance(draw, FixedDraw):
        return draw.span if draw.value.type.is_nullable else None
    if isinstance(draw, DistributionDraw):
        return next(
            (
                p.span
                for p in draw.parameters
                if p.type.is_nullable and p.type.kind is not Kind.NULL
            ),
            None,
        )
    if isinstance(draw, CategoricalDraw):
        if None in draw.outcomes:
            return draw.span
        return next((w.span for w in draw.weights if w is not None and w.type.is_nullable), None)
    if isinstance(draw, MixtureDraw):
        return next((s for s in map(may_be_null, draw.components) if s is not None), None)
    if isinstance(draw, ChooseDraw):
        branches = [d for _, d in draw.branches] + [draw.otherwise]
        return next((s for s in map(may_be_null, branches) if s is not None), None)
    if isinstance(draw, LookupDraw):
        return next((k.span for k in draw.keys if k.type.is_nullable), None)
    if isinstance(draw, ProviderDraw):
        return next(
            (a.span for a in draw.arguments if a.type.is_nullable and a.type.kind is not Kind.NULL),
            None,
        )
    if isinstance(draw, KeyedDraw):
        keys = (d.span for d in draw.determinants if d.type.is_nullable)
        return may_be_null(draw.draw) or next(keys, None)
    if isinstance(draw, UniqueDraw | SortedDraw):
        return may_be_null(draw.draw)
    if isinstance(draw, SequenceDraw):
        parts = (*draw.parameters, *(() if draw.at is None else (draw.at,)))
        return next((p.span for p in parts if p.type.is_nullable), None)
    if isinstance(draw, QuotaDraw):
        return draw.span if None in draw.outcomes else None
    if isinstance(draw, Truncated):
        bounds = (draw.low, draw.high)
        return may_be_null(draw.draw) or next((b.span for b in bounds if b.type.is_nullable), None)
    return None
