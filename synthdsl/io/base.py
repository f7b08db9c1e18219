"""What an output format is.

A table is written as *parts*: runs of rows cut at fixed row numbers, whatever the number of
workers. A worker writes a part from a stream of record batches; `assemble` turns the parts
into the file or folder that the user asked for. All paths are inside a staging folder, which
`io.output` puts in place as a whole at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from synthdsl.registry import Family

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Part:
    """One written part: where it lies, of which table, and its rows."""

    table: str
    number: int
    path: Path
    rows: int


class Format:
    """A file format. `extension` has no dot. `compressions` lists the allowed names, default first."""

    name: ClassVar[str]
    summary: ClassVar[str]
    extension: ClassVar[str]
    compressions: ClassVar[tuple[str, ...]] = ("none",)
    is_database: ClassVar[bool] = False
    """Whether all tables go into one file, named after the spec."""

    def write_part(
        self, path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], *, compression: str, is_first: bool
    ) -> int:
        """Write `batches` to `path` and return the number of rows. `is_first`: part 0 of its table."""
        raise NotImplementedError

    def assemble(self, target: Path, schema: pa.Schema, parts: list[Part]) -> None:
        """Make `target` out of the parts of one table, in order (a file or a folder)."""
        raise NotImplementedError


FORMATS: Family[Format] = Family("format", "synthdsl.io")
