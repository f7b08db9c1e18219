"""Comparisons of sums on grids, in whole steps: 0.1 + 0.2 == 0.3 is true.

Decimals and stepped numbers are floats in memory, and a sum of floats is off by their rounding.
Where both sides are sums of grid values and constants, all lie on a common grid, and comparing
whole numbers of its steps compares the decimals themselves.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import gcd

from synthdsl.model.expressions import Constant, Convert, Expr, FieldRef, Operation
from synthdsl.model.grids import raw_step
from synthdsl.values.types import Kind

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
FLOATING = frozenset({Kind.FLOAT, Kind.DECIMAL})
FINEST = Fraction(1, 10**9)


@lru_cache(maxsize=4096)
def comparison_step(expression: Operation) -> float | None:
    """The common grid of both sides of a comparison of sums; None where floats compare alike."""
    if expression.operator not in COMPARISONS:
        return None
    sides = expression.operands
    if not any(side.type.kind in FLOATING for side in sides):
        return None
    if not any(isinstance(side, Operation | Convert) for side in sides):
        return None
    steps = [_step(side) for side in sides]
    if steps[0] is None or steps[1] is None:
        return None
    step = _gcd(steps[0], steps[1])
    return float(step) if step >= FINEST else None


def _step(expression: Expr) -> Fraction | None:
    """A number of which every value of the expression is a multiple; None if not known."""
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
    if not isinstance(expression, Operation):
        return None
    operands = expression.operands
    if expression.operator == "neg":
        return _step(operands[0])
    if expression.operator in ("+", "-"):
        left, right = (_step(operand) for operand in operands)
        return None if left is None or right is None else _gcd(left, right)
    if expression.operator == "*":
        for constant, other in (operands, operands[::-1]):
            if isinstance(constant, Constant):
                factor, inner = _of_constant(constant.value), _step(other)
                return None if factor is None or inner is None else factor * inner
    return None


def _of_constant(value: object) -> Fraction | None:
    """The decimal that was typed, as a step; one for zero, of which every step is a divisor."""
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        return None
    if isinstance(value, float) and not abs(value) < 1e15:
        return None
    exact = Fraction(value).limit_denominator(10**12)
    return abs(exact) if exact else Fraction(10**9)


def _gcd(a: Fraction, b: Fraction) -> Fraction:
    return Fraction(
        gcd(a.numerator * b.denominator, b.numerator * a.denominator), a.denominator * b.denominator
    )
