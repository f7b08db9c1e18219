"""Equally likely values of a grid whose step is not 1: datetimes, tenths, weeks."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from synthdsl.distributions.base import Distribution, Form, Parameter, Requirement, Role
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    from synthdsl.distributions.base import Floats
else:
    np = lazy("numpy")

ABSOLUTE = 1e-9
RELATIVE = 1e-15
"""How far an end may miss the grid, in steps and relative to it: 0.7 is on the grid of 0.1."""


def whole_up(x: Any) -> Any:
    """The least whole number from `x` on, a float; for floats and arrays alike."""
    return 0.0 - ((ABSOLUTE + RELATIVE * abs(x) - x) // 1)


def whole_down(x: Any) -> Any:
    """The greatest whole number up to `x`, a float; for floats and arrays alike."""
    return (x + (ABSOLUTE + RELATIVE * abs(x))) // 1 + 0.0


def grid_form(step: Fraction) -> Form:
    """The ends of an interval as the first and last value of the grid inside it."""
    numerator, denominator = step.numerator, step.denominator

    def in_steps(low: Any, high: Any) -> tuple[Any, Any]:
        scale = denominator / numerator
        return whole_up(low * scale), whole_down(high * scale)

    def canonical(low: Any, high: Any) -> tuple[Any, Any]:
        first, last = in_steps(low, high)
        return first * numerator / denominator, last * numerator / denominator

    def holds(low: Any, high: Any) -> Any:
        first, last = in_steps(low, high)
        return first <= last

    return Form(
        (
            Parameter("low", Role.LOCATION, summary="no value lies below it"),
            Parameter("high", Role.LOCATION, summary="no value lies above it"),
        ),
        canonical,
        (
            Requirement("low <= high", lambda low, high: low <= high),
            Requirement("a value of the field's grid between low and high", holds),
        ),
    )


@lru_cache(maxsize=1024)
def grid_uniform(like: Distribution, step: Fraction) -> GridUniform:
    """The one instance for a step, described as `like`."""
    return GridUniform(like, step)


class GridUniform(Distribution):
    """Uniform on the multiples of `step` from low to high; canonical parameters: the first and
    last of these.

    The cdf jumps at them: half a step to either side tells what rounds to one.
    """

    is_point = True
    is_monotone_in = (True, True)
    has_monotone_ratio_in = (True, True)

    def __init__(self, like: Distribution, step: Fraction) -> None:
        self.name = like.name  # type: ignore[misc]
        self.summary = like.summary  # type: ignore[misc]
        self.source = like.source  # type: ignore[misc]
        self.example = like.example  # type: ignore[misc]
        self.forms = (grid_form(step),)  # type: ignore[misc]
        self.step = step

    def _in_steps(self, x: Any) -> Any:
        return np.asarray(x, dtype=float) * (self.step.denominator / self.step.numerator)

    def _values(self, steps: Any) -> Any:
        """The floats nearest to whole numbers of steps."""
        return (steps + 0.0) * self.step.numerator / self.step.denominator

    def _first_and_count(self, low: Any, high: Any) -> tuple[Any, Any]:
        first, last = np.rint(self._in_steps(low)), np.rint(self._in_steps(high))
        return first, last - first + 1.0

    def support(self, *params: Any) -> tuple[Any, Any]:
        """From the first value to the last."""
        return params

    def quantile(self, u: Floats, *params: Any) -> Any:
        """The value in whose share of the unit interval u falls."""
        first, count = self._first_and_count(*params)
        return self._values(first + np.clip(np.ceil(count * u) - 1, 0.0, count - 1))

    def survival_quantile(self, s: Floats, *params: Any) -> Any:
        """The same, counted from the last value."""
        first, count = self._first_and_count(*params)
        return self._values(first + count - 1 - np.clip(np.floor(count * s), 0.0, count - 1))

    def _below(self, x: Any, first: Any, count: Any) -> Any:
        """How many values are at most x."""
        steps = self._in_steps(x)
        reached = np.floor(steps + (ABSOLUTE + RELATIVE * np.abs(steps)))
        return np.clip(reached - first + 1, 0.0, count)

    def cdf(self, x: Floats, *params: Any) -> Any:
        """Share of the values up to x."""
        first, count = self._first_and_count(*params)
        return self._below(x, first, count) / count

    def survival(self, x: Floats, *params: Any) -> Any:
        """Share of the values above x."""
        first, count = self._first_and_count(*params)
        return (count - self._below(x, first, count)) / count

    def log_density(self, x: Floats, *params: Any) -> Any:
        """Log of the probability of a value; -inf between and beyond them."""
        first, count = self._first_and_count(*params)
        steps = self._in_steps(x)
        at = np.rint(steps)
        is_value = np.abs(steps - at) <= ABSOLUTE + RELATIVE * np.abs(steps)
        is_value &= (at >= first) & (at < first + count)
        return np.where(is_value, -np.log(count), -np.inf)[()]

    def mean(self, *params: Any) -> Any:
        """The middle."""
        low, high = params
        return low + (high - low) / 2

    def sd(self, *params: Any) -> Any:
        """A step times the root of (count^2 - 1) / 12."""
        _, count = self._first_and_count(*params)
        return float(self.step) * np.sqrt((count - 1) * (count + 1) / 12)
