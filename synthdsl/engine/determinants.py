"""Keys of keyed draws: a hash of the values that rows must share to share a draw.

Definition (part of the language: changing it changes every keyed draw), with `mix`, `tag` and G
of `engine.streams` and all arithmetic modulo 2**64::

    word(text)       = h after h = mix(length * G + tag("text")), then for each 8 bytes of the
                       UTF-8 text, little-endian and padded with zeros, h = mix((h xor bytes) + G);
                       length in bytes
    word(enum)       = word of the member's name
    word(bool)       = 0 or 1
    word(other)      = the raw value (`values.types`), in whole steps for a decimal or a float
    determinant key  = k after k = tag("keyed"), then for each determinant in order
                       k = mix((k xor word) + G)

A determinant key stands in for the row's key in all base draws of the field. Two of n different
combinations have the same key with a chance below n**2 / 2**65.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthdsl.engine.streams import GOLDEN, Keys, mix, tag
from synthdsl.model.grids import raw_step
from synthdsl.values.columns import Column, Vocabulary, both_valid
from synthdsl.values.types import Type


def determinant_keys(
    columns: Sequence[Column], types: Sequence[Type]
) -> tuple[Keys, NDArray[np.bool_] | None]:
    """A key for each row, equal where all `columns` are, and where none of them is null.

    Keys (n,) uint64 are arbitrary under null. `types` are those of the columns.
    """
    keys = np.full(len(columns[0]), tag("keyed"), np.uint64)
    valid = None
    for column, type_ in zip(columns, types, strict=True):
        np.bitwise_xor(keys, words_of(column, type_), out=keys)
        np.add(keys, GOLDEN, out=keys)
        mix(keys)
        valid = both_valid(valid, column.valid)
    return keys, valid


def words_of(column: Column, type: Type) -> Keys:
    """64 bits for each row's value: (n,) uint64, equal where values are."""
    if column.vocabulary is not None:
        of_words = _vocabulary_words(column.vocabulary)
        return of_words[column.values] if len(of_words) else np.zeros(len(column), np.uint64)
    if column.is_arrow:
        return text_words(column.values)
    values = column.values
    if values.dtype.kind == "f":
        step = raw_step(type)
        assert step is not None
        values = np.rint(values * (step.denominator / step.numerator))
    words: Keys = values.astype(np.int64).view(np.uint64)
    return words


@lru_cache(maxsize=64)
def _vocabulary_words(vocabulary: Vocabulary) -> Keys:
    return text_words(vocabulary.arrow)


def text_words(array: pa.Array | pa.ChunkedArray) -> Keys:
    """The word of each text of an Arrow string array: (n,) uint64; arbitrary under null."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    _, offsets, data = array.buffers()
    count, first = len(array), array.offset
    if not count:
        return np.empty(0, np.uint64)
    width = np.int64 if pa.types.is_large_string(array.type) else np.int32
    ends = np.frombuffer(offsets, width, count=first + count + 1)[first:].astype(np.int64)
    used = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]] if data is not None else _NOTHING
    # whole words, of which any eight bytes are parts of two neighbours
    padded = np.concatenate([used, np.zeros(16 - len(used) % 8, np.uint8)]).view("<u8")
    starts, left = ends[:-1] - ends[0], np.diff(ends)
    shifts = (starts & 7).astype(np.uint64) << np.uint64(3)
    places = starts >> 3
    hashed = mix(left.astype(np.uint64) * GOLDEN + np.uint64(tag("text")))
    rows = np.flatnonzero(left)
    current = hashed[rows]
    places, shifts, left = places[rows], shifts[rows], left[rows]
    while rows.size:
        eight = padded[places].astype(np.uint64) >> shifts
        # in two steps, since a shift by 64 bits has no meaning
        eight |= padded[places + 1].astype(np.uint64) << (_MOST_SHIFT - shifts) << _ONE
        if left.min() < 8:
            eight &= _LOW_BYTES[np.minimum(left, 8)]
        current ^= eight
        current += GOLDEN
        hashed[rows] = mix(current)
        places, left = places + 1, left - 8
        more = np.flatnonzero(left > 0)
        if len(more) < len(rows):
            rows, current = rows[more], current[more]
            places, shifts, left = places[more], shifts[more], left[more]
    return hashed


_NOTHING = np.empty(0, np.uint8)
_LOW_BYTES = np.array([2 ** (8 * bytes_) - 1 for bytes_ in range(9)], np.uint64)
_MOST_SHIFT, _ONE = np.uint64(63), np.uint64(1)
