"""What operators may come to, given enclosures of their operands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from synthdsl.engine.conditioning import interval_arithmetic as arithmetic
from synthdsl.engine.conditioning.enclosed_values import (
    Enclosure,
    Flags,
    both,
    either,
    in_one_vocabulary,
    strict,
)
from synthdsl.engine.operators import FAR
from synthdsl.model.common_steps import comparison_step
from synthdsl.model.expressions import Constant, Expr, Operation
from synthdsl.model.folding import INTEGER_KINDS
from synthdsl.values.types import Kind


def enclose_operation(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    """What an operation may come to."""
    step = comparison_step(expression)
    if step is not None:
        # as the engine compares sums on grids; rounding keeps the order of the ends
        operands = [
            replace(o, low=np.rint(np.divide(o.low, step)), high=np.rint(np.divide(o.high, step)))
            for o in operands
        ]
    return _OPERATORS[expression.operator](expression, operands)


def ends_of(operand: Enclosure) -> arithmetic.Ends:
    """The ends of numbers."""
    return arithmetic.as_floats((operand.low, operand.high))


def _whole(ends: arithmetic.Ends, expression: Expr, operands: tuple[Expr, ...]) -> arithmetic.Ends:
    """Ends as the engine makes whole numbers of them, where the type asks for it."""
    if expression.type.kind not in INTEGER_KINDS:
        return ends
    if all(operand.type.kind in INTEGER_KINDS for operand in operands):
        return arithmetic.exactly_whole(ends)
    return arithmetic.half_up(ends)


def _arithmetic(combine: Callable[[Any, Any], Any]) -> Callable[[Any, list[Enclosure]], Enclosure]:
    def apply(expression: Operation, operands: list[Enclosure]) -> Enclosure:
        left, right = operands
        ends = combine(ends_of(left), ends_of(right))
        return strict(operands, *_whole(ends, expression, expression.operands))

    return apply


def _multiply(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    left, right = operands
    low, high = arithmetic.product(ends_of(left), ends_of(right))
    if expression.type.kind is Kind.INT:
        # as `whole_product`: what is beyond 64 bits stays at the end of them
        low, high = np.clip(low, -FAR, FAR), np.clip(high, -FAR, FAR)
    return strict(operands, *_whole((low, high), expression, expression.operands))


def _divide(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    left, right = operands
    ends, fails, works = arithmetic.quotient(ends_of(left), ends_of(right))
    if expression.type.kind in INTEGER_KINDS:
        ends = arithmetic.half_up(ends)
    return strict(operands, *ends, fails=fails, works=works)


def _power(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    left, right = operands
    exponent = expression.operands[1]
    if isinstance(exponent, Constant) and exponent.value == 2:
        ends, fails, works = arithmetic.square(ends_of(left))
    else:
        ends, fails, works = arithmetic.power(ends_of(left), ends_of(right))
    if expression.type.kind in INTEGER_KINDS:
        ends = arithmetic.half_up(ends)
    return strict(operands, *ends, fails=fails, works=works)


def _negative(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    low, high = ends_of(operands[0])
    return strict(operands, -high, -low)


# comparison


def _compared(operands: list[Enclosure], can_true: Flags, can_false: Flags) -> Enclosure:
    left, right = operands
    has_both = both(left.can_value, right.can_value)
    can_null = either(left.can_null, right.can_null)
    return Enclosure.of_truth(both(has_both, can_true), both(has_both, can_false), can_null)


def _less(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    left, right = operands
    return _compared(
        operands, np.less(left.low, right.high), np.greater_equal(left.high, right.low)
    )


def _at_most(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    left, right = operands
    return _compared(
        operands, np.less_equal(left.low, right.high), np.greater(left.high, right.low)
    )


def _greater(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    return _less(expression, operands[::-1])


def _at_least(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    return _at_most(expression, operands[::-1])


def _equal(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    can_true, can_false = equality(expression.operands[0].type.kind, operands)
    return _compared(operands, can_true, can_false)


def _unequal(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    can_true, can_false = equality(expression.operands[0].type.kind, operands)
    return _compared(operands, can_false, can_true)


def equality(kind: Kind, operands: list[Enclosure]) -> tuple[Flags, Flags]:
    """Where two values may be equal, and where they may differ."""
    if kind in (Kind.TEXT, Kind.UUID):
        if any(operand.vocabulary is None for operand in operands):
            return True, True
        aligned = in_one_vocabulary(operands)
        assert aligned is not None
        operands = aligned
    left, right = operands
    meet = np.less_equal(left.low, right.high) & np.less_equal(right.low, left.high)
    are_single = np.equal(left.low, left.high) & np.equal(right.low, right.high)
    return meet, ~(meet & are_single)


def _is_null(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    (operand,) = operands
    return Enclosure.of_truth(operand.can_null, operand.can_value, False)


def _is_not_null(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    (operand,) = operands
    return Enclosure.of_truth(operand.can_value, operand.can_null, False)


# logic


def _and(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    return reduce(_both_true, operands)


def _both_true(left: Enclosure, right: Enclosure) -> Enclosure:
    """Kleene's conjunction."""
    a, b = (left.can_true, left.can_false, left.can_null), (
        right.can_true, right.can_false, right.can_null,
    )  # fmt: skip
    can_null = either(both(a[2], either(b[0], b[2])), both(b[2], either(a[0], a[2])))
    return Enclosure.of_truth(both(a[0], b[0]), either(a[1], b[1]), can_null)


def _inverted(operand: Enclosure) -> Enclosure:
    return Enclosure.of_truth(operand.can_false, operand.can_true, operand.can_null)


def _not(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    return _inverted(operands[0])


def _or(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    return _inverted(reduce(_both_true, map(_inverted, operands)))


def _implies(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    left, right = operands
    return _inverted(_both_true(left, _inverted(right)))


def _iff(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    left, right = operands
    can_true = either(both(left.can_true, right.can_true), both(left.can_false, right.can_false))
    can_false = either(both(left.can_true, right.can_false), both(left.can_false, right.can_true))
    return Enclosure.of_truth(can_true, can_false, either(left.can_null, right.can_null))


_OPERATORS: dict[str, Callable[[Any, list[Enclosure]], Enclosure]] = {
    "+": _arithmetic(arithmetic.total),
    "-": _arithmetic(arithmetic.difference),
    "*": _multiply,
    "/": _divide,
    "^": _power,
    "neg": _negative,
    "==": _equal,
    "!=": _unequal,
    "<": _less,
    "<=": _at_most,
    ">": _greater,
    ">=": _at_least,
    "and": _and,
    "or": _or,
    "not": _not,
    "->": _implies,
    "<->": _iff,
    "is-null": _is_null,
    "is-not-null": _is_not_null,
}
