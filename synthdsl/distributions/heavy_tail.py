"""Heavy tails: lognormal, student_t, pareto."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from synthdsl.distributions._families import LocationScale, Standard
from synthdsl.distributions._rejection import standard_gamma
from synthdsl.distributions._rows import choose
from synthdsl.distributions.base import DISTRIBUTIONS, Form, Parameter, Role
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import scipy.special as special

    from synthdsl.distributions.base import Floats
    from synthdsl.values.draws import Draws
else:
    np = lazy("numpy")
    special = lazy("scipy.special")

LOG_ROOT_TWO_PI = 0.5 * math.log(2 * math.pi)


def _positive(name: str, role: Role, summary: str) -> Parameter:
    return Parameter(name, role, low=0.0, is_open_low=True, summary=summary)


def _from_cv(mean: Any, cv: Any) -> tuple[Any, Any]:
    """Mu and sigma of the logs, given mean and cv of the values."""
    variance = np.log1p(cv * cv)
    return np.log(mean) - variance / 2, np.sqrt(variance)


@DISTRIBUTIONS.register
class Lognormal(Standard):
    """Log-normal distribution; canonical parameters: mu and sigma, of the natural log.

    `mean`, `sd` and `cv` are those of the value itself; `mu` and `sigma` those of its log.
    """

    name = "lognormal"
    summary = "positive, its log is normal; by mean and sd or cv, or by mu and sigma of the log"
    source = "Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1 (1994), ch. 14"
    example = "lognormal(mean: 76, sd: 15)"
    forms = (
        Form(
            (
                Parameter("mu", Role.NUMBER, summary="mean of the log"),
                _positive("sigma", Role.NUMBER, "standard deviation of the log"),
            )
        ),
        Form(
            (
                _positive("mean", Role.SPREAD, "average"),
                _positive("sd", Role.SPREAD, "standard deviation"),
            ),
            lambda mean, sd: _from_cv(mean, sd / mean),
        ),
        Form(
            (
                _positive("mean", Role.SPREAD, "average"),
                _positive("cv", Role.NUMBER, "standard deviation over mean"),
            ),
            _from_cv,
        ),
    )
    has_log_tails = True
    is_monotone_in = (True, True)
    has_monotone_ratio_in = (True, False)

    def _z(self, x: Any, mu: Any, sigma: Any) -> Any:
        with np.errstate(divide="ignore"):
            return (np.log(np.maximum(x, 0.0)) - mu) / sigma

    def support(self, *params: Any) -> tuple[Any, Any]:
        """From 0 up."""
        return 0.0, np.inf

    def quantile(self, u: Floats, *params: Any) -> Any:
        """Exp of the normal quantile."""
        mu, sigma = params
        return np.exp(mu + sigma * special.ndtri(u))

    def survival_quantile(self, s: Floats, *params: Any) -> Any:
        """Exp of the normal inverse survival."""
        mu, sigma = params
        return np.exp(mu - sigma * special.ndtri(s))

    def cdf(self, x: Floats, *params: Any) -> Any:
        """Normal cdf of the log."""
        return special.ndtr(self._z(x, *params))

    def survival(self, x: Floats, *params: Any) -> Any:
        """Normal survival of the log."""
        return special.ndtr(-self._z(x, *params))

    def log_density(self, x: Floats, *params: Any) -> Any:
        """Normal log density of the log, less the log; -inf at and below 0."""
        mu, sigma = params
        y = np.log(np.maximum(x, 1e-300))
        z = (y - mu) / sigma
        inside = -0.5 * z * z - LOG_ROOT_TWO_PI - np.log(sigma) - y
        return np.where(np.less_equal(x, 0), -np.inf, inside)

    def mean(self, *params: Any) -> Any:
        """exp(mu + sigma^2 / 2)."""
        mu, sigma = params
        return np.exp(mu + sigma * sigma / 2)

    def sd(self, *params: Any) -> Any:
        """Mean times sqrt(exp(sigma^2) - 1)."""
        _, sigma = params
        return self.mean(*params) * np.sqrt(np.expm1(sigma * sigma))

    def log_cdf(self, x: Floats, *params: Any) -> Any:
        """Log of P(X <= x)."""
        return special.log_ndtr(self._z(x, *params))

    def log_survival(self, x: Floats, *params: Any) -> Any:
        """Log of P(X > x)."""
        return special.log_ndtr(-self._z(x, *params))

    def log_quantile(self, log_u: Floats, *params: Any) -> Any:
        """The x whose log cdf is `log_u`."""
        mu, sigma = params
        return np.exp(mu + sigma * special.ndtri_exp(log_u))

    def log_survival_quantile(self, log_s: Floats, *params: Any) -> Any:
        """The x whose log survival is `log_s`."""
        mu, sigma = params
        return np.exp(mu - sigma * special.ndtri_exp(log_s))


@DISTRIBUTIONS.register
class StudentT(LocationScale):
    """Student's t distribution, moved and stretched; canonical parameters: mean, scale, df.

    `scale` multiplies the standard t: the sd is scale * sqrt(df / (df - 2)) where df > 2. The
    mean exists for df > 1.
    """

    name = "student_t"
    summary = "bell curve with power-law tails of exponent df"
    source = "Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 2 (1995), ch. 28"
    example = "student_t(df: 5, mean: 100, scale: 10)"
    forms = (
        Form(
            (
                _positive("df", Role.NUMBER, "degrees of freedom"),
                Parameter("mean", Role.LOCATION, default=0.0, summary="centre"),
                Parameter(
                    "scale",
                    Role.SPREAD,
                    low=0.0,
                    is_open_low=True,
                    default=1.0,
                    summary="how wide",
                ),
            ),
            lambda df, mean, scale: (mean, scale, df),
        ),
    )
    has_slow_quantile = True
    is_monotone_in = (True, True, True)

    def _lower(self, level: Any, df: Any) -> Any:
        """Quantile at `level` <= 0.5, through t^2 / (df + t^2) or its complement."""
        share = special.betainccinv(0.5, df / 2, 2 * level)
        rest = 1 - share
        # Far out the share rounds to 1: take its complement from the other inverse.
        is_far = np.greater(share, 0.5)
        if is_far.any():
            rest = choose(
                is_far,
                lambda p, k, _: special.betaincinv(k / 2, 0.5, 2 * p),
                lambda _, __, near: near,
                *np.broadcast_arrays(level, df, rest),
            )
            share = np.where(is_far, 1 - rest, share)
        with np.errstate(divide="ignore"):
            return -np.sqrt(df * share / rest)

    def _quantile(self, u: Any, *shape: Any) -> Any:
        u = np.asarray(u, dtype=float)
        distance = self._lower(np.minimum(u, 1 - u), shape[0])
        return np.where(u <= 0.5, distance, -distance)

    def _survival_quantile(self, s: Any, *shape: Any) -> Any:
        return -self._quantile(s, *shape)

    def _cdf(self, z: Any, *shape: Any) -> Any:
        (df,) = shape
        z = np.asarray(z, dtype=float)
        with np.errstate(over="ignore", invalid="ignore"):
            ratio = z * z / df
            share = np.where(np.isinf(ratio), 1.0, ratio / (1 + ratio))
        near = special.betaincc(0.5, df / 2, share)
        far = special.betainc(df / 2, 0.5, 1 / (1 + ratio))
        tail = 0.5 * np.where(share < 0.5, near, far)
        return np.where(z <= 0, tail, 1 - tail)

    def _survival(self, z: Any, *shape: Any) -> Any:
        return self._cdf(-np.asarray(z), *shape)

    def _log_density(self, z: Any, *shape: Any) -> Any:
        (df,) = shape
        constant = -special.betaln(0.5, df / 2) - 0.5 * np.log(df)
        return constant - 0.5 * (df + 1) * np.log1p(z * z / df)

    def _mean(self, *shape: Any) -> Any:
        return np.where(np.greater(shape[0], 1), 0.0, np.nan)

    def _sd(self, *shape: Any) -> Any:
        df = np.asarray(shape[0], dtype=float)
        finite = np.sqrt(df / np.where(df > 2, df - 2, 1.0))
        return np.where(df > 2, finite, np.where(df > 1, np.inf, np.nan))

    def sample(self, draws: Draws, *params: Any) -> Any:
        """(n,) draws: a normal over the root of an independent chi-squared over df."""
        mean, scale, df = params
        normal = special.ndtri(draws.uniform("normal"))
        gamma = standard_gamma(draws, np.asarray(df) / 2, purpose="spread.")
        with np.errstate(divide="ignore", over="ignore"):
            return mean + scale * normal * np.sqrt(0.5 * df / gamma)


@DISTRIBUTIONS.register
class Pareto(Standard):
    """Pareto distribution; canonical parameters: minimum, shape."""

    name = "pareto"
    summary = "power law above a minimum; the mean exists for shape above 1"
    source = "Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1 (1994), ch. 20"
    example = "pareto(shape: 3, minimum: 100)"
    forms = (
        Form(
            (
                _positive("shape", Role.NUMBER, "exponent of the tail"),
                _positive("minimum", Role.SPREAD, "smallest value"),
            ),
            lambda shape, minimum: (minimum, shape),
        ),
    )
    has_log_tails = True
    is_monotone_in = (True, True)
    has_monotone_ratio_in = (True, True)

    def support(self, *params: Any) -> tuple[Any, Any]:
        """From the minimum up."""
        return params[0], np.inf

    def quantile(self, u: Floats, *params: Any) -> Any:
        """Minimum times (1 - u) ** (-1/shape)."""
        minimum, shape = params
        return minimum * np.exp(-np.log1p(-np.asarray(u)) / shape)

    def survival_quantile(self, s: Floats, *params: Any) -> Any:
        """Minimum times s ** (-1/shape)."""
        return self.log_survival_quantile(np.log(s), *params)

    def cdf(self, x: Floats, *params: Any) -> Any:
        """One less the survival, without cancelling near the minimum."""
        return -np.expm1(self.log_survival(x, *params))

    def survival(self, x: Floats, *params: Any) -> Any:
        """(minimum / x) ** shape."""
        return np.exp(self.log_survival(x, *params))

    def log_density(self, x: Floats, *params: Any) -> Any:
        """Log density; -inf below the minimum."""
        minimum, shape = params
        inside = np.log(shape / minimum) + (1 + 1 / shape) * self.log_survival(x, *params)
        return np.where(np.less(x, minimum), -np.inf, inside)

    def mean(self, *params: Any) -> Any:
        """Infinite for shape at most 1."""
        minimum, shape = params
        shape = np.asarray(shape, dtype=float)
        return np.where(shape > 1, minimum * shape / np.where(shape > 1, shape - 1, 1), np.inf)

    def sd(self, *params: Any) -> Any:
        """Infinite for shape at most 2; nan where the mean is infinite."""
        minimum, shape = params
        shape = np.asarray(shape, dtype=float)
        safe = np.where(shape > 2, shape, 3.0)
        finite = minimum / (safe - 1) * np.sqrt(safe / (safe - 2))
        return np.where(shape > 2, finite, np.where(shape > 1, np.inf, np.nan))

    def log_cdf(self, x: Floats, *params: Any) -> Any:
        """Log of P(X <= x)."""
        with np.errstate(divide="ignore"):
            return np.log(self.cdf(x, *params))

    def log_survival(self, x: Floats, *params: Any) -> Any:
        """Log of P(X > x)."""
        minimum, shape = params
        # log1p keeps the digits of x - minimum where x is close to the minimum.
        return -shape * np.log1p(np.maximum(x - minimum, 0.0) / minimum)

    def log_quantile(self, log_u: Floats, *params: Any) -> Any:
        """The x whose log cdf is `log_u`."""
        return self.quantile(np.exp(log_u), *params)

    def log_survival_quantile(self, log_s: Floats, *params: Any) -> Any:
        """The x whose log survival is `log_s`."""
        minimum, shape = params
        with np.errstate(over="ignore"):
            return minimum * np.exp(-np.asarray(log_s) / shape)
