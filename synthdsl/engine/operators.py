"""Operators over whole columns, with SQL's nulls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from synthdsl.engine.texts import equal_texts
from synthdsl.model.common_steps import comparison_step
from synthdsl.model.expressions import Expr, Operation
from synthdsl.model.folding import INTEGER_KINDS
from synthdsl.values.columns import Column, both_valid
from synthdsl.values.types import Kind

Operator = Callable[[Operation, list[Column]], Column]
"""The column of an operation, given those of its operands."""

FAR = 2.0**62
"""What stands for whole numbers too large for 64 bits."""


def operate(expression: Operation, operands: list[Column]) -> Column:
    """The value of an operation for every row, given its operands."""
    step = comparison_step(expression)
    if step is not None:
        operands = [Column(np.rint(np.divide(o.values, step)), o.valid) for o in operands]
    return _OPERATORS[expression.operator](expression, operands)


# arithmetic


def _arithmetic(function: Callable[[Any, Any], Any]) -> Operator:
    def apply(expression: Operation, operands: list[Column]) -> Column:
        left, right = operands
        values = function(left.values, right.values)
        return Column(whole(values, expression), both_valid(left.valid, right.valid))

    return apply


def _multiply(expression: Operation, operands: list[Column]) -> Column:
    left, right = operands
    if expression.type.kind is not Kind.INT:
        return _arithmetic(np.multiply)(expression, operands)
    values = whole_product(left.values, right.values)
    return Column(values, both_valid(left.valid, right.valid))


def whole_product(left: Any, right: Any) -> Any:
    """The product of whole numbers; one beyond 64 bits stays at the end of them.

    So an overflow is found where the value meets a field, instead of wrapping around.
    """
    if _largest(left) * _largest(right) < FAR:
        return np.multiply(left, right)
    rough = np.multiply(np.asarray(left, np.float64), right)
    is_far = np.abs(rough) >= FAR
    return np.where(is_far, np.copysign(FAR, rough).astype(np.int64), np.multiply(left, right))


def _largest(values: Any) -> float:
    values = np.asarray(values)
    return max(abs(float(values.max())), abs(float(values.min()))) if values.size else 0.0


def whole(values: Any, expression: Expr) -> Any:
    """Numbers as integers, half-up, where the type counts whole steps."""
    if expression.type.kind in INTEGER_KINDS and np.asarray(values).dtype.kind == "f":
        rounded = np.floor(np.asarray(values) + 0.5)
        if not _largest(rounded) < FAR:
            rounded = np.clip(np.nan_to_num(rounded), -FAR, FAR)
        return rounded.astype(np.int64)
    return values


def _partial(function: Callable[[Any, Any], Any]) -> Operator:
    """An operator that has no value for some operands: null there."""

    def apply(expression: Operation, operands: list[Column]) -> Column:
        left, right = operands
        with np.errstate(all="ignore"):
            values = function(np.asarray(left.values, np.float64), right.values)
        valid = both_valid(left.valid, right.valid)
        finite = np.isfinite(values)
        if not finite.all():
            valid = both_valid(valid, finite)
            values = np.where(finite, values, 1.0)
        return Column(whole(values, expression), valid)

    return apply


def _power(base: Any, exponent: Any) -> Any:
    if np.ndim(exponent) == 0 and exponent == 2:
        return np.square(base)
    return np.power(base, np.asarray(exponent, np.float64))


def _negative(expression: Operation, operands: list[Column]) -> Column:
    return Column(np.negative(operands[0].values), operands[0].valid)


# comparison


def _compare(function: Callable[[Any, Any], Any]) -> Operator:
    def apply(expression: Operation, operands: list[Column]) -> Column:
        left, right = operands
        values = function(left.values, right.values)
        return Column(values, both_valid(left.valid, right.valid))

    return apply


def _equal(is_negated: bool) -> Operator:
    def apply(expression: Operation, operands: list[Column]) -> Column:
        left, right = operands
        if expression.operands[0].type.kind in (Kind.TEXT, Kind.UUID):
            values = equal_texts(left, right)
        else:
            values = np.equal(left.values, right.values)
        if is_negated:
            values = np.logical_not(values)
        return Column(values, both_valid(left.valid, right.valid))

    return apply


def _is_null(is_negated: bool) -> Operator:
    def apply(expression: Operation, operands: list[Column]) -> Column:
        valid = operands[0].valid
        if valid is None:
            return Column(is_negated)
        return Column(valid if is_negated else np.logical_not(valid))

    return apply


# logic


def _and(expression: Operation, operands: list[Column]) -> Column:
    return _kleene(operands, decisive=False)


def _or(expression: Operation, operands: list[Column]) -> Column:
    return _kleene(operands, decisive=True)


def _kleene(operands: list[Column], *, decisive: bool) -> Column:
    """`or` (decisive true) and `and` (decisive false) in three-valued logic."""
    combine = np.logical_or if decisive else np.logical_and
    values = operands[0].values
    for operand in operands[1:]:
        values = combine(values, operand.values)
    if all(operand.valid is None for operand in operands):
        return Column(values)
    decided: Any = False
    known: Any = True
    for operand in operands:
        is_decisive = operand.values if decisive else np.logical_not(operand.values)
        if operand.valid is not None:
            is_decisive = np.logical_and(is_decisive, operand.valid)
            known = np.logical_and(known, operand.valid)
        decided = np.logical_or(decided, is_decisive)
    return Column(np.where(decided, decisive, not decisive), np.logical_or(decided, known))


def _not(expression: Operation, operands: list[Column]) -> Column:
    return Column(np.logical_not(operands[0].values), operands[0].valid)


def _implies(expression: Operation, operands: list[Column]) -> Column:
    left = Column(np.logical_not(operands[0].values), operands[0].valid)
    return _kleene([left, operands[1]], decisive=True)


def _iff(expression: Operation, operands: list[Column]) -> Column:
    left, right = operands
    return Column(np.equal(left.values, right.values), both_valid(left.valid, right.valid))


_OPERATORS: dict[str, Operator] = {
    "+": _arithmetic(np.add),
    "-": _arithmetic(np.subtract),
    "*": _multiply,
    "/": _partial(np.divide),
    "^": _partial(_power),
    "neg": _negative,
    "==": _equal(False),
    "!=": _equal(True),
    "<": _compare(np.less),
    "<=": _compare(np.less_equal),
    ">": _compare(np.greater),
    ">=": _compare(np.greater_equal),
    "and": _and,
    "or": _or,
    "not": _not,
    "->": _implies,
    "<->": _iff,
    "is-null": _is_null(False),
    "is-not-null": _is_null(True),
}
