"""What typed expressions may come to over boxes of fields, enclosed as the engine evaluates them.

For every box an expression's value at any point of the box, as `engine.evaluate` computes it,
lies in the enclosure, and is null only where that says so. A field that occurs twice counts as
two fields (the enclosure is then wider than need be, never narrower).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from synthdsl.engine.conditioning import interval_arithmetic as arithmetic
from synthdsl.engine.conditioning.enclosed_values import (
    Enclosure,
    Flags,
    RangeTable,
    both,
    either,
    recoded,
    strict,
    union,
)
from synthdsl.engine.conditioning.function_enclosures import enclose_call
from synthdsl.engine.conditioning.lookup_enclosures import enclose_lookup_value
from synthdsl.engine.conditioning.operator_enclosures import (
    enclose_operation,
    ends_of,
)
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


# inner nodes


def _operation(expression: Operation, boxes: _Boxes) -> Enclosure:
    operands = [_enclose(operand, boxes) for operand in expression.operands]
    return enclose_operation(expression, operands)


def _convert(expression: Convert, boxes: _Boxes) -> Enclosure:
    operand = _enclose(expression.operand, boxes)
    factor, offset = expression.factor, expression.offset
    low, high = ends_of(operand)
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
    return strict([operand], *ends)


def _local_time(expression: LocalTime, boxes: _Boxes) -> Enclosure:
    """Local clocks are less than a day from UTC."""
    operand = _enclose(expression.operand, boxes)
    low, high = ends_of(operand)
    return strict([operand], low - DAY, high + DAY)


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
    low, high = ends_of(operand)
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
