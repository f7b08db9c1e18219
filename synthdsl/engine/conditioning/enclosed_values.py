"""Enclosures: what values may occur in each of many boxes, as intervals that are never too narrow.

All of a table's boxes are handled at once: the arrays of an enclosure broadcast, so that what
depends on one field only is as small as that field's cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.texts import merge
from synthdsl.values.columns import Vocabulary

Flags: TypeAlias = Any
"""One bool for all boxes, or an array of bools that broadcasts against the boxes."""


@dataclass(frozen=True, eq=False)
class Enclosure:
    """In each box a value is null (only where `can_null`) or lies in [`low`, `high`] (only where
    `can_value`).

    Values are raw (`values.types`); text and enum members are codes into `vocabulary`, bools 0
    and 1 (`low` and `high` may then be arrays of bools). The arrays have any shapes that
    broadcast. Text without a vocabulary is not enclosed: anything.
    """

    low: NDArray[Any]
    high: NDArray[Any]
    can_null: Flags = False
    can_value: Flags = True
    vocabulary: Vocabulary | None = None

    @classmethod
    def anything(cls, *, can_null: Flags = True, vocabulary: Vocabulary | None = None) -> Enclosure:
        """No knowledge at all, or none but that codes are of a vocabulary."""
        if vocabulary is None:
            return cls(np.array(-np.inf), np.array(np.inf), can_null)
        return cls(np.array(0.0), np.array(len(vocabulary) - 1.0), can_null, True, vocabulary)

    @classmethod
    def nothing(cls) -> Enclosure:
        """The constant null."""
        return cls(np.array(0.0), np.array(0.0), True, False)

    @classmethod
    def of_truth(cls, can_true: Flags, can_false: Flags, can_null: Flags) -> Enclosure:
        """A truth value, by which of the three it may be."""
        return cls(
            np.logical_not(can_false), np.asarray(can_true), can_null, either(can_true, can_false)
        )

    @property
    def can_true(self) -> Flags:
        """Where a truth value may be true."""
        return both(self.can_value, np.greater(self.high, 0))

    @property
    def can_false(self) -> Flags:
        """Where a truth value may be false."""
        return both(self.can_value, np.less_equal(self.low, 0))

    @property
    def is_single(self) -> Flags:
        """Where the value, if there is one, is known."""
        return np.equal(self.low, self.high)

    def with_null(self, can_null: Flags, can_value: Flags = True) -> Enclosure:
        """The same values, with more nulls or fewer values."""
        return replace(
            self,
            can_null=either(self.can_null, can_null),
            can_value=both(self.can_value, can_value),
        )


def either(left: Flags, right: Flags) -> Flags:
    """Logical or; a Python bool where that settles it."""
    if left is False or right is True:
        return right
    return left if right is False or left is True else np.logical_or(left, right)


def both(left: Flags, right: Flags) -> Flags:
    """Logical and; a Python bool where that settles it."""
    if left is True or right is False:
        return right
    return left if right is True or left is False else np.logical_and(left, right)


def union(parts: Sequence[tuple[Flags, Enclosure]]) -> Enclosure:
    """What may occur in any of several enclosures, each only where its flags are true."""
    aligned = in_one_vocabulary([enclosure for _, enclosure in parts])
    if aligned is None:
        can_null: Flags = False
        for is_taken, enclosure in parts:
            can_null = either(can_null, both(is_taken, enclosure.can_null))
        return Enclosure.anything(can_null=can_null)
    low: Any = np.array(np.inf)
    high: Any = np.array(-np.inf)
    can_null, can_value = False, False
    for (is_taken, _), enclosure in zip(parts, aligned, strict=True):
        has_value = both(is_taken, enclosure.can_value)
        can_null = either(can_null, both(is_taken, enclosure.can_null))
        can_value = either(can_value, has_value)
        if has_value is True:
            low, high = np.minimum(low, enclosure.low), np.maximum(high, enclosure.high)
        elif has_value is not False:
            low = np.minimum(low, np.where(has_value, enclosure.low, np.inf))
            high = np.maximum(high, np.where(has_value, enclosure.high, -np.inf))
    if can_value is not True:
        low, high = np.where(can_value, low, 0.0), np.where(can_value, high, 0.0)
    return Enclosure(low, high, can_null, can_value, aligned[0].vocabulary)


def strict(
    arguments: list[Enclosure],
    low: Any,
    high: Any,
    *,
    fails: Flags = False,
    works: Flags = True,
    vocabulary: Vocabulary | None = None,
) -> Enclosure:
    """A result that is null where an argument is, or where the operation `fails`; where it never
    `works` there is no value.
    """
    can_null: Flags = False
    can_value: Flags = True
    for argument in arguments:
        can_null = either(can_null, argument.can_null)
        can_value = both(can_value, argument.can_value)
    can_null = either(can_null, both(can_value, fails))
    return Enclosure(low, high, can_null, both(can_value, works), vocabulary)


# codes


def in_one_vocabulary(enclosures: Sequence[Enclosure]) -> list[Enclosure] | None:
    """Enclosures with codes of one vocabulary, or without any; None where only some have one."""
    known = [e.vocabulary for e in enclosures if e.vocabulary is not None]
    if not known:
        return list(enclosures)
    vocabulary = known[0]
    for other in known[1:]:
        vocabulary = merge(vocabulary, other)
    result = []
    for enclosure in enclosures:
        if enclosure.vocabulary is None and enclosure.can_value is not False:
            return None
        result.append(recoded(enclosure, vocabulary))
    return result


def recoded(enclosure: Enclosure, vocabulary: Vocabulary) -> Enclosure:
    """Codes of another vocabulary; words that it lacks get its first code, as in the engine."""
    words = enclosure.vocabulary
    if words is None or words is vocabulary or words.words == vocabulary.words:
        return replace(enclosure, vocabulary=vocabulary)
    if vocabulary.words[: len(words)] == words.words:
        return replace(enclosure, vocabulary=vocabulary)
    codes = np.array([vocabulary.codes.get(w, 0) for w in words.words], np.float64)
    return RangeTable(codes).at(enclosure, vocabulary)


class RangeTable:
    """The least and the greatest of a run of values, for many runs at once.

    A sparse table of the extremes of all runs whose length is a power of two: two of them that
    overlap cover any run (Bender, Farach-Colton 2000, "The LCA problem revisited", section 3).
    """

    def __init__(self, values: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> None:
        values = np.asarray(values, np.float64)
        self._size = len(values)
        self._nulls = None
        self._lows, self._highs = [values], [values]
        if valid is not None and not valid.all():
            self._nulls = np.concatenate([[0], np.cumsum(~valid)])
            self._lows = [np.where(valid, values, np.inf)]
            self._highs = [np.where(valid, values, -np.inf)]

    def between(self, first: Any, last: Any) -> Enclosure:
        """The values at positions `first` to `last`, both included (none where last < first)."""
        is_empty = np.greater(first, last)
        has_empty = bool(is_empty.any())
        last = np.clip(np.asarray(last, np.float64), 0, self._size - 1).astype(np.int64)
        first = np.clip(np.asarray(first, np.float64), 0, self._size - 1).astype(np.int64)
        first = np.minimum(first, last)
        low, high = self._extremes(first, last)
        can_null: Flags = False
        can_value: Flags = True
        if self._nulls is not None:
            nulls = self._nulls[last + 1] - self._nulls[first]
            can_null = nulls > 0
            can_value = nulls <= last - first
            low, high = np.where(can_value, low, 0.0), np.where(can_value, high, 0.0)
        if has_empty:
            can_null, can_value = both(can_null, ~is_empty), both(can_value, ~is_empty)
        return Enclosure(low, high, can_null, can_value)

    def at(self, codes: Enclosure, vocabulary: Vocabulary | None = None) -> Enclosure:
        """The values for codes (or positions) that lie in an enclosure; null for null."""
        found = self.between(codes.low, codes.high)
        return Enclosure(
            found.low,
            found.high,
            either(codes.can_null, both(codes.can_value, found.can_null)),
            both(codes.can_value, found.can_value),
            vocabulary,
        )

    def _extremes(
        self, first: NDArray[np.int64], last: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        first, last = np.asarray(first), np.asarray(last)
        length = last - first + 1
        longest = int(length.max(initial=1))
        if longest == 1:
            return self._lows[0][first], self._highs[0][first]
        while len(self._lows) < longest.bit_length():
            half = 1 << (len(self._lows) - 1)
            below, above = self._lows[-1], self._highs[-1]
            self._lows.append(np.minimum(below[:-half], below[half:]))
            self._highs.append(np.maximum(above[:-half], above[half:]))
        # the exponent of a float is the floor of its logarithm, exactly
        level = np.frexp(length.astype(np.float64))[1] - 1
        low, high = np.empty(length.shape), np.empty(length.shape)
        for each in range(longest.bit_length()):
            here = np.asarray(level == each)
            if here.any():
                start, end = first[here], last[here] + 1 - (1 << each)
                low[here] = np.minimum(self._lows[each][start], self._lows[each][end])
                high[here] = np.maximum(self._highs[each][start], self._highs[each][end])
        return low, high
