"""Pathways as tables: one row for each state that is visited."""

from __future__ import annotations

from dataclasses import replace

from synthdsl.language import tree
from synthdsl.model.conditions import Conditions
from synthdsl.model.expressions import (
    Above,
    Choose,
    Constant,
    Expr,
    FieldRef,
    MachineColumn,
    RowIndex,
)
from synthdsl.model.findings import Findings
from synthdsl.model.folding import fold
from synthdsl.model.inference import condition_of
from synthdsl.model.pathways import OWN_FIELDS, own_types, type_machine
from synthdsl.model.relations import Relations, TableLinks, count_name
from synthdsl.model.scope import FileScope, Scope
from synthdsl.model.spec import Field, Parent, SourceFile, Table
from synthdsl.values.types import BOOL, INT, Type

_ABOUT = {
    "state": "The state that is visited",
    "entered": "When the visit begins",
    "stay": "How long it lasts; none in a final state",
    "left": "When it ends; never in a final state",
}


class PathwayBuilder:
    """Builds the table of a pathway, as `model.tables.TableBuilder` does others."""

    def __init__(
        self,
        node: tree.Pathway,
        file: FileScope,
        findings: Findings,
        relations: Relations,
        *,
        outside: tuple[tree.Rule | tree.Case, ...] = (),
        allows_python: bool,
    ) -> None:
        self.node = node
        self._findings = findings
        self._relations = relations
        self._outside = outside
        self._types: dict[str, Type] = {}
        scope = Scope(
            file,
            self._types.get,
            OWN_FIELDS,
            has_row=True,
            allows_python=allows_python,
            table=node.name.text,
            relations=relations,
        )
        self.links = TableLinks(
            node.name.text, scope, node.per.parent.text, node.per.variable.text, is_machine=True
        )

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """No file is read."""
        return ()

    def collect(self) -> None:
        """All fields are known beforehand."""

    def find_types(self) -> None:
        """Find the types of the fields of a visit."""
        self._types.update(own_types(self.node, self.links.scope))

    def build(self, parent_key: tuple[Field, ...]) -> Table:
        """The table."""
        node, scope = self.node, self.links.scope
        machine = type_machine(node, scope, self._findings)
        conditions = Conditions(node.name.text, self._relations, self._findings)
        for condition in self._outside:
            conditions.add(condition, scope)
        fields: dict[str, Field] = {}
        for field in parent_key:
            value = Above(field.type, node.span, FieldRef(field.type, node.span, field.name))
            self._add(fields, f"{node.per.parent.text}_{field.name}", field.type, value)
        self._add(fields, "index", INT, RowIndex(INT, node.span))
        key = tuple(fields)
        for name, type_ in self._types.items():
            self._add(fields, name, type_, MachineColumn(type_, node.span, name), _ABOUT[name])
        return Table(
            node.name.text,
            0,
            fields,
            key,
            {},
            (),
            tuple(conditions.rules),
            node.description or "",
            node.name.span,
            tuple(conditions.cases),
            node.name.span,
            None
            if self.links.parent is None
            else Parent(self.links.parent, node.per.variable.text),
            machine=machine,
        )

    def _add(
        self, fields: dict[str, Field], name: str, type: Type, value: Expr, about: str = ""
    ) -> None:
        span = self.node.name.span
        text = "the pathway's"
        fields[name] = Field(name, type, None, value, False, (), name, about, span, span, text)

    def count_field(self) -> Field | None:
        """The latent field of the parent that says whether it goes this way: 1 or 0."""
        node = self.node
        if node.per.parent.text not in self._relations.tables:
            return None
        parent = self._relations.tables[node.per.parent.text]
        value: Expr = Constant(INT, node.name.span, 1)
        if node.condition is not None:
            scope = replace(parent.scope, row_variable=node.per.variable.text)
            condition = condition_of(node.condition, scope, self._findings)
            if condition.type.kind is BOOL.kind:
                zero = Constant(INT, node.condition.span, 0)
                value = fold(Choose(INT, node.condition.span, ((condition, value),), zero))
        name, span = count_name(node.name.text), node.name.span
        return Field(name, INT, None, value, True, (), name, "", span, span, "")
