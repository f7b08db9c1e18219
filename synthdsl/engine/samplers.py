"""Typed draws as samplers: objects made once per plan that draw a column for a block."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.frame import Frame, Record, RowError
from synthdsl.engine.grid import Grid
from synthdsl.model.expressions import Expr
from synthdsl.model.spec import Field
from synthdsl.source import Span
from synthdsl.values.columns import Column, Vocabulary, both_valid
from synthdsl.values.draws import Draws

Simplify = Callable[[Expr], Expr]


class BlockDraws(Draws, Protocol):
    """Draws that can be restricted to rows and split into named parts."""

    def at(self, rows: NDArray[np.int64]) -> BlockDraws:
        """The draws of some of the rows."""
        ...

    def named(self, part: str) -> BlockDraws:
        """Independent draws of a part of the field."""
        ...


class Sampler:
    """Draws a field's raw values, on its grid, for a frame."""

    def sample(self, frame: Frame, draws: BlockDraws) -> Column | Record:
        """One value a row."""
        raise NotImplementedError


class Context:
    """What compiling a field's draw needs to know.

    `simplify` tabulates expressions; `by_level` asks for samplers that are increasing in the
    field's one uniform (for correlations); `parts` are the used parts of a record;
    `rows` is the size of the table; `targets` gives the `TargetRows` of a table by its name.
    """

    def __init__(
        self,
        field: Field,
        simplify: Simplify,
        *,
        vocabulary: Vocabulary | None,
        parts: frozenset[str],
        by_level: bool,
        rows: int = 0,
        targets: Callable[[str], Any] | None = None,
    ) -> None:
        self.field = field
        self.grid = Grid.of(field)
        self.simplify = simplify
        self.vocabulary = vocabulary
        self.parts = parts
        self.by_level = by_level
        self.rows = rows
        self.targets = targets
        self.depth = 0

    def inside_mixture(self) -> Context:
        """The context of a mixture's components, whose own mixtures choose independently."""
        inner = copy(self)
        inner.depth += 1
        return inner


class NullDraw(Sampler):
    """A draw with a null parameter."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """Null in every row."""
        grid = self._context.grid
        dtype = np.bool_ if grid.is_bool else np.int64 if grid.is_whole else np.float64
        return Column(np.zeros(frame.rows, dtype), np.zeros(frame.rows, np.bool_))


def in_vocabulary(column: Column, context: Context) -> Column:
    """Coded text in the field's own vocabulary, where it has one."""
    if context.vocabulary is None or column.vocabulary is None:
        return column
    codes = np.array(
        [context.vocabulary.codes.get(w, 0) for w in column.vocabulary.words], np.int32
    )
    return Column(
        codes[column.values] if len(codes) else column.values, column.valid, context.vocabulary
    )


def taken(column: Column, rows: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> Column:
    """Rows of a column of outcomes, null where not `valid`."""
    values = column.values.take(rows)
    own = None if column.valid is None else column.valid.take(rows)
    return Column(values, both_valid(own, valid), column.vocabulary)


def row_error(
    span: Span, frame: Frame, row: int, message: str, help: str | None = None
) -> RowError:
    """The error about one row of a frame."""
    return RowError(
        "row-value", span, f"row {int(frame.ordinals[row])} of `{frame.table}`: {message}", help
    )
