"""Source texts, spans in them, and line and column arithmetic."""

from __future__ import annotations

import errno
import os
import stat
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True, eq=False)
class Source:
    r"""One text and the name it is shown under.

    `text` has every line ending as `\n` and no byte-order mark; `name` is a path as the user
    gave it, or a label such as `<text>`.
    """

    name: str
    text: str

    @cached_property
    def line_starts(self) -> list[int]:
        """Offset of the first character of each line."""
        starts = [0]
        while (end := self.text.find("\n", starts[-1])) >= 0:
            starts.append(end + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of `offset`, both counted from 1."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Text of line `number` (from 1), without its ending; empty past the end."""
        if not 1 <= number <= len(self.line_starts):
            return ""
        start = self.line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start:] if end < 0 else self.text[start:end]


@dataclass(frozen=True)
class Span:
    """Characters `start` to `end` (exclusive) of a source. Spans compare equal to each other,
    so that trees compare by shape and not by layout.
    """

    source: Source = field(compare=False, repr=False)
    start: int = field(compare=False)
    end: int = field(compare=False)

    @property
    def text(self) -> str:
        """The characters covered."""
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        """Line of the first character, from 1."""
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        """Column of the first character, from 1."""
        return self.source.position(self.start)[1]

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of `other`."""
        return Span(self.source, self.start, max(self.end, other.end))


def decode(name: str, raw: bytes) -> tuple[Source, int | None]:
    """Turn file bytes into a source: UTF-8, an optional byte-order mark, any line ending.

    Returns the source and the offset in `raw` of the first byte that is not UTF-8 (None when
    all is well); the bad bytes appear as U+FFFD in the text.
    """
    if raw.startswith(b"\xef\xbb\xbf"):
        raw = raw[3:]
    bad: int | None = None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        bad = error.start
        text = raw.decode("utf-8", errors="replace")
    return Source(name, text.replace("\r\n", "\n").replace("\r", "\n")), bad


def read_regular(path: str | os.PathLike[str], limit: int) -> bytes:
    """All bytes of a regular file of at most `limit` bytes.

    Devices and pipes, which may never end or never answer, are refused. Raises OSError, with
    EFBIG for a file beyond the limit.
    """
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    if status.st_size > limit:
        raise OSError(errno.EFBIG, f"it is larger than {limit // 2**20} MiB")
    with open(path, "rb") as file:
        raw = file.read(limit + 1)
    if len(raw) > limit:
        raise OSError(errno.EFBIG, f"it is larger than {limit // 2**20} MiB")
    return raw
