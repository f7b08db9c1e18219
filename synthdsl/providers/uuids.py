"""Random universally unique identifiers (RFC 9562, section 5.4: version 4)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from synthdsl.functions.base import Argument, Misuse
from synthdsl.lazy import lazy
from synthdsl.providers._byte_text import fixed_text
from synthdsl.providers.base import PROVIDERS, Provider
from synthdsl.values.columns import Column
from synthdsl.values.draws import Draws
from synthdsl.values.types import UUID, Type

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = lazy("numpy")

WIDTH = 36
_HIGH = (0, 4, 9, 14)
_LOW = (19, 24, 28, 32)
"""Byte offsets of the eight groups of four hexadecimal digits."""
_HYPHENS = (8, 13, 18, 23)


@lru_cache(maxsize=1)
def _hexadecimal() -> NDArray[np.uint32]:
    """The four lower-case hexadecimal digits of each 16-bit number, as stored in memory."""
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    numbers = np.arange(65_536)
    table = np.stack([digits[numbers >> shift & 15] for shift in (12, 8, 4, 0)], axis=1)
    return np.ascontiguousarray(table).view(np.uint32).reshape(-1)


@PROVIDERS.register
class RandomUuid(Provider):
    """Version 4: 122 random bits; two rows of 10**9 agree with probability below 1e-19."""

    name = "uuid"
    summary = "A random UUID, version 4: 36 characters in lower case."
    source = "RFC 9562, section 5.4"
    example = "uuid()"

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Always a uuid."""
        return UUID

    def draw(self, draws: Draws, prepared: Any, *values: Any) -> Column:
        """One identifier a row."""
        high = draws.bits("high")
        low = draws.bits("low")
        high = high & np.uint64(0xFFFFFFFFFFFF0FFF) | np.uint64(0x4000)
        low = low & np.uint64(0x3FFFFFFFFFFFFFFF) | np.uint64(0x8000000000000000)
        matrix = np.empty((draws.rows, WIDTH), np.uint8)
        for column in _HYPHENS:
            matrix[:, column] = 45
        for bits, offsets in ((high, _HIGH), (low, _LOW)):
            for offset, shift in zip(offsets, (48, 32, 16, 0), strict=True):
                _write(matrix, offset, bits >> np.uint64(shift) & np.uint64(0xFFFF))
        return Column(fixed_text(matrix))


def _write(matrix: NDArray[np.uint8], offset: int, numbers: NDArray[np.uint64]) -> None:
    """Put the hexadecimal digits of 16-bit `numbers` at byte `offset` of every row."""
    if not len(matrix):
        return
    group = np.ndarray(
        (len(matrix),), np.uint32, buffer=matrix, offset=offset, strides=(matrix.shape[1],)
    )
    group[...] = np.take(_hexadecimal(), numbers.view(np.int64), mode="wrap")
