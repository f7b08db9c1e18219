"""What typed expressions may come to over boxes of fields, enclosed as the engine evaluates them.

For every box an expression's value at any point of the box, as `engine.evaluate` computes it,
lies in the enclosure, and is null only where that says so. A field that occurs twice counts as
two fields (the enclosure is then wider than need be, never narrower).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np

from synthdsl.engine.conditioning import interval_arithmetic as arithmetic
from synthdsl.engine.conditioning.enclosed_values import (
    Enclosure,
    Flags,
    RangeTable,
    both,
    either,
    in_one_vocabulary,
    negated,
    recoded,
    union,
)
from synthdsl.engine.conditioning.function_enclosures import enclose_call
from synthdsl.engine.conditioning.lookup_enclosures import enclose_lookup_value
from synthdsl.engine.grid import Grid
from synthdsl.engine.results import enum_vocabulary
from synthdsl.model.expressions import (
    Apply,
    Choose,
    Constant,
    Convert,
    Expr,
    FieldRef,
    InSet,
    LocalTime,
    LookupValue,
    Operation,
    RowIndex,
)
from synthdsl.model.folding import INTEGER_KINDS
from synthdsl.model.spec import Field
from synthdsl.plan.tabulated import Tabulated
from synthdsl.values.columns import Vocabulary
from synthdsl.values.types import DAY, ORDERED, Kind

__all__ = ["Enclosure", "enclose", "enclose_derived", "on_grid"]


@dataclass(frozen=True)
class _Boxes:
    """What is known of the fields, and the vocabularies of text fields."""

    fields: Mapping[str, Enclosure]
    words: Mapping[str, Vocabulary]


def enclose(
    expression: Expr, fields: Mapping[str, Enclosure], words: Mapping[str, Vocabulary]
) -> Enclosure:
    """What `expression` may come to where the fields lie in `fields`; any other field may be
    anything. `words` are the vocabularies of coded text fields.
    """
    with np.errstate(all="ignore"):
        return _enclose(expression, _Boxes(fields, words))


def enclose_derived(
    field: Field, fields: Mapping[str, Enclosure], words: Mapping[str, Vocabulary]
) -> Enclosure:
    """What a derived field may come to: its formula on its grid, in its own vocabulary."""
    assert field.value is not None
    found = enclose(field.value, fields, words)
    if field.type.kind in ORDERED:
        return on_grid(found, Grid.of(field))
    vocabulary = words.get(field.name)
    if vocabulary is not None and found.vocabulary is not None:
        return recoded(found, vocabulary)
    return found


def on_grid(found: Enclosure, grid: Grid) -> Enclosure:
    """Values as `Grid.derived` rounds them."""
    if grid.step is None and not grid.is_bool:
        return found
    unchecked = np.zeros((), np.bool_)
    with np.errstate(all="ignore"):
        ends = [
            np.where(
                np.isfinite(end),
                grid.derived(np.where(np.isfinite(end), end, 0.0), unchecked),
                end,
            )
            for end in arithmetic.as_floats((found.low, found.high))
        ]
    if grid.is_whole:
        ends = list(arithmetic.exactly_whole((ends[0], ends[1])))
    return replace(found, low=ends[0], high=ends[1])


def _enclose(expression: Expr, boxes: _Boxes) -> Enclosure:
    encloser = _ENCLOSERS.get(type(expression))
    if encloser is not None:
        return encloser(expression, boxes)
    return _unknown(expression, can_null=True)


def _unknown(expression: Expr, *, can_null: bool) -> Enclosure:
    """What the type alone tells."""
    kind = expression.type.kind
    if expression.type.enum is not None:
        words = enum_vocabulary(expression.type.enum)
        return Enclosure.anything(can_null=can_null, vocabulary=words)
    if kind is Kind.BOOL:
        return Enclosure(np.array(False), np.array(True), can_null)
    return Enclosure.anything(can_null=can_null)


# leaves


def _constant(expression: Constant, boxes: _Boxes) -> Enclosure:
    value = expression.value
    if value is None:
        return Enclosure.nothing()
    if expression.type.enum is not None:
        words = enum_vocabulary(expression.type.enum)
        code = np.array(float(words.codes[value]))
        return Enclosure(code, code, vocabulary=words)
    if isinstance(value, str):
        return Enclosure(np.array(0.0), np.array(0.0), vocabulary=Vocabulary((value,)))
    if isinstance(value, list | tuple):
        return Enclosure.anything(can_null=False)
    if isinstance(value, Fraction):
        value = float(value)
    if isinstance(value, bool):
        return Enclosure(np.array(value), np.array(value))
    return Enclosure(*arithmetic.nearest_floats(value))


def _field(expression: FieldRef, boxes: _Boxes) -> Enclosure:
    found = boxes.fields.get(expression.field)
    words = boxes.words.get(expression.field)
    if expression.type.enum is not None:
        words = enum_vocabulary(expression.type.enum)
    if found is None:
        if words is None:
            return _unknown(expression, can_null=expression.type.is_nullable)
        return Enclosure.anything(can_null=expression.type.is_nullable, vocabulary=words)
    return replace(found, vocabulary=words) if found.vocabulary is None and words else found


def _index(expression: RowIndex, boxes: _Boxes) -> Enclosure:
    return Enclosure(np.array(0.0), np.array(np.inf))


def _tabulated(expression: Tabulated, boxes: _Boxes) -> Enclosure:
    if len(expression.axes) > 1:
        return _enclose(expression.original, boxes)
    (axis,) = expression.axes
    found = boxes.fields.get(axis.field)
    if found is None:
        return _enclose(expression.original, boxes)
    first = np.ceil((np.asarray(found.low, np.float64) - axis.low) / axis.step)
    last = np.floor((np.asarray(found.high, np.float64) - axis.low) / axis.step)
    position = Enclosure(first, last, found.can_null, found.can_value)
    result = RangeTable(expression.values, expression.valid).at(position, expression.vocabulary)
    if found.can_null is False or not np.any(found.can_null):
        return result
    # rows in which the axis is null are evaluated, and may have a value (`coalesce`)
    null = {axis.field: replace(found, can_null=True, can_value=False)}
    original = _enclose(expression.original, _Boxes({**boxes.fields, **null}, boxes.words))
    return union([(found.can_value, result), (found.can_null, original)])


# operators


def _operation(expression: Operation, boxes: _Boxes) -> Enclosure:
    operands = [_enclose(operand, boxes) for operand in expression.operands]
    return _OPERATORS[expression.operator](expression, operands)


def _strict(
    operands: list[Enclosure], ends: arithmetic.Ends, fails: Flags = False, works: Flags = True
) -> Enclosure:
    """A result that is null where an operand is, and where it `fails`."""
    can_null: Flags = False
    can_value: Flags = True
    for operand in operands:
        can_null = either(can_null, operand.can_null)
        can_value = both(can_value, operand.can_value)
    return Enclosure(
        *ends, either(can_null, both(can_value, fails)), both(can_value, works)
    )


def _ends(operand: Enclosure) -> arithmetic.Ends:
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
        ends = combine(_ends(left), _ends(right))
        return _strict(operands, _whole(ends, expression, expression.operands))

    return apply


def _multiply(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    left, right = operands
    low, high = arithmetic.product(_ends(left), _ends(right))
    if expression.type.kind is Kind.INT:
        # as `whole_product`: what is beyond 64 bits stays at the end of them
        limit = 2.0**62
        low, high = np.clip(low, -limit, limit), np.clip(high, -limit, limit)
    return _strict(operands, _whole((low, high), expression, expression.operands))


def _divide(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    left, right = operands
    ends, fails, works = arithmetic.quotient(_ends(left), _ends(right))
    if expression.type.kind in INTEGER_KINDS:
        ends = arithmetic.half_up(ends)
    return _strict(operands, ends, fails, works)


def _power(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    left, right = operands
    exponent = expression.operands[1]
    if isinstance(exponent, Constant) and exponent.value == 2:
        ends, fails, works = arithmetic.square(_ends(left))
    else:
        ends, fails, works = arithmetic.power(_ends(left), _ends(right))
    if expression.type.kind in INTEGER_KINDS:
        ends = arithmetic.half_up(ends)
    return _strict(operands, ends, fails, works)


def _negative(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    low, high = _ends(operands[0])
    return _strict(operands, (-high, -low))


# comparison


def _compared(operands: list[Enclosure], can_true: Flags, can_false: Flags) -> Enclosure:
    left, right = operands
    has_both = both(left.can_value, right.can_value)
    can_null = either(left.can_null, right.can_null)
    return Enclosure.of_truth(both(has_both, can_true), both(has_both, can_false), can_null)


def _less(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    left, right = operands
    return _compared(operands, np.less(left.low, right.high), np.greater_equal(left.high, right.low))


def _at_most(expression: Operation, operands: list[Enclosure]) -> Enclosure:
    left, right = operands
    return _compared(operands, np.less_equal(left.low, right.high), np.greater(left.high, right.low))


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


# other nodes


def _convert(expression: Convert, boxes: _Boxes) -> Enclosure:
    operand = _enclose(expression.operand, boxes)
    factor, offset = expression.factor, expression.offset
    low, high = _ends(operand)
    is_exact = expression.operand.type.kind in INTEGER_KINDS and factor.denominator == 1
    if factor != 1:
        if factor.numerator == 1:
            low, high = low / float(factor.denominator), high / float(factor.denominator)
        else:
            low, high = arithmetic.product((low, high), arithmetic.nearest_floats(float(factor)))
    if offset:
        low, high = low + float(offset), high + float(offset)
        is_exact = False
    if is_exact:
        ends = arithmetic.exactly_whole((low, high))
    elif expression.type.kind in INTEGER_KINDS:
        ends = arithmetic.half_up((low, high))
    else:
        ends = low, high
    return _strict([operand], ends)


def _local_time(expression: LocalTime, boxes: _Boxes) -> Enclosure:
    """Local clocks are less than a day from UTC."""
    operand = _enclose(expression.operand, boxes)
    low, high = _ends(operand)
    return _strict([operand], (low - DAY, high + DAY))


def _in_set(expression: InSet, boxes: _Boxes) -> Enclosure:
    operand = _enclose(expression.operand, boxes)
    values = [value for value in expression.values if value is not None]
    if operand.vocabulary is not None:
        wanted = set(values)
        hits = np.array([word in wanted for word in operand.vocabulary.words], np.float64)
        found = RangeTable(hits).at(operand)
        return Enclosure(found.low > 0, found.high > 0, found.can_null, found.can_value)
    kind = expression.operand.type.kind
    if kind in (Kind.TEXT, Kind.UUID, Kind.ENUM):
        return Enclosure(np.array(False), np.array(True), operand.can_null, operand.can_value)
    members = np.unique(np.asarray(values, np.float64))
    low, high = _ends(operand)
    inside = np.searchsorted(members, high, side="right") - np.searchsorted(members, low)
    # whole numbers are all members where there are as many members as numbers
    is_certain = (low == high) & (inside > 0)
    if kind in INTEGER_KINDS and (members == np.floor(members)).all():
        is_certain |= inside >= np.floor(high) - np.ceil(low) + 1
    has_value = operand.can_value
    return Enclosure.of_truth(
        both(has_value, inside > 0), both(has_value, ~is_certain), operand.can_null
    )


def _choose(expression: Choose, boxes: _Boxes) -> Enclosure:
    parts = [
        (is_taken, _enclose(value, boxes))
        for is_taken, value in zip(
            branches_taken([_enclose(c, boxes) for c, _ in expression.branches]),
            [*(value for _, value in expression.branches), expression.otherwise],
            strict=True,
        )
        if is_taken is not False
    ]
    result = union(parts)
    if expression.type.enum is not None and result.vocabulary is None:
        return replace(result, vocabulary=enum_vocabulary(expression.type.enum))
    return result


def branches_taken(conditions: list[Enclosure]) -> list[Flags]:
    """Where each branch of a `when` may be taken, `else` last: the first that is true."""
    is_reached: Flags = True
    taken = []
    for condition in conditions:
        taken.append(both(is_reached, condition.can_true))
        is_passed = either(condition.can_false, condition.can_null)
        is_reached = both(is_reached, is_passed)
    return [*(simplified(flags) for flags in taken), simplified(is_reached)]


def simplified(flags: Flags) -> Flags:
    """A Python bool where the flags are the same in every box."""
    if isinstance(flags, bool):
        return flags
    if not np.any(flags):
        return False
    return True if np.all(flags) else flags


def _apply(expression: Apply, boxes: _Boxes) -> Enclosure:
    arguments = [_enclose(argument, boxes) for argument in expression.arguments]
    return enclose_call(expression, arguments)


def _lookup_value(expression: LookupValue, boxes: _Boxes) -> Enclosure:
    return enclose_lookup_value(expression, [_enclose(key, boxes) for key in expression.keys])


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

_ENCLOSERS: dict[type, Callable[[Any, _Boxes], Enclosure]] = {
    Constant: _constant,
    FieldRef: _field,
    RowIndex: _index,
    Operation: _operation,
    Convert: _convert,
    LocalTime: _local_time,
    InSet: _in_set,
    Apply: _apply,
    Choose: _choose,
    LookupValue: _lookup_value,
    Tabulated: _tabulated,
}
