"""A model as the data dictionary shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from synthdsl.model.draws import (
    ChooseDraw,
    DrawNode,
    FixedDraw,
    KeyedDraw,
    SortedDraw,
    Truncated,
    UniqueDraw,
)
from synthdsl.model.expressions import Choose, Constant, Expr, RowIndex
from synthdsl.model.relations import count_name
from synthdsl.model.spec import Field, Rule, Spec, Table
from synthdsl.plan.shown import derived_words, key_of_parent
from synthdsl.render._machine import machine_svg
from synthdsl.render.dictionary import (
    DictionaryField,
    DictionaryParameter,
    DictionaryParent,
    DictionaryReference,
    DictionaryRule,
    DictionarySpec,
    DictionaryTable,
)
from synthdsl.values.types import Kind
from synthdsl.values.units import ONE, Unit


def describe(spec: Spec) -> DictionarySpec:
    """The data dictionary of a spec."""
    return DictionarySpec(
        spec.name,
        tuple(_table(table, spec.tables) for table in spec.tables.values()),
        spec.description,
        str(spec.seed),
        tuple(DictionaryParameter(p.name, p.type, p.value, p.description) for p in spec.parameters),
    )


def _table(table: Table, tables: Mapping[str, Table]) -> DictionaryTable:
    fields = tuple(
        described
        for field in table.exported
        if field.type.kind is not Kind.RECORD
        for described in _fields(field, table)
    )
    rules = tuple(_rule(rule, table) for rule in table.rules)
    under = _under(table, tables)
    machine = table.machine
    return DictionaryTable(
        table.name,
        fields,
        table.description,
        f"{table.rows:,}" if under is None else under.words,
        _columns(table.key, table),
        tuple(
            DictionaryReference(_columns(r.fields, table), r.table, _columns(r.to, tables[r.table]))
            for r in table.references
            if r.table in tables
        ),
        rules,
        under,
        "pathway" if machine is not None else "file" if table.is_fixed else "table",
        "" if machine is None else machine_svg(machine),
        _reads(table, tables),
    )


def _reads(table: Table, tables: Mapping[str, Table]) -> tuple[str, ...]:
    """Tables that latent fields of a table refer to, and no column."""
    shown = {reference.table for reference in table.references}
    found = (f.type.table for f in table.fields.values() if f.type.kind is Kind.REFERENCE)
    return tuple(dict.fromkeys(name for name in found if name in tables and name not in shown))


def _rule(rule: Rule, table: Table) -> DictionaryRule:
    rows = f"each {table.name} with what is under it" if rule.is_for_each else "every row"
    if rule.share is not None:
        of = f"{table.name} with what is under it" if rule.is_for_each else "rows"
        rows = f"{100 * float(rule.share):g} % of {of}"
    return DictionaryRule(rule.name, " ".join(rule.text.split()), rows)


# rows under parents


def _under(table: Table, tables: Mapping[str, Table]) -> DictionaryParent | None:
    if table.parent is None:
        return None
    low, high = _number(table, tables[table.parent.table].fields[count_name(table.name)])
    if high is None:
        each = "any number" if not low else f"{low:,} or more"
    elif low == high:
        each = f"{low:,}"
    else:
        each = f"{low:,} to {high:,}"
    if table.machine is not None:
        words = f"one row for each visited state, per {table.parent.table}"
        return DictionaryParent(table.parent.table, low, high, words=words)
    return DictionaryParent(table.parent.table, low, high, each, f"{each} per {table.parent.table}")


def _number(table: Table, field: Field) -> tuple[int, int | None]:
    """The least and the most rows under one parent; None where nothing bounds them."""
    assert field.draw is not None or field.value is not None
    low, high = _range_of(field.value) if field.draw is None else _range_drawn(field.draw)
    if table.machine is not None:
        # a path has its start and its end, where there is one at all
        low, high = (2 if low else 0), None
    if table.stop is not None:
        low = min(low, 1)
    return low, high


def _range_of(value: Expr | None) -> tuple[int, int | None]:
    if isinstance(value, Constant):
        return int(value.value), int(value.value)
    if isinstance(value, Choose):
        parts = [_range_of(branch) for _, branch in value.branches]
        return _union([*parts, _range_of(value.otherwise)])
    return 0, None


def _range_drawn(draw: DrawNode) -> tuple[int, int | None]:
    if isinstance(draw, ChooseDraw):
        parts = [_range_drawn(branch) for _, branch in draw.branches]
        return _union([*parts, _range_drawn(draw.otherwise)])
    if isinstance(draw, FixedDraw):
        return _range_of(draw.value)
    if isinstance(draw, Truncated):
        return max(_bound(draw.low) or 0, 0), _bound(draw.high)
    return 0, None


def _union(ranges: list[tuple[int, int | None]]) -> tuple[int, int | None]:
    ends = [high for _, high in ranges]
    known = [high for high in ends if high is not None]
    return min(low for low, _ in ranges), max(known) if len(known) == len(ends) else None


def _bound(expression: Expr) -> int | None:
    return int(expression.value) if isinstance(expression, Constant) else None


# columns


def _columns(names: Iterable[str], table: Table) -> tuple[str, ...]:
    """Fields by the names that they have in files."""
    found: list[str] = []
    for name in names:
        field = table.fields[name]
        found += [column for column, _ in _exported(field, table)]
    return tuple(found)


def _exported(field: Field, table: Table) -> list[tuple[str, Field]]:
    """The columns of a field, each with the field that it holds: of a reference, its key."""
    if field.type.kind is not Kind.REFERENCE:
        return [(field.exported, field)]
    keys = [table.fields[name] for name in table.reference_keys.get(field.name, ())]
    if len(keys) == 1:
        return [(field.exported, keys[0])]
    return [(f"{field.exported}_{k.name.removeprefix(field.name + '.')}", k) for k in keys]


def _fields(field: Field, table: Table) -> Iterator[DictionaryField]:
    mask = table.masks.get(field.name)
    chance = "" if mask is None else " ".join(mask.chance.span.text.split())
    for column, held in _exported(field, table):
        unit = held.type.unit
        yield DictionaryField(
            name=column,
            type=str(held.type),
            unit=unit.symbol if isinstance(unit, Unit) and unit != ONE else "",
            description=field.description,
            roles=field.roles,
            how="" if _is_made(field, table) else field.text,
            note=derived_words(field, table) if _is_made(field, table) else "",
            range=_range(held),
            is_nullable=held.type.is_nullable,
            missing="" if mask is None else f"{mask.mechanism}({chance})",
        )


def _is_made(field: Field, table: Table) -> bool:
    """Whether the spec does not say how: a pathway's field, or one that a key adds."""
    is_index = field.name == "index" and isinstance(field.value, RowIndex)
    return table.machine is not None or is_index or bool(key_of_parent(field, table))


def _range(field: Field) -> str:
    if field.type.enum is not None:
        return ", ".join(field.type.enum.exported or field.type.enum.members)
    parts = []
    draw = (
        field.draw.draw
        if isinstance(field.draw, KeyedDraw | UniqueDraw | SortedDraw)
        else field.draw
    )
    if isinstance(draw, Truncated):
        parts.append(f"{draw.low.span.text} to {draw.high.span.text}")
    if field.type.step is not None:
        parts.append(f"in steps of {float(field.type.step):g}")
    return ", ".join(parts)
