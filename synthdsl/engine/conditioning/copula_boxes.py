"""Bounds on correlated fields: a box in the normal space of their copula, drawn by tilting.

The bounds are found on each field's own sampler, which rises with its level: so grids and
truncations are in them. The proposal sets the base uniforms of the group; the fields are then
drawn from these as declared.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from synthdsl.engine.conditioning.linear import Band, Comparison, bands
from synthdsl.engine.conditioning.proposals import FillField
from synthdsl.engine.conditioning.sum_families import constants
from synthdsl.engine.conditioning.tilting import NoSaddleError, TiltedNormal
from synthdsl.engine.copula import Copula, LevelDraws
from synthdsl.engine.draw_compiler import compile_draw
from synthdsl.engine.frame import Frame, RowError
from synthdsl.engine.samplers import Context
from synthdsl.engine.streams import SlotDraws
from synthdsl.model.correlations import cholesky, to_normal
from synthdsl.model.draws import expressions_of
from synthdsl.model.nulls import may_be_null
from synthdsl.model.spec import Correlation
from synthdsl.plan.lower import TablePlan

FARTHEST = float(-ndtri(2.0**-53))
"""Normals beyond this have no level of their own."""
MOST_FIELDS = 20
PROBES = 33
"""Normals tried at once in the search for a bound."""
COST = 4.0
"""Work for a row, in those of plain draws."""


def box_proposal(
    free: Sequence[str],
    comparisons: Iterable[Comparison],
    table: TablePlan,
    fill_field: FillField,
) -> BoxProposal | None:
    """The proposal for the correlated group whose box is the least probable; None where
    `comparisons` bound no field of a group that is free, or the bounds differ by row.
    """
    limits = {
        band.terms[0][0]: band
        for band in bands(comparisons, table.table.fields)
        if len(band.terms) == 1
    }
    best: BoxProposal | None = None
    for correlation in _correlations(free, table):
        found = _proposal(correlation, limits, free, table, fill_field)
        if found is not None and (best is None or found.mass < best.mass):
            best = found
    return best


def _proposal(
    correlation: Correlation,
    limits: dict[str, Band],
    free: Sequence[str],
    table: TablePlan,
    fill_field: FillField,
) -> BoxProposal | None:
    try:
        box = _box(correlation, limits, table)
        return None if box is None else BoxProposal(correlation, box, free, table, fill_field)
    except (NoSaddleError, RowError):
        # far in its tails a field may have values that its type cannot hold
        return None


def _correlations(free: Sequence[str], table: TablePlan) -> list[Correlation]:
    """Correlations all of whose fields are free, as planned."""
    found: list[Correlation] = []
    for name in free:
        correlation = table.fields[name].correlation
        if correlation is None or any(correlation is other for other in found):
            continue
        if set(correlation.fields) <= set(free) and len(correlation.fields) <= MOST_FIELDS:
            found.append(correlation)
    return found


Box = tuple[NDArray[np.float64], NDArray[np.float64]]


def _box(correlation: Correlation, limits: dict[str, Band], table: TablePlan) -> Box | None:
    """The least and greatest normal of each field; None where nothing is bounded, or where the
    bounds leave no level.
    """
    low = np.full(len(correlation.fields), -np.inf)
    high = np.full(len(correlation.fields), np.inf)
    for i, name in enumerate(correlation.fields):
        band = limits.get(name)
        if band is None or not _is_fixed(name, table):
            continue
        rising = _Rising(name, table)
        if band.low is not None:
            low[i] = rising.crossing(float(band.low), is_met=False)
        if band.high is not None:
            high[i] = rising.crossing(float(band.high), is_met=True)
    if not (np.isfinite(low) | np.isfinite(high)).any() or (low >= high).any():
        return None
    return low, high


def _is_fixed(name: str, table: TablePlan) -> bool:
    """Whether a field has the same law in every row, and is never null."""
    draw = table.fields[name].field.draw
    assert draw is not None
    return may_be_null(draw) is None and constants(list(expressions_of(draw))) is not None


class _Rising:
    """A field's value as a function of its normal, from its own sampler."""

    def __init__(self, name: str, table: TablePlan) -> None:
        plan = table.fields[name]
        assert plan.field.draw is not None
        context = Context(
            plan.field,
            lambda expression: expression,
            vocabulary=None,
            parts=frozenset(),
            by_level=True,
            rows=table.rows,
        )
        self._sampler = compile_draw(plan.field.draw, context)
        self._name = name

    def values(self, normals: NDArray[np.float64]) -> Any:
        """The field's values at (n,) normals."""
        rows = np.arange(len(normals), dtype=np.int64)
        keys = rows.astype(np.uint64)
        draws: Any = LevelDraws(
            SlotDraws(0, self._name, keys, rows),
            np.clip(ndtr(normals), 2.0**-53, 1 - 2.0**-53),
        )
        column = self._sampler.sample(Frame("", 0, keys, rows), draws)
        assert not isinstance(column, dict)
        return column.values

    def crossing(self, bound: float, *, is_met: bool) -> float:
        """The normal at which values reach the bound or, if it `is_met`, go beyond it; a
        little outside what the bound allows. Infinite where every value, or none, is past it.
        """
        start, end = -FARTHEST, FARTHEST
        while end - start > 1e-14 * max(1.0, abs(start)):
            tried = np.linspace(start, end, PROBES)
            values = np.asarray(self.values(tried), np.float64)
            passed = values > bound if is_met else values >= bound
            at = int(np.argmax(passed)) if passed.any() else PROBES
            if at == 0:
                # even the least value is past the bound
                return -math.inf
            if at == PROBES:
                return math.inf
            closer = float(tried[at - 1]), float(tried[at])
            if closer == (start, end):
                break
            start, end = closer
        return end if is_met else start


class BoxProposal:
    """Draws the normals of a group inside a box, and every field from what is behind it."""

    name = "tilted box"
    cost = COST

    def __init__(
        self,
        correlation: Correlation,
        box: Box,
        free: Sequence[str],
        table: TablePlan,
        fill_field: FillField,
    ) -> None:
        bounded = [
            name
            for name, low, high in zip(correlation.fields, *box, strict=True)
            if math.isfinite(low) or math.isfinite(high)
        ]
        self.detail = f"{', '.join(bounded)} drawn inside their bounds by minimax tilting"
        self._fields = correlation.fields
        self._free = free
        self._fill_field = fill_field
        self._copula = Copula(correlation, table.table.fields)
        self._laws: dict[tuple[Any, ...], tuple[TiltedNormal, NDArray[np.float64]]] = {}
        known: dict[Any, tuple[TiltedNormal, NDArray[np.float64]]] = {}
        for key, ranks in correlation.matrices.items():
            if ranks not in known:
                normal = to_normal(ranks)
                factor = cholesky(normal)
                assert factor is not None
                law = TiltedNormal(np.array(normal), *box)
                known[ranks] = (law, np.linalg.inv(np.array(factor)))
            self._laws[key] = known[ranks]
        self._is_common = len(known) == 1
        self._log_mass = max(law.log_mass for law, _ in known.values())
        self.mass = math.exp(self._log_mass)

    def fill(self, frame: Frame) -> NDArray[np.bool_] | None:
        """Draw all fields in order; the group's base uniforms when its first field is due."""
        accepted: NDArray[np.bool_] | None = None
        for name in self._free:
            if accepted is None and name in self._fields:
                accepted = self._draw_bases(frame)
            self._fill_field(name, frame)
        return accepted

    def _draw_bases(self, frame: Frame) -> NDArray[np.bool_]:
        bases = np.full((len(self._fields), frame.rows), 0.5)
        accepted = np.zeros(frame.rows, np.bool_)
        if self._is_common:
            law, whitening = next(iter(self._laws.values()))
            self._draw_rows(law, whitening, frame, np.arange(frame.rows), bases, accepted)
        else:
            for key, (law, whitening) in self._laws.items():
                rows = self._copula.rows_of(key, frame)
                self._draw_rows(law, whitening, frame, rows, bases, accepted)
        for name, base in zip(self._fields, bases, strict=True):
            frame.bases[name] = base
        return accepted

    def _draw_rows(
        self,
        law: TiltedNormal,
        whitening: NDArray[np.float64],
        frame: Frame,
        rows: NDArray[np.int64],
        bases: NDArray[np.float64],
        accepted: NDArray[np.bool_],
    ) -> None:
        """The rows of one group. Groups whose box is less probable count less often."""

        def uniforms(i: int) -> NDArray[np.float64]:
            return frame.draws(self._fields[i]).uniform("box", at=rows)

        normals, counts = law.draw(uniforms, frame.draws(self._fields[0]).uniform("tilt", at=rows))
        if law.log_mass < self._log_mass:
            chance = math.exp(law.log_mass - self._log_mass)
            counts &= frame.draws(self._fields[0]).uniform("group", at=rows) < chance
        accepted[rows] = counts
        bases[:, rows] = np.clip(ndtr(whitening @ normals), 2.0**-53, 1 - 2.0**-53)
