"""The patient job in Polars expressions, whole columns at a time.

Polars has no random numbers by distribution: NumPy draws, Polars computes. Its easy way out is
taken twice: BMI is clipped rather than redrawn, and the identifier of a row is two random
integers in hexadecimal digits' stead, which is less work than a UUID.
"""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import polars as pl
import pyarrow as pa
from make_lookups import CODES, OBSTETRIC, diagnosis_codes, diagnosis_weights

WEIGHTS = np.array(diagnosis_weights())
IS_GENERAL = np.arange(CODES) < CODES - len(OBSTETRIC)
ALL = np.cumsum(WEIGHTS)
GENERAL = np.cumsum(WEIGHTS * IS_GENERAL) / WEIGHTS[IS_GENERAL].sum()
WORDS = pl.Series(diagnosis_codes(), dtype=pl.Categorical)
DAYS = (date(2020, 12, 31) - date(1930, 1, 1)).days + 1
SECONDS = 365 * 86_400


def frame(rows: int, seed: int = 1) -> pl.DataFrame:
    """Rows as a data frame."""
    random = np.random.default_rng(seed)
    level = random.random(rows)
    drawn = pl.DataFrame(
        {
            "number": np.arange(rows),
            "high": random.integers(10**15, 10**16, rows),
            "low": random.integers(10**15, 10**16, rows),
            "is_female": random.random(rows) < 0.51,
            "day": random.integers(0, DAYS, rows),
            "z_height": random.standard_normal(rows),
            "z_bmi": random.standard_normal(rows),
            "u_smoker": random.random(rows),
            "code": ALL.searchsorted(level).clip(0, CODES - 1),
            "general": GENERAL.searchsorted(level).clip(0, CODES - 1),
            "second": random.integers(0, SECONDS, rows),
            "stay": random.gamma(2, 2.5, rows),
        }
    ).lazy()
    female, age = pl.col("is_female"), pl.col("age")
    born = pl.lit(date(1930, 1, 1)) + pl.duration(days=pl.col("day"))
    admitted = pl.lit(datetime(2023, 1, 1)) + pl.duration(seconds=pl.col("second"))
    of_women, of_men = 162 + 6.5 * pl.col("z_height"), 176 + 7.2 * pl.col("z_height")
    height = pl.when(female).then(of_women).otherwise(of_men)
    new_year = (pl.col("birth_date").dt.ordinal_day() > 1).cast(pl.Int32)
    chance = pl.min_horizontal(0.02 + 0.004 * age, pl.lit(0.3))
    chance = chance * pl.when(female).then(1.0).otherwise(1.2)
    code = pl.when(female & age.is_between(12, 55)).then(pl.col("code"))
    steps = (
        drawn.with_columns(
            patient_id=pl.lit("P") + pl.col("number").cast(pl.String).str.zfill(8),
            uuid=pl.col("high").cast(pl.String) + "-" + pl.col("low").cast(pl.String),
            sex=pl.when(female).then(pl.lit("F")).otherwise(pl.lit("M")).cast(pl.Categorical),
            birth_date=born.cast(pl.Date),
            height_cm=height.round(1),
            bmi=(3.27 + 0.2 * pl.col("z_bmi")).exp().clip(14, 60).round(1),
            admission=admitted,
        )
        .with_columns(
            age=2024 - pl.col("birth_date").dt.year() - new_year,
            weight_kg=(pl.col("bmi") * (pl.col("height_cm") / 100) ** 2).round(1),
            discharge=pl.col("admission")
            + pl.duration(seconds=(pl.col("stay") * 86_400).cast(pl.Int64)),
        )
        .with_columns(
            smoker=pl.col("u_smoker") < chance,
            at=code.otherwise(pl.col("general")),
        )
    )
    made = steps.collect()
    return made.select(
        "patient_id",
        "uuid",
        "sex",
        "birth_date",
        "age",
        "height_cm",
        "bmi",
        "weight_kg",
        "smoker",
        WORDS.gather(made["at"]).alias("dx"),
        "admission",
        "discharge",
    )


def table(rows: int) -> pa.Table:
    """Rows as an Arrow table."""
    return frame(rows).to_arrow()
