"""What fields depend on: circles, and ways from one field to another."""

from __future__ import annotations

from collections.abc import Collection

from synthdsl.diagnostics import Label
from synthdsl.model.findings import Findings
from synthdsl.model.spec import Correlation, Field

LONGEST_SHOWN = 12
"""Fields of a circle that a message lists."""


def check_cycles(
    fields: dict[str, Field], findings: Findings, correlations: tuple[Correlation, ...] = ()
) -> bool:
    """Whether no field depends on itself; reports each circle once, with its members.

    Correlated fields depend on the groups of their correlation, too.
    """
    position = {name: i for i, name in enumerate(fields)}
    needs = needs_of(fields, correlations)
    found = circles(needs)
    for circle in found:
        first = min(circle, key=position.__getitem__)
        path = shortest_way(first, {first}, needs, inside=set(circle))
        assert path is not None
        _report(path, fields, findings)
    return not found


def needs_of(
    fields: dict[str, Field], correlations: tuple[Correlation, ...]
) -> dict[str, list[str]]:
    """The fields that each field depends on directly, in the order of the table."""
    position = {name: i for i, name in enumerate(fields)}
    needs = {name: field.depends_on & fields.keys() for name, field in fields.items()}
    for correlation in correlations:
        for name in correlation.fields:
            needs[name] = needs[name] | (set(correlation.groups) & fields.keys())
    return {name: sorted(reads, key=position.__getitem__) for name, reads in needs.items()}


def _report(path: list[str], fields: dict[str, Field], findings: Findings) -> None:
    """Report the circle that `path` runs through, from a field back to itself."""
    is_alone = len(path) == 2
    findings.report(
        "cycle",
        fields[path[0]].name_span,
        f"field `{path[0]}` depends on itself"
        if is_alone
        else f"fields depend on each other in a circle: {spelled_way(path)}",
        "read another field" if is_alone else "break it: let one of them not read the next",
        labels=tuple(Label(fields[other].name_span) for other in path[1:-1][: LONGEST_SHOWN - 1]),
    )


def spelled_way(path: list[str]) -> str:
    """A way from field to field in a message, its middle left out where it is long."""
    shown = path
    if len(path) > LONGEST_SHOWN:
        shown = [*path[: LONGEST_SHOWN - 2], "...", path[-1]]
    return " -> ".join(shown)


def circles(needs: dict[str, list[str]]) -> list[list[str]]:
    """The strongly connected sets of more than one field, and fields that need themselves.

    Source: Tarjan 1972, "Depth-first search and linear graph algorithms"; with a stack of its
    own, since a chain of thousands of fields is legal.
    """
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    open_names: list[str] = []
    is_open: set[str] = set()
    found: list[list[str]] = []
    for start in needs:
        if start in number:
            continue
        stack = [(start, iter(needs[start]))]
        number[start] = low[start] = len(number)
        open_names.append(start)
        is_open.add(start)
        while stack:
            name, reads = stack[-1]
            following = next(reads, None)
            if following is None:
                stack.pop()
                if stack:
                    low[stack[-1][0]] = min(low[stack[-1][0]], low[name])
                if low[name] == number[name]:
                    circle = [open_names.pop()]
                    while circle[-1] != name:
                        circle.append(open_names.pop())
                    is_open.difference_update(circle)
                    if len(circle) > 1 or name in needs[name]:
                        found.append(circle)
            elif following not in number:
                number[following] = low[following] = len(number)
                open_names.append(following)
                is_open.add(following)
                stack.append((following, iter(needs[following])))
            elif following in is_open:
                low[name] = min(low[name], number[following])
    return found


def shortest_way(
    start: str, ends: Collection[str], needs: dict[str, list[str]], inside: set[str] | None = None
) -> list[str] | None:
    """The shortest way from `start` to one of `ends` over what fields need, both included.

    `inside` limits the fields on the way. None if there is no way.
    """
    parents: dict[str, str] = {}
    queue = [start]
    for name in queue:
        for following in needs[name]:
            if following in ends:
                path = [following, name]
                while path[-1] != start:
                    path.append(parents[path[-1]])
                return path[::-1]
            is_new = following not in parents and following != start
            if is_new and (inside is None or following in inside):
                parents[following] = name
                queue.append(following)
    return None
