"""Draws onto the grid of their field: rounded half-up, inside their bounds."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.frame import RowError
from synthdsl.model.folding import INTEGER_KINDS
from synthdsl.model.grids import raw_limits, within
from synthdsl.model.spec import Field
from synthdsl.values.types import Kind

_BEYOND = {
    Kind.DATE: "falls outside the years 0001 to 9999",
    Kind.DATETIME: "falls outside the years 0001 to 9999",
    Kind.TIME: "falls outside the day, 00:00:00 to 23:59:59",
    Kind.DURATION: "is longer than 73,000 years",
}


class Grid:
    """The grid of a type in raw values; `step` None for a plain float."""

    def __init__(self, field: Field) -> None:
        self.step = field.step
        self.is_whole = field.type.kind in INTEGER_KINDS
        self.is_bool = field.type.kind is Kind.BOOL
        self._field = field
        self._limits = raw_limits(field.type)

    @classmethod
    def of(cls, field: Field) -> Grid:
        """The grid of a field."""
        return cls(field)

    def check(self, values: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> None:
        """Raise `RowError` where a value is beyond what the type can hold."""
        if self._limits is None or not values.size:
            return
        low, high = self._limits
        if low <= values.min() and values.max() <= high:
            return
        outside = ~((values >= low) & (values <= high))
        if valid is not None:
            outside &= valid
        if outside.any():
            self._refuse(values[np.flatnonzero(outside)[0]])

    def _refuse(self, value: Any) -> NoReturn:
        usual = f"comes to {value:.6g}, beyond what `{self._field.type}` holds"
        raise RowError(
            "row-value",
            self._field.span,
            f"a value of `{self._field.name}` {_BEYOND.get(self._field.type.kind, usual)}",
            "truncate the draw with `in [low, high]`, or bound the formula with `min` and `max`",
        )

    def inner(self, low: Any, high: Any) -> tuple[Any, Any]:
        """The first and last grid value within [low, high]; infinite ends stay."""
        if self.step is None:
            return low, high
        return self._up(low), self._down(high)

    def _up(self, low: Any) -> Any:
        if np.ndim(low) == 0:
            if not np.isfinite(low):
                return float(low)
            return float(within(low, low, self.step)[0])  # type: ignore[arg-type]
        return self._times_step(np.ceil(self._in_steps(low) - 1e-9))

    def _down(self, high: Any) -> Any:
        if np.ndim(high) == 0:
            if not np.isfinite(high):
                return float(high)
            return float(within(high, high, self.step)[1])  # type: ignore[arg-type]
        return self._times_step(np.floor(self._in_steps(high) + 1e-9))

    def _in_steps(self, x: Any) -> NDArray[np.float64]:
        assert self.step is not None
        numerator, denominator = self.step.numerator, self.step.denominator
        return np.asarray(x, np.float64) * (denominator / numerator)

    def _times_step(self, steps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Whole numbers of steps as the floats nearest to these grid values, without -0."""
        assert self.step is not None
        return (steps + 0.0) * self.step.numerator / self.step.denominator

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
            values = np.asarray(x, np.float64)
            if not np.isfinite(values).all():
                self._refuse(values[~np.isfinite(values)][0])
            return values if low is None else np.clip(values, low, high)
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
        self.check(rounded)
        return rounded

    def derived(self, values: NDArray[Any], valid: NDArray[np.bool_] | None) -> NDArray[Any]:
        """What a formula gives, on the grid; values under null stay as they are."""
        if self.step is None:
            return np.asarray(values, np.float64)
        if self.step == 1 and values.dtype.kind in "iu":
            rounded = values.astype(np.int64, copy=False)
        else:
            rounded = self._rounded(np.asarray(values, np.float64))
        self.check(rounded, valid)
        return rounded

    def _rounded(self, x: NDArray[np.float64]) -> NDArray[Any]:
        assert self.step is not None
        numerator, denominator = self.step.numerator, self.step.denominator
        if denominator != 1:
            steps = np.asarray(x * (denominator / numerator))
        elif numerator != 1:
            steps = np.asarray(x / numerator)
        else:
            steps = x.copy()
        np.add(steps, 0.5, out=steps)
        np.floor(steps, out=steps)
        if self.is_whole:
            if not (np.abs(steps).max(initial=0) * numerator < 2.0**62):
                # what no integer holds is told apart from what fits by `check`
                limit = 2.0**62 / numerator
                steps = np.asarray(np.clip(np.nan_to_num(steps), -limit, limit))
            whole = steps.astype(np.int64)
            return whole * numerator if numerator != 1 else whole
        if numerator != 1:
            np.multiply(steps, numerator, out=steps)
        if denominator != 1:
            np.divide(steps, denominator, out=steps)
        return steps
