"""The rows of a lookup, by their keys and by their value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from synthdsl.rules.enclosures import Enclosure


@dataclass(frozen=True, eq=False)
class LookupRows:
    """For each key column and for the values: which rows have it, as the bits of a number."""

    keys: tuple[dict[Any, int], ...]
    values: dict[Any, int]

    @classmethod
    def of(cls, keys: Sequence[Sequence[Any]], values: Sequence[Any]) -> LookupRows:
        """The rows of key columns and a column of values."""
        return cls(tuple(_rows_by_value(column) for column in keys), _rows_by_value(values))

    def asked_for(self, inputs: Sequence[Enclosure]) -> int:
        """The rows whose keys may be those that lie in `inputs`."""
        rows = -1
        for column, item in zip(self.keys, inputs, strict=True):
            if not item.has_value:
                return 0
            rows &= _any(column[key] for key in column if _may_be(key, item))
        return rows

    def valued(self, rows: int) -> list[Any]:
        """The values of rows."""
        return [value for value, own in self.values.items() if own & rows]

    def with_values(self, values: Iterable[Any]) -> int:
        """The rows that have one of `values`."""
        return _any(self.values.get(value, 0) for value in values)

    def used(self, column: int, keys: Iterable[Any], rows: int) -> set[Any]:
        """Those of the `keys` in a column that one of `rows` has."""
        own = self.keys[column]
        return {key for key in keys if own.get(key, 0) & rows}


def _rows_by_value(column: Sequence[Any]) -> dict[Any, int]:
    positions: dict[Any, list[int]] = {}
    for row, value in enumerate(column):
        positions.setdefault(value, []).append(row)
    return {value: _any(1 << row for row in rows) for value, rows in positions.items()}


def _any(parts: Iterable[int]) -> int:
    result = 0
    for part in parts:
        result |= part
    return result


def _may_be(key: Any, item: Enclosure) -> bool:
    if item.listed is not None:
        return key in item.listed
    if isinstance(key, int | float):
        return bool(item.low <= key <= item.high)
    return True
