"""Bounds on what named distributions and field groups expand to.

Definitions that use each other twice at every step would double with each: thirty short lines
would stand for a billion draws.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from synthdsl.model.findings import Findings
from synthdsl.source import Span

MOST_EXPANDED = 5_000_000
"""Cost of all expansions of a spec: characters put in, and a fixed part for each."""
COST_OF_USE = 500
COST_OF_ARGUMENT = 20
DEEPEST_EXPANSION = 100
"""How deep the bodies of named distributions that use each other may nest, in levels of syntax."""
DEEPEST_ARGUMENT = 100


@dataclass(eq=False)
class Expansion:
    """What a spec has expanded so far; shared by all its files."""

    cost: int = 0
    exceeded_at: Span | None = None
    heights: dict[int, int] = field(default_factory=dict)

    def take(self, cost: int, span: Span, findings: Findings) -> bool:
        """Account for an expansion at `span`; False, with one report, once there are too many."""
        self.cost += cost
        if self.cost <= MOST_EXPANDED:
            return True
        self.exceeded_at = self.exceeded_at or span
        findings.report(
            "too-deep",
            self.exceeded_at,
            "named distributions and field groups expand to too much: "
            f"more than {MOST_EXPANDED:,} characters in all",
            "let definitions use each other fewer times",
        )
        return False

    def height(self, node: Any) -> int:
        """Levels of syntax of a declaration's body, measured once."""
        found = self.heights.get(id(node))
        if found is None:
            found = self.heights[id(node)] = height(node)
        return found


def height(node: Any) -> int:
    """Levels of syntax of `node`. An argument put in before counts as its own levels."""
    known = getattr(node, "height", None)
    if isinstance(known, int):
        return known
    if isinstance(node, tuple):
        return max((height(item) for item in node), default=0)
    if isinstance(node, Span) or not is_dataclass(node):
        return 0
    return 1 + max((height(getattr(node, f.name)) for f in fields(node)), default=0)
