"""What rules did: the marginals that a spec declares against those of its rows.

*Declared* are the marginals of the same spec without its rules and cases. They are measured too,
on a pilot of `PILOT_ROWS` rows with a seed of its own, so that they follow from the spec alone, but
for the rows that are referred to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from synthdsl.engine.declared_shares import declared_shares
from synthdsl.engine.entities import rows_under
from synthdsl.engine.families import FIRST_PILOT, FamilyRun
from synthdsl.engine.family_tallies import FamilyTally, Shown, words_of
from synthdsl.engine.frame import Frame, RowError
from synthdsl.engine.marginals import (
    has_other_shares,
    has_other_values,
    is_measurable,
    share_distance,
    value_distance,
)
from synthdsl.engine.run import BLOCK_ROWS, Run
from synthdsl.engine.streams import root_keys
from synthdsl.model.draws import ProviderDraw, inner_draws
from synthdsl.model.expressions import Constant
from synthdsl.model.relations import count_name
from synthdsl.model.spec import Field, Spec, Table
from synthdsl.plan.families import FamilyPlan
from synthdsl.plan.lower import Plan, TablePlan, lower
from synthdsl.plan.movement import ExceptionShare, Marginal, MovedField, TableMovement
from synthdsl.plan.nodes import Node, whole_of
from synthdsl.plan.reach import Reach
from synthdsl.plan.shown import is_declared
from synthdsl.plan.units import Unit, with_ancestors
from synthdsl.values.types import INT, Kind

PILOT_ROWS = 131_072
LEAST_ROOTS = 2_048
"""Root rows of a pilot of related tables, however many rows these have under them."""


def movements(
    run: Run,
    ranges: dict[str, tuple[int, int]],
    *,
    most: int | None = None,
    pilot_rows: int = PILOT_ROWS,
    progress: Callable[[int, int], object] | None = None,
) -> tuple[TableMovement, ...]:
    """Every table with rules, or with fields that rules move, on about the first `most` of its
    rows at most (None: all).

    `ranges`: rows of the tables without parent. `progress` is told the root rows done so far,
    and those in all.
    """
    reach = Reach(run.plan)
    families = [
        family
        for family in run.families.values()
        if any(node in reach for node in family.plan.graph.reads)
    ]
    if not families:
        return ()
    spans = {f.plan.root: _measured_span(f, ranges[f.plan.root], most) for f in families}
    total = sum(stop - start for start, stop in spans.values())
    done = 0

    def report(rows: int) -> None:
        nonlocal done
        done += rows
        if progress is not None:
            progress(done, total)

    bare = Run(_without_rules(run.plan.spec))
    found: dict[str, TableMovement] = {}
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for family in families:
            root = family.plan.root
            moved = _Family(run, bare, family.plan, reach, pilot_rows)
            for table in moved.movements(spans[root], ranges[root], report):
                found[table.name] = table
    return tuple(found[name] for name in run.plan.tables if name in found)


def _measured_span(family: FamilyRun, span: tuple[int, int], most: int | None) -> tuple[int, int]:
    """The root rows to measure: about `most` rows of each table, on average."""
    start, stop = span
    if most is None:
        return span
    if len(family.plan.tables) > 1 and stop - start > FIRST_PILOT:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            each = family.rows_per_root / len(family.plan.tables)
        most = min(most, max(FIRST_PILOT, int(most / max(each, 1.0))))
    return start, min(stop, start + most)


def _without_rules(spec: Spec) -> Plan:
    """The plan of `spec` as if it had no rules, cases and masks."""
    tables = {
        name: replace(table, rules=(), cases=(), masks={}) for name, table in spec.tables.items()
    }
    return lower(replace(spec, tables=tables, expectations=()))


class _Family:
    """A root table with all under it: its laws without rules, and those of its rows."""

    def __init__(
        self, run: Run, bare: Run, plan: FamilyPlan, reach: Reach, pilot_rows: int
    ) -> None:
        self._run = run
        self._bare = bare
        self._plan = plan
        self._reach = reach
        self._pilot_rows = pilot_rows
        self._tables = {name: run.plan.tables[name] for name in plan.tables}
        self._models = {name: table.table for name, table in self._tables.items()}

    def movements(
        self,
        measured: tuple[int, int],
        whole: tuple[int, int],
        report: Callable[[int], object],
    ) -> list[TableMovement]:
        """The tables with fields that rules move."""
        shown = {name: self._shown(table) for name, table in self._tables.items()}
        shown = {name: found for name, found in shown.items() if found is not None}
        tallies = {name: found for name, found in shown.items() if found is not None}
        declared = self._declared(tallies)
        if declared is None:
            # without its rules the spec draws impossible parameters further down
            tallies = {name: self._conditioned(name, found) for name, found in tallies.items()}
            declared = self._declared(tallies)
            if declared is None:
                why = "without the rules it has no law"
                tallies = {n: found.only((), why, is_counted=False) for n, found in tallies.items()}
                declared = FamilyTally(self._tables, tallies, ())
        realised = self._realised(tallies, measured, report)
        return [
            self._movement(name, found, declared, realised, measured, whole)
            for name, found in tallies.items()
        ]

    def _shown(self, plan: TablePlan) -> Shown | None:
        """Of the fields that rules can move, those with a marginal; of the others, why not."""
        shown, others = [], []
        for name in self._reached(plan):
            field = plan.fields[name].field
            if field.type.kind is Kind.RECORD:
                continue
            if field.type.kind is Kind.REFERENCE:
                others.append((name, "it refers to rows of another table"))
            elif not is_measurable(field.type, words_of(plan, field)):
                others.append((name, "its values are too many to list"))
            elif self._is_from_unique(plan, name):
                others.append((name, "it is made from unique values"))
            else:
                shown.append(name)
        whole = whole_of(plan.table)
        is_counted = whole is not None and whole in self._reach and not self._is_fixed(plan.table)
        if not (shown or others or is_counted or plan.table.rules):
            return None
        return Shown(tuple(shown), is_counted, tuple(others))

    def _reached(self, plan: TablePlan) -> list[str]:
        return [n for n in plan.fields if is_declared(n) and (plan.name, n) in self._reach]

    def _is_fixed(self, table: Table) -> bool:
        """Whether each parent has the same number of rows."""
        if table.parent is None or table.machine is not None or table.stop is not None:
            return False
        count = self._models[table.parent.table].fields[count_name(table.name)]
        return isinstance(count.value, Constant)

    def _is_from_unique(self, plan: TablePlan, name: str) -> bool:
        tables = self._run.plan.tables
        return any(
            field in tables[table].fields and _is_unique(tables[table].fields[field].field)
            for table, field in self._reach.ancestors([(plan.name, name)])
            if not field.startswith("#")
        )

    def _conditioned(self, table: str, shown: Shown) -> Shown:
        """Those fields only that rules condition themselves, and not what follows from them."""
        kept = tuple(n for n in shown.fields if (table, n) in self._reach.conditioned)
        return shown.only(kept, "without the rules it has no law", is_counted=shown.is_counted)

    # without rules

    def _declared(self, shown: Mapping[str, Shown]) -> FamilyTally | None:
        """The declared marginals; None where a row has impossible parameters."""
        family = self._bare.families[self._plan.root]
        units = self._needed(family.plan, shown)
        tally = FamilyTally(self._tables, shown, ())
        try:
            first, size, roots = 0, FIRST_PILOT, self._pilot_rows
            if len(family.plan.tables) == 1:
                size = BLOCK_ROWS
            while first < roots:
                frame = self._pilot_root(family, first, min(first + size, roots))
                for unit in units:
                    family.run_unit(unit, frame)
                tally.add(frame)
                first += frame.rows
                if len(family.plan.tables) > 1:
                    each = rows_under(frame) / frame.rows
                    size = max(1, min(BLOCK_ROWS, int(BLOCK_ROWS / each)))
                    wanted = int(self._pilot_rows * len(shown) / each)
                    roots = min(self._pilot_rows, max(LEAST_ROOTS, wanted))
        except RowError:
            return None
        return tally

    def _pilot_root(self, family: FamilyRun, start: int, stop: int) -> Frame:
        """Rows of the pilot. Where rows refer to others, they refer to those of this run: which
        these are is not what is compared.
        """
        frame = family.pilot_root(start, stop)
        if not any(
            field.type.kind is Kind.REFERENCE
            for table in self._models.values()
            for field in table.fields.values()
        ):
            return frame
        keys = root_keys(f"{frame.table}#declared", start, stop)
        return Frame(frame.table, self._run.seed, keys, frame.ordinals)

    def _needed(self, plan: FamilyPlan, shown: Mapping[str, Shown]) -> list[Unit]:
        """The units that make what is compared, with the rows that it stands in."""
        nodes: set[Node] = {(name, f) for name, found in shown.items() for f in found.fields}
        for name in shown:
            for table in (name, *_above(name, self._models)):
                whole = whole_of(self._models[table])
                if whole is not None:
                    nodes.add(whole)
        needed = with_ancestors([u for u in plan.units if u.writes & nodes], plan.units)
        return [unit for unit in plan.units if unit in needed]

    # with rules

    def _realised(
        self,
        shown: Mapping[str, Shown],
        span: tuple[int, int],
        report: Callable[[int], object],
    ) -> FamilyTally:
        """The marginals of root rows in `span` and of what is under them."""
        tally = FamilyTally(self._tables, shown, _soft_rules(self._plan, self._models))
        for frame in self._run.families_of(self._plan.root, *span, is_complete=True):
            tally.add(frame)
            report(frame.rows)
        return tally

    def _movement(
        self,
        name: str,
        shown: Shown,
        declared: FamilyTally,
        realised: FamilyTally,
        measured: tuple[int, int],
        whole: tuple[int, int],
    ) -> TableMovement:
        plan = self._tables[name]
        start, stop = measured
        is_root = plan.table.parent is None
        rows = realised.rows[name]
        fields = [
            _moved(
                plan,
                field,
                (name, field) in self._reach.conditioned,
                declared.fields[name, field].marginal(),
                realised.fields[name, field].marginal(),
            )
            for field in shown.fields
        ]
        if shown.is_counted:
            fields.insert(0, self._count(plan, declared, realised))
        return TableMovement(
            name=name,
            start=start,
            rows=rows,
            of_rows=whole[1] - whole[0] if is_root else rows,
            pilot_rows=declared.rows[name] or self._pilot_rows,
            fields=tuple(fields),
            untouched=tuple(
                n for n in plan.fields if is_declared(n) and (name, n) not in self._reach
            ),
            unmeasured=shown.unmeasured,
            exceptions=_exception_shares(plan, realised),
            root="" if is_root else self._plan.root,
            roots=0 if is_root else stop - start,
            of_roots=0 if is_root else whole[1] - whole[0],
        )

    def _count(self, plan: TablePlan, declared: FamilyTally, realised: FamilyTally) -> MovedField:
        """How many rows there are under each parent."""
        parent = plan.table.parent
        assert parent is not None
        whole = whole_of(plan.table)
        first, second = (tally.counts[plan.name].marginal() for tally in (declared, realised))
        return MovedField(
            f"{plan.name} per {parent.table}",
            INT,
            (),
            whole in self._reach.conditioned,
            False,
            first,
            second,
            value_distance(first, second),
            has_other_values(first, second),
        )


def _above(table: str, models: Mapping[str, Table]) -> Iterable[str]:
    parent = models[table].parent
    while parent is not None:
        yield parent.table
        parent = models[parent.table].parent


def _soft_rules(plan: FamilyPlan, models: Mapping[str, Table]) -> list[tuple[str, str]]:
    """The soft rules of a family, by table and name."""
    return [
        (name, rule.name)
        for name in plan.tables
        for rule in models[name].rules
        if rule.share is not None
    ]


def _is_unique(field: Field) -> bool:
    return field.draw is not None and any(
        isinstance(draw, ProviderDraw) and draw.provider.is_unique
        for draw in inner_draws(field.draw)
    )


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


def _exception_shares(plan: TablePlan, realised: FamilyTally) -> tuple[ExceptionShare, ...]:
    """The soft rules of a table and their exceptions, of rows or of what the rules condition."""
    found = []
    for rule in plan.table.rules:
        if rule.share is not None and (plan.name, rule.name) in realised.exceptions:
            broken, rows = realised.exceptions[plan.name, rule.name]
            interval = exact_interval(broken, rows)
            found.append(ExceptionShare(rule.name, float(1 - rule.share), rows, broken, *interval))
    return tuple(found)


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
