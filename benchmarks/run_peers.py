"""Rules side by side with other tools on admission.synth: broken rules, rows, distance, time.

    python benchmarks/run_peers.py --rows 10000
    python benchmarks/run_peers.py --rows 1000 --environments /tmp/peers --limit 60

Each tool runs in a process and an environment of its own, made here under a temporary folder or
kept in `--environments`, with the fairest formulations that its documentation offers
(peers/with_*.py). One that cannot be installed is reported as such. The yardstick is naive
rejection in numpy from the declared distributions. Distances of a tool's rows from the yardstick's
1,000,000: total variation for categories and for the joint of sex, diagnosis, ward and age band,
Kolmogorov-Smirnov for numbers. `noise` is what as many exact rows show, the mean of up to 60 draws;
a distance of more than 5 standard deviations above it is starred. Broken rules are judged from the
CSV here. Seconds are CPU seconds of all threads, so that a busy machine counts for less.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator, default_rng

HERE = Path(__file__).resolve().parent / "peers"
sys.path.insert(0, str(HERE))
from declared import (  # noqa: E402
    AGE_HIGH,
    AGE_LOW,
    AGE_MEAN,
    AGE_SD,
    COLUMNS,
    DX,
    FIRST,
    LAST,
    RULES,
    SEX,
    WARD,
)

DAYS = (LAST - FIRST).days + 1
EXACT_ROWS, TRAINING_ROWS, MOST_REPLICATES = 1_000_000, 10_000, 60
VARIANTS = {"five rules": list(RULES), "two rules": ["order", "delivers"]}
NUMBERS = ("age", "admitted", "discharged", "stay")


@dataclass(frozen=True)
class Contender:
    """A script, the formulation asked of it and, where it is slow, the most rows asked."""

    tool: str
    formulation: str
    most_rows: int | None = None


CONTENDERS = (
    Contender("synthdsl", "spec"),
    Contender("dataframely", "own generator"),
    Contender("dataframely", "schema"),
    Contender("misata", "set"),
    Contender("misata", "margins"),
    Contender("misata", "answer's margins"),
    Contender("sdv", "GaussianCopula"),
    Contender("pandera", "checks", 3),
    Contender("pandera", "strategies", 3),
    Contender("pandera", "strategies", 10),
    Contender("pandera", "row by row", 20),
)


# the yardstick


def candidates(random: Generator, size: int) -> pd.DataFrame:
    """Rows as declared, without rules; dates as days since the first."""
    age = np.floor(random.normal(AGE_MEAN, AGE_SD, size) + 0.5)
    outside = (age < AGE_LOW) | (age > AGE_HIGH)
    while outside.any():
        age[outside] = np.floor(random.normal(AGE_MEAN, AGE_SD, outside.sum()) + 0.5)
        outside = (age < AGE_LOW) | (age > AGE_HIGH)
    columns: dict[str, Any] = {"age": age}
    for name, shares in (("sex", SEX), ("dx", DX), ("ward", WARD)):
        codes = random.choice(len(shares), size, p=list(shares.values()))
        columns[name] = pd.Categorical.from_codes(codes, list(shares))
    for name in ("admitted", "discharged"):
        columns[name] = random.integers(0, DAYS, size)
    return pd.DataFrame(columns)[COLUMNS]


def where_kept(f: pd.DataFrame) -> dict[str, pd.Series[bool]]:
    """Where each rule holds."""
    is_delivery, is_prostate = f.dx == "delivery", f.dx == "prostate_disease"
    return {
        "order": f.discharged >= f.admitted,
        "delivers": ~is_delivery | ((f.sex == "female") & f.age.between(14, 52)),
        "prostate": ~is_prostate | ((f.sex == "male") & (f.age >= 45)),
        "failing": (f.dx != "heart_failure") | (f.age >= 35),
        "birth_ward": (f.ward == "maternity") == is_delivery,
    }


def exact_rows(random: Generator, rows: int, rules: list[str]) -> tuple[pd.DataFrame, float]:
    """Naive rejection: that many rows, and the share of candidates that kept the rules."""
    parts, count, tried = [], 0, 0
    while count < rows:
        made = candidates(random, min(400_000, 4 * rows + 100))
        held = where_kept(made)
        parts.append(made[np.logical_and.reduce([held[rule] for rule in rules])])
        tried += len(made)
        count += len(parts[-1])
    return pd.concat(parts, ignore_index=True).iloc[:rows], count / tried


# distances


def cells_of(f: pd.DataFrame) -> dict[str, pd.Series[str]]:
    """What is compared by total variation."""
    band = pd.cut(f.age, [-np.inf, 13.5, 34.5, 44.5, 52.5, np.inf], labels=list("abcde"))
    found = {name: f[name].astype(str) for name in ("sex", "dx", "ward")}
    joint = found["sex"] + found["dx"] + found["ward"] + band.astype(str)
    return found | {"joint": joint}


def numbers_of(f: pd.DataFrame) -> dict[str, np.ndarray]:
    """What is compared by the Kolmogorov-Smirnov distance, sorted."""
    found = {name: f[name] for name in ("age", "admitted", "discharged")}
    found["stay"] = f.discharged - f.admitted
    return {name: np.sort(values.to_numpy(float)) for name, values in found.items()}


class Yardstick:
    """The exact distribution under some rules, and distances from it."""

    def __init__(self, rules: list[str]) -> None:
        self.rules = rules
        self.random = default_rng(20260105)
        self.rows, self.acceptance = exact_rows(self.random, EXACT_ROWS, rules)
        self.shares = {n: c.value_counts(normalize=True) for n, c in cells_of(self.rows).items()}
        self.numbers = numbers_of(self.rows)
        self.known_noise: dict[int, tuple[dict[str, float], dict[str, float]]] = {}

    def distances(self, f: pd.DataFrame) -> dict[str, float]:
        """Total variation or Kolmogorov-Smirnov distance for each thing compared."""
        result = {}
        for name, cells in cells_of(f).items():
            both = [cells.value_counts(normalize=True), self.shares[name]]
            table = pd.concat(both, axis=1).fillna(0).to_numpy()
            result[name] = float(np.abs(table[:, 0] - table[:, 1]).sum() / 2)
        for name, values in numbers_of(f).items():
            ours = self.numbers[name]
            at = np.unique(values)  # between these only the exact share grows: look at both ends
            gaps = [
                np.searchsorted(values, at, side) / len(values)
                - np.searchsorted(ours, at, side) / len(ours)
                for side in ("left", "right")
            ]
            result[name] = float(np.abs(gaps).max())
        return result

    def noise(self, rows: int) -> tuple[dict[str, float], dict[str, float]]:
        """Mean, and 5 standard deviations above, of the distances that as many exact rows have."""
        if rows in self.known_noise:
            return self.known_noise[rows]
        replicates = min(MOST_REPLICATES, max(5, 6_000_000 // rows))
        made = [exact_rows(self.random, rows, self.rules)[0] for _ in range(replicates)]
        found = [self.distances(rows_made) for rows_made in made]
        table = pd.DataFrame(found)
        self.known_noise[rows] = dict(table.mean()), dict(table.mean() + 5 * table.std())
        return self.known_noise[rows]


# running


def environments(folder: Path, tools: list[str]) -> dict[str, Path | str]:
    """An interpreter for each tool, or what pip said."""
    found: dict[str, Path | str] = {"synthdsl": Path(sys.executable)}
    for line in (HERE / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        tool = line.split("=")[0].split("[")[0]
        if tool not in tools:
            continue
        python = folder / tool / "bin" / "python"
        mark = folder / tool / "installed.txt"
        if not mark.exists() or mark.read_text(encoding="utf-8") != line:
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder / tool], check=True)
            command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            done = subprocess.run([*command, *line.split()], capture_output=True, text=True)
            if done.returncode:
                found[tool] = done.stderr.strip().splitlines()[-1]
                continue
            mark.write_text(line, encoding="utf-8")
        found[tool] = python
    return found


def answer(
    contender: Contender, python: Path, rows: int, rules: list[str], folder: Path, limit: float
) -> dict[str, Any]:
    """What a tool's script printed, and seconds of the whole process."""
    script = "ours.py" if contender.tool == "synthdsl" else f"with_{contender.tool}.py"
    (folder / "rows.csv").unlink(missing_ok=True)
    command = [python, HERE / script, "--rows", str(rows), "--formulation", contender.formulation]
    command += ["--rules", *rules, "--training", folder / "training.csv", "--out", folder]
    began = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {limit:.0f} s"}
    process = {"process_seconds": time.perf_counter() - began}
    if done.returncode or not done.stdout.strip():
        return process | {"error": (done.stderr.strip() or "no output").splitlines()[-1]}
    return process | json.loads(done.stdout.strip().splitlines()[-1])


def read_rows(path: Path) -> pd.DataFrame:
    """A tool's CSV with dates as days since the first."""
    f = pd.read_csv(path)
    for name in ("admitted", "discharged"):
        f[name] = (pd.to_datetime(f[name]) - pd.Timestamp(FIRST)).dt.total_seconds() / 86_400
    return f


def outside_of(f: pd.DataFrame) -> int:
    """Values that the declared distributions cannot have."""
    is_wrong = ~f.sex.isin(SEX) | ~f.dx.isin(DX) | ~f.ward.isin(WARD)
    is_wrong |= ~f.age.between(AGE_LOW, AGE_HIGH) | (f.age % 1 != 0)
    for name in ("admitted", "discharged"):
        is_wrong |= ~f[name].between(0, DAYS - 1) | (f[name] % 1 != 0)
    return int(is_wrong.sum())


def print_contender(
    yardstick: Yardstick, contender: Contender, said: dict[str, Any], rows: int, path: Path
) -> None:
    """Lines for one tool: how it went, what is broken, how far off it is."""
    version = said.get("version", "")
    print(f"{contender.tool} {version}, {contender.formulation}: {rows:,} rows asked")
    if "error" in said:
        print(f"    gave no rows: {' '.join(said['error'].split())[:300]}")
        return
    f = read_rows(path)
    setup = f", setup or fit {said['setup_seconds']:.2f} s" if said["setup_seconds"] else ""
    print(
        f"    {len(f):,} rows in {said['first_seconds']:.3f} s, again in"
        f" {said['again_seconds']:.3f} s{setup}; all in {said['process_seconds']:.1f} s elapsed"
    )
    held = where_kept(f)
    broken = {rule: int((~held[rule]).sum()) for rule in yardstick.rules}
    named = ", ".join(f"{rule} {count:,}" for rule, count in broken.items() if count)
    print(f"    rules broken: {named or 'none'}; rows with undeclared values: {outside_of(f):,}")
    noise, limit = yardstick.noise(len(f))
    found = yardstick.distances(f)
    words = [f"{n} {d:.4f}{'*' if d > limit[n] else ''}" for n, d in found.items()]
    print(f"    distance: {', '.join(words)}")
    print(f"    noise:    {', '.join(f'{n} {noise[n]:.4f}' for n in found)}")


def main() -> None:
    """Print every tool under both sets of rules."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--limit", type=float, default=120, help="seconds for one process")
    parser.add_argument("--environments", type=Path, help="a folder to keep environments in")
    parser.add_argument("--tools", nargs="+", default=sorted({c.tool for c in CONTENDERS}))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pythons = environments(args.environments or folder, args.tools)
        for title, rules in VARIANTS.items():
            yardstick = Yardstick(rules)
            training, _ = exact_rows(yardstick.random, TRAINING_ROWS, rules)
            for name in ("admitted", "discharged"):
                days = pd.to_timedelta(training[name], unit="D")
                training[name] = (pd.Timestamp(FIRST) + days).dt.strftime("%Y-%m-%d")
            training["age"] = training.age.astype(int)
            training.to_csv(folder / "training.csv", index=False)
            print(f"\n== {title}: {', '.join(rules)}; acceptance {yardstick.acceptance:.4f}")
            for contender in CONTENDERS:
                if contender.tool not in args.tools:
                    continue
                python = pythons[contender.tool]
                if isinstance(python, str):
                    print(f"{contender.tool}: not installed: {python}")
                    continue
                rows = min(args.rows, contender.most_rows or args.rows)
                said = answer(contender, python, rows, rules, folder, args.limit)
                print_contender(yardstick, contender, said, rows, folder / "rows.csv")


if __name__ == "__main__":
    main()
