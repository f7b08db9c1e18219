"""Samplers of draws that rows under one parent make together: sorted, and Gaussian processes.

The rows of a frame stand by parent, in order of `index`, and none is missing. Nothing is added
up across parents, so that no parent's rows depend, bit for bit, on which others are in the block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from synthdsl.engine.evaluate import evaluate, evaluate_column
from synthdsl.engine.frame import Frame
from synthdsl.engine.parameters import checked_parameters, is_all_null
from synthdsl.engine.results import filled_mask
from synthdsl.engine.samplers import BlockDraws, Context, NullDraw, Sampler, row_error
from synthdsl.model.draws import SequenceDraw, SortedDraw
from synthdsl.model.expressions import Expr
from synthdsl.model.sequence_draws import as_distribution
from synthdsl.values.columns import Column

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

WIDEST_KEY = 1 << 62
"""Sorting keys of group and value that an int64 holds."""
MOST_SMALL = 1 << 16
"""Group numbers of 16 bits are sorted by digits, which is faster."""


class Siblings:
    """The groups of rows under one parent, from positions in their group: (n,) int64.

    `starts` and `counts` are those of the groups in order, `group` the number of each row's.
    """

    def __init__(self, ordinals: Whole) -> None:
        self.rows = len(ordinals)
        is_start = ordinals == 0
        self.starts = np.flatnonzero(is_start)
        self.counts = np.diff(np.append(self.starts, self.rows))
        self.group = np.cumsum(is_start) - 1
        self._ordinals = ordinals

    def levels(self) -> tuple[Whole, Whole]:
        """Rows in order of their position, and where each position's begin and the last end.

        At each position the groups stand in one order, the longest first: those of a position
        are the first of those of the position before.
        """
        longest_first = np.argsort(-self.counts, kind="stable")
        rank = np.empty(len(self.counts), np.int64)
        rank[longest_first] = np.arange(len(self.counts))
        sizes = np.bincount(self._ordinals)
        ends = np.concatenate([[0], np.cumsum(sizes)])
        place = ends[self._ordinals] + rank[self.group]
        order = np.empty(self.rows, np.int64)
        order[place] = np.arange(self.rows)
        return order, ends


# sorted


class Sorted(Sampler):
    """Draws of the rows under one parent, relabelled in increasing order."""

    def __init__(self, draw: SortedDraw, inner: Sampler, context: Context) -> None:
        self._inner = inner

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """The values of each group in order; equal ones cannot be told apart."""
        drawn = self._inner.sample(frame, draws)
        assert isinstance(drawn, Column)
        if not frame.rows:
            return drawn
        # where the draw's type says that no value is null, a mask says so, too
        values = np.asarray(drawn.values)
        return Column(sorted_within(values, frame.ordinals), drawn.valid, drawn.vocabulary)


def sorted_within(values: NDArray[Any], ordinals: Whole) -> NDArray[Any]:
    """(n,) values in order within each group of rows, whose positions are `ordinals`."""
    group = np.cumsum(ordinals == 0) - 1
    groups = int(group[-1]) + 1
    if groups == 1:
        return np.sort(values)
    if values.dtype == np.int64:
        least = int(values.min())
        width = int(values.max()) - least + 1
        if width * groups < WIDEST_KEY:
            # one key of group and value: rows of a group keep together
            base = group * width
            key = base + (values - least)
            key.sort()
            return np.asarray(key - base + least)
    order = np.argsort(values, kind="stable")
    numbers = group.astype(np.uint16) if groups <= MOST_SMALL else group
    by_group = order[np.argsort(numbers[order], kind="stable")]
    return np.asarray(values[by_group])


# processes


class Sequence(Sampler):
    """A path over the rows of each group: from one standard normal a row, level by level."""

    def __init__(self, draw: SequenceDraw, context: Context) -> None:
        self._context = context
        parameters = tuple(context.simplify(p) for p in draw.parameters)
        self._draw = as_distribution(draw)
        self._parameters = parameters
        self._at: Expr | None = None if draw.at is None else context.simplify(draw.at)
        self._is_walk = draw.process.name == "random_walk"

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """The path, rounded to the grid once it is drawn; null where a parameter is."""
        columns = [evaluate(p, frame) for p in self._parameters]
        if not frame.rows or is_all_null(columns):
            return NullDraw(self._context).sample(frame, draws)
        values, valid = checked_parameters(self._draw, columns, frame)
        siblings = Siblings(frame.ordinals)
        z = ndtri(draws.uniform())
        if self._is_walk:
            start, sd, drift = values
            path = walk(siblings, start, drift + sd * z)
        else:
            mean, sd, persistence = values
            if self._at is not None:
                persistence = self._persistence(self._at, persistence, frame)
            path = mean + sd * autoregression(siblings, persistence, z)
        rounded = self._context.grid.round(np.asarray(path, np.float64))
        return Column(rounded, filled_mask(valid, frame.rows))

    def _persistence(self, at: Expr, half_life: Any, frame: Frame) -> Floats:
        """The correlation of each row with the one before it; 0 in the first of a group."""
        time = np.asarray(evaluate_column(at, frame).values)
        gap = np.zeros(frame.rows)
        gap[1:] = time[1:] - time[:-1]
        is_first = frame.ordinals == 0
        gap[is_first] = 0.0
        if (gap < 0).any():
            row = int(np.flatnonzero(gap < 0)[0])
            raise row_error(
                at.span,
                frame,
                row,
                f"the time of `{self._draw.distribution.name}` is before that of the row before",
                "let times rise under each parent: draw them `sorted`, or add gaps to `prev`",
            )
        persistence: Floats = np.exp2(-(gap / half_life))
        persistence[is_first] = 0.0
        return persistence


def autoregression(siblings: Siblings, persistence: Any, z: Floats) -> Floats:
    """w[0] = z[0], w[k] = p[k] w[k-1] + sqrt(1 - p[k]^2) z[k] in each group: (n,) float64.

    `persistence`: a number or (n,); that of a group's first row is not used.
    """
    order, ends = siblings.levels()
    path = (np.sqrt((1 - persistence) * (1 + persistence)) * z)[order]
    path[: ends[1]] = z[order[: ends[1]]]
    shares = persistence[order] if np.ndim(persistence) else None
    for before, low, high in _neighbours(ends):
        share = persistence if shares is None else shares[low:high]
        path[low:high] += share * path[before : before + high - low]
    return _by_row(path, order)


def walk(siblings: Siblings, start: Any, steps: Floats) -> Floats:
    """x[0] = start, x[k] = x[k-1] + steps[k] in each group: (n,) float64.

    `start`: a number or (n,), of which those of first rows count.
    """
    order, ends = siblings.levels()
    path = steps[order]
    path[: ends[1]] = start[order[: ends[1]]] if np.ndim(start) else start
    for before, low, high in _neighbours(ends):
        path[low:high] += path[before : before + high - low]
    return _by_row(path, order)


def _neighbours(ends: Whole) -> Iterator[tuple[int, int, int]]:
    """For each position but the first: where that before begins, where it begins, and ends."""
    edges = ends.tolist()
    return zip(edges[:-2], edges[1:-1], edges[2:], strict=True)


def _by_row(path: Floats, order: Whole) -> Floats:
    result = np.empty(len(path))
    result[order] = path
    return result
