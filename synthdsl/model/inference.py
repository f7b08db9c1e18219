"""Expressions of the tree to typed expressions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from functools import cache
from typing import Any

from synthdsl.diagnostics import Label
from synthdsl.language import tree
from synthdsl.model.arithmetic import arithmetic, negative
from synthdsl.model.expansion import COST_OF_ARGUMENT
from synthdsl.model.expressions import Choose, Constant, Expr, ListOf, Unknown
from synthdsl.model.findings import Findings
from synthdsl.model.folding import fold
from synthdsl.model.literals import literal
from synthdsl.model.operators import logic, require_boolean, unify
from synthdsl.model.quantities import unknown
from synthdsl.model.scope import Scope, Scoped
from synthdsl.source import Span
from synthdsl.values.types import BOOL, Kind, Type


def infer(
    node: tree.Expression, scope: Scope, findings: Findings, expected: Type | None = None
) -> Expr:
    """The typed expression that `node` is.

    `expected` helps to resolve the names of enum members; it does not convert. A mistake is
    reported once and gives `Unknown`.
    """
    constant = literal(node, findings)
    if constant is not None:
        return constant
    if isinstance(node, Scoped):
        cost = COST_OF_ARGUMENT + node.span.end - node.span.start
        if not scope.file.expansion.take(cost, node.span, findings):
            return unknown(node.span)
        return infer(node.node, node.scope, findings, expected)
    if isinstance(node, tree.Broken):
        return unknown(node.span)
    result: Expr = _handlers()[type(node)](node, scope, findings, expected)
    return result


@cache
def _handlers() -> dict[type, Any]:
    """What types each kind of node."""
    # not at the top: these modules infer the parts of what they are given
    from synthdsl.model.aggregates import infer_comprehension
    from synthdsl.model.calls import infer_call
    from synthdsl.model.comparisons import infer_chain, infer_null_test, infer_within
    from synthdsl.model.names import infer_index, infer_path

    return {
        tree.Path: infer_path,
        tree.Items: _items,
        tree.When: _when,
        tree.Unary: _unary,
        tree.Binary: _binary,
        tree.Logic: _logic,
        tree.Chain: infer_chain,
        tree.Within: infer_within,
        tree.IsNull: infer_null_test,
        tree.Call: infer_call,
        tree.Index: infer_index,
        tree.Comprehension: infer_comprehension,
    }


def _items(node: tree.Items, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    element = None if expected is None else expected.element
    items = [infer(item, scope, findings, element) for item in node.items]
    if any(isinstance(item, Unknown) for item in items):
        return unknown(node.span)
    if all(item.type.kind is Kind.LIST for item in items):
        return fold(ListOf(Type(Kind.LIST, element=items[0].type), node.span, tuple(items)))
    unified, type_ = unify(items, findings)
    if type_.is_unknown:
        return unknown(node.span)
    return fold(ListOf(Type(Kind.LIST, element=type_), node.span, unified))


def _when(node: tree.When, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    conditions = [condition_of(c, scope, findings) for c, _ in node.branches]
    warn_unreachable([c for c, _ in node.branches], findings)
    nodes = [value for _, value in node.branches] + [node.otherwise]
    values = [infer(value, scope, findings, expected) for value in nodes]
    if any(c.type.is_unknown for c in conditions) or any(v.type.is_unknown for v in values):
        return unknown(node.span)
    unified, type_ = unify(values, findings)
    if type_.is_unknown:
        return unknown(node.span)
    branches = tuple(zip(conditions, unified[:-1], strict=True))
    return fold(Choose(type_, node.span, branches, unified[-1]))


def condition_of(node: tree.Expression, scope: Scope, findings: Findings) -> Expr:
    """A typed condition; reports what is not true or false."""
    condition = infer(node, scope, findings, BOOL)
    if not require_boolean(condition, findings, "a condition is true or false"):
        return unknown(node.span)
    if (
        isinstance(condition, Constant)
        and not isinstance(node, tree.Truth)
        and not _may_vary(node, scope)
    ):
        word = {True: "always true", False: "always false", None: "always null"}[condition.value]
        findings.report(
            "constant-condition",
            node.span,
            f"this condition is {word}",
            "remove it, or read a field",
        )
    return condition


def _may_vary(node: object, scope: Scope) -> bool:
    """Whether `node` reads a parameter of the spec or of a definition: constant only here."""
    if scope.opened or isinstance(node, Scoped):
        return True
    if isinstance(node, tree.Path):
        return node.names[0] in scope.file.params
    if isinstance(node, tuple):
        return any(_may_vary(item, scope) for item in node)
    if isinstance(node, Span) or not is_dataclass(node):
        return False
    return any(_may_vary(getattr(node, f.name), scope) for f in dataclass_fields(node))


def warn_unreachable(conditions: Sequence[tree.Expression], findings: Findings) -> None:
    """Warn of branches that no row can reach: after `true`, or whose condition stood before."""
    before: dict[tree.Expression, Span] = {}
    for condition in conditions:
        if condition in before:
            findings.report(
                "unreachable-branch",
                condition.span,
                "no row reaches this branch: its condition stands above",
                "remove the branch, or change its condition",
                labels=(Label(before[condition], "first here"),),
            )
        elif tree.Truth(condition.span, True) in before:
            findings.report(
                "unreachable-branch",
                condition.span,
                "no row reaches this branch: the one above takes all",
                "remove it, or move it up",
            )
        before.setdefault(condition, condition.span)


def _unary(node: tree.Unary, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    operand = infer(node.operand, scope, findings, expected)
    if node.operator == "-":
        return negative(operand, node.span, findings)
    return logic("not", [operand], node.span, findings)


def _binary(node: tree.Binary, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    left = infer(node.left, scope, findings)
    right = infer(node.right, scope, findings)
    if node.operator in ("->", "<->"):
        return logic(node.operator, [left, right], node.span, findings)
    return arithmetic(node.operator, left, right, node.span, findings)


def _logic(node: tree.Logic, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    items = [infer(item, scope, findings, BOOL) for item in node.items]
    return logic(node.operator, items, node.span, findings)
