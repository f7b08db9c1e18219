"""Text drawn from a pattern of digits and letters."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from synthdsl.functions.base import Argument, Misuse
from synthdsl.providers._check_digits import SCHEMES
from synthdsl.providers._checked_text import CheckedText, misfit, named_scheme
from synthdsl.providers._pattern_syntax import Pattern, constant_pattern, parse_pattern
from synthdsl.providers.base import PROVIDERS, Provider, ProviderParameter
from synthdsl.values.columns import Column
from synthdsl.values.draws import Draws
from synthdsl.values.types import TEXT, Type


@lru_cache(maxsize=256)
def _compiled(text: str, check: str | None) -> CheckedText:
    pattern = parse_pattern(text)
    if not isinstance(pattern, Pattern):
        raise ValueError(pattern.message)
    return CheckedText(pattern.positions, SCHEMES[check] if check else None)


@PROVIDERS.register
class PatternText(Provider):
    """Text of a pattern: every blank uniform and independent of the others."""

    name = "pattern"
    summary = (
        "Text in which `#` is a digit and `?` a capital letter A-Z; `\\` takes the next "
        "character as it is. With `check`, a check digit is added at the end."
    )
    example = 'pattern("MRN-########")'
    parameters = (
        ProviderParameter("pattern", "what to draw, such as `??-####`", must_be_constant=True),
        ProviderParameter(
            "check",
            'check digit to add: "luhn", "verhoeff", "damm", "mod11", "nhs", "npi" or "dea"',
            default=None,
            must_be_constant=True,
        ),
    )

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Text, or what is wrong with the pattern or the check."""
        pattern = constant_pattern(arguments[0], "MRN-########")
        if isinstance(pattern, Misuse):
            return pattern
        scheme = named_scheme(arguments[1], position=1)
        if isinstance(scheme, Misuse):
            return scheme
        return misfit(pattern, scheme) or TEXT

    def capacity(self, *arguments: Argument) -> int | None:
        """Number of distinct texts, exactly."""
        pattern = constant_pattern(arguments[0], "MRN-########")
        scheme = named_scheme(arguments[1], position=1)
        if isinstance(pattern, Misuse) or isinstance(scheme, Misuse):
            return None
        full = pattern.capacity
        return full // 10 * 9 if scheme is not None and scheme.bad_last is not None else full

    def prepare(self, *arguments: Argument) -> CheckedText:
        """The compiled pattern."""
        return _compiled(arguments[0].value, arguments[1].value)

    def draw(self, draws: Draws, prepared: Any, *values: Any) -> Column:
        """One text a row."""
        text: CheckedText = prepared
        return text.draw(draws)
