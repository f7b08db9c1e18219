"""Rows of one family as plain objects, three-valued logic, and draws with numpy's generator.

A row makes a value when somebody asks for it. Who asks first does not matter to the law: a value
is drawn given the values that it reads, and kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

Value = Any
"""A number, a bool, the name of an enum's member, a row that is referred to, or None for null."""


class Row:
    """A row of a table, with the rows under it."""

    __slots__ = ("index", "kids", "memo", "state", "table", "up", "world")

    def __init__(self, table: str, index: int, up: Row | None, world: Any) -> None:
        self.table, self.index, self.up, self.world = table, index, up, world
        self.memo: dict[str, Value] = {"index": index}
        self.kids: dict[str, list[Row]] = {}
        self.state: dict[int, str] = {}

    def get(self, name: str) -> Value:
        """The value of a field."""
        if name in self.memo:
            return self.memo[name]
        return self.world.demand(self, name)

    def rows(self, table: str) -> list[Row]:
        """The rows of a child table under this one that are there."""
        return self.get("%" + table)

    @property
    def path(self) -> tuple[int, ...]:
        """Who this row is: the indices from its root on."""
        return (self.index,) if self.up is None else (*self.up.path, self.index)

    def neighbour(self, which: str) -> Row | None:
        """A sibling: `prev`, `next`, `first` or `last`."""
        assert self.up is not None
        if which == "first":
            return self.up.kids[self.table][0]
        if which == "prev":
            return self.up.kids[self.table][self.index - 1] if self.index else None
        there = self.up.rows(self.table)
        if which == "last":
            return there[-1]
        return there[self.index + 1] if self.index + 1 < len(there) else None


def all_rows(row: Row) -> Iterable[Row]:
    """A row and all below it."""
    yield row
    for kids in row.kids.values():
        for kid in kids:
            yield from all_rows(kid)


# three-valued logic, as in SQL


def negation(x: Value) -> Value:
    return None if x is None else not x


def conjunction(parts: Iterable[Callable[[], Value]]) -> Value:
    result: Value = True
    for part in parts:
        value = part()
        if value is False:
            return False
        result = None if value is None else result
    return result


def disjunction(parts: Iterable[Callable[[], Value]]) -> Value:
    result: Value = False
    for part in parts:
        value = part()
        if value is True:
            return True
        result = None if value is None else result
    return result


COMPARISONS: dict[str, Callable[[Value, Value], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


# what is computed of several rows; nulls are skipped


def aggregate(name: str, values: Iterable[Value]) -> Value:
    """The aggregate of a body over rows. `disjoint` takes pairs, others single values."""
    if name == "disjoint":
        pairs = [p for p in values if p[0] is not None and p[1] is not None]
        pairs.sort()
        return all(a[1] <= b[0] for a, b in pairwise(pairs))
    found = [v for v in values if v is not None]
    match name:
        case "any":
            return any(found)
        case "all":
            return all(found)
        case "none":
            return not any(found)
        case "count":
            return len(found)
        case "sum":
            return math.fsum(found)
        case "mean":
            return math.fsum(found) / len(found) if found else None
        case "min":
            return min(found, default=None)
        case "max":
            return max(found, default=None)
        case "distinct":
            marks = [v.index if isinstance(v, Row) else v for v in found]
            return len(set(marks)) == len(marks)
    raise ValueError(name)


def rounded(value: float, step: float) -> float:
    """Rounded half-up to the grid; 0 for none."""
    return math.floor(value / step + 0.5) * step if step else value
