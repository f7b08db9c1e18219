"""Writing and reading Arrow IPC files a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from synthdsl.io.base import PartWriter
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import pyarrow as pa
else:
    pa = lazy("pyarrow")


class IpcWriter(PartWriter):
    """An Arrow IPC file."""

    def __init__(self, path: Path, schema: pa.Schema, *, compression: str) -> None:
        super().__init__()
        import pyarrow.ipc

        options = pyarrow.ipc.IpcWriteOptions(
            compression=None if compression == "none" else compression, unify_dictionaries=False
        )
        self._file = pa.OSFile(str(path), "wb")
        self._writer = pyarrow.ipc.new_file(self._file, schema, options=options)

    def _put(self, batch: pa.RecordBatch) -> None:
        """See the base class."""
        self._writer.write_batch(batch)

    def _finish(self) -> None:
        """See the base class."""
        self._writer.close()
        self._file.close()

    def _release(self) -> None:
        """See the base class."""
        self._file.close()


def read_ipc(paths: list[Path]) -> Iterator[pa.RecordBatch]:
    """The batches of the files at `paths`, in order, mapped rather than read."""
    import pyarrow.ipc

    for path in paths:
        with pa.memory_map(str(path), "rb") as file, pyarrow.ipc.open_file(file) as reader:
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)
