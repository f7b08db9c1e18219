"""Correlated fields: a Gaussian copula on the levels of their conditional quantile functions.

Each field keeps its own base draw; the normals behind these are mixed by the Cholesky factor of
the correlation matrix, and each field is drawn at the level that results.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from synthdsl.engine.frame import Frame
from synthdsl.engine.streams import SlotDraws
from synthdsl.model.correlations import cholesky, to_normal
from synthdsl.model.spec import Correlation, Field
from synthdsl.values.types import Kind


class Copula:
    """One `correlate` statement."""

    def __init__(self, correlation: Correlation, fields: dict[str, Field]) -> None:
        self._correlation = correlation
        self._fields = fields
        self._factors: dict[tuple[Any, ...], Any] = {}
        for key, ranks in correlation.matrices.items():
            factor = cholesky(to_normal(ranks))
            assert factor is not None
            self._factors[key] = np.array(factor)
        first = next(iter(self._factors.values()))
        self._is_common = all(np.array_equal(f, first) for f in self._factors.values())

    def levels(self, field: str, frame: Frame) -> NDArray[np.float64]:
        """The level of `field` for each row: (n,) float64 in (0, 1)."""
        position = self._correlation.fields.index(field)
        normals = [ndtri(frame.base(name)) for name in self._correlation.fields[: position + 1]]
        if self._is_common:
            return self._mixed(next(iter(self._factors.values())), normals, position)
        result = np.empty(frame.rows)
        for key, factor in self._factors.items():
            rows = self.rows_of(key, frame)
            result[rows] = self._mixed(factor, [z[rows] for z in normals], position)
        return result

    def _mixed(self, factor: Any, normals: list[Any], position: int) -> NDArray[np.float64]:
        total = normals[0] * factor[position, 0]
        for j in range(1, position + 1):
            total = total + normals[j] * factor[position, j]
        level: NDArray[np.float64] = ndtr(total)
        return np.clip(level, 2.0**-53, 1 - 2.0**-53, out=level)

    def rows_of(self, key: tuple[Any, ...], frame: Frame) -> NDArray[np.int64]:
        """Positions of the rows that belong to a group."""
        chosen = np.ones(frame.rows, np.bool_)
        for name, value in zip(self._correlation.groups, key, strict=True):
            column = frame.column(name)
            if self._fields[name].type.kind is Kind.ENUM:
                assert column.vocabulary is not None
                value = column.vocabulary.codes[value]
            chosen &= column.values == value
            if column.valid is not None:
                chosen &= column.valid
        return np.flatnonzero(chosen)


class LevelDraws:
    """Draws whose own uniform is a given level; other purposes are those of the field."""

    def __init__(self, draws: SlotDraws, level: NDArray[np.float64]) -> None:
        self._draws = draws
        self._level = level
        self.ordinals = draws.ordinals

    @property
    def rows(self) -> int:
        """Number of rows in the block."""
        return self._draws.rows

    def key(self, purpose: str = "") -> int:
        """64 bits of the slot, the same for every row."""
        return self._draws.key(purpose)

    def at(self, rows: NDArray[np.int64]) -> LevelDraws:
        """The draws of some of the rows."""
        return LevelDraws(self._draws.at(rows), self._level[rows])

    def named(self, part: str) -> SlotDraws:
        """Independent draws of a part of the field."""
        return self._draws.named(part)

    def bits(
        self, purpose: str = "", *, attempt: int = 0, at: NDArray[np.int64] | None = None
    ) -> NDArray[np.uint64]:
        """64 bits a row whose uniform is the level."""
        if purpose or attempt:
            return self._draws.bits(purpose, attempt=attempt, at=at)
        level = self._level if at is None else self._level[at]
        return (level * 2.0**52).astype(np.uint64) << np.uint64(12)

    def uniform(
        self, purpose: str = "", *, attempt: int = 0, at: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]:
        """The level, or a uniform of another purpose."""
        if purpose or attempt:
            return self._draws.uniform(purpose, attempt=attempt, at=at)
        return self._level.copy() if at is None else self._level[at]
