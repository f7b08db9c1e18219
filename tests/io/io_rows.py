"""Tables and row sources for the tests of output; importable from worker processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

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
