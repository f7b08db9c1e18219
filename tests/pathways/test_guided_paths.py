"""Demands on paths read from rules, bounds of their chances, and entities that meet them.

Statistical tests have a fixed seed and a false-alarm rate of at most 1e-4.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pathway_machines import HOUR, machine_of
from scipy import stats

import synthdsl
from synthdsl.engine.frame import Frame, child_frame
from synthdsl.engine.pathways.bounds import largest_chance
from synthdsl.engine.pathways.chains import PathCondition, acceptance, reaching_all
from synthdsl.engine.pathways.conditioned import Transitions
from synthdsl.engine.pathways.demands import Demand, demand_of, most_rows
from synthdsl.engine.pathways.guided import GuidedPaths
from synthdsl.engine.pathways.sampler import PathwaySampler
from synthdsl.engine.streams import root_keys
from synthdsl.model.spec import Rule
from synthdsl.values.columns import Column

SPEC = """language 1
table patient [10] {
  id: int = index
  age: int ~ discrete_uniform(0, 99)
  key id
}
table encounter per patient p [count ~ poisson(2) in [0, 20]] {
  key (p, index)
  kind: bool ~ bernoulli(50%)
  start: datetime ~ uniform(2025-01-01T00:00, 2026-01-01T00:00)
}
pathway admission per encounter e where e.kind starts e.start {
  ed: 5 h -> {ward: 75%, icu: 8%, home: rest}
  ward: 3 d -> {home: 90%, icu: 6%, died: rest}
  icu: 4 d -> {ward: 80%, died: rest}
  final home, died
}
"""
ICU, DIED = PathCondition.reaching("icu"), PathCondition.reaching("died")
WARD = PathCondition.reaching("ward")
FINE = "a.state in {ed, ward, home}"
ONE = {
    "reaches(e.admission, icu)": ICU,
    "avoids(e.admission, icu, died)": ~ICU & ~DIED,
    "reaches(e.admission, icu, died)": ICU | DIED,
    "reaches(e.admission, icu) and not reaches(e.admission, died)": ICU & ~DIED,
    "reaches(e.admission, icu) and e.kind": ICU,
    "reaches(e.admission, icu) and reaches(e.admission, ward) and e.kind": ICU & WARD,
    "reaches(e.admission, icu) -> reaches(e.admission, died)": ~ICU | DIED,
    "any(a.state == icu for a in e.admission)": ICU,
    "any(a.state in {icu, died} for a in e.admission where a.state != died)": ICU,
    f"all({FINE} for a in e.admission)": ~ICU & ~DIED,
    f"all({FINE} for a in e.admission where a.state != died)": ~ICU,
    "none(not (a.state == ed or a.state == icu) for a in e.admission)": (
        ~WARD & ~DIED & ~PathCondition.reaching("home")
    ),
    "e.kind": None,
    "e.kind or reaches(e.admission, icu)": None,
    "not (reaches(e.admission, icu) and e.kind)": None,
    "any(a.stay > 1 d for a in e.admission)": None,
    "count(a for a in e.admission where a.state == icu) >= 1": None,
}
SEVERAL = {
    "any(reaches(a, icu) for a in p.encounter.admission)": ("any", ICU, False),
    "any(a.state == icu for a in p.encounter.admission)": ("any", ICU, False),
    "any(reaches(e.admission, icu) for e in p.encounter)": ("any", ICU, True),
    "any(reaches(e.admission, icu) for e in p.encounter where e.kind)": ("any", ICU, True),
    "any(reaches(a, icu) for a in p.encounter.admission) and p.age > 60": ("any", ICU, False),
    "all(avoids(e.admission, icu) for e in p.encounter)": ("all", ~ICU, True),
    "none(reaches(e.admission, icu) for e in p.encounter)": ("all", ~ICU, True),
    "none(a.state == icu for a in p.encounter.admission)": ("all", ~ICU, False),
    f"all({FINE} for a in p.encounter.admission)": ("all", ~ICU & ~DIED, False),
    "not any(reaches(e.admission, icu) for e in p.encounter)": ("all", ~ICU, True),
    "not all(avoids(e.admission, icu) for e in p.encounter)": ("any", ICU, True),
    "p.age > 60 and none(reaches(a, icu) for a in p.encounter.admission)": ("all", ~ICU, False),
    "none(reaches(e.admission, icu) for e in p.encounter where e.kind)": None,
    "not any(reaches(e.admission, icu) for e in p.encounter where e.kind)": None,
    "not (any(reaches(e.admission, icu) for e in p.encounter) and p.age > 60)": None,
    "any(reaches(e.admission, icu) for e in p.encounter) or p.age > 60": None,
}


def demand(condition, table, variable, how="true", share=None):
    text = f"{SPEC}case wanted each {table} {variable}: {condition}\n"
    tables = synthdsl.load("a.synth", text=text)._model.tables
    (case,) = tables[table].cases
    rule = Rule("wanted", case.condition, case.span, "", share=share, demand=how)
    return demand_of(rule, table, "admission", tables)


def same(one, other):
    """Whether two conditions accept the same sets of states."""
    states = [PathCondition.reaching(s) for s in {*one.states, *other.states}]
    never = reaching_all([])
    for state in states:
        never = never & (state | ~state)
    return not any(((one & ~other) | (other & ~one)).accepts)


@pytest.mark.parametrize("condition", ONE)
def test_demands_on_one_path(condition):
    found, expected = demand(condition, "encounter", "e"), ONE[condition]
    if expected is None:
        assert found is None
    else:
        assert found.quantifier == "one" and same(found.condition, expected)


@pytest.mark.parametrize("condition", SEVERAL)
def test_demands_on_several_paths(condition):
    found, expected = demand(condition, "patient", "p"), SEVERAL[condition]
    if expected is None:
        assert found is None
    else:
        assert (found.quantifier, found.counts_pathless) == (expected[0], expected[2])
        assert same(found.condition, expected[1])


def test_broken_and_soft_rules():
    found = demand("reaches(e.admission, icu)", "encounter", "e", how="false")
    assert same(found.condition, ~ICU)
    # of a broken conjunction no part is known to be broken
    assert demand("reaches(e.admission, icu) and e.kind", "encounter", "e", how="false") is None
    condition = "any(reaches(e.admission, icu) for e in p.encounter)"
    assert demand(condition, "patient", "p", how="false").quantifier == "all"
    assert demand(condition, "patient", "p", share=0.9) is None


@pytest.mark.parametrize(
    ("size", "most"),
    [
        ("[count ~ poisson(2) in [0, 20]]", 20),
        ("[count ~ poisson(2)]", None),
        ("[3]", 3),
        ("[count ~ {1: 50%, 4: rest}]", 4),
        ("[count ~ binomial(7, 30%)]", 7),
    ],
)
def test_the_most_rows_under_another(size, most):
    text = SPEC.replace("[count ~ poisson(2) in [0, 20]]", size)
    assert most_rows("encounter", synthdsl.load("a.synth", text=text)._model.tables) == most


# bounds


@st.composite
def intervals(draw):
    """Intervals of weights of a chain with an end, and two matrices inside them."""
    passing = draw(st.integers(1, 3))
    size = passing + 2
    rows = []
    for _ in range(2):
        matrix = np.zeros((size, size))
        for i in range(passing):
            weights = np.array(
                draw(st.lists(st.integers(0, 9), min_size=size, max_size=size)), float
            )
            weights[-1] += 1
            matrix[i] = weights / weights.sum()
        rows.append(matrix)
    low, high = np.minimum(*rows), np.maximum(*rows)
    return low, high, rows


@given(intervals())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_no_matrix_inside_has_a_larger_chance(case):
    low, high, matrices = case
    bits = np.zeros(len(low), np.int64)
    bits[-2] = 1
    bound = largest_chance(low, high, bits, (False, True), 0)
    chances = [acceptance(m, bits, (False, True))[0, 0] for m in matrices]
    assert max(chances) <= bound
    own = [largest_chance(m, m, bits, (False, True), 0) for m in matrices]
    assert own == pytest.approx(chances, rel=1e-5)


def test_ranges_of_weights_are_those_of_their_branches(tmp_path):
    (tmp_path / "after.csv").write_text(
        "band,state,n\nold,died,2\nold,home,3\nyoung,home,9\nyoung,ward,1\n"
    )
    machine = machine_of(
        """
lookup after from "after.csv" key band value state count n
pathway admission per encounter e starts start {
  ed: 5 h -> {ward: when {age > 60: 30%, age > 20: 10%, else: 20%}, icu: age / 100, home: rest}
  ward: 2 d -> after[when {age > 60: "old", else: "young"}]
  icu: 1 d -> {home: 25%, died: rest}
  final home, died
}""",
        folder=tmp_path,
    )
    low, high = Transitions(machine, lambda e: e).ranges()
    assert np.allclose(low[:3], [[0, 0.1, 0, 0, 0], [0, 0, 0, 0.6, 0], [0, 0, 0, 0.25, 0.75]])
    assert np.allclose(
        high[:3], [[0, 0.3, 1, 0.9, 0], [0, 0.1, 0, 0.9, 0.4], [0, 0, 0, 0.25, 0.75]]
    )


# guided paths

RISK = """
pathway admission per encounter e starts start {
  ed: gamma(mean: 5 h, cv: 0.7) -> {ward: 60%, icu: when {age > 60: 20%, else: 4%}, home: rest}
  ward: lognormal(mean: 3 d, sd: 2 d) -> {home: 80%, icu: 16%, died: rest}
  icu: gamma(mean: 4 d, cv: 0.9) -> {ward: 60%, died: rest}
  final home, died
}
"""


def family(rows, seed):
    """Patients with an age and 0 to 4 encounters, of which three quarters go the pathway."""
    patients = Frame("patient", seed, root_keys("patient", 0, rows), np.arange(rows))
    age = np.floor(patients.draws("age").uniform() * 100)
    counts = np.floor(patients.draws("count").uniform() * 5).astype(np.int64)
    owners = np.repeat(np.arange(rows), counts)
    ordinals = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    encounters = child_frame("encounter", patients, owners, ordinals)
    at = np.flatnonzero(encounters.draws("kind").uniform() < 0.75)

    def visits(parents, numbers):
        frame = child_frame("admission", encounters, parents, numbers)
        frame.columns["age"] = Column(age[owners[parents]])
        frame.columns["start"] = Column(np.zeros(len(parents), np.int64))
        return frame

    return SimpleNamespace(
        patients=patients, encounters=encounters, at=at, visits=visits, age=age, counts=counts
    )


def meets(demand, visits, f, top):
    """Which entities meet a demand, from their visits: the plain reading."""
    words = visits.state.vocabulary.words
    reached = np.zeros((f.encounters.rows, len(words)), bool)
    reached[visits.parents, visits.state.values] = True
    mask = sum(
        reached[:, words.index(s)].astype(int) << i for i, s in enumerate(demand.condition.states)
    )
    fine = np.array(demand.condition.accepts)[mask]
    if top is f.encounters:
        return fine
    counted = np.ones(f.encounters.rows, bool)
    if not demand.counts_pathless:
        counted[:] = False
        counted[f.at] = True
    owners = f.encounters.parents
    if demand.quantifier == "any":
        return np.bincount(owners[fine & counted], minlength=top.rows) > 0
    return np.bincount(owners[~fine & counted], minlength=top.rows) == 0


DEMANDS = [
    Demand("one", ICU & DIED, True),
    Demand("one", ~ICU, True),
    Demand("any", ICU, False),
    Demand("any", ICU & ~DIED, True),
    Demand("any", ~ICU, True),
    Demand("all", ~ICU, True),
    Demand("all", WARD, False),
    Demand("all", WARD, True),
]


def features(visits, f, top, chosen):
    """Numbers of the chosen entities: age, encounters, visits and hours of their paths."""
    owners = visits.parents if top is f.encounters else f.encounters.parents[visits.parents]
    hours = np.where(visits.stay.valid, visits.stay.values / HOUR, 0)
    total = np.bincount(owners, hours, minlength=top.rows)
    count = np.bincount(owners, minlength=top.rows)
    icu = np.bincount(owners[visits.state.values == 2], minlength=top.rows)
    of_patient = f.encounters.parents if top is f.encounters else np.arange(f.patients.rows)
    columns = [f.age[of_patient], f.counts[of_patient], count, icu, total]
    return [column[chosen] for column in columns]


@pytest.mark.parametrize("demand", DEMANDS, ids=str)
def test_accepted_entities_are_those_that_filtering_keeps(demand):
    machine = machine_of(RISK)
    sampler = PathwaySampler(machine, lambda e: e)
    guided = GuidedPaths(sampler, demand, lambda e: e, most_parents=4)
    plain, own = family(30_000, 1), family(30_000, 2)
    tops = [f.encounters if demand.quantifier == "one" else f.patients for f in (plain, own)]
    drawn = sampler.sample(plain.encounters, plain.at, plain.visits)
    kept = meets(demand, drawn, plain, tops[0])
    made, accepted = guided.run(tops[1], own.encounters, own.at, own.visits)
    assert meets(demand, made, own, tops[1])[accepted].all()
    # as many are accepted as the bound lets be
    share, expected = accepted.mean(), kept.mean() / guided.bound
    assert abs(share - expected) < 4.5 * np.sqrt(expected / guided.bound / 30_000)
    pairs = zip(
        features(drawn, plain, tops[0], kept), features(made, own, tops[1], accepted), strict=True
    )
    # 5 p-values
    assert min(stats.ks_2samp(a, b).pvalue for a, b in pairs) > 2e-5


def test_entities_that_are_accepted_without_their_chance_are_caught():
    """Wrong: every entity gets a path to the state, whoever seldom goes there."""
    machine = machine_of(RISK)
    sampler, demand = PathwaySampler(machine, lambda e: e), Demand("one", ICU, True)
    plain, own = family(30_000, 1), family(30_000, 2)
    drawn = sampler.sample(plain.encounters, plain.at, plain.visits)
    kept = meets(demand, drawn, plain, plain.encounters)
    guided = GuidedPaths(sampler, demand, lambda e: e)
    guided.bound = 1e-9
    made, accepted = guided.run(own.encounters, own.encounters, own.at, own.visits)
    ages = [
        features(v, f, f.encounters, c)[0]
        for v, f, c in ((drawn, plain, kept), (made, own, accepted))
    ]
    assert stats.ks_2samp(*ages).pvalue < 1e-9


def test_rare_paths_need_no_more_tries():
    text = (
        RISK.replace("20%", "0.000_02%")
        .replace("else: 4%", "else: 0.000_01%")
        .replace("icu: 16%", "icu: 0%")
    )
    machine = machine_of(text)
    sampler = PathwaySampler(machine, lambda e: e)
    f = family(4_000, 3)
    guided = GuidedPaths(sampler, Demand("any", ICU, False), lambda e: e, most_parents=4)
    assert guided.bound < 1e-6
    made, accepted = guided.run(f.patients, f.encounters, f.at, f.visits)
    assert 0.1 < accepted.mean() < 0.9
    assert meets(Demand("any", ICU, False), made, f, f.patients)[accepted].all()
    again, _ = guided.run(f.patients, f.encounters, f.at, f.visits)
    assert np.array_equal(made.stay.values, again.stay.values)
