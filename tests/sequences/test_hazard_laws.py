"""Distributions built on a baseline: closed forms under proportional hazards, truncation."""

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats
from sequence_oracles import ALPHA, uniform_pvalue, uniforms

from synthdsl.distributions import DISTRIBUTIONS
from synthdsl.distributions._hazards import inside, proportional
from synthdsl.distributions.tables import QuantileTable

LEVELS = np.concatenate(
    [10.0 ** -np.arange(14, 1, -1), np.linspace(0.02, 0.98, 50), 1 - 10.0 ** -np.arange(2, 14)]
)
RATIOS = [0.05, 0.4, 1.0, 2.5, 30.0]


def hazards(name, form=0):
    base = DISTRIBUTIONS.get(name)
    return proportional(base, base.forms[form])


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize(
    ("name", "values", "exact"),
    [
        ("weibull", (1.7, 3.0), lambda r: stats.weibull_min(1.7, scale=3 * r ** (-1 / 1.7))),
        ("exponential", (4.0,), lambda r: stats.expon(scale=4 / r)),
        ("pareto", (3.0, 1.5), lambda r: stats.pareto(3 * r, scale=1.5)),
    ],
)
def test_families_closed_under_proportional_hazards(name, values, exact, ratio):
    distribution, oracle = hazards(name), exact(ratio)
    params = distribution.forms[0].canonical(ratio, *values)
    x = distribution.quantile(LEVELS, *params)
    np.testing.assert_allclose(x, oracle.ppf(LEVELS), rtol=1e-11)
    y = distribution.survival_quantile(LEVELS, *params)
    np.testing.assert_allclose(y, oracle.isf(LEVELS), rtol=1e-11)
    # near the minimum of a pareto the digits of x itself are lost
    clear = (1e-4 if name == "pareto" else 0) <= LEVELS
    found = distribution.cdf(x, *params)[clear]
    np.testing.assert_allclose(found, LEVELS[clear], rtol=1e-10)
    np.testing.assert_allclose(distribution.survival(y, *params), LEVELS, rtol=1e-10)
    np.testing.assert_allclose(distribution.log_density(x, *params), oracle.logpdf(x), rtol=1e-8)


@pytest.mark.parametrize("ratio", RATIOS)
def test_gompertz_keeps_its_rate(ratio):
    """Hazard shape * rate * exp(rate t): the ratio multiplies the shape."""
    distribution, base = hazards("gompertz"), DISTRIBUTIONS.get("gompertz")
    params = distribution.forms[0].canonical(ratio, 0.002, 0.09)
    x = distribution.quantile(LEVELS, *params)
    exact = np.log1p(-np.log1p(-LEVELS) / (0.002 * ratio)) / 0.09
    np.testing.assert_allclose(x, exact, rtol=1e-11)
    own = base.forms[0].canonical(0.002 * ratio, 0.09)
    for method in ("cdf", "survival", "log_density"):
        found, wanted = getattr(distribution, method)(x, *params), getattr(base, method)(x, *own)
        np.testing.assert_allclose(found, wanted, rtol=1e-10)


@pytest.mark.parametrize("ratio", [0.4, 1.0, 2.5])
def test_moments(ratio):
    params = hazards("weibull").forms[0].canonical(ratio, 1.7, 3.0)
    oracle = stats.weibull_min(1.7, scale=3 * ratio ** (-1 / 1.7))
    assert hazards("weibull").mean(*params) == pytest.approx(oracle.mean(), rel=1e-12)
    assert hazards("weibull").sd(*params) == pytest.approx(oracle.std(), rel=1e-12)
    rows = tuple(np.full(3, p) for p in params)
    np.testing.assert_allclose(hazards("weibull").mean(*rows), oracle.mean(), rtol=1e-12)
    heavy = hazards("pareto")
    assert heavy.mean(*heavy.forms[0].canonical(0.3, 3.0, 1.0)) == np.inf
    assert heavy.sd(*heavy.forms[0].canonical(0.6, 3.0, 1.0)) == np.inf


@pytest.mark.parametrize("ratio", [0.4, 2.5])
@pytest.mark.parametrize(
    ("name", "form", "values", "frozen"),
    [
        ("gamma", 1, (2.0, 0.6), stats.gamma(1 / 0.36, scale=2 * 0.36)),
        ("lognormal", 1, (5.0, 4.0), None),
        ("uniform", 0, (2.0, 9.0), stats.uniform(2, 7)),
    ],
)
def test_survival_is_the_baselines_to_the_power_of_the_ratio(name, form, values, frozen, ratio):
    distribution = hazards(name, form)
    params = distribution.forms[0].canonical(ratio, *values)
    x = distribution.quantile(LEVELS, *params)
    # near a finite end the digits of x itself are lost
    kept = (1e-4 if name == "uniform" else 0) < 1 - LEVELS
    found = distribution.survival(x, *params)[kept]
    np.testing.assert_allclose(found, 1 - LEVELS[kept], rtol=1e-7)
    if frozen is not None:
        found = frozen.sf(x[kept]) ** ratio
        np.testing.assert_allclose(found, 1 - LEVELS[kept], rtol=1e-6, atol=1e-12)
    values = distribution.quantile(uniforms(20_000), *params)
    assert uniform_pvalue(distribution.cdf(values, *params)) > ALPHA
    assert uniform_pvalue(distribution.base.cdf(values, *params[1:])) < ALPHA


def test_a_truncated_baseline_ends_where_it_ends():
    base = DISTRIBUTIONS.get("exponential")
    part = inside(base, base.forms[0], None)
    distribution = proportional(part, part.forms[0])
    params = distribution.forms[0].canonical(2.0, 1.0, 4.0, 3.0)
    assert distribution.support(*params) == (1.0, 4.0)
    x = distribution.quantile(LEVELS, *params)
    top, bottom = np.exp(-1 / 3), np.exp(-4 / 3)
    exact = ((np.exp(-x / 3) - bottom) / (top - bottom)) ** 2
    np.testing.assert_allclose(exact, 1 - LEVELS, rtol=1e-6, atol=1e-14)
    np.testing.assert_allclose(distribution.cdf(x, *params), LEVELS, rtol=1e-9, atol=1e-14)
    assert distribution.cdf(0.5, *params) == 0 and distribution.survival(5.0, *params) == 0


@pytest.mark.parametrize("ratio", [0.01, 1.0, 50.0])
def test_what_is_rounded_stays_inside_a_truncated_baseline(ratio):
    """A small ratio puts nearly all times at the end, where rounding would pass it."""
    base = DISTRIBUTIONS.get("weibull")
    part = inside(base, base.forms[0], Fraction(1, 10))
    distribution = proportional(part, part.forms[0])
    params = distribution.forms[0].canonical(ratio, 0.32, 7.88, 1.3, 5.0)
    x = np.floor(distribution.quantile(LEVELS, *params) * 10 + 0.5) / 10
    assert x.min() >= 0.4 and x.max() <= 7.8
    assert x[-1] == 7.8 or ratio == 50.0


def test_rows_with_their_own_ratios():
    distribution = hazards("gamma")
    ratio, shape = np.exp(uniforms(5_000, 1) * 4 - 2), 0.5 + 3 * uniforms(5_000, 2)
    u = uniforms(5_000, 3)
    params = distribution.forms[0].canonical(ratio, shape, 2.0)
    x = distribution.quantile(u, *params)
    np.testing.assert_allclose(distribution.cdf(x, *params), u, rtol=1e-9)
    some = distribution.quantile(
        u[7:9], *distribution.forms[0].canonical(ratio[7:9], shape[7:9], 2.0)
    )
    np.testing.assert_array_equal(some, x[7:9])


def test_a_tabulated_baseline_is_as_good_as_the_exact_one():
    distribution = hazards("gamma", 1)
    params = distribution.forms[0].canonical(1.8, 2.0, 0.6)
    table = QuantileTable.build(distribution, params)
    u = uniforms(4_000, 4)
    np.testing.assert_allclose(table(u.copy()), distribution.quantile(u, *params), rtol=2e-9)


def test_one_instance_for_one_baseline():
    assert hazards("weibull") is hazards("weibull")
    assert hazards("weibull").declared().name == "weibull"
    assert hazards("gompertz").is_monotone_in[0] and not hazards("beta").is_monotone_in


def test_quantiles_fall_with_the_ratio():
    for name, values in [("weibull", (1.7, 3.0)), ("gompertz", (0.002, 0.09))]:
        distribution = hazards(name)
        found = [
            distribution.quantile(LEVELS, *distribution.forms[0].canonical(r, *values))
            for r in RATIOS
        ]
        assert (np.diff(found, axis=0) <= 0).all()
