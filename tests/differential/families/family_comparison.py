"""Two samples of entities: chi-square and Kolmogorov-Smirnov tests of figures and of their pairs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from family_rows import Row, Value, all_rows
from family_spec import FamilySpec
from numpy.typing import NDArray
from scipy.special import chdtrc, kolmogorov

Maker = Callable[[int, int], list[Row]]
"""Entities: so many, with that seed."""

FIRST_LEVEL, SECOND_LEVEL = 1e-3, 1e-7
"""A test fails if its p-value is below the first level on one pair of samples and below the second
on another, independent and larger: under agreement, a chance of 1e-10 a test."""
MORE = 4
LEAST_EXPECTED = 10
FEW = 8
NULL, NONE = -9e9, -8e9


@dataclass(frozen=True)
class Disagreement:
    test: str
    p_value: float


def figures(spec: FamilySpec, entities: Iterable[Row]) -> dict[str, NDArray[np.float64]]:
    """What is measured of each entity, by name."""
    lists: list[list[float]] = []
    names: list[str] = []
    for root in entities:
        found = _figures_of(spec, root)
        if not names:
            names = list(found)
        lists.append(list(found.values()))
    columns = np.array(lists, np.float64).T
    return dict(zip(names, columns, strict=True))


CODES = {"red": 0.0, "green": 1.0, "blue": 2.0, "ed": 0, "ward": 1, "icu": 2, "home": 3, "died": 4}


def _number(value: Value) -> float:
    if value is None:
        return NULL
    if isinstance(value, Row):
        return float(value.index)
    return float(CODES[value]) if isinstance(value, str) else float(value)


def _figures_of(spec: FamilySpec, root: Row) -> dict[str, float]:
    rows: dict[str, list[Row]] = {name: [] for name in spec.tables}
    for row in all_rows_there(root):
        rows[row.table].append(row)
    found: dict[str, float] = {}
    for name, table in spec.tables.items():
        own = rows[name]
        if table.parent is not None:
            found[f"number of {name}"] = len(own)
            if table.parent != spec.root:
                first = rows[table.parent]
                found[f"{name} of the last"] = (
                    sum(r.up is first[-1] for r in own) if first else NONE
                )
        for f in table.fields:
            if f.type == "datetime":
                continue
            what = f"{name}.{f.name}"
            values = [_number(r.get(f.name)) for r in own]
            if table.parent is None:
                found[what] = values[0]
                continue
            there = [v for v in values if v != NULL]
            found[f"first {what}"] = values[0] if values else NONE
            found[f"last {what}"] = values[-1] if len(values) > 1 else NONE
            found[f"sum of {what}"] = sum(there)
            if f.is_nullable:
                found[f"nulls of {what}"] = len(values) - len(there)
            if f.type in ("float", "int"):
                found[f"greatest {what}"] = max(there, default=NONE)
                steps = [b - a for a, b in itertools.pairwise(there)]
                found[f"step of {what}"] = steps[0] if steps else NONE
    for rule in (*spec.rules, *([spec.case] if spec.case else [])):
        states = [rule.condition.of(r, None) for r in rows[rule.table]]
        found[f"false {rule.name}"] = sum(s is False for s in states)
        found[f"null {rule.name}"] = sum(s is None for s in states)
    return found


def all_rows_there(row: Row) -> Iterable[Row]:
    """A row and all below it that are there."""
    yield row
    for table in row.kids:
        for kid in row.rows(table):
            yield from all_rows_there(kid)


def p_values(
    ours: dict[str, NDArray[np.float64]], theirs: dict[str, NDArray[np.float64]]
) -> dict[str, float]:
    """The p-value of every test of whether two samples have one law."""
    result: dict[str, float] = {}
    coarse: dict[str, NDArray[np.int64]] = {}
    for name, mine in ours.items():
        both = np.concatenate([mine, theirs[name]])
        if (both == both[0]).all():
            continue
        result[f"{name} by value"] = _chi_square(_codes(both, 12), len(mine))
        result[f"{name} by size"] = _smirnov(mine, theirs[name])
        coarse[name] = _codes(both, 4)
    size = len(next(iter(ours.values())))
    for a, b in itertools.combinations(coarse, 2):
        codes = coarse[a] * (coarse[b].max() + 1) + coarse[b]
        result[f"{a} with {b}"] = _chi_square(codes, size)
    return result


def disagreements(
    spec: FamilySpec,
    ours: Maker,
    theirs: Maker,
    rows: int,
    seed: int,
    *,
    tests: list[int] | None = None,
) -> list[Disagreement]:
    """Tests that fail twice; `tests` is told how many there were."""
    first = p_values(figures(spec, ours(rows, seed)), figures(spec, theirs(rows, seed + 1)))
    if tests is not None:
        tests.append(len(first))
    suspects = {name for name, p in first.items() if p < FIRST_LEVEL}
    if not suspects:
        return []
    many = MORE * rows
    second = p_values(figures(spec, ours(many, seed + 2)), figures(spec, theirs(many, seed + 3)))
    found = [
        Disagreement(name, second[name])
        for name in suspects
        if second.get(name, 1.0) < SECOND_LEVEL
    ]
    return sorted(found, key=lambda d: d.p_value)


def _codes(values: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """Codes of the values themselves where they are few, or of bins; nulls have their own."""
    levels, place = np.unique(values, return_inverse=True)
    if len(levels) <= FEW:
        return place.astype(np.int64)
    seen = values[values > NONE]
    edges = np.unique(np.quantile(seen, np.arange(1, bins) / bins)) if len(seen) else np.empty(0)
    codes = 2 + np.searchsorted(edges, values, side="right")
    codes[values == NULL] = 0
    codes[values == NONE] = 1
    return codes


def _chi_square(codes: NDArray[np.int64], size: int) -> float:
    """Pearson's test of two samples of codes, cells that expect few pooled: the p-value."""
    ours = np.bincount(codes[:size], minlength=codes.max() + 1).astype(float)
    theirs = np.bincount(codes[size:], minlength=codes.max() + 1).astype(float)
    total = ours + theirs
    share = size / len(codes)
    is_large = total * min(share, 1 - share) >= LEAST_EXPECTED
    pools = [np.append(x[is_large], x[~is_large].sum()) for x in (ours, theirs)]
    ours, theirs = pools
    total = ours + theirs
    if total[-1] * min(share, 1 - share) < LEAST_EXPECTED:
        ours, theirs, total = ours[:-1], theirs[:-1], total[:-1]
    if len(total) < 2:
        return 1.0
    share = ours.sum() / total.sum()
    statistic = ((ours - share * total) ** 2 / (share * (1 - share) * total)).sum()
    return float(chdtrc(len(total) - 1, statistic))


def _smirnov(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    """The p-value of two samples (conservative where values tie)."""
    a, b = np.sort(ours), np.sort(theirs)
    points = np.concatenate([a, b])
    gap = np.abs(
        np.searchsorted(a, points, side="right") / len(a)
        - np.searchsorted(b, points, side="right") / len(b)
    ).max()
    return float(kolmogorov(np.sqrt(len(a) * len(b) / (len(a) + len(b))) * gap))


__all__ = ["Disagreement", "all_rows", "disagreements", "figures", "p_values"]
