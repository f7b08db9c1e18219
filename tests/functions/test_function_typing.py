"""What calls mean by type: results, units, and advice where they mean nothing."""

from __future__ import annotations

import pytest

from synthdsl.functions import FUNCTIONS, Argument, Misuse
from synthdsl.values.types import (
    BOOL,
    DATE,
    DATETIME,
    DURATION,
    FLOAT,
    FREE_FLOAT,
    FREE_INT,
    INT,
    TEXT,
    TIME,
    UNKNOWN,
    Kind,
    Type,
)
from synthdsl.values.units import FREE, parse_unit

INTS = Type(Kind.LIST, element=FREE_INT)
WORDS = Type(Kind.LIST, element=TEXT)
ZONED = Type(Kind.DATETIME, zone="Europe/Oslo")


def of(type_: Type, symbol: str) -> Type:
    return type_.with_unit(parse_unit(symbol))


def infer(name: str, *arguments: Type | tuple[Type, object]) -> Type | Misuse:
    function = FUNCTIONS.get(name)
    assert function is not None
    return function.infer(
        *(Argument(a[0], True, a[1]) if isinstance(a, tuple) else Argument(a) for a in arguments)
    )


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("exp", [FREE_FLOAT], FLOAT),
        ("exp", [of(FLOAT, "%")], FLOAT),
        ("sqrt", [of(FLOAT, "cm2")], of(FLOAT, "cm")),
        ("sqrt", [FREE_INT], FREE_FLOAT),
        ("abs", [of(INT, "kg")], of(INT, "kg")),
        ("abs", [DURATION], DURATION),
        ("floor", [of(FLOAT, "Cel")], of(INT, "Cel")),
        ("round", [FLOAT], INT),
        ("round", [FLOAT, (FREE_INT, 2)], FLOAT),
        ("round", [INT, (FREE_INT, 2)], INT),
        ("min", [INT, FREE_INT], INT),
        ("min", [of(FLOAT, "kg"), FREE_INT, of(FLOAT, "g")], of(FLOAT, "kg")),
        ("min", [FREE_INT, of(INT, "g")], of(INT, "g")),
        ("max", [of(INT, "g"), of(INT, "kg")], of(FLOAT, "g")),
        ("max", [DURATION, of(INT, "d")], DURATION),
        ("max", [of(INT, "d"), DURATION], DURATION),
        ("max", [DATE, DATE], DATE),
        ("max", [of(FLOAT, "Cel"), FREE_FLOAT], of(FLOAT, "Cel")),
        ("div", [DURATION, of(INT, "d")], INT),
        ("mod", [of(INT, "d"), FREE_INT], of(INT, "d")),
        ("years_between", [DATE, DATE], of(INT, "a")),
        ("years_before", [DATE, of(INT, "a")], DATE),
        ("years_before", [DATETIME, FREE_INT], DATETIME),
        ("year", [ZONED], INT),
        ("hour", [TIME], INT),
        ("date", [ZONED], DATE),
        ("bucket", [INT, (INTS, [0, 5])], TEXT.nullable()),
        ("coalesce", [INT.nullable(), INT], INT),
        ("coalesce", [TEXT.nullable(), TEXT.nullable()], TEXT.nullable()),
        ("nullif", [INT, FREE_INT], INT.nullable()),
        ("contains", [TEXT, (TEXT, "a")], BOOL),
        ("int", [TEXT], INT),
        ("upper", [UNKNOWN], TEXT),
    ],
)
def test_result_types(name: str, arguments: list, expected: Type):
    assert infer(name, *arguments) == expected


@pytest.mark.parametrize(
    ("name", "arguments", "at", "words"),
    [
        ("exp", [of(FLOAT, "kg")], 0, ["`kg`", "plain number", "`1 'kg'`"]),
        ("log", [TEXT], 0, ["`text`", "a number", "float(…)"]),
        ("abs", [of(FLOAT, "Cel")], 0, ["`Cel`", "`K`"]),
        ("sqrt", [of(FLOAT, "Cel")], 0, ["`Cel`"]),
        ("min", [of(INT, "kg"), of(INT, "m")], 1, ["`m`", "`kg`"]),
        ("min", [of(INT, "Cel"), of(INT, "K")], 1, ["`K`", "`Cel`"]),
        ("max", [DATE, DATETIME], 1, ["datetime", "date(…)"]),
        ("max", [DURATION, (FREE_INT, 3)], 1, ["bare number", "`3 d`"]),
        ("year", [TEXT], 0, ["`text`"]),
        ("years_between", [DATETIME, DATE], 0, ["`datetime`", "`date(…)`"]),
        ("years_before", [DATE, FLOAT], 1, ["`float`", "floor"]),
        ("years_before", [DATE, of(INT, "d")], 1, ["`d`", "`a`"]),
        ("years_before", [ZONED, INT], 0, ["Europe/Oslo", "date(…)"]),
        ("round", [FLOAT, INT], 1, ["constant"]),
        ("round", [FLOAT, (INT, 99)], 1, ["99", "[-15, 15]"]),
        ("upper", [INT], 0, ["`int`", "text(…)"]),
        ("substring", [TEXT, (INT, 0), (INT, 1)], 1, ["`start` is 0"]),
        ("replace", [TEXT, (TEXT, ""), (TEXT, "a")], 1, ["empty"]),
        ("matches", [TEXT, (TEXT, "a)(b")], 1, ["unexpected )"]),
        ("matches", [TEXT, (TEXT, "a" * 501)], 1, ["500"]),
        ("bucket", [INT, (INTS, [0, 5, 5])], 1, ["rise", "5 follows 5"]),
        ("bucket", [INT, (INTS, [0])], 1, ["1 edges"]),
        ("bucket", [INT, INTS], 1, ["constant"]),
        ("bucket", [DATE, (Type(Kind.LIST, element=DATE), [0, 5])], 1, ["labels"]),
        ("bucket", [DURATION, (INTS, [0, 5]), (WORDS, ["a"])], 1, ["duration"]),
        ("bucket", [INT, (INTS, [0, 5]), (WORDS, ["a", "b"])], 2, ["2 labels for 1"]),
        ("bucket", [INT, (INTS, [0, 5, 9]), (WORDS, ["a", "a"])], 2, ["two classes"]),
        ("bucket", [INT, (Type(Kind.LIST, element=FLOAT), [0.2, 0.8])], 1, ["no whole number"]),
        ("coalesce", [TEXT, INT], 1, ["`int`", "`text`", "text(…)"]),
        ("datetime", [DATETIME], 0, ["`datetime`", "date(…)"]),
    ],
)
def test_misuse_names_the_argument_and_what_to_type(
    name: str, arguments: list, at: int, words: list[str]
):
    found = infer(name, *arguments)
    assert isinstance(found, Misuse)
    assert found.argument == at
    told = f"{found.message} {found.help}"
    for word in words:
        assert word in told


@pytest.mark.parametrize("name", FUNCTIONS.names())
def test_an_earlier_error_stays_silent(name: str):
    function = FUNCTIONS.get(name)
    assert function is not None
    if name in ("template", "numbered"):
        pytest.skip("tested beside their definition")
    unknown = [Argument(UNKNOWN)] * len(function.parameter_names)
    assert isinstance(function.infer(*unknown), Type)


def test_bucket_labels():
    bucket = FUNCTIONS.get("bucket")
    edges = Argument(INTS, True, [0, 18, 19, 65])
    assert bucket.vocabulary(Argument(INT), edges) == ("0-17", "18", "19-64")
    assert bucket.vocabulary(Argument(FLOAT), edges) == ("0-<18", "18-<19", "19-<65")
    below = Argument(Type(Kind.LIST, element=FREE_FLOAT), True, [-2.5, 0.0, 10.0])
    assert bucket.vocabulary(Argument(INT), below) == ("-2 to -1", "0 to 9")
    assert bucket.vocabulary(Argument(FLOAT), below) == ("-2.5 to <0", "0 to <10")


def test_bucket_edges_convert_to_the_unit_of_the_value():
    bucket = FUNCTIONS.get("bucket")
    days = Argument(Type(Kind.LIST, element=of(INT, "d")), True, [0, 1, 7])
    labels = Argument(WORDS, True, ["short", "long"])
    bound = bucket.bind(Argument(DURATION), days, labels)
    assert bound.constant(86_399_999_999) == "short"
    assert bound.constant(86_400_000_000) == "long"
    assert bound.constant(7 * 86_400_000_000) is None


def test_free_stays_the_one_object():
    assert infer("sqrt", FREE_FLOAT).unit is FREE


def test_a_year_of_a_zoned_datetime_asks_for_local_time():
    assert FUNCTIONS.get("year").reads_local_time
    assert FUNCTIONS.get("exp").plain_arguments
    assert FUNCTIONS.get("min").same_unit
