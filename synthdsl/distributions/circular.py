"""Angles: von_mises."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

from synthdsl.distributions._families import LocationScale
from synthdsl.distributions._inversion import invert_continuous
from synthdsl.distributions._rows import choose, take_rows
from synthdsl.distributions.base import DISTRIBUTIONS, Form, Parameter, Role
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import scipy.special as special

    from synthdsl.values.draws import Draws
else:
    np = lazy("numpy")
    special = lazy("scipy.special")

NODES = 64
MOST_ATTEMPTS = 1000


@cache
def _legendre() -> tuple[Any, Any]:
    """Nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return (nodes + 1) / 2, weights / 2


@DISTRIBUTIONS.register
class VonMises(LocationScale):
    """Von Mises distribution of an angle in radians, within pi of its mean.

    Canonical parameters: mean, 1, concentration (the 1 is the scale of the family). The value
    is not wrapped: it lies in [mean - pi, mean + pi].
    """

    name = "von_mises"
    summary = "angle in radians around a mean; concentration 0 is uniform on the circle"
    source = "Mardia, Jupp, Directional Statistics (2000), 3.5.4"
    example = "von_mises(mean: 0, concentration: 2)"
    forms = (
        Form(
            (
                Parameter("mean", Role.NUMBER, summary="centre, in radians"),
                Parameter("concentration", Role.NUMBER, low=0.0, summary="how tight; 0 is uniform"),
            ),
            lambda mean, concentration: (mean, 1.0, concentration),
        ),
    )
    is_point = False
    is_number = True
    has_slow_quantile = True
    is_monotone_in = (True, True, True)

    def support(self, *params: Any) -> tuple[Any, Any]:
        """Half a turn either side of the mean."""
        return params[0] - math.pi, params[0] + math.pi

    def _log_tail(self, z: Any, k: Any) -> Any:
        """Log of P(Z <= z) for z in [-pi, 0], by Gauss and Legendre's rule.

        The density falls to the left of z at least as fast as a normal of sd 1/sqrt(2k)
        (within half a turn), and by exp(-k sin|z| s) near z: below both reaches it is
        less than rounding.
        """
        z, k = np.broadcast_arrays(
            np.atleast_1d(np.asarray(z, dtype=float)), np.atleast_1d(np.asarray(k, dtype=float))
        )
        z = np.clip(z, -math.pi, 0.0)
        reach = np.minimum(z + math.pi, 14.0 / np.sqrt(np.maximum(k, 1e-6)))
        nodes, weights = _legendre()
        sine = np.sin(z / 2)
        total = np.zeros(z.shape)
        for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
            # cos t - cos z = 2 (sin^2(z/2) - sin^2(t/2)) keeps digits near 0.
            other = np.sin((z - node * reach) / 2)
            total += weight * np.exp(2 * k * (sine - other) * (sine + other))
        with np.errstate(divide="ignore"):
            return np.log(total * reach) + self._log_density(z, k)

    def _tail(self, z: Any, k: Any) -> Any:
        """P(Z <= z) for z <= 0, in the shape of the arguments."""
        tail = np.exp(self._log_tail(z, k))
        return tail.reshape(np.broadcast_shapes(np.shape(z), np.shape(k)))[()]

    def _lower(self, level: Any, k: Any) -> Any:
        """Quantile at `level` <= 0.5."""
        start = np.maximum(
            special.ndtri(level) / np.sqrt(np.maximum(k, 0.5)), -math.pi * (1 - 2 * level)
        )
        log_tail = self._log_tail
        return invert_continuous(
            np.log(level), start, log_tail, self._log_density, (k,), -math.pi, 0.0
        )

    def _quantile(self, u: Any, *shape: Any) -> Any:
        u = np.asarray(u, dtype=float)
        return choose(u <= 0.5, self._lower, lambda level, k: -self._lower(1 - level, k), u, *shape)

    def _survival_quantile(self, s: Any, *shape: Any) -> Any:
        return -self._quantile(s, *shape)

    def _cdf(self, z: Any, *shape: Any) -> Any:
        z = np.asarray(z, dtype=float)
        tail = self._tail(-np.abs(z), shape[0])
        tail = np.where(np.abs(z) >= math.pi, 0.0, tail)
        return np.where(z <= 0, tail, 1 - tail)

    def _survival(self, z: Any, *shape: Any) -> Any:
        return self._cdf(-np.asarray(z), *shape)

    def _log_density(self, z: Any, *shape: Any) -> Any:
        (k,) = shape
        inside = -2 * k * np.sin(np.asarray(z) / 2) ** 2 - np.log(2 * math.pi * special.i0e(k))
        return np.where(np.abs(z) > math.pi, -np.inf, inside)

    def _mean(self, *shape: Any) -> Any:
        return 0.0

    def _sd(self, *shape: Any) -> Any:
        """Root of the mean square angle, by the same rule on [0, pi]."""
        k = np.asarray(shape[0], dtype=float)[..., None]
        nodes, weights = _legendre()
        reach = np.minimum(math.pi, 14.0 / np.sqrt(np.maximum(k, 1e-6)))
        z = nodes * reach
        squares = z * z * np.exp(self._log_density(z, k))
        return np.sqrt(2 * (weights * reach * squares).sum(axis=-1))

    def sample(self, draws: Draws, *params: Any) -> Any:
        """(n,) draws by rejection from a wrapped Cauchy (Best and Fisher 1979)."""
        mean, _, k = params
        rows = draws.rows
        k = np.asarray(k, dtype=float)
        root = np.sqrt(1 + 4 * k * k)
        # rho = (tau - sqrt(2 tau)) / (2 k) and r = (1 + rho^2) / (2 rho), for k small or large.
        tau = 1 + root
        rho = 2 * k / (tau + np.sqrt(2 * tau))
        with np.errstate(divide="ignore", over="ignore"):
            r = np.minimum((1 + rho * rho) / (2 * rho), 1e12)
        # With a tiny k the proposal is the uniform circle: r is large and f tends to cos.
        result = np.empty(rows)
        at = np.arange(rows)
        for attempt in range(MOST_ATTEMPTS):
            c = np.cos(math.pi * draws.uniform("angle", attempt=attempt, at=at))
            u = draws.uniform("accept", attempt=attempt, at=at)
            f = (1 + r * c) / (r + c)
            bound = k * (r - f)
            # log(bound / u) + 1 - bound >= 0 accepts; for k = 0 every proposal is right.
            with np.errstate(divide="ignore"):
                is_taken = (np.log(bound) - np.log(u) + 1 - bound >= 0) | (k < 1e-9)
            result[at[is_taken]] = np.arccos(np.clip(f, -1.0, 1.0))[is_taken]
            left = np.flatnonzero(~is_taken)
            if left.size == 0:
                break
            size = at.size
            k, r = take_rows((k, r), left, size)
            at = at[left]
        else:
            raise ArithmeticError("von_mises sampler did not accept a draw")
        side = np.where(draws.uniform("side") < 0.5, -1.0, 1.0)
        return mean + side * result
