"""What `check` says of references."""

from __future__ import annotations

from typing import Any

import pytest

import synthdsl

TOP = """language 1
spec s
seed 3
param lim: int = 2
enum Kind {a, b}
table provider [50] {
  kind: Kind ~ {a: 50%, b: rest}
  share: float ~ gamma(mean: 1, cv: 1)
  size: float<kg> ~ gamma(mean: 1, cv: 1)
  let home: place ~ ref place
  id: text ~ unique("P-####")
  key id
}
table place [5] {
  name: text ~ unique("??")
  key name
}
"""


def findings(body: str, more: str = "") -> list[Any]:
    text = f"{TOP}{more}table visit [100] {{\n  id: int = index\n  key id\n  kind: Kind ~ {{a: 50%, b: rest}}\n  {body}\n}}\n"
    return synthdsl.check("s.synth", text=text)


def errors(body: str, more: str = "") -> list[tuple[str, str, str]]:
    return [(d.code, d.span.text, d.message) for d in findings(body, more) if d.is_error]


FINE = {
    "all": "doctor: provider ~ ref provider",
    "grouped": "doctor: provider ~ ref provider where provider.kind == kind weight provider.share",
    "member": "doctor: provider ~ ref provider where provider.kind == a",
    "nullable": "doctor: provider? ~ when {kind == a: null, else: ref provider}",
    "read": "doctor: provider ~ ref provider\n  of: Kind = doctor.kind",
    "read nullable": "doctor: provider? ~ when {kind == a: null, else: ref provider}\n"
    "  of: Kind? = doctor.kind",
    "compared": "doctor: provider ~ ref provider\n"
    "  other: provider ~ ref provider where provider != doctor\n"
    "  is_same: bool = other == doctor",
    "earlier": "before: visit? ~ when {index == 0: null, else: ref visit where visit.index < index}",
    "earlier, mirrored": "before: visit? ~ when {index == 0: null, "
    "else: ref visit where index > visit.index and visit.kind == kind}",
    "numbered": "doctor: provider ~ ref provider where provider.index <= index",
    "read by way of another": 'doctor: provider ~ ref provider where provider.home.name != ""',
    "unique": "doctor: place ~ ref place",
    "without a type": "let doctor ~ ref provider\n  of: Kind = doctor.kind",
    "derived": "doctor: provider ~ ref provider\n  again: provider = doctor",
    "null test": "doctor: provider? ~ when {kind == a: null, else: ref provider}\n"
    "  none: bool = doctor is null",
    "own field wins": "provider: int ~ poisson(2)\n"
    "  doctor: provider ~ ref provider where provider.index > provider",
}


@pytest.mark.parametrize("name", FINE)
def test_it_is_fine(name: str) -> None:
    assert errors(FINE[name]) == []


WRONG = {
    "no table": ("d: provider ~ ref providers", "unknown-name", "providers", "no table"),
    "no type": ("d: providers ~ ref provider", "unknown-type", "providers", "no type"),
    "of another type": (
        "d: text ~ ref provider",
        "type-mismatch",
        "ref provider",
        "the field is `text`",
    ),
    "of another table": ("d: place ~ ref provider", "type-mismatch", "ref provider", "`place`"),
    "no field": (
        "d: provider ~ ref provider where provider.kin == kind",
        "unknown-name",
        "provider.kin",
        "`kin` is not declared",
    ),
    "not a condition": (
        "d: provider ~ ref provider where provider.share",
        "not-boolean",
        "provider.share",
        "true or false",
    ),
    "no weight": (
        "d: provider ~ ref provider weight provider.kind",
        "type-mismatch",
        "provider.kind",
        "a weight",
    ),
    "a weight with a unit": (
        "d: provider ~ ref provider weight provider.size",
        "unit-mismatch",
        "provider.size",
        "a weight",
    ),
    "a weight that may be null": (
        "x: float? ~ when {kind == a: null, else: 1}\n  d: provider ~ ref provider weight x",
        "nullable",
        "x",
        "a weight",
    ),
    "in a circle": ("d: visit ~ ref visit", "cycle", "ref visit", "circle"),
    "itself": (
        "d: visit? ~ when {index == 0: null, else: ref visit where visit.index <= index}",
        "cycle",
        "ref visit where visit.index <= index",
        "circle",
    ),
    "a first row": (
        "d: visit ~ ref visit where visit.index < index",
        "empty-choice",
        "ref visit where visit.index < index",
        "first row",
    ),
    "by its own value": (
        "d: visit? ~ when {index == 0: null, else: ref visit "
        "where visit.index < index and visit.e > 0}\n  e: int = coalesce(d.index, 1)",
        "cycle",
        "visit.e",
        "depends on their `d`",
    ),
    "by rows that a rule ties to it": (
        "d: visit? ~ when {index == 0: null, else: ref visit "
        "where visit.index < index and visit.e > 0}\n  e: int ~ poisson(3)\n"
        "  rule r: d is null or e > 1",
        "cycle",
        "visit.e",
        "depends on their `d`",
    ),
    "no draw of rows": ("d: provider ~ {a: 100%}", "misplaced-draw", "{a: 100%}", "`provider`"),
    "a distribution": (
        "d: provider ~ normal(0, 1)",
        "misplaced-draw",
        "normal(0, 1)",
        "`provider`",
    ),
    "an order": (
        "d: provider ~ ref provider\n  e: bool = d < d",
        "type-mismatch",
        "d < d",
        "no order",
    ),
    "two tables": (
        "d: provider ~ ref provider\n  e: place ~ ref place\n  f: bool = d == e",
        "type-mismatch",
        "d == e",
        "compare",
    ),
    "truncated": (
        "d: provider ~ when {kind == a: ref provider, else: ref provider} in [1, 2]",
        "bad-interval",
        "[1, 2]",
        "no order",
    ),
    "distinct in a choice": (
        "d: provider ~ when {kind == a: ref provider distinct, else: ref provider}",
        "misplaced-draw",
        "ref provider distinct",
        "not part of another draw",
    ),
    "distinct with a weight": (
        "d: provider ~ ref provider weight provider.share distinct",
        "bad-relation",
        "ref provider weight provider.share distinct",
        "no parent",
    ),
    "too few": (
        "d: provider ~ ref provider distinct",
        "capacity",
        "ref provider distinct",
        "differs in all 100 rows",
    ),
    "a null": (
        "d: provider ~ when {kind == a: null, else: ref provider}",
        "nullable",
        "null",
        "",
    ),
    "too much": (
        "d: provider ~ ref provider where provider.prev.share > 1",
        "no-siblings",
        "provider.prev.share",
        "",
    ),
    "a constant that is false": (
        "d: provider ~ ref provider where lim > 3",
        "empty-choice",
        "lim > 3",
        "no row of `provider` meets",
    ),
    "a constant among others that is false": (
        "d: provider ~ ref provider where provider.kind == kind and lim > 3",
        "empty-choice",
        "lim > 3",
        "no row of `provider` meets",
    ),
    "a weight of nothing": (
        "d: provider ~ ref provider weight lim - 2",
        "weight-range",
        "lim - 2",
        "no row is ever chosen",
    ),
    "as text": (
        "d: provider ~ ref provider\n  t: text = text(d)",
        "bad-arguments",
        "d",
        "this is `provider`",
    ),
    "as text in a template": (
        'd: provider ~ ref provider\n  t: text = template("{0}", d)',
        "bad-arguments",
        "d",
        "has no text",
    ),
    "in a list": ("let d: list(provider) = [1]", "bad-type", "list(provider)", "is a table"),
    "of two tables": (
        "d: provider ~ ref provider\n  e: place? ~ when {kind == a: null, else: ref place}\n"
        "  f: place = coalesce(e, d)",
        "type-mismatch",
        "d",
        "",
    ),
    "a type with arguments": (
        "d: provider(3) ~ ref provider",
        "bad-type",
        "provider(3)",
        "takes no arguments",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_it_is_reported_where_it_stands(name: str) -> None:
    body, code, text, message = WRONG[name]
    found = errors(body)
    assert [(c, t) for c, t, _ in found] == [(code, text)], found
    assert message in found[0][2]


def test_a_table_without_rows_cannot_be_referred_to() -> None:
    (found,) = errors("d: ward ~ ref ward", "table ward [0] {\n  x: int ~ poisson(1)\n  key x\n}\n")
    assert found[0] == "empty-choice" and "has no rows" in found[2]


def test_rows_under_a_parent_cannot_be_referred_to() -> None:
    more = "table room per place p [3] {\n  x: int ~ poisson(1)\n}\n"
    (found,) = errors("d: room ~ ref room", more)
    assert found[0] == "bad-relation" and "stand under a parent" in found[2]


def test_a_table_that_is_too_large_is_not_weighted() -> None:
    more = "table large [10_000_000] {\n  x: float ~ gamma(1, 1)\n  key x\n}\n"
    (found,) = errors("d: large ~ ref large weight large.x", more)
    assert found[0] == "bad-relation" and "10,000,000" in found[2]


def test_an_aggregate_does_not_read_the_row_to_choose() -> None:
    more = (
        "table owner [5] {\n  x: int ~ poisson(1)\n}\n"
        "table part per owner o [2] {\n  y: int ~ poisson(1)\n}\n"
        "table box per owner o [2] {\n"
        "  d: place ~ ref place where any(q.y == place.index for q in o.part)\n}\n"
    )
    (found,) = errors("x: int ~ poisson(1)", more)
    assert found[0] == "bad-relation" and "once for a row" in found[2]
    alone = more.replace("q.y == place.index", "q.y == 1")
    assert errors("x: int ~ poisson(1)", alone) == []


def test_a_rule_does_not_condition_what_is_unique() -> None:
    body = "d: provider ~ ref provider distinct\n  rule r: d.kind == kind"
    more = "table small [3] {\n  kind: Kind ~ {a: 50%, b: rest}\n  " + body + "\n}\n"
    found = errors("x: int ~ poisson(1)", more)
    assert [code for code, _, _ in found] == ["bad-rule"], found


CIRCLES = {
    "two tables": (
        "  d: ward ~ ref ward\n  x: int = d.y\n",
        "  at: visit ~ ref visit\n  y: int = at.x + 1\n",
        "ward.y -> visit.x -> ward.y",
    ),
    "by what is chosen": (
        "  d: ward ~ ref ward where ward.y > 1\n  x: int = d.number\n",
        "  number: int ~ poisson(3)\n  at: visit ~ ref visit\n  y: int = at.x + 1\n",
        "visit.d -> ward.y -> visit.x -> visit.d",
    ),
    "by way of another table": (
        "  d: ward ~ ref ward\n  x: int = d.head.x\n",
        "  head: visit ~ ref visit\n",
        "visit.x -> ",
    ),
}


@pytest.mark.parametrize("name", CIRCLES)
def test_a_circle_through_references(name: str) -> None:
    of_visit, of_ward, way = CIRCLES[name]
    text = TOP + "table ward [10] {\n  id: int = index\n  key id\n" + of_ward + "}\n"
    text += "table visit [10] {\n  id: int = index\n  key id\n" + of_visit + "}\n"
    found = [d for d in synthdsl.check("s.synth", text=text) if d.is_error]
    assert [d.code for d in found] == ["cycle"] and way in found[0].message, found


def test_distinct_rows_are_not_drawn_one_after_the_other() -> None:
    more = (
        "table part per place p [3] {\n"
        "  d: provider ~ ref provider where provider != prev.d distinct\n}\n"
    )
    (found,) = errors("x: int ~ poisson(1)", more)
    assert found[0] == "cycle" and "at once" in found[2]
    assert errors("x: int ~ poisson(1)", more.replace(" distinct", "")) == []


def test_an_exported_reference_needs_a_key() -> None:
    more = "table ward [3] {\n  x: int ~ poisson(1)\n}\n"
    (found,) = errors("w: ward ~ ref ward", more)
    assert found[:2] == ("bad-key", "w") and "which has none" in found[2]
    assert errors("let w ~ ref ward\n  x: int = w.x", more) == []


def test_similar_names_are_suggested() -> None:
    (found,) = [d for d in findings("d: provider ~ ref provder") if d.is_error]
    assert found.help == "did you mean `provider`?"
    (found,) = [d for d in findings("d: provder ~ ref provider") if d.is_error]
    assert found.help == "did you mean `provider`?"
