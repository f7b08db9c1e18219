"""dataframely: a schema with rules, sampled.

`schema`: columns with their bounds and categories; dataframely draws each uniformly.
`own generator`: the documented way to customise: a Generator whose draws have the declared
distributions; rows that break a rule are redrawn by dataframely.
"""

from __future__ import annotations

from typing import Any

import dataframely as dy
import numpy as np
import polars as pl
from dataframely.random import Generator
from declared import (
    AGE_HIGH,
    AGE_LOW,
    AGE_MEAN,
    AGE_SD,
    COLUMNS,
    DX,
    FIRST,
    LAST,
    SEX,
    WARD,
    arguments,
    report,
)

sex, age, dx, ward = pl.col("sex"), pl.col("age"), pl.col("dx"), pl.col("ward")
CONDITIONS = {
    "order": pl.col("discharged") >= pl.col("admitted"),
    "delivers": (dx != "delivery") | ((sex == "female") & age.is_between(14, 52)),
    "prostate": (dx != "prostate_disease") | ((sex == "male") & (age >= 45)),
    "failing": (dx != "heart_failure") | (age >= 35),
    "birth_ward": (ward == "maternity") == (dx == "delivery"),
}


def schema_of(rules: list[str]) -> type[dy.Schema]:
    """The columns, and a rule of dataframely for each rule."""
    members: dict[str, Any] = {
        "sex": dy.Enum(list(SEX)),
        "age": dy.Int64(min=AGE_LOW, max=AGE_HIGH),
        "dx": dy.Enum(list(DX)),
        "ward": dy.Enum(list(WARD)),
        "admitted": dy.Date(min=FIRST, max=LAST),
        "discharged": dy.Date(min=FIRST, max=LAST),
    }

    def named(name: str) -> Any:
        def holds(cls: type[dy.Schema]) -> pl.Expr:
            return CONDITIONS[name]

        holds.__name__ = name
        return dy.rule()(holds)

    return type("Admission", (dy.Schema,), members | {name: named(name) for name in rules})


class DeclaredGenerator(Generator):
    """Draws with the declared shares and ages."""

    def sample_choice(self, n: int = 1, **given: Any) -> pl.Series:
        """A category with its share, where the choices are one of the declared lists."""
        choices = list(given["choices"])
        for shares in (SEX, DX, WARD):
            if choices == list(shares):
                given["weights"] = list(shares.values())
        return super().sample_choice(n, **given)

    def sample_int(self, n: int = 1, *, min: int, max: int, **given: Any) -> pl.Series:
        """Ages by rejection from the normal; other whole numbers as before."""
        if (min, max) not in ((AGE_LOW, AGE_HIGH), (AGE_LOW, AGE_HIGH + 1)):
            return super().sample_int(n, min=min, max=max, **given)
        random = np.random.default_rng(self.sample_seed())
        values = np.floor(random.normal(AGE_MEAN, AGE_SD, n) + 0.5)
        outside = np.flatnonzero((values < AGE_LOW) | (values > AGE_HIGH))
        while outside.size:
            values[outside] = np.floor(random.normal(AGE_MEAN, AGE_SD, outside.size) + 0.5)
            outside = outside[(values[outside] < AGE_LOW) | (values[outside] > AGE_HIGH)]
        return pl.Series(values.astype(np.int64))

    def sample_date(self, n: int = 1, **given: Any) -> pl.Series:
        """Days of the year, the last one too, which the tool's own draw leaves out."""
        random = np.random.default_rng(self.sample_seed())
        days = random.integers(0, (LAST - FIRST).days + 1, n)
        return pl.Series(np.datetime64(FIRST, "D") + days)


def main() -> None:
    """Make the rows."""
    asked = arguments()
    schema = schema_of(asked.rules)
    generators = {"schema": Generator, "own generator": DeclaredGenerator}
    generator = generators[asked.formulation](seed=7)
    report(
        "dataframely",
        lambda: schema.sample(asked.rows, generator=generator),
        lambda rows, path: rows.select(COLUMNS).write_csv(path),
        asked.out,
    )


if __name__ == "__main__":
    main()
