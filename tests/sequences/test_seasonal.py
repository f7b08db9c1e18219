"""`seasonal`: its law against Python's own calendar, thinning, and closed forms."""

from datetime import date, datetime, timedelta
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats
from sequence_oracles import (
    ALPHA,
    DAY,
    as_moments,
    counts_pvalue,
    days,
    micros,
    uniform_pvalue,
    uniforms,
)

import synthdsl
from synthdsl.distributions import DISTRIBUTIONS
from synthdsl.distributions._calendar_rates import GUIDES, MANY, CalendarRates
from synthdsl.distributions.truncation import interval_mass, truncated_quantile

SEASONAL = DISTRIBUTIONS.get("seasonal")
DATES = SEASONAL.on_clock(1).on_grid(Fraction(1))
TIMES = SEASONAL.on_grid(Fraction(1_000_000))
MONTHS = [3, 2, 1, 1, 1, 1, 0.5, 0.5, 1, 1, 2, 3]
WEEKDAYS = [5, 5, 5, 5, 4, 1, 0]
HOURS = [0] * 7 + [1, 4, 6, 6, 5, 3, 4, 5, 5, 4, 2, 1] + [0.25] * 5


def rate(moment, months=MONTHS, weekdays=WEEKDAYS, hours=None):
    result = months[moment.month - 1] * weekdays[moment.weekday()]
    return result if hours is None else result * hours[moment.hour]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2024, 2, 20), date(2024, 3, 10)),
        (date(1969, 12, 1), date(1970, 2, 1)),
        (date(1899, 11, 1), date(1903, 5, 2)),
        (date(2369, 6, 1), date(2370, 8, 1)),
        (date(1, 1, 1), date(3, 2, 1)),
        (date(2025, 7, 1), date(2025, 7, 1)),
    ],
)
def test_dates_have_the_shares_that_the_calendar_gives(first, last):
    low, high = ((d - date(1970, 1, 1)).days for d in (first, last))
    params = DATES.forms[0].canonical(low, high, MONTHS, WEEKDAYS)
    value = np.arange(low, high + 1.0)
    rates = np.array([rate(first + timedelta(days=k)) for k in range(len(value))])
    shares = rates / rates.sum()
    found = np.exp(DATES.log_density(value, *params))
    np.testing.assert_allclose(found, shares, rtol=1e-9, atol=1e-18)
    np.testing.assert_allclose(DATES.cdf(value, *params), np.cumsum(shares), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        DATES.survival(value - 0.5, *params), np.cumsum(shares[::-1])[::-1], rtol=1e-9, atol=1e-12
    )
    assert DATES.mean(*params) == pytest.approx((value * shares).sum(), rel=1e-12)
    spread = np.sqrt(((value - (value * shares).sum()) ** 2 * shares).sum())
    assert DATES.sd(*params) == pytest.approx(spread, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("distribution", [DATES, TIMES], ids=["dates", "datetimes"])
def test_a_quantile_is_the_first_value_that_reaches_its_level(distribution):
    day = 1 if distribution is DATES else DAY
    step = 1 if distribution is DATES else 1_000_000
    lists = (MONTHS, WEEKDAYS) if distribution is DATES else (MONTHS, WEEKDAYS, HOURS)
    ends = days(2020, 1, 5) * day, days(2022, 11, 2) * day
    params = distribution.forms[0].canonical(*ends, *lists)
    u = uniforms(40_000)
    x = distribution.quantile(u, *params)
    assert (np.mod(x, step) == 0).all() and x.min() >= ends[0] and x.max() <= ends[1]
    near = 1e-11
    assert (distribution.cdf(x, *params) >= u - near).all()
    assert (distribution.cdf(x - step, *params) <= u + near).all()
    np.testing.assert_array_equal(distribution.survival_quantile(1 - u, *params), x)


def test_moments_without_a_rate_never_occur():
    params = TIMES.forms[0].canonical(
        micros(2021, 1, 2), micros(2022, 12, 31), MONTHS, WEEKDAYS, HOURS
    )
    edges = TIMES.cdf(np.arange(params[0], params[1], DAY / 24), *params)
    # levels at and around the ends of every hour, where rounding would show
    levels = np.unique(np.clip(np.concatenate([edges - 1e-16, edges, edges + 1e-16]), 1e-17, None))
    levels = np.concatenate([levels[levels < 1], uniforms(50_000)])
    x = as_moments(TIMES.quantile(levels, *params))
    weekday = (x.astype("datetime64[D]").astype(int) + 3) % 7
    hour = x.astype("datetime64[h]").astype(int) % 24
    assert np.array(WEEKDAYS)[weekday].min() > 0
    assert np.array(HOURS)[hour].min() > 0


def by_part(values):
    """Months, weekdays and hours of datetimes, each from 0."""
    month = values.astype("datetime64[M]").astype(int) % 12
    weekday = (values.astype("datetime64[D]").astype(int) + 3) % 7
    return month, weekday, values.astype("datetime64[h]").astype(int) % 24


def part_pvalues(values, low, high, hours=HOURS):
    """Of month, weekday and hour, against rates added up hour by hour."""
    expected = np.zeros(12), np.zeros(7), np.zeros(24)
    moment = low
    while moment < high:
        weight = rate(moment, hours=hours)
        for table, at in zip(
            expected, (moment.month - 1, moment.weekday(), moment.hour), strict=True
        ):
            table[at] += weight
        moment += timedelta(hours=1)
    found = [
        np.bincount(p, minlength=len(e)) for p, e in zip(by_part(values), expected, strict=True)
    ]
    return [counts_pvalue(f, e) for f, e in zip(found, expected, strict=True)]


def test_months_weekdays_and_hours_have_their_shares_and_a_shift_is_caught():
    low, high = datetime(2021, 3, 1), datetime(2023, 9, 15)
    ends = micros(2021, 3, 1), micros(2023, 9, 15) - 1_000_000
    params = TIMES.forms[0].canonical(*ends, MONTHS, WEEKDAYS, HOURS)
    values = as_moments(TIMES.quantile(uniforms(60_000, seed=1), *params))
    assert min(part_pvalues(values, low, high)) > ALPHA
    # Tuesday first instead of Monday, and an hour too late
    shifted = TIMES.forms[0].canonical(*ends, MONTHS, WEEKDAYS[1:] + WEEKDAYS[:1], HOURS)
    wrong = TIMES.quantile(uniforms(60_000, seed=1), *shifted)
    weekday = by_part(as_moments(wrong))[1]
    right = np.bincount(by_part(values)[1], minlength=7) / len(values)
    assert abs(np.bincount(weekday, minlength=7) / len(wrong) - right).max() > 0.05
    late = TIMES.forms[0].canonical(*ends, MONTHS, WEEKDAYS, HOURS[-1:] + HOURS[:-1])
    hour = by_part(as_moments(TIMES.quantile(uniforms(60_000, seed=1), *late)))[2]
    assert (np.array(HOURS)[hour] == 0).any()


def test_it_agrees_with_thinning():
    """Lewis and Shedler: points of a homogeneous process, kept in proportion to their rate."""
    low, high = datetime(2024, 1, 1), datetime(2024, 7, 1)
    span = (high - low) / timedelta(microseconds=1)
    rng = np.random.Generator(np.random.Philox(5))
    tried = micros(2024, 1, 1) + np.floor(rng.random(400_000) * span / 1e6) * 1e6
    month, weekday, hour = by_part(as_moments(tried))
    weight = np.array(MONTHS)[month] * np.array(WEEKDAYS)[weekday] * np.array(HOURS)[hour]
    kept = tried[rng.random(len(tried)) * max(MONTHS) * max(WEEKDAYS) * max(HOURS) < weight]
    params = TIMES.forms[0].canonical(
        micros(2024, 1, 1), micros(2024, 7, 1) - 1_000_000, MONTHS, WEEKDAYS, HOURS
    )
    drawn = TIMES.quantile(uniforms(len(kept), seed=2), *params)
    assert len(kept) > 20_000
    assert stats.ks_2samp(kept, drawn).pvalue > ALPHA
    flat = TIMES.forms[0].canonical(*params[:2], MONTHS, WEEKDAYS)
    wrong = TIMES.quantile(uniforms(len(kept), seed=2), *flat)
    assert stats.ks_2samp(kept % DAY, wrong % DAY).pvalue < ALPHA


def test_ends_by_row_each_have_their_own_law():
    rows = 30_000
    low = micros(1950, 1, 1) + np.floor(uniforms(rows, 3) * 50 * 365.25 * 86_400) * 1e6
    high = low + np.floor(uniforms(rows, 4) * 8 * 365.25 * 86_400) * 1e6 + 3 * DAY
    params = SEASONAL.forms[0].canonical(low, high, MONTHS, WEEKDAYS, HOURS)
    u = uniforms(rows, 5)
    x = SEASONAL.quantile(u, *params)
    assert (x >= low).all() and (x <= high).all()
    np.testing.assert_allclose(SEASONAL.cdf(x, *params), u, atol=1e-9)
    part = SEASONAL.quantile(u[100:200], *(p[100:200] for p in params[:2]), *params[2:])
    np.testing.assert_array_equal(part, x[100:200])


def test_truncation_is_conditioning():
    low, high = days(2020, 1, 1), days(2024, 12, 31)
    params = DATES.forms[0].canonical(low, high, MONTHS, WEEKDAYS)
    first, last = days(2021, 6, 3), days(2022, 2, 1)
    value = np.arange(low, high + 1.0)
    shares = np.exp(DATES.log_density(value, *params))
    inside = (value >= first) & (value <= last)
    mass = interval_mass(DATES, params, first - 0.5, last + 0.5)
    assert mass == pytest.approx(shares[inside].sum(), rel=1e-9)
    x = truncated_quantile(DATES, params, uniforms(40_000, 6), first - 0.5, last + 0.5)
    found = np.bincount((np.rint(x) - first).astype(int), minlength=last - first + 1)
    assert counts_pvalue(found, shares[inside]) > ALPHA


@pytest.mark.parametrize("step", [1, 900, 2 * 3600, 24 * 3600, 420])
def test_every_grid_of_datetimes_has_the_weight_of_its_steps(step):
    distribution = SEASONAL.on_grid(Fraction(step * 1_000_000))
    ends = micros(2024, 3, 1), micros(2024, 3, 9)
    params = distribution.forms[0].canonical(*ends, MONTHS, WEEKDAYS, HOURS)
    x = distribution.quantile(uniforms(20_000, 7), *params)
    assert (np.mod(x, step * 1e6) == 0).all()
    value = np.unique(x)
    exact = SEASONAL.forms[0].canonical(
        params[0], params[1] + step * 1_000_000, MONTHS, WEEKDAYS, HOURS
    )
    mass = SEASONAL.cdf(value + step * 1e6, *exact) - SEASONAL.cdf(value, *exact)
    np.testing.assert_allclose(
        np.exp(distribution.log_density(value, *params)), mass, rtol=1e-6, atol=1e-12
    )
    assert uniform_pvalue(SEASONAL.cdf(x + uniforms(20_000, 8) * step * 1e6, *exact)) > ALPHA or (
        step >= 3600  # hours differ inside such steps
    )


def test_the_last_date_counts_and_rates_left_out_are_even():
    params = DATES.forms[0].canonical(days(2025, 6, 2), days(2025, 6, 8), 1.0, 1.0)
    np.testing.assert_allclose(np.exp(DATES.log_density(np.arange(7) + params[0], *params)), 1 / 7)
    assert [p.default for p in DATES.forms[0].parameters] == [None, None, 1.0, 1.0]


@pytest.mark.parametrize(
    "values",
    [
        (5.0, 4.0, 1.0, 1.0),
        (0.0, 9.0, [1.0] * 11, 1.0),
        (0.0, 9.0, 1.0, [1.0] * 8),
        (0.0, 9.0, 1.0, [1, 1, 1, 1, 1, 1, -1]),
        (0.0, 9.0, [0] * 12, 1.0),
        (0.0, 9.0, [0] + [1] * 11, 1.0),  # January has no rate
        (3.0, 3.0, 1.0, [1, 1, 1, 1, 1, 1, 0]),  # a Sunday
        (0.0, 9.0, [float("inf")] + [1] * 11, 1.0),
    ],
)
def test_requirements_refuse(values):
    requirements = DATES.forms[0].requirements
    assert not all(np.all(r.holds(*values)) for r in requirements)
    rows = tuple(np.full(3, v) if isinstance(v, float) and v != 1.0 else v for v in values)
    assert not all(np.all(r.holds(*rows)) for r in requirements)


@pytest.mark.parametrize(
    ("months", "weekdays"),
    [
        ([1] * 12, [1] * 7),
        (MONTHS, WEEKDAYS),
        ([0] * 11 + [1], [1] * 7),
        ([1] * 12, [0, 0, 0, 1, 0, 0, 0]),
        ([1] * 12, [1, 1, 1, 1, 1, 1, 0.001]),
        ([1, 1e-9] * 6, [1] * 7),
    ],
)
def test_the_indexed_search_finds_what_a_search_finds(months, weekdays):
    rates = CalendarRates(tuple(map(float, months)), tuple(map(float, weekdays)), (1.0,) * 24)
    whole = np.append(rates.below[np.flatnonzero(rates.rates)], rates.period)
    ends = [uniforms(200_000, 9) * rates.period, whole[1:]]
    ends += [np.nextafter(whole[1:], 0), np.nextafter(whole[:-1], np.inf)]
    ends += [np.arange(1, GUIDES) * (rates.period / GUIDES)]
    weight = np.concatenate(ends)
    day, part = rates.day_at(weight)
    assert len(weight) / 800 < MANY < len(weight)
    few = np.concatenate([rates.day_at(w)[0] for w in np.array_split(weight, 800)])
    np.testing.assert_array_equal(day, few)
    assert (rates.rate(day) > 0).all() and (part > 0).all() and (part <= 1).all()


def test_ends_may_be_named():
    text = (
        "language 1\ntable t [50] {\n"
        "  x: date ~ seasonal(from: 2020-01-01, to: 2020-12-31, weekdays: [1, 0, 0, 0, 0, 0, 0])\n}\n"
    )
    made = synthdsl.load("s.synth", text=text).generate()["t"]["x"].to_numpy()
    assert ((made.astype("datetime64[D]").astype(int) + 3) % 7 == 0).all()
