"""What names mean: the declarations of a file, and the fields of the row being described."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, ClassVar

from synthdsl.language import tree
from synthdsl.model.expansion import Expansion
from synthdsl.model.expressions import Constant
from synthdsl.source import Source
from synthdsl.values.types import EnumType, Type

MOST_ADVICE = 100
"""Unknown names of a file for which similar ones are looked up."""
MOST_CANDIDATES = 1000


@dataclass(frozen=True)
class EnumDeclaration:
    """An enum and how its members are exported."""

    type: EnumType
    exported: tuple[str, ...]
    node: tree.Enumeration


@dataclass(eq=False)
class FileScope:
    """Everything that a file declares or imports, by name."""

    source: Source
    folder: str
    enums: dict[str, EnumDeclaration] = field(default_factory=dict)
    params: dict[str, Constant] = field(default_factory=dict)
    lookups: dict[str, Any] = field(default_factory=dict)
    dists: dict[str, tuple[tree.Dist, FileScope]] = field(default_factory=dict)
    groups: dict[str, tuple[tree.Fields, FileScope]] = field(default_factory=dict)
    functions: dict[str, tuple[str, tree.Signature]] = field(default_factory=dict)
    declared: dict[str, tree.Name] = field(default_factory=dict)
    expansion: Expansion = field(default_factory=Expansion)
    used: set[str] = field(default_factory=set)
    advised: int = 0
    tables: dict[str, tree.Table] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    """Names whose declarations were reported: what uses them is silent."""

    _owners: dict[str, list[EnumType]] = field(default_factory=dict)
    _indexed: int = 0

    def owners(self, member: str) -> list[EnumType]:
        """The enums that have `member`."""
        if self._indexed != len(self.enums):
            self._owners.clear()
            for enum in self.enums.values():
                for name in enum.type.members:
                    self._owners.setdefault(name, []).append(enum.type)
            self._indexed = len(self.enums)
        return self._owners.get(member, [])

    def use(self, name: str) -> None:
        """Note that `name` is used, for the warning about unused declarations."""
        self.used.add(name)


@dataclass(frozen=True, eq=False)
class Scope:
    """The names that an expression may use.

    `field_type` gives the type of a field of the current row by name (None: no such field);
    `field_names` lists them for advice. Outside tables both are empty.
    """

    file: FileScope
    field_type: Callable[[str], Type | None] = lambda name: None
    field_names: tuple[str, ...] = ()
    has_row: bool = False
    allows_python: bool = False
    row_variable: str | None = None
    """The name of the row inside an aggregate: its fields are read as `variable.field` only."""
    row_scope: Callable[[str], Scope | None] = lambda name: None
    """The scope of the rows of a table by name, where aggregates over tables are allowed."""
    opened: tuple[tree.Dist, ...] = ()
    depth: int = 0
    table: str = ""
    """The table of the row."""
    relations: Any = None
    """The `model.relations.Relations` of the spec, where rows of other tables can be read."""
    outer: Scope | None = None
    """Inside an aggregate over related rows: the scope that it stands in."""

    def within(self, file: FileScope, dist: tree.Dist) -> Scope:
        """The scope seen from the body of `dist`, which stands in `file`: no fields of the row.

        `opened` are the definitions being put in, `depth` is how deep their bodies nest.
        """
        depth = self.depth + file.expansion.height(dist.draw)
        opened = (*self.opened, dist)
        return Scope(file, allows_python=self.allows_python, opened=opened, depth=depth)

    def advice(self, name: str) -> str | None:
        """What a person who typed `name` may have meant; None once too many were given."""
        self.file.advised += 1
        if self.file.advised > MOST_ADVICE:
            return None
        known = [*self.field_names, *self.file.params, *self.file.enums, *self.file.lookups]
        known += [m for e in self.file.enums.values() for m in e.type.members]
        known += [*self.file.dists, *self.file.functions]
        close = get_close_matches(name, known[:MOST_CANDIDATES], n=1, cutoff=0.6)
        return f"did you mean `{close[0]}`?" if close else None


@tree.node
class Scoped(tree.Expression):
    """A node that means what it means in another scope: an argument of a named distribution."""

    ASIDE: ClassVar[frozenset[str]] = frozenset({"span", "scope", "height"})

    node: tree.Expression
    scope: Scope
    height: int = 1
