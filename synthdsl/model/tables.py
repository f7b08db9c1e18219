"""Tables of the tree to tables of the model: fields in order, keys, masks, correlations, rules."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches

from synthdsl.diagnostics import Label
from synthdsl.language import tree
from synthdsl.model.coercion import coerce
from synthdsl.model.conditions import Conditions
from synthdsl.model.correlations import type_correlation
from synthdsl.model.draw_typing import type_draw
from synthdsl.model.draws import ChooseDraw, DrawNode, FixedDraw, UnknownDraw
from synthdsl.model.expressions import (
    Above,
    Choose,
    Constant,
    Expr,
    FieldRef,
    FileColumn,
    RowIndex,
    Unknown,
)
from synthdsl.model.field_types import FieldTypes
from synthdsl.model.findings import Findings
from synthdsl.model.fixed_rows import FixedRows, read_rows
from synthdsl.model.folding import fold
from synthdsl.model.inference import condition_of, infer
from synthdsl.model.masks import type_mask
from synthdsl.model.members import RESERVED_FIELDS as RESERVED_FIELDS
from synthdsl.model.members import Declared
from synthdsl.model.natural_types import natural_type
from synthdsl.model.nulls import may_be_null
from synthdsl.model.relations import Relations, TableLinks, count_name
from synthdsl.model.scope import FileScope, Scope
from synthdsl.model.shared_draws import is_draw
from synthdsl.model.spec import ROLES, Correlation, Field, Mask, Parent, SourceFile, Table
from synthdsl.source import Span
from synthdsl.values.types import (
    FLOAT,
    INT,
    Kind,
    Type,
)

MOST_ROWS = 2**48


class TableBuilder:
    """Builds one table. `outside`: the rules and cases for `each` of its rows, from the file.

    All builders collect what is declared before any of them reads it, since fields may read
    those of other tables.
    """

    def __init__(
        self,
        node: tree.Table,
        file: FileScope,
        findings: Findings,
        relations: Relations,
        *,
        outside: tuple[tree.Rule | tree.Case, ...] = (),
        allows_python: bool,
    ) -> None:
        self.node = node
        self._outside = outside
        self._file = file
        self._conditions = Conditions(node.name.text, relations, findings)
        self._findings = findings
        self._relations = relations
        self._types = FieldTypes(node.name.text, relations, findings, allows_python=allows_python)
        self._members = self._types.members
        self._fields: dict[str, Field] = {}
        self._masks: dict[str, Mask] = {}
        self._masked: set[str] = set()
        self._key: tuple[str, ...] = ()
        self._key_span: Span | None = None
        self._correlations: list[Correlation] = []
        self._file_rows: FixedRows | None = None
        self.links = TableLinks(
            node.name.text,
            self._types.row_scope(file),
            None if node.per is None else node.per.parent.text,
            None if node.per is None else node.per.variable.text,
            has_stop=node.stop is not None,
        )

    def collect(self) -> None:
        """Find out which fields are declared."""
        self._members.collect(self.node.members, self._file)
        self._types.note_names()
        variable = None if self.node.per is None else self.node.per.variable
        if variable is not None and variable.text in self._members.fields:
            self._findings.report(
                "ambiguous-name",
                variable.span,
                f"`{variable.text}` is both the row above and a field of `{self.node.name.text}`",
                "rename one",
                labels=(Label(self._members.fields[variable.text].node.name.span, "the field"),),
            )
        self.links.scope = self._types.row_scope(self._file)

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """The file with the rows, once the table is built."""
        rows = self._file_rows
        return () if rows is None else (SourceFile(rows.path, rows.digest),)

    def find_types(self) -> None:
        """Find the types of fields declared without one."""
        self._types.find()

    def build(self, parent_key: tuple[Field, ...]) -> Table:
        """The table; parts with mistakes are left out, each reported.

        `parent_key`: the key fields of the parent.
        """
        node = self.node
        if node.file is not None:
            self._file_rows = read_rows(node.file, self._file, self._findings)
        for name, declared in self._members.fields.items():
            self._fields[name] = self._field(declared)
        others = self._members.others
        self._masked = {n.field.text for n, _ in others if isinstance(n, tree.Missing)}
        for member, file in others:
            if isinstance(member, tree.Key):
                self._add_key(member, parent_key)
            else:
                self._add(member, self._types.row_scope(file))
        for condition in self._outside:
            self._conditions.add(condition, self._types.row_scope(self._file))
        rows = self._rows()
        stop = None
        if node.stop is not None:
            stop = condition_of(node.stop, self._types.row_scope(self._file), self._findings)
            if node.per is None:
                self._findings.report(
                    "no-siblings",
                    node.stop.span,
                    f"rows of `{node.name.text}` have no parent, so none is after another",
                    "remove `until`, or put the table under a parent with `per`",
                )
        return Table(
            node.name.text,
            rows,
            self._fields,
            self._key,
            self._masks,
            tuple(self._correlations),
            tuple(self._conditions.rules),
            node.description or "",
            node.name.span,
            tuple(self._conditions.cases),
            self._key_span,
            self._parent(),
            stop,
            is_fixed=node.file is not None,
        )

    def _parent(self) -> Parent | None:
        """The table above; None where it is no table, too."""
        if self.node.per is None or self.links.parent is None:
            return None
        return Parent(self.links.parent, self.node.per.variable.text)

    def count_field(self) -> Field | None:
        """The latent field of the parent that says how many rows of this table it has."""
        node, name = self.node, count_name(self.node.name.text)
        if node.per is None or node.per.parent.text not in self._relations.tables:
            return None
        parent = self._relations.tables[node.per.parent.text]
        scope = replace(parent.scope, row_variable=node.per.variable.text)
        condition = None
        if node.condition is not None:
            condition = condition_of(node.condition, scope, self._findings)
        span = node.name.span if node.size is None else node.size.span
        draw: DrawNode | None = None
        value: Expr | None = None
        if isinstance(node.size, tree.Count):
            draw = type_draw(node.size.draw, INT, scope, self._findings)
            if condition is not None and not isinstance(draw, UnknownDraw):
                none = FixedDraw(span, Constant(INT, span, 0))
                draw = ChooseDraw(span, ((condition, draw),), none)
        elif node.size is not None and is_draw(node.size, scope):
            text = " ".join(node.size.span.text.split())
            self._findings.report(
                "row-count",
                node.size.span,
                "a number of rows that is drawn is called `count`",
                f"write `[count ~ {text}]`",
            )
            value = Constant(INT, span, 0)
        elif node.size is not None:
            value = infer(node.size, scope, self._findings)
            value = coerce(value, INT, self._findings, "the number of rows under a parent")
            if condition is not None and not value.type.is_unknown:
                zero = Constant(INT, span, 0)
                value = fold(Choose(INT, span, ((condition, value),), zero))
        elif node.file is not None:
            value = Constant(INT, span, 0)  # reported with the file
        else:
            self._findings.report(
                "row-count",
                span,
                f"how many rows of `{node.name.text}` each `{parent.name}` has is not said",
                f"write `table {node.name.text} per {parent.name} {node.per.variable.text} "
                "[count ~ poisson(3)] {`",
            )
            value = Constant(INT, span, 0)
        text = " ".join(span.text.split()) if node.size is not None else ""
        return Field(name, INT, draw, value, True, (), name, "", span, span, text)

    def _add(self, node: tree.Statement, scope: Scope) -> None:
        """Add a member that is no field."""
        if isinstance(node, tree.Missing):
            self._add_mask(node, scope)
        elif isinstance(node, tree.Correlate):
            correlation = type_correlation(node, scope, self._fields, self._findings)
            if correlation is not None:
                self._correlations.append(correlation)
        elif isinstance(node, tree.Rule | tree.Case):
            self._conditions.add(node, scope)
        elif isinstance(node, tree.Expect):
            self._findings.report(
                "bad-expect",
                node.span,
                "an expectation measures a whole table: it stands outside of it",
                f"after the table: `expect mean(r.x for r in {self.node.name.text}) > 0`",
            )
        elif isinstance(node, tree.Learn):
            self._findings.report(
                "not-yet",
                node.span,
                "learned fields are part of the language, but not of this release",
            )

    def _add_mask(self, node: tree.Missing, scope: Scope) -> None:
        if node.field.text in self._masks:
            self._findings.report(
                "missing-twice",
                node.span,
                f"`{node.field.text}` has two `missing` statements",
                "join them",
            )
            return
        mask = type_mask(node, scope, self._fields, self._masked, self._findings)
        if mask is not None:
            self._masks[mask.field] = mask

    def _field(self, declared: Declared) -> Field:
        node, name = declared.node, declared.name
        type_ = self._types.type_of(name)
        assert type_ is not None
        scope = self._types.row_scope(declared.file, name.removesuffix(node.name.text))
        draw: DrawNode | None = None
        value: Expr | None = None
        if node.draw is not None:
            draw = self._draw(node, type_, scope)
        elif node.value is None:
            value = self._column_of_file(node, type_)
        else:
            hint = type_ if node.type is not None else None
            value = infer(node.value, scope, self._findings, hint)
            if node.type is not None:
                value = coerce(value, type_, self._findings, f"field `{name}`")
        return Field(
            name,
            type_,
            draw,
            value,
            node.is_let,
            self._roles(node),
            node.exported or name,
            node.description or "",
            node.span,
            node.name.span,
            _definition(node),
        )

    def _column_of_file(self, node: tree.Field, type: Type) -> Expr:
        """The values that the table's file has for a field."""
        name = node.exported or node.name.text
        if self.node.file is None:
            self._findings.report(
                "no-source",
                node.name.span,
                f"field `{node.name.text}` is neither drawn nor derived",
                "write `~` and a draw, or `=` and a value",
            )
            return Unknown(type, node.span)
        if node.type is None:
            self._findings.report(
                "missing-type",
                node.name.span,
                f"column `{node.name.text}` of the file has no type",
                f"write `let {node.name.text}: float`, or another type",
            )
        if self._file_rows is None or type.is_unknown:
            return Unknown(type, node.span)
        values = self._file_rows.column(name, type, node.name.span, self._findings)
        return Unknown(type, node.span) if values is None else FileColumn(type, node.span, values)

    def _draw(self, node: tree.Field, type: Type, scope: Scope) -> DrawNode:
        assert node.draw is not None
        if type.is_unknown:
            if node.type is None:
                return type_draw(node.draw, FLOAT, scope, self._findings)
            return UnknownDraw(node.span)
        if type.kind is Kind.LIST and node.type is not None:
            type = natural_type(node.draw, scope, Findings()).nullable(type.is_nullable)
        draw = type_draw(node.draw, type, scope, self._findings)
        if not isinstance(draw, UnknownDraw) and not type.is_nullable:
            culprit = may_be_null(draw)
            if culprit is not None:
                self._findings.report(
                    "nullable",
                    culprit,
                    f"this may be null, but field `{node.name.text}` is `{type}`",
                    f"declare it `{type}?`",
                )
        return draw

    def _roles(self, node: tree.Field) -> tuple[str, ...]:
        roles = []
        for role in node.roles:
            if role.text not in ROLES:
                close = get_close_matches(role.text, ROLES, n=1, cutoff=0.5)
                self._findings.report(
                    "bad-role",
                    role.span,
                    f"there is no role `@{role.text}`",
                    f"did you mean `@{close[0]}`?"
                    if close
                    else "roles are @identifier, @quasi, @sensitive",
                )
            elif role.text in roles:
                self._findings.report(
                    "bad-role", role.span, f"`@{role.text}` is given twice", "keep one"
                )
            else:
                roles.append(role.text)
        return tuple(roles)

    def _add_key(self, node: tree.Key, parent_key: tuple[Field, ...]) -> None:
        if self._key:
            self._findings.report(
                "bad-key", node.span, "a table has one key", "join them: `key (a, b)`"
            )
            return
        names: list[str] = []
        given: set[str] = set()
        for name in node.names:
            declared = self._members.fields.get(name.text)
            if name.text in given:
                self._findings.report(
                    "bad-key", name.span, f"the key names `{name.text}` twice", "remove one"
                )
            given.add(name.text)
            if name.text == "index":
                names.append(self._key_field("index", INT, RowIndex(INT, name.span), name))
            elif self.node.per is not None and name.text == self.node.per.variable.text:
                names += self._parent_key(name, parent_key)
            elif name.text in self._members.broken:
                continue  # reported: its declaration does not parse
            elif declared is None:
                known = [*self._members.fields, *filter(None, [self.links.variable])]
                close = get_close_matches(name.text, known, n=1, cutoff=0.6)
                self._findings.report(
                    "bad-key",
                    name.span,
                    f"`{name.text}` is not a field of this table",
                    f"did you mean `{close[0]}`?" if close else None,
                )
            elif declared.node.is_let:
                self._findings.report(
                    "bad-key",
                    name.span,
                    f"`{name.text}` is latent: it is not exported",
                    "declare it without `let`",
                )
            else:
                names.append(name.text)
        self._key = tuple(dict.fromkeys(names))
        self._key_span = node.span

    def _parent_key(self, name: tree.Name, parent_key: tuple[Field, ...]) -> list[str]:
        """Exported fields that hold the key of the parent."""
        if self.links.parent is None:
            return []  # reported: the parent is no table
        if not parent_key:
            self._findings.report(
                "bad-key",
                name.span,
                f"`{self.links.parent}` has no key that rows of `{self.links.name}` could hold",
                f"give `{self.links.parent}` a key: `key id`",
            )
        found = []
        for field in parent_key:
            own = f"{self.links.parent}_{field.name}"
            value = Above(field.type, name.span, FieldRef(field.type, name.span, field.name))
            found.append(self._key_field(own, field.type, value, name))
        return found

    def _key_field(self, own: str, type: Type, value: Expr, name: tree.Name) -> str:
        """An exported field that a key adds to the table; its name."""
        if own in self._members.fields:
            self._findings.report(
                "bad-key",
                name.span,
                f"the key adds a column `{own}`, but the table has a field of that name",
                f"name that field in the key instead of `{name.text}`, or rename it",
            )
        if own not in self._fields:
            # what a key adds stands before all other columns
            text = f"= {name.text}"
            added = Field(own, type, None, value, False, (), own, "", name.span, name.span, text)
            keys = [n for n in self._fields if n not in self._members.fields]
            others = {n: f for n, f in self._fields.items() if n in self._members.fields}
            self._fields = {**{n: self._fields[n] for n in keys}, own: added, **others}
        return own

    def _rows(self) -> int:
        node = self.node
        if node.per is not None:
            if node.file is not None:
                self._findings.report(
                    "bad-relation",
                    node.file.span,
                    f"rows of a file stand under no parent, but `{node.name.text}` is "
                    f"`per {node.per.parent.text}`",
                    "remove `per` and draw rows of this table with `ref`, or read the file as a "
                    "`lookup`",
                )
            return 0
        if node.condition is not None:
            self._findings.report(
                "bad-relation",
                node.condition.span,
                "`where` says which parents have rows, but this table has no parent",
                "remove it, or write a rule"
                if node.file is None
                else "leave the rows out of the file",
            )
        if node.file is not None:
            return self._rows_of_file()
        if isinstance(node.size, tree.Count):
            self._findings.report(
                "row-count",
                node.size.span,
                f"table `{node.name.text}` has no parent, so the number of its rows is constant",
                f"write `table {node.name.text} [1_000] {{`, or `per` and the parent",
            )
            return 0
        if node.size is None:
            self._findings.report(
                "row-count",
                node.name.span,
                f"table `{node.name.text}` has no size",
                f"write `table {node.name.text} [1_000] {{`",
            )
            return 0
        size = infer(node.size, Scope(self._file), self._findings)
        size = coerce(size, INT, self._findings, "a table's size")
        if isinstance(size, Constant):
            if isinstance(size.value, int) and 0 <= size.value <= MOST_ROWS:
                return size.value
            self._findings.report(
                "row-count",
                node.size.span,
                f"a table cannot have {size.value} rows",
                f"give a whole number from 0 to {MOST_ROWS:,}",
            )
        elif not size.type.is_unknown:
            self._findings.report(
                "not-constant", node.size.span, "a table's size is constant", "use a parameter"
            )
        return 0

    def _rows_of_file(self) -> int:
        node = self.node
        if node.size is not None:
            self._findings.report(
                "row-count",
                node.size.span,
                f"table `{node.name.text}` has the rows of its file",
                "remove the number",
            )
        return 0 if self._file_rows is None else self._file_rows.rows


def _definition(node: tree.Field) -> str:
    """The definition as typed, on one line."""
    part = node.draw if node.draw is not None else node.value
    if part is None:
        return "from the file"
    sign = "~" if node.draw is not None else "="
    return f"{sign} {' '.join(part.span.text.split())}"
