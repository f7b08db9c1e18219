"""Typed expressions over the columns of a frame, with SQL's nulls.

Constants stay scalars until they meet a column (see `results`).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthdsl.engine import python_functions
from synthdsl.engine.frame import Frame
from synthdsl.engine.function_calls import call_function
from synthdsl.engine.lookup_index import index_of
from synthdsl.engine.operators import operate, whole, whole_product
from synthdsl.engine.results import element_type, enum_vocabulary, filled, is_true
from synthdsl.engine.texts import choose_texts
from synthdsl.model.expressions import (
    Above,
    Apply,
    Choose,
    Constant,
    Convert,
    Expr,
    FieldRef,
    FileColumn,
    InSet,
    ListOf,
    LocalTime,
    LookupValue,
    MachineColumn,
    Neighbour,
    Operation,
    Outer,
    Part,
    PythonCall,
    Referred,
    Related,
    RowIndex,
    TargetField,
    ZScore,
)
from synthdsl.model.folding import INTEGER_KINDS
from synthdsl.plan.tabulated import Axis, Tabulated
from synthdsl.values.arrays import numbers, strings, unpacked
from synthdsl.values.columns import Column, both_valid
from synthdsl.values.types import Kind

FALSE = np.bool_(False)


def evaluate(expression: Expr, frame: Frame) -> Column:
    """The value of `expression` for every row of `frame`."""
    return _evaluators()[type(expression)](expression, frame)


def evaluate_column(expression: Expr, frame: Frame) -> Column:
    """Like `evaluate`, with a full array even for a constant."""
    return filled(evaluate(expression, frame), frame.rows, expression)


# leaves


def _constant(expression: Constant, frame: Frame) -> Column:
    value = expression.value
    if value is None:
        neutral: Any = "" if expression.type.is_text else 0
        if expression.type.enum is not None:
            return Column(0, FALSE, enum_vocabulary(expression.type.enum))  # type: ignore[arg-type]
        return Column(neutral, FALSE)  # type: ignore[arg-type]
    if expression.type.enum is not None:
        vocabulary = enum_vocabulary(expression.type.enum)
        return Column(vocabulary.codes[value], None, vocabulary)
    if isinstance(value, Fraction):
        value = float(value)
    if isinstance(value, list):
        value = np.broadcast_to(np.asarray(value), (frame.rows, *np.shape(value)))
    return Column(value)


def _field(expression: FieldRef, frame: Frame) -> Column:
    return frame.column(expression.field)


def _part(expression: Part, frame: Frame) -> Column:
    if isinstance(expression.part, str):
        return frame.part(expression.field, expression.part)
    column = frame.column(expression.field)
    return Column(column.values[:, expression.part], column.valid)


def _index(expression: RowIndex, frame: Frame) -> Column:
    return Column(frame.ordinals)


def position_on(axes: tuple[Axis, ...], frame: Frame) -> Any:
    """The cell of each row in a table over `axes`; None where a row has a null among them."""
    position: Any = None
    for axis in axes:
        column = frame.column(axis.field)
        if column.valid is not None and not column.valid.all():
            return None
        codes = column.values
        codes = codes - axis.low if axis.low else codes
        if axis.step != 1:
            codes = codes // axis.step
        position = codes if position is None else position * axis.size + codes
    return position


def _tabulated(expression: Tabulated, frame: Frame) -> Column:
    position = position_on(expression.axes, frame)
    if position is None:
        return evaluate(expression.original, frame)
    values = expression.values.take(position, mode="clip")
    valid = None if expression.valid is None else expression.valid.take(position, mode="clip")
    return Column(values, valid, expression.vocabulary)


# operators and functions


def _operation(expression: Operation, frame: Frame) -> Column:
    return operate(expression, [evaluate(operand, frame) for operand in expression.operands])


def _apply(expression: Apply, frame: Frame) -> Column:
    arguments = [evaluate(argument, frame) for argument in expression.arguments]
    return call_function(expression, arguments, frame.rows)


def _convert(expression: Convert, frame: Frame) -> Column:
    operand = evaluate(expression.operand, frame)
    factor, offset = expression.factor, expression.offset
    values: Any = operand.values
    if factor != 1:
        is_whole = np.asarray(values).dtype.kind in "iu"
        if factor.denominator == 1 and is_whole:
            values = whole_product(values, np.int64(int(factor)))
        elif factor.numerator == 1:
            values = values / float(factor.denominator)
        else:
            values = values * float(factor)
    if offset:
        values = values + float(offset)
    if expression.type.kind not in INTEGER_KINDS and np.asarray(values).dtype.kind in "iu":
        values = np.asarray(values, np.float64)
    return Column(whole(values, expression), operand.valid)


def _local_time(expression: LocalTime, frame: Frame) -> Column:
    """Microseconds of the wall clock in the operand's zone."""
    operand = evaluate_column(expression.operand, frame)
    instants = numbers(operand.values).view(pa.timestamp("us", tz=expression.operand.type.zone))
    local = pc.local_timestamp(instants).view(pa.int64())
    return Column(unpacked(local), operand.valid)


def _in_set(expression: InSet, frame: Frame) -> Column:
    operand = evaluate(expression.operand, frame)
    if operand.vocabulary is not None:
        wanted = set(expression.values)
        hits = np.array([word in wanted for word in operand.vocabulary.words], np.bool_)
        return Column(hits[operand.values], operand.valid)
    if isinstance(operand.values, pa.Array):
        found = pc.is_in(operand.values, strings(expression.values))
        return Column(unpacked(found), operand.valid)
    return Column(np.isin(operand.values, np.asarray(expression.values)), operand.valid)


def _python_call(expression: PythonCall, frame: Frame) -> Column:
    columns = [evaluate_column(argument, frame) for argument in expression.arguments]
    return python_functions.call(expression, columns, frame.rows)


# choices and collections


def _choose(expression: Choose, frame: Frame) -> Column:
    masks = [
        is_true(evaluate(condition, frame), frame.rows) for condition, _ in expression.branches
    ]
    columns = [evaluate(value, frame) for _, value in expression.branches]
    columns.append(evaluate(expression.otherwise, frame))
    valid = _choose_masks(masks, columns, frame.rows)
    if expression.type.is_text or expression.type.kind is Kind.UUID:
        texts = choose_texts(masks, columns, frame.rows)
        return Column(texts.values, valid, texts.vocabulary)
    result: Any = np.empty(frame.rows, element_type(expression))
    result[:] = columns[-1].values
    for mask, column in zip(reversed(masks), reversed(columns[:-1]), strict=True):
        np.copyto(result, column.values, where=mask, casting="unsafe")
    vocabulary = enum_vocabulary(expression.type.enum) if expression.type.enum is not None else None
    return Column(result, valid, vocabulary)


def _choose_masks(masks: list[NDArray[np.bool_]], columns: list[Column], rows: int) -> Any:
    if all(column.valid is None for column in columns):
        return None
    result = np.ones(rows, np.bool_)
    result[:] = True if columns[-1].valid is None else columns[-1].valid
    for mask, column in zip(reversed(masks), reversed(columns[:-1]), strict=True):
        np.copyto(result, True if column.valid is None else column.valid, where=mask)
    return result


def _list_of(expression: ListOf, frame: Frame) -> Column:
    items = [evaluate_column(item, frame) for item in expression.items]
    valid = None
    for item in items:
        valid = both_valid(valid, item.valid)
    return Column(np.stack([item.values for item in items], axis=1), valid)


def _lookup_value(expression: LookupValue, frame: Frame) -> Column:
    index = index_of(expression.lookup, tuple(k.type.nullable(False) for k in expression.keys))
    columns = [evaluate_column(key, frame) for key in expression.keys]
    groups, valid = index.groups(columns)
    return index.value(expression.column, expression.type, groups, valid)


def _z_score(expression: ZScore, frame: Frame) -> Column:
    raise AssertionError(f"z({expression.field}) is replaced when the plan is made")


@cache
def _evaluators() -> dict[type, Callable[[Any, Frame], Column]]:
    """What evaluates each kind of expression."""
    # not at the top: these evaluate the parts of what they are given
    from synthdsl.engine import related

    return _OF_ROWS | {
        Above: related.above,
        Outer: related.outer,
        Neighbour: related.neighbour,
        Related: related.related,
        FileColumn: related.file_column,
        MachineColumn: related.elsewhere,
        Referred: related.elsewhere,
        TargetField: related.elsewhere,
    }


_OF_ROWS: dict[type, Callable[[Any, Frame], Column]] = {
    Constant: _constant,
    FieldRef: _field,
    Part: _part,
    RowIndex: _index,
    Operation: _operation,
    Convert: _convert,
    LocalTime: _local_time,
    InSet: _in_set,
    Apply: _apply,
    Choose: _choose,
    ListOf: _list_of,
    LookupValue: _lookup_value,
    ZScore: _z_score,
    PythonCall: _python_call,
    Tabulated: _tabulated,
}
