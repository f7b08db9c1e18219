"""Rows of a spec that meet a case, or that break a rule: the spec's own law, given that.

Where other rules are soft or keep fields, what the spec denotes is no longer its declared law
given all rules; it is drawn as the spec says, row by row, until the row is one of those wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from synthdsl.diagnostics import Diagnostic, SynthError
from synthdsl.engine.conditioning.component import (
    BLOCK_ROWS,
    PILOT_SEED,
    PilotSource,
    tries_at_once,
)
from synthdsl.engine.evaluate import evaluate
from synthdsl.engine.frame import Frame
from synthdsl.engine.results import is_false, is_true
from synthdsl.engine.streams import root_keys
from synthdsl.model.expressions import Expr
from synthdsl.plan.components import Step

FOCUS_TRIES = 1 << 60
"""Tries of whole rows are numbered from here, apart from those of components."""
MOST_PILOT_ROWS = 1 << 19
"""Rows of the spec without one that is wanted, after which there count as none."""


class Focused:
    """The fields of a step with inner steps, drawn until its rules do what they must."""

    def __init__(
        self,
        table: str,
        rows: int,
        step: Step,
        conditions: Mapping[str, Expr],
        fill_step: Callable[[Step, Frame], None],
        pilot_source: PilotSource | None = None,
    ) -> None:
        self._pilot_source = pilot_source
        self.step = step
        self._table = table
        self._rows = rows
        self._conditions = conditions
        self._fill_step = fill_step
        self._found: tuple[int, int] | None = None

    def fill(self, frame: Frame) -> None:
        """Draw the fields of the step for every row of `frame`."""
        accepted, drawn = self.pilot()
        found = []
        waiting = np.flatnonzero(~self._proposed(frame))
        first = 1
        while waiting.size:
            count = tries_at_once(waiting.size, accepted / drawn)
            tries = frame.tried_again(waiting, FOCUS_TRIES + first, count)
            by_row = self._proposed(tries).reshape(waiting.size, count)
            is_done = by_row.any(axis=1)
            done = np.flatnonzero(is_done)
            chosen = done * count + by_row[done].argmax(axis=1)
            for name, rows in tries.exceptions.items():
                frame.exceptions[name][waiting[done]] = rows[chosen]
            if done.size:
                found.append((waiting[done], tries.only(chosen, self.step.fields)))
            waiting = waiting[~is_done]
            first += count
        if found:
            for name in self.step.fields:
                frame.replace(name, found)

    def _proposed(self, frame: Frame) -> NDArray[np.bool_]:
        """Draw rows as the spec says; the ones that are wanted."""
        for inner in self.step.inner:
            self._fill_step(inner, frame)
        wanted = np.ones(frame.rows, np.bool_)
        for rule in self.step.rules:
            value = evaluate(self._conditions[rule.name], frame)
            is_met = is_false if rule.demand == "false" else is_true
            wanted &= is_met(value, frame.rows)
        return wanted

    def pilot(self) -> tuple[int, int]:
        """Wanted rows among those of a pilot, and the rows that it drew.

        It ends with the first block that has one. Its seed is its own. Raises `SynthError`
        (exit code 3) where no row is wanted.
        """
        if self._found is None:
            accepted = drawn = 0
            while not accepted:
                if drawn >= MOST_PILOT_ROWS:
                    self._refuse()
                accepted = int(self._proposed(self._pilot_frame(drawn)).sum())
                drawn += BLOCK_ROWS
            self._found = accepted, drawn
        return self._found

    def measured(self, blocks: int) -> tuple[int, int]:
        """Wanted rows among those of `blocks` blocks of the pilot, and the rows drawn."""
        accepted = sum(
            int(self._proposed(self._pilot_frame(block * BLOCK_ROWS)).sum())
            for block in range(blocks)
        )
        return accepted, blocks * BLOCK_ROWS

    def _pilot_frame(self, start: int) -> Frame:
        if self._pilot_source is not None:
            return self._pilot_source(start, start + BLOCK_ROWS)
        keys = root_keys(self._table, start, start + BLOCK_ROWS)
        rows = np.arange(start, start + BLOCK_ROWS, dtype=np.int64) % max(self._rows, 1)
        return Frame(self._table, PILOT_SEED, keys, rows)

    def _refuse(self) -> NoReturn:
        rule = self.step.rules[0]
        word = "breaks rule" if rule.demand == "false" else "meets case"
        raise SynthError(
            "the spec cannot be satisfied",
            diagnostics=[
                Diagnostic(
                    "unsatisfiable",
                    rule.span,
                    f"none of {MOST_PILOT_ROWS:,} rows of `{self._table}` {word} `{rule.name}`: "
                    f"fewer than {3 / MOST_PILOT_ROWS:.1g} do",
                    "see whether the other rules leave room for it; soft rules and `keeping` "
                    "stand as the spec says",
                )
            ],
            exit_code=3,
        )
