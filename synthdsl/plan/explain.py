"""What a plan does, in words: order, dependencies, how each field is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from synthdsl.model.draws import (
    CategoricalDraw,
    ChooseDraw,
    DistributionDraw,
    DrawNode,
    FixedDraw,
    LookupDraw,
    MixtureDraw,
    ProviderDraw,
    Truncated,
)
from synthdsl.model.expressions import Constant
from synthdsl.plan.lower import FieldPlan, Plan, Step, TablePlan


@dataclass(frozen=True)
class FieldExplanation:
    """How one field is made. `slot` names its stream of base draws."""

    name: str
    type: str
    how: str
    depends_on: tuple[str, ...]
    slot: str | None
    note: str | None


@dataclass(frozen=True)
class TableExplanation:
    """How one table is made: its fields in the order they are computed."""

    name: str
    rows: int
    fields: tuple[FieldExplanation, ...]


@dataclass(frozen=True)
class Explanation:
    """How a database is made."""

    tables: tuple[TableExplanation, ...]


def explain(plan: Plan) -> Explanation:
    """The plan in words."""
    return Explanation(tuple(_table(table) for table in plan.tables.values()))


def _table(plan: TablePlan) -> TableExplanation:
    fields = [_field(plan.fields[name], step, plan) for step in plan.steps for name in step.fields]
    return TableExplanation(plan.name, plan.rows, tuple(fields))


def _field(field_plan: FieldPlan, step: Step, plan: TablePlan) -> FieldExplanation:
    field = field_plan.field
    depends = tuple(name for name in plan.fields if name in field.depends_on)
    how = f"derived {field.text}" if field.draw is None else _how(field.draw)
    return FieldExplanation(
        field.name,
        str(field.type),
        how,
        depends,
        None if field.draw is None else f"{plan.name}.{field.name}",
        "; ".join(_notes(field_plan, step, plan)) or None,
    )


def _notes(field_plan: FieldPlan, step: Step, plan: TablePlan) -> list[str]:
    field = field_plan.field
    notes = []
    if field.is_let:
        notes.append("latent: not exported")
    if field.step is not None and field.type.step is not None:
        notes.append(f"rounded half-up to multiples of {float(field.step):g}")
    if field_plan.correlation is not None:
        others = [name for name in field_plan.correlation.fields if name != field.name]
        notes.append(f"correlated with {', '.join(others)}")
    if step.rules:
        rules = ", ".join(f"`{rule.name}`" for rule in step.rules)
        notes.append(
            f"drawn with {len(step.fields) - 1} other fields until {rules} holds: rejection, exact"
        )
    if field.name in plan.table.masks:
        mask = plan.table.masks[field.name]
        notes.append(f"then masked: {mask.mechanism}({' '.join(mask.chance.span.text.split())})")
    if field.name in plan.recomputed:
        notes.append("recomputed after masking")
    return notes


def _how(draw: DrawNode) -> str:
    """A draw in words."""
    if isinstance(draw, Truncated):
        bounds = f"[{draw.low.span.text}, {draw.high.span.text}]"
        return f"{_how(draw.draw)}, truncated to {bounds} by its quantile function"
    if isinstance(draw, DistributionDraw):
        return _distribution(draw)
    if isinstance(draw, CategoricalDraw):
        return f"one of {len(draw.outcomes)} weighted values"
    if isinstance(draw, MixtureDraw):
        return f"mixture of {len(draw.components)} draws"
    if isinstance(draw, ChooseDraw):
        return f"by condition, one of {len(draw.branches) + 1} draws: " + "; ".join(
            _how(d) for d in (*(d for _, d in draw.branches), draw.otherwise)
        )
    if isinstance(draw, LookupDraw):
        keys = ", ".join(key.span.text for key in draw.keys)
        return f"weighted row of lookup `{draw.lookup.name}`" + (f" given {keys}" if keys else "")
    if isinstance(draw, ProviderDraw):
        return f"provider `{draw.provider.name}`"
    if isinstance(draw, FixedDraw):
        return f"fixed at {draw.value.span.text}"
    return "unknown"


def _distribution(draw: DistributionDraw) -> str:
    constant = all(isinstance(p, Constant) for p in draw.parameters)
    name = draw.distribution.name
    if constant and draw.distribution.has_slow_quantile:
        return f"{name}, one uniform through its tabulated quantile function"
    if constant and draw.distribution.is_discrete:
        return f"{name}, one uniform through its tabulated cumulated probabilities"
    if constant:
        return f"{name}, one uniform through its quantile function"
    if type(draw.distribution).sample is not _default_sample():
        return f"{name}, parameters by row, by rejection keyed by attempt"
    return f"{name}, parameters by row, one uniform through its quantile function"


def _default_sample() -> object:
    from synthdsl.distributions.base import Distribution

    return Distribution.sample
