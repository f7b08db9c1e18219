"""Rules across rows in words: what they condition, what is drawn again, what is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from synthdsl.model.spec import Rule, Table
from synthdsl.plan.nodes import Node
from synthdsl.plan.shown import is_declared
from synthdsl.plan.units import EntityUnit, SequenceUnit, StepUnit, Unit

Tables = Mapping[str, Table]


def scope_words(unit: EntityUnit, tables: Tables) -> str:
    """What the rules of a unit condition: `for each patient, with encounter and lab under it`."""
    if unit.scope == unit.table:
        below = sorted_tables({t for t, _ in unit.writes} - {unit.table}, tables)
        below = list(dict.fromkeys([*below, *_made_rows(unit)]))
        return f"for each {unit.table}" + (f", with {joined(below)} under it" if below else "")
    if tables[unit.scope].machine is not None:
        return f"for the whole {unit.scope} of one {unit.table}"
    return f"for all rows of {unit.scope} under one {unit.table}, given their number"


def _made_rows(unit: EntityUnit) -> Iterator[str]:
    """Tables of which the unit draws how many rows there are."""
    for _, name in sorted(unit.writes):
        if name.startswith("#") and name[1:] not in ("machine", "end"):
            yield name[1:]


def sorted_tables(names: Iterable[str], tables: Tables) -> list[str]:
    """Names of tables in order of declaration."""
    wanted = set(names)
    return [name for name in tables if name in wanted]


def joined(names: Sequence[str]) -> str:
    """`a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + f" and {names[-1]}"


def node_words(node: Node, home: str, tables: Tables) -> str:
    """A node as a reader knows it, seen from the table `home`; empty where there is nothing to
    tell: imports, aggregates, and the end of rows.
    """
    table, name = node
    where = "" if table == home else f"{table}."
    if name == "#machine":
        return f"the path of {table}"
    if name == "#end":
        return ""
    if name.startswith("#"):
        is_machine = tables[name[1:]].machine is not None
        return "" if is_machine else f"number of {name[1:]} rows"
    return where + name if is_declared(name) else ""


def drawn_words(units: Iterable[Unit], home: str, tables: Tables) -> tuple[str, ...]:
    """What units make, in their order, as a reader knows it."""
    found = (node_words(node, home, tables) for unit in units for node in nodes_in_order(unit))
    return tuple(dict.fromkeys(filter(None, found)))


def nodes_in_order(unit: Unit) -> Iterator[Node]:
    """The nodes that a unit makes, in order."""
    if isinstance(unit, EntityUnit):
        for inner in unit.units:
            yield from nodes_in_order(inner)
    elif isinstance(unit, StepUnit):
        yield from ((unit.table, name) for name in unit.step.fields)
    elif isinstance(unit, SequenceUnit):
        yield from ((unit.table, name) for step in unit.steps for name in step.fields)
    else:
        yield from sorted(unit.writes)


def kept_units(unit: EntityUnit) -> list[Unit]:
    """The units inside that are settled before the last stage, which keeps them."""
    free = set(unit.stages[-1].free)
    return [inner for inner in unit.units if inner not in free]


def kept_fields(rule: Rule) -> tuple[str, ...]:
    """What a rule keeps, those of tables under its own by `table.field`."""
    return (*rule.keeping, *(f"{at}.{name}" for at, name in rule.keeping_below))
