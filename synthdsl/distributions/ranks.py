"""Ranks: zipf, over finitely many ranks or all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthdsl.distributions._counts import Counts
from synthdsl.distributions._inversion import CountSearch
from synthdsl.distributions._rows import take_rows
from synthdsl.distributions.base import DISTRIBUTIONS, Form, Parameter, Requirement, Role
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

else:
    np = lazy("numpy")

DIRECT = 12
"""Terms below this index are added one by one; above, Euler and Maclaurin's formula holds."""
INFINITY = float("inf")


def power_sum(exponent: Any, first: Any, last: Any) -> Any:
    """Sum of j ** -exponent for j from `first` to `last`, both included, in relative terms.

    `last` may be infinite where the exponent is above 1 (else the sum is infinite); the sum is
    0 where last < first. Terms up to 11 are added one by one, the rest follows from Euler and
    Maclaurin's formula with four corrections (NIST DLMF 2.10.1).
    """
    exponent, first, last = np.broadcast_arrays(
        np.asarray(exponent, dtype=float), np.asarray(first, dtype=float), np.asarray(last, float)
    )
    total = np.zeros(exponent.shape)
    for j in range(1, DIRECT):
        total += np.where((first <= j) & (j <= last), float(j) ** -exponent, 0.0)
    left = np.maximum(first, DIRECT)
    is_rest = last >= left
    if not is_rest.any():
        return total[()]
    right = np.where(is_rest, last, left)
    # The integral of x^-a from left to right is left^(1-a) * expm1((1-a) L) / (1-a).
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        spread = np.log(right / left)
        power = 1 - exponent
        grown = np.where(power == 0, spread, np.expm1(power * spread) / power)
        start = left**-exponent
        end = np.where(np.isinf(right), 0.0, right**-exponent)
        rest = left * start * grown + 0.5 * (start + end)
        term = exponent
        for order, weight in ((1, 1 / 12), (3, -1 / 720), (5, 1 / 30240), (7, -1 / 1209600)):
            far = np.where(np.isinf(right), 0.0, end / right**order)
            rest += weight * term * (start / left**order - far)
            term = term * (exponent + order) * (exponent + order + 1)
    return (total + np.where(is_rest, rest, 0.0))[()]


@DISTRIBUTIONS.register
class Zipf(Counts):
    """Zipf distribution on ranks 1 to n; canonical parameters: exponent, n (may be infinite).

    P(k) is proportional to k ** -exponent. Without n the exponent must be above 1.
    """

    name = "zipf"
    summary = "rank k has weight k to the power -exponent; ranks 1 to n, or all without n"
    source = "Johnson, Kemp, Kotz, Univariate Discrete Distributions (3rd ed., 2005), 11.2.20"
    example = "zipf(exponent: 1.1, n: 1000)"
    forms = (
        Form(
            (
                Parameter("exponent", Role.NUMBER, low=0.0, summary="how steep; 0 is even"),
                Parameter("n", Role.COUNT, low=1.0, default=INFINITY, summary="number of ranks"),
            ),
            requirements=(
                Requirement(
                    "exponent > 1, or n is given",
                    lambda exponent, n: (exponent > 1) | (n < INFINITY),
                ),
            ),
        ),
    )
    is_monotone_in = (True, True)
    has_monotone_ratio_in = (True, True)

    def support(self, *params: Any) -> tuple[Any, Any]:
        """From 1 to n."""
        return 1.0, params[1]

    def _cdf(self, k: Any, *params: Any) -> Any:
        exponent, n = params
        return np.minimum(power_sum(exponent, 1, k) / power_sum(exponent, 1, n), 1.0)

    def _survival(self, k: Any, *params: Any) -> Any:
        exponent, n = params
        return np.minimum(power_sum(exponent, k + 1, n) / power_sum(exponent, 1, n), 1.0)

    def _log_mass(self, k: Any, *params: Any) -> Any:
        exponent, n = params
        return -exponent * np.log(k) - np.log(power_sum(exponent, 1, n))

    def _ratio(self, k: Any, *params: Any) -> Any:
        return (1 - 1 / np.maximum(k, 1.0000001)) ** params[0]

    def _search(self, level: Any, params: tuple[Any, ...], *, is_upper: bool) -> Any:
        """Guess where the integral of x^-a over (k + 1/2, n + 1/2) leaves the right tail."""
        exponent, n = params
        whole = power_sum(exponent, 1, n)
        above = level if is_upper else 1 - level
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            power = 1 - np.asarray(exponent, dtype=float)
            edge = np.where(np.isinf(n) & (power < 0), 0.0, (n + 0.5) ** power)
            inner = edge - above * whole * power
            guess = np.where(
                np.abs(power) < 1e-9,
                (n + 0.5) * np.exp(-above * whole),
                np.maximum(inner, 0.0) ** (1 / np.where(power == 0, 1.0, power)),
            )
        start = np.ceil(np.clip(np.where(np.isfinite(guess), guess, 1e300) - 0.5, 1.0, n))
        tail = self._survival if is_upper else self._cdf
        search = CountSearch(tail, self._mass, self._ratio, is_upper=is_upper)
        # Beyond 2^36 the guess is exact to less than what sums of floats can tell.
        is_far = start > 2.0**36
        if is_far.any():
            return self._near(search, level, start, is_far, params)
        return search.find(level, start, 1.0, n, params)

    def _near(self, search: CountSearch, level: Any, start: Any, is_far: Any, params: Any) -> Any:
        result = np.array(start)
        at = np.flatnonzero(~is_far)
        if at.size:
            now = take_rows(params, at, is_far.size)
            result[at] = search.find(level[at], start[at], 1.0, now[1], now)
        return result

    def mean(self, *params: Any) -> Any:
        """Infinite for unbounded ranks with an exponent of at most 2."""
        exponent, n = params
        exponent = np.asarray(exponent, dtype=float)
        exists = (exponent > 2) | np.isfinite(n)
        top = power_sum(np.where(exists, exponent, 3.0) - 1, 1, n)
        return np.where(exists, top / power_sum(exponent, 1, n), INFINITY)

    def sd(self, *params: Any) -> Any:
        """Infinite for unbounded ranks with an exponent of at most 3; nan where the mean is."""
        exponent, n = params
        exponent = np.asarray(exponent, dtype=float)
        exists = (exponent > 3) | np.isfinite(n)
        square = power_sum(np.where(exists, exponent, 4.0) - 2, 1, n) / power_sum(exponent, 1, n)
        mean = np.asarray(self.mean(exponent, n))
        has_mean = np.isfinite(mean)
        variance = square - np.where(has_mean, mean, 0.0) ** 2
        finite = np.sqrt(np.maximum(np.where(exists, variance, 0.0), 0.0))
        return np.where(exists, finite, np.where(has_mean, INFINITY, np.nan))
