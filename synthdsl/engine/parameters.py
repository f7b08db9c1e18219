"""Parameters and bounds of distributions that vary by row, checked before they are used."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.distributions.base import Parameter
from synthdsl.engine.frame import Frame
from synthdsl.engine.grid import Grid
from synthdsl.engine.samplers import row_error
from synthdsl.model.draws import DistributionDraw
from synthdsl.model.expressions import Constant, Expr
from synthdsl.values.columns import Column, both_valid


def checked_parameters(
    draw: DistributionDraw, columns: list[Column], frame: Frame
) -> tuple[list[Any], Any]:
    """Parameter values in range, and where none is null (None: everywhere).

    Values under null are replaced by ones that work. Raises `RowError` with row and value for
    one that is out of range.
    """
    valid = None
    for column in columns:
        valid = both_valid(valid, column.valid)
    values = []
    for parameter, column, expression in zip(
        draw.form.parameters, columns, draw.parameters, strict=True
    ):
        value = column.values
        if isinstance(expression, Constant) and parameter.role.value in ("list", "points"):
            values.append(expression.value)
            continue
        if np.ndim(value) == 0:
            values.append(float(value))
            continue
        value = np.asarray(value, np.float64)
        if valid is not None:
            value = _patched(value, valid)
        if value.ndim == 1:
            _check_range(draw, parameter, value, expression, frame)
        values.append(value)
    for requirement in draw.form.requirements:
        fine = np.asarray(requirement.holds(*values))
        if not fine.all():
            row = int(np.flatnonzero(~np.broadcast_to(fine, frame.rows))[0])
            shown = ", ".join(
                f"{n} = {np.broadcast_to(np.asarray(v), frame.rows)[row]:g}"
                for n, v in zip(draw.form.names, values, strict=True)
                if np.ndim(v) < 2
            )
            raise row_error(
                draw.span,
                frame,
                row,
                f"`{draw.distribution.name}` needs {requirement.text}, found {shown}",
            )
    return values, valid


def _patched(value: NDArray[np.float64], valid: Any) -> NDArray[np.float64]:
    usable = np.flatnonzero(valid)
    stand_in = value[usable[0]] if usable.size else 0.5
    mask = valid if value.ndim == 1 else np.asarray(valid)[:, None]
    return np.where(mask, value, stand_in)


def _check_range(
    draw: DistributionDraw,
    parameter: Parameter,
    value: NDArray[np.float64],
    expression: Expr,
    frame: Frame,
) -> None:
    if not value.size:
        return
    low, high = float(value.min()), float(value.max())
    is_fine = (low > parameter.low if parameter.is_open_low else low >= parameter.low) and (
        high < parameter.high if parameter.is_open_high else high <= parameter.high
    )
    if is_fine and np.isfinite(low) and np.isfinite(high):
        return
    above = value > parameter.low if parameter.is_open_low else value >= parameter.low
    below = value < parameter.high if parameter.is_open_high else value <= parameter.high
    bad = ~(above & below & np.isfinite(value))
    if not bad.any():
        return
    row = int(np.flatnonzero(bad)[0])
    raise row_error(
        expression.span,
        frame,
        row,
        f"parameter `{parameter.name}` of `{draw.distribution.name}` must be "
        f"{parameter.range_text() or 'finite'}, found {value[row]:g}",
        "bound it with `min` or `max`, or correct the formula",
    )


def is_all_null(columns: list[Column]) -> bool:
    """Whether every row has a null among `columns`: then no value can stand in for them."""
    valid = None
    for column in columns:
        valid = both_valid(valid, column.valid)
    return valid is not None and not np.any(valid)


def raw_bounds(is_discrete: bool, grid: Grid, low: Any, high: Any) -> tuple[Any, Any]:
    """Bounds of a draw before rounding, for bounds on the grid after it."""
    half = grid.half()
    if not is_discrete:
        return low - half, high + half
    if grid.step == 1 or half == 0:
        return low, high
    return np.ceil(low - half), np.ceil(high + half) - 1
