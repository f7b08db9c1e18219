"""Elimination against enumeration of all combinations of cells."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthdsl.engine.conditioning import factors
from synthdsl.engine.conditioning.factors import Elimination, Factor, Levels


@st.composite
def problems(draw):
    """Masses and random factors over up to five variables of up to five cells."""
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    seed = draw(st.integers(0, 2**32))
    rng = np.random.default_rng(seed)
    masses = [rng.dirichlet(np.ones(n)) for n in sizes]
    tables = []
    for _ in range(draw(st.integers(0, 4))):
        scope = sorted(draw(st.sets(st.integers(0, len(sizes) - 1), min_size=1, max_size=3)))
        table = rng.random([sizes[v] for v in scope]) < draw(st.floats(0.3, 1))
        tables.append(Factor(tuple(scope), table))
    first = frozenset(draw(st.sets(st.integers(0, len(sizes) - 1), max_size=2)))
    return masses, tables, first


def joint_law(masses, tables):
    """Every combination of cells with its mass, by enumeration."""
    law = {}
    for cells in product(*(range(len(m)) for m in masses)):
        mass = np.prod([m[c] for m, c in zip(masses, cells, strict=True)])
        for factor in tables:
            mass *= factor.table[tuple(cells[v] for v in factor.scope)]
        law[cells] = mass
    return law


@settings(max_examples=150, deadline=None, derandomize=True)
@given(problems())
def test_mass_and_law_are_those_of_enumeration(problem):
    masses, tables, first = problem
    law = joint_law(masses, tables)
    elimination = Elimination(masses, tables, first=first)
    total = sum(law.values())
    assert elimination.mass == pytest.approx(total, rel=1e-12, abs=1e-300)
    if total == 0:
        return
    # the law as buckets tell it: the product of each variable's shares given the others
    rng = np.random.default_rng(1)
    n = 20_000
    cells = elimination.draw(lambda _: rng.random(n))
    columns = [np.broadcast_to(cells[v], n).tolist() for v in range(len(masses))]
    drawn = list(zip(*columns, strict=True))
    counts = {c: 0 for c in law}
    for c in drawn:
        counts[c] += 1
    for c, mass in law.items():
        share = mass / total
        assert share > 0 or counts[c] == 0
        # 6 sigma and a little: below 1e-8 a comparison
        assert abs(counts[c] - n * share) <= 6 * np.sqrt(n * share * (1 - share)) + 3


def test_given_cells_stay_and_condition_the_rest():
    masses = [np.array([0.5, 0.5]), np.array([0.2, 0.3, 0.5])]
    table = np.array([[1, 1, 0], [0, 1, 1]])
    elimination = Elimination(masses, [Factor((0, 1), table)], first=frozenset({0}))
    assert [b.variable for b in elimination.buckets] == [0, 1]
    u = (np.arange(1000) + 0.5) / 1000
    cells = elimination.draw(lambda _: u, {0: np.zeros(1000, np.int64)})
    assert np.bincount(cells[1], minlength=3).tolist() == [400, 600, 0]


def test_a_table_that_is_too_large_leaves_a_factor_out(monkeypatch):
    monkeypatch.setattr(factors, "LARGEST_BUCKET", 100)
    masses = [np.full(10, 0.1)] * 3
    tables = [Factor((0, 1), np.eye(10)), Factor((1, 2), np.eye(10)), Factor((0, 2), np.eye(10))]
    elimination = Elimination(masses, tables)
    assert elimination.left_out == 1
    # a superset of what the factors allow
    assert elimination.mass == pytest.approx(0.01)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 6), st.booleans())
def test_levels_are_those_of_a_search(seed, cells, rows, is_sparse):
    rng = np.random.default_rng(seed)
    weights = rng.random((rows, cells)) ** 8
    if is_sparse:
        weights *= rng.random((rows, cells)) < 0.4
    weights[:, rng.integers(cells)] += 1e-3
    levels = Levels(weights)
    u = rng.random(500)
    row = rng.integers(0, rows, 500)
    drawn = levels.draw(u, row)
    assert (weights[row, drawn] > 0).all()
    cumulated = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    for i in range(500):
        expected = np.searchsorted(cumulated[row[i]], u[i], side="right")
        near = np.abs(cumulated[row[i]] - u[i]).min() < 1e-12
        assert near or drawn[i] == expected
