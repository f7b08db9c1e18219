"""Families of independent draws whose sum has a known law, and how a sum falls into parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from synthdsl.distributions.base import DISTRIBUTIONS, Distribution
from synthdsl.distributions.truncation import interval_mass
from synthdsl.engine.grid import Grid
from synthdsl.engine.parameters import raw_bounds
from synthdsl.engine.streams import SlotDraws
from synthdsl.model.draws import DistributionDraw, DrawNode, Truncated
from synthdsl.model.expressions import Constant, Expr
from synthdsl.model.spec import Field
from synthdsl.plan.lower import FieldPlan
from synthdsl.values.columns import Column
from synthdsl.values.types import ORDERED

SAME = 1e-12
"""Relative difference up to which two parameters are one."""
LEAST_SHAPE = 0.05
"""Gammas of smaller shapes could all underflow at once."""

DrawsOf = Callable[[str], SlotDraws]
"""The base draws of a field's part of a sum."""


@dataclass(frozen=True, eq=False)
class Law:
    """A distribution with constant parameters, given that it lies in [low, high] (before
    rounding; None: no bound).
    """

    distribution: Distribution
    params: tuple[Any, ...]
    low: float | None = None
    high: float | None = None

    @property
    def mass(self) -> float:
        """The probability of the bounds."""
        if self.low is None and self.high is None:
            return 1.0
        return float(interval_mass(self.distribution, self.params, self.low, self.high))


@dataclass(frozen=True, eq=False)
class Part:
    """A field drawn from a law with constant parameters; `bounds` are those of grid values."""

    field: Field
    grid: Grid
    law: Law
    bounds: tuple[float | None, float | None]

    @property
    def name(self) -> str:
        """The field's name."""
        return self.field.name

    def column(self, y: NDArray[np.float64]) -> Column:
        """Values before rounding, on the grid."""
        return Column(self.grid.round(y, *self.bounds))

    def within(self, y: NDArray[np.float64]) -> NDArray[np.bool_] | None:
        """Rows whose value before rounding lies in the bounds; None for all."""
        if self.law.low is None or self.law.high is None:
            return None
        return (y >= self.law.low) & (y <= self.law.high)


def part_of(plan: FieldPlan) -> Part | None:
    """The part that a field makes; None where it is not a draw by itself with constant
    parameters.
    """
    field = plan.field
    if field.draw is None or plan.correlation is not None or field.type.kind not in ORDERED:
        return None
    grid = Grid.of(field)
    found = _law(field.draw, grid)
    return None if found is None else Part(field, grid, *found)


def _law(draw: DrawNode, grid: Grid) -> tuple[Law, tuple[float | None, float | None]] | None:
    inner = draw.draw if isinstance(draw, Truncated) else draw
    if not isinstance(inner, DistributionDraw):
        return None
    values = constants(inner.parameters)
    if values is None:
        return None
    params = inner.form.canonical(*values)
    if not isinstance(draw, Truncated):
        return Law(inner.distribution, params), (None, None)
    ends = constants((draw.low, draw.high))
    if ends is None:
        return None
    bounds = grid.inner(float(ends[0]), float(ends[1]))
    low, high = raw_bounds(inner.distribution.is_discrete, grid, *bounds)
    law = Law(inner.distribution, params, float(low), float(high))
    return (law, bounds) if law.mass > 0 else None


def constants(expressions: Sequence[Expr]) -> list[Any] | None:
    """The values of expressions that are all known and none of them null; None otherwise."""
    values = [e.value if isinstance(e, Constant) else None for e in expressions]
    return None if any(value is None for value in values) else values


class Family(Protocol):
    """Draws with coefficients, independent, whose sum has a law of its own."""

    names: frozenset[str]

    def sum_law(self, parts: Sequence[Part], coefficients: Sequence[float]) -> Law | None:
        """The law of the sum of coefficients times draws before rounding and without their
        bounds; None where it has none in closed form.
        """
        ...

    def split(
        self,
        parts: Sequence[Part],
        coefficients: Sequence[float],
        total: NDArray[np.float64],
        draws: DrawsOf,
    ) -> list[NDArray[np.float64]]:
        """The draws, given their sum: one (n,) array a part."""
        ...


def family_of(parts: Sequence[Part], coefficients: Sequence[float]) -> Family | None:
    """The family in which the parts have a sum; None if there is none."""
    names = {part.law.distribution.name for part in parts}
    for family in FAMILIES:
        if names <= family.names and family.sum_law(parts, coefficients) is not None:
            return family
    return None


def _distribution(name: str) -> Distribution:
    found = DISTRIBUTIONS.get(name)
    assert found is not None
    return found


def _is_same(values: Sequence[float]) -> bool:
    return max(values) - min(values) <= SAME * max(abs(v) for v in values)


def _are_counts(parts: Sequence[Part], coefficients: Sequence[float]) -> bool:
    """Whether the parts are whole numbers on their grids, added with equal coefficients."""
    steps = [part.grid.step for part in parts]
    on_grid = all(step is None or (1 / step).denominator == 1 for step in steps)
    return on_grid and all(c == 1.0 for c in coefficients)


class Normals:
    """Normal draws: any linear combination is normal, and shifts them by regression.

    Source: Anderson, An Introduction to Multivariate Statistical Analysis (2003), 2.5.
    """

    names = frozenset({"normal"})

    def sum_law(self, parts: Sequence[Part], coefficients: Sequence[float]) -> Law | None:
        """Normal, with the sums of means and variances."""
        mean = sum(c * p.law.params[0] for c, p in zip(coefficients, parts, strict=True))
        variance = sum((c * p.law.params[1]) ** 2 for c, p in zip(coefficients, parts, strict=True))
        return Law(_distribution("normal"), (float(mean), float(variance**0.5)))

    def split(
        self,
        parts: Sequence[Part],
        coefficients: Sequence[float],
        total: NDArray[np.float64],
        draws: DrawsOf,
    ) -> list[NDArray[np.float64]]:
        """Draws as declared, each moved by its share of the variance towards the sum."""
        values = [p.law.params[0] + p.law.params[1] * ndtri(draws(p.name).uniform()) for p in parts]
        gap = total - sum(c * y for c, y in zip(coefficients, values, strict=True))
        spreads = [c * p.law.params[1] ** 2 for c, p in zip(coefficients, parts, strict=True)]
        variance = sum(c * s for c, s in zip(coefficients, spreads, strict=True))
        return [y + gap * (s / variance) for y, s in zip(values, spreads, strict=True)]


class Poissons:
    """Poisson draws: the sum is Poisson, and falls into parts as a multinomial.

    Source: Johnson, Kotz, Balakrishnan, Discrete Multivariate Distributions (1997), 35.
    """

    names = frozenset({"poisson"})

    def sum_law(self, parts: Sequence[Part], coefficients: Sequence[float]) -> Law | None:
        """Poisson, with the sum of means."""
        means = [float(p.law.params[0]) for p in parts]
        if not _are_counts(parts, coefficients) or min(means) <= 0:
            return None
        return Law(_distribution("poisson"), (sum(means),))

    def split(
        self,
        parts: Sequence[Part],
        coefficients: Sequence[float],
        total: NDArray[np.float64],
        draws: DrawsOf,
    ) -> list[NDArray[np.float64]]:
        """Binomial counts of what is left, one part after the other."""
        return multinomial(parts, [float(p.law.params[0]) for p in parts], total, draws)


def multinomial(
    parts: Sequence[Part], weights: Sequence[Any], total: NDArray[np.float64], draws: DrawsOf
) -> list[NDArray[np.float64]]:
    """`total` items, each falling to a part with chances proportional to the weights, which
    are numbers or (n,) arrays.
    """
    binomial = _distribution("binomial")
    left = total
    values = []
    for i, part in enumerate(parts[:-1]):
        rest: Any = sum(weights[i + 1 :])
        share = weights[i] / (weights[i] + rest)
        count = np.asarray(binomial.sample(draws(part.name).named("count"), left, share))
        values.append(count)
        left = left - count
    return [*values, left]


class Binomials:
    """Binomial draws of one chance: the sum is binomial, the parts hypergeometric.

    Source: Johnson, Kotz, Balakrishnan, Discrete Multivariate Distributions (1997), 39.
    """

    names = frozenset({"binomial", "bernoulli"})

    def sum_law(self, parts: Sequence[Part], coefficients: Sequence[float]) -> Law | None:
        """Binomial, with the sum of trials."""
        chances = [float(p.law.params[-1]) for p in parts]
        if not _are_counts(parts, coefficients) or not _is_same(chances):
            return None
        if not 0 < chances[0] < 1 or min(self._trials(parts)) < 1:
            return None
        return Law(_distribution("binomial"), (sum(self._trials(parts)), chances[0]))

    def _trials(self, parts: Sequence[Part]) -> list[float]:
        return [
            float(p.law.params[0]) if p.law.distribution.name == "binomial" else 1.0 for p in parts
        ]

    def split(
        self,
        parts: Sequence[Part],
        coefficients: Sequence[float],
        total: NDArray[np.float64],
        draws: DrawsOf,
    ) -> list[NDArray[np.float64]]:
        """Successes among each part's trials, drawn without replacement from what is left."""
        hypergeometric = _distribution("hypergeometric")
        trials = self._trials(parts)
        left, values = total, []
        for i, part in enumerate(parts[:-1]):
            uniform = draws(part.name).uniform()
            population = sum(trials[i:])
            count = np.asarray(hypergeometric.quantile(uniform, population, trials[i], left))
            values.append(count)
            left = left - count
        return [*values, left]


class NegativeBinomials:
    """Negative binomial draws of one ratio of mean to size: the sum is one too, and the parts
    are a multinomial whose chances are a Dirichlet draw.

    Source: Johnson, Kotz, Balakrishnan, Discrete Multivariate Distributions (1997), 35.13.
    """

    names = frozenset({"negative_binomial", "geometric"})

    def _pairs(self, parts: Sequence[Part]) -> list[tuple[float, float]]:
        """Mean and size by part; a geometric count has size 1."""
        pairs = []
        for part in parts:
            params = [float(p) for p in part.law.params]
            if part.law.distribution.name == "geometric":
                params = [(1 - params[0]) / params[0], 1.0]
            pairs.append((params[0], params[1]))
        return pairs

    def sum_law(self, parts: Sequence[Part], coefficients: Sequence[float]) -> Law | None:
        """Negative binomial, with the sums of means and sizes."""
        pairs = self._pairs(parts)
        if not _are_counts(parts, coefficients) or not _is_same([m / s for m, s in pairs]):
            return None
        if min(m for m, _ in pairs) <= 0 or min(s for _, s in pairs) < LEAST_SHAPE:
            return None
        means, sizes = zip(*pairs, strict=True)
        return Law(_distribution("negative_binomial"), (sum(means), sum(sizes)))

    def split(
        self,
        parts: Sequence[Part],
        coefficients: Sequence[float],
        total: NDArray[np.float64],
        draws: DrawsOf,
    ) -> list[NDArray[np.float64]]:
        """Gammas as weights, then a multinomial."""
        sizes = [size for _, size in self._pairs(parts)]
        return multinomial(parts, _gammas(parts, sizes, draws), total, draws)


def _gammas(
    parts: Sequence[Part], shapes: Sequence[float], draws: DrawsOf
) -> list[NDArray[np.float64]]:
    """Independent standard gammas: over their sum, a Dirichlet draw."""
    gamma = _distribution("gamma")
    return [
        np.asarray(gamma.sample(draws(part.name).named("weight"), 1.0, shape))
        for part, shape in zip(parts, shapes, strict=True)
    ]


class Gammas:
    """Gamma draws of one scale (after their coefficients): the sum is gamma, the shares are a
    Dirichlet draw that does not depend on it.

    Source: Lukacs 1955, "A characterization of the gamma distribution".
    """

    names = frozenset({"gamma", "exponential", "chi_squared"})

    def _shapes(self, parts: Sequence[Part]) -> list[float]:
        return [float(p.law.params[1]) if len(p.law.params) > 1 else 1.0 for p in parts]

    def sum_law(self, parts: Sequence[Part], coefficients: Sequence[float]) -> Law | None:
        """Gamma, with the sum of shapes."""
        if min(coefficients) <= 0:
            return None
        scales = [c * float(p.law.params[0]) for c, p in zip(coefficients, parts, strict=True)]
        shapes = self._shapes(parts)
        if not _is_same(scales) or min(shapes) < LEAST_SHAPE:
            return None
        return Law(_distribution("gamma"), (scales[0], sum(shapes)))

    def split(
        self,
        parts: Sequence[Part],
        coefficients: Sequence[float],
        total: NDArray[np.float64],
        draws: DrawsOf,
    ) -> list[NDArray[np.float64]]:
        """The sum, times gammas over their sum."""
        weights = _gammas(parts, self._shapes(parts), draws)
        unit = total / sum(weights)
        return [w * unit / c for w, c in zip(weights, coefficients, strict=True)]


FAMILIES: tuple[Family, ...] = (
    Normals(),
    Poissons(),
    Binomials(),
    NegativeBinomials(),
    Gammas(),
)
