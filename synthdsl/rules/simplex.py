"""Linear facts of any shape: whether numbers meet them all.

Source: Dutertre and de Moura 2006, "A fast linear-arithmetic solver for DPLL(T)", section 3:
one row a form, bounds on forms and variables, pivots by Bland's rule; a row that no pivot helps
is a contradiction of the bounds that it names. Exact in rational numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd, isinf

from synthdsl.rules.linear import Fact, exact_end
from synthdsl.rules.propagation import Conflict, State

MOST_FORMS = 48
MOST_PIVOTS = 300
Value = tuple[Fraction, Fraction]
"""A number, and how many times an arbitrarily small amount above it (for strict bounds)."""


@dataclass(frozen=True, slots=True)
class Bound:
    """An end of a form's interval and what it follows from."""

    value: Value
    reason: int
    source: int


class Clash(Conflict):
    """A contradiction of linear facts; `parts`: the terms of each with its end and side."""

    def __init__(self, parts: list[tuple[tuple[tuple[int, Fraction], ...], Bound, bool]]) -> None:
        reason = 0
        for _, bound, _ in parts:
            reason |= bound.reason
        super().__init__(reason, parts[0][0][0][0])
        self.parts = parts


def check_sums(facts: list[Fact], state: State) -> None:
    """Raise `Clash` where linear facts contradict each other."""
    sums = sum(len(f.terms) > 1 for f in facts)
    if sums > 2 * MOST_FORMS or all(len(f.terms) < 2 or _is_difference(f) for f in facts):
        return
    state.work.left -= 10 * len(facts)
    tableau = _Tableau(state)
    for item in facts:
        tableau.add(item)
    if len(tableau.rows) <= MOST_FORMS:
        tableau.check()


def _is_difference(item: Fact) -> bool:
    return len(item.terms) == 2 and item.terms[0][1] == -item.terms[1][1]


Terms = tuple[tuple[int, Fraction], ...]


class _Tableau:
    """Forms as rows over variables; columns are variables (>= 0) and forms (< 0)."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.rows: dict[int, dict[int, Fraction]] = {}
        self._forms: dict[Terms, int] = {}
        self._terms: dict[int, Terms] = {}
        self._least: dict[int, Bound] = {}
        self._most: dict[int, Bound] = {}
        self._value: dict[int, Value] = {}

    def add(self, item: Fact) -> None:
        """Take in a fact, as a bound of its form."""
        terms, factor = _primitive(item.terms)
        column = self._column(terms)
        epsilon = Fraction(-1 if item.is_strict else 0)
        end = item.bound / abs(factor)
        if factor > 0:
            self._tighten(column, Bound((end, epsilon), item.reason, item.source), is_most=True)
        else:
            self._tighten(column, Bound((-end, -epsilon), item.reason, item.source), is_most=False)

    def _column(self, terms: Terms) -> int:
        for variable, _ in terms:
            self._variable(variable)
        if len(terms) == 1 and terms[0][1] == 1:
            return terms[0][0]
        if terms not in self._forms:
            column = -1 - len(self._forms)
            self._forms[terms] = column
            self._terms[column] = terms
            self.rows[column] = dict(terms)
        return self._forms[terms]

    def _variable(self, variable: int) -> None:
        if variable in self._terms:
            return
        self._terms[variable] = ((variable, Fraction(1)),)
        known, reason = self._state.known[variable], self._state.reasons[variable]
        zero = Fraction(0)
        node = self._state.graph.nodes[variable]
        if not isinf(known.low):
            end = Bound((exact_end(known.low, node), zero), reason, reason)
            self._tighten(variable, end, is_most=False)
        if not isinf(known.high):
            end = Bound((exact_end(known.high, node), zero), reason, reason)
            self._tighten(variable, end, is_most=True)

    def _tighten(self, column: int, bound: Bound, *, is_most: bool) -> None:
        ends = self._most if is_most else self._least
        before = ends.get(column)
        if before is None or (
            bound.value < before.value if is_most else bound.value > before.value
        ):
            ends[column] = bound
        least, most = self._least.get(column), self._most.get(column)
        if least is not None and most is not None and most.value < least.value:
            terms = self._terms[column]
            raise Clash([(terms, least, False), (terms, most, True)])

    def check(self) -> None:
        """Move values until every bound holds. Raises `Clash` where none do."""
        self._start()
        for _ in range(MOST_PIVOTS):
            self._state.work.left -= 4 * len(self.rows) + 4
            if self._state.work.is_done:
                return
            column = self._violated()
            if column is None:
                return
            self._repair(column)

    def _start(self) -> None:
        zero = (Fraction(0), Fraction(0))
        for column in self._terms:
            if column not in self.rows:
                value = zero
                if column in self._least and value < self._least[column].value:
                    value = self._least[column].value
                if column in self._most and value > self._most[column].value:
                    value = self._most[column].value
                self._value[column] = value
        for column, row in self.rows.items():
            self._value[column] = self._sum(row)

    def _sum(self, row: dict[int, Fraction]) -> Value:
        return (
            sum((w * self._value[v][0] for v, w in row.items()), Fraction(0)),
            sum((w * self._value[v][1] for v, w in row.items()), Fraction(0)),
        )

    def _violated(self) -> int | None:
        for column in sorted(self.rows):
            value = self._value[column]
            if column in self._least and value < self._least[column].value:
                return column
            if column in self._most and value > self._most[column].value:
                return column
        return None

    def _repair(self, column: int) -> None:
        row = self.rows[column]
        is_low = column in self._least and self._value[column] < self._least[column].value
        target = (self._least if is_low else self._most)[column]
        for other in sorted(row):
            if self._can_move(other, is_up=(row[other] > 0) == is_low):
                self._pivot(column, other, target.value)
                return
        parts = [(self._terms[column], target, not is_low)]
        for other, weight in sorted(row.items()):
            is_most = (weight > 0) == is_low
            ends = self._most if is_most else self._least
            parts.append((self._terms[other], ends[other], is_most))
        raise Clash(parts)

    def _can_move(self, column: int, *, is_up: bool) -> bool:
        if is_up:
            return column not in self._most or self._value[column] < self._most[column].value
        return column not in self._least or self._value[column] > self._least[column].value

    def _pivot(self, leaving: int, entering: int, target: Value) -> None:
        row = self.rows.pop(leaving)
        weight = row.pop(entering)
        solved = {v: -w / weight for v, w in row.items()}
        solved[leaving] = 1 / weight
        for column, other in self.rows.items():
            factor = other.pop(entering, None)
            if factor is None:
                continue
            for v, w in solved.items():
                total = other.get(v, Fraction(0)) + factor * w
                if total:
                    other[v] = total
                else:
                    other.pop(v, None)
            self.rows[column] = other
        self.rows[entering] = solved
        self._value[leaving] = target
        for column, other in self.rows.items():
            self._value[column] = self._sum(other)


def _primitive(terms: Terms) -> tuple[Terms, Fraction]:
    """`terms` in whole numbers without common factor, the first above zero; and the factor."""
    ordered = sorted(terms)
    bottom = 1
    for _, weight in ordered:
        bottom = bottom * weight.denominator // gcd(bottom, weight.denominator)
    common = 0
    for _, weight in ordered:
        common = gcd(common, int(weight * bottom))
    factor = Fraction(common, bottom) * (1 if ordered[0][1] > 0 else -1)
    return tuple((v, w / factor) for v, w in ordered), factor
