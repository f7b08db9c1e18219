"""Draws of the rows under one parent together: in order, and as paths of Gaussian processes.

The processes are stationary, but for the random walk, and given by one standard normal a row:

- `autoregressive(mean, sd, phi)`: x[k] = mean[k] + sd[k] w[k], where w[0] = z[0] and
  w[k] = phi[k] w[k-1] + sqrt(1 - phi[k]^2) z[k] (Box, Jenkins, Reinsel, Ljung, Time Series
  Analysis, 5th ed., 2015, 3.2.3); so each x[k] is normal(mean[k], sd[k]);
- `ornstein_uhlenbeck(mean, sd, half_life, at)`: the same with phi[k] = 2^(-gap / half_life),
  where gap is the time since the row before (Uhlenbeck, Ornstein 1930; Gillespie 1996, "Exact
  numerical simulation of the Ornstein-Uhlenbeck process and its integral");
- `random_walk(start, sd, drift)`: x[0] = start[0], x[k] = x[k-1] + drift[k] + sd[k] z[k].
"""

from __future__ import annotations

from synthdsl.distributions.base import Distribution, Form, Parameter, Role
from synthdsl.language import tree
from synthdsl.model.arguments import bind, value_of
from synthdsl.model.distribution_typing import check_parameters, fits, typed_parameter
from synthdsl.model.draws import (
    DistributionDraw,
    DrawNode,
    SequenceDraw,
    SortedDraw,
    UnknownDraw,
    expressions_of,
)
from synthdsl.model.expressions import (
    Above,
    Apply,
    Choose,
    Constant,
    Convert,
    Expr,
    FieldRef,
    InSet,
    ListOf,
    LocalTime,
    LookupValue,
    Operation,
    Part,
    PythonCall,
    RowIndex,
    ZScore,
    walk,
)
from synthdsl.model.findings import Findings
from synthdsl.model.nulls import may_be_null
from synthdsl.model.quantities import named
from synthdsl.model.scope import Scope
from synthdsl.model.shared_draws import is_draw, read_as_draw
from synthdsl.model.spec import Field, Spec, Table
from synthdsl.source import Span
from synthdsl.values.types import ORDERED, Kind, Type


class Process(Distribution):
    """A Gaussian process over the rows under one parent, described as a distribution is.

    `is_in_time`: it runs in the time that `at` gives, which its last parameter is measured in.
    """

    is_point = True

    def __init__(self, name: str, example: str, *parameters: Parameter, is_in_time: bool) -> None:
        self.name = name  # type: ignore[misc]
        self.example = example  # type: ignore[misc]
        self.forms = (Form(parameters),)  # type: ignore[misc]
        self.is_in_time = is_in_time


_MEAN = Parameter("mean", Role.LOCATION, summary="of each row")
_SD = Parameter("sd", Role.SPREAD, low=0.0, is_open_low=True, summary="of each row")
AUTOREGRESSIVE = Process(
    "autoregressive",
    "autoregressive(mean: 80, sd: 10, phi: 0.9)",
    _MEAN,
    _SD,
    Parameter(
        "phi",
        Role.NUMBER,
        low=-1.0,
        high=1.0,
        is_open_low=True,
        is_open_high=True,
        summary="correlation with the row before",
    ),
    is_in_time=False,
)
ORNSTEIN_UHLENBECK = Process(
    "ornstein_uhlenbeck",
    "ornstein_uhlenbeck(mean: 140, sd: 3, half_life: 2 d, at: taken)",
    _MEAN,
    _SD,
    Parameter(
        "half_life",
        Role.SPREAD,
        low=0.0,
        is_open_low=True,
        summary="time in which the correlation halves",
    ),
    is_in_time=True,
)
RANDOM_WALK = Process(
    "random_walk",
    "random_walk(start: 80, sd: 2)",
    Parameter("start", Role.LOCATION, summary="value in the first row"),
    Parameter("sd", Role.SPREAD, low=0.0, summary="of each step"),
    Parameter("drift", Role.SPREAD, default=0.0, summary="mean of each step"),
    is_in_time=False,
)
PROCESSES = {p.name: p for p in (AUTOREGRESSIVE, ORNSTEIN_UHLENBECK, RANDOM_WALK)}


def type_sequence(
    node: tree.Call, process: Process, type: Type, scope: Scope, findings: Findings
) -> DrawNode:
    """The path that a call of `process` draws for a field of `type`."""
    if not fits(node, process, type, findings):
        return UnknownDraw(node.span)
    form = process.forms[0]
    names = (*form.names, "at") if process.is_in_time else form.names
    optional = sum(p.default is not None for p in form.parameters)
    bound = bind(node, names, findings, optional=optional)
    if bound is None:
        return UnknownDraw(node.span)
    at = None
    if process.is_in_time:
        last = bound.pop()
        assert last is not None
        at = _time(last, process, scope, findings)
        if at is None:
            return UnknownDraw(node.span)
    values = []
    for parameter, argument in zip(form.parameters, bound, strict=True):
        is_time = at is not None and parameter is form.parameters[-1]
        unit = at.type if at is not None and is_time else type
        found = typed_parameter(argument, parameter, process, unit, scope, findings, node.span)
        values.append(found)
    if any(value.type.is_unknown for value in values):
        return UnknownDraw(node.span)
    draw = SequenceDraw(node.span, process, tuple(values), at)
    return draw if check_parameters(as_distribution(draw), findings) else UnknownDraw(node.span)


def as_distribution(draw: SequenceDraw) -> DistributionDraw:
    """The process and its parameters in the form that checks of parameters take."""
    return DistributionDraw(draw.span, draw.process, draw.process.forms[0], draw.parameters)


def _time(
    argument: tree.Argument, process: Process, scope: Scope, findings: Findings
) -> Expr | None:
    """The time of each row; None after a report."""
    value = value_of(argument, scope, findings)
    if value.type.is_unknown:
        return None
    if value.type.kind not in ORDERED or value.type.kind is Kind.TIME:
        findings.report(
            "type-mismatch",
            value.span,
            f"`at` is the moment of each row, found {named(value.type)}",
            "give a field with dates, datetimes or numbers that do not decrease",
        )
        return None
    if value.type.is_nullable:
        findings.report(
            "type-mismatch",
            value.span,
            f"`at` may be null: `{process.name}` needs the time of every row",
            "give a value with `coalesce`",
        )
        return None
    return value


# sorted


def sorted_part(node: tree.Call, scope: Scope, findings: Findings) -> tree.Draw | None:
    """The draw that `sorted(draw)` puts in order; None after a report."""
    argument = node.arguments[0] if len(node.arguments) == 1 else None
    if argument is None or argument.name is not None:
        findings.report(
            "bad-arguments",
            node.span,
            "`sorted` takes one draw",
            "write `sorted(uniform(low, high))`",
        )
        return None
    if not is_draw(argument.value, scope) and not isinstance(argument.value, tree.Call):
        findings.report(
            "bad-arguments",
            argument.span,
            "`sorted` puts draws in order, and this is a value",
            "write `sorted(uniform(low, high))`",
        )
        return None
    return read_as_draw(argument.value, scope)


def sorted_draw(draw: DrawNode, type: Type, span: Span, findings: Findings) -> DrawNode:
    """The draws of rows under one parent in order."""
    if type.kind not in ORDERED:
        findings.report(
            "type-mismatch", span, f"a `{type}` has no order to sort by", "sort numbers or dates"
        )
        return UnknownDraw(span)
    null = may_be_null(draw)
    if null is not None:
        findings.report(
            "bad-arguments",
            null,
            "a sorted draw has a value in every row, and this may be null",
            "give a value with `coalesce`",
        )
        return UnknownDraw(span)
    return SortedDraw(span, draw)


SHARED_NODES = (
    Above
    | Apply
    | Choose
    | Constant
    | Convert
    | FieldRef
    | InSet
    | ListOf
    | LocalTime
    | LookupValue
    | Operation
    | Part
    | PythonCall
)
"""Expressions that are the same in all rows under one parent where the fields are."""


def check_siblings(spec: Spec, findings: Findings) -> None:
    """Draws of siblings stand in tables under a parent; what is sorted reads the parent only."""
    for table in spec.tables.values():
        together = [f for f in table.fields.values() if _is_sibling_draw(f.draw)]
        if not together:
            continue
        shared = _shared_fields(table)
        for field in together:
            assert field.draw is not None
            if table.parent is None:
                _report_root(field.draw, field, table, findings)
            elif isinstance(field.draw, SortedDraw):
                _check_sorted(field.draw, field, shared, table, findings)


def _is_sibling_draw(draw: DrawNode | None) -> bool:
    return isinstance(draw, SortedDraw | SequenceDraw)


def _report_root(draw: DrawNode, field: Field, table: Table, findings: Findings) -> None:
    name = draw.process.name if isinstance(draw, SequenceDraw) else "sorted"
    findings.report(
        "no-siblings",
        draw.span,
        f"`{name}` draws for all rows under one parent, and rows of `{table.name}` have none",
        f"put them under one: `table {table.name} per owner o [count ~ ...]`",
    )


def _shared_fields(table: Table) -> set[str]:
    """The fields that are the same in all rows under one parent: read from it, or derived so."""
    shared: set[str] = set()
    is_growing = True
    while is_growing:
        more = {
            name
            for name, field in table.fields.items()
            if name not in shared
            and field.value is not None
            and _foreign(field.value, shared) is None
        }
        shared |= more
        is_growing = bool(more)
    return shared


def _foreign(expression: Expr, shared: set[str]) -> Expr | None:
    """What in an expression may differ between rows under one parent; None if nothing."""
    for node in walk(expression):
        if not isinstance(node, SHARED_NODES):
            return node
        if isinstance(node, FieldRef | Part) and node.field not in shared:
            return node
    return None


def _check_sorted(
    draw: SortedDraw, field: Field, shared: set[str], table: Table, findings: Findings
) -> None:
    for expression in expressions_of(draw):
        foreign = _foreign(expression, shared)
        if foreign is None:
            continue
        read = "index" if isinstance(foreign, RowIndex) else " ".join(foreign.span.text.split())
        if isinstance(foreign, FieldRef | ZScore):
            read = foreign.field
        assert table.parent is not None
        findings.report(
            "bad-arguments",
            foreign.span,
            f"`{read}` may differ between the rows of `{table.name}` under one "
            f"`{table.parent.table}`: once sorted, a value of `{field.name}` may come from another "
            "row",
            f"read `{table.parent.variable}` only, or draw the gaps between the rows: "
            f"`{field.name} = coalesce(prev.{field.name}, start) + gap`",
        )
        return
