"""Size, sign, extremes and whole division of quantities.

Whole results stay within 2**53; beyond it they have no value (null).
"""

from __future__ import annotations

import math
from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar

from synthdsl.functions._arguments import (
    QUANTITIES,
    common_quantity,
    common_type,
    expect,
    expect_interval,
)
from synthdsl.functions._whole import to_whole, within
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
from synthdsl.values.types import (
    DURATION,
    FLOAT,
    INT,
    ORDERED,
    Kind,
    Type,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = lazy("numpy")


@FUNCTIONS.register
class Abs(Function):
    """The size of a quantity."""

    name = "abs"
    summary = "Size without sign, in the same unit; also of a duration."
    signature = "abs(x: number) -> number"
    example = ("abs(-3)", "3")
    parameter_names = ("x",)

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        wrong = expect(arguments, 0, QUANTITIES, "a quantity") or expect_interval(arguments, 0)
        return wrong or _as_plain_kind(arguments[0].type)

    def constant(self, *values: Any) -> Any:
        """The result for constants."""
        return abs(values[0])

    def apply(self, *values: Any) -> Any:
        """The results for arrays."""
        return np.abs(values[0])

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        low, high = ranges[0]
        return max(low, -high, 0.0), max(-low, high)


def _as_plain_kind(type_: Type) -> Type:
    """Int and duration stay; decimals become floats; the unit stays."""
    if type_.kind is Kind.DURATION:
        return DURATION
    return (INT if type_.kind is Kind.INT else FLOAT).with_unit(type_.unit)


@FUNCTIONS.register
class Sign(Function):
    """The sign of a quantity."""

    name = "sign"
    summary = "-1, 0 or 1."
    signature = "sign(x: number) -> int"
    example = ("sign(-2.5)", "-1")
    parameter_names = ("x",)

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        wrong = expect(arguments, 0, QUANTITIES, "a quantity") or expect_interval(arguments, 0)
        return wrong or INT

    def constant(self, *values: Any) -> int:
        """The result for constants."""
        return int(values[0] > 0) - int(values[0] < 0)

    def apply(self, *values: Any) -> NDArray[np.int64]:
        """The results for arrays."""
        signs: NDArray[np.int64] = np.sign(values[0]).astype(np.int64)
        return signs

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        low, high = ranges[0]
        return float(self.constant(low)), float(self.constant(high))


class _Extreme(Function):
    """The smallest or largest of several values of one kind."""

    parameter_names = ("a", "b")
    is_variadic = True
    same_unit = True
    is_least: ClassVar[bool]

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        for at in range(len(arguments)):
            wrong = expect(arguments, at, ORDERED, "a value with an order")
            if wrong:
                return wrong
        return common_type(arguments)

    def constant(self, *values: Any) -> Any:
        """The result for constants."""
        result = min(values) if self.is_least else max(values)
        return float(result) if any(isinstance(value, float) for value in values) else result

    def apply(self, *values: Any) -> Any:
        """The results for arrays."""
        return reduce(np.minimum if self.is_least else np.maximum, values)

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        pick = min if self.is_least else max
        return pick(low for low, _ in ranges), pick(high for _, high in ranges)


@FUNCTIONS.register
class Min(_Extreme):
    """The least of its arguments."""

    name = "min"
    summary = "The least of two or more values; null if any is null."
    signature = "min(a, b, …) -> like a"
    example = ("min(3, 2, 5)", "2")
    is_least = True


@FUNCTIONS.register
class Max(_Extreme):
    """The greatest of its arguments."""

    name = "max"
    summary = "The greatest of two or more values; null if any is null."
    signature = "max(a, b, …) -> like a"
    example = ("max(3, 2, 5)", "5")
    is_least = False


class _Division(Function):
    """Division with a remainder, of two quantities of one dimension."""

    parameter_names = ("a", "b")
    same_unit = True

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        for at in (0, 1):
            wrong = expect(arguments, at, QUANTITIES, "a quantity") or expect_interval(
                arguments, at
            )
            if wrong:
                return wrong
        return common_quantity(arguments)


@FUNCTIONS.register
class Mod(_Division):
    """The remainder of floored division."""

    name = "mod"
    summary = (
        "What is left of a after taking away b as often as `div(a, b)` says; "
        "it has the sign of b. Null where b = 0."
    )
    signature = "mod(a: number, b: number) -> number"
    example = ("mod(-7, 3)", "2")

    def constant(self, *values: Any) -> Any:
        """The result for constants."""
        a, b = values
        return a % b if b != 0 else None

    def apply(self, *values: Any) -> Any:
        """The results for arrays."""
        a, b = np.asarray(values[0]), np.asarray(values[1])
        is_int = a.dtype.kind == b.dtype.kind == "i"
        with np.errstate(all="ignore"):
            result = np.mod(a, b)
        return np.where(b == 0, NO_VALUE, result) if is_int and not b.all() else result

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        low, high = ranges[1]
        return min(low, 0.0), max(high, 0.0)


@FUNCTIONS.register
class Div(_Division):
    """The quotient of floored division."""

    name = "div"
    summary = "How many whole times b goes into a: floor(a / b), exactly. Null where b = 0."
    signature = "div(a: number, b: number) -> int"
    example = ("div(-7, 3)", "-3")

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        found = super().infer(*arguments)
        return found if isinstance(found, Misuse) else INT

    def constant(self, *values: Any) -> int | None:
        """The result for constants."""
        a, b = values
        return within(a // b) if b != 0 else None

    def apply(self, *values: Any) -> NDArray[np.int64]:
        """The results for arrays."""
        a, b = np.asarray(values[0]), np.asarray(values[1])
        with np.errstate(all="ignore"):
            result = np.floor_divide(a, b)
        if result.dtype.kind == "f":
            return to_whole(result)
        return np.where(b == 0, NO_VALUE, result) if not b.all() else result

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        (low, high), (least, most) = ranges
        if least <= 0 <= most:
            return EVERYTHING
        corners = [a / b for a in (low, high) for b in (least, most)]
        if not all(math.isfinite(corner) for corner in corners):
            return EVERYTHING
        # Floats may divide to a whole number that the exact quotient only comes near to.
        return float(math.floor(min(corners)) - 1), float(math.floor(max(corners)) + 1)
