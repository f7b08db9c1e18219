"""Tables of the tree to tables of the model: fields in order, keys, masks, correlations, rules."""

from __future__ import annotations

from difflib import get_close_matches

from synthdsl.language import tree
from synthdsl.model.coercion import coerce
from synthdsl.model.conditions import Conditions
from synthdsl.model.correlations import type_correlation
from synthdsl.model.draw_typing import type_draw
from synthdsl.model.draws import DrawNode, UnknownDraw
from synthdsl.model.expressions import Constant, Expr
from synthdsl.model.field_types import FieldTypes
from synthdsl.model.findings import Findings
from synthdsl.model.inference import infer
from synthdsl.model.masks import type_mask
from synthdsl.model.members import RESERVED_FIELDS as RESERVED_FIELDS
from synthdsl.model.members import Declared
from synthdsl.model.natural_types import natural_type
from synthdsl.model.nulls import may_be_null
from synthdsl.model.scope import FileScope, Scope
from synthdsl.model.spec import ROLES, Correlation, Field, Mask, Table
from synthdsl.source import Span
from synthdsl.values.types import (
    FLOAT,
    INT,
    Kind,
    Type,
)

MOST_ROWS = 2**48


class TableBuilder:
    """Builds one table. `outside`: the rules and cases for `each` of its rows, from the file."""

    def __init__(
        self,
        node: tree.Table,
        file: FileScope,
        findings: Findings,
        *,
        outside: tuple[tree.Rule | tree.Case, ...] = (),
        allows_python: bool,
    ) -> None:
        self._node = node
        self._outside = outside
        self._file = file
        self._conditions = Conditions(node.name.text, findings)
        self._findings = findings
        self._types = FieldTypes(findings, allows_python=allows_python)
        self._members = self._types.members
        self._fields: dict[str, Field] = {}
        self._masks: dict[str, Mask] = {}
        self._masked: set[str] = set()
        self._key: tuple[str, ...] = ()
        self._key_span: Span | None = None
        self._correlations: list[Correlation] = []

    def build(self) -> Table:
        """The table; parts with mistakes are left out, each reported."""
        self._members.collect(self._node.members, self._file)
        self._types.find()
        for name, declared in self._members.fields.items():
            self._fields[name] = self._field(declared)
        others = self._members.others
        self._masked = {n.field.text for n, _ in others if isinstance(n, tree.Missing)}
        for node, file in others:
            self._add(node, self._types.row_scope(file))
        for node in self._outside:
            self._conditions.add(node, self._types.row_scope(self._file))
        return Table(
            self._node.name.text,
            self._rows(),
            self._fields,
            self._key,
            self._masks,
            tuple(self._correlations),
            tuple(self._conditions.rules),
            self._node.description or "",
            self._node.name.span,
            tuple(self._conditions.cases),
            self._key_span,
        )

    def _add(self, node: tree.Statement, scope: Scope) -> None:
        """Add a member that is no field."""
        if isinstance(node, tree.Key):
            self._add_key(node)
        elif isinstance(node, tree.Missing):
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
                f"after the table: `expect mean(r.x for r in {self._node.name.text}) > 0`",
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
        else:
            assert node.value is not None
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

    def _add_key(self, node: tree.Key) -> None:
        if self._key:
            self._findings.report(
                "bad-key", node.span, "a table has one key", "join them: `key (a, b)`"
            )
            return
        names = []
        for name in node.names:
            declared = self._members.fields.get(name.text)
            if name.text == "index":
                names.append(name.text)
            elif declared is None:
                close = get_close_matches(name.text, list(self._members.fields), n=1, cutoff=0.6)
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
        self._key = tuple(names)
        self._key_span = node.span

    def _rows(self) -> int:
        node = self._node
        if node.per is not None or isinstance(node.size, tree.Count):
            self._findings.report(
                "not-yet",
                node.name.span,
                "tables under a parent are part of the language, but not of this release",
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


def _definition(node: tree.Field) -> str:
    """The definition as typed, on one line."""
    part = node.draw if node.draw is not None else node.value
    assert part is not None
    sign = "~" if node.draw is not None else "="
    return f"{sign} {' '.join(part.span.text.split())}"
