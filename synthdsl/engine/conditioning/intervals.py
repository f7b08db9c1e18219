"""Intervals of probabilities that are counted on a pilot, with 99.9 % confidence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from synthdsl.engine.clusters import ClusterSums
from synthdsl.plan.account import Probability

CONFIDENCE = 0.999


def interval(hits: float, drawn: float) -> Probability:
    """The probability behind `hits` of `drawn` independent draws (Clopper, Pearson 1934)."""
    tail = (1 - CONFIDENCE) / 2
    low = float(betaincinv(hits, drawn - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, drawn - hits, 1 - tail)) if hits < drawn else 1.0
    return Probability(hits / drawn, low, high)


def grouped_interval(met: NDArray[np.bool_], groups: NDArray[np.int64] | None) -> Probability:
    """The probability behind draws that are alike within `groups`; None: independent ones.

    The interval is that of so many independent draws as these are worth by their variance (Korn,
    Graubard 1998, "Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data", Survey Methodology 24); where all agree, of one for each
    group. Without any draw nothing is known.
    """
    drawn, hits = len(met), int(met.sum())
    if not drawn:
        return Probability(1.0, 0.0, 1.0)
    if groups is None:
        return interval(hits, drawn)
    if hits in (0, drawn):
        worth = float(len(np.unique(groups)))
    else:
        sums = ClusterSums(1)
        _, groups = np.unique(groups, return_inverse=True)
        sums.add(np.zeros(hits, np.int64), None, groups[met], groups)
        worth = drawn / float(sums.share_effects()[0])
    share = hits / drawn
    return interval(share * worth, worth)
