"""Joint draws: laws, nulls, and what is refused before any row is drawn."""

import math

import numpy as np
import pytest
from distribution_oracles import ALPHA, FixedDraws, ks_pvalue
from scipy import stats

from synthdsl.distributions._rejection import log_standard_gamma
from synthdsl.functions.base import Argument, Misuse
from synthdsl.providers import PROVIDERS
from synthdsl.providers.joint import cholesky, lower_triangle
from synthdsl.values.columns import Column
from synthdsl.values.types import FLOAT, INT, Kind, Type

LIST = Type(Kind.LIST, element=FLOAT)
ROWS = 16_384


def _list(value):
    return Argument(LIST, is_constant=True, value=value)


def _infer(name, *arguments):
    return PROVIDERS.get(name).infer(*arguments)


def _normal(mean, sd, correlation, rows=ROWS, seed=0):
    provider = PROVIDERS.get("multivariate_normal")
    arguments = [
        Argument(LIST) if isinstance(value, Column) else _list(value)
        for value in (mean, sd, correlation)
    ]
    assert provider.infer(*arguments) == Type(Kind.LIST, element=FLOAT)
    prepared = provider.prepare(*arguments)
    return provider.draw(FixedDraws(rows, seed=seed), prepared, mean, sd, correlation)


CORRELATION = [[1.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 1.0]]


def _correlation_pvalue(values, expected):
    """Fisher's transform: the worst of all pairs, Bonferroni-corrected."""
    size = values.shape[1]
    worst = 1.0
    for i in range(size):
        for j in range(i):
            r = np.corrcoef(values[:, i], values[:, j])[0, 1]
            z = (math.atanh(r) - math.atanh(expected[i][j])) * math.sqrt(len(values) - 3)
            worst = min(worst, 2 * stats.norm.sf(abs(z)))
    return min(1.0, worst * size * (size - 1) / 2)


def test_multivariate_normal_has_its_marginals_and_correlations():
    column = _normal([170.0, 70.0, 5.0], [9.0, 12.0, 0.5], CORRELATION)
    assert column.values.shape == (ROWS, 3) and column.valid is None
    for i, (mean, sd) in enumerate([(170, 9), (70, 12), (5, 0.5)]):
        assert ks_pvalue(column.values[:, i], stats.norm(mean, sd).cdf) > ALPHA
    assert _correlation_pvalue(column.values, CORRELATION) > ALPHA
    # Whitened by the inverse root, every direction is a standard normal of its own.
    standard = (column.values - [170, 70, 5]) / [9, 12, 0.5]
    white = np.linalg.solve(np.linalg.cholesky(np.array(CORRELATION)), standard.T)
    assert ks_pvalue((white**2).sum(axis=0), stats.chi2(3).cdf) > ALPHA


def test_a_wrong_correlation_is_caught():
    column = _normal(
        [0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [[1, 0.5, -0.3], [0.5, 1, 0.2], [-0.3, 0.2, 1]]
    )
    assert _correlation_pvalue(column.values, CORRELATION) < ALPHA


def test_triangles_mean_the_same_matrix():
    full = lower_triangle(CORRELATION, 3)
    assert full == CORRELATION
    assert lower_triangle([[1], [0.6, 1], [-0.3, 0.2, 1]], 3) == CORRELATION
    assert lower_triangle([[0.6], [-0.3, 0.2]], 3) == CORRELATION
    np.testing.assert_allclose(cholesky(full), np.linalg.cholesky(np.array(CORRELATION)))


def test_columns_of_means_and_null_rows():
    means = Column(np.arange(10.0).reshape(5, 2), np.array([True, False, True, True, True]))
    column = _normal(means, [1.0, 2.0], [[1, 0], [0, 1]], rows=5)
    plain = _normal([0.0, 0.0], [1.0, 2.0], [[1, 0], [0, 1]], rows=5)
    np.testing.assert_allclose(column.values - means.values, plain.values, atol=1e-12)
    assert column.valid.tolist() == [True, False, True, True, True]


@pytest.mark.parametrize(
    ("mean", "sd", "correlation", "text"),
    [
        ([1, 2], [1], [[1, 0], [0, 1]], "2 entries"),
        ([1, 2], [1, 0], [[1, 0], [0, 1]], "above 0"),
        ([1, 2], [1, 1], [[1, 0.5], [0.4, 1]], "not symmetric"),
        ([1, 2], [1, 1], [[1, 2], [2, 1]], "outside"),
        ([1, 2], [1, 1], [[2, 0], [0, 1]], "itself"),
        (
            [1, 2, 3],
            [1, 1, 1],
            [[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]],
            "positive definite",
        ),
        ([1, 2, 3], [1, 1, 1], [[1, 0], [0, 1]], "rows of"),
    ],
)
def test_multivariate_normal_refuses(mean, sd, correlation, text):
    found = _infer("multivariate_normal", _list(mean), _list(sd), _list(correlation))
    assert isinstance(found, Misuse) and text in found.message


def test_a_scalar_is_refused_where_a_list_is_needed():
    found = _infer("dirichlet", Argument(FLOAT, is_constant=True, value=1.0))
    assert isinstance(found, Misuse) and found.argument == 0


@pytest.mark.parametrize("concentration", [[8.0, 2.0, 1.0], [0.05, 0.02, 0.3], [1.0, 1.0]])
def test_dirichlet_shares_are_betas(concentration):
    provider = PROVIDERS.get("dirichlet")
    assert _infer("dirichlet", _list(concentration)) == Type(Kind.LIST, element=FLOAT)
    shares = provider.draw(FixedDraws(ROWS), None, concentration).values
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-14)
    total = sum(concentration)
    for i, a in enumerate(concentration):
        p = ks_pvalue(np.minimum(shares[:, i], 1), stats.beta(a, total - a).cdf)
        # Shares within rounding of 1 tie there; the law's mass on them is small.
        assert p > ALPHA or (shares[:, i] > 1 - 1e-15).mean() > 1e-3


def test_dirichlet_rows_follow_their_own_concentrations():
    rows = np.tile([[8.0, 2.0], [0.5, 0.5]], (ROWS // 2, 1))
    shares = PROVIDERS.get("dirichlet").draw(FixedDraws(ROWS), None, Column(rows)).values
    assert ks_pvalue(shares[::2, 0], stats.beta(8, 2).cdf) > ALPHA
    assert ks_pvalue(shares[1::2, 0], stats.beta(0.5, 0.5).cdf) > ALPHA


def test_log_gamma_draws_survive_where_gamma_draws_underflow():
    logs = log_standard_gamma(FixedDraws(ROWS), 1e-4)
    assert np.isfinite(logs).all() and logs.min() < -1000


@pytest.mark.parametrize("trials", [0, 1, 20, 3000])
def test_multinomial_counts_are_binomial_and_total_the_trials(trials):
    provider = PROVIDERS.get("multinomial")
    p = [0.5, 0.3, 0.15, 0.05, 0.0]
    argument = Argument(INT, is_constant=True, value=trials)
    assert _infer("multinomial", argument, _list(p)) == Type(Kind.LIST, element=INT)
    counts = provider.draw(FixedDraws(ROWS), None, trials, p).values
    assert counts.dtype == np.int64 and counts.min() >= 0
    assert (counts.sum(axis=1) == trials).all() and not counts[:, 4].any()
    if trials == 0:
        return
    for i, share in enumerate(p[:4]):
        jitter = FixedDraws(ROWS).uniform(f"jitter{i}")
        law = stats.binom(trials, share)
        level = law.cdf(counts[:, i] - 1) + jitter * law.pmf(counts[:, i])
        assert ks_pvalue(level, stats.uniform.cdf) > ALPHA
    expected = -trials * p[0] * p[1]
    products = (counts[:, 0] - trials * p[0]) * (counts[:, 1] - trials * p[1])
    z = (products.mean() - expected) / (products.std() / math.sqrt(ROWS))
    assert 2 * stats.norm.sf(abs(z)) > ALPHA


def test_multinomial_with_columns_and_nulls():
    provider = PROVIDERS.get("multinomial")
    trials = Column(np.array([5, 0, 9, 7]), np.array([True, True, False, True]))
    p = Column(np.array([[0.5, 0.5], [1.0, 0.0], [0.1, 0.2], [0.0, 1.0]]))
    column = provider.draw(FixedDraws(4), None, trials, p)
    assert column.valid.tolist() == [True, True, False, True]
    assert column.values[[0, 1, 3]].sum(axis=1).tolist() == [5, 0, 7]
    assert column.values[3].tolist() == [0, 7]
    with pytest.raises(ValueError, match="100 %"):
        provider.draw(FixedDraws(4), None, 5, p)


def test_multinomial_refuses_probabilities_that_do_not_total_one():
    trials = Argument(INT, is_constant=True, value=5)
    found = _infer("multinomial", trials, _list([0.5, 0.4]))
    assert isinstance(found, Misuse) and "90 %" in found.message
    found = _infer("multinomial", Argument(INT, is_constant=True, value=-1), _list([1.0]))
    assert isinstance(found, Misuse) and found.argument == 0


@pytest.mark.parametrize("name", ["multivariate_normal", "dirichlet", "multinomial"])
def test_rows_do_not_depend_on_their_block(name):
    values = {
        "multivariate_normal": ([1.0, 2.0], [1.0, 3.0], [[1, 0.4], [0.4, 1]]),
        "dirichlet": ([0.4, 3.0, 1.0],),
        "multinomial": (60, [0.5, 0.3, 0.2]),
    }[name]
    provider = PROVIDERS.get(name)
    prepared = provider.prepare(*[_list(value) for value in values])
    whole = provider.draw(FixedDraws(200), prepared, *values).values
    part = provider.draw(FixedDraws(50, start=100), prepared, *values).values
    one = provider.draw(FixedDraws(1, start=100), prepared, *values).values
    np.testing.assert_array_equal(part, whole[100:150])
    np.testing.assert_array_equal(one, whole[100:101])
