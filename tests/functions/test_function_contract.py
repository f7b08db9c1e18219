"""What every function promises: constants and arrays agree, bounds hold, examples are true."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from call_reader import evaluate
from hypothesis import given, settings
from hypothesis import strategies as st

from synthdsl.functions import EVERYTHING, FUNCTIONS, NO_VALUE, Argument, Function, Misuse
from synthdsl.values.calendar import DAY, FIRST_DAY, LAST_DAY
from synthdsl.values.columns import Column, Vocabulary
from synthdsl.values.types import (
    BOOL,
    DATE,
    DATETIME,
    DURATION,
    FLOAT,
    INT,
    LARGEST_INT,
    TEXT,
    TIME,
    EnumType,
    Kind,
    Type,
)

ELSEWHERE = {"template", "numbered"}
"""Functions that have contract tests of their own."""

ENUM = Type(Kind.ENUM, enum=EnumType("Sex", ("female", "male", "other")))
DECIMAL = Type(Kind.DECIMAL, precision=9, scale=2)
INTS = Type(Kind.LIST, element=INT)
FLOATS = Type(Kind.LIST, element=FLOAT)
WORDS = Type(Kind.LIST, element=TEXT)

near = st.integers(-50, 50)
ints = near | st.integers(-LARGEST_INT, LARGEST_INT)
floats = (
    st.floats(-1e3, 1e3)
    | st.integers(-9, 9).map(lambda n: n / 2)
    | st.floats(allow_nan=False, allow_infinity=False)
)
numerals = st.from_regex(r"\A[+-]?[0-9]{0,18}(\.[0-9]{0,3})?([eE][+-]?[0-9]{1,3})?\Z")
letters = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12)
texts = st.text("ab-C1 \t\n'ß.", max_size=9) | letters | numerals
VALUES = {
    INT: ints,
    FLOAT: floats,
    DECIMAL: st.integers(-(10**9) + 1, 10**9 - 1).map(lambda n: n / 100),
    BOOL: st.booleans(),
    TEXT: texts,
    ENUM: st.integers(0, 2),
    DATE: st.integers(-1500, 1500) | st.integers(FIRST_DAY, LAST_DAY),
    DATETIME: st.integers(FIRST_DAY * DAY, LAST_DAY * DAY + DAY - 1)
    | st.integers(-400, 400).map(lambda n: n * DAY // 4),
    TIME: st.integers(0, DAY - 1) | st.integers(0, 86_399).map(lambda n: n * 1_000_000),
    DURATION: st.integers(-(10**15), 10**15) | near.map(lambda n: n * DAY // 24),
}


@dataclass
class Case:
    """A call: types of the arguments, and constants for those at the end."""

    name: str
    types: tuple[Type, ...]
    constants: tuple[tuple[Type, object], ...] = ()
    is_close: bool = False
    values: tuple[st.SearchStrategy, ...] = ()

    def __str__(self) -> str:
        kinds = ",".join(t.kind.value for t in self.types)
        return f"{self.name}({kinds},{[v for _, v in self.constants]})"


def cases() -> list[Case]:
    found = []
    for name in ("exp", "log", "log10", "log2", "expit", "logit", "probit", "sin", "cos", "tan"):
        found += [Case(name, (FLOAT,), is_close=True, values=(st.floats(-800, 800),))]
        found += [Case(name, (INT,), is_close=True, values=(near,))]
        found += [Case(name, (FLOAT,), is_close=True, values=(st.floats(1e-9, 0.999),))]
    found += [Case("sqrt", (t,), is_close=True) for t in (FLOAT, INT, DECIMAL)]
    for name in ("abs", "sign"):
        found += [Case(name, (t,)) for t in (INT, FLOAT, DECIMAL, DURATION)]
    for name in ("floor", "ceil", "round"):
        found += [Case(name, (t,)) for t in (INT, FLOAT, DECIMAL)]
    for digits in (-3, -1, 0, 1, 2, 15):
        found += [Case("round", (t,), ((INT, digits),)) for t in (INT, FLOAT, DECIMAL)]
    for name in ("min", "max"):
        found += [Case(name, (t,) * 3) for t in (INT, FLOAT, DATE, TIME, DURATION)]
        found += [Case(name, (INT, FLOAT)), Case(name, (INT,), ((FLOAT, 2.5),))]
    for name in ("mod", "div"):
        found += [Case(name, (t, t)) for t in (INT, FLOAT, DURATION)]
        found += [Case(name, (INT, INT), values=(near, st.integers(-4, 4)))]
        found += [Case(name, (INT,), ((INT, 7),)), Case(name, (FLOAT,), ((INT, -3),))]
    for name in ("upper", "lower", "title", "length", "trim"):
        found += [Case(name, (TEXT,))]
    for start, length in ((1, 0), (1, 3), (4, 100)):
        found += [Case("substring", (TEXT,), ((INT, start), (INT, length)))]
    for n in (0, 1, 4):
        found += [Case("left", (TEXT,), ((INT, n),)), Case("right", (TEXT,), ((INT, n),))]
    for part in ("", "a", "ab", "ß", "."):
        for name in ("contains", "starts_with", "ends_with"):
            found += [Case(name, (TEXT,), ((TEXT, part),))]
    found += [Case("replace", (TEXT,), ((TEXT, old), (TEXT, "xa"))) for old in ("a", "-", ".")]
    for n in (1, 2, 3):
        found += [Case("split_part", (TEXT,), ((TEXT, sep), (INT, n))) for sep in ("-", "ab")]
    for pattern in ("[a-z]*", "a|b", ".*", "[0-9]+|ß", "(?i)c.*"):
        found += [Case("matches", (TEXT,), ((TEXT, pattern),))]
    found += [Case("pad", (INT,), ((INT, width),)) for width in (1, 5, 30)]
    every = (INT, FLOAT, DECIMAL, BOOL, TEXT, ENUM, DATE, DATETIME, TIME, DURATION)
    found += [Case("text", (t,)) for t in every]
    found += [Case("concat", (TEXT, INT, FLOAT, DECIMAL)), Case("concat", (ENUM, BOOL, DATE))]
    found += [Case("concat", (DATETIME,), ((TEXT, "-"), (INT, 3)))]
    found += [Case("int", (t,)) for t in (INT, FLOAT, DECIMAL, BOOL, TEXT)]
    found += [Case("float", (t,)) for t in (INT, FLOAT, DECIMAL, BOOL, TEXT)]
    found += [Case(n, (TEXT,), values=(numerals,)) for n in ("int", "float")]
    parts = ("year", "quarter", "month", "week", "day", "weekday", "day_of_year")
    for name in (*parts, "start_of_year", "start_of_month", "end_of_month"):
        found += [Case(name, (t,)) for t in (DATE, DATETIME)]
    for name in ("hour", "minute", "second"):
        found += [Case(name, (t,)) for t in (TIME, DATETIME)]
    found += [Case("date", (DATETIME,)), Case("time", (DATETIME,))]
    found += [Case("datetime", (DATE,)), Case("datetime", (DATE, TIME))]
    for name in ("years_between", "months_between", "days_between"):
        found += [Case(name, (DATE, DATE)), Case(name, (DATE,), ((DATE, 11_016),))]
    for name in ("years_before", "years_after", "months_before", "months_after"):
        found += [Case(name, (t, INT)) for t in (DATE, DATETIME)]
        found += [Case(name, (t, INT), values=(VALUES[t], near)) for t in (DATE, DATETIME)]
    found += [Case("bucket", (INT,), ((INTS, [-5, 0, 18, 40]),))]
    found += [Case("bucket", (FLOAT,), ((FLOATS, [0.0, 1.5, 2.5]),))]
    found += [Case("bucket", (FLOAT,), ((INTS, list(range(0, 900, 7))),))]
    found += [Case("bucket", (INT,), ((INTS, [0, 18, 40]), (WORDS, ["child", "adult"])))]
    return found


CASES = cases()


def test_every_function_has_a_case():
    named = {case.name for case in CASES} | {"pi", "coalesce", "nullif"} | ELSEWHERE
    assert named == set(FUNCTIONS.names())


def array(type_: Type, values: list) -> object:
    if type_.kind is Kind.TEXT:
        return pa.array(values, pa.string())
    kinds = {Kind.FLOAT: "f8", Kind.DECIMAL: "f8", Kind.BOOL: "?", Kind.ENUM: "i4"}
    return np.array(values, dtype=kinds.get(type_.kind, "i8"))


def plain(result: object, words: tuple[str, ...] | None) -> list:
    """Python values of an array in raw representation; None where there is none."""
    if isinstance(result, pa.Array):
        return result.to_pylist()
    values = result.tolist()
    if words is not None:
        assert result.dtype == np.int32
        return [words[code] if code >= 0 else None for code in values]
    return [None if v == NO_VALUE or v != v else v for v in values]


def raw_constant(type_: Type, value: object) -> object:
    """Enum constants are names, though arrays hold codes."""
    return type_.enum.members[value] if type_.enum is not None else value


def check(case: Case, function: Function, rows: list[tuple], constant_at: int | None) -> None:
    arguments = [Argument(t) for t in case.types]
    arguments += [Argument(t, True, value) for t, value in case.constants]
    if constant_at is not None:
        rows = [(*r[:constant_at], rows[0][constant_at], *r[constant_at + 1 :]) for r in rows]
        value = raw_constant(case.types[constant_at], rows[0][constant_at])
        arguments[constant_at] = Argument(case.types[constant_at], True, value)
    type_ = function.infer(*arguments)
    assert not isinstance(type_, Misuse), type_
    bound = function.bind(*arguments)
    fixed = [value for _, value in case.constants]
    inputs = [
        arguments[at].value
        if at == constant_at
        else array(case.types[at], [row[at] for row in rows])
        for at in range(len(case.types))
    ]
    words = bound.vocabulary(*arguments)
    result = bound.apply(*inputs, *fixed)
    assert len(result) == len(rows)
    check_representation(type_, result, words)
    many = plain(result, words)
    one = [
        bound.constant(*(raw_constant(t, v) for t, v in zip(case.types, row, strict=True)), *fixed)
        for row in rows
    ]
    for row, a, b in zip(rows, one, many, strict=True):
        is_same = a == b and type(a) is type(b)
        if case.is_close and a is not None and b is not None:
            is_same = math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-300)
        assert is_same, (row, a, b)
    if words is None and type_.kind is not Kind.TEXT:
        check_bounds(case, bound, rows, [value for value in many if value is not None])


def check_representation(type_: Type, result: object, words: object) -> None:
    if words is not None:
        return
    if type_.kind is Kind.TEXT:
        assert isinstance(result, pa.StringArray)
    else:
        kinds = {Kind.FLOAT: "f8", Kind.BOOL: "?"}
        assert result.dtype == np.dtype(kinds.get(type_.kind, "i8")), result.dtype


def outward(low: float, high: float) -> tuple[float, float]:
    """A range of floats around raw values, which may be integers beyond 2**53."""
    if max(abs(low), abs(high)) <= 2**53:
        return float(low), float(high)
    return math.nextafter(float(low), -math.inf), math.nextafter(float(high), math.inf)


def check_bounds(case: Case, bound: Function, rows: list[tuple], results: list) -> None:
    columns = list(zip(*rows, strict=True))
    ranges = [
        EVERYTHING if t.kind is Kind.TEXT else outward(min(c), max(c))
        for t, c in zip(case.types, columns, strict=True)
    ]
    ranges += [
        (float(v), float(v)) if isinstance(v, int | float) else EVERYTHING
        for _, v in case.constants
    ]
    low, high = bound.bounds(*ranges)
    for value in results:
        assert low <= value <= high, (ranges, (low, high), value)
    everything_low, everything_high = bound.bounds(*[EVERYTHING] * len(ranges))
    assert all(everything_low <= value <= everything_high for value in results)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_arrays_agree_with_constants_and_keep_their_bounds(case: Case):
    function = FUNCTIONS.get(case.name)
    strategies = case.values or tuple(VALUES[t] for t in case.types)

    @settings(max_examples=30, deadline=None, database=None, derandomize=True)
    @given(st.lists(st.tuples(*strategies), min_size=1, max_size=25))
    def agree(rows: list[tuple]) -> None:
        check(case, function, rows, None)
        if len(case.types) > 1:
            for at in range(len(case.types)):
                check(case, function, rows, at)

    agree()


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS.names()) - ELSEWHERE))
def test_example_is_true(name: str):
    call, text = FUNCTIONS.get(name).example
    assert evaluate(call) == text


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS.names()) - ELSEWHERE))
def test_describes_itself(name: str):
    function = FUNCTIONS.get(name)
    assert function.signature.startswith(f"{name}(")
    assert function.summary.endswith((".", ")"))
    assert 0 <= function.optional <= len(function.parameter_names)


@pytest.mark.parametrize("name", ["coalesce", "nullif"])
@pytest.mark.parametrize("type_", [INT, FLOAT, DATE, DURATION, TEXT, ENUM], ids=str)
@pytest.mark.parametrize("is_coded", [False, True])
def test_functions_of_nulls_agree_with_constants(name: str, type_: Type, is_coded: bool):
    function = FUNCTIONS.get(name)
    small = st.integers(0, 2) if type_.kind is not Kind.TEXT else st.sampled_from(["a", "b", "c"])

    @settings(max_examples=30, deadline=None, database=None, derandomize=True)
    @given(st.lists(st.tuples(st.none() | small, st.none() | small), min_size=1, max_size=20))
    def agree(rows: list[tuple]) -> None:
        bound = function.bind(Argument(type_.nullable()), Argument(type_.nullable()))
        columns = [column(type_, list(values), is_coded) for values in zip(*rows, strict=True)]
        result = bound.apply_columns(len(rows), *columns)
        expected = [bound.constant(*row) for row in rows]
        assert listed(result, type_) == expected

    agree()


def column(type_: Type, values: list, is_coded: bool) -> Column:
    valid = np.array([value is not None for value in values])
    mask = None if valid.all() else valid
    if type_.kind is Kind.TEXT and is_coded:
        words = tuple(sorted({value for value in values if value is not None})) or ("none",)
        codes = [words.index(value) if value is not None else 0 for value in values]
        return Column(np.array(codes, np.int32), mask, Vocabulary(words))
    if type_.kind is Kind.TEXT:
        return Column(pa.array([value or "" for value in values], pa.string()), mask)
    members = Vocabulary(type_.enum.members) if type_.enum else None
    return Column(array(type_, [value or 0 for value in values]), mask, members)


def listed(result: Column, type_: Type) -> list:
    if type_.kind is Kind.TEXT:
        return result.text().to_pylist()
    valid = np.ones(len(result), bool) if result.valid is None else result.valid
    return [v if ok else None for v, ok in zip(result.values.tolist(), valid, strict=True)]


def test_coalesce_of_int_and_float_is_float_in_every_block():
    arguments = Argument(INT.nullable()), Argument(FLOAT.nullable())
    bound = FUNCTIONS.get("coalesce").bind(*arguments)
    ints_only = Column(np.array([1, 2])), Column(np.array([0.0, 0.0]), np.array([False, False]))
    assert bound.apply_columns(2, *ints_only).values.dtype == np.float64
    assert FUNCTIONS.get("coalesce").infer(*arguments) == FLOAT.nullable()


def test_a_broken_kernel_is_caught():
    """The contract itself: a function whose arrays round half to even must fail it."""
    rounding = FUNCTIONS.get("round")

    class Even(type(rounding)):
        def apply(self, *values):
            return np.rint(values[0]).astype(np.int64)

    with pytest.raises(AssertionError):
        check(Case("round", (FLOAT,)), Even(), [(0.5,), (1.5,), (2.5,)], None)


def test_importing_the_functions_loads_no_numpy():
    code = (
        "import sys; from synthdsl.functions import FUNCTIONS; FUNCTIONS.names();"
        "year = FUNCTIONS.get('years_between'); assert year.constant(0, 800) == 2;"
        "assert FUNCTIONS.get('upper').constant('ab') == 'AB';"
        "assert not {'numpy', 'scipy', 'pyarrow', 'pandas'} & set(sys.modules)"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root, timeout=60)
