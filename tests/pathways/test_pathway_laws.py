"""Paths against the analytic solutions of semi-Markov processes.

Each test has a false-alarm rate of at most 1e-4 under its fixed seed: |z| < 4.9 for up to 100
numbers, or p > 1e-4. The last tests prove that a wrong machine is caught.
"""

from __future__ import annotations

import numpy as np
import pytest
from pathway_machines import ADMISSION, DAY, HOUR, Entities, machine_of
from scipy import stats
from scipy.linalg import expm

from synthdsl.engine.pathways.chains import expected_visits
from synthdsl.engine.pathways.conditioned import Transitions

ROWS = 20_000
LARGEST_Z = 4.9
ONSET = {"start": 0}


@pytest.fixture(scope="module")
def admissions():
    return Entities(0, ROWS), machine_of(ADMISSION)


def chain(machine):
    """The matrix over all states, and its transient part."""
    matrix = np.zeros((5, 5))
    matrix[0, [1, 2, 3]] = 0.75, 0.08, 0.17
    matrix[1, [3, 2, 4]] = 0.90, 0.06, 0.04
    matrix[2, [1, 4]] = 0.80, 0.20
    return matrix, matrix[:3, :3]


def test_visits_ends_and_times_follow_the_fundamental_matrix(admissions):
    entities, machine = admissions
    visits = entities.paths(machine)
    matrix, transient = chain(machine)
    fundamental = np.linalg.inv(np.eye(3) - transient)
    counts = np.zeros((ROWS, 5))
    np.add.at(counts, (visits.parents, visits.state.values), 1)
    # variance of the number of visits to j from state 0 (Kemeny and Snell 1960, 3.3.3)
    mean = fundamental[0]
    variance = mean * (2 * np.diag(fundamental) - 1) - mean**2
    z = (counts[:, 1:3].mean(axis=0) - mean[1:]) / np.sqrt(variance[1:] / ROWS)
    assert np.abs(z).max() < LARGEST_Z
    ends = (fundamental @ matrix[:3, 3:])[0]
    observed = counts[:, 3:].sum(axis=0)
    assert stats.chisquare(observed, ends * ROWS).pvalue > 1e-4
    lengths = np.array([5 * HOUR, 3 * DAY, 4 * DAY])
    total = np.bincount(visits.parents, np.where(visits.stay.valid, visits.stay.values, 0.0))
    z = (total.mean() - mean @ lengths) / (total.std() / np.sqrt(ROWS))
    assert abs(z) < LARGEST_Z


def test_the_engine_knows_the_matrix_and_the_expected_visits(admissions):
    entities, machine = admissions
    transitions = Transitions(machine, lambda e: e)
    assert transitions.is_constant
    matrix, transient = chain(machine)
    found = transitions.matrix(entities.visits(np.arange(3), np.zeros(3, np.int64)))
    assert np.allclose(found, matrix, atol=1e-15)
    expected = np.linalg.inv(np.eye(3) - transient)[0]
    assert np.allclose(expected_visits(found, 0)[:3], expected, rtol=1e-12)
    stacked = expected_visits(np.stack([found, found]), 0)
    assert np.allclose(stacked[1, :3], expected, rtol=1e-12)


STAYS = {
    "ed": (stats.gamma(1 / 0.49, scale=5 * 0.49), "h"),
    "ward": (stats.lognorm(np.sqrt(np.log(1 + 4 / 9)), scale=3 / np.sqrt(1 + 4 / 9)), "d"),
    "icu": (stats.gamma(1 / 0.81, scale=4 * 0.81), "d"),
}


@pytest.mark.parametrize("state", STAYS)
def test_stays_have_their_declared_law(admissions, state):
    entities, machine = admissions
    visits = entities.paths(machine)
    law, unit = STAYS[state]
    here = visits.state.values == machine.enum.members.index(state)
    lengths = visits.stay.values[here] / (HOUR if unit == "h" else DAY)
    assert stats.kstest(lengths, law.cdf).pvalue > 1e-4


def occupancy(visits, members, times):
    """How many entities are in each state at each of `times` since 0."""
    left = np.where(visits.left.valid, visits.left.values, np.iinfo(np.int64).max)
    counts = np.zeros((len(times), len(members)))
    for row, time in enumerate(times):
        here = (visits.entered.values <= time) & (time < left)
        assert here.sum() == len(np.unique(visits.parents))
        counts[row] = np.bincount(visits.state.values[here], minlength=len(members))
    return counts


def zero_start(rows=ROWS):
    from synthdsl.values.columns import Column

    return Entities(0, rows, columns={"start": Column(np.zeros(rows, np.int64))})


EXPONENTIAL = """
pathway admission per encounter e starts start {
  well: exponential(mean: 10 h) -> {ill: 70%, dead: rest}
  ill: exponential(mean: 4 h) -> {well: 60%, worse: 30%, dead: rest}
  worse: exponential(mean: 7 h) -> {ill: 50%, dead: rest}
  final dead
}
"""


def exponential_chi_square(machine):
    """p-values of the occupancies at several times against the matrix exponential."""
    rates = np.array([1 / 10, 1 / 4, 1 / 7])
    matrix = np.array([[0, 0.7, 0, 0.3], [0.6, 0, 0.3, 0.1], [0, 0.5, 0, 0.5]])
    generator = np.zeros((4, 4))
    generator[:3] = rates[:, None] * matrix
    generator[:3, :3] -= np.diag(rates)
    times = np.array([1, 3, 6, 12, 24, 48, 100])
    found = occupancy(zero_start().paths(machine), machine.enum.members, times * HOUR)
    expected = np.array([expm(generator * t)[0] for t in times]) * ROWS
    return [stats.chisquare(f, e).pvalue for f, e in zip(found, expected, strict=True)]


def test_occupancy_with_exponential_stays_is_a_matrix_exponential():
    # 7 times; p > 1e-5 each keeps the false-alarm rate below 1e-4
    assert min(exponential_chi_square(machine_of(EXPONENTIAL))) > 1e-5


def renewal(times, laws, matrix, step):
    """Occupancy of a semi-Markov process on a grid of `times`, by Markov renewal equations.

    entries[j][k]: the chance of entering j at grid point k; stays are rounded to the grid. The
    error is of the order of the step.
    """
    count = round(times[-1] / step) + 1
    edges = (np.arange(count + 1) - 0.5) * step
    density = [np.diff(law.cdf(np.maximum(edges, 0))) for law in laws]
    entries = np.zeros((len(matrix), count))
    for k in range(count):
        entries[:, k] += (k == 0) * np.eye(len(matrix))[0]
        for i, kernel in enumerate(density):
            mass = entries[i, k]
            if mass:
                moved = mass * kernel[: count - k]
                entries[:, k + 1 :] += matrix[i][:, None] * moved[None, 1:]
                entries[:, k] += matrix[i] * moved[0]
    survival = [law.sf(edges[1:]) for law in laws]
    survival += [np.ones(count)] * (len(matrix) - len(laws))
    grid = [round(t / step) for t in times]
    return np.array(
        [[entries[j, : k + 1] @ survival[j][k::-1] for j in range(len(matrix))] for k in grid]
    )


GAMMA = """
pathway admission per encounter e starts start {
  a: gamma(mean: 6 h, cv: 0.5) -> {b: 80%, end: rest}
  b: gamma(mean: 9 h, cv: 0.3) -> {a: 70%, c: rest}
  c: uniform(2 h, 12 h) -> {b: 50%, end: rest}
  final end
}
"""


def test_occupancy_with_gamma_stays_solves_the_renewal_equations():
    machine = machine_of(GAMMA)
    laws = [
        stats.gamma(4, scale=6 / 4),
        stats.gamma(1 / 0.09, scale=9 * 0.09),
        stats.uniform(2, 10),
    ]
    matrix = np.array([[0, 0.8, 0, 0.2], [0.7, 0, 0.3, 0], [0, 0.5, 0, 0.5], [0, 0, 0, 0]])
    times = np.array([2.0, 5, 8, 12, 20, 30, 45])
    coarse, middle, fine = (renewal(times, laws, matrix, step) for step in (0.1, 0.05, 0.025))
    assert np.allclose(fine.sum(axis=1), 1)
    rough, fine = 2 * middle - coarse, 2 * fine - middle  # Richardson's extrapolation
    error = np.abs(fine - rough).max()
    assert error < 2e-4  # a tenth of the noise of 20,000 entities
    found = occupancy(zero_start().paths(machine), machine.enum.members, times * HOUR) / ROWS
    noise = np.sqrt(fine * (1 - fine) / ROWS)
    assert np.all(np.abs(found - fine) < LARGEST_Z * noise + error)


def test_what_follows_may_depend_on_the_stay():
    machine = machine_of("""
pathway admission per encounter e starts start {
  a: exponential(mean: 10 h) -> {b: when {stay > 10 h: 90%, else: 20%}, end: rest}
  b: 1 h -> {end: 100%}
  final end
}""")
    visits = zero_start().paths(machine)
    longer = visits.stay.values[visits.ordinals == 0] > 10 * HOUR
    turned = np.bincount(visits.parents) == 3
    for rows, rate in ((longer, 0.9), (~longer, 0.2)):
        z = (turned[rows].mean() - rate) / np.sqrt(rate * (1 - rate) / rows.sum())
        assert abs(z) < LARGEST_Z
    assert abs(longer.mean() - np.exp(-1)) < LARGEST_Z * np.sqrt(0.25 / ROWS)


def test_what_follows_may_depend_on_the_number_and_the_moment():
    machine = machine_of("""
pathway admission per encounter e starts start {
  a: 1 d -> {end: when {index == 0: 0%, index == 1: 25%, else: 100%}, a: rest}
  final end
}""")
    lengths = np.bincount(zero_start().paths(machine).parents)
    assert (
        stats.chisquare([np.sum(lengths == 3), np.sum(lengths == 4)], [5_000, 15_000]).pvalue > 1e-4
    )
    machine = machine_of("""
pathway admission per encounter e starts start {
  a: 1 d -> {end: when {entered < 1970-01-04: 0%, else: 50%}, a: rest}
  final end
}""")
    lengths = np.bincount(zero_start().paths(machine).parents)
    observed = [np.sum(lengths == 5), np.sum(lengths == 6), np.sum(lengths >= 7)]
    assert lengths.min() == 5
    assert stats.chisquare(observed, [10_000, 5_000, 5_000]).pvalue > 1e-4


def test_wrong_machines_are_caught():
    """Rates off by 8 %, weights off by 3 points: both fail the test of occupancies."""
    for right, wrong in (("mean: 4 h", "mean: 4.3 h"), ("well: 60%", "well: 57%")):
        assert min(exponential_chi_square(machine_of(EXPONENTIAL.replace(right, wrong)))) < 1e-5
