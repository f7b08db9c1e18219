"""Comparison and logic of typed values, and the one type that several values share."""

from __future__ import annotations

from collections.abc import Sequence

from synthdsl.model.expressions import Constant, Expr, Operation
from synthdsl.model.findings import Findings
from synthdsl.model.folding import fold
from synthdsl.model.moments import same_clock
from synthdsl.model.quantities import (
    is_any_nullable,
    named,
    same_unit,
    shared_unit,
    to_duration,
    unit_of,
    unknown,
    widen_date,
)
from synthdsl.source import Span
from synthdsl.values.types import BOOL, FLOAT, MOMENTS, UNKNOWN, Kind, Type
from synthdsl.values.units import Free


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
        Kind.REFERENCE,
    ):
        findings.report(
            "type-mismatch",
            span,
            f"{named(pair[0].type)} has no order for `{operator}`",
            "compare with `==`, or test membership with `in {...}`",
        )
        return unknown(span)
    return fold(Operation(BOOL.nullable(is_any_nullable(*pair)), span, operator, pair))


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
    if a.kind is b.kind and a.enum == b.enum and a.table == b.table:
        return left, right
    findings.report(
        "type-mismatch",
        span,
        f"cannot compare {named(a)} with {named(b)}",
        _comparison_advice(a, b, right),
    )
    return None


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
            type_ = type_.with_unit(shared_unit(type_.unit, unit_of(item.type)))
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
    return fold(Operation(BOOL.nullable(is_any_nullable(*items)), span, operator, tuple(items)))


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
