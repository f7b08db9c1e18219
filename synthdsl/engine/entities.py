"""Entities: rows with all that is under them, drawn together until rules hold for each.

Every entity has its own tries. A try draws the units of a stage anew, with keys that mix those of
the entity with the number of the try; the first that holds counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from synthdsl.diagnostics import Diagnostic, Label, SynthError
from synthdsl.engine.conditioning.component import (
    BLOCK_ROWS,
    PILOT_ROWS,
    STAGE_TRIES,
    tries_at_once,
)
from synthdsl.engine.evaluate import evaluate
from synthdsl.engine.frame import Frame, Record, RowError, child_frame, joined, take
from synthdsl.engine.results import is_false, is_true
from synthdsl.engine.streams import Keys, SlotDraws, child_keys
from synthdsl.model.expressions import Expr
from synthdsl.model.relations import count_name
from synthdsl.model.spec import Rule, Table
from synthdsl.plan.nodes import MACHINE, Node
from synthdsl.plan.units import EntityStage, EntityUnit, Unit
from synthdsl.values.columns import Column

RunUnit = Callable[[Unit, Frame], None]
"""Runs a unit for all rows under those of a frame of the unit's entity."""
Guide = Callable[[Frame], NDArray[np.bool_]]
"""Runs a unit for all rows under those of a frame so that rules hold, and says for which rows
this is accepted as a draw given the rules.
"""
Guides = Mapping[tuple[EntityStage, Unit], Guide]
ENTITY_TRIES, LEVEL_TRIES = 1 << 61, 1 << 52
"""Tries of entities are numbered from the first on, and from multiples of the second for units that
have others inside: the tries of a row inside those of an entity with the same key are others.
"""
MOST_TRIES = 1 << 20
LEAST_TRIES = 1 << 17
MOST_TRIED_ROWS = 1 << 25
"""Rows of one entity's tries, given what is above it, after which it counts as impossible; between
`LEAST_TRIES` and `MOST_TRIES` tries.
"""
MOST_PILOT = PILOT_ROWS
LEAST_PILOT = 1_024
ENTITIES_AT_ONCE = 4_096
"""Entities of a pilot that are drawn together."""


class Entities:
    """The entities of a unit, each drawn until the unit's rules hold for it.

    `conditions`: those of the rules by table and name. `pilot_frames`: frames of entities with a
    seed of their own.
    """

    def __init__(
        self,
        unit: EntityUnit,
        tables: Mapping[str, Table],
        conditions: Mapping[Node, Expr],
        run_unit: RunUnit,
        pilot_frames: Callable[[], Iterator[Frame]],
        guides: Guides,
    ) -> None:
        self.unit = unit
        self._tables = tables
        self._conditions = conditions
        self._run_unit = run_unit
        self._pilot_frames = pilot_frames
        self._guides = guides
        self._ways = {name: way_down(unit.table, name, tables) for name, _ in unit.rules}
        self._acceptance: dict[int, tuple[int, int]] = {}
        self._first_try = ENTITY_TRIES + levels_inside(unit) * LEVEL_TRIES

    @property
    def is_guided(self) -> bool:
        """Whether some of what the entities need is made so that rules hold."""
        return any(getattr(guide, "is_used", True) for guide in self._guides.values())

    def fill(self, frame: Frame) -> None:
        """Make what the unit makes for every row of `frame`, a frame of the unit's table."""
        if not frame.rows:
            self._run_all(self.unit.stages[0], frame)
        for number in range(len(self.unit.stages) if frame.rows else 0):
            self._settle(frame, number)
        for name, rule in self.unit.rules:
            if rule.share is not None:
                rows, _ = _rows_down(frame, self._ways[name])
                rows.exceptions[rule.name] = ~self._is_kept(name, rule, frame, frame.keys)

    def _is_kept(self, name: str, rule: Rule, frame: Frame, keys: Keys) -> NDArray[np.bool_]:
        """Of a soft rule, the rows in which it must hold; in the others it must be false.

        `keys`: those of the rows of `frame` before any try, so that tries do not change it.
        """
        assert rule.share is not None
        rows = frame
        for below in self._ways[name]:
            rows = rows.child(below)
            assert rows.parents is not None
            keys = child_keys(below, keys[rows.parents], rows.ordinals)
        draws = SlotDraws(frame.seed, f"{name}.{rule.name}", keys, rows.ordinals)
        return draws.uniform("holds") < float(rule.share)

    def _run_all(
        self, stage: EntityStage, frame: Frame, *, is_guided: bool = True
    ) -> NDArray[np.bool_]:
        """Run the units of a stage; returns the entities that are accepted so far."""
        accepted = np.ones(frame.rows, np.bool_)
        for unit in stage.free:
            guide = self._guides.get((stage, unit)) if is_guided else None
            if guide is not None:
                accepted &= guide(frame)
            else:
                self._run_unit(unit, frame)
        return accepted

    def _settle(self, frame: Frame, number: int) -> None:
        stage = self.unit.stages[number]
        accepted = np.ones(frame.rows, np.bool_)
        if number == 0:
            accepted = self._run_all(stage, frame)
        if not stage.rules:
            return
        waiting = np.flatnonzero(~(accepted & self.holds(frame, stage, frame.keys)))
        if not waiting.size:
            return
        hits_of_pilot, drawn = self.acceptance(number)
        found: list[tuple[NDArray[np.int64], Frame]] = []
        first = 1
        while waiting.size:
            # what is left has less chance than the pilot's entities: as many tries again as so far
            count = max(tries_at_once(waiting.size, hits_of_pilot / drawn), first)
            count = min(count, self._most_at_once(frame, waiting.size))
            size = max(1, ENTITIES_AT_ONCE // count)
            done: list[NDArray[np.int64]] = []
            for start in range(0, waiting.size, size):
                part = waiting[start : start + size]
                tries = frame.tried_again(part, self._number_of(number, first), count)
                accepted = self._run_all(stage, tries)
                holds = accepted & self.holds(tries, stage, np.repeat(frame.keys[part], count))
                by_entity = holds.reshape(part.size, count)
                hits = np.flatnonzero(by_entity.any(axis=1))
                if hits.size:
                    chosen = hits * count + by_entity[hits].argmax(axis=1)
                    found.append((part[hits], tries.some(chosen)))
                    done.append(part[hits])
            if done:
                waiting = np.setdiff1d(waiting, np.concatenate(done), assume_unique=True)
            first += count
            if waiting.size and first > self._most_tries(frame):
                self._give_up(frame, int(waiting[0]), stage, first)
        if found:
            self._put_in(frame, stage, found)

    def _number_of(self, stage: int, index: int) -> int:
        """The number of a try, of which no other try of the same row has it."""
        return self._first_try + stage * STAGE_TRIES + index

    def _most_tries(self, frame: Frame) -> int:
        rows = max(1, rows_under(frame) // max(1, frame.rows))
        return min(MOST_TRIES, max(LEAST_TRIES, MOST_TRIED_ROWS // rows))

    def _most_at_once(self, frame: Frame, waiting: int) -> int:
        """Tries of one entity drawn together, so that all their rows stay within a few blocks."""
        rows = max(1, rows_under(frame) // max(1, frame.rows))
        return max(1, 4 * BLOCK_ROWS // (rows * waiting), min(64, 4 * BLOCK_ROWS // rows))

    def holds(
        self,
        frame: Frame,
        stage: EntityStage,
        keys: Keys,
        *,
        leaving_out: Rule | None = None,
    ) -> NDArray[np.bool_]:
        """Entities that meet what every rule of the stage demands.

        `keys`: theirs before any try.
        """
        result = np.ones(frame.rows, np.bool_)
        for name, rule in stage.rules:
            if rule is leaving_out:
                continue
            rows, entity = _rows_down(frame, self._ways[name])
            value = evaluate(self._conditions[name, rule.name], rows)
            if rule.demand == "true":
                fine = is_true(value, rows.rows)
            elif rule.demand == "false":
                fine = is_false(value, rows.rows)
            else:
                fine = ~is_false(value, rows.rows)
                if rule.share is not None:
                    fine = fine == self._is_kept(name, rule, frame, keys)
            if rule.demand == "false" and name != self.unit.table:
                # a broken rule is broken by one of the rows, not by each
                result &= np.bincount(entity[fine], minlength=frame.rows) > 0
            else:
                result[entity[~fine]] = False
        return result

    # putting accepted tries in the place of what was refused

    def _put_in(
        self, frame: Frame, stage: EntityStage, found: list[tuple[NDArray[np.int64], Frame]]
    ) -> None:
        writes = {node for unit in stage.free for node in unit.writes}
        for name in _fields_of(self.unit.table, writes):
            frame.replace(name, found)
        self._put_exceptions(frame, found)
        self._put_children(frame, self.unit.table, writes, found)

    def _put_exceptions(self, frame: Frame, found: list[tuple[NDArray[np.int64], Frame]]) -> None:
        # those of the unit's own rules are found when all is settled
        own = {rule.name for _, rule in self.unit.rules}
        for at, part in found:
            for name in part.known_exceptions():
                if name not in own:
                    frame.exception(name)[at] = part.exception(name)

    def _put_children(
        self,
        frame: Frame,
        table: str,
        writes: set[Node],
        found: list[tuple[NDArray[np.int64], Frame]],
    ) -> None:
        """Put in the rows under those of `frame`, of tables that the tries have made or filled."""
        for name, child in self._tables.items():
            if (
                child.parent is None
                or child.parent.table != table
                or name not in frame.known_children()
            ):
                continue
            is_made = (table, count_name(name)) in writes or (name, MACHINE) in writes
            own = frame.child(name)
            parts = [(at, part.child(name)) for at, part in found]
            if is_made:
                own = _merged(frame, own, parts)
                frame.children[name] = own
                # what is under them was merged with them
                continue
            places = [(part.positions_in(own), part) for _, part in parts]
            for field in _fields_of(name, writes):
                own.replace(field, places)
            self._put_exceptions(own, places)
            self._put_children(own, name, writes, places)

    # pilots and refusals

    def acceptance(self, number: int) -> tuple[int, int]:
        """Accepted ones among the entities of a pilot of a stage, and how many were drawn.

        Raises `SynthError` (exit code 3) where none was accepted.
        """
        if number not in self._acceptance:
            accepted = drawn = 0
            for frame in self._pilot_frames():
                accepted += int(self.pilot(frame, number).sum())
                drawn += frame.rows
                if drawn >= MOST_PILOT or (accepted and drawn >= LEAST_PILOT):
                    break
            if drawn and not accepted:
                self._refuse(self.unit.stages[number], drawn)
            # where there is no entity at all, nothing is to be drawn
            self._acceptance[number] = (max(accepted, 1), max(drawn, 1))
        return self._acceptance[number]

    def plain_acceptance(self, number: int) -> float:
        """The share of entities of a small pilot for which a stage holds, made as declared."""
        accepted = drawn = 0
        for frame in self._pilot_frames():
            accepted += int(self.pilot(frame, number, is_guided=False).sum())
            drawn += frame.rows
            if drawn >= LEAST_PILOT:
                break
        return accepted / drawn if drawn else 1.0

    def pilot(
        self,
        frame: Frame,
        number: int,
        *,
        leaving_out: Rule | None = None,
        is_guided: bool = True,
    ) -> NDArray[np.bool_]:
        """Entities of a pilot whose first try of a stage holds."""
        for before in range(number):
            self._settle(frame, before)
        stage = self.unit.stages[number]
        keys = frame.keys
        if number:
            at = np.arange(frame.rows, dtype=np.int64)
            frame = frame.tried_again(at, self._number_of(number, 0), 1)
        accepted = self._run_all(stage, frame, is_guided=is_guided and leaving_out is None)
        return accepted & self.holds(frame, stage, keys, leaving_out=leaving_out)

    def _refuse(self, stage: EntityStage, drawn: int) -> NoReturn:
        names = ", ".join(f"`{rule.name}`" for _, rule in stage.rules)
        rules = [rule for _, rule in stage.rules]
        raise SynthError(
            "the spec cannot be satisfied",
            diagnostics=[
                Diagnostic(
                    "unsatisfiable",
                    rules[0].span,
                    f"no row of `{self.unit.table}`, with what is under it, satisfied {names} in "
                    f"{drawn:,} draws: acceptance below {3 / drawn:.1g}",
                    "relax the rules, or make the draws that they read nearer to what they ask",
                    labels=tuple(Label(rule.span) for rule in rules[1:]),
                )
            ],
            exit_code=3,
        )

    def _advice(self, stage: EntityStage) -> str:
        """What to type for rules that do not hold in one row after all tries."""
        for table, rule in stage.rules:
            if rule.demand == "true" and table != self.unit.table:
                way = ".".join(("x", *self._ways[table]))
                return (
                    f"a case asks it of every row of `{table}`: for some, write "
                    f"`case {rule.name} each {self.unit.table} x: any(... for y in {way})`"
                )
        return "make the rule possible for every number of rows and every value that is given"

    def _give_up(self, frame: Frame, row: int, stage: EntityStage, tries: int) -> NoReturn:
        names = ", ".join(f"`{rule.name}`" for _, rule in stage.rules)
        raise RowError(
            "unsatisfiable",
            stage.rules[-1][1].span,
            f"row {int(frame.ordinals[row])} of `{frame.table}`: {names} did not hold in "
            f"{tries - 1:,} tries of it with what is under it",
            self._advice(stage),
        )


def levels_inside(unit: EntityUnit) -> int:
    """How deep units of entities are nested inside a unit."""
    inside = [levels_inside(u) + 1 for u in unit.units if isinstance(u, EntityUnit)]
    return max(inside, default=0)


def way_down(table: str, name: str, tables: Mapping[str, Table]) -> tuple[str, ...]:
    """The tables on the way from a row of `table` down to those of `name`."""
    way: list[str] = []
    while name != table:
        way.append(name)
        parent = tables[name].parent
        assert parent is not None
        name = parent.table
    return tuple(reversed(way))


def _rows_down(frame: Frame, way: tuple[str, ...]) -> tuple[Frame, NDArray[np.int64]]:
    """The rows at the end of a way down, and the position in `frame` that each hangs under."""
    at = np.arange(frame.rows, dtype=np.int64)
    for name in way:
        frame = frame.child(name)
        assert frame.parents is not None
        at = at[frame.parents]
    return frame, at


def rows_under(frame: Frame) -> int:
    """Rows of a frame, and of all frames under it."""
    return frame.rows + sum(rows_under(child) for child in frame.children.values())


def _fields_of(table: str, writes: set[Node]) -> list[str]:
    return sorted(field for at, field in writes if at == table and field not in (MACHINE, "#end"))


def _merged(owner: Frame, first: Frame, found: list[tuple[NDArray[np.int64], Frame]]) -> Frame:
    """The rows under those of `owner`: of the ones that were tried again those of their tries."""
    replaced = np.zeros(owner.rows, np.bool_)
    for at, _ in found:
        replaced[at] = True
    assert first.parents is not None
    kept = first.some(np.flatnonzero(~replaced[first.parents]))
    assert kept.parents is not None
    parts = [(kept, kept.parents)]
    for at, part in found:
        assert part.parents is not None
        parts.append((part, at[part.parents]))
    return _assembled(owner, parts)


def _assembled(owner: Frame, parts: list[tuple[Frame, NDArray[np.int64]]]) -> Frame:
    """Rows of one table from several frames, each with the positions of its rows' parents."""
    parents = np.concatenate([at for _, at in parts])
    order = np.argsort(parents, kind="stable")
    frames = [frame for frame, _ in parts]
    ordinals = np.concatenate([frame.ordinals for frame in frames])[order]
    result = child_frame(frames[0].table, owner, parents[order], ordinals)
    for name in frames[0].known_fields():
        columns: list[Column | Record] = [frame.find(name) for frame in frames]
        result.columns[name] = take(joined(columns), order)
        # what is correlated with a field reads the uniforms that it was drawn from
        if any(frame.has_base(name) for frame in frames):
            result.bases[name] = np.concatenate([frame.base(name) for frame in frames])[order]
    for name in frames[0].known_exceptions():
        rows = np.concatenate([frame.exception(name) for frame in frames])
        result.exceptions[name] = rows[order]
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    for name in frames[0].known_children():
        offset = 0
        below = []
        for frame in frames:
            child = frame.child(name)
            assert child.parents is not None
            below.append((child, place[child.parents + offset]))
            offset += frame.rows
        result.children[name] = _assembled(result, below)
    return result
