"""One component of rules: its rows are drawn until they meet what they must."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, log, log1p
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from synthdsl.diagnostics import Diagnostic, Label, SynthError
from synthdsl.engine.conditioning.cells import Cells
from synthdsl.engine.conditioning.narrowing import Inside
from synthdsl.engine.conditioning.proposals import FillField, Proposal, Rejection
from synthdsl.engine.evaluate import evaluate
from synthdsl.engine.frame import Frame, RowError
from synthdsl.engine.results import is_false, is_true
from synthdsl.engine.streams import root_keys
from synthdsl.model.expressions import Expr
from synthdsl.model.spec import Rule
from synthdsl.plan.components import Stage, Step

BLOCK_ROWS = 16_384
PILOT_ROWS = 131_072
"""Draws without one accepted row after which a component counts as impossible."""
PILOT_SEED = 0x5EED
OFTEN = 0.25
"""Acceptance from which nothing better is looked for."""
NEARLY_ALWAYS = 0.99
"""The same under a design, which covers first tries alone: each later one costs precision."""
SELDOM = 4
"""Patterns of exceptions whose plain draws come to a quarter of a draw for each row of the table
are drawn so: making something better costs more."""
MOST_REFINEMENTS = 8
PATIENCE = 2
"""Refinements without gain after which no more are made."""
MOST_TRIES = 1 << 20
"""Tries of one row, given what is kept, after which it counts as impossible."""
STAGE_TRIES = 1 << 40
"""Tries of a stage are numbered from its number times this."""

PilotSource = Callable[[int, int], Frame]
"""Rows for a pilot, by number, with all made that is given to the step."""
Propose = Callable[[int, tuple[bool, ...]], list[Proposal]]
"""Proposals that suit a stage of a step, given which soft rules hold."""


@dataclass(frozen=True)
class Choice:
    """The proposal of a stage, and its acceptance in the pilot: `accepted` of `drawn` rows."""

    proposal: Proposal
    accepted: int
    drawn: int


class Component:
    """The fields of a step, drawn so that its rules hold, in every row and exactly.

    `tracked` fields have their uniforms noted, since later stages condition on them. It
    `spares_tries`, if that is worth work: then the proposal that is accepted most often is taken.
    `pilot_source` makes the rows of pilots, where these are not root rows.
    """

    def __init__(
        self,
        table: str,
        rows: int,
        step: Step,
        conditions: Mapping[str, Expr],
        fill_field: FillField,
        propose: Propose,
        *,
        tracked: frozenset[str] = frozenset(),
        pilot_source: PilotSource | None = None,
        spares_tries: bool = False,
    ) -> None:
        self.step = step
        self._pilot_source = pilot_source
        self._table = table
        self._rows = rows
        self._conditions = conditions
        self._fill_field = fill_field
        self._propose = propose
        self._tracked = tracked
        self._spares_tries = spares_tries
        self._soft = [rule for rule in step.rules if rule.share is not None]
        self._choices: dict[tuple[int, tuple[bool, ...]], Choice] = {}

    def fill(self, frame: Frame) -> None:
        """Draw the fields of the component for every row of `frame`."""
        groups = self._groups(frame)
        if len(groups) == 1:
            self._fill_group(frame, groups[0][0])
            return
        parts = []
        for pattern, rows in groups:
            part = frame.some(rows)
            self._fill_group(part, pattern)
            parts.append((rows, part))
        for name in self.step.fields:
            frame.gather(name, parts)

    def _groups(self, frame: Frame) -> list[tuple[tuple[bool, ...], NDArray[np.int64]]]:
        """Rows by which soft rules hold in them: a chance of its own, whatever else is drawn."""
        if not self._soft:
            return [((), np.empty(0, np.int64))]
        number = np.zeros(frame.rows, np.int64)
        for bit, rule in enumerate(self._soft):
            assert rule.share is not None
            holds = frame.draws(rule.name).uniform("holds") < float(rule.share)
            frame.exceptions[rule.name] = ~holds
            number |= holds.astype(np.int64) << bit
        found = []
        for value in np.unique(number).tolist() if frame.rows else [(1 << len(self._soft)) - 1]:
            pattern = tuple(bool(value >> bit & 1) for bit in range(len(self._soft)))
            found.append((pattern, np.flatnonzero(number == value)))
        return found

    def _fill_group(self, frame: Frame, pattern: tuple[bool, ...]) -> None:
        for number in range(len(self.step.stages)):
            self._settle(frame, number, pattern)

    def _settle(self, frame: Frame, number: int, pattern: tuple[bool, ...]) -> None:
        """Draw the free fields of a stage until its rules hold: a row that breaks one gets all
        of them anew, from its next try on. Several tries are drawn at once; the first that
        holds counts.
        """
        stage = self.step.stages[number]
        choice = self.choice(number, pattern)
        holds = self._first_try(frame, number, choice.proposal, pattern)
        waiting = np.flatnonzero(~holds)
        found = []
        first = 1
        while waiting.size:
            count = tries_at_once(waiting.size, choice.accepted / choice.drawn)
            if self._is_given(number):
                # rows that are left have less chance: as many tries again as so far
                count = max(count, min(first, BLOCK_ROWS // waiting.size))
            tries = frame.tried_again(waiting, number * STAGE_TRIES + first, count)
            holds = self._proposed(tries, stage, choice.proposal, pattern)
            by_row = holds.reshape(waiting.size, count)
            is_done = by_row.any(axis=1)
            done = np.flatnonzero(is_done)
            if done.size:
                chosen = done * count + by_row[done].argmax(axis=1)
                found.append((waiting[done], tries.only(chosen, stage.free)))
            waiting = waiting[~is_done]
            first += count
            if first > MOST_TRIES and waiting.size and self._is_given(number):
                self._give_up(frame, int(waiting[0]), stage)
        if found:
            for name in stage.free:
                frame.replace(name, found)

    def _is_given(self, number: int) -> bool:
        """Whether a stage is drawn given something, which may leave a row no chance."""
        return number > 0 or self._pilot_source is not None

    def _first_try(
        self, frame: Frame, number: int, proposal: Proposal, pattern: tuple[bool, ...]
    ) -> NDArray[np.bool_]:
        stage = self.step.stages[number]
        if number == 0:
            return self._proposed(frame, stage, proposal, pattern)
        # what the stage before left is a draw given what it settled: it counts as a try
        return self.holds(frame, stage, pattern)

    def _proposed(
        self, frame: Frame, stage: Stage, proposal: Proposal, pattern: tuple[bool, ...]
    ) -> NDArray[np.bool_]:
        mask = proposal.fill(frame)
        holds = self.holds(frame, stage, pattern)
        return holds if mask is None else holds & mask

    def holds(
        self,
        frame: Frame,
        stage: Stage,
        pattern: tuple[bool, ...],
        *,
        leaving_out: Rule | None = None,
    ) -> NDArray[np.bool_]:
        """Rows that meet what every rule of the stage demands."""
        holds = np.ones(frame.rows, np.bool_)
        soft = {rule: demand for rule, demand in zip(self._soft, pattern, strict=True)}
        for rule in stage.rules:
            if rule is leaving_out:
                continue
            value = evaluate(self._conditions[rule.name], frame)
            if rule.demand == "true":
                holds &= is_true(value, frame.rows)
            elif rule.demand == "false" or not soft.get(rule, True):
                holds &= is_false(value, frame.rows)
            else:
                holds &= ~is_false(value, frame.rows)
        return holds

    # the choice of a proposal

    def choice(self, number: int, pattern: tuple[bool, ...]) -> Choice:
        """How a stage is drawn: the proposal that needs least work for a row.

        It is chosen by a pilot with a seed of its own, so that it follows from the spec alone.
        """
        key = (number, pattern)
        if key not in self._choices:
            self._choices[key] = self._choose(number, pattern)
        return self._choices[key]

    def _choose(self, number: int, pattern: tuple[bool, ...]) -> Choice:
        stage = self.step.stages[number]
        rows = self._pilot_rows(number)
        plain = Rejection(stage.free, self._fill_field, self._tracked)
        accepted = self._pilot(plain, number, pattern, rows)
        best = Choice(plain, accepted, rows)
        if not self._is_often(accepted, rows, pattern):
            for proposal in self._propose(number, pattern):
                if proposal.mass <= 0:
                    self._refuse(stage, pattern, None)
                proposal, hits = self._refined(proposal, number, pattern)
                rate, best_rate = (
                    self._rate(hits, proposal),
                    self._rate(best.accepted, best.proposal),
                )
                # of proposals that never met the rules, the narrowest is tried for longer
                if rate > best_rate or (rate == best_rate and proposal.mass < best.proposal.mass):
                    best = Choice(proposal, hits, rows)
        if not best.accepted:
            hits = self._pilot(best.proposal, number, pattern, PILOT_ROWS)
            if not hits:
                self._refuse(stage, pattern, best.proposal)
            best = Choice(best.proposal, hits, PILOT_ROWS)
        return best

    def _pilot_rows(self, number: int) -> int:
        """Rows of a pilot; a later stage has to settle the earlier ones first."""
        return BLOCK_ROWS if number == 0 else BLOCK_ROWS // 8

    def _rate(self, hits: int, proposal: Proposal) -> float:
        return float(hits) if self._spares_tries else hits / proposal.cost

    def _is_often(self, accepted: int, drawn: int, pattern: tuple[bool, ...]) -> bool:
        """Whether plain draws will do: they are accepted often, or a row seldom needs them."""
        if self._spares_tries:
            return accepted >= NEARLY_ALWAYS * drawn
        chance = 1.0
        for rule, holds in zip(self._soft, pattern, strict=True):
            assert rule.share is not None
            chance *= float(rule.share if holds else 1 - rule.share)
        return accepted >= OFTEN * drawn or accepted > SELDOM * chance * drawn

    def _refined(
        self, proposal: Proposal, number: int, pattern: tuple[bool, ...]
    ) -> tuple[Proposal, int]:
        """The proposal with its cells refined while that raises a low acceptance, and the
        accepted rows of its pilot.
        """
        rows = self._pilot_rows(number)
        hits = self._pilot(proposal, number, pattern, rows)
        best, most, last_gain = proposal, hits, 0
        for trial in range(MOST_REFINEMENTS):
            if most >= OFTEN * rows or trial - last_gain >= PATIENCE:
                break
            finer = _finer(proposal)
            if finer is None:
                break
            if finer.mass <= 0:
                self._refuse(self.step.stages[number], pattern, None)
            hits = self._pilot(finer, number, pattern, rows)
            if (hits, -finer.mass) > (most, -best.mass):
                best, most, last_gain = finer, hits, trial + 1
            proposal = finer
        return best, most

    def _pilot(self, proposal: Proposal, number: int, pattern: tuple[bool, ...], rows: int) -> int:
        """Accepted ones among `rows` proposals of a stage; later stages follow settled ones."""
        stage = self.step.stages[number]
        accepted = 0
        for start in range(0, rows, BLOCK_ROWS):
            frame = self.pilot_frame(start, min(start + BLOCK_ROWS, rows))
            if not frame.rows:
                # no row is ever made
                return rows
            for before in range(number):
                self._settle(frame, before, pattern)
            if number:
                frame = frame.tried_again(
                    np.arange(frame.rows, dtype=np.int64), number * STAGE_TRIES, 1
                )
            accepted += int(self._proposed(frame, stage, proposal, pattern).sum())
        return accepted

    def pilot_frame(self, start: int, stop: int) -> Frame:
        """A frame of the pilot's rows, without what the step makes."""
        if self._pilot_source is not None:
            return self._pilot_source(start, stop)
        # what is dealt out to rows exists for the table's own rows only
        rows = np.arange(start, stop, dtype=np.int64) % max(self._rows, 1)
        return Frame(self._table, PILOT_SEED, root_keys(self._table, start, stop), rows)

    # refusals

    def _refuse(
        self, stage: Stage, pattern: tuple[bool, ...], proposal: Proposal | None
    ) -> NoReturn:
        names = ", ".join(f"`{rule.name}`" for rule in stage.rules)
        soft = {rule: holds for rule, holds in zip(self._soft, pattern, strict=True)}
        broken = [rule.name for rule in stage.rules if not soft.get(rule, True)]
        if proposal is None:
            message = f"no row can satisfy {names}: the probability is 0, or below 1e-15"
        else:
            bound = 3 * proposal.mass / PILOT_ROWS
            message = (
                f"no row satisfied {names} in {PILOT_ROWS:,} draws: acceptance below {bound:.1g}"
            )
        if broken:
            message += f", with {', '.join(f'`{name}`' for name in broken)} broken"
        raise SynthError(
            "the spec cannot be satisfied",
            diagnostics=[
                Diagnostic(
                    "unsatisfiable",
                    stage.rules[0].span,
                    message,
                    "relax the rules, or narrow the fields they read with `in [low, high]`",
                    labels=tuple(Label(rule.span) for rule in stage.rules[1:]),
                )
            ],
            exit_code=3,
        )

    def _give_up(self, frame: Frame, row: int, stage: Stage) -> NoReturn:
        names = ", ".join(f"`{rule.name}`" for rule in stage.rules)
        raise RowError(
            "unsatisfiable",
            stage.rules[-1].span,
            f"row {int(frame.ordinals[row])} of `{self._table}`: {names} did not hold in "
            f"{MOST_TRIES:,} tries, given the values that are kept",
            "let the rule keep fewer fields, or make it possible for every kept value",
        )


def _finer(proposal: Proposal) -> Proposal | None:
    """The proposal with smaller cells, if it has cells to divide."""
    if isinstance(proposal, Inside):
        finer = _finer(proposal.proposal)
        return None if finer is None else Inside(finer, proposal.narrow)
    return proposal.refined() if isinstance(proposal, Cells) else None


def tries_at_once(rows: int, acceptance: float) -> int:
    """Tries of each waiting row that are drawn together: so many that most are done, as far as
    a block holds them. It changes the time taken only: the first try that holds counts.
    """
    room = BLOCK_ROWS // rows if acceptance < OFTEN else BLOCK_ROWS // (4 * rows)
    wanted = log(0.5 / rows) / log1p(-min(max(acceptance, 1e-6), 1 - 1e-6))
    return max(1, min(room, ceil(wanted)))
