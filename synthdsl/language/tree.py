"""The syntax tree: frozen nodes, each with its span. Two trees are equal when they have the same
shape, wherever they stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from synthdsl.source import Span


@dataclass(frozen=True)
class Node:
    """Anything that stands somewhere in a source."""

    span: Span


# Expressions


@dataclass(frozen=True)
class Expression(Node):
    """Anything that has a value."""


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Quantity(Expression):
    """A number with a unit: `4 d`, `300 'mg/dL'`."""

    number: Number
    unit: str


@dataclass(frozen=True)
class Percent(Expression):
    """`52%`."""

    text: str

    @property
    def exact(self) -> Fraction:
        """The share, exactly: 52 % is 13/25."""
        return exact_number(self.text) / 100


@dataclass(frozen=True)
class Text(Expression):
    """A string literal, escapes resolved."""

    value: str


@dataclass(frozen=True)
class Moment(Expression):
    """A date, datetime or time literal, as typed."""

    text: str


@dataclass(frozen=True)
class Truth(Expression):
    """`true` or `false`."""

    value: bool


@dataclass(frozen=True)
class Null(Expression):
    """`null`."""


@dataclass(frozen=True)
class Path(Expression):
    """One name, or several joined by points."""

    names: tuple[str, ...]

    @property
    def text(self) -> str:
        """The path as typed, without spaces."""
        return ".".join(self.names)


@dataclass(frozen=True)
class Argument(Node):
    """One argument of a call, with its name if given."""

    name: str | None
    value: Expression | Weights


@dataclass(frozen=True)
class Call(Expression):
    """`name(arguments)`: a function, distribution, provider, aggregate, …"""

    function: Path
    arguments: tuple[Argument, ...]


@dataclass(frozen=True)
class Index(Expression):
    """`name[items]`: a lookup or an element of a list."""

    base: Path
    items: tuple[Expression, ...]


@dataclass(frozen=True)
class Items(Expression):
    """A list `[a, b]`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True)
class When(Expression):
    """`when {condition: value, …, else: value}`."""

    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression


@dataclass(frozen=True)
class Unary(Expression):
    """`-x` or `not x`."""

    operator: str
    operand: Expression


@dataclass(frozen=True)
class Binary(Expression):
    """`+ - * / ^ -> <->`."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Logic(Expression):
    """`and` or `or` of two or more items."""

    operator: str
    items: tuple[Expression, ...]


@dataclass(frozen=True)
class Chain(Expression):
    """Comparisons: `a <= b < c` has three operands and two operators."""

    operands: tuple[Expression, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True)
class Interval(Node):
    """`[low, high]`, both ends included."""

    low: Expression
    high: Expression


@dataclass(frozen=True)
class Members(Node):
    """A set `{a, b}`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True)
class Within(Expression):
    """`x in container` or `x not in container`."""

    value: Expression
    container: Interval | Members | Path | Call
    is_negated: bool


@dataclass(frozen=True)
class IsNull(Expression):
    """`x is null` or `x is not null`."""

    value: Expression
    is_negated: bool


@dataclass(frozen=True)
class Comprehension(Expression):
    """`value for variable in path where condition`, as the argument of an aggregate."""

    value: Expression
    variable: str
    source: Path
    condition: Expression | None


@dataclass(frozen=True)
class Broken(Expression):
    """Stands for what could not be read; a diagnostic says why."""


# Draws


@dataclass(frozen=True)
class Weight(Node):
    """One entry of weights: an outcome and its weight (None: `rest`)."""

    outcome: Expression
    weight: Expression | None


@dataclass(frozen=True)
class Weights(Node):
    """`{outcome: weight, …}`."""

    entries: tuple[Weight, ...]


@dataclass(frozen=True)
class WhenDraw(Node):
    """`when {condition: draw, …, else: draw}`."""

    branches: tuple[tuple[Expression, Draw], ...]
    otherwise: Draw


@dataclass(frozen=True)
class Draw(Node):
    """What stands after `~`: a source of values and an optional truncation."""

    outcome: Expression | Weights | WhenDraw
    interval: Interval | None


# Statements


@dataclass(frozen=True)
class Statement(Node):
    """A line of a spec or of a table."""


@dataclass(frozen=True)
class Name(Node):
    """A name that is being declared or listed."""

    text: str


@dataclass(frozen=True)
class TypeName(Node):
    """A type as written: name, unit, arguments, `?`."""

    name: str
    unit: str | None
    unit_span: Span | None
    arguments: tuple[int | str | TypeName, ...]
    is_nullable: bool


@dataclass(frozen=True)
class BrokenStatement(Statement):
    """A statement that did not parse."""


@dataclass(frozen=True)
class Language(Statement):
    """`language 1`."""

    version: int


@dataclass(frozen=True)
class SpecName(Statement):
    """`spec name "description"`."""

    name: Name
    description: str | None


@dataclass(frozen=True)
class Seed(Statement):
    """`seed 7`."""

    value: int


@dataclass(frozen=True)
class Param(Statement):
    """`param name: type = default where condition "description"`."""

    name: Name
    type: TypeName
    default: Expression
    condition: Expression | None
    description: str | None


@dataclass(frozen=True)
class Import(Statement):
    """`import "path" (names)`."""

    path: str
    path_span: Span
    names: tuple[Name, ...]


@dataclass(frozen=True)
class Signature(Node):
    """`name(type, …) -> type` of a Python function."""

    name: Name
    parameters: tuple[TypeName, ...]
    result: TypeName


@dataclass(frozen=True)
class Python(Statement):
    """`python "module" (signatures)`."""

    module: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True)
class Member(Node):
    """A member of an enum: `name as "exported" "description"`."""

    name: Name
    exported: str | None
    description: str | None


@dataclass(frozen=True)
class Enumeration(Statement):
    """`enum Name {members}`."""

    name: Name
    members: tuple[Member, ...]
    description: str | None


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Dist(Statement):
    """`dist name(parameters) = draw`."""

    name: Name
    parameters: tuple[Name, ...]
    draw: Draw


@dataclass(frozen=True)
class Fields(Statement):
    """`fields name(parameters) { members }`: a group of fields to use in tables."""

    name: Name
    parameters: tuple[Name, ...]
    description: str | None
    members: tuple[Statement, ...]


@dataclass(frozen=True)
class Count(Node):
    """`[count ~ draw]`: children per parent."""

    name: Name
    draw: Draw


@dataclass(frozen=True)
class Per(Node):
    """`per parent variable`."""

    parent: Name
    variable: Name


@dataclass(frozen=True)
class Table(Statement):
    """`table name per parent p [size] { members }`."""

    name: Name
    per: Per | None
    size: Expression | Count | None
    condition: Expression | None
    description: str | None
    members: tuple[Statement, ...]


@dataclass(frozen=True)
class Field(Statement):
    """`name: type step s = value` or `~ draw`, then roles, export name, description.

    `is_let`: a latent, never exported. Exactly one of `draw` and `value` is set.
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


@dataclass(frozen=True)
class Use(Statement):
    """`use group(arguments) prefix "p_"`."""

    group: Name
    arguments: tuple[Argument, ...]
    prefix: str | None


@dataclass(frozen=True)
class Key(Statement):
    """`key (names)`."""

    names: tuple[Name, ...]


@dataclass(frozen=True)
class Correlate(Statement):
    """`correlate (names) rank value by names`."""

    names: tuple[Name, ...]
    rank: Expression | Weights
    groups: tuple[Name, ...]


@dataclass(frozen=True)
class Missing(Statement):
    """`missing field: mechanism(arguments) as code`."""

    field: Name
    mechanism: Name
    arguments: tuple[Argument, ...]
    code: Expression | None


@dataclass(frozen=True)
class Learn(Statement):
    """`learn name from "file" using backend(options) given (fields)`."""

    name: Name
    path: str
    backend: Name
    options: tuple[Argument, ...]
    given: tuple[Argument, ...]


@dataclass(frozen=True)
class Each(Node):
    """`each table variable`."""

    table: Name
    variable: Name


@dataclass(frozen=True)
class Rule(Statement):
    """`rule[98%] name each T x keeping (paths): condition`."""

    name: Name
    share: Fraction | None
    each: Each | None
    keeping: tuple[Path, ...]
    condition: Expression


@dataclass(frozen=True)
class Case(Statement):
    """`case name each T x: condition`."""

    name: Name
    each: Each | None
    condition: Expression


@dataclass(frozen=True)
class Expect(Statement):
    """`expect condition`."""

    condition: Expression


@dataclass(frozen=True)
class Privacy(Statement):
    """`privacy {requirements}`."""

    requirements: tuple[Expression, ...]


@dataclass(frozen=True)
class State(Statement):
    """`state: sojourn -> {next: weight}` of a pathway."""

    name: Name
    sojourn: Draw
    next: Weights | Index


@dataclass(frozen=True)
class Final(Statement):
    """`final states` of a pathway."""

    names: tuple[Name, ...]


@dataclass(frozen=True)
class Pathway(Statement):
    """`pathway name per parent p where condition starts moment { states }`."""

    name: Name
    per: Per
    condition: Expression | None
    starts: Expression | None
    states: tuple[Statement, ...]


@dataclass(frozen=True)
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
