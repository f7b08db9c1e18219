"""Ordering chains by sorting: against enumeration and naive rejection. Each test that compares
distributions falsely alarms with probability 1e-5 at most, under a fixed seed."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from proposal_checks import Bench, fits, same_law, same_z, share_fits

from synthdsl.engine.conditioning.sorting import SortingProposal, sorted_rows, sorting_proposal

ALARM = 1e-5
ROWS = 60_000


def dice(*rules: str, sides: int = 6, fields: str = "abc") -> Bench:
    lines = [f"{name}: int ~ discrete_uniform(1, {sides})" for name in fields]
    lines += [f"rule r{i}: {rule}" for i, rule in enumerate(rules)]
    return Bench("\n".join(lines))


def binomial_masses(size: int, trials: int, p: float, holds):
    """Unnormalised masses of the rows of `size` binomial counts that hold."""
    one = [math.comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(trials + 1)]
    return {
        row: math.prod(one[k] for k in row)
        for row in product(range(trials + 1), repeat=size)
        if holds(row)
    }


@pytest.mark.parametrize(
    ("rules", "holds"),
    [
        (["a <= b", "b <= c"], lambda r: r[0] <= r[1] <= r[2]),
        (["a < b", "b < c"], lambda r: r[0] < r[1] < r[2]),
        (["a <= b < c"], lambda r: r[0] <= r[1] < r[2]),
        (["a <= b and b <= c", "c > a"], lambda r: r[0] <= r[1] <= r[2] and r[2] > r[0]),
        (["c >= b", "not (a > b)"], lambda r: r[0] <= r[1] <= r[2]),
    ],
)
def test_chains_of_counts_match_enumeration(rules, holds):
    body = "\n".join(f"{n}: int ~ binomial(4, 0.35)" for n in "abc")
    bench = Bench(body + "".join(f"\nrule r{i}: {r}" for i, r in enumerate(rules)))
    proposal = bench.proposal(sorting_proposal)
    values, share = bench.accepted(proposal, ROWS)
    masses = binomial_masses(3, 4, 0.35, holds)
    assert fits([values[n] for n in "abc"], masses) > ALARM
    z = sum(masses.values())
    assert share_fits(share, ROWS, z / proposal.mass) > ALARM


def test_sorting_alone_is_caught_where_ties_count():
    bench = dice("a <= b", "b <= c")
    sound = bench.proposal(sorting_proposal)
    broken = SortingProposal(sound.chain, bench.step.fields, bench.fill_field, None)
    values, _ = bench.accepted(broken, ROWS)
    uniform = {r: 1.0 for r in product(range(1, 7), repeat=3) if r[0] <= r[1] <= r[2]}
    assert fits([values[n] for n in "abc"], uniform) < 1e-12
    values, share = bench.accepted(sound, ROWS)
    assert fits([values[n] for n in "abc"], uniform) > ALARM
    assert share_fits(share, ROWS, 56 / 216 / sound.mass) > ALARM


def test_a_strict_chain_of_floats_is_never_refused():
    bench = Bench(
        "".join(f"{n}: float ~ gamma(shape: 2, scale: 3)\n" for n in "abcde")
        + "rule chain: a < b < c < d < e"
    )
    proposal = bench.proposal(sorting_proposal)
    assert proposal.mass == 1 / math.factorial(5)
    values, share = bench.accepted(proposal, ROWS)
    assert share == 1.0
    # the third of five is at the quantile of a Beta(3, 3) level
    from scipy import stats

    levels = stats.gamma(2, scale=3).cdf(values["c"])
    assert stats.kstest(levels, stats.beta(3, 3).cdf).pvalue > ALARM


def test_parameters_by_row_from_parents_that_the_rule_does_not_tilt():
    bench = Bench(
        "m: float ~ normal(0, 3)\na: float ~ normal(m, 1)\nb: float ~ normal(m, 1)\n"
        "c: float ~ normal(m, 1)\nd: float ~ normal(b, 1)\nrule o: a <= b <= c\nrule p: d < c"
    )
    values, share = bench.accepted(bench.proposal(sorting_proposal), ROWS)
    plain, z = bench.declared(200_000)
    for name in "mabcd":
        assert same_law(values[name], plain[name]) > ALARM
    assert same_law(values["c"] - values["a"], plain["c"] - plain["a"]) > ALARM
    assert same_z(1 / 6, share, ROWS, z, 200_000) > ALARM


def test_fine_grids_are_bounded_by_blocks_and_seldom_refused():
    draw = "datetime ~ uniform(2020-01-01, 2029-12-31)"
    bench = Bench("".join(f"{n}: {draw}\n" for n in "abcd") + "rule o: a <= b <= c <= d")
    proposal = bench.proposal(sorting_proposal)
    _, share = bench.accepted(proposal, ROWS)
    assert 1 / 24 < proposal.mass < 1.01 / 24
    assert share > 0.99


def test_ties_on_a_truncated_decimal_grid():
    step = "float step 0.5 ~ normal(1, 1) in [0, 2]"
    bench = Bench(f"a: {step}\nb: {step}\nrule o: a <= b")
    proposal = bench.proposal(sorting_proposal)
    values, _ = bench.accepted(proposal, ROWS)
    from scipy import stats

    grid = np.arange(0, 2.5, 0.5)
    one = stats.norm(1, 1).cdf(grid + 0.25) - stats.norm(1, 1).cdf(grid - 0.25)
    masses = {
        (x, y): p * q
        for (x, p), (y, q) in product(zip(grid.tolist(), one, strict=True), repeat=2)
        if x <= y
    }
    assert fits([values["a"], values["b"]], masses) > ALARM


@pytest.mark.parametrize(
    "body",
    [
        "a: int ~ poisson(3)\nb: int ~ poisson(4)\nrule o: a <= b",
        "a: int ~ poisson(3)\nb: int ~ poisson(3 + 0 * a)\nrule o: a <= b",
        "a: float ~ normal(0, 1)\nb: float ~ normal(0, 1)\ncorrelate (a, b) rank 0.5\n"
        "rule o: a <= b",
        "a: int ~ poisson(3)\nb: float ~ poisson(3)\nrule o: a <= b",
        "a: int ~ poisson(3)\nb: int ~ poisson(3)\nrule o: a != b",
        "a: int ~ poisson(3)\nb: int ~ poisson(3)\nrule o: a <= b or b > 9",
        "a: int ~ poisson(3)\nb: int ~ poisson(3)\nrule[90%] o: a <= b\nrule p: a < 9",
        "m: int ~ poisson(3)\na: int ~ poisson(m + 1)\nb: int ~ poisson(m + 1)\nrule o: a <= b",
    ],
)
def test_what_is_no_chain_of_like_draws_is_declined(body):
    assert Bench(body).proposal(sorting_proposal) is None


def test_slices_agree():
    bench = dice("a <= b", "b <= c", "a < c")
    proposal = bench.proposal(sorting_proposal)
    whole, part = bench.frame(500), bench.frame(100, start=200)
    mask, some = proposal.fill(whole), proposal.fill(part)
    assert np.array_equal(mask[200:300], some)
    for name in "abc":
        assert np.array_equal(whole.column(name).values[200:300], part.column(name).values)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 9, 12])
def test_sorted_rows(size):
    columns = list(np.random.Generator(np.random.PCG64(size)).integers(0, 9, (size, 200)))
    expected = np.sort(np.stack(columns), axis=0)
    assert np.array_equal(np.stack(sorted_rows(columns)), expected)
