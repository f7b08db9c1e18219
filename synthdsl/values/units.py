"""Units of measure: the part of UCUM that data uses, with exact conversion factors.

A unit is a product of powers of atoms. Its factor is an exact fraction of the base units
(m, s, g, mol, K, cd, A, …), so converting there and back loses nothing. Three deliberate
departures from UCUM (Unified Code for Units of Measure, version 2.1), each of which turns a silent
wrong number into an error: `mol`, `eq` and `osm` are dimensions of their own (converting
between them needs the substance); arbitrary units such as `[iU]` convert to nothing else; and
`C` and `F` are refused, because people who type them mean `Cel` and `[degF]`.

Temperatures on a scale with a displaced zero are *points*: `Cel` and `[degF]` do not multiply
or divide, and their differences are intervals in `K` and `[degR]`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from fractions import Fraction
from functools import cache, lru_cache

from synthdsl.values._atoms import ATOMS, COLLOQUIAL, PREFIXES, Atom

LONGEST = 60
LARGEST_EXPONENT = 9
LARGEST_POWER_OF_TEN = 30
LARGEST_DIMENSION = 64

Dimension = tuple[tuple[str, Fraction], ...]
Terms = tuple[tuple[str, Fraction], ...]

UNIT_LITERALS = (
    *("a", "mo", "wk", "d", "h", "min", "s", "ms", "us"),
    *("kg", "g", "mg", "ug", "ng", "km", "m", "cm", "mm", "um", "L", "dL", "mL", "uL"),
    *("mol", "mmol", "umol", "Cel", "K", "Hz", "Pa", "kPa", "J", "kcal"),
)
"""Units that may follow a number without quotes, as in `4 d`."""


class UnitError(ValueError):
    """Text that is no unit, or an operation that units do not have; `help` says what to type."""

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


@dataclass(frozen=True)
class Free:
    """The unit of a bare literal, which takes whatever unit fits; `FREE` is that of the literal.

    `residual` is the unit that a product with a literal has when the literal is a plain number:
    days, for `2 * stay` with a stay in days. Where the residual fits it is what is meant.
    """

    residual: Unit | None = None

    @property
    def symbol(self) -> str:
        """A free unit has no symbol."""
        return ""


@dataclass(frozen=True)
class Unit:
    """A unit of measure.

    A value `v` in this unit is `v * factor + offset` in base units; `offset` is 0 except for
    points. `dimension` lists base units and their exponents, sorted, without zeros. Units are
    equal when every value is the same number in both, whatever their symbols.
    """

    symbol: str = field(compare=False)
    factor: Fraction
    dimension: Dimension
    is_point: bool = False
    offset: Fraction = Fraction(0)
    terms: Terms = field(default=(), compare=False, repr=False)
    """Atoms (with prefix) and exponents, in the order of the symbol; what products work on."""

    @property
    def is_plain(self) -> bool:
        """Whether this is a pure number, perhaps scaled, as `1`, `%` and `kg/g` are."""
        return not self.dimension

    def __str__(self) -> str:
        """The symbol as UCUM writes it."""
        return self.symbol


FREE = Free()
ONE = Unit("1", Fraction(1), ())


def parse_unit(text: str) -> Unit:
    """The unit that `text` writes in UCUM (case-sensitive).

    Raises `UnitError` for anything else, with the likeliest correct spelling as help.
    """
    if len(text) > LONGEST:
        raise UnitError(f"a unit of {len(text)} characters is too long (at most {LONGEST})")
    return _parse(text)


def multiply(a: Unit | Free, b: Unit | Free) -> Unit | Free:
    """The unit of a product; with a free factor the product is free. Points raise `UnitError`."""
    if isinstance(a, Free) or isinstance(b, Free):
        return FREE
    return _combine(_intervals(a).terms, _intervals(b).terms)


def divide(a: Unit | Free, b: Unit | Free) -> Unit | Free:
    """The unit of a quotient; with a free side the quotient is free. Points raise `UnitError`."""
    if isinstance(a, Free) or isinstance(b, Free):
        return FREE
    inverse = tuple((symbol, -exponent) for symbol, exponent in _intervals(b).terms)
    return _combine(_intervals(a).terms, inverse)


def power(a: Unit | Free, n: int | Fraction) -> Unit | Free:
    """The unit of a power. A root of a factor that is no fraction is rounded to a double."""
    if isinstance(a, Free):
        return FREE
    if n == 1:
        return a
    return _combine((), tuple((symbol, exponent * n) for symbol, exponent in _intervals(a).terms))


def is_compatible(a: Unit | Free, b: Unit | Free) -> bool:
    """Whether values convert from one to the other; points convert only to points."""
    if isinstance(a, Free) or isinstance(b, Free):
        return True
    return a.dimension == b.dimension and a.is_point == b.is_point


def ratio(a: Unit | Free, b: Unit | Free) -> Fraction:
    """The number that turns a value in `a` into a value in `b`; intervals only."""
    if isinstance(a, Free) or isinstance(b, Free):
        return Fraction(1)
    slope, shift = conversion(a, b)
    if shift:
        raise UnitError(f"`{a}` and `{b}` differ by a shift, not by a factor alone")
    return slope


def conversion(a: Unit, b: Unit) -> tuple[Fraction, Fraction]:
    """Slope and shift that turn a value in `a` into a value in `b`; for points too."""
    if not is_compatible(a, b):
        raise UnitError(f"`{a}` does not convert to `{b}`", _why_incompatible(a, b))
    return a.factor / b.factor, (a.offset - b.offset) / b.factor


def interval_of(unit: Unit | Free) -> Unit | Free:
    """The unit of a difference: `K` for `Cel`, `[degR]` for `[degF]`, else the unit itself."""
    if isinstance(unit, Free) or not unit.is_point:
        return unit
    return _parse(_INTERVALS[unit.terms[0][0]])


_INTERVALS = {"Cel": "K", "[degF]": "[degR]"}


def _why_incompatible(a: Unit, b: Unit) -> str | None:
    if a.dimension == b.dimension:
        point = a if a.is_point else b
        return f"`{point}` is a point on a scale; its differences are in `{interval_of(point)}`"
    bases = {base for base, _ in (*a.dimension, *b.dimension)}
    if "mol" in bases and bases & {"g", "eq", "osm"}:
        return "the conversion depends on the substance; multiply by its molar mass or charge"
    return None


def _intervals(unit: Unit) -> Unit:
    if unit.is_point:
        raise UnitError(
            f"`{unit}` is a point on a scale and cannot be multiplied, divided or raised",
            f"use a difference, which is in `{interval_of(unit)}`",
        )
    return unit


def _combine(a: Terms, b: Terms) -> Unit:
    exponents: dict[str, Fraction] = {}
    for symbol, exponent in (*a, *b):
        exponents[symbol] = exponents.get(symbol, Fraction(0)) + exponent
    return _from_terms(tuple((s, e) for s, e in exponents.items() if e))


@lru_cache(maxsize=4096)
def _from_terms(terms: Terms, symbol: str | None = None) -> Unit:
    factor = Fraction(1)
    dimension: dict[str, Fraction] = {}
    for text, exponent in terms:
        atom = _simple(text)
        assert atom is not None, text
        factor *= _raise(atom.factor, exponent)
        for base, times in atom.dimension:
            dimension[base] = dimension.get(base, Fraction(0)) + times * exponent
    if any(abs(times) > LARGEST_DIMENSION or times.denominator > 9 for times in dimension.values()):
        raise UnitError("the exponent of a unit grows too large here")
    kept = tuple(sorted((base, times) for base, times in dimension.items() if times))
    return Unit(symbol or _spell(terms), factor, kept, terms=terms)


def _raise(factor: Fraction, exponent: Fraction) -> Fraction:
    """`factor ** exponent`, exact where the result is a fraction."""
    whole = factor**exponent.numerator
    degree = exponent.denominator
    if degree == 1:
        return whole
    top, bottom = _root(whole.numerator, degree), _root(whole.denominator, degree)
    if top is not None and bottom is not None:
        return Fraction(top, bottom)
    log = math.log(whole.numerator) - math.log(whole.denominator)
    return Fraction(math.exp(log / degree))


def _root(number: int, degree: int) -> int | None:
    guess = round(math.exp(math.log(number) / degree))
    near = range(max(guess - 1, 0), guess + 2)
    return next((root for root in near if root**degree == number), None)


def _spell(terms: Terms) -> str:
    top = ".".join(_spell_power(s, e) for s, e in terms if e > 0)
    bottom = "".join("/" + _spell_power(s, -e) for s, e in terms if e < 0)
    return top + bottom or "1"


def _spell_power(symbol: str, exponent: Fraction) -> str:
    if exponent == 1:
        return symbol
    if symbol.isdigit():
        return f"({symbol})^({exponent})"
    return symbol + (str(exponent) if exponent.denominator == 1 else f"^({exponent})")


# Reading ------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _parse(text: str) -> Unit:
    if not text or text.isspace():
        raise UnitError("a unit is missing between the quotes", "`1` is the unit of plain numbers")
    try:
        reader = _Reader(text)
        terms = reader.product(closing="")
    except UnitError as error:
        raise UnitError(error.message, _suggest(text) or error.help) from None
    if any(symbol in _INTERVALS for symbol, _ in terms):
        return _point(text, terms)
    merged = _combine(tuple(terms), ())
    return _from_terms(merged.terms, text)


def _point(text: str, terms: list[tuple[str, Fraction]]) -> Unit:
    if len(terms) != 1 or terms[0][1] != 1:
        raise UnitError(
            f"`{text}`: a temperature scale does not combine with other units",
            "use `K` (or `[degR]`) within products",
        )
    atom = ATOMS[terms[0][0]]
    return Unit(text, atom.factor, atom.dimension, True, atom.offset, tuple(terms))


@cache
def _simple(symbol: str) -> Atom | None:
    """The atom with its prefix that `symbol` writes; also a whole number."""
    if symbol.isascii() and symbol.isdigit():
        return Atom(Fraction(int(symbol)), ())
    if symbol in ATOMS:
        return ATOMS[symbol]
    for length in (2, 1):
        prefix, atom = PREFIXES.get(symbol[:length]), ATOMS.get(symbol[length:])
        if prefix is not None and atom is not None and atom.is_metric:
            return Atom(prefix * atom.factor, atom.dimension)
    return None


class _Reader:
    """Recursive descent over one unit text; every step consumes a character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def product(self, closing: str) -> list[tuple[str, Fraction]]:
        """`[/] component {(. | /) component}` up to `closing`; division associates left."""
        terms: list[tuple[str, Fraction]] = []
        sign = -1 if self._take("/") else 1
        while True:
            terms += [(symbol, exponent * sign) for symbol, exponent in self._component()]
            if self._take("."):
                sign = 1
            elif self._take("/"):
                sign = -1
            elif self._peek() == closing:
                self.at += 1
                return terms
            else:
                raise self._stuck()

    def _component(self) -> Iterable[tuple[str, Fraction]]:
        if self._take("("):
            return self.product(closing=")")
        if self._peek() == "{":
            self._annotation()
            return []
        symbol = self._symbol()
        exponent = self._exponent(symbol)
        if self._peek() == "{":
            self._annotation()
        return [] if symbol == "1" else [(symbol, exponent)]

    def _symbol(self) -> str:
        start = self.at
        if self.text.startswith(("10*", "10^"), start):
            self.at += 3
            return "10*"
        if self._is_digit():
            while self._is_digit():
                self.at += 1
            if self.text[start] == "0":
                raise UnitError(f"`{self.text}`: a unit has no factor that starts with 0")
            self._refuse_fraction(start)
            return self.text[start : self.at]
        while (here := self._peek()) and (here.isalpha() or here in "%_'["):
            self.at = self._after_bracket() if here == "[" else self.at + 1
        symbol = self.text[start : self.at]
        if not symbol:
            raise self._stuck()
        if _simple(symbol) is None:
            raise UnitError(f"`{symbol}` is not a unit", _nearest(symbol))
        return symbol

    def _refuse_fraction(self, start: int) -> None:
        """UCUM reads `1.73` as 1 times 73, which nobody means."""
        whole = self.text[start : self.at]
        rest = self.text[self.at + 1 :]
        part = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        if self._peek() == "." and part and not rest[len(part) :].startswith(("*", "^")):
            raise UnitError(
                f"`{whole}.{part}`: units have no decimal numbers",
                f"say it in an annotation, as in `/{{{whole}.{part}_m2}}`",
            )

    def _after_bracket(self) -> int:
        end = self.text.find("]", self.at)
        if end < 0:
            raise UnitError(f"`{self.text}`: `[` is never closed")
        return end + 1

    def _exponent(self, symbol: str) -> Fraction:
        start = self.at
        if symbol.isdigit():
            return Fraction(1)
        if self._peek() in ("+", "-"):
            self.at += 1
        digits = self.at
        while self._is_digit():
            self.at += 1
        if digits == self.at:
            if self.at > start:
                raise self._stuck()
            return Fraction(1)
        largest = LARGEST_POWER_OF_TEN if symbol == "10*" else LARGEST_EXPONENT
        exponent = int(self.text[start : self.at])
        if exponent == 0 or abs(exponent) > largest:
            raise UnitError(f"`{self.text}`: an exponent must be 1 to {largest} (or negative)")
        return Fraction(exponent)

    def _annotation(self) -> None:
        end = self.text.find("}", self.at)
        if end < 0:
            raise UnitError(f"`{self.text}`: `{{` is never closed")
        self.at = end + 1

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _is_digit(self) -> bool:
        here = self._peek()
        return here.isascii() and here.isdigit()

    def _take(self, character: str) -> bool:
        if self._peek() != character:
            return False
        self.at += 1
        return True

    def _stuck(self) -> UnitError:
        here = self._peek()
        if not here:
            return UnitError(f"`{self.text}` ends too early for a unit")
        return UnitError(f"`{self.text}` is not a unit: `{here}` does not belong here")


# Advice -------------------------------------------------------------------------------------


def _suggest(text: str) -> str | None:
    """The likeliest correct spelling of the whole text, if it parses."""
    plain = text.translate(_TYPOGRAPHY).replace(" ", "")
    for candidate in (plain, plain.replace("^", ""), _replace_parts(plain)):
        if candidate and candidate != text and _is_unit(candidate):
            return f"did you mean `{candidate}`?"
    return None


_TYPOGRAPHY = str.maketrans({"µ": "u", "μ": "u", "²": "2", "³": "3", "·": ".", "*": "*"})


def _replace_parts(text: str) -> str:
    """`text` with each colloquial part between operators replaced by UCUM's spelling."""
    whole = COLLOQUIAL.get(text.lower()) or COLLOQUIAL.get(text)
    if whole:
        return whole
    parts: list[str] = []
    for piece in text.replace("/", " / ").replace(".", " . ").split():
        name = piece.rstrip("^0123456789")
        exponent = piece[len(name) :].replace("^", "")
        replacement = COLLOQUIAL.get(piece) or COLLOQUIAL.get(name.lower())
        if piece in "/." or (_simple(name) is not None and name not in COLLOQUIAL):
            parts.append(name + exponent)
        elif replacement:
            parts.append(replacement + exponent)
        else:
            parts.append((_closest(name) or name) + exponent)
    return "".join(parts)


def _is_unit(text: str) -> bool:
    try:
        _Reader(text).product(closing="")
    except UnitError:
        return False
    return True


def _nearest(symbol: str) -> str | None:
    nearest = COLLOQUIAL.get(symbol.lower()) or _closest(symbol)
    return f"did you mean `{nearest}`?" if nearest else None


_COMMON = (
    *("meq", "mosm", "m[iU]", "k[iU]", "pg", "fL", "pL", "nL", "pmol", "nmol", "mm[Hg]", "kat"),
    *("nkat", "ukat", "mV", "uV", "kHz", "MHz", "GHz", "mA", "kW", "kJ", "hPa", "mbar", "mSv"),
)


def _closest(symbol: str) -> str | None:
    """The common unit that differs from `symbol` in letter case or by a slip."""
    common = (*UNIT_LITERALS, *_COMMON, *ATOMS)
    for unit in common:
        if unit.lower() == symbol.lower():
            return unit
    if len(symbol) < 3:
        return None
    found = get_close_matches(symbol, common, n=1, cutoff=0.75)
    return found[0] if found else None


MICROSECOND = parse_unit("us")
"""The unit of durations, which are whole microseconds."""
