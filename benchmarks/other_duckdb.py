"""The patient job in one DuckDB statement, one thread.

DuckDB draws uniforms only: normals by Box and Muller, gamma(2) as two exponentials. BMI is
clipped rather than redrawn, and the diagnosis list is quantised to 1/4096, an array position.
"""

from __future__ import annotations

from functools import lru_cache

import duckdb
import numpy as np
import pyarrow as pa
from make_lookups import CODES, OBSTETRIC, diagnosis_codes, diagnosis_weights

CELLS = 4096

STATEMENT = """
with base as (
  select i, random() < 0.51 as is_female,
    date '1930-01-01' + cast(floor(random() * 33238) as integer) as birth_date,
    sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) as z_height,
    sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) as z_bmi,
    random() as u_smoker, 1 + cast(floor(random() * 4096) as integer) as cell,
    timestamp '2023-01-01' + to_seconds(floor(random() * 31536000)) as admission,
    floor(-216000 * (ln(1 - random()) + ln(1 - random()))) as stay
  from range({rows}) r(i)
), sized as (
  select *, 2024 - year(birth_date) - cast(dayofyear(birth_date) > 1 as integer) as age,
    round(case when is_female then 162 + 6.5 * z_height else 176 + 7.2 * z_height end, 1)
      as height_cm,
    round(least(greatest(exp(3.27 + 0.2 * z_bmi), 14), 60), 1) as bmi
  from base
)
select 'P' || lpad(cast(i as varchar), 8, '0') as patient_id, cast(uuid() as varchar) as uuid,
  case when is_female then 'F' else 'M' end as sex, birth_date, age, height_cm, bmi,
  round(bmi * (height_cm / 100) ** 2, 1) as weight_kg,
  u_smoker < least(0.02 + 0.004 * age, 0.3) * case when is_female then 1 else 1.2 end as smoker,
  case when is_female and age between 12 and 55
    then (select codes from lists)[cell] else (select general from lists)[cell] end as dx,
  admission, admission + to_seconds(stay) as discharge
from sized
"""


def quantised(weights: np.ndarray) -> list[str]:
    """Codes in `CELLS` cells, as many each as its weight says."""
    levels = (np.arange(CELLS) + 0.5) / CELLS
    words = diagnosis_codes()
    at = np.cumsum(weights / weights.sum()).searchsorted(levels)
    return [words[i] for i in at]


@lru_cache(maxsize=1)
def connection() -> duckdb.DuckDBPyConnection:
    """A connection with the two lists, one thread."""
    made = duckdb.connect()
    made.execute("set threads = 1")
    weights = np.array(diagnosis_weights())
    general = np.where(np.arange(CODES) < CODES - len(OBSTETRIC), weights, 0)
    lists = [quantised(weights), quantised(general)]
    made.execute("create table lists as select ? as codes, ? as general", lists)
    return made


def table(rows: int) -> pa.Table:
    """Rows as an Arrow table."""
    result = connection().sql(STATEMENT.format(rows=rows)).to_arrow_table()
    assert isinstance(result, pa.Table)
    return result
