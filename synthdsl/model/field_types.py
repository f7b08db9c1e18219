"""The types of the fields of a table: as declared, or as their definitions give."""

from __future__ import annotations

from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from fractions import Fraction

from synthdsl.language import tree
from synthdsl.model.coercion import coerce, spread_unit
from synthdsl.model.expressions import Constant, Expr
from synthdsl.model.findings import Findings
from synthdsl.model.inference import infer
from synthdsl.model.members import Declared, Members
from synthdsl.model.natural_types import natural_type
from synthdsl.model.relations import Relations
from synthdsl.model.scope import FileScope, Scope, Scoped
from synthdsl.model.type_names import resolve_type, with_step
from synthdsl.source import Span
from synthdsl.values.types import DURATION, FLOAT, INT, ORDERED, UNKNOWN, Kind, Type
from synthdsl.values.units import ONE, Free, parse_unit


class FieldTypes:
    """Types of fields by name; those of `let` fields without a type are found on demand."""

    def __init__(
        self, table: str, relations: Relations, findings: Findings, *, allows_python: bool
    ) -> None:
        self._table = table
        self._relations = relations
        self.members = Members(findings, self.row_scope)
        self._findings = findings
        self._allows_python = allows_python
        self._types: dict[str, Type] = {}
        self._busy: set[str] = set()
        self._names: tuple[str, ...] = ()

    def find(self) -> None:
        """Types of `let` fields without one, each after those it reads.

        Without recursion: a chain of thousands of fields is legal.
        """
        self.note_names()
        for start, declared in self.members.fields.items():
            if declared.node.type is not None or start in self._types:
                continue
            stack = [start]
            seen: set[str] = set()
            while stack:
                name = stack[-1]
                waiting = [] if name in seen else self._untyped_reads(name)
                seen.add(name)
                stack.extend(n for n in waiting if n not in seen)
                if stack[-1] == name:
                    self.type_of(stack.pop())

    def note_names(self) -> None:
        """Take in what has been declared, for advice on names."""
        self._names = tuple(self.members.fields)

    def _untyped_reads(self, name: str) -> list[str]:
        """Fields declared without a type that the definition of `name` may read."""
        declared = self.members.fields[name]
        prefix = name.removesuffix(declared.node.name.text)
        found = []
        for word in head_names(declared.node.draw or declared.node.value):
            for full in (prefix + word, word):
                declared_as = self.members.fields.get(full)
                if declared_as is not None and declared_as.node.type is None:
                    found.append(full)
        return found

    def row_scope(self, file: FileScope, prefix: str = "") -> Scope:
        """The scope of the row in which a definition of `file` stands."""
        return Scope(
            file,
            lambda name: self.type_of(prefix + name) or self.type_of(name),
            self._names,
            has_row=True,
            allows_python=self._allows_python,
            table=self._table,
            relations=self._relations,
        )

    def type_of(self, name: str) -> Type | None:
        """The type of a field by name; None if there is none."""
        if name in self._types:
            return self._types[name]
        declared = self.members.fields.get(name)
        if declared is None:
            return UNKNOWN if name in self.members.broken else None
        if name in self._busy:
            return UNKNOWN
        self._busy.add(name)
        self._types[name] = type_ = self._find_type(declared)
        self._busy.discard(name)
        return type_

    def _find_type(self, declared: Declared) -> Type:
        node = declared.node
        if node.type is not None:
            type_ = resolve_type(node.type, declared.file, self._findings)
        elif node.draw is not None:
            type_ = natural_type(node.draw, self.row_scope(declared.file), Findings())
        elif node.value is None:
            # a column of a file says no type
            return UNKNOWN
        else:
            type_ = infer(node.value, self.row_scope(declared.file), Findings()).type
            if isinstance(type_.unit, Free):
                type_ = type_.with_unit(ONE)
        return self._with_step(type_, node, declared.file)

    def _with_step(self, type: Type, node: tree.Field, file: FileScope) -> Type:
        if node.step is None or type.is_unknown:
            return type
        if type.kind not in ORDERED or type.kind is Kind.DECIMAL:
            self._findings.report(
                "bad-step", node.step.span, f"a `{type}` takes no step", "remove `step`"
            )
            return type
        step = infer(node.step, Scope(file), self._findings)
        target = _step_type(type)
        value = coerce(step, target, self._findings, "the step")
        if value.type.is_unknown:
            return type
        exact = _exact_step(node.step, value)
        if exact is None or exact <= 0:
            self._findings.report(
                "bad-step", node.step.span, "a step is a positive constant", "write `step 0.1`"
            )
            return type
        if type.kind is Kind.INT and exact.denominator != 1:
            self._findings.report(
                "bad-step", node.step.span, f"an `{type}` takes whole steps", "declare it `float`"
            )
            return type
        return with_step(type, exact)


def _step_type(type: Type) -> Type:
    if type.kind is Kind.DATE:
        return INT.with_unit(parse_unit("d"))
    if type.kind in (Kind.DATETIME, Kind.TIME, Kind.DURATION):
        return DURATION
    return FLOAT.with_unit(spread_unit(type))


def _exact_step(node: tree.Expression, value: Expr) -> Fraction | None:
    if not isinstance(value, Constant) or value.value is None:
        return None
    if isinstance(node, tree.Number):
        return node.exact
    return Fraction(value.value).limit_denominator(10**9)


def head_names(node: object) -> set[str]:
    """The first names of all paths in `node`."""
    if isinstance(node, tree.Path):
        return {node.names[0]}
    if isinstance(node, Scoped):
        return head_names(node.node)
    if isinstance(node, tuple):
        return {name for item in node for name in head_names(item)}
    if isinstance(node, Span) or not is_dataclass(node):
        return set()
    return {name for f in dataclass_fields(node) for name in head_names(getattr(node, f.name))}
