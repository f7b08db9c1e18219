"""The syntax tree: frozen nodes, each with its span. Two trees are equal when they have the same
shape, wherever they stand.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, fields
from fractions import Fraction
from typing import Any, ClassVar, TypeVar, dataclass_transform

from synthdsl.source import Span

Class = TypeVar("Class", bound=type)


@dataclass_transform(frozen_default=True)
def node(cls: Class) -> Class:
    """A frozen data class that is made, compared and printed as `Node` says.

    Generating methods for each of sixty classes would be felt at every start.
    """
    return dataclass(init=False, eq=False, repr=False)(cls)  # type: ignore[return-value]


@node
class Node:
    """Anything that stands somewhere in a source. Nodes of one shape are equal.

    Fields are given by position or by name; they cannot be set again. `ASIDE` names those
    that say where a node stands or what surrounds it, not what it is.
    """

    span: Span
    _names: ClassVar[tuple[str, ...]]
    ASIDE: ClassVar[frozenset[str]] = frozenset({"span"})

    def __init__(self, *values: Any, **named: Any) -> None:
        names = type(self)._field_names()
        given = dict(zip(names, values, strict=False)) | named
        lacking = [name for name in names if name not in given and not hasattr(type(self), name)]
        if len(values) > len(names) or lacking or not given.keys() <= set(names):
            raise TypeError(f"{type(self).__name__} takes {', '.join(names)}")
        self.__dict__.update(given)

    @classmethod
    def _field_names(cls) -> tuple[str, ...]:
        if "_names" not in cls.__dict__:
            cls._names = tuple(f.name for f in fields(cls))
        return cls._names

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot set `{name}` of a {type(self).__name__}")

    def __eq__(self, other: object) -> bool:
        """Whether `other` has the same shape, wherever it stands."""
        if type(other) is not type(self):
            return NotImplemented
        return _shape(self) == _shape(other)

    def __hash__(self) -> int:
        """A hash of the shape."""
        return hash((type(self), _shape(self)))

    def __repr__(self) -> str:
        """The shape, without places."""
        inner = ", ".join(
            f"{n}={getattr(self, n)!r}" for n in self._field_names() if n not in self.ASIDE
        )
        return f"{type(self).__name__}({inner})"


def _shape(item: Node) -> tuple[object, ...]:
    return tuple(getattr(item, name) for name in item._field_names() if name not in item.ASIDE)


# Expressions


@node
class Expression(Node):
    """Anything that has a value."""


@node
class Number(Expression):
    """An int or float literal, as typed."""

    text: str

    @property
    def is_integer(self) -> bool:
        """Whether it was typed without a point or exponent."""
        return not any(c in self.text for c in ".eE")

    @property
    def exact(self) -> Fraction:
        """The value as typed, exactly."""
        return exact_number(self.text)


@node
class Quantity(Expression):
    """A number with a unit: `4 d`, `300 'mg/dL'`."""

    number: Number
    unit: str


@node
class Percent(Expression):
    """`52%`."""

    text: str

    @property
    def exact(self) -> Fraction:
        """The share, exactly: 52 % is 13/25."""
        return exact_number(self.text) / 100


@node
class Text(Expression):
    """A string literal, escapes resolved."""

    value: str


@node
class Moment(Expression):
    """A date, datetime or time literal, as typed."""

    text: str


@node
class Truth(Expression):
    """`true` or `false`."""

    value: bool


@node
class Null(Expression):
    """`null`."""


@node
class Path(Expression):
    """One name, or several joined by points."""

    names: tuple[str, ...]

    @property
    def text(self) -> str:
        """The path as typed, without spaces."""
        return ".".join(self.names)


@node
class Argument(Node):
    """One argument of a call, with its name if given."""

    name: str | None
    value: Expression | Weights


@node
class Call(Expression):
    """`name(arguments)`: a function, a distribution, a provider or an aggregate."""

    function: Path
    arguments: tuple[Argument, ...]


@node
class Index(Expression):
    """`name[items]`: a lookup or an element of a list."""

    base: Path
    items: tuple[Expression, ...]


@node
class Items(Expression):
    """A list `[a, b]`."""

    items: tuple[Expression, ...]


@node
class When(Expression):
    """`when {condition: value, …, else: value}`."""

    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression


@node
class Unary(Expression):
    """`-x` or `not x`."""

    operator: str
    operand: Expression


@node
class Binary(Expression):
    """`+ - * / ^ -> <->`."""

    operator: str
    left: Expression
    right: Expression


@node
class Logic(Expression):
    """`and` or `or` of two or more items."""

    operator: str
    items: tuple[Expression, ...]


@node
class Chain(Expression):
    """Comparisons: `a <= b < c` has three operands and two operators."""

    operands: tuple[Expression, ...]
    operators: tuple[str, ...]


@node
class Interval(Node):
    """`[low, high]`, both ends included."""

    low: Expression
    high: Expression


@node
class Members(Node):
    """A set `{a, b}`."""

    items: tuple[Expression, ...]


@node
class Within(Expression):
    """`x in container` or `x not in container`."""

    value: Expression
    container: Interval | Members | Path | Call
    is_negated: bool


@node
class IsNull(Expression):
    """`x is null` or `x is not null`."""

    value: Expression
    is_negated: bool


@node
class Comprehension(Expression):
    """`value for variable in path where condition`, as the argument of an aggregate."""

    value: Expression
    variable: str
    source: Path
    condition: Expression | None


@node
class Broken(Expression):
    """Stands for what could not be read; a diagnostic says why."""


# Draws


@node
class Weight(Node):
    """One entry of weights: an outcome and its weight (None: `rest`)."""

    outcome: Expression
    weight: Expression | None


@node
class Weights(Node):
    """`{outcome: weight, …}`."""

    entries: tuple[Weight, ...]


@node
class WhenDraw(Node):
    """`when {condition: draw, …, else: draw}`."""

    branches: tuple[tuple[Expression, Draw], ...]
    otherwise: Draw


@node
class RefDraw(Node):
    """`ref table where condition weight value distinct`."""

    table: Name
    condition: Expression | None
    weight: Expression | None
    is_distinct: bool


@node
class Draw(Node):
    """What stands after `~`: a source of values and an optional truncation."""

    outcome: Expression | Weights | WhenDraw | RefDraw
    interval: Interval | None


# Statements


@node
class Statement(Node):
    """A line of a spec or of a table."""


@node
class Name(Node):
    """A name that is being declared or listed."""

    text: str


@node
class TypeName(Node):
    """A type as written: name, unit, arguments, `?`."""

    name: str
    unit: str | None
    unit_span: Span | None
    arguments: tuple[int | str | TypeName, ...]
    is_nullable: bool


@node
class BrokenStatement(Statement):
    """A statement that did not parse."""


@node
class Language(Statement):
    """`language 1`."""

    version: int


@node
class SpecName(Statement):
    """`spec name "description"`."""

    name: Name
    description: str | None


@node
class Seed(Statement):
    """`seed 7`."""

    value: int


@node
class Param(Statement):
    """`param name: type = default where condition "description"`."""

    name: Name
    type: TypeName
    default: Expression
    condition: Expression | None
    description: str | None


@node
class Import(Statement):
    """`import "path" (names)`."""

    path: str
    path_span: Span
    names: tuple[Name, ...]


@node
class Signature(Node):
    """`name(type, …) -> type` of a Python function."""

    name: Name
    parameters: tuple[TypeName, ...]
    result: TypeName


@node
class Python(Statement):
    """`python "module" (signatures)`."""

    module: str
    signatures: tuple[Signature, ...]


@node
class Member(Node):
    """A member of an enum: `name as "exported" "description"`."""

    name: Name
    exported: str | None
    description: str | None


@node
class Enumeration(Statement):
    """`enum Name {members}`."""

    name: Name
    members: tuple[Member, ...]
    description: str | None


@node
class Lookup(Statement):
    """`lookup name from "file" key (…) value (…) weight w`."""

    name: Name
    path: str
    path_span: Span
    keys: tuple[Name, ...] | None
    values: tuple[Name, ...] | None
    weight: Name | None
    is_count: bool
    description: str | None


@node
class Dist(Statement):
    """`dist name(parameters) = draw`."""

    name: Name
    parameters: tuple[Name, ...]
    draw: Draw


@node
class Fields(Statement):
    """`fields name(parameters) { members }`: a group of fields to use in tables."""

    name: Name
    parameters: tuple[Name, ...]
    description: str | None
    members: tuple[Statement, ...]


@node
class Count(Node):
    """`[count ~ draw]`: children per parent."""

    name: Name
    draw: Draw


@node
class Per(Node):
    """`per parent variable`."""

    parent: Name
    variable: Name


@node
class FixedRows(Node):
    """`from "path"`: a file that has the rows of a table."""

    path: str


@node
class Table(Statement):
    """`table name per parent p from "path" [size] where condition until stop { members }`."""

    name: Name
    per: Per | None
    file: FixedRows | None
    size: Expression | Count | None
    condition: Expression | None
    stop: Expression | None
    description: str | None
    members: tuple[Statement, ...]


@node
class Field(Statement):
    """`name: type step s = value` or `~ draw`, then roles, export name, description.

    `is_let`: a latent, never exported. At most one of `draw` and `value` is set; neither in a
    field that a file has.
    """

    name: Name
    type: TypeName | None
    step: Expression | None
    draw: Draw | None
    value: Expression | None
    roles: tuple[Name, ...]
    exported: str | None
    description: str | None
    is_let: bool


@node
class Use(Statement):
    """`use group(arguments) prefix "p_"`."""

    group: Name
    arguments: tuple[Argument, ...]
    prefix: str | None


@node
class Key(Statement):
    """`key (names)`."""

    names: tuple[Name, ...]


@node
class Correlate(Statement):
    """`correlate (names) rank value by names`."""

    names: tuple[Name, ...]
    rank: Expression | Weights
    groups: tuple[Name, ...]


@node
class Missing(Statement):
    """`missing field: mechanism(arguments) as code`."""

    field: Name
    mechanism: Name
    arguments: tuple[Argument, ...]
    code: Expression | None


@node
class Learn(Statement):
    """`learn name from "file" using backend(options) given (fields)`."""

    name: Name
    path: str
    backend: Name
    options: tuple[Argument, ...]
    given: tuple[Argument, ...]


@node
class Each(Node):
    """`each table variable`."""

    table: Name
    variable: Name


@node
class Rule(Statement):
    """`rule[98%] name each T x keeping (paths): condition`."""

    name: Name
    share: Fraction | None
    each: Each | None
    keeping: tuple[Path, ...]
    condition: Expression


@node
class Case(Statement):
    """`case name each T x: condition`."""

    name: Name
    each: Each | None
    condition: Expression


@node
class Expect(Statement):
    """`expect condition`."""

    condition: Expression


@node
class Privacy(Statement):
    """`privacy {requirements}`."""

    requirements: tuple[Expression, ...]


@node
class State(Statement):
    """`state: sojourn -> {next: weight}` of a pathway."""

    name: Name
    sojourn: Draw
    next: Weights | Index


@node
class Final(Statement):
    """`final states` of a pathway."""

    names: tuple[Name, ...]


@node
class Pathway(Statement):
    """`pathway name per parent p where condition starts moment { states }`."""

    name: Name
    per: Per
    condition: Expression | None
    starts: Expression | None
    description: str | None
    states: tuple[Statement, ...]


@node
class File(Node):
    """A whole spec file."""

    statements: tuple[Statement, ...]


def exact_number(text: str) -> Fraction:
    """The number written as `text` (underscores allowed), exactly.

    An exponent beyond 400 would make an enormous integer and is read as its float instead.
    """
    plain = text.replace("_", "").replace("%", "").strip()
    mantissa, _, exponent = plain.lower().partition("e")
    if exponent and abs(int(exponent)) > 400:
        value = float(plain)
        return Fraction(0) if value == 0 else Fraction(2) ** 4000
    del mantissa
    return Fraction(plain)
