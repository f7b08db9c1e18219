"""Where the tables of an entity-relationship picture stand: parents above children.

Every depth is a band of its own; under each lies a gutter with no box in it, and so does a channel
at the right of all bands. Tables that are only referred to stand in a column beyond the channel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from synthdsl.render._width import display_width, shorten

ROW = 18
HEAD = 28
CHARACTER = 7.0
SMALL = 6.1
MARGIN = 14
GAP = 34
"""Between boxes side by side: room for the lines that leave the left one."""
LANE = 9
FOOT = 26
"""Room above a child for the mark at the end of its line."""
BUS = 24
"""From a parent down to the line that its children hang on."""
MOST_LINES = 9
LONGEST = 30
MOST_ABREAST = 5
"""Children side by side; more of them, if they have none of their own, stand in columns."""


@dataclass(frozen=True)
class DiagramTable:
    """A table of the picture. `lines`: names of fields, a note on each, and whether it is part of
    the key. `about`: how many rows it has. `shape`: `table`, `pathway` or `file`.
    """

    name: str
    lines: tuple[tuple[str, str, bool], ...] = ()
    about: str = ""
    shape: str = "table"


@dataclass(eq=False)
class Box:
    """A table with its place. `ports`: tables that the lines at its right side lead to."""

    table: DiagramTable
    x: float = 0.0
    y: float = 0.0
    band: int = 0
    is_aside: bool = False
    is_stacked: bool = False
    ports: list[str] = field(default_factory=list)
    lines: list[tuple[str, str, bool]] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0

    def __post_init__(self) -> None:
        lines = self.table.lines
        hidden = len(lines) - MOST_LINES
        self.lines = [(shorten(n, LONGEST), shorten(a, LONGEST), k) for n, a, k in lines]
        if hidden > 1:
            self.lines = [*self.lines[:MOST_LINES], (f"… {hidden} more", "", False)]
        widths = [
            display_width(name) * CHARACTER + (14 + display_width(note) * SMALL if note else 0)
            for name, note, _ in self.lines
        ]
        head = display_width(shorten(self.table.name, LONGEST)) * 8.2
        if self.table.about:
            head += 16 + display_width(self.table.about) * SMALL
        self.width = round(max([*widths, head]) + 24)
        self.height = HEAD + ROW * len(self.lines) + (8 if self.lines else 0)

    @property
    def right(self) -> float:
        """Its right side."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower side."""
        return self.y + self.height

    @property
    def centre(self) -> float:
        """Its middle, from left to right."""
        return self.x + self.width / 2

    def line_at(self, name: str) -> float:
        """The height of the line of a field; of the head where it is not shown."""
        for number, (shown, _, _) in enumerate(self.lines):
            if shown == shorten(name, LONGEST):
                return self.y + HEAD + ROW * number + ROW / 2 + 2
        return self.y + HEAD / 2


@dataclass
class Band:
    """The boxes of one depth, from `top` to `bottom`; the gutter ends at `end`.

    `lanes`: tables that references from here lead to, each with a line of its own in the gutter.
    """

    boxes: list[Box] = field(default_factory=list)
    lanes: dict[str, float] = field(default_factory=dict)
    top: float = 0.0
    bottom: float = 0.0
    end: float = 0.0
    has_children: bool = False


@dataclass(frozen=True)
class Layout:
    """The whole picture: boxes by table, bands, and lines in the channel by referred table."""

    boxes: dict[str, Box]
    bands: list[Band]
    channel: dict[str, float]
    width: float
    height: float


def lay_out(
    tables: Sequence[DiagramTable],
    parents: Mapping[str, str],
    references: Sequence[tuple[str, str, str]],
) -> Layout:
    """Places for `tables`. `parents`: by child. `references`: (table, its field, other table)."""
    boxes = {table.name: Box(table) for table in tables}
    children: dict[str, list[str]] = {name: [] for name in boxes}
    for child, parent in parents.items():
        children[parent].append(child)
    roots = [name for name in boxes if name not in parents]
    aside = _aside(roots, children, references)
    main = [name for name in roots if name not in aside]
    bands: list[Band] = []
    x = float(MARGIN)
    for root in main:
        x += _place(root, 0, x, boxes, children, bands) + 2 * GAP
    edge = x - 2 * GAP
    for name in aside:
        boxes[name].is_aside = True
    _add_lanes(boxes, bands, references)
    bottom = _set_heights(boxes, bands)
    if aside:
        bottom = _place_aside(aside, boxes, references, bottom)
    beside = {t for s, _, t in references if s != t and _is_beside(s, t, boxes)}
    targets = {t for s, _, t in references if s != t and not _is_beside(s, t, boxes)}
    ordered = sorted(targets, key=lambda t: (boxes[t].y, boxes[t].x))
    channel = {target: edge + 22 + LANE * i for i, target in enumerate(ordered)}
    width = max([edge, *(x + 6 for x in channel.values())])
    if aside:
        for name in aside:
            boxes[name].x = width + 24
        width = max(boxes[name].right for name in aside) + (14 + LANE * len(beside)) * bool(beside)
    if any(s == t for s, _, t in references):
        width += 22
    return Layout(boxes, bands, channel, round(width + MARGIN), round(bottom + MARGIN))


def _is_beside(source: str, target: str, boxes: Mapping[str, Box]) -> bool:
    """Whether both stand in the column at the right."""
    return boxes[source].is_aside and boxes[target].is_aside


def _aside(
    roots: list[str],
    children: Mapping[str, list[str]],
    references: Sequence[tuple[str, str, str]],
) -> list[str]:
    """Tables without relatives that others refer to; none if nothing else is left."""
    referred = {target for source, _, target in references if source != target}
    found = [name for name in roots if name in referred and not children[name]]
    return found if len(found) < len(roots) else []


def _place(
    name: str,
    depth: int,
    x: float,
    boxes: dict[str, Box],
    children: Mapping[str, list[str]],
    bands: list[Band],
) -> float:
    """Give a table and all under it their places from left to right; the width that they take."""
    box = boxes[name]
    box.band = depth
    while len(bands) <= depth:
        bands.append(Band())
    bands[depth].boxes.append(box)
    columns = _columns(children[name], children)
    if not columns:
        box.x = x
        return box.width
    bands[depth].has_children = True
    at, spans = x, []
    for column in columns:
        if len(column) == 1:
            used = _place(column[0], depth + 1, at, boxes, children, bands)
            spans.append(boxes[column[0]].centre)
        else:
            used = _stack(column, depth + 1, at, boxes, bands)
            spans.append(at + used / 2 if len(columns) == 1 else at)
        at += used + GAP
    used = at - GAP - x
    centre, middle = (spans[0] + spans[-1]) / 2, spans[len(spans) // 2]
    if len(spans) % 2 and abs(centre - middle) < GAP:
        centre = middle
    box.x = max(centre - box.width / 2, x)
    if box.width > used:
        shift = (box.width - used) / 2
        for other in _below(name, children):
            boxes[other].x += shift
        box.x = x
    return max(used, box.right - x)


def _columns(names: list[str], children: Mapping[str, list[str]]) -> list[list[str]]:
    """Children side by side, those without children of their own in columns if there are many."""
    if len(names) <= MOST_ABREAST:
        return [[name] for name in names]
    leaves = [name for name in names if not children[name]]
    inner = [[name] for name in names if children[name]]
    room = max(MOST_ABREAST - len(inner), 1)
    height = -(-len(leaves) // room)
    return [*(leaves[i : i + height] for i in range(0, len(leaves), height)), *inner]


def _stack(
    names: list[str], depth: int, x: float, boxes: dict[str, Box], bands: list[Band]
) -> float:
    while len(bands) <= depth:
        bands.append(Band())
    for name in names:
        box = boxes[name]
        box.x, box.band, box.is_stacked = x + 18, depth, True
        bands[depth].boxes.append(box)
    return 18 + max(boxes[name].width for name in names)


def _below(name: str, children: Mapping[str, list[str]]) -> list[str]:
    found = list(children[name])
    for other in found:
        found += children[other]
    return found


def _add_lanes(
    boxes: Mapping[str, Box],
    bands: Sequence[Band],
    references: Sequence[tuple[str, str, str]],
) -> None:
    """Find out which gutters references run through."""
    for source, _, target in references:
        if source == target:
            continue
        for box in (boxes[source], boxes[target]):
            if not box.is_aside and not is_last(box, bands):
                bands[box.band].lanes.setdefault(target, 0.0)
                if target not in box.ports:
                    box.ports.append(target)


def is_last(box: Box, bands: Sequence[Band]) -> bool:
    """Whether no other box of its band stands at the right of it."""
    return not any(other.x > box.x + 1 for other in bands[box.band].boxes)


def _set_heights(boxes: Mapping[str, Box], bands: Sequence[Band]) -> float:
    y = float(MARGIN)
    for number, band in enumerate(bands):
        band.top = y
        columns: dict[float, float] = {}
        for box in band.boxes:
            box.y = columns.get(box.x, y)
            columns[box.x] = box.bottom + 16
        band.bottom = max(box.bottom for box in band.boxes)
        at = band.bottom + (BUS if band.has_children else 4)
        for target in band.lanes:
            at += LANE
            band.lanes[target] = at
        band.end = at + (FOOT if number + 1 < len(bands) else 0)
        y = band.end
    return bands[-1].end if bands else y


def _place_aside(
    names: Sequence[str],
    boxes: Mapping[str, Box],
    references: Sequence[tuple[str, str, str]],
    bottom: float,
) -> float:
    """The column at the right: each about as high as what refers to it, none over another."""
    wanted = {}
    for name in names:
        sources = [boxes[s] for s, _, t in references if t == name and not boxes[s].is_aside]
        heights = [(box.y + box.bottom) / 2 for box in sources]
        wanted[name] = sum(heights) / len(heights) if heights else bottom / 2
    ordered = sorted(names, key=lambda name: (wanted[name], names.index(name)))
    total = sum(boxes[n].height for n in ordered) + 22 * (len(ordered) - 1)
    y = float(MARGIN)
    left = total
    for name in ordered:
        box = boxes[name]
        # as high as wanted, if what follows still fits above the lower end
        latest = max(y, bottom - left)
        box.y = min(max(wanted[name] - box.height / 2, y), latest)
        left -= box.height + 22
        y = box.bottom + 22
    return max(bottom, y - 22)
