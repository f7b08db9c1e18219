"""The comparison sees wrong conditionings of families: each is planted, and must be caught.

In the interpreter, where everything can be got wrong, and in the package itself.
"""

from __future__ import annotations

import family_draws as d
import pytest
from family_comparison import disagreements
from family_database import Engine, faults
from family_interpreter import Structure, TooRareError, World
from family_random import Source, combined, compared, field_of, linear, over_rows
from family_rows import Row
from family_rules import random_spec
from family_spec import Expression, FamilySpec, FieldPair, RulePair, TablePair
from family_wrong import PACKAGES, WORLDS, package_that

from synthdsl.diagnostics import SynthError

ROWS = 1_500


def clinic(*rules: RulePair) -> FamilySpec:
    """A patient with `a`, visits with `x` about `a`."""
    a = FieldPair("a", "float", d.normal(d.constant(0.0), 1.0))
    x = FieldPair("x", "float", d.normal(above(a), 1.0))
    patient = TablePair("patient", fields=[a])
    visit = TablePair("visit", "patient", d.poisson(d.constant(2.0)), fields=[x])
    return FamilySpec({"patient": patient, "visit": visit}, rules, has_sites=True)


def above(a: FieldPair) -> Expression:
    return field_of(Source("p.", "patient", lambda row, inner: row.up), a)


A = FieldPair("a", "float", d.constant(0.0))
OWN_A = field_of(Source("p.", "patient", lambda row, inner: row), A)
OWN_X = field_of(Source("", "visit", lambda row, inner: row), A.__class__("x", "float", A.draw))
INNER_X = field_of(Source("r.", "visit", lambda row, r: r), A.__class__("x", "float", A.draw))
PREV_X = field_of(
    Source("prev.", "visit", lambda row, r: row.neighbour("prev"), is_nullable=True, crosses=True),
    A.__class__("x", "float", A.draw),
)


def any_high() -> Expression:
    high = compared(INNER_X, ">", d.constant(0.65))
    return over_rows("any", ("p.visit", ["visit"]), lambda row: row, "patient", high)


def all_low() -> RulePair:
    low = compared(INNER_X, "<", d.constant(0.65))
    every = over_rows("all", ("p.visit", ["visit"]), lambda row: row, "patient", low)
    return RulePair("low", "patient", every, is_each=True)


def in_order() -> RulePair:
    rising = compared(linear(0.4, [(1.0, OWN_X)]), ">=", PREV_X)
    return RulePair("order", "visit", rising)


def monitored(*keeping: str) -> RulePair:
    sick = compared(OWN_A, ">", d.constant(0.15))
    return RulePair(
        "seen", "patient", combined("->", sick, any_high()), is_each=True, keeping=keeping
    )


def usually(share: int) -> RulePair:
    return RulePair("high", "patient", any_high(), is_each=True, share=share)


WHERE = {
    "only failing rows": clinic(in_order()),
    "exceptions with every try": clinic(usually(60)),
    "a soft rule as a switch": clinic(usually(60)),
    "the number given": clinic(all_low()),
    "the number of siblings free": clinic(in_order()),
    "without ancestors": clinic(all_low()),
    "keeping forgotten": clinic(monitored("a")),
    "forgets what is kept": clinic(monitored("a")),
    "tilts the number of siblings": clinic(in_order()),
    "accepts what fails": clinic(in_order()),
    "draws exceptions with every try": clinic(usually(60)),
}


def wrongly(error: str, spec: FamilySpec, rows: int, seed: int) -> list[Row]:
    """Entities by an interpreter that gets one thing wrong."""
    structure, world = WORLDS[error]
    return world(structure(spec), seed, sites=d.sites()).entities(rows)


def rightly(spec: FamilySpec, rows: int, seed: int) -> list[Row]:
    return World(Structure(spec), seed, sites=d.sites()).entities(rows)


@pytest.mark.parametrize("error", WORLDS)
def test_a_wrong_conditioning_is_caught_where_it_matters(error):
    spec = WHERE[error]
    assert disagreements(
        spec,
        lambda n, seed: wrongly(error, spec, n, seed),
        lambda n, seed: rightly(spec, n, seed),
        ROWS,
        1,
    )


@pytest.mark.parametrize("error", [e for e in WHERE if e in WORLDS])
def test_the_package_does_not_make_the_error(error):
    spec = WHERE[error]
    engine = Engine(spec)
    found = disagreements(
        spec, engine.entities, lambda n, seed: rightly(spec, n, seed), 2 * ROWS, 3
    )
    assert found == []


@pytest.mark.parametrize("error", PACKAGES)
def test_a_fault_of_the_package_is_caught(error):
    spec = WHERE[error]
    with package_that(error):
        # a text of its own: what was prepared for the same text is used again
        engine = Engine(spec, f"{spec.text()}# {error}\n")
        found = disagreements(
            spec, engine.entities, lambda n, seed: rightly(spec, n, seed), ROWS, 5
        )
        assert found
        if error == "accepts what fails":
            assert faults(spec, engine.entities(500, 7))


SHARES = {"only failing rows": 0.3, "the number of siblings free": 0.3, "without ancestors": 0.3}
"""Least share of the random specs that a wrong interpreter can be run on, and is seen on."""


@pytest.mark.nightly
@pytest.mark.parametrize("error", SHARES)
def test_a_wrong_conditioning_is_caught_in_random_specs(error):
    caught, tried = 0, 0
    for number in range(120):
        spec = random_spec(number)
        matters = any(u.mode == "siblings" for u in Structure(spec).units)
        if not matters and error != "without ancestors":
            continue
        try:
            found = disagreements(
                spec,
                lambda n, seed, spec=spec: wrongly(error, spec, n, seed),
                lambda n, seed, spec=spec: rightly(spec, n, seed),
                600,
                1,
            )
        except (TooRareError, RecursionError, SynthError):
            continue
        tried += 1
        caught += bool(found)
    assert tried >= 8 and caught / tried >= SHARES[error], (caught, tried)
