"""Rules that bound one field alone, as truncations of its draw: accurate far into the tails.

Truncating a field that depends on no other random field is exact: what it leaves out breaks a
rule whatever else is drawn. Cells and other proposals then work inside the truncation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf

import numpy as np
from numpy.typing import NDArray

from synthdsl.distributions.truncation import interval_mass
from synthdsl.engine.conditioning.clauses import Clause, alone
from synthdsl.engine.conditioning.proposals import Proposal
from synthdsl.engine.frame import Frame
from synthdsl.engine.grid import Grid
from synthdsl.engine.parameters import raw_bounds
from synthdsl.model.draws import DistributionDraw, Truncated
from synthdsl.model.expressions import Constant, Operation
from synthdsl.model.nulls import may_be_null
from synthdsl.model.spec import Field
from synthdsl.plan.lower import TablePlan

Interval = tuple[float, float]
FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}


@dataclass(frozen=True, eq=False)
class Narrowed:
    """A table whose draws are truncated to what rules leave of them. `mass` is the probability
    of what they leave; `fields` are those whose draws changed.
    """

    plan: TablePlan
    fields: tuple[str, ...]
    mass: float


def narrowed(plan: TablePlan, free: Sequence[str], clauses: Iterable[Clause]) -> Narrowed | None:
    """The table inside the bounds that clauses set to single fields; None where they set none."""
    bounds: dict[str, Interval] = {}
    for clause in clauses:
        found = _bound(clause)
        if found is not None and found[0] in free:
            name, (low, high) = found
            before = bounds.get(name, (-inf, inf))
            bounds[name] = max(low, before[0]), min(high, before[1])
    fields = dict(plan.fields)
    mass = 1.0
    for name, interval in bounds.items():
        share = _mass(plan.table.fields[name], interval)
        if share is None or not 0 < share < 1 or plan.fields[name].correlation is not None:
            continue
        field = _truncated(plan.table.fields[name], interval)
        fields[name] = replace(plan.fields[name], field=field)
        mass *= share
    changed = tuple(name for name in bounds if fields[name] is not plan.fields[name])
    if not changed:
        return None
    table = replace(plan.table, fields={name: p.field for name, p in fields.items()})
    return Narrowed(replace(plan, table=table, fields=fields), changed, mass)


def _bound(clause: Clause) -> tuple[str, Interval] | None:
    """The field that a clause bounds, and the raw values that it leaves."""
    condition = clause.condition
    if not isinstance(condition, Operation) or clause.demand == "false":
        return None
    if condition.operator not in FLIPPED or len(condition.operands) != 2:
        return None
    left, right = condition.operands
    operator = condition.operator
    if isinstance(left, Constant):
        left, right, operator = right, left, FLIPPED[operator]
    side = alone(left)
    if side is None or not isinstance(right, Constant) or isinstance(right.value, bool):
        return None
    if not isinstance(right.value, int | float) and not hasattr(right.value, "numerator"):
        return None
    name, factor, offset = side
    at = (float(right.value) - offset) / factor
    # a little wider, for the rounding of the conversion: the rule itself is checked besides
    margin = 0.0 if (factor, offset) == (1.0, 0.0) else 1e-9 * (1 + abs(at))
    if factor < 0:
        operator = FLIPPED[operator]
    low = at - margin if operator in (">", ">=", "==") else -inf
    high = at + margin if operator in ("<", "<=", "==") else inf
    return name, (low, high)


@lru_cache(maxsize=512)
def _mass(field: Field, interval: Interval) -> float | None:
    """The share of a field's draw inside the interval; None where that is not constant."""
    draw = field.draw
    if draw is None or may_be_null(draw) is not None:
        return None
    own: Interval = (-inf, inf)
    if isinstance(draw, Truncated):
        if not (isinstance(draw.low, Constant) and isinstance(draw.high, Constant)):
            return None
        own = float(draw.low.value), float(draw.high.value)
        draw = draw.draw
    if not isinstance(draw, DistributionDraw) or draw.distribution.name == "bernoulli":
        return None
    if not all(isinstance(p, Constant) and p.value is not None for p in draw.parameters):
        return None
    values = [p.value for p in draw.parameters if isinstance(p, Constant)]
    params = draw.form.canonical(*values)
    both = max(own[0], interval[0]), min(own[1], interval[1])
    grid = Grid.of(field)

    def mass(low: float, high: float) -> float:
        low, high = grid.inner(low, high)
        if low > high:
            return 0.0
        span = raw_bounds(draw.distribution.is_discrete, grid, low, high)
        return float(interval_mass(draw.distribution, params, *span))

    whole = 1.0 if own == (-inf, inf) else mass(*own)
    return mass(*both) / whole if whole > 0 else None


@lru_cache(maxsize=512)
def _truncated(field: Field, interval: Interval) -> Field:
    draw = field.draw
    assert draw is not None
    low, high = interval
    if isinstance(draw, Truncated):
        assert isinstance(draw.low, Constant) and isinstance(draw.high, Constant)
        low, high = max(low, float(draw.low.value)), min(high, float(draw.high.value))
        draw = draw.draw
    ends = (Constant(field.type, field.span, end) for end in (low, high))
    return replace(field, draw=Truncated(field.span, draw, *ends))


class Inside:
    """A proposal of a narrowed table, as one of the table itself."""

    def __init__(self, proposal: Proposal, narrow: Narrowed) -> None:
        self.name = "truncation" if proposal.name == "rejection" else proposal.name
        fields = ", ".join(narrow.fields)
        words = "then drawn until the rules hold"
        detail = words if proposal.name == "rejection" else proposal.detail
        self.detail = f"{fields} truncated by quantile; {detail}"
        self.mass = narrow.mass * proposal.mass
        self.cost = proposal.cost
        self.proposal = proposal
        self.narrow = narrow

    def fill(self, frame: Frame) -> NDArray[np.bool_] | None:
        """Draw every field of the component for all rows of `frame`."""
        return self.proposal.fill(frame)
