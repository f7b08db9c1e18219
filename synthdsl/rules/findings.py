"""Contradictions and idle rules as diagnostics."""

from __future__ import annotations

from synthdsl.diagnostics import Label
from synthdsl.model.findings import Findings
from synthdsl.model.spec import Case, Field, Rule
from synthdsl.rules.explanation import Explainer, Explanation
from synthdsl.rules.problem import Core, Demand, Problem


def report_conflict(core: Core, problem: Problem, findings: Findings) -> None:
    """Rules that cannot hold together, at the first of them."""
    told = Explainer(problem, core).explain()
    origins = sorted((_origin(d) for d in core.demands), key=lambda o: o.span.start)
    labels = _labels(origins[1:], core.draws)
    first = origins[0]
    if len(origins) == 1:
        findings.report(
            "unsatisfiable",
            first.span,
            _alone(core.demands[0]),
            _advice(told, core, "relax it"),
            labels=labels,
            notes=told.notes,
        )
        return
    findings.report(
        "rule-conflict",
        first.span,
        _together(core.demands),
        _advice(told, core, "relax or remove one of them"),
        labels=labels,
        notes=told.notes,
    )


def _origin(demand: Demand) -> Rule | Case:
    assert demand.origin is not None
    return demand.origin


def _alone(demand: Demand) -> str:
    origin = _origin(demand)
    if isinstance(origin, Case):
        return f"case `{origin.name}` can never occur"
    if origin.demand == "false":
        return f"rule `{origin.name}` can never be broken"
    return f"rule `{origin.name}` can never hold"


def _together(demands: tuple[Demand, ...]) -> str:
    count = len(demands)
    word = "both" if count == 2 else "all"
    broken = [o.name for o in map(_origin, demands) if isinstance(o, Rule) and o.demand == "false"]
    if broken:
        others = "the other rule holds" if count == 2 else f"the other {count - 1} rules hold"
        return f"rule `{broken[0]}` cannot be broken while {others}"
    return f"these {count} rules cannot {word} hold"


def _advice(told: Explanation, core: Core, otherwise: str) -> str:
    if told.gap is None:
        return otherwise
    if len(core.demands) == 1 and not core.draws:
        return f"relax it by {told.gap}"
    bounds = "either bound" if len(core.demands) + len(core.draws) == 2 else "one of the bounds"
    return f"relax {bounds} by {told.gap}"


def _labels(origins: list[Rule | Case], draws: tuple[Field, ...]) -> tuple[Label, ...]:
    labels = [Label(origin.span) for origin in origins]
    for item in draws:
        assert item.draw is not None
        labels.append(Label(item.draw.span, f"what `{item.name}` can be"))
    return tuple(labels)


def report_soft(
    rule: Rule, core: Core, problem: Problem, findings: Findings, *, is_broken: bool
) -> None:
    """A soft rule that never holds, or whose exceptions cannot be."""
    assert rule.share is not None
    told = Explainer(problem, core).explain()
    share = float(1 - rule.share if is_broken else rule.share)
    others = sorted((_origin(d) for d in core.demands), key=lambda o: o.span.start)
    given = f" under {_named(others)}" if others else ""
    what = "be broken" if is_broken else "hold"
    alone = "write it without a share" if is_broken else "write the opposite without a share"
    findings.report(
        "impossible-exception",
        rule.span,
        f"rule `{rule.name}` can never {what}{given}, but {share:.4%} of rows must".replace(
            ".0000%", "%"
        ),
        alone if not others else "relax one of these rules, or give no share",
        labels=_labels(list(others), core.draws),
        notes=told.notes,
    )


def _named(origins: list[Rule | Case]) -> str:
    names = [f"`{o.name}`" for o in origins]
    word = "rule" if len(names) == 1 else "rules"
    if len(names) > 4:
        return f"{len(names)} rules"
    listed = names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" and {names[-1]}"
    return f"{word} {listed}"


def report_vacuous(rule: Rule, others: list[Rule | Case], findings: Findings) -> None:
    """A rule that no row can break."""
    if others:
        findings.report(
            "vacuous-rule",
            rule.span,
            f"rule `{rule.name}` changes nothing: it follows from {_named(others)}",
            "remove it, or tighten it",
            labels=tuple(Label(o.span) for o in others),
        )
        return
    findings.report(
        "vacuous-rule",
        rule.span,
        f"rule `{rule.name}` changes nothing: no row can break it",
        "remove it, or check its bounds and their unit",
    )
