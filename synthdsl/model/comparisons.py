"""Comparisons, membership and null tests in expressions."""

from __future__ import annotations

from collections.abc import Sequence

from synthdsl.language import tree
from synthdsl.model.expressions import Constant, Expr, InSet, Operation
from synthdsl.model.findings import Findings
from synthdsl.model.folding import fold
from synthdsl.model.inference import infer
from synthdsl.model.operators import comparison, logic
from synthdsl.model.quantities import unknown
from synthdsl.model.scope import Scope, Scoped
from synthdsl.values.types import BOOL, Type


def _sides(nodes: Sequence[tree.Expression], scope: Scope, findings: Findings) -> list[Expr]:
    """Operands of a comparison: bare names that may be enum members take the others' type."""
    typed: dict[int, Expr] = {
        i: infer(node, scope, findings)
        for i, node in enumerate(nodes)
        if not _may_be_member(node, scope)
    }
    expected = next((e.type for e in typed.values() if e.type.enum is not None), None)
    if expected is None:
        expected = next((e.type for e in typed.values() if not e.type.is_unknown), None)
    return [
        typed[i] if i in typed else infer(node, scope, findings, expected)
        for i, node in enumerate(nodes)
    ]


def _may_be_member(node: tree.Expression, scope: Scope) -> bool:
    if isinstance(node, Scoped):
        return _may_be_member(node.node, node.scope)
    return (
        isinstance(node, tree.Path)
        and len(node.names) == 1
        and (
            bool(scope.file.owners(node.names[0]))
            or (scope.field_type(node.names[0]) is None and node.names[0] not in scope.file.params)
        )
    )


def infer_chain(node: tree.Chain, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    """`a < b <= c`: every neighbouring pair compared."""
    operands = _sides(node.operands, scope, findings)
    parts = []
    for i, operator in enumerate(node.operators):
        span = node.span if len(node.operators) == 1 else operands[i].span.to(operands[i + 1].span)
        parts.append(comparison(operator, operands[i], operands[i + 1], span, findings))
    if len(parts) == 1:
        return parts[0]
    return logic("and", parts, node.span, findings)


def infer_within(
    node: tree.Within, scope: Scope, findings: Findings, expected: Type | None
) -> Expr:
    """`x in [a, b]` and `x in {a, b}`, perhaps negated."""
    container = node.container
    if isinstance(container, tree.Interval):
        value, low, high = _sides([node.value, container.low, container.high], scope, findings)
        result = logic(
            "and",
            [
                comparison(">=", value, low, node.span, findings),
                comparison("<=", value, high, node.span, findings),
            ],
            node.span,
            findings,
        )
    elif isinstance(container, tree.Members):
        result = _in_members(node, container, scope, findings)
    else:
        findings.report(
            "not-yet",
            container.span,
            "membership in a named set is not in this release",
            "list the members: `x in {a, b}`",
        )
        return unknown(node.span)
    if node.is_negated:
        return logic("not", [result], node.span, findings)
    return result


def _in_members(
    node: tree.Within, container: tree.Members, scope: Scope, findings: Findings
) -> Expr:
    value, *items = _sides([node.value, *container.items], scope, findings)
    if value.type.is_unknown or any(item.type.is_unknown for item in items):
        return unknown(node.span)
    tests = [comparison("==", value, item, item.span, findings) for item in items]
    if any(test.type.is_unknown for test in tests):
        return unknown(node.span)
    constants = [_right_constant(test) for test in tests]
    if value.type.is_quantity or not all(isinstance(c, Constant) for c in constants):
        return logic("or", tests, node.span, findings) if len(tests) > 1 else tests[0]
    values = tuple(c.value for c in constants if isinstance(c, Constant))
    return fold(InSet(BOOL.nullable(value.type.is_nullable), node.span, value, values))


def _right_constant(test: Expr) -> Expr:
    return test.operands[1] if isinstance(test, Operation) else test


def infer_null_test(
    node: tree.IsNull, scope: Scope, findings: Findings, expected: Type | None
) -> Expr:
    """`x is null` and `x is not null`."""
    value = infer(node.value, scope, findings)
    if value.type.is_unknown:
        return unknown(node.span)
    operator = "is-not-null" if node.is_negated else "is-null"
    return fold(Operation(BOOL, node.span, operator, (value,)))
