"""Functions of text. Positions count characters (code points) from 1; all take constants for
everything but the text itself.

`constant` computes ASCII in Python and asks Arrow for the rest, so that both agree on every
letter whatever Unicode version either knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from synthdsl.functions._arguments import expect, expect_constant, expect_whole
from synthdsl.functions.base import FUNCTIONS, Argument, Function, Misuse, Range
from synthdsl.lazy import lazy
from synthdsl.values.arrays import unpacked
from synthdsl.values.types import BOOL, INT, TEXT, Kind, Type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from numpy.typing import NDArray
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")

LONGEST = 100_000
LONGEST_PATTERN = 500
BLANKS = " \t\r\n"


class _OfText(Function):
    """A function whose first argument is text and whose others are constants."""

    parameter_names: ClassVar[tuple[str, ...]] = ("text",)
    result: ClassVar[Type] = TEXT

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        wrong = expect(arguments, 0, {Kind.TEXT}, "text")
        for at in range(1, len(arguments)):
            wrong = wrong or self.check(arguments, at)
        return wrong or self.result

    def check(self, arguments: tuple[Argument, ...], at: int) -> Misuse | None:
        """What is wrong with argument `at`, from 1."""
        what = f"`{self.parameter_names[at]}`"
        return expect(arguments, at, {Kind.TEXT}, f"{what}, text,") or expect_constant(
            arguments, at, what
        )

    def by_arrow(self, *values: Any) -> Any:
        """The result for constants, computed by `apply` on one row."""
        text, *others = values
        result = self.apply(pa.array([text], pa.string()), *others)
        return result[0].as_py() if isinstance(result, pa.Array) else result[0].item()


class _Cased(_OfText):
    kernel: ClassVar[str]
    method: ClassVar[Callable[[str], str]]

    def constant(self, *values: Any) -> str:
        """The result for constants."""
        text = values[0]
        return type(self).method(text) if text.isascii() else str(self.by_arrow(text))

    def apply(self, *values: Any) -> pa.StringArray:
        """The results for arrays."""
        return getattr(pc, self.kernel)(values[0])


@FUNCTIONS.register
class Upper(_Cased):
    """Text in capitals."""

    name = "upper"
    summary = "The text in capitals, letter by letter."
    signature = "upper(text: text) -> text"
    example = ('upper("abc")', "ABC")
    kernel, method = "utf8_upper", str.upper


@FUNCTIONS.register
class Lower(_Cased):
    """Text in small letters."""

    name = "lower"
    summary = "The text in small letters, letter by letter."
    signature = "lower(text: text) -> text"
    example = ('lower("ABC")', "abc")
    kernel, method = "utf8_lower", str.lower


@FUNCTIONS.register
class Title(_Cased):
    """Text with capital initials."""

    name = "title"
    summary = "The text with a capital at the start of each run of letters, small ones after it."
    signature = "title(text: text) -> text"
    example = ('title("anna-maria o\'neil")', "Anna-Maria O'Neil")
    kernel, method = "utf8_title", str.title


@FUNCTIONS.register
class Length(_OfText):
    """The number of characters."""

    name = "length"
    summary = "Number of characters (Unicode code points)."
    signature = "length(text: text) -> int"
    example = ('length("abc")', "3")
    result = INT

    def constant(self, *values: Any) -> int:
        """The result for constants."""
        return len(values[0])

    def apply(self, *values: Any) -> NDArray[np.int64]:
        """The results for arrays."""
        lengths: NDArray[np.int64] = np.asarray(pc.utf8_length(values[0])).astype(np.int64)
        return lengths

    def bounds(self, *ranges: Range) -> Range:
        """Range of the results."""
        return 0.0, float("inf")


@FUNCTIONS.register
class Trim(_OfText):
    """Text without blanks at its ends."""

    name = "trim"
    summary = "The text without spaces, tabs and line ends at its two ends."
    signature = "trim(text: text) -> text"
    example = ('trim("  a b ")', "a b")

    def constant(self, *values: Any) -> str:
        """The result for constants."""
        text: str = values[0].strip(BLANKS)
        return text

    def apply(self, *values: Any) -> pa.StringArray:
        """The results for arrays."""
        return pc.utf8_trim(values[0], characters=BLANKS)


class _Sliced(_OfText):
    """A part of the text given by whole numbers."""

    def check(self, arguments: tuple[Argument, ...], at: int) -> Misuse | None:
        """What is wrong with argument `at`."""
        name = self.parameter_names[at]
        return expect_whole(arguments, at, f"`{name}`", 1 if name == "start" else 0, LONGEST)


@FUNCTIONS.register
class Substring(_Sliced):
    """A run of characters."""

    name = "substring"
    summary = "`length` characters from position `start` (1 is the first), or fewer at the end."
    signature = "substring(text: text, start: int, length: int) -> text"
    example = ('substring("abcdef", 2, 3)', "bcd")
    parameter_names = ("text", "start", "length")

    def constant(self, *values: Any) -> str:
        """The result for constants."""
        text, start, length = values
        return str(text[start - 1 : start - 1 + length])

    def apply(self, *values: Any) -> pa.StringArray:
        """The results for arrays."""
        text, start, length = values
        return pc.utf8_slice_codeunits(text, start - 1, start - 1 + length)


@FUNCTIONS.register
class Left(_Sliced):
    """The first characters."""

    name = "left"
    summary = "The first n characters, or all where there are fewer."
    signature = "left(text: text, n: int) -> text"
    example = ('left("abcdef", 2)', "ab")
    parameter_names = ("text", "n")

    def constant(self, *values: Any) -> str:
        """The result for constants."""
        return str(values[0][: values[1]])

    def apply(self, *values: Any) -> pa.StringArray:
        """The results for arrays."""
        return pc.utf8_slice_codeunits(values[0], 0, values[1])


@FUNCTIONS.register
class Right(_Sliced):
    """The last characters."""

    name = "right"
    summary = "The last n characters, or all where there are fewer."
    signature = "right(text: text, n: int) -> text"
    example = ('right("abcdef", 2)', "ef")
    parameter_names = ("text", "n")

    def constant(self, *values: Any) -> str:
        """The result for constants."""
        return str(values[0][-values[1] :]) if values[1] else ""

    def apply(self, *values: Any) -> pa.StringArray:
        """The results for arrays."""
        text, n = values
        if n == 0:
            return pc.utf8_slice_codeunits(text, 0, 0)
        return pc.utf8_slice_codeunits(text, -n)


@FUNCTIONS.register
class Replace(_OfText):
    """Text with one piece exchanged for another."""

    name = "replace"
    summary = "The text with every occurrence of `old`, from the left, exchanged for `new`."
    signature = "replace(text: text, old: text, new: text) -> text"
    example = ('replace("a-b-c", "-", "+")', "a+b+c")
    parameter_names = ("text", "old", "new")

    def check(self, arguments: tuple[Argument, ...], at: int) -> Misuse | None:
        """What is wrong with argument `at`."""
        if at == 1 and arguments[1].is_constant and arguments[1].value == "":
            return Misuse("`old` is empty, and empty text occurs everywhere", 1)
        return super().check(arguments, at)

    def constant(self, *values: Any) -> str:
        """The result for constants."""
        text, old, new = values
        return str(text.replace(old, new))

    def apply(self, *values: Any) -> pa.StringArray:
        """The results for arrays."""
        text, old, new = values
        return pc.replace_substring(text, old, new)


class _Test(_OfText):
    """A claim about the text."""

    parameter_names = ("text", "part")
    result = BOOL
    kernel: ClassVar[str]

    def apply(self, *values: Any) -> NDArray[np.bool_]:
        """The results for arrays."""
        found = getattr(pc, self.kernel)(values[0], self.pattern(values[1]))
        return unpacked(found)

    def pattern(self, part: str) -> str:
        """What the kernel looks for."""
        return part


@FUNCTIONS.register
class Contains(_Test):
    """Whether a piece occurs."""

    name = "contains"
    summary = "Whether `part` occurs in the text."
    signature = "contains(text: text, part: text) -> bool"
    example = ('contains("abc", "bc")', "true")
    kernel = "match_substring"

    def constant(self, *values: Any) -> bool:
        """The result for constants."""
        return values[1] in values[0]


@FUNCTIONS.register
class StartsWith(_Test):
    """Whether the text begins with a piece."""

    name = "starts_with"
    summary = "Whether the text begins with `part`."
    signature = "starts_with(text: text, part: text) -> bool"
    example = ('starts_with("abc", "ab")', "true")
    kernel = "starts_with"

    def constant(self, *values: Any) -> bool:
        """The result for constants."""
        return bool(values[0].startswith(values[1]))


@FUNCTIONS.register
class EndsWith(_Test):
    """Whether the text ends with a piece."""

    name = "ends_with"
    summary = "Whether the text ends with `part`."
    signature = "ends_with(text: text, part: text) -> bool"
    example = ('ends_with("abc", "bc")', "true")
    kernel = "ends_with"

    def constant(self, *values: Any) -> bool:
        """The result for constants."""
        return bool(values[0].endswith(values[1]))


@FUNCTIONS.register
class Matches(_Test):
    """Whether the whole text matches a regular expression.

    RE2 runs in time linear in the text, whatever the expression; there are no
    back-references. Checking the expression loads Arrow.
    """

    name = "matches"
    summary = "Whether the whole text matches a regular expression (RE2 syntax)."
    signature = "matches(text: text, pattern: text) -> bool"
    example = ('matches("A12", "[A-Z][0-9]+")', "true")
    parameter_names = ("text", "pattern")
    kernel = "match_substring_regex"

    def check(self, arguments: tuple[Argument, ...], at: int) -> Misuse | None:
        """What is wrong with argument `at`."""
        wrong = super().check(arguments, at)
        if wrong or not arguments[at].is_constant:
            return wrong
        pattern = arguments[at].value
        if len(pattern) > LONGEST_PATTERN:
            return Misuse(f"the expression is longer than {LONGEST_PATTERN} characters", at)
        try:
            # Alone first: `a)(b` is wrong, though wrapped in a group it would read.
            for form in (pattern, self.pattern(pattern)):
                pc.match_substring_regex(pa.array([""]), form)
        except pa.ArrowInvalid as error:
            return Misuse(str(error).removesuffix(f": {pattern}"), at)
        return None

    def pattern(self, part: str) -> str:
        """What the kernel looks for."""
        return rf"\A(?:{part})\z"

    def constant(self, *values: Any) -> bool:
        """The result for constants."""
        return bool(self.by_arrow(*values))


@FUNCTIONS.register
class SplitPart(_OfText):
    """One part of a separated text."""

    name = "split_part"
    summary = "Part n (1 is the first) of the text between separators; null where there are fewer."
    signature = "split_part(text: text, separator: text, n: int) -> text"
    example = ('split_part("a-b-c", "-", 2)', "b")
    parameter_names = ("text", "separator", "n")

    def check(self, arguments: tuple[Argument, ...], at: int) -> Misuse | None:
        """What is wrong with argument `at`."""
        if at == 2:
            return expect_whole(arguments, 2, "`n`", 1, LONGEST)
        if arguments[1].is_constant and arguments[1].value == "":
            return Misuse("the separator is empty", 1)
        return super().check(arguments, at)

    def constant(self, *values: Any) -> str | None:
        """The result for constants."""
        text, separator, n = values
        parts = text.split(separator, n)
        return parts[n - 1] if n <= len(parts) else None

    def apply(self, *values: Any) -> pa.StringArray:
        """The results for arrays."""
        text, separator, n = values
        parts = pc.split_pattern(text, separator, max_splits=n)
        # A slice of fixed size is padded with nulls.
        return pc.list_slice(parts, n - 1, n, return_fixed_size_list=True).flatten()
