"""Distributions between two ends: uniform, triangular, beta, pert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthdsl.distributions._inversion import invert_continuous
from synthdsl.distributions._rejection import standard_beta
from synthdsl.distributions._rows import choose
from synthdsl.distributions.base import (
    DISTRIBUTIONS,
    Distribution,
    Form,
    Parameter,
    Requirement,
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

LOW = Parameter("low", Role.LOCATION, summary="lower end")
MODE = Parameter("mode", Role.LOCATION, summary="most likely value")
HIGH = Parameter("high", Role.LOCATION, summary="upper end")


@DISTRIBUTIONS.register
class Uniform(Distribution):
    """Uniform distribution; canonical parameters: low, high. Equal ends give a constant."""

    name = "uniform"
    summary = "equally likely between two ends"
    source = "Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 2 (1995), ch. 26"
    example = "uniform(0, 10)"
    forms = (
        Form(
            (LOW, HIGH), requirements=(Requirement("low <= high", lambda low, high: low <= high),)
        ),
    )
    is_point = True
    is_monotone_in = (True, True)
    has_monotone_ratio_in = (True, True)

    def support(self, *params: Any) -> tuple[Any, Any]:
        """From low to high."""
        return params

    def quantile(self, u: Floats, *params: Any) -> Any:
        """Low plus u widths."""
        low, high = params
        return low + (high - low) * u

    def survival_quantile(self, s: Floats, *params: Any) -> Any:
        """High less s widths."""
        low, high = params
        return high - (high - low) * s

    def _share(self, x: Any, left: Any, width: Any) -> Any:
        """(x - left) / width within [0, 1]; 0 widths are a step at x = left."""
        inside = np.clip((x - left) / np.where(np.equal(width, 0), 1.0, width), 0.0, 1.0)
        return np.where(np.equal(width, 0), np.greater_equal(x, left) * 1.0, inside)

    def cdf(self, x: Floats, *params: Any) -> Any:
        """Share of the width below x."""
        low, high = params
        return self._share(x, low, high - low)

    def survival(self, x: Floats, *params: Any) -> Any:
        """Share of the width above x."""
        low, high = params
        inside = self._share(-np.asarray(x), -np.asarray(high), high - low)
        return np.where(np.equal(low, high), np.less(x, low) * 1.0, inside)

    def log_density(self, x: Floats, *params: Any) -> Any:
        """Minus log width inside, -inf outside."""
        low, high = params
        with np.errstate(divide="ignore"):
            inside = -np.log(np.asarray(high - low, dtype=float))
        return np.where(np.less(x, low) | np.greater(x, high), -np.inf, inside)

    def mean(self, *params: Any) -> Any:
        """The middle."""
        low, high = params
        return low + (high - low) / 2

    def sd(self, *params: Any) -> Any:
        """Width over root 12."""
        low, high = params
        return (high - low) / 12**0.5


@DISTRIBUTIONS.register
class Triangular(Distribution):
    """Triangular distribution; canonical parameters: low, mode, high."""

    name = "triangular"
    summary = "rises in a straight line to the mode and falls to the upper end"
    source = "Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 2 (1995), 26.9"
    example = "triangular(low: 0, mode: 2, high: 10)"
    forms = (
        Form(
            (LOW, MODE, HIGH),
            requirements=(
                Requirement("low < high", lambda low, mode, high: low < high),
                Requirement(
                    "low <= mode <= high", lambda low, mode, high: (low <= mode) & (mode <= high)
                ),
            ),
        ),
    )
    is_point = True
    is_monotone_in = (True, True, True)

    def support(self, *params: Any) -> tuple[Any, Any]:
        """From low to high."""
        return params[0], params[2]

    def _rise(self, u: Any, low: Any, mode: Any, high: Any) -> Any:
        return low + np.sqrt(u * (high - low) * (mode - low))

    def _fall(self, s: Any, low: Any, mode: Any, high: Any) -> Any:
        return high - np.sqrt(s * (high - low) * (high - mode))

    def quantile(self, u: Floats, *params: Any) -> Any:
        """Square roots from either end."""
        low, mode, high = params
        share = (mode - low) / (high - low)
        return np.where(u <= share, self._rise(u, *params), self._fall(1 - u, *params))

    def survival_quantile(self, s: Floats, *params: Any) -> Any:
        """Square roots from either end."""
        low, mode, high = params
        share = (high - mode) / (high - low)
        return np.where(s <= share, self._fall(s, *params), self._rise(1 - s, *params))

    def _corner(self, distance: Any, width: Any, side: Any) -> Any:
        """Area of the corner that reaches `distance` in from an end, within its side."""
        distance = np.clip(distance, 0.0, side)
        return distance * distance / np.where(np.equal(side, 0), 1.0, width * side)

    def cdf(self, x: Floats, *params: Any) -> Any:
        """Area to the left of x."""
        low, mode, high = params
        left = self._corner(x - low, high - low, mode - low)
        right = self._corner(high - x, high - low, high - mode)
        return np.where(np.less(x, mode), left, 1 - right)

    def survival(self, x: Floats, *params: Any) -> Any:
        """Area to the right of x."""
        low, mode, high = params
        left = self._corner(x - low, high - low, mode - low)
        right = self._corner(high - x, high - low, high - mode)
        return np.where(np.less(x, mode), 1 - left, right)

    def log_density(self, x: Floats, *params: Any) -> Any:
        """Log height of the triangle; -inf outside and at an end that is not the mode."""
        low, mode, high = params
        is_left = np.less(x, mode)
        distance = np.where(is_left, x - low, high - x)
        side = np.where(is_left, mode - low, high - mode)
        share = np.where(np.equal(x, mode), 1.0, distance / np.where(side == 0, 1.0, side))
        is_inside = np.greater_equal(x, low) & np.less_equal(x, high)
        with np.errstate(divide="ignore"):
            return np.log(np.where(is_inside, 2 * share / (high - low), 0.0))

    def mean(self, *params: Any) -> Any:
        """Mean of the three points."""
        low, mode, high = params
        return low + ((mode - low) + (high - low)) / 3

    def sd(self, *params: Any) -> Any:
        """Standard deviation."""
        low, mode, high = params
        width, side = high - low, mode - low
        return np.sqrt((width * width + side * side - width * side) / 18)


DEEP = 1e-60
"""Below this level the library's inverse of the incomplete beta may fail: Newton instead."""


def _log_lower_tail(y: Any, a: Any, b: Any) -> Any:
    """Log of the incomplete beta function at exp(y); its series where exp(y) is tiny."""
    x = np.exp(np.minimum(y, -1e-9))
    series = (
        a * y
        - np.log(a)
        - special.betaln(a, b)
        + np.log1p(a * (1 - b) / (a + 1) * (np.minimum(x, 1e-13)))
    )
    with np.errstate(divide="ignore"):
        return np.where(y < -30, series, np.log(special.betainc(a, b, x)))


def _log_slope(y: Any, a: Any, b: Any) -> Any:
    """Log of the density of the log of a beta variable."""
    return a * y + special.xlog1py(b - 1, -np.exp(np.minimum(y, -1e-9))) - special.betaln(a, b)


def _deep_inverse(a: Any, b: Any, level: Any) -> Any:
    start = np.minimum((np.log(level) + np.log(a) + special.betaln(a, b)) / a, -1e-3)
    return np.exp(
        invert_continuous(np.log(level), start, _log_lower_tail, _log_slope, (a, b), -np.inf, 0.0)
    )


def _inverse(a: Any, b: Any, level: Any) -> Any:
    """Inverse of the regularised incomplete beta function, also at the smallest levels."""
    level, a, b = np.broadcast_arrays(np.asarray(level, dtype=float), a, b)
    return choose(
        level < DEEP,
        lambda u, k, m: _deep_inverse(k, m, u),
        lambda u, k, m: special.betaincinv(k, m, u),
        level,
        a,
        b,
    )


class ScaledBeta(Distribution):
    """Beta variable stretched over an interval; canonical parameters: a, b, low, high."""

    has_slow_quantile = True
    is_monotone_in = (True, True, True, True)
    has_monotone_ratio_in = (True, True, False, False)

    def support(self, *params: Any) -> tuple[Any, Any]:
        """From low to high."""
        return params[2], params[3]

    def _lower(self, u: Any, a: Any, b: Any, low: Any, high: Any) -> Any:
        return low + (high - low) * _inverse(a, b, u)

    def _upper(self, s: Any, a: Any, b: Any, low: Any, high: Any) -> Any:
        # Measured from the upper end, so that a draw close to it keeps its distance.
        return high - (high - low) * _inverse(b, a, s)

    def quantile(self, u: Floats, *params: Any) -> Any:
        """From whichever end is nearer in probability."""
        u = np.asarray(u, dtype=float)
        return choose(u <= 0.5, self._lower, lambda v, *rest: self._upper(1 - v, *rest), u, *params)

    def survival_quantile(self, s: Floats, *params: Any) -> Any:
        """From whichever end is nearer in probability."""
        s = np.asarray(s, dtype=float)
        return choose(s <= 0.5, self._upper, lambda v, *rest: self._lower(1 - v, *rest), s, *params)

    def _shares(self, x: Any, low: Any, high: Any) -> tuple[Any, Any]:
        """Distances from either end over the width, each from the nearer end's digits."""
        width = high - low
        below = np.clip((x - low) / width, 0.0, 1.0)
        return below, np.clip((high - x) / width, 0.0, 1.0)

    def cdf(self, x: Floats, *params: Any) -> Any:
        """Regularised incomplete beta function."""
        a, b, low, high = params
        below, above = self._shares(x, low, high)
        near = special.betainc(a, b, below)
        return np.where(below <= 0.5, near, special.betaincc(b, a, above))

    def survival(self, x: Floats, *params: Any) -> Any:
        """Complement of the cdf, accurate near the upper end."""
        a, b, low, high = params
        below, above = self._shares(x, low, high)
        near = special.betainc(b, a, above)
        return np.where(above <= 0.5, near, special.betaincc(a, b, below))

    def log_density(self, x: Floats, *params: Any) -> Any:
        """Log density; -inf outside."""
        a, b, low, high = params
        below, above = self._shares(x, low, high)
        inside = special.xlogy(a - 1, below) + special.xlogy(b - 1, above)
        inside = inside - special.betaln(a, b) - np.log(high - low)
        return np.where(np.less(x, low) | np.greater(x, high), -np.inf, inside)

    def mean(self, *params: Any) -> Any:
        """Low plus the share a / (a + b) of the width."""
        a, b, low, high = params
        return low + (high - low) * (a / (a + b))

    def sd(self, *params: Any) -> Any:
        """Standard deviation."""
        a, b, low, high = params
        return (high - low) / (a + b) * np.sqrt(a * b / (a + b + 1))

    def sample(self, draws: Draws, *params: Any) -> Any:
        """(n,) draws from two gamma draws."""
        a, b, low, high = params
        return low + (high - low) * standard_beta(draws, a, b)


def _from_moments(mean: Any, sd: Any, low: Any, high: Any) -> tuple[Any, Any, Any, Any]:
    share = (mean - low) / (high - low)
    total = (mean - low) * (high - mean) / (sd * sd) - 1
    return share * total, (1 - share) * total, low, high


BETA_LOW = Parameter("low", Role.LOCATION, default=0.0, summary="lower end")
BETA_HIGH = Parameter("high", Role.LOCATION, default=1.0, summary="upper end")


def _shape(name: str, summary: str) -> Parameter:
    return Parameter(name, Role.NUMBER, low=0.0, is_open_low=True, summary=summary)


@DISTRIBUTIONS.register
class Beta(ScaledBeta):
    """Beta distribution, on [0, 1] unless low and high say otherwise."""

    name = "beta"
    summary = "a share between two ends, 0 and 1 unless given; by a and b, or by mean and sd"
    source = "Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 2 (1995), ch. 25"
    example = "beta(a: 2, b: 5)"
    forms = (
        Form(
            (_shape("a", "pull to high"), _shape("b", "pull to low"), BETA_LOW, BETA_HIGH),
            requirements=(Requirement("low < high", lambda a, b, low, high: low < high),),
        ),
        Form(
            (
                Parameter("mean", Role.LOCATION, summary="average"),
                Parameter(
                    "sd", Role.SPREAD, low=0.0, is_open_low=True, summary="standard deviation"
                ),
                BETA_LOW,
                BETA_HIGH,
            ),
            _from_moments,
            (
                Requirement(
                    "low < mean < high", lambda mean, sd, low, high: (low < mean) & (mean < high)
                ),
                Requirement(
                    "sd^2 < (mean - low) * (high - mean)",
                    lambda mean, sd, low, high: sd * sd < (mean - low) * (high - mean),
                ),
            ),
        ),
    )


def _from_mode(low: Any, mode: Any, high: Any, weight: Any) -> tuple[Any, Any, Any, Any]:
    width = high - low
    return 1 + weight * (mode - low) / width, 1 + weight * (high - mode) / width, low, high


@DISTRIBUTIONS.register
class Pert(ScaledBeta):
    """PERT distribution: a beta by its ends and mode; the mean is (low + 4 mode + high) / 6."""

    name = "pert"
    summary = "smooth estimate from lowest, most likely and highest; weight sharpens the mode"
    source = "Vose, Risk Analysis: A Quantitative Guide (3rd ed., 2008), modified PERT"
    example = "pert(low: 1, mode: 3, high: 10)"
    forms = (
        Form(
            (
                LOW,
                MODE,
                HIGH,
                Parameter("weight", Role.NUMBER, low=0.0, default=4.0, summary="of the mode"),
            ),
            _from_mode,
            (
                Requirement("low < high", lambda low, mode, high, weight: low < high),
                Requirement(
                    "low <= mode <= high",
                    lambda low, mode, high, weight: (low <= mode) & (mode <= high),
                ),
            ),
        ),
    )
    is_point = True
