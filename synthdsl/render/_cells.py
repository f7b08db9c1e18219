"""Single values as short text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

_DURATIONS = (("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000))


def number_text(value: float, decimals: int | None = None) -> str:
    """A number with thousands separators; `decimals` None: about 4 significant digits."""
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    if size >= 1e12 or 0 < size < 1e-4:
        return f"{value:.3g}"
    if decimals is None:
        decimals = (
            0 if size >= 1000 else max(0, 3 - max(math.floor(math.log10(size)), 0)) if size else 0
        )
        shown = f"{value:,.{decimals}f}"
        return shown.rstrip("0").rstrip(".") if "." in shown else shown
    return f"{value:,.{decimals}f}"


def duration_text(microseconds: float) -> str:
    """A duration in the largest unit that it fills: `3.25 d`, `40 min`."""
    size = abs(microseconds)
    for name, length in _DURATIONS:
        if size >= length:
            return f"{number_text(microseconds / length)} {name}"
    return f"{number_text(microseconds / 1_000_000)} s"


def cell_text(value: Any) -> str:
    """One value of a row, exactly (only floats are shortened, see `float_texts`)."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _exact_duration(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(cell_text, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {cell_text(item)}" for key, item in value.items()) + "}"
    return str(value)


def _exact_duration(value: timedelta) -> str:
    sign = "-" if value < timedelta(0) else ""
    value = abs(value)
    minutes, seconds = divmod(value.seconds, 60)
    clock = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    if value.microseconds:
        clock += f".{value.microseconds:06}".rstrip("0")
    return f"{sign}{value.days} d {clock}" if value.days else sign + clock


def column_texts(values: Sequence[Any]) -> list[str]:
    """The cells of one column; floats all with the same number of decimals."""
    floats = [v for v in values if isinstance(v, float) and math.isfinite(v)]
    shown = [f"{v:.6g}" for v in floats]
    if not floats or any("e" in text for text in shown):
        return [cell_text(v) for v in values]
    decimals = max(len(text.partition(".")[2]) for text in shown)
    return [
        f"{v:.{decimals}f}" if isinstance(v, float) and math.isfinite(v) else cell_text(v)
        for v in values
    ]


def is_number(value: Any) -> bool:
    """Whether a cell stands at the right of its column."""
    return isinstance(value, int | float | Decimal | timedelta) and not isinstance(value, bool)
