"""Fields that read earlier rows under the same parent: made index by index, for all parents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.evaluate import evaluate_column
from synthdsl.engine.frame import Frame, joined
from synthdsl.model.expressions import (
    Apply,
    Constant,
    Expr,
    FieldRef,
    Neighbour,
    Operation,
    walk,
)
from synthdsl.model.folding import INTEGER_KINDS
from synthdsl.model.spec import Field
from synthdsl.plan.components import Step
from synthdsl.values.columns import Column


def fill_sequence(
    steps: Iterable[Step], frame: Frame, fill_step: Callable[[Step, Frame], None]
) -> None:
    """Fill the fields of `steps` for every row of `frame`: first all rows of index 0, then all
    of index 1, and so on.
    """
    steps = tuple(steps)
    order = np.argsort(frame.ordinals, kind="stable")
    sizes = np.bincount(frame.ordinals) if frame.rows else np.zeros(1, np.int64)
    ends = np.cumsum(sizes)
    levels = [order[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    parts = []
    nothing = frame.some(np.empty(0, np.int64))
    first, before = nothing, nothing
    no_rows = np.empty(0, np.int64)
    first_rows, before_rows = no_rows, no_rows
    for index, rows in enumerate(levels):
        part = frame.some(rows)
        part.before = (
            (before, np.searchsorted(before_rows, rows - 1)),
            (first, np.searchsorted(first_rows, rows - index)),
            (frame, rows),
        )
        for step in steps:
            fill_step(step, part)
        parts.append(part)
        before, before_rows = part, rows
        if index == 0:
            first, first_rows = part, rows
    place = np.empty(frame.rows, np.int64)
    place[order] = np.arange(frame.rows)
    for step in steps:
        for name in step.fields:
            whole = joined([part.columns[name] for part in parts])
            frame.columns[name] = _taken(whole, place)


def _taken(column: Column | dict[str, Column], at: NDArray[np.int64]) -> Column | dict[str, Column]:
    if isinstance(column, dict):
        return {name: part.take(at) for name, part in column.items()}
    return column.take(at)


# running sums


def running_sum(field: Field, value: Expr) -> tuple[Expr, Expr] | None:
    """The base and the amount of `field = coalesce(prev.field, base) + amount`; None otherwise.

    Whole numbers only: their sums are the same in any order.
    """
    if field.type.kind not in INTEGER_KINDS or not isinstance(value, Operation):
        return None
    if value.operator != "+" or len(value.operands) != 2:
        return None
    for base, amount in (value.operands, value.operands[::-1]):
        if (
            isinstance(base, Apply)
            and base.function.name == "coalesce"
            and len(base.arguments) == 2
        ):
            previous, start = base.arguments
            if not isinstance(previous, Neighbour) or previous.field != field.name:
                continue
            if previous.which == "prev" and not _reads(amount) and not _reads(start):
                return start, amount
    return None


def _reads(expression: Expr) -> bool:
    return any(isinstance(e, Neighbour) for e in walk(expression))


def fill_running_sum(
    base: Expr, amount: Expr, frame: Frame, step: int, *, is_on_grid: bool = False
) -> Column | None:
    """The running sums of `amount` on `base`; None where nulls or other grids need more care.

    `is_on_grid`: both are known to be multiples of `step`.
    """
    start, amounts = evaluate_column(base, frame), evaluate_column(amount, frame)
    if start.valid is not None or amounts.valid is not None:
        return None
    if not is_on_grid and ((amounts.values % step).any() or (start.values % step).any()):
        return None
    # wrapping around is harmless: differences are right modulo 2**64
    total = np.cumsum(amounts.values)
    first = np.flatnonzero(frame.ordinals == 0)
    shift = start.values[first] - (total[first] - amounts.values[first])
    total += np.repeat(shift, np.diff(first, append=frame.rows))
    return Column(total)


def is_multiple(expression: Expr, step: int, fields: Mapping[str, Field]) -> bool:
    """Whether an expression is a multiple of `step` in every row, as far as its form tells."""
    if isinstance(expression, Constant):
        return isinstance(expression.value, int) and expression.value % step == 0
    if not isinstance(expression, FieldRef):
        return False
    own = fields[expression.field].step
    return own is not None and own.denominator == 1 and own.numerator % step == 0
