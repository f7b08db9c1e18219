"""Specs in, finished files out."""

from __future__ import annotations

import codecs
import os
import stat
import sys
import tempfile
from pathlib import Path

from synthdsl.diagnostics import Diagnostic, SynthError
from synthdsl.source import Source, Span, decode

STANDARD = "-"
STDIN_NAME = "<stdin>"


def read_bytes(path: str) -> bytes:
    """Content of the file at `path`, of standard input for `-`. Raises `SynthError` (code 2)."""
    if path == STANDARD:
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise SynthError(f"cannot read `{path}`: {_reason(error)}", exit_code=2) from error


def read_source(path: str) -> tuple[Source, bytes]:
    """The text of a spec and its bytes. Raises `SynthError` with a finding if it is not UTF-8."""
    raw = read_bytes(path)
    source, bad = decode(STDIN_NAME if path == STANDARD else path, raw)
    if bad is not None:
        raise SynthError("not UTF-8", diagnostics=[_bad_encoding(source, raw, bad)])
    return source, raw


def _bad_encoding(source: Source, raw: bytes, bad: int) -> Diagnostic:
    raw = raw.removeprefix(codecs.BOM_UTF8)
    start = len(decode("", raw[:bad])[0].text)
    message = f"the file is not UTF-8: byte {bad:,} is 0x{raw[bad]:02x}"
    return Diagnostic("bad-encoding", Span(source, start, start + 1), message, "save it as UTF-8")


def spec_arguments(path: str) -> tuple[str, str | None]:
    """Name and text for the façade; the text is None where it reads the file itself."""
    if path != STANDARD:
        return path, None
    source, _ = read_source(path)
    return source.name, source.text


def replace_file(path: str, content: bytes) -> None:
    """Put `content` in place of the file at `path`, whole or not at all, keeping its mode.

    A link stays a link: the file it leads to is replaced. Raises `SynthError` (code 2).
    """
    target = os.path.realpath(path)
    try:
        mode = stat.S_IMODE(os.stat(target).st_mode) if os.path.exists(target) else None
        if mode is not None and not os.access(target, os.W_OK):
            raise PermissionError(13, "Permission denied")
        _write_beside(target, content, mode)
    except (OSError, ValueError) as error:
        raise SynthError(f"cannot write `{path}`: {_reason(error)}", exit_code=2) from error


def write_new_file(path: str, content: bytes, *, overwrite: bool) -> None:
    """Write `content` to `path`, refusing to replace a file unless `overwrite`."""
    check_new_file(path, overwrite=overwrite)
    replace_file(path, content)


def check_new_file(path: str, *, overwrite: bool) -> None:
    """Refuse, with `SynthError` (code 2), what `write_new_file` would refuse."""
    if os.path.isdir(path):
        raise SynthError(f"cannot write `{path}`: it is a folder", exit_code=2)
    if os.path.lexists(path) and not overwrite:
        raise SynthError(f"`{path}` already exists; add --overwrite to replace it", exit_code=2)
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        raise SynthError(f"cannot write `{path}`: there is no folder `{folder}`", exit_code=2)


def _write_beside(target: str, content: bytes, mode: int | None) -> None:
    folder, name = os.path.split(target)
    handle, beside = tempfile.mkstemp(prefix=f".{name[:100]}.", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(beside, _default_mode() if mode is None else mode)
        os.replace(beside, target)
    except BaseException:
        os.unlink(beside)
        raise


def _default_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _reason(error: Exception) -> str:
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    if isinstance(error, FileNotFoundError):
        return "there is no such file or folder"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)
