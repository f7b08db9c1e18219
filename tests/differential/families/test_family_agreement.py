"""Random databases of families against naive rejection, one entity after the other.

A spec is written down twice by its generator: as text for the package, and as functions of rows for
a slow interpreter of the meaning: scopes, components, what is kept, soft rules, nulls, aggregates,
siblings, `until`, `sorted`, references, pathways. Figures of entities made by both are compared: all
by themselves, and all pairs. What no chance excuses is looked at in every database: rules hold,
derived values and numbers of rows are right, keys resolve; slices, blocks of another size and
tables that have nothing to do with it change nothing.

False alarms: a test fails only if its p-value is below 1e-3 on one pair of samples and below 1e-7
on a second, independent pair four times as large. A spec has up to 2,000 tests. So the chance that a
correct package fails is below 60 * 2000 * 1e-10 = 1.2e-5 in every run, and below 1e-4 for the 500
specs of the nightly one. (Seeds are fixed: a run that passed, passes.)
"""

from __future__ import annotations

from dataclasses import replace

import family_draws as d
import numpy as np
import pytest
from family_comparison import disagreements, figures, p_values
from family_database import Engine, changed_tables, faults
from family_interpreter import Structure, TooRareError, World
from family_rows import Row
from family_rules import random_spec
from family_spec import FamilySpec

from synthdsl.diagnostics import SynthError

CHUNKS, SPECS, ROWS = 12, 5, 500
NIGHTLY_CHUNKS, NIGHTLY_SPECS, NIGHTLY_ROWS = 50, 10, 3_000
MOST_ASIDE = 4
"""Specs that may be left aside for each that is compared, because naive rejection would take too
long.
"""
IMPOSSIBLE = ("did not hold in", "given the values that are kept")


def by_hand(structure: Structure, rows: int, seed: int, *, on_average: int = 200) -> list[Row]:
    """Entities by naive rejection."""
    world = World(structure, seed, sites=d.sites())
    return world.entities(rows, on_average=on_average)


def findings(number: int, spec: FamilySpec, rows: int) -> list[str]:
    """All that is wrong about one spec. Raises `TooRareError` where the oracle cannot afford it."""
    structure = Structure(spec)
    by_hand(structure, min(rows, 300), number, on_average=40)
    try:
        engine = Engine(spec)
        found = faults(spec, engine.entities(rows, number)) + changed_tables(engine, number)
        pairs = disagreements(
            spec, engine.entities, lambda n, seed: by_hand(structure, n, seed), rows, number
        )
    except SynthError as error:
        if any(words in str(error) for words in IMPOSSIBLE):
            # an entity that cannot meet its rules, or hardly: naive rejection has to find one, too
            World(structure, number, sites=d.sites(), most_tries=4_000).entities(
                10 * rows, on_average=2_000
            )
        if spec.breaks is not None and "rule-conflict" in str(error):
            # rules that cannot all hold are refused, also where one is to be broken
            by_hand(Structure(replace(spec, breaks=None)), rows, number, on_average=100)
        return [str(error)]
    return found + [str(pair) for pair in pairs]


def check_chunk(first: int, count: int, rows: int) -> None:
    """Compare `count` specs, from number `first` on."""
    compared = aside = 0
    wrong: list[str] = []
    number = first
    while compared < count:
        spec = random_spec(number)
        try:
            found = findings(number, spec, rows)
        except TooRareError:
            aside += 1
        else:
            compared += 1
            wrong += [f"spec {number}: {'; '.join(found)}\n{spec.text()}"] if found else []
        number += 1
    assert not wrong, "\n".join(wrong)
    assert aside <= MOST_ASIDE * count


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_databases_agree_with_naive_rejection(chunk):
    check_chunk(1000 * chunk, SPECS, ROWS)


@pytest.mark.nightly
@pytest.mark.parametrize("chunk", range(NIGHTLY_CHUNKS))
def test_databases_agree_with_naive_rejection_in_depth(chunk):
    check_chunk(1000 * chunk + 500, NIGHTLY_SPECS, NIGHTLY_ROWS)


def test_naive_rejection_agrees_with_itself():
    """Tests are independent between specs, not within: the bounds allow for that."""
    found: list[float] = []
    for number in range(40):
        spec = random_spec(number)
        structure = Structure(spec)
        try:
            samples = [
                figures(spec, by_hand(structure, 250, seed, on_average=20)) for seed in (1, 2)
            ]
        except TooRareError:
            continue
        found += p_values(*samples).values()
    assert len(found) > 2_000
    shares = [np.mean(np.array(found) < level) for level in (0.5, 0.1, 0.01)]
    assert 0.25 < shares[0] < 0.65 and shares[1] < 0.14 and shares[2] < 0.02, shares
    assert min(found) > 1e-7
