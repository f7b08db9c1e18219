"""Diagnostics in the form that somebody asked for: text, json, github, sarif."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from synthdsl.diagnostics import Diagnostic

_MODULES = {"text": "text", "json": "findings_json", "github": "github", "sarif": "sarif"}
FINDING_FORMATS = tuple(_MODULES)


def render_findings(
    diagnostics: Sequence[Diagnostic], *, form: str, colour: bool = False, width: int = 100
) -> str:
    """All `diagnostics` in order of reading. `form` is one of `FINDING_FORMATS`.

    Only what `form` needs is loaded. `colour` and `width` matter to text alone, which ends in
    a line with the counts.
    """
    module = import_module(f"synthdsl.render.{_MODULES[form]}")
    if form != "text":
        rendered: str = getattr(module, f"render_{form}")(diagnostics)
        return rendered
    text: str = module.render_text(diagnostics, colour=colour, width=width)
    return text + module.render_summary(diagnostics) + "\n" if text else ""
