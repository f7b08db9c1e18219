"""Rows below entities that meet what a rule demands of them, in place of plain ones.

An entity is accepted with the chance that its rows meet the demand, over the largest chance that
an entity can have; always, where all that decides the chance is given. For accepted ones the
number of rows is drawn given that they do, then how many of them meet the condition and which,
then each row given whether it meets it. Together that is the law of entities and rows given the
demand, in as many tries as the fields of entities need.

Source: conditional Bernoulli sampling, here of equal chances (Chen, Liu 1997, "Statistical
applications of the Poisson-binomial and conditional Bernoulli distributions", Statistica Sinica 7).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthdsl.distributions.base import DISTRIBUTIONS
from synthdsl.distributions.truncation import truncated_quantile
from synthdsl.engine.children.demands import Demand
from synthdsl.engine.children.numbers import MOST_CELLS, NumberLaw, NumberTable
from synthdsl.engine.children.odds import chance_of
from synthdsl.engine.children.rows import Cells, RowLaw
from synthdsl.engine.frame import Frame, RowError, child_frame
from synthdsl.model.expressions import Expr
from synthdsl.model.relations import count_name
from synthdsl.source import Span
from synthdsl.values.columns import Column

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]
Flags = NDArray[np.bool_]
MakeRows = Callable[[str, Frame], None]
MOST_TRIES = 1 << 20
"""Tries of one row that is not to meet a condition, after which that counts as impossible."""
MOST_AT_ONCE = 64
WORTH = 0.25
"""Chance of what rules ask from which on whole entities are tried: that costs less."""


@dataclass(frozen=True, eq=False)
class _Odds:
    """Chances of entities by groups of alike ones: `group` of each; rows, and with the demand."""

    table: NumberTable
    group: Positions
    start: Positions
    plain: Floats
    given: Floats


class GuidedChildren:
    """Makes the rows of one table under entities, and what a demand on them reads.

    `find_bound` gives at least the largest chance of any entity; without it every try of an
    entity has the same chance, so that nothing of it need be refused.
    """

    def __init__(
        self,
        demand: Demand,
        numbers: NumberLaw,
        rows: RowLaw | None,
        make_rows: MakeRows,
        span: Span,
        simplify: Callable[[Expr], Expr],
        find_bound: Callable[[GuidedChildren], float] | None,
    ) -> None:
        self._demand = demand
        self._numbers = numbers
        self._law = rows
        self._make_rows = make_rows
        self._span = span
        self._premises = [replace(p, condition=simplify(p.condition)) for p in demand.premises]
        self._slot = count_name(demand.child)
        self._find_bound = find_bound

    @cached_property
    def bound(self) -> float:
        """At least the largest chance that a try can have, as a part of the entity's largest."""
        return 1.0 if self._find_bound is None else self._find_bound(self)

    @property
    def can_gain(self) -> bool:
        """Whether fewer tries are needed than without."""
        return self._find_bound is None or self.bound < WORTH

    def run(self, entities: Frame) -> Flags:
        """Make the rows; returns which entities are accepted. Rows of others are plain."""
        tables, chances, cells, place = self._chances(entities)
        draws = entities.draws(self._slot)
        asked = np.ones(entities.rows, np.bool_)
        for premise in self._premises:
            asked &= premise.holds(entities)
        chance = self._of(tables, entities.rows)
        if self._find_bound is None:
            accepted = chance > 0
        else:
            accepted = draws.uniform("accepted") * self.bound < chance
        accepted |= ~asked
        is_given = accepted & asked
        counts = np.zeros(entities.rows, np.int64)
        if self._numbers.is_made:
            counts[:] = entities.column(self._slot).values
        else:
            levels = draws.uniform("number")
            for odds in tables:
                at = odds.table.at
                counts[at] = _numbers(odds, levels[at], is_given[at])
            entities.columns[self._slot] = Column(counts)
            self._make_rows(self._demand.child, entities)
        self._fill(entities, counts, is_given, chances, cells, place)
        return accepted

    def chance(self, entities: Frame) -> Floats:
        """The chance of each entity to meet the demand, where it is made."""
        tables, _, _, _ = self._chances(entities)
        return self._of(tables, entities.rows)

    def _of(self, tables: list[_Odds], rows: int) -> Floats:
        chance = np.zeros(rows)
        for odds in tables:
            chance[odds.table.at] = odds.given[odds.group, -1]
        return chance

    def _chances(self, entities: Frame) -> tuple[list[_Odds], Floats, Cells | None, Positions]:
        """Chances of numbers of rows, and of a row to meet the condition: of each entity."""
        laws = self._numbers.tables(entities)
        chances = np.ones(entities.rows)
        cells = None
        place = np.zeros(entities.rows, np.int64)
        if self._law is not None:
            can_have = np.zeros(entities.rows, np.bool_)
            for table in laws:
                some = (table.masses[:, 1:].sum(axis=1) > 0) | (table.start > 0)
                can_have[table.at] = some[table.group]
            at = np.flatnonzero(can_have)
            place[at] = np.arange(len(at))
            nothing = np.zeros(len(at), np.int64)
            # what is drawn for the first row stands for any: nothing of it is kept
            probe = child_frame(self._demand.child, entities, at, nothing)
            cells = self._law.chances(probe)
            chances[at] = cells.total
        return [o for t in laws for o in self._odds(t, chances)], chances, cells, place

    def _odds(self, table: NumberTable, chances: Floats) -> list[_Odds]:
        pairs = table.group + 1j * chances[table.at]
        kinds, group = np.unique(pairs, return_inverse=True)
        laws = kinds.real.astype(np.int64)
        width = table.masses.shape[1]
        step = max(1, MOST_CELLS // width)
        result = []
        demand = self._demand
        for start in range(0, len(kinds), step):
            own, q = laws[start : start + step], kinds.imag[start : start + step]
            n = table.start[own][:, None] + np.arange(width)
            odds = chance_of(n, q[:, None], demand.low, demand.high, is_all=demand.is_all)
            plain = table.masses[own]
            given = np.cumsum(plain * odds, axis=1)
            rows = np.arange(len(group))
            if len(kinds) > step:
                rows = np.flatnonzero((start <= group) & (group < start + step))
            part = NumberTable(table.at[rows], table.group[rows], table.start, table.masses)
            result.append(
                _Odds(part, group[rows] - start, table.start[own], np.cumsum(plain, axis=1), given)
            )
        return result

    # rows

    def _fill(
        self,
        entities: Frame,
        counts: Positions,
        is_given: Flags,
        chances: Floats,
        cells: Cells | None,
        place: Positions,
    ) -> None:
        if self._law is None or cells is None:
            return
        frame = entities.child(self._demand.child)
        assert frame.parents is not None
        parents = frame.parents
        meeting = self._number_meeting(entities, counts, is_given, chances)
        meets = _chosen(parents, counts, meeting, frame.draws(self._slot).uniform("meets"))
        parts: list[tuple[Positions, Frame]] = []
        at = np.flatnonzero(~meets)
        if at.size or not frame.rows:
            part = frame.some(at)
            self._law.make(part)
            self._avoid(part, is_given[parents[at]])
            parts.append((at, part))
        at = np.flatnonzero(meets)
        if at.size:
            part = frame.some(at)
            self._law.make_meeting(part, cells, place[parents[at]])
            parts.append((at, part))
        for name in self._law.names:
            frame.gather(name, parts)

    def _number_meeting(
        self, entities: Frame, counts: Positions, is_given: Flags, chances: Floats
    ) -> Positions:
        """How many rows of each entity meet the condition; 0 where nothing is given."""
        demand = self._demand
        result = np.zeros(entities.rows, np.int64)
        if demand.is_all:
            return np.where(is_given, counts, 0)
        at = np.flatnonzero(is_given & (counts > 0))
        if at.size:
            u = entities.draws(self._slot).uniform("meeting", at=at)
            params = counts[at].astype(np.float64), chances[at]
            binomial = DISTRIBUTIONS.get("binomial")
            assert binomial is not None
            found = truncated_quantile(
                binomial, params, u, float(demand.low), np.minimum(demand.high, params[0])
            )
            result[at] = np.where(chances[at] >= 1, counts[at], found)
        return result

    def _avoid(self, frame: Frame, is_asked: Flags) -> None:
        """Draw rows that were asked not to meet the condition until they do not."""
        assert self._law is not None
        waiting = np.flatnonzero(is_asked)
        waiting = waiting[self._law.meets(frame.some(waiting))]
        found: list[tuple[Positions, Frame]] = []
        first, count = 1, 1
        while waiting.size:
            if first > MOST_TRIES:
                raise RowError(
                    "unsatisfiable",
                    self._span,
                    f"row {int(frame.ordinals[waiting[0]])} of `{frame.table}`: what is asked "
                    f"did not come in {MOST_TRIES:,} tries of it",
                    "make the rule possible for every value that is given",
                )
            tries = frame.tried_again(waiting, first, count)
            self._law.make(tries)
            fine = ~self._law.meets(tries).reshape(waiting.size, count)
            hits = np.flatnonzero(fine.any(axis=1))
            if hits.size:
                chosen = hits * count + fine[hits].argmax(axis=1)
                found.append((waiting[hits], tries.some(chosen)))
                waiting = np.delete(waiting, hits)
            first += count
            count = min(MOST_AT_ONCE, 2 * count)
        if found:
            for name in self._law.names:
                frame.replace(name, found)


def _numbers(odds: _Odds, levels: Floats, is_given: Flags) -> Positions:
    """The number of rows of each entity of a table: with the demand where it is given."""
    result = np.empty(len(levels), np.int64)
    for sums, here in ((odds.given, is_given), (odds.plain, ~is_given)):
        at = np.flatnonzero(here)
        own = sums[odds.group[at]]
        found = (own <= (levels[at] * own[:, -1])[:, None]).sum(axis=1)
        # the last that adds anything takes what rounding leaves
        last = (own < own[:, -1:]).sum(axis=1)
        result[at] = odds.start[odds.group[at]] + np.minimum(found, last)
    return result


def _chosen(parents: Positions, counts: Positions, wanted: Positions, levels: Floats) -> Flags:
    """Which of the rows of each parent are chosen, as many as wanted; siblings stand together."""
    result: Flags = (wanted == counts)[parents]
    open_rows = np.flatnonzero((wanted > 0)[parents] & ~result)
    if open_rows.size:
        own = parents[open_rows]
        order = np.lexsort((levels[open_rows], own))
        starts = np.flatnonzero(np.diff(own, prepend=-1))
        sizes = np.diff(np.append(starts, len(own)))
        rank = np.arange(len(own)) - np.repeat(starts, sizes)
        result[open_rows[order]] = rank < wanted[own]
    return result
