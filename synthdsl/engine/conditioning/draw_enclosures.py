"""What a field's draw may give when its uniform and what it depends on lie in intervals.

The draws are those of the samplers that increase with their one uniform (`Context.by_level`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from synthdsl.engine.conditioning.distribution_enclosures import enclose_distribution
from synthdsl.engine.conditioning.enclosed_values import (
    Enclosure,
    Flags,
    RangeTable,
    both,
    either,
    recoded,
    union,
)
from synthdsl.engine.conditioning.enclosures import branches_taken, enclose, on_grid, simplified
from synthdsl.engine.conditioning.interval_arithmetic import Ends, as_floats
from synthdsl.engine.conditioning.lookup_enclosures import enclose_lookup_draw
from synthdsl.engine.conditioning.quantile_ends import LEAST_LEVEL, MOST_LEVEL
from synthdsl.engine.grid import Grid
from synthdsl.engine.lookup_index import raw_column
from synthdsl.engine.rewriting import narrower
from synthdsl.engine.weight_samplers import constant_shares
from synthdsl.model.draws import (
    CategoricalDraw,
    ChooseDraw,
    DistributionDraw,
    DrawNode,
    FixedDraw,
    LookupDraw,
    Truncated,
)
from synthdsl.model.expressions import Constant, Expr
from synthdsl.model.spec import Field
from synthdsl.values.columns import Vocabulary
from synthdsl.values.types import ORDERED, Kind

LEVEL_MARGIN = 2.0**-51
"""How close to a cell's end a level may be taken for one of the next: choices by weight look at
52 bits of the uniform.
"""


@dataclass(frozen=True)
class _Cell:
    """Where the field's uniform and the fields before it lie."""

    field: Field
    grid: Grid
    levels: Ends
    fields: Mapping[str, Enclosure]
    words: Mapping[str, Vocabulary]
    vocabulary: Vocabulary | None

    def enclose(self, expression: Expr) -> Enclosure:
        """What an expression over the fields may come to."""
        return enclose(expression, self.fields, self.words)


def draw_enclosure(
    draw: DrawNode,
    field: Field,
    low_level: Any,
    high_level: Any,
    fields: Mapping[str, Enclosure],
    words: Mapping[str, Vocabulary],
    vocabulary: Vocabulary | None,
) -> Enclosure | None:
    """What `draw` may give to `field` where its uniform lies between two levels and the fields
    that it reads lie in `fields`. None for draws with more than one uniform.

    Levels are those of base draws, in [2**-53, 1 - 2**-53]. For values in steps (grids, counts,
    outcomes) those within rounding of the interval's ends are left out, so that cells which end
    where a step does hold that step alone. Codes are those of `vocabulary`, where it is given.
    """
    if field.type.kind in (Kind.RECORD, Kind.LIST):
        return None
    levels = np.asarray(low_level, np.float64), np.asarray(high_level, np.float64)
    cell = _Cell(field, Grid.of(field), levels, fields, words, vocabulary)
    with np.errstate(all="ignore"):
        return _enclose(draw, cell)


def _enclose(draw: DrawNode, cell: _Cell) -> Enclosure | None:
    encloser = _ENCLOSERS.get(type(draw))
    return None if encloser is None else encloser(draw, cell)


def _distribution(
    draw: DistributionDraw, cell: _Cell, limits: tuple[Expr, Expr] | None = None
) -> Enclosure:
    parameters = [
        Enclosure.anything(can_null=False) if p.type.kind is Kind.LIST else cell.enclose(p)
        for p in draw.parameters
    ]
    bounds = None if limits is None else (cell.enclose(limits[0]), cell.enclose(limits[1]))
    return enclose_distribution(draw, cell.grid, cell.levels, parameters, bounds, limits)


def _truncated(draw: Truncated, cell: _Cell) -> Enclosure | None:
    inner = draw.draw
    limits = (draw.low, draw.high)
    if isinstance(inner, DistributionDraw):
        return _distribution(inner, cell, limits)
    if isinstance(inner, ChooseDraw):
        branches = tuple((c, Truncated(draw.span, d, *limits)) for c, d in inner.branches)
        otherwise = Truncated(draw.span, inner.otherwise, *limits)
        return _choose(ChooseDraw(draw.span, branches, otherwise), cell)
    if isinstance(inner, Truncated):
        return _truncated(narrower(inner, *limits), cell)
    if isinstance(inner, CategoricalDraw):
        return _categorical(inner, cell, limits)
    if isinstance(inner, FixedDraw):
        return _fixed_within(inner, cell, limits)
    return None


def _choose(draw: ChooseDraw, cell: _Cell) -> Enclosure | None:
    taken = branches_taken([cell.enclose(condition) for condition, _ in draw.branches])
    parts = []
    for is_taken, branch in zip(
        taken, [*(d for _, d in draw.branches), draw.otherwise], strict=True
    ):
        if is_taken is False:
            continue
        found = _enclose(branch, cell)
        if found is None:
            return None
        parts.append((is_taken, found))
    return union(parts)


def _fixed(draw: FixedDraw, cell: _Cell) -> Enclosure:
    found = cell.enclose(draw.value)
    if cell.field.type.kind in ORDERED:
        return on_grid(found, cell.grid)
    return _in_field_vocabulary(found, cell)


def _fixed_within(draw: FixedDraw, cell: _Cell, limits: tuple[Expr, Expr]) -> Enclosure:
    """A fixed value, which stops the run where it lies outside its bounds."""
    found = _fixed(draw, cell)
    low, high = (cell.enclose(limit) for limit in limits)
    first = np.where(low.can_value, low.low, -np.inf)
    last = np.where(high.can_value, high.high, np.inf)
    ends = np.maximum(found.low, first), np.minimum(found.high, last)
    can_lie = both(found.can_value, ends[0] <= ends[1])
    ends = np.minimum(*ends), np.maximum(*ends)
    return replace(found, low=ends[0], high=ends[1], can_value=can_lie)


def _in_field_vocabulary(found: Enclosure, cell: _Cell) -> Enclosure:
    if cell.vocabulary is None or found.vocabulary is None:
        return found
    return recoded(found, cell.vocabulary)


def _lookup(draw: LookupDraw, cell: _Cell) -> Enclosure | None:
    if draw.column is None:
        return None
    keys = [cell.enclose(key) for key in draw.keys]
    levels = _choice_levels(cell.levels)
    found = enclose_lookup_draw(draw.lookup, draw.keys, keys, draw.column, cell.field.type, levels)
    return _in_field_vocabulary(found, cell)


def _choice_levels(levels: Ends) -> Ends:
    """Levels well inside their cell, for choices by 52 bits."""
    low, high = levels
    first = np.where(low > LEAST_LEVEL, low + LEVEL_MARGIN, 0.0)
    last = np.where(high < MOST_LEVEL, high - LEVEL_MARGIN, MOST_LEVEL)
    middle = low + (high - low) / 2
    return np.where(first <= last, first, middle), np.where(first <= last, last, middle)


# weights


def _categorical(
    draw: CategoricalDraw, cell: _Cell, limits: tuple[Expr, Expr] | None = None
) -> Enclosure:
    order = sorted(
        range(len(draw.outcomes)), key=lambda i: (draw.outcomes[i] is None, draw.outcomes[i])
    )
    outcomes = [draw.outcomes[i] for i in order]
    weights = [draw.weights[i] for i in order]
    column = raw_column(outcomes, cell.field.type)
    vocabulary = column.vocabulary
    values = np.asarray(column.values, np.float64)
    if vocabulary is not None and cell.vocabulary is not None:
        codes = [cell.vocabulary.codes.get(word, 0) for word in vocabulary.words]
        values, vocabulary = np.array(codes, np.float64)[column.values], cell.vocabulary
    is_constant = all(w is None or isinstance(w, Constant) for w in weights)
    if is_constant:
        shares = constant_shares(tuple(weights))
        if limits is None:
            found = _of_shares(shares, values, column.valid, cell)
            return replace(found, vocabulary=vocabulary)
        if all(isinstance(limit, Constant) and limit.value is not None for limit in limits):
            low, high = (float(x.value) for x in limits if isinstance(x, Constant))
            inside = (values >= low) & (values <= high)
            if column.valid is not None:
                inside &= column.valid
            return _of_shares(shares * inside, values, column.valid, cell)
    found = _of_row_shares(weights, values, column.valid, cell, limits)
    return replace(found, vocabulary=vocabulary)


def _of_shares(shares: Any, values: Any, valid: Any, cell: _Cell) -> Enclosure:
    """Outcomes whose share of the unit interval meets the cell."""
    kept = np.flatnonzero(shares > 0)
    cumulated = np.cumsum(shares)[kept]
    cumulated = cumulated / cumulated[-1]
    table = RangeTable(values[kept], None if valid is None else valid[kept])
    first, last = (
        np.minimum(np.searchsorted(cumulated, level, side="right"), len(kept) - 1)
        for level in _choice_levels(cell.levels)
    )
    return table.between(first, last)


def _of_row_shares(
    weights: list[Expr | None],
    values: Any,
    valid: Any,
    cell: _Cell,
    limits: tuple[Expr, Expr] | None,
) -> Enclosure:
    """Outcomes whose enclosed share meets the cell; inside bounds, any that may lie there."""
    enclosed = [None if w is None else cell.enclose(w) for w in weights]
    can_null, can_value = _nulls(e for e in enclosed if e is not None)
    lows, highs = _share_ends(enclosed)
    starts = _start_ends(lows, highs, has_rest=any(w is None for w in weights))
    low_level, high_level = _choice_levels(cell.levels)
    bounds = None if limits is None else [cell.enclose(limit) for limit in limits]
    if bounds is not None:
        for bound in bounds:
            can_null, can_value = (
                either(can_null, bound.can_null), both(can_value, bound.can_value),
            )  # fmt: skip
    parts = []
    for i, value in enumerate(values):
        is_value = valid is None or bool(valid[i])
        is_possible: Flags = highs[i] > 0
        if bounds is not None:
            is_inside = (bounds[0].low <= value) & (value <= bounds[1].high) & is_value
            is_possible = both(is_possible, is_inside)
        else:
            # outcome i is drawn from its start up to the start of the next
            is_possible = both(is_possible, high_level >= starts[i][0])
            if i + 1 < len(values):
                is_possible = both(is_possible, low_level <= starts[i + 1][1])
        end = np.array(value)
        outcome = Enclosure(end, end) if is_value else Enclosure.nothing()
        parts.append((simplified(both(is_possible, can_value)), outcome))
    return union(parts).with_null(can_null)


def _nulls(enclosures: Any) -> tuple[Flags, Flags]:
    can_null: Flags = False
    can_value: Flags = True
    for enclosure in enclosures:
        can_null = either(can_null, enclosure.can_null)
        can_value = both(can_value, enclosure.can_value)
    return can_null, can_value


def _share_ends(enclosed: list[Enclosure | None]) -> tuple[list[Any], list[Any]]:
    """Ends of each outcome's share; what rows with shares outside [0, 1] would be stops them."""
    known = [
        None if e is None else tuple(np.clip(x, 0.0, 1.0) for x in as_floats((e.low, e.high)))
        for e in enclosed
    ]
    least = sum(pair[0] for pair in known if pair is not None)
    most = sum(pair[1] for pair in known if pair is not None)
    rest = (np.clip(1.0 - most, 0.0, 1.0), np.clip(1.0 - least, 0.0, 1.0))
    pairs = [rest if pair is None else pair for pair in known]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _start_ends(lows: list[Any], highs: list[Any], *, has_rest: bool) -> list[Ends]:
    """Ends of what is cumulated before each outcome, from the shares on either side of it.

    With a `rest` shares total 1 to rounding, without to 1e-9.
    """
    error = 1e-9 + 1e-12 if not has_rest else 1e-9
    starts = []
    for i in range(len(lows)):
        before = sum(lows[:i]), sum(highs[:i])
        after = sum(lows[i:]), sum(highs[i:])
        low = np.maximum(before[0], 1 - after[1] - error) - 2.0**-50
        high = np.minimum(before[1], 1 - after[0] + error) + 2.0**-50
        starts.append((low, high))
    return starts


_ENCLOSERS: dict[type, Callable[[Any, _Cell], Enclosure | None]] = {
    FixedDraw: _fixed,
    DistributionDraw: _distribution,
    CategoricalDraw: _categorical,
    ChooseDraw: _choose,
    LookupDraw: _lookup,
    Truncated: _truncated,
}
