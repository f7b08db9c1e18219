"""Text columns that meet: one vocabulary for both, or Arrow strings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthdsl.values.arrays import booleans, repeated, unpacked
from synthdsl.values.columns import Column, Vocabulary


def same_vocabulary(left: Column, right: Column) -> tuple[Column, Column]:
    """Two text columns in one representation."""
    if left.vocabulary is not None and right.vocabulary is not None:
        merged = merge(left.vocabulary, right.vocabulary)
        return recode(left, merged), recode(right, merged)
    return Column(left.text(), left.valid), Column(right.text(), right.valid)


def merge(first: Vocabulary, second: Vocabulary) -> Vocabulary:
    """The words of both, those of the first with their codes kept."""
    if first is second or first.words == second.words:
        return first
    extra = [word for word in second.words if word not in first.codes]
    return Vocabulary((*first.words, *extra)) if extra else first


def recode(column: Column, vocabulary: Vocabulary) -> Column:
    """A coded column with its codes in another vocabulary, which has all its words."""
    assert column.vocabulary is not None
    if column.vocabulary is vocabulary:
        return column
    codes = np.array([vocabulary.codes[w] for w in column.vocabulary.words], dtype=np.int32)
    values = codes[column.values] if len(codes) else column.values
    return Column(values, column.valid, vocabulary)


def equal_texts(left: Column, right: Column) -> Any:
    """Row by row equality of two text columns, either of which may be one Python string."""
    if isinstance(right.values, str):
        left, right = right, left
    if isinstance(left.values, str):
        return _equal_to_word(right, left.values)
    if left.vocabulary is not None and right.vocabulary is not None:
        left, right = same_vocabulary(left, right)
        return np.equal(left.values, right.values)
    equal = pc.equal(left.text(), right.text())
    return unpacked(pc.fill_null(equal, False))


def _equal_to_word(column: Column, word: str) -> Any:
    if isinstance(column.values, str):
        return column.values == word
    if column.vocabulary is not None:
        code = column.vocabulary.codes.get(word)
        if code is None:
            return np.zeros(len(column.values), np.bool_)
        return np.equal(column.values, code)
    return unpacked(pc.fill_null(pc.equal(column.values, word), False))


def as_text(value: Any, rows: int) -> pa.StringArray:
    """A column or constant as an Arrow string array of `rows`."""
    if isinstance(value, Column):
        if isinstance(value.values, str):
            return repeated(value.values, rows)
        return value.text()
    return repeated(value, rows)


def choose_texts(
    masks: Sequence[NDArray[np.bool_]], columns: Sequence[Column], rows: int
) -> Column:
    """For each row the text of the first column whose mask is true; the last has no mask."""
    # the constant null has no text of its own
    columns = [Column("", c.valid) if isinstance(c.values, int) else c for c in columns]
    if all(c.vocabulary is not None or isinstance(c.values, str) for c in columns):
        return _choose_codes(masks, columns, rows)
    result = as_text(columns[-1], rows)
    for mask, column in zip(reversed(masks), reversed(columns[:-1]), strict=True):
        result = pc.if_else(booleans(mask), as_text(column, rows), result)
    return Column(result)


def _choose_codes(
    masks: Sequence[NDArray[np.bool_]], columns: Sequence[Column], rows: int
) -> Column:
    vocabulary = Vocabulary(())
    for column in columns:
        words = column.vocabulary or Vocabulary((column.values,))
        vocabulary = merge(vocabulary, words)
    codes = [_codes(column, vocabulary) for column in columns]
    result = np.empty(rows, np.int32)
    result[:] = codes[-1]
    for mask, chosen in zip(reversed(masks), reversed(codes[:-1]), strict=True):
        np.copyto(result, np.int32(chosen) if np.ndim(chosen) == 0 else chosen, where=mask)
    return Column(result, None, vocabulary)


def _codes(column: Column, vocabulary: Vocabulary) -> Any:
    if isinstance(column.values, str):
        return vocabulary.codes[column.values]
    return recode(column, vocabulary).values
