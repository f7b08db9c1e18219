"""What every registered distribution must keep, whatever it is."""

import subprocess
import sys

import numpy as np
import pytest
from distribution_oracles import CONTINUOUS, DISCRETE, FixedDraws, label, per_row

from synthdsl.distributions import DISTRIBUTIONS
from synthdsl.distributions.tables import CountTable, QuantileTable
from synthdsl.distributions.truncation import truncated_quantile

CASES = CONTINUOUS + DISCRETE
LEVELS = np.concatenate(
    [10.0 ** -np.arange(300, 2, -7), np.linspace(0.003, 0.997, 201), 1 - 10.0 ** -np.arange(3, 15)]
)
REQUIRED = {
    "uniform normal lognormal exponential gamma beta weibull gompertz student_t laplace logistic",
    "gumbel pareto triangular pert von_mises chi_squared inverse_gaussian skew_normal empirical",
    "bernoulli binomial poisson negative_binomial geometric hypergeometric zipf discrete_uniform",
}


def test_every_required_distribution_is_registered_and_has_a_case():
    names = set(" ".join(REQUIRED).split())
    assert names <= set(DISTRIBUTIONS.names())
    assert set(DISTRIBUTIONS.names()) <= {case[0] for case in CASES}


def test_the_family_loads_without_heavy_imports():
    code = (
        "import sys; from synthdsl.distributions import DISTRIBUTIONS; DISTRIBUTIONS.names();"
        "print([m for m in ('numpy', 'scipy', 'pyarrow', 'pandas') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_scipy_stats_is_never_imported():
    code = (
        "import sys, numpy as np; from synthdsl.distributions import DISTRIBUTIONS as D;"
        "D.get('gamma').quantile(np.array([0.5]), 1.0, 2.0); print('scipy.stats' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


@pytest.mark.parametrize("name", DISTRIBUTIONS.names())
def test_describes_itself(name):
    distribution = DISTRIBUTIONS.get(name)
    assert distribution.example.startswith(name + "(")
    assert distribution.summary and distribution.source
    assert distribution.__class__.__doc__
    seen = {form.names for form in distribution.forms}
    assert len(seen) == len(distribution.forms)
    for form in distribution.forms:
        required = [parameter.default is None for parameter in form.parameters]
        assert required == sorted(required, reverse=True), "optional parameters come last"


@pytest.mark.parametrize("case", CASES, ids=label)
def test_quantile_stays_in_the_support_and_rises(case):
    name, params, _ = case
    distribution = DISTRIBUTIONS.get(name)
    low, high = distribution.support(*params)
    x = distribution.quantile(LEVELS, *params)
    assert x.dtype == np.float64 and np.isfinite(x).all()
    assert (x >= low).all() and (x <= high).all()
    assert (np.diff(x) >= -4e-16 * np.abs(x[1:])).all()
    if distribution.is_discrete:
        assert (x == np.floor(x)).all()


@pytest.mark.parametrize("case", CASES, ids=label)
def test_scalar_and_per_row_parameters_agree(case):
    name, params, _ = case
    distribution = DISTRIBUTIONS.get(name)
    rows = per_row(params, len(LEVELS))
    x = distribution.quantile(LEVELS, *params)
    for method, argument in [
        ("quantile", LEVELS),
        ("survival_quantile", LEVELS),
        ("cdf", x),
        ("survival", x),
        ("log_density", x),
    ]:
        plain = getattr(distribution, method)(argument, *params)
        by_row = getattr(distribution, method)(argument, *rows)
        np.testing.assert_allclose(by_row, plain, rtol=2e-15, err_msg=method)
        one = getattr(distribution, method)(float(argument[50]), *params)
        np.testing.assert_allclose(float(one), plain[50], rtol=2e-15, err_msg=method)
    for method in ("mean", "sd"):
        expected = float(getattr(distribution, method)(*params))
        got = np.broadcast_to(getattr(distribution, method)(*rows), len(LEVELS))
        np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=label)
def test_a_row_does_not_depend_on_its_neighbours(case):
    name, params, _ = case
    distribution = DISTRIBUTIONS.get(name)
    whole = distribution.sample(FixedDraws(300), *per_row(params, 300))
    part = distribution.sample(FixedDraws(100, start=150), *per_row(params, 100))
    single = distribution.sample(FixedDraws(1, start=150), *per_row(params, 1))
    np.testing.assert_array_equal(part, whole[150:250])
    np.testing.assert_array_equal(single, whole[150:151])


@pytest.mark.parametrize("name", ["poisson", "binomial", "negative_binomial"])
def test_rows_of_mixed_methods_do_not_depend_on_their_neighbours(name):
    distribution = DISTRIBUTIONS.get(name)
    mean = np.linspace(0.5, 60, 400)
    params = {"poisson": (mean,), "binomial": (80.0, mean / 80), "negative_binomial": (mean, 1.4)}
    whole = distribution.sample(FixedDraws(400), *params[name])
    for start, stop in [(0, 40), (100, 140), (350, 400)]:
        rows = tuple(p[start:stop] if np.ndim(p) else p for p in params[name])
        part = distribution.sample(FixedDraws(stop - start, start=start), *rows)
        np.testing.assert_array_equal(part, whole[start:stop])


@pytest.mark.parametrize("case", CASES, ids=label)
def test_outside_the_support_nothing_happens(case):
    name, params, _ = case
    distribution = DISTRIBUTIONS.get(name)
    low, high = distribution.support(*params)
    if np.isfinite(low):
        x = np.array([low - 1.0])
        assert distribution.cdf(x, *params) == 0 and distribution.survival(x, *params) == 1
        assert distribution.log_density(x, *params) == -np.inf
    if np.isfinite(high):
        x = np.array([high + 1.0])
        assert distribution.cdf(x, *params) == 1 and distribution.survival(x, *params) == 0
        assert distribution.log_density(x, *params) == -np.inf


@pytest.mark.parametrize(
    ("name", "form", "values", "mean", "sd"),
    [
        ("lognormal", 1, (76.0, 15.0), 76, 15),
        ("lognormal", 2, (76.0, 0.2), 76, 15.2),
        ("exponential", 1, (0.25,), 4, 4),
        ("gamma", 0, (3.0, 2.0), 6, 12**0.5),
        ("gamma", 1, (2.0, 0.6), 2, 1.2),
        ("gamma", 2, (2.0, 0.5), 2, 0.5),
        ("beta", 1, (0.3, 0.1, 0.0, 1.0), 0.3, 0.1),
        ("beta", 1, (23.0, 3.0, 10.0, 40.0), 23, 3),
        ("pert", 0, (1.0, 3.0, 11.0, 4.0), 4, None),
        ("negative_binomial", 0, (3.0, 1.5), 3, 3),
        ("negative_binomial", 1, (2.0, 0.25), 6, 24**0.5),
        ("geometric", 0, (0.25,), 3, 12**0.5),
        ("empirical", 0, ([0, 2, 4], [0.5, 0.5]), 2, (4 / 3) ** 0.5),
        ("empirical", 1, ([0, 0.5, 1], [0, 2, 4]), 2, (4 / 3) ** 0.5),
        ("hypergeometric", 0, (50.0, 10.0, 5.0), 1, None),
        ("gompertz", 0, (0.1, 0.08), None, None),
        ("inverse_gaussian", 0, (3.0, 6.0), 3, (27 / 6) ** 0.5),
    ],
)
def test_forms_mean_what_they_say(name, form, values, mean, sd):
    distribution = DISTRIBUTIONS.get(name)
    chosen = distribution.forms[form]
    assert all(bool(requirement.holds(*values)) for requirement in chosen.requirements)
    params = chosen.canonical(*values)
    if mean is not None:
        assert float(distribution.mean(*params)) == pytest.approx(mean, rel=1e-12)
    if sd is not None:
        assert float(distribution.sd(*params)) == pytest.approx(sd, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "form", "values"),
    [
        ("uniform", 0, (2.0, 1.0)),
        ("triangular", 0, (0.0, 3.0, 2.0)),
        ("pert", 0, (0.0, -1.0, 2.0, 4.0)),
        ("beta", 1, (0.5, 0.5, 0.0, 1.0)),
        ("beta", 1, (1.5, 0.1, 0.0, 1.0)),
        ("zipf", 0, (1.0, float("inf"))),
        ("hypergeometric", 0, (5.0, 6.0, 1.0)),
        ("empirical", 0, ([0, 1], [0.5])),
        ("empirical", 0, ([0, 1, 1], [0.5, 0.5])),
        ("empirical", 1, ([0, 0.9], [1, 2])),
        ("discrete_uniform", 0, (3.0, 2.0)),
    ],
)
def test_requirements_refuse_and_work_on_arrays(name, form, values):
    requirements = DISTRIBUTIONS.get(name).forms[form].requirements
    assert not all(bool(requirement.holds(*values)) for requirement in requirements)
    if not isinstance(values[0], list):
        rows = tuple(np.full(3, value) for value in values)
        holds = [np.all(requirement.holds(*rows)) for requirement in requirements]
        assert not all(holds)


@pytest.mark.parametrize("case", CASES, ids=label)
def test_blocks_without_rows_are_fine(case):
    name, params, _ = case
    distribution = DISTRIBUTIONS.get(name)
    nothing = np.empty(0)
    rows = per_row(params, 0)
    for method in ("quantile", "survival_quantile", "cdf", "survival", "log_density"):
        assert np.shape(getattr(distribution, method)(nothing, *rows)) == (0,)
    assert np.shape(distribution.sample(FixedDraws(0), *rows)) == (0,)
    assert truncated_quantile(distribution, rows, nothing, 0.5, 2.0).shape == (0,)
    table = (CountTable if distribution.is_discrete else QuantileTable).build(distribution, params)
    assert table(nothing).shape == (0,)
