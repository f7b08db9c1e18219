"""Snowfakery: a recipe (with_snowfakery.yml) whose children are friends of their parents.

Counts come from its own plugin's `poisson`, times from a variable that keeps the last sibling's.
It differs in one thing: bmi is clipped to [14, 60], not redrawn. Its rows are Python objects one by
one; `arrow` drops them, `table` keeps them as Arrow tables, `parquet` writes these.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from serving import TABLES, serve, weighted
from snowfakery import generate_data
from snowfakery.output_streams import OutputStream

HERE = Path(__file__).resolve().parent


@cache
def recipe() -> str:
    """The recipe with both lists of diagnoses."""
    text = (HERE / "with_snowfakery.yml").read_text(encoding="utf-8").partition("\n- ")
    body = "- " + text[2]
    for word, name in (("ALL", "diagnoses.csv"), ("GENERAL", "diagnoses_not_obstetric.csv")):
        body = body.replace(f"{word}_CODES", json.dumps(dict(weighted(name))))
    return body


class Rows(OutputStream):
    """Rows as they come: dropped without a folder, else kept for `tables`."""

    uses_folder = True
    kept: Any = None

    def __init__(self, folder: object = None, **options: object) -> None:
        self.is_keeping = folder is not None
        type(self).kept = {name: [] for name in TABLES}

    def write_single_row(self, tablename: str, row: dict[str, Any]) -> None:
        """Take one row."""
        if self.is_keeping:
            del row["id"]  # its own number
            self.kept[tablename].append(row)

    def close(self, **options: object) -> None:
        """Nothing to close."""

    def flush(self) -> None:
        """Nothing to flush."""

    commit = flush


def make(rows: int, sink: str, folder: Path) -> Any:
    """The job."""
    generate_data(
        StringIO(recipe()),
        user_options={"rows": rows},
        output_format="with_snowfakery.Rows",
        output_folder=None if sink == "arrow" else folder,
    )
    if sink == "arrow":
        return None
    import with_snowfakery  # the module that Snowfakery imported: this one is `__main__`

    kept = with_snowfakery.Rows.kept
    tables = {name: pa.Table.from_pylist(kept[name]) for name in TABLES}
    if sink == "parquet":
        for name, table in tables.items():
            pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
    return tables


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    serve(make, importlib.metadata.version("snowfakery"))
