"""Parameters: their defaults, and the values typed in place of them."""

from __future__ import annotations

from synthdsl.language import tree
from synthdsl.language.parse import parse
from synthdsl.model.coercion import coerce
from synthdsl.model.expressions import Constant, Expr
from synthdsl.model.findings import Findings
from synthdsl.model.inference import condition_of, infer
from synthdsl.model.scope import Scope
from synthdsl.model.type_names import resolve_type
from synthdsl.source import Source, Span
from synthdsl.values.types import UNKNOWN, Kind, Type


def declare_parameter(
    node: tree.Param, scope: Scope, overrides: dict[str, str], findings: Findings
) -> None:
    """Add the parameter that `node` declares to the file of `scope`, with the value in force.

    `overrides` are values by name, as typed; after a report the type is unknown.
    """
    name = node.name.text
    type_ = resolve_type(node.type, scope.file, findings)
    default = coerce(
        infer(node.default, scope, findings, type_), type_, findings, f"parameter `{name}`"
    )
    value: Expr = default
    if name in overrides:
        value = _override(name, overrides[name], type_, scope, findings)
    if not value.type.is_unknown and not isinstance(value, Constant):
        findings.report("not-constant", node.default.span, f"parameter `{name}` is not constant")
    if not isinstance(value, Constant):
        scope.file.params[name] = Constant(UNKNOWN, node.span, None)
        return
    scope.file.params[name] = Constant(type_, node.span, value.value)
    _check_condition(node, scope, value, findings)


def _override(name: str, text: str, type: Type, scope: Scope, findings: Findings) -> Expr:
    """A parameter's value as typed on the command line."""
    source = Source(f"--set {name}", text)
    whole = Span(source, 0, len(text))
    if type.kind is Kind.TEXT:
        return Constant(type, whole, text)
    if type.is_nullable and text == "null":
        return Constant(type, whole, None)
    statement = Source(f"--set {name}", f"param _: int = {text}\n")
    parsed, found = parse(statement)
    nodes = [s for s in parsed.file.statements if isinstance(s, tree.Param)]
    if found or len(nodes) != 1 or len(parsed.file.statements) != 1:
        findings.report(
            "type-mismatch",
            whole,
            f'parameter `{name}` is `{type}`, found "{text[:60]}"',
            f"give a `{type}`",
        )
        return Constant(UNKNOWN, whole, None)
    return coerce(
        infer(nodes[0].default, scope, findings, type),
        type,
        findings,
        f"parameter `{name}`",
    )


def _check_condition(node: tree.Param, scope: Scope, value: Constant, findings: Findings) -> None:
    if node.condition is None:
        return
    quiet = Findings()
    condition = condition_of(node.condition, scope, quiet)
    for diagnostic in quiet.diagnostics:
        if diagnostic.code != "constant-condition":
            findings.diagnostics.append(diagnostic)
    # as `when` and `where` everywhere: it must be true, and null is not
    if isinstance(condition, Constant) and condition.value is not True:
        shown = (
            value.span.text
            if value.span.source.name.startswith("--set")
            else node.default.span.text
        )
        shown = shown.removeprefix("param _: int = ").strip()
        findings.report(
            "param-range",
            node.condition.span,
            f"parameter `{node.name.text}` is {shown}, which breaks this condition",
            f"give a value with {node.condition.span.text}",
        )
