"""An entity-relationship picture as inline SVG: parents above their children, references dashed.

Lines run at right angles, in gutters and a channel where no table stands; references to one table
share a line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from synthdsl.render._diagram_layout import (
    BUS,
    HEAD,
    LONGEST,
    ROW,
    Box,
    DiagramTable,
    Layout,
    is_last,
    lay_out,
)
from synthdsl.render._width import shorten

Point = tuple[float, float]
_CORNER = 6.0
MARKS = ("many", "some", "one", "maybe")
"""Rows under each parent: any number, at least one, exactly one, at most one."""


def entity_diagram(
    tables: Sequence[DiagramTable],
    parents: Mapping[str, tuple[str, str]],
    references: Sequence[tuple[str, str, str]],
) -> str:
    """The picture as an `<svg>` element.

    `parents`: by child its parent, and how many rows each of these has (one of `MARKS`).
    `references`: (table, its field, other table). What names an unknown table is left out.
    """
    names = {table.name for table in tables}
    over = {c: p for c, (p, _) in parents.items() if c in names and p in names}
    links = [r for r in dict.fromkeys(references) if r[0] in names and r[2] in names]
    layout = lay_out(tables, over, links)
    drawn = _references(_first_to_each(links), layout)
    for parent in dict.fromkeys(over.values()):
        drawn += _family(parent, over, parents, layout)
    drawn += "".join(_box(layout.boxes[table.name]) for table in tables)
    width, height = f"{layout.width:g}", f"{layout.height:g}"
    label = escape(_label(tables, over, links))
    return (
        f'<svg role="img" aria-label="{label}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><title>{label}</title>{drawn}</svg>'
    )


def _label(
    tables: Sequence[DiagramTable],
    over: Mapping[str, str],
    links: Sequence[tuple[str, str, str]],
) -> str:
    said = [f"{child} under {parent}" for child, parent in over.items()]
    pairs = dict.fromkeys((source, target) for source, _, target in links)
    said += [f"{source} refers to {target}" for source, target in pairs]
    known = ", ".join(table.name for table in tables)
    return f"Tables: {known}" + (f". {'; '.join(said)}" if said else "")


def _first_to_each(links: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """References with those of several fields of one key as one line."""
    first: dict[tuple[str, str], tuple[str, str, str]] = {}
    for source, field, target in links:
        first.setdefault((source, target), (source, field, target))
    return list(first.values())


# lines


def _path(points: Sequence[Point]) -> str:
    """A line through points, at right angles with round corners."""
    parts = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for before, at, after in zip(points, points[1:], points[2:], strict=False):
        first, second = _towards(at, before), _towards(at, after)
        parts.append(f"L{first[0]:g} {first[1]:g}Q{at[0]:g} {at[1]:g} {second[0]:g} {second[1]:g}")
    parts.append(f"L{points[-1][0]:g} {points[-1][1]:g}")
    return "".join(parts)


def _towards(start: Point, end: Point) -> Point:
    """The point on the way from `start` where a round corner begins."""
    length = abs(end[0] - start[0]) + abs(end[1] - start[1])
    part = min(_CORNER, length / 2) / length if length else 0.0
    return start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part


def _family(
    parent: str,
    over: Mapping[str, str],
    parents: Mapping[str, tuple[str, str]],
    layout: Layout,
) -> str:
    """The lines from a table to those under it."""
    box = layout.boxes[parent]
    bus = layout.bands[box.band].bottom + BUS - 6
    drawn = []
    stacks: dict[float, Box] = {}
    for child in (name for name, above in over.items() if above == parent):
        below, mark = layout.boxes[child], parents[child][1]
        if below.is_stacked:
            trunk, at = below.x - 12, below.y + HEAD / 2
            lowest = stacks.get(trunk)
            if lowest is None or lowest.y < below.y:
                stacks[trunk] = below
            drawn.append(f'<path class="link" d="M{trunk:g} {at:g}H{below.x:g}"/>')
            drawn.append(_foot(below.x, at, mark, is_sideways=True))
            continue
        points = [(box.centre, box.bottom), (box.centre, bus), (below.centre, bus)]
        if abs(box.centre - below.centre) < 1:
            points = [(below.centre, box.bottom)]
        path = _path([*points, (below.centre, below.y)])
        drawn.append(f'<path class="link" d="{path}"/>' + _foot(below.centre, below.y, mark))
    for trunk, lowest in stacks.items():
        points = [(box.centre, box.bottom), (box.centre, bus), (trunk, bus)]
        path = _path([*points, (trunk, lowest.y + HEAD / 2)])
        drawn.append(f'<path class="link" d="{path}"/>')
    one = f'<path class="link" d="M{box.centre - 6:g} {box.bottom + 6:g}h12"/>'
    return "".join([*drawn, one])


def _foot(x: float, y: float, mark: str, *, is_sideways: bool = False) -> str:
    """The mark at a child: a crow's foot for many, a bar for one, a circle where none may be."""
    parts = []
    if mark in ("many", "some"):
        line = _turned(x, y, is_sideways, (-6, 0), (0, -11), (6, 0))
        at = -15.0
    else:
        line = _turned(x, y, is_sideways, (-6, -6), (6, -6))
        at = -11.0
    parts.append(f'<path class="link" d="{line}"/>')
    if is_sideways:
        # beside a column there is no room for more
        return "".join(parts)
    if mark in ("many", "maybe"):
        parts.append(f'<circle class="mark" cx="{x:g}" cy="{y + at:g}" r="3.6"/>')
    else:
        parts.append(f'<path class="link" d="M{x - 6:g} {y + at + 1:g}h12"/>')
    return "".join(parts)


def _turned(x: float, y: float, is_sideways: bool, *points: Point) -> str:
    """A line through points beside the one where a line ends, which comes from above or left."""
    placed = [(x + b, y + a) if is_sideways else (x + a, y + b) for a, b in points]
    return "M" + "L".join(f"{a:g} {b:g}" for a, b in placed)


def _references(links: Sequence[tuple[str, str, str]], layout: Layout) -> str:
    """Dashed lines from fields to the tables that they refer to."""
    drawn: list[str] = []
    through: dict[str, list[tuple[Box, Point]]] = {}
    for source, field, target in links:
        one, other = layout.boxes[source], layout.boxes[target]
        start = (one.right, one.line_at(field))
        head = (other.right, other.y + HEAD / 2)
        if one is other:
            out = one.right + 20
        elif one.is_aside and other.is_aside:
            out = max(b.right for b in layout.boxes.values() if b.is_aside) + 14
        else:
            through.setdefault(target, []).append((one, start))
            continue
        drawn.append(_dashed([start, (out, start[1]), (out, head[1]), head], has_arrow=True))
        drawn.append(_dot(start))
    for target, sources in through.items():
        drawn += _to(target, sources, layout)
    return "".join(drawn)


def _to(target: str, sources: Sequence[tuple[Box, Point]], layout: Layout) -> list[str]:
    """The lines to one table: each joins the next, so that none lies over another."""
    end = _in(layout.boxes[target], target, layout)
    x, height = end[0]
    drawn = [_dot(start) for _, start in sources]
    found: dict[float, list[Point]] = {}
    for way in sorted((_out(b, s, target, layout) for b, s in sources), key=lambda w: w[0][0]):
        y = way[-1][1]
        if y in found:
            # into the line of one farther left
            drawn.append(_dashed(way[:-1]))
        else:
            found[y] = way
    level = found.pop(height, None)
    above = sorted(y for y in found if y < height)
    below = sorted((y for y in found if y > height), reverse=True)
    is_in = level is not None
    if level is not None:
        # from beside, or along the gutter that leads to the table
        drawn.append(_dashed([*level[:-1], *end[1:]], has_arrow=True))
    for side in (above, below):
        for place, y in enumerate(side):
            way = found[y]
            if place:
                drawn.append(_dashed(way))
            elif is_in:
                drawn.append(_dashed([*way, (x, height)]))
            else:
                drawn.append(_dashed([*way, *end], has_arrow=True))
                is_in = True
    return drawn


def _dashed(points: Sequence[Point], *, has_arrow: bool = False) -> str:
    corners = _plain(points)
    line = f'<path class="reference" d="{_path(corners)}"/>' if len(corners) > 1 else ""
    return line + (_arrow(corners) if has_arrow else "")


def _dot(point: Point) -> str:
    return f'<circle class="dot" cx="{point[0]:g}" cy="{point[1]:g}" r="2.6"/>'


def _out(box: Box, start: Point, target: str, layout: Layout) -> list[Point]:
    """From a field to the channel: straight, or down through the gutter."""
    x = layout.channel[target]
    if box.is_aside:
        return [(box.x, start[1]), (x, start[1])]
    if is_last(box, layout.bands):
        return [start, (x, start[1])]
    lane = layout.bands[box.band].lanes[target]
    aside = box.right + 9 + 6 * box.ports.index(target)
    return [start, (aside, start[1]), (aside, lane), (x, lane)]


def _in(box: Box, target: str, layout: Layout) -> list[Point]:
    """From the channel to the head of a table."""
    x, y = layout.channel[target], box.y + HEAD / 2
    if box.is_aside:
        return [(x, y), (box.x, y)]
    if is_last(box, layout.bands):
        return [(x, y), (box.right, y)]
    lane = layout.bands[box.band].lanes[target]
    aside = box.right + 9 + 6 * box.ports.index(target)
    return [(x, lane), (aside, lane), (aside, y), (box.right, y)]


def _plain(points: Sequence[Point]) -> list[Point]:
    """The corners of a line: no point twice, nor on the way between its neighbours."""
    found: list[Point] = []
    for point in points:
        if found and point == found[-1]:
            continue
        while len(found) > 1 and _is_between(found[-2], found[-1], point):
            found.pop()
        found.append(point)
    return found


def _is_between(a: Point, b: Point, c: Point) -> bool:
    return (a[0] == b[0] == c[0]) or (a[1] == b[1] == c[1])


def _arrow(points: Sequence[Point]) -> str:
    """The head of an arrow at the end of a line that comes in from a side."""
    (before, _), (x, y) = points[-2], points[-1]
    away = 8 if before > x else -8
    return f'<path class="arrow" d="M{x + away:g} {y - 4.5:g}L{x:g} {y:g}l{away:g} 4.5z"/>'


# boxes


def _box(box: Box) -> str:
    x, y, table = box.x, box.y, box.table
    head = f"M{x:g} {y + HEAD:g}v-{HEAD - 6:g}q0-6 6-6h{box.width - 12:g}q6 0 6 6v{HEAD - 6:g}z"
    if not box.lines:
        head = (
            f"M{x + 6:g} {y:g}h{box.width - 12:g}q6 0 6 6v{HEAD - 12:g}q0 6-6 6h-{box.width - 12:g}"
            f"q-6 0-6-6v-{HEAD - 12:g}q0-6 6-6z"
        )
    anchor = escape(f"#table-{table.name.replace(' ', '-')}")
    parts = [
        f'<a href="{anchor}" class="{table.shape}">',
        f'<rect class="box" x="{x:g}" y="{y:g}" width="{box.width:g}" '
        f'height="{box.height:g}" rx="6"/>',
        f'<path class="head" d="{head}"/>',
        f'<text class="title" x="{x + 10:g}" y="{y + 19:g}">{escape(shorten(table.name, LONGEST))}'
        "</text>",
    ]
    if table.about:
        parts.append(
            f'<text class="about" x="{box.right - 10:g}" y="{y + 19:g}" text-anchor="end">'
            f"{escape(table.about)}</text>"
        )
    for number, (text, note, is_key) in enumerate(box.lines):
        at = y + HEAD + ROW * (number + 1) - 2
        style = ' class="key"' if is_key else ""
        parts.append(f'<text{style} x="{x + 10:g}" y="{at:g}">{escape(text)}</text>')
        if note:
            parts.append(
                f'<text class="about" x="{box.right - 10:g}" y="{at:g}" text-anchor="end">'
                f"{escape(note)}</text>"
            )
    return "".join(parts) + "</a>"
