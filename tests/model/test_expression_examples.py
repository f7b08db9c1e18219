"""Expressions, their types and their values; and what has no meaning, with the code for it."""

from __future__ import annotations

from typing import Any

import pytest
from model_expressions import columns, constant, typed

from synthdsl.values.types import DAY

HOUR = DAY // 24

VALUES: list[tuple[str, str, Any]] = [
    ("1 + 2", "int", 3),
    ("7 / 2", "float", 3.5),
    ("2^3", "float", 8.0),
    ("2^3^2", "float", 512.0),
    ("-2^2", "float", -4.0),
    ("2 - 5 - 1", "int", -4),
    ("-7 + 2.5", "float", -4.5),
    ("52%", "float", 0.52),
    ("1 / 0", "float", None),
    ("0 / 0", "float", None),
    ("(-1)^0.5", "float", None),
    ("sqrt(-1)", "float", None),
    ("coalesce(1 / 0, 3)", "float", 3),
    ("coalesce(null, 3)", "int", 3),
    ("null + 1", "int?", None),
    ("round(2.5)", "int", 3),
    ("round(-2.5)", "int", -2),
    ("floor(-0.5)", "int", -1),
    ("max(1, 2.5)", "float", 2.5),
    # conditions
    ("1 < 2 < 3", "bool", True),
    ("1 < 3 < 2", "bool", False),
    ("1 in [0, 1]", "bool", True),
    ("2 not in {1, 3}", "bool", True),
    ("true -> false", "bool", False),
    ("false -> false", "bool", True),
    ("true <-> false", "bool", False),
    ('"a" == "b"', "bool", False),
    ("when {1 < 2: 3, else: 4.5}", "float", 3),
    # units
    ("4 d", "int<d>", 4),
    ("4 d + 3 h", "float<d>", 4.125),
    ("36 h - 1 d", "float<h>", 12.0),
    ("5 mg + 1 g", "float<mg>", 1005.0),
    ("1 g + 5 mg", "float<g>", 1.005),
    ("(3 d) / (6 h)", "float", 12.0),
    ("1 kg / 1 g", "float", 1000.0),
    ("70 kg / (1.75 m)^2", "float<kg/m2>", 70 / 1.75**2),
    ("100 'mmol/L' * 2 L", "int<mmol>", 200),
    ("10 km / 2 h", "float<km/h>", 5.0),
    ("5 'mg/dL' < 1 'g/L'", "bool", True),
    ("60 min == 1 h", "bool", True),
    ("10 'cm' == 0.1 m", "bool", True),
    ("1 a == 365.25 d", "bool", True),
    ("max(1 d, 30 h)", "float<d>", 1.25),
    # points and intervals
    ("37 'Cel' - 36 'Cel'", "int<K>", 1),
    ("37 'Cel' + 1 'K'", "float<Cel>", 38.0),
    ("2020-03-01 - 2020-02-01", "duration", 29 * DAY),
    ("2020-02-28 + 2 d", "date", 18322),
    ("2020-02-28 + 2 * (1 d)", "date", 18322),
    ("2020-02-28 + 36 h", "datetime", 18320 * DAY + 36 * HOUR),
    ("2020-02-28T12:00:00 - 2020-02-28", "duration", 12 * HOUR),
    ("years_after(2024-02-29, 1)", "date", 20147),
    ("12:30:00", "time", 12 * HOUR + HOUR // 2),
    ("2020-01-01T10:00:00Z", 'datetime("UTC")', 18262 * DAY + 10 * HOUR),
]


@pytest.mark.parametrize("text, type, value", VALUES)
def test_type_and_value(text: str, type: str, value: Any) -> None:
    assert constant(text) == (
        type,
        pytest.approx(value, rel=1e-14) if isinstance(value, float) else value,
    )


WRONG = [
    ("1 m + 1 s", "unit-mismatch"),
    ("1 'Cel' == 274.15 'K'", "unit-mismatch"),
    ("37 'Cel' + 36 'Cel'", "point-arithmetic"),
    ("37 'Cel' / 2 'Cel'", "point-arithmetic"),
    ("37 'Cel' * 37 'Cel'", "point-arithmetic"),
    ("1 K - 37 'Cel'", "point-arithmetic"),
    ("2020-01-01 + 2020-01-02", "point-arithmetic"),
    ("5 d - 2020-01-01", "point-arithmetic"),
    ("2020-01-01 + 3", "unit-mismatch"),
    ("2020-01-01 < 5", "type-mismatch"),
    ("2020-01-01 + 2 * (3 m)", "unit-mismatch"),
    ("2 kg ^ 0.5", "unit-mismatch"),
    ("2 ^ (1 m)", "unit-mismatch"),
    ('"a" + 1', "type-mismatch"),
    ('1 < "a"', "type-mismatch"),
    ('"a" < "b"', "type-mismatch"),
    ("true < false", "type-mismatch"),
    ("null == 1", "type-mismatch"),
    ("1 and true", "not-boolean"),
    ("not 1", "not-boolean"),
    ("when {1: 2, else: 3}", "not-boolean"),
    ('when {true: 1, else: "a"}', "type-mismatch"),
    ('1 in {"a"}', "type-mismatch"),
    ("nowhere + 1", "unknown-name"),
    ("1 'furlongs'", "unknown-unit"),
]


@pytest.mark.parametrize("text, code", WRONG)
def test_what_has_no_meaning(text: str, code: str) -> None:
    assert typed(text)[1] == [code]


FREE = [
    # a product with a bare literal keeps the unit it has when the literal is a plain number
    ("h: float<h> = 2 * stay", 96.0),
    ("h: float<h> = stay * 2", 96.0),
    ("h: float<h> = gap + 2 * stay", 103.0),
    ("h: float<h> = 2 * stay + 3 * gap", 117.0),
    ("h: float<h> = 3 * gap + 2 * stay", 117.0),
    ("h: float<h> = max(2 * stay, gap)", 96.0),
    ("h: float<h> = when {gap > 0.1 * stay: 2 * stay, else: gap}", 96.0),
    ("h: float<h> = -(2 * stay)", -96.0),
    ("h: float = (2 * stay) / gap", 96 / 7),
    ("h: float = 2 * (stay / gap)", 96 / 7),
    ("h: float<h2> = (2 * stay)^2", 96.0**2),
    ("h: float<h> ~ normal(2 * stay, 1e-9 * stay)", 96.0),
    ("h: float<d> = 2 * stay", 4.0),
    # where that does not fit, the literal takes the unit that does
    ("h: float<cm> = 78 + 5.5 * stay", 89.0),
    ("h: float = -3 + 0.5 * stay", -2.0),
    ("h: float<cm> = 1 * stay + 2 * gap", 2 + 14 / 24),
]


@pytest.mark.parametrize("field, value", FREE)
def test_a_bare_literal_takes_the_unit_that_fits(field: str, value: float) -> None:
    found = columns(f"stay: float<d> ~ {{2: 100%}}\ngap: float<h> ~ {{7: 100%}}\n{field}", rows=2)
    assert found["h"][0].as_py() == pytest.approx(value, rel=1e-6)


def test_durations_take_products_of_time_quantities() -> None:
    found = columns(
        "stay: float<d> ~ {2: 100%}\na: duration = 2 * stay\nb: duration = a + 0.5 * stay", rows=2
    )
    assert found["a"][0].as_py().days == 4 and found["b"][0].as_py().days == 5
