"""What rules cost: a spec with its rules beside the same spec without them, interleaved.

    python benchmarks/run_rules.py --rows 20000 --rounds 3

The last columns: how many times slower, and times slower per draw that the rules leave over
(a naive rejection of whole rows would give about 1 / acceptance).
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

from _contenders import consume

import synthdsl

HERE = Path(__file__).resolve().parent
ACCEPTANCE = {"time_chain": 0.0058, "four_implications": 0.7603, "clinical_rules": 0.175}


def without_rules(text: str) -> str:
    """The spec's text less its rules, each of which stands on one line."""
    lines = text.splitlines()
    return "\n".join(x for x in lines if not x.strip().startswith("rule ")) + "\n"


def seconds_of(spec: synthdsl.Spec, rows: int) -> float:
    """Seconds to make every row."""
    (name,) = spec.tables
    began = time.perf_counter()
    consume(spec.generate(rows, seed=1).batches(name))
    return time.perf_counter() - began


def main() -> None:
    """Print a line for each spec."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--specs", nargs="+", choices=list(ACCEPTANCE), default=list(ACCEPTANCE))
    args = parser.parse_args()
    print(f"{args.rows:,} rows, {args.rounds} interleaved rounds, medians")
    print(f"{'spec':20} {'rows/s':>10} {'no rules':>12} {'slower':>8} {'times Z':>8}")
    for name in args.specs:
        path = str(HERE / f"{name}.synth")
        ruled = synthdsl.load(path)
        free = synthdsl.load(path, text=without_rules(Path(path).read_text(encoding="utf-8")))
        times = [
            (seconds_of(ruled, args.rows), seconds_of(free, args.rows))
            for _ in range(args.rounds + 1)
        ]
        with_rules = statistics.median(t[0] for t in times[1:])
        plain = statistics.median(t[1] for t in times[1:])
        slower = statistics.median(t[0] / t[1] for t in times[1:])
        print(
            f"{name:20} {args.rows / with_rules:10,.0f} {args.rows / plain:12,.0f}"
            f" {slower:8.1f} {slower * ACCEPTANCE[name]:8.2f}"
        )


if __name__ == "__main__":
    main()
