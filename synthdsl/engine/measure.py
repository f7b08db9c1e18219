"""Expectations measured on generated rows, block by block in constant memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from typing import Any

import numpy as np

from synthdsl.engine.evaluate import evaluate_column
from synthdsl.engine.frame import Frame
from synthdsl.engine.results import is_true
from synthdsl.engine.run import Run
from synthdsl.model.expressions import Aggregate, Constant, Expr, walk
from synthdsl.model.folding import INTEGER_KINDS, fold
from synthdsl.model.spelling import spell_constant


@dataclass(frozen=True)
class Measured:
    """One expectation: its text, whether it is met (None: null), and the figures behind it."""

    text: str
    is_met: bool | None
    values: tuple[tuple[str, Any], ...]
    rows: int


class Tally:
    """Running figures of one aggregate. Sums are exact (`math.fsum` of block sums)."""

    def __init__(self, aggregate: Aggregate) -> None:
        self.rows = 0
        self.aggregate = aggregate
        self._count = 0
        self._sums: list[float] = []
        self._low: Any = None
        self._high: Any = None

    def add(self, frame: Frame) -> None:
        """Take in a block."""
        self.rows += frame.rows
        kept = np.ones(frame.rows, np.bool_)
        if self.aggregate.condition is not None:
            kept &= is_true(evaluate_column(self.aggregate.condition, frame), frame.rows)
        if self.aggregate.value is None:
            self._count += int(kept.sum())
            return
        column = evaluate_column(self.aggregate.value, frame)
        if column.valid is not None:
            kept &= column.valid
        self._count += int(kept.sum())
        if self.aggregate.function == "count" or not kept.any():
            return
        values = np.asarray(column.values)[kept]
        self._sums.append(float(values.sum(dtype=np.float64)))
        low, high = values.min(), values.max()
        self._low = low if self._low is None else min(self._low, low)
        self._high = high if self._high is None else max(self._high, high)

    def value(self) -> Any:
        """The aggregate so far as a raw constant; None is null."""
        name, total = self.aggregate.function, math.fsum(self._sums)
        if name == "count":
            return self._count
        if name in ("any", "none"):
            return (total > 0) == (name == "any")
        if name == "all":
            return total == self._count
        if name == "sum":
            return self._raw(total)
        if self._count == 0:
            return None
        return self._raw({"mean": total / self._count, "min": self._low, "max": self._high}[name])

    def _raw(self, value: Any) -> Any:
        return round(float(value)) if self.aggregate.type.kind in INTEGER_KINDS else float(value)


def measure(run: Run, ranges: dict[str, tuple[int, int]]) -> list[Measured]:
    """Every expectation of the spec on rows `ranges` of its tables."""
    expectations = run.plan.spec.expectations
    tallies = {
        id(e): Tally(e)
        for expectation in expectations
        for e in walk(expectation.condition)
        if isinstance(e, Aggregate)
    }
    by_root: dict[str, list[Tally]] = {}
    for tally in tallies.values():
        by_root.setdefault(run.root_of[tally.aggregate.table], []).append(tally)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for root, mine in by_root.items():
            family = run.families[root]
            for frame in run.families_of(root, *ranges[root]):
                frames = family.frames(frame)
                for tally in mine:
                    tally.add(frames[tally.aggregate.table])
    return [_measured(e.condition, e.text, tallies) for e in expectations]


def _measured(condition: Expr, text: str, tallies: dict[int, Tally]) -> Measured:
    used = [e for e in walk(condition) if isinstance(e, Aggregate)]
    result = _written_in(condition, tallies)
    assert isinstance(result, Constant)
    shown = {" ".join(e.span.text.split()): _shown(tallies[id(e)].value(), e) for e in used}
    rows = max(tallies[id(e)].rows for e in used)
    return Measured(text, result.value, tuple(shown.items()), rows)


def _shown(value: Any, expression: Aggregate) -> Any:
    """A raw value as a reader wants it: numbers and truths as they are, moments spelt."""
    if expression.type.is_number or isinstance(value, bool) or value is None:
        return value
    return spell_constant(value, expression.type)


def _written_in(node: Expr, tallies: dict[int, Tally]) -> Expr:
    """`node` with its aggregates replaced by their values, folded."""
    if isinstance(node, Aggregate):
        return Constant(node.type, node.span, tallies[id(node)].value())
    changes: dict[str, Any] = {}
    for item in dataclass_fields(node):
        value = getattr(node, item.name)
        if isinstance(value, Expr):
            changes[item.name] = _written_in(value, tallies)
        elif isinstance(value, tuple) and value and all(isinstance(v, Expr) for v in value):
            changes[item.name] = tuple(_written_in(v, tallies) for v in value)
    return fold(replace(node, **changes) if changes else node)
