"""Lookups for the engine: keys to groups of rows, groups to weighted rows."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.choices import Chooser
from synthdsl.engine.results import enum_vocabulary
from synthdsl.model.findings import Findings
from synthdsl.model.lookups import Lookup
from synthdsl.values.arrays import unpacked
from synthdsl.values.columns import Column, Vocabulary, both_valid
from synthdsl.values.types import Kind, Type


class LookupIndex:
    """One lookup with keys of given types. Rows are ordered by group (a combination of keys)."""

    def __init__(self, lookup: Lookup, types: tuple[Type, ...]) -> None:
        self.lookup = lookup
        quiet = Findings()
        self._keys = []
        position = np.zeros(lookup.rows, np.int64)
        for column, type_ in zip(lookup.keys, types, strict=True):
            raw = lookup.raw(column, type_, quiet)
            assert raw is not None
            distinct = sorted(set(raw), key=lambda v: (v is None, v))
            codes = {value: code for code, value in enumerate(distinct)}
            self._keys.append((type_, distinct, codes))
            position = position * len(distinct) + np.array([codes[v] for v in raw], np.int64)
        combinations = int(np.prod([len(distinct) for _, distinct, _ in self._keys], initial=1))
        present, group = np.unique(position, return_inverse=True)
        self._present = present
        self._dense = None
        if combinations <= 4_000_000:
            self._dense = np.full(combinations, -1, np.int64)
            self._dense[present] = np.arange(len(present))
        self.order = np.argsort(group, kind="stable")
        self.group_of_row = group
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=len(present)))])
        self._values: dict[tuple[str, Type], Column] = {}
        self._remaps: list[WeakKeyDictionary[Vocabulary, NDArray[np.int64]]] = [
            WeakKeyDictionary() for _ in self._keys
        ]
        self.chooser = None
        if lookup.weight is not None:
            weights = np.asarray(lookup.weights)[self.order]
            self.chooser = Chooser(
                [weights[a:b] for a, b in zip(self._starts[:-1], self._starts[1:], strict=True)]
            )

    def groups(self, keys: list[Column]) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
        """The group of each row, and where there is one (None: everywhere)."""
        if not keys:
            return np.zeros(0, np.int64), None
        position: Any = 0
        missing: Any = None
        valid = None
        for number, (key, (type_, distinct, _)) in enumerate(zip(keys, self._keys, strict=True)):
            code = self._codes(number, key, type_)
            bad = code < 0
            if bad.any():
                missing = bad if missing is None else missing | bad
                code = np.where(bad, 0, code)
            valid = both_valid(valid, key.valid)
            position = position * len(distinct) + code
        if self._dense is not None:
            group = self._dense[position]
        else:
            group = np.searchsorted(self._present, position)
            group = np.minimum(group, len(self._present) - 1)
            group = np.where(self._present[group] == position, group, -1)
        absent = group < 0
        if missing is not None:
            absent |= missing
        if absent.any():
            valid = both_valid(valid, ~absent)
            group = np.where(absent, 0, group)
        return group, valid

    def _codes(self, number: int, key: Column, type: Type) -> NDArray[np.int64]:
        """Codes of key values among the lookup's; -1 where it has none."""
        _, distinct, codes = self._keys[number]
        if key.vocabulary is None and key.is_arrow:
            encoded = key.values.dictionary_encode()
            key = Column(
                unpacked(encoded.indices),
                key.valid,
                Vocabulary(tuple(encoded.dictionary.to_pylist())),
            )
        if key.vocabulary is not None:
            remap = self._remaps[number].get(key.vocabulary)
            if remap is None:
                remap = np.array([codes.get(w, -1) for w in key.vocabulary.words], np.int64)
                self._remaps[number][key.vocabulary] = remap
            return np.asarray(remap[key.values])
        known = np.asarray([v for v in distinct if v is not None])
        at = np.searchsorted(known, key.values)
        at = np.minimum(at, len(known) - 1)
        return np.where(known[at] == key.values, at, -1)

    def key_text(self, keys: list[Column], row: int) -> str:
        """The keys of one row in words."""
        texts = []
        for name, key in zip(self.lookup.keys, keys, strict=True):
            value = key.take(np.array([row]))
            shown = (
                value.text()[0].as_py()
                if value.vocabulary is not None or value.is_arrow
                else value.values[0]
            )
            texts.append(f"{name} = {shown}")
        return ", ".join(texts)

    def column(self, column: str, type: Type) -> Column:
        """The cells of `column`, ordered by group."""
        cached = self._values.get((column, type))
        if cached is None:
            raw = self.lookup.raw(column, type.nullable(False), Findings())
            assert raw is not None
            cached = self._values[column, type] = raw_column([raw[i] for i in self.order], type)
        return cached

    def value(self, column: str, type: Type, groups: NDArray[np.int64], valid: Any) -> Column:
        """The single value of each row's group."""
        found = self.column(column, type).take(self._starts[groups])
        return Column(found.values, both_valid(found.valid, valid), found.vocabulary)


def raw_column(raw: list[Any], type: Type) -> Column:
    """Raw constants (None is null) as a column; text and enum members coded."""
    valid = np.array([v is not None for v in raw], np.bool_)
    mask = None if valid.all() else valid
    if type.enum is not None:
        vocabulary = enum_vocabulary(type.enum)
        codes = [0 if v is None else vocabulary.codes[v] for v in raw]
        return Column(np.array(codes, np.int32), mask, vocabulary)
    if type.kind in (Kind.TEXT, Kind.UUID):
        # codes under null point at some word, so there is always one
        vocabulary = Vocabulary(tuple(dict.fromkeys(v for v in raw if v is not None)) or ("",))
        codes = [0 if v is None else vocabulary.codes[v] for v in raw]
        return Column(np.array(codes, np.int32), mask, vocabulary)
    dtype = {Kind.FLOAT: np.float64, Kind.DECIMAL: np.float64, Kind.BOOL: np.bool_}.get(
        type.kind, np.int64
    )
    return Column(np.array([0 if v is None else v for v in raw], dtype), mask)


@lru_cache(maxsize=64)
def index_of(lookup: Lookup, types: tuple[Type, ...]) -> LookupIndex:
    """The index of a lookup with keys of `types`; one per plan."""
    return LookupIndex(lookup, types)
