"""Do the contenders make the same thing? Compare their marginals with the bar's.

    python benchmarks/check_same_job.py --rows 200000 --against synthdsl

For numbers the two-sample Kolmogorov-Smirnov statistic, for categories Pearson's chi-square of a
two-row table, and some joint facts. A p-value under 1e-4 / tests is a failure: with two true
samplers one run in ten thousand fails. Known simplifications of the other contenders (see their
modules) may show; the program's exit code only counts synthdsl against the bar.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np
import pandas as pd
from _contenders import jobs_of
from scipy import stats

FALSE_ALARM = 1e-4
NUMBERS = ("age", "height_cm", "bmi", "weight_kg")
CATEGORIES = ("sex", "dx", "smoker")


def frame_of(contender: str, rows: int, bar: str | None) -> pd.DataFrame:
    """A contender's rows with plain columns, and derived ones to compare."""
    import pyarrow as pa

    jobs = jobs_of(contender, bar)
    made: Any = jobs["table" if "table" in jobs else "arrow"](rows, None)  # type: ignore[arg-type]
    assert isinstance(made, pa.Table)
    frame = made.to_pandas(date_as_object=False)
    for name in ("sex", "dx"):
        frame[name] = frame[name].astype(str)
    for name in ("admission", "discharge", "birth_date"):
        moments = pd.to_datetime(frame[name])
        if moments.dt.tz is not None:
            moments = moments.dt.tz_localize(None)
        frame[name] = moments
    frame["born"] = (frame.birth_date - pd.Timestamp("1930-01-01")).dt.days
    frame["admitted"] = (frame.admission - pd.Timestamp("2023-01-01")).dt.total_seconds()
    frame["stay"] = (frame.discharge - frame.admission).dt.total_seconds()
    return frame


def p_values(one: pd.DataFrame, two: pd.DataFrame) -> dict[str, tuple[float, float, float]]:
    """For each comparison: what one has, what two has, the p-value."""
    result = {}
    for name in (*NUMBERS, "born", "admitted", "stay"):
        p = stats.ks_2samp(one[name], two[name], method="asymp").pvalue
        result[f"{name} (mean)"] = (one[name].mean(), two[name].mean(), p)
    for name in CATEGORIES:
        shares = [frame[name].value_counts() for frame in (one, two)]
        counts = pd.concat(shares, axis=1).fillna(0).to_numpy()
        biggest = counts[counts.sum(axis=1).argmax()] / counts.sum(axis=0)
        result[f"{name} (top share)"] = (*biggest, stats.chi2_contingency(counts.T).pvalue)
    for sex in ("M", "F"):
        heights = [frame.height_cm[frame.sex == sex] for frame in (one, two)]
        p = stats.ks_2samp(*heights, method="asymp").pvalue
        result[f"height of {sex} (mean)"] = (heights[0].mean(), heights[1].mean(), p)
    for low, high in ((0, 30), (30, 60), (60, 100)):
        groups = [frame.smoker[frame.age.between(low, high - 1)] for frame in (one, two)]
        counts = np.array([[g.sum(), (~g).sum()] for g in groups])
        p = stats.chi2_contingency(counts).pvalue
        result[f"smokers aged {low} to {high}"] = (groups[0].mean(), groups[1].mean(), p)
    obstetric = [is_obstetric(frame).mean() for frame in (one, two)]
    counts = np.array(
        [[m * len(f), (1 - m) * len(f)] for m, f in zip(obstetric, (one, two), strict=True)]
    )
    result["obstetric share"] = (*obstetric, stats.chi2_contingency(counts).pvalue)
    return result


def is_obstetric(frame: pd.DataFrame) -> pd.Series[bool]:
    """Rows with one of the five codes."""
    from make_lookups import OBSTETRIC

    return frame.dx.isin(OBSTETRIC)


def broken_facts(frame: pd.DataFrame) -> list[str]:
    """Facts that hold in every row, where they do not."""
    birth = frame.birth_date
    age = 2024 - birth.dt.year - ((birth.dt.month > 1) | (birth.dt.day > 1))
    weight = (frame.bmi * (frame.height_cm / 100) ** 2 - frame.weight_kg).abs()
    women = (frame.sex == "F") & frame.age.between(12, 55)
    facts = {
        "patient_id counts the rows": (
            frame.patient_id == [f"P{i:08d}" for i in range(len(frame))]
        ).all(),
        "uuid is unique": frame.uuid.is_unique,
        "uuid is version 4": frame.uuid.str.fullmatch(
            "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
        ).all(),
        "age follows from birth_date": (age == frame.age).all(),
        "weight follows from bmi and height": (weight <= 0.0501).all(),
        "bmi lies in [14, 60]": frame.bmi.between(14, 60).all(),
        "obstetric codes are women's of 12 to 55": women[is_obstetric(frame)].all(),
        "nobody leaves before arriving": (frame.stay >= 0).all(),
        "whole seconds": (frame.stay == frame.stay.round()).all(),
    }
    return [fact for fact, holds in facts.items() if not holds]


def main() -> int:
    """Print both tables of comparisons; 1 if synthdsl and the bar differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--against", nargs="+", default=["synthdsl"])
    parser.add_argument("--bar", help="another module with table(n), as the bar")
    args = parser.parse_args()
    bar = frame_of("bar", args.rows, args.bar)
    failed = False
    for name in args.against:
        other = frame_of(name, args.rows, args.bar)
        found = p_values(bar, other)
        limit = FALSE_ALARM / len(found)
        print(f"\n{name} against the bar, {args.rows:,} rows; p under {limit:.1g} differs")
        print(f"{'what':28} {'bar':>14} {name:>14} {'p':>9}")
        for what, (one, two, p) in found.items():
            mark = "  DIFFERS" if p < limit else ""
            print(f"{what:28} {one:14.5g} {two:14.5g} {p:9.2g}{mark}")
        broken = broken_facts(other)
        print("facts of every row: " + (", ".join(f"BROKEN: {f}" for f in broken) or "all hold"))
        if name == "synthdsl":
            failed = bool(broken) or any(p < limit for _, _, p in found.values())
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
