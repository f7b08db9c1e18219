"""References through whole specs: what is read, ruled, exported, and how it is cut in parts.

Chi-square tests have a false-alarm rate of 1e-4 for their fixed seed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats

import synthdsl

ALARM = 1e-4
TOP = """language 1
spec s
seed 3
enum Kind {a, b}
table provider [50] {
  id: int = index
  key id
  kind: Kind ~ {a: 50%, b: rest}
  share: float ~ gamma(mean: 1, cv: 1)
  note: text? ~ when {kind == a: null, else: pattern("??")}
}
"""


def tables(text: str, rows: Any = None, **options: Any) -> dict[str, pd.DataFrame]:
    made = synthdsl.load("s.synth", text=TOP + text).generate(rows, **options)
    return {name: table.to_pandas() for name, table in made.tables.items()}


def fits(seen: Any, law: Any) -> bool:
    law = np.asarray(law, float)
    seen = np.asarray(seen, float)
    assert not seen[law == 0].any()
    expected = law[law > 0] / law.sum() * seen.sum()
    statistic = ((seen[law > 0] - expected) ** 2 / expected).sum()
    return float(scipy.stats.chi2.sf(statistic, len(expected) - 1)) > ALARM


VISIT = """table visit [40_000] {
  kind: Kind ~ {a: 30%, b: rest}
  doctor: provider ~ ref provider where provider.kind == kind weight provider.share
  of: Kind = doctor.kind
  note: text? = doctor.note
  number: int = doctor.index
}
"""


def test_what_is_read_is_that_of_the_row_referred_to() -> None:
    made = tables(VISIT)
    joined = made["visit"].merge(made["provider"], left_on="doctor", right_on="id", how="left")
    assert (joined["of"] == joined["kind_y"]).all() and (joined["kind_x"] == joined["of"]).all()
    assert joined["note_x"].fillna("-").equals(joined["note_y"].fillna("-"))
    assert (made["visit"]["number"] == made["visit"]["doctor"]).all()


@pytest.mark.parametrize("kind", ["a", "b"])
def test_the_law_given_the_condition(kind: str) -> None:
    made = tables(VISIT)
    chosen = made["visit"].loc[made["visit"]["kind"] == kind, "doctor"]
    law = made["provider"]["share"] * (made["provider"]["kind"] == kind)
    assert fits(np.bincount(chosen, minlength=50), law)


def test_rules_steer_the_choice_and_leave_the_target_as_it_is() -> None:
    text = """table visit [40_000] {
  kind: Kind ~ {a: 30%, b: rest}
  doctor: provider ~ ref provider weight provider.share
  rule same: doctor.kind == kind
}
"""
    made = tables(text)
    visit, provider = made["visit"], made["provider"]
    pd.testing.assert_frame_equal(provider, tables("")["provider"])
    joint = np.zeros((2, 50))
    for row, (name, chance) in enumerate((("a", 0.3), ("b", 0.7))):
        joint[row] = chance * provider["share"] * (provider["kind"] == name)
    seen = np.stack(
        [np.bincount(visit.loc[visit["kind"] == k, "doctor"], minlength=50) for k in "ab"]
    )
    assert fits(seen.ravel(), joint.ravel())


def test_a_rule_over_two_references() -> None:
    text = """table visit [30_000] {
  doctor: provider ~ ref provider
  other: provider ~ ref provider
  rule r: other != doctor and doctor.share > other.share
}
"""
    made = tables(text)
    visit, share = made["visit"], made["provider"]["share"].to_numpy()
    law = share[:, None] > share[None, :]
    seen = np.zeros((50, 50))
    np.add.at(seen, (visit["doctor"], visit["other"]), 1)
    assert fits(seen.ravel(), law.ravel())


def test_nulls_are_kept_and_read_as_null() -> None:
    text = """table visit [500] {
  doctor: provider? ~ when {index == 7: null, else: ref provider}
  share: float? = doctor.share
  is_none: bool = doctor is null
  missing doctor: mcar(20%)
}
"""
    visit = tables(text)["visit"]
    assert visit["doctor"].isna()[7] and 50 < visit["doctor"].isna().sum() < 160
    assert (visit["doctor"].isna() == visit["share"].isna()).all()
    assert (visit["is_none"] == visit["doctor"].isna()).all()


def test_a_tree_by_the_fields_of_earlier_rows() -> None:
    text = """table employee [3_000] {
  id: int = index
  key id
  grade: int ~ discrete_uniform(1, 3)
  boss: employee? ~ when {
    index < 40: null,
    else: ref employee where employee.index < index and employee.grade > grade - 1
  }
  above: int? = boss.grade
}
"""
    employee = tables(text)["employee"]
    later = employee[employee["id"] >= 40]
    assert (later["boss"] < later["id"]).all() and (later["above"] >= later["grade"]).all()
    assert employee["boss"].isna().sum() == 40
    # where in the order of those that it may choose from each boss stands: uniform
    grades = employee["grade"].to_numpy()
    places = []
    for row in later.itertuples():
        choice = np.flatnonzero(grades[: row.id] >= row.grade)
        places.append((np.searchsorted(choice, row.boss) + 0.5) / len(choice))
    assert scipy.stats.kstest(places, "uniform").pvalue > ALARM


def test_what_is_counted_up_a_tree() -> None:
    """A depth read from the row above, for tables that are kept whole and that are not."""
    text = """table employee [2_000] {
  id: int = index
  key id
  boss: employee? ~ when {index < 3: null, else: ref employee where employee.index < index}
  depth: int = coalesce(boss.depth + 1, 0)
  path: text = concat(coalesce(concat(boss.path, "/"), ""), text(index))
}
"""
    employee = tables(text)["employee"]
    depth = np.zeros(2_000, int)
    for row in employee[3:].itertuples():
        depth[row.id] = depth[int(row.boss)] + 1
        assert row.path == f"{employee['path'][int(row.boss)]}/{row.id}"
    assert (employee["depth"] == depth).all() and depth.max() > 8


def test_a_chain_that_is_too_long_is_an_error_that_says_so() -> None:
    text = """table employee [200] {
  id: int = index
  key id
  boss: employee? ~ when {
    index == 0: null,
    else: ref employee where employee.index < index and employee.index == index - 1
  }
  depth: int = coalesce(boss.depth + 1, 0)
}
"""
    with pytest.raises(synthdsl.SynthError, match="more than 60 references"):
        tables(text)


def test_threads_among_siblings() -> None:
    text = """table post [4_000] {
  id: int = index
  key id
}
table comment per post p [4] {
  key (p, index)
  author: int ~ discrete_uniform(1, 3)
  answers: comment? ~ when {index == 0: null, else: ref comment where comment.index < index}
  whom: int? = answers.author
  other: comment? ~ when {
    prev is null or prev.author == author: null,
    else: ref comment where comment.index < index and comment.author != author
  }
  named: int? = other.author
}
"""
    comment = tables(text)["comment"]
    assert list(comment.columns[:5]) == [
        "post_id",
        "index",
        "author",
        "answers_post_id",
        "answers_index",
    ]
    last = comment[comment["index"] == 3]
    assert fits(np.bincount(last["answers_index"].astype(int), minlength=3), np.ones(3))
    by_place = comment.set_index(["post_id", "index"])["author"]
    answers = comment[comment["index"] > 0]
    found = by_place.loc[list(zip(answers["post_id"], answers["answers_index"], strict=True))]
    assert (found.to_numpy() == answers["whom"].to_numpy()).all()
    others = comment[comment["named"].notna()]
    assert len(others) > 3_000 and (others["named"] != others["author"]).all()
    assert (others["other_index"] < others["index"]).all()


ENROL = """table student [600] {
  id: int = index
  key id
  kind: Kind ~ {a: 40%, b: rest}
}
table enrolment per student s [count ~ poisson(3) in [0, 6]] {
  key (s, index)
  course: provider ~ ref provider where provider.kind == s.kind distinct
  by_weight: provider ~ ref provider weight provider.share distinct
  of: Kind = course.kind
}
"""


def test_distinct_under_one_parent() -> None:
    made = tables(ENROL)
    enrolment = made["enrolment"]
    for name in ("course", "by_weight"):
        assert not enrolment.duplicated(["student_id", name]).any()
    kinds = made["student"].set_index("id")["kind"]
    assert (kinds.loc[enrolment["student_id"]].to_numpy() == enrolment["of"].to_numpy()).all()


def test_a_rule_over_distinct_rows_keeps_them_distinct() -> None:
    text = ENROL.replace("  of: Kind", "  rule big: by_weight.share > 0.2\n  of: Kind")
    made = tables(text)
    enrolment = made["enrolment"].merge(made["provider"], left_on="by_weight", right_on="id")
    assert (enrolment["share"] > 0.2).all() and len(enrolment) == len(made["enrolment"])
    assert not made["enrolment"].duplicated(["student_id", "by_weight"]).any()


def test_distinct_in_the_whole_table() -> None:
    desk = tables("table desk [50] {\n  of: provider ~ ref provider distinct\n}\n")["desk"]
    assert sorted(desk["of"]) == list(range(50)) and list(desk["of"]) != list(range(50))


@pytest.mark.parametrize(
    "text", [VISIT.replace("40_000", "2_000"), ENROL], ids=["visits", "siblings"]
)
def test_every_cut_has_the_same_rows(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tables(text)
    name, root = ("visit", "visit") if "visit" in whole else ("enrolment", "student")
    monkeypatch.setattr("synthdsl.engine.references.target_rows.MOST_KEPT", 10)
    again = tables(text)
    for table, rows in whole.items():
        pd.testing.assert_frame_equal(rows, again[table])
    spec = synthdsl.load("s.synth", text=TOP + text)
    part = spec.generate({root: "150:400"})[name].to_pandas()
    if root == name:
        expected = whole[name].iloc[150:400]
    else:
        owner = whole[name]["student_id"]
        expected = whole[name][(owner >= 150) & (owner < 400)]
    pd.testing.assert_frame_equal(part, expected.reset_index(drop=True))


MASKED = """table ward [30] {
  id: int = index
  key id
  beds: int? ~ poisson(10)
  double: int? = 2 * beds
  n_rooms: int? = sum(r.size for r in room)
  missing beds: mcar(50%)
}
table room per ward w [2] {
  key (w, index)
  size: int? ~ poisson(4)
  missing size: mcar(30%)
}
table visit [400] {
  id: int = index
  key id
  at: ward ~ ref ward
  let hidden = at.beds
  beds: int? = at.beds
  half: int? = at.double
  more: int? = hidden + 1
  rooms: int? = at.n_rooms
  number: int = at.id
  before: visit? ~ when {index == 0: null, else: ref visit where visit.index < index}
  cost: int? ~ poisson(50)
  cost_before: int? = before.cost
  missing cost: mcar(20%)
}
"""


@pytest.mark.parametrize("kept", [10, 2**17])
def test_masked_values_do_not_show_through_references(
    kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthdsl.engine.references.target_rows.MOST_KEPT", kept)
    text = MASKED.replace("sum(r.size for r in room)", "max(r.size for r in room)")
    made = tables(text)
    ward, visit = made["ward"].set_index("id"), made["visit"]
    at = ward.loc[visit["at"]]
    for own, theirs in (("beds", "beds"), ("half", "double"), ("rooms", "n_rooms")):
        pd.testing.assert_series_equal(
            visit[own], at[theirs].reset_index(drop=True), check_names=False
        )
    assert 0.2 < visit["beds"].isna().mean() < 0.8
    pd.testing.assert_series_equal(visit["more"], visit["beds"] + 1, check_names=False)
    earlier = visit["cost"].reindex(visit["before"]).reset_index(drop=True)
    pd.testing.assert_series_equal(visit["cost_before"], earlier, check_names=False)
    assert visit["cost_before"].isna().sum() > 30


def test_another_seed_refers_to_its_own_rows() -> None:
    first, second = tables(VISIT), tables(VISIT, seed=8)
    assert not first["provider"]["share"].equals(second["provider"]["share"])
    for made in (first, second):
        joined = made["visit"].merge(made["provider"], left_on="doctor", right_on="id")
        assert (joined["kind_x"] == joined["kind_y"]).all()


WRONG = {
    "nobody": (
        "doctor: provider ~ ref provider where provider.share > 1e9",
        "row 0 of `visit`: no row of `provider` meets `provider.share > 1e9`",
    ),
    "nobody for this row": (
        'word: text = when {index == 3: "z", else: "a"}\n'
        '  doctor: provider ~ ref provider where coalesce(provider.note, "a") == word',
        'row 3 of `visit`: no row of `provider` meets `coalesce(provider.note, "a") == word`, '
        "where word = z",
    ),
    "a weight below 0": (
        "doctor: provider ~ ref provider weight provider.share - 100",
        "of `provider` has the weight -",
    ),
    "no weight": (
        "doctor: provider ~ ref provider weight 0 * provider.share",
        "`provider` has no row with a weight",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_row_without_a_choice_stops_generation(name: str) -> None:
    body, message = WRONG[name]
    with pytest.raises(synthdsl.SynthError) as caught:
        tables(f"table visit [10] {{\n  {body}\n}}\n")
    (found,) = caught.value.diagnostics
    assert found.code == "row-value" and message in found.message


def test_more_rows_than_can_differ() -> None:
    text = ENROL.replace("in [0, 6]", "in [51, 60]")
    with pytest.raises(synthdsl.SynthError) as caught:
        tables(text)
    (found,) = caught.value.diagnostics
    assert "cannot refer to different rows of `provider`" in found.message


def test_it_is_explained() -> None:
    text = TOP + VISIT + ENROL
    made = synthdsl.load("s.synth", text=text).explain()
    shown = str(made)
    assert "a row of `provider` out of the group with `provider.kind == kind`" in shown
    assert "a different one for each row under one parent" in shown
