"""Times and sequences as specs write them, end to end, against closed forms and estimators."""

from functools import cache

import numpy as np
import pytest
from scipy import stats
from sequence_oracles import ALPHA, DAY, counts_pvalue, days, uniform_pvalue

import synthdsl

ROOT = "language 1\nseed 11\ntable patient [{rows}] {{\n  id: int = index\n  key id\n{fields}}}\n"
CHILD = "table visit per patient p [{count}] {{\n  key (p, index)\n{fields}}}\n"


def lines(*fields):
    return "".join(f"  {field}\n" for field in fields)


@cache
def tables(text, rows=None):
    return synthdsl.load("spec.synth", text=text).generate(rows=rows).tables


def patients(*fields, rows=20_000):
    return tables(ROOT.format(rows=rows, fields=lines(*fields)))["patient"]


def spec_of(*fields, count="5", rows=2_000, root=()):
    return ROOT.format(rows=rows, fields=lines(*root)) + CHILD.format(
        count=count, fields=lines(*fields)
    )


def visits(*fields, **more):
    return tables(spec_of(*fields, **more))["visit"]


def numbers(table, name):
    column = table[name].to_numpy(zero_copy_only=False)
    if column.dtype.kind == "M":
        return column.astype("datetime64[us]").astype(np.int64).astype(float)
    if column.dtype.kind == "m":
        return column.astype("timedelta64[us]").astype(np.int64).astype(float)
    return column.astype(float)


# seasonal

WEEK = [5, 5, 5, 5, 4, 1, 0]
YEAR = [2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2]


def date_shares(low, high):
    at = np.arange(low, high + 1)
    month = at.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12
    shares = np.array(YEAR)[month] * np.array(WEEK)[(at + 3) % 7]
    return shares / shares.sum()


def dates(table, name, low, high):
    at = numbers(table, name) / DAY - low
    return np.bincount(at.astype(int), minlength=high - low + 1)


SEASON = f"seasonal(2024-01-01, 2025-06-30, months: {YEAR}, weekdays: {WEEK})"
LOW, HIGH = days(2024, 1, 1), days(2025, 6, 30)


def test_dates_follow_their_seasons_plain_and_truncated():
    table = patients(f"seen: date ~ {SEASON}", f"late: date ~ {SEASON} in [2024-11-05, 2025-02-20]")
    assert counts_pvalue(dates(table, "seen", LOW, HIGH), date_shares(LOW, HIGH)) > ALPHA
    first, last = days(2024, 11, 5), days(2025, 2, 20)
    assert counts_pvalue(dates(table, "late", first, last), date_shares(first, last)) > ALPHA


def test_a_rule_on_two_seasons_is_exact():
    table = patients(f"a: date ~ {SEASON}", f"b: date ~ {SEASON}", "rule order: b > a + 30 d")
    shares = date_shares(LOW, HIGH)
    beyond = np.concatenate([np.cumsum(shares[::-1])[::-1][31:], np.zeros(31)])
    wanted = shares * beyond / (shares * beyond).sum()
    assert counts_pvalue(dates(table, "a", LOW, HIGH), wanted) > ALPHA
    earlier = np.concatenate([np.zeros(31), np.cumsum(shares)[:-31]])
    wanted = shares * earlier / (shares * earlier).sum()
    assert counts_pvalue(dates(table, "b", LOW, HIGH), wanted) > ALPHA
    both = (shares[:, None] * shares)[np.triu_indices(len(shares), 31)].sum()
    assert 0.3 < both < 0.5  # so much of what is drawn freely meets the rule


def test_correlated_seasons_keep_their_law():
    table = patients(
        f"seen: date ~ {SEASON}", "cost: float ~ gamma(mean: 9, cv: 1)",
        "correlate (seen, cost) rank 0.6",
    )  # fmt: skip
    assert counts_pvalue(dates(table, "seen", LOW, HIGH), date_shares(LOW, HIGH)) > ALPHA
    rank = stats.spearmanr(numbers(table, "seen"), numbers(table, "cost")).statistic
    # its standard error is below 1 / sqrt(n); ties of dates move it by less
    assert abs(rank - 0.6) < 5 / np.sqrt(20_000)


HOURS = [0] * 8 + [3, 3, 2, 1, 2, 2, 1, 1] + [0] * 8


@cache
def arrivals():
    return tables(
        spec_of(
            "start: datetime ~ sorted(seasonal(p.born, 2026-01-01, weekdays: "
            f"{WEEK}, hours: {HOURS}))",
            count="count ~ poisson(8 '/a' * (2026-01-01 - p.born))",
            root=("born: date ~ discrete_uniform(2023-01-01, 2024-12-31)",),
        )
    )


def test_counts_and_sorted_seasons_make_a_poisson_process():
    """Counts in disjoint windows are independent and Poisson with the intensity's integral."""
    made = arrivals()
    born = numbers(made["patient"], "born") / DAY
    owner, start = numbers(made["visit"], "patient_id"), numbers(made["visit"], "start")
    assert (np.diff(start)[np.diff(owner) == 0] >= 0).all()
    day = np.floor(start / DAY).astype(int)
    week = np.array(WEEK) / np.mean(WEEK)
    first, middle, last = days(2025, 1, 1), days(2025, 7, 1), days(2025, 12, 31)
    every = np.arange(days(2023, 1, 1), last + 1)
    rate = week[(every + 3) % 7]
    below = np.concatenate([[0.0], np.cumsum(rate)])
    to_end = below[-1] - below[(born - every[0]).astype(int)]
    total = 8 / 365.25 * (last + 1 - born)
    counts = []
    for low, high in ((first, middle - 1), (middle, last)):
        expected = total * rate[low - every[0] : high - every[0] + 1].sum() / to_end
        inside = (day >= low) & (day <= high)
        found = np.bincount(owner[inside].astype(int), minlength=len(born))
        counts.append((found - expected) / np.sqrt(expected))
        dispersion = ((found - expected) ** 2 / expected).sum()
        assert stats.chi2(len(born)).sf(dispersion) > ALPHA / 2
        assert stats.chi2(len(born)).cdf(dispersion) > ALPHA / 2
    score = (counts[0] * counts[1]).sum() / np.sqrt(len(born))
    assert 2 * stats.norm.sf(abs(score)) > ALPHA


def test_arrivals_keep_to_their_hours_and_weekdays():
    start = numbers(arrivals()["visit"], "start")
    hour = np.bincount((start % DAY // (DAY / 24)).astype(int), minlength=24)
    assert counts_pvalue(hour, HOURS) > ALPHA
    weekday = (np.floor(start / DAY).astype(int) + 3) % 7
    assert not (weekday == 6).any()


# survival

SURVIVAL = (
    "treated: bool ~ bernoulli(50%)",
    "age: float ~ normal(60, 10)",
    "let ratio: float = exp(0.04 * (age - 60) - when {treated: 0.7, else: 0})",
    "event: float<a> ~ proportional_hazards(exponential(8 a), ratio)",
    "until: float<a> ~ uniform(1, 15)",
    "time: float<a> = min(event, until)",
    "is_event: bool = event <= until",
)


def partial_score(time, is_event, covariates, beta):
    """Cox's partial-likelihood score and information at `beta`, rows sorted from the longest."""
    order = np.argsort(-time)
    x, d = covariates[order], is_event[order]
    weight = np.exp(x @ beta)
    total = np.cumsum(weight)
    mean = np.cumsum(weight[:, None] * x, axis=0) / total[:, None]
    outer = np.cumsum(weight[:, None, None] * x[:, :, None] * x[:, None, :], axis=0)
    spread = outer / total[:, None, None] - mean[:, :, None] * mean[:, None, :]
    return (x - mean)[d].sum(axis=0), spread[d].sum(axis=0)


def test_cox_regression_finds_the_declared_ratios():
    """The score at the declared coefficients is normal with the information as variance."""
    table = patients(*SURVIVAL)
    x = np.column_stack([numbers(table, "treated"), numbers(table, "age") - 60])
    time, is_event = numbers(table, "time"), numbers(table, "is_event") > 0
    assert 0.3 < is_event.mean() < 0.9

    def pvalue(beta):
        score, information = partial_score(time, is_event, x, np.array(beta))
        return stats.chi2(2).sf(score @ np.linalg.solve(information, score))

    assert pvalue([-0.7, 0.04]) > ALPHA
    assert pvalue([-0.5, 0.04]) < ALPHA
    assert pvalue([-0.7, 0.03]) < ALPHA


def test_the_rate_by_maximum_likelihood_is_the_declared_one():
    """Events over exposure, weighted by the declared ratios: poisson given the exposure."""
    table = patients(*SURVIVAL)
    ratio = np.exp(0.04 * (numbers(table, "age") - 60) - 0.7 * numbers(table, "treated"))
    expected = (ratio * numbers(table, "time")).sum() / 8
    events = (numbers(table, "is_event") > 0).sum()
    assert 2 * stats.norm.sf(abs(events - expected) / np.sqrt(expected)) > ALPHA
    assert 2 * stats.norm.sf(abs(events - expected * 1.06) / np.sqrt(expected)) < ALPHA


def kaplan_meier(time, is_event, at):
    """Survival at `at`, and Greenwood's standard error."""
    order = np.argsort(time)
    time, is_event = time[order], is_event[order]
    left = len(time) - np.arange(len(time))
    before = is_event & (time <= at)
    survival = np.prod(1 - 1 / left[before])
    return survival, survival * np.sqrt((1 / (left[before] * (left[before] - 1.0))).sum())


@pytest.mark.parametrize("ratio", [0.5, 3.0])
def test_kaplan_meier_of_censored_rows_is_the_baseline_to_the_ratio(ratio):
    table = patients(
        f"event: duration ~ proportional_hazards(weibull(shape: 1.6, scale: 6 a), ratio: {ratio})",
        "until: duration ~ exponential(mean: 5 a)",
        "time: duration = min(event, until)",
        "is_event: bool = event <= until",
    )
    year = 365.25 * DAY
    time, is_event = numbers(table, "time") / year, numbers(table, "is_event") > 0
    for at in (1.0, 3.0, 5.0):
        survival, error = kaplan_meier(time, is_event, at)
        exact = np.exp(-ratio * (at / 6) ** 1.6)
        assert 2 * stats.norm.sf(abs(survival - exact) / error) > ALPHA
        naive = kaplan_meier(time, np.ones(len(time), bool), at)
        assert 2 * stats.norm.sf(abs(naive[0] - exact) / naive[1]) < ALPHA


def test_branches_and_truncated_baselines():
    table = patients(
        "old: bool ~ bernoulli(40%)",
        "x: float ~ proportional_hazards(when {old: gompertz(shape: 0.01, rate: 0.09), "
        "else: weibull(shape: 1.5, scale: 9) in [2, 20]}, ratio: 2) in [0, 30]",
    )
    x, old = numbers(table, "x"), numbers(table, "old") > 0
    gompertz = stats.gompertz(0.01, scale=1 / 0.09)
    top = 1 - gompertz.sf(30) ** 2
    assert uniform_pvalue((1 - gompertz.sf(x[old]) ** 2) / top) > ALPHA
    weibull = stats.weibull_min(1.5, scale=9)
    share = (weibull.sf(x[~old]) - weibull.sf(20)) / (weibull.sf(2) - weibull.sf(20))
    assert uniform_pvalue(1 - share**2) > ALPHA
    assert uniform_pvalue(1 - share) < ALPHA


def test_a_rule_conditions_hazards():
    """Given event > 2 of an exponential with rate r/8 nothing but the origin changes; and the
    ratio tilts towards small ones.
    """
    table = patients(
        "ratio: float ~ uniform(0.2, 4)",
        "event: float ~ proportional_hazards(exponential(8), ratio)",
        "rule alive: event > 2",
    )
    ratio, event = numbers(table, "ratio"), numbers(table, "event")
    assert uniform_pvalue(-np.expm1(-(event - 2) * ratio / 8)) > ALPHA
    share = (np.exp(-0.2 / 4) - np.exp(-ratio / 4)) / (np.exp(-0.2 / 4) - np.exp(-1.0))
    assert uniform_pvalue(share) > ALPHA
    assert uniform_pvalue((ratio - 0.2) / 3.8) < ALPHA


def test_a_rule_between_hazards_is_the_competing_risk():
    """P(a < b) and the law of the first of two exponentials."""
    table = patients(
        "a: float ~ proportional_hazards(exponential(5), 2)",
        "b: float ~ proportional_hazards(exponential(5), 0.5)",
        "rule first: a < b",
    )
    assert uniform_pvalue(-np.expm1(-numbers(table, "a") * 2.5 / 5)) > ALPHA
    gap = numbers(table, "b") - numbers(table, "a")
    assert uniform_pvalue(-np.expm1(-gap * 0.5 / 5)) > ALPHA


def test_correlated_hazards_keep_their_law():
    table = patients(
        "a: float ~ proportional_hazards(weibull(shape: 2, scale: 4), ratio: 3)",
        "b: float ~ normal(0, 1)",
        "correlate (a, b) rank -0.5",
    )
    exact = stats.weibull_min(2, scale=4 / np.sqrt(3))
    assert uniform_pvalue(exact.cdf(numbers(table, "a"))) > ALPHA
    rank = stats.spearmanr(numbers(table, "a"), numbers(table, "b")).statistic
    assert abs(rank + 0.5) < 5 / np.sqrt(20_000)


# paths


def whitened(values, length, covariance):
    return np.linalg.solve(np.linalg.cholesky(covariance), values.reshape(-1, length).T).T


def is_white(white):
    pairs = (white[:, 1:] * white[:, :-1]).reshape(-1)
    score = pairs.sum() / np.sqrt(len(pairs))
    fits = uniform_pvalue(stats.norm.cdf(white.reshape(-1)))
    return min(fits, 2 * stats.norm.sf(abs(score))) > ALPHA


LAG = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))


def test_autoregression_around_a_mean_by_row():
    made = tables(
        spec_of(
            "load: float ~ uniform(0, 9)",
            "hr: float ~ autoregressive(mean: p.base + load, sd: 10, phi: 0.9)",
            "beats: int ~ autoregressive(mean: 80, sd: 10, phi: 0.9)",
            root=("base: float ~ normal(80, 5)",),
        )
    )
    visit = made["visit"]
    base = np.repeat(numbers(made["patient"], "base"), 5)
    white = whitened((numbers(visit, "hr") - base - numbers(visit, "load")) / 10, 5, 0.9**LAG)
    assert is_white(white)
    assert not is_white(whitened((numbers(visit, "hr") - base) / 10, 5, 0.9**LAG))
    beats = numbers(visit, "beats")
    assert (beats == np.floor(beats)).all()
    # rounding adds a twelfth to the variance
    assert is_white(whitened((beats - 80) / 10, 5, 0.9**LAG + np.eye(5) / 1200))


def test_irregular_times_of_ornstein_and_uhlenbeck():
    made = visits(
        "gap: float<d> ~ exponential(20)",
        "at: float<d> = coalesce(prev.at, 0) + gap",
        "x: float<mmol/L> ~ ornstein_uhlenbeck(mean: 140, sd: 3, half_life: 30 d, at: at)",
    )
    time = numbers(made, "at").reshape(-1, 5)
    x = (numbers(made, "x").reshape(-1, 5) - 140) / 3
    apart = np.abs(time[:, :, None] - time[:, None, :])

    def white(half_life):
        factor = np.linalg.cholesky(2 ** (-apart / half_life))
        return np.linalg.solve(factor, x[:, :, None])[:, :, 0]

    assert is_white(white(30))
    assert not is_white(white(45))


def test_random_walks():
    made = tables(
        spec_of(
            "x: float ~ random_walk(start: p.base, sd: 2, drift: -1)",
            root=("base: float ~ normal(80, 5)",),
        )
    )
    x = numbers(made["visit"], "x").reshape(-1, 5)
    np.testing.assert_array_equal(x[:, 0], numbers(made["patient"], "base"))
    steps = (np.diff(x, axis=1) + 1) / 2
    assert is_white(steps)
    assert not is_white(steps + 0.1)


def test_rows_with_a_null_parameter_are_null_and_the_path_goes_on():
    made = visits(
        "m: float? ~ {0: 70%, null: rest}",
        "x: float? ~ autoregressive(mean: m, sd: 1, phi: 0.8)",
        "y: float ~ autoregressive(mean: 0, sd: 1, phi: 0.8)",
    )
    missing = made["m"].is_null().to_numpy()
    np.testing.assert_array_equal(made["x"].is_null().to_numpy(), missing)
    assert 0.25 < missing.mean() < 0.35


def test_sorted_draws_are_order_statistics():
    made = tables(
        spec_of(
            "x: float ~ sorted(uniform(p.low, p.low + 1))",
            "n: int ~ sorted(poisson(4))",
            root=("low: float ~ normal(0, 9)",),
        )
    )
    low = np.repeat(numbers(made["patient"], "low"), 5)
    x = (numbers(made["visit"], "x") - low).reshape(-1, 5)
    for place in range(5):
        assert uniform_pvalue(stats.beta(place + 1, 5 - place).cdf(x[:, place])) > ALPHA
    n = numbers(made["visit"], "n")
    assert (np.diff(n.reshape(-1, 5), axis=1) >= 0).all()
    found = np.bincount(n.astype(int), minlength=30)[:30]
    wanted = stats.poisson(4).pmf(np.arange(30))
    kept = wanted * len(n) > 5
    assert counts_pvalue(found[kept], wanted[kept]) > ALPHA


def test_a_slice_is_a_slice_of_the_whole():
    text = spec_of(
        "start: datetime ~ sorted(seasonal(p.born, 2026-01-01))",
        "x: float ~ autoregressive(mean: 0, sd: 1, phi: 0.9)",
        "y: float ~ ornstein_uhlenbeck(mean: 0, sd: 1, half_life: 9 d, at: start)",
        "z: float ~ random_walk(start: 5, sd: 1)",
        count="count ~ poisson(4)",
        root=("born: date ~ discrete_uniform(2000-01-01, 2020-01-01)",),
    )
    whole, part = tables(text)["visit"], tables(text, "700:730")["visit"]
    owner = numbers(whole, "patient_id")
    some = whole.filter((owner >= 700) & (owner < 730))
    assert some.num_rows > 60 and some.equals(part)


def test_a_rule_among_siblings_conditions_their_path():
    """Given that no step falls by more than 1: against rejection of whole paths."""
    made = visits(
        "x: float ~ autoregressive(mean: 0, sd: 1, phi: 0.5)",
        "rule calm: prev is null or x >= prev.x - 1",
        count="3",
        rows=5_000,
    )
    x = numbers(made, "x").reshape(-1, 3)
    assert (np.diff(x, axis=1) >= -1).all()
    rng = np.random.Generator(np.random.Philox(1))
    lag = np.abs(np.subtract.outer(np.arange(3), np.arange(3)))
    free = rng.standard_normal((60_000, 3)) @ np.linalg.cholesky(0.5**lag).T
    kept = free[(np.diff(free, axis=1) >= -1).all(axis=1)]
    for place in range(3):
        assert stats.ks_2samp(x[:, place], kept[:, place]).pvalue > ALPHA
    assert stats.ks_2samp(x[:, 0], free[:, 0]).pvalue < ALPHA
