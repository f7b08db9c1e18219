"""Rules of public data sets as SQL, with how often the files break them.

Each condition is written twice and independently: here, over the columns of the file, and in the
spec of the same name, which calls its columns as the file does. `of` are the rows that the
condition bears on. Where a file breaks a condition at all, the rule of the spec is soft.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recorded:
    """A condition: SQL that is true in rows that break it, and the file's count of those."""

    spec: str
    name: str
    breaks: str
    broken: int
    bears_on: str = "true"
    of: int = 0
    share: float | None = None
    """Of a soft rule: the chance of a row to hold it."""


FILES = {
    "census_income": "adult.csv.gz",
    "national_survey": "nhanes.csv.gz",
    "heart_disease": "heart_disease.csv",
    "kidney_disease": "ckd.csv",
}
ROWS = {"adult.csv.gz": 48_842, "nhanes.csv.gz": 20_293, "heart_disease.csv": 920, "ckd.csv": 400}

ADULT, SURVEY = "census_income", "national_survey"
HEART, KIDNEY = "heart_disease", "kidney_disease"

SPOUSE = "marital_status in ('Married-civ-spouse', 'Married-AF-spouse')"
ONE_TO_ONE = (
    "case education when 'Preschool' then 1 when '1st-4th' then 2 when '5th-6th' then 3 "
    "when '7th-8th' then 4 when '9th' then 5 when '10th' then 6 when '11th' then 7 "
    "when '12th' then 8 when 'HS-grad' then 9 when 'Some-college' then 10 when 'Assoc-voc' then 11 "
    "when 'Assoc-acdm' then 12 when 'Bachelors' then 13 when 'Masters' then 14 "
    "when 'Prof-school' then 15 when 'Doctorate' then 16 end"
)
READINGS = " or ".join(f"BPSys{i} <= BPDia{i}" for i in (1, 2, 3))
ODD = " or ".join(f"{name} % 2 = 1" for name in ("BPSys1", "BPSys2", "BPSys3", "BPDia1", "Pulse"))

RULES = (
    Recorded(
        ADULT,
        "education is one to one with its number",
        f"education_num is distinct from {ONE_TO_ONE}",
        0,
    ),
    Recorded(ADULT, "never gain and loss", "capital_gain > 0 and capital_loss > 0", 0),
    Recorded(
        ADULT,
        "unknown class, unknown occupation",
        "workclass is null and occupation is not null",
        0,
        "workclass is null",
        2_799,
    ),
    Recorded(
        ADULT,
        "unknown occupation",
        "occupation is null and workclass <> 'Never-worked'",
        0,
        "occupation is null",
        2_809,
    ),
    Recorded(
        ADULT,
        "never worked, no occupation",
        "workclass = 'Never-worked' and occupation is not null",
        0,
        "workclass = 'Never-worked'",
        10,
    ),
    Recorded(
        ADULT,
        "spouses are married",
        f"relationship in ('Husband', 'Wife') and not {SPOUSE}",
        0,
        "relationship in ('Husband', 'Wife')",
        22_047,
    ),
    Recorded(ADULT, "hours", "hours_per_week not between 1 and 99", 0),
    Recorded(ADULT, "age", "age not between 17 and 90", 0),
    Recorded(
        ADULT,
        "spouses",
        "relationship = 'Husband' and sex = 'Female' or relationship = 'Wife' and sex = 'Male'",
        4,
        "relationship in ('Husband', 'Wife')",
        22_047,
        share=0.9999,
    ),
    Recorded(
        ADULT,
        "degrees",
        "education = 'Doctorate' and age < 25 or education = 'Masters' and age < 21",
        3,
        "education in ('Doctorate', 'Masters')",
        3_251,
        share=0.99994,
    ),
    Recorded(SURVEY, "readings in order", READINGS, 0),
    Recorded(
        SURVEY,
        "systolic mean of readings 2 and 3",
        "abs((BPSys2 + BPSys3) / 2 - BPSysAve) > 0.5",
        0,
        "BPSys2 + BPSys3 + BPSysAve is not null",
        14_235,
    ),
    Recorded(SURVEY, "even readings", ODD, 0),
    Recorded(
        SURVEY, "months and years", "AgeMonths // 12 <> Age", 0, "AgeMonths is not null", 10_738
    ),
    Recorded(
        SURVEY,
        "body mass",
        "abs(BMI - Weight / (Height / 100) ^ 2) > 0.0501",
        0,
        "BMI + Weight + Height is not null",
        18_014,
    ),
    Recorded(
        SURVEY,
        "cholesterol",
        "DirectChol >= TotChol",
        0,
        "DirectChol + TotChol is not null",
        14_834,
    ),
    Recorded(SURVEY, "told before", "DiabetesAge > Age", 0, "DiabetesAge is not null", 1_437),
    Recorded(
        SURVEY,
        "told of diabetes",
        "DiabetesAge is not null and Diabetes is distinct from 'Yes'",
        0,
        "DiabetesAge is not null",
        1_437,
    ),
    Recorded(
        SURVEY,
        "smokers",
        "SmokeNow is not null and Smoke100 is distinct from 'Yes'",
        0,
        "SmokeNow is not null",
        5_233,
    ),
    Recorded(SURVEY, "smoking began", "SmokeAge > Age", 0, "SmokeAge is not null", 5_049),
    Recorded(
        SURVEY,
        "first births",
        "Age1stBaby > Age or (Age1stBaby is not null and coalesce(nBabies, 0) = 0)",
        0,
        "Age1stBaby is not null",
        3_158,
    ),
    Recorded(
        SURVEY,
        "asked of women",
        "coalesce(PregnantNow, nPregnancies::text, nBabies::text) is not null and Gender <> 'female'",
        0,
    ),
    Recorded(
        SURVEY,
        "asked of women of 20 to 44",
        "(PregnantNow is not null) <> (Gender = 'female' and Age between 20 and 44)",
        0,
        "PregnantNow is not null",
        2_613,
    ),
    Recorded(
        SURVEY, "asked of adults", "coalesce(MaritalStatus, Education) is not null and Age < 20", 0
    ),
    Recorded(SURVEY, "length", "Length is not null and Age > 3", 0),
    Recorded(
        SURVEY,
        "pressure from eight",
        "BPSysAve is not null and Age < 8",
        0,
        "BPSysAve is not null",
        14_867,
    ),
    Recorded(
        SURVEY,
        "second cycle",
        "(Testosterone is not null or Race3 is not null) and SurveyYr <> '2011_12'",
        0,
    ),
    Recorded(
        SURVEY,
        "births",
        "nBabies > nPregnancies",
        1,
        "nBabies + nPregnancies is not null",
        3_939,
        share=0.99995,
    ),
    Recorded(HEART, "possible_rate", "thalach > 250 - age", 0, "thalach is not null", 865),
    Recorded(
        HEART,
        "codes",
        "cp not in (1, 2, 3, 4) or slope not in (1, 2, 3) or ca not in (0, 1, 2, 3) or thal not in (3, 6, 7)",
        0,
    ),
    Recorded(
        HEART,
        "cholesterol of 0",
        "chol = 0 and site not in ('switzerland', 'va_long_beach')",
        0,
        "chol = 0",
        172,
    ),
    Recorded(
        HEART,
        "cholesterol in Switzerland",
        "site = 'switzerland' and chol <> 0",
        0,
        "site = 'switzerland'",
        123,
    ),
    Recorded(
        HEART, "usual_rate", "thalach > 220 - age", 87, "thalach is not null", 865, share=0.899
    ),
    Recorded(HEART, "no_elevation", "oldpeak < 0", 12, "oldpeak is not null", 858, share=0.986),
    Recorded(HEART, "pressure_read", "trestbps = 0", 1, "trestbps is not null", 861, share=0.999),
    Recorded(
        KIDNEY,
        "healthy",
        "class = 'notckd' and (htn = 'yes' or dm = 'yes' or cad = 'yes')",
        0,
        "class = 'notckd'",
        150,
    ),
    Recorded(
        KIDNEY,
        "healthy urine",
        "class = 'notckd' and (al > 0 or su > 0)",
        0,
        "class = 'notckd'",
        150,
    ),
    Recorded(
        KIDNEY, "anaemic", "ane = 'yes' and hemo >= 13", 0, "ane = 'yes' and hemo is not null", 55
    ),
    Recorded(
        KIDNEY,
        "scales",
        "sg not in (1.005, 1.01, 1.015, 1.02, 1.025) or al not between 0 and 5 or su not between 0 and 5",
        0,
    ),
    Recorded(KIDNEY, "sugar_of_diabetes", "su > 0 and dm = 'no'", 9, "su > 0", 61, share=0.974),
    Recorded(
        KIDNEY,
        "cells_and_haemoglobin",
        "pcv < 2.4 * hemo - 1e-9 or pcv > 3.6 * hemo + 1e-9",
        13,
        "pcv + hemo is not null",
        327,
        share=0.96,
    ),
    Recorded(
        KIDNEY,
        "plausible_ions",
        "pot > 9 or sod < 110",
        4,
        "coalesce(pot, sod) is not null",
        0,
        share=0.987,
    ),
)
