"""Rules that make a run slow: hardly any row that is drawn meets them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from synthdsl.diagnostics import Diagnostic, Label
from synthdsl.engine.entities import Entities
from synthdsl.engine.run import Run, TableRun
from synthdsl.model.spec import Rule

COSTLY = 1e-3
"""Share of drawn rows that are accepted below which a warning is due."""


def costly_rules(run: Run) -> list[Diagnostic]:
    """A warning for each component of which less than `COSTLY` of the drawn rows are accepted,
    and for rules across rows of which less than that of what they condition is.

    It draws the pilot that any run begins with, and nothing else.
    """
    found = [warning for table in run.tables.values() for warning in _of_rows(table)]
    for family in run.families.values():
        for entities in family.entities.values():
            found += _of_entities(entities)
    return found


def _of_rows(table: TableRun) -> Iterator[Diagnostic]:
    for step, component in table.components.items():
        holding = tuple(True for rule in step.rules if rule.share is not None)
        for number, stage in enumerate(step.stages):
            choice = component.choice(number, holding)
            chance = choice.accepted / choice.drawn
            if chance < COSTLY:
                yield _warning(
                    stage.rules,
                    f"{_draws(chance)} draws of a row (by {choice.proposal.name})",
                    "put bounds on the draws with `in [low, high]`, or derive one field "
                    "from the others",
                )


def _of_entities(entities: Entities) -> Iterator[Diagnostic]:
    unit = entities.unit
    what = f"a row of `{unit.table}` with what is under it"
    if unit.scope != unit.table:
        what = f"the rows of `{unit.scope}` under one row of `{unit.table}`"
    for number, stage in enumerate(unit.stages):
        if not stage.rules:
            continue
        accepted, drawn = entities.acceptance(number)
        if accepted < COSTLY * drawn:
            yield _warning(
                [rule for _, rule in stage.rules],
                f"{_draws(accepted / drawn)} draws of {what}",
                "make the draws that the rules read nearer to what they ask, or draw what is "
                "wanted in a field of the parent",
            )


def _draws(chance: float) -> str:
    return f"{float(f'{1 / chance:.2g}'):,.0f}"


def _warning(rules: Sequence[Rule], draws: str, help: str) -> Diagnostic:
    names = ", ".join(f"`{rule.name}`" for rule in rules)
    verb = "accepts" if len(rules) == 1 else "accept together"
    return Diagnostic(
        "costly-rules",
        rules[0].span,
        f"{names} {verb} about one of {draws}",
        help,
        labels=tuple(Label(rule.span) for rule in rules[1:]),
    )
