"""Shapes that several distributions share: a standard variable, moved and stretched.

Members describe the standard variable Z by hooks whose names start with an underscore; the
classes here move, stretch and guard the support. Hooks take the shape parameters, as scalars
or (n,) arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from synthdsl.distributions.base import Distribution
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    from synthdsl.distributions.base import Floats
else:
    np = lazy("numpy")

INFINITY = float("inf")


class Standard(Distribution):
    """Hooks of the standard variable Z.

    With `has_log_tails` the member also gives the logs of cdf and survival and their inverses,
    which reach where the tails themselves underflow.
    """

    has_log_tails: ClassVar[bool] = False

    def _quantile(self, u: Any, *shape: Any) -> Any:
        raise NotImplementedError

    def _survival_quantile(self, s: Any, *shape: Any) -> Any:
        raise NotImplementedError

    def _cdf(self, z: Any, *shape: Any) -> Any:
        raise NotImplementedError

    def _survival(self, z: Any, *shape: Any) -> Any:
        raise NotImplementedError

    def _log_density(self, z: Any, *shape: Any) -> Any:
        raise NotImplementedError

    def _mean(self, *shape: Any) -> Any:
        raise NotImplementedError

    def _sd(self, *shape: Any) -> Any:
        raise NotImplementedError

    def _log_cdf(self, z: Any, *shape: Any) -> Any:
        raise NotImplementedError

    def _log_survival(self, z: Any, *shape: Any) -> Any:
        raise NotImplementedError

    def _log_quantile(self, log_u: Any, *shape: Any) -> Any:
        raise NotImplementedError

    def _log_survival_quantile(self, log_s: Any, *shape: Any) -> Any:
        raise NotImplementedError

    def log_cdf(self, x: Floats, *params: Any) -> Any:
        """Log of P(X <= x); only with `has_log_tails`."""
        raise NotImplementedError

    def log_survival(self, x: Floats, *params: Any) -> Any:
        """Log of P(X > x); only with `has_log_tails`."""
        raise NotImplementedError

    def log_quantile(self, log_u: Floats, *params: Any) -> Any:
        """The x whose log cdf is `log_u`; only with `has_log_tails`."""
        raise NotImplementedError

    def log_survival_quantile(self, log_s: Floats, *params: Any) -> Any:
        """The x whose log survival is `log_s`; only with `has_log_tails`."""
        raise NotImplementedError


class LocationScale(Standard):
    """X = location + scale Z. Canonical parameters: location, scale, then the shape of Z."""

    is_point = True

    def support(self, *params: Any) -> tuple[Any, Any]:
        """The whole line."""
        return -INFINITY, INFINITY

    def quantile(self, u: Floats, *params: Any) -> Any:
        """Location plus scale times the standard quantile."""
        location, scale, *shape = params
        return location + scale * self._quantile(u, *shape)

    def survival_quantile(self, s: Floats, *params: Any) -> Any:
        """Location plus scale times the standard inverse survival."""
        location, scale, *shape = params
        return location + scale * self._survival_quantile(s, *shape)

    def cdf(self, x: Floats, *params: Any) -> Any:
        """Standard cdf at the standardised value."""
        location, scale, *shape = params
        return self._cdf((x - location) / scale, *shape)

    def survival(self, x: Floats, *params: Any) -> Any:
        """Standard survival at the standardised value."""
        location, scale, *shape = params
        return self._survival((x - location) / scale, *shape)

    def log_density(self, x: Floats, *params: Any) -> Any:
        """Standard log density at the standardised value, less log scale."""
        location, scale, *shape = params
        return self._log_density((x - location) / scale, *shape) - np.log(scale)

    def mean(self, *params: Any) -> Any:
        """Location plus scale times the standard mean."""
        location, scale, *shape = params
        return location + scale * self._mean(*shape)

    def sd(self, *params: Any) -> Any:
        """Scale times the standard deviation of Z."""
        _, scale, *shape = params
        return scale * self._sd(*shape)

    def log_cdf(self, x: Floats, *params: Any) -> Any:
        """Log of P(X <= x); only with `has_log_tails`."""
        location, scale, *shape = params
        return self._log_cdf((x - location) / scale, *shape)

    def log_survival(self, x: Floats, *params: Any) -> Any:
        """Log of P(X > x); only with `has_log_tails`."""
        location, scale, *shape = params
        return self._log_survival((x - location) / scale, *shape)

    def log_quantile(self, log_u: Floats, *params: Any) -> Any:
        """The x whose log cdf is `log_u`; only with `has_log_tails`."""
        location, scale, *shape = params
        return location + scale * self._log_quantile(log_u, *shape)

    def log_survival_quantile(self, log_s: Floats, *params: Any) -> Any:
        """The x whose log survival is `log_s`; only with `has_log_tails`."""
        location, scale, *shape = params
        return location + scale * self._log_survival_quantile(log_s, *shape)


class PositiveScale(Standard):
    """X = scale Z with Z >= 0. Canonical parameters: scale, then the shape of Z."""

    def support(self, *params: Any) -> tuple[Any, Any]:
        """From 0 up."""
        return 0.0, INFINITY

    def quantile(self, u: Floats, *params: Any) -> Any:
        """Scale times the standard quantile."""
        scale, *shape = params
        return scale * self._quantile(u, *shape)

    def survival_quantile(self, s: Floats, *params: Any) -> Any:
        """Scale times the standard inverse survival."""
        scale, *shape = params
        return scale * self._survival_quantile(s, *shape)

    def cdf(self, x: Floats, *params: Any) -> Any:
        """Standard cdf at x over scale; 0 below 0."""
        scale, *shape = params
        return self._cdf(np.maximum(x, 0.0) / scale, *shape)

    def survival(self, x: Floats, *params: Any) -> Any:
        """Standard survival at x over scale; 1 below 0."""
        scale, *shape = params
        return self._survival(np.maximum(x, 0.0) / scale, *shape)

    def log_density(self, x: Floats, *params: Any) -> Any:
        """Standard log density at x over scale, less log scale; -inf below 0."""
        scale, *shape = params
        inside = self._log_density(np.maximum(x, 0.0) / scale, *shape) - np.log(scale)
        return np.where(np.less(x, 0.0), -INFINITY, inside)

    def mean(self, *params: Any) -> Any:
        """Scale times the standard mean."""
        scale, *shape = params
        return scale * self._mean(*shape)

    def sd(self, *params: Any) -> Any:
        """Scale times the standard deviation of Z."""
        scale, *shape = params
        return scale * self._sd(*shape)

    def log_cdf(self, x: Floats, *params: Any) -> Any:
        """Log of P(X <= x); only with `has_log_tails`."""
        scale, *shape = params
        return self._log_cdf(np.maximum(x, 0.0) / scale, *shape)

    def log_survival(self, x: Floats, *params: Any) -> Any:
        """Log of P(X > x); only with `has_log_tails`."""
        scale, *shape = params
        return self._log_survival(np.maximum(x, 0.0) / scale, *shape)

    def log_quantile(self, log_u: Floats, *params: Any) -> Any:
        """The x whose log cdf is `log_u`; only with `has_log_tails`."""
        scale, *shape = params
        return scale * self._log_quantile(log_u, *shape)

    def log_survival_quantile(self, log_s: Floats, *params: Any) -> Any:
        """The x whose log survival is `log_s`; only with `has_log_tails`."""
        scale, *shape = params
        return scale * self._log_survival_quantile(log_s, *shape)
