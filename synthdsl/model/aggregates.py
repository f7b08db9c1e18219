"""Aggregates over the rows of a table."""

from __future__ import annotations

from dataclasses import replace

from synthdsl.language import tree
from synthdsl.model.expressions import (
    Aggregate,
    Constant,
    Expr,
    FieldRef,
    InSet,
    ListOf,
    Outer,
    Related,
    Unknown,
    walk,
)
from synthdsl.model.findings import Findings
from synthdsl.model.inference import condition_of, infer
from synthdsl.model.operators import require_boolean
from synthdsl.model.quantities import named, unknown
from synthdsl.model.relations import Relations, Way, count_name
from synthdsl.model.scope import Scope
from synthdsl.source import Span
from synthdsl.values.types import BOOL, FLOAT, INT, ORDERED, UNKNOWN, Kind, Type

AGGREGATES = frozenset(
    ["any", "all", "none", "count", "sum", "mean", "min", "max", "disjoint", "distinct"]
)
REACHES = frozenset(["reaches", "avoids"])


def infer_aggregate(
    node: tree.Call,
    name: str,
    comprehension: tree.Comprehension,
    rows: Scope,
    findings: Findings,
) -> Expr:
    """An aggregate over the rows of a table."""
    scope = replace(rows, row_variable=comprehension.variable)
    condition = None
    if comprehension.condition is not None:
        condition = condition_of(comprehension.condition, scope, findings)
    body = comprehension.value
    is_row = isinstance(body, tree.Path) and body.names == (comprehension.variable,)
    if name == "count" and is_row:
        value, type_ = None, INT
    else:
        value = infer(body, scope, findings)
        type_ = _aggregate_type(name, value, findings)
    if type_.is_unknown or (condition is not None and condition.type.is_unknown):
        return unknown(node.span)
    return Aggregate(type_, node.span, name, comprehension.source.text, value, condition)


def _aggregate_type(name: str, value: Expr, findings: Findings) -> Type:
    """The type of an aggregate of `value`; unknown after a report."""
    type_ = value.type
    if type_.is_unknown:
        return type_
    if name == "distinct":
        return BOOL
    if name == "disjoint":
        return _disjoint_type(value, findings)
    if name in ("any", "all", "none"):
        is_fine = require_boolean(value, findings, f"`{name}` needs conditions")
        return BOOL if is_fine else UNKNOWN
    if name == "count":
        return INT
    if name == "mean" and type_.kind is Kind.BOOL:
        return FLOAT.nullable()
    fits = type_.is_quantity if name in ("mean", "sum") else type_.kind in ORDERED
    if not fits:
        findings.report(
            "type-mismatch", value.span, f"`{name}` needs numbers, found {named(type_)}"
        )
        return UNKNOWN
    if name in ("min", "max"):
        return type_.nullable()
    if type_.kind is Kind.DURATION:
        return type_.nullable(name == "mean")
    return FLOAT.with_unit(type_.unit).nullable(name == "mean")


def _disjoint_type(value: Expr, findings: Findings) -> Type:
    is_pair = isinstance(value, ListOf) and len(value.items) == 2
    if is_pair and value.type.element is not None and value.type.element.kind in ORDERED:
        return BOOL
    findings.report(
        "type-mismatch",
        value.span,
        "`disjoint` needs the two ends of intervals",
        "write `disjoint([e.start, e.end] for e in p.encounter)`",
    )
    return UNKNOWN


def infer_related(
    node: tree.Call, name: str, comprehension: tree.Comprehension, scope: Scope, findings: Findings
) -> Expr:
    """An aggregate over rows related to that of `scope`."""
    relations: Relations = scope.relations
    way = relations.way(comprehension.source, scope, findings)
    if way is None:
        return unknown(node.span)
    last = relations.tables[way.down[-1]]
    inside = replace(last.scope, row_variable=comprehension.variable, outer=scope)
    condition = None
    if comprehension.condition is not None:
        condition = condition_of(comprehension.condition, inside, findings)
    body = comprehension.value
    is_row = isinstance(body, tree.Path) and body.names == (comprehension.variable,)
    if name == "count" and is_row:
        value, type_ = None, INT
    else:
        value = infer(body, inside, findings)
        type_ = _aggregate_type(name, value, findings)
    if type_.is_unknown or (condition is not None and condition.type.is_unknown):
        return unknown(node.span)
    return _placed(name, type_, way, value, condition, scope, node.span, findings)


def _placed(
    name: str,
    type: Type,
    way: Way,
    value: Expr | None,
    condition: Expr | None,
    scope: Scope,
    span: Span,
    findings: Findings,
) -> Expr:
    """An aggregate where it is computed once: in the row from which its way goes down."""
    relations: Relations = scope.relations
    reads_row = any(isinstance(e, Outer) for part in (value, condition) if part for e in walk(part))
    if way.level == 0 and way.up and reads_row:
        return Related(type, span, name, way.up, way.start, way.down, value, condition)
    if way.level and reads_row:
        findings.report(
            "bad-relation",
            span,
            "an aggregate over rows of an outer row cannot read the rows in between",
            "compute it in a field of its own, and aggregate that field",
        )
        return unknown(span)
    links = relations.tables[way.start]
    is_number = name == "count" and value is None and condition is None and len(way.down) == 1
    child = relations.tables[way.down[0]]
    found: Expr
    if is_number and not child.is_machine and not child.has_stop:
        found = FieldRef(type, span, count_name(child.name))
    else:
        found = Related(type, span, name, 0, way.start, way.down, value, condition)
        if way.up:
            found = links.add_latent(" ".join(span.text.split()), type, found, span)
    return _brought_down(found, way, scope, span)


def _brought_down(found: Expr, way: Way, scope: Scope, span: Span) -> Expr:
    """A value of the row where a way starts, for the row of `scope`."""
    base = scope
    for _ in range(way.level):
        assert base.outer is not None
        base = base.outer
    tables = [base.table, *scope.relations.above(base.table)][: way.up]
    for table in reversed(tables):
        found = scope.relations.lifted(table, " ".join(span.text.split()), found, span)
    for _ in range(way.level):
        found = Outer(found.type, span, found)
    return found


def infer_reaches(node: tree.Call, name: str, scope: Scope, findings: Findings) -> Expr:
    """`reaches(a, state, ...)`: whether the pathway visits one of the states; `avoids`: none."""
    target = node.arguments[0].value if node.arguments else None
    states = [a.value for a in node.arguments[1:]]
    if not isinstance(target, tree.Path) or not states or scope.relations is None:
        findings.report(
            "bad-arguments",
            node.span,
            f"`{name}` takes a pathway and its states",
            f"write `{name}(a, icu)` for a row `a` of a pathway, or `{name}(e.admission, icu)`",
        )
        return unknown(node.span)
    relations: Relations = scope.relations
    is_row = target.names == (scope.row_variable,)
    if is_row:
        links = relations.tables[scope.table]
        way = None
        if links.parent is not None:
            way = Way(0, 1, links.parent, (scope.table,))
    else:
        way = relations.way(target, scope, findings)
    machine = None if way is None else relations.tables[way.down[-1]]
    if way is None or machine is None or not machine.is_machine:
        if way is not None or (is_row and not relations.tables[scope.table].is_machine):
            findings.report(
                "bad-relation", target.span, f"`{target.text}` is no pathway", "name a pathway"
            )
        return unknown(node.span)
    inside = replace(machine.scope, row_variable=None, outer=None)
    state = infer(tree.Path(target.span, ("state",)), inside, findings)
    wanted = []
    for given in states:
        value = infer(given, inside, findings, state.type) if isinstance(given, tree.Path) else None
        if not isinstance(value, Constant) or value.type.enum != state.type.enum:
            if not isinstance(value, Unknown):
                findings.report(
                    "bad-arguments",
                    given.span,
                    f"`{name}` takes states of `{machine.name}`",
                    "its states are "
                    + ", ".join(state.type.enum.members if state.type.enum else ()),
                )
            return unknown(node.span)
        wanted.append(value.value)
    visits = InSet(BOOL, node.span, state, tuple(wanted))
    function = "any" if name == "reaches" else "none"
    return _placed(function, BOOL, way, visits, None, scope, node.span, findings)


def infer_comprehension(
    node: tree.Comprehension, scope: Scope, findings: Findings, expected: Type | None
) -> Expr:
    """A comprehension outside an aggregate: reported."""
    findings.report(
        "bad-arguments",
        node.span,
        "rows are gone through inside an aggregate only",
        f"write `any({node.span.text[:60]})`, or another of {', '.join(sorted(AGGREGATES))}",
    )
    return unknown(node.span)
