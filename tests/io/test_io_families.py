"""Tables that are made together: parts of all of them at once, and keys that databases enforce."""

from __future__ import annotations

import errno
import json
import sqlite3
from pathlib import Path

import duckdb
import io_rows
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthdsl.diagnostics import SynthError
from synthdsl.io import duckdb as duckdb_module
from synthdsl.io._ddl import table_facts
from synthdsl.io._foreign_keys import for_database
from synthdsl.io._trees import DEEPEST, depths, trees_of
from synthdsl.io.base import FORMATS, Part
from synthdsl.io.manifest import read_manifest
from synthdsl.io.write import RowGroup, RowSource, RunFacts, write_folder

ROWS = 2_500
VISITS = int(io_rows.visits_of(np.arange(ROWS)).sum())
LABS = 2 * int(io_rows.visits_of(np.asarray(io_rows.LABS)).sum())
FACTS = RunFacts("clinic", 7)


def family(
    stop: int = ROWS, start: int = 0, part_rows: int = 1_000, names: tuple[str, ...] = ()
) -> RowGroup:
    """The family of patients; its tables in the order of `names`."""
    schemas = {name: io_rows.FAMILY[name] for name in names or io_rows.FAMILY}
    return RowGroup("patient", schemas, stop, start, part_rows)


def run(target: Path, group: RowGroup | None = None, **options: object) -> object:
    return write_folder(target, [group or family()], RowSource(io_rows.family), FACTS, **options)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


@pytest.mark.parametrize("name", ["parquet", "csv", "jsonl", "arrow", "sql"])
def test_bytes_of_every_table_do_not_depend_on_workers(tmp_path: Path, name: str) -> None:
    run(tmp_path / "1", format=name)
    run(tmp_path / "2", format=name, workers=2)
    alone = contents(tmp_path / "1")
    assert contents(tmp_path / "2") == alone
    counts = {table.name: table.rows for table in read_manifest(tmp_path / "1").tables}
    assert counts == {"patient": ROWS, "visit": VISITS, "lab": LABS}
    if name == "csv":
        lines = {stem: alone[f"{stem}.csv"].count(b"\n") - 1 for stem in counts}
        assert lines == counts and alone["lab.csv"].startswith(b"patient_id,visit_index,index\n")


def test_parts_without_rows_are_left_out_but_the_first(tmp_path: Path) -> None:
    """Labs are all of patients of the second task."""
    run(tmp_path)
    files = {name.partition("/")[0]: [] for name in contents(tmp_path)}
    for name, content in contents(tmp_path).items():
        folder, _, part = name.partition("/")
        files[folder].append((part, len(content)))
    assert [len(files[f"{table}.parquet"]) for table in ("patient", "visit", "lab")] == [3, 3, 2]
    parts = [pq.read_metadata(p) for p in sorted((tmp_path / "lab.parquet").iterdir())]
    assert [part.num_rows for part in parts] == [0, LABS]
    read = pq.read_table(tmp_path / "lab.parquet")
    assert set(read["patient_id"].to_pylist()) == {i for i in io_rows.LABS if i % 4}


def test_a_table_of_no_rows_is_one_file(tmp_path: Path) -> None:
    run(tmp_path, family(900, part_rows=250))
    assert pq.read_metadata(tmp_path / "lab.parquet").num_rows == 0
    assert not list((tmp_path / "patient.parquet").glob("*5*"))


def test_a_slice_holds_the_families_of_its_roots(tmp_path: Path) -> None:
    run(tmp_path / "all")
    run(tmp_path / "slice", family(1_203, 1_101, part_rows=17), workers=2)
    for name in io_rows.FAMILY:
        whole = pq.read_table(tmp_path / "all" / f"{name}.parquet").to_pandas()
        roots = whole["id" if name == "patient" else "patient_id"]
        expected = whole[(roots >= 1_101) & (roots < 1_203)]
        read = pq.read_table(tmp_path / "slice" / f"{name}.parquet").to_pandas()
        assert len(read) > 50
        assert read.fillna(-1).values.tolist() == expected.fillna(-1).values.tolist()


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_counts_root_rows(tmp_path: Path, workers: int) -> None:
    seen: list[int] = []
    run(tmp_path, workers=workers, progress=seen.append)
    assert seen == sorted(seen) and seen[-1] == ROWS


def test_a_table_in_two_groups_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two groups have a table 'lab'"):
        write_folder(
            tmp_path / "o",
            [family(), RowGroup("lab", {"lab": io_rows.LAB}, 1)],
            RowSource(io_rows.family),
            FACTS,
        )
    assert not (tmp_path / "o").exists()


def test_a_part_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts opened before are let go."""
    form = FORMATS.get("csv")
    assert form is not None
    opened = []
    real = type(form).open_part

    def open_part(self: object, path: Path, schema: pa.Schema, **options: object) -> object:
        if len(opened) == 2:
            raise OSError(errno.EMFILE, "Too many open files")
        opened.append(real(self, path, schema, **options))
        return opened[-1]

    monkeypatch.setattr(type(form), "open_part", open_part)
    with pytest.raises(SynthError, match="oo many open files; nothing was written"):
        run(tmp_path / "o", format="csv")
    assert [part._file._file.closed for part in opened] == [True, True]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["arrow", "csv", "duckdb", "jsonl", "parquet", "sql"])
def test_what_is_not_closed_is_aborted(tmp_path: Path, name: str) -> None:
    form = FORMATS.get(name)
    assert form is not None
    for compression in form.compressions:
        path = tmp_path / compression
        batch = io_rows.block(0, 1_000)
        with form.open_part(
            path, io_rows.SCHEMA, compression=compression, is_first=True
        ) as aborted:
            aborted.write(batch)
        aborted.abort()
        with form.open_part(path, io_rows.SCHEMA, compression=compression, is_first=True) as part:
            part.write(batch.slice(0, 0))
            part.write(batch)
            assert part.close() == 1_000
        whole = path.read_bytes()
        part.abort()
        assert path.read_bytes() == whole


def test_parquet_holds_no_more_than_a_row_group(tmp_path: Path) -> None:
    form = FORMATS.get("parquet")
    assert form is not None
    before = pa.total_allocated_bytes()
    most = 0
    with form.open_part(tmp_path / "x", io_rows.PATIENT, compression="zstd", is_first=True) as part:
        for start in range(0, 1_500_000, 10_000):
            here = pa.array(np.arange(start, start + 10_000)).take(pa.array(np.arange(10_000)))
            part.write(pa.RecordBatch.from_arrays([here, here], schema=io_rows.PATIENT))
            most = max(most, pa.total_allocated_bytes() - before)
        assert part.close() == 1_500_000
    assert most < 4 * 131_072 * 8
    assert pq.read_metadata(tmp_path / "x").row_group(3).num_rows == 131_072


# Keys


def constraints(path: Path) -> set[tuple[str, str]]:
    with duckdb.connect(str(path), read_only=True) as database:
        return set(
            database.execute(
                "SELECT table_name, constraint_text FROM duckdb_constraints() "
                "WHERE constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY')"
            ).fetchall()
        )


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("pieces", [100, 1 << 19])
def test_duckdb_declares_and_enforces_keys(
    tmp_path: Path, workers: int, pieces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Children are listed before their parents, and inserted in many pieces or in one."""
    monkeypatch.setattr(duckdb_module, "PIECE_ROWS", pieces)
    group = family(names=("lab", "visit", "patient"))
    manifest = run(tmp_path, group, format="duckdb", workers=workers)
    assert [table.name for table in manifest.tables] == ["lab", "visit", "patient"]
    assert sorted(contents(tmp_path)) == ["clinic.duckdb", "manifest.json"]
    path = tmp_path / "clinic.duckdb"
    assert constraints(path) == {
        ("patient", "PRIMARY KEY(id)"),
        ("visit", 'PRIMARY KEY(patient_id, "index")'),
        ("visit", "FOREIGN KEY (patient_id) REFERENCES patient(id)"),
        ("visit", 'FOREIGN KEY (patient_id, "before") REFERENCES visit(patient_id, "index")'),
        ("lab", 'PRIMARY KEY(patient_id, visit_index, "index")'),
        ("lab", 'FOREIGN KEY (patient_id, visit_index) REFERENCES visit(patient_id, "index")'),
    }
    with duckdb.connect(str(path)) as database:
        counts = [
            database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in ("patient", "visit", "lab")
        ]
        assert counts == [ROWS, VISITS, LABS]
        deep = database.execute('SELECT patient_id, "before" IS NULL FROM visit').fetchall()
        assert deep == sorted(deep, key=lambda row: (not row[1], row[0]))  # by depth, then as made
        for statement in (
            "INSERT INTO lab VALUES (0, 0, 0)",
            "INSERT INTO visit VALUES (1, 7, 6)",
            "INSERT INTO visit VALUES (1, 0, NULL)",
            "DELETE FROM patient WHERE id = 1",
        ):
            with pytest.raises(duckdb.ConstraintException):
                database.execute(statement)


def test_the_manifest_lists_keys_and_references(tmp_path: Path) -> None:
    """Those that no database could declare too: the target is not among the tables."""

    def rows(*arguments: object) -> io_rows.Rows:
        return (pair for pair in io_rows.family(*arguments) if pair[0] != "visit")

    group = family(names=("lab", "patient"))
    write_folder(tmp_path, [group], RowSource(rows), FACTS, format="sql")
    lab, patient = read_manifest(tmp_path).tables
    assert lab.key == ("patient_id", "visit_index", "index") and patient.key == ("id",)
    (reference,) = lab.references
    assert reference.table == "visit" and reference.to == ("patient_id", "index")
    assert "FOREIGN KEY" not in (tmp_path / "clinic.sql").read_text()


def with_said(schema: pa.Schema, **metadata: str) -> pa.Schema:
    said = {name.encode(): text.encode() for name, text in metadata.items()}
    return schema.with_metadata({**schema.metadata, **said})


def test_which_references_become_foreign_keys() -> None:
    a = io_rows.keyed("a", {"id": False, "b": False}, ["id"], b=(["b"], ["id"]))
    b = io_rows.keyed("b", {"id": False, "a": False}, ["id"], a=(["a"], ["id"]), c=(["a"], ["x"]))
    c = io_rows.keyed("c", {"x": False, "y": False}, ["x", "y"], d=(["x"], ["id"]))
    settled = for_database({"a": a, "b": b, "c": c})
    facts = {name: table_facts(schema, "") for name, schema in settled.items()}
    # b cannot refer to a, which stands behind it; c has a key of two columns; there is no d
    assert list(facts) == ["b", "a", "c"]
    assert [facts[name].foreign_keys for name in facts] == [(), ((("b",), "b", ("id",)),), ()]
    assert [len(facts[name].references) for name in facts] == [2, 1, 1]
    swapped = io_rows.keyed("d", {"p": False, "q": False}, [], c=(["p", "q"], ["y", "x"]))
    found = table_facts(for_database({"d": swapped, "c": c})["d"], "").foreign_keys
    assert found == ((("q", "p"), "c", ("x", "y")),)


def load(folder: Path, *tables: pa.Table) -> Path:
    """A DuckDB database of `tables`."""
    form = FORMATS.get("duckdb")
    assert form is not None
    schemas = for_database({table_facts(t.schema, "").name: t.schema for t in tables})
    rows = {table_facts(t.schema, "").name: t for t in tables}
    target = folder / "x.duckdb"
    for name, schema in schemas.items():
        path = folder / name
        with form.open_part(path, schema, compression="none", is_first=True) as part:
            for batch in rows[name].to_batches():
                part.write(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
            count = part.close()
        form.assemble(target, schema, [Part(name, 0, path, count)])
    return target


def boss_table(boss: list[int | None]) -> pa.Table:
    schema = io_rows.keyed("person", {"id": False, "boss": True}, ["id"], person=(["boss"], ["id"]))
    return pa.table([pa.array(np.arange(len(boss))), pa.array(boss, pa.int64())], schema=schema)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            (
                pa.table([[1, 2], [5, 5]], schema=io_rows.PATIENT),
                pa.table([[1, 3], [0, 0], [None, None]], schema=io_rows.VISIT),
            ),
            "table `visit` cannot go into a DuckDB database: "
            "a row refers to the key `id: 3`, which is not there",
        ),
        (
            (pa.table([[4, 4], [5, 5]], schema=io_rows.PATIENT),),
            "table `patient` cannot go into a DuckDB database: two rows have the key `4`",
        ),
        (
            (pa.table([pa.array([4, None]), [5, 5]], schema=io_rows.PATIENT),),
            "table `patient` cannot go into a DuckDB database: `patient.id` is null in a row",
        ),
        (
            (boss_table([None, 0, 9]),),
            "table `person` cannot go into a DuckDB database: "
            "a row refers to the key `id: 9`, which is not there",
        ),
        (  # the reference is not declared, for 0 and 1 refer to each other; 2 is found all the same
            (boss_table([1, 0, 9]),),
            "table `person` cannot go into a DuckDB database: "
            "a row refers to the key `id: 9`, which is not there",
        ),
    ],
)
def test_broken_keys_are_named(tmp_path: Path, tables: list[pa.Table], message: str) -> None:
    with pytest.raises(SynthError) as raised:
        load(tmp_path, *tables)
    assert raised.value.message == message and raised.value.exit_code == 1


def test_circles_are_held_without_the_key(tmp_path: Path) -> None:
    path = load(tmp_path, boss_table([1, 2, 0, 3, None]))
    assert constraints(path) == {("person", "PRIMARY KEY(id)")}
    with duckdb.connect(str(path)) as database:
        assert database.execute("SELECT boss FROM person").fetchall() == [
            (1,), (2,), (0,), (3,), (None,)
        ]  # fmt: skip


def test_trees_in_any_order(tmp_path: Path) -> None:
    """A row may refer to a later one; every row arrives, behind the one it refers to."""
    draw = np.random.default_rng(3)
    order = draw.permutation(5_000)
    boss: list[int | None] = [None] * 5_000
    for place, person in enumerate(order.tolist()):
        if place:
            boss[person] = int(order[draw.integers(place)])
    path = load(tmp_path, boss_table(boss))
    assert ("person", "FOREIGN KEY (boss) REFERENCES person(id)") in constraints(path)
    with duckdb.connect(str(path)) as database:
        rows = database.execute("SELECT id, boss FROM person").fetchall()
    assert sorted(rows) == list(enumerate(boss))
    seen: set[int | None] = {None}
    for person, its_boss in rows:
        assert its_boss in seen
        seen.add(person)


def test_memory_that_is_short_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    real = duckdb_module._fill

    def fill(*arguments: object, memory: str | None) -> None:
        asked.append(memory)
        real(*arguments, memory=memory)

    monkeypatch.setattr(duckdb_module, "_fill", fill)
    monkeypatch.setattr(duckdb_module, "KEYED_MEMORY", "8MB")
    rows = 400_000
    ids = pa.array(np.arange(rows) * 6_364_136_223_846_793_005 >> 2)
    path = load(tmp_path, pa.table([ids, ids], schema=io_rows.PATIENT))
    with duckdb.connect(str(path)) as database:
        assert database.execute("SELECT count(*), sum(id) FROM patient").fetchall() == [
            (rows, sum(ids.to_pylist()))
        ]
    assert asked == ["8MB", None] and [p.name for p in tmp_path.iterdir()] == ["x.duckdb"]


# Depths


def by_hand(boss: list[int | None]) -> list[int] | None:
    """Depths one row at a time."""
    result = []
    for person in range(len(boss)):
        depth, at = 0, boss[person]
        while at is not None and at < len(boss):
            depth, at = depth + 1, boss[at]
            if depth > len(boss):
                return None
        result.append(depth)
    return result


@given(st.lists(st.none() | st.integers(0, 12), max_size=10))
def test_depths_are_those_of_a_walk(boss: list[int | None]) -> None:
    table = boss_table(boss)
    found = depths(table, trees_of(table_facts(table.schema, "")))
    assert (None if found is None else found.tolist()) == by_hand(boss)


def test_depth_is_the_longest_way_and_has_an_end() -> None:
    schema = io_rows.keyed("t", {"id": False, "a": True, "b": True}, ["id"], t=(["a"], ["id"]))
    two = json.dumps([{"fields": [f], "table": "t", "to": ["id"]} for f in ("a", "b")])
    table = pa.table(
        [[0, 1, 2, 3], [None, 0, 0, 1], pa.array([None, None, 1, 2])],
        schema=with_said(schema, references=two),
    )
    found = depths(table, trees_of(table_facts(table.schema, "")))
    assert found is not None and found.tolist() == [0, 1, 2, 3]
    for rows, expected in ((DEEPEST, list(range(DEEPEST))), (DEEPEST + 1, None)):
        chain = boss_table([None, *range(rows - 1)])
        found = depths(chain, trees_of(table_facts(chain.schema, "")))
        assert (None if found is None else found.tolist()) == expected


@pytest.mark.parametrize("server", ["duckdb", "sqlite"])
def test_scripts_load_with_constraints_on(tmp_path: Path, server: str) -> None:
    """DuckDB checks each row when its statement comes, SQLite at the statement's end."""
    run(tmp_path, family(names=("lab", "visit", "patient")), format="sql", workers=2)
    script = (tmp_path / "clinic.sql").read_text()
    queries = ["SELECT count(*) FROM " + name for name in ("patient", "visit", "lab")]
    if server == "duckdb":
        with duckdb.connect() as database:
            database.execute(script)
            counts = [database.execute(query).fetchone()[0] for query in queries]
            with pytest.raises(duckdb.ConstraintException):
                database.execute("INSERT INTO visit VALUES (1, 7, 6)")
    else:
        connection = sqlite3.connect(":memory:")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.executescript(script)
        counts = [connection.execute(query).fetchone()[0] for query in queries]
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("INSERT INTO visit VALUES (1, 7, 6)")
        connection.close()
    assert counts == [ROWS, VISITS, LABS]
