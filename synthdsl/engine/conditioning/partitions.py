"""Where to cut the base uniforms of fields, so that rules are decided inside most cells.

Cuts decide how often a proposal is accepted, never what is accepted: any partition is exact.
The levels at which a field passes a value are found by bisection of its own sampler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from math import ceil, floor, isfinite

import numpy as np
from numpy.typing import NDArray

from synthdsl.distributions.base import Distribution
from synthdsl.engine.lookup_index import index_of
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
from synthdsl.model.expressions import Constant
from synthdsl.model.spec import Field
from synthdsl.values.types import ORDERED, Kind

Levels = NDArray[np.float64]
Slice = Callable[[Levels, NDArray[np.int64]], NDArray[np.float64] | None]
"""Raw values of a field at uniforms of its own, each given the parents of one row; None where
the field has no numbers."""
FieldAt = Callable[[str, Mapping[str, Levels], int], Slice]
"""A field where the base uniforms of its parents are given, of so many rows."""
Memory = dict[tuple[object, ...], tuple[list[float], list[float]]]
"""Cuts by what decides them."""

TAILS = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
EXACT, ROUGH = 2.0**-53, 2.0**-20
"""To what a level is found: to the last bit where conditions change, roughly elsewhere."""
FEW = 48
"""Values of a field that each get a cell."""
COMBINATIONS = 24
"""Combinations of parents for which levels are looked for."""
SEARCHED = 2_048
"""Values that are looked at in one step of a search for levels."""
LEAST = 2.0**-52


def is_cut(draw: DrawNode) -> bool:
    """Whether a draw follows from one uniform, so that its uniform can be cut."""
    if isinstance(draw, Truncated):
        return is_cut(draw.draw)
    if isinstance(draw, ChooseDraw):
        parts = (*(d for _, d in draw.branches), draw.otherwise)
        return all(is_cut(d) for d in parts)
    if isinstance(draw, DistributionDraw):
        return isinstance(draw.distribution, Distribution)
    if isinstance(draw, LookupDraw):
        return draw.column is not None
    return isinstance(draw, CategoricalDraw | FixedDraw)


def outcome_cuts(draw: DrawNode, field: Field) -> list[float]:
    """Levels at which a draw of weighted outcomes passes from one to the next."""
    if isinstance(draw, Truncated):
        return outcome_cuts(draw.draw, field)
    if isinstance(draw, ChooseDraw):
        return [
            c
            for d in (*(d for _, d in draw.branches), draw.otherwise)
            for c in outcome_cuts(d, field)
        ]
    if isinstance(draw, CategoricalDraw):
        if not all(w is None or isinstance(w, Constant) for w in draw.weights):
            return [i / 16 for i in range(1, 16)]
        shares = constant_shares(draw.weights)
        order = sorted(
            range(len(shares)), key=lambda i: (draw.outcomes[i] is None, draw.outcomes[i])
        )
        return [float(c) for c in np.cumsum(shares[order])[:-1]]
    if isinstance(draw, LookupDraw):
        return _lookup_cuts(draw)
    return []


def _lookup_cuts(draw: LookupDraw) -> list[float]:
    index = index_of(draw.lookup, tuple(k.type.nullable(False) for k in draw.keys))
    weights = np.asarray(draw.lookup.weights, np.float64)[index.order]
    group = index.group_of_row[index.order]
    cuts: list[float] = []
    for number in range(min(int(group.max(initial=0)) + 1, 16)):
        own = weights[group == number]
        cuts += (np.cumsum(own) / own.sum())[:-1].tolist()
    return cuts


class Cutter:
    """Cuts the uniforms of fields, one after the other, parents first.

    `field_at` evaluates a field at given uniforms. `known` keeps what was found for later
    cutters of the same fields.
    """

    def __init__(self, fields: Mapping[str, Field], field_at: FieldAt, known: Memory) -> None:
        self._fields = fields
        self._field_at = field_at
        self._known = known
        self._cuts: dict[str, Levels] = {}
        self._found: dict[str, tuple[list[float], list[float]]] = {}

    def cut(
        self,
        name: str,
        parents: Sequence[str],
        values: Iterable[float],
        *,
        decided_by: Iterable[str],
        most: int,
        is_fine: bool,
    ) -> Levels:
        """Edges of the cells of a field's uniform, 0 and 1 included: at most `most` cells.

        `parents` are the cut fields on which it depends; `decided_by` is all fields that it is
        computed from, itself included. `values` are raw values at which conditions change;
        `is_fine` asks for cells all over.
        """
        places = tuple(sorted(set(values)))
        fields = tuple(self._fields[other] for other in sorted(decided_by))
        given = tuple((parent, self._cuts[parent].tobytes()) for parent in parents)
        key = (name, fields, given, places, most, is_fine)
        if key not in self._known:
            self._known[key] = self._search(name, parents, list(places), most, is_fine=is_fine)
        self._found[name] = self._known[key]
        return self.coarsened(name, most)

    def _search(
        self, name: str, parents: Sequence[str], values: list[float], most: int, *, is_fine: bool
    ) -> tuple[list[float], list[float]]:
        """Cuts that are needed, and further ones that are useful."""
        field = self._fields[name]
        assert field.draw is not None
        needed = outcome_cuts(field.draw, field)
        useful: list[float] = []
        if field.type.kind in ORDERED or field.type.kind is Kind.BOOL:
            needed += self._levels_of(name, parents, values, most, EXACT)
            if is_fine:
                useful = self._fine_cuts(name, parents, most)
        return needed, useful

    def coarsened(self, name: str, most: int) -> Levels:
        """At most `most` cells of a field that has been cut."""
        needed, useful = self._found[name]
        edges = self._cuts[name] = _edges(needed, useful, most)
        return edges

    def refined(self, name: str, edges: Levels, weights: Levels, most: int) -> Levels:
        """About `most` cells, of which each of the cells between `edges` gets its share by
        weight; those at the ends of the unit interval are divided towards the end.
        """
        needed, _ = self._found[name]
        shares = np.floor(most * weights / weights.sum()).astype(int)
        useful: list[float] = []
        for low, high, count in zip(edges[:-1], edges[1:], shares.tolist(), strict=True):
            if count < 2:
                useful += [low, high] if count else []
                continue
            useful += [low, high]
            if high == 1.0:
                useful += (1 - (1 - low) * 2.0 ** -np.arange(1, count)).tolist()
            elif low == 0.0:
                useful += (high * 2.0 ** -np.arange(1, count)).tolist()
            else:
                useful += np.linspace(low, high, count + 1).tolist()
        # unlike at first, the smallest cells are those that matter most
        result = self._cuts[name] = _joined([*needed, *useful])
        return result

    def _fine_cuts(self, name: str, parents: Sequence[str], most: int) -> list[float]:
        """Cuts all over: one for each value where these are few, else by levels and by values."""
        middle = self._field_at(name, {parent: np.array([0.5]) for parent in parents}, 1)
        few = self._few(name, middle)
        if few:
            return self._levels_of(name, parents, few, most, EXACT)
        share = max(most // 2, 2)
        cuts = (np.arange(1, share) / share).tolist()
        if most > 24:
            cuts += [*TAILS, *(1 - t for t in TAILS)]
        spread = _spread(middle, share)
        # on a grid a cell should end where a value does
        accuracy = ROUGH if self._fields[name].step is None else EXACT
        return [*cuts, *self._levels_of(name, parents, spread, most, accuracy)]

    def _given(self, parents: Sequence[str], rows: int) -> dict[str, Levels]:
        """Typical uniforms of the parents: the middles of cells, evenly chosen."""
        rng = np.random.Generator(np.random.Philox(20))
        given = {}
        for parent in parents:
            edges = self._cuts[parent]
            middles = (edges[1:] + edges[:-1]) / 2
            if rows == 1:
                given[parent] = np.array([0.5])
                continue
            weights = np.sqrt(np.diff(edges))
            chosen = np.linspace(0, 1, rows, endpoint=False) + 0.5 / rows
            at = np.searchsorted(np.cumsum(weights) / weights.sum(), chosen)
            given[parent] = rng.permutation(middles[np.minimum(at, len(middles) - 1)])
        return given

    def _few(self, name: str, field: Slice) -> list[float]:
        """The values of a field between its far quantiles, where they are few."""
        step = self._fields[name].step
        ends = _at(field, 1e-7, 1 - 1e-7)
        if step is None or ends is None:
            return []
        count = (ends[1] - ends[0]) / float(step)
        if not count <= FEW:
            return []
        return [ends[0] + float(step) * i for i in range(round(count) + 1)]

    def _levels_of(
        self, name: str, parents: Sequence[str], values: list[float], most: int, accuracy: float
    ) -> list[float]:
        """The levels below which the field is less than, and at most, each value, for several
        values of the parents; each interval that holds one is divided until it is small.
        """
        values = _borders(values, self._fields[name].step)
        if not values:
            return []
        combinations = 1 if not parents else max(1, min(COMBINATIONS, most // len(values)))
        field = self._field_at(name, self._given(parents, combinations), combinations)
        target = np.tile(values, combinations)[:, None]
        rows = len(target)
        parts = max(2, min(64, SEARCHED // rows))
        row = np.repeat(np.arange(combinations), len(values) * (parts - 1))
        low, width = np.zeros(rows), 1.0
        while width > accuracy:
            width /= parts
            inner = low[:, None] + width * np.arange(1, parts)
            found = field(np.clip(inner, LEAST, 1 - LEAST).reshape(-1), row)
            if found is None:
                return []
            low += width * (found.reshape(inner.shape) < target).sum(axis=1)
        return [float(x) for x in low + width]


def _at(field: Slice, *levels: float) -> list[float] | None:
    """A field's values at levels, given its first row of parents."""
    found = field(np.array(levels), np.zeros(len(levels), np.int64))
    return None if found is None else [float(x) for x in found]


def _spread(field: Slice, count: int) -> list[float]:
    """Values evenly between the quantiles that hold nearly all."""
    ends = _at(field, 5e-4, 1 - 5e-4)
    if ends is None or not ends[1] > ends[0]:
        return []
    return [float(x) for x in np.linspace(ends[0], ends[1], max(count, 2))]


def _borders(values: Iterable[float], step: Fraction | None) -> list[float]:
    """What a field is compared with to tell values below each of `values` from it and from those
    above; on a grid, both lie halfway between its values.
    """
    finite = [value for value in values if isfinite(value)]
    if step is None:
        return finite
    width = float(step)
    places = [value / width for value in finite]
    below = {ceil(place - 1e-6) - 1 for place in places} | {floor(p + 1e-6) for p in places}
    return [(place + 0.5) * width for place in sorted(below)]


def _edges(needed: Iterable[float], useful: Iterable[float], most: int) -> Levels:
    """Edges of at most `most` cells from the cuts, needed ones before useful ones."""
    edges = _thinned(_joined(needed), most, None)
    kept = set(edges.tolist())
    return _thinned(_joined([*kept, *useful]), most, kept)


def _joined(cuts: Iterable[float]) -> Levels:
    """Edges from cuts in any order; cells too small for a uniform are closed."""
    edges = [0.0]
    for cut in sorted({c for c in cuts if 4 * LEAST < c < 1 - 4 * LEAST}):
        if cut - edges[-1] > 4 * LEAST:
            edges.append(cut)
    return np.array([*edges, 1.0])


def _thinned(edges: Levels, most: int, kept: set[float] | None) -> Levels:
    """At most `most` cells: those are joined whose cut tells least, `kept` cuts excepted."""
    while len(edges) - 1 > most:
        widths = np.diff(edges)
        loss = widths[1:] * widths[:-1] / (widths[1:] + widths[:-1])
        if kept is not None:
            loss[[edge in kept for edge in edges[1:-1].tolist()]] = np.inf
        gone: set[int] = set()
        for cut in np.argsort(loss, kind="stable").tolist():
            # not two neighbours at once: what the second tells depends on the first
            if np.isfinite(loss[cut]) and not {cut - 1, cut + 1} & gone:
                gone.add(cut)
            if len(edges) - 1 - len(gone) <= most:
                break
        if not gone:
            break
        edges = np.delete(edges, [cut + 1 for cut in gone])
    return edges
