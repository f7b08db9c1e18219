"""The entity-relationship picture: nothing overlaps, lines keep clear of tables, nothing varies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthdsl.render._diagram import MARKS, entity_diagram
from synthdsl.render._diagram_layout import DiagramTable, lay_out


@dataclass
class Drawing:
    """Tables, parents by child and references, as the picture takes them."""

    tables: list[DiagramTable]
    parents: dict[str, tuple[str, str]]
    references: list[tuple[str, str, str]]

    @property
    def svg(self) -> str:
        return entity_diagram(self.tables, self.parents, self.references)

    @property
    def layout(self):
        over = {child: parent for child, (parent, _) in self.parents.items()}
        return lay_out(self.tables, over, self.references)


@st.composite
def drawings(draw: st.DrawFn) -> Drawing:
    number = draw(st.integers(1, 12))
    names = [f"t{i}" for i in range(number)]
    parents = {}
    for i in range(1, number):
        above = draw(st.none() | st.integers(0, i - 1))
        if above is not None:
            parents[names[i]] = (names[above], draw(st.sampled_from(MARKS)))
    pairs = st.tuples(st.sampled_from(names), st.sampled_from(["id", "other_id"]))
    references = [
        (source, field, target)
        for (source, field), target in draw(
            st.lists(st.tuples(pairs, st.sampled_from(names)), max_size=10)
        )
    ]
    tables = [
        DiagramTable(
            name,
            tuple((f, "key", f == "id") for f in ("id", "other_id", "x" * i)[: 1 + i % 3]),
            draw(st.sampled_from(["", "10,000 rows", "0 to 60 each"])),
            draw(st.sampled_from(["table", "file", "pathway"])),
        )
        for i, name in enumerate(names)
    ]
    return Drawing(tables, parents, references)


def segments(path: str) -> list[tuple[float, float, float, float]]:
    """The straight parts of a line, its corners taken for points."""
    points = [
        (float(a), float(b))
        for a, b in re.findall(r"(-?[\d.e+]+) (-?[\d.e+]+)", re.sub(r"Q(\S+ \S+) ", r"L\1L", path))
    ]
    return [(*one, *other) for one, other in pairwise(points)]


def lines(svg: str, kind: str) -> list[tuple[float, float, float, float]]:
    found = re.findall(rf'<path class="{kind}" d="([^"]*)"', svg)
    return [part for path in found if "h" not in path for part in segments(path)]


@settings(max_examples=150, deadline=None)
@given(drawings())
def test_no_table_lies_over_another_and_all_are_inside(drawing: Drawing) -> None:
    layout = drawing.layout
    boxes = list(layout.boxes.values())
    for i, one in enumerate(boxes):
        assert one.x >= 0 and one.y >= 0
        assert one.right <= layout.width and one.bottom <= layout.height
        for other in boxes[:i]:
            is_apart = (
                one.right + 8 <= other.x
                or other.right + 8 <= one.x
                or one.bottom + 8 <= other.y
                or other.bottom + 8 <= one.y
            )
            assert is_apart, (one.table.name, other.table.name)


@settings(max_examples=150, deadline=None)
@given(drawings())
def test_references_cross_no_table(drawing: Drawing) -> None:
    layout = drawing.layout
    for x1, y1, x2, y2 in lines(drawing.svg, "reference"):
        low_x, high_x, low_y, high_y = min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)
        assert low_x >= 0 and high_x <= layout.width and high_y <= layout.height
        for box in layout.boxes.values():
            is_beside = (
                high_x <= box.x + 1
                or low_x >= box.right - 1
                or high_y <= box.y + 1
                or low_y >= box.bottom - 1
            )
            assert is_beside, (box.table.name, x1, y1, x2, y2)


@settings(max_examples=50, deadline=None)
@given(drawings())
def test_the_same_tables_give_the_same_picture(drawing: Drawing) -> None:
    assert drawing.svg == drawing.svg
    assert drawing.svg.count("<rect") == len(drawing.tables)
    assert drawing.svg.startswith("<svg") and "nan" not in drawing.svg


def test_parents_stand_above_children_and_what_is_referred_to_aside() -> None:
    names = ["patient", "visit", "lab", "site", "provider"]
    drawing = Drawing(
        [DiagramTable(name, (("id", "key", True), ("site_id", "", False))) for name in names],
        {"visit": ("patient", "many"), "lab": ("visit", "one")},
        [("visit", "site_id", "site"), ("provider", "site_id", "site"), ("lab", "id", "provider")],
    )
    boxes = drawing.layout.boxes
    assert boxes["patient"].bottom < boxes["visit"].y < boxes["visit"].bottom < boxes["lab"].y
    assert boxes["patient"].centre == boxes["visit"].centre == boxes["lab"].centre
    assert boxes["site"].is_aside and boxes["provider"].is_aside
    assert boxes["site"].x == boxes["provider"].x > boxes["visit"].right
    assert drawing.svg.count('class="arrow"') == 3
    assert drawing.svg.count('class="mark"') == 1  # a circle for `many`, none for `one`


@pytest.mark.parametrize(("mark", "feet", "circles"), [
    ("many", 1, 1), ("some", 1, 0), ("one", 0, 0), ("maybe", 0, 1),
])  # fmt: skip
def test_marks(mark: str, feet: int, circles: int) -> None:
    drawing = Drawing([DiagramTable("a"), DiagramTable("b")], {"b": ("a", mark)}, [])
    crows = re.findall(r'<path class="link" d="M\S+ \S+L\S+ \S+L\S+ \S+"', drawing.svg)
    assert len(crows) == feet and drawing.svg.count("<circle") == circles


def test_many_children_stand_in_columns() -> None:
    names = [f"child_{i}" for i in range(11)]
    drawing = Drawing(
        [DiagramTable("a"), *(DiagramTable(name, (("k", "", False),)) for name in names)],
        {name: ("a", "many") for name in names},
        [],
    )
    boxes = drawing.layout.boxes
    columns = {boxes[name].x for name in names}
    assert len(columns) == 4 and max(len(b.lines) for b in boxes.values()) == 1
    assert drawing.layout.width < 900


def test_lines_to_one_table_do_not_lie_over_each_other() -> None:
    names = ["a", "b", "c", "d"]
    drawing = Drawing(
        [DiagramTable("root"), *(DiagramTable(n, (("r", "", False),)) for n in names),
         DiagramTable("target")],
        {n: ("root", "many") for n in names},
        [(n, "r", "target") for n in names],
    )  # fmt: skip
    found = lines(drawing.svg, "reference")
    flat = sorted((y1, min(x1, x2), max(x1, x2)) for x1, y1, x2, y2 in found if y1 == y2)
    for (y, _, end), (other, start, _) in pairwise(flat):
        assert y != other or start >= end - 7  # the round corners at most
