"""Truncation: a draw given that it lies in an interval, correct far into either tail.

An interval above the median is measured from above (by survival), any other from below, so
that masses and levels keep their relative accuracy. Where even those underflow, and the
distribution knows the logs of its tails, the logs are used. An interval too narrow for the
cdf to resolve is drawn from its density, which is straight across so small a width.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from synthdsl.distributions._families import Standard
from synthdsl.distributions._rows import choose, take_rows
from synthdsl.distributions.base import Distribution
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

else:
    np = lazy("numpy")

NARROW = 1e-6
"""Share of its tail below which an interval counts as narrow."""
FAINT = 1e-280
"""Tail probability below which logs take over."""
MOST_BELOW_ONE = 1 - 2.0**-53
CLOSE = 2.0**-20
"""Levels closer than this to the upper end are measured from above."""
STEPPED = frozenset({"uniform", "empirical", "discrete_uniform", "seasonal"})
"""Densities with jumps inside; their cdfs are straight or steps, so that nothing is lost."""


class Interval:
    """A truncation: probabilities of its ends from below and above, draws inside.

    Shapes follow bounds and parameters.
    """

    def __init__(
        self, distribution: Distribution, params: tuple[Any, ...], low: Any, high: Any
    ) -> None:
        self._distribution = distribution
        self._params = params
        low = np.asarray(-np.inf if low is None else low, dtype=float)
        high = np.asarray(np.inf if high is None else high, dtype=float)
        first, last = distribution.support(*params)
        self.low, self.high = np.maximum(low, first), np.minimum(high, last)
        before = low
        if distribution.is_discrete:
            self.low, self.high = np.ceil(self.low), np.floor(self.high)
            before = self.low - 1
        self.is_open = before <= first if not distribution.is_discrete else self.low <= first
        self.is_empty = self.low > self.high
        below: Any = np.zeros(np.shape(self.is_open))
        if not self.is_open.all():
            below = np.where(self.is_open, 0.0, distribution.cdf(before, *params))
        self.is_upper = below > 0.5
        self.start = below
        if self.is_upper.any():
            above = distribution.survival(before, *params)
            self.start = np.where(self.is_upper, above, below)
        is_unbounded = self.high >= last
        end: Any = np.where(self.is_upper, 0.0, 1.0)
        if not is_unbounded.all():
            inner = choose(
                self.is_upper, distribution.survival, distribution.cdf, self.high, *params
            )
            end = np.where(is_unbounded, end, inner)
        self.end = end
        with np.errstate(invalid="ignore"):
            mass = np.where(self.is_upper, self.start - self.end, self.end - self.start)
        self.mass = np.where(self.is_empty, 0.0, np.maximum(mass, 0.0))
        self.tail = np.where(self.is_upper, self.start, self.end)
        has_logs = isinstance(distribution, Standard) and distribution.has_log_tails
        self.is_faint = (self.tail < FAINT) & ~self.is_empty & has_logs
        self.is_narrow = np.zeros(np.shape(self.mass), dtype=bool)
        if not distribution.is_discrete and distribution.name not in STEPPED:
            self.is_narrow = (
                (self.mass < NARROW * self.tail)
                & ~self.is_faint
                & ~self.is_empty
                & np.isfinite(self.low)
                & np.isfinite(self.high)
            )
        self.is_plain = not (self.is_faint.any() or self.is_narrow.any())

    def probability(self) -> Any:
        """The mass of the interval."""
        mass = self.mass
        if self.is_narrow.any():
            left, right = self.low, self.high
            middle = left + (right - left) / 2
            heights = [
                np.exp(self._distribution.log_density(x, *self._params))
                for x in (left, middle, right)
            ]
            with np.errstate(invalid="ignore", over="ignore"):
                simpson = (right - left) / 6 * (heights[0] + 4 * heights[1] + heights[2])
            mass = np.where(self.is_narrow & np.isfinite(simpson), simpson, mass)
        return mass[()]

    def quantile(self, u: Any, *, complement: Any = None) -> Any:
        """Quantiles at `u` of what lies inside (see `truncated_quantile`)."""
        u = np.asarray(u, dtype=float)
        rest = 1 - u if complement is None else np.asarray(complement, dtype=float)
        distribution, params = self._distribution, self._params
        is_any_upper = bool(self.is_upper.any())
        if self.is_plain and (not is_any_upper or self.is_upper.all()):
            start, end = self.start, self.end
            result = _from_side(distribution, params, u, rest, start, end, is_any_upper)
        else:
            result = _by_rows(distribution, params, u, rest, self)
        return np.clip(result, self.low, np.maximum(self.high, self.low))

    def repeated(self, rows: int, times: int) -> Interval:
        """The same with each of its `rows` rows `times` times in a row."""
        result = copy(self)

        def each(value: Any) -> Any:
            return np.repeat(np.broadcast_to(value, rows), times)

        result.low, result.high, result.mass = each(self.low), each(self.high), each(self.mass)
        result.start, result.end = each(self.start), each(self.end)
        result.is_upper = each(self.is_upper)
        result.is_faint, result.is_narrow = each(self.is_faint), each(self.is_narrow)
        result._params = tuple(
            each(p) if isinstance(p, np.ndarray) and p.shape == (rows,) else p for p in self._params
        )
        return result


def interval_mass(distribution: Distribution, params: tuple[Any, ...], low: Any, high: Any) -> Any:
    """P(low <= X <= high), accurate in relative terms; bounds may be None or infinite.

    Scalar or (n,), as the bounds and parameters are. 0 where the interval is empty, or where
    its mass is below the smallest float.
    """
    return Interval(distribution, params, low, high).probability()


def level_interval(
    distribution: Distribution, params: tuple[Any, ...], low: Any, high: Any
) -> tuple[Any, Any]:
    """The levels of the ends of [low, high]: cdf from just below `low` to `high`."""
    interval = Interval(distribution, params, low, high)
    start = np.where(interval.is_upper, 1 - interval.start, interval.start)
    end = np.where(interval.is_upper, 1 - interval.end, interval.end)
    return start, end


def is_well_inside(
    distribution: Distribution, params: tuple[Any, ...], low: Any, high: Any
) -> bool:
    """Whether every interval holds so much that plain levels between its ends are accurate."""
    interval = Interval(distribution, params, low, high)
    return bool(interval.is_plain and (interval.mass > 1e-3).all())


def truncated_quantile(
    distribution: Distribution,
    params: tuple[Any, ...],
    u: Any,
    low: Any,
    high: Any,
    *,
    complement: Any = None,
) -> Any:
    """Quantile at `u` in (0, 1) of X given low <= X <= high; always inside the bounds.

    `u` is a scalar or (n,), the bounds scalars, (n,) or None, both ends included. `complement`
    is 1 - u where the caller knows it better than by subtraction. Where the interval has no
    mass (see `interval_mass`) the result has no meaning. Discrete values are whole floats.
    """
    return Interval(distribution, params, low, high).quantile(u, complement=complement)


def _from_side(
    distribution: Distribution,
    params: tuple[Any, ...],
    u: Any,
    rest: Any,
    start: Any,
    end: Any,
    is_upper: bool,
) -> Any:
    """Levels between the ends' probabilities, each measured from the nearer end."""
    if is_upper:
        # Survival falls from start to end: adding rest * mass to the end keeps small levels.
        level = end + rest * (start - end)
        return distribution.survival_quantile(np.maximum(level, 5e-324), *params)
    level = start + u * (end - start)
    if np.max(end, initial=0.0) <= 0.5:
        return distribution.quantile(np.maximum(level, 5e-324), *params)
    if np.min(rest, initial=1.0) < CLOSE:
        return _straddling(distribution, params, level, rest, start, end)
    return distribution.quantile(np.clip(level, 5e-324, MOST_BELOW_ONE), *params)


def _straddling(
    distribution: Distribution, params: tuple[Any, ...], level: Any, rest: Any, start: Any, end: Any
) -> Any:
    """As the lower side; but the last levels below the upper end are measured from above."""
    above = (1 - end) + rest * (end - start)
    low = distribution.quantile(np.clip(level, 5e-324, MOST_BELOW_ONE), *params)
    result = np.array(np.broadcast_to(low, above.shape))
    # an interval that ends below the median has nothing to gain there, and all to lose
    is_far = np.less(rest, CLOSE) & np.greater(end, 0.5)
    far = np.flatnonzero(np.broadcast_to(is_far, above.shape))
    if far.size:
        size = above.size
        flat = result.reshape(-1)
        flat[far] = distribution.survival_quantile(
            above.reshape(-1)[far], *take_rows(params, far, size)
        )
    return result


def _by_rows(
    distribution: Distribution, params: tuple[Any, ...], u: Any, rest: Any, interval: Interval
) -> Any:
    """Each row by the way that suits its interval."""
    shape = np.broadcast_shapes(np.shape(u), np.shape(interval.mass))
    rows = int(np.prod(shape, dtype=int))

    def flat(value: Any) -> Any:
        return np.broadcast_to(value, shape).reshape(rows)

    u, rest = flat(u), flat(rest)
    start, end = flat(interval.start), flat(interval.end)
    low, high = flat(interval.low), flat(interval.high)
    is_faint, is_narrow = flat(interval.is_faint), flat(interval.is_narrow)
    is_upper = flat(interval.is_upper)
    result = np.array(low)
    for side in (False, True):
        at = np.flatnonzero((is_upper == side) & ~is_faint & ~is_narrow)
        if at.size:
            result[at] = _from_side(
                distribution,
                take_rows(params, at, rows),
                u[at],
                rest[at],
                start[at],
                end[at],
                side,
            )
        at = np.flatnonzero(is_faint & (is_upper == side))
        if at.size:
            assert isinstance(distribution, Standard)
            now = take_rows(params, at, rows)
            result[at] = _by_logs(distribution, now, u[at], rest[at], low[at], high[at], side)
    at = np.flatnonzero(is_narrow)
    if at.size:
        now = take_rows(params, at, rows)
        result[at] = _by_density(distribution, now, u[at], low[at], high[at])
    return result.reshape(shape)


def _by_logs(
    distribution: Standard,
    params: tuple[Any, ...],
    u: Any,
    rest: Any,
    low: Any,
    high: Any,
    is_upper: bool,
) -> Any:
    """Levels on the log scale, for tails below the smallest float."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        if is_upper:
            top = distribution.log_survival(low, *params)
            bottom = distribution.log_survival(high, *params)
            share = u
        else:
            top = distribution.log_cdf(high, *params)
            bottom = distribution.log_cdf(low, *params)
            share = rest
        # log(exp(top) - share * (exp(top) - exp(bottom)))
        level = top + np.log1p(share * np.expm1(bottom - top))
        if is_upper:
            return distribution.log_survival_quantile(level, *params)
        return distribution.log_quantile(level, *params)


def _by_density(
    distribution: Distribution, params: tuple[Any, ...], u: Any, low: Any, high: Any
) -> Any:
    """Quantile of a density that runs straight from one end to the other."""
    left = distribution.log_density(low, *params)
    right = distribution.log_density(high, *params)
    with np.errstate(invalid="ignore", over="ignore"):
        slope = np.tanh(0.5 * (right - left))  # (f1 - f0) / (f1 + f0)
    slope = np.where(np.isfinite(slope), slope, 0.0)
    share = 2 * u / ((1 - slope) + np.sqrt((1 - slope) ** 2 + 4 * slope * u))
    return low + (high - low) * share
