"""CSV: UTF-8, commas, line feeds, one header line, quotes only where needed (RFC 4180 otherwise).

Null is nothing at all, the empty string is `""` (and so is null in a table of one column).
Dates and moments are ISO 8601 (`2023-04-30`, `2023-04-30T00:12:30`, with `Z` where the field
has a zone), truth values `true` and `false`, durations seconds as a number, lists JSON arrays;
categories are written out. Floats have the fewest digits that read back as the same number.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from synthdsl.io._text import CSV, RowText, TextFormat, csv_text
from synthdsl.io.base import FORMATS
from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import pyarrow as pa
else:
    pa = lazy("pyarrow")


LONE = replace(CSV, null='""')
"""Where there is one column: a null would be an empty line, which readers skip."""


@FORMATS.register
class Csv(TextFormat):
    """Comma-separated values."""

    name = "csv"
    summary = "comma-separated values with a header line"
    extension = "csv"

    def header(self, schema: pa.Schema) -> bytes:
        """The names of the columns."""
        names = csv_text(pa.array(schema.names, pa.string())).to_pylist()
        return (",".join(names) + "\n").encode() if names else b""

    def row_text(self, schema: pa.Schema) -> RowText:
        """See the base class."""
        if len(schema) == 1:
            return RowText(schema, LONE, [""], "\n")
        return RowText(schema, CSV, ["", *[","] * (len(schema) - 1)], "\n")
