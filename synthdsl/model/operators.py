"""Types and units of operators: who may meet whom, and the conversions that make them meet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from synthdsl.model.expressions import Constant, Convert, Expr, Operation, Unknown
from synthdsl.model.findings import Findings
from synthdsl.model.folding import fold
from synthdsl.source import Span
from synthdsl.values.types import (
    BOOL,
    DATE,
    DATETIME,
    DAY,
    DURATION,
    FLOAT,
    INT,
    MOMENTS,
    UNKNOWN,
    Kind,
    Type,
)
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
    parse_unit,
    power,
    ratio,
)

_DAYS = parse_unit("d")
_WHOLE_DAYS = ("d", "wk")


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


def _shared(a: Unit | Free, b: Unit | Free) -> Unit | Free:
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
            f"cannot {verb} {_spelled(a)} and {_spelled(b)}",
            _unit_advice(a, b),
        )
        return None
    if right.type.kind is Kind.DURATION:
        return convert(left, FLOAT.with_unit(MICROSECOND), ratio(a, b)), right
    type_ = FLOAT.with_unit(a)
    if a.is_point:
        from synthdsl.values.units import conversion

        factor, offset = conversion(b, a)
        return left, convert(right, type_, factor, offset)
    return left, convert(right, type_, ratio(b, a))


def _is_zero(expr: Expr) -> bool:
    return isinstance(expr, Constant) and expr.value == 0


def _spelled(unit: Unit) -> str:
    return "a plain number" if unit == ONE else f"`{unit.symbol}`"


def _unit_advice(a: Unit, b: Unit) -> str:
    if a == ONE or b == ONE:
        named_unit = b if a == ONE else a
        return (
            f"declare both with a unit, or multiply by a quantity such as 1 '{named_unit.symbol}'"
        )
    return "only units of one dimension convert into each other"


def arithmetic(operator: str, left: Expr, right: Expr, span: Span, findings: Findings) -> Expr:
    """`left operator right` for `+ - * / ^`."""
    if left.type.is_unknown or right.type.is_unknown:
        return unknown(span)
    if Kind.NULL in (left.type.kind, right.type.kind):
        other = right if left.type.kind is Kind.NULL else left
        return Constant(other.type.nullable(), span, None)
    if operator in "+-" and (left.type.kind in MOMENTS or right.type.kind in MOMENTS):
        return _moments(operator, left, right, span, findings)
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
    from synthdsl.functions.base import FUNCTIONS, Argument
    from synthdsl.model.expressions import Apply

    concat = FUNCTIONS.get("concat")
    assert concat is not None
    type_ = left.type.nullable(left.type.is_nullable or right.type.is_nullable)
    arguments = [
        Argument(o.type, isinstance(o, Constant), getattr(o, "value", None)) for o in (left, right)
    ]
    return fold(Apply(type_, span, concat.bind(*arguments), (left, right)))


def _null_of(*operands: Expr) -> bool:
    return any(operand.type.is_nullable for operand in operands)


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
                f"two temperatures in {_spelled(a)} have no sum",  # type: ignore[arg-type]
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
    unit = _shared(unit_of(pair[0].type), unit_of(pair[1].type))
    if left.type.kind is Kind.DURATION or right.type.kind is Kind.DURATION:
        sides = tuple(to_duration(side) for side in pair)
        return fold(Operation(DURATION.nullable(_null_of(*pair)), span, operator, sides))
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
                f"cannot shift {_spelled(unit)} by {_spelled(shift.type.unit)}",  # type: ignore[arg-type]
                f"give the difference in `{interval.symbol}`",
            )
            return unknown(span)
        shift = convert(shift, FLOAT.with_unit(interval), ratio(shift.type.unit, interval))
    pair = (point, shift) if point is left else (shift, point)
    return _operation(operator, pair, span, unit)


def _operation(operator: str, pair: Sequence[Expr], span: Span, unit: Unit | Free) -> Expr:
    is_int = all(side.type.kind is Kind.INT for side in pair)
    type_ = (INT if is_int else FLOAT).with_unit(unit).nullable(_null_of(*pair))
    return fold(Operation(type_, span, operator, tuple(pair)))


def to_duration(expr: Expr) -> Expr:
    """A time quantity as a duration in whole microseconds."""
    if expr.type.kind is Kind.DURATION:
        return expr
    unit = expr.type.unit
    factor = Fraction(1) if isinstance(unit, Free) else ratio(unit, MICROSECOND)
    return convert(expr, DURATION, factor)


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
    type_ = (INT if is_int else FLOAT).with_unit(unit).nullable(_null_of(left, right))
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
    type_ = (INT if is_int else FLOAT).with_unit(unit).nullable(_null_of(left, right))
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
    return fold(Operation(DURATION.nullable(_null_of(left, right)), span, operator, (left, right)))


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
    type_ = FLOAT.with_unit(result).nullable(_null_of(left, right))
    return fold(Operation(type_, span, "^", (left, right)))


def _moments(operator: str, left: Expr, right: Expr, span: Span, findings: Findings) -> Expr:
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
            "write a unit, such as `30 d`; calendar steps are `months_after(date, n)` and `years_after(date, n)`",
        )
        return unknown(span)
    return _shift_moment(operator, left, right, span)


def _is_time(type: Type) -> bool:
    unit = unit_of(type)
    return isinstance(unit, Unit) and is_compatible(unit, MICROSECOND)


def _difference(left: Expr, right: Expr, span: Span) -> Expr:
    is_nullable = _null_of(left, right)
    if left.type.kind is Kind.DATE and right.type.kind is Kind.DATE:
        days = Operation(INT.with_unit(_DAYS).nullable(is_nullable), span, "-", (left, right))
        return convert(fold(days), DURATION, Fraction(DAY))
    sides = (widen_date(left), widen_date(right))
    return fold(Operation(DURATION.nullable(is_nullable), span, "-", sides))


def _shift_moment(operator: str, moment: Expr, shift: Expr, span: Span) -> Expr:
    is_nullable = _null_of(moment, shift)
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


def comparison(operator: str, left: Expr, right: Expr, span: Span, findings: Findings) -> Expr:
    """`left operator right` for `== != < <= > >=`."""
    if left.type.is_unknown or right.type.is_unknown:
        return unknown(span)
    if Kind.NULL in (left.type.kind, right.type.kind):
        findings.report(
            "type-mismatch",
            span,
            f"`{operator}` with null is never true",
            "write `is null` or `is not null`",
        )
        return unknown(span)
    pair = comparable(left, right, span, findings)
    if pair is None:
        return unknown(span)
    kind = pair[0].type.kind
    if operator not in ("==", "!=") and kind in (
        Kind.BOOL,
        Kind.ENUM,
        Kind.TEXT,
        Kind.UUID,
        Kind.LIST,
    ):
        findings.report(
            "type-mismatch",
            span,
            f"{named(pair[0].type)} has no order for `{operator}`",
            "compare with `==`, or test membership with `in {...}`",
        )
        return unknown(span)
    return fold(Operation(BOOL.nullable(_null_of(*pair)), span, operator, pair))


def comparable(left: Expr, right: Expr, span: Span, findings: Findings) -> tuple[Expr, Expr] | None:
    """Both sides as one type; None after a report."""
    a, b = left.type, right.type
    if a.is_quantity and b.is_quantity:
        return same_unit(left, right, span, findings, "compare")
    if a.kind in MOMENTS and b.kind in MOMENTS:
        if not same_clock(left, right, span, findings):
            return None
        if a.kind is b.kind:
            return left, right
        return widen_date(left), widen_date(right)
    if a.kind is b.kind and a.enum == b.enum:
        return left, right
    findings.report(
        "type-mismatch",
        span,
        f"cannot compare {named(a)} with {named(b)}",
        _comparison_advice(a, b, right),
    )
    return None


def same_clock(left: Expr, right: Expr, span: Span, findings: Findings) -> bool:
    """Whether both moments are instants (with a zone) or both wall-clock times; reports."""
    if (left.type.zone is None) == (right.type.zone is None):
        return True
    findings.report(
        "type-mismatch",
        span,
        f"{named(left.type)} and {named(right.type)}: one says its time zone, the other does not",
        "give both a zone: `datetime(\"UTC\")`, 2026-01-01T08:00:00Z",
    )
    return False


def _comparison_advice(a: Type, b: Type, right: Expr) -> str | None:
    if a.kind is Kind.ENUM and b.is_text and isinstance(right, Constant):
        return f"write the member without quotes: {right.value}"
    if a.is_text and b.is_quantity:
        return f'text stands in quotes: "{right.span.text[:30]}"'
    if a.kind in MOMENTS and b.is_text and isinstance(right, Constant):
        return f"write the date without quotes: {right.value}"
    return None


def unify(items: Sequence[Expr], findings: Findings) -> tuple[tuple[Expr, ...], Type]:
    """`items` as one common type (branches of a `when`, members of a list)."""
    known = [item for item in items if item.type.kind not in (Kind.NULL, Kind.UNKNOWN)]
    if not known:
        return tuple(items), items[0].type
    if any(item.type.is_unknown for item in items):
        return tuple(items), UNKNOWN
    fixed = [i for i in known if not isinstance(unit_of(i.type), Free)] or known
    lead = next((i for i in fixed if i.type.kind in (Kind.DATETIME, Kind.DURATION)), fixed[0])
    is_nullable = any(item.type.is_nullable for item in items)
    is_float = any(item.type.kind in (Kind.FLOAT, Kind.DECIMAL) for item in known)
    result = []
    for item in items:
        if item.type.kind is Kind.NULL:
            result.append(item)
            continue
        pair = comparable(lead, item, item.span, findings)
        if pair is None:
            return tuple(items), UNKNOWN
        result.append(pair[1])
    type_ = lead.type
    for item in result:
        if item.type.is_quantity and isinstance(type_.unit, Free):
            type_ = type_.with_unit(_shared(type_.unit, unit_of(item.type)))
    if type_.kind is Kind.DURATION:
        result = [i if i.type.kind is Kind.NULL else to_duration(i) for i in result]
    elif type_.is_number and (is_float or any(i.type.kind is Kind.FLOAT for i in result)):
        type_ = FLOAT.with_unit(type_.unit)
    return tuple(result), type_.nullable(is_nullable)


def logic(operator: str, items: Sequence[Expr], span: Span, findings: Findings) -> Expr:
    """`and`, `or`, `not`, `->`, `<->` over conditions."""
    for item in items:
        if not require_boolean(item, findings, f"`{operator}` needs conditions"):
            return unknown(span)
    if any(item.type.is_unknown for item in items):
        return unknown(span)
    return fold(Operation(BOOL.nullable(_null_of(*items)), span, operator, tuple(items)))


def require_boolean(item: Expr, findings: Findings, why: str) -> bool:
    """Whether `item` is a condition (or already reported); reports otherwise."""
    if item.type.kind in (Kind.BOOL, Kind.UNKNOWN):
        return True
    if item.type.kind is Kind.NULL:
        findings.report("not-boolean", item.span, f"{why}, found null", "write `is null`")
    else:
        findings.report(
            "not-boolean",
            item.span,
            f"{why}, found {named(item.type)}",
            "write a comparison, such as `x > 0`",
        )
    return False


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


def is_finite(value: object) -> bool:
    """Whether a folded number is usable."""
    return not isinstance(value, float) or math.isfinite(value)
