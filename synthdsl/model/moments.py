"""Arithmetic with dates and datetimes: differences and shifts."""

from __future__ import annotations

from fractions import Fraction

from synthdsl.model.expressions import Constant, Expr, Operation
from synthdsl.model.findings import Findings
from synthdsl.model.folding import fold
from synthdsl.model.quantities import (
    convert,
    is_any_nullable,
    named,
    settled,
    to_duration,
    unit_of,
    unknown,
    widen_date,
)
from synthdsl.source import Span
from synthdsl.values.types import DATE, DATETIME, DAY, DURATION, INT, MOMENTS, Kind, Type
from synthdsl.values.units import MICROSECOND, Unit, is_compatible, parse_unit, ratio

_DAYS = parse_unit("d")

_WHOLE_DAYS = ("d", "wk")


def moment_arithmetic(
    operator: str, left: Expr, right: Expr, span: Span, findings: Findings
) -> Expr:
    """Arithmetic with dates and datetimes: differences and shifts."""
    if left.type.kind in MOMENTS and right.type.kind in MOMENTS:
        if operator == "+":
            findings.report(
                "point-arithmetic",
                span,
                "two dates have no sum",
                "subtract them, or add a duration such as `30 d`",
            )
            return unknown(span)
        if not same_clock(left, right, span, findings):
            return unknown(span)
        return _difference(left, right, span)
    if right.type.kind in MOMENTS:
        if operator == "-":
            findings.report(
                "point-arithmetic",
                span,
                "a date cannot be subtracted from a duration",
                "swap the two",
            )
            return unknown(span)
        left, right = right, left
    if right.type.is_quantity:
        right = settled(right, MICROSECOND)
    if not right.type.is_quantity or not _is_time(right.type):
        findings.report(
            "unit-mismatch",
            right.span,
            f"a {left.type.kind.value} shifts by a duration, found {named(right.type)}",
            "write a unit, such as `30 d`; "
            "calendar steps are `months_after(date, n)` and `years_after(date, n)`",
        )
        return unknown(span)
    return _shift_moment(operator, left, right, span)


def _is_time(type: Type) -> bool:
    unit = unit_of(type)
    return isinstance(unit, Unit) and is_compatible(unit, MICROSECOND)


def _difference(left: Expr, right: Expr, span: Span) -> Expr:
    is_nullable = is_any_nullable(left, right)
    if left.type.kind is Kind.DATE and right.type.kind is Kind.DATE:
        days = Operation(INT.with_unit(_DAYS).nullable(is_nullable), span, "-", (left, right))
        return convert(fold(days), DURATION, Fraction(DAY))
    sides = (widen_date(left), widen_date(right))
    return fold(Operation(DURATION.nullable(is_nullable), span, "-", sides))


def _shift_moment(operator: str, moment: Expr, shift: Expr, span: Span) -> Expr:
    is_nullable = is_any_nullable(moment, shift)
    if moment.type.kind is Kind.DATE and _is_whole_days(shift):
        days = convert(shift, INT.with_unit(_DAYS), ratio(unit_of(shift.type), _DAYS))
        return fold(Operation(DATE.nullable(is_nullable), span, operator, (moment, days)))
    sides = (widen_date(moment), to_duration(shift))
    type_ = DATETIME if moment.type.kind is Kind.DATE else moment.type
    return fold(Operation(type_.nullable(is_nullable), span, operator, sides))


def _is_whole_days(shift: Expr) -> bool:
    unit = unit_of(shift.type)
    assert isinstance(unit, Unit)
    if isinstance(shift, Constant) and shift.value is not None:
        return (Fraction(shift.value) * ratio(unit, _DAYS)).denominator == 1
    return shift.type.kind is Kind.INT and unit.symbol in _WHOLE_DAYS


def same_clock(left: Expr, right: Expr, span: Span, findings: Findings) -> bool:
    """Whether both moments are instants (with a zone) or both wall-clock times; reports."""
    if (left.type.zone is None) == (right.type.zone is None):
        return True
    findings.report(
        "type-mismatch",
        span,
        f"{named(left.type)} and {named(right.type)}: one says its time zone, the other does not",
        'give both a zone: `datetime("UTC")`, 2026-01-01T08:00:00Z',
    )
    return False
