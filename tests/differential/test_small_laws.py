"""Small specs whose law is known by arithmetic, where random specs found mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import synthdsl

ROWS = 100_000


def drawn(body: str, rows: int = ROWS):
    text = f"language 1\ntable t [10] {{\n{body}\n}}\n"
    return synthdsl.load("small.synth", text=text).generate(rows, seed=4)["t"].to_pandas()


def is_near(values, chance: float) -> bool:
    """Whether a share is what it should be: wrong with a chance of 1e-6 if it is."""
    return abs(np.mean(values) - chance) < 4.9 * np.sqrt(chance * (1 - chance) / len(values))


def test_a_kept_field_that_was_redrawn_is_what_the_second_stage_sees():
    """`r1` redraws d without changing its law; c given d and b == c is as declared."""
    frame = drawn("""
      d: float ~ uniform(0, 1)
      w: float ~ uniform(0, 1)
      b: bool ~ bernoulli(0.5)
      c: bool ~ when {d < 0.5: bernoulli(0.9), else: bernoulli(0.1)}
      rule r0 keeping (d): w < 0.05 + 0*d
      rule r1: b == c
    """)
    assert is_near(frame.d < 0.5, 0.5)
    assert is_near(frame.c[frame.d < 0.5], 0.9)
    assert is_near(frame.c[frame.d >= 0.5], 0.1)


@pytest.mark.parametrize("kind", ["float step 0.1", "decimal(4, 1)"])
@pytest.mark.parametrize("rule", ["a + b == 0.3", "a + b in [0.3, 0.3]", "a == 0.3 - b"])
def test_sums_of_decimals_meet_the_decimal(kind, rule):
    """1 + 2 tenths are 3, though the floats differ; so nothing is refused."""
    frame = drawn(
        f"""
      a: {kind} ~ {{0.1: 50%, 0.3: rest}}
      b: {kind} ~ {{0.1: 50%, 0.2: rest}}
      rule r: {rule}
    """,
        100,
    )
    assert set(frame.a.astype(float)) == {0.1} and set(frame.b.astype(float)) == {0.2}


def test_cells_are_refined_where_a_field_has_one_cell():
    frame = drawn(
        """
      i: int ~ poisson(2)
      d: date ~ normal(2020-01-06, 21 d)
      e: date ~ discrete_uniform(2020-02-03, 2020-06-26)
      x: float ~ mixture({gamma(mean: 5, cv: 1.1): 0.21, normal(-19, 2): rest}) in [i, i + 66]
      j: int ~ mixture({poisson(11): 0.55, geometric(0.62): rest}) in [i, i + 32]
      rule r0: (x - j in [-5.3, -1.4]) <-> (d < e or not (d < e - 131 d))
      rule r1: (d - e in [-128 d, -21 d] <-> e < d) and (i not in {1, 2, 4} or when {j > 14: j, else: i} >= 5)
    """,
        1000,
    )
    assert len(frame) == 1000


def test_soft_rules_whose_exceptions_are_drawn_otherwise():
    """Four in five rows have y < x < 0.02, one in five is any row that breaks it."""
    frame = drawn("""
      x: float ~ uniform(0, 1)
      y: float ~ uniform(0, 1)
      rule[80%] small: y < x and x < 0.02
    """)
    holds = (frame.y < frame.x) & (frame.x < 0.02)
    assert is_near(holds, 0.8)
    assert is_near(frame.x[~holds] < 0.5, (0.5 - 0.0002) / (1 - 0.0002))
    assert is_near(frame.x[holds] < 0.01, 0.25)


@pytest.mark.parametrize("low, rule, chances", [
    ("-1", "x <= -0.5", {-1.0: 1 / 3, -0.5: 2 / 3}),
    ("-1", "x < 0", {-1.0: 1 / 3, -0.5: 2 / 3}),
    ("-1.25", "x < -0.25", {-1.0: 0.5, -0.5: 0.5}),
])  # fmt: skip
def test_rounding_is_half_up_below_zero_before_rules(low, rule, chances):
    frame = drawn(f"x: float step 0.5 ~ uniform({low}, 1)\nrule r: {rule}")
    for value, chance in chances.items():
        assert is_near(frame.x == value, chance)


@pytest.mark.parametrize("rule, passing", [
    ("x > 1 or b", {(1, True), (1, None), (None, True), (None, False), (None, None)}),
    ("not (x > 1 or b)", {(1, False), (1, None), (None, False), (None, None)}),
    ("x == 1 <-> b", {(1, True), (1, None), (None, True), (None, False), (None, None)}),
    ("x is null <-> b is null", {(1, True), (1, False), (None, None)}),
])  # fmt: skip
def test_a_rule_passes_unless_it_is_false(rule, passing):
    """Every row of the passing combinations, in the proportions declared."""
    frame = drawn(f"""
      x: int? ~ {{1: 50%, null: rest}}
      b: bool? ~ {{true: 40%, false: 40%, null: rest}}
      rule r: {rule}
    """)
    chance = {(x, b): 0.5 * (0.2 if b is None else 0.4) for x, b in passing}
    total = sum(chance.values())
    for (x, b), c in chance.items():
        rows = frame.x.isna() if x is None else frame.x == x
        rows &= frame.b.isna() if b is None else (frame.b == b).fillna(False)
        assert is_near(rows.astype(bool), c / total)


def test_a_soft_rule_that_must_break_is_false_and_not_null():
    frame = drawn("x: int? ~ {1: 25%, 2: 25%, null: rest}\nrule[60%] r: x == 1")
    assert is_near(frame.x == 2, 0.4)
    assert is_near(frame.x == 1, 0.2)


@pytest.mark.parametrize("step", [2, 5])
def test_a_correlated_count_on_a_coarse_grid_has_all_counts_that_round_to_its_ends(step):
    """With steps of two, 7 is halfway and rounds up to 8: it counts, and 23 does not."""
    frame = drawn(f"""
      i: int step {step} ~ poisson(9) in [8, 22]
      d: date ~ normal(2020-02-11, 12 d)
      correlate (i, d) rank 0.6
    """)
    counts = np.arange(60)
    rounded = np.floor(counts / step + 0.5) * step
    mass = np.where((rounded >= 8) & (rounded <= 22), stats.poisson.pmf(counts, 9), 0)
    for value in np.unique(rounded[mass > 0]):
        assert is_near(frame.i == value, mass[rounded == value].sum() / mass.sum())
