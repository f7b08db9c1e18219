"""Draws of the tree to typed draws, for a field of a given type."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from fractions import Fraction
from typing import Any

from synthdsl.diagnostics import Label
from synthdsl.distributions.base import DISTRIBUTIONS, Distribution, Form, Parameter, Role
from synthdsl.functions.base import Argument, Misuse
from synthdsl.language import tree
from synthdsl.model import operators
from synthdsl.model.coercion import coerce, spread_unit
from synthdsl.model.draws import (
    CategoricalDraw,
    ChooseDraw,
    DistributionDraw,
    DrawNode,
    FixedDraw,
    LookupDraw,
    MixtureDraw,
    ProviderDraw,
    Truncated,
    UnknownDraw,
)
from synthdsl.model.expansion import (
    COST_OF_ARGUMENT,
    COST_OF_USE,
    DEEPEST_ARGUMENT,
    DEEPEST_EXPANSION,
    height,
)
from synthdsl.model.expressions import Constant, Expr, ListOf
from synthdsl.model.findings import Findings
from synthdsl.model.grids import raw_step, snapped, within
from synthdsl.model.inference import (
    bind,
    condition_of,
    infer,
    report_wrong_use,
    value_of,
    warn_unreachable,
)
from synthdsl.model.operators import convert, named
from synthdsl.model.scope import FileScope, Scope, Scoped
from synthdsl.providers.base import PROVIDERS, Provider
from synthdsl.source import Span
from synthdsl.values.types import FLOAT, MOMENTS, NUMBERS, ORDERED, UNKNOWN, Kind, Type
from synthdsl.values.units import ONE, Free, Unit, divide, is_compatible, ratio


def type_draw(
    node: tree.Draw, type: Type, scope: Scope, findings: Findings, *, depth: int = 0
) -> DrawNode:
    """The typed draw that `node` is, giving raw values of `type` before rounding to its grid."""
    draw = _outcome(node.outcome, type, scope, findings, depth=depth)
    if node.interval is None or isinstance(draw, UnknownDraw):
        return draw
    return _truncated(node, node.interval, draw, type, scope, findings)


def natural_type(node: tree.Draw, scope: Scope, findings: Findings) -> Type:
    """The type that a draw has by itself: what a `let` without a type gets."""
    outcome = _unscoped(node.outcome)
    if isinstance(outcome, tree.Call):
        name = outcome.function.text
        if name in scope.file.dists:
            body, inner = _inlined(outcome, scope, findings)
            return natural_type(body, inner, findings) if body is not None else UNKNOWN
        provider = PROVIDERS.get(name)
        if provider is not None:
            return _provider_type(outcome, provider, scope, Findings())
        distribution = DISTRIBUTIONS.get(name)
        if distribution is not None and distribution.is_discrete:
            return Type(Kind.BOOL) if name == "bernoulli" else Type(Kind.INT)
        return FLOAT
    if isinstance(outcome, tree.Index):
        lookup = scope.file.lookups.get(outcome.base.text)
        return _lookup_type(lookup) if lookup is not None else UNKNOWN
    if isinstance(outcome, tree.Weights):
        values = [infer(e.outcome, scope, Findings()) for e in outcome.entries]
        _, type_ = operators.unify(values, Findings())
        if type_.is_number and isinstance(type_.unit, Free):
            return type_.with_unit(ONE)
        return type_
    if isinstance(outcome, tree.WhenDraw):
        types = [natural_type(d, scope, findings) for _, d in outcome.branches]
        types.append(natural_type(outcome.otherwise, scope, findings))
        known = [t for t in types if not t.is_unknown and t.kind is not Kind.NULL]
        if not known:
            return UNKNOWN
        # one branch with fractions makes the field a float: whole numbers would round it
        is_float = all(t.is_number for t in known) and any(t.kind is Kind.FLOAT for t in known)
        lead = next((t for t in known if t.kind is Kind.FLOAT), known[0]) if is_float else known[0]
        return lead.nullable(lead.is_nullable or any(t.is_nullable for t in types))
    if isinstance(outcome, tree.Path) and outcome.text in scope.file.lookups:
        return _lookup_type(scope.file.lookups[outcome.text])
    if isinstance(outcome, tree.Expression):
        type_ = infer(outcome, scope, Findings()).type
        return type_.with_unit(ONE) if isinstance(type_.unit, Free) else type_
    return FLOAT


def _lookup_type(lookup: Any) -> Type:
    if len(lookup.values) == 1:
        return Type(Kind.TEXT)
    text = Type(Kind.TEXT, is_nullable=True)
    return Type(Kind.RECORD, parts=tuple((v, text) for v in lookup.values))


def _unscoped(node: Any) -> Any:
    while isinstance(node, Scoped):
        node = node.node
    return node


def _outcome(
    node: tree.Expression | tree.Weights | tree.WhenDraw,
    type: Type,
    scope: Scope,
    findings: Findings,
    *,
    depth: int,
) -> DrawNode:
    if isinstance(node, Scoped):
        cost = COST_OF_ARGUMENT + node.span.end - node.span.start
        if not scope.file.expansion.take(cost, node.span, findings):
            return UnknownDraw(node.span)
        return _outcome(node.node, type, node.scope, findings, depth=depth)
    if isinstance(node, tree.Weights):
        return _categorical(node, type, scope, findings)
    if isinstance(node, tree.WhenDraw):
        return _choose(node, type, scope, findings, depth=depth)
    if isinstance(node, tree.Call):
        return _call(node, type, scope, findings, depth=depth)
    if isinstance(node, tree.Index):
        return _lookup(node, node.base.text, type, scope, findings)
    if isinstance(node, tree.Path):
        return _named(node, type, scope, findings)
    value = infer(node, scope, findings, type)
    findings.report(
        "misplaced-draw",
        node.span,
        f"`{node.span.text[:40]}` is a value, not a draw",
        "derive it with `=`",
    )
    del value
    return UnknownDraw(node.span)


def _named(node: tree.Path, type: Type, scope: Scope, findings: Findings) -> DrawNode:
    name = node.text
    lookup = scope.file.lookups.get(name)
    if lookup is not None:
        if lookup.keys:
            findings.report(
                "lookup-keys",
                node.span,
                f"lookup `{name}` needs its keys: {', '.join(lookup.keys)}",
                f"write `{name}[{', '.join(lookup.keys)}]`",
            )
            return UnknownDraw(node.span)
        return _lookup(tree.Index(node.span, node, ()), name, type, scope, findings)
    if name in scope.file.dists:
        return _call(tree.Call(node.span, node, ()), type, scope, findings, depth=0)
    if _is_silenced(name, scope):
        return UnknownDraw(node.span)
    if DISTRIBUTIONS.get(name) is not None or PROVIDERS.get(name) is not None:
        findings.report(
            "bad-arguments", node.span, f"`{name}` needs its arguments", f"write `{name}(...)`"
        )
        return UnknownDraw(node.span)
    if scope.field_type(name) is not None or name in scope.file.params:
        findings.report(
            "misplaced-draw", node.span, f"`{name}` is a value, not a draw", "derive it with `=`"
        )
        return UnknownDraw(node.span)
    if not report_wrong_use(node, name, scope, findings, wanted="draw"):
        findings.report("unknown-name", node.span, f"`{name}` is not declared", scope.advice(name))
    return UnknownDraw(node.span)


# calls


def _call(node: tree.Call, type: Type, scope: Scope, findings: Findings, *, depth: int) -> DrawNode:
    name = node.function.text
    if name in scope.file.dists:
        return _inline(node, type, scope, findings, depth=depth)
    if name == "mixture":
        return _mixture(node, type, scope, findings, depth=depth)
    if name == "zero_inflated":
        return _zero_inflated(node, type, scope, findings, depth=depth)
    distribution = DISTRIBUTIONS.get(name)
    provider = None if distribution is not None else PROVIDERS.get(name)
    if distribution is None and provider is None:
        distribution, provider = DISTRIBUTIONS.find(name), PROVIDERS.find(name)
    if provider is not None:
        return _provided(node, provider, type, scope, findings)
    if distribution is not None:
        return _distribution(node, distribution, type, scope, findings)
    _report_unknown_draw(node, name, scope, findings)
    return UnknownDraw(node.span)


def _is_silenced(name: str, scope: Scope) -> bool:
    """Whether the declaration of `name` was reported already."""
    return name in scope.file.broken


def _report_unknown_draw(node: tree.Call, name: str, scope: Scope, findings: Findings) -> None:
    from difflib import get_close_matches

    from synthdsl.functions.base import FUNCTIONS

    if _is_silenced(name, scope):
        return
    if name == "sorted":
        findings.report(
            "not-yet", node.span, "`sorted` orders rows under one parent: not in this release"
        )
        return
    if FUNCTIONS.get(name) is not None or name in scope.file.functions:
        findings.report(
            "misplaced-draw",
            node.span,
            f"`{name}` is a function: its value is not drawn",
            "derive it with `=`",
        )
        return
    known = [
        *DISTRIBUTIONS.names(),
        *PROVIDERS.names(),
        *scope.file.dists,
        "mixture",
        "zero_inflated",
    ]
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    findings.report(
        "unknown-function",
        node.function.span,
        f"there is no distribution `{name}`",
        _SYNONYMS.get(name.lower()) or (f"did you mean `{close[0]}`?" if close else None),
    )


_SYNONYMS = {
    "gaussian": "write `normal(mean, sd)`",
    "choice": "write weights in braces: `{a: 30%, b: rest}`",
    "categorical": "write weights in braces: `{a: 30%, b: rest}`",
    "randint": "write `discrete_uniform(low, high)`",
    "random": "write `uniform(0, 1)`",
    "truncnorm": "write `normal(mean, sd) in [low, high]`",
}


def _inline(
    node: tree.Call, type: Type, scope: Scope, findings: Findings, *, depth: int
) -> DrawNode:
    body, inner = _inlined(node, scope, findings)
    if body is None:
        return UnknownDraw(node.span)
    return type_draw(body, type, inner, findings, depth=depth + 1)


def _inlined(node: tree.Call, scope: Scope, findings: Findings) -> tuple[tree.Draw | None, Scope]:
    """The body of a named distribution with its arguments put in."""
    declaration, file = scope.file.dists[node.function.text]
    scope.file.use(node.function.text)
    if not _may_open(node, declaration, scope, file, findings):
        return None, scope
    names = [name.text for name in declaration.parameters]
    bound = bind(node, names, findings)
    inner = scope.within(file, declaration)
    if bound is None:
        return None, inner
    given = {}
    for name, argument in zip(names, bound, strict=True):
        assert argument is not None
        if isinstance(argument.value, tree.Weights):
            findings.report("misplaced-draw", argument.span, "weights cannot be an argument here")
            return None, inner
        levels = height(argument.value)
        if levels > DEEPEST_ARGUMENT:
            _report_deep(node, findings)
            return None, inner
        given[name] = (
            argument.value
            if isinstance(argument.value, Scoped)
            else Scoped(argument.span, argument.value, scope, levels)
        )
    return substitute(declaration.draw, given), inner


def _may_open(
    node: tree.Call,
    declaration: tree.Dist,
    scope: Scope,
    file: FileScope,
    findings: Findings,
) -> bool:
    """Whether a named distribution may be put in here: it is not open already, nor too deep."""
    if any(opened is declaration for opened in scope.opened):
        findings.report(
            "cycle",
            node.span,
            f"`{node.function.text}` uses itself",
            "named distributions cannot recur",
            labels=(Label(declaration.name.span, "declared here"),),
        )
        return False
    body = declaration.draw.span
    if not file.expansion.take(COST_OF_USE + body.end - body.start, node.span, findings):
        return False
    if scope.depth + file.expansion.height(declaration.draw) > DEEPEST_EXPANSION:
        _report_deep(node, findings)
        return False
    return True


def _report_deep(node: tree.Call, findings: Findings) -> None:
    findings.report(
        "too-deep",
        node.span,
        f"`{node.function.text}` nests named distributions too deep",
        "write it with fewer of them",
    )


def substitute(node: Any, given: dict[str, Scoped]) -> Any:
    """`node` with the paths named in `given` replaced."""
    if isinstance(node, tree.Path) and len(node.names) == 1 and node.names[0] in given:
        return given[node.names[0]]
    if isinstance(node, Scoped) or not is_dataclass(node):
        if isinstance(node, tuple):
            return tuple(substitute(item, given) for item in node)
        return node
    if isinstance(node, Span):
        return node
    # a parameter is a value: the name of a function or of a lookup keeps its meaning
    kept = {tree.Call: "function", tree.Index: "base"}.get(type(node), "")
    changes = {
        f.name: substitute(getattr(node, f.name), given)
        for f in fields(node)
        if f.name not in ("span", kept)
    }
    return replace(node, **changes)  # type: ignore[type-var]


# univariate distributions


def _distribution(
    node: tree.Call, distribution: Distribution, type: Type, scope: Scope, findings: Findings
) -> DrawNode:
    if not _fits(node, distribution, type, findings):
        return UnknownDraw(node.span)
    form = _form(node, distribution, findings)
    if form is None:
        return UnknownDraw(node.span)
    names = form.names
    optional = sum(p.default is not None for p in form.parameters)
    bound = bind(node, names, findings, optional=optional, what="distribution")
    if bound is None:
        return UnknownDraw(node.span)
    values = [
        _parameter(argument, parameter, distribution, type, scope, findings, node.span)
        for parameter, argument in zip(form.parameters, bound, strict=True)
    ]
    if any(value.type.is_unknown for value in values):
        return UnknownDraw(node.span)
    draw = DistributionDraw(node.span, distribution, form, tuple(values))
    if not check_parameters(draw, findings):
        return UnknownDraw(node.span)
    _warn_uniform(node, distribution, type, findings)
    return draw


def _fits(node: tree.Call, distribution: Distribution, type: Type, findings: Findings) -> bool:
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
    is_point = (
        type.kind in MOMENTS
        or type.kind is Kind.TIME
        or (isinstance(type.unit, Unit) and type.unit.is_point)
    )
    if is_point and not distribution.is_point:
        findings.report(
            "type-mismatch",
            node.span,
            f"`{name}` draws amounts, the field is a point: `{type}`",
            f"draw a duration and add it: `{'date' if type.kind is Kind.DATE else 'start'} + amount`"
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
        what = (
            f"`{distribution.name}` has no parameter `{wrong[0]}`"
            if wrong
            else (
                f"`{distribution.name}` cannot take {' and '.join(f'`{g}`' for g in sorted(given))} together"
            )
        )
        findings.report("bad-arguments", node.span, what, f"write {shapes}")
    return chosen


def _parameter(
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
        return operators.unknown(value.span)
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
    value = operators.settled(value, unit)
    if isinstance(value.type.unit, Free) and value.type.kind is not Kind.DURATION:
        if type.is_number or (isinstance(value, Constant) and value.value == 0):
            return value
        findings.report(
            "unit-mismatch",
            value.span,
            f"{what} is a duration, found a bare number",
            "give it a unit, such as `30 d`",
        )
        return operators.unknown(value.span)
    found = operators.unit_of(value.type)
    assert isinstance(found, Unit) and isinstance(unit, Unit)
    if not is_compatible(found, unit) or found.is_point:
        spelled = "a plain number" if found == ONE else f"in `{found.symbol}`"
        findings.report(
            "unit-mismatch",
            value.span,
            f"{what} is a difference in `{unit.symbol}`, found {spelled}",
            f"write it in `{unit.symbol}`",
        )
        return operators.unknown(value.span)
    return convert(value, FLOAT.with_unit(unit), ratio(found, unit))


def _rate(value: Expr, type: Type, findings: Findings, what: str) -> Expr:
    spread = spread_unit(type)
    value = operators.settled(value, divide(ONE, spread))
    if isinstance(value.type.unit, Free):
        if type.is_number:
            return value
        findings.report(
            "unit-mismatch", value.span, f"{what} is per unit of time", "write it as `2 '/d'`"
        )
        return operators.unknown(value.span)
    unit = divide(ONE, spread)
    found = value.type.unit
    assert isinstance(unit, Unit) and isinstance(found, Unit)
    if not is_compatible(found, unit):
        findings.report(
            "unit-mismatch", value.span, f"{what} is in `{unit.symbol}`, found `{found.symbol}`"
        )
        return operators.unknown(value.span)
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
        return operators.unknown(value.span)
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
            return operators.unknown(value.span)
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
                f"parameter `{parameter.name}` of `{draw.distribution.name}` must be {parameter.range_text() or 'finite'}, "
                f"found {value:g}",
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
            f"rounding gives the ends of this `uniform` half the weight of the other values of `{type.kind.value}`",
            f"write `discrete_uniform({low}, {high})` for equal weights",
        )


# weights, mixtures, branches


def _categorical(node: tree.Weights, type: Type, scope: Scope, findings: Findings) -> DrawNode:
    outcomes: list[Any] = []
    is_fine = True
    seen: dict[Any, Span] = {}
    for entry in node.entries:
        if isinstance(entry.outcome, tree.Call):
            findings.report(
                "misplaced-draw",
                entry.outcome.span,
                "weights in braces hold values, not draws",
                "write `mixture({...})` around them",
            )
            return UnknownDraw(node.span)
        value = coerce(infer(entry.outcome, scope, findings, type), type, findings, "this outcome")
        if not isinstance(value, Constant):
            if not value.type.is_unknown:
                findings.report(
                    "not-constant",
                    entry.outcome.span,
                    "an outcome is a constant",
                    "use `when` or `mixture`",
                )
            is_fine = False
            continue
        raw = snap(value.value, type)
        if raw in seen:
            findings.report(
                "duplicate-outcome",
                entry.outcome.span,
                f"`{entry.outcome.span.text}` has two weights",
                "add them up",
            )
            is_fine = False
        seen[raw] = entry.span
        outcomes.append(raw)
    weights = type_weights(node, scope, findings)
    if weights is None or not is_fine:
        return UnknownDraw(node.span)
    return CategoricalDraw(node.span, tuple(outcomes), weights)


def snap(value: Any, type: Type) -> Any:
    """A constant rounded half-up to the grid of its type."""
    step = raw_step(type)
    if step is None or not isinstance(value, int | float) or isinstance(value, bool):
        return value
    whole = snapped(value, step)
    return int(whole) if type.kind not in (Kind.FLOAT, Kind.DECIMAL) else float(whole)


def type_weights(
    node: tree.Weights, scope: Scope, findings: Findings
) -> tuple[Expr | None, ...] | None:
    """The weights as shares; None after a report. Constant weights must total 100 %."""
    weights: list[Expr | None] = []
    rests = [entry for entry in node.entries if entry.weight is None]
    if len(rests) > 1:
        findings.report("weights-total", rests[1].span, "two entries say `rest`", "keep one")
        return None
    is_fine = True
    exact = Fraction(0)
    for entry in node.entries:
        if entry.weight is None:
            weights.append(None)
            continue
        weight = coerce(infer(entry.weight, scope, findings), FLOAT, findings, "a weight")
        if weight.type.is_unknown:
            is_fine = False
        elif isinstance(weight, Constant):
            is_fine &= _check_weight(entry, weight, findings)
            exact += _exact_weight(entry.weight, weight)
        weights.append(weight)
    if not is_fine:
        return None
    if all(isinstance(w, Constant) for w in weights if w is not None):
        return tuple(weights) if _check_total(node, exact, bool(rests), findings) else None
    return tuple(weights)


def _exact_weight(node: tree.Expression, weight: Constant) -> Fraction:
    if isinstance(node, tree.Percent | tree.Number):
        return node.exact
    return Fraction(weight.value)


def _check_weight(entry: tree.Weight, weight: Constant, findings: Findings) -> bool:
    assert entry.weight is not None
    if 0 <= weight.value <= 1:
        return True
    help_ = (
        f"write {weight.value:g}%"
        if 1 < weight.value <= 100
        else "weights lie between 0 % and 100 %"
    )
    findings.report(
        "weight-range", entry.weight.span, f"weight {entry.weight.span.text} is out of range", help_
    )
    return False


def _check_total(node: tree.Weights, total: Fraction, has_rest: bool, findings: Findings) -> bool:
    percent = float(total * 100)
    if has_rest:
        if total <= 1 + Fraction(1, 10**12):
            if total >= 1:
                last = next(e for e in node.entries if e.weight is None)
                findings.report(
                    "zero-mass",
                    last.span,
                    f"`{last.outcome.span.text[:40]}` never occurs: the other weights total 100 %",
                    "remove it, or lower another weight",
                )
            return True
        findings.report(
            "weights-total",
            node.span,
            f"the weights total {percent:.6g} % before `rest`",
            "keep them below 100 %",
        )
        return False
    if abs(total - 1) <= Fraction(1, 10**9):
        return True
    help_ = (
        "write `rest` as the weight of the last entry"
        if total < 1
        else "lower them to 100 % in all"
    )
    findings.report(
        "weights-total", node.span, f"the weights total {percent:.6g} %, not 100 %", help_
    )
    return False


def _mixture(
    node: tree.Call, type: Type, scope: Scope, findings: Findings, *, depth: int
) -> DrawNode:
    weights = node.arguments[0].value if len(node.arguments) == 1 else None
    if not isinstance(weights, tree.Weights):
        findings.report(
            "bad-arguments",
            node.span,
            "`mixture` takes weighted draws",
            "write `mixture({normal(0, 1): 30%, normal(5, 2): rest})`",
        )
        return UnknownDraw(node.span)
    components = [
        _component(entry.outcome, type, scope, findings, depth=depth) for entry in weights.entries
    ]
    shares = type_weights(weights, scope, findings)
    if shares is None or any(isinstance(c, UnknownDraw) for c in components):
        return UnknownDraw(node.span)
    return MixtureDraw(node.span, tuple(components), shares)


def _component(
    node: tree.Expression, type: Type, scope: Scope, findings: Findings, *, depth: int
) -> DrawNode:
    """A component of a mixture or a branch: a draw, or a constant that is always the value."""
    inner = _unscoped(node)
    is_name = isinstance(inner, tree.Path) and (
        inner.text in scope.file.dists or inner.text in scope.file.lookups
    )
    if isinstance(inner, tree.Call | tree.Index) or is_name:
        return _outcome(node, type, scope, findings, depth=depth)
    value = coerce(infer(node, scope, findings, type), type, findings, "this value")
    return UnknownDraw(node.span) if value.type.is_unknown else FixedDraw(node.span, value)


def _zero_inflated(
    node: tree.Call, type: Type, scope: Scope, findings: Findings, *, depth: int
) -> DrawNode:
    bound = bind(node, ("zero", "draw"), findings)
    if bound is None or bound[0] is None or bound[1] is None:
        return UnknownDraw(node.span)
    share = coerce(value_of(bound[0], scope, findings), FLOAT, findings, "the share of zeros")
    if isinstance(bound[1].value, tree.Weights):
        findings.report("misplaced-draw", bound[1].span, "`zero_inflated` takes a distribution")
        return UnknownDraw(node.span)
    draw = _outcome(bound[1].value, type, scope, findings, depth=depth)
    if isinstance(draw, UnknownDraw) or share.type.is_unknown:
        return UnknownDraw(node.span)
    if isinstance(share, Constant) and not 0 <= share.value <= 1:
        findings.report(
            "weight-range",
            share.span,
            f"the share of zeros is {share.value:g}",
            "write a percentage",
        )
        return UnknownDraw(node.span)
    if not type.is_quantity:
        findings.report(
            "type-mismatch", node.span, f"`zero_inflated` draws amounts, the field is `{type}`"
        )
        return UnknownDraw(node.span)
    zero = FixedDraw(node.span, Constant(type.nullable(False), node.span, 0))
    return MixtureDraw(node.span, (zero, draw), (share, None))


def _choose(
    node: tree.WhenDraw, type: Type, scope: Scope, findings: Findings, *, depth: int
) -> DrawNode:
    conditions = [condition_of(c, scope, findings) for c, _ in node.branches]
    warn_unreachable([c for c, _ in node.branches], findings)
    draws = [_branch(d, type, scope, findings, depth=depth) for _, d in node.branches]
    otherwise = _branch(node.otherwise, type, scope, findings, depth=depth)
    is_broken = any(c.type.is_unknown for c in conditions)
    if is_broken or any(isinstance(d, UnknownDraw) for d in (*draws, otherwise)):
        return UnknownDraw(node.span)
    return ChooseDraw(node.span, tuple(zip(conditions, draws, strict=True)), otherwise)


def _branch(
    node: tree.Draw, type: Type, scope: Scope, findings: Findings, *, depth: int
) -> DrawNode:
    if isinstance(node.outcome, tree.Weights | tree.WhenDraw):
        return type_draw(node, type, scope, findings, depth=depth)
    draw = _component(node.outcome, type, scope, findings, depth=depth)
    if node.interval is None or isinstance(draw, UnknownDraw):
        return draw
    return _truncated(node, node.interval, draw, type, scope, findings)


# truncation


def _truncated(
    node: tree.Draw,
    interval: tree.Interval,
    draw: DrawNode,
    type: Type,
    scope: Scope,
    findings: Findings,
) -> DrawNode:
    if type.kind not in ORDERED:
        findings.report(
            "bad-interval",
            interval.span,
            f"a `{type}` has no order to truncate",
            "weight the outcomes instead",
        )
        return UnknownDraw(node.span)
    if isinstance(draw, FixedDraw | ProviderDraw | LookupDraw):
        findings.report(
            "bad-interval",
            interval.span,
            "only a distribution can be truncated",
            "remove `in [...]`",
        )
        return UnknownDraw(node.span)
    bound = FLOAT.with_unit(type.unit) if type.is_number else type
    low, high = (
        coerce(infer(side, scope, findings, type), bound.nullable(), findings, "a bound")
        for side in (interval.low, interval.high)
    )
    if low.type.is_unknown or high.type.is_unknown:
        return UnknownDraw(node.span)
    if not check_interval(interval, low, high, type, findings):
        return UnknownDraw(node.span)
    if isinstance(draw, CategoricalDraw) and not _check_outcomes(
        node, draw, low, high, type, findings
    ):
        return UnknownDraw(node.span)
    return Truncated(node.span, draw, low, high)


def _check_outcomes(
    node: tree.Draw,
    draw: CategoricalDraw,
    low: Expr,
    high: Expr,
    type: Type,
    findings: Findings,
) -> bool:
    """Warn of outcomes outside constant bounds; whether any outcome is left."""
    if not (isinstance(low, Constant) and isinstance(high, Constant)):
        return True
    if low.value is None or high.value is None or not isinstance(node.outcome, tree.Weights):
        return True
    outside = [
        entry
        for entry, raw in zip(node.outcome.entries, draw.outcomes, strict=True)
        if raw is not None and not low.value <= raw <= high.value
    ]
    assert node.interval is not None
    if len(outside) == len(draw.outcomes):
        findings.report(
            "outside-support",
            node.interval.span,
            f"none of the values lies in {node.interval.span.text}",
            "widen the interval",
        )
        return False
    for entry in outside:
        findings.report(
            "zero-mass",
            entry.span,
            f"`{entry.outcome.span.text[:40]}` never occurs: it lies outside {node.interval.span.text}",
            "remove it, or widen the interval",
        )
    return True


def check_interval(
    interval: tree.Interval, low: Expr, high: Expr, type: Type, findings: Findings
) -> bool:
    """Whether constant bounds enclose a value of the grid; reports otherwise."""
    if not (isinstance(low, Constant) and isinstance(high, Constant)):
        return True
    if low.value is None or high.value is None:
        return True
    if low.value > high.value:
        findings.report(
            "empty-interval",
            interval.span,
            f"this interval ends ({interval.high.span.text}) before it starts ({interval.low.span.text})",
            f"write [{interval.high.span.text}, {interval.low.span.text}]",
        )
        return False
    step = raw_step(type)
    first, last = (0, 0) if step is None else within(low.value, high.value, step)
    if first > last:
        findings.report(
            "empty-grid",
            interval.span,
            f"no value of the field's grid lies in {interval.span.text}",
            "widen the interval, or give the field a finer `step`",
        )
        return False
    return True


# providers and lookups


def _provider_arguments(
    node: tree.Call, provider: Provider, scope: Scope, findings: Findings
) -> list[Expr] | None:
    names = [p.name for p in provider.parameters]
    optional = sum(p.default is not ... for p in provider.parameters)
    bound = bind(node, names, findings, optional=optional, what="provider")
    if bound is None:
        return None
    values: list[Expr] = []
    for parameter, argument in zip(provider.parameters, bound, strict=True):
        if argument is None:
            values.append(_default(parameter.default, node.span))
            continue
        value = value_of(argument, scope, findings)
        if value.type.is_unknown:
            return None
        if parameter.must_be_constant and not isinstance(value, Constant):
            findings.report(
                "not-constant",
                value.span,
                f"argument `{parameter.name}` of `{provider.name}` is a constant",
            )
            return None
        values.append(value)
    return values


def _default(value: Any, span: Span) -> Constant:
    from synthdsl.values.types import BOOL, FREE_FLOAT, FREE_INT, NULL, TEXT

    for kind, type_ in ((bool, BOOL), (int, FREE_INT), (float, FREE_FLOAT), (str, TEXT)):
        if isinstance(value, kind):
            return Constant(type_, span, value)
    if isinstance(value, list | tuple):
        return Constant(Type(Kind.LIST, element=FLOAT), span, list(value))
    return Constant(NULL, span, None)


def as_arguments(values: Sequence[Expr]) -> list[Argument]:
    """Typed expressions as what functions and providers infer from."""
    return [
        Argument(v.type, isinstance(v, Constant), v.value if isinstance(v, Constant) else None)
        for v in values
    ]


def _provider_type(node: tree.Call, provider: Provider, scope: Scope, findings: Findings) -> Type:
    values = _provider_arguments(node, provider, scope, findings)
    if values is None:
        return UNKNOWN
    result = provider.infer(*as_arguments(values))
    return UNKNOWN if isinstance(result, Misuse) else result


def _provided(
    node: tree.Call, provider: Provider, type: Type, scope: Scope, findings: Findings
) -> DrawNode:
    values = _provider_arguments(node, provider, scope, findings)
    if values is None:
        return UnknownDraw(node.span)
    result = provider.infer(*as_arguments(values))
    if isinstance(result, Misuse):
        blamed = (
            values[result.argument].span
            if result.argument is not None and result.argument < len(values)
            else node.span
        )
        findings.report("bad-arguments", blamed, result.message, result.help)
        return UnknownDraw(node.span)
    if result.kind is not type.kind:
        help_ = f"declare it `{result}`"
        if result.kind is Kind.RECORD:
            parts = ", ".join(name for name, _ in result.parts)
            help_ = f"write `let x ~ {provider.name}(...)`, then use its parts: {parts}"
        findings.report(
            "type-mismatch",
            node.span,
            f"`{provider.name}` draws `{result}`, the field is `{type}`",
            help_,
        )
        return UnknownDraw(node.span)
    _warn_real(node, provider, values, findings)
    return ProviderDraw(node.span, provider, tuple(values))


def _warn_real(
    node: tree.Call, provider: Provider, values: Sequence[Expr], findings: Findings
) -> None:
    """Warn of identifiers drawn from everything that is in use."""
    for parameter, value in zip(provider.parameters, values, strict=False):
        if parameter.name == "style" and isinstance(value, Constant) and value.value == "valid":
            findings.report(
                "real-identifier",
                value.span,
                f"`{provider.name}` may draw an identifier that belongs to somebody",
                'remove `style: "valid"`: the numbers then look right and belong to nobody',
            )


def _lookup(node: tree.Index, name: str, type: Type, scope: Scope, findings: Findings) -> DrawNode:
    lookup = scope.file.lookups.get(name)
    if lookup is None:
        if not _is_silenced(name, scope):
            findings.report(
                "unknown-name", node.base.span, f"`{name}` is not a lookup", scope.advice(name)
            )
        return UnknownDraw(node.span)
    scope.file.use(name)
    keys = lookup.type_keys(node, scope, findings)
    if keys is None:
        return UnknownDraw(node.span)
    if lookup.weight is None:
        findings.report(
            "misplaced-draw",
            node.span,
            f"lookup `{name}` has no weights: its value is not drawn",
            "derive it with `=`, or give the file a column `weight` or `count`",
        )
        return UnknownDraw(node.span)
    if type.kind is Kind.RECORD:
        return LookupDraw(node.span, lookup, keys, None)
    column = lookup.single_value(node, findings)
    if column is None:
        return UnknownDraw(node.span)
    values = lookup.raw(column, type.nullable(False), findings)
    if values is None:
        return UnknownDraw(node.span)
    if None in values and not type.is_nullable:
        findings.report(
            "nullable",
            node.span,
            f"lookup `{name}` has empty cells in `{column}`",
            f"declare the field `{type}?`",
        )
        return UnknownDraw(node.span)
    return LookupDraw(node.span, lookup, keys, column, tuple(values))
