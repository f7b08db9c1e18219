"""Families of any shape: deep, wide, empty, with very many rows under one; and runs that end early."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import synthdsl

ROOT = Path(__file__).parents[2]
TOP = "language 1\ntable t0 [%d] {\n  id: int = index\n  x: float ~ normal(0, 1)\n  key id\n}\n"


def made(text: str, rows: str | int | None = None):
    assert synthdsl.check("x.synth", text=text) == []
    return synthdsl.load("x.synth", text=text).generate(rows).tables


def test_twelve_levels():
    levels = range(1, 12)
    text = TOP % 5 + "".join(
        f"table t{i} per t{i - 1} p [2] {{\n  key (p, index)\n  x: float ~ normal(p.x, 1)\n}}\n"
        for i in levels
    )
    path = ".".join(f"t{i}" for i in levels)
    text += f"rule high each t0 a: count(r for r in a.{path} where r.x > a.x) > 900\n"
    tables = made(text)
    assert [tables[f"t{i}"].num_rows for i in range(12)] == [5 * 2**i for i in range(12)]
    last = tables["t11"].to_pandas()
    assert len(last.columns) == 13 and not last.duplicated(list(last.columns[:-1])).any()
    tops = tables["t0"].to_pandas().set_index("id")["x"]
    own = last.iloc[:, 0]
    high = (last["x"].to_numpy() > tops.loc[own].to_numpy()).astype(int)
    counts = np.bincount(own, weights=high)
    assert (counts > 900).all()
    above = tables["t10"].to_pandas()
    keys = set(map(tuple, above.iloc[:, :-1].to_numpy()))
    assert set(map(tuple, last.iloc[:, :-2].to_numpy())) == keys


def test_two_hundred_tables():
    text = TOP % 20 + "".join(
        f"table t{i} per t{i // 3} p [count ~ poisson(1)] {{\n  key (p, index)\n"
        f"  x: float ~ normal(p.x, 1)\n}}\n"
        for i in range(1, 200)
    )
    tables = made(text)
    assert len(tables) == 200
    fewer = made(text, 3)
    for name, table in fewer.items():
        assert table.equals(tables[name].slice(0, table.num_rows)), name


def test_a_hundred_tables_that_refer_to_each_other():
    text = TOP % 7 + "".join(
        f"table t{i} [7] {{\n  id: int = index\n  r: t{i - 1} ~ ref t{i - 1}\n"
        "  x: float = r.x + 1\n  key id\n}\n"
        for i in range(1, 100)
    )
    tables = made(text)
    for i in range(1, 100):
        own, other = tables[f"t{i}"].to_pandas(), tables[f"t{i - 1}"].to_pandas()
        assert (own["x"].to_numpy() == other["x"].to_numpy()[own["r"]] + 1).all()


def test_a_million_rows_under_one():
    text = TOP % 2 + (
        "table v per t0 p [when {p.id == 1: 1_000_000, else: 3}] {\n  key (p, index)\n"
        "  a: float ~ normal(p.x, 1)\n  before: float? = prev.a\n  n: int = count(o for o in p.v)\n}\n"
        "rule near each t0 p: mean(v.a for v in p.v) > p.x - 1\n"
    )
    rows = made(text)["v"]
    assert rows.num_rows == 1_000_003
    index = rows["index"].to_numpy()
    assert (index[3:] == np.arange(1_000_000)).all()
    assert set(rows["n"].to_pylist()[:3]) == {3} and rows["n"].to_numpy()[3:].min() == 1_000_000
    a, before = rows["a"].to_numpy(), rows["before"].to_numpy()
    assert np.isnan(before[[0, 3]]).all() and (before[4:] == a[3:-1]).all()


EMPTY = TOP + (
    "table v per t0 p [0] {\n  key (p, index)\n  x: float ~ normal(0, 1)\n"
    "  a: float = coalesce(prev.a, 0) + x\n  s: float ~ sorted(uniform(0, 1))\n"
    "  n: int = count(w for w in w)\n}\n"
    "table w per v q [3] {\n  key (q, index)\n  y: float = q.x + first.z\n"
    "  z: float ~ normal(0, 1)\n}\n"
    "pathway s per w e starts 2026-01-01 {\n  a: gamma(mean: 5 d, cv: 1) -> {b: rest}\n  final b\n}\n"
    "rule r each t0 a: all(w.y > 5 for w in a.v.w)\n"
)


@pytest.mark.parametrize(("roots", "rows"), [(3, None), (3, 0), (0, None), (3, "t0=2:2")])
def test_tables_without_rows(roots, rows, tmp_path):
    tables = made(EMPTY % roots, rows)
    assert [tables[name].num_rows for name in "vws"] == [0, 0, 0]
    assert tables["v"].column_names == ["t0_id", "index", "x", "a", "s", "n"]
    for format in ("parquet", "csv", "jsonl", "sql", "duckdb"):
        spec = synthdsl.load("x.synth", text=EMPTY % roots)
        spec.write(tmp_path / format, format=format, rows=rows)
        assert any((tmp_path / format).iterdir())


# runs that end early

LONG = """language 1
table patient [2_000_000] {
  id: int = index
  key id
}
table visit per patient p [count ~ poisson(3)] {
  key (p, index)
  x: float ~ normal(0, 1)
}
rule some each patient p: any(v.x > 1 for v in p.visit)
"""


def started(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    (folder / "long.synth").write_text(LONG)
    return subprocess.Popen(
        [sys.executable, "-m", "synthdsl.cli.main", "generate", "long.synth", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def files(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and p.name != "long.synth"]


@pytest.mark.parametrize("format", ["parquet", "csv", "duckdb"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_interrupted_run_leaves_nothing_behind(tmp_path, format, workers):
    process = started(tmp_path, "--out", "new/out", "--format", format, "--workers", workers)
    deadline = time.monotonic() + 30
    while not files(tmp_path):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes of the run
    _, message = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"Traceback" not in message and message.endswith(b"synthdsl: interrupted\n")
    assert [p.name for p in tmp_path.iterdir()] == ["long.synth"]


@pytest.mark.parametrize("format", ["parquet", "duckdb"])
def test_what_was_there_stays_when_a_run_is_interrupted(tmp_path, format):
    before = tmp_path / "out" / "visit.parquet"
    before.parent.mkdir()
    before.write_bytes(b"precious")
    process = started(tmp_path, "--out", "out", "--format", format, "--overwrite")
    deadline = time.monotonic() + 30
    while len(files(tmp_path)) < 2:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert files(tmp_path) == [before] and before.read_bytes() == b"precious"


SMALL = TOP % 9 + "table v per t0 p [2] {\n  key (p, index)\n  x: float ~ normal(0, 1)\n}\n"


@pytest.mark.parametrize(
    "place", ["a file", "under a file", "a link to itself", "no folder of ours"]
)
def test_a_place_that_cannot_be_written(tmp_path, place):
    (tmp_path / "file").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "link")
    out = {
        "a file": tmp_path / "file",
        "under a file": tmp_path / "file" / "out",
        "a link to itself": tmp_path / "link" / "out",
        "no folder of ours": Path("/proc/synthdsl/out"),
    }[place]
    with pytest.raises(synthdsl.SynthError) as caught:
        synthdsl.load("x.synth", text=SMALL).write(out)
    assert caught.value.exit_code == 2 and str(out.name) in str(caught.value)
    assert (tmp_path / "file").read_text() == "precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "link"]
