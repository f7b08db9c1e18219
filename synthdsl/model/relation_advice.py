"""What to type for names that mean something in another row, but nothing in this one."""

from __future__ import annotations

import re

from synthdsl.language import tree
from synthdsl.model.relations import NEIGHBOURS, Relations, TableLinks
from synthdsl.model.scope import Scope

_AGGREGATES = {
    "any": "any", "all": "all", "none": "none", "count": "count", "sum": "sum", "mean": "mean",
    "exists": "any", "some": "any", "every": "all", "len": "count", "avg": "mean",
    "average": "mean", "total": "sum", "minimum": "min", "maximum": "max",
}  # fmt: skip
"""What goes through rows, by the names that it has elsewhere."""
_NEIGHBOURS = {
    "prev": "prev", "previous": "prev", "lag": "prev", "next": "next", "lead": "next",
    "first": "first", "last": "last", "first_value": "first", "last_value": "last",
}  # fmt: skip
_BEFORE = ("previous", "lag", "preceding", "last_row")
_PATH = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)*")
_AFTER = ("following", "lead", "subsequent")


def advice_on_rows(node: tree.Path, scope: Scope) -> str | None:
    """What a person meant who typed `node`, which is no name in `scope`; None if that is open."""
    relations: Relations | None = scope.relations
    links = None if relations is None else relations.tables.get(scope.table)
    if relations is None or links is None:
        return None
    head, rest = node.names[0], node.names[1:]
    typed, name = node.span.text, ".".join(node.names)
    row = typed[: -len(name)] if typed != name and typed.endswith(f".{name}") else ""
    if scope.row_variable is not None:
        row = f"{scope.row_variable}."
    if scope.row_variable is not None and (
        head in NEIGHBOURS or (not rest and scope.field_type(head) is not None)
    ):
        return f"write `{row}{name}`"
    if head in _BEFORE + _AFTER and links.parent is not None:
        word = "prev" if head in _BEFORE else "next"
        return f"write `{'.'.join((row + word, *rest))}` for the row beside this one"
    if head in links.children:
        return _several(node, row, relations, links)
    if rest and head == links.name:
        own = f"{row}{rest[0]}"
        beside = f", `{row}prev.{rest[0]}` for the row before" if links.parent is not None else ""
        return f"write `{own}` for this row{beside}"
    target = getattr(relations, "target", None)
    if not rest and target is not None and target.scope.field_type(head) is not None:
        return f"write `{target.name}.{head}` for the row that may be chosen"
    return _above(node, row, relations, links) or _elsewhere(head, rest, relations)


def _several(node: tree.Path, row: str, relations: Relations, links: TableLinks) -> str:
    """Rows below are gone through."""
    names, way = list(node.names), []
    while names and names[0] in links.children:
        links = relations.tables[names[0]]
        way.append(names.pop(0))
    field = f"x.{names[0]}" if names else "x"
    function = "max" if names else "count"
    return (
        f"there are several rows of `{way[-1]}`: go through them, "
        f"`{function}({field} for x in {row}{'.'.join(way)})`"
    )


def _above(node: tree.Path, row: str, relations: Relations, links: TableLinks) -> str | None:
    """A table above by its own name or by the name that it has farther up, or a field of it."""
    head, rest = node.names[0], node.names[1:]
    way: list[str] = []
    while links.parent is not None and links.variable is not None:
        way.append(links.variable)
        links = relations.tables[links.parent]
        here = row + ".".join(way)
        if rest and (head == links.name or (head == way[-1] and len(way) > 1)):
            return f"write `{here}.{'.'.join(rest)}`"
        if not rest and head in links.scope.field_names:
            return f"write `{here}.{head}`"
    return None


def _elsewhere(head: str, rest: tuple[str, ...], relations: Relations) -> str | None:
    target = relations.tables.get(head)
    if target is None:
        return None
    if target.parent is not None:
        return f"rows of `{head}` are gone through from above: `max(x.... for x in ...)`"
    field = f", then `x.{rest[0]}`" if rest else ""
    return f"refer to a row of `{head}`: `x: {head} ~ ref {head}`{field}"


def row_named(node: tree.Path, scope: Scope) -> tuple[str, str] | None:
    """The table of the row above that `node` names where a value is needed, and what to type."""
    relations: Relations | None = scope.relations
    links = None if relations is None else relations.tables.get(scope.table)
    if relations is None or links is None or len(node.names) != 1:
        return None
    name = node.names[0]
    table = links.name if name == scope.row_variable else links.parent
    if table is None or name not in (scope.row_variable, links.variable):
        return None
    built = relations.tables[table].table
    key = built.key[0] if built is not None and built.key else "index"
    return table, f"compare what tells its rows apart, such as `{node.span.text}.{key}`"


def call_on_rows(node: tree.Call, name: str, scope: Scope) -> tuple[str, str] | None:
    """What is wrong with a call by a name that means rows, and what to type; None for others."""
    argument = node.arguments[0].value if node.arguments else None
    value = argument.value if isinstance(argument, tree.Comprehension) else argument
    path = value if isinstance(value, tree.Path) else None
    if name in _NEIGHBOURS and len(node.arguments) <= 2:
        word = _NEIGHBOURS[name]
        field = path.names[-1] if path is not None else "day"
        return (
            f"`{word}` is a row, not a function",
            f"write `{word}.{field}` among rows under one parent",
        )
    if name not in _AGGREGATES:
        return None
    function = _AGGREGATES[name]
    if isinstance(argument, tree.Comprehension):
        inside = argument.span.text
        if function == "any" and path is not None and path.names == (argument.variable,):
            return f"`{name}` is a number of rows above 0", f"write `count({inside}) > 0`"
        return f"`{name}` is called `{function}` here", f"write `{function}({inside})`"
    given = "" if argument is None else argument.span.text
    rows = _rows_named(given, scope)
    if rows is None and name == "len":
        return None
    way, value_text = rows or ("visit", "x.field")
    if function == "count":
        value_text = "x"
    return (
        f"`{function}` goes through rows, each of which has a name",
        f"write `{function}({value_text} for x in {way})`",
    )


def _rows_named(text: str, scope: Scope) -> tuple[str, str] | None:
    """The tables that `text` goes through, and what it takes of their rows, `x`."""
    tables = () if scope.relations is None else scope.relations.tables
    for match in _PATH.finditer(text):
        parts = match[0].split(".")
        is_table = [part in tables or scope.row_scope(part) is not None for part in parts]
        if any(is_table):
            last = len(parts) - is_table[::-1].index(True)
            variable = re.match(r"([A-Za-z]\w*)(\S*)\s+in\s*$", text[: match.start()])
            if variable is not None:  # `s.refills in script`
                return ".".join(parts), f"x{variable[2]}" if variable[2] else "x.field"
            # in an `expect` whole tables are gone through, without the row above
            way = parts[:last] if scope.relations is not None else parts[last - 1 : last]
            field = ".".join(["x", *parts[last:]]) if parts[last:] else "x.field"
            return ".".join(way), text[: match.start()] + field + text[match.end() :]
    return None


def differing_rows(node: tree.Call, scope: Scope) -> str | None:
    """How rows under one parent are made to differ in what `node` names; None at a root."""
    relations: Relations | None = scope.relations
    links = None if relations is None else relations.tables.get(scope.table)
    path = node.arguments[0].value
    if links is None or links.parent is None or not isinstance(path, tree.Path):
        return None
    above = links.variable
    return (
        f"rows under one `{links.parent}` differ with `rule name each {links.parent} {above}: "
        f"distinct(x.{path.names[-1]} for x in {above}.{links.name})`, references with "
        "`ref ... distinct`"
    )
