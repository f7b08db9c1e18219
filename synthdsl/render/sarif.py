"""Diagnostics as SARIF 2.1.0 (OASIS standard, 27 March 2020), for code scanning services."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

import synthdsl
from synthdsl.codes import CODES
from synthdsl.diagnostics import Diagnostic, Label
from synthdsl.source import Span

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render_sarif(diagnostics: Iterable[Diagnostic]) -> str:
    """One run with all findings in order of reading, as one JSON object."""
    ordered = sorted(diagnostics, key=Diagnostic.sort_key)
    codes = sorted({d.code for d in ordered})
    run = {
        "tool": {
            "driver": {
                "name": "synthdsl",
                "version": synthdsl.__version__,
                "semanticVersion": synthdsl.__version__,
                "rules": [_rule(code) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(d, codes.index(d.code)) for d in ordered],
    }
    document = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2) + "\n"


def _rule(code: str) -> dict[str, Any]:
    return {
        "id": code,
        "shortDescription": {"text": CODES[code].meaning},
        "defaultConfiguration": {"level": CODES[code].severity},
    }


def _result(diagnostic: Diagnostic, rule: int) -> dict[str, Any]:
    text = [diagnostic.message, *diagnostic.notes]
    if diagnostic.help:
        text.append(f"help: {diagnostic.help}")
    result = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity.value,
        "message": {"text": "\n".join(text)},
        "locations": [{"physicalLocation": _location(diagnostic.span)}],
    }
    if diagnostic.labels:
        result["relatedLocations"] = _related(diagnostic.labels)
    return result


def _related(labels: Sequence[Label]) -> list[dict[str, Any]]:
    related: list[dict[str, Any]] = []
    for number, label in enumerate(labels):
        place: dict[str, Any] = {"id": number, "physicalLocation": _location(label.span)}
        if label.text:
            place["message"] = {"text": label.text}
        related.append(place)
    return related


def _location(span: Span) -> dict[str, Any]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(max(span.end, span.start))
    return {
        "artifactLocation": {"uri": _uri(span.source.name)},
        "region": {
            "startLine": line,
            "startColumn": column,
            "endLine": end_line,
            "endColumn": end_column,
        },
    }


def _uri(name: str) -> str:
    path = PurePath(name)
    if path.is_absolute():
        return Path(path).as_uri()
    return quote(path.as_posix().encode("utf-8", "surrogateescape"))
