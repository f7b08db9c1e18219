"""Sobol' points with nested uniform scrambling, each found from its number alone.

Digits are binary, the first one the most significant of 52. The unscrambled points are those of
Sobol' with the direction numbers of Joe and Kuo, as SciPy has them, in natural order.

*Scrambling.* Each node of the binary tree of digits has a fair bit, which flips the digit below
it (Owen 1995, "Randomly permuted (t, m, s)-nets and (t, s)-sequences"). The bits are hashes, so
that nothing is stored (Laine and Karras 2011, "Stratified sampling for stochastic transparency";
Burley 2020, "Practical hash-based Owen scrambling"). Here no approximation is needed: the nodes
along a run of zeros take the bits of one hash, that of the digits up to the last one before it::

    flips below the digits d  =  mix(key xor d')    for d' the digits up to the last 1 in d,
                                                    the rest 0

so each node has a bit of its own, and a point costs one hash for each 1 among its digits.

Sources: Sobol' 1967; Joe and Kuo 2008, "Constructing Sobol sequences with better
two-dimensional projections".
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.streams import Keys, mix

DIGITS = 52
MOST_LEVELS = 22
"""A net has at most 2**22 points: finding direction numbers takes as many steps."""
TABLE_LEVELS = 14
"""Digits whose scrambling is tabulated: it costs what scrambling one block of rows would."""
_BITS = 30
_TWELVE = np.uint64(64 - DIGITS)


def most_dimensions() -> int:
    """Dimensions for which there are direction numbers."""
    from scipy.stats import qmc

    return int(qmc.Sobol.MAXDIM)


@lru_cache(maxsize=16)
def direction_numbers(dimensions: int, levels: int) -> Keys:
    """Digits of the points with numbers 1, 2, 4, … in each dimension: (levels, dimensions)."""
    from scipy.stats import qmc

    engine = qmc.Sobol(dimensions, scramble=False, bits=_BITS)
    found = np.empty((levels, dimensions), np.uint64)
    # SciPy goes in the order of Gray's code, in which 2**k is at place 2**(k + 1) - 1
    engine.random(1)
    for level in range(levels):
        engine.fast_forward((1 << level) - 1)
        found[level] = np.ldexp(engine.random(1)[0], _BITS).astype(np.uint64)
    return found << np.uint64(DIGITS - _BITS)


class SobolNet:
    """Points 0 to 2**levels - 1 of one dimension, before scrambling."""

    def __init__(self, directions: Keys) -> None:
        half = (len(directions) + 1) // 2
        self._shift = np.uint64(half)
        self._low_bits = np.uint64((1 << half) - 1)
        self._low = _combinations(directions[:half])
        self._high = _combinations(directions[half:])

    def digits(self, numbers: Keys) -> Keys:
        """Digits of the points with these numbers: (n,) uint64 below 2**52."""
        low = self._low.take((numbers & self._low_bits).view(np.int64))
        low ^= self._high.take((numbers >> self._shift).view(np.int64))
        return low


def _combinations(directions: Keys) -> Keys:
    """The exclusive or of each set of directions, by the set's bits."""
    combined = np.zeros(1, np.uint64)
    for direction in directions:
        combined = np.concatenate([combined, combined ^ direction])
    return combined


class Scrambling:
    """The nested uniform scrambling that belongs to `key`; its first `levels` are tabulated."""

    def __init__(self, key: int, levels: int) -> None:
        self._key = np.uint64(key)
        self._rest = np.uint64(DIGITS - min(levels, TABLE_LEVELS))
        self._table = self._tabulated(min(levels, TABLE_LEVELS))

    def _flips(self, digits: Keys) -> Keys:
        """What flips the digits below the last 1 of `digits`."""
        flips = mix(digits ^ self._key)
        flips >>= _TWELVE
        return flips

    def _tabulated(self, levels: int) -> Keys:
        """Scrambled digits of the points whose digits are zero from `levels` on."""
        table = self._flips(np.zeros(1, np.uint64))
        for level in range(levels):
            place = np.uint64(DIGITS - 1 - level)
            digits = np.arange(1, 2 * len(table), 2, dtype=np.uint64) << place
            doubled = np.repeat(table, 2)
            doubled[1::2] = _below(place, table ^ _one(place), self._flips(digits))
            table = doubled
        return table

    def scrambled(self, digits: Keys) -> Keys:
        """Scrambled digits: (n,) uint64 below 2**52. For each key a bijection."""
        rest = digits & (_one(self._rest) - np.uint64(1))
        result = self._table.take((digits >> self._rest).view(np.int64))
        at = np.flatnonzero(rest)
        if not at.size:
            return result
        digits, rest = digits[at], rest[at]
        result[at] ^= rest
        while at.size:
            # below 2**52 the exponent of a float is the place of the first 1
            place = (rest.astype(np.float64).view(np.uint64) >> np.uint64(52)) - np.uint64(1023)
            flips = self._flips((digits >> place) << place)
            rest &= _one(place) - np.uint64(1)
            result[at] = _below(place, result[at], rest ^ flips)
            kept = np.flatnonzero(rest)
            at, digits, rest = at[kept], digits[kept], rest[kept]
        return result


def _one(place: np.uint64 | Keys) -> Keys:
    one: Keys = np.left_shift(np.uint64(1), place)
    return one


def _below(place: np.uint64 | Keys, digits: Keys, lower: NDArray[np.uint64]) -> Keys:
    """`digits` with those below a place taken from `lower`."""
    mask = _one(place) - np.uint64(1)
    result: Keys = digits ^ ((digits ^ lower) & mask)
    return result
