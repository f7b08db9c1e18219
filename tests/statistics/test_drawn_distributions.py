"""Every distribution, written in a spec, against SciPy: plain, truncated, by row.

A draw x with cdf F is uniform at F(x); counts are spread back over their steps by a uniform of
the test's own (Smirnov's randomised transform), so that one Kolmogorov-Smirnov test at 1e-7
serves all. About 230 tests: a false alarm for a new seed has probability below 3e-5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit
from statistics_specs import drawn

LIMIT = 1e-7
ROWS = 12_000
KEYS = "k: int ~ discrete_uniform(1, 4)\n"


def lognormal(mean: Any, sd: Any) -> Any:
    sigma = np.sqrt(np.log1p((sd / mean) ** 2))
    return stats.lognorm(s=sigma, scale=mean / np.sqrt(1 + (sd / mean) ** 2))


def beta_of(mean: Any, sd: Any) -> Any:
    n = mean * (1 - mean) / sd**2 - 1
    return stats.beta(mean * n, (1 - mean) * n)


def pert(low: Any, mode: Any, high: Any) -> Any:
    spread = high - low
    return stats.beta(1 + 4 * (mode - low) / spread, 1 + 4 * (high - mode) / spread, low, spread)


Law = Callable[[Any], Any]
"""From k (an array or a scalar) to a frozen SciPy distribution."""

CONTINUOUS: dict[str, tuple[str, Law]] = {
    "uniform": ("uniform(-k, 2 * k)", lambda k: stats.uniform(-k, 3 * k)),
    "normal": ("normal(2 * k, 1 + k)", lambda k: stats.norm(2 * k, 1 + k)),
    "lognormal mean sd": ("lognormal(mean: 10 * k, sd: 4)", lambda k: lognormal(10.0 * k, 4)),
    "lognormal mean cv": ("lognormal(mean: 10, cv: 0.2 * k)", lambda k: lognormal(10, 2.0 * k)),
    "lognormal mu sigma": ("lognormal(mu: k, sigma: 0.5)", lambda k: stats.lognorm(0.5, scale=np.exp(k))),
    "exponential": ("exponential(mean: k)", lambda k: stats.expon(scale=k)),
    "exponential rate": ("exponential(rate: k)", lambda k: stats.expon(scale=1 / k)),
    "gamma": ("gamma(shape: 0.4 * k, scale: 2)", lambda k: stats.gamma(0.4 * k, scale=2)),
    "gamma mean cv": ("gamma(mean: k, cv: 0.7)", lambda k: stats.gamma(1 / 0.49, scale=0.49 * k)),
    "beta": ("beta(a: 0.6 * k, b: 2)", lambda k: stats.beta(0.6 * k, 2)),
    "beta mean sd": ("beta(mean: 0.2 * k, sd: 0.1)", lambda k: beta_of(0.2 * k, 0.1)),
    "weibull": ("weibull(shape: 0.7 * k, scale: 3)", lambda k: stats.weibull_min(0.7 * k, scale=3)),
    "gompertz": ("gompertz(shape: 0.01 * k, rate: 0.5)", lambda k: stats.gompertz(0.01 * k, scale=2)),
    "student_t": ("student_t(df: 2 * k, mean: k, scale: 2)", lambda k: stats.t(2 * k, k, 2)),
    "laplace": ("laplace(mean: k, scale: 2)", lambda k: stats.laplace(k, 2)),
    "logistic": ("logistic(mean: k, scale: 2)", lambda k: stats.logistic(k, 2)),
    "gumbel": ("gumbel(location: k, scale: 2)", lambda k: stats.gumbel_r(k, 2)),
    "pareto": ("pareto(shape: k, minimum: 2)", lambda k: stats.pareto(k, scale=2)),
    "triangular": ("triangular(low: 0, mode: k, high: 9)", lambda k: stats.triang(k / 9, 0, 9)),
    "pert": ("pert(low: 0, mode: k, high: 9)", lambda k: pert(0, k, 9)),
    "von_mises": ("von_mises(mean: 0, concentration: k)", lambda k: stats.vonmises(k)),
    "chi_squared": ("chi_squared(df: k)", lambda k: stats.chi2(k)),
    "inverse_gaussian": ("inverse_gaussian(mean: 3, shape: 2 * k)", lambda k: stats.invgauss(1.5 / k, scale=2 * k)),
    "skew_normal": ("skew_normal(location: 0, scale: 2, shape: k)", lambda k: stats.skewnorm(k, 0, 2)),
}  # fmt: skip
DISCRETE: dict[str, tuple[str, Law]] = {
    "binomial": ("binomial(trials: 3 * k, p: 0.3)", lambda k: stats.binom(3 * k, 0.3)),
    "poisson": ("poisson(mean: 2 * k)", lambda k: stats.poisson(2 * k)),
    "negative_binomial": ("negative_binomial(mean: k, size: 1.4)", lambda k: stats.nbinom(1.4, 1.4 / (1.4 + k))),
    "geometric": ("geometric(p: 0.2 * k)", lambda k: stats.geom(0.2 * k, loc=-1)),
    "hypergeometric": ("hypergeometric(population: 50, successes: 12, draws: 3 * k)", lambda k: stats.hypergeom(50, 12, 3 * k)),
    "zipf": ("zipf(exponent: 1.1 + 0.3 * k, n: 30)", lambda k: stats.zipfian(1.1 + 0.3 * k, 30)),
    "discrete_uniform": ("discrete_uniform(-k, 2 * k)", lambda k: stats.randint(-k, 2 * k + 1)),
}  # fmt: skip
BODIES = {**{name: (*case, "float") for name, case in CONTINUOUS.items()},
          **{name: (*case, "int") for name, case in DISCRETE.items()}}  # fmt: skip


def spread(x: Any, below: Any, at: Any, seed: int = 3) -> Any:
    """Levels that are uniform if x has the cdf: `below` is P(X < x), `at` P(X <= x)."""
    return below + (at - below) * np.random.default_rng(seed).random(len(x))


def levels(law: Law, kind: str, k: Any, x: Any, low: Any = None, high: Any = None) -> Any:
    """Where draws lie in their law given [low, high]."""
    dist = law(k)
    below = dist.cdf(x - 1) if kind == "int" else dist.cdf(x)
    at = dist.cdf(x)
    if low is None:
        return spread(x, below, at)
    start = dist.cdf(low - 1) if kind == "int" else dist.cdf(low)
    mass = dist.cdf(high) - start
    return spread(x, (below - start) / mass, (at - start) / mass)


def is_uniform(level: Any) -> float:
    return float(stats.kstest(level, "uniform").pvalue)


@pytest.mark.parametrize("name", BODIES)
def test_with_parameters_by_row(name: str) -> None:
    text, law, kind = BODIES[name]
    found = drawn(KEYS + f"x: {kind} ~ {text}", rows=ROWS)
    k, x = found.k.to_numpy(float), found.x.to_numpy(float)
    assert is_uniform(levels(law, kind, k, x)) > LIMIT
    for value in (1, 4):
        rows = k == value
        assert is_uniform(levels(law, kind, k[rows], x[rows])) > LIMIT


@pytest.mark.parametrize("name", BODIES)
def test_with_constant_parameters(name: str) -> None:
    text, law, kind = BODIES[name]
    x = drawn(f"x: {kind} ~ {text}", rows=ROWS, top="param k: int = 3").x.to_numpy(float)
    assert is_uniform(levels(law, kind, 3.0, x)) > LIMIT


@pytest.mark.parametrize("by_row", [False, True], ids=["constant", "row"])
@pytest.mark.parametrize("name", BODIES)
def test_truncated_in_the_body(name: str, by_row: bool) -> None:
    text, law, kind = BODIES[name]
    whole = law(np.array([1.0, 2.0, 3.0, 4.0]) if by_row else 3.0)
    low, high = np.max(whole.ppf(0.2)), np.min(whole.ppf(0.9))
    if low >= high:
        low, high = np.min(whole.ppf(0.2)), np.max(whole.ppf(0.9))
    low, high = (np.floor(low), np.ceil(high)) if kind == "int" else (round(low, 3), round(high, 3))
    shown = f"[{low:.0f}, {high:.0f}]" if kind == "int" else f"[{low}, {high}]"
    body = f"x: {kind} ~ {text} in {shown}"
    found = drawn(
        KEYS + body if by_row else body, rows=ROWS, top="" if by_row else "param k: int = 3"
    )
    k = found.k.to_numpy(float) if by_row else 3.0
    x = found.x.to_numpy(float)
    assert x.min() >= low and x.max() <= high
    assert is_uniform(levels(law, kind, k, x, low, high)) > LIMIT


@pytest.mark.parametrize("by_row", [False, True], ids=["constant", "row"])
@pytest.mark.parametrize("side", [-1, 1])
def test_normals_beyond_six_deviations(side: int, by_row: bool) -> None:
    mean = "m" if by_row else "5"
    body = ("m: float ~ uniform(4, 6)\n" if by_row else "") + f"x: float ~ normal({mean}, 2) in "
    found = drawn(body + ("[21, 30]" if side > 0 else "[-20, -11]"), rows=ROWS)
    z = side * (found.x.to_numpy() - (found.m.to_numpy() if by_row else 5)) / 2
    edges = [
        side * (e - (found.m.to_numpy() if by_row else 5)) / 2
        for e in ((21, 30) if side > 0 else (-11, -20))
    ]
    top, bottom, at = (stats.norm.logsf(e) for e in (*edges, z))
    level = np.expm1(at - top) / np.expm1(bottom - top)
    assert z.min() > 7 and is_uniform(level) > LIMIT


def test_other_tails() -> None:
    found = drawn(
        "a: float ~ gamma(shape: 2, scale: 1) in [30, 60]\nb: float ~ exponential(mean: 1) in [40, 90]\n"
        "c: float ~ lognormal(mu: 0, sigma: 1) in [600, 9_000]\nd: int ~ poisson(mean: 5) in [30, 90]\n"
        "e: float ~ logistic(mean: 0, scale: 1) in [-90, -45]",
        rows=ROWS,
    )
    for name, law, low, high in (
        ("a", stats.gamma(2), 30, 60), ("b", stats.expon(), 40, 90), ("c", stats.lognorm(1), 600, 9000),
    ):  # fmt: skip
        mass = law.sf(low) - law.sf(high)
        assert is_uniform((law.sf(low) - law.sf(found[name])) / mass) > LIMIT, name
    law, x = stats.logistic(), found.e
    assert is_uniform((law.cdf(x) - law.cdf(-90)) / (law.cdf(-45) - law.cdf(-90))) > LIMIT
    pmf = stats.poisson.pmf(np.arange(30, 91), 5)
    counts = np.bincount(found.d - 30, minlength=61)
    kept = pmf / pmf.sum() * ROWS > 5
    observed, expected = [*counts[kept], counts[~kept].sum()], pmf / pmf.sum() * ROWS
    assert stats.chisquare(observed, [*expected[kept], expected[~kept].sum()]).pvalue > LIMIT


def test_weights_constant_and_by_row() -> None:
    found = drawn(
        KEYS + "a: int ~ {1: 12.5%, 2: 50%, 3: 0%, 4: rest}\nb: int ~ {0: 0.1 * k, 1: 0.05 * k, 2: rest}\n"
        "c: bool ~ bernoulli(expit(k - 2))\nd: bool ~ bernoulli(0.3)", rows=40_000,
    )  # fmt: skip
    counts = found.a.value_counts()
    assert stats.chisquare([counts[1], counts[2], counts[4]], [5000, 20_000, 15_000]).pvalue > LIMIT
    assert 3 not in counts
    assert stats.binomtest(int(found.d.sum()), 40_000, 0.3).pvalue > LIMIT
    for k, rows in found.groupby("k"):
        n = len(rows)
        shares = np.array([0.1 * k, 0.05 * k, 1 - 0.15 * k])
        assert stats.chisquare(np.bincount(rows.b, minlength=3), n * shares).pvalue > LIMIT
        assert stats.binomtest(int(rows.c.sum()), n, float(expit(k - 2))).pvalue > LIMIT


def test_lookups_by_key_with_shares_and_counts(tmp_path: Any) -> None:
    lines = ["k,value,weight"] + [
        f"{k},{v},{w}" for k in (1, 2, 3, 4) for v, w in zip("abc", _shares(k), strict=True)
    ]
    (tmp_path / "mix.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "counts.csv").write_text("v,count\nx,10\ny,0\nz,30\n")
    text = (
        'language 1\nspec s\nseed 4\nlookup mix from "mix.csv"\nlookup tally from "counts.csv"\n'
        "table t [40_000] {\n" + KEYS + "v: text ~ mix[k]\nw: text ~ tally\n}\n"
    )
    path = tmp_path / "s.synth"
    path.write_text(text)
    import synthdsl

    found = synthdsl.load(path).generate()["t"].to_pandas()
    for k, rows in found.groupby("k"):
        counts = [int((rows.v == v).sum()) for v in "abc"]
        assert stats.chisquare(counts, len(rows) * np.array(_shares(k))).pvalue > LIMIT
    assert set(found.w) == {"x", "z"}
    assert stats.binomtest(int((found.w == "z").sum()), 40_000, 0.75).pvalue > LIMIT


def _shares(k: int) -> list[float]:
    return [0.1 * k, 0.3, round(0.7 - 0.1 * k, 10)]


def test_mixtures_and_zero_inflation() -> None:
    found = drawn("x: float ~ mixture({normal(0, 1): 30%, gamma(mean: 5, cv: 0.5): rest})\n"
                  "y: int ~ zero_inflated(30%, poisson(2))", rows=40_000)  # fmt: skip
    law = stats.gamma(4, scale=1.25)
    assert is_uniform(0.3 * stats.norm.cdf(found.x) + 0.7 * law.cdf(found.x)) > LIMIT
    pmf = 0.7 * stats.poisson.pmf(np.arange(12), 2)
    pmf[0] += 0.3
    pmf[-1] += 1 - pmf.sum()
    assert (
        stats.chisquare(np.bincount(np.minimum(found.y, 11), minlength=12), 40_000 * pmf).pvalue
        > LIMIT
    )


def test_fields_of_one_row_are_independent() -> None:
    names = "abcdef"
    found = drawn("\n".join(f"{n}: float ~ uniform(0, 1)" for n in names), rows=60_000)
    cells = (found * 4).astype(int)
    for i, a in enumerate(names):
        for b in names[:i]:
            counts = np.bincount(cells[a] * 4 + cells[b], minlength=16)
            assert stats.chisquare(counts).pvalue > LIMIT
    triples = np.bincount(cells.a * 16 + cells.b * 4 + cells.c, minlength=64)
    assert stats.chisquare(triples).pvalue > LIMIT


@pytest.mark.parametrize("name, wrong", [
    ("normal", lambda k: stats.norm(2 * k, (1 + k) * 1.15)),
    ("gamma", lambda k: stats.gamma(0.4 * k + 0.05, scale=2)),
    ("poisson", lambda k: stats.poisson(2.1 * k)),
    ("beta", lambda k: stats.beta(0.6 * k, 2.15)),
])  # fmt: skip
def test_a_slightly_wrong_law_is_caught(name: str, wrong: Law) -> None:
    text, _, kind = BODIES[name]
    found = drawn(KEYS + f"x: {kind} ~ {text}", rows=ROWS)
    assert is_uniform(levels(wrong, kind, found.k.to_numpy(float), found.x.to_numpy(float))) < LIMIT


def test_clipping_instead_of_truncating_is_caught() -> None:
    x = np.clip(drawn("x: float ~ normal(0, 1)", rows=ROWS).x.to_numpy(), -1, 1)
    assert is_uniform(levels(lambda k: stats.norm(), "float", 1, x, -1.0, 1.0)) < LIMIT
