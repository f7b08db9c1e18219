"""What rules did to the rows of a run, as HTML or JSON: declared against realised."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from synthdsl.render._account import account_html
from synthdsl.render._comparison import comparison_plot
from synthdsl.render._figures import chance_text
from synthdsl.render._page import page
from synthdsl.render.expectations import render_measured
from synthdsl.render.moves import figures, moved_fields, others, percent

if TYPE_CHECKING:
    from synthdsl.io.manifest import RunFocus
    from synthdsl.plan.account import Account
    from synthdsl.plan.movement import ExceptionShare, MovedField, TableMovement
    from synthdsl.render.report_models import MovementReport, ReportField, ReportFocus

REPORT_FORMATS = ("html", "json")


@dataclass(frozen=True)
class Report:
    """A run and what its rules did. `case` is what all rows of a table meet, `broken_rule` what
    all break.
    """

    spec: str
    description: str
    seed: int
    account: Account
    tables: tuple[TableMovement, ...]
    expectations: tuple[Any, ...]
    case: RunFocus | None = None
    broken_rule: RunFocus | None = None


def render_report(report: Report, *, form: str) -> str:
    """`report` in `form`, one of `REPORT_FORMATS`."""
    return _json(report) if form == "json" else _html(report)


# HTML


def _html(report: Report) -> str:
    body = [*_header(report), "<main>"]
    if not report.tables:
        body.append("<p>The spec has no rules: every field is as declared.</p>")
    for table in report.tables:
        body += _table(table, report.account)
    body += [*_expectations(report), "</main>", *_footer(report)]
    return page(f"{report.spec}: report", "\n".join(body))


def _header(report: Report) -> list[str]:
    facts = [("Seed", str(report.seed))]
    facts += [(f"Rows of {t.name}", f"{t.of_rows:,}") for t in report.tables]
    if report.case is not None:
        facts.append(("Case, met by every row", f"{report.case.name}: {report.case.condition}"))
    if report.broken_rule is not None:
        broken = report.broken_rule
        facts.append(("Rule, broken by every row", f"{broken.name}: {broken.condition}"))
    shown = "".join(f"<div><dt>{escape(w)}</dt><dd>{escape(v)}</dd></div>" for w, v in facts)
    lead = report.description or "What its rules did to the rows"
    return [
        f'<header><h1>{escape(report.spec)}</h1><p class="lead">{escape(lead)}</p>',
        f'<dl class="facts">{shown}</dl></header>',
    ]


def _table(table: TableMovement, account: Account) -> list[str]:
    name = escape(table.name)
    moved = moved_fields(table)
    still = [field for field in table.fields if not field.is_moved]
    lines = [
        f'<section aria-labelledby="table-{name}">',
        f'<h2 id="table-{name}">{name} <small>{_measured_rows(table)}</small></h2>',
        *account_html(
            [rule for rule in account.rules if rule.table == table.name],
            [part for part in account.components if part.table == table.name],
        ),
        *_exceptions(table.exceptions),
        "<h3>What the rules moved</h3>",
    ]
    if moved:
        lines.append(_LEGEND)
        lines += _fields(moved)
    else:
        lines.append("<p>Nothing, beyond what chance does.</p>")
    if still:
        lines += [
            f"<details><summary>{len(still)} field{'s' * (len(still) > 1)} that rules read or "
            f"reach, unchanged beyond chance: {_names([f.name for f in still])}</summary>",
            *_fields(still),
            "</details>",
        ]
    lines += _listed("As declared, for no rule reaches them", table.untouched)
    for why in dict.fromkeys(why for _, why in table.unmeasured):
        names = tuple(name for name, reason in table.unmeasured if reason == why)
        lines += _listed(f"Not compared ({why})", names)
    return [*lines, "</section>"]


_LEGEND = (
    '<p class="note legend"><svg width="14" height="12" viewBox="0 0 14 12" aria-hidden="true">'
    '<path class="declared" d="M1 11V2h12v9"/></svg> declared '
    '<svg width="14" height="12" viewBox="0 0 14 12" aria-hidden="true">'
    '<rect class="bar" x="1" y="2" width="12" height="10"/></svg> realised; '
    "± is the standard error of the difference</p>"
)


def _measured_rows(table: TableMovement) -> str:
    if table.root:
        roots = f"{table.roots:,} rows of {table.root}"
        if table.roots < table.of_roots:
            roots = f"the first {table.roots:,} of {table.of_roots:,} rows of {table.root}"
        return f"{table.rows:,} rows under {roots}"
    if table.rows == table.of_rows:
        return f"{table.rows:,} rows"
    return f"measured on the first {table.rows:,} of {table.of_rows:,} rows"


def _names(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"<code>{escape(name)}</code>" for name in names)


def _listed(about: str, names: tuple[str, ...]) -> list[str]:
    return [f"<p>{escape(about)}: {_names(names)}</p>"] if names else []


def _fields(fields: list[MovedField]) -> list[str]:
    lines = [
        '<div class="wide"><table class="moves"><thead><tr><th scope="col">Field</th>'
        '<th scope="col">Declared, realised</th><th scope="col">Plot</th></tr></thead><tbody>'
    ]
    for field in fields:
        notes = []
        if not field.is_conditioned:
            notes.append("follows from fields that rules condition")
        if field.is_latent:
            notes.append("latent: not exported")
        about = "".join(f'<p class="note">{note}</p>' for note in notes)
        lines.append(
            f'<tr><th scope="row"><code>{escape(field.name)}</code>'
            f'<p class="note type">{escape(str(field.type))}</p>'
            f'<p class="note">moved by {percent(field.distance)}</p>{about}</th>'
            f"<td>{_figures(field)}</td>"
            f'<td class="plot">{comparison_plot(field)}</td></tr>'
        )
    return [*lines, "</tbody></table></div>"]


def _figures(field: MovedField) -> str:
    rows = []
    for figure in figures(field):
        error = f"± {figure.error}" if figure.error else ""
        rows.append(
            f'<tr><th scope="row">{escape(figure.label)}</th><td>{escape(figure.declared)}</td>'
            f"<td>→</td><td>{escape(figure.realised)}</td>"
            f'<td class="note">{escape(error)}</td></tr>'
        )
    if others(field):
        rows.append(f'<tr><td colspan="5" class="note">and {others(field):,} others</td></tr>')
    return f'<table class="figures"><tbody>{"".join(rows)}</tbody></table>'


def _exceptions(found: tuple[ExceptionShare, ...]) -> list[str]:
    if not found:
        return []
    lines = [
        "<h3>Exceptions of soft rules</h3>",
        '<div class="wide"><table><thead><tr><th scope="col">Rule</th>'
        '<th scope="col">Declared</th><th scope="col">Observed</th>'
        '<th scope="col">95 % interval</th><th scope="col">Rows</th></tr></thead><tbody>',
    ]
    for one in found:
        observed = one.exceptions / one.rows if one.rows else 0.0
        far = "" if one.is_compatible else '<p class="note">declared share outside</p>'
        lines.append(
            f'<tr><th scope="row"><code>{escape(one.rule)}</code></th>'
            f'<td class="figure">{chance_text(one.declared)}</td>'
            f'<td class="figure">{chance_text(observed)}</td>'
            f'<td class="figure">{chance_text(one.low)} to {chance_text(one.high)}{far}</td>'
            f'<td class="figure">{one.exceptions:,} of {one.rows:,}</td></tr>'
        )
    return [*lines, "</tbody></table></div>"]


def _expectations(report: Report) -> list[str]:
    if not report.expectations:
        return []
    items = "".join(
        f"<li>{escape(render_measured(one, colour=False))}</li>" for one in report.expectations
    )
    return [f"<section><h2>Expectations</h2><ul>{items}</ul></section>"]


def _footer(report: Report) -> list[str]:
    sizes = {table.pilot_rows for table in report.tables}
    said = ""
    if sizes and any(table.root for table in report.tables):
        said = (
            f"Declared: the same spec without its rules, measured on {min(sizes):,} to "
            f"{max(sizes):,} rows of each table, from a pilot with a fixed seed. Rows under one "
            "row are alike: errors are those of so many independent rows as they are worth. "
        )
    elif sizes:
        said = (
            f"Declared: the same spec without its rules, measured on {max(sizes):,} rows of a "
            f"pilot with a fixed seed (a share of 50 % has a standard error of "
            f"{50 / max(sizes) ** 0.5:.2f} %). "
        )
    return [
        f"<footer>{said}Shares that a declaration gives as constants are exact. Realised: the "
        "rows of this run, before <code>missing</code> masks "
        "anything. Moved by: total variation of shares, or the largest difference of the "
        "distribution functions. Synthetic data; made by synthdsl.</footer>"
    ]


# JSON


def _json(report: Report) -> str:
    data = _document(report).model_dump(mode="json", by_alias=True)
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def report_schema() -> dict[str, Any]:
    """The JSON Schema of the JSON form."""
    from synthdsl.render.report_models import MovementReport

    return MovementReport.model_json_schema(mode="serialization")


def _document(report: Report) -> MovementReport:
    from synthdsl.render.explanation import json_component, json_rule
    from synthdsl.render.report_models import (
        MovementReport,
        ReportExpectation,
        ReportTable,
        SoftRule,
    )

    return MovementReport(
        spec=report.spec,
        seed=report.seed,
        case=_json_focus(report.case),
        broken_rule=_json_focus(report.broken_rule),
        tables=tuple(
            ReportTable(
                name=table.name,
                first_row=table.start,
                rows_measured=table.rows,
                rows=table.of_rows,
                root=table.root,
                roots_measured=table.roots,
                roots=table.of_roots,
                pilot_rows=table.pilot_rows,
                rules=tuple(json_rule(r) for r in report.account.rules if r.table == table.name),
                components=tuple(
                    json_component(c) for c in report.account.components if c.table == table.name
                ),
                fields=tuple(map(_json_field, table.fields)),
                as_declared=table.untouched,
                not_compared=dict(table.unmeasured),
                soft_rules=tuple(
                    SoftRule(
                        rule=one.rule,
                        declared=one.declared,
                        rows=one.rows,
                        exceptions=one.exceptions,
                        low=one.low,
                        high=one.high,
                    )
                    for one in table.exceptions
                ),
            )
            for table in report.tables
        ),
        expectations=tuple(
            ReportExpectation(
                text=one.text, is_met=one.is_met, values=dict(one.values), rows=one.rows
            )
            for one in report.expectations
        ),
    )


def _json_focus(focus: RunFocus | None) -> ReportFocus | None:
    from synthdsl.render.report_models import ReportFocus

    if focus is None:
        return None
    return ReportFocus(table=focus.table, name=focus.name, condition=focus.condition)


def _json_field(field: MovedField) -> ReportField:
    from synthdsl.render.report_models import ReportField, ReportMarginal

    def marginal(which: str) -> ReportMarginal:
        one = getattr(field, which)
        counts = None if one.counts is None else [int(count) for count in one.counts]
        return ReportMarginal(
            rows=one.rows,
            nulls=one.nulls,
            counts=None if counts is None else dict(zip(field.words, counts, strict=True)),
            exact_shares=None
            if one.shares is None
            else {
                word: float(share) for word, share in zip(field.words, one.shares[:-1], strict=True)
            },
            mean=one.mean,
            mean_standard_error=one.standard_error,
            sd=one.sd,
            design_effects=None if one.effects is None else [float(x) for x in one.effects],
            quantiles=None
            if one.quantiles is None
            else dict(zip(("0.05", "0.5", "0.95"), one.quantiles, strict=True)),
        )

    return ReportField(
        name=field.name,
        type=str(field.type),
        is_conditioned=field.is_conditioned,
        is_latent=field.is_latent,
        declared=marginal("declared"),
        realised=marginal("realised"),
        distance=field.distance,
        is_moved=field.is_moved,
    )
