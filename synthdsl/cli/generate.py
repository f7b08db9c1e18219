"""`synthdsl generate`: rows to files."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

from synthdsl.cli.console import Console, is_terminal
from synthdsl.cli.errors import FINDINGS, FINE
from synthdsl.cli.files import check_new_file, write_new_file
from synthdsl.cli.options import (
    add_focus,
    add_parameters,
    add_sampling,
    add_seed,
    add_spec,
    complete_as,
    count,
    load,
)
from synthdsl.cli.progress import Progress, duration, rate_text, size_text
from synthdsl.diagnostics import SynthError

DESCRIPTION = """Write the rows of a spec to files in a folder, with a manifest. Files appear whole
or not at all, and replace others only with --overwrite."""
EXAMPLES = """  synthdsl generate clinic.synth --out data
  synthdsl generate clinic.synth --rows 1_000_000 --workers 4 --out data
  synthdsl generate clinic.synth --rows 500:600 --format csv --compression gzip --out slice
  synthdsl generate clinic.synth --seed 7 --set as_of=2026-06-30 --out data --overwrite
  synthdsl generate clinic.synth --case elderly --rows 100 --out fixtures
  synthdsl generate clinic.synth --break pregnant --rows 20 --out broken
  synthdsl generate clinic.synth --out data --report data.html
"""

MOST_MEASURED = 1_000_000
"""Rows of a table on which expectations and what rules moved are measured."""


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
    add_focus(parser)
    add_sampling(parser)
    parser.add_argument(
        "--truth", action="store_true",
        help="also write what `missing` has masked, and which rows are exceptions of soft rules",
    )  # fmt: skip
    complete_as(
        parser.add_argument(
            "--report", metavar="FILE",
            help="also write what the rules moved: declared against realised, "
            "as HTML or JSON by the name of the file",
        ),
        "file",
    )  # fmt: skip
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
    form = _report_form(args)
    spec = load(args)
    focus = {"seed": args.seed, "case": args.case, "breaks": args.breaks}
    costly = spec.costly(**focus)
    if not args.quiet and (spec.warnings or costly):
        _warn([*spec.warnings, *costly], console)
    start = time.monotonic()
    with _progress(args, console) as progress:
        try:
            manifest = spec.write(
                args.out, format=args.format, rows=rows, compression=args.compression,
                workers=args.workers, overwrite=args.overwrite, truth=args.truth,
                sampling=args.sampling, progress=progress.update, **focus,
            )  # fmt: skip
        except KeyboardInterrupt:
            progress.close()
            console.say(f"synthdsl: nothing was written to `{args.out}`")
            raise
    if not args.quiet:
        _tell(manifest, args.out, time.monotonic() - start, console)
    if form is None:
        measured = spec.measure(rows, most=MOST_MEASURED, sampling=args.sampling, **focus)
    else:
        measured = _report(spec, rows, form, args, console)
    return FINE if _expectations_met(measured, args, console) else FINDINGS


def _progress(args: argparse.Namespace, console: Console) -> Progress:
    return Progress(
        sys.stderr,
        is_on=args.progress or (is_terminal(sys.stderr) and not args.quiet),
        is_ascii=console.is_ascii_err,
    )


def _report_form(args: argparse.Namespace) -> str | None:
    """The form of the report; None without one. Raises `SynthError` (code 2) before any work."""
    if args.report is None:
        return None
    suffix = os.path.splitext(args.report)[1].lower()
    form = {".html": "html", ".htm": "html", ".json": "json"}.get(suffix)
    if form is None:
        raise SynthError(
            f"`--report {args.report}` is neither HTML nor JSON: end its name in .html or .json",
            exit_code=2,
        )
    check_new_file(args.report, overwrite=args.overwrite)
    return form


def _report(spec: Any, rows: Any, form: str, args: argparse.Namespace, console: Console) -> Any:
    """Write the report; return the expectations measured for it."""
    from synthdsl.render.report import render_report

    with _progress(args, console) as progress:
        report = spec.report(
            rows, seed=args.seed, case=args.case, breaks=args.breaks, sampling=args.sampling,
            most=MOST_MEASURED, progress=progress.update,
        )  # fmt: skip
    text = render_report(report, form=form)
    write_new_file(args.report, text.encode(), overwrite=args.overwrite)
    if not args.quiet:
        console.say(f"wrote {args.report}")
    return report.expectations


def _expectations_met(measured: Any, args: argparse.Namespace, console: Console) -> bool:
    """Say what came out of every `expect`, and whether all are met."""
    from synthdsl.render.expectations import render_measured

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
