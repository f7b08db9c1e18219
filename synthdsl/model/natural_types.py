"""The type that a draw has by itself, where its field declares none."""

from __future__ import annotations

from typing import Any

from synthdsl.distributions.base import DISTRIBUTIONS
from synthdsl.language import tree
from synthdsl.model.findings import Findings
from synthdsl.model.inference import infer
from synthdsl.model.inlining import inlined, unscoped
from synthdsl.model.operators import unify
from synthdsl.model.scope import Scope
from synthdsl.model.shared_draws import draw_argument, is_draw
from synthdsl.model.source_typing import provider_type
from synthdsl.providers.base import PROVIDERS
from synthdsl.values.types import FLOAT, UNKNOWN, Kind, Type
from synthdsl.values.units import ONE, Free


def natural_type(node: tree.Draw, scope: Scope, findings: Findings) -> Type:
    """The type that a draw has by itself: what a `let` without a type gets."""
    outcome = unscoped(node.outcome)
    if isinstance(outcome, tree.Call):
        return _call_type(outcome, scope, findings)
    if isinstance(outcome, tree.Index):
        lookup = scope.file.lookups.get(outcome.base.text)
        return _lookup_type(lookup) if lookup is not None else UNKNOWN
    if isinstance(outcome, tree.Weights):
        values = [infer(e.outcome, scope, Findings()) for e in outcome.entries]
        _, type_ = unify(values, Findings())
        if type_.is_number and isinstance(type_.unit, Free):
            return type_.with_unit(ONE)
        return type_
    if isinstance(outcome, tree.RefDraw):
        return Type(Kind.REFERENCE, table=outcome.table.text)
    if isinstance(outcome, tree.WhenDraw):
        draws = [*(draw for _, draw in outcome.branches), outcome.otherwise]
        return _shared_type([natural_type(draw, scope, findings) for draw in draws])
    if isinstance(outcome, tree.Path) and outcome.text in scope.file.lookups:
        return _lookup_type(scope.file.lookups[outcome.text])
    if isinstance(outcome, tree.Expression):
        type_ = infer(outcome, scope, Findings()).type
        return type_.with_unit(ONE) if isinstance(type_.unit, Free) else type_
    return FLOAT


def _call_type(node: tree.Call, scope: Scope, findings: Findings) -> Type:
    name = node.function.text
    if name in scope.file.dists:
        body, inner = inlined(node, scope, findings)
        return natural_type(body, inner, findings) if body is not None else UNKNOWN
    last = node.arguments[-1].value if node.arguments else None
    if name in ("keyed", "quota", "unique") and last is not None and is_draw(last, scope):
        draw = draw_argument(last, name, scope, Findings())
        return UNKNOWN if draw is None else natural_type(draw, scope, findings)
    provider = PROVIDERS.get(name)
    if provider is not None:
        return provider_type(node, provider, scope, Findings())
    distribution = DISTRIBUTIONS.get(name)
    if distribution is not None and distribution.is_discrete:
        return Type(Kind.BOOL) if name == "bernoulli" else Type(Kind.INT)
    return FLOAT


def _shared_type(types: list[Type]) -> Type:
    """The type of a `when` whose branches have `types`."""
    known = [t for t in types if not t.is_unknown and t.kind is not Kind.NULL]
    if not known:
        return UNKNOWN
    # one branch with fractions makes the field a float: whole numbers would round it
    is_float = all(t.is_number for t in known) and any(t.kind is Kind.FLOAT for t in known)
    lead = next((t for t in known if t.kind is Kind.FLOAT), known[0]) if is_float else known[0]
    return lead.nullable(lead.is_nullable or any(t.is_nullable for t in types))


def _lookup_type(lookup: Any) -> Type:
    if len(lookup.values) == 1:
        return Type(Kind.TEXT)
    text = Type(Kind.TEXT, is_nullable=True)
    return Type(Kind.RECORD, parts=tuple((v, text) for v in lookup.values))
