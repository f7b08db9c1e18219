"""Specs as text, and the rows they make, for tests of the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

import synthdsl

BROAD = """language 1
spec broad
seed 20260101
param centre: float = 5
enum Sex {female as "F", male as "M"}
lookup mix from "mix.csv"
dist shifted(m) = normal(m, 1) in [m - 2, m + 3]
fields pair(k) {
  x: float ~ normal(k, 1)
  y: float ~ gamma(mean: 3, cv: 0.5)
  correlate (x, y) rank 0.7
  rule ordered: y < x + 8
}

table t [3_000] {
  id: text ~ unique("T-######") @identifier
  sex: Sex ~ {female: 40%, male: rest}
  age: int<a> ~ normal(47, 22) in [0, 105]
  band: text = bucket(age, [0, 18, 40, 65, 106])
  code: text ~ mix[sex]
  let frailty ~ normal(0, 1)
  height: float<cm> step 0.1 ~ when {age < 18 a: normal(78 + 5.4 * age, 6), else: normal(169, 9)}
  weight: float<kg>? step 0.1 ~ when {
    age < 18 a: lognormal(mean: 9 + 3 * age, cv: 0.2),
    else: lognormal(mean: 76, sd: 15)
  } in [2, 250]
  bmi: float<kg/m2>? step 0.1 = weight / height^2
  sbp: float<mm[Hg]>? step 1 ~ normal(105 + 0.5 * age + 3 * frailty, 14)
  dbp: float<mm[Hg]> step 1 ~ normal(76, 10)
  income: decimal(9, 2)? ~ lognormal(mean: 52_000, sd: 40_000) in [0, 999_999]
  visits: int ~ zero_inflated(20%, poisson(0.5 + 0.02 * age))
  tail: float ~ normal(0, 1) in [7, 9]
  mixed: float ~ mixture({normal(0, 1): 30%, shifted(centre): 20%, 4: rest}) in [-1, 6]
  born: date = 2025-06-01 - 365 d
  seen: datetime ~ uniform(2025-01-01, 2025-12-31)
  stay: duration ~ gamma(mean: 2 d, cv: 0.8)
  left: datetime = seen + stay
  level: float ~ gamma(mean: 2 + 0.01 * age, cv: 0.4)
  skew: float ~ skew_normal(0, 1, 4)
  tag: text ~ pattern("??-####")
  is_ill: bool ~ bernoulli(expit(-3 + 0.04 * age))
  number: int = index * 2
  use pair(3) prefix "p_"
  correlate (height, weight) rank 0.6 by sex
  rule bp: sbp >= dbp + 15
  rule size: bmi in [10, 60]
  missing weight: mcar(10%)
  missing sbp: mar(expit(-3 + when {age < 30: 1.5, else: 0})) as -9
  missing income: mnar(expit(-2 + 0.9 * z(income)))
}
"""

MIX = "sex,value,weight\nfemale,A,25%\nfemale,B,75%\nmale,A,10%\nmale,C,90%\n"


def with_mix(folder: Path) -> str:
    """A folder that holds the lookup of `BROAD`, as the path of a spec in it."""
    (folder / "mix.csv").write_text(MIX)
    return str(folder / "broad.synth")


def table(
    text: str, rows: Any = None, *, seed: int | None = None, path: str = "s.synth", **given: Any
) -> pa.Table:
    """The rows of the first table of a spec."""
    generated = synthdsl.load(path, text=text, **given).generate(rows, seed=seed)
    return next(iter(generated.tables.values()))


def of_fields(body: str, *, rows: int = 1000, top: str = "", seed: int = 5) -> str:
    """A spec of one table `t` with the fields `body`, and the declarations `top`."""
    return f"language 1\nspec s\nseed {seed}\n{top}\ntable t [{rows}] {{\n{body}\n}}\n"


def columns(body: str, *, rows: int = 1000, top: str = "", seed: int = 5, **given: Any) -> Any:
    """The columns of such a spec, as a pandas data frame."""
    return table(of_fields(body, rows=rows, top=top, seed=seed), **given).to_pandas()


def codes(body: str, *, top: str = "", **given: Any) -> list[str]:
    """The codes of what `check` finds wrong, in order of reading."""
    found = synthdsl.check("s.synth", text=of_fields(body, top=top), **given)
    return [finding.code for finding in found if finding.is_error]
