"""A progress line on standard error: share, rows, rate, time left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from synthdsl.cli.console import is_terminal

REDRAWS_PER_SECOND = 10
TICK_SECONDS = 1.0
BAR = 24


class Progress:
    """Shows `update(done, total)`: redrawn in place on a terminal, else a line a second.

    `clock` gives seconds; tests pass their own. Used as a context manager it redraws the line
    every second too, so that a rare case is seen to be searched for; else call `close` at the end,
    whatever happened.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        is_on: bool,
        is_ascii: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._is_on = is_on
        self._is_terminal = is_terminal(stream)
        self._marks = ("#", "-") if is_ascii else ("━", "╌")
        self._clock = clock
        self._start = clock()
        self._interval = 1 / REDRAWS_PER_SECOND if self._is_terminal else 1.0
        self._last = self._start - self._interval if self._is_terminal else self._start
        self._drawn = 0
        self._rows: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._ticker: threading.Thread | None = None

    def __enter__(self) -> Progress:
        """Begin to redraw."""
        if self._is_on and self._is_terminal:
            self._ticker = threading.Thread(target=self._tick, daemon=True)
            self._ticker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop redrawing and clear the line."""
        self.close()

    def _tick(self) -> None:
        while not self._stopped.wait(TICK_SECONDS):
            with self._lock:
                seconds = self._clock() - self._start
                text = f"{duration(seconds)}, no rows yet"
                if self._rows is not None:
                    text = self._line(*self._rows, seconds)
                if not self._stopped.is_set():
                    self._draw(text)

    def update(self, done: int, total: int) -> None:
        """`done` of `total` rows are finished. Cheap when called often."""
        if not self._is_on:
            return
        with self._lock:
            self._update(done, total)

    def _update(self, done: int, total: int) -> None:
        self._rows = (done, total)
        now = self._clock()
        if now - self._last < self._interval and done < total:
            return
        self._last = now
        self._draw(self._line(done, total, now - self._start))

    def _draw(self, line: str) -> None:
        if self._is_terminal:
            self._stream.write("\r" + line + " " * max(self._drawn - len(line), 0))
            self._drawn = len(line)
        else:
            self._stream.write(line + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Clear the line, so that the next message stands alone."""
        self._stopped.set()
        if self._ticker is not None:
            self._ticker.join()
            self._ticker = None
        if self._drawn:
            self._stream.write("\r" + " " * self._drawn + "\r")
            self._stream.flush()
            self._drawn = 0

    def _line(self, done: int, total: int, seconds: float) -> str:
        share = min(done / total, 1.0) if total else 1.0
        full = round(share * BAR)
        bar = self._marks[0] * full + self._marks[1] * (BAR - full)
        parts = [f"{bar} {int(share * 100):3d} %", f"{done:,} of {total:,} rows"]
        if seconds > 0 and done:
            rate = done / seconds
            parts.append(f"{rate_text(rate)} rows/s")
            if done < total:
                parts.append(f"{duration((total - done) / rate)} left")
        return "  ".join(parts)


def rate_text(rate: float) -> str:
    """A rate with three digits: `940`, `52.1 k`, `3.40 M`."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if rate >= size * 0.9995:
            value = rate / size
            return f"{value:.{0 if value >= 99.95 else 1 if value >= 9.995 else 2}f}{unit}"
    return f"{rate:.0f}"


def duration(seconds: float) -> str:
    """A duration for people: `0.8 s`, `42 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60:02d} min"


def size_text(size: int) -> str:
    """A number of bytes: `812 B`, `1.2 MB` (powers of 1000)."""
    if size < 1000:
        return f"{size} B"
    units = iter(("kB", "MB", "GB", "TB"))
    value, unit = size / 1000, next(units)
    while value >= 999.5 and unit != "TB":
        value, unit = value / 1000, next(units)
    return f"{value:.{1 if value < 99.95 else 0}f} {unit}"
