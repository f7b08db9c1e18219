"""The most that the chance of a condition can be, over all entities.

Weights that differ between entities lie in intervals. The largest chance is that of a player who
chooses weights inside them at every visit: the least fixed point of the optimality equations.
Any non-negative solution of `value >= best expected value` bounds it from above, so that what
iteration finds is widened a little and then verified.
Source: Puterman 1994, "Markov Decision Processes", section 7.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.pathways.chains import Floats

ROUNDS = 2_000
SLACK = 1e-6
ROUNDING = 1e-12
"""What a round of sums may be off by, relatively; over 10,000 visits still less than the slack."""


def largest_chance(
    low: Floats, high: Floats, bits: NDArray[np.int64], accepts: Sequence[bool], start: int
) -> float:
    """A bound of `chains.acceptance` at the start, for all matrices between `low` and `high`.

    Both are (S, S). Returns 1 where no better bound is found.
    """
    masks = np.arange(len(accepts))
    ahead = masks[None, :] | bits[:, None]
    is_end: NDArray[np.bool_] = np.logical_not((high > 0).any(axis=1))
    value = np.zeros((len(bits), len(accepts)))
    value[is_end] = np.asarray(accepts, np.float64)
    for _ in range(ROUNDS):
        better = _best(low, high, value, ahead, is_end)
        is_settled = np.allclose(better, value, rtol=ROUNDING / 100, atol=0)
        value = better
        if is_settled:
            break
    bound = np.minimum(value * (1 + SLACK), 1.0)
    bound[is_end] = value[is_end]
    if (_best(low, high, bound, ahead, is_end) <= bound * (1 + ROUNDING)).all():
        return float(bound[start, bits[start]])
    return 1.0


def _best(
    low: Floats,
    high: Floats,
    value: Floats,
    ahead: NDArray[np.int64],
    is_end: NDArray[np.bool_],
) -> Floats:
    """The best expected value one visit on: (S, masks). Room beyond `low` goes to the best."""
    states = len(low)
    # what is worth going to state j for, when mask is what was visited: (masks, S)
    worth = value[np.arange(states)[:, None], ahead].T
    order = np.argsort(-worth, axis=1)
    result = value.copy()
    for state in np.flatnonzero(~is_end):
        free = np.broadcast_to(high[state] - low[state], worth.shape)
        free = np.take_along_axis(free, order, axis=1)
        before = np.cumsum(free, axis=1) - free
        given = np.clip(1.0 - low[state].sum() - before, 0.0, free)
        sorted_worth = np.take_along_axis(worth, order, axis=1)
        result[state] = worth @ low[state] + (given * sorted_worth).sum(axis=1)
    return result
