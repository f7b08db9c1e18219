"""Tries of one scope are none of another's: laws where a shared draw would show.

Each figure is within five standard errors of the law's: false alarms below 1e-5 over the file.
"""

from __future__ import annotations

import numpy as np

import synthdsl

SPEC = """language 1
table patient [10] {
  id: int = index
  key id
%s}
table visit per patient p [%s] {
  key (p, index)
%s}
%s
"""


def generated(*parts: str, rows: int, table: str):
    text = SPEC % parts
    return synthdsl.load("tries.synth", text=text).generate(rows, seed=3).to_pandas()[table]


def correlation_by_rank(rank: float) -> float:
    return 2 * np.sin(np.pi * rank / 6)


def test_tries_of_an_entity_are_none_of_its_row():
    """A row's rule is tried inside an entity's tries: both must not meet the same draws again."""
    rows = 40_000
    found = generated(
        "  b: float ~ normal(0, 1)\n  c: float ~ normal(0, 1)\n  rule r: b * c > 0.1\n",
        "1",
        "  x: float ~ uniform(0, 1)\n  y: float ~ uniform(0, 1)\n",
        "rule e each patient p: any(v.x * v.y < (when {p.b > 1: 0.7, else: 0.02}) for v in p.visit)",
        rows=rows,
        table="patient",
    )
    b, c = np.random.default_rng(1).standard_normal((2, 4_000_000))
    is_large = b[b * c > 0.1] > 1
    # of two uniforms the product is below q with chance q - q log q
    weight = np.where(is_large, 0.7 - 0.7 * np.log(0.7), 0.02 - 0.02 * np.log(0.02))
    expected = float((weight * is_large).sum() / weight.sum())
    assert abs((found.b > 1).mean() - expected) < 5 * (0.25 / rows + 1e-6) ** 0.5


def test_correlated_fields_stay_so_in_later_tries():
    found = generated(
        "  x: float ~ normal(0, 1)\n  y: float ~ normal(0, 1)\n  correlate (x, y) rank 0.8\n"
        "  rule r: x * y > 0.1 or x > 0\n",
        "2",
        "  z: float ~ normal(p.x, 1)\n",
        "rule e each patient p: sum(v.z for v in p.visit) > 1 + p.y",
        rows=4_000,
        table="patient",
    )
    r = correlation_by_rank(0.8)
    x, u, w = np.random.default_rng(1).standard_normal((3, 1_000_000))
    y = r * x + (1 - r * r) ** 0.5 * u
    is_fine = ((x * y > 0.1) | (x > 0)) & (2 * x + 2**0.5 * w > 1 + y)
    expected = np.corrcoef(x[is_fine], y[is_fine])[0, 1]
    assert abs(np.corrcoef(found.x, found.y)[0, 1] - expected) < 5 * 0.33 / 4_000**0.5
    assert abs(found.x.mean() - x[is_fine].mean()) < 5 * x[is_fine].std() / 4_000**0.5


def test_what_is_drawn_given_kept_fields_is_correlated_with_them():
    """Kept among rows that were made in several tries, and put together."""
    found = generated(
        "",
        "count ~ poisson(2)",
        "  x: float ~ normal(0, 1)\n  y: float ~ normal(0, 1)\n  correlate (x, y) rank 0.8\n",
        "rule a each patient p: count(v for v in p.visit where v.x > 0.5) >= 1\n"
        "rule b each patient p keeping (p.visit.x): count(v for v in p.visit where v.y > 2.5) < 2",
        rows=3_000,
        table="visit",
    )
    # the second rule hardly ever fails
    rng = np.random.default_rng(1)
    parts = [rng.standard_normal((2, n)) for n in rng.poisson(2, 40_000)]
    x, u = np.concatenate([p for p in parts if (p[0] > 0.5).any()], axis=1)
    r = correlation_by_rank(0.8)
    expected = np.corrcoef(x, r * x + (1 - r * r) ** 0.5 * u)[0, 1]
    assert abs(np.corrcoef(found.x, found.y)[0, 1] - expected) < 0.03
