"""Samplers that take values from elsewhere: expressions, lookups, providers."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthdsl.engine.evaluate import evaluate, evaluate_column
from synthdsl.engine.frame import Frame, Record, RowError
from synthdsl.engine.lookup_index import LookupIndex, index_of
from synthdsl.engine.results import filled
from synthdsl.engine.samplers import BlockDraws, Context, Sampler, row_error, taken
from synthdsl.model.draws import FixedDraw, LookupDraw, ProviderDraw
from synthdsl.model.expressions import Constant, Expr, as_arguments
from synthdsl.values.columns import Column, both_valid
from synthdsl.values.types import ORDERED, Kind


class Fixed(Sampler):
    """The value of an expression, without chance."""

    def __init__(self, draw: FixedDraw, context: Context) -> None:
        self._value = context.simplify(draw.value)
        # a constant takes the type of the field
        self._typed = Constant(context.field.type, context.field.span, None)
        self._is_ordered = context.field.type.kind in ORDERED
        self._grid = context.grid

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """The value on the grid of the field."""
        column = filled(evaluate(self._value, frame), frame.rows, self._typed)
        if self._is_ordered:
            return Column(self._grid.round(np.asarray(column.values)), column.valid)
        return column


class FixedWithin(Sampler):
    """A fixed value under a truncation: possible only where it lies inside."""

    def __init__(self, draw: FixedDraw, low: Expr, high: Expr, context: Context) -> None:
        self._fixed = Fixed(draw, context)
        self._bounds = (low, high)
        self._span = draw.span

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """The value; raises `RowError` for a row where it lies outside."""
        column = self._fixed.sample(frame, draws)
        low, high = (evaluate(bound, frame) for bound in self._bounds)
        with np.errstate(invalid="ignore"):
            outside = (column.values < low.values) | (column.values > high.values)
        if column.valid is not None:
            outside = outside & column.valid
        if outside.any():
            row = int(np.flatnonzero(outside)[0])
            raise RowError(
                "row-value",
                self._span,
                f"row {int(frame.ordinals[row])}: "
                f"the fixed value {column.values[row]} lies outside its interval",
                "widen the interval",
            )
        return column


class LookupSampler(Sampler):
    """A weighted row of a lookup, given its keys."""

    def __init__(self, draw: LookupDraw, context: Context) -> None:
        self._draw = draw
        self._context = context
        self._index: LookupIndex = index_of(
            draw.lookup, tuple(k.type.nullable(False) for k in draw.keys)
        )

    def sample(self, frame: Frame, draws: BlockDraws) -> Column | Record:
        """The drawn row's cell, or the used cells of a record."""
        keys = [evaluate_column(key, frame) for key in self._draw.keys]
        groups, valid = self._groups(keys, frame)
        assert self._index.chooser is not None
        rows = self._index.chooser.choose(draws.bits(), groups)
        field = self._context.field
        if self._draw.column is not None:
            return taken(self._index.column(self._draw.column, field.type), rows, valid)
        return {
            name: taken(self._index.column(name, type_), rows, valid)
            for name, type_ in field.type.parts
            if name in self._context.parts
        }

    def _groups(self, keys: list[Column], frame: Frame) -> tuple[Any, Any]:
        if not keys:
            return None, None
        groups, found = self._index.groups(keys)
        if found is None:
            return groups, None
        given = None
        for key in keys:
            given = both_valid(given, key.valid)
        missing = ~found if given is None else ~found & given
        if missing.any():
            row = int(np.flatnonzero(missing)[0])
            raise row_error(
                self._draw.span,
                frame,
                row,
                f"lookup `{self._draw.lookup.name}` has no row for "
                f"{self._index.key_text(keys, row)}",
                f"add it to {self._draw.lookup.source.name}",
            )
        return groups, given


class ProviderSampler(Sampler):
    """A provider's draw."""

    def __init__(self, draw: ProviderDraw, context: Context) -> None:
        self._draw = draw
        self._context = context
        self._arguments = [context.simplify(a) for a in draw.arguments]
        self._prepared = draw.provider.prepare(*as_arguments(draw.arguments))
        self._has_parts = (
            context.field.type.kind is Kind.RECORD
            and "parts" in draw.provider.draw.__code__.co_varnames
        )

    def sample(self, frame: Frame, draws: BlockDraws) -> Column | Record:
        """What the provider draws, given this block's arguments."""
        values = [
            a.value if isinstance(a, Constant) else evaluate_column(a, frame)
            for a in self._arguments
        ]
        if self._has_parts:
            return self._draw.provider.draw(
                draws, self._prepared, *values, parts=self._context.parts
            )  # type: ignore[call-arg]
        return self._draw.provider.draw(draws, self._prepared, *values)
