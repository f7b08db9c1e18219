"""Constraints made consistent with each other, as far as intervals and lists can tell.

Every enclosure remembers which rules and draws it follows from: a contradiction comes with the
set of those that it needs, and not only with the last one that was looked at.

Source: HC4, Benhamou, Goualard, Granvilliers and Puget 1999, "Revising hull and box
consistency"; explanations as in Jussien and Barichard 2000, "The PaLM system".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import isinf

from synthdsl.rules.backward import backward
from synthdsl.rules.enclosures import Enclosure, Number, between, meet
from synthdsl.rules.forward import FINE, forward
from synthdsl.rules.graph import Constraint, Graph, Node
from synthdsl.values.types import Kind

MOST_VISITS = 6
"""How often a constraint is looked at again in one propagation: bounds may creep for ever."""


class Work:
    """What is left of the work that an analysis may do: nodes looked at. It is counted, not
    timed, so that the same spec gives the same findings everywhere.
    """

    def __init__(self, left: int) -> None:
        self.left = left

    @property
    def is_done(self) -> bool:
        """Whether nothing is left."""
        return self.left <= 0

    def share(self, share: float) -> Work:
        """Part of what is left, taken out of it."""
        part = max(int(self.left * share), 0)
        self.left -= part
        return Work(part)


class Conflict(Exception):  # noqa: N818 - it is an answer, not an error
    """Nothing is left of a node; `reason`: the bits of what that follows from."""

    def __init__(self, reason: int, node: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.node = node


@dataclass(frozen=True, slots=True)
class Step:
    """That a constraint narrowed a variable to what it `allowed`."""

    variable: int
    before: Enclosure
    after: Enclosure
    allowed: Enclosure
    constraint: Constraint | None


class State:
    """What is known of every node: `known`, and in `reasons` what that follows from.

    `steps`: where a list, it records how variables were narrowed. `keeps_values`: only
    conditions are narrowed, so that contradictions of amounts are left to other checks.
    """

    def __init__(self, graph: Graph, work: Work) -> None:
        self.graph = graph
        self.work = work
        work.left -= len(graph.nodes) // 32 + 1
        self.known: list[Enclosure] = [node.start for node in graph.nodes]
        self.reasons: list[int] = [0] * len(graph.nodes)
        self.constraints: list[Constraint] = []
        self.steps: list[Step] | None = None
        self.keeps_values = False
        self.current: Constraint | None = None
        self._watchers: dict[int, list[int]] = {}
        self._trail: list[tuple[int, Enclosure, int]] = []

    # what can be undone

    def mark(self) -> tuple[int, int]:
        """A place to come back to."""
        return len(self._trail), len(self.constraints)

    def undo(self, mark: tuple[int, int]) -> None:
        """Forget everything since `mark`."""
        while len(self._trail) > mark[0]:
            node, known, reason = self._trail.pop()
            self.known[node] = known
            self.reasons[node] = reason
        for constraint in self.constraints[mark[1] :]:
            for variable in _watched(constraint):
                self._watchers[variable].pop()
        del self.constraints[mark[1] :]

    # narrowing

    def narrow(self, node: int, allowed: Enclosure, reason: int) -> bool:
        """Keep only what is `allowed`; whether anything went. Raises `Conflict`."""
        before = self.known[node]
        if allowed is before:
            return False
        after = meet(before, allowed)
        item = self.graph.nodes[node]
        if item.operator == "variable":
            after = snapped(after, item)
        if after == before:
            return False
        if item.operator == "variable":
            if self.keeps_values and after.has_value and item.detail.kind is not Kind.BOOL:
                return False
            if self.steps is not None:
                self.steps.append(Step(node, before, after, allowed, self.current))
        if after.is_empty:
            raise Conflict(self.reasons[node] | reason, node)
        self._trail.append((node, before, self.reasons[node]))
        self.known[node] = after
        self.reasons[node] |= reason
        return True

    def add(self, constraints: Iterable[Constraint]) -> None:
        """Add constraints and propagate. Raises `Conflict`."""
        first = len(self.constraints)
        for constraint in constraints:
            at = len(self.constraints)
            self.constraints.append(constraint)
            for variable in _watched(constraint):
                self._watchers.setdefault(variable, []).append(at)
        self._propagate(range(first, len(self.constraints)))

    def decide(self, node: int, allowed: Enclosure, reason: int, owners: Iterable[int]) -> None:
        """Suppose that `node` is as allowed; `owners` are the constraints that hold it."""
        changed = self.narrow(node, allowed, reason)
        queue = list(owners)
        if changed and self.graph.nodes[node].operator == "variable":
            queue += self._watchers.get(node, ())
        self._propagate(queue)

    def _propagate(self, start: Iterable[int]) -> None:
        queue = deque(dict.fromkeys(start))
        waiting = set(queue)
        visits: dict[int, int] = {}
        while queue:
            at = queue.popleft()
            waiting.discard(at)
            visits[at] = visits.get(at, 0) + 1
            if visits[at] > MOST_VISITS or self.work.is_done:
                continue
            for variable in self._revise(self.constraints[at]):
                for watcher in self._watchers.get(variable, ()):
                    if watcher not in waiting:
                        waiting.add(watcher)
                        queue.append(watcher)

    def _revise(self, constraint: Constraint) -> list[int]:
        """Make one constraint consistent; the variables that it narrowed."""
        nodes = self.graph.nodes
        self.current = constraint
        self.work.left -= 2 * len(constraint.nodes) + 2
        for number in constraint.nodes:
            node = nodes[number]
            if node.inputs:
                self._forward(node, constraint.source)
        changed: list[int] = []
        if constraint.demand is not None:
            self.narrow(constraint.node, constraint.demand, constraint.source)
        elif constraint.variable is not None:
            self._equate(constraint.node, constraint.variable, constraint.source, changed)
        for number in reversed(constraint.nodes):
            node = nodes[number]
            if node.inputs:
                self._backward(node, constraint.source, changed)
        return changed

    def _equate(self, node: int, variable: int, source: int, changed: list[int]) -> None:
        if self.narrow(variable, self.known[node], source | self.reasons[node]):
            changed.append(variable)
        self.narrow(node, self.known[variable], source | self.reasons[variable])

    def _forward(self, node: Node, source: int) -> None:
        inputs = [self.known[i] for i in node.inputs]
        result = forward(node, inputs)
        reason = source
        for i in node.inputs:
            reason |= self.reasons[i]
        self.narrow(node.number, result, reason)

    def _backward(self, node: Node, source: int, changed: list[int]) -> None:
        inputs = [self.known[i] for i in node.inputs]
        narrowed = backward(node, self.known[node.number], inputs)
        if narrowed is None:
            return
        reason = source | self.reasons[node.number]
        for i in node.inputs:
            reason |= self.reasons[i]
        for i, before, after in zip(node.inputs, inputs, narrowed, strict=True):
            if after is before or not self.narrow(i, after, reason):
                continue
            if self.graph.nodes[i].operator == "variable":
                changed.append(i)


def _watched(constraint: Constraint) -> tuple[int, ...]:
    if constraint.variable is None or constraint.variable in constraint.variables:
        return constraint.variables
    return (*constraint.variables, constraint.variable)


def snapped(a: Enclosure, node: Node) -> Enclosure:
    """The values of a variable on its grid."""
    if node.step is None or a.listed is not None or not a.has_value:
        return a
    low = _first(a.low, node.step, node.is_whole)
    high = _last(a.high, node.step, node.is_whole)
    if low == a.low and high == a.high and isinstance(low, int) == isinstance(a.low, int):
        return a
    return between(low, high, a.is_nullable)


def _first(x: Number, step: Fraction, is_whole: bool) -> Number:
    """The least grid value from `x` on, as the engine holds it."""
    if isinstance(x, float) and (isinf(x) or abs(x) >= FINE * step):
        return x
    steps = -(-Fraction(x) // step) - 1
    value = _grid_value(steps, step, is_whole)
    while value < x:
        steps += 1
        value = _grid_value(steps, step, is_whole)
    return value


def _last(x: Number, step: Fraction, is_whole: bool) -> Number:
    if isinstance(x, float) and (isinf(x) or abs(x) >= FINE * step):
        return x
    steps = Fraction(x) // step + 1
    value = _grid_value(steps, step, is_whole)
    while value > x:
        steps -= 1
        value = _grid_value(steps, step, is_whole)
    return value


def _grid_value(steps: int, step: Fraction, is_whole: bool) -> Number:
    whole = steps * step.numerator
    return whole // step.denominator if is_whole else whole / step.denominator
