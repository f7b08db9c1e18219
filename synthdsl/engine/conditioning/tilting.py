"""Normals inside a box, exactly: minimax tilting.

A correlated normal vector is drawn component by component, each inside the bounds that those
before it leave, from means that are shifted so that the likelihood ratio is flat; a last
acceptance makes the draw exact, and stays likely even for boxes in the far tails.

Source: Botev 2017, "The normal law under linear restrictions: simulation and estimation via
minimax tilting", JRSS-B 79(1), sections 2 and 3; the order of components follows Gibson,
Glasbey, Elston 1994, "Monte Carlo evaluation of multivariate normal integrals and sensitivity
to variate ordering".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr, ndtri, ndtri_exp

Floats = NDArray[np.float64]

ROOT_TWO_PI = math.sqrt(2 * math.pi)
SURE = 1e-7
"""How much the bound on the log likelihood ratio is raised, against rounding of its saddle."""
FAR = -30.0
"""Below this, probabilities are handled by their logs."""


class NoSaddleError(ArithmeticError):
    """No saddle point was found: the box is too far out, or the matrix too nearly singular."""


def log_interval(low: Any, high: Any) -> Floats:
    """Log of the standard normal probability of [low, high], far into either tail."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    is_upper = low > 0
    a, b = np.where(is_upper, -high, low), np.where(is_upper, -low, high)
    with np.errstate(divide="ignore", invalid="ignore"):
        top = log_ndtr(b)
        below = top + np.log1p(-np.exp(log_ndtr(a) - top))
        across = np.log1p(-ndtr(a) - ndtr(-b))
    result: Floats = np.where(b <= 0, below, across)
    return result


def normal_between(u: Floats, low: Any, high: Any) -> tuple[Floats, Floats]:
    """Quantiles at `u` in (0, 1) of a standard normal in [low, high], and the logs of the
    probabilities of these intervals: (n,) each.
    """
    low, high = (np.broadcast_to(np.asarray(end, float), u.shape) for end in (low, high))
    is_upper = low > 0
    a, b = np.where(is_upper, -high, low), np.where(is_upper, -low, high)
    level = np.where(is_upper, 1 - u, u)
    is_tail = b <= 0
    start, end = ndtr(a), ndtr(np.where(is_tail, b, -b))
    mass = np.where(is_tail, end - start, 1 - start - end)
    below = start + level * mass
    is_below = below <= 0.5
    nearer = np.where(is_below, below, end + (1 - level) * mass)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = ndtri(nearer)
        log_mass = np.log(mass)
    np.negative(x, out=x, where=~is_below)
    far = np.flatnonzero(b < FAR)
    if far.size:
        top = log_ndtr(b[far])
        ratio = np.exp(log_ndtr(a[far]) - top)
        x[far] = ndtri_exp(top + np.log(ratio + level[far] * (1 - ratio)))
        log_mass[far] = top + np.log1p(-ratio)
    np.clip(x, a, b, out=x)
    np.negative(x, out=x, where=is_upper)
    return x, log_mass


class TiltedNormal:
    """Standard normals with a correlation matrix, given that they lie in [low, high].

    `log_mass` bounds the log probability of the box from above; the acceptance of `draw` is
    the probability over that bound.
    """

    def __init__(self, correlations: Floats, low: Floats, high: Floats) -> None:
        self.order, factor, low, high = _ordered(correlations, low, high)
        self._factor = factor
        scale = np.diag(factor)
        self._low, self._high = low / scale, high / scale
        self._rows = factor / scale[:, None] - np.eye(len(low))
        point, self._shift = self._saddle()
        self.log_mass = self._height(point) + SURE

    def draw(self, uniforms: Callable[[int], Floats], last: Floats) -> tuple[Floats, Any]:
        """Normals as (d, n) in the order of the matrix, and the rows that count.

        `uniforms(i)` are the (n,) uniforms of component i, `last` those of the acceptance.
        """
        size = len(self._low)
        z = np.empty((size, len(last)))
        log_ratio = np.zeros(len(last))
        for k in range(size):
            shift = self._shift[k]
            centre = self._rows[k, :k] @ z[:k] + shift
            low, high = self._low[k] - centre, self._high[k] - centre
            x, log_mass = normal_between(uniforms(int(self.order[k])), low, high)
            z[k] = shift + x
            log_ratio += log_mass + 0.5 * shift * shift - shift * z[k]
        values = np.empty_like(z)
        values[self.order] = self._factor @ z
        return values, np.log(last) < log_ratio - self.log_mass

    def _terms(self, x: Floats, shift: Floats) -> tuple[Floats, Floats, Floats]:
        """Bounds given x, and the log probabilities between them."""
        centre = self._rows @ x + shift
        low, high = self._low - centre, self._high - centre
        return low, high, log_interval(low, high)

    def _height(self, x: Floats) -> float:
        """The log likelihood ratio at x under the shift in force."""
        _, _, masses = self._terms(x, self._shift)
        return float((masses + 0.5 * self._shift**2 - x * self._shift).sum())

    def _saddle(self) -> tuple[Floats, Floats]:
        """The point and the shift at the saddle of the log likelihood ratio (Botev, eq. 13).

        The last component needs no shift. Raises `NoSaddleError` where the search does not settle.
        """
        from scipy.optimize import root

        size = len(self._low)
        if size == 1:
            return np.zeros(1), np.zeros(1)
        found = root(self._slopes, np.zeros(2 * (size - 1)), jac=True, method="hybr")
        x, shift = np.zeros(size), np.zeros(size)
        x[:-1], shift[:-1] = found.x[: size - 1], found.x[size - 1 :]
        slopes, _ = self._slopes(found.x)
        if not (np.isfinite(slopes).all() and np.abs(slopes).max() < 1e-6):
            raise NoSaddleError
        return x, shift

    def _slopes(self, y: Floats) -> tuple[Floats, Floats]:
        """Derivatives by x and by the shift, with their Jacobian (Botev, appendix)."""
        size = len(self._low)
        x, shift = np.zeros(size), np.zeros(size)
        x[:-1], shift[:-1] = y[: size - 1], y[size - 1 :]
        low, high, masses = self._terms(x, shift)
        at_low = np.exp(-0.5 * low**2 - masses) / ROOT_TWO_PI
        at_high = np.exp(-0.5 * high**2 - masses) / ROOT_TWO_PI
        pull = at_low - at_high
        columns = self._rows[:, :-1]
        by_x = -shift[:-1] + pull @ columns
        by_shift = (shift - x + pull)[:-1]
        with np.errstate(invalid="ignore"):
            ends = np.where(np.isfinite(low), low, 0.0) * at_low
            ends = ends - np.where(np.isfinite(high), high, 0.0) * at_high
        curve = -(pull**2) + ends
        weighted = curve[:, None] * columns
        cross = weighted[:-1] - np.eye(size - 1)
        jacobian = np.block(
            [
                [columns.T @ weighted, cross.T],
                [cross, np.diag(1 + curve[:-1])],
            ]
        )
        return np.concatenate([by_x, by_shift]), jacobian


def _ordered(
    correlations: Floats, low: Floats, high: Floats
) -> tuple[NDArray[np.int64], Floats, Floats, Floats]:
    """Components with the least probable bounds first: their order, the Cholesky factor of the
    reordered matrix, and the reordered bounds.
    """
    size = len(low)
    matrix, low, high = correlations.copy(), low.copy(), high.copy()
    order = np.arange(size)
    factor = np.zeros((size, size))
    centres = np.zeros(size)
    for j in range(size):
        left = slice(j, size)
        spread = np.sqrt(
            np.maximum(np.diag(matrix)[left] - (factor[left, :j] ** 2).sum(axis=1), 1e-12)
        )
        shift = factor[left, :j] @ centres[:j]
        masses = log_interval((low[left] - shift) / spread, (high[left] - shift) / spread)
        best = j + int(np.argmin(masses))
        for array in (order, low, high, factor, matrix):
            array[[j, best]] = array[[best, j]]
        matrix[:, [j, best]] = matrix[:, [best, j]]
        own = math.sqrt(max(matrix[j, j] - float((factor[j, :j] ** 2).sum()), 1e-12))
        factor[j, j] = own
        below = slice(j + 1, size)
        factor[below, j] = (matrix[below, j] - factor[below, :j] @ factor[j, :j]) / own
        shift_j = float(factor[j, :j] @ centres[:j])
        a, b = (low[j] - shift_j) / own, (high[j] - shift_j) / own
        mass = float(log_interval(a, b))
        centres[j] = (math.exp(-0.5 * a * a - mass) - math.exp(-0.5 * b * b - mass)) / ROOT_TWO_PI
    return order, factor, low, high
