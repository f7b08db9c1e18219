"""Pathways: semi-Markov machines that an entity walks through, one row for each visited state.

A visit draws how long it lasts, then the state that follows; both may read the entity's fields,
and `index`, `entered` of the visit; the weights of what follows may read `stay` and `left` too.
The first state with a stay is the start. Source: Howard 1971, "Dynamic Probabilistic Systems",
vol. II, ch. 10 (the stay is drawn before the successor, which may depend on it).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from synthdsl.diagnostics import Label
from synthdsl.language import tree
from synthdsl.model.coercion import coerce
from synthdsl.model.draw_typing import type_draw
from synthdsl.model.draws import (
    CategoricalDraw,
    ChooseDraw,
    DrawNode,
    LookupDraw,
    UnknownDraw,
    expressions_of,
)
from synthdsl.model.expressions import Expr, RowIndex, fields_read, walk
from synthdsl.model.findings import Findings
from synthdsl.model.inference import infer
from synthdsl.model.nulls import may_be_null
from synthdsl.model.pathway_checks import check_graph, check_stay, closest
from synthdsl.model.quantities import named
from synthdsl.model.scope import Scope
from synthdsl.model.source_typing import type_lookup
from synthdsl.model.spec import Field
from synthdsl.model.weight_typing import type_weights
from synthdsl.source import Span
from synthdsl.values.types import DATETIME, DURATION, MOMENTS, UNKNOWN, EnumType, Kind, Type

OWN_FIELDS = ("state", "entered", "stay", "left")
"""Fields of a visit, in the order in which they become known; `index` is its number."""


@dataclass(frozen=True, eq=False)
class State:
    """A state that is left again: how long a visit lasts, and what follows it.

    `stay` draws a duration, `next` one of the pathway's states.
    """

    name: str
    stay: Field
    next: Field
    span: Span
    name_span: Span


@dataclass(frozen=True, eq=False)
class Machine:
    """A typed pathway. `enum` lists all states as declared; `starts` is a datetime.

    `states` are those that are left again, the start first; a path ends in one of `finals`.
    """

    name: str
    states: tuple[State, ...]
    finals: tuple[str, ...]
    enum: EnumType
    starts: Expr
    span: Span
    name_span: Span

    @property
    def start(self) -> str:
        """The state in which every path begins."""
        return self.states[0].name

    @property
    def draws(self) -> Iterator[Field]:
        """The stay and the successor of each state, as fields of a visit."""
        for state in self.states:
            yield state.stay
            yield state.next

    @property
    def reads(self) -> set[str]:
        """Names of the fields that drawing a path reads, apart from its own."""
        found = fields_read(self.starts)
        for field in self.draws:
            found |= field.depends_on
        return found - set(OWN_FIELDS)

    @property
    def has_fixed_weights(self) -> bool:
        """Whether what follows depends on nothing but the state and the entity's fields.

        Then the visited states are a Markov chain, whatever the stays are.
        """
        return not any(_reads_visit(state.next) for state in self.states)


def _reads_visit(field: Field) -> bool:
    assert field.draw is not None
    return bool(field.depends_on & set(OWN_FIELDS)) or any(
        isinstance(part, RowIndex)
        for expression in expressions_of(field.draw)
        for part in walk(expression)
    )


def state_enum(node: tree.Pathway) -> EnumType:
    """The enum of a pathway's states, in order of declaration, named after it."""
    names = [name.text for name in _names(node)]
    for state in node.states:
        if isinstance(state, tree.BrokenStatement):  # what it was to declare is not missed
            names += re.findall(r"[A-Za-z_]\w*", re.split(r":|->", state.span.text)[0])
    return EnumType(node.name.text, tuple(dict.fromkeys(names)))


def own_types(node: tree.Pathway, scope: Scope) -> dict[str, Type]:
    """Types of the fields of a visit. `scope`: that of the pathway's rows.

    `stay` and `left` are null in a final state.
    """
    starts = _starts(node, scope, Findings())
    moment = UNKNOWN if starts.type.is_unknown else starts.type.nullable(False)
    return {
        "state": Type(Kind.ENUM, enum=state_enum(node)),
        "entered": moment,
        "stay": DURATION.nullable(),
        "left": moment.nullable(),
    }


def type_machine(node: tree.Pathway, scope: Scope, findings: Findings) -> Machine | None:
    """The machine that a pathway declares; None after a report.

    `scope` is that of the pathway's rows: the fields of `own_types` and what is read from above.
    """
    starts = _starts(node, scope, findings)
    is_whole = _check_names(node, findings)
    enum = state_enum(node)
    visit = _with_types(scope, {"stay": DURATION, "left": starts.type.nullable(False)})
    states = []
    for state in node.states:
        if not isinstance(state, tree.State):
            continue
        stay = _stay(state, scope, findings)
        following = _next(node, state, enum, visit, findings)
        if isinstance(stay, UnknownDraw) or isinstance(following, UnknownDraw):
            is_whole = False
            continue
        span = state.name.span
        states.append(
            State(
                state.name.text,
                _field("stay", DURATION, stay, state.sojourn.span),
                _field("next", Type(Kind.ENUM, enum=enum), following, state.next.span),
                state.span,
                span,
            )
        )
    if not is_whole or starts.type.is_unknown:
        return None
    machine = Machine(
        node.name.text,
        tuple(states),
        tuple(name.text for name in _finals(node)),
        enum,
        starts,
        node.span,
        node.name.span,
    )
    spans = {name.text: name.span for name in _names(node)}
    return machine if check_graph(machine, spans, findings) else None


def _field(name: str, type: Type, draw: DrawNode, span: Span) -> Field:
    text = f"~ {' '.join(span.text.split())}"
    return Field(name, type, draw, None, True, (), name, "", span, span, text)


def _names(node: tree.Pathway) -> Iterator[tree.Name]:
    """The names of all states, where they are declared."""
    for state in node.states:
        if isinstance(state, tree.State):
            yield state.name
        elif isinstance(state, tree.Final):
            yield from state.names


def _finals(node: tree.Pathway) -> Iterator[tree.Name]:
    for state in node.states:
        if isinstance(state, tree.Final):
            yield from state.names


def _undeclared(node: tree.Pathway) -> str:
    """The states that follow others and are declared nowhere, as `final` would name them."""
    declared = {name.text for name in _names(node)}
    weights = [s.next for s in node.states if isinstance(s, tree.State)]
    typed = [
        entry.outcome.span.text
        for w in weights
        if isinstance(w, tree.Weights)
        for entry in w.entries
    ]
    return ", ".join(dict.fromkeys(t for t in typed if t.isidentifier() and t not in declared))


def _with_types(scope: Scope, types: dict[str, Type | None]) -> Scope:
    """`scope` with other types of some fields; None hides one."""

    def field_type(name: str) -> Type | None:
        return types[name] if name in types else scope.field_type(name)

    hidden = {name for name, type_ in types.items() if type_ is None}
    names = tuple(name for name in scope.field_names if name not in hidden)
    return replace(scope, field_type=field_type, field_names=names)


def _starts(node: tree.Pathway, scope: Scope, findings: Findings) -> Expr:
    """When the path begins: it reads what is above, and nothing of a visit."""
    outer = replace(_with_types(scope, dict.fromkeys(OWN_FIELDS)), has_row=False)
    if node.starts is None:
        variable = node.per.variable.text
        findings.report(
            "bad-pathway",
            node.name.span,
            f"pathway `{node.name.text}` does not say when it starts",
            f"write `pathway {node.name.text} per {node.per.parent.text} {variable} "
            f"starts {variable}.start {{`, with a date or datetime",
        )
        return infer(tree.Broken(node.span), outer, findings)
    starts = infer(node.starts, outer, findings)
    if starts.type.is_unknown or starts.type.kind in MOMENTS:
        type_ = replace(DATETIME, zone=starts.type.zone, is_nullable=starts.type.is_nullable)
        return coerce(starts, type_, findings, "the start")
    findings.report(
        "type-mismatch",
        starts.span,
        f"a pathway starts at a date or datetime, found {named(starts.type)}",
        "add it to a moment: `starts e.start + ...`",
    )
    return infer(tree.Broken(node.span), outer, findings)


def _check_names(node: tree.Pathway, findings: Findings) -> bool:
    """Whether states are declared once, and there are both passing and final ones."""
    is_fine = not any(isinstance(state, tree.BrokenStatement) for state in node.states)
    seen: dict[str, tree.Name] = {}
    finals = {id(name) for name in _finals(node)}
    for name in _names(node):
        first = seen.setdefault(name.text, name)
        if first is name:
            continue
        is_fine = False
        is_both = (id(first) in finals) != (id(name) in finals)
        findings.report(
            "bad-pathway" if is_both else "duplicate-name",
            name.span,
            f"state `{name.text}` is final, and has a stay as well"
            if is_both
            else f"state `{name.text}` is declared twice",
            "a final state is never left: remove one of the two" if is_both else "rename one",
            labels=(Label(first.span, "first here"),),
        )
    if not is_fine:
        return False
    passing = [name for name in _names(node) if id(name) not in finals]
    if not passing:
        _report_lack(
            node,
            "has no state to start in",
            "write `name: gamma(mean: 5 h, cv: 1) -> {other: 100%}`",
            findings,
        )
    elif not finals:
        _report_lack(
            node,
            "has no final state: its paths would never end",
            f"name the states in which paths end, such as `final {_undeclared(node) or 'home'}`, "
            "and let them follow",
            findings,
        )
    return bool(passing) and bool(finals)


def _report_lack(node: tree.Pathway, what: str, help: str, findings: Findings) -> None:
    findings.report("bad-pathway", node.name.span, f"pathway `{node.name.text}` {what}", help)


def _stay(state: tree.State, scope: Scope, findings: Findings) -> DrawNode:
    """The draw of a visit's length: as in a branch, a value is one that is always the same."""
    hidden = _with_types(scope, dict.fromkeys(("stay", "left")))
    branch = tree.WhenDraw(state.sojourn.span, (), state.sojourn)
    choice = type_draw(tree.Draw(state.sojourn.span, branch, None), DURATION, hidden, findings)
    if not isinstance(choice, ChooseDraw):
        return UnknownDraw(state.sojourn.span)
    draw = choice.otherwise
    culprit = may_be_null(draw)
    if culprit is not None:
        findings.report(
            "nullable",
            culprit,
            f"this may be null, but a stay in `{state.name.text}` has a length",
            "give a value with `coalesce(..., value)`",
        )
        return UnknownDraw(state.sojourn.span)
    return draw if check_stay(draw, state.name.text, findings) else UnknownDraw(draw.span)


def _next(
    node: tree.Pathway, state: tree.State, enum: EnumType, scope: Scope, findings: Findings
) -> DrawNode:
    """The draw of the state that follows."""
    type_ = Type(Kind.ENUM, enum=enum)
    if isinstance(state.next, tree.Index):
        draw = type_lookup(state.next, state.next.base.text, type_, scope, findings)
    else:
        draw = _weighted(node, state.next, enum, scope, findings)
    culprit = None if isinstance(draw, UnknownDraw) else may_be_null(draw)
    if culprit is not None or (isinstance(draw, LookupDraw) and None in draw.values):
        findings.report(
            "nullable",
            culprit or draw.span,
            f"this may be null, but after `{state.name.text}` some state follows",
            "give a value with `coalesce(..., value)`",
        )
        return UnknownDraw(state.next.span)
    return draw


def _weighted(
    node: tree.Pathway, weights: tree.Weights, enum: EnumType, scope: Scope, findings: Findings
) -> DrawNode:
    """Weights over states; their names mean states, whatever else has such a name."""
    outcomes: dict[str, Span] = {}
    is_fine = True
    for entry in weights.entries:
        name = _state_name(entry.outcome, enum)
        if name not in enum.members:
            typed = entry.outcome.span.text[:40]
            if any(_finals(node)):  # without, it is reported that no state is final
                findings.report(
                    "unknown-state",
                    entry.outcome.span,
                    f"pathway `{node.name.text}` has no state `{typed}`",
                    closest(typed, enum),
                )
            is_fine = False
        elif name in outcomes:
            findings.report(
                "duplicate-outcome",
                entry.outcome.span,
                f"`{name}` has two weights",
                "add them up",
            )
            is_fine = False
        else:
            outcomes[name] = entry.span
    shares = type_weights(weights, scope, findings)
    if shares is None or not is_fine:
        return UnknownDraw(weights.span)
    return CategoricalDraw(weights.span, tuple(outcomes), shares, tuple(outcomes.values()))


def _state_name(node: tree.Expression, enum: EnumType) -> str:
    """`icu`, or `admission.icu`; empty for anything else."""
    if not isinstance(node, tree.Path):
        return ""
    *head, name = node.names
    return name if head in ([], [enum.name]) else ""
