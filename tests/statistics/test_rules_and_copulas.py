"""Rules condition exactly, correlations are as declared, masks have their chances.

Oracle for rules: rejection of whole rows in plain numpy. Two samples are compared field by
field (Kolmogorov-Smirnov) and pair by pair (chi-square over a 4 x 4 table cut at the oracle's
quartiles) at 1e-7: about 60 comparisons, a false alarm below 1e-5 in all.
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
ROWS = 20_000


def same(a: Any, b: Any) -> float:
    """The least p-value that two samples of several fields come from one law."""
    names = list(b)
    found = [stats.ks_2samp(a[name], b[name], method="asymp").pvalue for name in names]
    cuts = {name: np.unique(np.quantile(b[name], [0.25, 0.5, 0.75])) for name in names}
    for i, x in enumerate(names):
        for y in names[:i]:
            tables = [
                np.histogram2d(np.digitize(s[x], cuts[x]), np.digitize(s[y], cuts[y]), bins=[np.arange(5)] * 2)[0].ravel()
                for s in (a, b)
            ]  # fmt: skip
            both = np.array(tables)[:, np.sum(tables, axis=0) > 10]
            found.append(stats.chi2_contingency(both).pvalue)
    return float(min(found))


def rejected(
    sample: Callable[[Any, int], dict[str, Any]],
    keep: Callable[[dict[str, Any]], Any],
    seed: int = 1,
) -> dict[str, Any]:
    """Whole rows drawn until enough satisfy `keep`."""
    random = np.random.default_rng(seed)
    rows = sample(random, 400_000)
    kept = np.flatnonzero(keep(rows))[: 2 * ROWS]
    assert len(kept) > ROWS / 2
    return {name: np.asarray(values, float)[kept] for name, values in rows.items()}


def chain(random: Any, n: int) -> dict[str, Any]:
    h = random.normal(0, 1, n)
    x = random.normal(h, 1)
    y = random.normal(2 * x, 0.5)
    return {"h": h, "x": x, "y": y, "side": random.normal(h, 1), "alone": random.uniform(0, 1, n)}


CHAIN = """let hidden ~ normal(0, 1)
h: float = hidden
x: float ~ normal(hidden, 1)
y: float ~ normal(2 * x, 0.5)
side: float ~ normal(hidden, 1)
alone: float ~ uniform(0, 1)
"""


def mixed(random: Any, n: int) -> dict[str, Any]:
    s = random.random(n) < 0.3
    a = np.floor(random.normal(np.where(s, 5, 8), 3) + 0.5)
    b = random.poisson(3, n)
    c = random.random(n) < expit(a - 6)
    return {"s": s, "a": a, "b": b, "c": c}


MIXED = """s: bool ~ bernoulli(30%)
a: int ~ when {s: normal(5, 3), else: normal(8, 3)}
b: int ~ poisson(3)
c: bool ~ bernoulli(expit(a - 6))
"""


def coupled(random: Any, n: int) -> dict[str, Any]:
    r = 2 * np.sin(np.pi * 0.6 / 6)
    z = random.multivariate_normal([0, 0], [[1, r], [r, 1]], n)
    return {
        "u": z[:, 0],
        "v": stats.expon.ppf(stats.norm.cdf(z[:, 1])),
        "w": random.normal(0, 1, n),
    }


COUPLED = """u: float ~ normal(0, 1)
v: float ~ exponential(mean: 1)
w: float ~ normal(0, 1)
correlate (u, v) rank 0.6
"""

CASES = {
    "order": (CHAIN, "rule r: y < x", chain, lambda d: d["y"] < d["x"]),
    "far ancestor": (CHAIN, "rule r: y > 3", chain, lambda d: d["y"] > 3),
    "two rules, one component": (CHAIN, "rule r: y > 0\nrule q: side < hidden", chain, lambda d: (d["y"] > 0) & (d["side"] < d["h"])),
    "derived": (CHAIN, "let gap = y - side\nrule r: gap in [0, 1]", chain, lambda d: (d["y"] - d["side"] >= 0) & (d["y"] - d["side"] <= 1)),
    "implication": (MIXED, "rule r: s -> a < b + 3", mixed, lambda d: ~d["s"] | (d["a"] < d["b"] + 3)),
    "if and only if": (MIXED, "rule r: c <-> b > 2", mixed, lambda d: d["c"] == (d["b"] > 2)),
    "sum": (MIXED, "rule r: a + b == 9", mixed, lambda d: d["a"] + d["b"] == 9),
    "correlated": (COUPLED, "rule r: u + w > 1", coupled, lambda d: d["u"] + d["w"] > 1),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_rules_condition_as_rejection_does(name: str) -> None:
    body, rule, sample, keep = CASES[name]
    found = drawn(body + rule, rows=ROWS)
    values = {
        column: found[column].to_numpy(float) for column in sample(np.random.default_rng(0), 1)
    }
    assert np.all(keep({n: v.astype(bool) if n in "sc" else v for n, v in values.items()}))
    assert same(values, rejected(sample, keep)) > LIMIT


def test_means_of_ordered_uniforms() -> None:
    # False alarm: 6 standard errors of means, 2e-9 each.
    found = drawn("x: float ~ uniform(0, 1)\ny: float ~ uniform(0, 1)\nrule r: y < x", rows=60_000)
    error = np.sqrt(1 / 18 / 60_000)
    assert abs(found.x.mean() - 2 / 3) < 6 * error and abs(found.y.mean() - 1 / 3) < 6 * error


def test_redrawing_only_the_failing_field_is_caught() -> None:
    random = np.random.default_rng(2)
    x, y = random.random(ROWS), random.random(ROWS)
    while (bad := y >= x).any():
        y[bad] = random.random(int(bad.sum()))
    exact = drawn("x: float ~ uniform(0, 1)\ny: float ~ uniform(0, 1)\nrule r: y < x", rows=ROWS)
    assert same({"x": x, "y": y}, {n: exact[n].to_numpy() for n in "xy"}) < LIMIT


def test_leaving_an_ancestor_as_it_was_is_caught() -> None:
    free = chain(np.random.default_rng(5), 2 * ROWS)
    exact = rejected(chain, lambda d: d["y"] > 3)
    found = {**exact, "h": free["h"][: len(exact["h"])]}
    assert same(found, exact) < LIMIT


def test_a_rule_passes_unless_false() -> None:
    found = drawn(
        "a: int? ~ {1: 30%, 5: 30%, null: rest}\nb: int ~ {0: 50%, 9: rest}\nrule r: a > b",
        rows=ROWS,
    )
    # (1,0) (5,0) (null,0) (null,9) are left, with weights 15, 15, 20, 20
    counts = found.groupby([found.a.fillna(-1), "b"]).size()
    assert list(counts.index) == [(-1, 0), (-1, 9), (1, 0), (5, 0)]
    assert stats.chisquare(counts, ROWS * np.array([20, 20, 15, 15]) / 70).pvalue > LIMIT


def _spearman(x: Any, y: Any) -> float:
    return float(stats.spearmanr(x, y).statistic)


@pytest.mark.parametrize("rank", [-0.9, -0.3, 0.5, 0.95])
@pytest.mark.parametrize(
    "second",
    ["exponential(mean: 2)", "gamma(mean: 2, cv: 2)", "normal(0, 3) in [-1, 5]", "uniform(0, 1)"],
)
def test_the_rank_correlation_is_as_declared(rank: float, second: str) -> None:
    # False alarm: 6 standard errors of Spearman's rho (Bonett and Wright 2000).
    found = drawn(
        f"x: float ~ normal(0, 1)\ny: float ~ {second}\ncorrelate (x, y) rank {rank}", rows=ROWS
    )
    error = np.sqrt((1 + rank**2 / 2) / (ROWS - 3)) * (1 - rank**2)
    assert abs(_spearman(found.x, found.y) - rank) < 6 * error + 1e-3


def test_correlations_by_group_and_of_three_leave_marginals_alone() -> None:
    found = drawn(
        "s: Sex ~ {female: 40%, male: rest}\nx: float ~ when {s == female: normal(0, 1), else: normal(3, 2)}\n"
        "y: float ~ gamma(mean: 4, cv: 0.5)\nz: float ~ uniform(0, 1) in [0.2, 0.9]\n"
        "correlate (x, y, z) rank {female: [0.7, -0.4, -0.2], male: [-0.5, 0.3, 0.1]} by s",
        rows=40_000, top="enum Sex {female, male}",
    )  # fmt: skip
    for sex, ranks in (("female", (0.7, -0.4, -0.2)), ("male", (-0.5, 0.3, 0.1))):
        rows = found[found.s == sex]
        pairs = (("x", "y"), ("x", "z"), ("y", "z"))
        for (a, b), rank in zip(pairs, ranks, strict=True):
            assert abs(_spearman(rows[a], rows[b]) - rank) < 6 * 1.1 / np.sqrt(len(rows))
    mean, sd = np.where(found.s == "female", 0, 3), np.where(found.s == "female", 1, 2)
    for level in (
        stats.norm.cdf(found.x, mean, sd),
        stats.gamma.cdf(found.y, 4),
        (found.z - 0.2) / 0.7,
    ):
        assert stats.kstest(level, "uniform").pvalue > LIMIT


def test_correlated_counts_and_weights_keep_their_marginals() -> None:
    found = drawn(
        "x: int ~ poisson(4)\ny: int ~ {30: 20%, 10: 50%, 20: rest}\np: float ~ uniform(0.3, 0.6)\n"
        "w: int ~ {3: p, 1: rest}\ncorrelate (x, y, w) rank [0.8, 0.8, 0.8]", rows=40_000,
    )  # fmt: skip
    counts = np.bincount(np.minimum(found.x, 12), minlength=13)
    pmf = stats.poisson.pmf(np.arange(13), 4)
    pmf[-1] += 1 - pmf.sum()
    assert stats.chisquare(counts, 40_000 * pmf).pvalue > LIMIT
    shares = found.y.value_counts()
    assert (
        stats.chisquare([shares[30], shares[10], shares[20]], [8000, 20_000, 12_000]).pvalue > LIMIT
    )
    assert stats.binomtest(int((found.w == 3).sum()), 40_000, float(found.p.mean())).pvalue > LIMIT
    # rounding to steps weakens ranks, but never turns them
    assert (
        min(_spearman(found.x, found.y), _spearman(found.x, found.w), _spearman(found.y, found.w))
        > 0.55
    )


def test_a_pearson_correlation_taken_for_a_rank_is_caught() -> None:
    z = np.random.default_rng(1).multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], ROWS)
    error = np.sqrt(1 + 0.125) / np.sqrt(ROWS - 3) * 0.75
    assert abs(_spearman(z[:, 0], z[:, 1]) - 0.5) > 2 * error
    naive = abs(_spearman(z[:, 0], z[:, 1]) - 0.5)
    ours = drawn(
        "x: float ~ normal(0, 1)\ny: float ~ normal(0, 1)\ncorrelate (x, y) rank 0.5", rows=ROWS
    )
    assert abs(_spearman(ours.x, ours.y) - 0.5) < naive


def test_masks_have_their_chances_and_are_independent_given_these() -> None:
    found = drawn(
        "age: int ~ discrete_uniform(0, 9)\nx: float? ~ normal(0, 1)\ny: float? ~ gamma(mean: 3, cv: 0.5)\n"
        "w: float? ~ normal(0, 1)\nu: float? ~ normal(0, 1)\n"
        "missing x: mcar(20%)\nmissing w: mar(expit(-2 + 0.4 * age))\nmissing y: mnar(expit(-1 + z(y)))\nmissing u: mcar(20%)",
        rows=60_000,
    )  # fmt: skip
    n = len(found)
    assert stats.binomtest(int(found.x.isna().sum()), n, 0.2).pvalue > LIMIT
    for age, rows in found.groupby("age"):
        assert (
            stats.binomtest(
                int(rows.w.isna().sum()), len(rows), float(expit(-2 + 0.4 * age))
            ).pvalue
            > LIMIT
        )
    # what is left of y has the density f(y) (1 - p(y)) / C
    grid = np.linspace(0, 30, 60_001)
    law = stats.gamma(4, scale=0.75)
    density = law.pdf(grid) * (1 - expit(-1 + (grid - 3) / 1.5))
    cdf = np.cumsum(density) * (grid[1] - grid[0])
    assert stats.binomtest(int(found.y.notna().sum()), n, float(cdf[-1])).pvalue > LIMIT
    kept = found.y.dropna()
    assert stats.kstest(np.interp(kept, grid, cdf / cdf[-1]), "uniform").pvalue > LIMIT
    assert stats.kstest(law.cdf(kept), "uniform").pvalue < LIMIT  # mcar taken for mnar is caught
    both = np.array([[(found.x.isna() & found.u.isna()).sum(), (found.x.isna() & found.u.notna()).sum()],
                     [(found.x.notna() & found.u.isna()).sum(), (found.x.notna() & found.u.notna()).sum()]])  # fmt: skip
    assert stats.chi2_contingency(both).pvalue > LIMIT
    assert stats.kstest(found.w.dropna(), "norm").pvalue > LIMIT


@pytest.mark.parametrize(
    "draw",
    [
        "normal(10, 2)",
        "normal(10, 2) in [9, 20]",
        "lognormal(mean: 5, sd: 4) in [0, 12]",
        "gamma(mean: 3, cv: 0.5)",
        "poisson(4)",
    ],
)
def test_z_is_standardised_by_the_declared_law(draw: str) -> None:
    kind = "int" if "poisson" in draw else "float"
    found = drawn(f"x: {kind} ~ {draw}\nu: float = z(x)", rows=ROWS).u
    assert abs(found.mean()) < 6 / np.sqrt(ROWS)
    assert abs(found.std() - 1) < 6 * np.sqrt((stats.kurtosis(found) + 2) / 4 / ROWS) + 2e-3
