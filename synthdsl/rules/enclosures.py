"""Enclosures: supersets of the values that an expression can take.

Numbers and moments lie in an interval, ends included; booleans, enum members and texts are
listed where they are known. Null is told apart from values. An enclosure never leaves out a
value that can occur, so that what it excludes is certain.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

Number: TypeAlias = int | float

INFINITY = math.inf


@dataclass(frozen=True, slots=True)
class Enclosure:
    """Values from `low` to `high`; where `listed` is not None, only those in it.

    Listed numbers keep `low` and `high` at the least and greatest of them. `is_nullable`: may be
    null. `has_value`: may be something else than null.
    """

    low: Number = -INFINITY
    high: Number = INFINITY
    listed: frozenset[Any] | None = None
    is_nullable: bool = False
    has_value: bool = True

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left, not even null."""
        return not (self.has_value or self.is_nullable)

    @property
    def single(self) -> Any:
        """The one value that is left beside null; None where there are more, or none."""
        if not self.has_value:
            return None
        if self.listed is not None:
            return next(iter(self.listed)) if len(self.listed) == 1 else None
        return self.low if self.low == self.high else None

    def with_null(self, is_nullable: bool) -> Enclosure:
        """The same values; null as given."""
        if is_nullable == self.is_nullable:
            return self
        return Enclosure(self.low, self.high, self.listed, is_nullable, self.has_value)


EVERYTHING = Enclosure(is_nullable=True)
ANY_VALUE = Enclosure()
NOTHING = Enclosure(is_nullable=False, has_value=False)
NULL = Enclosure(is_nullable=True, has_value=False)


def truths(can_be_true: bool, can_be_false: bool, can_be_null: bool = False) -> Enclosure:
    """The enclosure of a condition."""
    return _TRUTHS[can_be_true, can_be_false, can_be_null]


_TRUTHS = {
    (t, f, n): Enclosure(
        listed=frozenset(([True] if t else []) + ([False] if f else [])),
        is_nullable=n,
        has_value=t or f,
    )
    for t in (False, True)
    for f in (False, True)
    for n in (False, True)
}
TRUE = truths(True, False)
FALSE = truths(False, True)
NOT_FALSE = truths(True, False, True)
NOT_TRUE = truths(False, True, True)
ANY_TRUTH = truths(True, True, True)


def can_be(condition: Enclosure, truth: bool) -> bool:
    """Whether a condition can come out as `truth`."""
    return condition.has_value and (condition.listed is None or truth in condition.listed)


def is_surely(condition: Enclosure, truth: bool) -> bool:
    """Whether a condition comes out as `truth` and nothing else."""
    return (
        condition.has_value
        and not condition.is_nullable
        and condition.listed is not None
        and len(condition.listed) == 1
        and truth in condition.listed
    )


def between(low: Number, high: Number, is_nullable: bool = False) -> Enclosure:
    """Numbers from `low` to `high`; no value where the interval is empty."""
    if not low <= high:
        return NULL if is_nullable else NOTHING
    return Enclosure(low, high, None, is_nullable)


def listing(values: Iterable[Any], *, is_number: bool, is_nullable: bool = False) -> Enclosure:
    """Just `values`, none of them null."""
    found = frozenset(values)
    if not found:
        return NULL if is_nullable else NOTHING
    if is_number:
        return Enclosure(min(found), max(found), found, is_nullable)
    return Enclosure(listed=found, is_nullable=is_nullable)


def meet(a: Enclosure, b: Enclosure) -> Enclosure:
    """What lies in both."""
    is_nullable = a.is_nullable and b.is_nullable
    if not (a.has_value and b.has_value):
        return NULL if is_nullable else NOTHING
    low = a.low if a.low >= b.low else b.low
    high = a.high if a.high <= b.high else b.high
    if a.listed is None and b.listed is None:
        if low <= high:
            return Enclosure(low, high, None, is_nullable)
        return NULL if is_nullable else NOTHING
    if a.listed is None or b.listed is None:
        listed = a.listed if b.listed is None else b.listed
        assert listed is not None
    else:
        listed = a.listed if a.listed is b.listed else a.listed & b.listed
    is_number = low > -INFINITY or high < INFINITY
    if is_number:
        listed = frozenset(v for v in listed if low <= v <= high)
    if not listed:
        return NULL if is_nullable else NOTHING
    if is_number:
        return Enclosure(min(listed), max(listed), listed, is_nullable)
    return Enclosure(low, high, listed, is_nullable)


MOST_LISTED = 4096


def hull(parts: Iterable[Enclosure]) -> Enclosure:
    """The smallest enclosure around several."""
    low: Number = INFINITY
    high: Number = -INFINITY
    listed: frozenset[Any] | None = frozenset()
    is_nullable = has_value = False
    for part in parts:
        is_nullable |= part.is_nullable
        if not part.has_value:
            continue
        has_value = True
        low, high = min(low, part.low), max(high, part.high)
        listed = None if listed is None or part.listed is None else listed | part.listed
    if not has_value:
        return NULL if is_nullable else NOTHING
    if listed is not None and len(listed) > MOST_LISTED:
        listed = None
    return Enclosure(low, high, listed, is_nullable)


def without(a: Enclosure, value: Any, *, is_whole: bool) -> Enclosure:
    """`a` without one value; whole numbers at an end move that end inwards."""
    if a.listed is not None:
        if value not in a.listed:
            return a
        rest = a.listed - {value}
        is_number = a.low > -INFINITY or a.high < INFINITY
        return listing(rest, is_number=is_number, is_nullable=a.is_nullable)
    if not a.has_value or not is_whole:
        return a
    low = a.low + 1 if a.low == value else a.low
    high = a.high - 1 if a.high == value else a.high
    return a if (low, high) == (a.low, a.high) else between(low, high, a.is_nullable)


# interval arithmetic: the engine's own operations on the ends, which rounding keeps in order


def product(a: Number, b: Number) -> Number:
    """A product in which zero times infinity is zero: no value is infinite."""
    return 0 if a == 0 or b == 0 else a * b


def times(a: Enclosure, b: Enclosure) -> tuple[Number, Number]:
    """Ends of the products."""
    corners = [product(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    return min(corners), max(corners)


def over(a: Enclosure, b: Enclosure) -> tuple[Number, Number]:
    """Ends of the quotients, where the divisor is not zero."""
    if b.low < 0 < b.high or b.low == b.high == 0:
        return -INFINITY, INFINITY
    corners: list[float] = []
    for x in (a.low, a.high):
        for y in (b.low, b.high):
            if y == 0:
                # from the side on which the divisor lies
                side = 1.0 if b.high > 0 else -1.0
                corners.append(0.0 if x == 0 else math.copysign(INFINITY, x) * side)
            elif math.isinf(y):
                corners.append(math.nan if math.isinf(x) else 0.0)
            else:
                corners.append(x / y)
    known = [c for c in corners if not math.isnan(c)]
    if len(known) < len(corners):
        # an infinite over an infinite divisor: anything of that sign
        known += [0.0]
    return min(known), max(known)


def widened(low: Number, high: Number, scale: float = 0.0) -> tuple[Number, Number]:
    """Ends moved outwards by more than the rounding of numbers as large as `scale`.

    Whole numbers stay: their arithmetic is exact.
    """
    return _out(low, scale, -1), _out(high, scale, 1)


RELATIVE = 1e-14


def _out(end: Number, scale: float, sign: int) -> Number:
    if isinstance(end, int) or math.isinf(end):
        return end
    size = max(abs(end), scale if math.isfinite(scale) else 0.0)
    return end + sign * (size * RELATIVE + 5e-324)
