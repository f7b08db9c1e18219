"""Exact samplers for parameters that vary by row: gamma and what is made from gammas.

Each try has draws of its own, keyed by the attempt and the row, so that a value never depends
on its neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthdsl.distributions._rows import take_rows
from synthdsl.lazy import lazy
from synthdsl.values.draws import Draws

if TYPE_CHECKING:
    import numpy as np
    import scipy.special as special
else:
    np = lazy("numpy")
    special = lazy("scipy.special")

MOST_ATTEMPTS = 400


def _cubes(draws: Draws, shape: Any, purpose: str) -> Any:
    """Standard gamma draws for shape >= 1 (Marsaglia and Tsang 2000, section 2).

    A try succeeds with probability above 0.95, so 400 tries never run out in practice.
    """
    d = np.asarray(shape) - 1 / 3
    c = 1 / np.sqrt(9 * d)
    result = np.empty(draws.rows)
    at = None
    for attempt in range(MOST_ATTEMPTS):
        x = special.ndtri(draws.uniform(purpose + "normal", attempt=attempt, at=at))
        v = 1 + c * x
        v = v * v * v
        u = draws.uniform(purpose + "accept", attempt=attempt, at=at)
        square = x * x
        # The squeeze settles nearly every row without a logarithm.
        is_taken = (u < 1 - 0.0331 * square * square) & (v > 0)
        rest = np.flatnonzero(~is_taken & (v > 0))
        if rest.size:
            d_rest = take_rows((d,), rest, v.size)[0]
            v_rest = v[rest]
            bound = 0.5 * square[rest] + d_rest * (1 - v_rest + np.log(v_rest))
            is_taken[rest] = np.log(u[rest]) < bound
        if at is None:
            np.multiply(d, v, out=result)
            at = np.flatnonzero(~is_taken)
            left = at
        else:
            taken = np.flatnonzero(is_taken)
            result[at[taken]] = (d * v)[taken]
            left = np.flatnonzero(~is_taken)
            at = at[left]
        if at.size == 0:
            return result
        d, c = take_rows((d, c), left, is_taken.size)
    raise ArithmeticError("gamma sampler did not accept a draw: shape is not a positive number")


def standard_gamma(draws: Draws, shape: Any, *, purpose: str = "") -> Any:
    """(n,) standard gamma draws; `shape` > 0 is a scalar or (n,).

    Below shape 1, a draw of shape + 1 times U ** (1/shape) (Marsaglia and Tsang 2000, 6).
    """
    is_small = np.less(shape, 1)
    if not is_small.any():
        return _cubes(draws, shape, purpose)
    cubes = _cubes(draws, np.where(is_small, shape + 1.0, shape), purpose)
    boost = np.exp(np.log(draws.uniform(purpose + "boost")) / shape)
    return np.where(is_small, cubes * boost, cubes)


def log_standard_gamma(draws: Draws, shape: Any, *, purpose: str = "") -> Any:
    """Logs of `standard_gamma`'s draws, exact where the draws themselves underflow."""
    is_small = np.less(shape, 1)
    cubes = np.log(_cubes(draws, np.where(is_small, shape + 1.0, shape), purpose))
    if not is_small.any():
        return cubes
    return cubes + np.where(is_small, np.log(draws.uniform(purpose + "boost")) / shape, 0.0)


def standard_beta(draws: Draws, a: Any, b: Any) -> Any:
    """(n,) beta draws on [0, 1] as G_a / (G_a + G_b), formed from logs."""
    return special.expit(
        log_standard_gamma(draws, a, purpose="a.") - log_standard_gamma(draws, b, purpose="b.")
    )
