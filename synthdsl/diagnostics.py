"""Diagnostics are data: a code, a place, a message with the value, what to type.

Stages return `(result, diagnostics)`; only the façade raises, and what it raises is a
`SynthError` that carries them all. Renderers live in `synthdsl.render`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from synthdsl.codes import CODES
from synthdsl.source import Span


class Severity(Enum):
    """How much a finding matters. Only errors stop a spec from being used."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Label:
    """A further place that a diagnostic speaks of, with an optional short remark."""

    span: Span
    text: str = ""


@dataclass(frozen=True)
class Diagnostic:
    """One finding.

    `code` is a key of `CODES`; `message` says what is wrong, with the value; `help` says what
    to type; `labels` show further places; `notes` give the arithmetic.
    """

    code: str
    span: Span
    message: str
    help: str | None = None
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a code that the catalogue does not know."""
        if self.code not in CODES:
            raise KeyError(f"unknown diagnostic code {self.code!r}")

    @property
    def severity(self) -> Severity:
        """Severity that the catalogue gives this code."""
        return Severity(CODES[self.code].severity)

    @property
    def is_error(self) -> bool:
        """Whether this finding stops the spec from being used."""
        return self.severity is Severity.ERROR

    def sort_key(self) -> tuple[str, int, int, str]:
        """Order of reading: by file, then place."""
        return (self.span.source.name, self.span.start, self.span.end, self.code)


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of `diagnostics` is an error."""
    return any(diagnostic.is_error for diagnostic in diagnostics)


class SynthError(Exception):
    """What the façade raises: every finding of the stage that failed, or one plain message.

    `exit_code` is what the command line returns for it: 1 findings, 2 usage or unreadable or
    unwritable files, 3 a spec that cannot be satisfied.
    """

    def __init__(
        self, message: str, *, diagnostics: Iterable[Diagnostic] = (), exit_code: int = 1
    ) -> None:
        super().__init__(message)
        self.message = message
        self.diagnostics = tuple(diagnostics)
        self.exit_code = exit_code

    def __str__(self) -> str:
        """The message, followed by each finding on a line of its own."""
        return "\n".join([self.message, *map(_line, self.diagnostics)])


def _line(d: Diagnostic) -> str:
    place = f"{d.span.source.name}:{d.span.line}:{d.span.column}"
    advice = f" (help: {d.help})" if d.help else ""
    return f"{place}: {d.severity.value}[{d.code}]: {d.message}{advice}"
