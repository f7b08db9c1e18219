"""Designs: base draws of root rows that cover the unit cube more evenly than independent ones.

A design replaces the bits of some slots (`table.field#purpose`, attempt 0, try 0) of a root table.
Each row's replaced bits, over all slots together, keep the law of independent fair bits, and are
independent of the bits that are not replaced. So whatever the engine makes of a row's bits, its law
stays that of the spec, rules included; only rows depend on each other. Every value follows from
the row's number and the seed, and for the Latin hypercube from the number of rows:

- *antithetic*: row 2k + 1 has the complement of the bits of row 2k, so 1 - u for u
  (Hammersley and Morton 1956).
- *latin-hypercube*: each of the N parts of [0, 1) of equal length holds one of the N rows, by a
  keyed permutation, at a random place (McKay, Beckman and Conover 1979). Rows from N on are
  drawn as without a design.
- *sobol*: points of Sobol', scrambled (see `sobol`). Row i is point i; a slot's dimension is its
  position. After 2**22 rows another scrambling of the same points follows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.sobol import (
    MOST_LEVELS,
    Scrambling,
    SobolNet,
    direction_numbers,
    most_dimensions,
)
from synthdsl.engine.streams import Keys, mix, root_keys_at, tag
from synthdsl.providers._permutation import permuted

MOST_PARTS = 1 << 31
"""Rows of a Latin hypercube, for which 64-bit arithmetic is exact."""

Ordinals = NDArray[np.int64]


class Design:
    """Bits of the `slots` of a root table, by row number.

    `slots` are in order of importance: where there are more than a design has room for, the
    last ones stay plain draws.
    """

    kind = ""

    def __init__(self, table: str, slots: Sequence[str]) -> None:
        self.table = table
        self.slots = {slot: place for place, slot in enumerate(dict.fromkeys(slots))}

    def covers(self, slot: str) -> bool:
        """Whether the design has bits for a slot, `table.field#purpose`."""
        return slot in self.slots

    def bits(self, seed: int, slot: str, ordinals: Ordinals, plain: Keys) -> Keys:
        """64 fair bits for each of the rows with these numbers: (n,) uint64.

        `plain`: what the rows would have without a design, (n,) uint64; may be changed.
        """
        raise NotImplementedError


class Antithetic(Design):
    """Pairs of rows at opposite points."""

    kind = "antithetic"

    def bits(self, seed: int, slot: str, ordinals: Ordinals, plain: Keys) -> Keys:
        """Plain bits of even rows, and their complement in the odd row after each."""
        odd = np.flatnonzero(ordinals & 1)
        keys = root_keys_at(self.table, ordinals[odd] - 1)
        plain[odd] = ~mix(keys ^ np.uint64(tag("slot", seed, slot, 0)))
        return plain


class LatinHypercube(Design):
    """One row in each of `rows` parts of every slot."""

    kind = "latin-hypercube"

    def __init__(self, table: str, slots: Sequence[str], rows: int) -> None:
        super().__init__(table, slots)
        self.rows = min(max(rows, 1), MOST_PARTS)

    def bits(self, seed: int, slot: str, ordinals: Ordinals, plain: Keys) -> Keys:
        """floor((part * 2**64 + plain) / rows), with the part that the row has in the slot."""
        inside = ordinals < self.rows
        if not inside.all():
            at = np.flatnonzero(inside)
            if at.size:
                plain[at] = self.bits(seed, slot, ordinals[at], plain[at])
            return plain
        part = permuted(ordinals.astype(np.uint64), self.rows, tag("design", seed, slot))
        if self.rows & (self.rows - 1) == 0:
            return _within_powers(part, plain, self.rows.bit_length() - 1)
        count = np.uint64(self.rows)
        quotient, remainder = divmod(1 << 64, self.rows)
        place = plain // count
        rest = plain - place * count
        rest += part * np.uint64(remainder)
        place += rest // count
        place += part * np.uint64(quotient)
        return place


def _within_powers(part: Keys, plain: Keys, levels: int) -> Keys:
    """The same for 2**levels rows."""
    if levels:
        plain >>= np.uint64(levels)
        plain |= part << np.uint64(64 - levels)
    return plain


class Sobol(Design):
    """Scrambled points of Sobol', a dimension for each slot."""

    kind = "sobol"

    def __init__(self, table: str, slots: Sequence[str], rows: int) -> None:
        super().__init__(table, list(dict.fromkeys(slots))[: most_dimensions()])
        self._levels = min(max(rows - 1, 1).bit_length(), MOST_LEVELS)
        self._nets: dict[str, SobolNet] = {}
        self._scramblings: dict[tuple[str, int], tuple[int, Scrambling]] = {}

    def bits(self, seed: int, slot: str, ordinals: Ordinals, plain: Keys) -> Keys:
        """52 digits of the scrambled point, and 12 plain bits."""
        numbers = ordinals.astype(np.uint64)
        largest = int(ordinals.max(initial=0))
        if largest >> MOST_LEVELS:
            return self._in_nets(seed, slot, numbers, plain)
        return self._points(seed, slot, 0, numbers, largest, plain)

    def _in_nets(self, seed: int, slot: str, numbers: Keys, plain: Keys) -> Keys:
        """Rows of several nets, of 2**22 rows each; a block has two at most."""
        nets = numbers >> np.uint64(MOST_LEVELS)
        numbers &= np.uint64((1 << MOST_LEVELS) - 1)
        for net in np.unique(nets).tolist():
            at = np.flatnonzero(nets == net)
            largest = int(numbers[at].max())
            plain[at] = self._points(seed, slot, net, numbers[at], largest, plain[at])
        return plain

    def _points(
        self, seed: int, slot: str, net: int, numbers: Keys, largest: int, plain: Keys
    ) -> Keys:
        if largest >> self._levels:
            # more rows than were asked for: the same points, made ready for more
            self._levels = largest.bit_length()
            self._nets.clear()
            self._scramblings.clear()
        digits = self._scrambling(seed, slot, net).scrambled(self._net(slot).digits(numbers))
        digits <<= np.uint64(12)
        plain &= np.uint64(0xFFF)
        digits |= plain
        return digits

    def _net(self, slot: str) -> SobolNet:
        if slot not in self._nets:
            directions = direction_numbers(len(self.slots), self._levels)
            self._nets[slot] = SobolNet(directions[:, self.slots[slot]])
        return self._nets[slot]

    def _scrambling(self, seed: int, slot: str, net: int) -> Scrambling:
        known = self._scramblings.get((slot, net))
        if known is None or known[0] != seed:
            key = tag("design", seed, slot, net)
            # one seed at a time, and of the nets the last two
            self._scramblings.pop((slot, net - 2), None)
            known = self._scramblings[slot, net] = seed, Scrambling(key, self._levels)
        return known[1]


def design_of(kind: str, table: str, slots: Sequence[str], rows: int) -> Design | None:
    """The design for a root table of `rows` rows; None for independent draws.

    `kind` is one of `plan.samplings.SAMPLINGS`.
    """
    if kind == "antithetic":
        return Antithetic(table, slots)
    if kind == "latin-hypercube":
        return LatinHypercube(table, slots, rows)
    if kind == "sobol":
        return Sobol(table, slots, rows)
    assert kind == "random", kind
    return None
