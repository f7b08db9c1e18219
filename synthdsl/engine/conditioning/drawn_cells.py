"""Cells of base uniforms, drawn given that every clause can be met in them.

What compiling finds out about clauses, cell by cell, and the proposal that draws by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.conditioning.factors import Elimination, Factor
from synthdsl.engine.conditioning.partitions import LEAST
from synthdsl.engine.conditioning.proposals import FillField
from synthdsl.engine.frame import Frame
from synthdsl.model.spec import Rule

PILOT_SEED = 0xCE115
WORTHLESS = 0.99
"""The probability of a clause from which on it is only checked: drawing by it costs more."""
REFINING_ROWS = 8_192
"""Rows that tell where cells should be smaller."""


Refine = Callable[[Sequence[NDArray[np.float64]], Sequence[NDArray[np.float64]]], "Cells | None"]
"""From the edges of cells and the weights of what lies between them to a finer proposal."""


class Cells:
    """The proposal: cells by elimination, uniforms within their cells, fields at these."""

    name = "cells"
    cost = 2.0

    def __init__(
        self,
        fields: tuple[str, ...],
        axes: Sequence[str],
        edges: Sequence[NDArray[np.float64]],
        elimination: Elimination,
        given: frozenset[str],
        fill_field: FillField,
        refine: Refine,
        noted: frozenset[str],
    ) -> None:
        self.mass = elimination.mass
        self._refine = refine
        self.detail = self._words(axes, edges)
        self._fields = fields
        self._axes = list(axes)
        # fields that cells do not restrict are drawn as declared, unless a stage is given them
        self._cut = [
            number
            for number, name in enumerate(axes)
            if name not in given and (len(edges[number]) > 2 or name in noted)
        ]
        self._edges = list(edges)
        self._widths = [np.diff(e) for e in edges]
        self._elimination = elimination
        self._given = given
        self._fill_field = fill_field

    def _words(self, axes: Sequence[str], edges: Sequence[NDArray[np.float64]]) -> str:
        cut = ", ".join(f"{a} {len(e) - 1}" for a, e in zip(axes, edges, strict=True) if len(e) > 2)
        return f"cells of {cut}; those that break rules are never drawn"

    def refined(self) -> Cells | None:
        """The proposal with smaller cells where it draws most; None where nothing is left to
        divide.
        """
        rng = np.random.Generator(np.random.Philox(PILOT_SEED))
        cells = self._elimination.draw(lambda _: rng.random(REFINING_ROWS))
        weights = [
            np.bincount(np.broadcast_to(cells[v], REFINING_ROWS), minlength=len(e) - 1).astype(
                float
            )
            for v, e in enumerate(self._edges)
        ]
        return self._refine(self._edges, weights)

    def fill(self, frame: Frame) -> NDArray[np.bool_] | None:
        """Draw every field of the component for all rows of `frame`."""
        given = {}
        for number, name in enumerate(self._axes):
            if name in self._given:
                cell = np.searchsorted(self._edges[number], frame.base(name), side="right") - 1
                given[number] = np.minimum(cell, len(self._edges[number]) - 2)
        cells = self._elimination.draw(lambda v: frame.draws(self._axes[v]).uniform("cell"), given)
        for number in self._cut:
            name = self._axes[number]
            u = frame.draws(name).uniform()
            cell = cells[number]
            np.multiply(u, self._widths[number].take(cell), out=u)
            np.add(u, self._edges[number].take(cell), out=u)
            frame.bases[name] = np.clip(u, LEAST / 2, 1 - LEAST / 2, out=u)
        for name in self._fields:
            self._fill_field(name, frame)
        return None


class Tables:
    """For each clause, in which cells it can be met (`possible`) and in which it surely is
    (`sure`); `rules` tells whose clause it is. `is_whole`: no clause is missing.
    """

    def __init__(
        self,
        axes: Sequence[str],
        edges: Sequence[NDArray[np.float64]],
        rules: Sequence[Rule],
        possible: Sequence[Factor],
        sure: Sequence[Factor],
        is_whole: bool,
        fill_field: FillField,
    ) -> None:
        self._axes = axes
        self._edges = edges
        self._masses = [np.diff(e) for e in edges]
        self._rules = rules
        self._possible = possible
        self._sure = sure
        self._is_whole = is_whole
        self._fill_field = fill_field

    def bounds(self, leaving_out: Rule | None = None) -> tuple[float, float]:
        """Between what the probability surely lies that all rules, less one, are met."""
        kept = [i for i, rule in enumerate(self._rules) if rule is not leaving_out]
        outer = Elimination(self._masses, _telling(self._possible[i] for i in kept))
        if not self._is_whole:
            return 0.0, min(outer.mass, 1.0)
        inner = Elimination(self._masses, _telling(self._sure[i] for i in kept))
        low = 0.0 if inner.left_out else inner.mass
        return min(low, outer.mass), min(outer.mass, 1.0)

    def _share(self, factor: Factor) -> float:
        """The probability that cells alone meet a clause."""
        table = np.asarray(factor.table, np.float64)
        for variable in reversed(factor.scope):
            table = table @ self._masses[variable]
        return float(table)

    def proposal(
        self, free: tuple[str, ...], refine: Refine, noted: frozenset[str]
    ) -> Cells | None:
        """Draws the `free` fields given the others; None where every cell is possible."""
        factors = [f for f in self._possible if self._share(f) < WORTHLESS]
        if not factors:
            factors = _telling(self._possible)
        if not factors:
            return None
        given = frozenset(self._axes) - frozenset(free)
        first = frozenset(i for i, name in enumerate(self._axes) if name in given)
        edges, (factors,) = merged_cells(self._edges, [factors])
        elimination = Elimination([np.diff(e) for e in edges], factors, first=first)
        return Cells(free, self._axes, edges, elimination, given, self._fill_field, refine, noted)


def _telling(factors: Iterable[Factor]) -> list[Factor]:
    return [factor for factor in factors if not factor.table.all()]


def merged_cells(
    edges: Sequence[NDArray[np.float64]], groups: Sequence[Sequence[Factor]]
) -> tuple[list[NDArray[np.float64]], list[list[Factor]]]:
    """Neighbouring cells that no factor tells apart, made one."""
    result = [list(group) for group in groups]
    merged = []
    for variable, edge in enumerate(edges):
        differs = np.zeros(len(edge) - 2, np.bool_)
        for group in result:
            for factor in group:
                if variable in factor.scope:
                    table = np.moveaxis(factor.table, factor.scope.index(variable), 0)
                    change = table[1:] != table[:-1]
                    differs |= change.any(axis=tuple(range(1, change.ndim)))
        kept = np.concatenate([[0], np.flatnonzero(differs) + 1])
        merged.append(np.append(edge[kept], edge[-1]))
        for group in result:
            for number, factor in enumerate(group):
                if variable in factor.scope:
                    axis = factor.scope.index(variable)
                    group[number] = Factor(factor.scope, factor.table.take(kept, axis=axis))
    return merged, result
