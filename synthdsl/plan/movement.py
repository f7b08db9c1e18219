"""What rules did to fields, as figures: marginals declared against realised."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthdsl.values.types import Type

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True, eq=False)
class Marginal:
    """The law of one field, measured on `rows` rows of which `nulls` are null.

    `counts`: rows by word, of a field whose words are known; `shares`: their shares and, last,
    that of null, where they follow from the declaration alone. Of an ordered field: `mean`, `sd`
    and `quantiles` (the raw values at `QUANTILES`) of what is not null; None of nothing.
    `values`: those of the first rows, sorted.

    Rows under one root row are alike: `effects` tell by how much the variance of a share, or of
    a mean, exceeds that of independent rows (the design effect; Kish 1965, "Survey Sampling",
    ch. 8). It has one for each word and one for null; of an ordered field that of the mean and that
    of null, and `groups` are the root rows of `values`. None of a root table.
    """

    rows: int
    nulls: int
    counts: NDArray[np.int64] | None = None
    shares: NDArray[np.float64] | None = None
    mean: float | None = None
    sd: float | None = None
    quantiles: tuple[float, ...] | None = None
    values: NDArray[np.float64] | None = None
    effects: NDArray[np.float64] | None = None
    groups: NDArray[np.int64] | None = None

    @property
    def present(self) -> int:
        """Rows that are not null."""
        return self.rows - self.nulls

    @property
    def null_share(self) -> float:
        """Share of the rows that are null."""
        return self.nulls / self.rows if self.rows else 0.0

    @property
    def standard_error(self) -> float | None:
        """Standard error of the mean."""
        if self.sd is None or not self.present:
            return None
        return self.sd * math.sqrt(self.effect(0) / self.present)

    def effect(self, place: int) -> float:
        """The design effect at a place of `effects`; 1 of independent rows."""
        return 1.0 if self.effects is None else float(self.effects[place])


@dataclass(frozen=True, eq=False)
class MovedField:
    """A field whose law rules change: conditioned by them, or computed or drawn from one that is.

    `words`: those that counts stand for; empty of an ordered field. `distance`: total variation
    of the shares, or the largest difference of the distribution functions. `is_moved`: whether
    it is more than chance.
    """

    name: str
    type: Type
    words: tuple[str, ...]
    is_conditioned: bool
    is_latent: bool
    declared: Marginal
    realised: Marginal
    distance: float
    is_moved: bool


@dataclass(frozen=True)
class ExceptionShare:
    """Rows that break a soft rule, and what share it declares for them.

    `low`, `high`: exact 95 % interval of the share (Clopper and Pearson 1934).
    """

    rule: str
    declared: float
    rows: int
    exceptions: int
    low: float
    high: float

    @property
    def is_compatible(self) -> bool:
        """Whether the declared share lies in the interval."""
        return self.low <= self.declared <= self.high


@dataclass(frozen=True, eq=False)
class TableMovement:
    """One table. `rows` were measured from row `start` on; `of_rows` are generated in all.

    Of a table under others `root` is the table without parent above it, of which `roots` rows
    were measured from row `start` on, of `of_roots` in all; `rows` are those under them, and
    `of_rows` the same. `untouched`: fields that no rule can move. `unmeasured`: fields with no
    marginal to show, and why.
    """

    name: str
    start: int
    rows: int
    of_rows: int
    pilot_rows: int
    fields: tuple[MovedField, ...]
    untouched: tuple[str, ...]
    unmeasured: tuple[tuple[str, str], ...]
    exceptions: tuple[ExceptionShare, ...]
    root: str = ""
    roots: int = 0
    of_roots: int = 0
