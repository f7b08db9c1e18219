"""Rules that make a run slow: hardly any row that is drawn meets them."""

from __future__ import annotations

from synthdsl.diagnostics import Diagnostic, Label
from synthdsl.engine.run import Run

COSTLY = 1e-3
"""Share of drawn rows that are accepted below which a warning is due."""


def costly_rules(run: Run) -> list[Diagnostic]:
    """A warning for each component of which less than `COSTLY` of the drawn rows are accepted.

    It draws the pilot that any run begins with, and nothing else.
    """
    found = []
    for table in run.tables.values():
        for step, component in table.components.items():
            holding = tuple(True for rule in step.rules if rule.share is not None)
            for number, stage in enumerate(step.stages):
                choice = component.choice(number, holding)
                chance = choice.accepted / choice.drawn
                if chance >= COSTLY:
                    continue
                names = ", ".join(f"`{rule.name}`" for rule in stage.rules)
                verb = "accepts" if len(stage.rules) == 1 else "accept together"
                draws = float(f"{1 / chance:.2g}")
                found.append(
                    Diagnostic(
                        "costly-rules",
                        stage.rules[0].span,
                        f"{names} {verb} about one of {draws:,.0f} draws of a row "
                        f"(by {choice.proposal.name})",
                        "put bounds on the draws with `in [low, high]`, or derive one field "
                        "from the others",
                        labels=tuple(Label(rule.span) for rule in stage.rules[1:]),
                    )
                )
    return found
