"""The probability by row that a draw falls inside bounds: what a truncated mixture weighs by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.distributions.truncation import interval_mass
from synthdsl.engine.evaluate import evaluate, evaluate_column
from synthdsl.engine.frame import Frame, RowError
from synthdsl.engine.parameters import checked_parameters, raw_bounds
from synthdsl.engine.rewriting import branch_number, narrower
from synthdsl.engine.samplers import Context
from synthdsl.engine.weight_samplers import row_shares
from synthdsl.model.draws import (
    CategoricalDraw,
    ChooseDraw,
    DistributionDraw,
    DrawNode,
    FixedDraw,
    MixtureDraw,
    Truncated,
)
from synthdsl.model.expressions import Expr
from synthdsl.values.columns import Column, both_valid

Mass = Callable[[Frame], Column]


def mass_function(draw: DrawNode, context: Context, low: Expr, high: Expr) -> Mass:
    """The probability that `draw` falls in [low, high] after rounding; null where either is, or
    where the draw is.

    Raises `RowError` for a draw that has no order.
    """
    if isinstance(draw, FixedDraw):
        return _fixed(draw, context, low, high)
    if isinstance(draw, DistributionDraw):
        return _distribution(draw, context, low, high)
    if isinstance(draw, MixtureDraw):
        return _mixture(draw, context, low, high)
    if isinstance(draw, ChooseDraw):
        return _choice(draw, context, low, high)
    if isinstance(draw, CategoricalDraw):
        return _categorical(draw, context, low, high)
    if isinstance(draw, Truncated):
        return _truncated(draw, context, low, high)
    raise RowError(
        "bad-interval", draw.span, "only mixtures of distributions and numbers can be truncated"
    )


def _fixed(draw: FixedDraw, context: Context, low: Expr, high: Expr) -> Mass:
    value = context.simplify(draw.value)

    def mass(frame: Frame) -> Column:
        x, a, b = (evaluate(e, frame) for e in (value, low, high))
        valid = both_valid(x.valid, both_valid(a.valid, b.valid))
        return Column(np.asarray((a.values <= x.values) & (x.values <= b.values), float), valid)

    return mass


def _distribution(draw: DistributionDraw, context: Context, low: Expr, high: Expr) -> Mass:
    draw = replace(draw, parameters=tuple(context.simplify(p) for p in draw.parameters))

    def mass(frame: Frame) -> Column:
        parameters = [evaluate(p, frame) for p in draw.parameters]
        a, b = evaluate(low, frame), evaluate(high, frame)
        valid = both_valid(a.valid, b.valid)
        for parameter in parameters:
            valid = both_valid(valid, parameter.valid)
        if valid is not None and not valid.any():
            return Column(np.zeros(frame.rows), np.zeros(frame.rows, np.bool_))
        values, _ = checked_parameters(draw, parameters, frame)
        bounds = context.grid.inner(*(np.asarray(c.values, np.float64)[()] for c in (a, b)))
        span = raw_bounds(draw.distribution.is_discrete, context.grid, *bounds)
        return Column(interval_mass(draw.distribution, draw.form.canonical(*values), *span), valid)

    return mass


def _mixture(draw: MixtureDraw, context: Context, low: Expr, high: Expr) -> Mass:
    masses = [mass_function(c, context, low, high) for c in draw.components]
    weights = [None if w is None else context.simplify(w) for w in draw.weights]

    def mass(frame: Frame) -> Column:
        shares, valid = row_shares(weights, frame, draw.span)
        inside, known = masses_inside(shares, masses, frame)
        return Column(sum(inside[1:], start=inside[0]), both_valid(valid, known))

    return mass


def masses_inside(
    shares: list[Any], masses: list[Mass], frame: Frame
) -> tuple[list[Any], NDArray[np.bool_] | None]:
    """Shares of components times their mass, and where any that has a share is not null.

    A component that is null in a row lies in no interval: it has no mass there.
    """
    inside: list[Any] = []
    known: Any = False
    for share, mass in zip(shares, masses, strict=True):
        column = mass(frame)
        part, has_value = share * column.values, np.greater(share, 0)
        if column.valid is not None:
            part, has_value = np.where(column.valid, part, 0.0), has_value & column.valid
        inside.append(part)
        known = known | has_value
    return inside, None if np.all(known) else np.broadcast_to(known, frame.rows)


def _choice(draw: ChooseDraw, context: Context, low: Expr, high: Expr) -> Mass:
    branches = (*(d for _, d in draw.branches), draw.otherwise)
    masses = [mass_function(d, context, low, high) for d in branches]
    number = context.simplify(branch_number(draw))

    def mass(frame: Frame) -> Column:
        chosen = evaluate_column(number, frame).values
        total = np.zeros(frame.rows)
        valid = np.ones(frame.rows, np.bool_)
        for branch, component in enumerate(masses):
            rows = np.flatnonzero(chosen == branch)
            if rows.size:
                column = component(frame.some(rows))
                total[rows] = column.values
                valid[rows] = True if column.valid is None else column.valid
        return Column(total, valid)

    return mass


def _categorical(draw: CategoricalDraw, context: Context, low: Expr, high: Expr) -> Mass:
    weights = [None if w is None else context.simplify(w) for w in draw.weights]
    numbers = [np.nan if outcome is None else float(outcome) for outcome in draw.outcomes]

    def mass(frame: Frame) -> Column:
        shares, valid = row_shares(weights, frame, draw.span)
        a, b = evaluate(low, frame), evaluate(high, frame)
        inside: Any = 0.0
        for share, n in zip(shares, numbers, strict=True):
            inside = inside + share * ((a.values <= n) & (n <= b.values))
        return Column(inside, both_valid(valid, both_valid(a.valid, b.valid)))

    return mass


def _truncated(draw: Truncated, context: Context, low: Expr, high: Expr) -> Mass:
    both = narrower(draw, low, high)
    within = mass_function(draw.draw, context, both.low, both.high)
    whole = mass_function(draw.draw, context, draw.low, draw.high)

    def mass(frame: Frame) -> Column:
        part, total = within(frame), whole(frame)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.asarray(part.values) / np.asarray(total.values)
        return Column(np.nan_to_num(share, nan=0.0), both_valid(part.valid, total.valid))

    return mass
