"""Lookups: tables of values keyed by other fields, perhaps weighted.

Cells are text until a use gives them a type: the key's type, or the field's. Nothing is guessed
from how a cell looks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from synthdsl.language import tree
from synthdsl.model.expressions import Constant, Expr
from synthdsl.model.findings import Findings
from synthdsl.model.inference import infer
from synthdsl.model.literals import literal
from synthdsl.model.scope import Scope
from synthdsl.source import Source, Span
from synthdsl.values.types import Kind, Type


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
        if len(node.items) != len(self.keys):
            wanted = ", ".join(self.keys) or "no keys"
            findings.report(
                "lookup-keys",
                node.span,
                f"lookup `{self.name}` takes {len(self.keys)} key{'s' * (len(self.keys) != 1)}, "
                f"found {len(node.items)}",
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
                    f"column `{column}` of lookup `{self.name}`: "
                    f'"{cell[:40] if cell else ""}" is not {error}',
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
            # int64, and no digits beyond it to convert
            if len(cell) > 20 or not -(2**63) <= int(cell) < 2**63:
                raise ValueError
            return int(cell)
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
                f"the weights of lookup `{lookup.name}` for {_spell(lookup, key)} "
                f"total {shown:.6g} %",
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
