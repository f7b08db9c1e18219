"""Intervals repeated row by row give the quantiles of each row."""

from __future__ import annotations

import numpy as np
import pytest

from synthdsl.distributions import DISTRIBUTIONS
from synthdsl.distributions.truncation import Interval, truncated_quantile


@pytest.mark.parametrize(
    ("name", "params", "low", "high"),
    [
        # a middle, both tails (one of them faint), and an interval too narrow for the cdf
        ("normal", (np.array([0.0, 9.0, -60.0, 1.0]), 1.0), [-1, -3, 0, 1], [2, 0, 1, 1 + 1e-12]),
        ("poisson", (np.array([3.0, 40.0, 0.5, 9.0]),), [1, 0, 3, 9], [5, 20, 9, 9]),
    ],
)
def test_repeated_rows_are_each_row_alone(
    name: str, params: tuple[object, ...], low: list[float], high: list[float]
) -> None:
    distribution = DISTRIBUTIONS.get(name)
    u = np.array([1e-12, 0.2, 0.7, 1 - 1e-9])
    rows, bounds = len(low), (np.array(low, float), np.array(high, float))
    found = (
        Interval(distribution, params, *bounds).repeated(rows, len(u)).quantile(np.tile(u, rows))
    )
    for row in range(rows):
        own = tuple(p[row] if isinstance(p, np.ndarray) else p for p in params)
        alone = [truncated_quantile(distribution, own, x, low[row], high[row]) for x in u]
        np.testing.assert_allclose(found.reshape(rows, len(u))[row], alone, rtol=1e-13)
