"""Uniform draws of the derivations of a regular expression, by counting.

The tree is compiled into steps that fill columns of one byte matrix: a run of characters is a
layout; a branch picks an option with probability proportional to its number of derivations; a
repeat picks its number of copies the same way. Options share columns, and columns that a row
does not use stay zero and are left out at the end. Source: P. Flajolet, P. Zimmermann and B. Van
Cutsem, "A calculus for the random generation of labelled combinatorial structures" (1994),
the counting method, here for regular languages.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from synthdsl.lazy import lazy
from synthdsl.providers._byte_text import Layout, fixed_text, ragged_text
from synthdsl.providers._regular_syntax import Branch, Choice, Node, Repeat, Sequence
from synthdsl.values.columns import Column
from synthdsl.values.draws import Draws

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Rows = NDArray[np.int64] | None
else:
    np = lazy("numpy")


@dataclass(frozen=True, eq=False)
class Step:
    """Something that fills columns from `column` on; `site` names its draws."""

    column: int
    site: str

    def fill(self, draws: Draws, matrix: Bytes, rows: Rows) -> None:
        """Fill the columns of `rows` (None: all)."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Run(Step):
    """Neighbouring characters that every row of the step has."""

    layout: Layout

    def fill(self, draws: Draws, matrix: Bytes, rows: Rows) -> None:
        """Draw the characters."""
        count = len(matrix) if rows is None else len(rows)
        block = self.layout.fill(self.layout.numbers(draws, self.site, at=rows), count)
        columns = slice(self.column, self.column + self.layout.width)
        if rows is None:
            matrix[:, columns] = block
        else:
            matrix[rows, columns] = block


@dataclass(frozen=True, eq=False)
class Pick(Step):
    """One of several lists of steps; `thresholds` are cumulated shares of 2**64."""

    thresholds: NDArray[np.uint64]
    options: tuple[tuple[Step, ...], ...]

    def fill(self, draws: Draws, matrix: Bytes, rows: Rows) -> None:
        """Pick an option for each row and fill it."""
        picked = np.searchsorted(self.thresholds, draws.bits(self.site, at=rows), side="right")
        for number, option in enumerate(self.options):
            if not option:
                continue
            chosen = np.flatnonzero(picked == number)
            if len(chosen):
                inner = chosen if rows is None else rows[chosen]
                for step in option:
                    step.fill(draws, matrix, inner)


@dataclass(frozen=True, eq=False)
class Copies(Step):
    """Further copies of a part: one after the other for the rows that have that many."""

    thresholds: NDArray[np.uint64]
    copies: tuple[tuple[Step, ...], ...]

    def fill(self, draws: Draws, matrix: Bytes, rows: Rows) -> None:
        """Pick the number of copies for each row and fill them."""
        picked = np.searchsorted(self.thresholds, draws.bits(self.site, at=rows), side="right")
        for number, copy in enumerate(self.copies):
            chosen = np.flatnonzero(picked > number)
            if not len(chosen):
                return
            inner = chosen if rows is None else rows[chosen]
            for step in copy:
                step.fill(draws, matrix, inner)


@dataclass(frozen=True, eq=False)
class Characters(Step):
    """Up to as many characters as the layout has: drawn for all rows, then cut off.

    Cheaper than `Copies` for single characters: one draw for all of them.
    """

    thresholds: NDArray[np.uint64]
    layout: Layout
    width: int

    def fill(self, draws: Draws, matrix: Bytes, rows: Rows) -> None:
        """Draw the characters and how many of them stay."""
        picked = np.searchsorted(self.thresholds, draws.bits(self.site, at=rows), side="right")
        numbers = self.layout.numbers(draws, f"{self.site}c", at=rows)
        block = self.layout.fill(numbers, len(picked))
        kept = (picked * self.width)[:, None] > np.arange(self.layout.width)
        block *= kept
        columns = slice(self.column, self.column + self.layout.width)
        if rows is None:
            matrix[:, columns] = block
        else:
            matrix[rows, columns] = block


class Program:
    """A compiled expression."""

    def __init__(self, tree: Node) -> None:
        self.width = tree.longest
        self.is_fixed = tree.shortest == tree.longest
        self._sites = 0
        self._steps = self._compile([tree], 0)

    def draw(self, draws: Draws) -> Column:
        """One text a row, all derivations equally likely."""
        if len(self._steps) == 1 and isinstance(self._steps[0], Run) and self.is_fixed:
            run = self._steps[0]
            numbers = run.layout.numbers(draws, run.site)
            return Column(fixed_text(run.layout.fill(numbers, draws.rows)))
        matrix = np.zeros((draws.rows, self.width), np.uint8)
        for step in self._steps:
            step.fill(draws, matrix, None)
        return Column(fixed_text(matrix) if self.is_fixed else ragged_text(matrix))

    def _site(self) -> str:
        self._sites += 1
        return f"{self._sites}:"

    def _compile(self, nodes: list[Node], column: int) -> tuple[Step, ...]:
        """Steps for `nodes` one after the other, the first at `column`."""
        steps: list[Step] = []
        run: list[tuple[str, ...]] = []
        start = column

        def flush() -> None:
            if run:
                steps.append(Run(start, self._site(), Layout(run)))
                run.clear()

        for node in _flat(nodes):
            if isinstance(node, Choice):
                if not run:
                    start = column
                run.append(node.characters)
            elif isinstance(node, Branch):
                flush()
                steps.append(self._pick(node, column))
            elif isinstance(node, Repeat):
                flush()
                steps.append(self._copies(node, column))
            column += node.longest
        flush()
        return tuple(steps)

    def _pick(self, node: Branch, column: int) -> Step:
        thresholds = _thresholds([option.count for option in node.options])
        site = self._site()
        options = tuple(self._compile([option], column) for option in node.options)
        return Pick(column, site, thresholds, options)

    def _copies(self, node: Repeat, column: int) -> Step:
        """The copies of an optional part (`node.low` is 0 here)."""
        thresholds, site, part = _thresholds(node.counts), self._site(), node.part
        if isinstance(part, Choice):
            layout = Layout([part.characters] * node.high)
            return Characters(column, site, thresholds, layout, part.longest)
        copies = tuple(
            self._compile([part], column + place * part.longest) for place in range(node.high)
        )
        return Copies(column, site, thresholds, copies)


def _flat(nodes: list[Node]) -> list[Node]:
    """`nodes` without sequences, and with the copies that a repeat must make written out."""
    flat: list[Node] = []
    for node in nodes:
        if isinstance(node, Sequence):
            flat.extend(_flat(list(node.parts)))
        elif isinstance(node, Repeat):
            flat.extend(_flat([node.part]) * node.low)
            extra = node.high - node.low
            if extra and node.part.longest:
                size, part = 1 + node.part.size * extra, node.part
                flat.append(Repeat(size, 0, part.longest * extra, part, 0, extra))
        else:
            flat.append(node)
    return flat


def _thresholds(counts: list[int] | tuple[int, ...]) -> NDArray[np.uint64]:
    """Cumulated shares of `counts`, the last one (which is all) left out: (k-1,) uint64.

    Rounded down to a multiple of 2**-64. Counts have thousands of digits at times, so the
    division is on exact integers. A share that rounds to all of 2**64 is one step below.
    """
    total = sum(counts)
    shares = [min((part << 64) // total, 2**64 - 1) for part in accumulate(counts)]
    del shares[-1]
    return np.array(shares, np.uint64)
