"""The order in which fields can be made, and circles in their dependencies."""

from __future__ import annotations

from synthdsl.diagnostics import Label
from synthdsl.model.findings import Findings
from synthdsl.model.spec import Field


def order_fields(fields: dict[str, Field]) -> list[str]:
    """Names in an order where every field follows what it depends on (declaration order where
    free). Fields on a circle are left out.
    """
    result: list[str] = []
    state: dict[str, int] = {}
    for name in fields:
        _visit(name, fields, state, result)
    return result


def _visit(start: str, fields: dict[str, Field], state: dict[str, int], result: list[str]) -> None:
    # an explicit stack: a chain of a thousand fields is legal
    stack = [(start, iter(_needs(fields[start], fields)))] if state.get(start) is None else []
    if stack:
        state[start] = 1
    while stack:
        name, needs = stack[-1]
        following = next(needs, None)
        if following is None:
            stack.pop()
            state[name] = 2
            result.append(name)
        elif state.get(following) is None:
            state[following] = 1
            stack.append((following, iter(_needs(fields[following], fields))))


def _needs(field: Field, fields: dict[str, Field]) -> list[str]:
    reads = field.depends_on
    return [name for name in fields if name in reads]


def check_cycles(fields: dict[str, Field], findings: Findings) -> bool:
    """Whether no field depends on itself; reports each circle once, with its members."""
    fine = True
    done: set[str] = set()
    for name in fields:
        circle = _circle(name, fields)
        if circle and not done & set(circle):
            done.update(circle)
            fine = False
            path = " -> ".join([*circle, circle[0]])
            findings.report(
                "cycle",
                fields[circle[0]].name_span,
                f"fields depend on each other in a circle: {path}",
                "break it: let one of them not read the next",
                labels=tuple(Label(fields[other].name_span) for other in circle[1:]),
            )
    return fine


def _circle(start: str, fields: dict[str, Field]) -> list[str]:
    """A circle through `start`, as the names on it; empty if there is none."""
    parents: dict[str, str] = {}
    queue = [start]
    while queue:
        name = queue.pop()
        for following in _needs(fields[name], fields):
            if following == start:
                path = [name]
                while path[-1] != start:
                    path.append(parents[path[-1]])
                return path[::-1]
            if following not in parents:
                parents[following] = name
                queue.append(following)
    return []
