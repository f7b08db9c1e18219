"""Pigeonholes: how many rows can differ in a field, in a key, in a draw without repetition."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from fractions import Fraction

from synthdsl.model.domains import draw_bounds, vocabulary_of
from synthdsl.model.draws import (
    CategoricalDraw,
    ChooseDraw,
    DrawNode,
    FixedDraw,
    KeyedDraw,
    LookupDraw,
    MixtureDraw,
    ProviderDraw,
    QuotaDraw,
    UniqueDraw,
    inner_draws,
)
from synthdsl.model.expressions import (
    Above,
    Apply,
    Constant,
    FieldRef,
    FileColumn,
    MachineColumn,
    Neighbour,
    Part,
    Referred,
    Related,
    RowIndex,
    as_arguments,
    fields_read,
    walk,
)
from synthdsl.model.findings import Findings
from synthdsl.model.sharing import settled_fields
from synthdsl.model.spec import Field, Spec, Table
from synthdsl.values.types import Kind

_DIFFERING = (RowIndex, Part, Above, Related, Neighbour, Referred, MachineColumn)
DEEPEST_LOOK = 20
"""Fields derived from fields derived from …: how far back values are counted."""


def check_capacity(spec: Spec, findings: Findings) -> None:
    """Unique draws and keys have at least as many values as their table has rows."""
    for table in spec.tables.values():
        check_capacity_for(table, table.rows, findings)


def check_capacity_for(table: Table, rows: int, findings: Findings) -> None:
    """What must differ between the rows of `table` can, for its first `rows` rows."""
    for field in table.fields.values():
        for draw in inner_draws(field.draw) if field.draw is not None else ():
            if isinstance(draw, ProviderDraw) and draw.provider.is_unique:
                _check_pattern(draw, field, rows, findings)
            elif isinstance(draw, UniqueDraw) and len(draw.values) < rows:
                findings.report(
                    "capacity",
                    draw.span,
                    f"`{field.name}` has {len(draw.values):,} distinct values, "
                    f"the table {rows:,} rows",
                    "draw from a wider range",
                )
            elif isinstance(draw, QuotaDraw) and rows > table.rows:
                findings.report(
                    "capacity",
                    draw.span,
                    f"the numbers of `{field.name}` are for {table.rows:,} rows, not for {rows:,}",
                    "change the size of the table itself, best by a parameter and `--set`",
                )
    _check_key(table, rows, findings)


def _check_pattern(draw: ProviderDraw, field: Field, rows: int, findings: Findings) -> None:
    capacity = draw.provider.capacity(*as_arguments(draw.arguments))
    if capacity is not None and capacity < rows:
        findings.report(
            "capacity",
            draw.span,
            f"`{field.name}` has {capacity:,} distinct values, the table {rows:,} rows",
            f"lengthen the pattern to {len(str(max(rows - 1, 1)))} digits or more",
        )


def _check_key(table: Table, rows: int, findings: Findings) -> None:
    """A key can differ in as many rows as there are."""
    names = [name for name in table.key if name in table.fields]
    if not names or len(names) < len(table.key):
        return  # `index` differs in every row
    counts = ValueCounts(table)
    counted = {name: counts.of(name) for name in _deciding(names, table)}
    known = {name: count for name, count in counted.items() if count is not None}
    capacity = math.prod(known.values())
    if len(known) < len(counted) or capacity >= rows:
        return
    last = table.fields[list(counted)[-1]]
    product = " x ".join(f"{count:,}" for count in known.values())
    arithmetic = f"{product} = {capacity:,}" if len(known) > 1 else f"{capacity:,}"
    settled = [f"`{name}`" for name in names if name not in counted]
    key = names[0] if len(names) == 1 else f"({', '.join(names)})"
    findings.report(
        "capacity",
        table.key_span or last.name_span,
        f"`{key}` has at most {arithmetic} distinct values, the table {rows:,} rows: it is no key",
        "add a field to the key that tells rows apart, such as a `unique` draw, or draw "
        f"`{last.name}` from more values",
        notes=(f"{', '.join(settled)} adds nothing: the other fields settle it",)
        if settled
        else (),
    )


def _deciding(names: list[str], table: Table) -> list[str]:
    """The fields of a key without those that the others settle."""
    left = list(names)
    if table.masks:
        return left  # a masked value is not what settles others, nor what others settle
    for name in reversed(names):
        others = [other for other in left if other != name]
        given = [FieldRef(table.fields[o].type, table.fields[o].span, o) for o in others]
        if others and name in settled_fields(given, table):
            left = others
    return left


class ValueCounts:
    """How many values fields of `table` may have, null among them, at most."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._known: dict[str, int | None] = {}

    def of(self, name: str, depth: int = 0) -> int | None:
        """At most so many values occur in the field; None where that is not known."""
        if name not in self._known:
            field = self._table.fields[name]
            bounds = [_type_values(field)]
            if depth < DEEPEST_LOOK:
                bounds.append(
                    self._derived(field, depth)
                    if field.draw is None
                    else self._drawn(field.draw, field, depth)
                )
            known = [bound for bound in bounds if bound is not None]
            self._known[name] = min(known) + (name in self._table.masks) if known else None
        return self._known[name]

    def _together(self, names: Iterable[str], depth: int) -> int | None:
        """At most so many combinations of values."""
        return _whole(math.prod, [self.of(name, depth + 1) for name in names])

    def _derived(self, field: Field, depth: int) -> int | None:
        value = field.value
        assert value is not None
        if isinstance(value, FileColumn):
            return len(set(value.values))
        if any(isinstance(e, _DIFFERING) for e in walk(value)):
            return None
        bound = self._together(sorted(fields_read(value)), depth)
        words = vocabulary_of(value) if isinstance(value, Apply) else None
        if words is None:
            return bound
        few = len(words) + field.type.is_nullable
        return few if bound is None else min(few, bound)

    def _drawn(self, draw: DrawNode, field: Field, depth: int) -> int | None:
        """At most so many values of a draw; a sum over the draws it is made of."""
        if isinstance(draw, KeyedDraw):
            bounds = [self._drawn(draw.draw, field, depth)]
            if all(isinstance(d, FieldRef) for d in draw.determinants):
                names = [d.field for d in draw.determinants if isinstance(d, FieldRef)]
                bounds.append(self._together(names, depth))
            return min((n for n in bounds if n is not None), default=None)
        if isinstance(draw, ChooseDraw | MixtureDraw):
            parts = (
                draw.components
                if isinstance(draw, MixtureDraw)
                else (*(d for _, d in draw.branches), draw.otherwise)
            )
            return _whole(sum, [self._drawn(part, field, depth) for part in parts])
        return _draw_values(draw, field)


def _whole(join: Callable[[list[int]], int], counts: list[int | None]) -> int | None:
    """`counts` joined; None where one is not known."""
    known = [count for count in counts if count is not None]
    return join(known) if len(known) == len(counts) else None


def _type_values(field: Field) -> int | None:
    if field.type.enum is not None:
        return len(field.type.enum.members) + field.type.is_nullable
    return 2 + field.type.is_nullable if field.type.kind is Kind.BOOL else None


def _draw_values(draw: DrawNode, field: Field) -> int | None:
    null = int(field.type.is_nullable)
    if isinstance(draw, UniqueDraw):
        return len(draw.values)
    if isinstance(draw, CategoricalDraw | QuotaDraw):
        return len(draw.outcomes)
    if isinstance(draw, FixedDraw):
        return 1 if isinstance(draw.value, Constant) else None
    if isinstance(draw, LookupDraw):
        return None if draw.column is None else len(set(draw.values)) + null
    if isinstance(draw, ProviderDraw):
        capacity = draw.provider.capacity(*as_arguments(draw.arguments))
        return None if capacity is None else capacity + null
    bounds, step = draw_bounds(draw), field.step
    if bounds is None or step is None:
        return None
    # both ends rounded to the field's grid
    low, high = (math.floor(Fraction(bound) / step + Fraction(1, 2)) for bound in bounds)
    return high - low + 1 + null
