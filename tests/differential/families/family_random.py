"""Random families: fields, numbers of rows, sequences, references, pathways."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import family_draws as d
from family_rows import (
    COMPARISONS,
    Row,
    Value,
    aggregate,
    conjunction,
    disjunction,
    negation,
)
from family_spec import (
    VARIABLES,
    Draw,
    Expression,
    FamilySpec,
    FieldPair,
    Machine,
    Node,
    TablePair,
    joined,
)

NUMBERS = ("float", "int")


@dataclass(frozen=True)
class Source:
    """Rows whose fields can be read: how in text, and from a row (and an inner one)."""

    prefix: str
    table: str
    row: Callable[[Row, Row | None], Row | None]
    is_nullable: bool = False
    crosses: bool = False
    also: frozenset[Node] = frozenset()
    """What is read to find the rows."""


def field_of(source: Source, field: FieldPair) -> Expression:
    """A field read from there."""

    def of(row: Row, inner: Row | None) -> Value:
        place = source.row(row, inner)
        return None if place is None else place.get(field.name)

    return Expression(
        source.prefix + field.name,
        of,
        frozenset([(source.table, field.name)]) | source.also,
        source.crosses,
        source.is_nullable or field.is_nullable,
    )


class Fields:
    """What can be written in a place: expressions over some sources."""

    def __init__(self, rng: random.Random, tables: dict[str, TablePair], places: list[Source]):
        self.rng, self.tables, self.places = rng, tables, places

    def all(self, kinds: tuple[str, ...]) -> list[Expression]:
        """The fields of these types that can be read, and those of sites."""
        found = []
        for source in self.places:
            for f in self.tables[source.table].fields:
                if f.type in kinds:
                    found.append(field_of(source, f))
                if f.type == "site":
                    found += _of_site(source, f, kinds)
        return found

    def number(self) -> Expression | None:
        """A field that is a number; own ones more often."""
        found = self.all(NUMBERS)
        return self.rng.choice(found) if found else None

    def linear(self, terms: int = 2) -> Expression:
        """A constant and up to two fields, in halves."""
        c = self.rng.choice([-1.0, -0.5, 0.0, 0.5, 1.0])
        parts: list[tuple[float, Expression]] = [
            (self.rng.choice([0.5, 1.0, -0.5, 0.25]), found)
            for _ in range(self.rng.randint(0, terms))
            if (found := self.number()) is not None
        ]
        return linear(c, parts)

    def condition(self, depth: int = 1) -> Expression | None:
        """Something true, false or null."""
        makers = [self._compared, self._compared, self._flag, self._hued, self._null]
        if depth:
            makers += [lambda: self._both(depth), lambda: self._not(depth)]
        for _ in range(8):
            if (found := self.rng.choice(makers)()) is not None:
                return found
        return self._compared()

    def _compared(self) -> Expression | None:
        a = self.number()
        if a is None:
            return None
        b = self.linear(1) if self.rng.random() < 0.3 else None
        threshold = self.rng.choice([-0.35, 0.15, 0.65, 1.15, 1.65])
        return compared(a, self.rng.choice(["<", "<=", ">", ">="]), b or d.constant(threshold))

    def _flag(self) -> Expression | None:
        found = self.all(("bool",))
        return self.rng.choice(found) if found else None

    def _hued(self) -> Expression | None:
        found = self.all(("Colour",))
        if not found:
            return None
        a, b = self.rng.choice(found), self.rng.choice(found)
        if a.text != b.text and self.rng.random() < 0.4:
            return compared(a, "==", b)
        name = self.rng.choice(d.COLOURS)
        return compared(a, self.rng.choice(["==", "!="]), Expression(name, lambda r, i: name))

    def _null(self) -> Expression | None:
        found = [e for e in self.all(NUMBERS) if e.is_nullable]
        return is_null(self.rng.choice(found)) if found else None

    def _both(self, depth: int) -> Expression | None:
        a, b = self.condition(depth - 1), self.condition(depth - 1)
        if a is None or b is None:
            return None
        return combined(self.rng.choice(["and", "or", "->"]), a, b)

    def _not(self, depth: int) -> Expression | None:
        a = self.condition(depth - 1)
        return None if a is None else opposite(a)


def _of_site(source: Source, f: FieldPair, kinds: tuple[str, ...]) -> list[Expression]:
    found = []
    for name, kind in (("beds", "int"), ("hue", "Colour")):
        if kind in kinds:

            def of(row: Row, inner: Row | None, name: str = name) -> Value:
                place = source.row(row, inner)
                site = None if place is None else place.get(f.name)
                return None if site is None else site.get(name)

            whole = field_of(source, f)
            found.append(whole.then(f"{whole.text}.{name}", of))
    return found


def linear(c: float, parts: list[tuple[float, Expression]]) -> Expression:
    text = repr(c) + "".join(f" {'-' if k < 0 else '+'} {abs(k)}*{e.text}" for k, e in parts)

    def of(row: Row, inner: Row | None) -> Value:
        total = c
        for k, e in parts:
            value = e.of(row, inner)
            if value is None:
                return None
            total += k * value
        return total

    return joined(text, of, [e for _, e in parts])


def compared(a: Expression, sign: str, b: Expression) -> Expression:
    compare = COMPARISONS[sign]

    def of(row: Row, inner: Row | None) -> Value:
        x, y = a.of(row, inner), b.of(row, inner)
        return None if x is None or y is None else compare(x, y)

    return joined(f"{a.text} {sign} {b.text}", of, [a, b])


def is_null(a: Expression) -> Expression:
    return a.then(f"{a.text} is null", lambda r, i: a.of(r, i) is None, is_nullable=False)


def opposite(a: Expression) -> Expression:
    return a.then(f"not ({a.text})", lambda r, i: negation(a.of(r, i)))


def combined(sign: str, a: Expression, b: Expression) -> Expression:
    def of(row: Row, inner: Row | None) -> Value:
        left, right = (lambda: a.of(row, inner)), (lambda: b.of(row, inner))
        if sign == "and":
            return conjunction([left, right])
        if sign == "->":
            return disjunction([lambda: negation(left()), right])
        return disjunction([left, right])

    return joined(f"({a.text}) {sign} ({b.text})", of, [a, b])


def coalesced(a: Expression, b: Expression) -> Expression:
    def of(row: Row, inner: Row | None) -> Value:
        value = a.of(row, inner)
        return b.of(row, inner) if value is None else value

    return joined(f"coalesce({a.text}, {b.text})", of, [a, b], is_nullable=b.is_nullable)


def limited(a: Expression, most: float, more: float) -> Expression:
    """`min(abs(a), most) + more`."""

    def of(row: Row, inner: Row | None) -> Value:
        value = a.of(row, inner)
        return None if value is None else min(abs(value), most) + more

    return a.then(f"min(abs({a.text}), {most}) + {more}", of)


def over_rows(
    name: str,
    way: tuple[str, list[str]],
    base: Callable[[Row], Row],
    base_table: str,
    body: Expression | tuple[Expression, Expression] | None,
    where: Expression | None = None,
    *,
    crosses: bool = False,
) -> Expression:
    """An aggregate over the rows down a way from a row.

    `way` is its text and the tables that it goes down. Bodies read the inner row.
    """
    text, down = way
    parts = list(body) if isinstance(body, tuple) else [body] if body else []
    inside = "r" if body is None else parts[0].text
    if isinstance(body, tuple):
        inside = f"[{parts[0].text}, {parts[1].text}]"
    condition = f" where {where.text}" if where else ""

    def of(row: Row, inner: Row | None) -> Value:
        rows = [base(row)]
        for table in down:
            rows = [kid for r in rows for kid in r.rows(table)]
        if where is not None:
            rows = [r for r in rows if where.of(row, r) is True]
        if body is None:
            return len(rows)
        if isinstance(body, tuple):
            return aggregate(name, [tuple(p.of(row, r) for p in parts) for r in rows])
        return aggregate(name, (parts[0].of(row, r) for r in rows))

    nodes = set()
    above = base_table
    for table in down:
        nodes.add((above, "%" + table))
        above = table
    found = joined(
        f"{name}({inside} for r in {text}{condition})",
        of,
        [*parts, *([where] if where else [])],
        is_nullable=name in ("min", "max", "mean"),
    )
    return replace(found, reads=found.reads | nodes, crosses=crosses or found.crosses)


# tables


class FamilyWriter:
    """Makes a random family, a field after the other: each reads what is there before it."""

    def __init__(self, rng: random.Random, *, depth: int) -> None:
        self.rng = rng
        self.tables: dict[str, TablePair] = {}
        self.depth = depth

    def spec(self) -> FamilySpec:
        rng = self.rng
        root = self._table("patient", None)
        self._fields(root, rng.randint(2, 4))
        below = root
        for name in ("visit", "lab", "part")[: self.depth]:
            table = self._table(name, below)
            self._fields(table, rng.randint(1, 3))
            if name == "visit" and rng.random() < 0.3:
                self._sum_up(root)
                if rng.random() < 0.5:
                    self._share(table)
            below = table
        if rng.random() < 0.35:
            self._sum_up(root)
        if rng.random() < 0.3:
            self._fields(self._table("tooth", root), rng.randint(1, 2))
        if rng.random() < 0.3:
            self._pathway(self.tables[rng.choice(["patient", "visit"])])
        return FamilySpec(self.tables, ())

    def places(self, table: TablePair, prefix: str = "") -> list[Source]:
        """The row itself, and those above it."""
        found = [Source(prefix, table.name, lambda row, inner: row)]
        up = table
        k = 0
        while up.parent is not None:
            k += 1
            prefix = prefix + VARIABLES[up.parent] + "."

            def row_above(row: Row, inner: Row | None, k: int = k) -> Row:
                for _ in range(k):
                    assert row.up is not None
                    row = row.up
                return row

            found.append(Source(prefix, up.parent, row_above))
            up = self.tables[up.parent]
        return found

    def fields_at(self, table: TablePair) -> Fields:
        places = self.places(table)
        # the nearest more often
        return Fields(self.rng, self.tables, [places[0], *places])

    def _table(self, name: str, parent: TablePair | None) -> TablePair:
        table = TablePair(name, parent.name if parent else None)
        self.tables[name] = table
        if parent is None:
            return table
        rng, above = self.rng, self._fields_above(parent)
        table.number = self._number(above, few=len(self.tables) > 2)
        if rng.random() < 0.2:
            table.where = above.condition(0)
        return table

    def _fields_above(self, parent: TablePair) -> Fields:
        """What the head of a table reads."""
        places = self.places(parent, VARIABLES[parent.name] + ".")
        return Fields(self.rng, self.tables, [places[0], *places])

    def _number(self, above: Fields, *, few: bool) -> Draw | Expression:
        rng = self.rng
        most = 0.8 if few else 1.5
        kind = rng.randrange(6)
        fine = [e for e in above.all(NUMBERS) if not e.is_nullable]
        if kind == 0:
            return d.whole(0, 2 if few else 3)
        if kind == 1 and fine:
            return d.poisson(limited(rng.choice(fine), most, 0.4))
        condition = above.condition(0)
        if kind == 2 and condition is not None:
            many, other = (2, 1) if few else (3, 1)

            def of(row: Row, inner: Row | None) -> Value:
                return many if condition.of(row, None) is True else other

            return condition.then(f"when {{{condition.text}: {many}, else: {other}}}", of)
        if kind == 3 and condition is not None:
            return d.by_condition(
                condition, d.poisson(d.constant(most + 0.5)), d.poisson(d.constant(most / 2))
            )
        return d.poisson(d.constant(most))

    def _fields(self, table: TablePair, number: int) -> None:
        rng = self.rng
        makers = [self._normal] * 4 + [self._other_number, self._flag, self._flag, self._colour]
        makers += [self._derived, self._site]
        if table.parent is not None:
            makers += [self._sequence, self._sequence, self._sorted, self._neighbours]
        for k in range(number):
            name = f"{VARIABLES[table.name]}{'abcdefgh'[len(table.fields)]}"
            maker = self._normal if k == 0 and rng.random() < 0.6 else rng.choice(makers)
            table.fields.append(maker(name, table))
        is_sorted = any("sorted" in f.draw.text or "distinct" in f.draw.text for f in table.fields)
        if table.parent is not None and not is_sorted and rng.random() < 0.15:
            own = Fields(rng, self.tables, self.places(table)[:1])
            until = own.condition(0)
            table.until = until if until is not None and not self._is_later(until, table) else None

    def _is_later(self, until: Expression, table: TablePair) -> bool:
        """Whether the end of the rows would be read before it is known."""
        there = (table.parent, "%" + table.name)
        todo, seen = list(until.reads), set()
        while todo:
            node = todo.pop()
            if node == there:
                return True
            if node not in seen and node[0] == table.name and node[1] in table.named():
                seen.add(node)
                todo += table.named()[node[1]].reads
        return False

    def _normal(self, name: str, table: TablePair) -> FieldPair:
        rng, at = self.rng, self.fields_at(table)
        step = rng.choice([0.0, 0.0, 0.5])
        draw = d.normal(at.linear(2), rng.choice([0.5, 1.0, 1.5]), step)
        if rng.random() < 0.15:
            draw = d.truncated(draw, -2.5, 3.5) if not draw.parts[0].reads else draw
        condition = at.condition(0) if rng.random() < 0.15 else None
        if condition is not None:
            draw = d.by_condition(condition, draw, d.normal(d.constant(1.0), 1.0, step))
        elif rng.random() < 0.1 and " in [" not in draw.text:
            draw = d.sometimes_null(draw, 30)
        return FieldPair(name, "float", draw, step)

    def _other_number(self, name: str, table: TablePair) -> FieldPair:
        rng, at = self.rng, self.fields_at(table)
        kind = rng.randrange(4)
        if kind == 0:
            return FieldPair(name, "int", d.whole(0, 3), 1)
        if kind == 1:
            return FieldPair(name, "int", d.normal(at.linear(1), 1.5, 1), 1)
        if kind == 2:
            return FieldPair(name, "float", d.exponential(1.0))
        return FieldPair(name, "float", d.uniform(at.linear(1), 2.0))

    def _flag(self, name: str, table: TablePair) -> FieldPair:
        rng, at = self.rng, self.fields_at(table)
        if rng.random() < 0.4:
            return FieldPair(name, "bool", d.bernoulli(d.constant(rng.choice([0.3, 0.5, 0.7]))))
        return FieldPair(name, "bool", d.bernoulli(d.logistic(at.linear(2))))

    def _colour(self, name: str, table: TablePair) -> FieldPair:
        draw = d.colour((50, 30))
        condition = self.fields_at(table).condition(0)
        if condition is not None and self.rng.random() < 0.5:
            draw = d.by_condition(condition, draw, d.colour((15, 25)))
        return FieldPair(name, "Colour", draw)

    def _derived(self, name: str, table: TablePair) -> FieldPair:
        at = self.fields_at(table)
        condition = at.condition(1)
        if condition is not None and self.rng.random() < 0.5:
            return FieldPair(name, "bool", condition)
        return FieldPair(name, "float", at.linear(2))

    def _site(self, name: str, table: TablePair) -> FieldPair:
        rng, at = self.rng, self.fields_at(table)
        kind = rng.randrange(4)
        hues = [e for e in at.all(("Colour",)) if not e.is_nullable]
        if kind == 0 and hues:
            same = ("site.hue ==", rng.choice(hues), lambda s, v: s.get("hue") == v)
            return FieldPair(name, "site", d.reference(same, is_weighted=rng.random() < 0.5))
        numbers = [e for e in at.all(NUMBERS) if not e.is_nullable]
        if kind == 1 and numbers:
            limit = limited(rng.choice(numbers), 6.0, 1.0)
            large = ("site.beds >=", limit, lambda s, v: s.get("beds") >= v)
            return FieldPair(name, "site", d.reference(large))
        table_ = self.tables[table.name]
        is_whole = isinstance(table_.number, Draw) and "discrete" in table_.number.text
        if kind == 2 and table.parent is not None and is_whole:
            return FieldPair(name, "site", d.distinct_reference(name))
        return FieldPair(name, "site", d.reference(None, is_weighted=rng.random() < 0.5))

    def neighbour(self, table: TablePair, which: str) -> Source:
        there = frozenset([(table.parent or "", "%" + table.name)])
        return Source(
            which + ".",
            table.name,
            lambda row, inner: row.neighbour(which),
            is_nullable=which in ("prev", "next"),
            crosses=True,
            also=there if which in ("next", "last") else frozenset(),
        )

    def _sequence(self, name: str, table: TablePair) -> FieldPair:
        """A field that reads itself in the row before."""
        rng, at = self.rng, self.fields_at(table)
        before = self.neighbour(table, "prev")
        step = rng.choice([0.0, 0.5])
        kind = rng.randrange(3)
        if kind == 0:
            itself = field_of(before, FieldPair(name, "bool", d.constant(0)))
            draw = d.by_condition(
                itself, d.bernoulli(d.constant(0.8)), d.bernoulli(d.constant(0.3))
            )
            return FieldPair(name, "bool", draw)
        itself = field_of(before, FieldPair(name, "float", d.constant(0)))
        own = coalesced(linear(0.0, [(0.5, itself)]), at.linear(1))
        if own.is_nullable:
            own = coalesced(own, d.constant(0.5))
        if kind == 1:
            gap = self._normal(name, table)
            own = linear(0.0, [(1.0, coalesced(itself, d.constant(0.0)))])
            table.fields.append(replace(gap, name="g" + name))
            plus = linear(
                0.0, [(1.0, own), (1.0, field_of(self.places(table)[0], table.fields[-1]))]
            )
            return FieldPair(name, "float", plus)
        return FieldPair(name, "float", d.normal(own, 1.0, step), step)

    def _sorted(self, name: str, table: TablePair) -> FieldPair:
        above = Fields(self.rng, self.tables, self.places(table)[1:])
        low = above.linear(1)
        if low.is_nullable:
            low = d.constant(0.0)
        return FieldPair(name, "float", d.in_order(name, d.uniform(low, 2.0)))

    def _neighbours(self, name: str, table: TablePair) -> FieldPair:
        """A field that reads another of a sibling."""
        rng = self.rng
        which = rng.choice(["prev", "next", "first", "last"])
        beside = Fields(rng, self.tables, [self.neighbour(table, which)])
        other = beside.number()
        if other is None:
            return self._normal(name, table)
        if rng.random() < 0.5:
            own = Fields(rng, self.tables, self.places(table)[:1]).number()
            assert own is not None
            return FieldPair(name, "float", linear(0.0, [(1.0, own), (-1.0, other)]))
        return FieldPair(name, "float", d.normal(coalesced(other, d.constant(0.5)), 1.0))

    def _sum_up(self, table: TablePair) -> None:
        """A derived field of the root over rows below it, and perhaps a draw that reads it."""
        found = random_aggregate(self.rng, self, table, "", table)
        if found is None:
            return
        name = f"{VARIABLES[table.name]}{'abcdefgh'[len(table.fields)]}"
        table.fields.append(FieldPair(name, "float" if not _is_int(found) else "int", found))
        if self.rng.random() < 0.3:
            table.fields.append(self._normal(name + "z", table))

    def _share(self, table: TablePair) -> None:
        """A field of the child that reads the parent's total of the children."""
        total = field_of(self.places(table)[1], self.tables["patient"].fields[-1])
        own = Fields(self.rng, self.tables, self.places(table)[:1]).number()
        if own is not None and self.tables["patient"].fields[-1].type in NUMBERS:
            table.fields.append(
                FieldPair("vshare", "float", linear(0.0, [(1.0, own), (-0.5, total)]))
            )

    def _pathway(self, parent: TablePair) -> None:
        moment = Expression("2025-01-01T00:00:00", lambda row, inner: None)
        parent.fields.append(FieldPair("at", "datetime", moment))
        machine = Machine(
            {"ed": d.stay(8), "ward": d.stay(30), "icu": d.stay(60)},
            {
                "ed": {"ward": 0.6, "icu": 0.15, "home": 0.25},
                "ward": {"icu": 0.2, "home": 0.7, "died": 0.1},
                "icu": {"ward": 0.6, "died": 0.4},
            },
            ("home", "died"),
        )
        where = self._fields_above(parent).condition(0) if self.rng.random() < 0.4 else None
        table = TablePair("course", parent.name, where=where, machine=machine)
        table.fields = [
            FieldPair("state", "state", Expression("", lambda r, i: None)),
            FieldPair("stay", "stay", Expression("", lambda r, i: None)),
        ]
        self.tables["course"] = table


def _is_int(e: Expression) -> bool:
    return e.text.startswith("count(")


def random_aggregate(
    rng: random.Random,
    writer: FamilyWriter,
    table: TablePair,
    prefix: str,
    base: TablePair,
    *,
    is_truth: bool = False,
) -> Expression | None:
    """An aggregate over rows below a row of `table`, whose fields are written with `prefix`."""
    ways: list[list[str]] = [[t.name] for t in writer.tables.values() if t.parent == table.name]
    for way in ways:
        below = [t.name for t in writer.tables.values() if t.parent == way[-1] and not t.machine]
        ways += [[*way, name] for name in below]
    ways = [w for w in ways if writer.tables[w[-1]].fields or w]
    if not ways:
        return None
    down = rng.choice(ways)
    return _over(rng, writer, table, prefix, down, is_truth=is_truth)


def _over(
    rng: random.Random,
    writer: FamilyWriter,
    table: TablePair,
    prefix: str,
    down: list[str],
    *,
    is_truth: bool,
) -> Expression | None:
    text = prefix + ".".join(down)
    target = writer.tables[down[-1]]
    return aggregated(rng, writer, (text, down), lambda row: row, table.name, target, is_truth)


def aggregated(
    rng: random.Random,
    writer: FamilyWriter,
    way: tuple[str, list[str]],
    base: Callable[[Row], Row],
    base_table: str,
    target: TablePair,
    is_truth: bool,
    *,
    crosses: bool = False,
) -> Expression | None:
    """A number, or a condition, over rows of `target`."""
    inner = Source("r.", target.name, lambda row, r: r)

    def made(name: str, body: object, where: Expression | None = None) -> Expression:
        return over_rows(name, way, base, base_table, body, where, crosses=crosses)  # type: ignore[arg-type]

    if target.machine is not None:
        return _over_path(rng, made, inner, is_truth)
    at = Fields(rng, writer.tables, [inner])
    condition = at.condition(0)
    number = at.number()
    where = condition if condition is not None and rng.random() < 0.3 else None
    limit = d.constant(rng.choice([0.35, 0.85, 1.35, 2.15]))
    if not is_truth:
        kind = rng.choice(["count", "sum", "max", "min", "mean", "count"])
        if kind == "count" or number is None:
            return made("count", None, where)
        return made(kind, number, where)
    kind = rng.choice(
        ["any", "any", "all", "none", "count", "sum", "mean", "min", "max", "disjoint", "distinct"]
    )
    if kind in ("any", "all", "none"):
        return None if condition is None else made(kind, condition)
    if kind == "count":
        sign, few = rng.choice([("<=", 1.5), (">=", 0.5), ("<=", 2.5), (">=", 1.5)])
        return compared(made("count", None, where), sign, d.constant(few))
    if kind == "distinct":
        marks = at.all(("Colour", "int"))
        return made("distinct", rng.choice(marks), where) if marks else None
    if number is None:
        return None
    if kind == "disjoint":
        return made("disjoint", (number, linear(0.3, [(1.0, number)])), where)
    return compared(made(kind, number, where), rng.choice(["<=", ">="]), limit)


def _over_path(
    rng: random.Random, made: Callable[..., Expression], inner: Source, is_truth: bool
) -> Expression:
    state = field_of(inner, FieldPair("state", "state", d.constant(0)))
    stay = field_of(inner, FieldPair("stay", "stay", d.constant(0)))
    name = rng.choice(["ward", "icu", "died"])
    here = compared(state, "==", Expression(name, lambda r, i: name))
    number = made("count", None, here)
    if not is_truth:
        return number
    kind = rng.randrange(4)
    if kind == 0:
        return made(rng.choice(["any", "none"]), here)
    if kind == 1:
        return compared(number, "<=", d.constant(0.5))
    limit = Expression("50 h", lambda r, i: 180_000)
    if kind == 2:
        return compared(made("sum", stay), "<=", limit)
    return made("any", compared(stay, ">", limit))
