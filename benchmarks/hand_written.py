"""The bar: the patient job written by hand in numpy and pyarrow for one core.

Someone who knows the answer and needs no language would write this: blocks that fit the cache,
one fast generator, digits and hex from tables, categories as dictionary codes. `table(n)` gives
an Arrow table, `blocks(n)` its record batches. Same marginals as `patient_job.synth`; nothing
here is reproducible row by row, checked, or general.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from make_lookups import CODES, OBSTETRIC, diagnosis_codes, diagnosis_weights
from numpy.random import SFC64, Generator
from numpy.typing import NDArray

BLOCK = 16_384
FIRST_BIRTH, LAST_BIRTH = -14_610, 18_627  # days: 1930-01-01, 2020-12-31
YEAR_BEGINS, YEAR_ENDS = 1_672_531_200, 1_704_067_200  # seconds: 2023 and 2024 begin
MICROSECOND = 1_000_000

Array = NDArray[Any]


# tables made once


def alias_table(weights: Array) -> tuple[Array, Array]:
    """Thresholds and aliases of Walker's method (Vose 1991) for weights that total 1."""
    scaled = weights * len(weights)
    other = np.arange(len(weights))
    small = [i for i, w in enumerate(scaled) if w < 1]
    large = [i for i, w in enumerate(scaled) if w >= 1]
    while small and large:
        low, high = small.pop(), large.pop()
        other[low] = high
        scaled[high] -= 1 - scaled[low]
        (small if scaled[high] < 1 else large).append(high)
    scaled[small + large] = 1.0
    return scaled, other.astype(np.int32)


def ages_by_birth() -> Array:
    """Whole years on 2024-01-01, by days since the first birth date."""
    days = np.arange(FIRST_BIRTH, LAST_BIRTH + 1).astype("datetime64[D]")
    years = days.astype("datetime64[Y]")
    is_new_year = days == years.astype("datetime64[D]")
    ages: Array = 54 - years.astype(np.int64) - ~is_new_year
    return ages.astype(np.int16)


WEIGHTS = np.array(diagnosis_weights())
IS_OBSTETRIC = np.arange(CODES) >= CODES - len(OBSTETRIC)
GENERAL = np.where(IS_OBSTETRIC, 0, WEIGHTS)
ALL_CODES = alias_table(WEIGHTS)
GENERAL_CODES = alias_table(GENERAL / GENERAL.sum())
AGES = ages_by_birth()
SEX_WORDS = pa.array(["M", "F"])
CODE_WORDS = pa.array(diagnosis_codes())
FOUR_DIGITS = np.frombuffer("".join(f"{i:04d}" for i in range(10_000)).encode(), "<u4")
TWO_HEX = np.frombuffer("".join(f"{i:02x}" for i in range(256)).encode(), "<u2")
NAMES = [
    "patient_id",
    "uuid",
    "sex",
    "birth_date",
    "age",
    "height_cm",
    "bmi",
    "weight_kg",
    "smoker",
    "dx",
    "admission",
    "discharge",
]


# columns


def fixed_text(characters: Array) -> pa.Array:
    """A byte matrix as text, one row of bytes a value."""
    rows, width = characters.shape
    offsets = np.arange(0, (rows + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(characters))


def plain(values: Array, kind: pa.DataType) -> pa.Array:
    """Numbers without nulls, not copied."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def identifiers(start: int, rows: int) -> pa.Array:
    """`P` and eight digits."""
    numbers = np.arange(start, start + rows, dtype=np.uint32)
    high = numbers // 10_000
    digits = np.empty((rows, 2), np.uint32)
    digits[:, 0] = FOUR_DIGITS[high]
    digits[:, 1] = FOUR_DIGITS[numbers - high * 10_000]
    characters = np.empty((rows, 9), np.uint8)
    characters[:, 0] = ord("P")
    characters[:, 1:] = digits.view(np.uint8)
    return fixed_text(characters)


def uuids(random: Generator, rows: int) -> pa.Array:
    """Random version-4 UUIDs as text."""
    octets = np.frombuffer(random.bytes(16 * rows), np.uint8).reshape(rows, 16).copy()
    octets[:, 6] = octets[:, 6] & 0x0F | 0x40
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80
    hexadecimal = TWO_HEX[octets].view(np.uint8)
    characters = np.empty((rows, 36), np.uint8)
    characters[:, [8, 13, 18, 23]] = ord("-")
    at = 0
    for begin, width in ((0, 8), (9, 4), (14, 4), (19, 4), (24, 12)):
        characters[:, begin : begin + width] = hexadecimal[:, at : at + width]
        at += width
    return fixed_text(characters)


def pick(random: Generator, rows: int, table: tuple[Array, Array]) -> Array:
    """Positions drawn from an alias table, one uniform each."""
    thresholds, other = table
    level = random.random(rows)
    level *= len(thresholds)
    at = level.astype(np.int32)
    level -= at
    return np.where(level < thresholds[at], at, other[at])


def body_mass(random: Generator, rows: int) -> Array:
    """Truncated lognormal by redrawing, one decimal."""
    values = np.exp(3.27 + 0.2 * random.standard_normal(rows))
    outside = np.flatnonzero((values < 14) | (values > 60))
    while outside.size:
        again = np.exp(3.27 + 0.2 * random.standard_normal(outside.size))
        values[outside] = again
        outside = outside[(again < 14) | (again > 60)]
    return np.round(values, 1, out=values)


def block(start: int, rows: int, seed: int = 1) -> pa.RecordBatch:
    """Rows `start` to `start + rows`."""
    random = Generator(SFC64([seed, start]))
    is_female = random.random(rows) < 0.51
    born = random.integers(FIRST_BIRTH, LAST_BIRTH + 1, rows, dtype=np.int32)
    age = AGES[born - FIRST_BIRTH]
    height = random.standard_normal(rows)
    height *= np.where(is_female, 6.5, 7.2)
    height += np.where(is_female, 162.0, 176.0)
    np.round(height, 1, out=height)
    bmi = body_mass(random, rows)
    weight = np.round(bmi * (height * 0.01) ** 2, 1)
    chance = np.minimum(0.02 + 0.004 * age, 0.3) * np.where(is_female, 1.0, 1.2)
    smokes = random.random(rows) < chance
    code = pick(random, rows, ALL_CODES)
    may_be_pregnant = is_female & (age >= 12) & (age <= 55)
    wrong = np.flatnonzero(IS_OBSTETRIC[code] & ~may_be_pregnant)
    code[wrong] = pick(random, wrong.size, GENERAL_CODES)
    admitted = random.integers(YEAR_BEGINS, YEAR_ENDS, rows) * MICROSECOND
    stay = (random.gamma(2.0, 2.5, rows) * 86_400).astype(np.int64)
    moment = pa.timestamp("us")
    columns = [
        identifiers(start, rows),
        uuids(random, rows),
        pa.DictionaryArray.from_arrays(plain(is_female.view(np.int8), pa.int8()), SEX_WORDS),
        plain(born, pa.date32()),
        plain(age, pa.int16()),
        plain(height, pa.float64()),
        plain(bmi, pa.float64()),
        plain(weight, pa.float64()),
        pa.array(smokes),
        pa.DictionaryArray.from_arrays(plain(code.astype(np.int16), pa.int16()), CODE_WORDS),
        plain(admitted, moment),
        plain(admitted + stay * MICROSECOND, moment),
    ]
    return pa.RecordBatch.from_arrays(columns, names=NAMES)


def blocks(rows: int, size: int = BLOCK) -> Iterator[pa.RecordBatch]:
    """Record batches of rows 0 to `rows`."""
    for start in range(0, rows, size):
        yield block(start, min(size, rows - start))


def table(rows: int) -> pa.Table:
    """Rows 0 to `rows` in memory."""
    return pa.Table.from_batches(blocks(rows))
