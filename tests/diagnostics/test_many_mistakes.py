"""Every mistake is found in one run: none hides another, none is reported twice."""

from __future__ import annotations

import pytest

from synthdsl import api

TOP = [
    ("enum Colour {red, green, red}", "bad-enum"),
    ("enum Shape {round square}", "syntax"),
    ("param size: int = 3.5", "type-mismatch"),
    ("param share: float = 5 where share in [0, 1]", "param-range"),
    ("parm other: int = 3", "unknown-statement"),
    ('lookup codes from "no-such-file.csv"', "unreadable-file"),
    ('import "no-such-file.synth" (thing)', "unreadable-file"),
    ("dist wide(m) = normal(m 3)", "syntax"),
    ("seed twelve", "syntax"),
    ("enum Open {a, b", "unclosed-bracket"),
    ("param q: int = (3 + 4", "unclosed-bracket"),
    ("}", "unopened-bracket"),
    ("spec “clinic”", "bad-character"),
]
INSIDE = [
    ("a1: float ~ normal(0, 1", "unclosed-bracket"),
    ("a2: float ~ normal(0, 1))", "unopened-bracket"),
    ("a3 ~ normal(0, 1)", "missing-type"),
    ("a4 = 3", "missing-type"),
    ("a5: bool = age = 3", "single-equals"),
    ("a6: bool = age > 1 && age < 9", "bad-character"),
    ("a7: int = if age > 3 then 1 else 2", "no-if"),
    ('a8: text = "open', "unclosed-string"),
    ("a9: text = 'single'", "bad-character"),
    ("b1: text = “curly”", "bad-character"),
    ("größe: float ~ normal(0, 1)", "bad-character"),
    ("b3: float ~ normal(0, -1)", "parameter-range"),
    ("b4: float ~ gaussian(0, 1)", "unknown-function"),
    ("b5: flot ~ normal(0, 1)", "unknown-type"),
    ("b6: int = aeg + 1", "unknown-name"),
    ("b7: float<kgs> ~ normal(0, 1)", "unknown-unit"),
    ('b8: text ~ {"x": 50%, "y": 40%}', "weights-total"),
    ("b9: Sex ~ {femal: 50%, male: rest}", "unknown-member"),
    ("c1: date = 2026-02-30", "bad-moment"),
    ("c2: bool = age ≥ 3", "bad-character"),
    ("c3: int = when {age: 1, else: 2}", "not-boolean"),
    ("c4: float ~ normal(0, 1) + 3", "misplaced-draw"),
    ("c5: float = normal(0, 1)", "misplaced-draw"),
    ("c6: bool = age > 18 years", "unknown-unit"),
    ("c7: text = 12ab", "bad-number"),
    ("c8: float ~ normal(0, 1) in [3, 1]", "empty-interval"),
    ("c9: int ~ poisson(3) @identifer", "bad-role"),
    ("age: int ~ poisson(3)", "duplicate-name"),
    ("key nothing", "bad-key"),
    ("rul r1: age > 3", "unknown-statement"),
    ("rule r2 age > 3", "syntax"),
    ("missing age: mcar(3%)", "missing-type-nullable"),
    ("correlate (age, gae) rank 0.3", "correlate-field"),
    ("let d1 ~ normal(0 1)", "syntax"),
    ("d2: int = index +", "syntax"),
    ("d3: int =", "syntax"),
    ("d4:", "syntax"),
    ("d5", "unknown-statement"),
    ("d6: list = 3", "bad-type"),
    ("d7: int = \x00", "bad-character"),
    ("d8: int? ~ {1: 50%, null: 60%}", "weights-total"),
    ("d9: text<kg> = \"a\"", "unit-not-allowed"),
    ("e1: float = 1e999", "constant-overflow"),
    ("e2: decimal(2, 9) ~ normal(0, 1)", "bad-type"),
    ("e3: float = sqrt(1, 2, 3)", "bad-arguments"),
    ("e4: float ~ when {age > 3: normal(0, 1)}", "syntax"),
    ("e5: int = age !", "bad-character"),
    ("use nothing", "unknown-name"),
    ("e6: float step -1 ~ normal(0, 1)", "bad-step"),
    ("e7: int ~ [1, 2]", "syntax"),
]  # fmt: skip


def spec(top=(), inside=()):
    lines = ["language 1", "enum Sex {female, male}", *top, "table t [100] {"]
    lines += ["  age: int ~ poisson(40)", "  sex: Sex ~ {female: 50%, male: rest}"]
    lines += [f"  {line}" for line in inside]
    return "\n".join([*lines, "  last: float ~ normal(age, 1)", "}", ""])


def errors(text):
    return [(d.span.line, d.code) for d in api.check("x.synth", text=text) if d.is_error]


def expected(top, inside):
    found = [(3 + i, code) for i, (_, code) in enumerate(top)]
    return found + [(6 + len(top) + i, code) for i, (_, code) in enumerate(inside)]


def check(top, inside):
    text = spec([line for line, _ in top], [line for line, _ in inside])
    assert errors(text) == expected(top, inside)


@pytest.mark.parametrize("mistake", TOP, ids=lambda m: m[0][:20])
def test_one_mistake_at_the_top_gives_one_error(mistake):
    check([mistake], [])


@pytest.mark.parametrize("mistake", INSIDE, ids=lambda m: m[0][:20])
def test_one_mistake_in_a_table_gives_one_error(mistake):
    check([], [mistake])


def test_ten_mistakes_give_ten_errors():
    check(TOP[:3], INSIDE[:7])


def test_twenty_five_mistakes_give_twenty_five_errors():
    check(TOP[2:9], INSIDE[5:23])


def test_all_mistakes_together_give_one_error_each():
    check(TOP, INSIDE)


@pytest.mark.parametrize("order", [1, 3, 7, 11])
def test_the_order_of_mistakes_does_not_matter(order):
    inside = [INSIDE[(i * order) % len(INSIDE)] for i in range(len(INSIDE))]
    inside = list(dict.fromkeys(inside))
    check(TOP[::-1], inside)


HEADS = [
    ("table t [100 {", "unclosed-bracket"),
    ("table t 100] {", "syntax"),
    ("table [100] {", "syntax"),
    ("tabel t [100] {", "unknown-statement"),
    ("table t [x] {", "unknown-name"),
    ("table t (100) {", "syntax"),
    ("table t [100] rows {", "syntax"),
    ("table t [1.5] {", "type-mismatch"),
    ("Table t [100] {", "unknown-statement"),
    ("table t [-1] {", "row-count"),
    ("table “t” [100] {", "bad-character"),
    ("table t [100] :{", "syntax"),
]  # fmt: skip


@pytest.mark.parametrize("head", HEADS, ids=lambda h: h[0])
def test_a_mistake_in_a_table_head_does_not_hide_its_fields(head):
    line, code = head
    text = f"language 1\n{line}\n  a: flot ~ normal(0, 1)\n  b: int = 3 +\n  c: int = 1\n}}\n"
    text += "table u [10] {\n  d: float ~ normal(0, -1)\n}\n"
    assert errors(text) == [(2, code), (3, "unknown-type"), (4, "syntax"), (8, "parameter-range")]


def test_a_missing_closing_brace_does_not_hide_the_next_table():
    text = "language 1\ntable t [10] {\n  a: flot = 1\n\ntable u [10] {\n  b: flot = 1\n}\n"
    found = errors(text)
    assert ("unclosed-bracket") in [code for _, code in found]
    assert (3, "unknown-type") in found
    assert (6, "unknown-type") in found
    assert len(found) == 3


def test_a_missing_closing_brace_at_the_end():
    text = "language 1\ntable t [10] {\n  a: int ~ poisson(3)\n"
    assert errors(text) == [(2, "unclosed-bracket")]
    text = "language 1\ntable t [10] {\n  a: flot ~ poisson(3)\n  b: int = +\n"
    assert errors(text) == [(2, "unclosed-bracket"), (3, "unknown-type"), (4, "syntax")]


def test_a_stray_brace_between_tables():
    text = "language 1\ntable t [10] {\n  a: int = 1\n}\n}\ntable u [10] {\n  b: flot = 1\n}\n"
    assert errors(text) == [(5, "unopened-bracket"), (7, "unknown-type")]


def test_a_stray_brace_inside_a_table():
    text = "language 1\ntable t [10] {\n  a: int = 1 }\n  b: flot = 1\n}\n"
    found = errors(text)
    assert (3, "unopened-bracket") in found
    assert (4, "unknown-type") in found


@pytest.mark.parametrize("bracket", ["(", "[", "{"])
def test_an_unclosed_bracket_hides_nothing_below(bracket):
    call = {"(": "normal(0, 1", "[": "normal(0, 1) in [0, 1", "{": "{1: 50%, 2: rest"}[bracket]
    text = f"language 1\ntable t [10] {{\n  a: float ~ {call}\n  b: flot = 1\n  c: int = 1 +\n}}\n"
    assert errors(text) == [(3, "unclosed-bracket"), (4, "unknown-type"), (5, "syntax")]


def test_an_unclosed_bracket_over_several_lines():
    text = (
        "language 1\ntable t [10] {\n  a: float ~ when {\n    b > 1: normal(0, 1),\n"
        "    else: normal(1, 2\n  }\n  b: flot ~ normal(0, 1)\n}\n"
    )
    found = errors(text)
    assert (7, "unknown-type") in found
    assert len(found) == 2


@pytest.mark.parametrize("change", ["\r\n", "\r", "\n\t", "\n\n", "\n# note\n", "\n\f\n"])
def test_line_ends_and_blanks_change_no_finding(change):
    text = spec(inside=[line for line, _ in INSIDE])
    changed = text.replace("\n", change)
    assert [code for _, code in errors(changed)] == [code for _, code in errors(text)]


def test_a_byte_order_mark_changes_no_place():
    text = spec(inside=["b5: flot ~ normal(0, 1)"])
    assert errors("\ufeff" + text) == errors(text) == [(6, "unknown-type")]


def test_tabs_are_blanks():
    assert errors("language 1\ntable\tt\t[10]\t{\n\ta:\tint\t=\t1\n}\n") == []


def test_a_broken_declaration_silences_what_uses_it():
    text = (
        "language 1\nenum Sex {female male}\nparam n int = 5\ndist d(x) = normal(x 1)\n"
        "table t [n] {\n  sex: Sex ~ {female: 50%, male: rest}\n  a: float ~ d(3)\n"
        "  b: int = 3 +\n  c: int = b + n\n  e: int = when {sex == female: 1, else: 2}\n}\n"
    )
    assert errors(text) == [(2, "syntax"), (3, "syntax"), (4, "syntax"), (8, "syntax")]


def test_errors_do_not_end_at_a_hundred_lines():
    text = (
        "language 1\ntable t [10] {\n" + "".join(f"  f{i}: flot = 1\n" for i in range(300)) + "}\n"
    )
    assert len(errors(text)) == 300


def test_the_number_of_syntax_errors_is_bounded_and_said():
    text = "language 1\ntable t [10] {\n" + "  a: int = +\n" * 5000 + "}\n"
    assert 100 <= len(errors(text)) <= 1001
