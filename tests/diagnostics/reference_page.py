"""The page of diagnostics as data: one section a code, with specs and what they give."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "diagnostics.md"
_HEADING = re.compile(r"## ([a-z-]+)\n")
_BLOCK = re.compile(r"^```(\w+)(?: name=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Example:
    """One spec of a section: its text, other files by name, the command, the rendered text."""

    code: str
    text: str = ""
    files: dict[str, str] = field(default_factory=dict)
    command: str = "synthdsl check example.synth"
    expected: str | None = None
    place: tuple[int, int] = (0, 0)
    """Where the rendered text stands in the page."""


@dataclass
class Section:
    """A code, the prose under its heading and its examples."""

    code: str
    prose: str
    examples: list[Example]


def sections(page: str) -> list[Section]:
    """The sections of the page in order."""
    marks = list(_HEADING.finditer(page))
    ends = [mark.start() for mark in marks[1:]] + [len(page)]
    return [
        Section(
            mark[1],
            page[mark.end() : end].strip().split("\n\n")[0],
            _examples(mark[1], page, mark.end(), end),
        )
        for mark, end in zip(marks, ends, strict=True)
    ]


def _examples(code: str, page: str, start: int, end: int) -> list[Example]:
    found = []
    now = Example(code)
    for block in _BLOCK.finditer(page, start, end):
        kind, name, body = block.groups()
        if kind == "diagnostic":
            now.expected, now.place = body, block.span(3)
            found.append(now)
            now = Example(code)
        elif kind == "console":
            now.command = body.strip().removeprefix("$ ")
        elif name:
            now.files[name] = body
        elif kind == "synth":
            now.text = body
    return found


def with_results(page: str, results: list[tuple[Example, str]]) -> str:
    """The page with the rendered text of each example put in."""
    for example, text in sorted(results, key=lambda item: item[0].place, reverse=True):
        first, last = example.place
        page = page[:first] + text + page[last:]
    return page
