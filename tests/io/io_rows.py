"""Tables and row sources for the tests of output; importable from worker processes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False, metadata={"roles": "identifier"}),
        pa.field("code", pa.dictionary(pa.int8(), pa.string())),
        pa.field("value", pa.float64(), metadata={"unit": "mg", "description": "a dose"}),
        pa.field("at", pa.timestamp("us")),
    ],
    metadata={"key": '["row"]', "description": "some rows"},
)
CODES = pa.array(["a", 'b"', "c,d"])


def block(start: int, stop: int) -> pa.RecordBatch:
    """Rows `start` to `stop`; each depends on its number alone."""
    row = np.arange(start, stop)
    return pa.RecordBatch.from_arrays(
        [
            pa.array(row),
            pa.DictionaryArray.from_arrays(pa.array((row % 3).astype(np.int8)), CODES),
            pa.array(np.round((row * 7919 % 1000) / 10, 1), mask=row % 11 == 5),
            pa.array(row * 61_000_000, pa.timestamp("us")),
        ],
        schema=SCHEMA,
    )


Rows = Iterator[tuple[str, pa.RecordBatch]]


def batches(plan: object, group: str, start: int, stop: int) -> Rows:
    """Blocks of at most `plan` rows of a lone table."""
    size = plan if isinstance(plan, int) else 16_384
    for at in range(start, stop, size):
        yield group, block(at, min(at + size, stop))


def failing(plan: object, group: str, start: int, stop: int) -> Rows:
    """Fails after a first block from row `plan[1]` on, as `plan[0]` says."""
    how, where = plan
    yield group, block(start, start + 1)
    if start >= where:
        if how == "value":
            raise ValueError("no such row")
        if how == "interrupt":
            raise KeyboardInterrupt
        if how == "missing":
            raise FileNotFoundError(2, "No such file or directory", "lookup.csv")
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "exit":
            os._exit(7)
        if how == "schema":
            yield group, pa.record_batch({"other": [1]})
    yield from batches(None, group, start + 1, stop)


def noisy(plan: object, group: str, start: int, stop: int) -> Rows:
    """Prints while it works."""
    print("a stray word")
    yield from batches(plan, group, start, stop)


def slow(plan: object, group: str, start: int, stop: int) -> Rows:
    """Says who it is in the folder `plan`, then takes for ever."""
    import time
    from pathlib import Path

    Path(str(plan), str(os.getpid())).touch()
    while True:
        yield group, block(start, start + 1)
        time.sleep(0.02)


def keyed(name: str, columns: dict[str, bool], key: list[str], **references: object) -> pa.Schema:
    """A table of whole numbers. `columns`: which may be null; `references`: target=(from, to)."""
    said = [{"fields": f, "table": target, "to": to} for target, (f, to) in references.items()]
    return pa.schema(
        [pa.field(column, pa.int64(), nullable=null) for column, null in columns.items()],
        metadata={
            "synthdsl.table": name,
            "key": json.dumps(key),
            "references": json.dumps(said),
        },
    )


PATIENT = keyed("patient", {"id": False, "age": False}, ["id"])
VISIT = keyed(
    "visit",
    {"patient_id": False, "index": False, "before": True},
    ["patient_id", "index"],
    patient=(["patient_id"], ["id"]),
    visit=(["before", "patient_id"], ["index", "patient_id"]),
)
LAB = keyed(
    "lab",
    {"patient_id": False, "visit_index": False, "index": False},
    ["patient_id", "visit_index", "index"],
    visit=(["patient_id", "visit_index"], ["patient_id", "index"]),
)
FAMILY = {"patient": PATIENT, "visit": VISIT, "lab": LAB}
LABS = range(1_000, 1_500)
"""Patients with labs, two at each of their visits."""


def visits_of(patient: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many visits each patient has: 0 to 3."""
    return patient % 4


def family(plan: object, group: str, start: int, stop: int) -> Rows:
    """Patients, their visits and labs, in blocks of `plan` patients; each follows from its key.

    A visit refers to another of the same patient: the second and third to the first.
    """
    size = plan if isinstance(plan, int) else 300
    for at in range(start, stop, size):
        patient = np.arange(at, min(at + size, stop))
        yield "patient", batch_of(PATIENT, patient, patient % 90)
        counts = visits_of(patient)
        of_visit = np.repeat(patient, counts)
        index = np.arange(len(of_visit)) - np.repeat(np.cumsum(counts) - counts, counts)
        yield "visit", batch_of(VISIT, of_visit, index, pa.array(index * 0, mask=index == 0))
        has_labs = (of_visit >= LABS.start) & (of_visit < LABS.stop)
        yield (
            "lab",
            batch_of(
                LAB,
                np.repeat(of_visit[has_labs], 2),
                np.repeat(index[has_labs], 2),
                np.tile([0, 1], int(has_labs.sum())),
            ),
        )


def batch_of(schema: pa.Schema, *columns: object) -> pa.RecordBatch:
    """A batch of whole numbers."""
    return pa.RecordBatch.from_arrays([pa.array(c, pa.int64()) for c in columns], schema=schema)
