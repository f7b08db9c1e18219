"""`synthdsl generate`: rows to files."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

from synthdsl.cli.console import Console, is_terminal
from synthdsl.cli.errors import FINDINGS, FINE
from synthdsl.cli.options import (
    add_parameters,
    add_seed,
    add_spec,
    complete_as,
    count,
    load,
)
from synthdsl.cli.progress import Progress, duration, rate_text, size_text

DESCRIPTION = """Write the rows of a spec to files in a folder, with a manifest. Files appear whole
or not at all, and replace others only with --overwrite."""
EXAMPLES = """  synthdsl generate clinic.synth --out data
  synthdsl generate clinic.synth --rows 1_000_000 --workers 4 --out data
  synthdsl generate clinic.synth --rows 500:600 --format csv --compression gzip --out slice
  synthdsl generate clinic.synth --seed 7 --set as_of=2026-06-30 --out data --overwrite
"""

MOST_MEASURED = 1_000_000
"""Rows of a table on which expectations are measured."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    from synthdsl.io.base import FORMATS

    add_spec(parser)
    complete_as(
        parser.add_argument(
            "--out",
            "-o",
            metavar="DIR",
            required=True,
            help="folder to write to; made if it is missing",
        ),
        "folder",
    )
    parser.add_argument(
        "--rows", metavar="N|A:B|TABLE=N", action="append",
        help="number of rows, or the slice from A to B (exclusive) alone; "
        "TABLE=N or TABLE=A:B for one root table (repeatable)",
    )  # fmt: skip
    add_seed(parser)
    formats = tuple(FORMATS.names())
    parser.add_argument(
        "--format", choices=formats, default="parquet", help="file format (default: parquet)"
    )
    parser.add_argument(
        "--compression", metavar="NAME",
        choices=tuple(sorted({c for name in formats for c in _compressions(FORMATS.get(name))})),
        help="compression of the files (default: the format's own)",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=count, default=1, metavar="N",
        help="processes to use; the data is the same for any number (default: 1)",
    )  # fmt: skip
    parser.add_argument("--truth", action="store_true", help="also write what `missing` has masked")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    parser.add_argument("--quiet", "-q", action="store_true", help="say nothing but errors")
    parser.add_argument(
        "--progress", action="store_true", help="show progress even where there is no terminal"
    )
    add_parameters(parser)


def _compressions(member: Any) -> Iterable[str]:
    return () if member is None else member.compressions


def run(args: argparse.Namespace, console: Console) -> int:
    """Write the files, then say on standard error what was written."""
    from synthdsl import api

    rows = api.parse_rows(",".join(args.rows)) if args.rows else None
    spec = load(args)
    if spec.warnings and not args.quiet:
        _warn(spec.warnings, console)
    start = time.monotonic()
    progress = Progress(
        sys.stderr,
        is_on=args.progress or (is_terminal(sys.stderr) and not args.quiet),
        is_ascii=console.is_ascii_err,
    )
    try:
        manifest = spec.write(
            args.out, format=args.format, rows=rows, seed=args.seed, compression=args.compression,
            workers=args.workers, overwrite=args.overwrite, truth=args.truth,
            progress=progress.update,
        )  # fmt: skip
    except KeyboardInterrupt:
        progress.close()
        console.say(f"synthdsl: nothing was written to `{args.out}`")
        raise
    finally:
        progress.close()
    if not args.quiet:
        _tell(manifest, args.out, time.monotonic() - start, console)
    return FINE if _expectations_met(spec, rows, args, console) else FINDINGS


def _expectations_met(spec: Any, rows: Any, args: argparse.Namespace, console: Console) -> bool:
    """Measure every `expect`, say what came out, and whether all are met."""
    from synthdsl.render.expectations import render_measured

    measured = spec.measure(rows, seed=args.seed, most=MOST_MEASURED)
    for one in measured:
        if not args.quiet or not one.is_met:
            console.say(render_measured(one, colour=console.has_colour_err))
    return all(one.is_met for one in measured)


def _warn(warnings: Any, console: Console) -> None:
    from synthdsl.render.findings import render_findings

    text = render_findings(
        warnings, form="text", colour=console.has_colour_err, width=console.width_err
    )
    console.say(text.rstrip("\n"))


def _tell(manifest: Any, folder: str, seconds: float, console: Console) -> None:
    """One line for each table: rows, place, size; then the rate."""
    tables = manifest.tables
    listed = list(tables.values()) if isinstance(tables, Mapping) else list(tables)
    total = 0
    for table in listed:
        total += table.rows
        size = sum(file.bytes for file in table.files)
        place = _place(folder, [file.path for file in table.files])
        console.say(f"wrote {table.rows:,} rows of {table.name} to {place} ({size_text(size)})")
    rate = f", {rate_text(total / seconds)} rows/s" if seconds > 0 and total else ""
    console.say(f"took {duration(seconds)}{rate}")


def _place(folder: str, paths: list[str]) -> str:
    base = folder.rstrip("/") or "/"
    if len(paths) == 1:
        return f"{base}/{paths[0]}"
    parent = paths[0].rpartition("/")[0] if paths else ""
    return f"{base}/{parent} ({len(paths):,} files)" if parent else f"{base} ({len(paths):,} files)"
