"""Chances that so many of n independent rows meet a condition, accurate however small."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]


def chance_of(n: Any, q: Any, low: int, high: float, *, is_all: bool) -> Floats:
    """P(low <= M <= high), M the rows that meet a condition among n that each do with chance q.

    `is_all`: P(M = n). Shapes broadcast.
    """
    n, q = np.asarray(n, np.float64), np.asarray(q, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        if is_all:
            return np.asarray(np.exp(special.xlogy(n, q)))
        if high == inf:
            return at_least(n, q, low)
        if low == 0:
            return at_most(n, q, high)
        total: Any = 0.0
        for number in range(low, int(high) + 1):
            total = total + exactly(n, q, number)
        return np.asarray(total)


def at_least(n: Floats, q: Floats, low: int) -> Floats:
    """P(M >= low), for `low` at least 1."""
    if low == 1:
        return np.asarray(np.where(n > 0, -np.expm1(special.xlog1py(n, -q)), 0.0))
    inside = special.betainc(float(low), np.maximum(n - low + 1, 1.0), q)
    return np.asarray(np.where(n >= low, inside, 0.0))


def at_most(n: Floats, q: Floats, high: float) -> Floats:
    """P(M <= high)."""
    if high == 0:
        return np.asarray(np.exp(special.xlog1py(n, -q)))
    inside = special.betaincc(high + 1.0, np.maximum(n - high, 1.0), q)
    return np.asarray(np.where(n > high, inside, 1.0))


def exactly(n: Floats, q: Floats, number: int) -> Floats:
    """P(M = number)."""
    rest = np.maximum(n - number, 0.0)
    choices = -special.betaln(number + 1.0, rest + 1.0) - np.log1p(np.maximum(n, number))
    logs = choices + special.xlogy(float(number), q) + special.xlog1py(rest, -q)
    return np.asarray(np.where(n >= number, np.exp(logs), 0.0))
