"""What the metadata of a schema says about its table, and SQL text that DuckDB and SQL share."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class TableFacts:
    """Name, description, key columns and references of a table."""

    name: str
    description: str
    key: tuple[str, ...]
    references: tuple[tuple[tuple[str, ...], str, tuple[str, ...]], ...]


def table_facts(schema: pa.Schema, fallback: str) -> TableFacts:
    """Read the metadata that `schema.arrow_schema` wrote; `fallback` names a table without."""
    about = {k.decode(): v.decode() for k, v in (schema.metadata or {}).items()}
    return TableFacts(
        name=about.get("synthdsl.table", fallback),
        description=about.get("description", ""),
        key=tuple(json.loads(about.get("key", "[]"))),
        references=tuple(
            (tuple(r["fields"]), r["table"], tuple(r["to"]))
            for r in json.loads(about.get("references", "[]"))
        ),
    )


def described(field: pa.Field) -> str:
    """Description of a column, with its unit."""
    about = field.metadata or {}
    text: str = about.get(b"description", b"").decode()
    unit: str = about.get(b"unit", b"").decode()
    return f"{text} [{unit}]".strip() if unit else text


def quoted(name: str) -> str:
    """An identifier in quotes, so that any name is possible and its case kept."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


def sql_type(kind: pa.DataType, *, is_duckdb: bool) -> str:
    """The SQL type of an Arrow type.

    Standard names, which SQLite, PostgreSQL, MySQL and DuckDB all take; DuckDB's own where
    it has more: intervals and lists, which elsewhere are seconds and JSON text.
    """
    from pyarrow import types

    if types.is_dictionary(kind):
        return sql_type(kind.value_type, is_duckdb=is_duckdb)
    if types.is_decimal(kind):
        return f"DECIMAL({kind.precision}, {kind.scale})"
    if types.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz is None else "TIMESTAMP WITH TIME ZONE"
    if types.is_list(kind):
        return sql_type(kind.value_type, is_duckdb=True) + "[]" if is_duckdb else "TEXT"
    if types.is_duration(kind):
        return "INTERVAL" if is_duckdb else "DECIMAL(18, 6)"
    if types.is_integer(kind):
        return "BIGINT"
    return {
        "double": "DOUBLE PRECISION",
        "bool": "BOOLEAN",
        "date32[day]": "DATE",
        "time64[us]": "TIME",
        "string": "TEXT",
    }[str(kind)]


def column_lines(schema: pa.Schema, facts: TableFacts, *, is_duckdb: bool) -> list[str]:
    """Column definitions and the primary key of a CREATE TABLE, without commas between."""
    lines = [
        f"{quoted(field.name)} {sql_type(field.type, is_duckdb=is_duckdb)}"
        + ("" if field.nullable else " NOT NULL")
        for field in schema
    ]
    if facts.key:
        lines.append(f"PRIMARY KEY ({', '.join(map(quoted, facts.key))})")
    return lines
