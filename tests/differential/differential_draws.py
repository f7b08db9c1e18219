"""Draws as pairs: how a spec writes them, and a numpy sampler of what they mean.

Truncation is plain rejection of the rounded value, so nothing here knows how a truncated
distribution is sampled. Quantiles (SciPy) serve correlated fields only: a copula is defined by
them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from differential_expressions import Columns, Condition, Number, Values, rows_of, written
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import stats

MOST_PASSES = 400
"""Redraws of a truncated draw after which a spec is left aside as too rare."""


class TooRareError(Exception):
    """Naive rejection would take too long for this spec."""


@dataclass(frozen=True)
class Grid:
    """The grid of a field: half-up to multiples of `step`; None for a plain float."""

    step: Fraction | None
    is_whole: bool = False

    def round(self, values: NDArray[Any]) -> NDArray[Any]:
        """floor(x / step + 1/2) steps, below zero too."""
        if self.step is None:
            return np.asarray(values, np.float64)
        up, down = self.step.numerator, self.step.denominator
        scaled = np.asarray(values, np.float64) * (down / up) if down > 1 else values / up
        steps = np.floor(scaled + 0.5)
        if self.is_whole:
            return steps.astype(np.int64) * up
        return (steps + 0.0) * up / down

    def inner(self, low: NDArray[Any], high: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The first and last grid value in [low, high], up to the last bits of a computed end."""
        if self.step is None:
            return low, high
        step = float(self.step)
        return np.ceil(low / step - 1e-9) * step, np.floor(high / step + 1e-9) * step

    @property
    def slack(self) -> float:
        """How far a computed end may be off: the last bits."""
        return 0.0 if self.step is None else 1e-9 * float(self.step)


UNROUNDED = Grid(None)


class Draw(Protocol):
    """What stands after `~`. `has_levels`: it can be drawn at given levels of its quantiles."""

    text: str
    reads: frozenset[str]
    is_nullable: bool
    has_levels: bool

    def sample(self, rng: Generator, columns: Columns, rows: int, grid: Grid) -> Values:
        """Independent draws, rounded to `grid`."""
        ...

    def at_levels(self, levels: NDArray[np.float64], columns: Columns, grid: Grid) -> Values:
        """The draws at given levels of their conditional distributions."""
        ...


def _mean_and_cv_of_gamma(mean: Any, cv: Any) -> tuple[Any, Any]:
    return 1 / cv**2, mean * cv**2


def _mu_and_sigma(mean: Any, cv: Any) -> tuple[Any, Any]:
    sigma = np.sqrt(np.log1p(cv**2))
    return np.log(mean) - sigma**2 / 2, sigma


def _gamma(mean: Any, cv: Any) -> Any:
    shape, scale = _mean_and_cv_of_gamma(mean, cv)
    return stats.gamma(shape, scale=scale)


def _lognormal(mean: Any, cv: Any) -> Any:
    mu, sigma = _mu_and_sigma(mean, cv)
    return stats.lognorm(sigma, scale=np.exp(mu))


@dataclass(frozen=True)
class Family:
    """A distribution: how it is written, sampled, and (for copulas) its SciPy twin.

    `is_whole`: it has whole numbers only.
    """

    form: str
    sample: Callable[..., NDArray[Any]]
    twin: Callable[..., Any] | None = None
    is_whole: bool = False


FAMILIES = {
    "normal": Family("normal({}, {})", lambda g, n, m, s: g.normal(m, s, n), stats.norm),
    "uniform": Family(
        "uniform({}, {})",
        lambda g, n, a, b: a + (b - a) * g.random(n),
        lambda a, b: stats.uniform(a, b - a),
    ),
    "exponential": Family(
        "exponential(mean: {})",
        lambda g, n, m: g.exponential(m, n),
        lambda m: stats.expon(scale=m),
    ),
    "gamma": Family(
        "gamma(mean: {}, cv: {})",
        lambda g, n, m, c: g.gamma(*_mean_and_cv_of_gamma(m, c), n),
        _gamma,
    ),
    "lognormal": Family(
        "lognormal(mean: {}, cv: {})",
        lambda g, n, m, c: g.lognormal(*_mu_and_sigma(m, c), n),
        _lognormal,
    ),
    "laplace": Family("laplace({}, {})", lambda g, n, m, s: g.laplace(m, s, n)),
    "triangular": Family("triangular({}, {}, {})", lambda g, n, a, m, b: g.triangular(a, m, b, n)),
    "beta": Family("beta({}, {})", lambda g, n, a, b: g.beta(a, b, n)),
    "poisson": Family("poisson({})", lambda g, n, m: g.poisson(m, n), stats.poisson, is_whole=True),
    "binomial": Family("binomial({}, {})", lambda g, n, k, p: g.binomial(k, p, n)),
    "geometric": Family("geometric({})", lambda g, n, p: g.geometric(p, n) - 1),
    "negative_binomial": Family(
        "negative_binomial(mean: {}, size: {})",
        lambda g, n, m, s: g.negative_binomial(s, s / (s + m), n),
    ),
    "discrete_uniform": Family(
        "discrete_uniform({}, {})",
        lambda g, n, a, b: g.integers(a, b + 1, n),
        lambda a, b: stats.randint(a, b + 1),
        is_whole=True,
    ),
    "bernoulli": Family("bernoulli({})", lambda g, n, p: (g.random(n) < p).astype(np.int64)),
}


def _spread(values: NDArray[Any], rows: int) -> NDArray[Any]:
    return np.broadcast_to(values, (rows,))


@dataclass(frozen=True)
class Distribution:
    """A distribution with expressions as parameters; a null parameter gives null."""

    family: str
    parameters: tuple[Number, ...]

    @property
    def text(self) -> str:
        """As a spec writes it."""
        return FAMILIES[self.family].form.format(*(p.text for p in self.parameters))

    @property
    def reads(self) -> frozenset[str]:
        """The fields in its parameters."""
        return frozenset().union(*(p.reads for p in self.parameters))

    @property
    def is_nullable(self) -> bool:
        """Whether a parameter may be null."""
        return any(p.is_nullable for p in self.parameters)

    @property
    def has_levels(self) -> bool:
        """Whether SciPy knows it."""
        return FAMILIES[self.family].twin is not None

    def _given(self, columns: Columns, rows: int) -> tuple[list[NDArray[Any]], NDArray[np.bool_]]:
        given = [p.of(columns) for p in self.parameters]
        valid = np.logical_and.reduce([_spread(v.valid, rows) for v in given])
        values = [_spread(v.values, rows) for v in given]
        if not valid.all() and valid.any():
            # under null stands what some other row has, so that the sampler does not stumble
            some = int(np.argmax(valid))
            values = [np.where(valid, v, v[some]) for v in values]
        return values, valid

    def sample(self, rng: Generator, columns: Columns, rows: int, grid: Grid) -> Values:
        """Drawn by numpy."""
        values, valid = self._given(columns, rows)
        if not valid.any():
            return Values(grid.round(np.zeros(rows)), valid)
        return Values(grid.round(FAMILIES[self.family].sample(rng, rows, *values)), valid)

    def at_levels(self, levels: NDArray[np.float64], columns: Columns, grid: Grid) -> Values:
        """By SciPy's quantiles."""
        ends = np.full(len(levels), -np.inf), np.full(len(levels), np.inf)
        return self.inside(levels, columns, grid, *ends)

    def inside(
        self,
        levels: NDArray[np.float64],
        columns: Columns,
        grid: Grid,
        low: NDArray[Any],
        high: NDArray[Any],
    ) -> Values:
        """At levels of the distribution given that the rounded value is in [low, high]."""
        values, valid = self._given(columns, len(levels))
        family = FAMILIES[self.family]
        assert family.twin is not None
        law = family.twin(*values)
        half = 0.0 if grid.step is None else float(grid.step) / 2
        first, last = grid.inner(low, high)
        bottom = _chance_below(law, first - half, is_whole=family.is_whole)
        if grid.step is None:
            top = law.cdf(last)
        else:
            # half-up: what is halfway after `last` rounds to the next grid value
            top = _chance_below(law, last + half, is_whole=family.is_whole)
        if (valid & ~(bottom < top)).any():
            raise TooRareError(f"{self.text} between its ends")
        drawn = grid.round(law.ppf(bottom + levels * (top - bottom)))
        return Values(np.clip(drawn, first - half, last + half), valid)


def _chance_below(law: Any, end: NDArray[Any], *, is_whole: bool) -> NDArray[np.float64]:
    """P(X < end): not `cdf(end)` where a whole number can be the end itself."""
    return law.cdf(np.ceil(end) - 1 if is_whole else end)


@dataclass(frozen=True)
class Outcomes:
    """One of some constants by weight: numbers, words or null (None).

    `texts` are how a spec writes them. `weights` total 1; the last is `rest`.
    """

    outcomes: tuple[float | None, ...]
    texts: tuple[str, ...]
    weights: tuple[Number, ...]
    has_levels: bool = False

    @property
    def text(self) -> str:
        """As a spec writes it."""
        parts = [
            f"{text}: {weight.text}" for text, weight in zip(self.texts, self.weights, strict=False)
        ]
        return "{" + ", ".join([*parts, f"{self.texts[-1]}: rest"]) + "}"

    @property
    def reads(self) -> frozenset[str]:
        """The fields in its weights."""
        return frozenset().union(*(w.reads for w in self.weights))

    @property
    def is_nullable(self) -> bool:
        """Whether null is among the outcomes, or a weight may be null."""
        return None in self.outcomes or any(w.is_nullable for w in self.weights)

    def sample(self, rng: Generator, columns: Columns, rows: int, grid: Grid) -> Values:
        """By comparing one uniform with the running total of the weights."""
        uniform = rng.random(rows)
        total = np.zeros(rows)
        chosen = np.zeros(rows, np.int64)
        valid = np.ones(rows, np.bool_)
        for weight in self.weights:
            given = weight.of(columns)
            total = total + given.values
            valid &= given.valid
            chosen += uniform >= total
        table = np.array([0 if o is None else o for o in self.outcomes])
        valid &= np.array([o is not None for o in self.outcomes])[chosen]
        return Values(grid.round(table[chosen]), valid)

    def at_levels(self, levels: NDArray[np.float64], columns: Columns, grid: Grid) -> Values:
        """Not used in copulas."""
        raise NotImplementedError


@dataclass(frozen=True)
class Branches:
    """`when`: the draw of the first condition that is true."""

    conditions: tuple[Condition, ...]
    draws: tuple[Draw | None, ...]
    """One more than conditions; None is the outcome null."""

    @property
    def text(self) -> str:
        """As a spec writes it."""
        texts = ["null" if d is None else d.text for d in self.draws]
        heads = [*(c.text for c in self.conditions), "else"]
        inner = ", ".join(f"{head}: {text}" for head, text in zip(heads, texts, strict=True))
        return f"when {{{inner}}}"

    @property
    def reads(self) -> frozenset[str]:
        """The fields of its conditions and draws."""
        drawn = (d.reads for d in self.draws if d is not None)
        return frozenset().union(*(c.reads for c in self.conditions), *drawn)

    @property
    def is_nullable(self) -> bool:
        """Whether a branch may be null."""
        return any(d is None or d.is_nullable for d in self.draws)

    @property
    def has_levels(self) -> bool:
        """Whether all draws have."""
        return all(d is not None and d.has_levels for d in self.draws)

    def _each(
        self, columns: Columns, rows: int, make: Callable[[Draw, NDArray[np.int64]], Values]
    ) -> Values:
        waiting = np.ones(rows, np.bool_)
        values: NDArray[Any] | None = None
        valid = np.zeros(rows, np.bool_)
        takes = [c.judge(columns).is_true for c in self.conditions]
        for condition, draw in zip([*takes, np.True_], self.draws, strict=True):
            chosen = np.flatnonzero(waiting & condition)
            waiting[chosen] = False
            if draw is None or not len(chosen):
                continue
            drawn = make(draw, chosen)
            if values is None:
                values = np.zeros(rows, drawn.values.dtype)
            values[chosen] = drawn.values
            valid[chosen] = drawn.valid
        return Values(np.zeros(rows) if values is None else values, valid)

    def sample(self, rng: Generator, columns: Columns, rows: int, grid: Grid) -> Values:
        """Each branch for its rows."""
        read = {name: columns[name] for name in self.reads}
        return self._each(read, rows, lambda d, r: d.sample(rng, rows_of(read, r), len(r), grid))

    def at_levels(self, levels: NDArray[np.float64], columns: Columns, grid: Grid) -> Values:
        """Each branch for its rows."""
        read = {name: columns[name] for name in self.reads}
        return self._each(
            read, len(levels), lambda d, r: d.at_levels(levels[r], rows_of(read, r), grid)
        )


@dataclass(frozen=True)
class Mixture:
    """A draw of one of two, by weight."""

    weight: Number
    first: Draw
    second: Draw
    has_levels: bool = field(default=False, init=False)

    @property
    def text(self) -> str:
        """As a spec writes it."""
        return f"mixture({{{self.first.text}: {self.weight.text}, {self.second.text}: rest}})"

    @property
    def reads(self) -> frozenset[str]:
        """The fields of both and of the weight."""
        return self.first.reads | self.second.reads | self.weight.reads

    @property
    def is_nullable(self) -> bool:
        """Whether either may be null, or the weight."""
        return self.first.is_nullable or self.second.is_nullable or self.weight.is_nullable

    def sample(self, rng: Generator, columns: Columns, rows: int, grid: Grid) -> Values:
        """Both, and a choice."""
        weight = self.weight.of(columns)
        takes = rng.random(rows) < weight.values
        first = self.first.sample(rng, columns, rows, grid)
        second = self.second.sample(rng, columns, rows, grid)
        return Values(
            np.where(takes, first.values, second.values),
            np.where(takes, first.valid, second.valid) & weight.valid,
        )

    def at_levels(self, levels: NDArray[np.float64], columns: Columns, grid: Grid) -> Values:
        """Not used in copulas."""
        raise NotImplementedError


@dataclass(frozen=True)
class Truncated:
    """A draw given that its rounded value is in [low, high]; a null end gives null."""

    draw: Draw
    low: Number
    high: Number

    @property
    def text(self) -> str:
        """As a spec writes it."""
        return f"{self.draw.text} in [{self.low.text}, {self.high.text}]"

    @property
    def reads(self) -> frozenset[str]:
        """The fields of the draw and of the ends."""
        return self.draw.reads | self.low.reads | self.high.reads

    @property
    def is_nullable(self) -> bool:
        """Whether the draw or an end may be null."""
        return self.draw.is_nullable or self.low.is_nullable or self.high.is_nullable

    @property
    def has_levels(self) -> bool:
        """Where one distribution is truncated."""
        return isinstance(self.draw, Distribution) and self.draw.has_levels

    def _ends(self, columns: Columns, rows: int) -> tuple[Any, Any, Any]:
        low, high = self.low.of(columns), self.high.of(columns)
        valid = _spread(low.valid, rows) & _spread(high.valid, rows)
        return _spread(low.values, rows), _spread(high.values, rows), valid

    def sample(self, rng: Generator, columns: Columns, rows: int, grid: Grid) -> Values:
        """By rejection of rounded values."""
        low, high, valid = self._ends(columns, rows)
        drawn = self.draw.sample(rng, columns, rows, grid)
        values, inner = drawn.values.copy(), drawn.valid
        low, high = low - grid.slack, high + grid.slack
        waiting = np.flatnonzero(valid & inner & ~((low <= values) & (values <= high)))
        read = {name: columns[name] for name in self.draw.reads}
        for _ in range(MOST_PASSES):
            if not len(waiting):
                return Values(values, valid & inner)
            again = self.draw.sample(rng, rows_of(read, waiting), len(waiting), grid).values
            fits = (low[waiting] <= again) & (again <= high[waiting])
            values[waiting[fits]] = again[fits]
            waiting = waiting[~fits]
        raise TooRareError(self.text)

    def at_levels(self, levels: NDArray[np.float64], columns: Columns, grid: Grid) -> Values:
        """At levels of what is left of the distribution."""
        assert isinstance(self.draw, Distribution)
        low, high, valid = self._ends(columns, len(levels))
        drawn = self.draw.inside(levels, columns, grid, low, high)
        return Values(drawn.values, drawn.valid & valid)


def share(value: float) -> str:
    """A chance as a spec writes it."""
    return written(value)


def to_normal(rank: float) -> float:
    """The correlation of the normals whose Spearman correlation is `rank`."""
    return 2 * math.sin(math.pi * rank / 6)
