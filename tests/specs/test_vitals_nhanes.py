"""specs/vitals.synth against NHANES 2009-12, adults of 20 and over.

First against published constants (weighted means, standard deviations and shares; unweighted
correlations), which are rounded: a figure may miss by the stated tolerance and half of the last
place printed. Then, where the survey's file is at hand, against the file itself, weighted by
WTMEC2YR throughout. 200,000 rows and a fixed seed: the Monte Carlo error of every figure is below
a tenth of its tolerance, so a failure means that the spec changed.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from spec_library import ROOT, rows_of

ROWS = 200_000
BANDS = {"20-39": (20, 40), "40-59": (40, 60), "60+": (60, 200)}

MEAN = 0.01
"""Means within 1 %."""
UNIT = 1.0
"""Means of blood pressure within 1 mmHg."""
SPREAD = 0.05
"""Standard deviations within 5 %."""
CORRELATION = 0.05
SHARE = 0.02

# mean, standard deviation, half of the last place of each
BY_SEX = {
    ("female", "height"): (161.9, 7.2, 0.05, 0.05),
    ("female", "weight"): (75.7, 20.3, 0.05, 0.05),
    ("female", "bmi"): (28.9, 7.4, 0.05, 0.05),
    ("female", "pulse"): (74.3, 11.8, 0.05, 0.05),
    ("female", "total_cholesterol"): (5.1, 1.1, 0.05, 0.05),
    ("female", "hdl"): (1.5, 0.4, 0.05, 0.05),
    ("male", "height"): (175.8, 7.6, 0.05, 0.05),
    ("male", "weight"): (88.6, 19.7, 0.05, 0.05),
    ("male", "bmi"): (28.6, 5.8, 0.05, 0.05),
    ("male", "pulse"): (70.9, 12.2, 0.05, 0.05),
    ("male", "total_cholesterol"): (5.0, 1.1, 0.05, 0.05),
    ("male", "hdl"): (1.2, 0.4, 0.05, 0.05),
}
SYSTOLIC = {
    ("female", "20-39"): (110, 12),
    ("female", "40-59"): (119, 16),
    ("female", "60+"): (132, 20),
    ("male", "20-39"): (118, 12),
    ("male", "40-59"): (123, 16),
    ("male", "60+"): (129, 19),
}
DIASTOLIC = {
    ("female", "20-39"): 67,
    ("female", "40-59"): 72,
    ("female", "60+"): 66,
    ("male", "20-39"): 71,
    ("male", "40-59"): 76,
    ("male", "60+"): 67,
}
DIABETES = {
    ("female", "20-39"): 0.02,
    ("female", "40-59"): 0.10,
    ("female", "60+"): 0.21,
    ("male", "20-39"): 0.02,
    ("male", "40-59"): 0.12,
    ("male", "60+"): 0.25,
}
CORRELATIONS = {
    ("height", "weight", None): 0.44,
    ("height", "weight", "female"): 0.32,
    ("height", "weight", "male"): 0.43,
    ("weight", "bmi", None): 0.88,
    ("age", "systolic", None): 0.43,
    ("systolic", "diastolic", None): 0.31,
    ("bmi", "hdl", None): -0.27,
}


@pytest.fixture(scope="module")
def adults():
    return rows_of("vitals", ROWS, 20260102)


def banded(frame, sex, band):
    low, high = BANDS[band]
    return frame[(frame.sex == sex) & (frame.age >= low) & (frame.age < high)]


def of_sex(frame, sex):
    return frame if sex is None else frame[frame.sex == sex]


@pytest.mark.parametrize(("sex", "field"), BY_SEX)
def test_means_and_spreads_by_sex(adults, sex, field):
    mean, sd, place, sd_place = BY_SEX[sex, field]
    values = of_sex(adults, sex)[field]
    assert abs(values.mean() - mean) <= MEAN * mean + place
    assert abs(values.std() - sd) <= SPREAD * sd + sd_place


@pytest.mark.parametrize(("sex", "band"), SYSTOLIC)
def test_blood_pressure_and_diabetes_by_band(adults, sex, band):
    rows = banded(adults, sex, band)
    mean, sd = SYSTOLIC[sex, band]
    assert abs(rows.systolic.mean() - mean) <= UNIT + 0.5
    assert abs(rows.systolic.std() - sd) <= SPREAD * sd + 0.5
    assert abs(rows.diastolic.mean() - DIASTOLIC[sex, band]) <= UNIT + 0.5
    assert abs(rows.diabetes.mean() - DIABETES[sex, band]) <= SHARE + 0.005


@pytest.mark.parametrize(("one", "other", "sex"), CORRELATIONS)
def test_correlations(adults, one, other, sex):
    rows = of_sex(adults, sex)
    seen = np.corrcoef(rows[one], rows[other])[0, 1]
    assert abs(seen - CORRELATIONS[one, other, sex]) <= CORRELATION


def test_shapes(adults):
    for sex in ("female", "male"):
        assert 0.9 <= of_sex(adults, sex).weight.skew() <= 1.4
    assert abs((adults.bmi >= 30).mean() - 0.355) <= SHARE
    assert abs((adults.systolic >= 140).mean() - 0.129) <= SHARE
    for sex, slope in (("female", 0.58), ("male", 0.31)):
        rows = of_sex(adults, sex)
        assert abs(np.polyfit(rows.age, rows.systolic, 1)[0] - slope) <= 0.05


def test_readings_are_even_numbers(adults):
    assert (adults[["systolic", "diastolic", "pulse"]] % 2 == 0).all().all()


def test_a_wrong_spread_would_be_seen(adults):
    """The tolerances bite: a systolic pressure without its widening with age fails."""
    rows = banded(adults, "female", "60+")
    flat = rows.systolic.mean() + (rows.systolic - rows.systolic.mean()) * 0.8
    assert abs(flat.std() - 20) > SPREAD * 20 + 0.5


# Against the survey's own file

SURVEYS = sorted((ROOT.parent / "shared" / "data").glob("nhanes.csv.gz"))
COLUMNS = {
    "Gender": "sex",
    "Age": "age",
    "Height": "height",
    "Weight": "weight",
    "BMI": "bmi",
    "BPSysAve": "systolic",
    "BPDiaAve": "diastolic",
    "Pulse": "pulse",
    "TotChol": "total_cholesterol",
    "DirectChol": "hdl",
    "Diabetes": "diabetes",
    "WTMEC2YR": "weight_of_row",
}
survey_files = pytest.mark.parametrize("path", SURVEYS, ids=lambda path: path.name)


def survey(path):
    """Adults examined; a diastolic pressure of 0 is a code, not a pressure."""
    frame = pd.read_csv(path, usecols=list(COLUMNS), low_memory=False).rename(columns=COLUMNS)
    frame = frame[(frame.age >= 20) & (frame.weight_of_row > 0)].copy()
    frame["diabetes"] = frame.diabetes.map({"Yes": 1.0, "No": 0.0})
    frame["diastolic"] = frame.diastolic.where(frame.diastolic > 0)
    return frame


def moments(frame, field):
    known = frame[frame[field].notna()]
    weights = known.weight_of_row
    mean = np.average(known[field], weights=weights)
    return mean, np.sqrt(np.average((known[field] - mean) ** 2, weights=weights))


def weighted_correlation(frame, one, other):
    known = frame[frame[one].notna() & frame[other].notna()]
    covariance = np.cov(known[one], known[other], aweights=known.weight_of_row)
    return covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])


if SURVEYS:  # without the file there is nothing to compare with, and no test

    @survey_files
    def test_means_and_spreads_of_the_survey(adults, path):
        real = survey(path)
        for sex, field in BY_SEX:
            mean, sd = moments(of_sex(real, sex), field)
            values = of_sex(adults, sex)[field]
            assert abs(values.mean() - mean) <= MEAN * mean, (sex, field)
            assert abs(values.std() - sd) <= SPREAD * sd, (sex, field)

    @survey_files
    def test_bands_of_the_survey(adults, path):
        real = survey(path)
        for sex, band in SYSTOLIC:
            rows, real_rows = banded(adults, sex, band), banded(real, sex, band)
            for field in ("systolic", "diastolic"):
                mean, sd = moments(real_rows, field)
                assert abs(rows[field].mean() - mean) <= UNIT, (sex, band, field)
                assert abs(rows[field].std() - sd) <= SPREAD * sd, (sex, band, field)
            assert abs(rows.diabetes.mean() - moments(real_rows, "diabetes")[0]) <= SHARE
            share = real_rows.weight_of_row.sum() / of_sex(real, sex).weight_of_row.sum()
            assert abs(len(rows) / len(of_sex(adults, sex)) - share) <= 0.005

    @survey_files
    def test_correlations_of_the_survey(adults, path):
        real = survey(path)
        pairs = [
            *CORRELATIONS,
            ("bmi", "systolic", None),
            ("bmi", "diastolic", None),
            ("bmi", "pulse", None),
            ("age", "pulse", None),
            ("age", "total_cholesterol", "female"),
            ("age", "total_cholesterol", "male"),
            ("total_cholesterol", "hdl", None),
            ("age", "height", None),
        ]
        for one, other, sex in pairs:
            rows = of_sex(adults, sex)
            seen = np.corrcoef(rows[one], rows[other])[0, 1]
            wanted = weighted_correlation(of_sex(real, sex), one, other)
            assert abs(seen - wanted) <= CORRELATION, (one, other, sex)
