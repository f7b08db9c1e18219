"""Draws stay in their enclosures, over boxes of uniforms and of what they depend on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from enclosure_boxes import Sheet, outside
from hypothesis import given, settings
from hypothesis import strategies as st

from synthdsl.distributions.location import Normal
from synthdsl.engine.conditioning import distribution_enclosures, draw_enclosures

TOP = """enum Sex {female, male, other}
"""
PARENTS = """  x: float ~ uniform(0, 1)
  y: float ~ normal(0, 1) in [-3, 3]
  n: int ~ poisson(4) in [0, 12]
  sex: Sex ~ {male: 30%, female: 50%, other: rest}
  ill: bool ~ bernoulli(0.3)
  q: float? ~ when {n > 8: null, else: uniform(1, 2)}
"""

CONSTANT = {
    "uniform": "uniform(-2, 5)",
    "normal": "normal(100, 15)",
    "normal_in": "normal(0, 1) in [0.5, 4]",
    "normal_tail": "normal(0, 1) in [7, 9]",
    "lognormal": "lognormal(mean: 3, sd: 2)",
    "lognormal_in": "lognormal(mu: 0, sigma: 1) in [0.2, 8]",
    "exponential": "exponential(mean: 2)",
    "gamma": "gamma(mean: 3, cv: 0.5)",
    "gamma_in": "gamma(shape: 0.4, scale: 2) in [1e-3, 5]",
    "beta": "beta(2, 5)",
    "beta_in": "beta(mean: 0.3, sd: 0.2) in [0.05, 0.9]",
    "weibull": "weibull(shape: 1.5, scale: 10)",
    "gompertz": "gompertz(shape: 0.0005, rate: 0.09)",
    "student_t": "student_t(df: 4)",
    "laplace": "laplace(0, 1)",
    "logistic": "logistic(0, 1)",
    "gumbel": "gumbel(10, 2)",
    "pareto": "pareto(shape: 3, minimum: 1)",
    "triangular": "triangular(0, 2, 10)",
    "pert": "pert(1, 3, 10)",
    "von_mises": "von_mises(0, 2)",
    "inverse_gaussian": "inverse_gaussian(3, 6)",
    "skew_normal": "skew_normal(0, 1, 4)",
    "empirical": "empirical(edges: [0, 10, 50], weights: [30%, 70%])",
    "empirical_in": "empirical(edges: [0, 10, 50], weights: [30%, 70%]) in [5, 40]",
    "hazards": "proportional_hazards(weibull(shape: 1.5, scale: 10), ratio: 0.4)",
    "hazards_slow": "proportional_hazards(gamma(mean: 9, cv: 0.6), ratio: 3) in [1, 20]",
    "hazards_cut": "proportional_hazards(exponential(8) in [2, 15], ratio: 1.5)",
}
COUNTS = {
    "binomial": "binomial(10, 0.3)",
    "binomial_in": "binomial(40, 0.3) in [5, 18]",
    "poisson": "poisson(6)",
    "poisson_large": "poisson(4_000)",
    "negative_binomial": "negative_binomial(mean: 2, size: 1.4)",
    "geometric": "geometric(0.2)",
    "hypergeometric": "hypergeometric(50, 12, 10)",
    "zipf": "zipf(1.1, 1000)",
    "discrete_uniform": "discrete_uniform(3, 17)",
    "numbers": "{1: 20%, 7: 30%, 3: 25%, -2: rest}",
}
BY_ROW = {
    "uniform": "uniform(x, x + 2 + y^2)",
    "uniform_crossing": "uniform(min(x, y), max(x, y))",
    "normal": "normal(10 * x + y, 1 + x)",
    "normal_in": "normal(3 * y, 1 + x) in [-4, 4]",
    "normal_in_mean": "normal(3 * y, 1.5) in [-2, 4]",
    "normal_in_row": "normal(y, 1) in [-1 - x, n + 0.5]",
    "normal_nullable": "normal(q, 1)",
    "lognormal": "lognormal(mean: 1 + x, cv: 0.2 + x)",
    "lognormal_sd": "lognormal(mean: 2 + y / 2, sd: 0.3 + x) in [0.01, 9]",
    "exponential": "exponential(mean: 0.1 + x)",
    "exponential_rate": "exponential(rate: 0.5 + x) in [0.1, 3]",
    "gamma": "gamma(mean: 1 + x, cv: 0.3 + x)",
    "gamma_in": "gamma(shape: 1 + x, scale: 2) in [0.5, 6]",
    "chi_squared": "chi_squared(1 + n)",
    "beta": "beta(1 + n, 2 + x)",
    "beta_sd": "beta(mean: 0.3, sd: 0.05 + 0.2 * x)",
    "beta_mean": "beta(mean: 0.2 + 0.5 * x, sd: 0.1)",
    "weibull": "weibull(shape: 0.5 + 2 * x, scale: 3)",
    "weibull_in": "weibull(shape: 0.5 + 2 * x, scale: 3) in [0.5, 8]",
    "gompertz": "gompertz(shape: 0.001 + x / 100, rate: 0.05 + x / 20)",
    "student_t": "student_t(df: 2 + n, mean: y, scale: 1 + x)",
    "laplace": "laplace(y, 0.5 + x)",
    "logistic": "logistic(y, 0.5 + x) in [-3, 3]",
    "gumbel": "gumbel(y, 0.5 + x)",
    "pareto": "pareto(shape: 2 + x, minimum: 1 + x)",
    "triangular": "triangular(-4, y, 4 + x)",
    "pert": "pert(-4, y, 4 + x)",
    "von_mises": "von_mises(y, n)",
    "inverse_gaussian": "inverse_gaussian(1 + x, 2 + n)",
    "skew_normal": "skew_normal(y, 1 + x, 3 * y)",
    "empirical_in_row": "empirical(edges: [-3, 0, 4], weights: [30%, 70%]) in [y - 1, 4 + x]",
    "hazards": "proportional_hazards(weibull(shape: 0.5 + 2 * x, scale: 3), ratio: 0.2 + n)",
    "hazards_slow": "proportional_hazards(gamma(mean: 1 + x, cv: 0.6), ratio: exp(y)) in [0.1, 5]",
    "hazards_cut": "proportional_hazards(exponential(1 + n) in [x, 5 + n], ratio: exp(y))",
    "hazards_beta": "proportional_hazards(beta(mean: 0.2 + 0.5 * x, sd: 0.1), ratio: exp(y))",
    "hazards_histogram": "proportional_hazards(empirical(edges: [0, 1, 5], weights: [30%, 70%]), exp(y))",
    "hazards_choice": "proportional_hazards(when {ill: lognormal(mu: y, sigma: 1), else: uniform(x, n + 1)}, 2)",
    "choice": "when {n < 3: normal(0, 1), sex == male: gamma(mean: 1 + x, cv: 0.5), else: 7}",
    "choice_in": "when {n < 3: normal(0, 1), else: normal(x, 2)} in [-1, 2]",
    "fixed_choice": "when {ill: x, else: y}",
}
COUNTS_BY_ROW = {
    "binomial": "binomial(n, 0.1 + 0.8 * x)",
    "poisson": "poisson(0.5 + 5 * x)",
    "poisson_in": "poisson(0.5 + 5 * x) in [1, 8]",
    "negative_binomial": "negative_binomial(mean: 1 + 3 * x, size: 1.4)",
    "negative_binomial_size": "negative_binomial(mean: 2, size: 0.5 + x)",
    "geometric": "geometric(0.1 + 0.8 * x)",
    "hypergeometric": "hypergeometric(30, n + 3, 10)",
    "zipf": "zipf(1.1 + x, 20 + n)",
    "discrete_uniform": "discrete_uniform(n, 2 * n + 3)",
    "discrete_uniform_in": "discrete_uniform(0, 20) in [n, n + 4]",
    "normal": "normal(10 * x, 1 + 2 * x)",
    "normal_in": "normal(10 * x, 3) in [n - 5, n + 5]",
    "numbers": "{1: x / 2, 7: 30%, 3: 10%, -2: rest}",
    "numbers_in": "{1: 20%, 7: 30%, 3: 25%, 5: rest} in [0, n + 1]",
}


def _sheet(kind: str, draws: dict[str, str], *, parents: str = "") -> Sheet:
    fields = [f"  f_{name}: {kind} ~ {draw}" for name, draw in draws.items()]
    return Sheet(parents + "\n".join(fields), top=TOP)


SHEETS = {
    "constant": lambda: _sheet("float", CONSTANT),
    "constant_grid": lambda: _sheet("float step 0.1", CONSTANT),
    "constant_whole": lambda: _sheet(
        "int", {k: v for k, v in CONSTANT.items() if k not in ("gamma_in", "beta_in", "normal_in")}
    ),
    "counts": lambda: _sheet("int", COUNTS),
    "counts_as_floats": lambda: _sheet("float", COUNTS),
    "by_row": lambda: _sheet("float?", BY_ROW, parents=PARENTS),
    "by_row_grid": lambda: _sheet("float? step 0.25", BY_ROW, parents=PARENTS),
    "counts_by_row": lambda: _sheet("int", COUNTS_BY_ROW, parents=PARENTS),
}
UNIFORM_ON_GRIDS = (
    PARENTS
    + """  h: float step 0.5 ~ uniform(0, 4)
  two: int step 2 ~ discrete_uniform(1, 19)
  two_in: int step 2 ~ discrete_uniform(1, 19) in [5, 13]
  three: int step 3 ~ discrete_uniform(n, 2 * n + 7)
  three_in: int step 3 ~ discrete_uniform(-20, 40) in [n, n + 7]
  whole: int ~ discrete_uniform(h, h + 3)
  tenth: float step 0.1 ~ discrete_uniform(0.25, 3.7)
  tenth_in: float step 0.1 ~ discrete_uniform(x, x + 4) in [0.7, 3.3 + h]
  price: decimal(6, 2) ~ discrete_uniform(h, 3 * h + 1)
  week: date step 7 d ~ discrete_uniform(2020-01-01, 2021-12-31)
  later: date step 7 d ~ discrete_uniform(week, week + 90 d)
  at: datetime ~ discrete_uniform(2020-01-01T00:00:00, 2020-01-01T00:00:20)
  at_in: datetime ~ discrete_uniform(at, at + 30 s) in [at, at + 20 s]
  stay: duration step 1 min ~ discrete_uniform(10 s, n * 5 min + 2 min)
  branch: int step 2 ~ when {ill: discrete_uniform(n, 30), else: discrete_uniform(0, 9)} in [-1, 28]
"""
)
CHOICES = (
    PARENTS
    + """  code: text? ~ {"A": 20%, "B x": 30%, null: 10%, "D": rest}
  word: text? ~ when {ill: code, else: {"A": 1%, "Z": rest}}
  mood: Sex? ~ {other: x / 2, null: 10%, male: y^2 / 50, female: rest}
  sick: bool ~ bernoulli(expit(y))
  flag: bool ~ {true: 10% + x / 2, false: rest}
  born: date ~ uniform(1940-01-01, 2010-12-31)
  seen: date ~ uniform(born, 2020-12-31)
  at: datetime ~ uniform(2000-01-01, 2300-12-31)
  season: date ~ seasonal(born, 2020-06-30, months: [3, 1, 1, 0, 2, 1, 1, 1, 1, 1, 1, 2], weekdays: [1, 1, 2, 1, 1, 0, 0])
  cut: date ~ seasonal(born, 2020-06-30, weekdays: [1, 1, 2, 1, 1, 0, 0]) in [born + 300 d, born + 3_000 d]
  week: date step 7 d ~ seasonal(1930-01-01, season, months: [3, 1, 1, 0, 2, 1, 1, 1, 1, 1, 1, 2])
  met: datetime ~ seasonal(season, season + 90 d, hours: [0, 0, 0, 0, 0, 0, 1, 2, 5, 5, 4, 3, 3, 3, 3, 2, 2, 1, 1, 1, 1, 1, 0, 0])
  stay: duration ~ gamma(mean: 2 d + n * 1 d, cv: 0.8)
  death: duration ~ proportional_hazards(gompertz(shape: 0.01, rate: 0.09 '/a'), ratio: exp(y))
  clock: time ~ normal(12:00:00, 3 h) in [00:00:00, 23:59:59]
  price: decimal(9, 2) ~ lognormal(mean: 50 + 10 * n, sd: 20)
  half: int step 5 ~ normal(50 + n, 20)
"""
)


@pytest.fixture(scope="module")
def sheets() -> dict[str, Sheet]:
    made = {name: make() for name, make in SHEETS.items()}
    made["choices"] = Sheet(CHOICES, top=TOP)
    made["uniform_on_grids"] = Sheet(UNIFORM_ON_GRIDS, top=TOP)
    return made


@pytest.mark.parametrize("name", [*SHEETS, "choices", "uniform_on_grids"])
def test_values_lie_in_their_enclosures(sheets: dict[str, Sheet], name: str) -> None:
    sheet = sheets[name]

    @settings(max_examples=4)
    @given(st.integers(0, 2**32))
    def check(seed: int) -> None:
        assert outside(sheet, seed, boxes=100, rounds=5) == []

    check()


# lookups


ROWS = [
    "sex,band,dx,cost,note,weight",
    "female,0,A,1.5,x,10%", "female,0,B,7,,60%", "female,0,C,3,y,30%",
    "female,1,C,2,x,100%", "male,0,A,9,z,0%", "male,0,D,4,x,100%",
    "male,1,B,-1,,50%", "male,1,E,12,x,50%", "other,0,A,0,x,100%", "other,1,F,5,y,100%",
]  # fmt: skip
LOOKUPS = """  sex: Sex ~ {male: 30%, female: 50%, other: rest}
  band: int ~ {0: 40%, 1: rest}
  dx: text ~ mix[band, sex]
  cost: float ~ fees
  level: int? = size[sex]
  more: float? = level + cost
"""


def test_lookups_stay_in_their_enclosures(tmp_path: Path) -> None:
    rows = [line.split(",") for line in ROWS]
    for name, at in (("mix", (1, 0, 2, 5)), ("fees", (3, 5))):
        lines = [",".join(row[i] for i in at) for row in rows]
        if name == "fees":
            lines = ["cost,weight", "1.5,10%", "7,60%", "3,30%"]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "size.csv").write_text("sex,level\nfemale,3\nmale,8\nother,5\n")
    top = TOP + "".join(f'lookup {name} from "{name}.csv"\n' for name in ("mix", "fees", "size"))
    sheet = Sheet(LOOKUPS, top=top, path=str(tmp_path / "s.synth"))
    for seed in range(20):
        assert outside(sheet, seed) == []
    single = {
        "sex": (np.array([0.0, 0.51, 0.0]), np.array([0.49, 0.79, 1.0])),
        "band": (np.array([0.41, 0.0, 0.0]), np.array([1.0, 0.39, 1.0])),
        "dx": (np.array([0.0, 0.0, 0.0]), np.array([1.0, 1.0, 0.05])),
        "cost": (np.array([0.0, 0.11, 0.71]), np.array([0.09, 0.69, 1.0])),
    }
    found = sheet.enclosed(single)
    words = found["dx"].vocabulary.words
    assert [words[int(c)] for c in found["dx"].low[:2]] == ["C", "D"]
    assert found["dx"].high[2] > found["dx"].low[2]
    assert found["cost"].low.tolist() == found["cost"].high.tolist() == [1.5, 7, 3]
    assert found["level"].low[:2].tolist() == found["level"].high[:2].tolist() == [3, 8]


# tightness


def test_cells_that_end_where_steps_do_hold_single_values() -> None:
    body = """  n: int ~ poisson(3)
  w: int ~ normal(50, 10) in [10, 90]
  sex: Sex ~ {male: 30%, female: 50%, other: rest}
  g: int ~ gamma(mean: 5, cv: 0.5)
  b: bool ~ bernoulli(0.3)
"""
    sheet = Sheet(body, top=TOP)
    for name, values in (("n", range(9)), ("w", range(35, 60)), ("g", range(2, 14))):
        edges = [_first_level(sheet, name, value) for value in values]
        cells = {name: (np.array(edges[:-1]), np.array(edges[1:]))}
        found = sheet.enclosed(cells)[name]
        assert np.array_equal(found.low, found.high)
        assert found.low.tolist() == list(values)[:-1]
    found = sheet.enclosed({"sex": (np.array([0.0, 0.5, 0.8]), np.array([0.5, 0.8, 1.0]))})["sex"]
    # outcomes stand in the order of their names
    assert found.low.tolist() == found.high.tolist() == [0, 1, 2]
    found = sheet.enclosed({"b": (np.array([0.0, 0.7]), np.array([0.7, 1.0]))})["b"]
    assert found.low.tolist() == found.high.tolist() == [0, 1]


def _first_level(sheet: Sheet, name: str, value: int) -> float:
    """The lowest level at which a field reaches a value, by bisection of its sampler."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = min(max((low + high) / 2, 2.0**-53), 1 - 2.0**-53)
        levels: dict[str, Any] = {n: np.array([0.5]) for n in sheet.order}
        levels[name] = np.array([middle])
        is_below = sheet.drawn(levels).column(name).values[0] < value
        low, high = (middle, high) if is_below else (low, middle)
    return high


def test_narrow_boxes_have_narrow_enclosures() -> None:
    body = (
        PARENTS
        + """  a: float ~ normal(3 * y, 1 + x)
  b: float ~ normal(3 * y, 2) in [-4, 4]
  c: float ~ normal(y, 1 + x) in [-4, 4]
  d: float ~ when {ill: gamma(mean: 1 + x, cv: 0.5), else: gamma(mean: 3 - x, cv: 1)}
"""
    )
    sheet = Sheet(body, top=TOP)
    rng = np.random.Generator(np.random.Philox(4))
    widths = []
    for size in (1e-2, 1e-4):
        low = {name: rng.uniform(0.05, 0.9, 200) for name in sheet.order}
        found = sheet.enclosed({name: (a, a + size) for name, a in low.items()})
        widths.append([np.median(found[n].high - found[n].low) for n in "abcd"])
    # a box that is 100 times narrower has an enclosure that is about 100 times narrower
    assert (np.array(widths[1]) < np.array(widths[0]) / 50).all()
    assert (np.array(widths[1]) < 3e-3).all()


def test_draws_with_several_uniforms_are_not_enclosed() -> None:
    body = """  a: float ~ mixture({normal(0, 1): 30%, normal(4, 1): rest})
  b: text ~ pattern("##-##")
  c: float ~ when {a > 0: mixture({normal(0, 1): 30%, 4: rest}), else: 3}
"""
    sheet = Sheet(body)
    cell = (np.array([0.1]), np.array([0.2]))
    assert sheet.enclosed({name: cell for name in "abc"}) == {}


# enclosures that are wrong are noticed


def _is_caught(sheet: Sheet) -> bool:
    return any(outside(sheet, seed, boxes=100, rounds=4) for seed in range(4))


def test_missing_rounding_to_the_grid_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = Sheet("  a: float step 0.5 ~ normal(0, 1)\n")
    assert not _is_caught(sheet)
    monkeypatch.setattr(distribution_enclosures, "ends_on_grid", lambda ends, grid, *bounds: ends)
    assert _is_caught(sheet)


def test_a_false_promise_of_monotone_ratios_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = Sheet("  x: float ~ uniform(0, 1)\n  a: float ~ normal(0, 0.1 + 12 * x) in [-2, 6]\n")
    assert not _is_caught(sheet)
    monkeypatch.setattr(Normal, "has_monotone_ratio_in", (True, True))
    assert _is_caught(sheet)


def test_shares_that_are_not_cumulated_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = Sheet("  x: float ~ uniform(0, 1)\n  a: int ~ {1: x / 2, 7: 30%, 3: 10%, -2: rest}\n")
    assert not _is_caught(sheet)

    def wrong(lows: list[Any], highs: list[Any], *, has_rest: bool) -> Any:
        return list(zip(lows, highs, strict=True))

    monkeypatch.setattr(draw_enclosures, "_start_ends", wrong)
    assert _is_caught(sheet)
