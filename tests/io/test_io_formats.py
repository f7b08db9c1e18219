"""Every format: what is written reads back equal, by libraries that did not write it."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthdsl.diagnostics import SynthError
from synthdsl.io.base import FORMATS, Format, Part

QUICK = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), max_size=12
) | st.sampled_from(
    ["", '"', "'", "\\", "\r\n", "a,b", " x ", "\x01\x1f", "\u2028", "𝔘", "null", "NaN", "1.0"]
)
MICROS = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)
SECONDS = st.integers(-62_135_596_800, 253_402_300_799).map(lambda s: s * 1_000_000)
KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[object]]] = {
    "int": (pa.int64(), st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200)),
    "float": (
        pa.float64(),
        st.floats(allow_nan=False, allow_infinity=False)
        | st.integers(-3000, 3000).map(lambda k: k / 10)
        | st.sampled_from([0.0, -0.0, 5e-324, 1.7976931348623157e308, 1e16]),
    ),
    "bool": (pa.bool_(), st.booleans()),
    "text": (pa.string(), TEXT),
    "coded": (pa.dictionary(pa.int16(), pa.string()), TEXT),
    "date": (pa.date32(), st.dates()),
    "moment": (pa.timestamp("us"), MICROS | SECONDS),
    "zoned": (pa.timestamp("us", "Europe/Berlin"), SECONDS | MICROS),
    "time": (pa.time64("us"), st.times() | st.times().map(lambda t: t.replace(microsecond=0))),
    "span": (
        pa.duration("us"),
        st.integers(-(10**15), 10**15) | st.integers(-9, 9).map(lambda s: s * 10**6),
    ),
    "price": (pa.decimal128(15, 2), st.decimals(-(10**12), 10**12, places=2)),
    "list": (
        pa.list_(pa.field("element", pa.int64())),
        st.lists(st.integers(-9, 9) | st.none(), max_size=3),
    ),
    "words": (pa.list_(pa.field("element", pa.string())), st.lists(TEXT | st.none(), max_size=3)),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """A table of any of the kinds, in a few batches."""
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=5))
    rows = draw(st.integers(0, 12))
    columns = []
    for kind in kinds:
        arrow, values = KINDS[kind]
        column = draw(st.lists(values | st.none(), min_size=rows, max_size=rows))
        if kind == "coded":
            words = sorted({w for w in column if w is not None})
            codes = pa.array([None if w is None else words.index(w) for w in column], pa.int16())
            columns.append(pa.DictionaryArray.from_arrays(codes, pa.array(words, pa.string())))
        else:
            columns.append(pa.array(column, arrow))
    names = [f"{kind}_{place}" for place, kind in enumerate(kinds)]
    return pa.table(columns, names=names)


def put(
    form: Format | None,
    path: Path,
    table: pa.Table,
    *,
    compression: str | None = None,
    is_first: bool = True,
    cut: int | None = None,
) -> int:
    """Write `table` to a part in batches of at most `cut` rows; return the rows it counted."""
    assert form is not None
    with form.open_part(
        path, table.schema, compression=compression or form.check(), is_first=is_first
    ) as part:
        for batch in table.to_batches(max_chunksize=cut):
            part.write(batch)
        return part.close()


def write(
    table: pa.Table, name: str, folder: Path, *, compression: str | None = None, cut: int = 5
) -> Path:
    """Write `table` in two parts of batches of `cut` rows; return the assembled file or folder."""
    chosen = FORMATS.get(name)
    assert chosen is not None
    used = chosen.check(compression)
    folder.mkdir(exist_ok=True, parents=True)
    for old in folder.iterdir():
        if old.is_dir():
            for file in old.iterdir():
                file.unlink()
            old.rmdir()
        else:
            old.unlink()
    half = table.num_rows // 2
    parts = []
    for number, piece in enumerate([table.slice(0, half), table.slice(half)]):
        path = folder / f"p{number}"
        rows = put(chosen, path, piece, compression=used, is_first=number == 0, cut=cut)
        assert rows == piece.num_rows
        parts.append(Part("t", number, path, rows))
    target = folder / chosen.file_name("t", used)
    chosen.assemble(target, table.schema, parts)
    assert [p.name for p in folder.iterdir()] == [target.name]
    return target


def moment(micros: int, *, zone: bool = False) -> dt.datetime:
    origin = dt.datetime(1970, 1, 1, tzinfo=dt.UTC if zone else None)
    return origin + dt.timedelta(microseconds=micros)


def texts(array: pa.ChunkedArray, name: str) -> list[object]:
    """What a text format should say of a column, as Python values made without it."""
    kind = name.split("_")[0]
    values = (
        array.to_pylist()
        if kind not in ("moment", "zoned", "span")
        else array.cast(pa.int64()).to_pylist()
    )
    change = {
        "moment": lambda v: moment(v),
        "zoned": lambda v: moment(v, zone=True),
        "span": lambda v: Decimal(v) / 1_000_000,
    }.get(kind, lambda v: v)
    return [None if v is None else change(v) for v in values]


def read_text(kind: str, text: str | None) -> object:
    """A CSV cell as a value of `kind`, by the standard library."""
    if text is None:
        return None
    read = {
        "int": int,
        "float": float,
        "bool": {"true": True, "false": False}.__getitem__,
        "date": dt.date.fromisoformat,
        "moment": dt.datetime.fromisoformat,
        "zoned": dt.datetime.fromisoformat,
        "time": dt.time.fromisoformat,
        "span": Decimal,
        "price": Decimal,
        "list": json.loads,
        "words": json.loads,
    }
    return read.get(kind, str)(text)


def same(left: list[object], right: list[object]) -> None:
    """Equal, with floats compared by their bits."""
    assert [str(v) if isinstance(v, float) else v for v in left] == [
        str(v) if isinstance(v, float) else v for v in right
    ]


@pytest.mark.parametrize("name", ["parquet", "arrow"])
@QUICK
@given(table=tables())
def test_typed_files_read_back_equal(tmp_path: Path, name: str, table: pa.Table) -> None:
    target = write(table, name, tmp_path / name)
    files = sorted(target.iterdir())
    assert [f.name for f in files] == [f"part-0000{i}.{name}" for i in range(2)]
    if name == "parquet":
        read = pa.concat_tables([pq.read_table(f) for f in files])
    else:
        read = pa.concat_tables([pa.ipc.open_file(f).read_all() for f in files])
    assert read.schema.equals(table.schema, check_metadata=True)
    for column, expected in zip(read.columns, table.columns, strict=True):
        assert (
            column.combine_chunks()
            .cast(_plain(expected.type))
            .equals(expected.combine_chunks().cast(_plain(expected.type)))
        )


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


@QUICK
@given(table=tables())
def test_csv_reads_back_equal_by_the_standard_library(tmp_path: Path, table: pa.Table) -> None:
    raw = write(table, "csv", tmp_path / "csv").read_bytes().decode()
    rows = split_csv(raw)
    assert [cell for cell in rows[0]] == table.column_names
    # One reader that knows null from empty (below), one that everybody uses.
    plain = list(csv.reader(io.StringIO(raw, newline=""), strict=True))
    if table.num_columns > 1:
        assert [["" if c is None else c for c in row] for row in rows] == plain
    for place, name in enumerate(table.column_names):
        kind = name.split("_")[0]
        expected = texts(table.column(name), name)
        cells = [row[place] for row in rows[1:]]
        if table.num_columns == 1:  # null and the empty text look alike here
            assert None not in cells
            cells = [cell or None for cell in cells]
            expected = [value if value != "" else None for value in expected]
        same([read_text(kind, cell) for cell in cells], expected)


def split_csv(raw: str) -> list[list[str | None]]:
    """An RFC 4180 reader that gives None for nothing and "" for two quotes."""
    rows: list[list[str | None]] = []
    at = 0
    while at < len(raw):
        row: list[str | None] = []
        while True:
            if raw[at] == '"':
                end = at + 1
                while raw[end] != '"' or raw[end : end + 2] == '""':
                    end += 2 if raw[end] == '"' else 1
                row.append(raw[at + 1 : end].replace('""', '"'))
                at = end + 1
            else:
                end = min(x for x in (raw.find(",", at), raw.find("\n", at)) if x >= 0)
                row.append(raw[at:end] or None)
                at = end
            at += 1
            if raw[at - 1] == "\n":
                break
        rows.append(row)
    return rows


@QUICK
@given(table=tables())
def test_json_lines_read_back_equal_by_the_standard_library(
    tmp_path: Path, table: pa.Table
) -> None:
    raw = write(table, "jsonl", tmp_path / "jsonl").read_bytes()
    lines = raw.split(b"\n")
    assert lines.pop() == b""
    rows = [json.loads(line, parse_float=str, parse_int=str) for line in lines]
    assert all(list(row) == table.column_names for row in rows)
    for name in table.column_names:
        kind = name.split("_")[0]
        cells = [row[name] for row in rows]
        if kind in ("int", "float", "span", "price", "date", "moment", "zoned", "time"):
            assert all(cell is None or isinstance(cell, str) for cell in cells)
            cells = [read_text(kind, cell) for cell in cells]
        if kind == "list":
            cells = [v if v is None else [None if x is None else int(x) for x in v] for v in cells]
        same(cells, texts(table.column(name), name))


@settings(QUICK, max_examples=20)
@given(table=tables())
def test_duckdb_holds_the_same_rows(tmp_path: Path, table: pa.Table) -> None:
    # Outside what DuckDB can hold or Python can show: moments with a zone at the ends of time.
    keep = [n for n in table.column_names if n.split("_")[0] not in ("zoned",)]
    table = table.select(keep or table.column_names[:0])
    if not keep:
        return
    target = write(with_name(table), "duckdb", tmp_path / "db")
    with duckdb.connect(str(target), read_only=True) as database:
        rows = database.execute("SELECT * FROM t").fetchall()
    for place, name in enumerate(table.column_names):
        expected = texts(table.column(name), name)
        if name.startswith("span"):
            expected = [
                None if v is None else dt.timedelta(microseconds=int(v * 10**6)) for v in expected
            ]
        same([row[place] for row in rows], expected)


@QUICK
@given(table=tables())
def test_sql_runs_in_sqlite_and_holds_the_same_values(tmp_path: Path, table: pa.Table) -> None:
    script = write(with_name(table), "sql", tmp_path / "sql").read_bytes().decode()
    database = sqlite3.connect(":memory:")
    database.executescript(script)
    columns = ", ".join(f'"{n}", typeof("{n}")' for n in table.column_names)
    rows = database.execute(f"SELECT {columns} FROM t ORDER BY rowid").fetchall()
    database.close()
    for place, name in enumerate(table.column_names):
        kind = name.split("_")[0]
        cells = [row[2 * place] for row in rows]
        expected = texts(table.column(name), name)
        if kind in ("span", "price"):
            assert cells == [None if v is None else float(v) for v in expected]
        elif kind in ("float", "int", "bool"):
            assert cells == expected
        else:
            same([read_text(kind, cell) for cell in cells], expected)


def with_name(table: pa.Table) -> pa.Table:
    return table.replace_schema_metadata({"synthdsl.table": "t"})


def test_sql_runs_in_duckdb_with_types_keys_and_references(tmp_path: Path) -> None:
    parent = pa.table({"id": [1, 2], "name": ["O'Hara", None]}).replace_schema_metadata(
        {"synthdsl.table": "parent", "key": '["id"]', "description": "two\nlines; --"}
    )
    child = pa.table(
        {"p": [1, 1], "at": pa.array([0, 1], pa.timestamp("us"))}
    ).replace_schema_metadata(
        {
            "synthdsl.table": "a child",
            "references": '[{"fields": ["p"], "table": "parent", "to": ["id"]}]',
        }
    )
    form = FORMATS.get("sql")
    assert form is not None
    script = ""
    for table in (parent, child):
        path = tmp_path / "x"
        put(form, path, table)
        script += path.read_text()
    with duckdb.connect() as database:
        database.execute(script)
        assert database.execute("SELECT * FROM parent").fetchall() == [(1, "O'Hara"), (2, None)]
        assert database.execute('SELECT "at" FROM "a child"').fetchall()[1][0].year == 1970
        with pytest.raises(duckdb.ConstraintException):
            database.execute('INSERT INTO "a child" VALUES (9, NULL)')
        with pytest.raises(duckdb.ConstraintException):
            database.execute("INSERT INTO parent VALUES (1, NULL)")


def test_duckdb_carries_keys_comments_and_not_null(tmp_path: Path) -> None:
    schema = pa.schema(
        [
            pa.field("id", pa.int64(), nullable=False, metadata={"description": "who's who"}),
            pa.field("dose", pa.float64(), metadata={"unit": "mg"}),
        ],
        metadata={"synthdsl.table": "t", "key": '["id"]', "description": "doses"},
    )
    target = write(
        pa.table({"id": [1, 2], "dose": [0.5, None]}, schema=schema), "duckdb", tmp_path / "d"
    )
    with duckdb.connect(str(target)) as database:
        comments = database.execute(
            "SELECT column_name, comment, is_nullable FROM duckdb_columns() WHERE table_name = 't'"
        )
        assert comments.fetchall() == [("id", "who's who", False), ("dose", "[mg]", True)]
        assert database.execute("SELECT comment FROM duckdb_tables()").fetchall() == [("doses",)]
        with pytest.raises(duckdb.ConstraintException):
            database.execute("INSERT INTO t VALUES (1, 0)")


def test_duckdb_keeps_moments_with_a_zone(tmp_path: Path) -> None:
    micros = [0, -1, 253_402_300_799_999_999, None]
    table = with_name(pa.table({"at": pa.array(micros, pa.timestamp("us", "Europe/Berlin"))}))
    target = write(table, "duckdb", tmp_path / "d")
    with duckdb.connect(str(target)) as database:
        assert database.execute('SELECT epoch_us("at") FROM t').fetchall() == [(m,) for m in micros]
        kinds = database.execute("SELECT data_type FROM duckdb_columns() WHERE table_name = 't'")
        assert kinds.fetchall() == [("TIMESTAMP WITH TIME ZONE",)]


def test_duckdb_says_which_table_breaks_its_key(tmp_path: Path) -> None:
    schema = pa.schema([("id", pa.int64())], metadata={"synthdsl.table": "t", "key": '["id"]'})
    with pytest.raises(SynthError, match="table `t` cannot go into a DuckDB database"):
        write(pa.table({"id": [1, 1]}, schema=schema), "duckdb", tmp_path / "d")


def test_without_duckdb_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    form = FORMATS.get("duckdb")
    assert form is not None
    with pytest.raises(SynthError, match=r"pip install 'synthdsl\[duckdb\]'") as raised:
        form.check()
    assert raised.value.exit_code == 2


LARGE = 40_000


def large_table() -> pa.Table:
    """More rows than a block, of columns that take every shortcut and leave it half-way."""
    draw = np.random.default_rng(7)
    row = np.arange(LARGE)
    grid = np.round(draw.normal(170, 8, LARGE), 1)
    grid[30_000:] = draw.normal(0, 1e6, 10_000)  # off the grid after two blocks
    fine = np.round(draw.normal(0, 5, LARGE), 0)
    fine[16_384:] = np.round(draw.normal(0, 5, LARGE - 16_384), 2)  # on a finer one
    ages = draw.integers(-5, 100, LARGE)
    ages[20_000] = 2**53
    return pa.table(
        {
            "row": row,
            "grid": pa.array(grid, mask=row % 7 == 3),
            "fine": fine,
            "age": pa.array(ages, mask=row % 5 == 1),
            "flag": pa.array(row % 3 == 0, mask=row % 13 == 2),
            "day": pa.array(
                draw.integers(-30_000, 30_000, LARGE).astype("datetime64[D]"), mask=row % 9 == 1
            ),
            "at": pa.array(
                (draw.integers(0, 2**31, LARGE) * 10**6).astype("datetime64[us]"), mask=row % 9 == 4
            ),
            "code": pa.array(
                np.array(["x", "y,z", ""])[row % 3], mask=row % 4 == 1
            ).dictionary_encode(),
        }
    )


def test_shortcuts_say_the_same_as_plain_casts(tmp_path: Path) -> None:
    table = large_table()
    target = write(table, "csv", tmp_path / "c", cut=16_384)
    read = pd.read_csv(target, keep_default_na=False, dtype=str)
    assert len(read) == LARGE
    for name in ("row", "grid", "fine", "age", "flag", "day"):
        expected = table[name].cast(pa.string()).fill_null("").to_pylist()
        assert read[name].tolist() == expected
    moments = table["at"].cast(pa.timestamp("s")).cast(pa.string()).fill_null("").to_pylist()
    assert read["at"].tolist() == [text.replace(" ", "T") for text in moments]
    lines = write(table, "jsonl", tmp_path / "j", cut=16_384).read_bytes().splitlines()
    rows = [json.loads(line) for line in lines]
    for name in ("row", "grid", "fine", "age", "flag", "code"):
        assert [row[name] for row in rows] == table[name].to_pylist()


def test_duckdb_and_pandas_read_csv_with_types(tmp_path: Path) -> None:
    table = large_table().drop(["code"])
    target = write(table, "csv", tmp_path / "c", cut=16_384)
    with duckdb.connect() as database:
        relation = database.sql(f"SELECT * FROM read_csv('{target}')")
        assert [str(kind) for kind in relation.types] == (
            ["BIGINT", "DOUBLE", "DOUBLE", "BIGINT", "BOOLEAN", "DATE", "TIMESTAMP"]
        )
        rows = relation.fetchall()
    assert rows == list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    frame = pd.read_csv(target, parse_dates=["day", "at"])
    assert frame["at"].isna().sum() == table["at"].null_count
    assert str(frame["at"].dtype).startswith("datetime64")


@pytest.mark.parametrize("name", ["csv", "jsonl"])
@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_compressed_parts_concatenate(tmp_path: Path, name: str, compression: str) -> None:
    table = large_table()
    plain = write(table, name, tmp_path / "a", cut=16_384).read_bytes()
    packed = write(table, name, tmp_path / "b", compression=compression, cut=16_384)
    assert packed.name == f"t.{name}.{'gz' if compression == 'gzip' else 'zst'}"
    with pa.input_stream(packed, compression=compression) as stream:
        assert stream.read() == plain
    if compression == "gzip":
        assert gzip.decompress(packed.read_bytes()) == plain
    with duckdb.connect() as database:
        reader = "read_csv" if name == "csv" else "read_json"
        assert database.execute(f"SELECT count(*) FROM {reader}('{packed}')").fetchall() == [
            (LARGE,)
        ]


def test_not_a_number(tmp_path: Path) -> None:
    table = pa.table({"x": [float("nan"), float("inf"), -float("inf"), 1.5, None], "k": range(5)})
    assert write(table, "csv", tmp_path / "c").read_text().split() == [
        "x,k",
        "NaN,0",
        "inf,1",
        "-inf,2",
        "1.5,3",
        ",4",
    ]
    lines = write(table, "jsonl", tmp_path / "j").read_text().splitlines()
    assert [json.loads(line)["x"] for line in lines] == [None, None, None, 1.5, None]
    assert write(table, "sql", tmp_path / "s").read_text().count("NULL") == 4
    read = pq.read_table(write(table, "parquet", tmp_path / "p"))
    assert np.isnan(read["x"][0].as_py()) and read["x"].null_count == 1


def test_null_and_empty_text_differ_in_csv(tmp_path: Path) -> None:
    table = pa.table({"a": ["", None, "x"], "b": pa.array(["", None, "x"]).dictionary_encode()})
    assert write(table, "csv", tmp_path / "c").read_text() == 'a,b\n"",""\n,\nx,x\n'


def test_parquet_row_groups_and_dictionaries(tmp_path: Path) -> None:
    rows = 300_000
    table = pa.table(
        {"n": np.arange(rows), "c": pa.array(["a", "b"] * (rows // 2)).dictionary_encode()}
    ).replace_schema_metadata({"k": "v"})
    form = FORMATS.get("parquet")
    assert form is not None
    for cut in (16_384, 10_000, 200_000):
        put(form, tmp_path / "x", table, cut=cut)
        with pq.ParquetFile(tmp_path / "x") as file:
            about = file.metadata
            assert [about.row_group(i).num_rows for i in range(3)] == [131_072, 131_072, 37_856]
            assert about.row_group(0).column(0).compression == "ZSTD"
            encodings = [about.row_group(0).column(i).encodings for i in range(2)]
            assert ["RLE_DICTIONARY" in e for e in encodings] == [False, True]
        assert pq.read_table(tmp_path / "x").equals(table)


@pytest.mark.parametrize("name", ["arrow", "csv", "duckdb", "jsonl", "parquet", "sql"])
class TestContract:
    """What every format promises."""

    def test_it_is_known(self, name: str) -> None:
        assert FORMATS.names() == ["arrow", "csv", "duckdb", "jsonl", "parquet", "sql"]
        form = FORMATS.get(name)
        assert form is not None and form.summary and form.extension == name
        assert form.check() == form.compressions[0]
        with pytest.raises(SynthError, match="no compression `rar`") as raised:
            form.check("rar")
        assert raised.value.exit_code == 2

    def test_bytes_are_the_same_every_time(self, name: str, tmp_path: Path) -> None:
        form = FORMATS.get(name)
        assert form is not None
        table = large_table()
        for compression in form.compressions:
            written = []
            for place in "ab":
                path = tmp_path / place
                put(form, path, table, compression=compression, cut=9_999)
                written.append(path.read_bytes())
            assert written[0] == written[1]

    def test_compression_shrinks(self, name: str, tmp_path: Path) -> None:
        form = FORMATS.get(name)
        assert form is not None
        table = large_table()
        sizes = {}
        for compression in form.compressions:
            put(form, tmp_path / "x", table, compression=compression)
            sizes[compression] = (tmp_path / "x").stat().st_size
        assert all(size < sizes["none"] for key, size in sizes.items() if key != "none")

    def test_no_rows_make_a_table_without_rows(self, name: str, tmp_path: Path) -> None:
        target = write(with_name(large_table().slice(0, 0)), name, tmp_path / "x")
        if target.is_dir():
            read = (
                pq.read_table(target)
                if name == "parquet"
                else pa.ipc.open_file(target / "part-00000.arrow").read_all()
            )
            assert read.num_rows == 0 and read.num_columns == 8
        elif name == "csv":
            assert target.read_text() == "row,grid,fine,age,flag,day,at,code\n"
        elif name == "jsonl":
            assert target.read_bytes() == b""

    def test_a_lone_part_is_a_file(self, name: str, tmp_path: Path) -> None:
        form = FORMATS.get(name)
        assert form is not None
        table = with_name(pa.table({"a": [1]}))
        put(form, tmp_path / "p", table)
        form.assemble(tmp_path / "t", table.schema, [Part("t", 0, tmp_path / "p", 1)])
        assert (tmp_path / "t").is_file() and not (tmp_path / "p").exists()


def test_listing_the_formats_loads_nothing_heavy() -> None:
    script = (
        "import sys; from synthdsl.io.base import FORMATS; FORMATS.names(); "
        "heavy = ('numpy', 'pyarrow', 'pandas', 'pydantic', 'duckdb'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
