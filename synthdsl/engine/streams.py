"""Base draws: a counter-based hash of (seed, slot, entity key, attempt), vectorised over rows.

Definition (part of the language: changing it changes every database)::

    mix(x)        = Stafford's variant 13 of the 64-bit finaliser, as in SplitMix64
                    (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators")
    tag(words)    = first 8 bytes, little-endian, of BLAKE2b over the words, each preceded by
                    its length in 8 bytes
    root key      = mix(ordinal * G + tag("entity", table))
    child key     = mix((parent key xor tag("entity", table)) + (ordinal + 1) * G)
    try key       = entity key for try 0 of a component, mix(entity key + try * G) for later ones
    slot key      = tag("slot", seed, table.field#purpose, attempt)
    bits          = mix(try key xor slot key)
    uniform       = (floor(bits / 2**12) + 1/2) / 2**52

with G = 0x9E3779B97F4A7C15 and all arithmetic modulo 2**64. A *try* is one drawing of all fields
that rules condition together (numbered apart by stage and for whole rows, see
`conditioning.component` and `conditioning.focused`); an *attempt* is one step of a distribution's
own rejection loop. A root's ordinal is its row number from 0; a child's ordinal is its position
under its parent. Under a design (see `designs`) other bits take the place of some of try 0.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S12 = (np.uint64(n) for n in (30, 27, 31, 12))
_EXPONENT_OF_ONE = np.uint64(0x3FF0000000000000)
_ONE_LESS_HALF_STEP = 1.0 - 2.0**-53

Keys = NDArray[np.uint64]


def mix(x: Keys) -> Keys:
    """Scramble `x` in place and return it: a bijection of 64-bit words with full avalanche."""
    shifted = np.right_shift(x, _S30)
    np.bitwise_xor(x, shifted, out=x)
    np.multiply(x, _FIRST, out=x)
    np.right_shift(x, _S27, out=shifted)
    np.bitwise_xor(x, shifted, out=x)
    np.multiply(x, _SECOND, out=x)
    np.right_shift(x, _S31, out=shifted)
    np.bitwise_xor(x, shifted, out=x)
    return x


@lru_cache(maxsize=65_536)
def tag(*words: str | int) -> int:
    """64 bits that stand for `words` (text and integers of any size)."""
    digest = hashlib.blake2b(digest_size=8)
    for word in words:
        data = word.encode() if isinstance(word, str) else str(word).encode()
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return int.from_bytes(digest.digest(), "little")


def root_keys(table: str, start: int, stop: int) -> Keys:
    """Entity keys of the root rows `start` to `stop` (exclusive): (n,) uint64."""
    keys = np.arange(start, stop, dtype=np.uint64)
    np.multiply(keys, GOLDEN, out=keys)
    np.add(keys, np.uint64(tag("entity", table)), out=keys)
    return mix(keys)


def root_keys_at(table: str, numbers: NDArray[np.int64]) -> Keys:
    """Entity keys of the root rows with the given numbers: (n,) uint64."""
    keys = numbers.astype(np.uint64)
    np.multiply(keys, GOLDEN, out=keys)
    np.add(keys, np.uint64(tag("entity", table)), out=keys)
    return mix(keys)


def child_keys(table: str, parents: Keys, ordinals: NDArray[np.int64]) -> Keys:
    """Entity keys of child rows from the keys of their parents and their position under them."""
    keys = np.bitwise_xor(parents, np.uint64(tag("entity", table)))
    np.add(keys, (ordinals.astype(np.uint64) + np.uint64(1)) * GOLDEN, out=keys)
    return mix(keys)


def try_keys(keys: Keys, tries: NDArray[np.int64]) -> Keys:
    """Keys of the given tries (at least 1) of the entities with `keys`."""
    return mix(keys + tries.astype(np.uint64) * GOLDEN)


class RowBits(Protocol):
    """What gives the bits of some slots by row number (see `designs`)."""

    def covers(self, slot: str) -> bool:
        """Whether it gives those of a slot, `table.field#purpose`."""
        ...

    def bits(self, seed: int, slot: str, ordinals: NDArray[np.int64], plain: Keys) -> Keys:
        """64 fair bits a row, in place of the `plain` ones."""
        ...


class SlotDraws:
    """Base draws of the field `slot` (`table.field`) for the rows with `keys`.

    Implements `values.draws.Draws`. `ordinals` are the rows' positions in their table; a
    `design` gives the bits of some slots in place of the hashes.
    """

    def __init__(
        self,
        seed: int,
        slot: str,
        keys: Keys,
        ordinals: NDArray[np.int64],
        design: RowBits | None = None,
    ) -> None:
        self._seed = seed
        self._slot = slot
        self._keys = keys
        self.ordinals = ordinals
        self._design = design

    @property
    def rows(self) -> int:
        """Number of rows in the block."""
        return len(self._keys)

    def named(self, part: str) -> SlotDraws:
        """The draws of a part of this field, independent of the field's own."""
        return SlotDraws(self._seed, f"{self._slot}/{part}", self._keys, self.ordinals)

    def at(self, rows: NDArray[np.int64]) -> SlotDraws:
        """The draws of some of the rows, each row's own."""
        return SlotDraws(
            self._seed, self._slot, self._keys[rows], self.ordinals[rows], self._design
        )

    def keyed_by(self, keys: Keys) -> SlotDraws:
        """The draws of this field that belong to other `keys`, one a row."""
        return SlotDraws(self._seed, self._slot, keys, self.ordinals)

    def key(self, purpose: str = "") -> int:
        """64 bits of the slot and the seed, the same for every row."""
        return tag("key", self._seed, f"{self._slot}#{purpose}")

    def bits(
        self, purpose: str = "", *, attempt: int = 0, at: NDArray[np.int64] | None = None
    ) -> Keys:
        """64 fair bits a row: (n,) uint64."""
        slot = f"{self._slot}#{purpose}"
        keys = self._keys if at is None else self._keys[at]
        plain = mix(np.bitwise_xor(keys, np.uint64(tag("slot", self._seed, slot, attempt))))
        if self._design is None or attempt or not self._design.covers(slot):
            return plain
        ordinals = self.ordinals if at is None else self.ordinals[at]
        return self._design.bits(self._seed, slot, ordinals, plain)

    def uniform(
        self, purpose: str = "", *, attempt: int = 0, at: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]:
        """Uniform on (0, 1): (n,) float64, odd multiples of 2**-53."""
        return unit_interval(self.bits(purpose, attempt=attempt, at=at))


def unit_interval(bits: Keys) -> NDArray[np.float64]:
    """Turn fair bits into uniforms on (0, 1), in place: the top 52 bits plus a half."""
    np.right_shift(bits, _S12, out=bits)
    np.bitwise_or(bits, _EXPONENT_OF_ONE, out=bits)
    uniform = bits.view(np.float64)
    np.subtract(uniform, _ONE_LESS_HALF_STEP, out=uniform)
    return uniform
