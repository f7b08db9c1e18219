"""A model as the data dictionary shows it."""

from __future__ import annotations

from synthdsl.model.draws import KeyedDraw, SortedDraw, Truncated, UniqueDraw
from synthdsl.model.spec import Field, Spec, Table
from synthdsl.render.dictionary import (
    DictionaryField,
    DictionaryParameter,
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
        tuple(_table(table) for table in spec.tables.values()),
        spec.description,
        str(spec.seed),
        tuple(DictionaryParameter(p.name, p.type, p.value, p.description) for p in spec.parameters),
    )


def _table(table: Table) -> DictionaryTable:
    fields = tuple(_field(f, table) for f in table.exported if f.type.kind is not Kind.RECORD)
    rules = tuple(DictionaryRule(rule.name, " ".join(rule.text.split())) for rule in table.rules)
    return DictionaryTable(
        table.name, fields, table.description, f"{table.rows:,}", table.key, (), rules
    )


def _field(field: Field, table: Table) -> DictionaryField:
    unit = field.type.unit
    mask = table.masks.get(field.name)
    chance = "" if mask is None else " ".join(mask.chance.span.text.split())
    return DictionaryField(
        name=field.exported,
        type=str(field.type),
        unit=unit.symbol if isinstance(unit, Unit) and unit != ONE else "",
        description=field.description,
        roles=field.roles,
        how=field.text,
        range=_range(field),
        is_nullable=field.type.is_nullable,
        missing="" if mask is None else f"{mask.mechanism}({chance})",
    )


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
