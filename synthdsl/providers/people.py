"""People whose name, sex, mail address, telephone number and address agree; companies; jobs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from synthdsl.functions.base import Argument, Misuse
from synthdsl.lazy import lazy
from synthdsl.providers._address_block import ADDRESS_PARTS, AddressBlock
from synthdsl.providers._address_places import Places, load_places
from synthdsl.providers._locales import DEFAULT_LOCALE, SEX_WORDS, locale_misuse, locale_of
from synthdsl.providers._people_pools import (
    CompanyPools,
    NamePools,
    company_pools,
    job_pool,
    name_pools,
)
from synthdsl.providers._pool import GroupedPool, digits, join, spell
from synthdsl.providers._pool_groups import (
    group_codes,
    is_left_out,
    is_null,
    known_rows,
    words_misuse,
)
from synthdsl.providers.base import PROVIDERS, Provider, ProviderParameter
from synthdsl.values.columns import Column, Vocabulary
from synthdsl.values.draws import Draws
from synthdsl.values.types import TEXT, Kind, Type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
else:
    np = lazy("numpy")

PERSON_PARTS = (
    "given",
    "family",
    "name",
    "sex",
    "title",
    "email",
    "username",
    *ADDRESS_PARTS,
)
_SEXES = Vocabulary(("female", "male"))
_DOMAINS = Vocabulary(("@example.com", "@example.net", "@example.org"))
"""Kept for documentation (RFC 2606, section 3): mail to them reaches nobody."""

_TAIL = 5
"""Digits after a user name, and before the @ of a mail address."""

_SEX_WHAT = "a sex"
_SEX_HELP = (
    "the words are female, F, f and male, M, m; "
    "leave the argument out to draw either, or derive a field with these words"
)
_LOCALE = ProviderParameter(
    "locale", "en_US, en_GB, de_DE, fr_FR or es_ES", DEFAULT_LOCALE, must_be_constant=True
)


@dataclass(frozen=True, eq=False)
class _Prepared:
    names: NamePools
    places: Places
    sexes: Vocabulary
    """Words of the part `sex` where it is no column: those of its enum, or its one constant."""
    is_null: bool


class _PersonBlock(AddressBlock):
    """A person a row; adds the parts that come from the name to those of the address."""

    def __init__(self, draws: Draws, prepared: _Prepared, sex: Any) -> None:
        valid = known_rows(sex, draws.rows, is_null=prepared.is_null)
        super().__init__(draws, prepared.places, valid=valid)
        self.names = prepared.names
        self.sexes = prepared.sexes
        self.is_null = prepared.is_null
        self.given_sex = sex

    @cached_property
    def sex(self) -> NDArray[np.int32] | int:
        """Group of names of each row, FEMALE or MALE."""
        if isinstance(self.given_sex, Column):
            return group_codes(self.given_sex, SEX_WORDS, _SEX_WHAT, help=_SEX_HELP)
        if self.given_sex is not None:
            return SEX_WORDS[self.given_sex]
        return (self.draws.uniform("sex") >= 0.5).astype(np.int32)

    @cached_property
    def given_code(self) -> NDArray[np.int32]:
        """Code of the given name."""
        return self.names.given.pick(self.draws.uniform("given"), self.sex)

    @cached_property
    def family_code(self) -> NDArray[np.int32]:
        """Code of the (first) family name."""
        return self.names.family.pick(self.draws.uniform("family"))

    @cached_property
    def family_text(self) -> pa.StringArray:
        """The family name or names as text."""
        words = self.names.family.vocabulary
        first = spell(words, self.family_code)
        if self.names.locale.family_names == 1:
            return first
        second = self.names.family.pick(self.draws.uniform("family2"))
        return join(first, " ", spell(words, second))

    @cached_property
    def tail(self) -> pa.StringArray:
        """Digits that tell people of one name apart."""
        numbers = self.draws.uniform("tail") * 10**_TAIL
        return digits(numbers.astype(np.int64), _TAIL)

    def _given(self) -> Column:
        return self._coded(self.given_code, self.names.given.vocabulary)

    def _family(self) -> Column:
        if self.names.locale.family_names == 1:
            return self._coded(self.family_code, self.names.family.vocabulary)
        return self._text(self.family_text)

    def _name(self) -> Column:
        given = spell(self.names.given.vocabulary, self.given_code)
        return self._text(given, " ", self.family_text)

    def _sex(self) -> Column:
        if isinstance(self.given_sex, Column):
            return self.given_sex
        if self.given_sex is None and not self.is_null:
            return self._coded(np.asarray(self.sex), self.sexes)
        # Where the sex is a null constant every row is null, and any word will do.
        return self._same(self.sexes, self.sexes.codes.get(self.given_sex, 0))

    def _title(self) -> Column:
        titles = self.names.title
        return self._coded(titles.pick(self.draws.uniform("title"), self.sex), titles.vocabulary)

    def _email(self) -> Column:
        domain = (self.draws.uniform("domain") * len(_DOMAINS)).astype(np.int32)
        return self._text(
            spell(self.names.given_folded, self.given_code),
            ".",
            spell(self.names.family_folded, self.family_code),
            self.tail,
            spell(_DOMAINS, domain),
        )

    def _username(self) -> Column:
        return self._text(
            spell(self.names.given_initial, self.given_code),
            spell(self.names.family_folded, self.family_code),
            self.tail,
        )


@PROVIDERS.register
class Person(Provider):
    """Draws a person whose parts agree, as a record.

    Parts: `given`, `family`, `name`, `sex`, `title`, `email`, `username`, and those of
    `address` (`street`, `city`, `state`, `state_code`, `postcode`, `country`, `country_code`,
    `area_code`, `phone`). The given name and title fit the sex; Spanish people have two family
    names; `email` and `username` are built from the first given and family name in the letters
    a-z with five random digits.

    `sex` is a column or constant whose words are female, F or f, and male, M or m, in that very
    case; any other word is an error (an enum is checked before drawing, text while drawing). It
    is echoed with its own type. Left out, either is drawn with probability 1/2. A row whose sex
    is null is null in every part.

    Limits, in plain words:

    - Names come from the locale's pools of Faker, with their weights where they have any; they
      are common names, drawn independently of age, place and each other. A combination may be
      the name of a living person, by chance; nothing else in the record is about that person.
    - Mail addresses are at example.com, example.net and example.org, which reach nobody.
    - `email` and `username` seldom repeat in small tables and will repeat in large ones; use a
      unique pattern where they must not.
    - Streets, postcodes and telephone numbers have the limits that `address` states.
    """

    name: ClassVar[str] = "person"
    summary: ClassVar[str] = "a person whose name, sex, mail, telephone and address agree"
    source: ClassVar[str] = "names: Faker's pools; mail domains: RFC 2606, section 3"
    example: ClassVar[str] = 'person("female", locale: "en_US")'
    parameters: ClassVar[tuple[ProviderParameter, ...]] = (
        ProviderParameter("sex", "female, F, f, male, M or m; null: either", None),
        _LOCALE,
    )

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """A record of texts; `sex` keeps the type it is given in. Nullable when `sex` is."""
        sex, locale = arguments
        wrong = words_misuse(sex, 0, SEX_WORDS, _SEX_WHAT, help=_SEX_HELP)
        wrong = wrong or locale_misuse(locale, 1)
        if wrong is not None:
            return wrong
        is_nullable = sex.type.is_nullable and not is_left_out(sex)
        text = Type(Kind.TEXT, is_nullable=is_nullable)
        echo = text if is_left_out(sex) else sex.type
        return Type(
            Kind.RECORD,
            parts=tuple((name, echo if name == "sex" else text) for name in PERSON_PARTS),
        )

    def prepare(self, *arguments: Argument) -> _Prepared:
        """The names and places of the locale."""
        sex, locale = arguments
        name = locale_of(locale).name
        sexes = _SEXES
        if sex.type.enum is not None:
            sexes = Vocabulary(sex.type.enum.members)
        elif sex.is_constant and sex.value is not None:
            sexes = Vocabulary((str(sex.value),))
        return _Prepared(name_pools(name), load_places(name), sexes, is_null(sex))

    def draw(
        self, draws: Draws, prepared: _Prepared, *values: Any, parts: frozenset[str] | None = None
    ) -> dict[str, Column]:
        """A column for every part in `parts` (None: all). Never more work than those need."""
        sex = values[0] if values else None
        return _PersonBlock(draws, prepared, sex).parts(PERSON_PARTS, parts)


@PROVIDERS.register
class Company(Provider):
    """Draws a company name: one family name or two, and a legal form of the country.

    Such a name may be that of a real company, by chance.
    """

    name: ClassVar[str] = "company"
    summary: ClassVar[str] = "a company name with a legal form of the country"
    source: ClassVar[str] = "family names: Faker's pools"
    example: ClassVar[str] = 'company(locale: "de_DE")'
    parameters: ClassVar[tuple[ProviderParameter, ...]] = (_LOCALE,)

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Text."""
        return locale_misuse(arguments[0], 0) or TEXT

    def prepare(self, *arguments: Argument) -> CompanyPools:
        """The pieces of a name."""
        return company_pools(locale_of(arguments[0]).name)

    def draw(self, draws: Draws, prepared: CompanyPools, *values: Any) -> Column:
        """One name a row, as Arrow strings."""
        pools = {"family": prepared.family, "partner": prepared.partner, "form": prepared.form}
        pieces = [
            spell(pool.vocabulary, pool.pick(draws.uniform(purpose)))
            for purpose, pool in pools.items()
        ]
        return Column(join(*pieces))


@PROVIDERS.register
class Job(Provider):
    """Draws an occupation in the language of the locale, all equally likely.

    It fits no sex, age or income: where a language has two forms, the pool's form is used.
    """

    name: ClassVar[str] = "job"
    summary: ClassVar[str] = "an occupation in the language of the locale"
    source: ClassVar[str] = "Faker's pools; for de_DE a list of this package"
    example: ClassVar[str] = 'job(locale: "en_GB")'
    parameters: ClassVar[tuple[ProviderParameter, ...]] = (_LOCALE,)

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Text."""
        return locale_misuse(arguments[0], 0) or TEXT

    def prepare(self, *arguments: Argument) -> GroupedPool:
        """The occupations."""
        return job_pool(locale_of(arguments[0]).name)

    def draw(self, draws: Draws, prepared: GroupedPool, *values: Any) -> Column:
        """One occupation a row, as codes."""
        return Column(prepared.pick(draws.uniform()), None, prepared.vocabulary)
