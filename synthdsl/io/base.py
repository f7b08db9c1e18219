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

from synthdsl.diagnostics import SynthError
from synthdsl.registry import Family

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = {"gzip": ".gz", "zstd": ".zst"}
"""What a compression adds to the name of a text file."""


@dataclass(frozen=True)
class Part:
    """One written part: where it lies, of which table, and its rows."""

    table: str
    number: int
    path: Path
    rows: int


class Format:
    """A file format. `extension` has no dot. `compressions` lists the names, default first."""

    name: ClassVar[str]
    summary: ClassVar[str]
    extension: ClassVar[str]
    compressions: ClassVar[tuple[str, ...]] = ("none",)
    is_database: ClassVar[bool] = False
    """Whether all tables go into one file, named after the spec."""
    is_wrapped: ClassVar[bool] = False
    """Whether compression wraps the whole file, and shows in its name (`.gz`, `.zst`)."""

    def check(self, compression: str | None = None) -> str:
        """Return the name of the compression to use (default for None).

        Raises `SynthError` (exit code 2) for one that this format does not have, or where a
        library that the format needs is not installed.
        """
        chosen = compression or self.compressions[0]
        if chosen not in self.compressions:
            raise SynthError(
                f"{self.name} has no compression `{chosen}`; it has "
                + ", ".join(self.compressions),
                exit_code=2,
            )
        return chosen

    def file_name(self, stem: str, compression: str) -> str:
        """Name of the output of the table (for a database: the spec) called `stem`."""
        suffix = SUFFIXES.get(compression, "") if self.is_wrapped else ""
        return f"{stem}.{self.extension}{suffix}"

    def write_part(
        self,
        path: Path,
        schema: pa.Schema,
        batches: Iterable[pa.RecordBatch],
        *,
        compression: str,
        is_first: bool,
    ) -> int:
        """Write `batches` to `path`, return the number of rows. `is_first`: part 0 of its table."""
        raise NotImplementedError

    def assemble(self, target: Path, schema: pa.Schema, parts: list[Part]) -> None:
        """Make `target` out of the parts of one table, in order (a file or a folder).

        The parts are used up. A database is given the same `target` for each of its tables.
        """
        raise NotImplementedError


FORMATS: Family[Format] = Family("format", "synthdsl.io")
