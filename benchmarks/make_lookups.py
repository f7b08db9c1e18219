"""Write the lookups of the benchmarks' specs; the same files every time, beside this one.

`diagnoses.csv` has 200 codes with Zipf-like weights, `diagnoses_not_obstetric.csv` all but the
obstetric five: counts are relative, so the second is the first conditioned on not being
obstetric. `tests.csv` has fifty equally frequent laboratory codes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
OBSTETRIC = ("O80.0", "O81.0", "O82.0", "O34.2", "O60.1")
CODES = 200
TESTS = 50


def diagnosis_codes() -> list[str]:
    """The 195 other codes, then the obstetric five."""
    letters = [chr(ord("A") + i // 20) for i in range(CODES - len(OBSTETRIC))]
    return [f"{a}{i % 20 + 10}.{i % 10}" for i, a in enumerate(letters)] + list(OBSTETRIC)


def diagnosis_weights() -> list[float]:
    """Weights rank**-0.8 in a fixed shuffled order, totalling 1."""
    weights = 1 / np.arange(1, CODES + 1) ** 0.8
    weights = weights[np.random.default_rng(5).permutation(CODES)]
    return [float(w) for w in weights / weights.sum()]


def main() -> None:
    """Write the files."""
    rows = list(zip(diagnosis_codes(), diagnosis_weights(), strict=True))
    general = [row for row in rows if row[0] not in OBSTETRIC]
    for name, kept in (("diagnoses.csv", rows), ("diagnoses_not_obstetric.csv", general)):
        lines = ["code,count", *(f"{code},{weight:.12f}" for code, weight in kept)]
        write(name, lines)
    write("tests.csv", ["code,count", *(f"{number}-1,1" for number in range(TESTS))])


def write(name: str, lines: list[str]) -> None:
    """Write one file."""
    (HERE / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
