"""Columns as text, a block at a time: what CSV, JSON lines and SQL have in common.

Each column becomes an Arrow string array, escaped and enclosed as a dialect wants. Where a
column has few distinct texts in reach (categories, flags, dates, short ranges of whole
numbers, floats on a decimal grid) they come from a table by position, with the separator or
the key that stands in front of them folded in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")

Piece = Any  # a pa.Array, or a str that stands for the same text in every row


@dataclass(frozen=True)
class Dialect:
    """How a text format writes single values.

    `null` and `not_finite` (None: as Arrow writes it) stand bare; `mark` encloses dates and
    times; `between` stands between a date and its time, `utc` behind a moment with a zone.
    `text` escapes and encloses a string array without nulls; `is_plain` tells whether every
    string of an array only needs `enclosure` around it.
    """

    null: str
    not_finite: str | None
    mark: str
    between: str
    utc: str
    enclosure: str
    is_plain: Callable[[pa.StringArray], bool]
    text: Callable[[pa.StringArray], pa.StringArray]
    inner: Dialect | None = None
    """How the items of a list are written (None: like this), the list itself being text then."""


def has_any(array: pa.StringArray, characters: bytes, *, or_control: bool = False) -> bool:
    """Whether a character of `characters` (or one below U+0020) stands anywhere in `array`."""
    data = text_bytes(array)
    if len(data) == 0:
        return False
    if or_control and int(np.frombuffer(data, np.uint8).min()) < 32:
        return True
    raw = bytes(data)
    return any(raw.find(character) >= 0 for character in characters)


def text_bytes(array: pa.StringArray) -> memoryview:
    """The bytes of all strings of `array`, one after the other."""
    _, offsets, data = array.buffers()
    if data is None or len(array) == 0:
        return memoryview(b"")
    bounds = np.frombuffer(offsets, np.int32)
    return memoryview(data)[bounds[array.offset] : bounds[array.offset + len(array)]]


def has_empty(array: pa.StringArray) -> bool:
    """Whether a string of `array` is empty."""
    if len(array) == 0:
        return False
    bounds = np.frombuffer(array.buffers()[1], np.int32)[
        array.offset : array.offset + len(array) + 1
    ]
    return bool((bounds[1:] == bounds[:-1]).any())


def joined(pieces: list[Piece], rows: int) -> pa.StringArray:
    """The pieces of each row, one after the other."""
    if all(isinstance(piece, str) for piece in pieces):
        return pa.array(["".join(pieces)] * rows, pa.string())
    if len(pieces) == 1:
        return pieces[0]
    scalars = [pa.scalar(p) if isinstance(p, str) else p for p in pieces]
    return pc.binary_join_element_wise(*scalars, "")


class ColumnText:
    """Text of one column. The base class casts; subclasses know something quicker."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def pieces(self, array: pa.Array, prefix: str) -> tuple[list[Piece], str]:
        """Pieces of each row with `prefix` in front, and text still to be put behind them."""
        return self._with_prefix(self.cast(array), prefix), ""

    def cast(self, array: pa.Array) -> pa.StringArray:
        """Text of each value, nulls included."""
        return filled(pc.cast(array, pa.string()), self.dialect.null)

    @staticmethod
    def _with_prefix(array: pa.Array, prefix: str) -> list[Piece]:
        return [prefix, array] if prefix else [array]


class StringText(ColumnText):
    """Text of strings; encloses by constants where nothing is null or to be escaped."""

    def pieces(self, array: pa.Array, prefix: str) -> tuple[list[Piece], str]:
        """See the base class."""
        array = pc.cast(array, pa.string())
        if array.null_count == 0 and self.dialect.is_plain(array):
            mark = self.dialect.enclosure
            return self._with_prefix(array, prefix + mark), mark
        return self._with_prefix(self.cast(array), prefix), ""

    def cast(self, array: pa.Array) -> pa.StringArray:
        """See the base class."""
        array = pc.cast(array, pa.string())
        if array.null_count == 0:
            return self.dialect.text(array)
        return pc.if_else(
            array.is_valid(), self.dialect.text(pc.fill_null(array, "x")), self.dialect.null
        )


class CategoryText(ColumnText):
    """Text of dictionary-encoded strings: the words are escaped once for each vocabulary."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect)
        self.words: pa.Array | None = None
        self.tables: dict[str, pa.StringArray] = {}

    def pieces(self, array: pa.Array, prefix: str) -> tuple[list[Piece], str]:
        """See the base class."""
        table = self._table(array.dictionary, prefix)
        indices = array.indices
        if indices.null_count:
            indices = pc.fill_null(pc.cast(indices, pa.int64()), len(table) - 1)
        return [table.take(indices)], ""

    def cast(self, array: pa.Array) -> pa.StringArray:
        """See the base class."""
        return joined(self.pieces(array, "")[0], len(array))

    def _table(self, words: pa.Array, prefix: str) -> pa.StringArray:
        if self.words is None or not _is_same(words, self.words):
            self.words = words
            self.tables = {}
        if prefix not in self.tables:
            with_null = pa.concat_arrays([pc.cast(words, pa.string()), pa.nulls(1, pa.string())])
            texts = StringText(self.dialect).cast(with_null)
            self.tables[prefix] = pc.binary_join_element_wise(prefix, texts, "")
        return self.tables[prefix]


def filled(texts: pa.StringArray, null: str) -> pa.StringArray:
    return texts if texts.null_count == 0 else pc.fill_null(texts, null)


def _is_same(words: pa.Array, other: pa.Array) -> bool:
    """Whether two vocabularies are the same; by their place in memory where that is enough."""
    if len(words) != len(other):
        return False
    mine, theirs = words.buffers()[-1], other.buffers()[-1]
    if mine is not None and theirs is not None and mine.address == theirs.address:
        return bool(words.offset == other.offset)
    return bool(words.equals(other))
