"""Parquet: row groups of 131,072 rows, dictionaries only where the field is a category."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from synthdsl.io._files import file_or_folder
from synthdsl.io.base import FORMATS, Format, Part
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
        rows = 0
        # A dictionary of distinct ids or measurements costs more than it saves.
        categories = [f.name for f in schema if pa.types.is_dictionary(f.type)]
        with pq.ParquetWriter(
            str(path), schema, compression=compression, use_dictionary=categories or False
        ) as writer:
            for group in row_groups(batches, schema):
                writer.write_table(group, row_group_size=ROW_GROUP)
                rows += group.num_rows
        return rows

    def assemble(self, target: Path, schema: pa.Schema, parts: list[Part]) -> None:
        """See the base class: a file, or a folder of several."""
        file_or_folder(target, parts)


def row_groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Tables of `ROW_GROUP` rows (fewer in the last), sharing memory with `batches`."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        rest = batch
        while count + rest.num_rows >= ROW_GROUP:
            held.append(rest.slice(0, ROW_GROUP - count))
            rest = rest.slice(ROW_GROUP - count)
            yield pa.Table.from_batches(held, schema)
            held, count = [], 0
        if rest.num_rows:
            held.append(rest)
            count += rest.num_rows
    if held:
        yield pa.Table.from_batches(held, schema)
