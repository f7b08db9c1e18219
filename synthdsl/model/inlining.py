"""Named distributions put in where they are used, with their arguments."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from synthdsl.diagnostics import Label
from synthdsl.language import tree
from synthdsl.model.arguments import bind
from synthdsl.model.expansion import COST_OF_USE, DEEPEST_ARGUMENT, DEEPEST_EXPANSION, height
from synthdsl.model.findings import Findings
from synthdsl.model.scope import FileScope, Scope, Scoped
from synthdsl.source import Span


def unscoped(node: Any) -> Any:
    """A node without the scopes around it."""
    while isinstance(node, Scoped):
        node = node.node
    return node


def inlined(node: tree.Call, scope: Scope, findings: Findings) -> tuple[tree.Draw | None, Scope]:
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
