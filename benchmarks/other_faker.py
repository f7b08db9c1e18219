"""The patient job as a Faker user would write it: a Python loop, Faker where it has a provider."""

from __future__ import annotations

import math
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
from faker import Faker
from make_lookups import OBSTETRIC, diagnosis_codes, diagnosis_weights

CODES = diagnosis_codes()
WEIGHTS = diagnosis_weights()
GENERAL = [0.0 if c in OBSTETRIC else w for c, w in zip(CODES, WEIGHTS, strict=True)]
BEGIN, END = datetime(2023, 1, 1, tzinfo=UTC), datetime(2023, 12, 31, 23, 59, 59, tzinfo=UTC)


def rows_of(rows: int, seed: int = 1) -> list[dict[str, Any]]:
    """Rows as dictionaries."""
    fake = Faker()
    fake.seed_instance(seed)
    chance = random.Random(seed)
    return [row(fake, chance, number) for number in range(rows)]


def row(fake: Faker, chance: random.Random, number: int) -> dict[str, Any]:
    """One row."""
    sex = "F" if chance.random() < 0.51 else "M"
    born = fake.date_between_dates(date(1930, 1, 1), date(2020, 12, 31))
    age = 2024 - born.year - ((born.month, born.day) > (1, 1))
    height = round(chance.gauss(162, 6.5) if sex == "F" else chance.gauss(176, 7.2), 1)
    bmi = 0.0
    while not 14 <= bmi <= 60:
        bmi = math.exp(chance.gauss(3.27, 0.2))
    bmi = round(bmi, 1)
    smoking = min(0.02 + 0.004 * age, 0.3) * (1 if sex == "F" else 1.2)
    weights = WEIGHTS if sex == "F" and 12 <= age <= 55 else GENERAL
    admitted = fake.date_time_between_dates(BEGIN, END).replace(microsecond=0)
    stay = timedelta(seconds=int(chance.gammavariate(2, 2.5) * 86_400))
    return {
        "patient_id": f"P{number:08d}",
        "uuid": fake.uuid4(),
        "sex": sex,
        "birth_date": born,
        "age": age,
        "height_cm": height,
        "bmi": bmi,
        "weight_kg": round(bmi * (height / 100) ** 2, 1),
        "smoker": chance.random() < smoking,
        "dx": chance.choices(CODES, weights)[0],
        "admission": admitted,
        "discharge": admitted + stay,
    }


def table(rows: int) -> pa.Table:
    """Rows as an Arrow table."""
    return pa.Table.from_pylist(rows_of(rows))
