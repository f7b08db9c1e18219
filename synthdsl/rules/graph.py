"""A table as a graph of constraints: one node an expression, one variable a field.

The graph holds what a row must satisfy: each field is what its draw or formula gives, and each
rule is what is demanded of it. It is built once and asked many times (`propagation`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from synthdsl.model.common_steps import comparison_step
from synthdsl.model.draws import (
    CategoricalDraw,
    ChooseDraw,
    DistributionDraw,
    DrawNode,
    FixedDraw,
    KeyedDraw,
    LookupDraw,
    MixtureDraw,
    QuotaDraw,
    SortedDraw,
    Truncated,
    UniqueDraw,
)
from synthdsl.model.expressions import (
    Apply,
    Choose,
    Constant,
    Convert,
    Expr,
    FieldRef,
    InSet,
    Operation,
    Part,
    RowIndex,
)
from synthdsl.model.folding import INTEGER_KINDS
from synthdsl.model.grids import raw_limits
from synthdsl.model.spec import Field, Table
from synthdsl.rules.enclosures import (
    ANY_TRUTH,
    ANY_VALUE,
    EVERYTHING,
    INFINITY,
    NULL,
    Enclosure,
    between,
    listing,
)
from synthdsl.rules.lookups import LookupRows
from synthdsl.rules.supports import support_ends
from synthdsl.values.types import ORDERED, Kind, Type

MOST_ROWS_OF_LOOKUP = 2000
"""A lookup with more rows is taken for all of its values, whatever its keys."""


@dataclass(eq=False, slots=True)
class Node:
    """An expression, a draw or a variable. `inputs` are nodes that come before it.

    `start` is what its type alone allows. `is_whole`: its raw values are whole numbers.
    """

    number: int
    operator: str
    inputs: tuple[int, ...]
    start: Enclosure
    is_whole: bool = False
    detail: Any = None
    expression: Expr | None = None
    step: Fraction | None = None


@dataclass(eq=False, slots=True)
class Constraint:
    """One node that must be as demanded, or (`variable`) that a variable must equal.

    `source`: the bit of the rule or field that it stems from. `nodes`: those inside, inputs
    first. `variables`: the variable nodes it reads.
    """

    node: int
    demand: Enclosure | None
    variable: int | None
    source: int
    nodes: tuple[int, ...]
    variables: tuple[int, ...]
    fields: frozenset[str] = frozenset()


@dataclass(eq=False)
class Graph:
    """Every field of a table as constraints; conditions are added by `condition`."""

    table: Table
    nodes: list[Node] = field(default_factory=list)
    variables: dict[str, int] = field(default_factory=dict)
    definitions: dict[str, Constraint] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the variables and what defines them."""
        for name, item in self.table.fields.items():
            self._variable(name, item.type, self._field_start(item), item.step)
        for name, item in self.table.fields.items():
            root = self._draw(item.draw, item) if item.draw is not None else self._value(item)
            self.definitions[name] = self._constraint(root, None, self.variables[name])

    def condition(self, expression: Expr, demand: Enclosure) -> Constraint:
        """The constraint that `expression` comes out as demanded."""
        return self._constraint(self.node(expression), demand, None)

    # variables

    def _variable(self, name: str, type_: Type, start: Enclosure, step: Fraction | None) -> int:
        node = self._add("variable", (), start, is_whole=type_.kind in INTEGER_KINDS)
        node.step = step
        node.detail = type_
        self.variables[name] = node.number
        self.names[node.number] = name
        return node.number

    def _field_start(self, item: Field) -> Enclosure:
        # whether a draw may be null follows from the draw; a formula's null is refused elsewhere
        return start_of(item.type).with_null(item.type.is_nullable)

    # expressions

    def node(self, expression: Expr) -> int:
        """The node of an expression."""
        if isinstance(expression, FieldRef) and expression.field in self.variables:
            return self.variables[expression.field]
        if isinstance(expression, Part):
            name = f"{expression.field}.{expression.part}"
            if name not in self.variables:
                start = start_of(expression.type).with_null(True)
                self._variable(name, expression.type, start, None)
            return self.variables[name]
        operator, inputs, detail = _parts(expression)
        numbers = tuple(self.node(item) for item in inputs)
        if isinstance(expression, Constant):
            start = constant_enclosure(expression.value, expression.type)
        elif isinstance(expression, RowIndex):
            start = between(0, INFINITY)
        elif expression.type.kind is Kind.BOOL:
            start = ANY_TRUTH
        else:
            start = EVERYTHING
        is_whole = expression.type.kind in INTEGER_KINDS
        node = self._add(operator, numbers, start, is_whole=is_whole, detail=detail)
        node.expression = expression
        return node.number

    def _value(self, item: Field) -> int:
        assert item.value is not None
        return self._rounded(self.node(item.value), item, item.value.type)

    def _rounded(self, number: int, item: Field, type_: Type | None) -> int:
        """A node rounded half-up to the grid of a field, unless it is on that grid already."""
        if item.step is None or item.type.kind not in ORDERED:
            return number
        if type_ is not None and item.step == 1 and type_.kind in INTEGER_KINDS:
            return number
        is_whole = item.type.kind in INTEGER_KINDS
        node = self._add("round", (number,), EVERYTHING, is_whole=is_whole, detail=item.step)
        return node.number

    # draws

    def _draw(self, draw: DrawNode, item: Field) -> int:
        if isinstance(draw, KeyedDraw | UniqueDraw | SortedDraw):
            return self._draw(draw.draw, item)
        if isinstance(draw, FixedDraw):
            return self._rounded(self.node(draw.value), item, draw.value.type)
        if isinstance(draw, CategoricalDraw | QuotaDraw):
            return self._leaf(_outcomes(draw, item.type))
        if isinstance(draw, DistributionDraw):
            return self._distribution(draw, item)
        if isinstance(draw, Truncated):
            inputs = (self._draw(draw.draw, item), self.node(draw.low), self.node(draw.high))
            return self._add("within", inputs, EVERYTHING, detail=item.step).number
        if isinstance(draw, ChooseDraw):
            numbers: list[int] = []
            for condition, inner in draw.branches:
                numbers += (self.node(condition), self._draw(inner, item))
            numbers.append(self._draw(draw.otherwise, item))
            return self._add("choose", tuple(numbers), EVERYTHING).number
        if isinstance(draw, MixtureDraw):
            parts = [
                self._draw(inner, item)
                for inner, weight in zip(draw.components, draw.weights, strict=True)
                if not (isinstance(weight, Constant) and weight.value == 0)
            ]
            return self._add("any-of", tuple(parts), EVERYTHING).number
        if isinstance(draw, LookupDraw) and draw.column is not None:
            return self._lookup(draw, item)
        return self._leaf(start_of(item.type).with_null(True))

    def _leaf(self, start: Enclosure) -> int:
        return self._add("constant", (), start).number

    def _distribution(self, draw: DistributionDraw, item: Field) -> int:
        if item.type.kind is Kind.BOOL:
            p = draw.parameters[0]
            chance = p.value if isinstance(p, Constant) else None
            truths = [t for t, sure in ((True, 0), (False, 1)) if chance is None or chance != sure]
            is_nullable = not isinstance(p, Constant) and p.type.is_nullable
            return self._leaf(listing(truths, is_number=False, is_nullable=is_nullable))
        ends = [
            self._end(end, draw, sign * INFINITY)
            for end, sign in zip(
                support_ends(draw.distribution.declared().name), (-1, 1), strict=True
            )
        ]
        others = [self.node(p) for p in draw.parameters if p.type.kind is not Kind.LIST]
        node = self._add("support", (*ends, *others), EVERYTHING)
        rounded = self._rounded(node.number, item, None)
        if draw.distribution.name == "discrete_uniform" and item.step is not None:
            # its values are those of the grid between the ends: none is rounded outwards
            rounded = self._add("within", (rounded, *ends), EVERYTHING, detail=item.step).number
        return rounded

    def _end(self, end: str | float, draw: DistributionDraw, infinite: float) -> int:
        """An end of a support: the node of a parameter, or a number."""
        if isinstance(end, str):
            if end in draw.form.names:
                return self.node(draw.parameters[draw.form.names.index(end)])
            end = infinite
        return self._leaf(between(end, end))

    def _lookup(self, draw: LookupDraw, item: Field) -> int:
        is_number = item.type.kind in ORDERED
        if any(v is None for v in draw.values):
            everything = EVERYTHING
        else:
            everything = listing(draw.values, is_number=is_number)
        columns = lookup_rows(draw)
        if columns is None:
            may_be_null = any(key.type.is_nullable for key in draw.keys)
            may_be_null |= everything.is_nullable
            return self._rounded(self._leaf(everything.with_null(may_be_null)), item, None)
        inputs = tuple(self.node(key) for key in draw.keys)
        node = self._add("lookup", inputs, everything.with_null(True), detail=columns)
        return self._rounded(node.number, item, None)

    # bookkeeping

    def _add(
        self,
        operator: str,
        inputs: tuple[int, ...],
        start: Enclosure,
        *,
        is_whole: bool = False,
        detail: Any = None,
    ) -> Node:
        node = Node(len(self.nodes), operator, inputs, start, is_whole, detail)
        self.nodes.append(node)
        return node

    def _constraint(self, root: int, demand: Enclosure | None, variable: int | None) -> Constraint:
        order = self._inside(root)
        variables = tuple(n for n in order if self.nodes[n].operator == "variable")
        return Constraint(root, demand, variable, 0, order, variables)

    def _inside(self, root: int) -> tuple[int, ...]:
        """The nodes under `root`, inputs first, each once."""
        found: dict[int, None] = {}
        stack = [(root, False)]
        while stack:
            number, is_done = stack.pop()
            if number in found:
                continue
            if is_done:
                found[number] = None
                continue
            stack.append((number, True))
            stack.extend((i, False) for i in reversed(self.nodes[number].inputs))
        return tuple(found)


def _parts(expression: Expr) -> tuple[str, Sequence[Expr], Any]:
    """Operator, operands and detail of an expression's node."""
    if isinstance(expression, Constant | RowIndex):
        return "constant", (), None
    if isinstance(expression, Operation):
        return expression.operator, expression.operands, comparison_step(expression)
    if isinstance(expression, Convert):
        return "convert", (expression.operand,), (expression.factor, expression.offset)
    if isinstance(expression, InSet):
        return "in-set", (expression.operand,), frozenset(expression.values)
    if isinstance(expression, Choose):
        inputs: list[Expr] = []
        for condition, value in expression.branches:
            inputs += (condition, value)
        return "choose", (*inputs, expression.otherwise), None
    if isinstance(expression, Apply):
        return "apply", expression.arguments, expression
    return "unknown", (), None


def start_of(type_: Type) -> Enclosure:
    """What every value of a type lies in."""
    if type_.kind is Kind.BOOL:
        return listing((True, False), is_number=False)
    if type_.enum is not None:
        return listing(type_.enum.members, is_number=False)
    limits = raw_limits(type_)
    if limits is None:
        return ANY_VALUE
    return between(*limits)


def constant_enclosure(value: Any, type_: Type) -> Enclosure:
    """The enclosure of one constant."""
    if value is None:
        return NULL
    if isinstance(value, Fraction):
        value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return between(value, value)
    if isinstance(value, list):
        return ANY_VALUE
    return listing((value,), is_number=False)


def _outcomes(draw: CategoricalDraw | QuotaDraw, type_: Type) -> Enclosure:
    """The outcomes that have weight. Weights that vary may all be above zero."""
    weights: Iterable[Any] = draw.weights if isinstance(draw, CategoricalDraw) else draw.shares
    kept = [
        outcome
        for outcome, weight in zip(draw.outcomes, weights, strict=True)
        if not (isinstance(weight, Constant) and weight.value == 0) and weight != 0
    ]
    is_nullable = None in kept
    if isinstance(draw, CategoricalDraw):
        varying = [w for w in draw.weights if w is not None and w.type.is_nullable]
        is_nullable |= bool(varying)
    values = [outcome for outcome in kept if outcome is not None]
    is_number = type_.kind in ORDERED
    return listing(values, is_number=is_number, is_nullable=is_nullable)


def lookup_rows(draw: LookupDraw) -> LookupRows | None:
    """The rows of a lookup that have weight: raw keys and value; None where they are too many."""
    lookup = draw.lookup
    if lookup.rows > MOST_ROWS_OF_LOOKUP or any(value is None for value in draw.values):
        return None
    from synthdsl.model.findings import Findings

    columns = [
        lookup.raw(name, key.type.nullable(False), Findings())
        for name, key in zip(lookup.keys, draw.keys, strict=True)
    ]
    if any(column is None for column in columns):
        return None
    weights = lookup.weights or [1.0] * lookup.rows
    kept = [i for i in range(lookup.rows) if weights[i] > 0]
    return LookupRows.of(
        [[column[i] for i in kept] for column in columns if column is not None],
        [draw.values[i] for i in kept],
    )
