"""The patient, insurance and trial specs against the figures that their comments name.

100,000 (60,000) rows and a fixed seed: the Monte Carlo error is far below every tolerance.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from spec_library import ROOT, SPECS, rows_of, text_of

CHARGES = {
    (False, False): (7_977, 5_839),
    (False, True): (8_843, 6_105),
    (True, False): (21_363, 5_067),
    (True, True): (41_558, 6_031),
}
"""Mean and standard deviation of charges by smoking and BMI of 30 and over."""


@pytest.fixture(scope="module")
def members():
    frame = rows_of("insurance_members", 100_000)
    return frame.assign(charges=frame.charges.astype(float), obese=frame.bmi >= 30)


@pytest.fixture(scope="module")
def subjects():
    return rows_of("trial_subjects", 60_000)


@pytest.mark.parametrize("group", CHARGES)
def test_charges_by_group(members, group):
    smoker, obese = group
    charges = members.charges[(members.smoker == smoker) & (members.obese == obese)]
    mean, sd = CHARGES[group]
    assert abs(charges.mean() - mean) <= 0.04 * mean
    assert abs(charges.std() - sd) <= 0.1 * sd


def test_charges_overall(members):
    assert abs(members.charges.mean() - 13_270) <= 0.03 * 13_270
    assert abs(members.charges.std() - 12_110) <= 0.05 * 12_110
    assert abs(members.charges.median() - 9_382) <= 0.06 * 9_382


def test_bounds_that_hold_in_the_published_data(members):
    assert members.charges[members.smoker & members.obese].min() >= 22_144
    assert members.charges[~members.smoker].max() <= 38_250
    assert members.age.between(18, 64).all() and members.children.between(0, 5).all()
    assert members.bmi.between(15.9, 53.2).all()


@pytest.mark.parametrize(
    ("one", "smoker", "wanted"),
    [
        ("age", None, 0.299),
        ("bmi", None, 0.198),
        ("age", False, 0.628),
        ("age", True, 0.368),
        ("bmi", True, 0.806),
        ("bmi", False, 0.084),
    ],
)
def test_correlations_with_charges(members, one, smoker, wanted):
    rows = members if smoker is None else members[members.smoker == smoker]
    assert abs(np.corrcoef(rows[one], rows.charges)[0, 1] - wanted) <= 0.05


def test_people(members):
    assert abs(members.age.mean() - 39.2) <= 0.5 and abs(members.age.std() - 14.05) <= 0.4
    assert abs(members.bmi.mean() - 30.66) <= 0.15 and abs(members.bmi.std() - 6.1) <= 0.15
    assert abs(members.children.mean() - 1.095) <= 0.05
    shares = members.smoker.groupby(text_of(members.sex)).mean()
    assert abs(shares["female"] - 0.174) <= 0.01 and abs(shares["male"] - 0.235) <= 0.01


def test_claims_have_too_many_zeros(members):
    drugs = members.drug_claims.astype(float)
    zeros = (drugs == 0).groupby(members.smoker).mean()
    assert abs(zeros[False] - 0.35) <= 0.01 and abs(zeros[True] - 0.2) <= 0.01
    paid = drugs[drugs > 0] / members.charges[drugs > 0]
    assert abs(paid.mean() - 0.12) <= 0.003


FILES = sorted((ROOT.parent / "shared" / "data").glob("insurance.csv"))
if FILES:

    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
    def test_charges_against_the_file(members, path):
        real = pd.read_csv(path)
        real["smoker"], real["obese"] = real.smoker == "yes", real.bmi >= 30
        wanted = real.groupby(["smoker", "obese"]).charges.quantile([0.25, 0.5, 0.75])
        seen = members.groupby(["smoker", "obese"]).charges.quantile([0.25, 0.5, 0.75])
        assert ((seen - wanted).abs() <= 0.12 * wanted).all()


VITALS = {
    ("F", "HEIGHT"): (157.24, 7.37),
    ("F", "WEIGHT"): (59.38, 11.89),
    ("F", "SYSBP"): (140.21, 17.37),
    ("F", "DIABP"): (76.99, 10.2),
    ("F", "PULSE"): (74.12, 9.67),
    ("M", "HEIGHT"): (172.54, 7.95),
    ("M", "WEIGHT"): (75.93, 11.0),
    ("M", "SYSBP"): (134.02, 16.14),
    ("M", "DIABP"): (77.55, 8.84),
    ("M", "PULSE"): (70.83, 10.54),
}


@pytest.mark.parametrize(("sex", "field"), VITALS)
def test_baseline_vital_signs(subjects, sex, field):
    mean, sd = VITALS[sex, field]
    values = subjects[text_of(subjects.SEX) == sex][field]
    assert abs(values.mean() - mean) <= 0.01 * mean
    assert abs(values.std() - sd) <= 0.05 * sd


def test_trial_correlations(subjects):
    for sex, pressures in (("F", 0.47), ("M", 0.59)):
        rows = subjects[text_of(subjects.SEX) == sex]
        assert abs(rows.SYSBP.corr(rows.DIABP) - pressures) <= 0.05
        assert abs(rows.HEIGHT.corr(rows.WEIGHT) - 0.375) <= 0.05
    assert abs(subjects.AGE.corr(subjects.SYSBP) - 0.25) <= 0.05


def test_trial_disposition_by_arm(subjects):
    arms = text_of(subjects.ARM)
    left = pd.crosstab(arms, text_of(subjects.DSDECOD), normalize="index")
    for arm, completed, event in (
        ("Placebo", 58 / 86, 8 / 86),
        ("Low Dose", 25 / 84, 44 / 84),
        ("High Dose", 27 / 84, 40 / 84),
    ):
        assert abs(left.loc[arm, "COMPLETED"] - completed) <= 0.015
        assert abs(left.loc[arm, "ADVERSE EVENT"] - event) <= 0.015
    days = subjects.TRTDURD.groupby([arms, subjects.DROPOUT]).mean()
    for arm, wanted in (("Placebo", 82.5), ("Low Dose", 70.9), ("High Dose", 64.7)):
        assert abs(days[arm, True] - wanted) <= 5
        assert abs(days[arm, False] - 184.7) <= 1


def test_trial_demographics(subjects):
    assert abs(subjects.AGE.mean() - 75.09) <= 0.4 and abs(subjects.AGE.std() - 8.25) <= 0.4
    assert abs((text_of(subjects.SEX) == "F").mean() - 0.563) <= 0.01
    days = (pd.to_datetime(subjects.RFSTDTC) - pd.to_datetime(subjects.RFICDTC)).dt.days
    assert abs(days.mean() - 11) <= 0.3 and abs(days.std() - 5.6) <= 0.3


def test_patients_bodies_follow_their_table():
    """Standardised heights and masses; 20,000 rows, so five standard errors are 0.035."""
    patients = rows_of("patients", 20_000)
    table = pd.read_csv(SPECS / "body_by_age_sex.csv")
    table["sex"] = table.sex.str[0].str.upper()
    rows = patients[["age", "sex", "height", "weight"]].dropna()
    rows = rows.assign(sex=text_of(rows.sex)).merge(
        table, on=["age", "sex"], suffixes=("", "_mean")
    )
    z = (rows.height - rows.height_mean) / rows.height_sd
    assert abs(z.mean()) < 0.035 and abs(z.std() - 1) < 0.03
    ratio = rows.weight / (rows.bmi * (rows.height / 100) ** 2)
    assert abs(((ratio - 1) / rows.bmi_cv).mean()) < 0.035
    assert abs(((ratio - 1) / rows.bmi_cv).std() - 1) < 0.05


def test_patients_shares():
    """Shares of 20,000 rows within five standard errors."""
    patients = rows_of("patients", 20_000)
    sex, smoking = text_of(patients.sex), patients.smoking
    assert (smoking.isna() == (patients.age < 18)).all()
    for letter, low, high, current in (
        ("F", 18, 40, 0.21),
        ("M", 18, 40, 0.269),
        ("M", 65, 91, 0.112),
    ):
        group = smoking[(sex == letter) & (patients.age >= low) & (patients.age < high)]
        error = (current * (1 - current) / len(group)) ** 0.5
        assert abs((text_of(group) == "current").mean() - current) < 5 * error
    old = text_of(patients.insurance[patients.age >= 65])
    assert abs((old == "medicare").mean() - 0.94) < 5 * (0.94 * 0.06 / len(old)) ** 0.5
    assert abs(patients.length_of_stay.mean() - 4.6) < 0.25
