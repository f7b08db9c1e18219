"""Tables whose rows stand in a file."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from synthdsl.language import tree
from synthdsl.model.findings import Findings
from synthdsl.model.lookup_files import read_columns
from synthdsl.model.lookups import Lookup
from synthdsl.model.scope import FileScope
from synthdsl.source import Span
from synthdsl.values.types import Kind, Type


@dataclass(frozen=True, eq=False)
class FixedRows:
    """The rows of a file. `digest`: its SHA-256."""

    path: str
    lookup: Lookup

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.lookup.rows

    @property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return self.lookup.digest

    def column(
        self, name: str, type: Type, span: Span, findings: Findings
    ) -> tuple[Any, ...] | None:
        """Raw values of the column `name`, which `span` names; None after a report."""
        names = list(self.lookup.columns)
        if name not in names:
            close = get_close_matches(name, names, n=1, cutoff=0.6)
            findings.report(
                "lookup-column",
                span,
                f'"{self.path}" has no column `{name}`',
                f"did you mean `{close[0]}`?" if close else f"its columns are {', '.join(names)}",
            )
            return None
        if type.kind in (Kind.LIST, Kind.RECORD):
            findings.report("bad-type", span, f"a column of a file cannot be `{type}`", "split it")
            return None
        values = self.lookup.raw(name, type.nullable(False), findings)
        if values is None:
            return None
        if not type.is_nullable and None in values:
            row = values.index(None)
            findings.report(
                "nullable",
                span,
                f'row {row + 1} of "{self.path}" has no `{name}`, but it is `{type}`',
                f"declare it `{type}?`, or fill the cell",
            )
            return None
        return tuple(values)


def read_rows(node: tree.FixedRows, file: FileScope, findings: Findings) -> FixedRows | None:
    """The rows of the file that a table names; None after a report."""
    found = read_columns(node.path, node.span, file, findings)
    if found is None:
        return None
    columns, source, digest = found
    names = tuple(columns)
    lookup = Lookup(node.path, (), names, None, False, columns, [], source, digest, node.span)
    return FixedRows(node.path, lookup)
