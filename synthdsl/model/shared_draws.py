"""Calls by which rows share draws: `keyed`, `quota`, and `unique` of a draw; draws as arguments."""

from __future__ import annotations

from fractions import Fraction

from synthdsl.distributions.base import DISTRIBUTIONS
from synthdsl.language import tree
from synthdsl.model.draws import (
    CategoricalDraw,
    DrawNode,
    KeyedDraw,
    QuotaDraw,
    SequenceDraw,
    SharedDraw,
    SortedDraw,
    UnknownDraw,
)
from synthdsl.model.expressions import Constant, Expr, FieldRef, Part
from synthdsl.model.findings import Findings
from synthdsl.model.inference import infer
from synthdsl.model.inlining import unscoped
from synthdsl.model.scope import Scope
from synthdsl.model.sharing import shared_draw
from synthdsl.model.weight_typing import type_categorical
from synthdsl.providers.base import PROVIDERS
from synthdsl.source import Span
from synthdsl.values.types import Kind, Type

BUILT_FROM_DRAWS = (
    "mixture",
    "zero_inflated",
    "proportional_hazards",
    "keyed",
    "quota",
    "sorted",
    "autoregressive",
    "ornstein_uhlenbeck",
    "random_walk",
)
"""Calls that are draws; neither distributions nor providers."""
_EXAMPLE = "write `keyed(clinic, {a: 30%, b: rest})`"


def is_draw(node: tree.Node, scope: Scope) -> bool:
    """Whether an argument is a draw, not a value."""
    inner = unscoped(node)
    if isinstance(inner, tree.Weights):
        return True
    if isinstance(inner, tree.Within):
        is_interval = isinstance(inner.container, tree.Interval) and not inner.is_negated
        return is_interval and is_draw(inner.value, scope)
    if isinstance(inner, tree.When):
        return any(is_draw(value, scope) for _, value in inner.branches) or is_draw(
            inner.otherwise, scope
        )
    if isinstance(inner, tree.Index):
        lookup = scope.file.lookups.get(inner.base.text)
        return lookup is not None and lookup.weight is not None
    if isinstance(inner, tree.Path):
        return inner.text in scope.file.dists or inner.text in scope.file.lookups
    if not isinstance(inner, tree.Call):
        return False
    name = inner.function.text
    if name in scope.file.dists or name in BUILT_FROM_DRAWS:
        return True
    return DISTRIBUTIONS.get(name) is not None or PROVIDERS.get(name) is not None


def draw_argument(
    node: tree.Expression | tree.Weights, name: str, scope: Scope, findings: Findings
) -> tree.Draw | None:
    """The last argument of `name` as a draw; None after a report."""
    if isinstance(node, tree.Within):
        findings.report(
            "bad-arguments",
            node.span,
            f"an interval inside `{name}` is a condition",
            f"truncate outside: `{name}(...) in {node.container.span.text}`",
        )
        return None
    return read_as_draw(node, scope)


def read_as_draw(node: tree.Expression | tree.Weights, scope: Scope) -> tree.Draw:
    """What was parsed as an expression, as the draw that it would be after `~`."""
    if isinstance(node, tree.When) and is_draw(node, scope):
        branches = tuple((c, read_as_draw(value, scope)) for c, value in node.branches)
        otherwise = read_as_draw(node.otherwise, scope)
        return tree.Draw(node.span, tree.WhenDraw(node.span, branches, otherwise), None)
    if isinstance(node, tree.Within) and is_draw(node, scope):
        assert isinstance(node.container, tree.Interval)
        inner = read_as_draw(node.value, scope)
        return tree.Draw(node.span, inner.outcome, node.container)
    return tree.Draw(node.span, node, None)


def keyed_parts(
    node: tree.Call, scope: Scope, findings: Findings
) -> tuple[tuple[Expr, ...], tree.Draw] | None:
    """The determinants of `keyed(a, b, draw)` and its draw; None after a report."""
    if any(argument.name is not None for argument in node.arguments):
        findings.report("bad-arguments", node.span, "`keyed` takes no named arguments", _EXAMPLE)
        return None
    values = [argument.value for argument in node.arguments]
    # of a call that is no draw, typing the draw knows what is wrong
    is_last_draw = bool(values) and (
        is_draw(values[-1], scope) or isinstance(unscoped(values[-1]), tree.Call)
    )
    if len(values) < 2 or not is_last_draw:
        findings.report(
            "bad-arguments",
            node.span,
            "`keyed` takes one or more fields, then the draw that rows with equal fields share",
            _EXAMPLE,
        )
        return None
    draw = draw_argument(values[-1], "keyed", scope, findings)
    determinants = [_determinant(value, scope, findings) for value in values[:-1]]
    if draw is None or any(d is None for d in determinants):
        return None
    return tuple(d for d in determinants if d is not None), draw


def _determinant(
    node: tree.Expression | tree.Weights, scope: Scope, findings: Findings
) -> Expr | None:
    """A field by whose value draws are keyed; None after a report."""
    if isinstance(node, tree.Weights) or is_draw(node, scope):
        findings.report("bad-arguments", node.span, "only the last argument is a draw", _EXAMPLE)
        return None
    value = infer(node, scope, findings)
    if value.type.is_unknown:
        return None
    if not isinstance(value, FieldRef | Part):
        findings.report(
            "bad-arguments",
            node.span,
            "rows are matched by fields of theirs, not by formulas",
            "derive it first: `let k: int = ...`, then `keyed(k, ...)`",
        )
        return None
    return value if _can_match(value.type, node.span, findings) else None


def _can_match(type: Type, span: Span, findings: Findings) -> bool:
    """Whether rows can agree in a value of `type`."""
    if type.kind is Kind.FLOAT and type.step is None:
        findings.report(
            "type-mismatch",
            span,
            f"`{span.text}` is a plain float: rows hardly ever agree in it",
            "give it a `step`, or key by a band: `bucket(x, [...])`",
        )
        return False
    if type.kind in (Kind.LIST, Kind.RECORD):
        findings.report(
            "type-mismatch",
            span,
            f"`{span.text}` is a {type.kind.value}: rows are matched by single values",
            "name its parts, as in `place.city`" if type.kind is Kind.RECORD else None,
        )
        return False
    return True


def type_quota(node: tree.Call, type: Type, scope: Scope, findings: Findings) -> DrawNode:
    """The draw that `quota({a: 30%, b: rest})` is."""
    weights = node.arguments[0].value if len(node.arguments) == 1 else None
    if not isinstance(weights, tree.Weights) or node.arguments[0].name is not None:
        findings.report(
            "bad-arguments",
            node.span,
            "`quota` takes weighted values",
            "write `quota({a: 30%, b: rest})`",
        )
        return UnknownDraw(node.span)
    draw = type_categorical(weights, type, scope, findings)
    if not isinstance(draw, CategoricalDraw):
        return UnknownDraw(node.span)
    shares: list[Fraction | None] = []
    for weight in draw.weights:
        if weight is not None and not isinstance(weight, Constant):
            findings.report(
                "not-constant",
                weight.span,
                "quotas are shares of the whole table, the same for every row",
                "write constants, or use parameters",
            )
            return UnknownDraw(node.span)
        # a share as typed, not its nearest float
        shares.append(None if weight is None else Fraction(weight.value).limit_denominator(10**9))
    rest = 1 - sum((share for share in shares if share is not None), Fraction(0))
    exact: list[Fraction] = [max(rest, Fraction(0)) if share is None else share for share in shares]
    total = sum(exact, Fraction(0))
    return QuotaDraw(node.span, draw.outcomes, tuple(share / total for share in exact))


def stands_alone(draw: DrawNode, findings: Findings) -> bool:
    """Whether `draw` may be part of another draw: those that rows share may not."""
    if not isinstance(draw, SharedDraw | SortedDraw | SequenceDraw):
        return True
    _report_part(draw, findings)
    return False


def may_be_keyed(draw: DrawNode, findings: Findings) -> bool:
    """Whether rows may share a value of `draw`: not one that no two rows have."""
    part = shared_draw(draw)
    if part is None and isinstance(draw, SortedDraw | SequenceDraw):
        part = draw
    if part is not None:
        _report_part(part, findings)
    return part is None


def _report_part(draw: DrawNode, findings: Findings) -> None:
    names = {KeyedDraw: "keyed", QuotaDraw: "quota", SortedDraw: "sorted"}
    is_of_siblings = isinstance(draw, SortedDraw | SequenceDraw)
    name = draw.process.name if isinstance(draw, SequenceDraw) else names.get(type(draw), "unique")
    rows = "all rows under one parent" if is_of_siblings else "the rows of the whole table"
    findings.report(
        "misplaced-draw",
        draw.span,
        f"`{name}` draws for {rows}: it is not part of another draw",
        f"draw it in a field of its own, `let x: type ~ {name}(...)`, and use `x` here",
    )
