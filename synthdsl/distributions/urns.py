"""Drawing without replacement: hypergeometric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthdsl.distributions._counts import Counts
from synthdsl.distributions._rows import take_rows
from synthdsl.distributions.base import DISTRIBUTIONS, Form, Parameter, Requirement, Role
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import scipy.special as special

else:
    np = lazy("numpy")
    special = lazy("scipy.special")


def _log_choose(n: Any, k: Any) -> Any:
    """Log of the binomial coefficient."""
    return -special.betaln(k + 1, n - k + 1) - np.log1p(n)


@DISTRIBUTIONS.register
class Hypergeometric(Counts):
    """Hypergeometric distribution; canonical parameters: population, successes, draws.

    The number of marked among `draws` taken without replacement from `population`, of which
    `successes` are marked. Tails are sums of masses that follow from each other, added from
    the far end of the nearer tail until they no longer count.
    """

    name = "hypergeometric"
    summary = "marked items in a sample without replacement"
    source = "Johnson, Kemp, Kotz, Univariate Discrete Distributions (3rd ed., 2005), ch. 6"
    example = "hypergeometric(population: 50, successes: 12, draws: 10)"
    forms = (
        Form(
            (
                Parameter("population", Role.COUNT, low=0.0, summary="items in all"),
                Parameter("successes", Role.COUNT, low=0.0, summary="marked items"),
                Parameter("draws", Role.COUNT, low=0.0, summary="items taken"),
            ),
            requirements=(
                Requirement(
                    "successes <= population",
                    lambda population, successes, draws: successes <= population,
                ),
                Requirement(
                    "draws <= population", lambda population, successes, draws: draws <= population
                ),
            ),
        ),
    )
    is_monotone_in = (True, True, True)
    has_monotone_ratio_in = (True, True, True)

    def support(self, *params: Any) -> tuple[Any, Any]:
        """From the draws that must be marked to all that can be."""
        population, successes, draws = params
        low = np.maximum(0.0, draws - (population - np.asarray(successes, dtype=float)))
        return low, np.minimum(successes, draws) * 1.0

    def _log_mass(self, k: Any, *params: Any) -> Any:
        population, successes, draws = params
        rest = population - successes
        misses = np.clip(draws - k, 0, rest)
        hits = np.clip(k, 0, successes)
        return (
            _log_choose(successes, hits)
            + _log_choose(rest, misses)
            - _log_choose(population, draws)
        )

    def _ratio(self, k: Any, *params: Any) -> Any:
        population, successes, draws = params
        top = (successes - k + 1) * (draws - k + 1)
        bottom = k * (population - successes - draws + k)
        with np.errstate(divide="ignore", invalid="ignore"):
            return top / np.asarray(bottom, dtype=float)

    def _tail_sum(self, k: Any, params: tuple[Any, ...], *, is_upper: bool) -> Any:
        """Sum of masses from k (down, or up if `is_upper`) to the end of the support."""
        shape = np.broadcast_shapes(np.shape(k), *(np.shape(value) for value in params))
        k = np.array(np.broadcast_to(k, shape), dtype=float).reshape(-1)
        rows = k.size
        now = tuple(np.broadcast_to(value, shape).reshape(-1) for value in params)
        total = self._mass(k, *now)
        low, high = self.support(*now)
        mass, at = total.copy(), np.arange(rows)
        while at.size:
            with np.errstate(divide="ignore", invalid="ignore"):
                if is_upper:
                    k = k + 1
                    mass = np.where(k > high, 0.0, mass * self._ratio(k, *now))
                else:
                    mass = np.where(k <= low, 0.0, mass / self._ratio(k, *now))
                    k = k - 1
            total[at] += mass
            keep = np.flatnonzero(mass > 1e-17 * total[at])
            size = at.size
            at, k, mass = at[keep], k[keep], mass[keep]
            now, low, high = (
                take_rows(now, keep, size),
                *take_rows((low, high), keep, size),
            )
        return total.reshape(shape)[()]

    def _split(self, k: Any, params: tuple[Any, ...], *, is_upper: bool) -> Any:
        """The asked tail directly where it is the nearer one, else as the complement."""
        shape = np.broadcast_shapes(np.shape(k), *(np.shape(value) for value in params))
        k = np.broadcast_to(k, shape).reshape(-1)
        now = tuple(np.broadcast_to(value, shape).reshape(-1) for value in params)
        is_low = k < np.asarray(self.mean(*now))
        _, high = self.support(*now)
        result = np.empty(k.size)
        at = np.flatnonzero(is_low)
        part = take_rows(now, at, k.size)
        below = self._tail_sum(k[at], part, is_upper=False)
        result[at] = 1 - below if is_upper else below
        at = np.flatnonzero(~is_low)
        part = take_rows(now, at, k.size)
        above = self._tail_sum(np.minimum(k[at] + 1, high[at]), part, is_upper=True)
        above = np.where(k[at] >= high[at], 0.0, above)
        result[at] = above if is_upper else 1 - above
        return np.clip(result, 0.0, 1.0).reshape(shape)[()]

    def _cdf(self, k: Any, *params: Any) -> Any:
        return self._split(k, params, is_upper=False)

    def _survival(self, k: Any, *params: Any) -> Any:
        return self._split(k, params, is_upper=True)

    def _skewness(self, *params: Any) -> Any:
        population, successes, draws = params
        sd = np.maximum(self.sd(*params), 1e-3)
        tilt = (population - 2 * np.asarray(successes)) * (population - 2 * np.asarray(draws))
        safe = np.maximum(population, 1.0)
        return tilt / (safe * np.maximum(safe - 2, 1.0) * sd)

    def mean(self, *params: Any) -> Any:
        """Draws times the share of marked items."""
        population, successes, draws = params
        return draws * (np.asarray(successes) / np.maximum(population, 1.0))

    def sd(self, *params: Any) -> Any:
        """Binomial sd times the finite population correction."""
        population, successes, draws = params
        size = np.maximum(population, 1.0)
        share = successes / size
        variance = draws * share * (1 - share) * (size - draws) / np.maximum(size - 1, 1.0)
        return np.sqrt(np.maximum(variance, 0.0))
