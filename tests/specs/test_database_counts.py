"""Numbers of rows under a parent, and other laws of the databases, follow what the specs declare.

Fixed seeds; each comparison would raise a false alarm with another seed once in 10,000. Each is shown
to tell a law that is a little off.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pytest
from scipy import stats
from test_database_conditions import made

FALSE_ALARM = 1e-4


def counts(spec: str, query: str) -> np.ndarray:
    """The first column of a query over the tables of a spec."""
    with duckdb.connect() as connection:
        for name, table in made(spec).items():
            connection.register(name, table)
        return connection.execute(query).fetchnumpy()["n"].astype(float)


def per_parent(parent: str, key: str, child: str, link: str, where: str = "true") -> str:
    return (
        f"select count(c.{link}) as n from {parent} p left join {child} c on c.{link} = p.{key} "
        f"where {where} group by p.{key}"
    )


def disagreement(values: np.ndarray, chances: np.ndarray) -> float:
    """The p-value of a chi-squared test: value k has chance `chances[k]`; small cells are joined."""
    expected = chances * len(values)
    seen = np.bincount(values.astype(int), minlength=len(chances))[: len(chances)].astype(float)
    assert seen.sum() == len(values)
    order = np.argsort(-expected)
    large = order[expected[order] >= 5]
    joined = np.append(expected[large], expected.sum() - expected[large].sum())
    found = np.append(seen[large], seen.sum() - seen[large].sum())
    keep = joined > 1e-9
    assert found[~keep].sum() == 0
    return float(stats.chisquare(found[keep], joined[keep] * found.sum() / joined.sum()).pvalue)


def poisson(mean: float, low: int = 0, high: int = 60) -> np.ndarray:
    """Chances of 0 to `high` under a Poisson distribution truncated to `low` to `high`."""
    chances = stats.poisson.pmf(np.arange(high + 1), mean)
    chances[:low] = 0
    return chances / chances.sum()


def shares(**of: float) -> np.ndarray:
    """Chances by value, given as `v6=0.55`."""
    chances = np.zeros(max(int(key[1:]) for key in of) + 1)
    for key, share in of.items():
        chances[int(key[1:])] = share
    return chances


LAWS = {
    "measurements of a visit": (
        "omop",
        per_parent("visit_occurrence", "visit_occurrence_id", "measurement", "visit_occurrence_id"),
        poisson(4, 0, 40),
        poisson(4.4, 0, 40),
    ),
    "conditions of a visit": (
        "omop",
        per_parent(
            "visit_occurrence", "visit_occurrence_id", "condition_occurrence", "visit_occurrence_id"
        ),
        poisson(0.8, 0, 40),
        poisson(0.95, 0, 40),
    ),
    "lines of a claim in an office": (
        "claims",
        per_parent("claim", "id", "line", "claim_id", "p.setting = 'office'"),
        poisson(1.7, 1, 40),
        poisson(2.1, 1, 40),
    ),
    "months insured": (
        "claims",
        "select months as n from member",
        shares(**{"v12": 0.78, **{f"v{month}": 0.02 for month in range(1, 12)}}),
        shares(**{"v12": 0.88, **{f"v{month}": 0.12 / 11 for month in range(1, 12)}}),
    ),
    "tests of an ambulatory encounter": (
        "clinic",
        # people with diabetes must have one test at least, so their law is another
        """select count(l.encounter_id) as n from encounter e join patient p on p.id = e.patient_id
        left join lab l on l.encounter_id = e.id
        where e.kind = 'ambulatory' and not p.diabetic group by e.id""",
        poisson(1.6),
        poisson(1.85),
    ),
    "observations of a check-up": (
        "synthea_csv",
        per_parent(
            "encounters", "Id", "observations", "ENCOUNTER", "p.ENCOUNTERCLASS = 'wellness'"
        ),
        shares(v6=0.55, v11=0.45),
        shares(v6=0.4, v11=0.6),
    ),
    "study completed on placebo": (
        "trial",
        """select cast("COMPLETE" as int) as n from dm where ARM = 'Placebo'""",
        shares(v0=1 - np.exp(-((183 / 400) ** 1.3)), v1=np.exp(-((183 / 400) ** 1.3))),
        shares(v0=0.6, v1=0.4),
    ),
    "study completed at the low dose, by proportional hazards": (
        "trial",
        """select cast("COMPLETE" as int) as n from dm where ARM = 'Low Dose'""",
        shares(v0=1 - np.exp(-3.1 * (183 / 400) ** 1.3), v1=np.exp(-3.1 * (183 / 400) ** 1.3)),
        shares(v0=0.3, v1=0.7),
    ),
}


@pytest.mark.parametrize("name", LAWS)
def test_numbers_follow_their_law(name):
    spec, query, law, other = LAWS[name]
    values = counts(spec, query)
    assert len(values) >= 80
    assert disagreement(values, law) > FALSE_ALARM
    assert disagreement(values, other) < FALSE_ALARM
