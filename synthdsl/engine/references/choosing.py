"""What a reference may choose from: its condition and weight, made ready.

The conditions that must all be true are taken apart. What reads only the target thins it out;
`target.f == value` groups it; `target.index < value` bounds the number; what reads only the row
says whether there is any choice; the rest is left to be tried for pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.evaluate import evaluate, evaluate_column
from synthdsl.engine.frame import Frame, RowError
from synthdsl.engine.references.candidates import Candidates
from synthdsl.engine.references.groups import Matched, Numbers, matched
from synthdsl.engine.references.parts import PairExpression, TargetPart, reads, target_part
from synthdsl.engine.references.target_rows import TargetRows
from synthdsl.engine.results import is_true
from synthdsl.model.draws import RefDraw
from synthdsl.model.expressions import Expr, Operation, TargetField
from synthdsl.model.folding import INTEGER_KINDS
from synthdsl.model.references import MOST_INDEXED, conjuncts
from synthdsl.source import Span
from synthdsl.values.columns import Column
from synthdsl.values.types import BOOL, Kind, Type

_MIRRORED = {"==": "==", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ALL_INDEXED = 2**62


@dataclass(frozen=True, eq=False)
class _Equal:
    """`target == row`."""

    target: TargetPart
    row: Expr
    target_type: Type


class Choosing:
    """The choice of `draw`, for any seed. `rows`: of the target; None among siblings."""

    def __init__(
        self, draw: RefDraw, target: TargetRows | None, simplify: Callable[[Expr], Expr]
    ) -> None:
        self._target = target
        self._simplify = simplify
        self._span = draw.span
        self._given: list[Expr] = []
        self._fixed: list[TargetPart] = []
        self._equal: list[_Equal] = []
        self._bounds: list[tuple[str, Expr]] = []
        self._weight: TargetPart | None = None
        self.pair_weight: PairExpression | None = None
        self._weight_span = draw.span if draw.weight is None else draw.weight.span
        can_index = target is not None and target.rows <= MOST_INDEXED
        parts = () if draw.condition is None else conjuncts(draw.condition)
        left = [part for part in parts if not self._place(part, can_index=can_index)]
        self.left: PairExpression | None = None
        if left:
            span = left[0].span
            whole = left[0] if len(left) == 1 else Operation(BOOL, span, "and", tuple(left))
            self.left = PairExpression(whole, simplify)
        if draw.weight is not None:
            self._add_weight(draw.weight, can_index=can_index)
        self._known: dict[int, Candidates] = {}

    def _place(self, part: Expr, *, can_index: bool) -> bool:
        """Whether a condition is dealt with before pairs are."""
        reads_row, reads_target = reads(part)
        if not reads_target:
            self._given.append(self._simplify(part))
            return True
        sides = _sides(part)
        if sides is not None and _is_number(sides[1]) and _is_whole(sides[2]):
            self._bounds.append((sides[0], self._simplify(sides[2])))
            return True
        if not can_index:
            return False
        if not reads_row:
            self._fixed.append(target_part(part))
            return True
        if sides is None or sides[0] != "==" or sides[1].type.kind is Kind.LIST:
            return False
        _, left, right = sides
        self._equal.append(_Equal(target_part(left), self._simplify(right), left.type))
        return True

    def _add_weight(self, weight: Expr, *, can_index: bool) -> None:
        if reads(weight)[0] or not can_index:
            self.pair_weight = PairExpression(weight, self._simplify)
        else:
            self._weight = target_part(weight)

    @property
    def is_plain(self) -> bool:
        """Whether every row may choose among all rows alike."""
        return not (
            self._given
            or self._fixed
            or self._equal
            or self._bounds
            or self._weight
            or self.left
            or self.pair_weight
        )

    def candidates(self, seed: int) -> Candidates:
        """The rows that may be chosen with a seed."""
        if seed not in self._known:
            while len(self._known) > 1:
                del self._known[next(iter(self._known))]
            self._known[seed] = self._made(seed)
        return self._known[seed]

    def _made(self, seed: int) -> Candidates:
        target = self._target
        if target is None:
            return Candidates(_ALL_INDEXED, None, (), None)
        eligible = None
        if self._fixed:
            kept = np.ones(target.rows, np.bool_)
            for column in target.whole_parts(seed, self._fixed):
                kept &= is_true(column, target.rows)
            eligible = np.flatnonzero(kept)
        columns = target.whole_parts(seed, [e.target for e in self._equal])
        keys = [
            matched(column, e.target_type, e.row.type)
            for column, e in zip(columns, self._equal, strict=True)
        ]
        weights = None
        if self._weight is not None:
            (column,) = target.whole_parts(seed, [self._weight])
            weights = self.checked_weights(column, None)
        return Candidates(target.rows, eligible, keys, weights)

    def checked_weights(self, column: Column, at: Numbers | None) -> NDArray[np.float64]:
        """Weights as floats; raises where one is negative or no number.

        `at`: the rows of the target that they are of; None for all.
        """
        values = np.asarray(column.values, np.float64)
        wrong = ~(np.isfinite(values) & (values >= 0))
        if column.valid is not None:
            wrong |= ~column.valid
        if wrong.any():
            place = int(np.flatnonzero(wrong)[0])
            number = place if at is None else int(at[place])
            is_null = column.valid is not None and not column.valid[place]
            shown = "null" if is_null else f"{values[place]:g}"
            table = "its table" if self._target is None else f"`{self._target.name}`"
            raise RowError(
                "row-value",
                self._weight_span,
                f"row {number} of {table} has the weight {shown}",
                "a weight is a number from 0 upwards",
            )
        return values

    def intervals(self, frame: Frame) -> tuple[Numbers, Numbers]:
        """Positions [first, last) of the rows that each row of `frame` may choose from."""
        candidates = self.candidates(frame.seed)
        keys = [self._key(e, frame) for e in self._equal]
        low, high = self._ends(frame)
        first, last = candidates.intervals(keys, low, high, frame.rows)
        for given in self._given:
            last = np.where(is_true(evaluate(given, frame), frame.rows), last, first)
        return first, last

    def _key(self, equal: _Equal, frame: Frame) -> Matched:
        column = evaluate_column(equal.row, frame)
        return matched(column, equal.row.type, equal.target_type)

    def _ends(self, frame: Frame) -> tuple[Numbers | None, Numbers | None]:
        lows: list[Numbers] = []
        highs: list[Numbers] = []
        for operator, bound in self._bounds:
            column = evaluate_column(bound, frame)
            values = np.asarray(column.values).astype(np.int64)
            if operator in ("<", "<=", "=="):
                high = values + (operator != "<")
                # nothing is before null
                highs.append(high if column.valid is None else np.where(column.valid, high, 0))
            if operator in (">", ">=", "=="):
                low = values + (operator == ">")
                lows.append(
                    low if column.valid is None else np.where(column.valid, low, _ALL_INDEXED)
                )
        return (
            _joined(lows, np.maximum),
            _joined(highs, np.minimum),
        )


def _joined(ends: Sequence[Numbers], join: Callable[..., Numbers]) -> Numbers | None:
    if not ends:
        return None
    result = ends[0]
    for end in ends[1:]:
        result = join(result, end)
    return result


def _sides(part: Expr) -> tuple[str, Expr, Expr] | None:
    """A comparison of what reads only the target with what does not, in this order."""
    if not isinstance(part, Operation) or part.operator not in _MIRRORED:
        return None
    operator, (left, right) = part.operator, part.operands
    if not reads(left)[1]:
        operator, left, right = _MIRRORED[operator], right, left
    return (operator, left, right) if reads(left) == (False, True) and not reads(right)[1] else None


def _is_number(expression: Expr) -> bool:
    """Whether this is the number of the row that may be chosen."""
    return isinstance(expression, TargetField) and expression.field is None


def _is_whole(expression: Expr) -> bool:
    return expression.type.kind in INTEGER_KINDS


def where_text(span: Span) -> str:
    """A condition as typed, on one line."""
    return " ".join(span.text.split())[:100]
