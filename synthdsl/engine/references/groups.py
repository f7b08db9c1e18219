"""Rows grouped by values that must be equal, and the group of other rows by their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.determinants import words_of
from synthdsl.engine.streams import Keys, tag
from synthdsl.model.folding import INTEGER_KINDS
from synthdsl.values.columns import Column
from synthdsl.values.types import TEXT, Kind, Type

Numbers = NDArray[np.int64]
_TEXTS = frozenset({Kind.TEXT, Kind.UUID, Kind.ENUM})
_WHOLE = INTEGER_KINDS | {Kind.BOOL}
_LARGEST_RANGE = 4_096
"""Whole numbers of a block that are looked up each once."""
_LARGEST_TABLE = 2**20


@dataclass(frozen=True, eq=False)
class Matched:
    """What of each row must be equal: `distinct[codes]`, where `valid`.

    Numbers that are equal where values are. `codes` None: a row has its own in `distinct`.
    """

    distinct: NDArray[np.generic]
    codes: Numbers | None
    valid: NDArray[np.bool_] | None

    @property
    def values(self) -> NDArray[np.generic]:
        """The number of each row."""
        return self.distinct if self.codes is None else self.distinct[self.codes]


def matched(column: Column, type: Type, other: Type) -> Matched:
    """`column`, of `type`, to be compared with values of type `other`."""
    if column.vocabulary is not None:
        words = Column(np.arange(len(column.vocabulary)), None, column.vocabulary)
        if len(column.vocabulary):
            return Matched(words_of(words, type), column.values, column.valid)
    if type.kind in _TEXTS:
        return Matched(words_of(column, type), None, column.valid)
    values = np.asarray(column.values)
    if type.kind not in _WHOLE or other.kind not in _WHOLE:
        return Matched(values.astype(np.float64), None, column.valid)
    values = values.astype(np.int64)
    if len(values):
        low, high = int(values.min()), int(values.max())
        if high - low < min(_LARGEST_RANGE, len(values)):
            return Matched(np.arange(low, high + 1), values - low, column.valid)
    return Matched(values, None, column.valid)


def bits_of(column: Column) -> Keys | None:
    """64 bits for each row, equal where values are; None for values that have more."""
    if column.vocabulary is not None or column.is_arrow:
        bits = words_of(column, TEXT)
    elif column.values.ndim > 1:
        return None
    elif column.values.dtype.kind == "f":
        bits = (column.values + 0.0).view(np.uint64)
    else:
        bits = column.values.astype(np.int64).view(np.uint64)
    if column.valid is None:
        return bits
    return np.where(column.valid, bits, np.uint64(tag("null")))


class Groups:
    """Rows grouped by equal values of `keys`: `group` is the group of each, of `count`."""

    def __init__(self, keys: Sequence[NDArray[np.generic]], rows: int) -> None:
        self._steps: list[_Step] = []
        group, count = np.zeros(rows, np.int64), 1
        for key in keys:
            level, code = np.unique(key, return_inverse=True)
            present, group = np.unique(group * len(level) + code, return_inverse=True)
            self._steps.append(_Step(level, present, count * len(level)))
            count = len(present)
        self.group, self.count = group.astype(np.int64), count

    def find(self, keys: Sequence[Matched], rows: int) -> Numbers:
        """The group of each row with the given values; -1 where there is none, or a null."""
        group = np.zeros(rows, np.int64)
        for key, step in zip(keys, self._steps, strict=True):
            group = step.find(group, key)
        return group


class _Step:
    """Groups split by a further value: `level` are its values, `present` the combinations of
    group * len(level) + value that there are, of `size` that there could be.
    """

    def __init__(self, level: NDArray[np.generic], present: Numbers, size: int) -> None:
        self._level = level
        self._present = present
        self._table: Numbers | None = None
        if size <= _LARGEST_TABLE:
            self._table = np.full(size, -1, np.int64)
            self._table[present] = np.arange(len(present))

    def find(self, group: Numbers, key: Matched) -> Numbers:
        """The group after the split; -1 where there is none."""
        if not len(self._level):
            return np.full(len(group), -1, np.int64)
        code = np.minimum(np.searchsorted(self._level, key.distinct), len(self._level) - 1)
        code = np.where(self._level[code] == key.distinct, code, -1).astype(np.int64)
        if key.codes is not None:
            code = code[key.codes]
        is_known = (code >= 0) & (group >= 0)
        if key.valid is not None:
            is_known &= key.valid
        wanted = np.where(is_known, group * len(self._level) + code, 0)
        if self._table is not None:
            found = self._table[wanted]
        else:
            found = np.minimum(np.searchsorted(self._present, wanted), len(self._present) - 1)
            found = np.where(self._present[found] == wanted, found, -1)
        return np.where(is_known, found, -1)
