"""Literals of the tree as constants."""

from __future__ import annotations

from datetime import date, datetime, time

from synthdsl.language import tree
from synthdsl.model.expressions import Constant, Expr, Unknown
from synthdsl.model.findings import Findings
from synthdsl.values.types import (
    BOOL,
    DATE,
    DATETIME,
    DAY,
    FLOAT,
    FREE_FLOAT,
    FREE_INT,
    INT,
    LARGEST_INT,
    NULL,
    TEXT,
    TIME,
    UNKNOWN,
)
from synthdsl.values.units import UnitError, parse_unit

_EPOCH = date(1970, 1, 1).toordinal()


def literal(node: tree.Expression, findings: Findings) -> Expr | None:
    """The constant that `node` is, `Unknown` if it is a bad one, None if it is no literal."""
    if isinstance(node, tree.Number):
        return _number(node, findings)
    if isinstance(node, tree.Quantity):
        return _quantity(node, findings)
    if isinstance(node, tree.Percent):
        number = _number(tree.Number(node.span, node.text.rstrip("% ")), findings)
        if isinstance(number, Unknown):
            return number
        return Constant(FREE_FLOAT, node.span, float(node.exact))
    if isinstance(node, tree.Text):
        return Constant(TEXT, node.span, node.value)
    if isinstance(node, tree.Truth):
        return Constant(BOOL, node.span, node.value)
    if isinstance(node, tree.Null):
        return Constant(NULL, node.span, None)
    if isinstance(node, tree.Moment):
        return _moment(node, findings)
    return None


def _number(node: tree.Number, findings: Findings) -> Expr:
    exact = node.exact
    if abs(exact) > 10**308 or (node.is_integer and abs(exact) > LARGEST_INT):
        findings.report(
            "constant-overflow",
            node.span,
            f"{_short(node.text)} is too large",
            "whole numbers reach 2^53 = 9_007_199_254_740_992, others 1e308",
        )
        return Unknown(UNKNOWN, node.span)
    if node.is_integer:
        return Constant(FREE_INT, node.span, int(exact))
    return Constant(FREE_FLOAT, node.span, float(exact))


def _short(text: str) -> str:
    return text if len(text) <= 24 else text[:20] + "..."


def _quantity(node: tree.Quantity, findings: Findings) -> Expr:
    number = _number(node.number, findings)
    try:
        unit = parse_unit(node.unit)
    except UnitError as error:
        findings.report("unknown-unit", node.span, str(error), error.help)
        return Unknown(UNKNOWN, node.span)
    if isinstance(number, Unknown):
        return number
    assert isinstance(number, Constant)
    kind = INT if number.type is FREE_INT else FLOAT
    return Constant(kind.with_unit(unit), node.span, number.value)


def _moment(node: tree.Moment, findings: Findings) -> Expr:
    text = node.text
    try:
        if "T" in text:
            moment = datetime.fromisoformat(text.removesuffix("Z"))
            days = moment.date().toordinal() - _EPOCH
            raw = days * DAY + _microseconds(moment.time())
            zone = "UTC" if text.endswith("Z") else None
            type_ = DATETIME if zone is None else type(DATETIME)(DATETIME.kind, zone=zone)
            return Constant(type_, node.span, raw)
        if "-" in text:
            return Constant(DATE, node.span, date.fromisoformat(text).toordinal() - _EPOCH)
        return Constant(TIME, node.span, _microseconds(time.fromisoformat(text)))
    except ValueError as error:
        findings.report(
            "bad-moment",
            node.span,
            f"{text} does not exist: {error}",
            "write YYYY-MM-DD, with real values",
        )
        return Unknown(UNKNOWN, node.span)


def _microseconds(t: time) -> int:
    return ((t.hour * 60 + t.minute) * 60 + t.second) * 1_000_000 + t.microsecond
