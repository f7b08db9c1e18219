"""Shapes that kinds of rules are told by."""

from __future__ import annotations

from collections.abc import Iterator

from synthdsl.model.expressions import (
    Constant,
    Convert,
    Expr,
    FieldRef,
    InSet,
    Operation,
    Part,
    fields_read,
)

ORDERS = ("<", "<=", ">", ">=")
COMPARISONS = (*ORDERS, "==", "!=")


def plain(expression: Expr) -> Expr:
    """An expression without the conversions around it."""
    while isinstance(expression, Convert):
        expression = expression.operand
    return expression


def is_field(expression: Expr) -> bool:
    """Whether an expression is a field as it stands, in whatever unit."""
    return isinstance(plain(expression), FieldRef | Part)


def is_constant(expression: Expr) -> bool:
    """Whether an expression reads no field."""
    return isinstance(plain(expression), Constant) or not fields_read(expression)


def comparison(expression: Expr, *operators: str) -> tuple[Expr, Expr] | None:
    """The sides of a comparison by one of `operators`."""
    if isinstance(expression, Operation) and expression.operator in operators:
        left, right = expression.operands
        return left, right
    return None


def is_bound_of_field(expression: Expr) -> bool:
    """Whether an expression compares one field with a constant by order."""
    sides = comparison(expression, *ORDERS)
    return sides is not None and (
        (is_field(sides[0]) and is_constant(sides[1]))
        or (is_constant(sides[0]) and is_field(sides[1]))
    )


def terms(expression: Expr) -> Iterator[Expr]:
    """The terms of a sum, each without its factor; what is not linear is one term."""
    expression = plain(expression)
    if isinstance(expression, Operation):
        operator, operands = expression.operator, expression.operands
        if operator in ("+", "-", "neg"):
            for operand in operands:
                yield from terms(operand)
            return
        if operator in ("*", "/") and is_constant(operands[1]):
            yield from terms(operands[0])
            return
        if operator == "*" and is_constant(operands[0]):
            yield from terms(operands[1])
            return
    if not is_constant(expression):
        yield expression


def is_linear(*sides: Expr) -> bool:
    """Whether all sides are sums of fields with constant factors."""
    return all(is_field(term) for side in sides for term in terms(side))


def field_count(*sides: Expr) -> int:
    """How many fields the sides read."""
    return len({name for side in sides for name in fields_read(side)})


def is_membership(expression: Expr) -> bool:
    """Whether an expression tests one field for listed constants."""
    if isinstance(expression, InSet):
        return is_field(expression.operand)
    if isinstance(expression, Operation) and expression.operator == "or":
        return (
            all(_is_equal_to_constant(item) for item in expression.operands)
            and field_count(expression) == 1
        )
    return False


def _is_equal_to_constant(expression: Expr) -> bool:
    sides = comparison(expression, "==")
    return sides is not None and is_field(sides[0]) and is_constant(sides[1])


def is_null_test(expression: Expr) -> bool:
    """Whether an expression asks whether something is null."""
    return isinstance(expression, Operation) and expression.operator in ("is-null", "is-not-null")


def has_null_test(expression: Expr) -> bool:
    """Whether a boolean expression asks of anything whether it is null."""
    if is_null_test(expression):
        return True
    return isinstance(expression, Operation) and any(map(has_null_test, expression.operands))
