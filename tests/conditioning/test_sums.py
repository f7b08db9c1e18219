"""Sums of parts: against enumeration, SciPy and naive rejection. Each test that compares
distributions falsely alarms with probability 1e-5 at most, under a fixed seed."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from proposal_checks import Bench, fits, same_law, same_z, share_fits
from scipy import stats

from synthdsl.engine.conditioning import count_splits, sum_families
from synthdsl.engine.conditioning.sums import sum_proposal

ALARM = 1e-5
ROWS = 60_000


def masses(laws, most, holds):
    """Unnormalised masses of rows of counts up to `most` that hold."""
    tables = [law.pmf(np.arange(most + 1)) for law in laws]
    return {
        row: math.prod(float(t[k]) for t, k in zip(tables, row, strict=True))
        for row in product(range(most + 1), repeat=len(laws))
        if holds(row)
    }


@pytest.fixture(params=[255, 2], ids=["tables", "samplers"])
def _ways(request, monkeypatch):
    """Counts split by tables, and by their family's sampler where they are above 2."""
    monkeypatch.setattr(count_splits, "MOST", request.param)


def check(body, names, expected, *, is_tight=True):
    bench = Bench(body)
    proposal = bench.proposal(sum_proposal)
    values, share = bench.accepted(proposal, ROWS)
    assert fits([values[n] for n in names], expected) > ALARM
    z = sum(expected.values())
    if is_tight:
        assert share == 1.0
        assert proposal.mass == pytest.approx(z, rel=1e-9)
    else:
        assert share_fits(share, ROWS, z / proposal.mass) > ALARM


@pytest.mark.usefixtures("_ways")
def test_poisson_parts_of_a_fixed_total_are_multinomial():
    body = "a: int ~ poisson(1)\nb: int ~ poisson(2)\nc: int ~ poisson(4.5)\nrule s: a + b + c == 6"
    laws = [stats.poisson(m) for m in (1, 2, 4.5)]
    check(body, "abc", masses(laws, 6, lambda r: sum(r) == 6))


@pytest.mark.usefixtures("_ways")
def test_poisson_parts_between_bounds_of_several_rules():
    body = (
        "a: int ~ poisson(1)\nb: int ~ poisson(2)\nrule low: 2 * a + 2 * b > 3\n"
        "rule high: not (a + b > 4)\nrule both: a in [0, 3]"
    )
    laws = [stats.poisson(m) for m in (1, 2)]
    expected = masses(laws, 4, lambda r: 2 <= sum(r) <= 4 and r[0] <= 3)
    check(body, "ab", expected, is_tight=False)


@pytest.mark.usefixtures("_ways")
def test_binomial_parts_are_hypergeometric():
    body = (
        "a: int ~ binomial(3, 0.3)\nb: int ~ binomial(5, 0.3)\nc: int ~ bernoulli(0.3)\n"
        "rule s: a + b + c in [4, 6]"
    )
    laws = [stats.binom(3, 0.3), stats.binom(5, 0.3), stats.bernoulli(0.3)]
    check(body, "abc", masses(laws, 6, lambda r: 4 <= sum(r) <= 6))


def test_splitting_binomials_as_a_multinomial_is_caught(monkeypatch):
    body = "a: int ~ binomial(3, 0.3)\nb: int ~ binomial(5, 0.3)\nrule s: a + b == 5"
    expected = masses([stats.binom(3, 0.3), stats.binom(5, 0.3)], 5, lambda r: sum(r) == 5)

    def split(self, parts, coefficients, total, draws):
        return sum_families.multinomial(parts, self._trials(parts), total, draws)

    check(body, "ab", expected)
    monkeypatch.setattr(count_splits, "MOST", 0)
    check(body, "ab", expected)
    monkeypatch.setattr(sum_families.Binomials, "split", split)
    bench = Bench(body)
    values, _ = bench.accepted(bench.proposal(sum_proposal), ROWS)
    assert fits([values["a"], values["b"]], expected) < 1e-12


@pytest.mark.usefixtures("_ways")
def test_negative_binomial_and_geometric_parts():
    body = (
        "a: int ~ negative_binomial(size: 0.7, p: 0.4)\nb: int ~ geometric(0.4)\n"
        "c: int ~ negative_binomial(mean: 3, size: 2)\nrule s: a + b + c == 7"
    )
    laws = [stats.nbinom(0.7, 0.4), stats.nbinom(1, 0.4), stats.nbinom(2, 0.4)]
    check(body, "abc", masses(laws, 7, lambda r: sum(r) == 7))


@pytest.mark.usefixtures("_ways")
def test_truncated_parts_are_refused_outside_their_bounds():
    body = "a: int ~ poisson(3) in [1, 4]\nb: int ~ poisson(4) in [0, 5]\nrule s: a + b == 7"
    whole = masses([stats.poisson(3), stats.poisson(4)], 7, lambda r: True)
    inside = {r: m for r, m in whole.items() if 1 <= r[0] <= 4 and r[1] <= 5}
    z = sum(inside.values())
    expected = {r: m / z for r, m in inside.items() if sum(r) == 7}
    check(body, "ab", expected, is_tight=False)


TOTALS = {
    "poisson(8)": stats.poisson(8).pmf(np.arange(41)),
    "binomial(12, 0.6)": stats.binom(12, 0.6).pmf(np.arange(41)),
    "discrete_uniform(3, 9)": np.array([float(3 <= k <= 9) / 7 for k in range(41)]),
    "{2: 50%, 5: 30%, 11: rest}": np.array(
        [{2: 0.5, 5: 0.3, 11: 0.2}.get(k, 0) for k in range(41)]
    ),
    "normal(7, 3) in [0, 12]": np.array(
        [
            float(k <= 12) * float(np.diff(stats.norm(7, 3).cdf([k - 0.5, k + 0.5]))[0])
            for k in range(41)
        ]
    )
    / float(np.diff(stats.norm(7, 3).cdf([-0.5, 12.5]))[0]),
}


@pytest.mark.parametrize("draw", TOTALS)
@pytest.mark.parametrize(("operator", "holds"), [("==", np.equal), ("<", np.less)])
def test_a_drawn_total_is_tilted_by_what_its_parts_can_be(draw, operator, holds):
    bench = Bench(
        f"t: int ~ {draw}\na: int ~ poisson(2)\nb: int ~ poisson(1)\nrule s: a + b {operator} t"
    )
    proposal = bench.proposal(sum_proposal)
    values, share = bench.accepted(proposal, ROWS)
    assert share == 1.0
    parts = [stats.poisson(m).pmf(np.arange(41)) for m in (2, 1)]
    sums = stats.poisson(3).pmf(np.arange(41))
    joint = {
        (t, s): float(TOTALS[draw][t] * sums[s])
        for t, s in product(range(41), repeat=2)
        if holds(s, t)
    }
    assert proposal.mass == pytest.approx(sum(joint.values()), rel=1e-6)
    assert fits([values["t"], values["a"] + values["b"]], joint) > ALARM
    most = 5 if operator == "==" else 2
    whole = values["a"] + values["b"] == most
    split = {(k,): float(parts[0][k] * parts[1][most - k]) for k in range(most + 1)}
    assert fits([values["a"][whole]], split) > ALARM


def test_an_untilted_total_is_caught():
    bench = Bench(
        "t: int ~ poisson(8)\na: int ~ poisson(2)\nb: int ~ poisson(1)\nrule s: a + b == t"
    )
    proposal = bench.proposal(sum_proposal)
    proposal._weights = np.cumsum(proposal._sum.total.masses)
    values, _ = bench.accepted(proposal, ROWS)
    right = {(t,): float(stats.poisson(8).pmf(t) * stats.poisson(3).pmf(t)) for t in range(41)}
    assert fits([values["t"]], right) < 1e-12


@pytest.mark.usefixtures("_ways")
def test_a_kept_total_is_given():
    bench = Bench(
        "t: int ~ poisson(3) in [1, 5]\na: int ~ poisson(2)\nb: int ~ poisson(1)\n"
        "rule s keeping (t): a + b == t"
    )
    proposal = bench.proposal(sum_proposal)
    frame = bench.frame(ROWS)
    bench.fill_field("t", frame)
    kept = frame.column("t").values.copy()
    assert proposal.fill(frame) is None
    assert bench.holds(frame).all()
    assert np.array_equal(frame.column("t").values, kept)
    for t in (2, 5):
        rows = kept == t
        law = stats.binom(t, 2 / 3)
        expected = {(k,): float(law.pmf(k)) for k in range(t + 1)}
        assert fits([frame.column("a").values[rows]], expected) > ALARM


def test_gamma_parts_of_floats_are_a_dirichlet():
    bench = Bench(
        "a: float ~ gamma(shape: 2, scale: 3)\nb: float ~ exponential(1.5)\n"
        "c: float ~ gamma(shape: 0.4, scale: 1.5)\nrule s: a + 2 * b + c * 2 in [30, 31]"
    )
    proposal = bench.proposal(sum_proposal)
    values, share = bench.accepted(proposal, ROWS)
    total = values["a"] + 2 * values["b"] + 2 * values["c"]
    law = stats.gamma(3.4, scale=3)
    assert share == 1.0
    assert proposal.mass == pytest.approx(float(np.diff(law.cdf([30, 31]))[0]), rel=1e-9)
    levels = (law.cdf(total) - law.cdf(30)) / np.diff(law.cdf([30, 31]))
    assert stats.kstest(levels, "uniform").pvalue > ALARM
    assert stats.kstest(values["a"] / total, stats.beta(2, 1.4).cdf).pvalue > ALARM
    assert stats.kstest(2 * values["c"] / total, stats.beta(0.4, 3).cdf).pvalue > ALARM


def test_gamma_parts_on_grids_add_up():
    body = (
        "a: int ~ gamma(shape: 2, scale: 2)\nb: int ~ gamma(shape: 1, scale: 2)\nrule s: a + b == 9"
    )
    laws = [stats.gamma(2, scale=2), stats.gamma(1, scale=2)]
    steps = np.arange(10)
    tables = [law.cdf(steps + 0.5) - law.cdf(steps - 0.5) for law in laws]
    expected = {(k, 9 - k): float(tables[0][k] * tables[1][9 - k]) for k in range(10)}
    check(body, "ab", expected, is_tight=False)


def test_shares_of_whole_percents():
    draw = "int ~ gamma(shape: 5, scale: 7)"
    bench = Bench(f"a: {draw}\nb: {draw}\nc: {draw}\nrule s: a + b + c == 100")
    proposal = bench.proposal(sum_proposal)
    values, share = bench.accepted(proposal, ROWS)
    plain, z = bench.declared(400_000)
    assert share > 0.25
    assert same_z(proposal.mass, share, ROWS, z, 400_000) > ALARM
    for name in "abc":
        assert same_law(values[name], plain[name]) > ALARM


@pytest.mark.parametrize(
    "body",
    [
        "a: float ~ normal(1, 2)\nb: float ~ normal(0, 1)\nrule s: a > 2 * b + 3",
        "a: int ~ normal(1, 2)\nb: float step 0.5 ~ normal(0, 1)\nrule s: a + b in [4, 4.5]",
        "a: float ~ normal(1, 2) in [0, 9]\nb: float ~ normal(0, 1)\nd: float ~ normal(a, b^2 + 1)\n"
        "t: float = a - b\nrule s: t >= 3\nrule q: d < 8",
        "a: duration ~ normal(3 h, 1 h)\nb: duration ~ normal(2 h, 1 h)\nrule s: a + b >= 8 h",
        "a: date ~ normal(2025-01-10, 3 d)\nb: date ~ normal(2025-01-01, 3 d)\nrule s: a - b <= 2 d",
    ],
)
def test_normal_parts_match_naive_rejection(body):
    bench = Bench(body)
    proposal = bench.proposal(sum_proposal)
    values, share = bench.accepted(proposal, ROWS)
    plain, z = bench.declared(400_000)
    assert same_z(proposal.mass, share, ROWS, z, 400_000) > ALARM
    for name in bench.step.fields:
        assert same_law(values[name], plain[name]) > ALARM
    left, right = (v["a"] - v["b"] for v in (values, plain))
    assert same_law(left, right) > ALARM


def test_far_tails_are_drawn_without_refusals():
    bench = Bench("a: float ~ normal(0, 1)\nb: float ~ normal(0, 1)\nrule s: a + b > 14")
    proposal = bench.proposal(sum_proposal)
    values, share = bench.accepted(proposal, ROWS)
    root = math.sqrt(2)
    assert share == 1.0
    assert proposal.mass == pytest.approx(stats.norm.sf(14 / root), rel=1e-6)
    levels = stats.norm.sf((values["a"] + values["b"]) / root) / stats.norm.sf(14 / root)
    assert stats.kstest(levels, "uniform").pvalue > ALARM
    assert stats.kstest((values["a"] - values["b"]) / root, "norm").pvalue > ALARM


@pytest.mark.parametrize(
    "body",
    [
        "a: int ~ poisson(3)\nb: int ~ binomial(4, 0.5)\nrule s: a + b + a * b == 5",
        "a: int ~ binomial(4, 0.4)\nb: int ~ binomial(4, 0.5)\nc: int ~ poisson(2)\n"
        "rule s: a + b + c == 5",
        "a: float ~ gamma(shape: 2, scale: 3)\nb: float ~ gamma(shape: 2, scale: 4)\n"
        "c: float ~ gamma(shape: 2, scale: 5)\nrule s: a + b + c <= 5",
        "m: int ~ poisson(3)\na: int ~ poisson(m + 1)\nb: int ~ poisson(m + 1)\nrule s: a + b == 5",
        "a: float ~ normal(0, 1)\nb: float ~ normal(0, 1)\ncorrelate (a, b) rank 0.5\n"
        "rule s: a + b >= 2",
        "a: int ~ poisson(3)\nb: int ~ poisson(4)\nrule s: a + b != 2",
        "a: int ~ poisson(3)\nb: int ~ poisson(4)\nrule s: a + b == 2 or a > 9",
        "a: float ~ uniform(0, 1)\nb: float ~ uniform(0, 1)\nrule s: a + b < 0.1",
    ],
)
def test_what_has_no_sum_in_closed_form_is_declined(body):
    assert Bench(body).proposal(sum_proposal) is None


def test_an_equality_of_floats_has_no_mass():
    bench = Bench("a: float ~ normal(0, 1)\nb: float ~ normal(0, 1)\nrule s: a + b == 1")
    proposal = bench.proposal(sum_proposal)
    assert proposal is None or proposal.mass < 1e-11


@pytest.mark.parametrize(
    "body",
    [
        "t: int ~ poisson(9)\na: int ~ poisson(3)\nb: int ~ poisson(4)\nrule s: a + b == t",
        "a: int ~ gamma(shape: 2, scale: 9)\nb: int ~ gamma(shape: 3, scale: 9)\nrule s: a + b == 40",
        "a: int ~ normal(9, 3) in [0, 20]\nb: int ~ normal(9, 3)\nrule s: a + b > 30",
    ],
)
@pytest.mark.usefixtures("_ways")
def test_slices_agree(body):
    bench = Bench(body)
    proposal = bench.proposal(sum_proposal)
    whole, part = bench.frame(500), bench.frame(100, start=200)
    proposal.fill(whole), proposal.fill(part)
    for name in bench.step.fields:
        assert np.array_equal(whole.column(name).values[200:300], part.column(name).values)


def test_sums_beyond_the_tables_are_split_by_the_sampler():
    bench = Bench(
        "a: int ~ poisson(200)\nb: int ~ poisson(100)\nc: int ~ poisson(5)\n"
        "rule s: a + b + c in [240, 270]"
    )
    proposal = bench.proposal(sum_proposal)
    values, share = bench.accepted(proposal, ROWS)
    total = values["a"] + values["b"] + values["c"]
    law = stats.poisson(305)
    assert share == 1.0
    assert proposal.mass == pytest.approx(law.cdf(270) - law.cdf(239), rel=1e-9)
    assert fits([total], {(k,): float(law.pmf(k)) for k in range(240, 271)}) > ALARM
    for t in (255, 270):
        rows = total == t
        part = stats.binom(t, 200 / 305)
        expected = {(k,): float(part.pmf(k)) for k in range(t + 1)}
        assert fits([values["a"][rows]], expected) > ALARM
