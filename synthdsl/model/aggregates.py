"""Aggregates over the rows of a table."""

from __future__ import annotations

from dataclasses import replace

from synthdsl.language import tree
from synthdsl.model.expressions import Aggregate, Expr
from synthdsl.model.findings import Findings
from synthdsl.model.inference import condition_of, infer
from synthdsl.model.operators import require_boolean
from synthdsl.model.quantities import named, unknown
from synthdsl.model.scope import Scope
from synthdsl.values.types import BOOL, FLOAT, INT, ORDERED, UNKNOWN, Kind, Type

AGGREGATES = frozenset(["any", "all", "none", "count", "sum", "mean", "min", "max"])


def infer_aggregate(
    node: tree.Call,
    name: str,
    comprehension: tree.Comprehension,
    rows: Scope,
    findings: Findings,
) -> Expr:
    """An aggregate over the rows of a table."""
    scope = replace(rows, row_variable=comprehension.variable)
    condition = None
    if comprehension.condition is not None:
        condition = condition_of(comprehension.condition, scope, findings)
    body = comprehension.value
    is_row = isinstance(body, tree.Path) and body.names == (comprehension.variable,)
    if name == "count" and is_row:
        value, type_ = None, INT
    else:
        value = infer(body, scope, findings)
        type_ = _aggregate_type(name, value, findings)
    if type_.is_unknown or (condition is not None and condition.type.is_unknown):
        return unknown(node.span)
    return Aggregate(type_, node.span, name, comprehension.source.text, value, condition)


def _aggregate_type(name: str, value: Expr, findings: Findings) -> Type:
    """The type of an aggregate of `value`; unknown after a report."""
    type_ = value.type
    if type_.is_unknown:
        return type_
    if name in ("any", "all", "none"):
        is_fine = require_boolean(value, findings, f"`{name}` needs conditions")
        return BOOL if is_fine else UNKNOWN
    if name == "count":
        return INT
    if name == "mean" and type_.kind is Kind.BOOL:
        return FLOAT.nullable()
    fits = type_.is_quantity if name in ("mean", "sum") else type_.kind in ORDERED
    if not fits:
        findings.report(
            "type-mismatch", value.span, f"`{name}` needs numbers, found {named(type_)}"
        )
        return UNKNOWN
    if name in ("min", "max"):
        return type_.nullable()
    if type_.kind is Kind.DURATION:
        return type_.nullable(name == "mean")
    return FLOAT.with_unit(type_.unit).nullable(name == "mean")


def infer_comprehension(
    node: tree.Comprehension, scope: Scope, findings: Findings, expected: Type | None
) -> Expr:
    """A comprehension outside an aggregate: reported."""
    findings.report("not-yet", node.span, "aggregates over related rows are not in this release")
    return unknown(node.span)
