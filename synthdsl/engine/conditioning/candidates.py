"""The proposals that a component may be drawn by, besides rejection."""

from __future__ import annotations

from synthdsl.engine.conditioning.cells import CellsCompiler, Demand
from synthdsl.engine.conditioning.proposals import FillField, Proposal
from synthdsl.plan.components import Stage, Step
from synthdsl.plan.lower import TablePlan


def proposals(
    plan: TablePlan,
    step: Step,
    number: int,
    pattern: tuple[bool, ...],
    cells: CellsCompiler,
    fill_field: FillField,
) -> list[Proposal]:
    """What suits stage `number` of `step`, given which of its soft rules hold."""
    stage = step.stages[number]
    found: list[Proposal | None] = []
    found.append(cells.compile(step.fields, demands(step, stage, pattern), free=stage.free))
    return [proposal for proposal in found if proposal is not None]


def demands(step: Step, stage: Stage, pattern: tuple[bool, ...]) -> list[Demand]:
    """What must come of each rule of a stage."""
    soft = [rule for rule in step.rules if rule.share is not None]
    is_kept = dict(zip(soft, pattern, strict=True))
    return [
        Demand(rule, "false" if not is_kept.get(rule, True) else rule.demand)
        for rule in stage.rules
    ]
