"""Parts, workers and what is left when something goes wrong: nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import io_rows
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthdsl.diagnostics import SynthError
from synthdsl.io import write as write_module
from synthdsl.io.base import FORMATS
from synthdsl.io.manifest import read_manifest, source_file
from synthdsl.io.write import RowGroup, RowSource, RunFacts, output_names, write_folder

PART = 1_000
ROWS = 2_500


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_module, "PART_ROWS", PART)


def facts() -> RunFacts:
    return RunFacts("clinic", 7, {"n": ROWS}, [source_file("clinic.synth", b"language 1\n")])


def lone(name: str, stop: int, start: int = 0) -> RowGroup:
    return RowGroup(name, {name: io_rows.SCHEMA}, stop, start)


def run(target: Path, source: RowSource, *, rows: int = ROWS, **options: object) -> object:
    groups = [lone("patient", rows), lone("lab", 10)]
    return write_folder(target, groups, source, facts(), **options)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


@pytest.mark.parametrize("name", ["parquet", "csv", "jsonl", "arrow", "sql"])
def test_bytes_do_not_depend_on_workers_or_blocks(tmp_path: Path, name: str) -> None:
    source = RowSource(io_rows.batches)
    for workers in (1, 2, 3) if name == "parquet" else (1, 2):
        run(tmp_path / str(workers), source, format=name, workers=workers)
    alone = contents(tmp_path / "1")
    assert contents(tmp_path / "2") == alone
    if name == "parquet":
        assert contents(tmp_path / "3") == alone
        assert set(alone) == {
            *(f"patient.parquet/part-0000{i}.parquet" for i in range(3)),
            "lab.parquet",
            "manifest.json",
        }
        read = pq.read_table(tmp_path / "1" / "patient.parquet")
        assert read.combine_chunks().equals(
            pa.Table.from_batches([io_rows.block(0, ROWS)]).combine_chunks()
        )


def test_duckdb_gets_every_table_from_workers(tmp_path: Path) -> None:
    import duckdb

    run(tmp_path / "o", RowSource(io_rows.batches), format="duckdb", workers=2)
    assert sorted(contents(tmp_path / "o")) == ["clinic.duckdb", "manifest.json"]
    with duckdb.connect(str(tmp_path / "o" / "clinic.duckdb")) as database:
        assert database.execute(
            "SELECT count(*), sum(row), count(value) FROM patient"
        ).fetchall() == [(ROWS, ROWS * (ROWS - 1) // 2, ROWS - len(range(5, ROWS, 11)))]
        assert database.execute("SELECT count(*) FROM lab").fetchall() == [(10,)]


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_counts_every_row_once(tmp_path: Path, workers: int) -> None:
    seen: list[int] = []
    run(tmp_path / "o", RowSource(io_rows.batches, 100), workers=workers, progress=seen.append)
    assert seen == sorted(seen) and seen[-1] == ROWS + 10


def test_a_slice_holds_the_rows_of_the_whole(tmp_path: Path) -> None:
    tables = [lone("t", 1_700, 300)]
    write_folder(tmp_path / "o", tables, RowSource(io_rows.batches), facts())
    read = pq.read_table(tmp_path / "o" / "t.parquet")
    assert read["row"].to_pylist() == list(range(300, 1_700))


def test_no_rows_make_a_table_all_the_same(tmp_path: Path) -> None:
    manifest = write_folder(tmp_path / "o", [lone("t", 0)], RowSource(io_rows.batches), facts())
    assert pq.read_table(tmp_path / "o" / "t.parquet").schema.equals(io_rows.SCHEMA)
    assert manifest.tables[0].rows == 0


FAILURES = [
    ("value", ValueError, "no such row"),
    ("missing", FileNotFoundError, "lookup.csv"),
    ("schema", TypeError, "has another schema"),
    ("interrupt", KeyboardInterrupt, None),
]


@pytest.mark.parametrize("name", ["parquet", "csv", "jsonl", "arrow", "sql", "duckdb"])
@pytest.mark.parametrize(("how", "error", "message"), FAILURES)
def test_a_failing_source_leaves_nothing(
    tmp_path: Path, name: str, how: str, error: type[BaseException], message: str | None
) -> None:
    """The error passes through as it is, half a part and a whole one having been written."""
    with pytest.raises(error, match=message):
        run(tmp_path / "a" / "o", RowSource(io_rows.failing, (how, PART)), format=name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        *FAILURES[:2],
        (
            "kill",
            SynthError,
            r"a worker process ended early \(signal SIGKILL\).*nothing was written",
        ),
        ("exit", SynthError, r"ended early \(exit code 7\)"),
    ],
)
def test_a_failing_worker_leaves_nothing(
    tmp_path: Path, how: str, error: type[BaseException], message: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        run(tmp_path / "a" / "o", RowSource(io_rows.failing, (how, PART)), workers=2)
    assert list(tmp_path.iterdir()) == []
    if isinstance(raised.value, SynthError):
        assert raised.value.exit_code == 2
    else:
        assert "io_rows.py" in raised.value.__notes__[0]
    assert children() == []


def children() -> list[int]:
    """Processes whose parent this one is."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            found.append(int(stat.parent.name))
    return found


def test_what_a_worker_prints_does_no_harm(tmp_path: Path) -> None:
    run(tmp_path / "o", RowSource(io_rows.noisy), workers=2)
    assert len(pq.read_table(tmp_path / "o" / "patient.parquet")) == ROWS


SLOW = """
import sys; from pathlib import Path; sys.path.insert(0, {tests!r})
import io_rows
from synthdsl.io.write import *
tables = [RowGroup(n, {{n: io_rows.SCHEMA}}, 10) for n in ("a", "b")]
source = RowSource(io_rows.slow, {marks!r})
write_folder(Path({out!r}), tables, source, RunFacts("s", 1), workers={workers})
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize(("sign", "workers"), [("SIGINT", 1), ("SIGINT", 2), ("SIGKILL", 2)])
def test_signals_leave_no_process_and_no_half_file(tmp_path: Path, sign: str, workers: int) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    script = SLOW.format(
        tests=str(Path(__file__).parent),
        marks=str(marks),
        out=str(tmp_path / "x" / "out"),
        workers=workers,
    )
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE)
    wait_until(lambda: len(list(marks.iterdir())) == workers)
    process.send_signal(getattr(signal, sign))
    assert process.wait(10) != 0
    assert process.stderr is not None
    message = process.stderr.read().decode()
    process.stderr.close()
    pids = [int(p.name) for p in marks.iterdir()]
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    if sign == "SIGINT":
        assert "KeyboardInterrupt" in message
        assert not (tmp_path / "x").exists()
    else:
        assert not (tmp_path / "x" / "out").exists()  # only the hidden folder is left


def wait_until(claim: object) -> None:
    deadline = time.monotonic() + 20
    while not claim():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


FULL = """
import resource, sys; from pathlib import Path; sys.path.insert(0, {tests!r})
import io_rows
from synthdsl.diagnostics import SynthError
from synthdsl.io.write import *
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    tables = [RowGroup("a", {{"a": io_rows.SCHEMA}}, {rows})]
    source = RowSource(io_rows.batches)
    write_folder(Path({out!r}), tables, source, RunFacts("s", 1), format={name!r})
except SynthError as error:
    print(error.exit_code, error.message)
"""


@pytest.mark.parametrize(
    ("name", "rows", "limit"),
    [
        *(
            (name, 500_000, 30_000)
            for name in ("parquet", "csv", "jsonl", "arrow", "sql", "duckdb")
        ),
        ("csv", 2_100_000, 40_000_000),  # the parts have room, the whole has not
        ("duckdb", 10, 100_000),
    ],
)
def test_a_file_that_may_not_grow(tmp_path: Path, name: str, rows: int, limit: int) -> None:
    target = tmp_path / "deep" / "out"
    tests = str(Path(__file__).parent)
    script = FULL.format(tests=tests, out=str(target), name=name, rows=rows, limit=limit)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == (
        f"2 cannot write to `{target}`: a file grew beyond the size allowed here; "
        "nothing was written"
    ), done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("name", ["parquet", "csv", "jsonl", "arrow", "sql", "duckdb"])
def test_a_full_disk(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts that lie on a device which is always full."""
    from synthdsl.io import _parts

    monkeypatch.setattr(_parts.Job, "path", lambda job, task, table: Path("/dev/full"))
    with pytest.raises(SynthError, match="the disk is full; nothing was written") as raised:
        run(tmp_path / "o", RowSource(io_rows.batches), format=name)
    assert raised.value.exit_code == 2 and str(tmp_path / "o") in raised.value.message
    assert list(tmp_path.iterdir()) == []


def test_refusals_come_before_any_row(tmp_path: Path) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a row was asked for")

    source = RowSource(never)  # type: ignore[arg-type]
    with pytest.raises(SynthError, match="unknown format `parket`; did you mean `parquet`"):
        run(tmp_path / "o", source, format="parket")
    with pytest.raises(SynthError, match="csv has no compression `snappy`"):
        run(tmp_path / "o", source, format="csv", compression="snappy")
    with pytest.raises(SynthError, match="more than the"):
        run(tmp_path / "o", source, rows=10**15)
    same = [lone("T", 1), lone("t", 1)]
    with pytest.raises(SynthError, match="would be the same file"):
        write_folder(tmp_path / "o", same, source, facts())
    assert list(tmp_path.iterdir()) == []
    run(tmp_path / "o", RowSource(io_rows.batches))
    before = contents(tmp_path / "o")
    with pytest.raises(SynthError, match=r"already exist in .* add --overwrite"):
        run(tmp_path / "o", source)
    assert contents(tmp_path / "o") == before


def test_overwriting_changes_parts_into_a_file_only_at_the_end(tmp_path: Path) -> None:
    run(tmp_path / "o", RowSource(io_rows.batches))
    before = contents(tmp_path / "o")
    with pytest.raises(ValueError, match="no such row"):
        run(tmp_path / "o", RowSource(io_rows.failing, ("value", PART)), overwrite=True)
    assert contents(tmp_path / "o") == before
    run(tmp_path / "o", RowSource(io_rows.batches), rows=5, overwrite=True)
    assert sorted(contents(tmp_path / "o")) == ["lab.parquet", "manifest.json", "patient.parquet"]


def test_names_of_outputs() -> None:
    tables = [lone("a", 1), lone("b", 1)]
    assert output_names(tables, "s", format="csv", compression="gzip") == [
        "a.csv.gz",
        "b.csv.gz",
        "manifest.json",
    ]
    assert output_names(tables, "s", format="duckdb", compression="none") == [
        "s.duckdb",
        "manifest.json",
    ]
    assert output_names(tables, "s", format="parquet", compression="zstd")[0] == "a.parquet"


def test_the_manifest_tells_what_was_written(tmp_path: Path) -> None:
    import hashlib

    run(tmp_path / "o", RowSource(io_rows.batches), format="parquet")
    manifest = read_manifest(tmp_path / "o")
    data = json.loads((tmp_path / "o" / "manifest.json").read_text())
    assert (
        data["schema"] == "synthdsl.manifest/1"
        and data["seed"] == 7
        and data["parameters"] == {"n": ROWS}
    )
    assert data["compression"] == "zstd" and data["versions"]["pyarrow"] == pa.__version__
    assert data["sources"] == [
        {"name": "clinic.synth", "sha256": hashlib.sha256(b"language 1\n").hexdigest()}
    ]
    patient = manifest.tables[0]
    assert (patient.name, patient.rows, patient.key, patient.description) == (
        "patient",
        ROWS,
        ("row",),
        "some rows",
    )
    dose = patient.columns[2]
    assert (dose.unit, dose.description, dose.arrow_type, dose.nullable) == (
        "mg",
        "a dose",
        "double",
        True,
    )
    assert patient.columns[0].roles == ("identifier",)
    written = {f.path: f for table in manifest.tables for f in table.files}
    on_disk = contents(tmp_path / "o")
    assert set(written) == set(on_disk) - {"manifest.json"}
    for path, file in written.items():
        assert file.sha256 == hashlib.sha256(on_disk[path]).hexdigest() and file.bytes == len(
            on_disk[path]
        )
    assert str(tmp_path) not in (tmp_path / "o" / "manifest.json").read_text()


def test_manifests_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(SynthError, match="cannot read"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text('{"schema": "synthdsl.manifest/2"}')
    with pytest.raises(SynthError, match="is no manifest: schema"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text("not json")
    with pytest.raises(SynthError, match="is no manifest"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    "name", ["/home/ann/clinic.synth", "C:\\Users\\ann\\clinic.synth", "clinic.synth"]
)
def test_absolute_paths_stay_at_home(name: str) -> None:
    assert source_file(name, b"").name == "clinic.synth"
    assert source_file("std\\people.synth", b"").name == "std/people.synth"


def test_formats_of_the_contract_are_those_written_here() -> None:
    assert {form.name for form in FORMATS} == {"parquet", "csv", "jsonl", "arrow", "sql", "duckdb"}
