"""Diagnostics as text for people: place, message, the source line underlined, what to type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from synthdsl.diagnostics import Diagnostic, Label
from synthdsl.render._width import ELLIPSIS, display_width, expand, printable
from synthdsl.render.colours import Paint
from synthdsl.source import Span

GUTTER = 5
"""Columns of the line numbers."""
LEAST_ROOM = 20
"""Columns of source shown on however narrow a terminal."""
_CONTEXT_BEFORE = 0.4
"""Share of the room that a long line shows before its underlined part."""


def render_text(
    diagnostics: Iterable[Diagnostic], *, colour: bool = False, width: int = 100
) -> str:
    """Every finding in order of reading, each ending in a line end; empty for none.

    `width`: columns that source lines may fill; longer ones are cut around what is underlined.
    """
    ordered = sorted(diagnostics, key=Diagnostic.sort_key)
    return "".join(render_diagnostic(d, colour=colour, width=width) for d in ordered)


def render_diagnostic(diagnostic: Diagnostic, *, colour: bool = False, width: int = 100) -> str:
    """One finding, as lines."""
    paint = Paint(colour)
    span = diagnostic.span
    kind = diagnostic.severity.value
    place = paint("bold", f"{printable(span.source.name)}:{span.line}:{span.column}:")
    title = paint(kind, f"{kind}[{diagnostic.code}]:")
    lines = [f"{place} {title} {paint('bold', printable(diagnostic.message))}"]
    lines += _snippets((Label(span), *diagnostic.labels), paint, width)
    lines += [f"   = {printable(note)}" for note in diagnostic.notes]
    if diagnostic.help:
        lines.append(f"   = {paint('help', 'help:')} {printable(diagnostic.help)}")
    return "\n".join(lines) + "\n"


def render_summary(diagnostics: Iterable[Diagnostic]) -> str:
    """How many of each: `3 errors, 1 warning`; empty for none."""
    found = list(diagnostics)
    errors = sum(d.is_error for d in found)
    counts = [(errors, "error"), (len(found) - errors, "warning")]
    return ", ".join(f"{n:,} {word}{'' if n == 1 else 's'}" for n, word in counts if n)


def _snippets(labels: Sequence[Label], paint: Paint, width: int) -> list[str]:
    """The source line of each label, underlined. A line is shown once for labels in a row."""
    lines: list[str] = []
    source = labels[0].span.source
    shown: tuple[str, int] | None = None
    for number, label in enumerate(labels):
        span = label.span
        if span.source is not source and span.source.name != source.name:
            source = span.source
            lines.append(
                paint("gutter", f"   in {printable(source.name)}:{span.line}:{span.column}")
            )
        if not span.source.text:
            continue
        view = _View(span, width)
        if shown != (view.key, view.line):
            gutter = paint("gutter", f"{view.line:>{GUTTER}} |")
            lines.append(f"{gutter} {view.text}".rstrip())
        # a cut line shows only the surroundings of its own label
        shown = (view.key, view.line) if not view.is_cut else None
        under = paint("caret" if number == 0 else "label", view.underline)
        remark = f" {printable(label.text)}" if label.text else ""
        lines.append(f"{paint('gutter', ' ' * GUTTER + ' |')} {view.indent}{under}{remark}")
    return lines


class _View:
    """What is shown of the line that a span starts on: `text`, and below it `underline`."""

    def __init__(self, span: Span, width: int) -> None:
        self.key = span.source.name
        self.line, column = span.source.position(span.start)
        start = column - 1
        line = span.source.line(self.line)
        end = max(min(start + span.end - span.start, len(line)), start)
        room = max(width - GUTTER - 3, LEAST_ROOM)
        # Far more characters than fit, so that a line of megabytes costs no more than a short one.
        low = max(start - 4 * room, 0)
        high = min(start + 4 * room, len(line))
        pieces = expand(line[low:high].rstrip() if high == len(line) else line[low:high])
        start, end = start - low, min(end - low, len(pieces))
        first, last = _window(pieces, start, end, room)
        self.is_cut = low > 0 or high < len(line) or first > 0 or last < len(pieces)
        before = ELLIPSIS if low + first > 0 else ""
        after = ELLIPSIS if last < len(pieces) or high < len(line) else ""
        self.text = before + "".join(pieces[first:last]) + after
        self.indent = " " * display_width(before + "".join(pieces[first:start]))
        # a span at the end of a line underlines the place after it
        self.indent += " " * max(start - len(pieces), 0)
        covered = display_width("".join(pieces[start : min(end, last)]))
        self.underline = "^" * max(covered, 1)


def _window(pieces: list[str], start: int, end: int, room: int) -> tuple[int, int]:
    """The run of pieces to show: all if they fit, else those around `start` to `end`."""
    widths = [display_width(piece) for piece in pieces]
    if sum(widths) <= room:
        return 0, len(pieces)
    room -= 2  # an ellipsis at each end
    wanted = sum(widths[start:end])
    before = max(int((room - wanted) * _CONTEXT_BEFORE), 0)
    first = min(start, len(pieces))
    while first > 0 and before >= widths[first - 1]:
        first -= 1
        before -= widths[first]
    last = first
    left = room
    while last < len(pieces) and left >= widths[last]:
        left -= widths[last]
        last += 1
    while first > 0 and left >= widths[first - 1]:
        first -= 1
        left -= widths[first]
    return first, last
