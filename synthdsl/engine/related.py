"""Expressions that read other rows than their own: above, below, beside, and by reference."""

from __future__ import annotations

from copy import copy
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.evaluate import evaluate, evaluate_column
from synthdsl.engine.frame import Frame
from synthdsl.engine.lookup_index import raw_column
from synthdsl.engine.results import filled, is_false, is_true
from synthdsl.model.expressions import (
    Above,
    Expr,
    FileColumn,
    ListOf,
    Neighbour,
    Outer,
    Related,
)
from synthdsl.model.folding import INTEGER_KINDS
from synthdsl.values.columns import Column, both_valid
from synthdsl.values.types import Type

# single rows


def above(expression: Above, frame: Frame) -> Column:
    """The value of each row's parent."""
    assert frame.owner is not None and frame.parents is not None
    inner = evaluate(expression.inner, frame.owner)
    return filled(inner, frame.owner.rows, expression.inner).take(frame.parents)


def outer(expression: Outer, frame: Frame) -> Column:
    """The value of the row whose related rows are looked at."""
    assert frame.outer is not None
    rows, at = frame.outer
    return evaluate_column(expression.inner, rows).take(at)


def neighbour(expression: Neighbour, frame: Frame) -> Column:
    """The value of another row under the same parent; null where there is none."""
    if frame.before is not None:
        return _earlier(expression, frame)
    at, exists = _places(expression.which, frame)
    if expression.field is None:
        return Column(frame.ordinals[at], exists)
    found = frame.column(expression.field).take(at)
    return Column(found.values, both_valid(found.valid, exists), found.vocabulary)


def _earlier(expression: Neighbour, frame: Frame) -> Column:
    """The same while a sequence is made, row by row under each parent."""
    assert frame.before is not None
    if expression.which in ("next", "last"):
        # made before the sequence, so for all rows
        whole, own = frame.before[2]
        return neighbour(expression, whole).take(own)
    (rows, at) = frame.before[0 if expression.which == "prev" else 1]
    is_start = frame.ordinals == 0
    exists = ~is_start if expression.which == "prev" else np.ones(frame.rows, np.bool_)
    if expression.field is None:
        return Column(np.where(exists, frame.ordinals - 1, 0), exists)
    if not rows.rows:
        # the first rows: nothing is before them
        if expression.which == "first":
            return frame.column(expression.field)
        return _nothing(expression.type, frame.rows)
    found = rows.column(expression.field).take(np.where(exists, at, 0))
    return Column(found.values, both_valid(found.valid, exists), found.vocabulary)


def _nothing(type: Type, rows: int) -> Column:
    none = raw_column([None], type)
    return none.take(np.zeros(rows, np.int64))


def _places(which: str, frame: Frame) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Positions of the neighbours, and which rows have one. Siblings stand together."""
    at = np.arange(frame.rows, dtype=np.int64)
    if which == "first":
        return at - frame.ordinals, np.ones(frame.rows, np.bool_)
    if which == "prev":
        exists = frame.ordinals > 0
        return np.where(exists, at - 1, at), exists
    starts = np.append(np.flatnonzero(frame.ordinals == 0), frame.rows)
    last = np.repeat(starts[1:] - 1, np.diff(starts))
    if which == "last":
        return last, np.ones(frame.rows, np.bool_)
    exists = at < last
    return np.where(exists, at + 1, at), exists


@lru_cache(maxsize=256)
def _file_column(expression: FileColumn) -> Column:
    return raw_column(list(expression.values), expression.type)


def file_column(expression: FileColumn, frame: Frame) -> Column:
    """A column of the file that has the rows."""
    return _file_column(expression).take(frame.ordinals)


# several rows


def related(expression: Related, frame: Frame) -> Column:
    """An aggregate over the rows that are related to each row of `frame`."""
    rows, group = _related_rows(expression, frame)
    inside = copy(rows)
    inside.outer = (frame, group)
    counted = np.ones(rows.rows, np.bool_)
    if expression.condition is not None:
        counted = is_true(evaluate(expression.condition, inside), rows.rows)
    found: Column = _REDUCERS[expression.function](expression, inside, group, counted, frame.rows)
    return found


def _related_rows(expression: Related, frame: Frame) -> tuple[Frame, NDArray[np.int64]]:
    """The related rows, and for each the position of the row of `frame` that it is related to.

    They stand in the order of these positions.
    """
    start = frame
    above_rows = np.arange(frame.rows, dtype=np.int64)
    for _ in range(expression.up):
        assert start.owner is not None and start.parents is not None
        above_rows = start.parents[above_rows]
        start = start.owner
    if expression.up:
        # every row has the related rows of its ancestor for itself
        start = start.some(above_rows)
    group = np.arange(start.rows, dtype=np.int64)
    rows = start
    for name in expression.path:
        rows = rows.child(name)
        assert rows.parents is not None
        group = group[rows.parents]
    return rows, group


def _is_met(
    expression: Related, frame: Frame, counted: NDArray[np.bool_], *, wanted: bool
) -> NDArray[np.bool_]:
    """Counted rows in which the value is true, or (not `wanted`) false."""
    assert expression.value is not None
    value = evaluate(expression.value, frame)
    return counted & (is_true if wanted else is_false)(value, frame.rows)


def _any(
    expression: Related, frame: Frame, group: Any, counted: NDArray[np.bool_], rows: int
) -> Column:
    met = _is_met(expression, frame, counted, wanted=True)
    return Column(_numbers(group[met], rows) > 0)


def _none(
    expression: Related, frame: Frame, group: Any, counted: NDArray[np.bool_], rows: int
) -> Column:
    met = _is_met(expression, frame, counted, wanted=True)
    return Column(_numbers(group[met], rows) == 0)


def _all(
    expression: Related, frame: Frame, group: Any, counted: NDArray[np.bool_], rows: int
) -> Column:
    # as of other aggregates, nulls are passed over
    failed = _is_met(expression, frame, counted, wanted=False)
    return Column(_numbers(group[failed], rows) == 0)


def _numbers(group: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    return np.bincount(group, minlength=rows)


def _known(
    expression: Related, frame: Frame, counted: NDArray[np.bool_]
) -> tuple[Column, NDArray[np.bool_]]:
    """The values, and the counted rows in which they are not null."""
    assert expression.value is not None
    column = evaluate_column(expression.value, frame)
    return column, counted if column.valid is None else counted & column.valid


def _count(
    expression: Related, frame: Frame, group: Any, counted: NDArray[np.bool_], rows: int
) -> Column:
    if expression.value is not None:
        counted = _known(expression, frame, counted)[1]
    return Column(_numbers(group[counted], rows))


def _sums(values: NDArray[Any], group: NDArray[np.int64], rows: int) -> NDArray[np.float64]:
    # each row's own values are added one by one, whatever stands beside them
    sums: NDArray[Any] = np.bincount(group, weights=values.astype(np.float64), minlength=rows)
    return sums


def _whole_sums(values: NDArray[Any], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Exact sums of whole numbers, of which `counts` in a row belong together."""
    total = np.concatenate([np.zeros(1, np.int64), np.cumsum(values.astype(np.int64))])
    ends = np.cumsum(counts)
    found: NDArray[np.int64] = total[ends] - total[ends - counts]
    return found


def _sum(
    expression: Related, frame: Frame, group: Any, counted: NDArray[np.bool_], rows: int
) -> Column:
    column, known = _known(expression, frame, counted)
    own, values = group[known], column.values[known]
    if expression.type.kind in INTEGER_KINDS:
        return Column(_whole_sums(values, _numbers(own, rows)))
    return Column(_sums(values, own, rows))


def _mean(
    expression: Related, frame: Frame, group: Any, counted: NDArray[np.bool_], rows: int
) -> Column:
    column, known = _known(expression, frame, counted)
    own, values = group[known], column.values[known]
    count = _numbers(own, rows)
    size = np.maximum(count, 1)
    if expression.type.kind in INTEGER_KINDS:
        # rounded half up
        return Column((2 * _whole_sums(values, count) + size) // (2 * size), count > 0)
    return Column(_sums(values, own, rows) / size, count > 0)


def _extreme(reduce: Any) -> Any:
    def apply(
        expression: Related, frame: Frame, group: Any, counted: NDArray[np.bool_], rows: int
    ) -> Column:
        column, known = _known(expression, frame, counted)
        own, values = group[known], column.values[known]
        found = np.zeros(rows, values.dtype)
        exists = np.zeros(rows, np.bool_)
        if own.size:
            starts = np.flatnonzero(np.diff(own, prepend=-1))
            found[own[starts]] = reduce.reduceat(values, starts)
            exists[own[starts]] = True
        return Column(found, exists)

    return apply


def _disjoint(
    expression: Related, frame: Frame, group: Any, counted: NDArray[np.bool_], rows: int
) -> Column:
    """Whether no two intervals have more than an end in common."""
    assert isinstance(expression.value, ListOf)
    start, end = (evaluate_column(item, frame) for item in expression.value.items)
    for column in (start, end):
        counted = counted if column.valid is None else counted & column.valid
    own, low, high = group[counted], start.values[counted], end.values[counted]
    order = np.lexsort((high, low, own))
    own, low, high = own[order], low[order], high[order]
    overlaps = (own[1:] == own[:-1]) & (low[1:] < high[:-1])
    return Column(_numbers(own[1:][overlaps], rows) == 0)


def _distinct(
    expression: Related, frame: Frame, group: Any, counted: NDArray[np.bool_], rows: int
) -> Column:
    """Whether no two values are the same."""
    column, known = _known(expression, frame, counted)
    values = column.values
    if column.is_arrow:
        values = np.asarray(values.dictionary_encode().indices)
    own, values = group[known], values[known]
    order = np.lexsort((values, own))
    own, values = own[order], values[order]
    repeats = (own[1:] == own[:-1]) & (values[1:] == values[:-1])
    return Column(_numbers(own[1:][repeats], rows) == 0)


_REDUCERS = {
    "any": _any,
    "none": _none,
    "all": _all,
    "count": _count,
    "sum": _sum,
    "mean": _mean,
    "min": _extreme(np.minimum),
    "max": _extreme(np.maximum),
    "disjoint": _disjoint,
    "distinct": _distinct,
}


def elsewhere(expression: Expr, frame: Frame) -> Column:
    """What the run of a pathway makes, or a row that is referred to: never read from here."""
    raise AssertionError(f"{type(expression).__name__} has a maker of its own")
