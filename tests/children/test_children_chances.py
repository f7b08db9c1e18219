"""Chances against mpmath and against frequencies; bounds against the chances of many entities."""

from __future__ import annotations

from math import inf

import mpmath
import numpy as np
import pytest
from children_runs import guides_of, run_of

from synthdsl.engine.children.odds import chance_of

mpmath.mp.dps = 60
CHANCES = [1e-12, 1e-9, 3e-4, 0.2, 0.7, 1 - 1e-9]


def exact(n: int, q: float, low: int, high: float) -> mpmath.mpf:
    q = mpmath.mpf(q)
    ends = range(low, int(min(high, n)) + 1)
    return mpmath.fsum(mpmath.binomial(n, m) * q**m * (1 - q) ** (n - m) for m in ends)


@pytest.mark.parametrize("ends", [(1, inf), (2, inf), (5, inf), (0, 0), (0, 2), (1, 1), (2, 4)])
def test_chances_are_accurate_however_small(ends: tuple[int, float]) -> None:
    for n in (0, 1, 2, 3, 7, 60):
        for q in CHANCES:
            found = float(chance_of(n, q, *ends, is_all=False))
            expected = exact(n, q, *ends)
            if expected < mpmath.mpf(10) ** -290:
                assert found < 1e-280
            else:
                assert abs(found / expected - 1) < 1e-11, (n, q, ends)


def test_all_of_some() -> None:
    assert float(chance_of(0, 0.3, 0, inf, is_all=True)) == 1
    assert float(chance_of(3, 1e-9, 0, inf, is_all=True)) == pytest.approx(1e-27, rel=1e-13)


SPEC = """language 1
enum K {a, b, c}
table p [1_000] {
  id: int = index
  s: bool ~ bernoulli(0.3)
  k: K ~ {a: 10%%, b: 40%%, c: rest}
  t: float ~ normal(50, 10) in [0, 100]
  u: float ~ normal(t / 10, 1)
  e: float = expit(u - 8)
  key id
}
table c per p p [%s] {
  key (p, index)
  g: K ~ {a: when {p.s: 0.1 * p.e, else: 0.02 * p.e}, b: 50%%, c: rest}
  x: float ~ when {g == a: normal(p.u, 2), else: lognormal(mean: 4, sd: 1 + p.e)}
  n: int ~ poisson(exp(p.u / 5))
  m: float ~ mixture({normal(p.t / 20, 1): 50%%, gamma(mean: 2, cv: 0.4): rest})
  w: int ~ discrete_uniform(0, 50)
}
case q each p p: %s
"""
BOUNDED = [
    ("count ~ poisson(3)", "any(c.g == a for c in p.c)"),
    ("count ~ poisson(3)", "any(c.g == a and c.x > 14 for c in p.c)"),
    ("count ~ poisson(1 + p.e)", "any(c.x > 30 for c in p.c)"),
    ("count ~ poisson(3) in [0, 8]", "any(c.m > 12 for c in p.c)"),
    ("count ~ binomial(4, 0.2 + 0.5 * p.e)", "count(c for c in p.c where c.m > 6) >= 2"),
    ("count ~ when {p.k == a: poisson(1), else: geometric(0.4)}", "any(c.w == 7 for c in p.c)"),
    ("count ~ poisson(6)", "all(c.m < 0 for c in p.c)"),
    ("count ~ poisson(6 * p.e)", "all(c.w > 48 for c in p.c)"),
    ("5", "all(c.n == 0 for c in p.c)"),
    ("count ~ poisson(2)", "any(c.n > 90 for c in p.c)"),
    ("round(p.t / 10)", "count(c for c in p.c where c.w < 2) > 2"),
]


REACHING = [BOUNDED[7], BOUNDED[9]]
"""Those in which entities, however few, may reach 1."""


@pytest.mark.parametrize("parts", BOUNDED)
def test_no_entity_has_more_than_the_bound(parts: tuple[str, str]) -> None:
    text = SPEC % parts
    (guide,) = guides_of(run_of(text, case="q"))
    plain = run_of(text.replace(f"case q each p p: {parts[1]}\n", ""))
    frame = plain.families["p"].frame(0, 20_000, 9)
    chances = guide.chance(frame)
    assert (chances <= guide.bound).all()
    assert (chances > 0).any()
    if parts in REACHING:
        return
    # and it is not far above
    assert guide.bound < min(1, 300 * chances.max()), (guide.bound, chances.max())


@pytest.mark.parametrize("parts", BOUNDED[2:6])
def test_chances_are_frequencies(parts: tuple[str, str]) -> None:
    text = (SPEC % parts).replace("expit(u - 8)", "expit(u - 4)").replace("> 30", "> 7")
    text = text.replace("c.m > 12", "c.m > 4").replace("== 7", "< 9")
    run = run_of(text, case="q")
    (guide,) = guides_of(run)
    met = text.split("each p p:")[1].strip()
    counted = text.split("case q")[0].replace(
        "  key id\n", f"  met: bool = {inner(met)}\n  key id\n"
    )
    frame = run_of(counted).families["p"].frame(0, 40_000, 9)
    chances = guide.chance(frame)
    hits = frame.column("met").values
    for part in (chances < np.median(chances), chances >= np.median(chances)):
        spread = np.sqrt((chances[part] * (1 - chances[part])).sum()) + 1
        assert abs(hits[part].sum() - chances[part].sum()) < 5 * spread


def inner(condition: str) -> str:
    """A condition of a case as one of the table's own fields."""
    return condition.replace("in p.c", "in c")
