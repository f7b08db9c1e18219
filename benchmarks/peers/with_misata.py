"""Misata: columns with declared distributions, and its constraints.

It has no implication between a category and a range of a number, so the ages of the rules cannot be
said; their other halves can, in three ways. `set`: `when_then` constraints set the other column.
`margins`: a joint distribution with forbidden combinations and the declared shares as margins.
`answer's margins`: the same with the shares that rows have given the rules, which no user knows.
"""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from itertools import product
from statistics import NormalDist
from typing import Any

import misata
import pandas as pd
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
from misata.schema import Column, Constraint, JointDistribution, SchemaConfig, Table

warnings.filterwarnings("ignore")
NAME = "admission"
DECLARED = {"sex": SEX, "dx": DX, "ward": WARD}


def category(name: str) -> Column:
    """A categorical column with its declared shares."""
    shares = DECLARED[name]
    given = {"choices": list(shares), "probabilities": list(shares.values())}
    return Column(name=name, type="categorical", distribution_params=given)


def day(name: str) -> Column:
    """A date of the year."""
    given = {"start": FIRST.isoformat(), "end": LAST.isoformat()}
    return Column(name=name, type="date", distribution_params=given)


def age_quantiles() -> list[float]:
    """The truncated normal at equal steps: its own `normal` with bounds gathers ages at them."""
    normal = NormalDist(AGE_MEAN, AGE_SD)
    low, high = normal.cdf(AGE_LOW - 0.5), normal.cdf(AGE_HIGH + 0.5)
    inner = [normal.inv_cdf(low + (high - low) * i / 1_000) for i in range(1, 1_000)]
    return [AGE_LOW - 0.5, *inner, AGE_HIGH + 0.5]


def columns() -> list[Column]:
    """The six columns."""
    age = {"distribution": "empirical", "quantiles": age_quantiles()}
    return [
        category("sex"),
        Column(name="age", type="int", distribution_params=age),
        category("dx"),
        category("ward"),
        day("admitted"),
        day("discharged"),
    ]


def setting(name: str, when: tuple[str, str], then: tuple[str, str]) -> Constraint:
    """Where one column has a value, another is set."""
    return Constraint(
        name=name,
        type="when_then",
        when_column=when[0],
        when_op="==",
        when_value=when[1],
        then_column=then[0],
        then="set",
        then_value=then[1],
    )


def constraints(rules: list[str], formulation: str) -> list[Constraint]:
    """The order of dates; where categories are set, those too."""
    found = []
    if "order" in rules:
        found.append(
            Constraint(
                name="order",
                type="inequality",
                column_a="discharged",
                operator=">=",
                column_b="admitted",
            )
        )
    if formulation == "set":
        if "birth_ward" in rules:
            found.append(setting("to_ward", ("dx", "delivery"), ("ward", "maternity")))
            found.append(setting("from_ward", ("ward", "maternity"), ("dx", "delivery")))
        if "delivers" in rules:
            found.append(setting("delivers", ("dx", "delivery"), ("sex", "female")))
        if "prostate" in rules:
            found.append(setting("prostate", ("dx", "prostate_disease"), ("sex", "male")))
    return found


def is_forbidden(cell: dict[str, str], rules: list[str]) -> bool:
    """Whether some rule leaves no row in this combination of sex, diagnosis and ward."""
    broken = {
        "delivers": cell["dx"] == "delivery" and cell["sex"] == "male",
        "prostate": cell["dx"] == "prostate_disease" and cell["sex"] == "female",
        "birth_ward": (cell["dx"] == "delivery") != (cell["ward"] == "maternity"),
    }
    return any(broken.get(rule, False) for rule in rules)


def joint(rules: list[str], training: pd.DataFrame | None) -> JointDistribution:
    """Shares of the categories and the combinations that the rules forbid."""
    cells = [dict(zip(DECLARED, cell, strict=True)) for cell in product(*DECLARED.values())]
    forbidden = [cell for cell in cells if is_forbidden(cell, rules)]
    margins = DECLARED
    if training is not None:
        margins = {
            name: training[name].value_counts(normalize=True).reindex(list(shares)).to_dict()
            for name, shares in DECLARED.items()
        }
    return JointDistribution(name="mix", table=NAME, margins=margins, forbidden=forbidden)


def main() -> None:
    """Make the rows."""
    asked = arguments()
    joints = []
    if asked.formulation != "set":
        is_told = asked.formulation == "answer's margins"
        joints = [joint(asked.rules, pd.read_csv(asked.training) if is_told else None)]
    schema = SchemaConfig(
        name="peers",
        tables=[
            Table(
                name=NAME,
                row_count=asked.rows,
                constraints=constraints(asked.rules, asked.formulation),
            )
        ],
        columns={NAME: columns()},
        joint_distributions=joints,
        seed=7,
    )

    def make() -> Any:
        with contextlib.redirect_stdout(io.StringIO()):
            return misata.generate_from_schema(schema)[NAME]

    report("misata", make, write_pandas, asked.out)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
