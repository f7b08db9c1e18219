"""Inverting a cdf that has no closed inverse: continuous by Newton's method, counts by steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from synthdsl.distributions._rows import take_rows
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

MOST_STEPS = 200
FEW_STEPS = 40
TOLERANCE = 4e-16


def invert_continuous(
    log_level: Any,
    start: Any,
    log_tail: Callable[..., Any],
    log_density: Callable[..., Any],
    params: tuple[Any, ...],
    low: Any,
    high: Any,
) -> Any:
    """The z with log_tail(z, *params) = log_level, where `log_tail` is a log cdf.

    Newton's method on the log (nearly straight in a tail), inside a bracket that shrinks with
    every step and is bisected whenever a step would leave it. `start`, `low` and `high` are
    scalars or arrays; the result has the shape of all of them together, and converges to
    about 4e-16 relative or until the bracket cannot shrink.
    """
    shape = np.broadcast_shapes(
        *(np.shape(value) for value in (log_level, start, low, high, *params))
    )
    full = [
        np.array(np.broadcast_to(value, shape), dtype=float).reshape(-1)
        for value in (log_level, start, low, high, *params)
    ]
    level, z, left, right = full[:4]
    rest = tuple(full[4:])
    result = z.copy()
    at = np.arange(z.size)
    reach = np.ones(z.size)
    previous = np.full(z.size, np.inf)
    for _ in range(MOST_STEPS):
        value = log_tail(z, *rest)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            step = (value - level) * np.exp(value - log_density(z, *rest))
            following = z - step
        is_above = value > level
        right = np.where(is_above, z, right)
        left = np.where(is_above, left, z)
        with np.errstate(invalid="ignore", over="ignore"):
            middle = 0.5 * (left + right)
        middle = np.where(np.isinf(left), z - reach, middle)
        middle = np.where(np.isinf(right), z + reach, middle)
        is_inside = (following > left) & (following < right) & np.isfinite(following)
        reach = np.where(is_inside, reach, 2 * reach)
        following = np.where(is_inside, following, middle)
        with np.errstate(invalid="ignore"):
            is_done = np.abs(step) <= TOLERANCE * np.abs(z)
            is_done |= (right - left) <= TOLERANCE * np.abs(z)
            is_done |= np.abs(value - level) <= 2.3e-16 * np.maximum(1.0, np.abs(level))
            is_done |= following == z
            # Steps that stop shrinking are the tail's own rounding.
            is_done |= (np.abs(step) < 1e-9 * np.abs(z)) & (np.abs(step) > 0.5 * previous)
        previous = np.abs(step)
        result[at] = np.where(is_done, z, following)
        keep = np.flatnonzero(~is_done)
        if keep.size == 0:
            break
        at, z, level, reach = at[keep], following[keep], level[keep], reach[keep]
        left, right, previous = left[keep], right[keep], previous[keep]
        rest = tuple(value[keep] for value in rest)
    return result.reshape(shape)[()]


class CountSearch:
    """Exact inversion of a count distribution from a good guess, in steps of one.

    `tail(k, *params)` is the cdf, or the survival function if `is_upper`; `mass` its
    probability mass; `ratio(k, *params)` is mass(k) / mass(k - 1). Steps add or subtract masses
    that follow from each other by the ratio; rows that a few dozen steps do not settle are
    bracketed and bisected on the tail itself.
    """

    def __init__(
        self,
        tail: Callable[..., Any],
        mass: Callable[..., Any],
        ratio: Callable[..., Any],
        *,
        is_upper: bool,
    ) -> None:
        self.tail = tail
        self.mass = mass
        self.ratio = ratio
        self.is_upper = is_upper

    def _is_reached(self, tail: Any, level: Any) -> Any:
        return tail <= level if self.is_upper else tail >= level

    def find(self, level: Any, start: Any, low: Any, high: Any, params: tuple[Any, ...]) -> Any:
        """Smallest k in [low, high] that reaches `level`: cdf >= level, or survival <= level.

        All arguments are (n,) arrays or scalars, `start` and `level` (n,).
        """
        rows = len(level)
        low, high = np.broadcast_to(low, rows), np.broadcast_to(high, rows)
        k = np.clip(start, low, high)
        at = np.arange(rows)
        for _ in range(4):
            now = take_rows(params, at, rows)
            k[at], is_sure, is_lost = self._walk(level[at], k[at], low[at], high[at], now)
            if is_lost.any():
                lost = at[is_lost]
                k[lost] = self._bisect(
                    level[lost], low[lost], high[lost], take_rows(params, lost, rows)
                )
            at = at[~(is_sure | is_lost)]
            if at.size == 0:
                break
        return k

    def _walk(self, level: Any, k: Any, low: Any, high: Any, params: tuple[Any, ...]) -> Any:
        """Walk up to the level, then down; also whether each row is certain, or lost.

        A row is certain unless its tail changed so much on the way that rounding may count.
        """
        rows = len(level)
        first = self.tail(k, *params)
        mass = self.mass(k, *params)
        is_reached = self._is_reached(first, level) | (k >= high)
        result = k.copy()
        last = first.copy()
        is_lost = np.zeros(rows, dtype=bool)
        sign = -1.0 if self.is_upper else 1.0
        for is_down in (False, True):
            at = np.flatnonzero(is_reached if is_down else ~is_reached)
            here, value, weight = k[at], first[at], mass[at]
            for _ in range(FEW_STEPS):
                if at.size == 0:
                    break
                now = take_rows(params, at, rows)
                if is_down:
                    before = value - sign * weight
                    keep = self._is_reached(before, level[at]) & (here > low[at])
                    with np.errstate(divide="ignore", invalid="ignore"):
                        weight = weight / self.ratio(here, *now)
                    here, value = here - 1, before
                    at, here, value, weight = at[keep], here[keep], value[keep], weight[keep]
                    result[at], last[at] = here, value
                else:
                    here = here + 1
                    weight = weight * self.ratio(here, *now)
                    value = value + sign * weight
                    result[at], last[at] = here, value
                    keep = ~self._is_reached(value, level[at]) & (here < high[at])
                    at, here, value, weight = at[keep], here[keep], value[keep], weight[keep]
            is_lost[at] = True
        ratio = np.maximum(first, 1e-300) / np.maximum(last, 1e-300)
        is_sure = (result == k) | ((ratio < 30) & (ratio > 1 / 30))
        return result, is_sure, is_lost

    def _bisect(self, level: Any, low: Any, high: Any, params: tuple[Any, ...]) -> Any:
        """Double from `low` to a bracket, then halve it."""
        left = low - 1.0
        right = np.minimum(low + 1.0, high)
        rows = len(level)
        for _ in range(1100):
            short = ~self._is_reached(self.tail(right, *params), level) & (right < high)
            if not short.any():
                break
            left = np.where(short, right, left)
            right = np.where(short, np.minimum(low + 2 * (right - low), high), right)
        for _ in range(1100):
            middle = np.floor(0.5 * (left + right))
            at = np.flatnonzero((middle > left) & (middle < right))
            if at.size == 0:
                break
            is_reached = self._is_reached(
                self.tail(middle[at], *take_rows(params, at, rows)), level[at]
            )
            right[at] = np.where(is_reached, middle[at], right[at])
            left[at] = np.where(is_reached, left[at], middle[at])
        return right
