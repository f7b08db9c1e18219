"""Addresses: street, city, state, postcode and telephone number of one real place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from synthdsl.functions.base import Argument, Misuse
from synthdsl.lazy import lazy
from synthdsl.providers._address_block import ADDRESS_PARTS, AddressBlock
from synthdsl.providers._address_places import Places, load_places, state_words
from synthdsl.providers._locales import DEFAULT_LOCALE, locale_misuse, locale_of
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
from synthdsl.values.types import Kind, Type

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = lazy("numpy")

_STATE_HELP = "give the name or the code of a state, region or province of the locale"


@dataclass(frozen=True, eq=False)
class _Prepared:
    places: Places
    states: dict[str, int]
    is_null: bool


@PROVIDERS.register
class Address(Provider):
    """Draws an address whose parts agree, as a record of texts.

    Parts: `street` (with house number), `city`, `state`, `state_code` (the local part of
    ISO 3166-2), `postcode`, `country`, `country_code`, `area_code`, `phone`. Cities are drawn
    by population from a table of real cities; the postcode and area code are among those of
    the city. `state` is a state (en_US), nation (en_GB), Land (de_DE), region (fr_FR) or
    province (es_ES); given one, the city is drawn among the cities of that state. A row whose
    state is null is null in every part.

    Limits, in plain words:

    - Streets are common names with a random number and are not matched to the city: the
      address as a whole usually does not exist, but by chance it may.
    - The tables hold a sample of cities, and not every postcode of each. The second half of a
      British postcode is random, with the right letters, so the whole may or may not exist.
    - Telephone numbers come from ranges that the numbering authority keeps for fiction: 555-0100
      to 555-0199 in any US area code; Ofcom's drama ranges; the Bundesnetzagentur's numbers for
      media productions; the French plan's numbers for audiovisual works. German and British
      cities without a range of their own get a reserved mobile number, which fits any city.
      Spain reserves no range: there the number is the digit 4, with which no Spanish number
      starts, and then the area code; it cannot be dialled and will fail a validity check.
    - The ranges are small (100 numbers an area code in the US), so numbers repeat.
    """

    name: ClassVar[str] = "address"
    summary: ClassVar[str] = "an address whose city, state, postcode and telephone number agree"
    source: ClassVar[str] = (
        "NANPA 555 line numbers; Ofcom, telephone numbers for use in TV and radio drama; "
        "Bundesnetzagentur, Mitteilung 148/2021; Arcep, décision 2018-0881"
    )
    example: ClassVar[str] = 'address(locale: "en_US", state: "TX")'
    parameters: ClassVar[tuple[ProviderParameter, ...]] = (
        ProviderParameter(
            "locale", "en_US, en_GB, de_DE, fr_FR or es_ES", DEFAULT_LOCALE, must_be_constant=True
        ),
        ProviderParameter("state", "name or code of the state to be in; null: anywhere", None),
    )

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """A record of texts, nullable when `state` is."""
        locale, state = arguments
        wrong = locale_misuse(locale, 0)
        if wrong is not None:
            return wrong
        if not locale.type.is_unknown:
            words = state_words(locale_of(locale).name)
            what = f"a state of {locale_of(locale).name}"
            wrong = words_misuse(state, 1, words, what, help=_STATE_HELP)
            if wrong is not None:
                return wrong
        text = Type(Kind.TEXT, is_nullable=state.type.is_nullable and not is_left_out(state))
        return Type(Kind.RECORD, parts=tuple((name, text) for name in ADDRESS_PARTS))

    def prepare(self, *arguments: Argument) -> _Prepared:
        """The tables of the locale."""
        name = locale_of(arguments[0]).name
        return _Prepared(load_places(name), state_words(name), is_null(arguments[1]))

    def draw(
        self, draws: Draws, prepared: _Prepared, *values: Any, parts: frozenset[str] | None = None
    ) -> dict[str, Column]:
        """A column for every part in `parts` (None: all). Never more work than those need."""
        state = values[1] if len(values) > 1 else None
        group: NDArray[np.int32] | int | None = None
        if isinstance(state, Column):
            what = f"a state of {prepared.places.locale.name}"
            group = group_codes(state, prepared.states, what, help=_STATE_HELP)
        elif state is not None:
            group = prepared.states[state]
        valid = known_rows(state, draws.rows, is_null=prepared.is_null)
        block = AddressBlock(draws, prepared.places, valid=valid, state=group)
        return block.parts(ADDRESS_PARTS, parts)
