"""Designs through the whole engine: rows by number, the law of a row, better means.

Statistical tests have fixed seeds; each is at level 1e-7 and there are about 150, so that a false
alarm for new seeds has probability below 2e-5. A broken design shows that they can fail.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_specs import BROAD, of_fields, with_mix
from scipy import stats

import synthdsl
from synthdsl.cli.main import main
from synthdsl.diagnostics import SynthError
from synthdsl.engine.batches import run_of
from synthdsl.engine.designed_slots import inverted_fields, slots_of
from synthdsl.engine.designs import Design
from synthdsl.io import write
from synthdsl.plan.samplings import SAMPLINGS

DESIGNED = SAMPLINGS[1:]
LEVEL = 1e-7

MANY_WAYS = """language 1
spec many_ways
enum Kind {a, b, c}
table t [8] {
  kind: Kind ~ {a: 50%, b: 30%, c: rest}
  low: float ~ uniform(0, 1)
  high: float ~ normal(0.5, 0.5)
  x: float ~ gamma(shape: 1.2 + high^2, scale: 1)
  y: float ~ normal(x, 1) in [-1, 4]
  m: float ~ mixture({normal(0, 1): 40%, gamma(shape: 2 + low, scale: 1): rest})
  w: float ~ when {kind == a: exponential(1), kind == b: student_t(3 + low, 0, 1), else: 0.5}
  count: int ~ poisson(3 * low + 0.1)
  yes: bool ~ bernoulli(0.2 + 0.5 * low)
  sure: bool ~ bernoulli(30%)
  p: float ~ normal(0, 1)
  q: float ~ uniform(0, 1)
  name: text ~ pattern("??-####")
  late: float ~ uniform(0, 1)
  early: float ~ uniform(0, 1)
  part: int ~ discrete_uniform(0, 9)
  rest: int ~ discrete_uniform(0, 9)
  gone: float? ~ normal(10, 1)
  correlate (p, q) rank 0.7
  rule order: low < high
  rule[90%] times: early < late
  rule total keeping (part): part + rest <= 9
  missing gone: mcar(30%)
}
"""


def spec_of(text: str) -> synthdsl.Spec:
    return synthdsl.load("s.synth", text=text)


def rows_of(text: str, kind: str, rows: Any = None, seed: int = 5) -> Any:
    return spec_of(text).generate(rows, seed=seed, sampling=kind)["t"].to_pandas()


# a row follows from its number


@pytest.fixture(scope="module")
def broad(tmp_path_factory: pytest.TempPathFactory) -> synthdsl.Spec:
    return synthdsl.load(with_mix(tmp_path_factory.mktemp("broad")), text=BROAD)


@pytest.mark.parametrize("kind", DESIGNED)
def test_slices_are_those_of_the_whole(broad: synthdsl.Spec, kind: str) -> None:
    whole = broad.generate(sampling=kind)["t"]
    assert not whole.equals(broad.generate()["t"])
    for start, stop in ((0, 1), (7, 8), (1_234, 1_999), (2_999, 3_000)):
        part = broad.generate(f"{start}:{stop}", sampling=kind)["t"]
        assert part.equals(whole.slice(start, stop - start))


@pytest.mark.parametrize("kind", DESIGNED)
def test_blocks_do_not_matter(
    broad: synthdsl.Spec, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = broad.generate(sampling=kind)["t"]
    monkeypatch.setattr("synthdsl.engine.families.BLOCK_ROWS", 700)
    assert pa.Table.from_batches(broad.generate(sampling=kind).batches("t")).equals(whole)


@pytest.mark.parametrize("kind", DESIGNED)
def test_workers_do_not_matter(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "PART_ROWS", 700)
    spec = spec_of(MANY_WAYS)
    for workers in (1, 2):
        spec.write(tmp_path / str(workers), rows=2000, sampling=kind, workers=workers)
    files = sorted(p.relative_to(tmp_path / "1") for p in (tmp_path / "1").rglob("part-*.parquet"))
    assert len(files) == 3
    for file in files:
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "2" / file).read_bytes()
    read = pa.concat_tables(pq.read_table(tmp_path / "2" / file) for file in files)
    assert read.equals(spec.generate(2000, sampling=kind)["t"])


@pytest.mark.parametrize("kind", ["antithetic", "sobol"])
def test_the_number_of_rows_does_not_matter(broad: synthdsl.Spec, kind: str) -> None:
    few, many = (broad.generate(n, sampling=kind)["t"] for n in (100, 20_000))
    assert many.slice(0, 100).equals(few)


def test_a_hypercube_is_one_of_the_rows_asked_for() -> None:
    text = of_fields("x: float ~ uniform(0, 1)", rows=1000)

    def parts(rows: Any, size: int) -> Any:
        return np.sort(np.floor(rows_of(text, "latin-hypercube", rows).x * size)).astype(int)

    np.testing.assert_array_equal(parts(None, 1000), np.arange(1000))
    np.testing.assert_array_equal(parts(64, 64), np.arange(64))
    # a slice is one of the table as declared
    assert len(set(parts("0:64", 1000))) == 64 and len(set(parts("0:64", 64))) < 64
    by_parameter = synthdsl.load(
        "s.synth",
        text="language 1\nspec s\nseed 5\nparam n: int = 9\ntable t [n] {\n  x: float ~ uniform(0, 1)\n}\n",
        params={"n": 64},
    )
    half = by_parameter.generate("32:64", sampling="latin-hypercube")["t"].to_pandas()
    np.testing.assert_array_equal(half.x, rows_of(text, "latin-hypercube", 64).x[32:])


def test_random_sampling_is_what_it_was(broad: synthdsl.Spec) -> None:
    assert broad.generate(200)["t"].equals(broad.generate(200, sampling="random")["t"])


def test_providers_keyed_and_unique_values_are_left_alone() -> None:
    body = """
      id: text ~ unique("A-###")
      name: text ~ pattern("??-####")
      group: int ~ discrete_uniform(0, 3)
      price: float ~ keyed(group, uniform(0, 1))
      turn: text ~ quota({"x": 25%, "y": rest})
      part: float ~ uniform(0, 1)
    """
    random = rows_of(of_fields(body), "random")
    for kind in DESIGNED:
        rows = rows_of(of_fields(body), kind)
        for name in ("id", "name", "turn"):
            np.testing.assert_array_equal(rows[name], random[name])
        by_group = dict(zip(random.group, random.price, strict=True))
        assert all(by_group[g] == p for g, p in zip(rows.group, rows.price, strict=True))
        assert (rows.part != random.part).sum() >= 500


def test_slots_are_those_of_single_draws_in_order() -> None:
    plan = spec_of(MANY_WAYS).plan().tables["t"]
    drawn = "kind low high x y m w count yes sure p q late early part rest gone"
    fields = drawn.split(" ")
    ruled = {"low", "high", "late", "early", "part", "rest"}
    names = [f"{name}#" for name in fields] + ["m#component", "times#holds", "gone#missing"]
    names += [f"{name}#cell" for name in fields if name in ruled]
    assert slots_of(plan) == tuple(f"t.{name}" for name in names)
    assert inverted_fields(plan) == {"x", "m", "w", "count"}


@pytest.mark.parametrize("kind", DESIGNED)
def test_slices_bring_all_that_is_under_their_rows(kind: str) -> None:
    text = FAMILIES.replace("[8]", "[400]")
    whole = spec_of(text).generate(sampling=kind).to_pandas()
    part = spec_of(text).generate({"t": "37:41"}, sampling=kind).to_pandas()
    counts = whole["t"].n.to_numpy()
    first, last = counts[:37].sum(), counts[:41].sum()
    pd.testing.assert_frame_equal(part["t"], whole["t"][37:41].reset_index(drop=True))
    pd.testing.assert_frame_equal(part["child"], whole["child"][first:last].reset_index(drop=True))
    # what is referred to is made again from its number, by the same design
    np.testing.assert_array_equal(
        whole["t"].share, whole["other"].share.to_numpy()[whole["t"].friend]
    )
    assert not whole["other"].share.equals(spec_of(text).generate().to_pandas()["other"].share)


# what designs promise, in values


def test_pairs_of_rows_are_opposite() -> None:
    body = """
      x: float ~ normal(3, 2)
      y: float ~ gamma(shape: 2 + abs(x), scale: 1)
      mixed: float ~ mixture({uniform(0, 1): 50%, uniform(2, 3): rest})
      yes: bool ~ bernoulli(50%)
    """
    rows = rows_of(of_fields(body, rows=4000), "antithetic")
    first, second = rows[::2].reset_index(drop=True), rows[1::2].reset_index(drop=True)
    np.testing.assert_allclose(first.x + second.x, 6, atol=1e-12)
    np.testing.assert_allclose(first.mixed + second.mixed, 3, atol=1e-12)
    assert (first.yes != second.yes).all()
    levels = [stats.gamma.cdf(rows.y, 2 + rows.x.abs())[k::2] for k in (0, 1)]
    np.testing.assert_allclose(levels[0] + levels[1], 1, atol=1e-9)


def test_each_share_of_a_field_is_met_to_within_a_row() -> None:
    body = """
      kind: text ~ {"a": 37%, "b": 21.3%, "c": rest}
      yes: bool ~ bernoulli(12.5%)
      x: float ~ gamma(mean: 3, cv: 0.8) in [1, 9]
      gone: float? ~ normal(0, 1)
      low: float ~ uniform(0, 1)
      high: float ~ uniform(0, 1)
      rule[90%] order: low < high
      missing gone: mcar(30%)
    """
    for kind in ("latin-hypercube", "sobol"):
        rows = rows_of(of_fields(body, rows=1024), kind)
        shares = rows.kind.value_counts()
        assert all(
            abs(shares[k] - 1024 * p) <= 1 for k, p in (("a", 0.37), ("b", 0.213), ("c", 0.417))
        )
        assert rows.yes.sum() == 128
        assert abs(rows.gone.isna().sum() - 307.2) <= 1
        assert abs((rows.low >= rows.high).sum() - 102.4) <= 1
        law = stats.gamma(1 / 0.64, scale=3 * 0.64)
        start, end = law.cdf([1, 9])
        levels = (law.cdf(rows.x) - start) / (end - start)
        assert abs(np.sort(levels) - (np.arange(1024) + 0.5) / 1024).max() <= 0.5 / 1024 + 1e-6


# the law of one row


FAMILIES = """language 1
spec families
table t [8] {
  a: float ~ uniform(0, 1)
  b: float ~ normal(a, 1)
  friend: other ~ ref other weight other.share
  n: int = count(c for c in child)
  total: float = coalesce(sum(c.v for c in child), 0)
  share: float = friend.share
}
table child per t p [count ~ poisson(1 + 2 * p.a)] {
  v: float ~ normal(p.b, 1)
  rule small: v < p.b + 1.5
}
table other [20] {
  id: int = index
  share: float ~ uniform(0, 1)
  key id
}
rule deep each t p keeping (p.a): p.total + p.b > 0
"""
SPECS = {"many ways": MANY_WAYS, "families": FAMILIES}
TOGETHER = {
    "many ways": (("low", "high"), ("p", "q"), ("x", "y"), ("early", "late"), ("part", "rest")),
    "families": (("a", "b"), ("total", "n"), ("total", "b")),
}
ROWS_LOOKED_AT = (0, 3, 6)
SEEDS = 600


def columns_of(frame: Any) -> dict[str, Any]:
    """Values by field, those that are null as -99; but for text and for what is referred to, which
    is the same for all rows of a seed.
    """
    found = {}
    for name in sorted(set(frame.columns) - {"name", "share"}):
        if name.startswith("friend"):
            continue
        column = frame.column(name)
        values = column.values.astype(float)
        found[name] = values if column.valid is None else np.where(column.valid, values, -99.0)
    return found


def over_seeds(run: Any) -> dict[int, pd.DataFrame]:
    """Values of some rows over seeds, by row."""
    blocks = [columns_of(next(run.seeded(seed).blocks("t", 0, 8))) for seed in range(SEEDS)]
    return {
        row: pd.DataFrame([{name: v[row] for name, v in block.items()} for block in blocks])
        for row in ROWS_LOOKED_AT
    }


@lru_cache(maxsize=8)
def designed(name: str, kind: str) -> dict[int, pd.DataFrame]:
    spec = spec_of(SPECS[name])
    return over_seeds(run_of(spec.recipe(sampling=kind, design_rows=(("t", 8), ("other", 20)))))


@lru_cache(maxsize=2)
def independent(name: str) -> pd.DataFrame:
    """The same columns of independent rows."""
    frames = run_of(spec_of(SPECS[name]).recipe(sizes=(("t", 16_000),))).blocks("t", 0, 16_000)
    return pd.concat([pd.DataFrame(columns_of(frame)) for frame in frames])


def differences(rows: pd.DataFrame, name: str) -> list[str]:
    """Fields, and differences of fields, that do not have the law of independent rows."""
    wanted = independent(name)
    tested = {field: (rows[field], wanted[field]) for field in wanted}
    for a, b in TOGETHER[name]:
        tested[f"{a} - {b}"] = rows[a] - rows[b], wanted[a] - wanted[b]
    return [
        field for field, (own, other) in tested.items() if stats.ks_2samp(own, other).pvalue < LEVEL
    ]


@pytest.mark.parametrize("row", ROWS_LOOKED_AT)
@pytest.mark.parametrize("kind", DESIGNED)
@pytest.mark.parametrize("name", SPECS)
def test_a_row_has_the_law_of_the_spec(name: str, kind: str, row: int) -> None:
    assert differences(designed(name, kind)[row], name) == []


class Worn(Design):
    """Broken: a design that gives the odd rows half of the points only."""

    def bits(self, seed: int, slot: str, ordinals: Any, plain: Any) -> Any:
        odd = (ordinals & 1).astype(np.uint64)
        return plain >> odd


def test_a_broken_design_is_found() -> None:
    spec = spec_of(MANY_WAYS)
    run = run_of(spec.recipe(sampling="antithetic", design_rows=(("t", 9),)))
    run.families["t"]._design = Worn("t", slots_of(run.plan.tables["t"]))
    rows = over_seeds(run)
    assert differences(rows[0], "many ways") == []
    assert {"low", "p", "late"} <= set(differences(rows[3], "many ways"))


# means


def test_means_are_better_with_rules_too() -> None:
    spec = spec_of(MANY_WAYS)
    errors: dict[str, list[list[float]]] = {kind: [] for kind in SAMPLINGS}
    exact = independent("many ways")[["high", "y", "w", "late"]].mean().to_numpy()
    for kind in SAMPLINGS:
        run = run_of(spec.recipe(sampling=kind, design_rows=(("t", 256),)))
        for seed in range(50):
            frame = next(run.seeded(seed).blocks("t", 0, 256))
            means = [frame.column(f).values.mean() for f in ("high", "y", "w", "late")]
            errors[kind].append(list(np.array(means) - exact))
    spread = {kind: np.std(np.array(e), axis=0) for kind, e in errors.items()}
    for kind, factor in (("antithetic", 1.2), ("latin-hypercube", 1.8), ("sobol", 2)):
        gain = spread["random"] / spread[kind]
        assert np.exp(np.log(gain).mean()) > factor, (kind, gain)


# what is refused


def test_unknown_samplings_are_refused() -> None:
    with pytest.raises(SynthError, match="did you mean `sobol`"):
        spec_of(MANY_WAYS).generate(sampling="sobel")


def test_the_command_line_has_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.synth").write_text(MANY_WAYS)
    out = ["--out", str(tmp_path / "out"), "--quiet"]
    code = main(
        ["generate", str(tmp_path / "s.synth"), "--rows", "64", "--sampling", "sobol", *out]
    )
    assert code == 0
    written = pq.read_table(tmp_path / "out" / "t.parquet")
    assert written.equals(spec_of(MANY_WAYS).generate(64, sampling="sobol")["t"])
    assert main(["generate", str(tmp_path / "s.synth"), "--sampling", "sobel", "--out", "x"]) == 2
    assert "invalid choice: 'sobel'" in capsys.readouterr().err
