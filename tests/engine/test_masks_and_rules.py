"""Masks, codes for missing values, and what rules and correlations may be."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from engine_specs import codes, columns, of_fields

import synthdsl
from synthdsl.diagnostics import SynthError


def test_masks_read_complete_values_and_derived_fields_masked_ones() -> None:
    body = (
        "w: float? ~ normal(0, 1)\nb: float? = w * 2\nc: float? = b + 1\nlow: bool = coalesce(w, 9) < 0\n"
        "v: float? ~ normal(0, 1)\n"
        "missing w: mnar(when {w > 1: 1, else: 0})\nmissing v: mnar(when {w > 1: 1, else: 0})"
    )
    found = columns(body)
    assert 0.1 < found.w.isna().mean() < 0.22
    # both masks read the complete w, though w itself is masked in the very same rows
    assert (found.v.isna() == found.w.isna()).all()
    assert (found.b.isna() == found.w.isna()).all() and (found.c.isna() == found.w.isna()).all()
    assert not found.low[found.w.isna()].any()
    np.testing.assert_array_equal(found.c.dropna(), found.w.dropna() * 2 + 1)


def test_a_masked_derived_field_keeps_its_own_mask_when_it_is_recomputed() -> None:
    found = columns(
        "w: float? ~ normal(0, 1)\nb: float? = w * 2\nc: float? = b + 1\n"
        "missing w: mcar(10%)\nmissing b: mcar(30%)",
        rows=20_000,
    )
    # False alarm: 5 standard errors.
    assert abs(found.b.isna().mean() - (1 - 0.9 * 0.7)) < 5 * 0.5 / np.sqrt(20_000)
    assert (found.c.isna() == found.b.isna()).all()
    assert found.b.notna().sum() < found.w.notna().sum()


def test_the_truth_table_has_complete_values(tmp_path: Path) -> None:
    text = of_fields("w: int? ~ poisson(3)\nmissing w: mcar(50%) as -9", rows=300)
    spec = synthdsl.load("s.synth", text=text)
    spec.write(tmp_path / "out", format="jsonl", truth=True)
    truth = columns("w: int? ~ poisson(3)", rows=300).w
    (path,) = (p for p in (tmp_path / "out").rglob("*truth*") if p.is_file())
    import json

    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["w"] for row in rows] == truth.tolist()
    assert [row["row"] for row in rows] == list(range(300))


CODED = [
    ("int? ~ poisson(3)", "-9", -9),
    ("decimal(7, 2)? ~ normal(50, 1)", "-9.99", Decimal("-9.99")),
    ("float? ~ normal(50, 1)", "999", 999.0),
    ("date? ~ discrete_uniform(2020-01-01, 2020-01-02)", "1900-01-01", date(1900, 1, 1)),
    ('text? ~ {"a": 50%, "b": rest}', '"n/a"', "n/a"),
    ('text? ~ pattern("###")', '"n/a"', "n/a"),
    ("Sex? ~ {female: 50%, male: rest}", '"U"', "U"),
]


@pytest.mark.parametrize("field, code, value", CODED)
def test_a_code_stands_for_what_is_masked(field: str, code: str, value: object) -> None:
    top = 'enum Sex {female as "F", male}' if "Sex" in field else ""
    plain = columns(f"x: {field}\nmissing x: mcar(50%)", top=top).x
    coded = columns(f"x: {field}\nmissing x: mcar(50%) as {code}", top=top).x
    assert ((coded == value) == plain.isna()).all()
    assert coded[plain.notna()].tolist() == plain[plain.notna()].tolist()


def test_a_code_is_not_for_values_that_are_null_by_themselves() -> None:
    found = columns("x: int? ~ {1: 50%, null: rest}\nmissing x: mcar(30%) as -9").x
    assert set(found.dropna()) == {1, -9} and found.isna().any()


@pytest.mark.parametrize("code", ['"F"', "3"])
def test_a_code_that_the_field_may_hold_or_of_another_type(code: str) -> None:
    body = f"x: Sex? ~ {{female: 50%, male: rest}}\nmissing x: mcar(30%) as {code}"
    wanted = "missing-mechanism" if code == '"F"' else "type-mismatch"
    assert codes(body, top='enum Sex {female as "F", male}') == [wanted]


WRONG = [
    ("a: float? ~ normal(0, 1)\nmissing a: mar(expit(a))", "missing-reads"),
    ("a: float? ~ normal(0, 1)\nlet h ~ normal(0, 1)\nmissing a: mar(expit(h))", "missing-reads"),
    ("a: float? ~ normal(0, 1)\nb: float? ~ normal(0, 1)\nmissing a: mar(expit(b))\nmissing b: mcar(1%)", "missing-reads"),
    ("a: float? ~ normal(0, 1)\nb: float? = a\nc: float? ~ normal(0, 1)\nmissing c: mar(expit(b))\nmissing a: mcar(1%)", "missing-reads"),
    ("a: float? ~ normal(0, 1)\nb: float ~ normal(0, 1)\nmissing a: mnar(expit(b))", "missing-reads"),
    ("a: float? ~ normal(0, 1)\nmissing a: mcar(expit(a))", "missing-reads"),
    ("a: float ~ normal(0, 1)\nmissing a: mcar(3%)", "missing-type-nullable"),
    ("a: int ~ poisson(3)\nrule r: index < 5", "bad-rule"),
    ("a: int ~ poisson(3)\nrule r: a < 5\nrule r: a > 1", "duplicate-name"),
    ("a: float? ~ normal(0, 1)\nb: float ~ normal(0, 1)\nmissing a: mcar(3%)\nrule r: a is null -> b > 0", "bad-rule"),
    ("a: float? ~ normal(0, 1)\nc: float? = a + 1\nmissing a: mcar(3%)\nrule r: c is not null", "bad-rule"),
    ("a: float ~ normal(0, 1)\nb: float ~ normal(0, 1)\nc: float ~ normal(0, 1)\ncorrelate (a, b) rank 0.8\ncorrelate (b, c) rank 0.8", "correlate-field"),
    ("a: float ~ normal(0, 1)\nb: float ~ normal(0, 1)\ns: bool? ~ {true: 50%, null: rest}\ncorrelate (a, b) rank 0.8 by s", "correlate-field"),
    ("a: float ~ normal(0, 1)\nb: float ~ normal(0, 1)\ns: bool ~ bernoulli(expit(a))\ncorrelate (a, b) rank 0.8 by s", "cycle"),
]  # fmt: skip


@pytest.mark.parametrize("body, code", WRONG)
def test_what_has_no_meaning_is_refused(body: str, code: str) -> None:
    assert codes(body) == [code]


def test_a_mask_may_depend_on_a_field_recomputed_from_a_masked_one() -> None:
    found = columns(
        "w: float? ~ normal(0, 1)\nb: float? = w * 2\ni: float? ~ normal(0, 1)\n"
        "missing w: mcar(10%)\nmissing i: mnar(when {b > 0: 1, else: 0})"
    )
    seen = found[found.w.notna()]
    assert (seen.i.isna() == (seen.b > 0)).all() and found.i[found.w.isna()].isna().any()


def test_structural_nulls_can_be_tested_where_nothing_is_masked() -> None:
    found = columns(
        "a: int? ~ {1: 50%, null: rest}\nb: int ~ poisson(3)\nrule r: a is null -> b == 0"
    )
    assert (found.b[found.a.isna()] == 0).all()


def test_a_group_that_is_masked_still_groups() -> None:
    found = columns(
        "a: float ~ normal(0, 1)\nb: float ~ normal(0, 1)\ns: bool? ~ bernoulli(50%)\n"
        "t: bool = coalesce(s, false)\nmissing s: mcar(30%)\n"
        "correlate (a, b) rank {true: 0.9, false: -0.9} by s",
        rows=4000,
    )
    for group, sign in ((True, 1), (False, -1)):
        rows = found[found.s == group]
        assert sign * rows.a.corr(rows.b, method="spearman") > 0.8


def test_a_parameters_condition_must_be_true_and_null_is_not() -> None:
    top = "param d: date? = null where d > 2020-01-01"
    body = "x: date? = d"
    assert codes(body, top=top) == ["param-range"]
    assert codes(body, top=top, params={"d": "2021-01-01"}) == []
    assert codes(body, top=top, params={"d": "2019-01-01"}) == ["param-range"]


def test_an_impossible_rule_is_named() -> None:
    with pytest.raises(SynthError) as raised:
        columns("a: int ~ discrete_uniform(0, 9)\nrule never: a > 20")
    (finding,) = raised.value.diagnostics
    assert finding.code == "unsatisfiable" and "`never`" in finding.message


def test_a_changed_lookup_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "s.synth"
    path.write_text(of_fields("v: text ~ mix", top='lookup mix from "mix.csv"'))
    found = []
    for word in ("old", "new"):
        (tmp_path / "mix.csv").write_text(f"value,weight\n{word},1\n")
        found.append(set(synthdsl.load(path).generate(5)["t"]["v"].to_pylist()))
    assert found == [{"old"}, {"new"}]


@pytest.mark.parametrize(
    "body, code",
    [
        ('id: text ~ unique("T-####")\nrule r: id != "T-0001"', "bad-rule"),
        (
            "a: int ~ poisson(3)\nx: float? ~ normal(a, 1)\nmissing x: mnar(expit(z(x)))",
            "bad-arguments",
        ),
    ],
)
def test_check_finds_what_planning_refuses(body: str, code: str) -> None:
    assert codes(body) == [code]
    with pytest.raises(SynthError):
        columns(body)
