"""Rates that follow the calendar: by month, weekday and hour, cumulated from day to day.

The Gregorian calendar repeats after 400 years, which are whole weeks: one period of days says
what every other day's rate is.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

Rates = tuple[float, ...]

PERIOD = 146_097
"""Days in 400 years, a multiple of 7."""
THURSDAY = 3
"""The weekday of 1970-01-01, Monday being 0."""
HOURS = 24
HOUR = 3_600_000_000
"""Microseconds in an hour."""
GUIDES = 1 << 18
"""Parts of the period for which a first guess of the day is kept."""
MANY = 2_048
"""So many weights are worth the table of guesses."""
MOST_STEPS = 8
CELLS = 1 << 21
"""Days that moments are summed over at a time, for all rows together."""


class CalendarRates:
    """Relative rates of a moment by month, weekday and hour; each mean is scaled to about 1.

    Days count from 1970-01-01, fractions of one from midnight; `day_before` and the like take and
    return scalars or (n,) float64.
    """

    def __init__(self, months: Rates, weekdays: Rates, hours: Rates) -> None:
        day = np.arange(PERIOD)
        month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
        of_months, of_weekdays = (np.array(r) / max(r) for r in (months, weekdays))
        self.rates = of_months[month] * of_weekdays[(day + THURSDAY) % 7]
        self.below = np.concatenate([[0.0], np.cumsum(self.rates)])
        self.period = float(self.below[-1])
        self._days = np.flatnonzero(self.rates)
        self._edges = np.append(self.below[self._days], self.period)
        of_hours = np.array(hours) / sum(hours)
        # the last hour with a rate ends the day's share exactly
        self.within = np.minimum(np.concatenate([[0.0], np.cumsum(of_hours)]), 1.0)
        self.within[int(np.flatnonzero(of_hours)[-1]) + 1 :] = 1.0
        self.hours = of_hours
        edges = np.arange(HOURS + 1) / HOURS
        density = of_hours * HOURS
        self._first = np.concatenate([[0.0], np.cumsum(density * np.diff(edges**2) / 2)])
        self._second = np.concatenate([[0.0], np.cumsum(density * np.diff(edges**3) / 3)])

    # weights

    def rate(self, day: Any) -> Any:
        """The rate of whole days."""
        return self.rates[np.asarray(day).astype(np.int64) % PERIOD]

    def weight(self, day: Any, share: Any) -> Any:
        """What lies between 1970-01-01 and the moment at `share` of whole `day`."""
        turns, rest = np.divmod(np.asarray(day).astype(np.int64), PERIOD)
        return turns * self.period + self.below[rest] + self.rates[rest] * self.share_before(share)

    def share_before(self, share: Any) -> Any:
        """The part of a day's weight before `share` of the day."""
        hour = np.clip(np.floor(np.multiply(share, HOURS)), 0, HOURS - 1).astype(np.int64)
        return self.within[hour] + self.hours[hour] * (np.multiply(share, HOURS) - hour)

    def log_rate(self, day: Any, share: Any) -> Any:
        """Log of the weight a day at a moment; -inf where the rate is 0."""
        hour = np.clip(np.floor(np.multiply(share, HOURS)), 0, HOURS - 1).astype(np.int64)
        with np.errstate(divide="ignore"):
            return np.log(self.rate(day) * self.hours[hour] * HOURS)

    # moments of weights

    def day_at(self, weight: Any) -> tuple[Any, Any]:
        """The day in which a weight is reached, always one with a rate, and the part of its own
        weight that is reached, in (0, 1].
        """
        turns = np.ceil(np.divide(weight, self.period)) - 1
        rest = weight - turns * self.period
        # rounding may leave the period
        rest = np.clip(rest, 5e-324, self.period)
        number = self._number_at(rest)
        at = self._days[number]
        part = np.minimum((rest - self._edges[number]) / self.rates[at], 1.0)
        return turns * PERIOD + at, np.maximum(part, 5e-324)

    def _number_at(self, rest: Any) -> Any:
        """Which of the days with a rate a weight within the period falls in.

        An indexed search (Chen and Asau 1974): a table of first guesses, and a few steps on.
        """
        if np.size(rest) < MANY:
            return np.searchsorted(self._edges, rest, side="left") - 1
        first, steps = self._guide
        if steps > MOST_STEPS:
            return np.searchsorted(self._edges, rest, side="left") - 1
        guess = np.minimum(rest * (GUIDES / self.period), GUIDES - 1).astype(np.int64)
        number = first[guess]
        for _ in range(steps):
            number += self._edges[number + 1] < rest
        return number

    @cached_property
    def _guide(self) -> tuple[Any, int]:
        """For each equal part of the period a day at or before any in it, and how many days on
        the last one may lie.
        """
        # a little earlier, and later, than where rounding could put a weight
        start = np.maximum((np.arange(GUIDES + 1) - 1e-6) * (self.period / GUIDES), 5e-324)
        first = np.searchsorted(self._edges, start, side="left") - 1
        end = np.minimum(start[1:] + 2e-6 * (self.period / GUIDES), self.period)
        last = np.searchsorted(self._edges, end, side="left") - 1
        return first[:-1], int((last - first[:-1]).max())

    def hour_at(self, part: Any) -> tuple[Any, Any]:
        """The hour in which a part of a day's weight is reached, always one with a rate, and the
        share of it that has passed, in (0, 1].
        """
        hour = np.searchsorted(self.within, part, side="left") - 1
        return hour, np.minimum((part - self.within[hour]) / self.hours[hour], 1.0)

    # moments

    def mean_and_sd(self, start: tuple[Any, Any], end: tuple[Any, Any]) -> tuple[Any, Any]:
        """Mean and standard deviation in days, the mean counted from the start's midnight.

        `start` and `end`: whole days and the share of them that has passed.
        """
        (first, a), (last, b) = start, end
        first, a, last, b = np.broadcast_arrays(first, a, last, b)
        shape = first.shape
        first, a, last, b = (np.reshape(x, (-1, 1)) for x in (first, a, last, b))
        whole = int(np.max(last - first, initial=0)) + 1
        width = max(1, CELLS // max(first.size, 1))
        blocks = [np.arange(k, min(k + width, whole)) for k in range(0, whole, width)]
        mass: Any = 0.0
        mean: Any = 0.0
        for k in blocks:
            zeroth, one, _ = self._parts(first, a, last, b, k)
            mass = mass + zeroth.sum(axis=1)
            mean = mean + (one + k * zeroth).sum(axis=1)
        mean = mean / mass
        spread: Any = 0.0
        for k in blocks:
            zeroth, one, two = self._parts(first, a, last, b, k)
            off = k - mean[:, None]
            spread = spread + (two + 2 * off * one + off * off * zeroth).sum(axis=1)
        sd = np.sqrt(np.maximum(spread / mass, 0.0))
        return mean.reshape(shape)[()], sd.reshape(shape)[()]

    def _parts(self, first: Any, a: Any, last: Any, b: Any, k: Any) -> tuple[Any, Any, Any]:
        """Integrals of the rate times 1, s and s^2 over day number `k` from the first, s being the
        share of the day.
        """
        day = first + k
        rate = np.where(day <= last, self.rate(day), 0.0)
        low, high = np.where(k == 0, a, 0.0), np.where(day == last, b, 1.0)
        zeroth, first_, second = (
            rate * (self._integral(high, power) - self._integral(low, power)) for power in (0, 1, 2)
        )
        return zeroth, first_, second

    def _integral(self, share: Any, power: int) -> Any:
        """The integral of the day's density times s^power up to `share`."""
        if power == 0:
            return self.share_before(share)
        hour = np.clip(np.floor(share * HOURS), 0, HOURS - 1).astype(np.int64)
        whole = (self._first, self._second)[power - 1]
        order = power + 1
        edge = hour / HOURS
        return whole[hour] + self.hours[hour] * HOURS * (share**order - edge**order) / order


@lru_cache(maxsize=32)
def calendar_rates(months: Rates, weekdays: Rates, hours: Rates) -> CalendarRates:
    """The one instance for some rates."""
    return CalendarRates(months, weekdays, hours)
