"""Random conditions over the fields of a spec in the making, with thresholds that bite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import differential_expressions as ex
import numpy as np
from differential_draws import (
    TooRareError,
)
from differential_expressions import Columns, Condition, Number
from differential_oracle import (
    CorrelatedPair,
    FieldPair,
    RulePair,
    SpecPair,
    prior,
)
from hypothesis import strategies as st

PILOT = 3000
LEAST = 0.006
"""Least share of pilot rows that obey all rules, or one pattern of the soft ones."""

KEPT, COMPLETIONS = 400, 100
"""Of so many kept values, each must have enough completions among so many tries."""

ENUMS = {"Kind": ("red", "green", "blue"), "Stage": ("early", "mid", "late", "end")}
TEXTS = ("ab", "a b", "Z-9", "")
FIRST_DAY = 18_262  # 2020-01-01

T = TypeVar("T")


class ConditionMaker:
    """Fields so far, their pilot sample, and random conditions over them."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw
        self._fields: list[FieldPair] = []
        self._files: dict[str, str] = {}
        self._top: list[str] = []
        self._correlations: list[CorrelatedPair] = []
        self._pilot: Columns = {}

    # choices

    def pick(self, options: Sequence[T]) -> T:
        """One of some options; the first is the simplest."""
        return options[self._draw(st.integers(0, len(options) - 1))]

    def whole(self, low: int, high: int) -> int:
        """A whole number."""
        return self._draw(st.integers(low, high))

    def chance(self, percent: int) -> bool:
        """Whether to do something rare."""
        return self._draw(st.integers(0, 99)) >= 100 - percent

    # the pilot

    def spec(self, rules: Sequence[RulePair] = ()) -> SpecPair:
        """What is made so far."""
        used = {f.vocabulary for f in self._fields}
        enums = [f"enum {k} {{{', '.join(v)}}}" for k, v in ENUMS.items() if k in used]
        return SpecPair(
            (*enums, *self._top),
            tuple(self._fields),
            tuple(rules),
            tuple(self._correlations),
            self._files,
        )

    def add(self, field: FieldPair) -> None:
        """Take a field into the spec, with a pilot sample of it."""
        self._fields.append(field)
        rng = np.random.default_rng(len(self._fields))
        self._pilot = prior(self.spec(), rng, PILOT, self._pilot)

    def values_of(self, number: Number) -> Any:
        """Values of an expression in the pilot that are not null."""
        made = number.of(self._pilot)
        values = np.broadcast_to(made.values, (PILOT,))[np.broadcast_to(made.valid, (PILOT,))]
        if len(values) < PILOT // 20:
            raise TooRareError("nearly always null")
        return values.astype(np.float64)

    def threshold(self, number: Number, percent: int | None = None) -> Number:
        """A constant near a quantile of an expression."""
        percent = self.whole(5, 95) if percent is None else percent
        value = float(np.quantile(self.values_of(number), percent / 100))
        return self.rounded(value, number)

    def rounded(self, value: float, like: Number) -> Number:
        """A constant with few digits, on the grid of whole expressions or between two."""
        if like.scale != "plain":
            return ex.constant(round(value), like.scale)
        if like.is_whole:
            between = 0.5 if self.chance(15) else 0
            return ex.constant(np.floor(value) + between)
        spread = float(np.std(self.values_of(like))) or 1.0
        digits = int(np.clip(2 - np.floor(np.log10(spread)), 0, 6))
        # halves fall on the grids of 0.1, 0.25 and 0.5 now and then
        value = round(value, digits) if self.chance(50) else round(value * 2, digits - 1) / 2
        # what floats make of decimals at a tie (0.4 - 0.1 > 0.3) is no business of these tests
        return ex.constant(value if like.is_decimal else value + 0.00137)

    # expressions

    def number_of(self, field: FieldPair) -> Number:
        """A field as a number."""
        is_whole = field.grid.is_whole
        return Number(
            field.name,
            frozenset({field.name}),
            lambda columns: columns[field.name],
            field.scale,
            is_whole,
            field.is_nullable,
            is_decimal=field.grid.step is not None,
        )

    def numbers(self, scale: str = "plain") -> list[Number]:
        """All numeric fields of a scale."""
        return [self.number_of(f) for f in self._fields if f.is_numeric and f.scale == scale]

    def combined(self) -> Number:
        """A random number made from fields."""
        plain = self.numbers()
        a = self.pick(plain)
        b = self.pick(plain)
        how = self.whole(0, 9)
        if how <= 2 or a.text == b.text:
            if a.is_nullable and self.chance(30):
                return ex.filled(a, self.threshold(a).of({}).values[0])
            return a
        if how == 3:
            return ex.plus(a, b)
        if how == 4:
            return ex.minus(a, b)
        if how == 5:
            return ex.absolute(ex.minus(a, b))
        if how == 6:
            return ex.extreme(self.pick(("max", "min")), a, b)
        if how == 7:
            return ex.chosen(self.simple(), a, b)
        factor = self.pick((2, 0.5, -1, 3, 0.1))
        total = ex.plus(ex.times(factor, a), b)
        return ex.minus(total, self.pick(plain)) if how == 9 else total

    # conditions

    def condition(self, depth: int) -> Condition:
        """A random condition of up to `depth` levels of and, or, not, -> and <->."""
        if depth == 0 or self.chance(35):
            return self.atom()
        how = self.whole(0, 5)
        if how == 0:
            return ex.implies(self.condition(depth - 1), self.condition(depth - 1))
        if how == 1:
            return ex.either(self.condition(depth - 1), self.condition(depth - 1))
        if how == 2:
            return ex.equivalent(self.condition(depth - 1), self.condition(depth - 1))
        if how == 3:
            return ex.contrary(self.condition(depth - 1))
        return ex.both(self.condition(depth - 1), self.condition(depth - 1))

    def simple(self) -> Condition:
        """A condition on one field."""
        field = self.pick(self._fields)
        if field.is_nullable and self.chance(30):
            return ex.is_null(field.name, is_negated=self.chance(50))
        return self.on_field(field)

    def on_field(self, field: FieldPair) -> Condition:
        """A condition on a given field."""
        if field.is_bool:
            plain = ex.is_set(field.name, is_nullable=field.is_nullable)
            return ex.contrary(plain) if self.chance(30) else plain
        if field.words:
            count = self.whole(1, max(1, len(field.words) - 1))
            first = self.whole(0, len(field.words) - 1)
            places = [(first + i) % len(field.words) for i in range(count)]
            words = {field.literals[i]: i for i in places}
            return ex.one_of(
                field.name, words, is_nullable=field.is_nullable, is_negated=self.chance(30)
            )
        return self.on_number(self.number_of(field))

    def on_number(self, number: Number) -> Condition:
        """A condition on a given number."""
        values = self.values_of(number)
        how = self.whole(0, 5)
        if number.is_whole and how == 5 and len(np.unique(values)) < 30:
            members = [self.threshold(number, p).of({}).values[0] for p in (20, 50, 85)]
            return ex.among(number, members, is_negated=self.chance(40))
        if number.is_whole and number.scale == "plain" and how == 4:
            if len(np.unique(values)) < 30 and self.chance(50):
                return ex.compare(
                    number, self.pick(("==", "!=")), ex.constant(np.floor(np.median(values)))
                )
            return ex.compare(ex.remainder(number, 3), self.pick(("!=", "==")), ex.constant(1))
        if how == 3:
            low, high = self.whole(0, 45), self.whole(55, 100)
            return ex.between(number, self.threshold(number, low), self.threshold(number, high))
        operator = self.pick(("<=", "<", ">", ">="))
        return ex.compare(number, operator, self.threshold(number))

    def atom(self) -> Condition:
        """A condition without and, or, not."""
        how = self.whole(0, 9)
        dates, plain = self.numbers("date"), self.numbers()
        if how <= 2 and len(dates) >= 2:
            return self.on_dates(dates)
        if how <= 3 and len(plain) >= 2:
            return self.on_two(plain)
        if how == 4 and len(plain) >= 2:
            return self.on_number(self.combined())
        if how == 5 and len(plain) >= 3:
            first = self.whole(0, len(plain) - 1)
            three = tuple(plain[(first + i) % len(plain)] for i in range(3))
            return ex.chain(three, (self.pick(("<=", "<")), self.pick(("<=", "<"))))
        if how == 6 and plain:
            number = self.pick(plain)
            low, high = self.threshold(number, self.whole(0, 40)), self.threshold(number, 80)
            return ex.chain((low, number, high), ("<=", "<"))
        if how == 7:
            return self.on_pair()
        return self.simple()

    def on_two(self, plain: list[Number]) -> Condition:
        """How two numbers lie to each other."""
        a = self.pick(plain)
        b = self.pick([n for n in plain if n.text != a.text])
        how = self.whole(0, 4)
        if how == 0:
            return ex.compare(a, self.pick(("<=", "<", ">", ">=")), b)
        gap = ex.minus(b, a)
        if how == 1:
            low, high = self.whole(5, 45), self.whole(55, 95)
            return ex.between(gap, self.threshold(gap, low), self.threshold(gap, high))
        if how == 2 and gap.is_whole and len(np.unique(self.values_of(gap))) < 40:
            return ex.compare(a, self.pick(("==", "!=")), b)
        factor = self.pick((1, 2, 0.5))
        scaled = a if factor == 1 else ex.times(factor, a)
        rest = ex.minus(b, scaled)
        operator = self.pick(("<=", "<", ">", ">="))
        if self.chance(50):
            return ex.compare(b, operator, ex.plus(scaled, self.threshold(rest)))
        return ex.compare(rest, operator, self.threshold(rest))

    def on_dates(self, dates: list[Number]) -> Condition:
        """How two dates lie to each other."""
        a = self.pick(dates)
        b = self.pick([n for n in dates if n.text != a.text])
        gap = ex.minus(b, a)
        how = self.whole(0, 3)
        if how == 0:
            return ex.compare(a, self.pick(("<=", "<")), b)
        if how == 1:
            return ex.compare(b, self.pick((">=", "<")), ex.plus(a, self.threshold(gap)))
        low, high = self.threshold(gap, self.whole(3, 45)), self.threshold(gap, self.whole(55, 97))
        return ex.between(gap, low, high)

    def on_pair(self) -> Condition:
        """Two fields of one vocabulary, or two nulls."""
        by_words: dict[str, list[FieldPair]] = {}
        for f in self._fields:
            if f.words or f.is_bool:
                by_words.setdefault(f.vocabulary, []).append(f)
        groups = [g for g in by_words.values() if len(g) > 1]
        nullable = [f for f in self._fields if f.is_nullable]
        if groups and self.chance(60):
            a, b = self.pick(groups)[:2]
            either = a.is_nullable or b.is_nullable
            return ex.same(a.name, b.name, is_nullable=either, is_negated=self.chance(40))
        if nullable:
            null = ex.is_null(self.pick(nullable).name)
            return ex.equivalent(null, self.simple())
        return self.simple()
