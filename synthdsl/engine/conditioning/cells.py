"""Conditioning by cells: base uniforms cut in cells, combinations that break rules left out.

Every field drawn from one uniform is a quantile function of it, given the fields it depends on.
So the declared distribution of a component is uniform on a cube. The cube is cut in cells; an
enclosure of each clause of the rules tells which combinations of cells can satisfy it; cells are
drawn given that all clauses can be satisfied, by elimination, and each uniform within its cell.
What is left of combinations that are satisfied in part is rejected by the check of the rules:
the result is exact, however coarse the cells are.

Source: the construction is that of Saad, Rinard, Mansinghka 2021, "SPPL: probabilistic
programming with fast exact symbolic inference" (PLDI), on grids instead of symbolic sets, with
Dechter's elimination; enclosures as in Moore 1966, "Interval analysis".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from synthdsl.engine.conditioning.clauses import Clause, is_bare, split, thresholds
from synthdsl.engine.conditioning.draw_enclosures import draw_enclosure
from synthdsl.engine.conditioning.drawn_cells import PILOT_SEED, Tables, merged_cells
from synthdsl.engine.conditioning.drawn_cells import Cells as Cells
from synthdsl.engine.conditioning.enclosures import Enclosure, enclose, enclose_derived
from synthdsl.engine.conditioning.factors import Factor
from synthdsl.engine.conditioning.partitions import Cutter, Memory, Slice, is_cut
from synthdsl.engine.conditioning.proposals import FillField
from synthdsl.engine.frame import Frame
from synthdsl.engine.streams import root_keys
from synthdsl.model.correlations import cholesky, to_normal
from synthdsl.model.draws import expressions_of
from synthdsl.model.expressions import Expr, fields_read
from synthdsl.model.spec import Correlation, Field, Rule
from synthdsl.plan.components import ancestors
from synthdsl.plan.lower import TablePlan, dependencies
from synthdsl.values.columns import Vocabulary
from synthdsl.values.types import Kind

MOST_CELLS = 256
FEWEST_CELLS = 8
LARGEST_CLAUSE = 1 << 18
"""Combinations of cells that a clause is enclosed for; four times as many once refined."""
MOST_AXES = 30


@dataclass(frozen=True)
class Demand:
    """A rule and what must come of it: `hold`, `true` or `false`."""

    rule: Rule
    demand: str


@dataclass(eq=False)
class _Work:
    """What compiling the cells of some clauses has found out. `counts`: the most cells of each
    axis.
    """

    fields: tuple[str, ...]
    axes: list[str]
    clauses: list[tuple[Rule, Clause]]
    scopes: list[tuple[int, ...]]
    cutter: Cutter
    counts: list[int]
    edges: list[NDArray[np.float64]]


class CellsCompiler:
    """Builds the cells of a component's stage."""

    def __init__(
        self,
        plan: TablePlan,
        words: Mapping[str, Vocabulary],
        fill_field: FillField,
        cuts: Memory | None = None,
    ) -> None:
        self._plan = plan
        self._cuts: Memory = {} if cuts is None else cuts
        self._fields = plan.table.fields
        self._words = words
        self._fill_field = fill_field
        self._needs = dependencies(plan.table)
        self._correlations = {n: c for c in plan.table.correlations for n in c.fields}

    def of(self, plan: TablePlan, fill_field: FillField) -> CellsCompiler:
        """The same for a table with other draws."""
        return CellsCompiler(plan, self._words, fill_field, self._cuts)

    def compile(
        self,
        fields: tuple[str, ...],
        demands: Sequence[Demand],
        *,
        free: tuple[str, ...],
        noted: frozenset[str] = frozenset(),
    ) -> Cells | None:
        """The proposal for the `free` ones among a component's `fields`; None where cells do
        not help. The uniforms of the `noted` fields are noted, whether cells restrict them or
        not.
        """
        work = self._work(fields, demands)
        if work is None:
            return None

        def finer(
            edges: Sequence[NDArray[np.float64]], weights: Sequence[NDArray[np.float64]]
        ) -> Cells | None:
            counts = work.counts
            work.edges = [
                work.cutter.refined(name, e, w, n) if n > 1 else e
                for name, e, w, n in zip(work.axes, edges, weights, counts, strict=True)
            ]
            return self._tables(work).proposal(free, finer, noted)

        return self._tables(work).proposal(free, finer, noted)

    def tables(self, fields: tuple[str, ...], demands: Sequence[Demand]) -> Tables | None:
        """Which cells can, and which surely do, meet each demand; None where none is cut."""
        work = self._work(fields, demands)
        return None if work is None else self._tables(work)

    def _work(self, fields: tuple[str, ...], demands: Sequence[Demand]) -> _Work | None:
        clauses = [(d.rule, c) for d in demands for c in split(d.rule.condition, d.demand)]
        axes = self._axes(fields, [c for _, c in clauses])
        if not axes or len(axes) > MOST_AXES:
            return None
        numbers = {name: i for i, name in enumerate(axes)}
        scopes = [self._scope(fields_read(c.condition), numbers) for _, c in clauses]
        cutter = Cutter(self._fields, self._field_at, self._cuts)
        edges = self._edges(axes, [c for _, c in clauses], scopes, cutter)
        if edges is None:
            return None
        counts = [len(e) - 1 for e in edges]
        return _Work(fields, axes, clauses, scopes, cutter, counts, edges)

    def _tables(self, work: _Work) -> Tables:
        boxes = _Boxes(self, work.axes, work.edges, work.fields)
        possible: list[Factor] = []
        sure: list[Factor] = []
        rules: list[Rule] = []
        is_whole = True
        for (rule, clause), scope in zip(work.clauses, work.scopes, strict=True):
            if prod(len(work.edges[v]) - 1 for v in scope) > 4 * LARGEST_CLAUSE:
                is_whole = False
                continue
            both = boxes.tables(clause, scope)
            rules.append(rule)
            possible.append(both[0])
            sure.append(both[1])
        edges, (possible, sure) = merged_cells(work.edges, [possible, sure])
        return Tables(work.axes, edges, rules, possible, sure, is_whole, self._fill_field)

    # axes

    def cut_fields(self, fields: tuple[str, ...]) -> frozenset[str]:
        """The fields whose uniforms can be cut."""
        return frozenset(name for name in fields if self._is_cut(name))

    def _axes(self, fields: tuple[str, ...], clauses: Sequence[Clause]) -> list[str]:
        """The fields whose uniforms are cut, parents before children."""
        read = {name for c in clauses for name in fields_read(c.condition)}
        wanted = ancestors(read & self._fields.keys(), self._needs)
        for correlation in {id(c): c for c in self._correlations.values()}.values():
            touched = [i for i, name in enumerate(correlation.fields) if name in wanted]
            wanted |= set(correlation.fields[: max(touched) + 1]) if touched else set()
        return [name for name in fields if name in wanted and self._is_cut(name)]

    def _is_cut(self, name: str) -> bool:
        field = self._fields[name]
        kind = field.type.kind
        if field.draw is None or kind in (
            Kind.RECORD,
            Kind.LIST,
            Kind.UUID,
            Kind.REFERENCE,
        ):
            return False
        if kind is Kind.TEXT and name not in self._words:
            return False
        return is_cut(field.draw)

    def _scope(self, names: set[str], numbers: Mapping[str, int]) -> tuple[int, ...]:
        """The axes on which the fields depend."""
        return tuple(sorted(numbers[n] for n in self.bases_of(names) if n in numbers))

    def bases_of(self, names: set[str]) -> set[str]:
        """The fields whose uniforms decide the values of `names`."""
        found = ancestors(names & self._fields.keys(), self._needs)
        while True:
            wider = set(found)
            for name in found:
                correlation = self._correlations.get(name)
                if correlation is not None:
                    wider |= set(correlation.fields[: correlation.fields.index(name)])
            wider = ancestors(wider, self._needs)
            if wider == found:
                return found
            found = wider

    # cuts

    def _edges(
        self,
        axes: Sequence[str],
        clauses: Sequence[Clause],
        scopes: Sequence[tuple[int, ...]],
        cutter: Cutter,
    ) -> list[NDArray[np.float64]] | None:
        conditions = [c.condition for c in clauses]
        read = {name for condition in conditions for name in fields_read(condition)}
        inner = [e for name in self.bases_of(read) for e in self._expressions(name)]
        values: dict[str, set[float]] = {name: set() for name in axes}
        for expression in (*conditions, *inner):
            for at in thresholds(expression):
                if at.field in values:
                    values[at.field].add(at.value)
        fine = {name for name in axes if not all(is_bare(e, name) for e in (*conditions, *inner))}
        edges: dict[str, NDArray[np.float64]] = {}
        for name in axes:
            bases = self.bases_of({name})
            edges[name] = cutter.cut(
                name,
                [n for n in axes if n in bases and n != name],
                values[name],
                decided_by=bases,
                most=MOST_CELLS,
                is_fine=name in fine,
            )
        while True:
            counts = [len(edges[name]) - 1 for name in axes]
            wide = [s for s in scopes if prod(counts[v] for v in s) > LARGEST_CLAUSE]
            wide = [s for s in wide if max(counts[v] for v in s) > FEWEST_CELLS]
            if not wide:
                return [edges[name] for name in axes]
            largest = max((v for s in wide for v in s), key=lambda v: counts[v])
            name = axes[largest]
            most = max(FEWEST_CELLS, int(counts[largest] / 1.5))
            edges[name] = cutter.coarsened(name, most)
            if len(edges[name]) - 1 >= counts[largest]:
                return None

    def _expressions(self, name: str) -> list[Expr]:
        field = self._fields[name]
        if field.draw is not None:
            return list(expressions_of(field.draw))
        return [] if field.value is None else [field.value]

    def _field_at(self, name: str, levels: Mapping[str, NDArray[np.float64]], rows: int) -> Slice:
        """A field where the base uniforms of others are given."""
        frame = self._blank(rows)
        frame.bases.update(levels)
        bases = self.bases_of({name}) - {name}
        for step in self._plan.steps:
            for other in step.fields:
                if other in bases:
                    self._fill_field(other, frame)

        def values(u: NDArray[np.float64], row: NDArray[np.int64]) -> NDArray[np.float64] | None:
            some = frame.some(row)
            some.bases[name] = u
            self._fill_field(name, some)
            column = some.column(name)
            if column.vocabulary is not None or column.is_arrow:
                return None
            return np.asarray(column.values, np.float64)

        return values

    def _blank(self, rows: int) -> Frame:
        keys = root_keys(self._plan.name, 0, rows)
        return Frame(self._plan.name, PILOT_SEED, keys, np.arange(rows, dtype=np.int64))

    # what the boxes use

    def enclosure(
        self, name: str, levels: Mapping[str, tuple[Any, Any]], known: Mapping[str, Enclosure]
    ) -> Enclosure:
        """What a field may be where base uniforms lie in `levels` and its parents in `known`."""
        field = self._fields[name]
        if field.draw is None:
            return enclose_derived(field, known, self._words)
        found = None
        if name in levels:
            low, high = levels[name]
            correlation = self._correlations.get(name)
            if correlation is not None:
                low, high = self._copula_levels(correlation, name, levels, known)
            found = draw_enclosure(
                field.draw, field, low, high, known, self._words, self._words.get(name)
            )
        return self._unknown(field) if found is None else found

    def _unknown(self, field: Field) -> Enclosure:
        return Enclosure.anything(vocabulary=self._words.get(field.name))

    def _copula_levels(
        self,
        correlation: Correlation,
        name: str,
        levels: Mapping[str, tuple[Any, Any]],
        known: Mapping[str, Enclosure],
    ) -> tuple[Any, Any]:
        """The levels at which a correlated field may be drawn."""
        position = correlation.fields.index(name)
        normals = [
            tuple(ndtri(level) for level in levels.get(n, (0.0, 1.0)))
            for n in correlation.fields[: position + 1]
        ]
        lowest: Any = np.inf
        highest: Any = -np.inf
        for key, ranks in correlation.matrices.items():
            factor = cholesky(to_normal(ranks))
            assert factor is not None
            low: Any = 0.0
            high: Any = 0.0
            for share, (a, b) in zip(factor[position], normals, strict=False):
                if share:
                    first, last = (a, b) if share > 0 else (b, a)
                    low, high = low + share * first, high + share * last
            can_be = self._can_be(correlation, key, known)
            lowest = np.minimum(lowest, np.where(can_be, low, np.inf))
            highest = np.maximum(highest, np.where(can_be, high, -np.inf))
        # a little wider than the engine's own rounding
        margin = 1e-11 * (1 + np.minimum(np.abs(lowest), 50))
        low = np.where(np.isfinite(lowest), ndtr(lowest - margin), 0.0)
        high = np.where(np.isfinite(highest), ndtr(highest + margin), 1.0)
        return np.clip(low, 0, 1), np.clip(high, 0, 1)

    def _can_be(
        self, correlation: Correlation, key: tuple[Any, ...], known: Mapping[str, Enclosure]
    ) -> Any:
        can_be: Any = True
        for group, value in zip(correlation.groups, key, strict=True):
            enclosure = known.get(group)
            if enclosure is None:
                continue
            if enclosure.vocabulary is not None:
                value = enclosure.vocabulary.codes[value]
            elif isinstance(value, str):
                continue
            can_be = can_be & (enclosure.low <= value) & (value <= enclosure.high)
        return can_be


class _Boxes:
    """Enclosures of fields and clauses over all combinations of cells."""

    def __init__(
        self,
        compiler: CellsCompiler,
        axes: Sequence[str],
        edges: Sequence[NDArray[np.float64]],
        fields: tuple[str, ...],
    ) -> None:
        self._compiler = compiler
        self._sizes = [len(e) - 1 for e in edges]
        self._order = fields
        self._levels = {}
        for number, name in enumerate(axes):
            shape = [1] * len(axes)
            shape[number] = -1
            low, high = edges[number][:-1].reshape(shape), edges[number][1:].reshape(shape)
            self._levels[name] = (low, high)
        self._known: dict[str, Enclosure] = {}

    def tables(self, clause: Clause, scope: tuple[int, ...]) -> tuple[Factor, Factor]:
        """Where the clause can be met, and where it surely is."""
        self._enclose_fields(fields_read(clause.condition))
        found = enclose(clause.condition, self._known, self._compiler._words)
        can_true, can_false, can_null = found.can_true, found.can_false, found.can_null
        if clause.demand == "hold":
            possible = np.logical_or(can_true, can_null)
            sure = np.logical_not(can_false)
        elif clause.demand == "true":
            possible = can_true
            sure = np.logical_not(np.logical_or(can_false, can_null))
        else:
            possible = can_false
            sure = np.logical_not(np.logical_or(can_true, can_null))
        return self._factor(possible, scope), self._factor(sure, scope)

    def _factor(self, table: Any, scope: tuple[int, ...]) -> Factor:
        """A factor over the axes along which the table changes."""
        ones = [1] * len(self._sizes)
        full = np.asarray(table)
        full = full.reshape([*ones[full.ndim :], *full.shape])
        wide = tuple(v for v in scope if full.shape[v] > 1)
        return Factor(wide, full.reshape([full.shape[v] for v in wide]))

    def _enclose_fields(self, names: set[str]) -> None:
        needed = self._compiler.bases_of(names)
        for name in self._order:
            if name in needed and name not in self._known:
                self._known[name] = self._compiler.enclosure(name, self._levels, self._known)
