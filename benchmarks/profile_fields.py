"""Where a spec's time goes: nanoseconds per root row for each field, and for what surrounds them.

    python benchmarks/profile_fields.py benchmarks/patient_job.synth --blocks 40

Each block of rows is made as the engine makes it, with all that hangs under them and a clock
around every step; the figure of a step is its median over blocks. Fields that a rule ties together
are one step.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict

import numpy as np

import synthdsl
from synthdsl.engine.batches import TableOutput
from synthdsl.engine.families import FamilyRun
from synthdsl.engine.frame import Frame
from synthdsl.engine.run import Run
from synthdsl.engine.streams import root_keys
from synthdsl.plan.units import EntityUnit, Unit

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


Outputs = dict[str, TableOutput]


def profile(run: Run, family: FamilyRun, outputs: Outputs, *, blocks: int, rows: int) -> Times:
    """Times of every step over `blocks` blocks of `rows` root rows, after two unmeasured."""
    watch = Stopwatch()
    root = family.plan.root
    for number in range(blocks + 2):
        if number == 2:
            watch.times.clear()
        first = number * rows
        watch.start()
        keys = root_keys(root, first, first + rows)
        frame = Frame(root, run.seed, keys, np.arange(first, first + rows, dtype=np.int64))
        watch.lap("(keys)")
        for unit in family.plan.units:
            family.run_unit(unit, frame)
            watch.lap(label_of(unit, root))
        family.masked(frame)
        watch.lap("(masks)")
        write(family, frame, outputs)
        watch.lap("(to Arrow)")
        frame.release()
    return watch.times


def label_of(unit: Unit, root: str) -> str:
    """The fields that a unit makes, with their table where it is not the root."""
    names = [name if table == root else f"{table}.{name}" for table, name in sorted(unit.writes)]
    return "+".join(names)


def write(family: FamilyRun, frame: Frame, outputs: Outputs) -> None:
    """Record batches of every table of a family."""
    for name, rows in family.frames(frame).items():
        outputs[name].batch(rows)


def whole_blocks(run: Run, family: FamilyRun, outputs: Outputs, *, blocks: int, rows: int) -> float:
    """Median seconds of a block made in one go, without clocks inside."""
    seconds = []
    for number in range(blocks):
        began = time.perf_counter()
        frame = family.frame(number * rows, (number + 1) * rows, run.seed)
        write(family, family.masked(frame), outputs)
        frame.release()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def main() -> None:
    """Print the table of each family's steps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("spec")
    parser.add_argument("--blocks", type=int, default=40)
    parser.add_argument("--rows", type=int, help="root rows of a block; the engine's by default")
    parser.add_argument("--table", help="one root table only")
    args = parser.parse_args()
    run = Run(synthdsl.load(args.spec).plan(), seed=1)
    for name, family in run.families.items():
        if args.table not in (None, name) or run.plan.tables[name].table.is_fixed:
            continue
        rows = args.rows or family.roots_per_block
        outputs = {
            table: TableOutput(run.tables[table].plan, run.plan.tables)
            for table in family.plan.tables
        }
        times = profile(run, family, outputs, blocks=args.blocks, rows=rows)
        whole = whole_blocks(run, family, outputs, blocks=args.blocks, rows=rows)
        show(name, run, family, times, whole, rows)


def show(name: str, run: Run, family: FamilyRun, times: Times, whole: float, rows: int) -> None:
    """Print one family's figures, the costliest step first."""
    medians = {label: statistics.median(seconds) for label, seconds in times.items()}
    total = sum(medians.values())
    makers = {label_of(u, name): maker(run, u) for u in family.plan.units}
    print(f"{name}: {rows:,} rows a block, {len(next(iter(times.values())))} blocks, median")
    print(f"{'step':32} {'ns/row':>8} {'min':>8} {'share':>7}  made by")
    for label, seconds in sorted(medians.items(), key=lambda item: -item[1]):
        lowest = min(times[label]) / rows * 1e9
        print(
            f"{label[:32]:32} {seconds / rows * 1e9:8.1f} {lowest:8.1f} {seconds / total:7.1%}"
            f"  {makers.get(label, '')}"
        )
    print(f"{'sum of steps':32} {total / rows * 1e9:8.1f}")
    print(f"{'a block in one go':32} {whole / rows * 1e9:8.1f}  {rows / whole / 1e6:.2f} M rows/s")


def maker(run: Run, unit: Unit) -> str:
    """The sampler of a drawn field, the kind of its expression, or how several are made."""
    if isinstance(unit, EntityUnit):
        return f"entities of {unit.table}"
    table, field = min(unit.writes)
    made = run.tables[table]
    if len(unit.writes) > 1:
        return type(unit).__name__
    if field in made._samplers:
        return type(made._samplers[field]).__name__
    if field in made._values:
        return f"= {type(made._values[field]).__name__}"
    return type(unit).__name__


if __name__ == "__main__":
    main()
