"""Differences of two variables: a circle of them that comes to less than nothing.

Each fact `u - v <= c` is an edge from v to u; a circle of negative length is a contradiction,
and its edges are the explanation. Source: Bellman 1958, "On a routing problem"; Pratt 1977,
"Two easy theories whose combination is hard".
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isinf

from synthdsl.rules.linear import Fact, exact_end
from synthdsl.rules.propagation import Conflict, State

ZERO = -1
"""The variable that is always 0: differences from it are bounds."""


@dataclass(frozen=True, slots=True)
class Edge:
    """`upper - lower <= bound`, or `<` where `is_strict`."""

    upper: int
    lower: int
    bound: Fraction
    is_strict: bool
    reason: int
    source: int


class Circle(Conflict):
    """A contradiction of differences; `edges` in order around it."""

    def __init__(self, edges: list[Edge]) -> None:
        reason = 0
        for edge in edges:
            reason |= edge.reason
        super().__init__(reason, edges[0].upper)
        self.edges = edges


def check_differences(facts: list[Fact], state: State) -> None:
    """Raise `Circle` where differences contradict each other."""
    edges = [edge for edge in map(_edge, facts) if edge is not None]
    if not edges:
        return
    variables = {v for edge in edges for v in (edge.upper, edge.lower)} - {ZERO}
    for variable in sorted(variables):
        edges += _bounds(variable, state)
    state.work.left -= 2 * len(edges)
    circle = _negative_circle(edges, state)
    if circle is not None:
        raise Circle(circle)


def _edge(fact: Fact) -> Edge | None:
    terms = fact.terms
    if len(terms) == 1:
        (variable, weight), *_ = terms
        bound = fact.bound / abs(weight)
        upper, lower = (variable, ZERO) if weight > 0 else (ZERO, variable)
    elif len(terms) == 2 and terms[0][1] == -terms[1][1]:
        first, second = terms if terms[0][1] > 0 else terms[::-1]
        bound = fact.bound / first[1]
        upper, lower = first[0], second[0]
    else:
        return None
    return Edge(upper, lower, bound, fact.is_strict, fact.reason, fact.source)


def _bounds(variable: int, state: State) -> list[Edge]:
    known, reason = state.known[variable], state.reasons[variable]
    node = state.graph.nodes[variable]
    found = []
    if not isinf(known.high):
        found.append(Edge(variable, ZERO, exact_end(known.high, node), False, reason, reason))
    if not isinf(known.low):
        found.append(Edge(ZERO, variable, -exact_end(known.low, node), False, reason, reason))
    return found


Length = tuple[float, int]


def _negative_circle(edges: list[Edge], state: State) -> list[Edge] | None:
    names = sorted({v for edge in edges for v in (edge.upper, edge.lower)})
    place = {name: at for at, name in enumerate(names)}
    steps = [(place[e.lower], place[e.upper], _plain(e.bound), -int(e.is_strict), e) for e in edges]
    reach: list[Length] = [(0, 0)] * len(names)
    before: list[Edge | None] = [None] * len(names)
    due = 1
    for turn in range(1, len(names) + 2):
        has_changed = False
        state.work.left -= len(steps)
        if state.work.is_done:
            return None
        for tail, head, bound, strict, edge in steps:
            length = (reach[tail][0] + bound, reach[tail][1] + strict)
            if length < reach[head]:
                reach[head] = length
                before[head] = edge
                has_changed = True
        if not has_changed:
            return None
        if turn == due:
            due *= 2
            circle = _circle(before, place)
            if circle is not None and _is_negative(circle):
                return circle
    return None


def _plain(bound: Fraction) -> int | float:
    return bound.numerator if bound.denominator == 1 else float(bound)


def _circle(before: list[Edge | None], place: dict[int, int]) -> list[Edge] | None:
    """A circle among the edges by which variables were reached last."""
    colour = [0] * len(before)
    for start in range(len(before)):
        path = []
        at = start
        while colour[at] == 0:
            colour[at] = start + 1
            edge = before[at]
            if edge is None:
                break
            path.append(edge)
            at = place[edge.lower]
        else:
            if colour[at] == start + 1:
                # walked back onto the path of this start
                first = next(i for i, e in enumerate(path) if place[e.upper] == at)
                return path[first:]
    return None


def _is_negative(circle: list[Edge]) -> bool:
    total = sum((edge.bound for edge in circle), Fraction(0))
    return total < 0 or (total == 0 and any(edge.is_strict for edge in circle))
