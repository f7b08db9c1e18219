"""A DuckDB database file with every table: types, NOT NULL, keys, comments.

Categories become text (DuckDB compresses them by itself), durations intervals. Primary and
foreign keys are declared, so that DuckDB checks every row. Rows of a table that refers to
itself stand behind those they refer to; where they do so in a circle (or more than 1,000 deep)
this one reference is checked, but not declared. Needs the optional library `duckdb`. Parts
travel as Arrow IPC files and are loaded, in order, when they are put together. The rows are
the same every time; the file's bytes are not promised.
"""

from __future__ import annotations

import errno
import importlib
import itertools
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthdsl.diagnostics import SynthError
from synthdsl.io._ddl import (
    ForeignKey,
    TableFacts,
    column_lines,
    described,
    literal,
    quoted,
    table_facts,
)
from synthdsl.io._ipc import IpcWriter, read_ipc
from synthdsl.io._trees import depths, tree_columns, trees_of
from synthdsl.io.base import FORMATS, Format, Part, PartWriter
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")


MEMORY = "256MB"
KEYED_MEMORY = "1GB"
"""DuckDB's cache grows to most of the machine unless told otherwise. Where there is a key, much
of its index should stay in memory."""
PIECE_ROWS = 1 << 19
"""Rows inserted at once."""
PLACE = "place of the row"
LEVEL_BITS = 40
"""Bits of a row's number, below those of its depth."""
DANGLING = "a row refers to the key `{}`, which is not there"
MEANINGS = {
    r'foreign key constraint because key "(.*?)" does not exist': DANGLING,
    r'[Dd]uplicate key "(.*?)"': "two rows have the key `{}`",
    r"NOT NULL constraint failed: (.*)": "`{}` is null in a row",
}
"""What constraints say that a row breaks."""


@FORMATS.register
class DuckDb(Format):
    """DuckDB database."""

    name = "duckdb"
    summary = "DuckDB database file with all tables"
    extension = "duckdb"
    is_database = True

    def check(self, compression: str | None = None) -> str:
        """See the base class."""
        _library()
        return super().check(compression)

    def open_part(
        self, path: Path, schema: pa.Schema, *, compression: str, is_first: bool
    ) -> PartWriter:
        """See the base class."""
        return IpcWriter(path, schema, compression="lz4")

    def assemble(self, target: Path, schema: pa.Schema, parts: list[Part]) -> None:
        """See the base class: one more table in the database `target`."""
        duckdb = _library()
        paths = [part.path for part in parts]
        facts = table_facts(schema, parts[0].table if parts else "data")
        try:
            try:
                _fill(target, schema, facts, paths, memory=KEYED_MEMORY if facts.key else MEMORY)
            except duckdb.Error as error:
                if not _is_short_of_memory(error):
                    raise
                # Keys in no order need more of their index at a time than usual.
                with duckdb.connect(str(target)) as database:
                    database.execute(f"DROP TABLE IF EXISTS {quoted(facts.name)}")
                _fill(target, schema, facts, paths, memory=None)
        except duckdb.Error as error:
            raise _failure(facts.name, error) from error
        shutil.rmtree(_spill(target), ignore_errors=True)
        for path in paths:
            path.unlink()


def _fill(
    target: Path, schema: pa.Schema, facts: TableFacts, paths: list[Path], *, memory: str | None
) -> None:
    """Create the table in the database `target` and fill it.

    What a row refers to must be there before the statement that inserts it. So rows that refer
    to rows of the same table go in by their depth; where there are circles, the database cannot
    enforce the reference, and it is checked here once.
    """
    trees = trees_of(facts)
    depth = depths(_columns(schema, paths, tree_columns(trees)), trees) if trees else None
    if trees and depth is None:
        facts = replace(facts, foreign_keys=tuple(k for k in facts.foreign_keys if k not in trees))
    config = {"temp_directory": str(_spill(target))}
    if memory is not None:
        config["memory_limit"] = memory
    with _library().connect(str(target), config=config) as database:
        database.execute("SET enable_progress_bar = false")  # it writes between our own words
        for statement in _definition(schema, facts):
            database.execute(statement)
        if depth is None or not depth.any():
            _insert(database, schema, facts, paths)
        else:
            _insert_by_depth(database, schema, facts, paths, depth)
        if depth is None:
            for tree in trees:
                _check(database, facts.name, tree)
        # On closing, a failure to write would pass without a word.
        database.execute("CHECKPOINT")


def _spill(target: Path) -> Path:
    """The folder where DuckDB puts what does not fit into memory."""
    return target.with_name(f"{target.name}.spilled")


def _insert(database: Any, schema: pa.Schema, facts: TableFacts, paths: list[Path]) -> None:
    """Insert the rows at `paths`, a piece at a time.

    The index of a key can leave memory only where a checkpoint has put it on disk.
    """
    batches = read_ipc(paths)
    for first in batches:
        reader = pa.RecordBatchReader.from_batches(schema, _piece(first, batches))
        database.register("incoming rows", reader)
        database.execute(f'INSERT INTO {quoted(facts.name)} SELECT * FROM "incoming rows"')
        database.unregister("incoming rows")
        if facts.key:
            database.execute("CHECKPOINT")


def _piece(first: pa.RecordBatch, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """`first` and those that follow, until they have `PIECE_ROWS`."""
    rows = first.num_rows
    yield first
    while rows < PIECE_ROWS and (batch := next(batches, None)) is not None:
        rows += batch.num_rows
        yield batch


def _insert_by_depth(
    database: Any,
    schema: pa.Schema,
    facts: TableFacts,
    paths: list[Path],
    depth: NDArray[np.int32],
) -> None:
    """Insert rows of depth 0, then 1, and so on, in their order otherwise."""
    place = quoted(PLACE)
    placed = schema.append(pa.field(PLACE, pa.int64()))
    reader = pa.RecordBatchReader.from_batches(placed, _placed(placed, paths, depth))
    database.register("incoming rows", reader)
    database.execute(f'CREATE TEMP TABLE sorted AS SELECT * FROM "incoming rows" ORDER BY {place}')
    database.unregister("incoming rows")
    pending = 0
    database.execute("BEGIN")
    for start, stop, rows in _runs(depth):
        database.execute(
            f"INSERT INTO {quoted(facts.name)} SELECT * EXCLUDE ({place}) FROM temp.sorted "
            f"WHERE {place} >= {start} AND {place} < {stop}"
        )
        pending += rows
        if pending >= PIECE_ROWS:
            database.execute("COMMIT")
            database.execute("CHECKPOINT")
            database.execute("BEGIN")
            pending = 0
    database.execute("COMMIT")
    database.execute("DROP TABLE temp.sorted")


def _runs(depth: NDArray[np.int32]) -> Iterator[tuple[int, int, int]]:
    """Runs of places of one depth each, and their rows: at most `PIECE_ROWS`."""
    for level in range(int(depth.max()) + 1):
        rows = np.flatnonzero(depth == level)
        starts = [*rows[::PIECE_ROWS].tolist(), 1 << LEVEL_BITS]
        base = level << LEVEL_BITS
        for number, (start, stop) in enumerate(itertools.pairwise(starts)):
            yield base + start, base + stop, min(PIECE_ROWS, len(rows) - number * PIECE_ROWS)


def _placed(
    schema: pa.Schema, paths: list[Path], depth: NDArray[np.int32]
) -> Iterator[pa.RecordBatch]:
    """The batches at `paths`, with the place of each row by depth and number behind them."""
    start = 0
    for batch in read_ipc(paths):
        stop = start + batch.num_rows
        place = (depth[start:stop].astype(np.int64) << LEVEL_BITS) + np.arange(start, stop)
        yield pa.RecordBatch.from_arrays([*batch.columns, pa.array(place)], schema=schema)
        start = stop


def _columns(schema: pa.Schema, paths: list[Path], names: list[str]) -> pa.Table:
    """Some columns of all rows."""
    kept = pa.schema([schema.field(name) for name in names])
    return pa.Table.from_batches([batch.select(names) for batch in read_ipc(paths)], kept)


def _check(database: Any, table: str, tree: ForeignKey) -> None:
    """Raise `SynthError` if a row of `table` refers to one that is not there."""
    fields, _, to = tree
    here = " AND ".join(f"a.{quoted(f)} IS NOT NULL" for f in fields)
    same = " AND ".join(f"b.{quoted(t)} = a.{quoted(f)}" for f, t in zip(fields, to, strict=True))
    name = quoted(table)
    found = database.execute(
        f"SELECT {', '.join('a.' + quoted(f) for f in fields)} FROM {name} a WHERE {here} "
        f"AND NOT EXISTS (FROM {name} b WHERE {same}) LIMIT 1"
    ).fetchone()
    if found is not None:
        key = ", ".join(f"{t}: {value}" for t, value in zip(to, found, strict=True))
        raise SynthError(
            f"table `{table}` cannot go into a DuckDB database: {DANGLING.format(key)}",
            exit_code=1,
        )


def _broken(message: str) -> str:
    """What DuckDB's `message` says of the row that breaks a constraint."""
    for pattern, meaning in MEANINGS.items():
        found = re.search(pattern, message)
        if found is not None:
            return meaning.format(found[1])
    return message


def _definition(schema: pa.Schema, facts: TableFacts) -> list[str]:
    """Statements that create the table and describe it."""
    name = quoted(facts.name)
    columns = ", ".join(column_lines(schema, facts, is_duckdb=True))
    statements = [f"CREATE TABLE {name} ({columns})"]
    if facts.description:
        statements.append(f"COMMENT ON TABLE {name} IS {literal(facts.description)}")
    statements += [
        f"COMMENT ON COLUMN {name}.{quoted(field.name)} IS {literal(described(field))}"
        for field in schema
        if described(field)
    ]
    return statements


def _failure(table: str, error: Exception) -> Exception:
    """What to raise for an `error` of DuckDB."""
    message = str(error)
    if _is_short_of_memory(error):
        return SynthError(
            f"table `{table}` needs more memory than there is for a DuckDB database; "
            "nothing was written (the index of its primary key grows with its rows)",
            exit_code=2,
        )
    if "constraint" in message.lower():
        return SynthError(
            f"table `{table}` cannot go into a DuckDB database: {_broken(message)}", exit_code=1
        )
    if type(error).__name__ in ("IOException", "FatalException", "TransactionException"):
        for number in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EACCES):
            if os.strerror(number) in message:
                return OSError(number, os.strerror(number))
        return OSError(errno.EIO, message)
    return error


def _is_short_of_memory(error: Exception) -> bool:
    """Whether `error` of DuckDB says so; while committing it is a transaction's error."""
    kind = type(error).__name__
    return kind == "OutOfMemoryException" or (
        kind == "TransactionException" and "allocate" in str(error)
    )


def _library() -> Any:
    """The library, or a `SynthError` that says how to get it."""
    try:
        return importlib.import_module("duckdb")
    except ImportError as error:
        raise SynthError(
            "writing DuckDB databases needs the optional library duckdb: "
            "pip install 'synthdsl[duckdb]'",
            exit_code=2,
        ) from error
