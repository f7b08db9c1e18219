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
class Unknown(Expr):
    """Stands for an expression with a mistake in it; silences what hangs on it."""


def children(expression: Expr) -> Iterator[Expr]:
    """The expressions directly inside `expression`."""
    for item in fields(expression):
        yield from _expressions_in(getattr(expression, item.name))


def _expressions_in(value: Any) -> Iterator[Expr]:
    if isinstance(value, Expr):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _expressions_in(item)


def walk(expression: Expr) -> Iterator[Expr]:
    """`expression` and everything inside it, outside first."""
    yield expression
    for child in children(expression):
        yield from walk(child)


def fields_read(expression: Expr) -> set[str]:
    """Names of the fields of the same row that `expression` reads directly."""
    return {e.field for e in walk(expression) if isinstance(e, FieldRef | Part | ZScore)}


def as_arguments(values: Sequence[Expr]) -> list[Argument]:
    """Typed expressions as what functions and providers infer from."""
    return [
        Argument(v.type, isinstance(v, Constant), v.value if isinstance(v, Constant) else None)
        for v in values
    ]
