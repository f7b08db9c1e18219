"""What a plan does, in words: order, dependencies, how each field is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from synthdsl.model.draws import (
    CategoricalDraw,
    ChooseDraw,
    DistributionDraw,
    DrawNode,
    FixedDraw,
    KeyedDraw,
    LookupDraw,
    MixtureDraw,
    ProviderDraw,
    QuotaDraw,
    SequenceDraw,
    SortedDraw,
    Truncated,
    UniqueDraw,
)
from synthdsl.model.expressions import Constant
from synthdsl.model.quotas import counts_of
from synthdsl.plan.account import Account, ComponentAccount, RuleAccount
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
    """How one table is made: its fields in the order they are computed, and what rules do."""

    name: str
    rows: int
    fields: tuple[FieldExplanation, ...]
    rules: tuple[RuleAccount, ...] = ()
    components: tuple[ComponentAccount, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """How a database is made."""

    tables: tuple[TableExplanation, ...]


def explain(plan: Plan, account: Account | None = None) -> Explanation:
    """The plan in words, with the account of its rules where there is one."""
    known = account or Account()
    return Explanation(tuple(_table(table, known) for table in plan.tables.values()))


def _table(plan: TablePlan, account: Account) -> TableExplanation:
    fields = [_field(plan.fields[name], step, plan) for step in plan.steps for name in step.fields]
    return TableExplanation(
        plan.name,
        plan.rows,
        tuple(fields),
        tuple(rule for rule in account.rules if rule.table == plan.name),
        tuple(part for part in account.components if part.table == plan.name),
    )


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
        more = len(step.fields) - 1
        together = f" together with {more} other field{'s' * (more > 1)}" if more else ""
        notes.append(f"conditioned{together} by {rules}")
    if isinstance(field.draw, QuotaDraw):
        counts = ", ".join(f"{n:,}" for n in counts_of(field.draw.shares, plan.rows))
        notes.append(f"depends on the number of rows: {counts} of {plan.rows:,}")
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
    if isinstance(draw, KeyedDraw):
        keys = ", ".join(key.span.text for key in draw.determinants)
        return f"drawn once for each {keys}: {_how(draw.draw)}"
    if isinstance(draw, UniqueDraw):
        return f"keyed permutation of {len(draw.values):,} equally likely values"
    if isinstance(draw, QuotaDraw):
        return f"{len(draw.outcomes)} values in exact numbers, by keyed permutation"
    if isinstance(draw, SortedDraw):
        return f"drawn for all rows under one parent and put in order: {_how(draw.draw)}"
    if isinstance(draw, SequenceDraw):
        time = "" if draw.at is None else f" in the time of {draw.at.span.text}"
        return f"{draw.process.name}, a path over the rows under one parent{time}"
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
