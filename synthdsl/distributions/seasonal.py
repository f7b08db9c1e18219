"""Moments that are likelier at some times of the year, the week and the day."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from synthdsl.distributions._calendar_rates import HOUR, HOURS, CalendarRates, calendar_rates
from synthdsl.distributions._grid_uniform import whole_down, whole_up
from synthdsl.distributions.base import (
    DISTRIBUTIONS,
    Distribution,
    Form,
    Parameter,
    Requirement,
    Role,
)
from synthdsl.lazy import lazy
from synthdsl.values.types import DAY

if TYPE_CHECKING:
    import numpy as np

    from synthdsl.distributions.base import Floats
else:
    np = lazy("numpy")

EVEN = 1.0
"""Stands for a list of rates that is not given: all are the same."""
LENGTHS = {"months": 12, "weekdays": 7, "hours": 24}
ENDS = (
    Parameter("from", Role.LOCATION, summary="first date or moment"),
    Parameter("to", Role.LOCATION, summary="last date or moment"),
)
LISTS = (
    Parameter("months", Role.LIST, default=EVEN, summary="12 rates, January first"),
    Parameter("weekdays", Role.LIST, default=EVEN, summary="7 rates, Monday first"),
    Parameter("hours", Role.LIST, default=EVEN, summary="24 rates, from midnight"),
)
SOUGHT = 1e-9
"""How far a moment may miss the grid, in steps."""


def _up(steps: Any) -> Any:
    return whole_up(steps) if isinstance(steps, float) else np.ceil(steps - SOUGHT)


def _down(steps: Any) -> Any:
    return whole_down(steps) if isinstance(steps, float) else np.floor(steps + SOUGHT)


def _rates(name: str, given: Any) -> tuple[float, ...]:
    if isinstance(given, int | float):
        return (EVEN,) * LENGTHS[name]
    return tuple(float(rate) for rate in given)


def _are_rates(given: Any, name: str) -> bool:
    rates = _rates(name, given)
    is_fine = all(0 <= rate < math.inf for rate in rates) and any(rate > 0 for rate in rates)
    return is_fine and len(rates) == LENGTHS[name]


def _list_requirement(place: int, name: str) -> Requirement:
    return Requirement(
        f"{LENGTHS[name]} rates in {name}, none negative and not all 0",
        lambda low, high, *lists: _are_rates(lists[place], name),
    )


@DISTRIBUTIONS.register
class Seasonal(Distribution):
    """A date or moment whose rate is the product of those of its month, weekday and hour.

    Canonical parameters: first and last value, and a tuple of relative rates each for months,
    weekdays and hours. On a grid a value has the weight of the step that it begins, and both ends
    are values; without one the values are the moments themselves. The registered instance is that
    of moments in microseconds without a grid.
    """

    name = "seasonal"
    summary = "dates and times by relative rates of months, weekdays and hours"
    source = "Lewis, Shedler, Simulation of nonhomogeneous Poisson processes by thinning, 1979"
    example = "seasonal(2025-01-01, 2025-12-31, months: [4, 3, 2, 1, 1, 1, 1, 1, 1, 2, 3, 4])"
    is_point = True
    is_calendar = True
    is_monotone_in = (True, True, False, False, False)
    has_monotone_ratio_in = (True, True, False, False, False)

    def __init__(self, day: int = DAY, step: Fraction = Fraction(0)) -> None:
        self._day = day
        self._numerator, self._denominator = step.numerator, step.denominator
        self._step = float(step)
        lists = LISTS if day > 1 else LISTS[:2]
        requirements = (
            Requirement("from <= to", lambda low, high, *rates: low <= high),
            *(_list_requirement(place, p.name) for place, p in enumerate(lists)),
            Requirement("a rate above 0 between from and to", self._is_possible),
        )
        self.forms = (Form((*ENDS, *lists), self._canonical, requirements),)  # type: ignore[misc]

    def on_clock(self, day: int) -> Distribution:
        """The distribution of values of which there are `day` a day."""
        return _on_clock(day, Fraction(0))

    def on_grid(self, step: Fraction) -> Distribution:
        """The distribution of the multiples of `step`."""
        return _on_clock(self._day, step)

    # parameters

    def _canonical(self, low: Any, high: Any, *lists: Any) -> tuple[Any, ...]:
        names = tuple(LENGTHS)
        given = (*lists, *(EVEN,) * (len(names) - len(lists)))
        rates = tuple(_rates(name, values) for name, values in zip(names, given, strict=True))
        if not self._step:
            return low, high, *rates
        scale = self._denominator / self._numerator
        return self._times_step(_up(low * scale)), self._times_step(_down(high * scale)), *rates

    def _times_step(self, steps: Any) -> Any:
        return steps * self._numerator / self._denominator

    def _is_possible(self, low: Any, high: Any, *lists: Any) -> Any:
        if not all(_are_rates(given, name) for given, name in zip(lists, LENGTHS, strict=False)):
            return False
        _, start, end = self._weights(*self._canonical(low, high, *lists))
        return start < end

    def _weights(self, *params: Any) -> tuple[CalendarRates, Any, Any]:
        """The rates, and the weights before the first value and up to the last."""
        first, last, *lists = params
        rates = calendar_rates(*lists)
        return rates, self._weight(rates, first), self._weight(rates, last, step=self._step)

    def _split(self, x: Any, step: float = 0.0) -> tuple[Any, Any]:
        """Whole days, and the share of the day, of a moment that is `step` later than `x`."""
        days = np.floor(np.divide(x, self._day))
        share = (x - days * self._day + step) / self._day
        # rounding, or the step, may reach another day
        more = np.floor(share)
        return days + more, share - more

    def _weight(self, rates: CalendarRates, x: Any, step: float = 0.0) -> Any:
        return rates.weight(*self._split(np.asarray(x, dtype=float), step))

    def _floor(self, x: Any) -> Any:
        """The last value up to `x`."""
        if not self._step:
            return np.asarray(x, dtype=float)
        steps = np.asarray(x, dtype=float) * (self._denominator / self._numerator)
        return self._times_step(np.floor(steps + SOUGHT))

    # the distribution

    def support(self, *params: Any) -> tuple[Any, Any]:
        """From the first value to the last."""
        return params[0], params[1]

    def quantile(self, u: Floats, *params: Any) -> Any:
        """The moment at which the share u of the weight has passed."""
        rates, start, end = self._weights(*params)
        return self._at(rates, start + u * (end - start), start, params)

    def survival_quantile(self, s: Floats, *params: Any) -> Any:
        """The moment at which the share s of the weight is left."""
        rates, start, end = self._weights(*params)
        return self._at(rates, end - s * (end - start), start, params)

    def _at(self, rates: CalendarRates, weight: Any, start: Any, params: tuple[Any, ...]) -> Any:
        # what is reached at the start itself may have been reached long before
        day, part = rates.day_at(np.maximum(weight, np.nextafter(start, np.inf)))
        if self._day == 1:
            x = day + (0.0 if self._step else part)
        else:
            hour, part = rates.hour_at(part)
            passed = part * HOUR
            if self._step:
                # a whole microsecond, so that no rounding reaches the next hour
                passed = np.clip(np.ceil(passed) - 1, 0, HOUR - 1)
            x = (day * HOURS + hour) * float(HOUR) + passed
        if self._step:
            scale = self._denominator / self._numerator
            x = self._times_step(np.floor(x * scale + SOUGHT))
        return np.clip(x, params[0], params[1])

    def cdf(self, x: Floats, *params: Any) -> Any:
        """Share of the weight up to x, the step that x begins included."""
        rates, start, end = self._weights(*params)
        passed = self._weight(rates, self._floor(self._near(x, params)), self._step) - start
        inside = np.clip(passed / (end - start), 0.0, 1.0)
        return np.where(np.less(x, params[0]), 0.0, np.where(np.less(x, params[1]), inside, 1.0))

    def survival(self, x: Floats, *params: Any) -> Any:
        """Share of the weight after x, the step that x begins left out."""
        rates, start, end = self._weights(*params)
        left = end - self._weight(rates, self._floor(self._near(x, params)), self._step)
        inside = np.clip(left / (end - start), 0.0, 1.0)
        return np.where(np.less(x, params[0]), 1.0, np.where(np.less(x, params[1]), inside, 0.0))

    def _near(self, x: Any, params: tuple[Any, ...]) -> Any:
        """`x`, if it is no further from the support than matters; infinity is not."""
        return np.clip(x, params[0] - self._day, params[1] + self._day)

    def log_density(self, x: Floats, *params: Any) -> Any:
        """Log of the share of a value on the grid, or of the share a microsecond without one;
        -inf between and beyond the values.
        """
        rates, start, end = self._weights(*params)
        near = np.asarray(self._near(x, params), dtype=float)
        with np.errstate(divide="ignore"):
            if self._step:
                value = self._floor(near)
                after = self._weight(rates, value, self._step)
                found = np.log(after - self._weight(rates, value)) - np.log(end - start)
                found = np.where(near - value <= 2 * SOUGHT * self._step, found, -np.inf)
            else:
                found = rates.log_rate(*self._split(near)) - np.log((end - start) * self._day)
        return np.where(np.less(x, params[0]) | np.greater(x, params[1]), -np.inf, found)

    def mean(self, *params: Any) -> Any:
        """The mean moment; on a grid to half a step, the middle of steps less half of one."""
        first, last, *lists = params
        start, end = self._split(first), self._split(last, self._step)
        mean, _ = calendar_rates(*lists).mean_and_sd(start, end)
        return (start[0] + mean) * self._day - self._step / 2

    def sd(self, *params: Any) -> Any:
        """The standard deviation of the moment, less what steps have inside."""
        first, last, *lists = params
        ends = self._split(first), self._split(last, self._step)
        sd = calendar_rates(*lists).mean_and_sd(*ends)[1] * self._day
        return np.sqrt(np.maximum(sd * sd - self._step**2 / 12, 0.0))


@lru_cache(maxsize=256)
def _on_clock(day: int, step: Fraction) -> Seasonal:
    """The one instance for values of which there are `day` a day, on the grid of `step`."""
    return Seasonal(day, step)
