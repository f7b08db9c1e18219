"""How wide text is on a terminal, and text that cannot harm one."""

from __future__ import annotations

import unicodedata

ELLIPSIS = "…"
TAB = 4
"""Columns from one tab stop to the next."""

_NO_WIDTH = frozenset({"Mn", "Me", "Cf"})
_WIDE = frozenset({"W", "F"})


def character_width(character: str) -> int:
    """Columns that one printable character takes: 0, 1 or 2."""
    if character < "\u0300":
        return 1
    if unicodedata.category(character) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


def display_width(text: str) -> int:
    """Columns that printable `text` takes."""
    if text.isascii():
        return len(text)
    return sum(map(character_width, text))


def printable(text: str) -> str:
    """`text` on one line, without characters that a terminal obeys.

    Line ends and tabs become spaces; other controls, lone surrogates and the marks that
    reverse the order of letters become U+FFFD.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_printable_character, text))


def _printable_character(character: str) -> str:
    if character in "\t\n\r":
        return " "
    category = unicodedata.category(character)
    if category in ("Cc", "Cs", "Zl", "Zp") or character in _REVERSING:
        return "\ufffd"
    return character


_REVERSING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def expand(text: str) -> list[str]:
    """`text` (one line) as one printable piece per character, tabs as spaces to the next stop."""
    pieces = []
    column = 0
    for character in text:
        is_tab = character == "\t"
        piece = " " * (TAB - column % TAB) if is_tab else _printable_character(character)
        pieces.append(piece)
        column += display_width(piece)
    return pieces


def shorten(text: str, width: int) -> str:
    """`text` in at most `width` columns, an ellipsis standing for what was cut."""
    text = printable(text)
    if display_width(text) <= width:
        return text
    kept = []
    room = width - 1
    for character in text:
        room -= character_width(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + (ELLIPSIS if width > 0 else "")


def pad(text: str, width: int, *, is_right: bool = False) -> str:
    """`text` with spaces to fill `width` columns, on its left if `is_right`."""
    spaces = " " * (width - display_width(text))
    return spaces + text if is_right else text + spaces
