"""Where the stages of the model put what they find wrong."""

from __future__ import annotations

from synthdsl.diagnostics import Diagnostic, Label
from synthdsl.source import Span


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
        key = (span.source.name, span.start, span.end, code)
        if key not in self._seen:
            self._seen.add(key)
            self.diagnostics.append(Diagnostic(code, span, message, help, labels, notes))
