"""The bar for three_tables.synth, written by hand in numpy and pyarrow for one core.

Patients as `hand_written.py` makes them, below each a Poisson number of encounters (mean 3), below
each of these a Poisson number of observations (mean 5), times increasing by exponential gaps of
whole seconds. `blocks(n)` gives the three tables' record batches patient block by patient block,
`multi(n)` three Arrow tables. With `has_text_keys` the children's keys are text that extends the
parent's (`P00000012-3-4`); without, consecutive integers, which costs least. Nothing here is
reproducible row by row, checked, or general.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import exp, factorial
from typing import Any

import hand_written
import numpy as np
import pyarrow as pa
from hand_written import MICROSECOND, YEAR_BEGINS, fixed_text, plain
from make_lookups import TESTS
from numpy.random import SFC64, Generator
from numpy.typing import NDArray

PATIENTS = 16_384  # patients of a block, made as `hand_written` makes them
FAMILIES = 2_048  # patients whose children are made at once: their columns stay in the cache
DAY, HOUR = 86_400, 3_600
MOMENT = pa.timestamp("us")
KIND_WORDS = pa.array(["IMP", "AMB", "EMER"])
TEST_WORDS = pa.array([f"{number}-1" for number in range(TESTS)])

Array = NDArray[Any]
Batches = tuple[pa.RecordBatch, pa.RecordBatch, pa.RecordBatch]


def poisson_table(mean: float) -> tuple[Array, Array]:
    """Alias table of a Poisson count below 64; what lies beyond has probability under 1e-45."""
    masses = np.array([exp(-mean) * mean**k / factorial(k) for k in range(64)])
    return hand_written.alias_table(masses / masses.sum())


ENCOUNTERS, OBSERVATIONS = poisson_table(3), poisson_table(5)


def codes(random: Generator, rows: int, words: pa.Array) -> pa.Array:
    """One of `words` for each row, all equally likely."""
    drawn = random.integers(0, len(words), rows, dtype=np.int8)
    return pa.DictionaryArray.from_arrays(plain(drawn, pa.int8()), words)


def running(random: Generator, counts: Array, begins: Array, mean: int) -> Array:
    """Seconds of the children of each parent: `begins` and exponential gaps, added up."""
    gaps = random.standard_exponential(int(counts.sum()))
    gaps *= mean
    gaps += 0.5
    clock = np.cumsum(gaps.astype(np.int64))
    ends = np.cumsum(counts)
    before = np.zeros(len(clock) + 1, np.int64)  # the clock of one long chain, cut at each parent
    before[1:] = clock
    clock += np.repeat(begins - before[ends - counts], counts)
    return clock


def moments(seconds: Array) -> pa.Array:
    """Seconds since 1970 as Arrow timestamps."""
    return plain(seconds * MICROSECOND, MOMENT)


# keys of the children


def indices(counts: Array) -> Array:
    """0, 1, ... below each parent."""
    ends = np.cumsum(counts)
    result: Array = np.arange(ends[-1] if ends.size else 0)
    result -= np.repeat(ends - counts, counts)
    return result


class Texts:
    """Text of differing lengths: bytes in rows of one width, padded with zeros on the right."""

    def __init__(self, characters: Array, lengths: Array) -> None:
        self.characters = characters
        self.lengths = lengths

    def repeated(self, counts: Array) -> Texts:
        """Each as often as `counts` says."""
        as_one = self.characters.view(f"V{self.characters.shape[1]}").reshape(-1)
        again = np.repeat(as_one, counts).view(np.uint8).reshape(-1, self.characters.shape[1])
        return Texts(again, np.repeat(self.lengths, counts))

    def numbered(self, index: Array) -> Texts:
        """Each followed by a hyphen and its number, of at most two digits."""
        rows, width = self.characters.shape
        assert index.size == 0 or index.max() < 100
        wide = np.zeros((rows, width + 3), np.uint8)
        wide[:, :width] = self.characters
        tens = index // 10
        has_tens = tens > 0
        suffixes = np.zeros((rows, 3), np.uint8)
        suffixes[:, 0] = ord("-")
        suffixes[:, 1] = ord("0") + np.where(has_tens, tens, index)
        suffixes[:, 2] = np.where(has_tens, ord("0") + index - tens * 10, 0)
        shortest = int(self.lengths.min(initial=width))
        for length in range(shortest, width + 1):  # three widths at most
            at = slice(None) if length == shortest == width else self.lengths == length
            wide[at, length : length + 3] = suffixes[at]
        return Texts(wide, self.lengths + 2 + has_tens)

    def arrow(self) -> pa.Array:
        """As an Arrow column."""
        rows, width = self.characters.shape
        offsets = np.zeros(rows + 1, np.int32)
        np.cumsum(self.lengths, out=offsets[1:])
        flat = self.characters.reshape(-1)
        if offsets[-1] < rows * width:
            flat = flat[flat != 0]
        return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(flat))


def patient_texts(patients: pa.RecordBatch) -> Texts:
    """The patients' identifiers, nine bytes each."""
    octets = np.frombuffer(patients.column(0).buffers()[2], np.uint8)
    characters = octets[: 9 * patients.num_rows].reshape(-1, 9)
    return Texts(characters, np.full(patients.num_rows, 9))


# tables

ENCOUNTER_NAMES = ["encounter_id", "patient_id", "kind", "start"]
OBSERVATION_NAMES = ["observation_id", "encounter_id", "code", "value", "time"]


def families(
    random: Generator, patients: Texts, first: tuple[int, int], *, has_text_keys: bool
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Encounters and observations of some patients; `first` numbers both tables' rows."""
    rows = len(patients.lengths)
    encounters = hand_written.pick(random, rows, ENCOUNTERS)
    starts = running(random, encounters, np.full(rows, YEAR_BEGINS), 60 * DAY)
    observations = hand_written.pick(random, len(starts), OBSERVATIONS)
    times = running(random, observations, starts, HOUR)
    parents = patients.repeated(encounters)
    if has_text_keys:
        keys = parents.numbered(indices(encounters))
        above = keys.repeated(observations)
        encounter_id, observed_in = keys.arrow(), above.arrow()
        observation_id = above.numbered(indices(observations)).arrow()
    else:
        numbers = np.arange(first[0], first[0] + len(starts))
        encounter_id = plain(numbers, pa.int64())
        observed_in = plain(np.repeat(numbers, observations), pa.int64())
        observation_id = plain(np.arange(first[1], first[1] + len(times)), pa.int64())
    value = random.standard_normal(len(times))
    value *= 15
    value += 100
    np.round(value, 1, out=value)
    encounter = [
        encounter_id,
        fixed_text(parents.characters),
        codes(random, len(starts), KIND_WORDS),
        moments(starts),
    ]
    observation = [
        observation_id,
        observed_in,
        codes(random, len(times), TEST_WORDS),
        plain(value, pa.float64()),
        moments(times),
    ]
    return (
        pa.RecordBatch.from_arrays(encounter, names=ENCOUNTER_NAMES),
        pa.RecordBatch.from_arrays(observation, names=OBSERVATION_NAMES),
    )


def blocks(rows: int, *, has_text_keys: bool = False) -> Iterator[tuple[list[Any], ...]]:
    """Batches of patients, of their encounters and of these' observations."""
    made = [0, 0]
    for start in range(0, rows, PATIENTS):
        patients = hand_written.block(start, min(PATIENTS, rows - start))
        texts = patient_texts(patients)
        random = Generator(SFC64([2, start]))
        encounters, observations = [], []
        for at in range(0, patients.num_rows, FAMILIES):
            some = slice(at, at + FAMILIES)
            encounter, observation = families(
                random,
                Texts(texts.characters[some], texts.lengths[some]),
                (made[0], made[1]),
                has_text_keys=has_text_keys,
            )
            made[0] += encounter.num_rows
            made[1] += observation.num_rows
            encounters.append(encounter)
            observations.append(observation)
        yield [patients], encounters, observations


def multi(rows: int, *, has_text_keys: bool = False) -> list[pa.Table]:
    """The three tables in memory, of `rows` patients."""
    parts: tuple[list[Any], ...] = ([], [], [])
    for made in blocks(rows, has_text_keys=has_text_keys):
        for part, batches in zip(parts, made, strict=True):
            part.extend(batches)
    return [pa.Table.from_batches(part) for part in parts]


multi_with_text_keys = partial(multi, has_text_keys=True)
