"""Text drawn uniformly from the language of a regular expression."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from synthdsl.functions.base import Argument, Misuse
from synthdsl.providers._regular_draws import Program
from synthdsl.providers._regular_syntax import ExpressionError, Node, parse_expression
from synthdsl.providers.base import PROVIDERS, Provider, ProviderParameter
from synthdsl.values.columns import Column
from synthdsl.values.draws import Draws
from synthdsl.values.types import TEXT, Kind, Type


@lru_cache(maxsize=256)
def _parsed(text: str) -> Node | Misuse:
    try:
        return parse_expression(text)
    except ExpressionError as error:
        message = f"in the regular expression, character {error.position}: {error.message}"
        return Misuse(message, 0, error.help_text)


@lru_cache(maxsize=64)
def _compiled(text: str) -> Program:
    tree = _parsed(text)
    if isinstance(tree, Misuse):
        raise ValueError(tree.message)
    return Program(tree)


@PROVIDERS.register
class RegularExpression(Provider):
    r"""Every derivation of the expression is equally likely.

    `.` and negated classes stand for printable ASCII, `\s` for one space, `\d` and `\w` for their
    ASCII characters. Back-references, look-around and flags are refused, and so are texts that
    could be longer than 1,000 bytes.

    Where the expression is unambiguous (each text can be read in one way) that is: every text.
    In `a|a|b` the text `a` has two derivations and probability 2/3. Note what uniform means for
    repeats: of the texts of `[0-9]{1,3}`, 1000 out of 1110 have three digits, so most draws do.
    """

    name = "regex"
    summary = (
        "Text that matches a regular expression, every derivation equally likely. `*`, `+` and "
        "`{m,}` stop at 8 repeats beyond their least."
    )
    source = "Flajolet, Zimmermann and Van Cutsem 1994, counting method"
    example = 'regex("[A-Z]{2}[0-9]{6}")'
    parameters = (ProviderParameter("expression", "the regular expression", must_be_constant=True),)

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Text, or where and why the expression is refused."""
        argument = arguments[0]
        if argument.type.kind is not Kind.TEXT:
            return Misuse(
                f"the expression must be text, this is {argument.type}", 0, 'write "[A-Z]{2}"'
            )
        if not argument.is_constant or argument.value is None:
            return Misuse("the expression must be a constant", 0, 'write it out: "[A-Z]{2}"')
        tree = _parsed(argument.value)
        return tree if isinstance(tree, Misuse) else TEXT

    def capacity(self, *arguments: Argument) -> int | None:
        """Number of derivations, exactly: the number of texts if the expression is unambiguous."""
        tree = _parsed(arguments[0].value)
        return None if isinstance(tree, Misuse) else tree.count

    def prepare(self, *arguments: Argument) -> Program:
        """The compiled expression."""
        return _compiled(arguments[0].value)

    def draw(self, draws: Draws, prepared: Any, *values: Any) -> Column:
        """One text a row."""
        program: Program = prepared
        return program.draw(draws)
