"""Diagnostics as GitHub workflow commands, which show up beside the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterable

from synthdsl.diagnostics import Diagnostic


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """One `::error …::…` or `::warning …::…` line for each finding; empty for none."""
    ordered = sorted(diagnostics, key=Diagnostic.sort_key)
    return "".join(_command(d) + "\n" for d in ordered)


def _command(diagnostic: Diagnostic) -> str:
    span = diagnostic.span
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(max(span.end, span.start))
    properties = {"file": span.source.name, "line": str(line), "col": str(column)}
    if end_line == line and end_column > column:
        # GitHub's end column is inclusive
        properties |= {"endLine": str(line), "endColumn": str(end_column - 1)}
    properties["title"] = diagnostic.code
    written = ",".join(f"{key}={_escape_property(value)}" for key, value in properties.items())
    message = [diagnostic.message, *diagnostic.notes]
    if diagnostic.help:
        message.append(f"help: {diagnostic.help}")
    return f"::{diagnostic.severity.value} {written}::{_escape(chr(10).join(message))}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
