"""Tails of the standard skew normal distribution, accurate in relative terms.

The cdf is ndtr(z) - 2 T(z, a) with Owen's T (Azzalini 1985). On the thin side the two terms
cancel; there the tail is integrated, after factoring out its leading exponential.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

from synthdsl.distributions._rows import choose
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import scipy.special as special
else:
    np = lazy("numpy")
    special = lazy("scipy.special")

NODES = 48
CANCELLING = 1e-3


@cache
def _legendre() -> tuple[Any, Any]:
    """Nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return (nodes + 1) / 2, weights / 2


def _log_integrated(z: Any, lean: Any) -> Any:
    """Log of the integral of 2 phi(t) ndtr(lean t) over t < z < 0, by Gauss and Legendre.

    The integrand falls at least as fast as exp(-rate s), s = z - t, so that 40/rate reaches
    below rounding; phi's own square only helps.
    """
    z, lean = np.broadcast_arrays(np.atleast_1d(z), np.atleast_1d(lean))
    nodes, weights = _legendre()
    top = -0.5 * z * z + special.log_ndtr(lean * z)
    rate = np.maximum(-z, 1e-3) * np.where(lean > 0, 1 + lean * lean, 1.0)
    width = 9.0 / np.where(lean > 0, np.hypot(1.0, lean), 1.0)
    reach = np.minimum(40 / rate, width)
    total = np.zeros(z.shape)
    for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
        t = z - node * reach
        total += weight * np.exp(-0.5 * t * t + special.log_ndtr(lean * t) - top)
    return top + np.log(total * reach) + math.log(2) - 0.5 * math.log(2 * math.pi)


def log_lower_tail(z: Any, lean: Any) -> Any:
    """Log of P(Z <= z) for the skew normal of shape `lean`."""
    z = np.clip(z, -1e150, 1e150)
    direct = special.ndtr(z) - 2 * special.owens_t(z, lean)
    is_direct = np.greater(direct, CANCELLING) | np.less_equal(lean, 0)
    with np.errstate(divide="ignore"):
        by_owen = np.log(np.maximum(direct, 0.0))
    # With lean <= 0 both terms are positive, until ndtr underflows: then integrate as well.
    is_direct = is_direct & ((by_owen > -600) | np.greater(z, 0))
    result = choose(
        is_direct,
        lambda owen, *_: owen,
        lambda _, at, a: _log_integrated(at, a),
        by_owen,
        *np.broadcast_arrays(z, lean),
    )
    return result if np.ndim(by_owen) else np.reshape(result, ())[()]


def log_upper_tail(z: Any, lean: Any) -> Any:
    """Log of P(Z > z): the lower tail of the mirror image."""
    return log_lower_tail(-np.asarray(z), -np.asarray(lean))
