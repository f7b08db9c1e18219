"""Raw constants as a user would type them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from synthdsl.values.types import Kind, Type


def spell_constant(value: Any, type: Type) -> str:
    """A raw value of `type` (see `values.types`) in the notation of the language."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        return _spell(value, type)
    except (OverflowError, ValueError):
        return f"{value:g}"


def _spell(value: Any, type: Type) -> str:
    if type.kind is Kind.DATE:
        return (date(1970, 1, 1) + timedelta(days=value)).isoformat()
    if type.kind is Kind.DATETIME:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
        return moment.replace(tzinfo=None).isoformat() + ("Z" if type.zone else "")
    if type.kind is Kind.TIME:
        return (datetime(1970, 1, 1) + timedelta(microseconds=value)).time().isoformat()
    if type.kind is Kind.DURATION:
        return _duration(timedelta(microseconds=value))
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _duration(value: timedelta) -> str:
    """In the largest unit that keeps the number whole."""
    micros = round(value / timedelta(microseconds=1))
    for unit, size in (
        ("d", 86_400_000_000),
        ("h", 3_600_000_000),
        ("min", 60_000_000),
        ("s", 1_000_000),
    ):
        if micros % size == 0 and micros:
            return f"{micros // size} {unit}"
    return f"{micros / 1_000_000:g} s"
