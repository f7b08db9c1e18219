"""Specs after public data sets against the files, column by column, where the files are at hand.

20,000 rows and a fixed seed. Tolerances: means within 0.15 standard deviations of the file (twice
the sampling error of its smallest, of 400 rows), nulls within 4 points, shares within 0.06 in total
variation.
"""

from __future__ import annotations

import duckdb
import pandas as pd
import pytest
from recorded_rules import FILES
from spec_library import ROOT, loaded

DATA = ROOT.parent / "shared" / "data"
MEAN, NULLS, SHARES = 0.15, 0.04, 0.06
OTHERWISE = {"native_country"}
"""Columns that a spec words otherwise: the rarer countries are one."""

PRESENT = {spec: DATA / name for spec, name in FILES.items() if (DATA / name).exists()}


def differences(made: pd.DataFrame, real: pd.DataFrame) -> list[str]:
    """Columns in which the two differ by more than the tolerances."""
    found = []
    for name in real.columns.intersection(made.columns).difference(["ID", *OTHERWISE]):
        one, other = real[name], made[name]
        if abs(one.isna().mean() - other.isna().mean()) > NULLS:
            found.append(f"{name}: nulls {one.isna().mean():.3f}, {other.isna().mean():.3f}")
        if pd.api.types.is_numeric_dtype(one):
            other = other.astype(float)
            if abs(one.mean() - other.mean()) > MEAN * one.std():
                found.append(f"{name}: mean {one.mean():.3f}, {other.mean():.3f}")
        else:
            shares = one.value_counts(normalize=True)
            drawn = other.dropna().astype(str).value_counts(normalize=True)
            apart = shares.sub(drawn, fill_value=0).abs().sum() / 2
            if apart > SHARES:
                found.append(f"{name}: shares {apart:.3f} apart")
    return found


if PRESENT:

    @pytest.fixture(scope="module", params=sorted(PRESENT))
    def both(request):
        spec = request.param
        (table,) = loaded(spec).generate(20_000, seed=3).tables.values()
        real = duckdb.sql(
            f"from read_csv('{PRESENT[spec]}', nullstr = ['?', ''], sample_size = -1, "
            "auto_type_candidates = ['BIGINT', 'DOUBLE', 'VARCHAR'])"
        ).df()
        return table.to_pandas(), real

    def test_columns_are_like_the_file(both):
        made, real = both
        assert len(made.columns.intersection(real.columns)) >= 14
        assert differences(made, real) == []

    def test_a_column_cut_off_is_noticed(both):
        """The ages above the median taken away: nulls and mean differ, in this column alone."""
        made, real = both
        name = "Age" if "Age" in made else "age"
        spoilt = made.assign(**{name: made[name].where(made[name] < made[name].median())})
        found = differences(spoilt, real)
        assert len(found) == 2 and all(text.startswith(f"{name}:") for text in found)
