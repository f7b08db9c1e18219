"""Does memory stay flat? Peak resident memory at more and more rows, each in a fresh process.

    python benchmarks/run_memory.py --rows 1000000 5000000 20000000
    python benchmarks/run_memory.py --rows 100000 1000000 --sinks arrow

The last column compares with the fewest rows: 1.00 is flat.
"""

from __future__ import annotations

import argparse
import time

from _contenders import SINKS
from run_patient import peak_memory


def main() -> None:
    """Print a line for every contender, sink and number of rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 20_000_000])
    parser.add_argument("--sinks", nargs="+", choices=SINKS, default=["arrow", "parquet-zstd"])
    parser.add_argument("--contenders", nargs="+", default=["bar", "synthdsl"])
    parser.add_argument("--bar", help="another module with table(n), as the bar")
    args = parser.parse_args()
    print(f"{'contender':12} {'sink':16} {'rows':>12} {'peak MB':>8} {'seconds':>8} {'growth':>7}")
    for contender in args.contenders:
        for sink in args.sinks:
            first = None
            for rows in sorted(args.rows):
                began = time.perf_counter()
                peak = peak_memory(contender, sink, rows, args.bar)
                seconds = time.perf_counter() - began
                first = first or peak
                print(
                    f"{contender:12} {sink:16} {rows:12,} {peak:8.0f} {seconds:8.1f}"
                    f" {peak / first:7.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
