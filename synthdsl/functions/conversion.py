"""Numbers from other kinds. Nothing is rounded or guessed: what does not fit gives null."""

from __future__ import annotations

import math
import re
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar

from synthdsl.functions._arguments import expect
from synthdsl.functions.base import (
    EVERYTHING,
    FUNCTIONS,
    NO_VALUE,
    Argument,
    Function,
    Misuse,
    Range,
)
from synthdsl.lazy import lazy
from synthdsl.values.arrays import unpacked
from synthdsl.values.types import FLOAT, INT, LARGEST_INT, NUMBERS, Kind, Type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from numpy.typing import NDArray
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")

READABLE = NUMBERS | {Kind.BOOL, Kind.TEXT}


class _Conversion(Function):
    """A number from a number, bool or text; `bind` learns which."""

    parameter_names = ("x",)
    kind = Kind.FLOAT
    result: ClassVar[Type]

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        wrong = expect(arguments, 0, READABLE, "a number, bool or text")
        found = arguments[0].type
        return wrong or (self.result.with_unit(found.unit) if found.is_number else self.result)

    def bind(self, *arguments: Argument) -> Function:
        """The form for arguments of these types."""
        bound = copy(self)
        bound.kind = arguments[0].type.kind
        return bound

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        if self.kind is Kind.TEXT:
            return EVERYTHING
        return (0.0, 1.0) if self.kind is Kind.BOOL else ranges[0]


@FUNCTIONS.register
class Int(_Conversion):
    """A whole number, where the value is one."""

    name = "int"
    summary = (
        "The same number as an int where it is whole (never rounded: see floor and round), a "
        'bool as 0 or 1, text of digits such as "-12" as that number; else null.'
    )
    signature = "int(x: number | bool | text) -> int"
    example = ('int("0042")', "42")
    result = INT
    pattern = re.compile("[+-]?[0-9]{1,16}")

    def constant(self, *values: Any) -> int | None:
        """The result for constants."""
        x = values[0]
        if isinstance(x, str):
            x = int(x) if self.pattern.fullmatch(x) else math.nan
        return int(x) if abs(x) <= LARGEST_INT and x == int(x) else None

    def apply(self, *values: Any) -> NDArray[np.int64]:
        """The results for arrays."""
        x = values[0]
        if self.kind is Kind.TEXT:
            x = _read(x, r"\A[+-]?[0-9]{1,16}\z", pa.int64())
            x = unpacked(x.fill_null(NO_VALUE))
        if x.dtype.kind == "f":
            is_whole = (np.abs(x) <= LARGEST_INT) & (np.trunc(x) == x)
            x = np.where(is_whole, np.where(is_whole, x, 0.0).astype(np.int64), NO_VALUE)
        elif x.dtype.kind == "i":
            x = np.where((x <= LARGEST_INT) & (x >= -LARGEST_INT), x, NO_VALUE)
        return np.asarray(x, dtype=np.int64)


@FUNCTIONS.register
class Float(_Conversion):
    """A number as a float."""

    name = "float"
    summary = (
        "The same number as a float, a bool as 0.0 or 1.0, text such as "
        '"-1.5" or "2e-3" as that number; null for other text.'
    )
    signature = "float(x: number | bool | text) -> float"
    example = ('float("1.5")', "1.5")
    result = FLOAT
    pattern = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")

    def constant(self, *values: Any) -> float | None:
        """The result for constants."""
        x = values[0]
        if isinstance(x, str) and (len(x) > LONGEST or not self.pattern.fullmatch(x)):
            return None
        result = float(x)
        return result if math.isfinite(result) else None

    def apply(self, *values: Any) -> NDArray[np.float64]:
        """The results for arrays."""
        x = values[0]
        if self.kind is not Kind.TEXT:
            return np.asarray(x, dtype=np.float64)
        form = rf"\A{self.pattern.pattern}\z"
        is_short = pc.less_equal(pc.utf8_length(x), LONGEST)
        numbers = _read(pc.if_else(is_short, x, ""), form, pa.float64())
        result = unpacked(numbers.fill_null(math.nan))
        return np.where(np.isinf(result), np.nan, result)


LONGEST = 400
"""Characters beyond which text is no number."""


def _read(text: pa.StringArray, form: str, kind: pa.DataType) -> pa.Array:
    """Numbers in texts of a regular form; null elsewhere."""
    is_number = pc.match_substring_regex(text, form)
    # Arrow's parser knows no plus sign.
    unsigned = pc.replace_substring_regex(text, r"\A\+", "")
    return pc.if_else(is_number, unsigned, None).cast(kind)
