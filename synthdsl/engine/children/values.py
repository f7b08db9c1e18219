"""The values that fields of an entity can have, where they can be listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthdsl.engine.children.reading import OF_ONE_ROW
from synthdsl.engine.lookup_index import raw_column
from synthdsl.engine.samplers import Context, in_vocabulary
from synthdsl.model.domains import draw_domain
from synthdsl.model.expressions import Above, Constant, Expr, FieldRef, FileColumn, walk
from synthdsl.model.spec import Field, Table
from synthdsl.values.columns import Column, Vocabulary
from synthdsl.values.types import Kind

if TYPE_CHECKING:
    from synthdsl.engine.run import TableRun

MOST_KINDS = 1 << 15


def is_simple(value: Expr) -> bool:
    """Whether a derived field follows from fields of its own row."""
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


def column_of(run: TableRun, field: Field, values: list[Any]) -> Column:
    """Raw values as a column of the field."""
    words = run.plan.fields[field.name].words
    context = Context(
        field,
        run.simplified,
        vocabulary=None if words is None else Vocabulary(words),
        parts=frozenset(),
        by_level=False,
    )
    return in_vocabulary(raw_column(values, field.type), context)
