"""Paths as rows: their shape, that blocks do not show, and what stops them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from pathway_machines import ADMISSION, DAY, PARENT, SECOND, Entities, machine_of, paths_of, rows_of

from synthdsl.engine.frame import RowError
from synthdsl.engine.pathways.sampler import MOST_VISITS
from synthdsl.values.columns import Column
from synthdsl.values.types import DATE, DATETIME, DURATION, FLOAT

VARIED = """
lookup after from "after.csv" key band value state count n
pathway admission per encounter e starts start {
  ed: gamma(mean: 5 h + index * 1 h, cv: 0.7) -> {ward: expit((age - 50)/20), icu: 8%, home: rest}
  ward: mixture({lognormal(mean: 3 d, sd: 2 d): 80%, 6 h: rest}) -> {
    home: when {stay > 2 d: 80%, else: 30%}, icu: 6%, ed: rest
  }
  icu: when {age > 60: weibull(shape: 2, scale: 3 d), else: 1 d} -> {ward: 30%, other: 40%, died: rest}
  other: {2 h: 50%, 5 h: rest} -> after[when {age > 60: "old", else: "young"}]
  final home, died
}
"""


@pytest.fixture
def varied(tmp_path):
    (tmp_path / "after.csv").write_text(
        "band,state,n\nold,died,2\nold,home,3\nyoung,home,9\nyoung,ward,1\n"
    )
    types = {"age": FLOAT, "start": DATETIME}
    return machine_of(
        VARIED.replace("expit((age - 50)/20)", "0.9 * expit((age - 50)/20)"),
        types=types,
        folder=tmp_path,
    )


def test_rows_tell_one_story():
    machine = machine_of(ADMISSION)
    visits = Entities(0, 2_000).paths(machine)
    starts = Entities(0, 2_000).frame.column("start").values
    assert np.array_equal(np.unique(visits.parents), np.arange(2_000))
    rows = rows_of(visits)
    allowed = {s.name: set(s.next.draw.outcomes) for s in machine.states}
    for this, following in zip(rows, [*rows[1:], None], strict=True):
        parent, number, state, entered, stay, left = this
        if number == 0:
            assert state == "ed" and entered == starts[parent]
        if state in machine.finals:
            assert stay is None and left is None
            assert following is None or following[:2] == (parent + 1, 0)
        else:
            assert left == entered + stay and stay >= 0 and stay % SECOND == 0
            assert following[:2] == (parent, number + 1)
            assert following[3] == left and following[2] in allowed[state]
    assert len({path for path in paths_of(visits).values()}) > 10


@pytest.mark.parametrize("cuts", [[0, 1, 700], [0, 350, 699, 700], [0, *range(1, 40), 700]])
def test_blocks_do_not_show(cuts, varied):
    whole = rows_of(Entities(0, 700).paths(varied))
    parts = []
    for first, stop in pairwise(cuts):
        part = rows_of(Entities(first, stop).paths(varied))
        parts += [(parent + first, *rest) for parent, *rest in part]
    assert parts == whole
    assert {state for _, _, state, *_ in whole} == set(varied.enum.members)


def test_some_entities_only(varied):
    entities = Entities(0, 300)
    at = np.arange(1, 300, 7)
    whole = rows_of(entities.paths(varied))
    assert rows_of(entities.paths(varied, at=at)) == [row for row in whole if row[0] in set(at)]
    assert len(entities.paths(varied, at=[])) == 0
    assert len(entities.paths(varied, at=[5])) > 0


def test_another_seed_gives_other_paths():
    machine = machine_of(ADMISSION)
    assert rows_of(Entities(0, 50).paths(machine)) != rows_of(
        Entities(0, 50, seed=8).paths(machine)
    )


def test_rounds_and_not_entities_cost_frames():
    machine = machine_of(ADMISSION)
    entities = Entities(0, 5_000)
    visits = entities.paths(machine)
    assert entities.frames_made <= visits.ordinals.max() + 1


def one_state(line, starts="start"):
    return f"pathway admission per encounter e starts {starts} {{\n  {line}\n  final home\n}}"


def test_a_date_starts_at_midnight_and_moments_lie_on_seconds():
    machine = machine_of(one_state("a: 90 min -> {home: 100%}"), types={"start": DATE})
    entities = Entities(0, 3, columns={"start": Column(np.array([0, 5, -3]))})
    assert [row[3] for row in rows_of(entities.paths(machine))][::2] == [0, 5 * DAY, -3 * DAY]
    machine = machine_of(one_state("a: 90 min -> {home: 100%}"))
    entities = Entities(0, 2, columns={"start": Column(np.array([1_499_999, 1_500_000]))})
    assert [row[3] for row in rows_of(entities.paths(machine))][::2] == [SECOND, 2 * SECOND]


STOPS = {
    "a path without end": (
        one_state("a: 1 s -> {home: when {age > 1_000: 100%, else: 0%}, a: rest}"),
        "row 4 of `encounter`: pathway `admission` has not ended after 10,000 visits",
    ),
    "a negative stay": (
        one_state("a: uniform((age - 200) * 1 h, 1 h) -> {home: 100%}"),
        "row 0 of `admission`: the stay in `a` came out negative: -",
    ),
    "a moment out of range": (
        one_state("a: 300_000 d -> {home: when {age > 1_000: 100%, else: 0%}, a: rest}"),
        "falls outside the years 0001 to 9999",
    ),
    "weights that are no shares": (
        one_state("a: 1 h -> {home: age / 20, a: rest}"),
        "the weights are no shares of 100 %: 1.2, 0",
    ),
}


@pytest.mark.parametrize("stop", STOPS)
def test_what_stops_a_path_is_said(stop):
    text, message = STOPS[stop]
    with pytest.raises(RowError) as error:
        Entities(4, 8).paths(machine_of(text))
    (finding,) = error.value.diagnostics
    assert message in finding.message and finding.help


def test_a_null_start_is_refused_but_where_it_is_left_out():
    machine = machine_of(
        one_state("a: 1 h -> {home: 100%}"), types={**PARENT, "start": DATETIME.nullable()}
    )
    start = Column(np.zeros(3, np.int64), np.array([True, False, True]))
    entities = Entities(4, 7, columns={"start": start})
    with pytest.raises(RowError, match="generation stopped") as error:
        entities.paths(machine)
    assert "row 5 of `encounter`" in error.value.diagnostics[0].message
    assert len(entities.paths(machine, at=[0, 2])) == 4


def test_a_stay_of_nothing_is_a_stay():
    machine = machine_of(one_state("a: exponential(mean: 0.3 s) -> {home: 50%, a: rest}"))
    rows = rows_of(Entities(0, 200).paths(machine))
    assert {stay for *_, stay, _ in rows} >= {0, SECOND, None}


def test_the_most_visits():
    assert MOST_VISITS == 10_000
    assert DURATION  # stays are durations of microseconds
