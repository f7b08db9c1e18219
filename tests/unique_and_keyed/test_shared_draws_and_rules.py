"""Rules and cases do not condition what rows share; what they keep is given."""

from __future__ import annotations

import pytest
from scipy import stats
from shared_specs import findings, frame, only_error, spec

ALARM = 1e-6
FIELDS = """clinic: int ~ discrete_uniform(1, 40)
tier: int ~ keyed(clinic, {1: 50%, 2: 30%, 3: rest})
id: int ~ unique(discrete_uniform(1, 99_999))
code: text ~ unique("P-#####")
arm: text ~ quota({"a": 50%, "b": rest})
stay: float ~ normal(10 * tier, 4)
free: int ~ poisson(4)
"""

CONDITIONED = {
    "rule r: tier == 1": (
        "`tier`, which rows with the same `clinic` share",
        "draw of `tier` itself",
    ),
    "rule r: stay > 5": ("`tier`, which rows", "rule r keeping (tier): ..."),
    "rule r keeping (clinic): stay > 5": ("`tier`, which rows", "keeping (clinic, tier)"),
    "rule r: id > 5 or free > 2": ("the unique field `id`", "keeping (id)"),
    'rule r: code != "P-00000"': ("the unique field `code`", "draw of `code` itself"),
    'rule r: arm == "a" -> stay > 3 and free > 1': ("`tier`", "keeping (tier, arm)"),
    'rule r: arm == "a" -> free > 1': ("`arm`, whose values occur in exact numbers", "(arm)"),
    "rule[90%] r: stay > 5": ("`tier`", "keeping (tier)"),
    "case c: tier == 3": ("case `c` conditions `tier`", "draw of `tier` itself"),
    "case c: id > 50 and free > 3": ("the unique field `id`", "draw of `id` itself"),
}


@pytest.mark.parametrize("rule", CONDITIONED)
def test_rules_that_would_condition_shared_draws_are_refused(rule):
    message, help_ = CONDITIONED[rule]
    error = only_error(FIELDS + rule)
    assert error.code == "bad-rule"
    assert message in error.message and help_ in error.help


FINE = [
    "rule r keeping (tier): stay > 5",
    "rule r: clinic != 7",
    "rule r keeping (id): mod(id, 2) == 0 -> free > 2",
    'rule r keeping (arm): arm == "a" -> free > 2',
    "rule r: free in [1, 8]\nrule s keeping (tier): stay > free",
]


@pytest.mark.parametrize("rule", FINE)
def test_rules_that_are_given_shared_draws_stand(rule):
    assert not [f for f in findings(FIELDS + rule) if f.is_error]


def test_what_a_rule_is_given_keeps_its_law_and_its_dependency():
    rule = "rule r keeping (tier): stay > 12"
    free, ruled = (frame(spec(FIELDS + r, rows=12_000)) for r in ("", rule))
    assert ruled.clinic.equals(free.clinic) and ruled.tier.equals(free.tier)
    assert ruled.groupby("clinic").tier.nunique().eq(1).all()
    assert ruled.stay.min() > 12
    for tier in (1, 2, 3):
        x = ruled.stay[ruled.tier == tier]
        low = (12 - 10 * tier) / 4
        law = stats.truncnorm(low, float("inf"), 10 * tier, 4)
        assert stats.kstest(x, law.cdf).pvalue > ALARM


def test_a_rule_on_the_determinant_moves_rows_between_keys_only():
    free, ruled = (
        frame(spec(FIELDS + r, rows=12_000)) for r in ("", "rule r: clinic > 10 or free > 5")
    )
    by_clinic = {c: t for c, t in zip(free.clinic, free.tier, strict=True)}
    assert [by_clinic[c] for c in ruled.clinic] == ruled.tier.tolist()
    assert (ruled.clinic[ruled.free <= 5] > 10).all() and (ruled.clinic <= 10).any()


def test_unique_and_quota_stay_exact_under_rules_that_are_given_them():
    rule = 'rule r keeping (id, arm, code): arm == "a" and mod(id, 2) == 0 -> free > 6'
    rows = frame(spec(FIELDS + rule, rows=1000))
    assert rows.id.is_unique and rows.code.is_unique and (rows.arm == "a").sum() == 500
    assert (rows.free[(rows.arm == "a") & (rows.id % 2 == 0)] > 6).all()


TEACHING = {
    "rule r: unique(clinic, free)": "unique(discrete_uniform(low, high))",
    "rule r: distinct(id)": "split such a number with `div` and `mod`",
    "rule r: determines(clinic, free)": "keyed(clinic, ...)",
}


@pytest.mark.parametrize("rule", TEACHING)
def test_conditions_on_the_whole_table_are_taught_not_obeyed(rule):
    error = only_error(FIELDS + rule)
    assert error.code == "bad-rule"
    assert "no condition on one row" in error.message and TEACHING[rule] in error.help
