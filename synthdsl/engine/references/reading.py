"""What is read of the rows that references refer to."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.frame import Frame, spread
from synthdsl.engine.lookup_index import raw_column
from synthdsl.engine.references.reference import with_earlier_siblings
from synthdsl.engine.references.target_rows import TargetRows
from synthdsl.values.columns import Column, both_valid
from synthdsl.values.types import Type


def referred_column(
    target: TargetRows, seed: int, field: str, type: Type, references: Column
) -> Column:
    """The `field` (`index`: the number), of `type`, of the row that each reference refers to.

    Null where the reference is. Rows that nothing refers to are not made.
    """
    if field == "index":
        return Column(references.values, references.valid)
    rows = len(references)
    numbers = np.asarray(references.values).astype(np.int64)
    at = np.arange(rows) if references.valid is None else np.flatnonzero(references.valid)
    if not at.size:
        return raw_column([None], type).take(np.zeros(rows, np.int64))
    (column,) = target.columns(seed, numbers[at], [field])
    if len(at) == rows:
        return column
    found = spread(column, at, rows)
    assert isinstance(found, Column)
    return Column(found.values, both_valid(found.valid, references.valid), found.vocabulary)


def _numbers(references: Column) -> NDArray[np.int64]:
    numbers = np.asarray(references.values).astype(np.int64)
    # what stands under null is any number
    return numbers if references.valid is None else np.where(references.valid, numbers, 0)


def sibling_column(frame: Frame, field: str, references: Column) -> Column:
    """The `field` of the earlier row under the same parent to which each row refers by its
    position.
    """
    if field == "index":
        return Column(references.values, references.valid)
    whole, at = with_earlier_siblings(frame)
    places = at - frame.ordinals + _numbers(references)
    column = whole.column(field).take(places)
    return Column(column.values, both_valid(column.valid, references.valid), column.vocabulary)


def key_columns(
    target: TargetRows, seed: int, key: Iterable[tuple[str, Type]], references: Column
) -> list[Column]:
    """The key of the row that each reference refers to: one column for each field and type."""
    return [referred_column(target, seed, field, type_, references) for field, type_ in key]
