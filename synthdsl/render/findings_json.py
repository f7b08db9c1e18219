"""Diagnostics as JSON (schema `synthdsl.diagnostics/1`)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from synthdsl.diagnostics import Diagnostic
from synthdsl.source import Span


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """All findings in order of reading, as one JSON object."""
    report = findings_report(diagnostics)
    return json.dumps(report.model_dump(mode="json", by_alias=True), indent=2) + "\n"


def findings_report(diagnostics: Iterable[Diagnostic]) -> Any:
    """The `models.FindingsReport` of `diagnostics`."""
    from synthdsl.render.models import Finding, FindingsReport, RelatedPlace

    ordered = sorted(diagnostics, key=Diagnostic.sort_key)
    errors = sum(d.is_error for d in ordered)
    return FindingsReport(
        errors=errors,
        warnings=len(ordered) - errors,
        diagnostics=tuple(
            Finding(
                **_place(d.span),
                code=d.code,
                severity=d.severity.value,
                message=d.message,
                help=d.help,
                notes=d.notes,
                labels=tuple(RelatedPlace(**_place(x.span), text=x.text) for x in d.labels),
            )
            for d in ordered
        ),
    )


def findings_schema() -> dict[str, Any]:
    """The JSON Schema of what `render_json` returns."""
    from synthdsl.render.models import FindingsReport

    return FindingsReport.model_json_schema(mode="serialization")


def _place(span: Span) -> dict[str, Any]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }
