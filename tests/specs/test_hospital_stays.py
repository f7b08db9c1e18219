"""specs/hospital_stays.synth: every rule, worked out again by DuckDB; its cases and counter-examples."""

from __future__ import annotations

import duckdb
import pytest
from spec_library import loaded

ROWS = 20_000
SPEC = "hospital_stays"
BMI = "weight / (height / 100) ^ 2"
BROKEN = {
    "pregnancy": "pregnant and not (sex = 'F' and age between 12 and 55)",
    "obstetrics": "ward = 'obstetrics' and not pregnant",
    "pressures": "systolic < diastolic + 15",
    "plausible_bmi": "bmi < 12 or bmi > 60",
    "dates": "referred > admitted or admitted > discharged",
    "operation": "operated < admitted or operated > discharged",
    "death": "(disposition = 'died') <> (died_on is not null)",
    "visit_after": "follow_up <= discharged",
}
IDENTITIES = {
    "body mass": f"abs(bmi - {BMI}) > 0.0501",
    "nights": "nights <> discharged - admitted",
    "no visit after death": "disposition = 'died' and follow_up is not null",
    "death ends the stay": "died_on <> discharged",
    "weeks of a pregnancy": "(gestation is not null) <> pregnant",
}
SOFT = {"plausible_bmi": 0.995}


def count(relation: str, condition: str) -> int:
    return duckdb.sql(f"select count(*) filter ({condition}) from {relation}").fetchall()[0][0]


@pytest.fixture(scope="module")
def stays(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stays")
    loaded(SPEC).write(folder, rows=ROWS, seed=4)
    return f"'{folder}/stay.parquet'"


def test_every_rule_is_tested():
    (table,) = loaded(SPEC).tables.values()
    assert {rule.name for rule in table.rules} == set(BROKEN)
    assert {rule.name: float(rule.share) for rule in table.rules if rule.share} == SOFT


@pytest.mark.parametrize("name", [name for name in BROKEN if name not in SOFT])
def test_a_hard_rule_holds_in_every_row(stays, name):
    assert count(stays, BROKEN[name]) == 0


@pytest.mark.parametrize("name", IDENTITIES)
def test_identities(stays, name):
    assert count(stays, IDENTITIES[name]) == 0


def test_exceptions(stays):
    """Five standard errors of a binomial: false alarm below 1e-6. 4 % of weights are masked."""
    expected = 0.005 * 0.96 * ROWS
    assert abs(count(stays, BROKEN["plausible_bmi"]) - expected) < 5 * expected**0.5


def test_what_is_kept(stays):
    """Sex, age and the end of a stay as declared: five standard errors."""
    for condition, share in (("sex = 'F'", 0.54), ("disposition = 'died'", 0.03)):
        error = (share * (1 - share) / ROWS) ** 0.5
        assert abs(count(stays, condition) / ROWS - share) < 5 * error
    (mean,) = duckdb.sql(f"select avg(age) from {stays}").fetchall()[0]
    # a normal of 52 and 22, rounded and cut to [0, 104]: mean 52, spread 20.7
    assert abs(mean - 52) < 5 * 20.7 / ROWS**0.5


CASES = {
    "teenage_mother": "pregnant and sex = 'F' and age between 12 and 14",
    "died_after_operation": "disposition = 'died' and died_on >= operated",
    "very_old": "age between 100 and 104",
}


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_met_by_every_row_and_so_are_the_rules(tmp_path, name):
    loaded(SPEC).write(tmp_path, rows=300, seed=4, case=name)
    relation = f"'{tmp_path}/stay.parquet'"
    assert count(relation, CASES[name]) == 300
    for rule in BROKEN:
        if rule not in SOFT:
            assert count(relation, BROKEN[rule]) == 0, rule


@pytest.mark.parametrize("name", BROKEN)
def test_a_counter_example_breaks_its_rule_alone(tmp_path, name):
    """Pressures and weights may be masked, so their own rules break in the rows that are seen."""
    loaded(SPEC).write(tmp_path, rows=300, seed=4, breaks=name)
    relation = f"'{tmp_path}/stay.parquet'"
    seen = "systolic + diastolic is not null" if name == "pressures" else "true"
    seen = "bmi is not null" if name == "plausible_bmi" else seen
    assert count(relation, f"({BROKEN[name]}) and {seen}") == count(relation, seen) >= 250
    for rule in BROKEN.keys() - {name}:
        assert count(relation, BROKEN[rule]) == 0, rule
