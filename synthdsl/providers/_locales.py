"""The locales that people and addresses know, and how each writes a name and a street.

Only what is needed without numpy and Faker lives here, so that `check` can name a wrong
locale at once.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from difflib import get_close_matches

from synthdsl.functions.base import Argument, Misuse
from synthdsl.values.types import Kind

FEMALE, MALE = 0, 1
SEX_WORDS = {"female": FEMALE, "F": FEMALE, "f": FEMALE, "male": MALE, "M": MALE, "m": MALE}
"""Every word that says a sex, with the group of names it stands for. Case as given."""

Weighted = tuple[tuple[str, float], ...]

_LETTERS = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th"}
_UMLAUTS = {"ä": "ae", "ö": "oe", "ü": "ue"}


@dataclass(frozen=True)
class Locale:
    """How one country writes a person and an address.

    `family_names`: how many family names a person has. `titles` are in the order FEMALE, MALE.
    `folds_umlauts`: whether mail addresses write ä as ae. `is_number_first`: whether the house
    number stands before the street, with `number_join` between them. `is_kind_first`: whether
    "rue" stands before the rest of a street's name, with `kind_join` between them.
    `largest_house`: house numbers lie in [1, largest_house], small ones more often.
    `has_outward_postcodes`: whether the table of places gives only the first half of postcodes.
    """

    name: str
    country: str
    country_code: str
    titles: tuple[Weighted, Weighted]
    family_names: int = 1
    folds_umlauts: bool = False
    is_number_first: bool = True
    number_join: str = " "
    is_kind_first: bool = False
    kind_join: str = " "
    largest_house: int = 200
    has_outward_postcodes: bool = False


LOCALES = {
    locale.name: locale
    for locale in (
        Locale(
            "en_US",
            "United States",
            "US",
            titles=(
                (("Ms.", 0.60), ("Mrs.", 0.30), ("Miss", 0.06), ("Dr.", 0.04)),
                (("Mr.", 0.96), ("Dr.", 0.04)),
            ),
            largest_house=9999,
        ),
        Locale(
            "en_GB",
            "United Kingdom",
            "GB",
            titles=(
                (("Ms", 0.40), ("Mrs", 0.40), ("Miss", 0.16), ("Dr", 0.04)),
                (("Mr", 0.96), ("Dr", 0.04)),
            ),
            has_outward_postcodes=True,
        ),
        Locale(
            "de_DE",
            "Deutschland",
            "DE",
            titles=((("Frau", 0.97), ("Frau Dr.", 0.03)), (("Herr", 0.97), ("Herr Dr.", 0.03))),
            folds_umlauts=True,
            is_number_first=False,
            kind_join="",
        ),
        Locale(
            "fr_FR",
            "France",
            "FR",
            titles=((("Mme", 0.98), ("Dr", 0.02)), (("M.", 0.98), ("Dr", 0.02))),
            is_kind_first=True,
        ),
        Locale(
            "es_ES",
            "España",
            "ES",
            titles=((("Sra.", 0.97), ("Dra.", 0.03)), (("Sr.", 0.97), ("Dr.", 0.03))),
            family_names=2,
            is_number_first=False,
            number_join=", ",
            is_kind_first=True,
        ),
    )
}

DEFAULT_LOCALE = "en_US"


def locale_misuse(argument: Argument, position: int) -> Misuse | None:
    """What is wrong with the constant `argument` as a locale, or None."""
    if argument.type.is_unknown:
        return None
    known = ", ".join(LOCALES)
    if argument.type.kind is not Kind.TEXT or not argument.is_constant:
        return Misuse(
            f"the locale must be a constant text, not {argument.type}",
            position,
            f"one of {known}",
        )
    if argument.value in LOCALES:
        return None
    near = get_close_matches(str(argument.value), list(LOCALES), n=1, cutoff=0.5)
    return Misuse(
        f'there are no people and places for the locale "{argument.value}"',
        position,
        f'did you mean "{near[0]}"?' if near else f"one of {known}",
    )


def locale_of(argument: Argument) -> Locale:
    """The locale that an argument accepted by `locale_misuse` names."""
    return LOCALES[str(argument.value)]


def fold(text: str, *, folds_umlauts: bool) -> str:
    """`text` in the letters a-z and the digits, as a mail address writes a name.

    Accents and everything that is not a letter or digit are dropped; with `folds_umlauts`
    ä, ö, ü become ae, oe, ue, as German does.
    """
    plain = []
    for letter in unicodedata.normalize("NFC", text).lower():
        if folds_umlauts and letter in _UMLAUTS:
            plain.append(_UMLAUTS[letter])
        elif letter in _LETTERS:
            plain.append(_LETTERS[letter])
        else:
            plain.append(unicodedata.normalize("NFKD", letter))
    return "".join(c for c in "".join(plain) if c.isascii() and c.isalnum())
