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
    from collections.abc import Collection, Mapping, Sequence

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

SAMPLE = 1000
PILOT = 16_384
"""Rows on which the law that fields have without the rules is measured."""

DESCRIPTION = """Show the first rows of each table, those of a table under another under the rows
shown there; a sketch of each field from a small sample; and what the rules moved."""
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
        help=f"rows of each table to draw for the sketches, about (default: {SAMPLE:,})",
    )  # fmt: skip
    add_seed(parser)
    add_focus(parser)
    add_parameters(parser)


def run(args: argparse.Namespace, console: Console) -> int:
    """Draw the sample, show it on standard output."""
    spec = load(args)
    names = _chosen(spec, args.table)
    focus = {"seed": args.seed, "case": args.case, "breaks": args.breaks}
    # the first rows of the data as declared, not another data set of that many rows
    sample = spec.sample(max(args.sample, args.rows), **focus)
    parents = sample.parents
    above = {name: spec.tables[name].parent.table for name in parents}
    shown = _shown_rows(sample.tables, above, parents, args.rows)
    for number, name in enumerate(names):
        console.out("\n" if number else "")
        table = sample.tables[name]
        if name in above:
            counts = _counts(parents[name], sample.tables[above[name]].num_rows)
            keys = _keys_above(spec.tables, name)
            _show_child(name, above[name], table, shown[name], args.rows, counts, keys, console)
        else:
            _show(name, table, args.rows, console)
    rows = {
        name: sample.tables[name].num_rows
        for name in spec.tables
        if name not in above and name not in _referred(spec)
    }
    movement = [
        table
        for table in spec.movement(rows=rows, pilot_rows=PILOT, **focus)
        if table.name in names
    ]
    if movement:
        _show_moves(movement, console)
    return FINE


def _shown_rows(
    tables: Mapping[str, pa.Table],
    above: Mapping[str, str],
    parents: Mapping[str, NDArray[np.int64]],
    most: int,
) -> dict[str, NDArray[np.int64]]:
    """Places of the rows to show: the first, and of a table under another those under the rows
    that are shown there.
    """
    import numpy as np

    found = {
        name: np.arange(min(most, table.num_rows))
        for name, table in tables.items()
        if name not in above
    }
    for name, places in parents.items():  # parents come first
        found[name] = np.flatnonzero(np.isin(places, found[above[name]]))[:most]
    return found


def _counts(parents: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """How many rows each of the parents has."""
    import numpy as np

    return np.bincount(parents, minlength=rows)


def _keys_above(tables: Mapping[str, Any], name: str) -> set[str]:
    """The columns of a table that hold keys of tables above it."""
    table, above = tables[name], set()
    at = table
    while at.parent is not None:
        above.add(at.parent.table)
        at = tables[at.parent.table]
    return {
        table.fields[field].exported
        for reference in table.references
        if reference.table in above
        for field in reference.fields
    }


def _referred(spec: Any) -> set[str]:
    """Tables that others refer to: all of their rows are made."""
    return {
        field.type.table
        for name, table in spec.tables.items()
        for field in table.fields.values()
        if field.type.table and field.type.table != name
    }


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
    shown = min(rows, table.num_rows)
    about = f"the first {shown:,} of {table.num_rows:,} sampled rows"
    _show_rows(name, about, table.slice(0, shown), table, console)


def _show_child(
    name: str,
    parent: str,
    table: pa.Table,
    at: NDArray[np.int64],
    most: int,
    counts: NDArray[np.int64],
    keys: Collection[str],
    console: Console,
) -> None:
    """Rows of a table under another, and before the sketches how many each parent has."""
    import numpy as np
    import pyarrow as pa

    of_all = f"of {table.num_rows:,} sampled rows"
    if len(at) or not table.num_rows:
        about = f"{len(at):,} {of_all}, under the rows of {parent} above"
    else:
        at = np.arange(min(most, table.num_rows))
        about = f"the first {len(at):,} {of_all}; none is under the rows of {parent} above"
    number = (f"per {parent}", "rows", pa.array(counts))
    rows = table.take(pa.array(at))
    _show_rows(f"{name} per {parent}", about, rows, table, console, [number], keys)


def _show_rows(
    title: str,
    about: str,
    rows: pa.Table,
    sample: pa.Table,
    console: Console,
    before: Sequence[tuple[str, str, pa.Array]] = (),
    keys: Collection[str] = (),
) -> None:
    from synthdsl.render.sketch import render_sketches
    from synthdsl.render.table import render_rows

    colour, width, is_ascii = console.has_colour_out, console.width, console.is_ascii_out
    console.out(f"{Paint(colour)('bold', title)}: {about}\n\n")
    console.out(render_rows(rows, width=width, colour=colour))
    console.out("\n")
    console.out(
        render_sketches(
            sample, before=before, keys=keys, width=width, colour=colour, is_ascii=is_ascii
        )
    )


def _show_moves(movement: list[Any], console: Console) -> None:
    from synthdsl.render.moves import render_moves

    lines = render_moves(movement, width=console.width, is_ascii=console.is_ascii_out)
    if lines:
        console.out("\n" + "\n".join(lines) + "\n")
