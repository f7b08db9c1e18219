"""Calls in expressions: functions, Python functions and z-scores."""

from __future__ import annotations

from dataclasses import replace

from synthdsl.distributions.base import DISTRIBUTIONS
from synthdsl.functions.base import FUNCTIONS, Function, Misuse
from synthdsl.language import tree
from synthdsl.model.aggregates import (
    AGGREGATES,
    REACHES,
    infer_aggregate,
    infer_reaches,
    infer_related,
)
from synthdsl.model.arguments import bind, value_of
from synthdsl.model.coercion import coerce
from synthdsl.model.expressions import (
    Apply,
    Expr,
    LocalTime,
    PythonCall,
    ZScore,
    as_arguments,
)
from synthdsl.model.findings import Findings
from synthdsl.model.folding import fold
from synthdsl.model.inlining import unscoped
from synthdsl.model.operators import unify
from synthdsl.model.quantities import convert, named, unknown
from synthdsl.model.relation_advice import call_on_rows, differing_rows
from synthdsl.model.scope import Scope
from synthdsl.model.type_names import resolve_type
from synthdsl.providers.base import PROVIDERS
from synthdsl.source import Span
from synthdsl.values.types import FLOAT, Type
from synthdsl.values.units import ONE, Unit, is_compatible, ratio


def infer_call(node: tree.Call, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    """The typed call: of a function, an aggregate, `z`, or a Python function."""
    name = node.function.text
    has_comprehension = any(isinstance(a.value, tree.Comprehension) for a in node.arguments)
    if name in AGGREGATES and has_comprehension and len(node.arguments) == 1:
        comprehension = node.arguments[0].value
        assert isinstance(comprehension, tree.Comprehension)
        row_scope = scope.row_scope(comprehension.source.text)
        if row_scope is not None:
            return infer_aggregate(node, name, comprehension, row_scope, findings)
        if scope.relations is not None:
            return infer_related(node, name, comprehension, scope, findings)
    if name in AGGREGATES and has_comprehension:
        findings.report(
            "bad-arguments",
            node.span,
            f"`{name}` takes one comprehension over the rows of a table",
            f"write `{name}(...)` with one `for`, inside a table, a rule `each` or an `expect`",
        )
        return unknown(node.span)
    if name in REACHES and name not in scope.file.functions:
        return infer_reaches(node, name, scope, findings)
    if name == "z":
        return _z_score(node, scope, findings)
    if name in scope.file.functions:
        return _python_call(node, name, scope, findings)
    function = FUNCTIONS.find(name)
    if function is None:
        return _unknown_function(node, name, scope, findings)
    return _function_call(node, function, scope, findings, expected)


_OF_ALL_ROWS = {
    "determines": "write `keyed(clinic, ...)` after `~`: one draw for each value of `clinic`",
} | dict.fromkeys(
    ("unique", "distinct", "all_distinct", "all_different", "is_unique"),
    "draw without repetition: `a: int ~ unique(discrete_uniform(low, high))`; for a pair, "
    "split such a number with `div` and `mod`",
)
"""What conditions by these names would ask of a whole table, and what to type instead."""


def _unknown_function(node: tree.Call, name: str, scope: Scope, findings: Findings) -> Expr:
    of_fields = [isinstance(unscoped(a.value), tree.Path) for a in node.arguments]
    if name in _OF_ALL_ROWS and of_fields and all(of_fields) and name not in scope.file.dists:
        findings.report(
            "bad-rule",
            node.span,
            f"`{name}` is no condition on one row: what holds between rows comes from how they "
            "are drawn",
            (name != "determines" and differing_rows(node, scope)) or _OF_ALL_ROWS[name],
        )
        return unknown(node.span)
    of_rows = call_on_rows(node, name, scope)
    if of_rows is not None:
        findings.report("bad-arguments", node.span, *of_rows)
        return unknown(node.span)
    if DISTRIBUTIONS.get(name) or PROVIDERS.get(name) or name in scope.file.dists:
        findings.report(
            "misplaced-draw",
            node.span,
            f"`{name}` is a draw; a value is needed here",
            f"draw it first: `let x ~ {name}(...)`, then use `x`",
        )
        return unknown(node.span)
    if name in scope.file.broken:
        return unknown(node.span)
    near = FUNCTIONS.near(name)
    findings.report(
        "unknown-function",
        node.function.span,
        f"there is no function `{name}`",
        f"did you mean `{near[0]}`?" if near else scope.advice(name),
    )
    return unknown(node.span)


def _z_score(node: tree.Call, scope: Scope, findings: Findings) -> Expr:
    argument = node.arguments[0].value if len(node.arguments) == 1 else None
    if not isinstance(argument, tree.Path) or len(argument.names) != 1:
        findings.report(
            "bad-arguments", node.span, "`z` takes the name of one drawn field", "write `z(income)`"
        )
        return unknown(node.span)
    name = argument.names[0]
    type_ = None if scope.row_variable is not None else scope.field_type(name)
    if type_ is None:
        findings.report(
            "unknown-name", argument.span, f"`{name}` is not a field here", scope.advice(name)
        )
        return unknown(node.span)
    if type_.is_unknown:
        return unknown(node.span)
    if not type_.is_quantity:
        findings.report(
            "type-mismatch", argument.span, f"`z` needs a numeric field, found {named(type_)}"
        )
        return unknown(node.span)
    return ZScore(FLOAT.nullable(type_.is_nullable), node.span, name)


def _function_call(
    node: tree.Call, function: Function, scope: Scope, findings: Findings, expected: Type | None
) -> Expr:
    bound = bind(
        node,
        function.parameter_names,
        findings,
        optional=function.optional,
        is_variadic=function.is_variadic,
    )
    if bound is None:
        return unknown(node.span)
    given = [b for b in bound if b is not None]
    hint = expected if getattr(function, "same_unit", False) else None
    values = [value_of(argument, scope, findings, hint) for argument in given]
    if any(value.type.is_unknown for value in values):
        return unknown(node.span)
    if getattr(function, "same_unit", False):
        unified, type_ = unify(values, findings)
        if type_.is_unknown:
            return unknown(node.span)
        values = list(unified)
    return apply_function(function, values, node.span, findings)


def apply_function(function: Function, values: list[Expr], span: Span, findings: Findings) -> Expr:
    """A typed call of `function`; reports misuse."""
    if function.plain_arguments:
        values = [_plain(v) for v in values]
    if function.reads_local_time:
        values = [
            LocalTime(replace(v.type, zone=None), v.span, v) if v.type.zone else v for v in values
        ]
    arguments = as_arguments(values)
    result = function.infer(*arguments)
    if isinstance(result, Misuse):
        blamed = (
            span
            if result.argument is None or result.argument >= len(values)
            else values[result.argument].span
        )
        findings.report("bad-arguments", blamed, result.message, result.help)
        return unknown(span)
    if function.is_strict:
        # where it has no value (log of 0, outside the buckets) it is null all the same; whether
        # the field may hold that is checked while drawing, as for a division by zero
        result = result.nullable(any(v.type.is_nullable for v in values))
    return fold(Apply(result, span, function.bind(*arguments), tuple(values)))


def _plain(value: Expr) -> Expr:
    """A dimensionless quantity such as one in `%` as a plain number; others as they are."""
    unit = value.type.unit
    if value.type.is_number and isinstance(unit, Unit) and unit != ONE and is_compatible(unit, ONE):
        return convert(value, FLOAT, ratio(unit, ONE))
    return value


def _python_call(node: tree.Call, name: str, scope: Scope, findings: Findings) -> Expr:
    module, signature = scope.file.functions[name]
    scope.file.use(name)
    if not scope.allows_python:
        findings.report(
            "python-disallowed",
            node.span,
            f'`{name}` runs Python code from "{module}"',
            "allow it with --allow-python if you trust this spec",
        )
        return unknown(node.span)
    types = [resolve_type(t, scope.file, findings) for t in signature.parameters]
    result = resolve_type(signature.result, scope.file, findings)
    bound = bind(node, [f"argument {i + 1}" for i in range(len(types))], findings)
    if bound is None or any(t.is_unknown for t in types) or result.is_unknown:
        return unknown(node.span)
    values = [
        value_of(b, scope, findings, t) for b, t in zip(bound, types, strict=True) if b is not None
    ]
    coerced = [coerce(v, t, findings, "an argument") for v, t in zip(values, types, strict=True)]
    if any(v.type.is_unknown for v in coerced):
        return unknown(node.span)
    return PythonCall(result, node.span, module, name, tuple(coerced), tuple(types))
