"""Samplers made of others: mixtures, and draws by the first branch that is true."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.choices import Chooser
from synthdsl.engine.evaluate import evaluate_column
from synthdsl.engine.frame import Frame, Record, RowError, scatter
from synthdsl.engine.lookup_index import raw_column
from synthdsl.engine.masses import Mass, masses_inside
from synthdsl.engine.results import filled_mask
from synthdsl.engine.rewriting import branch_number
from synthdsl.engine.samplers import BlockDraws, Context, NullDraw, Sampler, in_vocabulary, taken
from synthdsl.engine.weight_samplers import (
    choose_by_shares,
    constant_shares,
    row_shares,
    shares_inside,
)
from synthdsl.model.draws import (
    CategoricalDraw,
    ChooseDraw,
    DrawNode,
    FixedDraw,
    LookupDraw,
    MixtureDraw,
)
from synthdsl.model.expressions import Constant
from synthdsl.values.arrays import repeated
from synthdsl.values.columns import Column, Vocabulary, both_valid

WeightedValues = tuple[list[Any], NDArray[np.float64]]
"""Outcomes, None for null, and the weight of each."""


class Mixture(Sampler):
    """Weighted components, each with its sampler; `masses` are theirs inside a truncation."""

    def __init__(
        self,
        draw: MixtureDraw,
        samplers: list[Sampler],
        context: Context,
        masses: list[Mass] | None = None,
    ) -> None:
        self._samplers = samplers
        self._masses = masses
        # a mixture within a mixture chooses by a uniform of its own
        self._purpose = f"component{context.depth or ''}"
        self._weights = [None if w is None else context.simplify(w) for w in draw.weights]
        self._span = draw.span

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """For each row a draw of one component."""
        shares, valid = row_shares(self._weights, frame, self._span)
        if self._masses is not None:
            shares, valid = self._inside(shares, valid, frame)
        number = choose_by_shares(shares, draws.uniform(self._purpose))
        if valid is not None:
            number[~valid] = -1
        column = draw_by_branch(self._samplers, number, frame, draws)
        assert isinstance(column, Column)
        return Column(column.values, both_valid(column.valid, valid), column.vocabulary)

    def _inside(self, shares: list[Any], valid: Any, frame: Frame) -> tuple[list[Any], Any]:
        """Shares given that the value lies inside the bounds, and where neither bound and not
        every component is null.
        """
        assert self._masses is not None
        inside, known = masses_inside(shares, self._masses, frame)
        valid = filled_mask(both_valid(valid, known), frame.rows)
        return shares_inside(inside, valid, frame, self._span, "no component falls"), valid


class Impossible(Sampler):
    """A component without mass inside the mixture's bounds: no row comes to it."""

    def __init__(self, error: RowError, context: Context) -> None:
        self._error = error
        self._context = context

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """Raises the error for any row at all."""
        if frame.rows:
            raise self._error
        return NullDraw(self._context).sample(frame, draws)


class Branches(Sampler):
    """Draws by branch: each row from the first branch whose condition is true."""

    def __init__(self, draw: ChooseDraw, samplers: list[Sampler], context: Context) -> None:
        self._samplers = samplers
        self._number = context.simplify(branch_number(draw))

    def sample(self, frame: Frame, draws: BlockDraws) -> Column | Record:
        """For each row a draw of its branch."""
        number = evaluate_column(self._number, frame).values
        return draw_by_branch(self._samplers, number, frame, draws)


class GroupedChoice(Sampler):
    """Constant weights by branch: one choice, whose group is the branch."""

    def __init__(self, draw: ChooseDraw, groups: list[WeightedValues], context: Context) -> None:
        self._number = context.simplify(branch_number(draw))
        self._chooser = Chooser([weights for _, weights in groups])
        outcomes = [value for values, _ in groups for value in values]
        self._outcomes = in_vocabulary(raw_column(outcomes, context.field.type), context)

    def sample(self, frame: Frame, draws: BlockDraws) -> Column:
        """An outcome of each row's branch."""
        number = evaluate_column(self._number, frame).values
        return taken(self._outcomes, self._chooser.choose(draws.bits(), number))


def weighted_values(draw: DrawNode) -> WeightedValues | None:
    """The outcomes of a draw with constant weights; None where it is another kind of draw."""
    if isinstance(draw, CategoricalDraw) and all(
        w is None or isinstance(w, Constant) for w in draw.weights
    ):
        return list(draw.outcomes), constant_shares(draw.weights)
    if isinstance(draw, LookupDraw) and not draw.keys and draw.column is not None:
        return list(draw.values), np.asarray(draw.lookup.weights, np.float64)
    if isinstance(draw, FixedDraw) and isinstance(draw.value, Constant):
        return [draw.value.value], np.ones(1)
    return None


def draw_by_branch(
    samplers: list[Sampler], number: NDArray[Any], frame: Frame, draws: BlockDraws
) -> Column | Record:
    """For each row a draw of the sampler with its number, each on its own rows."""
    parts: list[tuple[NDArray[np.int64], Column | Record]] = []
    for branch, sampler in enumerate(samplers):
        rows = np.flatnonzero(number == branch)
        if rows.size == frame.rows:
            return sampler.sample(frame, draws)
        if rows.size or (branch == len(samplers) - 1 and not parts):
            parts.append((rows, sampler.sample(frame.some(rows), draws.at(rows))))
    first = parts[0][1]
    if isinstance(first, dict):
        return {
            name: _gathered([(at, _part(p, name)) for at, p in parts], frame.rows) for name in first
        }
    return _gathered([(at, p) for at, p in parts if isinstance(p, Column)], frame.rows)


def _part(record: Column | Record, name: str) -> Column:
    if isinstance(record, dict):
        return record[name]
    # a null branch among records
    return Column(np.zeros(len(record), np.int32), record.valid, Vocabulary(("",)))


def _gathered(parts: list[tuple[NDArray[np.int64], Column]], rows: int) -> Column:
    result = _blank(parts[0][1], rows)
    for at, part in parts:
        result = scatter(result, at, part)
    return result


def _blank(like: Column, rows: int) -> Column:
    """Any column of the right kind: every row is replaced later."""
    if like.is_arrow:
        return Column(repeated("", rows))
    values = np.zeros((rows, *like.values.shape[1:]), like.values.dtype)
    return Column(values, None, like.vocabulary)
