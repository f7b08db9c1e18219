"""Sums of parts: the sum is drawn first, inside its bounds, and then falls into its parts.

For independent draws of one family (`sum_families`) with constant parameters. Before rounding,
the sum lies in the band that a rule demands, widened by half a step for every part; after it,
the engine's check of the rule keeps the rows whose rounded sum does. A total that is itself
drawn, from a short table of grid values, is drawn first: by its law, tilted by the probability
that the sum of parts agrees with it. Fields that were settled before are given: each row has
bounds of its own.

A sum that must equal a plain float has probability zero: no proposal, and no row by any method.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.distributions.tables import CountTable, QuantileTable
from synthdsl.distributions.truncation import interval_mass, truncated_quantile
from synthdsl.engine.conditioning.count_splits import CountSplit
from synthdsl.engine.conditioning.linear import Band, Comparison, bands
from synthdsl.engine.conditioning.proposals import FillField
from synthdsl.engine.conditioning.sum_families import Family, Law, Part, family_of, part_of
from synthdsl.engine.conditioning.total_tables import TotalTable, total_table
from synthdsl.engine.frame import Frame
from synthdsl.engine.streams import SlotDraws
from synthdsl.plan.lower import TablePlan

SLOP = 1e-12
"""How much wider than computed a band is, in terms of what is added: rounding of floats."""
MOST_SDS = 8.0
"""Standard deviations above the mean at which tables of sums without a bound end."""
COST = 3.0
"""Work for a row, in those of plain draws."""


@dataclass(frozen=True)
class Sum:
    """Parts whose sum, times their coefficients, lies in [low, high] before rounding; plus
    `slope` times the total if there is one, plus slopes times the `given` fields.
    """

    parts: tuple[Part, ...]
    coefficients: tuple[float, ...]
    family: Family
    low: float
    high: float
    total: TotalTable | None
    slope: float
    given: tuple[tuple[str, float], ...]


def sum_proposal(
    free: Sequence[str],
    comparisons: Iterable[Comparison],
    table: TablePlan,
    fill_field: FillField,
) -> SumProposal | None:
    """The proposal for the sum whose bounds are the least probable; None where `comparisons`
    bound no sum of a known family among the `free` fields, which are in order of drawing.

    What binds no such sum is left to the engine's check of the rules: given the bounds of one
    sum, all else is drawn as declared.
    """
    best: SumProposal | None = None
    for band in bands(comparisons, table.table.fields):
        found = _sum(band, set(free), table)
        if found is None:
            continue
        proposal = SumProposal(found, free, fill_field)
        if found.given:
            return proposal
        if proposal.mass > 0 and (best is None or proposal.mass < best.mass):
            best = proposal
    return best


def _sum(band: Band, free: set[str], table: TablePlan) -> Sum | None:
    names = [name for name, _ in band.terms if name in free]
    if len(band.terms) < 2 or not names or band.is_empty:
        return None
    parts = {name: part_of(table.fields[name]) for name in names}
    for chosen in _arrangements(names, parts):
        total = next((name for name in names if name not in chosen), None)
        counter = None if total is None else total_table(table.fields[total])
        if total is not None and (counter is None or len(names) < len(band.terms)):
            # a total's tilt is tabulated once: it cannot differ by row
            continue
        found = _arranged(band, [parts[name] for name in chosen], counter, free)  # type: ignore[misc]
        if found is not None:
            return found
    return None


def _arrangements(names: list[str], parts: dict[str, Part | None]) -> Iterator[list[str]]:
    """Which fields may be the parts: all, or all but one, the total."""
    unknown = [name for name in names if parts[name] is None]
    if not unknown:
        yield names
    for total in unknown or reversed(names):
        others = [name for name in names if name != total]
        if others and all(parts[name] is not None for name in others):
            yield others


def _arranged(
    band: Band, parts: list[Part], total: TotalTable | None, free: set[str]
) -> Sum | None:
    """The sum of `parts` in the band, scaled so that the first coefficient is 1."""
    slopes = dict(band.terms)
    lead = slopes[parts[0].name]
    coefficients = tuple(float(slopes[part.name] / lead) for part in parts)
    family = family_of(parts, coefficients)
    if family is None:
        return None
    ends = [None if end is None else end / lead for end in (band.low, band.high)]
    low, high = ends if lead > 0 else reversed(ends)
    slack = _slack(parts, coefficients, low, high)
    return Sum(
        tuple(parts),
        coefficients,
        family,
        -np.inf if low is None else float(low) - slack,
        np.inf if high is None else float(high) + slack,
        total,
        0.0 if total is None else float(slopes[total.name] / lead),
        tuple((name, float(slope / lead)) for name, slope in band.terms if name not in free),
    )


def _slack(
    parts: list[Part], coefficients: tuple[float, ...], low: Fraction | None, high: Fraction | None
) -> float:
    """How far the sum before rounding may lie from the sum of grid values."""
    sizes = [abs(float(end)) for end in (low, high) if end is not None]
    rounding = 0.0
    for part, coefficient in zip(parts, coefficients, strict=True):
        law = part.law
        if not law.distribution.is_discrete:
            rounding += abs(coefficient) * part.grid.half()
        sizes.append(abs(coefficient) * float(law.distribution.sd(*law.params)))
    return rounding + SLOP * max(sizes)


class SumProposal:
    """Draws the parts of a sum that lies in its bounds, and every other field as declared."""

    name = "sum of parts"
    cost = COST

    def __init__(self, sum_: Sum, free: Sequence[str], fill_field: FillField) -> None:
        self._sum = sum_
        law = sum_.family.sum_law(sum_.parts, sum_.coefficients)
        assert law is not None
        self._law = law
        self._fill_field = fill_field
        own = {part.name for part in sum_.parts}
        names = ", ".join(part.name for part in sum_.parts)
        self.detail = f"the sum of {names} drawn within its bounds, then split"
        self._weights: NDArray[np.float64] | None = None
        self._quantile: Callable[[Any], Any] | None = None
        mass = math.nan
        if sum_.total is not None:
            own.add(sum_.total.name)
            self.detail = f"{sum_.total.name} drawn first, tilted; then {names} given their sum"
        if sum_.total is not None and not sum_.given:
            masses = self._tilted(sum_.total, sum_.low, sum_.high)
            mass = float(masses.sum())
            self._weights = np.cumsum(masses)
        elif not sum_.given:
            mass = float(self._mass_between(sum_.low, sum_.high))
            if mass > 0:
                self._quantile = _quantile(law, sum_.low, sum_.high)
        for part in sum_.parts:
            mass /= part.law.mass
        self.mass = mass
        self._counts: CountSplit | None = None
        if law.distribution.is_discrete:
            self._counts = CountSplit(sum_.family, sum_.parts, self._most(sum_.high))
        self._others = [name for name in free if name not in own]

    def _mass_between(self, low: Any, high: Any) -> Any:
        return interval_mass(self._law.distribution, self._law.params, low, high)

    def _most(self, high: float) -> int:
        """A sum that is seldom exceeded, for the size of tables."""
        if self._sum.total is not None or self._sum.given or not math.isfinite(high):
            high = MOST_SDS * float(self._law.distribution.sd(*self._law.params))
            high += float(self._law.distribution.mean(*self._law.params))
        return max(0, math.floor(high))

    def _tilted(self, total: TotalTable, low: Any, high: Any) -> NDArray[np.float64]:
        """The probability of each total together with a sum of parts within its bounds."""
        shift = self._sum.slope * total.values
        return np.asarray(total.masses * self._mass_between(low - shift, high - shift))

    def fill(self, frame: Frame) -> NDArray[np.bool_] | None:
        """Draw the total, the sum, its parts, and the other fields.

        The mask tells rows in which every part lies in the bounds of its own draw.
        """

        def draws(name: str) -> SlotDraws:
            return frame.draws(name).named("part")

        sums = self._sums(frame)
        if self._counts is not None:
            split = self._counts.split(sums, draws)
        else:
            split = self._sum.family.split(self._sum.parts, self._sum.coefficients, sums, draws)
        accepted: NDArray[np.bool_] | None = None
        for part, y in zip(self._sum.parts, split, strict=True):
            within = part.within(y)
            if within is not None:
                accepted = within if accepted is None else accepted & within
            frame.columns[part.name] = part.column(y)
        for name in self._others:
            self._fill_field(name, frame)
        return accepted

    def _sums(self, frame: Frame) -> NDArray[np.float64]:
        """The sum of parts by row; draws the total if there is one."""
        uniform = frame.draws(self._sum.parts[0].name).uniform("sum")
        if self._quantile is not None:
            return np.asarray(self._quantile(uniform), np.float64)
        low: Any = self._sum.low
        high: Any = self._sum.high
        for name, slope in self._sum.given:
            shift = slope * np.asarray(frame.column(name).values, np.float64)
            low, high = low - shift, high - shift
        if self._sum.total is not None:
            shift = self._sum.slope * self._total(self._sum.total, frame)
            low, high = low - shift, high - shift
        law = self._law
        first, last = law.distribution.support(*law.params)
        low, high = np.maximum(low, first), np.minimum(high, last)
        if law.distribution.is_discrete:
            low, high = np.ceil(low), np.floor(high)
        if (low > high).any():
            # no sum suits what is given: whatever is drawn, the rule refuses it
            low, high = np.where(low > high, first, low), np.where(low > high, last, high)
        if law.distribution.is_discrete and np.array_equal(low, high):
            return np.asarray(low)
        return np.asarray(truncated_quantile(law.distribution, law.params, uniform, low, high))

    def _total(self, total: TotalTable, frame: Frame) -> NDArray[np.float64]:
        """Totals, by their law tilted towards sums of parts that agree with them."""
        assert self._weights is not None
        level = frame.draws(total.name).uniform("tilted") * self._weights[-1]
        at = np.searchsorted(self._weights, level, side="right")
        at = np.minimum(at, len(self._weights) - 1)
        frame.columns[total.name] = total.column(at)
        chosen: NDArray[np.float64] = total.values[at]
        return chosen


def _quantile(law: Law, low: float, high: float) -> Callable[[Any], Any]:
    """Quantiles of a law within bounds, tabulated where inversion is slow."""
    start = low if math.isfinite(low) else None
    end = high if math.isfinite(high) else None
    if law.distribution.is_discrete:
        return CountTable.build(law.distribution, law.params, start, end)
    if law.distribution.has_slow_quantile:
        return QuantileTable.build(law.distribution, law.params, start, end)
    return lambda u: truncated_quantile(law.distribution, law.params, u, low, high)
