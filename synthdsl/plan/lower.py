"""Model to plan: order, components of rules, tabulated expressions, vocabularies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from synthdsl.model.domains import MOST_VALUES, draw_domain, vocabulary_of
from synthdsl.model.draws import expressions_of
from synthdsl.model.expressions import (
    Above,
    Apply,
    Constant,
    Expr,
    FieldRef,
    FileColumn,
    Part,
    Related,
    inner_parts,
    walk,
)
from synthdsl.model.spec import Correlation, Field, Mask, Rule, Spec, Table
from synthdsl.plan.components import Step as Step
from synthdsl.plan.components import kept_first, steps
from synthdsl.plan.families import FamilyGraph, FamilyPlan, plan_family, row_rules
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
    """How a table's rows are made: steps in order, then masks.

    `row_rules` are the rules that condition single rows; the family has the others.
    """

    name: str
    rows: int
    table: Table
    fields: dict[str, FieldPlan]
    steps: tuple[Step, ...]
    masks: tuple[Mask, ...]
    row_rules: tuple[Rule, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """How a whole database is made."""

    spec: Spec
    tables: dict[str, TablePlan]
    families: dict[str, FamilyPlan]
    """By their root tables."""


def lower(
    spec: Spec,
    *,
    case: str | None = None,
    breaks: str | None = None,
    sizes: Mapping[str, int] | None = None,
) -> Plan:
    """The plan of a checked spec, narrowed to a `case` or to rows that break a rule.

    `sizes`: rows of tables where they are not as declared.

    Raises `SynthError` for a name that is unknown, and for rules that no plan can serve.
    """
    spec = focused(spec, case=case, breaks=breaks)
    for name, rows in (sizes or {}).items():
        resized = {**spec.tables, name: replace(spec.tables[name], rows=rows)}
        spec = replace(spec, tables=resized)
    prepared = {name: _prepared(table) for name, table in spec.tables.items()}
    tables: dict[str, TablePlan] = {}
    families: dict[str, FamilyPlan] = {}
    for root in (name for name, table in prepared.items() if table.parent is None):
        graph = FamilyGraph(root, prepared)
        for name in graph.names:
            tables[name] = _table(prepared[name], row_rules(graph, name).rules, prepared)
        families[root] = plan_family(graph, {name: tables[name].steps for name in graph.names})
    return Plan(spec, {name: tables[name] for name in spec.tables}, families)


def _prepared(table: Table) -> Table:
    table = without_z_scores(table)
    return kept_first(table, dependencies(table))


def _table(table: Table, row_rules: tuple[Rule, ...], tables: dict[str, Table]) -> TablePlan:
    needs = dependencies(table)
    order = _sorted(list(table.fields), needs)
    used_parts = _used_parts(table, tables)
    correlations = {name: c for c in table.correlations for name in c.fields}
    plans = {
        name: FieldPlan(
            field,
            _words(field, table, tables),
            used_parts.get(name, frozenset()),
            correlations.get(name),
        )
        for name, field in table.fields.items()
    }
    return TablePlan(
        table.name,
        table.rows,
        table,
        plans,
        steps(table, order, row_rules, needs),
        tuple(table.masks[name] for name in order if name in table.masks),
        row_rules,
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


def _used_parts(table: Table, tables: dict[str, Table]) -> dict[str, frozenset[str]]:
    """The parts of each record field that anything reads."""
    found: dict[str, set[str]] = {}
    for expression in _all_expressions(table, tables):
        for inner in walk(expression):
            if isinstance(inner, Part) and isinstance(inner.part, str):
                found.setdefault(inner.field, set()).add(inner.part)
    return {name: frozenset(parts) for name, parts in found.items()}


def _all_expressions(table: Table, tables: dict[str, Table]) -> list[Expr]:
    """Whatever is computed in rows of a table, for rows under it too."""
    result: list[Expr] = [rule.condition for rule in table.rules]
    result += [mask.chance for mask in table.masks.values()]
    for field in table.fields.values():
        if field.draw is not None:
            result += expressions_of(field.draw)
        if field.value is not None:
            result.append(field.value)
    if table.stop is not None:
        result.append(table.stop)
    for other in tables.values():
        for expression in _inner_expressions(other):
            if isinstance(expression, Above) and other.parent is not None:
                if other.parent.table == table.name:
                    result.append(expression.inner)
            elif isinstance(expression, Related) and expression.path[-1] == table.name:
                result += inner_parts(expression)
    return result


def _inner_expressions(table: Table) -> Iterator[Expr]:
    """The parts of everything that is computed in rows of a table."""
    expressions = [rule.condition for rule in table.rules]
    for field in table.fields.values():
        if field.draw is not None:
            expressions += expressions_of(field.draw)
        if field.value is not None:
            expressions.append(field.value)
    for expression in expressions:
        yield from walk(expression)


def _words(field: Field, table: Table, tables: dict[str, Table]) -> tuple[str, ...] | None:
    """The fixed words of a text field, in order; None where they are not known beforehand."""
    if field.type.kind is not Kind.TEXT:
        return None
    if field.draw is not None:
        domain = draw_domain(field.draw, field)
    else:
        domain = _value_words(field.value, table, tables)
    if not domain or len(domain) > min(MOST_WORDS, MOST_VALUES):
        return None
    return tuple(str(word) for word in domain)


def _value_words(
    value: Expr | None, table: Table, tables: dict[str, Table]
) -> tuple[Any, ...] | None:
    if isinstance(value, Constant):
        return () if value.value is None else (value.value,)
    if isinstance(value, Apply):
        return vocabulary_of(value)
    if isinstance(value, FileColumn):
        return tuple(dict.fromkeys(v for v in value.values if v is not None))
    if isinstance(value, Above) and table.parent is not None:
        parent = tables[table.parent.table]
        if isinstance(value.inner, FieldRef):
            return _words(parent.fields[value.inner.field], parent, tables)
    return None
