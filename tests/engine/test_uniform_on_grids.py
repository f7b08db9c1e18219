"""`discrete_uniform` gives the values of the field's grid between its ends, equally likely."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from engine_specs import columns
from scipy import stats

import synthdsl

FALSE_ALARM = 1e-6
"""Chance that a right law fails, for each test of frequencies."""

ROWS = 6_000
DAY = datetime(2020, 1, 1)

# type, low, high, bounds of a truncation; values by hand, those inside the truncation in brackets
GRIDS: dict[str, tuple[str, str, str, str, list[Any], list[Any]]] = {
    "int step 2": ("int step 2", "1", "9", "[3, 9]", [2, 4, 6, 8], [4, 6, 8]),
    "int step 3": ("int step 3", "-7", "10", "[-4, 6]", [-6, -3, 0, 3, 6, 9], [-3, 0, 3, 6]),
    "int": ("int", "-1.5", "3.5", "[0, 9]", [-1, 0, 1, 2, 3], [0, 1, 2, 3]),
    "float step 0.1": ("float step 0.1", "0.25", "0.7", "[0, 0.6]", [0.3, 0.4, 0.5, 0.6, 0.7], [0.3, 0.4, 0.5, 0.6]),
    "float step 5/2": ("float step 2.5", "-3", "8", "[-2.5, 5]", [-2.5, 0.0, 2.5, 5.0, 7.5], [-2.5, 0.0, 2.5, 5.0]),
    "decimal": ("decimal(5, 1)", "-0.2", "0.2", "[-0.1, 1]", [-0.2, -0.1, 0.0, 0.1, 0.2], [-0.1, 0.0, 0.1, 0.2]),
    "date step 7 d": (
        "date step 7 d", "2020-01-01", "2020-02-01", "[2020-01-05, 2020-01-25]",
        [(DAY + timedelta(1 + 7 * k)).date() for k in range(5)],
        [(DAY + timedelta(8 + 7 * k)).date() for k in range(3)],
    ),
    "datetime": (
        "datetime", "2020-01-01T00:00:00", "2020-01-01T00:00:04",
        "[2020-01-01T00:00:01, 2020-01-01T00:00:03]",
        [DAY + timedelta(seconds=k) for k in range(5)],
        [DAY + timedelta(seconds=k) for k in (1, 2, 3)],
    ),
    "duration step 1 min": (
        "duration step 1 min", "10 s", "4 min", "[90 s, 5 min]",
        [timedelta(minutes=k) for k in (1, 2, 3, 4)], [timedelta(minutes=k) for k in (2, 3, 4)],
    ),
}  # fmt: skip


def is_even(found: Sequence[Any], values: Sequence[Any]) -> bool:
    """Whether `found` are draws of `values`, equally likely, and of no others."""
    counts = Counter(found)
    if not set(counts) <= set(values):
        return False
    if len(values) == 1:
        return True
    return bool(stats.chisquare([counts[v] for v in values]).pvalue > FALSE_ALARM)


def drawn(body: str, name: str = "x", rows: int = ROWS) -> list[Any]:
    text = f"language 1\nseed 7\ntable t [{rows}] {{\n{body}\n}}\n"
    column = synthdsl.load("s.synth", text=text).generate()["t"][name]
    values = column.to_pylist()
    return [float(v) for v in values] if "decimal" in str(column.type) else values


# the ways a draw can come about, as fields and what keeps it from another one
WAYS = {
    "alone": "x: {type} ~ {draw}",
    "correlated": "x: {type} ~ {draw}\nn: float ~ normal(0, 1)\ncorrelate (x, n) rank 0.6",
    "by branch": "b: bool ~ bernoulli(50%)\nx: {type} ~ when {{b: {draw}, else: {draw}}}",
    "in cells": "x: {type} ~ {draw}\ny: float ~ uniform(0, 1)\nb: bool ~ bernoulli(50%)\n"
    "rule r: y < 0.5 or b",
    "cut by a rule": "x: {type} ~ {draw}\ny: {type} ~ {draw}\nz: float ~ uniform(0, 1)\n"
    "rule r: z < 0.02 or (x == x and z < 0.5)",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("grid", GRIDS)
def test_values_are_those_of_the_grid_and_equally_likely(grid: str, way: str) -> None:
    type_, low, high, bounds, values, inside = GRIDS[grid]
    draw = f"discrete_uniform({low}, {high})"
    assert is_even(drawn(WAYS[way].format(type=type_, draw=draw)), values)
    assert is_even(drawn(WAYS[way].format(type=type_, draw=f"{draw} in {bounds}")), inside)


@pytest.mark.parametrize(
    "type_, step",
    [("int step 2", 2), ("int step 3", 3), ("float step 0.1", Fraction(1, 10)), ("int", 1)],
)
@pytest.mark.parametrize("is_correlated", [False, True])
def test_ends_by_row(type_: str, step: Any, is_correlated: bool) -> None:
    more = "\nm: float ~ normal(0, 1)\ncorrelate (x, m) rank 0.5" if is_correlated else ""
    body = f"n: float step 0.5 ~ {{0.5: 25%, 2: 25%, 3.5: 25%, 7: rest}}\nx: {type_} ~ discrete_uniform(n, n + 6)"
    for bounds, low, high in (("", 0, 100), (" in [2, n + 5]", 2, 5)):
        found = columns(body + bounds + more, rows=ROWS)
        for n, rows in found.groupby("n"):
            first, last = Fraction(n), Fraction(n) + 6
            if bounds:
                first, last = max(first, Fraction(low)), min(last, Fraction(n) + high)
            start, end = -(-first // step), last // step
            assert is_even(
                [round(Fraction(v) / step) for v in rows.x.tolist()], range(start, end + 1)
            ), n


def test_ends_by_row_of_dates() -> None:
    body = (
        "d: date ~ {2020-01-01: 50%, 2020-01-03: rest}\n"
        "x: date step 7 d ~ discrete_uniform(d, d + 26 d)\n"
        "y: datetime ~ discrete_uniform(d, d + 2 s)"
    )
    found = columns(body, rows=ROWS)
    for day, rows in found.groupby("d"):
        first = DAY.date() + timedelta(days=1)
        weeks = [first + timedelta(7 * k) for k in range(9)]
        inside = [w for w in weeks if day <= w <= day + timedelta(26)]
        assert len(inside) == (4 if day.day == 1 else 3) and is_even(rows.x.tolist(), inside)
        start = datetime(day.year, day.month, day.day)
        seconds = [(v.to_pydatetime() - start).total_seconds() for v in rows.y]
        assert is_even(seconds, [0, 1, 2])


@pytest.mark.parametrize("grid", GRIDS)
def test_unique_draws_have_the_same_values(grid: str) -> None:
    type_, low, high, bounds, values, inside = GRIDS[grid]
    draw = f"unique(discrete_uniform({low}, {high}))"
    assert sorted(drawn(f"x: {type_} ~ {draw}", rows=len(values))) == values
    assert sorted(drawn(f"x: {type_} ~ {draw} in {bounds}", rows=len(inside))) == inside


def test_a_level_gives_the_same_value_whether_or_not_the_field_is_ordered_by_it() -> None:
    # the first field of a correlation is drawn from its own uniform
    for type_, low, high, *_ in GRIDS.values():
        draw = f"x: {type_} ~ discrete_uniform({low}, {high})"
        correlated = f"{draw}\nn: float ~ normal(0, 1)\ncorrelate (x, n) rank 0.6"
        assert drawn(draw, rows=500) == drawn(correlated, rows=500)


def test_a_truncated_mixture_weighs_grid_values() -> None:
    # 2 of the 4 values 2, 4, 6, 8 lie inside, and 1 of the 4 values 6, 8, 10, 12
    body = "x: int step 2 ~ mixture({discrete_uniform(1, 9): 50%, discrete_uniform(5, 13): rest}) in [3, 7]"
    counts = Counter(drawn(body))
    assert set(counts) == {4, 6}
    assert stats.binomtest(counts[6], ROWS, 2 / 3).pvalue > FALSE_ALARM


def test_no_value_between_the_ends() -> None:
    with pytest.raises(synthdsl.SynthError, match="a value of the field's grid between"):
        drawn("x: int step 5 ~ discrete_uniform(1, 4)")
    with pytest.raises(synthdsl.SynthError, match="a value of the field's grid between"):
        drawn("n: int ~ {1: 50%, 2: rest}\nx: int step 5 ~ discrete_uniform(n, n + 2)")


def test_rounded_whole_numbers_are_noticed() -> None:
    rng = np.random.Generator(np.random.Philox(3))
    whole = rng.integers(1, 10, ROWS)
    assert not is_even((np.floor(whole / 2 + 0.5) * 2).astype(int).tolist(), [2, 4, 6, 8, 10])
    assert not is_even((np.floor(whole / 2) * 2).astype(int).tolist(), [0, 2, 4, 6, 8])
    assert is_even((rng.integers(1, 5, ROWS) * 2).tolist(), [2, 4, 6, 8])
