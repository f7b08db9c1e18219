"""What calls of the language's functions may come to, given enclosures of their arguments.

Monotone functions are evaluated at the ends by their own code, so that ends and values are
rounded alike. A function that is not known here may give anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from synthdsl.engine.conditioning import calendar_enclosures
from synthdsl.engine.conditioning import interval_arithmetic as arithmetic
from synthdsl.engine.conditioning.enclosed_values import (
    Enclosure,
    Flags,
    RangeTable,
    both,
    either,
    in_one_vocabulary,
    strict,
    union,
)
from synthdsl.engine.function_calls import call_function
from synthdsl.engine.results import enum_vocabulary
from synthdsl.functions.elementary import _Elementary
from synthdsl.model.expressions import Apply, Constant, as_arguments
from synthdsl.values.columns import Column, Vocabulary
from synthdsl.values.types import LARGEST_INT, Kind

MOST_WORDS = 100_000
"""Words of a vocabulary up to which a function of text is evaluated for each of them."""
ELEMENTARY_ERROR = 2.0**-48
"""Relative error allowed to the libraries' exponentials and logarithms: 16 last places."""
TAIL_ERROR = 1e-12
"""Relative error of the normal distribution function deep in its tails."""

Handler = Callable[[Apply, list[Enclosure]], Enclosure]


def enclose_call(call: Apply, arguments: list[Enclosure]) -> Enclosure:
    """What a call may come to."""
    by_word = _by_word(call, arguments)
    if by_word is not None:
        return by_word
    handler = _HANDLERS.get(call.function.name)
    if handler is not None:
        return handler(call, arguments)
    if isinstance(call.function, _Elementary):
        return _elementary(call, arguments)
    found = calendar_enclosures.enclose_calendar_call(call, arguments)
    return _anything(call) if found is None else found


def _anything(call: Apply) -> Enclosure:
    words = call.function.vocabulary(*as_arguments(call.arguments))
    if call.type.enum is not None:
        return Enclosure.anything(vocabulary=enum_vocabulary(call.type.enum))
    if words:
        return Enclosure.anything(vocabulary=Vocabulary(tuple(words)))
    if call.type.kind is Kind.BOOL:
        return Enclosure(np.array(False), np.array(True), True)
    return Enclosure.anything()


def _by_word(call: Apply, arguments: list[Enclosure]) -> Enclosure | None:
    """A strict function of one coded text, evaluated for each of its words."""
    varying = [i for i, a in enumerate(call.arguments) if not isinstance(a, Constant)]
    if len(varying) != 1 or not call.function.is_strict:
        return None
    words = arguments[varying[0]].vocabulary
    if words is None or not 0 < len(words) <= MOST_WORDS:
        return None
    columns = [Column(a.value) if isinstance(a, Constant) else Column(0) for a in call.arguments]
    if any(isinstance(a, Constant) and a.value is None for a in call.arguments):
        return Enclosure.nothing()
    columns[varying[0]] = Column(np.arange(len(words), dtype=np.int32), None, words)
    column = call_function(call, columns, len(words))
    if not isinstance(column.values, np.ndarray):
        return _anything(call)
    table = RangeTable(column.values, column.valid)
    found = table.at(arguments[varying[0]], column.vocabulary)
    if call.type.kind is Kind.BOOL:
        return Enclosure(found.low > 0, found.high > 0, found.can_null, found.can_value)
    return found


def _floats(argument: Enclosure) -> arithmetic.Ends:
    return arithmetic.as_floats((argument.low, argument.high))


# numbers


def _elementary(call: Apply, arguments: list[Enclosure]) -> Enclosure:
    function = call.function
    assert isinstance(function, _Elementary)
    low, high = _floats(arguments[0])
    start, end = function.domain
    fails = (low <= start) & np.isfinite(start) | (high >= end) & np.isfinite(end)
    if function.name == "sqrt":
        fails = low < 0
    works = (high >= start) & (low <= end)
    if not function.is_monotone:
        return _circular(call, arguments)
    ends = [function.many(np.clip(x, start, end)) for x in (low, high)]
    error = TAIL_ERROR if function.name == "probit" else ELEMENTARY_ERROR
    if function.name != "sqrt":
        ends = list(arithmetic.widened((ends[0], ends[1]), error))
    below, above = function.image
    fails = fails | np.isinf(ends[0]) | (np.isinf(ends[1]) & (high < np.inf))
    return strict(
        arguments, np.clip(ends[0], below, above), np.clip(ends[1], below, above),
        fails=fails, works=works,
    )  # fmt: skip


def _circular(call: Apply, arguments: list[Enclosure]) -> Enclosure:
    """Sine and cosine change no faster than their argument; a tangent rises between its poles."""
    function = call.function
    assert isinstance(function, _Elementary)
    low, high = _floats(arguments[0])
    fails = np.isinf(low) | np.isinf(high)
    if function.name == "tan":
        branch = np.floor(low / np.pi + 0.5) == np.floor(high / np.pi + 0.5)
        ends = arithmetic.widened((np.tan(low), np.tan(high)), ELEMENTARY_ERROR)
        is_known = branch & (ends[0] <= ends[1]) & (np.maximum(-low, high) < 1e6)
        return strict(
            arguments, np.where(is_known, ends[0], -np.inf), np.where(is_known, ends[1], np.inf),
            fails=fails,
        )  # fmt: skip
    middle = low + (high - low) / 2
    reach = (high - low) / 2 * (1 + 2.0**-50) + np.abs(middle) * 2.0**-52 * (low < high)
    at_middle = np.where(fails, 0.0, function.many(np.where(fails, 0.0, middle)))
    reach = np.where(fails, 1.0, reach) + 2.0**-50
    return strict(
        arguments,
        np.maximum(at_middle - reach, -1.0),
        np.minimum(at_middle + reach, 1.0),
        fails=fails,
    )


def _absolute(call: Apply, arguments: list[Enclosure]) -> Enclosure:
    low, high = _floats(arguments[0])
    return strict(arguments, np.maximum(np.maximum(low, -high), 0.0), np.maximum(-low, high))


def _sign(call: Apply, arguments: list[Enclosure]) -> Enclosure:
    low, high = _floats(arguments[0])
    return strict(arguments, np.sign(low), np.sign(high))


def _extreme(pick: Any) -> Handler:
    def apply(call: Apply, arguments: list[Enclosure]) -> Enclosure:
        low, high = _floats(arguments[0])
        for argument in arguments[1:]:
            low, high = pick(low, argument.low), pick(high, argument.high)
        return strict(arguments, low, high)

    return apply


def _to_whole(call: Apply, arguments: list[Enclosure]) -> Enclosure:
    """Floor, ceil and round: beyond 2**53 without a value where the result is whole."""
    low, high = _floats(arguments[0])
    function = call.function
    digits = getattr(function, "digits", 0)
    if call.arguments[0].type.kind is Kind.INT and digits >= 0:
        return strict(arguments, low, high)
    inside = [np.where(np.isinf(x), 0.0, np.clip(x, -1e300, 1e300)) for x in (low, high)]
    if call.type.kind is Kind.INT:
        # the function's own limit: beyond it there is no value
        inside = [np.clip(x, -LARGEST_INT, LARGEST_INT) for x in inside]
    constants = [a.value for a in call.arguments[1:] if isinstance(a, Constant)]
    ends = [np.asarray(function.apply(x, *constants), np.float64) for x in inside]
    low, high = (np.where(np.isinf(x), x, y) for x, y in zip((low, high), ends, strict=True))
    if call.type.kind is not Kind.INT:
        return strict(arguments, low, high)
    # rounding to tens may carry over the limit
    is_far = (np.abs(low) >= LARGEST_INT) | (np.abs(high) >= LARGEST_INT)
    low = np.where(is_far & np.isfinite(low), -float(LARGEST_INT), low)
    high = np.where(is_far & np.isfinite(high), float(LARGEST_INT), high)
    return strict(arguments, low, high, fails=is_far)


def _remainder(call: Apply, arguments: list[Enclosure]) -> Enclosure:
    (low, high), (least, most) = (_floats(argument) for argument in arguments)
    has_zero = (least <= 0) & (most >= 0)
    divisor = np.where(least == most, least, np.nan)
    same = np.floor_divide(low, divisor) == np.floor_divide(high, divisor)
    same &= np.maximum(np.abs(low), np.abs(high)) < LARGEST_INT
    first, last = np.mod(low, divisor), np.mod(high, divisor)
    same &= first <= last
    return strict(
        arguments,
        np.where(same, first, np.minimum(least, 0.0)),
        np.where(same, last, np.maximum(most, 0.0)),
        fails=has_zero | np.isinf(low) | np.isinf(high),
        works=(least != 0) | (most != 0),
    )


def _whole_quotient(call: Apply, arguments: list[Enclosure]) -> Enclosure:
    (low, high), (least, most) = (_floats(argument) for argument in arguments)
    (first, last), fails, works = arithmetic.quotient((low, high), (least, most))
    # floats may divide to a whole number that the exact quotient only comes near to
    is_single = (least == most) & (np.maximum(np.abs(low), np.abs(high)) < LARGEST_INT)
    ends = (np.floor_divide(low, least), np.floor_divide(high, least))
    first = np.where(is_single, np.minimum(*ends), np.floor(first) - 1)
    last = np.where(is_single, np.maximum(*ends), np.floor(last) + 1)
    fails = fails | (np.abs(first) > LARGEST_INT) | (np.abs(last) > LARGEST_INT)
    first, last = np.where(np.isnan(first), -np.inf, first), np.where(np.isnan(last), np.inf, last)
    return strict(arguments, first, last, fails=fails, works=works)


def _to_int(call: Apply, arguments: list[Enclosure]) -> Enclosure:
    kind = call.arguments[0].type.kind
    if kind is Kind.TEXT:
        return _anything(call)
    low, high = np.ceil(_floats(arguments[0])[0]), np.floor(_floats(arguments[0])[1])
    is_whole = kind in (Kind.BOOL, Kind.INT)
    return strict(arguments, low, high, fails=not is_whole, works=low <= high)


def _to_float(call: Apply, arguments: list[Enclosure]) -> Enclosure:
    if call.arguments[0].type.kind is Kind.TEXT:
        return _anything(call)
    return strict(arguments, *_floats(arguments[0]))


# choices among arguments


def _first_known(call: Apply, arguments: list[Enclosure]) -> Enclosure:
    """`coalesce`: each argument where all before it may be null."""
    is_reached: Flags = True
    parts = []
    for argument in arguments:
        parts.append((both(is_reached, argument.can_value), argument))
        is_reached = both(is_reached, argument.can_null)
    found = union([(taken, _never_null(argument)) for taken, argument in parts])
    return found.with_null(is_reached)


def _never_null(argument: Enclosure) -> Enclosure:
    return Enclosure(argument.low, argument.high, False, argument.can_value, argument.vocabulary)


def _null_if(call: Apply, arguments: list[Enclosure]) -> Enclosure:
    first, second = arguments
    aligned = in_one_vocabulary(arguments)
    is_text = call.arguments[0].type.kind in (Kind.TEXT, Kind.UUID)
    if aligned is None or (is_text and first.vocabulary is None):
        return first.with_null(True)
    left, right = aligned
    meet = (left.low <= right.high) & (right.low <= left.high)
    is_same = meet & (left.low == left.high) & (right.low == right.high)
    return first.with_null(
        both(both(first.can_value, second.can_value), meet),
        either(second.can_null, ~np.asarray(is_same)),
    )


def _bucket(call: Apply, arguments: list[Enclosure]) -> Enclosure:
    edges = np.asarray(call.function.edges, np.float64)  # type: ignore[attr-defined]
    low, high = _floats(arguments[0])
    first = np.searchsorted(edges, low, side="right") - 1
    last = np.searchsorted(edges, high, side="right") - 1
    most = len(edges) - 2
    words = call.function.vocabulary(*as_arguments(call.arguments))
    assert words is not None
    return strict(
        arguments[:1],
        np.clip(first, 0, most) * 1.0,
        np.clip(last, 0, most) * 1.0,
        fails=(first < 0) | (last > most),
        works=(last >= 0) & (first <= most),
        vocabulary=Vocabulary(tuple(words)),
    )


_HANDLERS: dict[str, Handler] = {
    "abs": _absolute,
    "sign": _sign,
    "min": _extreme(np.minimum),
    "max": _extreme(np.maximum),
    "floor": _to_whole,
    "ceil": _to_whole,
    "round": _to_whole,
    "mod": _remainder,
    "div": _whole_quotient,
    "int": _to_int,
    "float": _to_float,
    "coalesce": _first_known,
    "nullif": _null_if,
    "bucket": _bucket,
}
