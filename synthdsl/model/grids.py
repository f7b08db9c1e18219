"""The grid of a type: every kind but plain float has one (language reference, "Grid")."""

from __future__ import annotations

from fractions import Fraction

from synthdsl.values.types import Kind, Type

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
