"""Values of any kind written as text, alone, joined, or with leading zeros."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from synthdsl.functions._arguments import expect, expect_plain, expect_whole
from synthdsl.functions._writing import WRITABLE, Writer
from synthdsl.functions.base import FUNCTIONS, Argument, Function, Misuse
from synthdsl.lazy import lazy
from synthdsl.values.arrays import booleans, numbers
from synthdsl.values.types import TEXT, Kind, Type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")


class _Written(Function):
    """A function that writes values of any kind; `bind` learns the kinds."""

    writers: tuple[Writer, ...] = (Writer(TEXT),)

    def bind(self, *arguments: Argument) -> Function:
        """The form for arguments of these types."""
        bound = copy(self)
        bound.writers = tuple(Writer(argument.type) for argument in arguments)
        return bound

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        wrong = (expect(arguments, at, WRITABLE, "a value") for at in range(len(arguments)))
        return next((misuse for misuse in wrong if misuse), TEXT)


@FUNCTIONS.register
class Text(_Written):
    """Any value as text."""

    name = "text"
    summary = (
        "The value as text, without unit: numbers in plain digits, decimals with all digits of "
        "their scale, dates and times in ISO 8601, members of an enum by name."
    )
    signature = "text(x: any) -> text"
    example = ("text(2026-01-31)", "2026-01-31")
    parameter_names = ("x",)
    reads_local_time = True

    def constant(self, *values: Any) -> str:
        """The result for constants."""
        return self.writers[0].one(values[0])

    def apply(self, *values: Any) -> Any:
        """The results for arrays."""
        writer = self.writers[0]
        words = writer.words()
        if words is None:
            return writer.many(values[0])
        if _is_arrow(values[0]):  # members of an enum, by name
            return np.asarray(pc.index_in(values[0], pa.array(words))).astype(np.int32)
        return values[0].astype(np.int32)

    def vocabulary(self, *arguments: Argument) -> tuple[str, ...] | None:
        """The words that codes stand for, if any."""
        return Writer(arguments[0].type).words()


@FUNCTIONS.register
class Concat(_Written):
    """Several values as one text."""

    name = "concat"
    summary = "The values as text (see `text`), one after the other; null if any is null."
    signature = "concat(a: any, b: any, …) -> text"
    example = ('concat("A", 12)', "A12")
    parameter_names = ("a", "b")
    is_variadic = True
    reads_local_time = True

    def constant(self, *values: Any) -> str:
        """The result for constants."""
        pairs = zip(self.writers, values, strict=True)
        return "".join(writer.one(value) for writer, value in pairs)

    def apply(self, *values: Any) -> pa.StringArray:
        """The results for arrays."""
        pairs = zip(self.writers, values, strict=True)
        parts = [w.many(v) if hasattr(v, "dtype") or _is_arrow(v) else w.one(v) for w, v in pairs]
        return pc.binary_join_element_wise(*parts, "")


def _is_arrow(value: Any) -> bool:
    return isinstance(value, pa.Array)


@FUNCTIONS.register
class Pad(Function):
    """A whole number with leading zeros."""

    name = "pad"
    summary = (
        "A whole number with zeros in front up to `width` digits; a minus sign comes before "
        "them and is not counted. Numbers with more digits stay as they are."
    )
    signature = "pad(n: int, width: int) -> text"
    example = ("pad(42, 5)", "00042")
    parameter_names = ("n", "width")

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        wrong = (
            expect(arguments, 0, {Kind.INT}, "a whole number")
            or expect_plain(arguments, 0)
            or expect_whole(arguments, 1, "`width`", 1, 100)
        )
        return wrong or TEXT

    def constant(self, *values: Any) -> str:
        """The result for constants."""
        n, width = values
        return ("-" if n < 0 else "") + str(abs(n)).rjust(width, "0")

    def apply(self, *values: Any) -> pa.StringArray:
        """The results for arrays."""
        n, width = values
        digits = pc.utf8_lpad(numbers(np.abs(n)).cast(pa.string()), width, "0")
        if not (n < 0).any():
            return digits
        return pc.binary_join_element_wise(pc.if_else(booleans(n < 0), "-", ""), digits, "")
