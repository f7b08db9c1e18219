"""Mistakes that people make with tables that belong together, and what they meant."""

from __future__ import annotations

import re
from collections.abc import Sequence

from synthdsl.diagnostics import Diagnostic
from synthdsl.language.lexer import Lexeme
from synthdsl.source import Span

_AGGREGATES = ("any", "all", "none", "count", "sum", "mean", "min", "max", "disjoint", "distinct")
_INSIDE = ("key", "correlate", "missing", "use", "let", "learn")
_REFERRED = re.compile(r"\s*ref\s+([A-Za-z]\w*)")


def mistake_with_tables(
    span: Span, expected: set[str], before: Sequence[Lexeme], found: Lexeme
) -> Diagnostic | None:
    """The diagnostic for a word at `span` that cannot follow `before`, if it is a known mistake."""
    if not before:
        return _outside(span, expected, found)
    texts = [x.text for x in before]
    for look in (_row_without_name, _condition_of_rows, _reference, _number_of_rows, _state, _rows):
        advice = look(span, texts, found)
        if advice is not None:
            return Diagnostic("syntax", span, *advice)
    return None


def type_of_reference(span: Span) -> str | None:
    """The table of the `ref` that stands behind `span`, if one does."""
    match = _REFERRED.match(span.source.text, span.end)
    return None if match is None else match[1]


def is_of_state(span: Span) -> bool:
    """Whether the line goes on with `->`, as states of pathways do."""
    text = span.source.text
    end = text.find("\n", span.end)
    return "->" in text[span.end : len(text) if end < 0 else end]


Advice = tuple[str, str] | None
"""What is wrong, and what to type."""


def _outside(span: Span, expected: set[str], found: Lexeme) -> Diagnostic | None:
    if found.text in _INSIDE and "LET" not in expected and "TABLE" in expected:
        return Diagnostic(
            "syntax",
            span,
            f"`{found.text}` stands inside of a table",
            "move it into `table name [size] { ... }`",
        )
    return None


def _row_without_name(span: Span, texts: list[str], found: Lexeme) -> Advice:
    """`per customer [`, `each customer:`, `each c in customer`."""
    if texts[-1] in ("starts", "where", "until") and texts[-3:-2] == ["per"]:
        texts = texts[:-1]
    elif found.kind == "NAME":
        return None
    if len(texts) < 2 or texts[-2] not in ("per", "each"):
        return None
    word, table = texts[-2:]
    if found.text == "in":
        return "rows are named after their table", "write `each customer c`"
    what = "the row above" if word == "per" else "the row"
    return (
        f"`{word} {table}` does not name {what}",
        f"write `{word} {table} {table[0]}`, and `{table[0]}.name` for its fields",
    )


def _condition_of_rows(span: Span, texts: list[str], found: Lexeme) -> Advice:
    """`rule r for each customer c`, `rule r keeping (x) each customer c`, two rows at once."""
    if texts[0] not in ("rule", "case"):
        return None
    if found.text == "each" and "keeping" in texts:
        return (
            "`each` stands before `keeping`",
            "write `rule name each patient p keeping (p.age): ...`",
        )
    if len(texts) == 2 and (found.kind == "NAME" or found.text == "for"):
        return (
            f"`{found.text}` cannot stand here after `{texts[1]}`",
            f"write `{texts[0]} {texts[1]} each patient p: ...`, or a `:` and the condition",
        )
    if found.text == "," and "each" in texts and len(texts) == texts.index("each") + 3:
        return (
            f"a {texts[0]} is for the rows of one table",
            "name the one that is above the other, and go through its rows: "
            "`any(... for v in p.visit)`",
        )
    return None


def _reference(span: Span, texts: list[str], found: Lexeme) -> Advice:
    """`ref` where none can stand, or with something else behind it."""
    if texts[-1] == "distinct" and found.text == "ref":
        return "`distinct` stands behind the table", "write `ref drug distinct`"
    if "ref" not in texts:
        return None
    if texts[-1] == "ref" and found.text == "(":
        return "`ref` takes a table without brackets", "write `ref store`"
    if texts[-1] == "ref" and found.kind == "NAME":
        return _reference_elsewhere(texts, found.text)
    behind = texts[texts.index("ref") + 2 :]
    is_in_place = "~" in texts and (not behind or behind[0] in ("where", "weight", "distinct"))
    if is_in_place and (found.kind == "NAME" or found.text in ("where", "by", "unique", "weight")):
        return (
            f"`{found.text}` cannot stand here after `{texts[-1]}`",
            "after `ref` and the table come `where condition`, `weight value`, `distinct`, "
            "in this order",
        )
    return None


def _reference_elsewhere(texts: list[str], table: str) -> Advice:
    is_field = len(texts) > 2 and texts[1] == ":"
    name = texts[0] if is_field else "x"
    if "{" in texts:
        return (
            "a `ref` is no value that could have a weight",
            f"choose it with `when`: `when {{condition: null, else: ref {table}}}`",
        )
    if not is_field or "~" not in texts:
        return (
            "`ref` draws a row: it stands behind `~`",
            f"write `{name}: {table} ~ ref {table}`",
        )
    return None


def _number_of_rows(span: Span, texts: list[str], found: Lexeme) -> Advice:
    """`[0, 5]`, `[count = 2]` and `[~ poisson(2)]` behind a table."""
    if texts[0] not in ("table", "pathway"):
        return None
    if len(texts) == 2 and (found.kind == "NAME" or found.text == "("):
        return (
            f"`{found.text}` cannot stand here after `{texts[1]}`",
            f"write `table {texts[1]} [100] {{`, or `table {texts[1]} per patient p "
            "[count ~ poisson(2)] {`",
        )
    if texts[0] == "pathway" and found.text == "[":
        return (
            "a pathway has as many rows as states are visited",
            "write `pathway name per patient p starts p.start {`",
        )
    if texts[-1] == "[" and found.text == "~":
        return "a number that is drawn is called `count`", "write `[count ~ poisson(2)]`"
    if len(texts) > 1 and texts[-2] == "[" and found.text == ",":
        return (
            "the number of rows is one number",
            "draw it: `[count ~ discrete_uniform(1, 5)]`",
        )
    if len(texts) > 1 and texts[-2] == "[" and found.text == "=":
        return "a number of rows is not assigned", "write `[2]`, or `[count ~ poisson(2)]`"
    if found.text == "from" or ("from" in texts and found.text == "["):
        return (
            "a table from a file has as many rows as that",
            f'write `table {texts[1]} from "file.csv" {{`',
        )
    if found.text in ("per", "where", "until", "starts", "["):
        order = (
            "`table name per patient p [2] where ... until ... {`"
            if texts[0] == "table"
            else "`pathway name per encounter e where ... starts e.start {`"
        )
        return f"`{found.text}` cannot stand here after `{texts[-1]}`", f"the order is {order}"
    return None


def _state(span: Span, texts: list[str], found: Lexeme) -> Advice:
    """States of a pathway: what follows has weights."""
    if len(texts) < 4 or texts[1] != ":":
        return None
    if found.kind == "_NL" and texts[-2] == "->":
        return (
            "the states that follow have weights",
            f"write `-> {{{texts[-1]}: 100%}}`",
        )
    return None


def _rows(span: Span, texts: list[str], found: Lexeme) -> Advice:
    """Aggregates as SQL and Python write them."""
    opened = max((i for i, text in enumerate(texts) if text == "("), default=0)
    name = texts[opened - 1] if opened else ""
    if name not in _AGGREGATES:
        return None
    inside = texts[opened + 1 :]
    if found.text == "*" and not inside:
        return f"`{name}` goes through rows", "write `count(v for v in visit)`"
    if found.text == "where" and inside and "for" not in inside:
        table = "".join(inside[inside.index("in") + 1 :] if "in" in inside else inside)
        return (
            f"`{name}` goes through rows, each of which has a name",
            f"write `{name}(x ... for x in {table} where x....)`"
            if name != "count"
            else f"write `count(x for x in {table} where x....)`",
        )
    if found.text == "for" and "for" in inside:
        return (
            "an aggregate has one `for`",
            "go through a path of tables, `for f in p.visit.lab`, or put one aggregate into "
            "another: `any(any(... for f in v.lab) for v in p.visit)`",
        )
    return None
