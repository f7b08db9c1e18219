"""What a command says and returns when something goes wrong."""

from __future__ import annotations

import os
import traceback

from synthdsl.cli.console import Console
from synthdsl.diagnostics import SynthError

FINE = 0
FINDINGS = 1
UNUSABLE = 2
"""Wrong usage, unreadable input, unwritable or refused output."""
UNSATISFIABLE = 3
INTERNAL = 70
"""A mistake in synthdsl itself (EX_SOFTWARE of sysexits.h)."""
INTERRUPTED = 130
BROKEN_PIPE = 141
"""Whoever read the output stopped reading (128 + SIGPIPE, as other programs return)."""

DEBUG_VARIABLE = "SYNTHDSL_DEBUG"


def report(error: BaseException, console: Console) -> int:
    """Say on standard error what happened; return the exit code."""
    if os.environ.get(DEBUG_VARIABLE) and not isinstance(error, KeyboardInterrupt):
        console.say("".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, SynthError):
        return _report_findings(error, console)
    if isinstance(error, KeyboardInterrupt):
        console.say("synthdsl: interrupted")
        return INTERRUPTED
    if isinstance(error, OSError):
        console.say(f"synthdsl: {_system_reason(error)}")
        return UNUSABLE
    if isinstance(error, MemoryError):
        console.say("synthdsl: not enough memory")
        return UNUSABLE
    first = (str(error).splitlines() or [""])[0][:200]
    console.say(
        f"synthdsl: internal error: {type(error).__name__}: {first} (please report this, with the "
        f"spec and what the command prints when {DEBUG_VARIABLE}=1 is set)"
    )
    return INTERNAL


def _report_findings(error: SynthError, console: Console) -> int:
    if not error.diagnostics:
        console.say(f"synthdsl: {error.message}")
        return error.exit_code
    from synthdsl.render.findings import render_findings

    text = render_findings(
        error.diagnostics, form="text", colour=console.has_colour_err, width=console.width_err
    )
    console.say(text.rstrip("\n"))
    return error.exit_code


def _system_reason(error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    return f"`{error.filename}`: {reason}" if error.filename else reason
