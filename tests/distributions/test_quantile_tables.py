"""Tables of quantiles and counts against the exact inverse."""

import numpy as np
import pytest
from distribution_oracles import CONTINUOUS, DISCRETE, FixedDraws, label

from synthdsl.distributions import DISTRIBUTIONS
from synthdsl.distributions.tables import ACCURACY, CountTable, QuantileTable

SLOW = [case for case in CONTINUOUS if DISTRIBUTIONS.get(case[0]).has_slow_quantile]
INTERVALS = [
    ("gamma", (1.0, 2.5), 1.0, 4.0),
    ("gamma", (1.0, 2.5), 25.0, None),
    ("beta", (2.0, 5.0, 0.0, 1.0), None, 0.02),
    ("student_t", (0.0, 1.0, 3.0), -1.0, 30.0),
    ("skew_normal", (0.0, 1.0, 4.0), -0.5, 1.0),
    ("gamma", (1.0, 0.02), None, None),
]


def _levels():
    draws = FixedDraws(6000, seed=3)
    body = draws.uniform()
    deep = 2.0 ** (-1 - 50 * draws.uniform("deep")[:1500])
    return np.concatenate([body, deep, 1 - deep[deep > 2.0**-52], [0.5, 0.25, 0.75, 2.0**-24]])


@pytest.mark.parametrize("case", [(*c[:2], None, None) for c in SLOW] + INTERVALS, ids=label)
def test_table_is_accurate_and_rises(case):
    name, params, low, high = case
    table = QuantileTable.build(DISTRIBUTIONS.get(name), params, low, high)
    assert table.worst <= ACCURACY
    u = np.sort(_levels())
    x, exact = table(u), table.exact(u)
    size = np.abs(exact)
    if exact.min() < 0 < exact.max():
        quarter = np.diff(table.exact(np.array([0.25, 0.75])))[0]
        size = np.maximum(size, quarter)
    # To rounding: of the table in the body, of the library's inverse below 2^-24.
    error = np.abs(x - exact) / np.where(size == 0, 1.0, size)
    assert error.max() <= ACCURACY
    assert (np.diff(x) >= -4e-14 * size[1:]).all()
    if low is not None:
        assert x.min() >= low
    if high is not None:
        assert x.max() <= high


@pytest.mark.parametrize("case", SLOW, ids=label)
def test_table_rises_across_every_cell_border(case):
    name, params, _ = case
    table = QuantileTable.build(DISTRIBUTIONS.get(name), params)
    borders = (2.0 ** -np.arange(2, 24)[:, None] * (1 + np.arange(64) / 64)).reshape(-1)
    for border in (borders, 1 - borders):
        beside = np.stack([np.nextafter(border, 0), border, np.nextafter(border, 1)])
        x = table(beside.reshape(-1)).reshape(3, -1)
        scale = np.maximum(np.abs(x[1]), np.abs(x).max() * 1e-9)
        assert (np.diff(x, axis=0) >= -2e-13 * scale).all()


def test_a_wrong_table_is_caught():
    table = QuantileTable.build(DISTRIBUTIONS.get("gamma"), (1.0, 2.5))
    other = QuantileTable.build(DISTRIBUTIONS.get("gamma"), (1.0, 2.5 * (1 + 1e-7)))
    u = _levels()
    assert np.max(np.abs(other(u) / table.exact(u) - 1)) > ACCURACY


def test_table_does_not_depend_on_the_block():
    table = QuantileTable.build(DISTRIBUTIONS.get("gamma"), (1.0, 2.5))
    u = _levels()
    np.testing.assert_array_equal(table(u)[1000:1100], table(u[1000:1100]))


def test_coverage_is_the_share_of_draws_answered():
    table = QuantileTable.build(DISTRIBUTIONS.get("gamma"), (1.0, 2.5))
    assert table.coverage == pytest.approx(1, abs=1e-6)
    table = QuantileTable.build(DISTRIBUTIONS.get("gamma"), (1.0, 0.02))
    asked = []
    exact = table.exact
    table.exact = lambda u: (asked.append(len(u)), exact(u))[1]
    u = FixedDraws(40_000, seed=5).uniform()
    table(u)
    assert 1 - sum(asked) / len(u) == pytest.approx(table.coverage, abs=0.02)


def test_tables_refuse_the_other_kind():
    with pytest.raises(ValueError, match="CountTable"):
        QuantileTable.build(DISTRIBUTIONS.get("poisson"), (3.0,))
    with pytest.raises(ValueError, match="QuantileTable"):
        CountTable.build(DISTRIBUTIONS.get("gamma"), (1.0, 3.0))


@pytest.mark.parametrize("case", DISCRETE, ids=label)
def test_count_table_inverts_its_cdf_exactly(case):
    name, params, _ = case
    distribution = DISTRIBUTIONS.get(name)
    table = CountTable.build(distribution, params)
    u = np.concatenate([_levels(), [2.0**-53, 1 - 2.0**-53]])
    k = table(u)
    inside = k - table.first < len(table.cdf)
    at = (k - table.first)[inside]
    assert (table.cdf[at] >= u[inside]).all()
    assert ((table.cdf[at - 1] < u[inside]) | (at == 0)).all()
    body = (u > 1e-9) & (u < 1 - 1e-9)
    np.testing.assert_array_equal(k[body], distribution.quantile(u[body], *params))


def test_count_table_on_a_wide_support_falls_back():
    distribution = DISTRIBUTIONS.get("discrete_uniform")
    table = CountTable.build(distribution, (0.0, 1e9))
    u = np.array([1e-6, 0.3, 0.999])
    np.testing.assert_array_equal(table(u), distribution.quantile(u, 0.0, 1e9))


def test_count_table_at_the_edges_of_the_cdf():
    table = CountTable.build(DISTRIBUTIONS.get("discrete_uniform"), (1.0, 4.0))
    u = np.array([0.25, np.nextafter(0.25, 1), 0.5, np.nextafter(0.5, 1), 0.75])
    assert table(u).tolist() == [1, 2, 2, 3, 3]
