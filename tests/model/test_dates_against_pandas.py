"""Date arithmetic of specs against pandas, row by row."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from model_expressions import columns

BODY = """
day: date ~ discrete_uniform(1890-01-01, 2110-12-31)
other: date ~ discrete_uniform(1890-01-01, 2110-12-31)
at: datetime ~ uniform(1890-01-01, 2110-12-31)
n: int ~ discrete_uniform(-400, 400)
gap: duration ~ normal(0 d, 40 d)
hours: float<h> ~ normal(0, 1000)
"""
CASES = {
    "date | day + n * (1 d)": lambda r: r.day + pd.Timedelta(days=r.n),
    "date | day - n * (1 'wk')": lambda r: r.day - pd.Timedelta(weeks=r.n),
    "datetime | day + gap": lambda r: r.day + r.gap,
    "datetime | at - gap": lambda r: r["at"] - r.gap,
    "datetime | at + hours": lambda r: (r["at"] + pd.Timedelta(hours=r.hours)).round("us"),
    "duration | day - other": lambda r: r.day - r.other,
    "duration | at - day": lambda r: r["at"] - r.day,
    "float | (at - day) / (1 h)": lambda r: (r["at"] - r.day) / pd.Timedelta(hours=1),
    "int<d> | days_between(other, day)": lambda r: (r.day - r.other).days,
    "date | months_after(day, n)": lambda r: r.day + pd.DateOffset(months=r.n),
    "date | years_after(day, n)": lambda r: r.day + pd.DateOffset(years=r.n),
    "date | years_before(day, n)": lambda r: r.day - pd.DateOffset(years=r.n),
    "int | year(day)": lambda r: r.day.year,
    "int | month(day)": lambda r: r.day.month,
    "int | quarter(day)": lambda r: r.day.quarter,
    "int | week(day)": lambda r: r.day.isocalendar()[1],
    "int | weekday(day)": lambda r: r.day.isoweekday(),
    "int | day_of_year(day)": lambda r: r.day.day_of_year,
    "int | hour(time(at))": lambda r: r["at"].hour,
    "int | second(time(at))": lambda r: r["at"].second,
    "date | date(at)": lambda r: r["at"].normalize(),
    "date | end_of_month(day)": lambda r: r.day + pd.offsets.MonthEnd(0),
    "date | start_of_month(day)": lambda r: r.day.replace(day=1),
    "bool | day < other": lambda r: r.day < r.other,
    "bool | at >= day": lambda r: r["at"] >= r.day,
    "bool | day in [2000-01-01, 2050-12-31]": lambda r: pd.Timestamp("2000-01-01") <= r.day <= pd.Timestamp("2050-12-31"),
    "bool | gap > 2 d": lambda r: r.gap > pd.Timedelta(days=2),
}  # fmt: skip


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    body = BODY + "\n".join(
        f"c{i}: {case.split(' | ')[0]} = {case.split(' | ')[1]}" for i, case in enumerate(CASES)
    )
    frame = columns(body, rows=600).to_pandas(timestamp_as_object=False)
    for name in frame.columns:
        if isinstance(frame[name].iloc[0], date) and not isinstance(
            frame[name].iloc[0], pd.Timestamp
        ):
            frame[name] = frame[name].map(pd.Timestamp)
    return frame


@pytest.mark.parametrize("number, case", list(enumerate(CASES)), ids=list(CASES))
def test_row_by_row(number: int, case: str, found: pd.DataFrame) -> None:
    expected = found.apply(CASES[case], axis=1)
    values = found[f"c{number}"]
    kind = case.split(" | ")[0]
    if kind == "float":
        assert (abs(values - expected) < 1e-9).all()
    elif kind == "datetime":
        # datetimes lie on whole seconds, half-up
        whole = (expected + pd.Timedelta("500ms")).dt.floor("s")
        assert (values == whole).all()
    else:
        assert (values == expected).all()
