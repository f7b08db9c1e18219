"""Whether rows of the specs with rules keep them, and whether two makers of rows agree.

The rules stand here once more, by hand in pandas, so that nobody judges himself. Two makers agree
if no comparison has a p-value under `FALSE_ALARM` over the number of comparisons: for numbers the
two-sample Kolmogorov-Smirnov statistic, for categories and joint facts Pearson's chi-square.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import stats

FALSE_ALARM = 1e-4
MOMENTS = ["referral", "admit", "surgery", "transfer", "discharge"]
PRESSURES = ["sbp", "dbp", "mean_pressure"]


def frame_of(batches: Iterable[pa.RecordBatch]) -> pd.DataFrame:
    """Record batches as a pandas frame with categories as text."""
    frame = pa.Table.from_batches(batches).to_pandas()
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.CategoricalDtype):
            frame[name] = frame[name].astype(str)
    return frame


def implies(one: pd.Series[bool], other: pd.Series[bool]) -> pd.Series[bool]:
    """If one then the other."""
    return ~one | other


def chain_rules(f: pd.DataFrame) -> dict[str, pd.Series[bool]]:
    """Where each rule of time_chain holds."""
    return {
        "wait": (f.admit - f.referral).between(0, 20),
        "prepare": (f.surgery - f.admit).between(0, 5),
        "recover": (f.transfer - f.surgery).between(0, 30),
        "leave": (f.discharge - f.transfer).between(0, 30),
    }


def implication_rules(f: pd.DataFrame) -> dict[str, pd.Series[bool]]:
    """Where each rule of four_implications holds."""
    return {
        "pregnant": implies(f.dx == "pregnancy", (f.sex == "F") & f.age.between(12, 50)),
        "low": implies(f.hb < 7, f.transfused),
        "prostatic": implies(f.dx == "prostate", (f.sex == "M") & (f.age >= 40)),
        "transfusion": implies(f.transfused, f.dx != "healthy"),
    }


def clinical_rules(f: pd.DataFrame) -> dict[str, pd.Series[bool]]:
    """Where each rule of clinical_rules holds; a comparison with a missing end passes."""
    stay, leaves = f.left - f.arrived, f.left.notna()
    women_of_14_to_52 = (f.sex == "F") & f.age.between(14, 52)
    inpatient, ambulatory = f.kind == "inpatient", f.kind == "ambulatory"
    last = pd.Timestamp("2023-12-31T23:59:59")
    acute = ["infection", "heart_failure", "trauma", "delivery"]
    mean = (f.sbp + 2 * f.dbp) / 3
    return {
        "longest": ~leaves | (stay <= pd.Timedelta(days=60)),
        "pulse_pressure": (f.sbp - f.dbp).between(20, 110),
        "leaves_later": ~leaves | (f.left > f.arrived),
        "same_year": ~leaves | (f.left <= last),
        "pressures": (f.dbp < f.mean_pressure) & (f.mean_pressure < f.sbp),
        "delivers": implies(f.dx == "delivery", women_of_14_to_52),
        "prostate": implies(f.dx == "prostate_disease", (f.sex == "M") & (f.age >= 45)),
        "failing": implies(f.dx == "heart_failure", f.age >= 35),
        "shock": implies(f.sbp < 90, (f.kind == "emergency") | (f.ward == "intensive")),
        "night": implies(inpatient, ~leaves | (stay >= pd.Timedelta(hours=12))),
        "check_up": implies(f.dx == "check_up", ambulatory),
        "birth_ward": (f.ward == "maternity") == (inpatient & (f.dx == "delivery")),
        "still_here": ~leaves == ambulatory,
        "acute": implies(f.kind == "emergency", f.dx.isin(acute)),
        "mean_of_two": (f.mean_pressure - mean).abs() <= 8 + 1e-9,
    }


RULES = {
    "time_chain": chain_rules,
    "four_implications": implication_rules,
    "clinical_rules": clinical_rules,
}


def broken_rules(spec: str, frame: pd.DataFrame) -> dict[str, int]:
    """Rows that break each rule, where there are any."""
    counts = {name: int((~held).sum()) for name, held in RULES[spec](frame).items()}
    return {name: count for name, count in counts.items() if count}


def keeping_rules(spec: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that keep every rule."""
    return frame[np.logical_and.reduce(list(RULES[spec](frame).values()))]


# what is compared


def numbers_of(spec: str, f: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """The numbers, and numbers within groups, that are compared."""
    if spec == "time_chain":
        gaps = zip(MOMENTS[1:], MOMENTS, strict=False)
        found = {name: f[name] for name in MOMENTS}
        return found | {f"{b} to {a}": f[a] - f[b] for a, b in gaps}
    if spec == "four_implications":
        ages = {f"age of {dx}": f.age[f.dx == dx] for dx in ("healthy", "pregnancy", "prostate")}
        return ages | {f"hb of {sex}": f.hb[f.sex == sex] for sex in ("F", "M")}
    stay = (f.left - f.arrived).dt.total_seconds()
    found = {name: f[name] for name in ("age", *PRESSURES)}
    found |= {"arrived": (f.arrived - pd.Timestamp("2023-01-01")).dt.total_seconds()}
    found |= {f"stay, {kind}": stay[f.kind == kind] for kind in ("emergency", "inpatient")}
    return found | {f"age of {dx}": f.age[f.dx == dx] for dx in ("delivery", "heart_failure")}


def cells_of(spec: str, f: pd.DataFrame) -> dict[str, pd.Series[str]]:
    """The joint categories that are compared."""
    if spec == "time_chain":
        late = [f[m] > at for m, at in zip(MOMENTS, (25, 33, 36, 48, 63), strict=True)]
        return {"joint, early or late": text_of(late)}
    if spec == "four_implications":
        return {"joint of sex, dx, transfused": text_of([f.sex, f.dx, f.transfused])}
    high = [f[name] > at for name, at in zip(PRESSURES, (125, 79, 94), strict=True)]
    return {
        "joint of sex, dx, kind, ward": text_of([f.sex, f.dx, f.kind, f.ward]),
        "joint of pressures": text_of(high),
        "joint of kind, shock": text_of([f.kind, f.sbp < 90]),
    }


def text_of(parts: list[pd.Series[str]]) -> pd.Series[str]:
    """One text for each row's combination."""
    joined = parts[0].astype(str)
    for part in parts[1:]:
        joined = joined + " " + part.astype(str)
    return joined


def chi_square(one: pd.Series[str], two: pd.Series[str]) -> float:
    """The p-value that both come from one distribution; cells that expect under 5 are pooled."""
    shares = [s.value_counts() for s in (one, two)]
    counts = pd.concat(shares, axis=1).fillna(0).to_numpy().T
    expected = counts.sum(axis=0) * counts.sum(axis=1).min() / counts.sum()
    rare = expected < 5
    pooled = counts[:, rare].sum(axis=1, keepdims=True)
    table = np.hstack([counts[:, ~rare], pooled]) if pooled.sum() else counts
    return float(stats.chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue)


def p_values(spec: str, one: pd.DataFrame, two: pd.DataFrame) -> dict[str, float]:
    """The p-value of each comparison."""
    result: dict[str, float] = {}
    pairs: Mapping[str, pd.Series[float]] = numbers_of(spec, two)
    for name, values in numbers_of(spec, one).items():
        result[name] = float(stats.ks_2samp(values, pairs[name], method="asymp").pvalue)
    others = cells_of(spec, two)
    for name, cells in cells_of(spec, one).items():
        result[name] = chi_square(cells, others[name])
    return result
