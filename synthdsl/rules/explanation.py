"""The arithmetic of a contradiction, in the units of its fields."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from synthdsl.model.coercion import spread_unit
from synthdsl.model.spec import Rule
from synthdsl.model.spelling import spell_constant
from synthdsl.rules.differences import ZERO, Circle, Edge, check_differences
from synthdsl.rules.enclosures import Enclosure, Number
from synthdsl.rules.graph import Constraint
from synthdsl.rules.linear import Forms, facts
from synthdsl.rules.problem import Core, Problem
from synthdsl.rules.propagation import Conflict, State, Step
from synthdsl.rules.simplex import Bound, Clash, check_sums
from synthdsl.values.types import ORDERED, Kind, Type
from synthdsl.values.units import ONE, Unit

MOST_NOTES = 6
MOST_SHOWN = 6


@dataclass(frozen=True)
class Explanation:
    """Lines of arithmetic, and by how much the bounds miss each other where that is known."""

    notes: tuple[str, ...]
    gap: str | None = None


class Explainer:
    """Puts the contradiction of a core into words."""

    def __init__(self, problem: Problem, core: Core) -> None:
        self._problem = problem
        self._core = core
        self._demands = [*core.demands, *core.fixed]
        self._lines = {
            d.constraint.source: f"line {d.origin.span.line}"
            for d in core.demands
            if d.origin is not None
        }
        for bit, item in problem.fields_of_bits.items():
            word = "its draw" if item.draw is not None else "its formula"
            self._lines[bit] = f"{word}, line {item.name_span.line}"

    def explain(self) -> Explanation:
        """Differences where they tell it, then sums, then what follows from what."""
        for puts_in in (False, True):
            conflict = self._of_amounts(Forms(self._problem.graph, puts_in))
            if isinstance(conflict, Circle):
                return self._circle(conflict)
            if isinstance(conflict, Clash):
                return self._clash(conflict)
        return self._steps()

    def _of_amounts(self, forms: Forms) -> Conflict | None:
        """The contradiction as one of linear facts alone; None if it is another kind."""
        state = self._problem.state()
        try:
            state.add(self._definitions())
            state.keeps_values = True
            state.add([d.constraint for d in self._demands])
            found = facts(state, forms)
            check_differences(found, state)
            check_sums(found, state)
        except (Circle, Clash) as conflict:
            return conflict if self._is_whole(conflict) else None
        except Conflict:
            return None
        return None

    def _definitions(self) -> list[Constraint]:
        return self._problem.definitions(self._demands, self._core.spared)

    def _is_whole(self, conflict: Conflict) -> bool:
        """Whether a contradiction rests on every demand of the core."""
        return all(d.constraint.source & conflict.reason for d in self._core.demands)

    # differences

    def _circle(self, circle: Circle) -> Explanation:
        edges = circle.edges
        total = sum((e.bound for e in edges), Fraction(0))
        pairs: dict[frozenset[int], list[str]] = {}
        subjects: dict[frozenset[int], str] = {}
        for edge in edges:
            key = frozenset((edge.upper, edge.lower))
            if key in subjects and subjects[key][:1] == "`" and "->" not in subjects[key]:
                # compared as they are before: an amount does not fit that sentence
                key = key if ZERO in key or edge.bound == 0 else key | {ZERO}
            if key not in subjects:
                subjects[key] = self._subject(edge)
            pairs.setdefault(key, []).append(self._claim(edge, subjects[key]))
        notes = tuple(f"{subjects[key]} is {' and '.join(c)}" for key, c in pairs.items())
        measured = next(e for e in edges if e.upper != ZERO or e.lower != ZERO)
        variable = measured.upper if measured.upper != ZERO else measured.lower
        gap = self._amount(-total, variable) if total < 0 else None
        if len(notes) > 1 and gap is not None:
            notes = (*notes[:MOST_NOTES], f"together they miss by {gap}")
        return Explanation(notes, gap)

    def _subject(self, edge: Edge) -> str:
        """What an edge bounds: a variable, or the way from one to another."""
        names = self._problem.graph.names
        if edge.lower == ZERO or (edge.bound == 0 and edge.upper != ZERO):
            return f"`{names[edge.upper]}`"
        if edge.upper == ZERO:
            return f"`{names[edge.lower]}`"
        if edge.bound < 0:
            return f"`{names[edge.upper]}` -> `{names[edge.lower]}`"
        return f"`{names[edge.lower]}` -> `{names[edge.upper]}`"

    def _claim(self, edge: Edge, subject: str) -> str:
        names = self._problem.graph.names
        where = self._where(edge.source)
        most, least = ("below", "above") if edge.is_strict else ("at most", "at least")
        if ZERO in (edge.lower, edge.upper):
            if edge.lower == ZERO:
                return f"{most} {self._value(edge.bound, edge.upper)}{where}"
            return f"{least} {self._value(-edge.bound, edge.lower)}{where}"
        if subject == f"`{names[edge.upper]}`" and edge.bound == 0:
            return f"{most} `{names[edge.lower]}`{where}"
        if subject == f"`{names[edge.lower]}`" and edge.bound == 0:
            return f"{least} `{names[edge.upper]}`{where}"
        # upper - lower <= bound, told in the direction of the subject
        if subject.endswith(f"-> `{names[edge.upper]}`"):
            return f"{most} {self._amount(edge.bound, edge.upper)}{where}"
        return f"{least} {self._amount(-edge.bound, edge.upper)}{where}"

    # sums

    def _clash(self, clash: Clash) -> Explanation:
        notes = [self._part(terms, bound, is_most) for terms, bound, is_most in clash.parts]
        return Explanation(tuple(dict.fromkeys(notes))[:MOST_NOTES])

    def _part(self, terms: tuple[tuple[int, Fraction], ...], bound: Bound, is_most: bool) -> str:
        names = self._problem.graph.names
        words = ("at most", "below") if is_most else ("at least", "above")
        word = words[bound.value[1] != 0]
        where = self._where(bound.source)
        if len(terms) == 1:
            (variable, _), *_ = terms
            return f"`{names[variable]}` is {word} {self._value(bound.value[0], variable)}{where}"
        text = ""
        for variable, weight in terms:
            sign = " - " if weight < 0 else " + " if text else ""
            factor = "" if abs(weight) == 1 else f"{_plain(abs(weight))} "
            text += f"{sign.lstrip() if not text else sign}{factor}{names[variable]}"
        return f"`{text}` is {word} {self._amount(bound.value[0], terms[0][0])}{where}"

    # what follows from what

    def _steps(self) -> Explanation:
        state = self._problem.state()
        state.steps = []
        try:
            state.add(self._definitions() + [d.constraint for d in self._demands])
        except Conflict as conflict:
            return Explanation(self._told(state, state.steps, conflict))
        names = sorted({n for d in self._demands for n in self._read(d.constraint.variables)})
        shown = ", ".join(f"`{name}`" for name in names[:MOST_SHOWN])
        more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
        if len(names) == 1:
            return Explanation((f"every value of {shown} breaks one of them",))
        return Explanation((f"every combination of values of {shown}{more} breaks one of them",))

    def _read(self, variables: tuple[int, ...]) -> list[str]:
        return [self._problem.graph.names[v] for v in variables]

    def _told(self, state: State, steps: list[Step], conflict: Conflict) -> tuple[str, ...]:
        """The steps that the last one rests on, in order."""
        needed: set[int] = {conflict.node}
        last = state.current
        if last is not None:
            needed |= set(last.variables)
        kept: list[Step] = []
        for step in reversed(steps):
            if step.variable in needed and step.constraint is not None:
                kept.append(step)
                needed |= set(step.constraint.variables)
        told: list[str] = []
        later: set[tuple[int, str]] = set()
        for step in kept:
            claim = self._narrowing(step, later)
            if claim and claim not in told:
                told.append(claim)
        told.reverse()
        if len(told) > MOST_NOTES:
            told = [*told[: MOST_NOTES - 2], "...", told[-1]]
        if last is not None and not self._ends_with(conflict, steps):
            told += self._ending(last.source)
        return tuple(told)

    def _ends_with(self, conflict: Conflict, steps: list[Step]) -> bool:
        return bool(steps) and steps[-1].variable == conflict.node and steps[-1].after.is_empty

    def _ending(self, source: int) -> list[str]:
        """What cannot be, in the end."""
        for demand in self._core.demands:
            origin = demand.origin
            if demand.constraint.source == source and origin is not None:
                is_broken = isinstance(origin, Rule) and origin.demand == "false"
                word = "be broken" if is_broken else "hold"
                return [f"so `{origin.name}` cannot {word} (line {origin.span.line})"]
        item = self._problem.fields_of_bits.get(source)
        return [] if item is None else [f"so no value is left for `{item.name}`"]

    def _narrowing(self, step: Step, later: set[tuple[int, str]]) -> str:
        """What a step says of its variable, without what `later` steps say better."""
        name = self._problem.graph.names[step.variable]
        assert step.constraint is not None
        where = self._where(step.constraint.source)
        type_ = self._problem.graph.nodes[step.variable].detail
        before, after = step.before, step.after
        if after.is_empty and step.allowed.has_value:
            # the last step: what it allows stands against what was said before
            after, later = step.allowed, set()
        elif after.is_empty or not after.has_value:
            return f"`{name}` is null{where}" if step.allowed.is_nullable else ""
        if before.is_nullable and not after.is_nullable and _same_values(before, after):
            return f"`{name}` is not null{where}"
        if after.listed is not None:
            if _is_told(later, step.variable, "listed"):
                return ""
            words = sorted(_spelled(v, type_) for v in after.listed)
            if len(words) > MOST_SHOWN:
                return f"`{name}` is one of {len(words)} values{where}"
            return f"`{name}` is {_either(words)}{where}"
        if type_.kind not in ORDERED:
            return ""
        parts = []
        if after.low > before.low and not _is_told(later, step.variable, "low"):
            parts.append(f"at least {self._value(after.low, step.variable)}")
        if after.high < before.high and not _is_told(later, step.variable, "high"):
            parts.append(f"at most {self._value(after.high, step.variable)}")
        if len(parts) == 2 and after.low == after.high:
            return f"`{name}` is {self._value(after.low, step.variable)}{where}"
        return f"`{name}` is {' and '.join(parts)}{where}" if parts else ""

    # words

    def _where(self, source: int) -> str:
        places = [line for bit, line in self._lines.items() if source & bit]
        unique = list(dict.fromkeys(places))
        return f" ({'; '.join(unique[:2])})" if unique else ""

    def _value(self, value: Fraction | Number, variable: int) -> str:
        return spelled_value(value, self._problem.graph.nodes[variable].detail)

    def _amount(self, value: Fraction, variable: int) -> str:
        return spelled_amount(value, self._problem.graph.nodes[variable].detail)


def _is_told(later: set[tuple[int, str]], variable: int, end: str) -> bool:
    """Whether a later step spoke of that end already; from now on one did."""
    is_told = (variable, end) in later
    later.add((variable, end))
    return is_told


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _same_values(a: Enclosure, b: Enclosure) -> bool:
    return (a.low, a.high, a.listed) == (b.low, b.high, b.listed)


def _spelled(value: object, type_: Type) -> str:
    if type_.is_text:
        return f'"{value}"'
    return spell_constant(value, type_)


def _plain(value: Fraction | Number) -> str:
    exact = Fraction(value)
    return str(exact.numerator) if exact.denominator == 1 else f"{float(exact):.6g}"


_MICROSECONDS = frozenset({Kind.DATETIME, Kind.TIME, Kind.DURATION})


def spelled_value(value: Fraction | Number, type_: Type) -> str:
    """A raw value of a type in the notation of the language, with its unit."""
    if type_.kind in _MICROSECONDS or type_.kind is Kind.DATE:
        return spell_constant(round(value), type_)
    return _plain(value) + _unit(type_.unit)


def spelled_amount(value: Fraction | Number, type_: Type) -> str:
    """A difference of two raw values of a type, with its unit."""
    if type_.kind in _MICROSECONDS:
        duration = Type(Kind.DURATION)
        return spell_constant(round(value), duration) if value else "0 s"
    return _plain(value) + _unit(spread_unit(type_))


def _unit(unit: object) -> str:
    if not isinstance(unit, Unit) or unit == ONE:
        return ""
    symbol = unit.symbol
    return f" {symbol}" if symbol.isalpha() else f" '{symbol}'"
