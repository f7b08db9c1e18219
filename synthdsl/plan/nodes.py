"""What fields of related tables need of each other: a field of a table is a *node*.

Beside fields there are the nodes of a table's rows: they begin with the number of rows under each
parent (`#visit`, a field of the parent) or with the run of a pathway, and end with `until`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from synthdsl.model.draws import expressions_of
from synthdsl.model.expressions import (
    Above,
    Expr,
    FieldRef,
    MachineColumn,
    Neighbour,
    Outer,
    Part,
    Referred,
    Related,
    ZScore,
    children,
    inner_parts,
    walk,
)
from synthdsl.model.relations import count_name
from synthdsl.model.spec import Field, Table

Node = tuple[str, str]
Tables = Mapping[str, Table]

MACHINE = "#machine"
"""The run of a pathway, which makes its rows."""
END = "#end"
"""The rows as they are once `until` has been looked at."""


@dataclass(frozen=True)
class Read:
    """A node that is read; `which`: of another row under the same parent (`prev`, `next`,
    `first` or `last`).
    """

    node: Node
    which: str = ""

    @property
    def is_before(self) -> bool:
        """Whether an earlier row is read. The first row is before the others, not itself."""
        return self.which == "prev"

    @property
    def is_after(self) -> bool:
        """Whether a row is read that may be later."""
        return self.which in ("next", "last")


def begin_of(table: Table) -> Node | None:
    """What must be there before a row of `table` is; None for a table without parent."""
    if table.machine is not None:
        return (table.name, MACHINE)
    return None if table.parent is None else (table.parent.table, count_name(table.name))


def whole_of(table: Table) -> Node | None:
    """What must be there before all rows of `table` are known."""
    return begin_of(table) if table.stop is None else (table.name, END)


def expression_reads(
    expression: Expr, table: str, tables: Tables, outer: tuple[str, ...] = ()
) -> Iterator[Read]:
    """What an expression of a row of `table` reads; `outer`: the tables of the rows outside."""
    if isinstance(expression, FieldRef | Part | ZScore):
        yield Read((table, expression.field))
    elif isinstance(expression, Referred):
        yield Read((table, expression.reference))
        if expression.table == table and tables[table].parent is not None:
            yield Read((table, expression.target))
    elif isinstance(expression, Neighbour):
        if expression.which in ("next", "last"):
            whole = whole_of(tables[table])
            if whole is not None:
                yield Read(whole)
        if expression.field is not None:
            yield Read((table, expression.field), expression.which)
    elif isinstance(expression, Above):
        parent = tables[table].parent
        assert parent is not None
        yield from expression_reads(expression.inner, parent.table, tables)
    elif isinstance(expression, Outer):
        yield from expression_reads(expression.inner, outer[-1], tables, outer[:-1])
    elif isinstance(expression, Related):
        yield from _related_reads(expression, table, tables, outer)
    else:
        for child in children(expression):
            yield from expression_reads(child, table, tables, outer)


def _related_reads(
    expression: Related, table: str, tables: Tables, outer: tuple[str, ...]
) -> Iterator[Read]:
    for name in expression.path:
        for node in (begin_of(tables[name]), whole_of(tables[name])):
            if node is not None:
                yield Read(node)
    for part in inner_parts(expression):
        yield from expression_reads(part, expression.path[-1], tables, (*outer, table))


def field_reads(field: Field, table: Table, tables: Tables) -> set[Read]:
    """What a field of `table` is computed or drawn from, its row included."""
    expressions = list(expressions_of(field.draw)) if field.draw is not None else []
    if field.value is not None:
        expressions.append(field.value)
    found = {r for e in expressions for r in expression_reads(e, table.name, tables)}
    begin = begin_of(table)
    if begin is not None:
        found.add(Read(begin))
    for correlation in table.correlations:
        if field.name in correlation.fields:
            found |= {Read((table.name, name)) for name in correlation.groups}
    return found


def touched_by_masks(tables: Tables) -> frozenset[Node]:
    """Fields that are masked, or derived from such, also through references."""
    found = {(name, mask) for name, table in tables.items() for mask in table.masks}
    if not found:
        return frozenset()
    readers: dict[Node, list[Node]] = {}
    for name, table in tables.items():
        for field in table.fields.values():
            if field.value is not None:
                for node in _value_reads(field.value, name, tables):
                    readers.setdefault(node, []).append((name, field.name))
    stack = list(found)
    while stack:
        for reader in readers.get(stack.pop(), ()):
            if reader not in found:
                found.add(reader)
                stack.append(reader)
    return frozenset(found)


def _value_reads(value: Expr, table: str, tables: Tables) -> Iterator[Node]:
    for read in expression_reads(value, table, tables):
        yield read.node
    if isinstance(value, Referred):
        yield value.table, value.target


def reads_beyond(expression: Expr) -> bool:
    """Whether an expression reads other rows than its own and those above, or is a pathway's."""
    return any(isinstance(e, Related | Neighbour | MachineColumn) for e in walk(expression))


def is_under(name: str, table: str, tables: Tables) -> bool:
    """Whether `name` is `table` or hangs under it."""
    at: str | None = name
    while at is not None:
        if at == table:
            return True
        parent = tables[at].parent
        at = None if parent is None else parent.table
    return False


def tables_under(root: str, tables: Tables) -> tuple[str, ...]:
    """`root` and all that hangs under it, parents first."""
    found = [root]
    for name in found:
        found += [n for n, t in tables.items() if t.parent is not None and t.parent.table == name]
    return tuple(found)


def depth_of(name: str, tables: Tables) -> int:
    """How many parents are above a table."""
    parent = tables[name].parent
    return 0 if parent is None else 1 + depth_of(parent.table, tables)
