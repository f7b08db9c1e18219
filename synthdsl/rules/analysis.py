"""The checks that run on the rules of a model, in a visible order. None draws a row.

Only what is certain is reported: a rule set that is refused holds for no row at all. What the
analysis cannot decide it leaves to the acceptance that is measured when rows are made.
"""

from __future__ import annotations

from synthdsl.model.findings import Findings
from synthdsl.model.spec import Case, Rule, Spec, Table
from synthdsl.rules.enclosures import FALSE, NOT_FALSE, TRUE
from synthdsl.rules.findings import report_conflict, report_soft, report_vacuous
from synthdsl.rules.problem import DEMANDS, Core, Demand, Problem, components
from synthdsl.rules.propagation import Work

MOST_WORK = 120_000
"""Nodes that an analysis of one spec looks at. It then stops, and reports what it has found."""
MOST_CONFLICTS = 10
MOST_SOFT = 12
"""Soft rules whose exceptions are tried in pairs."""


def check_rules(spec: Spec, findings: Findings) -> None:
    """What is certain of the rules of every table."""
    rooms = [table for table in spec.tables.values() if table.rules or table.cases]
    for table in rooms:
        analyse(table, findings, Work(MOST_WORK // len(rooms)))


def analyse(table: Table, findings: Findings, work: Work | None = None) -> None:
    """What is certain of the rules and cases of one table.

    The rules are taken as they stand: one with the demand `false` must be broken.
    """
    work = work or Work(MOST_WORK)
    analysis = Analysis(table, findings, work.share(0.5))
    if analysis.conflicts():
        return
    for stage in (
        analysis.soft_rules,
        analysis.cases,
        analysis.idle_rules,
        analysis.unreached_values,
    ):
        # what one stage leaves is for the next
        analysis.problem.work.left += work.share(0.4).left
        stage()


class Analysis:
    """The analysis of one table, step by step."""

    def __init__(self, table: Table, findings: Findings, work: Work) -> None:
        self.table = table
        self.findings = findings
        self.problem = Problem(table, work)
        self.demands = [
            self.problem.demand(rule.condition, DEMANDS[rule.demand], rule)
            for rule in table.rules
            if rule.share is None or rule.share == 1
        ]
        self.groups = components(self.demands)

    def conflicts(self) -> bool:
        """Report rules that cannot hold together; whether there are any."""
        count = 0
        for group in self.groups:
            left = group
            while left and count < MOST_CONFLICTS:
                core = self.problem.core(left)
                if core is None:
                    break
                count += 1
                if not core.demands:
                    # the draws alone contradict each other: other checks tell that better
                    return True
                report_conflict(core, self.problem, self.findings)
                left = [d for d in left if d not in core.demands]
        return count > 0

    def near(self, demand: Demand) -> list[Demand]:
        """The hard rules that may bear on what `demand` reads."""
        found = []
        for group in self.groups:
            if any(d.fields & demand.fields for d in group):
                found += group
        return [d for d in found if d.origin is not demand.origin]

    # soft rules

    def soft_rules(self) -> None:
        """Both what a soft rule says and its exceptions can be, in every combination of two."""
        soft = [rule for rule in self.table.rules if rule.share is not None and rule.share < 1]
        sides: list[tuple[Rule, Demand, bool]] = []
        for rule in soft:
            if self.problem.work.is_done:
                return
            possible = True
            for is_broken, allowed in ((False, NOT_FALSE), (True, FALSE)):
                side = self.problem.demand(rule.condition, allowed, rule)
                core = self.problem.core(self.near(side), (side,))
                if core is None:
                    sides.append((rule, side, is_broken))
                    continue
                report_soft(rule, core, self.problem, self.findings, is_broken=is_broken)
                possible = False
                break
            if not possible:
                sides = [s for s in sides if s[0] is not rule]
        if len(soft) <= MOST_SOFT:
            self._pairs(sides)

    def _pairs(self, sides: list[tuple[Rule, Demand, bool]]) -> None:
        told: set[tuple[str, str]] = set()
        for at, (rule, side, is_broken) in enumerate(sides):
            for other, other_side, _ in sides[:at]:
                pair = (other.name, rule.name)
                if other is rule or pair in told or not side.fields & other_side.fields:
                    continue
                core = self.problem.core([other_side, *self.near(side)], (side,))
                if core is not None:
                    told.add(pair)
                    report_soft(rule, core, self.problem, self.findings, is_broken=is_broken)

    # rules that change nothing

    def idle_rules(self) -> None:
        """Rules that cannot be broken: alone, or where the others hold."""
        idle: list[Demand] = []
        for demand in reversed(self.demands):
            rule = demand.origin
            if self.problem.work.is_done:
                return
            if not isinstance(rule, Rule) or rule.demand != "hold":
                continue
            broken = self.problem.demand(rule.condition, FALSE, rule)
            if self.problem.refute([broken]) is not None:
                idle.append(demand)
                report_vacuous(rule, [], self.findings)
                continue
            others = [d for d in self.near(broken) if d not in idle and not _keeps(d)]
            if not others or rule.keeping:
                continue
            core = self.problem.core(others, (broken,))
            if core is not None:
                idle.append(demand)
                origins = [d.origin for d in core.demands if d.origin is not None]
                report_vacuous(rule, sorted(origins, key=_place), self.findings)

    # cases

    def cases(self) -> None:
        """Cases can occur where the rules hold."""
        for case in self.table.cases:
            wanted = self.problem.demand(case.condition, TRUE, case)
            core = self.problem.core(self.near(wanted), (wanted,))
            if core is not None:
                self._report_case(case, core)

    def _report_case(self, case: Case, core: Core) -> None:
        from synthdsl.rules.unreached import report_case

        report_case(case, core, self.problem, self.findings)

    # values that never occur

    def unreached_values(self) -> None:
        """Declared values, branches and truths that no row can have."""
        from synthdsl.rules.unreached import Unreached

        for group in self.groups:
            Unreached(self.problem, group, self.findings).report()


def _keeps(demand: Demand) -> bool:
    return isinstance(demand.origin, Rule) and bool(demand.origin.keeping)


def _place(origin: Rule | Case) -> int:
    return origin.span.start
