"""Survival times built on another distribution: proportional hazards, and truncated baselines.

With hazards in a constant ratio r to a baseline's, survival is the baseline's to the power r:
S(t) = S0(t)^r, so that the quantile at level u is the baseline's at 1 - (1 - u)^(1/r).

Source: Cox 1972, "Regression models and life-tables"; Bender, Augustin, Blettner 2005,
"Generating survival times to simulate Cox proportional hazards models".
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from synthdsl.distributions._families import Standard
from synthdsl.distributions._rows import choose
from synthdsl.distributions.base import Distribution, Form, Parameter, Requirement, Role
from synthdsl.distributions.truncation import FAINT, Interval, interval_mass
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    from fractions import Fraction

    import numpy as np

    from synthdsl.distributions.base import Floats
else:
    np = lazy("numpy")

NAME = "proportional_hazards"
RATIO = Parameter(
    "ratio", Role.NUMBER, low=0.0, is_open_low=True, summary="hazard, relative to the baseline's"
)
BOUNDS = (Parameter("lowest", Role.LOCATION), Parameter("highest", Role.LOCATION))
SMALLEST = 5e-324
NODES = 241
WIDEST = 4.6
"""The range of the double exponential rule: levels down to about 1e-68 at either end."""
NEGLIGIBLE = 1e-7
"""Share of a moment that the outermost level may have; where it has more there is no moment."""


class _Built(Distribution):
    """What both distributions here share: a base, whose canonical parameters come last."""

    name = NAME
    summary = "survival of a baseline to the power of a ratio"
    source = "Cox, Regression models and life-tables, JRSS B 34 (1972)"
    example = "proportional_hazards(weibull(scale: 10, shape: 2), ratio: 1.5)"

    def __init__(self, base: Distribution) -> None:
        self.base = base
        self.is_point = base.is_point  # type: ignore[misc]
        self.is_number = base.is_number  # type: ignore[misc]
        self.has_slow_quantile = base.has_slow_quantile  # type: ignore[misc]

    def declared(self) -> Distribution:
        """What the base is declared as."""
        return self.base.declared()

    def mean(self, *params: Any) -> Any:
        """By the double exponential rule over levels; inf where it does not settle."""
        return self._moments(*params)[0]

    def sd(self, *params: Any) -> Any:
        """By the double exponential rule over levels; inf where it does not settle."""
        return self._moments(*params)[1]

    def _moments(self, *params: Any) -> tuple[Any, Any]:
        t = np.linspace(-WIDEST, WIDEST, NODES)
        angle = np.pi / 2 * np.sinh(t)
        small = 1 / (1 + np.exp(2 * np.abs(angle)))
        weight = np.pi * np.cosh(t) * small * (1 - small) * (t[1] - t[0])
        columns = tuple(np.reshape(p, (-1, 1)) if np.ndim(p) else p for p in params)
        shape = np.broadcast_shapes(*(np.shape(p) for p in params if not isinstance(p, tuple)))
        rows = max(int(np.prod(shape, dtype=int)), 1)
        flat = tuple(
            p if isinstance(p, tuple) else np.repeat(np.broadcast_to(p, (rows, 1)), NODES)
            for p in columns
        )
        level, is_low = np.tile(small, rows), np.tile(t < 0, rows)
        x = choose(is_low, self.quantile, self.survival_quantile, level, *flat)
        x = np.reshape(x, (rows, NODES))
        with np.errstate(invalid="ignore", over="ignore"):
            terms = x * weight
            mean = terms.sum(axis=1)
            squares = (x - mean[:, None]) ** 2 * weight
            variance = squares.sum(axis=1)
            ends = np.abs(terms[:, [0, -1]]).max(axis=1)
            mean = np.where(ends > NEGLIGIBLE * np.abs(terms).sum(axis=1), np.inf, mean)
            tails = squares[:, [0, -1]].max(axis=1)
            sd = np.where(tails > NEGLIGIBLE * variance, np.inf, np.sqrt(variance))
        return mean.reshape(shape)[()], sd.reshape(shape)[()]


class ProportionalHazards(_Built):
    """Survival of the base to the power of a ratio.

    Canonical parameters: ratio, then the base's.
    """

    def __init__(self, base: Distribution, form: Form) -> None:
        super().__init__(base)
        self.forms = (_wrapped(form, (RATIO,)),)  # type: ignore[misc]
        if base.is_monotone_in and base.declared().name != "beta":
            # by its moments a beta's parameters are not monotone in those given
            self.is_monotone_in = (True, *base.is_monotone_in)  # type: ignore[misc]

    def support(self, *params: Any) -> tuple[Any, Any]:
        """That of the base."""
        return self.base.support(*params[1:])

    def quantile(self, u: Floats, *params: Any) -> Any:
        """The base's quantile at 1 - (1 - u)^(1 / ratio)."""
        return self._at(np.log1p(-np.asarray(u, dtype=float)), *params)

    def survival_quantile(self, s: Floats, *params: Any) -> Any:
        """Where the base's survival is s^(1 / ratio)."""
        return self._at(np.log(np.asarray(s, dtype=float)), *params)

    def _at(self, log_survival: Any, ratio: Any, *params: Any) -> Any:
        """Where the log of survival is as given."""
        log_base = np.asarray(log_survival / ratio)
        level = np.maximum(-np.expm1(log_base), SMALLEST)
        result = choose(level <= 0.5, self._from_below, self._from_above, level, log_base, *params)
        return np.asarray(result, dtype=float)[()]

    def _from_below(self, level: Any, log_base: Any, *params: Any) -> Any:
        return self.base.quantile(level, *params)

    def _from_above(self, level: Any, log_base: Any, *params: Any) -> Any:
        base = self.base
        if isinstance(base, Standard) and base.has_log_tails:
            faint = np.less(log_base, np.log(FAINT))
            return choose(faint, self._far_above, self._near_above, log_base, *params)
        return self._near_above(log_base, *params)

    def _near_above(self, log_base: Any, *params: Any) -> Any:
        return self.base.survival_quantile(np.maximum(np.exp(log_base), SMALLEST), *params)

    def _far_above(self, log_base: Any, *params: Any) -> Any:
        assert isinstance(self.base, Standard)
        return self.base.log_survival_quantile(log_base, *params)

    def _log_survival(self, x: Any, *params: Any) -> Any:
        """Log of the base's survival, accurate in either tail."""
        if isinstance(self.base, Standard) and self.base.has_log_tails:
            return self.base.log_survival(x, *params)
        below = np.asarray(self.base.cdf(x, *params), dtype=float)
        with np.errstate(divide="ignore"):
            above = np.log(self.base.survival(x, *params))
            return np.where(below <= 0.5, np.log1p(-below), above)

    def cdf(self, x: Floats, *params: Any) -> Any:
        """One less the base's survival to the power of the ratio."""
        ratio, *inner = params
        return -np.expm1(ratio * self._log_survival(x, *inner))

    def survival(self, x: Floats, *params: Any) -> Any:
        """The base's survival to the power of the ratio."""
        ratio, *inner = params
        return np.exp(ratio * self._log_survival(x, *inner))

    def log_density(self, x: Floats, *params: Any) -> Any:
        """Log of the ratio times the base's hazard times survival."""
        ratio, *inner = params
        density = self.base.log_density(x, *inner)
        with np.errstate(invalid="ignore"):
            found = np.log(ratio) + (ratio - 1) * self._log_survival(x, *inner) + density
        return np.where(np.isneginf(density), -np.inf, found)


class Within(_Built):
    """The base given that its value, rounded to the grid of `step`, lies between two bounds.

    Canonical parameters: the ends before rounding, then the base's.
    """

    def __init__(self, base: Distribution, form: Form, step: Fraction | None) -> None:
        super().__init__(base)
        self._step = step
        if base.has_monotone_ratio_in and base.declared().name != "beta":
            self.is_monotone_in = (True, True, *base.has_monotone_ratio_in)  # type: ignore[misc]
        holds = Requirement("an interval in which the baseline falls", self._is_possible)
        self.forms = (_wrapped(form, BOUNDS, self._ends, holds),)  # type: ignore[misc]
        self._form = form

    def _ends(self, low: Any, high: Any) -> tuple[Any, Any]:
        if self._step is None:
            return low, high
        step = float(self._step)
        first = np.ceil(np.asarray(low, dtype=float) / step - 1e-9) * step
        last = np.floor(np.asarray(high, dtype=float) / step + 1e-9) * step
        # what rounds up at the upper end itself would leave the interval
        half = step / 2
        top = np.minimum(last + half * (1 - 2.0**-30), np.nextafter(last + half, -np.inf))
        return first - half, np.where(last < first, -np.inf, top)[()]

    def _is_possible(self, low: Any, high: Any, *values: Any) -> Any:
        ends = self._ends(low, high)
        return interval_mass(self.base, self._form.canonical(*values), *ends) > 0

    def support(self, *params: Any) -> tuple[Any, Any]:
        """What both the base's support and the interval hold."""
        low, high, *inner = params
        first, last = self.base.support(*inner)
        return np.maximum(low, first)[()], np.minimum(high, last)[()]

    def quantile(self, u: Floats, *params: Any) -> Any:
        """The base's truncated quantile."""
        low, high, *inner = params
        return Interval(self.base, tuple(inner), low, high).quantile(u)

    def survival_quantile(self, s: Floats, *params: Any) -> Any:
        """The base's truncated quantile, its level measured from above."""
        low, high, *inner = params
        s = np.asarray(s, dtype=float)
        return Interval(self.base, tuple(inner), low, high).quantile(1 - s, complement=s)

    def cdf(self, x: Floats, *params: Any) -> Any:
        """The share of the interval's mass up to x."""
        low, high, *inner = params
        part = interval_mass(self.base, tuple(inner), low, np.clip(x, low, high))
        return np.clip(part / interval_mass(self.base, tuple(inner), low, high), 0.0, 1.0)

    def survival(self, x: Floats, *params: Any) -> Any:
        """The share of the interval's mass above x."""
        low, high, *inner = params
        part = interval_mass(self.base, tuple(inner), np.clip(x, low, high), high)
        return np.clip(part / interval_mass(self.base, tuple(inner), low, high), 0.0, 1.0)

    def log_density(self, x: Floats, *params: Any) -> Any:
        """The base's, less the log of the interval's mass; -inf outside."""
        low, high, *inner = params
        mass = interval_mass(self.base, tuple(inner), low, high)
        inside = self.base.log_density(x, *inner) - np.log(mass)
        return np.where(np.less(x, low) | np.greater(x, high), -np.inf, inside)


def _wrapped(
    form: Form, more: tuple[Parameter, ...], first: Any = None, requirement: Any = None
) -> Form:
    """A form with `more` parameters in front, which `first` makes canonical."""
    count = len(more)

    def canonical(*values: Any) -> tuple[Any, ...]:
        front = values[:count] if first is None else first(*values[:count])
        return *front, *form.canonical(*values[count:])

    def of_rest(old: Requirement) -> Requirement:
        return Requirement(old.text, lambda *values: old.holds(*values[count:]))

    requirements = tuple(of_rest(old) for old in form.requirements)
    if requirement is not None:
        requirements += (requirement,)
    return Form((*more, *form.parameters), canonical, requirements)


@lru_cache(maxsize=256)
def proportional(base: Distribution, form: Form) -> ProportionalHazards:
    """The one instance on a base with parameters in a form of its."""
    return ProportionalHazards(base, form)


@lru_cache(maxsize=256)
def inside(base: Distribution, form: Form, step: Fraction | None) -> Within:
    """The one instance on a base with parameters in a form of its, and a grid."""
    return Within(base, form, step)
