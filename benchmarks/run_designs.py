"""How fast means over specs/driving_scenarios.synth converge, by design of the rows.

python benchmarks/run_designs.py [--seeds 60] [--picture docs/images/designs.svg]

For each design and number of rows: the root mean square error of means over seeds, in spreads of
a single row, so that independent rows have 1/sqrt(N). The slope is that of its logarithm against
that of N, by least squares: -1/2 for independent rows. The truth is the mean of larger designs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

import synthdsl

ROOT = Path(__file__).resolve().parent.parent
SPEC = ROOT / "specs" / "driving_scenarios.synth"
SAMPLINGS = ("random", "antithetic", "latin-hypercube", "sobol")
SIZES = tuple(2**k for k in range(5, 13))
TRUTH_ROWS, TRUTH_SEEDS, FIRST_TRUTH_SEED = 2**15, 16, 1_000_000

Values = Callable[[pa.Table], np.ndarray]


def column(name: str) -> Values:
    return lambda table: table[name].to_numpy(zero_copy_only=False).astype(float)


def share(name: str, member: str) -> Values:
    return lambda table: (table[name].cast(pa.string()).to_numpy() == member).astype(float)


MEANS: dict[str, Values] = {
    "speed of the own car": column("speed"),
    "braking of the car ahead": column("lead_braking"),
    "reaction of the driver": column("reaction"),
    "friction of the road": column("friction"),
    "distance to the car ahead": column("gap"),
    "distance left": column("margin"),
    "number of other actors": column("actors"),
    "share of motorways": share("road", "motorway"),
    "share of icy roads": share("surface", "icy"),
    "share of collisions": column("is_collision"),
}
SHOWN = (
    "speed of the own car",
    "braking of the car ahead",
    "distance left",
    "share of collisions",
)
"""Means in the picture."""


def rows_of(spec: synthdsl.Spec, rows: int, seed: int, sampling: str) -> np.ndarray:
    """The values behind each mean: (means, rows)."""
    table = spec.generate(rows, seed=seed, sampling=sampling)["scenario"]
    return np.array([values(table) for values in MEANS.values()])


def errors(spec: synthdsl.Spec, seeds: int) -> dict[str, np.ndarray]:
    """Errors of every mean, in spreads of a row, by design: (sizes, means)."""
    large = [
        rows_of(spec, TRUTH_ROWS, FIRST_TRUTH_SEED + seed, "sobol") for seed in range(TRUTH_SEEDS)
    ]
    truth = np.mean([values.mean(axis=1) for values in large], axis=0)
    spread = large[0].std(axis=1)
    found = {}
    for sampling in SAMPLINGS:
        by_size = []
        for rows in SIZES:
            means = [
                rows_of(spec, rows, seed, sampling).mean(axis=1) for seed in range(1, seeds + 1)
            ]
            by_size.append(np.sqrt(np.mean((np.array(means) - truth) ** 2, axis=0)) / spread)
        found[sampling] = np.array(by_size)
    return found


def slope(by_size: np.ndarray) -> float:
    return float(np.polyfit(np.log(SIZES), np.log(by_size), 1)[0])


def report(found: dict[str, np.ndarray]) -> None:
    shown = (SIZES[0], 256, SIZES[-1])
    print(f"{'mean of':26}{'design':17}" + "".join(f"N={n:<9}" for n in shown) + "slope")
    for number, name in enumerate(MEANS):
        for sampling, by_size in found.items():
            figures = "".join(f"{by_size[SIZES.index(n), number]:<11.5f}" for n in shown)
            print(f"{name:26}{sampling:17}{figures}{slope(by_size[:, number]):5.2f}")
            name = ""
    print("\nerror of independent rows over that of the design, at N=4096:")
    for sampling in SAMPLINGS[1:]:
        gain = found["random"][-1] / found[sampling][-1]
        print(f"{sampling:17}" + ", ".join(f"{g:.1f}" for g in gain))


# the picture


COLOURS = dict(zip(SAMPLINGS, ("#9aa3ab", "#7a5aa6", "#2f6db3", "#d9822b"), strict=True))
WIDTH, HEIGHT, GAP, LEFT, TOP = 300, 190, 60, 64, 52
LARGEST, SMALLEST = 0.4, 6e-4
GREY = "#9aa3ab"


def picture(found: dict[str, np.ndarray]) -> str:
    """Error against number of rows, both on logarithmic scales; a panel for each mean shown."""
    parts = []
    for place, sampling in enumerate(SAMPLINGS):
        left = LEFT + place * 150
        parts.append(_line([(left, 22), (left + 26, 22)], COLOURS[sampling]))
        parts.append(_text(left + 32, 26, sampling, anchor="start"))
    for place, name in enumerate(SHOWN):
        left = LEFT + (place % 2) * (WIDTH + GAP)
        top = TOP + (place // 2) * (HEIGHT + GAP)
        parts += _panel(left, top, name, found)
    total_width = LEFT + 2 * WIDTH + GAP + 20
    total_height = TOP + 2 * (HEIGHT + GAP)
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total_width} {total_height}" '
        f'width="{total_width}" height="{total_height}" font-family="sans-serif" font-size="12">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )


def _panel(left: int, top: int, name: str, found: dict[str, np.ndarray]) -> Iterable[str]:
    yield (
        f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" '
        f'stroke="{GREY}"/>'
    )
    for error in (0.1, 0.01, 0.001):
        y = _y(top, error)
        yield f'<line x1="{left}" y1="{y:.1f}" x2="{left + WIDTH}" y2="{y:.1f}" stroke="#eceff1"/>'
        yield _text(left - 6, y + 4, f"{error:g}", anchor="end")
    for size in (32, 128, 512, 2048):
        yield _text(_x(left, size), top + HEIGHT + 15, str(size))
    yield _text(left + WIDTH / 2, top + HEIGHT + 31, "rows")
    number = list(MEANS).index(name)
    for sampling, by_size in found.items():
        points = [
            (_x(left, n), _y(top, error))
            for n, error in zip(SIZES, by_size[:, number], strict=True)
        ]
        yield _line(points, COLOURS[sampling])
        yield from (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4" fill="{COLOURS[sampling]}"/>'
            for x, y in points
        )
    title = f'<tspan font-weight="bold">{name}</tspan>: error of the mean, in spreads'
    yield _text(left, top - 8, title, anchor="start")


def _x(left: float, size: float) -> float:
    low, high = np.log(SIZES[0]), np.log(SIZES[-1])
    return float(left + 12 + (WIDTH - 24) * (np.log(size) - low) / (high - low))


def _y(top: float, error: float) -> float:
    low, high = np.log(SMALLEST), np.log(LARGEST)
    return float(top + HEIGHT * (high - np.log(max(error, SMALLEST))) / (high - low))


def _line(points: list[tuple[float, float]], colour: str) -> str:
    shown = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{shown}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#333">{text}</text>'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--picture", type=Path)
    args = parser.parse_args()
    found = errors(synthdsl.load(SPEC), args.seeds)
    report(found)
    if args.picture:
        args.picture.write_text(picture(found), encoding="utf-8")
        print(f"wrote {args.picture}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
