"""Random draws: distributions whose parameters read other fields, branches, truncations."""

from __future__ import annotations

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
from differential_expressions import Columns, Number
from differential_random_conditions import FIRST_DAY, PILOT, ConditionMaker


class DrawMaker(ConditionMaker):
    """Random draws for the next field."""

    _is_coarse = False
    """Whether the next field has whole numbers on a grid coarser than 1."""

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
        # on a coarser grid `discrete_uniform` is over grid values: not rounded to them
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


def _has_constants(draw: Draw) -> bool:
    return isinstance(draw, Outcomes)


def _is_affordable(draw: Draw, pilot: Columns, grid: Grid) -> bool:
    try:
        draw.sample(np.random.default_rng(1), pilot, PILOT, grid)
    except TooRareError:
        return False
    return True
