"""Sums, products and powers of typed values, with their units."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from synthdsl.functions.base import FUNCTIONS
from synthdsl.model.expressions import Apply, Constant, Expr, Operation, as_arguments
from synthdsl.model.findings import Findings
from synthdsl.model.folding import fold
from synthdsl.model.moments import moment_arithmetic
from synthdsl.model.quantities import (
    convert,
    is_any_nullable,
    named,
    same_unit,
    settled,
    shared_unit,
    spelled_unit,
    to_duration,
    unit_of,
    unknown,
)
from synthdsl.source import Span
from synthdsl.values.types import DURATION, FLOAT, INT, MOMENTS, Kind, Type
from synthdsl.values.units import (
    FREE,
    MICROSECOND,
    ONE,
    Free,
    Unit,
    divide,
    interval_of,
    is_compatible,
    multiply,
    power,
    ratio,
)


def arithmetic(operator: str, left: Expr, right: Expr, span: Span, findings: Findings) -> Expr:
    """`left operator right` for `+ - * / ^`."""
    if left.type.is_unknown or right.type.is_unknown:
        return unknown(span)
    if Kind.NULL in (left.type.kind, right.type.kind):
        other = right if left.type.kind is Kind.NULL else left
        return Constant(other.type.nullable(), span, None)
    if operator in "+-" and (left.type.kind in MOMENTS or right.type.kind in MOMENTS):
        return moment_arithmetic(operator, left, right, span, findings)
    if operator == "+" and left.type.is_text and right.type.is_text:
        return _join_text(left, right, span)
    for side in (left, right):
        if not side.type.is_quantity:
            findings.report(
                "type-mismatch",
                side.span,
                f"`{operator}` needs numbers, found {named(side.type)}",
                _arithmetic_advice(side.type),
            )
            return unknown(span)
    if operator in "+-":
        return _sum(operator, left, right, span, findings)
    if operator == "^":
        return _power(left, right, span, findings)
    return _product(operator, left, right, span, findings)


def _arithmetic_advice(type: Type) -> str | None:
    if type.kind is Kind.BOOL:
        return "write `when {condition: 1, else: 0}`"
    if type.is_text:
        return "texts are joined with `concat`"
    if type.kind in MOMENTS:
        return "subtract two dates to get a duration"
    return None


def _join_text(left: Expr, right: Expr, span: Span) -> Expr:
    concat = FUNCTIONS.get("concat")
    assert concat is not None
    type_ = left.type.nullable(left.type.is_nullable or right.type.is_nullable)
    bound = concat.bind(*as_arguments((left, right)))
    return fold(Apply(type_, span, bound, (left, right)))


def _sum(operator: str, left: Expr, right: Expr, span: Span, findings: Findings) -> Expr:
    verb = "add" if operator == "+" else "subtract"
    a, b = unit_of(left.type), unit_of(right.type)
    left_is_point = isinstance(a, Unit) and a.is_point
    right_is_point = isinstance(b, Unit) and b.is_point
    if left_is_point and right_is_point:
        if operator == "+":
            findings.report(
                "point-arithmetic",
                span,
                f"two temperatures in {spelled_unit(a)} have no sum",  # type: ignore[arg-type]
                "subtract them, or add a difference in K",
            )
            return unknown(span)
        pair = same_unit(left, right, span, findings, verb)
        return unknown(span) if pair is None else _operation("-", pair, span, interval_of(a))
    if left_is_point or right_is_point:
        return _shift_point(operator, left, right, span, findings)
    pair = same_unit(left, right, span, findings, verb)
    if pair is None:
        return unknown(span)
    unit = shared_unit(unit_of(pair[0].type), unit_of(pair[1].type))
    if left.type.kind is Kind.DURATION or right.type.kind is Kind.DURATION:
        sides = tuple(to_duration(side) for side in pair)
        return fold(Operation(DURATION.nullable(is_any_nullable(*pair)), span, operator, sides))
    return _operation(operator, pair, span, unit)


def _shift_point(operator: str, left: Expr, right: Expr, span: Span, findings: Findings) -> Expr:
    """A temperature plus or minus a difference."""
    point, shift = left, right
    if not (isinstance(point.type.unit, Unit) and point.type.unit.is_point):
        point, shift = right, left
        if operator == "-":
            findings.report(
                "point-arithmetic",
                span,
                "a temperature cannot be subtracted from a difference",
                "swap the two",
            )
            return unknown(span)
    unit = point.type.unit
    interval = interval_of(unit)
    shift = settled(shift, interval)
    if isinstance(shift.type.unit, Unit):
        assert isinstance(interval, Unit)
        if not is_compatible(shift.type.unit, interval):
            findings.report(
                "unit-mismatch",
                span,
                f"cannot shift {spelled_unit(unit)} by {spelled_unit(shift.type.unit)}",  # type: ignore[arg-type]
                f"give the difference in `{interval.symbol}`",
            )
            return unknown(span)
        shift = convert(shift, FLOAT.with_unit(interval), ratio(shift.type.unit, interval))
    pair = (point, shift) if point is left else (shift, point)
    return _operation(operator, pair, span, unit)


def _operation(operator: str, pair: Sequence[Expr], span: Span, unit: Unit | Free) -> Expr:
    is_int = all(side.type.kind is Kind.INT for side in pair)
    type_ = (INT if is_int else FLOAT).with_unit(unit).nullable(is_any_nullable(*pair))
    return fold(Operation(type_, span, operator, tuple(pair)))


def _product(operator: str, left: Expr, right: Expr, span: Span, findings: Findings) -> Expr:
    for side in (left, right):
        unit = unit_of(side.type)
        other = right if side is left else left
        if isinstance(unit, Unit) and unit.is_point and not isinstance(unit_of(other.type), Free):
            findings.report(
                "point-arithmetic",
                side.span,
                f"a temperature in `{unit.symbol}` is a point: it cannot be multiplied or divided",
                "subtract a reference first: (temperature - 37 Cel)",
            )
            return unknown(span)
    timed = _scaled_duration(operator, left, right, span)
    if timed is not None:
        return timed
    a, b = unit_of(left.type), unit_of(right.type)
    if isinstance(a, Free) or isinstance(b, Free):
        return _free_product(operator, _as_number(left), _as_number(right), span)
    unit = multiply(a, b) if operator == "*" else divide(a, b)
    left, right = _as_number(left), _as_number(right)
    is_int = operator == "*" and left.type.kind is Kind.INT and right.type.kind is Kind.INT
    type_ = (INT if is_int else FLOAT).with_unit(unit).nullable(is_any_nullable(left, right))
    if (
        operator == "/"
        and isinstance(a, Unit)
        and isinstance(b, Unit)
        and a != b
        and is_compatible(a, b)
    ):
        # days over hours is a plain number: carry the factor into the value
        right = convert(right, FLOAT.with_unit(a), ratio(b, a))
        type_ = type_.with_unit(ONE)
    return fold(Operation(type_, span, operator, (left, right)))


def _free_product(operator: str, left: Expr, right: Expr, span: Span) -> Expr:
    """A product or quotient with a bare literal in it: free, but it remembers its own unit."""
    known = [_known(left.type.unit), _known(right.type.unit)]
    is_int = operator == "*" and left.type.kind is Kind.INT and right.type.kind is Kind.INT
    unit, factor = FREE, Fraction(1)
    if not any(k.is_point for k in known):
        own = multiply(*known) if operator == "*" else divide(*known)
        assert isinstance(own, Unit)
        if not own.is_plain:
            unit = Free(own)
        elif not any(k.is_plain for k in known):
            # days over hours: the units cancel, their ratio stays
            factor = own.factor
    type_ = (INT if is_int else FLOAT).with_unit(unit).nullable(is_any_nullable(left, right))
    product = fold(Operation(type_, span, operator, (left, right)))
    return product if factor == 1 else convert(product, FLOAT.with_unit(unit), factor)


def _known(unit: Unit | Free) -> Unit:
    """What is known of a unit when bare literals are plain numbers."""
    return unit if isinstance(unit, Unit) else unit.residual or ONE


def _scaled_duration(operator: str, left: Expr, right: Expr, span: Span) -> Expr | None:
    """A duration times or over a plain number; None if it is no such thing."""
    if operator == "*" and right.type.kind is Kind.DURATION:
        left, right = right, left
    if left.type.kind is not Kind.DURATION or right.type.kind is Kind.DURATION:
        return None
    if right.type.unit not in (FREE, ONE):
        return None
    return fold(
        Operation(DURATION.nullable(is_any_nullable(left, right)), span, operator, (left, right))
    )


def _as_number(expr: Expr) -> Expr:
    """A duration as a float in microseconds; other quantities as they are."""
    if expr.type.kind is Kind.DURATION:
        return convert(expr, FLOAT.with_unit(MICROSECOND), Fraction(1))
    return expr


def _power(left: Expr, right: Expr, span: Span, findings: Findings) -> Expr:
    if not isinstance(right.type.unit, Free) and right.type.unit != ONE:
        findings.report("unit-mismatch", right.span, "an exponent is a plain number", None)
        return unknown(span)
    unit = left.type.unit
    result: Unit | Free = unit
    if isinstance(unit, Unit) and unit != ONE:
        whole = isinstance(right, Constant) and isinstance(right.value, int)
        if not whole or unit.is_point or left.type.kind is Kind.DURATION:
            findings.report(
                "unit-mismatch",
                span,
                f"a quantity in `{unit.symbol}` needs a whole constant exponent",
                "divide by a reference first, such as (weight / 70 kg)^0.75",
            )
            return unknown(span)
        assert isinstance(right, Constant)
        if abs(right.value) > 9:
            findings.report(
                "unit-mismatch",
                right.span,
                f"exponent {right.value} is too large for a unit",
                "at most 9",
            )
            return unknown(span)
        result = power(unit, right.value)
    if isinstance(result, Free) and result.residual is not None:
        is_whole = isinstance(right, Constant) and isinstance(right.value, int)
        own = power(result.residual, right.value) if is_whole and abs(right.value) <= 9 else ONE  # type: ignore[attr-defined]
        result = Free(own) if isinstance(own, Unit) and not own.is_plain else FREE
    type_ = FLOAT.with_unit(result).nullable(is_any_nullable(left, right))
    return fold(Operation(type_, span, "^", (left, right)))


def negative(operand: Expr, span: Span, findings: Findings) -> Expr:
    """`-operand`."""
    if operand.type.is_unknown:
        return unknown(span)
    unit = unit_of(operand.type) if operand.type.is_quantity else ONE
    if not operand.type.is_quantity:
        findings.report(
            "type-mismatch", operand.span, f"`-` needs a number, found {named(operand.type)}"
        )
        return unknown(span)
    if isinstance(unit, Unit) and unit.is_point and not isinstance(operand, Constant):
        findings.report(
            "point-arithmetic",
            span,
            "a temperature cannot be negated",
            "subtract a reference first",
        )
        return unknown(span)
    return fold(Operation(operand.type, span, "neg", (operand,)))
