"""A spec as its data dictionary shows it: tables among others, columns as in files."""

from __future__ import annotations

import pytest

from synthdsl import api
from synthdsl.render.dictionary import render_dictionary

TEXT = """\
language 1
spec clinic "Patients"
enum Kind {acute, planned}
table site [5] {
  country: text = "X"
  number: int = index
  key (country, number)
}
table plan [3] {
  id: text = numbered("L-#", index)
  length: int = index + 1
  key id
}
table patient [20] {
  id: text = numbered("P-##", index)
  home: site ~ ref site as "at"
  key id
}
table visit per patient p [COUNT] WHERE {
  let plan: plan ~ ref plan
  kind: Kind ~ {acute: 50%, planned: rest}
  long: bool = plan.length == 3
  key (p, index)
  rule[90%] short: not long
}
pathway stay per visit v where v.kind == acute starts 2024-01-01 {
  ward: gamma(mean: 3 d, cv: 1) -> {home: 100%}
  final home
}
rule some each patient p: any(v.long for v in p.visit) or p.id == "P-03"
"""


def described(count="count ~ poisson(2)", where=""):
    text = TEXT.replace("COUNT", count).replace("WHERE", where)
    spec, _ = api.load("clinic.synth", text=text).dictionary(rows=10)
    return {table.name: table for table in spec.tables}, spec


@pytest.mark.parametrize(
    ("count", "where", "low", "high", "mark", "words"),
    [
        ("count ~ poisson(2)", "", 0, None, "many", "any number per patient"),
        ("count ~ poisson(2) in [1, 9]", "", 1, 9, "some", "1 to 9 per patient"),
        ("count ~ poisson(2) in [1, 9]", 'where p.id != "P-03"', 0, 9, "many", "0 to 9 per patient"),
        ("3", "", 3, 3, "some", "3 per patient"),
        ("3", "until long", 1, 3, "some", "1 to 3 per patient"),
        ("1", "", 1, 1, "one", "1 per patient"),
        ("1", 'where p.id != "P-03"', 0, 1, "maybe", "0 to 1 per patient"),
        ('when {p.id == "P-03": 4, else: 2}', "", 2, 4, "some", "2 to 4 per patient"),
        (
            'count ~ when {p.id == "P-03": poisson(2) in [2, 5], else: poisson(1) in [1, 3]}',
            "", 1, 5, "some", "1 to 5 per patient",
        ),
    ],
)  # fmt: skip
def test_how_many_rows_there_are_under_each_parent(count, where, low, high, mark, words):
    tables, _ = described(count, where)
    parent = tables["visit"].parent
    assert (parent.table, parent.low, parent.high, parent.mark) == ("patient", low, high, mark)
    assert parent.words == tables["visit"].rows == words


def test_keys_and_references_have_the_names_of_columns():
    tables, spec = described()
    patient = tables["patient"]
    assert [f.name for f in patient.fields] == ["id", "at_country", "at_number"]
    (home,) = patient.references
    assert (home.fields, home.table, home.to) == (
        ("at_country", "at_number"), "site", ("country", "number"),
    )  # fmt: skip
    (up,) = tables["visit"].references
    assert (up.fields, up.to, tables["visit"].key) == (
        ("patient_id",), ("id",), ("patient_id", "index"),
    )  # fmt: skip
    assert tables["visit"].reads == ("plan",)
    sample = api.load("clinic.synth", text=TEXT.replace("COUNT", "2").replace("WHERE", ""))
    for name, table in sample.sample(10).tables.items():
        assert [f.name for f in tables[name].fields] == table.column_names
    assert "visit refers to plan" in render_dictionary(spec, {})


def test_pathways_have_a_picture_and_words():
    tables, spec = described()
    stay = tables["stay"]
    assert (
        stay.shape == "pathway" and stay.picture.startswith("<svg") and stay.parent.mark == "many"
    )
    assert stay.rows == "one row for each visited state, per visit"
    notes = {field.name: field.note for field in stay.fields}
    assert notes["state"] == "the state that is visited"
    assert notes["visit_index"] == "key of the visit that the row is under"
    assert not any(field.how for field in stay.fields)
    assert "Pathway stay: ward to home" in render_dictionary(spec, {})


def test_rules_say_for_what_they_hold():
    tables, _ = described()
    (short,), (some,) = tables["visit"].rules, tables["patient"].rules
    assert short.share == "90 % of rows"
    assert some.share == "each patient with what is under it"
