"""Location families on the whole line: normal, laplace, logistic, gumbel, skew_normal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from synthdsl.distributions._families import LocationScale
from synthdsl.distributions._inversion import invert_continuous
from synthdsl.distributions._rows import choose
from synthdsl.distributions._skew_normal import log_lower_tail, log_upper_tail
from synthdsl.distributions.base import DISTRIBUTIONS, Form, Parameter, Role
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import scipy.special as special

    from synthdsl.values.draws import Draws
else:
    np = lazy("numpy")
    special = lazy("scipy.special")

LOG_ROOT_TWO_PI = 0.5 * math.log(2 * math.pi)
EULER_GAMMA = 0.5772156649015329
SCALE = Parameter("scale", Role.SPREAD, low=0.0, is_open_low=True, summary="how wide")


def _exp(x: Any) -> Any:
    """Exp without a warning where it overflows to infinity on purpose."""
    with np.errstate(over="ignore"):
        return np.exp(x)


@DISTRIBUTIONS.register
class Normal(LocationScale):
    """Normal distribution; canonical parameters: mean, sd."""

    name = "normal"
    summary = "bell curve"
    source = "Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1 (1994), ch. 13"
    example = "normal(mean: 170, sd: 9)"
    forms = (
        Form(
            (
                Parameter("mean", Role.LOCATION, summary="centre"),
                Parameter("sd", Role.SPREAD, low=0.0, is_open_low=True, summary="spread"),
            )
        ),
    )
    has_log_tails = True
    is_monotone_in = (True, True)
    has_monotone_ratio_in = (True, False)

    def _quantile(self, u: Any, *shape: Any) -> Any:
        return special.ndtri(u)

    def _survival_quantile(self, s: Any, *shape: Any) -> Any:
        return -special.ndtri(s)

    def _cdf(self, z: Any, *shape: Any) -> Any:
        return special.ndtr(z)

    def _survival(self, z: Any, *shape: Any) -> Any:
        return special.ndtr(-z)

    def _log_density(self, z: Any, *shape: Any) -> Any:
        return -0.5 * z * z - LOG_ROOT_TWO_PI

    def _mean(self, *shape: Any) -> Any:
        return 0.0

    def _sd(self, *shape: Any) -> Any:
        return 1.0

    def _log_cdf(self, z: Any, *shape: Any) -> Any:
        return special.log_ndtr(z)

    def _log_survival(self, z: Any, *shape: Any) -> Any:
        return special.log_ndtr(-z)

    def _log_quantile(self, log_u: Any, *shape: Any) -> Any:
        return special.ndtri_exp(log_u)

    def _log_survival_quantile(self, log_s: Any, *shape: Any) -> Any:
        return -special.ndtri_exp(log_s)


@DISTRIBUTIONS.register
class Laplace(LocationScale):
    """Laplace (double exponential) distribution; canonical parameters: mean, scale."""

    name = "laplace"
    summary = "two exponentials back to back; scale is the mean distance from the mean"
    source = "Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 2 (1995), ch. 24"
    example = "laplace(mean: 0, scale: 1)"
    forms = (Form((Parameter("mean", Role.LOCATION, summary="centre"), SCALE)),)
    has_log_tails = True
    is_monotone_in = (True, True)
    has_monotone_ratio_in = (True, False)

    def _quantile(self, u: Any, *shape: Any) -> Any:
        u = np.asarray(u)
        tail = np.log(2 * np.minimum(u, 1 - u))
        return np.where(u < 0.5, tail, -tail)

    def _survival_quantile(self, s: Any, *shape: Any) -> Any:
        return -self._quantile(s)

    def _cdf(self, z: Any, *shape: Any) -> Any:
        tail = 0.5 * np.exp(-np.abs(z))
        return np.where(np.less(z, 0), tail, 1 - tail)

    def _survival(self, z: Any, *shape: Any) -> Any:
        return self._cdf(-z)

    def _log_density(self, z: Any, *shape: Any) -> Any:
        return -np.abs(z) - math.log(2)

    def _mean(self, *shape: Any) -> Any:
        return 0.0

    def _sd(self, *shape: Any) -> Any:
        return math.sqrt(2)

    def _log_cdf(self, z: Any, *shape: Any) -> Any:
        tail = -np.abs(z) - math.log(2)
        return np.where(np.less(z, 0), tail, np.log1p(-np.exp(tail)))

    def _log_survival(self, z: Any, *shape: Any) -> Any:
        return self._log_cdf(-z)

    def _log_quantile(self, log_u: Any, *shape: Any) -> Any:
        lower = log_u + math.log(2)
        upper = -np.log(2 * -np.expm1(np.maximum(log_u, -math.log(2))))
        return np.where(np.less(log_u, -math.log(2)), lower, upper)

    def _log_survival_quantile(self, log_s: Any, *shape: Any) -> Any:
        return -self._log_quantile(log_s)


@DISTRIBUTIONS.register
class Logistic(LocationScale):
    """Logistic distribution; canonical parameters: mean, scale."""

    name = "logistic"
    summary = "like the normal with heavier tails; sd is scale times pi over root 3"
    source = "Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 2 (1995), ch. 23"
    example = "logistic(mean: 0, scale: 1)"
    forms = (Form((Parameter("mean", Role.LOCATION, summary="centre"), SCALE)),)
    has_log_tails = True
    is_monotone_in = (True, True)
    has_monotone_ratio_in = (True, False)

    def _quantile(self, u: Any, *shape: Any) -> Any:
        return special.logit(u)

    def _survival_quantile(self, s: Any, *shape: Any) -> Any:
        return -special.logit(s)

    def _cdf(self, z: Any, *shape: Any) -> Any:
        return special.expit(z)

    def _survival(self, z: Any, *shape: Any) -> Any:
        return special.expit(-z)

    def _log_density(self, z: Any, *shape: Any) -> Any:
        distance = np.abs(z)
        return -distance - 2 * np.log1p(np.exp(-distance))

    def _mean(self, *shape: Any) -> Any:
        return 0.0

    def _sd(self, *shape: Any) -> Any:
        return math.pi / math.sqrt(3)

    def _log_cdf(self, z: Any, *shape: Any) -> Any:
        return special.log_expit(z)

    def _log_survival(self, z: Any, *shape: Any) -> Any:
        return special.log_expit(-z)

    def _log_quantile(self, log_u: Any, *shape: Any) -> Any:
        return log_u - np.log(-np.expm1(log_u))

    def _log_survival_quantile(self, log_s: Any, *shape: Any) -> Any:
        return -self._log_quantile(log_s)


@DISTRIBUTIONS.register
class Gumbel(LocationScale):
    """Gumbel distribution of maxima; canonical parameters: location (the mode), scale."""

    name = "gumbel"
    summary = "largest of many; location is the mode, the mean is 0.577 scales above it"
    source = "Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 2 (1995), ch. 22"
    example = "gumbel(location: 10, scale: 2)"
    forms = (Form((Parameter("location", Role.LOCATION, summary="mode"), SCALE)),)
    has_log_tails = True
    is_monotone_in = (True, True)
    has_monotone_ratio_in = (True, False)

    def _quantile(self, u: Any, *shape: Any) -> Any:
        return -np.log(-np.log(u))

    def _survival_quantile(self, s: Any, *shape: Any) -> Any:
        return -np.log(-np.log1p(-np.asarray(s)))

    def _cdf(self, z: Any, *shape: Any) -> Any:
        return np.exp(-_exp(-z))

    def _survival(self, z: Any, *shape: Any) -> Any:
        return -np.expm1(-_exp(-z))

    def _log_density(self, z: Any, *shape: Any) -> Any:
        return -z - _exp(-z)

    def _mean(self, *shape: Any) -> Any:
        return EULER_GAMMA

    def _sd(self, *shape: Any) -> Any:
        return math.pi / math.sqrt(6)

    def _log_cdf(self, z: Any, *shape: Any) -> Any:
        return -_exp(-z)

    def _log_survival(self, z: Any, *shape: Any) -> Any:
        # -expm1(-y) = y (1 - y/2 + ...): where y is tiny its log is -z, however far.
        y = _exp(-z)
        near = np.log(-np.expm1(-np.maximum(y, 1e-300)))
        return np.where(y < 1e-20, -z, near)

    def _log_quantile(self, log_u: Any, *shape: Any) -> Any:
        return -np.log(-log_u)

    def _log_survival_quantile(self, log_s: Any, *shape: Any) -> Any:
        s = np.exp(log_s)
        near = -np.log(-np.log1p(-np.maximum(s, 1e-300)))
        return np.where(s < 1e-20, -np.asarray(log_s), near)


@DISTRIBUTIONS.register
class SkewNormal(LocationScale):
    """Skew normal distribution; canonical parameters: location, scale, shape.

    Positive shape leans to the right. Location and scale are not the mean and the sd: the mean
    is location + scale * delta * sqrt(2/pi) with delta = shape / sqrt(1 + shape^2).
    """

    name = "skew_normal"
    summary = "normal leaning to one side; shape above 0 leans right"
    source = "Azzalini, A class of distributions which includes the normal ones, SJS 12 (1985)"
    example = "skew_normal(location: 0, scale: 1, shape: 4)"
    forms = (
        Form(
            (
                Parameter("location", Role.LOCATION, summary="where the normal part sits"),
                SCALE,
                Parameter("shape", Role.NUMBER, summary="lean; 0 is the normal"),
            )
        ),
    )
    has_slow_quantile = True
    is_monotone_in = (True, True, True)
    has_monotone_ratio_in = (True, False, False)

    def _solve(self, tail: Any, shape: Any) -> Any:
        """Standard quantile at level `tail` <= 0.5."""
        start = special.ndtri(tail)
        return invert_continuous(
            np.log(tail), start, log_lower_tail, self._log_density, (shape,), -np.inf, np.inf
        )

    def _quantile(self, u: Any, *shape: Any) -> Any:
        (lean,) = shape
        u = np.asarray(u, dtype=float)
        return choose(
            u <= 0.5,
            lambda level, a: self._solve(level, a),
            lambda level, a: -self._solve(1 - level, -a),
            u,
            lean,
        )

    def _survival_quantile(self, s: Any, *shape: Any) -> Any:
        (lean,) = shape
        return -self._quantile(s, -lean)

    def _cdf(self, z: Any, *shape: Any) -> Any:
        return np.exp(log_lower_tail(z, *shape))

    def _survival(self, z: Any, *shape: Any) -> Any:
        return np.exp(log_upper_tail(z, *shape))

    def _log_density(self, z: Any, *shape: Any) -> Any:
        (lean,) = shape
        return math.log(2) - LOG_ROOT_TWO_PI - 0.5 * z * z + special.log_ndtr(lean * z)

    def _delta(self, lean: Any) -> Any:
        return lean / np.hypot(1.0, lean)

    def _mean(self, *shape: Any) -> Any:
        return self._delta(*shape) * math.sqrt(2 / math.pi)

    def _sd(self, *shape: Any) -> Any:
        return np.sqrt(1 - self._mean(*shape) ** 2)

    def sample(self, draws: Draws, *params: Any) -> Any:
        """(n,) draws: |Z0| tilted by delta plus an independent normal part (Azzalini 1985)."""
        location, scale, lean = params
        delta = self._delta(lean)
        tilt = np.abs(special.ndtri(draws.uniform("tilt")))
        rest = special.ndtri(draws.uniform("rest"))
        return location + scale * (delta * tilt + rest / np.hypot(1.0, lean))
