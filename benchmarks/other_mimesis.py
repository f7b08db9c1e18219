"""The patient job as a Mimesis schema, Mimesis' providers where it has them."""

from __future__ import annotations

import math
import random
from datetime import timedelta
from typing import Any

import pyarrow as pa
from make_lookups import OBSTETRIC, diagnosis_codes, diagnosis_weights
from mimesis import Cryptographic, Datetime
from mimesis.locales import Locale

CODES = diagnosis_codes()
WEIGHTS = diagnosis_weights()
GENERAL = [0.0 if c in OBSTETRIC else w for c, w in zip(CODES, WEIGHTS, strict=True)]


class Patients:
    """Makes rows one by one."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._times = Datetime(Locale.EN, seed=seed)
        self._secrets = Cryptographic(seed=seed)

    def row(self, number: int) -> dict[str, Any]:
        """One row."""
        chance = self._chance
        sex = "F" if chance.random() < 0.51 else "M"
        born = self._times.date(start=1930, end=2020)
        age = 2024 - born.year - ((born.month, born.day) > (1, 1))
        height = round(chance.gauss(162, 6.5) if sex == "F" else chance.gauss(176, 7.2), 1)
        bmi = 0.0
        while not 14 <= bmi <= 60:
            bmi = math.exp(chance.gauss(3.27, 0.2))
        bmi = round(bmi, 1)
        smoking = min(0.02 + 0.004 * age, 0.3) * (1 if sex == "F" else 1.2)
        weights = WEIGHTS if sex == "F" and 12 <= age <= 55 else GENERAL
        admitted = self._times.datetime(start=2023, end=2023).replace(microsecond=0)
        stay = timedelta(seconds=int(chance.gammavariate(2, 2.5) * 86_400))
        return {
            "patient_id": f"P{number:08d}",
            "uuid": self._secrets.uuid(),
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


def table(rows: int, seed: int = 1) -> pa.Table:
    """Rows as an Arrow table."""
    patients = Patients(seed)
    return pa.Table.from_pylist([patients.row(number) for number in range(rows)])
