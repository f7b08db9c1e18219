"""From rows to an output folder: parts, workers, progress, and putting it all together.

Root rows are cut into tasks at the same places whatever the number of workers, so that the
files are the same too. A worker writes the parts of a task, one for each table of the family,
and answers with their names; rows never travel between processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthdsl.diagnostics import SynthError
from synthdsl.io._foreign_keys import for_database
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
    "RowGroup",
    "RowSource",
    "RunFacts",
    "WrittenTable",
    "find_format",
    "output_names",
    "write_folder",
    "write_parts",
    "write_tables",
]

PART_ROWS = 1_048_576
"""Rows of a part of a table that stands alone, the last excepted."""
MOST_PARTS = 100_000
"""Parts of a table beyond which a request is taken for a slip of the keyboard."""

Progress = Callable[[int], object]


@dataclass(frozen=True)
class RowGroup:
    """Rows `start` to `stop` of a root table, and what hangs under them: tables made together.

    `name` is that of the root table; `schemas` are by table, in the order in which they are
    listed. Every task makes `part_rows` root rows, the last fewer, and a part of each table.
    """

    name: str
    schemas: Mapping[str, pa.Schema]
    stop: int
    start: int = 0
    part_rows: int = field(default_factory=lambda: PART_ROWS)

    def tasks(self) -> list[Task]:
        """What is to be done; a task without rows for an empty table."""
        rows = self.stop - self.start
        if rows > MOST_PARTS * self.part_rows:
            raise SynthError(
                f"table `{self.name}`: {rows:,} rows are more than the "
                f"{MOST_PARTS * self.part_rows:,} that one run writes; use --rows A:B for a slice",
                exit_code=2,
            )
        starts = range(self.start, self.stop, self.part_rows) or [self.start]
        return [
            Task(self.name, number, start, min(start + self.part_rows, self.stop))
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
    """What a manifest says of a run. `sources`, `case`, `broken_rule`, `sampling`: see
    `manifest.make_manifest`.
    """

    spec: str
    seed: int
    parameters: Mapping[str, Any] = field(default_factory=dict)
    sources: Sequence[SourceFile] = ()
    case: RunFocus | None = None
    broken_rule: RunFocus | None = None
    sampling: str | None = None


def find_format(name: str) -> Format:
    """The format called `name`, or a `SynthError` (exit code 2) that lists what there is."""
    found = FORMATS.find(name)
    if found is None:
        near = FORMATS.near(name)
        advice = f"did you mean `{near[0]}`?" if near else "there is " + ", ".join(FORMATS.names())
        raise SynthError(f"unknown format `{name}`; {advice}", exit_code=2)
    return found


def output_names(
    groups: Sequence[RowGroup], spec: str, *, format: str, compression: str
) -> list[str]:
    """Names of the files or folders that writing `groups` makes, the manifest last."""
    chosen = find_format(format)
    stems = [spec] if chosen.is_database else list(_schemas(groups))
    return [*(chosen.file_name(stem, compression) for stem in stems), MANIFEST_NAME]


def write_folder(
    target: Path,
    groups: Sequence[RowGroup],
    source: RowSource,
    facts: RunFacts,
    *,
    format: str = "parquet",
    compression: str | None = None,
    workers: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Manifest:
    """Write the tables of `groups` and their manifest to the folder `target`, or nothing at all.

    `progress` is told the number of root rows done so far. Raises `SynthError` (exit code 2) for an
    unknown format or compression, outputs that exist without `overwrite`, and whatever cannot be
    written; what `source` raises passes through. In every such case nothing is left behind.
    """
    compression = find_format(format).check(compression)
    names = output_names(groups, facts.spec, format=format, compression=compression)
    _refuse_clashes(names)
    with OutputFolder(target, names, overwrite=overwrite) as output:
        written = write_tables(
            groups,
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
            manifest = _manifest(
                written, _schemas(groups), facts, output.staging, format, compression
            )
            write_manifest(manifest, output.staging)
        except OSError as error:
            raise unwritable(error, target) from error
        output.commit()
    return manifest


def write_tables(
    groups: Sequence[RowGroup],
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
    """Write the tables of `groups` into the existing `folder`, a file or folder each.

    Tables come back in the order of the groups. A database has them in an order in which each
    stands behind those it refers to. `shown`: the path to name in messages, if not `folder`.
    See `write_folder`.
    """
    chosen = find_format(format)
    schemas = {name: _named(name, schema) for name, schema in _schemas(groups).items()}
    settled = for_database(schemas) if chosen.is_database else schemas
    groups = [
        replace(group, schemas={name: settled[name] for name in group.schemas}) for group in groups
    ]
    beside = folder / ".parts"
    try:
        beside.mkdir()
    except OSError as error:
        raise unwritable(error, shown or folder) from error
    parts = write_parts(
        groups,
        source,
        folder=beside,
        format=format,
        compression=compression,
        workers=workers,
        progress=progress,
        shown=shown or folder,
    )
    targets = {
        name: folder / chosen.file_name(spec if chosen.is_database else name, compression)
        for name in schemas
    }
    try:
        for name, schema in settled.items():
            own = [part for part in parts if part.table == name]
            chosen.assemble(targets[name], schema, _filled(own))
        beside.rmdir()
    except OSError as error:
        raise unwritable(error, shown or folder) from error
    rows = dict.fromkeys(schemas, 0)
    for part in parts:
        rows[part.table] += part.rows
    return [WrittenTable(name, rows[name], targets[name]) for name in schemas]


def write_parts(
    groups: Sequence[RowGroup],
    source: RowSource,
    *,
    folder: Path,
    format: str,
    compression: str,
    workers: int = 1,
    progress: Progress | None = None,
    shown: Path | None = None,
) -> list[Part]:
    """Write every part of the tables of `groups` into `folder`, here or by `workers` processes.

    Parts come back by table and number. The bytes do not depend on `workers`.
    """
    schemas = {group.name: dict(group.schemas) for group in groups}
    job = Job(source, schemas, format, compression, folder, shown or folder)
    tasks = [task for group in groups for task in group.tasks()]
    done = 0

    def report(rows: int) -> None:
        nonlocal done
        done += rows
        if progress is not None:
            progress(done)

    known_format(format)
    if workers > 1 and len(tasks) > 1:
        from synthdsl.io._pool import run_tasks

        parts = run_tasks(job, tasks, workers=workers, report=report)
    else:
        parts = [part for task in tasks for part in write_task(job, task, report)]
    places = {name: place for place, name in enumerate(_schemas(groups))}
    return sorted(parts, key=lambda part: (places[part.table], part.number))


def _schemas(groups: Sequence[RowGroup]) -> dict[str, pa.Schema]:
    """The schemas of all tables, in order."""
    schemas: dict[str, pa.Schema] = {}
    for group in groups:
        twice = schemas.keys() & group.schemas.keys()
        if twice:
            raise ValueError(f"two groups have a table {min(twice)!r}")
        schemas |= group.schemas
    return schemas


def _named(name: str, schema: pa.Schema) -> pa.Schema:
    """`schema` with the table's name in its metadata, where SQL reads it."""
    about = schema.metadata or {}
    if b"synthdsl.table" in about:
        return schema
    return schema.with_metadata({**about, b"synthdsl.table": name.encode()})


def _filled(parts: list[Part]) -> list[Part]:
    """`parts` without those that have no rows, which are removed; the first always stays."""
    for part in parts[1:]:
        if not part.rows:
            part.path.unlink()
    return parts[:1] + [part for part in parts[1:] if part.rows]


def _refuse_clashes(names: list[str]) -> None:
    """Refuse names that are one file where upper and lower case are the same."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other is not name:
            raise SynthError(f"`{other}` and `{name}` would be the same file", exit_code=2)


def _manifest(
    written: list[WrittenTable],
    schemas: Mapping[str, pa.Schema],
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
            manifest_table(one.name, schemas[one.name], one.rows, files[one.path])
            for one in written
        ],
        case=facts.case,
        broken_rule=facts.broken_rule,
        sampling=facts.sampling,
    )
