"""Values where a declared type is needed: lossless widening and unit conversion, nothing else."""

from __future__ import annotations

import math
from fractions import Fraction

from synthdsl.model.expressions import Constant, Expr, ListOf
from synthdsl.model.findings import Findings
from synthdsl.model.quantities import (
    convert,
    named,
    settled,
    to_duration,
    unit_of,
    unknown,
    widen_date,
)
from synthdsl.values.types import FLOAT, LARGEST_INT, MOMENTS, NUMBERS, Kind, Type
from synthdsl.values.units import (
    MICROSECOND,
    ONE,
    Free,
    Unit,
    conversion,
    interval_of,
    is_compatible,
    parse_unit,
    ratio,
)


def coerce(expr: Expr, type: Type, findings: Findings, what: str) -> Expr:
    """`expr` as a value of `type`; reports what would lose or invent something.

    `what` names the place in messages, such as "field `bmi`".
    """
    if expr.type.is_unknown or type.is_unknown:
        return unknown(expr.span)
    if not _check_null(expr, type, findings, what):
        return unknown(expr.span)
    if expr.type.kind is Kind.NULL:
        return Constant(type.nullable(), expr.span, None)
    if isinstance(expr, Constant) and expr.value is None:
        return _no_value(expr, type, findings, what)
    if not _check_size(expr, findings, what):
        return unknown(expr.span)
    if type.is_quantity and expr.type.is_quantity:
        return _quantity(expr, type, findings, what)
    if type.kind is Kind.DATETIME and expr.type.kind is Kind.DATE and type.zone is None:
        return widen_date(expr)
    if type.kind is Kind.LIST and expr.type.kind is Kind.LIST:
        return _items(expr, type, findings, what)
    if (
        type.kind is expr.type.kind
        and type.enum == expr.type.enum
        and type.table == expr.type.table
        and (type.zone is None) == (expr.type.zone is None)
    ):
        return expr
    findings.report(
        "type-mismatch",
        expr.span,
        f"{what} is `{type.nullable(False)}`, found {named(expr.type)}",
        _advice(expr, type),
    )
    return unknown(expr.span)


def _check_null(expr: Expr, type: Type, findings: Findings, what: str) -> bool:
    if expr.type.is_nullable and not type.is_nullable:
        found = "null" if expr.type.kind is Kind.NULL else "a value that may be null"
        findings.report(
            "nullable",
            expr.span,
            f"{what} is `{type}`, found {found}",
            f"declare it `{type}?`, or give a value with `coalesce(..., value)`",
        )
        return False
    return True


def _no_value(expr: Constant, type: Type, findings: Findings, what: str) -> Expr:
    """A constant that came out null: a division by zero, the log of a negative number."""
    if type.is_nullable and (type.kind is expr.type.kind or type.is_quantity):
        return Constant(type, expr.span, None)
    findings.report(
        "constant-overflow",
        expr.span,
        f"{expr.span.text[:40]} has no value, but {what} is `{type}`",
        "correct it: a division by zero or a log of a negative number has none",
    )
    return unknown(expr.span)


def _check_size(expr: Expr, findings: Findings, what: str) -> bool:
    if not isinstance(expr, Constant) or not isinstance(expr.value, int | float):
        return True
    too_large = isinstance(expr.value, float) and not math.isfinite(expr.value)
    if isinstance(expr.value, int) and not isinstance(expr.value, bool):
        limit = LARGEST_INT if expr.type.kind in NUMBERS else 2**63 - 1
        too_large = abs(expr.value) > limit
    if too_large:
        findings.report(
            "constant-overflow",
            expr.span,
            f"the value for {what} is too large",
            "whole numbers reach 2^53",
        )
    return not too_large


def _quantity(expr: Expr, type: Type, findings: Findings, what: str) -> Expr:
    target = unit_of(type)
    expr = settled(expr, target)
    unit = unit_of(expr.type)
    if isinstance(unit, Free):
        if type.kind is Kind.DURATION and not (isinstance(expr, Constant) and expr.value == 0):
            findings.report(
                "unit-mismatch",
                expr.span,
                f"{what} is a duration, found a bare number",
                "give it a unit, such as `4 d` or `30 min`",
            )
            return unknown(expr.span)
        return _number(expr, type, findings, what)
    assert isinstance(target, Unit)
    if target == unit:
        return _number(expr, type, findings, what)
    if not is_compatible(unit, target) or unit.is_point != target.is_point:
        spelled = "a plain number" if unit == ONE else f"`{unit.symbol}`"
        wanted = "a plain number" if target == ONE else f"in `{target.symbol}`"
        findings.report(
            "unit-mismatch",
            expr.span,
            f"{what} is {wanted}, found {spelled}",
            _unit_help(unit, target),
        )
        return unknown(expr.span)
    if type.kind is Kind.DURATION:
        return to_duration(expr)
    if unit.is_point:
        factor, offset = conversion(unit, target)
        return convert(expr, FLOAT.with_unit(target), factor, offset)
    factor = ratio(unit, target)
    if type.kind is Kind.INT and (factor.denominator != 1 or expr.type.kind is not Kind.INT):
        if isinstance(expr, Constant) and (Fraction(expr.value) * factor).denominator == 1:
            return convert(expr, type, factor)
        return _number(convert(expr, FLOAT.with_unit(target), factor), type, findings, what)
    kind = type if type.kind is Kind.INT else FLOAT.with_unit(target)
    return convert(expr, kind, factor)


def _unit_help(unit: Unit, target: Unit) -> str:
    if unit == ONE:
        return f"multiply by 1 '{target.symbol}', or declare the operands with units"
    if target == ONE:
        return f"divide by 1 '{unit.symbol}', or declare the unit: `<{unit.symbol}>`"
    return "only units of one dimension convert into each other"


def _number(expr: Expr, type: Type, findings: Findings, what: str) -> Expr:
    """A number of the right unit, as the kind of `type`."""
    if type.kind is Kind.INT and expr.type.kind is not Kind.INT:
        if isinstance(expr, Constant) and Fraction(expr.value).denominator == 1:
            return Constant(type.nullable(expr.type.is_nullable), expr.span, int(expr.value))
        shown = expr.span.text if len(expr.span.text) <= 30 else "..."
        findings.report(
            "type-mismatch",
            expr.span,
            f"{what} is `{type}`, found a number that need not be whole",
            f"write `round({shown})`, or declare it `float`",
        )
        return unknown(expr.span)
    if (
        type.kind is Kind.DECIMAL
        and isinstance(expr, Constant)
        and abs(expr.value) >= 10 ** (type.precision - type.scale)
    ):
        findings.report(
            "type-mismatch", expr.span, f"{what} is `{type}`: {expr.value} has too many digits"
        )
        return unknown(expr.span)
    return expr


def _items(expr: Expr, type: Type, findings: Findings, what: str) -> Expr:
    if type.element is None or expr.type.element is None:
        return expr
    if not isinstance(expr, ListOf):
        return expr
    items = tuple(coerce(item, type.element, findings, what) for item in expr.items)
    if any(item.type.is_unknown for item in items):
        return unknown(expr.span)
    return ListOf(type, expr.span, items)


def _advice(expr: Expr, type: Type) -> str | None:
    if type.is_text and expr.type.is_number:
        shown = expr.span.text if len(expr.span.text) <= 30 else "..."
        return f'write "{shown}"' if isinstance(expr, Constant) else f"write `text({shown})`"
    if type.is_text and expr.type.kind is Kind.ENUM:
        return "write `text(...)`"
    if type.kind in MOMENTS and expr.type.is_text and isinstance(expr, Constant):
        return f"write the date without quotes: {expr.value}"
    if type.kind is Kind.DATE and expr.type.kind is Kind.DATETIME:
        return "write `date(...)` to drop the time"
    if type.zone is not None and expr.type.kind in MOMENTS:
        return "say which instant: write 2026-01-01T08:00:00Z"
    if type.kind is Kind.BOOL and expr.type.is_number:
        return "write a comparison, such as `x > 0`"
    if type.kind is Kind.ENUM and expr.type.is_text and isinstance(expr, Constant):
        return f"write the member without quotes: {expr.value}"
    return None


def spread_unit(type: Type) -> Unit | Free:
    """The unit of differences of values of `type`, in raw terms (days for dates)."""
    if type.kind is Kind.DATE:
        return parse_unit("d")
    if type.kind in (Kind.DATETIME, Kind.TIME, Kind.DURATION):
        return MICROSECOND
    return interval_of(type.unit)
