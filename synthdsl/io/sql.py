"""An SQL script: for each table a CREATE TABLE and INSERTs of many rows.

Standard SQL that SQLite, PostgreSQL and DuckDB run as it is (MySQL with ANSI_QUOTES and
NO_BACKSLASH_ESCAPES). Durations are seconds, lists JSON text, moments of a field with a zone
UTC; NaN and the infinities, for which there is no portable literal, are NULL. Tables stand
behind those they refer to, and so do rows that refer to others of their own table (inside a
block of rows), so that foreign keys hold at every moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from synthdsl.io._cells import text_bytes
from synthdsl.io._ddl import column_lines, described, quoted, table_facts
from synthdsl.io._text import SQL, Put, RowText, TextFormat
from synthdsl.io._trees import depths, trees_of
from synthdsl.io.base import FORMATS
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")

STATEMENT_ROWS = 500
"""Rows of an INSERT: few enough for the limits of every server, many enough to be quick."""


@FORMATS.register
class Sql(TextFormat):
    """SQL script."""

    name = "sql"
    summary = "SQL script: CREATE TABLE and INSERT"
    extension = "sql"
    is_database = True

    def header(self, schema: pa.Schema) -> bytes:
        """The definition of the table."""
        facts = table_facts(schema, "data")
        lines = column_lines(schema, facts, is_duckdb=False)
        remarks = [described(field) for field in schema] + [""] * len(lines)
        body = []
        for place, (line, remark) in enumerate(zip(lines, remarks, strict=False)):
            comma = "," if place < len(lines) - 1 else ""
            body.append(f"  {line}{comma}" + (f"  -- {_one_line(remark)}" if remark else ""))
        about = f"-- {_one_line(facts.description)}\n" if facts.description else ""
        text = f"{about}CREATE TABLE {quoted(facts.name)} (\n" + "\n".join(body) + "\n);\n"
        return text.encode()

    def row_text(self, schema: pa.Schema) -> RowText:
        """See the base class."""
        return SqlText(schema)


class SqlText(RowText):
    """INSERT statements: each row in brackets."""

    def __init__(self, schema: pa.Schema) -> None:
        super().__init__(schema, SQL, ["(", *[", "] * (len(schema) - 1)], ")")
        facts = table_facts(schema, "data")
        columns = ", ".join(map(quoted, schema.names))
        self._opening = f"INSERT INTO {quoted(facts.name)} ({columns}) VALUES\n"
        self._trees = trees_of(facts)

    def write(self, batch: pa.RecordBatch, put: Put) -> None:
        """See the base class."""
        for rows in self._statement_runs(batch):
            for run in self.runs(rows):
                put(text_bytes(_statements(run, self._opening)))

    def _statement_runs(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """The rows of `batch`, those that refer to others of it after these.

        A server that checks each row, or each statement, then finds what a row refers to.
        """
        depth = depths(batch, self._trees) if self._trees else None
        if depth is None:
            yield batch
            return
        for level in range(int(depth.max()) + 1):
            yield batch.take(pa.array(np.flatnonzero(depth == level)))


def _statements(rows: pa.StringArray, opening: str) -> pa.StringArray:
    """One INSERT for each `STATEMENT_ROWS` of `rows`."""
    ends = np.append(np.arange(0, len(rows), STATEMENT_ROWS, dtype=np.int32), np.int32(len(rows)))
    groups = pa.ListArray.from_arrays(pa.array(ends), rows)
    return pc.binary_join_element_wise(opening, pc.binary_join(groups, ",\n"), ";\n", "")


def _one_line(text: str) -> str:
    return " ".join(text.split())
