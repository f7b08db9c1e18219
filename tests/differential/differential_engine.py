"""Rows of a random spec as the package makes them, in the form of the oracle's."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from differential_expressions import Columns, Values
from differential_oracle import FieldPair, SpecPair

import synthdsl


class Engine:
    """The package as a sampler of one spec."""

    def __init__(self, spec: SpecPair) -> None:
        self._spec = spec
        with tempfile.TemporaryDirectory() as folder:
            for name, text in spec.files.items():
                (Path(folder) / name).write_text(text)
            self.loaded = synthdsl.load(Path(folder) / "random.synth", text=spec.text())
            # lookups are read once: nothing of the folder is needed afterwards
            self.loaded.generate(1)["t"]

    def __call__(self, spec: SpecPair, rows: int, seed: int) -> Columns:
        """Rows made by the package."""
        assert spec is self._spec
        table = self.loaded.generate(rows, seed=seed)["t"]
        return {field.name: _column(field, table[field.name]) for field in spec.fields}


def _column(field: FieldPair, column: pa.ChunkedArray) -> Values:
    array = column.combine_chunks()
    valid = np.asarray(array.is_valid())
    if field.words:
        codes = pc.index_in(array.cast(pa.string()), pa.array(field.words, pa.string()))
        found = np.asarray(codes.fill_null(-1), np.int64)
        assert (found[valid] >= 0).all(), f"an unknown word in {field.name}"
        return Values(np.where(valid, found, 0), valid)
    return Values(_numbers(array), valid)


def _numbers(array: Any) -> Any:
    if pa.types.is_decimal(array.type):
        # whole cents over 100, as exact as the decimal literal in a rule
        scale = 10**array.type.scale
        cents = np.asarray(array.cast(pa.float64()).fill_null(0)) * scale
        return np.floor(cents + 0.5) / scale
    if pa.types.is_date32(array.type):
        return np.asarray(array.cast(pa.int32()).fill_null(0), np.int64)
    if pa.types.is_boolean(array.type):
        return np.asarray(array.cast(pa.int8()).fill_null(0), np.int64)
    return np.asarray(array.fill_null(0))
