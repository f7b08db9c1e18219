"""The law of a drawn total as a short table of grid values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.distributions.truncation import interval_mass
from synthdsl.engine.conditioning.sum_families import Part, constants, part_of
from synthdsl.engine.grid import Grid
from synthdsl.engine.parameters import raw_bounds
from synthdsl.model.draws import CategoricalDraw
from synthdsl.plan.lower import FieldPlan
from synthdsl.values.columns import Column
from synthdsl.values.types import ORDERED

MOST_TOTALS = 65_536
FAR = 1e-300
"""Tail probability at which the table of an unbounded law ends."""


@dataclass(frozen=True, eq=False)
class TotalTable:
    """The grid values that a field may take, (n,) float64, and their probabilities."""

    name: str
    grid: Grid
    values: NDArray[np.float64]
    masses: NDArray[np.float64]

    def column(self, at: NDArray[np.int64]) -> Column:
        """The values at positions of the table."""
        return Column(self.grid.round(self.values[at]))


def total_table(plan: FieldPlan) -> TotalTable | None:
    """The table of a field; None where it has no grid or too many values, where its parameters
    are not constant, or where it depends on others.
    """
    draw = plan.field.draw
    if plan.correlation is not None or plan.field.type.kind not in ORDERED:
        return None
    if isinstance(draw, CategoricalDraw):
        return _of_outcomes(plan, draw)
    part = part_of(plan)
    return None if part is None or part.grid.step is None else _of_law(part)


def _of_outcomes(plan: FieldPlan, draw: CategoricalDraw) -> TotalTable | None:
    known = constants([w for w in draw.weights if w is not None])
    if known is None or None in draw.outcomes:
        return None
    rest = max(0.0, 1.0 - float(sum(known)))
    left = iter(known)
    weights = [rest if w is None else float(next(left)) for w in draw.weights]
    values = np.array([float(outcome) for outcome in draw.outcomes])
    return TotalTable(
        plan.field.name, Grid.of(plan.field), values, np.array(weights) / sum(weights)
    )


def _of_law(part: Part) -> TotalTable | None:
    ends = _ends(part)
    step = part.grid.step
    assert step is not None
    if not np.isfinite(ends).all():
        return None
    width = float(step)
    first, last = np.floor(ends[0] / width), np.ceil(ends[1] / width)
    if last - first >= MOST_TOTALS:
        return None
    values = np.arange(first, last + 1) * step.numerator / step.denominator
    law = part.law
    low, high = raw_bounds(law.distribution.is_discrete, part.grid, values, values)
    low = low if law.low is None else np.maximum(low, law.low)
    high = high if law.high is None else np.minimum(high, law.high)
    masses = np.asarray(interval_mass(law.distribution, law.params, low, high)) / law.mass
    return TotalTable(part.name, part.grid, values, np.where(low > high, 0.0, masses))


def _ends(part: Part) -> Any:
    """The values between which the law lies, but for tails of `FAR`."""
    law = part.law
    distribution, params = law.distribution, law.params
    low, high = (float(end) for end in distribution.support(*params))
    if law.low is not None and law.high is not None:
        low, high = max(low, law.low), min(high, law.high)
    if not np.isfinite(low):
        low = float(distribution.quantile(np.array([FAR]), *params)[0])  # type: ignore[index]
    if not np.isfinite(high):
        high = float(distribution.survival_quantile(np.array([FAR]), *params)[0])  # type: ignore[index]
    return low, high
