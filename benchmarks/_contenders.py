"""Who does the patient job, and to what: each entry is one thing to time.

A contender makes `rows` rows and delivers them to a sink: `arrow` (batches made and dropped,
as a consumer would), or a file. Libraries are imported on first use, so that one that is not
installed is reported rather than fatal.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SPEC = HERE / "patient_job.synth"
SINKS = ("arrow", "table", "parquet-zstd", "parquet-snappy", "csv")
ROW_GROUP = 131_072

Job = Callable[[int, Path], Any]


def load_bar(path: str | None) -> Any:
    """The bar's module: our own, or any file with `table(n)` (and perhaps `blocks` or `block`)."""
    if path is None:
        sys.path.insert(0, str(HERE))
        return importlib.import_module("hand_written")
    sys.path.insert(0, str(Path(path).resolve().parent))
    spec = importlib.util.spec_from_file_location("bar", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bar_batches(bar: Any, rows: int, size: int = 16_384) -> Iterator[Any]:
    """The bar's rows block by block, if it can stream."""
    if hasattr(bar, "blocks"):
        yield from bar.blocks(rows)
    elif hasattr(bar, "block"):
        for start in range(0, rows, size):
            yield bar.block(start, min(size, rows - start))
    else:
        yield from bar.table(rows).to_batches()


def consume(batches: Iterable[Any]) -> int:
    """Make every batch, keep none."""
    return sum(batch.num_rows for batch in batches)


def write_parquet(batches: Iterator[Any], path: Path, compression: str) -> None:
    """What a careful author writes: dictionaries only on categories, eight blocks a row group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    first = next(batches)
    schema = first.schema
    categories = [f.name for f in schema if pa.types.is_dictionary(f.type)]
    with pq.ParquetWriter(path, schema, compression=compression, use_dictionary=categories) as out:
        held, count = [first], first.num_rows
        for batch in batches:
            held.append(batch)
            count += batch.num_rows
            if count >= ROW_GROUP:
                out.write_table(pa.Table.from_batches(held, schema), row_group_size=ROW_GROUP)
                held, count = [], 0
        if held:
            out.write_table(pa.Table.from_batches(held, schema), row_group_size=ROW_GROUP)


def write_csv(batches: Iterator[Any], path: Path) -> None:
    """Batches through Arrow's CSV writer."""
    import pyarrow.csv as csv

    first = next(batches)
    with csv.CSVWriter(path, first.schema) as out:
        out.write_batch(first)
        for batch in batches:
            out.write_batch(batch)


def bar_jobs(path: str | None) -> dict[str, Job]:
    """The bar's job for every sink."""
    bar = load_bar(path)
    return {
        "arrow": lambda rows, out: consume(bar_batches(bar, rows)),
        "table": lambda rows, out: bar.table(rows),
        "parquet-zstd": lambda rows, out: write_parquet(
            bar_batches(bar, rows), out / "t.parquet", "zstd"
        ),
        "parquet-snappy": lambda rows, out: write_parquet(
            bar_batches(bar, rows), out / "t.parquet", "snappy"
        ),
        "csv": lambda rows, out: write_csv(bar_batches(bar, rows), out / "t.csv"),
    }


def synthdsl_jobs(path: Path = SPEC) -> dict[str, Job]:
    """synthdsl's job for every sink; the spec is loaded once, as a program would."""
    import synthdsl

    spec = synthdsl.load(str(path))
    (name,) = spec.tables

    def write(format: str, compression: str | None = None) -> Job:
        return lambda rows, out: spec.write(
            out, format=format, compression=compression, rows=rows, seed=1, overwrite=True
        )

    return {
        "arrow": lambda rows, out: consume(spec.generate(rows, seed=1).batches(name)),
        "table": lambda rows, out: spec.generate(rows, seed=1)[name],
        "parquet-zstd": write("parquet", "zstd"),
        "parquet-snappy": write("parquet", "snappy"),
        "csv": write("csv"),
    }


def jobs_of(contender: str, bar_path: str | None = None) -> dict[str, Job]:
    """The sinks that a contender serves. Raises ImportError where its library is absent."""
    if contender == "bar":
        return bar_jobs(bar_path)
    if contender == "synthdsl":
        return synthdsl_jobs()
    sys.path.insert(0, str(HERE))
    module = importlib.import_module(f"other_{contender}")
    return {"arrow": lambda rows, out: module.table(rows)}
