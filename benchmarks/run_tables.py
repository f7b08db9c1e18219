"""What tables of small discrete fields save: a spec with and without them, in one run.

python benchmarks/run_tables.py benchmarks/patient_job.synth specs/vitals.synth
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from synthdsl import api
from synthdsl.engine import tabulate
from synthdsl.engine.batches import outputs_of
from synthdsl.engine.run import BLOCK_ROWS, Run

HERE = Path(__file__).resolve().parent


def contender(spec: api.Spec, *, has_tables: bool):
    """A function that makes one block of the first table as a record batch."""
    limits = tabulate.LARGEST_TABLE, tabulate.LARGEST_JOINT_TABLE
    if not has_tables:
        tabulate.LARGEST_TABLE = tabulate.LARGEST_JOINT_TABLE = 0
    name = next(iter(spec.tables))
    run = Run(spec.plan(), seed=spec.seed)
    tabulate.LARGEST_TABLE, tabulate.LARGEST_JOINT_TABLE = limits
    output = outputs_of(spec.recipe())[name]

    def make(block: int) -> None:
        for frame in run.blocks(name, block * BLOCK_ROWS, (block + 1) * BLOCK_ROWS):
            output.batch(frame)

    return make


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("specs", nargs="*", default=[str(HERE / "patient_job.synth")])
    parser.add_argument("--blocks", type=int, default=40)
    args = parser.parse_args()
    print(f"{'spec':32} {'with, ns/row':>12} {'without':>8} {'ratio':>6}")
    for path in args.specs:
        spec = api.load(path)
        makers = [contender(spec, has_tables=True), contender(spec, has_tables=False)]
        best = [float("inf")] * 2
        for block in range(args.blocks):
            for number, make in enumerate(makers):
                start = time.perf_counter()
                make(block)
                best[number] = min(best[number], time.perf_counter() - start)
        with_tables, without = (1e9 * b / BLOCK_ROWS for b in best)
        print(
            f"{Path(path).name:32} {with_tables:12.0f} {without:8.0f} {without / with_tables:6.2f}"
        )


if __name__ == "__main__":
    main()
