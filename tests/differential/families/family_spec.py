"""A spec of families written twice: as text for the package, and as functions of rows.

An expression knows its text, its value in a row (and in an inner row, inside an aggregate), and
what it reads. A node is a field of a table; `#visit` of a parent is how many rows of `visit` are
drawn under it, `%visit` which of them are there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from family_rows import Row, Value

Node = tuple[str, str]
NOTHING: frozenset[Node] = frozenset()


@dataclass(frozen=True)
class Expression:
    """Text and meaning of a formula."""

    text: str
    of: Callable[[Row, Row | None], Value]
    reads: frozenset[Node] = NOTHING
    crosses: bool = False
    """Whether it reads siblings of its row."""
    is_nullable: bool = False

    def then(self, text: str, of: Callable[[Row, Row | None], Value], **changes: Any) -> Expression:
        """Another expression that reads the same."""
        return replace(self, text=text, of=of, **changes)


def joined(
    text: str, of: Callable[[Row, Row | None], Value], parts: list[Expression], **changes: Any
) -> Expression:
    """An expression of parts."""
    return Expression(
        text,
        of,
        frozenset().union(*(p.reads for p in parts)),
        any(p.crosses for p in parts),
        changes.pop("is_nullable", any(p.is_nullable for p in parts)),
    )


@dataclass(frozen=True)
class Draw:
    """What stands after `~`: text, and a value of a row."""

    text: str
    make: Callable[[Row], Value]
    parts: tuple[Expression, ...] = ()
    crosses: bool = False
    is_nullable: bool = False


@dataclass(frozen=True)
class FieldPair:
    """A field: drawn, or derived."""

    name: str
    type: str
    """int, float, bool, Colour, or the name of a table."""
    draw: Draw | Expression
    step: float = 0.0

    @property
    def is_drawn(self) -> bool:
        return isinstance(self.draw, Draw)

    @property
    def reads(self) -> frozenset[Node]:
        parts = self.draw.parts if isinstance(self.draw, Draw) else (self.draw,)
        return frozenset().union(*(p.reads for p in parts))

    @property
    def crosses(self) -> bool:
        parts = self.draw.parts if isinstance(self.draw, Draw) else ()
        return self.draw.crosses or any(p.crosses for p in parts)

    @property
    def is_nullable(self) -> bool:
        return self.draw.is_nullable

    def line(self) -> str:
        null = "?" if self.is_nullable else ""
        step = f" step {self.step}" if self.step and self.type == "float" else ""
        sign = "~" if self.is_drawn else "="
        return f"  {self.name}: {self.type}{null}{step} {sign} {self.draw.text}"

    def make(self, row: Row) -> Value:
        return self.draw.make(row) if isinstance(self.draw, Draw) else self.draw.of(row, None)


@dataclass(frozen=True)
class Machine:
    """A pathway with constant weights: states, their stays in seconds, what follows."""

    stays: dict[str, Draw]
    follow: dict[str, dict[str, float]]
    finals: tuple[str, ...]


@dataclass
class TablePair:
    """A table, under a parent or at the root."""

    name: str
    parent: str | None = None
    number: Draw | Expression | None = None
    where: Expression | None = None
    until: Expression | None = None
    fields: list[FieldPair] = field(default_factory=list)
    machine: Machine | None = None

    def named(self) -> dict[str, FieldPair]:
        return {f.name: f for f in self.fields}


@dataclass(frozen=True)
class RulePair:
    """A rule: in a table, or for each row of one."""

    name: str
    table: str
    condition: Expression
    is_each: bool = False
    share: int | None = None
    """In percent."""
    keeping: tuple[str, ...] = ()

    def line(self) -> str:
        soft = f"[{self.share}%]" if self.share else ""
        v = VARIABLES[self.table]
        each = f" each {self.table} {v}" if self.is_each else ""
        names = [f"{v}.{k}" if self.is_each else k for k in self.keeping]
        keeping = f" keeping ({', '.join(names)})" if names else ""
        return f"rule{soft} {self.name}{each}{keeping}: {self.condition.text}"


VARIABLES = {"patient": "p", "visit": "v", "lab": "l", "part": "q", "tooth": "t", "course": "c"}
SITES = ("red", "red", "green", "green", "blue")


@dataclass(frozen=True)
class FamilySpec:
    """A database: a table of sites, and one family."""

    tables: dict[str, TablePair]
    rules: tuple[RulePair, ...]
    case: RulePair | None = None
    breaks: str | None = None
    """The rule that rows are to break."""
    has_sites: bool = True

    @property
    def root(self) -> str:
        return next(iter(self.tables))

    def above(self, table: str) -> list[str]:
        """The tables above, the next one first."""
        found: list[str] = []
        while (parent := self.tables[table].parent) is not None:
            found.append(parent)
            table = parent
        return found

    def children(self, table: str) -> list[TablePair]:
        return [t for t in self.tables.values() if t.parent == table]

    def below(self, table: str) -> set[str]:
        """A table and all under it."""
        return {t for t in self.tables if t == table or table in self.above(t)}

    def text(self) -> str:
        lines = ["language 1", "enum Colour {red, green, blue}"]
        if self.has_sites:
            colours = ", ".join(f"index == {i}: {c}" for i, c in enumerate(SITES[:-1]))
            lines += ["table site [5] {", "  no: int = index", "  beds: int = 1 + 2*index"]
            lines += [f"  hue: Colour = when {{{colours}, else: {SITES[-1]}}}", "  key no", "}"]
        for table in self.tables.values():
            lines += self._table_lines(table)
        lines += [r.line() for r in self.rules if r.is_each]
        if self.case is not None:
            lines.append("case" + self.case.line().removeprefix("rule"))
        return "\n".join(lines) + "\n"

    def _table_lines(self, table: TablePair) -> list[str]:
        if table.machine is not None:
            return self._machine_lines(table, table.machine)
        if table.parent is None:
            head, key = f"table {table.name} [10]", ["  id: int = index", "  key id"]
        else:
            v = VARIABLES[table.parent]
            sign = "count ~ " if isinstance(table.number, Draw) else ""
            assert table.number is not None
            head = f"table {table.name} per {table.parent} {v} [{sign}{table.number.text}]"
            key = [f"  key ({v}, index)"]
        head += f" where {table.where.text}" if table.where else ""
        head += f" until {table.until.text}" if table.until else ""
        inside = [f"  {r.line()}" for r in self.rules if r.table == table.name and not r.is_each]
        return [head + " {", *key, *(f.line() for f in table.fields), *inside, "}"]

    def _machine_lines(self, table: TablePair, machine: Machine) -> list[str]:
        assert table.parent is not None
        v = VARIABLES[table.parent]
        where = f" where {table.where.text}" if table.where else ""
        lines = [f"pathway {table.name} per {table.parent} {v}{where} starts {v}.at {{"]
        for state, stay in machine.stays.items():
            *most, last = machine.follow[state].items()
            weights = ", ".join(f"{s}: {round(100 * w)}%" for s, w in most)
            lines.append(f"  {state}: {stay.text} -> {{{weights}, {last[0]}: rest}}")
        return [*lines, f"  final {', '.join(machine.finals)}", "}"]
