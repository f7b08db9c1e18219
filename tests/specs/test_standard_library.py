"""The standard library: every name of every file can be imported, used and drawn from."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from spec_library import STANDARD, STANDARD_FILES
from stdnum import luhn

import synthdsl
from synthdsl.language import tree
from synthdsl.language.parse import parse
from synthdsl.source import Source

ROWS = 2_000
PEOPLE = {
    "us": (r"\d{3}-555-01\d\d", r"\d{5}"),
    "uk": (r"[0-9 ]+", r"[A-Z0-9]+ [0-9][A-Z]{2}"),
    "de": (r"[0-9 ]+", r"\d{5}"),
    "fr": (r"[0-9 ]+", r"\d{5}"),
    "es": (r"4[0-9 ]+", r"\d{5}"),
}


def spec_of(text: str) -> synthdsl.Spec:
    """A spec of `text`; raises where it has errors, and warnings fail the test."""
    enum = "enum Sex {female, male}\n" if ": Sex" in text else ""
    spec = synthdsl.load("library.synth", text=f"language 1\n{enum}{text}")
    assert spec.warnings == ()
    return spec


def rows(text: str, rows: int = ROWS) -> pd.DataFrame:
    (table,) = spec_of(text).generate(rows, seed=3).tables.values()
    return table.to_pandas()


def test_the_files_are_there():
    names = {path.stem for path in STANDARD_FILES}
    assert names >= {"vitals", "codes", *(f"{c}_people" for c in PEOPLE)}


@pytest.mark.parametrize("path", STANDARD_FILES, ids=lambda path: path.stem)
def test_every_declaration_can_be_imported(path):
    parsed, found = parse(Source(path.name, path.read_text(encoding="utf-8")))
    assert found == []
    kinds = (tree.Dist, tree.Fields, tree.Lookup)
    names = [s.name.text for s in parsed.file.statements if isinstance(s, kinds)]
    assert names
    diagnostics = synthdsl.check(
        "library.synth",
        text=f'language 1\nimport "std/{path.name}" ({", ".join(names)})\n'
        "table t [1] {\n  x: int = 1\n}\n",
    )
    assert {d.code for d in diagnostics} <= {"unused-name"} and len(diagnostics) == len(names)
    for statement in parsed.file.statements:
        if isinstance(statement, tree.Fields | tree.Lookup):
            assert statement.description, statement.name.text
        if isinstance(statement, tree.Fields):
            for member in statement.members:
                if isinstance(member, tree.Field) and not member.is_let:
                    assert member.description, member.name.text


@pytest.mark.parametrize("country", PEOPLE)
def test_people(country):
    phone, postcode = PEOPLE[country]
    frame = rows(
        f'import "std/{country}_people.synth" ({country}_person, person_name)\n'
        "table t [10] {\n  sex: Sex ~ {female: 50%, male: rest}\n"
        f"  use {country}_person(sex)\n  other: text ~ person_name(sex)\n"
        f'  use {country}_person(sex) prefix "next_"\n}}\n'
    )
    assert (frame.name == frame.given_name.astype(str) + " " + frame.family_name.astype(str)).all()
    assert (
        frame.next_name
        == frame.next_given_name.astype(str) + " " + frame.next_family_name.astype(str)
    ).all()
    assert (frame.name != frame.next_name).mean() > 0.9
    assert (
        frame.phone.str.fullmatch(phone).all()
        and frame.postcode.astype(str).str.fullmatch(postcode).all()
    )
    assert frame.email.str.endswith(("@example.com", "@example.net", "@example.org")).all()
    assert frame.notna().all().all() and frame.other.nunique() > ROWS / 4
    given = frame.other.str.split(" ").str[0]
    women = set(given[frame.sex == "female"])
    men = set(given[frame.sex == "male"])
    assert len(women & men) < 0.3 * min(len(women), len(men))


def test_full_name_words_of_sex():
    frame = rows(
        "table t [10] {\n"
        '  sex: text? ~ {"F": 40%, "M": 40%, null: rest}\n'
        "  name: text? ~ full_name(sex)\n"
        '  she: text ~ full_name("female", locale: "de_DE")\n'
        "  anybody: text ~ full_name()\n}\n"
    )
    assert (frame.name.isna() == frame.sex.isna()).all() and frame.sex.isna().any()
    assert frame.she.nunique() > ROWS / 4 and frame.anybody.nunique() > ROWS / 4


def test_full_name_refuses_other_words():
    with pytest.raises(synthdsl.SynthError) as caught:
        spec_of('table t [10] {\n  name: text ~ full_name("weiblich")\n}\n')
    assert '"weiblich" is not a sex' in caught.value.diagnostics[0].message


def test_icd10_codes_are_well_formed():
    codes = pd.read_csv(STANDARD / "icd10_cm.csv", dtype=str, keep_default_na=False)
    assert codes.code.is_unique and (codes != "").all().all()
    form = re.compile(r"[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?")
    assert codes.code.map(lambda code: form.fullmatch(code) is not None).all()
    assert codes.code.is_monotonic_increasing
    first = codes.groupby("chapter", sort=False).code.agg(lambda c: c.str[0].iloc[0])
    assert list(first) == sorted(first)


def test_loinc_codes_pass_their_check_digit():
    codes = pd.read_csv(STANDARD / "loinc.csv", dtype=str)
    assert codes.code.is_unique
    assert codes.code.str.fullmatch(r"\d{1,5}-\d").all()
    assert codes.code.str.replace("-", "").map(luhn.is_valid).all()
    notice = (STANDARD / "codes.synth").read_text(encoding="utf-8")
    assert "copyright" in notice and "https://loinc.org/license" in notice


def test_loinc_units_are_units():
    from synthdsl.values.units import parse_unit

    units = pd.read_csv(STANDARD / "loinc.csv", dtype=str).unit
    known = [unit for unit in units if not unit.startswith(("{", "10*", "m[IU]", "U/"))]
    for unit in known:
        parse_unit(unit)
    assert len(known) > 20


def test_codes_are_looked_up():
    frame = rows(
        'import "std/codes.synth" (icd10_description, icd10_chapter, loinc_description)\n'
        'import "std/codes.synth" (loinc_unit, common_lab_test)\n'
        "table t [10] {\n"
        '  dx: text ~ {"E11.9": 50%, "O80": 40%, "none": rest}\n'
        "  name: text? = icd10_description[dx]\n  chapter: text? = icd10_chapter[dx]\n"
        "  test: text ~ common_lab_test\n  what: text? = loinc_description[test]\n"
        "  unit: text? = loinc_unit[test]\n}\n"
    )
    assert (frame.name.isna() == (frame.dx == "none")).all()
    assert set(frame.chapter.dropna()) == {"endocrine", "pregnancy"}
    assert frame.what.notna().all() and frame.unit.notna().all()
    assert (frame.what[frame.test == "718-7"] == "Haemoglobin").all()


def test_vitals_of_a_couple():
    """A group used twice: each copy keeps to its own fields, rules and correlations."""
    text = (
        'import "std/vitals.synth" (adult_body, adult_vitals)\n'
        "table t [10] {\n  age: int<a> ~ discrete_uniform(30, 70)\n"
        "  let he: Sex = male\n  let she: Sex = female\n"
        '  use adult_body(he, age) prefix "his_"\n'
        '  use adult_vitals(he, age, his_bmi) prefix "his_"\n'
        '  use adult_body(she, age) prefix "her_"\n'
        '  use adult_vitals(she, age, her_bmi) prefix "her_"\n}\n'
    )
    frame = rows(text, 20_000)
    for whose in ("his", "her"):
        height, weight = frame[f"{whose}_height"], frame[f"{whose}_weight"]
        assert ((weight / (height / 100) ** 2 - frame[f"{whose}_bmi"]).abs() <= 0.051).all()
        assert (frame[f"{whose}_systolic"] > frame[f"{whose}_diastolic"]).all()
        # standard error of r is below 0.008: 12 of them
        assert frame[f"{whose}_systolic"].corr(frame[f"{whose}_diastolic"]) > 0.25
    assert frame.his_height.mean() - frame.her_height.mean() > 12
    assert abs(frame.his_height.corr(frame.her_height)) < 0.05


def test_members_of_a_prefixed_group(tmp_path):
    """`rule`, `missing`, `key` and `correlate` of a group follow its prefix and its arguments."""
    (tmp_path / "inner.synth").write_text(
        "language 1\n"
        "fields inner(group) {\n"
        '  a: float ~ normal(0, 1)\n  b: float? ~ normal(0, 1)\n  id: text ~ unique("####")\n'
        "  length: int = length(id)\n"
        "  key id\n  correlate (a, b) rank {female: 0.8, male: -0.8} by group\n"
        "  rule positive: a > 0\n  missing b: mar(when {a > 1: 1, else: 0})\n}\n"
        'fields outer(g) {\n  use inner(g) prefix "in_"\n  twice: float = 2 * in_a\n}\n'
    )
    (tmp_path / "spec.synth").write_text(
        'language 1\nimport "inner.synth" (outer)\nenum Sex {female, male}\n'
        "table t [3_000] {\n  gender: Sex ~ {female: 50%, male: rest}\n  a: float = -1.0\n"
        '  use outer(gender) prefix "x_"\n}\n'
    )
    assert synthdsl.check(tmp_path / "spec.synth") == []
    spec = synthdsl.load(tmp_path / "spec.synth")
    assert spec.tables["t"].key == ("x_in_id",)
    frame = spec.generate()["t"].to_pandas()
    assert (frame.a == -1).all() and (frame.x_in_a > 0).all() and (frame.x_in_length == 4).all()
    assert (frame.x_twice == 2 * frame.x_in_a).all()
    assert (frame.x_in_b.isna() == (frame.x_in_a > 1)).all()
    seen = frame.groupby("gender", observed=True)[["x_in_a", "x_in_b"]].corr().x_in_b
    assert seen["female"].iloc[0] > 0.2 and seen["male"].iloc[0] < -0.2
