"""The grid of a type: every kind but plain float has one (language reference, "Grid")."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from synthdsl.values.calendar import FIRST_DAY, LAST_DAY
from synthdsl.values.types import DAY, LARGEST_INT, Kind, Type

DIGITS = 15
"""Decimal digits that a float always tells apart."""
_SECOND = Fraction(1_000_000)
_KIND_STEPS = {
    Kind.INT: Fraction(1),
    Kind.DATE: Fraction(1),
    Kind.DATETIME: _SECOND,
    Kind.TIME: _SECOND,
    Kind.DURATION: _SECOND,
}


def raw_step(type: Type) -> Fraction | None:
    """Distance between neighbouring raw values of `type`; None for a plain float and for kinds
    without order.
    """
    if type.step is not None:
        return type.step
    if type.kind is Kind.DECIMAL:
        return Fraction(1, 10**type.scale)
    return _KIND_STEPS.get(type.kind)


def within(low: float, high: float, step: Fraction) -> tuple[Fraction, Fraction]:
    """The first grid value from `low` on, and the last up to `high`.

    Bounds are decimal numbers as typed, not their nearest floats: 0.3 is on the grid of 0.1.
    """
    first = _decimal(low) / step
    last = _decimal(high) / step
    return -(-first.numerator // first.denominator) * step, (
        last.numerator // last.denominator
    ) * step


def _decimal(x: float) -> Fraction:
    return Fraction(x).limit_denominator(10**12)


def typed_decimal(value: float) -> Fraction | None:
    """The decimal of up to 15 digits that `value` stands for; None where it has more."""
    if isinstance(value, int):
        return Fraction(value)
    if not math.isfinite(value):
        return None
    exact = Decimal(repr(float(value)))
    return Fraction(exact) if len(exact.as_tuple().digits) <= DIGITS else None


def snapped(value: float, step: Fraction) -> Fraction:
    """`value` rounded half-up to the grid of `step`: what the engine makes of the same float."""
    steps = math.floor(value * (step.denominator / step.numerator) + 0.5)
    return steps * step


def raw_limits(type: Type) -> tuple[float, float] | None:
    """The least and greatest raw value that `type` holds; None for plain floats and the like."""
    if type.kind is Kind.INT:
        return -LARGEST_INT, LARGEST_INT
    if type.kind is Kind.DATE:
        return FIRST_DAY, LAST_DAY
    if type.kind is Kind.DATETIME:
        return FIRST_DAY * DAY, (LAST_DAY + 1) * DAY - 1
    if type.kind is Kind.TIME:
        return 0, DAY - 1
    if type.kind is Kind.DURATION:
        return -(2**61), 2**61
    if type.kind is Kind.DECIMAL:
        most = 10.0 ** (type.precision - type.scale)
        return -most + 10.0**-type.scale / 2, most - 10.0**-type.scale / 2
    return None
