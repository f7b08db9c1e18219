"""In which order the tables of a family are made, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from synthdsl.model.relations import count_name
from synthdsl.model.spec import Table
from synthdsl.plan.draw_words import one_line
from synthdsl.plan.families import FamilyPlan, is_drawn_together
from synthdsl.plan.lower import Plan
from synthdsl.plan.scopes import drawn_words, kept_units, scope_words
from synthdsl.plan.shown import is_declared
from synthdsl.plan.units import (
    EntityUnit,
    MachineUnit,
    SequenceUnit,
    StepUnit,
    StopUnit,
    Unit,
)

Tables = Mapping[str, Table]


@dataclass(frozen=True)
class Making:
    """Something of a family that is made at once: `fields` of `table`, or rows of it.

    `kind`: `fields` (each row by itself), `conditioned` (the same, until `rules` hold), `rows` (how
    many there are), `siblings` (for all rows under one parent), `sequence` (row by row, in order),
    `pathway`, `until`, `rules` (the parts are made until `rules` hold, `scope` says for what;
    `kept` is settled first and kept).
    """

    kind: str
    table: str
    fields: tuple[str, ...] = ()
    about: str = ""
    rules: tuple[str, ...] = ()
    scope: str = ""
    kept: tuple[str, ...] = ()
    parts: tuple[Making, ...] = ()


@dataclass(frozen=True)
class FamilyExplanation:
    """A root table and those under it, parents first, and what is made in which order."""

    root: str
    tables: tuple[str, ...]
    order: tuple[Making, ...]


def family_explanation(family: FamilyPlan, plan: Plan) -> FamilyExplanation:
    """The order in which a family is made."""
    tables = {name: t.table for name, t in plan.tables.items() if name in family.tables}
    return FamilyExplanation(family.root, family.tables, tuple(_parts(family.units, tables)))


def _parts(units: Iterable[Unit], tables: Tables) -> Iterator[Making]:
    """What units make, neighbouring plain fields of one table as one."""
    waiting: Making | None = None
    for unit in units:
        for made in _made(unit, tables):
            pair = ("fields", made.table)
            if waiting is not None and pair == (waiting.kind, waiting.table) == (
                made.kind,
                pair[1],
            ):
                waiting = Making("fields", made.table, (*waiting.fields, *made.fields))
                continue
            if waiting is not None:
                yield waiting
            waiting = made
    if waiting is not None:
        yield waiting


def _made(unit: Unit, tables: Tables) -> Iterator[Making]:
    table = tables[unit.table]
    if isinstance(unit, StepUnit):
        yield from _made_by_step(unit, tables)
    elif isinstance(unit, SequenceUnit):
        fields = [name for step in unit.steps for name in step.fields if is_declared(name)]
        yield Making("sequence", unit.table, tuple(fields), "row by row, in order of index")
    elif isinstance(unit, MachineUnit):
        assert table.parent is not None
        about = f"the path of each {table.parent.table}, one row for each visited state"
        yield Making("pathway", unit.table, about=about)
    elif isinstance(unit, StopUnit):
        assert table.stop is not None
        about = f"rows after the first with `{one_line(table.stop)}` are left out"
        yield Making("until", unit.table, about=about)
    elif isinstance(unit, EntityUnit):
        yield Making(
            "rules",
            unit.table,
            rules=tuple(rule.name for _, rule in unit.rules),
            scope=scope_words(unit, tables),
            kept=drawn_words(kept_units(unit), unit.table, tables),
            parts=tuple(_parts(unit.units, tables)),
        )


def _made_by_step(unit: StepUnit, tables: Tables) -> Iterator[Making]:
    table = tables[unit.table]
    fields = tuple(name for name in unit.step.fields if is_declared(name))
    if fields and any(is_drawn_together(table.fields[name]) for name in fields):
        assert table.parent is not None
        about = f"for all rows under one {table.parent.table} together"
        yield Making("siblings", unit.table, fields, about)
    elif fields:
        rules = tuple(rule.name for rule in unit.step.rules)
        yield Making("fields" if not rules else "conditioned", unit.table, fields, rules=rules)
    for name, child in tables.items():
        is_own = child.parent is not None and child.parent.table == unit.table
        if is_own and child.machine is None and count_name(name) in unit.step.fields:
            yield Making("rows", name, about=f"how many rows each {unit.table} has")
