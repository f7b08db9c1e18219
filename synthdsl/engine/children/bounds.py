"""The largest chance that an entity can have, over all values of the fields it depends on."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.diagnostics import SynthError
from synthdsl.engine.children.reading import OF_ONE_ROW
from synthdsl.engine.frame import Frame, take
from synthdsl.engine.lookup_index import raw_column
from synthdsl.engine.samplers import Context, in_vocabulary
from synthdsl.model.domains import draw_domain
from synthdsl.model.expressions import Above, Constant, Expr, FieldRef, FileColumn, walk
from synthdsl.model.spec import Field, Table
from synthdsl.values.columns import Column, Vocabulary
from synthdsl.values.types import Kind

if TYPE_CHECKING:
    from synthdsl.engine.run import TableRun

Floats = NDArray[np.float64]
MOST_KINDS = 1 << 15
ROUNDING = 1e-9


def largest_chance(
    chance: Callable[[Frame], Floats],
    reads: set[str] | None,
    run: TableRun,
    tables: dict[str, Table],
) -> float:
    """At least the largest of `chance` over the entities of a table; 1 where it is not known.

    `reads`: the fields that it depends on.
    """
    if reads is None:
        return 1.0
    frame = _every_kind(reads, run, tables)
    if frame is None:
        return 1.0
    try:
        found = chance(frame)
    except SynthError:
        # values that do not occur together need not make sense
        return 1.0
    if not np.isfinite(found).all() or not found.size or not (found > 0).any():
        return 1.0
    return float(min(1.0, found.max() * (1 + ROUNDING)))


def _every_kind(reads: set[str], run: TableRun, tables: dict[str, Table]) -> Frame | None:
    """A row for each combination of values of the fields that decide all `reads`."""
    table = run.plan.table
    domains: dict[str, list[Any]] = {}
    derived: set[str] = set()
    stack = list(reads)
    while stack:
        name = stack.pop()
        if name in domains or name in derived:
            continue
        field = table.fields.get(name)
        if field is None:
            return None
        values = values_of(field, table, tables)
        if values is not None:
            domains[name] = values
        elif field.value is not None and _is_simple(field.value):
            derived.add(name)
            stack.extend(field.depends_on)
        else:
            return None
    rows = prod(len(values) for values in domains.values())
    if not 0 < rows <= MOST_KINDS:
        return None
    frame = Frame(table.name, 0, np.zeros(rows, np.uint64), np.zeros(rows, np.int64))
    number = np.arange(rows)
    for name, values in domains.items():
        column = _column(run, table.fields[name], values)
        found = take(column, number % len(values))
        number = number // len(values)
        frame.columns[name] = found
    for step in run.plan.steps:
        for name in step.fields:
            if name in derived:
                try:
                    run.fill_field(name, frame)
                except SynthError:
                    return None
    return frame


def _is_simple(value: Expr) -> bool:
    return all(isinstance(e, OF_ONE_ROW) and not isinstance(e, Above) for e in walk(value))


def values_of(field: Field, table: Table, tables: dict[str, Table]) -> list[Any] | None:
    """Raw values that a field can have, null (None) among them; None where they are too many."""
    found: tuple[Any, ...] | None = None
    value = field.value
    if field.draw is not None:
        found = draw_domain(field.draw, field)
    elif isinstance(value, FileColumn):
        found = tuple(dict.fromkeys(v for v in value.values if v is not None))
    elif isinstance(value, Constant):
        found = (value.value,)
    elif isinstance(value, Above) and isinstance(value.inner, FieldRef) and table.parent:
        above = tables[table.parent.table]
        inner = above.fields.get(value.inner.field)
        found_above = None if inner is None else values_of(inner, above, tables)
        found = None if found_above is None else tuple(found_above)
    if found is None and field.type.enum is not None:
        found = field.type.enum.members
    if found is None and field.type.kind is Kind.BOOL:
        found = (False, True)
    if found is None or len(found) > MOST_KINDS:
        return None
    values = list(dict.fromkeys(found))
    if field.type.is_nullable and None not in values:
        values.append(None)
    return values


def _column(run: TableRun, field: Field, values: list[Any]) -> Column:
    words = run.plan.fields[field.name].words
    context = Context(
        field,
        run.simplified,
        vocabulary=None if words is None else Vocabulary(words),
        parts=frozenset(),
        by_level=False,
    )
    return in_vocabulary(raw_column(values, field.type), context)
