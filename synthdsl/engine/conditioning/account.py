"""The account of rules: what each is, how it is enforced, and what it costs.

Probabilities are of an unconditioned row. Where the cells of a component decide every rule they
are exact; elsewhere they are estimated by a pilot with a fixed seed, inside the bounds that the
cells prove, with an interval of 99.9 % confidence (Clopper, Pearson 1934).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.conditioning.candidates import demands
from synthdsl.engine.conditioning.cells import CellsCompiler
from synthdsl.engine.conditioning.clauses import split
from synthdsl.engine.conditioning.component import BLOCK_ROWS, PILOT_ROWS, Component
from synthdsl.engine.conditioning.drawn_cells import Tables
from synthdsl.engine.conditioning.entity_account import entity_account
from synthdsl.engine.conditioning.focused import Focused
from synthdsl.engine.conditioning.intervals import grouped_interval
from synthdsl.engine.conditioning.intervals import interval as _interval
from synthdsl.engine.conditioning.narrowing import Inside, narrowed
from synthdsl.engine.conditioning.proposals import Proposal, Rejection
from synthdsl.engine.run import Run, TableRun, given_fields
from synthdsl.model.spec import Rule
from synthdsl.plan.account import Account, ComponentAccount, Probability, RuleAccount
from synthdsl.plan.components import Stage
from synthdsl.plan.shown import is_declared
from synthdsl.rules.kinds import kind_of

if TYPE_CHECKING:
    from synthdsl.engine.frame import Frame

ENOUGH = 100
"""Accepted rows of a plain pilot that settle a probability."""
FOCUS_BLOCKS = 2
MOST_SOFT = 3
"""Soft rules whose combinations are each measured."""
MOST_RULES = 60
"""Rules of a component for which leaving each out is measured."""


def account(run: Run) -> Account:
    """The account of every component of rules."""
    components: list[ComponentAccount] = []
    rules: list[RuleAccount] = []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for table in run.tables.values():
            for component in table.components.values():
                whole, parts = _component(table, component)
                components.append(whole)
                rules += parts
            for focused in table.focused.values():
                whole, parts = _focused(table, focused)
                components.append(whole)
                rules += parts
        for family in run.families.values():
            models = {name: run.tables[name].plan.table for name in family.plan.tables}
            for unit in family.entities:
                whole, parts = entity_account(family, unit, models)
                components.append(whole)
                rules += parts
    return Account(tuple(components), tuple(rules))


def _component(table: TableRun, component: Component) -> tuple[ComponentAccount, list[RuleAccount]]:
    measured = _Measured(table, component)
    step = component.step
    z = measured.probability(None)
    is_measured = 1 < len(step.rules) <= MOST_RULES
    always = Probability(1.0, 1.0, 1.0, is_exact=True)
    pattern = (True,) * sum(rule.share is not None for rule in step.rules)
    choices = [component.choice(n, pattern) for n in range(len(step.stages))]
    last = choices[-1]
    whole = ComponentAccount(
        table.plan.name,
        tuple(filter(is_declared, step.fields)),
        tuple(rule.name for rule in step.rules),
        last.proposal.name,
        last.proposal.detail,
        z,
        last.accepted / last.drawn,
    )
    parts = [
        RuleAccount(
            table.plan.name,
            rule.name,
            rule.text,
            rule.span.line,
            kind_of(rule).name,
            _enforcement(rule, component, choices[-1].proposal),
            z,
            (
                measured.probability(rule)
                if is_measured
                else always
                if len(step.rules) == 1
                else None
            ),
            rule.share,
            rule.keeping,
            rule.demand,
        )
        for rule in step.rules
    ]
    return whole, parts


def _focused(table: TableRun, focused: Focused) -> tuple[ComponentAccount, list[RuleAccount]]:
    """A case, or a broken rule, of a spec whose other rules are soft or keep fields."""
    step = focused.step
    hits, drawn = focused.measured(FOCUS_BLOCKS)
    z = _interval(hits, drawn) if hits else _interval(*focused.pilot())
    whole = ComponentAccount(
        table.plan.name,
        tuple(filter(is_declared, step.fields)),
        tuple(rule.name for rule in step.rules),
        "rows of the spec",
        "whole rows as the spec says, with its other rules, until one is wanted",
        z,
        z.value,
    )
    always = Probability(1.0, 1.0, 1.0, is_exact=True)
    parts = [
        RuleAccount(
            table.plan.name,
            rule.name,
            rule.text,
            rule.span.line,
            kind_of(rule).name,
            "rows of the spec, exact",
            z,
            always if len(step.rules) == 1 else None,
            demand=rule.demand,
        )
        for rule in step.rules
    ]
    return whole, parts


def _enforcement(rule: Rule, component: Component, proposal: Proposal) -> str:
    is_given = rule.keeping and len(component.step.stages) > 1
    return f"{proposal.name}, exact, given what is kept" if is_given else f"{proposal.name}, exact"


class _Measured:
    """Probabilities that a component's rules hold, with and without each of them."""

    def __init__(self, table: TableRun, component: Component) -> None:
        self._component = component
        self._table = table
        self._cells: CellsCompiler = table.cells
        self._plain = Rejection(component.step.fields, table.fill_field)
        self._roots: NDArray[np.int64] | None = None
        self._held = self._hold_by_rule()
        self._is_given = bool(given_fields(table.plan, component.step))
        self._tables: dict[tuple[bool, ...], Tables | None] = {}

    def _hold_by_rule(self) -> dict[tuple[Rule, bool], NDArray[np.bool_]]:
        """For each rule (and for soft ones also its exception), the pilot rows that meet it."""
        step = self._component.step
        held: dict[tuple[Rule, bool], list[NDArray[np.bool_]]] = {}
        roots = []
        for start in range(0, PILOT_ROWS, BLOCK_ROWS):
            frame = self._component.pilot_frame(start, start + BLOCK_ROWS)
            roots.append(_roots_of(frame))
            self._plain.fill(frame)
            for rule in step.rules:
                for is_kept in (True, False) if rule.share is not None else (True,):
                    pattern = tuple(
                        is_kept if other is rule else True
                        for other in step.rules
                        if other.share is not None
                    )
                    rows = self._component.holds(frame, Stage((), (rule,)), pattern)
                    held.setdefault((rule, is_kept), []).append(rows)
        if roots[0] is not None:
            self._roots = np.concatenate([part for part in roots if part is not None])
        return {key: np.concatenate(parts) for key, parts in held.items()}

    def probability(self, leaving_out: Rule | None) -> Probability:
        """The probability that all rules but one are met."""
        rules = tuple(r for r in self._component.step.rules if r is not leaving_out)
        soft = [rule for rule in rules if rule.share is not None]
        if len(soft) > MOST_SOFT:
            return self._counted(self._plain_met(rules, None))
        total = [0.0, 0.0, 0.0]
        is_exact = True
        for pattern in product((True, False), repeat=len(soft)):
            chance = 1.0
            for rule, is_kept in zip(soft, pattern, strict=True):
                assert rule.share is not None
                chance *= float(rule.share if is_kept else 1 - rule.share)
            holds = dict(zip(soft, pattern, strict=True))
            part = self._of_pattern(rules, holds, leaving_out)
            is_exact &= part.is_exact
            for i, x in enumerate((part.value, part.low, part.high)):
                total[i] += chance * x
        return Probability(total[0], total[1], total[2], is_exact)

    def _of_pattern(
        self, rules: tuple[Rule, ...], holds: dict[Rule, bool], leaving_out: Rule | None
    ) -> Probability:
        low, high = self._bounds(rules, holds, leaving_out)
        if high - low <= 1e-9 * high:
            return Probability(high, high, high, is_exact=True)
        met = self._plain_met(rules, holds)
        hits = int(met.sum())
        found = None
        if hits < ENOUGH and leaving_out is None:
            found = self._drawn_by(holds)
        if found is None and hits < ENOUGH and high - low < 1e-3:
            # what is proven says more than the pilot
            return Probability((low + high) / 2, low, high)
        if found is None:
            return _within(self._counted(met), low, high)
        stage = Stage(self._component.step.fields, rules)
        part = _interval(self._pilot(found, stage, holds), PILOT_ROWS)
        scaled = Probability(found.mass * part.value, found.mass * part.low, found.mass * part.high)
        return _within(scaled, low, high)

    def _bounds(
        self, rules: tuple[Rule, ...], holds: dict[Rule, bool], leaving_out: Rule | None
    ) -> tuple[float, float]:
        """Between what the probability surely lies that the rules are met."""
        if self._is_given:
            # cells are those of one row, whose given values differ
            return 0.0, 1.0
        if isinstance(self._drawn_by(holds), Inside):
            return self._bounds_inside(rules, holds)
        tables = self._tables_of(holds)
        return (0.0, 1.0) if tables is None else tables.bounds(leaving_out)

    def _bounds_inside(
        self, rules: tuple[Rule, ...], holds: dict[Rule, bool]
    ) -> tuple[float, float]:
        """The same, inside the truncations that the rules come to."""
        step = self._component.step
        wanted = demands(step, Stage(step.fields, rules), self._pattern(holds))
        clauses = (c for d in wanted for c in split(d.rule.condition, d.demand))
        narrow = narrowed(self._table.plan, step.fields, clauses)
        cells, mass = self._cells, 1.0
        if narrow is not None:
            fill = self._table.narrow_fill(narrow.plan, narrow.fields)
            cells, mass = self._cells.of(narrow.plan, fill), narrow.mass
        tables = cells.tables(step.fields, wanted)
        low, high = (0.0, 1.0) if tables is None else tables.bounds()
        return mass * low, mass * high

    def _pattern(self, holds: dict[Rule, bool]) -> tuple[bool, ...]:
        soft = (rule for rule in self._component.step.rules if rule.share is not None)
        return tuple(holds.get(rule, True) for rule in soft)

    def _drawn_by(self, holds: dict[Rule, bool]) -> Proposal | None:
        """What draws the component under a pattern of its soft rules, if it is not rejection."""
        if len(self._component.step.stages) > 1:
            return None
        choice = self._component.choice(0, self._pattern(holds))
        return None if isinstance(choice.proposal, Rejection) else choice.proposal

    def _tables_of(self, holds: dict[Rule, bool]) -> Tables | None:
        """The cells of the component under a pattern of its soft rules; the others hold."""
        step = self._component.step
        pattern = self._pattern(holds)
        if pattern not in self._tables:
            wanted = demands(step, Stage(step.fields, step.rules), pattern)
            self._tables[pattern] = self._cells.tables(step.fields, wanted)
        return self._tables[pattern]

    def _pilot(self, proposal: Proposal, stage: Stage, holds: dict[Rule, bool]) -> int:
        pattern = self._pattern(holds)
        hits = 0
        for start in range(0, PILOT_ROWS, BLOCK_ROWS):
            frame = self._component.pilot_frame(start, start + BLOCK_ROWS)
            mask = proposal.fill(frame)
            holding = self._component.holds(frame, stage, pattern)
            hits += int((holding if mask is None else holding & mask).sum())
        return hits

    def _plain_met(
        self, rules: Sequence[Rule], holds: dict[Rule, bool] | None
    ) -> NDArray[np.bool_]:
        """Rows of the plain pilot that meet the rules."""
        drawn = len(next(iter(self._held.values())))
        met = np.ones(drawn, np.bool_)
        rng = np.random.Generator(np.random.Philox(1))
        for rule in rules:
            if rule.share is None:
                met &= self._held[rule, True]
            elif holds is not None:
                met &= self._held[rule, holds[rule]]
            else:
                must_hold = rng.random(drawn) < float(rule.share)
                met &= np.where(must_hold, self._held[rule, True], self._held[rule, False])
        return met

    def _counted(self, met: NDArray[np.bool_]) -> Probability:
        """The probability behind rows of the plain pilot; rows under one root row are alike in
        what is given from above.
        """
        return grouped_interval(met, self._roots if self._is_given else None)


def _roots_of(frame: Frame) -> NDArray[np.int64] | None:
    """The root row that each row hangs under; None of root rows."""
    at = frame.parents
    owner = frame.owner
    while at is not None and owner is not None and owner.parents is not None:
        at, owner = owner.parents[at], owner.owner
    return at


def _within(found: Probability, low: float, high: float) -> Probability:
    """`found` inside bounds that are proven."""
    return Probability(
        min(max(found.value, low), high),
        min(max(found.low, low), high),
        max(min(found.high, high), low),
    )
