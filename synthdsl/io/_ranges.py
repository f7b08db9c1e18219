"""Text of numbers, dates and moments, from tables where a block's values lie close together.

Most columns of a synthetic table are short ranges of whole numbers in disguise: ages, dates,
measurements to one decimal. Looking their text up costs a tenth of formatting each value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthdsl.io._cells import ColumnText, Dialect, Piece, filled, text_bytes
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from numpy.typing import NDArray
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")

DAY_SECONDS = 86_400
SECOND = 1_000_000
FIRST_DAY, LAST_DAY = -719_162, 2_932_896
"""0001-01-01 and 9999-12-31: outside, a date has no ten-character text."""
WIDEST_TABLE = 1 << 16
"""Most entries of a table of texts, but for the seconds of a day and the words of a category."""


class RangeText(ColumnText):
    """Text of values that are whole numbers in disguise, from a table where the range is short.

    `numbers` gives the whole numbers behind an array (None: they are not, this time) and
    `values` is its inverse, for the table.
    """

    widest = WIDEST_TABLE

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect)
        self.low, self.high = 0, -1
        self.tables: dict[str, pa.StringArray] = {}

    def numbers(self, array: pa.Array) -> NDArray[Any] | None:
        """Whole numbers, or None where this array has no such."""
        raise NotImplementedError

    def values(self, numbers: NDArray[np.int64]) -> pa.Array:
        """The values that `numbers` stand for."""
        raise NotImplementedError

    def pieces(self, array: pa.Array, prefix: str) -> tuple[list[Piece], str]:
        """See the base class."""
        numbers = self.numbers(array) if len(array) else None
        if numbers is None:
            return super().pieces(array, prefix)
        valid = _valid(array)
        known = numbers if valid is None else numbers[valid]
        low, high = (int(known.min()), int(known.max())) if len(known) else (0, 0)
        if not self._reaches(low, high):
            return super().pieces(array, prefix)
        at = numbers - self.low
        if valid is not None:
            at = np.where(valid, at, self.high - self.low + 1)
        return [self._table(prefix).take(pa.array(at))], ""

    def _reaches(self, low: int, high: int) -> bool:
        """Whether the table covers `low` to `high`, after making it wider if that is allowed."""
        if self.low <= low and high <= self.high:
            return True
        if self.high >= self.low:
            low, high = min(low, self.low), max(high, self.high)
        if high - low >= self.widest:
            return False
        # Some room on either side, so that a creeping range does not rebuild the table often.
        room = min((high - low) // 8, (self.widest - (high - low)) // 2)
        self.low, self.high = low - room, high + room
        self.tables = {}
        return True

    def _table(self, prefix: str) -> pa.StringArray:
        if prefix not in self.tables:
            texts = self.cast(self.values(np.arange(self.low, self.high + 1)))
            ends = pa.concat_arrays([texts, pa.array([self.dialect.null], pa.string())])
            self.tables[prefix] = pc.binary_join_element_wise(prefix, ends, "")
        return self.tables[prefix]


class IntegerText(RangeText):
    """Text of whole numbers."""

    widest = 1 << 14  # a plain cast is quick enough to make a large table a loss

    def numbers(self, array: pa.Array) -> NDArray[Any] | None:
        """See the base class."""
        return _numpy(array) if array.type.bit_width < 64 or _is_short(array) else None

    def values(self, numbers: NDArray[np.int64]) -> pa.Array:
        """See the base class."""
        return pa.array(numbers)


class FlagText(RangeText):
    """Text of truth values."""

    def numbers(self, array: pa.Array) -> NDArray[Any] | None:
        """See the base class."""
        numbers: NDArray[np.int8] = np.asarray(pc.fill_null(pc.cast(array, pa.int8()), 0))
        return numbers

    def values(self, numbers: NDArray[np.int64]) -> pa.Array:
        """See the base class."""
        return pa.array(numbers != 0)


class FloatText(RangeText):
    """Text of floats; those on a grid of 1, 1/10 or 1/100 come from a table."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect)
        self.scale = 0

    def numbers(self, array: pa.Array) -> NDArray[Any] | None:
        """See the base class."""
        values = _numpy(array)
        valid = _valid(array)
        if valid is not None:
            values = np.where(valid, values, 0.0)
        for scale in (1, 10, 100):
            # One value in 64 settles most blocks that are on no grid.
            if scale < self.scale or not _is_on_grid(values[::64], scale):
                continue
            if _is_on_grid(values, scale):
                self._keep(scale)
                numbers: NDArray[np.int64] = np.rint(values * scale).astype(np.int64)
                return numbers
        return None

    def _keep(self, scale: int) -> None:
        if scale != self.scale:
            self.scale, self.low, self.high, self.tables = scale, 0, -1, {}

    def values(self, numbers: NDArray[np.int64]) -> pa.Array:
        """See the base class."""
        return pa.array(numbers / self.scale)

    def cast(self, array: pa.Array) -> pa.StringArray:
        """See the base class."""
        if self.dialect.not_finite is None:
            texts = pc.cast(array, pa.string())
            if not bool(np.isfinite(_numpy(array)).all()):
                texts = pc.replace_substring(texts, "nan", "NaN")
            return filled(texts, self.dialect.null)
        if bool(np.isfinite(_numpy(array)).all()):
            return super().cast(array)
        texts = pc.cast(array, pa.string())
        finite = pc.fill_null(pc.is_finite(array), False)
        stand_in = pc.if_else(array.is_valid(), self.dialect.not_finite, self.dialect.null)
        return pc.if_else(finite, texts, stand_in)


class DateText(RangeText):
    """Text of dates, `YYYY-MM-DD`."""

    def numbers(self, array: pa.Array) -> NDArray[Any] | None:
        """See the base class."""
        return _numpy(array)

    def values(self, numbers: NDArray[np.int64]) -> pa.Array:
        """See the base class."""
        return pa.array(numbers.astype(np.int32)).view(pa.date32())

    def cast(self, array: pa.Array) -> pa.StringArray:
        """See the base class."""
        return _enclosed(pc.cast(array, pa.string()), self.dialect)


class TimeText(RangeText):
    """Text of times of day: `HH:MM:SS`, with six digits more where a block has fractions."""

    widest = 2 * DAY_SECONDS

    def numbers(self, array: pa.Array) -> NDArray[Any] | None:
        """See the base class."""
        seconds = _numpy(array) // SECOND
        return seconds if _is_whole(array, seconds) else None

    def values(self, numbers: NDArray[np.int64]) -> pa.Array:
        """See the base class."""
        return pa.array((numbers % DAY_SECONDS).astype(np.int32)).view(pa.time32("s"))

    def cast(self, array: pa.Array) -> pa.StringArray:
        """See the base class."""
        return _enclosed(pc.cast(array, pa.string()), self.dialect)


class DurationText(ColumnText):
    """Text of durations: seconds as a number, with a fraction where a block has one."""

    def cast(self, array: pa.Array) -> pa.StringArray:
        """See the base class."""
        micros = array.view(pa.int64())
        seconds = _numpy(array) // SECOND
        if _is_whole(array, seconds):
            whole = pa.array(seconds, mask=None if (v := _valid(array)) is None else ~v)
            return filled(pc.cast(whole, pa.string()), self.dialect.null)
        # 10**-6 exactly: the microseconds are the unscaled digits of a decimal.
        wide = np.empty((len(array), 2), np.int64)
        wide[:, 0] = _numpy(array)
        wide[:, 1] = wide[:, 0] >> 63
        exact = pa.Array.from_buffers(pa.decimal128(25, 6), len(array), [None, pa.py_buffer(wide)])
        texts = pc.cast(exact, pa.string())
        if micros.null_count == 0:
            return texts
        return pc.if_else(array.is_valid(), texts, self.dialect.null)


class MomentText(ColumnText):
    """Text of datetimes, `YYYY-MM-DDTHH:MM:SS`, from bytes of the day and bytes of the second.

    Six digits more where a block has fractions. With a zone: the time of UTC and a mark.
    """

    def __init__(self, dialect: Dialect, *, has_zone: bool) -> None:
        super().__init__(dialect)
        self.first, self.last = 0, -1
        self.ending = (dialect.utc if has_zone else "") + dialect.mark
        self.days: NDArray[Any] = np.empty(0, "V11")

    def pieces(self, array: pa.Array, prefix: str) -> tuple[list[Piece], str]:
        """See the base class."""
        micros = _numpy(array)
        valid = _valid(array)
        if valid is not None:
            micros = np.where(valid, micros, 0)
        seconds = micros // SECOND
        days = seconds // DAY_SECONDS
        low, high = (int(days.min()), int(days.max())) if len(days) else (0, 0)
        if not self._reaches(low, high):
            return super().pieces(array, prefix)
        text = self._text(micros, seconds, days, (prefix + self.dialect.mark).encode())
        if valid is not None:
            text = pc.if_else(pa.array(valid), text, prefix + self.dialect.null)
        return [text], ""

    def cast(self, array: pa.Array) -> pa.StringArray:
        """See the base class."""
        plain = array.cast(pa.timestamp("us"))
        seconds = _numpy(array) // SECOND
        if _is_whole(array, seconds):
            plain = plain.cast(pa.timestamp("s"), safe=False)
        texts = pc.replace_substring(pc.cast(plain, pa.string()), " ", self.dialect.between)
        enclosed = pc.binary_join_element_wise(self.dialect.mark, texts, self.ending, "")
        return filled(enclosed, self.dialect.null)

    def _text(
        self,
        micros: NDArray[np.int64],
        seconds: NDArray[np.int64],
        days: NDArray[np.int64],
        before: bytes,
    ) -> pa.StringArray:
        fraction = micros - seconds * SECOND
        after = self.ending.encode()
        layout = [("day", "V11"), ("second", "V8")]
        if before:
            layout.insert(0, ("before", f"V{len(before)}"))
        if has_fraction := bool(fraction.any()):
            layout.append(("fraction", "S7"))
        if after:
            layout.append(("after", f"V{len(after)}"))
        rows = np.empty(len(micros), np.dtype(layout))
        if before:
            rows["before"] = np.void(before)
        rows["day"] = self.days.take(days - self.first)
        rows["second"] = _second_texts().take(seconds - days * DAY_SECONDS)
        if has_fraction:
            digits = pc.utf8_lpad(pc.cast(pa.array(fraction), pa.string()), 6, "0")
            dotted = pc.binary_join_element_wise(".", digits, "")
            rows["fraction"] = np.frombuffer(text_bytes(dotted), "S7")
        if after:
            rows["after"] = np.void(after)
        return _fixed_width(rows.view(np.uint8), rows.dtype.itemsize, len(rows))

    def _reaches(self, low: int, high: int) -> bool:
        if self.first <= low and high <= self.last:
            return True
        if self.last >= self.first:
            low, high = min(low, self.first), max(high, self.last)
        if high - low >= WIDEST_TABLE or low < FIRST_DAY or high > LAST_DAY:
            return False
        room = min((high - low) // 8 + 8, WIDEST_TABLE // 4)
        self.first, self.last = max(low - room, FIRST_DAY), min(high + room, LAST_DAY)
        dates = pa.array(np.arange(self.first, self.last + 1, dtype=np.int32)).view(pa.date32())
        texts = pc.binary_join_element_wise(pc.cast(dates, pa.string()), self.dialect.between, "")
        self.days = np.frombuffer(text_bytes(texts), "V11")
        return True


def _numpy(array: pa.Array) -> NDArray[Any]:
    """The values of a fixed-width array of at least a byte each, whatever lies under nulls."""
    width = array.type.bit_width // 8
    form = "f8" if str(array.type) == "double" else f"i{width}"
    if str(array.type).startswith("uint"):
        form = f"u{width}"
    data = array.buffers()[1]
    if data is None or len(array) == 0:
        return np.empty(0, form)
    return np.frombuffer(data, form)[array.offset : array.offset + len(array)]


def _valid(array: pa.Array) -> NDArray[np.bool_] | None:
    if array.null_count == 0:
        return None
    return np.asarray(array.is_valid().to_numpy(zero_copy_only=False))


def _enclosed(texts: pa.StringArray, dialect: Dialect) -> pa.StringArray:
    if dialect.mark:
        texts = pc.binary_join_element_wise(dialect.mark, texts, dialect.mark, "")
    return filled(texts, dialect.null)


def _is_whole(array: pa.Array, seconds: NDArray[np.int64]) -> bool:
    """Whether every value that is not null is a whole number of seconds."""
    is_exact = seconds * SECOND == _numpy(array)
    valid = _valid(array)
    return bool((is_exact if valid is None else is_exact | ~valid).all())


def _is_short(array: pa.Array) -> bool:
    """Whether the first and last few of many values are so near that a table may do."""
    values = _numpy(array)[::64]
    return bool((np.abs(values) < IntegerText.widest).all())


def _is_on_grid(values: NDArray[np.float64], scale: int) -> bool:
    """Whether `values` are multiples of 1/scale below 2**31, and none is a negative zero."""
    if not bool((np.abs(values) < 2**31).all()):  # false for NaN too
        return False
    if not bool((np.rint(values * scale) / scale == values).all()):
        return False
    zeros = values == 0
    return not bool((zeros & np.signbit(values)).any())


def _fixed_width(data: NDArray[np.uint8], width: int, rows: int) -> pa.StringArray:
    offsets = np.arange(0, (rows + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(data))


_seconds: list[NDArray[Any]] = []


def _second_texts() -> NDArray[Any]:
    """`HH:MM:SS` of each second of a day, made once."""
    if not _seconds:
        times = pa.array(np.arange(DAY_SECONDS, dtype=np.int32)).view(pa.time32("s"))
        _seconds.append(np.frombuffer(text_bytes(pc.cast(times, pa.string())), "V8"))
    return _seconds[0]
