"""A DuckDB database file with every table: types, NOT NULL, primary keys, comments.

Categories become text (DuckDB compresses them by itself), durations intervals. Needs the
optional library `duckdb`. Parts travel as Arrow IPC files and are loaded, in order, when
they are put together. The rows are the same every time; the file's bytes are not promised.
"""

from __future__ import annotations

import errno
import importlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthdsl.diagnostics import SynthError
from synthdsl.io._ddl import TableFacts, column_lines, described, literal, quoted, table_facts
from synthdsl.io._ipc import read_ipc, write_ipc
from synthdsl.io.base import FORMATS, Format, Part
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import pyarrow as pa
else:
    pa = lazy("pyarrow")


MEMORY = "256MB"


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

    def write_part(
        self,
        path: Path,
        schema: pa.Schema,
        batches: Iterable[pa.RecordBatch],
        *,
        compression: str,
        is_first: bool,
    ) -> int:
        """See the base class."""
        return write_ipc(path, schema, batches, compression="lz4")

    def assemble(self, target: Path, schema: pa.Schema, parts: list[Part]) -> None:
        """See the base class: one more table in the database `target`."""
        duckdb = _library()
        paths = [part.path for part in parts]
        facts = table_facts(schema, parts[0].table if parts else "data")
        try:
            with duckdb.connect(str(target), config=_memory(facts)) as database:
                for statement in _definition(schema):
                    database.execute(statement)
                reader = pa.RecordBatchReader.from_batches(schema, read_ipc(paths))
                database.register("incoming rows", reader)
                database.execute(f'INSERT INTO {quoted(facts.name)} SELECT * FROM "incoming rows"')
                database.unregister("incoming rows")
                # On closing, a failure to write would pass without a word.
                database.execute("CHECKPOINT")
        except duckdb.ConstraintException as error:
            raise SynthError(
                f"table `{facts.name}` cannot go into a DuckDB database: {error}", exit_code=1
            ) from error
        except duckdb.OutOfMemoryException as error:
            raise SynthError(
                f"table `{facts.name}` needs more memory than there is for a DuckDB database; "
                "nothing was written (the index of its primary key grows with its rows)",
                exit_code=2,
            ) from error
        except (duckdb.IOException, duckdb.FatalException) as error:
            raise _system_error(str(error)) from error
        for path in paths:
            path.unlink()


def _definition(schema: pa.Schema) -> list[str]:
    """Statements that create the table and describe it."""
    facts = table_facts(schema, "data")
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


def _memory(facts: TableFacts) -> dict[str, str]:
    """DuckDB's cache grows to most of the machine unless told otherwise.

    The index behind a primary key has to stay in memory, so no limit is set where there is one.
    """
    return {} if facts.key else {"memory_limit": MEMORY}


def _system_error(message: str) -> OSError:
    """The error of the operating system that DuckDB's `message` tells of, as far as known."""
    for number in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EACCES):
        if os.strerror(number) in message:
            return OSError(number, os.strerror(number))
    return OSError(errno.EIO, message)


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
