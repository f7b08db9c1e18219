"""Expressions as text, typed, and evaluated as constants."""

from __future__ import annotations

from typing import Any

import synthdsl
from synthdsl.language import tree
from synthdsl.language.parse import parse
from synthdsl.model.expressions import Constant, Expr
from synthdsl.model.findings import Findings
from synthdsl.model.inference import infer
from synthdsl.model.scope import FileScope, Scope
from synthdsl.source import Source


def typed(text: str) -> tuple[Expr, list[str]]:
    """An expression typed without any fields in reach, and the codes of what is wrong with it."""
    source = Source("expression", f"language 1\nparam p: int = {text}\n")
    parsed, wrong = parse(source)
    assert not wrong, (text, wrong)
    (param,) = (s for s in parsed.file.statements if isinstance(s, tree.Param))
    findings = Findings()
    expression = infer(param.default, Scope(FileScope(source, ".")), findings)
    return expression, [d.code for d in findings.diagnostics if d.is_error]


def constant(text: str) -> tuple[str, Any]:
    """The type of a constant expression as a user writes it, and its raw value."""
    expression, wrong = typed(text)
    assert not wrong, (text, wrong)
    assert isinstance(expression, Constant), text
    return str(expression.type), expression.value


def columns(body: str, *, rows: int = 200, top: str = "", seed: int = 3) -> Any:
    """The rows of a table with the fields `body`, as an Arrow table."""
    text = f"language 1\nspec s\nseed {seed}\n{top}\ntable t [{rows}] {{\n{body}\n}}\n"
    return synthdsl.load("s.synth", text=text).generate()["t"]
