"""Checks on the arguments of a call, shared by the functions' `infer`.

Each check returns None where the argument fits, else the `Misuse` to report. Arguments whose
type is unknown (an earlier error) or the literal null fit everywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from synthdsl.functions.base import Argument, Misuse
from synthdsl.values.types import DURATION, FLOAT, INT, NUMBERS, UNKNOWN, Kind, Type
from synthdsl.values.units import (
    FREE,
    MICROSECOND,
    ONE,
    Free,
    Unit,
    interval_of,
    is_compatible,
    parse_unit,
)

SILENT = frozenset({Kind.UNKNOWN, Kind.NULL})
QUANTITIES = NUMBERS | {Kind.DURATION}
CALENDAR = frozenset({Kind.DATE, Kind.DATETIME})


def expect(
    arguments: Sequence[Argument], at: int, kinds: Collection[Kind], what: str
) -> Misuse | None:
    """Require that argument `at` is of one of `kinds`; `what` names them ("a date")."""
    found = arguments[at].type
    if found.kind in kinds or found.kind in SILENT:
        return None
    return Misuse(f"this is `{found}`, but {what} is expected", at, _cast_help(found, kinds))


def expect_constant(arguments: Sequence[Argument], at: int, what: str) -> Misuse | None:
    """Require a constant that is not null."""
    if arguments[at].type.is_unknown:
        return None
    if arguments[at].is_constant and arguments[at].value is not None:
        return None
    return Misuse(f"{what} must be a constant", at, "write the value itself, or a parameter")


def expect_whole(
    arguments: Sequence[Argument], at: int, what: str, low: int, high: int
) -> Misuse | None:
    """Require a constant whole number in [low, high] without a unit."""
    wrong = (
        expect(arguments, at, {Kind.INT}, f"{what}, a whole number,")
        or expect_plain(arguments, at)
        or expect_constant(arguments, at, what)
    )
    if wrong or not arguments[at].is_constant:
        return wrong
    value = arguments[at].value
    if low <= value <= high:
        return None
    return Misuse(f"{what} is {value}; it must be in [{low}, {high}]", at)


def expect_plain(arguments: Sequence[Argument], at: int) -> Misuse | None:
    """Require a number without a dimension; a free one fits."""
    unit = arguments[at].type.unit
    if isinstance(unit, Free) or (unit.is_plain and not unit.is_point):
        return None
    return Misuse(
        f"this is in `{unit}`, but a plain number is expected",
        at,
        f"divide by a quantity of that kind, such as `1 '{interval_of(unit)}'`",
    )


def expect_interval(arguments: Sequence[Argument], at: int) -> Misuse | None:
    """Require a quantity that is not a point on a scale such as `Cel`."""
    unit = arguments[at].type.unit
    if isinstance(unit, Free) or not unit.is_point:
        return None
    return Misuse(
        f"this is a point on the scale `{unit}`, whose zero is a convention",
        at,
        f"subtract another point first; the difference is in `{interval_of(unit)}`",
    )


def expect_count(arguments: Sequence[Argument], at: int, unit: str) -> Misuse | None:
    """Require a whole number that is plain, free or counted in the calendar unit `unit`."""
    wrong = expect(arguments, at, {Kind.INT}, f"a whole number of `{unit}`")
    given = arguments[at].type.unit
    if wrong or isinstance(given, Free) or given in (ONE, parse_unit(unit)):
        return wrong
    return Misuse(f"this is in `{given}`, but a number of `{unit}` is expected", at)


def unit_of(argument: Argument) -> Unit | Free:
    """The unit of a quantity; durations count microseconds."""
    return MICROSECOND if argument.type.kind is Kind.DURATION else argument.type.unit


def common_quantity(arguments: Sequence[Argument]) -> Type | Misuse:
    """The type that holds any of several quantities, in the unit of the first not free.

    Int where all are ints in one unit, duration where any is a duration, else float.
    """
    known = [at for at, argument in enumerate(arguments) if argument.type.kind not in SILENT]
    if not known:
        return UNKNOWN
    is_duration = any(arguments[at].type.kind is Kind.DURATION for at in known)
    units = [unit_of(arguments[at]) for at in known]
    unit = MICROSECOND if is_duration else next((u for u in units if not isinstance(u, Free)), FREE)
    for at, other in zip(known, units, strict=True):
        wrong = _mismatch(arguments[at], at, unit, is_duration)
        if wrong:
            return wrong
        if not is_compatible(unit, other):
            return Misuse(f"this is in `{other}`, which does not convert to `{unit}`", at)
    if is_duration:
        return DURATION
    is_int = all(arguments[at].type.kind is Kind.INT for at in known)
    is_one_unit = all(isinstance(other, Free) or other == unit for other in units)
    return (INT if is_int and is_one_unit else FLOAT).with_unit(unit)


def _mismatch(argument: Argument, at: int, unit: Unit | Free, is_duration: bool) -> Misuse | None:
    if (
        not is_duration
        or argument.type.kind is Kind.DURATION
        or not isinstance(unit_of(argument), Free)
    ):
        return None
    if argument.is_constant and argument.value == 0:
        return None
    return Misuse("a duration stands beside this bare number", at, "give it a unit, as in `3 d`")


def common_type(arguments: Sequence[Argument]) -> Type | Misuse:
    """The type that holds any of several values: quantities, or values of one kind."""
    known = [argument for argument in arguments if argument.type.kind not in SILENT]
    if not known:
        return UNKNOWN if any(a.type.is_unknown for a in arguments) else arguments[0].type
    if known[0].type.is_quantity:
        for at in range(len(arguments)):
            wrong = expect(arguments, at, QUANTITIES, "a quantity like those before")
            if wrong:
                return wrong
        return common_quantity(arguments)
    wanted = replace(known[0].type, is_nullable=False)
    for at, argument in enumerate(arguments):
        found = replace(argument.type, is_nullable=False)
        if found.kind not in SILENT and not _is_same(found, wanted):
            return Misuse(
                f"this is `{found}`, but what comes before is `{wanted}`",
                at,
                _cast_help(found, {wanted.kind}),
            )
    return wanted


def _is_same(a: Type, b: Type) -> bool:
    return (a.kind, a.zone, a.enum, a.element, a.table) == (
        b.kind,
        b.zone,
        b.enum,
        b.element,
        b.table,
    )


def _cast_help(found: Type, wanted: Collection[Kind]) -> str | None:
    """How to turn what was found into what is wanted, where a function does."""
    if found.kind is Kind.REFERENCE:
        return "read a field of the row that it refers to, as in `doctor.name`"
    if Kind.DATE in wanted and found.kind is Kind.DATETIME:
        return "take its date with `date(…)`"
    if Kind.DATETIME in wanted and found.kind is Kind.DATE:
        return "make it a datetime with `datetime(…)`"
    if Kind.TEXT in wanted and found.kind not in (Kind.LIST, Kind.RECORD):
        return "make it text with `text(…)`"
    if Kind.INT in wanted and found.kind in (Kind.FLOAT, Kind.DECIMAL):
        return "make it whole with `floor(…)` or `round(…)`"
    if found.kind is Kind.TEXT and Kind.FLOAT in wanted:
        return "read the number with `float(…)`"
    if found.kind is Kind.TEXT and Kind.INT in wanted:
        return "read the number with `int(…)`"
    return None
