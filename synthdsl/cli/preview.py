"""`synthdsl preview`: a few rows and a sketch of each field."""

from __future__ import annotations

import argparse
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from synthdsl.cli.console import Console
from synthdsl.cli.errors import FINE
from synthdsl.cli.options import (
    add_focus,
    add_parameters,
    add_seed,
    add_spec,
    count,
    load,
)
from synthdsl.diagnostics import SynthError
from synthdsl.render.colours import Paint

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE = 1000
PILOT = 16_384
"""Rows on which the law that fields have without the rules is measured."""

DESCRIPTION = """Show the first rows of each table, a sketch of each field from a small sample, and
what the rules moved."""
EXAMPLES = """  synthdsl preview clinic.synth
  synthdsl preview clinic.synth patient -n 20
  synthdsl preview clinic.synth --set n=500 --seed 7
  synthdsl preview clinic.synth --case elderly
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_spec(parser)
    parser.add_argument("table", metavar="TABLE", nargs="?", help="table to show (default: all)")
    parser.add_argument(
        "-n", type=count, default=8, metavar="N", dest="rows", help="rows to show (default: 8)"
    )
    parser.add_argument(
        "--sample", type=count, default=SAMPLE, metavar="N",
        help=f"root rows to draw for the sketches (default: {SAMPLE:,})",
    )  # fmt: skip
    add_seed(parser)
    add_focus(parser)
    add_parameters(parser)


def run(args: argparse.Namespace, console: Console) -> int:
    """Draw the sample, show it on standard output."""
    spec = load(args)
    names = _chosen(spec, args.table)
    wanted = max(args.sample, args.rows)
    # the first rows of the data as declared, not another data set of that many rows
    sample = min((wanted, *(table.rows for table in spec.tables.values())))
    rows = f"0:{sample}"
    focus = {"seed": args.seed, "case": args.case, "breaks": args.breaks}
    generated = spec.generate(rows=rows, **focus)
    for number, name in enumerate(names):
        console.out("\n" if number else "")
        _show(name, generated.tables[name], args.rows, console)
    movement = [
        table
        for table in spec.movement(rows=rows, pilot_rows=PILOT, **focus)
        if table.name in names
    ]
    if movement:
        _show_moves(movement, console)
    return FINE


def _chosen(spec: Any, table: str | None) -> list[str]:
    names = list(spec.tables)
    if table is None:
        return names
    if table not in names:
        close = get_close_matches(table, names, n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"it has {', '.join(names)}"
        raise SynthError(f"the spec has no table `{table}`; {hint}", exit_code=2)
    return [table]


def _show(name: str, table: pa.Table, rows: int, console: Console) -> None:
    from synthdsl.render.sketch import render_sketches
    from synthdsl.render.table import render_rows

    colour, width = console.has_colour_out, console.width
    shown = min(rows, table.num_rows)
    title = Paint(colour)("bold", name)
    console.out(f"{title}: the first {shown:,} of {table.num_rows:,} sampled rows\n\n")
    console.out(render_rows(table.slice(0, rows), width=width, colour=colour))
    console.out("\n")
    console.out(render_sketches(table, width=width, colour=colour, is_ascii=console.is_ascii_out))


def _show_moves(movement: list[Any], console: Console) -> None:
    from synthdsl.render.moves import render_moves

    lines = render_moves(movement, width=console.width, is_ascii=console.is_ascii_out)
    if lines:
        console.out("\n" + "\n".join(lines) + "\n")
