"""Units: what of a family is made in one go, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from synthdsl.model.spec import Rule
from synthdsl.plan.components import Step
from synthdsl.plan.nodes import Node


@dataclass(frozen=True, eq=False)
class Unit:
    """Nodes of a family that are made together. `reads` are those that it needs from others."""

    table: str
    writes: frozenset[Node]
    reads: frozenset[Node]


@dataclass(frozen=True, eq=False)
class StepUnit(Unit):
    """A step of one table: each row by itself."""

    step: Step


@dataclass(frozen=True, eq=False)
class SequenceUnit(Unit):
    """Steps of one table that read earlier rows under the same parent, in order within a row."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, eq=False)
class MachineUnit(Unit):
    """The run of a pathway, which makes the rows of its table."""


@dataclass(frozen=True, eq=False)
class StopUnit(Unit):
    """Rows of the table after the first in which its `until` is true are left out."""


@dataclass(frozen=True)
class EntityStage:
    """A part of settling an entity: `free` units are run, those settled before given, until
    `rules`, each of a row of its table, hold.
    """

    free: tuple[Unit, ...]
    rules: tuple[tuple[str, Rule], ...]


@dataclass(frozen=True, eq=False)
class EntityUnit(Unit):
    """Units run together for each row of `table`, with what is under it, until rules hold.

    `scope` is the table whose rows, with all that is under them, the rules condition: `table`
    itself, or one under it whose rows are conditioned together, given their number.
    """

    scope: str
    units: tuple[Unit, ...]
    stages: tuple[EntityStage, ...]
    rules: tuple[tuple[str, Rule], ...]


class CircleError(Exception):
    """Units that need each other."""

    def __init__(self, units: Sequence[Unit]) -> None:
        super().__init__("units need each other")
        self.units = units


def ordered(units: Iterable[Unit]) -> tuple[Unit, ...]:
    """Units so that each follows what it needs, as given where free. Raises `CircleError`."""
    waiting = list(units)
    missing: set[Node] = {node for unit in waiting for node in unit.writes}
    result: list[Unit] = []
    while waiting:
        later = []
        for unit in waiting:
            if (unit.reads - unit.writes) & missing:
                later.append(unit)
            else:
                result.append(unit)
                missing -= unit.writes
        if len(later) == len(waiting):
            raise CircleError(later)
        waiting = later
    return tuple(result)


def with_ancestors(start: Iterable[Unit], units: Sequence[Unit]) -> set[Unit]:
    """`start`, and all of `units` that they need, directly or through others of them."""
    maker = {node: unit for unit in units for node in unit.writes}
    found: set[Unit] = set()
    stack = list(start)
    while stack:
        unit = stack.pop()
        if unit in found:
            continue
        found.add(unit)
        stack.extend(maker[node] for node in unit.reads if node in maker)
    return found
