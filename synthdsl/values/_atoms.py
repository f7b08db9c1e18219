"""Tables behind `values.units`: UCUM's atoms, prefixes, and what people write instead."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

Dimension = tuple[tuple[str, Fraction], ...]


@dataclass(frozen=True)
class Atom:
    """A unit without exponent: factor to base units, and whether prefixes may precede it."""

    factor: Fraction
    dimension: Dimension
    is_metric: bool = False
    offset: Fraction = Fraction(0)


PREFIXES: dict[str, Fraction] = {
    prefix: Fraction(10) ** exponent
    for prefix, exponent in {
        **{"Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1},
        **{"d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18},
        **{"z": -21, "y": -24},
    }.items()
}

_PI = "3.1415926535897932384626433832795028841971693993751058209749445923"
_GRAVITY = "9.80665"

# name: (factor, dimension as text, whether metric). Base units first; `A` stands in for
# UCUM's coulomb, whose symbol `C` people use for Celsius.
_TABLE: tuple[tuple[str, str, str, bool], ...] = (
    *((base, "1", base, True) for base in ("m", "s", "g", "mol", "K", "cd", "A", "eq", "osm")),
    *((angle, "1", "", True) for angle in ("rad", "sr")),
    ("deg", f"{_PI}/180", "", False),
    ("%", "1/100", "", False),
    ("10*", "10", "", False),
    ("[ppth]", "1/1000", "", False),
    ("[ppm]", "1/1000000", "", False),
    ("[ppb]", "1/1000000000", "", False),
    # time
    ("min", "60", "s", False),
    ("h", "3600", "s", False),
    ("d", "86400", "s", False),
    ("wk", "604800", "s", False),
    ("mo", "2629800", "s", False),
    ("mo_j", "2629800", "s", False),
    ("a", "31557600", "s", False),
    ("a_j", "31557600", "s", False),
    ("Hz", "1", "s-1", True),
    ("Bq", "1", "s-1", True),
    ("Ci", "37000000000", "s-1", True),
    # length, area, volume
    ("L", "1/1000", "m3", True),
    ("l", "1/1000", "m3", True),
    ("Ao", "1/10000000000", "m", False),
    ("[in_i]", "0.0254", "m", False),
    ("[ft_i]", "0.3048", "m", False),
    ("[yd_i]", "0.9144", "m", False),
    ("[mi_i]", "1609.344", "m", False),
    ("[nmi_i]", "1852", "m", False),
    ("[sin_i]", "0.00064516", "m2", False),
    ("[sft_i]", "0.09290304", "m2", False),
    ("[cin_i]", "0.000016387064", "m3", False),
    ("[gal_us]", "0.003785411784", "m3", False),
    ("[qt_us]", "0.000946352946", "m3", False),
    ("[pt_us]", "0.000473176473", "m3", False),
    ("[cup_us]", "0.0002365882365", "m3", False),
    ("[foz_us]", "0.0000295735295625", "m3", False),
    ("[tbs_us]", "0.00001478676478125", "m3", False),
    ("[tsp_us]", "0.00000492892159375", "m3", False),
    ("[drp]", "0.00000005", "m3", False),
    ("[diop]", "1", "m-1", False),
    # mass
    ("t", "1000000", "g", False),
    ("u", "1.66053906660/1000000000000000000000000", "g", False),
    ("Da", "1.66053906660/1000000000000000000000000", "g", True),
    ("[gr]", "0.06479891", "g", False),
    ("[oz_av]", "28.349523125", "g", False),
    ("[lb_av]", "453.59237", "g", False),
    ("[stone_av]", "6350.29318", "g", False),
    # force, pressure, energy, power, electricity (base g, so newton is 1000)
    ("N", "1000", "g.m.s-2", True),
    ("dyn", "1/100", "g.m.s-2", True),
    ("gf", _GRAVITY, "g.m.s-2", True),
    ("Pa", "1000", "g.m-1.s-2", True),
    ("bar", "100000000", "g.m-1.s-2", True),
    ("atm", "101325000", "g.m-1.s-2", False),
    ("m[Hg]", "133322000", "g.m-1.s-2", True),
    ("m[H2O]", "9806650", "g.m-1.s-2", True),
    ("[psi]", "4.4482216152605/0.00064516*1000", "g.m-1.s-2", False),
    ("J", "1000", "g.m2.s-2", True),
    ("erg", "1/10000", "g.m2.s-2", True),
    ("cal", "4184", "g.m2.s-2", True),
    ("cal_th", "4184", "g.m2.s-2", True),
    ("[Cal]", "4184000", "g.m2.s-2", False),
    ("W", "1000", "g.m2.s-3", True),
    ("V", "1000", "g.m2.s-3.A-1", True),
    ("Ohm", "1000", "g.m2.s-3.A-2", True),
    ("T", "1000", "g.s-2.A-1", True),
    ("lm", "1", "cd", True),
    ("lx", "1", "cd.m-2", True),
    ("Gy", "1", "m2.s-2", True),
    ("Sv", "1", "m2.s-2", True),
    # chemistry
    ("kat", "1", "mol.s-1", True),
    ("U", "1/60000000", "mol.s-1", True),
    ("[MET]", "3.5/60000000000", "m3.s-1.g-1", False),
    # temperature
    ("[degR]", "5/9", "K", False),
    # arbitrary units and scales: each converts only to itself
    *((name, "1", "[iU]", True) for name in ("[iU]", "[IU]")),
    *((name, "1", name, True) for name in ("[arb'U]", "[USP'U]", "bit", "By", "B")),
    *((name, "1", name, False) for name in ("[pH]", "[HPF]", "[LPF]", "[hnsf'U]", "[PFU]")),
    *((name, "1", name, False) for name in ("[CFU]", "[GPL'U]", "[MPL'U]", "[APL'U]")),
    *((name, "1", name, False) for name in ("[CCID_50]", "[TCID_50]", "[EID_50]", "[ELU]")),
    *((name, "1", name, False) for name in ("[anti'Xa'U]", "[beth'U]", "[todd'U]", "[D'ag'U]")),
)


def _fraction(text: str) -> Fraction:
    """The value of a decimal, a quotient of two, or a quotient times a third."""
    quotient, _, times = text.partition("*")
    top, _, bottom = quotient.partition("/")
    return Fraction(top) / Fraction(bottom or 1) * Fraction(times or 1)


def _dimension(text: str) -> Dimension:
    if text.startswith("["):
        return ((text, Fraction(1)),)
    pairs = []
    for term in text.split(".") if text else ():
        base = term.rstrip("-0123456789")
        pairs.append((base, Fraction(term[len(base) :] or 1)))
    return tuple(sorted(pairs))


ATOMS: dict[str, Atom] = {
    name: Atom(_fraction(factor), _dimension(dimension), is_metric)
    for name, factor, dimension, is_metric in _TABLE
}
ATOMS["By"] = Atom(Fraction(8), _dimension("bit"), True)
ATOMS["Cel"] = Atom(Fraction(1), _dimension("K"), offset=Fraction("273.15"))
ATOMS["[degF]"] = Atom(Fraction(5, 9), _dimension("K"), offset=Fraction("459.67") * Fraction(5, 9))

COLLOQUIAL: dict[str, str] = {
    name: symbol
    for symbol, names in {
        "a": "years year yrs yr y annum",
        "mo": "months month mos mth mths mon",
        "wk": "weeks week wks w",
        "d": "days day dy",
        "h": "hours hour hrs hr",
        "min": "minutes minute mins mn",
        "s": "seconds second secs sec",
        "ms": "milliseconds millisecond msec msecs",
        "us": "microseconds microsecond usec",
        "kg": "kilograms kilogram kilo kilos kgs kgm",
        "g": "grams gram gm gms",
        "mg": "milligrams milligram mgs mgm",
        "ug": "micrograms microgram mcg mcgs",
        "ng": "nanograms nanogram",
        "[lb_av]": "pounds pound lbs lb",
        "[oz_av]": "ounces ounce oz",
        "[stone_av]": "stone stones st",
        "m": "metres meters metre meter mtr",
        "cm": "centimetres centimeters centimetre centimeter cms",
        "mm": "millimetres millimeters millimetre millimeter",
        "km": "kilometres kilometers kilometre kilometer kms",
        "um": "micrometres micrometers micron microns",
        "[in_i]": "inches inch in",
        "[ft_i]": "feet foot ft",
        "[yd_i]": "yards yard yd",
        "[mi_i]": "miles mile mi",
        "L": "litres liters litre liter lt ltr",
        "mL": "millilitres milliliters millilitre milliliter mls cc",
        "dL": "decilitres deciliters decilitre deciliter",
        "uL": "microlitres microliters microlitre microliter mcl",
        "mm[Hg]": "mmhg torr",
        "cm[H2O]": "cmh2o",
        "m[Hg]": "mhg",
        "[psi]": "psi",
        "Cel": "c degc °c celsius centigrade deg_c",
        "[degF]": "f degf °f fahrenheit deg_f",
        "K": "kelvin °k degk",
        "Hz": "hertz",
        "{beats}/min": "bpm",
        "{breaths}/min": "brpm",
        "{rev}/min": "rpm",
        "%": "percent pct",
        "1": "ratio none unitless dimensionless count number fraction",
        "[iU]": "iu ius",
        "m[iU]": "miu",
        "u[iU]": "uiu",
        "k[iU]": "kiu",
        "U": "unit units",
        "meq": "meqs milliequivalents",
        "osm": "osmol osmoles",
        "mosm": "mosmol mosmoles mosmols",
        "mol": "moles mole",
        "mmol": "millimoles millimole",
        "umol": "micromoles micromole mcmol",
        "cal": "calories calorie cals",
        "kcal": "kilocalories kilocalorie kcals",
        "J": "joules joule",
        "W": "watts watt",
        "V": "volts volt",
        "[ppm]": "ppm",
        "[ppb]": "ppb",
        "[pH]": "ph",
        "deg": "degrees degree °",
        "[HPF]": "hpf",
        "[LPF]": "lpf",
        "[CFU]": "cfu",
        "[PFU]": "pfu",
        "By": "bytes byte",
        "10*9/L": "x10^9/l x10e9/l 10e9/l x10*9/l k/mm3",
        "10*12/L": "x10^12/l x10e12/l 10e12/l x10*12/l",
        "10*3/uL": "x10^3/ul x10e3/ul 10e3/ul x10*3/ul thou/ul",
        "10*6/uL": "x10^6/ul x10e6/ul 10e6/ul x10*6/ul mil/ul",
        "mL/min/{1.73_m2}": "ml/min/1.73m2 ml/min/1.73m^2 ml/min/1.73",
        "{cells}": "cells cell",
        "{copies}": "copies copy",
        "{beats}": "beats beat",
        "{breaths}": "breaths breath",
        "{tablet}": "tablets tablet tab tabs",
        "{score}": "score points point",
    }.items()
    for name in names.split()
}
"""Names that people write, in lower case, and what UCUM writes for them."""
