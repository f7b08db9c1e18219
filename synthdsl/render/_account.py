"""The account of rules as text and HTML: kind, how enforced, what they cost, what they keep."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from fractions import Fraction
from html import escape
from typing import Protocol

from synthdsl.render._figures import (
    ProbabilityLike,
    bounds_text,
    chance_text,
    probability_text,
)
from synthdsl.render._width import display_width, pad, printable, shorten
from synthdsl.render.colours import Paint

WIDTH = 80
COSTLY = 1e-3
"""A rule that leaves less than this of the rows that the other rules accept is flagged."""
_WIDEST = (20, 26, 10, 10)
"""Columns of the terminal for name, kind, Z and Z without the rule."""
ABOUT_Z = (
    "Z: the share of rows, drawn as declared, that do what every rule of the component "
    "demands; ~ marks a measured one."
)
ABOUT_SCOPES = "Of a rule across rows Z is the share of what the rule is for."


class RuleLike(Protocol):
    """What one rule does."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def text(self) -> str:
        """Its condition as typed."""

    @property
    def kind(self) -> str:
        """What sort of rule it is."""

    @property
    def enforcement(self) -> str:
        """How it is enforced."""

    @property
    def z(self) -> ProbabilityLike:
        """The chance that an unconditioned row meets all rules of the component."""

    @property
    def without(self) -> ProbabilityLike | None:
        """The same if this rule were not there."""

    @property
    def share(self) -> Fraction | None:
        """Of a soft rule: the share of rows in which it must hold."""

    @property
    def keeping(self) -> tuple[str, ...]:
        """Fields that keep the law they have without it."""

    @property
    def demand(self) -> str:
        """`hold`, `true` (a case), `false` (to be broken)."""

    @property
    def scope(self) -> str:
        """Of a rule across rows: what it conditions, in words."""


class ComponentLike(Protocol):
    """Fields conditioned together."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Its fields in order of drawing."""

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of its rules."""

    @property
    def strategy(self) -> str:
        """How its rows are proposed."""

    @property
    def detail(self) -> str:
        """More on that; may be empty."""

    @property
    def z(self) -> ProbabilityLike:
        """The chance that an unconditioned row meets its rules."""

    @property
    def acceptance(self) -> float:
        """The share of proposals that are accepted."""

    @property
    def scope(self) -> str:
        """What rules across rows condition, in words; may be empty."""

    @property
    def kept(self) -> tuple[str, ...]:
        """What of it is settled first and kept."""


def changes_nothing(rule: RuleLike) -> bool:
    """Whether the rule accepts every row that the others do, as far as was measured."""
    return rule.without is not None and rule.z.value == rule.without.value > 0


def costs_nearly_everything(rule: RuleLike) -> bool:
    """Whether the rule leaves less than `COSTLY` of what the others accept."""
    if rule.without is None or rule.without.value <= 0:
        return False
    return rule.z.value / rule.without.value < COSTLY


def remarks(rule: RuleLike) -> list[str]:
    """What else there is to say of a rule, a sentence each."""
    found = []
    if rule.scope:
        found.append(rule.scope)
    # a rule for each row of a table is of these; one among siblings of their rows
    is_each = rule.scope.startswith("for each")
    rows, every = ("them", "each") if is_each else ("rows", "every row")
    if rule.demand == "true":
        found.append(f"case: true in {every}")
    if rule.demand == "false":
        where = "at least one of the rows" if rule.scope and not is_each else every
        found.append(f"to be broken: false in {where}")
    if rule.share is not None:
        share = float(rule.share)
        found.append(f"soft: holds in {chance_text(share)} of {rows}, false in the others")
    if rule.keeping:
        found.append(f"keeping {', '.join(rule.keeping)}")
    bounds = _bounds(rule)
    if bounds:
        found.append(bounds)
    if changes_nothing(rule):
        is_sure = rule.z.is_exact and rule.without is not None and rule.without.is_exact
        found.append("changes nothing" if is_sure else "changed nothing in the pilot")
    if costs_nearly_everything(rule) and rule.without is not None:
        left = rule.z.value / rule.without.value
        accepted = "what" if rule.scope else "the rows that"
        found.append(
            "costs nearly everything: it leaves "
            f"{chance_text(left) if left else 'none'} of {accepted} the other rules accept"
        )
    return found


def _bounds(rule: RuleLike) -> str:
    """The intervals of what was measured."""
    said = []
    if not rule.z.is_exact:
        said.append(f"Z in {bounds_text(rule.z)}")
    if rule.without is not None and not rule.without.is_exact:
        said.append(f"without it in {bounds_text(rule.without)}")
    return ", ".join(said)


def _cells(rule: RuleLike) -> tuple[str, str, str, str]:
    without = "" if rule.without is None else probability_text(rule.without)
    return (printable(rule.name), printable(rule.kind), probability_text(rule.z), without)


def account_text(
    rules: Sequence[RuleLike], components: Sequence[ComponentLike], paint: Paint
) -> list[str]:
    """The lines for one table: its rules, then what they condition together."""
    if not rules:
        return []
    rows = [("rule", "kind", "Z", "without it"), *map(_cells, rules)]
    widths = [
        min(max(display_width(row[i]) for row in rows), _WIDEST[i]) for i in range(len(_WIDEST))
    ]
    used = 2 + sum(widths) + 2 * len(widths)
    longest = max(display_width(rule.enforcement) for rule in rules)
    fits = used + max(longest, len("enforced by")) <= WIDTH
    head = _row(rows[0], widths) + ("  enforced by" if fits else "")
    lines = ["", "  " + paint("bold", head)]
    for rule, row in zip(rules, rows[1:], strict=True):
        enforcement = printable(rule.enforcement)
        lines.append(f"  {_row(row, widths)}" + (f"  {enforcement}" if fits else ""))
        lines += [paint("dim", line) for line in _indented(rule.text)]
        if not fits:
            lines += _indented(f"enforced by {enforcement}")
        for remark in remarks(rule):
            lines += _indented(remark)
    lines += ["", *_indented(_about_z(rules), indent=2)]
    return [line.rstrip() for line in [*lines, *_components_text(components, paint)]]


def _about_z(rules: Sequence[RuleLike]) -> str:
    return f"{ABOUT_Z} {ABOUT_SCOPES}" if any(rule.scope for rule in rules) else ABOUT_Z


def _row(cells: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(
        pad(shorten(cell, width), width) for cell, width in zip(cells, widths, strict=True)
    )


def _indented(text: str, indent: int = 6) -> list[str]:
    return wrapped(text, WIDTH, " " * indent)


def wrapped(text: str, width: int, margin: str = "", hanging: str | None = None) -> list[str]:
    """`text` in lines of at most `width` columns; no line starts with a percent sign.

    `margin` stands before each line, or `hanging` before all but the first.
    """
    lines = textwrap.wrap(
        printable(text).replace(" %", "\xa0%"), width, initial_indent=margin,
        subsequent_indent=margin if hanging is None else hanging, break_on_hyphens=False,
    )  # fmt: skip
    return [line.replace("\xa0", " ") for line in lines]


def _components_text(components: Sequence[ComponentLike], paint: Paint) -> Iterator[str]:
    for component in components:
        yield ""
        yield from _marked("conditioned together: " + ", ".join(component.fields), paint)
        yield from _indented(f"rules {', '.join(component.rules)}")
        if component.scope:
            yield from _indented(component.scope)
        if component.kept:
            yield from _indented(f"settled first and kept: {', '.join(component.kept)}")
        yield from _indented(
            f"by {component.strategy}, which accepted {chance_text(component.acceptance)} "
            f"of its proposals; Z {z_text(component.z)}"
        )
        if component.detail:
            yield from _indented(component.detail)


def _marked(text: str, paint: Paint) -> Iterator[str]:
    """The first words bold, over as many lines as it takes."""
    lines = wrapped(text, WIDTH, "  ", " " * 6)
    label, _, rest = lines[0].strip().partition(": ")
    yield f"  {paint('bold', label)}: {rest}"
    yield from lines[1:]


def z_text(probability: ProbabilityLike) -> str:
    """A probability and, unless it is exact, its interval."""
    bounds = bounds_text(probability)
    return probability_text(probability) + (f" {bounds}" if bounds else "")


def account_html(rules: Sequence[RuleLike], components: Sequence[ComponentLike]) -> list[str]:
    """The same as two HTML tables."""
    if not rules:
        return []
    lines = [
        "<h3>Rules</h3>",
        f'<p class="note">{escape(_about_z(rules))}</p>',
        '<div class="wide"><table class="rules stacked">',
        '<thead><tr><th scope="col">Rule</th><th scope="col">Kind</th><th scope="col">Z</th>'
        '<th scope="col">Without it</th><th scope="col">Enforced by</th></tr></thead><tbody>',
    ]
    for rule in rules:
        without = "" if rule.without is None else z_html(rule.without)
        notes = "".join(f'<p class="note">{escape(remark)}</p>' for remark in _short(rule))
        lines.append(
            f'<tr><th scope="row"><code>{escape(rule.name)}</code></th>'
            f'<td class="meaning">{escape(rule.kind)}'
            f'<span class="how"><code>{escape(rule.text)}</code></span>{notes}</td>'
            f'<td class="figure" data-label="Z">{z_html(rule.z)}</td>'
            f'<td class="figure" data-label="Without it">{without}</td>'
            f'<td data-label="Enforced by">{escape(rule.enforcement)}</td></tr>'
        )
    lines.append("</tbody></table></div>")
    return [*lines, *_components_html(components)]


def _short(rule: RuleLike) -> list[str]:
    """The remarks that the table does not say already."""
    return [remark for remark in remarks(rule) if remark != _bounds(rule)]


def z_html(probability: ProbabilityLike) -> str:
    """A probability with its interval below it."""
    bounds = bounds_text(probability)
    below = f'<br><span class="note">{escape(bounds)}</span>' if bounds else ""
    return escape(probability_text(probability)) + below


def _components_html(components: Sequence[ComponentLike]) -> list[str]:
    if not components:
        return []
    lines = [
        "<h3>Conditioned together</h3>",
        '<div class="wide"><table class="components stacked">',
        '<thead><tr><th scope="col">Fields</th><th scope="col">Rules</th>'
        '<th scope="col">How</th><th scope="col">Z</th><th scope="col">Accepted</th></tr>'
        "</thead><tbody>",
    ]
    for component in components:
        kept = f"settled first and kept: {', '.join(component.kept)}" if component.kept else ""
        notes = filter(None, (component.scope, kept, component.detail))
        detail = "".join(f'<p class="note">{escape(note)}</p>' for note in notes)
        lines.append(
            f'<tr><td data-label="Fields">{_codes(component.fields)}</td>'
            f'<td data-label="Rules">{_codes(component.rules)}</td>'
            f'<td class="meaning" data-label="How">{escape(component.strategy)}{detail}</td>'
            f'<td class="figure" data-label="Z">{z_html(component.z)}</td>'
            f'<td class="figure" data-label="Accepted">'
            f"{escape(chance_text(component.acceptance))}</td></tr>"
        )
    return [*lines, "</tbody></table></div>"]


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"<code>{escape(name)}</code>" for name in names)
