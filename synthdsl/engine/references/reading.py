"""What is read of the rows that references refer to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.frame import Frame
from synthdsl.engine.references.reference import with_earlier_siblings
from synthdsl.engine.references.target_rows import TargetRows
from synthdsl.values.columns import Column, both_valid


def referred_column(target: TargetRows, seed: int, field: str, references: Column) -> Column:
    """The `field` (`index`: the number) of the row that each reference refers to.

    Null where the reference is.
    """
    if field == "index":
        return Column(references.values, references.valid)
    (column,) = target.columns(seed, _numbers(references), [field])
    return Column(column.values, both_valid(column.valid, references.valid), column.vocabulary)


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
    target: TargetRows, seed: int, key: tuple[str, ...], references: Column
) -> list[Column]:
    """The key of the row that each reference refers to, one column for each of its fields."""
    return [referred_column(target, seed, field, references) for field in key]
