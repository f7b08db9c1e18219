"""Families made with guides and without: naive rejection is the oracle of what guides make."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy import stats

import synthdsl.engine.families as families
from synthdsl.engine.children.guided import GuidedChildren
from synthdsl.engine.children.planning import ChildGuide, UnitGuide
from synthdsl.engine.run import Run
from synthdsl.model.build import build_spec
from synthdsl.plan.lower import lower
from synthdsl.source import Source


@contextmanager
def without_guides() -> Iterator[None]:
    """No rows are made to meet what rules ask: whole entities are tried."""
    own = families.child_guides
    families.child_guides = lambda *arguments: {}  # type: ignore[assignment]
    try:
        yield
    finally:
        families.child_guides = own


def run_of(text: str, *, is_guided: bool = True, folder: str = ".", **options: Any) -> Run:
    """A spec ready to run."""
    model, diagnostics = build_spec(Source("children.synth", text), folder=folder)
    assert model is not None, diagnostics
    plan = lower(model, **options)
    if is_guided:
        return Run(plan)
    with without_guides():
        return Run(plan)


def choices_of(run: Run) -> list[ChildGuide]:
    """The choices between guides of rows below and plain tries that a run has."""
    found = {
        id(guide.choice): guide.choice
        for family in run.families.values()
        for entities in family.entities.values()
        for guide in entities._guides.values()
        if isinstance(guide, UnitGuide)
    }
    return list(found.values())


def guides_of(run: Run) -> list[GuidedChildren]:
    """The guides of rows below that a run has."""
    return [choice.guided for choice in choices_of(run)]


def figures(run: Run, rows: int, fields: dict[str, str], seed: int = 3) -> dict[str, Any]:
    """Of each entity: its `fields` named `p.x`; of its rows `c.x` the number, sums and extremes."""
    frame = run.families["p"].frame(0, rows, seed)
    found: dict[str, Any] = {}
    for name, kind in fields.items():
        table, _, field = name.partition(".")
        if table == "p":
            found[name] = np.asarray(frame.column(field).values, float)
            continue
        child = frame.child(table)
        found[f"{table} rows"] = np.bincount(child.parents, minlength=rows).astype(float)
        column = child.column(field)
        values = np.asarray(column.values, float)
        if column.valid is not None:
            values = np.where(column.valid, values, -1.0)
        if kind == "codes":
            for code in np.unique(values):
                at = child.parents[values == code]
                found[f"{name} = {code:g}"] = np.bincount(at, minlength=rows).astype(float)
            continue
        found[f"sum of {name}"] = np.bincount(child.parents, weights=values, minlength=rows)
        largest = np.full(rows, -1e9)
        np.maximum.at(largest, child.parents, values)
        found[f"largest {name}"] = largest
        first = np.full(rows, -1e9)
        is_first = child.ordinals == 0
        first[child.parents[is_first]] = values[is_first]
        found[f"first {name}"] = first
    return found


def p_values(one: dict[str, Any], other: dict[str, Any]) -> dict[str, float]:
    """How well each figure of two samples agrees; numbers of few values by counts."""
    found = {}
    for name in sorted(one.keys() | other.keys()):
        a, b = one.get(name), other.get(name)
        if a is None or b is None:
            a = np.zeros(len(next(iter(one.values())))) if a is None else a
            b = np.zeros(len(next(iter(other.values())))) if b is None else b
        values, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
        if len(values) <= 40:
            table = np.zeros((2, len(values)))
            np.add.at(table, (np.repeat([0, 1], [len(a), len(b)]), codes), 1)
            few = table.sum(axis=0) < 20
            table = np.column_stack([table[:, ~few], table[:, few].sum(axis=1)])
            table = table[:, table.sum(axis=0) > 0]
            if table.shape[1] > 1:
                found[name] = float(stats.chi2_contingency(table).pvalue)
        else:
            found[name] = float(stats.ks_2samp(a, b).pvalue)
    return found
