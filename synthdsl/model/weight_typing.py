"""Weights in braces: outcomes, and shares that total 100 %."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from synthdsl.language import tree
from synthdsl.model.coercion import coerce
from synthdsl.model.draws import CategoricalDraw, DrawNode, UnknownDraw
from synthdsl.model.expressions import Constant, Expr
from synthdsl.model.findings import Findings
from synthdsl.model.grids import raw_step, snapped
from synthdsl.model.inference import infer
from synthdsl.model.scope import Scope
from synthdsl.source import Span
from synthdsl.values.types import FLOAT, Kind, Type


def type_categorical(node: tree.Weights, type: Type, scope: Scope, findings: Findings) -> DrawNode:
    """The draw of one of the weighted constants in `node`."""
    outcomes: list[Any] = []
    is_fine = True
    seen: dict[Any, Span] = {}
    for entry in node.entries:
        if isinstance(entry.outcome, tree.Call):
            findings.report(
                "misplaced-draw",
                entry.outcome.span,
                "weights in braces hold values, not draws",
                "write `mixture({...})` around them",
            )
            return UnknownDraw(node.span)
        value = coerce(infer(entry.outcome, scope, findings, type), type, findings, "this outcome")
        if not isinstance(value, Constant):
            if not value.type.is_unknown:
                findings.report(
                    "not-constant",
                    entry.outcome.span,
                    "an outcome is a constant",
                    "use `when` or `mixture`",
                )
            is_fine = False
            continue
        raw = snap(value.value, type)
        if raw in seen:
            findings.report(
                "duplicate-outcome",
                entry.outcome.span,
                f"`{entry.outcome.span.text}` has two weights",
                "add them up",
            )
            is_fine = False
        seen[raw] = entry.span
        outcomes.append(raw)
    weights = type_weights(node, scope, findings)
    if weights is None or not is_fine:
        return UnknownDraw(node.span)
    spans = tuple(entry.span for entry in node.entries)
    return CategoricalDraw(node.span, tuple(outcomes), weights, spans)


def snap(value: Any, type: Type) -> Any:
    """A constant rounded half-up to the grid of its type."""
    step = raw_step(type)
    if step is None or not isinstance(value, int | float) or isinstance(value, bool):
        return value
    whole = snapped(value, step)
    return int(whole) if type.kind not in (Kind.FLOAT, Kind.DECIMAL) else float(whole)


def type_weights(
    node: tree.Weights, scope: Scope, findings: Findings
) -> tuple[Expr | None, ...] | None:
    """The weights as shares; None after a report. Constant weights must total 100 %."""
    weights: list[Expr | None] = []
    rests = [entry for entry in node.entries if entry.weight is None]
    if len(rests) > 1:
        findings.report("weights-total", rests[1].span, "two entries say `rest`", "keep one")
        return None
    is_fine = True
    exact = Fraction(0)
    for entry in node.entries:
        if entry.weight is None:
            weights.append(None)
            continue
        weight = coerce(infer(entry.weight, scope, findings), FLOAT, findings, "a weight")
        if weight.type.is_unknown:
            is_fine = False
        elif isinstance(weight, Constant):
            is_fine &= _check_weight(entry, weight, findings)
            exact += _exact_weight(entry.weight, weight)
        weights.append(weight)
    if not is_fine:
        return None
    if all(isinstance(w, Constant) for w in weights if w is not None):
        return tuple(weights) if _check_total(node, exact, bool(rests), findings) else None
    return tuple(weights)


def _exact_weight(node: tree.Expression, weight: Constant) -> Fraction:
    if isinstance(node, tree.Percent | tree.Number):
        return node.exact
    return Fraction(weight.value)


def _check_weight(entry: tree.Weight, weight: Constant, findings: Findings) -> bool:
    assert entry.weight is not None
    if 0 <= weight.value <= 1:
        return True
    help_ = (
        f"write {weight.value:g}%"
        if 1 < weight.value <= 100
        else "weights lie between 0 % and 100 %"
    )
    findings.report(
        "weight-range", entry.weight.span, f"weight {entry.weight.span.text} is out of range", help_
    )
    return False


def _check_total(node: tree.Weights, total: Fraction, has_rest: bool, findings: Findings) -> bool:
    percent = float(total * 100)
    if has_rest:
        if total <= 1 + Fraction(1, 10**12):
            if total >= 1:
                last = next(e for e in node.entries if e.weight is None)
                findings.report(
                    "zero-mass",
                    last.span,
                    f"`{last.outcome.span.text[:40]}` never occurs: the other weights total 100 %",
                    "remove it, or lower another weight",
                )
            return True
        findings.report(
            "weights-total",
            node.span,
            f"the weights total {percent:.6g} % before `rest`",
            "keep them below 100 %",
        )
        return False
    if abs(total - 1) <= Fraction(1, 10**9):
        return True
    help_ = (
        "write `rest` as the weight of the last entry"
        if total < 1
        else "lower them to 100 % in all"
    )
    findings.report(
        "weights-total", node.span, f"the weights total {percent:.6g} %, not 100 %", help_
    )
    return False
