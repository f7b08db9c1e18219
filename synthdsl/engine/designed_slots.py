"""Which base draws of a root table a design may replace, in order of dimension."""

from __future__ import annotations

from collections.abc import Iterator

from synthdsl.distributions.base import Distribution
from synthdsl.model.draws import (
    DistributionDraw,
    DrawNode,
    FixedDraw,
    KeyedDraw,
    MixtureDraw,
    ProviderDraw,
    QuotaDraw,
    UniqueDraw,
    inner_draws,
)
from synthdsl.model.spec import Field
from synthdsl.plan.components import Step
from synthdsl.plan.lower import TablePlan

_APART = (ProviderDraw, KeyedDraw, UniqueDraw, QuotaDraw)
"""Draws that take several uniforms, or none of the row's own."""


def slots_of(plan: TablePlan) -> tuple[str, ...]:
    """Slots by dimension: the fields in order of declaration, then choices beside their value."""
    fields = [field for field in plan.table.fields.values() if is_designed(field)]
    rules = plan.table.rules
    names = [
        *(f"{field.name}#" for field in fields),
        *(f"{field.name}#component" for field in fields if _has(field, MixtureDraw)),
        *(f"{rule.name}#holds" for rule in rules if rule.share is not None),
        *(f"{mask.field}#missing" for mask in plan.masks),
        *(f"{field.name}#cell" for field in fields if field.name in _ruled(plan.steps)),
    ]
    return tuple(f"{plan.name}.{name}" for name in names)


def is_designed(field: Field) -> bool:
    """Whether a field is drawn from one uniform of its row, whatever else it may take."""
    draw = field.draw
    return draw is not None and not isinstance(draw, FixedDraw) and not _has(field, *_APART)


def inverted_fields(plan: TablePlan) -> frozenset[str]:
    """Fields that plain sampling would draw from several uniforms: a design inverts them."""
    return frozenset(
        field.name
        for field in plan.table.fields.values()
        if is_designed(field) and any(_takes_several(draw) for draw in _draws(field))
    )


def _takes_several(draw: DrawNode) -> bool:
    return (
        isinstance(draw, DistributionDraw)
        and type(draw.distribution).sample is not Distribution.sample
    )


def _has(field: Field, *kinds: type[DrawNode]) -> bool:
    return any(isinstance(draw, kinds) for draw in _draws(field))


def _draws(field: Field) -> Iterator[DrawNode]:
    return iter(()) if field.draw is None else inner_draws(field.draw)


def _ruled(steps: tuple[Step, ...]) -> frozenset[str]:
    """Fields that rules condition."""
    return frozenset(name for step in _conditioned(steps) for name in step.fields)


def _conditioned(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        if step.inner:
            yield from _conditioned(step.inner)
        elif step.rules:
            yield step
