"""The ready-made specs and the standard library, for the tests of this folder."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import pandas as pd

import synthdsl

ROOT = Path(__file__).resolve().parents[2]
SPECS = ROOT / "specs"
STANDARD = ROOT / "synthdsl" / "std"
SPEC_FILES = sorted(SPECS.glob("*.synth"))
STANDARD_FILES = sorted(STANDARD.glob("*.synth"))
DATABASES = [p for p in SPEC_FILES if re.search(r"^table \w+ per ", p.read_text(), re.MULTILINE)]
"""Specs of several tables that hang together."""
ONE_TABLE = [path for path in SPEC_FILES if path not in DATABASES]
SAMPLE = 2_000


@lru_cache(maxsize=16)
def loaded(name: str) -> synthdsl.Spec:
    """The spec `specs/<name>.synth`."""
    return synthdsl.load(SPECS / f"{name}.synth")


@lru_cache(maxsize=16)
def rows_of(name: str, rows: int = SAMPLE, seed: int = 5) -> pd.DataFrame:
    """Rows of the one table of a spec. Do not change the frame."""
    (table,) = loaded(name).generate(rows, seed=seed).tables.values()
    return table.to_pandas()


def years_between(born: pd.Series, on: pd.Series) -> pd.Series:
    """Whole years from one day to another, without the package's own calendar."""
    born, on = pd.to_datetime(born), pd.to_datetime(on)
    before = (on.dt.month < born.dt.month) | (
        (on.dt.month == born.dt.month) & (on.dt.day < born.dt.day)
    )
    return on.dt.year - born.dt.year - before.astype(int)


def text_of(column: pd.Series) -> pd.Series:
    """Enums as the text that files hold."""
    return column.astype(str)
