"""Enclosures of draws by row, over crossed cells and over the same boxes one by one."""

from __future__ import annotations

import numpy as np
import pytest

import synthdsl
from synthdsl.engine.conditioning.draw_enclosures import draw_enclosure
from synthdsl.engine.conditioning.enclosures import Enclosure

DRAWS = [
    ("float", "normal(10 + 2*x, 3)"),
    ("float", "normal(10 + 2*x, 3) in [11, 15]"),
    ("float", "normal(10 + 2*x, 3) in [x, 2*y + 9]"),
    ("int", "normal(10 + 2*y, 3)"),
    ("float step 0.1", "lognormal(mean: 3 + y, cv: 0.4) in [0, 9]"),
    ("float", "gamma(shape: 1 + x, scale: 2 + y) in [1, 8]"),
    ("float", "beta(1 + x, 2 + y)"),
    ("int", "negative_binomial(mean: 3 + x, size: 6) in [2, 9]"),
    ("int", "poisson(3 + x + y) in [2, 9]"),
    ("int", "binomial(20, (x + 1) / 6)"),
    ("float", "when {x > 2: normal(10 + y, 3), else: gamma(mean: 2 + x, cv: 0.5) in [1, 5]}"),
]
X = np.array([0.0, 1.0, 1.0, 2.5, 3.0]), np.array([0.5, 1.0, 2.5, 3.0, 3.0])
Y = np.array([0.0, 2.0, 2.0]), np.array([2.0, 2.0, 4.0])
EDGES = np.array([0.0, 1e-9, 0.1, 0.4, 0.41, 0.9, 1 - 1e-9, 1.0])


@pytest.mark.parametrize(("type_", "draw"), DRAWS)
def test_crossed_cells_are_enclosed_as_each_box_alone(type_: str, draw: str) -> None:
    text = (
        "language 1\nspec s\ntable t [1] {\n  x: float ~ uniform(0, 4)\n  y: float ~ uniform(0, 4)\n"
        f"  z: {type_} ~ {draw}\n}}\n"
    )
    field = synthdsl.load("s.synth", text=text).tables["t"].fields["z"]
    assert field.draw is not None

    def enclosed(x: Enclosure, y: Enclosure, low: object, high: object) -> Enclosure:
        assert field.draw is not None
        found = draw_enclosure(field.draw, field, low, high, {"x": x, "y": y}, {}, None)
        assert found is not None
        return found

    x = Enclosure(*(end[:, None, None] for end in X))
    y = Enclosure(*(end[None, :, None] for end in Y))
    whole = enclosed(x, y, EDGES[:-1], EDGES[1:])
    shape = (len(X[0]), len(Y[0]), len(EDGES) - 1)
    ends = [np.broadcast_to(end, shape) for end in (whole.low, whole.high)]
    for box in np.ndindex(shape):
        i, j, k = box
        alone = enclosed(
            Enclosure(np.array(X[0][i]), np.array(X[1][i])),
            Enclosure(np.array(Y[0][j]), np.array(Y[1][j])),
            EDGES[k],
            EDGES[k + 1],
        )
        for end, other in zip(ends, (alone.low, alone.high), strict=True):
            np.testing.assert_allclose(end[box], np.asarray(other).item(), rtol=1e-12)
    assert (ends[0] <= ends[1]).all()
    assert len(np.unique(ends[0])) > 5
