"""JSON lines: one object a row, every column in it, UTF-8 without escapes that are not needed.

Null is `null`; decimals are numbers with all their digits; dates, moments and times ISO 8601
strings (`Z` behind a moment of a field with a zone); durations seconds as a number; lists
arrays. NaN and the infinities, which JSON cannot say, are `null`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from synthdsl.io._text import JSON, RowText, TextFormat
from synthdsl.io.base import FORMATS

if TYPE_CHECKING:
    import pyarrow as pa


@FORMATS.register
class JsonLines(TextFormat):
    """Newline-delimited JSON."""

    name = "jsonl"
    summary = "JSON lines, one object a row"
    extension = "jsonl"

    def row_text(self, schema: pa.Schema) -> RowText:
        """See the base class."""
        keys = [json.dumps(name, ensure_ascii=False) + ":" for name in schema.names]
        before = [("," if place else "{") + key for place, key in enumerate(keys)]
        return RowText(schema, JSON, before, "}\n" if before else "{}\n")
