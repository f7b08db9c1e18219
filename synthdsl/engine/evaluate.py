"""Typed expressions over the columns of a frame, with SQL's nulls.

A result is a `Column` whose `values` may also be one Python value for all rows and whose
`valid` may be one bool: constants stay scalars until they meet a column.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthdsl.engine.frame import Frame, RowError
from synthdsl.engine.texts import as_text, choose_texts, equal_texts
from synthdsl.functions.base import NO_VALUE, Argument
from synthdsl.model.expressions import (
    Apply,
    Choose,
    Constant,
    Convert,
    Expr,
    FieldRef,
    InSet,
    ListOf,
    LocalTime,
    LookupValue,
    Operation,
    Part,
    PythonCall,
    RowIndex,
    ZScore,
)
from synthdsl.model.folding import INTEGER_KINDS
from synthdsl.plan.tabulated import Tabulated
from synthdsl.values.arrays import numbers, strings, unpacked
from synthdsl.values.columns import Column, Vocabulary, both_valid
from synthdsl.values.types import EnumType, Kind

FALSE = np.bool_(False)
FAR = 2.0**62
"""What stands for whole numbers too large for 64 bits."""


def evaluate(expression: Expr, frame: Frame) -> Column:
    """The value of `expression` for every row of `frame`."""
    return _EVALUATORS[type(expression)](expression, frame)


def evaluate_column(expression: Expr, frame: Frame) -> Column:
    """Like `evaluate`, with a full array even for a constant."""
    return filled(evaluate(expression, frame), frame.rows, expression)


def filled(column: Column, rows: int, expression: Expr) -> Column:
    """`column` with one value per row."""
    values, valid = column.values, column.valid
    if isinstance(values, str):
        vocabulary = Vocabulary((values,))
        return Column(np.zeros(rows, np.int32), _filled_mask(valid, rows), vocabulary)
    # asking an Arrow array for its dimensions would copy it
    if not isinstance(values, pa.Array) and np.ndim(values) == 0:
        values = np.full(rows, values, dtype=_dtype(expression))
    return Column(values, _filled_mask(valid, rows), column.vocabulary)


def _filled_mask(valid: Any, rows: int) -> NDArray[np.bool_] | None:
    if valid is None or np.ndim(valid) == 1:
        return valid  # type: ignore[no-any-return]
    return None if valid else np.zeros(rows, np.bool_)


def _dtype(expression: Expr) -> type:
    kind = expression.type.kind
    if kind is Kind.BOOL:
        return np.bool_
    if kind is Kind.ENUM:
        return np.int32
    return np.int64 if kind in INTEGER_KINDS else np.float64


@lru_cache(maxsize=1024)
def enum_vocabulary(enum: EnumType) -> Vocabulary:
    """The members of an enum as a vocabulary, one object per enum."""
    return Vocabulary(enum.members)


def is_true(condition: Column, rows: int) -> NDArray[np.bool_]:
    """Rows where a condition is true (not false, not null)."""
    values = condition.values
    if condition.valid is not None:
        values = values & condition.valid
    if np.ndim(values) == 0:
        return np.full(rows, bool(values))
    return values  # type: ignore[no-any-return]


def is_false(condition: Column, rows: int) -> NDArray[np.bool_]:
    """Rows where a condition is false (not true, not null)."""
    values: Any = np.logical_not(condition.values)
    if condition.valid is not None:
        values = values & condition.valid
    return np.full(rows, bool(values)) if np.ndim(values) == 0 else np.asarray(values)


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


def _tabulated(expression: Tabulated, frame: Frame) -> Column:
    position: Any = None
    for axis in expression.axes:
        column = frame.column(axis.field)
        if column.valid is not None and not column.valid.all():
            return evaluate(expression.original, frame)
        codes = column.values
        codes = codes - axis.low if axis.low else codes
        if axis.step != 1:
            codes = codes // axis.step
        position = codes if position is None else position * axis.size + codes
    values = expression.values.take(position, mode="clip")
    valid = None if expression.valid is None else expression.valid.take(position, mode="clip")
    return Column(values, valid, expression.vocabulary)


# operators


def _operation(expression: Operation, frame: Frame) -> Column:
    operands = [evaluate(operand, frame) for operand in expression.operands]
    return _OPERATORS[expression.operator](expression, operands)


def _arithmetic(function: Callable[[Any, Any], Any]) -> Callable[[Operation, list[Column]], Column]:
    def apply(expression: Operation, operands: list[Column]) -> Column:
        left, right = operands
        values = function(left.values, right.values)
        return Column(whole(values, expression), both_valid(left.valid, right.valid))

    return apply


def _multiply(expression: Operation, operands: list[Column]) -> Column:
    left, right = operands
    if expression.type.kind is not Kind.INT:
        return _arithmetic(np.multiply)(expression, operands)
    values = whole_product(left.values, right.values)
    return Column(values, both_valid(left.valid, right.valid))


def whole_product(left: Any, right: Any) -> Any:
    """The product of whole numbers; one beyond 64 bits stays at the end of them.

    So an overflow is found where the value meets a field, instead of wrapping around.
    """
    if _largest(left) * _largest(right) < FAR:
        return np.multiply(left, right)
    rough = np.multiply(np.asarray(left, np.float64), right)
    is_far = np.abs(rough) >= FAR
    return np.where(is_far, np.copysign(FAR, rough).astype(np.int64), np.multiply(left, right))


def _largest(values: Any) -> float:
    values = np.asarray(values)
    return max(abs(float(values.max())), abs(float(values.min()))) if values.size else 0.0


def _partial(function: Callable[[Any, Any], Any]) -> Callable[[Operation, list[Column]], Column]:
    """An operator that has no value for some operands: null there."""

    def apply(expression: Operation, operands: list[Column]) -> Column:
        left, right = operands
        with np.errstate(all="ignore"):
            values = function(np.asarray(left.values, np.float64), right.values)
        valid = both_valid(left.valid, right.valid)
        finite = np.isfinite(values)
        if not finite.all():
            valid = both_valid(valid, finite)
            values = np.where(finite, values, 1.0)
        return Column(whole(values, expression), valid)

    return apply


def whole(values: Any, expression: Expr) -> Any:
    """Numbers as integers, half-up, where the type counts whole steps."""
    if expression.type.kind in INTEGER_KINDS and np.asarray(values).dtype.kind == "f":
        rounded = np.floor(np.asarray(values) + 0.5)
        if not _largest(rounded) < FAR:
            rounded = np.clip(np.nan_to_num(rounded), -FAR, FAR)
        return rounded.astype(np.int64)
    return values


def _negative(expression: Operation, operands: list[Column]) -> Column:
    return Column(np.negative(operands[0].values), operands[0].valid)


def _compare(function: Callable[[Any, Any], Any]) -> Callable[[Operation, list[Column]], Column]:
    def apply(expression: Operation, operands: list[Column]) -> Column:
        left, right = operands
        values = function(left.values, right.values)
        return Column(values, both_valid(left.valid, right.valid))

    return apply


def _equal(is_negated: bool) -> Callable[[Operation, list[Column]], Column]:
    def apply(expression: Operation, operands: list[Column]) -> Column:
        left, right = operands
        if expression.operands[0].type.kind in (Kind.TEXT, Kind.UUID):
            values = equal_texts(left, right)
        else:
            values = np.equal(left.values, right.values)
        if is_negated:
            values = np.logical_not(values)
        return Column(values, both_valid(left.valid, right.valid))

    return apply


def _and(expression: Operation, operands: list[Column]) -> Column:
    return _kleene(operands, decisive=False)


def _or(expression: Operation, operands: list[Column]) -> Column:
    return _kleene(operands, decisive=True)


def _kleene(operands: list[Column], *, decisive: bool) -> Column:
    """`or` (decisive true) and `and` (decisive false) in three-valued logic."""
    combine = np.logical_or if decisive else np.logical_and
    values = operands[0].values
    for operand in operands[1:]:
        values = combine(values, operand.values)
    if all(operand.valid is None for operand in operands):
        return Column(values)
    decided: Any = False
    known: Any = True
    for operand in operands:
        is_decisive = operand.values if decisive else np.logical_not(operand.values)
        if operand.valid is not None:
            is_decisive = np.logical_and(is_decisive, operand.valid)
            known = np.logical_and(known, operand.valid)
        decided = np.logical_or(decided, is_decisive)
    return Column(np.where(decided, decisive, not decisive), np.logical_or(decided, known))


def _not(expression: Operation, operands: list[Column]) -> Column:
    return Column(np.logical_not(operands[0].values), operands[0].valid)


def _implies(expression: Operation, operands: list[Column]) -> Column:
    left = Column(np.logical_not(operands[0].values), operands[0].valid)
    return _kleene([left, operands[1]], decisive=True)


def _iff(expression: Operation, operands: list[Column]) -> Column:
    left, right = operands
    return Column(np.equal(left.values, right.values), both_valid(left.valid, right.valid))


def _is_null(is_negated: bool) -> Callable[[Operation, list[Column]], Column]:
    def apply(expression: Operation, operands: list[Column]) -> Column:
        valid = operands[0].valid
        if valid is None:
            return Column(is_negated)
        return Column(valid if is_negated else np.logical_not(valid))

    return apply


_OPERATORS: dict[str, Callable[[Operation, list[Column]], Column]] = {
    "+": _arithmetic(np.add),
    "-": _arithmetic(np.subtract),
    "*": _multiply,
    "/": _partial(np.divide),
    "^": _partial(lambda base, exponent: np.square(base) if _is_two(exponent) else np.power(base, np.asarray(exponent, np.float64))),
    "neg": _negative,
    "==": _equal(False),
    "!=": _equal(True),
    "<": _compare(np.less),
    "<=": _compare(np.less_equal),
    ">": _compare(np.greater),
    ">=": _compare(np.greater_equal),
    "and": _and,
    "or": _or,
    "not": _not,
    "->": _implies,
    "<->": _iff,
    "is-null": _is_null(False),
    "is-not-null": _is_null(True),
}  # fmt: skip


def _is_two(exponent: Any) -> bool:
    return np.ndim(exponent) == 0 and exponent == 2


# the rest


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
    import pyarrow.compute as pc

    operand = filled(evaluate(expression.operand, frame), frame.rows, expression.operand)
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
        import pyarrow.compute as pc

        found = pc.is_in(operand.values, strings(expression.values))
        return Column(unpacked(found), operand.valid)
    return Column(np.isin(operand.values, np.asarray(expression.values)), operand.valid)


def _choose(expression: Choose, frame: Frame) -> Column:
    masks = [
        is_true(evaluate(condition, frame), frame.rows) for condition, _ in expression.branches
    ]
    columns = [evaluate(value, frame) for _, value in expression.branches]
    columns.append(evaluate(expression.otherwise, frame))
    valid = _choose_masks(masks, columns, frame.rows)
    if expression.type.is_text:
        return Column(*_parts(choose_texts(masks, columns, frame.rows), valid))
    result: Any = np.empty(frame.rows, _dtype(expression))
    result[:] = columns[-1].values
    for mask, column in zip(reversed(masks), reversed(columns[:-1]), strict=True):
        np.copyto(result, column.values, where=mask, casting="unsafe")
    vocabulary = enum_vocabulary(expression.type.enum) if expression.type.enum is not None else None
    return Column(result, valid, vocabulary)


def _parts(column: Column, valid: Any) -> tuple[Any, Any, Any]:
    return column.values, valid, column.vocabulary


def _choose_masks(masks: list[NDArray[np.bool_]], columns: list[Column], rows: int) -> Any:
    if all(column.valid is None for column in columns):
        return None
    result = np.ones(rows, np.bool_)
    result[:] = True if columns[-1].valid is None else columns[-1].valid
    for mask, column in zip(reversed(masks), reversed(columns[:-1]), strict=True):
        np.copyto(result, True if column.valid is None else column.valid, where=mask)
    return result


def _apply(expression: Apply, frame: Frame) -> Column:
    function = expression.function
    columns = [evaluate(argument, frame) for argument in expression.arguments]
    if not function.is_strict:
        pairs = zip(columns, expression.arguments, strict=True)
        return function.apply_columns(frame.rows, *(filled(c, frame.rows, a) for c, a in pairs))
    mapped = _over_vocabulary(expression, columns)
    if mapped is not None:
        return mapped
    valid = None
    for column in columns:
        valid = both_valid(valid, column.valid)
    arguments = [_raw_argument(c, a) for c, a in zip(columns, expression.arguments, strict=True)]
    with np.errstate(all="ignore"):
        result = function.apply(*arguments)
    return result_column(result, expression, valid)


def _raw_argument(column: Column, argument: Expr) -> Any:
    """What a strict function gets: a Python constant, a numpy array or an Arrow array."""
    if isinstance(argument, Constant):
        return argument.value
    if column.vocabulary is not None:
        return (
            column.text()
            if column.valid is None
            else Column(column.values, None, column.vocabulary).text()
        )
    return column.values


def result_column(result: Any, expression: Apply, valid: Any) -> Column:
    """What a strict function returned, as a column: its vocabulary, its nulls."""
    if isinstance(result, pa.ChunkedArray):
        result = result.combine_chunks()
    if isinstance(result, pa.Array):
        if result.null_count:
            valid = both_valid(valid, unpacked(result.is_valid()))
            result = (
                result.fill_null("") if pa.types.is_string(result.type) else result.fill_null(0)
            )
        if expression.type.kind not in (Kind.TEXT, Kind.UUID, Kind.LIST):
            result = unpacked(result)
        return Column(result, valid)
    words = function_vocabulary(expression)
    if words is not None:
        codes = np.asarray(result, np.int32)
        missing = codes < 0
        if missing.any():
            valid = both_valid(valid, ~missing)
            codes = np.where(missing, 0, codes)
        return Column(codes, valid, words)
    values = np.asarray(result)
    if values.dtype.kind == "f":
        finite = np.isfinite(values)
        if not finite.all():
            valid = both_valid(valid, finite)
            values = np.where(finite, values, 0.0)
        values = whole(values, expression)
    elif values.dtype == np.int64:
        absent = values == NO_VALUE
        if absent.any():
            valid = both_valid(valid, ~absent)
            values = np.where(absent, 0, values)
    if expression.type.enum is not None:
        return Column(values, valid, enum_vocabulary(expression.type.enum))
    return Column(values, valid)


_VOCABULARIES: dict[int, tuple[Expr, Vocabulary | None]] = {}


def function_vocabulary(expression: Apply) -> Vocabulary | None:
    """The vocabulary of a function that returns codes; one object per call."""
    cached = _VOCABULARIES.get(id(expression))
    if cached is None or cached[0] is not expression:
        arguments = [
            Argument(a.type, isinstance(a, Constant), a.value if isinstance(a, Constant) else None)
            for a in expression.arguments
        ]
        words = expression.function.vocabulary(*arguments)
        cached = (expression, None if words is None else Vocabulary(tuple(words)))
        _VOCABULARIES[id(expression)] = cached
    return cached[1]


_MAPPED: dict[tuple[int, int], tuple[Expr, Vocabulary, Column]] = {}


def _over_vocabulary(expression: Apply, columns: list[Column]) -> Column | None:
    """A function of one coded text: applied to the words, not to the rows."""
    varying = [i for i, a in enumerate(expression.arguments) if not isinstance(a, Constant)]
    if len(varying) != 1 or columns[varying[0]].vocabulary is None:
        return None
    position = varying[0]
    column = columns[position]
    vocabulary = column.vocabulary
    assert vocabulary is not None
    if not isinstance(column.values, np.ndarray) or len(vocabulary) > 100_000:
        return None
    mark = (id(expression), id(vocabulary))
    cached = _MAPPED.get(mark)
    if cached is None or cached[0] is not expression or cached[1] is not vocabulary:
        arguments = [
            _raw_argument(c, a) for c, a in zip(columns, expression.arguments, strict=True)
        ]
        arguments[position] = vocabulary.arrow
        with np.errstate(all="ignore"):
            result = result_column(expression.function.apply(*arguments), expression, None)
        cached = (expression, vocabulary, _encoded(result))
        _MAPPED[mark] = cached
    words = cached[2]
    values = words.values[column.values]
    valid = column.valid
    if words.valid is not None:
        valid = both_valid(valid, words.valid[column.values])
    return Column(values, valid, words.vocabulary)


def _encoded(column: Column) -> Column:
    """Arrow text as codes into its distinct words."""
    if not isinstance(column.values, pa.Array) or not pa.types.is_string(column.values.type):
        return column
    encoded = column.values.dictionary_encode()
    codes = unpacked(encoded.indices).astype(np.int32)
    return Column(codes, column.valid, Vocabulary(tuple(encoded.dictionary.to_pylist())))


def _list_of(expression: ListOf, frame: Frame) -> Column:
    items = [filled(evaluate(item, frame), frame.rows, item) for item in expression.items]
    valid = None
    for item in items:
        valid = both_valid(valid, item.valid)
    return Column(np.stack([item.values for item in items], axis=1), valid)


def _lookup_value(expression: LookupValue, frame: Frame) -> Column:
    from synthdsl.engine.lookup_index import index_of

    index = index_of(expression.lookup, tuple(k.type.nullable(False) for k in expression.keys))
    columns = [filled(evaluate(key, frame), frame.rows, key) for key in expression.keys]
    groups, valid = index.groups(columns)
    return index.value(expression.column, expression.type, groups, valid)


def _z_score(expression: ZScore, frame: Frame) -> Column:
    raise AssertionError(f"z({expression.field}) is replaced when the plan is made")


def _python_call(expression: PythonCall, frame: Frame) -> Column:
    from synthdsl.engine.python_functions import call

    columns = [filled(evaluate(a, frame), frame.rows, a) for a in expression.arguments]
    return call(expression, columns, frame.rows)


_EVALUATORS: dict[type, Callable[[Any, Frame], Column]] = {
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

__all__ = ["RowError", "as_text", "evaluate", "evaluate_column", "is_false", "is_true"]
