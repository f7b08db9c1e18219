"""What lookups may give, as values by key and as weighted draws, over boxes of keys."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.conditioning.enclosed_values import Enclosure, Flags, RangeTable, both, either
from synthdsl.engine.lookup_index import LookupIndex, index_of
from synthdsl.engine.results import element_type
from synthdsl.model.expressions import Expr, LookupValue
from synthdsl.model.findings import Findings
from synthdsl.values.columns import Column
from synthdsl.values.types import Type

MOST_GROUPS = 512
"""Groups up to which each is compared with every box."""


def enclose_lookup_value(expression: LookupValue, keys: list[Enclosure]) -> Enclosure:
    """The value of the group of the keys where these are known, else any; null where there is
    no group.
    """
    index = _index(expression.lookup, expression.keys)
    column = index.column(expression.column, expression.type)
    if not isinstance(column.values, np.ndarray):
        return Enclosure.anything()
    starts = _starts(index)[:-1]
    can_null, can_value = _keys_null(keys)
    table = RangeTable(
        column.values[starts], None if column.valid is None else column.valid[starts]
    )
    groups, is_known = _groups(index, expression.keys, keys)
    last = len(starts) - 1
    found = table.between(np.where(is_known, groups, 0), np.where(is_known, groups, last))
    is_absent = is_known & (groups < 0)
    return Enclosure(
        found.low,
        found.high,
        either(can_null, either(found.can_null, either(~is_known, is_absent))),
        both(can_value, both(found.can_value, ~is_absent)),
        column.vocabulary,
    )


def enclose_lookup_draw(
    lookup: Any,
    key_expressions: tuple[Expr, ...],
    keys: list[Enclosure],
    column_name: str,
    type: Type,
    levels: tuple[Any, Any],
) -> Enclosure:
    """The cells of a column that a weighted draw at `levels` may give.

    Rows are drawn in the order in which they stand within their group, not by value.
    """
    index = _index(lookup, key_expressions)
    column = index.column(column_name, type)
    if not isinstance(column.values, np.ndarray):
        return Enclosure.anything()
    starts = _starts(index)
    weights = np.asarray(lookup.weights, np.float64)[index.order]
    # rows without weight are never drawn
    kept = np.flatnonzero(weights > 0)
    table = RangeTable(column.values[kept], None if column.valid is None else column.valid[kept])
    cumulated = _cumulated(weights, starts)[kept]
    group_of_row = index.group_of_row[index.order][kept]
    can_null, can_value = _keys_null(keys)
    groups, is_known = _groups(index, key_expressions, keys)
    # group g's levels lie in [g, g + 1), so that one search serves all groups
    edges = cumulated + group_of_row

    def rows_at(level: Any, group: Any) -> NDArray[np.int64]:
        ends = np.searchsorted(group_of_row, group, side="right") - 1
        rows: NDArray[np.int64] = np.searchsorted(edges, level + group, side="right")
        rows = np.minimum(rows, ends)
        return rows

    group = np.where(is_known & (groups >= 0), groups, 0)
    found = table.between(rows_at(levels[0], group), rows_at(levels[1], group))
    if not np.all(is_known):
        everything = table.between(np.array(0), np.array(len(kept) - 1))
        any_level = _over_groups(index, key_expressions, keys, table, rows_at, levels)
        other = any_level or everything
        found = Enclosure(
            np.where(is_known, found.low, other.low),
            np.where(is_known, found.high, other.high),
            np.where(is_known, found.can_null, other.can_null),
            np.where(is_known, found.can_value, other.can_value),
        )
    return Enclosure(
        found.low,
        found.high,
        either(can_null, both(can_value, found.can_null)),
        both(can_value, found.can_value),
        column.vocabulary,
    )


def _over_groups(
    index: LookupIndex,
    expressions: tuple[Expr, ...],
    keys: list[Enclosure],
    table: RangeTable,
    rows_at: Any,
    levels: tuple[Any, Any],
) -> Enclosure | None:
    """The union over the groups whose keys lie in the boxes; None where there are too many."""
    starts = _starts(index)[:-1]
    if len(starts) > MOST_GROUPS:
        return None
    by_group = [
        _raw_keys(index, number, expression, key)[index.order[starts]]
        for number, (expression, key) in enumerate(zip(expressions, keys, strict=True))
    ]
    low: Any = np.array(np.inf)
    high: Any = np.array(-np.inf)
    can_null: Flags = False
    can_value: Flags = False
    for group in range(len(starts)):
        is_possible: Flags = True
        for values, key in zip(by_group, keys, strict=True):
            inside = np.less_equal(key.low, values[group]) & np.less_equal(values[group], key.high)
            is_possible = both(is_possible, inside)
        found = table.between(*(rows_at(level, np.array(group)) for level in levels))
        has_value = both(is_possible, found.can_value)
        low = np.minimum(low, np.where(has_value, found.low, np.inf))
        high = np.maximum(high, np.where(has_value, found.high, -np.inf))
        can_null = either(can_null, both(is_possible, found.can_null))
        can_value = either(can_value, has_value)
    return Enclosure(
        np.where(can_value, low, 0.0), np.where(can_value, high, 0.0), can_null, can_value
    )


def _index(lookup: Any, keys: tuple[Expr, ...]) -> LookupIndex:
    return index_of(lookup, tuple(key.type.nullable(False) for key in keys))


def _starts(index: LookupIndex) -> NDArray[np.int64]:
    """The first row of each group in the index's order, and the number of rows."""
    sizes = np.bincount(index.group_of_row)
    return np.concatenate([[0], np.cumsum(sizes)])


def _cumulated(weights: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Shares of the weight of each group, cumulated within it, as a `Chooser` has them."""
    share = np.empty(len(weights))
    for first, last in pairwise(starts.tolist()):
        share[first:last] = np.cumsum(weights[first:last])
        share[first:last] /= share[last - 1]
    return share


def _keys_null(keys: list[Enclosure]) -> tuple[Flags, Flags]:
    can_null: Flags = False
    can_value: Flags = True
    for key in keys:
        can_null = either(can_null, key.can_null)
        can_value = both(can_value, key.can_value)
    return can_null, can_value


def _groups(
    index: LookupIndex, expressions: tuple[Expr, ...], keys: list[Enclosure]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The group where every key is known (-1: none), and where they are."""
    if not keys:
        return np.zeros((), np.int64), np.array(True)
    is_known = np.array(True)
    for key in keys:
        is_known = is_known & np.equal(key.low, key.high)
    shape = np.broadcast_shapes(*(np.shape(key.low) for key in keys), np.shape(is_known))
    columns = []
    for expression, key in zip(expressions, keys, strict=True):
        if expression.type.is_text and key.vocabulary is None:
            return np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
        kind = element_type(expression)
        values: NDArray[Any] = np.where(np.isfinite(key.low), key.low, 0).astype(
            np.int32 if key.vocabulary is not None else kind
        )
        columns.append(Column(np.broadcast_to(values, shape).ravel(), None, key.vocabulary))
    groups, found = index.groups(columns)
    if found is not None:
        groups = np.where(found, groups, -1)
    return groups.reshape(shape), np.broadcast_to(is_known, shape)


def _raw_keys(
    index: LookupIndex, number: int, expression: Expr, key: Enclosure
) -> NDArray[np.float64]:
    """A key of every row as a number, or as a code; nan where no key can be it."""
    lookup = index.lookup
    raw = lookup.raw(lookup.keys[number], expression.type.nullable(False), Findings())
    assert raw is not None
    if key.vocabulary is not None:
        codes = key.vocabulary.codes
        return np.array([codes.get(value, -1) for value in raw], np.float64)
    return np.array([np.nan if v is None or isinstance(v, str) else v for v in raw], np.float64)
