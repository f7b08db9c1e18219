"""Calls of univariate distributions: their forms, and parameters in the units of the field."""

from __future__ import annotations

import math
from typing import Any

from synthdsl.distributions.base import Distribution, Form, Parameter, Role
from synthdsl.language import tree
from synthdsl.model.arguments import bind, value_of
from synthdsl.model.coercion import coerce, spread_unit
from synthdsl.model.draws import DistributionDraw, DrawNode, UnknownDraw
from synthdsl.model.expressions import Constant, Expr, ListOf
from synthdsl.model.findings import Findings
from synthdsl.model.grids import raw_step
from synthdsl.model.quantities import convert, named, settled, unit_of, unknown
from synthdsl.model.scope import Scope
from synthdsl.source import Span
from synthdsl.values.types import DAY, FLOAT, MOMENTS, NUMBERS, ORDERED, Kind, Type
from synthdsl.values.units import ONE, Free, Unit, divide, is_compatible, ratio


def type_distribution(
    node: tree.Call, distribution: Distribution, type: Type, scope: Scope, findings: Findings
) -> DrawNode:
    """The draw from `distribution` that a call is, for a field of `type`."""
    if not fits(node, distribution, type, findings):
        return UnknownDraw(node.span)
    if type.kind in MOMENTS:
        distribution = distribution.on_clock(1 if type.kind is Kind.DATE else DAY)
    step = raw_step(type)
    if step is not None:
        distribution = distribution.on_grid(step)
    form = _form(node, distribution, findings)
    if form is None:
        return UnknownDraw(node.span)
    names = form.names
    optional = sum(p.default is not None for p in form.parameters)
    bound = bind(node, names, findings, optional=optional)
    if bound is None:
        return UnknownDraw(node.span)
    values = [
        typed_parameter(argument, parameter, distribution, type, scope, findings, node.span)
        for parameter, argument in zip(form.parameters, bound, strict=True)
    ]
    if any(value.type.is_unknown for value in values):
        return UnknownDraw(node.span)
    draw = DistributionDraw(node.span, distribution, form, tuple(values))
    if not check_parameters(draw, findings):
        return UnknownDraw(node.span)
    _warn_uniform(node, distribution, type, findings)
    return draw


def fits(node: tree.Call, distribution: Distribution, type: Type, findings: Findings) -> bool:
    """Whether a value of `type` can come from `distribution`."""
    name = distribution.name
    if type.kind is Kind.BOOL and name == "bernoulli":
        return True
    if type.kind not in ORDERED:
        help_ = (
            "give weights: `{a: 30%, b: rest}`"
            if type.kind in (Kind.ENUM, Kind.TEXT, Kind.BOOL)
            else None
        )
        findings.report(
            "type-mismatch", node.span, f"`{name}` draws numbers, the field is `{type}`", help_
        )
        return False
    if distribution.is_calendar and type.kind not in MOMENTS:
        findings.report(
            "type-mismatch",
            node.span,
            f"`{name}` draws dates and datetimes, the field is `{type}`",
            "declare it `date` or `datetime`",
        )
        return False
    is_point = (
        type.kind in MOMENTS
        or type.kind is Kind.TIME
        or (isinstance(type.unit, Unit) and type.unit.is_point)
    )
    if is_point and not distribution.is_point:
        start = "date" if type.kind is Kind.DATE else "start"
        findings.report(
            "type-mismatch",
            node.span,
            f"`{name}` draws amounts, the field is a point: `{type}`",
            f"draw a duration and add it: `{start} + amount`"
            if type.kind in MOMENTS
            else "use a distribution with a location, such as `normal`",
        )
        return False
    if distribution.is_number and type.kind not in NUMBERS:
        findings.report(
            "type-mismatch",
            node.span,
            f"`{name}` draws plain numbers, the field is `{type}`",
            "declare it `int`",
        )
        return False
    return True


def _form(node: tree.Call, distribution: Distribution, findings: Findings) -> Form | None:
    """The form of parameters that the call uses: by the names given, else the first."""
    given = {argument.name for argument in node.arguments if argument.name is not None}
    fitting = [form for form in distribution.forms if given <= set(form.names)]
    exact = [f for f in fitting if {p.name for p in f.parameters if p.default is None} <= given]
    chosen = next(iter(exact or fitting), None)
    if chosen is None:
        shapes = " or ".join(
            f"`{distribution.name}({', '.join(f.names)})`" for f in distribution.forms
        )
        everything = {name for form in distribution.forms for name in form.names}
        wrong = sorted(given - everything)
        together = " and ".join(f"`{name}`" for name in sorted(given))
        what = (
            f"`{distribution.name}` has no parameter `{wrong[0]}`"
            if wrong
            else f"`{distribution.name}` cannot take {together} together"
        )
        findings.report("bad-arguments", node.span, what, f"write {shapes}")
    return chosen


def typed_parameter(
    argument: tree.Argument | None,
    parameter: Parameter,
    distribution: Distribution,
    type: Type,
    scope: Scope,
    findings: Findings,
    span: Span,
) -> Expr:
    """One parameter in the raw unit that its role asks for."""
    if argument is None:
        return Constant(FLOAT, span, parameter.default)
    value = value_of(argument, scope, findings, type)
    if value.type.is_unknown:
        return value
    what = f"parameter `{parameter.name}` of `{distribution.name}`"
    if parameter.role in (Role.LIST, Role.POINTS):
        return _list_parameter(value, parameter, type, findings, what)
    if parameter.role is Role.LOCATION and not distribution.is_number:
        return _location(value, type, findings, what)
    if value.type.kind is Kind.NULL:
        return Constant(FLOAT.nullable(), value.span, None)
    if not value.type.is_quantity:
        findings.report(
            "type-mismatch", value.span, f"{what} is a number, found {named(value.type)}"
        )
        return unknown(value.span)
    if parameter.role is Role.SPREAD and not distribution.is_number:
        return _spread(value, type, findings, what)
    if parameter.role is Role.RATE:
        return _rate(value, type, findings, what)
    return coerce(value, FLOAT.nullable(), findings, what)


def _location(value: Expr, type: Type, findings: Findings, what: str) -> Expr:
    target = type.nullable()
    if type.is_number:
        return coerce(value, FLOAT.with_unit(type.unit).nullable(), findings, what)
    return coerce(value, target, findings, what)


def _spread(value: Expr, type: Type, findings: Findings, what: str) -> Expr:
    unit = spread_unit(type)
    value = settled(value, unit)
    if isinstance(value.type.unit, Free) and value.type.kind is not Kind.DURATION:
        if type.is_number or (isinstance(value, Constant) and value.value == 0):
            return value
        findings.report(
            "unit-mismatch",
            value.span,
            f"{what} is a duration, found a bare number",
            "give it a unit, such as `30 d`",
        )
        return unknown(value.span)
    found = unit_of(value.type)
    assert isinstance(found, Unit) and isinstance(unit, Unit)
    if not is_compatible(found, unit) or found.is_point:
        spelled = "a plain number" if found == ONE else f"in `{found.symbol}`"
        findings.report(
            "unit-mismatch",
            value.span,
            f"{what} is a difference in `{unit.symbol}`, found {spelled}",
            f"write it in `{unit.symbol}`",
        )
        return unknown(value.span)
    return convert(value, FLOAT.with_unit(unit), ratio(found, unit))


def _rate(value: Expr, type: Type, findings: Findings, what: str) -> Expr:
    spread = spread_unit(type)
    value = settled(value, divide(ONE, spread))
    if isinstance(value.type.unit, Free):
        if type.is_number:
            return value
        findings.report(
            "unit-mismatch", value.span, f"{what} is per unit of time", "write it as `2 '/d'`"
        )
        return unknown(value.span)
    unit = divide(ONE, spread)
    found = value.type.unit
    assert isinstance(unit, Unit) and isinstance(found, Unit)
    if not is_compatible(found, unit):
        findings.report(
            "unit-mismatch", value.span, f"{what} is in `{unit.symbol}`, found `{found.symbol}`"
        )
        return unknown(value.span)
    return convert(value, FLOAT.with_unit(unit), ratio(found, unit))


def _list_parameter(
    value: Expr, parameter: Parameter, type: Type, findings: Findings, what: str
) -> Expr:
    if value.type.kind is not Kind.LIST:
        findings.report(
            "type-mismatch",
            value.span,
            f"{what} is a list, found {named(value.type)}",
            "write `[a, b, c]`",
        )
        return unknown(value.span)
    element = value.type.element
    if parameter.role is Role.LIST or element is None or type.is_number:
        return value
    if isinstance(value, ListOf):
        items = [_location(item, type, findings, what) for item in value.items]
        return ListOf(value.type, value.span, tuple(items))
    if isinstance(value, Constant) and element is not None:
        items = [
            _location(Constant(element, value.span, v), type, findings, what) for v in value.value
        ]
        if any(item.type.is_unknown for item in items):
            return unknown(value.span)
        return Constant(value.type, value.span, [i.value for i in items if isinstance(i, Constant)])
    return value


def check_parameters(draw: DistributionDraw, findings: Findings) -> bool:
    """Whether the constant parameters are in range; reports those that are not."""
    fine = True
    values: list[Any] = []
    for parameter, expr in zip(draw.form.parameters, draw.parameters, strict=True):
        value = expr.value if isinstance(expr, Constant) else None
        values.append(value)
        if isinstance(value, int | float) and not in_range(parameter, value):
            findings.report(
                "parameter-range",
                expr.span,
                f"parameter `{parameter.name}` of `{draw.distribution.name}` must be "
                f"{parameter.range_text() or 'finite'}, found {value:g}",
                _range_help(parameter, value),
            )
            fine = False
    if not fine or any(not isinstance(p, Constant) or p.value is None for p in draw.parameters):
        return fine
    for requirement in draw.form.requirements:
        if not bool(requirement.holds(*values)):
            findings.report(
                "parameter-range",
                draw.span,
                f"`{draw.distribution.name}` needs {requirement.text}: found "
                + ", ".join(
                    f"{n} = {_short(v)}" for n, v in zip(draw.form.names, values, strict=True)
                ),
                f"give values with {requirement.text}",
            )
            return False
    return True


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)[:40]


def _range_help(parameter: Parameter, value: float) -> str | None:
    if parameter.role is Role.PROBABILITY and 1 < value <= 100:
        return f"write {value:g}%"
    if parameter.low == 0 and value < 0:
        return f"write {-value:g}"
    return None


def in_range(parameter: Parameter, value: float) -> bool:
    """Whether `value` is finite and inside the parameter's bounds."""
    if not math.isfinite(value):
        return False
    above = value > parameter.low if parameter.is_open_low else value >= parameter.low
    below = value < parameter.high if parameter.is_open_high else value <= parameter.high
    return above and below


def _warn_uniform(
    node: tree.Call, distribution: Distribution, type: Type, findings: Findings
) -> None:
    if distribution.name == "uniform" and type.kind in (Kind.INT, Kind.DATE) and type.step is None:
        low, high = "low", "high"
        if len(node.arguments) == 2:
            low, high = (a.value.span.text for a in node.arguments)
        findings.report(
            "uniform-on-grid",
            node.span,
            "rounding gives the ends of this `uniform` half the weight of the other values "
            f"of `{type.kind.value}`",
            f"write `discrete_uniform({low}, {high})` for equal weights",
        )
