"""Expressions of a few small discrete fields, as tables computed once per plan.

`min(0.02 + 0.004 * age, 0.3) * when {sex == male: 1.2, else: 1}` has 2 x 95 values: it is
evaluated for these and looked up for every row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synthdsl.model.expressions import Expr

if TYPE_CHECKING:
    from synthdsl.values.columns import Vocabulary


@dataclass(frozen=True)
class Axis:
    """One field of a table: raw values `low`, `low + step`, … (`size` of them)."""

    field: str
    low: int
    step: int
    size: int


@dataclass(frozen=True, eq=False)
class Tabulated(Expr):
    """A table over `axes`: `values` (and `valid`) in row-major order of the axes.

    `original` is what it stands for, for rows in which an axis is null.
    """

    axes: tuple[Axis, ...]
    values: Any
    valid: Any
    vocabulary: Vocabulary | None
    original: Expr
