"""Ends of distributions' supports as their parameters give them, told without numpy."""

from __future__ import annotations

import math

End = str | float
"""The name of a parameter, or a number."""

_LINE: tuple[End, End] = (-math.inf, math.inf)
_POSITIVE: tuple[End, End] = (0.0, math.inf)
_ENDS: dict[str, tuple[End, End]] = {
    "bernoulli": (0, 1),
    "binomial": (0, "trials"),
    "discrete_uniform": ("low", "high"),
    "hypergeometric": (0, "draws"),
    "pareto": ("minimum", math.inf),
    "pert": ("low", "high"),
    "seasonal": ("from", "to"),
    "triangular": ("low", "high"),
    "beta": ("low", "high"),
    "uniform": ("low", "high"),
    "zipf": (1, "n"),
    **dict.fromkeys(
        ("chi_squared", "exponential", "gamma", "geometric", "gompertz", "inverse_gaussian",
         "lognormal", "negative_binomial", "poisson", "weibull"),
        _POSITIVE,
    ),
}  # fmt: skip


def support_ends(distribution: str) -> tuple[End, End]:
    """Where the values of a distribution begin and end, both included.

    Never narrower than the support; the whole line for a distribution that is not known here.
    """
    return _ENDS.get(distribution, _LINE)
