"""The catalogue of diagnostic codes: each once, with its severity and a one-line meaning."""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """Severity (`error` or `warning`) and the one-line meaning of a code."""

    severity: str
    meaning: str


CODES: dict[str, Code] = {}


def _declare(severity: str, **codes: str) -> None:
    for name, meaning in codes.items():
        CODES[name.replace("_", "-")] = Code(severity, meaning)
