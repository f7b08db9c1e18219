"""From a typed draw to its sampler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from synthdsl.engine.branch_samplers import (
    Branches,
    GroupedChoice,
    Impossible,
    Mixture,
    WeightedValues,
    weighted_values,
)
from synthdsl.engine.distribution_samplers import RowDistribution, distribution_sampler
from synthdsl.engine.frame import RowError
from synthdsl.engine.grouped_samplers import grouped_sampler
from synthdsl.engine.masses import mass_function
from synthdsl.engine.references.compiling import reference_sampler
from synthdsl.engine.rewriting import merged_choice, narrower
from synthdsl.engine.samplers import Context, Sampler
from synthdsl.engine.sequence_samplers import Sequence, Sorted
from synthdsl.engine.shared_samplers import Keyed, Quota, Unique
from synthdsl.engine.source_samplers import Fixed, FixedWithin, LookupSampler, ProviderSampler
from synthdsl.engine.weight_samplers import TruncatedCategorical, categorical_sampler
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
    RefDraw,
    SequenceDraw,
    SortedDraw,
    Truncated,
    UniqueDraw,
)
from synthdsl.model.expressions import Expr
from synthdsl.values.types import Kind


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
        return _truncated(narrower(inner, low, high), context)
    if isinstance(inner, CategoricalDraw):
        return TruncatedCategorical(inner, low, high, context)
    if isinstance(inner, MixtureDraw):
        return _mixture(inner, context, low, high)
    if isinstance(inner, FixedDraw):
        return FixedWithin(inner, low, high, context)
    raise AssertionError(type(inner))


def _distribution(
    draw: DistributionDraw, context: Context, low: Expr | None = None, high: Expr | None = None
) -> Sampler:
    sampler = distribution_sampler(draw, context, low, high)
    if not isinstance(sampler, RowDistribution):
        return sampler
    return grouped_sampler(sampler.draw, context, low, high) or sampler


def _mixture(
    draw: MixtureDraw, context: Context, low: Expr | None = None, high: Expr | None = None
) -> Sampler:
    components, masses = draw.components, None
    if low is not None and high is not None:
        masses = [mass_function(c, context, low, high) for c in components]
        components = tuple(Truncated(draw.span, c, low, high) for c in components)
    inner = context.inside_mixture()
    samplers = [_component(c, inner) for c in components]
    return Mixture(draw, samplers, context, masses)


def _component(component: DrawNode, context: Context) -> Sampler:
    try:
        return compile_draw(component, context)
    except RowError as error:
        return Impossible(error, context)


def _choose(draw: ChooseDraw, context: Context) -> Sampler:
    merged = merged_choice(draw)
    if merged is not None:
        return compile_draw(merged, context)
    branches = [*(d for _, d in draw.branches), draw.otherwise]
    groups = _groups(branches, context)
    if groups is not None:
        return GroupedChoice(draw, groups, context)
    return Branches(draw, [compile_draw(d, context) for d in branches], context)


def _groups(branches: list[DrawNode], context: Context) -> list[WeightedValues] | None:
    """Values and constant weights of each branch; None where one choice cannot serve them all."""
    if context.by_level or context.field.type.kind is Kind.RECORD:
        return None
    groups = [weighted_values(branch) for branch in branches]
    known = [group for group in groups if group is not None]
    return known if len(known) == len(groups) else None


def _keyed(draw: KeyedDraw, context: Context) -> Sampler:
    return Keyed(draw, compile_draw(draw.draw, context), context)


def _sorted(draw: SortedDraw, context: Context) -> Sampler:
    return Sorted(draw, compile_draw(draw.draw, context), context)


_COMPILERS: dict[type, Callable[[Any, Context], Sampler]] = {
    FixedDraw: Fixed,
    DistributionDraw: _distribution,
    CategoricalDraw: categorical_sampler,
    MixtureDraw: _mixture,
    ChooseDraw: _choose,
    LookupDraw: LookupSampler,
    ProviderDraw: ProviderSampler,
    KeyedDraw: _keyed,
    UniqueDraw: Unique,
    QuotaDraw: Quota,
    RefDraw: reference_sampler,
    SortedDraw: _sorted,
    SequenceDraw: Sequence,
}
