"""Functions that see nulls: the first that is not null, and null in place of a value."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from synthdsl.functions._arguments import common_type
from synthdsl.functions._ranges import hull
from synthdsl.functions.base import FUNCTIONS, Argument, Function, Misuse, Range
from synthdsl.lazy import lazy
from synthdsl.values.arrays import unpacked
from synthdsl.values.columns import Column, Vocabulary, with_nulls
from synthdsl.values.types import Kind, Type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")


class _NullAware(Function):
    """A function of values of one kind that is called with nulls."""

    parameter_names = ("a", "b")
    is_strict = False
    same_unit = True
    is_float = False
    """Whether the result is a float, whatever the arguments are."""

    def bind(self, *arguments: Argument) -> Function:
        """The form for arguments of these types."""
        found = self.infer(*arguments)
        bound = copy(self)
        bound.is_float = isinstance(found, Type) and found.kind in (Kind.FLOAT, Kind.DECIMAL)
        return bound

    def _typed(self, value: Any) -> Any:
        return float(value) if self.is_float and value is not None else value


@FUNCTIONS.register
class Coalesce(_NullAware):
    """The first argument that is not null."""

    name = "coalesce"
    summary = "The first of its arguments that is not null; null if all are."
    signature = "coalesce(a, b, …) -> like a"
    example = ("coalesce(null, 2)", "2")
    is_variadic = True

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        found = common_type(arguments)
        if isinstance(found, Misuse):
            return found
        return found.nullable(all(argument.type.is_nullable for argument in arguments))

    def constant(self, *values: Any) -> Any:
        """The result for constants."""
        return self._typed(next((value for value in values if value is not None), None))

    def apply_columns(self, rows: int, *columns: Column) -> Column:
        """The result for columns with nulls."""
        # A column without a value may be in any representation: the literal null has no kind.
        columns = tuple(c for c in columns if c.valid is None or c.valid.any()) or columns[:1]
        arrays, vocabulary = _aligned(columns)
        masks = [np.ones(rows, np.bool_) if c.valid is None else c.valid for c in columns]
        valid = np.logical_or.reduce(masks)
        if not isinstance(arrays[0], np.ndarray):
            values = pc.coalesce(*map(with_nulls, arrays, (c.valid for c in columns)))
            return Column(values, None if valid.all() else valid)
        values = arrays[-1]
        for array, mask in zip(arrays[-2::-1], masks[-2::-1], strict=True):
            values = np.where(mask, array, values)
        if self.is_float:
            values = values.astype(np.float64, copy=False)
        return Column(values, None if valid.all() else valid, vocabulary)

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        return hull(ranges)


@FUNCTIONS.register
class NullIf(_NullAware):
    """Null in place of one value."""

    name = "nullif"
    summary = "a, but null where it equals b."
    signature = "nullif(a, b) -> like a"
    example = ("nullif(9, 9)", "null")

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        found = common_type(arguments)
        return found if isinstance(found, Misuse) else found.nullable()

    def constant(self, *values: Any) -> Any:
        """The result for constants."""
        a, b = values
        return None if b is not None and a == b else self._typed(a)

    def apply_columns(self, rows: int, *columns: Column) -> Column:
        """The result for columns with nulls."""
        first, second = columns[0].valid, columns[1].valid
        if second is not None and not second.any():
            return columns[0]
        (a, b), vocabulary = _aligned(columns)
        if isinstance(a, np.ndarray):
            is_other = a != b
            a = a.astype(np.float64, copy=False) if self.is_float else a
        else:
            is_other = unpacked(pc.not_equal(a, b).fill_null(True))
        valid = is_other if second is None else is_other | ~second
        valid = valid if first is None else valid & first
        return Column(a, None if valid.all() else valid, vocabulary)

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        return ranges[0]


def _aligned(columns: tuple[Column, ...]) -> tuple[list[Any], Vocabulary | None]:
    """The values of several columns in one representation, and its vocabulary."""
    words = {c.vocabulary.words if c.vocabulary else None for c in columns}
    if len(words) == 1:
        return [column.values for column in columns], columns[0].vocabulary
    return [column.text() for column in columns], None
