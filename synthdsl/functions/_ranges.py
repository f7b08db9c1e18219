"""Interval arithmetic behind the functions' `bounds`: images that are never too narrow."""

from __future__ import annotations

import math
from collections.abc import Callable

from synthdsl.functions.base import EVERYTHING, Range

ULPS = 4
"""How many units in the last place numpy's and the platform's functions may differ by."""

INFINITY = math.inf


def widened(low: float, high: float, within: Range = EVERYTHING) -> Range:
    """The range [low, high] widened by rounding error, but kept inside `within`."""
    for _ in range(ULPS):
        low, high = math.nextafter(low, -INFINITY), math.nextafter(high, INFINITY)
    return max(low, within[0]), min(high, within[1])


def increasing(
    function: Callable[[float], float], domain: Range, image: Range
) -> Callable[[Range], Range]:
    """The image map of an increasing function on `domain`; arguments outside have no value.

    `function` is called on finite values inside the domain only; the ends of the domain and
    overflow map to the ends of `image`.
    """

    def at(x: float) -> float:
        if x <= domain[0]:
            return image[0]
        if x >= domain[1]:
            return image[1]
        try:
            return function(x)
        except OverflowError:
            return image[1] if x > 0 else image[0]

    def map_range(argument: Range) -> Range:
        low, high = argument
        if high < domain[0] or low > domain[1]:
            return EVERYTHING
        return widened(at(low), at(high), image)

    return map_range


def whole(step: Callable[[float], int], argument: Range) -> Range:
    """The image under an increasing function to whole numbers; infinite ends stay."""
    low, high = argument
    return (
        low if math.isinf(low) else float(step(low)),
        high if math.isinf(high) else float(step(high)),
    )


def hull(ranges: tuple[Range, ...]) -> Range:
    """The smallest range around several."""
    return min(low for low, _ in ranges), max(high for _, high in ranges)
