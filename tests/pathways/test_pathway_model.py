"""Pathways to machines: what is typed, and every mistake that shows without drawing."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import pytest
from pathway_machines import ADMISSION, PARENT, codes_of, machine_of, typed

from synthdsl.codes import CODES
from synthdsl.model.draws import CategoricalDraw, DistributionDraw, FixedDraw, LookupDraw
from synthdsl.values.types import DATE, DATETIME, DURATION, FLOAT, Kind, Type


def pathway(*states, starts="starts start", final="final home"):
    lines = "\n".join(f"  {line}" for line in (*states, final) if line)
    return f"pathway admission per encounter e {starts} {{\n{lines}\n}}"


def test_a_machine():
    machine = machine_of(ADMISSION)
    assert (machine.name, machine.start) == ("admission", "ed")
    assert machine.enum.members == ("ed", "ward", "icu", "home", "died")
    assert machine.finals == ("home", "died")
    assert [s.name for s in machine.states] == ["ed", "ward", "icu"]
    assert all(isinstance(s.stay.draw, DistributionDraw) for s in machine.states)
    assert all(s.stay.type == DURATION and s.stay.step == 1_000_000 for s in machine.states)
    first = machine.states[0].next.draw
    assert isinstance(first, CategoricalDraw)
    assert first.outcomes == ("ward", "icu", "home")
    assert [w and w.value for w in first.weights] == [0.75, 0.08, None]
    assert machine.starts.type == DATETIME
    assert machine.reads == {"start"}
    assert machine.has_fixed_weights


def test_finals_may_stand_first_and_states_keep_their_order():
    machine = machine_of(pathway("final died", "a: 5 h -> {died: 10%, home: rest}"))
    assert machine.enum.members == ("died", "a", "home")
    assert machine.start == "a" and machine.finals == ("died", "home")


def test_a_stay_may_be_one_value():
    draw = machine_of(pathway("a: 90 min -> {home: 100%}")).states[0].stay.draw
    assert isinstance(draw, FixedDraw) and draw.value.value == 5_400 * 10**6


def test_a_start_on_a_day_is_its_midnight():
    machine = machine_of(pathway("a: 5 h -> {home: 100%}"), types={"start": DATE})
    assert machine.starts.type == DATETIME


def test_a_start_with_a_zone_keeps_it():
    zoned = Type(Kind.DATETIME, zone="Europe/Berlin", step=Fraction(60_000_000))
    machine = machine_of(pathway("a: 5 h -> {home: 100%}"), types={"start": zoned})
    assert machine.starts.type.zone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("state", "is_fixed"),
    [
        ("a: gamma(mean: 5 h + index * 1 h, cv: 1) -> {home: 100%}", True),
        ("a: 5 h -> {home: when {age > 60: 30%, else: 90%}, a: rest}", True),
        ("a: 5 h -> {home: when {index > 3: 30%, else: 90%}, a: rest}", False),
        ("a: 5 h -> {home: when {entered > 2026-01-01: 30%, else: 90%}, a: rest}", False),
        ("a: 5 h -> {home: when {stay > 3 h: 30%, else: 90%}, a: rest}", False),
        ("a: 5 h -> {home: when {left > 2026-01-01: 30%, else: 90%}, a: rest}", False),
        ("a: 5 h -> {home: when {state == a: 30%, else: 90%}, a: rest}", False),
    ],
)
def test_whether_weights_depend_on_the_visit(state, is_fixed):
    assert machine_of(pathway(state)).has_fixed_weights == is_fixed


def test_what_a_machine_reads_from_above():
    machine = machine_of(
        pathway("a: gamma(mean: 5 h + age * 1 h, cv: 1) -> {home: expit(severity), a: rest}"),
        types={**PARENT, "severity": FLOAT, "other": FLOAT},
    )
    assert machine.reads == {"age", "severity", "start"}


def test_names_after_braces_are_states_whatever_else_they_name():
    types = {**PARENT, "home": FLOAT}
    machine = machine_of(pathway("index: 5 h -> {home: 50%, index: rest}"), types=types)
    assert machine.states[0].next.draw.outcomes == ("home", "index")
    assert machine_of(pathway("a: 5 h -> {admission.home: 100%}")).finals == ("home",)


def test_weights_from_a_file(tmp_path):
    (tmp_path / "next.csv").write_text(
        "band,state,share\nyoung,home,0.9\nyoung,a,0.1\nold,home,0.5\nold,a,0.5\n"
    )
    text = 'lookup after from "next.csv" key band value state weight share\n' + pathway(
        'a: 5 h -> after[when {age > 60: "old", else: "young"}]'
    )
    draw = machine_of(text, folder=tmp_path).states[0].next.draw
    assert isinstance(draw, LookupDraw) and draw.values == ("home", "a", "home", "a")
    (tmp_path / "next.csv").write_text("band,state,share\nyoung,hme,1\nold,home,1\n")
    assert codes_of(text, folder=tmp_path) == ["lookup-value"]
    (tmp_path / "next.csv").write_text("band,state,share\nyoung,a,1\nold,a,1\nold,home,0\n")
    assert codes_of(text, folder=tmp_path) == ["unreachable-state"]


GOOD = "a: 5 h -> {home: 100%}"
MISTAKES = {
    "no start": (pathway(GOOD, starts=""), "bad-pathway"),
    "a start that is no moment": (pathway(GOOD, starts="starts age"), "type-mismatch"),
    "a start that reads a visit": (pathway(GOOD, starts="starts entered"), "unknown-name"),
    "a start that reads the number": (
        pathway(GOOD, starts="starts start + index * 1 d"),
        "unknown-name",
    ),
    "no state": (pathway(), "bad-pathway"),
    "no final state": (pathway("a: 5 h -> {a: 100%}", final=""), "bad-pathway"),
    "a state declared twice": (pathway(GOOD, "a: 6 h -> {home: 100%}"), "duplicate-name"),
    "a final declared twice": (pathway(GOOD, final="final home, home"), "duplicate-name"),
    "final and not": (pathway(GOOD, "home: 5 h -> {a: 100%}"), "bad-pathway"),
    "an unknown state": (pathway("a: 5 h -> {hom: 20%, home: rest}"), "unknown-state"),
    "a member of nothing": (pathway("a: 5 h -> {x.home: 20%, home: rest}"), "unknown-state"),
    "a number for a state": (pathway("a: 5 h -> {1: 20%, home: rest}"), "unknown-state"),
    "two weights": (pathway("a: 5 h -> {home: 20%, home: rest}"), "duplicate-outcome"),
    "weights beyond 100 %": (pathway("a: 5 h -> {home: 80%, a: 30%}"), "weights-total"),
    "an unreachable state": (pathway(GOOD, "b: 5 h -> {home: 100%}"), "unreachable-state"),
    "an unreachable end": (pathway(GOOD, final="final home, died"), "unreachable-state"),
    "reached with weight 0": (
        pathway("a: 5 h -> {b: 0%, home: rest}", "b: 5 h -> {home: 100%}"),
        "unreachable-state",
    ),
    "two that only reach each other": (
        pathway(GOOD, "b: 5 h -> {c: 100%}", "c: 5 h -> {b: 50%, home: rest}"),
        "unreachable-state",
    ),
    "a trap": (
        pathway("a: 5 h -> {b: 50%, home: rest}", "b: 5 h -> {b: 100%}"),
        "inescapable-state",
    ),
    "a trap of two": (
        pathway("a: 5 h -> {b: 50%, home: rest}", "b: 5 h -> {c: 100%}", "c: 5 h -> {b: 100%}"),
        "inescapable-state",
    ),
    "a negative stay": (pathway("a: normal(5 h, 2 h) -> {home: 100%}"), "bad-stay"),
    "a negative constant": (pathway("a: -5 h -> {home: 100%}"), "bad-stay"),
    "a branch below zero": (
        pathway("a: when {age > 60: 5 h, else: uniform(-1 h, 1 h)} -> {home: 100%}"),
        "bad-stay",
    ),
    "truncated below zero": (
        pathway("a: normal(5 h, 2 h) in [-1 h, 9 h] -> {home: 100%}"),
        "bad-stay",
    ),
    "a negative component": (
        pathway(
            "a: mixture({gamma(mean: 5 h, cv: 1): 50%, normal(1 h, 1 h): rest}) -> {home: 100%}"
        ),
        "bad-stay",
    ),
    "a histogram below zero": (
        pathway("a: empirical([-2 h, 1 h, 9 h], [50%, 50%]) -> {home: 100%}"),
        "bad-stay",
    ),
    "an interval below zero": (pathway("a: beta(2, 3, -1 h, 5 h) -> {home: 100%}"), "bad-stay"),
    "a mean from the row": (pathway("a: normal(age * 1 h, 2 h) -> {home: 100%}"), "bad-stay"),
    "a negative outcome": (pathway("a: {-1 h: 50%, 2 h: rest} -> {home: 100%}"), "bad-stay"),
    "a stay that is no time": (pathway("a: gamma(mean: 5, cv: 1) -> {home: 100%}"), None),
    "a stay that reads itself": (
        pathway("a: gamma(mean: 5 h + stay, cv: 1) -> {home: 100%}"),
        "unknown-name",
    ),
    "a null stay": (pathway("a: gamma(mean: late, cv: 1) -> {home: 100%}"), "nullable"),
    "a null weight": (
        pathway("a: 5 h -> {home: when {age > 6: risk, else: 50%}, a: rest}"),
        "nullable",
    ),
    "unknown inside a weight": (pathway("a: 5 h -> {home: agee, a: rest}"), "unknown-name"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_mistake_gives_one_finding(mistake):
    text, code = MISTAKES[mistake]
    types = {**PARENT, "late": DURATION.nullable(), "risk": FLOAT.nullable()}
    found = codes_of(text, types=types)
    if code is None:
        assert len(found) == 1
    else:
        assert found == [code]
        assert CODES[code].severity == "error"


FINE = [
    "a: normal(5 h, 2 h) in [0 s, 9 h] -> {home: 100%}",
    "a: normal(5 h, 2 h) in [age * 1 min, 99 h] -> {home: 100%}",
    "a: uniform(age * 1 s, 5 h) -> {home: 100%}",
    "a: when {age > 60: 5 h, else: exponential(mean: 3 h)} -> {home: 100%}",
    "a: mixture({gamma(mean: 5 h, cv: 1): 50%, weibull(shape: 2, scale: 3 h): rest}) -> {home: 100%}",
    "a: {1 h: 50%, 2 h: rest} -> {home: 100%}",
    "a: 0 s -> {home: 100%}",
    "a: empirical([0 h, 1 h, 9 h], [50%, 50%]) -> {home: 100%}",
    "a: beta(2, 3, age * 1 h, 200 h) -> {home: 100%}",
]


@pytest.mark.parametrize("state", FINE)
def test_stays_that_are_fine(state):
    assert codes_of(pathway(state)) == []


def test_nothing_heavy_is_loaded_to_check_a_pathway():
    code = (
        "import sys, synthdsl; text = sys.stdin.read()\n"
        "assert synthdsl.check('t.synth', text=text) == []\n"
        "sys.exit(','.join(m for m in ('numpy', 'scipy', 'pyarrow') if m in sys.modules) or 0)"
    )
    text = (
        "language 1\ntable encounter [9] {\n  id: int = index\n  key id\n"
        "  start: datetime ~ uniform(2025-01-01T00:00, 2026-01-01T00:00)\n}\n"
        + ADMISSION.replace("starts start", "starts e.start").strip()
        + "\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=text, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_states_that_share_a_fault_are_named_together():
    _, findings = typed(
        pathway(
            GOOD, "b: 5 h -> {c: 100%}", "c: 5 h -> {b: 50%, home: rest}", final="final home, x"
        )
    )
    (finding,) = findings
    assert finding.message == "no path from `a` reaches `b`, `c` or `x`"
    assert [label.span.text for label in finding.labels] == ["c", "x"]


def test_what_may_have_been_meant():
    _, (finding,) = typed(pathway("a: 5 h -> {hom: 20%, home: rest}"))
    assert finding.help == "did you mean `home`?"
    assert finding.span.text == "hom"
