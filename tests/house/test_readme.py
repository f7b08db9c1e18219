"""The README is true: its spec checks, its error is ours, its rows are those of the demo."""

from __future__ import annotations

import re
from pathlib import Path

import synthdsl
from synthdsl.render.text import render_text

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text()


def block(language: str, containing: str = "") -> str:
    found = [b for b in re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL) if containing in b]
    assert len(found) == 1, (language, containing, len(found))
    return found[0]


def test_the_spec_is_fine_and_generates(tmp_path):
    path = tmp_path / "clinic.synth"
    path.write_text(block("synth", "bmi"))
    spec = synthdsl.load(path)
    assert not spec.warnings
    assert synthdsl.api.format_text("clinic.synth", path.read_text())[0] == path.read_text()
    assert spec.generate(50)["patient"].num_rows == 50
    assert all(m.is_met for m in spec.measure())


def test_the_database_is_fine_and_its_cohort_came_back():
    text = block("synth", "came_back")
    assert synthdsl.check("visits.synth", text=text) == []
    assert synthdsl.api.format_text("visits.synth", text) == (text, [])
    tables = synthdsl.load("visits.synth", text=text).generate(100, case="came_back").to_pandas()
    visit = tables["visit"].sort_values(["patient_id", "index"])
    days = visit.groupby("patient_id")["day"].shift(-1) - visit["day"]
    is_met = (visit["kind"] == "inpatient") & days.map(lambda d: getattr(d, "days", 99) <= 30)
    assert set(visit["patient_id"][is_met]) == set(tables["patient"]["id"])
    assert visit["seen_by"].isin(tables["doctor"]["id"]).all()


def test_the_mistake_reads_as_shown():
    wrong = block("synth", "bmi").replace("weight / height^2", "weight / height")
    found = synthdsl.check("clinic.synth", text=wrong)
    shown = render_text(found, colour=False).rsplit("\n1 error", 1)[0].strip()
    assert shown == block("text", "error[").strip()


def test_the_demo_begins_as_shown():
    rows = synthdsl.load(ROOT / "specs" / "patients.synth").generate("0:3")["patient"].to_pylist()
    lines = block("text", "patient_id").strip().splitlines()[1:]
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        # names are left out: they follow the installed release of Faker
        start = [
            row["patient_id"],
            row["mrn"],
            row["ssn"],
            row["sex"],
            str(row["age"]),
            str(row["birth_date"]),
        ]
        assert line.split()[:6] == start


def test_the_python_runs(monkeypatch):
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    exec(compile(block("python"), "README.md", "exec"), names)
    assert len(names["frame"]) == 1_000


def test_linked_files_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / target).exists(), target
