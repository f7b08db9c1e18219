"""Small pictures of columns for a terminal: histograms, bars, examples."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from synthdsl.render._cells import number_text
from synthdsl.render._summary import Examples, Histogram, Shares, summarise
from synthdsl.render._width import display_width, pad, shorten
from synthdsl.render.colours import Paint

if TYPE_CHECKING:
    import pyarrow as pa

HISTOGRAM_WIDTH = 24
BAR_WIDTH = 24
WIDEST_NAME = 24
WIDEST_TYPE = 16
WIDEST_LABEL = 20
_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII_BLOCKS = "._-=+*#@"
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def render_sketches(
    table: pa.Table,
    *,
    before: Sequence[tuple[str, str, pa.Array]] = (),
    keys: Collection[str] = (),
    width: int = 100,
    colour: bool = False,
    is_ascii: bool = False,
) -> str:
    """A sketch of each field of `table`, under each other.

    Types are shown as the spec has them where the field's metadata (`synthdsl.type`) tells.
    `before`: names, types and values of what is sketched above them. `keys`: fields of which a
    few values are shown, however often each occurs.
    `is_ascii`: for terminals that cannot show block characters.
    """
    paint = Paint(colour)
    widest_name = max(min(WIDEST_NAME, width // 3), 6)
    widest_type = max(min(WIDEST_TYPE, width // 5), 6)
    named = [*((n, t) for n, t, _ in before), *((f.name, _type(f)) for f in table.schema)]
    heads = [(shorten(name, widest_name), shorten(kind, widest_type)) for name, kind in named]
    names = max((display_width(name) for name, _ in heads), default=0)
    types = max((display_width(kind) for _, kind in heads), default=0)
    indent = names + types + 4
    room = max(width - indent, 20)
    lines = []
    columns = [*(values for _, _, values in before), *table.columns]
    for (full, _), (name, kind), column in zip(named, heads, columns, strict=True):
        drawn = sketch_column(
            column, width=room, colour=colour, is_ascii=is_ascii, is_key=full in keys
        )
        head = paint("bold", pad(name, names)) + "  " + paint("dim", pad(kind, types)) + "  "
        lines += [head + drawn[0], *(" " * indent + line for line in drawn[1:])]
    return "".join(line.rstrip() + "\n" for line in lines)


def sketch_column(
    column: pa.ChunkedArray | pa.Array,
    *,
    width: int = 76,
    colour: bool = False,
    is_ascii: bool = False,
    is_key: bool = False,
) -> list[str]:
    """The lines of the sketch of one column (at least one), each at most `width` wide.

    Of words that are a key a few are shown, however often each occurs.
    """
    paint = Paint(colour)
    bins = max(min(HISTOGRAM_WIDTH, width // 3), 6)
    summary = summarise(column, bins=bins, is_key=is_key)
    nulls = _null_text(summary.nulls, summary.rows)
    shape = summary.shape
    if shape is None:
        return ["no rows" if not summary.rows else "all null"]
    if isinstance(shape, Histogram):
        lines = [_histogram_line(shape, paint, bins, width - len(nulls), is_ascii)]
    elif isinstance(shape, Shares):
        lines = _share_lines(shape, summary.rows - summary.nulls, paint, width, is_ascii)
    else:
        lines = [_example_line(shape, width - len(nulls), is_ascii)]
    lines[0] += paint("dim", nulls)
    return lines


def _type(field: pa.Field) -> str:
    about: dict[bytes, bytes] = field.metadata or {}
    return about.get(b"synthdsl.type", str(field.type).encode()).decode()


def share_text(count: int, total: int) -> str:
    """A share in percent: `52.1 %`, never `0.0 %` or `100.0 %` for what is not quite that."""
    percent = 100 * count / total if total else 0.0
    if count > 0 and percent < 0.1:
        return "<0.1 %"
    if count < total and percent > 99.9:
        return ">99.9 %"
    return f"{percent:.1f} %"


def _null_text(nulls: int, rows: int) -> str:
    return f"  {share_text(nulls, rows)} null" if nulls else ""


def _histogram_line(shape: Histogram, paint: Paint, bins: int, width: int, is_ascii: bool) -> str:
    levels = _ASCII_BLOCKS if is_ascii else _BLOCKS
    peak = max(shape.counts)
    # every bin that holds anything shows at least the lowest block
    marks = "".join(
        levels[-(-count * len(levels) // peak) - 1] if count else " " for count in shape.counts
    )
    cut = "." if is_ascii else "…"
    low, high = (cut if shape.is_cut_low else ""), (cut if shape.is_cut_high else "")
    drawn = pad(low + marks + high, bins + 2)
    between = " .. " if is_ascii else " · "
    figures = between.join((shape.low, shape.median, shape.high))
    about = f" ({shape.about})" if shape.about else ""
    return paint("bar", drawn) + shorten(figures + about, max(width - bins - 2, 8))


def _share_lines(shape: Shares, total: int, paint: Paint, width: int, is_ascii: bool) -> list[str]:
    widest = max(min(WIDEST_LABEL, width - 15), 5)
    rows = [(shorten(name, widest) or '""', count) for name, count in shape.values]
    peak = max(max(count for _, count in rows), 1)
    if shape.others:
        rows.append((f"{shape.distinct - len(rows):,} others", shape.others))
    label = max(display_width(name) for name, _ in rows)
    longest = max(min(BAR_WIDTH, width - label - 9), 1)
    lines = []
    for number, (name, count) in enumerate(rows):
        # the rest is no value of its own and gets no bar
        bar = _bar(count / peak * longest, is_ascii) if number < len(shape.values) else ""
        share = share_text(count, total)
        lines.append(f"{pad(name, label)} {paint('bar', pad(bar, longest))} {share:>7}")
    return lines


def _bar(length: float, is_ascii: bool) -> str:
    if is_ascii:
        return "#" * max(round(length), 1 if length > 0 else 0)
    eighths = max(round(length * 8), 1 if length > 0 else 0)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def _example_line(shape: Examples, width: int, is_ascii: bool) -> str:
    more = "..." if is_ascii else "…"
    text = f"{number_text(shape.distinct)} distinct: " + ", ".join((*shape.values, more))
    return shorten(text, max(width, 8))
