"""Writing and reading Arrow IPC files a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import pyarrow as pa
else:
    pa = lazy("pyarrow")


def write_ipc(
    path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], *, compression: str
) -> int:
    """Write `batches` to `path`; return the number of rows."""
    import pyarrow.ipc

    rows = 0
    options = pyarrow.ipc.IpcWriteOptions(
        compression=None if compression == "none" else compression, unify_dictionaries=False
    )
    with (
        pa.OSFile(str(path), "wb") as file,
        pyarrow.ipc.new_file(file, schema, options=options) as writer,
    ):
        for batch in batches:
            if batch.num_rows:
                writer.write_batch(batch)
                rows += batch.num_rows
    return rows


def read_ipc(paths: list[Path]) -> Iterator[pa.RecordBatch]:
    """The batches of the files at `paths`, in order, mapped rather than read."""
    import pyarrow.ipc

    for path in paths:
        with pa.memory_map(str(path), "rb") as file, pyarrow.ipc.open_file(file) as reader:
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)
