"""What distributions promise about their parameters: quantiles, and truncated ones, that are
monotone in each of them.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from synthdsl.distributions.base import DISTRIBUTIONS
from synthdsl.distributions.truncation import interval_mass, truncated_quantile

LEVELS = np.array(
    [1e-9, 1e-4, 0.0103, 0.1013, 0.3071, 0.5017, 0.7011, 0.8987, 0.9893, 1 - 1e-4, 1 - 1e-9]
)
"""None where a count steps for round parameters: which side of it counts is left to rounding."""
POSITIVE = [0.2, 0.5, 0.9, 1.0, 1.3, 2.0, 3.7, 8.0, 25.0]
REAL = [-30.0, -4.0, -1.5, -0.3, 0.0, 0.4, 1.0, 2.5, 12.0]
SHARES = [0.02, 0.1, 0.3, 0.5, 0.62, 0.8, 0.97]
COUNTS = [1.0, 2.0, 3.0, 5.0, 9.0, 14.0, 30.0]

GRIDS: dict[str, tuple[list[float], ...]] = {
    "uniform": (REAL, [13.0, 14.0, 20.0]),
    "triangular": ([-9.0, -5.0, -4.5], [-4.0, -1.0, 0.0, 2.0, 3.9], [4.0, 5.0, 30.0]),
    "beta": (POSITIVE, POSITIVE[1::3], [-1.0, 0.5], [1.0, 7.0]),
    "pert": (POSITIVE[1::3], POSITIVE, [-1.0, 0.5], [1.0, 7.0]),
    "normal": (REAL, POSITIVE),
    "laplace": (REAL, POSITIVE),
    "logistic": (REAL, POSITIVE),
    "gumbel": (REAL, POSITIVE),
    "skew_normal": ([-4.0, 0.0, 1.0], [0.3, 4.0], [-8.0, -3.0, -1.0, 0.0, 0.5, 2.0, 9.0]),
    "exponential": (POSITIVE,),
    "gamma": (POSITIVE, POSITIVE),
    "chi_squared": ([2.0], POSITIVE),
    "weibull": (POSITIVE, POSITIVE),
    "gompertz": (POSITIVE, [1e-4, 1e-3, 0.01, 0.2, 1.0, 5.0]),
    "inverse_gaussian": (POSITIVE, POSITIVE),
    "lognormal": (REAL[2:], POSITIVE[:6]),
    "student_t": ([-4.0, 0.0, 1.0], [0.3, 1.0, 4.0], POSITIVE),
    "pareto": (POSITIVE, POSITIVE),
    "von_mises": ([-4.0, 0.0, 1.0], [1.0], [0.0, 0.1, 0.5, 1.0, 3.0, 20.0, 200.0]),
    "bernoulli": ([0.0, *SHARES, 1.0],),
    "binomial": (COUNTS, SHARES),
    "poisson": ([0.1, *POSITIVE, 90.0],),
    "negative_binomial": ([0.1, *POSITIVE, 90.0], POSITIVE),
    "geometric": (SHARES,),
    "discrete_uniform": ([-3.0, 0.0, 2.0, 4.0], [4.0, 5.0, 9.0, 20.0]),
    "zipf": ([0.0, 0.5, 1.0, 1.1, 2.0, 4.0], [5.0, 6.0, 30.0, 1000.0]),
    "hypergeometric": ([30.0, 40.0, 90.0], [5.0, 9.0, 30.0], [4.0, 10.0, 30.0]),
}
UNKNOWN = {"empirical", "seasonal"}  # their lists never vary by row
SPANS = [(-2.0, 1.0), (0.5, 3.0), (2.0, 9.0), (-20.0, 0.25), (4.0, np.inf), (-np.inf, 2.0)]


def _runs(name: str, at: int) -> Any:
    """Runs of parameter `at` along its grid, for every choice of the others."""
    grids = GRIDS[name]
    others = [grid for i, grid in enumerate(grids) if i != at]
    for rest in itertools.product(*others):
        yield [(*rest[:at], value, *rest[at:]) for value in grids[at]]


def _is_monotone(values: Any, slack: Any) -> Any:
    steps = np.diff(values, axis=0)
    return (steps >= -slack).all(axis=0) | (steps <= slack).all(axis=0)


def _quantiles(name: str, run: list[tuple[float, ...]]) -> Any:
    distribution = DISTRIBUTIONS.get(name)
    assert distribution is not None
    return np.array([distribution.quantile(LEVELS, *params) for params in run])


def _truncated(name: str, run: list[tuple[float, ...]], span: tuple[float, float]) -> Any:
    distribution = DISTRIBUTIONS.get(name)
    assert distribution is not None
    rows = [
        truncated_quantile(distribution, params, LEVELS, *span)
        for params in run
        if interval_mass(distribution, params, *span) > 1e-250
    ]
    return np.array(rows) if len(rows) > 1 else None


def test_every_distribution_is_looked_at() -> None:
    assert {d.name for d in DISTRIBUTIONS} == GRIDS.keys() | UNKNOWN


@pytest.mark.parametrize("name", GRIDS)
def test_quantiles_are_monotone_as_promised(name: str) -> None:
    distribution = DISTRIBUTIONS.get(name)
    assert distribution is not None
    assert len(distribution.is_monotone_in) == len(GRIDS[name])
    for at, is_promised in enumerate(distribution.is_monotone_in):
        found = [_quantiles(name, run) for run in _runs(name, at)]
        fits = [_is_monotone(q, 4e-9 * np.abs(q).max(axis=0)).all() for q in found]
        # what is not promised does not hold either: these grids would show a false promise
        assert all(fits) == is_promised, f"parameter {at} of {name}"


@pytest.mark.parametrize("name", GRIDS)
def test_truncated_quantiles_are_monotone_as_promised(name: str) -> None:
    distribution = DISTRIBUTIONS.get(name)
    assert distribution is not None
    for at, is_promised in enumerate(distribution.has_monotone_ratio_in):
        if not is_promised:
            continue
        assert distribution.is_monotone_in[at]
        for run, span in itertools.product(_runs(name, at), SPANS):
            found = _truncated(name, run, span)
            if found is not None:
                slack = 1e-8 * (1 + np.abs(found).max(axis=0))
                assert _is_monotone(found, slack).all(), (name, at, run[0], span)


def test_a_false_promise_would_be_noticed() -> None:
    """The spread of a truncated normal is no monotone parameter."""
    runs = list(_runs("normal", 1))
    found = [_truncated("normal", run, span) for run in runs for span in SPANS]
    fits = [
        _is_monotone(q, 1e-8 * (1 + np.abs(q).max(axis=0))).all() for q in found if q is not None
    ]
    assert not all(fits)
