"""Means over `specs/driving_scenarios.synth` converge faster under a design than by chance.

`benchmarks/run_designs.py` measures and draws this in full; here the smallest factors that hold.
The seeds are fixed. A ratio of errors of 24 seeds each has a spread of 20 %, so for new seeds a
false alarm has a probability below 0.01.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

import synthdsl

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "specs" / "driving_scenarios.synth"
SEEDS = 24
MEANS = ("speed", "lead_braking", "reaction", "margin", "actors")
TRUE = (74.5, 2.75, 1.3, 95.6, 2.88)
"""Rough values, to see that no design moves a mean."""


@lru_cache(maxsize=8)
def means(kind: str, rows: int) -> np.ndarray:
    """Means over the rows of each seed: (seeds, means)."""
    spec = synthdsl.load(SPEC)
    found = []
    for seed in range(SEEDS):
        table = spec.generate(rows, seed=seed, sampling=kind)["scenario"]
        found.append([np.mean(table[name].to_numpy()) for name in MEANS])
    return np.array(found)


@pytest.mark.parametrize(
    ("kind", "factor"), [("antithetic", 1.3), ("latin-hypercube", 2.5), ("sobol", 4)]
)
def test_errors_are_smaller(kind: str, factor: float) -> None:
    gain = means("random", 256).std(axis=0) / means(kind, 256).std(axis=0)
    assert np.exp(np.log(gain).mean()) > factor, gain


def test_points_of_sobol_converge_at_a_better_rate() -> None:
    few, many = (means("sobol", rows).std(axis=0) for rows in (64, 1024))
    rate = np.log(few / many).mean() / np.log(1024 / 64)
    assert rate > 0.62, rate


@pytest.mark.parametrize("kind", ["random", "antithetic", "latin-hypercube", "sobol"])
def test_means_are_those_of_the_spec(kind: str) -> None:
    found = means(kind, 256)
    error = found.std(axis=0, ddof=1) / np.sqrt(SEEDS)
    assert (np.abs(found.mean(axis=0) - TRUE) < 5 * error + 0.01 * np.array(TRUE)).all()


def test_the_benchmark_draws_its_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import run_designs

    monkeypatch.setattr(run_designs, "SIZES", (32, 256, 512))
    monkeypatch.setattr(run_designs, "TRUTH_ROWS", 1024)
    monkeypatch.setattr(run_designs, "TRUTH_SEEDS", 2)
    monkeypatch.setattr(
        sys, "argv", ["run_designs.py", "--seeds", "3", "--picture", str(tmp_path / "p.svg")]
    )
    assert run_designs.main() == 0
    assert "share of collisions" in capsys.readouterr().out
    drawn = (tmp_path / "p.svg").read_text()
    assert drawn.startswith("<svg") and drawn.count("<polyline") == 4 + 4 * 4
