r"""Regular expressions read into a finite tree, with its bounds known before it is unrolled.

The parser is a plain recursive descent: it never matches, so it never backtracks, and every
node carries its greatest length and its unrolled size, so that an expression that would be
huge is refused where it is written, in time proportional to the text.

What is understood: literals, `.` (any printable ASCII character), classes with ranges and
negation (within printable ASCII), `\d` `\w` `\s` (0-9; A-Z a-z 0-9 _; one space) and their
capitals, `\t` `\n` `\xHH` `\uHHHH`, groups, alternation, `?` `*` `+` `{m}` `{m,n}` `{m,}`
(lazy forms too), `^` at the start and `$` at the end. `*`, `+` and `{m,}` stop at 8 repeats
beyond their least.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

LONGEST_EXPRESSION = 1_000
"""Characters of an expression."""
LONGEST_TEXT = 1_000
"""Bytes of a drawn text."""
LARGEST_TREE = 4_000
"""Nodes once every repeat is written out."""
LARGEST_CLASS = 5_000
"""Characters of a class."""
DEEPEST_GROUP = 40
UNBOUNDED_EXTRA = 8
"""Repeats beyond the least that `*`, `+` and `{m,}` may make."""

_PRINTABLE = frozenset(map(chr, range(0x20, 0x7F)))
_DIGIT = frozenset("0123456789")
_WORD = _DIGIT | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_SPACE = frozenset(" ")
_CLASSES = {
    "d": _DIGIT,
    "w": _WORD,
    "s": _SPACE,
    "D": _PRINTABLE - _DIGIT,
    "W": _PRINTABLE - _WORD,
    "S": _PRINTABLE - _SPACE,
}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}


class ExpressionError(ValueError):
    """Why an expression is refused: `position` counts its characters from 1."""

    def __init__(self, message: str, position: int, help_text: str) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.help_text = help_text


@dataclass(frozen=True)
class Node:
    """A part of an expression.

    `size`: nodes once repeats are written out; `shortest`, `longest`: bytes of the texts.
    """

    size: int
    shortest: int
    longest: int

    @cached_property
    def count(self) -> int:
        """Number of ways to derive a text, exactly."""
        raise NotImplementedError


@dataclass(frozen=True)
class Choice(Node):
    """One character out of `characters` (sorted)."""

    characters: tuple[str, ...]

    @cached_property
    def count(self) -> int:
        """Number of characters."""
        return len(self.characters)


@dataclass(frozen=True)
class Sequence(Node):
    """Parts one after the other."""

    parts: tuple[Node, ...]

    @cached_property
    def count(self) -> int:
        """Product over the parts."""
        total = 1
        for part in self.parts:
            total *= part.count
        return total


@dataclass(frozen=True)
class Branch(Node):
    """One of several options."""

    options: tuple[Node, ...]

    @cached_property
    def count(self) -> int:
        """Sum over the options."""
        return sum(option.count for option in self.options)


@dataclass(frozen=True)
class Repeat(Node):
    """`low` to `high` copies of `part`, each independent."""

    part: Node
    low: int
    high: int

    @cached_property
    def count(self) -> int:
        """Sum over the numbers of copies."""
        return sum(self.counts)

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """Derivations with `low`, `low` + 1, …, `high` copies."""
        power = self.part.count**self.low
        counts = [power]
        for _ in range(self.high - self.low):
            power *= self.part.count
            counts.append(power)
        return tuple(counts)


def parse_expression(text: str) -> Node:
    """The tree of `text`; raises `ExpressionError` where it is wrong, unsupported or huge."""
    if not text:
        raise ExpressionError("the expression is empty", 1, 'write one, such as "[A-Z]{2}[0-9]{6}"')
    if len(text) > LONGEST_EXPRESSION:
        raise ExpressionError(
            f"the expression has {len(text):,} characters, at most {LONGEST_EXPRESSION:,} are "
            "allowed",
            LONGEST_EXPRESSION + 1,
            "shorten it",
        )
    return _Parser(text).parse()


class _Parser:
    """Recursive descent over `text`; `at` is the offset of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.end = len(text)
        self.depth = 0

    def parse(self) -> Node:
        if self.text.startswith("^"):
            self.at = 1
        if self.text.endswith("$") and not self._is_escaped(self.end - 1):
            self.end -= 1
        node = self._branch()
        if self.at < self.end:
            raise self._error("this `)` closes nothing", "remove it, or write `\\)`")
        return node

    def _is_escaped(self, place: int) -> bool:
        slashes = len(self.text[:place]) - len(self.text[:place].rstrip("\\"))
        return slashes % 2 == 1

    def _error(self, message: str, help_text: str, place: int | None = None) -> ExpressionError:
        return ExpressionError(message, (self.at if place is None else place) + 1, help_text)

    def _peek(self) -> str:
        return self.text[self.at] if self.at < self.end else ""

    def _branch(self) -> Node:
        options = [self._sequence()]
        while self._peek() == "|":
            self.at += 1
            options.append(self._sequence())
        if len(options) == 1:
            return options[0]
        return self._bounded(
            Branch(
                1 + sum(option.size for option in options),
                min(option.shortest for option in options),
                max(option.longest for option in options),
                tuple(options),
            ),
            self.at,
        )

    def _sequence(self) -> Node:
        parts: list[Node] = []
        size, longest = 1, 0
        while self._peek() not in ("", "|", ")"):
            start = self.at
            part = self._repeats(self._item(), start)
            parts.append(part)
            size += part.size
            longest += part.longest
            self._check(size, longest, start)
        if len(parts) == 1:
            return parts[0]
        return Sequence(size, sum(part.shortest for part in parts), longest, tuple(parts))

    def _check(self, size: int, longest: int, place: int) -> None:
        if longest > LONGEST_TEXT:
            raise self._error(
                f"texts could be {longest:,} bytes long, at most {LONGEST_TEXT:,} are allowed",
                "lower the repeats",
                place,
            )
        if size > LARGEST_TREE:
            raise self._error(
                f"written out, the expression has more than {LARGEST_TREE:,} parts",
                "lower the repeats",
                place,
            )

    def _bounded(self, node: Node, place: int) -> Node:
        self._check(node.size, node.longest, place)
        return node

    def _repeats(self, part: Node, start: int) -> Node:
        bounds = self._quantifier()
        if bounds is None:
            return part
        low, high = bounds
        if self._peek() == "?":
            self.at += 1
        elif self._peek() == "+":
            raise self._error("possessive repeats are not supported", "remove the `+`")
        if self._peek() in ("*", "+", "?", "{"):
            raise self._error("a repeat follows a repeat", "put the part in a group first")
        node = Repeat(
            1 + part.size * high, part.shortest * low, part.longest * high, part, low, high
        )
        return self._bounded(node, start)

    def _quantifier(self) -> tuple[int, int] | None:
        mark = self._peek()
        if mark and mark in "?*+":
            self.at += 1
            return {
                "?": (0, 1),
                "*": (0, UNBOUNDED_EXTRA),
                "+": (1, 1 + UNBOUNDED_EXTRA),
            }[mark]
        if mark != "{":
            return None
        start = self.at
        self.at += 1
        low = self._number()
        high = low
        if self._peek() == ",":
            self.at += 1
            high = self._number()
            if high is None and low is not None:
                high = low + UNBOUNDED_EXTRA
        if low is None:
            low = 0 if high is not None else None
        if self._peek() != "}" or low is None or high is None:
            raise self._error(
                "this `{` starts no repeat", "write `{m}` or `{m,n}`, or `\\{` for a brace", start
            )
        self.at += 1
        if low > high:
            raise self._error(
                f"the least number of repeats, {low}, is above the most, {high}",
                f"write {{{high},{low}}}",
                start,
            )
        return low, high

    def _number(self) -> int | None:
        start = self.at
        while self._peek() and self._peek() in "0123456789":
            self.at += 1
        digits = self.text[start : self.at]
        if len(digits) > 6:
            raise self._error("the number of repeats is too large", "lower it", start)
        return int(digits) if digits else None

    def _item(self) -> Node:
        character = self._peek()
        if character == "(":
            return self._group()
        if character == "[":
            return self._class()
        if character == "\\":
            found = self._escape()
            return self._choice(found if isinstance(found, frozenset) else frozenset(found))
        if character in "*+?{":
            raise self._error(
                f"this `{character}` repeats nothing", f"write `\\{character}` for the character"
            )
        if character in "^$":
            raise self._error(
                f"`{character}` is allowed at the very "
                f"{'start' if character == '^' else 'end'} only",
                f"remove it, or write `\\{character}` for the character",
            )
        self.at += 1
        return self._choice(_PRINTABLE if character == "." else frozenset(character))

    def _choice(self, characters: frozenset[str]) -> Choice:
        if characters is _PRINTABLE:
            return _choice_of(characters)
        for character in characters:
            if character == "\0" or "\ud800" <= character <= "\udfff":
                raise self._error(
                    f"character U+{ord(character):04X} cannot be drawn", "remove it", self.at - 1
                )
        return _choice_of(characters)

    def _group(self) -> Node:
        start = self.at
        self.at += 1
        if self._peek() == "?":
            self._group_head(start)
        self.depth += 1
        if self.depth > DEEPEST_GROUP:
            raise self._error(
                f"groups are nested deeper than {DEEPEST_GROUP}", "remove some", start
            )
        node = self._branch()
        if self._peek() != ")":
            raise self._error("this `(` is not closed", "add `)`", start)
        self.at += 1
        self.depth -= 1
        return node

    def _group_head(self, start: int) -> None:
        """Skip `?:` or `?P<name>`; refuse what is not a plain group."""
        rest = self.text[self.at + 1 : self.end]
        if rest.startswith(":"):
            self.at += 2
            return
        if rest.startswith("P<") and rest[2:].partition(">")[0].isidentifier():
            self.at += rest.index(">") + 2
            return
        if rest.startswith(("=", "!", "<=", "<!")):
            raise self._error(
                "look-around is not supported", "say it with a rule on the field", start
            )
        if rest.startswith("P="):
            raise self._error(
                "back-references are not supported", "build the text with `template`", start
            )
        raise self._error("only plain groups are supported", "write `( … )` or `(?: … )`", start)

    def _escape(self) -> frozenset[str] | str:
        """The class or character after a backslash."""
        start = self.at
        self.at += 2
        if start + 1 >= self.end:
            raise self._error(
                "the expression ends in a lone `\\`", "write `\\\\` for a backslash", start
            )
        letter = self.text[start + 1]
        if letter in _CLASSES:
            return _CLASSES[letter]
        if letter in _CONTROLS:
            return _CONTROLS[letter]
        if letter in "xu":
            digits = self.text[self.at : min(self.at + (2 if letter == "x" else 4), self.end)]
            if len(digits) < (2 if letter == "x" else 4) or not set(digits) <= _HEXADECIMAL:
                raise self._error(
                    f"`\\{letter}` needs {2 if letter == 'x' else 4} hexadecimal digits",
                    "write them",
                    start,
                )
            self.at += len(digits)
            return chr(int(digits, 16))
        if letter in "123456789":
            raise self._error(
                "back-references are not supported", "build the text with `template`", start
            )
        if letter.isalnum():
            raise self._error(
                f"`\\{letter}` is not supported", "use a class such as [A-Z], or a literal", start
            )
        return letter

    def _class(self) -> Choice:
        start = self.at
        self.at += 1
        is_negated = self._peek() == "^"
        self.at += is_negated
        characters: set[str] = set()
        is_first = True
        while self._peek() != "]" or is_first:
            if not self._peek():
                raise self._error("this `[` is not closed", "add `]`", start)
            is_first = False
            characters |= self._class_item()
            if len(characters) > LARGEST_CLASS:
                raise self._error(
                    f"the class has more than {LARGEST_CLASS:,} characters", "narrow it", start
                )
        self.at += 1
        chosen = _PRINTABLE - characters if is_negated else frozenset(characters)
        if not chosen:
            raise self._error("the class holds no printable character", "name some", start)
        return self._choice(chosen)

    def _class_item(self) -> frozenset[str]:
        """One character, escape or range of a class."""
        start = self.at
        low = self._class_end()
        if self._peek() != "-" or self.text[self.at + 1 : self.at + 2] in ("]", ""):
            return low if isinstance(low, frozenset) else frozenset(low)
        self.at += 1
        high = self._class_end()
        if isinstance(low, frozenset) or isinstance(high, frozenset) or low > high:
            shown = self.text[start : self.at]
            raise self._error(
                f"`{shown}` is no range of characters", "write the lower character first", start
            )
        if ord(high) - ord(low) >= LARGEST_CLASS:
            raise self._error(
                f"the range has more than {LARGEST_CLASS:,} characters", "narrow it", start
            )
        return frozenset(map(chr, range(ord(low), ord(high) + 1)))

    def _class_end(self) -> frozenset[str] | str:
        if self._peek() == "\\":
            return self._escape()
        self.at += 1
        return self.text[self.at - 1]


@lru_cache(maxsize=512)
def _choice_of(characters: frozenset[str]) -> Choice:
    widths = [len(character.encode()) for character in characters]
    return Choice(1, min(widths), max(widths), tuple(sorted(characters)))


_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")
