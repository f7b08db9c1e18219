"""Uniforms next to 0 and 1: truncations whose levels reach to 1 in floating point."""

from __future__ import annotations

import numpy as np
import pytest

import synthdsl
from synthdsl.engine.batches import run_of
from synthdsl.engine.copula import LevelDraws
from synthdsl.engine.frame import Frame
from synthdsl.engine.streams import root_keys

NEAREST = 2.0**-53


@pytest.mark.parametrize("draw, low, high", [
    ("normal(-13, 2) in [-13.65, 4.09]", -13.65, 4.09),
    ("when {k: normal(-13, 2), else: normal(-12, 2)} in [-13.65, 4.09]", -13.65, 4.09),
    ("laplace(0, 1) in [-1, 60]", -1, 60),
    ("normal(0, 1) in [-60, 1]", -60, 1),
    ("when {k: laplace(0, 1), else: laplace(1, 2)} in [-200, 200]", -200, 200),
])  # fmt: skip
def test_the_outermost_levels_stay_inside(draw, low, high):
    text = f'language 1\nspec t "t"\ntable t [4] {{\n  k: bool ~ bernoulli(50%)\n  x: float ~ {draw}\n}}\n'
    run = run_of(synthdsl.load("t.synth", text=text).recipe()).tables["t"]
    frame = Frame("t", 1, root_keys("t", 0, 4), np.arange(4, dtype=np.int64))
    run.fill_field("k", frame)
    level = np.array([NEAREST, 2 * NEAREST, 1 - 2 * NEAREST, 1 - NEAREST])
    for sampler in (run._samplers["x"], run._level_sampler("x")):
        values = sampler.sample(frame, LevelDraws(frame.draws("x"), level)).values
        assert np.isfinite(values).all() and (values >= low).all() and (values <= high).all()


def drawn(chance: str):
    text = (
        f'language 1\nspec t "t"\ntable t [200] {{\n  b: bool ~ bernoulli({chance})\n'
        "  d: int ~ when {not b: normal(1, 13), else: discrete_uniform(5, 7)} in [1, 2]\n}\n"
    )
    return synthdsl.load("t.synth", text=text).generate().to_pandas()["t"]


def test_a_branch_without_values_stops_only_the_rows_that_come_to_it():
    assert set(drawn("0%").d) == {1, 2}
    with pytest.raises(synthdsl.SynthError):
        drawn("50%")
