"""Arrow IPC files (also known as Feather version 2): the columns as they lie in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from synthdsl.io._files import file_or_folder
from synthdsl.io._ipc import IpcWriter
from synthdsl.io.base import FORMATS, Format, Part, PartWriter

if TYPE_CHECKING:
    import pyarrow as pa


@FORMATS.register
class Arrow(Format):
    """Arrow IPC file."""

    name = "arrow"
    summary = "Arrow IPC file, can be mapped into memory"
    extension = "arrow"
    compressions = ("none", "lz4", "zstd")

    def open_part(
        self, path: Path, schema: pa.Schema, *, compression: str, is_first: bool
    ) -> PartWriter:
        """See the base class."""
        return IpcWriter(path, schema, compression=compression)

    def assemble(self, target: Path, schema: pa.Schema, parts: list[Part]) -> None:
        """See the base class: a file, or a folder of several."""
        file_or_folder(target, parts)
