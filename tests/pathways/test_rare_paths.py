"""Cases about paths that hardly any entity takes: drawn exactly, without waiting for them."""

from __future__ import annotations

import numpy as np
from scipy import stats

import synthdsl

SPEC = """language 1
table patient [300] {
  id: int = index
  age: int<a> ~ discrete_uniform(0, 99)
  key id
}
table encounter per patient p [count ~ poisson(2) in [0, 20]] {
  key (p, index)
  start: datetime ~ uniform(2025-01-01T00:00, 2026-01-01T00:00)
}
pathway admission per encounter e starts e.start {
  ed: gamma(mean: 5 h, cv: 0.7) -> {icu: when {e.p.age >= 50 a: 0.000_03%, else: 0.000_01%}, home: rest}
  icu: gamma(mean: 4 d, cv: 0.9) -> {home: 80%, died: rest}
  final home, died
}
case icu each patient p: any(reaches(a, icu) for a in p.encounter.admission)
case icu_of_the_young each patient p: p.age < 20 a and any(reaches(a, icu) for a in p.encounter.admission)
case died each encounter e: reaches(e.admission, died)
"""


def rows_of(case):
    spec = synthdsl.load("rare.synth", text=SPEC)
    return spec.generate(rows=300, seed=5, case=case).to_pandas()


def test_a_case_of_one_in_ten_million():
    tables = rows_of("icu")
    reached = tables["admission"][tables["admission"].state == "icu"]
    assert (reached.groupby("encounter_patient_id").size() == 1).all()
    assert reached.encounter_patient_id.nunique() == 300
    # three in four are 50 or older; encounters are size-biased: 1 + Poisson(2)
    old = int((tables["patient"].age >= 50).sum())
    assert stats.binomtest(old, 300, 0.75).pvalue > 1e-4
    counts = np.bincount(tables["encounter"].groupby("patient_id").size() - 1, minlength=6)
    law = stats.poisson.pmf(np.arange(5), 2)
    observed = [*counts[:5], counts[5:].sum()]
    assert stats.chisquare(observed, np.array([*law, 1 - law.sum()]) * 300).pvalue > 1e-4


def test_other_conditions_are_met_by_trying():
    tables = rows_of("icu_of_the_young")
    assert tables["patient"].age.max() == 19
    assert (tables["admission"].state == "icu").sum() >= 300


def test_a_rare_end_for_every_encounter():
    tables = rows_of("died")
    ends = tables["admission"].groupby(["encounter_patient_id", "encounter_index"]).state.last()
    assert (ends == "died").all() and len(ends) == len(tables["encounter"])
    # given the number of encounters nothing is said of it
    counts = tables["encounter"].groupby("patient_id").size().reindex(range(300), fill_value=0)
    law = stats.poisson.pmf(np.arange(5), 2)
    observed = [*np.bincount(counts, minlength=5)[:5], int((counts >= 5).sum())]
    assert stats.chisquare(observed, np.array([*law, 1 - law.sum()]) * 300).pvalue > 1e-4
