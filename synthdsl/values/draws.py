"""Where a sampler gets its randomness: base draws that belong to rows, not to a generator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Draws(Protocol):
    """Base draws of one slot for a block of rows.

    Every call with the same arguments gives the same numbers. `purpose` separates several
    uniforms of one field; `attempt` counts the tries of a rejection loop; `at` (int64 row
    positions within the block) restricts a call to some rows, whose draws stay their own.
    """

    @property
    def rows(self) -> int:
        """Number of rows in the block."""
        ...

    @property
    def ordinals(self) -> NDArray[np.int64]:
        """Position of each row in its table, from 0: (n,) int64."""
        ...

    def key(self, purpose: str = "") -> int:
        """64 bits that belong to the slot and the seed, the same for every row of every block."""
        ...

    def bits(
        self, purpose: str = "", *, attempt: int = 0, at: NDArray[np.int64] | None = None
    ) -> NDArray[np.uint64]:
        """64 independent fair bits a row: (n,) uint64."""
        ...

    def uniform(
        self, purpose: str = "", *, attempt: int = 0, at: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]:
        """Uniform on the open interval (0, 1): (n,) float64, a multiple of 2**-53, never 0 or 1."""
        ...
