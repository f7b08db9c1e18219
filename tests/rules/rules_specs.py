"""Specs of a few lines for the tests of rules, and what the analysis says of them."""

from __future__ import annotations

from synthdsl.diagnostics import Diagnostic
from synthdsl.model.build import build_spec
from synthdsl.model.findings import Findings
from synthdsl.model.spec import Spec
from synthdsl.rules.analysis import check_rules
from synthdsl.source import Source


def spec_of(text: str) -> Spec:
    """The model of a spec without its first line."""
    source = Source("example.synth", f"language 1\n{text}")
    spec, found = build_spec(source, folder=".", params={}, allows_python=False)
    assert spec is not None and not any(d.is_error for d in found), [d.message for d in found]
    return spec


def found_in(text: str) -> list[Diagnostic]:
    """What the analysis of rules reports, errors first."""
    findings = Findings()
    check_rules(spec_of(text), findings)
    return sorted(findings.diagnostics, key=lambda d: not d.is_error)


def errors_in(text: str) -> list[Diagnostic]:
    """The errors among them."""
    return [d for d in found_in(text) if d.is_error]
