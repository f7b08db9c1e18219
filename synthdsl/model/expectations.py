"""`expect` statements: conditions over aggregates of whole tables."""

from __future__ import annotations

from dataclasses import fields
from difflib import get_close_matches

from synthdsl.language import tree
from synthdsl.model.expressions import Aggregate, Constant, Unknown, walk
from synthdsl.model.findings import Findings
from synthdsl.model.inference import condition_of
from synthdsl.model.relations import Relations
from synthdsl.model.scope import FileScope, Scope
from synthdsl.model.spec import Expectation, Table


def type_expectation(
    node: tree.Expect,
    tables: dict[str, Table],
    relations: Relations,
    file: FileScope,
    findings: Findings,
) -> Expectation | None:
    """The expectation that `node` declares; None after a report."""

    def row_scope(name: str) -> Scope | None:
        links = relations.tables.get(name)
        return None if links is None else links.scope

    _report_unknown_tables(node.condition, tables, findings)
    condition = condition_of(node.condition, Scope(file, row_scope=row_scope), findings)
    if isinstance(condition, Unknown):
        return None
    if isinstance(condition, Constant) or not any(
        isinstance(e, Aggregate) for e in walk(condition)
    ):
        findings.report(
            "bad-expect",
            node.condition.span,
            "an expectation compares aggregates of a table's rows",
            "write `expect mean(p.age for p in patient) in [40, 50]`",
        )
        return None
    return Expectation(condition, " ".join(node.condition.span.text.split()), node.span)


def _report_unknown_tables(node: object, tables: dict[str, Table], findings: Findings) -> None:
    """Report comprehensions over tables that the spec does not declare."""
    if isinstance(node, tree.Comprehension) and node.source.names[0] not in tables:
        close = get_close_matches(node.source.text, list(tables), n=1)
        findings.report(
            "unknown-name",
            node.source.span,
            f"there is no table `{node.source.text}`",
            f"did you mean `{close[0]}`?" if close else None,
        )
    if isinstance(node, tuple):
        for item in node:
            _report_unknown_tables(item, tables, findings)
    elif isinstance(node, tree.Node):
        for item in fields(node):
            if item.name != "span":
                _report_unknown_tables(getattr(node, item.name), tables, findings)
