"""One layout for every spec: spaces, indentation, blank lines. Line breaks stay the user's.

The formatter works on lexemes, never on the tree, so nothing that was typed can get lost: the
tokens and comments of the result are those of the source, in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from synthdsl.diagnostics import Diagnostic, has_errors
from synthdsl.language.lexer import TRIVIA, Lexeme
from synthdsl.language.parse import Parsed, parse
from synthdsl.source import Source

INDENT = "  "

_OPENING = frozenset({"LPAR", "LSQB", "LBRACE"})
_CLOSING = frozenset({"RPAR", "RSQB", "RBRACE"})
_LINE_ENDS = frozenset({"_NL", "BREAK"})
_OPERAND_ENDS = _CLOSING | {
    *("NAME", "INT", "FLOAT", "QUANTITY", "PERCENT", "STRING", "DATE"),
    *("TRUE", "FALSE", "NULL", "REST", "UNIT", "NULLABLE"),
}
"""Tokens after which `-` subtracts; after any other it negates."""
_TIGHT_BEFORE = _CLOSING | {"COMMA", "COLON", "DOT", "UNIT", "NULLABLE"}
_TIGHT_AFTER = _OPENING | {"DOT", "AT"}
_SUMS = frozenset({"PLUS", "MINUS"})
_PRODUCTS = frozenset({"STAR", "SLASH"})
_RUN_TOKENS = _OPERAND_ENDS | {"DOT", "WHEN"}
"""Tokens besides operators that continue a sum; any other (`,`, `<`, `and`, …) ends it."""


def format_source(source: Source) -> tuple[str, list[Diagnostic]]:
    """Return the formatted text; a file with syntax errors comes back as it is.

    The result is a fixed point, has the same tree, and the same tokens and comments.
    """
    parsed, diagnostics = parse(source)
    if has_errors(diagnostics):
        return source.text, diagnostics
    text = _layout(parsed.lexemes)
    # Rare white space (a no-break space before a word that also starts statements) can keep
    # the lexer from seeing a statement; such a file is left alone rather than changed in meaning.
    if text != source.text and not _means_the_same(parsed, Source(source.name, text)):
        return source.text, diagnostics
    return text, diagnostics


def _means_the_same(parsed: Parsed, source: Source) -> bool:
    again, diagnostics = parse(source)
    return (
        not has_errors(diagnostics)
        and again.file == parsed.file
        and _tokens(again.lexemes) == _tokens(parsed.lexemes)
    )


def _tokens(lexemes: Sequence[Lexeme]) -> list[tuple[str, str]]:
    silent = TRIVIA | {"_NL"}
    return [(x.kind, x.text) for x in lexemes if x.kind not in silent]


@dataclass(frozen=True)
class _Line:
    """One line: its tokens (no trivia) and its comment, if any."""

    tokens: tuple[Lexeme, ...]
    comment: str


def _layout(lexemes: Sequence[Lexeme]) -> str:
    tight = _tight_tokens(lexemes)
    out: list[str] = []
    levels: list[int] = []  # for each open bracket: the indentation of the line that opened it
    follows_blank = False
    follows_opening = True  # no blank line at the start of the file either
    for line in _lines(lexemes):
        if not line.tokens and not line.comment:
            follows_blank = True
            continue
        level, inside = _indentation(line.tokens, levels)
        starts_closing = bool(line.tokens) and line.tokens[0].kind in _CLOSING
        if follows_blank and not follows_opening and not starts_closing:
            out.append("")
        words = "".join(
            token.text if token.start in tight else " " + token.text for token in line.tokens
        ).strip()
        parts = [INDENT * level + words] if words else []
        if line.comment:
            parts.append(line.comment if words else INDENT * level + line.comment)
        out.append("  ".join(parts))
        levels = inside
        follows_blank = False
        follows_opening = bool(line.tokens) and line.tokens[-1].kind in _OPENING
    return "\n".join(out) + "\n" if out else ""


def _lines(lexemes: Sequence[Lexeme]) -> Iterator[_Line]:
    tokens: list[Lexeme] = []
    comment = ""
    for lexeme in lexemes:
        if lexeme.kind in _LINE_ENDS:
            yield _Line(tuple(tokens), comment)
            tokens, comment = [], ""
        elif lexeme.kind == "COMMENT":
            comment = lexeme.text.rstrip()
        elif lexeme.kind != "SPACE":
            tokens.append(lexeme)
    yield _Line(tuple(tokens), comment)


def _indentation(tokens: Sequence[Lexeme], levels: list[int]) -> tuple[int, list[int]]:
    """Level of a line, and the levels of the brackets that are open after it.

    Brackets opened on one line indent once together, and a line that starts by closing some
    stands where the line stands that opened the last of them.
    """
    levels = list(levels)
    closing = 0
    while closing < len(tokens) and tokens[closing].kind in _CLOSING:
        closing += 1
    if closing:
        level = levels[-closing]
        del levels[-closing:]
    else:
        level = levels[-1] + 1 if levels else 0
    for token in tokens[closing:]:
        if token.kind in _OPENING:
            levels.append(level)
        elif token.kind in _CLOSING:
            levels.pop()
    return level, levels


def _tight_tokens(lexemes: Sequence[Lexeme]) -> set[int]:
    """Starts of the tokens that stand directly after the one before them.

    Decided by the tokens around, never by the spaces that the source has.
    """
    tight: set[int] = set()
    products = _tight_products(lexemes)
    previous: Lexeme | None = None
    is_sign = False  # whether `previous` is a sign, not a subtraction
    head = ""  # kind of the statement's first token
    depth = 0
    for lexeme in lexemes:
        if lexeme.kind in TRIVIA:
            continue
        if lexeme.kind == "_NL":
            previous, is_sign, head = None, False, ""
            continue
        head = head or lexeme.kind
        if previous is not None and (
            is_sign
            or lexeme.start in products
            or previous.start in products
            or _touch(previous, lexeme, is_size=head == "TABLE" and depth == 0)
        ):
            tight.add(lexeme.start)
        is_sign = _is_sign(previous, lexeme)
        depth += (lexeme.kind in _OPENING) - (lexeme.kind in _CLOSING)
        if lexeme.kind == "WHERE" and depth == 0:
            head = "WHERE"  # from here on, the brackets in the head of a table are no size
        previous = lexeme
    return tight


def _touch(previous: Lexeme, token: Lexeme, *, is_size: bool) -> bool:
    """Whether `token` stands directly after `previous` (`is_size`: `[` is a table's size)."""
    if token.kind in _TIGHT_BEFORE or previous.kind in _TIGHT_AFTER:
        return True
    if token.kind == "LPAR":
        return previous.kind in ("NAME", "UNIT") or previous.text == "^"
    if token.kind == "LSQB":
        return previous.kind == "RULE" or (previous.kind == "NAME" and not is_size)
    return "^" in (token.text, previous.text)


def _is_sign(previous: Lexeme | None, token: Lexeme) -> bool:
    return token.kind == "MINUS" and (previous is None or previous.kind not in _OPERAND_ENDS)


def _tight_products(lexemes: Sequence[Lexeme]) -> set[int]:
    """Starts of the `*` and `/` without spaces: those inside a sum (`9 + 3*age`).

    Elsewhere products are wide (`weight / height^2`), and so is `/` after a quantity, because
    `4 d/x` would read as a unit.
    """
    tight: set[int] = set()
    previous: Lexeme | None = None
    runs: list[_Run] = [_Run()]  # one for each open bracket
    for lexeme in lexemes:
        if lexeme.kind in TRIVIA:
            continue
        run = runs[-1]
        if lexeme.kind in _OPENING:
            runs.append(_Run())
        elif lexeme.kind in _CLOSING:
            tight.update(runs.pop().tight_products())
        elif lexeme.kind in _SUMS:
            run.has_sum = run.has_sum or not _is_sign(previous, lexeme)
        elif lexeme.kind in _PRODUCTS:
            run.products.append(lexeme.start)
            run.has_quantity |= previous is not None and previous.kind == "QUANTITY"
        elif lexeme.kind not in _RUN_TOKENS and lexeme.text != "^":
            tight.update(run.tight_products())
            runs[-1] = _Run()
        previous = lexeme
    for run in runs:
        tight.update(run.tight_products())
    return tight


@dataclass
class _Run:
    """The products of one run of terms, and whether it is a sum."""

    products: list[int] = field(default_factory=list)
    has_sum: bool = False
    has_quantity: bool = False

    def tight_products(self) -> list[int]:
        """Starts of its products if they stand tight."""
        return self.products if self.has_sum and not self.has_quantity else []
