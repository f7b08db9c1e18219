"""Text to tokens, one at a time, on request of the parser.

The lexer never fails: what it cannot read becomes an `ERROR` token with a reason. Line ends are
dropped inside brackets and kept inside the body of a table. Whether a word such as `step` is a
keyword or a name is decided by what the parser can take next.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from synthdsl.source import Source

HEADS = [
    "language",
    "spec",
    "seed",
    "param",
    "import",
    "python",
    "enum",
    "lookup",
    "dist",
    "fields",
    "table",
    "pathway",
    "rule",
    "case",
    "expect",
    "privacy",
    "let",
    "use",
    "key",
    "correlate",
    "missing",
    "learn",
    "final",
]
"""Words that are keywords only at the start of a statement."""

BLOCK_HEADS = frozenset({"table", "fields", "pathway"})

ALWAYS = frozenset(["and", "or", "not", "in", "is", "null", "true", "false", "when", "else"])
"""Words that are keywords wherever they stand."""

# The units that may follow a bare number; any other unit is quoted: 300 'mg/dL'.
_UNIT_WORDS = (
    "mmol|umol|mol|kcal|kPa|Cel|min|mo|wk|ms|us|kg|mg|ug|ng|km|cm|mm|um|dL|mL|uL|Hz|Pa|a|d|h|s|g"
    "|m|L|K|J"
)
BARE_UNITS = frozenset(_UNIT_WORDS.split("|"))
_NUMBER = r"\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][-+]?\d+)?"
_PATTERN = re.compile(
    rf"""
    (?P<SPACE>[ \t\f\v\u00a0]+)
  | (?P<COMMENT>\#[^\n]*)
  | (?P<NL>\n)
  | (?P<DATE>\d{{4}}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{{1,6}})?)?)?(?:Z|(?![\w.]))
      |\d\d:\d\d(?::\d\d)?(?!\w))
  | (?P<QUANTITY>{_NUMBER}[ ]?(?:{_UNIT_WORDS})(?![\w/.])|{_NUMBER}[ ]?'[^'\n]*')
  | (?P<PERCENT>{_NUMBER}[ ]?%)
  | (?P<FLOAT>\d[\d_]*\.\d[\d_]*(?:[eE][-+]?\d+)?(?!\w)|\d[\d_]*[eE][-+]?\d+(?!\w))
  | (?P<INT>\d[\d_]*(?!\w))
  | (?P<NAME>[A-Za-z_]\w*)
  | (?P<STRING>"(?:[^"\\\n]|\\[^\n])*")
  | (?P<ARROW><->|->)
  | (?P<WRONG>&&|\|\||\*\*|<>|=>|=<)
  | (?P<COMPARE><=|>=|==|!=|<|>)
  | (?P<OP>[-+*/^=~:,.@()\[\]{{}}?])
    """,
    re.VERBOSE | re.ASCII,
)
_UNIT = re.compile(r"<[^<>\n]{1,80}>")
_OPERATORS = {"+": "PLUS", "-": "MINUS", "*": "STAR", "/": "SLASH", "?": "NULLABLE"}
_OPENING = {"(": ")", "[": "]", "{": "}"}
_STATEMENT = re.compile(
    rf"[ \t]*(?:(?:{'|'.join(HEADS)})[ \t]*(?:\[\d+(?:\.\d+)?%\][ \t]*)?(?:[A-Za-z_]\w*\b|\(|\")"
    r"(?![ \t]*:)|(?:(?:rule|case|missing|param)[ \t]+\w+[ \t]*:)"
    r"|[A-Za-z_]\w*[ \t]*(?:~|=(?!=))"
    r"|[A-Za-z_]\w*[ \t]*:[ \t]*[A-Za-z_]\w*(?:<[^<>\n]*>)?(?:\([^()\n]*\))?\??"
    r"(?:[ \t]+step[ \t][^~=\n]+)?[ \t]*(?:~|=(?!=)))",
    re.ASCII,
)
_FOREIGN_WORD = re.compile(r"[^\W\d]\w*")
_CURLY_TEXT = re.compile(
    r"[\u2018-\u201f\u00ab\u00bb][^\n\u2018-\u201f\u00ab\u00bb\"']*[\u2018-\u201f\u00ab\u00bb\"']?"
)
DEEPEST_BRACKETS = 60
"""How far brackets may nest."""


@dataclass(frozen=True)
class Lexeme:
    """One token: its grammar terminal, its text and where it starts.

    Trivia are `SPACE`, `COMMENT` and `BREAK` (a line end inside brackets). An `ERROR` carries
    the reason (`reason`), as a diagnostic code.
    """

    kind: str
    text: str
    start: int
    reason: str = ""

    @property
    def end(self) -> int:
        """Offset after the last character."""
        return self.start + len(self.text)


TRIVIA = frozenset({"SPACE", "COMMENT", "BREAK"})


class Lexer:
    """Tokens of `source` in order. `literals` maps keyword and operator texts to terminals."""

    def __init__(self, source: Source, literals: dict[str, str]) -> None:
        self._text = source.text
        self._literals = literals
        self._at = 0
        self._head = ""
        self._is_statement_start = True
        self.brackets: list[Lexeme] = []
        """Open brackets that hide line ends, outermost first."""
        self.blocks: list[Lexeme] = []
        """Open blocks (bodies of tables), outermost first."""
        self.unclosed: Lexeme | None = None
        """An opening bracket that was given up because a statement started after it."""

    def next(self, accepts: Callable[[str], bool]) -> Lexeme:
        """The next token or trivia; `accepts` says which terminals the parser can take."""
        if self._at >= len(self._text):
            return Lexeme("$END", "", len(self._text))
        found = self._read(accepts)
        self._at = max(found.end, self._at + 1)
        if found.kind not in TRIVIA and found.kind != "_NL":
            self._is_statement_start = False
        return found

    def close_brackets(self) -> None:
        """Forget the open brackets of a statement that is given up."""
        self.brackets.clear()

    def pass_over_line(self) -> None:
        """Go on at the end of this line, with no bracket open."""
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end
        self.brackets.clear()

    def _read(self, accepts: Callable[[str], bool]) -> Lexeme:
        start = self._at
        if self._text[start] == "<" and accepts("UNIT"):
            unit = _UNIT.match(self._text, start)
            if unit:
                return Lexeme("UNIT", unit.group(), start)
        match = _PATTERN.match(self._text, start)
        if match is None:
            return self._unreadable(start)
        kind, text = match.lastgroup or "", match.group()
        if kind == "NL":
            return self._line_end(start)
        if kind == "NAME" and match.end() < len(self._text) and self._text[match.end()] > "\x7f":
            word = _FOREIGN_WORD.match(self._text, start)
            if word is not None and word.end() > match.end():
                return Lexeme("ERROR", word.group(), start, "bad-character")
        if kind == "NAME":
            return Lexeme(self._word(text, match.end(), accepts), text, start)
        if kind == "OP":
            return self._operator(text, start)
        if kind == "WRONG":
            return Lexeme("ERROR", text, start, "bad-character")
        if kind == "ARROW":
            return Lexeme(self._literals[text], text, start)
        if kind in ("INT", "FLOAT", "QUANTITY", "PERCENT") and len(text) > 80:
            return Lexeme("ERROR", text, start, "bad-number")
        return Lexeme(kind, text, start)

    def _line_end(self, start: int) -> Lexeme:
        if self.brackets and not self._starts_statement(start + 1):
            return Lexeme("BREAK", "\n", start)
        if self.brackets:
            self.unclosed = self.brackets[-1]
            self.brackets.clear()
        self._is_statement_start = True
        self._head = ""
        return Lexeme("_NL", "\n", start)

    def _starts_statement(self, at: int) -> bool:
        """Whether the line at `at` can only be a new statement, brackets or not."""
        if _STATEMENT.match(self._text, at):
            return True
        # a lone closing brace cannot end a round or square bracket
        closes_block = re.compile(r"[ \t]*\}[ \t]*(?:\n|$)").match(self._text, at)
        return bool(closes_block and all(b.text != "{" for b in self.brackets))

    def _word(self, text: str, end: int, accepts: Callable[[str], bool]) -> str:
        if self._is_statement_start:
            if text in HEADS and not re.compile(r"[ \t]*:").match(self._text, end):
                self._head = text
                return self._literals[text]
            return "NAME"
        if text in ALWAYS:
            return self._literals[text]
        terminal = self._literals.get(text)
        if terminal is not None and text not in HEADS and accepts(terminal):
            return terminal
        # `key` is both a statement and a clause of `lookup`
        if text == "key" and terminal is not None and accepts(terminal):
            return terminal
        return "NAME"

    def _operator(self, text: str, start: int) -> Lexeme:
        lexeme = Lexeme(_OPERATORS.get(text) or self._literals[text], text, start)
        if text in _OPENING:
            if text == "{" and self._may_open_block() and self._is_block(lexeme):
                self.blocks.append(lexeme)
            elif len(self.brackets) >= DEEPEST_BRACKETS:
                return Lexeme("ERROR", text, start, "too-deep")
            else:
                self.brackets.append(lexeme)
        elif text in ")]}":
            if self.brackets and _OPENING[self.brackets[-1].text] == text:
                self.brackets.pop()
            elif text == "}" and not self.brackets and self.blocks:
                self.blocks.pop()
        return lexeme

    def _may_open_block(self) -> bool:
        """Whether the statement may have a body: it begins as one, or misspelt at the top."""
        return self._head in BLOCK_HEADS or (self._head == "" and not self.blocks)

    def _is_block(self, brace: Lexeme) -> bool:
        """Whether `brace` opens the body of a table; gives up brackets left open before it."""
        if not self.brackets:
            return True
        line_end = re.compile(r"[ \t]*(?:#[^\n]*)?\n").match(self._text, brace.end)
        if line_end is None or not self._starts_statement(line_end.end()):
            return False
        self.unclosed = self.brackets[-1]
        self.brackets.clear()
        return True

    def _unreadable(self, start: int) -> Lexeme:
        text = self._text
        if text[start] == '"':
            end = text.find("\n", start)
            return Lexeme(
                "ERROR", text[start : end if end >= 0 else len(text)], start, "open-string"
            )
        if text[start].isdigit():
            junk = re.compile(r"[\d_]+\w*(?:\.\w+)*", re.ASCII).match(text, start)
            return Lexeme("ERROR", junk.group() if junk else text[start], start, "bad-number")
        for pattern in (_CURLY_TEXT, _FOREIGN_WORD):
            found = pattern.match(text, start)
            if found is not None:
                return Lexeme("ERROR", found.group(), start, "bad-character")
        for wrong in ("&&", "||", "**", "<>", "=>", "=<", ";", "!", "'"):
            if text.startswith(wrong, start):
                if wrong == "'":
                    quoted = re.compile(r"'[^'\n]*'?").match(text, start)
                    return Lexeme(
                        "ERROR", quoted.group() if quoted else "'", start, "bad-character"
                    )
                return Lexeme("ERROR", wrong, start, "bad-character")
        return Lexeme("ERROR", text[start], start, "bad-character")
