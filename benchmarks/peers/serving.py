"""How a contender of run_relations.py is asked to do its job again and again, in one process.

Each line of standard input is a request in JSON: `rows` (patients), `sink` and `folder`. Each is
answered by one line of JSON with the job's seconds, elapsed and of this process's CPU, or the
error. A job makes the three tables and drops them (`arrow`), keeps all of them in memory (`table`),
or writes `patient.parquet`, `encounter.parquet` and `observation.parquet`, each a file or a folder
of parts, into the folder (`parquet`). Standard library only: contenders live in environments of
their own.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent.parent
TABLES = ("patient", "encounter", "observation")
SINKS = ("arrow", "table", "parquet")

Job = Callable[[int, str, Path], Any]


def own_peak() -> float:
    """This process's peak resident megabytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(x for x in lines if x.startswith("VmHWM")).split()[1]) / 1024


def serve(job: Job, version: str) -> None:
    """Answer requests until there are no more. Whatever else is printed goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        asked = json.loads(line)
        said: dict[str, Any] = {"version": version}
        began, cpu = time.perf_counter(), time.process_time()
        try:
            result = job(asked["rows"], asked["sink"], Path(asked["folder"]))
            said["seconds"] = time.perf_counter() - began
            said["cpu"] = time.process_time() - cpu
            del result
        except Exception as error:  # whatever a tool says is its answer
            said["error"] = f"{type(error).__name__}: {error}"
        said["peak"] = own_peak()
        answers.write(json.dumps(said) + "\n")
        answers.flush()


def weighted(name: str) -> list[tuple[str, float]]:
    """Values and weights of a lookup of the spec."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return [(row["code"], float(row["count"])) for row in csv.DictReader(file)]
