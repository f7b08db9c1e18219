"""What can be told of a pathway without drawing: where paths lead, and that stays have a length."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

from synthdsl.diagnostics import Label
from synthdsl.distributions.base import Role
from synthdsl.model.draws import (
    CategoricalDraw,
    ChooseDraw,
    DistributionDraw,
    DrawNode,
    FixedDraw,
    LookupDraw,
    MixtureDraw,
    Truncated,
)
from synthdsl.model.expressions import Constant, Expr
from synthdsl.model.findings import Findings
from synthdsl.model.spelling import spell_constant
from synthdsl.source import Span
from synthdsl.values.types import DURATION, EnumType

if TYPE_CHECKING:
    from synthdsl.model.pathways import Machine

HALF_STEP = 500_000
"""Half a second, in microseconds: what rounds to 0 s from below."""


def successors(draw: DrawNode | None) -> set[str]:
    """The states that may follow: those with a weight that is not constantly 0."""
    if isinstance(draw, LookupDraw):
        pairs = zip(draw.values, draw.lookup.weights, strict=True)
        return {state for state, weight in pairs if weight > 0}
    assert isinstance(draw, CategoricalDraw)
    known = [w.value for w in draw.weights if isinstance(w, Constant)]
    # constant weights that reach 100 % leave nothing to the rest
    has_rest = len(known) < len(draw.weights) - 1 or sum(known) < 1 - 1e-12
    return {
        outcome
        for outcome, weight in zip(draw.outcomes, draw.weights, strict=True)
        if (has_rest if weight is None else _constant(weight) != 0)
    }


def check_graph(machine: Machine, spans: Mapping[str, Span], findings: Findings) -> bool:
    """Whether every state is reached from the start, and every path can end.

    `spans`: where each state is declared.
    """
    edges = {state.name: successors(state.next.draw) for state in machine.states}
    reached = _closure({machine.start}, edges)
    unreached = [name for name in machine.enum.members if name not in reached]
    if unreached:
        _report(
            "unreachable-state",
            unreached,
            spans,
            f"no path from `{machine.start}` reaches {_listed(unreached)}",
            "give it a weight where it follows, or remove it",
            findings,
        )
        return False
    backward: dict[str, set[str]] = {name: set() for name in machine.enum.members}
    for name, following in edges.items():
        for state in following:
            backward[state].add(name)
    ending = _closure(set(machine.finals), backward)
    caught = [name for name in machine.enum.members if name not in ending]
    if caught:
        _report(
            "inescapable-state",
            caught,
            spans,
            f"no path from {_listed(caught)} reaches a final state",
            f"let {_listed(list(machine.finals))} follow with some weight",
            findings,
        )
    return not caught


def _closure(known: set[str], edges: Mapping[str, set[str]]) -> set[str]:
    """All states that can be reached from `known` along `edges`."""
    waiting = list(known)
    while waiting:
        new = edges.get(waiting.pop(), set()) - known
        known = known | new
        waiting += new
    return known


def _listed(names: list[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _report(
    code: str,
    names: list[str],
    spans: Mapping[str, Span],
    message: str,
    help: str,
    findings: Findings,
) -> None:
    """One finding for all states that share the fault."""
    labels = tuple(Label(spans[name], "nor this one") for name in names[1:])
    findings.report(code, spans[names[0]], message, help, labels=labels)


def closest(typed: str, enum: EnumType) -> str:
    """What a person who typed a state that does not exist may have meant."""
    close = get_close_matches(typed, enum.members, n=1, cutoff=0.7)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"its states are {', '.join(enum.members)}; add `{typed}` with a stay, or to `final`"


def check_stay(draw: DrawNode, state: str, findings: Findings) -> bool:
    """Whether stays are known not to be negative, or will be looked at as they are drawn."""
    found = _below_zero(draw)
    if found is None:
        return True
    span, least = found
    shown = "" if least == float("-inf") else f", down to {spell_constant(round(least), DURATION)}"
    findings.report(
        "bad-stay",
        span,
        f"a stay in `{state}` could be negative{shown}",
        "truncate the draw, `in [0 s, 30 d]`, or draw from one that is positive, such as `gamma`",
    )
    return False


def _below_zero(draw: DrawNode) -> tuple[Span, float] | None:
    """Where a draw falls below 0 and how far; None where it does not, or only rows can tell."""
    if isinstance(draw, MixtureDraw):
        return _first(draw.components)
    if isinstance(draw, ChooseDraw):
        return _first((*(branch for _, branch in draw.branches), draw.otherwise))
    if isinstance(draw, Truncated):
        inner, bound = _below_zero(draw.draw), _constant(draw.low)
        if inner is None or bound is None or bound >= 0:
            return None
        return draw.span, max(bound, inner[1])
    least = _least(draw)
    return None if least is None or least >= -HALF_STEP else (draw.span, least)


def _first(draws: tuple[DrawNode, ...]) -> tuple[Span, float] | None:
    return next((found for found in map(_below_zero, draws) if found is not None), None)


def _least(draw: DrawNode) -> float | None:
    """The lower end of a draw's values; None where it depends on the row."""
    if isinstance(draw, FixedDraw):
        return _constant(draw.value)
    if isinstance(draw, CategoricalDraw):
        return float(min((o for o in draw.outcomes if o is not None), default=0))
    if not isinstance(draw, DistributionDraw):
        return None
    parameters = list(zip(draw.form.parameters, draw.parameters, strict=True))
    if not any(form.role in (Role.LOCATION, Role.POINTS) for form, _ in parameters):
        # lengths, which no parameter moves below 0
        return None
    known = [p.value for _, p in parameters if isinstance(p, Constant) and p.value is not None]
    is_known = len(known) == len(parameters)
    if not is_known and any(form.role in (Role.LIST, Role.POINTS) for form, _ in parameters):
        return None
    # a support without lower end has none whatever the parameters are
    values = known if is_known else [1.0] * len(parameters)
    low = float(draw.distribution.support(*draw.form.canonical(*values))[0])
    return low if is_known or low == float("-inf") else None


def _constant(expression: Expr) -> float | None:
    if not isinstance(expression, Constant) or not isinstance(expression.value, int | float):
        return None
    return float(expression.value)
