"""Draws from providers and from lookups."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from synthdsl.functions.base import Misuse
from synthdsl.language import tree
from synthdsl.model.arguments import bind, value_of
from synthdsl.model.draws import DrawNode, LookupDraw, ProviderDraw, UnknownDraw
from synthdsl.model.expressions import Constant, Expr, as_arguments
from synthdsl.model.findings import Findings
from synthdsl.model.scope import Scope
from synthdsl.providers.base import Provider, ProviderParameter
from synthdsl.source import Span
from synthdsl.values.types import BOOL, FLOAT, FREE_FLOAT, FREE_INT, NULL, TEXT, UNKNOWN, Kind, Type


def type_provider(
    node: tree.Call, provider: Provider, type: Type, scope: Scope, findings: Findings
) -> DrawNode:
    """The draw from `provider` that a call is, for a field of `type`."""
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
    _warn_real(provider, values, findings)
    return ProviderDraw(node.span, provider, tuple(values))


def _provider_arguments(
    node: tree.Call, provider: Provider, scope: Scope, findings: Findings
) -> list[Expr] | None:
    names = [p.name for p in provider.parameters]
    optional = sum(p.default is not ... for p in provider.parameters)
    bound = bind(node, names, findings, optional=optional)
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
        values.append(_in_folder(value, parameter, scope))
    return values


def _in_folder(value: Expr, parameter: ProviderParameter, scope: Scope) -> Expr:
    """A constant that names a file as a path from the folder of the spec."""
    if parameter.is_path is None or not isinstance(value, Constant) or not value.type.is_text:
        return value
    if value.value is None or not parameter.is_path(value.value):
        return value
    return replace(value, value=os.path.join(scope.file.folder, value.value))


def _default(value: Any, span: Span) -> Constant:
    for kind, type_ in ((bool, BOOL), (int, FREE_INT), (float, FREE_FLOAT), (str, TEXT)):
        if isinstance(value, kind):
            return Constant(type_, span, value)
    if isinstance(value, list | tuple):
        return Constant(Type(Kind.LIST, element=FLOAT), span, list(value))
    return Constant(NULL, span, None)


def provider_type(node: tree.Call, provider: Provider, scope: Scope, findings: Findings) -> Type:
    """What `provider` draws when called so; unknown after a report."""
    values = _provider_arguments(node, provider, scope, findings)
    if values is None:
        return UNKNOWN
    result = provider.infer(*as_arguments(values))
    return UNKNOWN if isinstance(result, Misuse) else result


def _warn_real(provider: Provider, values: Sequence[Expr], findings: Findings) -> None:
    """Warn of identifiers drawn from everything that is in use."""
    for parameter, value in zip(provider.parameters, values, strict=False):
        if parameter.name == "style" and isinstance(value, Constant) and value.value == "valid":
            findings.report(
                "real-identifier",
                value.span,
                f"`{provider.name}` may draw an identifier that belongs to somebody",
                'remove `style: "valid"`: the numbers then look right and belong to nobody',
            )


def type_lookup(
    node: tree.Index, name: str, type: Type, scope: Scope, findings: Findings
) -> DrawNode:
    """The draw from the weighted lookup `name`, for a field of `type`."""
    lookup = scope.file.lookups.get(name)
    if lookup is None:
        if name not in scope.file.broken:
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
