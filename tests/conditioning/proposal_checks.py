"""Proposals of one table, run by themselves: the rows that count, without the engine's choice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

import synthdsl
from synthdsl.engine.conditioning.linear import Comparison, demanded
from synthdsl.engine.conditioning.proposals import FillField, Proposal
from synthdsl.engine.evaluate import evaluate_column
from synthdsl.engine.frame import Frame
from synthdsl.engine.run import Run
from synthdsl.engine.streams import root_keys
from synthdsl.plan.lower import TablePlan

SEED = 11
Recogniser = Callable[[Sequence[str], Iterable[Comparison], TablePlan, FillField], Proposal | None]


class Bench:
    """The first component of a spec's only table."""

    def __init__(self, body: str, *, rows: int = 20_000, top: str = "") -> None:
        text = f"language 1\nspec s\nseed {SEED}\n{top}\ntable t [{rows}] {{\n{body}\n}}\n"
        database = synthdsl.load("s.synth", text=text)
        self._all = Run(database.plan())
        self.run = self._all.tables["t"]
        self.table = self.run.plan
        self.step = next(step for step in self.table.steps if step.rules)

    def proposal(self, recogniser: Recogniser, *, stage: int = -1) -> Any:
        """What `recogniser` makes of a stage."""
        found = self.step.stages[stage]
        return recogniser(found.free, demanded(found.rules), self.table, self.fill_field)

    def fill_field(self, name: str, frame: Frame) -> None:
        """One field as declared."""
        self.run.fill_field(name, frame)

    def complete_rows(self, start: int, stop: int) -> Frame:
        """Rows as the engine makes them, before masks."""
        (frame,) = self._all.blocks("t", start, stop, is_complete=True)
        return frame

    def frame(self, rows: int, *, start: int = 0) -> Frame:
        """An empty frame, with what comes before the component."""
        keys = root_keys("t", start, start + rows)
        return Frame("t", SEED, keys, np.arange(start, start + rows, dtype=np.int64))

    def holds(self, frame: Frame, *, stage: int = -1) -> NDArray[np.bool_]:
        """Rows in which no rule is false."""
        holds = np.ones(frame.rows, np.bool_)
        for rule in self.step.stages[stage].rules:
            column = evaluate_column(rule.condition, frame)
            false = ~column.values.astype(bool)
            holds &= ~(false if column.valid is None else false & column.valid)
        return holds

    def accepted(
        self, proposal: Proposal, rows: int, *, start: int = 0
    ) -> tuple[dict[str, NDArray[Any]], float]:
        """The values of the rows that count, by field, and the share of rows that do."""
        frame = self.frame(rows, start=start)
        mask = proposal.fill(frame)
        counts = self.holds(frame)
        if mask is not None:
            counts &= mask
        values = {name: frame.column(name).values[counts] for name in self.step.fields}
        return values, float(counts.mean())

    def declared(self, rows: int) -> tuple[dict[str, NDArray[Any]], float]:
        """As `accepted`, by naive rejection of rows drawn as declared."""
        frame = self.frame(rows, start=10_000_000)
        for name in self.step.fields:
            self.fill_field(name, frame)
        counts = self.holds(frame)
        return {n: frame.column(n).values[counts] for n in self.step.fields}, float(counts.mean())


def fits(values: Sequence[NDArray[Any]], masses: dict[tuple[Any, ...], float]) -> float:
    """P-value of the chi-squared test of joint values against unnormalised masses.

    Cells of fewer than 5 expected rows are put together; a value outside gives 0.
    """
    rows = np.stack([np.asarray(v, np.float64) for v in values], axis=1)
    distinct, counts = np.unique(rows, axis=0, return_counts=True)
    found = {tuple(row): int(n) for row, n in zip(distinct.tolist(), counts, strict=True)}
    if any(masses.get(row, 0.0) <= 0 for row in found):
        return 0.0
    total = sum(masses.values())
    cells = [
        (found.get(row, 0), mass / total * len(rows)) for row, mass in masses.items() if mass > 0
    ]
    big = [cell for cell in cells if cell[1] >= 5]
    small = [cell for cell in cells if cell[1] < 5]
    if sum(e for _, e in small) > 0.5:
        big.append((sum(o for o, _ in small), sum(e for _, e in small)))
    observed, expected = (np.array(x, float) for x in zip(*big, strict=True))
    statistic = ((observed - expected) ** 2 / expected).sum()
    return float(stats.chi2.sf(statistic, max(1, len(big) - 1)))


def share_fits(share: float, rows: int, expected: float) -> float:
    """Two-sided p-value of a share of `rows` against its probability."""
    return float(stats.binomtest(round(share * rows), rows, min(1.0, expected)).pvalue)


def same_law(first: NDArray[Any], second: NDArray[Any]) -> float:
    """P-value of the two-sample Kolmogorov-Smirnov test."""
    return float(stats.ks_2samp(first, second).pvalue)


def same_z(mass: float, share: float, rows: int, z: float, plain_rows: int) -> float:
    """P-value of the normal test that `mass` times the share of `rows` estimates the same
    probability as the share `z` of `plain_rows`.
    """
    variance = mass**2 * share * (1 - share) / rows + z * (1 - z) / plain_rows
    return float(2 * stats.norm.sf(abs(mass * share - z) / variance**0.5))
