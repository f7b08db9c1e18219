"""Rules beside what a hand writes in numpy for the same rows: times, and whether all agree.

    python benchmarks/run_rule_baselines.py --rounds 5

Contenders take turns: each round runs every one once, in an order that turns. A ratio is the
median over rounds of (a baseline's seconds / synthdsl's seconds): 10 means synthdsl takes a tenth.
The ratio of CPU seconds (all threads) stands beside it, as a busy machine disturbs the other more.
`cold` adds to synthdsl's seconds those before its first batch (imports, compilation), which a
program spends once: it depends on the rows. Baselines take the block size that serves them best,
measured at the start. Each spec also runs without its rules; `clinical_rules` has no other
baseline. Then rows of every contender are compared with synthdsl's (the rows without rules: those
that happen to keep the rules), so that nobody is fast by being wrong; a control that conditions one
field at a time must be caught. Exit code 1 if a comparison fails; a missed target is only printed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
from _contenders import consume
from rejection_baselines import BASELINES, Baseline, chain_wrong_block, rows_of
from rule_checks import FALSE_ALARM, broken_rules, frame_of, keeping_rules, p_values
from run_rules import without_rules

import synthdsl

HERE = Path(__file__).resolve().parent
ROWS = {"time_chain": 100_000, "four_implications": 1_000_000, "clinical_rules": 500_000}
CHECKED = {"time_chain": 50_000, "four_implications": 200_000, "clinical_rules": 100_000}
SIZES = (4_096, 16_384, 32_768, 65_536, 131_072, 262_144)
FREE = "without rules"

Maker = Callable[[int, int], Iterator[pa.RecordBatch]]  # rows, seed


@dataclass(frozen=True)
class Target:
    """What was predicted: baseline seconds / synthdsl seconds is at least `ratio`."""

    spec: str
    against: str
    ratio: float
    words: str


TARGETS = (
    Target("time_chain", "plain", 10, "at least 10 times as fast"),
    Target("time_chain", "pruned", 5, "at least 5 times as fast"),
    Target("time_chain", "pruned, best order", 5, "at least 5 times as fast"),
    Target("four_implications", "plain", 1 / 1.2, "at most 1.2 times the time"),
    Target("clinical_rules", FREE, 1 / 4, "at most 4 times the time"),
)


def synthdsl_maker(spec: synthdsl.Spec) -> Maker:
    """Batches of the spec's one table."""
    (name,) = spec.tables
    return lambda rows, seed: spec.generate(rows, seed=seed).batches(name)


def baseline_maker(baseline: Baseline, size: int) -> Maker:
    """Batches of a hand-written baseline with blocks of `size`."""
    return lambda rows, seed: rows_of(baseline, rows, size, seed)


def seconds_of(maker: Maker, rows: int) -> tuple[float, float]:
    """Elapsed and CPU seconds to make every row and keep none."""
    began, began_cpu = time.perf_counter(), time.process_time()
    made = consume(maker(rows, 1))
    assert made == rows, (made, rows)
    return time.perf_counter() - began, time.process_time() - began_cpu


def best_size(baseline: Baseline, rows: int) -> int:
    """The block size with the best of three times."""
    times = dict.fromkeys(SIZES, 1e9)
    for _ in range(3):
        for size in SIZES:
            times[size] = min(times[size], seconds_of(baseline_maker(baseline, size), rows)[1])
    return min(times, key=lambda size: times[size])


def makers_of(name: str, rows: int) -> dict[str, Maker]:
    """Everyone who makes rows of a spec; specs are loaded once, as a program would."""
    path = HERE / f"{name}.synth"
    makers = {"synthdsl": synthdsl_maker(synthdsl.load(str(path)))}
    for title, baseline in BASELINES.get(name, {}).items():
        size = best_size(baseline, rows // 5)
        print(f"  {title}: blocks of {size:,}")
        makers[title] = baseline_maker(baseline, size)
    text = without_rules(path.read_text(encoding="utf-8"))
    makers[FREE] = synthdsl_maker(synthdsl.load(str(path), text=text))
    return makers


def race(makers: dict[str, Maker], rows: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds of every round, after one unmeasured that is shorter."""
    names = list(makers)
    for name in names:
        seconds_of(makers[name], rows // 10)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            times[name].append(seconds_of(makers[name], rows))
    return times


def print_times(name: str, makers: dict[str, Maker], rows: int, rounds: int) -> None:
    """Seconds, rates and ratios, with prediction and result."""
    began = time.perf_counter()
    next(iter(makers["synthdsl"](rows, 1)))
    first = time.perf_counter() - began
    print(f"  synthdsl's first batch after {first:.3f} s: the rules are compiled once")
    times = race(makers, rows, rounds)
    own = times["synthdsl"]
    print(f"  {rows:,} rows, {rounds} interleaved rounds, medians")
    heads = f"{'contender':20} {'seconds':>9} {'rows/s':>12} {'ratio':>7} {'range':>14}"
    print(f"  {heads} {'CPU':>7} {'cold':>7}")
    own_middle = statistics.median(elapsed for elapsed, _ in own)
    ratios = {}
    for title, seconds in times.items():
        each = [theirs[0] / ours[0] for theirs, ours in zip(seconds, own, strict=True)]
        ratios[title] = statistics.median(each)
        cpu = statistics.median(t[1] / ours[1] for t, ours in zip(seconds, own, strict=True))
        middle = statistics.median(elapsed for elapsed, _ in seconds)
        spread = f"{min(each):.2f}-{max(each):.2f}"
        print(
            f"  {title:20} {middle:9.3f} {rows / middle:12,.0f} {ratios[title]:7.2f}"
            f" {spread:>14} {cpu:7.2f} {middle / (first + own_middle):7.2f}"
        )
    for target in TARGETS:
        if target.spec == name:
            ratio = ratios[target.against]
            shown = f"{ratio:.2f} times as fast" if target.ratio > 1 else f"{1 / ratio:.2f} times"
            verdict = "met" if ratio >= target.ratio else "MISSED"
            print(f"  against {target.against}: predicted {target.words}; {shown}: {verdict}")


def checked_rows(name: str, title: str, maker: Maker) -> pd.DataFrame:
    """Rows of a contender, other than those it was timed with."""
    frame = frame_of(maker(CHECKED[name], 2))
    return keeping_rules(name, frame) if title == FREE else frame


def print_checks(name: str, makers: dict[str, Maker]) -> bool:
    """Violations and comparisons with synthdsl's rows; whether all is as it should be."""
    peers = {title: maker for title, maker in makers.items() if title != FREE or len(makers) == 2}
    frames = {title: checked_rows(name, title, maker) for title, maker in peers.items()}
    if name == "time_chain":
        control = Baseline(chain_wrong_block)
        frames["control (wrong)"] = frame_of(rows_of(control, CHECKED[name], 16_384, 2))
    is_right = True
    for title, frame in frames.items():
        broken = broken_rules(name, frame)
        is_right &= not broken
        words = f"rules broken: {broken or 'none'}"
        if title != "synthdsl":
            found = p_values(name, frames["synthdsl"], frame)
            worst = min(found, key=lambda what: found[what])
            differs = found[worst] < FALSE_ALARM / len(found)
            is_right &= differs == title.startswith("control")
            words += (
                f"; {len(found)} comparisons with synthdsl, least p {found[worst]:.2g} ({worst})"
            )
            words += ": DIFFERS" if differs else ": agree"
        print(f"  {title}: {len(frame):,} rows, {words}")
    return is_right


def main() -> int:
    """Time and check each spec; 1 if rows are wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, help="for every spec, instead of its own number")
    parser.add_argument("--specs", nargs="+", choices=list(ROWS), default=list(ROWS))
    args = parser.parse_args()
    is_right = True
    for name in args.specs:
        print(f"{name}")
        rows = args.rows or ROWS[name]
        makers = makers_of(name, rows)
        print_times(name, makers, rows, args.rounds)
        is_right &= print_checks(name, makers)
    print("all rows keep the rules and all makers agree" if is_right else "ROWS ARE WRONG")
    return int(not is_right)


if __name__ == "__main__":
    sys.exit(main())
