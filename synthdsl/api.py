"""The façade: what the command line and Python programs call. Only this raises.

spec = synthdsl.load("clinic.synth")
spec.generate(rows=1000, seed=7).to_pandas()
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthdsl.diagnostics import Diagnostic, SynthError, has_errors
from synthdsl.model.build import build_spec
from synthdsl.model.findings import Findings
from synthdsl.model.spec import Spec as Model
from synthdsl.model.spec import Table
from synthdsl.plan.samplings import SAMPLINGS
from synthdsl.source import Source, Span, decode

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray

    from synthdsl.engine.batches import Recipe
    from synthdsl.engine.measure import Measured
    from synthdsl.io._manifest_models import Manifest
    from synthdsl.io.manifest import RunFocus
    from synthdsl.plan.account import Account
    from synthdsl.plan.explain import Explanation
    from synthdsl.plan.lower import Plan
    from synthdsl.plan.movement import TableMovement
    from synthdsl.render.dictionary import DictionarySpec
    from synthdsl.render.report import Report

Rows = int | str | Mapping[str, int] | None

LARGEST_FILE = 4 * 2**20
"""Bytes of a spec file that are read: more than the parser takes, and devices never end."""
LARGEST_SEED = 2**64 - 1


def read_source(path: str) -> tuple[Source, list[Diagnostic]]:
    """A spec file's text. Raises `SynthError` (exit code 2) if it cannot be read."""
    try:
        with open(path, "rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SynthError(f"cannot read `{path}`: {reason.lower()}", exit_code=2) from error
    if len(raw) > LARGEST_FILE:
        # too large however it is encoded; the cut may fall inside a character
        raw = raw.decode("utf-8", errors="ignore").encode()
    source, bad = decode(path, raw)
    if bad is None:
        return source, []
    start = len(raw[:bad].decode("utf-8", errors="replace").replace("\r\n", "\n"))
    span = Span(source, min(start, len(source.text)), min(start + 1, len(source.text)))
    byte = raw.removeprefix(b"\xef\xbb\xbf")[bad]
    message = f"the file is not UTF-8: byte {bad} is 0x{byte:02x}"
    return source, [Diagnostic("bad-encoding", span, message, "save it as UTF-8")]


def _source(path: str, text: str | None) -> tuple[Source, list[Diagnostic]]:
    if text is None:
        return read_source(path)
    return decode(path, text.encode("utf-8", errors="surrogatepass"))[0], []


def check(
    path: str | os.PathLike[str],
    *,
    text: str | None = None,
    params: Mapping[str, str] | None = None,
    allow_python: bool = False,
) -> list[Diagnostic]:
    """Every finding about a spec, in order of reading; none is raised.

    `text` stands in for the file's content. Raises `SynthError` (exit code 2) if the file
    cannot be read.
    """
    source, encoding = _source(os.fspath(path), text)
    if encoding:
        return encoding
    folder = os.path.dirname(os.fspath(path)) or "."
    return _built(source, folder, dict(params or {}), allows_python=allow_python)[1]


def _built(
    source: Source, folder: str, params: dict[str, str], *, allows_python: bool
) -> tuple[Model | None, list[Diagnostic]]:
    """The model of a spec, and every finding, those of its rules and of planning it included."""
    from synthdsl.plan.lower import lower

    model, diagnostics = build_spec(
        source, folder=folder, params=params, allows_python=allows_python
    )
    if model is None or has_errors(diagnostics):
        return model, diagnostics
    if any(table.rules or table.cases for table in model.tables.values()):
        # most of the time of a small check would be its import
        from synthdsl.rules.analysis import check_rules

        findings = Findings()
        check_rules(model, findings)
        diagnostics = [*diagnostics, *findings.diagnostics]
    try:
        lower(model)
    except SynthError as error:
        model = None
        diagnostics += error.diagnostics
    return model, sorted(diagnostics, key=Diagnostic.sort_key)


def load(
    path: str | os.PathLike[str],
    *,
    text: str | None = None,
    params: Mapping[str, Any] | None = None,
    allow_python: bool = False,
) -> Spec:
    """The spec in a file, checked. Raises `SynthError` with every finding if it has errors."""
    name = os.fspath(path)
    source, encoding = _source(name, text)
    given = {key: _as_typed(value) for key, value in (params or {}).items()}
    folder = os.path.dirname(name) or "."
    diagnostics = encoding
    model = None
    if not encoding:
        model, diagnostics = _built(source, folder, given, allows_python=allow_python)
    if model is None or has_errors(diagnostics):
        count = sum(d.is_error for d in diagnostics)
        codes = {d.code for d in diagnostics if d.is_error}
        # nothing but contradictions: the spec is well formed and cannot be satisfied
        exit_code = 3 if codes and codes <= UNSATISFIABLE else 1
        raise SynthError(
            f"`{name}` has {count} error{'s' * (count != 1)}",
            diagnostics=diagnostics,
            exit_code=exit_code,
        )
    warnings = tuple(d for d in diagnostics if not d.is_error)
    return Spec(model, source, folder, given, warnings)


CONTRADICTIONS = frozenset({"unsatisfiable", "rule-conflict"})
"""Codes of rules that cannot hold together."""
UNSATISFIABLE = frozenset(
    {
        "unsatisfiable",
        "rule-conflict",
        "impossible-exception",
        "capacity",
        "outside-support",
        "empty-interval",
        "empty-grid",
    }
)
"""Codes of specs that are well formed but cannot be satisfied."""


def _as_typed(value: Any) -> str:
    """A parameter's value as it would be typed on the command line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def format_text(path: str, text: str) -> tuple[str, list[Diagnostic]]:
    """A spec's text as `synthdsl fmt` would write it, and its syntax errors."""
    from synthdsl.language.format import format_source

    return format_source(decode(path, text.encode("utf-8", errors="surrogatepass"))[0])


@dataclass(frozen=True)
class RowRange:
    """Rows `start` to `stop` (exclusive) of a table.

    `is_slice`: of the table with as many rows as declared, not with `stop` of them.
    """

    start: int
    stop: int
    is_slice: bool = False


def parse_rows(text: str) -> dict[str, RowRange]:
    """What `--rows` says: `N`, `A:B`, `table=N`, `table=A:B`, several joined by commas.

    The key is the table's name, or empty for every root table. Raises `SynthError` (exit
    code 2) for anything else.
    """
    result: dict[str, RowRange] = {}
    for item in text.split(","):
        match = re.fullmatch(r"\s*(?:(\w+)\s*=\s*)?(?:([\d_]+)\s*:)?\s*([\d_]+)\s*", item)
        if match is None or max(len(match[2] or ""), len(match[3])) > 20:
            raise SynthError(
                f"`{item.strip()[:60]}` is no number of rows; write N, A:B, table=N or table=A:B",
                exit_code=2,
            )
        start, stop = int(match[2] or 0), int(match[3])
        if start > stop:
            raise SynthError(f"rows {start}:{stop} end before they start", exit_code=2)
        if stop > 2**48:
            raise SynthError(f"{stop:,} rows are more than 2^48", exit_code=2)
        if (match[1] or "") in result:
            raise SynthError(f"rows are given twice: `{text[:60]}`", exit_code=2)
        result[match[1] or ""] = RowRange(start, stop, match[2] is not None)
    return result


class Spec:
    """A checked spec, ready to generate."""

    def __init__(
        self,
        model: Model,
        source: Source,
        folder: str,
        params: dict[str, str],
        warnings: tuple[Diagnostic, ...],
    ) -> None:
        self._model = model
        self._source = source
        self._folder = folder
        self._params = params
        self.warnings = warnings
        self._checked_focus: set[tuple[str | None, str | None]] = set()

    def __repr__(self) -> str:
        """The spec's name and its tables."""
        tables = ", ".join(
            f"{t.name} ({t.rows:,} rows)"
            if t.parent is None
            else f"{t.name} (per {t.parent.table})"
            for t in self.tables.values()
        )
        return f"<synthdsl spec {self.name}: {tables}>"

    @property
    def name(self) -> str:
        """The spec's name."""
        return self._model.name

    @property
    def description(self) -> str:
        """The spec's description."""
        return self._model.description

    @property
    def seed(self) -> int:
        """The seed that the spec declares."""
        return self._model.seed

    @property
    def tables(self) -> dict[str, Table]:
        """The tables, by name."""
        return self._model.tables

    def generate(
        self,
        rows: Rows = None,
        *,
        seed: int | None = None,
        case: str | None = None,
        breaks: str | None = None,
        sampling: str = "random",
    ) -> Generated:
        """The rows of every table.

        `rows`: a number, a slice `"A:B"`, or numbers by table; by default what the spec says.
        `case`: all rows meet this case of the spec. `breaks`: all rows break this rule and no
        other. `sampling`: how rows of root tables cover their fields, independently (`random`)
        or by a design (`antithetic`, `latin-hypercube`, `sobol`). Rows are made when they are
        asked for. Raises `SynthError` (exit code 2) for rows, seeds or names that make no sense.
        """
        self._check_seed(seed)
        ranges = self._ranges(rows)
        recipe = self._sized(ranges, seed, case=case, breaks=breaks, sampling=sampling)
        return Generated(ranges, recipe)

    def write(
        self,
        out: str | os.PathLike[str],
        *,
        format: str = "parquet",
        rows: Rows | dict[str, RowRange] = None,
        seed: int | None = None,
        case: str | None = None,
        breaks: str | None = None,
        compression: str | None = None,
        workers: int = 1,
        overwrite: bool = False,
        truth: bool = False,
        sampling: str = "random",
        progress: Callable[[int, int], object] | None = None,
    ) -> Manifest:
        """Write every table to the folder `out`, whole or not at all.

        `truth` also writes what `missing` masked. `progress` is told root rows done and root
        rows in all. The files are the same for any number of `workers`. Raises `SynthError`.
        """
        from synthdsl.engine.batches import (
            TRUTH,
            group_batches_of_plain,
            outputs_of,
            root_of,
            roots_per_part,
        )
        from synthdsl.io.manifest import source_entry
        from synthdsl.io.write import PART_ROWS, RowGroup, RowSource, RunFacts, write_folder

        self._check_seed(seed)
        ranges = self._ranges(rows)
        recipe = self._sized(ranges, seed, case=case, breaks=breaks, sampling=sampling)
        schemas: dict[str, dict[str, pa.Schema]] = {name: {} for name in ranges}
        for name, output in outputs_of(recipe).items():
            if truth or not name.endswith(TRUTH):
                schemas[root_of(recipe, name)][name] = output.schema
        groups = [
            RowGroup(
                name,
                schemas[name],
                span.stop,
                span.start,
                roots_per_part(recipe, name, PART_ROWS),
            )
            for name, span in ranges.items()
        ]
        total = sum(group.stop - group.start for group in groups)
        facts = RunFacts(
            spec=self.name,
            seed=self.seed if seed is None else seed,
            parameters={p.name: p.value for p in self._model.parameters},
            sources=[source_entry(os.path.basename(f.path), f.digest) for f in self._model.files],
            case=self._focus("true", case=case, breaks=breaks),
            broken_rule=self._focus("false", case=case, breaks=breaks),
            sampling=None if sampling == "random" else sampling,
        )
        return write_folder(
            Path(out),
            groups,
            RowSource(group_batches_of_plain, {**recipe.plain(), "truth": truth}),
            facts,
            format=format,
            compression=compression,
            workers=workers,
            overwrite=overwrite,
            progress=None if progress is None else lambda done: progress(done, total),
        )

    def measure(
        self,
        rows: Rows | dict[str, RowRange] = None,
        *,
        seed: int | None = None,
        case: str | None = None,
        breaks: str | None = None,
        sampling: str = "random",
        most: int | None = None,
    ) -> list[Measured]:
        """Every `expect` of the spec, measured on the rows that `generate` would make.

        `most`: at most so many rows of each table, the first; of tables that hang together on
        average.
        """
        if not self._model.expectations:
            return []
        from synthdsl.engine.batches import roots_within, run_of
        from synthdsl.engine.measure import measure

        self._check_seed(seed)
        spans = self._ranges(rows)
        recipe = self._sized(spans, seed, case=case, breaks=breaks, sampling=sampling)
        ranges = {
            name: (
                r.start,
                r.stop if most is None else min(r.stop, r.start + roots_within(recipe, name, most)),
            )
            for name, r in spans.items()
        }
        return measure(run_of(recipe), ranges)

    def costly(
        self, *, seed: int | None = None, case: str | None = None, breaks: str | None = None
    ) -> list[Diagnostic]:
        """A warning for each set of rules that hardly any drawn row meets.

        Raises `SynthError` (exit code 3) for rules that no row meets.
        """
        if not any(table.rules for table in self.tables.values()) and case is None:
            return []
        from synthdsl.engine.batches import run_of
        from synthdsl.engine.costs import costly_rules

        self._check_seed(seed)
        return costly_rules(run_of(self.recipe(seed, case=case, breaks=breaks)))

    def movement(
        self,
        rows: Rows | dict[str, RowRange] = None,
        *,
        seed: int | None = None,
        case: str | None = None,
        breaks: str | None = None,
        sampling: str = "random",
        most: int | None = None,
        pilot_rows: int | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> tuple[TableMovement, ...]:
        """What rules do to each field: its law as declared, and that of the generated rows.

        `most`: at most so many rows of each table, the first. `pilot_rows`: rows on which the
        declared law is measured. `progress` is told rows done and rows in all.
        """
        if not any(table.rules for table in self.tables.values()) and case is None:
            return ()
        from synthdsl.engine.batches import run_of
        from synthdsl.engine.movement import PILOT_ROWS, movements

        self._check_seed(seed)
        spans = self._ranges(rows)
        ranges = {name: (r.start, r.stop) for name, r in spans.items()}
        return movements(
            run_of(self._sized(spans, seed, case=case, breaks=breaks, sampling=sampling)),
            ranges,
            most=most,
            pilot_rows=PILOT_ROWS if pilot_rows is None else pilot_rows,
            progress=progress,
        )

    def report(
        self,
        rows: Rows | dict[str, RowRange] = None,
        *,
        seed: int | None = None,
        case: str | None = None,
        breaks: str | None = None,
        sampling: str = "random",
        most: int | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Report:
        """A run's account of rules, what they moved, and its expectations (see `movement`)."""
        from synthdsl.engine.batches import run_of
        from synthdsl.engine.conditioning.account import account
        from synthdsl.render.report import Report

        focus: dict[str, Any] = {"case": case, "breaks": breaks, "sampling": sampling}
        movement = self.movement(rows, seed=seed, most=most, progress=progress, **focus)
        return Report(
            self.name,
            self.description,
            self.seed if seed is None else seed,
            account(run_of(self._sized(self._ranges(rows), seed, **focus))),
            movement,
            tuple(self.measure(rows, seed=seed, most=most, **focus)),
            self._focus("true", case=case, breaks=breaks),
            self._focus("false", case=case, breaks=breaks),
        )

    def _focus(self, demand: str, *, case: str | None, breaks: str | None) -> RunFocus | None:
        """The case that all rows meet (`true`), or the rule that all break (`false`)."""
        from synthdsl.io.manifest import RunFocus
        from synthdsl.plan.focus import focused

        for table in focused(self._model, case=case, breaks=breaks).tables.values():
            for rule in table.rules:
                if rule.demand == demand:
                    return RunFocus(table.name, rule.name, rule.text)
        return None

    def explain(self, *, case: str | None = None, breaks: str | None = None) -> Explanation:
        """In what order fields are made, what they depend on, how each is drawn, and what each
        rule is and costs.
        """
        from synthdsl.plan.explain import explain

        account = self.account(case=case, breaks=breaks)
        return explain(self.plan(case=case, breaks=breaks), account)

    def dictionary(self, rows: int = 2000) -> tuple[DictionarySpec, dict[str, pa.Table]]:
        """The data dictionary and a sample of each table to plot."""
        from synthdsl.render.describe import describe

        return describe(self._model), self.sample(rows).tables

    def sample(
        self,
        rows: int,
        *,
        seed: int | None = None,
        case: str | None = None,
        breaks: str | None = None,
    ) -> Generated:
        """The first rows of every table: about so many of each, whole families only."""
        from synthdsl.engine.batches import roots_of_sample

        self._check_seed(seed)
        recipe = self.recipe(seed, case=case, breaks=breaks)
        ranges = {name: RowRange(0, n) for name, n in roots_of_sample(recipe, rows).items()}
        return Generated(ranges, recipe)

    def plan(self, *, case: str | None = None, breaks: str | None = None) -> Plan:
        """The plan: how rows will be made."""
        from synthdsl.plan.lower import lower

        return lower(self._model, case=case, breaks=breaks)

    def account(self, *, case: str | None = None, breaks: str | None = None) -> Account:
        """What each rule is, how it is enforced, and what it costs."""
        from synthdsl.engine.batches import run_of
        from synthdsl.engine.conditioning.account import account

        return account(run_of(self.recipe(case=case, breaks=breaks)))

    def _sized(
        self,
        ranges: dict[str, RowRange],
        seed: int | None,
        *,
        case: str | None,
        breaks: str | None,
        sampling: str = "random",
    ) -> Recipe:
        """The recipe of a run that makes `ranges`: tables that others refer to have that size."""
        sizes = tuple(
            (name, ranges[name].stop)
            for name in self._referred
            if ranges[name].stop != self.tables[name].rows
        )
        return self.recipe(
            seed,
            case=case,
            breaks=breaks,
            sizes=sizes,
            sampling=sampling,
            design_rows=self._design_rows(ranges, sampling),
        )

    def _design_rows(
        self, ranges: dict[str, RowRange], sampling: str
    ) -> tuple[tuple[str, int], ...]:
        """The numbers of rows for which a design is made, where it depends on them."""
        if sampling not in SAMPLINGS:
            near = get_close_matches(sampling, SAMPLINGS, n=1)
            advice = f"did you mean `{near[0]}`?" if near else f"there is {', '.join(SAMPLINGS)}"
            raise SynthError(f"unknown sampling `{sampling}`; {advice}", exit_code=2)
        if sampling != "latin-hypercube":
            return ()
        return tuple(
            (name, self.tables[name].rows if span.is_slice else span.stop)
            for name, span in ranges.items()
        )

    def recipe(
        self,
        seed: int | None = None,
        *,
        case: str | None = None,
        breaks: str | None = None,
        sizes: tuple[tuple[str, int], ...] = (),
        sampling: str = "random",
        design_rows: tuple[tuple[str, int], ...] = (),
    ) -> Recipe:
        """All that the rows follow from, as plain values. Raises `SynthError` for wrong names."""
        from synthdsl.engine.batches import Recipe, remember

        recipe = Recipe(
            self._source.name,
            self._source.text,
            self._folder,
            tuple(self._params.items()),
            seed,
            self._model.allows_python,
            tuple(file.digest for file in self._model.files),
            case,
            breaks,
            sizes,
            sampling,
            design_rows,
        )
        self._check_focus(case, breaks)
        remember(recipe, self._model)
        return recipe

    def _check_focus(self, case: str | None, breaks: str | None) -> None:
        """Refuse a case, or a rule to break, that is unknown or that the rules leave no room."""
        if (case, breaks) in self._checked_focus:
            return
        from synthdsl.model.findings import Findings
        from synthdsl.plan.focus import focused
        from synthdsl.rules.analysis import analyse

        model = focused(self._model, case=case, breaks=breaks)
        findings = Findings()
        for name, table in model.tables.items():
            if table is not self._model.tables[name]:
                analyse(table, findings)
        # a case conditions the choice between a soft rule and its exception, too
        errors = [d for d in findings.diagnostics if d.is_error and d.code in CONTRADICTIONS]
        if errors:
            raise SynthError("the spec cannot be satisfied", diagnostics=errors, exit_code=3)
        self._checked_focus.add((case, breaks))

    def _check_seed(self, seed: int | None) -> None:
        if seed is not None and not 0 <= seed <= LARGEST_SEED:
            raise SynthError(f"seed {seed} is out of range: 0 to 2^64 - 1", exit_code=2)

    def _ranges(self, rows: Rows | dict[str, RowRange]) -> dict[str, RowRange]:
        if isinstance(rows, str):
            given = parse_rows(rows)
        elif isinstance(rows, int):
            given = parse_rows(str(rows))
        else:
            given = {
                name: value if isinstance(value, RowRange) else parse_rows(str(value))[""]
                for name, value in (rows or {}).items()
            }
        for name in filter(None, given):
            self._check_is_root(name)
        everything = given.get("")
        result = {}
        for name, table in self.tables.items():
            if table.parent is not None:
                continue
            declared = RowRange(0, table.rows, is_slice=True)
            is_given = name in self._referred or table.is_fixed
            result[name] = given.get(name) or (None if is_given else everything) or declared
        if everything is not None and all(
            n in self._referred or self.tables[n].is_fixed for n in result
        ):
            raise SynthError(
                "other tables refer to every table without a parent: say whose rows these are, "
                f"`{next(iter(result))}=N`",
                exit_code=2,
            )
        self._check_referred(result)
        self._check_capacity(result)
        return result

    @property
    def _referred(self) -> tuple[str, ...]:
        """Root tables that rows of other tables refer to: they are made whole."""
        found = {
            field.type.table
            for name, table in self.tables.items()
            for field in table.fields.values()
            if field.type.table and field.type.table != name
        }
        return tuple(name for name in self.tables if name in found)

    def _check_is_root(self, name: str) -> None:
        table = self.tables.get(name)
        if table is None:
            names = ", ".join(n for n, t in self.tables.items() if t.parent is None)
            raise SynthError(f"the spec has no table `{name}`; it has {names}", exit_code=2)
        if table.parent is not None:
            root = table
            while root.parent is not None:
                root = self.tables[root.parent.table]
            raise SynthError(
                f"rows of `{name}` are made with those of `{root.name}`: "
                f"say how many of these, `{root.name}=N`",
                exit_code=2,
            )

    def _check_referred(self, ranges: dict[str, RowRange]) -> None:
        """Refuse parts of tables that others refer to: their keys would not resolve."""
        is_any_made = any(
            r.stop > r.start for name, r in ranges.items() if name not in self._referred
        )
        for name, span in ranges.items():
            table = self.tables[name]
            if table.is_fixed and span.stop > table.rows:
                raise SynthError(
                    f"`{name}` has the {table.rows:,} rows of its file, not {span.stop:,}",
                    exit_code=2,
                )
            is_part = span.start > 0 or (table.is_fixed and span.stop < table.rows)
            if name in self._referred and is_part and is_any_made:
                raise SynthError(
                    f"other tables refer to any row of `{name}`, so that it is written whole: "
                    f"give its size, `{name}=N`, or no rows of the others",
                    exit_code=2,
                )
            refers_to_itself = any(f.type.table == name for f in table.fields.values())
            if refers_to_itself and 0 < span.start < span.stop:
                raise SynthError(
                    f"rows of `{name}` refer to rows before them: a part of it starts at row 0, "
                    f"`{name}=N`",
                    exit_code=2,
                )

    def _check_capacity(self, ranges: dict[str, RowRange]) -> None:
        """Refuse rows beyond what unique fields have values for."""
        from synthdsl.model.checks import check_capacity_for
        from synthdsl.model.findings import Findings

        findings = Findings()
        for name, span in ranges.items():
            check_capacity_for(self.tables[name], span.stop, findings)
        if findings.diagnostics:
            raise SynthError(
                "there are more rows than distinct values",
                diagnostics=findings.diagnostics,
                exit_code=3,
            )


class Generated:
    """Rows of a spec, made when they are asked for."""

    def __init__(self, ranges: dict[str, RowRange], recipe: Recipe) -> None:
        self._recipe = recipe
        self._ranges = ranges
        self._tables: dict[str, pa.Table] | None = None

    def batches(self, table: str) -> Iterator[pa.RecordBatch]:
        """Record batches of a table in order, in constant memory."""
        from synthdsl.engine.batches import batches, outputs_of, root_of

        if table not in outputs_of(self._recipe):
            names = ", ".join(name for name in outputs_of(self._recipe) if "__" not in name)
            raise KeyError(f"no table {table!r}; there is {names}")
        span = self._ranges[root_of(self._recipe, table)]
        return batches(self._recipe, table, span.start, span.stop)

    def all_batches(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Record batches of every table, each with its table's name, in constant memory.

        Tables that hang together are made in one pass, their batches interleaved.
        """
        from synthdsl.engine.batches import family_batches

        for root, span in self._ranges.items():
            yield from family_batches(self._recipe, root, span.start, span.stop)

    @property
    def tables(self) -> dict[str, pa.Table]:
        """Every table as an Arrow table."""
        if self._tables is None:
            self._tables = self._made()
        return self._tables

    def _made(self) -> dict[str, pa.Table]:
        import pyarrow as pa

        from synthdsl.engine.batches import TRUTH, outputs_of

        outputs = outputs_of(self._recipe)
        found: dict[str, list[pa.RecordBatch]] = {
            name: [] for name in outputs if not name.endswith(TRUTH)
        }
        for name, batch in self.all_batches():
            found[name].append(batch)
        return {
            name: pa.Table.from_batches(parts, schema=outputs[name].schema)
            for name, parts in found.items()
        }

    def __getitem__(self, table: str) -> pa.Table:
        """One table."""
        return self.tables[table]

    @property
    def parents(self) -> dict[str, NDArray[np.int64]]:
        """For each table under another, the place of each row's parent in that one."""
        from synthdsl.engine.sampled import parents_of

        found: dict[str, NDArray[np.int64]] = {}
        for root, span in self._ranges.items():
            found |= parents_of(self._recipe, root, span.start, span.stop)
        return found

    def to_pandas(self) -> dict[str, pd.DataFrame]:
        """Every table as a pandas data frame."""
        return {name: table.to_pandas() for name, table in self.tables.items()}

    def to_polars(self) -> dict[str, pl.DataFrame]:
        """Every table as a Polars data frame (needs `synthdsl[polars]`)."""
        try:
            import polars as pl
        except ImportError as error:
            raise SynthError(
                "Polars is not installed: pip install 'synthdsl[polars]'", exit_code=2
            ) from error
        return {name: pl.DataFrame(pl.from_arrow(table)) for name, table in self.tables.items()}
