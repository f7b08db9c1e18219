"""Cases and counter-examples: the spec's own law given the case, found by filtering its rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import synthdsl
from synthdsl.diagnostics import SynthError

LIMIT = 1e-6
"""Fewer than ten tests: a false alarm below 1e-5 for fixed seeds."""

HEAD = """language 1
spec t "t"
enum Sex {female, male}
"""
KEPT = (
    HEAD
    + """
table t [1000] {
  sex: Sex ~ {female: 50%, male: rest}
  age: int ~ normal(30, 15) in [0, 100]
  pregnant: bool ~ bernoulli(20%)
  rule pregnancy keeping (sex, age): pregnant -> sex == female and age in [12, 55]
  case young: pregnant and age <= 20
}
"""
)
SOFT = (
    HEAD
    + """
table t [1000] {
  x: float ~ uniform(0, 1)
  y: float ~ uniform(0, 1)
  rule[80%] order: x < y
  case high: x > 0.7
}
"""
)


def frame(text: str, rows: int, **options: object):
    return synthdsl.load("t.synth", text=text).generate(rows, seed=5, **options).to_pandas()["t"]


@pytest.mark.parametrize("text, case, condition", [
    (KEPT, "young", lambda d: d.pregnant & (d.age <= 20)),
    (SOFT, "high", lambda d: d.x > 0.7),
], ids=["kept", "soft"])  # fmt: skip
def test_a_case_is_what_filtering_leaves(text, case, condition):
    drawn = frame(text, 8_000, case=case)
    assert condition(drawn).all()
    plain = frame(text, 400_000)
    left = plain[condition(plain)]
    assert len(left) > 4_000
    for name in drawn.columns:
        if drawn[name].dtype.kind == "f":
            assert stats.ks_2samp(drawn[name], left[name]).pvalue > LIMIT
            continue
        both = [column.astype(str).value_counts() for column in (drawn[name], left[name])]
        words = sorted(set(both[0].index) | set(both[1].index))
        table = np.array([[counts.get(word, 0) for word in words] for counts in both])
        table = table[:, table.sum(axis=0) > 20]
        if table.shape[1] > 1:
            assert stats.chi2_contingency(table).pvalue > LIMIT


def test_a_case_taken_for_one_more_rule_would_be_noticed():
    """Without the exceptions' share being conditioned, 80 % would keep the order."""
    drawn = frame(SOFT, 8_000, case="high")
    kept = (drawn.x < drawn.y).mean()
    assert abs(kept - 0.8) > 0.2


def test_slices_of_a_case_agree():
    spec = synthdsl.load("t.synth", text=KEPT)
    whole = spec.generate(500, case="young")["t"]
    assert spec.generate("130:170", case="young")["t"].equals(whole.slice(130, 40))


def test_exceptions_are_labelled_by_the_try_that_counts(tmp_path):
    spec = synthdsl.load("t.synth", text=SOFT)
    spec.write(tmp_path / "o", rows=3_000, case="high", truth=True, format="csv")
    import pandas as pd

    rows = pd.read_csv(tmp_path / "o" / "t.csv")
    truth = pd.read_csv(tmp_path / "o" / "t__truth.csv")
    assert (truth["exception:order"] == ~(rows.x < rows.y)).all()


def test_breaking_a_rule_holds_the_others():
    drawn = frame(KEPT, 2_000, breaks="pregnancy")
    assert (drawn.pregnant & ~((drawn.sex == "female") & drawn.age.between(12, 55))).all()


@pytest.mark.parametrize("options", [{"case": "none"}, {"breaks": "none"}])
def test_unknown_names_are_refused(options):
    with pytest.raises(SynthError) as error:
        frame(KEPT, 10, **options)
    assert error.value.exit_code == 2


def test_a_case_without_room_is_refused_with_the_rule_to_blame():
    text = KEPT.replace("age <= 20", "age <= 20 and sex == male")
    with pytest.raises(SynthError) as error:
        frame(text, 10, case="young")
    assert error.value.exit_code == 3
    assert {d.code for d in error.value.diagnostics} == {"rule-conflict"}
