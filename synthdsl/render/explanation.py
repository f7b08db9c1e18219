"""An explanation of a spec as text, JSON or HTML: order, dependencies, how each field is drawn.

Works on anything shaped like `Explanation`; it reads attributes and computes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Any, Protocol

from synthdsl.render._page import page
from synthdsl.render._width import display_width, pad, printable
from synthdsl.render.colours import Paint

EXPLANATION_FORMATS = ("text", "json", "html")


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


class TableLike(Protocol):
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


class ExplanationLike(Protocol):
    """The tables of a spec, in the order they are generated."""

    @property
    def tables(self) -> Sequence[TableLike]:
        """Its tables in order of generation."""


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
    if rows is None:
        return ""
    return f"{rows:,} rows" if isinstance(rows, int) else str(rows)


def _text(explanation: ExplanationLike, paint: Paint) -> str:
    blocks = [_table_text(table, paint) for table in explanation.tables]
    return "\n".join(blocks)


def _table_text(table: TableLike, paint: Paint) -> str:
    rows = _rows(table)
    lines = [paint("bold", f"table {printable(table.name)}") + (f" · {rows}" if rows else "")]
    cells = [(printable(f.name), printable(f.type)) for f in table.fields]
    names = max((display_width(name) for name, _ in cells), default=0)
    types = max((display_width(kind) for _, kind in cells), default=0)
    numbers = len(str(len(cells)))
    indent = " " * (numbers + names + types + 8)
    for number, (field, (name, kind)) in enumerate(zip(table.fields, cells, strict=True), 1):
        lines.append(
            f"  {paint('dim', f'{number:>{numbers}}')}  {paint('bold', pad(name, names))}  "
            f"{paint('dim', pad(kind, types))}  {printable(field.how)}"
        )
        for word, value in _details(field):
            lines.append(f"{indent}{paint('help', word)} {printable(value)}")
    return "\n".join(lines) + "\n"


def _details(field: FieldLike) -> list[tuple[str, str]]:
    pairs = [
        ("reads", ", ".join(field.depends_on)),
        ("draws from", field.slot or ""),
        ("note:", field.note or ""),
    ]
    return [(word, value) for word, value in pairs if value]


def _json(explanation: ExplanationLike) -> str:
    from synthdsl.render.models import ExplainedField, ExplainedTable, ExplanationReport

    report = ExplanationReport(
        tables=tuple(
            ExplainedTable(
                name=table.name,
                rows="" if table.rows is None else str(table.rows),
                fields=tuple(
                    ExplainedField(
                        name=field.name,
                        type=field.type,
                        how=field.how,
                        depends_on=tuple(field.depends_on),
                        slot=field.slot or "",
                        note=field.note or "",
                    )
                    for field in table.fields
                ),
            )
            for table in explanation.tables
        )
    )
    data = report.model_dump(mode="json", by_alias=True)
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


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
    body.append("</main>")
    return page(f"{shown}: explanation", "\n".join(body))


def _table_html(table: TableLike) -> list[str]:
    name = escape(table.name)
    rows = escape(_rows(table))
    lines = [
        f'<section aria-labelledby="table-{name}">',
        f'<h2 id="table-{name}">{name} <small>{rows}</small></h2>',
        '<div class="wide"><table>',
        '<thead><tr><th scope="col">#</th><th scope="col">Field</th><th scope="col">Type</th>'
        '<th scope="col">How</th><th scope="col">Reads</th><th scope="col">Draws from</th></tr>'
        "</thead><tbody>",
    ]
    for number, field in enumerate(table.fields, 1):
        note = f'<p class="note">{escape(field.note)}</p>' if field.note else ""
        reads = ", ".join(f"<code>{escape(x)}</code>" for x in field.depends_on)
        slot = f"<code>{escape(field.slot)}</code>" if field.slot else ""
        lines.append(
            f'<tr><td class="number">{number}</td>'
            f'<th scope="row"><code>{escape(field.name)}</code></th>'
            f"<td><code>{escape(field.type)}</code></td>"
            f'<td class="meaning">{escape(field.how)}{note}</td>'
            f"<td>{reads}</td><td>{slot}</td></tr>"
        )
    return [*lines, "</tbody></table></div>", "</section>"]
