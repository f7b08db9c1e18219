"""Draw the figures of the documentation from rows that the program makes.

    python docs/figures.py    # writes docs/images/triangle.svg and pathway.svg

Plain SVG, so that it needs nothing but the package. The seed is fixed, so it writes the same file
each time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

import synthdsl
from synthdsl.model.build import build_spec
from synthdsl.render._machine import machine_svg
from synthdsl.source import Source

IMAGES = Path(__file__).parent / "images"
SPEC = """language 1
table t [100_000] {
  x: float ~ uniform(0, 1)
  y: float ~ uniform(0, 1)
  rule order: y < x
}
"""
SIZE, GAP, BINS, DOTS = 240, 70, 24, 700
BLUE, ORANGE, GREY = "#2f6db3", "#d9822b", "#9aa3ab"


def triangle() -> str:
    """Points under `y < x`, and how x and y are spread before and after the rule."""
    frame = synthdsl.load("triangle.synth", text=SPEC).generate(seed=1).to_pandas()["t"]
    parts = [*_axes(30), *_points(frame.x, frame.y), *_axes(30 + SIZE + GAP)]
    left = 30 + SIZE + GAP
    parts.append(_line([(left, _height(1)), (left + SIZE, _height(1))], GREY, dashed=True))
    for values, colour in ((frame.x, BLUE), (frame.y, ORANGE)):
        density, edges = np.histogram(values, BINS, (0, 1), density=True)
        middles = (edges[:-1] + edges[1:]) / 2
        points = [(left + SIZE * at, _height(d)) for at, d in zip(middles, density, strict=True)]
        parts.append(_line(points, colour))
    parts += [
        _text(30 + SIZE / 2, "x, y drawn evenly, rule y < x"),
        _text(left + SIZE / 2, "declared (grey), x and y under the rule"),
        _label(left + SIZE - 44, _height(1.9), "x", BLUE),
        _label(left + 30, _height(1.9), "y", ORANGE),
    ]
    width, height = 2 * SIZE + GAP + 60, SIZE + 60
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="13">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )


def _height(density: float) -> float:
    """Where a density lies; the top of a panel is 2.2."""
    return 20 + SIZE * (1 - density / 2.2)


def _axes(left: float) -> Iterable[str]:
    yield f'<rect x="{left}" y="20" width="{SIZE}" height="{SIZE}" fill="none" stroke="{GREY}"/>'


def _points(x: Iterable[float], y: Iterable[float]) -> Iterable[str]:
    for _, a, b in zip(range(DOTS), x, y, strict=False):
        at = f'cx="{30 + SIZE * a:.1f}" cy="{20 + SIZE * (1 - b):.1f}"'
        yield f'<circle {at} r="1.6" fill="{BLUE}" fill-opacity="0.6"/>'


def _line(points: list[tuple[float, float]], colour: str, *, dashed: bool = False) -> str:
    shown = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    dashes = ' stroke-dasharray="5 4"' if dashed else ""
    style = f'fill="none" stroke="{colour}" stroke-width="2"'
    return f'<polyline points="{shown}" {style}{dashes}/>'


def _text(middle: float, text: str) -> str:
    at = f'x="{middle}" y="{SIZE + 42}"'
    return f'<text {at} text-anchor="middle">{text.replace("<", "&lt;")}</text>'


def _label(left: float, top: float, text: str, colour: str) -> str:
    return f'<text x="{left:.1f}" y="{top:.1f}" fill="{colour}" font-size="16">{text}</text>'


def pathway() -> str:
    """The machine of the page about pathways."""
    page = (Path(__file__).parent / "how-to" / "pathways.md").read_text(encoding="utf-8")
    text = page.split("```synth hospital.synth\n")[1].split("```")[0]
    spec, _ = build_spec(Source("hospital.synth", text))
    assert spec is not None
    machine = spec.tables["admission"].machine
    assert machine is not None
    return machine_svg(machine) + "\n"


def main() -> int:
    """Write every figure."""
    (IMAGES / "pathway.svg").write_text(pathway(), encoding="utf-8")
    print("wrote docs/images/pathway.svg")
    (IMAGES / "triangle.svg").write_text(triangle(), encoding="utf-8")
    print("wrote docs/images/triangle.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
