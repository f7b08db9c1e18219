"""Rules as clauses: conditions that each must hold alone, as small as three-valued logic allows.

A conjunction that must not be false splits into its parts, and so does an implication of a
conjunction; what must be false splits where it is a disjunction. Clauses that read fewer fields
make smaller tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from synthdsl.model.expressions import (
    Choose,
    Constant,
    Convert,
    Expr,
    FieldRef,
    InSet,
    Operation,
    fields_read,
    walk,
)

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})


@dataclass(frozen=True, eq=False)
class Clause:
    """A condition and what must come of it: `hold` (not false), `true` or `false`."""

    condition: Expr
    demand: str


def split(condition: Expr, demand: str) -> Iterator[Clause]:
    """Clauses that together say what the condition, under its demand, says."""
    operator = condition.operator if isinstance(condition, Operation) else None
    operands = condition.operands if isinstance(condition, Operation) else ()
    if operator == "and" and demand in ("hold", "true"):
        for operand in operands:
            yield from split(operand, demand)
    elif operator == "or" and demand == "false":
        for operand in operands:
            yield from split(operand, "false")
    elif operator == "not" and demand == "false":
        yield from split(operands[0], "true")
    elif operator == "not" and demand == "true":
        yield from split(operands[0], "false")
    elif operator == "->" and demand == "false":
        yield from split(operands[0], "true")
        yield from split(operands[1], "false")
    elif operator == "->" and demand == "hold":
        yield from _implications(condition, *operands)
    elif operator == "<->" and demand == "hold":
        left, right = operands
        for first, second in ((left, right), (right, left)):
            yield from _implications(condition, first, second)
    else:
        yield Clause(condition, demand)


def _implications(whole: Expr, left: Expr, right: Expr) -> Iterator[Clause]:
    """`left -> right` must not be false: for each alternative on the left, each part on the
    right.
    """
    for premise in _parts(left, "or"):
        for conclusion in _parts(right, "and"):
            parts = (premise, conclusion)
            yield Clause(Operation(whole.type, whole.span, "->", parts), "hold")


def _parts(condition: Expr, operator: str) -> Iterator[Expr]:
    if isinstance(condition, Operation) and condition.operator == operator:
        for operand in condition.operands:
            yield from _parts(operand, operator)
    else:
        yield condition


def inlined(expression: Expr, values: dict[str, Expr]) -> Expr:
    """`expression` with the fields in `values` replaced by their definitions."""
    if isinstance(expression, FieldRef):
        found = values.get(expression.field)
        return expression if found is None else inlined(found, values)
    if isinstance(expression, Operation):
        operands = tuple(inlined(o, values) for o in expression.operands)
        return replace(expression, operands=operands)
    if isinstance(expression, Convert):
        return replace(expression, operand=inlined(expression.operand, values))
    return expression


@dataclass(frozen=True)
class Threshold:
    """A raw value at which a condition over `field` alone may change."""

    field: str
    value: float


def thresholds(expression: Expr) -> Iterator[Threshold]:
    """Where comparisons of one field with constants change, anywhere inside."""
    for node in walk(expression):
        if isinstance(node, InSet):
            field = alone(node.operand)
            if field is not None:
                for value in node.values:
                    yield from _at(field, value)
        elif isinstance(node, Operation) and node.operator in COMPARISONS:
            for side, other in (node.operands, node.operands[::-1]):
                field = alone(side)
                if field is not None and isinstance(other, Constant):
                    yield from _at(field, other.value)


def alone(side: Expr) -> tuple[str, float, float] | None:
    """The field that `side` is, up to a factor and an offset."""
    if isinstance(side, FieldRef):
        return side.field, 1.0, 0.0
    if isinstance(side, Convert):
        inner = alone(side.operand)
        if inner is not None:
            name, factor, offset = inner
            outer = float(side.factor)
            return name, factor * outer, offset * outer + float(side.offset)
    return None


def _at(field: tuple[str, float, float], value: Any) -> Iterator[Threshold]:
    name, factor, offset = field
    if isinstance(value, bool):
        yield Threshold(name, 1.0)
    elif not isinstance(value, str | bytes | list | type(None)) and factor:
        yield Threshold(name, (float(value) - offset) / factor)


def is_bare(expression: Expr, field: str) -> bool:
    """Whether all that `expression` asks of `field` is on which side of constants it lies."""
    if isinstance(expression, FieldRef):
        return expression.field != field
    if isinstance(expression, InSet) and alone(expression.operand) is not None:
        return True
    if isinstance(expression, Operation):
        if expression.operator in ("is-null", "is-not-null"):
            return True
        if expression.operator in COMPARISONS:
            left, right = expression.operands
            if alone(left) is not None and isinstance(right, Constant):
                return True
            if alone(right) is not None and isinstance(left, Constant):
                return True
            if field in fields_read(expression):
                return False
        return all(is_bare(operand, field) for operand in expression.operands)
    if isinstance(expression, Choose):
        parts = [part for branch in expression.branches for part in branch]
        return all(is_bare(part, field) for part in (*parts, expression.otherwise))
    return field not in fields_read(expression)
