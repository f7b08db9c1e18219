"""Columns in a terminal: sketches and aligned rows, compared exactly."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from textwrap import dedent

import numpy as np
import pyarrow as pa
import pytest

from synthdsl.render._summary import Examples, Histogram, Shares, summarise
from synthdsl.render._width import display_width, shorten
from synthdsl.render.sketch import render_sketches, share_text, sketch_column
from synthdsl.render.table import render_rows


def test_whole_numbers_get_a_bin_each_or_equally_wide_ones() -> None:
    shape = summarise(pa.array([0, 1, 1, 2, 2, 2, 5]), bins=24).shape
    assert isinstance(shape, Histogram)
    assert shape.counts == (1, 2, 3, 0, 0, 1)
    assert (shape.low, shape.median, shape.high) == ("0", "2", "5")
    assert sketch_column(pa.array([0, 1, 1, 2, 2, 2, 5])) == ["▃▆█  ▃                    0 · 2 · 5"]
    # every value once: whatever the number of bins, a flat picture but for the last
    for bins in (7, 24, 30):
        flat = summarise(pa.array(np.arange(106)), bins=bins).shape
        assert isinstance(flat, Histogram)
        assert len(flat.counts) <= bins and sum(flat.counts) == 106
        assert len(set(flat.counts[:-1])) == 1 and flat.counts[-1] <= flat.counts[0]


def test_grids_of_a_tenth_are_not_combed() -> None:
    """Bins of 0.25 would hold two or three values of a grid of 0.1 by turns."""
    shape = summarise(pa.array(np.arange(240) / 10), bins=24).shape
    assert isinstance(shape, Histogram)
    assert set(shape.counts) == {10}
    assert (shape.low, shape.high) == ("0.0", "23.9")


def test_steps_that_are_wider_than_the_decimals_are_not_combed_either() -> None:
    shape = summarise(pa.array(3.5 + np.arange(96) / 2), bins=24).shape
    assert isinstance(shape, Histogram)
    assert set(shape.counts) == {4}
    fives = summarise(pa.array([10, 15, 15, 20] * 5), bins=24).shape
    assert isinstance(fives, Histogram)
    assert fives.counts == (5, 10, 5)
    assert fives.edges == (7.5, 12.5, 17.5, 22.5)


def test_far_tails_are_cut_and_marked_but_named() -> None:
    values = np.concatenate([np.arange(1000.0), [1e6]])
    shape = summarise(pa.array(values), bins=20).shape
    assert isinstance(shape, Histogram)
    assert shape.is_cut_high and not shape.is_cut_low
    assert shape.high == "1,000,000"
    (line,) = sketch_column(pa.array(values))
    assert "… " in line and line.endswith("0 · 500 · 1,000,000")


def test_numpy_agrees_with_the_histogram_of_a_continuous_column() -> None:
    values = np.random.default_rng(5).normal(size=500)
    shape = summarise(pa.array(values), bins=12).shape
    assert isinstance(shape, Histogram)
    counts, edges = np.histogram(values, bins=12)
    assert shape.counts == tuple(counts)
    assert np.allclose(shape.edges, edges)


@pytest.mark.parametrize(
    ("values", "kind", "line"),
    [
        ([date(2020, 1, 1), date(2020, 1, 1), date(2020, 1, 3)], pa.date32(),
         "█ ▄                       2020-01-01 · 2020-01-01 · 2020-01-03"),
        ([time(1, 30), time(23)], pa.time32("s"),
         "█                      █  01:30 · 01:30 · 23:00"),
        ([timedelta(hours=2), timedelta(days=3)], pa.duration("s"),
         "█                      █  2 h · 2 h · 3 d"),
        ([datetime(2020, 1, 1, 8), datetime(2020, 1, 1, 9)], pa.timestamp("s"),
         "█                      █  2020-01-01 08:00 · 2020-01-01 08:00 · 2020-01-01 09:00"),
        ([Decimal("1.25"), Decimal("1.27")], pa.decimal128(9, 2),
         "█ █                       1.25 · 1.25 · 1.27"),
        ([[1], [1, 2], [1, 2]], pa.list_(pa.int8()),
         "▄█                        1 · 2 · 2 (length of the lists)"),
        ([3.5, 3.5], pa.float64(), "3.5 ████████████████████████ 100.0 %"),
        (["a", "b", "c"] * 20 + [None] * 20, pa.string(),
         "a ████████████████████████  33.3 %  25.0 % null"),
        ([None, None], pa.int64(), "all null"),
        ([], pa.int64(), "no rows"),
        ([float("nan"), float("inf")], pa.float64(), "2 distinct: nan, inf, …"),
        ([{"a": 1}], pa.struct([("a", pa.int8())]), "1 distinct: {a: 1}, …"),
    ],
)  # fmt: skip
def test_each_type(values: list[object], kind: pa.DataType, line: str) -> None:
    assert sketch_column(pa.array(values, kind), width=100)[0] == line


def test_categories_stand_in_declared_order_with_those_that_never_occur() -> None:
    column = pa.DictionaryArray.from_arrays(
        pa.array([1, 1, 0, 1], pa.int32()), pa.array(["low", "high", "never"])
    )
    assert sketch_column(column) == [
        "low   ████████                  25.0 %",
        "high  ████████████████████████  75.0 %",
        "never                            0.0 %",
    ]
    assert sketch_column(column, is_ascii=True)[1] == "high  ########################  75.0 %"


def test_many_values_show_the_commonest_or_a_few_examples() -> None:
    common = ["x"] * 50 + [f"v{i}" for i in range(30)]
    shape = summarise(pa.array(common), bins=5).shape
    assert isinstance(shape, Shares)
    assert shape.values[0] == ("x", 50) and shape.distinct == 31
    assert shape.others == 80 - sum(count for _, count in shape.values)
    assert sketch_column(pa.array(common))[-1].startswith("23 others ")
    distinct = summarise(pa.array([f"id-{i}" for i in range(100)]), bins=5).shape
    assert distinct == Examples(100, ("id-0", "id-1", "id-2"))


def test_shares_are_never_rounded_to_all_or_nothing() -> None:
    assert share_text(0, 10) == "0.0 %"
    assert share_text(1, 100_000) == "<0.1 %"
    assert share_text(99_999, 100_000) == ">99.9 %"
    assert share_text(10, 10) == "100.0 %"


def test_a_whole_table_fits_the_width() -> None:
    rng = np.random.default_rng(1)
    table = pa.table(
        {
            "a_rather_long_field_name_that_is_cut": rng.normal(size=200),
            "城市": rng.choice(["東京都", "Paris"], 200),
            "id": [f"MRN-{i:08}" for i in range(200)],
        }
    )
    for width in (50, 80, 120):
        lines = render_sketches(table, width=width).splitlines()
        assert all(display_width(line) <= width for line in lines)
        ascii_only = render_sketches(table.drop("城市"), width=width, is_ascii=True)
        assert ascii_only.replace("…", "").isascii()
    field = pa.field("x", pa.int64(), metadata={"synthdsl.type": "int<a>"})
    typed = pa.table([pa.array([1, 2])], schema=pa.schema([field]))
    assert render_sketches(typed).startswith("x  int<a>  ██ ")


def test_rows_align_numbers_right_and_wide_letters_too() -> None:
    table = pa.table(
        {
            "name": ["Zoë", "東京都", None],
            "n": [1, -20, 300],
            "x": [0.5, 10.25, None],
            "ok": [True, False, None],
            "at": [datetime(2020, 1, 2, 3, 4, 5), None, datetime(2020, 1, 2)],
            "for": [timedelta(days=1, hours=2), timedelta(seconds=-1), None],
        }
    )
    assert render_rows(table) == dedent(
        """\
        name      n      x  ok     at                            for
        Zoë       1   0.50  true   2020-01-02 03:04:05  1 d 02:00:00
        東京都  -20  10.25  false  null                    -00:00:01
        null    300   null  null   2020-01-02 00:00:00          null
        """
    )


def test_rows_that_do_not_fit_go_into_further_panels() -> None:
    table = pa.table({f"column_{i}": ["some words"] for i in range(5)})
    assert render_rows(table, width=36) == dedent(
        """\
        column_0    column_1    column_2
        some words  some words  some words

        column_3    column_4
        some words  some words
        """
    )


def test_long_and_dangerous_cells() -> None:
    table = pa.table({"t": ["x" * 50, "a\tb\nc\x1b[1m", ""], "l": [[1, 2], [], None]})
    lines = render_rows(table, width=60).splitlines()
    assert lines[1].startswith("x" * 31 + "…  [1, 2]")
    assert lines[2].startswith("a b c\ufffd[1m ")
    assert "\x1b" not in "".join(lines)
    assert render_rows(pa.table({})) == ""
    assert render_rows(pa.table({"a": pa.array([], pa.int64())})) == "a\n"


def test_nanoseconds_need_no_pandas() -> None:
    table = pa.table({"t": pa.array([1_577_836_800_000_000_001], pa.timestamp("ns"))})
    assert render_rows(table) == "t\n2020-01-01 00:00:00\n"


def test_shorten_counts_columns() -> None:
    assert shorten("日本語", 6) == "日本語"
    assert shorten("日本語", 5) == "日本…"
    assert shorten("日本語", 4) == "日…"
    assert shorten("abc", 0) == ""
