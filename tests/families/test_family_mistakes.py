"""Mistakes with related tables: each is found, once, where it is, with what to type.

How each message reads is in docs/reference/diagnostics.md.
"""

from __future__ import annotations

import pytest

import synthdsl

PATIENT = """language 1
table patient [20] {
  id: int = index
  age: int<a> ~ normal(47, 22) in [0, 105]
%s  key id
}
"""
DOCTOR = "table doctor [9] {\n  id: int = index\n  is_free: bool ~ bernoulli(50%)\n  key id\n}\n"


def spec(visit: str = "", *, head: str = "[count ~ poisson(2)]", inside: str = "", more: str = ""):
    """A patient with visits; `visit` and `inside` stand in the tables, `more` after them."""
    body = "".join(f"  {line}\n" for line in ("key (p, index)\n" + visit).splitlines())
    return PATIENT % inside + f"table visit per patient p {head} {{\n{body}}}\n" + more


def visits(head: str, body: str = "  key (p, index)\n", patient: str = PATIENT % ""):
    return patient + f"table visit {head} {{\n{body}}}\n"


RULE = "rule r each patient p: "
MISTAKES = {
    # how tables hang together: spec, code, underlined, in the help
    "an unknown parent": (
        visits("per pateint p [count ~ poisson(p.age / 1 a)] where p.age > 3 a",
               "  key (p, index)\n  x: int<a> = p.age\n  n: int = count(v for v in p.visit)\n"
               "  y: int? = prev.n\n"),
        "unknown-name", "pateint", "`patient`",
    ),
    "a child of a child of nothing": (
        visits("per pateint p [2]") + "table lab per visit v [2] {\n  key (v, index)\n"
        "  x: int<a> = v.p.age\n}\n",
        "unknown-name", "pateint", "`patient`",
    ),
    "a pathway of nothing": (
        PATIENT % "" + "pathway s per visit e starts e.start {\n"
        "  a: gamma(mean: 5 h, cv: 1) -> {b: rest}\n  final b\n}\n",
        "unknown-name", "visit", "declare",
    ),
    "a table under itself": (visits("per visit p [2]"), "cycle", "visit", "no parent"),
    "tables under each other": (
        PATIENT % "" + "table a per c p [2] {\n  key (p, index)\n}\ntable b per a p [2] {\n"
        "  key (p, index)\n}\ntable c per b p [2] {\n  key (p, index)\n}\n",
        "cycle", "c", "no parent",
    ),
    "a pathway under itself": (
        PATIENT % "" + "pathway s per s e starts e.entered {\n"
        "  a: gamma(mean: 5 h, cv: 1) -> {b: rest}\n  final b\n}\n",
        "cycle", "s", "no parent",
    ),
    "a reserved name for the parent": (
        visits("per patient prev [2]", "  key (prev, index)\n"), "reserved-name", "prev",
        "per patient p",
    ),
    "index for the parent": (
        visits("per patient index [2]", "  key index\n"), "reserved-name", "index", "per patient p",
    ),
    "a field named as the parent": (
        spec("p: float ~ uniform(0, 1)"), "ambiguous-name", "p", "rename",
    ),
    "two tables of a name": (spec(more=DOCTOR + DOCTOR), "duplicate-name", "doctor", "rename"),
    "a table named as a type": (
        "language 1\ntable date [3] {\n  x: int = 1\n}\n", "reserved-name", "date", "date_",
    ),
    "an enum named as a type": (
        "language 1\nenum time {a, b}\ntable t [3] {\n  x: int = 1\n}\n", "reserved-name", "time",
        "time_",
    ),
    "a table named as an enum": (
        "language 1\nenum t {a, b}\ntable t [3] {\n  x: t ~ {a: 50%, b: rest}\n}\n",
        "duplicate-name", "t", "rename",
    ),
    # numbers of rows
    "no number of rows": (visits("per patient p"), "row-count", "visit", "count ~"),
    "a number that may be negative": (
        visits("per patient p [count ~ normal(3, 2)]"), "row-count", "normal(3, 2)", "in [0, 60]",
    ),
    "a negative number": (visits("per patient p [-2]"), "row-count", "-2", "from 0"),
    "a number too large": (
        visits("per patient p [1_000_000_000_000]"), "row-count", "1_000_000_000_000", "67,108,864",
    ),
    "half a row": (visits("per patient p [2.5]"), "type-mismatch", "2.5", "round"),
    "words for a number": (visits('per patient p ["two"]'), "type-mismatch", '"two"', ""),
    "years for a number": (visits("per patient p [p.age]"), "unit-mismatch", "p.age", "1 'a'"),
    "a number that may be null": (
        visits("per patient p [p.w]", patient=PATIENT % "  w: int? ~ {null: 5%, 3: rest}\n"),
        "nullable", "p.w", "coalesce",
    ),
    "a count without parent": (
        "language 1\ntable t [count ~ poisson(3)] {\n  x: float ~ normal(0, 1)\n}\n", "row-count",
        "[count ~ poisson(3)]", "`per`",
    ),
    "until without parent": (
        "language 1\ntable t [3] until x > 1 {\n  x: float ~ normal(0, 1)\n}\n", "no-siblings",
        "x > 1", "`per`",
    ),
    "where without parent": (
        "language 1\ntable t [3] where x > 1 {\n  x: float ~ normal(0, 1)\n}\n", "bad-relation",
        "x > 1", "rule",
    ),
    # keys
    "rows that say nothing of their parent": (
        visits("per patient p [2]", "  x: int = 1\n"), "unlinked-rows", "visit", "key (p, index)",
    ),
    "a key of places alone": (
        visits("per patient p [2]", "  key index\n  patient_id: int = p.id\n"), "bad-key",
        "key index", "key (p, index)",
    ),
    "a key of a parent without one": (
        visits("per patient p [2]", patient="language 1\ntable patient [3] {\n  x: int = 1\n}\n"),
        "bad-key", "p", "key id",
    ),
    "a key that adds what is there": (
        spec("patient_id: int ~ poisson(3)"), "bad-key", "p", "rename",
    ),
    "a field named index": (spec("index: int ~ poisson(2)"), "reserved-name", "index", "index_"),
    "two keys": (spec("key (p, index)"), "bad-key", "key (p, index)", "join"),
    "a name twice in a key": (
        visits("per patient p [2]", "  key (p, p)\n"), "bad-key", "p", "remove",
    ),
    "a key of nothing": (
        visits("per patient p [2]", "  key (p, kind)\n"), "bad-key", "kind", "",
    ),
    "unique ids under a parent": (
        spec('code: text ~ unique("V-####")'), "bad-relation", 'unique("V-####")', "concat(p.id",
    ),
    "quotas under a parent": (
        spec('k: text ~ quota({"a": 50%, "b": rest})'), "bad-relation",
        'quota({"a": 50%, "b": rest})', "",
    ),
    # what rows read
    "no such field above": (spec("x: int<a> = p.agee"), "unknown-name", "p.agee", "`age`"),
    "the parent itself": (spec("x: int = p"), "wrong-use", "p", "p.id"),
    "no such field beside": (spec("x: float? = prev.z"), "unknown-name", "prev.z", ""),
    "two rows back": (
        spec("x: int ~ poisson(2)\ny: int? = prev.prev.x"), "bad-relation", "prev.prev.x", "`let`",
    ),
    "nothing before the first": (
        spec("x: int ~ poisson(2)\ny: int = prev.x"), "nullable", "prev.x", "int?",
    ),
    "beside a root row": (
        "language 1\ntable t [3] {\n  x: int ~ poisson(2)\n  y: int? = prev.x\n}\n", "no-siblings",
        "prev.x", "per owner",
    ),
    "a row that waits for itself": (spec("x: int? = next.x"), "cycle", "x", "prev.x"),
    "a first row that waits for itself": (
        spec("x: int = when {index == 0: 1, else: first.x + 1}"), "cycle", "x", "prev.x",
    ),
    "rows that wait for each other": (
        spec("x: int? = next.y\ny: int? = prev.x"), "cycle", "y", "break",
    ),
    "more rows for more rows": (
        spec(head="[count ~ poisson(p.visits)]", inside="  visits: int = count(v for v in visit)\n"),
        "cycle", "visits", "break",
    ),
    "no such table below": (
        spec(inside="  visits: int = count(v for v in vist)\n"), "bad-relation", "vist", "`visit`",
    ),
    "a table beside": (
        spec(more=DOCTOR + RULE + "any(d.is_free for d in doctor)\n"), "bad-relation", "doctor",
        "ref doctor",
    ),
    "a table below without its owner": (
        spec("x: int ~ poisson(2)", more=RULE + "any(v.x > 1 for v in visit)\n"), "bad-relation",
        "visit", "p.visit",
    ),
    "a table two levels down": (
        spec(inside="  n: int = count(l for l in lab)\n",
             more="table lab per visit v [2] {\n  key (v, index)\n}\n"),
        "bad-relation", "lab", "visit.lab",
    ),
    "a table of itself": (
        "language 1\ntable t [9] {\n  n: int = count(r for r in t)\n}\n", "bad-relation", "t",
        "expect",
    ),
    "a sum of words": (
        spec('k: text = "a"', inside="  n: float = sum(v.k for v in visit)\n"), "type-mismatch",
        "v.k", "",
    ),
    # rules
    "a rule of nothing": (PATIENT % "" + "rule r each visit v: v.x > 1\n", "unknown-name",
                          "visit", ""),
    "a rule for nobody": (PATIENT % "" + "rule r: age > 3 a\n", "bad-rule", "r", "each patient"),
    "a rule that keeps what is not there": (
        spec("x: int ~ poisson(2)",
             more="rule r each patient p keeping (p.agee): any(v.x > 1 for v in p.visit)\n"),
        "bad-rule", "p.agee", "`age`",
    ),
    "a rule on masks of children": (
        spec("x: int? ~ poisson(2)\nmissing x: mcar(5%)",
             more=RULE + "any(v.x is null for v in p.visit)\n"),
        "bad-rule", "v.x is null", "never masked",
    ),
    "a rule on masks of siblings": (
        spec("x: int? ~ poisson(2)\ny: int ~ poisson(2)\nmissing x: mcar(5%)",
             more="rule r each visit v: v.y > 0 or any(o.x is null for o in v.p.visit)\n"),
        "bad-rule", "o.x is null", "never masked",
    ),
    "a rule on masks of parents": (
        spec("x: int ~ poisson(2)\nu: int? = p.w\nrule r: u is null or x > 0",
             inside="  w: int? ~ poisson(2)\n  missing w: mcar(5%)\n"),
        "bad-rule", "u is null", "never masked",
    ),
    # references
    "a reference to nothing": (
        PATIENT % "" + "table bill [3] {\n  of: patient ~ ref pateint\n}\n", "unknown-name",
        "pateint", "`patient`",
    ),
    "a reference to a row under a parent": (
        spec(more="table bill [3] {\n  of: visit ~ ref visit\n}\n"), "bad-relation", "visit", "",
    ),
    "a reference to no rows": (
        DOCTOR.replace("table", "language 1\ntable").replace("[9]", "[0]")
        + "table bill [3] {\n  of: doctor ~ ref doctor\n}\n",
        "empty-choice", "ref doctor", "rows",
    ),
    "a reference to rows without key": (
        "language 1\ntable doctor [3] {\n  x: int = 1\n}\n"
        "table bill [3] {\n  of: doctor ~ ref doctor\n}\n",
        "bad-key", "of", "key id",
    ),
    "a reference to other rows": (
        PATIENT % "" + DOCTOR + "table bill [3] {\n  of: patient ~ ref doctor\n}\n",
        "type-mismatch", "ref doctor", "`doctor`",
    ),
    "a reference that draws no row": (
        PATIENT % "" + "table bill [3] {\n  of: patient ~ normal(0, 1)\n}\n", "misplaced-draw",
        "normal(0, 1)", "ref patient",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found_once_where_it_is(name):
    text, code, underlined, help_ = MISTAKES[name]
    (found,) = synthdsl.check("x.synth", text=text)
    assert (found.code, found.span.text) == (code, underlined)
    assert found.help and help_ in found.help


def test_what_is_around_the_mistakes_is_fine():
    assert synthdsl.check("x.synth", text=spec(more=DOCTOR)) == []


@pytest.mark.parametrize(
    ("head", "underlined", "help_"),
    [
        ("[p.id - 5]", "p.id - 5", "max(p.id - 5, 0)"),
        ("[count ~ poisson(1_000_000_000)]", "[count ~ poisson(1_000_000_000)]", "in [0,"),
        ("[4_000_000_000_000 * p.id]", "4_000_000_000_000 * p.id", "in [0,"),
    ],
)
def test_a_number_of_rows_that_cannot_be_stops_the_run(head, underlined, help_):
    with pytest.raises(synthdsl.SynthError) as caught:
        _ = synthdsl.load("x.synth", text=spec(head=head)).generate().tables
    (found,) = caught.value.diagnostics
    assert caught.value.exit_code == 3
    assert (found.code, found.span.text) == ("row-value", underlined)
    assert found.help and help_ in found.help


def test_rows_are_asked_for_by_root(tmp_path):
    loaded = synthdsl.load("x.synth", text=spec(more=DOCTOR))
    for rows, message in (("visit=5", "patient=N"), ("vist=5", "no table `vist`")):
        with pytest.raises(synthdsl.SynthError, match=message):
            loaded.generate(rows)


def test_a_part_of_rows_that_others_refer_to_is_refused():
    bill = "table bill [30] {\n  id: int = index\n  of: doctor ~ ref doctor\n  key id\n}\n"
    loaded = synthdsl.load("x.synth", text=PATIENT % "" + DOCTOR + bill)
    with pytest.raises(synthdsl.SynthError, match="written whole"):
        loaded.generate("doctor=3:7")
    tables = loaded.generate("doctor=5").tables
    assert tables["doctor"].num_rows == 5
    assert set(tables["bill"]["of"].to_pylist()) <= set(range(5))
