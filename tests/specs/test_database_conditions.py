"""The specs of whole databases: what has to hold in them, in SQL; and keys, slices, formats."""

from __future__ import annotations

from functools import lru_cache

import duckdb
import pytest
from database_conditions import CONDITIONS, Condition
from spec_library import SPECS

import synthdsl

ROOTS = {
    "clinic": 400,
    "icu_stay": 60,
    "claims": 300,
    "omop": 150,
    "synthea_csv": 60,
    "trial": 300,
}
"""Root rows that the tests make of each."""

LARGE = {
    "clinic": {"admission": 100, "lab": 1_000},
    "icu_stay": {"blood_gas": 20, "vital": 5_000},
    "claims": {"adjustment": 1_000},
    "omop": {"death": 1, "measurement": 1_000},
    "synthea_csv": {"allergies": 10, "immunizations": 20, "careplans": 20},
    "trial": {"ae": 500, "ex": 400},
}
"""Fewest rows of tables that could be all but empty: conditions on these would say nothing."""

by_condition = pytest.mark.parametrize(
    "condition", CONDITIONS, ids=[f"{c.spec}: {c.name}" for c in CONDITIONS]
)
every_database = pytest.mark.parametrize("spec", ROOTS)


@lru_cache(maxsize=8)
def loaded(spec: str) -> synthdsl.Spec:
    return synthdsl.load(SPECS / f"{spec}.synth", params={"n": ROOTS[spec]})


@lru_cache(maxsize=8)
def made(spec: str):
    """The tables of a spec, as Arrow. Do not change them."""
    return loaded(spec).generate(seed=11).tables


def database(spec: str) -> duckdb.DuckDBPyConnection:
    """The tables in a database of its own, without constraints."""
    connection = duckdb.connect()
    for name, table in made(spec).items():
        connection.register("given", table)
        connection.execute(f'create table "{name}" as from given')
        connection.unregister("given")
    return connection


def count(connection: duckdb.DuckDBPyConnection, condition: Condition) -> int:
    """How many rows break a condition."""
    breaks = condition.breaks.split("from", 1)[1]
    return connection.execute(f"select count(*) from {breaks}").fetchone()[0]


@by_condition
def test_a_condition_holds_and_can_fail(condition):
    with database(condition.spec) as connection:
        assert count(connection, condition) == 0
        connection.execute(condition.spoil)
        assert count(connection, condition) > 0


@every_database
def test_tables_have_rows(spec):
    tables = made(spec)
    for name, least in LARGE[spec].items():
        assert tables[name].num_rows >= least, name
    assert all(table.num_rows for table in tables.values())


@every_database
def test_keys_are_unique_and_foreign_keys_resolve_as_the_database_says(spec, tmp_path):
    """DuckDB takes the tables with every primary and foreign key declared."""
    manifest = loaded(spec).write(tmp_path, format="duckdb", seed=11)
    assert manifest is not None
    (path,) = tmp_path.glob("*.duckdb")
    with duckdb.connect(str(path), read_only=True) as connection:
        for name, table in made(spec).items():
            stored = connection.table(f'"{name}"')
            assert stored.columns == table.column_names
            assert len(stored) == table.num_rows
        kinds = connection.execute(
            "select constraint_type, count(*) from duckdb_constraints() group by all"
        ).fetchall()
    found = dict(kinds)
    assert found["PRIMARY KEY"] == sum(bool(t.key) for t in loaded(spec).tables.values())
    assert found["FOREIGN KEY"] >= 4


@every_database
def test_a_slice_has_the_same_families(spec):
    whole = made(spec)
    root = next(name for name, table in loaded(spec).tables.items() if name in ROOT_TABLES)
    half = ROOTS[spec] // 2
    first = loaded(spec).generate(f"{root}=0:{half}", seed=11).tables
    second = loaded(spec).generate(f"{root}={half}:{ROOTS[spec]}", seed=11).tables
    for name, table in whole.items():
        if first[name].equals(table):
            assert second[name].equals(table), name  # a table that others refer to
            continue
        rows = first[name].num_rows
        assert rows + second[name].num_rows == table.num_rows, name
        assert first[name].equals(table.slice(0, rows)), name
        assert second[name].equals(table.slice(rows)), name


ROOT_TABLES = ("patient", "member", "person", "patients", "dm")


CASES = (
    ("clinic", "readmitted_after_icu", 4, "patient p where not exists (from encounter e "
     "where e.patient_id = p.id and is_icu_readmission)"),
    ("claims", "met_deductible", 20, "member m where (select sum(deductible) from claim "
     "where member_id = m.id) < (select deductible from plan where id = m.plan_id)"),
    ("omop", "died_with_many_visits", 10, "person p where (select count(*) from visit_occurrence v "
     "where v.person_id = p.person_id) < 20 or p.person_id not in (select person_id from death)"),
    ("synthea_csv", "died_in_hospital", 10, "patients where DEATHDATE is null"),
    ("trial", "dropped_early", 20, "dm where RFENDTC - RFSTDTC >= 14"),
)  # fmt: skip


@pytest.mark.parametrize(("spec", "case", "rows", "others"), CASES, ids=[c[1] for c in CASES])
def test_a_case_has_nobody_else(spec, case, rows, others):
    """Every root row of the case is of its kind; without asking many are not."""
    asked = synthdsl.load(SPECS / f"{spec}.synth", params={"n": rows}).generate(seed=3, case=case)
    with duckdb.connect() as connection:
        for name, table in asked.tables.items():
            connection.register(name, table)
        assert connection.execute(f"select count(*) from {others}").fetchone() == (0,)
    with database(spec) as connection:
        plain = connection.execute(f"select count(*) from {others}").fetchone()[0]
        assert plain > 0.3 * ROOTS[spec]
