"""Where the stages of the model put what they find wrong."""

from __future__ import annotations

from synthdsl.diagnostics import Diagnostic, Label
from synthdsl.source import Span

_HELP = {
    "not-yet": "remove it for now",
    "unknown-name": "declare it, or correct the name",
    "unknown-function": "correct the name",
    "unknown-part": "correct the name",
    "bad-key": "correct the name",
    "correlate-field": "correct the name",
    "type-mismatch": "give a value of that type, or declare another type",
    "unit-mismatch": "convert it, or declare another unit",
    "bad-arguments": "correct the call",
    "misplaced-draw": "draw it in a `let` field first",
    "not-constant": "write a constant, or use a parameter",
    "lookup-file": "correct the file",
    "lookup-value": "correct the file",
    "missing-type-nullable": "remove `let`, or this statement",
    "unsatisfiable": "correct the condition",
}
"""What to type where the place that reports knows no better."""


class Findings:
    """Diagnostics collected while building a model; each place and code is reported once."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []
        self._seen: set[tuple[str, int, int, str]] = set()

    def report(
        self,
        code: str,
        span: Span,
        message: str,
        help: str | None = None,
        *,
        labels: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> None:
        """Add a diagnostic unless the same was found at the same place before."""
        help = help or _HELP.get(code)
        key = (span.source.name, span.start, span.end, code)
        if key not in self._seen:
            self._seen.add(key)
            self.diagnostics.append(Diagnostic(code, span, message, help, labels, notes))
