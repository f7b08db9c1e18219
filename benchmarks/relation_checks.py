"""Do contenders of run_relations.py make the same three tables?

Facts hold in every row: keys are unique and resolve, times increase among siblings and begin after
the parent. Distributions are compared with what the spec declares (Poisson counts, exponential
gaps, normal values: Kolmogorov and Smirnov's statistic, Pearson's chi-square), the patients' own
columns with the hand-written ones (check_same_job.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from check_same_job import broken_facts, p_values
from make_lookups import TESTS
from scipy import stats

FALSE_ALARM = 1e-4  # of one contender's comparisons together
SPEC_BEGINS = pd.Timestamp("2023-01-01")
DAY, HOUR = 86_400, 3_600
RENAMED = {"obs_id": "observation_id"}

Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Comparison:
    """One distribution: the mean that the rows have, the declared one, and the p-value."""

    what: str
    found: float
    declared: float
    p: float


def read(folder: Path) -> Tables:
    """The three tables that a contender wrote, with plain columns."""
    return {name: read_table(folder, name) for name in ("patient", "encounter", "observation")}


def read_table(folder: Path, name: str) -> pd.DataFrame:
    """One table: a file or a folder of parts."""
    path = folder / f"{name}.parquet"
    frame = pq.read_table(path if path.exists() else folder / name).to_pandas()
    frame = frame.rename(columns=RENAMED)
    for column in frame.columns:
        if isinstance(frame[column].dtype, pd.CategoricalDtype):
            frame[column] = frame[column].astype(str)
        if isinstance(frame[column].dtype, pd.DatetimeTZDtype):
            frame[column] = frame[column].dt.tz_localize(None)
    return frame


def with_derived(patients: pd.DataFrame) -> pd.DataFrame:
    """Patients with the columns that check_same_job compares."""
    frame = patients.copy()
    frame["birth_date"] = pd.to_datetime(frame.birth_date)
    frame["smoker"] = frame.smoker.astype(bool)
    frame["uuid"] = frame.uuid.astype(str)
    frame["born"] = (frame.birth_date - pd.Timestamp("1930-01-01")).dt.days
    frame["admitted"] = (frame.admission - SPEC_BEGINS).dt.total_seconds()
    frame["stay"] = (frame.discharge - frame.admission).dt.total_seconds()
    return frame


# facts


def gaps(times: pd.Series[Any], parents: pd.Series[Any], begins: pd.Series[Any]) -> pd.Series[Any]:
    """Seconds since the sibling before, or since the parent began, in the order of rows."""
    before = times.groupby(parents, sort=False).shift()
    return (times - before.fillna(begins)).dt.total_seconds()


def gaps_of(tables: Tables) -> dict[str, pd.Series[Any]]:
    """Gaps of both child tables; of rows whose parent is missing, null."""
    encounter, observation = tables["encounter"], tables["observation"]
    begins = pd.Series(SPEC_BEGINS, encounter.index)
    above = observation.encounter_id.map(
        encounter.drop_duplicates("encounter_id").set_index("encounter_id").start
    )
    return {
        "encounter": gaps(encounter.start, encounter.patient_id, begins),
        "observation": gaps(observation.time, observation.encounter_id, above),
    }


def stand_together(parents: pd.Series[Any]) -> int:
    """Rows that begin a second group of the same parent."""
    begins = parents != parents.shift()
    return int(begins.sum() - parents.nunique())


def broken(tables: Tables) -> dict[str, int]:
    """Facts that do not hold everywhere, and in how many rows."""
    patient, encounter, observation = (tables[n] for n in ("patient", "encounter", "observation"))
    since = gaps_of(tables)
    tenths = observation.value * 10
    counts = {
        "patients' keys repeated": patient.patient_id.duplicated().sum(),
        "encounters' keys repeated": encounter.encounter_id.duplicated().sum(),
        "observations' keys repeated": observation.observation_id.duplicated().sum(),
        "encounters without patient": (~encounter.patient_id.isin(patient.patient_id)).sum(),
        "observations without encounter": (
            ~observation.encounter_id.isin(encounter.encounter_id)
        ).sum(),
        "starts before the last": (since["encounter"] < 0).sum(),
        "times before the last": (since["observation"] < 0).sum(),
        "siblings apart": stand_together(encounter.patient_id)
        + stand_together(observation.encounter_id),
        "values with more than one decimal": ((tenths - tenths.round()).abs() > 1e-6).sum(),
    }
    found = {what: int(count) for what, count in counts.items() if count}
    return found | dict.fromkeys(broken_facts(with_derived(patient)), 1)


# distributions


def counts_below(parents: pd.Series[Any], children: pd.Series[Any]) -> np.ndarray:
    """Number of children of every parent, those without included."""
    counts: np.ndarray = parents.map(children.value_counts()).fillna(0).to_numpy(int)
    return counts


def poisson(what: str, counts: np.ndarray, mean: float) -> Comparison:
    """Chi-square of counts, the tail in one cell where fewer than 10 are expected."""
    last = int(stats.poisson.isf(10 / len(counts), mean))
    expected = stats.poisson.pmf(np.arange(last), mean) * len(counts)
    expected = np.append(expected, len(counts) - expected.sum())
    found = np.bincount(np.minimum(counts, last), minlength=last + 1)
    p = stats.chisquare(found, expected).pvalue
    return Comparison(what, float(counts.mean()), mean, float(p))


def equally_likely(what: str, values: pd.Series[Any], cells: int) -> Comparison:
    """Chi-square of categories that should all be as frequent."""
    found = values.value_counts().reindex(values.unique()).to_numpy()
    found = np.pad(found, (0, max(0, cells - len(found))))
    p = stats.chisquare(found).pvalue if len(found) == cells else 0.0
    return Comparison(what, float(found.max() / found.sum()), 1 / cells, float(p))


def continuous(what: str, values: pd.Series[Any], law: Any) -> Comparison:
    """Kolmogorov and Smirnov's statistic; grids of 1 s and of 0.1 are far below what it sees."""
    p = stats.kstest(values.dropna().to_numpy(), law.cdf, method="asymp").pvalue
    return Comparison(what, float(values.mean()), float(law.mean()), float(p))


def compare(tables: Tables, reference: pd.DataFrame) -> list[Comparison]:
    """Every distribution; `reference` are patients that are right."""
    patient, encounter, observation = (tables[n] for n in ("patient", "encounter", "observation"))
    since = gaps_of(tables)
    of_patients = counts_below(patient.patient_id, encounter.patient_id)
    of_encounters = counts_below(encounter.encounter_id, observation.encounter_id)
    own = p_values(with_derived(reference), with_derived(patient))
    return [
        poisson("encounters of a patient", of_patients, 3),
        poisson("observations of an encounter", of_encounters, 5),
        continuous("days to the next start", since["encounter"] / DAY, stats.expon(0, 60)),
        continuous("hours to the next time", since["observation"] / HOUR, stats.expon(0, 1)),
        continuous("value", observation.value, stats.norm(100, 15)),
        equally_likely("kind, top share", encounter.kind, 3),
        equally_likely("code, top share", observation.code, TESTS),
        *(Comparison(f"patient {what}", two, one, float(p)) for what, (one, two, p) in own.items()),
    ]


def differing(comparisons: list[Comparison]) -> list[Comparison]:
    """Those that chance explains in one of 10,000 contenders."""
    limit = FALSE_ALARM / len(comparisons)
    return [c for c in comparisons if not c.p >= limit]


def planted(tables: Tables) -> dict[str, Tables]:
    """Wrong versions of right tables, which the checks must catch."""
    encounter, observation = tables["encounter"], tables["observation"]
    is_kept = np.arange(len(observation)) % 20 != 0
    swapped = encounter.copy()
    swapped["start"] = encounter.start.sample(frac=1, random_state=1).to_numpy()
    slower = observation.copy()
    begun = observation.encounter_id.map(encounter.set_index("encounter_id").start)
    slower["time"] = begun + (observation.time - begun) * 1.05
    lost = encounter.iloc[1:]
    return {
        "one of 20 observations lost": tables | {"observation": observation[is_kept]},
        "starts swapped among patients": tables | {"encounter": swapped},
        "gaps 5 % longer": tables | {"observation": slower},
        "one encounter lost": tables | {"encounter": lost},
    }
