"""Check digits over (n, k) arrays of decimal digits, a column at a time.

Sources: H. P. Luhn, US patent 2,950,048 (1960); J. Verhoeff, "Error Detecting Decimal Codes"
(1969); H. M. Damm, "Total anti-symmetrische Quasigruppen" (2004); CMS, "Requirements for NPI
and NPI check digit" (Luhn over 80840 and the number, which adds 24); NHS Data Dictionary,
"NHS number" (modulus 11); LOINC Users' Guide, appendix on the mod 10 check digit (Luhn).
The DEA rule is the customary one: (d1+d3+d5) + 2 (d2+d4+d6) modulo 10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
else:
    np = lazy("numpy")

NO_DIGIT = 10
"""What a scheme returns where no check digit exists (modulus 11 only)."""
LONGEST_NUMBER = 64
"""Digits, the check digit included, that a scheme accepts."""

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_NPI_PREFIX_SUM = 24

_DAMM = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)
"""The totally anti-symmetric quasigroup of order 10 of Damm's thesis."""


def luhn(digits: Bytes, *, start: int = 0) -> Bytes:
    """Luhn check digit of (n, k) `digits`; `start` is added to the sum: (n,) uint8."""
    total = np.full(len(digits), start, np.uint16)
    doubled = np.array(_DOUBLED, np.uint8)
    for place in range(digits.shape[1]):
        column = digits[:, -1 - place]
        total += np.take(doubled, column) if place % 2 == 0 else column
    return _complement(total)


def npi(digits: Bytes) -> Bytes:
    """Check digit of a National Provider Identifier from its (n, 9) digits."""
    return luhn(digits, start=_NPI_PREFIX_SUM)


def verhoeff(digits: Bytes) -> Bytes:
    """Verhoeff check digit of (n, k) `digits`: (n,) uint8."""
    steps, inverse = _verhoeff_tables()
    state = np.zeros(len(digits), np.uint8)
    for place in range(digits.shape[1]):
        state = np.take(steps[(place + 1) % 8], state * np.uint8(10) + digits[:, -1 - place])
    return np.take(inverse, state)


@lru_cache(maxsize=1)
def _verhoeff_tables() -> tuple[Bytes, Bytes]:
    """(8, 100) next state for place, 10 * state + digit; (10,) inverse of each state.

    Built from the definition: multiplication in the dihedral group D5, and powers of the
    permutation (1 5 8 9 4 2 7 0)(3 6).
    """

    def multiply(x: int, y: int) -> int:
        if x < 5:
            return (x + y) % 5 + (5 if y >= 5 else 0) if y < 5 else (x + y - 5) % 5 + 5
        return (x - 5 - y) % 5 + 5 if y < 5 else (x - y) % 5

    first = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    permutation = list(range(10))
    steps = []
    for _ in range(8):
        steps.append([multiply(x, permutation[y]) for x in range(10) for y in range(10)])
        permutation = [first[y] for y in permutation]
    inverse = [next(y for y in range(10) if multiply(x, y) == 0) for x in range(10)]
    return np.array(steps, np.uint8), np.array(inverse, np.uint8)


def damm(digits: Bytes) -> Bytes:
    """Damm check digit of (n, k) `digits`: (n,) uint8."""
    table = np.array(_DAMM, np.uint8).reshape(-1)
    state = np.zeros(len(digits), np.uint8)
    for place in range(digits.shape[1]):
        state = np.take(table, state * np.uint8(10) + digits[:, place])
    return state


def mod11(digits: Bytes) -> Bytes:
    """Modulus 11 check digit of (n, k <= 9) `digits`, weights 2, 3, … from the right.

    `NO_DIGIT` where the remainder asks for 10; (n,) uint8.
    """
    check = (11 - _weighted(digits) % 11).astype(np.uint8)
    check[check == 11] = 0
    return check


def mod11_bad_last(digits: Bytes) -> Bytes:
    """The last digit that (n, k) `digits`, whatever stands last, may not end in.

    10 where every last digit has a check digit: (n,) uint8.
    """
    before = digits.copy()
    before[:, -1] = 0
    # The last digit d adds 2 d; the sum must not be 1 modulo 11. The inverse of 2 is 6.
    return (((12 - _weighted(before) % 11) * 6) % 11).astype(np.uint8)


def dea(digits: Bytes) -> Bytes:
    """Check digit of a DEA registration number from its (n, 6) digits."""
    total = np.zeros(len(digits), np.uint16)
    for place in range(digits.shape[1]):
        total += digits[:, place] * np.uint8(1 + place % 2)
    return (total % 10).astype(np.uint8)


def _weighted(digits: Bytes) -> NDArray[np.uint16]:
    total = np.zeros(len(digits), np.uint16)
    for place in range(digits.shape[1]):
        total += digits[:, -1 - place] * np.uint8(place + 2)
    return total


def _complement(total: NDArray[np.uint16]) -> Bytes:
    return ((10 - total % 10) % 10).astype(np.uint8)


@dataclass(frozen=True)
class Scheme:
    """A way to compute one check digit from the digits before it.

    `fewest` and `most` bound the digits before the check digit. `bad_last` is set where some
    numbers have no check digit: it names the last digit to avoid.
    """

    name: str
    digit: Callable[[Bytes], Bytes]
    fewest: int = 1
    most: int = LONGEST_NUMBER - 1
    bad_last: Callable[[Bytes], Bytes] | None = None

    def length_text(self) -> str:
        """The allowed numbers of digits before the check digit, in words."""
        if self.fewest == self.most:
            return f"exactly {self.most}"
        return f"{self.fewest} to {self.most}"


SCHEMES: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        Scheme("luhn", luhn),
        Scheme("verhoeff", verhoeff),
        Scheme("damm", damm),
        Scheme("mod11", mod11, 1, 9, mod11_bad_last),
        Scheme("nhs", mod11, 9, 9, mod11_bad_last),
        Scheme("npi", npi, 9, 9),
        Scheme("dea", dea, 6, 6),
    )
}
"""Check digits by the name a user gives them."""
