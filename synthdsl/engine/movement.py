"""What rules did: the marginals that a spec declares against those of its rows.

*Declared* are the marginals of the same spec without its rules and cases. They are measured too,
on a pilot of `PILOT_ROWS` rows with a seed of its own, so that they follow from the spec alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from synthdsl.engine.declared_shares import declared_shares
from synthdsl.engine.frame import RowError
from synthdsl.engine.marginals import (
    TRUTHS,
    MarginalTally,
    has_other_shares,
    has_other_values,
    is_measurable,
    share_distance,
    value_distance,
)
from synthdsl.engine.run import BLOCK_ROWS, PILOT_SEED, Run, TableRun
from synthdsl.model.draws import ProviderDraw, inner_draws
from synthdsl.model.spec import Field, Spec
from synthdsl.plan.components import ancestors
from synthdsl.plan.lower import Plan, TablePlan, dependencies, lower
from synthdsl.plan.movement import ExceptionShare, Marginal, MovedField, TableMovement
from synthdsl.values.types import Kind

PILOT_ROWS = 131_072


def movements(
    run: Run,
    ranges: dict[str, tuple[int, int]],
    *,
    most: int,
    pilot_rows: int = PILOT_ROWS,
    progress: Callable[[int, int], object] | None = None,
) -> tuple[TableMovement, ...]:
    """Every table with rules or cases, on at most the first `most` of its rows `ranges`.

    `progress` is told the rows done so far, and those in all.
    """
    tables = {name: table for name, table in run.tables.items() if table.components}
    total = sum(min(stop - start, most) for start, stop in (ranges[name] for name in tables))
    done = 0

    def report(rows: int) -> None:
        nonlocal done
        done += rows
        if progress is not None:
            progress(done, total)

    bare = _without_rules(run.plan.spec)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return tuple(
            _movement(table, bare.tables[name], ranges[name], most, pilot_rows, report)
            for name, table in tables.items()
        )


def _without_rules(spec: Spec) -> Plan:
    """The plan of `spec` as if it had no rules, cases and masks."""
    tables = {
        name: replace(table, rules=(), cases=(), masks={}) for name, table in spec.tables.items()
    }
    return lower(replace(spec, tables=tables, expectations=()))


def _movement(
    table: TableRun,
    bare: TablePlan,
    span: tuple[int, int],
    most: int,
    pilot_rows: int,
    report: Callable[[int], object],
) -> TableMovement:
    start, stop = span
    last = min(stop, start + most)
    reach = touched(table.plan)
    shown, unmeasured = _measurable(table.plan, reach)
    declared = _pilot(bare, shown, pilot_rows)
    if declared is None:
        # without its rules the spec draws impossible parameters further down
        conditioned = [name for name in shown if reach[name]]
        declared = _pilot(bare, conditioned, pilot_rows) or {}
        why = "without the rules it has no law"
        unmeasured += tuple((name, why) for name in shown if name not in declared)
        shown = [name for name in shown if name in declared]
    realised, exceptions = _realised(table, shown, start, last, report)
    return TableMovement(
        name=table.plan.name,
        start=start,
        rows=last - start,
        of_rows=stop - start,
        pilot_rows=pilot_rows,
        fields=tuple(
            _moved(table.plan, name, reach[name], declared[name], realised[name]) for name in shown
        ),
        untouched=tuple(name for name in table.plan.fields if name not in reach),
        unmeasured=unmeasured,
        exceptions=_exception_shares(table.plan, exceptions, last - start),
    )


def touched(plan: TablePlan) -> dict[str, bool]:
    """The fields that rules can move, in order: True for those conditioned together with them,
    False for those that follow.
    """
    needs = dependencies(plan.table)
    conditioned = {name for step in plan.steps if step.rules for name in step.fields}
    return {
        name: name in conditioned for name in plan.fields if ancestors({name}, needs) & conditioned
    }


def _measurable(
    plan: TablePlan, reach: dict[str, bool]
) -> tuple[list[str], tuple[tuple[str, str], ...]]:
    """Of the fields that rules can move, those with a marginal; of the others, why not."""
    needs = dependencies(plan.table)
    shown, others = [], []
    for name in reach:
        field = plan.fields[name].field
        if field.type.kind is Kind.RECORD:
            continue
        if not is_measurable(field.type, words_of(plan, field)):
            others.append((name, "its values are too many to list"))
        elif any(_is_unique(plan.table.fields[other]) for other in ancestors({name}, needs)):
            others.append((name, "it is made from unique values"))
        else:
            shown.append(name)
    return shown, tuple(others)


def _is_unique(field: Field) -> bool:
    return field.draw is not None and any(
        isinstance(draw, ProviderDraw) and draw.provider.is_unique
        for draw in inner_draws(field.draw)
    )


def words_of(plan: TablePlan, field: Field) -> tuple[str, ...] | None:
    """The words that codes of a field stand for; None where it has none."""
    if field.type.enum is not None:
        return field.type.enum.members
    return TRUTHS if field.type.kind is Kind.BOOL else plan.fields[field.name].words


def _tallies(plan: TablePlan, names: list[str]) -> dict[str, MarginalTally]:
    return {name: MarginalTally(words_of(plan, plan.fields[name].field)) for name in names}


def _pilot(plan: TablePlan, names: list[str], rows: int) -> dict[str, Marginal] | None:
    """The declared marginals; None where a row has impossible parameters."""
    needed = ancestors(set(names), dependencies(plan.table))
    slim = replace(
        plan,
        steps=tuple(step for step in plan.steps if needed & set(step.fields)),
        masks=(),
        recomputed=(),
    )
    tallies = _tallies(plan, names)
    try:
        pilot = TableRun(slim, PILOT_SEED)
        for first in range(0, rows, BLOCK_ROWS):
            frame = pilot.complete_block(first, min(first + BLOCK_ROWS, rows))
            for name, tally in tallies.items():
                tally.add(frame.column(name))
    except RowError:
        return None
    return {name: tally.marginal() for name, tally in tallies.items()}


def _realised(
    table: TableRun, names: list[str], start: int, stop: int, report: Callable[[int], object]
) -> tuple[dict[str, Marginal], dict[str, int]]:
    """The marginals of rows `start` to `stop`, and how many rows break each soft rule."""
    tallies = _tallies(table.plan, names)
    exceptions: dict[str, int] = {}
    for first in range(start, stop, BLOCK_ROWS):
        frame = table.complete_block(first, min(first + BLOCK_ROWS, stop))
        for name, tally in tallies.items():
            tally.add(frame.column(name))
        for rule, broken in frame.exceptions.items():
            exceptions[rule] = exceptions.get(rule, 0) + int(broken.sum())
        report(frame.rows)
    return {name: tally.marginal() for name, tally in tallies.items()}, exceptions


def _moved(
    plan: TablePlan, name: str, is_conditioned: bool, declared: Marginal, realised: Marginal
) -> MovedField:
    field = plan.fields[name].field
    words = words_of(plan, field)
    if words is None:
        distance = value_distance(declared, realised)
        is_moved = has_other_values(declared, realised)
        # a rule can move the nulls alone
        distance = max(distance, abs(declared.null_share - realised.null_share))
        is_moved |= has_other_shares(declared, realised)
    else:
        declared = replace(declared, shares=declared_shares(field, words))
        distance = share_distance(declared, realised)
        is_moved = has_other_shares(declared, realised)
    return MovedField(
        name,
        field.type,
        words or (),
        is_conditioned,
        field.is_let,
        declared,
        realised,
        distance,
        is_moved,
    )


def _exception_shares(
    plan: TablePlan, exceptions: dict[str, int], rows: int
) -> tuple[ExceptionShare, ...]:
    """The soft rules of a table and their exceptions."""
    return tuple(
        ExceptionShare(
            rule.name,
            float(1 - rule.share),
            rows,
            exceptions[rule.name],
            *exact_interval(exceptions[rule.name], rows),
        )
        for rule in plan.table.rules
        if rule.share is not None and rule.name in exceptions
    )


def exact_interval(found: int, rows: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The share of a binomial count that lies in the interval at least that often.

    Clopper and Pearson (1934), "The use of confidence or fiducial limits illustrated in the case
    of the binomial".
    """
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = 0.0 if found == 0 else float(betaincinv(found, rows - found + 1, tail))
    high = 1.0 if found == rows else float(betaincinv(found + 1, rows - found, 1 - tail))
    return low, high
