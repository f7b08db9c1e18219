"""What an output format is.

A table is written as *parts*: runs of rows cut at fixed row numbers, whatever the number of
workers. A worker has one part open for each table of a family and is handed batches of any of
them as they come; `assemble` turns the parts of a table into the file or folder that the user
asked for. All paths are inside a staging folder, which `io.output` puts in place as a whole at
the end.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self

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


class PartWriter:
    """A part while it is written, a batch at a time; holds at most a row group's rows.

    As a context manager it aborts unless it was closed: files are let go, and what they hold is
    worthless (the staging folder goes with it). Formats implement the three methods that start
    with `_`.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._is_open = True

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Abort what was not closed."""
        self.abort()

    def write(self, batch: pa.RecordBatch) -> None:
        """Append the rows of `batch`. Raises `OSError` where they cannot be written."""
        if batch.num_rows:
            self._put(batch)
            self.rows += batch.num_rows

    def close(self) -> int:
        """Complete the part; return the number of its rows. Raises `OSError`."""
        self._finish()
        self._is_open = False
        return self.rows

    def abort(self) -> None:
        """Let go of the files of a part that will not be completed; nothing after `close`."""
        if self._is_open:
            self._is_open = False
            with suppress(OSError):  # it is given up, so nothing about it matters any more
                self._release()

    def _put(self, batch: pa.RecordBatch) -> None:
        """Take the rows of `batch`, which has some."""
        raise NotImplementedError

    def _finish(self) -> None:
        """Write what is held back and what ends the part, and close its files."""
        raise NotImplementedError

    def _release(self) -> None:
        """Close the files as they are."""
        raise NotImplementedError


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

    def open_part(
        self, path: Path, schema: pa.Schema, *, compression: str, is_first: bool
    ) -> PartWriter:
        """Start a part at `path`. `is_first`: part 0 of its table. Raises `OSError`."""
        raise NotImplementedError

    def assemble(self, target: Path, schema: pa.Schema, parts: list[Part]) -> None:
        """Make `target` out of the parts of one table, in order (a file or a folder).

        The parts are used up. A database is given the same `target` for each of its tables.
        """
        raise NotImplementedError


FORMATS: Family[Format] = Family("format", "synthdsl.io")
