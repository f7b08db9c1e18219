"""What parent and worker processes say to each other, as JSON."""

from __future__ import annotations

import base64
import builtins
import importlib
import json
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

from synthdsl.diagnostics import Diagnostic, Label, SynthError
from synthdsl.io._parts import Job, RowSource, Task
from synthdsl.io.base import Part
from synthdsl.source import Source, Span


def pack(content: Any) -> bytes:
    """A message as bytes."""
    return json.dumps(content).encode()


def unpack(data: bytes) -> Any:
    """A message from its bytes."""
    return json.loads(data)


def job_message(job: Job) -> dict[str, Any]:
    """A job in plain values; its plan must be plain values already."""
    function = job.source.function
    if function.__module__ == "__main__":
        raise ValueError("the function that yields batches must stand in an importable module")
    schemas = {
        group: {
            table: base64.b64encode(schema.serialize()).decode() for table, schema in tables.items()
        }
        for group, tables in job.schemas.items()
    }
    return {
        "module": function.__module__,
        "function": function.__qualname__,
        "plan": job.source.plan,
        "schemas": schemas,
        "format": job.format,
        "compression": job.compression,
        "folder": str(job.folder),
        "shown": str(job.shown),
    }


def read_job(message: dict[str, Any]) -> Job:
    """The job that a message tells of. The module is one that the parent has imported."""
    import pyarrow as pa

    function = getattr(importlib.import_module(message["module"]), message["function"])
    schemas = {
        group: {
            table: pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))
            for table, text in tables.items()
        }
        for group, tables in message["schemas"].items()
    }
    return Job(
        RowSource(function, message["plan"]),
        schemas,
        message["format"],
        message["compression"],
        Path(message["folder"]),
        Path(message["shown"]),
    )


def task_message(task: Task) -> dict[str, Any]:
    """A task in plain values."""
    return asdict(task)


def read_task(message: dict[str, Any]) -> Task:
    """The task that a message tells of."""
    return Task(**message)


def part_message(part: Part) -> dict[str, Any]:
    """A part in plain values."""
    return {"table": part.table, "number": part.number, "path": str(part.path), "rows": part.rows}


def read_part(message: dict[str, Any]) -> Part:
    """The part that a message tells of."""
    return Part(message["table"], message["number"], Path(message["path"]), message["rows"])


def error_message(error: Exception) -> dict[str, Any]:
    """An error in plain values, with its traceback."""
    message: dict[str, Any] = {
        "kind": type(error).__name__,
        "text": str(error),
        "trace": "".join(traceback.format_exception(error)),
    }
    if isinstance(error, SynthError):
        message |= {
            "text": error.message,
            "exit_code": error.exit_code,
            "diagnostics": [_diagnostic(d) for d in error.diagnostics],
            "sources": _sources(error),
        }
    return message


def _sources(error: SynthError) -> dict[str, str]:
    return {d.span.source.name: d.span.source.text for d in error.diagnostics}


def _diagnostic(d: Diagnostic) -> dict[str, Any]:
    return {
        "code": d.code,
        "span": _span(d.span),
        "message": d.message,
        "help": d.help,
        "labels": [[_span(label.span), label.text] for label in d.labels],
        "notes": list(d.notes),
    }


def _span(span: Span) -> list[Any]:
    return [span.source.name, span.start, span.end]


def read_error(message: dict[str, Any]) -> Exception:
    """The error that a message tells of, to be raised in the parent."""
    if "exit_code" in message:
        sources = {name: Source(name, text) for name, text in message["sources"].items()}
        return SynthError(
            message["text"],
            diagnostics=[_read_diagnostic(d, sources) for d in message["diagnostics"]],
            exit_code=message["exit_code"],
        )
    raised = _kind(message["kind"])(message["text"])
    raised.add_note(f"in a worker process:\n{message['trace']}")
    return raised


def _kind(name: str) -> type[Exception]:
    """The built-in error of that name, if it takes a text; RuntimeError otherwise."""
    kind = getattr(builtins, name, None)
    if not isinstance(kind, type) or not issubclass(kind, Exception):
        return RuntimeError
    return RuntimeError if issubclass(kind, UnicodeError) else kind


def _read_diagnostic(message: dict[str, Any], sources: dict[str, Source]) -> Diagnostic:
    def span(items: list[Any]) -> Span:
        name, start, end = items
        return Span(sources.setdefault(name, Source(name, "")), start, end)

    return Diagnostic(
        message["code"],
        span(message["span"]),
        message["message"],
        message["help"],
        tuple(Label(span(place), text) for place, text in message["labels"]),
        tuple(message["notes"]),
    )
