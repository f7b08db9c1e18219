"""Time the patient job, every contender side by side in one run.

    python benchmarks/run_patient.py --rows 10000 100000 1000000
    python benchmarks/run_patient.py --rows 10000 --others faker mimesis polars duckdb

Rounds are interleaved: each round runs every contender once, in an order that turns from round to
round, so that a machine that speeds up or slows down does so for all. A ratio is the median
over rounds of (bar's seconds / contender's seconds): 1 is the bar's speed, 0.5 half of it.
CPU time counts all threads. Peak memory is that of a fresh process that does the job once.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from _contenders import SINKS, Job, jobs_of

OTHERS = ("polars", "duckdb", "mimesis", "faker")
MOST_ROWS_OF_SLOW = {"faker": 10_000, "mimesis": 10_000}


@dataclass
class Times:
    """Seconds of each round."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def timed(job: Job, rows: int, times: Times) -> None:
    """Do the job once in an empty folder and book its times."""
    with tempfile.TemporaryDirectory() as folder:
        cpu, wall = time.process_time(), time.perf_counter()
        result = job(rows, Path(folder))
        times.wall.append(time.perf_counter() - wall)
        times.cpu.append(time.process_time() - cpu)
        del result


def race(jobs: dict[str, Job], rows: int, rounds: int) -> dict[str, Times]:
    """Times of every contender over interleaved rounds, after one unmeasured."""
    names = list(jobs)
    results = {name: Times() for name in names}
    for name in names:
        timed(jobs[name], min(rows, 32_768), Times())
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            timed(jobs[name], rows, results[name])
    return results


def peak_memory(contender: str, sink: str, rows: int, bar: str | None) -> float:
    """Peak resident megabytes of a fresh process that does the job once."""
    command = [sys.executable, __file__, "--once", contender, sink, str(rows)]
    if bar:
        command += ["--bar", bar]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def once(contender: str, sink: str, rows: int, bar: str | None) -> None:
    """Do one job and print this process's peak memory in megabytes."""
    timed(jobs_of(contender, bar)[sink], rows, Times())
    print(own_peak())


def own_peak() -> float:
    """This process's peak resident megabytes.

    Linux hands `ru_maxrss` of the parent on to the child through fork and exec, so a small child
    of a big parent would report the parent; the high-water mark of its own memory is its own.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    scale = 1024 if sys.platform == "darwin" else 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / scale


def show(
    sink: str, rows: int, results: dict[str, Times], memory: dict[str, float], absent: list[str]
) -> None:
    """Print one sink's table."""
    print(f"\n{sink}, {rows:,} rows, {len(results['bar'].wall)} interleaved rounds")
    print(
        f"{'contender':12} {'rows/s':>12} {'best':>12} {'ratio':>7} {'ratio of best':>13}"
        f" {'CPU ns/row':>10} {'peak MB':>8}"
    )
    bar = results["bar"]
    for name, times in results.items():
        ratio = statistics.median(b / t for b, t in zip(bar.wall, times.wall, strict=True))
        best = min(bar.wall) / min(times.wall)
        print(
            f"{name:12} {rows / statistics.median(times.wall):12,.0f}"
            f" {rows / min(times.wall):12,.0f} {ratio:7.3g} {best:13.3g}"
            f" {statistics.median(times.cpu) / rows * 1e9:10,.0f}"
            f" {memory.get(name, float('nan')):8,.0f}"
        )
    for name in absent:
        print(f"{name:12} absent: not installed (benchmarks/requirements.txt)")


def main() -> None:
    """Run what the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sinks", nargs="+", choices=SINKS, default=["arrow", "parquet-zstd"])
    parser.add_argument("--others", nargs="*", choices=OTHERS, default=[])
    parser.add_argument("--bar", help="another module with table(n), as the bar")
    parser.add_argument("--memory", action="store_true", help="also measure peak memory")
    parser.add_argument("--once", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.once:
        once(args.once[0], args.once[1], int(args.once[2]), args.bar)
        return
    contenders, absent = {}, []
    for name in ("bar", "synthdsl", *args.others):
        try:
            contenders[name] = jobs_of(name, args.bar)
        except ImportError:
            absent.append(name)
    for rows in args.rows:
        for sink in args.sinks:
            jobs = {
                name: sinks[sink]
                for name, sinks in contenders.items()
                if sink in sinks and rows <= MOST_ROWS_OF_SLOW.get(name, rows)
            }
            results = race(jobs, rows, args.rounds)
            memory = {}
            if args.memory:
                memory = {name: peak_memory(name, sink, rows, args.bar) for name in jobs}
            show(sink, rows, results, memory, absent if sink == "arrow" else [])


if __name__ == "__main__":
    main()
