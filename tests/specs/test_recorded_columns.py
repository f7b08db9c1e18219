"""The specs of public formats have the formats' columns; files of these formats are read as they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import recorded_columns as record
from spec_library import ROOT

DATA = ROOT.parent / "shared" / "data"
FILES = [
    (spec, table, DATA / folder / f"{table}.csv")
    for spec, folder in record.FOLDERS.items()
    for table in record.FORMATS[spec]
    if (DATA / folder / f"{table}.csv").exists()
]


@pytest.mark.parametrize("spec", record.FORMATS)
def test_tables_columns_types_and_requirements_are_those_of_the_format(spec):
    assert record.differences(spec) == []


@pytest.mark.parametrize("spec", record.FORMATS)
def test_another_column_is_noticed(spec, monkeypatch):
    """Of every table the first column taken away, then one of another type."""
    real = record.schemas(spec)
    cut = {name: schema.remove(0) for name, schema in real.items()}
    monkeypatch.setattr(record, "schemas", lambda _: cut)
    assert len(record.differences(spec)) == len(record.FORMATS[spec])
    turned = {
        name: schema.set(0, schema.field(0).with_type(record.LETTERS["f"]))
        for name, schema in real.items()
    }
    monkeypatch.setattr(record, "schemas", lambda _: turned)
    assert len(record.differences(spec)) == len(record.FORMATS[spec])


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_that_does_not_fit_is_noticed(tmp_path):
    names = ",".join(column.name for column in record.OMOP["death"])
    good = write(tmp_path / "good.csv", f"{names}\n7,2019-05-28,2019-05-28 00:00:00,3,4,x,4\n")
    assert record.unread("omop", "death", good) == []
    late = write(tmp_path / "late.csv", f"{names}\n7,May 2019,,3,4,x,4\n")
    assert [line.split(":")[0] for line in record.unread("omop", "death", late)] == [
        "death.death_date"
    ]
    empty = write(tmp_path / "empty.csv", f"{names}\n,2019-05-28,,3,4,x,4\n")
    assert record.unread("omop", "death", empty) == ["death.person_id: empty in 1 of 1 rows"]
    other = write(tmp_path / "other.csv", "person_id\n7\n")
    assert record.unread("omop", "death", other) == ["death: columns ['person_id']"]

    names = ",".join(column.name for column in record.SYNTHEA["providers"])
    row = "1,2,Ann,X,GENERAL PRACTICE,1 Road,Boston,MA,02110,42.1,-71.2,0"
    word = write(tmp_path / "word.csv", f"{names}\n{row}\n")
    assert record.unread("synthea_csv", "providers", word) == ["providers.GENDER: X"]


def test_the_script_prints_the_comparison():
    script = ROOT / "tests" / "specs" / "recorded_columns.py"
    done = subprocess.run(
        [sys.executable, str(script)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert [line.split(": ")[1].split(",")[-1] for line in done.stdout.splitlines()] == [
        " 0 differ",
        " 0 differ",
    ]


if FILES:

    @pytest.mark.parametrize(
        ("spec", "table", "path"), FILES, ids=[f"{f[0]}-{f[1]}" for f in FILES]
    )
    def test_the_files_are_read_by_the_schema_of_the_spec(spec, table, path):
        assert record.unread(spec, table, path) == []
