"""Whether constraints can hold together: what propagation leaves open is tried case by case.

A condition that is open is supposed true, then false, then null; a variable of few values is
supposed to be each of them. Where every case is contradicted, the constraints are. The search
is complete for conditions over listed values as long as the work lasts, and never refuses what
can be: a case that is not contradicted ends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import isinf

from synthdsl.rules.differences import check_differences
from synthdsl.rules.enclosures import (
    FALSE,
    NULL,
    TRUE,
    Enclosure,
    between,
    can_be,
    is_surely,
    listing,
    meet,
)
from synthdsl.rules.graph import Constraint
from synthdsl.rules.linear import Forms, facts
from synthdsl.rules.propagation import Conflict, State
from synthdsl.rules.simplex import check_sums

MOST_VALUES = 24
"""A variable with more values is not tried value by value."""
DEEPEST = 120


@dataclass(eq=False)
class Search:
    """One search; `forms` belong to the graph of `state`.

    `first_bit`: bits from there on are free to stand for what is supposed.
    """

    state: State
    forms: Forms
    first_bit: int
    _owners: dict[int, list[int]] = field(default_factory=dict)
    _decisions: int = 0

    def refute(self, constraints: list[Constraint]) -> Conflict | None:
        """Why `constraints` cannot hold together; None where they may."""
        state = self.state
        mark = state.mark()
        try:
            state.add(constraints)
            for at, constraint in enumerate(state.constraints):
                for number in constraint.nodes:
                    self._owners.setdefault(number, []).append(at)
            self._check()
            return self._cases(0)
        except Conflict as conflict:
            return conflict
        finally:
            state.undo(mark)

    def _check(self) -> None:
        """Raise `Conflict` where linear facts contradict each other."""
        found = facts(self.state, self.forms)
        if found:
            check_differences(found, self.state)
            check_sums(found, self.state)

    def _cases(self, depth: int) -> Conflict | None:
        """The conflict that follows whatever open conditions are; None where there may be none."""
        state = self.state
        if depth > DEEPEST or state.work.is_done:
            return None
        choice = self._choice()
        if choice is None:
            return None
        node, options = choice
        bit = 1 << (self.first_bit + self._decisions)
        self._decisions += 1
        reason = state.reasons[node]
        for option in options:
            conflict = self._try(node, option, bit, depth)
            if conflict is None:
                return None
            if not conflict.reason & bit:
                return conflict
            reason |= conflict.reason & ~bit
        return Conflict(reason, node)

    def _try(self, node: int, option: Enclosure, bit: int, depth: int) -> Conflict | None:
        mark = self.state.mark()
        try:
            self.state.decide(node, option, bit, self._owners.get(node, ()))
            self._check()
            return self._cases(depth + 1)
        except Conflict as conflict:
            return conflict
        finally:
            self.state.undo(mark)

    # what to try next

    def _choice(self) -> tuple[int, list[Enclosure]] | None:
        state = self.state
        for constraint in state.constraints:
            for node in self._open(constraint.node):
                known = state.known[node]
                return node, [o for o in (TRUE, FALSE, NULL) if not meet(known, o).is_empty]
        return self._variable()

    def _open(self, number: int) -> Iterator[int]:
        """Open conditions on which it depends what `number` comes out as."""
        state = self.state
        node = state.graph.nodes[number]
        known = state.known[number]
        if node.operator == "choose":
            yield from self._open_branches(number)
            return
        if node.operator in ("within", "round", "any-of"):
            for i in node.inputs:
                yield from self._open(i)
            return
        if node.operator in ("and", "or", "->"):
            if _is_settled(node.operator, [state.known[i] for i in node.inputs], known):
                return
            for i in node.inputs:
                yield from self._open(i)
        elif node.operator in ("not", "<->"):
            for i in node.inputs:
                yield from self._open(i)
        elif known.listed is not None and known.listed <= {True, False} and not _is_known(known):
            yield number

    def _open_branches(self, number: int) -> Iterator[int]:
        inputs = self.state.graph.nodes[number].inputs
        for at in range(0, len(inputs) - 1, 2):
            yield from self._open(inputs[at])
            if can_be(self.state.known[inputs[at]], True):
                yield from self._open(inputs[at + 1])
            if is_surely(self.state.known[inputs[at]], True):
                return
        yield from self._open(inputs[-1])

    def _variable(self) -> tuple[int, list[Enclosure]] | None:
        """The variable with the fewest values among those that meet others in a rule."""
        best: tuple[int, int] | None = None
        counts: dict[int, int] = {}
        self.state.work.left -= 2 * len(self.state.constraints)
        for constraint in self.state.constraints:
            variables = constraint.variables
            if constraint.variable is not None:
                variables = (*variables, constraint.variable)
            for v in variables:
                if v not in counts:
                    counts[v] = self._count(v)
            open_ones = [(counts[v], v) for v in variables]
            open_ones = [(n, v) for n, v in open_ones if n > 1]
            if len(open_ones) < (2 if constraint.variable is None else 1):
                continue
            best = min([*open_ones, *([best] if best else [])])
        if best is None or best[0] > MOST_VALUES:
            return None
        return best[1], self._values(best[1])

    def _count(self, variable: int) -> int:
        known = self.state.known[variable]
        if known.is_nullable or not known.has_value:
            return 2 if known.is_nullable and known.has_value else 1
        if known.listed is not None:
            return len(known.listed)
        step = self.state.graph.nodes[variable].step
        if step is None or isinf(known.low) or isinf(known.high):
            return 1 if known.low == known.high else MOST_VALUES + 1
        return round((known.high - known.low) * step.denominator / step.numerator) + 1

    def _values(self, variable: int) -> list[Enclosure]:
        known = self.state.known[variable]
        if known.is_nullable:
            return [known.with_null(False), NULL]
        if known.listed is not None:
            is_number = not isinf(known.low)
            return [listing((v,), is_number=is_number) for v in sorted(known.listed, key=str)]
        node = self.state.graph.nodes[variable]
        assert node.step is not None
        # half a step around each value, so that the binary value itself is inside
        step = node.step
        first = Fraction(known.low)
        ends = [first + k * step for k in range(self._count(variable))]
        if node.is_whole:
            return [between(int(e), int(e)) for e in ends]
        return [between(float(e - step / 2), float(e + step / 2)) for e in ends]


def _is_known(known: Enclosure) -> bool:
    return is_surely(known, True) or is_surely(known, False) or not known.has_value


def _is_settled(operator: str, inputs: list[Enclosure], known: Enclosure) -> bool:
    """Whether one input alone gives what is known of the result."""
    if operator == "and":
        return any(is_surely(i, False) for i in inputs)
    if operator == "or":
        return any(is_surely(i, True) for i in inputs)
    return is_surely(inputs[0], False) or is_surely(inputs[1], True)
