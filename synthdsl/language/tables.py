"""The parser's tables: built from the grammar, or read from the copy beside it.

Building them takes several times as long as reading. The copy is JSON, written by
`write_tables`, and is used only if it was made from this very grammar by this very version of Lark.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

import lark
from lark import Lark, Token
from lark.lexer import Lexer as LarkLexer

_GRAMMAR = Path(__file__).with_name("grammar.lark")
_TABLES = Path(__file__).with_name("grammar_tables.json")
_OPTIONS: dict[str, Any] = {
    "parser": "lalr",
    "propagate_positions": True,
    "maybe_placeholders": True,
}


class _NoLexer(LarkLexer):
    """Lark asks for a lexer; the tokens are fed by `language.parse` instead."""

    def __init__(self, lexer_conf: Any) -> None:
        pass

    def lex(self, lexer_state: Any, parser_state: Any) -> Iterator[Token]:
        return iter(())


def build_parser() -> Lark:
    """The parser, made from the grammar. Raises `lark.exceptions.GrammarError` on a conflict."""
    return Lark(_GRAMMAR.read_text(), lexer=_NoLexer, strict=True, **_OPTIONS)


def _fingerprint() -> str:
    return hashlib.sha256(_GRAMMAR.read_bytes() + lark.__version__.encode()).hexdigest()


def write_tables() -> None:
    """Write the JSON copy of the parser's tables beside the grammar."""
    data, memo = build_parser().memo_serialize([lark.lexer.TerminalDef, lark.grammar.Rule])
    data["options"] = {}
    data["parser"]["lexer_conf"]["lexer_type"] = None
    document = {"fingerprint": _fingerprint(), "data": data, "memo": memo}
    _TABLES.write_text(json.dumps(document, separators=(",", ":"), default=_plain))


def _plain(value: object) -> Any:
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"cannot store {value!r}")


def read_tables() -> Lark | None:
    """The parser from the JSON copy; None if there is none for this grammar and Lark."""
    if not _TABLES.exists():
        return None
    document = json.loads(_TABLES.read_text())
    if document["fingerprint"] != _fingerprint():
        return None
    data, memo = document["data"], document["memo"]
    table = data["parser"]["parser"]
    table["states"] = {
        int(state): {int(token): tuple(action) for token, action in actions.items()}
        for state, actions in table["states"].items()
    }
    table["tokens"] = {int(key): value for key, value in table["tokens"].items()}
    data["parser"]["lexer_conf"]["lexer_type"] = _NoLexer
    data["options"] = {**_OPTIONS, "start": ["start"], "lexer": _NoLexer, "strict": True}
    memo = {int(key): value for key, value in memo.items()}
    loaded: Lark = Lark._load_from_dict(data, memo)  # type: ignore[no-untyped-call]
    return loaded


@cache
def parser() -> Lark:
    """The parser, from the copy where possible."""
    loaded = read_tables() or build_parser()
    _shorten(loaded)
    return loaded


def _shorten(loaded: Lark) -> None:
    """Let a rule that stands for its only child (`?sum: product`) hand the child on at once.

    An operand passes a dozen of these; Lark's general callbacks come to the same, more slowly.
    """
    callbacks: dict[Any, Any] = loaded.parser.parser.parser.callbacks
    for rule in callbacks:
        only = rule.expansion[0] if len(rule.expansion) == 1 else None
        if only is not None and not only.is_term and rule.options.expand1 and not rule.alias:
            callbacks[rule] = itemgetter(0)


if __name__ == "__main__":
    write_tables()
