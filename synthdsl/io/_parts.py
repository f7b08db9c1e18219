"""Writing the parts of a task, one for each table of a family, in this process or in a worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthdsl.io.base import FORMATS, Format, Part, PartWriter
from synthdsl.io.output import unwritable

if TYPE_CHECKING:
    import pyarrow as pa

REPORT_ROWS = 65_536
"""Rows between two words about progress, unless they take longer than `REPORT_SECONDS`."""
REPORT_SECONDS = 0.5


@dataclass(frozen=True)
class RowSource:
    """Where rows come from: `function(plan, group, start, stop)` yields record batches.

    They are of rows `start` to `stop` of the root table of the group called `group` and of all
    that hangs under them, each with the name of its table. `function` stands at the top level of
    an importable module and `plan` is a value that JSON can say, so that worker processes can
    have both. Batches of a table have its schema and come in the order of its rows; they are of
    any size, and those of several tables may come in any order.
    """

    function: Callable[[Any, str, int, int], Iterator[tuple[str, pa.RecordBatch]]]
    plan: Any = None


@dataclass(frozen=True)
class Task:
    """Rows `start` to `stop` of the root of a group, which make part `number` of its tables."""

    group: str
    number: int
    start: int
    stop: int


@dataclass(frozen=True)
class Job:
    """What all tasks have in common. `schemas` are by group and table."""

    source: RowSource
    schemas: dict[str, dict[str, pa.Schema]]
    format: str
    compression: str
    folder: Path
    shown: Path
    """Where the user believes the rows to go, for messages."""

    def path(self, task: Task, table: str) -> Path:
        """Where the part of `table` that `task` makes is written."""
        tables = [name for group in self.schemas.values() for name in group]
        return self.folder / f"{tables.index(table):04d}-{task.number:05d}"


def write_task(job: Job, task: Task, report: Callable[[int], object]) -> list[Part]:
    """Write the parts of `task`, one for each table of its group, in the group's order.

    `report` is told of each further run of root rows that is done; in all of the rows of the
    task. Raises `SynthError` where a part cannot be written, and whatever the source raises.
    """
    progress = TaskProgress(task, report)
    with ExitStack() as stack:
        writers = _open_parts(job, task, stack)
        for table, batch in job.source.function(job.source.plan, task.group, task.start, task.stop):
            schema = job.schemas[task.group][table]
            if not batch.schema.equals(schema):
                raise TypeError(f"a batch of table `{table}` has another schema: {batch.schema}")
            try:
                writers[table].write(batch)
            except OSError as error:
                raise unwritable(error, job.shown) from error
            progress.add(table, batch.num_rows)
        try:
            parts = [
                Part(table, task.number, job.path(task, table), writer.close())
                for table, writer in writers.items()
            ]
        except OSError as error:
            raise unwritable(error, job.shown) from error
    progress.finish()
    return parts


def _open_parts(job: Job, task: Task, stack: ExitStack) -> dict[str, PartWriter]:
    """A part for each table of the task's group; `stack` aborts those that are not closed."""
    form = known_format(job.format)
    try:
        return {
            table: stack.enter_context(
                form.open_part(
                    job.path(task, table),
                    schema,
                    compression=job.compression,
                    is_first=task.number == 0,
                )
            )
            for table, schema in job.schemas[task.group].items()
        }
    except OSError as error:
        raise unwritable(error, job.shown) from error


class TaskProgress:
    """Words about root rows that are done, not too many of them."""

    def __init__(self, task: Task, report: Callable[[int], object]) -> None:
        self._root = task.group
        self._left = task.stop - task.start
        self._report = report
        self._unreported = 0
        self._last = time.monotonic()

    def add(self, table: str, rows: int) -> None:
        """So many rows of `table` are written."""
        if table != self._root:
            return
        self._unreported += rows
        if self._unreported >= REPORT_ROWS or time.monotonic() - self._last > REPORT_SECONDS:
            self._say(min(self._unreported, self._left))

    def finish(self) -> None:
        """The task is done: all of its root rows are."""
        self._say(self._left)

    def _say(self, rows: int) -> None:
        if rows:
            self._report(rows)
        self._left -= rows
        self._unreported = 0
        self._last = time.monotonic()


def known_format(name: str) -> Format:
    """The format called `name`, which has been looked up before."""
    found = FORMATS.get(name)
    if found is None:
        raise KeyError(f"unknown format {name!r}")
    return found
