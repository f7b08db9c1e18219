"""What a hand writes for rules in numpy: draw, test, keep what fits, until there are enough rows.

Each `..._block` draws `size` candidates of a spec beside it and gives the columns of those that
keep every rule: draws of the declared distribution given the rules, since whole candidates are
thrown away. "everyday" is numpy as its manual shows it: the default generator, `choice`, `normal`
with an array for each parameter. The others are tuned: the fastest generator, draws in place,
levels compared instead of `choice`. Two more tricks that are still exact are taken: the five
moments of the chain are independent, so a candidate can be thrown away before its later moments
are drawn ("pruned"), and the order in which they are drawn is free ("pruned, best order": the
narrowest rule comes first). `chain_wrong_block` is no contender but a control of the checks.
Not reproducible by row, not checked, not general. Nothing here knows synthdsl.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.random import SFC64, Generator
from numpy.typing import NDArray

Array = NDArray[Any]
Columns = dict[str, Array]
Block = Callable[[Generator, int], Columns]

CHAIN = ("referral", "admit", "surgery", "transfer", "discharge")
SEXES = ("F", "M")
DIAGNOSES = ("healthy", "pregnancy", "prostate", "anaemia")
BATCH = 16_384


# time_chain: five moments, four gaps


def normal(random: Generator, size: int, mean: float, sd: float) -> Array:
    """Normal draws, made in place."""
    values = random.standard_normal(size)
    values *= sd
    values += mean
    return values


def gamma(random: Generator, size: int, shape: float, scale: float) -> Array:
    """Gamma draws, made in place."""
    values = random.standard_gamma(shape, size)
    values *= scale
    return values


def fits(later: Array, earlier: Array, most: float) -> Array:
    """Whether the gap lies in [0, most]."""
    gap = later - earlier
    held: Array = gap >= 0
    held &= gap <= most
    return held


def kept(columns: Columns, held: Array) -> Columns:
    """The rows that fit."""
    rows = np.flatnonzero(held)
    return {name: values[rows] for name, values in columns.items()}


def chain_plain_block(random: Generator, size: int) -> Columns:
    """All five moments drawn, all four rules tested, what fits kept."""
    referral = normal(random, size, 30, 15)
    admit = gamma(random, size, 4, 10)
    surgery = normal(random, size, 45, 15)
    transfer = normal(random, size, 50, 20)
    discharge = gamma(random, size, 6, 11)
    held = fits(admit, referral, 20)
    held &= fits(surgery, admit, 5)
    held &= fits(transfer, surgery, 30)
    held &= fits(discharge, transfer, 30)
    return kept(
        dict(zip(CHAIN, (referral, admit, surgery, transfer, discharge), strict=True)), held
    )


def chain_pruned_block(random: Generator, size: int) -> Columns:
    """A moment at a time in the declared order; candidates leave at the first rule they break."""
    columns = {"referral": normal(random, size, 30, 15), "admit": gamma(random, size, 4, 10)}
    columns = kept(columns, fits(columns["admit"], columns["referral"], 20))
    columns["surgery"] = normal(random, len(columns["admit"]), 45, 15)
    columns = kept(columns, fits(columns["surgery"], columns["admit"], 5))
    return with_end_of_stay(random, columns)


def chain_reordered_block(random: Generator, size: int) -> Columns:
    """The same, beginning with the rule that the fewest keep, surgery within 5 days."""
    columns = {"surgery": normal(random, size, 45, 15), "admit": gamma(random, size, 4, 10)}
    columns = kept(columns, fits(columns["surgery"], columns["admit"], 5))
    columns["referral"] = normal(random, len(columns["admit"]), 30, 15)
    columns = kept(columns, fits(columns["admit"], columns["referral"], 20))
    return with_end_of_stay(random, columns)


def with_end_of_stay(random: Generator, columns: Columns) -> Columns:
    """Candidates that have their surgery, with transfer and discharge that fit."""
    columns["transfer"] = normal(random, len(columns["surgery"]), 50, 20)
    columns = kept(columns, fits(columns["transfer"], columns["surgery"], 30))
    columns["discharge"] = gamma(random, len(columns["surgery"]), 6, 11)
    return kept(columns, fits(columns["discharge"], columns["transfer"], 30))


def chain_wrong_block(random: Generator, size: int) -> Columns:
    """The classic error: each moment in turn redrawn until it fits the one before it.

    Every row keeps all rules, and the moments are not distributed as declared given the rules:
    a referral is as likely as before, however few admissions, surgeries and so on fit it.
    """
    columns = {"referral": normal(random, size, 30, 15)}
    steps: tuple[tuple[str, float, Callable[[int], Array]], ...] = (
        ("admit", 20, lambda count: gamma(random, count, 4, 10)),
        ("surgery", 5, lambda count: normal(random, count, 45, 15)),
        ("transfer", 30, lambda count: normal(random, count, 50, 20)),
        ("discharge", 30, lambda count: gamma(random, count, 6, 11)),
    )
    for (name, most, draw), before in zip(steps, CHAIN, strict=False):
        earlier = columns[before]
        later = draw(len(earlier))
        wrong = np.flatnonzero(~fits(later, earlier, most))
        for _ in range(2_000):
            if not wrong.size:
                break
            later[wrong] = draw(len(wrong))
            wrong = wrong[~fits(later[wrong], earlier[wrong], most)]
        columns = kept(columns | {name: later}, fits(later, earlier, most))
    return columns


# four_implications

DX_LEVELS = np.cumsum([0.55, 0.20, 0.10])
AGE_MEAN = np.array([45.0, 40.0, 45.0, 55.0])
AGE_SD = np.array([22.0, 20.0, 20.0, 20.0])
HB_MEAN = np.array([[14.0, 14.0, 14.0, 11.0], [12.7, 12.7, 12.7, 9.7]])  # by woman, then dx
TRANSFUSED = np.array([0.05, 0.10, 0.10, 0.40])


def ages(random: Generator, dx: Array) -> Array:
    """Normal by diagnosis, each redrawn until it lies in [0, 100]."""
    values = random.standard_normal(len(dx))
    values *= AGE_SD[dx]
    values += AGE_MEAN[dx]
    outside = np.flatnonzero((values < 0) | (values > 100))
    while outside.size:
        group = dx[outside]
        again = AGE_MEAN[group] + AGE_SD[group] * random.standard_normal(len(group))
        values[outside] = again
        outside = outside[(again < 0) | (again > 100)]
    return values


def implications_block(random: Generator, size: int) -> Columns:
    """Five fields drawn, four rules tested, what fits kept."""
    is_female = random.random(size) < 0.51
    level = random.random(size)
    dx = (level >= DX_LEVELS[0]).view(np.int8)
    dx += level >= DX_LEVELS[1]
    dx += level >= DX_LEVELS[2]
    age = ages(random, dx)
    hb = random.standard_normal(size)
    hb *= 1.8
    hb += HB_MEAN[is_female.view(np.int8), dx]
    hb -= 0.02 * (age - 40)
    transfused = random.random(size) < TRANSFUSED[dx]
    held = (dx != 1) | (is_female & (age >= 12) & (age <= 50))
    held &= (hb >= 7) | transfused
    held &= (dx != 2) | (~is_female & (age >= 40))
    held &= ~transfused | (dx != 0)
    sex = (~is_female).view(np.int8)
    return kept({"sex": sex, "dx": dx, "age": age, "hb": hb, "transfused": transfused}, held)


def implications_everyday_block(random: Generator, size: int) -> Columns:
    """The same in the manual's words."""
    sex = random.choice(2, size, p=[0.51, 0.49])
    dx = random.choice(4, size, p=[0.55, 0.20, 0.10, 0.15])
    age = random.normal(AGE_MEAN[dx], AGE_SD[dx])
    outside = (age < 0) | (age > 100)
    while outside.any():
        age[outside] = random.normal(AGE_MEAN[dx[outside]], AGE_SD[dx[outside]])
        outside = (age < 0) | (age > 100)
    mean = 14 - 1.3 * (sex == 0) - 0.02 * (age - 40) - 3 * (dx == 3)
    hb = random.normal(mean, 1.8)
    transfused = random.random(size) < TRANSFUSED[dx]
    held = (dx != 1) | ((sex == 0) & (age >= 12) & (age <= 50))
    held &= (hb >= 7) | transfused
    held &= (dx != 2) | ((sex == 1) & (age >= 40))
    held &= ~transfused | (dx != 0)
    columns = {"sex": sex, "dx": dx, "age": age, "hb": hb, "transfused": transfused}
    return {name: values[held] for name, values in columns.items()}


def chain_everyday_block(random: Generator, size: int) -> Columns:
    """`chain_plain_block` in the manual's words."""
    referral = random.normal(30, 15, size)
    admit = random.gamma(4, 10, size)
    surgery = random.normal(45, 15, size)
    transfer = random.normal(50, 20, size)
    discharge = random.gamma(6, 11, size)
    held = (admit - referral >= 0) & (admit - referral <= 20)
    held &= (surgery - admit >= 0) & (surgery - admit <= 5)
    held &= (transfer - surgery >= 0) & (transfer - surgery <= 30)
    held &= (discharge - transfer >= 0) & (discharge - transfer <= 30)
    moments = (referral, admit, surgery, transfer, discharge)
    return {name: values[held] for name, values in zip(CHAIN, moments, strict=True)}


# delivery


@dataclass(frozen=True)
class Baseline:
    """A way to make candidates and the generator it takes."""

    block: Block
    source: Callable[[int], Generator] = lambda seed: Generator(SFC64(seed))


def arrow_column(name: str, values: Array) -> pa.Array:
    """Numbers without a copy, categories as dictionary codes."""
    words = {"sex": SEXES, "dx": DIAGNOSES}.get(name)
    if words is not None:
        return pa.DictionaryArray.from_arrays(pa.array(values), pa.array(words))
    return pa.array(values)


def rows_of(baseline: Baseline, rows: int, size: int, seed: int) -> Iterator[pa.RecordBatch]:
    """Exactly `rows` rows in Arrow batches, from blocks of `size` candidates."""
    random = baseline.source(seed)
    held: list[Columns] = []
    count = left = 0
    while left < rows:
        part = baseline.block(random, size)
        held.append(part)
        count += len(next(iter(part.values())))
        if count < min(BATCH, rows - left):
            continue
        take = min(count, rows - left)
        joined = {name: np.concatenate([p[name] for p in held])[:take] for name in part}
        columns = [arrow_column(name, values) for name, values in joined.items()]
        yield pa.RecordBatch.from_arrays(columns, names=list(joined))
        left += take
        held, count = [], 0


BASELINES: dict[str, dict[str, Baseline]] = {
    "time_chain": {
        "everyday": Baseline(chain_everyday_block, np.random.default_rng),
        "plain": Baseline(chain_plain_block),
        "pruned": Baseline(chain_pruned_block),
        "pruned, best order": Baseline(chain_reordered_block),
    },
    "four_implications": {
        "everyday": Baseline(implications_everyday_block, np.random.default_rng),
        "plain": Baseline(implications_block),
    },
}
