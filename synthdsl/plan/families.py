"""Families: a root table with all that hangs under it, planned together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from synthdsl.diagnostics import Diagnostic, Label, SynthError
from synthdsl.model.draws import expressions_of, inner_draws
from synthdsl.model.expressions import Above, Neighbour, Related, walk
from synthdsl.model.ordering import circles
from synthdsl.model.relations import count_name
from synthdsl.model.spec import Field, Rule, Table
from synthdsl.plan.components import Step
from synthdsl.plan.nodes import (
    END,
    MACHINE,
    Node,
    Read,
    Tables,
    begin_of,
    depth_of,
    expression_reads,
    field_reads,
    is_under,
    reads_beyond,
    tables_under,
    touched_by_masks,
    whole_of,
)
from synthdsl.plan.units import (
    CircleError,
    EntityStage,
    EntityUnit,
    MachineUnit,
    SequenceUnit,
    StepUnit,
    StopUnit,
    Unit,
    ordered,
    with_ancestors,
)

Graph = dict[Node, set[Read]]
OwnRule = tuple[str, Rule]
"""A rule with the table of whose rows it is."""


class FamilyGraph:
    """What the nodes of a family need, and which of its rules condition single rows."""

    def __init__(self, root: str, tables: Tables) -> None:
        self.root = root
        self.names = tables_under(root, tables)
        self.tables = {name: tables[name] for name in self.names}
        self.touched = touched_by_masks(tables)
        self.reads = self._graph()
        self._row_rules: set[OwnRule] | None = None

    def _graph(self) -> Graph:
        graph: Graph = {}
        for name, table in self.tables.items():
            for field in table.fields.values():
                graph[name, field.name] = field_reads(field, table, self.tables)
            begin = begin_of(table)
            if table.machine is not None:
                graph[name, MACHINE] = self._machine_reads(table)
            if table.stop is not None:
                assert begin is not None
                graph[name, END] = {
                    *expression_reads(table.stop, name, self.tables),
                    Read(begin),
                }
        return graph

    def _machine_reads(self, table: Table) -> set[Read]:
        """What a pathway reads before it has rows: fields of its parent."""
        assert table.machine is not None and table.parent is not None
        found = {Read((table.parent.table, count_name(table.name)))}
        for name in table.machine.reads:
            value = table.fields[name].value if name in table.fields else None
            if isinstance(value, Above):
                found |= set(expression_reads(value, table.name, self.tables))
        return found

    def ancestors(self, start: Iterable[Node]) -> set[Node]:
        """`start` and everything that it needs."""
        found: set[Node] = set()
        stack = list(start)
        while stack:
            node = stack.pop()
            if node not in found and node in self.reads:
                found.add(node)
                stack.extend(read.node for read in self.reads[node])
        return found

    def rule_nodes(self, rule: OwnRule) -> set[Node]:
        """The nodes that a rule reads directly."""
        table, own = rule
        return {r.node for r in expression_reads(own.condition, table, self.tables)}

    def is_of_rows(self, rule: OwnRule) -> bool:
        """Whether a rule conditions single rows, given those above, apart from what is below."""
        if self._row_rules is None:
            every = [(name, own) for name, table in self.tables.items() for own in table.rules]
            self._row_rules = {own for own in every if self._reads_single_rows(own)}
            # what a rule keeps has the law that all other rules of the row give it, and none of
            # them conditions which exceptions a soft one has: they are settled together
            while joined := {
                own
                for own in self._row_rules
                if any(o not in self._row_rules and self.is_settled_with(own, o) for o in every)
            }:
                self._row_rules -= joined
        return rule in self._row_rules

    def is_settled_with(self, one: OwnRule, other: OwnRule) -> bool:
        """Whether rules of the same rows condition the same draws, and one of them keeps some, or
        `one` is soft. A case joins soft rules, too: it conditions which exceptions these have.
        """
        (table, own), (at, another) = one, other
        if table != at or another.demand == "true":
            return False
        is_staged = own.keeping or another.keeping or another.keeping_below
        is_soft = own.share is not None or (own.demand == "true" and another.share is not None)
        if not is_staged and not is_soft:
            return False
        fields = self.tables[table].fields
        shared = self.ancestors(self.rule_nodes(one)) & self.ancestors(self.rule_nodes(other))
        return any(
            name == table and field in fields and fields[field].draw is not None
            for name, field in shared
        )

    def _reads_single_rows(self, rule: OwnRule) -> bool:
        name, own = rule
        if reads_beyond(own.condition) or own.keeping_below:
            return False
        needed = self.ancestors(self.rule_nodes(rule))
        table = self.tables[name]
        if table.machine is not None and any(t == name for t, _ in needed):
            return False
        for at, field_name in needed:
            if at == name:
                field = table.fields.get(field_name)
                if field is not None and is_beyond(field):
                    return False
            elif field_name not in (MACHINE, END) and self.leans_on(at, field_name, name):
                return False
        return True

    def leans_on(self, at: str, field: str, table: str) -> bool:
        """Whether a field of a table above `table` depends on rows of it, or under it."""
        if is_under(at, table, self.tables):
            return False
        return any(is_under(t, table, self.tables) for t, _ in self.ancestors([(at, field)]))


@dataclass(frozen=True, eq=False)
class FamilyPlan:
    """How the rows of a root table and of all tables under it are made: units, in order.

    `tables`: parents first. `recomputed`: derived fields that are computed again after masks.
    """

    root: str
    tables: tuple[str, ...]
    units: tuple[Unit, ...]
    recomputed: tuple[Node, ...]
    graph: FamilyGraph


def is_drawn_together(field: Field) -> bool:
    """Whether a field is drawn for all rows under one parent together."""
    return field.draw is not None and any(d.needs_siblings for d in inner_draws(field.draw))


def is_beyond(field: Field) -> bool:
    """Whether a field reads other rows than its own and those above, or is drawn beside them."""
    if is_drawn_together(field):
        return True
    expressions = list(expressions_of(field.draw)) if field.draw is not None else []
    if field.value is not None:
        expressions.append(field.value)
    return any(reads_beyond(e) for e in expressions)


def plan_family(graph: FamilyGraph, steps: Mapping[str, Sequence[Step]]) -> FamilyPlan:
    """The plan of a family whose tables have `steps`. Raises `SynthError` where fields of
    several tables need each other, or a rule cannot be conditioned.
    """
    units = _step_units(graph, steps)
    for name, table in graph.tables.items():
        for rule in table.rules:
            if table.parent is not None and graph.is_of_rows((name, rule)):
                _check_drawn(graph, (name, rule))
    rules = [
        (name, rule)
        for name, table in graph.tables.items()
        for rule in table.rules
        if not graph.is_of_rows((name, rule))
    ]
    # a case conditions what the spec denotes; a broken rule takes the place of itself
    of_spec = [rule for rule in rules if rule[1].demand != "true"]
    wanted = [rule for rule in rules if rule[1].demand == "true"]
    for group in (of_spec, wanted):
        units = _with_entities(graph, units, group)
    try:
        units = list(ordered(units))
    except CircleError as error:
        raise _circle(error.units, graph) from error
    return FamilyPlan(graph.root, graph.names, tuple(units), _recomputed(graph, units), graph)


# units of single tables


def _step_units(graph: FamilyGraph, steps: Mapping[str, Sequence[Step]]) -> list[Unit]:
    units: list[Unit] = []
    for name, table in graph.tables.items():
        sequences = _sequences(graph, name)
        in_sequence = {field for sequence in sequences for field in sequence}
        before_end = _before_end(graph, table)
        units += [
            _step_unit(graph, name, step, before_end)
            for step in steps[name]
            if step.fields[0] not in in_sequence
        ]
        for sequence in sequences:
            own = tuple(s for s in steps[name] if set(s.fields) & set(sequence))
            units.append(_sequence_unit(graph, name, own))
        if table.machine is not None:
            reads = frozenset(r.node for r in graph.reads[name, MACHINE])
            units.append(MachineUnit(name, frozenset({(name, MACHINE)}), reads))
        if table.stop is not None:
            reads = frozenset(r.node for r in graph.reads[name, END])
            units.append(StopUnit(name, frozenset({(name, END)}), reads))
    return units


def _nodes(table: str, fields: Iterable[str]) -> frozenset[Node]:
    return frozenset((table, field) for field in fields)


def _step_unit(graph: FamilyGraph, name: str, step: Step, before_end: set[str]) -> StepUnit:
    writes = _nodes(name, step.fields)
    reads = {read.node for node in writes for read in graph.reads[node]} - writes
    table = graph.tables[name]
    if table.stop is not None and not set(step.fields) & before_end:
        reads.add((name, END))
    return StepUnit(name, writes, frozenset(reads), step)


def _share_draws(graph: FamilyGraph, table: str, one: set[Node], other: set[Node]) -> bool:
    """Whether two sets of nodes have a draw of `table`, or under it, in common."""
    for at, name in one & other:
        field = graph.tables[at].fields.get(name)
        is_drawn = name == MACHINE or (field is not None and field.draw is not None)
        if is_drawn and is_under(at, table, graph.tables):
            return True
    return False


def _before_end(graph: FamilyGraph, table: Table) -> set[str]:
    """Fields that all rows need, those too that `until` leaves out: what it reads itself, and
    draws that rows under one parent make together.
    """
    if table.stop is None:
        return set()
    needed = graph.ancestors([(table.name, END)])
    together = [(table.name, f.name) for f in table.fields.values() if is_drawn_together(f)]
    needed |= graph.ancestors(together)
    # what rules condition together with what `until` reads is settled before rows are left out: the
    # rules hold in these, too
    owns = [graph.ancestors(graph.rule_nodes((table.name, rule))) for rule in table.rules]
    while more := [
        own for own in owns if not own <= needed and _share_draws(graph, table.name, own, needed)
    ]:
        needed = needed.union(*more)
    return {field for at, field in needed if at == table.name}


def _sequences(graph: FamilyGraph, name: str) -> list[list[str]]:
    """Fields of a table that depend on themselves through earlier rows, by circle."""
    fields = graph.tables[name].fields
    needs = {
        field: sorted(
            {r.node[1] for r in graph.reads[name, field] if r.node[0] == name} & set(fields)
        )
        for field in fields
    }
    return circles(needs)


def _sequence_unit(graph: FamilyGraph, name: str, steps: tuple[Step, ...]) -> SequenceUnit:
    fields = [field for step in steps for field in step.fields]
    writes = _nodes(name, fields)
    reads = frozenset(r.node for node in writes for r in graph.reads[node]) - writes
    for step in steps:
        own = _nodes(name, step.fields)
        for read in (r for node in own for r in graph.reads[node]):
            if read.node in (writes if read.is_after else own) and read.which not in ("", "prev"):
                raise _circle([StepUnit(name, writes, frozenset(), step)], graph)
    waiting, order = list(steps), []
    done: set[str] = set()
    while waiting:
        for step in waiting:
            needs = {
                r.node[1]
                for field in step.fields
                for r in graph.reads[name, field]
                if r.node in writes and not r.is_before
            }
            if needs - set(step.fields) <= done:
                break
        else:
            units = [StepUnit(name, _nodes(name, s.fields), frozenset(), s) for s in waiting]
            raise _circle(units, graph)
        waiting.remove(step)
        done |= set(step.fields)
        order.append(step)
    return SequenceUnit(name, writes, reads, tuple(order))


# units of entities


@dataclass(eq=False)
class _Scope:
    """What a rule conditions: for each row of `table`, units of `scope` and under it."""

    table: str
    scope: str
    rule: OwnRule


def _with_entities(graph: FamilyGraph, units: list[Unit], rules: list[OwnRule]) -> list[Unit]:
    """`units` with those that rules condition together joined, narrow scopes first."""
    scopes = [_scope_of(graph, rule) for rule in rules]
    while wider := next(
        (
            (s, o)
            for s in scopes
            for o in scopes
            if s.table != o.table
            and depth_of(o.table, graph.tables) < depth_of(s.table, graph.tables)
            and graph.is_settled_with(s.rule, o.rule)
        ),
        None,
    ):
        # rules of the same rows are settled together
        wider[0].table = wider[1].table
    for scope in scopes:
        if scope.rule[1].demand == "true":
            _take_in(graph, scope, units)
    scopes.sort(key=lambda s: (-depth_of(s.scope, graph.tables), s.table != s.scope))
    while scopes:
        first = scopes[0]
        alike = [s for s in scopes if (s.table, s.scope) == (first.table, first.scope)]
        scopes = [s for s in scopes if s not in alike]
        units = _joined(graph, units, alike)
    return units


def _take_in(graph: FamilyGraph, scope: _Scope, units: list[Unit]) -> None:
    """Widen the scope of a case to that of rules which condition the same draws of its rows, for
    all rows under one parent. Where these condition what is above as well, the case is refused.
    """
    needed = graph.ancestors(graph.rule_nodes(scope.rule))
    below = {node for node in needed if is_under(node[0], scope.scope, graph.tables)}
    for unit in units:
        if not isinstance(unit, EntityUnit) or not unit.writes & below:
            continue
        if depth_of(unit.table, graph.tables) >= depth_of(scope.table, graph.tables):
            continue
        wider = replace(scope, table=unit.table)
        if not _allowed(graph, wider, unit):
            name, case = scope.rule
            rules = [rule for _, rule in unit.rules]
            raise _refused(
                case,
                f"case `{case.name}` asks for rows of `{name}`, which `{rules[0].name}` conditions "
                f"together with their `{unit.table}`",
                f"ask for the rows of `{unit.table}` that have such: "
                f"`case {case.name} each {unit.table} x: all(... for y in x.{name})`",
                rules,
            )
        scope.table = unit.table


def _scope_of(graph: FamilyGraph, rule: OwnRule) -> _Scope:
    name, _ = rule
    needed = graph.ancestors(graph.rule_nodes(rule))
    leaning = [at for at, field in needed if field != END and graph.leans_on(at, field, name)]
    top = name
    parent = graph.tables[name].parent
    if parent is not None and (
        _reads_neighbours(graph, rule, needed) or graph.tables[name].machine is not None
    ):
        top = parent.table
    for at in leaning:
        if depth_of(at, graph.tables) < depth_of(top, graph.tables):
            top = at
    return _Scope(top, name, rule)


def _reads_neighbours(graph: FamilyGraph, rule: OwnRule, needed: set[Node]) -> bool:
    name, own = rule
    expressions = [own.condition]
    for at, field_name in needed:
        field = graph.tables[at].fields.get(field_name)
        if at != name or field is None:
            continue
        if is_drawn_together(field):
            return True
        if field.draw is not None:
            expressions += expressions_of(field.draw)
        if field.value is not None:
            expressions.append(field.value)
    return any(
        isinstance(e, Neighbour) or (isinstance(e, Related) and e.up > 0)
        for expression in expressions
        for e in walk(expression)
    )


def _allowed(graph: FamilyGraph, scope: _Scope, unit: Unit) -> bool:
    """Whether a unit is conditioned by rules of this scope: inside it, or above it but computed
    from it.
    """
    tables = graph.tables
    begin = begin_of(tables[scope.scope])
    if isinstance(unit, StopUnit) and unit.table == scope.scope:
        # how many rows are there is given
        return False
    for node in unit.writes:
        if is_under(node[0], scope.scope, tables):
            # the run of a pathway is what its rules condition; other rows are given in number
            continue
        if node == begin and scope.scope != scope.table:
            return False
        if not is_under(node[0], scope.table, tables) or not graph.leans_on(*node, scope.scope):
            return False
    return True


def _joined(graph: FamilyGraph, units: list[Unit], scopes: list[_Scope]) -> list[Unit]:
    """`units` with one for each set of rules of one scope that condition units in common."""
    allowed = [unit for unit in units if _allowed(graph, scopes[0], unit)]
    groups: list[tuple[set[Unit], list[OwnRule]]] = []
    for scope in scopes:
        start = [u for u in allowed if u.writes & graph.rule_nodes(scope.rule)]
        needed = _conditioned(graph, _closed(graph, with_ancestors(start, allowed), allowed))
        _check_random(graph, scope, needed)
        rules = [scope.rule]
        apart = []
        for others, other_rules in groups:
            if others & needed:
                needed |= others
                rules = [*other_rules, *rules]
            else:
                apart.append((others, other_rules))
        groups = [*apart, (needed, rules)]
    taken = {unit for needed, _ in groups for unit in needed}
    joined: list[Unit] = [unit for unit in units if unit not in taken]
    for needed, rules in groups:
        own = [unit for unit in units if unit in needed]
        joined.append(_entity(graph, scopes[0], own, rules))
    return joined


def _conditioned(graph: FamilyGraph, needed: set[Unit]) -> set[Unit]:
    """`needed` without units whose values no try changes: derived from what is given."""
    maker = {node: unit for unit in needed for node in unit.writes}
    # rows that `until` has left out in one try are there again in the next
    begins = {begin_of(graph.tables[u.table]) for u in needed if isinstance(u, StopUnit)}
    found = {
        unit
        for unit in needed
        if not isinstance(unit, StepUnit) or _draws(graph, unit) or unit.writes & begins
    }
    while more := {
        unit
        for unit in needed - found
        if any(maker.get(node) in found for node in unit.reads - unit.writes)
    }:
        found |= more
    return found


def _draws(graph: FamilyGraph, unit: Unit) -> bool:
    fields = (graph.tables[at].fields.get(name) for at, name in unit.writes)
    return any(field is not None and field.draw is not None for field in fields)


def _closed(graph: FamilyGraph, needed: set[Unit], allowed: list[Unit]) -> set[Unit]:
    """`needed` with the units of fields that are correlated with any of theirs."""
    while True:
        wanted: set[Node] = set()
        for unit in needed:
            for correlation in graph.tables[unit.table].correlations:
                nodes = _nodes(unit.table, correlation.fields)
                if nodes & unit.writes:
                    wanted |= nodes
        more = [u for u in allowed if u.writes & wanted and u not in needed]
        if not more:
            return needed
        needed = with_ancestors([*needed, *more], allowed)


def _entity(
    graph: FamilyGraph, scope: _Scope, units: list[Unit], rules: list[OwnRule]
) -> EntityUnit:
    try:
        order = ordered(units)
    except CircleError as error:
        raise _circle(error.units, graph) from error
    writes = frozenset().union(*(unit.writes for unit in order))
    reads = frozenset().union(*(unit.reads for unit in order)) - writes
    reads |= frozenset(node for rule in rules for node in graph.rule_nodes(rule)) - writes
    return EntityUnit(
        scope.table,
        writes,
        reads,
        scope.scope,
        order,
        _stages(graph, order, rules),
        tuple(rules),
    )


def _stages(
    graph: FamilyGraph, units: Sequence[Unit], rules: list[OwnRule]
) -> tuple[EntityStage, ...]:
    """How an entity is settled: what `keeping` keeps first, as in `plan.components.stages`."""
    kept = {rule: _kept(graph, units, rule) for rule in rules}
    chain: list[frozenset[Unit]] = []
    for own in sorted(kept.values(), key=len):
        if own and own not in chain:
            chain.append(own)
    for smaller, larger in pairwise(chain):
        if not smaller <= larger:
            raise _refused(
                rules[0][1],
                "rules keep different fields and bear on each other: "
                "which law the kept fields have is open",
                "let all keep the same fields, or one keep all that the other keeps",
                tuple(rule for _, rule in rules[1:]),
            )
    stages = []
    settled: frozenset[Unit] = frozenset()
    for keep in (*chain, frozenset(units)):
        enforced = tuple(rule for rule in rules if kept[rule] <= settled)
        stages.append(EntityStage(tuple(u for u in units if u not in settled), enforced))
        settled |= keep
    return tuple(stages)


def _kept(graph: FamilyGraph, units: Sequence[Unit], rule: OwnRule) -> frozenset[Unit]:
    table, own = rule
    named = {(table, name) for name in own.keeping} | set(own.keeping_below)
    nodes = named | graph.ancestors(named)  # a field that the rules do not read keeps what it reads
    start = [unit for unit in units if unit.writes & nodes]
    kept = frozenset(with_ancestors(start, units))
    # with the number of rows it is kept which of them `until` leaves
    stops = [
        unit
        for unit in units
        if isinstance(unit, StopUnit)
        and any(begin_of(graph.tables[unit.table]) in other.writes for other in kept)
    ]
    kept |= frozenset(with_ancestors(stops, units))
    if nodes and kept >= set(units):
        raise _refused(
            own,
            f"rule `{own.name}` keeps all that it reads: nothing is left to condition",
            "keep fewer fields, or remove the rule",
        )
    return kept


def _check_drawn(graph: FamilyGraph, rule: OwnRule) -> None:
    """A rule of single rows reads something that is drawn for them."""
    name, own = rule
    needed = graph.ancestors(graph.rule_nodes(rule))
    fields = [graph.tables[name].fields.get(field) for at, field in needed if at == name]
    if not any(field is not None and field.draw is not None for field in fields):
        raise _nothing_drawn(graph, own, name)


def _check_random(graph: FamilyGraph, scope: _Scope, units: set[Unit]) -> None:
    for unit in units:
        if isinstance(unit, MachineUnit):
            return
        for at, name in unit.writes:
            field = graph.tables[at].fields.get(name)
            if field is not None and field.draw is not None:
                return
    raise _nothing_drawn(graph, scope.rule[1], scope.scope)


def _nothing_drawn(graph: FamilyGraph, rule: Rule, scope: str) -> SynthError:
    word = "rule" if rule.demand != "true" else "case"
    return _refused(
        rule,
        f"{word} `{rule.name}` reads nothing that is drawn for a row of `{scope}`: "
        "what it reads is given",
        f"let it condition more: `{word} {rule.name} each {graph.root} x: ...`",
    )


# after masks


def _recomputed(graph: FamilyGraph, units: Iterable[Unit]) -> tuple[Node, ...]:
    """Derived fields that read a masked field, directly or through others, in order."""
    found = []
    for node in (node for unit in units for node in _in_order(unit)):
        field = graph.tables[node[0]].fields.get(node[1])
        if node in graph.touched and field is not None and field.value is not None:
            found.append(node)
    return tuple(found)


def _in_order(unit: Unit) -> list[Node]:
    if isinstance(unit, EntityUnit):
        return [node for inner in unit.units for node in _in_order(inner)]
    if isinstance(unit, StepUnit):
        return [(unit.table, name) for name in unit.step.fields]
    if isinstance(unit, SequenceUnit):
        return [(unit.table, name) for step in unit.steps for name in step.fields]
    return []


# refusals


def _circle(units: Sequence[Unit], graph: FamilyGraph) -> SynthError:
    """The error about units that need each other."""
    nodes = {node for unit in units for node in unit.writes}
    needs = {
        f"{t}.{f}": [f"{r.node[0]}.{r.node[1]}" for r in graph.reads[t, f] if r.node in nodes]
        for t, f in sorted(nodes)
    }
    circle = next(iter(circles(needs)), sorted(needs))
    shown = [name.replace(".#", "'s rows of ") for name in circle if ".#end" not in name]
    table, _, name = circle[0].partition(".")
    field = graph.tables[table].fields.get(name)
    span = graph.tables[table].span if field is None else field.name_span
    if len(shown) == 1 and field is not None:
        message = f"`{name}` depends on itself in the same row, or in a later one"
        help_ = f"read `prev.{name}`, or another field"
    else:
        names = ", ".join(f"`{name}`" for name in shown[:12])
        message = f"fields of related rows depend on each other in a circle: {names}"
        help_ = "break it: let one of them not read the next"
    return SynthError(
        "the spec cannot be planned",
        diagnostics=[Diagnostic("cycle", span, message, help_)],
    )


def _refused(rule: Rule, message: str, help: str, others: Iterable[Rule] = ()) -> SynthError:
    labels = tuple(Label(other.span) for other in others)
    return SynthError(
        "the spec cannot be planned",
        diagnostics=[Diagnostic("bad-rule", rule.span, message, help, labels=labels)],
    )


def row_rules(graph: FamilyGraph, name: str) -> Table:
    """The table with those of its rules only that condition single rows."""
    table = graph.tables[name]
    rules = tuple(rule for rule in table.rules if graph.is_of_rows((name, rule)))
    return replace(table, rules=rules)


__all__ = ["FamilyGraph", "FamilyPlan", "plan_family", "row_rules", "whole_of"]
