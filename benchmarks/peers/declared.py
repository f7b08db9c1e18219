"""What admission.synth declares, as plain numbers for each peer, and how a peer reports.

A peer's script is called in its own environment as

    SCRIPT --rows N --rules order delivers ... --formulation NAME --training FILE --out FOLDER

writes `rows.csv` into the folder and prints one line of JSON.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

SEX = {"female": 0.52, "male": 0.48}
DX = {
    "check_up": 0.30,
    "infection": 0.25,
    "delivery": 0.10,
    "prostate_disease": 0.08,
    "heart_failure": 0.12,
    "trauma": 0.15,
}
WARD = {"general": 0.70, "maternity": 0.15, "intensive": 0.15}
AGE_MEAN, AGE_SD, AGE_LOW, AGE_HIGH = 48, 22, 0, 105
FIRST, LAST = date(2025, 1, 1), date(2025, 12, 31)
COLUMNS = ["sex", "age", "dx", "ward", "admitted", "discharged"]
RULES = ("order", "delivers", "prostate", "failing", "birth_ward")

Rows = Any  # a pandas or Polars frame with COLUMNS


def arguments() -> argparse.Namespace:
    """What the runner asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--rules", nargs="+", choices=RULES, default=RULES)
    parser.add_argument("--formulation", required=True)
    parser.add_argument("--training", type=Path, help="rows that keep the rules, to learn from")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def report(
    package: str,
    make: Callable[[], Rows],
    write: Callable[[Rows, Path], None],
    out: Path,
    setup_seconds: float = 0.0,
) -> None:
    """Make rows twice, write them, and print version, CPU seconds of all threads, or the error.

    The first time pays for what a tool loads or compiles on first use, the second does not.
    """
    said: dict[str, Any] = {
        "version": importlib.metadata.version(package),
        "setup_seconds": setup_seconds,
    }
    try:
        for name in ("first_seconds", "again_seconds"):
            began = time.process_time()
            rows = make()
            said[name] = time.process_time() - began
        write(rows, out / "rows.csv")
    except Exception as error:  # whatever a tool says is its answer
        said["error"] = f"{type(error).__name__}: {error}"
    json.dump(said, sys.stdout)
    print()


def write_pandas(rows: Rows, path: Path) -> None:
    """A pandas frame as CSV."""
    rows[COLUMNS].to_csv(path, index=False)
