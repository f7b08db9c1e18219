"""What a distribution is: named forms of parameters, quantile, cdf, density, moments.

A distribution is a class with one shared instance, registered by name. It holds no
parameters: every method takes them, already in *canonical* form, as scalars or (n,) arrays
that broadcast against the first argument. Methods must not modify their arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from synthdsl.registry import Family

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64] | float
    Params = tuple[Any, ...]

from synthdsl.values.draws import Draws


class Role(Enum):
    """How a parameter relates to the unit of the value drawn.

    With a value in `mm`: LOCATION is a point in mm (or a date, for a date), SPREAD an interval
    in mm, RATE is per mm, NUMBER, PROBABILITY and COUNT are plain, LIST is a list of plain
    numbers, POINTS a list of locations.
    """

    LOCATION = "location"
    SPREAD = "spread"
    RATE = "rate"
    NUMBER = "number"
    PROBABILITY = "probability"
    COUNT = "count"
    LIST = "list"
    POINTS = "points"


@dataclass(frozen=True)
class Parameter:
    """One parameter of a form.

    A value must lie in [`low`, `high`], without the ends where `is_open_low`/`is_open_high`.
    `default` None means required.
    """

    name: str
    role: Role
    low: float = float("-inf")
    high: float = float("inf")
    is_open_low: bool = False
    is_open_high: bool = False
    default: float | None = None
    summary: str = ""

    def range_text(self) -> str:
        """The allowed range in words, such as `above 0` or `in [0, 1]`; empty when any."""
        low, high = f"{self.low:g}", f"{self.high:g}"
        if self.low > float("-inf") and self.high < float("inf"):
            left = "(" if self.is_open_low else "["
            right = ")" if self.is_open_high else "]"
            return f"in {left}{low}, {high}{right}"
        if self.low > float("-inf"):
            return f"above {low}" if self.is_open_low else f"at least {low}"
        if self.high < float("inf"):
            return f"below {high}" if self.is_open_high else f"at most {high}"
        return ""


@dataclass(frozen=True)
class Requirement:
    """A condition between parameters of a form, such as low < high.

    `holds(*values)` gets the form's values in order, as Python floats or numpy arrays, and
    uses operators only, so that it works for both. `text` is what must be true.
    """

    text: str
    holds: Callable[..., Any]


@dataclass(frozen=True)
class Form:
    """One way to give the parameters; the first form of a distribution is the positional one.

    `canonical(*values)` turns this form's values (floats or arrays) into the distribution's
    canonical parameters; it must work for Python floats without importing numpy eagerly
    (use `synthdsl.lazy`).
    """

    parameters: tuple[Parameter, ...]
    canonical: Callable[..., tuple[Any, ...]] = lambda *values: values
    requirements: tuple[Requirement, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters in order."""
        return tuple(parameter.name for parameter in self.parameters)


class Distribution:
    """A univariate distribution.

    `is_discrete`: values are integers. `is_point`: a location family, whose value may be a
    point such as a date or a temperature; otherwise the value is an interval or a plain
    number (a duration may be gamma, a date may not). `is_number`: the value is always a plain
    number (counts, probabilities), whatever the field's unit. `is_calendar`: values are dates or
    datetimes. `has_slow_quantile`: worth a compile-time table when every parameter is constant.

    `is_monotone_in`: for each canonical parameter, whether the quantile at every level is
    monotone in it, the others fixed. `has_monotone_ratio_in`: whether the likelihood ratio is,
    so that the quantile of any truncation is monotone too (Shaked, Shanthikumar, Stochastic
    Orders, 2007, theorem 1.C.6). Empty: not known of any.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    forms: ClassVar[tuple[Form, ...]]
    example: ClassVar[str]
    is_discrete: ClassVar[bool] = False
    is_point: ClassVar[bool] = False
    is_number: ClassVar[bool] = False
    is_calendar: ClassVar[bool] = False
    has_slow_quantile: ClassVar[bool] = False
    is_monotone_in: ClassVar[tuple[bool, ...]] = ()
    has_monotone_ratio_in: ClassVar[tuple[bool, ...]] = ()

    def support(self, *params: Any) -> tuple[Floats, Floats]:
        """Ends of the support (possibly infinite), both included where finite."""
        raise NotImplementedError

    def quantile(self, u: Floats, *params: Any) -> Floats:
        """Smallest x with cdf(x) >= u, for u in (0, 1): (n,) float64, increasing in u."""
        raise NotImplementedError

    def survival_quantile(self, s: Floats, *params: Any) -> Floats:
        """X with survival(x) = s, for s in (0, 1), accurate for tiny s."""
        raise NotImplementedError

    def cdf(self, x: Floats, *params: Any) -> Floats:
        """P(X <= x), accurate in relative terms in the lower tail."""
        raise NotImplementedError

    def survival(self, x: Floats, *params: Any) -> Floats:
        """P(X > x), accurate in relative terms in the upper tail."""
        raise NotImplementedError

    def log_density(self, x: Floats, *params: Any) -> Floats:
        """Log of the density, or of the probability mass for a discrete distribution."""
        raise NotImplementedError

    def mean(self, *params: Any) -> Floats:
        """Expected value; nan where it does not exist."""
        raise NotImplementedError

    def sd(self, *params: Any) -> Floats:
        """Standard deviation; nan where it does not exist, inf where infinite."""
        raise NotImplementedError

    def on_clock(self, day: int) -> Distribution:
        """The distribution for dates or datetimes whose raw values count `day` to a day: this one,
        unless it follows the calendar.
        """
        return self

    def on_grid(self, step: Fraction) -> Distribution:
        """The distribution for a field on the grid of `step`, before rounding: this one, unless
        its values are defined by the grid.
        """
        return self

    def declared(self) -> Distribution:
        """The registered distribution inside whose support this one's lies: itself, unless it is
        built on another.
        """
        return self

    def sample(self, draws: Draws, *params: Any) -> Floats:
        """(n,) draws, one a row. By default one uniform through the quantile function.

        Override where inversion is slow and another exact method is fast (for parameters that
        vary by row); it must use `draws` only, keyed by attempt when it rejects.
        """
        return self.quantile(draws.uniform(), *params)


DISTRIBUTIONS: Family[Distribution] = Family("distribution", "synthdsl.distributions")
