"""References: `ref table where condition weight value distinct`.

In the condition and the weight, `table.field` is a field of the row that may be referred to,
`table.index` its number and `table` the row itself; everything else is read as elsewhere in the
row that refers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from synthdsl.language import tree
from synthdsl.model.coercion import coerce
from synthdsl.model.draws import DrawNode, RefDraw, UnknownDraw, inner_draws
from synthdsl.model.expressions import (
    Constant,
    Expr,
    FieldRef,
    Operation,
    Related,
    RowIndex,
    TargetField,
    Unknown,
    fields_read,
    walk,
)
from synthdsl.model.findings import Findings
from synthdsl.model.inference import condition_of, infer
from synthdsl.model.quantities import unknown
from synthdsl.model.relations import Relations, TableLinks
from synthdsl.model.scope import Scope
from synthdsl.model.spec import Field, Spec, Table
from synthdsl.source import Span
from synthdsl.values.types import FLOAT, INT, Kind, Type

MOST_INDEXED = 2**22
"""Rows of a table up to which its rows are weighted, grouped, or all looked at."""
_ORDERS = {"<": ("<", ">"), ">": (">", "<")}


class _Choosing:
    """The relations of a spec, seen from a `ref`: the target's name stands for its row."""

    def __init__(self, relations: Relations, target: TableLinks) -> None:
        self._relations = relations
        self.target = target

    def __getattr__(self, name: str) -> Any:
        return getattr(self._relations, name)

    def value(
        self, node: tree.Path, scope: Scope, findings: Findings, expected: Type | None
    ) -> Expr | None:
        """What a path reads of the target's row, or from elsewhere as `Relations` says."""
        name = self.target.name
        if node.names[0] != name:
            return self._relations.value(node, scope, findings, expected)
        if len(node.names) == 1:
            if scope.field_type(name) is not None:
                return None
            return TargetField(Type(Kind.REFERENCE, table=name), node.span, None)
        rest = tree.Path(node.span, node.names[1:])
        inner = infer(rest, self.target.scope, findings, expected)
        if isinstance(inner, RowIndex):
            return TargetField(INT, node.span, None)
        if isinstance(inner, FieldRef):
            return TargetField(inner.type, node.span, inner.field)
        if isinstance(inner, Constant | Unknown):
            return inner
        findings.report(
            "bad-relation",
            node.span,
            f"`{node.text}` reads more than a field of `{name}`",
            f"give `{name}` a `let` field with that value, and read that",
        )
        return unknown(node.span)


def type_reference(node: tree.RefDraw, type: Type, scope: Scope, findings: Findings) -> DrawNode:
    """The draw that `ref ...` is, for a field of `type`."""
    target = _target(node, type, scope, findings)
    if target is None:
        return UnknownDraw(node.span)
    seen = _seen_from_reference(scope, target)
    condition = weight = None
    if node.condition is not None:
        condition = condition_of(node.condition, seen, findings)
    if node.weight is not None:
        weight = coerce(infer(node.weight, seen, findings), FLOAT, findings, "a weight")
    parts = [part for part in (condition, weight) if part is not None]
    if any(part.type.is_unknown for part in parts) or not _can_be_read(parts, findings):
        return UnknownDraw(node.span)
    is_own = target.name == scope.table
    if is_own and not _looks_back(condition):
        _report_circle(node, findings)
        return UnknownDraw(node.span)
    is_child = scope.relations.tables[scope.table].parent is not None
    if node.is_distinct and not is_child and parts:
        findings.report(
            "bad-relation",
            node.span,
            f"rows of `{scope.table}` have no parent and are drawn independently of each other: "
            "they differ only in a plain `ref ... distinct`",
            "remove `where` and `weight`, or `distinct`",
        )
        return UnknownDraw(node.span)
    reads = tuple(
        FieldRef(e.type, e.span, e.field)
        for part in parts
        for e in walk(part)
        if isinstance(e, TargetField) and e.field is not None
    )
    is_among_siblings = is_own and is_child
    return RefDraw(
        node.span,
        target.name,
        condition,
        weight,
        node.is_distinct,
        node.is_distinct and not is_child,
        is_among_siblings,
        reads if is_among_siblings else (),
    )


def as_branch(draw: DrawNode, findings: Findings) -> DrawNode:
    """A reference as a branch of a `when`: it does not look at other rows."""
    if isinstance(draw, RefDraw) and draw.is_distinct:
        findings.report(
            "misplaced-draw",
            draw.span,
            "`distinct` is for all rows under one parent: it is not part of another draw",
            f"draw it in a field of its own, `let x: {draw.table} ~ ref {draw.table} distinct`, "
            "and use `x` here",
        )
        return UnknownDraw(draw.span)
    return draw


def _seen_from_reference(scope: Scope, target: TableLinks) -> Scope:
    return replace(scope, relations=_Choosing(scope.relations, target))


def _target(node: tree.RefDraw, type: Type, scope: Scope, findings: Findings) -> TableLinks | None:
    """The table whose rows are chosen from; None after a report."""
    name = node.table.text
    relations: Relations | None = scope.relations
    if relations is None or scope.table not in relations.tables or scope.row_variable is not None:
        findings.report(
            "misplaced-draw",
            node.span,
            "a reference is drawn by a field of a table",
            f"write `{name}: {name} ~ ref {name}` inside the table that refers",
        )
        return None
    target = relations.tables.get(name)
    if target is None:
        close = get_close_matches(name, list(relations.tables), n=1, cutoff=0.6)
        findings.report(
            "unknown-name",
            node.table.span,
            f"there is no table `{name}`",
            f"did you mean `{close[0]}`?" if close else "declare it",
        )
        return None
    if type.kind is not Kind.REFERENCE or type.table != name:
        findings.report(
            "type-mismatch",
            node.span,
            f"this draws a row of `{name}`, the field is `{type}`",
            f"declare it `{name}`: its fields are read as `field.name`",
        )
        return None
    if target.is_machine or (target.parent is not None and name != scope.table):
        findings.report(
            "bad-relation",
            node.table.span,
            f"rows of `{name}` stand under a parent: only a table without one can be referred to",
            "refer to a table of its own, with a size or from a file",
        )
        return None
    return target


def _can_be_read(parts: list[Expr], findings: Findings) -> bool:
    """Whether no aggregate over related rows reads the row that may be chosen."""
    for part in parts:
        for found in walk(part):
            if isinstance(found, Related) and any(isinstance(e, TargetField) for e in walk(found)):
                findings.report(
                    "bad-relation",
                    found.span,
                    "an aggregate is computed once for a row, not for each row to choose from",
                    "compute it in a `let` field, and compare that",
                )
                return False
    return True


def _report_circle(node: tree.RefDraw, findings: Findings) -> None:
    name = node.table.text
    findings.report(
        "cycle",
        node.span,
        f"rows of `{name}` refer to each other: without an order they could do so in a circle",
        f"let each refer to an earlier one: `ref {name} where {name}.index < index`",
    )


def _looks_back(condition: Expr | None) -> bool:
    """Whether a condition lets a row refer to earlier ones only."""
    for part in () if condition is None else conjuncts(condition):
        if isinstance(part, Operation) and part.operator in _ORDERS:
            sides = part.operands if part.operator == "<" else part.operands[::-1]
            is_target = isinstance(sides[0], TargetField) and sides[0].field is None
            if is_target and isinstance(sides[1], RowIndex):
                return True
    return False


def conjuncts(condition: Expr) -> Iterator[Expr]:
    """The conditions that must all be true for `condition` to be true."""
    if isinstance(condition, Operation) and condition.operator == "and":
        for part in condition.operands:
            yield from conjuncts(part)
    else:
        yield condition


def reads_target(expression: Expr) -> bool:
    """Whether an expression reads the row that may be chosen."""
    return any(isinstance(e, TargetField) for e in walk(expression))


def check_references(spec: Spec, findings: Findings) -> None:
    """References have rows to choose from, and none of their own making."""
    for table in spec.tables.values():
        for field in table.exported:
            _check_key(field, spec, findings)
        for field in table.fields.values():
            for draw in inner_draws(field.draw) if field.draw is not None else ():
                if isinstance(draw, RefDraw) and draw.table in spec.tables:
                    _check_reference(draw, field, table, spec.tables[draw.table], findings)


def _check_key(field: Field, spec: Spec, findings: Findings) -> None:
    """An exported reference shows the key of the row that it refers to."""
    target = spec.tables.get(field.type.table)
    if field.type.kind is Kind.REFERENCE and target is not None and not target.key:
        findings.report(
            "bad-key",
            field.name_span,
            f"`{field.name}` is exported as the key of a row of `{target.name}`, which has none",
            f"give `{target.name}` a key, such as `key id`, or write `let {field.name}`",
        )


def _check_reference(
    draw: RefDraw, field: Field, table: Table, target: Table, findings: Findings
) -> None:
    if draw.is_among_siblings:
        if draw is field.draw:
            _report_first_row(draw, field, table, findings)
        return
    for part in () if draw.condition is None else conjuncts(draw.condition):
        if isinstance(part, Constant) and part.value is not True:
            findings.report(
                "empty-choice",
                part.span,
                f"no row of `{target.name}` meets `{' '.join(part.span.text.split())[:80]}`",
                "correct the condition",
            )
            return
    if isinstance(draw.weight, Constant) and not (draw.weight.value or 0) > 0:
        findings.report(
            "weight-range", draw.weight.span, "with this weight no row is ever chosen", "remove it"
        )
    if target.rows == 0:
        findings.report(
            "empty-choice",
            draw.span,
            f"`{field.name}` refers to `{target.name}`, which has no rows",
            f"give `{target.name}` rows",
        )
    elif draw.is_distinct and table.parent is None and table.rows > target.rows:
        findings.report(
            "capacity",
            draw.span,
            f"`{field.name}` differs in all {table.rows:,} rows, "
            f"`{target.name}` has {target.rows:,}",
            f"let `{target.name}` have as many, or remove `distinct`",
        )
    if target.rows > MOST_INDEXED and draw.weight is not None:
        findings.report(
            "bad-relation",
            draw.weight.span,
            f"`{target.name}` has {target.rows:,} rows: at most {MOST_INDEXED:,} can be weighted",
            "draw from fewer, or without a weight",
        )
    if target.name == table.name:
        if draw is field.draw:
            _report_first_row(draw, field, table, findings)
        _check_own_reads(draw, field, table, findings)


def _report_first_row(draw: RefDraw, field: Field, table: Table, findings: Findings) -> None:
    where = "" if table.parent is None else f" under each `{table.parent.table}`"
    typed = " ".join(draw.span.text.split())
    findings.report(
        "empty-choice",
        draw.span,
        f"the first row of `{table.name}`{where} has no earlier one for `{field.name}`",
        f"write `{field.name}: {table.name}? ~ when {{index == 0: null, "
        f"else: {typed if len(typed) <= 80 else f'ref {table.name} where ...'}}}`",
    )


def _check_own_reads(draw: RefDraw, field: Field, table: Table, findings: Findings) -> None:
    """What a reference to the own table reads there does not depend on the reference."""
    parts = [part for part in (draw.condition, draw.weight) if part is not None]
    for part in parts:
        for found in walk(part):
            if not isinstance(found, TargetField) or found.field is None:
                continue
            if field.name in _made_together({found.field}, table):
                _report_own_read(found.span, found.field, field, findings)
                return


def _report_own_read(span: Span, name: str, field: Field, findings: Findings) -> None:
    findings.report(
        "cycle",
        span,
        f"`{field.name}` is chosen by `{name}` of earlier rows, which depends on their "
        f"`{field.name}`",
        f"read a field that does not depend on `{field.name}`",
    )


def _made_together(names: set[str], table: Table) -> set[str]:
    """`names`, all that they are made from, and what rules condition together with these."""
    groups = [fields_read(rule.condition) & table.fields.keys() for rule in table.rules]
    groups += [{*c.fields, *c.groups} for c in table.correlations]
    found: set[str] = set()
    stack = list(names)
    while stack:
        name = stack.pop()
        if name in found or name not in table.fields:
            continue
        found.add(name)
        stack.extend(table.fields[name].depends_on)
        for group in groups:
            if name in group:
                stack.extend(group)
    return found
