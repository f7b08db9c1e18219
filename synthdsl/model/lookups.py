"""Lookups: tables of values read from CSV or Parquet, keyed by other fields, perhaps weighted.

Cells are text until a use gives them a type: the key's type, or the field's. Nothing is guessed
from how a cell looks.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from dataclasses import dataclass, field
from itertools import islice, product
from pathlib import Path
from typing import Any

from synthdsl.language import tree
from synthdsl.model.expressions import Constant, Expr
from synthdsl.model.findings import Findings
from synthdsl.model.scope import FileScope, Scope
from synthdsl.source import Source, Span, decode, read_regular
from synthdsl.values.types import TEXT, Kind, Type

LARGEST_FILE = 256 * 2**20
MOST_ROWS = 2_000_000


@dataclass(eq=False)
class Lookup:
    """A lookup's rows. `columns` holds text cells (None for an empty cell) by column name.

    `keys`, `values` name columns; `weight` is None for a plain look-up. `is_count`: weights
    are relative counts rather than shares.
    """

    name: str
    keys: tuple[str, ...]
    values: tuple[str, ...]
    weight: str | None
    is_count: bool
    columns: dict[str, list[str | None]]
    weights: list[float]
    source: Source
    digest: str
    span: Span
    _raw: dict[tuple[str, Type], list[Any]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values()), []))

    def line_span(self, row: int) -> Span:
        """Where row `row` (from 0) stands in the file, if it is text."""
        starts = self.source.line_starts
        line = min(row + 1, len(starts) - 1)
        return Span(self.source, starts[line], starts[line] + len(self.source.line(line + 1)))

    def type_keys(
        self, node: tree.Index, scope: Scope, findings: Findings
    ) -> tuple[Expr, ...] | None:
        """The typed keys of a use `name[keys]`; None after a report."""
        from synthdsl.model.inference import infer

        if len(node.items) != len(self.keys):
            wanted = ", ".join(self.keys) or "no keys"
            findings.report(
                "lookup-keys",
                node.span,
                f"lookup `{self.name}` takes {len(self.keys)} key{'s' * (len(self.keys) != 1)}, found {len(node.items)}",
                f"its keys are {wanted}: write `{self.name}[{wanted}]`"
                if self.keys
                else f"write `{self.name}`",
            )
            return None
        keys = tuple(infer(item, scope, findings) for item in node.items)
        if any(key.type.is_unknown for key in keys):
            return None
        for column, key in zip(self.keys, keys, strict=True):
            if self.raw(column, key.type, findings) is None:
                return None
        return keys

    def single_value(self, node: tree.Expression, findings: Findings) -> str | None:
        """The one value column; None after a report where there are several."""
        if len(self.values) == 1:
            return self.values[0]
        parts = ", ".join(self.values)
        findings.report(
            "lookup-keys",
            node.span,
            f"lookup `{self.name}` has several values: {parts}",
            f"draw a row first, `let row ~ {node.span.text[:40]}`, then use `row.{self.values[0]}`",
        )
        return None

    def value_type(self, column: str, expected: Type | None) -> Type:
        """The type of `column` where `expected` is needed."""
        return TEXT if expected is None else expected.nullable(False)

    def raw(self, column: str, type: Type, findings: Findings) -> list[Any] | None:
        """The cells of `column` in the raw representation of `type`; None after a report."""
        cached = self._raw.get((column, type))
        if cached is not None:
            return cached
        result = []
        for row, cell in enumerate(self.columns[column]):
            try:
                result.append(None if cell is None else raw_cell(cell, type))
            except ValueError as error:
                findings.report(
                    "lookup-value",
                    self.line_span(row),
                    f'column `{column}` of lookup `{self.name}`: "{cell[:40] if cell else ""}" is not {error}',
                    f"correct the file, or use it where `{type}` is not needed",
                )
                return None
        self._raw[column, type] = result
        return result


def raw_cell(cell: str, type: Type) -> Any:
    """A text cell as a raw value of `type`. Raises ValueError naming what it should be."""
    kind = type.kind
    try:
        if kind in (Kind.TEXT, Kind.UUID):
            return cell
        if kind is Kind.ENUM:
            assert type.enum is not None
            if cell not in type.enum.members:
                raise ValueError
            return cell
        if kind is Kind.INT:
            if not cell.removeprefix("-").isascii() or not cell.removeprefix("-").isdigit():
                raise ValueError
            return int(cell[:20])
        if kind in (Kind.FLOAT, Kind.DECIMAL):
            value = float(cell)
            if not math.isfinite(value):
                raise ValueError
            return value
        if kind is Kind.BOOL:
            return {"true": True, "false": False}[cell]
        if kind in (Kind.DATE, Kind.DATETIME, Kind.TIME):
            return _moment(cell, type)
    except (ValueError, KeyError):
        raise ValueError(f"a value of `{type}`") from None
    raise ValueError(f"usable as `{type}`")


def _moment(cell: str, type: Type) -> int:
    from synthdsl.model.literals import literal

    source = Source("cell", cell)
    quiet = Findings()
    constant = literal(tree.Moment(Span(source, 0, len(cell)), cell), quiet)
    if (
        quiet.diagnostics
        or not isinstance(constant, Constant)
        or constant.type.kind is not type.kind
    ):
        raise ValueError
    return int(constant.value)


def read_lookup(node: tree.Lookup, file: FileScope, findings: Findings) -> Lookup | None:
    """The lookup that `node` declares, read from its file; None after a report."""
    path = Path(file.folder) / node.path
    try:
        data = read_regular(path, LARGEST_FILE)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        findings.report(
            "unreadable-file",
            node.path_span,
            f'cannot read "{node.path}": {reason.lower()}',
            "paths are relative to the spec file",
        )
        return None
    digest = hashlib.sha256(data).hexdigest()
    if path.suffix == ".parquet":
        columns, source = _read_parquet(data, node, findings)
    else:
        columns, source = _read_csv(data, node, findings)
    if columns is None:
        return None
    return _assemble(node, columns, source, digest, findings)


def _read_csv(
    data: bytes, node: tree.Lookup, findings: Findings
) -> tuple[dict[str, list[str | None]] | None, Source]:
    source, bad = decode(node.path, data)
    if bad is not None:
        findings.report(
            "lookup-file",
            node.path_span,
            f'"{node.path}" is not UTF-8 (byte {bad})',
            "save it as UTF-8",
        )
        return None, source
    reader = csv.reader(io.StringIO(source.text), strict=True)
    try:
        header = next(reader, None)
        rows = list(islice(reader, MOST_ROWS + 1))
    except csv.Error as error:
        findings.report(
            "lookup-file",
            node.path_span,
            f'"{node.path}" is not CSV: {error}',
            "quote cells with commas",
        )
        return None, source
    if not header or not rows:
        findings.report(
            "lookup-file",
            node.path_span,
            f'"{node.path}" has no rows',
            "its first line names the columns",
        )
        return None, source
    if len(rows) > MOST_ROWS:
        findings.report(
            "lookup-file", node.path_span, f'"{node.path}" has more than {MOST_ROWS:,} rows'
        )
        return None, source
    names = [name.strip() for name in header]
    if len(set(names)) != len(names) or "" in names:
        findings.report(
            "lookup-file",
            node.path_span,
            f'"{node.path}" repeats a column name or leaves one empty',
        )
        return None, source
    rows = [row for row in rows if row]
    for number, row in enumerate(rows):
        if len(row) != len(names):
            findings.report(
                "lookup-file",
                node.path_span,
                f'"{node.path}" row {number + 1} has {len(row)} cells, its header {len(names)}',
            )
            return None, source
    return {name: [row[i] or None for row in rows] for i, name in enumerate(names)}, source


def _read_parquet(
    data: bytes, node: tree.Lookup, findings: Findings
) -> tuple[dict[str, list[str | None]] | None, Source]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    source = Source(node.path, "")
    try:
        table = pq.read_table(io.BytesIO(data))
        columns = {
            name: pc.cast(table.column(name), pa.string()).to_pylist()
            for name in table.column_names
        }
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        findings.report(
            "lookup-file",
            node.path_span,
            f'"{node.path}" is not usable Parquet: {str(error)[:100]}',
        )
        return None, source
    return columns, source


def _assemble(
    node: tree.Lookup,
    columns: dict[str, list[str | None]],
    source: Source,
    digest: str,
    findings: Findings,
) -> Lookup | None:
    names = list(columns)
    for given in (
        *(node.keys or ()),
        *(node.values or ()),
        *([node.weight] if node.weight else ()),
    ):
        if given.text not in columns:
            from difflib import get_close_matches

            close = get_close_matches(given.text, names, n=1)
            findings.report(
                "lookup-column",
                given.span,
                f'"{node.path}" has no column `{given.text}`',
                f"did you mean `{close[0]}`?" if close else f"its columns are {', '.join(names)}",
            )
            return None
    weight, is_count = _weight_column(node, names)
    rest = [name for name in names if name != weight]
    values = tuple(n.text for n in node.values) if node.values else ()
    if not values:
        unclaimed = [n for n in rest if node.keys is None or n not in {k.text for k in node.keys}]
        values = (unclaimed[-1],) if unclaimed else ()
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


def _weight_column(node: tree.Lookup, names: list[str]) -> tuple[str | None, bool]:
    """The weight column: as declared, or the one headed `weight` or `count`."""
    if node.weight is not None:
        return node.weight.text, node.is_count
    for name in ("weight", "count"):
        if name in names:
            return name, name == "count"
    return None, False


def _weights(
    node: tree.Lookup, columns: dict[str, list[str | None]], weight: str | None, findings: Findings
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


def check_rows(lookup: Lookup, key_types: tuple[Type, ...], span: Span, findings: Findings) -> bool:
    """Whether the lookup is well formed: weights total 100 % for each key, or keys are unique."""
    columns = [
        lookup.raw(column, t, findings) for column, t in zip(lookup.keys, key_types, strict=True)
    ]
    if any(column is None for column in columns):
        return False
    totals: dict[tuple[Any, ...], float] = {}
    for row in range(lookup.rows):
        key = tuple(column[row] for column in columns if column is not None)
        if lookup.weight is None and key in totals:
            findings.report(
                "lookup-duplicate",
                lookup.line_span(row) if lookup.source.text else span,
                f"lookup `{lookup.name}` has two rows for {_spell(lookup, key)}",
                "remove one, or give it a weight column",
            )
            return False
        totals[key] = totals.get(key, 0.0) + (lookup.weights[row] if lookup.weight else 0.0)
    return lookup.weight is None or _check_totals(lookup, totals, findings)


def _check_totals(lookup: Lookup, totals: dict[tuple[Any, ...], float], findings: Findings) -> bool:
    for key, total in totals.items():
        if lookup.is_count and total > 0:
            continue
        if lookup.is_count or not (abs(total - 1) <= 1e-6 or abs(total - 100) <= 1e-4):
            shown = total if total > 1.5 else total * 100
            findings.report(
                "lookup-total",
                lookup.span,
                f"the weights of lookup `{lookup.name}` for {_spell(lookup, key)} total {shown:.6g} %",
                "correct the file, or declare relative counts: `count column`",
            )
            return False
    return True


def _spell(lookup: Lookup, key: tuple[Any, ...]) -> str:
    if not key:
        return "the whole file"
    return ", ".join(f"{name} = {value}" for name, value in zip(lookup.keys, key, strict=True))


def check_gaps(
    lookup: Lookup,
    keys: tuple[Expr, ...],
    domains: list[tuple[Any, ...] | None],
    span: Span,
    findings: Findings,
) -> bool:
    """Whether every combination of the keys' values has a row, where they can be listed."""
    if not keys or any(domain is None for domain in domains):
        return True
    size = math.prod(len(domain) for domain in domains if domain is not None)
    if size > 1_000_000:
        return True
    columns = [lookup.raw(c, k.type, findings) for c, k in zip(lookup.keys, keys, strict=True)]
    present = set(zip(*(c for c in columns if c is not None), strict=True))
    gaps = [key for key in product(*(d for d in domains if d is not None)) if key not in present]
    if not gaps:
        return True
    findings.report(
        "lookup-gap",
        span,
        f"lookup `{lookup.name}` has no row for {_spell(lookup, gaps[0])}"
        + (f" and {len(gaps) - 1} more combinations" if len(gaps) > 1 else ""),
        f"add the rows to {lookup.source.name}",
    )
    return False
