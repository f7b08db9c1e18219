"""What else is said of rules: soft ones, cases, values without chance, rules that change nothing;
and the bounds of distributions that all of it rests on.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from rules_specs import errors_in, found_in, spec_of

from synthdsl import check
from synthdsl.distributions.base import DISTRIBUTIONS
from synthdsl.model.findings import Findings
from synthdsl.rules import analysis, forward
from synthdsl.rules.analysis import analyse, check_rules
from synthdsl.rules.supports import support_ends

AGE = "  age: int<a> ~ discrete_uniform(0, 90)\n"


def said(text: str) -> list[tuple[str, str]]:
    return [(d.code, d.message) for d in found_in(text)]


def table(*lines: str) -> str:
    return "enum K {x, y, z}\ntable t [100] {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


CONSTANTS = {
    "p": 0.3, "trials": 7.0, "low": 2.0, "high": 5.0, "population": 20.0, "successes": 8.0,
    "draws": 5.0, "minimum": 1.5, "mode": 3.0, "n": 6.0, "weight": 4.0, "a": 2.0, "b": 3.0,
}  # fmt: skip


@pytest.mark.parametrize("distribution", list(DISTRIBUTIONS), ids=lambda d: d.name)
def test_ends_are_never_narrower_than_the_support(distribution):
    low, high = support_ends(distribution.name)
    if distribution.name == "empirical":
        assert (low, high) == (float("-inf"), float("inf"))
        return
    form = distribution.forms[0]
    values = {name: CONSTANTS.get(name, 1.25) for name in form.names}
    first, last = distribution.support(*form.canonical(*values.values()))
    low, high = (values.get(end, end) for end in (low, high))
    assert low <= first and last <= high


def test_a_soft_rule_needs_rows_that_hold_it_and_rows_that_break_it():
    rows = AGE.strip()
    assert said(table(rows, "rule[98%] r: age >= 0 a")) == [
        ("impossible-exception", "rule `r` can never be broken, but 2% of rows must")
    ]
    assert said(table(rows, "rule[98%] r: age > 95 a")) == [
        ("impossible-exception", "rule `r` can never hold, but 98% of rows must")
    ]
    assert said(table(rows, "rule adult: age >= 18 a", "rule[98%] r: age >= 12 a")) == [
        (
            "impossible-exception",
            "rule `r` can never be broken under rule `adult`, but 2% of rows must",
        )
    ]
    assert said(table(rows, "rule[98%] r: age >= 12 a", "rule[50%] s: age >= 60 a"))[0][0] == (
        "impossible-exception"
    )
    assert said(table(rows, "rule[98%] r: age >= 12 a")) == []


@pytest.mark.parametrize(
    ("share", "rows"),
    [
        ("0%", "no row"),
        ("100.5%", "more than 100 % of rows"),
        ("1e400%", "more than 100 % of rows"),
    ],
)
def test_a_share_of_no_rows_or_of_too_many_is_refused(share, rows):
    text = table(AGE.strip(), f"rule[{share}] r: age >= 12 a")
    assert [(d.code, d.message) for d in check("example.synth", text=f"language 1\n{text}")] == [
        ("bad-rule", f"rule `r` is to hold in {rows}: a share lies above 0 % and reaches 100 %")
    ]


def test_a_case_that_never_occurs_is_told():
    found = said(table(AGE.strip(), "rule young: age < 40 a", "case old: age >= 80 a"))
    assert found == [("zero-mass", "case `old` can never occur under rule `young`")]
    assert said(table(AGE.strip(), "rule young: age < 85 a", "case old: age >= 80 a")) == []


def test_values_without_chance_are_told_with_their_share():
    lines = (
        "k: K ~ {x: 50%, y: 30%, z: rest}",
        AGE.strip(),
        "rule a: k in {x, y} -> age < 40 a",
        "rule b: age >= 40 a or k == y",
    )
    assert said(table(*lines)) == [
        ("zero-mass", "k = x (declared 50 %) can never occur under rules `a` and `b`")
    ]
    (warning,) = found_in(table(*lines))
    assert warning.span.text == "x: 50%"


def test_a_kept_field_loses_no_value():
    lines = (
        "k: K ~ {x: 50%, y: rest}",
        "f: bool ~ bernoulli(50%)",
        "rule r keeping (k): k == x -> f",
    )
    assert said(table(*lines)) == []


def test_rules_that_follow_are_told_once():
    lines = ("a: int ~ poisson(4)", "b: int ~ poisson(4)", "c: int ~ poisson(4)")
    found = said(table(*lines, "rule ab: a < b", "rule bc: b < c", "rule ac: a < c"))
    assert found == [
        ("vacuous-rule", "rule `ac` changes nothing: it follows from rules `ab` and `bc`")
    ]
    assert said(table("a: int ~ poisson(4)", "rule one: a < 9", "rule two: a < 9")) == [
        ("vacuous-rule", "rule `two` changes nothing: it follows from rule `one`")
    ]
    assert said(table("a: int ~ poisson(4)", "rule r: a >= 0")) == [
        ("vacuous-rule", "rule `r` changes nothing: no row can break it")
    ]


def test_a_lookup_binds_its_keys(tmp_path, monkeypatch):
    (tmp_path / "w.csv").write_text("k,ward,weight\nx,a,0.5\nx,b,0.5\ny,b,1\nz,c,1\n")
    monkeypatch.chdir(tmp_path)
    text = 'lookup wards from "w.csv"\n' + table(
        "k: K ~ {x: 50%, y: 30%, z: rest}",
        "ward: text ~ wards[k]",
        'rule ab: ward in {"a", "b"}',
        "rule not_x: k != x",
    )
    assert said(text) == [
        ("zero-mass", "k = x (declared 50 %) can never occur under rule `not_x`"),
        ("zero-mass", "k = z (declared 20 %) can never occur under rule `ab`"),
        ("zero-mass", '2 values of `ward` can never occur: "a" (rule `not_x`), "c" (rule `ab`)'),
    ]
    refused = text.replace("rule not_x: k != x", "rule not_x: k == z")
    assert [d.code for d in errors_in(refused)] == ["rule-conflict"]


def test_a_demand_to_break_a_rule_is_analysed():
    from dataclasses import replace

    spec = spec_of(table("a: int ~ poisson(4)", "rule one: a < 9", "rule two: a < 20"))
    broken = spec.tables["t"]
    rules = tuple(replace(r, demand="false") if r.name == "two" else r for r in broken.rules)
    findings = Findings()
    analyse(replace(broken, rules=rules), findings)
    assert [d.message for d in findings.diagnostics] == [
        "rule `two` cannot be broken while the other rule holds"
    ]


def test_a_wrong_step_of_the_analysis_is_caught(monkeypatch):
    """A comparison that forgets equal ends refuses what can be: the oracle's rows tell."""
    text = table("i: int ~ discrete_uniform(0, 3)", "rule r: i >= 3")
    assert errors_in(text) == []
    wrong = lambda node, inputs: forward.truths(  # noqa: E731
        inputs[0].high > inputs[1].low, inputs[0].low < inputs[1].high
    )
    monkeypatch.setitem(forward._FORWARD, ">=", wrong)
    assert [d.code for d in errors_in(text)] == ["unsatisfiable"]


HOSTILE = 500


def hostile(condition: str, field: str = "int ~ discrete_uniform(0, 1000)") -> str:
    fields = [f"x{i}: {field}" for i in range(HOSTILE)]
    rules = []
    for i in range(HOSTILE):
        j, k = (i + 1) % HOSTILE, (7 * i + 3) % HOSTILE
        rules.append(f"rule r{i}: " + condition.format(i=i, j=j, k=k))
    return table(*fields, *rules)


@pytest.mark.parametrize(
    "condition",
    ["x{i} < x{j}", "x{i} < x{j} or x{i} > x{k}", "x{i} + x{j} + x{k} <= {i} + 5",
     "x{i} != x{j} and x{i} * x{k} > 3"],
)  # fmt: skip
def test_the_work_is_bounded(condition, monkeypatch):
    spec = spec_of(hostile(condition))
    spent = []
    original = analysis.Work

    def counted(left):
        work = original(left)
        spent.append(work)
        return work

    monkeypatch.setattr(analysis, "Work", counted)
    check_rules(spec, Findings())
    # one propagation of everything may end after the work is done, no more
    assert spent and all(work.left > -100_000 for work in spent)


def test_it_needs_no_numbers():
    text = "language 1\ntable t [9] {\n  a: int ~ poisson(3)\n  rule r: a < 3\n  rule s: a > 5\n}\n"
    code = (
        "import sys\nfrom synthdsl import api\n"
        f"found = api.check('x.synth', text={text!r})\n"
        "assert [d.code for d in found] == ['rule-conflict'], found\n"
        "print([m for m in ('numpy', 'scipy', 'pyarrow', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
