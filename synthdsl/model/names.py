"""What names, their parts and elements, and lookups by key stand for in an expression."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches

from synthdsl.distributions.base import DISTRIBUTIONS
from synthdsl.functions.base import FUNCTIONS
from synthdsl.language import tree
from synthdsl.model.expressions import (
    Constant,
    Expr,
    FieldRef,
    LookupValue,
    Outer,
    Part,
    RowIndex,
    Unknown,
)
from synthdsl.model.findings import Findings
from synthdsl.model.inference import infer
from synthdsl.model.quantities import named, unknown
from synthdsl.model.relation_advice import advice_on_rows, row_named
from synthdsl.model.scope import Scope
from synthdsl.providers.base import PROVIDERS
from synthdsl.values.types import INT, TEXT, EnumType, Kind, Type


def outward(expression: Expr) -> Expr:
    """A value of the row outside of an aggregate, inside of it."""
    if isinstance(expression, Constant | Unknown):
        return expression
    return Outer(expression.type, expression.span, expression)


def infer_path(node: tree.Path, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    """The field, part, parameter or enum member that a path names."""
    asked = scope
    if scope.row_variable is not None:
        if node.names[0] == scope.row_variable and len(node.names) > 1:
            inner = replace(scope, row_variable=None, outer=None)
            return infer_path(tree.Path(node.span, node.names[1:]), inner, findings, expected)
        if scope.outer is not None and node.names[0] != scope.row_variable:
            if _is_only_inside(node, scope, scope.outer):
                return _unknown_name(node, asked, None, findings)
            return outward(infer_path(node, scope.outer, findings, expected))
        scope = Scope(scope.file, allows_python=scope.allows_python)
    if scope.relations is not None:
        elsewhere: Expr | None = scope.relations.value(node, scope, findings, expected)
        if elsewhere is not None:
            return elsewhere
    if len(node.names) == 1:
        return _name(node, node.names[0], scope, findings, expected, asked)
    head, tail = node.names[0], node.names[1:]
    if head in scope.file.enums and len(tail) == 1:
        scope.file.use(head)
        return _member(node, tail[0], scope.file.enums[head].type, findings)
    type_ = scope.field_type(head)
    if type_ is not None and len(tail) == 1:
        return _part(node, head, tail[0], type_, findings)
    if head not in scope.file.broken:
        help_ = advice_on_rows(node, asked) or scope.advice(head)
        findings.report("unknown-name", node.span, f"`{head}` is no field or enum here", help_)
    return unknown(node.span)


def _is_only_inside(node: tree.Path, scope: Scope, outer: Scope) -> bool:
    """Whether a single name is a field of the rows of an aggregate, and nothing outside of it."""
    if len(node.names) != 1 or scope.field_type(node.names[0]) is None:
        return False
    name, file = node.names[0], scope.file
    is_known = name in file.params or bool(file.owners(name)) or name in file.broken
    return not is_known and outer.outer is None and outer.field_type(name) is None


def _unknown_name(node: tree.Path, asked: Scope, expected: Type | None, findings: Findings) -> Expr:
    name = node.names[0]
    row = row_named(node, asked)
    if row is not None:
        table, help_ = row
        message = f"`{node.span.text}` is a row of `{table}`, not a value"
        findings.report("wrong-use", node.span, message, help_)
    else:
        advice = advice_on_rows(node, asked) or _unknown_advice(name, asked, expected)
        findings.report("unknown-name", node.span, f"`{name}` is not declared", advice)
    return unknown(node.span)


def _part(node: tree.Path, name: str, part: str, type: Type, findings: Findings) -> Expr:
    if type.is_unknown:
        return unknown(node.span)
    for known, part_type in type.parts:
        if known == part:
            return Part(
                part_type.nullable(part_type.is_nullable or type.is_nullable), node.span, name, part
            )
    if type.kind is not Kind.RECORD:
        findings.report(
            "unknown-part",
            node.span,
            f"`{name}` is {named(type)}, which has no part `{part}`",
            f"use `{name}` itself"
            if type.kind is not Kind.LIST
            else f"elements are `{name}[0]`, `{name}[1]`, ...",
        )
    else:
        parts = ", ".join(known for known, _ in type.parts)
        findings.report(
            "unknown-part", node.span, f"`{name}` has no part `{part}`", f"its parts are {parts}"
        )
    return unknown(node.span)


def _name(
    node: tree.Path,
    name: str,
    scope: Scope,
    findings: Findings,
    expected: Type | None,
    asked: Scope,
) -> Expr:
    type_ = scope.field_type(name)
    is_member = expected is not None and expected.enum is not None and name in expected.enum.members
    if is_member and (type_ is not None or name in scope.file.params):
        assert expected is not None and expected.enum is not None
        findings.report(
            "ambiguous-name",
            node.span,
            f"`{name}` is both a {'field' if type_ else 'parameter'} "
            f"and a member of {expected.enum.name}",
            f"write `{expected.enum.name}.{name}` for the member",
        )
        return unknown(node.span)
    if is_member:
        assert expected is not None and expected.enum is not None
        scope.file.use(expected.enum.name)
        return Constant(expected.nullable(False), node.span, name)
    if type_ is not None:
        return unknown(node.span) if type_.is_unknown else FieldRef(type_, node.span, name)
    if name in scope.file.params:
        scope.file.use(name)
        constant = scope.file.params[name]
        return (
            unknown(node.span)
            if constant.type.is_unknown
            else Constant(constant.type, node.span, constant.value)
        )
    if name == "index" and scope.has_row:
        return RowIndex(INT, node.span)
    return _bare_member(node, name, scope, findings, expected, asked)


def _bare_member(
    node: tree.Path,
    name: str,
    scope: Scope,
    findings: Findings,
    expected: Type | None,
    asked: Scope,
) -> Expr:
    """An enum member without a type to expect: fine where only one enum has it."""
    if expected is not None and expected.enum is not None:
        if report_wrong_use(node, name, scope, findings):
            return unknown(node.span)
        return _member(node, name, expected.enum, findings)
    owners = scope.file.owners(name)
    if len(owners) == 1:
        scope.file.use(owners[0].name)
        return Constant(Type(Kind.ENUM, enum=owners[0]), node.span, name)
    if owners:
        names = " or ".join(f"`{owner.name}.{name}`" for owner in owners)
        findings.report(
            "ambiguous-name", node.span, f"`{name}` is a member of several enums", f"write {names}"
        )
        return unknown(node.span)
    if name in scope.file.broken or report_wrong_use(node, name, scope, findings):
        return unknown(node.span)
    return _unknown_name(node, asked, expected, findings)


def report_wrong_use(
    node: tree.Expression, name: str, scope: Scope, findings: Findings, *, wanted: str = "value"
) -> bool:
    """Report that `name` is something else than the `wanted`; False if it is nothing at all."""
    file = scope.file
    help_: str | None
    if name in file.enums:
        what, help_ = "an enum", f"name a member: `{name}.{file.enums[name].type.members[0]}`"
    elif name in file.lookups:
        keys = ", ".join(file.lookups[name].keys)
        what, help_ = "a lookup", f"give its keys: `{name}[{keys}]`" if keys else None
    elif name in file.dists or DISTRIBUTIONS.get(name) or PROVIDERS.get(name):
        what, help_ = "a draw", f"draw a field from it: `x: float ~ {name}(...)`, then use `x`"
    elif name in file.groups:
        what, help_ = "a field group", f"write `use {name}` on a line of its own"
    elif name in file.functions or FUNCTIONS.get(name):
        what, help_ = "a function", f"call it: `{name}(...)`"
    else:
        return False
    findings.report("wrong-use", node.span, f"`{name}` is {what}, not a {wanted}", help_)
    return True


def _unknown_advice(name: str, scope: Scope, expected: Type | None) -> str | None:
    advice = scope.advice(name)
    if advice is None and expected is not None and expected.is_text:
        return f'text stands in quotes: "{name}"'
    return advice


def _member(node: tree.Expression, name: str, enum: object, findings: Findings) -> Expr:
    assert isinstance(enum, EnumType)
    if name in enum.members:
        return Constant(Type(Kind.ENUM, enum=enum), node.span, name)
    close = get_close_matches(name, enum.members, n=1, cutoff=0.6)
    listed = ", ".join(enum.members[:12])
    findings.report(
        "unknown-member",
        node.span,
        f"`{name}` is not a member of {enum.name}",
        f"did you mean `{close[0]}`?" if close else f"its members are {listed}",
    )
    return unknown(node.span)


def infer_index(node: tree.Index, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    """An element of a list field, or the value of a plain lookup."""
    name = node.base.text
    type_ = scope.field_type(name)
    if type_ is not None:
        return _element(node, name, type_, scope, findings)
    lookup = scope.file.lookups.get(name)
    if lookup is None:
        if name not in scope.file.broken:
            help_ = scope.advice(name)
            if help_ is not None and f"`{name}`" in help_:  # a member: `where kind == a [2]`
                help_ = "behind a table the number of rows stands before `where`: `[2] where ...`"
            findings.report("unknown-name", node.base.span, f"`{name}` is no lookup or list", help_)
        return unknown(node.span)
    scope.file.use(name)
    keys = lookup.type_keys(node, scope, findings)
    if keys is None:
        return unknown(node.span)
    if lookup.weight is not None:
        findings.report(
            "misplaced-draw",
            node.span,
            f"lookup `{name}` is weighted: it is a draw",
            f"write `~ {node.span.text[:40]}`",
        )
        return unknown(node.span)
    column = lookup.single_value(node, findings)
    if column is None:
        return unknown(node.span)
    type_ = TEXT if expected is None else expected.nullable(False)
    return LookupValue(type_.nullable(), node.span, lookup, keys, column)


def _element(node: tree.Index, name: str, type: Type, scope: Scope, findings: Findings) -> Expr:
    if type.is_unknown:
        return unknown(node.span)
    item = infer(node.items[0], scope, findings)
    if type.kind is not Kind.LIST or len(node.items) != 1 or type.element is None:
        findings.report("type-mismatch", node.span, f"`{name}` is {named(type)}, not a list", None)
        return unknown(node.span)
    if not isinstance(item, Constant) or not isinstance(item.value, int):
        findings.report(
            "not-constant",
            node.items[0].span,
            "an element's number is a constant",
            f"write `{name}[0]`",
        )
        return unknown(node.span)
    if not 0 <= item.value < (type.precision or 2**31):
        findings.report(
            "unknown-part",
            node.span,
            f"`{name}` has elements 0 to {type.precision - 1}, not {item.value}",
        )
        return unknown(node.span)
    return Part(type.element.nullable(type.is_nullable), node.span, name, item.value)
