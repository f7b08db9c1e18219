"""Weighted pools of words, drawn by code; ragged choices; text joined from coded pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synthdsl.lazy import lazy
from synthdsl.values.arrays import numbers
from synthdsl.values.columns import Vocabulary

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from numpy.typing import NDArray
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")


def alias_tables(weights: Sequence[float]) -> tuple[list[float], list[int]]:
    """Acceptance and alias of each entry, so that one uniform picks entry i with its weight.

    Plain Python arithmetic in a fixed order, so every machine gets the same tables. Weights
    are positive and need not total 1. Source: Vose, IEEE Trans. Software Eng. 17 (1991) 972.
    """
    count = len(weights)
    total = sum(weights)
    shares = [weight * count / total for weight in weights]
    accept, alias = [1.0] * count, list(range(count))
    small = [entry for entry in range(count) if shares[entry] < 1.0]
    large = [entry for entry in range(count) if shares[entry] >= 1.0]
    while small and large:
        low, high = small.pop(), large[-1]
        accept[low], alias[low] = shares[low], high
        shares[high] -= 1.0 - shares[low]
        if shares[high] < 1.0:
            small.append(large.pop())
    return accept, alias


@dataclass(frozen=True, eq=False)
class GroupedPool:
    """One weighted pool a group over a shared vocabulary; the group may vary by row.

    `words`, `accept` and `alias` are (entries,), group after group; `start` and `size` are
    (groups,). A word may belong to several groups with different weights.
    """

    vocabulary: Vocabulary
    words: NDArray[np.int32]
    accept: NDArray[np.float64]
    alias: NDArray[np.int64]
    start: NDArray[np.int64]
    size: NDArray[np.float64]

    @classmethod
    def build(cls, groups: Sequence[Mapping[str, float]], words: Sequence[str] = ()) -> GroupedPool:
        """The pool whose group g draws each word of `groups[g]` with its weight.

        `words` fixes the vocabulary; by default it is every word in order of appearance.
        """
        vocabulary = Vocabulary(tuple(words) or tuple(dict.fromkeys(w for g in groups for w in g)))
        codes: list[int] = []
        accept: list[float] = []
        alias: list[int] = []
        start: list[int] = []
        for group in groups:
            first = len(codes)
            group_accept, group_alias = alias_tables(list(group.values()))
            codes += [vocabulary.codes[word] for word in group]
            accept += group_accept
            alias += [first + entry for entry in group_alias]
            start.append(first)
        return cls(
            vocabulary,
            np.array(codes, dtype=np.int32),
            np.array(accept, dtype=np.float64),
            np.array(alias, dtype=np.int64),
            np.array(start, dtype=np.int64),
            np.array([len(group) for group in groups], dtype=np.float64),
        )

    def pick(
        self, uniforms: NDArray[np.float64], group: NDArray[Any] | int = 0
    ) -> NDArray[np.int32]:
        """The code of one word a row, from the row's group: (n,) int32.

        A uniform u < 1 that is a multiple of 2**-53 never rounds up to u * size = size.
        """
        scaled = uniforms * self.size[group]
        entry = scaled.astype(np.int64)
        scaled -= entry
        entry += self.start[group]
        chosen = np.where(scaled < self.accept[entry], entry, self.alias[entry])
        words: NDArray[np.int32] = self.words[chosen]
        return words


@dataclass(frozen=True, eq=False)
class Ragged:
    """Lists of equally likely items, one list an owner, laid end to end.

    `items` (total,) are codes; the list of owner o is `items[start[o] : start[o] + count[o]]`.
    """

    items: NDArray[np.int32]
    start: NDArray[np.int64]
    count: NDArray[np.int64]

    @classmethod
    def build(cls, lists: Sequence[Sequence[int]]) -> Ragged:
        """The lists, none of them empty."""
        count = np.array([len(one) for one in lists], dtype=np.int64)
        return cls(
            np.array([item for one in lists for item in one], dtype=np.int32),
            np.cumsum(count) - count,
            count,
        )

    @property
    def is_single(self) -> bool:
        """Whether every list has one item, so that nothing is left to chance."""
        return len(self.items) == len(self.start)

    def pick(self, uniforms: NDArray[np.float64], owner: NDArray[Any]) -> NDArray[np.int32]:
        """One item of each row's list: (n,) int32."""
        at = self.start[owner] + (uniforms * self.count[owner]).astype(np.int64)
        items: NDArray[np.int32] = self.items[at]
        return items


def digits(numbers: NDArray[np.int64], width: int) -> pa.StringArray:
    """Each number in [0, 10**width) as `width` digits, zeros in front."""
    rows = len(numbers)
    text = np.empty((rows, width), dtype=np.uint8)
    rest = numbers.astype(np.uint32)
    for place in range(width - 1, -1, -1):
        rest, digit = np.divmod(rest, np.uint32(10))
        text[:, place] = digit
    text += np.uint8(ord("0"))
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(text))


def spell(words: Vocabulary | pa.StringArray, codes: NDArray[Any]) -> pa.StringArray:
    """The words that `codes` stand for, as an Arrow string array."""
    array = words.arrow if isinstance(words, Vocabulary) else words
    return array.take(numbers(codes))


def join(*pieces: pa.StringArray | str) -> pa.StringArray:
    """The pieces of each row written one after the other; a plain text is the same in all."""
    return pc.binary_join_element_wise(*pieces, "")
