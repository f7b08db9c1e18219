"""Rows of families: the same in every slice, block and process; what they read of each other is
what pandas finds in the finished tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import synthdsl
from synthdsl.engine import families

CLINIC = """language 1
seed 11
enum Kind {ambulatory, emergency, inpatient}
table site [7] {
  code: text = numbered("S##", index)
  beds: int ~ discrete_uniform(10, 400)
  key code
}
table patient [400] {
  id: text ~ unique("P-#####")
  age: int<a> ~ normal(47, 22) in [0, 105]
  home: site ~ ref site weight site.beds
  visits: int = count(v for v in visit)
  urgent: int = count(v for v in visit where v.kind == emergency)
  worst: float? = max(l.value for l in visit.lab)
  mean_value: float? = mean(l.value for l in visit.lab where l.value > 0)
  total: float = sum(l.value for l in visit.lab)
  is_calm: bool = all(v.kind != emergency for v in visit)
  key id
}
table visit per patient p [count ~ poisson(1 + 0.03 * p.age / 1 a)] until is_last {
  key (p, index)
  kind: Kind ~ {ambulatory: 70%, emergency: 20%, inpatient: rest}
  is_last: bool ~ bernoulli(0.05)
  let gap: duration step 1 s ~ exponential(mean: 20 d)
  start: datetime = coalesce(prev.start, 2023-01-01T00:00:00) + gap
  stay: duration step 1 s ~ gamma(mean: 2 d, cv: 0.6)
  end: datetime = start + stay
  drift: float ~ normal(coalesce(0.8 * prev.drift, 0), 1)
  from_first: duration = start - first.start
  wait: duration? = next.start - end
  others: int = count(o for o in p.visit where o.kind == kind) - 1
  at_home: bool = p.home.beds > 100
  rule no_overlap: prev is null or start >= prev.end
}
table lab per visit v [count ~ poisson(2)] where v.kind != ambulatory {
  key (v, index)
  value: float step 0.1 ~ normal(0.1 * v.p.age / 1 a, 3)
  rule[90%] low: value <= 8
}
table tooth per patient p [4] {
  key (p, index)
  is_lost: bool ~ bernoulli(0.2)
}
pathway stay per visit v where v.kind == inpatient starts v.start {
  ward: gamma(mean: 1 d, cv: 0.5) -> {home: 70%, icu: 20%, died: rest}
  icu: gamma(mean: 2 d, cv: 0.5) -> {ward: 80%, died: rest}
  final home, died
}
rule seen each patient p: p.age < 60 or any(v.kind != ambulatory for v in p.visit)
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("families") / "clinic.synth"
    file.write_text(CLINIC)
    return str(file)


@pytest.fixture(scope="module")
def whole(path: str) -> dict[str, pa.Table]:
    return synthdsl.load(path).generate().tables


@pytest.fixture(scope="module")
def frames(whole: dict[str, pa.Table]) -> dict[str, pd.DataFrame]:
    return {name: table.to_pandas() for name, table in whole.items()}


def of_patients(table: pa.Table, name: str, ids: set[str]) -> list[dict[str, object]]:
    columns = [n for n in table.column_names if n.endswith("patient_id")]
    key = "id" if name == "patient" else columns[0]
    return [row for row in table.to_pylist() if row[key] in ids]


@pytest.mark.parametrize("span", ["0:1", "17:18", "100:230", "399:400", "50:50"])
def test_a_slice_is_these_families_of_the_whole(
    span: str, path: str, whole: dict[str, pa.Table]
) -> None:
    part = synthdsl.load(path).generate(f"patient={span}").tables
    start, stop = map(int, span.split(":"))
    ids = set(whole["patient"]["id"].to_pylist()[start:stop])
    assert part["site"].equals(whole["site"])
    for name in part.keys() - {"site"}:
        assert part[name].to_pylist() == of_patients(whole[name], name, ids), name


@pytest.mark.parametrize("size", [1, 50, 700])
def test_blocks_change_nothing(
    size: int, path: str, whole: dict[str, pa.Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(families, "FAMILY_ROWS", size)
    rows = "patient=0:60" if size == 1 else "patient=0:400"
    part = synthdsl.load(path).generate(rows).tables
    ids = set(part["patient"]["id"].to_pylist())
    for name in part.keys() - {"site"}:
        assert part[name].to_pylist() == of_patients(whole[name], name, ids), name


@pytest.mark.parametrize("format", ["parquet", "csv", "duckdb"])
def test_workers_change_nothing(format: str, path: str, tmp_path: Path) -> None:
    spec = synthdsl.load(path)
    found = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        spec.write(out, format=format, workers=workers, rows=300)
        if format == "duckdb":
            import duckdb

            with duckdb.connect(str(out / "spec.duckdb"), read_only=True) as database:
                names = sorted(r[0] for r in database.execute("SHOW TABLES").fetchall())
                found.append({n: database.execute(f"FROM {n}").fetchall() for n in names})
        else:
            files = sorted(p for p in out.rglob(f"*.{format}*") if p.is_file())
            found.append({p.name: p.read_bytes() for p in files})
    assert found[0] == found[1] and len(found[0]) >= 1


def test_more_tables_change_no_other(path: str, whole: dict[str, pa.Table]) -> None:
    more = (
        CLINIC + "table note per visit v [count ~ poisson(1)] {\n key (v, index)\n x: int = 1\n}\n"
    )
    more += "table other [9] {\n  x: float ~ normal(0, 1)\n}\n"
    other = synthdsl.load(path, text=more).generate().tables
    for name, table in whole.items():
        assert other[name].equals(table), name


def test_the_number_of_root_rows_changes_no_row(path: str, whole: dict[str, pa.Table]) -> None:
    fewer = synthdsl.load(path).generate(33).tables
    for name in fewer.keys() - {"site"}:
        assert fewer[name].equals(whole[name].slice(0, fewer[name].num_rows)), name


def test_another_seed_makes_other_rows(path: str, whole: dict[str, pa.Table]) -> None:
    other = synthdsl.load(path).generate(seed=12).tables
    assert not other["visit"].equals(whole["visit"])


# what rows read of each other


def test_every_key_resolves_and_is_unique(frames: dict[str, pd.DataFrame]) -> None:
    patient, visit, lab = frames["patient"], frames["visit"], frames["lab"]
    assert patient["id"].is_unique
    assert set(visit["patient_id"]) <= set(patient["id"])
    assert set(patient["home"]) <= set(frames["site"]["code"])
    key = ["patient_id", "index"]
    assert not visit.duplicated(key).any()
    above = set(map(tuple, visit[key].to_numpy()))
    for name in ("lab", "stay"):
        own = frames[name][["visit_patient_id", "visit_index"]]
        assert set(map(tuple, own.to_numpy())) <= above
    assert not lab.duplicated(["visit_patient_id", "visit_index", "index"]).any()


def test_aggregates_are_those_of_the_rows(frames: dict[str, pd.DataFrame]) -> None:
    patient = frames["patient"].set_index("id")
    visit, lab = frames["visit"], frames["lab"]
    by = visit.groupby("patient_id")

    def same(name: str, expected: pd.Series, empty: float) -> None:
        expected = expected.reindex(patient.index)
        expected = expected if np.isnan(empty) else expected.fillna(empty)
        np.testing.assert_allclose(
            patient[name].astype(float), expected.astype(float), rtol=1e-12, err_msg=name
        )

    same("visits", by.size(), 0)
    same("urgent", (visit["kind"] == "emergency").groupby(visit["patient_id"]).sum(), 0)
    same("is_calm", (visit["kind"] != "emergency").groupby(visit["patient_id"]).all(), 1)
    labs = lab.groupby("visit_patient_id")["value"]
    same("worst", labs.max(), np.nan)
    same("total", labs.sum(), 0)
    positive = lab[lab["value"] > 0].groupby("visit_patient_id")["value"]
    same("mean_value", positive.mean(), np.nan)


def test_neighbours_are_the_rows_beside(frames: dict[str, pd.DataFrame]) -> None:
    visit = frames["visit"].copy()
    by = visit.groupby("patient_id")
    assert (visit["index"] == by.cumcount()).all()
    assert (visit["from_first"] == visit["start"] - by["start"].transform("first")).all()
    following = by["start"].shift(-1)
    expected = following - visit["end"]
    assert (visit["wait"].isna() == expected.isna()).all()
    assert (visit["wait"].dropna() == expected.dropna()).all()
    assert (by["end"].shift(1).isna() | (visit["start"] >= by["end"].shift(1))).all()
    same = visit.groupby(["patient_id", "kind"], observed=True)["index"].transform("size") - 1
    assert (visit["others"] == same).all()
    beds = frames["patient"].set_index("id")["home"].map(frames["site"].set_index("code")["beds"])
    assert (visit["at_home"] == (visit["patient_id"].map(beds) > 100)).all()


def test_rows_end_where_until_is_true(frames: dict[str, pd.DataFrame]) -> None:
    visit = frames["visit"]
    last = visit.groupby("patient_id").tail(1).index
    assert not visit.loc[~visit.index.isin(last), "is_last"].any()
    assert visit["is_last"].any()


def test_rows_hang_under_those_that_where_names(frames: dict[str, pd.DataFrame]) -> None:
    visit = frames["visit"].set_index(["patient_id", "index"])["kind"]
    for name, kinds in (("lab", {"emergency", "inpatient"}), ("stay", {"inpatient"})):
        own = frames[name].set_index(["visit_patient_id", "visit_index"]).index
        assert set(visit.loc[own.unique()]) == kinds
    assert (frames["tooth"].groupby("patient_id").size() == 4).all()
    assert len(frames["tooth"]) == 4 * len(frames["patient"])


def test_rules_hold(frames: dict[str, pd.DataFrame]) -> None:
    patient, visit = frames["patient"].set_index("id"), frames["visit"]
    others = (visit["kind"] != "ambulatory").groupby(visit["patient_id"]).any()
    others = others.reindex(patient.index, fill_value=False)
    assert ((patient["age"] < 60) | others).all()
    share = (frames["lab"]["value"] <= 8).mean()
    assert abs(share - 0.9) < 4 * (0.09 / len(frames["lab"])) ** 0.5


def test_a_sequence_is_autoregressive(frames: dict[str, pd.DataFrame]) -> None:
    visit = frames["visit"]
    before = visit.groupby("patient_id")["drift"].shift(1)
    noise = visit["drift"] - 0.8 * before.fillna(0)
    # standard normal noise: mean and variance within five standard errors
    n = len(noise)
    assert abs(noise.mean()) < 5 / n**0.5
    assert abs(noise.var() - 1) < 5 * (2 / n) ** 0.5


def test_pathways_start_with_their_visit_and_end(frames: dict[str, pd.DataFrame]) -> None:
    stay = frames["stay"]
    key = ["visit_patient_id", "visit_index"]
    start = frames["visit"].set_index(["patient_id", "index"])["start"]
    first = stay.groupby(key).head(1).set_index(key)["entered"]
    assert (first == start.loc[first.index].to_numpy()).all()
    last = stay.groupby(key).tail(1)
    assert set(last["state"]) <= {"home", "died"} and last["left"].isna().all()
    entered = stay.groupby(key)["entered"].shift(-1)
    assert (stay["left"].dropna() == entered.dropna()).all()
