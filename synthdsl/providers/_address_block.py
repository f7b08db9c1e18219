"""The parts of an address for a block of rows, each computed when it is asked for.

Every part reads uniforms of its own purpose, so a part has the same value whether or not the
others are drawn.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from synthdsl.lazy import lazy
from synthdsl.providers._address_places import Places
from synthdsl.providers._pool import join, spell
from synthdsl.values.columns import Column, Vocabulary
from synthdsl.values.draws import Draws

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = lazy("numpy")

ADDRESS_PARTS = (
    "street",
    "city",
    "state",
    "state_code",
    "postcode",
    "country",
    "country_code",
    "area_code",
    "phone",
)


class AddressBlock:
    """An address a row. `state` restricts each row to one state (None: the whole country)."""

    def __init__(
        self,
        draws: Draws,
        places: Places,
        *,
        valid: NDArray[np.bool_] | None = None,
        state: NDArray[np.int32] | int | None = None,
    ) -> None:
        self.draws = draws
        self.places = places
        self.valid = valid
        self.group = places.everywhere if state is None else state

    def part(self, name: str) -> Column:
        """The column of part `name`."""
        column: Column = getattr(self, f"_{name}")()
        return column

    def parts(self, names: tuple[str, ...], wanted: frozenset[str] | None) -> dict[str, Column]:
        """The wanted columns (None: all) among `names`, in that order."""
        return {name: self.part(name) for name in names if wanted is None or name in wanted}

    @cached_property
    def place(self) -> NDArray[np.int32]:
        """Position of the row's city in the table of places."""
        return self.places.choice.pick(self.draws.uniform("place"), self.group)

    @cached_property
    def area(self) -> NDArray[np.int32]:
        """Code of the row's area code: one of those of its city."""
        areas = self.places.area_codes_of
        if areas.is_single:
            return areas.items[self.place]
        return areas.pick(self.draws.uniform("area"), self.place)

    def _coded(self, codes: NDArray[Any], vocabulary: Vocabulary) -> Column:
        return Column(codes, self.valid, vocabulary)

    def _same(self, vocabulary: Vocabulary, code: int = 0) -> Column:
        return self._coded(np.full(self.draws.rows, code, dtype=np.int32), vocabulary)

    def _text(self, *pieces: Any) -> Column:
        return Column(join(*pieces), self.valid)

    def _street(self) -> Column:
        locale, streets = self.places.locale, self.places.streets
        name = spell(streets.vocabulary, streets.pick(self.draws.uniform("street")))
        # Squaring favours small numbers: there are more houses numbered 5 than 5000.
        number = self.draws.uniform("house") ** 2 * locale.largest_house
        house = spell(self.places.houses, number.astype(np.int32))
        if locale.is_number_first:
            return self._text(house, locale.number_join, name)
        return self._text(name, locale.number_join, house)

    def _city(self) -> Column:
        return self._coded(self.places.city_codes[self.place], self.places.cities)

    def _state(self) -> Column:
        return self._coded(self.places.state_of[self.place], self.places.states)

    def _state_code(self) -> Column:
        return self._coded(self.places.state_of[self.place], self.places.state_codes)

    def _postcode(self) -> Column:
        places = self.places
        codes = places.postcodes_of.pick(self.draws.uniform("postcode"), self.place)
        if not places.locale.has_outward_postcodes:
            return self._coded(codes, places.postcodes)
        inward = self.draws.uniform("inward") * len(places.inward)
        return self._text(
            spell(places.postcodes, codes), spell(places.inward, inward.astype(np.int32))
        )

    def _country(self) -> Column:
        return self._same(self.places.country)

    def _country_code(self) -> Column:
        return self._same(self.places.country_code)

    def _area_code(self) -> Column:
        return self._coded(self.area, self.places.area_codes)

    def _phone(self) -> Column:
        phones = self.places.phones
        if phones.by_area.is_single:
            beginning = phones.by_area.items[self.area]
        else:
            beginning = phones.by_area.pick(self.draws.uniform("range"), self.area)
        number = self.draws.uniform("line") * phones.choices[beginning]
        ending = number.astype(np.int64) + phones.first_ending[beginning]
        return self._text(spell(phones.beginnings, beginning), spell(phones.endings, ending))
