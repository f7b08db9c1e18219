"""Options that several commands share, so that they mean the same everywhere."""

from __future__ import annotations

import argparse
from typing import Any

from synthdsl.diagnostics import SynthError

EXIT_CODES = (
    "exit codes: 0 fine; 1 findings; 2 wrong usage, unreadable input, unwritable or refused\n"
    "output; 3 the spec cannot be satisfied; 70 a mistake in synthdsl; 130 interrupted"
)


def complete_as(action: argparse.Action, kind: str) -> None:
    """Say what a shell should offer for an argument: `spec`, `file` or `folder`."""
    action.completes = kind  # type: ignore[attr-defined]


def add_spec(parser: argparse.ArgumentParser, *, is_many: bool = False) -> None:
    """The spec or specs to work on, as positional arguments."""
    help_ = "spec file, `-` for standard input"
    if is_many:
        complete_as(parser.add_argument("specs", metavar="SPEC", nargs="+", help=help_), "spec")
    else:
        complete_as(parser.add_argument("spec", metavar="SPEC", help=help_), "spec")


def add_parameters(parser: argparse.ArgumentParser) -> None:
    """`--set` and `--allow-python`."""
    parser.add_argument(
        "--set", metavar="NAME=VALUE", action="append", default=[], dest="assignments",
        help="give a parameter of the spec a value (repeatable)",
    )  # fmt: skip
    parser.add_argument(
        "--allow-python", action="store_true",
        help="let the spec import Python functions, which run with all your rights",
    )  # fmt: skip


def add_seed(parser: argparse.ArgumentParser) -> None:
    """`--seed`."""
    parser.add_argument(
        "--seed", type=whole_number, metavar="N", help="seed to use instead of the spec's"
    )


def add_focus(parser: argparse.ArgumentParser) -> None:
    """`--case` and `--break`, of which at most one is given."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--case", metavar="NAME",
        help="only rows that meet this case of the spec, drawn exactly, however rare",
    )  # fmt: skip
    either.add_argument(
        "--break", metavar="RULE", dest="breaks",
        help="only rows that break this rule and hold all others",
    )  # fmt: skip


def add_sampling(parser: argparse.ArgumentParser) -> None:
    """`--sampling`."""
    from synthdsl.plan.samplings import SAMPLINGS

    parser.add_argument(
        "--sampling", choices=SAMPLINGS, default=SAMPLINGS[0],
        help="how rows of root tables cover their fields: independently, or by a design that "
        "makes means more precise (default: random)",
    )  # fmt: skip


def parameters(args: argparse.Namespace) -> dict[str, str]:
    """The values given with `--set`, by name. Raises `SynthError` (code 2)."""
    values: dict[str, str] = {}
    for assignment in args.assignments:
        name, equals, value = assignment.partition("=")
        name = name.strip()
        if not equals or not name:
            raise SynthError(f"`--set {assignment}` is not `--set name=value`", exit_code=2)
        if name in values:
            raise SynthError(f"`--set` gives `{name}` twice", exit_code=2)
        values[name] = value
    return values


def whole_number(text: str) -> int:
    """An integer, underscores and thousands commas allowed."""
    plain = text.replace(",", "")
    if len(plain) > 40:
        raise argparse.ArgumentTypeError("the number is far too long")
    try:
        return int(plain)
    except ValueError:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number") from None


def count(text: str) -> int:
    """An integer of at least 1."""
    value = whole_number(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is less than 1")
    return value


def load(args: argparse.Namespace) -> Any:
    """The spec that `args` name, checked. Raises `SynthError`."""
    from synthdsl import api
    from synthdsl.cli.files import spec_arguments

    path, text = spec_arguments(args.spec)
    return api.load(path, text=text, params=parameters(args), allow_python=args.allow_python)
