"""Pages of the documentation as blocks, and what it takes to run them.

A page's blocks run in order, in one empty folder, sharing files and Python names:

- ```synth NAME.synth: a file, checked, and generated with 50 rows if it is a whole spec;
  with `broken` behind the name it is only written.
- ```synth: a whole spec (it starts with `language 1`) or a fragment, which is put into a table.
- ```synth error (or warning): must give just the findings shown in the ```text that follows.
- ```console: `$ ` commands and their output, exactly; `...` stands for anything.
- ```console varying: output with names from the pools of another library, which differ from
  version to version of it; the first words of its lines are compared.
- ```python: run; a ```text that follows is what it prints. ```python NAME.py: a file.
- ```csv NAME.csv and other blocks with a file name: a file.

An HTML comment that starts with `context` holds declarations for the page's fragments.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import synthdsl.api
from synthdsl.cli.main import main
from synthdsl.diagnostics import Diagnostic, Label, SynthError
from synthdsl.render.findings import render_findings
from synthdsl.source import Source, Span

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
UPDATE = bool(os.environ.get("UPDATE"))
ROWS = 50

FENCE = re.compile(r"^```(\w*) ?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONTEXT = re.compile(r"^<!-- context\n(.*?)^-->$", re.MULTILINE | re.DOTALL)
GENERATED = "<!-- Written by docs/build.py."
HEADS = ("seed", "spec", "param", "import", "python", "enum", "lookup", "dist", "fields")
VARYING = (
    (re.compile(r"^took .*$", re.MULTILINE), "took ..."),
    (re.compile(r"\([\d.,]+ [kMG]?B\)"), "(...)"),
)
"""Timings and sizes, which differ from run to run."""


@dataclass
class Block:
    """One fenced block: where its body stands in the page, and its language and remark."""

    language: str
    remark: str
    body: str
    start: int
    end: int
    line: int

    @property
    def file(self) -> str:
        """The file that the block is, if any."""
        return next((word for word in self.remark.split() if "." in word), "")

    @property
    def is_broken(self) -> bool:
        """Whether the block is a file that a command will complain about."""
        return "broken" in self.remark.split()


def pages() -> list[Path]:
    """Every page that is executed."""
    others = {DOCS / "reference" / "diagnostics.md", DOCS / "how-to" / "calibrate.md"}
    others |= {DOCS / "architecture.md"}
    found = sorted(p for p in DOCS.rglob("*.md") if p not in others)
    return [p for p in found if "decisions" not in p.parts] + sorted(ROOT.glob("examples/**/*.md"))


def blocks_of(text: str) -> list[Block]:
    """The blocks of a page, in order."""
    return [
        Block(m[1], m[2].strip(), m[3], m.start(3), m.end(3), text.count("\n", 0, m.start()) + 1)
        for m in FENCE.finditer(text)
    ]


def _sized(tables: Mapping[str, Any]) -> list[str]:
    """The tables that have as many rows as are asked for: roots that no other refers to."""
    fields = [(name, field) for name, t in tables.items() for field in t.fields.values()]
    referred = {field.type.table for name, field in fields if field.type.table != name}
    return [
        name
        for name, table in tables.items()
        if table.parent is None and not table.is_fixed and name not in referred
    ]


@dataclass
class PageRun:
    """Runs a page in the current folder, which is empty but for what the page makes."""

    path: Path
    text: str = ""
    mistakes: list[str] = field(default_factory=list)
    changes: list[tuple[int, int, str]] = field(default_factory=list)
    names: dict[str, object] = field(default_factory=dict)
    last_code: int = 0
    count: int = 0

    def run(self) -> list[str]:
        """Run every block; return what is wrong."""
        self.text = self.path.read_text()
        blocks = blocks_of(self.text)
        for number, block in enumerate(blocks):
            following = blocks[number + 1] if number + 1 < len(blocks) else None
            try:
                self._run(block, following)
            except SynthError as error:
                self._wrong(block, str(error))
        if UPDATE and self.changes:
            self._rewrite()
        return self.mistakes

    def _wrong(self, block: Block, what: str) -> None:
        self.mistakes.append(f"{self.path.relative_to(ROOT)}:{block.line}: {what}")

    def _run(self, block: Block, following: Block | None) -> None:
        if (block.language == "text" and not block.file) or not block.language:
            return
        self.count += 1
        if block.file:
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(block.body)
        is_shown_untidy = "untidy" in block.remark or GENERATED in self.text
        if block.language == "synth" and not is_shown_untidy:
            self._layout(block)
        if block.language == "synth" and not block.is_broken:
            self._synth(block, following)
        elif block.language == "console":
            self._console(block)
        elif block.language == "python" and not block.file:
            self._python(block, following)

    # specs

    def _layout(self, block: Block) -> None:
        """Specs stand in the layout that `synthdsl fmt` gives them."""
        wanted = formatted(block.body)
        if wanted != block.body:
            self._wrong(block, f"is not in the standard layout:\n{wanted}")
            if UPDATE:
                self.mistakes.pop()
                self.changes.append((block.start, block.end, wanted))

    def _synth(self, block: Block, following: Block | None) -> None:
        if block.remark in ("error", "warning"):
            self._findings(block, following)
        elif block.file and "language 1" in block.body and "table " not in block.body:
            self._library(block)
        else:
            text, _ = self._whole(block)
            name = block.file or "spec.synth"
            if is_whole(block.body):
                found = synthdsl.check(name, text=text, allow_python=True)
                if found:
                    self._wrong(block, render_findings(found, form="text"))
            spec = synthdsl.load(name, text=text, allow_python=True)
            tables = spec.generate(rows=ROWS).tables
            assert all(tables[name].num_rows == ROWS for name in _sized(spec.tables))

    def _library(self, block: Block) -> None:
        """A file to import: it has no table of its own."""
        found = synthdsl.check(block.file, allow_python=True)
        errors = [d for d in found if d.is_error and d.code != "no-table"]
        if errors:
            self._wrong(block, render_findings(errors, form="text"))

    def _findings(self, block: Block, following: Block | None) -> None:
        text, back = self._whole(block)
        found = synthdsl.check("spec.synth", text=text, allow_python=False)
        if not is_whole(block.body):
            found = [d for d in found if d.code != "unused-name"]
        shown = Source("spec.synth", block.body)
        text = render_findings([moved(d, shown, back) for d in found], form="text")
        text = re.sub(r"\n\d+ (error|warning).*\n\Z", "\n", text)
        kinds = {"error" if d.is_error else "warning" for d in found}
        if block.remark not in kinds:
            self._wrong(block, f"gives no {block.remark}, but {kinds}")
        self._compare(block, following, text)

    def _whole(self, block: Block) -> tuple[str, Callable[[int], int]]:
        """The spec around a block, and what takes places in it back to places in the block."""
        if is_whole(block.body):
            return block.body, lambda at: at
        tops, members = split(block.body)
        if "table " in block.body:
            return f"language 1\n{block.body}", lambda at: max(at - len("language 1\n"), 0)
        declared = set(names_of(block.body))
        before, inside = [], []
        for match in CONTEXT.finditer(self.text):
            for statement in statements(match[1]):
                if not declared & set(names_of(statement)):
                    (before if statement.startswith(HEADS) else inside).append(statement)
        head = "language 1\n" + "".join(before)
        opening = f"table t [{ROWS}] {{\n" + "".join(inside)
        if not inside and not names_of(members):
            opening += "always_: int = 1\n"
        first = len(head) + len(tops) + len(opening)

        def back(at: int) -> int:
            return max(at - len(head) - (len(opening) if at >= first else 0), 0)

        return f"{head}{tops}{opening}{members}}}\n", back

    # programs

    def _console(self, block: Block) -> None:
        parts = re.split(r"^\$ (.*)\n", block.body, flags=re.MULTILINE)
        result = parts[0]
        for command, shown in zip(parts[1::2], parts[2::2], strict=True):
            printed = self._command(command)
            alike = same_words if block.remark == "varying" else same
            if alike(shown, printed):
                printed = shown
            elif not UPDATE:
                self._wrong(block, f"`{command}` prints\n{printed}")
            result += f"$ {command}\n{printed}"
        if result != block.body:
            self.changes.append((block.start, block.end, result))

    def _command(self, command: str) -> str:
        if command == "echo $?":
            return f"{self.last_code}\n"
        words = command.split()
        if words[0] == "synthdsl" and not re.search(r"[|<>;&'\"*]", command):
            output = Output()
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
                self.last_code = main(words[1:])
            return output.getvalue()
        done = subprocess.run(
            ["bash", "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        )
        self.last_code = done.returncode
        return done.stdout

    def _python(self, block: Block, following: Block | None) -> None:
        output = io.StringIO()
        code = compile("\n" * block.line + block.body, str(self.path), "exec")
        with contextlib.redirect_stdout(output):
            exec(code, self.names)
        if output.getvalue() or (following is not None and following.language == "text"):
            self._compare(block, following, output.getvalue())

    def _compare(self, block: Block, following: Block | None, printed: str) -> None:
        if following is None or following.language != "text":
            self._wrong(block, f"is not followed by what it gives:\n{printed}")
        elif not same(following.body, printed):
            if UPDATE:
                self.changes.append((following.start, following.end, printed))
            else:
                self._wrong(following, f"should be\n{printed}")

    def _rewrite(self) -> None:
        text = self.text
        for start, end, body in sorted(self.changes, reverse=True):
            text = text[:start] + body + text[end:]
        self.path.write_text(text)


class Output(io.StringIO):
    """Standard output and standard error in one, as a terminal shows them."""

    encoding = "utf-8"


def is_whole(text: str) -> bool:
    """Whether a block is a whole spec."""
    return "language 1\n" in text


def formatted(text: str) -> str:
    """A block in the standard layout; as it is where it has a syntax error."""
    if is_whole(text):
        return synthdsl.api.format_text("block.synth", text)[0]
    tops, members = split(text) if "table " not in text else (text, "")
    result = synthdsl.api.format_text("block.synth", tops)[0] if tops else ""
    if members:
        found, mistakes = synthdsl.api.format_text("b.synth", f"table t [1] {{\n{members}}}\n")
        lines = found.splitlines(keepends=True)[1:-1]
        result += members if mistakes else "".join(line.removeprefix("  ") for line in lines)
    return result


def statements(text: str) -> list[str]:
    """The statements of a fragment, each with its line ends (and comments before it)."""
    result, current, depth = [], "", 0
    for line in text.splitlines(keepends=True):
        current += line
        code = re.sub(r'"(?:[^"\\]|\\.)*"|#.*', "", line)
        depth += sum(code.count(c) for c in "([{") - sum(code.count(c) for c in ")]}")
        if depth == 0 and code.strip():
            result.append(current)
            current = ""
    return [*result, current] if current else result


def split(text: str) -> tuple[str, str]:
    """Declarations and members of a fragment; the declarations come first."""
    tops = members = ""
    for statement in statements(text):
        code = re.sub(r"^\s*(#[^\n]*)?\n", "", statement, flags=re.MULTILINE).lstrip()
        if code.startswith(tuple(f"{head} " for head in HEADS)):
            assert not members, "declarations come before fields in a fragment"
            tops += statement
        else:
            members += statement
    return tops, members


def names_of(text: str) -> list[str]:
    """What a fragment declares."""
    heads = r"(?:(?:let|enum|param|lookup|dist|fields) )?"
    pattern = re.compile(rf"(?:\s*#.*\n)*\s*{heads}(\w+) *(?::|=(?!=)|~|\{{|\(|from\b)")
    found = (pattern.match(statement) for statement in statements(text))
    return [match[1] for match in found if match]


def moved(diagnostic: Diagnostic, source: Source, back: Callable[[int], int]) -> Diagnostic:
    """A finding in a wrapped fragment as one in the fragment itself."""

    def place(span: Span) -> Span:
        if span.source.name != source.name:
            return span
        return Span(source, back(span.start), back(span.end))

    labels = tuple(Label(place(label.span), label.text) for label in diagnostic.labels)
    return Diagnostic(
        diagnostic.code,
        place(diagnostic.span),
        diagnostic.message,
        diagnostic.help,
        labels,
        diagnostic.notes,
    )


def same(shown: str, printed: str) -> bool:
    """Whether `printed` is what is shown, `...` standing for anything."""
    for pattern, stand_in in VARYING:
        shown, printed = pattern.sub(stand_in, shown), pattern.sub(stand_in, printed)
    lines = []
    for line in shown.splitlines(keepends=True):
        if line.strip() == "...":
            lines.append("(?:.*\n)*?")
        else:
            lines.append(re.escape(line.rstrip()).replace(re.escape("..."), ".*") + "[ ]*\n")
    return re.fullmatch("".join(lines), printed) is not None


def same_words(shown: str, printed: str) -> bool:
    """Whether lines start with the same words, apart from those that start with a space."""

    def words(text: str) -> set[str]:
        return {line.split()[0] for line in text.splitlines() if line[:1].strip()}

    return words(shown) == words(printed)
