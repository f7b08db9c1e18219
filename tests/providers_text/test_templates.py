"""`template`: slots of every type, constants and columns alike, refusals."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from providers_text_support import argument

from synthdsl.functions import FUNCTIONS
from synthdsl.functions.base import Argument, Misuse
from synthdsl.values.types import (
    BOOL,
    DATE,
    DATETIME,
    DURATION,
    FLOAT,
    INT,
    TEXT,
    TIME,
    UUID,
    Kind,
    Type,
)

TEMPLATE = FUNCTIONS.get("template")


def test_slots_in_any_order_repeated_and_escaped() -> None:
    title, name = pa.array(["Dr", "Mx", "é"]), pa.array(["Ödön", "", "患者"])
    found = TEMPLATE.apply("{1}, {0} {{{1}}} – {2}", title, name, np.array([1, -20, 300]))
    assert found.to_pylist() == ["Ödön, Dr {Ödön} – 1", ", Mx {} – -20", "患者, é {患者} – 300"]
    found.validate(full=True)


def test_constants_and_columns_agree() -> None:
    name = pa.array(["a", "b"])
    found = TEMPLATE.apply("{0}-{1}-{2:date}-{3:.1}", name, "x", 0, np.array([0.25, 2]))
    assert found.to_pylist() == ["a-x-1970-01-01-0.2", "b-x-1970-01-01-2.0"]
    assert TEMPLATE.constant("{0}-{1}", "é", True) == "é-true"
    assert TEMPLATE.apply("{0}", name).to_pylist() == ["a", "b"]
    assert TEMPLATE.apply("{0}{1}", name, np.array([True, False])).to_pylist() == [
        "atrue",
        "bfalse",
    ]


def vector(form: str, values: list[object]) -> list[str]:
    return TEMPLATE.apply(f"<{{0{form}}}>", np.array(values)).to_pylist()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
def test_floats_read_back_the_same_and_agree_with_constants(values: list[float]) -> None:
    found = vector("", values)
    assert [float(text[1:-1]) for text in found] == values
    assert found == [TEMPLATE.constant("<{0}>", value) for value in values]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=8),
    st.integers(0, 6),
)
def test_decimals_are_within_half_a_step(values: list[float], decimals: int) -> None:
    found = vector(f":.{decimals}", values)
    assert found == [TEMPLATE.constant(f"<{{0:.{decimals}}}>", value) for value in values]
    for text, value in zip(found, values, strict=True):
        inside = text[1:-1]
        assert len(inside.partition(".")[2]) == decimals or abs(value) * 10**decimals >= 2**63
        assert abs(float(inside) - value) <= 0.5000001 * 10.0**-decimals + 1e-15 * abs(value)


def test_decimals_of_huge_numbers_fall_back() -> None:
    assert vector(":.2", [1e300, 1.5]) == ["<1e+300>", "<1.50>"]
    assert TEMPLATE.constant("{0:.2}", 1e300) == "1e+300"
    assert vector(":.3", [7, -8]) == ["<7.000>", "<-8.000>"]
    assert vector(":.2", [-0.001, -0.0]) == ["<0.00>", "<0.00>"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.datetimes(), min_size=1, max_size=5))
def test_moments_are_iso(moments: list[datetime.datetime]) -> None:
    epoch = datetime.datetime(1970, 1, 1)
    micros = [(m - epoch) // datetime.timedelta(microseconds=1) for m in moments]
    expected = [f"<{m.replace(microsecond=0).isoformat()}>" for m in moments]
    assert vector(":datetime", micros) == expected
    assert [TEMPLATE.constant("<{0:datetime}>", m) for m in micros] == expected
    days = [m // 86_400_000_000 for m in micros]
    assert vector(":date", days) == [f"<{m.date().isoformat()}>" for m in moments]
    times = [m % 86_400_000_000 for m in micros]
    clock = [f"<{m.time().replace(microsecond=0).isoformat()}>" for m in moments]
    assert vector(":time", times) == clock
    assert [TEMPLATE.constant("<{0:time}>", t) for t in times] == clock


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.text(max_size=5))
def test_braces_round_trip(text: str, value: str) -> None:
    template = text.replace("{", "{{").replace("}", "}}") + "{0}"
    assert TEMPLATE.constant(template, "v") == text + "v"


def infer(text: str, *types: Type) -> Type | Misuse:
    return TEMPLATE.infer(argument(text), *map(Argument, types))


def test_types() -> None:
    decimal = Type(Kind.DECIMAL, precision=9, scale=2)
    kinds = (TEXT, INT, FLOAT, decimal, BOOL, UUID)
    assert infer("{0}{1}{2}{3}{4}{5}", *kinds) == TEXT
    assert infer("{0:date}{1:datetime}{2:time}{3:.0}", DATE, DATETIME, TIME, decimal) == TEXT


@pytest.mark.parametrize(
    ("text", "types", "words", "blamed"),
    [
        ("{0", (TEXT,), "character 1: this `{` is not closed", 0),
        ("ab}", (), "character 3: this `}` closes no slot", 0),
        ("{name}", (TEXT,), "`{name}` is no slot", 0),
        ("{}", (TEXT,), "`{}` is no slot", 0),
        ("{0:x}", (TEXT,), "`x` is no form", 0),
        ("{0:}", (TEXT,), "is no form", 0),
        ("{0:.7}", (FLOAT,), "`.7` is no form", 0),
        ("{0:.٣}", (FLOAT,), "is no form", 0),
        ("{١}", (FLOAT,), "is no slot", 0),
        ("{1}", (TEXT,), "has no value", 0),
        ("{0}", (TEXT, TEXT), "no slot {1}", 2),
        ("{0}", (DATE,), "a date needs its form", 1),
        ("{0:date}", (INT,), "does not fit int", 1),
        ("{0:time}", (DATETIME,), "needs its form", 1),
        ("{0:.2}", (TEXT,), "decimals do not fit", 1),
        ("{0}", (DURATION,), "has no text", 1),
    ],
)
def test_refusals(text: str, types: tuple[Type, ...], words: str, blamed: int) -> None:
    result = infer(text, *types)
    assert isinstance(result, Misuse) and result.help
    assert words in result.message and result.argument == blamed


def test_the_template_must_be_constant_text_of_bounded_length() -> None:
    assert isinstance(TEMPLATE.infer(Argument(TEXT), Argument(TEXT)), Misuse)
    assert isinstance(TEMPLATE.infer(argument(5)), Misuse)
    assert isinstance(TEMPLATE.infer(argument("x" * 10_001)), Misuse)
