"""Sequences that read rows on both sides, and sums of whole numbers, against pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import synthdsl

SPEC = """language 1
table patient [60] {
  id: int = index
  stays: duration step 1 s = sum(v.stay for v in visit where v.is_long)
  mean_stay: duration? step 1 s = mean(v.stay for v in visit where v.is_long)
  key id
}
table visit per patient p [count ~ poisson(3)] {
  key (p, index)
  d: float step 0.1 ~ normal(0, 1)
  stay: duration step 1 s ~ normal(10 d, 30 d)
  is_long: bool ~ bernoulli(0.8)
  ahead: int = coalesce(prev.ahead, 0) + coalesce(next, 50)
  after: float = 0.5 * coalesce(prev.after, 0) + coalesce(next.d, 100)
  final: float = coalesce(prev.final, 0) + last.d
  start: float = coalesce(prev.start, 0) + first.d
  branch: float = when {is_long: coalesce(prev.after, -1), else: coalesce(prev.branch, 7)}
}
"""


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    made = synthdsl.load("x.synth", text=SPEC).generate().tables
    return {name: table.to_pandas() for name, table in made.items()}


def test_a_sequence_reads_rows_on_both_sides(tables):
    lengths = set()
    for _, rows in tables["visit"].groupby("patient_id"):
        n = len(rows)
        lengths.add(n)
        d = rows["d"].to_numpy()
        following = np.append(d[1:], 100)
        after, branch = 0.0, 7.0
        expected = []
        for x, is_long in zip(following, rows["is_long"], strict=True):
            branch = (expected[-1][0] if expected else -1.0) if is_long else branch
            after = 0.5 * after + x
            expected.append((after, branch))
        np.testing.assert_allclose(rows[["after", "branch"]], expected, rtol=1e-12)
        np.testing.assert_allclose(rows["final"], np.arange(1, n + 1) * d[-1], rtol=1e-9)
        np.testing.assert_allclose(rows["start"], np.arange(1, n + 1) * d[0], rtol=1e-9)
        assert (rows["ahead"] == np.cumsum([*range(1, n), 50])).all()
    assert {1, 2, 3, 4} <= lengths


def test_sums_and_means_of_durations_are_exact(tables):
    visit, patient = tables["visit"], tables["patient"]
    counted = visit[visit["is_long"]]
    seconds = (counted["stay"] // pd.Timedelta(seconds=1)).groupby(counted["patient_id"])
    total, n = seconds.sum(), seconds.size()
    stays = patient["stays"] // pd.Timedelta(seconds=1)
    assert (stays == total.reindex(range(60), fill_value=0)).all()
    halves_up = ((2 * total + n) // (2 * n)).reindex(range(60))
    means = patient["mean_stay"].dt.total_seconds()
    assert (means.isna() == halves_up.isna()).all() and means.isna().any()
    assert (means.dropna() == halves_up.dropna()).all()


@pytest.mark.parametrize(
    "fields",
    [
        "x: int = x",
        "x: int = y\n  y: int = x",
        "x: int = p.x + 0 * x",
        "x: int = z.x\n  z: t ~ ref t",
    ],
)
def test_fields_that_repeat_each_other_do_not_hold_up_the_check(fields):
    text = f"language 1\ntable t [3] {{\n  {fields}\n  key x\n}}\n"
    assert any(d.is_error for d in synthdsl.check("x.synth", text=text))
