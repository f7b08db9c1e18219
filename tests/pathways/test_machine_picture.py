"""The picture of a machine: well formed, complete, and nothing drawn over anything."""

from __future__ import annotations

import re
from itertools import combinations
from xml.etree import ElementTree

import pytest
from pathway_machines import ADMISSION, machine_of

from synthdsl.render._machine import machine_svg

VENTILATION = """
pathway admission per encounter e starts start {
  triage: gamma(mean: 40 min, cv: 0.5) -> {oxygen: 40%, mask: 35%, intubated: rest}
  oxygen: lognormal(mean: 1 d, sd: 2 d) -> {mask: 20%, intubated: 5%, room_air: rest}
  mask: lognormal(mean: 2 d, sd: 2 d) -> {oxygen: 60%, intubated: 25%, mask: 5%, died: rest}
  intubated: when {age > 60: 8 d, else: 6 d} -> {
    weaning: 70%, died: when {age < 60: 10%, else: 20%}, intubated: rest
  }
  weaning: uniform(1 d, 3 d) -> {mask: 30%, triage: 5%, room_air: 50%, intubated: rest}
  final room_air, died
}
"""
LOOP = """
pathway admission per encounter e starts start {
  a: 5 h -> {a: 30%, home: rest}
  final home
}
"""
SVG = "{http://www.w3.org/2000/svg}"


def boxes(svg):
    names = ("x", "y", "width", "height")
    return [[float(r.get(n)) for n in names] for r in svg.iter(f"{SVG}rect")]


@pytest.mark.parametrize(("text", "links"), [(ADMISSION, 8), (VENTILATION, 17), (LOOP, 2)])
def test_a_picture_shows_all_states_and_links(text, links):
    machine = machine_of(text)
    written = machine_svg(machine)
    svg = ElementTree.fromstring(written)
    texts = [element.text for element in svg.iter(f"{SVG}text")]
    assert set(machine.enum.members) <= set(texts)
    lines = [path for path in svg.iter(f"{SVG}path") if path.get("stroke")]
    assert len(lines) == links
    assert len(texts) == len(machine.enum.members) + len(machine.states) + links
    assert written == machine_svg(machine)


@pytest.mark.parametrize("text", [ADMISSION, VENTILATION, LOOP])
def test_boxes_lie_apart_and_inside(text):
    svg = ElementTree.fromstring(machine_svg(machine_of(text)))
    _, top, width, height = (float(n) for n in svg.get("viewBox").split())
    for x, y, w, h in boxes(svg):
        assert x >= 0 and y >= top and x + w <= width and y + h <= top + height
    for (x1, y1, w1, h1), (x2, y2, w2, h2) in combinations(boxes(svg), 2):
        assert x1 + w1 <= x2 or x2 + w2 <= x1 or y1 + h1 <= y2 or y2 + h2 <= y1
    for path in svg.iter(f"{SVG}path"):
        numbers = [float(n) for n in re.findall(r"-?\d+\.?\d*", path.get("d"))]
        assert not path.get("stroke") or all(-1e4 < n < 1e4 for n in numbers)


def test_links_that_pass_states_do_not_cross_their_boxes():
    """From `ed` to `home` the link runs over the boxes of `ward` and `icu`."""
    svg = ElementTree.fromstring(machine_svg(machine_of(ADMISSION)))
    ward_top = sorted(y for _, y, _, _ in boxes(svg))[0]
    passing = [p.get("d") for p in svg.iter(f"{SVG}path") if (p.get("d") or "").count("C") == 2]
    assert len(passing) == 1
    lane = float(re.findall(r"H[\d.]+ C[\d.]+ (-?[\d.]+)", passing[0])[0])
    assert lane < ward_top


def test_weights_are_written_as_shares_or_as_typed():
    texts = [e.text for e in ElementTree.fromstring(machine_svg(machine_of(VENTILATION))).iter()]
    assert {"40 %", "25 %", "15 %", "rest", "when {age < 6…"} <= set(texts)
    assert {"oxygen", "uniform(1 d, 3 d)", "when {age > 60: 8 d, else: 6 …"} <= set(texts)
