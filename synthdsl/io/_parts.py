"""Writing one part, in this process or in a worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthdsl.io.base import FORMATS, Format, Part
from synthdsl.io.output import unwritable

if TYPE_CHECKING:
    import pyarrow as pa

REPORT_ROWS = 65_536
"""Rows between two words about progress, unless they take longer than `REPORT_SECONDS`."""
REPORT_SECONDS = 0.5


@dataclass(frozen=True)
class RowSource:
    """Where rows come from: `function(plan, table, start, stop)` yields their record batches.

    `function` stands at the top level of an importable module and `plan` is a value that JSON
    can say, so that worker processes can have both. The batches are of the table's schema, of
    any size.
    """

    function: Callable[[Any, str, int, int], Iterator[pa.RecordBatch]]
    plan: Any = None


@dataclass(frozen=True)
class Task:
    """Rows `start` to `stop` of a table, which make its part `number`."""

    table: str
    number: int
    start: int
    stop: int


@dataclass(frozen=True)
class Job:
    """What all tasks have in common."""

    source: RowSource
    schemas: dict[str, pa.Schema]
    format: str
    compression: str
    folder: Path
    shown: Path
    """Where the user believes the rows to go, for messages."""

    def path(self, task: Task) -> Path:
        """Where the part of `task` is written."""
        place = list(self.schemas).index(task.table)
        return self.folder / f"{place:04d}-{task.number:05d}"


def write_task(job: Job, task: Task, report: Callable[[int], object]) -> Part:
    """Write the part of `task`; tell `report` of each further run of rows that is done.

    Raises `SynthError` where the part cannot be written, and whatever the source raises.
    """
    path = job.path(task)
    failures: list[BaseException] = []
    batches = _reported(job, task, report, failures)
    try:
        rows = known_format(job.format).write_part(
            path,
            job.schemas[task.table],
            batches,
            compression=job.compression,
            is_first=task.number == 0,
        )
    except OSError as error:
        if error in failures:  # of the source, not of the writing
            raise
        raise unwritable(error, job.shown) from error
    return Part(task.table, task.number, path, rows)


def known_format(name: str) -> Format:
    """The format called `name`, which has been looked up before."""
    found = FORMATS.get(name)
    if found is None:
        raise KeyError(f"unknown format {name!r}")
    return found


def _reported(
    job: Job, task: Task, report: Callable[[int], object], failures: list[BaseException]
) -> Iterator[pa.RecordBatch]:
    schema = job.schemas[task.table]
    unreported = 0
    last = time.monotonic()
    try:
        for batch in job.source.function(job.source.plan, task.table, task.start, task.stop):
            if not batch.schema.equals(schema):
                raise TypeError(
                    f"a batch of table `{task.table}` has another schema: {batch.schema}"
                )
            yield batch
            unreported += batch.num_rows
            if unreported >= REPORT_ROWS or time.monotonic() - last > REPORT_SECONDS:
                report(unreported)
                unreported = 0
                last = time.monotonic()
    except Exception as error:
        failures.append(error)
        raise
    if unreported:
        report(unreported)
