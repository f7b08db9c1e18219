"""Typed draws: what stands after `~`, resolved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from synthdsl.distributions.base import Distribution, Form
from synthdsl.model.expressions import Expr, fields_read
from synthdsl.providers.base import Provider
from synthdsl.source import Span


@dataclass(frozen=True, eq=False, repr=False)
class DrawNode:
    """A source of random values."""

    span: Span

    @property
    def needs_siblings(self) -> bool:
        """Whether rows under one parent are drawn together."""
        return False


@dataclass(frozen=True, eq=False, repr=False)
class FixedDraw(DrawNode):
    """One value, without chance: a branch of a `when`, or a component of a mixture."""

    value: Expr


@dataclass(frozen=True, eq=False, repr=False)
class DistributionDraw(DrawNode):
    """A univariate distribution; `parameters` follow `form`, in raw units of the field."""

    distribution: Distribution
    form: Form
    parameters: tuple[Expr, ...]


@dataclass(frozen=True, eq=False, repr=False)
class CategoricalDraw(DrawNode):
    """Weighted outcomes. `outcomes` are raw constants, None for null. `weights` are shares
    (0 to 1), None for `rest`. `spans`: where each entry stands.
    """

    outcomes: tuple[Any, ...]
    weights: tuple[Expr | None, ...]
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class MixtureDraw(DrawNode):
    """Weighted components, each a draw."""

    components: tuple[DrawNode, ...]
    weights: tuple[Expr | None, ...]


@dataclass(frozen=True, eq=False, repr=False)
class ChooseDraw(DrawNode):
    """The draw of the first branch whose condition is true, else `otherwise`."""

    branches: tuple[tuple[Expr, DrawNode], ...]
    otherwise: DrawNode


@dataclass(frozen=True, eq=False, repr=False)
class LookupDraw(DrawNode):
    """A weighted row of a lookup, given its keys; `column` None draws the whole record.

    `values`: the raw values of `column` by row of the lookup.
    """

    lookup: Any
    keys: tuple[Expr, ...]
    column: str | None
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class ProviderDraw(DrawNode):
    """A provider's draw; one argument per parameter."""

    provider: Provider
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Truncated(DrawNode):
    """`draw in [low, high]`; the bounds are in raw units of the field."""

    draw: DrawNode
    low: Expr
    high: Expr


@dataclass(frozen=True, eq=False, repr=False)
class KeyedDraw(DrawNode):
    """`draw`, once for each combination of values of the `determinants`: rows that agree in
    them have one value. `draw` reads nothing that the determinants do not settle.
    """

    draw: DrawNode
    determinants: tuple[Expr, ...]


@dataclass(frozen=True)
class Progression:
    """The raw values `first`, `first + step`, … (`count` of them)."""

    first: Fraction
    step: Fraction
    count: int

    def __len__(self) -> int:
        """How many values there are."""
        return self.count


@dataclass(frozen=True, eq=False, repr=False)
class UniqueDraw(DrawNode):
    """A value of `draw` that no other row of the table has.

    `values` are the raw values of `draw`, all equally likely.
    """

    draw: DrawNode
    values: Progression | tuple[Any, ...]


@dataclass(frozen=True, eq=False, repr=False)
class QuotaDraw(DrawNode):
    """Outcomes (raw, None for null) in exact `shares` of the table's rows, totalling 1."""

    outcomes: tuple[Any, ...]
    shares: tuple[Fraction, ...]


@dataclass(frozen=True, eq=False, repr=False)
class RefDraw(DrawNode):
    """A row of `table` for which `condition` is true, with a chance in proportion to `weight`.

    What they read of that row is a `TargetField`. `is_distinct`: rows under one parent get
    different ones; `is_unique`: so do all rows of the table. `is_among_siblings`: `table` is the
    row's own, under a parent, and the row is one under the same parent; `sibling_reads` are the
    fields read of it.
    """

    table: str
    condition: Expr | None
    weight: Expr | None
    is_distinct: bool = False
    is_unique: bool = False
    is_among_siblings: bool = False
    sibling_reads: tuple[Expr, ...] = ()

    @property
    def needs_siblings(self) -> bool:
        """See the base class."""
        return (self.is_distinct and not self.is_unique) or bool(self.sibling_reads)


@dataclass(frozen=True, eq=False, repr=False)
class SortedDraw(DrawNode):
    """Independent draws of the rows under one parent, put in increasing order.

    `draw` reads only what these rows share, and is never null.
    """

    draw: DrawNode

    @property
    def needs_siblings(self) -> bool:
        """See the base class."""
        return True


@dataclass(frozen=True, eq=False, repr=False)
class SequenceDraw(DrawNode):
    """The path of a Gaussian process over the rows under one parent, in order of `index`.

    `process` describes itself as a distribution (`model.sequence_draws`); `parameters` follow its
    form. `at`: the time of each row, where the process runs in time and not from row to row.
    """

    process: Distribution
    parameters: tuple[Expr, ...]
    at: Expr | None = None

    @property
    def needs_siblings(self) -> bool:
        """See the base class."""
        return True


SharedDraw = KeyedDraw | UniqueDraw | QuotaDraw
"""Draws by which rows of a table depend on each other; they stand alone after `~`."""


@dataclass(frozen=True, eq=False, repr=False)
class UnknownDraw(DrawNode):
    """Stands for a draw with a mistake in it."""


def inner_draws(draw: DrawNode) -> Iterator[DrawNode]:
    """`draw` and the draws inside it."""
    yield draw
    if isinstance(draw, Truncated | KeyedDraw | UniqueDraw | SortedDraw):
        yield from inner_draws(draw.draw)
    elif isinstance(draw, MixtureDraw):
        for component in draw.components:
            yield from inner_draws(component)
    elif isinstance(draw, ChooseDraw):
        for _, branch in draw.branches:
            yield from inner_draws(branch)
        yield from inner_draws(draw.otherwise)


def expressions_of(draw: DrawNode) -> Iterator[Expr]:
    """Every expression that a draw depends on, those of inner draws included."""
    for node in inner_draws(draw):
        if isinstance(node, FixedDraw):
            yield node.value
        elif isinstance(node, DistributionDraw):
            yield from node.parameters
        elif isinstance(node, CategoricalDraw | MixtureDraw):
            yield from (weight for weight in node.weights if weight is not None)
        elif isinstance(node, ChooseDraw):
            yield from (condition for condition, _ in node.branches)
        elif isinstance(node, LookupDraw):
            yield from node.keys
        elif isinstance(node, ProviderDraw):
            yield from node.arguments
        elif isinstance(node, Truncated):
            yield from (node.low, node.high)
        elif isinstance(node, KeyedDraw):
            yield from node.determinants
        elif isinstance(node, SequenceDraw):
            yield from node.parameters
            if node.at is not None:
                yield node.at
        elif isinstance(node, RefDraw):
            yield from (part for part in (node.condition, node.weight) if part is not None)
            yield from node.sibling_reads


def fields_drawn_from(draw: DrawNode) -> set[str]:
    """Names of the fields of the same row that the draw reads."""
    return {name for expression in expressions_of(draw) for name in fields_read(expression)}
