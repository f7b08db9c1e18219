"""Text from a pattern and a number."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from synthdsl.functions.base import FUNCTIONS, Argument, Function, Misuse
from synthdsl.lazy import lazy
from synthdsl.providers._byte_text import Layout, fixed_text, nullable_text
from synthdsl.providers._pattern_syntax import Pattern, constant_pattern, parse_pattern
from synthdsl.values.types import TEXT, Kind, Type

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

MOST_DIGITS = 18
"""More than any int has."""


@lru_cache(maxsize=256)
def _pattern(text: str) -> Pattern:
    pattern = parse_pattern(text)
    if not isinstance(pattern, Pattern):
        raise ValueError(pattern.message)
    return pattern


@lru_cache(maxsize=256)
def _layout(text: str) -> Layout:
    return Layout(_pattern(text).positions)


@FUNCTIONS.register
class Numbered(Function):
    """The pattern with the digits of the number, zero-padded, in place of its `#`."""

    name = "numbered"
    summary = (
        "Text of a pattern whose `#` are the digits of a number, padded with zeros; null where "
        "the number is negative or has more digits than there are `#`."
    )
    signature = "numbered(pattern: text, number: int) -> text"
    example = ('numbered("P####", 42)', "P0042")
    parameter_names = ("pattern", "number")

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Text, null where a number may not fit; or what is wrong with the arguments."""
        pattern = constant_pattern(arguments[0], "P########")
        if isinstance(pattern, Misuse):
            return pattern
        if pattern.has_letters:
            return Misuse(
                "the pattern draws a letter, but a number has only digits",
                0,
                "write `\\?` for a question mark, or remove it",
            )
        if not 1 <= pattern.digits <= MOST_DIGITS:
            return Misuse(
                f"the pattern has {pattern.digits} `#`, it needs 1 to {MOST_DIGITS}",
                0,
                'write a `#` for each digit, such as "P########"',
            )
        number = arguments[1]
        if number.type.kind not in (Kind.INT, Kind.NULL, Kind.UNKNOWN):
            return Misuse(
                f"the number must be an int, this is {number.type}", 1, "round it to an int first"
            )
        if number.is_constant and number.value is not None:
            if not 0 <= number.value < pattern.capacity:
                return Misuse(
                    f"{number.value} does not fit {pattern.digits} digits",
                    1,
                    f"use 0 to {pattern.capacity - 1}, or add `#` to the pattern",
                )
            return TEXT
        return TEXT.nullable()

    def constant(self, *values: Any) -> Any:
        """The text for a constant number; None where it does not fit."""
        pattern = _pattern(values[0])
        number = values[1]
        if not 0 <= number < pattern.capacity:
            return None
        digits = iter(f"{number:0{pattern.digits}}")
        return "".join(
            next(digits) if blank else choices[0]
            for blank, choices in zip(pattern.blanks, pattern.positions, strict=True)
        )

    def apply(self, *values: Any) -> Any:
        """An Arrow string array with nulls where the number does not fit: (n,)."""
        layout = _layout(values[0])
        numbers = np.asarray(values[1], np.int64)
        if not len(numbers) or (numbers.min() >= 0 and numbers.max() < layout.capacity):
            return fixed_text(layout.unrank(numbers.view(np.uint64)))
        valid = (numbers >= 0) & (numbers < layout.capacity)
        ranks = np.where(valid, numbers, 0).view(np.uint64)
        return nullable_text(fixed_text(layout.unrank(ranks)), valid)
