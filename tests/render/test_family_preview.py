"""Previews of tables under others: rows that belong together, and how many each parent has."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from synthdsl import api
from synthdsl.cli.main import main
from synthdsl.render.sketch import render_sketches

TEXT = """\
language 1
spec clinic
seed 3
table site [3] {
  id: text = numbered("S-#", index)
  key id
}
table patient [50] {
  id: text = numbered("P-##", index)
  home: site ~ ref site as "site_id"
  key id
}
table visit per patient p [2] {
  number: int = index
  key (p, index)
}
table lab per visit v [count ~ poisson(0.2)] {
  value: int ~ poisson(4)
  key (v, index)
}
table note per patient p [count ~ bernoulli_like]  {
  key (p, index)
}
""".replace("[count ~ bernoulli_like]  {", '[when {p.id == "P-40": 2, else: 0}] {')


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "clinic.synth").write_text(TEXT)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> list[str]:
        assert main(["preview", "clinic.synth", *arguments]) == 0
        return capsys.readouterr().out.split("\n\n")

    return run


def test_children_belong_to_the_parents_that_are_shown(shown) -> None:
    blocks = shown("-n", "3")
    titles = [block.lstrip().split("\n")[0] for block in blocks[::3]]
    assert titles[:3] == [
        "site: the first 3 of 3 sampled rows",
        "patient: the first 3 of 50 sampled rows",
        "visit per patient: 3 of 100 sampled rows, under the rows of patient above",
    ]
    rows = [line.split() for line in blocks[7].splitlines()[1:]]
    assert rows == [["P-00", "0", "0"], ["P-00", "1", "1"], ["P-01", "0", "0"]]
    assert blocks[8].splitlines()[0].split() == [
        "per",
        "patient",
        "rows",
        "2",
        *["█" * 24],
        "100.0",
        "%",
    ]
    # a key of the parent is shown by examples, however often each occurs
    assert "patient_id   text  50 distinct: P-00, P-01, P-02, …" in blocks[8]


def test_where_none_belongs_the_first_are_shown(shown) -> None:
    title, rows, _ = shown("note", "-n", "4")
    assert title == (
        "note per patient: the first 2 of 2 sampled rows; none is under the rows of patient above"
    )
    assert [line.split() for line in rows.splitlines()[1:]] == [["P-40", "0"], ["P-40", "1"]]


def test_grandchildren_belong_to_the_children_that_are_shown(shown) -> None:
    generated = api.load("clinic.synth", text=TEXT).sample(1000)
    under = [p for p in generated.parents["lab"].tolist() if p < 4]
    title, *_ = shown("lab", "-n", "4")
    if under:
        assert title.startswith(f"lab per visit: {min(len(under), 4)} of ")
    else:
        assert "none is under" in title


def test_the_places_of_parents_agree_with_the_keys() -> None:
    generated = api.load("clinic.synth", text=TEXT).sample(1000)
    parents = generated.parents
    assert list(parents) == ["visit", "note", "lab"]
    for child, parent, own, key in (
        ("visit", "patient", ["patient_id"], ["id"]),
        ("lab", "visit", ["visit_patient_id", "visit_index"], ["patient_id", "index"]),
    ):
        table = generated[parent].select(key).take(pa.array(parents[child]))
        assert table.to_pylist() == [
            dict(zip(key, row.values(), strict=True))
            for row in generated[child].select(own).to_pylist()
        ]


def test_a_sample_has_a_seed_and_a_case_of_its_own() -> None:
    text = TEXT + 'case home each patient p: p.id == "P-07" or p.home.id == "S-1"\n'
    spec = api.load("clinic.synth", text=text)
    homes = [spec.sample(1000, seed=seed)["patient"]["site_id"].to_pylist() for seed in (1, 2)]
    assert homes[0] != homes[1]
    found = spec.sample(1000, case="home")["patient"]
    pairs = zip(found["id"].to_pylist(), found["site_id"].to_pylist(), strict=True)
    assert all(id_ == "P-07" or site == "S-1" for id_, site in pairs)


def test_sketches_begin_with_what_stands_before_them() -> None:
    table = pa.table({"key": ["a", "a", "b"], "x": ["a", "a", "b"]})
    text = render_sketches(table, before=[("per row", "rows", pa.array([1, 2]))], keys={"key"})
    first, second, third, _ = text.splitlines()
    assert first.startswith("per row  rows") and second.endswith("2 distinct: a, b, …")
    assert third.startswith("x        string  a ")
