"""Values sorted into half-open classes with a label each."""

from __future__ import annotations

import math
from bisect import bisect_right
from copy import copy
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from synthdsl.functions._arguments import (
    QUANTITIES,
    expect,
    expect_constant,
    unit_of,
)
from synthdsl.functions.base import FUNCTIONS, Argument, Function, Misuse
from synthdsl.lazy import lazy
from synthdsl.values.types import ORDERED, TEXT, Kind, Type
from synthdsl.values.units import Free, ratio

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = lazy("numpy")

MOST_EDGES = 10_000
FEW = 24
"""Up to this many edges, comparing with each is faster than a binary search."""


@FUNCTIONS.register
class Bucket(Function):
    """The class that a value falls into.

    Edges e0 < e1 < … < en make the n classes [e0, e1), …, [e(n-1), en); what lies outside is
    null. The labels, unless given: for ints `18-39` (first and last whole number of the
    class; `18` where they are the same), for other numbers `18-<40`; with ` to ` in place of
    the hyphen where an edge is negative. Dates, times and durations need labels.
    """

    name = "bucket"
    summary = (
        "The label of the class [edge, next edge) that x lies in; null outside. Without labels, "
        "ints give `18-39` and other numbers `18-<40`."
    )
    signature = "bucket(x: number, edges: list, labels: list = …) -> text"
    example = ("bucket(41, [0, 18, 40, 65, 106])", "40-64")
    parameter_names = ("x", "edges", "labels")
    optional = 1

    edges: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, or what is wrong."""
        wrong = expect(arguments, 0, ORDERED, "a value with an order")
        for at in range(1, len(arguments)):
            what = f"`{self.parameter_names[at]}`"
            wrong = wrong or expect(arguments, at, {Kind.LIST}, f"{what}, a list,")
            wrong = wrong or expect_constant(arguments, at, what)
        if wrong:
            return wrong
        if any(argument.type.is_unknown for argument in arguments):
            return TEXT.nullable()
        return _check_edges(arguments) or _check_labels(arguments) or TEXT.nullable()

    def bind(self, *arguments: Argument) -> Function:
        """The form for arguments of these types."""
        bound = copy(self)
        bound.edges = _edges(arguments)
        if len(arguments) > 2:
            bound.labels = tuple(arguments[2].value)
        else:
            bound.labels = _labels(bound.edges, arguments[0].type.kind is Kind.INT)
        return bound

    def constant(self, *values: Any) -> str | None:
        """The result for constants."""
        at = bisect_right(self.edges, values[0]) - 1
        return self.labels[at] if 0 <= at < len(self.labels) else None

    def apply(self, *values: Any) -> NDArray[np.int32]:
        """The results for arrays."""
        x = values[0]
        if len(self.edges) > FEW:
            codes: NDArray[np.int32] = np.searchsorted(
                np.array(self.edges), x, side="right"
            ).astype(np.int32)
        else:
            codes = np.zeros(len(x), np.int32)
            for edge in self.edges:
                codes += x >= edge
        codes -= 1
        is_above = x >= self.edges[-1]
        if is_above.any():
            codes[is_above] = -1
        return codes

    def vocabulary(self, *arguments: Argument) -> tuple[str, ...] | None:
        """The words that codes stand for, if any."""
        if self.labels:
            return self.labels
        bound = self.bind(*arguments)
        return bound.labels if isinstance(bound, Bucket) else None


def _check_edges(arguments: tuple[Argument, ...]) -> Misuse | None:
    x, edges = arguments[0].type, arguments[1]
    element = edges.type.element
    if not 2 <= len(edges.value) <= MOST_EDGES:
        return Misuse(f"{len(edges.value)} edges; 2 to {MOST_EDGES} make classes", 1)
    if any(edge is None for edge in edges.value):
        return Misuse("an edge is null", 1)
    if element is not None and x.is_quantity:
        wrong = expect((Argument(element),), 0, QUANTITIES, "a number like `x`")
        unit = unit_of(Argument(element))
        if wrong or not _fits(arguments[0], unit):
            return Misuse(f"edges of type `{element}` do not fit `x`, which is `{x}`", 1)
    elif element is not None and element.kind is not x.kind:
        return Misuse(f"edges of type `{element}` do not fit `x`, which is `{x}`", 1)
    for low, high in pairwise(edges.value):
        if not low < high:
            return Misuse(f"edges must rise, but {high} follows {low}", 1)
    return None


def _fits(x: Argument, unit: Any) -> bool:
    """Whether edges in `unit` can be compared with x; bare numbers do not fit durations."""
    given = unit_of(x)
    if isinstance(unit, Free):
        return x.type.kind is not Kind.DURATION
    if isinstance(given, Free):
        return True
    return bool(given.dimension == unit.dimension and given.is_point == unit.is_point) and (
        not given.is_point or given == unit
    )


def _check_labels(arguments: tuple[Argument, ...]) -> Misuse | None:
    x, edges = arguments[0].type, arguments[1].value
    if len(arguments) > 2:
        labels = arguments[2].value
        if len(labels) != len(edges) - 1:
            return Misuse(
                f"{len(labels)} labels for {len(edges) - 1} classes", 2, "give one label a class"
            )
        if not all(isinstance(label, str) for label in labels):
            return Misuse("labels must be text", 2, 'write them as `["low", "high"]`')
        if len(set(labels)) < len(labels):
            return Misuse("a label stands for two classes", 2)
        return None
    if not x.is_number:
        return Misuse(f"classes of `{x}` need labels", 1, "give labels as a third argument")
    if x.kind is Kind.INT:
        empty = [(a, b) for a, b in pairwise(_edges(arguments)) if math.ceil(a) >= math.ceil(b)]
        if empty:
            return Misuse(f"no whole number lies in [{empty[0][0]:g}, {empty[0][1]:g})", 1)
    labels = _labels(_edges(arguments), x.kind is Kind.INT)
    if len(set(labels)) < len(labels):
        return Misuse("two classes would have the same label", 1, "give labels")
    return None


def _edges(arguments: tuple[Argument, ...]) -> tuple[float, ...]:
    """The edges in the unit of x."""
    x, edges = arguments[0], arguments[1]
    element = edges.type.element
    if element is None or not x.type.is_quantity:
        return tuple(edges.value)
    factor = ratio(unit_of(Argument(element)), unit_of(x))
    if factor == 1:
        return tuple(edges.value)
    return tuple(float(edge * float(factor)) for edge in edges.value)


def _labels(edges: tuple[float, ...], is_whole: bool) -> tuple[str, ...]:
    hyphen = " to " if edges[0] < 0 else "-"
    if not is_whole:
        return tuple(f"{_short(a)}{hyphen}<{_short(b)}" for a, b in pairwise(edges))
    ends = [(math.ceil(a), math.ceil(b) - 1) for a, b in pairwise(edges)]
    return tuple(str(a) if a == b else f"{a}{hyphen}{b}" for a, b in ends)


def _short(edge: float) -> str:
    """The edge in the fewest digits that tell it apart."""
    return str(int(edge)) if edge == int(edge) and abs(edge) < 1e15 else repr(float(edge))
