"""Plots of columns as inline SVG: readable without colour, titled for those who cannot see them."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from synthdsl.render._cells import number_text
from synthdsl.render._summary import Examples, Histogram, Shares, Summary, summarise
from synthdsl.render._width import shorten
from synthdsl.render.sketch import share_text

if TYPE_CHECKING:
    import pyarrow as pa

WIDTH = 240
_HISTOGRAM_HEIGHT = 44
_BINS = 30
_ROW = 16
_LABEL = 88
_BAR = 92


def plot(column: pa.ChunkedArray | pa.Array, name: str, *, is_key: bool = False) -> str:
    """A plot of `column` as an `<svg>` element; a sentence where there is nothing to draw, and of
    a text that `is_key`.
    """
    summary = summarise(column, bins=_BINS, is_key=is_key)
    shape = summary.shape
    if shape is None:
        return f'<p class="note">{"no rows" if not summary.rows else "always null"}</p>'
    if isinstance(shape, Examples):
        return _examples(shape, summary)
    if isinstance(shape, Histogram):
        body, height, about = _histogram(shape)
    else:
        body, height, about = _bars(shape, summary.rows - summary.nulls)
    if summary.nulls:
        body += _nulls(summary, height)
        height += _ROW
        about += f"; {share_text(summary.nulls, summary.rows)} null"
    label = escape(f"{name}: {about}")
    return (
        f'<svg role="img" aria-label="{label}" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}"><title>{label}</title>{body}</svg>'
    )


def _histogram(shape: Histogram) -> tuple[str, int, str]:
    peak, number = max(shape.counts), len(shape.counts)
    step = WIDTH / number
    gap = 1 if step > 4 else 0
    bottom = _HISTOGRAM_HEIGHT
    bars = []
    for i, count in enumerate(shape.counts):
        if count:
            height = max(count / peak * (bottom - 2), 1)
            bars.append(
                f'<rect class="bar" x="{i * step:.1f}" y="{bottom - height:.1f}" '
                f'width="{step - gap:.1f}" height="{height:.1f}"/>'
            )
    axis = f'<line class="axis" x1="0" y1="{bottom}.5" x2="{WIDTH}" y2="{bottom}.5"/>'
    low = ("… " if shape.is_cut_low else "") + shape.low
    high = shape.high + (" …" if shape.is_cut_high else "")
    texts = (
        f'<text x="0" y="{bottom + 13}">{escape(low)}</text>'
        f'<text x="{WIDTH}" y="{bottom + 13}" text-anchor="end">{escape(high)}</text>'
        f'<text x="{WIDTH / 2}" y="{bottom + 13}" text-anchor="middle">'
        f"median {escape(shape.median)}</text>"
    )
    height = bottom + 18
    if len(low) + len(high) + len(shape.median) > 26:  # too long for one line
        texts = texts.replace(
            f'x="{WIDTH / 2}" y="{bottom + 13}"', f'x="{WIDTH / 2}" y="{bottom + 26}"'
        )
        height += 13
    subject = shape.about or "histogram"
    about = f"{subject} from {shape.low} to {shape.high}, median {shape.median}"
    if shape.about:
        texts += f'<text x="{WIDTH / 2}" y="{height + 8}" text-anchor="middle">{shape.about}</text>'
        height += 14
    return "".join(bars) + axis + texts, height, about


def _bars(shape: Shares, total: int) -> tuple[str, int, str]:
    rows = [(shorten(name, 14) or '""', count) for name, count in shape.values]
    peak = max(max(count for _, count in rows), 1)
    parts = []
    for i, (name, count) in enumerate(rows):
        y = i * _ROW
        width = count / peak * _BAR
        parts.append(
            f'<text class="label" x="0" y="{y + 12}">{escape(name)}</text>'
            f'<rect class="track" x="{_LABEL}" y="{y + 3}" width="{_BAR}" height="10"/>'
            f'<rect class="bar" x="{_LABEL}" y="{y + 3}" width="{width:.1f}" height="10"/>'
            f'<text x="{WIDTH}" y="{y + 12}" text-anchor="end">{share_text(count, total)}</text>'
        )
    height = len(rows) * _ROW
    if shape.others:
        more = f"{shape.distinct - len(rows):,} others"
        parts.append(
            f'<text x="0" y="{height + 12}">{more}</text><text x="{WIDTH}" y="{height + 12}" '
            f'text-anchor="end">{share_text(shape.others, total)}</text>'
        )
        height += _ROW
    about = ", ".join(f"{name} {share_text(count, total)}" for name, count in shape.values)
    return "".join(parts), height + 2, about


def _nulls(summary: Summary, top: int) -> str:
    share = summary.nulls / summary.rows
    return (
        f'<text x="0" y="{top + 12}">null</text>'
        f'<rect class="track" x="{_LABEL}" y="{top + 3}" width="{_BAR}" height="10"/>'
        f'<rect class="missing" x="{_LABEL}" y="{top + 3}" width="{share * _BAR:.1f}" height="10"/>'
        f'<text x="{WIDTH}" y="{top + 12}" text-anchor="end">'
        f"{share_text(summary.nulls, summary.rows)}</text>"
    )


def _examples(shape: Examples, summary: Summary) -> str:
    values = "".join(f"<br><code>{escape(shorten(v, 34))}</code>" for v in shape.values)
    nulls = f", {share_text(summary.nulls, summary.rows)} null" if summary.nulls else ""
    return (
        f'<p class="note">{number_text(shape.distinct)} distinct in '
        f"{summary.rows:,} rows{nulls}{values}</p>"
    )
