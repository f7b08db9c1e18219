"""`unique(draw)`: no value twice, every value equally likely, more rows than values refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats
from shared_specs import findings, frame, only_error, spec

import synthdsl
from synthdsl.diagnostics import SynthError

ALARM = 1e-6
TOP = "enum Bed {a, b, c, d}\nparam low: int = 100"

DOMAINS = {
    "x: int ~ unique(discrete_uniform(low, 999))": 900,
    "x: int step 5 ~ unique(discrete_uniform(1, 999))": 199,
    "x: int<mm> ~ unique(discrete_uniform(1 cm, 2 cm))": 11,
    "x: date ~ unique(discrete_uniform(2024-01-01, 2024-12-31))": 366,
    "x: datetime ~ unique(discrete_uniform(2024-01-01, 2024-01-01T00:01:40))": 101,
    "x: datetime step 5 min ~ unique(discrete_uniform(2024-01-01, 2024-01-02))": 289,
    "x: duration step 1 h ~ unique(discrete_uniform(1 h, 4 d))": 96,
    "x: decimal(4, 1) ~ unique(discrete_uniform(-5, 5))": 101,
    "x: float step 0.25 ~ unique(discrete_uniform(-5.1, 5.1))": 41,
    "x: Bed ~ unique({a: 25%, b: 25%, c: 25%, d: rest})": 4,
    "x: text ~ unique({\"u\": 1/3, \"v\": 1/3, \"w\": rest})": 3,
    "x: bool ~ unique({true: 50%, false: rest})": 2,
    "x: int ~ unique({3: 50%, 40: rest})": 2,
    "x: int ~ unique(discrete_uniform(0, 999)) in [100, 149]": 50,
    "x: int ~ unique(three)": 3,
    "x: int? ~ unique(discrete_uniform(1, 20_000))": 20_000,
    "let y ~ unique(discrete_uniform(1, 77))\nx: int = y": 77,
}  # fmt: skip


@pytest.mark.parametrize("field", DOMAINS)
def test_as_many_rows_as_values_get_each_value_once(field):
    count = DOMAINS[field]
    top = f"{TOP}\ndist three = discrete_uniform(1, 5) in [2, 4]"
    rows = frame(spec(field, rows=count, top=top))
    assert len(rows) == count and rows.x.is_unique and not rows.x.isna().any()
    error = only_error(field, rows=count + 1, top=top)
    assert error.code == "capacity"
    assert f"{count:,} distinct values, the table {count + 1:,} rows" in error.message


def test_the_values_are_those_of_the_draw_without_unique():
    for draw in ("discrete_uniform(-3.7, 4.2)", "discrete_uniform(0, 10)"):
        plain = frame(spec(f"x: float step 0.5 ~ {draw}", rows=3000))
        once = frame(spec(f"x: float step 0.5 ~ unique({draw})", rows=plain.x.nunique()))
        assert set(once.x) == set(plain.x)


def test_slices_agree_and_seeds_differ():
    text = spec("x: int ~ unique(discrete_uniform(1, 1_000_000_000_000))", rows=50_000)
    whole = frame(text)
    assert whole.x.is_unique
    assert (frame(text, "20000:20100").x.values == whole.x.values[20_000:20_100]).all()
    assert frame(text, seed=9).x.isin(whole.x).mean() < 0.001


def test_every_order_is_equally_likely():
    """Over seeds, the 24 orders of four values: chi-squared; and each row's own law."""
    text = spec("x: Bed ~ unique({a: 25%, b: 25%, c: 25%, d: rest})", rows=4, top=TOP)
    loaded = synthdsl.load("s.synth", text=text)
    orders = ["".join(loaded.generate(seed=s)["t"]["x"].to_pylist()) for s in range(1200)]
    counts = [orders.count("".join(order)) for order in itertools.permutations("abcd")]
    assert sum(counts) == 1200
    assert stats.chisquare(counts).pvalue > ALARM
    rotated = [sum(counts)] + [0] * 23  # an order that only shifts would be caught
    assert stats.chisquare(rotated).pvalue < ALARM


def test_values_look_random_over_rows():
    x = frame(spec("x: int ~ unique(discrete_uniform(1, 100_000))", rows=20_000)).x.to_numpy()
    assert stats.kstest(x / 100_000, "uniform").pvalue > ALARM
    assert abs(stats.pearsonr(x[:-1], x[1:]).statistic) < 5 / np.sqrt(len(x))


def test_lookups_of_equal_weight(tmp_path):
    (tmp_path / "cities.csv").write_text("city,count\nBonn,3\nKöln,3\nUlm,3\n")
    (tmp_path / "uneven.csv").write_text("city,count\nBonn,3\nKöln,1\nUlm,3\n")
    for name, is_fine in (("cities", True), ("uneven", False)):
        text = spec("x: text ~ unique(c)", rows=3, top=f'lookup c from "{name}.csv"')
        found = synthdsl.check(str(tmp_path / "s.synth"), text=text)
        assert [d.code for d in found] == ([] if is_fine else ["bad-arguments"])
        if is_fine:
            loaded = synthdsl.load(str(tmp_path / "s.synth"), text=text)
            assert set(loaded.generate()["t"]["x"].to_pylist()) == {"Bonn", "Köln", "Ulm"}


def test_a_pair_is_unique_where_one_number_is_split():
    body = "\n".join([
        "let place ~ unique(discrete_uniform(0, 12 * 400 - 1))",
        "ward: int = div(place, 400) + 1",
        "bed: int = mod(place, 400) + 1",
        "key (ward, bed)",
    ])  # fmt: skip
    rows = frame(spec(body, rows=4800))
    assert not rows.duplicated(["ward", "bed"]).any()
    assert rows.ward.value_counts().eq(400).all() and set(rows.ward) == set(range(1, 13))
    assert only_error(body, rows=4801).code == "capacity"


REFUSED = {
    "x: int ~ unique(poisson(3))": ("bad-arguments", "`poisson` are not equally likely"),
    "x: int ~ unique(uniform(1, 9))": ("bad-arguments", "half the weight of the others"),
    "x: float ~ unique(uniform(1, 9))": ("bad-arguments", "without a step"),
    "x: text ~ unique(pattern(\"##\"))": ("bad-arguments", "not known to be equally likely"),
    "x: float ~ unique(discrete_uniform(1, 9))": ("bad-arguments", "without a step"),
    "n: int ~ poisson(9)\nx: int ~ unique(discrete_uniform(n, 999))": (
        "not-constant", "the same in every row"
    ),
    "x: text ~ unique({\"a\": 30%, \"b\": rest})": ("bad-arguments", "from 30 % to 70 %"),
    "x: text? ~ unique({\"a\": 50%, null: rest})": ("bad-arguments", "null is no value"),
    "x: int ~ unique(mixture({discrete_uniform(1, 9): 50%, 3: rest}))": (
        "bad-arguments", "not known to be equally likely"
    ),
    "x: int ~ unique(discrete_uniform(1, 9_999) in [5, 6])": ("bad-arguments", "is a condition"),
    "x: int ~ unique(discrete_uniform(1, 9_999)) in [20_000, 30_000]": (
        "outside-support", "none of the values"
    ),
    "x: int ~ unique(discrete_uniform(1, 9_999), check: \"luhn\")": (
        "bad-arguments", "nothing else"
    ),
    "x: int ~ mixture({unique(discrete_uniform(1, 9_999)): 50%, 3: rest})": (
        "misplaced-draw", "`unique` draws for the rows of the whole table"
    ),
    "x: int ~ unique(unique(discrete_uniform(1, 9_999)))": ("misplaced-draw", "whole table"),
    "x: int ~ unique(quota({1: 50%, 2: rest}))": ("misplaced-draw", "`quota` draws"),
}  # fmt: skip


@pytest.mark.parametrize("body", REFUSED)
def test_anything_that_is_not_equiprobable_is_refused(body):
    code, message = REFUSED[body]
    error = only_error(body, rows=100)
    assert error.code == code and message in error.message and error.help


def test_more_rows_on_demand_are_refused_by_the_same_arithmetic():
    loaded = synthdsl.load(
        "s.synth", text=spec("x: int ~ unique(discrete_uniform(1, 50))", rows=10)
    )
    assert loaded.generate("40:50")["t"].num_rows == 10
    with pytest.raises(SynthError) as caught:
        loaded.generate(51)
    assert [d.code for d in caught.value.diagnostics] == ["capacity"]


KEYS = {
    "a: bool ~ bernoulli(0.5)\nkey a": "`a` has at most 2 distinct values",
    "a: bool? ~ {true: 50%, null: rest}\nkey a": "at most 2 distinct values",
    "x: Bed ~ {a: 50%, b: rest}\nz: int ~ discrete_uniform(1, 9)\nkey (x, z)": (
        "`(x, z)` has at most 2 x 9 = 18 distinct values"
    ),
    "a: int ~ binomial(5, 0.5)\nkey a": "at most 6 distinct values",
    "a: int ~ normal(0, 9) in [0.5, 9.4]\nkey a": "at most 9 distinct values",
    "a: date ~ uniform(2024-01-01, 2024-01-31)\nkey a": "at most 31 distinct values",
    "a: text ~ pattern(\"#\")\nkey a": "at most 10 distinct values",
    "a: int ~ discrete_uniform(1, 9)\nb: int ~ keyed(a, poisson(1_000))\nkey (a, b)": (
        "`(a, b)` has at most 9 distinct values"
    ),
    "a: int ~ discrete_uniform(1, 9)\nb: int = 1_000 * a\nkey b": "at most 9 distinct values",
    "a: int ~ poisson(9)\nb: text = bucket(a, [0, 5, 100])\nkey b": "at most 2 distinct values",
    "a: int ~ when {c: discrete_uniform(1, 3), else: 7}\nc: bool ~ bernoulli(0.5)\nkey a": (
        "at most 4 distinct values"
    ),
    "a: int ~ mixture({discrete_uniform(1, 3): 50%, 9: rest})\nkey a": "at most 4 distinct values",
    "a: int ~ quota({1: 50%, 2: rest})\nkey a": "at most 2 distinct values",
}  # fmt: skip


@pytest.mark.parametrize("body", KEYS)
def test_a_key_with_fewer_values_than_rows_is_refused(body):
    error = only_error(body, rows=40, top=TOP)
    assert error.code == "capacity" and error.help
    assert KEYS[body] in error.message
    count = int(error.message.split(" distinct")[0].split()[-1].replace(",", ""))
    assert not [f for f in findings(body, rows=count, top=TOP) if f.is_error]
    rows = frame(spec(body.rpartition("\n")[0], rows=4000, top=TOP))
    names = body.rpartition("key ")[2].strip("()").split(", ")
    assert len(rows[names].drop_duplicates()) <= count, "the bound is a bound"


NO_FINDING = [
    "a: bool ~ bernoulli(0.5)\nkey (a, index)",
    "a: int = index\nkey a",
    "a: int = mod(index, 3) + index\nkey a",
    "a: int ~ poisson(3)\nkey a",
    "a: int ~ discrete_uniform(1, 40)\nkey a",
    "a: text ~ pattern(\"##\")\nkey a",
    "a: float ~ uniform(0, 1)\nkey a",
]  # fmt: skip


@pytest.mark.parametrize("body", NO_FINDING)
def test_a_key_that_may_be_one_is_not_doubted(body):
    assert not [f for f in findings(body, rows=40, top=TOP) if f.is_error]


def test_a_masked_key_counts_its_nulls():
    body = "x: Bed? ~ {a: 25%, b: 25%, c: 25%, d: rest}\nmissing x: mcar(10%)\nkey x"
    assert not [f for f in findings(body, rows=5, top=TOP) if f.is_error]
    assert only_error(body, rows=7, top=TOP).code == "capacity"


def test_wide_derivations_are_counted_quickly():
    fields = ["f0: bool ~ bernoulli(0.5)", "g0: bool ~ bernoulli(0.5)"]
    for i in range(1, 150):
        reads = " and ".join(f"{n}{j}" for j in range(max(0, i - 20), i) for n in "fg")
        fields += [f"f{i}: bool = {reads}", f"g{i}: bool = not f{i}"]
    body = "\n".join([*fields, "key (f149, g149)"])
    assert "at most 2 distinct" in only_error(body, rows=9).message
