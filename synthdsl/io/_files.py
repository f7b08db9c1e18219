"""Putting parts together: one file as it is, several one after the other or in a folder."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from synthdsl.io.base import Part

PART_NAME = re.compile(r"part-\d{5,}\.\w+")
COPY_BYTES = 1 << 20


def concatenate(paths: list[Path], target: Path) -> None:
    """Move the bytes of `paths`, in order, to the end of `target`; each is gone afterwards.

    Takes no more room on disk than one part beyond the whole.
    """
    if paths and not target.exists():
        os.replace(paths[0], target)
        paths = paths[1:]
    if not paths:
        return
    with target.open("ab") as whole:
        for path in paths:
            with path.open("rb") as part:
                shutil.copyfileobj(part, whole, COPY_BYTES)
            path.unlink()


def file_or_folder(target: Path, parts: list[Part]) -> None:
    """Make `target` the file of the only part, or a folder of numbered parts."""
    if len(parts) == 1:
        os.replace(parts[0].path, target)
        return
    target.mkdir()
    for place, part in enumerate(parts):
        os.replace(part.path, target / f"part-{place:05d}{target.suffix}")


def files_of(target: Path) -> list[Path]:
    """The files that `target` consists of, in order."""
    return sorted(target.iterdir()) if target.is_dir() else [target]
