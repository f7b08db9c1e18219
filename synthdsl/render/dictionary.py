"""A data dictionary: one HTML page that says what every field is and shows what it looks like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from synthdsl.render._diagram import entity_diagram
from synthdsl.render._diagram_layout import DiagramTable
from synthdsl.render._page import page
from synthdsl.render._plots import plot

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class DictionaryField:
    """One exported field. Texts may be empty; `name` is that of the sample's column.

    `how` is the draw or derivation as typed; `range` its bounds, members or grid; `missing` how
    values get masked; `note` anything else.
    """

    name: str
    type: str
    unit: str = ""
    description: str = ""
    roles: tuple[str, ...] = ()
    how: str = ""
    range: str = ""
    is_nullable: bool = False
    missing: str = ""
    note: str = ""


@dataclass(frozen=True)
class DictionaryReference:
    """Fields of a table that hold the fields `to`, the key, of a row of table `table`."""

    fields: tuple[str, ...]
    table: str
    to: tuple[str, ...] = ()


@dataclass(frozen=True)
class DictionaryParent:
    """The table that another is under: each of its rows has `low` to `high` rows of that one
    (None: nothing bounds them), `each` in words; `words` says the same with the table's name.
    """

    table: str
    low: int = 0
    high: int | None = None
    each: str = "any number"
    words: str = ""

    @property
    def mark(self) -> str:
        """How many there are, as the picture shows it."""
        if self.high == 1:
            return "one" if self.low == 1 else "maybe"
        return "some" if self.low else "many"


@dataclass(frozen=True)
class DictionaryRule:
    """A rule that every row obeys, or the share of rows that it says."""

    name: str
    text: str
    share: str = ""


@dataclass(frozen=True)
class DictionaryTable:
    """One table: `rows` in words or digits, `key` the names of its key fields. `shape`: `table`,
    `pathway` or `file`; `picture`: an SVG of a pathway. `reads`: tables that latent fields refer
    to.
    """

    name: str
    fields: tuple[DictionaryField, ...]
    description: str = ""
    rows: str = ""
    key: tuple[str, ...] = ()
    references: tuple[DictionaryReference, ...] = ()
    rules: tuple[DictionaryRule, ...] = ()
    parent: DictionaryParent | None = None
    shape: str = "table"
    picture: str = ""
    reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class DictionaryParameter:
    """A parameter of the spec and the value in force."""

    name: str
    type: str
    value: str
    description: str = ""


@dataclass(frozen=True)
class DictionarySpec:
    """A whole spec."""

    name: str
    tables: tuple[DictionaryTable, ...]
    description: str = ""
    seed: str = ""
    parameters: tuple[DictionaryParameter, ...] = ()


def render_dictionary(spec: DictionarySpec, samples: Mapping[str, pa.Table]) -> str:
    """The page. `samples`: by table name, rows to plot; a field without a column gets no plot."""
    body = [*_header(spec), "<main>"]
    if len(spec.tables) > 1:
        body += [*_contents(spec), *_relations(spec)]
    if spec.parameters:
        body += _parameters(spec)
    for table in spec.tables:
        body += _table(table, samples.get(table.name), spec)
    sizes = {len(samples[t.name]) for t in spec.tables if t.name in samples}
    sampled = f" from a sample of up to {max(sizes):,} rows" if sizes else ""
    body += ["</main>", f"<footer>Synthetic data; plots{sampled}. Made by synthdsl.</footer>"]
    return page(f"{spec.name}: data dictionary", "\n".join(body))


def _header(spec: DictionarySpec) -> list[str]:
    fields = sum(len(table.fields) for table in spec.tables)
    facts = [("Tables", f"{len(spec.tables):,}"), ("Fields", f"{fields:,}")]
    if spec.seed:
        facts.append(("Seed", spec.seed))
    shown = "".join(f"<div><dt>{w}</dt><dd>{escape(v)}</dd></div>" for w, v in facts)
    lead = f'<p class="lead">{escape(spec.description)}</p>' if spec.description else ""
    return [
        f"<header><h1>{escape(spec.name)}</h1>{lead}",
        f'<dl class="facts">{shown}</dl></header>',
    ]


def _anchor(table: str) -> str:
    return "table-" + escape(table.replace(" ", "-"))


def _contents(spec: DictionarySpec) -> list[str]:
    items = "".join(
        f'<li><a href="#{_anchor(t.name)}">{escape(t.name)}</a></li>' for t in spec.tables
    )
    return [f'<nav aria-label="Tables"><ul>{items}</ul></nav>']


def _relations(spec: DictionarySpec) -> list[str]:
    """The picture, with the fields that link tables: keys first, then references."""
    parents = {t.name: (t.parent.table, t.parent.mark) for t in spec.tables if t.parent is not None}
    links = [
        (table.name, reference.fields[0], reference.table)
        for table in spec.tables
        for reference in table.references
        if reference.table not in _above(table, spec)
    ]
    links += [(table.name, "", target) for table in spec.tables for target in table.reads]
    picture = entity_diagram([_drawn(table) for table in spec.tables], parents, links)
    legend = _legend(spec, has_references=bool(links))
    return [
        "<h3>How the tables hang together</h3>",
        f'<div class="diagram wide">{picture}</div>',
        *([f'<p class="note">{legend}</p>'] if legend else []),
    ]


def _drawn(table: DictionaryTable) -> DiagramTable:
    """A table of the picture: its key, then what refers to other tables."""
    linked = {name: r.table for r in table.references for name in r.fields}
    names = dict.fromkeys((*table.key, *linked))
    lines = []
    for name in names:
        notes = ["key"] if name in table.key else []
        notes += [f"→ {linked[name]}"] if name in linked else []
        lines.append((name, " ".join(notes), name in table.key))
    about = table.rows
    if table.parent is not None:
        about = f"{table.parent.each} each" if table.parent.high is not None else ""
    if table.shape == "pathway":
        about = "pathway"
    is_number = about.replace(",", "").isdecimal()
    return DiagramTable(table.name, tuple(lines), about + " rows" * is_number, table.shape)


def _legend(spec: DictionarySpec, *, has_references: bool) -> str:
    said = []
    if any(table.parent is not None for table in spec.tables):
        said.append(
            "Tables stand under their parents; a crow's foot marks many rows under each, a bar "
            "one, a circle that there may be none."
        )
    if has_references:
        said.append(
            "Dashed arrows lead to tables that rows refer to, from the field that holds the key."
        )
    return " ".join(said)


def _above(table: DictionaryTable, spec: DictionarySpec) -> list[str]:
    """The tables above one, its parent first."""
    known = {t.name: t for t in spec.tables}
    found: list[str] = []
    while table.parent is not None and table.parent.table in known:
        found.append(table.parent.table)
        table = known[table.parent.table]
    return found


def _parameters(spec: DictionarySpec) -> list[str]:
    """The parameters, without columns that hold nothing."""
    columns = [("Type", [p.type for p in spec.parameters])]
    columns += [("Value", [p.value for p in spec.parameters])]
    shown = [(head, values) for head, values in columns if any(values)]
    says = any(p.description for p in spec.parameters)
    heads = ["Name", *(head for head, _ in shown), *(["Description"] if says else [])]
    rows = []
    for number, parameter in enumerate(spec.parameters):
        cells = "".join(f"<td><code>{escape(values[number])}</code></td>" for _, values in shown)
        cells += f"<td>{escape(parameter.description)}</td>" if says else ""
        name = f'<th scope="row"><code>{escape(parameter.name)}</code></th>'
        rows.append(f"<tr>{name}{cells}</tr>")
    titles = "".join(f'<th scope="col">{head}</th>' for head in heads)
    return [
        "<h3>Parameters</h3>",
        f'<div class="wide"><table><thead><tr>{titles}</tr></thead>',
        f"<tbody>{''.join(rows)}</tbody></table></div>",
    ]


def _table(table: DictionaryTable, sample: pa.Table | None, spec: DictionarySpec) -> list[str]:
    anchor = _anchor(table.name)
    is_number = table.rows.replace(",", "").isdecimal()
    rows = f" <small>{escape(table.rows)}{' rows' * is_number}</small>" if table.rows else ""
    heads = ("Field", "Type", "Meaning", "Sample")
    lines = [
        f'<section aria-labelledby="{anchor}"><h2 id="{anchor}">{escape(table.name)}{rows}</h2>'
    ]
    if table.description:
        lines.append(f"<p>{escape(table.description)}</p>")
    lines.append(_key_line(table))
    lines.append(_links_line(table, spec))
    if table.picture:
        lines.append(f'<div class="pathway wide">{table.picture}</div>')
    lines.append(
        '<div class="wide"><table class="fields"><thead><tr>'
        + "".join(f'<th scope="col">{head}</th>' for head in heads)
        + "</tr></thead><tbody>"
    )
    linked = {n: r.table for r in table.references for n in r.fields}
    lines += [_field(field, table, linked, sample) for field in table.fields]
    lines.append("</tbody></table></div>")
    lines += _rules(table)
    lines.append("</section>")
    return [line for line in lines if line]


def _key_line(table: DictionaryTable) -> str:
    if not table.key:
        return ""
    names = ", ".join(f"<code>{escape(name)}</code>" for name in table.key)
    return f'<p class="note">Key: {names}</p>'


def _links_line(table: DictionaryTable, spec: DictionarySpec) -> str:
    """What the table is under, above, refers to, and is referred to by."""
    known = {t.name for t in spec.tables}

    def linked(names: Iterable[str]) -> str:
        return ", ".join(
            f'<a href="#{_anchor(name)}">{escape(name)}</a>' for name in dict.fromkeys(names)
        )

    above = _above(table, spec)
    pairs = [
        ("Under", above[:1]),
        ("Above", [t.name for t in spec.tables if t.parent and t.parent.table == table.name]),
        (
            "Refers to",
            [
                *(r.table for r in table.references if r.table in known - set(above[:1])),
                *table.reads,
            ],
        ),
        (
            "Referred to by",
            [
                t.name
                for t in spec.tables
                if table.name in (*(r.table for r in t.references), *t.reads)
                and table.name not in _above(t, spec)[:1]
            ],
        ),
    ]
    shown = [f"{word}: {linked(names)}" for word, names in pairs if names]
    return f'<p class="note links">{" · ".join(shown)}</p>' if shown else ""


def _field(
    field: DictionaryField,
    table: DictionaryTable,
    linked: Mapping[str, str],
    sample: pa.Table | None,
) -> str:
    badges = [("key", "key")] if field.name in table.key else []
    badges += [(role, role) for role in field.roles]
    marks = "".join(f'<span class="badge {escape(k)}">{escape(t)}</span>' for k, t in badges)
    if field.name in linked:
        target = linked[field.name]
        marks += f'<a class="badge key" href="#{_anchor(target)}">refers to {escape(target)}</a>'
    marks = f'<div class="badges">{marks}</div>' if marks else ""
    kind = f'<code class="type">{escape(field.type)}</code>'
    if field.unit:
        kind += f'<br><span class="unit">unit {escape(field.unit)}</span>'
    if field.is_nullable:
        kind += '<br><span class="null">may be null</span>'
    picture = ""
    if sample is not None and field.name in sample.column_names:
        above = table.parent is not None and linked.get(field.name) == table.parent.table
        picture = plot(sample.column(field.name), field.name, is_key=above)
    return (
        f'<tr><th scope="row"><code>{escape(field.name)}</code>{marks}</th><td>{kind}</td>'
        f'<td class="meaning">{_meaning(field)}</td><td class="plot">{picture}</td></tr>'
    )


def _meaning(field: DictionaryField) -> str:
    parts = []
    if field.description:
        parts.append(f"<div>{escape(field.description)}</div>")
    if field.range:
        parts.append(f'<div class="range">Values: {escape(field.range)}</div>')
    if field.how:
        parts.append(f'<div class="how"><code>{escape(field.how)}</code></div>')
    if field.missing:
        parts.append(f'<div class="note">Masked: <code>{escape(field.missing)}</code></div>')
    if field.note:
        parts.append(f'<div class="note">{escape(field.note)}</div>')
    return "".join(parts)


def _rules(table: DictionaryTable) -> list[str]:
    if not table.rules:
        return []
    rows = "".join(
        f'<tr><th scope="row"><code>{escape(rule.name)}</code></th>'
        f"<td><code>{escape(rule.text)}</code></td>"
        f"<td>{escape(rule.share or 'every row')}</td></tr>"
        for rule in table.rules
    )
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("Rule", "Condition", "Holds for"))
    return [
        f'<h3>Rules</h3><div class="wide"><table><thead><tr>{heads}</tr></thead>',
        f"<tbody>{rows}</tbody></table></div>",
    ]
