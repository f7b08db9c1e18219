"""Two samples of one law: chi-square and Kolmogorov-Smirnov tests of everything about them.

Compared are: every field and every number in a rule by itself, whether each rule is true, false or
null, and all pairs of these in tables of robust bins, with null as a bin of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from differential_expressions import Columns, Values
from differential_oracle import SpecPair, sampled
from numpy.typing import NDArray
from scipy.special import chdtrc, kolmogorov

Sampler = Callable[[SpecPair, int, int], Columns]

FEW = 16
"""A number with at most so many values is compared value by value."""
LEAST_EXPECTED = 12
"""Cells that expect fewer rows are pooled."""

FIRST_LEVEL = 1e-3
SECOND_LEVEL = 1e-6
"""A test fails if its p-value is below the first level on one pair of samples and below the second
on another, independent and larger: under agreement, a chance of 1e-9 a test."""
MORE = 4
"""How much larger the second samples are."""


@dataclass(frozen=True)
class Feature:
    """Something that a row has: in both samples, one after the other."""

    name: str
    values: NDArray[Any]
    valid: NDArray[np.bool_]
    is_numeric: bool


@dataclass(frozen=True)
class Disagreement:
    """A test whose p-value is too small."""

    test: str
    p_value: float


def features(spec: SpecPair, ours: Columns, theirs: Columns) -> list[Feature]:
    """What is compared of two samples."""
    found = []
    for field in spec.fields:
        pair = ours[field.name], theirs[field.name]
        found.append(_feature(field.name, pair, is_numeric=field.is_numeric))
    found += [_feature(g.text, (g.of(ours), g.of(theirs)), is_numeric=True) for g in spec.gauges]
    for rule in spec.rules:
        states = []
        for sample in (ours, theirs):
            truth = rule.condition.judge(sample)
            states.append(Values(truth.is_true * 1, truth.is_true | truth.is_false))
        found.append(_feature(f"rule {rule.name}", tuple(states), is_numeric=False))
    return found


def _feature(name: str, pair: tuple[Values, ...], *, is_numeric: bool) -> Feature:
    values = np.concatenate([v.values for v in pair])
    return Feature(name, values, np.concatenate([v.valid for v in pair]), is_numeric)


def p_values(spec: SpecPair, ours: Columns, theirs: Columns) -> dict[str, float]:
    """The p-value of every test of whether two samples have one law."""
    size = len(next(iter(ours.values())).values)
    found = features(spec, ours, theirs)
    result = {}
    for feature in found:
        result |= _by_itself(feature, size)
    coarse = {feature.name: _coarse(feature) for feature in found}
    for a, b in itertools.combinations(coarse, 2):
        if a.startswith("rule") and b.startswith("rule"):
            continue
        codes = coarse[a] * (coarse[b].max() + 1) + coarse[b]
        result[f"{a} with {b}"] = _chi_square(codes, size)
    return result


def two_samples(name: str, ours: Values, theirs: Values) -> dict[str, float]:
    """The p-values of whether two samples of numbers, of one size, have one law."""
    return _by_itself(_feature(name, (ours, theirs), is_numeric=True), len(ours.values))


def _by_itself(feature: Feature, size: int) -> dict[str, float]:
    result = {f"marginal of {feature.name}": _chi_square(_fine(feature), size)}
    if feature.is_numeric:
        p = _kolmogorov_smirnov(feature, size)
        if p is not None:
            result[f"distribution of {feature.name}"] = p
    return result


def disagreements(
    spec: SpecPair, sampler: Sampler, rows: int, seed: int, *, tests: list[int] | None = None
) -> list[Disagreement]:
    """Tests that fail twice on rows of `sampler` and of the oracle; see `SECOND_LEVEL`.

    `tests` is told how many there were.
    """
    ours, theirs = sampler(spec, rows, seed), sampled(spec, rows, seed + 1)
    first = p_values(spec, ours, theirs)
    if tests is not None:
        tests.append(len(first))
    suspects = {name for name, p in first.items() if p < FIRST_LEVEL}
    if not suspects:
        return []
    many = MORE * rows
    most = {"most_draws": 40_000_000}
    ours, theirs = sampler(spec, many, seed + 2), sampled(spec, many, seed + 3, **most)
    second = p_values(spec, ours, theirs)
    return [
        Disagreement(name, second[name])
        for name in sorted(suspects)
        if second.get(name, 1.0) < SECOND_LEVEL
    ]


def _fine(feature: Feature) -> NDArray[np.int64]:
    """Codes of the values themselves, or of twelve bins; the last code is null."""
    return _codes(feature, 12, FEW)


def _coarse(feature: Feature) -> NDArray[np.int64]:
    """Codes of few bins for tables of two features."""
    return _codes(feature, 5, 6)


def _codes(feature: Feature, bins: int, few: int) -> NDArray[np.int64]:
    seen = feature.values[feature.valid]
    codes = np.full(len(feature.values), bins + few, np.int64)
    if not len(seen):
        return codes
    levels, place = np.unique(seen, return_inverse=True)
    if not feature.is_numeric or len(levels) <= few:
        codes[feature.valid] = np.minimum(place, bins + few - 1)
        return codes
    # both samples together make the bins, so that neither is favoured
    edges = np.unique(np.quantile(seen, np.arange(1, bins) / bins))
    codes[feature.valid] = np.searchsorted(edges, seen, side="right")
    return codes


def _chi_square(codes: NDArray[np.int64], size: int) -> float:
    """Pearson's test of two samples of codes, small cells pooled: the p-value."""
    cells = int(codes.max()) + 1
    ours = np.bincount(codes[:size], minlength=cells).astype(float)
    theirs = np.bincount(codes[size:], minlength=cells).astype(float)
    total = ours + theirs
    order = np.argsort(total, kind="stable")
    is_small = total[order] * min(size, len(codes) - size) / len(codes) < LEAST_EXPECTED
    small, large = order[is_small], order[~is_small]
    ours = np.append(ours[large], ours[small].sum())
    theirs = np.append(theirs[large], theirs[small].sum())
    total = ours + theirs
    ours, theirs, total = ours[total > 0], theirs[total > 0], total[total > 0]
    if len(total) < 2:
        return 1.0
    if total.min() * min(size, len(codes) - size) / len(codes) < LEAST_EXPECTED:
        # the pool itself is small: with the smallest of the others
        ours, theirs = _merged(ours), _merged(theirs)
        total = ours + theirs
        if len(total) < 2:
            return 1.0
    expected = total * (size / len(codes))
    others = total - expected
    statistic = ((ours - expected) ** 2 / expected + (theirs - others) ** 2 / others).sum()
    return float(chdtrc(len(total) - 1, statistic))


def _merged(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The last cell joined to the first, which is the smallest of the large ones."""
    return np.append(counts[1:-1], counts[0] + counts[-1])


def _kolmogorov_smirnov(feature: Feature, size: int) -> float | None:
    """The p-value of two samples of numbers (conservative where values tie); None if few."""
    ours = np.sort(feature.values[:size][feature.valid[:size]].astype(np.float64))
    theirs = np.sort(feature.values[size:][feature.valid[size:]].astype(np.float64))
    if min(len(ours), len(theirs)) < 200:
        return None
    points = np.concatenate([ours, theirs])
    below = np.searchsorted(ours, points, side="right") / len(ours)
    gap = np.abs(below - np.searchsorted(theirs, points, side="right") / len(theirs)).max()
    scale = np.sqrt(len(ours) * len(theirs) / (len(ours) + len(theirs)))
    return float(kolmogorov(scale * gap))
