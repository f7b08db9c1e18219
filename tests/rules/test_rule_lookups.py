"""Rows of lookups as bits, against going through them one by one."""

from __future__ import annotations

import numpy as np

from synthdsl.rules.enclosures import EVERYTHING, NULL, Enclosure, between, listing
from synthdsl.rules.lookups import LookupRows


def _fits(key: object, item: Enclosure) -> bool:
    if not item.has_value:
        return False
    if item.listed is not None:
        return key in item.listed
    return not isinstance(key, int) or item.low <= key <= item.high


def test_rows_asked_for_are_those_whose_keys_fit() -> None:
    rng = np.random.default_rng(11)
    words = ["a", "b", "c", "d"]
    for _ in range(200):
        rows = int(rng.integers(1, 60))
        first = [words[i] for i in rng.integers(0, 4, rows)]
        second = rng.integers(0, 9, rows).tolist()
        values = rng.integers(0, 6, rows).tolist()
        chosen = [words[i] for i in rng.integers(0, 4, int(rng.integers(1, 3)))]
        low, high = sorted(rng.integers(0, 9, 2).tolist())
        inputs = [
            [listing(chosen, is_number=False), EVERYTHING, NULL][int(rng.integers(0, 3))],
            [between(low, high), listing([low], is_number=True)][int(rng.integers(0, 2))],
        ]
        table = LookupRows.of([first, second], values)
        fit = [i for i in range(rows) if _fits(first[i], inputs[0]) and _fits(second[i], inputs[1])]
        asked = table.asked_for(inputs)
        assert set(table.valued(asked)) == {values[i] for i in fit}
        assert table.used(1, range(9), asked) == {second[i] for i in fit}
        wanted = {0, 2, 7}
        both = asked & table.with_values(wanted)
        assert table.used(0, words, both) == {first[i] for i in fit if values[i] in wanted}
