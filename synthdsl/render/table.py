"""Rows in aligned columns for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synthdsl.lazy import lazy
from synthdsl.render._cells import column_texts, is_number
from synthdsl.render._width import display_width, pad, printable, shorten
from synthdsl.render.colours import Paint

if TYPE_CHECKING:
    import pyarrow as pa
else:
    pa = lazy("pyarrow")

GAP = "  "
WIDEST_COLUMN = 32
"""Columns of the terminal that one field may take; longer values are cut with an ellipsis."""


@dataclass(frozen=True)
class _Column:
    name: str
    cells: tuple[str, ...]
    nulls: tuple[bool, ...]
    is_right: bool
    width: int


def render_rows(table: pa.Table, *, width: int = 100, colour: bool = False) -> str:
    """All rows of `table` (a few, please), numbers to the right.

    Fields that do not fit beside each other go into further panels below.
    """
    if not table.num_columns:
        return ""
    limit = max(min(WIDEST_COLUMN, width), 1)
    columns = [_column(name, table.column(name), limit) for name in table.column_names]
    paint = Paint(colour)
    panels = ["\n".join(_panel(panel, paint)) + "\n" for panel in _panels(columns, width)]
    return "\n".join(panels)


def _column(name: str, values: pa.ChunkedArray, limit: int) -> _Column:
    listed = _values(values)
    cells = tuple(shorten(printable(text), limit) for text in column_texts(listed))
    title = shorten(name, limit)
    present = [v for v in listed if v is not None]
    return _Column(
        title,
        cells,
        tuple(v is None for v in listed),
        bool(present) and all(map(is_number, present)),
        max(map(display_width, (title, *cells))),
    )


def _values(values: pa.ChunkedArray) -> list[Any]:
    kind = values.type
    # nanoseconds would need pandas
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        values = values.cast(pa.timestamp("us", kind.tz), safe=False)
    elif pa.types.is_duration(kind) and kind.unit == "ns":
        values = values.cast(pa.duration("us"), safe=False)
    listed: list[Any] = values.to_pylist()
    return listed


def _panels(columns: list[_Column], width: int) -> Iterator[list[_Column]]:
    panel: list[_Column] = []
    used = 0
    for column in columns:
        needed = column.width + (len(GAP) if panel else 0)
        if panel and used + needed > width:
            yield panel
            panel, used, needed = [], 0, column.width
        panel.append(column)
        used += needed
    yield panel


def _panel(columns: list[_Column], paint: Paint) -> Iterator[str]:
    titles = [pad(c.name, c.width, is_right=c.is_right) for c in columns]
    yield paint("bold", GAP.join(titles).rstrip())
    for row in range(len(columns[0].cells)):
        cells = []
        for column in columns:
            text = pad(column.cells[row], column.width, is_right=column.is_right)
            cells.append(paint("dim", text) if column.nulls[row] else text)
        yield GAP.join(cells).rstrip()
