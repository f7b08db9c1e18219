"""Whole results: what lies beyond 2**53 has no value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthdsl.functions.base import NO_VALUE
from synthdsl.lazy import lazy
from synthdsl.values.types import LARGEST_INT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = lazy("numpy")


def to_whole(x: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole floats as integers; those beyond 2**53 and nan have no value."""
    is_fitting = np.abs(x) <= LARGEST_INT
    if is_fitting.all():
        return x.astype(np.int64)
    return np.where(is_fitting, np.where(is_fitting, x, 0.0).astype(np.int64), NO_VALUE)


def within(x: float) -> int | None:
    """A whole number as an int; None beyond 2**53."""
    return int(x) if abs(x) <= LARGEST_INT else None
