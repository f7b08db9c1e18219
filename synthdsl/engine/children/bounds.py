"""The largest chance that an entity can have, over all values of the fields it depends on."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.diagnostics import SynthError
from synthdsl.engine.children.values import MOST_KINDS, column_of, is_simple, values_of
from synthdsl.engine.frame import Frame, take
from synthdsl.model.spec import Table

if TYPE_CHECKING:
    from synthdsl.engine.run import TableRun

Floats = NDArray[np.float64]
ROUNDING = 1e-9


def largest_chance(
    chance: Callable[[Frame], Floats],
    reads: set[str],
    run: TableRun,
    tables: dict[str, Table],
) -> float:
    """At least the largest of `chance` over the entities of a table; 1 where it is not known.

    `reads`: the fields that it depends on.
    """
    frame = _every_kind(reads, run, tables)
    if frame is None:
        return 1.0
    try:
        found = chance(frame)
    except SynthError:
        # values that do not occur together need not make sense
        return 1.0
    if not np.isfinite(found).all() or not found.size or not (found > 0).any():
        return 1.0
    return float(min(1.0, found.max() * (1 + ROUNDING)))


def _every_kind(reads: set[str], run: TableRun, tables: dict[str, Table]) -> Frame | None:
    """A row for each combination of values of the fields that decide all `reads`."""
    table = run.plan.table
    domains: dict[str, list[Any]] = {}
    derived: set[str] = set()
    stack = list(reads)
    while stack:
        name = stack.pop()
        if name in domains or name in derived:
            continue
        field = table.fields.get(name)
        if field is None:
            return None
        values = values_of(field, table, tables)
        if values is not None:
            domains[name] = values
        elif field.value is not None and is_simple(field.value):
            derived.add(name)
            stack.extend(field.depends_on)
        else:
            return None
    rows = prod(len(values) for values in domains.values())
    if not 0 < rows <= MOST_KINDS:
        return None
    frame = Frame(table.name, 0, np.zeros(rows, np.uint64), np.zeros(rows, np.int64))
    number = np.arange(rows)
    for name, values in domains.items():
        column = column_of(run, table.fields[name], values)
        found = take(column, number % len(values))
        number = number // len(values)
        frame.columns[name] = found
    for step in run.plan.steps:
        for name in step.fields:
            if name in derived:
                try:
                    run.fill_field(name, frame)
                except SynthError:
                    return None
    return frame
