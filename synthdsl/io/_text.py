"""Rows as text, the dialects of CSV, JSON and SQL, and what their formats have in common."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthdsl.io._cells import (
    CategoryText,
    ColumnText,
    Dialect,
    Piece,
    StringText,
    has_any,
    has_empty,
    joined,
    text_bytes,
)
from synthdsl.io._files import concatenate
from synthdsl.io._ranges import (
    DateText,
    DurationText,
    FlagText,
    FloatText,
    IntegerText,
    MomentText,
    TimeText,
)
from synthdsl.io.base import Format, Part, PartWriter
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.compute as pc
else:
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")

ROWS_AT_ONCE = 1 << 16
"""Most rows joined at once, so that a block's text stays far from the 2 GiB of a string array."""
GZIP_LEVEL = 1
"""Half the time of level 2 and a fifth of level 6, for a tenth more bytes."""
SHORT_ESCAPES = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"}

Put = Callable[[memoryview | bytes], object]


class RowText:
    """Text of whole rows. `before[i]` stands in front of column `i`, `after` behind the last."""

    def __init__(self, schema: pa.Schema, dialect: Dialect, before: list[str], after: str) -> None:
        self.columns = [column_text(field, dialect) for field in schema]
        self.before = before
        self.after = after

    def runs(self, batch: pa.RecordBatch) -> Iterator[pa.StringArray]:
        """The rows of `batch`, in runs of bounded size."""
        for start in range(0, batch.num_rows, ROWS_AT_ONCE):
            yield self.rows(batch.slice(start, ROWS_AT_ONCE))

    def write(self, batch: pa.RecordBatch, put: Put) -> None:
        """Hand the text of the rows of `batch` to `put`."""
        for run in self.runs(batch):
            put(text_bytes(run))

    def rows(self, batch: pa.RecordBatch) -> pa.StringArray:
        """One string for each row of `batch`."""
        pieces: list[Piece] = []
        pending = ""
        for column, array, before in zip(self.columns, batch.columns, self.before, strict=True):
            more, pending = column.pieces(array, pending + before)
            pieces += more
        if pending or self.after:
            pieces.append(pending + self.after)
        return joined(pieces, batch.num_rows)


def column_text(field: pa.Field, dialect: Dialect) -> ColumnText:
    """What turns the column `field` into text under `dialect`."""
    from pyarrow import types

    kind = field.type
    if types.is_dictionary(kind) and types.is_string(kind.value_type):
        return CategoryText(dialect)
    if types.is_timestamp(kind) and kind.unit == "us":
        return MomentText(dialect, has_zone=kind.tz is not None)
    if types.is_duration(kind) and kind.unit == "us":
        return DurationText(dialect)
    if types.is_list(kind):
        return ListText(dialect, kind.value_field)
    tests: list[tuple[Callable[[Any], bool], type[ColumnText]]] = [
        (types.is_string, StringText),
        (types.is_large_string, StringText),
        (types.is_boolean, FlagText),
        (types.is_integer, IntegerText),
        (types.is_float64, FloatText),
        (types.is_date32, DateText),
        (types.is_time64, TimeText),
        (types.is_decimal, ColumnText),
    ]
    for test, text in tests:
        if test(kind):
            return text(dialect)
    raise TypeError(f"column `{field.name}`: no text for Arrow type {kind}")


class ListText(ColumnText):
    """Text of lists: a JSON array, itself a string where the dialect has no arrays."""

    def __init__(self, dialect: Dialect, item: pa.Field) -> None:
        super().__init__(dialect)
        self.item = column_text(item, dialect.inner or dialect)

    def cast(self, array: pa.Array) -> pa.StringArray:
        """See the base class."""
        array = pa.concat_arrays([array])  # offsets from zero
        pieces, rest = self.item.pieces(array.values, "")
        items = joined([*pieces, rest] if rest else pieces, len(array.values))
        lists = pa.ListArray.from_arrays(array.offsets, items)
        texts = pc.binary_join_element_wise("[", pc.binary_join(lists, ","), "]", "")
        if self.dialect.inner is not None:
            texts = self.dialect.text(texts)
        return pc.if_else(array.is_valid(), texts, self.dialect.null)


class TextFormat(Format):
    """A format whose parts are text and simply stand one after the other in the whole."""

    compressions = ("none", "gzip", "zstd")
    is_wrapped = True

    def header(self, schema: pa.Schema) -> bytes:
        """What stands in front of the first row of a table."""
        return b""

    def row_text(self, schema: pa.Schema) -> RowText:
        """What turns batches of `schema` into rows of text."""
        raise NotImplementedError

    def open_part(
        self, path: Path, schema: pa.Schema, *, compression: str, is_first: bool
    ) -> PartWriter:
        """See the base class. Parts are whole gzip members or zstd frames, which concatenate."""
        return TextPart(self, path, schema, compression=compression, is_first=is_first)

    def assemble(self, target: Path, schema: pa.Schema, parts: list[Part]) -> None:
        """See the base class: one file."""
        concatenate([part.path for part in parts], target)


class TextPart(PartWriter):
    """A text file, compressed on the way."""

    def __init__(
        self, form: TextFormat, path: Path, schema: pa.Schema, *, compression: str, is_first: bool
    ) -> None:
        super().__init__()
        self._text = form.row_text(schema)
        self._file = TextFile(path, compression)
        if is_first:
            try:
                self._file.put(form.header(schema))
            except BaseException:
                self.abort()
                raise

    def _put(self, batch: pa.RecordBatch) -> None:
        """See the base class."""
        self._text.write(batch, self._file.put)

    def _finish(self) -> None:
        """See the base class."""
        self._file.finish()

    def _release(self) -> None:
        """See the base class."""
        self._file.release()


class TextFile:
    """A file of bytes, compressed on the way."""

    def __init__(self, path: Path, compression: str) -> None:
        self._file = pa.OSFile(str(path), "wb")
        self._stream: Any = self._file
        if compression == "gzip":
            self._stream = GzipStream(self._file)
        elif compression != "none":
            self._stream = pa.CompressedOutputStream(self._file, compression)
        self.put: Put = self._stream.write

    def finish(self) -> None:
        """Write what ends the compressed stream, and close the file."""
        if self._stream is not self._file:
            self._stream.close()
        self._file.close()

    def release(self) -> None:
        """Close the file, whatever it holds by now."""
        try:
            if self._stream is not self._file:
                self._stream.close()
        finally:
            self._file.close()


class GzipStream:
    """Gzip by zlib itself, whose header holds no time of writing."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 31)

    def write(self, data: memoryview | bytes) -> None:
        """Pack `data` behind what was written."""
        self._file.write(self._packer.compress(data))

    def close(self) -> None:
        """Write the end of the stream; the file stays open."""
        self._file.write(self._packer.flush())


def is_plain_csv(array: pa.StringArray) -> bool:
    """Whether no string needs quotes: for a separator, a quote, a line end or being empty."""
    return not has_any(array, b'",', or_control=True) and not has_empty(array)


def csv_text(array: pa.StringArray) -> pa.StringArray:
    """Strings in quotes where they need them; the empty string does, because null is nothing."""
    if is_plain_csv(array):
        return array
    needs = pc.match_substring_regex(array, r'^$|[",\r\n]')
    doubled = pc.replace_substring(array, '"', '""')
    return pc.if_else(needs, pc.binary_join_element_wise('"', doubled, '"', ""), array)


def is_plain_json(array: pa.StringArray) -> bool:
    """Whether no string holds a character that JSON escapes."""
    return not has_any(array, b'"\\', or_control=True)


def json_text(array: pa.StringArray) -> pa.StringArray:
    """JSON strings."""
    if not is_plain_json(array):
        data = bytes(text_bytes(array))
        array = pc.replace_substring(array, "\\", "\\\\")
        array = pc.replace_substring(array, '"', '\\"')
        for code in range(32):
            if data.find(code) >= 0:
                escape = SHORT_ESCAPES.get(code, f"\\u{code:04x}")
                array = pc.replace_substring(array, chr(code), escape)
    return pc.binary_join_element_wise('"', array, '"', "")


def is_plain_sql(array: pa.StringArray) -> bool:
    """Whether no string holds an apostrophe."""
    return not has_any(array, b"'")


def sql_text(array: pa.StringArray) -> pa.StringArray:
    """Standard SQL string literals: only the apostrophe is special."""
    doubled = array if is_plain_sql(array) else pc.replace_substring(array, "'", "''")
    return pc.binary_join_element_wise("'", doubled, "'", "")


JSON = Dialect("null", "null", '"', "T", "Z", '"', is_plain_json, json_text)
CSV = Dialect("", None, "", "T", "Z", "", is_plain_csv, csv_text, inner=JSON)
SQL = Dialect("NULL", "NULL", "'", " ", "+00:00", "'", is_plain_sql, sql_text, inner=JSON)
