"""`proportional_hazards(draw, ratio)`: the draw of a distribution built on that of a baseline."""

from __future__ import annotations

from synthdsl.distributions._hazards import NAME, inside, proportional
from synthdsl.language import tree
from synthdsl.model.arguments import bind, value_of
from synthdsl.model.coercion import coerce
from synthdsl.model.distribution_typing import check_parameters
from synthdsl.model.draws import ChooseDraw, DistributionDraw, DrawNode, Truncated, UnknownDraw
from synthdsl.model.expressions import Expr
from synthdsl.model.findings import Findings
from synthdsl.model.grids import raw_step
from synthdsl.model.scope import Scope
from synthdsl.model.shared_draws import is_draw, read_as_draw
from synthdsl.source import Span
from synthdsl.values.types import FLOAT, Type

EXAMPLE = "write `proportional_hazards(weibull(scale: 10 a, shape: 2), ratio: 1.5)`"


def hazard_parts(
    node: tree.Call, scope: Scope, findings: Findings
) -> tuple[tree.Draw, Expr] | None:
    """The baseline of a call and the ratio of hazards; None after a report."""
    bound = bind(node, ("draw", "ratio"), findings)
    if bound is None or bound[0] is None or bound[1] is None:
        return None
    baseline = bound[0].value
    if not is_draw(baseline, scope) and not isinstance(baseline, tree.Call):
        findings.report(
            "bad-arguments", bound[0].span, f"`{NAME}` takes the draw of the baseline", EXAMPLE
        )
        return None
    ratio = value_of(bound[1], scope, findings)
    ratio = coerce(ratio, FLOAT.nullable(), findings, "the ratio of hazards")
    return None if ratio.type.is_unknown else (read_as_draw(baseline, scope), ratio)


def with_hazards(
    draw: DrawNode, ratio: Expr, span: Span, type: Type, findings: Findings
) -> DrawNode:
    """`draw` with its hazard times `ratio`; of a choice, in each branch."""
    if isinstance(draw, UnknownDraw):
        return draw
    draw = _pushed(draw)
    if isinstance(draw, ChooseDraw):
        branches = tuple(
            (c, with_hazards(d, ratio, span, type, findings)) for c, d in draw.branches
        )
        otherwise = with_hazards(draw.otherwise, ratio, span, type, findings)
        if any(isinstance(d, UnknownDraw) for d in (*(d for _, d in branches), otherwise)):
            return UnknownDraw(span)
        return ChooseDraw(span, branches, otherwise)
    base = _distribution(draw, type)
    if base is None or base.distribution.is_discrete:
        findings.report(
            "bad-arguments",
            draw.span,
            f"`{NAME}` takes a continuous distribution: this draw has no hazard",
            EXAMPLE,
        )
        return UnknownDraw(span)
    distribution = proportional(base.distribution, base.form)
    result = DistributionDraw(span, distribution, distribution.forms[0], (ratio, *base.parameters))
    return result if check_parameters(result, findings) else UnknownDraw(span)


def _pushed(draw: DrawNode) -> DrawNode:
    """A truncated choice as a choice of truncated draws."""
    if not isinstance(draw, Truncated):
        return draw
    inner = _pushed(draw.draw)
    if not isinstance(inner, ChooseDraw):
        return draw
    branches = tuple((c, Truncated(draw.span, d, draw.low, draw.high)) for c, d in inner.branches)
    otherwise = Truncated(draw.span, inner.otherwise, draw.low, draw.high)
    return ChooseDraw(draw.span, branches, otherwise)


def _distribution(draw: DrawNode, type: Type) -> DistributionDraw | None:
    """A draw as that of one distribution, its truncations made part of it; None if it is none."""
    if isinstance(draw, DistributionDraw):
        return draw
    if not isinstance(draw, Truncated):
        return None
    inner = _distribution(draw.draw, type)
    if inner is None or inner.distribution.is_discrete:
        return None
    distribution = inside(inner.distribution, inner.form, raw_step(type))
    parameters = (draw.low, draw.high, *inner.parameters)
    return DistributionDraw(draw.span, distribution, distribution.forms[0], parameters)
