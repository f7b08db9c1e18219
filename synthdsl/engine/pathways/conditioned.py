"""Paths given which states they visit, without rejection.

Where weights depend on the entity alone, the visited states are a Markov chain, and given a
condition on them they are one again: the pair of state and states visited so far moves by the
declared weights times the chance that the condition comes true from there (Doob's h-transform;
Rogers and Williams 1994, "Diffusions, Markov processes and martingales", vol. 1, III.45). Stays
given the states are as declared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.evaluate import evaluate_column
from synthdsl.engine.frame import Frame
from synthdsl.engine.lookup_index import LookupIndex, index_of
from synthdsl.engine.pathways.chains import Floats, PathCondition, acceptance
from synthdsl.engine.pathways.sampler import Positions
from synthdsl.engine.results import enum_vocabulary
from synthdsl.engine.samplers import Simplify, row_error
from synthdsl.engine.weight_samplers import row_shares
from synthdsl.model.draws import CategoricalDraw, LookupDraw
from synthdsl.model.expressions import Choose, Constant, Expr
from synthdsl.model.pathways import Machine, State
from synthdsl.plan.tabulated import Tabulated
from synthdsl.source import Span


class Transitions:
    """The weights of a machine as matrices over its states, by code.

    Raises ValueError for a machine whose weights depend on the visit.
    """

    def __init__(self, machine: Machine, simplify: Simplify) -> None:
        if not machine.has_fixed_weights:
            raise ValueError(f"the weights of `{machine.name}` depend on the visit")
        self.machine = machine
        self._codes = enum_vocabulary(machine.enum).codes
        self._rows = [_row(state, self._codes, simplify) for state in machine.states]
        self.is_constant = all(isinstance(row, _ConstantRow) for row in self._rows)

    def matrix(self, visits: Frame) -> Floats:
        """Transition probabilities of the entities of first visits: (n, S, S), or (S, S) where
        they are the same for all.
        """
        size = len(self._codes)
        lead = () if self.is_constant else (visits.rows,)
        matrix = np.zeros((*lead, size, size))
        for state, row in zip(self.machine.states, self._rows, strict=True):
            row.fill(matrix[..., self._codes[state.name], :], visits)
        return matrix

    def ranges(self) -> tuple[Floats, Floats]:
        """The least and the most that each entry of a matrix can be, as far as is known."""
        size = len(self._codes)
        low, high = np.zeros((size, size)), np.zeros((size, size))
        for state, row in zip(self.machine.states, self._rows, strict=True):
            code = self._codes[state.name]
            low[code], high[code] = row.ranges(size)
        return low, high


@dataclass(frozen=True, eq=False)
class _ConstantRow:
    """Weights that are the same for all entities."""

    weights: Floats

    def ranges(self, size: int) -> tuple[Floats, Floats]:
        return self.weights, self.weights

    def fill(self, row: Floats, visits: Frame) -> None:
        row[...] = self.weights


@dataclass(frozen=True, eq=False)
class _WeightedRow:
    """Weights computed from the entity's fields."""

    codes: tuple[int, ...]
    weights: list[Expr | None]
    span: Span

    def ranges(self, size: int) -> tuple[Floats, Floats]:
        low, high = np.zeros(size), np.zeros(size)
        for code, weight in zip(self.codes, self.weights, strict=True):
            if weight is not None:
                low[code], high[code] = _range(weight)
        for code, weight in zip(self.codes, self.weights, strict=True):
            if weight is None:
                known = low.sum(), high.sum()
                low[code], high[code] = max(0.0, 1 - known[1]), max(0.0, 1 - known[0])
        return low, high

    def fill(self, row: Floats, visits: Frame) -> None:
        shares, _ = row_shares(self.weights, visits, self.span)
        for code, share in zip(self.codes, shares, strict=True):
            row[:, code] = share
        # what shares lack of 1, or have beyond it, is a matter of rounding
        row /= row.sum(axis=1, keepdims=True)


@dataclass(frozen=True, eq=False)
class _LookupRow:
    """Weights from a file, by keys computed from the entity's fields."""

    index: LookupIndex
    keys: tuple[Expr, ...]
    weights: Floats
    span: Span

    def ranges(self, size: int) -> tuple[Floats, Floats]:
        return self.weights.min(axis=0), self.weights.max(axis=0)

    def fill(self, row: Floats, visits: Frame) -> None:
        keys = [evaluate_column(key, visits) for key in self.keys]
        groups, found = self.index.groups(keys)
        if found is not None and not found.all():
            at = int(np.flatnonzero(~found)[0])
            name, shown = self.index.lookup.name, self.index.key_text(keys, at)
            message = f"lookup `{name}` has no row for {shown}"
            help_ = f"add it to {self.index.lookup.source.name}"
            raise row_error(self.span, visits, at, message, help_)
        row[...] = self.weights[groups]


def _range(weight: Expr) -> tuple[float, float]:
    """Bounds of a weight: from the values of its branches or its table, else those of a share."""
    if isinstance(weight, Constant):
        return float(weight.value), float(weight.value)
    if isinstance(weight, Choose):
        parts = [_range(value) for _, value in weight.branches] + [_range(weight.otherwise)]
        return min(low for low, _ in parts), max(high for _, high in parts)
    if isinstance(weight, Tabulated) and weight.valid is None:
        # values for combinations that do not occur may be anything
        values = np.asarray(weight.values, np.float64)
        values = values[np.isfinite(values)]
        if len(values):
            return max(0.0, float(values.min())), min(1.0, float(values.max()))
    return 0.0, 1.0


def _row(
    state: State, codes: dict[str, int], simplify: Simplify
) -> _ConstantRow | _WeightedRow | _LookupRow:
    draw = state.next.draw
    if isinstance(draw, LookupDraw):
        return _lookup_row(draw, codes, simplify)
    assert isinstance(draw, CategoricalDraw)
    weights = [None if w is None else simplify(w) for w in draw.weights]
    known = [float(w.value) for w in weights if isinstance(w, Constant)]
    targets = tuple(codes[outcome] for outcome in draw.outcomes)
    if len(known) < len([w for w in weights if w is not None]):
        return _WeightedRow(targets, weights, draw.span)
    row = np.zeros(len(codes))
    for target, weight in zip(targets, weights, strict=True):
        row[target] = max(0.0, 1.0 - sum(known)) if weight is None else float(weight.value)  # type: ignore[attr-defined]
    return _ConstantRow(row / row.sum())


def _lookup_row(draw: LookupDraw, codes: dict[str, int], simplify: Simplify) -> _LookupRow:
    index = index_of(draw.lookup, tuple(key.type.nullable(False) for key in draw.keys))
    groups = int(index.group_of_row.max()) + 1
    weights = np.zeros((groups, len(codes)))
    targets = np.array([codes[value] for value in draw.values])
    np.add.at(weights, (index.group_of_row, targets), np.asarray(draw.lookup.weights, np.float64))
    weights /= weights.sum(axis=1, keepdims=True)
    return _LookupRow(index, tuple(simplify(key) for key in draw.keys), weights, draw.span)


class GivenVisits:
    """What follows given that the path meets a condition, for the entities of a block.

    `matrix` is `Transitions.matrix` of first visits. `begin` says which of their paths are drawn
    next, with the object as the `successors` of `PathwaySampler.sample`.
    """

    def __init__(self, machine: Machine, matrix: Floats, condition: PathCondition) -> None:
        members = machine.enum.members
        self._bits = condition.bits(members)
        self._matrix = matrix
        self._chances = acceptance(matrix, self._bits, condition.accepts)
        self._first = members.index(machine.start)
        self._orders = {members.index(s.name): _order(s, members) for s in machine.states}
        self._visited: NDArray[np.int64] | None = None
        self._paths: NDArray[np.int64] | None = None

    @property
    def chance(self) -> Any:
        """The chance that a path meets the condition: (n,), or () where it is the same for all.

        Only entities for which it is positive have such a path.
        """
        return self._chances[..., self._first, self._bits[self._first]]

    def begin(self, paths: Positions) -> GivenVisits:
        """Be ready to draw the paths at these positions of `matrix`, from their start."""
        self._visited = np.full(len(paths), self._bits[self._first])
        self._paths = paths
        return self

    def follow(self, state: int, visits: Frame, entities: Positions) -> NDArray[np.int32]:
        """The code of the state after each visit, by inversion of one uniform: the same that
        settles it without a condition, and outcomes in the same order.
        """
        assert self._visited is not None and self._paths is not None, "begin() comes first"
        order = self._orders[state]
        visited = self._visited[entities]
        ahead = visited[:, None] | self._bits[order]
        if self._matrix.ndim == 2:
            weights = self._matrix[state, order] * self._chances[order, ahead]
        else:
            paths = self._paths[entities][:, None]
            weights = self._matrix[paths, state, order] * self._chances[paths, order, ahead]
        following = order[_chosen(weights, visits.draws("next").uniform())]
        self._visited[entities] = visited | self._bits[following]
        return following.astype(np.int32)


def _order(state: State, members: tuple[str, ...]) -> NDArray[np.int64]:
    """Codes of the states that may follow, as declared; from a file, by code."""
    draw = state.next.draw
    if isinstance(draw, CategoricalDraw):
        return np.array([members.index(outcome) for outcome in draw.outcomes])
    assert isinstance(draw, LookupDraw)
    return np.unique([members.index(value) for value in draw.values])


def _chosen(weights: Floats, u: Floats) -> NDArray[np.int32]:
    """The number of the weight whose cumulated share passes `u`, row by row: (n,)."""
    reached = np.cumsum(weights, axis=1)
    total = reached[:, -1:]
    passed = (u[:, None] * total >= reached) & (reached < total)
    return np.asarray(passed.sum(axis=1), np.int32)
