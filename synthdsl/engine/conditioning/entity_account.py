"""The account of rules across rows, from pilots of what they condition."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.conditioning.component import PILOT_ROWS
from synthdsl.engine.conditioning.intervals import grouped_interval
from synthdsl.engine.entities import Entities, rows_under, way_down
from synthdsl.engine.families import FamilyRun
from synthdsl.engine.frame import Frame
from synthdsl.model.spec import Rule, Table
from synthdsl.plan.account import ComponentAccount, Probability, RuleAccount
from synthdsl.plan.scopes import drawn_words, kept_fields, kept_units, scope_words
from synthdsl.plan.units import EntityStage, EntityUnit
from synthdsl.rules.kinds import kind_of

ENOUGH = 400
"""Accepted entities of a pilot that settle a probability, once it has made a pilot's rows."""
MOST_ROWS = 8 * PILOT_ROWS
MOST_RULES = 60
"""Rules of a unit for which leaving each out is measured."""


def entity_account(
    family: FamilyRun, unit: EntityUnit, tables: dict[str, Table]
) -> tuple[ComponentAccount, list[RuleAccount]]:
    """The account of the rules of a unit."""
    entities = family.entities[unit]
    pilot = _Pilot(family, unit, entities, tables)
    accepted, drawn = entities.acceptance(len(unit.stages) - 1)
    rules = [rule for _, rule in unit.rules]
    z = pilot.probability(None)
    scope = scope_words(unit, tables)
    strategy = "guided tries" if entities.is_guided else "whole tries"
    kept = kept_units(unit)
    whole = ComponentAccount(
        unit.scope,
        drawn_words(unit.units, unit.scope, tables),
        tuple(rule.name for rule in rules),
        strategy,
        _drawn_again(unit, is_guided=entities.is_guided),
        z,
        accepted / drawn,
        scope,
        drawn_words(kept, unit.scope, tables),
    )
    always = Probability(1.0, 1.0, 1.0, is_exact=True)
    is_measured = 1 < len(rules) <= MOST_RULES
    parts = [
        RuleAccount(
            name,
            rule.name,
            rule.text,
            rule.span.line,
            kind_of(rule).name,
            f"{strategy}, exact" + (", given what is kept" if kept_fields(rule) else ""),
            z,
            pilot.probability(rule) if is_measured else always if len(rules) == 1 else None,
            rule.share,
            kept_fields(rule),
            rule.demand,
            scope,
        )
        for name, rule in unit.rules
    ]
    return whole, parts


def _drawn_again(unit: EntityUnit, *, is_guided: bool) -> str:
    is_narrow = any(isinstance(inner, EntityUnit) for inner in unit.units)
    law = "made as the other rules say" if is_narrow else "drawn as declared"
    if unit.scope == unit.table:
        what = f"all that the rules read below one row is {law}"
    else:
        what = f"the rows under one parent are {law}"
    if is_guided:
        law = "rows below are drawn given what the rules ask of them, where its chance is known"
        what = f"{law}; all else that the rules read is drawn as declared"
    return f"{what} until the rules hold, each by tries of its own"


class _Pilot:
    """Which rules hold for the entities of a pilot, drawn as declared.

    Entities under one root row are alike, so intervals count root rows as independent.
    """

    def __init__(
        self, family: FamilyRun, unit: EntityUnit, entities: Entities, tables: dict[str, Table]
    ) -> None:
        way = way_down(family.plan.root, unit.table, tables)
        held: dict[Rule, list[NDArray[np.bool_]]] = {rule: [] for _, rule in unit.rules}
        roots: list[NDArray[np.int64]] = []
        rows = hits = before = 0
        for root in family.pilot_roots(unit):
            frame, groups = _down(root, way)
            # leaving out a rule, it is drawn as declared, not guided by the rules
            entities.pilot(frame, 0, leaving_out=unit.rules[0][1])
            met = np.ones(frame.rows, np.bool_)
            for pair in unit.rules:
                holds = entities.holds(frame, EntityStage((), (pair,)), frame.keys)
                held[pair[1]].append(holds)
                met &= holds
            roots.append(groups + before)
            before += root.rows
            rows += rows_under(root)
            hits += int(met.sum())
            if rows >= MOST_ROWS or (rows >= PILOT_ROWS and hits >= ENOUGH):
                break
        self._held = {rule: np.concatenate(parts) for rule, parts in held.items()}
        self._roots = np.concatenate(roots)
        self._is_root = not way

    def probability(self, leaving_out: Rule | None) -> Probability:
        """The probability that all rules but one are met."""
        met = np.ones(len(self._roots), np.bool_)
        for rule, holds in self._held.items():
            if rule is not leaving_out:
                met &= holds
        return grouped_interval(met, None if self._is_root else self._roots)


def _down(root: Frame, way: tuple[str, ...]) -> tuple[Frame, NDArray[np.int64]]:
    """The rows at the end of a way down, and the root row of each."""
    frame, at = root, np.arange(root.rows, dtype=np.int64)
    for name in way:
        frame = frame.child(name)
        assert frame.parents is not None
        at = at[frame.parents]
    return frame, at
