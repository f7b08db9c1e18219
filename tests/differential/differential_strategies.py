"""Random specs: fields of mixed kinds that read each other, and one to five rules over them.

Thresholds are quantiles of a pilot sample of the unconditioned law, so that rules bite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, TypeVar

import differential_expressions as ex
import numpy as np
from differential_draws import (
    Branches,
    Distribution,
    Draw,
    Grid,
    Mixture,
    Outcomes,
    TooRareError,
    Truncated,
)
from differential_expressions import Columns, Condition, Number, Values
from differential_oracle import (
    CorrelatedPair,
    FieldPair,
    RulePair,
    SpecPair,
    holding,
    patterns,
    prior,
)
from hypothesis import HealthCheck, Phase, given, reject, seed, settings
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


@dataclass(frozen=True)
class Options:
    """What random specs may have."""

    has_soft_rules: bool = True
    has_keeping: bool = True


class Maker:
    """Makes one spec from Hypothesis's choices."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any], options: Options) -> None:
        self._draw = draw
        self._options = options
        self._fields: list[FieldPair] = []
        self._files: dict[str, str] = {}
        self._top: list[str] = []
        self._correlations: list[CorrelatedPair] = []
        self._pilot: Columns = {}
        self._is_coarse = False

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

    # draws

    def linear(self, mean: float, spread: float, *, is_never_null: bool = False) -> Number:
        """A parameter near `mean` that may read a number made before."""
        parents = [n for n in self.numbers() if not (is_never_null and n.is_nullable)]
        if not parents or not self.chance(55):
            return ex.constant(mean)
        parent = self.pick(parents)
        values = self.values_of(parent)
        slope = float(f"{self.pick((1, -1, 0.5, 2)) * spread / (np.std(values) or 1.0):.1g}")
        start = float(f"{mean - slope * np.mean(values):.3g}")
        return ex.plus(ex.constant(start), ex.times(slope, parent))

    def probability(self) -> Number:
        """A chance, constant or a logistic function of a number."""
        if not self.numbers() or self.chance(50):
            return ex.constant(self.whole(10, 90) / 100)
        return ex.expit(self.linear(self.whole(-10, 10) / 10, 1.0))

    def words(self, field_words: tuple[str, ...]) -> Draw:
        """Weighted words; null may be among them."""
        count = len(field_words)
        outcomes: list[float | None] = [float(i) for i in range(count)]
        texts = list(field_words)
        if self.chance(20):
            outcomes.append(None)
            texts.append("null")
        left = 100
        weights = []
        for i in range(len(outcomes) - 1):
            weight = self.whole(5, max(5, min(60, left - 8 * (len(outcomes) - i))))
            left -= weight
            weights.append(ex.constant(weight / 100))
        if self.numbers() and self.chance(25):
            factor = weights[0].of({}).values[0]
            weights[0] = ex.times(
                float(factor), ex.expit(self.linear(0.5, 1.0, is_never_null=True))
            )
        return Outcomes(tuple(outcomes), tuple(texts), tuple(weights))

    def positive(self, mean: float, spread: float) -> Number:
        """A parameter above zero."""
        number = self.linear(mean, spread)
        return number if not number.reads else ex.extreme("max", number, ex.constant(mean / 10))

    def distribution(self, kind: str) -> Draw:
        """A distribution for a kind of number."""
        c = ex.constant
        # on a coarser grid `discrete_uniform` is over grid values: see `test_coarse_grids`
        even = "uniform" if self._is_coarse else "discrete_uniform"
        if kind == "int":
            how = self.whole(0, 6)
            if how == 0:
                low = self.whole(-5, 10)
                return Distribution(even, (c(low), c(low + self.whole(1, 30))))
            if how == 1:
                return Distribution("poisson", (self.positive(self.whole(1, 12), 2),))
            if how == 2:
                return Distribution("binomial", (c(self.whole(1, 12)), self.probability()))
            if how == 3:
                return Distribution("geometric", (c(self.whole(10, 70) / 100),))
            if how == 4:
                size = c(self.whole(1, 6))
                return Distribution("negative_binomial", (self.positive(4, 1), size))
            return Distribution("normal", (self.linear(self.whole(-5, 20), 3), c(3)))
        if kind == "wide":
            how = self.whole(0, 2)
            if how == 0:
                return Distribution(even, (c(-1000), c(self.whole(1, 10) * 100_000)))
            if how == 1:
                return Distribution("lognormal", (self.positive(40_000, 5_000), c(0.6)))
            return Distribution("normal", (self.linear(0, 8_000), c(10_000)))
        how = self.whole(0, 7)
        if how <= 1:
            return Distribution("normal", (self.linear(self.whole(-20, 20), 2), c(2)))
        if how == 2:
            low = self.linear(self.whole(-3, 3), 1)
            return Distribution("uniform", (low, ex.plus(low, c(self.whole(1, 8)))))
        if how == 3:
            return Distribution("exponential", (self.positive(3, 1),))
        if how == 4:
            return Distribution("gamma", (self.positive(5, 1), c(self.whole(3, 12) / 10)))
        if how == 5:
            return Distribution("lognormal", (self.positive(4, 1), c(self.whole(3, 9) / 10)))
        if how == 6:
            return Distribution("laplace", (self.linear(0, 1), c(1.5)))
        return Distribution("triangular", (c(-2), c(self.whole(-2, 6)), c(6)))

    def day(self) -> Draw:
        """A draw of a date, which may follow another."""
        dates = self.numbers("date")

        def days(n: int) -> Number:
            return ex.constant(n, "days")

        if dates and self.chance(60):
            start = ex.plus(self.pick(dates), days(self.whole(0, 20)))
            how = self.whole(0, 2)
            if how == 0:
                return Distribution("normal", (start, days(self.whole(3, 30))))
            family = self.pick(("discrete_uniform", "uniform"))
            return Distribution(family, (start, ex.plus(start, days(self.whole(5, 60)))))
        start = ex.constant(FIRST_DAY + self.whole(0, 60), "date")
        if self.chance(40):
            return Distribution("normal", (start, days(self.whole(5, 40))))
        last = ex.constant(FIRST_DAY + self.whole(70, 400), "date")
        return Distribution("discrete_uniform", (start, last))

    def one(self, kind: str, words: tuple[str, ...]) -> Draw:
        """A draw of a kind, not nested."""
        if kind in ("enum", "text"):
            return self.words(words)
        if kind == "bool":
            if self.chance(25):
                texts, outcomes = ("true", "false", "null"), (1.0, 0.0, None)
                weights = (ex.constant(0.35), ex.constant(0.45))
                return Outcomes(outcomes, texts, weights)
            return Distribution("bernoulli", (self.probability(),))
        if kind == "date":
            return self.day()
        if kind == "int" and self.chance(15):
            values = sorted({3 * self.whole(-2, 4) + 1 for _ in range(4)})
            if len(values) > 1:
                weights = tuple(ex.constant(0.2) for _ in values[1:])
                texts = tuple(str(v) for v in values)
                return Outcomes(tuple(float(v) for v in values), texts, weights)
        return self.distribution(kind)

    def nested(self, kind: str, words: tuple[str, ...], grid: Grid, scale: str) -> Draw:
        """A draw of a kind: plain, by conditions, mixed, truncated."""
        draw = self.one(kind, words)
        is_number = kind not in ("enum", "text", "bool")
        if self._fields and self.chance(30):
            conditions = tuple(self.simple() for _ in range(self.whole(1, 2)))
            draws: list[Draw | None] = [self.one(kind, words) for _ in conditions]
            if self.chance(30):
                draws[-1] = None
            draw = Branches(conditions, (*draws, draw))
        elif is_number and kind != "date" and self.chance(12):
            weight = ex.constant(self.whole(20, 80) / 100)
            parts = self.distribution(kind), self.distribution(kind)
            # a part that is null in a row, inside a truncation: not said in the reference
            if not any(part.is_nullable for part in parts):
                draw = Mixture(weight, *parts)
        if is_number and self.chance(35):
            draw = self.truncated(draw, grid, scale)
        return draw

    def truncated(self, draw: Draw, grid: Grid, scale: str) -> Draw:
        """A draw between two of its quantiles, or from another field on; or as it is."""
        if isinstance(draw, Outcomes) or (
            isinstance(draw, Branches) and any(d is None or _has_constants(d) for d in draw.draws)
        ):
            return draw
        if isinstance(draw, Mixture) and (
            _has_constants(draw.first) or _has_constants(draw.second)
        ):
            return draw
        rng = np.random.default_rng(0)
        raw = draw.sample(rng, self._pilot, PILOT, grid)
        like = Number("", frozenset(), lambda columns: raw, scale, grid.is_whole)
        low = self.threshold(like, self.whole(0, 35))
        high = self.threshold(like, self.whole(65, 100))
        if low.of({}).values[0] >= high.of({}).values[0]:
            return draw
        parents = self.numbers(scale)
        if parents and self.chance(35):
            parent = self.pick(parents)
            gap = Number("", frozenset(), lambda c: raw, scale)
            wide = float(np.ptp(self.values_of(gap)))
            reach = ex.constant(max(1, round(wide)), "days" if scale == "date" else "plain")
            made = Truncated(draw, parent, ex.plus(parent, reach))
            if _is_affordable(made, self._pilot, grid):
                return made
        return Truncated(draw, low, high)

    # fields

    def random_field(self) -> None:
        """One more drawn field."""
        kind = self.pick(
            [
                "enum",
                "bool",
                "int",
                "int",
                "float",
                "float",
                "step",
                "date",
                "text",
                "wide",
                "decimal",
                "date",
                "step",
            ]
        )
        name = f"{kind[0]}{len(self._fields)}"
        words: tuple[str, ...] = ()
        literals: tuple[str, ...] = ()
        grid, scale, vocabulary = Grid(None), "plain", kind
        type_text = {"wide": "int", "step": "float", "decimal": "decimal(9, 2)"}.get(kind, kind)
        if kind == "enum":
            grid = Grid(Fraction(1), is_whole=True)
            vocabulary = self.pick(tuple(ENUMS))
            type_text, words = vocabulary, ENUMS[vocabulary]
            literals = words
        elif kind == "text":
            grid = Grid(Fraction(1), is_whole=True)
            words = TEXTS[: self.whole(2, 4)]
            literals = tuple(f'"{w}"' for w in words)
        elif kind in ("int", "wide"):
            step = self.pick((1, 1, 1, 5)) if kind == "wide" else self.pick((1, 1, 1, 2))
            grid = Grid(Fraction(step), is_whole=True)
        elif kind == "step":
            grid = Grid(self.pick((Fraction(1, 10), Fraction(1, 2), Fraction(1, 4), Fraction(1))))
        elif kind == "decimal":
            grid = Grid(Fraction(1, 100))
        elif kind == "date":
            grid, scale = Grid(Fraction(1), is_whole=True), "date"
        elif kind == "bool":
            grid = Grid(Fraction(1), is_whole=True)
        self._is_coarse = kind in ("int", "wide") and grid.step != 1
        draw = self.nested(kind, literals, grid, scale)
        self.add(
            FieldPair(
                name,
                type_text,
                grid,
                draw=draw,
                scale=scale,
                words=words,
                literals=literals,
                vocabulary=vocabulary,
                is_bool=kind == "bool",
                is_nullable=draw.is_nullable or self.chance(5),
            )
        )

    def derived_field(self) -> None:
        """One more derived field: a number, a truth value, a class, or a lookup."""
        how = self.whole(0, 4)
        name = f"z{len(self._fields)}"
        wordy = [f for f in self._fields if f.words and "" not in f.words]
        if how == 0 and wordy:
            self.add(self.looked_up(name, self.pick(wordy)))
        elif how == 1:
            self.add(self.judged(name, self.condition(1)))
        elif how == 2 and self.numbers():
            self.add(self.classed(name, self.pick(self.numbers())))
        elif self.numbers():
            number = self.combined()
            if number.is_whole and self.chance(50):
                self.add(_calculated(name, "int", Grid(Fraction(1), is_whole=True), number))
            else:
                step = self.pick((None, None, Fraction(1, 2), Fraction(1)))
                self.add(_calculated(name, "float", Grid(step), number))
        else:
            self.add(self.judged(name, self.simple()))

    def judged(self, name: str, condition: Condition) -> FieldPair:
        """A field that says whether a condition holds."""

        def value(columns: Columns) -> Values:
            truth = condition.judge(columns)
            return Values(truth.is_true.astype(np.int64), truth.is_true | truth.is_false)

        return FieldPair(
            name,
            "bool",
            Grid(None),
            value=value,
            value_text=condition.text,
            value_reads=condition.reads,
            vocabulary="bool",
            is_bool=True,
            is_nullable=condition.is_nullable,
        )

    def classed(self, name: str, number: Number) -> FieldPair:
        """A field with the class of a number; null beyond the last."""
        cuts = sorted({float(self.threshold(number, p).of({}).values[0]) for p in (2, 40, 70, 98)})
        if len(cuts) < 2:
            raise TooRareError("no classes")
        labels = tuple(f"c{i}" for i in range(len(cuts) - 1))

        def value(columns: Columns) -> Values:
            given = number.of(columns)
            place = np.searchsorted(cuts, given.values, side="right") - 1
            inside = (place >= 0) & (place < len(labels)) & given.valid
            return Values(np.where(inside, place, 0), inside)

        edges = ", ".join(ex.written(cut) for cut in cuts).replace("(", "").replace(")", "")
        listed = ", ".join(f'"{label}"' for label in labels)
        return FieldPair(
            name,
            "text",
            Grid(None),
            value=value,
            value_text=f"bucket({number.text}, [{edges}], labels: [{listed}])",
            value_reads=number.reads,
            words=labels,
            literals=tuple(f'"{label}"' for label in labels),
            vocabulary=name,
            is_nullable=True,
        )

    def looked_up(self, name: str, key: FieldPair) -> FieldPair:
        """A number read from a file by the words of a field; one word is not in the file."""
        table = np.array([round(self.whole(-20, 80) / 4, 2) for _ in key.words])
        listed = np.arange(len(key.words)) < len(key.words) - self.chance(30)
        rows = "".join(
            f"{word},{value}\n"
            for word, value, is_listed in zip(key.words, table, listed, strict=True)
            if is_listed
        )
        file = f"{name}.csv"
        self._files[file] = f"word,value\n{rows}"
        self._top.append(f'lookup l{name} from "{file}"')

        def value(columns: Columns) -> Values:
            given = columns[key.name]
            return Values(table[given.values], given.valid & listed[given.values])

        return FieldPair(
            name,
            "float",
            Grid(None),
            value=value,
            value_text=f"l{name}[{key.name}]",
            value_reads=frozenset({key.name}),
            is_nullable=True,
        )

    def correlation(self) -> None:
        """Perhaps correlate two fields that do not depend on each other."""
        spec = self.spec()
        able = [
            f for f in self._fields if f.is_numeric and f.draw is not None and f.draw.has_levels
        ]
        pairs = [
            (a, b)
            for i, a in enumerate(able)
            for b in able[i + 1 :]
            if a.name not in spec.ancestors({b.name}) and b.name not in spec.ancestors({a.name})
        ]
        if not pairs or not self.chance(35):
            return
        a, b = self.pick(pairs)
        rank = self.pick((0.6, -0.5, 0.85))
        before = self._fields[: self._fields.index(a)]
        groups = [f for f in before if (f.words or f.is_bool) and not f.is_nullable]
        groups = [f for f in groups if f.is_bool or f.vocabulary in ENUMS]
        if groups and self.chance(40):
            group = self.pick(groups)
            texts = ("false", "true") if group.is_bool else group.words
            ranks = (rank, -0.3, 0.2, 0.7)[: len(texts)]
            pair = CorrelatedPair(a.name, b.name, ranks, group.name, texts)
        else:
            pair = CorrelatedPair(a.name, b.name, (rank,))
        self._correlations.append(pair)
        self._pilot = prior(self.spec(), np.random.default_rng(0), PILOT)

    # rules

    def rules(self) -> tuple[RulePair, ...]:
        """One to five rules that the pilot can meet and that change something."""
        wanted = self.whole(1, 5)
        found: list[RulePair] = []
        for _ in range(wanted + 3):
            if len(found) == wanted:
                break
            rule = RulePair(f"r{len(found)}", self.condition(self.pick((0, 1, 2, 3))))
            if self._options.has_soft_rules and self.chance(15):
                rule = replace(rule, share=self.pick((0.9, 0.75, 0.98, 0.6)))
            if self.bites(rule) and self.is_affordable([*found, rule]):
                found.append(rule)
        if not found:
            reject()
        if self._options.has_keeping and self.chance(40):
            found = self.kept(found)
        return tuple(found)

    def bites(self, rule: RulePair) -> bool:
        """Whether the pilot has rows that break the rule."""
        share = rule.condition.judge(self._pilot).is_false.mean()
        return bool(share > 0.004 and (rule.share is None or share < 0.9))

    def is_affordable(self, rules: list[RulePair]) -> bool:
        """Whether enough of the pilot obeys the rules, for every pattern of the soft ones."""
        some = tuple(rules)
        told = np.unique(patterns(some, np.random.default_rng(0), 4000), axis=0)
        return all(
            holding(some, self._pilot, np.broadcast_to(row, (PILOT, len(some)))).mean() >= LEAST
            for row in told
        )

    def kept(self, rules: list[RulePair]) -> list[RulePair]:
        """Some rules made to keep a field, where each of its values can be completed."""
        spec = self.spec()
        first = self.whole(0, len(self._fields) - 1)
        for i in range(len(self._fields)):
            name = self._fields[(first + i) % len(self._fields)].name
            closed = spec.ancestors({name})
            if any((c.first in closed) != (c.second in closed) for c in self._correlations):
                continue
            result = []
            for rule in rules:
                able = not rule.condition.reads <= closed and rule.condition.reads & closed
                keeps = bool(able) and self.chance(80)
                result.append(replace(rule, keeping=(name,)) if keeps else rule)
            if any(rule.keeping for rule in result) and self.completes(closed, result):
                return result
        return rules

    def completes(self, kept: set[str], rules: list[RulePair]) -> bool:
        """Whether each of some kept values has enough completions, whatever soft rules are told."""
        rng = np.random.default_rng(0)
        some = tuple(rules)
        early = tuple(rule for rule in rules if not rule.keeping)
        obey = holding(early, self._pilot, np.ones((PILOT, len(early)), np.bool_))
        values = np.flatnonzero(obey)[:KEPT]
        given = {n: c for n, c in self._pilot.items() if n.removeprefix("~") in kept}
        each = np.repeat(values, COMPLETIONS)
        columns = prior(self.spec(), rng, len(each), ex.rows_of(given, each))
        for told in np.unique(patterns(some, rng, 4000), axis=0):
            holds = holding(some, columns, np.broadcast_to(told, (len(each), len(some))))
            if holds.reshape(-1, COMPLETIONS).sum(axis=1).min(initial=COMPLETIONS) < 3:
                return False
        return bool(len(values))


def _has_constants(draw: Draw) -> bool:
    return isinstance(draw, Outcomes)


def _is_affordable(draw: Draw, pilot: Columns, grid: Grid) -> bool:
    try:
        draw.sample(np.random.default_rng(1), pilot, PILOT, grid)
    except TooRareError:
        return False
    return True


def _calculated(name: str, type_text: str, grid: Grid, number: Number) -> FieldPair:
    return FieldPair(
        name,
        type_text,
        grid,
        value=number.of,
        value_text=number.text,
        value_reads=number.reads,
        is_nullable=number.is_nullable,
    )


@st.composite
def specs(draw: Any, options: Options = Options()) -> SpecPair:
    """A random spec of one table with rules."""
    maker = Maker(draw, options)
    try:
        count = maker.whole(2, 6)
        for i in range(count):
            if i >= 2 and maker.chance(18):
                maker.derived_field()
            else:
                maker.random_field()
        maker.correlation()
        spec = maker.spec(maker.rules())
    except TooRareError:
        reject()
    return replace(spec, gauges=_gauges(spec))


def _gauges(spec: SpecPair) -> tuple[Number, ...]:
    """Numbers in rules that are no fields themselves, each once."""
    names = {f.name for f in spec.fields}
    found = {g.text: g for rule in spec.rules for g in rule.condition.gauges}
    return tuple(g for text, g in found.items() if text not in names)[:6]


def random_spec(number: int, options: Options = Options()) -> SpecPair:
    """Random spec `number`, the same every time.

    Each is a Hypothesis run of its own, so that no spec is a variation of the one before.
    """
    found: list[SpecPair] = []

    @seed(number)
    @settings(
        max_examples=2,  # the first is the simplest there is, the same for all numbers
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(specs(options))
    def take(spec: SpecPair) -> None:
        found.append(spec)

    take()
    return found[-1]
