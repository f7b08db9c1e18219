"""Rows that `until` leaves out in one try of an entity are there again in the next."""

from __future__ import annotations

import numpy as np
import pytest

import synthdsl

SPEC = """language 1
table patient [10] {
  id: int = index
  key id
}
table stay per patient p [NUMBER] until CONDITION {
  key (p, index)
  let gap: float ~ gamma(mean: 10, cv: 1)
  is_long: bool ~ bernoulli(10%)
  at: float = coalesce(prev.at, 0) + gap
}
case soon each patient p: any(s.is_long and s.next.at - s.at <= 2 for s in p.stay)
"""


@pytest.mark.parametrize("condition", ["at > 40", "next.at > 40", "is_long and index > 1"])
@pytest.mark.parametrize("number", ["8", "2 * 4", "count ~ discrete_uniform(8, 8)"])
def test_a_case_has_the_rows_that_filtering_leaves(number, condition):
    text = SPEC.replace("NUMBER", number).replace("CONDITION", condition)
    spec = synthdsl.load("s.synth", text=text)
    stay = spec.generate(20_000, seed=1).to_pandas()["stay"]
    following = stay.groupby("patient_id")["at"].shift(-1)
    chosen = set(stay["patient_id"][stay["is_long"] & (following - stay["at"] <= 2)])
    filtered = stay[stay["patient_id"].isin(chosen)].groupby("patient_id").size().to_numpy()
    asked = spec.generate(1_000, seed=2, case="soon").to_pandas()["stay"]
    drawn = asked.groupby("patient_id").size().to_numpy()
    assert drawn.size == 1_000 and filtered.size > 500
    error = np.hypot(filtered.std() / filtered.size**0.5, drawn.std() / drawn.size**0.5)
    # 4.5 standard errors: a false alarm in 100,000 for each of 9
    assert abs(filtered.mean() - drawn.mean()) <= 4.5 * error + 1e-9
