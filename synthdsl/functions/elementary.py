"""Exponentials, logarithms, inverse links, circular functions: plain numbers to plain numbers.

Outside its domain, and where the result overflows a double, a function has no value (null).
`constant` and `apply` may differ in the last bits, as libraries' `exp` and friends do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from synthdsl.functions._arguments import expect, expect_interval, expect_plain
from synthdsl.functions._ranges import INFINITY, increasing, widened
from synthdsl.functions.base import (
    EVERYTHING,
    FUNCTIONS,
    Argument,
    Function,
    Misuse,
    Range,
)
from synthdsl.lazy import lazy
from synthdsl.values.types import FLOAT, NUMBERS, Type
from synthdsl.values.units import UnitError, power

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy import special
else:
    np = lazy("numpy")
    special = lazy("scipy.special")

_HALF = 0.5
_ROOT_HALF = math.sqrt(0.5)


class _Elementary(Function):
    """A function of one plain number; members say how it is computed for one and for many."""

    parameter_names = ("x",)
    plain_arguments = True
    domain: ClassVar[Range] = EVERYTHING
    image: ClassVar[Range] = EVERYTHING
    is_monotone: ClassVar[bool] = True

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        wrong = expect(arguments, 0, NUMBERS, "a number") or expect_plain(arguments, 0)
        return wrong or FLOAT

    def constant(self, *values: Any) -> float | None:
        """The result for constants."""
        x = float(values[0])
        if not self.domain[0] <= x <= self.domain[1]:
            return None
        try:
            result = self.one(x)
        except (ArithmeticError, ValueError):
            return None
        return result if math.isfinite(result) else None

    def apply(self, *values: Any) -> NDArray[np.float64]:
        """The results for arrays."""
        with np.errstate(all="ignore"):
            result = np.asarray(self.many(values[0]), dtype=np.float64)
        # One pass finds out whether the pass that replaces infinities is needed.
        if np.isinf(result).any():
            result = np.where(np.isinf(result), np.nan, result)
        return result

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        if not self.is_monotone:
            return self.image
        return increasing(self.one, self.domain, self.image)(ranges[0])

    def one(self, x: float) -> float:
        """The result for a number inside the domain."""
        raise NotImplementedError

    def many(self, x: Any) -> Any:
        """The results for an array; not finite where there is none."""
        raise NotImplementedError


@FUNCTIONS.register
class Exp(_Elementary):
    """The exponential."""

    name = "exp"
    summary = "e to the power x; also the inverse of the log link."
    signature = "exp(x: float) -> float"
    example = ("exp(0)", "1.0")
    image = (0.0, INFINITY)

    def one(self, x: float) -> float:
        """The result for one number."""
        return math.exp(x)

    def many(self, x: Any) -> Any:
        """The results for an array."""
        return np.exp(x)


class _Logarithm(_Elementary):
    domain = (0.0, INFINITY)
    ufunc: ClassVar[str]
    scalar: ClassVar[Callable[[float], float]]

    def one(self, x: float) -> float:
        """The result for one number."""
        return type(self).scalar(x)

    def many(self, x: Any) -> Any:
        """The results for an array."""
        return getattr(np, self.ufunc)(x)


@FUNCTIONS.register
class Log(_Logarithm):
    """The natural logarithm."""

    name = "log"
    summary = "Natural logarithm; null unless x > 0."
    signature = "log(x: float) -> float"
    example = ("log(1)", "0.0")
    ufunc, scalar = "log", math.log


@FUNCTIONS.register
class Log10(_Logarithm):
    """The common logarithm."""

    name = "log10"
    summary = "Logarithm to base 10; null unless x > 0."
    signature = "log10(x: float) -> float"
    example = ("log10(1000)", "3.0")
    ufunc, scalar = "log10", math.log10


@FUNCTIONS.register
class Log2(_Logarithm):
    """The binary logarithm."""

    name = "log2"
    summary = "Logarithm to base 2; null unless x > 0."
    signature = "log2(x: float) -> float"
    example = ("log2(8)", "3.0")
    ufunc, scalar = "log2", math.log2


@FUNCTIONS.register
class Sqrt(_Elementary):
    """The square root; the only one here that takes a unit, and halves it."""

    name = "sqrt"
    summary = "Square root, in the root of the unit; null where x < 0."
    signature = "sqrt(x: float) -> float"
    example = ("sqrt(2.25)", "1.5")
    plain_arguments = False
    domain = image = (0.0, INFINITY)

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        wrong = expect(arguments, 0, NUMBERS, "a number") or expect_interval(arguments, 0)
        if wrong:
            return wrong
        try:
            return FLOAT.with_unit(power(arguments[0].type.unit, Fraction(1, 2)))
        except UnitError as error:
            return Misuse(error.message, 0, error.help)

    def one(self, x: float) -> float:
        """The result for one number."""
        return math.sqrt(x)

    def many(self, x: Any) -> Any:
        """The results for an array."""
        return np.sqrt(x)


_LEAST_EXPONENT = -708.0
"""The logarithm of about the least number of full precision."""


@FUNCTIONS.register
class Expit(_Elementary):
    """The logistic function."""

    name = "expit"
    summary = "1 / (1 + exp(-x)), the inverse of the logit link: a probability."
    signature = "expit(x: float) -> float"
    example = ("expit(0)", "0.5")
    image = (0.0, 1.0)

    def one(self, x: float) -> float:
        """The result for one number."""
        if x < _LEAST_EXPONENT:
            # beyond full precision arrays of some processors give 0
            return 0.0
        if x < 0:
            small = math.exp(x)
            return small / (1 + small)
        return 1 / (1 + math.exp(-x))

    def many(self, x: Any) -> Any:
        """The results for an array."""
        return np.where(np.less(x, _LEAST_EXPONENT), 0.0, special.expit(x))


@FUNCTIONS.register
class Logit(_Elementary):
    """The log odds."""

    name = "logit"
    summary = "log(p / (1 - p)), the log odds of a probability; null unless 0 < p < 1."
    signature = "logit(p: float) -> float"
    example = ("logit(0.5)", "0.0")
    parameter_names = ("p",)
    domain = (0.0, 1.0)

    def one(self, x: float) -> float:
        """The result for one number."""
        # Near 1/2 the quotient's logarithm cancels; log1p does not.
        if 0.25 < x < 0.75:
            return math.log1p((x - _HALF) * 2 / (1 - x))
        return math.log(x / (1 - x))

    def many(self, x: Any) -> Any:
        """The results for an array."""
        return special.logit(x)


@FUNCTIONS.register
class Probit(_Elementary):
    """The standard normal distribution function, as the inverse of the probit link."""

    name = "probit"
    summary = (
        "The standard normal distribution function of x, that is the inverse of the probit "
        "link: a probability. (As `expit` is for logit. It is not the normal quantile.)"
    )
    signature = "probit(x: float) -> float"
    example = ("probit(0)", "0.5")
    image = (0.0, 1.0)

    def one(self, x: float) -> float:
        """The result for one number."""
        return 0.5 * math.erfc(-x * _ROOT_HALF)

    def many(self, x: Any) -> Any:
        """The results for an array."""
        return special.ndtr(x)

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        low, high = super().bounds(*ranges)
        # Deep in the tails erfc and ndtr agree to about 1e-13 of the value only.
        return widened(low * (1 - 1e-12), high * (1 + 1e-12), self.image)


class _Circular(_Elementary):
    is_monotone = False
    image = (-1.0, 1.0)
    ufunc: ClassVar[str]
    scalar: ClassVar[Callable[[float], float]]

    def one(self, x: float) -> float:
        """The result for one number."""
        return type(self).scalar(x)

    def many(self, x: Any) -> Any:
        """The results for an array."""
        return getattr(np, self.ufunc)(x)


@FUNCTIONS.register
class Sin(_Circular):
    """The sine."""

    name = "sin"
    summary = "Sine of an angle in radians (or any unit of angle)."
    signature = "sin(x: float) -> float"
    example = ("sin(0)", "0.0")
    ufunc, scalar = "sin", math.sin


@FUNCTIONS.register
class Cos(_Circular):
    """The cosine."""

    name = "cos"
    summary = "Cosine of an angle in radians (or any unit of angle)."
    signature = "cos(x: float) -> float"
    example = ("cos(0)", "1.0")
    ufunc, scalar = "cos", math.cos


@FUNCTIONS.register
class Tan(_Circular):
    """The tangent."""

    name = "tan"
    summary = "Tangent of an angle in radians (or any unit of angle)."
    signature = "tan(x: float) -> float"
    example = ("tan(0)", "0.0")
    image = EVERYTHING
    ufunc, scalar = "tan", math.tan


@FUNCTIONS.register
class Pi(Function):
    """The circle's constant, for seasons: sin(2 * pi() * day_of_year(x) / 365.25)."""

    name = "pi"
    summary = "The ratio of a circle's circumference to its diameter."
    signature = "pi() -> float"
    example = ("round(pi(), 5)", "3.14159")
    parameter_names = ()

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        return FLOAT

    def constant(self, *values: Any) -> float:
        """The result for constants."""
        return math.pi

    def apply(self, *values: Any) -> NDArray[np.float64]:
        """The results for arrays."""
        return np.array([math.pi])

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        return math.pi, math.pi
