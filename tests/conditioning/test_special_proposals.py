"""Special proposals for stages and soft rules, and what rules demand of linear forms."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from proposal_checks import Bench

from synthdsl.engine.conditioning.linear import bands, demanded
from synthdsl.engine.conditioning.special import special_proposals


def names(body: str, *, stage: int = -1, pattern=(), tracked=frozenset()) -> list[str]:
    bench = Bench(body)
    number = stage % len(bench.step.stages)
    found = special_proposals(
        bench.step, number, pattern, bench.table, bench.fill_field, tracked=tracked
    )
    return [proposal.name for proposal in found]


def band(rule: str, fields: str = "a: int ~ poisson(9)\nb: int ~ poisson(9)"):
    bench = Bench(f"{fields}\nrule r: {rule}")
    found = bands(demanded(bench.step.rules), bench.table.table.fields)
    return [(dict(b.terms), b.low, b.high, b.is_whole) for b in found]


def test_soft_rules_bind_the_rows_in_which_they_are_known():
    body = "a: int ~ poisson(3)\nb: int ~ poisson(3)\nrule[90%] s: a + b <= 3\nrule t: a < 40"
    bench = Bench(body)
    masses = []
    for holds in (True, False):
        (found,) = special_proposals(bench.step, 0, (holds,), bench.table, bench.fill_field)
        masses.append(found.mass)
        frame = bench.frame(2000)
        found.fill(frame)
        sums = frame.column("a").values + frame.column("b").values
        assert ((sums <= 3) == holds).all()
    assert sum(masses) == pytest.approx(1)
    assert demanded(bench.step.rules[:1]) == []


def test_only_the_last_stage_has_special_proposals():
    body = (
        "t: int ~ poisson(9)\na: int ~ poisson(3)\nb: int ~ poisson(4)\n"
        "rule s keeping (t): a + b == t\nrule u: t > 3"
    )
    assert names(body, stage=0) == []
    assert names(body, stage=1) == ["sum of parts"]


def test_tracked_fields_are_drawn_anew():
    body = (
        "t: int ~ poisson(9)\na: int ~ poisson(3)\nb: int ~ poisson(4)\nc: float ~ normal(0, 1)\n"
        "rule s keeping (t): a + b == t + 0 * c"
    )
    bench = Bench(body)
    (found,) = special_proposals(
        bench.step, 1, (), bench.table, bench.fill_field, tracked=frozenset({"c", "t"})
    )
    frame = bench.frame(1000)
    bench.fill_field("t", frame)
    kept = frame.column("t").values
    frame.bases["c"] = np.full(1000, 0.5)
    found.fill(frame)
    assert (frame.column("c").values != 0).all()
    assert frame.column("t").values is kept


def test_several_kinds_may_suit_one_component():
    body = (
        "a: float ~ normal(0, 1)\nb: float ~ normal(0, 1)\nc: float ~ normal(0, 1)\n"
        "d: float ~ normal(0, 1)\ncorrelate (c, d) rank 0.5\nrule o: a < b\nrule p: c > a + 1\n"
        "rule q: d > 2"
    )
    assert names(body) == ["sorting", "sum of parts", "tilted box"]


@pytest.mark.parametrize(
    ("rule", "terms", "low", "high"),
    [
        ("a + b == 5", {"a": 1, "b": 1}, 5, 5),
        ("2 * a + 3 < a + 10 - b", {"a": 1, "b": 1}, None, 6),
        ("3 - a > -b * 2 + 1.5", {"a": 1, "b": -2}, None, Fraction(3, 2)),
        ("not (a - b >= 4)", {"a": 1, "b": -1}, None, 3),
        ("-(b - a) >= 0.5", {"a": 1, "b": -1}, Fraction(1, 2), None),
        ("not (a + b < 3 or a + b > 7)", {"a": 1, "b": 1}, 3, 7),
        ("5 >= (a + b) / 2", {"a": 1, "b": 1}, None, 10),
    ],
)
def test_bands(rule, terms, low, high):
    assert [b[:3] for b in band(rule)] == [(terms, low, high)]


def test_derived_fields_are_written_out_with_their_rounding():
    fields = (
        "a: float step 0.5 ~ normal(0, 9)\nb: float ~ normal(0, 9)\nh: float step 1 = a / 2 + b"
    )
    ((terms, low, high, is_whole),) = band("h >= 4", fields)
    assert (terms, low, high, is_whole) == ({"a": 1, "b": 2}, 7, None, False)


@pytest.mark.parametrize(
    "rule", ["a * b > 3", "a + b > 3 or a < 2", "a > 3 -> b > 2", "max(a, b) > 3", "a != b"]
)
def test_what_is_no_linear_bound_demands_nothing(rule):
    assert band(rule) == []


def test_what_may_be_null_demands_nothing():
    fields = "a: int? ~ {null: 20%, 3: rest}\nb: int ~ poisson(3)"
    assert band("a + b > 3", fields) == []


CHOSEN = {
    "sorting": "".join(f"{n}: float ~ gamma(shape: 2, scale: 3)\n" for n in "abcdef")
    + "rule o: a < b < c < d < e < f",
    "sum of parts": "".join(f"{n}: decimal(8, 2) ~ gamma(shape: 5, scale: 7)\n" for n in "abc")
    + "rule s: a + b + c in [150, 150.05]",
    "tilted box": "a: float ~ normal(0, 1)\nb: float ~ normal(0, 1)\nc: float ~ normal(0, 1)\n"
    "correlate (a, b, c) rank 0.4\nrule o: a > 2 and b > 2\nrule p: c < 1",
}


@pytest.mark.parametrize("name", CHOSEN)
def test_the_engine_chooses_them_and_slices_agree(name):
    bench = Bench(CHOSEN[name])
    assert bench.run.components[bench.step].choice(0, ()).proposal.name == name
    whole = bench.complete_rows(0, 900)
    part = bench.complete_rows(300, 400)
    assert bench.holds(whole).all()
    for field in bench.step.fields:
        assert np.array_equal(whole.column(field).values[300:400], part.column(field).values)
