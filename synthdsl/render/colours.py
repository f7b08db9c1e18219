"""The few colours of the terminal output, off unless asked for."""

from __future__ import annotations

from dataclasses import dataclass

_CODES = {
    "error": "1;31",
    "warning": "1;33",
    "caret": "1;31",
    "label": "1;34",
    "gutter": "2",
    "help": "36",
    "bold": "1",
    "bar": "36",
    "dim": "2",
}


@dataclass(frozen=True)
class Paint:
    """Puts text in a style, or leaves it as it is when colours are off."""

    is_on: bool

    def __call__(self, style: str, text: str) -> str:
        """`text` in `style`, a name such as `error` or `dim`."""
        if not self.is_on or not text:
            return text
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m"
