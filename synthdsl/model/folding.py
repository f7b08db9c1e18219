"""Constant folding in plain Python, so that `check` rarely needs numpy.

A result without a value (division by zero, log of a negative) is null; one that is too large is
infinite and reported where it is used.
"""

from __future__ import annotations

import math
import operator as op
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from synthdsl.model.expressions import (
    Apply,
    Choose,
    Constant,
    Convert,
    Expr,
    InSet,
    ListOf,
    Operation,
    children,
)
from synthdsl.model.grids import typed_decimal
from synthdsl.values.types import Kind

INTEGER_KINDS = frozenset(
    {Kind.INT, Kind.DATE, Kind.DATETIME, Kind.TIME, Kind.DURATION, Kind.REFERENCE}
)


def fold(expression: Expr) -> Expr:
    """`expression`, or the constant it comes to where everything in it is constant."""
    if isinstance(expression, Constant):
        return expression
    inner = list(children(expression))
    if not all(isinstance(child, Constant) for child in inner):
        return expression
    evaluate = _EVALUATORS.get(type(expression))
    if evaluate is None:
        return expression
    try:
        value = evaluate(expression)
    except (OverflowError, MemoryError):
        value = math.inf
    except (ZeroDivisionError, ValueError):
        value = None
    except NotImplementedError:
        return expression
    if isinstance(value, float) and math.isnan(value):
        value = None
    if isinstance(value, complex):
        value = None
    if isinstance(value, float) and expression.type.kind in INTEGER_KINDS and math.isfinite(value):
        value = math.floor(value + 0.5)
    return Constant(expression.type, expression.span, value)


def _value(expression: Expr) -> Any:
    assert isinstance(expression, Constant)
    return expression.value


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": op.add, "-": op.sub, "*": op.mul, "/": op.truediv,
    "==": op.eq, "!=": op.ne, "<": op.lt, "<=": op.le, ">": op.gt, ">=": op.ge,
}  # fmt: skip
_IN_DECIMALS = frozenset({"+", "-", "*"})


def _operation(expression: Expr) -> Any:
    assert isinstance(expression, Operation)
    values = [_value(operand) for operand in expression.operands]
    name = expression.operator
    if name in ("is-null", "is-not-null"):
        return (values[0] is None) == (name == "is-null")
    if name in ("and", "or", "not", "->", "<->"):
        return _logic(name, values)
    if any(value is None for value in values):
        return None
    if name == "neg":
        return -values[0]
    if name in _IN_DECIMALS:
        values = _decimals(values)
        result = _ARITHMETIC[name](*values)
        return float(result) if isinstance(result, Fraction) else result
    if name == "^":
        return float(values[0]) ** float(values[1])
    return _ARITHMETIC[name](*values)


def _decimals(values: list[Any]) -> list[Any]:
    """Numbers as the decimals that were typed, so that 0.1 + 0.2 is 0.3; else as they are."""
    if not any(isinstance(value, float) for value in values):
        return values
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return values
    exact = [typed_decimal(value) for value in values]
    return values if None in exact else exact


def _logic(name: str, values: list[bool | None]) -> bool | None:
    """Three-valued logic (Kleene)."""
    if name == "not":
        return None if values[0] is None else not values[0]
    if name == "->":
        return _logic("or", [_logic("not", [values[0]]), values[1]])
    if name == "<->":
        return None if None in values else values[0] == values[1]
    decisive = name == "or"
    if decisive in values:
        return decisive
    return None if None in values else not decisive


def _convert(expression: Expr) -> Any:
    assert isinstance(expression, Convert)
    value = _value(expression.operand)
    if value is None:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return value
    exact = (typed_decimal(value) or Fraction(value)) * expression.factor + expression.offset
    if expression.type.kind in INTEGER_KINDS:
        return math.floor(exact + Fraction(1, 2))
    return float(exact)


def _choose(expression: Expr) -> Any:
    assert isinstance(expression, Choose)
    for condition, value in expression.branches:
        if _value(condition) is True:
            return _value(value)
    return _value(expression.otherwise)


def _in_set(expression: Expr) -> Any:
    assert isinstance(expression, InSet)
    value = _value(expression.operand)
    return None if value is None else value in expression.values


def _apply(expression: Expr) -> Any:
    assert isinstance(expression, Apply)
    values = [_value(argument) for argument in expression.arguments]
    if expression.function.is_strict and any(value is None for value in values):
        return None
    return expression.function.constant(*values)


def _list(expression: Expr) -> Any:
    assert isinstance(expression, ListOf)
    return [_value(item) for item in expression.items]


_EVALUATORS: dict[type, Callable[[Expr], Any]] = {
    Operation: _operation,
    Convert: _convert,
    Choose: _choose,
    InSet: _in_set,
    Apply: _apply,
    ListOf: _list,
}
