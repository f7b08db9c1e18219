"""Positive distributions by scale: exponential, gamma, chi_squared, weibull and others."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from synthdsl.distributions._families import PositiveScale
from synthdsl.distributions._inversion import invert_continuous
from synthdsl.distributions._rejection import standard_gamma
from synthdsl.distributions._rows import choose
from synthdsl.distributions.base import DISTRIBUTIONS, Form, Parameter, Role
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import scipy.special as special

    from synthdsl.values.draws import Draws
else:
    np = lazy("numpy")
    special = lazy("scipy.special")

ROOT_HALF = math.sqrt(0.5)


def _positive(name: str, role: Role, summary: str) -> Parameter:
    return Parameter(name, role, low=0.0, is_open_low=True, summary=summary)


MEAN = _positive("mean", Role.SPREAD, "average")
SD = _positive("sd", Role.SPREAD, "standard deviation")
CV = _positive("cv", Role.NUMBER, "standard deviation over mean")
SHAPE = _positive("shape", Role.NUMBER, "shape")
SCALE = _positive("scale", Role.SPREAD, "scale")


@DISTRIBUTIONS.register
class Exponential(PositiveScale):
    """Exponential distribution; canonical parameter: the mean."""

    name = "exponential"
    summary = "waiting time at a constant rate"
    source = "Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1 (1994), ch. 19"
    example = "exponential(mean: 3)"
    forms = (
        Form((MEAN,)),
        Form((_positive("rate", Role.RATE, "events per unit"),), lambda rate: (1 / rate,)),
    )
    has_log_tails = True
    is_monotone_in = (True,)
    has_monotone_ratio_in = (True,)

    def _quantile(self, u: Any, *shape: Any) -> Any:
        return -np.log1p(-np.asarray(u))

    def _survival_quantile(self, s: Any, *shape: Any) -> Any:
        return -np.log(s)

    def _cdf(self, z: Any, *shape: Any) -> Any:
        return -np.expm1(-z)

    def _survival(self, z: Any, *shape: Any) -> Any:
        return np.exp(-z)

    def _log_density(self, z: Any, *shape: Any) -> Any:
        return -z

    def _mean(self, *shape: Any) -> Any:
        return 1.0

    def _sd(self, *shape: Any) -> Any:
        return 1.0

    def _log_cdf(self, z: Any, *shape: Any) -> Any:
        with np.errstate(divide="ignore"):
            return np.log(-np.expm1(-z))

    def _log_survival(self, z: Any, *shape: Any) -> Any:
        return -z

    def _log_quantile(self, log_u: Any, *shape: Any) -> Any:
        return -np.log1p(-np.exp(log_u))

    def _log_survival_quantile(self, log_s: Any, *shape: Any) -> Any:
        return -log_s


@DISTRIBUTIONS.register
class Gamma(PositiveScale):
    """Gamma distribution; canonical parameters: scale, shape. The mean is their product."""

    name = "gamma"
    summary = "positive and skewed; by shape and scale, or by mean and cv or sd"
    source = "Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1 (1994), ch. 17"
    example = "gamma(mean: 2, cv: 0.6)"
    forms: ClassVar[tuple[Form, ...]] = (
        Form((SHAPE, SCALE), lambda shape, scale: (scale, shape)),
        Form((MEAN, CV), lambda mean, cv: (mean * cv * cv, 1 / (cv * cv))),
        Form((MEAN, SD), lambda mean, sd: (sd * sd / mean, (mean / sd) ** 2)),
    )
    has_slow_quantile = True
    is_monotone_in = (True, True)
    has_monotone_ratio_in = (True, True)

    def _quantile(self, u: Any, *shape: Any) -> Any:
        return special.gammaincinv(shape[0], u)

    def _survival_quantile(self, s: Any, *shape: Any) -> Any:
        return special.gammainccinv(shape[0], s)

    def _cdf(self, z: Any, *shape: Any) -> Any:
        return special.gammainc(shape[0], z)

    def _survival(self, z: Any, *shape: Any) -> Any:
        return special.gammaincc(shape[0], z)

    def _log_density(self, z: Any, *shape: Any) -> Any:
        (k,) = shape
        return special.xlogy(k - 1, z) - z - special.gammaln(k)

    def _mean(self, *shape: Any) -> Any:
        return shape[0]

    def _sd(self, *shape: Any) -> Any:
        return np.sqrt(shape[0])

    def sample(self, draws: Draws, *params: Any) -> Any:
        """(n,) draws by Marsaglia and Tsang's exact rejection."""
        scale, shape = params
        return scale * standard_gamma(draws, shape)


@DISTRIBUTIONS.register
class ChiSquared(Gamma):
    """Chi-squared distribution: gamma of shape df/2 and scale 2, in gamma's canonical form."""

    name = "chi_squared"
    summary = "sum of df squared standard normals"
    source = "Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1 (1994), ch. 18"
    example = "chi_squared(df: 4)"
    forms = (Form((_positive("df", Role.NUMBER, "degrees of freedom"),), lambda df: (2.0, df / 2)),)
    is_number = True


@DISTRIBUTIONS.register
class Weibull(PositiveScale):
    """Weibull distribution; canonical parameters: scale, shape."""

    name = "weibull"
    summary = "time to failure; shape above 1 ages, below 1 hardens"
    source = "Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1 (1994), ch. 21"
    example = "weibull(shape: 1.5, scale: 10)"
    forms = (Form((SHAPE, SCALE), lambda shape, scale: (scale, shape)),)
    has_log_tails = True
    is_monotone_in = (True, True)
    has_monotone_ratio_in = (True, False)

    def _quantile(self, u: Any, *shape: Any) -> Any:
        return (-np.log1p(-np.asarray(u))) ** (1 / shape[0])

    def _survival_quantile(self, s: Any, *shape: Any) -> Any:
        return (-np.log(s)) ** (1 / shape[0])

    def _hazard(self, z: Any, k: Any) -> Any:
        """Cumulative hazard z ** k, infinite where that overflows."""
        with np.errstate(over="ignore"):
            return np.asarray(z, dtype=float) ** k

    def _cdf(self, z: Any, *shape: Any) -> Any:
        return -np.expm1(-self._hazard(z, shape[0]))

    def _survival(self, z: Any, *shape: Any) -> Any:
        return np.exp(-self._hazard(z, shape[0]))

    def _log_density(self, z: Any, *shape: Any) -> Any:
        (k,) = shape
        return np.log(k) + special.xlogy(k - 1, z) - self._hazard(z, k)

    def _mean(self, *shape: Any) -> Any:
        return special.gamma(1 + 1 / shape[0])

    def _sd(self, *shape: Any) -> Any:
        # g2 - g1^2 = g1^2 (exp(log g2 - 2 log g1) - 1), without cancelling for large shapes.
        first = special.gammaln(1 + 1 / shape[0])
        return np.exp(first) * np.sqrt(np.expm1(special.gammaln(1 + 2 / shape[0]) - 2 * first))

    def _log_cdf(self, z: Any, *shape: Any) -> Any:
        with np.errstate(divide="ignore"):
            return np.log(self._cdf(z, *shape))

    def _log_survival(self, z: Any, *shape: Any) -> Any:
        return -self._hazard(z, shape[0])

    def _log_quantile(self, log_u: Any, *shape: Any) -> Any:
        return (-np.log1p(-np.exp(log_u))) ** (1 / shape[0])

    def _log_survival_quantile(self, log_s: Any, *shape: Any) -> Any:
        return (-log_s) ** (1 / shape[0])


@cache
def _double_exponential() -> tuple[Any, Any]:
    """Nodes and weights for integrals of f(y) exp(-y) over y > 0 (Takahasi and Mori 1974)."""
    t = np.linspace(-5.0, 5.0, 321)
    y = np.exp(t - np.exp(-t))
    return y, (t[1] - t[0]) * y * (1 + np.exp(-t)) * np.exp(-y)


@DISTRIBUTIONS.register
class Gompertz(PositiveScale):
    """Gompertz distribution; canonical parameters: scale = 1/rate, shape.

    The hazard is shape * rate * exp(rate * x); survival exp(-shape * (exp(rate x) - 1)).
    """

    name = "gompertz"
    summary = "age at death; the hazard starts at shape times rate and grows by rate"
    source = "Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 2 (1995), 22.8"
    example = "gompertz(shape: 0.0005, rate: 0.09)"
    forms = (
        Form(
            (SHAPE, _positive("rate", Role.RATE, "growth of the log hazard per unit")),
            lambda shape, rate: (1 / rate, shape),
        ),
    )
    has_log_tails = True
    is_monotone_in = (True, True)
    has_monotone_ratio_in = (False, True)

    def _growth(self, z: Any, k: Any) -> Any:
        """Cumulative hazard, infinite where that overflows."""
        with np.errstate(over="ignore"):
            return k * np.expm1(z)

    def _quantile(self, u: Any, *shape: Any) -> Any:
        return np.log1p(-np.log1p(-np.asarray(u)) / shape[0])

    def _survival_quantile(self, s: Any, *shape: Any) -> Any:
        return np.log1p(-np.log(s) / shape[0])

    def _cdf(self, z: Any, *shape: Any) -> Any:
        return -np.expm1(-self._growth(z, shape[0]))

    def _survival(self, z: Any, *shape: Any) -> Any:
        return np.exp(-self._growth(z, shape[0]))

    def _log_density(self, z: Any, *shape: Any) -> Any:
        return np.log(shape[0]) + z - self._growth(z, shape[0])

    def _moment(self, k: Any, power: int) -> Any:
        y, weights = _double_exponential()
        values = np.log1p(y / np.asarray(k, dtype=float)[..., None]) ** power
        return (values * weights).sum(axis=-1)

    def _mean(self, *shape: Any) -> Any:
        return self._moment(shape[0], 1)

    def _sd(self, *shape: Any) -> Any:
        return np.sqrt(self._moment(shape[0], 2) - self._moment(shape[0], 1) ** 2)

    def _log_cdf(self, z: Any, *shape: Any) -> Any:
        with np.errstate(divide="ignore"):
            return np.log(self._cdf(z, *shape))

    def _log_survival(self, z: Any, *shape: Any) -> Any:
        return -self._growth(z, shape[0])

    def _log_quantile(self, log_u: Any, *shape: Any) -> Any:
        return np.log1p(-np.log1p(-np.exp(log_u)) / shape[0])

    def _log_survival_quantile(self, log_s: Any, *shape: Any) -> Any:
        return np.log1p(-log_s / shape[0])


@DISTRIBUTIONS.register
class InverseGaussian(PositiveScale):
    """Inverse Gaussian distribution; canonical parameters: mean, shape / mean.

    Tails in terms of the scaled complementary error function, whose exponential
    factors out: nothing overflows, and only the far upper tail loses a few digits.
    """

    name = "inverse_gaussian"
    summary = "first passage time of a drifting random walk; sd is sqrt(mean^3 / shape)"
    source = "Chhikara, Folks, The Inverse Gaussian Distribution (1989), ch. 2"
    example = "inverse_gaussian(mean: 3, shape: 6)"
    forms = (
        Form(
            (MEAN, _positive("shape", Role.SPREAD, "larger is closer to the mean")),
            lambda mean, shape: (mean, shape / mean),
        ),
    )
    has_slow_quantile = True
    is_monotone_in = (True, False)

    def _log_tail(self, y: Any, k: Any, *, is_upper: bool) -> Any:
        """Log of a tail at z = exp(y), for finite y."""
        root = np.sqrt(k) * np.exp(-0.5 * y)
        a = root * np.expm1(y)
        b = root * (np.exp(y) + 1)
        sign = -1.0 if is_upper else 1.0
        inner = -sign * a * ROOT_HALF
        near = special.erfcx(np.maximum(inner, 0.0)) + sign * special.erfcx(b * ROOT_HALF)
        with np.errstate(divide="ignore", over="ignore"):
            tail = np.log(0.5 * near) - 0.5 * a * a
            body = special.ndtr(sign * a) + sign * 0.5 * np.exp(-0.5 * a * a) * special.erfcx(
                b * ROOT_HALF
            )
            return np.where(inner > 0, tail, np.log(np.maximum(body, 0.0)))

    def _tail(self, z: Any, k: Any, *, is_upper: bool) -> Any:
        y = np.log(np.clip(z, 1e-290, 1e290))
        inside = np.exp(self._log_tail(y, k, is_upper=is_upper))
        at_zero = 1.0 if is_upper else 0.0
        inside = np.where(np.less_equal(z, 0), at_zero, inside)
        return np.where(np.isinf(z), 1 - at_zero, inside)

    def _log_density_of_log(self, y: Any, k: Any) -> Any:
        z = np.exp(y)
        with np.errstate(over="ignore"):
            return 0.5 * (np.log(k / (2 * math.pi)) - y) - 0.5 * k * (z - 2 + np.exp(-y))

    def _solve(self, level: Any, k: Any, *, is_upper: bool) -> Any:
        """Z at tail probability `level` <= 0.5, from the log-normal of the same moments."""
        variance = np.log1p(1 / k)
        sign = -1.0 if is_upper else 1.0
        start = sign * np.clip(
            np.sqrt(variance) * special.ndtri(level) - sign * variance / 2, -60, 60
        )

        def log_tail(w: Any, shape: Any) -> Any:
            return self._log_tail(sign * w, shape, is_upper=is_upper)

        def log_density(w: Any, shape: Any) -> Any:
            return self._log_density_of_log(sign * w, shape)

        # The variable sign * log z makes either tail a lower one.
        w = invert_continuous(
            np.log(level), sign * start, log_tail, log_density, (k,), -600.0, 600.0
        )
        return np.exp(sign * w)

    def _lower(self, level: Any, k: Any) -> Any:
        return self._solve(level, k, is_upper=False)

    def _upper(self, level: Any, k: Any) -> Any:
        return self._solve(level, k, is_upper=True)

    def _quantile(self, u: Any, *shape: Any) -> Any:
        u = np.asarray(u, dtype=float)
        return choose(u <= 0.5, self._lower, lambda level, k: self._upper(1 - level, k), u, *shape)

    def _survival_quantile(self, s: Any, *shape: Any) -> Any:
        s = np.asarray(s, dtype=float)
        return choose(s <= 0.5, self._upper, lambda level, k: self._lower(1 - level, k), s, *shape)

    def _cdf(self, z: Any, *shape: Any) -> Any:
        return self._tail(z, shape[0], is_upper=False)

    def _survival(self, z: Any, *shape: Any) -> Any:
        return self._tail(z, shape[0], is_upper=True)

    def _log_density(self, z: Any, *shape: Any) -> Any:
        y = np.log(np.clip(z, 1e-290, 1e290))
        inside = self._log_density_of_log(y, shape[0]) - y
        return np.where(np.less_equal(z, 0) | np.isinf(z), -np.inf, inside)

    def _mean(self, *shape: Any) -> Any:
        return 1.0

    def _sd(self, *shape: Any) -> Any:
        return 1 / np.sqrt(shape[0])

    def sample(self, draws: Draws, *params: Any) -> Any:
        """(n,) draws by the roots method (Michael, Schucany, Haas 1976), without cancelling."""
        mean, k = params
        normal = special.ndtri(draws.uniform("normal"))
        y = normal * normal / (2 * k)
        root = 1 / (1 + y + np.sqrt(y * (2 + y)))
        is_root = draws.uniform("root") * (1 + root) <= 1
        return mean * np.where(is_root, root, 1 / root)
