"""Cells: exact masses, exact laws, choices that follow from the spec alone."""

from __future__ import annotations

import tracemalloc
from itertools import product

import numpy as np
import pytest
from scipy import integrate, stats

import synthdsl
from synthdsl.engine.batches import run_of
from synthdsl.engine.conditioning import cells as cells_module
from synthdsl.engine.conditioning.cells import Cells
from synthdsl.engine.conditioning.narrowing import Inside
from synthdsl.engine.conditioning.proposals import Rejection

LIMIT = 1e-6
"""Fewer than thirty tests at fixed seeds: a false alarm below 3e-5."""


def load(body: str, **params: object) -> synthdsl.Spec:
    text = f'language 1\nspec t "t"\nenum Sex {{female, male}}\ntable t [1000] {{\n{body}\n}}\n'
    return synthdsl.load("t.synth", text=text)


def component_of(spec: synthdsl.Spec):
    run = run_of(spec.recipe())
    (component,) = run.tables["t"].components.values()
    return component


def frame_of(spec: synthdsl.Spec, rows: int, seed: int = 3):
    return spec.generate(rows, seed=seed).to_pandas()["t"]


CHAIN = """
  a: float ~ normal(0, 1)
  b: float ~ gamma(shape: 2, scale: 1)
  c: float ~ normal(2, 1)
  rule first: b - a in [0, 0.1]
  rule second: c - b in [0, 0.1]
"""
DISCRETE = """
  sex: Sex ~ {female: 52%, male: rest}
  k: int ~ binomial(6, 0.3)
  m: int ~ when {sex == female: discrete_uniform(0, 4), else: poisson(1)}
  rule r: sex == female -> k + m == 9
  rule s: sex == male -> k == 5 and m >= 2
"""


def test_the_masses_of_cells_that_decide_every_rule_are_the_probability():
    account = load(DISCRETE).account()
    z = account.rules[0].z
    assert z.is_exact
    exact = 0.0
    for k, m in product(range(7), range(60)):
        law = stats.binom(6, 0.3).pmf(k)
        exact += 0.52 * law * (0.2 if m <= 4 else 0) * (k + m == 9)
        exact += 0.48 * law * stats.poisson(1).pmf(m) * (k == 5 and m >= 2)
    assert z.value == pytest.approx(exact, rel=1e-9)
    # without the second rule a man may have any numbers
    assert account.rules[1].without is not None
    women = sum(stats.binom(6, 0.3).pmf(9 - m) * 0.2 for m in range(5))
    assert account.rules[1].without.value == pytest.approx(0.52 * women + 0.48, rel=1e-9)


def test_rows_of_discrete_cells_follow_the_enumerated_law():
    spec = load(DISCRETE)
    assert isinstance(component_of(spec).choice(0, ()).proposal, Cells | Inside)
    drawn = frame_of(spec, 40_000)
    keys = (drawn.sex == "male") * 1000 + drawn.k * 100 + drawn.m
    masses = {}
    for k, m in product(range(7), range(30)):
        law = stats.binom(6, 0.3).pmf(k)
        if m <= 4 and k + m == 9:
            masses[k * 100 + m] = 0.52 * law * 0.2
        if k == 5 and m >= 2:
            masses[1000 + k * 100 + m] = 0.48 * law * stats.poisson(1).pmf(m)
    total = sum(masses.values())
    assert set(keys) <= set(masses)
    likely = {key: mass for key, mass in masses.items() if mass / total * len(drawn) > 10}
    counts = [int((keys == key).sum()) for key in likely]
    counts.append(len(drawn) - sum(counts))
    expected = [mass / total * len(drawn) for mass in likely.values()]
    expected.append(max(len(drawn) - sum(expected), 1e-9))
    assert stats.chisquare(counts, np.array(expected) * len(drawn) / sum(expected)).pvalue > LIMIT


def test_a_narrow_chain_agrees_with_rejection():
    drawn = frame_of(load(CHAIN), 4_000)
    rng = np.random.default_rng(1)
    left = []
    while sum(map(len, left)) < 4_000:
        a, b, c = rng.normal(0, 1, 10**6), rng.gamma(2, 1, 10**6), rng.normal(2, 1, 10**6)
        fits = (b - a >= 0) & (b - a <= 0.1) & (c - b >= 0) & (c - b <= 0.1)
        left.append(np.stack([a, b, c])[:, fits].T)
    oracle = np.concatenate(left)
    columns = drawn[["a", "b", "c"]].to_numpy()
    for mine, other in (
        *zip(columns.T, oracle.T, strict=True),
        (columns[:, 1] - columns[:, 0], oracle[:, 1] - oracle[:, 0]),
        (columns[:, 2] - columns[:, 1], oracle[:, 2] - oracle[:, 1]),
    ):
        assert stats.ks_2samp(mine, other).pvalue > LIMIT


def test_cells_that_leave_out_what_is_possible_are_noticed(monkeypatch):
    """The same comparison catches cells that are wrong: a proposal must be a superset."""
    true_tables = cells_module._Boxes.tables

    def narrow(self, clause, scope):
        possible, sure = true_tables(self, clause, scope)
        return (sure if len(scope) == 2 else possible), sure

    monkeypatch.setattr(cells_module._Boxes, "tables", narrow)
    drawn = frame_of(load(CHAIN.replace("0.1", "0.3")), 20_000)
    rng = np.random.default_rng(1)
    a, b, c = rng.normal(0, 1, 10**6), rng.gamma(2, 1, 10**6), rng.normal(2, 1, 10**6)
    fits = (b - a >= 0) & (b - a <= 0.3) & (c - b >= 0) & (c - b <= 0.3)
    assert stats.ks_2samp(drawn.b - drawn.a, (b - a)[fits]).pvalue < 1e-12


def test_a_far_tail_is_truncated_by_quantile():
    spec = load(
        "  x: float ~ normal(0, 1)\n  y: float ~ normal(0, 1)\n  rule r: x > 9 and y < x - 9"
    )
    choice = component_of(spec).choice(0, ())
    assert isinstance(choice.proposal, Inside)
    drawn = frame_of(spec, 5_000)
    assert (drawn.x > 9).all() and len(drawn.x.unique()) == len(drawn)
    z = spec.account().rules[0].z
    exact, _ = integrate.quad(lambda x: stats.norm.pdf(x) * stats.norm.cdf(x - 9), 9, 14)
    assert z.low <= exact <= z.high


def test_kept_fields_are_given_to_cells():
    spec = load(
        "  x: float ~ uniform(0, 1)\n  y: float ~ uniform(0, 1)\n"
        "  rule near keeping (x): abs(y - x) <= 0.01"
    )
    component = component_of(spec)
    assert isinstance(component.choice(1, ()).proposal, Cells)
    drawn = frame_of(spec, 20_000)
    assert stats.kstest(drawn.x, "uniform").pvalue > LIMIT
    low, high = np.maximum(drawn.x - 0.01, 0), np.minimum(drawn.x + 0.01, 1)
    assert stats.kstest((drawn.y - low) / (high - low), "uniform").pvalue > LIMIT


def test_correlated_fields_keep_their_copula_inside_cells():
    body = (
        "  a: float ~ normal(0, 1)\n  b: float ~ exponential(1)\n"
        "  correlate (a, b) rank 0.7\n  rule r: a + b in [4, 4.2]"
    )
    drawn = frame_of(load(body), 3_000)
    plain = frame_of(load(body.split("  rule")[0]), 600_000)
    left = plain[(plain.a + plain.b).between(4, 4.2)]
    assert len(left) > 2_000
    assert stats.ks_2samp(drawn.a, left.a).pvalue > LIMIT
    assert stats.ks_2samp(drawn.a + drawn.b, left.a + left.b).pvalue > LIMIT


@pytest.mark.parametrize("body", [CHAIN, DISCRETE], ids=["chain", "discrete"])
def test_slices_agree_and_seeds_do_not_change_the_method(body):
    spec = load(body)
    whole = spec.generate(300, seed=9)["t"]
    assert spec.generate("77:111", seed=9)["t"].equals(whole.slice(77, 34))
    assert spec.generate("5:6", seed=9)["t"].equals(whole.slice(5, 1))
    first = component_of(spec).choice(0, ())
    again = component_of(load(body)).choice(0, ())
    assert (type(first.proposal), first.accepted) == (type(again.proposal), again.accepted)


def test_likely_rules_are_left_to_rejection():
    spec = load("  x: float ~ uniform(0, 1)\n  y: float ~ uniform(0, 1)\n  rule r: y < x")
    choice = component_of(spec).choice(0, ())
    assert isinstance(choice.proposal, Rejection)
    assert choice.accepted / choice.drawn == pytest.approx(0.5, abs=0.03)


def test_a_rare_case_is_drawn_by_refined_cells():
    spec = load(
        "  age: int ~ normal(47, 22) in [0, 105]\n  let frailty ~ normal(0, 1)\n"
        "  sbp: int ~ normal(105 + 0.5*age + 3*frailty, 14)\n"
        "  case rare: sbp > 190 and age < 30"
    )
    drawn = spec.generate(2_000, seed=2, case="rare").to_pandas()["t"]
    assert (drawn.sbp > 190).all() and (drawn.age < 30).all()
    # given age, pressure is normal(105 + age/2, sqrt(9 + 196)), rounded: law of age by Bayes
    ages = np.arange(30)
    prior = np.diff(stats.norm(47, 22).cdf(np.arange(-0.5, 30.5)))
    tail = stats.norm(105 + 0.5 * ages, np.sqrt(205)).sf(190.5)
    expected = prior * tail
    expected *= len(drawn) / expected.sum()
    few = int(np.searchsorted(np.cumsum(expected), 30)) + 1
    counts = np.bincount(drawn.age, minlength=30)
    merged = [counts[:few].sum(), *counts[few:]], [expected[:few].sum(), *expected[few:]]
    assert stats.chisquare(*merged).pvalue > LIMIT


def test_rejected_tries_are_not_kept_in_memory():
    """Thousands of blocks of tries for one block of rows: memory stays that of a few."""
    half = "mixture({normal(0, 1): 50%, normal(1, 1): rest})"
    spec = load(f"  v: float ~ {half}\n  w: float ~ {half}\n  rule r: v + w > 6")
    component = component_of(spec)
    choice = component.choice(0, ())
    assert isinstance(choice.proposal, Rejection) and choice.accepted / choice.drawn < 2e-3
    tracemalloc.start()
    spec.generate(2_000)["t"]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30e6
