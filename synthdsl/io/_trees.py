"""Tables that refer to themselves: how deep below a row that refers to none each row is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthdsl.io._ddl import ForeignKey, TableFacts
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")

DEEPEST = 1_000
"""Levels that are told apart: each takes a statement of its own."""


def trees_of(facts: TableFacts) -> tuple[ForeignKey, ...]:
    """The foreign keys of a table that refer to the table itself."""
    return tuple(key for key in facts.foreign_keys if key[1] == facts.name)


def tree_columns(trees: tuple[ForeignKey, ...]) -> list[str]:
    """The columns that `depths` reads."""
    return list(dict.fromkeys(c for fields, _, to in trees for c in (*fields, *to)))


def depths(
    rows: pa.RecordBatch | pa.Table, trees: tuple[ForeignKey, ...]
) -> NDArray[np.int32] | None:
    """The depth of each row: (n,) int32; None for circles, and deeper than `DEEPEST`.

    It is 0 where nothing among `rows` is referred to, or else one more than the largest of what
    is: rows of one depth do not refer to one another.
    """
    targets = [_targets(rows, tree) for tree in trees]
    depth = np.zeros(rows.num_rows, np.int32)
    is_settled = np.ones(rows.num_rows + 1, bool)  # the last place: what refers to nothing here
    open_rows = np.arange(rows.num_rows)
    is_settled[:-1] = False
    for level in range(DEEPEST):
        is_ready = np.ones(len(open_rows), bool)
        for target in targets:
            is_ready &= is_settled[target[open_rows]]
        ready = open_rows[is_ready]
        depth[ready] = level
        is_settled[ready] = True
        open_rows = open_rows[~is_ready]
        if not len(open_rows):
            return depth
        if not len(ready):
            return None
    return None


def _targets(rows: pa.RecordBatch | pa.Table, tree: ForeignKey) -> NDArray[np.int64]:
    """The place of the row that each row refers to, -1 for none: (n,) int64."""
    fields, _, to = tree
    here = np.arange(rows.num_rows)
    keys = [str(place) for place in range(len(to))]
    left = pa.table([*(_plain(rows[name]) for name in fields), here], names=[*keys, "row"])
    right = pa.table([*(_plain(rows[name]) for name in to), here], names=[*keys, "target"])
    found = left.join(right, keys, join_type="inner", use_threads=False)
    targets = np.full(rows.num_rows, -1)
    targets[found["row"].to_numpy()] = found["target"].to_numpy()
    return targets


def _plain(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """`column` with categories written out, as a join wants it."""
    kind = column.type
    return column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column
