"""`synthdsl completion`: a script that teaches a shell this program's words."""

from __future__ import annotations

import argparse

from synthdsl.cli._shells import SHELLS, describe, script
from synthdsl.cli.console import Console
from synthdsl.cli.errors import FINE

DESCRIPTION = "Print a script that completes commands, options, their choices and spec files."
EXAMPLES = """  source <(synthdsl completion bash)                        # in ~/.bashrc
  synthdsl completion zsh > "${fpath[1]}/_synthdsl"
  synthdsl completion fish > ~/.config/fish/completions/synthdsl.fish
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("shell", choices=SHELLS, help="shell to write for")


def run(args: argparse.Namespace, console: Console) -> int:
    """Write the script to standard output."""
    from synthdsl.cli.main import build_parser

    console.out(script(args.shell, describe(build_parser(is_full=True))))
    return FINE
