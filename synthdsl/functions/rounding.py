"""Numbers rounded to whole ones or to decimal digits.

Rounding is half-up: towards plus infinity where two neighbours are equally near, so 2.5 gives
3 and -2.5 gives -2. Whole results stay within 2**53; beyond it they have no value (null).
"""

from __future__ import annotations

import math
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar

from synthdsl.functions._arguments import (
    expect,
    expect_whole,
)
from synthdsl.functions._ranges import whole
from synthdsl.functions._whole import to_whole, within
from synthdsl.functions.base import (
    FUNCTIONS,
    NO_VALUE,
    Argument,
    Function,
    Misuse,
    Range,
)
from synthdsl.lazy import lazy
from synthdsl.values.types import (
    FLOAT,
    INT,
    LARGEST_INT,
    NUMBERS,
    Kind,
    Type,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = lazy("numpy")

MOST_DIGITS = 15


class _WholeStep(Function):
    """A rounding of a number to a whole one, in the same unit (points too)."""

    parameter_names: ClassVar[tuple[str, ...]] = ("x",)

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        wrong = expect(arguments, 0, NUMBERS, "a number")
        return wrong or INT.with_unit(arguments[0].type.unit)

    def constant(self, *values: Any) -> Any:
        """The result for constants."""
        x = values[0]
        if isinstance(x, int):
            return x
        return self.one(x) if abs(x) <= LARGEST_INT else None

    def apply(self, *values: Any) -> Any:
        """The results for arrays."""
        x = values[0]
        return x if x.dtype.kind == "i" else to_whole(self.many(x))

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        return whole(self.one, ranges[0])

    def one(self, x: float) -> int:
        """The whole number for a finite one."""
        raise NotImplementedError

    def many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The whole numbers, as floats."""
        raise NotImplementedError


@FUNCTIONS.register
class Floor(_WholeStep):
    """The next whole number downwards."""

    name = "floor"
    summary = "The greatest whole number that is not above x, in the same unit."
    signature = "floor(x: number) -> int"
    example = ("floor(-2.5)", "-3")

    def one(self, x: float) -> int:
        """The result for one number."""
        return math.floor(x)

    def many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The results for an array."""
        return np.floor(x)


@FUNCTIONS.register
class Ceil(_WholeStep):
    """The next whole number upwards."""

    name = "ceil"
    summary = "The least whole number that is not below x, in the same unit."
    signature = "ceil(x: number) -> int"
    example = ("ceil(-2.5)", "-2")

    def one(self, x: float) -> int:
        """The result for one number."""
        return math.ceil(x)

    def many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The results for an array."""
        return np.ceil(x)


def half_up(x: float) -> int:
    """The nearest whole number; of two, the greater."""
    # Adding one half before flooring would round 0.49999999999999994 to 1.
    below = math.floor(x)
    return below + (x - below >= 0.5)


def half_up_many(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """`half_up` of each, as floats."""
    below = np.floor(x)
    below += (x - below) >= 0.5
    return below


@FUNCTIONS.register
class Round(_WholeStep):
    """Half-up rounding, to a whole number or to decimal digits."""

    name = "round"
    summary = (
        "The nearest multiple of 10**-digits, half-up (2.5 gives 3, -2.5 gives -2); "
        "whole without `digits`. What is rounded is the double x * 10**digits."
    )
    signature = "round(x: number, digits: int = 0) -> number"
    example = ("round(2.675, 2)", "2.68")
    parameter_names = ("x", "digits")
    optional = 1
    digits = 0

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        wrong = expect(arguments, 0, NUMBERS, "a number")
        if not wrong and len(arguments) > 1:
            wrong = expect_whole(arguments, 1, "`digits`", -MOST_DIGITS, MOST_DIGITS)
        if wrong:
            return wrong
        is_whole = arguments[0].type.kind is Kind.INT or _digits(arguments) <= 0
        return (INT if is_whole else FLOAT).with_unit(arguments[0].type.unit)

    def bind(self, *arguments: Argument) -> Function:
        """The form for arguments of these types."""
        bound = copy(self)
        bound.digits = _digits(arguments)
        return bound

    def constant(self, *values: Any) -> Any:
        """The result for constants."""
        x, digits = values[0], self._given(values)
        if digits > 0:
            return x if isinstance(x, int) else self._to_digits(x, digits)
        if digits == 0:
            return super().constant(x)
        if isinstance(x, int):
            size = 10**-digits
            return within((2 * x + size) // (2 * size) * size)
        result = half_up(x / 10**-digits) * 10**-digits if math.isfinite(x) else math.inf
        return within(result)

    def apply(self, *values: Any) -> Any:
        """The results for arrays."""
        x, digits = values[0], self._given(values)
        if x.dtype.kind == "i":
            return x if digits >= 0 else self._whole_tens(x, 10**-digits)
        if digits > 0:
            return self._to_digits_many(x, digits)
        if digits == 0:
            return to_whole(half_up_many(x))
        return to_whole(half_up_many(x / 10.0**-digits) * 10.0**-digits)

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        return self._end(ranges[0][0]), self._end(ranges[0][1])

    def one(self, x: float) -> int:
        """The nearest whole number."""
        return half_up(x)

    def many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The nearest whole numbers."""
        return half_up_many(x)

    def _end(self, x: float) -> float:
        if math.isinf(x):
            return x
        if self.digits > 0:
            return self._to_digits(x, self.digits)
        size = 10**-self.digits
        return float(half_up(x / size) * size)

    def _given(self, values: tuple[Any, ...]) -> int:
        return int(values[1]) if len(values) > 1 else self.digits

    @staticmethod
    def _to_digits(x: float, digits: int) -> float:
        scaled = x * 10.0**digits
        # From 2**52 on every double is whole, so there is nothing to round.
        return half_up(scaled) / 10.0**digits if abs(scaled) < 2**52 else x

    @staticmethod
    def _to_digits_many(x: NDArray[np.float64], digits: int) -> NDArray[np.float64]:
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = x * 10.0**digits
            result = half_up_many(scaled) / 10.0**digits
        is_small = np.abs(scaled) < 2**52
        return result if is_small.all() else np.where(is_small, result, x)

    @staticmethod
    def _whole_tens(x: NDArray[np.int64], size: int) -> NDArray[np.int64]:
        result = (2 * x + size) // (2 * size) * size
        return np.where(np.abs(result) <= LARGEST_INT, result, NO_VALUE)


def _digits(arguments: tuple[Argument, ...]) -> int:
    return int(arguments[1].value or 0) if len(arguments) > 1 else 0
