"""Truncated draws: bounds that enclose values of the field's grid."""

from __future__ import annotations

from synthdsl.language import tree
from synthdsl.model.coercion import coerce
from synthdsl.model.draws import (
    CategoricalDraw,
    DrawNode,
    FixedDraw,
    KeyedDraw,
    LookupDraw,
    ProviderDraw,
    QuotaDraw,
    SequenceDraw,
    SortedDraw,
    Truncated,
    UniqueDraw,
    UnknownDraw,
)
from synthdsl.model.expressions import Constant, Expr
from synthdsl.model.findings import Findings
from synthdsl.model.grids import raw_step, within
from synthdsl.model.inference import infer
from synthdsl.model.scope import Scope
from synthdsl.model.sequence_draws import sorted_draw
from synthdsl.model.unique_draws import unique_draw
from synthdsl.values.types import FLOAT, ORDERED, Type


def type_truncation(
    node: tree.Draw,
    interval: tree.Interval,
    draw: DrawNode,
    type: Type,
    scope: Scope,
    findings: Findings,
) -> DrawNode:
    """`draw` inside `interval`, the interval of `node`."""
    if type.kind not in ORDERED:
        findings.report(
            "bad-interval",
            interval.span,
            f"a `{type}` has no order to truncate",
            "weight the outcomes instead",
        )
        return UnknownDraw(node.span)
    if isinstance(draw, KeyedDraw | UniqueDraw | SortedDraw):
        inner = type_truncation(node, interval, draw.draw, type, scope, findings)
        if isinstance(inner, UnknownDraw):
            return inner
        if isinstance(draw, KeyedDraw):
            return KeyedDraw(node.span, inner, draw.determinants)
        if isinstance(draw, SortedDraw):
            return sorted_draw(inner, type, node.span, findings)
        return unique_draw(inner, type, node.span, findings)
    if isinstance(draw, SequenceDraw):
        findings.report(
            "bad-interval",
            interval.span,
            f"`{draw.process.name}` draws whole paths: values along them are not truncated",
            "let it be a latent field, and derive one from it that has bounds, "
            "as `exp(x)` or `100 * expit(x)` have",
        )
        return UnknownDraw(node.span)
    if isinstance(draw, FixedDraw | ProviderDraw | LookupDraw | QuotaDraw):
        findings.report(
            "bad-interval",
            interval.span,
            "only a distribution can be truncated",
            "remove `in [...]`",
        )
        return UnknownDraw(node.span)
    bound = FLOAT.with_unit(type.unit) if type.is_number else type
    low, high = (
        coerce(infer(side, scope, findings, type), bound.nullable(), findings, "a bound")
        for side in (interval.low, interval.high)
    )
    if low.type.is_unknown or high.type.is_unknown:
        return UnknownDraw(node.span)
    if not check_interval(interval, low, high, type, findings):
        return UnknownDraw(node.span)
    if isinstance(draw, CategoricalDraw) and not _check_outcomes(node, draw, low, high, findings):
        return UnknownDraw(node.span)
    return Truncated(node.span, draw, low, high)


def _check_outcomes(
    node: tree.Draw,
    draw: CategoricalDraw,
    low: Expr,
    high: Expr,
    findings: Findings,
) -> bool:
    """Warn of outcomes outside constant bounds; whether any outcome is left."""
    if not (isinstance(low, Constant) and isinstance(high, Constant)):
        return True
    if low.value is None or high.value is None or not isinstance(node.outcome, tree.Weights):
        return True
    outside = [
        entry
        for entry, raw in zip(node.outcome.entries, draw.outcomes, strict=True)
        if raw is not None and not low.value <= raw <= high.value
    ]
    assert node.interval is not None
    if len(outside) == len(draw.outcomes):
        findings.report(
            "outside-support",
            node.interval.span,
            f"none of the values lies in {node.interval.span.text}",
            "widen the interval",
        )
        return False
    for entry in outside:
        findings.report(
            "zero-mass",
            entry.span,
            f"`{entry.outcome.span.text[:40]}` never occurs: "
            f"it lies outside {node.interval.span.text}",
            "remove it, or widen the interval",
        )
    return True


def check_interval(
    interval: tree.Interval, low: Expr, high: Expr, type: Type, findings: Findings
) -> bool:
    """Whether constant bounds enclose a value of the grid; reports otherwise."""
    if not (isinstance(low, Constant) and isinstance(high, Constant)):
        return True
    if low.value is None or high.value is None:
        return True
    if low.value > high.value:
        findings.report(
            "empty-interval",
            interval.span,
            f"this interval ends ({interval.high.span.text}) "
            f"before it starts ({interval.low.span.text})",
            f"write [{interval.high.span.text}, {interval.low.span.text}]",
        )
        return False
    step = raw_step(type)
    first, last = (0, 0) if step is None else within(low.value, high.value, step)
    if first > last:
        findings.report(
            "empty-grid",
            interval.span,
            f"no value of the field's grid lies in {interval.span.text}",
            "widen the interval, or give the field a finer `step`",
        )
        return False
    return True
