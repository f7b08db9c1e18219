"""What the metadata of a schema says about its table, and SQL text that DuckDB and SQL share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


FOREIGN_KEYS = "synthdsl.foreign_keys"
ForeignKey = tuple[tuple[str, ...], str, tuple[str, ...]]
"""Columns, the table they refer to, and its columns."""


@dataclass(frozen=True)
class TableFacts:
    """Name, description, key columns and references of a table.

    `foreign_keys` are the references that a database is told to enforce.
    """

    name: str
    description: str
    key: tuple[str, ...]
    references: tuple[ForeignKey, ...]
    foreign_keys: tuple[ForeignKey, ...]


def table_facts(schema: pa.Schema, fallback: str) -> TableFacts:
    """Read the metadata that `schema.arrow_schema` wrote; `fallback` names a table without.

    Foreign keys are those that `_foreign_keys` has settled on for this run, or else all references.
    """
    about = {k.decode(): v.decode() for k, v in (schema.metadata or {}).items()}
    return TableFacts(
        name=about.get("synthdsl.table", fallback),
        description=about.get("description", ""),
        key=tuple(json.loads(about.get("key", "[]"))),
        references=_keys(about.get("references", "[]")),
        foreign_keys=_keys(about.get(FOREIGN_KEYS, about.get("references", "[]"))),
    )


def with_foreign_keys(schema: pa.Schema, keys: Sequence[ForeignKey]) -> pa.Schema:
    """`schema` with `keys` as those that a database is told to enforce."""
    said = [{"fields": fields, "table": table, "to": to} for fields, table, to in keys]
    about = {**(schema.metadata or {}), FOREIGN_KEYS.encode(): json.dumps(said).encode()}
    return schema.with_metadata(about)


def _keys(text: str) -> tuple[ForeignKey, ...]:
    return tuple((tuple(r["fields"]), r["table"], tuple(r["to"])) for r in json.loads(text))


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
    """Column definitions and the keys of a CREATE TABLE, without commas between."""
    lines = [
        f"{quoted(field.name)} {sql_type(field.type, is_duckdb=is_duckdb)}"
        + ("" if field.nullable else " NOT NULL")
        for field in schema
    ]
    if facts.key:
        lines.append(f"PRIMARY KEY ({', '.join(map(quoted, facts.key))})")
    for fields, table, to in facts.foreign_keys:
        columns, keys = ", ".join(map(quoted, fields)), ", ".join(map(quoted, to))
        lines.append(f"FOREIGN KEY ({columns}) REFERENCES {quoted(table)} ({keys})")
    return lines
