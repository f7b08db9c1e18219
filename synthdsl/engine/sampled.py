"""Which rows of a sample belong together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.batches import Recipe, run_of


def parents_of(recipe: Recipe, root: str, start: int, stop: int) -> dict[str, NDArray[np.int64]]:
    """For each table under the root table, the place of each row's parent among those of its
    table, of root rows `start` to `stop` (exclusive) and what is under them.
    """
    run = run_of(recipe)
    family = run.families[root]
    found: dict[str, list[NDArray[np.int64]]] = {name: [] for name in family.plan.tables[1:]}
    before = dict.fromkeys(family.plan.tables, 0)
    if not found:
        return {}
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for block in run.families_of(root, start, stop, is_complete=True):
            frames = family.frames(block)
            for name, places in found.items():
                frame = frames[name]
                assert frame.parents is not None and frame.owner is not None
                places.append(frame.parents + before[frame.owner.table])
            for name, frame in frames.items():
                before[name] += frame.rows
    none = np.empty(0, np.int64)
    return {name: np.concatenate([none, *places]) for name, places in found.items()}
