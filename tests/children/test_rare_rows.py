"""Rows that hardly any entity has: drawn exactly, without waiting for them; the same in any run."""

from __future__ import annotations

import tempfile
import time

import numpy as np
import pandas as pd
import pytest
from children_runs import guides_of, run_of
from scipy import stats

import synthdsl

SPEC = """language 1
enum Test {rare, usual, other}
table p [2_000] {
  id: int = index
  age: int<a> ~ discrete_uniform(0, 99)
  risk: float ~ uniform(0, 1)
  key id
}
table lab per p p [count ~ poisson(3)] {
  key (p, index)
  test: Test ~ {rare: when {p.age >= 50 a: 0.003%, else: 0.001%}, usual: 60%, other: rest}
  value: float ~ when {test == rare: normal(4, 2), else: normal(4, 0.5)}
  late: float ~ exponential(mean: 1 + p.risk)
  note: text ~ pattern("##")
}
table visit per p p [count ~ poisson(2)] {
  key (p, index)
}
table drug per visit v [count ~ poisson(1 + v.p.risk)] {
  key (v, index)
  dose: float ~ exponential(mean: 1)
}
case rare each p p: any(l.test == rare and l.value > 9 for l in p.lab)
case late each p p: any(l.late > 25 for l in p.lab)
case many each p p: count(l for l in p.lab where l.test == rare) >= 3
case dose each visit v: any(d.dose > 17 for d in v.drug)
"""
ROWS = 2_000


def rows_of(case: str, **options: int) -> dict[str, pd.DataFrame]:
    spec = synthdsl.load("rare.synth", text=SPEC)
    return spec.generate(rows=ROWS, seed=5, case=case, **options).to_pandas()


def sized(numbers: pd.Series, mean: float, least: int) -> float:
    """The p-value of numbers of rows that are `least` and a Poisson number more."""
    counts = np.bincount(numbers - least, minlength=10)
    law = stats.poisson.pmf(np.arange(7), mean)
    observed = [*counts[:7], counts[7:].sum()]
    expected = np.array([*law, 1 - law.sum()]) * len(numbers)
    return float(stats.chisquare(observed, expected).pvalue)


def test_a_case_of_one_in_ten_million() -> None:
    start = time.perf_counter()
    tables = rows_of("rare")
    assert time.perf_counter() - start < 20
    labs = tables["lab"]
    found = labs[(labs.test == "rare") & (labs.value > 9)]
    assert found.groupby("p_id").size().eq(1).sum() == ROWS
    # three in four are 50 or older; sizes are biased by size, and which row it is is not
    old = int((tables["p"].age >= 50).sum())
    assert stats.binomtest(old, ROWS, 0.75).pvalue > 1e-5
    assert sized(labs.groupby("p_id").size(), 3, 1) > 1e-5
    sizes = found.p_id.map(labs.groupby("p_id").size())
    first = int((found["index"] == 0).sum())
    expected = float((1 / sizes).sum())
    assert abs(first - expected) < 4.5 * np.sqrt((1 / sizes * (1 - 1 / sizes)).sum())
    law = stats.truncnorm((9 - 4) / 2, np.inf, 4, 2)
    assert stats.kstest(found.value, law.cdf).pvalue > 1e-5
    others = labs.drop(found.index)
    assert stats.kstest(others.value, stats.norm(4, 0.5).cdf).pvalue > 1e-5
    assert stats.kstest(labs.late, lambda x: late_law(x, tables["p"].risk, labs.p_id)).pvalue > 1e-5


def late_law(x: np.ndarray, risk: pd.Series, at: pd.Series) -> np.ndarray:
    """The mixture of all rows' exponentials at `x`."""
    means = 1 + np.sort(risk.to_numpy()[at.to_numpy()])[:: max(1, len(at) // 500)]
    return np.mean(1 - np.exp(-np.asarray(x)[:, None] / means), axis=1)


def test_a_tail_that_depends_on_a_continuous_field() -> None:
    tables = rows_of("late")
    late = tables["lab"][tables["lab"].late > 25]
    assert late.p_id.nunique() == ROWS
    # one hit: the risk has density in proportion to exp(-25 / (1 + r))
    grid = np.linspace(0, 1, 20_001)
    weights = np.cumsum(np.exp(-25 / (1 + grid)))
    found = stats.kstest(tables["p"].risk, lambda r: np.interp(r, grid, weights / weights[-1]))
    assert found.pvalue > 1e-5
    assert sized(tables["lab"].groupby("p_id").size(), 3, 1) > 1e-5


def test_several_rare_rows() -> None:
    tables = rows_of("many")
    rare = tables["lab"][tables["lab"].test == "rare"]
    assert (rare.groupby("p_id").size() == 3).all() and rare.p_id.nunique() == ROWS
    assert sized(tables["lab"].groupby("p_id").size(), 3, 3) > 1e-5
    # three times as likely each: 27 times
    old = int((tables["p"].age >= 50).sum())
    assert stats.binomtest(old, ROWS, 27 / 28).pvalue > 1e-5


def test_below_a_row_that_hangs_below_another() -> None:
    tables = rows_of("dose")
    drugs, visits = tables["drug"], tables["visit"]
    high = drugs[drugs.dose > 17].groupby(["visit_p_id", "visit_index"]).size()
    assert len(high) == len(visits) and (high == 1).all()


def test_every_run_makes_the_same() -> None:
    spec = synthdsl.load("rare.synth", text=SPEC)
    whole = spec.generate(rows=ROWS, seed=5, case="late").to_pandas()
    run = run_of(SPEC, case="late")
    family = run.families["p"]
    for size in (1, 7, 250):
        frame = family.frame(100, 100 + size, 5)
        labs = whole["lab"]
        expected = labs[(labs.p_id >= 100) & (labs.p_id < 100 + size)]
        assert np.array_equal(frame.child("lab").column("late").values, expected.late.to_numpy())
        assert np.array_equal(frame.column("risk").values, whole["p"].risk[100 : 100 + size])
    with tempfile.TemporaryDirectory() as folder:
        for workers in (1, 2):
            spec.write(f"{folder}/{workers}", rows=ROWS, seed=5, case="late", workers=workers)
        for name, table in whole.items():
            one, two = (pd.read_parquet(f"{folder}/{n}/{name}.parquet") for n in (1, 2))
            pd.testing.assert_frame_equal(one, two)
            assert len(one) == len(table)


PARTS = """language 1
table p [100] {
  id: int = index
  a: int ~ discrete_uniform(0, 9)
  n: int = count(l for l in lab)
  key id
}
table lab per p p [%s] %s {
  key (p, index)
  x: float ~ normal(0, 1)
  y: float ~ normal(0, 1)
  z: float ~ %s
  %s
}
case q each p p: %s
"""
NOT_KNOWN = {
    "rows after an end": (
        "count ~ poisson(3)",
        "until x > 2",
        "normal(0, 1)",
        "",
        "any(l.z > 2 for l in p.lab)",
    ),
    "a sequence": (
        "count ~ poisson(3)",
        "",
        "normal(coalesce(prev.x, 0), 1)",
        "",
        "any(l.z > 2 for l in p.lab)",
    ),
    "siblings": (
        "count ~ poisson(3)",
        "",
        "sorted(normal(0, 1))",
        "",
        "any(l.z > 2 for l in p.lab)",
    ),
    "a path": (
        "count ~ poisson(3)",
        "",
        "random_walk(start: 0, sd: 1)",
        "",
        "any(l.z > 2 for l in p.lab)",
    ),
    "the place of a row": (
        "count ~ poisson(3)",
        "",
        "normal(index, 1)",
        "",
        "any(l.z > 2 for l in p.lab)",
    ),
    "the number of rows": (
        "count ~ poisson(3)",
        "",
        "normal(p.n, 1)",
        "",
        "any(l.z > 2 for l in p.lab)",
    ),
    "a rule of the rows": (
        "count ~ poisson(3)",
        "",
        "normal(0, 1)",
        "rule r: z < y",
        "any(l.z > 2 for l in p.lab)",
    ),
    "a correlation": (
        "count ~ poisson(3)",
        "",
        "normal(0, 1)",
        "correlate (y, z) rank 0.5",
        "any(l.z > 2 for l in p.lab)",
    ),
    "two fields at once": (
        "count ~ poisson(3)",
        "",
        "normal(0, 1)",
        "",
        "any(l.z > l.y for l in p.lab)",
    ),
    "at most, in part": (
        "count ~ poisson(3)",
        "",
        "normal(0, 1)",
        "",
        "count(l for l in p.lab where l.z > l.y and l.x > 0) == 1",
    ),
    "a heavy number": (
        "count ~ pareto(1, 1)",
        "",
        "normal(0, 1)",
        "",
        "any(l.z > 2 for l in p.lab)",
    ),
    "another aggregate": (
        "count ~ poisson(3)",
        "",
        "normal(0, 1)",
        "",
        "max(l.z for l in p.lab) > 2",
    ),
}


@pytest.mark.parametrize("name", NOT_KNOWN)
def test_what_is_not_certain_is_tried(name: str) -> None:
    try:
        run = run_of(PARTS % NOT_KNOWN[name], case="q")
    except AssertionError as error:
        pytest.fail(f"{name}: {error}")
    assert not guides_of(run), name
    frame = run.families["p"].frame(0, 50, 3)
    assert frame.rows == 50


def test_what_is_certain_is_not() -> None:
    parts = ("count ~ poisson(3)", "", "normal(0, 1)", "", "any(l.z > 2 for l in p.lab)")
    assert len(guides_of(run_of(PARTS % parts, case="q"))) == 1


def test_soft_rules_are_tried() -> None:
    parts = ("count ~ poisson(3)", "", "normal(0, 1)", "", "any(l.z > 2 for l in p.lab)")
    text = (PARTS % parts).replace("case q", "rule[60%] q")
    assert not guides_of(run_of(text))
