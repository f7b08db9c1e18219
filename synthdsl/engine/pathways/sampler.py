"""Paths of a machine, drawn visit by visit for all entities of a block at once.

In each round the entities that have not come to an end make one visit: those in one state draw
its stay and what follows together. A round costs a few numpy calls for each state, whatever the
number of entities; a visit's draws depend on its own key alone, so blocks do not show.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.draw_compiler import compile_draw
from synthdsl.engine.evaluate import evaluate_column
from synthdsl.engine.frame import Frame, RowError
from synthdsl.engine.grid import Grid
from synthdsl.engine.results import enum_vocabulary
from synthdsl.engine.samplers import Context, Sampler, Simplify
from synthdsl.model.pathways import Machine
from synthdsl.model.spec import Field
from synthdsl.model.spelling import spell_constant
from synthdsl.source import Span
from synthdsl.values.columns import Column
from synthdsl.values.types import DURATION

MOST_VISITS = 10_000
"""Visits after which a path is taken for one that does not end."""

Positions = NDArray[np.int64]
FrameOfVisits = Callable[[Positions, Positions], Frame]
"""Frame of the given visits: positions of their entities, and their numbers. It has the keys of
the pathway's rows and the fields that the machine reads from above."""


class Successors(Protocol):
    """Decides which states follow."""

    def follow(self, state: int, visits: Frame, entities: Positions) -> NDArray[np.int32]:
        """The code of the state after each of the `visits`, all in `state`.

        `entities`: the number of each visit's path among those that are drawn.
        """
        ...


@dataclass(frozen=True, eq=False)
class Visits:
    """The rows of a pathway, in order of entity, then number of the visit.

    `parents`: positions of the entities in their frame; `ordinals` count visits from 0. `stay` and
    `left` are null in final states.
    """

    parents: Positions
    ordinals: Positions
    state: Column
    entered: Column
    stay: Column
    left: Column

    def __len__(self) -> int:
        """Number of visits."""
        return len(self.parents)

    @property
    def columns(self) -> dict[str, Column]:
        """The fields of the visits by name."""
        return {
            "state": self.state,
            "entered": self.entered,
            "stay": self.stay,
            "left": self.left,
        }


@dataclass(frozen=True, eq=False)
class _Round:
    """One visit of each entity that is still on its way."""

    parents: Positions
    state: NDArray[np.int32]
    entered: NDArray[np.int64]
    stay: NDArray[np.int64]


class PathwaySampler:
    """Draws the paths of a machine. `simplify` tabulates expressions."""

    def __init__(self, machine: Machine, simplify: Simplify) -> None:
        self.machine = machine
        self._vocabulary = enum_vocabulary(machine.enum)
        self._codes = self._vocabulary.codes
        self._is_final = np.array([m in machine.finals for m in machine.enum.members])
        self._stays = {self._codes[s.name]: _Stay(s.stay, s.name, simplify) for s in machine.states}
        self._moments = Grid.of(_moment_field(machine))
        self.successors = DrawnSuccessors(machine, simplify)

    def sample(
        self,
        parents: Frame,
        at: Positions,
        frame_of: FrameOfVisits,
        successors: Successors | None = None,
    ) -> Visits:
        """The paths of the entities at positions `at` of `parents`, increasing.

        Raises `RowError` for a start that is null, a stay that is null or negative, and a path
        that does not end.
        """
        follow = (successors or self.successors).follow
        rounds: list[_Round] = []
        entities = np.arange(len(at))
        state = np.full(len(at), self._codes[self.machine.start], np.int32)
        visits = frame_of(at, np.zeros(len(at), np.int64))
        entered = self._starts(parents, at, visits)
        while True:
            if len(rounds) == MOST_VISITS:
                self._refuse_endless(parents, at[entities[0]])
            stay = np.zeros(len(entities), np.int64)
            ends = self._is_final[state]
            rounds.append(_Round(at[entities], state, entered, stay))
            going = np.flatnonzero(~ends)
            if not len(going):
                break
            entities, state, entered = entities[going], state[going], entered[going]
            if len(rounds) > 1:
                visits = frame_of(at[entities], np.full(len(entities), len(rounds) - 1))
            visits.columns["state"] = Column(state, None, self._vocabulary)
            visits.columns["entered"] = Column(entered)
            following = np.empty(len(entities), np.int32)
            for code in np.flatnonzero(np.bincount(state)):
                here = np.flatnonzero(state == code)
                part = visits if len(here) == len(entities) else visits.some(here)
                stays = self._stays[int(code)].draw(part)
                stay[going[here]] = stays
                part.columns["stay"] = Column(stays)
                left = entered[here] + stays
                self._moments.check(left)
                part.columns["left"] = Column(left)
                following[here] = follow(int(code), part, entities[here])
            entered = entered + stay[going]
            state = following
        return self._visits(rounds, at)

    def _starts(self, parents: Frame, at: Positions, visits: Frame) -> NDArray[np.int64]:
        """When each path begins, on the grid of a second; `visits` are the first ones."""
        column = evaluate_column(self.machine.starts, visits)
        if column.valid is not None and not column.valid.all():
            row = int(parents.ordinals[at[np.flatnonzero(~column.valid)[0]]])
            raise RowError(
                "null-value",
                self.machine.starts.span,
                f"row {row} of `{parents.table}`: pathway `{self.machine.name}` starts at null",
                f"leave such rows out: `where {self.machine.starts.span.text} is not null`",
            )
        return self._moments.round(np.asarray(column.values))

    def _visits(self, rounds: Sequence[_Round], at: Positions) -> Visits:
        """The visits of all rounds put in order: visit t of an entity is its row t."""
        parents = np.concatenate([r.parents for r in rounds])
        ordinals = np.repeat(np.arange(len(rounds)), [len(r.parents) for r in rounds])
        visits = np.bincount(parents, minlength=int(at[-1]) + 1 if len(at) else 0)
        order = np.empty(len(parents), np.int64)
        order[(np.cumsum(visits) - visits)[parents] + ordinals] = np.arange(len(parents))
        state = np.concatenate([r.state for r in rounds])[order]
        entered = np.concatenate([r.entered for r in rounds])[order]
        stay = np.concatenate([r.stay for r in rounds])[order]
        moves = ~self._is_final[state]
        return Visits(
            parents[order],
            ordinals[order],
            Column(state, None, self._vocabulary),
            Column(entered),
            Column(stay, moves),
            Column(entered + stay, moves),
        )

    def _refuse_endless(self, parents: Frame, at: np.int64) -> NoReturn:
        raise RowError(
            "row-value",
            self.machine.name_span,
            f"row {int(parents.ordinals[at])} of `{parents.table}`: pathway "
            f"`{self.machine.name}` has not ended after {MOST_VISITS:,} visits",
            "give final states more weight",
        )


class DrawnSuccessors:
    """What follows by the declared weights."""

    def __init__(self, machine: Machine, simplify: Simplify) -> None:
        codes = enum_vocabulary(machine.enum).codes
        self._samplers = {codes[s.name]: _sampler(s.next, simplify) for s in machine.states}
        self._spans = {codes[s.name]: s.next.span for s in machine.states}

    def follow(self, state: int, visits: Frame, entities: Positions) -> NDArray[np.int32]:
        """The code of the state after each visit."""
        column = self._samplers[state].sample(visits, visits.draws("next"))
        assert isinstance(column, Column)
        _refuse_null(column, visits, self._spans[state], "the state that follows came out null")
        return np.asarray(column.values, np.int32)


class _Stay:
    """How long visits of one state last."""

    def __init__(self, field: Field, state: str, simplify: Simplify) -> None:
        self._sampler = _sampler(field, simplify)
        self._span = field.span
        self._state = state

    def draw(self, visits: Frame) -> NDArray[np.int64]:
        """Microseconds, none negative."""
        column = self._sampler.sample(visits, visits.draws("stay"))
        assert isinstance(column, Column)
        what = f"the stay in `{self._state}`"
        _refuse_null(column, visits, self._span, f"{what} came out null")
        if (column.values < 0).any():
            row = int(np.flatnonzero(column.values < 0)[0])
            shown = spell_constant(int(column.values[row]), DURATION)
            _refuse(visits, row, self._span, f"{what} came out negative: {shown}")
        return np.asarray(column.values, np.int64)


def _sampler(field: Field, simplify: Simplify) -> Sampler:
    assert field.draw is not None
    context = Context(field, simplify, vocabulary=None, parts=frozenset(), by_level=False)
    return compile_draw(field.draw, context)


def _moment_field(machine: Machine) -> Field:
    """A visit's `left` as a field, for messages about moments out of range."""
    stay = machine.states[0].stay
    return replace(stay, name="left", type=machine.starts.type, draw=None, span=machine.name_span)


def _refuse_null(column: Column, visits: Frame, span: Span, message: str) -> None:
    if column.valid is not None and not column.valid.all():
        _refuse(visits, int(np.flatnonzero(~column.valid)[0]), span, message)


def _refuse(visits: Frame, row: int, span: Span, message: str) -> NoReturn:
    raise RowError(
        "row-value",
        span,
        f"row {int(visits.ordinals[row])} of `{visits.table}`: {message}",
        "truncate the draw with `in [low, high]`, or bound its parameters",
    )
