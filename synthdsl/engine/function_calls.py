"""Calls of the language's functions: arguments in, vocabularies and nulls out."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa

from synthdsl.engine.operators import whole
from synthdsl.engine.results import enum_vocabulary, filled
from synthdsl.functions.base import NO_VALUE
from synthdsl.model.expressions import Apply, Constant, Expr, as_arguments
from synthdsl.values.arrays import unpacked
from synthdsl.values.columns import Column, Vocabulary, both_valid
from synthdsl.values.types import Kind

_VOCABULARIES: WeakKeyDictionary[Expr, Vocabulary | None] = WeakKeyDictionary()
"""The vocabulary of each call that returns codes."""

_MAPPED: WeakKeyDictionary[Expr, WeakKeyDictionary[Vocabulary, Column]] = WeakKeyDictionary()
"""The results of each call of one coded text, for the words of its vocabularies."""


def call_function(expression: Apply, columns: list[Column], rows: int) -> Column:
    """The value of a call for every row, given its arguments."""
    function = expression.function
    if not function.is_strict:
        pairs = zip(columns, expression.arguments, strict=True)
        return function.apply_columns(rows, *(filled(c, rows, a) for c, a in pairs))
    mapped = _over_vocabulary(expression, columns)
    if mapped is not None:
        return mapped
    valid = None
    for column in columns:
        valid = both_valid(valid, column.valid)
    arguments = [_raw_argument(c, a) for c, a in zip(columns, expression.arguments, strict=True)]
    with np.errstate(all="ignore"):
        result = function.apply(*arguments)
    return _result_column(result, expression, valid)


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


def _result_column(result: Any, expression: Apply, valid: Any) -> Column:
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
    words = _function_vocabulary(expression)
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


def _function_vocabulary(expression: Apply) -> Vocabulary | None:
    """The vocabulary of a function that returns codes; one object per call."""
    if expression not in _VOCABULARIES:
        words = expression.function.vocabulary(*as_arguments(expression.arguments))
        _VOCABULARIES[expression] = None if words is None else Vocabulary(tuple(words))
    return _VOCABULARIES[expression]


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
    known = _MAPPED.setdefault(expression, WeakKeyDictionary())
    words = known.get(vocabulary)
    if words is None:
        arguments = [
            _raw_argument(c, a) for c, a in zip(columns, expression.arguments, strict=True)
        ]
        arguments[position] = vocabulary.arrow
        with np.errstate(all="ignore"):
            result = expression.function.apply(*arguments)
        words = known[vocabulary] = _encoded(_result_column(result, expression, None))
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
