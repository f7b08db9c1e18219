"""Parts of dates and times of day, and dates and times from and to datetimes.

Datetimes with a zone give the parts that clocks there show.
"""

from __future__ import annotations

import math
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar

from synthdsl.functions._arguments import CALENDAR, expect
from synthdsl.functions._ranges import whole
from synthdsl.functions.base import (
    FUNCTIONS,
    Argument,
    Function,
    Misuse,
    Range,
)
from synthdsl.lazy import lazy
from synthdsl.values import calendar
from synthdsl.values.calendar import DAY, FIRST_DAY, LAST_DAY
from synthdsl.values.types import DATE, DATETIME, INT, TIME, Kind, Type

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

CLOCK = frozenset({Kind.DATETIME, Kind.TIME})


class _OfDate(Function):
    """A function of the date of a date or datetime; `bind` learns which it is."""

    parameter_names: ClassVar[tuple[str, ...]] = ("date",)
    reads_local_time = True
    is_datetime = False
    result: ClassVar[Type] = INT
    of_days: ClassVar[Any]

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        return expect(arguments, 0, CALENDAR, "a date or datetime") or self.result

    def bind(self, *arguments: Argument) -> Function:
        """The form for arguments of these types."""
        bound = copy(self)
        bound.is_datetime = arguments[0].type.kind is Kind.DATETIME
        return bound

    def constant(self, *values: Any) -> Any:
        """The result for constants."""
        return type(self).of_days(values[0] // DAY if self.is_datetime else values[0])

    def apply(self, *values: Any) -> Any:
        """The results for arrays."""
        return self.constant(*values)

    def _days(self, moments: Range) -> Range:
        """The range of days, within the calendar."""
        low, high = whole(lambda x: int(x) // DAY if self.is_datetime else int(x), moments)
        return max(low, FIRST_DAY), min(high, LAST_DAY)


class _Increasing(_OfDate):
    """A function of the date that never falls."""

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        low, high = self._days(ranges[0])
        return float(type(self).of_days(int(low))), float(type(self).of_days(int(high)))


class _Cyclic(_OfDate):
    """A function of the date that starts again and again."""

    image: ClassVar[Range]

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        return self.image


@FUNCTIONS.register
class Year(_Increasing):
    """The calendar year."""

    name = "year"
    summary = "Calendar year of a date or datetime."
    signature = "year(date: date) -> int"
    example = ("year(2024-02-29)", "2024")
    of_days = staticmethod(calendar.year)


@FUNCTIONS.register
class Quarter(_Cyclic):
    """The quarter of the year."""

    name = "quarter"
    summary = "Quarter of the year, 1 to 4."
    signature = "quarter(date: date) -> int"
    example = ("quarter(2024-05-31)", "2")
    of_days = staticmethod(calendar.quarter)
    image = (1.0, 4.0)


@FUNCTIONS.register
class Month(_Cyclic):
    """The month of the year."""

    name = "month"
    summary = "Month of the year, 1 to 12."
    signature = "month(date: date) -> int"
    example = ("month(2024-02-29)", "2")
    of_days = staticmethod(calendar.month)
    image = (1.0, 12.0)


@FUNCTIONS.register
class Week(_Cyclic):
    """The ISO week."""

    name = "week"
    summary = "ISO 8601 week, 1 to 53; week 1 holds the year's first Thursday."
    signature = "week(date: date) -> int"
    example = ("week(2021-01-03)", "53")
    of_days = staticmethod(calendar.week)
    image = (1.0, 53.0)


@FUNCTIONS.register
class Day(_Cyclic):
    """The day of the month."""

    name = "day"
    summary = "Day of the month, 1 to 31."
    signature = "day(date: date) -> int"
    example = ("day(2024-02-29)", "29")
    of_days = staticmethod(calendar.day)
    image = (1.0, 31.0)


@FUNCTIONS.register
class Weekday(_Cyclic):
    """The day of the week."""

    name = "weekday"
    summary = "ISO day of the week, 1 (Monday) to 7 (Sunday)."
    signature = "weekday(date: date) -> int"
    example = ("weekday(2024-02-29)", "4")
    of_days = staticmethod(calendar.weekday)
    image = (1.0, 7.0)


@FUNCTIONS.register
class DayOfYear(_Cyclic):
    """The day of the year."""

    name = "day_of_year"
    summary = "Day of the year, 1 to 366."
    signature = "day_of_year(date: date) -> int"
    example = ("day_of_year(2024-12-31)", "366")
    of_days = staticmethod(calendar.day_of_year)
    image = (1.0, 366.0)


@FUNCTIONS.register
class StartOfYear(_Increasing):
    """1 January."""

    name = "start_of_year"
    summary = "1 January of the year, as a date."
    signature = "start_of_year(date: date) -> date"
    example = ("start_of_year(2024-02-29)", "2024-01-01")
    of_days = staticmethod(calendar.start_of_year)
    result = DATE


@FUNCTIONS.register
class StartOfMonth(_Increasing):
    """The first of the month."""

    name = "start_of_month"
    summary = "First day of the month, as a date."
    signature = "start_of_month(date: date) -> date"
    example = ("start_of_month(2024-02-29)", "2024-02-01")
    of_days = staticmethod(calendar.start_of_month)
    result = DATE


@FUNCTIONS.register
class EndOfMonth(_Increasing):
    """The last of the month."""

    name = "end_of_month"
    summary = "Last day of the month, as a date."
    signature = "end_of_month(date: date) -> date"
    example = ("end_of_month(2024-02-05)", "2024-02-29")
    of_days = staticmethod(calendar.end_of_month)
    result = DATE


class _OfClock(Function):
    """A part of a time of day or of a datetime."""

    parameter_names = ("time",)
    reads_local_time = True
    of_moment: ClassVar[Any]
    image: ClassVar[Range]

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        return expect(arguments, 0, CLOCK, "a time or datetime") or INT

    def constant(self, *values: Any) -> Any:
        """The result for constants."""
        return type(self).of_moment(values[0])

    def apply(self, *values: Any) -> Any:
        """The results for arrays."""
        return type(self).of_moment(values[0])

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        return self.image


@FUNCTIONS.register
class Hour(_OfClock):
    """The hour."""

    name = "hour"
    summary = "Hour of the day, 0 to 23."
    signature = "hour(time: time) -> int"
    example = ("hour(2026-01-01T08:30:15)", "8")
    of_moment = staticmethod(calendar.hour)
    image = (0.0, 23.0)


@FUNCTIONS.register
class Minute(_OfClock):
    """The minute."""

    name = "minute"
    summary = "Minute of the hour, 0 to 59."
    signature = "minute(time: time) -> int"
    example = ("minute(2026-01-01T08:30:15)", "30")
    of_moment = staticmethod(calendar.minute)
    image = (0.0, 59.0)


@FUNCTIONS.register
class Second(_OfClock):
    """The second."""

    name = "second"
    summary = "Whole second of the minute, 0 to 59."
    signature = "second(time: time) -> int"
    example = ("second(2026-01-01T08:30:15)", "15")
    of_moment = staticmethod(calendar.second)
    image = (0.0, 59.0)


@FUNCTIONS.register
class Date(_Increasing):
    """The date of a datetime."""

    name = "date"
    summary = "The date of a datetime."
    signature = "date(datetime: datetime) -> date"
    example = ("date(2026-01-01T08:30:00)", "2026-01-01")
    parameter_names = ("datetime",)
    of_days = staticmethod(lambda days: days)
    result = DATE
    is_datetime = True

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        if arguments[0].type.kind is Kind.DATE:
            return Misuse("this is a date already", 0, "remove `date(...)` around it")
        return expect(arguments, 0, {Kind.DATETIME}, "a datetime") or DATE

    def bind(self, *arguments: Argument) -> Function:
        """The form for arguments of these types."""
        return self


@FUNCTIONS.register
class Time(_OfClock):
    """The time of day of a datetime."""

    name = "time"
    summary = "The time of day of a datetime."
    signature = "time(datetime: datetime) -> time"
    example = ("time(2026-01-01T08:30:00)", "08:30:00")
    parameter_names = ("datetime",)
    of_moment = staticmethod(calendar.time_of)
    image = (0.0, float(DAY - 1))

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        return expect(arguments, 0, {Kind.DATETIME}, "a datetime") or TIME


@FUNCTIONS.register
class Datetime(Function):
    """A date and a time of day together."""

    name = "datetime"
    summary = "The datetime at a time of day (midnight if left out) on a date."
    signature = "datetime(date: date, time: time = 00:00:00) -> datetime"
    example = ("datetime(2026-01-01)", "2026-01-01T00:00:00")
    parameter_names = ("date", "time")
    optional = 1

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        wrong = expect(arguments, 0, {Kind.DATE}, "a date")
        if not wrong and len(arguments) > 1:
            wrong = expect(arguments, 1, {Kind.TIME}, "a time of day")
        return wrong or DATETIME

    def constant(self, *values: Any) -> Any:
        """The result for constants."""
        return calendar.datetime_at(*values)

    def apply(self, *values: Any) -> Any:
        """The results for arrays."""
        return calendar.datetime_at(*values)

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        times = ranges[1] if len(ranges) > 1 else (0.0, 0.0)
        # Raw datetimes stay below 2**53 only until 2255; two steps outwards cover the rounding.
        low, high = ranges[0][0] * DAY + times[0], ranges[0][1] * DAY + times[1]
        return math.nextafter(low, -math.inf), math.nextafter(high, math.inf)
