"""What holds for every ready-made spec: it checks cleanly, makes what it says, in every format."""

from __future__ import annotations

import re

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.json as pa_json
import pyarrow.parquet as pq
import pytest
from spec_library import (
    DATABASES,
    ONE_TABLE,
    SAMPLE,
    SPEC_FILES,
    SPECS,
    STANDARD,
    STANDARD_FILES,
    loaded,
    rows_of,
)

import synthdsl
from synthdsl.api import format_text

NAMES = [path.stem for path in SPEC_FILES]
every_spec = pytest.mark.parametrize("name", NAMES, scope="module")
one_table = pytest.mark.parametrize("name", [path.stem for path in ONE_TABLE], scope="module")
database = pytest.mark.parametrize("name", [path.stem for path in DATABASES], scope="module")


def test_the_specs_are_there():
    assert {"patients", "vitals", "insurance_members", "trial_subjects"} <= set(NAMES)
    assert {"clinic", "icu_stay", "claims", "omop", "synthea_csv", "trial"} <= set(NAMES)


@pytest.mark.parametrize("path", SPEC_FILES, ids=NAMES)
def test_check_has_nothing_to_say(path):
    assert synthdsl.check(path) == []


@pytest.mark.parametrize("path", SPEC_FILES + STANDARD_FILES, ids=lambda p: p.stem)
def test_the_text_is_formatted(path):
    text = path.read_text(encoding="utf-8")
    assert format_text(str(path), text) == (text, [])


@every_spec
def test_everything_is_described(name):
    spec = loaded(name)
    assert spec.description
    for table in spec.tables.values():
        assert table.description
        if table.machine is not None:
            continue  # what its columns are is said by the language
        assert table.key or (name, table.name) in WITHOUT_KEY
        for field in table.fields.values():
            is_given = field.name in table.key and field.text in ("= index", f"= {_parent(table)}")
            assert field.is_let or field.description or is_given, field.name


WITHOUT_KEY = {("synthea_csv", "procedures")}
"""Tables of formats that have no key: a procedure may be done twice in an encounter."""


def _parent(table) -> str:
    return table.parent.variable if table.parent is not None else ""


@database
def test_ten_thousand_families_by_default(name):
    assert [t.rows for t in loaded(name).tables.values()].count(10_000) == 1


@database
def test_the_largest_database_has_room(name):
    """Keys made of numbers have values for as many rows as the parameter `n` may ask for."""
    path = next(path for path in SPEC_FILES if path.stem == name)
    most = re.search(r"where n in \[1, ([\d_]+)\]", path.read_text(encoding="utf-8"))
    assert most is not None
    largest = synthdsl.load(path, params={"n": int(most[1])})
    assert max(table.rows for table in largest.tables.values()) == int(most[1])


@database
def test_tables_are_linked(name):
    """Every table is referred to, refers to another, or stands in a file."""
    tables = loaded(name).tables.values()
    linked = {r.table for table in tables for r in table.references}
    assert all(t.name in linked or t.references or t.is_fixed for t in tables)


@one_table
def test_ten_thousand_rows_by_default_and_as_many_as_asked(name):
    assert [table.rows for table in loaded(name).tables.values()] == [10_000]
    path = next(path for path in SPEC_FILES if path.stem == name)
    asked = synthdsl.load(path, params={"n": 7})
    assert [table.num_rows for table in asked.generate().tables.values()] == [7]


@one_table
def test_roles_name_identifiers_and_quasi_identifiers(name):
    (table,) = loaded(name).tables.values()
    roles = {role for field in table.fields.values() for role in field.roles}
    assert roles == {"identifier", "quasi", "sensitive"}
    assert all("identifier" in table.fields[key].roles for key in table.key)


@one_table
def test_keys_are_unique(name):
    (table,) = loaded(name).tables.values()
    key = [table.fields[field].exported for field in table.key]
    assert not rows_of(name).duplicated(key).any()


@one_table
def test_only_nullable_fields_are_null(name):
    frame = rows_of(name)
    (table,) = loaded(name).tables.values()
    fields = {f.exported: f for f in table.fields.values() if not f.is_let}
    assert set(fields) >= set(frame.columns)
    assert len(frame) == SAMPLE
    for column in frame:
        if not fields[column].type.is_nullable:
            assert frame[column].notna().all(), column


@one_table
def test_a_slice_is_the_same_rows(name):
    spec = loaded(name)
    (whole,) = spec.generate(SAMPLE, seed=5).tables.values()
    (part,) = spec.generate("730:1190", seed=5).tables.values()
    assert part.equals(whole.slice(730, 460))
    (other,) = spec.generate(SAMPLE, seed=6).tables.values()
    assert not other.equals(whole)


@one_table
def test_every_format_reads_back(name, tmp_path):
    spec = loaded(name)
    (table_name,) = spec.tables
    expected = spec.generate(SAMPLE, seed=5)[table_name]
    for form in ("parquet", "csv", "jsonl", "duckdb"):
        spec.write(tmp_path / form, format=form, rows=SAMPLE, seed=5)
    stored = pq.read_table(tmp_path / "parquet" / f"{table_name}.parquet")
    assert stored.to_pandas().equals(expected.to_pandas())
    as_text = read_csv(tmp_path / "csv" / f"{table_name}.csv", expected.schema)
    as_json = pa_json.read_json(tmp_path / "jsonl" / f"{table_name}.jsonl")
    with duckdb.connect(str(next((tmp_path / "duckdb").glob("*.duckdb")))) as connection:
        from_database = connection.table(table_name).to_arrow_table()
    for read in (as_text, as_json, from_database):
        assert read.column_names == expected.column_names
        assert read.num_rows == SAMPLE
        for column in expected.column_names:
            assert nulls(read[column]) == expected[column].null_count, (column, name)
    for column in expected.column_names:
        if pa.types.is_floating(expected.schema.field(column).type):
            assert as_text[column].equals(expected[column]), column
            assert from_database[column].cast(pa.float64()).equals(expected[column]), column
        if pa.types.is_date(expected.schema.field(column).type):
            assert from_database[column].cast(pa.date32()).equals(expected[column]), column
            assert as_text[column].cast(pa.date32()).equals(expected[column]), column


def read_csv(path, schema: pa.Schema) -> pa.Table:
    floats = {f.name: f.type for f in schema if pa.types.is_floating(f.type)}
    options = pa_csv.ConvertOptions(
        column_types=floats,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    return pa_csv.read_csv(path, convert_options=options)


def nulls(column: pa.ChunkedArray) -> int:
    return len(column) if pa.types.is_null(column.type) else column.null_count


@pytest.mark.parametrize("path", ONE_TABLE, ids=lambda p: p.stem)
def test_the_largest_size_that_a_spec_allows_has_room(path):
    """Unique fields have values for as many rows as the parameter `n` may ask for."""
    most = re.search(r"where n in \[1, ([\d_]+)\]", path.read_text(encoding="utf-8"))
    assert most is not None
    largest = synthdsl.load(path, params={"n": int(most[1])})
    assert [table.rows for table in largest.tables.values()] == [int(most[1])]
    with pytest.raises(synthdsl.SynthError):
        synthdsl.load(path, params={"n": int(most[1]) + 1})


def test_the_list_of_specs_is_complete():
    page = (SPECS / "README.md").read_text(encoding="utf-8")
    for path in [*SPEC_FILES, *SPECS.glob("*.csv")]:
        assert path.name in page
    shown = re.search(r"(\d+) fields", page)
    assert shown is not None and int(shown[1]) == rows_of("patients").shape[1]


@every_spec
def test_files_say_where_they_come_from(name):
    """A spec names the source of its numbers, or says that they are set by hand."""
    path = next(path for path in SPEC_FILES if path.stem == name)
    head = path.read_text(encoding="utf-8").split("param")[0]
    assert "NHANES" in head or "Where the numbers come from" in head
    assert pd.Series([STANDARD.joinpath("vitals.synth").read_text()]).str.contains("NHANES").all()
