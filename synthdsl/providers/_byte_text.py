"""Text as byte matrices: positions drawn by code, then handed to Arrow without a copy.

A *layout* is a fixed sequence of positions, each with a list of choices (UTF-8 strings).
Neighbouring positions are merged into *atoms*: tables of up to four bytes an entry, so that
filling eight digits costs two table look-ups. Atoms are grouped into *words* of at most
2**32 combinations, each fed by one 64-bit draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

from synthdsl.lazy import lazy
from synthdsl.values.draws import Draws

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Codes = NDArray[Any]
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")

Positions = Sequence[tuple[str, ...]]
"""The choices at each position; a literal is a position with one choice."""

LARGEST_TABLE = 20_000
"""Entries of a merged table: four bytes each, so that a table stays in the second-level cache."""
LARGEST_WORD = 2**32


@dataclass(frozen=True, eq=False)
class Atom:
    """Bytes `offset` to `offset + width` of a row, looked up in `table` by a code below `radix`.

    `table` is (radix,) of an unsigned integer as wide as the atom, or (radix, width) uint8
    where no such integer exists.
    """

    offset: int
    width: int
    radix: int
    table: Any

    def write(self, matrix: Bytes, codes: Codes) -> None:
        """Fill this atom's bytes of every row of `matrix`."""
        rows, width = matrix.shape
        if self.table.ndim == 2:
            matrix[:, self.offset : self.offset + self.width] = self.table[codes]
            return
        # An unaligned strided view: copying four bytes at once is ten times faster than a
        # two-dimensional byte copy with an inner length of four.
        column = np.ndarray(
            (rows,), self.table.dtype, buffer=matrix, offset=self.offset, strides=(width,)
        )
        # "wrap" skips the bounds check; codes are below the radix by construction.
        column[...] = np.take(self.table, codes.astype(np.intp), mode="wrap")


@dataclass(frozen=True, eq=False)
class Word:
    """Neighbouring atoms drawn together: `radix` is the product of theirs, at most 2**32."""

    radix: int
    atoms: tuple[Atom, ...]

    def write(self, matrix: Bytes, numbers: Codes) -> None:
        """Fill the atoms from (n,) unsigned `numbers` below `radix`, most significant first."""
        if not len(numbers):
            return
        rest = numbers
        for atom in reversed(self.atoms[1:]):
            quotient = rest // rest.dtype.type(atom.radix)
            atom.write(matrix, rest - quotient * rest.dtype.type(atom.radix))
            rest = quotient
        self.atoms[0].write(matrix, rest)


class Layout:
    """A sequence of positions compiled into atoms.

    `width`: bytes of a row; `capacity`: product of the numbers of choices; `is_fixed`: every
    choice of a position has the same number of bytes (else shorter ones end in zero bytes,
    which `ragged_text` drops).
    """

    def __init__(self, positions: Positions) -> None:
        encoded = [[choice.encode() for choice in choices] for choices in positions]
        widths = [max(map(len, choices)) for choices in encoded]
        self.width = sum(widths)
        self.capacity = prod(len(choices) for choices in encoded)
        self.is_fixed = all(len(set(map(len, choices))) == 1 for choices in encoded)
        self._row = b"".join(
            choices[0].ljust(width, b"\0") for choices, width in zip(encoded, widths, strict=True)
        )
        self.words = _words(_atoms(encoded, widths))
        self._blank: Bytes | None = None

    def blank(self, rows: int) -> Bytes:
        """A new (rows, width) matrix with the literals in place."""
        if self._blank is None or len(self._blank) < rows:
            self._blank = np.tile(np.frombuffer(self._row, np.uint8), (max(rows, 64), 1))
        return self._blank[:rows].copy()

    def numbers(
        self, draws: Draws, purpose: str = "", *, at: NDArray[np.int64] | None = None
    ) -> list[Codes]:
        """Independent uniform numbers, one (n,) array a word, each below its word's radix."""
        return [
            below(draws.bits(f"{purpose}{place or ''}", at=at), word.radix)
            for place, word in enumerate(self.words)
        ]

    def fill(self, numbers: Sequence[Codes], rows: int) -> Bytes:
        """The (rows, width) byte matrix for one array of numbers a word."""
        matrix = self.blank(rows)
        for word, values in zip(self.words, numbers, strict=True):
            word.write(matrix, values)
        return matrix

    def unrank(self, ranks: NDArray[np.uint64]) -> Bytes:
        """The byte matrix for (n,) `ranks` below the capacity, most significant position first.

        Distinct ranks below min(capacity, 2**64) give distinct rows.
        """
        numbers: list[Codes] = []
        rest = ranks
        for word in reversed(self.words):
            quotient = rest // np.uint64(word.radix)
            number = (rest - quotient * np.uint64(word.radix)).astype(np.uint32)
            numbers.append(number)
            rest = quotient
        return self.fill(numbers[::-1], len(ranks))


def _atoms(encoded: list[list[bytes]], widths: list[int]) -> list[Atom]:
    atoms: list[Atom] = []
    offset = place = 0
    while place < len(encoded):
        if len(encoded[place]) == 1:
            offset, place = offset + widths[place], place + 1
            continue
        length = _merge_length(encoded, widths, place)
        atoms.append(_atom(encoded[place : place + length], widths[place : place + length], offset))
        offset += atoms[-1].width
        place += length
    return atoms


def _merge_length(encoded: list[list[bytes]], widths: list[int], place: int) -> int:
    """How many positions from `place` share a table: the most that make 1, 2 or 4 bytes."""
    best = length = 1
    width, radix = widths[place], len(encoded[place])
    while place + length < len(encoded):
        width += widths[place + length]
        radix *= len(encoded[place + length])
        if width > 4 or radix > LARGEST_TABLE:
            break
        length += 1
        if width in (2, 4):
            best = length
    return best


def _atom(encoded: list[list[bytes]], widths: list[int], offset: int) -> Atom:
    table = _table(tuple(map(tuple, encoded)), tuple(widths))
    return Atom(offset, sum(widths), len(table), table)


@lru_cache(maxsize=256)
def _table(encoded: tuple[tuple[bytes, ...], ...], widths: tuple[int, ...]) -> Any:
    """Every combination of the choices, most significant position first."""
    entries = [b""]
    for choices, width in zip(encoded, widths, strict=True):
        padded = [choice.ljust(width, b"\0") for choice in choices]
        entries = [entry + choice for entry in entries for choice in padded]
    width = sum(widths)
    raw = np.frombuffer(b"".join(entries), np.uint8)
    return raw.view(f"u{width}") if width in (1, 2, 4) else raw.reshape(-1, width)


def _words(atoms: list[Atom]) -> tuple[Word, ...]:
    words: list[Word] = []
    group: list[Atom] = []
    radix = 1
    for atom in atoms:
        if group and radix * atom.radix > LARGEST_WORD:
            words.append(Word(radix, tuple(group)))
            group, radix = [], 1
        group.append(atom)
        radix *= atom.radix
    if group:
        words.append(Word(radix, tuple(group)))
    return tuple(words)


def below(bits: NDArray[np.uint64], radix: int) -> Codes:
    """Uniform integers below `radix` (at most 2**32) from 64 fair bits each: (n,) uint32.

    floor(bits * radix / 2**64) by two 32-bit halves; each value's probability is exact to
    within 2**-64, so the relative error is at most radix / 2**64.
    """
    half = np.uint64(32)
    low = bits & np.uint64(0xFFFFFFFF)
    low *= np.uint64(radix)
    low >>= half
    high = bits >> half
    high *= np.uint64(radix)
    high += low
    high >>= half
    return high.astype(np.uint32)


def fixed_text(matrix: Bytes) -> pa.StringArray:
    """Rows of a C-contiguous (n, width) matrix of UTF-8 as an Arrow array, without a copy."""
    rows, width = matrix.shape
    _refuse_overflow(matrix)
    if width:
        offsets = np.arange(0, rows * width + 1, width, dtype=np.int32)
    else:
        offsets = np.zeros(rows + 1, np.int32)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(matrix))


def ragged_text(matrix: Bytes) -> pa.StringArray:
    """Rows of an (n, width) matrix as an Arrow array, leaving out every zero byte."""
    rows, width = matrix.shape
    _refuse_overflow(matrix)
    lengths = np.zeros(rows + 1, np.int32)
    is_present = matrix != 0
    for column in range(width):
        lengths[1:] += is_present[:, column]
    flat = matrix.reshape(-1)[is_present.reshape(-1)]
    return pa.StringArray.from_buffers(
        rows, pa.py_buffer(np.cumsum(lengths, dtype=np.int32)), pa.py_buffer(flat)
    )


def _refuse_overflow(matrix: Bytes) -> None:
    """Arrow strings hold 2**31 bytes an array; blocks stay far below."""
    if matrix.size >= 2**31:
        raise OverflowError(f"{len(matrix):,} texts of {matrix.shape[1]:,} bytes exceed one array")


def nullable_text(array: pa.StringArray, valid: NDArray[np.bool_]) -> pa.StringArray:
    """`array` (without nulls) with nulls where `valid` is False; its bytes are shared."""
    if valid.all():
        return array
    bitmap = pa.py_buffer(np.packbits(valid, bitorder="little"))
    _, offsets, data = array.buffers()
    return pa.Array.from_buffers(pa.string(), len(array), [bitmap, offsets, data])
