"""Declared against realised: the figures are those of the laws, in closed form."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pytest

from synthdsl import api
from synthdsl.engine.movement import PILOT_ROWS
from synthdsl.render.moves import figures, render_moves
from synthdsl.render.report import render_report, report_schema
from synthdsl.render.report_models import MovementReport

CLINIC = """\
language 1
spec clinic "Outpatients"
seed 3
enum Dx {healthy, diabetes, cancer}
enum Sex {female, male}
table patient [40_000] {
  sex: Sex ~ {female: 50%, male: rest}
  dx: Dx ~ {healthy: 55%, diabetes: 25%, cancer: rest}
  tested: bool ~ bernoulli(0.3)
  days: int ~ discrete_uniform(1, 100)
  cost: float = when {tested: 2.0, else: 1.0} * days
  colour: text ~ {"red": 50%, "blue": rest}
  code: text ~ unique("P-######")
  rule screened: dx != healthy -> tested
  rule[90%] short: days <= 50
  missing cost: mcar(10%)
  case ill: dx == cancer
}
expect mean(p.days for p in patient) in [0, 100]
""".replace("cost: float =", "cost: float? =")
N = 40_000


def spec(text=CLINIC):
    return api.load("clinic.synth", text=text)


@pytest.fixture(scope="module")
def table():
    (found,) = spec().movement()
    return found


def field(table, name):
    (found,) = [f for f in table.fields if f.name == name]
    return found


def near(count, rows, share):
    """Within five standard errors: a false alarm has a chance of 6e-7."""
    return abs(count / rows - share) < 5 * math.sqrt(share * (1 - share) / rows)


def test_shares_are_those_of_the_law_and_of_the_law_given_the_rules(table):
    dx = field(table, "dx")
    assert dx.declared.rows == PILOT_ROWS and dx.realised.rows == N
    for count, share in zip(dx.declared.counts, (0.55, 0.25, 0.2), strict=True):
        assert near(count, PILOT_ROWS, share)
    z = 0.55 + 0.45 * 0.3
    for count, share in zip(
        dx.realised.counts, (0.55 / z, 0.25 * 0.3 / z, 0.2 * 0.3 / z), strict=True
    ):
        assert near(count, N, share)
    assert dx.declared.shares == pytest.approx([0.55, 0.25, 0.2, 0])
    assert dx.is_moved and dx.is_conditioned
    assert dx.distance == pytest.approx(0.55 / z - 0.55, abs=5 * 0.5 / math.sqrt(N))


def test_shares_that_the_declaration_gives_are_exact(table):
    assert field(table, "tested").declared.shares == pytest.approx([0.7, 0.3, 0])
    text = """\
language 1
table t [9_000] {
  a: bool ~ bernoulli(0.5)
  w: text? ~ {"x": 20%, null: 30%, "y": rest}
  v: text ~ when {a: {"x": 20%, "y": rest}, else: {"y": 100%}}
  rule r: a or w == "x" or v == "x"
}
"""
    (found,) = spec(text).movement(pilot_rows=16_384)
    assert field(found, "w").declared.shares == pytest.approx([0.2, 0.5, 0.3])
    assert field(found, "v").declared.shares is None
    shown = {f.label: f.declared for f in figures(field(found, "w"))}
    assert shown == {"x": "20.0 %", "y": "50.0 %", "null": "30.0 %"}


def test_soft_rule_moves_a_number_and_its_exceptions_are_counted(table):
    days = field(table, "days")
    mean = 0.9 * 25.5 + 0.1 * 75.5
    assert days.declared.mean == pytest.approx(50.5, abs=5 * 28.9 / math.sqrt(PILOT_ROWS))
    assert days.realised.mean == pytest.approx(mean, abs=5 * 21 / math.sqrt(N))
    (soft,) = table.exceptions
    assert (soft.rule, soft.rows, soft.declared) == ("short", N, pytest.approx(0.1))
    assert near(soft.exceptions, N, 0.1) and soft.low < soft.exceptions / N < soft.high


def test_what_follows_and_what_no_rule_reaches(table):
    assert not field(table, "cost").is_conditioned and field(table, "cost").is_moved
    assert field(table, "cost").realised.nulls == 0  # before masks
    assert table.untouched == ("sex", "colour", "code")
    assert {f.name for f in table.fields} == {"dx", "tested", "days", "cost"}


def test_only_the_first_rows_are_measured_and_progress_is_told():
    told = []
    (found,) = spec().movement(most=1000, pilot_rows=2000, progress=lambda *x: told.append(x))
    assert (found.rows, found.of_rows, found.pilot_rows) == (1000, N, 2000)
    assert told == [(1000, 1000)]
    generated = spec().generate(rows=1000)["patient"]
    healthy = pc.sum(pc.equal(generated["dx"].cast(pa.string()), "healthy")).as_py()
    assert field(found, "dx").realised.counts[0] == healthy
    (part,) = spec().movement(rows="500:700")
    assert (part.start, part.rows) == (500, 200)


def test_rules_that_change_nothing_move_nothing():
    text = "language 1\ntable t [20_000] {\n  x: int ~ poisson(4)\n  b: bool ~ bernoulli(0.3)\n"
    (found,) = spec(text + "  rule any: x >= 1_000 -> b\n}\n").movement()
    assert [f.is_moved for f in found.fields] == [False, False]
    assert render_moves([found]) == []


def test_without_rules_there_is_nothing_to_tell():
    assert spec("language 1\ntable t [5] {\n  x: int ~ poisson(4)\n}\n").movement() == ()


def test_what_has_no_law_without_the_rules_is_said_not_guessed():
    text = """\
language 1
table t [500] {
  a: float ~ uniform(0, 1)
  b: float ~ uniform(0, 1)
  c: float ~ uniform(a, b)
  rule order: a < b
}
"""
    (found,) = spec(text).movement(pilot_rows=4096)
    assert [f.name for f in found.fields] == ["a", "b"]
    assert found.unmeasured == (("c", "without the rules it has no law"),)
    page = render_report(spec(text).report(), form="html")
    assert "Not compared (without the rules it has no law): <code>c</code>" in page


def test_nulls_alone_can_move():
    text = """\
language 1
table t [20_000] {
  ill: bool ~ bernoulli(0.5)
  died: date? ~ when {ill: discrete_uniform(2020-01-01, 2024-12-31), else: null}
  rule some: ill or died is not null or false
}
"""
    (found,) = spec(text).movement()
    died = field(found, "died")
    assert died.is_moved and died.realised.nulls == 0 < died.declared.nulls
    assert "null" in [figure.label for figure in figures(died)]


# as text, JSON, HTML


def test_a_few_lines_for_the_preview(table):
    text = " ".join(render_moves([table], width=60))
    assert text.startswith("rules moved: ")
    assert "dx healthy 5" in text and "days mean 50." in text and "→" in text
    assert all(len(line) <= 60 for line in render_moves([table], width=60))
    assert "->" in "".join(render_moves([table], is_ascii=True))


def test_report_as_json_is_what_its_schema_says():
    document = render_report(spec().report(case="ill"), form="json")
    read = MovementReport.model_validate_json(document)
    assert read.case is not None and read.case.condition == "dx == cancer"
    assert read.broken_rule is None and read.expectations[0].is_met
    data = json.loads(document)
    assert data["schema"] == "synthdsl.report/1" and report_schema()["$defs"]["ReportMarginal"]
    (table,) = data["tables"]
    counts = {f["name"]: f["realised"]["counts"] for f in table["fields"]}
    assert counts["dx"] == {"healthy": 0, "diabetes": 0, "cancer": N}
    assert {rule["name"] for rule in table["rules"]} == {"screened", "short", "ill"}


def test_report_as_html_is_whole_and_loads_nothing():
    page = render_report(spec().report(breaks="screened"), form="html")
    for said in (
        "Rule, broken by every row",
        "screened: dx != healthy -&gt; tested",
        "Declared: the same spec without its rules, measured on 131,072 rows",
        "expected, and so: mean(p.days for p in patient)",
        "As declared, for no rule reaches them: <code>sex</code>",
    ):
        assert said in page, said
    assert "http" not in page.replace("http-equiv", "") and "<script" not in page
    assert page.count("<svg") == page.count("</svg>") > 4


# exceptions as files


def test_truth_labels_the_exceptions(tmp_path):
    whole = spec(CLINIC.replace("  missing cost: mcar(10%)\n", "")).generate(rows=2000)["patient"]
    spec(CLINIC.replace("  missing cost: mcar(10%)\n", "")).write(
        tmp_path / "o", rows=2000, truth=True
    )
    truth = pa.parquet.read_table(tmp_path / "o" / "patient__truth.parquet")
    assert truth.column_names == ["row", "exception:short"]
    broken = np.asarray(whole["days"]) > 50
    assert np.array_equal(np.asarray(truth["exception:short"]), broken) and broken.any()


def test_truth_of_masks_and_exceptions_in_a_slice_is_that_of_the_whole(tmp_path):
    spec().write(tmp_path / "a", rows=300, truth=True)
    spec().write(tmp_path / "b", rows="100:200", truth=True)
    whole, part = (
        pa.parquet.read_table(tmp_path / name / "patient__truth.parquet") for name in "ab"
    )
    assert whole.column_names == ["row", "cost", "exception:short"]
    assert whole.slice(100, 100).equals(part)
