"""Tables of the tree to tables of the model: fields in order, keys, masks, correlations, rules."""

from __future__ import annotations

from dataclasses import dataclass, is_dataclass
from dataclasses import fields as dataclass_fields
from difflib import get_close_matches
from fractions import Fraction

from synthdsl.diagnostics import Label
from synthdsl.language import tree
from synthdsl.model.coercion import coerce
from synthdsl.model.correlations import type_correlation
from synthdsl.model.declarations import declared_in
from synthdsl.model.draw_typing import natural_type, type_draw
from synthdsl.model.draws import DrawNode, UnknownDraw
from synthdsl.model.expansion import COST_OF_USE, height
from synthdsl.model.expressions import Constant, Expr, Unknown
from synthdsl.model.findings import Findings
from synthdsl.model.groups import own_names, placed
from synthdsl.model.inference import bind, condition_of, infer
from synthdsl.model.masks import type_mask
from synthdsl.model.scope import FileScope, Scope, Scoped
from synthdsl.model.spec import ROLES, Correlation, Field, Mask, Rule, Table
from synthdsl.model.type_names import resolve_type, with_step
from synthdsl.source import Span
from synthdsl.values.types import (
    DURATION,
    FLOAT,
    INT,
    ORDERED,
    UNKNOWN,
    Kind,
    Type,
)
from synthdsl.values.units import ONE, Free

MOST_ROWS = 2**48
DEEPEST_GROUPS = 20
"""How deep field groups may use each other."""
RESERVED_FIELDS = frozenset({"index", "prev", "first"})


@dataclass(frozen=True)
class Declared:
    """A field as declared: its node, and the scope in which its definition stands."""

    node: tree.Field
    name: str
    file: FileScope


class TableBuilder:
    """Builds one table. Types of `let` fields without a type are found on demand."""

    def __init__(
        self, node: tree.Table, file: FileScope, findings: Findings, *, allows_python: bool
    ) -> None:
        self._node = node
        self._file = file
        self._findings = findings
        self._allows_python = allows_python
        self._declared: dict[str, Declared] = {}
        self._types: dict[str, Type] = {}
        self._busy: set[str] = set()
        self._names: tuple[str, ...] = ()
        self._open_groups: list[tree.Fields] = []
        self._broken: set[str] = set()
        self._others: list[tuple[tree.Statement, FileScope]] = []

    def build(self) -> Table:
        """The table; parts with mistakes are left out, each reported."""
        self._collect(self._node.members, self._file, {}, "")
        self._names = tuple(self._declared)
        self._find_types()
        fields = {name: self._field(declared) for name, declared in self._declared.items()}
        masks: dict[str, Mask] = {}
        correlations: list[Correlation] = []
        rules: list[Rule] = []
        key: tuple[str, ...] = ()
        masked = {n.field.text for n, _ in self._others if isinstance(n, tree.Missing)}
        for node, file in self._others:
            scope = self._scope(file)
            if isinstance(node, tree.Key):
                key = self._key(node, key)
            elif isinstance(node, tree.Missing):
                if node.field.text in masks:
                    self._findings.report(
                        "missing-twice",
                        node.span,
                        f"`{node.field.text}` has two `missing` statements",
                        "join them",
                    )
                    continue
                mask = type_mask(node, scope, fields, masked, self._findings)
                if mask is not None:
                    masks[mask.field] = mask
            elif isinstance(node, tree.Correlate):
                correlation = type_correlation(node, scope, fields, self._findings)
                if correlation is not None:
                    correlations.append(correlation)
            elif isinstance(node, tree.Rule):
                rule = self._rule(node, scope)
                if rule is not None:
                    rules.append(rule)
            elif isinstance(node, tree.Expect):
                self._findings.report(
                    "bad-expect",
                    node.span,
                    "an expectation measures a whole table: it stands outside of it",
                    f"after the table: `expect mean(r.x for r in {self._node.name.text}) > 0`",
                )
            elif isinstance(node, tree.Learn | tree.Case):
                word = "learned fields" if isinstance(node, tree.Learn) else "cases"
                self._findings.report(
                    "not-yet",
                    node.span,
                    f"{word} are part of the language, but not of this release",
                )
        return Table(
            self._node.name.text,
            self._rows(),
            fields,
            key,
            masks,
            tuple(correlations),
            tuple(rules),
            self._node.description or "",
            self._node.name.span,
        )

    # collecting

    def _collect(
        self,
        members: tuple[tree.Statement, ...],
        file: FileScope,
        given: dict[str, Scoped],
        prefix: str,
    ) -> None:
        names = own_names(members, file) if prefix else set()
        for member in members:
            if given or prefix:
                member = placed(member, given, names, prefix)
            if isinstance(member, tree.Field):
                self._declare(member, file, prefix)
            elif isinstance(member, tree.Use):
                self._use(member, file, prefix)
            elif isinstance(member, tree.BrokenStatement):
                self._broken.update(prefix + name for name in declared_in(member.span.text))
            else:
                self._others.append((member, file))

    def _declare(self, node: tree.Field, file: FileScope, prefix: str) -> None:
        name = prefix + node.name.text
        if name in RESERVED_FIELDS:
            self._findings.report(
                "reserved-name",
                node.name.span,
                f"`{name}` is a word of the language",
                f"write `{name}_`",
            )
            return
        before = self._declared.get(name)
        if before is not None:
            self._findings.report(
                "duplicate-name",
                node.name.span,
                f"field `{name}` is declared twice",
                "rename one",
                labels=(Label(before.node.name.span, "first here"),),
            )
            return
        if name in file.params:
            self._findings.report(
                "shadowed-param",
                node.name.span,
                f"field `{name}` hides the parameter `{name}`",
                "rename one",
            )
        self._declared[name] = Declared(node, name, file)

    def _use(self, node: tree.Use, file: FileScope, prefix: str) -> None:
        found = file.groups.get(node.group.text)
        if found is None:
            close = get_close_matches(node.group.text, list(file.groups), n=1, cutoff=0.6)
            self._findings.report(
                "unknown-name",
                node.group.span,
                f"there is no field group `{node.group.text}`",
                f"did you mean `{close[0]}`?" if close else "declare it: `fields name { ... }`",
            )
            return
        file.use(node.group.text)
        group, group_file = found
        if any(opened is group for opened in self._open_groups):
            self._findings.report(
                "cycle",
                node.group.span,
                f"field group `{node.group.text}` uses itself",
                "remove this `use`",
                labels=(Label(group.name.span, "declared here"),),
            )
            return
        if len(self._open_groups) >= DEEPEST_GROUPS:
            self._findings.report(
                "too-deep", node.group.span, f"field groups nest deeper than {DEEPEST_GROUPS}",
                "let groups use fewer of each other",
            )  # fmt: skip
            return
        cost = COST_OF_USE + group.span.end - group.span.start
        if not file.expansion.take(cost, node.span, self._findings):
            return
        names = [name.text for name in group.parameters]
        call = tree.Call(node.span, tree.Path(node.group.span, (node.group.text,)), node.arguments)
        bound = bind(call, names, self._findings)
        if bound is None:
            return
        scope = self._scope(file)
        given = {
            name: Scoped(argument.span, argument.value, scope, height(argument.value))
            for name, argument in zip(names, bound, strict=True)
            if argument is not None and isinstance(argument.value, tree.Expression)
        }
        self._open_groups.append(group)
        self._collect(group.members, group_file, given, prefix + (node.prefix or ""))
        self._open_groups.pop()

    # types

    def _find_types(self) -> None:
        """Types of `let` fields without one, each after those it reads.

        Without recursion: a chain of thousands of fields is legal.
        """
        for start, declared in self._declared.items():
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
                    self._type_of(stack.pop())

    def _untyped_reads(self, name: str) -> list[str]:
        """Fields declared without a type that the definition of `name` may read."""
        declared = self._declared[name]
        prefix = name.removesuffix(declared.node.name.text)
        found = []
        for word in head_names(declared.node.draw or declared.node.value):
            for full in (prefix + word, word):
                declared_as = self._declared.get(full)
                if declared_as is not None and declared_as.node.type is None:
                    found.append(full)
        return found

    def _scope(self, file: FileScope, prefix: str = "") -> Scope:
        return Scope(
            file,
            lambda name: self._type_of(prefix + name) or self._type_of(name),
            self._names,
            has_row=True,
            allows_python=self._allows_python,
        )

    def _type_of(self, name: str) -> Type | None:
        """The type of a field by name; None if there is none."""
        if name in self._types:
            return self._types[name]
        declared = self._declared.get(name)
        if declared is None:
            return UNKNOWN if name in self._broken else None
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
            type_ = natural_type(node.draw, self._scope(declared.file), Findings())
        else:
            assert node.value is not None
            type_ = infer(node.value, self._scope(declared.file), Findings()).type
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
        target = self._step_type(type)
        value = coerce(step, target, self._findings, "the step")
        if value.type.is_unknown:
            return type
        exact = self._exact_step(node.step, value)
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

    def _step_type(self, type: Type) -> Type:
        from synthdsl.model.coercion import spread_unit
        from synthdsl.values.units import parse_unit

        if type.kind is Kind.DATE:
            return INT.with_unit(parse_unit("d"))
        if type.kind in (Kind.DATETIME, Kind.TIME, Kind.DURATION):
            return DURATION
        return FLOAT.with_unit(spread_unit(type))

    def _exact_step(self, node: tree.Expression, value: Expr) -> Fraction | None:
        if not isinstance(value, Constant) or value.value is None:
            return None
        if isinstance(node, tree.Number):
            return node.exact
        return Fraction(value.value).limit_denominator(10**9)

    # members

    def _field(self, declared: Declared) -> Field:
        node, name = declared.node, declared.name
        type_ = self._type_of(name)
        assert type_ is not None
        scope = self._scope(declared.file, name.removesuffix(node.name.text))
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
        from synthdsl.model.nulls import may_be_null

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

    def _key(self, node: tree.Key, before: tuple[str, ...]) -> tuple[str, ...]:
        if before:
            self._findings.report(
                "bad-key", node.span, "a table has one key", "join them: `key (a, b)`"
            )
            return before
        names = []
        for name in node.names:
            declared = self._declared.get(name.text)
            if name.text == "index":
                names.append(name.text)
            elif declared is None:
                close = get_close_matches(name.text, list(self._declared), n=1, cutoff=0.6)
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
        return tuple(names)

    def _rule(self, node: tree.Rule, scope: Scope) -> Rule | None:
        if node.share is not None or node.each is not None or node.keeping:
            self._findings.report(
                "not-yet",
                node.span,
                "soft rules, `each` and `keeping` are part of the language, but not of this release",
            )
            return None
        condition = condition_of(node.condition, scope, self._findings)
        if isinstance(condition, Unknown | Constant):
            if isinstance(condition, Constant) and condition.value is False:
                self._findings.report(
                    "unsatisfiable", node.condition.span, f"rule `{node.name.text}` is always false"
                )
            return None
        return Rule(node.name.text, condition, node.span, node.condition.span.text)

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


def _definition(node: tree.Field) -> str:
    """The definition as typed, on one line."""
    part = node.draw if node.draw is not None else node.value
    assert part is not None
    sign = "~" if node.draw is not None else "="
    return f"{sign} {' '.join(part.span.text.split())}"
