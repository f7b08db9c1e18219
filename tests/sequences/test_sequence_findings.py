"""What `check` says of times and sequences that make no sense, and what stops a run."""

import pytest

import synthdsl
from synthdsl.diagnostics import SynthError

HEAD = """language 1
table patient [20] {
  age: float ~ uniform(20, 90)
  q: float? ~ {1: 50%, null: rest}
"""
CHILD = """  id: int = index
  key id
}
table visit per patient p [3] {
  key (p, index)
  n: float ~ normal(0, 1)
  let m: float = n + 1
  k: int ~ {1: 50%, 2: rest}
  let older: float = p.age + 1
  time: datetime ~ sorted(uniform(2025-01-01, 2026-01-01))
"""


def said(text):
    found, _ = synthdsl.check("spec.synth", text=text), None
    return [(d.code, d.message) for d in found if d.is_error]


def findings_of(field, *, in_child):
    if in_child:
        return said(f"{HEAD}{CHILD}  {field}\n}}\n")
    return said(f"{HEAD}  {field}\n}}\n")


@pytest.mark.parametrize(
    ("field", "code", "words"),
    [
        ("x: float ~ seasonal(1, 2)", "type-mismatch", "draws dates and datetimes"),
        (
            "x: date ~ seasonal(2020-01-01, 2021-01-01, hours: [1])",
            "bad-arguments",
            "no parameter `hours`",
        ),
        (
            "x: date ~ seasonal(2020-01-01, 2021-01-01, months: [1, 2])",
            "parameter-range",
            "12 rates in months",
        ),
        (
            "x: date ~ seasonal(2021-01-01, 2020-01-01)",
            "parameter-range",
            "from <= to",
        ),
        (
            "x: date ~ seasonal(2024-06-02, 2024-06-02, weekdays: [1, 1, 1, 1, 1, 1, 0])",
            "parameter-range",
            "a rate above 0 between from and to",
        ),
        ("x: int ~ proportional_hazards(poisson(3), 2)", "bad-arguments", "has no hazard"),
        ("x: float ~ proportional_hazards(3, 2)", "bad-arguments", "takes the draw"),
        (
            "x: float ~ proportional_hazards(exponential(3), -2)",
            "parameter-range",
            "`ratio` of `proportional_hazards` must be above 0",
        ),
        (
            "x: float ~ proportional_hazards(mixture({exponential(3): 50%, normal(0, 1): rest}), 2)",
            "bad-arguments",
            "has no hazard",
        ),
        (
            "x: float ~ proportional_hazards(exponential(3) in [5, 4], 2)",
            "empty-interval",
            "ends (4) before it starts",
        ),
        ("x: float ~ sorted(normal(0, 1))", "no-siblings", "rows of `patient` have none"),
        ("x: float ~ autoregressive(0, 1, 0.5)", "no-siblings", "rows of `patient` have none"),
    ],
)
def test_mistakes_in_a_row(field, code, words):
    found = findings_of(field, in_child=False)
    assert found and found[0][0] == code and words in found[0][1]


@pytest.mark.parametrize(
    ("field", "code", "words"),
    [
        ("x: float ~ sorted(normal(n, 1))", "bad-arguments", "`n` may differ"),
        ("x: float ~ sorted(normal(m, 1))", "bad-arguments", "`m` may differ"),
        ("x: float ~ sorted(normal(index, 1))", "bad-arguments", "`index` may differ"),
        ("x: float ~ sorted(normal(0, coalesce(prev.n, 1)))", "bad-arguments", "`prev.n` may"),
        ("x: float ~ sorted(3)", "bad-arguments", "this is a value"),
        ("x: float ~ sorted(normal(0, 1), n)", "bad-arguments", "takes one draw"),
        (
            "x: float? ~ sorted(when {p.age < 30: null, else: normal(0, 1)})",
            "bad-arguments",
            "this may be null",
        ),
        ("x: float? ~ sorted(normal(p.q, 1))", "bad-arguments", "this may be null"),
        ('x: text ~ sorted({"a": 50%, "b": rest})', "type-mismatch", "no order to sort by"),
        ("x: float ~ sorted(keyed(k, normal(0, 1)))", "misplaced-draw", "`keyed` draws for"),
        ("x: float ~ keyed(k, sorted(normal(0, 1)))", "misplaced-draw", "`sorted` draws for"),
        (
            "x: float ~ mixture({autoregressive(0, 1, 0.5): 50%, normal(0, 1): rest})",
            "misplaced-draw",
            "`autoregressive` draws for all rows under one parent",
        ),
        ("x: float ~ autoregressive(0, 1, 1)", "parameter-range", "must be in (-1, 1), found 1"),
        ("x: float ~ autoregressive(0, 0, 0.5)", "parameter-range", "must be above 0"),
        ("x: float ~ autoregressive(0, 1)", "bad-arguments", "lacks `phi`"),
        ("x: float ~ autoregressive(0, 1, 0.5) in [0, 1]", "bad-interval", "whole paths"),
        ("x: text ~ random_walk(0, 1)", "type-mismatch", "draws numbers"),
        (
            "x: float ~ ornstein_uhlenbeck(mean: 0, sd: 1, half_life: 3, at: time)",
            "unit-mismatch",
            "`half_life` of `ornstein_uhlenbeck`",
        ),
        (
            "x: float ~ ornstein_uhlenbeck(mean: 0, sd: 1, half_life: 3 d, at: p.q)",
            "type-mismatch",
            "`at` may be null",
        ),
        (
            'x: float ~ ornstein_uhlenbeck(mean: 0, sd: 1, half_life: 3 d, at: "now")',
            "type-mismatch",
            "`at` is the moment of each row",
        ),
    ],
)
def test_mistakes_among_siblings(field, code, words):
    found = findings_of(field, in_child=True)
    assert found and found[0][0] == code and words in found[0][1]


@pytest.mark.parametrize(
    "field",
    [
        "x: float ~ sorted(normal(older, 1))",
        "x: float ~ sorted(when {p.age < 30: normal(0, 1), else: uniform(0, 2)} in [-1, 1])",
        "x: float ~ sorted(normal(p.age, 1)) in [0, 100]",
        "x: float ~ autoregressive(mean: n, sd: 1 + index, phi: p.age / 100)",
        "x: float ~ ornstein_uhlenbeck(mean: 0, sd: 1, half_life: 30 d, at: time)",
        "x: float<kg> ~ random_walk(start: 70 kg, sd: 200 'g')",
        "x: float? ~ random_walk(start: p.q, sd: 1, drift: -0.1)",
        "x: duration ~ proportional_hazards(weibull(shape: 2, scale: 3 a), ratio: exp(n))",
    ],
)
def test_what_may_be_written(field):
    assert findings_of(field, in_child=True) == []


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("x: float ~ autoregressive(0, 1, index / 2)", "`phi` of `autoregressive` must be in"),
        ("x: float ~ random_walk(0, n)", "`sd` of `random_walk` must be at least 0"),
        (
            "x: float ~ ornstein_uhlenbeck(mean: 0, sd: 1, half_life: 1, at: n)",
            "the time of `ornstein_uhlenbeck` is before that of the row before",
        ),
        (
            "x: float ~ proportional_hazards(exponential(1), n)",
            "`ratio` of `proportional_hazards` must be above 0",
        ),
        (
            "x: datetime ~ seasonal(time, 2025-06-01)",
            "`seasonal` needs from <= to",
        ),
        (
            "x: float ~ proportional_hazards(uniform(0, 1) in [n + 5, n + 6], 2)",
            "needs an interval in which the baseline falls",
        ),
    ],
)
def test_what_stops_a_run(field, words):
    spec = synthdsl.load("spec.synth", text=f"{HEAD}{CHILD}  {field}\n}}\n")
    with pytest.raises(SynthError) as stopped:
        assert spec.generate().tables
    assert words in stopped.value.diagnostics[0].message


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("x: float ~ sorted(uniform(p.age, 100))", "all rows under one parent and put in order"),
        ("x: float ~ autoregressive(0, 1, 0.5)", "autoregressive, a path over the rows"),
        (
            "x: float ~ ornstein_uhlenbeck(mean: 0, sd: 1, half_life: 3 d, at: time)",
            "in the time of time",
        ),
        ("x: datetime ~ seasonal(time, 2027-01-01)", "seasonal, parameters by row"),
    ],
)
def test_explain_says_how(field, words):
    spec = synthdsl.load("spec.synth", text=f"{HEAD}{CHILD}  {field}\n}}\n")
    visit = next(t for t in spec.explain().tables if t.name == "visit")
    assert words in next(f.how for f in visit.fields if f.name == "x")
