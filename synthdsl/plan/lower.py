"""Model to plan: order, components of rules, tabulated expressions, vocabularies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from synthdsl.model.domains import MOST_VALUES, draw_domain, vocabulary_of
from synthdsl.model.expressions import Apply, Constant, Expr, Part, walk
from synthdsl.model.spec import Correlation, Field, Mask, Spec, Table
from synthdsl.plan.components import Step as Step
from synthdsl.plan.components import kept_first, steps
from synthdsl.plan.focus import focused
from synthdsl.plan.z_scores import without_z_scores
from synthdsl.values.types import Kind

MOST_WORDS = 100_000
"""A text field with more distinct words than this is not dictionary-encoded."""


@dataclass(frozen=True, eq=False)
class FieldPlan:
    """How one field is made. `words`: the fixed vocabulary of a text field, if it has one.

    `parts`: the parts of a record that are used.
    """

    field: Field
    words: tuple[str, ...] | None
    parts: frozenset[str]
    correlation: Correlation | None


@dataclass(frozen=True, eq=False)
class TablePlan:
    """How a table's rows are made: steps in order, then masks, then what is recomputed."""

    name: str
    rows: int
    table: Table
    fields: dict[str, FieldPlan]
    steps: tuple[Step, ...]
    masks: tuple[Mask, ...]
    recomputed: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """How a whole database is made."""

    spec: Spec
    tables: dict[str, TablePlan]


def lower(spec: Spec, *, case: str | None = None, breaks: str | None = None) -> Plan:
    """The plan of a checked spec, narrowed to a `case` or to rows that break a rule.

    Raises `SynthError` for a name that is unknown, and for rules that no plan can serve.
    """
    spec = focused(spec, case=case, breaks=breaks)
    return Plan(spec, {name: _table(table) for name, table in spec.tables.items()})


def _table(table: Table) -> TablePlan:
    table = without_z_scores(table)
    needs = dependencies(table)
    table = kept_first(table, needs)
    order = _sorted(list(table.fields), needs)
    used_parts = _used_parts(table)
    correlations = {name: c for c in table.correlations for name in c.fields}
    plans = {
        name: FieldPlan(
            field, _words(field, table), used_parts.get(name, frozenset()), correlations.get(name)
        )
        for name, field in table.fields.items()
    }
    return TablePlan(
        table.name,
        table.rows,
        table,
        plans,
        steps(table, order, table.rules, needs),
        tuple(table.masks[name] for name in order if name in table.masks),
        _recomputed(table, order, needs),
    )


def dependencies(table: Table) -> dict[str, set[str]]:
    """What each field needs before it can be made; correlated fields need their groups."""
    needs = {name: field.depends_on & table.fields.keys() for name, field in table.fields.items()}
    for correlation in table.correlations:
        for name in correlation.fields:
            needs[name] |= set(correlation.groups)
    return needs


def _sorted(names: list[str], needs: dict[str, set[str]]) -> list[str]:
    """Names in dependency order, declaration order where free."""
    done: set[str] = set()
    result: list[str] = []
    waiting = names
    while waiting:
        later = []
        for name in waiting:
            if needs[name] <= done:
                done.add(name)
                result.append(name)
            else:
                later.append(name)
        assert len(later) < len(waiting), "fields depend on each other in a circle"
        waiting = later
    return result


def _recomputed(table: Table, order: list[str], needs: dict[str, set[str]]) -> tuple[str, ...]:
    """Exported derived fields that read a masked field, directly or through others."""
    touched = set(table.masks)
    result = []
    for name in order:
        field = table.fields[name]
        if field.value is not None and needs[name] & touched:
            touched.add(name)
            result.append(name)
    return tuple(result)


def _used_parts(table: Table) -> dict[str, frozenset[str]]:
    """The parts of each record field that anything reads."""
    found: dict[str, set[str]] = {}
    for expression in _all_expressions(table):
        for inner in walk(expression):
            if isinstance(inner, Part) and isinstance(inner.part, str):
                found.setdefault(inner.field, set()).add(inner.part)
    return {name: frozenset(parts) for name, parts in found.items()}


def _all_expressions(table: Table) -> list[Expr]:
    from synthdsl.model.draws import expressions_of

    result: list[Expr] = [rule.condition for rule in table.rules]
    result += [mask.chance for mask in table.masks.values()]
    for field in table.fields.values():
        if field.draw is not None:
            result += expressions_of(field.draw)
        if field.value is not None:
            result.append(field.value)
    return result


def _words(field: Field, table: Table) -> tuple[str, ...] | None:
    """The fixed words of a text field, in order; None where they are not known beforehand."""
    if field.type.kind is not Kind.TEXT:
        return None
    if field.draw is not None:
        domain = draw_domain(field.draw, field)
    else:
        domain = _value_words(field.value, table)
    if not domain or len(domain) > min(MOST_WORDS, MOST_VALUES):
        return None
    return tuple(str(word) for word in domain)


def _value_words(value: Expr | None, table: Table) -> tuple[Any, ...] | None:
    if isinstance(value, Constant):
        return () if value.value is None else (value.value,)
    if isinstance(value, Apply):
        return vocabulary_of(value)
    return None
