"""SDV: a synthesizer fitted to rows that keep the rules, with constraints.

SDV learns from data, so it is given 10,000 rows drawn from the exact distribution: more than a user
could have. `GaussianCopula` is its default synthesizer. Of its constraints, an inequality says
`order`, fixed combinations say which of sex, diagnosis and ward go together, and a programmable
constraint rejects the ages that remain wrong. Dates are timestamps cut to their day by hand, which
keeps their order: as text in a declared format they took far longer.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

import pandas as pd
from declared import arguments, report, write_pandas
from sdv.cag import FixedCombinations, Inequality, SingleTableProgrammableConstraint
from sdv.metadata import Metadata
from sdv.single_table import GaussianCopulaSynthesizer

warnings.filterwarnings("ignore")


class Ages(SingleTableProgrammableConstraint):
    """The ages of deliveries, prostate diseases and heart failures."""

    def __init__(self, rules: list[str]) -> None:
        self.rules = rules

    def fit(self, data: Any, metadata: Any) -> None:
        """Nothing to learn."""

    def transform(self, data: Any) -> Any:
        """The model sees the columns as they are."""
        return data

    def get_updated_metadata(self, metadata: Any) -> Any:
        """The columns do not change."""
        return metadata

    def reverse_transform(self, transformed_data: Any) -> Any:
        """Nor do they change back."""
        return transformed_data

    def is_valid(self, synthetic_data: Any) -> Any:
        """Rows to keep."""
        f = synthetic_data
        held = pd.Series(True, index=f.index)
        if "delivers" in self.rules:
            held &= (f.dx != "delivery") | f.age.between(14, 52)
        if "prostate" in self.rules:
            held &= (f.dx != "prostate_disease") | (f.age >= 45)
        if "failing" in self.rules:
            held &= (f.dx != "heart_failure") | (f.age >= 35)
        return held


def main() -> None:
    """Fit, then make the rows."""
    asked = arguments()
    data = pd.read_csv(asked.training, parse_dates=["admitted", "discharged"])
    began = time.process_time()
    metadata = Metadata.load_from_dict(
        {
            "tables": {
                "admission": {
                    "columns": {
                        "sex": {"sdtype": "categorical"},
                        "age": {"sdtype": "numerical"},
                        "dx": {"sdtype": "categorical"},
                        "ward": {"sdtype": "categorical"},
                        "admitted": {"sdtype": "datetime", "datetime_format": "%Y-%m-%d"},
                        "discharged": {"sdtype": "datetime", "datetime_format": "%Y-%m-%d"},
                    }
                }
            }
        }
    )
    synthesizer = GaussianCopulaSynthesizer(metadata)
    order = Inequality(
        low_column_name="admitted", high_column_name="discharged", strict_boundaries=False
    )
    together = ["sex", "dx", "ward"] if "birth_ward" in asked.rules else ["sex", "dx"]
    # undone in the opposite order, so `Ages` comes first to see plain columns last
    together_only = FixedCombinations(column_names=together)
    synthesizer.add_constraints([Ages(asked.rules), order, together_only])
    synthesizer.fit({"admission": data})
    setup = time.process_time() - began

    def make() -> Any:
        rows = synthesizer.sample(asked.rows)["admission"]
        for name in ("admitted", "discharged"):
            rows[name] = rows[name].dt.floor("D")
        return rows

    report("sdv", make, write_pandas, asked.out, setup)


if __name__ == "__main__":
    main()
