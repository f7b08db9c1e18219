"""What a column looks like: a histogram, shares of its values, or a few examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from synthdsl.lazy import lazy
from synthdsl.render._cells import cell_text, duration_text, number_text
from synthdsl.values.arrays import unpacked

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from numpy.typing import NDArray
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")

MOST_SHARES = 12
"""Distinct values that are all shown."""
TOP_SHARES = 8
"""Values shown of a column that has more."""
LEAST_TOP_SHARE = 0.02
"""Share that the commonest value needs for shares to say anything."""
LEAST_FOR_GRID = 20
_TAIL = 0.005
_FINEST_GRID = 4
"""Decimals of the finest grid that is looked for."""


@dataclass(frozen=True)
class Histogram:
    """Counts between `edges` (one more than counts); values at both ends may be left out.

    `low`, `median`, `high`: of all values, as text. `text` shows any value of the axis.
    """

    counts: tuple[int, ...]
    edges: tuple[float, ...]
    low: str
    median: str
    high: str
    is_cut_low: bool
    is_cut_high: bool
    text: Callable[[float], str]
    about: str = ""


@dataclass(frozen=True)
class Shares:
    """Values and how often each occurs; `others` counts all further values."""

    values: tuple[tuple[str, int], ...]
    others: int
    distinct: int


@dataclass(frozen=True)
class Examples:
    """A column of mostly different values: how many, and the first few."""

    distinct: int
    values: tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """Rows, nulls, and the shape of what is not null (None: nothing is)."""

    rows: int
    nulls: int
    shape: Histogram | Shares | Examples | None


def summarise(column: pa.ChunkedArray | pa.Array, *, bins: int, is_key: bool = False) -> Summary:
    """The shape of `column`, a histogram having at most `bins` bins; of a text that `is_key`
    examples.
    """
    if isinstance(column, pa.Array):
        column = pa.chunked_array([column])
    rows, nulls = len(column), column.null_count
    values = column.drop_null()
    shape = _shape(values, bins) if len(values) else None
    if is_key and isinstance(shape, Shares | Examples) and not pa.types.is_boolean(values.type):
        distinct = values.unique()
        shape = Examples(len(distinct), tuple(cell_text(v.as_py()) for v in distinct[:3]))
    return Summary(rows, nulls, shape)


def _shape(values: pa.ChunkedArray, bins: int) -> Histogram | Shares | Examples | None:
    types, kind = pa.types, values.type
    if types.is_dictionary(kind):
        return _category_shape(values)
    if types.is_boolean(kind):
        return _ordered_shares(values, ("true", "false"))
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return _number_shape(unpacked(values.cast(pa.float64(), safe=False)), bins)
    if types.is_date(kind):
        days = unpacked(values.cast(pa.date32()).cast(pa.int32())).astype(np.float64)
        return _grid_histogram(days, bins, lambda x: _moment(x * 86_400_000_000, has_time=False))
    if types.is_timestamp(kind):
        return _moment_shape(values, bins)
    if types.is_time(kind):
        micros = unpacked(values.cast(pa.time64("us"), safe=False).cast(pa.int64()))
        return _continuous(micros.astype(np.float64), bins, _clock)
    if types.is_duration(kind):
        micros = unpacked(values.cast(pa.duration("us"), safe=False).cast(pa.int64()))
        return _continuous(micros.astype(np.float64), bins, duration_text)
    if types.is_list(kind) or types.is_large_list(kind):
        lengths = unpacked(pc.list_value_length(values)).astype(np.float64)
        return _grid_histogram(lengths, bins, number_text, about="length of the lists")
    if types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind):
        return _text_shape(values)
    return Examples(len(values), tuple(cell_text(v.as_py()) for v in values[:3]))


def _number_shape(values: NDArray[np.float64], bins: int) -> Histogram | Shares | Examples:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return Examples(len(np.unique(values)), tuple(cell_text(float(v)) for v in values[:3]))
    decimals = _grid_decimals(finite)
    if decimals is None:
        return _continuous(finite, bins, number_text)
    scale = 10.0**decimals
    return _grid_histogram(
        np.rint(finite * scale), bins, lambda x: number_text(x / scale, decimals), scale=scale
    )


def _grid_decimals(values: NDArray[np.float64]) -> int | None:
    """Decimals of the coarsest decimal grid that holds all `values`; None if there is none."""
    for decimals in range(_FINEST_GRID + 1):
        scaled = values * 10.0**decimals
        if np.abs(scaled).max() < 2**52 and np.allclose(scaled, np.rint(scaled), rtol=0, atol=1e-6):
            return decimals
    return None


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    """What of `values` to show: all, or without the outer hundredth if that is far out."""
    low, high = float(values.min()), float(values.max())
    inner_low, inner_high = (float(x) for x in np.quantile(values, (_TAIL, 1 - _TAIL)))
    body = inner_high - inner_low
    if body <= 0:
        return low, high
    return (
        inner_low if inner_low - low > body / 2 else low,
        inner_high if high - inner_high > body / 2 else high,
    )


def _continuous(
    values: NDArray[np.float64], bins: int, text: Callable[[float], str]
) -> Histogram | Shares:
    low, high = _range(values)
    if low == high:
        return Shares(((text(low), len(values)),), 0, 1)
    counts, edges = np.histogram(values, bins=bins, range=(low, high))
    return _histogram(values, counts, edges, text)


def _grid_histogram(
    values: NDArray[np.float64],
    bins: int,
    text: Callable[[float], str],
    *,
    scale: float = 1.0,
    about: str = "",
) -> Histogram | Shares:
    """A histogram of whole numbers: each bin covers equally many, so that none is favoured."""
    low, high = (round(x) for x in _range(values))
    if low == high:
        return Shares(((text(low), len(values)),), 0, 1)
    # values in steps of 5 have a grid of 5; a handful of values says nothing about that
    is_handful = len(values) < LEAST_FOR_GRID
    grid = 1 if is_handful else int(np.gcd.reduce((values - values.min()).astype(np.int64)))
    span = (high - low) // grid + 1
    width = -(-span // bins)
    edges = low + grid * (width * np.arange(-(-span // width) + 1, dtype=np.float64) - 0.5)
    counts, edges = np.histogram(values, bins=edges)
    return _histogram(values, counts, edges, text, about=about)


def _histogram(
    values: NDArray[np.float64],
    counts: NDArray[np.int64],
    edges: NDArray[np.float64],
    text: Callable[[float], str],
    *,
    about: str = "",
) -> Histogram:
    low, high = float(values.min()), float(values.max())
    # the lower median, which is a value that occurs
    median = float(np.partition(values, (len(values) - 1) // 2)[(len(values) - 1) // 2])
    return Histogram(
        tuple(int(c) for c in counts),
        tuple(float(e) for e in edges),
        text(low),
        text(median),
        text(high),
        bool(low < edges[0]),
        bool(high > edges[-1]),
        text,
        about,
    )


def _moment_shape(values: pa.ChunkedArray, bins: int) -> Histogram | Shares:
    kind = pa.timestamp("us", values.type.tz)
    micros = unpacked(values.cast(kind, safe=False).cast(pa.int64())).astype(np.float64)
    has_time = float(micros.max() - micros.min()) < 3 * 86_400_000_000
    return _continuous(micros, bins, lambda x: _moment(x, has_time=has_time))


def _moment(microseconds: float, *, has_time: bool) -> str:
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=round(microseconds))
    except OverflowError:
        return number_text(microseconds)
    return f"{moment:%Y-%m-%d %H:%M}" if has_time else f"{moment:%Y-%m-%d}"


def _clock(microseconds: float) -> str:
    minutes = round(microseconds / 60_000_000)
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _category_shape(values: pa.ChunkedArray) -> Shares | Examples:
    """Categories in declared order if they are few, those that never occur too."""
    declared: Any = values.chunk(0).dictionary
    decoded = values.cast(values.type.value_type)
    if len(declared) <= MOST_SHARES and all(
        chunk.dictionary.equals(declared) for chunk in values.iterchunks()
    ):
        return _ordered_shares(decoded, [cell_text(v) for v in declared.to_pylist()])
    return _text_shape(decoded)


def _counts(values: pa.ChunkedArray) -> list[tuple[str, int]]:
    return [(cell_text(x["values"]), x["counts"]) for x in values.value_counts().to_pylist()]


def _ordered_shares(values: pa.ChunkedArray, order: Any) -> Shares:
    counts = dict(_counts(values))
    return Shares(tuple((name, counts.get(name, 0)) for name in order), 0, len(counts))


def _text_shape(values: pa.ChunkedArray) -> Shares | Examples:
    counted = values.value_counts()
    order = pc.sort_indices(counted, sort_keys=[("counts", "descending"), ("values", "ascending")])
    distinct = len(counted)
    if distinct <= MOST_SHARES:
        return Shares(_listed(counted.take(order)), 0, distinct)
    top = _listed(counted.take(order[:TOP_SHARES]))
    if top[0][1] >= max(LEAST_TOP_SHARE * len(values), 2):
        return Shares(top, len(values) - sum(count for _, count in top), distinct)
    return Examples(distinct, tuple(cell_text(v.as_py()) for v in values[:3]))


def _listed(counted: Any) -> tuple[tuple[str, int], ...]:
    return tuple((cell_text(x["values"]), x["counts"]) for x in counted.to_pylist())
