"""Expressions of the tree to typed expressions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass, replace
from typing import Any

from synthdsl.diagnostics import Label
from synthdsl.functions.base import FUNCTIONS, Argument, Function, Misuse
from synthdsl.language import tree
from synthdsl.model import operators
from synthdsl.model.expansion import COST_OF_ARGUMENT
from synthdsl.model.expressions import (
    Aggregate,
    Apply,
    Choose,
    Constant,
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
    Unknown,
    ZScore,
)
from synthdsl.model.findings import Findings
from synthdsl.model.folding import fold
from synthdsl.model.literals import literal
from synthdsl.model.operators import named, unknown
from synthdsl.model.scope import Scope, Scoped
from synthdsl.source import Span
from synthdsl.values.types import BOOL, FLOAT, INT, ORDERED, UNKNOWN, Kind, Type
from synthdsl.values.units import ONE, Unit, is_compatible, ratio

AGGREGATES = frozenset(["any", "all", "none", "count", "sum", "mean", "min", "max"])
ROW_WORDS = frozenset({"prev", "first"})


def infer(
    node: tree.Expression, scope: Scope, findings: Findings, expected: Type | None = None
) -> Expr:
    """The typed expression that `node` is.

    `expected` helps to resolve the names of enum members; it does not convert. A mistake is
    reported once and gives `Unknown`.
    """
    constant = literal(node, findings)
    if constant is not None:
        return constant
    if isinstance(node, Scoped):
        cost = COST_OF_ARGUMENT + node.span.end - node.span.start
        if not scope.file.expansion.take(cost, node.span, findings):
            return unknown(node.span)
        return infer(node.node, node.scope, findings, expected)
    if isinstance(node, tree.Broken):
        return unknown(node.span)
    result: Expr = _HANDLERS[type(node)](node, scope, findings, expected)
    return result


def _path(node: tree.Path, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    if scope.row_variable is not None:
        if node.names[0] == scope.row_variable and len(node.names) > 1:
            inner = replace(scope, row_variable=None)
            return _path(tree.Path(node.span, node.names[1:]), inner, findings, expected)
        scope = Scope(scope.file, allows_python=scope.allows_python)
    if len(node.names) == 1:
        return _name(node, node.names[0], scope, findings, expected)
    head, tail = node.names[0], node.names[1:]
    if head in scope.file.enums and len(tail) == 1:
        scope.file.use(head)
        return _member(node, tail[0], scope.file.enums[head].type, findings)
    type_ = scope.field_type(head)
    if type_ is not None and len(tail) == 1:
        return _part(node, head, tail[0], type_, findings)
    if head in ROW_WORDS:
        findings.report(
            "not-yet", node.span, f"`{node.text}` reads another row: not in this release"
        )
        return unknown(node.span)
    if head not in scope.file.broken:
        findings.report(
            "unknown-name", node.span, f"`{head}` is no field or enum here", scope.advice(head)
        )
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
    node: tree.Path, name: str, scope: Scope, findings: Findings, expected: Type | None
) -> Expr:
    type_ = scope.field_type(name)
    is_member = expected is not None and expected.enum is not None and name in expected.enum.members
    if is_member and (type_ is not None or name in scope.file.params):
        assert expected is not None and expected.enum is not None
        findings.report(
            "ambiguous-name",
            node.span,
            f"`{name}` is both a {'field' if type_ else 'parameter'} and a member of {expected.enum.name}",
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
    return _bare_member(node, name, scope, findings, expected)


def _bare_member(
    node: tree.Path, name: str, scope: Scope, findings: Findings, expected: Type | None
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
    findings.report(
        "unknown-name",
        node.span,
        f"`{name}` is not declared",
        _unknown_advice(name, scope, expected),
    )
    return unknown(node.span)


def report_wrong_use(
    node: tree.Expression, name: str, scope: Scope, findings: Findings, *, wanted: str = "value"
) -> bool:
    """Report that `name` is something else than the `wanted`; False if it is nothing at all."""
    from synthdsl.distributions.base import DISTRIBUTIONS
    from synthdsl.providers.base import PROVIDERS

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
    if name in ROW_WORDS:
        return "rows before or after are not in this release"
    return advice


def _member(node: tree.Expression, name: str, enum: object, findings: Findings) -> Expr:
    from difflib import get_close_matches

    from synthdsl.values.types import EnumType

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


def _items(node: tree.Items, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    element = None if expected is None else expected.element
    items = [infer(item, scope, findings, element) for item in node.items]
    if any(isinstance(item, Unknown) for item in items):
        return unknown(node.span)
    if all(item.type.kind is Kind.LIST for item in items):
        return fold(ListOf(Type(Kind.LIST, element=items[0].type), node.span, tuple(items)))
    unified, type_ = operators.unify(items, findings)
    if type_.is_unknown:
        return unknown(node.span)
    return fold(ListOf(Type(Kind.LIST, element=type_), node.span, unified))


def _when(node: tree.When, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    conditions = [condition_of(c, scope, findings) for c, _ in node.branches]
    warn_unreachable([c for c, _ in node.branches], findings)
    nodes = [value for _, value in node.branches] + [node.otherwise]
    values = [infer(value, scope, findings, expected) for value in nodes]
    if any(c.type.is_unknown for c in conditions) or any(v.type.is_unknown for v in values):
        return unknown(node.span)
    unified, type_ = operators.unify(values, findings)
    if type_.is_unknown:
        return unknown(node.span)
    branches = tuple(zip(conditions, unified[:-1], strict=True))
    return fold(Choose(type_, node.span, branches, unified[-1]))


def condition_of(node: tree.Expression, scope: Scope, findings: Findings) -> Expr:
    """A typed condition; reports what is not true or false."""
    condition = infer(node, scope, findings, BOOL)
    if not operators.require_boolean(condition, findings, "a condition is true or false"):
        return unknown(node.span)
    if (
        isinstance(condition, Constant)
        and not isinstance(node, tree.Truth)
        and not _may_vary(node, scope)
    ):
        word = {True: "always true", False: "always false", None: "always null"}[condition.value]
        findings.report(
            "constant-condition",
            node.span,
            f"this condition is {word}",
            "remove it, or read a field",
        )
    return condition


def _may_vary(node: object, scope: Scope) -> bool:
    """Whether `node` reads a parameter of the spec or of a definition: constant only here."""
    if scope.opened or isinstance(node, Scoped):
        return True
    if isinstance(node, tree.Path):
        return node.names[0] in scope.file.params
    if isinstance(node, tuple):
        return any(_may_vary(item, scope) for item in node)
    if isinstance(node, Span) or not is_dataclass(node):
        return False
    return any(_may_vary(getattr(node, f.name), scope) for f in dataclass_fields(node))


def warn_unreachable(conditions: Sequence[tree.Expression], findings: Findings) -> None:
    """Warn of branches that no row can reach: after `true`, or whose condition stood before."""
    before: dict[tree.Expression, Span] = {}
    for condition in conditions:
        if condition in before:
            findings.report(
                "unreachable-branch",
                condition.span,
                "no row reaches this branch: its condition stands above",
                "remove the branch, or change its condition",
                labels=(Label(before[condition], "first here"),),
            )
        elif tree.Truth(condition.span, True) in before:
            findings.report(
                "unreachable-branch",
                condition.span,
                "no row reaches this branch: the one above takes all",
                "remove it, or move it up",
            )
        before.setdefault(condition, condition.span)


def _unary(node: tree.Unary, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    operand = infer(node.operand, scope, findings, expected)
    if node.operator == "-":
        return operators.negative(operand, node.span, findings)
    return operators.logic("not", [operand], node.span, findings)


def _binary(node: tree.Binary, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    left = infer(node.left, scope, findings)
    right = infer(node.right, scope, findings)
    if node.operator in ("->", "<->"):
        return operators.logic(node.operator, [left, right], node.span, findings)
    return operators.arithmetic(node.operator, left, right, node.span, findings)


def _logic(node: tree.Logic, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    items = [infer(item, scope, findings, BOOL) for item in node.items]
    return operators.logic(node.operator, items, node.span, findings)


def _sides(nodes: Sequence[tree.Expression], scope: Scope, findings: Findings) -> list[Expr]:
    """Operands of a comparison: bare names that may be enum members take the others' type."""
    typed: dict[int, Expr] = {
        i: infer(node, scope, findings)
        for i, node in enumerate(nodes)
        if not _may_be_member(node, scope)
    }
    expected = next((e.type for e in typed.values() if e.type.enum is not None), None)
    if expected is None:
        expected = next((e.type for e in typed.values() if not e.type.is_unknown), None)
    return [
        typed[i] if i in typed else infer(node, scope, findings, expected)
        for i, node in enumerate(nodes)
    ]


def _may_be_member(node: tree.Expression, scope: Scope) -> bool:
    if isinstance(node, Scoped):
        return _may_be_member(node.node, node.scope)
    return (
        isinstance(node, tree.Path)
        and len(node.names) == 1
        and (
            bool(scope.file.owners(node.names[0]))
            or (scope.field_type(node.names[0]) is None and node.names[0] not in scope.file.params)
        )
    )


def _chain(node: tree.Chain, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    operands = _sides(node.operands, scope, findings)
    parts = []
    for i, operator in enumerate(node.operators):
        span = node.span if len(node.operators) == 1 else operands[i].span.to(operands[i + 1].span)
        parts.append(operators.comparison(operator, operands[i], operands[i + 1], span, findings))
    if len(parts) == 1:
        return parts[0]
    return operators.logic("and", parts, node.span, findings)


def _within(node: tree.Within, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    container = node.container
    if isinstance(container, tree.Interval):
        value, low, high = _sides([node.value, container.low, container.high], scope, findings)
        result = operators.logic(
            "and",
            [
                operators.comparison(">=", value, low, node.span, findings),
                operators.comparison("<=", value, high, node.span, findings),
            ],
            node.span,
            findings,
        )
    elif isinstance(container, tree.Members):
        result = _in_members(node, container, scope, findings)
    else:
        findings.report(
            "not-yet",
            container.span,
            "membership in a named set is not in this release",
            "list the members: `x in {a, b}`",
        )
        return unknown(node.span)
    if node.is_negated:
        return operators.logic("not", [result], node.span, findings)
    return result


def _in_members(
    node: tree.Within, container: tree.Members, scope: Scope, findings: Findings
) -> Expr:
    value, *items = _sides([node.value, *container.items], scope, findings)
    if value.type.is_unknown or any(item.type.is_unknown for item in items):
        return unknown(node.span)
    tests = [operators.comparison("==", value, item, item.span, findings) for item in items]
    if any(test.type.is_unknown for test in tests):
        return unknown(node.span)
    constants = [_right_constant(test) for test in tests]
    if value.type.is_quantity or not all(isinstance(c, Constant) for c in constants):
        return operators.logic("or", tests, node.span, findings) if len(tests) > 1 else tests[0]
    values = tuple(c.value for c in constants if isinstance(c, Constant))
    return fold(InSet(BOOL.nullable(value.type.is_nullable), node.span, value, values))


def _right_constant(test: Expr) -> Expr:
    return test.operands[1] if isinstance(test, Operation) else test


def _is_null(node: tree.IsNull, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    value = infer(node.value, scope, findings)
    if value.type.is_unknown:
        return unknown(node.span)
    operator = "is-not-null" if node.is_negated else "is-null"
    return fold(Operation(BOOL, node.span, operator, (value,)))


def _call(node: tree.Call, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    name = node.function.text
    has_comprehension = any(isinstance(a.value, tree.Comprehension) for a in node.arguments)
    if name in AGGREGATES and has_comprehension and len(node.arguments) == 1:
        comprehension = node.arguments[0].value
        assert isinstance(comprehension, tree.Comprehension)
        row_scope = scope.row_scope(comprehension.source.text)
        if row_scope is not None:
            return _aggregate(node, name, comprehension, row_scope, findings)
    if name in AGGREGATES and has_comprehension:
        findings.report(
            "not-yet", node.span, "aggregates over related rows are not in this release"
        )
        return unknown(node.span)
    if name == "z":
        return _z_score(node, scope, findings)
    if name in scope.file.functions:
        return _python_call(node, name, scope, findings)
    function = FUNCTIONS.find(name)
    if function is None:
        return _unknown_function(node, name, scope, findings)
    return _function_call(node, function, scope, findings, expected)


def _aggregate(
    node: tree.Call,
    name: str,
    comprehension: tree.Comprehension,
    rows: Scope,
    findings: Findings,
) -> Expr:
    """An aggregate over the rows of a table."""
    scope = replace(rows, row_variable=comprehension.variable)
    condition = None
    if comprehension.condition is not None:
        condition = condition_of(comprehension.condition, scope, findings)
    body = comprehension.value
    is_row = isinstance(body, tree.Path) and body.names == (comprehension.variable,)
    if name == "count" and is_row:
        value, type_ = None, INT
    else:
        value = infer(body, scope, findings)
        type_ = _aggregate_type(name, value, findings)
    if type_.is_unknown or (condition is not None and condition.type.is_unknown):
        return unknown(node.span)
    return Aggregate(type_, node.span, name, comprehension.source.text, value, condition)


def _aggregate_type(name: str, value: Expr, findings: Findings) -> Type:
    """The type of an aggregate of `value`; unknown after a report."""
    type_ = value.type
    if type_.is_unknown:
        return type_
    if name in ("any", "all", "none"):
        is_fine = operators.require_boolean(value, findings, f"`{name}` needs conditions")
        return BOOL if is_fine else UNKNOWN
    if name == "count":
        return INT
    if name == "mean" and type_.kind is Kind.BOOL:
        return FLOAT.nullable()
    fits = type_.is_quantity if name in ("mean", "sum") else type_.kind in ORDERED
    if not fits:
        findings.report(
            "type-mismatch", value.span, f"`{name}` needs numbers, found {named(type_)}"
        )
        return UNKNOWN
    if name in ("min", "max"):
        return type_.nullable()
    if type_.kind is Kind.DURATION:
        return type_.nullable(name == "mean")
    return FLOAT.with_unit(type_.unit).nullable(name == "mean")


def _unknown_function(node: tree.Call, name: str, scope: Scope, findings: Findings) -> Expr:
    from synthdsl.distributions.base import DISTRIBUTIONS
    from synthdsl.providers.base import PROVIDERS

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
    type_ = scope.field_type(name)
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


def bind(
    node: tree.Call,
    names: Sequence[str],
    findings: Findings,
    *,
    optional: int = 0,
    is_variadic: bool = False,
    what: str = "function",
) -> list[tree.Argument | None] | None:
    """The arguments of a call in the order of `names`; None after a report.

    An optional argument that is left out is None. Variadic arguments follow in order.
    """
    bound: list[tree.Argument | None] = [None] * len(names)
    extra: list[tree.Argument | None] = []
    title = f"`{node.function.text}`"
    for position, argument in enumerate(node.arguments):
        if argument.name is not None:
            if argument.name not in names:
                findings.report(
                    "bad-arguments",
                    argument.span,
                    f"{title} has no argument `{argument.name}`",
                    f"it takes {', '.join(names)}" if names else "it takes none",
                )
                return None
            slot = names.index(argument.name)
        elif position < len(names):
            slot = position
        elif is_variadic:
            extra.append(argument)
            continue
        else:
            findings.report(
                "bad-arguments",
                argument.span,
                f"{title} takes at most {len(names)} argument{'s' * (len(names) != 1)}, found {len(node.arguments)}",
                f"it takes {', '.join(names)}" if names else "remove it",
            )
            return None
        if bound[slot] is not None:
            findings.report(
                "bad-arguments",
                argument.span,
                f"argument `{names[slot]}` is given twice",
                "keep one",
            )
            return None
        bound[slot] = argument
    required = len(names) - optional
    missing = [names[i] for i in range(required) if bound[i] is None]
    if missing:
        findings.report(
            "bad-arguments",
            node.span,
            f"{title} lacks {', '.join(f'`{m}`' for m in missing)}",
            f"it takes {', '.join(names)}",
        )
        return None
    return bound + extra


def value_of(
    argument: tree.Argument, scope: Scope, findings: Findings, expected: Type | None = None
) -> Expr:
    """The typed value of an argument that must be an expression."""
    if isinstance(argument.value, tree.Weights):
        findings.report(
            "misplaced-draw", argument.span, "weights are a draw; a value is needed here"
        )
        return unknown(argument.span)
    if isinstance(argument.value, tree.Comprehension):
        findings.report(
            "not-yet", argument.span, "aggregates over related rows are not in this release"
        )
        return unknown(argument.span)
    return infer(argument.value, scope, findings, expected)


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
        unified, type_ = operators.unify(values, findings)
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
    arguments = [
        Argument(v.type, isinstance(v, Constant), v.value if isinstance(v, Constant) else None)
        for v in values
    ]
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
        return operators.convert(value, FLOAT, ratio(unit, ONE))
    return value


def _python_call(node: tree.Call, name: str, scope: Scope, findings: Findings) -> Expr:
    from synthdsl.model.type_names import resolve_type

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


def _index(node: tree.Index, scope: Scope, findings: Findings, expected: Type | None) -> Expr:
    name = node.base.text
    type_ = scope.field_type(name)
    if type_ is not None:
        return _element(node, name, type_, scope, findings)
    lookup = scope.file.lookups.get(name)
    if lookup is None:
        if name not in scope.file.broken:
            findings.report(
                "unknown-name", node.base.span, f"`{name}` is no lookup or list", scope.advice(name)
            )
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
    type_ = lookup.value_type(column, expected)
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


def coerce(expr: Expr, type: Type, findings: Findings, what: str) -> Expr:
    """`expr` as a value of `type`: lossless widening and unit conversion only; reports the rest.

    `what` names the place in messages ("field `bmi`").
    """
    from synthdsl.model.coercion import coerce as convert_to

    return convert_to(expr, type, findings, what)


def _comprehension(
    node: tree.Comprehension, scope: Scope, findings: Findings, expected: Type | None
) -> Expr:
    findings.report("not-yet", node.span, "aggregates over related rows are not in this release")
    return unknown(node.span)


_HANDLERS: dict[type, Any] = {
    tree.Path: _path,
    tree.Items: _items,
    tree.When: _when,
    tree.Unary: _unary,
    tree.Binary: _binary,
    tree.Logic: _logic,
    tree.Chain: _chain,
    tree.Within: _within,
    tree.IsNull: _is_null,
    tree.Call: _call,
    tree.Index: _index,
    tree.Comprehension: _comprehension,
}
