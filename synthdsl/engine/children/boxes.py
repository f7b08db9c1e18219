"""The largest chance of an entity where the fields that it depends on have too many values.

Fields of the entity lie in boxes: single values where there are few, else what a slice of their
uniforms gives. In each box weights and intervals of values are enclosed, so that what follows
from them is a bound of every chance inside.
"""

from __future__ import annotations

from math import inf, prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.children.demands import Demand
from synthdsl.engine.children.odds import chance_of
from synthdsl.engine.children.outcomes import lookup_shares
from synthdsl.engine.children.values import column_of, is_simple, values_of
from synthdsl.engine.conditioning.draw_enclosures import draw_enclosure
from synthdsl.engine.conditioning.enclosures import Enclosure, enclose, enclose_derived
from synthdsl.engine.conditioning.partitions import is_cut
from synthdsl.engine.lookup_index import index_of
from synthdsl.engine.weight_samplers import constant_shares
from synthdsl.model.draws import (
    CategoricalDraw,
    ChooseDraw,
    DistributionDraw,
    DrawNode,
    LookupDraw,
    MixtureDraw,
)
from synthdsl.model.expressions import Above, Constant, Expr, FieldRef
from synthdsl.model.spec import Field, Table
from synthdsl.values.columns import Vocabulary

if TYPE_CHECKING:
    from synthdsl.engine.children.rows import RowLaw
    from synthdsl.engine.run import TableRun

Floats = NDArray[np.float64]
Known = dict[str, Enclosure]
SLICES = 16
FEW = 128
"""Values of a field that are boxes of their own."""
MOST_BOXES = 1 << 12
DEEPEST = 30
"""Halvings of a tail that are looked at: in smaller ones levels are no longer sure to 1e-6."""
FINE = 16
ROUNDING = 1e-6
LEVELS = np.append(np.append(np.arange(64) / 64, 1 - np.exp2(-np.arange(7.0, DEEPEST + 1))), 1.0)
"""Levels of a number of rows: finer where there are more."""


class Boxes:
    """Boxes of the fields `reads` of the rows of a table."""

    def __init__(self, reads: set[str], run: TableRun, tables: dict[str, Table]) -> None:
        self._run = run
        self._tables = tables
        self._table = run.plan.table
        self._words = words_of(run)
        self.known: Known = {}
        order = [n for step in run.plan.steps for n in step.fields if n in self._closure(reads)]
        sizes = self._sizes(order)
        self.shape = tuple(sizes.values())
        for name in order:
            self.known[name] = self._box(name, sizes)

    def _closure(self, names: set[str]) -> set[str]:
        found: set[str] = set()
        stack = [name for name in names if name in self._table.fields]
        while stack:
            name = stack.pop()
            if name not in found:
                found.add(name)
                stack.extend(self._table.fields[name].depends_on)
        return found

    def _sizes(self, order: list[str]) -> dict[str, int]:
        """How many boxes each field has that others do not settle."""
        sizes = {}
        for name in order:
            field = self._table.fields[name]
            if field.value is not None and is_simple(field.value):
                continue
            values = values_of(field, self._table, self._tables)
            if values is not None and len(values) <= FEW:
                sizes[name] = len(values)
            elif self._source(field) is not None:
                sizes[name] = SLICES
        while prod(sizes.values()) > MOST_BOXES:
            name = max(sizes, key=lambda n: sizes[n])
            sizes[name] = 1 if sizes[name] > SLICES else sizes[name] // 2
        return {name: size for name, size in sizes.items() if size > 1}

    def _box(self, name: str, sizes: dict[str, int]) -> Enclosure:
        field = self._table.fields[name]
        if field.value is not None and is_simple(field.value):
            return enclose_derived(field, self.known, self._words)
        values = values_of(field, self._table, self._tables)
        size = sizes.get(name, 1)
        if values is not None and (size == len(values) or self._source(field) is None):
            found = self._values(field, values)
            if size == len(values):
                return self._along(name, sizes, found)
            return Enclosure(
                found.low.min(),
                found.high.max(),
                bool(np.any(found.can_null)),
                True,
                found.vocabulary,
            )
        inside = None
        source = self._source(field)
        if source is not None:
            assert source.draw is not None
            edges = np.clip(np.arange(size + 1) / size, 2.0**-53, 1 - 2.0**-53)
            shape = self._axis(name, sizes, size)
            inside = draw_enclosure(
                source.draw,
                source,
                edges[:-1].reshape(shape),
                edges[1:].reshape(shape),
                # what a row above depends on is not among the boxes
                self.known if source is field else {},
                self._words if source is field else {},
                self._words.get(name),
            )
        return Enclosure.anything(vocabulary=self._words.get(name)) if inside is None else inside

    def _source(self, field: Field) -> Field | None:
        """The field from whose uniform a field follows: itself, or one of a row above."""
        table = self._table
        while isinstance(field.value, Above) and isinstance(field.value.inner, FieldRef):
            if table.parent is None:
                return None
            table = self._tables[table.parent.table]
            field = table.fields[field.value.inner.field]
        return field if field.draw is not None and is_cut(field.draw) else None

    def _values(self, field: Field, values: list[Any]) -> Enclosure:
        column = column_of(self._run, field, values)
        known = np.ones(len(values), np.bool_) if column.valid is None else column.valid
        raw = np.asarray(column.values, np.float64)
        return Enclosure(raw, raw, ~known, known, column.vocabulary)

    def _along(self, name: str, sizes: dict[str, int], found: Enclosure) -> Enclosure:
        shape = self._axis(name, sizes, len(found.low))
        return Enclosure(
            found.low.reshape(shape),
            found.high.reshape(shape),
            np.reshape(found.can_null, shape),
            np.reshape(found.can_value, shape),
            found.vocabulary,
        )

    def _axis(self, name: str, sizes: dict[str, int], size: int) -> list[int]:
        shape = [1] * len(sizes)
        if name in sizes:
            shape[list(sizes).index(name)] = size
        return shape

    def enclosed(self, expression: Expr) -> Enclosure:
        """What an expression of the rows may come to in each box."""
        return enclose(expression, self.known, self._words)

    @property
    def words(self) -> dict[str, Vocabulary]:
        """The vocabularies of text fields."""
        return self._words


def words_of(run: TableRun) -> dict[str, Vocabulary]:
    """The vocabularies of a table's text fields."""
    plans = run.plan.fields.items()
    return {name: Vocabulary(p.words) for name, p in plans if p.words is not None}


class RowBounds:
    """Bounds of the chance that a row under entities in boxes meets conditions."""

    def __init__(self, law: RowLaw, run: TableRun, boxes: Boxes) -> None:
        self._law = law
        self._fields = run.plan.table.fields
        self._run = run
        self._boxes = boxes
        self._words = words_of(run)

    def most(self) -> Floats:
        """The most in each box."""
        total: Any = np.zeros(self._boxes.shape)
        for cell in self._law.cells:
            total = total + self._of_cell(cell)
        return np.asarray(np.minimum(total, 1.0))

    def _of_cell(self, cell: dict[str, int]) -> Any:
        known: Known = {}
        chance: Any = 1.0
        for name in self._law.names:
            field = self._fields[name]
            if name in cell:
                assert field.draw is not None
                chance = chance * self._shares(field.draw, known)[cell[name]]
                known[name] = self._outcome(name, cell[name])
            elif name in self._law.bounded:
                assert field.draw is not None
                low, high = self._law.interval(name)
                chance = chance * self._mass(field.draw, field, known, low, high)
            elif isinstance(field.value, Above):
                known[name] = self._boxes.enclosed(field.value.inner)
            else:
                known[name] = enclose_derived(field, known, self._words)
        for clause in self._law.clauses:
            found = enclose(clause.condition, known, self._words)
            can = {
                "true": found.can_true,
                "false": found.can_false,
                "hold": np.logical_or(found.can_true, found.can_null),
            }
            chance = chance * can[clause.demand]
        return chance

    def _outcome(self, name: str, number: int) -> Enclosure:
        column = self._law.outcome_column(name).take(np.array([number]))
        if column.valid is not None and not column.valid[0]:
            return Enclosure.nothing()
        raw = np.asarray(column.values, np.float64)[0]
        return Enclosure(np.array(raw), np.array(raw), vocabulary=column.vocabulary)

    def _shares(self, draw: DrawNode, known: Known) -> list[Any]:
        """The most of each outcome, in the order of `outcomes_of`."""
        if isinstance(draw, CategoricalDraw):
            return self._weights(draw.weights, known)
        if isinstance(draw, ChooseDraw):
            branches = (*(d for _, d in draw.branches), draw.otherwise)
            parts = []
            for taken, branch in zip(self._taken(draw, known), branches, strict=True):
                parts += [share * taken for share in self._shares(branch, known)]
            return parts
        if isinstance(draw, DistributionDraw):
            p = enclose(draw.parameters[0], known, self._words)
            return [np.clip(1 - p.low, 0, 1), np.clip(p.high, 0, 1)]
        if isinstance(draw, LookupDraw):
            index = index_of(draw.lookup, tuple(k.type.nullable(False) for k in draw.keys))
            table = lookup_shares(draw, index)
            assert table is not None
            return list(table.max(axis=0))
        return [1.0]

    def _weights(self, weights: tuple[Expr | None, ...], known: Known) -> list[Any]:
        if all(w is None or isinstance(w, Constant) for w in weights):
            shares = constant_shares(weights)
            return list(shares / shares.sum())
        found = [None if w is None else enclose(w, known, self._words) for w in weights]
        least: Any = sum(np.clip(f.low, 0, 1) for f in found if f is not None)
        most = [1.0 if f is None else np.clip(f.high, 0, 1) for f in found]
        for number, own in enumerate(found):
            # the last outcome has what the others leave, but for rounding
            others = least if own is None else least - np.clip(own.low, 0, 1)
            room = np.clip(1 - others, 0, 1)
            if own is None:
                most[number] = room
            elif number == len(found) - 1:
                most[number] = np.minimum(np.maximum(most[number], room), 1.0)
        return most

    def _taken(self, draw: ChooseDraw, known: Known) -> list[Any]:
        """Where each branch can be taken."""
        is_open: Any = True
        result = []
        for condition, _ in draw.branches:
            found = enclose(condition, known, self._words)
            result.append(np.logical_and(is_open, found.can_true))
            is_open = np.logical_and(is_open, np.logical_or(found.can_false, found.can_null))
        return [*result, is_open]

    def _mass(self, draw: DrawNode, field: Field, known: Known, low: float, high: float) -> Any:
        """The most that a draw can have in [low, high]."""
        if low > high:
            return 0.0
        if isinstance(draw, MixtureDraw):
            weights = self._weights(draw.weights, known)
            masses = [self._mass(c, field, known, low, high) for c in draw.components]
            total: Any = sum(w * m for w, m in zip(weights, masses, strict=True))
            return np.minimum(total, 1.0)
        if isinstance(draw, ChooseDraw):
            branches = (*(d for _, d in draw.branches), draw.otherwise)
            most: Any = 0.0
            for taken, branch in zip(self._taken(draw, known), branches, strict=True):
                most = np.maximum(most, taken * self._mass(branch, field, known, low, high))
            return most
        if not is_cut(draw):
            return 1.0
        ends: Any = 1.0
        if low > -inf:
            ends = np.minimum(ends, self._tail(draw, field, known, low, is_upper=True))
        if high < inf:
            ends = np.minimum(ends, self._tail(draw, field, known, high, is_upper=False))
        return ends

    def _tail(
        self, draw: DrawNode, field: Field, known: Known, end: float, *, is_upper: bool
    ) -> Any:
        """The most beyond `end`: the smallest tail outside which values do not reach it."""
        wide = {n: _with_axis(e) for n, e in known.items()}
        depth: Any = np.zeros((*[1] * len(self._boxes.shape), 1))
        for step in (1.0, 1.0 / FINE):
            count = DEEPEST if step == 1 else FINE
            tails = np.exp2(-np.minimum(depth + step * np.arange(count), DEEPEST))
            level = 1 - tails if is_upper else tails
            level = np.clip(level, 2.0**-53, 1 - 2.0**-53)
            found = draw_enclosure(draw, field, level, level, wide, self._words, None)
            if found is None:
                return 1.0
            clear = found.high < end if is_upper else found.low > end
            clear = np.logical_or(clear, np.logical_not(found.can_value))
            clear = np.broadcast_to(clear, np.broadcast_shapes(np.shape(clear), level.shape))
            # as far as it is clear without a gap
            steps = np.cumprod(clear, axis=-1).sum(axis=-1, keepdims=True) - 1
            depth = np.maximum(depth + step * np.maximum(steps, 0), 0.0)
            none = steps < 0
            if step == 1:
                nowhere = none
        result = np.where(nowhere, 1.0, np.exp2(-depth) * (1 + ROUNDING))[..., 0]
        return np.minimum(result, 1.0)


def _with_axis(found: Enclosure) -> Enclosure:
    def wide(value: Any) -> Any:
        return value if np.ndim(value) == 0 else np.asarray(value)[..., None]

    return Enclosure(
        wide(found.low),
        wide(found.high),
        wide(found.can_null),
        wide(found.can_value),
        found.vocabulary,
    )


def chance_in_boxes(
    demand: Demand, most: Floats, field: Field, value: Expr | None, boxes: Boxes
) -> float:
    """The most of a demand where rows meet it with chances up to `most`, by box.

    `field` says how many rows there are, `value` where that is derived.
    """
    if demand.high < inf and not demand.is_all:
        return 1.0
    found: Enclosure | None
    if value is not None:
        found = _with_axis(boxes.enclosed(value))
        masses = np.ones(1)
    else:
        assert field.draw is not None
        masses = np.diff(LEVELS)
        known = {n: _with_axis(e) for n, e in boxes.known.items()}
        levels = np.clip(LEVELS, 2.0**-53, 1 - 2.0**-53)
        found = draw_enclosure(field.draw, field, levels[:-1], levels[1:], known, boxes.words, None)
    if found is None:
        return 1.0
    number = np.maximum(found.low if demand.is_all else found.high, 0.0)
    is_bounded = np.isfinite(number)
    with np.errstate(invalid="ignore"):
        odds = chance_of(
            np.where(is_bounded, number, 1.0),
            most[..., None],
            demand.low,
            demand.high,
            is_all=demand.is_all,
        )
    odds = np.where(is_bounded, odds, 1.0)
    return min(1.0, float((odds * masses).sum(axis=-1).max()) * (1 + ROUNDING))
