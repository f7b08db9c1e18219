"""docs/how-to/calibrate.md: its example runs, and its figures are what the spec makes today."""

from __future__ import annotations

import re

import numpy as np
import pytest
from spec_library import ROOT, rows_of

import synthdsl

PAGE = (ROOT / "docs" / "how-to" / "calibrate.md").read_text(encoding="utf-8")
FIELDS = {
    "height, cm": "height",
    "weight, kg": "weight",
    "BMI, kg/m2": "bmi",
    "pulse, /min": "pulse",
    "total cholesterol, mmol/L": "total_cholesterol",
    "HDL, mmol/L": "hdl",
}
BANDS = {"20-39": (20, 40), "40-59": (40, 60), "60+": (60, 200)}


@pytest.fixture(scope="module")
def adults():
    return rows_of("vitals", 200_000, 20260102)


def rows_under(heading: str) -> list[list[str]]:
    """Cells of the table whose header holds `heading`."""
    lines = PAGE[PAGE.index(heading) :].splitlines()
    table = []
    for line in lines[2:]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    assert len(table) >= 9
    return table


def test_the_example_runs():
    (block,) = re.findall(r"```synth\n(.*?)```", PAGE, re.DOTALL)
    spec = synthdsl.load("page.synth", text=block)
    assert spec.warnings == () and spec.generate(100)["adult"].num_rows == 100


def test_means_and_spreads_are_today_s(adults):
    for name, _, women, _, men in rows_under("| women: survey"):
        what, _, band = name.partition(", ")
        for sex, shown in (("female", women), ("male", men)):
            rows = adults[adults.sex == sex]
            if band in BANDS:
                low, high = BANDS[band]
                rows = rows[(rows.age >= low) & (rows.age < high)]
            values = rows[FIELDS.get(name, what)]
            if shown.endswith("%"):
                assert shown == f"{values.mean() * 100:.1f} %", name
            else:
                places = len(shown.split(" ")[0].split(".")[1])
                assert shown == f"{values.mean():.{places}f} ({values.std():.{places}f})", name


def test_correlations_are_today_s(adults):
    for name, _, _, shown in rows_under("| correlation | survey"):
        one, other, *sex = (part.replace(" ", "_") for part in name.split(", "))
        rows = adults[adults.sex == sex[0]] if sex else adults
        assert shown == f"{np.corrcoef(rows[one], rows[other])[0, 1]:.2f}", name


def test_shares_are_today_s(adults):
    heavy, high = (adults.bmi >= 30).mean(), (adults.systolic >= 140).mean()
    assert f"spec {heavy * 100:.1f} % and {high * 100:.1f} %" in " ".join(PAGE.split())


def test_the_rule_hardly_binds():
    """The claim of step 5, on the spec without its rule: fewer than 50 in 100,000 rows break it."""
    text = (ROOT / "synthdsl" / "std" / "vitals.synth").read_text(encoding="utf-8")
    assert "  rule pressures: systolic > diastolic\n" in text
    free = text.replace("  rule pressures: systolic > diastolic\n", "")
    free += (
        "enum Sex {female, male}\ntable adult [10] {\n  sex: Sex ~ {female: 51.9%, male: rest}\n"
        "  age: int<a> ~ us_adult_age(sex)\n  use adult_body(sex, age)\n"
        "  use adult_vitals(sex, age, bmi)\n}\n"
    )
    spec = synthdsl.load("free.synth", text=free)
    frame = spec.generate(100_000)["adult"].to_pandas()
    assert (frame.systolic <= frame.diastolic).sum() < 50
