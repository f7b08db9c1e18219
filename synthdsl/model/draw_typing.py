"""Draws of the tree to typed draws, for a field of a given type."""

from __future__ import annotations

from difflib import get_close_matches

from synthdsl.distributions.base import DISTRIBUTIONS
from synthdsl.functions.base import FUNCTIONS
from synthdsl.language import tree
from synthdsl.model.arguments import bind, value_of
from synthdsl.model.coercion import coerce
from synthdsl.model.distribution_typing import type_distribution
from synthdsl.model.draws import (
    ChooseDraw,
    DrawNode,
    FixedDraw,
    KeyedDraw,
    MixtureDraw,
    UnknownDraw,
)
from synthdsl.model.expansion import COST_OF_ARGUMENT
from synthdsl.model.expressions import Constant, Unknown
from synthdsl.model.findings import Findings
from synthdsl.model.hazard_typing import hazard_parts, with_hazards
from synthdsl.model.inference import condition_of, infer, warn_unreachable
from synthdsl.model.inlining import inlined, unscoped
from synthdsl.model.names import report_wrong_use
from synthdsl.model.references import as_branch, type_reference
from synthdsl.model.scope import Scope, Scoped
from synthdsl.model.sequence_draws import PROCESSES, sorted_draw, sorted_part, type_sequence
from synthdsl.model.shared_draws import (
    BUILT_FROM_DRAWS,
    draw_argument,
    is_draw,
    keyed_parts,
    may_be_keyed,
    stands_alone,
    type_quota,
)
from synthdsl.model.source_typing import type_lookup, type_provider
from synthdsl.model.truncation_typing import type_truncation
from synthdsl.model.unique_draws import unique_draw
from synthdsl.model.weight_typing import type_categorical, type_weights
from synthdsl.providers.base import PROVIDERS
from synthdsl.values.types import FLOAT, Kind, Type


def type_draw(node: tree.Draw, type: Type, scope: Scope, findings: Findings) -> DrawNode:
    """The typed draw that `node` is, giving raw values of `type` before rounding to its grid."""
    draw = _outcome(node.outcome, type, scope, findings)
    if node.interval is None or isinstance(draw, UnknownDraw):
        return draw
    return type_truncation(node, node.interval, draw, type, scope, findings)


def _outcome(
    node: tree.Expression | tree.Weights | tree.WhenDraw | tree.RefDraw,
    type: Type,
    scope: Scope,
    findings: Findings,
) -> DrawNode:
    if isinstance(node, Scoped):
        cost = COST_OF_ARGUMENT + node.span.end - node.span.start
        if not scope.file.expansion.take(cost, node.span, findings):
            return UnknownDraw(node.span)
        return _outcome(node.node, type, node.scope, findings)
    if isinstance(node, tree.RefDraw):
        return type_reference(node, type, scope, findings)
    if type.kind is Kind.REFERENCE and isinstance(node, tree.Weights | tree.Call | tree.Index):
        findings.report(
            "misplaced-draw",
            node.span,
            f"`{node.span.text[:40]}` draws no row of `{type.table}`",
            f"write `ref {type.table}`, with `where` and `weight` as needed",
        )
        return UnknownDraw(node.span)
    if isinstance(node, tree.Weights):
        return type_categorical(node, type, scope, findings)
    if isinstance(node, tree.WhenDraw):
        return _choose(node, type, scope, findings)
    if isinstance(node, tree.Call):
        return _call(node, type, scope, findings)
    if isinstance(node, tree.Index):
        return type_lookup(node, node.base.text, type, scope, findings)
    if isinstance(node, tree.Path):
        return _named(node, type, scope, findings)
    infer(node, scope, findings, type)  # reports what is wrong inside
    findings.report(
        "misplaced-draw",
        node.span,
        f"`{node.span.text[:40]}` is a value, not a draw",
        "derive it with `=`",
    )
    return UnknownDraw(node.span)


def _named(node: tree.Path, type: Type, scope: Scope, findings: Findings) -> DrawNode:
    name = node.text
    lookup = scope.file.lookups.get(name)
    if lookup is not None:
        if lookup.keys:
            findings.report(
                "lookup-keys",
                node.span,
                f"lookup `{name}` needs its keys: {', '.join(lookup.keys)}",
                f"write `{name}[{', '.join(lookup.keys)}]`",
            )
            return UnknownDraw(node.span)
        return type_lookup(tree.Index(node.span, node, ()), name, type, scope, findings)
    if name in scope.file.dists:
        return _call(tree.Call(node.span, node, ()), type, scope, findings)
    if name in scope.file.broken:
        return UnknownDraw(node.span)
    if DISTRIBUTIONS.get(name) is not None or PROVIDERS.get(name) is not None:
        findings.report(
            "bad-arguments", node.span, f"`{name}` needs its arguments", f"write `{name}(...)`"
        )
        return UnknownDraw(node.span)
    if scope.field_type(name) is not None or name in scope.file.params:
        findings.report(
            "misplaced-draw", node.span, f"`{name}` is a value, not a draw", "derive it with `=`"
        )
        return UnknownDraw(node.span)
    if len(node.names) > 1 and scope.relations is not None:
        value = infer(node, scope, findings)  # reports what is wrong with it
        if not isinstance(value, Unknown):
            findings.report(
                "misplaced-draw",
                node.span,
                f"`{name}` is a value, not a draw",
                "derive it with `=`",
            )
        return UnknownDraw(node.span)
    if scope.relations is not None and name in scope.relations.tables:
        findings.report(
            "misplaced-draw",
            node.span,
            f"`{name}` is a table: a row of it is drawn with `ref`",
            f"write `ref {name}`",
        )
        return UnknownDraw(node.span)
    if not report_wrong_use(node, name, scope, findings, wanted="draw"):
        findings.report("unknown-name", node.span, f"`{name}` is not declared", scope.advice(name))
    return UnknownDraw(node.span)


def _call(node: tree.Call, type: Type, scope: Scope, findings: Findings) -> DrawNode:
    name = node.function.text
    if name in scope.file.dists:
        return _inline(node, type, scope, findings)
    if name == "mixture":
        return _mixture(node, type, scope, findings)
    if name == "zero_inflated":
        return _zero_inflated(node, type, scope, findings)
    if name == "keyed":
        return _keyed(node, type, scope, findings)
    if name == "quota":
        return type_quota(node, type, scope, findings)
    if name == "sorted":
        return _sorted(node, type, scope, findings)
    if name == "proportional_hazards":
        return _hazards(node, type, scope, findings)
    process = PROCESSES.get(name)
    if process is not None:
        return type_sequence(node, process, type, scope, findings)
    if name == "unique" and node.arguments and is_draw(node.arguments[0].value, scope):
        return _unique(node, type, scope, findings)
    distribution = DISTRIBUTIONS.get(name)
    provider = None if distribution is not None else PROVIDERS.get(name)
    if distribution is None and provider is None:
        distribution, provider = DISTRIBUTIONS.find(name), PROVIDERS.find(name)
    if provider is not None:
        return type_provider(node, provider, type, scope, findings)
    if distribution is not None:
        return type_distribution(node, distribution, type, scope, findings)
    _report_unknown_draw(node, name, scope, findings)
    return UnknownDraw(node.span)


def _report_unknown_draw(node: tree.Call, name: str, scope: Scope, findings: Findings) -> None:
    if name in scope.file.broken:
        return
    if FUNCTIONS.get(name) is not None or name in scope.file.functions:
        findings.report(
            "misplaced-draw",
            node.span,
            f"`{name}` is a function: its value is not drawn",
            "derive it with `=`",
        )
        return
    known = [
        *DISTRIBUTIONS.names(),
        *PROVIDERS.names(),
        *scope.file.dists,
        *BUILT_FROM_DRAWS,
    ]
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    findings.report(
        "unknown-function",
        node.function.span,
        f"there is no distribution `{name}`",
        _SYNONYMS.get(name.lower()) or (f"did you mean `{close[0]}`?" if close else None),
    )


_SYNONYMS = {
    "gaussian": "write `normal(mean, sd)`",
    "choice": "write weights in braces: `{a: 30%, b: rest}`",
    "categorical": "write weights in braces: `{a: 30%, b: rest}`",
    "randint": "write `discrete_uniform(low, high)`",
    "random": "write `uniform(0, 1)`",
    "truncnorm": "write `normal(mean, sd) in [low, high]`",
}


def _inline(node: tree.Call, type: Type, scope: Scope, findings: Findings) -> DrawNode:
    body, inner = inlined(node, scope, findings)
    if body is None:
        return UnknownDraw(node.span)
    return type_draw(body, type, inner, findings)


def _mixture(node: tree.Call, type: Type, scope: Scope, findings: Findings) -> DrawNode:
    weights = node.arguments[0].value if len(node.arguments) == 1 else None
    if not isinstance(weights, tree.Weights):
        findings.report(
            "bad-arguments",
            node.span,
            "`mixture` takes weighted draws",
            "write `mixture({normal(0, 1): 30%, normal(5, 2): rest})`",
        )
        return UnknownDraw(node.span)
    components = [_component(entry.outcome, type, scope, findings) for entry in weights.entries]
    shares = type_weights(weights, scope, findings)
    if shares is None or any(isinstance(c, UnknownDraw) for c in components):
        return UnknownDraw(node.span)
    return MixtureDraw(node.span, tuple(components), shares)


def _component(node: tree.Expression, type: Type, scope: Scope, findings: Findings) -> DrawNode:
    """A component of a mixture or a branch: a draw, or a constant that is always the value."""
    inner = unscoped(node)
    is_name = isinstance(inner, tree.Path) and (
        inner.text in scope.file.dists or inner.text in scope.file.lookups
    )
    if isinstance(inner, tree.Call | tree.Index) or is_name:
        draw = _outcome(node, type, scope, findings)
        return draw if stands_alone(draw, findings) else UnknownDraw(node.span)
    value = coerce(infer(node, scope, findings, type), type, findings, "this value")
    return UnknownDraw(node.span) if value.type.is_unknown else FixedDraw(node.span, value)


def _zero_inflated(node: tree.Call, type: Type, scope: Scope, findings: Findings) -> DrawNode:
    bound = bind(node, ("zero", "draw"), findings)
    if bound is None or bound[0] is None or bound[1] is None:
        return UnknownDraw(node.span)
    share = coerce(value_of(bound[0], scope, findings), FLOAT, findings, "the share of zeros")
    if isinstance(bound[1].value, tree.Weights):
        findings.report("misplaced-draw", bound[1].span, "`zero_inflated` takes a distribution")
        return UnknownDraw(node.span)
    draw = _outcome(bound[1].value, type, scope, findings)
    if not stands_alone(draw, findings):
        return UnknownDraw(node.span)
    if isinstance(draw, UnknownDraw) or share.type.is_unknown:
        return UnknownDraw(node.span)
    if isinstance(share, Constant) and not 0 <= share.value <= 1:
        findings.report(
            "weight-range",
            share.span,
            f"the share of zeros is {share.value:g}",
            "write a percentage",
        )
        return UnknownDraw(node.span)
    if not type.is_quantity:
        findings.report(
            "type-mismatch", node.span, f"`zero_inflated` draws amounts, the field is `{type}`"
        )
        return UnknownDraw(node.span)
    zero = FixedDraw(node.span, Constant(type.nullable(False), node.span, 0))
    return MixtureDraw(node.span, (zero, draw), (share, None))


def _keyed(node: tree.Call, type: Type, scope: Scope, findings: Findings) -> DrawNode:
    parts = keyed_parts(node, scope, findings)
    if parts is None:
        return UnknownDraw(node.span)
    determinants, inner = parts
    draw = type_draw(inner, type, scope, findings)
    if isinstance(draw, UnknownDraw) or not may_be_keyed(draw, findings):
        return UnknownDraw(node.span)
    return KeyedDraw(node.span, draw, determinants)


def _sorted(node: tree.Call, type: Type, scope: Scope, findings: Findings) -> DrawNode:
    inner = sorted_part(node, scope, findings)
    draw = UnknownDraw(node.span) if inner is None else type_draw(inner, type, scope, findings)
    if isinstance(draw, UnknownDraw) or not stands_alone(draw, findings):
        return UnknownDraw(node.span)
    return sorted_draw(draw, type, node.span, findings)


def _hazards(node: tree.Call, type: Type, scope: Scope, findings: Findings) -> DrawNode:
    parts = hazard_parts(node, scope, findings)
    if parts is None:
        return UnknownDraw(node.span)
    baseline, ratio = parts
    draw = type_draw(baseline, type, scope, findings)
    return with_hazards(draw, ratio, node.span, type, findings)


def _unique(node: tree.Call, type: Type, scope: Scope, findings: Findings) -> DrawNode:
    if len(node.arguments) > 1:
        findings.report(
            "bad-arguments",
            node.arguments[1].span,
            "`unique` of a draw takes nothing else",
            "write `unique(discrete_uniform(low, high))`",
        )
        return UnknownDraw(node.span)
    inner = draw_argument(node.arguments[0].value, "unique", scope, findings)
    draw = UnknownDraw(node.span) if inner is None else type_draw(inner, type, scope, findings)
    if isinstance(draw, UnknownDraw) or not stands_alone(draw, findings):
        return UnknownDraw(node.span)
    return unique_draw(draw, type, node.span, findings)


def _choose(node: tree.WhenDraw, type: Type, scope: Scope, findings: Findings) -> DrawNode:
    conditions = [condition_of(c, scope, findings) for c, _ in node.branches]
    warn_unreachable([c for c, _ in node.branches], findings)
    draws = [_branch(d, type, scope, findings) for _, d in node.branches]
    otherwise = _branch(node.otherwise, type, scope, findings)
    is_broken = any(c.type.is_unknown for c in conditions)
    if is_broken or any(isinstance(d, UnknownDraw) for d in (*draws, otherwise)):
        return UnknownDraw(node.span)
    return ChooseDraw(node.span, tuple(zip(conditions, draws, strict=True)), otherwise)


def _branch(node: tree.Draw, type: Type, scope: Scope, findings: Findings) -> DrawNode:
    if isinstance(node.outcome, tree.Weights | tree.WhenDraw):
        return type_draw(node, type, scope, findings)
    if isinstance(node.outcome, tree.RefDraw):
        return as_branch(type_reference(node.outcome, type, scope, findings), findings)
    draw = _component(node.outcome, type, scope, findings)
    if node.interval is None or isinstance(draw, UnknownDraw):
        return draw
    return type_truncation(node, node.interval, draw, type, scope, findings)
