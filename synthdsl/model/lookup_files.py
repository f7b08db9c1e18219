"""Lookups read from CSV and Parquet files."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from synthdsl.language import tree
from synthdsl.model.findings import Findings
from synthdsl.model.lookups import Lookup
from synthdsl.model.scope import FileScope
from synthdsl.source import Source, Span, decode, read_regular

LARGEST_FILE = 256 * 2**20

MOST_ROWS = 2_000_000

Columns = dict[str, list[str | None]]
"""Text cells by column name; None for an empty cell."""


def read_lookup(node: tree.Lookup, file: FileScope, findings: Findings) -> Lookup | None:
    """The lookup that `node` declares, read from its file; None after a report."""
    found = read_columns(node.path, node.path_span, file, findings)
    return None if found is None else _assemble(node, *found, findings)


def read_columns(
    name: str, span: Span, file: FileScope, findings: Findings
) -> tuple[Columns, Source, str] | None:
    """The columns of the file `name`, its text and its SHA-256; None after a report at `span`."""
    path = Path(file.folder) / name
    try:
        data = read_regular(path, LARGEST_FILE)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        findings.report(
            "unreadable-file",
            span,
            f'cannot read "{name}": {reason.lower()}',
            "paths are relative to the spec file",
        )
        return None
    try:
        columns, source = _read(data, name)
    except _UnusableFileError as error:
        findings.report("lookup-file", span, f'"{name}" {error}', error.help)
        return None
    return columns, source, hashlib.sha256(data).hexdigest()


class _UnusableFileError(Exception):
    """Why a file holds no table, and what to do about it."""

    def __init__(self, reason: str, help: str | None = None) -> None:
        super().__init__(reason)
        self.help = help


def _read(data: bytes, path: str) -> tuple[Columns, Source]:
    """The columns of a file, and its text if it has one."""
    if Path(path).suffix == ".parquet":
        return _parquet_columns(data), Source(path, "")
    source, bad = decode(path, data)
    if bad is not None:
        raise _UnusableFileError(f"is not UTF-8 (byte {bad})", "save it as UTF-8")
    return _csv_columns(source.text), source


def _csv_columns(text: str) -> Columns:
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        header = next(reader, None)
        rows = list(islice(reader, MOST_ROWS + 1))
    except csv.Error as error:
        raise _UnusableFileError(f"is not CSV: {error}", "quote cells with commas") from None
    if not header or not rows:
        raise _UnusableFileError("has no rows", "its first line names the columns")
    _check_number(len(rows))
    names = [name.strip() for name in header]
    _check_names(names)
    rows = [row for row in rows if row]
    for number, row in enumerate(rows):
        if len(row) != len(names):
            raise _UnusableFileError(
                f"row {number + 1} has {len(row)} cells, its header {len(names)}"
            )
    return {name: [row[i] or None for row in rows] for i, name in enumerate(names)}


def _check_number(rows: int) -> None:
    if rows > MOST_ROWS:
        raise _UnusableFileError(f"has more than {MOST_ROWS:,} rows", "keep those that are needed")
    if not rows:
        raise _UnusableFileError("has no rows")


def _check_names(columns: list[str]) -> None:
    if len(set(columns)) != len(columns) or "" in columns:
        raise _UnusableFileError("repeats a column name or leaves one empty")


def _parquet_columns(data: bytes) -> Columns:
    # heavy: loaded for Parquet only
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(io.BytesIO(data))
        _check_number(file.metadata.num_rows)
        _check_names(file.schema_arrow.names)
        table = file.read()
        return {
            name: pc.cast(table.column(name), pa.string()).to_pylist()
            for name in table.column_names
        }
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise _UnusableFileError(f"is not usable Parquet: {str(error)[:100]}") from None


def _assemble(
    node: tree.Lookup,
    columns: Columns,
    source: Source,
    digest: str,
    findings: Findings,
) -> Lookup | None:
    if not _check_columns(node, list(columns), findings):
        return None
    weight, is_count = _weight_column(node, list(columns))
    rest = [name for name in columns if name != weight]
    values = _value_columns(node, rest)
    if not values:
        findings.report(
            "lookup-column",
            node.path_span,
            f'"{node.path}" has no column of values',
            "name it: `value column`",
        )
        return None
    keys = (
        tuple(k.text for k in node.keys)
        if node.keys is not None
        else tuple(n for n in rest if n not in values)
    )
    weights = _weights(node, columns, weight, findings)
    if weights is None:
        return None
    return Lookup(
        node.name.text,
        keys,
        values,
        weight,
        is_count,
        columns,
        weights,
        source,
        digest,
        node.name.span,
    )


def _check_columns(node: tree.Lookup, names: list[str], findings: Findings) -> bool:
    """Whether the file has the columns that the declaration names."""
    weight = [node.weight] if node.weight else []
    for given in (*(node.keys or ()), *(node.values or ()), *weight):
        if given.text not in names:
            close = get_close_matches(given.text, names, n=1)
            findings.report(
                "lookup-column",
                given.span,
                f'"{node.path}" has no column `{given.text}`',
                f"did you mean `{close[0]}`?" if close else f"its columns are {', '.join(names)}",
            )
            return False
    return True


def _value_columns(node: tree.Lookup, names: list[str]) -> tuple[str, ...]:
    """The value columns: as declared, else the last one that is no key."""
    if node.values:
        return tuple(name.text for name in node.values)
    keys = {key.text for key in node.keys or ()}
    return tuple(name for name in names if name not in keys)[-1:]


def _weight_column(node: tree.Lookup, names: list[str]) -> tuple[str | None, bool]:
    """The weight column: as declared, or the one headed `weight` or `count`."""
    if node.weight is not None:
        return node.weight.text, node.is_count
    for name in ("weight", "count"):
        if name in names:
            return name, name == "count"
    return None, False


def _weights(
    node: tree.Lookup, columns: Columns, weight: str | None, findings: Findings
) -> list[float] | None:
    if weight is None:
        return []
    result = []
    for row, cell in enumerate(columns[weight]):
        try:
            value = (
                float(cell.removesuffix("%")) / (100 if cell.endswith("%") else 1)
                if cell
                else math.nan
            )
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= 0):
            findings.report(
                "lookup-value",
                node.path_span,
                f'row {row + 1} of "{node.path}": weight "{cell or ""}" is not a number at least 0',
            )
            return None
        result.append(value)
    return result
