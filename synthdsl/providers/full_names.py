"""Names of people as one text: what `person` draws as its part `name`, alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from synthdsl.functions.base import Argument, Misuse
from synthdsl.lazy import lazy
from synthdsl.providers._locales import DEFAULT_LOCALE, SEX_WORDS, locale_misuse, locale_of
from synthdsl.providers._people_pools import NamePools, name_pools
from synthdsl.providers._pool import join, spell
from synthdsl.providers._pool_groups import (
    group_codes,
    is_left_out,
    is_null,
    known_rows,
    words_misuse,
)
from synthdsl.providers.base import PROVIDERS, Provider, ProviderParameter
from synthdsl.values.columns import Column
from synthdsl.values.draws import Draws
from synthdsl.values.types import TEXT, Type

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

_WHAT = "a sex"
_HELP = (
    "the words are female, F, f and male, M, m; "
    "leave the argument out to draw either, or derive a field with these words"
)


@dataclass(frozen=True, eq=False)
class _Prepared:
    pools: NamePools
    is_null: bool


@PROVIDERS.register
class FullName(Provider):
    """Draws a given name that fits the sex and a family name of the locale, as one text.

    For people of whom only the name is wanted; `person` draws a record whose parts agree. The
    names and their limits are those of `person`: a combination may be the name of a living
    person, by chance. A row whose sex is null is null.
    """

    name: ClassVar[str] = "full_name"
    summary: ClassVar[str] = "the name of a person, fitting the sex, as one text"
    source: ClassVar[str] = "names: Faker's pools"
    example: ClassVar[str] = 'full_name("female", locale: "en_US")'
    parameters: ClassVar[tuple[ProviderParameter, ...]] = (
        ProviderParameter("sex", "female, F, f, male, M or m; null: either", None),
        ProviderParameter(
            "locale", "en_US, en_GB, de_DE, fr_FR or es_ES", DEFAULT_LOCALE, must_be_constant=True
        ),
    )

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Text, null where the sex is."""
        sex, locale = arguments
        wrong = words_misuse(sex, 0, SEX_WORDS, _WHAT, help=_HELP) or locale_misuse(locale, 1)
        return wrong or TEXT.nullable(sex.type.is_nullable and not is_left_out(sex))

    def prepare(self, *arguments: Argument) -> _Prepared:
        """The names of the locale."""
        return _Prepared(name_pools(locale_of(arguments[1]).name), is_null(arguments[0]))

    def draw(self, draws: Draws, prepared: _Prepared, *values: Any) -> Column:
        """One name a row, as Arrow strings."""
        sex = values[0] if values else None
        if isinstance(sex, Column):
            group = group_codes(sex, SEX_WORDS, _WHAT, help=_HELP)
        elif sex is not None:
            group = np.full(draws.rows, SEX_WORDS[sex], dtype=np.int32)
        else:
            group = (draws.uniform("sex") >= 0.5).astype(np.int32)
        pools = prepared.pools
        given = spell(pools.given.vocabulary, pools.given.pick(draws.uniform("given"), group))
        words = [spell(pools.family.vocabulary, pools.family.pick(draws.uniform("family")))]
        if pools.locale.family_names > 1:
            second = pools.family.pick(draws.uniform("family2"))
            words += [" ", spell(pools.family.vocabulary, second)]
        valid = known_rows(sex, draws.rows, is_null=prepared.is_null)
        return Column(join(given, " ", *words), valid)
