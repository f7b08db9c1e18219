"""Places by locale: real cities with their state, postcodes, area codes and population.

The tables under `data/` list a sample of cities of each country (at least one in every state,
province, region or nation), from common knowledge, with rounded populations:

- `places_<locale>.csv`: postcodes and area codes are lists split by spaces; `75001-75020`
  is a run. British postcodes are districts (`EH1`); the rest is drawn.
- `states.csv`: code (the local part of ISO 3166-2) and name.
- `fictional_phones.csv`: beginnings of telephone numbers kept for fiction, by area code; `*`
  stands for every area without one of its own.
- `streets.csv`: the two halves of a street name with their weights.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthdsl.lazy import lazy
from synthdsl.providers._locales import LOCALES, Locale
from synthdsl.providers._pool import GroupedPool, Ragged
from synthdsl.values.columns import Vocabulary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = lazy("numpy")

_DATA = Path(__file__).parent / "data"
_RUN = re.compile(r"([A-Z]*)(\d+)-\1(\d+)")
_INWARD_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"
"""Letters that the second half of a British postcode uses (C, I, K, M, O, V never occur)."""


@dataclass(frozen=True)
class State:
    """A state, province, region or nation: the local part of its ISO 3166-2 code, and name."""

    code: str
    name: str


@dataclass(frozen=True)
class Place:
    """A city. `postcodes` and `area_codes` hold at least one entry each."""

    city: str
    state: int
    postcodes: tuple[str, ...]
    area_codes: tuple[str, ...]
    population: int


@dataclass(frozen=True)
class PhoneRange:
    """Numbers kept for fiction: `prefix` followed by any `free_digits` digits."""

    prefix: str
    free_digits: int


def rows_of(file_name: str) -> Iterator[dict[str, str]]:
    """The rows of one table of this folder."""
    with (_DATA / file_name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


@cache
def states_of(locale: str) -> tuple[State, ...]:
    """The states of a locale, in the order of the table. Needs no numpy."""
    return tuple(
        State(row["code"], row["name"]) for row in rows_of("states.csv") if row["locale"] == locale
    )


@cache
def state_words(locale: str) -> dict[str, int]:
    """Position of a state by its name and by its code. Needs no numpy."""
    states = states_of(locale)
    words = {state.code: position for position, state in enumerate(states)}
    return words | {state.name: position for position, state in enumerate(states)}


def expand(postcodes: str) -> tuple[str, ...]:
    """The postcodes of a list such as `44000 44100` or `75001-75020`, in order."""
    every: list[str] = []
    for item in postcodes.split():
        run = _RUN.fullmatch(item)
        if run is None:
            every.append(item)
            continue
        letters, first, last = run.groups()
        width = len(first) if first.startswith("0") or len(first) == len(last) else 0
        every += [f"{letters}{n:0{width}d}" for n in range(int(first), int(last) + 1)]
    return tuple(every)


@cache
def places_of(locale: str) -> tuple[Place, ...]:
    """The cities of a locale, in the order of the table. Needs no numpy."""
    states = {state.code: position for position, state in enumerate(states_of(locale))}
    return tuple(
        Place(
            row["city"],
            states[row["state_code"]],
            expand(row["postcodes"]),
            tuple(row["area_codes"].split()),
            int(row["population"]),
        )
        for row in rows_of(f"places_{locale}.csv")
    )


@cache
def phone_ranges_of(locale: str) -> dict[str, tuple[PhoneRange, ...]]:
    """The number ranges kept for fiction by area code; `*` is every other area."""
    ranges: dict[str, tuple[PhoneRange, ...]] = {}
    for row in rows_of("fictional_phones.csv"):
        if row["locale"] == locale:
            one = PhoneRange(row["prefix"], int(row["free_digits"]))
            ranges[row["area_code"]] = (*ranges.get(row["area_code"], ()), one)
    return ranges


def street_weights(locale: Locale) -> dict[str, float]:
    """Every street name of a locale with its weight."""
    halves: dict[str, dict[str, float]] = {"stem": {}, "kind": {}}
    for row in rows_of("streets.csv"):
        if row["locale"] == locale.name:
            halves[row["role"]][row["text"]] = float(row["weight"])
    join = locale.kind_join
    return {
        (f"{kind}{join}{stem}" if locale.is_kind_first else f"{stem}{join}{kind}"): share * weight
        for stem, weight in halves["stem"].items()
        for kind, share in halves["kind"].items()
    }


@dataclass(frozen=True, eq=False)
class Phones:
    """Telephone numbers kept for fiction, as beginnings and endings.

    `by_area` lists the beginnings of each area code. Beginning b goes with the `choices[b]`
    endings from `first_ending[b]` on.
    """

    by_area: Ragged
    beginnings: Vocabulary
    endings: Vocabulary
    first_ending: NDArray[np.int64]
    choices: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Places:
    """The places of a locale as tables: `choice` has one group a state, then one of all.

    Codes of a place are positions in the table; `city_codes`, `state_codes` are (places,).
    """

    locale: Locale
    choice: GroupedPool
    cities: Vocabulary
    city_codes: NDArray[np.int32]
    states: Vocabulary
    state_codes: Vocabulary
    state_of: NDArray[np.int32]
    postcodes: Vocabulary
    postcodes_of: Ragged
    area_codes: Vocabulary
    area_codes_of: Ragged
    phones: Phones
    streets: GroupedPool

    @property
    def everywhere(self) -> int:
        """The group of `choice` that holds every place."""
        return len(self.states)

    @cached_property
    def country(self) -> Vocabulary:
        """The one word of the part `country`."""
        return Vocabulary((self.locale.country,))

    @cached_property
    def country_code(self) -> Vocabulary:
        """The one word of the part `country_code`."""
        return Vocabulary((self.locale.country_code,))

    @cached_property
    def houses(self) -> Vocabulary:
        """House numbers as text; code c is number c + 1."""
        return Vocabulary(tuple(str(n) for n in range(1, self.locale.largest_house + 1)))

    @cached_property
    def inward(self) -> Vocabulary:
        """Second halves of British postcodes with the space before, such as ` 4QT`."""
        pairs = [a + b for a in _INWARD_LETTERS for b in _INWARD_LETTERS]
        return Vocabulary(tuple(f" {sector}{pair}" for sector in range(1, 10) for pair in pairs))


def _coded(lists: list[tuple[str, ...]]) -> tuple[Vocabulary, Ragged]:
    vocabulary = Vocabulary(tuple(dict.fromkeys(word for one in lists for word in one)))
    return vocabulary, Ragged.build([[vocabulary.codes[word] for word in one] for one in lists])


def _phones(locale: str, areas: tuple[str, ...]) -> Phones:
    ranges = phone_ranges_of(locale)
    lists: list[tuple[str, ...]] = []
    free_digits: dict[str, int] = {}
    for area in areas:
        one = ranges.get(area) or ranges["*"]
        prefixes = [(r.prefix.replace("{area}", area), r.free_digits) for r in one]
        free_digits |= dict(prefixes)
        lists.append(tuple(prefix for prefix, _ in prefixes))
    beginnings, by_area = _coded(lists)
    endings: list[str] = []
    first: dict[int, int] = {}
    for width in sorted(set(free_digits.values())):
        first[width] = len(endings)
        endings += [_ending(number, width) for number in range(10**width)]
    widths = [free_digits[word] for word in beginnings.words]
    return Phones(
        by_area,
        beginnings,
        Vocabulary(tuple(endings)),
        np.array([first[width] for width in widths], dtype=np.int64),
        np.array([10.0**width for width in widths]),
    )


def _ending(number: int, width: int) -> str:
    text = f"{number:0{width}d}"
    return text if width < 4 else f"{text[:2]} {text[2:]}"


@cache
def load_places(locale: str) -> Places:
    """The tables of a locale."""
    places, states = places_of(locale), states_of(locale)
    keys = [str(position) for position in range(len(places))]
    weight: dict[str, float] = {k: float(p.population) for k, p in zip(keys, places, strict=True)}
    groups: list[dict[str, Any]] = [
        {k: weight[k] for k, p in zip(keys, places, strict=True) if p.state == state}
        for state in range(len(states))
    ]
    cities = Vocabulary(tuple(dict.fromkeys(place.city for place in places)))
    postcodes, postcodes_of = _coded([place.postcodes for place in places])
    area_codes, area_codes_of = _coded([place.area_codes for place in places])
    return Places(
        LOCALES[locale],
        GroupedPool.build([*groups, weight], keys),
        cities,
        np.array([cities.codes[place.city] for place in places], dtype=np.int32),
        Vocabulary(tuple(state.name for state in states)),
        Vocabulary(tuple(state.code for state in states)),
        np.array([place.state for place in places], dtype=np.int32),
        postcodes,
        postcodes_of,
        area_codes,
        area_codes_of,
        _phones(locale, area_codes.words),
        GroupedPool.build([street_weights(LOCALES[locale])]),
    )
