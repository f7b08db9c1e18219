"""From wrong text to advice: what was found, what could have stood there, what to type."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from synthdsl.diagnostics import Diagnostic
from synthdsl.language.lexer import BARE_UNITS, HEADS, Lexeme
from synthdsl.language.table_mistakes import is_of_state, mistake_with_tables, type_of_reference
from synthdsl.source import Span

_WRITE_INSTEAD = {
    "&&": "write `and`",
    "||": "write `or`",
    "**": "write `^` for powers",
    "<>": "write `!=`",
    "=>": "write `->` for an implication, `>=` for a comparison",
    "=<": "write `<=`",
    ";": "end a statement with a line end",
    "!": "write `not`",
    "\u2264": "write `<=`",
    "\u2265": "write `>=`",
    "\u2260": "write `!=`",
    "\u2212": "write `-`",
    "\u2013": "write `-`",
    "\u2014": "write `-`",
    "\u00d7": "write `*`",
    "\u22c5": "write `*`",
    "\u00f7": "write `/`",
    "\u2192": "write `->`",
    "\u223c": "write `~`",
    "\uff5e": "write `~`",
}
_CURLY = "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb"
_DESCRIPTIONS = {
    "NAME": "a name",
    "STRING": "a string in double quotes",
    "INT": "a whole number",
    "_NL": "the end of the line",
    "UNIT": "a unit such as `<kg>`",
    "COMPARE": "a comparison",
    "PERCENT": "a percentage",
    "DATE": "a date",
}
_PUNCTUATION = {
    "COLON": ":", "EQUAL": "=", "TILDE": "~", "LPAR": "(", "RPAR": ")", "LBRACE": "{",
    "RBRACE": "}", "LSQB": "[", "RSQB": "]", "COMMA": ",", "__ANON_0": "->", "DOT": ".", "AT": "@",
}  # fmt: skip


def lexical_mistake(lexeme: Lexeme, span: Span) -> Diagnostic:
    """The diagnostic for text that is no token at all."""
    text = lexeme.text
    shown = text if len(text) <= 40 else text[:37] + "..."
    if lexeme.reason == "open-string":
        return Diagnostic(
            "unclosed-string",
            span,
            f'the string {shown} has no closing `"` on this line',
            'close it with `"`',
        )
    if lexeme.reason == "too-deep":
        return Diagnostic(
            "too-deep", span, "brackets nest too deep here", "name parts with `let` fields"
        )
    if lexeme.reason == "bad-number":
        return Diagnostic("bad-number", span, f"`{shown}` is not a number", _number_help(text))
    if text.startswith("'"):
        inner = text.strip("'")
        return Diagnostic(
            "bad-character", span, "strings stand in double quotes", f'write "{inner}"'
        )
    if text[0] in _CURLY:
        inner = text.strip(_CURLY + "\"'")
        return Diagnostic(
            "bad-character", span, f"`{shown}` has curly quotes", f'write straight ones: "{inner}"'
        )
    if text[0].isalpha() or text[0] == "_":
        return Diagnostic(
            "bad-character",
            span,
            f"the name `{shown}` has letters beyond a to z",
            'write names with A-Z, a-z, 0-9 and `_`; export it under its own: `as "' + shown + '"`',
        )
    if not text.isprintable():
        return Diagnostic(
            "bad-character", span, f"the character U+{ord(text[0]):04X} cannot be seen", "remove it"
        )
    help_ = _WRITE_INSTEAD.get(text) or "remove it"
    return Diagnostic("bad-character", span, f"`{shown}` is not part of the language", help_)


def _number_help(text: str) -> str:
    if len(text) > 80:
        return "write at most 80 characters"
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
    unit = text[len(digits) :]
    if digits.isdigit() and unit:
        return f"write text as \"{text}\", or a quantity as {digits} '{unit}'"
    return f'write text as "{text}"'


def explain(span: Span, expected: set[str], before: Sequence[Lexeme], found: Lexeme) -> Diagnostic:
    """The diagnostic for a token that cannot stand where it stands."""
    special = _well_known(span, expected, before, found)
    if special is not None:
        return special
    what = _found_text(found)
    options = _options(expected)
    after = f" after `{before[-1].text}`" if before and before[-1].text.strip() else ""
    message = f"{what} cannot stand here{after}"
    help_ = f"expected {options}" if options else None
    return Diagnostic("syntax", span, message, help_)


def _found_text(found: Lexeme) -> str:
    if found.kind == "_NL":
        return "the end of the line"
    if found.kind == "$END":
        return "the end of the file"
    shown = found.text if len(found.text) <= 40 else found.text[:37] + "..."
    return f"`{shown}`"


def _options(expected: set[str]) -> str:
    """The few things that could have stood here, in words."""
    if "PLUS" in expected or "COMPARE" in expected:
        closing = [t for t in ("RPAR", "RSQB", "RBRACE", "COMMA", "ELSE") if t in expected]
        words = [f"`{_PUNCTUATION.get(t, t.lower())}`" for t in closing]
        return ", ".join(["an operator", *words[:3]])
    if "WHEN" in expected and "STRING" in expected and "MINUS" in expected:
        return "a value"
    names = []
    for terminal in sorted(expected):
        if terminal in _PUNCTUATION:
            names.append(f"`{_PUNCTUATION[terminal]}`")
        elif terminal in _DESCRIPTIONS:
            names.append(_DESCRIPTIONS[terminal])
        elif not terminal.startswith(("$", "_", "BROKEN")):
            names.append(f"`{terminal.lower()}`")
    if len(names) > 8:
        return ""
    return (
        names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1] if names else ""
    )


def _well_known(
    span: Span, expected: set[str], before: Sequence[Lexeme], found: Lexeme
) -> Diagnostic | None:
    """Mistakes that people often make, with what they meant."""
    previous = before[-1] if before else None
    if not before and found.kind == "NAME":
        return _bad_statement(span, expected, found)
    of_tables = mistake_with_tables(span, expected, before, found)
    if of_tables is not None:
        return of_tables
    if len(before) == 1 and previous is not None and previous.kind == "NAME":
        if found.text == "~" and is_of_state(span):
            return Diagnostic(
                "syntax", span, "a state has `:` before its stay",
                f"write `{previous.text}: ... -> {{...}}`",
            )  # fmt: skip
        if found.text == "~":
            table = type_of_reference(span)
            return Diagnostic(
                "missing-type",
                _span_of(span, previous),
                f"field `{previous.text}` has no type",
                f"write `{previous.text}: {table} ~ ref {table} ...`" if table is not None else
                f"write `{previous.text}: float ~ ...`, "
                f"or `let {previous.text} ~ ...` for a latent",
            )  # fmt: skip
        if found.text == "=":
            return Diagnostic(
                "missing-type",
                _span_of(span, previous),
                f"field `{previous.text}` has no type",
                f"write `{previous.text}: float = ...`, "
                f"or `let {previous.text} = ...` for a latent",
            )  # fmt: skip
        close = get_close_matches(previous.text, HEADS, n=1, cutoff=0.7)
        if close and found.kind in ("NAME", "STRING", "INT"):
            return Diagnostic(
                "unknown-statement", Span(span.source, previous.start, previous.end),
                f"`{previous.text}` does not start a statement", f"did you mean `{close[0]}`?",
            )  # fmt: skip
        if found.kind in ("NAME", "STRING", "INT", "_NL", "$END"):
            return Diagnostic(
                "unknown-statement", Span(span.source, previous.start, previous.end),
                f"`{previous.text}` does not start a statement",
                "a field is `name: type ~ draw` or `name: type = value`",
            )  # fmt: skip
    if found.text == "=" and ("COMPARE" in expected or any(x.text in ("=", "~") for x in before)):
        return Diagnostic(
            "single-equals", span, "`=` derives a field; it does not compare", "write `==`"
        )
    if found.kind == "NAME" and previous is not None and previous.text == "if":
        return Diagnostic(
            "no-if",
            Span(span.source, previous.start, previous.end),
            "there is no `if`",
            "write `when {condition: value, else: value}`",
        )
    if previous is not None and previous.kind == "INT" and found.kind == "NAME":
        return Diagnostic(
            "unknown-unit", Span(span.source, previous.start, span.end),
            f"`{previous.text} {found.text}` is not a quantity: `{found.text}` is not a bare unit",
            _unit_help(previous.text, _GUESSES.get(found.text, found.text)),
        )  # fmt: skip
    is_closed = sum((x.text in "([{") - (x.text in ")]}") for x in before if x.text) == 0
    is_draw = any(x.text == "~" for x in before) and "COMPARE" not in expected and is_closed
    if is_draw and found.text in ("+", "-", "*", "/", "^") and previous and previous.text != "~":
        return Diagnostic(
            "misplaced-draw",
            span,
            f"`{found.text}` cannot follow a draw: arithmetic is derived",
            "draw with `let x ~ ...` first, then derive with `=`",
        )
    if found.text == "?" and previous is not None:
        return Diagnostic(
            "syntax",
            span,
            "`?` makes a type nullable and can only follow a type",
            "write `name: type?`",
        )
    if found.text in (")", "]", "}"):
        if _is_open(before, found.text):
            return None
        return Diagnostic(
            "unopened-bracket",
            span,
            f"this `{found.text}` closes nothing",
            "remove it, or complete what stands before it",
        )
    return None


def _span_of(near: Span, lexeme: Lexeme) -> Span:
    return Span(near.source, lexeme.start, lexeme.end)


def _is_open(before: Sequence[Lexeme], closing: str) -> bool:
    opening = {")": "(", "]": "[", "}": "{"}[closing]
    return sum(x.text == opening for x in before) > sum(x.text == closing for x in before)


_GUESSES = {
    "years": "a", "year": "a", "yr": "a", "y": "a", "days": "d", "day": "d", "hours": "h",
    "hour": "h", "hr": "h", "minutes": "min", "minute": "min", "seconds": "s", "sec": "s",
    "months": "mo", "month": "mo", "weeks": "wk", "week": "wk", "lb": "[lb_av]",
    "mmHg": "mm[Hg]", "celsius": "Cel", "C": "Cel",
}  # fmt: skip


def _unit_help(number: str, unit: str) -> str:
    if unit in BARE_UNITS:
        return f"write {number} {unit}"
    return f"write a UCUM unit, in quotes: {number} '{unit}'"


def _bad_statement(span: Span, expected: set[str], found: Lexeme) -> Diagnostic:
    close = get_close_matches(found.text, HEADS, n=1, cutoff=0.7)
    is_inside_table = "LET" in expected
    if close:
        help_ = f"did you mean `{close[0]}`?"
    elif is_inside_table:
        help_ = "a field is `name: type ~ draw` or `name: type = value`"
    else:
        help_ = "fields stand inside `table name [size] { ... }`"
    return Diagnostic(
        "unknown-statement", span, f"`{found.text}` does not start a statement here", help_
    )
