"""Exact samplers of counts whose parameters vary by row: transformed rejection.

A ratio-of-uniforms method with a simple hat and a quick acceptance region: Hörmann, The
transformed rejection method for generating Poisson random variables (1993; PTRS), and The
generation of binomial random variates (1993; BTRS). Both hold for means of at least 10.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from synthdsl.distributions._rows import take_rows
from synthdsl.lazy import lazy
from synthdsl.values.draws import Draws

if TYPE_CHECKING:
    import numpy as np
    import scipy.special as special
    from numpy.typing import NDArray
else:
    np = lazy("numpy")
    special = lazy("scipy.special")

MOST_ATTEMPTS = 1000
LEAST_MEAN = 16.0
"""From this mean on, rejection is used; a row's own mean decides."""


class PartOf:
    """The draws of some rows of a block, under purposes that start with `prefix`.

    `at` (int64 positions in the block, None for all) are the rows; positions given to the
    methods count within them.
    """

    def __init__(self, draws: Draws, prefix: str = "", at: NDArray[np.int64] | None = None) -> None:
        self.draws = draws
        self.prefix = prefix
        self.at = at

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.draws.rows if self.at is None else len(self.at)

    @property
    def ordinals(self) -> NDArray[np.int64]:
        """Position of each row in its table."""
        return self.draws.ordinals if self.at is None else self.draws.ordinals[self.at]

    def key(self, purpose: str = "") -> int:
        """64 bits of the slot."""
        return self.draws.key(self.prefix + purpose)

    def _rows_at(self, at: NDArray[np.int64] | None) -> NDArray[np.int64] | None:
        if self.at is None:
            return at
        return self.at if at is None else self.at[at]

    def bits(
        self, purpose: str = "", *, attempt: int = 0, at: NDArray[np.int64] | None = None
    ) -> NDArray[np.uint64]:
        """64 fair bits a row."""
        return self.draws.bits(self.prefix + purpose, attempt=attempt, at=self._rows_at(at))

    def uniform(
        self, purpose: str = "", *, attempt: int = 0, at: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]:
        """Uniform on (0, 1)."""
        return self.draws.uniform(self.prefix + purpose, attempt=attempt, at=self._rows_at(at))


def _transformed(
    draws: Draws,
    constants: tuple[Any, ...],
    is_accepted: Callable[..., Any],
    last: Any,
    params: tuple[Any, ...],
) -> Any:
    """Candidates floor((2a/us + b) U + c), taken at once, refused, or judged by `is_accepted`.

    `constants` are a, b, c and the bound of the quick region; `is_accepted(v, k, *params)` gets
    v over the hat.
    """
    rows = draws.rows
    result = np.empty(rows)
    at: NDArray[np.int64] = np.arange(rows)
    now = (*constants, last, *params)
    for attempt in range(MOST_ATTEMPTS):
        a, b, c, quick, end, *rest = now
        where = None if attempt == 0 else at
        u = draws.uniform("place", attempt=attempt, at=where) - 0.5
        v = draws.uniform("height", attempt=attempt, at=where)
        inner = 0.5 - np.abs(u)
        k = np.floor((2 * a / inner + b) * u + c)
        is_taken = (inner >= 0.07) & (v <= quick) & (k >= 0) & (k <= end)
        open_rows = np.flatnonzero(~is_taken & (k >= 0) & (k <= end))
        if open_rows.size:
            a, b, *rest = take_rows((a, b, *rest), open_rows, at.size)
            hat = a / (inner[open_rows] ** 2) + b
            is_taken[open_rows] = is_accepted(v[open_rows] / hat, k[open_rows], *rest)
        result[at[is_taken]] = k[is_taken]
        left = np.flatnonzero(~is_taken)
        if left.size == 0:
            return result
        now = take_rows(now, left, at.size)
        at = at[left]
    raise ArithmeticError("count sampler did not accept a draw")


def poisson_draws(draws: Draws, mean: Any) -> Any:
    """(n,) Poisson draws as whole floats, for means of at least 10 (Hörmann 1993, PTRS)."""
    mean = np.asarray(mean, dtype=float)
    b = 0.931 + 2.53 * np.sqrt(mean)
    a = -0.059 + 0.02483 * b
    quick = 0.9277 - 3.6224 / (b - 2)
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)

    def is_accepted(v: Any, k: Any, mean: Any, inverse_alpha: Any) -> Any:
        return np.log(v * inverse_alpha) <= k * np.log(mean) - mean - special.gammaln(k + 1)

    return _transformed(
        draws, (a, b, mean + 0.43, quick), is_accepted, np.inf, (mean, inverse_alpha)
    )


def binomial_draws(draws: Draws, trials: Any, p: Any) -> Any:
    """(n,) binomial draws as whole floats, for p <= 1/2 and means of at least 10 (BTRS)."""
    trials, p = np.asarray(trials, dtype=float), np.asarray(p, dtype=float)
    root = np.sqrt(trials * p * (1 - p))
    b = 1.15 + 2.53 * root
    a = -0.0873 + 0.0248 * b + 0.01 * p
    alpha = (2.83 + 5.1 / b) * root
    odds = np.log(p / (1 - p))
    mode = np.floor((trials + 1) * p)
    top = special.gammaln(mode + 1) + special.gammaln(trials - mode + 1)

    def is_accepted(v: Any, k: Any, trials: Any, odds: Any, mode: Any, top: Any, alpha: Any) -> Any:
        bound = top - special.gammaln(k + 1) - special.gammaln(trials - k + 1)
        return np.log(v * alpha) <= bound + (k - mode) * odds

    return _transformed(
        draws,
        (a, b, trials * p + 0.5, 0.92 - 4.2 / b),
        is_accepted,
        trials,
        (trials, odds, mode, top, alpha),
    )
