"""A parsed file to a model: every stage of checking, in order."""

from __future__ import annotations

import hashlib
import re
from difflib import get_close_matches

from synthdsl.diagnostics import Diagnostic, has_errors
from synthdsl.language import tree
from synthdsl.language.parse import parse
from synthdsl.model.checks import CHECKS
from synthdsl.model.declarations import Declarations
from synthdsl.model.findings import Findings
from synthdsl.model.scope import FileScope
from synthdsl.model.spec import Parameter, SourceFile, Spec
from synthdsl.model.spelling import spell_constant
from synthdsl.model.table_building import build_tables
from synthdsl.source import Source, Span

LARGEST_SEED = 2**64 - 1


def build_spec(
    source: Source,
    *,
    folder: str = ".",
    params: dict[str, str] | None = None,
    allows_python: bool = False,
) -> tuple[Spec | None, list[Diagnostic]]:
    """The model of a spec, and every finding; None where there are errors.

    `folder` is where relative paths start; `params` sets parameters, as typed.
    """
    parsed, syntax = parse(source)
    if any(d.code == "file-too-large" for d in syntax):
        return None, syntax
    findings = Findings()
    declarations = Declarations(findings, params or {}, allows_python=allows_python)
    scope = declarations.main(parsed.file, source, folder)
    _check_overrides(params or {}, scope, findings)
    spec = _spec(parsed.file, scope, source, declarations, findings, allows_python=allows_python)
    _check_rest(parsed.file, findings, has_syntax_errors=bool(syntax))
    if not has_errors(findings.diagnostics) and not syntax:
        for check in CHECKS:
            check(spec, findings)
        _warn_unused(parsed.file, scope, findings)
    diagnostics = sorted(
        [*declarations.syntax, *syntax, *findings.diagnostics], key=Diagnostic.sort_key
    )
    return (None if has_errors(diagnostics) else spec), diagnostics


def _check_overrides(params: dict[str, str], scope: FileScope, findings: Findings) -> None:
    for name in params:
        if name not in scope.params or name not in scope.declared:
            close = get_close_matches(name, list(scope.params), n=1, cutoff=0.6)
            typed = Source("--set", f"{name}={params[name]}")
            findings.report(
                "unknown-param",
                Span(typed, 0, len(name)),
                f"the spec has no parameter `{name}`",
                f"did you mean `{close[0]}`?"
                if close
                else f"its parameters are {', '.join(scope.params)}"
                if scope.params
                else "it declares none",
            )


def _spec(
    file: tree.File,
    scope: FileScope,
    source: Source,
    declarations: Declarations,
    findings: Findings,
    *,
    allows_python: bool,
) -> Spec:
    names = [s for s in file.statements if isinstance(s, tree.SpecName)]
    seeds = [s for s in file.statements if isinstance(s, tree.Seed)]
    for repeated, what in ((names, "spec name"), (seeds, "seed")):
        if len(repeated) > 1:
            findings.report(
                "duplicate-name", repeated[1].span, f"the {what} is given twice", "keep one"
            )
    if seeds and seeds[0].value > LARGEST_SEED:
        findings.report("constant-overflow", seeds[0].span, "seeds reach 2^64 - 1")
    main = SourceFile(source.name, hashlib.sha256(source.text.encode()).hexdigest())
    spec = Spec(
        name=names[0].name.text if names else "spec",
        description=(names[0].description or "") if names else "",
        seed=seeds[0].value if seeds else 0,
        parameters=_parameters(file, scope),
        files=(main, *declarations.files),
        allows_python=allows_python,
    )
    build_tables(file, scope, spec, findings, allows_python=allows_python)
    return spec


def _parameters(file: tree.File, scope: FileScope) -> tuple[Parameter, ...]:
    """The parameters that the file declares, in order, with the values in force."""
    declared = [s for s in file.statements if isinstance(s, tree.Param)]
    known = [(node, scope.params.get(node.name.text)) for node in declared]
    return tuple(
        Parameter(
            node.name.text,
            str(constant.type),
            spell_constant(constant.value, constant.type),
            node.description or "",
        )
        for node, constant in known
        if constant is not None and not constant.type.is_unknown
    )


def _check_each(node: tree.Rule | tree.Case, tables: list[str], findings: Findings) -> None:
    """A rule or case outside of tables says for each row of which table it is."""
    word = "rule" if isinstance(node, tree.Rule) else "case"
    if node.each is None:
        named = [w for w in re.findall(r"\w+", node.condition.span.text) if w in tables]
        table = (named or tables or ["table"])[0]
        findings.report(
            "bad-rule",
            node.name.span,
            f"{word} `{node.name.text}` stands outside of a table and does not say for what",
            f"write `{word} {node.name.text} each {table} x: ...`, or move it into the table",
        )
    elif node.each.table.text not in tables:
        close = get_close_matches(node.each.table.text, tables, n=1, cutoff=0.6)
        findings.report(
            "unknown-name",
            node.each.table.span,
            f"there is no table `{node.each.table.text}`",
            f"did you mean `{close[0]}`?" if close else None,
        )


def _check_rest(file: tree.File, findings: Findings, *, has_syntax_errors: bool) -> None:
    words: dict[type, str] = {tree.Privacy: "privacy requirements"}
    tables = [s.name.text for s in file.statements if isinstance(s, tree.Table | tree.Pathway)]
    for node in file.statements:
        if isinstance(node, tree.Rule | tree.Case):
            _check_each(node, tables, findings)
        word = words.get(type(node))
        if word is not None:
            findings.report(
                "not-yet",
                node.span,
                f"{word} are part of the language, but not of this release",
                "remove it for now",
            )
    if not has_syntax_errors and not any(isinstance(s, tree.Table) for s in file.statements):
        findings.report(
            "no-table",
            Span(file.span.source, 0, 0),
            "the spec declares no table",
            "write `table name [1_000] { ... }`",
        )


def _warn_unused(file: tree.File, scope: FileScope, findings: Findings) -> None:
    words = {
        tree.Param: "parameter",
        tree.Lookup: "lookup",
        tree.Dist: "distribution",
        tree.Enumeration: "enum",
        tree.Fields: "field group",
    }
    if not any(isinstance(s, tree.Table) for s in file.statements):
        return
    for node in file.statements:
        word = words.get(type(node))
        if word is not None:
            name = node.name  # type: ignore[attr-defined]
            if name.text not in scope.used:
                findings.report(
                    "unused-name", name.span, f"{word} `{name.text}` is never used", "remove it"
                )
    for node in file.statements:
        if isinstance(node, tree.Import):
            for name in node.names:
                if name.text not in scope.used:
                    findings.report(
                        "unused-name",
                        name.span,
                        f"imported `{name.text}` is never used",
                        "remove it",
                    )
