"""The oracle by itself: specs that never change, and quantiles that agree with rejection."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import differential_expressions as ex
import numpy as np
import pytest
from differential_comparison import two_samples
from differential_draws import FAMILIES, Distribution, Grid, Truncated
from differential_strategies import random_spec
from scipy import stats

ROWS = 40_000
LEVEL = 1e-6
"""A correct oracle fails one of 105 pairs of tests with a chance below 3e-4 (seeds are fixed)."""

NUMBERS = (0, 54, 95, 1004, 41_494)
"""54 and 95 are other specs for Hypothesis's own provider where constants are to be found."""

GRIDS = {
    "plain": Grid(None),
    "tenths": Grid(Fraction(1, 10)),
    "whole": Grid(Fraction(1), is_whole=True),
    "by two": Grid(Fraction(2), is_whole=True),
    "by five": Grid(Fraction(5), is_whole=True),
}
PARAMETERS = {
    "normal": (9, 4),
    "uniform": (-3, 22),
    "exponential": (6,),
    "gamma": (8, 0.7),
    "lognormal": (8, 0.5),
    "poisson": (9,),
    "discrete_uniform": (0, 25),
}


def law(family: str) -> Distribution:
    return Distribution(family, tuple(ex.constant(p) for p in PARAMETERS[family]))


def test_all_families_of_copulas_are_compared():
    assert set(PARAMETERS) == {name for name, family in FAMILIES.items() if family.twin}


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("family", PARAMETERS)
@pytest.mark.parametrize("ends", [None, (3, 17), (4, 20)])
def test_quantiles_have_the_law_of_draws_by_rejection(family, grid, ends):
    """A whole number may lie halfway between two grid values: at an end, that decides."""
    draw = law(family) if ends is None else Truncated(law(family), *map(ex.constant, ends))
    rng = np.random.default_rng(5)
    by_rejection = draw.sample(rng, {}, ROWS, GRIDS[grid])
    by_levels = draw.at_levels(rng.random(ROWS), {}, GRIDS[grid])
    assert by_levels.valid.all()
    assert min(two_samples("x", by_rejection, by_levels).values()) > LEVEL


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("ends", [(8, 22), (7, 13), (8, 12)])
def test_quantiles_of_a_truncated_count_by_arithmetic(step, ends):
    """The chance of a grid value is that of all counts that round to it, in proportion."""
    draw = Truncated(law("poisson"), *map(ex.constant, ends))
    counts = np.arange(60)
    rounded = np.floor(counts / step + 0.5) * step
    inside = (rounded >= ends[0]) & (rounded <= ends[1])
    levels = (np.arange(ROWS) + 0.5) / ROWS
    made = draw.at_levels(levels, {}, Grid(Fraction(step), is_whole=True)).values
    mass = stats.poisson.pmf(counts, *PARAMETERS["poisson"])
    assert set(made) <= set(rounded[inside])
    for value in set(rounded[inside]):
        chance = mass[rounded == value].sum() / mass[inside].sum()
        assert abs((made == value).mean() - chance) < 2 / ROWS


def digests(numbers) -> list[str]:
    texts = (random_spec(n).text() for n in numbers)
    return [hashlib.sha256(text.encode()).hexdigest() for text in texts]


def test_a_number_is_one_spec_in_every_process_and_after_all_others(tmp_path):
    here = digests(NUMBERS)
    assert len(set(here)) == len(NUMBERS)

    # a new module with constants that a spec could have (Hypothesis looks for those from 100 on)
    new = tmp_path / "constants_of_specs.py"
    new.write_text(f"FOUND = {list(range(100, 400))}\n")
    script = (
        "import test_oracle_laws as t, synthdsl.api, constants_of_specs\n"
        "t.digests(range(900, 904))\n"
        "print(*reversed(t.digests(reversed(t.NUMBERS))))\n"
    )
    paths = [str(Path(__file__).parent), str(tmp_path), *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONHASHSEED": "11"}
    made = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    assert made.stdout.split() == here

    digests(range(900, 904))
    assert digests(reversed(NUMBERS)) == here[::-1]
