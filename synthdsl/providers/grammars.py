"""Text drawn from a weighted context-free grammar, such as clinical notes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from synthdsl.functions.base import Argument, Misuse
from synthdsl.lazy import lazy
from synthdsl.providers._grammar_draws import GrammarProgram
from synthdsl.providers._grammar_syntax import LONGEST_GRAMMAR, Grammar, GrammarError, parse_grammar
from synthdsl.providers._value_text import constant_text, slot_mistake, text_of
from synthdsl.providers.base import PROVIDERS, Provider, ProviderParameter
from synthdsl.source import Source, decode, read_regular
from synthdsl.values.columns import Column, both_valid
from synthdsl.values.draws import Draws
from synthdsl.values.types import TEXT, Kind, Type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")

MOST_VALUES = 8


@lru_cache(maxsize=64)
def _parsed(text: str, name: str, start: str) -> Grammar | Misuse:
    try:
        return parse_grammar(text, start)
    except GrammarError as error:
        line, column = Source(name, text).position(error.offset)
        message = f"in the grammar, line {line}, character {column}: {error.message}"
        return Misuse(message, 0, error.help_text)


def _grammar(arguments: tuple[Argument, ...]) -> Grammar | Misuse:
    """The grammar that the first two arguments give: text with an arrow, or else a path."""
    given, start = arguments[0], arguments[1]
    for place, argument in enumerate((given, start)):
        if argument.type.kind is not Kind.TEXT or not argument.is_constant:
            what = ("the grammar", "the rule to start from")[place]
            return Misuse(f"{what} must be constant text", place, 'grammar("notes.txt", "note")')
    if "->" in given.value:
        return _parsed(given.value, "<text>", start.value)
    try:
        raw = read_regular(given.value, 4 * LONGEST_GRAMMAR + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return Misuse(
            f'the file "{given.value}" cannot be read: {reason}',
            0,
            "give the path of a file, or rules such as \"note -> 'Stable.'\"",
        )
    source, bad = decode(given.value, raw)
    if bad is not None:
        return Misuse(f'the file "{given.value}" is not UTF-8 at byte {bad}', 0, "save it as UTF-8")
    return _parsed(source.text, given.value, start.value)


@PROVIDERS.register
class GrammarText(Provider):
    """Text of a weighted context-free grammar.

    Recursion is allowed where it dies out: the law is the grammar's own, given that no text is
    nested deeper than 32 rules, which must have probability 99.9 % or more.
    """

    name = "grammar"
    summary = (
        "Text of a weighted grammar, given as text or as the path of a file: rules such as "
        '`note -> "Reports " complaint "." [70%] | "Well." [rest]`. `{0}` is the first '
        "value after the rule to start from."
    )
    example = "grammar(\"note -> 'Reports ' sign '.'; sign -> 'pain' | 'cough'\", \"note\")"
    parameters = (
        ProviderParameter(
            "text",
            "the rules, or the path of a file",
            must_be_constant=True,
            is_path=lambda text: "->" not in text,
        ),
        ProviderParameter("start", "the rule to start from", must_be_constant=True),
        *(
            ProviderParameter(f"value{number}", f"what the slot {{{number}}} shows", default=None)
            for number in range(MOST_VALUES)
        ),
    )

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Text, null where a value is null; or where and why the grammar is refused."""
        grammar = _grammar(arguments)
        if isinstance(grammar, Misuse):
            return grammar
        values = arguments[2:]
        used = {slot.number for slot in grammar.slots}
        for slot in grammar.slots:
            if slot.number >= len(values) or _is_absent(values[slot.number]):
                return Misuse(
                    f"the grammar has a slot {{{slot.number}}}, but no value is given for it",
                    0,
                    f"give value{slot.number}",
                )
            mistake = slot_mistake(slot, values[slot.number].type)
            if mistake is not None:
                return Misuse(f"slot {{{slot.number}}}: {mistake[0]}", 2 + slot.number, mistake[1])
        for number, value in enumerate(values):
            if number not in used and not _is_absent(value):
                return Misuse(
                    f"the grammar has no slot {{{number}}} for this value",
                    2 + number,
                    f"write {{{number}}} in one of its texts, or leave the value out",
                )
        return TEXT.nullable(any(values[number].type.is_nullable for number in used))

    def prepare(self, *arguments: Argument) -> GrammarProgram:
        """The compiled grammar."""
        grammar = _grammar(arguments)
        if isinstance(grammar, Misuse):
            raise ValueError(grammar.message)
        return GrammarProgram(grammar)

    def draw(self, draws: Draws, prepared: Any, *values: Any) -> Column:
        """One text a row; null where a value it may show is null."""
        program: GrammarProgram = prepared
        rows = draws.rows
        valid: NDArray[np.bool_] | None = None
        texts: list[Any] = []
        for slot in program.slots:
            value = values[2 + slot.number]
            if isinstance(value, Column):
                valid = both_valid(valid, value.valid)
                is_text = value.is_arrow or value.vocabulary is not None
                shown = value.text() if is_text else text_of(value.values, slot.form)
            else:
                shown = pa.array([constant_text(value, slot.form)]).take(
                    pa.array(np.zeros(rows, np.int32))
                )
            texts.append(shown)
        return Column(program.draw(draws, texts, valid), valid)


def _is_absent(argument: Argument) -> bool:
    return argument.is_constant and argument.value is None
