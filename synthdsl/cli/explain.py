"""`synthdsl explain`: order, dependencies, how each field is drawn, what each rule costs."""

from __future__ import annotations

import argparse

from synthdsl.cli.console import Console
from synthdsl.cli.errors import FINE
from synthdsl.cli.options import add_focus, add_parameters, add_spec, load

DESCRIPTION = """Show how many rows each table has and under what, in which order fields are
computed, what they read and how each is drawn; then of each rule its kind, how it is enforced,
and the share of rows, or of what it is for, that would meet it anyway."""
EXAMPLES = """  synthdsl explain clinic.synth
  synthdsl explain clinic.synth --case elderly
  synthdsl explain clinic.synth --format html > how.html
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_spec(parser)
    parser.add_argument(
        "--format", choices=("text", "json", "html"), default="text",
        help="form of the explanation (default: text)",
    )  # fmt: skip
    add_focus(parser)
    add_parameters(parser)


def run(args: argparse.Namespace, console: Console) -> int:
    """Write the explanation to standard output."""
    from synthdsl.render.explanation import render_explanation

    spec = load(args)
    explanation = spec.explain(case=args.case, breaks=args.breaks)
    text = render_explanation(
        explanation, form=args.format, title=spec.name, colour=console.has_colour_out
    )
    if args.format == "text":
        console.out(text)
    else:
        console.out_bytes(text.encode())
    return FINE
