"""Fields that are read from each other through references, in a circle.

Rows that refer to earlier ones of their own table end somewhere: a depth in a tree may be read from
the row above it. Any other circle has no beginning.
"""

from __future__ import annotations

from collections.abc import Iterator

from synthdsl.diagnostics import Label
from synthdsl.model.draws import (
    ChooseDraw,
    DrawNode,
    FixedDraw,
    RefDraw,
    expressions_of,
    inner_draws,
)
from synthdsl.model.expressions import (
    Above,
    Constant,
    Expr,
    FieldRef,
    Neighbour,
    Outer,
    Part,
    Referred,
    Related,
    TargetField,
    ZScore,
    children,
    inner_parts,
)
from synthdsl.model.findings import Findings
from synthdsl.model.ordering import circles, shortest_way
from synthdsl.model.relations import count_name
from synthdsl.model.spec import Field, Spec, Table

Tables = dict[str, Table]
Read = tuple[str, str, str]
"""A table and a field that are read, and through which reference of the row ("": none)."""


def check_reference_circles(spec: Spec, findings: Findings) -> None:
    """What is read through references does not depend on itself, but in earlier rows."""
    tables = spec.tables
    if not any(f.type.table for t in tables.values() for f in t.fields.values()):
        return
    reads = {
        (table.name, field.name): list(_field_reads(field, table, tables))
        for table in tables.values()
        for field in table.fields.values()
    }
    needs = {
        _spelled(*node): list(dict.fromkeys(_spelled(t, f) for t, f, _ in found if (t, f) in reads))
        for node, found in reads.items()
    }
    for circle in circles(needs):
        inside = set(circle)
        if _report_together(circle, tables, findings):
            continue
        through = [
            (node, read)
            for node, found in reads.items()
            if _spelled(*node) in inside
            for read in found
            if read[2] and _spelled(*read[:2]) in inside
        ]
        if through and not all(_ends(node[0], read, tables) for node, read in through):
            _report(circle, needs, tables, findings)


def _report_together(circle: list[str], tables: Tables, findings: Findings) -> bool:
    """Report a reference that is drawn for all siblings at once and reads earlier values of its
    own.
    """
    for name in circle:
        table, field = name.split("\n")
        item = tables[table].fields[field]
        if isinstance(item.draw, RefDraw) and item.draw.needs_siblings:
            findings.report(
                "cycle",
                item.draw.span,
                f"`{field}` is drawn for all rows under one parent at once, and depends on that of "
                "rows before",
                "remove `distinct`, or what is read of `prev`",
            )
            return True
    return False


def _spelled(table: str, field: str) -> str:
    return f"{table}\n{field}"


def _report(
    circle: list[str], needs: dict[str, list[str]], tables: Tables, findings: Findings
) -> None:
    """Report a circle by the fields that the spec has a line for."""
    start = min(circle)
    way = shortest_way(start, {start}, needs, inside=set(circle))
    assert way is not None
    nodes = [tuple(name.split("\n")) for name in way[:-1]]
    named = [(t, f) for t, f in nodes if tables[t].fields[f].text[2:] != f and "#" not in f]
    shown = named or nodes
    first, *others = shown
    spelled = " -> ".join(f"{t}.{f}" for t, f in [*shown, first])
    findings.report(
        "cycle",
        tables[first[0]].fields[first[1]].name_span,
        f"fields are read from each other through references, in a circle: {spelled}",
        "let one of them not read the next",
        labels=tuple(Label(tables[t].fields[f].name_span) for t, f in others[:8]),
    )


def _ends(table: str, read: Read, tables: Tables) -> bool:
    """Whether a row reads an earlier one of its own table, which was drawn as such."""
    target, _, reference = read
    field = tables[table].fields.get(reference)
    if target != table or tables[table].parent is not None or field is None:
        return False
    return field.draw is not None and _is_of_earlier(field.draw, table)


def _is_of_earlier(draw: DrawNode, table: str) -> bool:
    if isinstance(draw, ChooseDraw):
        branches = [d for _, d in draw.branches] + [draw.otherwise]
        return all(_is_of_earlier(branch, table) for branch in branches)
    if isinstance(draw, FixedDraw):
        return isinstance(draw.value, Constant)
    return isinstance(draw, RefDraw) and draw.table == table


def _field_reads(field: Field, table: Table, tables: Tables) -> Iterator[Read]:
    if table.parent is not None:
        yield table.parent.table, count_name(table.name), ""
    if field.value is not None:
        yield from _reads(field.value, table.name, tables, ())
    if field.draw is None:
        return
    for expression in expressions_of(field.draw):
        yield from _reads(expression, table.name, tables, ())
    for draw in inner_draws(field.draw):
        if isinstance(draw, RefDraw) and draw.table != table.name:
            for part in (draw.condition, draw.weight):
                if part is not None:
                    yield from _target_reads(part, draw, field.name)


def _target_reads(part: Expr, draw: RefDraw, reference: str) -> Iterator[Read]:
    if isinstance(part, TargetField) and part.field is not None:
        yield draw.table, part.field, f"{reference} itself"
    for child in children(part):
        yield from _target_reads(child, draw, reference)


def _reads(expression: Expr, table: str, tables: Tables, outer: tuple[str, ...]) -> Iterator[Read]:
    if isinstance(expression, FieldRef | Part | ZScore):
        yield table, expression.field, ""
    elif isinstance(expression, Referred):
        yield table, expression.reference, ""
        yield expression.table, expression.target, expression.reference
    elif isinstance(expression, Neighbour):
        if expression.field is not None:
            yield table, expression.field, ""
    elif isinstance(expression, Above):
        parent = tables[table].parent
        if parent is not None:
            yield from _reads(expression.inner, parent.table, tables, ())
    elif isinstance(expression, Outer):
        yield from _reads(expression.inner, outer[-1], tables, outer[:-1])
    elif isinstance(expression, Related):
        for part in inner_parts(expression):
            yield from _reads(part, expression.path[-1], tables, (*outer, table))
        for name in expression.path:
            above = tables[name].parent
            if above is not None:
                yield above.table, count_name(name), ""
    else:
        for child in children(expression):
            yield from _reads(child, table, tables, outer)
