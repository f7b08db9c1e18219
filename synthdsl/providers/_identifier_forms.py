"""Forms of identifiers: the same positions and check digit draw a number and verify one.

`FORMS` holds the fixed-length forms that are drawn; `CHECKS` holds, by name, a validator over
an Arrow string array. A name that ends in `_unreal` is the part of the space that no authority
gives to a person; the plain name is the published format.

Sources: NPI: CMS, NPI check digit. MBI: CMS, "Understanding the Medicare Beneficiary
Identifier (MBI) Format". SSN: SSA POMS RM 10201.035 (areas 000, 666 and 900-999, group 00 and
serial 0000 are never assigned). NHS number: NHS Data Dictionary (999 is kept for tests).
LOINC: Users' Guide. UUID: RFC 9562.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from synthdsl.lazy import lazy
from synthdsl.providers._check_digits import LONGEST_NUMBER, SCHEMES
from synthdsl.providers._checked_text import CheckedText
from synthdsl.providers._pattern_syntax import DIGITS, LETTERS
from synthdsl.values.arrays import unpacked

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Mask = NDArray[np.bool_]
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")

MBI_LETTERS = tuple(letter for letter in LETTERS if letter not in "SLOIBZ")
DEA_TYPES = tuple("ABCDEFGHJKLMPRSTUX")
"""First letters that the DEA gives to types of registrant."""
DEA_UNUSED = tuple("QWYZ")
"""First letters that no type of registrant has. None is reserved for tests."""

_DASH = ("-",)
_NONZERO = DIGITS[1:]
_EITHER = (*DIGITS, *MBI_LETTERS)
_HEXADECIMAL = tuple("0123456789abcdef")


def _numbers(first: int, last: int, width: int, *, without: int = -1) -> tuple[str, ...]:
    return tuple(f"{n:0{width}}" for n in range(first, last + 1) if n != without)


@dataclass(frozen=True)
class Form:
    """Positions and the check digit that follows them.

    The choices of a position are ASCII characters, or decimal numbers of one width.
    """

    positions: tuple[tuple[str, ...], ...]
    scheme: str | None = None

    def compiled(self) -> CheckedText:
        """What draws texts of this form."""
        return CheckedText(self.positions, SCHEMES[self.scheme] if self.scheme else None)

    @property
    def width(self) -> int:
        """Characters of a text."""
        return sum(len(choices[0]) for choices in self.positions) + (self.scheme is not None)

    @cached_property
    def _tables(self) -> tuple[Mask, ...]:
        """Which characters (by byte), or which decimal numbers, each position allows."""
        tables: list[Mask] = []
        for choices in self.positions:
            width = len(choices[0])
            table = np.zeros(256 if width == 1 else 10**width, bool)
            table[[ord(choice) if width == 1 else int(choice) for choice in choices]] = True
            tables.append(table)
        return tuple(tables)

    def holds(self, matrix: Bytes) -> Mask:
        """Which rows of an (n, width) byte matrix are of this form."""
        good = np.ones(len(matrix), bool)
        offset = 0
        digits: list[int] = []
        for choices, table in zip(self.positions, self._tables, strict=True):
            width = len(choices[0])
            good &= _is_among(matrix[:, offset : offset + width], table)
            if all(choice.isdigit() for choice in choices):
                digits.extend(range(offset, offset + width))
            offset += width
        if self.scheme is not None:
            # Rows that fail above may hold bytes that are no digits: keep them below ten.
            values = (matrix[:, digits] - np.uint8(48)) % np.uint8(10)
            good &= SCHEMES[self.scheme].digit(values) + np.uint8(48) == matrix[:, -1]
        return good


def _is_among(block: Bytes, table: Mask) -> Mask:
    """Which rows of an (n, w) byte block spell a choice of the position with `table`."""
    if block.shape[1] == 1:
        return np.asarray(np.take(table, block[:, 0]))
    digits = block - np.uint8(48)
    number = np.zeros(len(block), np.intp)
    good = np.ones(len(block), bool)
    for column in range(block.shape[1]):
        good &= digits[:, column] < 10
        number = number * 10 + digits[:, column]
    good &= np.take(table, number, mode="clip")
    return good


def _mbi(second: tuple[str, ...]) -> Form:
    letter = MBI_LETTERS
    head = (_NONZERO, second, _EITHER, DIGITS, letter, _EITHER, DIGITS)
    return Form((*head, letter, letter, DIGITS, DIGITS))


def _ssn(areas: tuple[str, ...], groups: tuple[str, ...]) -> Form:
    return Form((areas, _DASH, groups, _DASH, _numbers(1, 9999, 4)))


def dea_form(first: tuple[str, ...], second: tuple[str, ...]) -> Form:
    """DEA registration: type of registrant, initial of the name (9: none), seven digits."""
    return Form((first, second, *[DIGITS] * 6), "dea")


def digits_form(length: int, scheme: str, prefix: str = "") -> Form:
    """`length` digits, the last of which checks the others, after the literal `prefix`."""
    return Form((*((letter,) for letter in prefix), *[DIGITS] * (length - 1)), scheme)


@lru_cache(maxsize=1)
def forms() -> dict[str, Form]:
    """The fixed-length forms by name. Built once, on demand: it lists 10,000 serial numbers."""
    hexadecimal = _HEXADECIMAL
    return {
        "npi": Form((("1", "2"), *[DIGITS] * 8), "npi"),
        "npi_unreal": Form((tuple("3456789"), *[DIGITS] * 8), "npi"),
        "mbi": _mbi(MBI_LETTERS),
        "mbi_unreal": _mbi(("S",)),
        "ssn": _ssn(_numbers(1, 899, 3, without=666), _numbers(1, 99, 2)),
        # Groups from 50 on would look like individual taxpayer identification numbers.
        "ssn_unreal": _ssn(_numbers(900, 999, 3), _numbers(1, 49, 2)),
        "nhs_number": digits_form(10, "nhs"),
        "nhs_number_unreal": Form((("9",), ("9",), ("9",), *[DIGITS] * 6), "nhs"),
        "dea": dea_form(DEA_TYPES, (*LETTERS, "9")),
        "dea_unreal": dea_form(DEA_UNUSED, (*LETTERS, "9")),
        "loinc_like": Form((_NONZERO, *[DIGITS] * 4, _DASH), "luhn"),
        "loinc_like_unreal": Form((("9",), *[DIGITS] * 5, _DASH), "luhn"),
        "uuid": Form(
            tuple(
                _DASH
                if place in (8, 13, 18, 23)
                else ("4",)
                if place == 14
                else tuple("89ab")
                if place == 19
                else hexadecimal
                for place in range(36)
            )
        ),
    }


def is_of_form(array: Any, by_length: Callable[[int], Form | None]) -> Mask:
    """Which texts of an Arrow string array have the form for their length; nulls pass.

    A null is no violation, as everywhere in rules. `by_length` returns None for a length (in
    bytes) that no form has.
    """
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    array = array.cast(pa.string())
    rows = len(array)
    result = np.zeros(rows, bool)
    if not rows:
        return result
    _, offset_buffer, data_buffer = array.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32)[array.offset : array.offset + rows + 1]
    starts, lengths = offsets[:-1].astype(np.int64), np.diff(offsets)
    is_null = unpacked(array.is_null())
    result[is_null] = True
    for length in np.unique(lengths[~is_null]).tolist():
        form = by_length(length)
        if form is None or not length:
            continue
        at = np.flatnonzero((lengths == length) & ~is_null)
        data = np.frombuffer(data_buffer, np.uint8)
        result[at] = form.holds(data[starts[at][:, None] + np.arange(length)])
    return result


def _fixed(name: str) -> Callable[[Any], Mask]:
    def check(array: Any) -> Mask:
        form = forms()[name]
        return is_of_form(array, lambda length: form if length == form.width else None)

    return check


def _any_length(scheme: str) -> Callable[[Any], Mask]:
    fewest, most = SCHEMES[scheme].fewest + 1, min(SCHEMES[scheme].most + 1, LONGEST_NUMBER)

    def check(array: Any) -> Mask:
        return is_of_form(
            array,
            lambda length: digits_form(length, scheme) if fewest <= length <= most else None,
        )

    return check


def _is_loinc(array: Any) -> Mask:
    def form(length: int) -> Form | None:
        if not 3 <= length <= 9:
            return None
        return Form((_NONZERO, *[DIGITS] * (length - 3), _DASH), "luhn")

    return is_of_form(array, form)


CHECKS: dict[str, Callable[[Any], Mask]] = {
    **{scheme: _any_length(scheme) for scheme in ("luhn", "verhoeff", "damm", "mod11")},
    **{
        name: _fixed(name)
        for base in ("npi", "mbi", "ssn", "nhs_number", "dea")
        for name in (base, f"{base}_unreal")
    },
    "loinc": _is_loinc,
    "uuid": _fixed("uuid"),
}
"""Validators by name: an Arrow string array to (n,) bool, True where valid or null."""
