"""Calendar arithmetic against datetime, numpy, pandas and dateutil; ints against arrays."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given, settings
from hypothesis import strategies as st

from synthdsl.values import calendar, iso
from synthdsl.values.calendar import DAY, FIRST_DAY, LAST_DAY, SECOND

EPOCH = dt.date(1970, 1, 1).toordinal()
QUICK = settings(max_examples=300, deadline=None, database=None, derandomize=True)
leap_ends = st.builds(
    lambda year, shift: dt.date(year, 3, 1).toordinal() - EPOCH + shift,
    st.integers(1900, 2104),
    st.integers(-3, 2),
)
days = st.integers(FIRST_DAY, LAST_DAY) | st.integers(-800, 800) | leap_ends
moments = st.integers(FIRST_DAY * DAY, (LAST_DAY + 1) * DAY - 1)
EVERY_DAY = np.arange(FIRST_DAY, LAST_DAY + 1)


def to_date(days: int) -> dt.date:
    return dt.date.fromordinal(days + EPOCH)


def to_datetime(moment: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=moment)


def test_every_day_of_the_calendar_matches_numpy():
    year, month, day = calendar.civil(EVERY_DAY)
    dates = EVERY_DAY.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    assert (year == dates.astype("datetime64[Y]").astype(np.int64) + 1970).all()
    assert (month == months.astype(np.int64) % 12 + 1).all()
    assert (day == (dates - months).astype(np.int64) + 1).all()
    assert (calendar.days_from_civil(year, month, day) == EVERY_DAY).all()
    for part in (year, month, day):
        assert part.dtype == np.int64


def test_parts_match_pandas():
    some = np.random.default_rng(20260101).integers(-106_000, 106_000, 20_000)
    index = pd.DatetimeIndex(some.astype("datetime64[D]").astype("datetime64[s]"))
    week = index.isocalendar()
    expected = {
        "year": index.year,
        "month": index.month,
        "day": index.day,
        "quarter": index.quarter,
        "day_of_year": index.day_of_year,
        "weekday": index.day_of_week + 1,
        "week": week["week"],
    }
    for name, values in expected.items():
        assert (getattr(calendar, name)(some) == np.asarray(values, np.int64)).all(), name
    ends = (index + pd.offsets.MonthEnd(0)).to_numpy().astype("datetime64[D]").astype(np.int64)
    assert (calendar.end_of_month(some) == ends).all()


@QUICK
@given(days)
def test_parts_of_one_day_match_datetime(day: int):
    date = to_date(day)
    assert calendar.civil(day) == (date.year, date.month, date.day)
    assert calendar.days_from_civil(date.year, date.month, date.day) == day
    assert calendar.week(day) == date.isocalendar()[1]
    assert calendar.weekday(day) == date.isoweekday()
    assert calendar.day_of_year(day) == date.timetuple().tm_yday
    assert to_date(calendar.start_of_month(day)) == date.replace(day=1)
    assert to_date(calendar.start_of_year(day)) == date.replace(month=1, day=1)
    assert iso.format_date(day) == date.isoformat()
    assert iso.parse_date(date.isoformat()) == day


@QUICK
@given(moments)
def test_parts_of_a_moment_match_datetime(moment: int):
    expected = to_datetime(moment)
    assert to_date(calendar.date_of(moment)) == expected.date()
    assert calendar.hour(moment) == expected.hour
    assert calendar.minute(moment) == expected.minute
    assert calendar.second(moment) == expected.second
    assert calendar.datetime_at(calendar.date_of(moment), calendar.time_of(moment)) == moment
    assert iso.format_datetime(moment) == expected.isoformat()
    assert iso.parse_datetime(expected.isoformat()) == moment
    assert iso.format_time(calendar.time_of(moment)) == expected.time().isoformat()


@QUICK
@given(days, st.integers(-1500, 1500))
def test_steps_match_dateutil(day: int, n: int):
    for step, delta in (
        (calendar.add_months, relativedelta(months=n)),
        (calendar.add_years, relativedelta(years=n)),
    ):
        try:
            expected = (to_date(day) + delta).toordinal() - EPOCH
        except (ValueError, OverflowError):
            assert not calendar.is_in_range(step(day, n))
        else:
            assert step(day, n) == expected
    assert calendar.years_before(day, n) == calendar.add_years(day, -n)


@QUICK
@given(days, days)
def test_completed_steps_match_dateutil_and_their_definition(a: int, b: int):
    a, b = min(a, b), max(a, b)
    delta = relativedelta(to_date(b), to_date(a))
    assert calendar.years_between(a, b) == delta.years
    assert calendar.months_between(a, b) == delta.years * 12 + delta.months
    assert calendar.years_between(b, a) == -delta.years
    assert calendar.months_between(b, a) == -(delta.years * 12 + delta.months)
    assert calendar.days_between(b, a) == a - b
    for between, add in (
        (calendar.years_between, calendar.add_years),
        (calendar.months_between, calendar.add_months),
    ):
        n = between(a, b)
        assert add(a, n) <= b < add(a, n + 1)


TWO_ARGUMENTS = ("years_between", "months_between", "days_between", "add_months", "add_years")
ONE_ARGUMENT = (
    *("year", "month", "day", "quarter", "weekday", "day_of_year", "week", "start_of_year"),
    *("start_of_month", "end_of_month", "is_in_range"),
)


@pytest.mark.parametrize("name", [*ONE_ARGUMENT, *TWO_ARGUMENTS])
def test_arrays_agree_with_ints(name: str):
    rng = np.random.default_rng(7)
    function = getattr(calendar, name)
    a = np.concatenate([rng.integers(FIRST_DAY, LAST_DAY, 300), rng.integers(-4000, 40_000, 300)])
    if name in ONE_ARGUMENT:
        assert function(a).tolist() == [function(x) for x in a.tolist()]
        return
    b = rng.integers(-900, 900, a.size) + (0 if name.startswith("add") else a)
    pairs = zip(a.tolist(), b.tolist(), strict=True)
    assert function(a, b).tolist() == [function(x, y) for x, y in pairs]
    assert function(a, 59).tolist() == [function(x, 59) for x in a.tolist()]
    assert function(59, b).tolist() == [function(59, y) for y in b.tolist()]


@pytest.mark.parametrize("name", ["date_of", "time_of", "hour", "minute", "second"])
def test_arrays_of_moments_agree_with_ints(name: str):
    function = getattr(calendar, name)
    a = np.random.default_rng(8).integers(FIRST_DAY * DAY, LAST_DAY * DAY, 500)
    assert function(a).tolist() == [function(x) for x in a.tolist()]


def test_birthdays_of_29_february():
    born, eve, day = map(iso.parse_date, ("2000-02-29", "2026-02-27", "2026-02-28"))
    assert calendar.years_between(born, eve) == 25
    assert calendar.years_between(born, day) == 26
    leap_eve = iso.parse_date("2024-02-28")
    assert calendar.years_between(born, leap_eve) == 23


# Text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("P1D", DAY),
        ("P2W", 14 * DAY),
        ("PT0S", 0),
        ("-PT1.5S", -1_500_000),
        ("P1DT2H3M4S", DAY + 7384 * SECOND),
        ("PT36H", DAY + 43_200 * SECOND),
    ],
)
def test_durations_read(text: str, microseconds: int):
    assert iso.parse_duration(text) == microseconds
    assert iso.parse_duration(iso.format_duration(microseconds)) == microseconds


@QUICK
@given(st.integers(-(2**53), 2**53))
def test_durations_round_trip(microseconds: int):
    text = iso.format_duration(microseconds)
    assert iso.parse_duration(text) == microseconds
    assert pd.Timedelta(text) == pd.Timedelta(microseconds, unit="us")


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        *((iso.parse_date, t) for t in ("2025-02-29", "2026-13-01", "2026-00-10", "0000-01-01")),
        *((iso.parse_date, t) for t in ("26-01-01", "2026-1-1", "2026-01-01 ", "２０２６-01-01")),
        *((iso.parse_time, t) for t in ("24:00:00", "08:60", "8:30", "08:30:61", "08:30:00.")),
        *((iso.parse_datetime, t) for t in ("2026-01-01", "2026-01-01 08:30:00", "2026-01-01T")),
        *((iso.parse_datetime, t) for t in ("2026-01-01T08:30:00Z", "2026-02-30T00:00:00")),
        *((iso.parse_duration, t) for t in ("P", "PT", "P1Y", "P1M", "1D", "P1DT", "P1.5D", "-P")),
    ],
)
def test_what_is_no_date(parse, text: str):
    with pytest.raises(ValueError, match=r"`.*`"):
        parse(text)


def test_writing_many_agrees_with_writing_one():
    rng = np.random.default_rng(9)
    some_days = np.concatenate([[FIRST_DAY, LAST_DAY, 0], rng.integers(FIRST_DAY, LAST_DAY, 500)])
    times = rng.integers(0, DAY, some_days.size)
    times[::2] -= times[::2] % SECOND
    spans = rng.integers(-(2**53), 2**53, 500)
    spans[::2] -= spans[::2] % SECOND
    spans = np.concatenate([spans, [0, 1, -1, DAY, SECOND, -DAY]])
    for many, one, values in (
        (iso.format_dates, iso.format_date, some_days),
        (iso.format_times, iso.format_time, times),
        (iso.format_times, iso.format_time, times // SECOND * SECOND),
        (iso.format_datetimes, iso.format_datetime, some_days * DAY + times),
        (iso.format_durations, iso.format_duration, spans),
    ):
        assert many(values).to_pylist() == [one(value) for value in values.tolist()]
