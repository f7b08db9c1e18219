"""Text to tree, reporting every mistake of one run.

A statement that does not parse is given up at its line end: the parser's stack is cut back to
where a statement may start, `BROKEN` stands for the statement, and parsing goes on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from lark import Token
from lark.exceptions import UnexpectedToken

from synthdsl.diagnostics import Diagnostic
from synthdsl.language import tree
from synthdsl.language.build import build_file
from synthdsl.language.lexer import HEADS, TRIVIA, Lexeme, Lexer
from synthdsl.language.mistakes import explain, lexical_mistake
from synthdsl.language.tables import parser
from synthdsl.source import Source, Span

LARGEST_SOURCE = 1_000_000
"""Characters that a spec file may have."""
LARGEST_STATEMENT = 100_000
"""Words and signs that one statement may have."""
LONGEST_SKIPPED = 5_000
"""Words and signs read after a mistake before the rest of its line is passed over."""
MOST_DIAGNOSTICS = 100
"""Syntax errors after which the rest of a file is not read."""
_KEY_OF_CHILD = re.compile(r"^ *key *\( *([A-Za-z]\w*) *, *index\b", re.MULTILINE)


@dataclass(frozen=True)
class Parsed:
    """A file's tree and all its lexemes, trivia included (what the formatter works on)."""

    file: tree.File
    lexemes: tuple[Lexeme, ...]


def parse(source: Source) -> tuple[Parsed, list[Diagnostic]]:
    """Parse a whole file. The tree has `BrokenStatement` where statements did not parse."""
    if len(source.text) > LARGEST_SOURCE:
        span = Span(source, 0, 0)
        message = f"this file has {len(source.text):,} characters; at most {LARGEST_SOURCE:,}"
        too_large = Diagnostic(
            "file-too-large", span, message, "move tables of values to a CSV file"
        )
        return Parsed(tree.File(span, ()), ()), [too_large]
    return _Run(source).parse()


class _Run:
    """One parse: the lexer, Lark's parser state, and what was found wrong."""

    def __init__(self, source: Source) -> None:
        lark = parser()
        literals = {t.pattern.value: t.name for t in lark.terminals if t.pattern.type == "str"}
        self._source = source
        self._lexer = Lexer(source, literals)
        self._state: Any = lark.parse_interactive().parser_state
        self._states: dict[int, Any] = self._state.parse_conf.parse_table.states
        self._lexemes: list[Lexeme] = []
        self._statement: list[Lexeme] = []
        self.diagnostics: list[Diagnostic] = []

    def parse(self) -> tuple[Parsed, list[Diagnostic]]:
        while True:
            lexeme = self._next()
            if len(self.diagnostics) >= MOST_DIAGNOSTICS:
                self._note_the_rest(lexeme)
                lexeme = Lexeme("$END", "", len(self._source.text))
            if lexeme.kind == "$END":
                break
            self._take(lexeme)
        return self._finish(lexeme)

    def _finish(self, end: Lexeme) -> tuple[Parsed, list[Diagnostic]]:
        if self._lexer.brackets and self._statement:
            self._report_unclosed(self._lexer.brackets[-1])
            self._lexer.close_brackets()
            self._abandon()
        self._feed_or_abandon(Lexeme("_NL", "", end.start))
        if self._lexer.blocks:
            self._report_unclosed(self._lexer.blocks[-1])
        if self._can_take("RBRACE"):
            self._feed(Lexeme("RBRACE", "", end.start))
            self._feed_or_abandon(Lexeme("_NL", "", end.start))
        try:
            result = self._state.feed_token(self._token(end), True)
        except UnexpectedToken:
            result = None
        if result is None:
            self._ensure_reported(end)
            empty = tree.File(Span(self._source, 0, 0), ())
            return Parsed(empty, tuple(self._lexemes)), self.diagnostics
        file, found = build_file(result, self._source)
        return Parsed(file, tuple(self._lexemes)), self.diagnostics + found

    def _note_the_rest(self, lexeme: Lexeme) -> None:
        """Say that reading ends here; open brackets beyond are not the user's mistake."""
        line = self._source.position(lexeme.start)[0]
        note = f"after {MOST_DIAGNOSTICS} syntax errors the file is not read beyond line {line}"
        last = self.diagnostics[-1]
        self.diagnostics[-1] = replace(last, notes=(*last.notes, note))
        self._lexer.close_brackets()
        self._lexer.blocks.clear()

    def _ensure_reported(self, end: Lexeme) -> None:
        if not self.diagnostics:
            self._report(explain(self._span(end), self._expected(), self._statement, end))

    def _next(self) -> Lexeme:
        while True:
            lexeme = self._lexer.next(self._can_take)
            if lexeme.kind != "$END":
                self._lexemes.append(lexeme)
            if lexeme.kind not in TRIVIA:
                return lexeme

    def _take(self, lexeme: Lexeme) -> None:
        """Feed one lexeme, or report it and give up its statement."""
        if self._lexer.unclosed is not None:
            self._report_unclosed(self._lexer.unclosed)
            self._lexer.unclosed = None
            if self._lexer.blocks and self._lexer.blocks[-1] is lexeme:
                self._open_substitute(self._statement[0], lexeme)
                return
            self._abandon()
        if lexeme.kind == "_NL" and not self._can_take("_NL") and not self._statement:
            return
        if lexeme.kind == "ERROR":
            self._report(lexical_mistake(lexeme, self._span(lexeme)))
            self._skip_statement(lexeme)
            return
        if self._starts_top_level(lexeme):
            self._report_unclosed(self._lexer.blocks.pop())
            self._feed(Lexeme("RBRACE", "", lexeme.start))
            self._feed(Lexeme("_NL", "", lexeme.start))
        self._statement.append(lexeme)
        if len(self._statement) > LARGEST_STATEMENT:
            self._report_large(lexeme)
        elif not self._feed(lexeme):
            self._report(
                explain(self._span(lexeme), self._expected(), self._statement[:-1], lexeme)
            )
            self._skip_statement(lexeme)
        elif lexeme.kind == "_NL":
            self._statement = []

    def _starts_top_level(self, lexeme: Lexeme) -> bool:
        """Whether a table was left open: a statement of the top level at the start of a line."""
        return (
            lexeme.text in HEADS
            and lexeme.kind != "NAME"
            and not self._statement
            and bool(self._lexer.blocks)
            and not self._can_take(lexeme.kind)
            and self._can_take("RBRACE")
            and self._source.text[lexeme.start - 1 : lexeme.start] in ("", "\n")
        )

    def _can_take(self, terminal: str) -> bool:
        return terminal in self._states[self._state.state_stack[-1]]

    def _expected(self) -> set[str]:
        return {t for t in self._states[self._state.state_stack[-1]] if t.isupper() or t[0] == "_"}

    def _feed(self, lexeme: Lexeme) -> bool:
        if not self._can_take(lexeme.kind):
            return False
        try:
            self._state.feed_token(self._token(lexeme))
        except UnexpectedToken:
            return False
        return True

    def _feed_or_abandon(self, lexeme: Lexeme) -> None:
        """Feed `lexeme`; where the statement is unfinished, report that and give it up."""
        if not self._statement and not self._can_take(lexeme.kind):
            return
        if not self._feed(lexeme):
            if not self.diagnostics or self._statement:
                self._report(explain(self._span(lexeme), self._expected(), self._statement, lexeme))
            self._abandon()
            self._feed(lexeme)
        self._statement = []

    def _token(self, lexeme: Lexeme) -> Token:
        token = Token(lexeme.kind, lexeme.text, start_pos=lexeme.start)
        token.end_pos = lexeme.end
        return token

    def _span(self, lexeme: Lexeme) -> Span:
        return Span(self._source, lexeme.start, max(lexeme.end, lexeme.start))

    def _report(self, diagnostic: Diagnostic) -> None:
        self.diagnostics.append(diagnostic)

    def _report_unclosed(self, bracket: Lexeme) -> None:
        closing = {"(": ")", "[": "]", "{": "}"}[bracket.text]
        self._report(
            Diagnostic(
                "unclosed-bracket",
                self._span(bracket),
                f"this `{bracket.text}` is never closed",
                f"close it with `{closing}`",
            )
        )

    def _report_large(self, lexeme: Lexeme) -> None:
        self._report(
            Diagnostic(
                "file-too-large",
                self._span(self._statement[0]),
                f"this statement has more than {LARGEST_STATEMENT:,} words and signs",
                "move tables of values to a CSV file and read it with `lookup`",
            )
        )
        self._skip_statement(lexeme)

    def _skip_statement(self, offender: Lexeme) -> None:
        """Read to the end of the statement, then let `BROKEN` stand for it."""
        head = self._statement[0] if self._statement else offender
        lexeme = offender
        passed = 0
        while lexeme.kind not in ("_NL", "$END"):
            lexeme = self._next()
            passed += 1
            if passed % LONGEST_SKIPPED == 0:
                self._lexer.pass_over_line()
        self._lexer.unclosed = None
        if lexeme.kind == "$END":
            self._lexer.close_brackets()
            self._abandon()
            return
        if self._opened_block_on(lexeme):
            self._open_substitute(head, lexeme)
        else:
            self._abandon()
        if not self._feed(lexeme):
            self._state = parser().parse_interactive().parser_state
        self._statement = []

    def _opened_block_on(self, line_end: Lexeme) -> bool:
        """Whether the statement's line ended in the brace that opens its block."""
        words = [x for x in self._lexemes if x.kind not in TRIVIA and x.start < line_end.start]
        return bool(words) and words[-1].text == "{" and words[-1] in self._lexer.blocks

    def _open_substitute(self, head: Lexeme, line_end: Lexeme) -> None:
        """Feed the opening of a table that parses, so that its members can be read."""
        self._cut_back()
        typed = [
            x for x in self._lexemes if head.start <= x.start < line_end.start and x.text.strip()
        ]
        for word in self._substitute(typed, line_end.start):
            self._feed(word)

    def _substitute(self, typed: list[Lexeme], at: int) -> list[Lexeme]:
        """The head of a table or pathway with what `typed` tells: its name, and the row above."""

        def word(kind: str, text: str) -> Lexeme:
            return Lexeme(kind, text, at)

        texts = [x.text for x in typed]
        is_known = texts[:1] in (["table"], ["pathway"]) and [x.kind for x in typed[1:2]] == [
            "NAME"
        ]
        name = typed[1] if is_known else word("NAME", f"_{at}")
        per = self._row_above(typed, at) if is_known and "per" in texts else []
        if is_known and texts[0] == "pathway":
            per = per or [word("PER", "per"), word("NAME", f"_{at}"), word("NAME", f"_{at}")]
            start = [word("STARTS", "starts"), word("DATE", "2000-01-01")]
            return [word("PATHWAY", "pathway"), name, *per, *start, word("LBRACE", "{")]
        size = [word("LSQB", "["), word("INT", "0"), word("RSQB", "]")]
        file = [x for x, before in zip(typed[1:], texts, strict=False) if before == "from"]
        if is_known and not per and file and file[0].kind == "STRING":
            size = [Lexeme("FROM", "from", file[0].start), file[0]]
        return [word("TABLE", "table"), name, *per, *size, word("LBRACE", "{")]

    def _row_above(self, typed: list[Lexeme], at: int) -> list[Lexeme]:
        """`per`, the table above, and the name of its row: if none was typed, that of the key."""
        number = [x.text for x in typed].index("per")
        per = Lexeme("PER", "per", typed[number].start)
        names = [x for x in typed[number + 1 : number + 3] if x.kind == "NAME"]
        if len(names) == 1:
            key = _KEY_OF_CHILD.search(self._source.text, at)
            names.append(Lexeme("NAME", key[1] if key else f"_{at}", at))
        return [per, *(names if len(names) == 2 else [Lexeme("NAME", f"_{at}", at)] * 2)]

    def _cut_back(self) -> None:
        """Drop the unfinished statement from the parser's stack."""
        state = self._state
        while len(state.state_stack) > 1 and not self._can_take("BROKEN"):
            state.state_stack.pop()
            state.value_stack.pop()

    def _abandon(self) -> None:
        start = self._statement[0].start if self._statement else len(self._source.text)
        end = self._lexemes[-1].start if self._lexemes else start
        self._cut_back()
        if self._can_take("BROKEN"):
            # with its text, which tells what the statement was to declare
            self._feed(Lexeme("BROKEN", self._source.text[start : max(start, end)], start))
        self._statement = []
