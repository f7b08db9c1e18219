"""Draws of one of a few outcomes: which ones, and how likely each is by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.evaluate import evaluate, evaluate_column
from synthdsl.engine.frame import Frame
from synthdsl.engine.lookup_index import LookupIndex, index_of
from synthdsl.engine.parameters import checked_parameters
from synthdsl.engine.rewriting import branch_number
from synthdsl.engine.samplers import Simplify, row_error
from synthdsl.engine.weight_samplers import constant_shares, row_shares
from synthdsl.model.draws import (
    CategoricalDraw,
    ChooseDraw,
    DistributionDraw,
    DrawNode,
    FixedDraw,
    LookupDraw,
)
from synthdsl.model.expressions import Constant
from synthdsl.model.spec import Field
from synthdsl.values.types import Kind

Floats = NDArray[np.float64]
Shares = Callable[[Frame], list[Any]]
"""The chance of each outcome: one number each, or one a row."""
MOST_OUTCOMES = 100_000


class Outcomes:
    """The raw `values` that a draw gives (None for null), and their `shares` by row."""

    def __init__(self, values: list[Any], shares: Shares) -> None:
        self.values = values
        self.shares = shares


def outcomes_of(draw: DrawNode, field: Field, simplify: Simplify) -> Outcomes | None:
    """The outcomes of a draw; None where it is another kind, or where they are not certain."""
    if isinstance(draw, CategoricalDraw):
        return _categorical(draw, simplify)
    if isinstance(draw, FixedDraw) and isinstance(draw.value, Constant):
        return Outcomes([draw.value.value], lambda frame: [1.0])
    if isinstance(draw, LookupDraw):
        return _lookup(draw)
    if isinstance(draw, ChooseDraw):
        return _choice(draw, field, simplify)
    if isinstance(draw, DistributionDraw) and draw.distribution.name == "bernoulli":
        return _bernoulli(draw, field, simplify)
    return None


def _categorical(draw: CategoricalDraw, simplify: Simplify) -> Outcomes | None:
    weights = [None if w is None else simplify(w) for w in draw.weights]
    if all(w is None or isinstance(w, Constant) for w in weights):
        shares = constant_shares(tuple(weights))
        constant = list(shares / shares.sum())
        return Outcomes(list(draw.outcomes), lambda frame: constant)
    if any(w is not None and w.type.is_nullable for w in draw.weights):
        return None

    def by_row(frame: Frame) -> list[Any]:
        found, _ = row_shares(weights, frame, draw.span)
        # as they are drawn: the last has what the others leave
        reached: Any = 0.0
        for share in found[:-1]:
            reached = reached + share
        return [*found[:-1], np.maximum(1.0 - np.asarray(reached), 0.0)]

    return Outcomes(list(draw.outcomes), by_row)


def _bernoulli(draw: DistributionDraw, field: Field, simplify: Simplify) -> Outcomes | None:
    if field.type.kind is not Kind.BOOL or draw.parameters[0].type.is_nullable:
        return None
    draw = replace(draw, parameters=(simplify(draw.parameters[0]),))

    def shares(frame: Frame) -> list[Any]:
        (p,), _ = checked_parameters(draw, [evaluate(draw.parameters[0], frame)], frame)
        return [1.0 - p, p]

    return Outcomes([False, True], shares)


def _lookup(draw: LookupDraw) -> Outcomes | None:
    if draw.column is None or any(k.type.is_nullable for k in draw.keys):
        return None
    weights = draw.lookup.weights
    if weights is None:
        return None
    weights = np.asarray(weights, np.float64)
    values = list(dict.fromkeys(draw.values))
    numbers = {value: number for number, value in enumerate(values)}
    columns = np.array([numbers[value] for value in draw.values], np.int64)
    if not draw.keys:
        found = np.bincount(columns, weights=weights, minlength=len(values))
        constant = list(found / weights.sum())
        return Outcomes(values, lambda frame: constant)
    index = index_of(draw.lookup, tuple(k.type.nullable(False) for k in draw.keys))
    table = lookup_shares(draw, index)
    if table is None:
        return None

    def by_row(frame: Frame) -> list[Any]:
        keys = [evaluate_column(key, frame) for key in draw.keys]
        group, found = index.groups(keys)
        if found is not None and not found.all():
            row = int(np.flatnonzero(~found)[0])
            shown = f"lookup `{draw.lookup.name}` has no row for {index.key_text(keys, row)}"
            raise row_error(draw.span, frame, row, shown)
        return list(table[group].T)

    return Outcomes(values, by_row)


def lookup_shares(draw: LookupDraw, index: LookupIndex) -> Floats | None:
    """The share of each distinct value, in order of appearance, by group of keys; None where
    these are too many.
    """
    values = list(dict.fromkeys(draw.values))
    numbers = {value: number for number, value in enumerate(values)}
    groups = int(index.group_of_row.max(initial=0)) + 1
    if groups * len(values) > MOST_OUTCOMES:
        return None
    columns = np.array([numbers[value] for value in draw.values], np.int64)
    table = np.zeros((groups, len(values)))
    np.add.at(table, (index.group_of_row, columns), np.asarray(draw.lookup.weights, np.float64))
    return np.asarray(table / table.sum(axis=1, keepdims=True))


def _choice(draw: ChooseDraw, field: Field, simplify: Simplify) -> Outcomes | None:
    branches = [outcomes_of(d, field, simplify) for _, d in draw.branches]
    branches.append(outcomes_of(draw.otherwise, field, simplify))
    known = [branch for branch in branches if branch is not None]
    if len(known) < len(branches):
        return None
    number = simplify(branch_number(draw))

    def shares(frame: Frame) -> list[Any]:
        chosen = evaluate_column(number, frame).values
        result: list[Any] = []
        for branch, outcomes in enumerate(known):
            rows = np.flatnonzero(chosen == branch)
            here = [np.zeros(frame.rows) for _ in outcomes.values]
            if rows.size:
                for share, inside in zip(here, outcomes.shares(frame.some(rows)), strict=True):
                    share[rows] = inside
            result += here
        return result

    return Outcomes([value for branch in known for value in branch.values], shares)
