"""pandera: a schema with checks, whose `example` draws through Hypothesis.

`checks`: columns with their bounds and categories. `strategies`: the documented `strategy` argument
of a check gives the declared shares, as a choice among equally likely values. `row by row`: the
same, asked for one row at a time. In all of them the rules are
checks of the frame: pandera has no strategy for two columns, so it draws frames until all rows fit.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import timedelta
from statistics import NormalDist
from typing import Any

import pandas as pd
import pandera.pandas as pa
from declared import (
    AGE_HIGH,
    AGE_LOW,
    AGE_MEAN,
    AGE_SD,
    DX,
    FIRST,
    LAST,
    SEX,
    WARD,
    arguments,
    report,
    write_pandas,
)
from hypothesis import strategies as st

warnings.filterwarnings("ignore")  # `example` is meant for interactive use, and says so

Frame = Any
CONDITIONS: dict[str, Callable[[Frame], Any]] = {
    "order": lambda f: f.discharged >= f.admitted,
    "delivers": lambda f: (f.dx != "delivery") | ((f.sex == "female") & f.age.between(14, 52)),
    "prostate": lambda f: (f.dx != "prostate_disease") | ((f.sex == "male") & (f.age >= 45)),
    "failing": lambda f: (f.dx != "heart_failure") | (f.age >= 35),
    "birth_ward": lambda f: (f.ward == "maternity") == (f.dx == "delivery"),
}


def days() -> list[pd.Timestamp]:
    """Every day that a row may have."""
    count = (LAST - FIRST).days + 1
    return [pd.Timestamp(FIRST + timedelta(days=i)) for i in range(count)]


def ages() -> list[int]:
    """A thousand ages at equal steps of the declared distribution."""
    normal = NormalDist(AGE_MEAN, AGE_SD)
    low, high = normal.cdf(AGE_LOW - 0.5), normal.cdf(AGE_HIGH + 0.5)
    return [round(normal.inv_cdf(low + (high - low) * (i + 0.5) / 1000)) for i in range(1000)]


def equally_likely(shares: dict[str, float]) -> list[str]:
    """A hundred places shared out."""
    return [name for name, share in shares.items() for _ in range(round(100 * share))]


def choice(places: list[Any]) -> pa.Check:
    """A check of membership whose strategy takes any of the places alike."""

    def strategy(dtype: Any, strategy: Any = None, **_: Any) -> Any:
        return (
            st.sampled_from(places)
            if strategy is None
            else strategy.filter(set(places).__contains__)
        )

    return pa.Check(lambda values: values.isin(places), strategy=strategy)


def columns_of(formulation: str) -> dict[str, pa.Column]:
    """The columns with bounds, or with strategies."""
    if formulation != "checks":
        return {
            "sex": pa.Column(str, choice(equally_likely(SEX))),
            "age": pa.Column(int, choice(ages())),
            "dx": pa.Column(str, choice(equally_likely(DX))),
            "ward": pa.Column(str, choice(equally_likely(WARD))),
            "admitted": pa.Column("datetime64[ns]", choice(days())),
            "discharged": pa.Column("datetime64[ns]", choice(days())),
        }
    return {
        "sex": pa.Column(str, pa.Check.isin(list(SEX))),
        "age": pa.Column(int, pa.Check.in_range(AGE_LOW, AGE_HIGH)),
        "dx": pa.Column(str, pa.Check.isin(list(DX))),
        "ward": pa.Column(str, pa.Check.isin(list(WARD))),
        "admitted": pa.Column("datetime64[ns]", pa.Check.isin(days())),
        "discharged": pa.Column("datetime64[ns]", pa.Check.isin(days())),
    }


def main() -> None:
    """Make the rows."""
    asked = arguments()
    checks = [pa.Check(CONDITIONS[name], name=name) for name in asked.rules]
    schema = pa.DataFrameSchema(columns_of(asked.formulation), checks=checks)

    def make() -> Any:
        if asked.formulation != "row by row":
            return schema.example(size=asked.rows)
        return pd.concat([schema.example(size=1) for _ in range(asked.rows)], ignore_index=True)

    report("pandera", make, write_pandas, asked.out)


if __name__ == "__main__":
    main()
