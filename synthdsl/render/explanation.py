"""An explanation of a spec as text, JSON or HTML: order, dependencies, how each field is drawn,
what each rule costs.

Works on anything shaped like `Explanation`; it reads attributes and computes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from synthdsl.render._account import (
    WIDTH,
    ComponentLike,
    RuleLike,
    account_html,
    account_text,
    changes_nothing,
    costs_nearly_everything,
    wrapped,
)
from synthdsl.render._figures import ProbabilityLike
from synthdsl.render._page import page
from synthdsl.render._related import (
    FamilyLike,
    MakingLike,
    RelatedLike,
    marked,
    order_html,
    order_text,
    place,
    relations_html,
    relations_text,
)
from synthdsl.render._width import display_width, pad, printable
from synthdsl.render.colours import Paint

if TYPE_CHECKING:
    from synthdsl.render.models import (
        Chance,
        ExplainedComponent,
        ExplainedFamily,
        ExplainedField,
        ExplainedMaking,
        ExplainedRule,
    )

EXPLANATION_FORMATS = ("text", "json", "html")
LEAST_ROOM = 40
"""Columns of the terminal that a sentence gets, however long the names before it are."""


class FieldLike(Protocol):
    """How one field comes about."""

    @property
    def name(self) -> str:
        """The field's name."""

    @property
    def type(self) -> str:
        """Its type as declared."""

    @property
    def how(self) -> str:
        """The draw or derivation, in words."""

    @property
    def depends_on(self) -> tuple[str, ...]:
        """Names of what it reads."""

    @property
    def slot(self) -> str | None:
        """Its stream of draws, if it has one."""

    @property
    def note(self) -> str | None:
        """Anything else worth knowing."""


class TableLike(RelatedLike, Protocol):
    """The fields of one table, in the order they are computed."""

    @property
    def name(self) -> str:
        """The table's name."""

    @property
    def rows(self) -> int | str | None:
        """Its number of rows, or how that is drawn."""

    @property
    def fields(self) -> Sequence[FieldLike]:
        """Its fields in order of computation."""

    @property
    def rules(self) -> Sequence[RuleLike]:
        """Its rules, with what they cost."""

    @property
    def components(self) -> Sequence[ComponentLike]:
        """Its fields that rules condition together."""


class ExplanationLike(Protocol):
    """The tables of a spec, in the order they are generated."""

    @property
    def tables(self) -> Sequence[TableLike]:
        """Its tables in order of generation."""

    @property
    def families(self) -> Sequence[FamilyLike]:
        """Those that hang together, with the order in which they are made."""


def render_explanation(
    explanation: ExplanationLike, *, form: str, title: str = "", colour: bool = False
) -> str:
    """`explanation` in `form`, one of `EXPLANATION_FORMATS`."""
    if form == "json":
        return _json(explanation)
    if form == "html":
        return _html(explanation, title)
    return _text(explanation, Paint(colour))


def _rows(table: TableLike) -> str:
    rows = table.rows
    if table.parent:
        return place(table)
    if rows is None:
        return ""
    counted = f"{rows:,} rows" if isinstance(rows, int) else str(rows)
    return f"{counted} of a file" if table.is_fixed else counted


def _text(explanation: ExplanationLike, paint: Paint) -> str:
    blocks = [_table_text(table, paint) for table in explanation.tables]
    blocks += [order_text(family, paint) for family in explanation.families]
    return "\n".join(blocks)


def _table_text(table: TableLike, paint: Paint) -> str:
    rows = _rows(table)
    lines = [paint("bold", f"table {printable(table.name)}") + (f" · {rows}" if rows else "")]
    lines += relations_text(table, paint)
    cells = [(printable(f.name), printable(f.type)) for f in table.fields]
    names = max((display_width(name) for name, _ in cells), default=0)
    types = max((display_width(kind) for _, kind in cells), default=0)
    numbers = len(str(len(cells)))
    indent = numbers + names + types + 8
    for number, (field, (name, kind)) in enumerate(zip(table.fields, cells, strict=True), 1):
        head = (
            f"  {paint('dim', f'{number:>{numbers}}')}  {paint('bold', pad(name, names))}  "
            f"{paint('dim', pad(kind, types))}  "
        )
        how = _wrapped(field.how, indent)
        lines += [head + how[0], *how[1:]]
        for word, value in _details(field):
            said = _wrapped(f"{word} {value}", indent)
            lines.append(" " * indent + paint("help", word) + said[0][len(word) :])
            lines += said[1:]
    lines += account_text(table.rules, table.components, paint)
    return "\n".join(lines) + "\n"


def _wrapped(text: str, indent: int) -> list[str]:
    """`text` in lines that leave room for `indent` columns; all but the first have them."""
    room = max(WIDTH - indent, LEAST_ROOM)
    lines = wrapped(text, room - 2) or [""]
    return [lines[0], *(" " * (indent + 2) + line for line in lines[1:])]


def _details(field: FieldLike) -> list[tuple[str, str]]:
    pairs = [
        ("reads", ", ".join(field.depends_on)),
        ("draws from", field.slot or ""),
        ("note:", field.note or ""),
    ]
    return [(word, value) for word, value in pairs if value]


def _json(explanation: ExplanationLike) -> str:
    from synthdsl.render.models import (
        ExplainedReference,
        ExplainedState,
        ExplainedTable,
        ExplanationReport,
    )

    report = ExplanationReport(
        tables=tuple(
            ExplainedTable(
                name=table.name,
                rows=_json_rows(table),
                parent=table.parent,
                variable=table.variable,
                count=table.count,
                where=table.where,
                until=table.until,
                starts=table.starts,
                states=tuple(
                    ExplainedState(name=s.name, stay=s.stay, following=s.following)
                    for s in table.states
                ),
                references=tuple(
                    ExplainedReference(fields=r.fields, table=r.table, how=r.how)
                    for r in table.references
                ),
                children=tuple(table.children),
                is_fixed=table.is_fixed,
                fields=tuple(map(_json_field, table.fields)),
                rules=tuple(map(json_rule, table.rules)),
                components=tuple(map(json_component, table.components)),
            )
            for table in explanation.tables
        ),
        families=tuple(map(_json_family, explanation.families)),
    )
    data = report.model_dump(mode="json", by_alias=True)
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _json_rows(table: TableLike) -> str:
    if table.parent:
        return table.count
    return "" if table.rows is None else str(table.rows)


def _json_family(family: FamilyLike) -> ExplainedFamily:
    from synthdsl.render.models import ExplainedFamily

    return ExplainedFamily(
        root=family.root, tables=family.tables, order=tuple(map(_json_making, family.order))
    )


def _json_making(made: MakingLike) -> ExplainedMaking:
    from synthdsl.render.models import ExplainedMaking

    return ExplainedMaking(
        kind=cast("Any", made.kind),
        table=made.table,
        fields=made.fields,
        about=made.about,
        rules=made.rules,
        scope=made.scope,
        kept=made.kept,
        parts=tuple(map(_json_making, made.parts)),
    )


def _json_field(field: FieldLike) -> ExplainedField:
    from synthdsl.render.models import ExplainedField

    return ExplainedField(
        name=field.name,
        type=field.type,
        how=field.how,
        depends_on=tuple(field.depends_on),
        slot=field.slot or "",
        note=field.note or "",
    )


def json_rule(rule: RuleLike) -> ExplainedRule:
    """A rule's account for JSON."""
    from synthdsl.render.models import ExplainedRule

    return ExplainedRule(
        name=rule.name,
        text=rule.text,
        kind=rule.kind,
        enforcement=rule.enforcement,
        demand=cast('Literal["hold", "true", "false"]', rule.demand),
        share=None if rule.share is None else float(rule.share),
        keeping=tuple(rule.keeping),
        scope=rule.scope,
        z=_json_chance(rule.z),
        z_without=None if rule.without is None else _json_chance(rule.without),
        changes_nothing=changes_nothing(rule),
        costs_nearly_everything=costs_nearly_everything(rule),
    )


def json_component(component: ComponentLike) -> ExplainedComponent:
    """A component's account for JSON."""
    from synthdsl.render.models import ExplainedComponent

    return ExplainedComponent(
        fields=tuple(component.fields),
        rules=tuple(component.rules),
        strategy=component.strategy,
        detail=component.detail,
        z=_json_chance(component.z),
        acceptance=component.acceptance,
        scope=component.scope,
        kept=tuple(component.kept),
    )


def _json_chance(probability: ProbabilityLike) -> Chance:
    from synthdsl.render.models import Chance

    value, low, high = (  # sums of shares may exceed 1 by a rounding
        min(max(x, 0.0), 1.0) for x in (probability.value, probability.low, probability.high)
    )
    return Chance(
        value=value,
        low=low,
        high=high,
        is_exact=probability.is_exact,
    )


def explanation_schema() -> dict[str, Any]:
    """The JSON Schema of the JSON form."""
    from synthdsl.render.models import ExplanationReport

    return ExplanationReport.model_json_schema(mode="serialization")


def _html(explanation: ExplanationLike, title: str) -> str:
    shown = title or "Explanation"
    body = [
        f"<header><h1>{escape(shown)}</h1><p>How each field comes about, in order.</p></header>"
    ]
    body.append("<main>")
    for table in explanation.tables:
        body += _table_html(table)
    for family in explanation.families:
        body += order_html(family)
    body.append("</main>")
    return page(f"{shown}: explanation", "\n".join(body))


def _table_html(table: TableLike) -> list[str]:
    name = escape(table.name)
    rows = escape(_rows(table))
    lines = [
        f'<section aria-labelledby="table-{name}">',
        f'<h2 id="table-{name}">{name} <small>{rows}</small></h2>',
        *relations_html(table),
        '<div class="wide"><table>',
        '<thead><tr><th scope="col">#</th><th scope="col">Field</th><th scope="col">Type</th>'
        '<th scope="col">How</th><th scope="col">Reads</th><th scope="col">Draws from</th></tr>'
        "</thead><tbody>",
    ]
    for number, field in enumerate(table.fields, 1):
        note = f'<p class="note">{marked(field.note)}</p>' if field.note else ""
        reads = ", ".join(f"<code>{escape(x)}</code>" for x in field.depends_on)
        slot = f"<code>{escape(field.slot)}</code>" if field.slot else ""
        lines.append(
            f'<tr><td class="number">{number}</td>'
            f'<th scope="row"><code>{escape(field.name)}</code></th>'
            f"<td><code>{escape(field.type)}</code></td>"
            f'<td class="meaning">{marked(field.how)}{note}</td>'
            f"<td>{reads}</td><td>{slot}</td></tr>"
        )
    account = account_html(table.rules, table.components)
    return [*lines, "</tbody></table></div>", *account, "</section>"]
