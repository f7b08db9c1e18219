"""Every sampler against its law; broken samplers are caught by the same tests."""

import numpy as np
import pytest
from distribution_oracles import (
    ALPHA,
    CONTINUOUS,
    DISCRETE,
    FixedDraws,
    chi_square_pvalue,
    ks_pvalue,
    label,
    per_row,
)
from scipy import stats

from synthdsl.distributions import DISTRIBUTIONS
from synthdsl.distributions.tables import CountTable, QuantileTable
from synthdsl.distributions.truncation import truncated_quantile

ROWS = 16_384


def _pvalue(values, distribution, params):
    if distribution.is_discrete:
        return chi_square_pvalue(
            values,
            lambda k: distribution.log_density(k, *params),
            lambda u: distribution.quantile(u, *params),
        )
    return ks_pvalue(values, lambda x: distribution.cdf(x, *params))


@pytest.mark.parametrize("is_by_row", [False, True], ids=["scalar", "per-row"])
@pytest.mark.parametrize("case", CONTINUOUS + DISCRETE, ids=label)
def test_sample_follows_the_law(case, is_by_row):
    name, params, _ = case
    distribution = DISTRIBUTIONS.get(name)
    given = per_row(params, ROWS) if is_by_row else params
    values = np.broadcast_to(distribution.sample(FixedDraws(ROWS, seed=7), *given), ROWS)
    assert _pvalue(values, distribution, params) > ALPHA


@pytest.mark.parametrize("case", CONTINUOUS + DISCRETE, ids=label)
def test_rows_with_different_parameters_each_follow_their_own_law(case):
    """The probability integral transform is uniform, whatever the row's parameters."""
    name, params, _ = case
    distribution = DISTRIBUTIONS.get(name)
    if name == "empirical":
        pytest.skip("its lists are constant")
    draws = FixedDraws(ROWS, seed=8)
    factor = 1 + 0.5 * draws.uniform("factor")
    index = 0 if name in ("poisson", "negative_binomial", "exponential", "bernoulli") else None
    index = {"geometric": 0, "zipf": 0, "binomial": 1, "discrete_uniform": 1}.get(name, index)
    if name == "hypergeometric":
        factor, index = np.where(factor > 1.25, 1.0, 1.5), 0
    if name == "binomial":
        factor, index = 1 / factor, 1
    if name == "discrete_uniform":
        factor = np.floor(factor * 20) / params[1]
    if index is None:
        index = len(params) - 1
    if name in ("beta", "pert"):
        index = 0
    if name == "seasonal":
        index = 1
    rows = tuple(p * factor if i == index else p for i, p in enumerate(params))
    values = distribution.sample(draws, *rows)
    if distribution.is_discrete:
        jitter = draws.uniform("jitter")
        below = distribution.cdf(values - 1, *rows)
        level = below + jitter * (distribution.cdf(values, *rows) - below)
    else:
        level = distribution.cdf(values, *rows)
    assert ks_pvalue(level, stats.uniform.cdf) > ALPHA


def test_a_wrong_sd_is_caught():
    normal = DISTRIBUTIONS.get("normal")
    values = normal.sample(FixedDraws(ROWS, seed=7), 3.0, 2.0 * 1.08)
    assert ks_pvalue(values, lambda x: normal.cdf(x, 3.0, 2.0)) < ALPHA


def test_an_off_by_one_count_is_caught():
    poisson = DISTRIBUTIONS.get("poisson")
    values = poisson.sample(FixedDraws(ROWS, seed=7), 3.5) + 1
    assert _pvalue(values, poisson, (3.5,)) < ALPHA


def test_a_wrong_gamma_shape_is_caught():
    gamma = DISTRIBUTIONS.get("gamma")
    values = gamma.sample(FixedDraws(ROWS, seed=7), 2.0, 0.33)
    assert ks_pvalue(values, lambda x: gamma.cdf(x, 2.0, 0.3)) < ALPHA


def test_a_missing_boost_below_shape_one_is_caught():
    from synthdsl.distributions._rejection import standard_gamma

    gamma = DISTRIBUTIONS.get("gamma")
    values = standard_gamma(FixedDraws(ROWS, seed=7), 1.3)
    assert ks_pvalue(values, lambda x: gamma.cdf(x, 1.0, 0.3)) < ALPHA


INTERVALS = [
    ("normal", (47.0, 22.0), 0.0, 105.0),
    ("normal", (0.0, 1.0), 6.5, 7.5),
    ("normal", (0.0, 1.0), -30.0, -29.5),
    ("lognormal", (0.0, 0.5), 1.5, 2.0),
    ("exponential", (1.0,), 27.6, None),
    ("gamma", (1.0, 2.5), 30.0, None),
    ("gamma", (1.0, 2.5), None, 1e-4),
    ("beta", (2.0, 5.0, 0.0, 1.0), 0.99, None),
    ("student_t", (0.0, 1.0, 3.0), 50.0, 90.0),
    ("weibull", (1.0, 2.0), 5.2, None),
    ("gompertz", (1.0, 0.01), 0.0, 2.0),
    ("gumbel", (0.0, 1.0), -3.2, -3.0),
    ("laplace", (0.0, 1.0), -40.0, -30.0),
    ("logistic", (0.0, 1.0), 28.0, None),
    ("pareto", (1.0, 3.0), 1e4, None),
    ("skew_normal", (0.0, 1.0, 4.0), -2.0, -1.2),
    ("inverse_gaussian", (1.0, 2.0), 20.0, None),
    ("von_mises", (0.0, 1.0, 30.0), 2.0, 2.5),
    ("triangular", (0.0, 2.0, 7.0), 1.0, 3.0),
    ("uniform", (0.0, 10.0), 2.5, 3.0),
    ("empirical", ((0.0, 1.0, 3.0, 7.0), (0.2, 0.5, 0.3)), 0.5, 4.0),
    ("pert", (1.8, 4.2, 0.0, 10.0), 8.0, None),
    ("chi_squared", (2.0, 1.5), 60.0, None),
]


def _truncated_pvalue(values, distribution, params, low, high):
    """KS test against the law of an interval, from whichever tail it lies in."""
    first, last = distribution.support(*params)
    low, high = (first if low is None else low), (last if high is None else high)
    if distribution.cdf(low, *params) > 0.5:
        tail, sign = distribution.survival, -1
    else:
        tail, sign = distribution.cdf, 1
    start, end = tail(low, *params), tail(high, *params)
    return ks_pvalue(values, lambda x: (tail(x, *params) - start) * sign / abs(end - start))


@pytest.mark.parametrize("case", INTERVALS, ids=lambda c: f"{c[0]}{c[1]} in {c[2:]}")
def test_truncated_draws_follow_the_conditional_law(case):
    name, params, low, high = case
    distribution = DISTRIBUTIONS.get(name)
    u = FixedDraws(ROWS, seed=9).uniform()
    for values in (
        truncated_quantile(distribution, params, u, low, high),
        truncated_quantile(
            distribution,
            per_row(params, ROWS),
            u,
            None if low is None else np.full(ROWS, low),
            high,
        ),
        QuantileTable.build(distribution, params, low, high)(u),
    ):
        assert low is None or values.min() >= low
        assert high is None or values.max() <= high
        assert _truncated_pvalue(values, distribution, params, low, high) > ALPHA


def test_clipping_instead_of_truncating_is_caught():
    normal = DISTRIBUTIONS.get("normal")
    values = np.clip(normal.sample(FixedDraws(ROWS, seed=9), 47.0, 22.0), 10.0, 105.0)
    assert _truncated_pvalue(values, normal, (47.0, 22.0), 10.0, 105.0) < ALPHA


@pytest.mark.parametrize(
    ("name", "params", "low", "high"),
    [
        ("poisson", (6.0,), 2, 9),
        ("poisson", (6.0,), 30, None),
        ("binomial", (40.0, 0.5), None, 6),
        ("negative_binomial", (2.0, 1.4), 0, 60),
        ("zipf", (1.1, 500.0), 100, 200),
        ("geometric", (0.3,), 60, None),
        ("hypergeometric", (60.0, 14.0, 20.0), 10, 14),
        ("discrete_uniform", (1.0, 6.0), 2.5, 5.5),
        ("bernoulli", (0.01,), 1, 1),
    ],
)
def test_truncated_counts_follow_the_conditional_law(name, params, low, high):
    distribution = DISTRIBUTIONS.get(name)
    u = FixedDraws(ROWS, seed=10).uniform()
    grid = np.arange(600.0)
    inside = (grid >= (0 if low is None else low)) & (grid <= (600 if high is None else high))
    mass = np.where(inside, np.exp(distribution.log_density(grid, *params)), 0.0)
    mass /= mass.sum()
    table = CountTable.build(distribution, params, low, high)
    values = table(u)
    assert values.dtype == np.int64
    exact = truncated_quantile(distribution, per_row(params, ROWS), u, low, high)
    assert np.mean(values != exact) < 1e-3
    assert inside[values].all()
    counts = np.bincount(values, minlength=600)
    keep = mass * ROWS >= 20
    if keep.sum() > 1:
        observed = np.append(counts[keep], counts[~keep].sum())
        expected = ROWS * np.append(mass[keep], mass[~keep].sum())
        observed, expected = observed[expected > 0], expected[expected > 0]
        large = expected >= 5
        observed, expected = observed[large], expected[large]
        expected *= observed.sum() / expected.sum()
        assert stats.chisquare(observed, expected).pvalue > ALPHA
