"""Truncations that surely keep enough of their distribution, told without numpy.

Most truncations cut the tails and no more. Moments bound what these keep, so that `check`
loads numpy only for the few that the bounds leave open.
"""

from __future__ import annotations

import math

from synthdsl.model.draws import DistributionDraw
from synthdsl.model.expressions import Constant

LEAST_MASS = 1e-6
"""A truncation that keeps less is worth a warning."""
SPREADS = 1.01
"""Standard deviations around the mean within which at least 1 - 1/SPREADS^2 lies (Chebyshev)."""
TWO_SIDED = frozenset({"lognormal", "gamma", "weibull", "inverse_gaussian"})
NOT_NEGATIVE = frozenset(
    {"lognormal", "gamma", "weibull", "inverse_gaussian", "poisson", "negative_binomial",
     "exponential", "geometric"}
)  # fmt: skip


def keeps_enough(draw: DistributionDraw, low: float, high: float) -> bool:
    """Whether [`low`, `high`] surely keeps `LEAST_MASS` of the draw and surely changes it.

    False means that it is not known. Parameters are constants.
    """
    name = draw.distribution.name
    values = {
        parameter: expression.value
        for parameter, expression in zip(draw.form.names, draw.parameters, strict=True)
        if isinstance(expression, Constant)
    }
    if not all(isinstance(v, int | float) and math.isfinite(v) for v in values.values()):
        return False
    if name == "normal" and values.keys() == {"mean", "sd"}:
        return _normal_mass(values["mean"], values["sd"], low, high) >= LEAST_MASS
    if name in ("uniform", "discrete_uniform") and values.keys() == {"low", "high"}:
        first, last = values["low"], values["high"]
        if name == "discrete_uniform" and min(high, last) - max(low, first) < 1:
            return False
        share = (min(high, last) - max(low, first)) / max(last - first, 1e-300)
        return bool(LEAST_MASS <= share < 1)
    mean = _mean(name, values)
    if mean is None or mean <= 0 or name not in NOT_NEGATIVE:
        return False
    # Markov: P(X > high) <= mean / high
    if low <= 0 and high >= SPREADS * mean:
        return True
    sd = values.get("sd", values["cv"] * mean if "cv" in values else None)
    if sd is None or name not in TWO_SIDED:
        return False
    return low <= mean - SPREADS * float(sd) and high >= mean + SPREADS * float(sd)


def _mean(name: str, values: dict[str, float]) -> float | None:
    if "mean" in values:
        return float(values["mean"])
    if name == "gamma" and values.keys() == {"shape", "scale"}:
        return float(values["shape"] * values["scale"])
    if name == "exponential" and values.keys() == {"rate"} and values["rate"] > 0:
        return 1 / float(values["rate"])
    return None


def _normal_mass(mean: float, sd: float, low: float, high: float) -> float:
    if sd <= 0:
        return 0.0
    left, right = (low - mean) / sd, (high - mean) / sd
    if left > 0:
        left, right = -right, -left
    return (math.erfc(-right / math.sqrt(2)) - math.erfc(-left / math.sqrt(2))) / 2
