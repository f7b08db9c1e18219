"""Databases made by the package, as rows of the interpreter, and what must hold in each of them."""

from __future__ import annotations

from typing import Any

import family_draws as d
import numpy as np
import pyarrow as pa
import pytest
from family_interpreter import Structure
from family_rows import Row, Value, all_rows
from family_spec import FamilySpec, TablePair

import synthdsl
from synthdsl.engine import families


class Engine:
    """The package as a maker of one spec's databases."""

    def __init__(self, spec: FamilySpec, text: str | None = None) -> None:
        self.spec = spec
        self.options: dict[str, Any] = {}
        if spec.case is not None:
            self.options["case"] = spec.case.name
        if spec.breaks is not None:
            self.options["breaks"] = spec.breaks
        self.loaded = synthdsl.load("family.synth", text=text or spec.text())

    def tables(self, rows: int | str, seed: int) -> dict[str, pa.Table]:
        return self.loaded.generate(rows, seed=seed, **self.options).tables

    def entities(self, rows: int | str, seed: int) -> list[Row]:
        return entities(self.spec, self.tables(rows, seed))


class _Finished:
    """A world in which nothing is drawn: derived values are those that were generated."""

    def __init__(self, spec: FamilySpec) -> None:
        self.spec = spec

    def demand(self, row: Row, name: str) -> Value:
        if name[0] in "#%":
            kids = row.kids.get(name[1:], [])
            return len(kids) if name[0] == "#" else kids
        raise KeyError(f"{row.table}.{name}")


def entities(spec: FamilySpec, tables: dict[str, pa.Table]) -> list[Row]:
    """Root rows with their rows below; every key must resolve."""
    world = _Finished(spec)
    sites = d.sites()
    found: dict[str, dict[tuple[int, ...], Row]] = {}
    for table in spec.tables.values():
        columns = {n: _values(tables[table.name][n]) for n in tables[table.name].column_names}
        found[table.name] = _rows(spec, table, columns, found, world, sites)
    return list(found[spec.root].values())


def _rows(
    spec: FamilySpec,
    table: TablePair,
    columns: dict[str, list[Value]],
    found: dict[str, dict[tuple[int, ...], Row]],
    world: _Finished,
    sites: list[Row],
) -> dict[tuple[int, ...], Row]:
    names = ["id"]
    for parent in reversed(spec.above(table.name)):
        names = [f"{parent}_{n}" for n in names] + (["index"] if parent != table.name else [])
    made: dict[tuple[int, ...], Row] = {}
    keys = list(zip(*(columns[n] for n in names), strict=True))
    fields = [f for f in table.fields if f.type != "datetime"]
    for i, key in enumerate(keys):
        assert key not in made, f"two rows of {table.name} have the key {key}"
        up = found[table.parent][key[:-1]] if table.parent else None
        row = Row(table.name, key[-1], up, world)
        for f in fields:
            value = columns[f.name][i]
            if f.type == "site" and value is not None:
                value = sites[value]
            row.memo[f.name] = value
        made[key] = row
        if up is not None:
            kids = up.kids.setdefault(table.name, [])
            assert key[-1] == len(kids), f"indices of {table.name} have a gap at {key}"
            kids.append(row)
    return made


def _values(column: pa.ChunkedArray) -> list[Value]:
    if pa.types.is_duration(column.type):
        return [None if v is None else v.total_seconds() for v in column.to_pylist()]
    return column.to_pylist()


UNRELATED = """table other [7] {
  no: int = index
  x: float ~ normal(0, 1)
  k: Colour ~ {red: 50%, green: 20%, blue: rest}
  key no
  rule positive: x > 0
}
table below per other o [count ~ poisson(2)] {
  key (o, index)
  y: float ~ normal(o.x, 1)
}
"""


def changed_tables(engine: Engine, seed: int) -> list[str]:
    """Tables of 60 families that depend on the slice, on the size of blocks, or on other tables."""
    rng = np.random.default_rng(seed)
    whole = engine.tables(60, seed)
    start = int(rng.integers(0, 59))
    stop = int(rng.integers(start + 1, 61))
    found = []
    part = engine.tables(f"{engine.spec.root}={start}:{stop}", seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(families, "FAMILY_ROWS", int(rng.choice([1, 7, 40])))
        other_blocks = Engine(engine.spec).tables(60, seed)
    lines = engine.spec.text().split("\n")
    more = "\n".join([*lines[:2], UNRELATED, *lines[2:]])
    beside = Engine(engine.spec, more).tables(60, seed)
    for name, table in whole.items():
        if not table.equals(other_blocks[name]):
            found.append(f"`{name}` changes with the size of blocks")
        if not table.equals(beside[name]):
            found.append(f"`{name}` changes with unrelated tables")
        if name in engine.spec.tables and part[name].to_pylist() != _of_entities(
            engine.spec, name, table, start, stop
        ):
            found.append(f"`{name}` changes in the slice {start}:{stop}")
    return found


def _of_entities(
    spec: FamilySpec, name: str, table: pa.Table, start: int, stop: int
) -> list[dict[str, Any]]:
    above = spec.above(name)
    column = "_".join([*above, "id"])
    return [row for row in table.to_pylist() if start <= row[column] < stop]


def faults(spec: FamilySpec, rows: list[Row]) -> list[str]:
    """Hard rules that do not hold, derived values and numbers of rows that are wrong."""
    found = set()
    structure = Structure(spec)
    rules = {t: [r for r in structure.spec.rules if r.table == t] for t in spec.tables}
    for root in rows:
        if spec.case is not None and spec.case.condition.of(root, None) is not True:
            found.add(f"case: entity {root.index} does not meet it")
        for row in all_rows(root):
            table = spec.tables[row.table]
            found |= _wrong_values(table, row)
            for rule in rules[row.table]:
                if rule.share is None and rule.condition.of(row, None) is False:
                    found.add(f"rule {rule.name} is false in {row.table} {row.path}")
            for child in spec.children(row.table):
                found |= _wrong_number(child, row)
    return sorted(found)[:5]


def _wrong_values(table: TablePair, row: Row) -> set[str]:
    found = set()
    for f in table.fields:
        if f.is_drawn or f.type in ("datetime", "state", "stay"):
            continue
        value, expected = row.memo[f.name], f.make(row)
        if value != expected and not (
            isinstance(value, float)
            and expected is not None
            and np.isclose(value, expected, rtol=1e-9, atol=1e-9)
        ):
            found.add(f"{table.name}.{f.name} is {value}, not {expected}, in {row.path}")
    return found


def _wrong_number(child: TablePair, row: Row) -> set[str]:
    kids = row.kids.get(child.name, [])
    where = f"{child.name} under {row.path}"
    if child.where is not None and child.where.of(row, None) is not True:
        return {f"{where}: there are rows"} if kids else set()
    if child.until is not None:
        ends = [child.until.of(kid, None) is True for kid in kids]
        if any(ends[:-1]):
            return {f"{where}: rows after the last"}
    elif (
        not isinstance(child.number, d.Draw)
        and child.number is not None
        and child.number.of(row, None) != len(kids)
    ):
        return {f"{where}: {len(kids)} rows"}
    return set()
