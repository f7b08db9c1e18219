"""An entity-relationship picture as inline SVG: parents to the left of their children."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from synthdsl.render._width import display_width, shorten

_ROW = 18
_HEAD = 26
_CHARACTER = 7.0
_COLUMN_GAP = 90
_BOX_GAP = 28
_MARGIN = 16
_MOST_LINES = 8
_LONGEST = 34


class _Box:
    """One table: where it stands and the lines it shows."""

    def __init__(self, name: str, lines: Sequence[tuple[str, bool]]) -> None:
        self.name = name
        hidden = len(lines) - _MOST_LINES
        self.lines = list(lines[:_MOST_LINES]) if hidden > 1 else list(lines)
        if hidden > 1:
            self.lines.append((f"… {hidden} more", False))
        longest = max(
            display_width(shorten(text, _LONGEST)) for text, _ in [*self.lines, (name, True)]
        )
        self.width = round(max(longest * _CHARACTER + 34, 120))
        self.height = _HEAD + _ROW * len(self.lines) + 8
        self.x = self.y = 0

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def entity_diagram(
    fields: Mapping[str, Sequence[tuple[str, bool]]],
    references: Sequence[tuple[str, str]],
) -> str:
    """The picture as an `<svg>` element.

    `fields`: for each table the names to show and whether each is part of the key.
    `references`: pairs (child table, parent table).
    """
    boxes = {name: _Box(name, lines) for name, lines in fields.items()}
    links = [(c, p) for c, p in dict.fromkeys(references) if c in boxes and p in boxes]
    width, height = _place(boxes, _layers(list(boxes), links))
    said = "; ".join(f"{child} refers to {parent}" for child, parent in links)
    label = escape("Tables: " + ", ".join(boxes) + (f". {said}" if said else ""))
    drawn = "".join(_link(boxes[child], boxes[parent]) for child, parent in links)
    drawn += "".join(_box(box) for box in boxes.values())
    return (
        f'<svg role="img" aria-label="{label}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><title>{label}</title>{drawn}</svg>'
    )


def _layers(names: list[str], links: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Tables by the longest way from one without parents; a circle ends after one round."""
    depth = dict.fromkeys(names, 0)
    for _ in names:
        for child, parent in links:
            if child != parent and depth[child] <= depth[parent] < len(names) - 1:
                depth[child] = depth[parent] + 1
    for name in sorted(names, key=lambda n: -depth[n]):
        # close to its nearest child, so that links pass few tables
        below = [depth[c] for c, p in links if p == name and c != name]
        depth[name] = max(min(below, default=depth[name] + 1) - 1, depth[name])
    return [[n for n in names if depth[n] == d] for d in sorted(set(depth.values()))]


def _place(boxes: dict[str, _Box], layers: list[list[str]]) -> tuple[int, int]:
    tallest = max(sum(boxes[n].height + _BOX_GAP for n in layer) - _BOX_GAP for layer in layers)
    x = _MARGIN
    for layer in layers:
        used = sum(boxes[n].height + _BOX_GAP for n in layer) - _BOX_GAP
        y = _MARGIN + (tallest - used) // 2
        for name in layer:
            boxes[name].x, boxes[name].y = x, y
            y += boxes[name].height + _BOX_GAP
        x += max(boxes[n].width for n in layer) + _COLUMN_GAP
    return x - _COLUMN_GAP + _MARGIN, tallest + 2 * _MARGIN


def _box(box: _Box) -> str:
    x, y = box.x, box.y
    parts = [
        f'<rect class="box" x="{x}" y="{y}" width="{box.width}" height="{box.height}" rx="5"/>',
        f'<rect class="head" x="{x}" y="{y}" width="{box.width}" height="{_HEAD}" rx="5"/>',
        f'<text class="title" x="{x + 10}" y="{y + 18}">'
        f"{escape(shorten(box.name, _LONGEST))}</text>",
    ]
    for i, (text, is_key) in enumerate(box.lines):
        at = y + _HEAD + _ROW * (i + 1) - 2
        shown = escape(shorten(text, _LONGEST))
        mark = " ⚷" if is_key else ""
        style = ' class="key"' if is_key else ""
        parts.append(f'<text{style} x="{x + 10}" y="{at}">{shown}{mark}</text>')
    return "".join(parts)


def _link(child: _Box, parent: _Box) -> str:
    """From the parent (one) to the child (a crow's foot: many)."""
    if child is parent:
        # from the right side over the top, where no other link ends
        x, y = child.x + child.width, child.y
        foot = f"M{x - 30} {y - 10} l-6 10 M{x - 30} {y - 10} l6 10"
        return f'<path class="link" d="M{x} {y + 13} h14 v-27 h-44 v14 {foot}"/>'
    start, end = parent.x + parent.width, child.x
    if end <= start:  # the same layer: around the right side
        x1, x2 = parent.x + parent.width, child.x + child.width
        out = max(x1, x2) + 16
        path = f"M{x1} {parent.middle:.0f} H{out} V{child.middle:.0f} H{x2}"
        return f'<path class="link" d="{path}"/>' + _foot(x2, child.middle, 1)
    half = (start + end) / 2
    path = (
        f"M{start} {parent.middle:.0f} C{half:.0f} {parent.middle:.0f} "
        f"{half:.0f} {child.middle:.0f} {end - 12} {child.middle:.0f} H{end}"
    )
    one = f"M{start + 8} {parent.middle - 6:.0f} v12"
    return f'<path class="link" d="{path} {one}"/>' + _foot(end, child.middle, -1)


def _foot(x: float, y: float, direction: int) -> str:
    tip = x + 12 * direction
    start = f"M{tip:.0f} {y:.0f} L{x:.0f}"
    return f'<path class="link" d="{start} {y - 7:.0f} {start} {y + 7:.0f}"/>'
