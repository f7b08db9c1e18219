"""`synthdsl fmt`: one layout for every spec."""

from __future__ import annotations

import argparse
from difflib import unified_diff

from synthdsl.cli.console import Console
from synthdsl.cli.errors import FINDINGS, FINE, report
from synthdsl.cli.files import STANDARD, read_source, replace_file
from synthdsl.cli.options import add_spec
from synthdsl.diagnostics import Diagnostic, SynthError
from synthdsl.source import Source

DESCRIPTION = """Format specs in place. Line breaks and comments stay where they are. A spec with
syntax errors is left as it is. Standard input (`-`) is formatted to standard output."""
EXAMPLES = """  synthdsl fmt clinic.synth
  synthdsl fmt --check specs/*.synth
  synthdsl fmt --diff clinic.synth
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_spec(parser, is_many=True)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit code 1 if a file would change"
    )
    parser.add_argument(
        "--diff", action="store_true",
        help="change nothing; show what would change, exit code 1 if anything would",
    )  # fmt: skip


def run(args: argparse.Namespace, console: Console) -> int:
    """Format each spec; go on with the next where one cannot be formatted."""
    codes = [FINE]
    for path in args.specs:
        try:
            codes.append(_format_one(path, args, console))
        except SynthError as error:
            codes.append(report(error, console))
    return max(codes)


def _format_one(path: str, args: argparse.Namespace, console: Console) -> int:
    # not through the façade, which loads all that checking needs
    from synthdsl.language.format import format_source

    source, raw = read_source(path)
    text, diagnostics = format_source(source)
    errors = [d for d in diagnostics if d.is_error]
    if errors:
        return _refuse(errors, raw, path, args, console)
    content = _encode(text, raw)
    is_changed = content != raw
    if args.check or args.diff:
        if args.diff:
            console.out(_difference(source, text))
        if is_changed:
            console.say(f"would format {source.name}")
        return FINDINGS if is_changed else FINE
    if path == STANDARD:
        console.out_bytes(content)
    elif is_changed:
        replace_file(path, content)
        console.say(f"formatted {source.name}")
    return FINE


def _refuse(
    errors: list[Diagnostic], raw: bytes, path: str, args: argparse.Namespace, console: Console
) -> int:
    """Show the syntax errors; an editor that sent the text gets it back unchanged."""
    if path == STANDARD and not args.check and not args.diff:
        console.out_bytes(raw)
    return report(SynthError("syntax errors", diagnostics=errors, exit_code=FINDINGS), console)


def _encode(text: str, raw: bytes) -> bytes:
    """`text` as UTF-8 without a byte-order mark, with the line ending of the first line."""
    first = raw.find(b"\n")
    if first > 0 and raw[first - 1 : first] == b"\r":
        text = text.replace("\n", "\r\n")
    return text.encode()


def _difference(source: Source, text: str) -> str:
    lines = unified_diff(
        source.text.splitlines(keepends=True),
        text.splitlines(keepends=True),
        source.name,
        f"{source.name} (formatted)",
    )
    missing = "\n\\ No newline at end of file\n"
    return "".join(line if line.endswith("\n") else line + missing for line in lines)
