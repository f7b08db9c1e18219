"""Interval arithmetic as the engine evaluates: the ends of the results over boxes of operands.

Rounding to nearest never reverses an order. So where operands lie between floats, the rounded
result lies between the rounded results at the corners, and no end needs to be moved outwards;
the exceptions are functions that are not rounded correctly (powers), and whole numbers beyond
2**53, whose arithmetic is exact where that of the ends is not. See Moore, Kearfott, Cloud 2009,
"Introduction to Interval Analysis", chapters 2 and 3. Overflow of a double (beyond 1.8e308)
outside of divisions and powers is not followed up.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.operators import FAR
from synthdsl.values.types import LARGEST_INT

Ends: TypeAlias = tuple[Any, Any]
"""Low and high ends of the intervals of all boxes."""

POWER_ERROR = 2.0**-50
"""Relative error allowed to the library's powers: 4 units in the last place."""


def as_floats(ends: Ends) -> Ends:
    """Ends as float64."""
    return np.asarray(ends[0], np.float64), np.asarray(ends[1], np.float64)


def total(left: Ends, right: Ends) -> Ends:
    """Sums."""
    return left[0] + right[0], left[1] + right[1]


def difference(left: Ends, right: Ends) -> Ends:
    """Differences."""
    return left[0] - right[1], left[1] - right[0]


def product(left: Ends, right: Ends) -> Ends:
    """Products; zero times anything is zero."""
    for one, other in ((left, right), (right, left)):
        if np.ndim(one[0]) == 0 and one[0] == one[1] and np.isfinite(one[0]):
            return _scaled(other, float(one[0]))
    if _is_nonnegative(left) and _is_nonnegative(right):
        return _without_nan(left[0] * right[0]), _without_nan(left[1] * right[1])
    corners = [_without_nan(a * b) for a in left for b in right]
    return _hull(corners)


def _scaled(ends: Ends, factor: float) -> Ends:
    low, high = (_without_nan(end * factor) for end in ends)
    return (low, high) if factor >= 0 else (high, low)


def _is_nonnegative(ends: Ends) -> bool:
    return bool(np.min(ends[0], initial=0.0) >= 0)


def _without_nan(values: Any) -> Any:
    """`values` with 0 for what zero times infinity gives."""
    return np.where(np.isnan(values), 0.0, values) if np.isnan(np.sum(values)) else values


def _hull(corners: list[Any]) -> Ends:
    low = high = corners[0]
    for corner in corners[1:]:
        low, high = np.minimum(low, corner), np.maximum(high, corner)
    return low, high


def quotient(left: Ends, right: Ends) -> tuple[Ends, Any, Any]:
    """Quotients, where there may be none, and where there may be one.

    There is none where the divisor is zero and where the quotient overflows.
    """
    low, high = right
    if float(np.min(low, initial=np.inf)) > 0 and _is_nonnegative(left):
        with np.errstate(all="ignore"):
            result_low, result_high = _without_nan(left[0] / high), left[1] / low
        has_none = np.zeros((), np.bool_)
        return (result_low, result_high), has_none | np.isinf(result_high), ~has_none
    with np.errstate(all="ignore"):
        corners = [_without_nan(a / b) for a in left for b in right]
        result_low, result_high = _hull(corners)
        has_zero = (low <= 0) & (high >= 0)
        if has_zero.any():
            result_low, result_high = _past_zero(left, right, (result_low, result_high), has_zero)
    can_fail = has_zero | _may_overflow(result_low, result_high)
    return (result_low, result_high), can_fail, (low < 0) | (high > 0)


def _past_zero(left: Ends, right: Ends, plain: Ends, has_zero: Any) -> Ends:
    """Quotients by intervals that hold zero: what remains of them on each side of it."""
    low, high = right
    from_above = _by_positive(left, high)
    from_below = _by_positive((-left[1], -left[0]), -low)
    result_low = np.minimum(
        np.where(high > 0, from_above[0], np.inf), np.where(low < 0, from_below[0], np.inf)
    )
    result_high = np.maximum(
        np.where(high > 0, from_above[1], -np.inf), np.where(low < 0, from_below[1], -np.inf)
    )
    is_none = (low == 0) & (high == 0)
    result_low, result_high = (
        np.where(is_none, 0.0, result_low),
        np.where(is_none, 0.0, result_high),
    )
    return np.where(has_zero, result_low, plain[0]), np.where(has_zero, result_high, plain[1])


def _by_positive(left: Ends, most: Any) -> Ends:
    """Quotients by all of (0, most]."""
    low = np.where(left[0] < 0, -np.inf, _without_nan(left[0] / most))
    high = np.where(left[1] > 0, np.inf, _without_nan(left[1] / most))
    return low, high


def _may_overflow(low: Any, high: Any) -> Any:
    return np.isinf(low) | np.isinf(high)


def power(base: Ends, exponent: Ends) -> tuple[Ends, Any, Any]:
    """Powers, where there may be none, and where there may be one."""
    if np.ndim(exponent[0]) == 0 and exponent[0] == exponent[1]:
        return constant_power(base, float(exponent[0]))
    low, _ = base
    with np.errstate(all="ignore"):
        corners = [np.power(np.maximum(b, 0.0), p) for b in base for p in exponent]
        ends = _widened(_hull([np.where(np.isnan(c), 1.0, c) for c in corners]))
    # powers of one base run through 1, exponents through bases of either side of it
    is_plain = low > 0
    result_low = np.where(is_plain, ends[0], -np.inf)
    result_high = np.where(is_plain, ends[1], np.inf)
    can_fail = ~is_plain | _may_overflow(result_low, result_high)
    return (result_low, result_high), can_fail, np.ones(np.shape(is_plain), np.bool_)


def constant_power(base: Ends, exponent: float) -> tuple[Ends, Any, Any]:
    """Powers by one exponent, where there may be none, and where there may be one."""
    low, high = base
    with np.errstate(all="ignore"):
        if exponent == 0:
            one = np.ones(np.shape(low))
            return (one, one), np.zeros(np.shape(low), np.bool_), np.ones(np.shape(low), np.bool_)
        if exponent < 0:
            ends, fails, has_value = constant_power(base, -exponent)
            one = np.array(1.0)
            ends, by_zero, is_inverted = quotient((one, one), ends)
            # a power is not the inverse of a power to the last bit
            return _widened(ends), fails | by_zero, has_value & is_inverted
        is_whole = exponent == int(exponent) if exponent < 1e15 else False
        if not is_whole:
            roots = [np.power(np.maximum(end, 0.0), exponent) for end in base]
            inside = _widened((roots[0], roots[1]))
            return inside, (low < 0) | _may_overflow(*inside), high >= 0
        if exponent % 2 == 0:
            ends = _even_power(base, exponent)
        else:
            ends = np.power(low, exponent), np.power(high, exponent)
    return _widened(ends), _may_overflow(*ends), np.ones(np.shape(ends[0]), np.bool_)


def _even_power(base: Ends, exponent: float) -> Ends:
    """Powers that forget the sign: least where the base is nearest to zero."""
    nearest, farthest = _distances(base)
    return np.power(nearest, exponent), np.power(farthest, exponent)


def square(base: Ends) -> tuple[Ends, Any, Any]:
    """Squares, which are rounded correctly, as `power` gives powers."""
    nearest, farthest = _distances(base)
    with np.errstate(over="ignore"):
        ends = np.square(nearest), np.square(farthest)
    return ends, _may_overflow(*ends), np.ones(np.shape(nearest), np.bool_)


def _distances(base: Ends) -> Ends:
    """The least and the greatest distance from zero."""
    low, high = base
    return np.maximum(np.maximum(low, -high), 0.0), np.maximum(-low, high)


def _widened(ends: Ends) -> Ends:
    return widened(ends, POWER_ERROR)


def widened(ends: Ends, relative: float, absolute: Any = 0.0) -> Ends:
    """Ends moved outwards by relative and absolute errors."""
    low, high = ends
    with np.errstate(invalid="ignore"):
        low_error = np.abs(low) * relative + absolute
        high_error = np.abs(high) * relative + absolute
        return (
            np.where(np.isinf(low), low, low - low_error),
            np.where(np.isinf(high), high, high + high_error),
        )


def half_up(ends: Ends) -> Ends:
    """Ends of values rounded half-up to whole numbers, as the engine rounds them."""
    low, high = ends
    return np.clip(np.floor(low + 0.5), -FAR, FAR), np.clip(np.floor(high + 0.5), -FAR, FAR)


def exactly_whole(ends: Ends) -> Ends:
    """Ends for whole numbers that were reckoned exactly: moved outwards beyond 2**53, and no
    knowledge beyond 64 bits.
    """
    low: Any
    high: Any
    low, high = as_floats(ends)
    largest = max(-float(np.min(low, initial=0.0)), float(np.max(high, initial=0.0)))
    if largest <= LARGEST_INT:
        return ends
    low = np.where(np.abs(low) > LARGEST_INT, np.nextafter(low, -np.inf), low)
    high = np.where(np.abs(high) > LARGEST_INT, np.nextafter(high, np.inf), high)
    is_far = ((low < -FAR) & np.isfinite(low)) | ((high > FAR) & np.isfinite(high))
    return np.where(is_far, -np.inf, low), np.where(is_far, np.inf, high)


def nearest_floats(value: int | float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The floats on both sides of a number; the number itself twice where it is a float."""
    near = float(value)
    if near == value or near != near:
        return np.array(near), np.array(near)
    below = near if near < value else np.nextafter(near, -np.inf)
    above = near if near > value else np.nextafter(near, np.inf)
    return np.array(below), np.array(above)
