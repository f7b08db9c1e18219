"""Draws onto the grid of their field: rounded half-up, inside their bounds."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.model.folding import INTEGER_KINDS
from synthdsl.model.spec import Field
from synthdsl.values.types import Kind, Type


class Grid:
    """The grid of a type in raw values; `step` None for a plain float."""

    def __init__(self, type: Type, step: Fraction | None) -> None:
        self.step = step
        self.is_whole = type.kind in INTEGER_KINDS
        self.is_bool = type.kind is Kind.BOOL

    @classmethod
    def of(cls, field: Field) -> Grid:
        """The grid of a field."""
        return cls(field.type, field.step)

    def inner(self, low: Any, high: Any) -> tuple[Any, Any]:
        """The first and last grid value within [low, high]; infinite ends stay."""
        if self.step is None:
            return low, high
        return self._up(low), self._down(high)

    def _up(self, low: Any) -> Any:
        if np.ndim(low) == 0:
            if not np.isfinite(low):
                return float(low)
            return float(_ceil(Fraction(low).limit_denominator(10**12) / self.step) * self.step)  # type: ignore[operator]
        step = float(self.step)  # type: ignore[arg-type]
        return np.ceil(np.asarray(low, np.float64) / step - 1e-9) * step

    def _down(self, high: Any) -> Any:
        if np.ndim(high) == 0:
            if not np.isfinite(high):
                return float(high)
            return float(_floor(Fraction(high).limit_denominator(10**12) / self.step) * self.step)  # type: ignore[operator]
        step = float(self.step)  # type: ignore[arg-type]
        return np.floor(np.asarray(high, np.float64) / step + 1e-9) * step

    def half(self) -> float:
        """Half a step: how far a value may lie from its grid value."""
        return 0.0 if self.step is None else float(self.step) / 2

    def round(self, x: NDArray[Any], low: Any = None, high: Any = None) -> NDArray[Any]:
        """`x` rounded half-up to the grid. `low` and `high` are grid values: a value that
        rounding in binary would carry just past one stays on it.
        """
        if self.is_bool:
            return x.astype(np.bool_)
        if self.step is None:
            return np.asarray(x, np.float64)
        if x.dtype.kind in "iu" and self.step == 1:
            rounded = x.astype(np.int64, copy=False)
        else:
            rounded = self._rounded(np.asarray(x, np.float64))
        if low is not None:
            bounds = (low, high)
            if self.is_whole:
                bounds = tuple(
                    np.asarray(b).astype(np.int64) if np.isfinite(b).all() else b for b in bounds
                )  # type: ignore[assignment]
            np.maximum(rounded, bounds[0], out=rounded, casting="unsafe")
            np.minimum(rounded, bounds[1], out=rounded, casting="unsafe")
        return rounded

    def _rounded(self, x: NDArray[np.float64]) -> NDArray[Any]:
        assert self.step is not None
        numerator, denominator = self.step.numerator, self.step.denominator
        if denominator != 1:
            steps = x * (denominator / numerator)
        elif numerator != 1:
            steps = x / numerator
        else:
            steps = x.copy()
        np.add(steps, 0.5, out=steps)
        np.floor(steps, out=steps)
        if self.is_whole:
            whole = steps.astype(np.int64)
            return whole * numerator if numerator != 1 else whole
        if numerator != 1:
            np.multiply(steps, numerator, out=steps)
        if denominator != 1:
            np.divide(steps, denominator, out=steps)
        return steps


def _ceil(x: Fraction) -> int:
    return -((-x.numerator) // x.denominator)


def _floor(x: Fraction) -> int:
    return x.numerator // x.denominator
