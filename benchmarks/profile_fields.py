"""Where a spec's time goes: nanoseconds per row for each field, and for what surrounds them.

    python benchmarks/profile_fields.py benchmarks/patient_job.synth --blocks 40

Each block of rows is made as the engine makes it, with a clock around every step; the figure of a
step is its median over blocks. Fields that a rule ties together are one step.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict

import numpy as np

import synthdsl
from synthdsl.engine.batches import TableOutput
from synthdsl.engine.frame import Frame
from synthdsl.engine.run import BLOCK_ROWS, Run, TableRun
from synthdsl.engine.streams import root_keys

Times = dict[str, list[float]]


class Stopwatch:
    """Seconds per label, one entry per block."""

    def __init__(self) -> None:
        self.times: Times = defaultdict(list)
        self._last = time.perf_counter()

    def start(self) -> None:
        """Begin to measure."""
        self._last = time.perf_counter()

    def lap(self, label: str) -> None:
        """Book the time since the last lap under `label`."""
        now = time.perf_counter()
        self.times[label].append(now - self._last)
        self._last = time.perf_counter()


def profile(run: TableRun, output: TableOutput, *, blocks: int, rows: int) -> Times:
    """Times of every step over `blocks` blocks of `rows` rows, after two blocks unmeasured."""
    watch = Stopwatch()
    for number in range(blocks + 2):
        if number == 2:
            watch.times.clear()
        first = number * rows
        watch.start()
        keys = root_keys(run.plan.name, first, first + rows)
        ordinals = np.arange(first, first + rows, dtype=np.int64)
        frame = Frame(run.plan.name, run.seed, keys, ordinals)
        watch.lap("(keys)")
        for step in run.plan.steps:
            if step.rules:
                run._fill_component(step, frame)
                watch.lap("+".join(step.fields))
            else:
                run._fill(step.fields[0], frame)
                watch.lap(step.fields[0])
        frame = run._masked(frame)
        watch.lap("(masks)")
        output.batch(frame)
        watch.lap("(to Arrow)")
    return watch.times


def whole_blocks(run: TableRun, output: TableOutput, *, blocks: int, rows: int) -> float:
    """Median seconds of a block made in one go, without clocks inside."""
    seconds = []
    for number in range(blocks):
        began = time.perf_counter()
        output.batch(run.block(number * rows, (number + 1) * rows))
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def main() -> None:
    """Print the table of each table's steps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("spec")
    parser.add_argument("--blocks", type=int, default=40)
    parser.add_argument("--rows", type=int, default=BLOCK_ROWS, help="rows of a block")
    parser.add_argument("--table", help="one table only")
    args = parser.parse_args()
    run = Run(synthdsl.load(args.spec).plan(), seed=1)
    for name, table in run.tables.items():
        if args.table not in (None, name):
            continue
        output = TableOutput(table.plan)
        times = profile(table, output, blocks=args.blocks, rows=args.rows)
        whole = whole_blocks(table, output, blocks=args.blocks, rows=args.rows)
        show(name, table, times, whole, args.rows)


def show(name: str, table: TableRun, times: Times, whole: float, rows: int) -> None:
    """Print one table's figures, the costliest step first."""
    medians = {label: statistics.median(seconds) for label, seconds in times.items()}
    total = sum(medians.values())
    print(f"{name}: {rows:,} rows a block, {len(next(iter(times.values())))} blocks, median")
    print(f"{'step':24} {'ns/row':>8} {'min':>8} {'share':>7}  made by")
    for label, seconds in sorted(medians.items(), key=lambda item: -item[1]):
        lowest = min(times[label]) / rows * 1e9
        print(
            f"{label[:24]:24} {seconds / rows * 1e9:8.1f} {lowest:8.1f} {seconds / total:7.1%}"
            f"  {maker(table, label)}"
        )
    print(f"{'sum of steps':24} {total / rows * 1e9:8.1f}")
    print(f"{'a block in one go':24} {whole / rows * 1e9:8.1f}  {rows / whole / 1e6:.2f} M rows/s")


def maker(table: TableRun, label: str) -> str:
    """The sampler of a drawn field, or the kind of its expression."""
    if label in table._samplers:
        return type(table._samplers[label]).__name__
    if label in table._values:
        return f"= {type(table._values[label]).__name__}"
    return "rejection" if "+" in label else ""


if __name__ == "__main__":
    main()
