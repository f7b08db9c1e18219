"""Where output goes, how wide it may be, and whether it may be coloured."""

from __future__ import annotations

import os
import sys
from typing import TextIO

DEFAULT_WIDTH = 100
"""Columns assumed where output is no terminal."""
WIDEST = 200


class Console:
    """Standard output for results, standard error for messages and progress.

    Characters that an output cannot encode are replaced there, never an error.
    """

    def __init__(self) -> None:
        # Python has None for an output that was closed before the start
        sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - lives to the end
        sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(errors="replace")
        self.has_colour_out = _has_colour(sys.stdout)
        self.has_colour_err = _has_colour(sys.stderr)
        self.is_ascii_out = not _can_show(sys.stdout, "█▏…·")
        self.is_ascii_err = not _can_show(sys.stderr, "━·")
        self.width = _width(sys.stdout)
        self.width_err = _width(sys.stderr)

    def out(self, text: str) -> None:
        """Write a result, as it is."""
        sys.stdout.write(text)

    def out_bytes(self, content: bytes) -> None:
        """Write a file's content to standard output, untouched by its encoding."""
        sys.stdout.flush()
        buffer = getattr(sys.stdout, "buffer", None)
        if buffer is None:
            sys.stdout.write(content.decode())
            return
        buffer.write(content)
        buffer.flush()

    def say(self, message: str) -> None:
        """Write a message and a line end to standard error."""
        sys.stderr.write(message + "\n")


def is_terminal(stream: TextIO) -> bool:
    """Whether `stream` is shown to somebody."""
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def _has_colour(stream: TextIO) -> bool:
    """See https://no-color.org: a variable that is set to anything but nothing decides."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def _can_show(stream: TextIO, characters: str) -> bool:
    try:
        characters.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _width(stream: TextIO) -> int:
    if not is_terminal(stream):
        return DEFAULT_WIDTH
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return DEFAULT_WIDTH
    return min(columns, WIDEST) or DEFAULT_WIDTH
