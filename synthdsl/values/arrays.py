"""Arrow arrays from numpy arrays and words, without copies.

`pyarrow.array` imports pandas, if it is installed, to see whether it was given a series. These
build from buffers, which costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")


def numbers(values: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> pa.Array:
    """(n,) numbers as an Arrow array of the same kind and width; null where not `valid`.

    Booleans become Arrow booleans; they are not given `valid`.
    """
    values = np.ascontiguousarray(values)
    if values.dtype == np.bool_:
        return booleans(values)
    kind = getattr(pa, values.dtype.name)()  # numpy and Arrow agree on these names
    return pa.Array.from_buffers(kind, len(values), [_bits(valid), pa.py_buffer(values)])


def booleans(values: NDArray[np.bool_]) -> pa.BooleanArray:
    """(n,) booleans as an Arrow array."""
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, _bits(values)])


def strings(words: Sequence[str | None]) -> pa.StringArray:
    """Words as an Arrow string array; None is null."""
    encoded = [b"" if word is None else word.encode() for word in words]
    offsets = np.zeros(len(words) + 1, np.int32)
    np.cumsum([len(word) for word in encoded], out=offsets[1:])
    valid = None
    if any(word is None for word in words):
        valid = np.array([word is not None for word in words], np.bool_)
    buffers = [_bits(valid), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(words), buffers)


def repeated(word: str, rows: int) -> pa.StringArray:
    """One word `rows` times."""
    return strings([word]).take(numbers(np.zeros(rows, np.int32)))


def _bits(valid: NDArray[np.bool_] | None) -> pa.Buffer | None:
    """One bit a row, as Arrow keeps masks and booleans."""
    return None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))


def unpacked(array: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """The values of an Arrow array of numbers or booleans as (n,) numpy; arbitrary under null."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # of no chunks, or of more than fit one
        return np.concatenate([unpacked(chunk) for chunk in array.chunks] or [np.empty(0)])
    data = array.buffers()[1]
    start, stop = array.offset, array.offset + len(array)
    if pa.types.is_boolean(array.type):
        bits = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
        return np.unpackbits(bits, count=stop, bitorder="little")[start:].astype(np.bool_)
    kind = np.dtype(array.type.to_pandas_dtype())
    if data is None:
        return np.empty(0, kind)
    return np.frombuffer(data, kind, count=stop)[start:]
