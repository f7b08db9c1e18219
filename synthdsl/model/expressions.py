"""Typed expressions: what the checker makes of the tree and the engine evaluates.

Every node knows its type and where it stands. Unit conversions and widenings are nodes of their
own, so that evaluation never looks at units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

from synthdsl.functions.base import Argument, Function
from synthdsl.source import Span
from synthdsl.values.types import Type


@dataclass(frozen=True, eq=False, repr=False)
class Expr:
    """A typed expression."""

    type: Type
    span: Span


@dataclass(frozen=True, eq=False, repr=False)
class Constant(Expr):
    """A value known without drawing, in raw representation (`values.types`); None is null."""

    value: Any


@dataclass(frozen=True, eq=False, repr=False)
class FieldRef(Expr):
    """The value of another field of the same row."""

    field: str


@dataclass(frozen=True, eq=False, repr=False)
class RowIndex(Expr):
    """`index`: position of the row, from 0, in its table or under its parent."""


@dataclass(frozen=True, eq=False, repr=False)
class Operation(Expr):
    """An operator over operands of agreed types.

    Operators: `+ - * / ^ neg not and or -> <-> == != < <= > >= is-null is-not-null`.
    """

    operator: str
    operands: tuple[Expr, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Convert(Expr):
    """`operand` as another kind or in another unit: raw value times `factor`, plus `offset`."""

    operand: Expr
    factor: Fraction
    offset: Fraction = Fraction(0)


@dataclass(frozen=True, eq=False, repr=False)
class LocalTime(Expr):
    """A datetime with a zone as the wall-clock time there."""

    operand: Expr


@dataclass(frozen=True, eq=False, repr=False)
class InSet(Expr):
    """Whether `operand` is one of constant values in raw representation."""

    operand: Expr
    values: tuple[Any, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Apply(Expr):
    """A named function applied to arguments."""

    function: Function
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Choose(Expr):
    """The value of the first branch whose condition is true, else `otherwise`."""

    branches: tuple[tuple[Expr, Expr], ...]
    otherwise: Expr


@dataclass(frozen=True, eq=False, repr=False)
class ListOf(Expr):
    """A list of values."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Part(Expr):
    """A named part of a record field, or an element (`index`) of a list field."""

    field: str
    part: str | int


@dataclass(frozen=True, eq=False, repr=False)
class LookupValue(Expr):
    """The value that a lookup gives for keys: `column` of its row; null where there is none."""

    lookup: Any
    keys: tuple[Expr, ...]
    column: str


@dataclass(frozen=True, eq=False, repr=False)
class ZScore(Expr):
    """A field's value minus its declared mean, over its declared standard deviation."""

    field: str


@dataclass(frozen=True, eq=False, repr=False)
class PythonCall(Expr):
    """A typed Python function of the user's, applied to arguments."""

    module: str
    function: str
    arguments: tuple[Expr, ...]
    parameter_types: tuple[Type, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Aggregate(Expr):
    """An aggregate over the rows of a table where `condition` is true: `mean`, `sum`, `min`,
    `max`, `count`, `any`, `all`, `none`. `value` None counts rows.
    """

    function: str
    table: str
    value: Expr | None
    condition: Expr | None


@dataclass(frozen=True, eq=False, repr=False)
class Above(Expr):
    """The value of `inner` in the parent's row: its names are those of the parent's table."""

    inner: Expr


@dataclass(frozen=True, eq=False, repr=False)
class Outer(Expr):
    """Inside a `Related`: the value of `inner` in the row whose related rows are looked at."""

    inner: Expr


@dataclass(frozen=True, eq=False, repr=False)
class Neighbour(Expr):
    """The value of a field in another row under the same parent: `which` is `prev`, `next`,
    `first` or `last`. Null where there is no such row. Without a field (None): its position.
    """

    which: str
    field: str | None


@dataclass(frozen=True, eq=False, repr=False)
class Referred(Expr):
    """The field `target` of the row of another table that the field `reference` refers to."""

    reference: str
    table: str
    target: str


@dataclass(frozen=True, eq=False, repr=False)
class TargetField(Expr):
    """In the condition or weight of a `ref`: a field of the row that may be referred to; None
    for its number.
    """

    field: str | None


@dataclass(frozen=True, eq=False, repr=False)
class Related(Expr):
    """An aggregate over related rows: `any`, `all`, `none`, `count`, `sum`, `mean`, `min`, `max`,
    `disjoint`, `distinct`.

    The related rows are reached from the row by going `up` so many parents and then down the
    tables of `path`; with `up`, `table` names where the way down starts. The names in `value`
    (None: rows are counted) and `condition` are those of the last table; what they read of
    the row itself is inside `Outer`.
    """

    function: str
    up: int
    table: str
    path: tuple[str, ...]
    value: Expr | None
    condition: Expr | None


@dataclass(frozen=True, eq=False, repr=False)
class FileColumn(Expr):
    """A column of the file that has the rows of a table: raw values by row, None for null."""

    values: tuple[Any, ...]


@dataclass(frozen=True, eq=False, repr=False)
class MachineColumn(Expr):
    """A column that a pathway makes: `state`, `entered`, `stay` or `left`."""

    name: str


@dataclass(frozen=True, eq=False, repr=False)
class Unknown(Expr):
    """Stands for an expression with a mistake in it; silences what hangs on it."""


def children(expression: Expr) -> Iterator[Expr]:
    """The expressions of the same row directly inside `expression`."""
    if isinstance(expression, Above):
        return
    if isinstance(expression, Related):
        yield from outer_parts(expression)
        return
    for item in fields(expression):
        yield from _expressions_in(getattr(expression, item.name))


def _expressions_in(value: Any) -> Iterator[Expr]:
    if isinstance(value, Expr):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _expressions_in(item)


def inner_parts(expression: Related) -> Iterator[Expr]:
    """What a `Related` computes in the related rows."""
    for part in (expression.value, expression.condition):
        if part is not None:
            yield part


def outer_parts(expression: Related) -> Iterator[Expr]:
    """What the inside of a `Related` reads of the row that it stands in."""
    for part in inner_parts(expression):
        for inner in walk(part):
            if isinstance(inner, Outer):
                yield inner.inner


def walk(expression: Expr) -> Iterator[Expr]:
    """`expression` and everything inside it, outside first."""
    yield expression
    for child in children(expression):
        yield from walk(child)


def fields_read(expression: Expr) -> set[str]:
    """Names of the fields of the same row that `expression` reads directly."""
    found = set()
    for part in walk(expression):
        if isinstance(part, FieldRef | Part | ZScore):
            found.add(part.field)
        elif isinstance(part, Referred):
            found.add(part.reference)
    return found


def as_arguments(values: Sequence[Expr]) -> list[Argument]:
    """Typed expressions as what functions and providers infer from."""
    return [
        Argument(v.type, isinstance(v, Constant), v.value if isinstance(v, Constant) else None)
        for v in values
    ]
