"""The top-level declarations of a file and of the files it imports."""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from synthdsl.diagnostics import Diagnostic, Label
from synthdsl.language import tree
from synthdsl.language.parse import parse
from synthdsl.model.expansion import Expansion
from synthdsl.model.findings import Findings
from synthdsl.model.lookup_files import read_lookup
from synthdsl.model.parameters import declare_parameter
from synthdsl.model.scope import EnumDeclaration, FileScope, Scope
from synthdsl.model.spec import SourceFile
from synthdsl.model.type_names import TYPE_NAMES, report_type_name
from synthdsl.source import Source, Span, decode, read_regular
from synthdsl.values.types import EnumType

STANDARD = Path(__file__).parent.parent / "std"
MOST_FILES = 200
DEEPEST_IMPORT = 32
LARGEST_IMPORT = 2 * 2**20
"""Bytes that an imported file may have."""
RESERVED = frozenset(
    [
        "index",
        "prev",
        "first",
        "true",
        "false",
        "null",
        "and",
        "or",
        "not",
        "in",
        "is",
        "when",
        "else",
        "rest",
    ]
)
LANGUAGE_VERSION = 1


class Declarations:
    """Reads the declarations of the main file and of what it imports.

    `overrides` maps parameter names of the main file to values as typed on the command line.
    """

    def __init__(
        self, findings: Findings, overrides: dict[str, str], *, allows_python: bool
    ) -> None:
        self.findings = findings
        self.files: list[SourceFile] = []
        self.syntax: list[Diagnostic] = []
        self._overrides = overrides
        self._allows_python = allows_python
        self._is_import_refused = False
        self._expansion = Expansion()
        self._open: list[Path] = []
        self._done: dict[Path, FileScope | None] = {}

    def main(self, file: tree.File, source: Source, folder: str) -> FileScope:
        """The scope of the main file."""
        path = _resolved(Path(folder) / Path(source.name).name)
        self._open.append(path)
        scope = self._file(file, source, folder, self._overrides)
        self._open.pop()
        return scope

    def _file(
        self, file: tree.File, source: Source, folder: str, overrides: dict[str, str]
    ) -> FileScope:
        scope = FileScope(source, folder, expansion=self._expansion)
        self._check_version(file, source)
        for statement in _of(file, tree.BrokenStatement):
            scope.broken.update(declared_in(statement.span.text))
        for node in _of(file, tree.Import):
            self._import(node, scope)
        for node in _of(file, tree.Enumeration):
            self._enum(node, scope)
        for node in _of(file, tree.Param):
            if self._declare(node.name, scope):
                expressions = Scope(scope, allows_python=self._allows_python)
                declare_parameter(node, expressions, overrides, self.findings)
        for node in _of(file, tree.Python):
            self._python(node, scope)
        for node in _of(file, tree.Lookup):
            if self._declare(node.name, scope):
                lookup = read_lookup(node, scope, self.findings)
                if lookup is not None:
                    scope.lookups[node.name.text] = lookup
                    self.files.append(SourceFile(node.path, lookup.digest))
                else:
                    scope.broken.add(node.name.text)
        for node in _of(file, tree.Dist):
            if self._declare(node.name, scope):
                scope.dists[node.name.text] = (node, scope)
        for node in _of(file, tree.Fields):
            if self._declare(node.name, scope):
                scope.groups[node.name.text] = (node, scope)
        return scope

    def _check_version(self, file: tree.File, source: Source) -> None:
        versions = list(_of(file, tree.Language))
        if not versions:
            end = source.text.find("\n")
            self.findings.report(
                "missing-language",
                Span(source, 0, max(end, 0) if end >= 0 else len(source.text)),
                "a spec starts with its language version",
                "write `language 1` as the first line",
            )
        for version in versions:
            if version.version != LANGUAGE_VERSION:
                self.findings.report(
                    "unknown-version",
                    version.span,
                    f"language {version.version} is not known to this program",
                    f"write `language {LANGUAGE_VERSION}`",
                )
        if len(versions) > 1:
            self.findings.report(
                "duplicate-name",
                versions[1].span,
                "the language version is given twice",
                "keep one",
            )

    def _declare(self, name: tree.Name, scope: FileScope) -> bool:
        if name.text in RESERVED:
            self.findings.report(
                "reserved-name",
                name.span,
                f"`{name.text}` is a word of the language",
                f"write `{name.text}_`",
            )
            return False
        before = scope.declared.get(name.text)
        if before is not None:
            self.findings.report(
                "duplicate-name",
                name.span,
                f"`{name.text}` is declared twice",
                "rename one",
                labels=(Label(before.span, "first here"),),
            )
            return False
        scope.declared[name.text] = name
        return True

    # imports

    def _import(self, node: tree.Import, scope: FileScope) -> None:
        imported = self._imported_scope(node, scope)
        for name in node.names:
            if not self._declare(name, scope):
                continue
            if imported is None or name.text in imported.broken:
                scope.broken.add(name.text)
                continue
            if not _copy_declaration(name.text, imported, scope):
                known = [n for n in imported.declared]
                close = get_close_matches(name.text, known, n=1, cutoff=0.6)
                self.findings.report(
                    "unknown-import",
                    name.span,
                    f'"{node.path}" does not declare `{name.text}`',
                    f"did you mean `{close[0]}`?"
                    if close
                    else f"it declares {', '.join(known[:12]) or 'nothing'}",
                )
                scope.broken.add(name.text)

    def _imported_scope(self, node: tree.Import, scope: FileScope) -> FileScope | None:
        if node.path.startswith("std/"):
            path = STANDARD / node.path.removeprefix("std/")
        else:
            path = Path(scope.folder) / node.path
        resolved = _resolved(path)
        if resolved in self._open:
            circle = " -> ".join(
                p.name for p in [*self._open[self._open.index(resolved) :], resolved]
            )
            self.findings.report(
                "import-cycle",
                node.path_span,
                f"files import each other: {circle}",
                "move what both need to a third file",
            )
            return None
        if resolved in self._done:
            return self._done[resolved]
        if len(self._open) >= DEEPEST_IMPORT:
            self._refuse_import(node, f"imports nest deeper than {DEEPEST_IMPORT} files")
            return None
        if len(self._done) >= MOST_FILES:
            self._refuse_import(node, f"the spec imports more than {MOST_FILES} files")
            return None
        self._done[resolved] = None
        read = self._read(path, node)
        if read is None:
            return None
        parsed, found = parse(read)
        self.syntax.extend(found)
        self._open.append(resolved)
        result = self._file(parsed.file, read, str(path.parent), {})
        self._open.pop()
        self._done[resolved] = result
        return result

    def _refuse_import(self, node: tree.Import, message: str) -> None:
        """Report too many imports, once."""
        if not self._is_import_refused:
            self._is_import_refused = True
            help_ = "put declarations that belong together into one file"
            self.findings.report("import-depth", node.path_span, message, help_)

    def _read(self, path: Path, node: tree.Import) -> Source | None:
        try:
            raw = read_regular(path, LARGEST_IMPORT)
        except (OSError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or str(error)).lower()
            if getattr(error, "errno", None) == errno.EFBIG:
                self.findings.report(
                    "file-too-large",
                    node.path_span,
                    f'"{node.path}" is larger than {LARGEST_IMPORT // 2**20} MiB',
                    "move tables of values to a CSV file",
                )
                return None
            help_ = "paths are relative to the importing file"
            if node.path.startswith("std/"):
                names = sorted(p.name for p in STANDARD.glob("*.synth"))
                help_ = f"the standard library has {', '.join('std/' + n for n in names)}"
            self.findings.report(
                "unreadable-file", node.path_span, f'cannot read "{node.path}": {reason}', help_
            )
            return None
        self.files.append(SourceFile(node.path, hashlib.sha256(raw).hexdigest()))
        source, bad = decode(node.path, raw)
        if bad is not None:
            self.findings.report(
                "bad-encoding",
                node.path_span,
                f'"{node.path}" is not UTF-8 (byte {bad})',
                "save it as UTF-8",
            )
            return None
        return source

    # enums, functions

    def _enum(self, node: tree.Enumeration, scope: FileScope) -> None:
        if node.name.text in TYPE_NAMES:
            report_type_name(node.name, self.findings)
        if not self._declare(node.name, scope):
            return
        seen: dict[str, tree.Member] = {}
        seen_exported: dict[str, tree.Member] = {}
        members = []
        for member in node.members:
            name, written = member.name.text, member.exported or member.name.text
            before = seen.get(name) or seen_exported.get(written)
            if before is not None:
                what = f"member `{name}`" if name in seen else f'exported name "{written}"'
                self.findings.report(
                    "bad-enum",
                    member.span,
                    f"enum `{node.name.text}` has {what} twice",
                    "remove one",
                    labels=(Label(before.span, "first here"),),
                )
                continue
            seen[name] = seen_exported[written] = member
            members.append(member)
        names = [member.name.text for member in members]
        exported = [member.exported or member.name.text for member in members]
        type_ = EnumType(node.name.text, tuple(names), tuple(exported) if exported != names else ())
        scope.enums[node.name.text] = EnumDeclaration(type_, tuple(exported), node)

    def _python(self, node: tree.Python, scope: FileScope) -> None:
        for signature in node.signatures:
            if self._declare(signature.name, scope):
                scope.functions[signature.name.text] = (node.module, signature)


_DECLARATION = re.compile(
    r"\s*(?:enum|param|lookup|dist|fields|let|spec|table)?\s*([A-Za-z_]\w*)", re.ASCII
)
_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def declared_in(text: str) -> set[str]:
    """The names that a statement that does not parse was meant to declare."""
    first = _DECLARATION.match(text)
    if first is None:
        return set()
    names = {first[1]}
    head = text.split(None, 1)[0]
    if head in ("enum", "import", "python"):
        names |= set(_WORD.findall(re.sub(r'"[^"\n]*"?', "", text)))
    return names


def _resolved(path: Path) -> Path:
    """The path without links, where it has such; else as it is, to fail when it is read."""
    try:
        return path.resolve()
    except (OSError, ValueError, RuntimeError):
        return path


def _of(file: tree.File, kind: type) -> Iterable:  # type: ignore[type-arg]
    return (s for s in file.statements if isinstance(s, kind))


def _copy_declaration(name: str, source: FileScope, target: FileScope) -> bool:
    """Make `name` of `source` known in `target`; False if there is no such name."""
    for family in ("enums", "params", "lookups", "dists", "groups", "functions"):
        declarations = getattr(source, family)
        if name in declarations:
            getattr(target, family)[name] = declarations[name]
            source.use(name)
            return True
    return False
