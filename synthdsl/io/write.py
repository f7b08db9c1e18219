"""From rows to an output folder: parts, workers, progress, and putting it all together.

Rows are cut into parts at the same places whatever the number of workers, so that the files
are the same too. A worker writes parts and answers with their names; rows never travel
between processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthdsl.diagnostics import SynthError
from synthdsl.io._parts import Job, RowSource, Task, known_format, write_task
from synthdsl.io.base import FORMATS, Format, Part
from synthdsl.io.manifest import (
    MANIFEST_NAME,
    make_manifest,
    manifest_table,
    write_manifest,
    written_files,
)
from synthdsl.io.output import OutputFolder, unwritable

if TYPE_CHECKING:
    import pyarrow as pa

    from synthdsl.io._manifest_models import Manifest, SourceFile
    from synthdsl.io.manifest import RunFocus

__all__ = [
    "PART_ROWS",
    "RowSource",
    "RunFacts",
    "TableRows",
    "WrittenTable",
    "find_format",
    "output_names",
    "write_folder",
    "write_parts",
    "write_tables",
]

PART_ROWS = 1_048_576
"""Rows of a part, the last of a table excepted."""
MOST_PARTS = 100_000
"""Parts of a table beyond which a request is taken for a slip of the keyboard."""

Progress = Callable[[int], object]


@dataclass(frozen=True)
class TableRows:
    """Rows `start` to `stop` of a table to write.

    The source decides what the numbers mean (of a child table perhaps rows of its parent) and
    may yield more or fewer rows.
    """

    name: str
    schema: pa.Schema
    stop: int
    start: int = 0

    def tasks(self) -> list[Task]:
        """The parts; one without rows for an empty table."""
        starts = range(self.start, self.stop, PART_ROWS) or [self.start]
        return [
            Task(self.name, number, start, min(start + PART_ROWS, self.stop))
            for number, start in enumerate(starts)
        ]


@dataclass(frozen=True)
class WrittenTable:
    """A table that was written, its rows, and its file or folder (shared, for a database)."""

    name: str
    rows: int
    path: Path


@dataclass(frozen=True)
class RunFacts:
    """What a manifest says of a run. `sources`, `case`, `broken_rule`: see
    `manifest.make_manifest`.
    """

    spec: str
    seed: int
    parameters: Mapping[str, Any] = field(default_factory=dict)
    sources: Sequence[SourceFile] = ()
    case: RunFocus | None = None
    broken_rule: RunFocus | None = None


def find_format(name: str) -> Format:
    """The format called `name`, or a `SynthError` (exit code 2) that lists what there is."""
    found = FORMATS.find(name)
    if found is None:
        near = FORMATS.near(name)
        advice = f"did you mean `{near[0]}`?" if near else "there is " + ", ".join(FORMATS.names())
        raise SynthError(f"unknown format `{name}`; {advice}", exit_code=2)
    return found


def output_names(
    tables: Sequence[TableRows], spec: str, *, format: str, compression: str
) -> list[str]:
    """Names of the files or folders that writing `tables` makes, the manifest last."""
    chosen = find_format(format)
    stems = [spec] if chosen.is_database else [table.name for table in tables]
    return [*(chosen.file_name(stem, compression) for stem in stems), MANIFEST_NAME]


def write_folder(
    target: Path,
    tables: Sequence[TableRows],
    source: RowSource,
    facts: RunFacts,
    *,
    format: str = "parquet",
    compression: str | None = None,
    workers: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Manifest:
    """Write `tables` and their manifest to the folder `target`, whole or not at all.

    `progress` is told the number of rows done so far. Raises `SynthError` (exit code 2) for an
    unknown format or compression, outputs that exist without `overwrite`, and whatever cannot be
    written; what `source` raises passes through. In every such case nothing is left behind.
    """
    compression = find_format(format).check(compression)
    names = output_names(tables, facts.spec, format=format, compression=compression)
    _refuse_clashes(names)
    with OutputFolder(target, names, overwrite=overwrite) as output:
        written = write_tables(
            tables,
            source,
            folder=output.staging,
            spec=facts.spec,
            format=format,
            compression=compression,
            workers=workers,
            progress=progress,
            shown=target,
        )
        try:
            manifest = _manifest(written, tables, facts, output.staging, format, compression)
            write_manifest(manifest, output.staging)
        except OSError as error:
            raise unwritable(error, target) from error
        output.commit()
    return manifest


def write_tables(
    tables: Sequence[TableRows],
    source: RowSource,
    *,
    folder: Path,
    spec: str,
    format: str,
    compression: str,
    workers: int = 1,
    progress: Progress | None = None,
    shown: Path | None = None,
) -> list[WrittenTable]:
    """Write `tables` into the existing `folder`, a file or folder each (see `write_folder`).

    `shown`: the path to name in messages, if not `folder`.
    """
    chosen = find_format(format)
    tables = [_named(table) for table in tables]
    beside = folder / ".parts"
    try:
        beside.mkdir()
    except OSError as error:
        raise unwritable(error, shown or folder) from error
    parts = write_parts(
        tables,
        source,
        folder=beside,
        format=format,
        compression=compression,
        workers=workers,
        progress=progress,
        shown=shown or folder,
    )
    written = []
    try:
        for table in tables:
            stem = spec if chosen.is_database else table.name
            target = folder / chosen.file_name(stem, compression)
            own = [part for part in parts if part.table == table.name]
            chosen.assemble(target, table.schema, own)
            written.append(WrittenTable(table.name, sum(part.rows for part in own), target))
        beside.rmdir()
    except OSError as error:
        raise unwritable(error, shown or folder) from error
    return written


def write_parts(
    tables: Sequence[TableRows],
    source: RowSource,
    *,
    folder: Path,
    format: str,
    compression: str,
    workers: int = 1,
    progress: Progress | None = None,
    shown: Path | None = None,
) -> list[Part]:
    """Write every part of `tables` into `folder`, in this process or by `workers` others.

    Parts come back by table and number. The bytes do not depend on `workers`.
    """
    schemas = {table.name: table.schema for table in tables}
    job = Job(source, schemas, format, compression, folder, shown or folder)
    tasks = [task for table in tables for task in _counted(table)]
    done = 0

    def report(rows: int) -> None:
        nonlocal done
        done += rows
        if progress is not None:
            progress(done)

    known_format(format)
    if workers > 1 and len(tasks) > 1:
        from synthdsl.io._pool import run_tasks

        return run_tasks(job, tasks, workers=workers, report=report)
    return [write_task(job, task, report) for task in tasks]


def _named(table: TableRows) -> TableRows:
    """`table` with its name in the metadata of its schema, where SQL reads it."""
    about = table.schema.metadata or {}
    if b"synthdsl.table" in about:
        return table
    named = {**about, b"synthdsl.table": table.name.encode()}
    return replace(table, schema=table.schema.with_metadata(named))


def _counted(table: TableRows) -> list[Task]:
    rows = table.stop - table.start
    if rows > MOST_PARTS * PART_ROWS:
        raise SynthError(
            f"table `{table.name}`: {rows:,} rows are more than the "
            f"{MOST_PARTS * PART_ROWS:,} that one run writes; use --rows A:B for a slice",
            exit_code=2,
        )
    return table.tasks()


def _refuse_clashes(names: list[str]) -> None:
    """Refuse names that are one file where upper and lower case are the same."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other is not name:
            raise SynthError(f"`{other}` and `{name}` would be the same file", exit_code=2)


def _manifest(
    written: list[WrittenTable],
    tables: Sequence[TableRows],
    facts: RunFacts,
    folder: Path,
    format: str,
    compression: str,
) -> Manifest:
    files = {path: written_files(folder, path) for path in {table.path for table in written}}
    return make_manifest(
        spec=facts.spec,
        sources=facts.sources,
        seed=facts.seed,
        parameters=facts.parameters,
        format=format,
        compression=compression,
        tables=[
            manifest_table(one.name, table.schema, one.rows, files[one.path])
            for one, table in zip(written, tables, strict=True)
        ],
        case=facts.case,
        broken_rule=facts.broken_rule,
    )
