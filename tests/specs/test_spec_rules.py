"""The rules of the ready-made specs, worked out again with pandas; identifiers nobody can have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from spec_library import SPECS, STANDARD, rows_of, text_of, years_between
from stdnum import damm, luhn
from stdnum.us import ssn

AS_OF = pd.Timestamp("2026-01-01")
ROWS = 20_000


def is_bmi(frame, weight="weight", height="height", bmi="bmi"):
    known = frame[[weight, height, bmi]].dropna()
    exact = known[weight] / (known[height] / 100) ** 2
    assert len(known) > 0.8 * len(frame)
    return ((known[bmi] - exact).abs() <= 0.05 + 1e-9).all()


@pytest.fixture(scope="module")
def patients():
    return rows_of("patients", ROWS)


@pytest.fixture(scope="module")
def vitals():
    return rows_of("vitals", ROWS)


@pytest.fixture(scope="module")
def members():
    return rows_of("insurance_members", ROWS)


@pytest.fixture(scope="module")
def subjects():
    return rows_of("trial_subjects", ROWS)


def test_patients_have_many_fields(patients):
    assert patients.shape[1] >= 20


def test_patients_age_agrees_with_birth(patients):
    on = pd.Series([AS_OF] * len(patients))
    assert (years_between(patients.birth_date, on) == patients.age).all()
    assert patients.age.between(0, 90).all()


def test_patients_admission(patients):
    admitted, discharged = pd.to_datetime(patients.admitted), pd.to_datetime(patients.discharged)
    assert admitted.between(AS_OF - pd.DateOffset(years=1), AS_OF).all()
    assert (admitted.dt.normalize() >= pd.to_datetime(patients.birth_date)).all()
    stay = discharged - admitted
    assert stay.between(pd.Timedelta(hours=2), pd.Timedelta(days=120)).all()
    nights = (discharged.dt.normalize() - admitted.dt.normalize()).dt.days
    assert (nights == patients.length_of_stay).all()


def test_patients_blood_pressure(patients):
    both = patients[["systolic", "diastolic"]].dropna()
    assert (both.systolic >= both.diastolic + 15).all()
    assert (both % 2 == 0).all().all()
    assert patients[patients.age < 8][["systolic", "diastolic"]].isna().all().all()


def test_patients_obstetric_codes(patients):
    obstetric = patients[patients.diagnosis.str.startswith("O")]
    assert len(obstetric) > 50
    assert (text_of(obstetric.sex) == "F").all() and obstetric.age.between(12, 55).all()
    prostate = patients[patients.diagnosis.isin(["C61", "N40.0"])]
    assert (text_of(prostate.sex) == "M").all()
    newborn = patients[patients.diagnosis.isin(["Z38.00", "P59.9"])]
    assert len(newborn) and (newborn.age == 0).all()


def test_patients_diagnoses_are_described(patients):
    names = pd.read_csv(STANDARD / "icd10_cm.csv", dtype=str).set_index("code").description
    assert (patients.diagnosis.map(names) == patients.diagnosis_name).all()
    assert patients.diagnosis.nunique() > 50


def test_patients_diagnoses_follow_the_table(patients):
    """Chi-squared for each band and sex; false alarm 1e-6 in all (Bonferroni over 12 cells)."""
    from scipy.stats import chisquare

    mix = pd.read_csv(SPECS / "diagnosis_by_age_sex.csv", dtype={"code": str})
    bands = dict(
        newborn="0", infant="1-4", child="5-17", young="18-39", middle="40-64", old="65-90"
    )
    tested = 0
    for (band, sex), cell in mix[mix.age_band != "newborn"].groupby(["age_band", "sex"]):
        obstetric = cell.code.str.startswith("O")
        cell = cell[~obstetric]  # the rule on age thins them
        rows = patients[
            (text_of(patients.age_band) == bands[band])
            & (text_of(patients.sex) == sex[0].upper())
            & ~patients.diagnosis.str.startswith("O")
        ]
        expected = cell.set_index("code")["count"] / cell["count"].sum() * len(rows)
        seen = rows.diagnosis.value_counts().reindex(expected.index, fill_value=0)
        assert seen.sum() == len(rows)
        common = expected[expected >= 5].index
        got = [*seen[common], seen.drop(common).sum()]
        wanted = [*expected[common], expected.drop(common).sum()]
        if wanted[-1] < 5:
            got, wanted = got[:-1], np.array(wanted[:-1]) * sum(got[:-1]) / sum(wanted[:-1])
        assert chisquare(got, wanted).pvalue > 1e-7
        tested += 1
    assert tested == 10


def test_patients_bmi(patients):
    assert is_bmi(patients)
    unknown = patients.weight.isna() | patients.height.isna()
    assert (patients.bmi.isna() == unknown).all()


def test_patients_missing_values(patients):
    """Shares within 5 standard errors; false alarm below 1e-5."""
    share = patients.weight.isna().mean()
    assert abs(share - 0.03) < 5 * (0.03 * 0.97 / len(patients)) ** 0.5
    adults = patients[patients.age >= 20]
    missing = adults.systolic.isna().groupby(text_of(adults.arrival)).mean()
    assert missing["elective"] > missing["emergency"] + 0.02  # mar on arrival
    assert patients.household_income.isna().mean() > 0.08


def test_patients_insurance(patients):
    kinds = text_of(patients.insurance)
    ids = patients.member_id
    assert (ids.isna() == (kinds == "uninsured")).all()
    assert (ids[kinds == "medicare"].str[1] == "S").all()  # a letter that no real MBI has
    other = ids[(kinds != "uninsured") & (kinds != "medicare")].str.removeprefix("H")
    assert other.map(luhn.is_valid).all()


def test_patients_identifiers_are_unreal(patients):
    assert patients.patient_id.str.removeprefix("PT-").map(luhn.is_valid).all()
    assert not patients.ssn.map(ssn.is_valid).any()
    assert patients.ssn.str.match(r"9\d\d-[0-4]\d-\d{4}$").all()
    reached_by_nobody(patients)


def reached_by_nobody(frame):
    assert frame.email.str.endswith(("@example.com", "@example.net", "@example.org")).all()
    assert frame.phone.str.match(r"\d{3}-555-01\d\d$").all()


def test_vitals_rules(vitals):
    assert (vitals.systolic > vitals.diastolic).all()
    assert (vitals.hdl < vitals.total_cholesterol).all()
    assert (vitals[["systolic", "diastolic", "pulse"]] % 2 == 0).all().all()
    assert is_bmi(vitals)
    assert (vitals.obese == (vitals.bmi >= 30)).all()
    high = (vitals.systolic >= 140) | (vitals.diastolic >= 90)
    assert (vitals.high_pressure == high).all()
    assert vitals.age.between(20, 80).all()


def test_members_rules(members):
    birth = pd.to_datetime(members.birth_date)
    enrolled, ended = pd.to_datetime(members.enrolled), pd.to_datetime(members.ended)
    on = pd.Series([AS_OF] * len(members))
    assert (years_between(birth, on) == members.age).all()
    assert (years_between(birth, enrolled) >= 18).all()
    assert (enrolled <= AS_OF).all() and (ended.isna() | (ended.between(enrolled, AS_OF))).all()
    assert (ended.isna() == (text_of(members.status) == "active")).all()
    assert not ((members.children >= 3) & (members.age < 20)).any()


def test_members_premium(members):
    factor = pd.read_csv(SPECS / "premium_by_age.csv").set_index("age").factor
    metal = text_of(members.plan).map({"bronze": 0.8, "silver": 1, "gold": 1.2, "platinum": 1.45})
    exact = 380 * members.age.map(factor) * metal * np.where(members.smoker, 1.5, 1)
    assert ((members.premium.astype(float) - exact).abs() <= 0.005 + 1e-6).all()


def test_members_identifiers_are_unreal(members):
    assert members.member_id.str.removeprefix("M").map(luhn.is_valid).all()
    assert members.group_number.str.removeprefix("G-").map(damm.is_valid).all()
    assert not members.ssn.map(ssn.is_valid).any()
    reached_by_nobody(members)


def test_subjects_rules(subjects):
    days = {name: pd.to_datetime(subjects[name]) for name in ("RFICDTC", "RFSTDTC", "RFENDTC")}
    assert (days["RFICDTC"] < days["RFSTDTC"]).all()
    assert (days["RFSTDTC"] <= days["RFENDTC"]).all()
    assert ((days["RFENDTC"] - days["RFSTDTC"]).dt.days == subjects.TRTDURD).all()
    assert (years_between(subjects.BRTHDTC, subjects.RFSTDTC) == subjects.AGE).all()
    assert subjects.AGE.between(50, 89).all()
    both = subjects[["SYSBP", "DIABP"]].dropna()
    assert (both.SYSBP >= both.DIABP + 10).all()
    assert is_bmi(subjects, "WEIGHT", "HEIGHT", "BMI")


def test_subjects_identifiers(subjects):
    made = text_of(subjects.STUDYID) + "-" + text_of(subjects.SITEID) + "-" + subjects.SUBJID
    assert (made == subjects.USUBJID).all() and subjects.SUBJID.is_unique


def test_subjects_deaths_and_dropout(subjects):
    left = text_of(subjects.DSDECOD)
    assert ((left != "COMPLETED") == subjects.DROPOUT).all()
    died = left == "DEATH"
    assert died.any()
    assert ((subjects.DTHFL == "Y") == died).all() and (subjects.DTHDTC.notna() == died).all()
    assert (subjects.DTHDTC[died] == subjects.RFENDTC[died]).all()


def test_subjects_rules_on_arms(subjects):
    """12 of the pilot's 254 subjects had another arm: five standard errors of a soft rule."""
    other = text_of(subjects.ARM) != text_of(subjects.ACTARM)
    assert abs(other.mean() - 0.047) < 5 * (0.047 * 0.953 / len(subjects)) ** 0.5
    shares = text_of(subjects.ARM).value_counts(normalize=True)
    assert abs(shares["Placebo"] - 0.338) < 5 * (0.338 * 0.662 / len(subjects)) ** 0.5


def test_members_large_families(members):
    young = members[members.age < 20]
    assert len(young) > 500 and young.children.max() == 2
