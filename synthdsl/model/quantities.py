"""Units of typed values: who may meet whom, and the conversions that make them meet."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from synthdsl.model.expressions import Constant, Convert, Expr, Unknown
from synthdsl.model.findings import Findings
from synthdsl.model.folding import fold
from synthdsl.source import Span
from synthdsl.values.types import DATETIME, DAY, DURATION, FLOAT, UNKNOWN, Kind, Type
from synthdsl.values.units import (
    FREE,
    MICROSECOND,
    ONE,
    Free,
    Unit,
    conversion,
    is_compatible,
    ratio,
)


def unit_of(type: Type) -> Unit | Free:
    """The unit of a quantity; a duration counts microseconds."""
    return MICROSECOND if type.kind is Kind.DURATION else type.unit


def unknown(span: Span) -> Unknown:
    """An expression that silences what hangs on it."""
    return Unknown(UNKNOWN, span)


def named(type: Type) -> str:
    """A type in a message, with its article left to the reader."""
    if type.is_number and isinstance(type.unit, Free):
        return "a bare number"
    return f"`{type}`"


def convert(expr: Expr, type: Type, factor: Fraction, offset: Fraction = Fraction(0)) -> Expr:
    """`expr` times `factor` plus `offset`, as `type`; constants are folded."""
    type = type.nullable(expr.type.is_nullable)
    if factor == 1 and offset == 0 and type.kind is expr.type.kind and type.unit == expr.type.unit:
        return expr
    return fold(Convert(type, expr.span, expr, factor, offset))


def widen_date(expr: Expr) -> Expr:
    """A date as the datetime of its midnight."""
    if expr.type.kind is not Kind.DATE:
        return expr
    return convert(expr, DATETIME, Fraction(DAY))


def to_duration(expr: Expr) -> Expr:
    """A time quantity as a duration in whole microseconds."""
    if expr.type.kind is Kind.DURATION:
        return expr
    unit = expr.type.unit
    factor = Fraction(1) if isinstance(unit, Free) else ratio(unit, MICROSECOND)
    return convert(expr, DURATION, factor)


def settled(expr: Expr, target: Unit | Free) -> Expr:
    """A product with a bare literal in its own unit, where that converts to `target`.

    `2 * stay` with a stay in days is 48 h for each day, not a bare 2.
    """
    unit = expr.type.unit
    if not isinstance(unit, Free) or unit.residual is None or isinstance(target, Free):
        return expr
    if not is_compatible(unit.residual, target):
        return expr
    return replace(expr, type=expr.type.with_unit(unit.residual))


def shared_unit(a: Unit | Free, b: Unit | Free) -> Unit | Free:
    """The unit of a sum or choice of two values that have been brought together."""
    if isinstance(a, Unit) or isinstance(b, Unit):
        return a if isinstance(a, Unit) else b
    if a.residual is None or b.residual is None:
        return a if b.residual is None else b
    return a if is_compatible(a.residual, b.residual) else FREE


def same_unit(
    left: Expr, right: Expr, span: Span, findings: Findings, verb: str
) -> tuple[Expr, Expr] | None:
    """Two quantities in one unit (the left one's unless it is free); None after a report."""
    left = settled(left, unit_of(right.type))
    right = settled(right, unit_of(left.type))
    a, b = unit_of(left.type), unit_of(right.type)
    if isinstance(a, Free) and isinstance(b, Free) and a.residual and b.residual:
        if a != b and is_compatible(a.residual, b.residual):
            right = convert(right, FLOAT.with_unit(a), ratio(b.residual, a.residual))
        return left, right
    if isinstance(a, Free) or isinstance(b, Free):
        bare = left if isinstance(a, Free) else right
        timed = right if bare is left else left
        if timed.type.kind is Kind.DURATION and not _is_zero(bare):
            findings.report(
                "unit-mismatch",
                bare.span,
                f"a duration meets a bare number: {bare.span.text[:30]} of what?",
                "give it a unit, such as `4 d` or `30 min`",
            )
            return None
        return left, right
    if a == b:
        return left, right
    if not is_compatible(a, b) or a.is_point != b.is_point:
        findings.report(
            "unit-mismatch",
            span,
            f"cannot {verb} {spelled_unit(a)} and {spelled_unit(b)}",
            _unit_advice(a, b),
        )
        return None
    if right.type.kind is Kind.DURATION:
        return convert(left, FLOAT.with_unit(MICROSECOND), ratio(a, b)), right
    type_ = FLOAT.with_unit(a)
    if a.is_point:
        factor, offset = conversion(b, a)
        return left, convert(right, type_, factor, offset)
    return left, convert(right, type_, ratio(b, a))


def _is_zero(expr: Expr) -> bool:
    return isinstance(expr, Constant) and expr.value == 0


def spelled_unit(unit: Unit) -> str:
    """A unit in a message."""
    return "a plain number" if unit == ONE else f"`{unit.symbol}`"


def _unit_advice(a: Unit, b: Unit) -> str:
    if a == ONE or b == ONE:
        named_unit = b if a == ONE else a
        return (
            f"declare both with a unit, or multiply by a quantity such as 1 '{named_unit.symbol}'"
        )
    return "only units of one dimension convert into each other"


def is_any_nullable(*operands: Expr) -> bool:
    """Whether one of `operands` may be null."""
    return any(operand.type.is_nullable for operand in operands)
