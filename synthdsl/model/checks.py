"""The checks that run on a whole model, in a visible order. None draws a row."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from synthdsl.diagnostics import Label
from synthdsl.model.capacity import check_capacity
from synthdsl.model.capacity import check_capacity_for as check_capacity_for
from synthdsl.model.domains import domain_of
from synthdsl.model.draws import (
    DistributionDraw,
    LookupDraw,
    Truncated,
    inner_draws,
)
from synthdsl.model.expressions import (
    Above,
    Constant,
    Expr,
    FieldRef,
    LookupValue,
    Neighbour,
    Operation,
    Outer,
    Part,
    Related,
    children,
    fields_read,
    inner_parts,
    walk,
)
from synthdsl.model.findings import Findings
from synthdsl.model.lookups import check_gaps, check_rows
from synthdsl.model.masses import keeps_enough
from synthdsl.model.nulls import may_be_null
from synthdsl.model.ordering import needs_of, shortest_way, spelled_way
from synthdsl.model.reference_circles import check_reference_circles
from synthdsl.model.references import check_references
from synthdsl.model.relation_checks import check_relations
from synthdsl.model.sequence_draws import check_siblings
from synthdsl.model.sharing import check_determinants, check_shared
from synthdsl.model.spec import Correlation, Field, Spec, Table
from synthdsl.source import Span


def check_lookups(spec: Spec, findings: Findings) -> None:
    """Lookups total 100 % for each key, have no row twice, and one for every key there may be."""
    checked: set[tuple[int, Any]] = set()
    for table in spec.tables.values():
        for use in _lookup_uses(table):
            types = tuple(key.type.nullable(False) for key in use.keys)
            mark = (id(use.lookup), types)
            if mark not in checked:
                checked.add(mark)
                if not check_rows(use.lookup, tuple(k.type for k in use.keys), use.span, findings):
                    continue
            domains = [domain_of(key, table) for key in use.keys]
            if isinstance(use, LookupDraw):
                check_gaps(use.lookup, use.keys, domains, use.span, findings)


def _fields_of(table: Table) -> list[Field]:
    """The fields of a table, and what the states of a pathway draw."""
    drawn = [] if table.machine is None else table.machine.draws
    return [*table.fields.values(), *drawn]


def _lookup_uses(table: Table) -> list[LookupDraw | LookupValue]:
    uses: list[LookupDraw | LookupValue] = []
    for field in _fields_of(table):
        if field.draw is not None:
            uses += [d for d in inner_draws(field.draw) if isinstance(d, LookupDraw)]
        if field.value is not None:
            uses += [e for e in walk(field.value) if isinstance(e, LookupValue)]
    return uses


def check_supports(spec: Spec, findings: Findings) -> None:
    """Truncations of constant distributions overlap their support and keep a usable mass."""
    for table in spec.tables.values():
        for field in _fields_of(table):
            if field.draw is None:
                continue
            for draw in inner_draws(field.draw):
                if isinstance(draw, Truncated) and isinstance(draw.draw, DistributionDraw):
                    _check_support(draw, draw.draw, field, findings)


def _check_support(
    draw: Truncated, inner: DistributionDraw, field: Field, findings: Findings
) -> None:
    expressions = [*inner.parameters, draw.low, draw.high]
    if not all(isinstance(e, Constant) and e.value is not None for e in expressions):
        return
    values = [e.value for e in inner.parameters if isinstance(e, Constant)]
    assert isinstance(draw.low, Constant) and isinstance(draw.high, Constant)
    low, high = float(draw.low.value), float(draw.high.value)
    half_step = 0.0 if inner.distribution.is_discrete else float(field.step or 0) / 2
    if keeps_enough(inner, low - half_step, high + half_step):
        return
    params = inner.form.canonical(*values)
    support_low, support_high = (float(x) for x in inner.distribution.support(*params))
    step = half_step
    if high + step < support_low or low - step > support_high:
        findings.report(
            "outside-support",
            draw.span,
            f"`{inner.distribution.name}` never falls in [{low:g}, {high:g}]",
            _lies(support_low, support_high),
        )
        return
    if (
        low <= support_low
        and high >= support_high
        and math.isfinite(support_low)
        and math.isfinite(support_high)
    ):
        findings.report(
            "wide-truncation", draw.span, "this truncation changes nothing", "remove `in [...]`"
        )
        return
    _check_mass(draw, inner, params, low - step, high + step, findings)


def _lies(low: float, high: float) -> str:
    if math.isinf(high):
        return f"its values are at least {low:g}"
    return (
        f"its values are at most {high:g}"
        if math.isinf(low)
        else f"its values lie in [{low:g}, {high:g}]"
    )


SMALLEST_MASS = 1e-290
"""The least probability that a truncation may keep."""


def _check_mass(
    draw: Truncated,
    inner: DistributionDraw,
    params: tuple[Any, ...],
    low: float,
    high: float,
    findings: Findings,
) -> None:
    # only specs with truncations need it
    from synthdsl.distributions.truncation import interval_mass

    mass = float(interval_mass(inner.distribution, params, low, high))
    if mass < SMALLEST_MASS:
        findings.report(
            "outside-support",
            draw.span,
            f"`{inner.distribution.name}` practically never falls here: probability {mass:.3g}",
            "move the interval or the distribution",
        )
    elif mass < 1e-6:
        findings.report(
            "small-mass",
            draw.span,
            f"this truncation keeps {mass:.2g} of the distribution",
            "check the bounds and their unit",
        )


def check_correlations(spec: Spec, findings: Findings) -> None:
    """A field stands in one correlation, with fields that do not depend on it.

    A group has a value in every complete row.
    """
    for table in spec.tables.values():
        needs = needs_of(table.fields, table.correlations) if table.correlations else {}
        seen: dict[str, Span] = {}
        for correlation in table.correlations:
            for name in correlation.fields:
                if name in seen:
                    findings.report(
                        "correlate-field",
                        correlation.span,
                        f"`{name}` is correlated twice",
                        "join the two: `correlate (a, b, c) rank [r_ab, r_ac, r_bc]`",
                        labels=(Label(seen[name], "first here"),),
                    )
                seen[name] = correlation.span
            _check_independence(correlation, needs, table, findings)
            for name in correlation.groups:
                _check_group(table.fields[name], correlation.span, findings)


def _check_independence(
    correlation: Correlation, needs: dict[str, list[str]], table: Table, findings: Findings
) -> None:
    """Report correlated fields of which one depends on another: it follows that one already."""
    for name in correlation.fields:
        way = shortest_way(name, set(correlation.fields) - {name}, needs)
        if way is None:
            continue
        through = "" if len(way) == 2 else f" ({spelled_way(way)})"
        findings.report(
            "correlate-field",
            correlation.span,
            f"`{name}` depends on `{way[-1]}`, with which it is correlated{through}",
            "correlate fields that do not read each other",
            labels=(Label(table.fields[name].name_span, f"depends on `{way[-1]}`"),),
        )
        return


def _check_group(field: Field, span: Span, findings: Findings) -> None:
    is_null = field.value is not None and field.value.type.is_nullable
    if is_null or (field.draw is not None and may_be_null(field.draw) is not None):
        findings.report(
            "correlate-field",
            span,
            f"the group `{field.name}` may be null before it is masked: such a row has no rank",
            "give every row a group: add a member for what is not known",
        )


def check_rules(spec: Spec, findings: Findings) -> None:
    """Rules have names of their own, read a field, and do not ask whether a value is masked."""
    for table in spec.tables.values():
        seen: dict[str, Span] = {}
        for rule in table.rules:
            if rule.name in seen:
                findings.report(
                    "duplicate-name",
                    rule.span,
                    f"rule `{rule.name}` is declared twice",
                    "rename one",
                    labels=(Label(seen[rule.name], "first here"),),
                )
            seen[rule.name] = rule.span
            reads_others = any(isinstance(e, Related | Neighbour) for e in walk(rule.condition))
            if not reads_others and not fields_read(rule.condition) & table.fields.keys():
                findings.report(
                    "bad-rule",
                    rule.span,
                    f"rule `{rule.name}` reads no field: there is nothing to draw again",
                    "state it over the fields of a row",
                )
            _check_null_tests(rule.condition, table, spec, findings)


def _check_null_tests(condition: Expr, table: Table, spec: Spec, findings: Findings) -> None:
    for test, at, name in _null_tests(condition, table, spec.tables, ()):
        if _is_touched(at, name, spec.tables):
            findings.report(
                "bad-rule",
                test.span,
                f"a rule reads complete values, but `{name}` is null where it is masked",
                "test a field that is never masked",
            )


def _is_touched(table: Table, name: str, tables: Mapping[str, Table]) -> bool:
    """Whether a field is masked, or derived from one that is, in its row or above."""
    waiting, seen = [(table, name)], set()
    while waiting:
        at, current = waiting.pop()
        if current in at.masks:
            return True
        value = at.fields[current].value
        if value is not None and (at.name, current) not in seen:
            seen.add((at.name, current))
            waiting += _fields_of_value(value, at, tables, ())
    return False


def _null_tests(
    expression: Expr, table: Table, tables: Mapping[str, Table], outer: tuple[Table, ...]
) -> Iterator[tuple[Expr, Table, str]]:
    """The tests for null in an expression of a row of `table`, each with a field that it reads
    and that one's table. `outer`: the tables of the rows outside.
    """
    if isinstance(expression, Outer):
        yield from _null_tests(expression.inner, outer[-1], tables, outer[:-1])
        return
    if isinstance(expression, Related):
        inner = tables[expression.path[-1]]
        for part in inner_parts(expression):
            yield from _null_tests(part, inner, tables, (*outer, table))
        return
    if isinstance(expression, Operation) and expression.operator in ("is-null", "is-not-null"):
        for at, name in _fields_of_value(expression.operands[0], table, tables, outer):
            yield expression, at, name
    if isinstance(expression, FieldRef):
        value = table.fields[expression.field].value
        if isinstance(value, Above):
            above = tables[table.parent.table] if table.parent is not None else table
            yield from _null_tests(value.inner, above, tables, ())
        elif isinstance(value, Related) and not expression.field.isidentifier():
            # an aggregate that the rule spells out, computed once for all who read it
            yield from _null_tests(value, table, tables, ())
    for child in children(expression):
        yield from _null_tests(child, table, tables, outer)


def _fields_of_value(
    expression: Expr, table: Table, tables: Mapping[str, Table], outer: tuple[Table, ...]
) -> Iterator[tuple[Table, str]]:
    """The fields of which an expression is null where one of them is, with their tables."""
    if isinstance(expression, Outer):
        yield from _fields_of_value(expression.inner, outer[-1], tables, outer[:-1])
    elif isinstance(expression, Above):
        assert table.parent is not None
        yield from _fields_of_value(expression.inner, tables[table.parent.table], tables, ())
    elif isinstance(expression, FieldRef | Part):
        field = table.fields[expression.field]
        if isinstance(field.value, Above):
            yield from _fields_of_value(field.value, table, tables, ())
        else:
            yield table, field.name
    elif not isinstance(expression, Related):
        # how many related rows there are says nothing of masks
        for child in children(expression):
            yield from _fields_of_value(child, table, tables, outer)


CHECKS: tuple[Callable[[Spec, Findings], None], ...] = (
    check_relations,
    check_capacity,
    check_lookups,
    check_supports,
    check_correlations,
    check_rules,
    check_determinants,
    check_shared,
    check_siblings,
    check_references,
    check_reference_circles,
)
"""Every check, in order."""
