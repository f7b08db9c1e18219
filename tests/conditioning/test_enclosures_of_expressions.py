"""Expressions stay in their enclosures, whatever they are made of; where nothing varies the
enclosure is the value.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from enclosure_boxes import Sheet, is_inside, outside, points_inside, random_cells
from hypothesis import given, settings
from hypothesis import strategies as st

import synthdsl
from synthdsl.engine.conditioning import (
    enclosed_values,
    interval_arithmetic,
    operator_enclosures,
)
from synthdsl.engine.conditioning.enclosures import Enclosure, enclose, enclose_derived
from synthdsl.values.columns import Column

TOP = "enum Sex {female, male, other}\n"
FIELDS = """  x: float ~ normal(0, 2)
  y: float ~ uniform(-1, 1)
  z: float? ~ when {x > 2: null, else: normal(3, 1)}
  n: int ~ poisson(3)
  m: int? ~ {-2: 20%, 0: 20%, 5: 20%, null: 10%, 40: rest}
  s: float step 0.1 ~ normal(1, 1)
  w: int<cm> ~ normal(170, 10)
  h: float<m> ~ normal(1.7, 0.1)
  sex: Sex ~ {male: 30%, female: 50%, other: rest}
  sexo: Sex? ~ {male: 30%, female: 50%, null: rest}
  code: text ~ {"A": 30%, "B x": 50%, "c": rest}
  ill: bool ~ bernoulli(0.4)
  sick: bool? ~ {true: 30%, null: 30%, false: rest}
  born: date ~ discrete_uniform(1998-11-20, 2003-03-05)
  seen: date? ~ when {n > 4: null, else: discrete_uniform(2000-02-27, 2004-03-02)}
  at: datetime ~ uniform(2001-12-30, 2002-01-03)
  stay: duration ~ exponential(mean: 2 d)
  clock: time ~ uniform(00:00:00, 23:59:59)
"""
NUMBERS = ["x", "y", "z", "n", "m", "s", "2", "-1.5", "0", "w / 1 cm", "h / 1 m", "7"]
WHOLE = ["n", "m", "3", "year(born)", "month(born)", "day(seen)", "weekday(born)", "hour(at)"]
DATES = ["born", "seen", "2000-02-29", "date(at)"]


def _number(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(pair, st.sampled_from(["+", "-", "*", "/"])).map(
            lambda t: f"({t[0][0]} {t[1]} {t[0][1]})"
        ),
        st.tuples(inner, st.sampled_from(["2", "3", "0", "-1", "-2", "0.5", "1.7"])).map(
            lambda t: f"({t[0]})^({t[1]})"
        ),
        inner.map(lambda e: f"(-({e}))"),
        st.tuples(
            st.sampled_from(
                ["abs", "sign", "floor", "ceil", "round", "exp", "log", "log10", "log2", "sqrt",
                 "expit", "logit", "probit", "sin", "tan", "float"]
            ),
            inner,
        ).map(lambda t: f"{t[0]}({t[1]})"),
        pair.map(lambda t: f"min({t[0]}, {t[1]})"),
        pair.map(lambda t: f"max({t[0]}, {t[1]}, 0.5)"),
        pair.map(lambda t: f"coalesce({t[0]}, {t[1]})"),
        pair.map(lambda t: f"nullif({t[0]}, {t[1]})"),
        pair.map(lambda t: f"mod({t[0]}, {t[1]})"),
        inner.map(lambda e: f"mod({e}, 2.5)"),
        pair.map(lambda t: f"div({t[0]}, {t[1]})"),
        inner.map(lambda e: f"div({e}, 3)"),
        inner.map(lambda e: f"round({e}, 1)"),
        inner.map(lambda e: f"round(floor({e}), -1)"),
    )  # fmt: skip


def _conditional(truths: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> Any:
    return st.tuples(truths, values, truths, values, values).map(
        lambda t: f"when {{{t[0]}: {t[1]}, {t[2]}: {t[3]}, else: {t[4]}}}"
    )


def _truth(numbers: Any, texts: Any, dates: Any) -> st.SearchStrategy[str]:
    comparison = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    equality = st.sampled_from(["==", "!="])
    leaf = st.one_of(
        st.sampled_from(["ill", "sick", "sex == male", "sexo == male", "sexo != other",
                         "sex in {female, other}", "sexo in {female, male}", "n in {1, 2, 3, 7}",
                         "m in {0, 5}", "x in [-1, 2]", "stay < 3 d", "stay + 12 h > stay * 0.7",
                         "at + stay < 2002-01-02T12:00:00", "clock < 12:00:00", "w > h",
                         "clock in [08:00:00, 17:00:00]", "sex == sexo", "h * 2 < w + 1 m"]),
        st.tuples(numbers, comparison, numbers).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
        st.tuples(dates, comparison, dates).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
        st.tuples(texts, equality, texts).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
        texts.map(lambda t: f'({t}) in {{"A", "adult", "c", "C"}}'),
        texts.map(lambda t: f'starts_with({t}, "B")'),
        numbers.map(lambda t: f"({t}) is null"),
        dates.map(lambda t: f"({t}) is not null"),
    )  # fmt: skip
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["and", "or", "->", "<->"]), inner).map(
                lambda t: f"(({t[0]}) {t[1]} ({t[2]}))"
            ),
            inner.map(lambda e: f"(not ({e}))"),
        ),
        max_leaves=4,
    )


@st.composite
def bodies(draw: st.DrawFn) -> str:
    """Derived fields of every kind over `FIELDS`."""
    numbers = st.recursive(st.sampled_from([*NUMBERS, *WHOLE]), _number, max_leaves=4)
    texts = st.sampled_from(
        ["code", '"A"', "upper(code)", 'bucket(x, [-4, 0, 2, 5], ["low", "adult", "c"])',
         "bucket(n, [0, 2, 9])", 'when {ill: code, else: "c"}', "left(code, 1)",
         'replace(code, "A", "c")']
    )  # fmt: skip
    dates = st.recursive(
        st.sampled_from(DATES),
        lambda inner: st.one_of(
            st.tuples(
                st.sampled_from(["years_before", "years_after", "months_before", "months_after"]),
                inner,
                st.sampled_from(["n", "m", "1", "13"]),
            ).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
            st.tuples(
                st.sampled_from(["start_of_month", "end_of_month", "start_of_year"]), inner
            ).map(lambda t: f"{t[0]}({t[1]})"),
            inner.map(lambda e: f"({e} + 40 d)"),
            st.tuples(inner, inner).map(lambda t: f"max({t[0]}, {t[1]})"),
        ),
        max_leaves=3,
    )
    truths = _truth(numbers, texts, dates)
    parts = st.sampled_from(["year", "month", "day", "quarter", "week", "weekday", "day_of_year"])
    clocks = st.sampled_from(["hour", "minute", "second"])
    lines = [
        ("float?", numbers), ("float?", _conditional(truths, numbers)), ("bool?", truths),
        ("bool?", truths), ("date?", dates), ("date?", _conditional(truths, dates)),
        ("text?", texts), ("text?", _conditional(truths, texts)),
        ("int?", st.tuples(parts, dates).map(lambda t: f"{t[0]}({t[1]})")),
        ("int<d>?", st.tuples(dates, dates).map(lambda t: f"days_between({t[0]}, {t[1]})")),
        ("int<a>?", st.tuples(dates, dates).map(lambda t: f"years_between({t[0]}, {t[1]})")),
        ("int<mo>?", st.tuples(dates, dates).map(lambda t: f"months_between({t[0]}, {t[1]})")),
        ("int?", st.tuples(clocks, st.sampled_from(["at", "clock", "at + stay"])).map(
            lambda t: f"{t[0]}({t[1]})")),
        ("datetime?", st.sampled_from(["at + stay", "datetime(born, clock)", "at - 3 h"])),
        ("time?", st.just("time(at + stay)")),
        ("duration?", st.sampled_from(["stay * y", "stay / 3", "at - (at - stay)", "2 * stay"])),
        ("Sex?", _conditional(truths, st.sampled_from(["sex", "sexo", "male"]))),
        ("float<m>?", st.sampled_from(["w + h", "w * 0.5", "max(w, h)", "abs(h - w)"])),
        ("float? step 0.5", numbers),
    ]  # fmt: skip
    return "".join(f"  d{i}: {kind} = {draw(value)}\n" for i, (kind, value) in enumerate(lines))


def _sheet(body: str) -> Sheet:
    """A sheet of the lines of `body` that check accepts (units may not fit)."""
    try:
        return Sheet(FIELDS + body, top=TOP)
    except synthdsl.SynthError as error:
        bad = {finding.span.line for finding in error.diagnostics if finding.is_error}
        first = 6 + FIELDS.count("\n")
        lines = [line for at, line in enumerate(body.splitlines(), first) if at not in bad]
        return Sheet(FIELDS + "\n".join(lines) + "\n", top=TOP)


def _known(sheet: Sheet, rows: int, seed: int) -> tuple[Any, dict[str, Enclosure]]:
    """Random rows, and the drawn fields enclosed as what they are."""
    rng = np.random.Generator(np.random.Philox(seed))
    drawn = [name for name in sheet.order if sheet.fields[name].draw is not None]
    frame = sheet.drawn({name: rng.uniform(size=rows) for name in drawn})
    return frame, {name: _as_enclosure(frame.column(name)) for name in drawn}


def _as_enclosure(column: Column) -> Enclosure:
    values = np.asarray(column.values, np.float64)
    if column.valid is None:
        return Enclosure(values, values, vocabulary=column.vocabulary)
    return Enclosure(values, values, ~column.valid, column.valid, column.vocabulary)


@settings(max_examples=14)
@given(bodies(), st.integers(0, 2**32))
def test_values_lie_in_their_enclosures(body: str, seed: int) -> None:
    assert outside(_sheet(body), seed, boxes=80, rounds=4) == []


EXACT = """  a1: float? = x * y - n / 3 + x^2
  a2: float? = x / y
  a3: float? = max(x, y, 0.5) + min(n, m) - abs(s)
  a4: float? = sqrt(x) + floor(y * 3) - ceil(s) + round(x, 1)
  a5: float? = mod(n, 3) + div(n, 2) + mod(x, 2.5)
  a6: bool? = x > 1 and y < 0 or not (z >= 3)
  a7: bool? = (sick -> ill) <-> (sexo == male or code in {"A", "c"})
  a8: text? = when {ill: upper(code), sick: bucket(n, [0, 2, 9]), else: "c"}
  a9: int<a>? = years_between(born, seen)
  b1: int<mo>? = months_between(seen, born)
  b2: date? = months_after(seen, n)
  b3: date? = end_of_month(years_before(born, m))
  b4: int = week(born) + month(born) + day(born) + weekday(born) + day_of_year(born)
  b5: int = hour(at + stay) + minute(clock) + second(clock) + quarter(born)
  b6: float<m> = w + h
  b7: duration = stay * 0.7 + 3 h
  b8: float? = coalesce(z, m, 0) + nullif(n, 3)
  b9: Sex? = when {n > 2: sex, sick: sexo, else: male}
  c1: bool = z is null or m is not null
  c2: bool? = n in {1, 2, 5} or m in {0, 40}
"""
NEAR = """  d1: float? = exp(x) + log(h / 1 m) + expit(y) - probit(x)
  d2: float? = y^3 + abs(x)^0.5 + (n + 1)^(-2) + logit(abs(y))
  d3: float? = sin(x) * cos(y) + tan(y)
"""


def test_what_is_known_is_enclosed_exactly() -> None:
    sheet = Sheet(FIELDS + EXACT + NEAR, top=TOP)
    frame, found = _known(sheet, 2000, 5)
    for line in (EXACT + NEAR).splitlines():
        name = line.split(":")[0].strip()
        enclosure = enclose_derived(sheet.fields[name], found, sheet.words)
        column = frame.column(name)
        valid = np.ones(2000, np.bool_) if column.valid is None else column.valid
        assert is_inside(enclosure, column).all(), name
        assert (np.broadcast_to(enclosure.can_value, 2000) == valid).all(), name
        assert not (np.broadcast_to(enclosure.can_null, 2000) & valid).any() or line in NEAR, name
        width = np.broadcast_to(np.asarray(enclosure.high, float) - enclosure.low, 2000)[valid]
        assert (
            width == 0 if line in EXACT else width < 1e-11 * (1 + np.abs(enclosure.high[valid]))
        ).all()


@pytest.mark.parametrize(
    ("condition", "low", "high", "can_true", "can_false"),
    [
        ("x < y", (0, 1), (2, 3), True, False),
        ("x < y", (0, 2), (2, 3), True, True),
        ("x > y", (0, 1), (1, 3), False, True),
        ("x + 1 >= y", (2, 3), (1, 2), True, False),
        ("x * y < 1", (-1, 0.5), (0, 1.5), True, False),
        ("x / y > 2", (1, 3), (-1, 0), False, True),
        ("x / y > 2", (1, 3), (0, 0.25), True, False),
        ("x^2 >= 1", (-0.9, 0.5), (0, 1), False, True),
        ("x in [0, 2] -> y > 1", (3, 4), (0, 1), True, False),
        ("x == y", (0, 1), (2, 3), False, True),
        ("abs(x) <= 2", (-1, 2), (0, 0), True, False),
        ("floor(x) == 1", (1, 1.9), (0, 0), True, False),
        ('bucket(x, [0, 1, 5], ["a", "b"]) == "b"', (1, 4), (0, 0), True, False),
        ('bucket(x, [0, 1, 5], ["a", "b"]) == "c"', (0, 4), (0, 0), False, True),
    ],
)
def test_conditions_are_decided_where_they_can_be(
    condition: str, low: Any, high: Any, can_true: bool, can_false: bool
) -> None:
    sheet = Sheet(f"  x: float ~ normal(0, 1)\n  y: float ~ normal(0, 1)\n  rule r: {condition}\n")
    fields = {
        "x": Enclosure(np.array([low[0]], float), np.array([low[1]], float)),
        "y": Enclosure(np.array([high[0]], float), np.array([high[1]], float)),
    }
    found = enclose(sheet.plan.table.rules[0].condition, fields, sheet.words)
    assert (bool(np.all(found.can_true)), bool(np.all(found.can_false))) == (can_true, can_false)


def test_boxes_along_axes_of_their_own_meet_by_broadcasting() -> None:
    sheet = Sheet(FIELDS + "  rule r: x * y < n and (sex == male -> born >= 2000-01-01)\n", top=TOP)
    edges = {
        name: np.linspace(0, 1, 5 + i) for i, name in enumerate(["x", "y", "n", "sex", "born"])
    }
    shapes = {n: tuple(-1 if i == j else 1 for j in range(5)) for i, n in enumerate(edges)}
    cells = {n: (e[:-1].reshape(shapes[n]), e[1:].reshape(shapes[n])) for n, e in edges.items()}
    condition = sheet.plan.table.rules[0].condition
    found = enclose(condition, sheet.enclosed(cells), sheet.words)
    flat = {
        n: tuple(
            x.reshape(-1) for x in np.broadcast_arrays(*c, *[k[0] for k in cells.values()])[:2]
        )
        for n, c in cells.items()
    }
    alone = enclose(condition, sheet.enclosed(flat), sheet.words)
    for one, other in ((found.can_true, alone.can_true), (found.can_false, alone.can_false)):
        assert np.array_equal(np.broadcast_to(one, (4, 5, 6, 7, 8)).reshape(-1), other)
        assert other.any() and not other.all()


def test_tables_are_enclosed_like_what_they_stand_for() -> None:
    rules = """  rule r1: bucket(n, [0, 2, 5, 900]) == "2-4" or weekday(born) > 5
  rule r2: code in {"A", "c"} -> n * 3 > 7
  rule r3: when {sex == male: n, else: 3} < 3
  rule r4: mod(n * n, 7) < 3
"""
    sheet = Sheet(FIELDS.replace("poisson(3)", "binomial(9, 0.4)") + rules, top=TOP)
    tables = 0
    for seed in range(8):
        rng = np.random.Generator(np.random.Philox(seed))
        drawn = [name for name in sheet.order if sheet.fields[name].draw is not None]
        cells = random_cells(drawn, 100, rng)
        found = sheet.enclosed(cells)
        for rule in sheet.plan.table.rules:
            simple = sheet.run.simplified(rule.condition)
            tables += simple is not rule.condition
            enclosure = enclose(simple, found, sheet.words)
            for _ in range(5):
                frame = sheet.drawn(points_inside(cells, rng))
                assert is_inside(enclosure, sheet.condition(rule.name, frame)).all()
    assert tables == 32


# enclosures that are wrong are noticed


def _leaves(line: str) -> bool:
    """Whether a derived field leaves its enclosure."""
    sheet = Sheet(FIELDS + line + "\n", top=TOP)
    return any(outside(sheet, seed, boxes=200, rounds=4) for seed in range(3))


PLANTED = ["  d: float = x * y", "  d: float? = x + z", "  d: float = n + 10 + w / 1 cm"]


def test_nothing_leaves_its_enclosure_by_itself() -> None:
    assert not any(map(_leaves, PLANTED))


def test_a_product_of_two_corners_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(left: Any, right: Any) -> Any:
        return np.minimum(left[0] * right[0], left[1] * right[1]), np.maximum(
            left[0] * right[0], left[1] * right[1]
        )

    monkeypatch.setattr(interval_arithmetic, "product", wrong)
    assert _leaves(PLANTED[0])


def test_a_forgotten_null_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(left: Any, right: Any) -> Any:
        return left

    monkeypatch.setattr(enclosed_values, "either", wrong)
    assert _leaves(PLANTED[1])


def test_an_interval_too_narrow_by_a_few_last_places_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong(left: Any, right: Any) -> Any:
        return (left[0] + right[0]) * (1 + 2.0**-50), (left[1] + right[1]) * (1 - 2.0**-50)

    operators = operator_enclosures
    monkeypatch.setitem(operators._OPERATORS, "+", operators._arithmetic(wrong))
    assert _leaves(PLANTED[2])
