"""An SQL script: for each table a CREATE TABLE and INSERTs of many rows.

Standard SQL that SQLite, PostgreSQL and DuckDB run as it is (MySQL with ANSI_QUOTES and
NO_BACKSLASH_ESCAPES). Durations are seconds, lists JSON text, moments of a field with a zone
UTC; NaN and the infinities, for which there is no portable literal, are NULL. Tables stand in
the order of the spec, parents first, so foreign keys hold at every moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from synthdsl.io._cells import text_bytes
from synthdsl.io._ddl import column_lines, described, quoted, table_facts
from synthdsl.io._text import SQL, RowText, TextFormat, text_file
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
        for fields, table, to in facts.references:
            columns, keys = ", ".join(map(quoted, fields)), ", ".join(map(quoted, to))
            lines.append(f"FOREIGN KEY ({columns}) REFERENCES {quoted(table)} ({keys})")
        remarks = [described(field) for field in schema] + [""] * len(lines)
        body = []
        for place, (line, remark) in enumerate(zip(lines, remarks, strict=False)):
            comma = "," if place < len(lines) - 1 else ""
            body.append(f"  {line}{comma}" + (f"  -- {_one_line(remark)}" if remark else ""))
        about = f"-- {_one_line(facts.description)}\n" if facts.description else ""
        text = f"{about}CREATE TABLE {quoted(facts.name)} (\n" + "\n".join(body) + "\n);\n"
        return text.encode()

    def row_text(self, schema: pa.Schema) -> RowText:
        """See the base class: a row in brackets."""
        return RowText(schema, SQL, ["(", *[", "] * (len(schema) - 1)], ")")

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
        text = self.row_text(schema)
        columns = ", ".join(quoted(name) for name in schema.names)
        opening = f"INSERT INTO {quoted(table_facts(schema, 'data').name)} ({columns}) VALUES\n"
        rows = 0
        with text_file(path, compression) as put:
            if is_first:
                put(self.header(schema))
            for batch in batches:
                for run in text.runs(batch):
                    put(text_bytes(_statements(run, opening)))
                rows += batch.num_rows
        return rows


def _statements(rows: pa.StringArray, opening: str) -> pa.StringArray:
    """One INSERT for each `STATEMENT_ROWS` of `rows`."""
    ends = np.append(np.arange(0, len(rows), STATEMENT_ROWS, dtype=np.int32), np.int32(len(rows)))
    groups = pa.ListArray.from_arrays(pa.array(ends), rows)
    return pc.binary_join_element_wise(opening, pc.binary_join(groups, ",\n"), ";\n", "")


def _one_line(text: str) -> str:
    return " ".join(text.split())
