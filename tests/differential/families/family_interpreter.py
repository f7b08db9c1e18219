"""Families one entity at a time, by naive rejection: what a spec means, word for word.

A rule belongs to a *unit*: the rules of one scope that share random fields, and all that these read
inside the scope. When somebody asks for a value of a unit, the widest unit that has it is made
first: drawn until its rules hold, and while that goes on narrower ones inside it are made in each
try. What is above the scope is given; what nobody asked for follows later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from family_rows import Row, Value, all_rows, negation
from family_spec import Draw, FamilySpec, Machine, Node, RulePair, TablePair

ROWS, SIBLINGS = "rows", "siblings"


class TooRareError(Exception):
    """Naive rejection would take too long."""


class NoUnitError(Exception):
    """A rule that conditions nothing, or that reads in a circle: outside the subset."""


@dataclass
class Unit:
    """Rules that are conditioned together, for each row of a table or for all under one parent."""

    table: str
    mode: str
    rules: list[RulePair]
    nodes: set[Node]
    is_case: bool = False
    number: int = 0
    kept: set[Node] = field(default_factory=set)
    inner: set[int] = field(default_factory=set)


class Structure:
    """What reads what, and the units of a spec."""

    def __init__(self, spec: FamilySpec) -> None:
        self.spec = _broken(spec) if spec.breaks else spec
        self.makers: dict[Node, Callable[[Row], Value]] = {}
        self.reads: dict[Node, frozenset[Node]] = {}
        self.drawn: set[Node] = set()
        self.crossing: set[Node] = set()
        for table in spec.tables.values():
            self._add_table(table)
        self.ancestors = {node: self._ancestors(node) for node in self.reads}
        self.units = self._units()
        self.units_of: dict[Node, list[Unit]] = {}
        for unit in self.units:  # from the widest on
            for node in unit.nodes:
                self.units_of.setdefault(node, []).append(unit)

    def _add_table(self, table: TablePair) -> None:
        for f in table.fields:
            node = (table.name, f.name)
            self.makers[node] = f.make
            self.reads[node] = f.reads
            self.drawn |= {node} if f.is_drawn else set()
            self.crossing |= {node} if f.crosses else set()
        if table.parent is None:
            return
        number, there = (table.parent, "#" + table.name), (table.parent, "%" + table.name)
        parts = [table.where] if table.where else []
        if isinstance(table.number, Draw):
            parts += table.number.parts
        elif table.number is not None:
            parts.append(table.number)
        if isinstance(table.number, Draw) or table.machine:
            self.drawn.add(number)
        self.reads[number] = frozenset().union(*(p.reads for p in parts))
        self.makers[number] = (
            _path_maker(table, table.machine) if table.machine else _number_maker(table)
        )
        until = table.until.reads if table.until else frozenset()
        self.reads[there] = until | {number}
        self.makers[there] = _there_maker(table)
        if table.machine:
            for name in ("state", "stay"):
                self.reads[(table.name, name)] = frozenset([number])

    def _ancestors(self, node: Node) -> set[Node]:
        found: set[Node] = set()
        todo = [node]
        while todo:
            for read in self.reads.get(todo.pop(), ()):
                if read not in found:
                    found.add(read)
                    todo.append(read)
        return found

    def component(self, table: str, start: Iterable[Node]) -> set[Node]:
        """What is read inside the scope of rows of `table`, by way of derived fields above, too."""
        inside = self.spec.below(table)
        found: set[Node] = set()
        todo = list(start)
        while todo:
            node = todo.pop()
            if node in found or node[1] == "index":
                continue
            is_inside = node[0] in inside
            hangs = any(a[0] in inside for a in self.ancestors.get(node, ()))
            if hangs and not is_inside and node in self.drawn:
                raise NoUnitError("a draw of a row above that depends on rows of the scope")
            if is_inside or hangs:
                found.add(node)
                todo += self.reads.get(node, ())
        return found

    def _units(self) -> list[Unit]:
        units = [self._unit_of(rule) for rule in self.spec.rules]
        while self._grow(units):
            pass
        if self.spec.case is not None:
            case = self._unit_of(self.spec.case)
            case.is_case, case.mode = True, ROWS
            for unit in units:
                if unit.table in self.spec.below(case.table) and (
                    unit.mode == ROWS or unit.table != case.table
                ):
                    case.nodes |= self.component(case.table, self._needs(unit))
                elif unit.nodes & case.nodes & self.drawn:
                    raise NoUnitError("a case inside a wider rule")
            units.append(case)
        units.sort(key=self._width)
        for number, unit in enumerate(units):
            unit.number = number
        for i, wide in enumerate(units):
            for narrow in units[i + 1 :]:
                if narrow.nodes & wide.nodes & self.drawn:
                    wide.inner.add(narrow.number)
        return units

    def _width(self, unit: Unit) -> tuple[int, int, int]:
        return (len(self.spec.above(unit.table)), unit.mode == ROWS, not unit.is_case)

    def _unit_of(self, rule: RulePair) -> Unit:
        reads = rule.condition.reads
        nodes = self.component(rule.table, reads)
        inside = self.spec.below(rule.table)
        if not nodes & self.drawn or not any(n[0] in inside for n in nodes & self.drawn):
            raise NoUnitError(f"{rule.name} conditions nothing")
        own = {n for n in nodes if n[0] == rule.table}
        parent = self.spec.tables[rule.table].parent
        crosses = rule.condition.crosses or bool(own & self.crossing)
        crosses |= any(n[0] not in inside for n in nodes)
        unit = Unit(rule.table, SIBLINGS if crosses and parent else ROWS, [rule], nodes)
        if any(n[0] not in inside and n[0] != parent for n in nodes):
            raise NoUnitError("through a row further above")
        unit.kept = self.component(rule.table, [(rule.table, k) for k in rule.keeping])
        return unit

    def _needs(self, unit: Unit) -> set[Node]:
        """What a unit makes, and what its rules read that is given."""
        return unit.nodes.union(*(rule.condition.reads for rule in unit.rules))

    def _grow(self, units: list[Unit]) -> bool:
        """Join what shares random fields; whether something changed."""
        for i, a in enumerate(units):
            for b in units[:i] + units[i + 1 :]:
                if not a.nodes & b.nodes & self.drawn:
                    continue
                is_staged = any(r.keeping for r in a.rules + b.rules)
                if a.table == b.table and (a.mode == b.mode or is_staged):
                    a.mode = SIBLINGS if SIBLINGS in (a.mode, b.mode) else ROWS
                    a.rules, a.nodes = a.rules + b.rules, a.nodes | b.nodes
                    a.kept |= b.kept
                    units.remove(b)
                    return True
                is_inner = b.table in self.spec.below(a.table) and self._width(a) < self._width(b)
                more = self.component(a.table, self._needs(b)) if is_inner else set()
                if not more <= a.nodes:
                    a.nodes |= more
                    return True
        return False


def _broken(spec: FamilySpec) -> FamilySpec:
    """The spec of rows that break a rule and no other."""
    rules = []
    for rule in spec.rules:
        rule = replace(rule, share=None)
        if rule.name == spec.breaks:
            of = rule.condition.of
            # false, not just not true
            wrong = replace(rule.condition, of=lambda r, i, of=of: negation(of(r, i)) is True)
            rule = replace(rule, condition=wrong, keeping=())
        rules.append(rule)
    return replace(spec, rules=tuple(rules), breaks=None)


def _number_maker(table: TablePair) -> Callable[[Row], Value]:
    def make(row: Row) -> Value:
        number = 0
        if table.where is None or table.where.of(row, None) is True:
            draw = table.number
            assert draw is not None
            number = draw.make(row) if isinstance(draw, Draw) else draw.of(row, None)
        row.kids[table.name] = [Row(table.name, i, row, row.world) for i in range(int(number))]
        return number

    return make


def _there_maker(table: TablePair) -> Callable[[Row], Value]:
    def make(row: Row) -> Value:
        row.get("#" + table.name)
        rows = row.kids[table.name]
        if table.until is None:
            return rows
        for i, kid in enumerate(rows):
            if table.until.of(kid, None) is True:
                return rows[: i + 1]
        return rows

    return make


def _path_maker(table: TablePair, machine: Machine) -> Callable[[Row], Value]:
    def make(row: Row) -> Value:
        rows: list[Row] = []
        row.kids[table.name] = rows
        if table.where is not None and table.where.of(row, None) is not True:
            return 0
        state: str | None = next(iter(machine.stays))
        while state is not None:
            visit = Row(table.name, len(rows), row, row.world)
            stay = machine.stays[state].make(visit) if state in machine.stays else None
            visit.memo |= {"state": state, "stay": stay}
            rows.append(visit)
            if state in machine.finals:
                break
            weights = machine.follow[state]
            state = str(row.world.rng.choice(list(weights), p=list(weights.values())))
        return len(rows)

    return make


class World:
    """Entities of a spec, one after the other."""

    def __init__(
        self, structure: Structure, seed: int, *, sites: list[Row], most_tries: int = 20_000
    ) -> None:
        self.structure = structure
        self.rng = np.random.default_rng(seed)
        self.sites = sites
        self.tries, self.most_tries = 0, most_tries
        self.frozen: frozenset[Node] = frozenset()
        self.demands: dict[tuple[str, tuple[int, ...]], bool] = {}

    def entities(self, rows: int, *, on_average: int = 200) -> list[Row]:
        """So many entities, in so many tries each."""
        found = []
        for index in range(rows):
            found.append(self.entity(index))
            if self.tries > on_average * (index + 30):
                raise TooRareError(f"{self.tries} tries for {index + 1} entities")
        return found

    def entity(self, index: int = 0) -> Row:
        """A root row with all that hangs under it, complete."""
        self.demands = {}
        row = Row(self.structure.spec.root, index, None, self)
        self._complete(row)
        return row

    def _complete(self, row: Row) -> None:
        spec = self.structure.spec
        for f in spec.tables[row.table].fields:
            row.get(f.name)
        for child in spec.children(row.table):
            for kid in row.rows(child.name):
                self._complete(kid)

    def demand(self, row: Row, name: str) -> Value:
        """A value that is not there yet."""
        node = (row.table, name)
        for unit in self.structure.units_of.get(node, ()):
            instance = self._instance(unit, row)
            if unit.number not in instance.state:
                self._make(unit, instance)
                if name in row.memo:
                    return row.memo[name]
        value = self.structure.makers[node](row)
        row.memo[name] = value
        return value

    def _instance(self, unit: Unit, row: Row) -> Row:
        parent = self.structure.spec.tables[unit.table].parent
        while row.table != unit.table:
            if unit.mode == SIBLINGS and row.table == parent:
                return row
            assert row.up is not None
            row = row.up
        if unit.mode == ROWS:
            return row
        assert row.up is not None
        return row.up

    def _make(self, unit: Unit, instance: Row) -> None:
        """Draw a unit until its rules hold, what is kept first."""
        instance.state[unit.number] = "active"
        before = self.frozen
        if unit.kept:
            self._until_held([r for r in unit.rules if not r.keeping], unit, instance)
            for row in self._rows_of(unit, instance):
                for table, name in unit.kept:
                    if table == row.table:
                        row.get(name)
            self.frozen = before | unit.kept
            self._clear(unit, instance)
        self._until_held(unit.rules, unit, instance)
        self.frozen = before
        instance.state[unit.number] = "made"

    def _until_held(self, rules: list[RulePair], unit: Unit, instance: Row) -> None:
        tries = 0
        while not self._hold(rules, unit, instance):
            self.tries += 1
            tries += 1
            if tries > self.most_tries:
                raise TooRareError(", ".join(r.name for r in rules))
            self._clear(unit, instance)

    def _hold(self, rules: list[RulePair], unit: Unit, instance: Row) -> bool:
        if not rules:
            return True
        rows = [instance] if unit.mode == ROWS else instance.rows(unit.table)
        return all(self._holds(rule, unit, row) for rule in rules for row in rows)

    def _holds(self, rule: RulePair, unit: Unit, row: Row) -> bool:
        truth = rule.condition.of(row, None)
        if unit.is_case:
            return truth is True
        if rule.share is None:
            return truth is not False
        return (truth is not False) == self._demanded(rule, row)

    def _demanded(self, rule: RulePair, row: Row) -> bool:
        """Whether a soft rule must hold: for this row, whatever the tries of its scope."""
        key = rule.name, row.path
        if key not in self.demands:
            assert rule.share is not None
            self.demands[key] = self.rng.random() < rule.share / 100
        return self.demands[key]

    def _rows_of(self, unit: Unit, instance: Row) -> list[Row]:
        if unit.mode == ROWS:
            return list(all_rows(instance))
        kids = instance.kids.get(unit.table, [])
        return [instance, *(row for kid in kids for row in all_rows(kid))]

    def _clear(self, unit: Unit, instance: Row) -> None:
        """Forget what the unit has made, but what is kept."""
        nodes = unit.nodes - self.frozen
        # what rules of a narrower scope demand of their rows is drawn with these; a case conditions
        # what the spec denotes, exceptions included
        again = {
            r.name
            for u in self.structure.units
            if u.number in unit.inner and (unit.is_case or u.table != unit.table)
            for r in u.rules
            if r.share is not None
        }
        if again:
            self.demands = {k: v for k, v in self.demands.items() if k[0] not in again}
        for row in self._rows_of(unit, instance):
            for number in unit.inner:
                row.state.pop(number, None)
            for table, name in nodes:
                if table == row.table:
                    row.memo.pop(name, None)
                    if name[0] == "#":
                        row.kids.pop(name[1:], None)
