"""Names of a table's fields as their authors know them: latent fields nobody declared are others.

What a row reads from elsewhere, and what an aggregate comes to, are latent fields of its table
(`model.relations`), named as they were typed; the number of rows under a parent is `#name`.
"""

from __future__ import annotations

from synthdsl.model.expressions import Above, FieldRef, FileColumn, MachineColumn, RowIndex
from synthdsl.model.spec import Field, Table
from synthdsl.plan.nodes import END, MACHINE


def is_declared(name: str) -> bool:
    """Whether a field has the name of one that a spec can declare."""
    return name.isidentifier()


def written(name: str) -> str:
    """A field as its reader knows it: an import or an aggregate as typed, a number of rows in
    words.
    """
    if name in (MACHINE, END):
        return ""
    return f"number of {name[1:]} rows" if name.startswith("#") else name


def derived_words(field: Field, table: Table) -> str:
    """How a field without a draw comes about."""
    if isinstance(field.value, MachineColumn):
        return _MACHINE_COLUMNS[field.value.name]
    if isinstance(field.value, FileColumn):
        return "column of the file"
    if key_of_parent(field, table):
        assert table.parent is not None
        return f"key of the {table.parent.table} that the row is under"
    if table.parent is not None and field.name == "index" and isinstance(field.value, RowIndex):
        return f"number of the row under its {table.parent.table}, from 0"
    return f"derived {field.text}"


_MACHINE_COLUMNS = {
    "state": "the state that is visited",
    "entered": "when the state is entered",
    "stay": "how long it lasts, by the state; null in a final one",
    "left": "when the state is left: entered + stay",
}


def key_of_parent(field: Field, table: Table) -> str:
    """What a field that `key` has added reads of the parent; empty for any other."""
    value, parent = field.value, table.parent
    if parent is None or not isinstance(value, Above) or not isinstance(value.inner, FieldRef):
        return ""
    if not is_declared(field.name) or field.name != f"{parent.table}_{value.inner.field}":
        return ""
    return f"{parent.variable}.{value.inner.field}"
