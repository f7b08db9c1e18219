"""What draws that rows share may read, and what may not condition them."""

from __future__ import annotations

from collections.abc import Iterable

from synthdsl.model.draws import (
    DrawNode,
    KeyedDraw,
    ProviderDraw,
    QuotaDraw,
    RefDraw,
    SharedDraw,
    expressions_of,
    inner_draws,
)
from synthdsl.model.expressions import (
    Above,
    Expr,
    FieldRef,
    FileColumn,
    MachineColumn,
    Neighbour,
    Part,
    Related,
    RowIndex,
    ZScore,
    fields_read,
    walk,
)
from synthdsl.model.findings import Findings
from synthdsl.model.ordering import needs_of
from synthdsl.model.spec import Case, Field, Rule, Spec, Table

OF_THE_ROW = (RowIndex, Above, FileColumn, MachineColumn, Neighbour, Related)
"""Expressions that differ between rows whatever other fields are: by where the row stands."""


def check_determinants(spec: Spec, findings: Findings) -> None:
    """A keyed draw reads nothing in which rows with equal determinants may differ."""
    for table in spec.tables.values():
        for field in table.fields.values():
            if isinstance(field.draw, KeyedDraw):
                _check_reads(field.draw, field, table, findings)


def _check_reads(draw: KeyedDraw, field: Field, table: Table, findings: Findings) -> None:
    keys = ", ".join(key.span.text for key in draw.determinants)
    quoted = _quoted(draw)
    known = settled_fields(draw.determinants, table)
    parts = {(d.field, d.part) for d in draw.determinants if isinstance(d, Part)}
    for expression in expressions_of(draw.draw):
        for node in walk(expression):
            if isinstance(node, RowIndex):
                read, is_shared = "index", False
            elif isinstance(node, FieldRef | Part | ZScore):
                read = node.span.text if isinstance(node, Part) else node.field
                is_shared = node.field in known
                is_shared |= isinstance(node, Part) and (node.field, node.part) in parts
            else:
                continue
            if not is_shared:
                findings.report(
                    "bad-arguments",
                    node.span,
                    f"`{field.name}` has one value for each {quoted}, "
                    f"but `{read}` may differ between rows with the same {quoted}",
                    "do not read it here"
                    if read == "index"
                    else f"key by it as well: `keyed({keys}, {read}, ...)`",
                )


def settled_fields(given: Iterable[Expr], table: Table) -> set[str]:
    """The fields in which rows that agree in `given` agree, too: those given, what is derived
    from them alone, and what is keyed by them.
    """
    fields = table.fields
    known = {e.field for e in given if isinstance(e, FieldRef)}
    readers: dict[str, list[str]] = {}
    waiting: dict[str, set[str]] = {}
    for name, field in fields.items():
        reads = _settling(field)
        if reads is not None and name not in known:
            waiting[name] = set(reads)
            for read in reads:
                readers.setdefault(read, []).append(name)
    free = [name for name, reads in waiting.items() if not reads]
    known.update(free)
    queue = list(known)
    for name in queue:
        for reader in readers.get(name, ()):
            waiting[reader].discard(name)
            if not waiting[reader] and reader not in known:
                known.add(reader)
                queue.append(reader)
    return known


def _settling(field: Field) -> set[str] | None:
    """The fields whose values settle that of `field`; None where nothing does."""
    if field.value is not None:
        if any(isinstance(e, OF_THE_ROW) for e in walk(field.value)):
            return None
        return fields_read(field.value)
    if isinstance(field.draw, KeyedDraw):
        return {name for d in field.draw.determinants for name in fields_read(d)}
    return None


def check_shared(spec: Spec, findings: Findings) -> None:
    """Rules and cases do not condition draws that rows share.

    A row's own draws can be drawn anew until its rules hold. A value that other rows have, too,
    or whose absence elsewhere is promised, cannot: it may only be given, by `keeping`.
    """
    for table in spec.tables.values():
        shared = {
            name: draw
            for name, field in table.fields.items()
            if field.draw is not None and (draw := shared_draw(field.draw)) is not None
        }
        if shared:
            needs = needs_of(table.fields, table.correlations)
            conditions: tuple[Rule | Case, ...] = (*table.rules, *table.cases)
            for condition in conditions:
                refuse_shared(condition, table, needs, shared, findings)


def shared_draw(draw: DrawNode) -> DrawNode | None:
    """The part of `draw` by which rows depend on each other, if it has one."""
    for inner in inner_draws(draw):
        is_unique = isinstance(inner, ProviderDraw) and inner.provider.is_unique
        is_unique |= isinstance(inner, RefDraw) and inner.is_unique
        if is_unique or isinstance(inner, SharedDraw):
            return inner
    return None


def refuse_shared(
    condition: Rule | Case,
    table: Table,
    needs: dict[str, list[str]],
    shared: dict[str, DrawNode],
    findings: Findings,
) -> None:
    """Report a rule or case that conditions one of the `shared` fields of `table`.

    `needs`: the fields that each field depends on directly.
    """
    reads = _with_ancestors(fields_read(condition.condition) & table.fields.keys(), needs)
    kept = condition.keeping if isinstance(condition, Rule) else ()
    conditioned = reads - _with_ancestors(kept, needs)
    moved = [name for name in shared if name in conditioned]
    if not moved:
        return
    word = "rule" if isinstance(condition, Rule) else "case"
    others = conditioned - _with_ancestors(moved, needs)
    has_others = any(table.fields[name].draw is not None for name in others)
    findings.report(
        "bad-rule",
        condition.span,
        f"{word} `{condition.name}` conditions {_described(moved[0], shared[moved[0]])}",
        f"keep it, so that the rest is drawn given it: "
        f"`rule {condition.name} keeping ({', '.join((*kept, *moved))}): ...`"
        if has_others and word == "rule"
        else f"change the draw of `{moved[0]}` itself",
    )


def _described(name: str, draw: DrawNode) -> str:
    if isinstance(draw, KeyedDraw):
        return f"`{name}`, which rows with the same {_quoted(draw)} share"
    if isinstance(draw, QuotaDraw):
        return f"`{name}`, whose values occur in exact numbers"
    return f"the unique field `{name}`, whose values are a permutation"


def _quoted(draw: KeyedDraw) -> str:
    return ", ".join(f"`{key.span.text}`" for key in draw.determinants)


def _with_ancestors(names: Iterable[str], needs: dict[str, list[str]]) -> set[str]:
    """`names` and everything they depend on."""
    found: set[str] = set()
    stack = list(names)
    while stack:
        name = stack.pop()
        if name not in found:
            found.add(name)
            stack.extend(needs.get(name, ()))
    return found
