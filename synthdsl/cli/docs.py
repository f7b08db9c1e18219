"""`synthdsl docs`: a data dictionary as HTML."""

from __future__ import annotations

import argparse

from synthdsl.cli.console import Console
from synthdsl.cli.errors import FINE
from synthdsl.cli.files import STANDARD, write_new_file
from synthdsl.cli.options import add_parameters, add_spec, complete_as, count, load

SAMPLE = 2000

DESCRIPTION = """Write a data dictionary: one HTML file with every field, its type, unit and
description, how it is drawn, and a plot of it from a small sample; with pictures of how
tables hang together and of pathways. The page loads nothing from elsewhere."""
EXAMPLES = """  synthdsl docs clinic.synth -o clinic.html
  synthdsl docs clinic.synth -o - --sample 10000 > clinic.html
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_spec(parser)
    complete_as(
        parser.add_argument(
            "--out", "-o", metavar="FILE", required=True,
            help="HTML file to write, `-` for standard output",
        ),
        "file",
    )  # fmt: skip
    parser.add_argument(
        "--sample", type=count, default=SAMPLE, metavar="N",
        help=f"rows of each table to draw for the plots, about (default: {SAMPLE:,})",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    add_parameters(parser)


def run(args: argparse.Namespace, console: Console) -> int:
    """Draw the sample and write the page."""
    from synthdsl.render.dictionary import render_dictionary

    spec = load(args)
    described, tables = spec.dictionary(rows=args.sample)
    page = render_dictionary(described, tables).encode()
    if args.out == STANDARD:
        console.out_bytes(page)
    else:
        write_new_file(args.out, page, overwrite=args.overwrite)
        console.say(f"wrote {args.out}")
    return FINE
