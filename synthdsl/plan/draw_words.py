"""Draws in words: what a field is drawn from, and by which method."""

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
    RefDraw,
    SequenceDraw,
    SortedDraw,
    Truncated,
    UniqueDraw,
)
from synthdsl.model.expressions import Constant, Expr, TargetField
from synthdsl.model.references import conjuncts, reads_target


def in_words(draw: DrawNode) -> str:
    """A draw in words."""
    if isinstance(draw, Truncated):
        bounds = f"[{draw.low.span.text}, {draw.high.span.text}]"
        return f"{in_words(draw.draw)}, truncated to {bounds} by its quantile function"
    if isinstance(draw, DistributionDraw):
        return _distribution(draw)
    if isinstance(draw, CategoricalDraw):
        return f"one of {len(draw.outcomes)} weighted values"
    if isinstance(draw, MixtureDraw):
        return f"mixture of {len(draw.components)} draws"
    if isinstance(draw, ChooseDraw):
        return f"by condition, one of {len(draw.branches) + 1} draws: " + "; ".join(
            in_words(d) for d in (*(d for _, d in draw.branches), draw.otherwise)
        )
    if isinstance(draw, LookupDraw):
        keys = ", ".join(key.span.text for key in draw.keys)
        return f"weighted row of lookup `{draw.lookup.name}`" + (f" given {keys}" if keys else "")
    if isinstance(draw, ProviderDraw):
        return f"provider `{draw.provider.name}`"
    if isinstance(draw, KeyedDraw):
        keys = ", ".join(key.span.text for key in draw.determinants)
        return f"drawn once for each {keys}: {in_words(draw.draw)}"
    if isinstance(draw, UniqueDraw):
        return f"keyed permutation of {len(draw.values):,} equally likely values"
    if isinstance(draw, QuotaDraw):
        return f"{len(draw.outcomes)} values in exact numbers, by keyed permutation"
    if isinstance(draw, SortedDraw):
        return f"drawn for all rows under one parent and put in order: {in_words(draw.draw)}"
    if isinstance(draw, SequenceDraw):
        time = "" if draw.at is None else f" in the time of {draw.at.span.text}"
        return f"{draw.process.name}, a path over the rows under one parent{time}"
    if isinstance(draw, RefDraw):
        return _reference(draw)
    if isinstance(draw, FixedDraw):
        return f"fixed at {one_line(draw.value)}"
    return "unknown"


def one_line(expression: Expr) -> str:
    """An expression as typed, on one line."""
    return " ".join(expression.span.text.split())


def _reference(draw: RefDraw) -> str:
    """Which row is referred to, and how it is found (`engine.references`)."""
    row = f"a row of `{draw.table}`"
    if draw.is_among_siblings:
        row += " under the same parent"
    groups, others = _conditions(draw)
    if groups:
        row += f" out of the group with {' and '.join(groups)}"
    if others:
        row += f" for which {' and '.join(others)}"
    likely = ", all equally likely"
    if draw.weight is not None:
        likely = f", in proportion to `{one_line(draw.weight)}`"
    distinct = ""
    if draw.is_unique:
        distinct = ", a different one for each row"
    elif draw.is_distinct:
        distinct = ", a different one for each row under one parent"
    return row + likely + distinct


def _conditions(draw: RefDraw) -> tuple[list[str], list[str]]:
    """The conditions that rows are grouped by, and the ones that rows are tried for."""
    groups: list[str] = []
    others: list[str] = []
    for part in () if draw.condition is None else conjuncts(draw.condition):
        is_group = getattr(part, "operator", "") == "==" and _is_split(part)
        (groups if is_group else others).append(f"`{one_line(part)}`")
    return groups, others


def _is_split(comparison: Expr) -> bool:
    """Whether one side is a field of the row that may be chosen, and the other reads none."""
    sides: tuple[Expr, ...] = getattr(comparison, "operands", ())
    return len(sides) == 2 and any(
        isinstance(one, TargetField) and one.field is not None and not reads_target(other)
        for one, other in (sides, (sides[1], sides[0]))
    )


def _distribution(draw: DistributionDraw) -> str:
    constant = all(isinstance(p, Constant) for p in draw.parameters)
    name = draw.distribution.name
    if constant and draw.distribution.has_slow_quantile:
        return f"{name}, one uniform through its tabulated quantile function"
    if constant and draw.distribution.is_discrete:
        return f"{name}, one uniform through its tabulated cumulated probabilities"
    if constant:
        return f"{name}, one uniform through its quantile function"
    if type(draw.distribution).sample is not _default_sample():
        return f"{name}, parameters by row, by rejection keyed by attempt"
    return f"{name}, parameters by row, one uniform through its quantile function"


def _default_sample() -> object:
    from synthdsl.distributions.base import Distribution

    return Distribution.sample
