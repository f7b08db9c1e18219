"""Unique text from a pattern: a keyed permutation of the row number, with no memory."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from synthdsl.functions.base import Argument, Misuse
from synthdsl.lazy import lazy
from synthdsl.providers._byte_text import Layout
from synthdsl.providers._check_digits import SCHEMES
from synthdsl.providers._checked_text import CheckedText, misfit, named_scheme
from synthdsl.providers._pattern_syntax import Pattern, constant_pattern, parse_pattern
from synthdsl.providers._permutation import LARGEST_DOMAIN, permuted
from synthdsl.providers.base import PROVIDERS, Provider, ProviderParameter
from synthdsl.values.columns import Column
from synthdsl.values.draws import Draws
from synthdsl.values.types import TEXT, Type

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")


class UniqueText:
    """A compiled pattern whose texts are taken by permuted row number.

    Where a pattern has more than 2**62 texts, only its last blanks (as many as stay within
    2**62, so at least 2**57 texts) carry the permuted number, and the blanks before them are
    drawn independently: rows still never agree.
    """

    def __init__(self, pattern: Pattern, check: str | None) -> None:
        self.text = CheckedText(pattern.positions, SCHEMES[check] if check else None)
        places = self.text.places
        start = len(places)
        self.domain = 1
        while start and self.domain * len(places[start - 1]) <= LARGEST_DOMAIN:
            start -= 1
            self.domain *= len(places[start])
        self.free = Layout(places[:start]) if start else None
        self.carrier = Layout(places[start:]) if start else self.text.layout

    def draw(self, draws: Draws) -> Column:
        """The text of each row's number under the permutation that belongs to the slot."""
        ordinals = draws.ordinals.astype(np.uint64)
        if len(ordinals) and int(ordinals.max()) >= self.domain:
            raise ValueError(f"row {ordinals.max():,} needs more than {self.domain:,} texts")
        ranks = permuted(ordinals, self.domain, draws.key("permutation"))
        matrix = self.carrier.unrank(ranks)
        if self.free is not None:
            before = self.free.fill(self.free.numbers(draws, "free"), draws.rows)
            matrix = np.concatenate([before, matrix], axis=1)
        return Column(self.text.text(matrix))


@lru_cache(maxsize=256)
def _compiled(text: str, check: str | None) -> UniqueText:
    pattern = parse_pattern(text)
    if not isinstance(pattern, Pattern):
        raise ValueError(pattern.message)
    return UniqueText(pattern, check)


@PROVIDERS.register
class UniquePattern(Provider):
    """Text of a pattern in which no two rows of a table agree."""

    name = "unique"
    summary = (
        "Text of a pattern (`#` a digit, `?` a capital letter A-Z), different in every row of "
        "the table and random-looking. With `check`, a check digit is added at the end."
    )
    source = "Black and Rogaway, Ciphers with Arbitrary Finite Domains, CT-RSA 2002"
    example = 'unique("MRN-########")'
    is_unique = True
    parameters = (
        ProviderParameter("pattern", "what to draw, such as `MRN-########`", must_be_constant=True),
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
        if pattern.capacity == 1:
            return Misuse(
                "the pattern has no blank, so every row would be the same",
                0,
                "write `#` for a digit or `?` for a capital letter",
            )
        return misfit(pattern, scheme) or TEXT

    def capacity(self, *arguments: Argument) -> int | None:
        """Number of distinct texts, exactly."""
        pattern = constant_pattern(arguments[0], "MRN-########")
        scheme = named_scheme(arguments[1], position=1)
        if isinstance(pattern, Misuse) or isinstance(scheme, Misuse):
            return None
        full = pattern.capacity
        return full // 10 * 9 if scheme is not None and scheme.bad_last is not None else full

    def prepare(self, *arguments: Argument) -> UniqueText:
        """The compiled pattern."""
        return _compiled(arguments[0].value, arguments[1].value)

    def draw(self, draws: Draws, prepared: Any, *values: Any) -> Column:
        """The text of each row; `draws.ordinals` must be below the capacity."""
        text: UniqueText = prepared
        return text.draw(draws)
