"""Paths and sorted draws of groups of rows: laws, independence of groups, broken samplers."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtri
from sequence_oracles import ALPHA, ordinals_of, uniform_pvalue, uniforms

from synthdsl.engine.sequence_samplers import Siblings, autoregression, sorted_within, walk

COUNTS = np.random.Generator(np.random.Philox(3)).negative_binomial(1, 0.1, 400) + 1


def normals(rows, seed=0):
    return ndtri(uniforms(rows, seed))


def naive_path(ordinals, persistence, z):
    """The recursion row by row."""
    path = []
    for k, p, noise in zip(ordinals, persistence, z, strict=True):
        path.append(noise if k == 0 else p * path[-1] + np.sqrt((1 - p) * (1 + p)) * noise)
    return np.array(path)


def whitened(path, groups, length, covariance):
    """Paths of one length as what are independent standard normals if their law is this one."""
    return np.linalg.solve(np.linalg.cholesky(covariance), path.reshape(groups, length).T).T


def is_white(white):
    """Whether values are standard normal and neighbours uncorrelated; at ALPHA each."""
    pairs = (white[:, 1:] * white[:, :-1]).reshape(-1)
    score = pairs.sum() / np.sqrt(len(pairs))
    two_sided = 2 * stats.norm.sf(abs(score))
    return uniform_pvalue(stats.norm.cdf(white.reshape(-1))) > ALPHA and two_sided > ALPHA


@pytest.mark.parametrize("persistence", [0.9, -0.5, 0.0, None])
def test_autoregression_is_the_recursion(persistence):
    ordinals = ordinals_of(COUNTS)
    rows = len(ordinals)
    z = normals(rows)
    by_row = 2 * uniforms(rows, 1) - 1 if persistence is None else np.full(rows, persistence)
    given = by_row if persistence is None else persistence
    found = autoregression(Siblings(ordinals), given, z)
    np.testing.assert_allclose(found, naive_path(ordinals, by_row, z), rtol=1e-12)


@pytest.mark.parametrize(("phi", "declared"), [(0.9, 0.9), (-0.6, -0.6), (0.9, 0.88)])
def test_autocovariance_is_geometric_and_a_wrong_phi_is_caught(phi, declared):
    groups, length = 1_500, 20
    ordinals = ordinals_of([length] * groups)
    path = autoregression(Siblings(ordinals), phi, normals(groups * length, 2))
    lag = np.abs(np.subtract.outer(np.arange(length), np.arange(length)))
    white = whitened(path, groups, length, declared**lag * 1.0)
    assert is_white(white) == (phi == declared)


def test_a_path_that_starts_at_its_mean_is_caught():
    """The usual mistake: not stationary from the first row on."""
    groups, length, phi = 1_500, 10, 0.9
    z = normals(groups * length, 4).reshape(groups, length)
    path = np.zeros((groups, length))
    for k in range(1, length):
        path[:, k] = phi * path[:, k - 1] + np.sqrt(1 - phi**2) * z[:, k]
    lag = np.abs(np.subtract.outer(np.arange(length), np.arange(length)))
    assert not is_white(whitened(path + 1e-9 * z, groups, length, phi**lag))


def test_persistence_by_gap_is_exponential_in_time():
    """Ornstein-Uhlenbeck: the correlation of any two rows halves with each half-life between."""
    groups, length, half_life = 3_000, 12, 3.0
    gaps = 0.2 + 4 * uniforms(length, 5)
    time = np.cumsum(gaps)
    persistence = np.tile(np.exp2(-gaps / half_life), groups)
    ordinals = ordinals_of([length] * groups)
    path = autoregression(Siblings(ordinals), persistence, normals(groups * length, 6))
    apart = np.abs(np.subtract.outer(time, time))
    assert is_white(whitened(path, groups, length, 2 ** (-apart / half_life)))
    assert not is_white(whitened(path, groups, length, np.exp(-apart / half_life)))


def test_walks_start_where_they_should_and_step_independently():
    ordinals = ordinals_of(COUNTS)
    steps = normals(len(ordinals), 7)
    start = uniforms(len(ordinals), 8)
    path = walk(Siblings(ordinals), start, steps)
    at = np.flatnonzero(ordinals == 0)
    np.testing.assert_array_equal(path[at], start[at])
    group = np.cumsum(ordinals == 0) - 1
    later = ordinals > 0
    np.testing.assert_allclose(np.diff(path, prepend=0)[later], steps[later], atol=1e-12)
    total = np.bincount(group, np.where(later, steps, 0.0))
    ends = np.append(at[1:], len(path)) - 1
    np.testing.assert_allclose(path[ends], start[at] + total, atol=1e-11)


@pytest.mark.parametrize("kind", [np.int64, np.float64, "wide"])
def test_sorting_keeps_groups_and_values(kind):
    ordinals = ordinals_of(COUNTS)
    values = uniforms(len(ordinals), 9) * 1000 - 500
    values = (values * 2.0**50).astype(np.int64) if kind == "wide" else values.astype(kind)
    group = np.cumsum(ordinals == 0) - 1
    wanted = np.concatenate([np.sort(values[group == g]) for g in range(len(COUNTS))])
    np.testing.assert_array_equal(sorted_within(values.copy(), ordinals), wanted)
    one = np.arange(len(values))
    np.testing.assert_array_equal(sorted_within(values.copy(), one), np.sort(values))


@pytest.mark.parametrize("place", [0, 2, 4])
def test_sorted_uniforms_are_beta(place):
    """Order statistics: the k-th of n uniforms is beta(k, n + 1 - k); another rank is caught."""
    groups, length = 4_000, 5
    ordinals = ordinals_of([length] * groups)
    values = sorted_within(uniforms(groups * length, 10), ordinals).reshape(groups, length)
    law = stats.beta(place + 1, length - place)
    assert uniform_pvalue(law.cdf(values[:, place])) > ALPHA
    assert uniform_pvalue(law.cdf(values[:, (place + 1) % length])) < ALPHA


def test_more_groups_than_16_bits_hold():
    ordinals = ordinals_of([2] * 70_000)
    values = uniforms(140_000, 11)
    found = sorted_within(values, ordinals).reshape(-1, 2)
    np.testing.assert_array_equal(found, np.sort(values.reshape(-1, 2), axis=1))


@pytest.mark.parametrize("chosen", [[0], [399], [3, 5, 8], list(range(100, 180))])
def test_a_group_does_not_depend_on_the_others_bit_for_bit(chosen):
    ordinals = ordinals_of(COUNTS)
    rows = len(ordinals)
    group = np.cumsum(ordinals == 0) - 1
    at = np.flatnonzero(np.isin(group, chosen))
    z, share = normals(rows, 12), 2 * uniforms(rows, 13) - 1
    whole, part = Siblings(ordinals), Siblings(ordinals[at])
    for persistence in (0.95, share):
        some = persistence if np.ndim(persistence) == 0 else persistence[at]
        np.testing.assert_array_equal(
            autoregression(part, some, z[at]), autoregression(whole, persistence, z)[at]
        )
    np.testing.assert_array_equal(walk(part, 1e6, z[at]), walk(whole, 1e6, z)[at])
    np.testing.assert_array_equal(
        sorted_within(z[at], ordinals[at]), sorted_within(z, ordinals)[at]
    )


def test_groups_without_rows_are_fine():
    nothing = np.zeros(0, np.int64)
    assert Siblings(nothing).rows == 0
    one = Siblings(np.array([0]))
    assert autoregression(one, 0.5, np.array([1.5])).tolist() == [1.5]
    assert walk(one, 3.0, np.array([1.5])).tolist() == [3.0]
