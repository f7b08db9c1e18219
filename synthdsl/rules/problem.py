"""The rules of one table as a problem: which of them cannot hold together, and why.

A *demand* is a rule as it must come out. A set of demands that contradict each other is cut down
to an irreducible one: without any one of them the analysis finds no contradiction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from synthdsl.model.expressions import Expr, fields_read
from synthdsl.model.ordering import needs_of
from synthdsl.model.spec import Case, Field, Rule, Table
from synthdsl.rules.enclosures import FALSE, NOT_FALSE, TRUE, Enclosure
from synthdsl.rules.graph import Constraint, Graph
from synthdsl.rules.linear import Forms
from synthdsl.rules.propagation import Conflict, State, Work
from synthdsl.rules.search import Search

DEMANDS = {"hold": NOT_FALSE, "true": TRUE, "false": FALSE}


@dataclass(frozen=True, eq=False)
class Demand:
    """A condition as it must come out. `origin`: the rule or case; None for a supposition."""

    constraint: Constraint
    fields: frozenset[str]
    origin: Rule | Case | None


@dataclass(frozen=True, eq=False)
class Core:
    """Demands that contradict each other, none of which can be left out, with the `draws` that
    the contradiction needs. `fixed` are suppositions that were never left out; `spared` are
    fields that may as well be any value of their type.
    """

    demands: tuple[Demand, ...]
    draws: tuple[Field, ...]
    fixed: tuple[Demand, ...] = ()
    spared: frozenset[str] = frozenset()


class Problem:
    """The fields and rules of a table, ready to be asked what can be."""

    def __init__(self, table: Table, work: Work) -> None:
        self.table = table
        self.work = work
        self.graph = Graph(table)
        self.forms = Forms(self.graph)
        self._needs = needs_of(table.fields, table.correlations)
        self._bits = 0
        self.fields_of_bits: dict[int, Field] = {}
        for name, constraint in self.graph.definitions.items():
            constraint.source = self._bit()
            self.fields_of_bits[constraint.source] = table.fields[name]

    def _bit(self) -> int:
        self._bits += 1
        return 1 << (self._bits - 1)

    def demand(
        self, expression: Expr, allowed: Enclosure, origin: Rule | Case | None = None
    ) -> Demand:
        """A condition with what it may come out as."""
        constraint = self.graph.condition(expression, allowed)
        constraint.source = self._bit()
        read = fields_read(expression) & self.table.fields.keys()
        return Demand(constraint, self.ancestors(read), origin)

    def supposition(self, field: Field, allowed: Enclosure) -> Demand:
        """That a field is one of the values allowed."""
        node = self.graph.variables[field.name]
        constraint = Constraint(node, allowed, None, self._bit(), (node,), (node,))
        return Demand(constraint, self.ancestors({field.name}), None)

    def ancestors(self, names: Iterable[str]) -> frozenset[str]:
        """`names` and every field that they depend on."""
        found: set[str] = set()
        stack = list(names)
        while stack:
            name = stack.pop()
            if name not in found:
                found.add(name)
                stack.extend(self._needs.get(name, ()))
        return frozenset(found)

    # asking

    def state(self) -> State:
        """What is known before anything is demanded."""
        return State(self.graph, self.work)

    def definitions(
        self, demands: Iterable[Demand], without: frozenset[str] = frozenset()
    ) -> list[Constraint]:
        """What defines the fields that `demands` depend on."""
        names: set[str] = set()
        for demand in demands:
            names |= demand.fields
        return [c for n, c in self.graph.definitions.items() if n in names and n not in without]

    def refute(
        self, demands: list[Demand], *, without: frozenset[str] = frozenset()
    ) -> Conflict | None:
        """Why `demands` cannot hold together; None where they may.

        The fields `without` are taken to be any value of their type.
        """
        search = Search(self.state(), self.forms, self._bits)
        constraints = self.definitions(demands, without) + [d.constraint for d in demands]
        return search.refute(constraints)

    # explaining

    def core(self, demands: list[Demand], fixed: tuple[Demand, ...] = ()) -> Core | None:
        """An irreducible part of `demands` that contradicts itself together with `fixed`."""
        conflict = self.refute([*demands, *fixed])
        if conflict is None:
            return None
        left = _named(demands, conflict)
        if len(left) < len(demands):
            again = self.refute([*left, *fixed])
            if again is None:
                left = demands
            else:
                conflict = again
        for demand in reversed(left if len(left) <= LARGEST_CORE else []):
            if demand not in left or self.work.is_done:
                continue
            fewer = [d for d in left if d is not demand]
            smaller = self.refute([*fewer, *fixed])
            if smaller is not None:
                conflict = smaller
                left = _named(fewer, smaller)
        draws, spared = self._draws_of(conflict, [*left, *fixed])
        return Core(tuple(left), draws, fixed, spared)

    def _draws_of(
        self, conflict: Conflict, demands: list[Demand]
    ) -> tuple[tuple[Field, ...], frozenset[str]]:
        """The drawn fields without whose draw there is no contradiction, and spared fields."""
        fields = [f for bit, f in self.fields_of_bits.items() if conflict.reason & bit]
        without: frozenset[str] = frozenset()
        kept = []
        for field in fields[:MOST_DRAWS]:
            trial = without | {field.name}
            if self.refute(demands, without=trial) is not None:
                without = trial
            elif field.draw is not None:
                kept.append(field)
        named = {field.name for field in fields}
        unnamed = {f.name for f in self.fields_of_bits.values()} - named
        spared = without | unnamed
        if self.refute(demands, without=spared) is None:
            spared = without
        return tuple(kept), spared


LARGEST_CORE = 48
"""A contradiction of more demands is given as it was found, perhaps with some that it can spare."""
MOST_DRAWS = 16
"""Fields of a contradiction whose draws are looked at one by one."""


def _named(demands: list[Demand], conflict: Conflict) -> list[Demand]:
    return [d for d in demands if d.constraint.source & conflict.reason]


def components(demands: list[Demand]) -> list[list[Demand]]:
    """Demands that share fields, directly or through others."""
    groups: list[tuple[set[str], list[Demand]]] = []
    for demand in demands:
        names, members = set(demand.fields), [demand]
        kept = []
        for other in groups:
            if other[0] & names:
                names |= other[0]
                members = other[1] + members
            else:
                kept.append(other)
        groups = [*kept, (names, members)]
    return [members for _, members in groups]
