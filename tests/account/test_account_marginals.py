"""Marginals gathered block by block agree with NumPy and SciPy on the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest, kstest

from synthdsl.engine.marginals import (
    SKETCH_ROWS,
    MarginalTally,
    has_other_shares,
    has_other_values,
    share_distance,
    value_distance,
)
from synthdsl.engine.movement import exact_interval
from synthdsl.values.columns import Column, Vocabulary


def numbers(values, valid=None, *, block=1000):
    tally = MarginalTally(None)
    for first in range(0, len(values), block):
        part = slice(first, first + block)
        tally.add(Column(values[part], None if valid is None else valid[part]))
    return tally.marginal()


def words(codes, names, *, vocabulary=None, valid=None):
    tally = MarginalTally(names)
    tally.add(Column(codes, valid, Vocabulary(vocabulary or names)))
    return tally.marginal()


@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_numbers_in_blocks_are_those_of_the_whole(offset):
    rng = np.random.default_rng(1)
    values = rng.gamma(2, 3, 10_345) + offset
    valid = rng.random(len(values)) < 0.8
    found = numbers(values, valid)
    kept = values[valid]
    assert (found.rows, found.nulls) == (len(values), int((~valid).sum()))
    assert found.mean == pytest.approx(kept.mean(), rel=1e-12)
    assert found.sd == pytest.approx(kept.std(ddof=1), rel=1e-6)
    assert found.standard_error == pytest.approx(kept.std(ddof=1) / len(kept) ** 0.5, rel=1e-6)
    expected = np.quantile(kept, [0.05, 0.5, 0.95], method="inverted_cdf")
    assert found.quantiles == pytest.approx(tuple(expected))


def test_quantiles_are_of_the_first_rows_and_moments_of_all():
    values = np.concatenate([np.zeros(SKETCH_ROWS), np.ones(SKETCH_ROWS)])
    found = numbers(values, block=16_384)
    assert found.mean == pytest.approx(0.5) and found.quantiles == (0.0, 0.0, 0.0)
    assert len(found.values) == SKETCH_ROWS


def test_of_nothing():
    found = numbers(np.empty(0))
    assert (found.rows, found.mean, found.quantiles, found.null_share) == (0, None, None, 0.0)
    found = numbers(np.zeros(5), np.zeros(5, bool))
    assert (found.nulls, found.mean, found.sd) == (5, None, None)
    assert value_distance(found, numbers(np.ones(3))) == 0.0


def test_words_by_code_whatever_the_vocabulary():
    codes = np.array([0, 1, 1, 2, 2, 2])
    found = words(codes, ("a", "b", "c"))
    assert found.counts.tolist() == [1, 2, 3]
    found = words(codes, ("c", "a"), vocabulary=("a", "b", "c"))
    assert found.counts.tolist() == [3, 1]
    found = words(codes, ("a", "b", "c"), valid=np.array([True, False] * 3))
    assert found.counts.tolist() == [1, 1, 1] and found.nulls == 3


def test_truths():
    tally = MarginalTally(("false", "true"))
    tally.add(Column(np.array([True, True, False])))
    assert tally.marginal().counts.tolist() == [1, 2]


def test_distances():
    first = words(np.array([0, 0, 1, 1]), ("a", "b"))
    second = words(np.array([0, 1, 1, 1]), ("a", "b"))
    assert share_distance(first, second) == pytest.approx(0.25)
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=500), np.round(rng.normal(0.3, 1, 700), 1)
    distance = value_distance(numbers(x), numbers(y))
    assert distance == pytest.approx(kstest(x, y).statistic, abs=1e-12)


@pytest.mark.parametrize("rows", [50, 1000, 4000])
def test_chance_is_not_taken_for_movement(rows):
    """A comparison of k shares has a false alarm with a chance of 6e-7 k: 0.02 in all, mostly of
    the words, most of them rare, of the third pair.
    """
    rng = np.random.default_rng(3)
    names = tuple(f"w{i}" for i in range(60))
    weights = 0.7 ** np.arange(60) / (0.7 ** np.arange(60)).sum()
    for _ in range(100):
        x, y = np.round(rng.normal(size=20_000), 1), np.round(rng.normal(size=rows), 1)
        assert not has_other_values(numbers(x), numbers(y))
        heavy = numbers(rng.pareto(1.1, 20_000)), numbers(rng.pareto(1.1, rows))
        assert not has_other_values(*heavy)
        a, b = (words(rng.choice(60, n, p=weights), names) for n in (20_000, rows))
        assert not has_other_shares(a, b)
        assert not has_other_shares(replace(a, shares=np.append(weights, 0.0)), b)


def test_movement_is_seen():
    rng = np.random.default_rng(4)
    x = numbers(rng.normal(size=100_000))
    assert has_other_values(x, numbers(rng.normal(0.15, 1, 4000)))
    assert has_other_values(x, numbers(rng.normal(0, 1.15, 4000)))
    assert has_other_values(x, numbers(np.zeros(40)))
    a = words(rng.integers(0, 2, 100_000), ("a", "b"))
    b = words((rng.random(4000) < 0.56).astype(np.int64), ("a", "b"))
    assert has_other_shares(a, b)
    assert has_other_shares(replace(a, shares=np.array([0.5, 0.5, 0])), b)
    assert has_other_shares(a, words(np.zeros(40, np.int64), ("a", "b")))


@pytest.mark.parametrize(("found", "rows"), [(0, 10), (10, 10), (3, 50), (20, 1000), (1, 10**6)])
def test_exact_interval(found, rows):
    expected = binomtest(found, rows).proportion_ci(0.95, method="exact")
    assert exact_interval(found, rows) == pytest.approx((expected.low, expected.high), rel=1e-9)
