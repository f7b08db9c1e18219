"""How many rows each outcome of a quota gets."""

from __future__ import annotations

from fractions import Fraction


def counts_of(shares: tuple[Fraction, ...], rows: int) -> list[int]:
    """`rows` divided by `shares` (totalling 1) in whole numbers, by largest remainder.

    Each outcome gets its share of the rows rounded down; the rows left over go one each to
    the outcomes with the largest remainders, the earlier first where they are equal. Source:
    Balinski and Young, Fair Representation (2nd ed., 2001), ch. 3 (the method of Hamilton).
    """
    exact = [share * rows for share in shares]
    counts = [part.numerator // part.denominator for part in exact]
    by_remainder = sorted(range(len(shares)), key=lambda i: counts[i] - exact[i])
    for i in by_remainder[: rows - sum(counts)]:
        counts[i] += 1
    return counts
