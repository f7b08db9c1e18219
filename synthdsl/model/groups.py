"""Members of a field group as they stand in the table that uses it.

Arguments take the place of the group's parameters, and with a prefix every mention of one of
the group's own fields becomes the prefixed name: in expressions and draws, and in `correlate`,
`missing`, `key` and `rule` members too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any

from synthdsl.language import tree
from synthdsl.model.inlining import substitute
from synthdsl.model.scope import FileScope, Scoped
from synthdsl.source import Span

DEEPEST_USE = 20
"""How deep field groups may use each other."""
MOST_NAMES = 20_000
"""Fields of a group at which counting ends: groups that use each other twice double each time."""


def own_names(
    members: Iterable[tree.Statement],
    file: FileScope,
    depth: int = 0,
    known: dict[int, set[str]] | None = None,
) -> set[str]:
    """The fields that a group declares, those of the groups it uses included."""
    names: set[str] = set()
    known = {} if known is None else known
    for member in members:
        if isinstance(member, tree.Field):
            names.add(member.name.text)
        elif isinstance(member, tree.Use) and depth < DEEPEST_USE and len(names) < MOST_NAMES:
            group, group_file = file.groups.get(member.group.text, (None, file))
            if group is not None:
                if id(group) not in known:
                    known[id(group)] = set()  # one that uses itself adds nothing
                    known[id(group)] = own_names(group.members, group_file, depth + 1, known)
                names |= {(member.prefix or "") + name for name in known[id(group)]}
    return names


def placed(
    member: tree.Statement, given: dict[str, Scoped], names: set[str], prefix: str
) -> tree.Statement:
    """`member` with the arguments `given` put in and the group's own `names` prefixed."""
    if given:
        member = _with_arguments(substitute(member, given), given)
    if not prefix:
        return member
    member = _prefixed(member, names, prefix)
    if isinstance(member, tree.Rule | tree.Case):
        return replace(member, name=replace(member.name, text=prefix + member.name.text))
    return _renamed(member, {name: prefix + name for name in names})


def _with_arguments(member: tree.Statement, given: dict[str, Scoped]) -> tree.Statement:
    """Names that are parameters, where the argument is the name of a field."""
    arguments = {}
    for name, argument in given.items():
        node: tree.Expression = argument
        while isinstance(node, Scoped):
            node = node.node
        if isinstance(node, tree.Path) and len(node.names) == 1:
            arguments[name] = node.names[0]
    return _renamed(member, arguments)


def _renamed(member: tree.Statement, words: dict[str, str]) -> tree.Statement:
    """A member that lists fields by name, with the names in `words` replaced."""

    def word(name: tree.Name) -> tree.Name:
        return replace(name, text=words.get(name.text, name.text))

    def all_of(listed: tuple[tree.Name, ...]) -> tuple[tree.Name, ...]:
        return tuple(word(name) for name in listed)

    if isinstance(member, tree.Correlate):
        return replace(member, names=all_of(member.names), groups=all_of(member.groups))
    if isinstance(member, tree.Missing):
        return replace(member, field=word(member.field))
    if isinstance(member, tree.Key):
        return replace(member, names=all_of(member.names))
    return member


def _prefixed(node: Any, names: set[str], prefix: str) -> Any:
    """`node` with every path that begins with one of `names` prefixed.

    Functions keep their names; arguments mean what they mean outside the group.
    """
    if isinstance(node, tuple):
        return tuple(_prefixed(item, names, prefix) for item in node)
    if isinstance(node, tree.Path) and node.names[0] in names:
        return replace(node, names=(prefix + node.names[0], *node.names[1:]))
    if isinstance(node, Scoped | Span) or not is_dataclass(node) or isinstance(node, type):
        return node
    kept = "function" if isinstance(node, tree.Call) else ""
    changes = {
        f.name: _prefixed(getattr(node, f.name), names, prefix)
        for f in fields(node)
        if f.name not in ("span", kept)
    }
    return replace(node, **changes)
