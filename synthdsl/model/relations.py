"""How tables hang together, and what a row can read of rows above, below and beside it.

What a row reads from elsewhere becomes a *latent field* of its table: `p.age` of a child, where
`p` is its parent, is a latent field `p.age` of the child's table. So everything that works on
the fields of one row works on it, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from synthdsl.language import tree
from synthdsl.model.expressions import (
    Above,
    Constant,
    Expr,
    FieldRef,
    Neighbour,
    Part,
    Referred,
    RowIndex,
    Unknown,
    fields_read,
)
from synthdsl.model.findings import Findings
from synthdsl.model.inference import infer
from synthdsl.model.quantities import unknown
from synthdsl.model.scope import Scope
from synthdsl.model.spec import Field, Table
from synthdsl.source import Span
from synthdsl.values.types import INT, Kind, Type

NEIGHBOURS = ("prev", "next", "first", "last")


def count_name(table: str) -> str:
    """The latent field of a parent that says how many rows of `table` it has."""
    return f"#{table}"


@dataclass(eq=False)
class TableLinks:
    """A table among its relatives. `scope` is that of its rows; `variable` names the parent."""

    name: str
    scope: Scope
    parent: str | None = None
    variable: str | None = None
    is_machine: bool = False
    has_stop: bool = False
    children: list[str] = field(default_factory=list)
    latent: dict[str, Field] = field(default_factory=dict)
    table: Table | None = None
    """The table itself, once it is built."""

    def add_latent(self, name: str, type: Type, value: Expr, span: Span) -> FieldRef:
        """A latent field that is derived from `value`, made at its first mention."""
        if name not in self.latent:
            self.latent[name] = latent_field(name, type, value, span)
        return FieldRef(self.latent[name].type, span, name)


def latent_field(name: str, type: Type, value: Expr, span: Span) -> Field:
    """A derived field that the spec does not name."""
    return Field(name, type, None, value, True, (), name, "", span, span, f"= {name}")


class Relations:
    """All tables of a spec, by name."""

    def __init__(self) -> None:
        self.tables: dict[str, TableLinks] = {}

    def add(self, links: TableLinks) -> None:
        """Add a table; parents are linked by `link_children`."""
        self.tables[links.name] = links

    def link_children(self) -> None:
        """Tell parents of their children."""
        for links in self.tables.values():
            if links.parent is not None:
                self.tables[links.parent].children.append(links.name)

    def above(self, table: str) -> Iterator[str]:
        """The ancestors of `table`, its parent first."""
        parent = self.tables[table].parent
        while parent is not None:
            yield parent
            parent = self.tables[parent].parent

    def latent_fields(self, table: str) -> dict[str, bool]:
        """The latent fields of a table by name: whether what they read of rows above is seen."""
        links = self.tables.get(table)
        if links is None:
            return {}
        return {name: self._is_seen(latent, links) for name, latent in links.latent.items()}

    def _is_seen(self, latent: Field, links: TableLinks) -> bool:
        """Whether the files show what a latent field reads in the parent's row."""
        if not isinstance(latent.value, Above) or links.parent is None:
            return True
        parent = self.tables[links.parent]
        for name in fields_read(latent.value.inner):
            own = None if parent.table is None else parent.table.fields.get(name)
            if own is not None and (own.is_let or (parent.table and name in parent.table.masks)):
                return False
            if name in parent.latent and not self._is_seen(parent.latent[name], parent):
                return False
        return True

    # single values

    def value(
        self, node: tree.Path, scope: Scope, findings: Findings, expected: Type | None
    ) -> Expr | None:
        """What a path of several names reads from another row; None where it names no row."""
        links = self.tables.get(scope.table)
        if links is None or (len(node.names) < 2 and node.names[0] not in ("prev", "next")):
            return None
        head, rest = node.names[0], tree.Path(node.span, node.names[1:])
        if head == links.variable:
            return self._import(links, node, rest, findings, expected)
        type_ = scope.field_type(head)
        if type_ is not None and type_.kind is Kind.REFERENCE:
            return self._referred(links, node, rest, type_, findings)
        is_member = bool(scope.file.owners(head)) and len(node.names) == 1
        if head in NEIGHBOURS and type_ is None and not is_member:
            return self._neighbour(links, node, rest, scope, findings)
        return None

    def _import(
        self,
        links: TableLinks,
        node: tree.Path,
        rest: tree.Path,
        findings: Findings,
        expected: Type | None,
    ) -> Expr:
        if links.parent is None:
            return unknown(node.span)  # reported: the parent is no table
        inner = infer(rest, self.tables[links.parent].scope, findings, expected)
        return self.lifted(links.name, ".".join(node.names), inner, node.span)

    def lifted(self, table: str, name: str, inner: Expr, span: Span) -> Expr:
        """A value of the parent's row, as a latent field of `table`."""
        if isinstance(inner, Constant | Unknown):
            return inner
        return self.tables[table].add_latent(name, inner.type, Above(inner.type, span, inner), span)

    def _referred(
        self, links: TableLinks, node: tree.Path, rest: tree.Path, type: Type, findings: Findings
    ) -> Expr:
        target = self.tables.get(type.table)
        if target is None:
            return unknown(node.span)
        inner = infer(rest, target.scope, findings)
        if isinstance(inner, Constant | Unknown):
            return inner
        if not isinstance(inner, FieldRef | RowIndex):
            findings.report(
                "bad-relation",
                node.span,
                f"`{node.text}` reads more than a field of `{type.table}`",
                f"give `{type.table}` a `let` field with that value, and read that",
            )
            return unknown(node.span)
        name = inner.field if isinstance(inner, FieldRef) else "index"
        found = inner.type.nullable(inner.type.is_nullable or type.is_nullable)
        return links.add_latent(
            node.text, found, Referred(found, node.span, node.names[0], type.table, name), node.span
        )

    def _neighbour(
        self,
        links: TableLinks,
        node: tree.Path,
        rest: tree.Path,
        scope: Scope,
        findings: Findings,
    ) -> Expr:
        which = node.names[0]
        if links.parent is None and links.variable is not None:
            return unknown(node.span)  # reported: the parent is no table
        if links.parent is None:
            findings.report(
                "no-siblings",
                node.span,
                f"`{node.text}`: rows of `{links.name}` have no parent, so none is before another",
                f"put them under one: `table {links.name} per owner o [count ~ ...]`",
            )
            return unknown(node.span)
        if not rest.names:
            return Neighbour(INT.nullable(), node.span, which, None)
        inner = infer(rest, replace(scope, row_variable=None, outer=None), findings)
        if isinstance(inner, Constant | Unknown):
            return inner
        if isinstance(inner, RowIndex):
            return Neighbour(INT.nullable(), node.span, which, None)
        if not isinstance(inner, FieldRef):
            findings.report(
                "bad-relation",
                node.span,
                f"`{node.text}` reads more than a field of that row",
                "give the table a `let` field with that value, and read that",
            )
            return unknown(node.span)
        is_nullable = inner.type.is_nullable or which in ("prev", "next")
        return Neighbour(inner.type.nullable(is_nullable), node.span, which, inner.field)

    # ways to several rows

    def way(self, path: tree.Path, scope: Scope, findings: Findings) -> Way | None:
        """The rows that a path of a comprehension names; None after a report."""
        level = 0
        names = path.names
        current: Scope | None = scope
        while current is not None:
            if current.row_variable is None:
                break
            if names[0] == current.row_variable:
                names = names[1:]
                break
            current, level = current.outer, level + 1
        links = None if current is None else self.tables.get(current.table)
        if links is None or not names:
            self._report_way(path, path.names[0], None, scope, findings)
            return None
        up = 0
        while names and names[0] == links.variable:
            if links.parent is None:
                return None  # reported: the parent is no table
            links, up, names = self.tables[links.parent], up + 1, names[1:]
        start, down = links.name, []
        for name in names:
            if name not in links.children:
                self._report_way(path, name, links, scope, findings)
                return None
            down.append(name)
            links = self.tables[name]
        if not down:
            self._report_way(path, path.names[-1], links, scope, findings)
            return None
        return Way(level, up, start, tuple(down))

    def _report_way(
        self,
        path: tree.Path,
        name: str,
        links: TableLinks | None,
        scope: Scope,
        findings: Findings,
    ) -> None:
        """Report that `name` leads nowhere from rows of `links`, or (None) of no row at all."""
        start = self.tables[scope.table] if links is None else links
        variable = scope.row_variable
        if links is None and name in start.children:
            message = f"`{path.text}`: it is not said of which `{start.name}`"
            help_ = f"write `{variable}.{path.text}`"
        elif name in self.tables:
            message = f"`{path.text}`: rows of `{name}` do not stand under those of `{start.name}`"
            if start.name in self.above(name):
                down = [name, *self.above(name)]
                way = ".".join(reversed(down[: down.index(start.name)]))
                help_ = f"go through the tables between them: `{way}`"
            elif name == start.name:
                help_ = "rows of one table are gone through from their parent, or in an `expect`"
            else:
                help_ = f"a row of `{name}` is read through a field that refers to it: `ref {name}`"
        else:
            where = "here" if links is None else f"under `{links.name}`"
            message = f"`{path.text}`: there is no table `{name}` {where}"
            close = get_close_matches(name, start.children, n=1, cutoff=0.6)
            if close:
                help_ = f"did you mean `{close[0]}`?"
            elif start.children:
                help_ = "there is " + ", ".join(f"`{child}`" for child in start.children)
            else:
                help_ = f"declare it: `table {name} per {start.name} {start.name[0]} [...]`"
        findings.report("bad-relation", path.span, message, help_)


@dataclass(frozen=True)
class Way:
    """To related rows: from the row `level` scopes outside go `up` parents to a row of `start`,
    then `down` through tables.
    """

    level: int
    up: int
    start: str
    down: tuple[str, ...]


def is_plain_part(expression: Expr) -> bool:
    """Whether an expression is a field of the row, or a part of one."""
    return isinstance(expression, FieldRef | Part)
