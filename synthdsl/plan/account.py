"""What rules do to a database: their kinds, how they are enforced, what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Probability:
    """A probability: `value`, surely or (unless `is_exact`) with 99.9 % confidence within
    [`low`, `high`].
    """

    value: float
    low: float
    high: float
    is_exact: bool = False


@dataclass(frozen=True)
class RuleAccount:
    """One rule: what it is, how it is enforced, and what it costs.

    `z` is the probability that an unconditioned row meets all rules of its component;
    `without` the same less this rule (None where it was not measured). A rule across rows
    conditions its `scope`, in words; then `z` is the probability of that, not of a row.
    """

    table: str
    name: str
    text: str
    line: int
    kind: str
    enforcement: str
    z: Probability
    without: Probability | None
    share: Fraction | None = None
    keeping: tuple[str, ...] = ()
    demand: str = "hold"
    scope: str = ""


@dataclass(frozen=True)
class ComponentAccount:
    """Fields conditioned together: how, and the share of proposals that is accepted.

    `scope`: what rules across rows condition, in words; fields of other tables are then written
    `table.field`. `kept`: what is settled first and kept, of all that is drawn together.
    """

    table: str
    fields: tuple[str, ...]
    rules: tuple[str, ...]
    strategy: str
    detail: str
    z: Probability
    acceptance: float
    scope: str = ""
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Account:
    """All components and rules of a database."""

    components: tuple[ComponentAccount, ...] = ()
    rules: tuple[RuleAccount, ...] = ()
