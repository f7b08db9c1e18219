"""Targets of many rows: only what a block refers to is made, and never everything at once."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
import scipy.stats
from reference_rows import (
    Context,
    Providers,
    draw_numbers,
    holds,
    index,
    own,
    ref,
    rows_of,
    same_kind,
    share,
    target,
    texts,
    value,
)

import synthdsl
from synthdsl.engine.frame import RowError
from synthdsl.engine.references.compiling import reference_sampler
from synthdsl.engine.references.reading import key_columns, referred_column
from synthdsl.values.columns import Column
from synthdsl.values.types import FLOAT, INT, TEXT

LARGE = 10_000_000
ROWS = 16_384


def visits(count: int = ROWS) -> object:
    return rows_of(
        count,
        kind=texts("b").take(np.zeros(count, np.int64)),
        need=np.full(count, 4),
        limit=np.full(count, 5_000_000),
    )


CHOICES = {
    "plain": ref(),
    "numbered": ref(holds("<", target(None), own("limit"))),
    "tried": ref(holds("and", same_kind(), holds(">", target("beds"), own("need")))),
    "a quarter": ref(holds("==", target("kind", TEXT), value("c", TEXT))),
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_block_takes_little_memory(name: str) -> None:
    providers = Providers(LARGE)
    frame = visits()
    sampler = reference_sampler(CHOICES[name], Context(providers.target))  # type: ignore[arg-type]
    tracemalloc.start()
    column = sampler.sample(frame, frame.draws("doctor"))  # type: ignore[arg-type, attr-defined]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # one column of ten million numbers would be 80 MB
    assert peak < 25_000_000 and providers.largest <= ROWS
    numbers = np.asarray(column.values)  # type: ignore[union-attr]
    scale = 5_000_000 if name == "numbered" else LARGE
    assert scipy.stats.kstest(numbers / scale, "uniform").pvalue > 1e-4


def test_tried_rows_meet_the_condition() -> None:
    providers = Providers(LARGE)
    numbers = draw_numbers(CHOICES["tried"], visits(), providers)  # type: ignore[arg-type]
    made = providers.columns(1, numbers)
    assert (made["kind"].values == 1).all() and (made["beds"].values > 4).all()


def test_what_is_hardly_ever_met_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthdsl.engine.references.reference.MOST_TRIES", 500)
    never = ref(holds("<", holds("+", target("code"), own("need")), value(5)))
    with pytest.raises(RowError) as caught:
        draw_numbers(never, visits(3), Providers(LARGE))  # type: ignore[arg-type]
    (found,) = caught.value.diagnostics
    assert "none of 500 rows of `provider` that were tried" in found.message


def test_reading_makes_each_row_once() -> None:
    providers = Providers(LARGE)
    numbers = np.array([7, 9_999_999, 7, 7, 123_456])
    references = Column(numbers, np.array([True, True, True, False, True]))
    beds = referred_column(providers.target, 1, "beds", INT, references)
    assert providers.made == 3 and providers.asked == [frozenset({"beds"})]
    np.testing.assert_array_equal(
        beds.values[[0, 1, 2, 4]], providers.columns(1, numbers[[0, 1, 2, 4]])["beds"].values
    )
    assert beds.valid is not None and beds.valid.tolist() == [True, True, True, False, True]
    nick = referred_column(providers.target, 1, "nick", INT.nullable(), references)
    assert nick.valid is not None and not nick.valid[3]
    code, kind = key_columns(providers.target, 1, (("code", INT), ("kind", TEXT)), references)
    assert code.values[1] == 9_999_999 and kind.vocabulary is not None
    assert referred_column(providers.target, 1, "index", INT, references).values is numbers
    nulls = Column(numbers, np.zeros(5, np.bool_))
    for type_ in (INT, TEXT, FLOAT):
        nothing = referred_column(providers.target, 1, "beds", type_, nulls)
        assert len(nothing) == 5 and nothing.valid is not None and not nothing.valid.any()


def test_a_small_target_is_made_once_for_each_seed() -> None:
    providers = Providers(1_000)
    rows = providers.target
    for _ in range(3):
        for seed in (1, 2):
            rows.columns(seed, np.arange(10), ["beds"])
    assert providers.made == 2_000
    rows.columns(3, np.arange(10), ["beds"])
    rows.columns(3, np.arange(10), ["beds", "share"])
    assert providers.made == 4_000 and providers.asked[-1] == frozenset({"share"})


@pytest.mark.parametrize("kept", [10, 2**17])
def test_a_target_of_medium_size_is_indexed_in_chunks(
    kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthdsl.engine.references.target_rows.MOST_KEPT", kept)
    providers = Providers(100_000)
    draw = ref(holds("and", same_kind(), holds("<", target("beds"), value(3))), share())
    numbers = draw_numbers(draw, visits(), providers)  # type: ignore[arg-type]
    made = providers.columns(1, numbers)
    assert (made["kind"].values == 1).all() and (made["beds"].values < 3).all()
    assert providers.largest <= (2**15 if kept == 10 else 100_000)
    expected = Providers(100_000)
    monkeypatch.undo()
    np.testing.assert_array_equal(numbers, draw_numbers(draw, visits(), expected))  # type: ignore[arg-type]


def test_a_tree_of_ten_million_rows_needs_none_of_them() -> None:
    providers = Providers(LARGE)
    frame = rows_of(ROWS, LARGE - ROWS)
    numbers = draw_numbers(ref(holds("<", target(None), index())), frame, providers)
    assert providers.made == 0 and (numbers < frame.ordinals).all()


def test_a_spec_that_refers_to_ten_million_rows() -> None:
    text = """language 1
spec s
seed 3
table product [10_000_000] {
  id: text ~ unique("########")
  key id
  price: float step 0.01 ~ gamma(mean: 20, cv: 1)
}
table sale [20_000] {
  what: product ~ ref product where product.price > 10
  price: float step 0.01 = what.price
}
"""
    spec = synthdsl.load("s.synth", text=text)
    tracemalloc.start()
    batches = list(spec.generate().batches("sale"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    sale = pa.Table.from_batches(batches).to_pandas()
    assert peak < 40_000_000 and (sale["price"] > 10).all() and sale["what"].nunique() > 19_900
