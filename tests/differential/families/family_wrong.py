"""Interpreters that get one thing wrong, and the package with one thing wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from family_interpreter import ROWS, SIBLINGS, Structure, Unit, World
from family_rows import Row, all_rows
from family_spec import FamilySpec, RulePair

from synthdsl.engine.entities import Entities
from synthdsl.plan import families


class FailingRows(World):
    """Draws only the rows again in which a rule fails, and keeps their siblings."""

    def _clear(self, unit: Unit, instance: Row) -> None:
        if unit.mode != SIBLINGS:
            super()._clear(unit, instance)
            return
        failing = [
            row
            for row in instance.rows(unit.table)
            if not all(self._holds(rule, unit, row) for rule in unit.rules)
        ]
        for top in failing:
            for row in all_rows(top):
                for table, name in unit.nodes - self.frozen:
                    if table == row.table:
                        row.memo.pop(name, None)
        for table, name in unit.nodes:
            if table == instance.table:
                instance.memo.pop(name, None)


class DrawnExceptions(World):
    """Draws with every try anew whether a soft rule must hold."""

    def _clear(self, unit: Unit, instance: Row) -> None:
        super()._clear(unit, instance)
        self.demands = {}


class Switch(World):
    """Lets a soft rule be, where it need not hold."""

    def _holds(self, rule: RulePair, unit: Unit, row: Row) -> bool:
        if rule.share is not None and not self._demanded(rule, row):
            return True
        return super()._holds(replace(rule, share=None), unit, row)


class GivenNumber(Structure):
    """Conditions rows below an entity given how many there are."""

    def _units(self) -> list[Unit]:
        units = super()._units()
        for unit in units:
            unit.nodes = {n for n in unit.nodes if n[1][0] not in "#%"}
        return units


class FreeNumber(Structure):
    """Lets a rule on siblings condition how many there are."""

    def _units(self) -> list[Unit]:
        units = super()._units()
        for unit in units:
            parent = self.spec.tables[unit.table].parent
            if unit.mode == SIBLINGS and parent is not None:
                unit.nodes |= {(parent, "#" + unit.table), (parent, "%" + unit.table)}
        return units


class WithoutAncestors(Structure):
    """Draws again what a rule reads, and not what that depends on."""

    def component(self, table: str, start: Any) -> set[tuple[str, str]]:
        start = set(start)
        found = super().component(table, start)
        derived = {n for n in found if n not in self.drawn}
        reads = start.union(*(self.reads.get(n, frozenset()) for n in derived & start))
        return found & (reads | derived)


class WithoutKeeping(Structure):
    """Forgets what is kept."""

    def __init__(self, spec: FamilySpec) -> None:
        super().__init__(replace(spec, rules=tuple(replace(r, keeping=()) for r in spec.rules)))


WORLDS = {
    "only failing rows": (Structure, FailingRows),
    "exceptions with every try": (Structure, DrawnExceptions),
    "a soft rule as a switch": (Structure, Switch),
    "the number given": (GivenNumber, World),
    "the number of siblings free": (FreeNumber, World),
    "without ancestors": (WithoutAncestors, World),
    "keeping forgotten": (WithoutKeeping, World),
}


@contextmanager
def package_that(error: str) -> Iterator[None]:
    """The package with an error."""
    with pytest.MonkeyPatch.context() as patch:
        if error == "forgets what is kept":
            stages = families._stages

            def without(graph: Any, units: Any, rules: Any) -> Any:
                whole = stages(graph, units, rules)
                return (replace(whole[-1], free=tuple(units)),)

            patch.setattr(families, "_stages", without)
        elif error == "tilts the number of siblings":
            scope_of = families._scope_of

            def wider(graph: Any, rule: Any) -> Any:
                scope = scope_of(graph, rule)
                scope.scope = scope.table
                return scope

            patch.setattr(families, "_scope_of", wider)
        elif error == "accepts what fails":
            holds = Entities.holds

            def seldom(self: Entities, frame: Any, *others: Any, **named: Any) -> Any:
                found = holds(self, frame, *others, **named)
                return found | (frame.keys % 16 == 0)

            patch.setattr(Entities, "holds", seldom)
        elif error == "draws exceptions with every try":
            kept = Entities._is_kept

            def of_try(self: Entities, name: str, rule: Any, frame: Any, keys: Any) -> Any:
                return kept(self, name, rule, frame, frame.keys)

            patch.setattr(Entities, "_is_kept", of_try)
        yield


PACKAGES = (
    "forgets what is kept",
    "tilts the number of siblings",
    "accepts what fails",
    "draws exceptions with every try",
)

__all__ = ["PACKAGES", "ROWS", "WORLDS", "package_that"]
