"""Samplers of weighted outcomes, and shares that vary by row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.choices import Chooser
from synthdsl.engine.evaluate import evaluate
from synthdsl.engine.frame import Frame
from synthdsl.engine.lookup_index import raw_column
from synthdsl.engine.results import filled_mask
from synthdsl.engine.samplers import BlockDraws, Context, Sampler, in_vocabulary, row_error, taken
from synthdsl.model.draws import CategoricalDraw
from synthdsl.model.expressions import Constant, Expr
from synthdsl.source import Span
from synthdsl.values.columns import Column, both_valid


def categorical_sampler(draw: CategoricalDraw, context: Context) -> Sampler:
    """The sampler of weighted outcomes."""
    weights = [None if w is None else context.simplify(w) for w in draw.weights]
    if all(w is None or isinstance(w, Constant) for w in weights):
        return ConstantCategorical(draw, context)
    return RowCategorical(draw, weights, context)


class ConstantCategorical(Sampler):
    """Constant weights: choice by a guide table, or one comparison for two outcomes."""

    def __init__(self, draw: CategoricalDraw, context: Context) -> None:
        order = _level_order(draw, context)
        shares = constant_shares(draw.weights)[order]
        self._outcomes = _Outcomes(_reordered(draw, order), context)
        self._threshold = None
        if len(shares) == 2 and 0 < shares[0] < 1:
            self._threshold = np.uint64(round(float(shares[0]) * 2.0**52)) << np.uint64(12)
        self._chooser = Chooser([shares])

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """An outcome for each row's hash."""
        bits = draws.bits()
        if self._threshold is not None:
            return self._outcomes.of(np.greater_equal(bits, self._threshold).astype(np.int32))
        return self._outcomes.of(self._chooser.choose(bits))


class RowCategorical(Sampler):
    """Weights that vary by row."""

    def __init__(self, draw: CategoricalDraw, weights: list[Expr | None], context: Context) -> None:
        order = _level_order(draw, context)
        self._outcomes = _Outcomes(_reordered(draw, order), context)
        self._weights = [weights[i] for i in order]
        self._span = draw.span

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """An outcome by each row's own shares."""
        shares, valid = row_shares(self._weights, frame, self._span)
        numbers = choose_by_shares(shares, draws.uniform())
        column = self._outcomes.of(numbers)
        return Column(column.values, both_valid(column.valid, valid), column.vocabulary)


class TruncatedCategorical(Sampler):
    """Weights over numbers, truncated to an interval that may vary by row."""

    def __init__(self, draw: CategoricalDraw, low: Expr, high: Expr, context: Context) -> None:
        draw = _reordered(draw, _level_order(draw, context))
        self._outcomes = _Outcomes(draw, context)
        self._numbers = [np.nan if o is None else float(o) for o in draw.outcomes]
        self._weights = [None if w is None else context.simplify(w) for w in draw.weights]
        self._bounds = (low, high)
        self._span = draw.span

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """An outcome inside each row's interval; raises `RowError` where there is none."""
        shares, valid = row_shares(self._weights, frame, self._span)
        low, high = (evaluate(bound, frame) for bound in self._bounds)
        valid = filled_mask(both_valid(valid, both_valid(low.valid, high.valid)), frame.rows)
        kept = [
            share * ((low.values <= n) & (n <= high.values))
            for share, n in zip(shares, self._numbers, strict=True)
        ]
        kept = shares_inside(kept, valid, frame, self._span, "no outcome lies")
        column = self._outcomes.of(choose_by_shares(kept, draws.uniform()))
        return Column(column.values, both_valid(column.valid, valid), column.vocabulary)


class _Outcomes:
    """The outcomes of weights as a column, and the numbering of outcomes to its rows."""

    def __init__(self, draw: CategoricalDraw, context: Context) -> None:
        self.column = in_vocabulary(raw_column(list(draw.outcomes), context.field.type), context)
        self.is_identity = (
            self.column.vocabulary is not None
            and self.column.valid is None
            and np.array_equal(self.column.values, np.arange(len(draw.outcomes)))
        )

    def of(self, numbers: NDArray[np.int32]) -> Column:
        if self.is_identity:
            return Column(numbers, None, self.column.vocabulary)
        return taken(self.column, numbers)


def _level_order(draw: CategoricalDraw, context: Context) -> list[int]:
    """Outcomes as declared, or increasing where the draw must increase with its uniform."""
    order = list(range(len(draw.outcomes)))
    if context.by_level:
        order.sort(key=lambda i: (draw.outcomes[i] is None, draw.outcomes[i]))
    return order


def _reordered(draw: CategoricalDraw, order: list[int]) -> CategoricalDraw:
    outcomes = tuple(draw.outcomes[i] for i in order)
    return CategoricalDraw(draw.span, outcomes, tuple(draw.weights[i] for i in order))


# shares


def constant_shares(weights: tuple[Expr | None, ...]) -> NDArray[np.float64]:
    """Constant weights as shares, `rest` written out."""
    known = [
        0.0 if w is None else float(w.value)
        for w in weights
        if w is None or isinstance(w, Constant)
    ]
    rest = max(0.0, 1.0 - sum(known))
    return np.array([rest if w is None else k for w, k in zip(weights, known, strict=True)])


def row_shares(weights: list[Expr | None], frame: Frame, span: Span) -> tuple[list[Any], Any]:
    """Shares of each outcome by row, `rest` written out, and where none is null.

    Raises `RowError` where they are no shares.
    """
    columns = [None if w is None else evaluate(w, frame) for w in weights]
    valid = None
    total: Any = 0.0
    for column in columns:
        if column is not None:
            valid = both_valid(valid, column.valid)
            total = total + column.values
    has_rest = any(column is None for column in columns)
    values = [np.maximum(1.0 - total, 0.0) if c is None else c.values for c in columns]
    wrong = np.asarray(total > 1 + 1e-9) if has_rest else np.asarray(np.abs(total - 1) > 1e-9)
    for value in values:
        wrong = wrong | np.asarray(value < 0)
    if valid is not None:
        wrong = wrong & valid
    if wrong.any():
        row = int(np.flatnonzero(np.broadcast_to(wrong, frame.rows))[0])
        shown = ", ".join(
            f"{float(np.broadcast_to(np.asarray(v), frame.rows)[row]):.6g}" for v in values
        )
        raise row_error(
            span,
            frame,
            row,
            f"the weights are no shares of 100 %: {shown}",
            "make them total 1, or give one entry `rest`",
        )
    return values, filled_mask(valid, frame.rows)


def choose_by_shares(shares: list[Any], u: NDArray[np.float64]) -> NDArray[np.int32]:
    """The number of the outcome whose cumulated share passes `u`."""
    number = np.zeros(len(u), np.int32)
    reached: Any = 0.0
    for share in shares[:-1]:
        reached = reached + share
        number += u >= reached
    return number


def shares_inside(
    shares: list[Any], valid: Any, frame: Frame, span: Span, nothing: str
) -> list[Any]:
    """Shares inside an interval over their total; raises where a row has none."""
    total = np.broadcast_to(np.asarray(sum(shares)), frame.rows)
    is_empty = ~(total > 0)
    if valid is not None:
        is_empty &= valid
    if is_empty.any():
        row = int(np.flatnonzero(is_empty)[0])
        raise row_error(span, frame, row, f"{nothing} inside the interval")
    with np.errstate(invalid="ignore", divide="ignore"):
        return [share / total for share in shares]
