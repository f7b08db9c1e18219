"""Calendar arithmetic on raw dates and datetimes, for Python ints and numpy arrays alike.

Dates are days since 1970-01-01, datetimes and times of day microseconds (`values.types`), in the
proleptic Gregorian calendar, years 0001 to 9999. Every function takes a Python int (and then
never loads numpy) or an int64 array, and returns the same; where it takes two, one may be an
int and the other an array.

Two rules hold wherever a step lands on a day that its month does not have:

- *Clamping*: months and years are added to the calendar month, and a day beyond the month's
  end becomes its last day: 2024-01-31 plus one month is 2024-02-29.
- *Completed steps*: `years_between(a, b)`, for a <= b, is the largest n with `a` plus n years
  <= b. So somebody born on 29 February has birthdays on 28 February in common years.
  Exchanging the arguments changes the sign only.

Conversion between days and civil dates: Neri and Schneider, "Euclidean affine functions and
their application to calendar algorithms", Software: Practice and Experience 53(4), 2023,
figures 12 and 13; all intermediate values fit 32 bits save one product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = lazy("numpy")

Whole: TypeAlias = Any
"""A Python int, or an (n,) int64 numpy array."""

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
"""Microseconds in each."""

FIRST_DAY = -719_162
LAST_DAY = 2_932_896
"""0001-01-01 and 9999-12-31."""

_CYCLE = 146_097
"""Days in 400 years."""
_SHIFT_CYCLES = 20
_SHIFT = 719_468 + _SHIFT_CYCLES * _CYCLE
"""Days from 1 March of a year far before year 1, so that every intermediate is positive."""
_SHIFT_YEARS = 400 * _SHIFT_CYCLES


# Days and civil dates -----------------------------------------------------------------------


def civil(days: Whole) -> tuple[Whole, Whole, Whole]:
    """Year, month (1 to 12) and day of the month (1 to 31)."""
    if isinstance(days, int):
        return _civil_of_one(days)
    century, rest = _centuries(days)
    product = rest.astype(np.uint64)
    product *= np.uint64(2_939_745)
    # The top half counts years in the century, the bottom half is the place within the year.
    top = (product >> np.uint64(32)).astype(np.uint32)
    bottom = product.astype(np.uint32)
    day_of_year = bottom // np.uint32(2_939_745 * 4)
    position = day_of_year * np.uint32(2141)
    position += np.uint32(197_913)
    is_late = day_of_year >= np.uint32(306)
    month = position >> np.uint32(16)
    month -= is_late * np.uint32(12)
    position &= np.uint32(0xFFFF)
    position //= np.uint32(2141)
    position += np.uint32(1)
    century *= np.uint32(100)
    century += top
    century += is_late
    year = century.astype(np.int64)
    year -= _SHIFT_YEARS
    return year, month.astype(np.int64), position.astype(np.int64)


def _centuries(days: NDArray[np.int64]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Centuries since the shifted epoch, and 4 days + 3 within the century."""
    quadrupled = (days + _SHIFT).astype(np.uint32)
    quadrupled *= np.uint32(4)
    quadrupled += np.uint32(3)
    century = quadrupled // np.uint32(_CYCLE)
    quadrupled -= century * np.uint32(_CYCLE)
    quadrupled |= np.uint32(3)
    return century, quadrupled


def _civil_of_one(days: int) -> tuple[int, int, int]:
    century, rest = divmod(4 * (days + _SHIFT) + 3, _CYCLE)
    year, place = divmod(2_939_745 * (rest | 3), 2**32)
    day_of_year = place // 2_939_745 // 4
    month, day = divmod(2141 * day_of_year + 197_913, 2**16)
    is_late = day_of_year >= 306
    year += 100 * century + is_late - _SHIFT_YEARS
    return year, month - 12 if is_late else month, day // 2141 + 1


def days_from_civil(year: Whole, month: Whole, day: Whole) -> Whole:
    """Days since 1970-01-01 of a civil date whose month is 1 to 12; the day may overflow."""
    is_early = month <= 2
    shifted = year + _SHIFT_YEARS - is_early
    late_month = month + 12 * is_early
    century = shifted // 100
    start_of_year = 1461 * shifted // 4 - century + century // 4
    return start_of_year + (979 * late_month - 2919) // 32 + (day - 1) - _SHIFT


def is_leap(year: Whole) -> Any:
    """Whether a year has 366 days: bool or (n,) bool."""
    if isinstance(year, int):
        return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    # A multiple of 25 is one of 400 where it is one of 16, else no leap year's.
    # Dividing is vectorised where taking the remainder is not.
    is_25th = year // 25 * 25 == year
    return (year & (3 + 12 * is_25th)) == 0


def days_in_month(year: Whole, month: Whole) -> Whole:
    """Number of days of a month, 28 to 31."""
    # Bit 0 of (month ^ month >> 3) tells the long months: 1 3 5 7 8 10 12.
    usual = 30 + ((month ^ (month >> 3)) & 1)
    return usual - (month == 2) * (2 - is_leap(year))


# Parts of a date ----------------------------------------------------------------------------


def year(days: Whole) -> Whole:
    """Calendar year."""
    return civil(days)[0]


def month(days: Whole) -> Whole:
    """Month of the year, 1 to 12."""
    return civil(days)[1]


def day(days: Whole) -> Whole:
    """Day of the month, 1 to 31."""
    return civil(days)[2]


def quarter(days: Whole) -> Whole:
    """Quarter of the year, 1 to 4."""
    return (civil(days)[1] + 2) // 3


def weekday(days: Whole) -> Whole:
    """ISO day of the week, 1 (Monday) to 7 (Sunday)."""
    return days - (days + 3) // 7 * 7 + 4


def day_of_year(days: Whole) -> Whole:
    """Day of the year, 1 to 366."""
    return days - start_of_year(days) + 1


def week(days: Whole) -> Whole:
    """ISO 8601 week, 1 to 53: week 1 is the one that holds the year's first Thursday."""
    thursday = (days + 3) // 7 * 7
    return (thursday - start_of_year(thursday)) // 7 + 1


def start_of_year(days: Whole) -> Whole:
    """1 January of the year."""
    return days_from_civil(civil(days)[0], 1, 1)


def start_of_month(days: Whole) -> Whole:
    """First day of the month."""
    return days - civil(days)[2] + 1


def end_of_month(days: Whole) -> Whole:
    """Last day of the month."""
    of_year, of_month, of_day = civil(days)
    return days + (days_in_month(of_year, of_month) - of_day)


# Parts of a datetime and of a time of day ---------------------------------------------------


def date_of(moment: Whole) -> Whole:
    """The date of a datetime."""
    return moment // DAY


def time_of(moment: Whole) -> Whole:
    """The time of day of a datetime, in microseconds since midnight."""
    return moment - moment // DAY * DAY


def hour(moment: Whole) -> Whole:
    """Hour, 0 to 23, of a datetime or a time of day."""
    return time_of(moment) // HOUR


def minute(moment: Whole) -> Whole:
    """Minute, 0 to 59, of a datetime or a time of day."""
    minutes = moment // MINUTE
    return minutes - minutes // 60 * 60


def second(moment: Whole) -> Whole:
    """Whole second, 0 to 59, of a datetime or a time of day."""
    seconds = moment // SECOND
    return seconds - seconds // 60 * 60


def datetime_at(days: Whole, time: Whole = 0) -> Whole:
    """The datetime of a date and a time of day."""
    return days * DAY + time


# Steps --------------------------------------------------------------------------------------


def add_months(days: Whole, months: Whole) -> Whole:
    """The date `months` calendar months later (earlier where negative), clamped.

    The result may lie outside the years 0001 to 9999; see `is_in_range`.
    """
    of_year, of_month, of_day = civil(days)
    index = of_year * 12 + (of_month - 1) + months
    new_year = index // 12
    new_month = index - new_year * 12 + 1
    last = days_in_month(new_year, new_month)
    return days_from_civil(new_year, new_month, _least(of_day, last))


def add_years(days: Whole, years: Whole) -> Whole:
    """The date `years` calendar years later; 29 February becomes 28 in common years."""
    of_year, of_month, of_day = civil(days)
    new_year = of_year + years
    # `== 0` negates bools and arrays alike.
    is_clamped = (of_month == 2) & (of_day == 29) & (is_leap(new_year) == 0)
    return days_from_civil(new_year, of_month, of_day - is_clamped)


def years_before(days: Whole, years: Whole) -> Whole:
    """The date `years` calendar years earlier."""
    return add_years(days, -years)


def is_in_range(days: Whole) -> Any:
    """Whether dates lie in the years 0001 to 9999: bool or (n,) bool."""
    return (days >= FIRST_DAY) & (days <= LAST_DAY)


def years_between(start: Whole, end: Whole) -> Whole:
    """Completed calendar years from one date to another; negative where `end` is earlier."""
    a, b, sign = _ordered(start, end)
    (year_a, month_a, day_a), (year_b, month_b, day_b) = civil(a), civil(b)
    place_a, place_b = month_a * 32 + day_a, month_b * 32 + day_b
    # 29 February counts as the 28th where the later year is common.
    is_clamped = (place_a == 93) & (place_b == 92) & (is_leap(year_b) == 0)
    return sign * (year_b - year_a - ((place_b < place_a) & (is_clamped == 0)))


def months_between(start: Whole, end: Whole) -> Whole:
    """Completed calendar months from one date to another; negative where `end` is earlier."""
    a, b, sign = _ordered(start, end)
    (year_a, month_a, day_a), (year_b, month_b, day_b) = civil(a), civil(b)
    day_due = _least(day_a, days_in_month(year_b, month_b))
    return sign * ((year_b - year_a) * 12 + (month_b - month_a) - (day_b < day_due))


def days_between(start: Whole, end: Whole) -> Whole:
    """Days from one date to another; negative where `end` is earlier."""
    return end - start


def _ordered(a: Whole, b: Whole) -> tuple[Whole, Whole, Whole]:
    """The earlier, the later, and -1 where they were exchanged (else 1)."""
    if isinstance(a, int) and isinstance(b, int):
        return (a, b, 1) if a <= b else (b, a, -1)
    is_exchanged = a > b
    if not is_exchanged.any():
        return a, b, 1
    return np.minimum(a, b), np.maximum(a, b), 1 - 2 * is_exchanged.astype(np.int64)


def _least(a: Whole, b: Whole) -> Whole:
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else np.minimum(a, b)
