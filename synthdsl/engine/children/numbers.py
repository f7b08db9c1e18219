"""How many rows of a table there are under each parent: the law, by groups of alike parents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.evaluate import evaluate, evaluate_column
from synthdsl.engine.frame import Frame
from synthdsl.engine.masses import mass_function
from synthdsl.engine.samplers import Context, Simplify
from synthdsl.model.domains import draw_bounds
from synthdsl.model.draws import (
    CategoricalDraw,
    ChooseDraw,
    DistributionDraw,
    DrawNode,
    FixedDraw,
    MixtureDraw,
    Truncated,
    expressions_of,
)
from synthdsl.model.expressions import Constant, Expr, FieldRef
from synthdsl.model.nulls import may_be_null
from synthdsl.model.spec import Field
from synthdsl.values.columns import Column

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]
TAIL = 2.0**-60
"""Chance beyond the numbers that are looked at."""
FIRST_SUPPORT = 16
MOST_SUPPORT = 1 << 16
MOST_CELLS = 1 << 21
"""Groups times numbers that are looked at together."""
LIGHT = ("poisson", "binomial", "negative_binomial", "geometric", "discrete_uniform", "bernoulli")
LOW, HIGH = "#low", "#high"


@dataclass(frozen=True, eq=False)
class NumberTable:
    """Some parents and their laws: the parent `at[i]` has `start[group[i]] + j` rows with chance
    `masses[group[i], j]`.
    """

    at: Positions
    group: Positions
    start: Positions
    masses: Floats


def is_light(draw: DrawNode) -> bool:
    """Whether a number of rows is drawn by a law that is known and falls off quickly."""
    if may_be_null(draw) is not None:
        return False
    if isinstance(draw, FixedDraw):
        value = draw.value.value if isinstance(draw.value, Constant) else None
        return isinstance(value, int) and 0 <= value < MOST_SUPPORT
    if isinstance(draw, CategoricalDraw):
        return all(isinstance(o, int) and 0 <= o < MOST_SUPPORT for o in draw.outcomes)
    if isinstance(draw, MixtureDraw):
        return all(is_light(c) for c in draw.components)
    if isinstance(draw, ChooseDraw):
        return all(is_light(d) for d in (*(d for _, d in draw.branches), draw.otherwise))
    if isinstance(draw, Truncated):
        bounds = draw_bounds(draw)
        if isinstance(draw.draw, DistributionDraw) and bounds is not None:
            return bounds[0] >= 0 and bounds[1] < MOST_SUPPORT
        return is_light(draw.draw)
    if not isinstance(draw, DistributionDraw) or draw.distribution.name not in LIGHT:
        return False
    if draw.distribution.name == "discrete_uniform":
        bounds = draw_bounds(draw)
        return bounds is not None and bounds[0] >= 0 and bounds[1] < MOST_SUPPORT
    return True


class NumberLaw:
    """The law of the latent field that says how many rows of a table each parent has.

    `is_made`: the rows are there already. `value`: the number, where it is not drawn.
    """

    def __init__(
        self, field: Field, value: Expr | None, simplify: Simplify, *, is_made: bool = False
    ) -> None:
        self.is_made = is_made
        if is_made:
            value = FieldRef(field.type, field.span, field.name)
        self.value = value
        self._constant: tuple[Positions, Floats] | None = None
        if value is not None:
            return
        assert field.draw is not None
        context = Context(field, simplify, vocabulary=None, parts=frozenset(), by_level=False)
        low, high = (FieldRef(field.type, field.span, name) for name in (LOW, HIGH))
        self._mass = mass_function(field.draw, context, low, high)
        self._reads = [simplify(e) for e in expressions_of(field.draw)]
        self._is_constant = all(isinstance(e, Constant) for e in self._reads)

    def tables(self, frame: Frame) -> list[NumberTable]:
        """The laws of all parents in `frame`, each in one table."""
        every = np.arange(frame.rows, dtype=np.int64)
        if self.value is not None:
            found = evaluate_column(self.value, frame)
            values = found.values if found.valid is None else np.where(found.valid, found.values, 0)
            start, group = np.unique(values, return_inverse=True)
            return [NumberTable(every, group, start.astype(np.int64), np.ones((len(start), 1)))]
        if not frame.rows:
            return []
        if self._is_constant:
            if self._constant is None:
                (_, only), *_ = self._masses(frame.some(np.zeros(1, np.int64)))
                self._constant = np.zeros(1, np.int64), only
            group = np.zeros(frame.rows, np.int64)
            return [NumberTable(every, group, *self._constant)]
        first, group = self._alike(frame)
        tables = []
        place = np.empty(len(first), np.int64)
        for own, masses in self._masses(frame.some(first)):
            place[:] = -1
            place[own] = np.arange(len(own))
            at = np.flatnonzero(place[group] >= 0)
            zeros = np.zeros(len(own), np.int64)
            tables.append(NumberTable(at, place[group[at]], zeros, masses))
        return tables

    def _alike(self, frame: Frame) -> tuple[Positions, Positions]:
        """A parent of each kind that the law can tell apart, and the kind of each."""
        kinds = np.zeros(frame.rows, np.int64)
        for expression in self._reads:
            if isinstance(expression, Constant):
                continue
            column = evaluate(expression, frame)
            if np.ndim(column.values) == 0:
                continue
            _, own = np.unique(column.values, return_inverse=True)
            if column.valid is not None:
                own = np.where(column.valid, own + 1, 0)
            _, kinds = np.unique(kinds * (int(own.max()) + 1) + own, return_inverse=True)
        _, first, group = np.unique(kinds, return_index=True, return_inverse=True)
        return first, group

    def _masses(self, frame: Frame) -> Iterable[tuple[Positions, Floats]]:
        """The rows of a frame by how far their laws reach, and the masses from 0 on.

        Each row's is as long as its own tail needs, whatever rows are beside it.
        """
        waiting = np.arange(frame.rows, dtype=np.int64)
        size = FIRST_SUPPORT
        while waiting.size:
            tail = self._inside(frame.some(waiting), np.full(waiting.size, float(size)), np.inf)
            is_done = (tail <= TAIL) | (size >= MOST_SUPPORT)
            done = waiting[is_done]
            step = max(1, MOST_CELLS // size)
            for start in range(0, done.size, step):
                own = done[start : start + step]
                numbers = np.tile(np.arange(size, dtype=np.float64), own.size)
                part = frame.some(np.repeat(own, size))
                yield own, self._inside(part, numbers, numbers).reshape(own.size, size)
            waiting = waiting[~is_done]
            size *= 4

    def _inside(self, frame: Frame, low: Floats, high: Any) -> Floats:
        frame.columns[LOW] = Column(low)
        frame.columns[HIGH] = Column(np.broadcast_to(np.asarray(high, np.float64), frame.rows))
        return np.array(np.broadcast_to(self._mass(frame).values, frame.rows), np.float64)
