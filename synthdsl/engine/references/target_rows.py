"""The rows of a table that others refer to, made from their numbers.

They are never stored with the rows that refer to them. Of a table with few rows all are made
once and kept; of a larger one those that a block needs, each once. A row is the same either way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from synthdsl.diagnostics import SynthError
from synthdsl.engine.evaluate import evaluate_column
from synthdsl.engine.frame import Frame, Record, joined
from synthdsl.engine.references.parts import TargetPart
from synthdsl.values.columns import Column

MOST_KEPT = 2**17
"""Rows up to which a table is kept whole."""
MOST_SEEDS = 2
"""Seeds whose rows are kept: a run's own, and that of pilots."""
LONGEST_CHAIN = 60
"""Rows of a table that are read one through the other."""
_CHUNK = 2**15

Numbers = NDArray[np.int64]
Key = TypeVar("Key")
Value = TypeVar("Value")


class RowsAt(Protocol):
    """Makes complete rows (before masking) of a root table, with at least the `fields`."""

    def __call__(self, seed: int, numbers: Numbers, fields: frozenset[str]) -> Frame:
        """The rows with the given numbers, in their order."""
        ...


class TargetRows:
    """The rows of the root table `name`, which has `rows` of them."""

    def __init__(self, name: str, rows: int, rows_at: RowsAt) -> None:
        self.name = name
        self.rows = rows
        self._rows_at = rows_at
        self._making: frozenset[str] = frozenset()
        self._depth = 0
        self._kept: dict[int, dict[str, Column]] = {}
        self._whole: dict[int, dict[TargetPart, Column]] = {}

    def columns(self, seed: int, numbers: Numbers, fields: Iterable[str]) -> list[Column]:
        """The `fields` of the rows with `numbers`: one column each."""
        wanted = list(fields)
        if self.rows <= MOST_KEPT and not self._making.intersection(wanted):
            kept = self._kept_fields(seed, wanted)
            return [kept[field].take(numbers) for field in wanted]
        distinct, places = np.unique(numbers, return_inverse=True)
        frame = self._made(seed, distinct, frozenset(wanted))
        return [frame.column(field).take(places) for field in wanted]

    def _made(self, seed: int, numbers: Numbers, fields: frozenset[str]) -> Frame:
        """Rows that may in turn read earlier ones of this table."""
        if self._depth >= LONGEST_CHAIN:
            raise SynthError(
                f"rows of `{self.name}` are read through more than {LONGEST_CHAIN} references, "
                "one behind the other",
                exit_code=3,
            )
        before = self._making
        self._depth += 1
        self._making = before | fields
        try:
            return self._rows_at(seed, numbers, fields)
        finally:
            self._depth -= 1
            self._making = before

    def _kept_fields(self, seed: int, fields: list[str]) -> dict[str, Column]:
        kept = _of_seed(self._kept, seed)
        lacking = [field for field in fields if field not in kept]
        if lacking:
            numbers = np.arange(self.rows, dtype=np.int64)
            frame = self._made(seed, numbers, frozenset(lacking))
            kept.update((field, frame.column(field)) for field in lacking)
        return kept

    def parts(self, seed: int, numbers: Numbers, parts: Iterable[TargetPart]) -> list[Column]:
        """The values of expressions over the rows with `numbers`."""
        wanted = list(parts)
        fields = sorted({field for part in wanted for field in part.fields})
        distinct, places = np.unique(numbers, return_inverse=True)
        frame = self._frame(seed, distinct, fields)
        return [evaluate_column(part.value, frame).take(places) for part in wanted]

    def whole_parts(self, seed: int, parts: Iterable[TargetPart]) -> list[Column]:
        """The values of expressions over all rows, kept from one call to the next."""
        wanted = list(parts)
        known = _of_seed(self._whole, seed)
        lacking = [part for part in wanted if part not in known]
        if lacking:
            for part, column in zip(lacking, self._made_whole(seed, lacking), strict=True):
                known[part] = column
        return [known[part] for part in wanted]

    def _made_whole(self, seed: int, parts: list[TargetPart]) -> list[Column]:
        fields = sorted({field for part in parts for field in part.fields})
        if not fields or self.rows <= MOST_KEPT:
            numbers = np.arange(self.rows, dtype=np.int64)
            frame = self._frame(seed, numbers, fields)
            return [evaluate_column(part.value, frame) for part in parts]
        chunks: list[list[Column]] = [[] for _ in parts]
        for start in range(0, self.rows, _CHUNK):
            numbers = np.arange(start, min(start + _CHUNK, self.rows), dtype=np.int64)
            frame = self._frame(seed, numbers, fields)
            for part, columns in zip(parts, chunks, strict=True):
                columns.append(evaluate_column(part.value, frame))
        return [_column(joined(columns)) for columns in chunks]

    def _frame(self, seed: int, numbers: Numbers, fields: list[str]) -> Frame:
        """A frame of the rows with `numbers` that has `fields` and nothing else."""
        frame = Frame(self.name, seed, numbers.astype(np.uint64), numbers)
        if fields:
            columns = self.columns(seed, numbers, fields)
            frame.columns.update(zip(fields, columns, strict=True))
        return frame


def _of_seed(kept: dict[int, dict[Key, Value]], seed: int) -> dict[Key, Value]:
    if seed not in kept:
        while len(kept) >= MOST_SEEDS:
            del kept[next(iter(kept))]
        kept[seed] = {}
    return kept[seed]


def _column(column: Column | Record) -> Column:
    assert isinstance(column, Column)
    return column
