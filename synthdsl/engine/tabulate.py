"""Replaces expressions of a few small discrete fields by tables (see `plan.tabulated`)."""

from __future__ import annotations

from dataclasses import fields as dataclass_fields
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from synthdsl.engine.evaluate import evaluate_column
from synthdsl.engine.frame import Frame
from synthdsl.engine.results import enum_vocabulary
from synthdsl.model.expressions import (
    Above,
    Constant,
    Expr,
    FieldRef,
    FileColumn,
    ListOf,
    MachineColumn,
    Neighbour,
    Outer,
    Part,
    PythonCall,
    Referred,
    Related,
    RowIndex,
    TargetField,
    fields_read,
    walk,
)
from synthdsl.model.spec import Field
from synthdsl.plan.tabulated import Axis, Tabulated
from synthdsl.values.columns import Column, Vocabulary
from synthdsl.values.types import Kind

LARGEST_TABLE = 70_000
"""Cells of a table of one field; tables of several fields are kept in the fast cache."""
LARGEST_JOINT_TABLE = 4_096

Axes = dict[str, Axis]
OF_OTHER_ROWS = (Above, FileColumn, MachineColumn, Neighbour, Outer, Referred, Related, TargetField)
_UNTABULATED = (RowIndex, Part, PythonCall, ListOf, *OF_OTHER_ROWS)


def tabulate(
    expression: Expr, axes: Axes, fields: dict[str, Field], words: dict[str, Vocabulary]
) -> Expr:
    """`expression` with its largest tabulable parts as tables.

    `axes` holds the small discrete fields, `words` the vocabularies of coded text fields.
    """
    if isinstance(expression, Constant | FieldRef | RowIndex | Part | Tabulated | ListOf):
        return expression
    if isinstance(expression, OF_OTHER_ROWS):
        return expression
    used = _axes_of(expression, axes)
    if used is not None and _is_worthwhile(used):
        return _table(expression, used, fields, words)
    changes: dict[str, Any] = {}
    for item in dataclass_fields(expression):
        value = getattr(expression, item.name)
        changed = _tabulate_inside(value, axes, fields, words)
        if changed is not value:
            changes[item.name] = changed
    return replace(expression, **changes) if changes else expression


def _tabulate_inside(
    value: Any, axes: Axes, fields: dict[str, Field], words: dict[str, Vocabulary]
) -> Any:
    if isinstance(value, Expr):
        return tabulate(value, axes, fields, words)
    if isinstance(value, tuple):
        items = tuple(_tabulate_inside(item, axes, fields, words) for item in value)
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value


def _axes_of(expression: Expr, axes: Axes) -> list[Axis] | None:
    """The axes of a table for `expression`; None where it reads anything else."""
    if any(isinstance(e, _UNTABULATED) for e in walk(expression)):
        return None
    names = sorted(fields_read(expression))
    if not names or not all(name in axes for name in names):
        return None
    return [axes[name] for name in names]


def _is_worthwhile(axes: list[Axis]) -> bool:
    cells = prod(axis.size for axis in axes)
    return cells <= (LARGEST_TABLE if len(axes) == 1 else LARGEST_JOINT_TABLE)


def _table(
    expression: Expr, axes: list[Axis], fields: dict[str, Field], words: dict[str, Vocabulary]
) -> Expr:
    cells = prod(axis.size for axis in axes)
    frame = Frame("", 0, np.zeros(cells, np.uint64), np.arange(cells))
    position = np.arange(cells)
    for axis in reversed(axes):
        raw = axis.low + axis.step * (position % axis.size)
        position = position // axis.size
        frame.columns[axis.field] = _axis_column(fields[axis.field], raw, words)
    column = evaluate_column(expression, frame)
    if column.is_arrow:
        return expression
    return Tabulated(
        expression.type,
        expression.span,
        tuple(axes),
        np.ascontiguousarray(column.values),
        column.valid,
        column.vocabulary,
        expression,
    )


def _axis_column(field: Field, raw: Any, words: dict[str, Vocabulary]) -> Column:
    if field.type.kind is Kind.BOOL:
        return Column(raw.astype(np.bool_))
    if field.type.enum is not None:
        return Column(raw.astype(np.int32), None, enum_vocabulary(field.type.enum))
    if field.type.kind is Kind.TEXT:
        return Column(raw.astype(np.int32), None, words[field.name])
    return Column(raw.astype(np.int64))


def value_axis(field: Field, expression: Expr) -> Axis | None:
    """The axis of a derived field that is a table of whole numbers or codes; None otherwise."""
    if not isinstance(expression, Tabulated) or expression.valid is not None:
        return None
    name, kind = field.name, expression.type.kind
    if kind is Kind.BOOL:
        return Axis(name, 0, 1, 2)
    if field.type.enum is not None:
        return Axis(name, 0, 1, len(field.type.enum.members))
    # a declared step moves values; text without fixed words has no codes to count
    is_counted = kind in (Kind.INT, Kind.DATE) and field.type.step is None
    if not is_counted or field.type.kind is not kind or not len(expression.values):
        return None
    low, high = int(expression.values.min()), int(expression.values.max())
    return Axis(name, low, 1, high - low + 1) if high - low < LARGEST_TABLE else None
