"""Plots of one field twice, declared against realised, as inline SVG."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from synthdsl.lazy import lazy
from synthdsl.model.grids import raw_step
from synthdsl.render._figures import value_text
from synthdsl.render._width import shorten
from synthdsl.render.moves import figures

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from synthdsl.plan.movement import MovedField
    from synthdsl.values.types import Type
else:
    np = lazy("numpy")

WIDTH = 260
_HEIGHT = 64
_BINS = 32
_ROW = 20
_LABEL = 92
_BAR = WIDTH - _LABEL
_TAIL = 0.002
"""Share of the values at each end that a histogram may leave out."""


def comparison_plot(field: MovedField) -> str:
    """An `<svg>` of the realised law, filled, under the declared one, outlined."""
    body, height = _bars(field) if field.words else _histograms(field)
    if not height:
        return '<p class="note">no values to plot</p>'
    about = "; ".join(f"{f.label} {f.declared} to {f.realised}" for f in figures(field))
    label = escape(f"{field.name}, declared to realised: {about}")
    return (
        f'<svg role="img" aria-label="{label}" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}"><title>{label}</title>{body}</svg>'
    )


def _bars(field: MovedField) -> tuple[str, int]:
    declared, realised = field.declared, field.realised
    assert declared.counts is not None and realised.counts is not None
    first = declared.counts / max(declared.rows, 1)
    if declared.shares is not None:
        first = declared.shares[:-1]
    second = realised.counts / max(realised.rows, 1)
    shown = {figure.label for figure in figures(field)}
    rows = [i for i, word in enumerate(field.words) if word in shown]
    peak = max(float(max(first[rows].max(), second[rows].max())), 1e-12)
    parts = []
    for place, i in enumerate(rows):
        y = place * _ROW
        before, after = (float(x[i]) / peak * _BAR for x in (first, second))
        parts.append(
            f'<text class="label" x="0" y="{y + 13}">{escape(shorten(field.words[i], 14))}</text>'
            f'<rect class="track" x="{_LABEL}" y="{y + 3}" width="{_BAR}" height="14"/>'
            f'<rect class="bar" x="{_LABEL}" y="{y + 3}" width="{after:.1f}" height="14"/>'
            f'<path class="declared" d="M{_LABEL + before:.1f} {y + 1}v18"/>'
        )
    return "".join(parts), len(rows) * _ROW + 2


def _histograms(field: MovedField) -> tuple[str, int]:
    declared, realised = field.declared.values, field.realised.values
    if declared is None or realised is None or not len(declared) or not len(realised):
        return "", 0
    edges = common_edges(declared, realised, field.type)
    first = np.histogram(declared, edges)[0] / len(declared)
    second = np.histogram(realised, edges)[0] / len(realised)
    peak = float(max(first.max(), second.max()))
    step = WIDTH / len(first)
    bars = "".join(
        f'<rect class="bar" x="{i * step:.1f}" y="{_top(x, peak):.1f}" width="{step - 1:.1f}" '
        f'height="{_HEIGHT - _top(x, peak):.1f}"/>'
        for i, x in enumerate(second)
        if x > 0
    )
    outline = f"M0 {_HEIGHT}" + "".join(f"V{_top(x, peak):.1f}h{step:.2f}" for x in first)
    inset = float(raw_step(field.type) or 0) / 2  # from the edge of a bin to its first value
    low, high = (value_text(x, field.type) for x in (edges[0] + inset, edges[-1] - inset))
    body = (
        f'{bars}<path class="declared" d="{outline}V{_HEIGHT}"/>'
        f'<line class="axis" x1="0" y1="{_HEIGHT}.5" x2="{WIDTH}" y2="{_HEIGHT}.5"/>'
        f'<text x="0" y="{_HEIGHT + 14}">{escape(low)}</text>'
        f'<text x="{WIDTH}" y="{_HEIGHT + 14}" text-anchor="end">{escape(high)}</text>'
    )
    return body, _HEIGHT + 20


def _top(share: float, peak: float) -> float:
    return _HEIGHT - max(float(share) / peak * (_HEIGHT - 4), 1 if share > 0 else 0)


def common_edges(
    first: NDArray[np.float64], second: NDArray[np.float64], type: Type
) -> NDArray[np.float64]:
    """Edges of at most `_BINS` bins over both samples (sorted), their far tails left out.

    On a grid each bin holds equally many values, so that none is favoured.
    """
    low = min(float(x[int(_TAIL * (len(x) - 1))]) for x in (first, second))
    high = max(float(x[int(np.ceil((1 - _TAIL) * (len(x) - 1)))]) for x in (first, second))
    step = raw_step(type)
    if step is None:
        if low == high:
            low, high = low - 0.5, high + 0.5
        return np.linspace(low, high, _BINS + 1)
    size = float(step)
    number = round((high - low) / size) + 1
    width = -(-number // _BINS)
    return low + size * (width * np.arange(-(-number // width) + 1, dtype=np.float64) - 0.5)
