"""Where conditions that bound one field of a row begin and end, exactly on the field's grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.conditioning.clauses import Clause, alone
from synthdsl.engine.conditioning.narrowing import FLIPPED
from synthdsl.engine.evaluate import evaluate, evaluate_column
from synthdsl.engine.frame import Frame
from synthdsl.engine.grid import Grid
from synthdsl.engine.results import filled_mask, is_false, is_true
from synthdsl.model.expressions import Expr, Operation
from synthdsl.model.spec import Field
from synthdsl.values.columns import Column
from synthdsl.values.types import Kind

Floats = NDArray[np.float64]
NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
LARGEST = 2.0**52
NUMBERS = (
    Kind.INT,
    Kind.FLOAT,
    Kind.DECIMAL,
    Kind.DATE,
    Kind.DATETIME,
    Kind.TIME,
    Kind.DURATION,
)


@dataclass(frozen=True, eq=False)
class Bound:
    """A clause that compares a field with `other`, which reads other fields only.

    The field's raw value, times `factor` and plus `offset`, stands left of `operator`. It holds
    where all of `premises`, which do not read the field, are met.
    """

    field: str
    clause: Clause
    operator: str
    factor: float
    offset: float
    other: Expr
    premises: tuple[Clause, ...] = ()


def conditional_bound(clause: Clause) -> Bound | None:
    """The bound that an implication or an alternative sets where its other parts ask for it."""
    condition = clause.condition
    if not isinstance(condition, Operation) or clause.demand == "false":
        return None
    if condition.operator not in ("or", "->"):
        return None
    is_implied = condition.operator == "->"
    for number, operand in enumerate(condition.operands):
        demand = "false" if is_implied and number == 0 else clause.demand
        bound = bound_of(Clause(operand, demand))
        # null, and no bound, would both be fine
        if bound is None or operand.type.is_nullable:
            continue
        others = [o for place, o in enumerate(condition.operands) if place != number]
        if any(o.type.is_nullable for o in others):
            continue
        premise = "true" if is_implied and number == 1 else "false"
        return replace(bound, premises=tuple(Clause(o, premise) for o in others))
    return None


def bound_of(clause: Clause) -> Bound | None:
    """The bound that a clause sets to one field; None where it says something else."""
    condition = clause.condition
    if not isinstance(condition, Operation) or condition.operator not in FLIPPED:
        return None
    if clause.demand == "hold" and condition.type.is_nullable:
        return None
    left, right = condition.operands
    operator = condition.operator
    side = alone(left)
    if side is None or alone(right) is not None:
        other = alone(right)
        if other is None or side is not None:
            return None
        side, left, right, operator = other, right, left, FLIPPED[operator]
    if left.type.kind not in NUMBERS or right.type.kind not in NUMBERS:
        return None
    name, factor, offset = side
    if clause.demand == "false":
        operator = NEGATED.get(operator, "")
    if factor < 0:
        operator = FLIPPED.get(operator, "")
    if not factor or not operator:
        return None
    return Bound(name, clause, operator, factor, offset, right)


class Edges:
    """The interval of a field's raw values in which all its bounds are met, by row."""

    def __init__(self, field: Field, bounds: list[Bound]) -> None:
        self._field = field
        self._bounds = bounds
        self._grid = Grid.of(field)

    def of(self, frame: Frame) -> tuple[Floats, Floats]:
        """Its ends, both included: (n,) each; where nothing meets the bounds low > high."""
        low = np.full(frame.rows, -np.inf)
        high = np.full(frame.rows, np.inf)
        for bound in self._bounds:
            first, last = self._ends(bound, frame)
            for premise in bound.premises:
                is_asked = clause_is_met(premise, frame)
                first = np.where(is_asked, first, -np.inf)
                last = np.where(is_asked, last, np.inf)
            low, high = np.maximum(low, first), np.minimum(high, last)
        return low, high

    def _ends(self, bound: Bound, frame: Frame) -> tuple[Any, Any]:
        column = evaluate_column(bound.other, frame)
        at = (np.asarray(column.values, np.float64) - bound.offset) / bound.factor
        known = filled_mask(column.valid, frame.rows)
        if self._grid.step is None:
            low, high = _plain_ends(bound.operator, at)
        else:
            low, high = self._grid_ends(bound, at, frame)
        if known is not None:
            low, high = np.where(known, low, np.inf), np.where(known, high, -np.inf)
        return low, high

    def _grid_ends(self, bound: Bound, at: Floats, frame: Frame) -> tuple[Any, Any]:
        """The grid values next to `at` are put to the test: conversions may round either way."""
        step = self._grid.step
        assert step is not None
        with np.errstate(invalid="ignore"):
            near = np.clip(np.nan_to_num(np.rint(at / float(step))), -LARGEST, LARGEST)
        numbers = [near + shift for shift in (-1, 0, 1, 2)]
        values = [self._value(number) for number in numbers]
        met = [self._is_met(bound, value, frame) for value in values]
        none_low, none_high = np.inf, -np.inf
        if bound.operator in (">", ">="):
            low: Any = np.asarray(values[-1], np.float64)
            for value, fine in zip(values[-2::-1], met[-2::-1], strict=True):
                low = np.where(fine, value, low)
            return low, np.inf
        if bound.operator in ("<", "<="):
            high: Any = np.asarray(self._value(near - 2), np.float64)
            for value, fine in zip(values, met, strict=True):
                high = np.where(fine, value, high)
            return -np.inf, high
        low, high = np.full(frame.rows, none_low), np.full(frame.rows, none_high)
        for value, fine in zip(values, met, strict=True):
            low, high = np.where(fine, value, low), np.where(fine, value, high)
        return low, high

    def _value(self, number: Floats) -> NDArray[Any]:
        step = self._grid.step
        assert step is not None
        if self._grid.is_whole:
            return number.astype(np.int64) * int(step)
        values: NDArray[Any] = (number + 0.0) * step.numerator / step.denominator
        return values

    def _is_met(self, bound: Bound, value: NDArray[Any], frame: Frame) -> NDArray[np.bool_]:
        part = frame.some(np.arange(frame.rows))
        part.columns[self._field.name] = Column(value)
        return clause_is_met(bound.clause, part)


def _plain_ends(operator: str, at: Floats) -> tuple[Any, Any]:
    if operator in (">", ">="):
        return (at if operator == ">=" else np.nextafter(at, np.inf)), np.inf
    if operator in ("<", "<="):
        return -np.inf, (at if operator == "<=" else np.nextafter(at, -np.inf))
    return at, at


def clause_is_met(clause: Clause, frame: Frame) -> NDArray[np.bool_]:
    """Rows in which a condition comes to what the clause demands."""
    value = evaluate(clause.condition, frame)
    if clause.demand == "true":
        return is_true(value, frame.rows)
    found = is_false(value, frame.rows)
    return found if clause.demand == "false" else ~found
