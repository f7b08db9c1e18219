"""Worker processes that write parts.

Fresh interpreters rather than `multiprocessing`: forking is unsafe beside Arrow's threads, and
its spawn runs the caller's main script again. Parent and worker talk through the worker's
standard input and output in JSON messages with their length in front, so that nothing that
arrives is ever run. A worker lives in a session of its own, so
that Ctrl-C reaches only the parent, and ends when its standard input does, so that none is
left behind even if the parent is killed.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from synthdsl.diagnostics import SynthError
from synthdsl.io._messages import (
    error_message,
    job_message,
    pack,
    part_message,
    read_error,
    read_job,
    read_part,
    read_task,
    task_message,
    unpack,
)
from synthdsl.io._parts import Job, Task, write_task
from synthdsl.io.base import Part

LENGTH_BYTES = 8
BOOT = "import sys; sys.path[:] = {path!r}; from synthdsl.io._pool import serve; serve()"


class Worker:
    """One worker process, seen from the parent. Its messages go to `inbox` with itself."""

    def __init__(self, inbox: queue.SimpleQueue[tuple[Worker, Any]]) -> None:
        is_posix = os.name == "posix"
        self.process = subprocess.Popen(
            [sys.executable, "-c", BOOT.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=is_posix,
            creationflags=0 if is_posix else getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self.inbox = inbox
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def prepare(self, job: bytes) -> None:
        """Hand over the job."""
        self._send(job)

    def give(self, task: Task) -> None:
        """Hand over the next task."""
        self._send(pack(task_message(task)))

    def stop(self) -> None:
        """End the process, whatever it is doing; its finished parts are complete."""
        self.process.kill()
        self.process.wait()
        self.reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was left in the buffer has no reader any more
                    pipe.close()

    def fate(self) -> str:
        """How the process ended."""
        code = self.process.wait()
        if code >= 0:
            return f"exit code {code}"
        try:
            return f"signal {signal.Signals(-code).name}"
        except ValueError:
            return f"signal {-code}"

    def _send(self, data: bytes) -> None:
        if self.process.stdin is not None:
            with suppress(OSError):  # the process is gone; its reader says so
                send(self.process.stdin, data)

    def _read(self) -> None:
        if self.process.stdout is not None:
            while (data := receive(self.process.stdout)) is not None:
                self.inbox.put((self, unpack(data)))
        self.inbox.put((self, None))


def run_tasks(
    job: Job, tasks: list[Task], *, workers: int, report: Callable[[int], object]
) -> list[Part]:
    """Write the parts of `tasks` with `workers` processes; they come back in no order.

    Raises what a worker raised, or `SynthError` (exit code 2) if one was killed. No worker is
    left when this returns or raises.
    """
    packed = pack(job_message(job))
    inbox: queue.SimpleQueue[tuple[Worker, Any]] = queue.SimpleQueue()
    waiting = list(reversed(tasks))
    parts: list[Part] = []
    pool: list[Worker] = []
    try:
        # All are started before the first is spoken to, which waits until it listens.
        pool.extend(Worker(inbox) for _ in range(min(workers, len(tasks))))
        for worker in pool:
            worker.prepare(packed)
            worker.give(waiting.pop())
        finished = 0
        while finished < len(tasks):
            worker, message = inbox.get()
            if message is None:
                raise SynthError(
                    f"a worker process ended early ({worker.fate()}), perhaps for want of memory; "
                    "nothing was written",
                    exit_code=2,
                )
            kind, content = message
            if kind == "rows":
                report(content)
            elif kind == "parts":
                parts += map(read_part, content)
                finished += 1
                if waiting:
                    worker.give(waiting.pop())
            else:
                raise read_error(content)
    finally:
        for worker in pool:
            worker.stop()
    return parts


def serve() -> None:
    """Be a worker: take a job and then tasks from standard input until it ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print must not get between the messages
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, requests), daemon=True).start()

    def answer(kind: str, content: object) -> None:
        send(answers, pack([kind, content]))

    try:
        job = read_job(unpack(requests.get()))
        while True:
            task = read_task(unpack(requests.get()))
            parts = write_task(job, task, lambda rows: answer("rows", rows))
            answer("parts", [part_message(part) for part in parts])
    except Exception as error:
        answer("error", error_message(error))


def send(stream: IO[bytes], data: bytes) -> None:
    """Write one message."""
    stream.write(len(data).to_bytes(LENGTH_BYTES, "big") + data)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """Read one message; None where the stream ends, in the middle of one too."""
    head = stream.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    size = int.from_bytes(head, "big")
    data = stream.read(size)
    return data if len(data) == size else None


def _listen(stream: IO[bytes], requests: queue.SimpleQueue[bytes]) -> None:
    while (data := receive(stream)) is not None:
        requests.put(data)
    os._exit(0)  # the parent is done with this process, or gone
