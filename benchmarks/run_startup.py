"""How long commands keep a person waiting, beside a bare interpreter in the same run.

    python benchmarks/run_startup.py --rounds 15

Rounds are interleaved. `check` is timed on two generated specs of a hundred fields: one of plain
draws and derivations with hardly a number to compute, and one with lookups, correlations,
truncation, weights and masks. A limit is met by the median, less what the bare interpreter is
slower than 20 ms (a busy machine slows both). Byte code is kept in a folder of the run's own, as
an installed package has it; the first round writes it and is not measured.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PATIENT = HERE / "patient_job.synth"
SYNTHDSL = [sys.executable, "-m", "synthdsl.cli.main"]


def plain_spec(fields: int) -> str:
    """A table whose fields need no numbers at check: constants, enums, derived values."""
    lines = [
        "language 1",
        'spec plain "A hundred plain fields"',
        "seed 1",
        "enum Answer {yes, no, unknown}",
        "",
        "table answers [1_000] {",
    ]
    kinds = (
        "f{i}: int ~ discrete_uniform(0, {high})",
        "f{i}: bool = f{before} > {half}",
        'f{i}: text = numbered("Q####-{i}", index)',
        "f{i}: float = f{first} * 2 + {i}",
        "f{i}: Answer = when {{f{first} > {half}: yes, else: unknown}}",
    )
    for i in range(fields):
        first = i - i % len(kinds)
        lines.append(
            "  "
            + kinds[i % len(kinds)].format(
                i=i, high=100 + i, half=50 + i // 2, before=first, first=first
            )
        )
    return "\n".join([*lines, "}", ""])


def numeric_spec(fields: int) -> str:
    """A table of draws whose check computes: lookups, correlations, masses, weights, masks."""
    lines = [
        "language 1",
        'spec numeric "A hundred fields that need numbers"',
        "seed 1",
        "enum Sex {female, male}",
        f'lookup codes from "{HERE / "diagnoses.csv"}"',
        "",
        "table patient [1_000] {",
        "  sex: Sex ~ {female: 51%, male: rest}",
    ]
    kinds = (
        "f{i}: float step 0.1 ~ normal({i}, 10) in [{low}, {high}]",
        "f{i}: float ~ lognormal(mean: {high}, cv: 0.4)",
        "f{i}: text ~ codes",
        "f{i}: int ~ poisson({part})",
        "f{i}: float? ~ when {{sex == female: normal({i}, 2), else: gamma(mean: {high}, cv: 0.5)}}",
    )
    lines += [
        "  " + kinds[i % len(kinds)].format(i=i, low=i - 25, high=i + 25, part=1 + (i % 17) / 4)
        for i in range(fields - 1)
    ]
    for i in range(0, fields - 6, 10):
        lines.append(f"  correlate (f{i}, f{i + 1}) rank {0.1 + i / 200:.3f}")
        lines.append(f"  missing f{i + 4}: mcar({1 + i % 5}%)")
    return "\n".join([*lines, "}", ""])


def commands(folder: Path) -> dict[str, tuple[list[str], float | None]]:
    """Name to command and limit in seconds."""
    plain, numeric = folder / "plain.synth", folder / "numeric.synth"
    plain.write_text(plain_spec(100), encoding="utf-8")
    numeric.write_text(numeric_spec(100), encoding="utf-8")
    script = Path(sys.executable).with_name("synthdsl")
    program = [str(script)] if script.exists() else SYNTHDSL
    return {
        "python -c pass": ([sys.executable, "-c", "pass"], None),
        "--help": ([*program, "--help"], 0.12),
        "check, 100 plain fields": ([*program, "check", str(plain)], 0.25),
        "check, 100 numeric fields": ([*program, "check", str(numeric)], 0.6),
        "check patient_job": ([*program, "check", str(PATIENT)], None),
        "preview -n 1000, patient_job": ([*program, "preview", str(PATIENT), "-n", "1000"], 0.8),
    }


def environment(folder: Path) -> dict[str, str]:
    """This process's environment, with byte code kept in `folder`."""
    result = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**result, "PYTHONPYCACHEPREFIX": str(folder / "byte_code")}


def seconds_of(command: list[str], environment: dict[str, str]) -> float:
    """Wall-clock seconds of one run, which must succeed."""
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return seconds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = commands(Path(folder))
        kept = environment(Path(folder))
        times: dict[str, list[float]] = {name: [] for name in runs}
        for number in range(args.rounds + 1):
            for name, (command, _) in runs.items():
                seconds = seconds_of(command, kept)
                if number:
                    times[name].append(seconds)
    show(runs, times)


def show(runs: dict[str, tuple[list[str], float | None]], times: dict[str, list[float]]) -> None:
    """One line for each command."""
    bare = statistics.median(times["python -c pass"])
    slack = max(0.0, bare - 0.02)
    print(f"{'command':30} {'median s':>9} {'min s':>7} {'above bare':>11} {'limit':>6}")
    for name, (_, limit) in runs.items():
        median = statistics.median(times[name])
        verdict = ""
        if limit is not None:
            verdict = f"{limit:6.2f} {'met' if median - slack <= limit else 'MISSED'}"
        print(f"{name:30} {median:9.3f} {min(times[name]):7.3f} {median - bare:11.3f} {verdict}")


if __name__ == "__main__":
    main()
