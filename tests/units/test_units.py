"""Units: what parses, exact factors against independent tables, arithmetic, hostile text."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import constants

from synthdsl.values._atoms import ATOMS, COLLOQUIAL, PREFIXES
from synthdsl.values.units import (
    FREE,
    MICROSECOND,
    ONE,
    UNIT_LITERALS,
    Unit,
    UnitError,
    conversion,
    divide,
    interval_of,
    is_compatible,
    multiply,
    parse_unit,
    power,
    ratio,
)

TEMPERATURES = {"Cel", "[degF]"}
QUICK = settings(max_examples=150, deadline=None, database=None, derandomize=True)
simple = st.sampled_from(
    [name for name in sorted(ATOMS) if name not in TEMPERATURES]
    + [p + a for p in ("k", "m", "u", "da") for a in ("m", "g", "L", "mol", "Pa", "m[Hg]", "[iU]")]
)
products = st.lists(st.tuples(simple, st.integers(-3, 3).filter(bool)), min_size=1, max_size=4).map(
    lambda terms: ".".join(f"{s}{e}" if e != 1 else s for s, e in terms)
)


@pytest.mark.parametrize(
    ("text", "si"),
    [
        ("[in_i]", constants.inch),
        ("[ft_i]", constants.foot),
        ("[yd_i]", constants.yard),
        ("[mi_i]", constants.mile),
        ("[nmi_i]", constants.nautical_mile),
        ("[lb_av]", constants.pound),
        ("[oz_av]", constants.ounce),
        ("[gr]", constants.grain),
        ("[stone_av]", constants.stone),
        ("u", constants.atomic_mass),
        ("atm", constants.atm),
        ("bar", constants.bar),
        ("mm[Hg]", constants.mmHg),
        ("[psi]", constants.psi),
        ("cal", constants.calorie),
        ("erg", constants.erg),
        ("dyn", constants.dyn),
        ("kgf", constants.kgf),
        ("[gal_us]", constants.gallon),
        ("[foz_us]", constants.fluid_ounce),
        ("L", constants.liter),
        ("deg", constants.degree),
        ("wk", constants.week),
        ("a", constants.Julian_year),
        ("Ao", constants.angstrom),
        ("t", constants.metric_ton),
        ("km/h", constants.kmh),
        ("g", 1e-3),
        ("mL/min/kg", 1e-6 / 60),
        ("U", 1e-6 / 60),
        ("J", 1.0),
        ("kPa", 1e3),
        ("cm[H2O]", 98.0665),
        ("10*9/L", 1e12),
        ("kcal/(kg.d)", 4184 / 86_400),
        ("g/m2/d", 1e-3 / 86_400),
        ("Ci", 3.7e10),
        ("%", 0.01),
        ("[ppb]", 1e-9),
    ],
)
def test_factors_match_tables(text: str, si: float):
    unit = parse_unit(text)
    grams = dict(unit.dimension).get("g", 0)
    assert float(unit.factor / Fraction(1000) ** grams) == pytest.approx(
        si, rel=1e-6 if "Hg" not in text else 3e-6
    )


@pytest.mark.parametrize(
    ("a", "b", "factor"),
    [
        ("a", "d", Fraction("365.25")),
        ("mo", "d", Fraction("30.4375")),
        ("a", "mo", Fraction(12)),
        ("wk", "h", Fraction(168)),
        ("kg", "ug", Fraction(10**9)),
        ("mg/dL", "g/L", Fraction(1, 100)),
        ("mmol/L", "mol/m3", Fraction(1)),
        ("mm3", "uL", Fraction(1)),
        ("{beats}/min", "Hz", Fraction(1, 60)),
        ("10*3/uL", "10*9/L", Fraction(1)),
        ("[lb_av]", "kg", Fraction("0.45359237")),
        ("us", "s", Fraction(1, 10**6)),
        ("kg{wet}", "kg", Fraction(1)),
        ("[foz_us]", "[tbs_us]", Fraction(2)),
        ("[qt_us]", "[cup_us]", Fraction(4)),
        ("[iU]/mL", "m[IU]/mL", Fraction(1000)),
        ("m[iU]/mL", "u[iU]/mL", Fraction(1000)),
        ("g/(kg.d)", "mg/kg/d", Fraction(1000)),
        ("m-1", "/m", Fraction(1)),
        ("100.m2", "m2", Fraction(100)),
        ("10*-6", "[ppm]", Fraction(1)),
        ("By", "bit", Fraction(8)),
    ],
)
def test_exact_ratios(a: str, b: str, factor: Fraction):
    assert ratio(parse_unit(a), parse_unit(b)) == factor


def test_two_points_of_a_scale():
    celsius, fahrenheit = parse_unit("Cel"), parse_unit("[degF]")
    slope, shift = conversion(fahrenheit, celsius)
    assert [int(f * slope + shift) for f in (-40, 32, 212)] == [-40, 0, 100]
    assert interval_of(celsius) == parse_unit("K")
    assert ratio(interval_of(fahrenheit), parse_unit("K")) == Fraction(5, 9)
    assert interval_of(parse_unit("kg")) == parse_unit("kg")
    assert not is_compatible(celsius, parse_unit("K"))
    for operation in (lambda: multiply(celsius, ONE), lambda: divide(ONE, celsius)):
        with pytest.raises(UnitError, match="point on a scale"):
            operation()
    with pytest.raises(UnitError, match="shift"):
        ratio(celsius, fahrenheit)
    with pytest.raises(UnitError, match="point"):
        power(celsius, 2)


@pytest.mark.parametrize(("a", "b"), [("mol", "g"), ("meq", "mmol"), ("[iU]", "[arb'U]")])
def test_what_depends_on_the_substance_does_not_convert(a: str, b: str):
    assert not is_compatible(parse_unit(a), parse_unit(b))
    with pytest.raises(UnitError, match="does not convert"):
        ratio(parse_unit(a), parse_unit(b))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("mmHg", "mm[Hg]"),
        ("C", "Cel"),
        ("°C", "Cel"),
        ("F", "[degF]"),
        ("years", "a"),
        ("yr", "a"),
        ("kg/m^2", "kg/m2"),
        ("kg/m²", "kg/m2"),
        ("mcg", "ug"),
        ("µg/dL", "ug/dL"),
        ("mcg/dL", "ug/dL"),
        ("sec", "s"),
        ("hr", "h"),
        ("lb", "[lb_av]"),
        ("lbs", "[lb_av]"),
        ("inches", "[in_i]"),
        ("bpm", "{beats}/min"),
        ("breaths/min", "{breaths}/min"),
        ("cells/uL", "{cells}/uL"),
        ("IU/mL", "[iU]/mL"),
        ("mEq/L", "meq/L"),
        ("mOsm/kg", "mosm/kg"),
        ("x10^9/L", "10*9/L"),
        ("KG", "kg"),
        ("mg / dL", "mg/dL"),
        ("percent", "%"),
        ("pH", "[pH]"),
        ("mL/min/1.73m2", "mL/min/{1.73_m2}"),
        ("months", "mo"),
        ("litres", "L"),
    ],
)
def test_near_misses_are_named(typed: str, meant: str):
    with pytest.raises(UnitError) as caught:
        parse_unit(typed)
    assert caught.value.help == f"did you mean `{meant}`?"


@pytest.mark.parametrize("name", sorted(COLLOQUIAL))
def test_every_hint_is_a_unit_and_no_hinted_name_is(name: str):
    assert parse_unit(COLLOQUIAL[name])
    hint = COLLOQUIAL[name]
    # A few names also spell another unit (`w`, `mm`); none of those may stand in the table.
    try:
        parse_unit(name)
    except UnitError as error:
        assert hint in (error.help or "")
    else:
        pytest.fail(f"`{name}` is a unit, so its hint `{hint}` is never shown")


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "m/", "(m", "m)", "m-", "m0", "m10", "m-10", "10*31", "[foo", "{a", "m//s"),
        *("/", ".", "Cel2", "mCel", "W/Cel", "0m", "m٣", "²", "a" * 61, "(" * 60, "1" * 61),
        *("1.73", "/1.73.m2", "m m", "\0", "kkg", "mmin", "kd", "9*m", "m^2", "[", "]", "{}{"),
        *("g%%", "m2 ", "Mmo"),
    ],
)
def test_what_is_no_unit(text: str):
    with pytest.raises(UnitError) as caught:
        parse_unit(text)
    assert caught.value.message


@settings(max_examples=400, deadline=None, database=None, derandomize=True)
@given(st.text(max_size=70) | st.text("mgLs/.()[]{}0123456789-+*^%' kd", max_size=60))
def test_any_text_is_a_unit_or_an_error(text: str):
    try:
        unit = parse_unit(text)
    except UnitError as error:
        assert error.message
    else:
        assert unit.symbol == text
        assert unit.factor > 0


@QUICK
@given(products, products)
def test_symbols_of_products_read_back(a: str, b: str):
    assume(max(len(a), len(b)) <= 60)
    left, right = parse_unit(a), parse_unit(b)
    product = multiply(left, right)
    assert isinstance(product, Unit)
    assert product.factor == left.factor * right.factor
    if len(product.symbol) <= 60 and all(abs(n) <= 9 for s, n in product.terms if s != "10*"):
        assert parse_unit(product.symbol) == product
    assert divide(product, right) == left
    assert divide(left, left) == ONE
    assert power(left, 2) == multiply(left, left)
    assert power(power(left, Fraction(1, 2)), 2) == left


@QUICK
@given(products, st.sampled_from(sorted(PREFIXES)))
def test_ratios_are_reciprocal(text: str, prefix: str):
    assume(len(text) <= 50)
    unit, scaled = parse_unit(text), multiply(parse_unit(text), parse_unit(f"{prefix}s/s"))
    assert is_compatible(unit, scaled)
    assert ratio(unit, scaled) * ratio(scaled, unit) == 1
    assert ratio(scaled, unit) == PREFIXES[prefix]


def test_symbols_read_well():
    kg, cm, ml = parse_unit("kg"), parse_unit("cm"), parse_unit("mL")
    assert divide(kg, power(cm, 2)).symbol == "kg/cm2"
    assert divide(ONE, ml).symbol == "/mL"
    assert multiply(kg, cm).symbol == "kg.cm"
    assert multiply(divide(kg, cm), cm).symbol == "kg"
    assert divide(cm, cm).symbol == "1"
    assert power(parse_unit("10*9/L"), 2).symbol == "10*18/L2"
    assert power(parse_unit("m2"), Fraction(1, 2)).symbol == "m"


def test_free_takes_whatever_fits():
    kg = parse_unit("kg")
    assert multiply(FREE, kg) is FREE
    assert divide(kg, FREE) is FREE
    assert power(FREE, 3) is FREE
    assert is_compatible(FREE, parse_unit("Cel"))
    assert ratio(FREE, kg) == 1
    assert interval_of(FREE) is FREE


def test_exponents_stay_bounded():
    unit = parse_unit("m9")
    with pytest.raises(UnitError, match="grows too large"):
        for _ in range(10):
            unit = power(unit, 9)


def test_literals_and_the_microsecond():
    assert all(parse_unit(text).symbol == text for text in UNIT_LITERALS)
    assert ratio(parse_unit("d"), MICROSECOND) == 86_400_000_000


def test_equality_is_of_value_not_of_spelling():
    assert parse_unit("{beats}/min") == parse_unit("/min") != parse_unit("Hz")
    assert parse_unit("L") == parse_unit("l") == parse_unit("dm3")
    assert hash(parse_unit("L")) == hash(parse_unit("dm3"))
