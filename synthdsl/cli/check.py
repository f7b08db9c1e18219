"""`synthdsl check`: every finding in one run."""

from __future__ import annotations

import argparse

from synthdsl.cli.console import Console
from synthdsl.cli.errors import FINDINGS, FINE, report
from synthdsl.cli.files import spec_arguments
from synthdsl.cli.options import add_parameters, add_spec, parameters
from synthdsl.diagnostics import Diagnostic, SynthError
from synthdsl.render.findings import FINDING_FORMATS, render_findings

DESCRIPTION = "Find every mistake that can be found without drawing a row, all in one run."
EXAMPLES = """  synthdsl check clinic.synth
  synthdsl check specs/*.synth --format github
  cat clinic.synth | synthdsl check - --set n=100
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_spec(parser, is_many=True)
    parser.add_argument(
        "--format", choices=FINDING_FORMATS, default="text",
        help="form of the findings (default: text)",
    )  # fmt: skip
    parser.add_argument(
        "--fail-on", choices=("error", "warning", "never"), default="error",
        help="least severity that makes the exit code 1 (default: error)",
    )  # fmt: skip
    add_parameters(parser)


def run(args: argparse.Namespace, console: Console) -> int:
    """Check each spec, show all findings together on standard output."""
    from synthdsl import api

    given = parameters(args)
    found: list[Diagnostic] = []
    unusable = FINE
    for spec in args.specs:
        try:
            path, text = spec_arguments(spec)
            found += api.check(path, text=text, params=given, allow_python=args.allow_python)
        except SynthError as error:
            if error.diagnostics:
                found += error.diagnostics
            else:
                unusable = report(error, console)
    # files that several specs import are reported once
    found = list({(d.span.source.name, d.span.start, d.code, d.message): d for d in found}.values())
    console.out(
        render_findings(found, form=args.format, colour=console.has_colour_out, width=console.width)
    )
    if not found and not unusable and args.format == "text":
        files = len(args.specs)
        console.say(f"no mistakes found in {files:,} file{'' if files == 1 else 's'}")
    is_failure = any(d.is_error or args.fail_on == "warning" for d in found)
    return unusable or (FINDINGS if is_failure and args.fail_on != "never" else FINE)
