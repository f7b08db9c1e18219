"""Columns: typed arrays with a validity mask; text as codes into a vocabulary or as Arrow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from synthdsl.lazy import lazy
from synthdsl.values.arrays import booleans, numbers, strings

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")


class Vocabulary:
    """The distinct words that codes stand for, in order; shared by every block of a field."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.words = words

    def __len__(self) -> int:
        """Number of words."""
        return len(self.words)

    @cached_property
    def arrow(self) -> pa.StringArray:
        """The words as an Arrow string array."""
        return strings(self.words)

    @cached_property
    def codes(self) -> dict[str, int]:
        """The code of each word."""
        return {word: code for code, word in enumerate(self.words)}


@dataclass(frozen=True, eq=False)
class Column:
    """Values of one field or expression for a block of rows.

    `values`: (n,) numpy array in the raw representation of its type (`values.types`), or an
    Arrow array for text that is not coded, uuid and list. For coded text `values` holds int32
    codes into `vocabulary` (for an enum the vocabulary is the enum's members).
    `valid`: (n,) bool, False where null; None when nothing is null. Values under null are
    arbitrary but in range.
    """

    values: Any
    valid: NDArray[np.bool_] | None = None
    vocabulary: Vocabulary | None = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.values)

    @property
    def is_arrow(self) -> bool:
        """Whether the values are an Arrow array rather than numpy."""
        return not isinstance(self.values, np.ndarray)

    def take(self, at: NDArray[np.int64]) -> Column:
        """The rows at positions `at`."""
        values = self.values.take(numbers(at)) if self.is_arrow else self.values[at]
        return Column(values, None if self.valid is None else self.valid[at], self.vocabulary)

    def text(self) -> pa.StringArray:
        """Text, enum or uuid values as an Arrow string array with nulls."""
        if self.vocabulary is None:
            return with_nulls(self.values, self.valid)
        codes = numbers(self.values, self.valid)
        return self.vocabulary.arrow.take(codes)


def with_nulls(array: pa.Array, valid: NDArray[np.bool_] | None) -> pa.Array:
    """`array` with its nulls joined by the rows where `valid` is False."""
    if valid is None:
        return array
    import pyarrow.compute as pc

    return pc.if_else(booleans(valid), array, pa.scalar(None, array.type))


def both_valid(
    left: NDArray[np.bool_] | None, right: NDArray[np.bool_] | None
) -> NDArray[np.bool_] | None:
    """Rows valid in both masks (None: all valid)."""
    if left is None:
        return right
    return left if right is None else left & right
