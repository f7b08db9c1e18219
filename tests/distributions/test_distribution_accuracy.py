"""Cdf, tails, quantiles, densities and moments against SciPy, mpmath and exact formulas."""

import mpmath
import numpy as np
import pytest
from distribution_oracles import CONTINUOUS, DISCRETE, label
from scipy import integrate

from synthdsl.distributions import DISTRIBUTIONS

TAILS = np.concatenate([10.0 ** -np.arange(14, 0, -1), np.linspace(0.05, 0.5, 19)])
# Their ends are far from 0: what is lost there is the digits of x itself.
FROM_AN_END = {"uniform", "triangular", "beta", "pert", "pareto", "von_mises", "empirical"}
FROM_AN_END |= {"seasonal"}
# SciPy's own cdf is less accurate (or much slower) than what is tested: see mpmath below.
BY_MPMATH = {"skew_normal", "von_mises"}


@pytest.mark.parametrize("case", CONTINUOUS, ids=label)
def test_round_trips_in_both_tails(case):
    name, params, _ = case
    distribution = DISTRIBUTIONS.get(name)
    tolerance = 1e-12
    levels = TAILS
    if name in FROM_AN_END:
        levels, tolerance = TAILS[TAILS >= 1e-4], 2e-9
    x = distribution.quantile(levels, *params)
    np.testing.assert_allclose(distribution.cdf(x, *params), levels, rtol=tolerance)
    x = distribution.survival_quantile(levels, *params)
    np.testing.assert_allclose(distribution.survival(x, *params), levels, rtol=tolerance)
    middle = np.linspace(0.5, 0.999, 50)
    x = distribution.quantile(middle, *params)
    np.testing.assert_allclose(distribution.cdf(x, *params), middle, rtol=1e-13)


@pytest.mark.parametrize("case", CONTINUOUS, ids=label)
def test_matches_scipy(case):
    name, params, oracle = case
    distribution = DISTRIBUTIONS.get(name)
    levels = TAILS if name not in FROM_AN_END else TAILS[TAILS >= 1e-4]
    x = distribution.quantile(levels, *params)
    y = distribution.survival_quantile(levels, *params)
    tolerance = 2e-7 if name in BY_MPMATH else 1e-11
    if name == "skew_normal":
        x = x[levels > 1e-6]
    np.testing.assert_allclose(distribution.cdf(x, *params), oracle.cdf(x), rtol=tolerance)
    if name in ("empirical", "seasonal"):  # SciPy takes a histogram's tail by subtraction
        return
    np.testing.assert_allclose(distribution.survival(y, *params), oracle.sf(y), rtol=tolerance)
    both = np.concatenate([x, y])
    np.testing.assert_allclose(
        distribution.log_density(both, *params), oracle.logpdf(both), rtol=1e-9, atol=1e-11
    )


@pytest.mark.parametrize("case", CONTINUOUS + DISCRETE, ids=label)
def test_moments_match_scipy(case):
    name, params, oracle = case
    distribution = DISTRIBUTIONS.get(name)
    mean, sd = oracle.mean(), oracle.std()
    if name == "von_mises":
        k = params[2]
        mean = params[0]
        square = mpmath.quad(
            lambda t: t**2 * mpmath.exp(k * mpmath.cos(t)) / (2 * mpmath.pi * mpmath.besseli(0, k)),
            [-mpmath.pi, 0, mpmath.pi],
        )
        sd = float(mpmath.sqrt(square))
    elif name in ("empirical", "seasonal"):
        sd = np.sqrt(oracle.moment(2) - mean**2)
    elif name == "gompertz":
        tail = oracle.sf
        mean = integrate.quad(tail, 0, 400, epsabs=0, epsrel=1e-11, limit=200)[0]
        square = integrate.quad(lambda t: 2 * t * tail(t), 0, 400, epsrel=1e-11, limit=200)[0]
        sd = np.sqrt(square - mean**2)
    assert float(distribution.mean(*params)) == pytest.approx(mean, rel=1e-9)
    assert float(distribution.sd(*params)) == pytest.approx(sd, rel=1e-8)


@pytest.mark.parametrize(
    ("name", "params", "mean", "sd"),
    [
        ("student_t", (0.0, 1.0, 0.9), np.nan, np.nan),
        ("student_t", (2.0, 1.0, 1.5), 2.0, np.inf),
        ("pareto", (1.0, 0.5), np.inf, np.nan),
        ("pareto", (1.0, 1.5), 3.0, np.inf),
        ("zipf", (1.5, np.inf), np.inf, np.nan),
    ],
)
def test_moments_that_do_not_exist(name, params, mean, sd):
    distribution = DISTRIBUTIONS.get(name)
    np.testing.assert_equal(float(distribution.mean(*params)), mean)
    np.testing.assert_equal(float(distribution.sd(*params)), sd)


@pytest.mark.parametrize("case", DISCRETE, ids=label)
def test_counts_match_scipy(case):
    name, params, oracle = case
    distribution = DISTRIBUTIONS.get(name)
    levels = np.concatenate([TAILS, np.linspace(0.51, 0.999, 60)])
    x = distribution.quantile(levels, *params)
    assert (distribution.cdf(x, *params) >= levels * (1 - 1e-13)).all()
    assert (distribution.cdf(x - 1, *params) < levels * (1 + 1e-13)).all()
    y = distribution.survival_quantile(TAILS[TAILS > 1e-9], *params)
    levels = TAILS[TAILS > 1e-9]
    assert (distribution.survival(y, *params) <= levels * (1 + 1e-13)).all()
    assert (distribution.survival(y - 1, *params) > levels * (1 - 1e-13)).all()
    k = np.unique(np.concatenate([x, y[y < 1e5]]))
    np.testing.assert_allclose(
        distribution.log_density(k, *params), oracle.logpmf(k), rtol=1e-9, atol=1e-11
    )
    np.testing.assert_allclose(distribution.cdf(k, *params), oracle.cdf(k), rtol=1e-9)
    if name != "zipf":  # SciPy takes its tail by subtraction
        inner = k[oracle.sf(k) > 1e-13]
        np.testing.assert_allclose(
            distribution.survival(inner, *params), oracle.sf(inner), rtol=1e-8
        )
    assert distribution.log_density(np.array([0.5]), *params) == -np.inf


@pytest.mark.parametrize("level", [1e-300, 1e-60, 1e-15])
def test_poisson_far_tails_are_exact(level):
    distribution = DISTRIBUTIONS.get("poisson")
    with mpmath.workdps(400):
        mean = mpmath.mpf(40)
        total, k = mpmath.mpf(0), 600
        while total + mean**k * mpmath.exp(-mean) / mpmath.factorial(k) <= level:
            total += mean**k * mpmath.exp(-mean) / mpmath.factorial(k)
            k -= 1
    assert distribution.survival_quantile(np.array([level]), 40.0)[0] == k


def _tail_by_mpmath(log_density, low, high):
    """Integral of a density, as an mpmath number."""
    points = mpmath.linspace(low, high, 12)
    return mpmath.quad(lambda t: mpmath.exp(log_density(t)), points)


@pytest.mark.parametrize(("lean", "z"), [(3, -2.0), (3, -0.5), (3, 4.0), (-6, 1.5), (40, -0.1)])
def test_skew_normal_tails_by_mpmath(lean, z):
    distribution = DISTRIBUTIONS.get("skew_normal")
    with mpmath.workdps(60):

        def density(t):
            return mpmath.log(2 * mpmath.npdf(t) * mpmath.ncdf(lean * t))

        far = 12 if abs(lean) < 20 else 3
        below = _tail_by_mpmath(density, z - far, z)
        above = _tail_by_mpmath(density, z, z + far)
    if below < 0.5:
        got = float(distribution.cdf(z, 0.0, 1.0, float(lean)))
        assert got == pytest.approx(float(below), rel=2e-13)
    if above < 0.5:
        got = float(distribution.survival(z, 0.0, 1.0, float(lean)))
        assert got == pytest.approx(float(above), rel=2e-13)


@pytest.mark.parametrize("k", [0.0, 0.5, 8.0, 700.0])
@pytest.mark.parametrize("reach", [0.3, 2.0, 6.0])
def test_von_mises_tails_by_mpmath(k, reach):
    distribution = DISTRIBUTIONS.get("von_mises")
    z = -min(reach / max(k, 1) ** 0.5, 3.0)
    with mpmath.workdps(40):
        scale = 2 * mpmath.pi * mpmath.besseli(0, k) * mpmath.exp(-k)

        def density(t):
            return k * (mpmath.cos(t) - 1) - mpmath.log(scale)

        left = max(-mpmath.pi, mpmath.mpf(z) - 14 / mpmath.sqrt(max(k, 1)))
        below = _tail_by_mpmath(density, left, mpmath.mpf(z))
    assert float(distribution.cdf(z, 0.0, 1.0, k)) == pytest.approx(float(below), rel=2e-13)
    assert float(distribution.survival(-z, 0.0, 1.0, k)) == pytest.approx(float(below), rel=2e-13)


@pytest.mark.parametrize(("k", "z"), [(0.1, 30.0), (2.0, 20.0), (2.0, 0.02), (100.0, 2.0)])
def test_inverse_gaussian_tails_by_mpmath(k, z):
    distribution = DISTRIBUTIONS.get("inverse_gaussian")
    with mpmath.workdps(60):
        z_, k_ = mpmath.mpf(z), mpmath.mpf(k)
        root = mpmath.sqrt(k_ / z_)
        far = mpmath.exp(2 * k_) * mpmath.ncdf(-root * (z_ + 1))
        below = mpmath.ncdf(root * (z_ - 1)) + far
        above = mpmath.ncdf(-root * (z_ - 1)) - far
    assert float(distribution.cdf(z, 1.0, k)) == pytest.approx(float(below), rel=1e-11)
    assert float(distribution.survival(z, 1.0, k)) == pytest.approx(float(above), rel=1e-11)


def test_power_sums_match_the_zeta_function():
    from synthdsl.distributions.ranks import power_sum

    for exponent in (0.0, 0.5, 1.0, 1.0000001, 2.5):
        for first, last in ((1, 7), (1, 1000), (50, 60), (9, 13)):
            exact = mpmath.nsum(lambda j, a=exponent: mpmath.mpf(j) ** -a, [first, last])
            got = float(power_sum(exponent, first, last))
            assert got == pytest.approx(float(exact), rel=1e-13)
    assert float(power_sum(2.5, 1, np.inf)) == pytest.approx(float(mpmath.zeta(2.5)), rel=1e-14)
    assert float(power_sum(2.5, 100, np.inf)) == pytest.approx(
        float(mpmath.zeta(2.5, 100)), rel=1e-13
    )
