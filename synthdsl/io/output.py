"""The output folder: it appears whole or not at all, and replaces only what was asked for."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from synthdsl.diagnostics import SynthError
from synthdsl.io._files import PART_NAME

LONGEST_NAME = 255
"""Bytes in a file name on every common file system."""
MOST_NAMES_SHOWN = 5
_numbers = itertools.count()


class OutputFolder:
    """Gathers files in a hidden folder and puts them into `target` together.

    Use as a context manager: `with OutputFolder(target, names, overwrite=False) as output:`,
    write below `output.staging`, then `output.commit()`. Leaving without a commit, by
    whatever exception (KeyboardInterrupt too), removes the staging folder and every folder
    that was made for it.

    `names` are the files or folders that will appear in `target`. A new target appears by one
    rename. In an existing one each name is moved into place; if a move fails, those before it
    are taken back. Other files in `target` are never touched.

    Raises `SynthError` (exit code 2) for outputs that exist without `overwrite`, a target that
    is a file or cannot be written, and names that are no file names.
    """

    def __init__(self, target: Path, names: Iterable[str], *, overwrite: bool = False) -> None:
        self.shown = target
        self.names = tuple(dict.fromkeys(names))
        self.overwrite = overwrite
        self._made: list[Path] = []
        self._is_open = False
        for name in self.names:
            check_file_name(name)
        try:
            self.target = Path(os.path.realpath(target))
            if self.target.is_symlink():  # what cannot be resolved goes round in a circle
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            self._check_target()
            self.staging = self._make_staging()
        except OSError as error:
            self._remove_made()
            raise unwritable(error, target) from error
        except ValueError as error:  # a NUL in the path
            raise SynthError(
                f"`{target!s}` is not a possible path: {error}", exit_code=2
            ) from error
        self._is_open = True

    def __enter__(self) -> OutputFolder:
        """The folder itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove whatever was not committed."""
        self.abort()

    def commit(self) -> None:
        """Put the staged files in place. Raises `SynthError` if one of `names` was not written."""
        missing = [name for name in self.names if not os.path.lexists(self.staging / name)]
        if missing:
            raise SynthError(f"nothing was written for {_listed(missing)}", exit_code=2)
        try:
            if self.is_new and not os.path.lexists(self.target):
                os.rename(self.staging, self.target)
            else:
                self.target.mkdir(exist_ok=True)
                # Somebody else may have written here since the start.
                self._check_target()
                self._move_each()
                shutil.rmtree(self.staging, ignore_errors=True)
        except OSError as error:
            raise unwritable(error, self.shown) from error
        self._is_open = False

    def abort(self) -> None:
        """Remove the staging folder and the folders made for it; nothing after a commit."""
        if self._is_open:
            self._is_open = False
            shutil.rmtree(self.staging, ignore_errors=True)
            self._remove_made()

    def _check_target(self) -> None:
        self.is_new = not self.target.exists()
        if self.is_new:
            return
        if not self.target.is_dir():
            raise SynthError(
                f"cannot write to `{self.shown}`: it is a file, not a folder", exit_code=2
            )
        present = [name for name in self.names if os.path.lexists(self.target / name)]
        if present and not self.overwrite:
            verb = "exists" if len(present) == 1 else "exist"
            raise SynthError(
                f"{_listed(present)} already {verb} in `{self.shown}`; add --overwrite to replace",
                exit_code=2,
            )
        for name in present:
            self._check_replaceable(self.target / name)

    def _check_replaceable(self, path: Path) -> None:
        """Refuse to replace a folder that holds anything but numbered parts."""
        if not path.is_dir() or path.is_symlink():
            return
        strange = [p.name for p in path.iterdir() if not PART_NAME.fullmatch(p.name) or p.is_dir()]
        if strange:
            raise SynthError(
                f"cannot replace the folder `{path.name}` in `{self.shown}`: it holds "
                f"{_listed(sorted(strange))}, which synthdsl did not write",
                exit_code=2,
            )

    def _make_staging(self) -> Path:
        """A hidden folder on the file system of the target: in it, or beside it while it is new.

        Not beside an existing one, whose parent may be read-only or another file system.
        """
        home = self.target.parent if self.is_new else self.target
        for folder in [*reversed(home.parents), home]:
            if not folder.exists():
                folder.mkdir()
                self._made.append(folder)
        while True:
            staging = home / f".synthdsl-{os.getpid()}-{next(_numbers)}"
            try:
                staging.mkdir()
            except FileExistsError:
                continue  # left by a process of the same number that was killed
            return staging

    def _move_each(self) -> None:
        """Move the names into place one by one, taking everything back if one fails."""
        replaced = self.staging / f".replaced-{os.getpid()}"
        replaced.mkdir()
        done: list[tuple[Path, Path]] = []
        try:
            for name in self.names:
                if os.path.lexists(self.target / name):
                    self._move(self.target / name, replaced / name, done)
                self._move(self.staging / name, self.target / name, done)
        except BaseException:
            for source, destination in reversed(done):
                os.rename(destination, source)
            raise

    @staticmethod
    def _move(source: Path, destination: Path, done: list[tuple[Path, Path]]) -> None:
        os.rename(source, destination)
        done.append((source, destination))

    def _remove_made(self) -> None:
        for folder in reversed(self._made):
            try:
                folder.rmdir()
            except OSError:
                return  # somebody else uses it by now
        self._made.clear()


def check_file_name(name: str) -> None:
    """Raise `SynthError` (exit code 2) unless `name` is a plain file name."""
    is_path = name in ("", ".", "..") or any(c in name for c in ("/", "\\", "\0"))
    if is_path or not name.isprintable():
        raise SynthError(f"{name!r} cannot be the name of an output file", exit_code=2)
    if len(os.fsencode(name)) > LONGEST_NAME:
        raise SynthError(
            f"the file name `{name[:40]}…` is longer than {LONGEST_NAME} bytes", exit_code=2
        )


def unwritable(error: OSError, path: Path | str) -> SynthError:
    """What to tell a person about `error`, met while writing below `path`."""
    reasons = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the disk quota is used up",
        errno.EFBIG: "a file grew beyond the size allowed here",
        errno.EACCES: "permission denied",
        errno.EPERM: "permission denied",
        errno.EROFS: "the file system is read-only",
        errno.ENOTDIR: "a part of the path is a file, not a folder",
        errno.ENAMETOOLONG: "the name is too long",
        errno.ELOOP: "its symbolic links go round in a circle",
    }
    reason = reasons.get(error.errno or 0, error.strerror or str(error))
    return SynthError(f"cannot write to `{path}`: {reason}; nothing was written", exit_code=2)


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:MOST_NAMES_SHOWN])
    more = len(names) - MOST_NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
