"""Parquet: row groups of 131,072 rows, dictionaries only where the field is a category."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from synthdsl.io._files import file_or_folder
from synthdsl.io.base import FORMATS, Format, Part, PartWriter
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
else:
    pa = lazy("pyarrow")
    pq = lazy("pyarrow.parquet")

ROW_GROUP = 131_072


@FORMATS.register
class Parquet(Format):
    """Apache Parquet."""

    name = "parquet"
    summary = "Apache Parquet, typed and compressed"
    extension = "parquet"
    compressions = ("zstd", "snappy", "lz4", "none")

    def open_part(
        self, path: Path, schema: pa.Schema, *, compression: str, is_first: bool
    ) -> PartWriter:
        """See the base class."""
        return ParquetPart(path, schema, compression=compression)

    def assemble(self, target: Path, schema: pa.Schema, parts: list[Part]) -> None:
        """See the base class: a file, or a folder of several."""
        file_or_folder(target, parts)


class ParquetPart(PartWriter):
    """A Parquet file. Holds the batches of a row group until it is full, sharing their memory."""

    def __init__(self, path: Path, schema: pa.Schema, *, compression: str) -> None:
        super().__init__()
        self._schema = schema
        self._held: list[pa.RecordBatch] = []
        self._held_rows = 0
        # A dictionary of distinct ids or measurements costs more than it saves.
        categories = [f.name for f in schema if pa.types.is_dictionary(f.type)]
        self._writer = pq.ParquetWriter(
            str(path), schema, compression=compression, use_dictionary=categories or False
        )

    def _put(self, batch: pa.RecordBatch) -> None:
        """See the base class."""
        rest = batch
        while self._held_rows + rest.num_rows >= ROW_GROUP:
            here = ROW_GROUP - self._held_rows
            self._hold(rest.slice(0, here))
            rest = rest.slice(here)
            self._write_group()
        if rest.num_rows:
            self._hold(rest)

    def _hold(self, batch: pa.RecordBatch) -> None:
        self._held.append(batch)
        self._held_rows += batch.num_rows

    def _write_group(self) -> None:
        """Write what is held as one row group."""
        group = pa.Table.from_batches(self._held, self._schema)
        self._held, self._held_rows = [], 0
        self._writer.write_table(group, row_group_size=ROW_GROUP)

    def _finish(self) -> None:
        """See the base class."""
        if self._held:
            self._write_group()
        self._writer.close()

    def _release(self) -> None:
        """See the base class."""
        self._held.clear()
        self._writer.close()
