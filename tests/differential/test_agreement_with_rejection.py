"""Random specs against naive rejection, which is what their rules mean.

Each spec is written down twice by its generator: as text for the package, and as numpy samplers and
three-valued conditions that share no code with it. Rows of the package are compared with rows by
naive rejection: all marginals, all pairs, nulls, how soft rules come out, and the numbers in rules.
Every row is judged by the oracle's own conditions, derived fields are computed a second time, and
the account's Z is held against the share of unconditioned rows that obey.

False alarms: a test fails only if its p-value is below 1e-3 on one pair of samples and below 1e-6
on a second, independent pair. A spec has about 50 tests and 2 of Z at 1e-6. So the chance that a
correct package fails is below 320 * (50 * 1e-9 + 2e-6) = 0.07 % for the 320 specs of every run, and
below 0.7 % for the 3,200 specs of the nightly one. (Seeds are fixed: a run that passed, passes.)
"""

from __future__ import annotations

import pytest
from differential_checks import has_impossible_rows, malformed, violations, wrong_accounts
from differential_comparison import disagreements
from differential_draws import TooRareError
from differential_engine import Engine
from differential_oracle import SpecPair, sampled
from differential_strategies import random_spec

from synthdsl.diagnostics import SynthError

CHUNKS, SPECS = 40, 8
NIGHTLY_CHUNKS, NIGHTLY_SPECS = 320, 10
MOST_ASIDE = 12
"""Specs of a chunk that may be left aside, because naive rejection would take too long."""


def findings(number: int, spec: SpecPair, rows: int, most_draws: int) -> list[str]:
    """All that is wrong about one spec. Raises `TooRareError` where the oracle cannot afford it."""
    # what the oracle cannot afford is left aside before the package is asked
    sampled(spec, rows, number + 50_000, most_draws=most_draws)
    try:
        engine = Engine(spec)
        rows_made = engine(spec, rows, number)
        found = violations(spec, rows_made) + malformed(spec, rows_made)
        found += wrong_accounts(spec, engine.loaded.account(), number)
        found += [str(d) for d in disagreements(spec, engine, rows, number)]
    except SynthError as error:
        if "given the values that are kept" in str(error):
            # a kept value that some row of many has, and that next to nothing completes
            raise TooRareError(str(error)) from error
        if "never falls in" in str(error) and has_impossible_rows(spec, number):
            # a row whose truncation is empty, too seldom for the oracle to have met it before
            raise TooRareError(str(error)) from error
        return [str(error)]
    return found


def check_chunk(first: int, count: int, rows: int, most_draws: int) -> None:
    """Compare `count` specs, from number `first` on."""
    compared = aside = 0
    wrong: list[str] = []
    number = first
    while compared < count:
        spec = random_spec(number)
        try:
            found = findings(number, spec, rows, most_draws)
        except TooRareError:
            aside += 1
        else:
            compared += 1
            wrong += [f"spec {number}: {'; '.join(found)}\n{spec.text()}"] if found else []
        number += 1
    assert not wrong, "\n".join(wrong)
    assert aside <= MOST_ASIDE


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_rows_and_z_agree_with_naive_rejection(chunk):
    check_chunk(1000 * chunk, SPECS, rows=5_000, most_draws=1_000_000)


@pytest.mark.nightly
@pytest.mark.parametrize("chunk", range(NIGHTLY_CHUNKS))
def test_rows_and_z_agree_with_naive_rejection_in_depth(chunk):
    check_chunk(1000 * chunk + 500, NIGHTLY_SPECS, rows=20_000, most_draws=6_000_000)
