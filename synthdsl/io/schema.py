"""Arrow schemas of tables, and columns in the raw representation turned into Arrow arrays.

Integers are exported as int64 whatever their range, so that a table's schema depends on its
declaration alone. Categories (enums, and text drawn from a known vocabulary) are dictionaries
whose index type is the smallest that holds every code.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synthdsl.lazy import lazy
from synthdsl.values.columns import Column, Vocabulary, with_nulls
from synthdsl.values.types import Kind, Type
from synthdsl.values.units import ONE, Unit

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")

DIGITS_OF_A_WORD = 18
WORD = 2.0**64


@dataclass(frozen=True)
class ColumnInfo:
    """An exported column. `vocabulary` is None for text whose words are not known beforehand."""

    name: str
    type: Type
    description: str = ""
    roles: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] | None = None
    is_key: bool = False


@dataclass(frozen=True)
class Reference:
    """The columns `fields` hold the key columns `to` of `table`."""

    fields: tuple[str, ...]
    table: str
    to: tuple[str, ...]


@dataclass(frozen=True)
class TableInfo:
    """An exported table: its columns in order and what it refers to."""

    name: str
    columns: tuple[ColumnInfo, ...]
    description: str = ""
    references: tuple[Reference, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the key columns, in order."""
        return tuple(column.name for column in self.columns if column.is_key)


def arrow_schema(table: TableInfo) -> pa.Schema:
    """Schema of `table`.

    Metadata of a field: `synthdsl.type` and, where there are any, `description`, `roles`
    (comma-separated), `unit`. Of the schema: `synthdsl.table`, `description`, and as JSON
    `key` (a list of names) and `references` (a list of {fields, table, to}).
    """
    about = {"synthdsl.table": table.name}
    if table.description:
        about["description"] = table.description
    if table.key:
        about["key"] = json.dumps(list(table.key))
    if table.references:
        about["references"] = json.dumps(
            [
                {"fields": list(r.fields), "table": r.table, "to": list(r.to)}
                for r in table.references
            ]
        )
    return pa.schema([arrow_field(column) for column in table.columns], metadata=about)


def arrow_field(column: ColumnInfo) -> pa.Field:
    """The field of one column, documentation included."""
    about = {"synthdsl.type": str(column.type)}
    if column.description:
        about["description"] = column.description
    if column.roles:
        about["roles"] = ",".join(column.roles)
    unit = column.type.unit
    if isinstance(unit, Unit) and unit != ONE:
        about["unit"] = unit.symbol
    words = len(column.vocabulary) if column.vocabulary is not None else None
    return pa.field(
        column.name,
        arrow_type(column.type, words=words),
        nullable=column.type.is_nullable,
        metadata=about,
    )


def arrow_type(kind: Type, *, words: int | None = None) -> pa.DataType:
    """The Arrow type that `kind` is exported as; `words`: size of a text's known vocabulary."""
    if kind.kind is Kind.ENUM and kind.enum is not None:
        words = len(kind.enum.members)
    if kind.kind in (Kind.ENUM, Kind.TEXT) and words is not None:
        return pa.dictionary(_index_type(words), pa.string())
    if kind.kind is Kind.DECIMAL:
        return pa.decimal128(kind.precision, kind.scale)
    if kind.kind is Kind.DATETIME:
        return pa.timestamp("us", tz=kind.zone)
    if kind.kind is Kind.LIST and kind.element is not None:
        return pa.list_(pa.field("element", arrow_type(kind.element), nullable=True))
    return {
        Kind.INT: pa.int64(),
        Kind.FLOAT: pa.float64(),
        Kind.BOOL: pa.bool_(),
        Kind.DATE: pa.date32(),
        Kind.TIME: pa.time64("us"),
        Kind.DURATION: pa.duration("us"),
        Kind.TEXT: pa.string(),
        Kind.UUID: pa.string(),
    }[kind.kind]


def to_arrow(column: Column, kind: Type, *, target: pa.DataType | None = None) -> pa.Array:
    """`column` as an Arrow array of `target` (default: what `arrow_type` says of it).

    Numbers and moments share memory with `column.values`, validity is one bit a row, and
    categories keep their codes. `column` must not be written to afterwards.
    """
    if kind.kind is Kind.LIST:
        return _list(column, kind, target or arrow_type(kind))
    if column.vocabulary is not None:
        return _coded(column, column.vocabulary, target)
    if column.is_arrow:
        return _strings(column, target or pa.string())
    return _fixed(column.values, column.valid, kind, target or arrow_type(kind))


def record_batch(columns: Sequence[Column], table: TableInfo, schema: pa.Schema) -> pa.RecordBatch:
    """A batch of `schema` out of the columns of `table`, in its order."""
    arrays = [
        to_arrow(column, info.type, target=field.type)
        for column, info, field in zip(columns, table.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def validity(valid: NDArray[np.bool_] | None) -> pa.Buffer | None:
    """One bit a row, set where `valid`; None where everything is valid."""
    return None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))


def _fixed(
    values: NDArray[Any], valid: NDArray[np.bool_] | None, kind: Type, target: pa.DataType
) -> pa.Array:
    """Values of a fixed width."""
    data: NDArray[Any]
    if kind.kind is Kind.BOOL:
        data = np.packbits(values, bitorder="little")
    elif kind.kind is Kind.DECIMAL:
        data = _decimal_words(values, kind)
    elif kind.kind is Kind.DATE:
        data = np.ascontiguousarray(values, np.int32)
    elif kind.kind is Kind.FLOAT:
        data = np.ascontiguousarray(values, np.float64)
    else:
        data = np.ascontiguousarray(values, np.int64)
    return pa.Array.from_buffers(target, len(values), [validity(valid), pa.py_buffer(data)])


def _decimal_words(values: NDArray[np.float64], kind: Type) -> NDArray[np.int64]:
    """Unscaled 128-bit integers, low word first.

    Exact for multiples of 10**-scale of up to fifteen digits, beyond which float64 cannot tell
    neighbours apart anyway.
    """
    scaled = values * 10.0**kind.scale
    np.rint(scaled, out=scaled)
    words = np.empty((len(values), 2), np.int64)
    if kind.precision <= DIGITS_OF_A_WORD:
        words[:, 0] = scaled
        np.right_shift(words[:, 0], 63, out=words[:, 1])
        return words
    size = np.abs(scaled)
    high = np.floor(size / WORD)
    low = (size - high * WORD).astype(np.uint64).view(np.int64)
    is_negative = scaled < 0
    words[:, 0] = np.where(is_negative, -low, low)
    # Two's complement: the carry reaches the high word only where the low one is zero.
    words[:, 1] = np.where(is_negative, ~high.astype(np.int64) + (low == 0), high)
    return words


def _coded(column: Column, vocabulary: Vocabulary, target: pa.DataType | None) -> pa.Array:
    """Codes and their words."""
    if target is not None and not pa.types.is_dictionary(target):
        return column.text().cast(target)
    index = target.index_type if target is not None else _index_type(len(vocabulary))
    codes = np.ascontiguousarray(column.values, f"i{index.bit_width // 8}")
    indices = pa.Array.from_buffers(
        index, len(codes), [validity(column.valid), pa.py_buffer(codes)]
    )
    return pa.DictionaryArray.from_arrays(indices, vocabulary.arrow, safe=False)


def _strings(column: Column, target: pa.DataType) -> pa.Array:
    """Arrow strings with the rows that are not valid made null, their bytes untouched."""
    array = column.values
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if column.valid is not None:
        if array.offset == 0 and array.null_count == 0 and pa.types.is_string(array.type):
            buffers = [validity(column.valid), *array.buffers()[1:]]
            array = pa.Array.from_buffers(array.type, len(array), buffers)
        else:
            array = with_nulls(array, column.valid)
    if pa.types.is_dictionary(target):
        array = array.dictionary_encode()
    return array if array.type == target else array.cast(target)


def _list(column: Column, kind: Type, target: pa.DataType) -> pa.Array:
    """Lists: a numpy array (rows, items), or an Arrow list of raw items."""
    element = kind.element
    if element is None:
        raise ValueError("a list type needs its element type")
    item_type = target.value_type
    if not column.is_arrow:
        rows, size = column.values.shape
        flat = Column(column.values.reshape(-1), None, column.vocabulary)
        offsets = pa.py_buffer(
            np.arange(0, (rows + 1) * size, size or 1, dtype=np.int32)[: rows + 1]
        )
        if size == 0:
            offsets = pa.py_buffer(np.zeros(rows + 1, np.int32))
        items = to_arrow(flat, element, target=item_type)
        return pa.Array.from_buffers(
            target, rows, [validity(column.valid), offsets], children=[items]
        )
    array = with_nulls(pa.concat_arrays([column.values]), column.valid)
    if array.type == target:
        return array
    items = array.values
    if element.kind not in (Kind.TEXT, Kind.UUID, Kind.ENUM):
        valid = np.asarray(items.is_valid()) if items.null_count else None
        raw = np.asarray(items.fill_null(0) if items.null_count else items)
        items = _fixed(raw, valid, element, item_type)
    elif items.type != item_type:
        items = items.cast(item_type)
    buffers = array.buffers()[:2]
    return pa.Array.from_buffers(target, len(array), buffers, children=[items])


def _index_type(words: int) -> pa.DataType:
    if words <= 1 << 7:
        return pa.int8()
    return pa.int16() if words <= 1 << 15 else pa.int32()
