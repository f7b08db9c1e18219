"""The columns of a block of rows while they are being made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.diagnostics import Diagnostic, SynthError
from synthdsl.engine.streams import Keys, RowBits, SlotDraws, child_keys, try_keys
from synthdsl.engine.texts import same_vocabulary
from synthdsl.source import Span
from synthdsl.values.arrays import numbers
from synthdsl.values.columns import Column

Record = dict[str, Column]
Part = tuple["Frame", NDArray[np.int64]]
"""Rows of a frame, by their positions."""


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

    A frame of a table under another has that one's frame as `owner`, and `parents`, the positions
    of its rows' parents there, in order. `entities` are keys that no try changes: those of rows
    under them mix these. `outer` is set inside an aggregate: the frame of the rows whose related
    rows these are, and for each of these the position of its row; `before` while a sequence is
    made: the frame of the rows just before these, and their positions there, and the same for
    the first rows and for these rows among all. `design` covers draws of root rows in their
    first try.
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
        entities: Keys | None = None,
        owner: Frame | None = None,
        parents: NDArray[np.int64] | None = None,
        design: RowBits | None = None,
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
        self.entities = keys if entities is None else entities
        self.owner = owner
        self.parents = parents
        self.design = design
        self.children: dict[str, Frame] = {}
        self.outer: Part | None = None
        self.before: tuple[Part, Part, Part] | None = None

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.keys)

    def draws(self, field: str) -> SlotDraws:
        """The base draws of a field."""
        slot = f"{self.table}.{field}"
        return SlotDraws(self.seed, slot, self.keys, self.ordinals, self.design)

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
        return Frame(
            self.table,
            self.seed,
            self.keys[at],
            self.ordinals[at],
            whole=self,
            at=at,
            entities=None if self.entities is self.keys else self.entities[at],
            owner=self.owner,
            parents=None if self.parents is None else self.parents[at],
            design=self.design,
        )

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
        return Frame(
            self.table,
            self.seed,
            keys,
            self.ordinals[rows],
            whole=self,
            at=rows,
            entities=self.entities[rows],
            owner=self.owner,
            parents=None if self.parents is None else self.parents[rows],
        )

    def known_fields(self) -> list[str]:
        """Fields that are known, those of the frame that these rows are of included."""
        found = dict.fromkeys(self.columns)
        if self._whole is not None:
            found |= dict.fromkeys(self._whole.known_fields())
        return list(found)

    def known_children(self) -> list[str]:
        """Tables whose rows under these are known, in the same way."""
        found = dict.fromkeys(self.children)
        if self._whole is not None:
            found |= dict.fromkeys(self._whole.known_children())
        return list(found)

    def known_exceptions(self) -> list[str]:
        """Soft rules whose exceptions are known, in the same way."""
        found = dict.fromkeys(self.exceptions)
        if self._whole is not None:
            found |= dict.fromkeys(self._whole.known_exceptions())
        return list(found)

    def exception(self, rule: str) -> NDArray[np.bool_]:
        """The rows in which a soft rule must be false."""
        found = self.exceptions.get(rule)
        if found is None:
            assert self._whole is not None and self._at is not None, rule
            found = self.exceptions[rule] = self._whole.exception(rule)[self._at]
        return found

    def find(self, field: str) -> Column | Record:
        """The column of a field, or its record."""
        return self._find(field)

    def add_child(self, child: Frame) -> None:
        """Hang the rows of a table under these."""
        self.children[child.table] = child

    def release(self) -> None:
        """Let go of the rows under these: frames that hold each other wait for a collector."""
        for child in self.children.values():
            child.release()
        self.children.clear()

    def child(self, table: str) -> Frame:
        """The rows of a table under these; of a part of a frame those under its rows."""
        found = self.children.get(table)
        if found is None:
            assert self._whole is not None and self._at is not None, table
            found = self._whole.child(table)._under(self, self._at)
            self.children[table] = found
        return found

    def _under(self, owner: Frame, at: NDArray[np.int64]) -> Frame:
        """The rows under those at positions `at` of this frame's owner, as rows of `owner`."""
        assert self.parents is not None and self.owner is not None
        counts = np.bincount(self.parents, minlength=self.owner.rows)
        starts = np.cumsum(counts) - counts
        taken = counts[at]
        parents = np.repeat(np.arange(len(at), dtype=np.int64), taken)
        rows = np.arange(len(parents), dtype=np.int64)
        rows += np.repeat(starts[at] - (np.cumsum(taken) - taken), taken)
        return child_frame(self.table, owner, parents, self.ordinals[rows], self, rows)

    def positions_in(self, base: Frame) -> NDArray[np.int64]:
        """Where the rows of this part of `base`, or of a part of a part, stand there."""
        at = np.arange(self.rows, dtype=np.int64)
        frame = self
        while frame is not base:
            assert frame._whole is not None and frame._at is not None
            at = frame._at[at]
            frame = frame._whole
        return at

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


def children_of(owner: Frame, table: str, counts: NDArray[np.int64]) -> Frame:
    """New rows of `table` under the rows of `owner`: (rows,) `counts` of them under each."""
    parents = np.repeat(np.arange(owner.rows, dtype=np.int64), counts)
    ordinals = np.arange(len(parents), dtype=np.int64)
    ordinals -= np.repeat(np.cumsum(counts) - counts, counts)
    return child_frame(table, owner, parents, ordinals)


def child_frame(
    table: str,
    owner: Frame,
    parents: NDArray[np.int64],
    ordinals: NDArray[np.int64],
    whole: Frame | None = None,
    at: NDArray[np.int64] | None = None,
) -> Frame:
    """Rows of `table` under those of `owner` at positions `parents`, in order."""
    entities = child_keys(table, owner.entities[parents], ordinals)
    # inside a try of the rows above, rows are drawn by the keys of that try
    is_try = owner.keys is not owner.entities
    keys = child_keys(table, owner.keys[parents], ordinals) if is_try else entities
    return Frame(
        table,
        owner.seed,
        keys,
        ordinals,
        whole=whole,
        at=at,
        entities=entities,
        owner=owner,
        parents=parents,
    )


def joined(columns: Sequence[Column | Record]) -> Column | Record:
    """Columns of the same field end to end."""
    if len(columns) == 1:
        return columns[0]
    if isinstance(columns[0], dict):
        return {
            name: _joined([c[name] for c in columns if isinstance(c, dict)]) for name in columns[0]
        }
    return _joined([c for c in columns if isinstance(c, Column)])


def _joined(columns: list[Column]) -> Column:
    valid = None
    if any(c.valid is not None for c in columns):
        masks = [np.ones(len(c), np.bool_) if c.valid is None else c.valid for c in columns]
        valid = np.concatenate(masks)
    vocabulary = columns[0].vocabulary
    is_coded = vocabulary is not None and all(c.vocabulary is vocabulary for c in columns)
    if is_coded or not any(c.vocabulary is not None or c.is_arrow for c in columns):
        return Column(np.concatenate([c.values for c in columns]), valid, vocabulary)
    import pyarrow as pa

    texts = [c.text() if c.vocabulary is not None else c.values for c in columns]
    arrays = [t.combine_chunks() if isinstance(t, pa.ChunkedArray) else t for t in texts]
    return Column(pa.concat_arrays(arrays), valid)


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
