"""Arrow IPC files (also known as Feather version 2): the columns as they lie in memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from synthdsl.io._files import file_or_folder
from synthdsl.io._ipc import write_ipc
from synthdsl.io.base import FORMATS, Format, Part

if TYPE_CHECKING:
    import pyarrow as pa


@FORMATS.register
class Arrow(Format):
    """Arrow IPC file."""

    name = "arrow"
    summary = "Arrow IPC file, can be mapped into memory"
    extension = "arrow"
    compressions = ("none", "lz4", "zstd")

    def write_part(
        self,
        path: Path,
        schema: pa.Schema,
        batches: Iterable[pa.RecordBatch],
        *,
        compression: str,
        is_first: bool,
    ) -> int:
        """See the base class."""
        return write_ipc(path, schema, batches, compression=compression)

    def assemble(self, target: Path, schema: pa.Schema, parts: list[Part]) -> None:
        """See the base class: a file, or a folder of several."""
        file_or_folder(target, parts)
