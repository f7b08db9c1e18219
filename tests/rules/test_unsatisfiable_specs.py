"""Twenty specs that no row meets, refused with an irreducible reason; twenty near misses."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

import pytest

import synthdsl
from synthdsl import api
from synthdsl.diagnostics import SynthError
from synthdsl.render.text import render_text

ENUMS = "enum Sex {female, male}\nenum Kind {ambulatory, emergency, inpatient}\n"


@dataclass(frozen=True)
class Impossible:
    """Fields and rules that contradict each other, and a change that makes them possible.

    `core`: the rules to be named; the others of the spec have nothing to do with it. `said`:
    what the explanation has to say. `relaxed`: rule and condition of the near miss.
    """

    kind: str
    fields: str
    rules: dict[str, str]
    core: set[str]
    said: tuple[str, ...]
    relaxed: dict[str, str]


INT = "int ~ discrete_uniform"
SPECS = [
    Impossible(
        "bounds",
        "age: int<a> ~ normal(47, 22) in [0, 105]",
        {"young": "age <= 12 a", "adult": "age >= 18 a", "old": "age < 100 a"},
        {"young", "adult"},
        ("`age` is at least 18 a (line 7) and at most 12 a (line 6)", "by 6 a"),
        {"adult": "age >= 12 a"},
    ),
    Impossible(
        "bounds",
        "height: float<cm> step 0.1 ~ normal(170, 9) in [100, 220]\n"
        "weight: float<kg> step 0.1 ~ normal(76, 12) in [30, 200]\n"
        "bmi: float<kg/m2> step 0.1 = weight / height^2",
        {"thin": "bmi < 18 'kg/m2'", "heavy": "weight >= 85 kg", "short": "height <= 200 cm"},
        {"thin", "heavy", "short"},
        ("`weight` is at least 85 kg",),
        {"thin": "bmi < 24 'kg/m2'"},
    ),
    Impossible(
        "bounds",
        "x: float ~ uniform(0, 1)",
        {"big": "x > 1"},
        {"big"},
        ("`x` is at least 0 and at most 1",),
        {"big": "x > 0.9"},
    ),
    Impossible(
        "bounds",
        "born: date ~ discrete_uniform(1930-01-01, 2020-12-31)\n"
        "age: int<a> = years_between(born, 2026-01-01)\n"
        'band: text = bucket(age, [0, 18, 65, 120], ["child", "adult", "senior"])',
        {"minor": 'band == "child"', "before": "born < 2008-01-01"},
        {"minor", "before"},
        ('`band` is "child"',),
        {"before": "born < 2008-01-03"},
    ),
    Impossible(
        "differences",
        "start: datetime ~ uniform(2025-01-01T00:00:00, 2025-12-31T00:00:00)\n"
        "stay: duration ~ gamma(mean: 2 d, cv: 0.6)\n"
        "end: datetime = start + stay",
        {
            "short": "end - start <= 2 d",
            "long": "end - start >= 3 d",
            "spring": "start < 2025-06-01",
        },
        {"short", "long"},
        ("`start` -> `end` is at least 3 d (line 9) and at most 2 d (line 8)", "by 1 d"),
        {"long": "end - start >= 2 d"},
    ),
    Impossible(
        "differences",
        "\n".join(f"{n}: float ~ normal(0, 1)" for n in "xyz"),
        {"a": "x < y", "b": "y < z", "c": "z < x", "d": "x < 2"},
        {"a", "b", "c"},
        ("`x` is below `y` (line 8)", "`z` is below `x` (line 10)"),
        {"c": "z < x + 3"},
    ),
    Impossible(
        "differences",
        "\n".join(f"{n}: date ~ discrete_uniform(2025-01-01, 2025-12-31)" for n in "abc"),
        {"one": "b >= a + 200 d", "two": "c >= b + 200 d"},
        {"one", "two"},
        ("`a` -> `b` is at least 200 d (line 8)", "together they miss by 36 d"),
        {"two": "c >= b + 100 d"},
    ),
    Impossible(
        "differences",
        "\n".join(f"t{i}: {INT}(0, 1000)" for i in range(6)),
        {
            **{f"gap{i}": f"t{i + 1} - t{i} in [20, 50]" for i in range(5)},
            "whole": "t5 - t0 <= 99",
        },
        {*(f"gap{i}" for i in range(5)), "whole"},
        ("by 1",),
        {"whole": "t5 - t0 <= 130"},
    ),
    Impossible(
        "implications",
        "sex: Sex ~ {female: 52%, male: rest}\n"
        "kind: Kind ~ {ambulatory: 80%, emergency: 14%, inpatient: rest}\n"
        "pregnant: bool ~ bernoulli(5%)",
        {
            "who": "pregnant -> sex == female",
            "where": "sex == female -> kind == inpatient",
            "not_there": "kind == inpatient -> not pregnant",
            "all": "pregnant",
            "some": "kind != emergency",
        },
        {"who", "where", "not_there", "all"},
        (),
        {"not_there": "kind == ambulatory -> not pregnant"},
    ),
    Impossible(
        "implications",
        "\n".join(f"{n}: Sex ~ {{female: 52%, male: rest}}" for n in "abc"),
        {"ab": "a != b", "bc": "b != c", "ac": "a != c"},
        {"ab", "bc", "ac"},
        ("every combination of values of `a`, `b`, `c` breaks one of them",),
        {"ac": "a == c"},
    ),
    Impossible(
        "implications",
        'code: text ~ {"O80": 20%, "O82": 10%, "I10": rest}\nsex: Sex ~ {female: 52%, male: rest}',
        {
            "births": 'starts_with(code, "O") <-> sex == female',
            "men": "sex == male",
            "o": 'code != "I10"',
        },
        {"births", "men", "o"},
        ("`sex` is male (line 8)",),
        {"o": 'code != "O80"'},
    ),
    Impossible(
        "implications",
        "age: int<a> ~ discrete_uniform(0, 100)\n"
        'status: text? ~ when {age < 18 a: null, else: {"single": 40%, "married": rest}}\n'
        "ended: date? ~ {2025-01-01: 30%, null: rest}",
        {
            "adult": "status is not null",
            "child": "age < 18 a or ended is not null",
            "open": "ended is null",
        },
        {"adult", "child", "open"},
        (),
        {"open": "ended is null or age > 50 a"},
    ),
    Impossible(
        "capacity",
        "\n".join(f"{n}: {INT}(1, 3)" for n in "abcd"),
        {"ordered": "a < b < c < d"},
        {"ordered"},
        ("`a` is at least 1", "together they miss by 1"),
        {"ordered": "a <= b < c < d"},
    ),
    Impossible(
        "capacity",
        "\n".join(f"slot{i}: {INT}(1, 4)" for i in range(5)),
        {f"apart{i}{j}": f"slot{i} != slot{j}" for i in range(5) for j in range(i)},
        {f"apart{i}{j}" for i in range(5) for j in range(i)},
        ("every combination of values of",),
        {"apart43": "slot4 >= slot3"},
    ),
    Impossible(
        "capacity",
        "\n".join(f"w{i}: bool ~ bernoulli(50%)" for i in range(3)),
        {
            "some": "(w0 and w1) or (w1 and w2) or (w0 and w2)",
            "not01": "not (w0 and w1)",
            "not12": "not (w1 and w2)",
            "not02": "not (w0 and w2)",
        },
        {"some", "not01", "not12", "not02"},
        (),
        {"not02": "w0 or w2"},
    ),
    Impossible(
        "capacity",
        "beds: int ~ discrete_uniform(1, 8)\n"
        "used: int ~ discrete_uniform(2, 9)\n"
        "free: int ~ discrete_uniform(1, 4)",
        {"fit": "used + free <= beds", "busy": "used >= 6", "spare": "free >= 3"},
        {"fit", "busy", "spare"},
        ("`beds` is",),
        {"spare": "free >= 2"},
    ),
    Impossible(
        "sums",
        "\n".join(f"part{i}: int ~ discrete_uniform(10, 20)" for i in range(3))
        + "\ntotal: int ~ discrete_uniform(0, 25)",
        {"sum": "part0 + part1 + part2 == total"},
        {"sum"},
        ("`total` is at least 0 and at most 25",),
        {"sum": "part0 + part1 >= total"},
    ),
    Impossible(
        "sums",
        "\n".join(f"{n}: float<kg> ~ normal(5, 3)" for n in "xyz"),
        {
            "xy": "x + y >= 10 kg",
            "yz": "y + z >= 10 kg",
            "xz": "x + z >= 10 kg",
            "all": "x + y + z <= 14 kg",
            "light": "x > 0 kg",
        },
        {"xy", "yz", "xz", "all"},
        ("`x + y + z` is at most 14 kg", "`x + y` is at least 10 kg"),
        {"all": "x + y + z <= 18 kg"},
    ),
    Impossible(
        "sums",
        "systolic: int ~ discrete_uniform(80, 200)\ndiastolic: int ~ discrete_uniform(40, 120)",
        {"low": "2 * diastolic + systolic <= 210", "high": "systolic + 2 * diastolic >= 220"},
        {"low", "high"},
        ("is at most 210", "is at least 220"),
        {"high": "systolic + 2 * diastolic >= 210"},
    ),
    Impossible(
        "sums",
        "a: float step 0.5 ~ uniform(0, 10)\nb: float step 0.5 ~ uniform(0, 10)\n"
        "mean: float = (a + b) / 2",
        {"centre": "mean >= 6", "left": "a <= 3", "right": "b <= 8.5"},
        {"centre", "left", "right"},
        (),
        {"right": "b <= 9.5"},
    ),
]
IDS = [f"{spec.kind}-{number}" for number, spec in enumerate(SPECS)]


def text_of(spec: Impossible, rules: dict[str, str]) -> str:
    fields = "".join(f"  {line}\n" for line in spec.fields.split("\n"))
    stated = "".join(f"  rule {name}: {text}\n" for name, text in rules.items())
    return f"language 1\n{ENUMS}table t [1_000_000] {{\n{fields}{stated}}}\n"


def refusals(spec: Impossible, rules: dict[str, str]):
    found = api.check("example.synth", text=text_of(spec, rules))
    assert {d.code for d in found if d.is_error} <= {"rule-conflict", "unsatisfiable"}
    return [d for d in found if d.is_error]


def named(diagnostic) -> set[str]:
    """The rules that a finding shows."""
    spans = [diagnostic.span, *(label.span for label in diagnostic.labels)]
    return {match[1] for s in spans if (match := re.match(r"rule (\w+):", s.text))}


def test_there_are_twenty_of_five_kinds():
    kinds = [spec.kind for spec in SPECS]
    assert len(kinds) == 20
    assert all(kinds.count(kind) >= 4 for kind in set(kinds)) and len(set(kinds)) == 5


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_it_is_refused_with_its_reason(spec):
    before = time.process_time()
    (refusal,) = refusals(spec, spec.rules)
    assert time.process_time() - before < 1.0
    assert named(refusal) == spec.core
    rendered = render_text([refusal])
    for words in spec.said:
        assert words in rendered, rendered


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_loading_says_that_it_cannot_be_satisfied(spec):
    with pytest.raises(SynthError) as caught:
        api.load("example.synth", text=text_of(spec, spec.rules))
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_without_any_one_rule_of_the_core_it_is_accepted(spec):
    for name in sorted(spec.core)[:12]:
        rules = {n: text for n, text in spec.rules.items() if n != name}
        assert refusals(spec, rules) == [], name


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_the_near_miss_is_accepted_and_has_rows(spec):
    rules = {**spec.rules, **spec.relaxed}
    assert refusals(spec, rules) == []
    spec_ = synthdsl.load("example.synth", text=text_of(spec, rules))
    assert spec_.generate(rows=20)["t"].num_rows == 20
