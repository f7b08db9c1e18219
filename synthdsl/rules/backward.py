"""What a node's inputs can still be, given what it must come out as.

Source: the narrowing step of HC4, Benhamou, Goualard, Granvilliers and Puget 1999, "Revising
hull and box consistency", section 4. What is taken away is surely impossible: bounds of numbers
that are not whole are moved outwards by more than their rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from synthdsl.rules.enclosures import (
    ANY_VALUE,
    FALSE,
    INFINITY,
    NOT_TRUE,
    NOTHING,
    NULL,
    TRUE,
    Enclosure,
    Number,
    between,
    can_be,
    is_surely,
    listing,
    meet,
    over,
    times,
    truths,
    widened,
    without,
)
from synthdsl.rules.forward import (
    both,
    branches,
    bucket_range,
    images,
    in_steps,
    negation,
    slack_of,
    step_count,
)
from synthdsl.rules.graph import Node

Inputs = Sequence[Enclosure]
Narrowed = list[Enclosure]


def backward(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    """The inputs without what cannot give `result`; None where nothing is learnt."""
    narrow = _BACKWARD.get(node.operator)
    if narrow is None:
        return None
    if node.operator in _OPPOSITE and node.detail is not None:
        return _by_steps(
            node.detail, inputs, narrow(node, result, [in_steps(i, node.detail) for i in inputs])
        )
    return narrow(node, result, inputs)


def _by_steps(step: float, inputs: Inputs, counts: Narrowed | None) -> Narrowed | None:
    """Amounts whose whole numbers of steps are among `counts`."""
    if counts is None:
        return None
    return [_with_counts(item, count, step) for item, count in zip(inputs, counts, strict=True)]


def _with_counts(item: Enclosure, count: Enclosure, step: float) -> Enclosure:
    if not (item.has_value and count.has_value):
        return meet(item, count)
    if item.listed is not None:
        kept = {v for v in item.listed if _admits(count, step_count(v, step))}
        return listing(kept, is_number=True, is_nullable=count.is_nullable)
    low, high = widened((count.low - 0.5) * step, (count.high + 0.5) * step)
    return meet(item, between(low, high, count.is_nullable))


def _valued(result: Enclosure, inputs: Inputs) -> Narrowed | None:
    """Inputs of a strict operation whose result must have a value; None if it may be null."""
    if result.is_nullable and any(i.is_nullable for i in inputs):
        return None
    return [i.with_null(False) if i.has_value else NOTHING for i in inputs]


def _size(*items: Enclosure) -> float:
    """The largest finite end: what rounding is relative to."""
    ends = [abs(e) for item in items for e in (item.low, item.high) if math.isfinite(e)]
    return float(max(ends, default=0.0))


def _clipped(node: Node, a: Enclosure, low: Number, high: Number, scale: float) -> Enclosure:
    if math.isnan(low) or math.isnan(high):
        return a
    if node.is_whole and (isinstance(low, float) or isinstance(high, float)):
        # a whole result of numbers that are not was rounded
        low, high = low - 0.5, high + 0.5
    low, high = widened(low, high, scale)
    return meet(a, between(low, high, True))


# arithmetic


def _add(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    valued = _valued(result, inputs)
    if valued is None or not result.has_value:
        return valued
    a, b = valued
    scale = _size(result, a, b)
    return [
        _clipped(node, a, result.low - b.high, result.high - b.low, scale),
        _clipped(node, b, result.low - a.high, result.high - a.low, scale),
    ]


def _subtract(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    valued = _valued(result, inputs)
    if valued is None or not result.has_value:
        return valued
    a, b = valued
    scale = _size(result, a, b)
    return [
        _clipped(node, a, result.low + b.low, result.high + b.high, scale),
        _clipped(node, b, a.low - result.high, a.high - result.low, scale),
    ]


def _multiply(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    valued = _valued(result, inputs)
    if valued is None or not result.has_value:
        return valued
    a, b = valued
    if node.inputs[0] == node.inputs[1]:
        return valued
    wide = _unrounded(node, result)
    return [_factor(a, wide, b), _factor(b, wide, a)]


def _unrounded(node: Node, result: Enclosure) -> Enclosure:
    """What a whole result may have been before it was rounded."""
    if not node.is_whole:
        return result
    return between(result.low - 0.5, result.high + 0.5)


def _factor(a: Enclosure, result: Enclosure, other: Enclosure) -> Enclosure:
    if other.low <= 0 <= other.high:
        return a
    low, high = over(result, other)
    return meet(a, between(*widened(float(low), float(high)), True))


def _divide(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    if result.is_nullable:
        return None
    a, b = (i.with_null(False) if i.has_value else NOTHING for i in inputs)
    if not (result.has_value and a.has_value and b.has_value):
        return [a, b]
    wide = _unrounded(node, result)
    low, high = times(wide, b)
    first = meet(a, between(*widened(float(low), float(high)), True))
    if not first.has_value:
        return [first, b]
    second = b
    if not (wide.low <= 0 <= wide.high):
        low, high = over(first, wide)
        second = meet(b, between(*widened(float(low), float(high)), True))
    return [first, second]


def _power(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    base, exponent = inputs
    p = exponent.single
    if result.is_nullable or not result.has_value or p is None or p <= 0 or not base.has_value:
        return None
    base = base.with_null(False)
    if base.low < 0:
        return [base, exponent]
    low = max(float(result.low), 0.0) ** (1 / p)
    high = INFINITY if math.isinf(result.high) else max(float(result.high), 0.0) ** (1 / p)
    margin = 1e-12
    return [meet(base, between(low * (1 - margin), high * (1 + margin), True)), exponent]


def _negative(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    valued = _valued(result, inputs)
    if valued is None or not result.has_value:
        return valued
    return [meet(valued[0], between(-result.high, -result.low, True))]


def _convert(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    valued = _valued(result, inputs)
    if valued is None or not result.has_value:
        return valued
    factor, offset = node.detail
    wide = result
    if node.is_whole and not (factor.denominator == 1 and offset.denominator == 1):
        wide = between(result.low - 0.5, result.high + 0.5)
    ends = [
        e if math.isinf(e) and factor > 0 else -e if math.isinf(e) else (e - offset) / factor
        for e in (wide.low, wide.high)
    ]
    low, high = (float(e) for e in (ends if factor > 0 else ends[::-1]))
    scale = float(abs(offset / factor))
    return [meet(valued[0], between(*widened(low, high, scale), True))]


def _round(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    valued = _valued(result, inputs)
    if valued is None or not result.has_value:
        return valued
    half = float(node.detail) / 2
    low, high = widened(float(result.low) - half, float(result.high) + half)
    return [meet(valued[0], between(low, high, True))]


# conditions


def _compare(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    if result.is_nullable or not result.has_value or result.listed is None:
        return _one_sided(node, result, inputs)
    valued = [i.with_null(False) if i.has_value else NOTHING for i in inputs]
    if len(result.listed) != 1 or not all(i.has_value for i in valued):
        return valued
    return _ordered(node, is_surely(result, True), valued, (True, True))


def _one_sided(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    """A comparison that may be null: it binds a side whose partner is never null."""
    if result.listed is None or len(result.listed) != 1:
        return None
    if not all(i.has_value for i in inputs):
        return None
    bound = (not inputs[1].is_nullable, not inputs[0].is_nullable)
    return _ordered(node, True in result.listed, list(inputs), bound)


def _ordered(node: Node, is_true: bool, inputs: Narrowed, bound: tuple[bool, bool]) -> Narrowed:
    """`inputs` given that the comparison is true, or that it is false."""
    operator = node.operator if is_true else _OPPOSITE[node.operator]
    a, b = inputs
    if operator in (">", ">="):
        b, a = _less(b, a, operator == ">", node, (bound[1], bound[0]))
    else:
        a, b = _less(a, b, operator == "<", node, bound)
    return [a, b]


_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


def _less(
    a: Enclosure, b: Enclosure, is_strict: bool, node: Node, bound: tuple[bool, bool]
) -> tuple[Enclosure, Enclosure]:
    high, low = b.high, a.low
    if is_strict:
        high, low = _below(high), _above(low)
    first = _with_values(a, -INFINITY, high) if bound[0] else a
    second = _with_values(b, low, INFINITY) if bound[1] else b
    return first, second


def _with_values(a: Enclosure, low: Number, high: Number) -> Enclosure:
    """`a` with its values in an interval, and its null as it was."""
    return meet(a, between(low, high, True))


def _below(x: Number) -> Number:
    """The next number down that a column can hold."""
    if math.isinf(x):
        return x
    return x - 1 if isinstance(x, int) and abs(x) >= 2**53 else math.nextafter(x, -INFINITY)


def _above(x: Number) -> Number:
    if math.isinf(x):
        return x
    return x + 1 if isinstance(x, int) and abs(x) >= 2**53 else math.nextafter(x, INFINITY)


def _equal(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    if result.listed is None or len(result.listed) != 1:
        if result.is_nullable:
            return None
        return [i.with_null(False) if i.has_value else NOTHING for i in inputs]
    items = list(inputs)
    if not result.is_nullable:
        items = [i.with_null(False) if i.has_value else NOTHING for i in inputs]
    if not all(i.has_value for i in items):
        return items
    a, b = items
    are_equal = (True in result.listed) == (node.operator == "==")
    if not are_equal:
        first = _apart(a, b, node) if not b.is_nullable else a
        return [first, _apart(b, a, node) if not a.is_nullable else b]
    first = meet(a, b.with_null(True)) if not b.is_nullable else a
    second = meet(b, a.with_null(True)) if not a.is_nullable else b
    return [first, second]


def _apart(a: Enclosure, b: Enclosure, node: Node) -> Enclosure:
    single = b.single
    if single is None:
        return a
    return without(a, single, is_whole=isinstance(a.low, int) and isinstance(a.high, int))


def _in_set(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    (a,) = inputs
    if not result.is_nullable:
        a = a.with_null(False) if a.has_value else NOTHING
    if result.listed is None or len(result.listed) != 1 or not a.has_value:
        return [a]
    if True in result.listed:
        return [meet(a, listing(node.detail, is_number=False, is_nullable=True))]
    if a.listed is None:
        return [a]
    return [listing(a.listed - node.detail, is_number=False, is_nullable=a.is_nullable)]


def _is_null(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    (a,) = inputs
    if result.listed is None or len(result.listed) != 1:
        return None
    if (True in result.listed) == (node.operator == "is-null"):
        return [NULL if a.is_nullable else NOTHING]
    return [a.with_null(False) if a.has_value else NOTHING]


def _not(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    return [meet(inputs[0], negation(result))]


def _and(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    """Each input is what some combination with the others makes into `result`."""
    before = [TRUE]
    for item in inputs[:-1]:
        before.append(both(before[-1], item))
    after = TRUE
    narrowed = list(inputs)
    for at in range(len(inputs) - 1, -1, -1):
        rest = both(before[at], after)
        narrowed[at] = _supported(inputs[at], rest, result)
        after = both(inputs[at], after)
    return narrowed


_CASES = (TRUE, FALSE, NULL)


def _supported(item: Enclosure, rest: Enclosure, result: Enclosure) -> Enclosure:
    kept = [
        not meet(item, value).is_empty and not meet(both(value, rest), result).is_empty
        for value in _CASES
    ]
    return truths(*kept)


def _or(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    narrowed = _and(node, negation(result), [negation(i) for i in inputs])
    return None if narrowed is None else [negation(i) for i in narrowed]


def _implies(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    narrowed = _and(node, negation(result), [inputs[0], negation(inputs[1])])
    return None if narrowed is None else [narrowed[0], negation(narrowed[1])]


def _iff(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    a, b = inputs
    if result.is_nullable or result.listed is None or len(result.listed) != 1:
        return None
    a, b = meet(a, ANY_VALUE), meet(b, ANY_VALUE)
    if True in result.listed:
        return [meet(a, b), meet(b, a)]
    return [meet(a, negation(b)), meet(b, negation(a))]


# choices and draws


def _choose(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    """Branches that cannot give the result are not taken; the last one left is."""
    reachable = branches(inputs)
    possible = [at for at in reachable if not meet(inputs[at], result).is_empty]
    narrowed = list(inputs)
    last = len(inputs) - 1
    if not possible:
        return [NOTHING for _ in inputs]
    if len(possible) == 1:
        taken = possible[0]
        narrowed[taken] = meet(inputs[taken], result)
        for at in range(0, last if taken == last else taken - 1, 2):
            narrowed[at] = meet(inputs[at], NOT_TRUE)
        if taken != last:
            narrowed[taken - 1] = meet(inputs[taken - 1], TRUE)
        return narrowed
    for at in range(0, last, 2):
        if at + 1 not in possible and can_be(inputs[at], True):
            narrowed[at] = meet(inputs[at], NOT_TRUE)
        if can_be(narrowed[at], True):
            # beyond this one a branch may be passed by: it is not known to be reached
            break
    return narrowed


def _any_of(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    possible = [at for at, i in enumerate(inputs) if not meet(i, result).is_empty]
    if len(possible) != 1:
        return None if possible else [NOTHING for _ in inputs]
    narrowed = list(inputs)
    narrowed[possible[0]] = meet(inputs[possible[0]], result)
    return narrowed


def _support(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    valued = _valued(result, inputs)
    if valued is None or not result.has_value:
        return valued
    low, high = widened(float(result.low), float(result.high), _size(*inputs[:2]))
    valued[0] = meet(valued[0], between(-INFINITY, high, True))
    valued[1] = meet(valued[1], between(low, INFINITY, True))
    return valued


def _within(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    valued = _valued(result, inputs)
    if valued is None or not result.has_value:
        return valued
    slack = slack_of(node.detail)
    draw, low, high = valued
    return [
        draw,
        meet(low, between(-INFINITY, result.high + slack, True)),
        meet(high, between(result.low - slack, INFINITY, True)),
    ]


def _lookup(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    if result.is_nullable or not result.has_value or result.listed is None:
        return None
    rows = node.detail.with_values(result.listed) & node.detail.asked_for(inputs)
    narrowed = []
    for at, item in enumerate(inputs):
        item = item.with_null(False) if item.has_value else NOTHING
        if item.listed is not None:
            used = node.detail.used(at, item.listed, rows)
            is_number = item.low > -INFINITY or item.high < INFINITY
            item = listing(used, is_number=is_number)
        elif not rows:
            item = NOTHING
        narrowed.append(item)
    return narrowed


# functions


def _apply(node: Node, result: Enclosure, inputs: Inputs) -> Narrowed | None:
    call = node.detail
    if result.is_nullable or not result.has_value or not call.function.is_strict:
        return None
    valued = [i.with_null(False) if i.has_value else NOTHING for i in inputs]
    if not all(i.has_value for i in valued):
        return valued
    name = call.function.name
    if name == "bucket" and result.listed is not None:
        ranges = [bucket_range(call, label) for label in result.listed]
        low, high = min(r[0] for r in ranges), max(r[1] for r in ranges)
        return [meet(valued[0], between(low, high, True)), *valued[1:]]
    if name in ("min", "max"):
        low, high = result.low, result.high
        bound = between(low, INFINITY) if name == "min" else between(-INFINITY, high)
        return [meet(i, bound.with_null(True)) for i in valued]
    if name == "abs":
        return [meet(valued[0], between(-result.high, result.high, True))]
    tried = images(call, valued)
    if tried is None:
        return valued
    kept = [value for value, image in tried if image is not None and _admits(result, image)]
    for at, item in enumerate(valued):
        if item.single is None:
            valued[at] = meet(item, listing(kept, is_number=False, is_nullable=True))
    return valued


def _admits(result: Enclosure, value: object) -> bool:
    if result.listed is not None:
        return value in result.listed
    if isinstance(value, int | float) and not isinstance(value, bool):
        return bool(result.low <= value <= result.high)
    return True


_BACKWARD: dict[str, Callable[[Node, Enclosure, Inputs], Narrowed | None]] = {
    "+": _add, "-": _subtract, "*": _multiply, "/": _divide, "^": _power, "neg": _negative,
    "<": _compare, "<=": _compare, ">": _compare, ">=": _compare,
    "==": _equal, "!=": _equal, "in-set": _in_set,
    "is-null": _is_null, "is-not-null": _is_null,
    "and": _and, "or": _or, "not": _not, "->": _implies, "<->": _iff,
    "convert": _convert, "round": _round, "apply": _apply, "choose": _choose,
    "any-of": _any_of, "support": _support, "within": _within, "lookup": _lookup,
}  # fmt: skip
