"""Chances of what paths visit: against exact fractions, for chains small and stiff."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pathway_machines import Entities, machine_of

from synthdsl.engine.pathways.chains import (
    MOST_TRACKED,
    PathCondition,
    acceptance,
    reaching_all,
)
from synthdsl.engine.pathways.conditioned import Transitions


def exact_acceptance(matrix, bits, accepts):
    """The same chances in fractions, by elimination on all pairs of state and mask at once."""
    states, masks = len(matrix), len(accepts)
    size = states * masks
    rows = []
    for s in range(states):
        for m in range(masks):
            row = [Fraction(0)] * (size + 1)
            row[s * masks + m] = Fraction(1)
            if not any(matrix[s]):
                row[size] = Fraction(int(accepts[m]))
            for j, p in enumerate(matrix[s]):
                row[j * masks + (m | bits[j])] -= p
            rows.append(row)
    for k in range(size):
        pivot = next(i for i in range(k, size) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i in range(size):
            if i != k and rows[i][k]:
                factor = rows[i][k]
                rows[i] = [x - factor * y for x, y in zip(rows[i], rows[k], strict=True)]
    return [[rows[s * masks + m][size] for m in range(masks)] for s in range(states)]


@st.composite
def chains(draw):
    """A chain with 1 to 4 passing states and 1 or 2 ends, and states of interest."""
    passing, ends = draw(st.integers(1, 4)), draw(st.integers(1, 2))
    size = passing + ends
    matrix = []
    for _ in range(passing):
        weights = [Fraction(draw(st.integers(0, 5))) for _ in range(size - 1)]
        # every state may end at once, however seldom
        weights.append(Fraction(1, draw(st.sampled_from([1, 7, 10**6, 10**12]))))
        matrix.append([w / sum(weights) for w in weights])
    matrix += [[Fraction(0)] * size] * ends
    tracked = draw(st.lists(st.integers(0, size - 1), min_size=0, max_size=2, unique=True))
    bits = [0] * size
    for i, state in enumerate(tracked):
        bits[state] = 1 << i
    accepts = draw(st.lists(st.booleans(), min_size=1 << len(tracked), max_size=1 << len(tracked)))
    return matrix, bits, accepts


@given(chains())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_chances_are_exact_entry_by_entry(case):
    matrix, bits, accepts = case
    floats = np.array([[float(p) for p in row] for row in matrix])
    found = acceptance(floats, np.array(bits), accepts)
    stacked = acceptance(np.stack([floats] * 2), np.array(bits), accepts)
    assert np.array_equal(stacked[0], found) and np.array_equal(stacked[1], found)
    exact = exact_acceptance(matrix, bits, accepts)
    for s, row in enumerate(exact):
        for m, chance in enumerate(row):
            if bits[s] & ~m:
                assert found[s, m] == 0
            else:
                # relative, so that small chances are as good as large ones; floats of the
                # matrix are themselves rounded
                assert abs(found[s, m] - float(chance)) <= 1e-13 * float(chance)


def test_a_rare_condition_keeps_its_digits():
    """A path of ten steps, each with chance 1e-30: no sum of complements could tell."""
    steps = 10
    matrix = np.zeros((steps + 2, steps + 2))
    for i in range(steps):
        matrix[i, i + 1], matrix[i, -1] = 1e-30, 1.0
    bits = np.zeros(steps + 2, np.int64)
    bits[steps] = 1
    assert acceptance(matrix, bits, [False, True])[0, 0] == pytest.approx(1e-300, rel=1e-13)


def test_a_path_that_never_ends_is_not_accepted():
    matrix = np.array([[0.0, 0.5, 0.5], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    found = acceptance(matrix, np.zeros(3, np.int64), [True])
    assert found[:, 0].tolist() == [0.5, 0.0, 1.0]


def test_conditions_combine_as_logic_does():
    a, b, c = (PathCondition.reaching(name) for name in "abc")
    names = ("a", "b", "c")
    for mask in range(8):
        x, y, z = (bool(mask >> i & 1) for i in range(3))
        for condition, expected in (
            (a & b, x and y),
            (a | ~c, x or not z),
            (~(a & b) | (c & ~a), not (x and y) or (z and not x)),
            (b & (a | b), y),
            (reaching_all(["c"], avoiding=["a", "b"]), z and not x and not y),
            (reaching_all([]), True),
        ):
            assert condition._of(mask, names) == expected
    assert (a & ~a).accepts == (False, False)


def test_conditions_are_about_few_states():
    many = [PathCondition.reaching(f"s{i}") for i in range(MOST_TRACKED + 1)]
    reaching_all([c.states[0] for c in many[:-1]])
    with pytest.raises(ValueError, match="more than 8 states"):
        reaching_all([c.states[0] for c in many])


def test_matrices_by_entity(tmp_path):
    (tmp_path / "after.csv").write_text(
        "band,state,n\nold,died,2\nold,home,3\nyoung,home,9\nyoung,ward,1\n"
    )
    machine = machine_of(
        """
lookup after from "after.csv" key band value state count n
pathway admission per encounter e starts start {
  ed: 5 h -> {ward: 0.9 * expit((age - 50)/20), home: rest}
  ward: 2 d -> after[when {age > 60: "old", else: "young"}]
  final home, died
}""",
        folder=tmp_path,
    )
    entities = Entities(0, 60)
    transitions = Transitions(machine, lambda e: e)
    assert not transitions.is_constant
    matrix = transitions.matrix(entities.visits(np.arange(60), np.zeros(60, np.int64)))
    age = entities.frame.column("age").values
    assert matrix.shape == (60, 4, 4)
    ward = 0.9 / (1 + np.exp(-(age - 50) / 20))
    assert np.allclose(matrix[:, 0, 1], ward) and np.allclose(matrix[:, 0, 2], 1 - ward)
    old = age > 60
    assert np.allclose(matrix[old, 1], [0, 0, 0.6, 0.4])
    assert np.allclose(matrix[~old, 1], [0, 0.1, 0.9, 0])
    chance = acceptance(matrix, np.array([0, 0, 0, 1]), [False, True])[:, 0, 0]
    assert np.allclose(chance, np.where(old, ward * 0.4, 0))


def test_weights_that_depend_on_the_visit_are_no_chain():
    machine = machine_of("""
pathway admission per encounter e starts start {
  ed: 5 h -> {ed: when {index < 3: 50%, else: 0%}, home: rest}
  final home
}""")
    with pytest.raises(ValueError, match="depend on the visit"):
        Transitions(machine, lambda e: e)
