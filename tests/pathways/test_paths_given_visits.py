"""Conditioned paths against rejection from plain ones: same paths, times and chances.

Tests have a false-alarm rate of at most 1e-4 under their seeds; the last ones prove that wrong
samplers are caught.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from pathway_machines import ADMISSION, DAY, Entities, machine_of, paths_of
from scipy import stats

from synthdsl.engine.pathways.chains import PathCondition, reaching_all
from synthdsl.engine.pathways.conditioned import GivenVisits, Transitions
from synthdsl.engine.pathways.siblings import (
    Fate,
    fates_of_all,
    fates_of_any,
    joined,
)

VARIED = """
pathway admission per encounter e starts start {
  ed: gamma(mean: 5 h, cv: 0.7) -> {ward: 0.8 * expit((age - 50)/15), icu: 8%, home: rest}
  ward: lognormal(mean: 3 d, sd: 2 d) -> {home: 60%, icu: 16%, ed: 20%, died: rest}
  icu: gamma(mean: 4 d, cv: 0.9) -> {ward: 1 - age / 100, died: rest}
  final home, died
}
"""
ICU = PathCondition.reaching("icu")
WARD = PathCondition.reaching("ward")
CONDITIONS = {
    "one state": ICU,
    "an end": PathCondition.reaching("died"),
    "two states": ICU & WARD,
    "one and not another": reaching_all(["icu"], avoiding=["ward"]),
    "neither": reaching_all([], avoiding=["icu", "died"]),
    "one or the other, not both": (ICU & ~WARD) | (WARD & ~ICU),
    "three": reaching_all(["icu", "ward", "home"]),
}
PLAIN = Entities(0, 60_000, seed=1)
GIVEN = Entities(0, 30_000, seed=3)


def satisfies(path, condition):
    mask = sum(1 << i for i, state in enumerate(condition.states) if state in path)
    return condition.accepts[mask]


def given_paths(machine, condition, entities=GIVEN, accept=True):
    """Conditioned paths of the entities that are accepted by their chance, as a caller does."""
    everyone = np.arange(entities.frame.rows)
    transitions = Transitions(machine, lambda e: e)
    first = entities.visits(everyone, np.zeros(len(everyone), np.int64))
    chance = GivenVisits(machine, transitions.matrix(first), condition).chance
    at = everyone
    if accept:
        at = np.flatnonzero(entities.frame.draws("accepted").uniform() < chance)
    first = entities.visits(at, np.zeros(len(at), np.int64))
    given = GivenVisits(machine, transitions.matrix(first), condition)
    return entities.paths(machine, given.begin(np.arange(len(at))), at=at), chance


def compare(plain, given, condition):
    """p-values of the paths, of the total time, and of the entities' ages; and the chance.

    `plain` paths are rejected here.
    """
    kept = {p: path for p, path in paths_of(plain).items() if satisfies(path, condition)}
    drawn = paths_of(given)
    assert all(satisfies(path, condition) for path in drawn.values())
    first, second = Counter(kept.values()), Counter(drawn.values())
    common = [path for path in first | second if first[path] + second[path] >= 20]
    table = np.array([[c[path] for path in common] for c in (first, second)])
    others = np.array([[sum(c.values())] for c in (first, second)]) - table.sum(axis=1)[:, None]
    if others.sum() >= 20:
        table = np.hstack([table, others])
    values = [1.0]
    if table.shape[1] > 1:
        values.append(stats.chi2_contingency(table).pvalue)
    times = [
        np.bincount(v.parents, np.where(v.stay.valid, v.stay.values / DAY, 0))[sorted(rows)]
        for v, rows in ((plain, kept), (given, drawn))
    ]
    values.append(stats.ks_2samp(*times).pvalue)
    ages = [20 + np.array(sorted(rows)) % 60 for rows in (kept, drawn)]
    values.append(stats.ks_2samp(*ages).pvalue)
    return values, len(kept) / PLAIN.frame.rows


@pytest.fixture(scope="module", params=["constant", "varied"])
def machine(request):
    return machine_of(ADMISSION if request.param == "constant" else VARIED)


@pytest.mark.parametrize("name", CONDITIONS)
def test_given_paths_are_those_that_rejection_keeps(machine, name):
    condition = CONDITIONS[name]
    # 3 p-values above 3e-5, and one z below 4.5
    values, share = compare(PLAIN.paths(machine), given_paths(machine, condition)[0], condition)
    assert min(values) > 3e-5
    chance = given_paths(machine, condition)[1]
    expected = float(np.mean(chance))
    assert abs(share - expected) < 4.5 * np.sqrt(expected * (1 - expected) / PLAIN.frame.rows)


def test_a_condition_that_is_always_true_changes_no_path(machine):
    everyone = reaching_all([])
    given, chance = given_paths(machine, everyone)
    assert np.allclose(chance, 1, rtol=1e-14)
    assert paths_of(given) == paths_of(GIVEN.paths(machine))


def test_blocks_do_not_show(machine):
    whole = paths_of(given_paths(machine, ICU, Entities(0, 500))[0])
    parts = {}
    for first, stop in ((0, 1), (1, 77), (77, 500)):
        part = paths_of(given_paths(machine, ICU, Entities(first, stop))[0])
        parts |= {first + parent: path for parent, path in part.items()}
    assert parts == whole


def test_a_rare_condition_is_as_quick_as_another():
    rare = machine_of("""
pathway admission per encounter e starts start {
  a: 1 h -> {b: 0.000_001%, home: rest}
  b: 1 h -> {c: 0.000_001%, a: rest}
  c: 1 h -> {a: 100%}
  final home
}""")
    given, chance = given_paths(rare, PathCondition.reaching("c"), accept=False)
    assert chance == pytest.approx(1e-16, rel=1e-7)
    assert all(path[:3] == ("a", "b", "c") for path in paths_of(given).values())


class Unweighted(GivenVisits):
    """Wrong: excludes what makes the condition impossible, but does not weigh what helps it."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._chances = np.where(self._chances > 0, 1.0, 0.0)


def test_paths_that_are_not_weighed_are_caught():
    machine = machine_of(ADMISSION)
    first = GIVEN.visits(np.arange(30_000), np.zeros(30_000, np.int64))
    matrix = Transitions(machine, lambda e: e).matrix(first)
    given = Unweighted(machine, matrix, CONDITIONS["two states"]).begin(np.arange(30_000))
    drawn = GIVEN.paths(machine, given)
    assert min(compare(PLAIN.paths(machine), drawn, CONDITIONS["two states"])[0][:2]) < 1e-9


def test_entities_that_are_not_accepted_by_their_chance_are_caught():
    machine = machine_of(VARIED)
    drawn, _ = given_paths(machine, WARD, accept=False)
    assert compare(PLAIN.paths(machine), drawn, WARD)[0][-1] < 1e-9


# several paths of one entity


def test_any_of_several_paths_against_all_outcomes():
    """The law of which paths meet the condition, given that one does, by listing the outcomes."""
    groups, rows = [[0.3], [0.2, 0.0, 0.6], [1e-9, 2e-9], [1.0, 0.4], []], 20_000
    counts = np.tile([len(g) for g in groups], rows)
    chances = np.tile(np.concatenate(groups), rows)
    generator = np.random.Generator(np.random.Philox(5))
    fates = fates_of_any(chances, counts, generator.random(len(chances)))
    exact = [1 - np.prod([1 - h for h in g]) for g in groups]
    exact[2] = 3e-9 - 2e-18
    assert np.allclose(fates.chance.reshape(rows, -1), exact, rtol=1e-14)
    # what is free meets the condition with its own chance
    meets = np.where(
        fates.paths == Fate.FREE,
        generator.random(len(chances)) < chances,
        fates.paths == Fate.MEETS,
    ).reshape(rows, -1)
    outcomes = Counter(map(tuple, meets[:, 1:4].tolist()))
    total = 1 - 0.8 * 0.4
    law = {
        (True, False, False): 0.2 * 0.4 / total,
        (True, False, True): 0.2 * 0.6 / total,
        (False, False, True): 0.8 * 0.6 / total,
    }
    assert set(outcomes) == set(law)
    observed = [outcomes[k] for k in law]
    assert stats.chisquare(observed, np.array(list(law.values())) * rows).pvalue > 1e-4
    first = meets[:, 4].mean()
    assert abs(first - 1 / 3) < 4.5 * np.sqrt(2 / 9 / rows)
    assert meets[:, 0].all() and meets[:, 6].all()
    # wrong: every path meets it with its own chance, and the last must where none did
    naive = generator.random((rows, 3)) < [0.2, 0.0, 0.6]
    naive[~naive.any(axis=1), 2] = True
    broken = Counter(map(tuple, naive.tolist()))
    assert (
        stats.chisquare([broken[k] for k in law], np.array(list(law.values())) * rows).pvalue < 1e-9
    )


def test_all_and_none_of_several_paths():
    chances, counts = np.array([0.5, 0.2, 1e-9]), np.array([2, 0, 1])
    both = fates_of_all(chances, 1 - chances, counts, Fate.MEETS)
    assert both.chance.tolist() == [0.1, 1.0, 1e-9]
    none = fates_of_all(chances, 1 - chances, counts, Fate.FAILS)
    assert none.chance == pytest.approx([0.4, 1.0, 1 - 1e-9])
    assert set(none.paths) == {Fate.FAILS}


def test_paths_of_different_fates_join_in_order():
    machine = machine_of(ADMISSION)
    entities = Entities(0, 400)
    everyone = np.arange(400)
    whole = entities.paths(machine)
    parts = [entities.paths(machine, at=everyone[k::3]) for k in range(3)]
    again = joined(parts)
    assert np.array_equal(again.parents, whole.parents)
    assert np.array_equal(again.ordinals, whole.ordinals)
    for name, column in whole.columns.items():
        other = again.columns[name]
        valid = np.ones(len(whole), bool) if column.valid is None else column.valid
        assert np.array_equal(other.values[valid], column.values[valid])
        assert (other.valid is None) == (column.valid is None)
