"""The program `synthdsl`: finds the command, runs it, turns errors into exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType
from typing import TextIO

from synthdsl import __version__
from synthdsl.cli.console import Console
from synthdsl.cli.errors import BROKEN_PIPE, UNUSABLE, report
from synthdsl.cli.options import EXIT_CODES

COMMANDS = {
    "check": "find every mistake in specs",
    "fmt": "give specs the standard layout",
    "explain": "show how each field is drawn, and in which order",
    "preview": "show a few rows and a sketch of each field",
    "generate": "write the rows to files",
    "docs": "write a data dictionary as HTML",
    "completion": "print a completion script for a shell",
}
"""Each command is the module of its name, with `EXAMPLES`, `add_arguments` and `run`."""

_EXAMPLES = """examples:
  synthdsl check clinic.synth
  synthdsl preview clinic.synth
  synthdsl generate clinic.synth --rows 1_000_000 --out data
"""


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Descriptions and examples as written; the same width wherever the output goes."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=96)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (default: the program's own arguments); return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    console = Console()
    try:
        code = _run_and_report(arguments, console)
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        _silence(sys.stdout)
        _silence(sys.stderr)
        return BROKEN_PIPE
    except OSError as error:  # the last flush: standard output on a full disk
        _silence(sys.stdout)
        return report(error, console)
    return code


def _run_and_report(arguments: list[str], console: Console) -> int:
    try:
        return _run(arguments, console)
    except BrokenPipeError:
        raise
    except SystemExit as stop:  # argparse: --help, --version, wrong usage
        return stop.code if isinstance(stop.code, int) else UNUSABLE
    except (Exception, KeyboardInterrupt) as error:
        return report(error, console)


def _run(arguments: list[str], console: Console) -> int:
    name = next((a for a in arguments if not a.startswith("-")), None)
    if name is None and not arguments:
        sys.stdout.write(build_parser().format_help())
        return UNUSABLE
    if name is not None and name not in COMMANDS and not {"-h", "--help"} & set(arguments):
        console.say(f"synthdsl: there is no command `{name}`{_nearest(name)}")
        return UNUSABLE
    args = build_parser(only=name).parse_args(arguments)
    code: int = args.run(args, console)
    return code


def _nearest(name: str) -> str:
    close = get_close_matches(name, COMMANDS, n=1)
    return f"; did you mean `{close[0]}`?" if close else f"; there are {', '.join(COMMANDS)}"


def build_parser(*, only: str | None = None, is_full: bool = False) -> argparse.ArgumentParser:
    """The parser; the arguments of a command are there if it is `only` or all are (`is_full`).

    Other commands are just named, so that none but the one that runs is imported.
    """
    parser = argparse.ArgumentParser(
        prog="synthdsl",
        description="Synthetic data from a text file that says what the data is like.",
        epilog=f"{_EXAMPLES}\n{EXIT_CODES}",
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"synthdsl {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        if is_full or name == only:
            _add_command(commands, name, summary)
        else:
            commands.add_parser(name, help=summary, add_help=False)
    return parser


def _add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str
) -> None:
    module: ModuleType = import_module(f"synthdsl.cli.{name}")
    parser = commands.add_parser(
        name,
        help=summary,
        description=module.DESCRIPTION,
        epilog=f"examples:\n{module.EXAMPLES}\n{EXIT_CODES}",
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    parser.set_defaults(run=module.run)


def _silence(stream: TextIO) -> None:
    """Let the interpreter's own last flush of `stream` go nowhere."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):
        return  # not a real file, as in tests


if __name__ == "__main__":
    sys.exit(main())
