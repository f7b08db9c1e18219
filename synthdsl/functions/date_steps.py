"""Completed calendar steps between dates, and dates some calendar steps away.

The rules (clamping at the end of a month, birthdays of 29 February): see `values.calendar`.
"""

from __future__ import annotations

import math
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar

from synthdsl.functions._arguments import CALENDAR, SILENT, expect, expect_count
from synthdsl.functions.base import (
    EVERYTHING,
    FUNCTIONS,
    NO_VALUE,
    Argument,
    Function,
    Misuse,
    Range,
)
from synthdsl.lazy import lazy
from synthdsl.values import calendar
from synthdsl.values.calendar import DAY, FIRST_DAY, LAST_DAY
from synthdsl.values.types import DATE, INT, Kind, Type
from synthdsl.values.units import parse_unit

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

MOST_STEPS = 200_000
"""More steps than the calendar has: beyond, every date is out of it."""


class _Between(Function):
    """Completed steps from one date to another, in the unit of the step."""

    parameter_names = ("start", "end")
    of_dates: ClassVar[Any]
    unit: ClassVar[str]

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        wrong = expect(arguments, 0, {Kind.DATE}, "a date") or expect(
            arguments, 1, {Kind.DATE}, "a date"
        )
        return wrong or INT.with_unit(parse_unit(self.unit))

    def constant(self, *values: Any) -> Any:
        """The result for constants."""
        return type(self).of_dates(*values)

    def apply(self, *values: Any) -> Any:
        """The results for arrays."""
        return type(self).of_dates(*values)

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        (start_low, start_high), (end_low, end_high) = map(_within_calendar, ranges)
        # Both steps and their clamping keep the order of dates, so the ends give the ends.
        of_dates = type(self).of_dates
        return float(of_dates(start_high, end_low)), float(of_dates(start_low, end_high))


def _within_calendar(days: Range) -> tuple[int, int]:
    return int(max(days[0], FIRST_DAY)), int(min(days[1], LAST_DAY))


@FUNCTIONS.register
class YearsBetween(_Between):
    """Completed years, an age."""

    name = "years_between"
    summary = (
        "Completed calendar years from start to end, an age; negative where end is earlier. "
        "29 February counts as 28 in common years."
    )
    signature = "years_between(start: date, end: date) -> int<a>"
    example = ("years_between(2000-02-29, 2026-02-28)", "26")
    of_dates = staticmethod(calendar.years_between)
    unit = "a"


@FUNCTIONS.register
class MonthsBetween(_Between):
    """Completed months."""

    name = "months_between"
    summary = (
        "Completed calendar months from start to end; negative where end is earlier. "
        "A day that the last month lacks counts as its last."
    )
    signature = "months_between(start: date, end: date) -> int<mo>"
    example = ("months_between(2024-01-31, 2024-02-29)", "1")
    of_dates = staticmethod(calendar.months_between)
    unit = "mo"


@FUNCTIONS.register
class DaysBetween(_Between):
    """Days."""

    name = "days_between"
    summary = "Days from start to end; negative where end is earlier."
    signature = "days_between(start: date, end: date) -> int<d>"
    example = ("days_between(2024-02-28, 2024-03-01)", "2")
    of_dates = staticmethod(calendar.days_between)
    unit = "d"


def _few(n: int) -> int:
    return max(min(n, MOST_STEPS), -MOST_STEPS)


class _Shift(Function):
    """A date or datetime some calendar steps away; null outside the years 0001 to 9999."""

    parameter_names = ("date", "n")
    is_datetime = False
    steps: ClassVar[Any]
    sign: ClassVar[int]
    unit: ClassVar[str]

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        wrong = expect(arguments, 0, CALENDAR, "a date or datetime") or expect_count(
            arguments, 1, self.unit
        )
        if wrong:
            return wrong
        found = arguments[0].type
        if found.zone:
            return Misuse(
                f"this is `{found}`, whose clock may skip or repeat the time a calendar step away",
                0,
                "step from its date: `date(…)`",
            )
        return DATE if found.kind in SILENT else found.nullable(False)

    def bind(self, *arguments: Argument) -> Function:
        """The form for arguments of these types."""
        bound = copy(self)
        bound.is_datetime = arguments[0].type.kind is Kind.DATETIME
        return bound

    def constant(self, *values: Any) -> int | None:
        """The result for constants."""
        moment, n = values
        days, time = divmod(moment, DAY) if self.is_datetime else (moment, 0)
        shifted: int = type(self).steps(days, self.sign * n)
        if not FIRST_DAY <= shifted <= LAST_DAY:
            return None
        return shifted * DAY + time if self.is_datetime else shifted

    def apply(self, *values: Any) -> Any:
        """The results for arrays."""
        moment, n = values
        n = np.clip(n, -MOST_STEPS, MOST_STEPS) if hasattr(n, "dtype") else _few(n)
        days = moment // DAY if self.is_datetime else moment
        shifted = type(self).steps(days, self.sign * n)
        is_inside = calendar.is_in_range(shifted)
        if self.is_datetime:
            shifted = np.where(is_inside, shifted, 0) * DAY + (moment - days * DAY)
        return shifted if is_inside.all() else np.where(is_inside, shifted, NO_VALUE)

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        (low, high), (least, most) = ranges
        if math.isinf(least) or math.isinf(most):
            return EVERYTHING
        least, most = (least, most) if self.sign > 0 else (-most, -least)
        return self._end(low, int(least), -math.inf), self._end(high, int(most), math.inf)

    def _end(self, moment: float, n: int, beyond: float) -> float:
        if math.isinf(moment):
            return moment
        if not self.is_datetime:
            return float(type(self).steps(int(moment), _few(n)))
        # Days keep their order, not so times of day where two days are clamped to one.
        shifted = type(self).steps(int(moment) // DAY, _few(n)) + (beyond > 0)
        return math.nextafter(float(shifted * DAY), beyond)


class _Years(_Shift):
    steps = staticmethod(calendar.add_years)
    unit = "a"


class _Months(_Shift):
    steps = staticmethod(calendar.add_months)
    unit = "mo"


@FUNCTIONS.register
class YearsBefore(_Years):
    """Calendar years earlier."""

    name = "years_before"
    summary = "The same day n calendar years earlier; 29 February becomes 28 in common years."
    signature = "years_before(date: date, n: int) -> date"
    example = ("years_before(2024-02-29, 1)", "2023-02-28")
    sign = -1


@FUNCTIONS.register
class YearsAfter(_Years):
    """Calendar years later."""

    name = "years_after"
    summary = "The same day n calendar years later; 29 February becomes 28 in common years."
    signature = "years_after(date: date, n: int) -> date"
    example = ("years_after(2024-02-29, 1)", "2025-02-28")
    sign = 1


@FUNCTIONS.register
class MonthsBefore(_Months):
    """Calendar months earlier."""

    name = "months_before"
    summary = "The same day n months earlier, or that month's last day where it lacks the day."
    signature = "months_before(date: date, n: int) -> date"
    example = ("months_before(2024-03-31, 1)", "2024-02-29")
    sign = -1


@FUNCTIONS.register
class MonthsAfter(_Months):
    """Calendar months later."""

    name = "months_after"
    summary = "The same day n months later, or that month's last day where it lacks the day."
    signature = "months_after(date: date, n: int) -> date"
    example = ("months_after(2024-01-31, 1)", "2024-02-29")
    sign = 1
