"""`keeping` a field that the rule does not read: it keeps what that field follows from."""

from __future__ import annotations

import numpy as np
from scipy import stats

import synthdsl

SPEC = """language 1
table patient [20_000] {
  id: int = index
  is_ill: bool ~ bernoulli(20%)
  n: int = count(s for s in stay)
  key id
}
table stay per patient p [count ~ poisson(2) in [1, 10]] {
  key (p, index)
  was_tested: bool ~ bernoulli(30%)
}
rule tested each patient p keeping (KEPT): p.is_ill -> any(s.was_tested for s in p.stay)
"""
NUMBERS = np.arange(1, 11)
DECLARED = stats.poisson(2).pmf(NUMBERS) / stats.poisson(2).pmf(NUMBERS).sum()


def numbers_of_the_ill(kept: str) -> np.ndarray:
    """How many of the ill have 1 to 10 stays."""
    patient = (
        synthdsl.load("s.synth", text=SPEC.replace("KEPT", kept))
        .generate(seed=4)
        .to_pandas()["patient"]
    )
    return np.bincount(patient["n"][patient["is_ill"]], minlength=11)[1:]


def p_value(found: np.ndarray) -> float:
    """Of a chi-squared test against the declared numbers, from 6 on together."""
    observed = np.append(found[:5], found[5:].sum())
    expected = np.append(DECLARED[:5], DECLARED[5:].sum()) * found.sum()
    return float(stats.chisquare(observed, expected).pvalue)


def test_the_number_of_rows_is_kept():
    assert p_value(numbers_of_the_ill("p.is_ill, p.n")) > 1e-3  # a false alarm in 1,000


def test_without_it_the_ill_have_more_rows():
    assert p_value(numbers_of_the_ill("p.is_ill")) < 1e-12
