"""Conditions on several paths of one entity: that any, all or none of them meets a condition.

Paths are independent given the entity's fields. Given that at least one of them meets the
condition, they are settled in order: path j is the first to meet it with probability
h(j) / (1 - prod over i >= j of (1 - h(i))); those before do not meet it, those after are free.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.pathways.chains import Floats
from synthdsl.engine.pathways.sampler import Visits
from synthdsl.values.columns import Column


class Fate(IntEnum):
    """What is asked of one path."""

    FREE = 0
    MEETS = 1
    FAILS = 2


@dataclass(frozen=True, eq=False)
class Fates:
    """What is asked of each path, and the chance of it all for each entity.

    `paths`: (n,) int8 of `Fate`, meaningful where the chance is positive; `chance`: (entities,).
    """

    paths: NDArray[np.int8]
    chance: Floats


def fates_of_any(chances: Floats, counts: NDArray[np.int64], uniforms: Floats) -> Fates:
    """At least one path of each entity meets its condition.

    `chances`, `uniforms`: one a path, (n,), paths of an entity standing together; `counts`: how
    many paths each entity has.
    """
    starts = np.cumsum(counts) - counts
    # log of the chance that neither this path nor one after it meets the condition
    with np.errstate(divide="ignore"):
        misses = np.log1p(-chances)
    most = int(counts.max(initial=0))
    for place in reversed(range(most - 1)):
        here = starts[counts > place + 1] + place
        misses[here] += misses[here + 1]
    some = -np.expm1(misses)
    paths = np.full(len(chances), Fate.FREE, np.int8)
    is_open = np.ones(len(counts), np.bool_)
    for place in range(most):
        waiting = np.flatnonzero(is_open & (counts > place))
        here = starts[waiting] + place
        meets = uniforms[here] * some[here] < chances[here]
        paths[here] = np.where(meets, Fate.MEETS, Fate.FAILS)
        is_open[waiting[meets]] = False
    chance = np.zeros(len(counts))
    has_paths = counts > 0
    chance[has_paths] = some[starts[has_paths]]
    return Fates(paths, chance)


def fates_of_all(chances: Floats, misses: Floats, counts: NDArray[np.int64], fate: Fate) -> Fates:
    """All paths of each entity meet their condition (`fate` MEETS), or none does (FAILS).

    `misses` are the chances that they fail, computed apart so that small ones are accurate.
    """
    factors = chances if fate is Fate.MEETS else misses
    chance = np.ones(len(counts))
    has_paths = np.flatnonzero(counts)
    if len(has_paths):
        starts = (np.cumsum(counts) - counts)[has_paths]
        chance[has_paths] = np.multiply.reduceat(factors, starts)
    return Fates(np.full(len(chances), fate, np.int8), chance)


def joined(parts: list[Visits]) -> Visits:
    """Visits of different entities of one frame in one order."""
    parents = np.concatenate([part.parents for part in parts])
    order = np.argsort(parents, kind="stable")

    def column(name: str) -> Column:
        columns = [part.columns[name] for part in parts]
        values = np.concatenate([c.values for c in columns])[order]
        valid = None
        if any(c.valid is not None for c in columns):
            masks = [np.ones(len(c), np.bool_) if c.valid is None else c.valid for c in columns]
            valid = np.concatenate(masks)[order]
        return Column(values, valid, columns[0].vocabulary)

    ordinals = np.concatenate([part.ordinals for part in parts])[order]
    state, entered, stay, left = (column(n) for n in ("state", "entered", "stay", "left"))
    return Visits(parents[order], ordinals, state, entered, stay, left)
