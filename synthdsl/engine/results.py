"""What expressions come to: columns that may hold one value for all rows.

The `values` of a result may also be one Python value and its `valid` one bool: constants stay
scalars until they meet a column.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthdsl.model.expressions import Expr
from synthdsl.model.folding import INTEGER_KINDS
from synthdsl.values.columns import Column, Vocabulary
from synthdsl.values.types import EnumType, Kind


def filled(column: Column, rows: int, expression: Expr) -> Column:
    """`column` with one value per row."""
    values, valid = column.values, column.valid
    is_text = expression.type.kind in (Kind.TEXT, Kind.UUID)
    if is_text and valid is not None and np.ndim(valid) == 0 and not isinstance(values, pa.Array):
        # a null takes the form of what it stands among
        values = values if isinstance(values, str) else ""
    if isinstance(values, str):
        vocabulary = Vocabulary((values,))
        return Column(np.zeros(rows, np.int32), filled_mask(valid, rows), vocabulary)
    # asking an Arrow array for its dimensions would copy it
    if not isinstance(values, pa.Array) and np.ndim(values) == 0:
        values = np.full(rows, values, dtype=element_type(expression))
    return Column(values, filled_mask(valid, rows), column.vocabulary)


def filled_mask(valid: Any, rows: int) -> NDArray[np.bool_] | None:
    """A result's `valid` as a mask of the rows; None where nothing is null."""
    if valid is None or np.ndim(valid) == 1:
        return valid  # type: ignore[no-any-return]
    return None if valid else np.zeros(rows, np.bool_)


def element_type(expression: Expr) -> type:
    """The numpy type of an expression's values; of codes for an enum."""
    kind = expression.type.kind
    if kind is Kind.BOOL:
        return np.bool_
    if kind is Kind.ENUM:
        return np.int32
    return np.int64 if kind in INTEGER_KINDS else np.float64


@lru_cache(maxsize=1024)
def enum_vocabulary(enum: EnumType) -> Vocabulary:
    """The members of an enum as a vocabulary, one object per enum."""
    return Vocabulary(enum.members)


def is_true(condition: Column, rows: int) -> NDArray[np.bool_]:
    """Rows where a condition is true (not false, not null)."""
    values = condition.values
    if condition.valid is not None:
        values = values & condition.valid
    if np.ndim(values) == 0:
        return np.full(rows, bool(values))
    return values  # type: ignore[no-any-return]


def is_false(condition: Column, rows: int) -> NDArray[np.bool_]:
    """Rows where a condition is false (not true, not null)."""
    values: Any = np.logical_not(condition.values)
    if condition.valid is not None:
        values = values & condition.valid
    return np.full(rows, bool(values)) if np.ndim(values) == 0 else np.asarray(values)
