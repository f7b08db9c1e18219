"""What functions of dates and times may come to, given enclosures of their arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.conditioning.enclosed_values import Enclosure, Flags, strict
from synthdsl.model.expressions import Apply
from synthdsl.values import calendar
from synthdsl.values.calendar import DAY, FIRST_DAY, HOUR, LAST_DAY, MINUTE
from synthdsl.values.types import Kind

MOST_STEPS = 200_000
FARTHEST = 2.0**62

Whole = NDArray[np.int64]
Days = tuple[Whole, Whole]

INCREASING = frozenset({"year", "start_of_year", "start_of_month", "end_of_month", "date"})
_CYCLES: dict[str, tuple[Callable[[Whole], Whole], tuple[float, float]]] = {
    # name: what stays the same within one cycle, image
    "quarter": (calendar.year, (1.0, 4.0)),
    "month": (calendar.year, (1.0, 12.0)),
    "day_of_year": (calendar.year, (1.0, 366.0)),
    "day": (calendar.start_of_month, (1.0, 31.0)),
    "weekday": (lambda days: (days + 3) // 7, (1.0, 7.0)),
    "week": (lambda days: days, (1.0, 53.0)),
}
_CLOCKS: dict[str, tuple[int, tuple[float, float]]] = {
    # name: microseconds of a cycle, image
    "hour": (DAY, (0.0, 23.0)),
    "minute": (HOUR, (0.0, 59.0)),
    "second": (MINUTE, (0.0, 59.0)),
    "time": (DAY, (0.0, float(DAY - 1))),
}
_SHIFTS: dict[str, tuple[Callable[[Any, Any], Any], int]] = {
    "years_before": (calendar.add_years, -1),
    "years_after": (calendar.add_years, 1),
    "months_before": (calendar.add_months, -1),
    "months_after": (calendar.add_months, 1),
}


def enclose_calendar_call(call: Apply, arguments: list[Enclosure]) -> Enclosure | None:
    """What a function of dates or times may come to; None for any other function."""
    name = call.function.name
    if name in INCREASING or name in _CYCLES:
        return _of_date(call, arguments[0])
    if name in _CLOCKS:
        return _of_clock(call, arguments[0])
    if name in _COMPLETED:
        return _between(call, arguments)
    if name in _SHIFTS:
        return _shifted(call, arguments)
    return _datetime(arguments) if name == "datetime" else None


def _moments(argument: Enclosure) -> tuple[Whole, Whole, Flags]:
    """Ends as whole numbers, and where they are beyond what those hold."""
    low = np.ceil(np.asarray(argument.low, np.float64))
    high = np.floor(np.asarray(argument.high, np.float64))
    is_beyond = (low < -FARTHEST) | (high > FARTHEST)
    return (
        np.clip(low, -FARTHEST, FARTHEST).astype(np.int64),
        np.clip(high, -FARTHEST, FARTHEST).astype(np.int64),
        is_beyond,
    )


def _days(argument: Enclosure, *, is_datetime: bool) -> tuple[Whole, Whole, Flags]:
    """Ends as days, and where they are outside the calendar."""
    low, high, _ = _moments(argument)
    if is_datetime:
        low, high = low // DAY, high // DAY
    is_outside = (low < FIRST_DAY) | (high > LAST_DAY)
    return np.clip(low, FIRST_DAY, LAST_DAY), np.clip(high, FIRST_DAY, LAST_DAY), is_outside


def _within(
    argument: Enclosure, low: Any, high: Any, is_unknown: Flags, image: tuple[float, float]
) -> Enclosure:
    """Results of a strict function that always has a value."""
    low = np.where(is_unknown, image[0], np.asarray(low, np.float64))
    high = np.where(is_unknown, image[1], np.asarray(high, np.float64))
    return Enclosure(low, high, argument.can_null, argument.can_value)


def _of_date(call: Apply, argument: Enclosure) -> Enclosure:
    name = call.function.name
    is_datetime = name == "date" or call.arguments[0].type.kind is Kind.DATETIME
    low, high, is_outside = _days(argument, is_datetime=is_datetime)
    of_days = type(call.function).of_days  # type: ignore[attr-defined]
    first, last = of_days(low), of_days(high)
    if name in INCREASING:
        return _within(argument, first, last, is_outside, (-np.inf, np.inf))
    cycle_of, image = _CYCLES[name]
    return _within(argument, first, last, is_outside | (cycle_of(low) != cycle_of(high)), image)


def _of_clock(call: Apply, argument: Enclosure) -> Enclosure:
    low, high, is_beyond = _moments(argument)
    cycle, image = _CLOCKS[call.function.name]
    of_moment = type(call.function).of_moment  # type: ignore[attr-defined]
    is_unknown = is_beyond | (low // cycle != high // cycle)
    return _within(argument, of_moment(low), of_moment(high), is_unknown, image)


def _between(call: Apply, arguments: list[Enclosure]) -> Enclosure:
    """Both steps and their clamping keep the order of dates, so the ends give the ends."""
    start_low, start_high, is_start_outside = _days(arguments[0], is_datetime=False)
    end_low, end_high, is_end_outside = _days(arguments[1], is_datetime=False)
    completed = _COMPLETED[call.function.name]
    low, high = completed(start_high, end_low) * 1.0, completed(start_low, end_high) * 1.0
    is_outside = is_start_outside | is_end_outside
    if np.any(is_outside):
        low, high = np.where(is_outside, -np.inf, low), np.where(is_outside, np.inf, high)
    return strict(arguments, low, high)


def _both_ways(
    count: Callable[[Any, Any], Whole], parts: Callable[[Whole], Any]
) -> Callable[[Whole, Whole], Whole]:
    """Completed steps either way, from the parts of dates, which are found before the dates of
    all boxes meet.
    """

    def completed(start: Whole, end: Whole) -> Whole:
        of_start, of_end = parts(start), parts(end)
        found = count(of_start, of_end)
        is_backward = start > end
        return (
            np.where(is_backward, -count(of_end, of_start), found) if is_backward.any() else found
        )

    return completed


def _year_parts(days: Whole) -> tuple[Whole, Whole, NDArray[np.bool_]]:
    year, month, day = calendar.civil(days)
    is_leap = np.asarray(calendar.is_leap(year), np.bool_)
    # 29 February counts as the 28th where the later year is common
    place = year * 384 + month * 32 + day
    return place, place - ((month == 2) & (day == 29)), is_leap


def _count_years(start: Any, end: Any) -> Whole:
    (place, clamped, _), (end_place, _, is_end_leap) = start, end
    is_same = place is clamped or np.array_equal(place, clamped)
    due = place if is_same else np.where(is_end_leap, place, clamped)
    years: Whole = (end_place - due) // 384
    return years


def _count_months(start: Any, end: Any) -> Whole:
    (months, day, _), (end_months, end_day, end_last) = start, end
    count: Whole = end_months - months - (end_day < np.minimum(day, end_last))
    return count


def _month_parts(days: Whole) -> tuple[Whole, Whole, Whole]:
    year, month, day = calendar.civil(days)
    return year * 12 + month, day, calendar.days_in_month(year, month)


_COMPLETED: dict[str, Callable[[Whole, Whole], Whole]] = {
    "years_between": _both_ways(_count_years, _year_parts),
    "months_between": _both_ways(_count_months, _month_parts),
    "days_between": lambda start, end: end - start,
}


def _shifted(call: Apply, arguments: list[Enclosure]) -> Enclosure:
    """Days keep their order under calendar steps, not so times of day where days are clamped."""
    steps, sign = _SHIFTS[call.function.name]
    is_datetime = call.arguments[0].type.kind is Kind.DATETIME
    low, high, is_outside = _days(arguments[0], is_datetime=is_datetime)
    counts = [np.asarray(end, np.float64) for end in (arguments[1].low, arguments[1].high)]
    least, most = (np.clip(sign * c, -MOST_STEPS, MOST_STEPS).astype(np.int64) for c in counts)
    if sign < 0:
        least, most = most, least
    first, last = steps(low, least), steps(high, most)
    fails = is_outside | (first < FIRST_DAY) | (last > LAST_DAY)
    first = np.clip(first, FIRST_DAY, LAST_DAY).astype(np.float64)
    last = np.clip(last, FIRST_DAY, LAST_DAY).astype(np.float64)
    if is_datetime:
        first = np.nextafter(first * DAY, -np.inf)
        last = np.nextafter((last + 1) * DAY, np.inf)
    low, high = np.where(is_outside, -np.inf, first), np.where(is_outside, np.inf, last)
    return strict(arguments, low, high, fails=fails)


def _datetime(arguments: list[Enclosure]) -> Enclosure:
    low = np.asarray(arguments[0].low, np.float64) * DAY
    high = np.asarray(arguments[0].high, np.float64) * DAY
    if len(arguments) > 1:
        low, high = low + arguments[1].low, high + arguments[1].high
    # raw datetimes stay below 2**53 only until 2255; two steps outwards cover the rounding
    for _ in range(2):
        low, high = np.nextafter(low, -np.inf), np.nextafter(high, np.inf)
    return strict(arguments, low, high)
