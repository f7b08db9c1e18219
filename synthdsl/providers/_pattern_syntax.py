r"""The little language of patterns: `#` a digit, `?` a capital letter, `\` takes the next
character as it is, everything else stands for itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from synthdsl.functions.base import Argument, Misuse
from synthdsl.values.types import Kind

DIGITS = tuple("0123456789")
LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""What `?` draws from: the 26 capital letters of ASCII, O and I included."""
LONGEST_PATTERN = 1_000
"""Characters of a pattern."""


@dataclass(frozen=True)
class Pattern:
    """A parsed pattern: the choices at each position, and what was written.

    `blanks` holds, for each position, `#`, `?` or an empty string for a literal.
    """

    text: str
    positions: tuple[tuple[str, ...], ...]
    blanks: tuple[str, ...]

    @property
    def capacity(self) -> int:
        """Number of distinct texts."""
        return prod(len(choices) for choices in self.positions)

    @property
    def digits(self) -> int:
        """Number of `#`."""
        return self.blanks.count("#")

    @property
    def has_letters(self) -> bool:
        """Whether any `?` stands in it."""
        return "?" in self.blanks


def parse_pattern(text: str) -> Pattern | Misuse:
    """The pattern written as `text`, or what is wrong with it."""
    if not text:
        return Misuse("the pattern is empty", 0, 'write what to draw, such as "MRN-########"')
    if len(text) > LONGEST_PATTERN:
        return Misuse(
            f"the pattern has {len(text):,} characters, at most {LONGEST_PATTERN:,} are allowed",
            0,
            "shorten the pattern",
        )
    positions: list[tuple[str, ...]] = []
    blanks: list[str] = []
    is_escaped = False
    for place, character in enumerate(text):
        if character == "\0" or "\ud800" <= character <= "\udfff":
            return Misuse(
                f"character {place + 1} of the pattern (U+{ord(character):04X}) cannot be drawn",
                0,
                "remove it",
            )
        if character == "\\" and not is_escaped:
            is_escaped = True
            continue
        blank = "" if is_escaped or character not in "#?" else character
        positions.append({"#": DIGITS, "?": LETTERS}.get(blank, (character,)))
        blanks.append(blank)
        is_escaped = False
    if is_escaped:
        return Misuse(
            "the pattern ends in a lone `\\`", 0, "write `\\\\` for a backslash, or remove it"
        )
    return Pattern(text, tuple(positions), tuple(blanks))


def constant_pattern(argument: Argument, example: str) -> Pattern | Misuse:
    """The pattern given as constant text, or what is wrong with the argument."""
    if argument.type.kind is not Kind.TEXT:
        return Misuse(f"the pattern must be text, this is {argument.type}", 0, f'write "{example}"')
    if not argument.is_constant or argument.value is None:
        return Misuse("the pattern must be a constant", 0, f'write it out: "{example}"')
    return parse_pattern(argument.value)
