"""The proposals that a component may be drawn by, besides rejection."""

from __future__ import annotations

from collections.abc import Callable

from synthdsl.engine.conditioning.cells import CellsCompiler, Demand
from synthdsl.engine.conditioning.clauses import split
from synthdsl.engine.conditioning.narrowing import Inside, narrowed
from synthdsl.engine.conditioning.proposals import FillField, Proposal, Rejection
from synthdsl.engine.conditioning.special import special_proposals
from synthdsl.plan.components import Stage, Step
from synthdsl.plan.lower import TablePlan


def proposals(
    plan: TablePlan,
    step: Step,
    number: int,
    pattern: tuple[bool, ...],
    cells: CellsCompiler,
    fill_field: FillField,
    tracked: frozenset[str],
    narrow_fill: Callable[[TablePlan, tuple[str, ...]], FillField],
) -> list[Proposal]:
    """What suits stage `number` of `step`, given which of its soft rules hold.

    `narrow_fill` draws as a narrowed table says, whose changed fields it is told.
    """
    found = special_proposals(step, number, pattern, plan, fill_field, tracked=tracked)
    stage = step.stages[number]
    wanted = demands(step, stage, pattern)
    clauses = (c for d in wanted for c in split(d.rule.condition, d.demand))
    narrow = narrowed(plan, stage.free, clauses) if number == 0 and not tracked else None
    if narrow is None:
        compiled = cells.compile(step.fields, wanted, free=stage.free, noted=tracked)
        return found if compiled is None else [*found, compiled]
    fill = narrow_fill(narrow.plan, narrow.fields)
    inside: list[Proposal] = [Rejection(stage.free, fill)]
    compiled = cells.of(narrow.plan, fill).compile(step.fields, wanted, free=stage.free)
    if compiled is not None:
        inside.append(compiled)
    return [*found, *(Inside(proposal, narrow) for proposal in inside)]


def demands(step: Step, stage: Stage, pattern: tuple[bool, ...]) -> list[Demand]:
    """What must come of each rule of a stage."""
    soft = [rule for rule in step.rules if rule.share is not None]
    is_kept = dict(zip(soft, pattern, strict=True))
    return [
        Demand(rule, "false" if not is_kept.get(rule, True) else rule.demand)
        for rule in stage.rules
    ]
