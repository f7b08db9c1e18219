"""Counts: bernoulli, binomial, poisson, negative_binomial, geometric, discrete_uniform."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from synthdsl.distributions._count_samplers import (
    LEAST_MEAN,
    PartOf,
    binomial_draws,
    poisson_draws,
)
from synthdsl.distributions._counts import FEW, Counts
from synthdsl.distributions._grid_uniform import grid_form, grid_uniform
from synthdsl.distributions._rejection import standard_gamma
from synthdsl.distributions.base import (
    DISTRIBUTIONS,
    Distribution,
    Form,
    Parameter,
    Role,
)
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import scipy.special as special

    from synthdsl.distributions.base import Floats
    from synthdsl.values.draws import Draws
else:
    np = lazy("numpy")
    special = lazy("scipy.special")

P = Parameter("p", Role.PROBABILITY, low=0.0, high=1.0, summary="probability of success")
OPEN_P = Parameter(
    "p",
    Role.PROBABILITY,
    low=0.0,
    high=1.0,
    is_open_low=True,
    summary="probability of success",
)


@DISTRIBUTIONS.register
class Bernoulli(Counts):
    """Bernoulli distribution on 0 and 1; canonical parameter: p."""

    name = "bernoulli"
    summary = "1 with probability p, else 0"
    source = "Johnson, Kemp, Kotz, Univariate Discrete Distributions (3rd ed., 2005), ch. 3"
    example = "bernoulli(p: 0.3)"
    forms = (Form((P,)),)
    is_monotone_in = (True,)
    has_monotone_ratio_in = (True,)

    def support(self, *params: Any) -> tuple[Any, Any]:
        """0 and 1."""
        return 0.0, 1.0

    def quantile(self, u: Floats, *params: Any) -> Any:
        """1 where u is above 1 - p."""
        return np.greater(u, 1 - np.asarray(params[0])) * 1.0

    def survival_quantile(self, s: Floats, *params: Any) -> Any:
        """1 where s is below p."""
        return np.less(s, params[0]) * 1.0

    def _cdf(self, k: Any, *params: Any) -> Any:
        return np.where(k < 1, 1 - np.asarray(params[0]), 1.0)

    def _survival(self, k: Any, *params: Any) -> Any:
        return np.where(k < 1, params[0], 0.0)

    def _log_mass(self, k: Any, *params: Any) -> Any:
        (p,) = params
        return special.xlogy(k, p) + special.xlog1py(1 - k, -np.asarray(p))

    def mean(self, *params: Any) -> Any:
        """P."""
        return params[0]

    def sd(self, *params: Any) -> Any:
        """Root of p (1 - p)."""
        (p,) = params
        return np.sqrt(p * (1 - p))


@DISTRIBUTIONS.register
class Binomial(Counts):
    """Binomial distribution; canonical parameters: trials, p."""

    name = "binomial"
    summary = "successes among a number of trials"
    source = "Johnson, Kemp, Kotz, Univariate Discrete Distributions (3rd ed., 2005), ch. 3"
    example = "binomial(trials: 10, p: 0.3)"
    forms = (Form((Parameter("trials", Role.COUNT, low=0.0, summary="number of trials"), P)),)
    is_monotone_in = (True, True)
    has_monotone_ratio_in = (True, True)

    def support(self, *params: Any) -> tuple[Any, Any]:
        """0 to trials."""
        return 0.0, params[0]

    def _cdf(self, k: Any, *params: Any) -> Any:
        trials, p = params
        inside = special.betaincc(k + 1, np.maximum(trials - k, 1e-300), p)
        return np.where(k >= trials, 1.0, inside)

    def _survival(self, k: Any, *params: Any) -> Any:
        trials, p = params
        inside = special.betainc(k + 1, np.maximum(trials - k, 1e-300), p)
        return np.where(k >= trials, 0.0, inside)

    def _log_mass(self, k: Any, *params: Any) -> Any:
        trials, p = params
        choices = -special.betaln(k + 1, trials - k + 1) - np.log1p(trials)
        return choices + special.xlogy(k, p) + special.xlog1py(trials - k, -np.asarray(p))

    def _ratio(self, k: Any, *params: Any) -> Any:
        trials, p = params
        with np.errstate(divide="ignore", invalid="ignore"):
            return (trials - k + 1) / k * (p / (1 - np.asarray(p)))

    def _skewness(self, *params: Any) -> Any:
        sd = np.maximum(self.sd(*params), 1e-3)
        return (1 - 2 * np.asarray(params[1])) / sd

    def _search(self, level: Any, params: tuple[Any, ...], *, is_upper: bool) -> Any:
        result = super()._search(level, params, is_upper=is_upper)
        trials, p = params
        result = np.where(np.equal(p, 0), 0.0, result)
        return np.where(np.equal(p, 1), trials, result)

    def _few(self, *params: Any) -> Any:
        trials, p = params
        return (np.asarray(trials) * p <= FEW) & np.less_equal(p, 0.9)

    def _first(self, *params: Any) -> Any:
        trials, p = params
        return np.exp(trials * np.log1p(-np.asarray(p)))

    def sample(self, draws: Draws, *params: Any) -> Any:
        """(n,) draws: by rejection where trials * min(p, 1 - p) is large, else by inversion."""
        trials, p = params
        rarer = np.minimum(p, 1 - np.asarray(p))
        is_large = trials * rarer >= LEAST_MEAN
        return self._sample_by_rows(draws, is_large, self._draw_large, params)

    def _draw_large(self, draws: Draws, trials: Any, p: Any) -> Any:
        rarer = np.minimum(p, 1 - np.asarray(p))
        count = binomial_draws(draws, trials, rarer)
        return np.where(np.greater(p, 0.5), trials - count, count)

    def mean(self, *params: Any) -> Any:
        """Trials times p."""
        trials, p = params
        return trials * p

    def sd(self, *params: Any) -> Any:
        """Root of trials p (1 - p)."""
        trials, p = params
        return np.sqrt(trials * p * (1 - p))


@DISTRIBUTIONS.register
class Poisson(Counts):
    """Poisson distribution; canonical parameter: mean."""

    name = "poisson"
    summary = "number of independent events"
    source = "Johnson, Kemp, Kotz, Univariate Discrete Distributions (3rd ed., 2005), ch. 4"
    example = "poisson(mean: 6)"
    forms = (Form((Parameter("mean", Role.NUMBER, low=0.0, summary="average"),)),)
    is_monotone_in = (True,)
    has_monotone_ratio_in = (True,)

    def support(self, *params: Any) -> tuple[Any, Any]:
        """From 0 up."""
        return 0.0, np.inf

    def _cdf(self, k: Any, *params: Any) -> Any:
        return special.gammaincc(k + 1, params[0])

    def _survival(self, k: Any, *params: Any) -> Any:
        return special.gammainc(k + 1, params[0])

    def _log_mass(self, k: Any, *params: Any) -> Any:
        (mean,) = params
        return special.xlogy(k, mean) - mean - special.gammaln(k + 1)

    def _ratio(self, k: Any, *params: Any) -> Any:
        return params[0] / k

    def _skewness(self, *params: Any) -> Any:
        return 1 / np.sqrt(np.maximum(params[0], 1e-3))

    def _few(self, *params: Any) -> Any:
        return np.less_equal(params[0], FEW)

    def _first(self, *params: Any) -> Any:
        return np.exp(-np.asarray(params[0]))

    def sample(self, draws: Draws, *params: Any) -> Any:
        """(n,) draws: by rejection where the mean is large, else by inversion."""
        is_large = np.greater(params[0], LEAST_MEAN)
        return self._sample_by_rows(draws, is_large, poisson_draws, params)

    def mean(self, *params: Any) -> Any:
        """The mean."""
        return params[0]

    def sd(self, *params: Any) -> Any:
        """Root of the mean."""
        return np.sqrt(params[0])


@DISTRIBUTIONS.register
class NegativeBinomial(Counts):
    """Negative binomial distribution from 0 up; canonical parameters: mean, size.

    The variance is mean + mean^2 / size. With size and p it counts the failures before the
    size-th success: the mean is size (1 - p) / p.
    """

    name = "negative_binomial"
    summary = "overdispersed counts; the variance is mean + mean^2 / size"
    source = "Johnson, Kemp, Kotz, Univariate Discrete Distributions (3rd ed., 2005), ch. 5"
    example = "negative_binomial(mean: 2, size: 1.4)"
    forms: ClassVar[tuple[Form, ...]] = (
        Form(
            (
                Parameter("mean", Role.NUMBER, low=0.0, summary="average"),
                Parameter(
                    "size", Role.NUMBER, low=0.0, is_open_low=True, summary="large is Poisson"
                ),
            )
        ),
        Form(
            (
                Parameter(
                    "size", Role.NUMBER, low=0.0, is_open_low=True, summary="successes awaited"
                ),
                OPEN_P,
            ),
            lambda size, p: (size * (1 - p) / p, size),
        ),
    )
    is_monotone_in = (True, False)
    has_monotone_ratio_in = (True, False)

    def support(self, *params: Any) -> tuple[Any, Any]:
        """From 0 up."""
        return 0.0, np.inf

    def _cdf(self, k: Any, *params: Any) -> Any:
        mean, size = params
        return special.betaincc(k + 1, size, mean / (size + mean))

    def _survival(self, k: Any, *params: Any) -> Any:
        mean, size = params
        return special.betainc(k + 1, size, mean / (size + mean))

    def _log_mass(self, k: Any, *params: Any) -> Any:
        mean, size = params
        # log of Gamma(k + size) / (Gamma(size) k!), with the first factor split off: size may
        # be tiny, and k may be 0.
        choices = np.where(
            np.equal(k, 0), 0.0, -special.betaln(np.maximum(k, 1), size) - np.log(np.maximum(k, 1))
        )
        share = special.xlogy(k, mean / (size + mean))
        return choices + share - size * np.log1p(mean / size)

    def _ratio(self, k: Any, *params: Any) -> Any:
        mean, size = params
        return (k - 1 + size) / k * (mean / (size + mean))

    def _skewness(self, *params: Any) -> Any:
        mean, size = params
        return (1 + 2 * mean / size) / np.maximum(self.sd(mean, size), 1e-3)

    def _few(self, *params: Any) -> Any:
        return np.less_equal(np.add(self.sd(*params), params[0]), FEW)

    def _first(self, *params: Any) -> Any:
        mean, size = params
        return np.exp(-size * np.log1p(mean / size))

    def mean(self, *params: Any) -> Any:
        """The mean."""
        return params[0]

    def sd(self, *params: Any) -> Any:
        """Root of mean + mean^2 / size."""
        mean, size = params
        return np.sqrt(mean * (1 + mean / size))

    def sample(self, draws: Draws, *params: Any) -> Any:
        """(n,) draws: a Poisson whose mean is a gamma draw, where counting up would be long."""
        is_long = ~np.asarray(self._few(*params))
        return self._sample_by_rows(draws, is_long, self._draw_mixed, params)

    def _draw_mixed(self, draws: Draws, mean: Any, size: Any) -> Any:
        rate = mean / np.asarray(size) * standard_gamma(draws, size, purpose="rate.")
        return Poisson().sample(PartOf(draws, "count."), rate)


@DISTRIBUTIONS.register
class Geometric(Counts):
    """Geometric distribution from 0 up: failures before the first success. Canonical: p."""

    name = "geometric"
    summary = "failures before the first success, from 0; the mean is (1 - p) / p"
    source = "Johnson, Kemp, Kotz, Univariate Discrete Distributions (3rd ed., 2005), 5.2"
    example = "geometric(p: 0.2)"
    forms = (Form((OPEN_P,)),)
    is_monotone_in = (True,)
    has_monotone_ratio_in = (True,)

    def support(self, *params: Any) -> tuple[Any, Any]:
        """From 0 up."""
        return 0.0, np.inf

    def _log_failure(self, p: Any) -> Any:
        """Log of 1 - p; the largest negative number in place of -inf."""
        with np.errstate(divide="ignore"):
            return np.maximum(np.log1p(-np.asarray(p, dtype=float)), -1e300)

    def quantile(self, u: Floats, *params: Any) -> Any:
        """Smallest k with (k + 1) log(1 - p) <= log(1 - u)."""
        return self._waiting(np.log1p(-np.asarray(u)), params[0])

    def survival_quantile(self, s: Floats, *params: Any) -> Any:
        """Smallest k with (k + 1) log(1 - p) <= log s."""
        return self._waiting(np.log(s), params[0])

    def _waiting(self, log_s: Any, p: Any) -> Any:
        return np.maximum(np.ceil(log_s / self._log_failure(p)) - 1, 0.0)

    def _cdf(self, k: Any, *params: Any) -> Any:
        return -np.expm1((k + 1) * self._log_failure(params[0]))

    def _survival(self, k: Any, *params: Any) -> Any:
        return np.exp((k + 1) * self._log_failure(params[0]))

    def _log_mass(self, k: Any, *params: Any) -> Any:
        (p,) = params
        return np.log(p) + special.xlog1py(k, -np.asarray(p))

    def mean(self, *params: Any) -> Any:
        """(1 - p) / p."""
        (p,) = params
        return (1 - p) / p

    def sd(self, *params: Any) -> Any:
        """Root of 1 - p, over p."""
        (p,) = params
        return np.sqrt(1 - np.asarray(p)) / p


@DISTRIBUTIONS.register
class DiscreteUniform(Counts):
    """Discrete uniform distribution; canonical parameters: the first and the last value, whole
    numbers. On a grid whose step is not 1 see `GridUniform`.
    """

    name = "discrete_uniform"
    summary = "equally likely values of the field's grid between two ends, both included"
    source = "Johnson, Kemp, Kotz, Univariate Discrete Distributions (3rd ed., 2005), 6.10.1"
    example = "discrete_uniform(1, 6)"
    forms = (grid_form(Fraction(1)),)
    is_point = True
    is_number = False
    is_monotone_in = (True, True)
    has_monotone_ratio_in = (True, True)

    def on_grid(self, step: Fraction) -> Distribution:
        """Equally likely multiples of the step."""
        return self if step == 1 else grid_uniform(self, step)

    def support(self, *params: Any) -> tuple[Any, Any]:
        """From low to high."""
        return params

    def quantile(self, u: Floats, *params: Any) -> Any:
        """Low plus the number of whole steps below u."""
        low, high = params
        count = high - low + 1.0
        return low + np.clip(np.ceil(count * u) - 1, 0.0, count - 1)

    def survival_quantile(self, s: Floats, *params: Any) -> Any:
        """High less the number of whole steps below s."""
        low, high = params
        count = high - low + 1.0
        return high - np.clip(np.floor(count * s), 0.0, count - 1)

    def _cdf(self, k: Any, *params: Any) -> Any:
        low, high = params
        return (k - low + 1) / (high - low + 1.0)

    def _survival(self, k: Any, *params: Any) -> Any:
        low, high = params
        return (high - k) / (high - low + 1.0)

    def _log_mass(self, k: Any, *params: Any) -> Any:
        low, high = params
        return -np.log(high - low + 1.0) + 0.0 * k

    def mean(self, *params: Any) -> Any:
        """The middle."""
        low, high = params
        return low + (high - low) / 2

    def sd(self, *params: Any) -> Any:
        """Root of (count^2 - 1) / 12."""
        low, high = params
        count = high - low + 1.0
        return np.sqrt((count - 1) * (count + 1) / 12)
