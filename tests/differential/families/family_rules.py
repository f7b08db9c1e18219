"""Random rules and cases of families."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import family_draws as d
from family_interpreter import ROWS, SIBLINGS, NoUnitError, Structure, Unit
from family_random import (
    NUMBERS,
    FamilyWriter,
    Fields,
    Source,
    aggregated,
    combined,
    compared,
    field_of,
    linear,
    opposite,
    random_aggregate,
)
from family_rows import Row
from family_spec import VARIABLES, Expression, FamilySpec, RulePair, TablePair


class RuleWriter:
    """Makes random rules over a family."""

    def __init__(self, rng: random.Random, writer: FamilyWriter, spec: FamilySpec) -> None:
        self.rng, self.writer, self.spec = rng, writer, spec

    def rule(self, name: str) -> RulePair | None:
        """A rule in a table or for each row of one; None if nothing came of it."""
        rng = self.rng
        tables = [t for t in self.spec.tables.values() if t.machine is None]
        table = rng.choice(tables)
        makers = [self._of_row, self._of_row, self._of_entity, self._of_entity, self._of_entity]
        if table.parent is not None:
            makers += [self._of_siblings] * 3
        found = rng.choice(makers)(table)
        if found is None:
            return None
        condition, is_each = found
        rule = RulePair(name, table.name, condition, is_each)
        if rng.random() < 0.25:
            rule = replace(rule, share=rng.choice([60, 80, 90]))
        if rng.random() < 0.25:
            rule = replace(rule, keeping=self._kept(rule, table))
        return rule

    def _kept(self, rule: RulePair, table: TablePair) -> tuple[str, ...]:
        read = [f.name for f in table.fields if (table.name, f.name) in rule.condition.reads]
        names = [n for n in read if table.named()[n].is_drawn] or read
        return (self.rng.choice(names),) if names else ()

    def _of_row(self, table: TablePair) -> tuple[Expression, bool] | None:
        is_each = self.rng.random() < 0.3
        prefix = VARIABLES[table.name] + "." if is_each else ""
        places = self.writer.places(table, prefix)
        at = Fields(self.rng, self.spec.tables, [places[0], places[0], *places])
        condition = at.condition(1)
        return None if condition is None else (condition, is_each)

    def _of_entity(self, table: TablePair) -> tuple[Expression, bool] | None:
        """A condition on rows below, joined with one on the row itself."""
        rng = self.rng
        is_each = rng.random() < 0.7
        prefix = VARIABLES[table.name] + "." if is_each else ""
        related = random_aggregate(rng, self.writer, table, prefix, table, is_truth=True)
        if related is None:
            return None
        places = self.writer.places(table, prefix)
        at = Fields(rng, self.spec.tables, places)
        kind = rng.randrange(5)
        other = at.condition(0)
        if kind == 1 and other is not None:
            return combined("->", other, related), is_each
        if kind == 2 and other is not None:
            return combined(rng.choice(["or", "and"]), related, other), is_each
        if kind == 3:
            again = random_aggregate(rng, self.writer, table, prefix, table, is_truth=True)
            return combined(rng.choice(["or", "and"]), related, again or related), is_each
        if kind == 4:
            total = random_aggregate(rng, self.writer, table, prefix, table)
            if total is not None:
                limit = linear(1.0, [(0.5, n)] if (n := at.number()) is not None else [])
                return compared(total, rng.choice(["<=", ">="]), limit), is_each
        return related, is_each

    def _of_siblings(self, table: TablePair) -> tuple[Expression, bool] | None:
        rng = self.rng
        own = self.writer.places(table)[0]
        at = Fields(rng, self.spec.tables, [own])
        x = at.number()
        if x is None:
            return None
        which = rng.choice(["prev", "prev", "first", "last", "next"])
        beside = self.writer.neighbour(table, which)
        kind = rng.randrange(4)
        if kind == 0:
            other = Fields(rng, self.spec.tables, [beside]).number()
            if other is None:
                return None
            return compared(linear(0.4, [(1.0, x)]), rng.choice([">=", "<="]), other), False
        if kind == 1:
            assert table.parent is not None
            sums = [f for f in self.spec.tables[table.parent].fields if f.type in NUMBERS]
            sums = [f for f in sums if not f.is_drawn]
            if sums:
                total = field_of(self.writer.places(table)[1], rng.choice(sums))
                limit = linear(1.35, [(0.5, x)] if rng.random() < 0.5 else [])
                return compared(total, rng.choice(["<=", ">="]), limit), False
        return self._of_all_siblings(table, own)

    def _of_all_siblings(self, table: TablePair, own: Source) -> tuple[Expression, bool] | None:
        rng = self.rng
        assert table.parent is not None
        way = (f"{VARIABLES[table.parent]}.{table.name}", [table.name])

        def base(row: Row) -> Row:
            assert row.up is not None
            return row.up

        if rng.random() < 0.5:
            found = aggregated(
                rng, self.writer, way, base, table.parent, table, is_truth=True, crosses=True
            )
            return None if found is None else (found, False)
        return self._compared_to_row(table, own, way, base)

    def _compared_to_row(
        self,
        table: TablePair,
        own: Source,
        way: tuple[str, list[str]],
        base: Callable[[Row], Row],
    ) -> tuple[Expression, bool] | None:
        """How many siblings are like this row."""
        from family_random import over_rows

        rng = self.rng
        x = Fields(rng, self.spec.tables, [own]).number()
        assert x is not None
        field = table.named().get(x.text)
        if field is None:
            return None
        inner = field_of(Source("r.", table.name, lambda row, r: r), field)
        where = compared(inner, rng.choice(["<", ">="]), x)
        assert table.parent is not None
        number = over_rows("count", way, base, table.parent, None, where, crosses=True)
        return compared(number, "<=", d.constant(rng.choice([1.5, 2.5]))), False


def random_spec(number: int) -> FamilySpec:
    """The spec of a number: with up to three rules, and now and then a case or a broken rule."""
    rng = random.Random(number)
    writer = FamilyWriter(rng, depth=rng.choice([1, 1, 2, 2, 3]))
    spec = writer.spec()
    rules = RuleWriter(rng, writer, spec)
    wanted = rng.choice([1, 1, 1, 2, 2, 3])
    for k in range(12):
        if len(spec.rules) >= wanted:
            break
        rule = rules.rule(f"r{k}")
        if rule is not None:
            spec = _with_rule(spec, rule)
    kind = rng.randrange(8)
    if kind == 0:
        found = rules._of_entity(spec.tables["patient"])
        if found is not None and found[1]:
            case = RulePair("c", "patient", found[0], True)
            if _is_within(replace(spec, case=case)):
                return replace(spec, case=case)
    if kind == 1:
        units = Structure(spec).units
        breakable = [r for u in units if u.mode == ROWS for r in u.rules]
        soft = {r.table for r in spec.rules if r.share is not None}
        breakable = [r for r in breakable if soft <= {r.table}]
        if breakable:
            return replace(spec, breaks=rng.choice(breakable).name)
    return spec


def _with_rule(spec: FamilySpec, rule: RulePair) -> FamilySpec:
    """The spec with one rule more, if that is in the subset."""
    more = replace(spec, rules=(*spec.rules, rule))
    return more if _is_within(more) else spec


def _is_within(spec: FamilySpec) -> bool:
    """Whether the meaning settles what the rules of a spec do together.

    Left out: kept sets in units that others meet, and kept sets that leave nothing to condition.
    """
    try:
        structure = Structure(spec)
    except NoUnitError:
        return False
    drawn = structure.drawn
    for unit in structure.units:
        if _meets_until(spec, structure, unit):
            return False
        keeping = [r for r in unit.rules if r.keeping]
        if len(keeping) > 1:
            return False
        if keeping and (unit.kept & drawn >= unit.nodes & drawn):
            return False
        meets = [u for u in structure.units if u is not unit and u.nodes & unit.nodes & drawn]
        if keeping and any(not u.is_case for u in meets):
            return False
    return True


def _meets_until(spec: FamilySpec, structure: Structure, unit: Unit) -> bool:
    """Whether rules of siblings condition what decides which siblings are there."""
    table = spec.tables[unit.table]
    if table.until is None or unit.mode != SIBLINGS:
        return False
    there = (table.parent or "", "%" + table.name)
    return bool(unit.nodes & structure.ancestors[there] & structure.drawn)


__all__ = ["opposite", "random_spec"]
