"""A stand-in for the façade, so that the commands are tested for what they do themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pyarrow as pa

from synthdsl.diagnostics import Diagnostic, SynthError, has_errors
from synthdsl.language.format import format_source
from synthdsl.language.parse import parse
from synthdsl.plan.account import Account
from synthdsl.plan.explain import Explanation, FieldExplanation, TableExplanation
from synthdsl.render.dictionary import DictionaryField, DictionarySpec, DictionaryTable
from synthdsl.render.report import Report
from synthdsl.source import Source, Span, decode


@dataclass
class Spec:
    """Records how it was used."""

    name: str = "demo"
    description: str = ""
    seed: int = 1
    warnings: tuple[Diagnostic, ...] = ()
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failure: BaseException | None = None
    steps: tuple[tuple[int, int], ...] = ((50, 100), (100, 100))

    @property
    def tables(self) -> dict[str, Any]:
        return {
            name: SimpleNamespace(rows=rows, parent=None, fields={})
            for name, rows in (("patient", 5000), ("lab", 600))
        }

    def sample(self, rows: int, **options: Any) -> Any:
        self.calls.append(("sample", {"rows": rows, **options}))
        sizes = {name: min(rows, table.rows) for name, table in self.tables.items()}
        tables = {name: pa.table({"k": list(range(size))}) for name, size in sizes.items()}
        return SimpleNamespace(tables=tables, parents={})

    def measure(self, rows: Any = None, **options: Any) -> list[Any]:
        return []

    def write(self, out: str, **options: Any) -> Any:
        progress: Callable[[int, int], None] = options.pop("progress")
        self.calls.append(("write", {"out": out, **options}))
        for step in self.steps:
            progress(*step)
        if self.failure is not None:
            raise self.failure
        files = [SimpleNamespace(path="patient.parquet", bytes=1234)]
        parts = [SimpleNamespace(path=f"lab.parquet/part-{i}", bytes=10**6) for i in (0, 1)]
        return SimpleNamespace(
            tables=(
                SimpleNamespace(name="patient", rows=100, files=files),
                SimpleNamespace(name="lab", rows=2500, files=parts),
            )
        )

    def movement(self, rows: Any = None, **options: Any) -> tuple[Any, ...]:
        self.calls.append(("movement", {"rows": rows, **options}))
        return ()

    def costly(self, **options: Any) -> list[str]:
        return []

    def report(self, rows: Any = None, **options: Any) -> Any:
        progress: Callable[[int, int], None] = options.pop("progress")
        progress(1, 1)
        self.calls.append(("report", {"rows": rows, **options}))
        return Report(self.name, "", self.seed, Account(), (), ())

    def explain(self, **options: Any) -> Any:
        self.calls.append(("explain", options))
        one = FieldExplanation("k", "int", "counts <up>", (), "patient.k", None)
        return Explanation((TableExplanation("patient", 5000, (one,)),))

    def dictionary(self, rows: int = 2000) -> Any:
        self.calls.append(("dictionary", {"rows": rows}))
        table = DictionaryTable("patient", (DictionaryField("k", "int"),))
        return DictionarySpec("demo", (table,)), {"patient": pa.table({"k": [1, 2, 2]})}


class Facade(ModuleType):
    """`synthdsl.api` as agreed, with the real parser and formatter and a fake `Spec`."""

    def __init__(self) -> None:
        super().__init__("synthdsl.api")
        self.spec = Spec()
        self.loads: list[dict[str, Any]] = []

    def _source(self, path: str, text: str | None) -> Source:
        if text is not None:
            return Source(path, text)
        try:
            return decode(path, Path(path).read_bytes())[0]
        except OSError as error:
            reason = error.strerror
            raise SynthError(f"cannot read `{path}`: {reason}", exit_code=2) from error

    def check(
        self,
        path: str,
        *,
        text: str | None = None,
        params: dict[str, str] | None = None,
        allow_python: bool = False,
    ) -> list[Diagnostic]:
        source = self._source(path, text)
        found = parse(source)[1]
        if "unused" in source.text:
            at = source.text.index("unused")
            found.append(Diagnostic("unused-name", Span(source, at, at + 6), "nothing uses it"))
        self.loads.append({"path": path, "params": params, "allow_python": allow_python})
        return found

    def load(self, path: str, **options: Any) -> Spec:
        found = self.check(path, **options)
        if has_errors(found):
            raise SynthError("the spec has errors", diagnostics=found)
        return self.spec

    def format_text(self, path: str, text: str) -> tuple[str, list[Diagnostic]]:
        return format_source(Source(path, text))

    def parse_rows(self, text: str) -> str:
        if not any(c.isdigit() for c in text):
            raise SynthError(f"`{text}` is no number of rows", exit_code=2)
        return f"rows {text}"
