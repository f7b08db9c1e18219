"""The special proposals that suit the last stage of a component: sorting, sums, boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.conditioning.copula_boxes import box_proposal
from synthdsl.engine.conditioning.linear import demanded
from synthdsl.engine.conditioning.proposals import FillField, Proposal
from synthdsl.engine.conditioning.sorting import sorting_proposal
from synthdsl.engine.conditioning.sums import sum_proposal
from synthdsl.engine.frame import Frame
from synthdsl.plan.components import Step
from synthdsl.plan.lower import TablePlan

RECOGNISERS = (sorting_proposal, sum_proposal, box_proposal)


def special_proposals(
    step: Step,
    stage: int,
    pattern: Sequence[bool],
    table: TablePlan,
    fill_field: FillField,
    *,
    tracked: frozenset[str] = frozenset(),
) -> list[Proposal]:
    """Proposals for the free fields of the last stage; none for earlier ones, since the values
    they make are no quantiles of uniforms that a later stage could condition on.

    `pattern` tells which soft rules of the step hold, in order; `tracked` fields have their
    uniforms noted by other proposals, and drawn anew here.
    """
    if stage != len(step.stages) - 1:
        return []
    soft = (rule for rule in step.rules if rule.share is not None)
    now = step.stages[stage]
    wanted = demanded(now.rules, dict(zip(soft, pattern, strict=True)))
    anew = tuple(name for name in now.free if name in tracked)
    found: list[Proposal] = []
    for recognise in RECOGNISERS:
        proposal = recognise(now.free, wanted, table, fill_field)
        if proposal is not None:
            found.append(Anew(proposal, anew) if anew else proposal)
    return found


class Anew:
    """A proposal before which fields get new uniforms, in place of those of an earlier stage."""

    def __init__(self, proposal: Proposal, fields: tuple[str, ...]) -> None:
        self.name = proposal.name
        self.detail = proposal.detail
        self.mass = proposal.mass
        self.cost = proposal.cost
        self._proposal = proposal
        self._fields = fields

    def fill(self, frame: Frame) -> NDArray[np.bool_] | None:
        """Draw the fields of the proposal."""
        for name in self._fields:
            frame.bases[name] = frame.draws(name).uniform()
        return self._proposal.fill(frame)
