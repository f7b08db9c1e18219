"""What count distributions share: guards at the support's ends and exact inversion."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from synthdsl.distributions._count_samplers import PartOf
from synthdsl.distributions._inversion import CountSearch
from synthdsl.distributions._rows import choose, take_rows
from synthdsl.distributions.base import Distribution
from synthdsl.lazy import lazy
from synthdsl.values.draws import Draws

if TYPE_CHECKING:
    import numpy as np
    import scipy.special as special

    from synthdsl.distributions.base import Floats
else:
    np = lazy("numpy")
    special = lazy("scipy.special")

FEW = 16.0
"""Up to this mean, counting up from the lowest value beats a guess and a cdf."""


class Counts(Distribution):
    """A distribution on integers. Hooks get k within the support, as whole floats.

    `_ratio(k)` is mass(k) / mass(k - 1); `_skewness` feeds the first guess.
    """

    is_discrete = True
    is_number = True

    def _cdf(self, k: Any, *params: Any) -> Any:
        raise NotImplementedError

    def _survival(self, k: Any, *params: Any) -> Any:
        raise NotImplementedError

    def _log_mass(self, k: Any, *params: Any) -> Any:
        raise NotImplementedError

    def _ratio(self, k: Any, *params: Any) -> Any:
        raise NotImplementedError

    def _skewness(self, *params: Any) -> Any:
        raise NotImplementedError

    def _mass(self, k: Any, *params: Any) -> Any:
        return np.exp(self._log_mass(k, *params))

    def _guess(self, z: Any, *params: Any) -> Any:
        """Cornish and Fisher's (1938) expansion to the third moment, at normal level `z`."""
        shift = z + self._skewness(*params) * (z * z - 1) / 6
        return np.floor(self.mean(*params) + self.sd(*params) * shift + 0.5)

    def cdf(self, x: Floats, *params: Any) -> Any:
        """P(X <= x), accurate in relative terms in the lower tail."""
        low, high = self.support(*params)
        k = np.floor(np.asarray(x, dtype=float))
        inside = self._cdf(np.clip(k, low, high), *params)
        return np.where(k < low, 0.0, np.where(k >= high, 1.0, inside))

    def survival(self, x: Floats, *params: Any) -> Any:
        """P(X > x), accurate in relative terms in the upper tail."""
        low, high = self.support(*params)
        k = np.floor(np.asarray(x, dtype=float))
        inside = self._survival(np.clip(k, low, high), *params)
        return np.where(k < low, 1.0, np.where(k >= high, 0.0, inside))

    def log_density(self, x: Floats, *params: Any) -> Any:
        """Log of the probability of x; -inf outside the support and between integers."""
        low, high = self.support(*params)
        x = np.asarray(x, dtype=float)
        k = np.floor(x)
        is_inside = (k == x) & (k >= low) & (k <= high) & np.isfinite(x)
        safe = np.where(is_inside, k, np.where(np.isfinite(low), low, 0.0))
        with np.errstate(divide="ignore"):
            return np.where(is_inside, self._log_mass(safe, *params), -np.inf)

    def quantile(self, u: Floats, *params: Any) -> Any:
        """Smallest k with cdf(k) >= u, as whole floats."""
        return self._invert(u, params, is_upper=False)

    def survival_quantile(self, s: Floats, *params: Any) -> Any:
        """Smallest k with survival(k) <= s, as whole floats."""
        return self._invert(s, params, is_upper=True)

    def _invert(self, level: Any, params: tuple[Any, ...], *, is_upper: bool) -> Any:
        """Invert rows from the tail that they lie in; where means are small, count up."""
        shape = np.broadcast_shapes(np.shape(level), *(np.shape(value) for value in params))
        rows = int(np.prod(shape, dtype=int))
        if rows == 0:
            return np.empty(shape)
        level = np.array(np.broadcast_to(level, shape), dtype=float).reshape(rows)
        flat = tuple(np.reshape(value, rows) if np.ndim(value) else value for value in params)
        if rows > 1:
            flat = tuple(
                np.broadcast_to(value, rows) if np.size(value) == 1 and np.ndim(value) else value
                for value in flat
            )
        if is_upper:
            result = choose(
                level <= 0.5,
                lambda s, *rest: self._search(s, rest, is_upper=True),
                lambda s, *rest: self._search(1 - s, rest, is_upper=False),
                level,
                *flat,
            )
        else:
            result = self._from_below(level, flat)
        return result.reshape(shape)[()]

    def _from_below(self, u: Any, params: tuple[Any, ...]) -> Any:
        is_few = np.broadcast_to(self._few(*params), u.shape)
        return choose(is_few, self._count_up, self._from_guess, u, *params)

    def _from_guess(self, u: Any, *params: Any) -> Any:
        return choose(
            u <= 0.5,
            lambda p, *rest: self._search(p, rest, is_upper=False),
            lambda p, *rest: self._search(1 - p, rest, is_upper=True),
            u,
            *params,
        )

    def _sample_by_rows(
        self, draws: Draws, is_direct: Any, direct: Callable[..., Any], params: tuple[Any, ...]
    ) -> Any:
        """(n,) draws: `direct(draws, *params)` in the rows where `is_direct`, else inversion."""
        rows = draws.rows
        is_direct = np.broadcast_to(is_direct, rows)
        if is_direct.all():
            return direct(draws, *params)
        if not is_direct.any():
            return self.quantile(draws.uniform(), *params)
        result = np.empty(rows)
        at = np.flatnonzero(is_direct)
        result[at] = direct(PartOf(draws, at=at), *take_rows(params, at, rows))
        at = np.flatnonzero(~is_direct)
        result[at] = self.quantile(draws.uniform(at=at), *take_rows(params, at, rows))
        return result

    def _search(self, level: Any, params: tuple[Any, ...], *, is_upper: bool) -> Any:
        low, high = self.support(*params)
        tail = self._survival if is_upper else self._cdf
        z = special.ndtri(level)
        start = np.clip(self._guess(-z if is_upper else z, *params), low, high)
        search = CountSearch(tail, self._mass, self._ratio, is_upper=is_upper)
        return search.find(level, start, low, high, params)

    def _few(self, *params: Any) -> Any:
        """Rows where counting up from 0 is quicker; each row decides by its own parameters."""
        return False

    def _first(self, *params: Any) -> Any:
        """Probability of 0, in the rows that are counted up."""
        raise NotImplementedError

    def _count_up(self, u: Any, *params: Any) -> Any:
        """Smallest k >= 0 whose masses from 0 sum to u or more.

        Sums stay exact to rounding for u below 0.99; the rest is searched from the tail.
        """
        rows = u.size
        first = self._first(*params)
        result = np.zeros(rows)
        is_deep = u > 0.99
        at = np.flatnonzero((u > first) & ~is_deep)
        total, mass = take_rows((np.broadcast_to(first, rows),) * 2, at, rows)
        level = u[at]
        now = take_rows(params, at, rows)
        k = 0.0
        while at.size:
            k += 1
            mass = mass * self._ratio(k, *now)
            total = total + mass
            keep = np.flatnonzero(total < level)
            result[at] = k
            size = at.size
            at, level, mass, total = at[keep], level[keep], mass[keep], total[keep]
            now = take_rows(now, keep, size)
        deep = np.flatnonzero(is_deep)
        if deep.size:
            rest = take_rows(params, deep, rows)
            result[deep] = self._search(1 - u[deep], rest, is_upper=True)
        return result
