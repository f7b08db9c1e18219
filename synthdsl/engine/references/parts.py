"""Conditions and weights of references, taken apart by what they read.

What reads only the row that refers is computed once a row, what reads only the row that may be
chosen once for each row of the target; only the rest is computed for pairs of the two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.evaluate import evaluate_column
from synthdsl.engine.frame import Frame
from synthdsl.model.expressions import Constant, Expr, FieldRef, RowIndex, TargetField, walk
from synthdsl.values.columns import Column
from synthdsl.values.types import INT


@dataclass(frozen=True, eq=False)
class TargetPart:
    """An expression over a row of the target, which reads its `fields`."""

    value: Expr
    fields: tuple[str, ...]


def target_part(expression: Expr) -> TargetPart:
    """An expression that reads only the row that may be chosen, as one over that row."""
    names = {e.field for e in walk(expression) if isinstance(e, TargetField) and e.field}
    return TargetPart(_changed(expression, _of_target), tuple(sorted(names)))


def _of_target(expression: Expr) -> Expr | None:
    if not isinstance(expression, TargetField):
        return None
    if expression.field is None:
        return RowIndex(INT, expression.span)
    return FieldRef(expression.type, expression.span, expression.field)


def _changed(value: Any, change: Callable[[Expr], Expr | None]) -> Any:
    """`value` with the outermost expressions for which `change` gives another replaced."""
    if isinstance(value, tuple):
        items = tuple(_changed(item, change) for item in value)
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    if not isinstance(value, Expr):
        return value
    new = change(value)
    if new is not None:
        return new
    changes = {}
    for item in dataclass_fields(value):
        old = getattr(value, item.name)
        if isinstance(old, Expr | tuple):
            changed = _changed(old, change)
            if changed is not old:
                changes[item.name] = changed
    return replace(value, **changes) if changes else value


def reads(expression: Expr) -> tuple[bool, bool]:
    """Whether an expression reads the row that refers, and the row that may be chosen."""
    reads_row = reads_target = False
    for part in walk(expression):
        if isinstance(part, TargetField):
            reads_target = True
        elif not isinstance(part, Constant) and _is_leaf(part):
            reads_row = True
    return reads_row, reads_target


def _is_leaf(expression: Expr) -> bool:
    return next(iter(_inside(expression)), None) is None


def _inside(expression: Expr) -> Any:
    inner = walk(expression)
    next(inner)
    return inner


class PairExpression:
    """An expression over pairs of a row that refers and a row that may be chosen."""

    def __init__(self, expression: Expr, simplify: Callable[[Expr], Expr]) -> None:
        self._row_parts: list[Expr] = []
        self.target_parts: list[TargetPart] = []
        self._simplify = simplify
        self._expression: Expr = _changed(expression, self._split)

    def _split(self, expression: Expr) -> Expr | None:
        reads_row, reads_target = reads(expression)
        if reads_row and not reads_target:
            self._row_parts.append(self._simplify(expression))
            name = f"row {len(self._row_parts) - 1}"
        elif reads_target and not reads_row:
            self.target_parts.append(target_part(expression))
            name = f"target {len(self.target_parts) - 1}"
        else:
            return expression if not reads_row else None
        return FieldRef(expression.type, expression.span, name)

    def of_rows(self, frame: Frame) -> list[Column]:
        """What the rows that refer give to it: one column each."""
        return [evaluate_column(part, frame) for part in self._row_parts]

    def value(
        self,
        row_columns: list[Column],
        rows: NDArray[np.int64],
        target_columns: list[Column],
        seed: int,
    ) -> Column:
        """The value for each pair: row `rows[i]` of `row_columns`, row i of `target_columns`."""
        pairs = Frame("", seed, np.zeros(len(rows), np.uint64), rows)
        for number, column in enumerate(row_columns):
            pairs.columns[f"row {number}"] = column.take(rows)
        for number, column in enumerate(target_columns):
            pairs.columns[f"target {number}"] = column
        return evaluate_column(self._expression, pairs)
