"""The columns of a block of rows while they are being made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.diagnostics import Diagnostic, SynthError
from synthdsl.engine.streams import Keys, SlotDraws, try_keys
from synthdsl.engine.texts import same_vocabulary
from synthdsl.source import Span
from synthdsl.values.arrays import numbers
from synthdsl.values.columns import Column

Record = dict[str, Column]


class RowError(SynthError):
    """A value of one row broke a promise of the spec: a parameter out of range, a null."""

    def __init__(self, code: str, span: Span, message: str, help: str | None = None) -> None:
        super().__init__(
            "generation stopped", diagnostics=[Diagnostic(code, span, message, help)], exit_code=3
        )


class Frame:
    """Columns of the rows with `keys`, by field name.

    `hidden` tells the rows that `missing` masked, by field; `exceptions` those in which a soft
    rule must be false, by rule. `bases` holds the uniforms that fields were drawn from, where
    these are not what `draws` gives. A frame of some rows of another gets their columns on
    demand; so does one of further tries, whose `keys` are try keys.
    """

    def __init__(
        self,
        table: str,
        seed: int,
        keys: Keys,
        ordinals: NDArray[np.int64],
        *,
        whole: Frame | None = None,
        at: NDArray[np.int64] | None = None,
    ) -> None:
        self.table = table
        self.seed = seed
        self.keys = keys
        self.ordinals = ordinals
        self.columns: dict[str, Column | Record] = {}
        self.hidden: dict[str, NDArray[np.bool_]] = {}
        self.bases: dict[str, NDArray[np.float64]] = {}
        self.exceptions: dict[str, NDArray[np.bool_]] = {}
        self._whole = whole
        self._at = at

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.keys)

    def draws(self, field: str) -> SlotDraws:
        """The base draws of a field."""
        return SlotDraws(self.seed, f"{self.table}.{field}", self.keys, self.ordinals)

    def base(self, field: str) -> NDArray[np.float64]:
        """The uniforms behind a field that is drawn from one a row: (n,) float64 in (0, 1)."""
        found = self.bases.get(field)
        if found is None and self._whole is not None and field in self._whole.bases:
            assert self._at is not None
            found = self.bases[field] = self._whole.bases[field][self._at]
        return self.draws(field).uniform() if found is None else found

    def has_base(self, field: str) -> bool:
        """Whether a uniform of the field is noted here, or in the frame these rows are of."""
        return field in self.bases or (self._whole is not None and field in self._whole.bases)

    def column(self, field: str) -> Column:
        """The column of a field that is not a record."""
        column = self._find(field)
        assert isinstance(column, Column)
        return column

    def part(self, field: str, part: str) -> Column:
        """A part of a record field."""
        record = self._find(field)
        assert isinstance(record, dict)
        return record[part]

    def _find(self, field: str) -> Column | Record:
        found = self.columns.get(field)
        if found is None:
            assert self._whole is not None and self._at is not None, field
            found = take(self._whole._find(field), self._at)
            self.columns[field] = found
        return found

    def some(self, at: NDArray[np.int64]) -> Frame:
        """The rows at positions `at`, whose values are found on demand in this frame."""
        return Frame(self.table, self.seed, self.keys[at], self.ordinals[at], whole=self, at=at)

    def only(self, at: NDArray[np.int64], fields: Iterable[str]) -> Frame:
        """The given fields of the rows at positions `at`, and nothing that holds the rest."""
        part = self.some(at)
        for field in fields:
            part._find(field)
            if part.has_base(field):
                part.bases[field] = part.base(field)
        part._whole = None
        return part

    def tried_again(self, at: NDArray[np.int64], first: int, count: int) -> Frame:
        """Tries `first`, `first + 1`, … (`count` of them) of each row at positions `at`.

        The tries of a row stand together.
        """
        rows = np.repeat(at, count)
        keys = try_keys(self.keys[rows], np.tile(np.arange(first, first + count), len(at)))
        return Frame(self.table, self.seed, keys, self.ordinals[rows], whole=self, at=rows)

    def replace(self, field: str, parts: Sequence[tuple[NDArray[np.int64], Frame]]) -> None:
        """Put in the values that other frames have for `field`, each at its positions."""
        column = self._find(field)
        for at, part in parts:
            column = _replaced(column, at, part._find(field))
        self.columns[field] = column
        if field in self.bases or any(part.has_base(field) for _, part in parts):
            bases = self.base(field).copy()
            for at, part in parts:
                bases[at] = part.base(field)
            self.bases[field] = bases

    def gather(self, field: str, parts: Sequence[tuple[NDArray[np.int64], Frame]]) -> None:
        """Put together the values of `field` from frames of the rows at the given positions."""
        (at, first), *rest = parts
        joined = spread(first._find(field), at, self.rows)
        for at, part in rest:
            joined = _replaced(joined, at, part._find(field))
        self.columns[field] = joined
        if any(field in part.bases for _, part in parts):
            bases = np.empty(self.rows)
            for at, part in parts:
                bases[at] = part.base(field)
            self.bases[field] = bases


def spread(column: Column | Record, at: NDArray[np.int64], rows: int) -> Column | Record:
    """A column of `rows` rows that has `column` at positions `at`; the rest is to be replaced."""
    source = np.zeros(rows, np.int64)
    source[at] = np.arange(len(at))
    return take(column, source)


def take(column: Column | Record, at: NDArray[np.int64]) -> Column | Record:
    """Rows of a column or a record."""
    if isinstance(column, dict):
        return {name: part.take(at) for name, part in column.items()}
    return column.take(at)


def _replaced(
    column: Column | Record, at: NDArray[np.int64], new: Column | Record
) -> Column | Record:
    if isinstance(column, dict):
        assert isinstance(new, Mapping)
        return {name: _replaced(part, at, new[name]) for name, part in column.items()}  # type: ignore[misc]
    assert isinstance(new, Column)
    return scatter(column, at, new)


def scatter(column: Column, at: NDArray[np.int64], new: Column) -> Column:
    """`column` with the rows at `at` replaced by those of `new`."""
    n = len(column)
    is_text = column.vocabulary is not None or new.vocabulary is not None or column.is_arrow
    is_mixed = column.vocabulary is not new.vocabulary or column.is_arrow or new.is_arrow
    if is_text and is_mixed:
        column, new = same_vocabulary(column, new)
    valid = None
    if column.valid is not None or new.valid is not None:
        valid = np.ones(n, np.bool_) if column.valid is None else column.valid.copy()
        valid[at] = True if new.valid is None else new.valid
    if column.is_arrow:
        picks = np.arange(n, dtype=np.int64)
        picks[at] = np.arange(n, n + len(at))
        return Column(concat_arrays(column.values, new.values, picks), valid)
    values = column.values.copy()
    values[at] = new.values
    return Column(values, valid, column.vocabulary)


def concat_arrays(first: Any, second: Any, picks: NDArray[np.int64]) -> Any:
    """Rows `picks` of two Arrow arrays laid end to end."""
    import pyarrow as pa

    if isinstance(first, pa.ChunkedArray):
        first = first.combine_chunks()
    if isinstance(second, pa.ChunkedArray):
        second = second.combine_chunks()
    return pa.concat_arrays([first, second]).take(numbers(picks))
