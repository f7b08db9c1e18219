"""Interval masses and truncated quantiles at the extremes."""

import mpmath
import numpy as np
import pytest

from synthdsl.distributions import DISTRIBUTIONS
from synthdsl.distributions.truncation import interval_mass, truncated_quantile

NORMAL = DISTRIBUTIONS.get("normal")


def _upper(z):
    return mpmath.erfc(mpmath.mpf(z) / mpmath.sqrt(2)) / 2


@pytest.mark.parametrize(
    ("low", "high"),
    [(0.5, 0.6), (6, 6.5), (7.03, None), (20, 21), (30, 31), (45, 46), (8, 8 + 1e-9), (1e-9, 2e-9)],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_normal_intervals_by_mpmath(low, high, sign):
    u = np.array([1e-6, 0.1, 0.5, 0.9, 1 - 1e-6])
    bounds = (low, high) if sign > 0 else (None if high is None else -high, -low)
    x = truncated_quantile(NORMAL, (0.0, 1.0), u, *bounds)
    assert np.all(np.diff(x) > 0)
    with mpmath.workdps(80):
        end = _upper(high) if high is not None else mpmath.mpf(0)
        mass = _upper(low) - end
        levels = [(_upper(low) - _upper(sign * float(value))) / mass for value in x]
    levels = [float(level) if sign > 0 else float(1 - level) for level in levels]
    # A value is a float: the level can be no more exact than the spacing of floats there.
    width = (high or low + 5 / low) - low
    slack = 1e-9 + 4 * np.spacing(float(low)) / min(width, 1 / max(low, 1))
    np.testing.assert_allclose(levels, u, rtol=slack, atol=slack)
    if mass > 1e-300:
        got = interval_mass(NORMAL, (0.0, 1.0), *bounds)
        assert float(got) == pytest.approx(float(mass), rel=1e-10 if width > 1e-6 else 1e-6)


def test_masses_near_the_limits_asked_for():
    assert float(interval_mass(NORMAL, (0.0, 1.0), 7.034, None)) == pytest.approx(1e-12, rel=0.01)
    assert interval_mass(NORMAL, (0.0, 1.0), 50.0, 51.0) == 0
    uniform = DISTRIBUTIONS.get("uniform")
    assert interval_mass(uniform, (0.0, 1.0), 2.0, 3.0) == 0
    assert interval_mass(uniform, (0.0, 1.0), -1.0, 0.25) == 0.25
    assert interval_mass(uniform, (0.0, 1.0), None, None) == 1
    poisson = DISTRIBUTIONS.get("poisson")
    assert interval_mass(poisson, (2.0,), 2.2, 2.8) == 0
    exact = float(mpmath.exp(-2) * 2**3 / 6)
    assert float(interval_mass(poisson, (2.0,), 3, 3)) == pytest.approx(exact, rel=1e-12)
    assert float(interval_mass(poisson, (2.0,), 0, 0)) == pytest.approx(np.exp(-2), rel=1e-14)


def test_mixed_rows_equal_single_rows():
    low = np.array([-40.0, -8.0, -1.0, 2.0, 7.5, 33.0, 41.0, 0.1])
    high = np.array([-39.0, -7.0, 1.0, np.inf, 8.0, np.inf, 42.0, 0.1 + 1e-9])
    u = np.linspace(0.1, 0.9, 8)
    mean, sd = np.linspace(-0.5, 0.5, 8), np.linspace(1, 1.5, 8)
    x = truncated_quantile(NORMAL, (mean, sd), u, low, high)
    mass = interval_mass(NORMAL, (mean, sd), low, high)
    assert ((x >= low) & (x <= high)).all()
    for i in range(8):
        params = (float(mean[i]), float(sd[i]))
        alone = truncated_quantile(NORMAL, params, u[i : i + 1], float(low[i]), float(high[i]))
        assert alone[0] == pytest.approx(x[i], rel=1e-15)
        single = float(interval_mass(NORMAL, params, float(low[i]), float(high[i])))
        assert single == pytest.approx(float(mass[i]), rel=1e-12)


@pytest.mark.parametrize("name", ["exponential", "weibull", "gompertz", "pareto", "lognormal"])
def test_log_tails_reach_beyond_the_smallest_float(name):
    params = {
        "exponential": (1.0,),
        "weibull": (1.0, 2.0),
        "gompertz": (1.0, 0.1),
        "pareto": (1.0, 200.0),
        "lognormal": (0.0, 0.1),
    }[name]
    distribution = DISTRIBUTIONS.get(name)
    low = float(distribution.log_survival_quantile(-2000.0, *params))
    x = truncated_quantile(distribution, params, np.array([0.2, 0.5, 0.99]), low, None)
    got = np.expm1(distribution.log_survival(x, *params) + 2000.0)
    np.testing.assert_allclose(got, [-0.2, -0.5, -0.99], rtol=1e-7)


def test_untruncated_bounds_change_nothing():
    u = np.linspace(0.001, 0.999, 99)
    for name, params in [("normal", (1.0, 2.0)), ("gamma", (1.0, 2.0)), ("poisson", (4.0,))]:
        distribution = DISTRIBUTIONS.get(name)
        np.testing.assert_allclose(
            truncated_quantile(distribution, params, u, None, None),
            distribution.quantile(u, *params),
            rtol=1e-14,
        )
