"""Keyed permutations of 0 … size-1: distinct outputs without any memory of earlier rows.

Up to 2**14 values the permutation is a table: the numbers sorted by a keyed hash, so every
order is equally likely. Above, it is an unbalanced Feistel network on pairs (left, right) with
left < a, right < b and a*b >= size, whose rounds alternately add a keyed function of one half
to the other; numbers that fall at or above `size` are sent through again until they do not
(cycle walking). Sources: J. Black and P. Rogaway, "Ciphers with Arbitrary Finite Domains"
(CT-RSA 2002), sections 4 and 5; B. Morris, P. Rogaway and T. Stegers, "How to Encipher
Messages on a Small Domain" (CRYPTO 2009). The round function is the first half of SplitMix64's
finaliser (Steele, Lea and Flood 2014), keyed: well mixed, but not cryptography.
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt
from typing import TYPE_CHECKING

from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.uint64]
else:
    np = lazy("numpy")

ROUNDS = 6
LARGEST_SHUFFLE = 2**14
LARGEST_DOMAIN = 2**62
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
_WORD = 2**64 - 1


def permuted(numbers: Numbers, size: int, key: int) -> Numbers:
    """Where the permutation of 0 … `size`-1 that belongs to `key` sends each of `numbers`.

    `numbers`: (n,) uint64 below `size`; 1 <= `size` <= 2**62. A bijection for every key.
    """
    if size <= LARGEST_SHUFFLE:
        return np.take(_shuffle(size, key), numbers.astype(np.intp))
    network = _network(size, key)
    result = network.once(numbers)
    if network.is_exact:
        return result
    limit = np.uint64(size)
    outside = np.flatnonzero(result >= limit)
    while len(outside):
        result[outside] = again = network.once(result[outside])
        outside = outside[again >= limit]
    return result


@lru_cache(maxsize=64)
def _shuffle(size: int, key: int) -> Numbers:
    """The numbers 0 … size-1 in the order of their keyed hashes, which are all distinct."""
    hashed = np.arange(size, dtype=np.uint64) * np.uint64(_GOLDEN) + np.uint64(mixed(key))
    hashed ^= hashed >> np.uint64(30)
    hashed *= np.uint64(_FIRST)
    hashed ^= hashed >> np.uint64(27)
    hashed *= np.uint64(_SECOND)
    hashed ^= hashed >> np.uint64(31)
    return np.argsort(hashed, kind="stable").astype(np.uint64)


@lru_cache(maxsize=64)
def _network(size: int, key: int) -> Network:
    return Network(size, key)


class Network:
    """The Feistel network for `size` and `key`: a bijection of 0 … a*b-1."""

    def __init__(self, size: int, key: int) -> None:
        self.left, self.right = halves(size)
        self.is_exact = self.left * self.right == size
        self._keys = [np.uint64(mixed(key + place * _GOLDEN)) for place in range(2 * ROUNDS)]

    def once(self, numbers: Numbers) -> Numbers:
        """One pass over (n,) `numbers` below a*b."""
        width = np.uint64(self.right)
        left = numbers // width
        right = numbers - left * width
        scratch = np.empty_like(numbers)
        for place in range(0, ROUNDS, 2):
            self._round(place, right, left, self.left, scratch)
            self._round(place + 1, left, right, self.right, scratch)
        left *= width
        left += right
        return left

    def _round(
        self, place: int, source: Numbers, target: Numbers, modulus: int, scratch: Numbers
    ) -> None:
        """Add a keyed function of `source` to `target`, modulo `modulus` < 2**32, in place."""
        half = np.uint64(32)
        mixed_source = source + self._keys[2 * place]
        mixed_source *= np.uint64(_FIRST)
        np.right_shift(mixed_source, half, out=scratch)
        mixed_source ^= scratch
        mixed_source *= self._keys[2 * place + 1] | np.uint64(1)
        mixed_source >>= half
        mixed_source *= np.uint64(modulus)
        mixed_source >>= half
        target += mixed_source
        # target < 2 * modulus here; where it is below modulus the subtraction wraps round to
        # a huge number, so the minimum is the remainder.
        np.subtract(target, np.uint64(modulus), out=scratch)
        np.minimum(target, scratch, out=target)


@lru_cache(maxsize=256)
def halves(size: int) -> tuple[int, int]:
    """Moduli (a, b), a <= b, with a*b >= size: equal to size where it has such divisors.

    With divisors no larger than 16 a apart no number falls outside; otherwise a*b exceeds
    size by less than b, so that a pass seldom has to be repeated.
    """
    root = isqrt(size)
    for left in _divisors(size):
        if left <= root and size // left <= 16 * left:
            return left, size // left
    left = root
    return left, -(-size // left)


def _divisors(size: int) -> list[int]:
    """Divisors of `size` made of primes below 100, largest first."""
    divisors = [1]
    rest = size
    for prime in range(2, 100):
        power = 1
        found = list(divisors)
        while rest % prime == 0:
            rest //= prime
            power *= prime
            divisors.extend(divisor * power for divisor in found)
    return sorted(divisors, reverse=True)


def mixed(number: int) -> int:
    """SplitMix64's finaliser on a Python integer taken modulo 2**64."""
    number &= _WORD
    number = ((number ^ number >> 30) * _FIRST) & _WORD
    number = ((number ^ number >> 27) * _SECOND) & _WORD
    return number ^ number >> 31
