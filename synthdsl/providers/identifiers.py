"""Identifiers with check digits. By default no drawn value can belong to a real person.

Every identifier is drawn from the form that also verifies it (`CHECKS`), all of its texts
equally likely. `style: "valid"` draws from the whole published format instead: such a number
may be somebody's.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from synthdsl.functions.base import Argument, Misuse
from synthdsl.lazy import lazy
from synthdsl.providers._byte_text import nullable_text
from synthdsl.providers._check_digits import SCHEMES
from synthdsl.providers._checked_text import CheckedText
from synthdsl.providers._identifier_forms import Form, dea_form, digits_form, forms
from synthdsl.providers._pattern_syntax import LETTERS
from synthdsl.providers.base import PROVIDERS, Provider, ProviderParameter
from synthdsl.values.arrays import unpacked
from synthdsl.values.columns import Column
from synthdsl.values.draws import Draws
from synthdsl.values.types import TEXT, Kind, Type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")

STYLES = ("unreal", "valid")
_STYLE = ProviderParameter(
    "style",
    '"unreal": values no person has; "valid": the whole published format',
    default="unreal",
    must_be_constant=True,
)


def _style_misuse(argument: Argument, position: int) -> Misuse | None:
    if argument.is_constant and argument.value in STYLES:
        return None
    shown = f'"{argument.value}"' if argument.is_constant else "not a constant"
    return Misuse(f"the style is {shown}", position, 'write "unreal" or "valid"')


def _length_misuse(argument: Argument, low: int, high: int, what: str) -> Misuse | None:
    if not argument.is_constant or argument.type.kind is not Kind.INT or argument.value is None:
        return Misuse(f"the {what} must be a constant whole number", 0, f"write {low} to {high}")
    if not low <= argument.value <= high:
        return Misuse(
            f"the {what} is {argument.value}, it must be in [{low}, {high}]",
            0,
            f"write {low} to {high}",
        )
    return None


class FormIdentifier(Provider):
    """An identifier drawn from a form that its constant arguments choose."""

    def form(self, *arguments: Argument) -> Form:
        """The form for valid `arguments`."""
        raise NotImplementedError

    def capacity(self, *arguments: Argument) -> int | None:
        """Number of distinct texts, exactly."""
        return _compiled(self.form(*arguments)).capacity

    def prepare(self, *arguments: Argument) -> CheckedText:
        """The compiled form."""
        return _compiled(self.form(*arguments))

    def draw(self, draws: Draws, prepared: Any, *values: Any) -> Column:
        """One text a row."""
        text: CheckedText = prepared
        return text.draw(draws)


@lru_cache(maxsize=64)
def _compiled(form: Form) -> CheckedText:
    return form.compiled()


class StyledIdentifier(FormIdentifier):
    """An identifier whose only choice is its style."""

    parameters = (_STYLE,)

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Text, or what is wrong with the style."""
        return _style_misuse(arguments[0], 0) or TEXT

    def form(self, *arguments: Argument) -> Form:
        """The published form, or the part of it that no person has."""
        return forms()[self.name + ("_unreal" if arguments[0].value == "unreal" else "")]


@PROVIDERS.register
class NationalProviderIdentifier(StyledIdentifier):
    """NPI: ten digits, Luhn over 80840 and the number. Real ones begin with 1 or 2."""

    name = "npi"
    summary = (
        "US National Provider Identifier with its check digit. Unreal ones begin with 3 to 9, "
        "which strict validators refuse."
    )
    source = "CMS, Requirements for NPI and NPI check digit"
    example = "npi()"


@PROVIDERS.register
class MedicareBeneficiaryIdentifier(StyledIdentifier):
    """MBI: eleven characters in a fixed order of digits and letters, no check digit."""

    name = "mbi"
    summary = (
        "US Medicare Beneficiary Identifier, 11 characters. Unreal ones have an S in second "
        "place, a letter that real ones never use."
    )
    source = "CMS, Understanding the Medicare Beneficiary Identifier (MBI) Format"
    example = "mbi()"


@PROVIDERS.register
class SocialSecurityNumber(StyledIdentifier):
    """SSN: area, group and serial; no check digit. Areas 900-999 are never assigned."""

    name = "ssn"
    summary = (
        "US Social Security Number with hyphens. Unreal ones are 900-01-0001 to 999-49-9999: "
        "areas never assigned, and groups that taxpayer numbers do not use."
    )
    source = "SSA, POMS RM 10201.035"
    example = "ssn()"


@PROVIDERS.register
class NhsNumber(StyledIdentifier):
    """NHS number: ten digits, the last by modulus 11 with weights 10 to 2."""

    name = "nhs_number"
    summary = "NHS number of England and Wales, 10 digits. Unreal ones begin with 999."
    source = "NHS Data Dictionary, NHS number"
    example = "nhs_number()"


@PROVIDERS.register
class LoincLike(StyledIdentifier):
    """A code in the format of LOINC, with its check digit. Not a code of the LOINC table."""

    name = "loinc_like"
    summary = (
        "A code that looks like a LOINC code and passes its check digit. Unreal ones are "
        "900000 to 999999, above every number given out so far."
    )
    source = "LOINC Users' Guide, check digit"
    example = "loinc_like()"


@PROVIDERS.register
class DeaNumber(FormIdentifier):
    """DEA registration: type letter, initial of the registrant's name, seven digits."""

    name = "dea"
    summary = (
        "US DEA registration number. Unreal ones begin with Q, W, Y or Z, which no type of "
        "registrant has (none is officially reserved). With `name`, the second letter is its "
        "initial, or 9 where it begins with no letter."
    )
    example = "dea()"
    parameters = (
        ProviderParameter("name", "surname or business name of the registrant", default=None),
        _STYLE,
    )

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Text, null where the name is null; or what is wrong with the arguments."""
        name, style = arguments
        if name.type.kind not in (Kind.TEXT, Kind.NULL, Kind.UNKNOWN):
            return Misuse(f"the name must be text, this is {name.type}", 0, "give a text field")
        is_nullable = name.type.is_nullable and not name.is_constant
        return _style_misuse(style, 1) or TEXT.nullable(is_nullable)

    def form(self, *arguments: Argument) -> Form:
        """Letters of the style; the initial is any letter until a name replaces it."""
        style = "dea_unreal" if arguments[1].value == "unreal" else "dea"
        return dea_form(forms()[style].positions[0], LETTERS)

    def draw(self, draws: Draws, prepared: Any, *values: Any) -> Column:
        """One number a row; null where the name is null."""
        text: CheckedText = prepared
        name = values[0]
        if name is None:
            return text.draw(draws)
        matrix = text.layout.fill(text.layout.numbers(draws), draws.rows)
        if not isinstance(name, Column):
            matrix[:, 1] = _initials(pa.array([name]))[0]
            return Column(text.text(matrix))
        matrix[:, 1] = _initials(name.text())
        drawn = text.text(matrix)
        return Column(drawn if name.valid is None else nullable_text(drawn, name.valid), name.valid)


def _initials(names: pa.StringArray) -> Any:
    """First letter of each name, A to Z whatever its accent or case, else `9`: (n,) uint8."""
    import pyarrow.compute as pc

    first = pc.utf8_slice_codeunits(pc.fill_null(names, ""), 0, 1)
    plain = pc.utf8_slice_codeunits(pc.utf8_upper(pc.utf8_normalize(first, "NFD")), 0, 1)
    codes = pc.index_in(plain, value_set=pa.array(LETTERS))
    return unpacked(pc.fill_null(pc.add(codes, ord("A")), ord("9"))).astype(np.uint8)


@PROVIDERS.register
class MedicalRecordNumber(FormIdentifier):
    """A medical record number. Hospitals define their own: use `pattern` for another shape."""

    name = "mrn"
    summary = "A medical record number: `M`, digits, and a Luhn check digit."
    example = "mrn()"
    parameters = (
        ProviderParameter(
            "digits", "how many, the check digit included", default=8, must_be_constant=True
        ),
    )

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Text, or what is wrong with the number of digits."""
        return _length_misuse(arguments[0], 2, 18, "number of digits") or TEXT

    def form(self, *arguments: Argument) -> Form:
        """`M` and the digits."""
        return digits_form(arguments[0].value, "luhn", "M")


class CheckedDigits(FormIdentifier):
    """Digits whose last one checks the others; `name` is the scheme."""

    longest: ClassVar[int] = 64
    parameters = (
        ProviderParameter("length", "digits, the check digit included", must_be_constant=True),
    )

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Text, or what is wrong with the length."""
        most = min(self.longest, SCHEMES[self.name].most + 1)
        return _length_misuse(arguments[0], 2, most, "length") or TEXT

    def form(self, *arguments: Argument) -> Form:
        """That many digits."""
        return digits_form(arguments[0].value, self.name)


@PROVIDERS.register
class LuhnDigits(CheckedDigits):
    """Digits with a Luhn check digit (payment cards, many account numbers)."""

    name = "luhn"
    summary = "Digits of which the last is a Luhn check digit."
    source = "ISO/IEC 7812-1, annex B"
    example = "luhn(12)"


@PROVIDERS.register
class VerhoeffDigits(CheckedDigits):
    """Digits with a Verhoeff check digit (SNOMED CT identifiers among others)."""

    name = "verhoeff"
    summary = "Digits of which the last is a Verhoeff check digit."
    source = "J. Verhoeff, Error Detecting Decimal Codes, 1969"
    example = "verhoeff(12)"


@PROVIDERS.register
class DammDigits(CheckedDigits):
    """Digits with a Damm check digit."""

    name = "damm"
    summary = "Digits of which the last is a Damm check digit."
    source = "H. M. Damm, Total anti-symmetrische Quasigruppen, 2004"
    example = "damm(12)"


@PROVIDERS.register
class Modulus11Digits(CheckedDigits):
    """Up to ten digits with a modulus 11 check digit, weights 2, 3, … from the right."""

    name = "mod11"
    summary = "Up to 10 digits of which the last is a modulus 11 check digit."
    example = "mod11(10)"
