"""How values of each kind become text: one constant, or an array."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from synthdsl.lazy import lazy
from synthdsl.values import iso
from synthdsl.values.arrays import booleans, numbers, strings
from synthdsl.values.types import LARGEST_INT, Kind, Type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from numpy.typing import NDArray
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")

BOOLS = ("false", "true")
WRITABLE = frozenset(Kind) - {Kind.LIST, Kind.RECORD, Kind.REFERENCE, Kind.NULL, Kind.UNKNOWN}


@dataclass(frozen=True)
class Writer:
    """Text of values of one type, without units.

    Ints, and whole floats up to 2**53, are digits. Other floats are the shortest digits that
    read back as the same double, with an exponent from 1e10 on and below 1e-6. Decimals show
    all digits of their scale. Dates and times are ISO 8601.
    """

    type: Type

    def one(self, value: Any) -> str:
        """The text of a constant in raw representation."""
        kind = self.type.kind
        if kind in _SCALARS:
            return _SCALARS[kind](value)
        if kind is Kind.DECIMAL:
            return _decimal_text(value, self.type.scale)
        return str(value)

    def many(self, values: Any) -> pa.StringArray:
        """The texts of an array in raw representation."""
        kind = self.type.kind
        if kind in _VECTORS:
            return _VECTORS[kind](values)
        if kind is Kind.DECIMAL:
            return _decimal_texts(values, self.type.scale)
        if kind is Kind.BOOL:
            return strings(BOOLS).take(numbers(values.astype(np.int8)))
        if kind is Kind.ENUM and self.type.enum is not None:
            is_coded = hasattr(values, "dtype")
            return strings(self.type.enum.members).take(numbers(values)) if is_coded else values
        return values

    def words(self) -> tuple[str, ...] | None:
        """The only texts there are, in the order of the raw representation; None: open."""
        if self.type.kind is Kind.BOOL:
            return BOOLS
        return self.type.enum.members if self.type.enum is not None else None


def _float_text(value: float) -> str:
    if abs(value) <= LARGEST_INT and value == int(value):
        return str(int(value))
    sign, digits, exponent = Decimal(repr(float(value))).as_tuple()
    text = "".join(map(str, digits)).rstrip("0")
    point = len(digits) + int(exponent)
    minus = "-" if sign else ""
    if not -5 <= point <= 10:
        mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
        return f"{minus}{mantissa}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    if point <= 0:
        return f"{minus}0.{'0' * -point}{text}"
    return f"{minus}{text[:point]}.{text[point:]}"


def _float_texts(values: NDArray[np.float64]) -> pa.StringArray:
    is_whole = (np.abs(values) <= LARGEST_INT) & (np.trunc(values) == values)
    if is_whole.all():
        return _int_texts(values.astype(np.int64))
    shortest = numbers(values).cast(pa.string())
    if not is_whole.any():
        return shortest
    digits = _int_texts(np.where(is_whole, values, 0.0).astype(np.int64))
    return pc.if_else(booleans(is_whole), digits, shortest)


def _int_texts(values: NDArray[np.int64]) -> pa.StringArray:
    return numbers(values).cast(pa.string())


def _decimal_text(value: float, scale: int) -> str:
    units = round(value * 10.0**scale)
    digits = str(abs(units)).rjust(scale + 1, "0")
    minus = "-" if units < 0 else ""
    return minus + (f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits)


def _decimal_texts(values: NDArray[np.float64], scale: int) -> pa.StringArray:
    units = np.rint(values * 10.0**scale).astype(np.int64)
    if scale == 0:
        return _int_texts(units)
    whole, part = np.divmod(np.abs(units), 10**scale)
    minus = pc.if_else(booleans(units < 0), "-", "")
    fraction = pc.utf8_lpad(_int_texts(part), scale, "0")
    return pc.binary_join_element_wise(minus, _int_texts(whole), ".", fraction, "")


_SCALARS: dict[Kind, Callable[[Any], str]] = {
    Kind.INT: lambda value: str(int(value)),
    Kind.FLOAT: _float_text,
    Kind.BOOL: lambda value: BOOLS[bool(value)],
    Kind.DATE: iso.format_date,
    Kind.DATETIME: iso.format_datetime,
    Kind.TIME: iso.format_time,
    Kind.DURATION: iso.format_duration,
}

_VECTORS: dict[Kind, Callable[[Any], Any]] = {
    Kind.INT: _int_texts,
    Kind.FLOAT: _float_texts,
    Kind.DATE: iso.format_dates,
    Kind.DATETIME: iso.format_datetimes,
    Kind.TIME: iso.format_times,
    Kind.DURATION: iso.format_durations,
}
