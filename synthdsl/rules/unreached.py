"""Declared values that the rules leave no chance: outcomes, truths, branches and cases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from synthdsl.diagnostics import Label
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
from synthdsl.model.expressions import Constant
from synthdsl.model.findings import Findings
from synthdsl.model.spec import Case, Field, Rule
from synthdsl.model.spelling import spell_constant
from synthdsl.rules.enclosures import Enclosure, listing
from synthdsl.rules.problem import Core, Demand, Problem
from synthdsl.source import Span
from synthdsl.values.types import ORDERED, Kind

MOST_SHOWN = 6
MOST_VALUES = 64
"""Outcomes of a draw that are tried one by one."""


class Unreached:
    """Looks for values of the fields of one component that its rules leave no chance."""

    def __init__(self, problem: Problem, group: list[Demand], findings: Findings) -> None:
        self._problem = problem
        self._group = group
        self._findings = findings

    def report(self) -> None:
        """Warn of each value that can occur without the rules and cannot with them."""
        names: set[str] = set()
        for demand in self._group:
            names |= demand.fields
        for name, item in self._problem.table.fields.items():
            if name in names and item.draw is not None:
                self._values_of(item)

    def _values_of(self, item: Field) -> None:
        demands = [d for d in self._group if not self._keeps(d, item)]
        values = list(declared_values(item))
        if not demands or not 1 < len({value for value, _, _ in values}) <= MOST_VALUES:
            return
        found: dict[int, list[tuple[Any, str, Core]]] = {}
        spans: dict[int, Span] = {}
        for value, share, span in values:
            if self._problem.work.is_done:
                break
            supposed = self._problem.supposition(item, self._only(value, item))
            if self._problem.refute([supposed]) is not None:
                continue  # not for the rules: other checks speak of that
            core = self._problem.core(demands, (supposed,))
            if core is not None:
                spans[span.start] = span
                found.setdefault(span.start, []).append((value, share, core))
        for start, lost in found.items():
            span = spans[start]
            if len(lost) == 1:
                self._warn(item, *lost[0][:2], span, lost[0][2])
            else:
                self._warn_of_several(item, lost, span)

    def _keeps(self, demand: Demand, item: Field) -> bool:
        rule = demand.origin
        if not isinstance(rule, Rule) or not rule.keeping:
            return False
        return item.name in self._problem.ancestors(rule.keeping)

    def _only(self, value: Any, item: Field) -> Enclosure:
        return listing((value,), is_number=item.type.kind in ORDERED)

    def _warn(self, item: Field, value: Any, share: str, span: Span, core: Core) -> None:
        spelled = _spelled(value, item)
        declared = f" (declared {share})" if share else ""
        self._findings.report(
            "zero-mass",
            span,
            f"{item.name} = {spelled}{declared} can never occur under {_named(core)}",
            "remove it, or relax the rule"
            if len(core.demands) == 1
            else "remove it, or relax one of the rules",
            labels=tuple(Label(d.origin.span) for d in core.demands if d.origin is not None),
        )

    def _warn_of_several(self, item: Field, lost: list[tuple[Any, str, Core]], span: Span) -> None:
        """Several values that stand in one place: those of a lookup, or of a draw."""
        shown = [f"{_spelled(v, item)} ({_named(core)})" for v, _, core in lost[:MOST_SHOWN]]
        more = f" and {len(lost) - MOST_SHOWN} more" if len(lost) > MOST_SHOWN else ""
        origins = {id(d.origin): d.origin for _, _, core in lost for d in core.demands}
        self._findings.report(
            "zero-mass",
            span,
            f"{len(lost)} values of `{item.name}` can never occur: {', '.join(shown)}{more}",
            "remove them, or relax the rules",
            labels=tuple(Label(origin.span) for origin in origins.values() if origin is not None),
        )


def _spelled(value: Any, item: Field) -> str:
    return f'"{value}"' if item.type.is_text else spell_constant(value, item.type)


def _named(core: Core) -> str:
    names = [f"`{d.origin.name}`" for d in core.demands if d.origin is not None]
    if len(names) == 1:
        return f"rule {names[0]}"
    return f"rules {', '.join(names[:-1])} and {names[-1]}"


def declared_values(item: Field) -> Iterator[tuple[Any, str, Span]]:
    """The values that the draw of a field declares, with their share and where they stand."""
    assert item.draw is not None
    seen: set[Any] = set()
    for value, share, span in _values(item.draw, item):
        if value is not None and value not in seen:
            seen.add(value)
            yield value, share, span


def _values(draw: DrawNode, item: Field) -> Iterator[tuple[Any, str, Span]]:
    if isinstance(draw, CategoricalDraw):
        yield from _outcomes(draw)
    elif isinstance(draw, DistributionDraw) and item.type.kind is Kind.BOOL:
        p = draw.parameters[0]
        chance = p.value if isinstance(p, Constant) else None
        for truth in (True, False):
            share = None if chance is None else chance if truth else 1 - chance
            if share != 0:
                yield truth, _percent(share), draw.span
    elif isinstance(draw, Truncated):
        yield from _values(draw.draw, item)
    elif isinstance(draw, ChooseDraw):
        for inner in (*(d for _, d in draw.branches), draw.otherwise):
            for value, _, span in _values(inner, item):
                yield value, "", span
    elif isinstance(draw, MixtureDraw):
        for inner in draw.components:
            for value, _, span in _values(inner, item):
                yield value, "", span
    elif isinstance(draw, FixedDraw) and isinstance(draw.value, Constant):
        yield draw.value.value, "", draw.span
    elif isinstance(draw, LookupDraw) and draw.column is not None:
        for value in dict.fromkeys(draw.values):
            yield value, "", draw.span


def _outcomes(draw: CategoricalDraw) -> Iterator[tuple[Any, str, Span]]:
    constant = all(w is None or isinstance(w, Constant) for w in draw.weights)
    given = sum(w.value for w in draw.weights if isinstance(w, Constant) and w.value is not None)
    spans = draw.spans
    if len(spans) != len(draw.outcomes):
        spans = (draw.span,) * len(draw.outcomes)
    for outcome, weight, span in zip(draw.outcomes, draw.weights, spans, strict=True):
        share = None
        if constant:
            share = weight.value if isinstance(weight, Constant) else 1 - given
        if share is None or share > 1e-12:
            yield outcome, _percent(share), span


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.3g} %"


def report_case(case: Case, core: Core, problem: Problem, findings: Findings) -> None:
    """Warn that a case can never occur."""
    from synthdsl.rules.explanation import Explainer

    given = f" under {_named(core)}" if core.demands else ""
    findings.report(
        "zero-mass",
        case.span,
        f"case `{case.name}` can never occur{given}",
        "correct its condition" if not core.demands else "correct it, or relax the rules",
        labels=tuple(Label(d.origin.span) for d in core.demands if d.origin is not None),
        notes=Explainer(problem, core).explain().notes,
    )
