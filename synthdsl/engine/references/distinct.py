"""References that differ among the rows under one parent.

Where these rows choose from the same rows, the choice is made without repetition: with equal
weights one row after the other among those that are left; with others as a whole, given that all
differ. The rows chosen then are a set S with a chance in proportion to the product of its weights,
drawn through elementary symmetric functions (Chen, Dempster and Liu 1994, "Weighted finite
population sampling to maximize entropy"), and are dealt out in random order. Elsewhere all rows
under a parent are drawn again until they differ. Each is the law of independent choices given
that they differ.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.frame import Frame
from synthdsl.engine.references.groups import Numbers
from synthdsl.engine.references.reference import Reference
from synthdsl.engine.references.target_rows import TargetRows
from synthdsl.engine.samplers import BlockDraws, Context, Sampler, row_error
from synthdsl.engine.streams import GOLDEN, mix
from synthdsl.model.draws import RefDraw
from synthdsl.providers._permutation import permuted
from synthdsl.values.columns import Column

MOST_TRIES = 4_096
_SHUFFLE_COST = 64
"""A shuffle of all rows costs as much as so many comparisons with rows that are taken, each."""
_LARGEST_TABLE = 2**24
"""Cells of a table of symmetric functions."""


class UniqueReference(Sampler):
    """Rows of the target that differ in all rows of a table: a keyed permutation."""

    def __init__(self, draw: RefDraw, target: TargetRows, context: Context) -> None:
        self._draw = draw
        self._target = target

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """The row of the target to which the permutation sends each row's number."""
        size = self._target.rows
        beyond = np.flatnonzero(draws.ordinals >= size)
        if beyond.size:
            raise row_error(
                self._draw.span,
                frame,
                int(beyond[0]),
                f"`{self._target.name}` has {size:,} rows, fewer than `{frame.table}`",
                "give it more rows, or remove `distinct`",
            )
        numbers = permuted(draws.ordinals.astype(np.uint64), size, draws.key("permutation"))
        return Column(numbers.astype(np.int64))


class DistinctReference(Sampler):
    """Rows of the target that differ among the rows under one parent."""

    def __init__(self, draw: RefDraw, target: TargetRows | None, context: Context) -> None:
        self._reference = Reference(draw, target, context)
        self._draw = draw
        choosing = self._reference.choosing
        self._is_paired = choosing.left is not None or choosing.pair_weight is not None

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """A number for each row; siblings stand together, all of them."""
        result = np.empty(frame.rows, np.int64)
        if not frame.rows:
            return Column(result)
        candidates = self._reference.choosing.candidates(frame.seed)
        first, last = self._reference.choosing.intervals(frame)
        groups = _Siblings(frame.ordinals)
        self._check_room(first, last, groups, frame)
        is_shared = groups.share(first) & groups.share(last)
        is_shared &= not self._is_paired
        if candidates.levels is not None:
            is_shared &= (last - first)[groups.starts] * (groups.sizes + 1) <= _LARGEST_TABLE
        shared = np.flatnonzero(is_shared)
        if shared.size:
            if candidates.levels is None:
                _deal_equally(shared, groups, first, last, draws, result)
            else:
                self._deal_weighted(shared, groups, first, last, frame, draws, result)
            rows = groups.rows(shared)
            result[rows] = candidates.numbers(result[rows])
        others = np.flatnonzero(~is_shared)
        if others.size:
            self._draw_until_different(others, groups, first, last, frame, draws, result)
        return Column(result)

    def _check_room(self, first: Numbers, last: Numbers, groups: _Siblings, frame: Frame) -> None:
        """Raise where there are more rows under a parent than rows to choose from."""
        empty = self._reference.choosing.candidates(frame.seed).is_empty(first, last)
        if empty.any():
            self._reference.refuse(int(np.flatnonzero(empty)[0]), frame)
        low = np.minimum.reduceat(first, groups.starts)
        high = np.maximum.reduceat(last, groups.starts)
        short = np.flatnonzero(high - low < groups.sizes)
        if short.size:
            self._refuse_group(int(short[0]), int((high - low)[short[0]]), groups, frame)

    def _refuse_group(self, group: int, room: int, groups: _Siblings, frame: Frame) -> None:
        size = int(groups.sizes[group])
        raise row_error(
            self._draw.span,
            frame,
            int(groups.starts[group]),
            f"{size:,} rows under one parent cannot refer to different rows of "
            f"`{self._draw.table}`: there are {room:,} to choose from",
            f"bound the number of rows with `in [0, {room}]`, or remove `distinct`",
        )

    def _deal_weighted(
        self,
        shared: Numbers,
        groups: _Siblings,
        first: Numbers,
        last: Numbers,
        frame: Frame,
        draws: BlockDraws,
        result: Numbers,
    ) -> None:
        """Choose by weights, for all groups at once that choose alike."""
        candidates = self._reference.choosing.candidates(frame.seed)
        starts, sizes = groups.starts[shared], groups.sizes[shared]
        alike = mix(first[starts].view(np.uint64) + GOLDEN)
        for values in (last[starts], sizes):
            alike = mix((alike ^ values.view(np.uint64)) + GOLDEN)
        _, place, kind = np.unique(alike, return_index=True, return_inverse=True)
        kinds = np.stack([first[starts], last[starts], sizes], axis=1)[place]
        u, order = draws.uniform(), draws.uniform("order")
        for number, (low, high, size) in enumerate(kinds.tolist()):
            members = shared[kind == number]
            weights = candidates.weights(np.arange(low, high)).astype(np.float64)
            weighted = np.flatnonzero(weights)
            if len(weighted) < size:
                self._refuse_group(int(members[0]), len(weighted), groups, frame)
            rows = groups.starts[members][:, None] + np.arange(size)
            chosen = weighted[chosen_sets(weights[weighted], u[rows])]
            ranks = np.argsort(np.argsort(order[rows], axis=1), axis=1)
            result[rows] = low + np.take_along_axis(chosen, ranks, axis=1)

    def _draw_until_different(
        self,
        waiting: Numbers,
        groups: _Siblings,
        first: Numbers,
        last: Numbers,
        frame: Frame,
        draws: BlockDraws,
        result: Numbers,
    ) -> None:
        for attempt in range(MOST_TRIES):
            rows = groups.rows(waiting)
            part = draws.at(rows)
            if attempt:
                part = part.named(f"try {attempt}")
            numbers = self._reference.chosen(first[rows], last[rows], frame.some(rows), part)
            result[rows] = numbers
            waiting = waiting[_repeats(numbers, groups.sizes[waiting])]
            if not waiting.size:
                return
        group = int(waiting[0])
        raise row_error(
            self._draw.span,
            frame,
            int(groups.starts[group]),
            f"the {int(groups.sizes[group]):,} rows under one parent did not come to refer to "
            f"different rows of `{self._draw.table}` in {MOST_TRIES:,} tries",
            "fewer rows, more rows to choose from, or a condition that is the same for all of them",
        )


class _Siblings:
    """Groups of rows that stand together, each with all rows under its parent."""

    def __init__(self, ordinals: NDArray[np.int64]) -> None:
        self.starts = np.flatnonzero(ordinals == 0)
        assert len(self.starts) and self.starts[0] == 0, "siblings are drawn together"
        self.sizes = np.diff(np.append(self.starts, len(ordinals)))

    def share(self, values: Numbers) -> NDArray[np.bool_]:
        """The groups whose rows agree in `values`."""
        return np.asarray(
            np.minimum.reduceat(values, self.starts) == np.maximum.reduceat(values, self.starts)
        )

    def rows(self, groups: Numbers) -> Numbers:
        """All rows of some groups, in order."""
        sizes = self.sizes[groups]
        ends = np.cumsum(sizes)
        offsets: Numbers = np.repeat(self.starts[groups] - ends + sizes, sizes)
        return offsets + np.arange(ends[-1])


def _repeats(numbers: Numbers, sizes: Numbers) -> NDArray[np.bool_]:
    """Which groups, of the given sizes, have a number twice."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((numbers, group))
    is_same = (numbers[order][1:] == numbers[order][:-1]) & (group[order][1:] == group[order][:-1])
    result = np.zeros(len(sizes), np.bool_)
    result[group[order][1:][is_same]] = True
    return result


def _deal_equally(
    shared: Numbers,
    groups: _Siblings,
    first: Numbers,
    last: Numbers,
    draws: BlockDraws,
    result: Numbers,
) -> None:
    """One row after the other takes one of the positions that are left."""
    sizes = groups.sizes[shared]
    is_large = sizes**2 > _SHUFFLE_COST * (last - first)[groups.starts[shared]]
    if is_large.any():
        _shuffle(shared[is_large], groups, first, last, draws, result)
        shared = shared[~is_large]
    u = draws.uniform()
    for members in _by_size(groups.sizes[shared]):
        starts, sizes = groups.starts[shared[members]], groups.sizes[shared[members]]
        low, room = first[starts], (last - first)[starts]
        taken = np.zeros((len(starts), int(sizes[0])), np.int64)
        for level in range(int(sizes[0])):
            # the sizes decrease: groups that have a row of this index stand first
            count = int(np.searchsorted(-sizes, -level))
            rows = starts[:count] + level
            place = (u[rows] * (room[:count] - level)).astype(np.int64)
            before = taken[:count, :level]
            place += (before - np.arange(level) <= place[:, None]).sum(axis=1)
            result[rows] = low[:count] + place
            taken[:count, level] = place
            taken[:count, : level + 1].sort(axis=1)


def _shuffle(
    large: Numbers,
    groups: _Siblings,
    first: Numbers,
    last: Numbers,
    draws: BlockDraws,
    result: Numbers,
) -> None:
    """The first of all positions in the order of a hash keyed by the group's first row."""
    keys = draws.bits("order")
    for start, size in zip(groups.starts[large], groups.sizes[large], strict=True):
        positions = np.arange(last[start] - first[start])
        hashed = mix(positions.astype(np.uint64) * GOLDEN + keys[start])
        order = np.argsort(hashed, kind="stable")[:size]
        result[start : start + size] = first[start] + order


def _by_size(sizes: Numbers) -> Iterator[Numbers]:
    """Groups of about the same size, the largest of each batch first."""
    order = np.argsort(-sizes, kind="stable")
    classes = np.frexp(sizes[order].astype(np.float64))[1]
    for size_class in np.unique(classes):
        yield order[classes == size_class]


def chosen_sets(weights: NDArray[np.float64], u: NDArray[np.float64]) -> Numbers:
    """Sets of `u.shape[1]` different items, each with a chance in proportion to the product of
    its `weights` (positive), one for each row of uniforms `u`: item numbers, increasing.

    With e[j, r] the sum of the products over all sets of j of the last r items, the next item of a
    set that has j left to come is one of the last r with chance e[j, r] / e[j, all that are left].
    """
    count, size = len(weights), u.shape[1]
    e = symmetric_functions(weights / weights.sum(), size)
    chosen = np.empty(u.shape, np.int64)
    now = np.zeros(len(u), np.int64)
    for level in range(size):
        left = size - level
        # the next item is the last place where e is still above u * e[left, count - now]
        wanted = u[:, level] * e[left][count - now]
        place = count - np.searchsorted(e[left], wanted, side="right")
        place = np.clip(place, now, count - left)
        chosen[:, level] = place
        now = place + 1
    return chosen


def symmetric_functions(weights: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """e[j, r]: elementary symmetric function of order j, up to `most`, of the last r weights."""
    e = np.zeros((most + 1, len(weights) + 1))
    e[0] = 1.0
    backwards = weights[::-1]
    for order in range(1, most + 1):
        # with a further weight w, e[j] grows by w e[j - 1]
        np.cumsum(backwards * e[order - 1, :-1], out=e[order, 1:])
    return e
