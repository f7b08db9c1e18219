"""Fixed-layout text with an optional check digit at its end: drawn, or taken by rank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from synthdsl.functions.base import Argument, Misuse
from synthdsl.lazy import lazy
from synthdsl.providers._byte_text import Layout, fixed_text
from synthdsl.providers._check_digits import SCHEMES, Scheme
from synthdsl.providers._pattern_syntax import DIGITS, Pattern
from synthdsl.values.columns import Column
from synthdsl.values.draws import Draws
from synthdsl.values.types import Kind

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
else:
    np = lazy("numpy")

ZERO = 48


class CheckedText:
    """Positions, and the check digit that follows them (None: no check digit).

    Every decimal digit of the text counts, drawn or literal; other characters are skipped.
    For modulus 11, where about one number in eleven has no check digit, the last digit takes
    nine values for each choice of the others: the one without a check digit is left out (9
    where all ten have one), so that all texts are equally likely and their number is a product.
    """

    def __init__(self, positions: Sequence[tuple[str, ...]], scheme: Scheme | None) -> None:
        places = list(positions)
        self.scheme = scheme
        if scheme is not None:
            self._columns = _digit_columns(places)
            if scheme.bad_last is not None:
                last = max(place for place, choices in enumerate(places) if set(choices) <= _DIGITS)
                places[last] = DIGITS[:9]
            places.append(("0",))
        self.places = tuple(places)
        self.layout = Layout(places)

    @property
    def capacity(self) -> int:
        """Number of distinct texts."""
        return self.layout.capacity

    def draw(self, draws: Draws, purpose: str = "") -> Column:
        """One text a row, all equally likely."""
        return Column(self.text(self.layout.fill(self.layout.numbers(draws, purpose), draws.rows)))

    def text(self, matrix: Bytes) -> pa.StringArray:
        """The rows of a filled `matrix` as text, its check digits computed in place."""
        if self.scheme is not None:
            digits = matrix[:, self._columns]
            digits -= np.uint8(ZERO)
            if self.scheme.bad_last is not None:
                last = digits[:, -1]
                last += last >= np.minimum(self.scheme.bad_last(digits), 9)
                matrix[:, self._columns[-1]] = last + np.uint8(ZERO)
            np.add(self.scheme.digit(digits), np.uint8(ZERO), out=matrix[:, -1])
        return fixed_text(matrix)


_DIGITS = set(DIGITS)


def _digit_columns(places: list[tuple[str, ...]]) -> list[int]:
    """Byte columns of the decimal digits."""
    columns: list[int] = []
    offset = 0
    for choices in places:
        width = len(choices[0].encode())
        if all(choice.isascii() and choice.isdigit() for choice in choices):
            columns.extend(range(offset, offset + width))
        offset += width
    return columns


def named_scheme(argument: Argument, *, position: int) -> Scheme | Misuse | None:
    """The check-digit scheme that a constant argument names; None for null."""
    if argument.type.kind is Kind.NULL or (argument.is_constant and argument.value is None):
        return None
    names = ", ".join(f'"{name}"' for name in SCHEMES)
    if not argument.is_constant or argument.type.kind is not Kind.TEXT:
        return Misuse("the check must be constant text", position, f"use one of {names}")
    if argument.value not in SCHEMES:
        return Misuse(f'there is no check "{argument.value}"', position, f"use one of {names}")
    return SCHEMES[argument.value]


def misfit(pattern: Pattern, scheme: Scheme | None) -> Misuse | None:
    """Why `scheme` cannot follow `pattern`, if it cannot."""
    if scheme is None:
        return None
    if pattern.has_letters:
        return Misuse(
            f'check "{scheme.name}" is computed from digits, the pattern draws letters',
            0,
            "replace each `?` by a fixed letter or by `#`",
        )
    digits = [
        place
        for place, choices in enumerate(pattern.positions)
        if all(choice in _DIGITS for choice in choices)
    ]
    if not scheme.fewest <= len(digits) <= scheme.most:
        return Misuse(
            f'check "{scheme.name}" follows {scheme.length_text()} digits, '
            f"the pattern has {len(digits)}",
            0,
            "change the number of `#`; the check digit is added at the end",
        )
    if scheme.bad_last is not None and pattern.blanks[digits[-1]] != "#":
        return Misuse(
            f'for check "{scheme.name}" the last digit of the pattern must be `#`',
            0,
            "end the pattern in `#`: not every number has a check digit",
        )
    return None
