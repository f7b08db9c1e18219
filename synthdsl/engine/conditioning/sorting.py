"""Ordering chains: independent draws of one distribution, sorted.

Where ties have no probability, or the chain is strict, the law of `x1 < … < xk` is that of the
sorted draws (David and Nagaraja, Order Statistics, 2003, 2.2). On a grid, neighbours of a chain
`x1 <= … <= xk` may be equal: see `ties`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.conditioning.linear import Comparison
from synthdsl.engine.conditioning.proposals import FillField
from synthdsl.engine.conditioning.sum_families import part_of
from synthdsl.engine.conditioning.ties import Ties
from synthdsl.engine.frame import Frame
from synthdsl.model.draws import (
    CategoricalDraw,
    ChooseDraw,
    DistributionDraw,
    DrawNode,
    FixedDraw,
    LookupDraw,
    MixtureDraw,
    Truncated,
    fields_drawn_from,
    inner_draws,
)
from synthdsl.model.expressions import Expr, FieldRef
from synthdsl.model.nulls import may_be_null
from synthdsl.model.spec import Field
from synthdsl.plan.lower import TablePlan
from synthdsl.source import Span
from synthdsl.values.columns import Column
from synthdsl.values.types import ORDERED

MOST_TIED = 7
"""Longest chain whose patterns of ties (2**(k - 1) of them) are worked out."""
OF_A_ROW = (
    CategoricalDraw
    | ChooseDraw
    | DistributionDraw
    | FixedDraw
    | LookupDraw
    | MixtureDraw
    | Truncated
)
"""Draws that a row makes by itself; others tell rows of a table apart, or make them agree."""
STEPPED = frozenset({"empirical"})
"""Continuous distributions that may put a probability on one value."""
COST, COST_OF_TIES = 1.2, 5.0
"""Work for a row, in those of plain draws: sorting alone, and with patterns of ties."""


def sorting_proposal(
    free: Sequence[str],
    comparisons: Iterable[Comparison],
    table: TablePlan,
    fill_field: FillField,
) -> SortingProposal | None:
    """The proposal for the longest ordering chain among the `free` fields (in order of
    drawing); None where `comparisons` make no chain of independent draws of one distribution.

    What is no part of the chain is left to the engine's check of the rules.
    """
    links = _links(comparisons, table.table.fields, set(free))
    best: SortingProposal | None = None
    for chain in _chains(links):
        found = _proposal(chain, links, free, table, fill_field)
        if found is not None and (best is None or found.mass < best.mass):
            best = found
    return best


# what stands in order

Links = dict[tuple[str, str], bool]
"""Pairs of fields, the lesser first; whether they must differ."""


def _links(comparisons: Iterable[Comparison], table: dict[str, Field], free: set[str]) -> Links:
    links: Links = {}
    for comparison in comparisons:
        left, right = comparison.left, comparison.right
        if comparison.operator not in ("<", "<=", ">", ">="):
            continue
        if not (isinstance(left, FieldRef) and isinstance(right, FieldRef)):
            continue
        pair = (left.field, right.field)
        if comparison.operator in (">", ">="):
            pair = (pair[1], pair[0])
        if pair[0] != pair[1] and set(pair) <= free and {left.field, right.field} <= set(table):
            links[pair] = links.get(pair, False) or comparison.operator in ("<", ">")
    return links


def _chains(links: Links) -> list[tuple[str, ...]]:
    """Longest chains of neighbours that share no field; none where the order is a circle."""
    chains: list[tuple[str, ...]] = []
    left = list(dict.fromkeys(name for pair in links for name in pair))
    while left:
        longest = _longest(left, links)
        if len(longest) < 2:
            break
        chains.append(longest)
        left = [name for name in left if name not in longest]
    return chains


def _longest(names: list[str], links: Links) -> tuple[str, ...]:
    """The longest chain of `names`, each from below: its tail is known before it is."""
    upper = {name: [high for low, high in links if low == name and high in names] for name in names}
    tails: dict[str, tuple[str, ...]] = {}
    while len(tails) < len(names):
        ready = [n for n in names if n not in tails and all(high in tails for high in upper[n])]
        if not ready:
            return ()
        for name in ready:
            tail = max((tails[high] for high in upper[name]), key=len, default=())
            tails[name] = (name, *tail)
    return max(tails.values(), key=len)


def same_draw(first: Any, second: Any) -> bool:
    """Whether two draws or expressions say the same, wherever they stand."""
    if isinstance(first, Expr | DrawNode) or is_dataclass(first):
        if type(first) is not type(second):
            return False
        return all(
            same_draw(getattr(first, item.name), getattr(second, item.name))
            for item in fields(first)
            if item.name != "span"
        )
    if isinstance(first, tuple) and isinstance(second, tuple):
        pairs = zip(first, second, strict=False)
        return len(first) == len(second) and all(same_draw(a, b) for a, b in pairs)
    return first is second or (not isinstance(first, Span) and bool(first == second))


def _are_alike(chain: tuple[str, ...], table: TablePlan) -> bool:
    """Whether the fields are independent draws of one distribution, never null."""
    plans = [table.fields[name] for name in chain]
    first = plans[0].field
    if first.draw is None or may_be_null(first.draw) is not None:
        return False
    if first.type.kind not in ORDERED or fields_drawn_from(first.draw) & set(chain):
        return False
    if not all(isinstance(draw, OF_A_ROW) for draw in inner_draws(first.draw)):
        return False
    return all(
        plan.correlation is None
        and plan.field.draw is not None
        and plan.field.type.nullable(False) == first.type.nullable(False)
        and same_draw(plan.field.draw, first.draw)
        for plan in plans
    )


def _proposal(
    chain: tuple[str, ...],
    links: Links,
    free: Sequence[str],
    table: TablePlan,
    fill_field: FillField,
) -> SortingProposal | None:
    if not _are_alike(chain, table):
        return None
    apart = {
        (i, j)
        for i, low in enumerate(chain)
        for j, high in enumerate(chain)
        if links.get((low, high), False)
    }
    ties = None
    if any((i, i + 1) not in apart for i in range(len(chain) - 1)):
        draw = table.fields[chain[0]].field.draw
        assert draw is not None
        part = part_of(table.fields[chain[0]])
        if not _is_continuous(draw, table.fields[chain[0]].field):
            if part is None or len(chain) > MOST_TIED:
                return None
            ties = Ties.of(part, len(chain), apart)
    return SortingProposal(chain, free, fill_field, ties)


def _is_continuous(draw: DrawNode, field: Field) -> bool:
    """Whether two draws are equal with probability zero."""
    inner = draw.draw if isinstance(draw, Truncated) else draw
    return (
        field.step is None
        and isinstance(inner, DistributionDraw)
        and not inner.distribution.is_discrete
        and inner.distribution.name not in STEPPED
    )


# drawing


class SortingProposal:
    """Draws the fields of a chain, sorts them, and draws every other field as declared."""

    name = "sorting"

    def __init__(
        self,
        chain: tuple[str, ...],
        free: Sequence[str],
        fill_field: FillField,
        ties: Ties | None,
    ) -> None:
        self.chain = chain
        self.detail = f"{', '.join(chain)} drawn alike and sorted"
        self._free = free
        self._fill_field = fill_field
        self._ties = ties
        self.cost = COST if ties is None else COST_OF_TIES
        self.mass = 1 / math.factorial(len(chain))
        if ties is not None:
            self.mass = float(ties.weights.sum())
            self._levels = np.cumsum(ties.weights) / self.mass

    def fill(self, frame: Frame) -> NDArray[np.bool_] | None:
        """Draw all fields in order; sort the chain where its first field stands.

        The mask tells the rows in which a pattern of ties counts.
        """
        done: set[str] = set()
        accepted: NDArray[np.bool_] | None = None
        for name in self._free:
            if name in done:
                continue
            if name not in self.chain:
                self._fill_field(name, frame)
                continue
            accepted = self._fill_chain(frame)
            done |= set(self.chain)
        return accepted

    def _fill_chain(self, frame: Frame) -> NDArray[np.bool_] | None:
        for name in self.chain:
            self._fill_field(name, frame)
        values = [frame.column(name).values for name in self.chain]
        ordered = sorted_rows(values)
        accepted = None
        if self._ties is not None:
            accepted = self._tie(self._ties, values, ordered, frame)
        for name, column in zip(self.chain, ordered, strict=True):
            frame.columns[name] = Column(column)
        return accepted

    def _tie(
        self, ties: Ties, values: list[NDArray[Any]], ordered: list[NDArray[Any]], frame: Frame
    ) -> NDArray[np.bool_]:
        """Give each row its pattern, in place; the rows that count."""
        draws = frame.draws(self.chain[0])
        number = np.searchsorted(self._levels, draws.uniform("ties"), side="right")
        number = np.minimum(number, len(self._levels) - 1)
        accepted = np.ones(frame.rows, np.bool_)
        for low, high in pairwise(ordered):
            accepted &= low < high
        for index in np.unique(number).tolist():
            pattern = ties.patterns[index]
            if len(pattern) == len(values):
                continue
            rows = np.flatnonzero(number == index)
            distinct = sorted_rows([column[rows] for column in values[: len(pattern)]])
            counts = np.ones(len(rows), np.bool_)
            for low, high in pairwise(distinct):
                counts &= low < high
            chance = np.ones(len(rows))
            place = 0
            for value, run in zip(distinct, pattern, strict=True):
                if run > 1:
                    chance *= ties.values.chances(value) ** (run - 1)
                for _ in range(run):
                    ordered[place][rows] = value
                    place += 1
            counts &= draws.uniform("tied", at=rows) < chance
            accepted[rows] = counts
        return accepted


def sorted_rows(columns: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """The columns with every row in ascending order; new arrays.

    A few columns are sorted by comparing neighbours in turn (Knuth, The Art of Computer
    Programming 3, 5.3.4), which is quicker than sorting short rows one by one.
    """
    size = len(columns)
    if size > 8:
        block = np.sort(np.stack(columns, axis=1), axis=1)
        return [np.ascontiguousarray(block[:, i]) for i in range(size)]
    result = list(columns)
    for turn in range(size):
        for i in range(turn % 2, size - 1, 2):
            low, high = result[i], result[i + 1]
            result[i], result[i + 1] = np.minimum(low, high), np.maximum(low, high)
    return [np.array(column) for column in result] if size == 1 else result
