"""Which references of a run become foreign keys of a database, and the order of its tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from synthdsl.io._ddl import ForeignKey, table_facts, with_foreign_keys

if TYPE_CHECKING:
    import pyarrow as pa


def for_database(schemas: Mapping[str, pa.Schema]) -> dict[str, pa.Schema]:
    """`schemas` with their foreign keys settled, each table behind those it refers to.

    Otherwise the order stays. A reference is declared where its target is written in this run,
    and the columns it names are the target's key. Of tables that refer to one another in a
    circle, no order would do for all: there the reference to the later table is left out.
    """
    possible = {name: _possible(name, schemas) for name in schemas}
    order: dict[str, pa.Schema] = {}
    entered: set[str] = set()

    def visit(name: str) -> None:
        entered.add(name)
        for _, target, _ in possible[name]:
            if target not in entered:
                visit(target)
        declared = [key for key in possible[name] if key[1] in order or key[1] == name]
        order[name] = with_foreign_keys(schemas[name], declared)

    for name in schemas:
        if name not in entered:
            visit(name)
    return order


def _possible(name: str, schemas: Mapping[str, pa.Schema]) -> list[ForeignKey]:
    """The references of a table to a whole key that is there, its columns in the key's order."""
    found = []
    for fields, target, to in table_facts(schemas[name], name).references:
        key = table_facts(schemas[target], target).key if target in schemas else ()
        by_column = dict(zip(to, fields, strict=True))
        if key and len(to) == len(key) and set(to) == set(key):
            found.append((tuple(by_column[column] for column in key), target, key))
    return list(dict.fromkeys(found))
