"""A pathway as inline SVG: states from left to right by their distance from the start.

Links that pass a column run over its boxes or under them, whichever is nearer. Every link carries
its weight: constants as shares, others as typed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from synthdsl.model.draws import CategoricalDraw
from synthdsl.model.expressions import Constant
from synthdsl.model.pathway_checks import successors
from synthdsl.model.pathways import Machine, State
from synthdsl.render._width import display_width, shorten

_CHARACTER = 7.0
_SMALL = 6.2
_HEIGHT = 44
_COLUMN_GAP = 96
_ROW_GAP = 34
_MARGIN = 18
_LOOP = 22
_LANE = 18
_LONGEST = 30


@dataclass
class _Node:
    """A state: what is written in its box, and where that stands."""

    name: str
    stay: str
    is_final: bool
    column: int
    width: int
    x: float = 0
    y: float = 0

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def middle(self) -> float:
        return self.y + _HEIGHT / 2

    @property
    def centre(self) -> float:
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        return self.y + _HEIGHT


@dataclass
class _Column:
    """States at one distance from the start, between `x` and `right`, and lanes for what passes.

    `top` and `bottom` are where the next lane over and under the boxes lies.
    """

    nodes: list[_Node]
    x: float = 0
    right: float = 0
    top: float = 0
    bottom: float = 0


@dataclass
class _Link:
    """A link between two columns, from `left` to `right` or back.

    `lanes`: the columns that it passes, and at which height.
    """

    left: _Node
    right: _Node
    text: str
    leads_back: bool
    lanes: list[tuple[_Column, float]]

    def next_to(self, node: _Node) -> float:
        """The height at which the link comes to the gap beside `node`, seen from there."""
        if self.lanes:
            return self.lanes[0 if node is self.left else -1][1]
        return (self.right if node is self.left else self.left).middle


def machine_svg(machine: Machine) -> str:
    """The picture of a machine as an `<svg>` element, which needs no style sheet."""
    weights = {state.name: _weights(state) for state in machine.states}
    nodes = _nodes(machine, weights)
    columns = _placed(list(nodes.values()), weights)
    pairs = [(nodes[a], nodes[b], text) for a, row in weights.items() for b, text in row.items()]
    # the shortest links pass nearest to the boxes
    pairs.sort(key=lambda pair: abs(pair[0].column - pair[1].column))
    links = [_link(*pair, columns) for pair in pairs if pair[0].column != pair[1].column]
    lines = [_between(link, links) for link in links]
    for one, other, text in pairs:
        if one is other:
            lines.append(_loop(one, text))
        elif one.column == other.column:
            lines.append(_beside(one, other, text))
    top = min(column.top for column in columns) - 4
    height = max(column.bottom for column in columns) + 4 - top
    width = columns[-1].right + _MARGIN
    drawn = "".join(path for path, _ in lines)
    drawn += "".join(_box(node, is_start=node.name == machine.start) for node in nodes.values())
    drawn += "".join(label for _, label in lines)
    said = "; ".join(f"{a} to {', '.join(row)}" for a, row in weights.items())
    label = escape(f"Pathway {machine.name}: {said}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" '
        f'width="{width:.0f}" height="{height:.0f}" viewBox="0 {top:.0f} {width:.0f} {height:.0f}" '
        f'font-family="system-ui, sans-serif" font-size="13">'
        f"<title>{label}</title><defs>{_ARROW}</defs>{drawn}</svg>"
    )


_ARROW = (
    '<marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
    'orient="auto-start-reverse"><path d="M0 0.8 L7.5 4 L0 7.2 z" fill="#667085"/></marker>'
)


def _weights(state: State) -> dict[str, str]:
    """What is written at the links from a state, by the state they lead to."""
    draw = state.next.draw
    assert draw is not None
    following = successors(draw)
    if not isinstance(draw, CategoricalDraw):
        return dict.fromkeys((v for v in draw.values if v in following), "file")  # type: ignore[attr-defined]
    found = {}
    known = [w.value for w in draw.weights if isinstance(w, Constant)]
    is_known = len(known) >= len([w for w in draw.weights if w is not None])
    for outcome, weight in zip(draw.outcomes, draw.weights, strict=True):
        if outcome not in following:
            continue
        if isinstance(weight, Constant):
            found[outcome] = f"{100 * weight.value:.4g} %"
        elif weight is None:
            found[outcome] = f"{100 * (1 - sum(known)):.4g} %" if is_known else "rest"
        else:
            found[outcome] = shorten(" ".join(weight.span.text.split()), 14)
    return found


def _nodes(machine: Machine, links: Mapping[str, Mapping[str, str]]) -> dict[str, _Node]:
    """The states by name, in columns: by distance from the start, the ends after all others."""
    depth = {machine.start: 0}
    waiting = [machine.start]
    for name in waiting:
        for other in links.get(name, ()):
            if other not in depth:
                depth[other] = depth[name] + 1
                waiting.append(other)
    last = max((d for n, d in depth.items() if n not in machine.finals), default=0) + 1
    stays = {s.name: shorten(s.stay.text.removeprefix("~ "), _LONGEST) for s in machine.states}
    nodes = {}
    for name in machine.enum.members:
        stay = stays.get(name, "")
        longest = max(display_width(name) * _CHARACTER, display_width(stay) * _SMALL)
        column = last if name in machine.finals else depth[name]
        nodes[name] = _Node(name, stay, not stay, column, round(max(longest + 26, 76)))
    return nodes


def _placed(nodes: list[_Node], links: Mapping[str, Mapping[str, str]]) -> list[_Column]:
    """Give every node its place, around one middle line."""
    columns = [
        _Column([n for n in nodes if n.column == c]) for c in sorted({n.column for n in nodes})
    ]
    for number, column in enumerate(columns):
        for node in column.nodes:
            node.column = number
    x = float(_MARGIN)
    for column in columns:
        count = len(column.nodes)
        y = -(count * _HEIGHT + (count - 1) * _ROW_GAP) / 2
        widest = max(node.width for node in column.nodes)
        column.x, column.right = x, x + widest
        column.top, column.bottom = y - _LOOP, -y + _LANE
        for node in column.nodes:
            node.x, node.y = x + (widest - node.width) / 2, y
            y += _HEIGHT + _ROW_GAP
        labels = [len(t) for n in column.nodes for t in links.get(n.name, {}).values()]
        x += widest + max(_COLUMN_GAP, max(labels, default=0) * _SMALL + 60)
    return columns


def _link(one: _Node, other: _Node, text: str, columns: list[_Column]) -> _Link:
    """The link from `one` to `other`, with a lane of its own in each column that it passes."""
    leads_back = other.column < one.column
    left, right = (other, one) if leads_back else (one, other)
    lanes = []
    for column in columns[left.column + 1 : right.column]:
        if left.middle + right.middle > 0:
            lanes.append((column, column.bottom))
            column.bottom += _LANE
        else:
            lanes.append((column, column.top))
            column.top -= _LANE
    return _Link(left, right, text, leads_back, lanes)


def _box(node: _Node, *, is_start: bool) -> str:
    fill = "#f2f4f7" if node.is_final else "#eef4ff"
    stroke = "#667085" if node.is_final else "#3b6fd4"
    edge = f'stroke="{stroke}" stroke-width="{2.2 if is_start else 1.2}"'
    parts = [
        f'<rect x="{node.x:.1f}" y="{node.y:.1f}" width="{node.width}" height="{_HEIGHT}" '
        f'rx="{22 if node.is_final else 7}" fill="{fill}" {edge}/>'
    ]
    name_y = node.middle + (4.5 if node.is_final else -4)
    parts.append(
        f'<text x="{node.centre:.1f}" y="{name_y:.1f}" text-anchor="middle" font-weight="600" '
        f'fill="#1d2939">{escape(node.name)}</text>'
    )
    if node.stay:
        parts.append(
            f'<text x="{node.centre:.1f}" y="{node.middle + 13:.1f}" text-anchor="middle" '
            f'font-size="11" fill="#475467">{escape(node.stay)}</text>'
        )
    return "".join(parts)


def _line(path: str, x: float, y: float, text: str, arrow: str = "end") -> tuple[str, str]:
    """A link and, apart, its label, which is written over all lines."""
    line = (
        f'<path d="{path}" fill="none" stroke="#98a2b3" stroke-width="1.3" '
        f'marker-{arrow}="url(#to)"/>'
    )
    label = (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-size="11" fill="#344054" '
        f'stroke="white" stroke-width="4" paint-order="stroke">{escape(text)}</text>'
    )
    return line, label


def _between(link: _Link, links: Sequence[_Link]) -> tuple[str, str]:
    """A link between columns: a curve through each gap, straight through its lanes."""
    x, y = link.left.right, _port(link, link.left, links)
    stops = [(c.x, c.right, height) for c, height in link.lanes]
    end = _port(link, link.right, links)
    stops.append((link.right.x, link.right.x, end))
    path, curves = f"M{x:.1f} {y:.1f}", []
    for begin, out, height in stops:
        half = (x + begin) / 2
        path += f" C{half:.1f} {y:.1f} {half:.1f} {height:.1f} {begin:.1f} {height:.1f} H{out:.1f}"
        curves.append((x, y, begin, height))
        x, y = out, height
    # nearer to where the link comes from
    x1, y1, x2, y2 = curves[-1 if link.leads_back else 0]
    t = 0.65 if link.leads_back else 0.37
    half = (x1 + x2) / 2
    label_x, label_y = _bezier(t, x1, half, half, x2), _bezier(t, y1, y1, y2, y2)
    return _line(path, label_x, label_y + 4, link.text, "start" if link.leads_back else "end")


def _port(link: _Link, node: _Node, links: Sequence[_Link]) -> float:
    """Where a link meets the side of a box: in the order of where its links come from."""
    same_side = [m for m in links if (m.left is node if link.left is node else m.right is node)]
    same_side.sort(key=lambda m: m.next_to(node))
    place = next(i for i, m in enumerate(same_side) if m is link) + 1
    return node.y + _HEIGHT * place / (len(same_side) + 1)


def _bezier(t: float, a: float, b: float, c: float, d: float) -> float:
    s = 1 - t
    return s**3 * a + 3 * s * s * t * b + 3 * s * t * t * c + t**3 * d


def _beside(one: _Node, other: _Node, text: str) -> tuple[str, str]:
    """Within a column: down on the right half of the boxes, up on the left half."""
    is_down = one.y < other.y
    x = one.centre + (one.width / 5 if is_down else -one.width / 5)
    start, end = (one.bottom, other.y) if is_down else (one.y, other.bottom)
    if abs(end - start) <= _ROW_GAP + 1:
        return _line(f"M{x:.1f} {start:.1f} V{end:.1f}", x, (start + end) / 2 + 4, text)
    side = (max(one.right, other.right) + 18) if is_down else (min(one.x, other.x) - 18)
    edge_one, edge_other = (one.right, other.right) if is_down else (one.x, other.x)
    path = (
        f"M{edge_one:.1f} {one.middle:.1f} C{side:.1f} {one.middle:.1f} {side:.1f} "
        f"{other.middle:.1f} {edge_other:.1f} {other.middle:.1f}"
    )
    return _line(path, side, (one.middle + other.middle) / 2, text)


def _loop(node: _Node, text: str) -> tuple[str, str]:
    """From a box over its top back to it."""
    x = node.centre
    path = (
        f"M{x + 16:.1f} {node.y:.1f} C{x + 26:.1f} {node.y - _LOOP:.1f} {x - 26:.1f} "
        f"{node.y - _LOOP:.1f} {x - 16:.1f} {node.y:.1f}"
    )
    return _line(path, x, node.y - _LOOP + 6, text)
