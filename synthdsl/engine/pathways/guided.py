"""Runs of a pathway that meet what a rule demands of each entity, in place of plain ones.

An entity is accepted with the chance that its paths meet the demand, over the largest chance that
an entity can have; the paths of accepted ones are drawn given that they do. Together that is the
law of entities and paths given the demand, in as many tries as the fields of entities need, and
not as many as rare states would.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.frame import Frame
from synthdsl.engine.pathways.bounds import largest_chance
from synthdsl.engine.pathways.conditioned import GivenVisits, Transitions
from synthdsl.engine.pathways.demands import Demand
from synthdsl.engine.pathways.sampler import FrameOfVisits, PathwaySampler, Positions, Visits
from synthdsl.engine.pathways.siblings import Fate, Fates, fates_of_all, fates_of_any, joined
from synthdsl.engine.samplers import Simplify


class GuidedPaths:
    """Draws the runs of one pathway for a demand on entities at or above its parent's rows.

    `most_parents`: the most rows of the pathway's parent table that an entity can have, None
    where that is not known.
    """

    def __init__(
        self,
        sampler: PathwaySampler,
        demand: Demand,
        simplify: Simplify,
        *,
        most_parents: int | None = None,
    ) -> None:
        machine = sampler.machine
        self._sampler = sampler
        self._demand = demand
        self._transitions = Transitions(machine, simplify)
        bits = demand.condition.bits(machine.enum.members)
        start = machine.enum.members.index(machine.start)
        low, high = self._transitions.ranges()
        largest = largest_chance(low, high, bits, demand.condition.accepts, start)
        self._accepts_pathless = demand.condition.accepts[0]
        self.bound = self._bound(largest, most_parents)

    def _bound(self, largest: float, most: int | None) -> float:
        """The largest chance that an entity can have."""
        if self._demand.counts_pathless and self._accepts_pathless:
            return 1.0
        if self._demand.quantifier == "one":
            return largest
        if self._demand.quantifier == "all" or most is None or largest == 1:
            return 1.0
        return float(min(1.0, -np.expm1(most * np.log1p(-largest)) * (1 + 1e-9)))

    def run(
        self, entities: Frame, parents: Frame, at: Positions, frame_of: FrameOfVisits
    ) -> tuple[Visits, NDArray[np.bool_]]:
        """The paths of `parents` at positions `at`, and which `entities` are accepted.

        `parents` are the rows of the pathway's parent table: `entities` itself, or the rows under
        them. Paths of entities that are not accepted are plain.
        """
        matrix = self._transitions.matrix(frame_of(at, np.zeros(len(at), np.int64)))
        machine, condition = self._sampler.machine, self._demand.condition
        given = {
            Fate.MEETS: GivenVisits(machine, matrix, condition),
            Fate.FAILS: GivenVisits(machine, matrix, ~condition),
        }
        chances = {fate: np.broadcast_to(paths.chance, len(at)) for fate, paths in given.items()}
        owners = at if parents is entities else _owners(parents)[at]
        fates = self._fates(chances, entities, parents, owners, at)
        levels = entities.draws(f"#{machine.name}").uniform("accepted") * self.bound
        accepted = levels < fates.chance
        paths = np.where(accepted[owners], fates.paths, Fate.FREE)
        parts = []
        for fate in Fate:
            here = np.flatnonzero(paths == fate)
            if len(here) or (fate is Fate.FREE and not len(at)):
                follow = given[fate].begin(here) if fate in given else None
                parts.append(self._sampler.sample(parents, at[here], frame_of, follow))
        return (parts[0] if len(parts) == 1 else joined(parts)), accepted

    def _fates(
        self,
        chances: dict[Fate, NDArray[np.float64]],
        entities: Frame,
        parents: Frame,
        owners: Positions,
        at: Positions,
    ) -> Fates:
        counts = np.bincount(owners, minlength=entities.rows)
        quantifier = self._demand.quantifier
        if quantifier == "any":
            uniforms = parents.draws(f"#{self._sampler.machine.name}").uniform("fate")[at]
            fates = fates_of_any(chances[Fate.MEETS], counts, uniforms)
        else:
            fates = fates_of_all(chances[Fate.MEETS], chances[Fate.FAILS], counts, Fate.MEETS)
        if not self._demand.counts_pathless:
            return fates
        pathless = np.ones(parents.rows, np.bool_)
        pathless[at] = False
        has_pathless = pathless if parents is entities else np.zeros(entities.rows, np.bool_)
        if parents is not entities:
            has_pathless[_owners(parents)[pathless]] = True
        if quantifier == "any" and self._accepts_pathless:
            # met already, whatever the paths do
            fates.chance[has_pathless] = 1.0
            fates.paths[has_pathless[owners]] = Fate.FREE
        elif quantifier != "any" and not self._accepts_pathless:
            fates.chance[has_pathless] = 0.0
        return fates


def _owners(parents: Frame) -> Positions:
    assert parents.parents is not None
    return parents.parents
