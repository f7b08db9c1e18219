"""Absorbing Markov chains: how often states are visited, and the chance of what a path visits.

Transition matrices are (..., S, S) float64 with rows that total 1, or 0 for the states in which a
path ends. Leading axes are entities with matrices of their own.

Sets of visited states are bit masks. The states of interest have one bit each; the chain of pairs
(state, mask) only ever gains bits, so that its equations are solved one mask after the other,
from the fullest down. Each is solved by taking states out of the chain one by one, which
subtracts nothing: results are accurate entry by entry, however small.
Sources: Kemeny and Snell 1960, "Finite Markov Chains", ch. III; Grassmann, Taksar and Heyman 1985,
"Regenerative analysis and steady state distributions for Markov chains".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MOST_TRACKED = 8
"""States that a condition may be about."""


@dataclass(frozen=True)
class PathCondition:
    """A condition on which of `states` a path visits, at its start and end included.

    `accepts[mask]` tells whether it is true of a path that visits just the states whose bits are
    set in `mask` (bit i for `states[i]`).
    """

    states: tuple[str, ...]
    accepts: tuple[bool, ...]

    @classmethod
    def reaching(cls, state: str) -> PathCondition:
        """True of a path that visits `state`."""
        return cls((state,), (False, True))

    def __invert__(self) -> PathCondition:
        return PathCondition(self.states, tuple(not accepted for accepted in self.accepts))

    def __and__(self, other: PathCondition) -> PathCondition:
        return self._joined(other, lambda a, b: a and b)

    def __or__(self, other: PathCondition) -> PathCondition:
        return self._joined(other, lambda a, b: a or b)

    def _joined(self, other: PathCondition, join: object) -> PathCondition:
        states = tuple(dict.fromkeys((*self.states, *other.states)))
        if len(states) > MOST_TRACKED:
            raise ValueError(f"a condition on more than {MOST_TRACKED} states of a pathway")
        assert callable(join)
        accepts = tuple(
            bool(join(self._of(mask, states), other._of(mask, states)))
            for mask in range(1 << len(states))
        )
        return PathCondition(states, accepts)

    def _of(self, mask: int, states: tuple[str, ...]) -> bool:
        """Whether a path that visits the states of `mask`, numbered as in `states`, is accepted."""
        own = sum(1 << i for i, state in enumerate(self.states) if mask >> states.index(state) & 1)
        return self.accepts[own]

    def bits(self, members: Sequence[str]) -> NDArray[np.int64]:
        """The bit of each of the machine's states: (S,) int64, 0 for those not asked about."""
        return np.array(
            [1 << self.states.index(m) if m in self.states else 0 for m in members], np.int64
        )


def reaching_all(states: Sequence[str], avoiding: Sequence[str] = ()) -> PathCondition:
    """True of a path that visits each of `states` and none of `avoiding`."""
    parts = [PathCondition.reaching(state) for state in states]
    parts += [~PathCondition.reaching(state) for state in avoiding]
    return reduce(lambda a, b: a & b, parts, PathCondition((), (True,)))


def acceptance(matrix: Floats, bits: NDArray[np.int64], accepts: Sequence[bool]) -> Floats:
    """The chance that a path is accepted, given where it is and what it visited: (..., S, 2**k).

    `bits`: the bit of each state; `accepts`: whether a path is that visits just the states of a
    mask. Entries of a state and a mask without its own bit are 0. States with a row of zeros end
    the path; one that never ends is not accepted.
    """
    is_end = ~(matrix > 0).any(axis=-1)
    is_end = is_end.reshape(-1, len(bits)).all(axis=0)
    result = np.zeros((*matrix.shape[:-1], len(accepts)))
    for mask in reversed(range(len(accepts))):
        here = (bits & ~mask) == 0
        supersets = [accepts[m] for m in range(mask, len(accepts)) if m & mask == mask]
        if not any(supersets):
            continue
        if accepts[mask]:
            result[..., here & is_end, mask] = 1.0
        inside = np.flatnonzero(here & ~is_end)
        if not len(inside):
            continue
        outside = np.flatnonzero(~here | is_end)
        leaving = matrix[..., inside, :][..., outside]
        known = result[..., outside, mask | bits[outside]]
        result[..., inside, mask] = _absorbed(
            matrix[..., inside, :][..., inside],
            (leaving * known[..., None, :]).sum(axis=-1),
            leaving.sum(axis=-1),
        )
    return result


def _absorbed(inner: Floats, gained: Floats, leaving: Floats) -> Floats:
    """The x of `x = inner x + gained`, rows of `inner` and `leaving` totalling 1: (..., B).

    States are taken out from the last to the first. One that is never left gets 0, and what
    leads to it leaves without gain.
    """
    inner, gained, leaving = inner.copy(), gained.copy(), leaving.copy()
    count = inner.shape[-1]
    for k in reversed(range(count)):
        left = inner[..., k, :k].sum(axis=-1) + leaving[..., k]
        is_left = left[..., None] > 0
        share = np.zeros_like(inner[..., :k, k])
        np.divide(inner[..., :k, k], left[..., None], out=share, where=is_left)
        inner[..., :k, :k] += share[..., None] * inner[..., None, k, :k]
        gained[..., :k] += share * gained[..., k, None]
        leaving[..., :k] += np.where(is_left, share * leaving[..., k, None], inner[..., :k, k])
    found = np.zeros_like(gained)
    for k in range(count):
        left = inner[..., k, :k].sum(axis=-1) + leaving[..., k]
        total = gained[..., k] + (inner[..., k, :k] * found[..., :k]).sum(axis=-1)
        np.divide(total, left, out=found[..., k], where=left > 0)
    return found


def expected_visits(matrix: Floats, start: int) -> Floats:
    """How often a path from `start` visits each state, on average: (..., S).

    Infinite or meaningless where a path may never end.
    """
    identity = np.eye(matrix.shape[-1])
    begun = identity[start, :, None]
    system = identity - np.swapaxes(matrix, -1, -2)
    visits = np.linalg.solve(system, np.broadcast_to(begun, (*matrix.shape[:-1], 1)))
    return np.asarray(visits[..., 0], np.float64)
