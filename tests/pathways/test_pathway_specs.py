"""Pathways in whole specs: as tables, in slices and by workers, under rules and cases, and what
`check` says of them.

Statistical tests have a fixed seed and a false-alarm rate of at most 1e-4.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import synthdsl

HOSPITAL = """language 1
enum Kind {ambulatory, inpatient}
lookup after_icu from "after_icu.csv" key band value state weight share
table patient [400] {
  id: int = index
  age: int<a> ~ normal(55, 20) in [0, 105]
  key id
}
table encounter per patient p [count ~ poisson(2)] {
  key (p, index)
  kind: Kind ~ {ambulatory: 40%, inpatient: rest}
  start: datetime ~ uniform(2025-01-01T00:00, 2026-01-01T00:00)
  states: int = count(a for a in admission)
  in_icu: duration = sum(a.stay for a in admission where a.state == icu)
}
pathway admission per encounter e where e.kind == inpatient starts e.start {
  ed: gamma(mean: 5 h, cv: 0.7) -> {ward: 75%, icu: when {e.p.age > 60 a: 12%, else: 5%}, home: rest}
  ward: lognormal(mean: 3 d, sd: 2 d) -> {home: 80%, icu: 16%, died: rest}
  icu: gamma(mean: 4 d, cv: 0.9) -> after_icu[when {e.p.age > 60 a: "old", else: "young"}]
  final home, died
}
table ventilation per admission a [1] where a.state == icu {
  key (a, index)
  start: datetime = a.entered + 1 h
  peep: int ~ discrete_uniform(5, 14)
}
"""
AFTER_ICU = "band,state,share\nold,ward,0.6\nold,died,0.4\nyoung,ward,0.9\nyoung,died,0.1\n"
PARENT = ["encounter_patient_id", "encounter_index"]


@pytest.fixture
def load(tmp_path):
    (tmp_path / "after_icu.csv").write_text(AFTER_ICU)

    def load(text=HOSPITAL):
        path = tmp_path / "hospital.synth"
        path.write_text(text)
        assert synthdsl.check(path) == []
        return synthdsl.load(path)

    return load


def frames(generated):
    return generated.to_pandas()


def test_a_pathway_is_a_table(load):
    tables = frames(load().generate())
    rows = tables["admission"]
    assert list(rows.columns) == [*PARENT, "index", "state", "entered", "stay", "left"]
    assert not rows.duplicated([*PARENT, "index"]).any()
    encounters = tables["encounter"]
    inpatients = encounters[encounters.kind == "inpatient"].set_index(["patient_id", "index"])
    first = rows[rows["index"] == 0].set_index(PARENT)
    assert list(first.index) == list(inpatients.index)
    assert (first.state == "ed").all() and (first.entered == inpatients.start.values).all()
    before, after = rows.iloc[:-1].reset_index(), rows.iloc[1:].reset_index()
    follows = after["index"] > 0
    assert (before.left[follows] == after.entered[follows]).all()
    assert (after["index"][follows] == before["index"][follows] + 1).all()
    ends = rows.state.isin(["home", "died"])
    assert rows.stay.isna().equals(ends) and rows.left.isna().equals(ends)
    assert (before.state[~follows].isin(["home", "died"])).all()


def test_rows_above_and_under_a_pathway(load):
    tables = frames(load().generate())
    rows, encounters = tables["admission"], tables["encounter"].set_index(["patient_id", "index"])
    counts = rows.groupby(PARENT).size().reindex(encounters.index, fill_value=0)
    assert (counts == encounters.states).all()
    icu = rows[rows.state == "icu"]
    hours = icu.groupby(PARENT).stay.sum().reindex(encounters.index, fill_value=pd.Timedelta(0))
    assert (hours == encounters.in_icu).all() and len(icu) > 30
    ventilation = tables["ventilation"]
    assert (ventilation.start.values == (icu.entered + pd.Timedelta(hours=1)).values).all()


@pytest.mark.parametrize("table", ["admission", "ventilation"])
def test_slices_are_parts_of_the_whole(load, table):
    spec = load()
    whole = frames(spec.generate())[table]
    parts = [frames(spec.generate(rows=part))[table] for part in ("0:1", "1:150", "150:400")]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)


def test_workers_write_the_same_bytes(load, tmp_path):
    spec = load()
    for workers in (1, 2):
        spec.write(tmp_path / str(workers), format="csv", workers=workers, rows=400)
    for name in ("admission", "ventilation", "encounter"):
        one, two = (tmp_path / str(w) / f"{name}.csv" for w in (1, 2))
        assert one.read_bytes() == two.read_bytes() and one.stat().st_size > 1_000


def test_another_table_changes_no_path(load):
    more = (
        HOSPITAL
        + "table note per admission a [2] {\n  key (a, index)\n  x: float ~ normal(0, 1)\n}\n"
    )
    one, two = (frames(load(text).generate())["admission"] for text in (HOSPITAL, more))
    pd.testing.assert_frame_equal(one, two)


CASES = {
    "any(reaches(a, icu) for a in p.encounter.admission)": lambda s: s["icu"] > 0,
    "any(reaches(e.admission, died) for e in p.encounter)": lambda s: s["died"] > 0,
    "all(avoids(e.admission, icu, died) for e in p.encounter)": (
        lambda s: (s["icu"] == 0) & (s["died"] == 0)
    ),
}


def by_patient(tables):
    """For each patient: age, encounters, and visits of each state."""
    rows = tables["admission"]
    visits = pd.crosstab(rows.encounter_patient_id, rows.state.astype(str))
    visits = visits.reindex(columns=["ed", "ward", "icu", "home", "died"], fill_value=0)
    found = tables["patient"].set_index("id")
    found["encounters"] = tables["encounter"].groupby("patient_id").size()
    return found.join(visits).fillna(0)


@pytest.mark.parametrize("condition", CASES)
def test_cases_are_what_filtering_keeps(load, condition):
    text = f"{HOSPITAL}case wanted each patient p: {condition}\n"
    spec = load(text)
    plain = by_patient(frames(spec.generate(rows=6_000, seed=11)))
    case = by_patient(frames(spec.generate(rows=2_000, seed=12, case="wanted")))
    kept = plain[CASES[condition](plain)]
    assert CASES[condition](case).all() and len(case) == 2_000 and len(kept) > 300
    for name in ("age", "encounters", "ed", "ward", "icu", "home", "died"):
        # 7 p-values
        assert stats.ks_2samp(kept[name].astype(float), case[name].astype(float)).pvalue > 1e-5


def test_a_rule_over_a_path_holds(load):
    rule = (
        "rule short each encounter e: sum(a.stay for a in e.admission) <= 20 d\n"
        "rule once each encounter e: count(a for a in e.admission where a.state == icu) <= 1\n"
    )
    rows = frames(load(HOSPITAL + rule).generate())["admission"]
    assert rows.groupby(PARENT).stay.sum().max() <= pd.Timedelta(days=20)
    assert rows[rows.state == "icu"].groupby(PARENT).size().max() == 1


def test_events_end_with_death(load):
    text = HOSPITAL.replace(
        "table ventilation",
        "table round per encounter e [12] until time > e.ended {\n"
        "  key (e, index)\n"
        "  time: datetime = e.start + (index + 1) * 1 d\n"
        "}\ntable ventilation",
    ).replace(
        "  states: int", "  ended: datetime? = max(a.entered for a in admission)\n  states: int"
    )
    tables = frames(load(text).generate())
    rounds = tables["round"]
    ended = tables["encounter"].set_index(["patient_id", "index"]).ended
    parent = list(rounds.columns[:2])
    late = rounds.time.values > ended.reindex(pd.MultiIndex.from_frame(rounds[parent])).values
    last = ~rounds.duplicated(parent, keep="last")
    assert late.any() and not (late & ~last.values).any()


SMALL = """language 1
table t [2_000] {
  id: int = index
  x: float ~ uniform(0, 1)
  day: date ~ discrete_uniform(2026-01-01, 2026-12-31)
  key id
}
"""


def pathway(*states, head="pathway way per t r starts r.day"):
    return f"{SMALL}{head} {{\n  " + "\n  ".join(states) + "\n  final end\n}\n"


def test_weights_that_read_the_row_above():
    spec = synthdsl.load(
        "t.synth", text=pathway("a: 1 h -> {b: r.x, end: rest}", "b: 1 d -> {end: 100%}")
    )
    tables = frames(spec.generate())
    reached = tables["way"].groupby("t_id").size().values == 3
    x = tables["t"].x.values
    # given x, reaching is a coin of chance x: the standardised sum is normal
    z = (reached - x).sum() / np.sqrt((x * (1 - x)).sum())
    assert abs(z) < 4 and stats.ks_2samp(x[reached], x[~reached]).pvalue < 1e-9
    midnight = tables["way"][tables["way"]["index"] == 0].entered
    assert (midnight.values == pd.to_datetime(tables["t"].day).values).all()


def test_check_finds_mistakes_in_a_pathway():
    found = synthdsl.check("t.synth", text=pathway("a: 1 h -> {b: 20%, end: rest}"))
    assert [d.code for d in found] == ["unknown-state"]
    found = synthdsl.check("t.synth", text=pathway("a: 1 h -> {b: r.y, end: rest}"))
    assert {d.code for d in found} == {"unknown-state", "unknown-name"}


def test_lookups_of_a_pathway_are_checked(load, tmp_path):
    load()
    (tmp_path / "after_icu.csv").write_text(AFTER_ICU.replace("young,died,0.1\n", ""))
    assert [d.code for d in synthdsl.check(tmp_path / "hospital.synth")] == ["lookup-total"]


def test_truncated_stays_are_checked():
    found = synthdsl.check(
        "t.synth", text=pathway("a: uniform(1 h, 2 h) in [3 h, 4 h] -> {end: 100%}")
    )
    assert [d.code for d in found] == ["outside-support"]
