"""ISO 8601 text of dates, datetimes, times and durations: reading, writing, writing in bulk.

The canonical forms are `2026-01-01`, `2026-01-01T08:30:00`, `08:30:00` and `P1DT2H30M`; a
fraction of a second is written with six digits and only where it is not zero. Reading accepts
one to six digits of fraction and seconds left out, and nothing looser: no other separators,
no two-digit years, no text around.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from synthdsl.lazy import lazy
from synthdsl.values.arrays import booleans, numbers
from synthdsl.values.calendar import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    civil,
    days_from_civil,
    days_in_month,
)

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from numpy.typing import NDArray
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")

_DATE = r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
_TIME = (
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<part>[0-9]{1,6}))?)?"
)
_DATE_TEXT = re.compile(_DATE)
_TIME_TEXT = re.compile(_TIME)
_DATETIME_TEXT = re.compile(f"{_DATE}T{_TIME}")
_DURATION_TEXT = re.compile(
    r"(?P<sign>-?)P(?:(?P<weeks>[0-9]{1,6})W)?(?:(?P<days>[0-9]{1,7})D)?"
    r"(?P<time>T(?:(?P<hours>[0-9]{1,9})H)?(?:(?P<minutes>[0-9]{1,9})M)?"
    r"(?:(?P<seconds>[0-9]{1,12})(?:\.(?P<part>[0-9]{1,6}))?S)?)?"
)


# Reading ------------------------------------------------------------------------------------


def parse_date(text: str) -> int:
    """Days since 1970-01-01. Raises `ValueError` with the reason."""
    return _days(_match(_DATE_TEXT, text, "a date", "2026-01-31"), text)


def parse_time(text: str) -> int:
    """Microseconds since midnight. Raises `ValueError` with the reason."""
    return _microseconds(_match(_TIME_TEXT, text, "a time", "08:30:00"), text)


def parse_datetime(text: str) -> int:
    """Microseconds since 1970-01-01T00:00:00. Raises `ValueError` with the reason."""
    match = _match(_DATETIME_TEXT, text, "a datetime", "2026-01-31T08:30:00")
    return _days(match, text) * DAY + _microseconds(match, text)


def parse_duration(text: str) -> int:
    """Microseconds of `P4D`, `PT1H30M`, `P2W`. Raises `ValueError` with the reason.

    Years and months are refused: they have no fixed length.
    """
    match = _match(_DURATION_TEXT, text, "a duration", "P1DT2H30M")
    count = {name: int(match[name] or 0) for name in ("weeks", "days", "hours", "minutes")}
    has_amount = any(match[name] for name in (*count, "seconds"))
    if not has_amount or match["time"] == "T":
        raise ValueError(f"`{text}` is not a duration such as `P1DT2H30M`")
    total = (count["weeks"] * 7 + count["days"]) * DAY
    total += count["hours"] * HOUR + count["minutes"] * MINUTE
    total += int(match["seconds"] or 0) * SECOND + _part(match)
    return -total if match["sign"] else total


def _match(pattern: re.Pattern[str], text: str, what: str, such_as: str) -> re.Match[str]:
    match = pattern.fullmatch(text)
    if match is None:
        raise ValueError(f"`{text}` is not {what} such as `{such_as}`")
    return match


def _days(match: re.Match[str], text: str) -> int:
    year, month, day = int(match["year"]), int(match["month"]), int(match["day"])
    if year < 1:
        raise ValueError(f"`{text}`: years run from 0001 to 9999")
    if not 1 <= month <= 12:
        raise ValueError(f"`{text}`: there is no month {month}")
    last = days_in_month(year, month)
    if not 1 <= day <= last:
        raise ValueError(f"`{text}`: {year:04}-{month:02} has {last} days")
    days: int = days_from_civil(year, month, day)
    return days


def _microseconds(match: re.Match[str], text: str) -> int:
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"`{text}`: a time of day runs from 00:00:00 to 23:59:59.999999")
    return hour * HOUR + minute * MINUTE + second * SECOND + _part(match)


def _part(match: re.Match[str]) -> int:
    return int((match["part"] or "0").ljust(6, "0"))


# Writing one --------------------------------------------------------------------------------


def format_date(days: int) -> str:
    """`2026-01-31`."""
    year, month, day = civil(days)
    return f"{year:04}-{month:02}-{day:02}"


def format_time(microseconds: int) -> str:
    """`08:30:00`, or `08:30:00.250000`."""
    seconds, part = divmod(microseconds, SECOND)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{part:06}" if part else text


def format_datetime(microseconds: int) -> str:
    """`2026-01-31T08:30:00`, or with a fraction."""
    days, rest = divmod(microseconds, DAY)
    return f"{format_date(days)}T{format_time(rest)}"


def format_duration(microseconds: int) -> str:
    """`P1DT2H30M`, parts that are zero left out; `PT0S` for none."""
    sign = "-" if microseconds < 0 else ""
    days, rest = divmod(abs(microseconds), DAY)
    text = f"{days}D" if days else ""
    clock = "".join(
        f"{amount}{letter}"
        for amount, letter in ((rest // HOUR, "H"), (rest // MINUTE % 60, "M"))
        if amount
    )
    seconds, part = divmod(rest % MINUTE, SECOND)
    if seconds or part or not (days or clock):
        clock += f"{seconds}.{part:06}S" if part else f"{seconds}S"
    return f"{sign}P{text}" + (f"T{clock}" if clock else "")


# Writing many -------------------------------------------------------------------------------


def format_dates(days: NDArray[np.int64]) -> pa.StringArray:
    """`format_date` of each, as an Arrow string array."""
    return numbers(days.astype(np.int32)).view(pa.date32()).cast(pa.string())


def format_times(microseconds: NDArray[np.int64]) -> pa.StringArray:
    """`format_time` of each, as an Arrow string array."""
    seconds = microseconds // SECOND
    part = microseconds - seconds * SECOND
    whole = numbers(seconds.astype(np.int32)).view(pa.time32("s")).cast(pa.string())
    if not part.any():
        return whole
    exact = numbers(microseconds).view(pa.time64("us")).cast(pa.string())
    return pc.if_else(booleans(part != 0), exact, whole)


def format_datetimes(microseconds: NDArray[np.int64]) -> pa.StringArray:
    """`format_datetime` of each, as an Arrow string array."""
    days = microseconds // DAY
    dates, times = format_dates(days), format_times(microseconds - days * DAY)
    return pc.binary_join_element_wise(dates, times, "T")


def format_durations(microseconds: NDArray[np.int64]) -> pa.StringArray:
    """`format_duration` of each, as an Arrow string array."""
    size = np.abs(microseconds)
    days = size // DAY
    rest = size - days * DAY
    hours, minutes = rest // HOUR, rest // MINUTE % 60
    seconds, part = rest // SECOND % 60, rest % SECOND
    has_seconds = (seconds != 0) | (part != 0) | (size == 0)
    has_clock = (hours != 0) | (minutes != 0) | has_seconds
    fraction = _where(part != 0, _join(".", pc.utf8_lpad(_digits(part), 6, "0")))
    return _join(
        _where(microseconds < 0, "-"),
        "P",
        _where(days != 0, _join(_digits(days), "D")),
        _where(has_clock, "T"),
        _where(hours != 0, _join(_digits(hours), "H")),
        _where(minutes != 0, _join(_digits(minutes), "M")),
        _where(has_seconds, _join(_digits(seconds), fraction, "S")),
    )


def _digits(whole: NDArray[np.int64]) -> pa.StringArray:
    return numbers(whole).cast(pa.string())


def _where(condition: NDArray[np.bool_], text: Any) -> pa.StringArray:
    return pc.if_else(booleans(condition), text, "")


def _join(*parts: Any) -> pa.StringArray:
    return pc.binary_join_element_wise(*parts, "")
