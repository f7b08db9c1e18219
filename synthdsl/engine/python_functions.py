"""Typed Python functions of the user's: called with whole columns, held to their signature.

A function is named in the spec and found by import; nothing of a spec is ever run as code.
It gets one argument per parameter, each a numpy array of the block's rows (text as an object
array of str, dates and datetimes as datetime64, durations as timedelta64, enums as member
names), with None, nan or NaT where null is allowed, and returns an array of as many values.
"""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from synthdsl.engine.frame import RowError
from synthdsl.engine.lookup_index import raw_column
from synthdsl.model.expressions import PythonCall
from synthdsl.values.columns import Column
from synthdsl.values.types import LARGEST_INT, Kind, Type

_UNITS = {
    Kind.DATE: "datetime64[D]",
    Kind.DATETIME: "datetime64[us]",
    Kind.DURATION: "timedelta64[us]",
}


@lru_cache(maxsize=256)
def find(module: str, name: str) -> Any:
    """The function `name` of `module`. Raises ImportError, AttributeError or TypeError."""
    function = getattr(importlib.import_module(module), name)
    if not callable(function):
        raise TypeError(f"`{module}.{name}` is not a function")
    return function


def call(expression: PythonCall, columns: list[Column], rows: int) -> Column:
    """The function's result for every row. Raises `RowError` where it breaks its signature."""
    try:
        function = find(expression.module, expression.function)
    except (ImportError, AttributeError, TypeError) as error:
        raise RowError(
            "python-function",
            expression.span,
            f"cannot use `{expression.function}` of {expression.module}: {error}",
            "check that the module can be imported where synthdsl runs",
        ) from error
    types = expression.parameter_types
    arguments = [_outward(c, t) for c, t in zip(columns, types, strict=True)]
    try:
        result = function(*arguments)
    except Exception as error:
        # whatever a user's function raises is the user's to read
        raise RowError(
            "python-function",
            expression.span,
            f"`{expression.function}` failed: {type(error).__name__}: {str(error)[:200]}",
        ) from error
    return _inward(result, expression, rows)


def _outward(column: Column, type: Type) -> Any:
    """A column as the user's function sees it."""
    if type.kind in (Kind.TEXT, Kind.ENUM, Kind.UUID):
        return np.array(column.text().to_pylist(), dtype=object)
    values = column.values
    if type.kind in _UNITS:
        values = values.astype(_UNITS[type.kind])
        if column.valid is not None:
            values = np.where(column.valid, values, np.array("NaT", values.dtype))
        return values
    if column.valid is not None:
        return np.where(column.valid, values.astype(np.float64), np.nan)
    return values.copy()


def _inward(result: Any, expression: PythonCall, rows: int) -> Column:
    """What the function returned as a column of the declared type."""
    if isinstance(result, pa.Array | pa.ChunkedArray):
        result = np.array(result.to_pylist(), dtype=object)
    values = np.asarray(result)
    if values.shape != (rows,):
        raise _broken(
            expression, f"returned shape {values.shape} for {rows} rows", "return one value a row"
        )
    type_ = expression.type
    column = _converted(values, type_)
    if column is None:
        raise _broken(
            expression,
            f"returned {values.dtype} values, but is declared to give `{type_}`",
            "correct the signature or the function",
        )
    if column.valid is not None and not column.valid.all() and not type_.is_nullable:
        raise _broken(
            expression,
            f"returned null, but is declared to give `{type_}`",
            f"declare it `-> {type_}?`",
        )
    return column


def _broken(expression: PythonCall, what: str, help: str) -> RowError:
    return RowError("python-value", expression.span, f"`{expression.function}` {what}", help)


def _converted(values: Any, type: Type) -> Column | None:
    """Values as raw ones of `type`; None where they are something else."""
    kind = type.kind
    if kind in (Kind.TEXT, Kind.ENUM, Kind.UUID):
        return _words(values, type)
    if kind is Kind.BOOL:
        return Column(values) if values.dtype == np.bool_ else None
    if kind in _UNITS:
        if values.dtype.kind not in "mM":
            return None
        absent = np.isnat(values)
        raw = values.astype(_UNITS[kind]).astype(np.int64)
        return Column(np.where(absent, 0, raw), ~absent if absent.any() else None)
    if values.dtype.kind not in "iuf":
        return None
    if values.dtype.kind == "f":
        absent = np.isnan(values)
        valid = ~absent if absent.any() else None
        values = np.where(absent, 0.0, values)
        if kind is Kind.INT:
            is_whole = (
                np.isfinite(values) & (values == np.floor(values)) & (np.abs(values) <= LARGEST_INT)
            )
            return Column(values.astype(np.int64), valid) if is_whole.all() else None
        return Column(values.astype(np.float64), valid)
    return Column(values.astype(np.int64 if kind is Kind.INT else np.float64))


def _words(values: Any, type: Type) -> Column | None:
    words = [None if v is None else v for v in values.tolist()]
    if not all(w is None or isinstance(w, str) for w in words):
        return None
    if type.enum is not None and any(w is not None and w not in type.enum.members for w in words):
        return None
    return raw_column(words, type)
