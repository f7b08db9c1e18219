"""Chances, and raw values of fields, as short text with three significant digits."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Protocol

from synthdsl.model.spelling import spell_constant
from synthdsl.render._cells import duration_text, number_text
from synthdsl.values.types import DAY, Kind, Type

SMALL = 0.01
"""Chances below this are written `5.8e-4`, others in percent."""
LEAST_SHORTFALL = 1e-6


class ProbabilityLike(Protocol):
    """A probability, or bounds of one."""

    @property
    def value(self) -> float:
        """The best guess."""

    @property
    def low(self) -> float:
        """It is at least this."""

    @property
    def high(self) -> float:
        """It is at most this."""

    @property
    def is_exact(self) -> bool:
        """Whether the value is exact."""


def chance_text(chance: float, digits: int = 3, *, rounding: str = ROUND_HALF_EVEN) -> str:
    """`12.3 %`, `5.8e-4`, with so many digits; never `100 %` for what is not quite that."""
    if chance <= 0:
        return "0"
    if chance >= 1:
        return "100 %"
    exact = Decimal(repr(chance))
    if chance < SMALL:
        exponent = exact.adjusted()
        mantissa = _rounded(exact.scaleb(-exponent), digits - 1, rounding)
        if mantissa == 10:
            mantissa, exponent = Decimal(1), exponent + 1
        return f"{_plain(mantissa)}e{exponent}" if exponent < -2 else f"{_plain(mantissa)} %"
    if 1 - chance < LEAST_SHORTFALL:
        return ">99.9999 %"
    decimals = digits - 2 if chance >= 0.1 else digits - 1
    percent = _rounded(exact * 100, decimals, rounding)
    while percent == 100:  # as many digits as it takes to tell it from certainty
        decimals += 1
        percent = _rounded(exact * 100, decimals, rounding)
    return f"{_plain(percent)} %"


def _rounded(value: Decimal, decimals: int, rounding: str) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=rounding)


def _plain(value: Decimal) -> str:
    shown = f"{value:f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def probability_text(probability: ProbabilityLike) -> str:
    """An exact probability as it is, any other with `~` before it."""
    if probability.is_exact:
        return chance_text(probability.value)
    if probability.value <= 0:
        return f"below {chance_text(probability.high)}"
    return "~" + chance_text(probability.value)


def bounds_text(probability: ProbabilityLike) -> str:
    """The interval that a probability lies in, rounded outwards; empty for an exact one.

    It has as many digits as its width is worth.
    """
    if probability.is_exact:
        return ""
    low, high = probability.low, probability.high
    leading = math.floor(math.log10(high)) if high > 0 else 0
    worth = math.floor(math.log10((high - low) / 2)) if high > low else -9
    digits = min(max(leading - worth + 1, 3), 6)
    shown_low = chance_text(low, digits, rounding=ROUND_FLOOR)
    return f"[{shown_low}, {chance_text(high, digits, rounding=ROUND_CEILING)}]"


def value_text(value: float | None, type: Type) -> str:
    """A raw value of an ordered field, or a mean of such; numbers to four digits."""
    if value is None:
        return "null"
    if type.kind in (Kind.DATE, Kind.DATETIME, Kind.TIME):
        return _moment_text(value, type)
    if type.kind is Kind.DURATION:
        return duration_text(value)
    return number_text(value)


def spread_text(value: float | None, type: Type, *, digits: int | None = None) -> str:
    """A difference between raw values of a field, such as its standard deviation.

    `digits`: significant ones, instead of about four.
    """
    if value is None:
        return "null"
    if digits is not None:
        return _spread_text(value, type, digits)
    if type.kind is Kind.DATE:
        return duration_text(value * DAY)
    if type.kind in (Kind.DATETIME, Kind.TIME, Kind.DURATION):
        return duration_text(value)
    return number_text(value)


def _spread_text(value: float, type: Type, digits: int) -> str:
    """In the largest unit of time that it fills, or a plain number."""
    unit = ""
    if type.kind in (Kind.DATE, Kind.DATETIME, Kind.TIME, Kind.DURATION):
        micros = value * DAY if type.kind is Kind.DATE else value
        sizes = ((DAY, " d"), (DAY / 24, " h"), (60_000_000, " min"), (1_000_000, " s"))
        size, unit = next((pair for pair in sizes if abs(micros) >= pair[0]), sizes[-1])
        value = micros / size
    if abs(value) >= 10**digits:
        return f"{value:,.0f}{unit}"
    return f"{value:.{digits}g}{unit}"


def _moment_text(value: float, type: Type) -> str:
    whole = math.floor(value + 0.5)
    if type.kind is Kind.DATE:
        return spell_constant(whole, type)
    to_minutes = spell_constant(whole - whole % 60_000_000, type)
    text = to_minutes.removesuffix("Z")
    # seconds say nothing about a mean or a quantile
    return text[: -len(":00")] if text.endswith(":00") else text
