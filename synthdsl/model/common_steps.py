"""Comparisons of sums on grids, in whole steps: 0.1 + 0.2 == 0.3 is true.

Decimals and stepped numbers are floats in memory, and a sum of floats is off by their rounding.
Where both sides are sums of grid values and constants, or choices among such sums, all lie on a
common grid, and comparing whole numbers of its steps compares the decimals themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from math import gcd

from synthdsl.model.expressions import (
    Apply,
    Choose,
    Constant,
    Convert,
    Expr,
    FieldRef,
    Operation,
)
from synthdsl.model.grids import raw_step, typed_decimal
from synthdsl.values.types import Kind

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
FLOATING = frozenset({Kind.FLOAT, Kind.DECIMAL})
FINEST = Fraction(1, 10**9)
NOUGHT = Fraction(0)
SAME_GRID = frozenset({"abs", "coalesce", "max", "min"})
"""Functions that give one of their arguments, or its opposite."""


@lru_cache(maxsize=4096)
def comparison_step(expression: Operation) -> float | None:
    """The common grid of both sides of a comparison of sums; None where floats compare alike."""
    if expression.operator not in COMPARISONS:
        return None
    sides = expression.operands
    if not any(side.type.kind in FLOATING for side in sides):
        return None
    if all(isinstance(side, FieldRef | Constant) for side in sides):
        return None
    steps = [_step(side) for side in sides]
    if steps[0] is None or steps[1] is None:
        return None
    step = _gcd(steps[0], steps[1])
    return float(step) if step >= FINEST else None


def _step(expression: Expr) -> Fraction | None:
    """A number of which every value of the expression is a multiple; None if not known."""
    # a table of values stands for an expression
    expression = getattr(expression, "original", expression)
    if isinstance(expression, FieldRef):
        return raw_step(expression.type)
    if isinstance(expression, Constant):
        return _of_constant(expression.value)
    if isinstance(expression, Convert):
        inner = _step(expression.operand)
        if inner is None or expression.factor == 0:
            return None
        scaled = inner * abs(expression.factor)
        return scaled if expression.offset == 0 else _gcd(scaled, abs(expression.offset))
    if isinstance(expression, Choose):
        return _of_all((*(value for _, value in expression.branches), expression.otherwise))
    if isinstance(expression, Apply):
        if expression.function.name in SAME_GRID:
            return _of_all(expression.arguments)
        return None
    return _of_operation(expression) if isinstance(expression, Operation) else None


def _of_operation(expression: Operation) -> Fraction | None:
    operands = expression.operands
    if expression.operator in ("neg", "+", "-"):
        return _of_all(operands)
    if expression.operator == "*":
        for constant, other in (operands, operands[::-1]):
            if isinstance(constant, Constant):
                factor, inner = _of_constant(constant.value), _step(other)
                return None if factor is None or inner is None else factor * inner
    return None


def _of_all(expressions: Iterable[Expr]) -> Fraction | None:
    """The step of values of any of the expressions, and of their sums."""
    common = NOUGHT
    for expression in expressions:
        step = _step(expression)
        if step is None:
            return None
        common = _gcd(common, step)
    return common


def _of_constant(value: object) -> Fraction | None:
    """The decimal that was typed, as a step; a multiple of anything are zero and null."""
    if value is None:
        return NOUGHT
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        return None
    if isinstance(value, Fraction):
        return abs(value)
    if not abs(value) < 1e15:
        return None
    exact = typed_decimal(value)
    if exact is None:
        # a computed value, such as a third
        exact = Fraction(value).limit_denominator(10**12)
    return abs(exact) if exact or not value else None


def _gcd(a: Fraction, b: Fraction) -> Fraction:
    return Fraction(
        gcd(a.numerator * b.denominator, b.numerator * a.denominator), a.denominator * b.denominator
    )
