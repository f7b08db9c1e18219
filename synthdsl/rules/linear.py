"""Linear facts: what decided comparisons, formulas and draws say of sums of variables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, isinf

from synthdsl.rules.enclosures import Enclosure, Number, is_surely, meet
from synthdsl.rules.forward import branches
from synthdsl.rules.graph import Constraint, Graph, Node
from synthdsl.rules.propagation import State
from synthdsl.values.types import ORDERED

COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
DEEPEST = 60
"""Formulas within formulas that are put in for their fields."""
MOST_TERMS = 40
TOLERANCE = Fraction(1, 10**9)
"""Share of the amounts in a fact of numbers that are not whole by which it may be missed."""


@dataclass(eq=False, slots=True)
class Form:
    """A sum of variables with factors, plus `offset`, which a value comes to within `slack`.

    `is_exact`: no rounding of binary numbers comes in between. `is_decimal`: it is compared in
    whole steps of a grid on which all of it lies.
    """

    terms: dict[int, Fraction]
    offset: Fraction = Fraction(0)
    slack: Fraction = Fraction(0)
    is_exact: bool = True
    size: Fraction = Fraction(0)
    is_decimal: bool = False
    _step: Fraction | bool | None = False

    def common_step(self, graph: Graph) -> Fraction | None:
        """The greatest amount of which the sum of the terms is always a multiple."""
        if self._step is False:
            self._step = _common_step(self, graph)
        return self._step  # type: ignore[return-value]

    def plus(self, other: Form, factor: Fraction) -> Form:
        """The sum of this form and another times `factor`."""
        terms = dict(self.terms)
        for variable, weight in other.terms.items():
            terms[variable] = terms.get(variable, Fraction(0)) + factor * weight
        return Form(
            {v: w for v, w in terms.items() if w},
            self.offset + factor * other.offset,
            self.slack + abs(factor) * other.slack,
            self.is_exact and other.is_exact,
            self.size + abs(factor) * (other.size + abs(other.offset)),
        )


@dataclass(frozen=True, slots=True)
class Fact:
    """The sum of `terms` is at most `bound`, or below it (`is_strict`).

    `reason`: bits of what the fact follows from; `source`: the bit of the rule or field that
    states it.
    """

    terms: tuple[tuple[int, Fraction], ...]
    bound: Fraction
    is_strict: bool
    reason: int
    source: int


@dataclass(eq=False)
class Forms:
    """The linear forms of a graph's nodes, each made once.

    `puts_in`: whether fields that are formulas are replaced by them.
    """

    graph: Graph
    puts_in: bool = True
    _known: dict[int, Form | None] = field(default_factory=dict)
    _comparisons: dict[int, tuple[tuple[int, Form], ...]] = field(default_factory=dict)

    def form(self, number: int, depth: int = 0) -> Form | None:
        """What a node comes to; None where it is not linear."""
        if number not in self._known:
            self._known[number] = None  # stands while a circle would ask for it
            self._known[number] = self._made(number, depth)
        return self._known[number]

    def _made(self, number: int, depth: int) -> Form | None:
        node = self.graph.nodes[number]
        if node.operator == "variable":
            return self._of_variable(number, depth)
        inputs = [self.form(i, depth) for i in node.inputs]
        single = node.start.single
        if node.operator == "constant":
            if not isinstance(single, int | float) or isinstance(single, bool) or isinf(single):
                return None
            return Form({}, Fraction(single))
        if any(i is None for i in inputs) or not inputs:
            return None
        a = inputs[0]
        assert a is not None
        made = None
        if node.operator in ("+", "-") and inputs[1] is not None:
            made = a.plus(inputs[1], Fraction(1 if node.operator == "+" else -1))
        elif node.operator == "neg":
            return Form({}).plus(a, Fraction(-1))
        elif node.operator in ("*", "/") and inputs[1] is not None:
            made = _scaled(node.operator, a, inputs[1])
        elif node.operator == "convert":
            factor, offset = node.detail
            made = Form({}, offset).plus(a, factor)
        elif node.operator == "round":
            return _on_grid(a, node.detail, self.graph)
        if made is None or len(made.terms) > MOST_TERMS:
            return None
        return self._settled(made, node.is_whole)

    def _settled(self, made: Form, is_whole: bool) -> Form:
        """A form with the rounding that its operation adds."""
        if not is_whole:
            made.is_exact = False
        elif not self._is_multiple(made, Fraction(1)):
            made.slack += Fraction(1, 2)
        return made

    def _is_multiple(self, form: Form, step: Fraction) -> bool:
        return _is_multiple(form, step, self.graph)

    def _of_variable(self, number: int, depth: int) -> Form:
        plain = Form({number: Fraction(1)})
        name = self.graph.names[number]
        item = self.graph.table.fields.get(name)
        if item is None or item.value is None or depth > DEEPEST or not self.puts_in:
            return plain
        inner = self.form(self.graph.definitions[name].node, depth + 1)
        return plain if inner is None or not inner.terms else inner

    def comparisons(self, constraint: Constraint) -> tuple[tuple[int, Form], ...]:
        """The comparisons of amounts in a constraint: node, and left side less right side."""
        if constraint.node not in self._comparisons:
            self._comparisons[constraint.node] = tuple(self._compared(constraint))
        return self._comparisons[constraint.node]

    def _compared(self, constraint: Constraint) -> Iterator[tuple[int, Form]]:
        for number in constraint.nodes:
            node = self.graph.nodes[number]
            if node.operator not in COMPARISONS or node.expression is None:
                continue
            expression = node.expression
            kinds = {o.type.kind for o in getattr(expression, "operands", ())}
            if not kinds <= ORDERED:
                continue
            left, right = (self.form(i) for i in node.inputs)
            if left is not None and right is not None:
                form = left.plus(right, Fraction(-1))
                if form.terms and len(form.terms) <= MOST_TERMS:
                    yield number, _in_decimals(form, node.detail)


NICE = 10**6


def _in_decimals(form: Form, step: float | None) -> Form:
    """A form in the decimals that were typed, where it is compared in whole steps."""
    if step is None or form.slack:
        return form
    terms = {v: w.limit_denominator(NICE) for v, w in form.terms.items()}
    if any(float(w) != float(terms[v]) for v, w in form.terms.items()):
        return form
    grid = Fraction(step).limit_denominator(10**12)
    return Form(terms, round(form.offset / grid) * grid, is_decimal=True)


def _scaled(operator: str, a: Form, b: Form) -> Form | None:
    if operator == "*" and not a.terms and b.terms:
        a, b = b, a
    if b.terms or (operator == "/" and b.offset == 0):
        return None
    factor = b.offset if operator == "*" else 1 / b.offset
    return Form({}).plus(a, factor)


def _is_multiple(form: Form, step: Fraction, graph: Graph) -> bool:
    """Whether what a form comes to is surely a multiple of `step`."""
    if form.slack or not form.is_exact or (form.offset / step).denominator != 1:
        return False
    return all(
        graph.nodes[v].is_whole
        and (w * (graph.nodes[v].step or Fraction(1)) / step).denominator == 1
        for v, w in form.terms.items()
    )


def _on_grid(a: Form, step: Fraction, graph: Graph) -> Form:
    if _is_multiple(a, step, graph):
        return a
    return Form(a.terms, a.offset, a.slack + step / 2, a.is_exact, a.size)


def facts(state: State, forms: Forms) -> list[Fact]:
    """What is sure of sums of variables, now."""
    found: list[Fact] = []
    state.work.left -= len(state.constraints)
    for constraint in state.constraints:
        for number, form in forms.comparisons(constraint):
            known = state.known[number]
            if known.is_nullable or not known.has_value:
                continue
            is_true = is_surely(known, True)
            if not is_true and not is_surely(known, False):
                continue
            reason = constraint.source | state.reasons[number]
            operator = state.graph.nodes[number].operator
            found += _of_comparison(operator, is_true, form, reason, constraint.source, state)
        if constraint.variable is not None and constraint.variables:
            found += _of_draw(constraint, state, forms)
    state.work.left -= 6 * len(found)
    return found


def _of_comparison(
    operator: str, is_true: bool, form: Form, reason: int, source: int, state: State
) -> Iterator[Fact]:
    if operator in ("==", "!="):
        if is_true == (operator == "=="):
            yield fact(form, False, reason, source, state)
            yield fact(_negated(form), False, reason, source, state)
        return
    # left less right is at most 0, or, the other way round, at least
    is_less = (operator in ("<", "<=")) == is_true
    is_strict = (operator in ("<", ">")) == is_true
    yield fact(form if is_less else _negated(form), is_strict, reason, source, state)


def _negated(form: Form) -> Form:
    result = Form({}).plus(form, Fraction(-1))
    result.is_decimal = form.is_decimal
    return result


def fact(form: Form, is_strict: bool, reason: int, source: int, state: State) -> Fact:
    """That a form is at most zero, as tightly as the grids of its variables allow."""
    bound = -form.offset + form.slack
    is_binary = not form.is_exact or (form.offset and not _is_whole(form, state.graph))
    if is_binary and not form.is_decimal:
        bound += TOLERANCE * (_size(form, state) + form.size + abs(form.offset))
        is_strict = False
    elif form.slack:
        is_strict = False
    step = form.common_step(state.graph)
    if step is not None:
        whole = bound // step
        bound = (whole - 1 if is_strict and whole * step == bound else whole) * step
        is_strict = False
    return Fact(tuple(form.terms.items()), bound, is_strict, reason, source)


def _is_whole(form: Form, graph: Graph) -> bool:
    return all(graph.nodes[v].is_whole for v in form.terms)


def exact_end(end: Number, node: Node) -> Fraction:
    """An end of what is known of a variable: the grid value that the binary number stands for."""
    exact = Fraction(end)
    if node.step is None or node.is_whole:
        return exact
    return round(exact / node.step) * node.step


def _size(form: Form, state: State) -> Fraction:
    """The largest amounts that come into a form, where they are bounded."""
    total = Fraction(0)
    for variable, weight in form.terms.items():
        known = state.known[variable]
        ends = [abs(e) for e in (known.low, known.high)]
        if not any(isinf(e) for e in ends):
            total += abs(weight) * Fraction(max(ends))
    return total


def _common_step(form: Form, graph: Graph) -> Fraction | None:
    common: Fraction | None = None
    for variable, weight in form.terms.items():
        node = graph.nodes[variable]
        if node.step is None:
            return None
        size = abs(weight) * node.step
        common = size if common is None else _common(common, size)
    return common


def _common(a: Fraction, b: Fraction) -> Fraction:
    bottom = a.denominator * b.denominator // gcd(a.denominator, b.denominator)
    return Fraction(gcd(int(a * bottom), int(b * bottom)), bottom)


def _of_draw(constraint: Constraint, state: State, forms: Forms) -> Iterator[Fact]:
    """That a field lies between bounds that its draw reads from other fields."""
    assert constraint.variable is not None
    if state.known[constraint.variable].is_nullable:
        return
    nodes = state.graph.nodes
    number, reason = constraint.node, constraint.source
    item = nodes[constraint.variable]
    while nodes[number].operator in ("choose", "within", "round"):
        node = nodes[number]
        inputs = [state.known[i] for i in node.inputs]
        if node.operator == "choose":
            at = _only_branch(inputs, state.known[constraint.variable])
            if at is None:
                return
            for i in (*node.inputs, constraint.variable):
                reason |= state.reasons[i]
            number = node.inputs[at]
            continue
        if node.operator == "within":
            yield from _between(node.inputs[1:], item.number, reason, Fraction(0), state, forms)
        number = node.inputs[0]
    if nodes[number].operator == "support":
        half = (item.step or Fraction(0)) / 2
        yield from _between(nodes[number].inputs[:2], item.number, reason, half, state, forms)


def _only_branch(inputs: list[Enclosure], value: Enclosure) -> int | None:
    possible = [at for at in branches(inputs) if not meet(inputs[at], value).is_empty]
    return possible[0] if len(possible) == 1 else None


def _between(
    ends: tuple[int, ...], variable: int, reason: int, half: Fraction, state: State, forms: Forms
) -> Iterator[Fact]:
    """That a variable lies from the first of `ends` to the second, both within `half` a step."""
    value = Form({variable: Fraction(1)})
    step = state.graph.nodes[variable].step
    for end, sign in zip(ends, (-1, 1), strict=True):
        form = forms.form(end)
        if form is None or not form.terms:
            continue
        total = value.plus(form, Fraction(-1))
        total = total if sign > 0 else _negated(total)
        if step is None or not _is_multiple(form, step, state.graph):
            total.slack += half
            if step is not None:
                total.slack += step * TOLERANCE
        if not total.terms:
            continue
        total.is_exact = total.is_exact and step is not None
        yield fact(total, False, reason, reason, state)
