"""An expression of constants comes to what the same expression of columns comes to."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from properties_columns import rows_of

from synthdsl.diagnostics import SynthError

LEAVES = {
    "a": ("int", ["3", "0", "-7", "9_007_199_254", "1"]),
    "b": ("float", ["2.5", "-0.125", "1e-9", "3e7", "0.0"]),
    "h": ("float<h>", ["36 h", "0.5 h"]),
    "d": ("int<d>", ["4 d", "0 d", "-30 d"]),
    "t": ("duration", ["90 min", "2 d"]),
    "day": ("date", ["2024-02-29", "1999-12-31", "2020-01-01"]),
    "at": ("datetime", ["2024-02-29T23:59:59", "1969-07-20T20:17:40"]),
    "w": ("text", ['"x"', '"Ün B"', '""']),
    "v": ("text", ['"x"', '"long words"']),
    "p": ("bool", ["true", "false"]),
    "q": ("bool", ["true", "false"]),
}

plain = st.deferred(
    lambda: st.sampled_from(["a", "b", "2", "-3", "0.5", "length(w)", "year(day)", "month(day)", "weekday(day)", "day_of_year(day)", "week(day)"])
    | st.tuples(plain, st.sampled_from("+-*/^"), plain).map(lambda x: f"({x[0]} {x[1]} {x[2]})")
    | st.tuples(st.sampled_from(["abs", "floor", "ceil", "round", "sqrt", "exp", "log", "sign", "expit", "-"]), plain).map(lambda x: f"{x[0]}({x[1]})")
    | st.tuples(st.sampled_from(["min", "max", "coalesce"]), plain, plain).map(lambda x: f"{x[0]}({x[1]}, {x[2]})")
    | st.tuples(timed, timed).map(lambda x: f"({x[0]}) / ({x[1]})")
    | st.tuples(truth, plain, plain).map(lambda x: f"when {{{x[0]}: {x[1]}, else: {x[2]}}}")
)  # fmt: skip
timed = st.deferred(
    lambda: (
        st.sampled_from(["h", "d", "t", "3 d", "20 min", "(day - 2020-02-28)", "(at - day)"])
        | st.tuples(timed, st.sampled_from("+-"), timed).map(lambda x: f"({x[0]} {x[1]} {x[2]})")
        | timed.map(lambda x: f"2 * {x}")
        | st.tuples(truth, timed, timed).map(lambda x: f"when {{{x[0]}: {x[1]}, else: {x[2]}}}")
    )
)
moment = st.sampled_from(["day", "at", "2020-06-30"]) | st.tuples(
    st.sampled_from(["day", "at"]), st.sampled_from("+-"), timed
).map(" ".join) | st.tuples(
    st.sampled_from(["years_after", "months_after", "months_before"]), st.sampled_from(["3", "-25", "120"])
).map(lambda x: f"{x[0]}(day, {x[1]})")  # fmt: skip
words = st.deferred(
    lambda: (
        st.sampled_from(["w", "v", '"x"'])
        | st.tuples(words, words).map(lambda x: f"({x[0]} + {x[1]})")
        | st.tuples(st.sampled_from(["upper", "lower", "trim", "title"]), words).map(
            lambda x: f"{x[0]}({x[1]})"
        )
        | st.tuples(truth, words, words).map(lambda x: f"when {{{x[0]}: {x[1]}, else: {x[2]}}}")
    )
)
truth = st.deferred(
    lambda: (
        st.sampled_from(["p", "q", "w == v", 'v in {"x", "y"}', "p is null", "a in {1, 3}"])
        | st.tuples(plain, st.sampled_from(["<", "<=", "==", "!=", ">"]), plain).map(" ".join)
        | st.tuples(timed, st.sampled_from(["<", ">="]), timed).map(" ".join)
        | st.tuples(moment, st.sampled_from(["<", ">="]), moment).map(" ".join)
        | st.tuples(truth, st.sampled_from(["and", "or", "->", "<->"]), truth).map(
            lambda x: f"({x[0]}) {x[1]} ({x[2]})"
        )
        | truth.map(lambda x: f"not ({x})")
    )
)
values = {name: st.sampled_from(found) for name, (_, found) in LEAVES.items()}
REFUSED = {"constant-overflow", "constant-condition", "type-mismatch", "row-value", "not-constant", "null-value",
           "unit-mismatch", "bad-arguments", "missing-language", "nullable", "cycle"}  # fmt: skip


def outcome(fields: list[str]) -> Any:
    """Values of the last field, or the codes of what is wrong with it."""
    try:
        return rows_of("\n".join(fields))["y"].to_pylist()
    except SynthError as error:
        codes = {d.code for d in error.diagnostics}
        assert codes <= REFUSED, str(error)
        return None


SEEN = {"compared": 0, "refused": 0}


@settings(max_examples=90)
@given(
    kind=st.sampled_from(["plain", "timed", "moment", "words", "truth"]),
    data=st.data(),
    given_values=st.fixed_dictionaries(values),
)
def check_one_expression(kind: str, data: Any, given_values: dict[str, str]) -> None:
    strategy, type_ = {
        "plain": (plain, "float?"), "timed": (timed, "duration?"), "moment": (moment, "datetime?"),
        "words": (words, "text?"), "truth": (truth, "bool?"),
    }[kind]  # fmt: skip
    text = data.draw(strategy)
    drawn = [f"{n}: {t} ~ {{{given_values[n]}: 100%}}" for n, (t, _) in LEAVES.items()]
    fixed = [f"{n}: {t} = {given_values[n]}" for n, (t, _) in LEAVES.items()]
    # parameters are constants, so that everything built from them is folded
    params = "\n".join(f"param {n}: {t} = {given_values[n]}" for n, (t, _) in LEAVES.items())
    columns = outcome([*drawn, f"y: {type_} = {text}"])
    try:
        constants: Any = rows_of(f"x: int = 1\ny: {type_} = {text}", top=params)["y"].to_pylist()
    except SynthError as error:
        assert {d.code for d in error.diagnostics} <= REFUSED, str(error)
        constants = None
    derived = outcome([*fixed, f"y: {type_} = {text}"])
    if columns is None or constants is None or derived is None:
        # one way may see beforehand what the other finds while drawing: overflow, or a clash of types
        SEEN["refused"] += 1
        return
    SEEN["compared"] += 1
    for a, b, c in zip(columns, constants, derived, strict=True):
        assert equal(a, b) and equal(a, c), (text, given_values, a, b, c)


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return a == b or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-300)
    return bool(a == b)


def test_folding_and_evaluation_agree() -> None:
    check_one_expression()
    assert SEEN["compared"] > 2 * SEEN["refused"], SEEN
