"""What a node can come out as, given what its inputs can.

Ends of intervals go through the same operations as the engine's values, in the same order of
rounding, so that rounding cannot put a value outside.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from synthdsl.model.expressions import Apply
from synthdsl.rules.enclosures import (
    ANY_TRUTH,
    EVERYTHING,
    INFINITY,
    NOTHING,
    NULL,
    Enclosure,
    Number,
    between,
    can_be,
    hull,
    is_surely,
    listing,
    meet,
    over,
    times,
    truths,
    widened,
)
from synthdsl.rules.graph import Node
from synthdsl.values.types import ORDERED, Kind

Inputs = Sequence[Enclosure]
MOST_WORDS = 512
"""A function of more words than this is not tried on each."""
HUGE = 2**200


def forward(node: Node, inputs: Inputs) -> Enclosure:
    """What `node` can come out as."""
    return _FORWARD.get(node.operator, _unknown)(node, inputs)


def _unknown(node: Node, inputs: Inputs) -> Enclosure:
    return node.start


def _strict(inputs: Inputs) -> Enclosure | None:
    """What a strict operation gives where an input has no value; None where all may have one."""
    if all(i.has_value for i in inputs):
        return None
    if any(i.is_empty for i in inputs):
        return NOTHING
    return NULL


def _is_nullable(inputs: Inputs) -> bool:
    return any(i.is_nullable for i in inputs)


def _number(node: Node, low: Number, high: Number, is_nullable: bool) -> Enclosure:
    """Ends as the engine would hold them: whole where the type counts whole steps."""
    if math.isnan(low) or math.isnan(high):
        low, high = -INFINITY, INFINITY
    if isinstance(low, int) and low < -HUGE:
        low = -INFINITY
    if isinstance(high, int) and high > HUGE:
        high = INFINITY
    if node.is_whole:
        low, high = half_up(low), half_up(high)
    return between(low, high, is_nullable)


def half_up(x: Number) -> Number:
    """The nearest whole number; infinite ends stay."""
    return x if isinstance(x, int) or math.isinf(x) else math.floor(x + 0.5)


# arithmetic


def _add(node: Node, inputs: Inputs) -> Enclosure:
    a, b = inputs
    return _strict(inputs) or _number(node, a.low + b.low, a.high + b.high, _is_nullable(inputs))


def _subtract(node: Node, inputs: Inputs) -> Enclosure:
    a, b = inputs
    return _strict(inputs) or _number(node, a.low - b.high, a.high - b.low, _is_nullable(inputs))


def _multiply(node: Node, inputs: Inputs) -> Enclosure:
    missing = _strict(inputs)
    if missing is not None:
        return missing
    if node.inputs[0] == node.inputs[1]:
        return _square(node, inputs[0])
    return _number(node, *times(*inputs), _is_nullable(inputs))


def _square(node: Node, a: Enclosure) -> Enclosure:
    low, high = times(a, a)
    return _number(node, 0 if a.low <= 0 <= a.high else low if low >= 0 else 0, high, a.is_nullable)


def _divide(node: Node, inputs: Inputs) -> Enclosure:
    missing = _strict(inputs)
    if missing is not None:
        return missing
    b = inputs[1]
    has_zero = b.low <= 0 <= b.high and (b.listed is None or 0 in b.listed)
    if b.low == b.high == 0:
        return NULL
    return _number(node, *over(*inputs), _is_nullable(inputs) or has_zero)


def _power(node: Node, inputs: Inputs) -> Enclosure:
    missing = _strict(inputs)
    if missing is not None:
        return missing
    base, exponent = inputs
    is_nullable = _is_nullable(inputs)
    p = exponent.low
    if p != exponent.high or math.isinf(p):
        return _number(node, 0.0 if base.low >= 0 else -INFINITY, INFINITY, True)
    is_whole = p == int(p)
    if p < 0 or (base.low < 0 and not is_whole):
        return _number(node, 0.0 if base.low >= 0 else -INFINITY, INFINITY, True)
    ends = [_to_the(base.low, p), _to_the(base.high, p)]
    low, high = min(ends), max(ends)
    if is_whole and int(p) % 2 == 0 and base.low <= 0 <= base.high:
        low = 0.0
    return _number(node, *widened(low, high), is_nullable)


def _to_the(base: Number, p: Number) -> float:
    if p == 0:
        return 1.0
    try:
        return float(float(base) ** (int(p) if p == int(p) else p))
    except OverflowError:
        return -INFINITY if base < 0 and int(p) % 2 else INFINITY


def _negative(node: Node, inputs: Inputs) -> Enclosure:
    (a,) = inputs
    return _strict(inputs) or _number(node, -a.high, -a.low, a.is_nullable)


def _convert(node: Node, inputs: Inputs) -> Enclosure:
    (a,) = inputs
    missing = _strict(inputs)
    if missing is not None:
        return missing
    factor, offset = node.detail
    low, high = (converted(x, factor, offset) for x in (a.low, a.high))
    if factor < 0:
        low, high = high, low
    low, high = widened(low, high)
    if a.listed is not None and factor == 1 and offset == 0:
        return a
    return _number(node, low, high, a.is_nullable)


def converted(x: Number, factor: Fraction, offset: Fraction) -> Number:
    """`x * factor + offset`, exact where it is whole."""
    if isinstance(x, float) and math.isinf(x):
        return x if factor > 0 else -x
    exact = Fraction(x) * factor + offset
    return int(exact) if isinstance(x, int) and exact.denominator == 1 else float(exact)


def _round(node: Node, inputs: Inputs) -> Enclosure:
    """Half-up to a grid: what a field makes of a draw or formula."""
    (a,) = inputs
    missing = _strict(inputs)
    if missing is not None:
        return missing
    if a.listed is not None and len(a.listed) <= MOST_WORDS:
        values = {on_grid(v, node.detail, node.is_whole) for v in a.listed}
        return listing(values, is_number=True, is_nullable=a.is_nullable)
    low, high = widened(a.low, a.high)
    ends = [on_grid(x, node.detail, node.is_whole) for x in (low, high)]
    return between(ends[0], ends[1], a.is_nullable)


FINE = 2.0**52


def on_grid(x: Number, step: Fraction, is_whole: bool) -> Number:
    """`x` rounded half-up to the grid of `step`, as the engine holds it."""
    if isinstance(x, float) and (math.isinf(x) or abs(x) >= FINE * step):
        return x
    if isinstance(x, int):
        steps = (2 * x * step.denominator + step.numerator) // (2 * step.numerator)
    else:
        steps = math.floor(x * (step.denominator / step.numerator) + 0.5)
    whole = steps * step.numerator
    return whole if is_whole else whole / step.denominator


# conditions


def in_steps(a: Enclosure, step: float) -> Enclosure:
    """Amounts as the whole numbers of steps by which the engine compares sums on grids."""
    if a.listed is not None:
        counts = {step_count(v, step) for v in a.listed}
        return listing(counts, is_number=True, is_nullable=a.is_nullable)
    if not a.has_value:
        return a
    return between(step_count(a.low, step), step_count(a.high, step), a.is_nullable)


def step_count(x: Number, step: float) -> Number:
    """The nearest whole number of steps; infinite ends stay."""
    return x if isinstance(x, float) and math.isinf(x) else round(x / step)


def _compare(node: Node, inputs: Inputs) -> Enclosure:
    missing = _strict(inputs)
    if missing is not None:
        return missing
    a, b = inputs if node.detail is None else (in_steps(i, node.detail) for i in inputs)
    operator = node.operator
    if operator in (">", ">="):
        a, b = b, a
        operator = "<" if operator == ">" else "<="
    if node.inputs[0] == node.inputs[1]:
        return truths(operator == "<=", operator == "<", a.is_nullable)
    if operator == "<":
        return truths(a.low < b.high, a.high >= b.low, _is_nullable(inputs))
    return truths(a.low <= b.high, a.high > b.low, _is_nullable(inputs))


def _equal(node: Node, inputs: Inputs) -> Enclosure:
    missing = _strict(inputs)
    if missing is not None:
        return missing
    a, b = inputs if node.detail is None else (in_steps(i, node.detail) for i in inputs)
    can_be_equal = meet(a, b).has_value
    can_differ = node.inputs[0] != node.inputs[1] and not (
        a.single is not None and a.single == b.single
    )
    if node.inputs[0] == node.inputs[1]:
        can_be_equal = True
    if node.operator == "!=":
        can_be_equal, can_differ = can_differ, can_be_equal
    return truths(can_be_equal, can_differ, _is_nullable(inputs))


def _in_set(node: Node, inputs: Inputs) -> Enclosure:
    (a,) = inputs
    missing = _strict(inputs)
    if missing is not None:
        return missing
    if a.listed is None:
        return truths(True, True, a.is_nullable)
    return truths(bool(a.listed & node.detail), bool(a.listed - node.detail), a.is_nullable)


def _is_null(node: Node, inputs: Inputs) -> Enclosure:
    (a,) = inputs
    if a.is_empty:
        return NOTHING
    if node.operator == "is-null":
        return truths(a.is_nullable, a.has_value)
    return truths(a.has_value, a.is_nullable)


def negation(a: Enclosure) -> Enclosure:
    """Kleene's `not`."""
    return truths(can_be(a, False), can_be(a, True), a.is_nullable)


def both(a: Enclosure, b: Enclosure) -> Enclosure:
    """Kleene's `and`: what the lesser of false, null, true can be."""
    if a.is_empty or b.is_empty:
        return NOTHING
    a_true, b_true = can_be(a, True), can_be(b, True)
    can_be_null = (a.is_nullable and (b_true or b.is_nullable)) or (b.is_nullable and a_true)
    return truths(a_true and b_true, can_be(a, False) or can_be(b, False), can_be_null)


def either(a: Enclosure, b: Enclosure) -> Enclosure:
    """Kleene's `or`."""
    return negation(both(negation(a), negation(b)))


def _and(node: Node, inputs: Inputs) -> Enclosure:
    result = inputs[0]
    for other in inputs[1:]:
        result = both(result, other)
    return result


def _or(node: Node, inputs: Inputs) -> Enclosure:
    result = inputs[0]
    for other in inputs[1:]:
        result = either(result, other)
    return result


def _not(node: Node, inputs: Inputs) -> Enclosure:
    return negation(inputs[0])


def _implies(node: Node, inputs: Inputs) -> Enclosure:
    return either(negation(inputs[0]), inputs[1])


def _iff(node: Node, inputs: Inputs) -> Enclosure:
    missing = _strict(inputs)
    if missing is not None:
        return missing
    a, b = inputs
    same = any(can_be(a, t) and can_be(b, t) for t in (True, False))
    differ = any(can_be(a, t) and can_be(b, not t) for t in (True, False))
    return truths(same, differ, _is_nullable(inputs))


# choices and draws


def branches(inputs: Inputs) -> list[int]:
    """Positions of the values of a choice that some row may take."""
    found = []
    for at in range(0, len(inputs) - 1, 2):
        if can_be(inputs[at], True):
            found.append(at + 1)
        if is_surely(inputs[at], True):
            return found
    return [*found, len(inputs) - 1]


def _choose(node: Node, inputs: Inputs) -> Enclosure:
    return hull(inputs[at] for at in branches(inputs))


def _any_of(node: Node, inputs: Inputs) -> Enclosure:
    return hull(inputs)


def _support(node: Node, inputs: Inputs) -> Enclosure:
    missing = _strict(inputs)
    if missing is not None:
        return missing
    low, high = inputs[0].low, inputs[1].high
    is_fixed = inputs[0].single is not None and inputs[1].single is not None
    is_exact = is_fixed and low + (high - low) <= high and high - (high - low) >= low
    if not is_exact and math.isfinite(low) and math.isfinite(high):
        # a quantile is low plus a share of the width, which rounding may carry past the other end
        low, high = widened(float(low), float(high))
    return between(low, max(low, high), _is_nullable(inputs))


TOLERANCE = 1e-8
"""Share of a step by which a bound of a draw may miss the grid."""


def slack_of(step: Fraction | None) -> float:
    """How far beyond its bounds a truncated draw may come out."""
    return 0.0 if step is None else float(step) * TOLERANCE


def _within(node: Node, inputs: Inputs) -> Enclosure:
    missing = _strict(inputs)
    if missing is not None:
        return missing
    draw, low, high = inputs
    slack = 0.0 if node.detail is None or node.detail.denominator == 1 else slack_of(node.detail)
    first = low.low - slack if slack else low.low
    last = high.high + slack if slack else high.high
    inside = meet(draw, between(first, last, True))
    return inside.with_null(_is_nullable(inputs))


def _lookup(node: Node, inputs: Inputs) -> Enclosure:
    if any(i.is_empty for i in inputs):
        return NOTHING
    values = node.detail.valued(node.detail.asked_for(inputs))
    is_number = node.start.low > -INFINITY or node.start.high < INFINITY
    return listing(values, is_number=is_number, is_nullable=True)


# functions

_TOTAL = frozenset(
    {"abs", "ceil", "concat", "contains", "date", "datetime", "day", "day_of_year",
     "days_between", "end_of_month", "ends_with", "expit", "floor", "hour", "left", "length",
     "lower", "matches", "max", "min", "minute", "month", "months_between", "probit", "quarter",
     "replace", "right", "second", "sign", "start_of_month", "start_of_year", "starts_with",
     "substring", "time", "title", "trim", "upper", "week", "weekday", "year", "years_between"}
)  # fmt: skip
"""Functions that have a value for every value."""


def _apply(node: Node, inputs: Inputs) -> Enclosure:
    call = node.detail
    name = call.function.name
    if name == "coalesce":
        return _coalesce(inputs)
    if not call.function.is_strict:
        return EVERYTHING
    missing = _strict(inputs)
    if missing is not None:
        return missing
    has_values = name in _TOTAL or (name == "sqrt" and inputs[0].low >= 0)
    is_nullable = _is_nullable(inputs) or not has_values
    if name == "bucket":
        return _bucket(call, inputs[0])
    tried = images(call, inputs)
    if tried is not None:
        values = {result for _, result in tried if result is not None}
        has_null = any(result is None for _, result in tried)
        is_number = call.type.kind in ORDERED
        return listing(values, is_number=is_number, is_nullable=_is_nullable(inputs) or has_null)
    if call.type.kind is Kind.BOOL:
        return ANY_TRUTH.with_null(is_nullable)
    if call.type.kind not in ORDERED:
        return EVERYTHING.with_null(is_nullable)
    ranges = [
        (float(i.low), float(i.high)) if a.type.kind in ORDERED else (-INFINITY, INFINITY)
        for i, a in zip(inputs, call.arguments, strict=True)
    ]
    try:
        low, high = call.function.bounds(*ranges)
    except (ArithmeticError, ValueError, TypeError):
        return EVERYTHING
    if call.type.kind is Kind.DATETIME or call.type.kind is Kind.DURATION:
        low, high = widened(float(low), float(high))
    return _number(node, low, high, is_nullable)


def _coalesce(inputs: Inputs) -> Enclosure:
    parts = []
    for item in inputs:
        parts.append(item.with_null(False))
        if not item.is_nullable:
            return hull(parts)
    return hull([*parts, NULL])


def bucket_range(call: Apply, label: str) -> tuple[Number, Number]:
    """The class that a label stands for: from its edge up to below the next."""
    function: Any = call.function
    at = function.labels.index(label)
    return function.edges[at], math.nextafter(function.edges[at + 1], -INFINITY)


def _bucket(call: Apply, a: Enclosure) -> Enclosure:
    function: Any = call.function
    labels = [
        label
        for label, (first, last) in zip(function.labels, pairwise(function.edges), strict=True)
        if a.high >= first and a.low < last
    ]
    is_outside = a.low < function.edges[0] or a.high >= function.edges[-1]
    return listing(labels, is_number=False, is_nullable=a.is_nullable or is_outside)


def images(call: Apply, inputs: Inputs) -> list[tuple[Any, Any]] | None:
    """Each value of the one input that is not constant, with the result; None for too many."""
    open_at = [at for at, i in enumerate(inputs) if i.single is None or i.is_nullable]
    if len(open_at) > 1 or call.function.name == "round":
        return None
    at = open_at[0] if open_at else 0
    listed = inputs[at].listed if inputs else None
    if listed is None or len(listed) > MOST_WORDS:
        return None
    found = []
    for value in listed:
        values = [value if i == at else item.single for i, item in enumerate(inputs)]
        try:
            found.append((value, call.function.constant(*values)))
        except (NotImplementedError, ArithmeticError, ValueError, TypeError):
            return None
    return found


_FORWARD: dict[str, Callable[[Node, Inputs], Enclosure]] = {
    "+": _add, "-": _subtract, "*": _multiply, "/": _divide, "^": _power, "neg": _negative,
    "<": _compare, "<=": _compare, ">": _compare, ">=": _compare,
    "==": _equal, "!=": _equal, "in-set": _in_set,
    "is-null": _is_null, "is-not-null": _is_null,
    "and": _and, "or": _or, "not": _not, "->": _implies, "<->": _iff,
    "convert": _convert, "round": _round, "apply": _apply, "choose": _choose,
    "any-of": _any_of, "support": _support, "within": _within, "lookup": _lookup,
}  # fmt: skip
