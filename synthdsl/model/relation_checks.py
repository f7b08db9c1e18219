"""The checks of tables that hang together: keys, numbers of rows, what only root rows can be."""

from __future__ import annotations

from math import isinf

from synthdsl.model.draws import (
    DistributionDraw,
    ProviderDraw,
    QuotaDraw,
    UniqueDraw,
    inner_draws,
)
from synthdsl.model.expressions import Constant, Expr, RowIndex, fields_read, walk
from synthdsl.model.findings import Findings
from synthdsl.model.relations import count_name
from synthdsl.model.spec import Field, Spec, Table

MOST_UNDER_ONE = 1 << 26
"""Rows of a table under one row: these are made together, in memory."""


def check_relations(spec: Spec, findings: Findings) -> None:
    """Rows under others have keys of their own, and a number that can be."""
    for table in spec.tables.values():
        if table.parent is None:
            continue
        parent = spec.tables[table.parent.table]
        for field in table.fields.values():
            _check_unique(field, table, parent, findings)
        _check_key(table, parent, findings)
        _check_link(table, parent, findings)
        count = parent.fields.get(count_name(table.name))
        if count is not None:
            _check_count(count, table, findings)


def _check_unique(field: Field, table: Table, parent: Table, findings: Findings) -> None:
    for draw in inner_draws(field.draw) if field.draw is not None else ():
        is_unique = isinstance(draw, ProviderDraw) and draw.provider.is_unique
        if not is_unique and not isinstance(draw, UniqueDraw | QuotaDraw):
            continue
        what = "has exact numbers" if isinstance(draw, QuotaDraw) else "is unique"
        key = parent.key[0] if parent.key else "id"
        assert table.parent is not None
        findings.report(
            "bad-relation",
            draw.span,
            f"`{field.name}` {what} over a whole table, but how many rows `{table.name}` has is "
            f"not known: each `{parent.name}` has its own",
            f"make it from the parent: `concat({table.parent.variable}.{key}, "
            f'"-", text(index))`, or number by `key ({table.parent.variable}, index)`',
        )


def _check_key(table: Table, parent: Table, findings: Findings) -> None:
    """A key that does not tell the rows of different parents apart is none."""
    names = [name for name in table.key if name in table.fields]
    if not names or table.parent is None:
        return
    values = [table.fields[name].value for name in names]
    if all(value is not None and _is_place(value) for value in values):
        findings.report(
            "bad-key",
            table.key_span or table.span,
            f"`index` counts from 0 under each `{parent.name}`: it does not tell rows of "
            f"`{table.name}` apart",
            f"write `key ({table.parent.variable}, index)`",
        )


def _is_place(value: Expr) -> bool:
    """Whether a value follows from the place under the parent alone."""
    return any(isinstance(e, RowIndex) for e in walk(value)) and not fields_read(value)


def _check_link(table: Table, parent: Table, findings: Findings) -> None:
    """Rows whose parent cannot be told from what is exported."""
    is_linked = any(r.table == parent.name for r in table.references)
    if is_linked or not parent.key or not table.exported or table.parent is None:
        return
    variable = table.parent.variable
    help_ = f"write `key ({variable}, index)`"
    if len(parent.key) == 1:
        help_ += f", or `{parent.name}_{parent.key[0]}: {parent.fields[parent.key[0]].type} = "
        help_ += f"{variable}.{parent.key[0]}`"
    findings.report(
        "unlinked-rows",
        table.span,
        f"rows of `{table.name}` do not say which `{parent.name}` they belong to",
        help_,
    )


def _check_count(count: Field, table: Table, findings: Findings) -> None:
    """A number of rows that no row can have, or that may be negative by its distribution."""
    number = count.value.value if isinstance(count.value, Constant) else 0
    if number is not None and not 0 <= number <= MOST_UNDER_ONE:
        findings.report(
            "row-count",
            count.span,
            f"no row can have {number:,} rows of `{table.name}`",
            f"give a whole number from 0 to {MOST_UNDER_ONE:,}",
        )
    draw = count.draw
    if not isinstance(draw, DistributionDraw):
        return
    values = [p.value for p in draw.parameters if isinstance(p, Constant)]
    if len(values) < len(draw.parameters) or any(v is None for v in values):
        return
    low, _ = draw.distribution.support(*draw.form.canonical(*values))
    if float(low) < -0.5:
        lowest = "has no lowest value" if isinf(low) else f"starts at {float(low):g}"
        findings.report(
            "row-count",
            draw.span,
            f"the number of rows of `{table.name}` may be negative: "
            f"`{draw.distribution.name}` {lowest}",
            "truncate it: `[count ~ ... in [0, 60]]`, or draw it from `poisson` or another count",
        )
