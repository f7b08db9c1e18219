"""The members of a table, with those of the field groups that it uses put in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from synthdsl.diagnostics import Label
from synthdsl.language import tree
from synthdsl.model.arguments import bind
from synthdsl.model.declarations import declared_in
from synthdsl.model.expansion import COST_OF_USE, height
from synthdsl.model.findings import Findings
from synthdsl.model.groups import DEEPEST_USE, own_names, placed
from synthdsl.model.scope import FileScope, Scope, Scoped

RESERVED_FIELDS = frozenset({"index", "prev", "first"})


@dataclass(frozen=True)
class Declared:
    """A field as declared: its node, and the scope in which its definition stands."""

    node: tree.Field
    name: str
    file: FileScope


class Members:
    """What stands in a table: `fields` by name, `others` in order, and names that are `broken`.

    `row_scope` gives the scope of the row in which a file's definitions stand.
    """

    def __init__(self, findings: Findings, row_scope: Callable[[FileScope], Scope]) -> None:
        self.fields: dict[str, Declared] = {}
        self.others: list[tuple[tree.Statement, FileScope]] = []
        self.broken: set[str] = set()
        self._findings = findings
        self._row_scope = row_scope
        self._open_groups: list[tree.Fields] = []

    def collect(
        self,
        members: tuple[tree.Statement, ...],
        file: FileScope,
        given: dict[str, Scoped] | None = None,
        prefix: str = "",
    ) -> None:
        """Add `members`, those of a group with its arguments `given` and its names prefixed."""
        names = own_names(members, file) if prefix else set()
        for member in members:
            if given or prefix:
                member = placed(member, given or {}, names, prefix)
            if isinstance(member, tree.Field):
                self._declare(member, file, prefix)
            elif isinstance(member, tree.Use):
                self._use(member, file, prefix)
            elif isinstance(member, tree.BrokenStatement):
                self.broken.update(prefix + name for name in declared_in(member.span.text))
            else:
                self.others.append((member, file))

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
        before = self.fields.get(name)
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
        self.fields[name] = Declared(node, name, file)

    def _use(self, node: tree.Use, file: FileScope, prefix: str) -> None:
        found = self._group(node, file)
        if found is None:
            return
        group, group_file = found
        cost = COST_OF_USE + group.span.end - group.span.start
        if not file.expansion.take(cost, node.span, self._findings):
            return
        names = [name.text for name in group.parameters]
        call = tree.Call(node.span, tree.Path(node.group.span, (node.group.text,)), node.arguments)
        bound = bind(call, names, self._findings)
        if bound is None:
            return
        scope = self._row_scope(file)
        given = {
            name: Scoped(argument.span, argument.value, scope, height(argument.value))
            for name, argument in zip(names, bound, strict=True)
            if argument is not None and isinstance(argument.value, tree.Expression)
        }
        self._open_groups.append(group)
        self.collect(group.members, group_file, given, prefix + (node.prefix or ""))
        self._open_groups.pop()

    def _group(self, node: tree.Use, file: FileScope) -> tuple[tree.Fields, FileScope] | None:
        """The group that is used; None after a report where there is none, or none fits in."""
        found = file.groups.get(node.group.text)
        if found is None:
            close = get_close_matches(node.group.text, list(file.groups), n=1, cutoff=0.6)
            self._findings.report(
                "unknown-name",
                node.group.span,
                f"there is no field group `{node.group.text}`",
                f"did you mean `{close[0]}`?" if close else "declare it: `fields name { ... }`",
            )
            return None
        file.use(node.group.text)
        group, _ = found
        if any(opened is group for opened in self._open_groups):
            self._findings.report(
                "cycle",
                node.group.span,
                f"field group `{node.group.text}` uses itself",
                "remove this `use`",
                labels=(Label(group.name.span, "declared here"),),
            )
            return None
        if len(self._open_groups) >= DEEPEST_USE:
            self._findings.report(
                "too-deep",
                node.group.span,
                f"field groups nest deeper than {DEEPEST_USE}",
                "let groups use fewer of each other",
            )
            return None
        return found
